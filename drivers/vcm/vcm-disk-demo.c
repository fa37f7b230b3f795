// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory beside the DMA API, shown with a disk and two edu
 * devices.
 *
 * The disk's driver knows nothing of VCM: it maps what the block layer gives it
 * with the DMA API. Here these are buffers of VCM, which the edu devices use at
 * the same time. The disk holds seeded data; whoever made it compares what the
 * rows say about it, and what it holds in the end.
 *
 * Writing a seed to the debugfs file vcm-disk/demo starts it. Reading the file
 * gives rows as those of vcm-edu/demo.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/crc32.h>
#include <linux/debugfs.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/seq_buf.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/vcm-dma.h>
#include <linux/vcm-drv.h>
#include <linux/vmalloc.h>

#include "vcm-edu.h"

#define DISK_PATH	"/dev/nvme0n1"
#define DISK_SIZE	SZ_1M
#define DISK_PAGES	(DISK_SIZE >> PAGE_SHIFT)

/* Windows of EDU_CHUNK bytes that a device copies */
#define DISK_WINDOWS	3

static_assert(DISK_PAGES <= BIO_MAX_VECS);

/**
 * struct disk_demo - a run
 * @pdev: the two edu devices
 * @edu: the same with their driver, held
 * @disk: the disk, as the block layer has it
 * @host: and the device that its driver has bound, held
 * @rnd: data and windows
 * @point: what is being shown
 * @step: what is being done for it, named when it fails
 */
struct disk_demo {
	struct pci_dev *pdev[2];
	struct vcm_edu *edu[2];
	struct file *disk;
	struct pci_dev *host;
	struct rnd_state rnd;
	const char *point;
	const char *step;
};

/* One run at a time, and its rows */
static DEFINE_MUTEX(disk_lock);
static DECLARE_SEQ_BUF(disk_rows, SZ_4K);

static __printf(4, 5)
void disk_row(const struct disk_demo *d, const struct vcm_res *res,
	      const struct vcm_phys *phys, const char *fmt, ...)
{
	struct seq_buf *s = &disk_rows;
	struct va_format vaf;
	va_list args;

	seq_buf_printf(s, "%s|%s|%llu|%u|%#llx|", d->point,
		       res->vcm->driver->name, (u64)phys->size, phys->count,
		       (u64)res->start);
	if (res->vcm->driver->fixed)
		seq_buf_puts(s, "-|");
	else
		seq_buf_printf(s, "%lu|", vcm_leaves(res));

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	seq_buf_printf(s, "%pV|ok\n", &vaf);
	va_end(args);
}

/* Buffers */

/**
 * struct disk_buf - a buffer in the address space of an edu device
 * @phys: its memory
 * @res: where the device sees it
 * @image: what has to be in it
 * @pages: where that is
 */
struct disk_buf {
	struct vcm_phys *phys;
	struct vcm_res *res;
	u8 *image;
	struct page *pages[DISK_PAGES];
};

static void disk_phys_free(struct vcm_phys *phys)
{
	unsigned int i;

	for (i = 0; i < phys->count; i++)
		__free_page(phys_to_page(phys->parts[i].paddr));
}

static const struct vcm_phys_ops disk_phys_ops = {
	.owner = THIS_MODULE,
	.free = disk_phys_free,
};

/* Of each pair of pages the first, so no two are neighbours. */
static struct vcm_phys *disk_scattered(struct page **page)
{
	struct vcm_phys *phys;
	unsigned int n;

	for (n = 0; n < DISK_PAGES; n++) {
		page[n] = alloc_pages(GFP_KERNEL, 1);
		if (!page[n])
			goto err_pages;
		split_page(page[n], 1);
		__free_page(page[n] + 1);
	}
	phys = vcm_phys_new(DISK_PAGES, VCM_PHYS_PAGES, &disk_phys_ops, NULL);
	if (IS_ERR(phys))
		goto err_pages;
	while (n--) {
		phys->parts[n].paddr = page_to_phys(page[n]);
		phys->parts[n].len = PAGE_SIZE;
	}
	/* Cannot fail: no part is empty */
	vcm_phys_finish(phys);
	return phys;

err_pages:
	while (n--)
		__free_page(page[n]);
	return ERR_PTR(-ENOMEM);
}

static void disk_find_pages(struct disk_buf *buf)
{
	const struct phys_vec *part = buf->phys->parts;
	unsigned int i;
	size_t off = 0;

	for (i = 0; i < DISK_PAGES; i++) {
		buf->pages[i] = phys_to_page(part->paddr + off);
		off += PAGE_SIZE;
		if (off == part->len) {
			off = 0;
			part++;
		}
	}
}

