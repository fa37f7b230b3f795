// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Virtual Contiguous Memory does beside the DMA API, shown with a disk and
 * two edu devices.
 *
 * The disk's driver does not use VCM: it maps buffers of the block layer with
 * the DMA API. Here these are buffers of VCM, which the edu devices use at the
 * same time. The tool that made the disk compares the rows with its contents.
 *
 * The disk is written to. So it must have a mark in its first bytes, and must
 * not be in use.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/vcm-dma.h>
#include <linux/vcm-drv.h>

#include "demo.h"

/* First bytes of a disk that may be written to */
#define DISK_MARK	"vcm-edu-demo may write to this disk\n"
#define DISK_MARK_LEN	(sizeof(DISK_MARK) - 1)

static char *disk_path = "/dev/nvme0n1";
module_param_named(disk, disk_path, charp, 0444);
MODULE_PARM_DESC(disk, "the disk to read and write (default /dev/nvme0n1); one without the mark that the Kconfig help names is left alone");

/**
 * struct demo_disk - a run with a disk
 * @d: the devices and the data
 * @file: the disk, opened
 * @host: the device that its driver is bound to, held and locked
 */
struct demo_disk {
	struct demo d;
	struct file *file;
	struct device *host;
};

static struct demo_disk *disk_of(struct demo *d)
{
	return container_of(d, struct demo_disk, d);
}

/* Transfers of the disk's own driver */

/* Transfer all of a buffer to or from the disk, from @pos on. */
static int disk_transfer(struct demo *d, const struct demo_buf *buf, loff_t pos,
			 blk_opf_t opf)
{
	struct block_device *bdev = file_bdev(disk_of(d)->file);
	unsigned int i = 0, end;
	struct bio *bio;
	int ret = 0;

	while (i < DEMO_PAGES && !ret) {
		end = min(i + BIO_MAX_VECS, DEMO_PAGES);
		bio = bio_alloc(bdev, end - i, opf, GFP_KERNEL);
		bio->bi_iter.bi_sector = (pos >> SECTOR_SHIFT) +
					 i * PAGE_SECTORS;
		for (; i < end; i++)
			__bio_add_page(bio, buf->pages[i], PAGE_SIZE, 0);
		ret = submit_bio_wait(bio);
		bio_put(bio);
	}
	return ret;
}

static int disk_read(struct demo *d, struct demo_buf *buf, loff_t pos)
{
	unsigned int i;
	int ret;

	d->step = "reading by the disk's driver";
	ret = disk_transfer(d, buf, pos, REQ_OP_READ);
	if (ret)
		return ret;
	/* The buffer must contain this from now on */
	for (i = 0; i < DEMO_PAGES; i++)
		memcpy_from_page(buf->image + i * PAGE_SIZE, buf->pages[i], 0,
				 PAGE_SIZE);
	vcm_demo_row(d, buf->res, buf->phys,
		     "disk bytes %llu to %llu read by its own driver, crc32 %08x",
		     pos, pos + DEMO_SIZE - 1, vcm_demo_crc(buf->image));
	return 0;
}

static int disk_write(struct demo *d, struct demo_buf *buf, loff_t pos)
{
	int ret;

	d->step = "writing by the disk's driver";
	ret = disk_transfer(d, buf, pos, REQ_OP_WRITE | REQ_FUA);
	if (!ret)
		vcm_demo_row(d, buf->res, buf->phys,
			     "disk bytes %llu to %llu written by its own driver, crc32 %08x",
			     pos, pos + DEMO_SIZE - 1,
			     vcm_demo_crc(buf->image));
	return ret;
}

/* Point disk: buffers of VCM are the target of the disk driver's transfers. */

static int disk_edu_copy(struct demo *d, unsigned int nr, struct demo_buf *buf)
{
	u32 window[2 * DEMO_FEW], crc;
	int ret;

	vcm_demo_windows(d, window, 2 * DEMO_FEW);
	d->step = "copying by an edu device";
	ret = vcm_demo_copy(d->edu[nr], buf, buf->res, window,
			    window + DEMO_FEW, DEMO_FEW);
	if (!ret)
		ret = vcm_demo_check(buf, &crc);
	if (!ret)
		vcm_demo_row(d, buf->res, buf->phys,
			     "%s copies %u windows of what the disk gave, crc32 %08x",
			     pci_name(d->pdev[nr]), DEMO_FEW, crc);
	return ret;
}

