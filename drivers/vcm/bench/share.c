// SPDX-License-Identifier: GPL-2.0-only
/*
 * Benchmark: one buffer that many devices reach.
 *
 * VCM has a context for each device and maps the buffer there. Its peer is a
 * dma-buf that the devices attach to and map. The exporter of a static buffer
 * gives each attachment a scatterlist and maps that with the DMA API. Both ways
 * use the same memory and the same devices, one after the other, because a
 * device of a context has no DMA API.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "bench.h"

#define SHARE_SIZE	SZ_64M
#define SHARE_ROUNDS	3

/**
 * struct share_buffer - memory to share
 * @name: name of its state
 * @sgt: its parts
 * @phys: the same for VCM
 */
struct share_buffer {
	const char *name;
	struct sg_table sgt;
	struct vcm_phys *phys;
};

/**
 * struct share_run - the two ways to share it
 * @bench: the run
 * @vcm: VCM's contexts, one for each device
 * @res: reservations for the buffer in them
 * @dmabuf: the peer
 * @attach: attachments of devices to @dmabuf
 * @map: their mappings
 */
struct share_run {
	struct bench *bench;
	struct vcm *vcm[BENCH_MAX_DEVS];
	struct vcm_res *res[BENCH_MAX_DEVS];
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach[BENCH_MAX_DEVS];
	struct sg_table *map[BENCH_MAX_DEVS];
};

/* The exporter */

static int share_attach(struct dma_buf *dmabuf,
			struct dma_buf_attachment *attach)
{
	const struct share_buffer *buffer = dmabuf->priv;
	struct sg_table *sgt = kmalloc_obj(*sgt);
	struct scatterlist *from, *to;
	unsigned int i;
	int ret;

	if (!sgt)
		return -ENOMEM;
	ret = sg_alloc_table(sgt, buffer->sgt.orig_nents, GFP_KERNEL);
	if (ret) {
		kfree(sgt);
		return ret;
	}
	to = sgt->sgl;
	for_each_sgtable_sg(&buffer->sgt, from, i) {
		sg_set_page(to, sg_page(from), from->length, 0);
		to = sg_next(to);
	}
	attach->priv = sgt;
	return 0;
}

static void share_detach(struct dma_buf *dmabuf,
			 struct dma_buf_attachment *attach)
{
	sg_free_table(attach->priv);
	kfree(attach->priv);
}

static struct sg_table *share_map(struct dma_buf_attachment *attach,
				  enum dma_data_direction dir)
{
	int ret = dma_map_sgtable(attach->dev, attach->priv, dir, 0);

	return ret ? ERR_PTR(ret) : attach->priv;
}

static void share_unmap(struct dma_buf_attachment *attach,
			struct sg_table *sgt, enum dma_data_direction dir)
{
	dma_unmap_sgtable(attach->dev, sgt, dir, 0);
}

/* The memory does not belong to the exporter */
static void share_release(struct dma_buf *dmabuf)
{
}

static const struct dma_buf_ops share_ops = {
	.attach = share_attach,
	.detach = share_detach,
	.map_dma_buf = share_map,
	.unmap_dma_buf = share_unmap,
	.release = share_release,
};

/* The ways: map the buffer for the first @nr devices, then unmap it */

static int share_by_vcm(struct share_run *run, struct share_buffer *buffer,
			unsigned int nr, u64 *share, u64 *unshare)
{
	unsigned int i, n;
	int ret = 0;
	u64 start;

	start = bench_now();
	for (n = 0; n < nr; n++) {
		run->res[n] = vcm_map(run->vcm[n], buffer->phys, 0);
		if (IS_ERR(run->res[n])) {
			ret = PTR_ERR(run->res[n]);
			break;
		}
	}
	*share = bench_since(run->bench, start);

	start = bench_now();
	for (i = 0; i < n; i++)
		vcm_unmap(run->res[i]);
	*unshare = bench_since(run->bench, start);
	return ret;
}

static int share_dmabuf_one(struct share_run *run, unsigned int i)
{
	struct dma_buf_attachment *attach;
	struct sg_table *map;

	attach = dma_buf_attach(run->dmabuf, run->bench->dev[i]);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	map = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(map)) {
		dma_buf_detach(run->dmabuf, attach);
		return PTR_ERR(map);
	}
	run->attach[i] = attach;
	run->map[i] = map;
	return 0;
}

static int share_by_dmabuf(struct share_run *run, struct share_buffer *buffer,
			   unsigned int nr, u64 *share, u64 *unshare)
{
	unsigned int i, n;
	int ret = 0;
	u64 start;

	start = bench_now();
	for (n = 0; n < nr; n++) {
		ret = share_dmabuf_one(run, n);
		if (ret)
			break;
	}
	*share = bench_since(run->bench, start);

	start = bench_now();
	for (i = 0; i < n; i++) {
		dma_buf_unmap_attachment_unlocked(run->attach[i], run->map[i],
						  DMA_BIDIRECTIONAL);
		dma_buf_detach(run->dmabuf, run->attach[i]);
	}
	*unshare = bench_since(run->bench, start);
	return ret;
}

typedef int (*share_way)(struct share_run *run, struct share_buffer *buffer,
			 unsigned int nr, u64 *share, u64 *unshare);