static void disk_buf_free(struct disk_buf *buf)
{
	if (IS_ERR_OR_NULL(buf))
		return;
	vcm_unmap(buf->res);
	vcm_free(buf->phys);
	vfree(buf->image);
	kfree(buf);
}

static struct disk_buf *disk_buf_new(struct disk_demo *d, struct vcm *vcm)
{
	struct disk_buf *buf = kzalloc_obj(*buf);
	int ret = -ENOMEM;

	d->step = "a buffer in the address space of a device";
	if (!buf)
		return ERR_PTR(ret);
	buf->image = vmalloc(DISK_SIZE);
	if (!buf->image)
		goto err;
	buf->phys = vcm->driver->fixed ? vcm_alloc(vcm, DISK_SIZE, 0) :
					 disk_scattered(buf->pages);
	ret = PTR_ERR_OR_ZERO(buf->phys);
	if (ret)
		goto err;
	disk_find_pages(buf);
	buf->res = vcm_map(vcm, buf->phys, 0);
	ret = PTR_ERR_OR_ZERO(buf->res);
	if (ret)
		goto err;
	return buf;

err:
	disk_buf_free(buf);
	return ERR_PTR(ret);
}

/* As other tools compute it. */
static u32 disk_crc(const u8 *image)
{
	return ~crc32(~0, image, DISK_SIZE);
}

/* What is in the buffer becomes what has to be. */
static void disk_snapshot(struct disk_buf *buf)
{
	unsigned int i;

	for (i = 0; i < DISK_PAGES; i++)
		memcpy_from_page(buf->image + i * PAGE_SIZE, buf->pages[i], 0,
				 PAGE_SIZE);
}

static int disk_compare(const struct disk_buf *buf, const u8 *image)
{
	unsigned int i;
	int diff = 0;
	void *mem;

	for (i = 0; i < DISK_PAGES && !diff; i++) {
		mem = kmap_local_page(buf->pages[i]);
		diff = memcmp(mem, image + i * PAGE_SIZE, PAGE_SIZE);
		kunmap_local(mem);
	}
	return diff ? -EBADMSG : 0;
}

/* The disk, by its own driver */

/* One transfer between the disk, from @pos on, and all of a buffer. */
static int disk_transfer(const struct disk_demo *d, const struct disk_buf *buf,
			 loff_t pos, blk_opf_t opf)
{
	struct bio *bio;
	unsigned int i;
	int ret;

	bio = bio_alloc(file_bdev(d->disk), DISK_PAGES, opf, GFP_KERNEL);
	bio->bi_iter.bi_sector = pos >> SECTOR_SHIFT;
	for (i = 0; i < DISK_PAGES; i++)
		__bio_add_page(bio, buf->pages[i], PAGE_SIZE, 0);
	ret = submit_bio_wait(bio);
	bio_put(bio);
	return ret;
}

static int disk_read(struct disk_demo *d, struct disk_buf *buf, loff_t pos)
{
	int ret;

	d->step = "reading by the disk's driver";
	ret = disk_transfer(d, buf, pos, REQ_OP_READ);
	if (ret)
		return ret;
	disk_snapshot(buf);
	disk_row(d, buf->res, buf->phys,
		 "disk bytes %llu to %llu read by its own driver, crc32 %08x",
		 pos, pos + DISK_SIZE - 1, disk_crc(buf->image));
	return 0;
}

static int disk_write(struct disk_demo *d, struct disk_buf *buf, loff_t pos)
{
	int ret;

	d->step = "writing by the disk's driver";
	ret = disk_transfer(d, buf, pos, REQ_OP_WRITE | REQ_FUA);
	if (!ret)
		disk_row(d, buf->res, buf->phys,
			 "disk bytes %llu to %llu written by its own driver, crc32 %08x",
			 pos, pos + DISK_SIZE - 1, disk_crc(buf->image));
	return ret;
}

/* The edu devices */

/* A window across a page boundary. */
static u32 disk_window(struct disk_demo *d)
{
	u32 page = 1 + prandom_u32_state(&d->rnd) % (DISK_PAGES - 1);

	return page * PAGE_SIZE - 1 -
	       prandom_u32_state(&d->rnd) % (EDU_CHUNK - 1);
}

/* The device copies windows of a buffer elsewhere in it. */
static int disk_edu_copy(struct disk_demo *d, unsigned int nr,
			 struct disk_buf *buf)
{
	struct vcm_edu *edu = d->edu[nr];
	const dma_addr_t addr = buf->res->start;
	unsigned int i;
	u32 from, to;
	int ret;