static int disk_pass_on(struct demo *d, struct demo_buf *first,
			struct demo_buf *second)
{
	int ret;

	ret = disk_read(d, first, 0);
	if (!ret)
		ret = disk_edu_copy(d, 0, first);
	if (!ret)
		ret = disk_write(d, first, DEMO_SIZE);
	if (!ret)
		ret = disk_read(d, second, DEMO_SIZE);
	if (ret)
		return ret;

	d->step = "comparing what was written and what was read";
	if (memcmp(first->image, second->image, DEMO_SIZE))
		return -EBADMSG;
	return disk_edu_copy(d, 1, second);
}

static int disk_shared(struct demo *d)
{
	struct demo_buf *first, *second;
	int ret;

	first = vcm_demo_buf_new(d, d->edu[0]->vcm);
	if (IS_ERR(first))
		return PTR_ERR(first);
	second = vcm_demo_buf_new(d, d->edu[1]->vcm);
	ret = PTR_ERR_OR_ZERO(second);
	if (!ret)
		ret = disk_pass_on(d, first, second);
	ret = vcm_demo_buf_free(d, second, ret);
	return vcm_demo_buf_free(d, first, ret);
}

/* Point dma: a device keeps its DMA API and has a context in it. */

/* Copy a chunk to or from a buffer, which belongs to the device meanwhile. */
static int disk_move(struct demo *d, struct vcm_res *res, dma_addr_t from,
		     dma_addr_t to, enum dma_data_direction dir)
{
	int ret;

	ret = vcm_sync_for_device(res, 0, DEMO_SIZE, dir);
	if (!ret)
		ret = vcm_demo_move(d->edu[1], from, to);
	return ret ?: vcm_sync_for_cpu(res, 0, DEMO_SIZE, dir);
}

static int disk_both_ways(struct demo *d, struct demo_buf *buf, u8 *mem,
			  dma_addr_t handle)
{
	struct vcm_res *res = buf->res;
	u32 window[2], crc;
	int ret;

	vcm_demo_windows(d, window, 2);
	d->step = "copying from memory of VCM to memory of the DMA API";
	ret = disk_move(d, res, res->start + window[0], handle, DMA_TO_DEVICE);
	if (ret)
		return ret;
	dma_rmb();
	if (memcmp(mem, buf->image + window[0], EDU_CHUNK))
		return -EBADMSG;

	d->step = "copying from memory of the DMA API to memory of VCM";
	prandom_bytes_state(&d->rnd, mem, EDU_CHUNK);
	dma_wmb();
	/* Both directions: the bytes around the chunk must stay */
	ret = disk_move(d, res, handle, res->start + window[1],
			DMA_BIDIRECTIONAL);
	if (ret)
		return ret;
	memcpy(buf->image + window[1], mem, EDU_CHUNK);
	ret = vcm_demo_check(buf, &crc);
	if (!ret)
		vcm_demo_row(d, res, buf->phys,
			     "%s copies between it and dma_alloc_coherent() memory at %pad",
			     pci_name(d->pdev[1]), &handle);
	return ret;
}