/* Print the lowest cost of some rounds; the first one sets up tables. */
static int share_measure(struct share_run *run, struct share_buffer *buffer,
			 const char *who, share_way go)
{
	u64 share, unshare, least_share, least_unshare;
	unsigned int nr;
	int round, ret;

	for (nr = 1; nr <= run->bench->nr_devs; nr *= 2) {
		least_share = U64_MAX;
		least_unshare = U64_MAX;
		for (round = 0; round < SHARE_ROUNDS; round++) {
			ret = go(run, buffer, nr, &share, &unshare);
			if (ret)
				return ret;
			least_share = min(least_share, share);
			least_unshare = min(least_unshare, unshare);
		}
		bench_row("share", buffer->name, SHARE_SIZE, nr, who,
			  least_share);
		bench_row("unshare", buffer->name, SHARE_SIZE, nr, who,
			  least_unshare);
	}
	return 0;
}

/*
 * Memory for a further mapping, without page tables. The DMA API has a
 * scatterlist and an address for it. VCM's reservation contains the address.
 */

static u64 share_sgl_bytes(unsigned int nents)
{
	u64 bytes = 0;

	/* Whole pages; the last entry of each points to the next one */
	for (; nents > SG_MAX_SINGLE_ALLOC; nents -= SG_MAX_SINGLE_ALLOC - 1)
		bytes += PAGE_SIZE;
	return bytes + kmalloc_size_roundup(nents * sizeof(struct scatterlist));
}

static void share_bytes_vcm(struct share_run *run, struct share_buffer *buffer)
{
	bench_row("share-bytes", buffer->name, SHARE_SIZE, 1, "vcm",
		  sizeof(struct vcm_res));
}

static void share_bytes_dmabuf(struct share_run *run,
			       struct share_buffer *buffer)
{
	bench_row("share-bytes", buffer->name, SHARE_SIZE, 1, "dma_buf",
		  kmalloc_size_roundup(sizeof(struct dma_buf_attachment)) +
		  kmalloc_size_roundup(sizeof(struct sg_table)) +
		  kmalloc_size_roundup(sizeof(struct iova)) +
		  share_sgl_bytes(buffer->sgt.orig_nents));
}

/* VCM */

static int share_vcm_init(struct share_run *run)
{
	unsigned int i;
	int ret;

	for (i = 0; i < run->bench->nr_devs; i++) {
		run->vcm[i] = bench_vcm(run->bench->dev[i]);
		if (!IS_ERR(run->vcm[i]))
			continue;
		ret = PTR_ERR(run->vcm[i]);
		while (i--)
			vcm_destroy(run->vcm[i]);
		return ret;
	}
	return 0;
}

static void share_vcm_exit(struct share_run *run)
{
	unsigned int i;

	for (i = 0; i < run->bench->nr_devs; i++)
		vcm_destroy(run->vcm[i]);
}

static int share_vcm(struct share_run *run, struct share_buffer *buffer)
{
	int ret = share_vcm_init(run);

	if (ret)
		return ret;
	ret = share_measure(run, buffer, "vcm", share_by_vcm);
	share_bytes_vcm(run, buffer);
	share_vcm_exit(run);
	return ret;
}

/* The dma-buf */

static int share_dmabuf(struct share_run *run, struct share_buffer *buffer)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	int ret;

	info.ops = &share_ops;
	info.size = SHARE_SIZE;
	info.flags = O_RDWR;
	info.priv = buffer;
	run->dmabuf = dma_buf_export(&info);
	if (IS_ERR(run->dmabuf))
		return PTR_ERR(run->dmabuf);
	ret = share_measure(run, buffer, "dma_buf", share_by_dmabuf);
	share_bytes_dmabuf(run, buffer);
	dma_buf_put(run->dmabuf);
	return ret;
}

static int share_both(struct share_run *run, struct share_buffer *buffer)
{
	int ret = share_vcm(run, buffer);

	if (!ret && run->bench->peers)
		ret = share_dmabuf(run, buffer);
	return ret;
}

/* Share contiguous memory that is described as parts that cannot be joined. */
static int share_parts(struct share_run *run, const char *name, u64 part)
{
	const unsigned long nr = SHARE_SIZE >> PAGE_SHIFT;
	struct share_buffer buffer = { .name = name };
	struct page *page;
	int ret;

	page = alloc_contig_pages(nr, GFP_KERNEL, numa_mem_id(), NULL);
	if (!page)
		return -ENOMEM;
	ret = bench_scatter(&buffer.sgt, page, SHARE_SIZE, part);
	if (ret)
		goto out_memory;
	buffer.phys = bench_import(&buffer.sgt, SHARE_SIZE);
	ret = PTR_ERR_OR_ZERO(buffer.phys);
	if (!ret) {
		ret = share_both(run, &buffer);
		vcm_free(buffer.phys);
	}
	sg_free_table(&buffer.sgt);
out_memory:
	free_contig_range(page_to_pfn(page), nr);
	return ret;
}

/**
 * struct share_work - for a thread of the kernel
 * @work: the request
 * @bench: the run
 * @ret: its result
 */
struct share_work {
	struct work_struct work;
	struct bench *bench;
	int ret;
};

static void share_work(struct work_struct *work)
{
	struct share_work *of = container_of(work, struct share_work, work);
	struct share_run *run = kzalloc_obj(*run);

	of->ret = -ENOMEM;
	if (!run)
		return;
	run->bench = of->bench;
	of->ret = share_parts(run, "2M", SZ_2M) ?: share_parts(run, "64K", SZ_64K);
	kfree(run);
}

/*
 * Measure sharing; needs a device. A user's task would release the dma-bufs
 * when it returns to user space, but this module may be unloaded before that.
 */
int bench_sharing(struct bench *bench)
{
	struct share_work of = { .bench = bench };

	INIT_WORK_ONSTACK(&of.work, share_work);
	schedule_work(&of.work);
	flush_work(&of.work);
	destroy_work_on_stack(&of.work);
	flush_delayed_fput();
	return of.ret;
}

MODULE_IMPORT_NS("DMA_BUF");