	d->step = "copying by an edu device";
	for (i = 0; i < DISK_WINDOWS; i++) {
		from = disk_window(d);
		to = disk_window(d);
		ret = vcm_edu_to_device(edu, addr + from, 0, EDU_CHUNK);
		if (!ret)
			ret = vcm_edu_from_device(edu, addr + to, 0, EDU_CHUNK);
		if (ret)
			return ret;
		memmove(buf->image + to, buf->image + from, EDU_CHUNK);
	}
	ret = disk_compare(buf, buf->image);
	if (!ret)
		disk_row(d, buf->res, buf->phys,
			 "%s copies %u windows of what the disk gave, crc32 %08x",
			 pci_name(d->pdev[nr]), DISK_WINDOWS,
			 disk_crc(buf->image));
	return ret;
}

/* Point disk: buffers of VCM are the target of the disk driver's transfers. */

static int disk_shared(struct disk_demo *d)
{
	struct disk_buf *first, *second;
	int ret;

	first = disk_buf_new(d, d->edu[0]->vcm);
	if (IS_ERR(first))
		return PTR_ERR(first);
	second = disk_buf_new(d, d->edu[1]->vcm);
	ret = PTR_ERR_OR_ZERO(second);
	if (ret)
		goto out;

	ret = disk_read(d, first, 0);
	if (!ret)
		ret = disk_edu_copy(d, 0, first);
	if (!ret)
		ret = disk_write(d, first, DISK_SIZE);
	if (!ret)
		ret = disk_read(d, second, DISK_SIZE);
	if (!ret) {
		d->step = "comparing what came back";
		ret = disk_compare(second, first->image);
	}
	if (!ret)
		ret = disk_edu_copy(d, 1, second);
	disk_buf_free(second);
out:
	disk_buf_free(first);
	return ret;
}

/* Point dma: a device keeps its DMA API and has a context in it. */

/* The device copies between memory of the DMA API and memory of VCM. */
static int disk_both_ways(struct disk_demo *d, struct disk_buf *buf, u8 *mem,
			  dma_addr_t handle)
{
	struct vcm_edu *edu = d->edu[1];
	u32 from = disk_window(d), to = disk_window(d);
	int ret;

	d->step = "copying from memory of VCM to memory of the DMA API";
	ret = vcm_edu_to_device(edu, buf->res->start + from, 0, EDU_CHUNK);
	if (!ret)
		ret = vcm_edu_from_device(edu, handle, 0, EDU_CHUNK);
	if (ret)
		return ret;
	dma_rmb();
	if (memcmp(mem, buf->image + from, EDU_CHUNK))
		return -EBADMSG;

	d->step = "copying from memory of the DMA API to memory of VCM";
	prandom_bytes_state(&d->rnd, mem, EDU_CHUNK);
	dma_wmb();
	ret = vcm_edu_to_device(edu, handle, 0, EDU_CHUNK);
	if (!ret)
		ret = vcm_edu_from_device(edu, buf->res->start + to, 0,
					  EDU_CHUNK);
	if (ret)
		return ret;
	memcpy(buf->image + to, mem, EDU_CHUNK);
	ret = disk_compare(buf, buf->image);
	if (!ret)
		disk_row(d, buf->res, buf->phys,
			 "%s copies between it and dma_alloc_coherent() memory at %pad",
			 pci_name(d->pdev[1]), &handle);
	return ret;
}

/* Unbound, the memory is out of reach, and that of the DMA API is not. */
static int disk_stray(struct disk_demo *d, struct disk_buf *buf, u8 *mem,
		      dma_addr_t handle)
{
	struct vcm_edu *edu = d->edu[1];
	int ret;

	if (buf->res->vcm->driver->fixed)
		return 0;

	d->step = "writing to what is unbound";
	vcm_unbind(buf->res);
	pr_info("IOMMU events of %s at %pad to %#llx are meant to be, from here\n",
		pci_name(d->pdev[1]), &buf->res->start,
		(u64)buf->res->start + DISK_SIZE - 1);
	ret = vcm_edu_to_device(edu, handle, 0, EDU_CHUNK);
	if (!ret)
		ret = vcm_edu_from_device(edu, buf->res->start, 0, EDU_CHUNK);
	pr_info("to here\n");
	if (!ret)
		ret = disk_compare(buf, buf->image);
	memset(mem, 0, EDU_CHUNK);
	if (!ret)
		ret = vcm_edu_from_device(edu, handle, 0, EDU_CHUNK);
	if (!ret && !memchr_inv(mem, 0, EDU_CHUNK))
		ret = -EBADMSG;
	if (!ret)
		disk_row(d, buf->res, buf->phys,
			 "%s writes after vcm_unbind and changes nothing, its DMA API goes on",
			 pci_name(d->pdev[1]));
	return ret;
}