/* After the unbind, the device reaches memory of the DMA API alone. */
static int disk_stray(struct demo *d, struct demo_buf *buf, u8 *mem,
		      dma_addr_t handle)
{
	struct vcm_edu *edu = d->edu[1];
	u32 crc;
	int ret;

	if (buf->res->vcm->driver->fixed)
		return 0;

	d->step = "writing to what is unbound";
	vcm_unbind(buf->res);
	pr_info("IOMMU events of %s at %pad to %#llx are meant to be, from here\n",
		pci_name(edu->pdev), &buf->res->start,
		(u64)buf->res->start + DEMO_SIZE - 1);
	ret = vcm_demo_move(edu, handle, buf->res->start);
	pr_info("to here\n");
	if (!ret)
		ret = vcm_demo_check(buf, &crc);
	if (ret)
		return ret;

	d->step = "using the DMA API after vcm_unbind";
	memset(mem, 0, EDU_CHUNK);
	dma_wmb();
	ret = vcm_edu_from_device(edu, handle, 0, EDU_CHUNK);
	if (ret)
		return ret;
	dma_rmb();
	if (!memchr_inv(mem, 0, EDU_CHUNK))
		return -EBADMSG;
	vcm_demo_row(d, buf->res, buf->phys,
		     "%s writes after vcm_unbind and changes nothing, its DMA API goes on",
		     pci_name(edu->pdev));
	return 0;
}

static int disk_use_dma(struct demo *d, struct vcm *vcm)
{
	struct device *dev = &d->pdev[1]->dev;
	struct demo_buf *buf;
	dma_addr_t handle;
	u8 *mem;
	int ret;

	d->step = "memory of the DMA API";
	mem = dma_alloc_coherent(dev, EDU_CHUNK, &handle, GFP_KERNEL);
	if (!mem)
		return -ENOMEM;
	buf = vcm_demo_buf_new(d, vcm);
	ret = PTR_ERR_OR_ZERO(buf);
	if (!ret)
		ret = disk_read(d, buf, 0);
	if (!ret)
		ret = disk_both_ways(d, buf, mem, handle);
	if (!ret)
		ret = disk_stray(d, buf, mem, handle);
	ret = vcm_demo_buf_free(d, buf, ret);
	dma_free_coherent(dev, EDU_CHUNK, mem, handle);
	return ret;
}

/* Show something in a context in the address space of the DMA API of @dev. */
static int disk_with_dma(struct demo *d, struct device *dev,
			 int (*show)(struct demo *d, struct vcm *vcm))
{
	struct vcm *vcm;
	int ret;

	d->step = "a context in the address space of the DMA API";
	vcm = vcm_dma_create(dev);
	if (IS_ERR(vcm))
		return PTR_ERR(vcm);
	ret = vcm_activate(vcm);
	if (!ret) {
		ret = show(d, vcm);
		vcm_deactivate(vcm);
	}
	vcm_destroy(vcm);
	return ret;
}

/* The device has its DMA API while it is attached to no context. */
static int disk_dma(struct demo *d)
{
	struct device *dev = &d->pdev[1]->dev;
	struct vcm *own = d->edu[1]->vcm;
	const bool away = !own->driver->fixed;
	int ret, back;

	if (away)
		vcm_detach(own, dev);
	ret = disk_with_dma(d, dev, disk_use_dma);
	back = away ? vcm_attach(own, dev) : 0;
	if (back && !ret) {
		d->step = "attaching the device to its own context";
		ret = back;
	}
	return ret;
}

/* Let the disk's driver map the memory that is bound for its device. */
static int disk_beside_driver(struct demo *d, struct vcm *vcm)
{
	struct demo_buf *buf = vcm_demo_buf_new(d, vcm);

	if (IS_ERR(buf))
		return PTR_ERR(buf);
	return vcm_demo_buf_free(d, buf, disk_read(d, buf, DEMO_SIZE));
}

static int disk_keeps(struct demo *d)
{
	int ret;

	ret = disk_dma(d);
	return ret ?: disk_with_dma(d, disk_of(d)->host, disk_beside_driver);
}

/* Point cma: without an IOMMU, VCM and the DMA API use one CMA area. */

static int disk_take_both(struct demo *d, struct demo_buf *buf)
{
	struct device *dev = &d->pdev[1]->dev;
	dma_addr_t handle;
	void *mem;

	d->step = "memory of the DMA API from the same CMA area";
	mem = dma_alloc_coherent(dev, DEMO_SIZE, &handle, GFP_KERNEL);
	if (!mem)
		return -ENOMEM;
	vcm_demo_row(d, buf->res, buf->phys,
		     "from the CMA area that dma_alloc_coherent() takes %u bytes from, at %pad",
		     DEMO_SIZE, &handle);
	dma_free_coherent(dev, DEMO_SIZE, mem, handle);
	return 0;
}

