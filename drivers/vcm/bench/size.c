// SPDX-License-Identifier: GPL-2.0-only
/*
 * Benchmark: bytes of VCM's objects, beside those of its peers.
 *
 * The size of a row is that of the structure, 0 if it is private; its value is
 * the size of the slab object. "part" describes one piece of memory and is an
 * element of an array, so its value is the size of the structure.
 */
#include <drm/drm_gpuvm.h>
#include <linux/dma-buf.h>
#include <linux/gfp.h>
#include <linux/iova.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "bench.h"

static void size_row(const char *what, u64 size, const char *who, u64 bytes)
{
	bench_row("bytes", what, size, 1, who, bytes);
}

/* Make each object and measure what was allocated for it. */
static int size_vcm(struct bench *bench)
{
	struct vcm *vcm = bench_vcm(bench->dev[0]);
	struct vcm_phys *phys;
	struct vcm_res *res;
	int ret;

	if (IS_ERR(vcm))
		return PTR_ERR(vcm);
	/* The provider's structure, which begins with this one */
	size_row("context", 0, "vcm", ksize(vcm));

	res = vcm_reserve(vcm, PAGE_SIZE, 0);
	ret = PTR_ERR_OR_ZERO(res);
	if (ret)
		goto out;
	size_row("reservation", sizeof(*res), "vcm", ksize(res));
	vcm_unreserve(res);

	phys = vcm_alloc(vcm, PAGE_SIZE, 0);
	ret = PTR_ERR_OR_ZERO(phys);
	if (ret)
		goto out;
	/* With its one part */
	size_row("allocation", struct_size(phys, parts, 1), "vcm", ksize(phys));
	size_row("part", sizeof(phys->parts[0]), "vcm", sizeof(phys->parts[0]));
	vcm_free(phys);
out:
	vcm_destroy(vcm);
	return ret;
}

/* Objects of users of the DMA API, and of many drivers of GPUs. */
static int size_peers(void)
{
	struct iova_domain *iovad = kzalloc_obj(*iovad);
	struct iova *iova;
	int ret;

	if (!iovad)
		return -ENOMEM;
	ret = iova_cache_get();
	if (ret) {
		kfree(iovad);
		return ret;
	}
	init_iova_domain(iovad, SZ_4K, 1);
	iova = alloc_iova(iovad, 1, DMA_BIT_MASK(48) >> 12, true);
	if (iova) {
		size_row("reservation", sizeof(*iova), "iova", ksize(iova));
		__free_iova(iovad, iova);
	}
	size_row("context", sizeof(*iovad), "iova", ksize(iovad));
	put_iova_domain(iovad);
	iova_cache_put();
	kfree(iovad);

	size_row("reservation", sizeof(struct drm_gpuva), "drm_gpuva",
		 kmalloc_size_roundup(sizeof(struct drm_gpuva)));
	size_row("reservation", sizeof(struct dma_buf_attachment), "dma_buf",
		 kmalloc_size_roundup(sizeof(struct dma_buf_attachment)));
	size_row("context", sizeof(struct drm_gpuvm), "drm_gpuvm",
		 kmalloc_size_roundup(sizeof(struct drm_gpuvm)));
	size_row("allocation", sizeof(struct sg_table), "sg_table",
		 kmalloc_size_roundup(sizeof(struct sg_table)));
	size_row("part", sizeof(struct scatterlist), "scatterlist",
		 sizeof(struct scatterlist));
	return iova ? 0 : -ENOMEM;
}

/* Measure objects; needs a device. */
int bench_memory(struct bench *bench)
{
	int ret = size_vcm(bench);

	if (!ret && bench->peers)
		ret = size_peers();
	return ret;
}