static int disk_use_dma(struct disk_demo *d, struct vcm *vcm)
{
	struct device *dev = &d->pdev[1]->dev;
	struct disk_buf *buf;
	dma_addr_t handle;
	u8 *mem;
	int ret = -ENOMEM;

	d->step = "memory of the DMA API";
	mem = dma_alloc_coherent(dev, EDU_CHUNK, &handle, GFP_KERNEL);
	if (!mem)
		return ret;
	buf = disk_buf_new(d, vcm);
	ret = PTR_ERR_OR_ZERO(buf);
	if (!ret)
		ret = disk_read(d, buf, 2 * DISK_SIZE);
	if (!ret)
		ret = disk_both_ways(d, buf, mem, handle);
	if (!ret)
		ret = disk_stray(d, buf, mem, handle);
	disk_buf_free(buf);
	dma_free_coherent(dev, EDU_CHUNK, mem, handle);
	return ret;
}

/* The device has its DMA API while no other context has the device. */
static int disk_dma(struct disk_demo *d)
{
	struct device *dev = &d->pdev[1]->dev;
	struct vcm *own = d->edu[1]->vcm, *vcm;
	const bool away = !own->driver->fixed;
	int ret, back = 0;

	d->step = "a context in the address space of the DMA API";
	if (away)
		vcm_detach(own, dev);
	vcm = vcm_dma_create(dev, NULL);
	ret = PTR_ERR_OR_ZERO(vcm);
	if (!ret) {
		ret = vcm_activate(vcm);
		if (!ret) {
			ret = disk_use_dma(d, vcm);
			vcm_deactivate(vcm);
		}
		vcm_destroy(vcm);
	}
	if (away)
		back = vcm_attach(own, dev);
	if (back && !ret) {
		d->step = "attaching the device to its own context";
		ret = back;
	}
	return ret;
}

/* A context of the device that the disk's driver has bound: both go on. */
static int disk_beside_driver(struct disk_demo *d)
{
	struct disk_buf *buf;
	struct vcm *vcm;
	int ret;

	d->step = "a context beside the disk's driver";
	vcm = vcm_dma_create(&d->host->dev, NULL);
	if (IS_ERR(vcm))
		return PTR_ERR(vcm);
	ret = vcm_activate(vcm);
	if (ret)
		goto out;
	buf = disk_buf_new(d, vcm);
	ret = PTR_ERR_OR_ZERO(buf);
	/* Its driver maps the very same memory */
	if (!ret)
		ret = disk_read(d, buf, 3 * DISK_SIZE);
	disk_buf_free(buf);
	vcm_deactivate(vcm);
out:
	vcm_destroy(vcm);
	return ret;
}

static int disk_keeps(struct disk_demo *d)
{
	return disk_dma(d) ?: disk_beside_driver(d);
}

/* Point cma: without an IOMMU, VCM and the DMA API take from one CMA area. */

static int disk_take_both(struct disk_demo *d, struct disk_buf *buf)
{
	struct device *dev = &d->pdev[1]->dev;
	dma_addr_t handle;
	void *mem;

	d->step = "memory of the DMA API from the same CMA area";
	mem = dma_alloc_coherent(dev, DISK_SIZE, &handle, GFP_KERNEL);
	if (!mem)
		return -ENOMEM;
	disk_row(d, buf->res, buf->phys,
		 "from the CMA area that dma_alloc_coherent() takes %u bytes from, at %pad",
		 DISK_SIZE, &handle);
	dma_free_coherent(dev, DISK_SIZE, mem, handle);
	return 0;
}

/* Where the area lies only the boot log says: who reads the row compares. */
static int disk_cma(struct disk_demo *d)
{
	struct device *dev = &d->pdev[1]->dev;
	struct disk_buf *buf;
	int ret;

	/* Behind an IOMMU nobody needs contiguous memory */
	if (!d->edu[0]->vcm->driver->fixed)
		return 0;

	d->step = "one CMA area";
	if (!dev_get_cma_area(dev) ||
	    dev_get_cma_area(dev) != dev_get_cma_area(&d->pdev[0]->dev) ||
	    dev_get_cma_area(dev) != dev_get_cma_area(&d->host->dev))
		return -ENXIO;
	buf = disk_buf_new(d, d->edu[0]->vcm);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	ret = disk_take_both(d, buf);
	disk_buf_free(buf);
	return ret;
}