/* The boot log has the addresses of the area: the tool compares them. */
static int disk_cma(struct demo *d)
{
	struct device *dev = &d->pdev[1]->dev;
	struct demo_buf *buf;

	/* Behind an IOMMU, memory need not be contiguous */
	if (!d->edu[0]->vcm->driver->fixed)
		return 0;

	d->step = "one CMA area";
	if (!dev_get_cma_area(dev) ||
	    dev_get_cma_area(dev) != dev_get_cma_area(&d->pdev[0]->dev) ||
	    dev_get_cma_area(dev) != dev_get_cma_area(disk_of(d)->host))
		return -ENXIO;
	buf = vcm_demo_buf_new(d, d->edu[0]->vcm);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	return vcm_demo_buf_free(d, buf, disk_take_both(d, buf));
}

/* A run */

static const struct demo_point disk_points[] = {
	{ "disk", disk_shared },
	{ "dma", disk_keeps },
	{ "cma", disk_cma },
};

static int disk_check_mark(struct file *file)
{
	char mark[DISK_MARK_LEN];
	loff_t pos = 0;
	ssize_t got;

	got = kernel_read(file, mark, sizeof(mark), &pos);
	if (got < 0)
		return got;
	if (got == sizeof(mark) && !memcmp(mark, DISK_MARK, sizeof(mark)))
		return 0;
	pr_err("%s is left alone: it does not begin with \"%.*s\" and a new line\n",
	       disk_path, (int)DISK_MARK_LEN - 1, DISK_MARK);
	return -EPERM;
}

/* Return the device of the disk, held and locked; NULL if it has no driver. */
static struct device *disk_get_host(struct gendisk *disk)
{
	struct device *dev = NULL;

	/* A disk that is being deleted may have lost its parents already */
	mutex_lock(&disk->open_mutex);
	if (disk_live(disk))
		dev = disk_to_dev(disk);
	while (dev && !dev_is_pci(dev))
		dev = dev->parent;
	get_device(dev);
	mutex_unlock(&disk->open_mutex);
	if (!dev)
		return NULL;

	device_lock(dev);
	if (dev->driver)
		return dev;
	device_unlock(dev);
	put_device(dev);
	return NULL;
}

static int disk_open(struct demo_disk *disk)
{
	struct demo *d = &disk->d;
	int ret;

	d->step = "opening the disk";
	disk->file = bdev_file_open_by_path(disk_path,
					    BLK_OPEN_READ | BLK_OPEN_WRITE,
					    disk, NULL);
	if (IS_ERR(disk->file))
		return PTR_ERR(disk->file);

	d->step = "a disk that is marked as the demonstration's";
	ret = disk_check_mark(disk->file);
	if (ret)
		goto err;
	d->step = "the size of the disk";
	ret = -ENOSPC;
	if (bdev_nr_bytes(file_bdev(disk->file)) < 2 * DEMO_SIZE)
		goto err;
	d->step = "the device of the disk";
	ret = -ENODEV;
	disk->host = disk_get_host(file_bdev(disk->file)->bd_disk);
	if (!disk->host)
		goto err;
	return 0;

err:
	bdev_fput(disk->file);
	return ret;
}

static void disk_close(struct demo_disk *disk)
{
	device_unlock(disk->host);
	put_device(disk->host);
	bdev_fput(disk->file);
}

int vcm_demo_disk(u64 seed)
{
	struct demo_disk disk = { .d.seed = seed };
	int ret;

	vcm_demo_start(&disk.d);
	vcm_demo_begin(&disk.d, disk_points[0].name, 0);
	ret = vcm_demo_end(&disk.d, disk_open(&disk));
	if (ret)
		return ret;
	ret = vcm_demo_run(&disk.d, disk_points, ARRAY_SIZE(disk_points));
	disk_close(&disk);
	return ret;
}