/* A run */

static const struct {
	const char *name;
	int (*show)(struct disk_demo *d);
} disk_points[] = {
	{ "disk", disk_shared },
	{ "dma", disk_keeps },
	{ "cma", disk_cma },
};

/* All points are tried; the first error counts. */
static int disk_run_points(struct disk_demo *d)
{
	int ret, first = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(disk_points); i++) {
		d->point = disk_points[i].name;
		ret = disk_points[i].show(d);
		if (ret)
			seq_buf_printf(&disk_rows,
				       "%s|-|-|-|-|-|%s|FAILED %pe\n",
				       d->point, d->step, ERR_PTR(ret));
		first = first ?: ret;
	}
	return first;
}

static void disk_put_devices(struct disk_demo *d)
{
	int i;

	for (i = ARRAY_SIZE(d->pdev) - 1; i >= 0; i--) {
		if (d->edu[i])
			vcm_edu_put(d->edu[i]);
		pci_dev_put(d->pdev[i]);
	}
	if (d->host) {
		device_unlock(&d->host->dev);
		pci_dev_put(d->host);
	}
	if (!IS_ERR_OR_NULL(d->disk))
		bdev_fput(d->disk);
}

static int disk_get_devices(struct disk_demo *d)
{
	struct pci_dev *pdev = NULL;
	struct vcm_edu *edu;
	unsigned int n = 0;

	d->step = "opening " DISK_PATH;
	d->disk = bdev_file_open_by_path(DISK_PATH,
					 BLK_OPEN_READ | BLK_OPEN_WRITE, d,
					 NULL);
	if (IS_ERR(d->disk))
		return PTR_ERR(d->disk);
	if (bdev_nr_bytes(file_bdev(d->disk)) < 4 * DISK_SIZE)
		return -ENOSPC;

	d->step = "the device of the disk";
	d->host = pci_get_class(PCI_CLASS_STORAGE_EXPRESS, NULL);
	if (!d->host)
		return -ENODEV;
	device_lock(&d->host->dev);

	d->step = "two edu devices with their driver";
	while (n < ARRAY_SIZE(d->pdev)) {
		pdev = pci_get_device(EDU_VENDOR, EDU_DEVICE, pdev);
		if (!pdev)
			return -ENODEV;
		edu = vcm_edu_get(pdev);
		if (IS_ERR(edu))
			continue;
		d->edu[n] = edu;
		d->pdev[n++] = pci_dev_get(pdev);
	}
	pci_dev_put(pdev);
	return 0;
}

static int disk_run(u64 seed)
{
	struct disk_demo d = { };
	int ret;

	prandom_seed_state(&d.rnd, seed);
	seq_buf_clear(&disk_rows);
	ret = disk_get_devices(&d);
	if (ret)
		seq_buf_printf(&disk_rows, "%s|-|-|-|-|-|%s|FAILED %pe\n",
			       disk_points[0].name, d.step, ERR_PTR(ret));
	else
		ret = disk_run_points(&d);
	disk_put_devices(&d);
	return ret;
}

/* The file */

static ssize_t disk_demo_write(struct file *file, const char __user *ubuf,
			       size_t count, loff_t *pos)
{
	u64 seed;
	int ret;

	ret = kstrtou64_from_user(ubuf, count, 10, &seed);
	if (ret)
		return ret;

	ret = mutex_lock_interruptible(&disk_lock);
	if (ret)
		return ret;
	ret = disk_run(seed);
	mutex_unlock(&disk_lock);
	return ret ?: count;
}

static int disk_demo_show(struct seq_file *m, void *unused)
{
	int ret;

	ret = mutex_lock_interruptible(&disk_lock);
	if (ret)
		return ret;
	seq_puts(m, seq_buf_str(&disk_rows));
	mutex_unlock(&disk_lock);
	return 0;
}
DEFINE_SHOW_STORE_ATTRIBUTE(disk_demo);

static struct dentry *disk_dir;

static int __init disk_init(void)
{
	disk_dir = debugfs_create_dir("vcm-disk", NULL);
	debugfs_create_file("demo", 0600, disk_dir, NULL, &disk_demo_fops);
	return 0;
}
module_init(disk_init);

static void __exit disk_exit(void)
{
	debugfs_remove(disk_dir);
}
module_exit(disk_exit);

MODULE_IMPORT_NS("VCM_EDU");
MODULE_DESCRIPTION("Virtual Contiguous Memory beside the DMA API, shown with a disk");
MODULE_LICENSE("GPL");
