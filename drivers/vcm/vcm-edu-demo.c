// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Virtual Contiguous Memory does, shown with two edu devices.
 *
 * Writing a seed to the debugfs file vcm-edu/demo moves seeded data through
 * buffers that the devices and the CPU share, and compares every byte. The
 * write returns when all is done, with the error of the first point that
 * failed. Reading the file gives a row for each thing shown:
 *
 *	point|provider|buffer bytes|parts|device address|leaves|verified|result
 *
 * Writing a seed to vcm-edu/keep binds memory that the devices have written and
 * leaves it bound, for instance for as long as the system sleeps. Writing 0
 * shows that nothing has changed, for the CPU and the devices, and ends that.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/crc32.h>
#include <linux/debugfs.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/seq_buf.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/vcm-drv.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "vcm-edu.h"

#define DEMO_SIZE	SZ_4M
#define DEMO_PAGES	(DEMO_SIZE >> PAGE_SHIFT)

/* Windows of EDU_CHUNK bytes; each costs two transfers of 0.1 seconds */
#define DEMO_WINDOWS	16
#define DEMO_FEW	3

/* Bytes that data and other data do not have in common by chance */
#define DEMO_PIECE	16

/**
 * struct demo - a run
 * @pdev: the two devices
 * @edu: the same with their drivers, held; an error pointer when not
 * @seed: where everything random comes from
 * @rnd: data and windows, the same on every machine
 * @place: which page comes where
 * @point: what is being shown
 * @step: what is being done for it, named when it fails
 */
struct demo {
	struct pci_dev *pdev[2];
	struct vcm_edu *edu[2];
	u64 seed;
	struct rnd_state rnd;
	struct rnd_state place;
	const char *point;
	const char *step;
};

/* One run at a time, and its rows */
static DEFINE_MUTEX(demo_lock);
static DECLARE_SEQ_BUF(demo_rows, SZ_8K);

/* A row for what has been shown of @phys, as the address space of @res has it. */
static __printf(4, 5)
void demo_row(const struct demo *d, const struct vcm_res *res,
	      const struct vcm_phys *phys, const char *fmt, ...)
{
	struct seq_buf *s = &demo_rows;
	struct va_format vaf;
	va_list args;

	seq_buf_printf(s, "%s|%s|%llu|%u|", d->point, res->vcm->driver->name,
		       (u64)phys->size, phys->count);
	/* Where the CPU sees it is nobody's business */
	if (res->vcm == vcm_vmm)
		seq_buf_puts(s, "-|");
	else
		seq_buf_printf(s, "%#llx|", (u64)res->start);
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

static u32 demo_below(struct rnd_state *rnd, u32 limit)
{
	return prandom_u32_state(rnd) % limit;
}

/* Buffers */

/**
 * struct demo_buf - a buffer in the address space of a device
 * @phys: its memory, whose end is seen to
 * @inner: where the memory is borrowed from; NULL: single pages
 * @freed: the memory has been given back
 * @res: where the device sees it
 * @given: @res and the ownership of @phys are somebody else's now
 * @image: what has to be in it
 * @pages: where that is
 */
struct demo_buf {
	struct vcm_phys *phys;
	struct vcm_phys *inner;
	struct completion freed;
	struct vcm_res *res;
	bool given;
	u8 *image;
	struct page *pages[DEMO_PAGES];
};

static void demo_put_pages(struct demo_buf *buf, unsigned int count)
{
	if (buf->inner)
		vcm_free(buf->inner);
	else
		while (count--)
			__free_page(buf->pages[count]);
}

/* Of each pair of pages the first, so no two are neighbours, in no order. */
static int demo_get_pages(struct demo *d, struct demo_buf *buf)
{
	unsigned int i, other;
	struct page *page;

	for (i = 0; i < DEMO_PAGES; i++) {
		page = alloc_pages(GFP_KERNEL, 1);
		if (!page) {
			demo_put_pages(buf, i);
			return -ENOMEM;
		}
		split_page(page, 1);
		__free_page(page + 1);
		buf->pages[i] = page;
	}
	for (i = DEMO_PAGES - 1; i; i--) {
		other = demo_below(&d->place, i + 1);
		swap(buf->pages[i], buf->pages[other]);
	}
	return 0;
}

/* One part: what the provider has for devices that need it so. */
static int demo_borrow_pages(struct vcm *vcm, struct demo_buf *buf)
{
	struct vcm_phys *inner;
	unsigned int i;

	inner = vcm_alloc(vcm, DEMO_SIZE, VCM_ALLOC_NOZERO);
	if (IS_ERR(inner))
		return PTR_ERR(inner);

	for (i = 0; i < DEMO_PAGES; i++)
		buf->pages[i] = phys_to_page(inner->parts[0].paddr +
					     i * PAGE_SIZE);
	buf->inner = inner;
	return 0;
}

static void demo_phys_free(struct vcm_phys *phys)
{
	struct demo_buf *buf = phys->priv;

	demo_put_pages(buf, DEMO_PAGES);
	complete(&buf->freed);
}

static const struct vcm_phys_ops demo_phys_ops = {
	.owner = THIS_MODULE,
	.free = demo_phys_free,
};

/* Memory of VCM from @count parts of equal size. */
static struct vcm_phys *demo_phys_new(struct demo_buf *buf, unsigned int count)
{
	struct vcm_phys *phys;
	unsigned int i;
	int ret;

	phys = vcm_phys_new(count, VCM_PHYS_PAGES, &demo_phys_ops, buf);
	if (IS_ERR(phys))
		return phys;
	for (i = 0; i < count; i++) {
		phys->parts[i].paddr = page_to_phys(buf->pages[i]);
		phys->parts[i].len = DEMO_SIZE / count;
	}
	ret = vcm_phys_finish(phys);
	return ret ? ERR_PTR(ret) : phys;
}

static int demo_buf_alloc(struct demo *d, struct vcm *vcm, struct demo_buf *buf)
{
	bool fixed = vcm->driver->fixed;
	int ret;

	ret = fixed ? demo_borrow_pages(vcm, buf) : demo_get_pages(d, buf);
	if (ret)
		return ret;
	buf->phys = demo_phys_new(buf, fixed ? 1 : DEMO_PAGES);
	if (IS_ERR(buf->phys)) {
		demo_put_pages(buf, DEMO_PAGES);
		return PTR_ERR(buf->phys);
	}

	buf->res = vcm_map(vcm, buf->phys, 0);
	if (IS_ERR(buf->res)) {
		vcm_free(buf->phys);
		return PTR_ERR(buf->res);
	}
	return 0;
}

/* New contents, by no context of VCM. */
static void demo_fill(struct demo *d, struct demo_buf *buf)
{
	unsigned int i;

	prandom_bytes_state(&d->rnd, buf->image, DEMO_SIZE);
	for (i = 0; i < DEMO_PAGES; i++)
		memcpy_to_page(buf->pages[i], 0, buf->image + i * PAGE_SIZE,
			       PAGE_SIZE);
}

static struct demo_buf *demo_buf_new(struct demo *d, struct vcm *vcm)
{
	struct demo_buf *buf;
	int ret = -ENOMEM;

	d->step = "a buffer in the address space of a device";
	buf = kvzalloc_obj(*buf);
	if (!buf)
		return ERR_PTR(ret);
	init_completion(&buf->freed);
	buf->image = vmalloc(DEMO_SIZE);
	if (buf->image)
		ret = demo_buf_alloc(d, vcm, buf);
	if (ret) {
		vfree(buf->image);
		kvfree(buf);
		return ERR_PTR(ret);
	}

	demo_fill(d, buf);
	return buf;
}

/*
 * Gives a buffer up. Its memory has to come back now; if somebody holds it
 * still, what it needs to come back later is left.
 */
static int demo_buf_free(struct demo *d, struct demo_buf *buf, int ret)
{
	if (IS_ERR_OR_NULL(buf))
		return ret;

	if (!buf->given) {
		vcm_unmap(buf->res);
		vcm_free(buf->phys);
	}
	vfree(buf->image);
	if (try_wait_for_completion(&buf->freed)) {
		kvfree(buf);
		return ret;
	}
	if (ret)
		return ret;
	d->step = "the memory has not come back";
	return -EBUSY;
}

/* Whether all is in the buffer that has to be, and nothing else. */
static int demo_check(const struct demo_buf *buf, u32 *crc)
{
	const u8 *image = buf->image;
	unsigned int i;
	void *mem;
	int diff;

	*crc = 0;
	for (i = 0; i < DEMO_PAGES; i++, image += PAGE_SIZE) {
		mem = kmap_local_page(buf->pages[i]);
		diff = memcmp(mem, image, PAGE_SIZE);
		*crc = crc32(*crc, mem, PAGE_SIZE);
		kunmap_local(mem);
		if (diff) {
			pr_err("page %u of the buffer is wrong\n", i);
			return -EBADMSG;
		}
	}
	return 0;
}

/* The same as the CPU has it by its own context. */
static int demo_check_cpu(struct demo *d, const struct demo_buf *buf)
{
	struct vcm_res *cpu;
	u32 crc;
	int ret = 0;

	d->step = "reading by the CPU, through vcm_vmm";
	cpu = vcm_map(vcm_vmm, buf->phys, 0);
	if (IS_ERR(cpu))
		return PTR_ERR(cpu);

	crc = crc32(0, vcm_cpu_addr(cpu), DEMO_SIZE);
	if (crc == crc32(0, buf->image, DEMO_SIZE))
		demo_row(d, cpu, buf->phys, "the CPU reads all of it, crc32 %08x",
			 crc);
	else
		ret = -EBADMSG;
	vcm_unmap(cpu);
	return ret;
}

/* Windows */

/* Offsets of windows that lie across a page boundary each, and apart. */
static void demo_windows(struct demo *d, u32 *window, unsigned int count)
{
	DECLARE_BITMAP(taken, DEMO_PAGES) = { };
	u32 page;

	static_assert(PAGE_SIZE >= 2 * EDU_CHUNK);

	while (count--) {
		do {
			page = 1 + demo_below(&d->rnd, DEMO_PAGES - 1);
		} while (__test_and_set_bit(page, taken));
		*window++ = page * PAGE_SIZE - 1 -
			    demo_below(&d->rnd, EDU_CHUNK - 1);
	}
}

/* The device copies windows of a buffer elsewhere in it. */
static int demo_copy(struct vcm_edu *edu, struct demo_buf *buf, dma_addr_t addr,
		     const u32 *from, const u32 *to, unsigned int count)
{
	unsigned int i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = vcm_edu_to_device(edu, addr + from[i], 0, EDU_CHUNK);
		if (ret)
			return ret;
		ret = vcm_edu_from_device(edu, addr + to[i], 0, EDU_CHUNK);
		if (ret)
			return ret;
		memcpy(buf->image + to[i], buf->image + from[i], EDU_CHUNK);
	}
	return 0;
}

/* The device copies windows of a buffer to its driver's working buffer. */
static int demo_fetch(struct vcm_edu *edu, const struct demo_buf *buf,
		      dma_addr_t addr, const u32 *from, unsigned int count)
{
	const struct vcm_res *work = edu->work;
	struct vcm_res *cpu;
	unsigned int i;
	int ret = 0;

	cpu = vcm_map(vcm_vmm, work->phys, 0);
	if (IS_ERR(cpu))
		return PTR_ERR(cpu);

	for (i = 0; i < count && !ret; i++) {
		ret = vcm_edu_to_device(edu, addr + from[i], 0, EDU_CHUNK);
		if (!ret)
			ret = vcm_edu_from_device(edu, work->start, 0,
						  EDU_CHUNK);
		if (!ret && memcmp(vcm_cpu_addr(cpu), buf->image + from[i],
				   EDU_CHUNK))
			ret = -EBADMSG;
	}

	vcm_unmap(cpu);
	return ret;
}

/* The device works in its own address space. */
static int demo_try(struct demo *d, struct vcm_edu *edu)
{
	struct demo_buf *buf = demo_buf_new(d, edu->vcm);
	u32 window[2], crc;
	int ret;

	if (IS_ERR(buf))
		return PTR_ERR(buf);

	d->step = "using a device again";
	demo_windows(d, window, 2);
	ret = demo_copy(edu, buf, buf->res->start, window, window + 1, 1);
	if (!ret)
		ret = demo_check(buf, &crc);
	if (!ret)
		demo_row(d, buf->res, buf->phys,
			 "%s works in its own context again, crc32 %08x",
			 pci_name(edu->pdev), crc);
	return demo_buf_free(d, buf, ret);
}

/* Point 1: scattered memory is contiguous for a device. */

struct demo_job {
	struct work_struct work;
	struct vcm_edu *edu;
	struct demo_buf *buf;
	u32 window[2 * DEMO_WINDOWS];
	int ret;
};

static void demo_job_work(struct work_struct *work)
{
	struct demo_job *job = container_of(work, struct demo_job, work);

	job->ret = demo_copy(job->edu, job->buf, job->buf->res->start,
			     job->window, job->window + DEMO_WINDOWS,
			     DEMO_WINDOWS);
}

/* Both devices at once. */
static void demo_run_jobs(struct demo_job *job)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		INIT_WORK_ONSTACK(&job[i].work, demo_job_work);
		queue_work(system_dfl_wq, &job[i].work);
	}
	for (i = 0; i < 2; i++) {
		flush_work(&job[i].work);
		destroy_work_on_stack(&job[i].work);
	}
}

static int demo_contiguous(struct demo *d)
{
	struct demo_job job[2] = { };
	unsigned int i;
	int ret = 0;
	u32 crc;

	for (i = 0; i < 2; i++) {
		job[i].edu = d->edu[i];
		job[i].buf = demo_buf_new(d, d->edu[i]->vcm);
		if (IS_ERR(job[i].buf)) {
			ret = PTR_ERR(job[i].buf);
			goto out;
		}
		demo_windows(d, job[i].window, 2 * DEMO_WINDOWS);
	}

	demo_run_jobs(job);

	for (i = 0; i < 2 && !ret; i++) {
		d->step = "copying across part boundaries";
		ret = job[i].ret;
		if (!ret)
			ret = demo_check(job[i].buf, &crc);
		if (!ret)
			demo_row(d, job[i].buf->res, job[i].buf->phys,
				 "%s reads and writes %u windows of %u bytes across page boundaries, crc32 %08x",
				 pci_name(d->pdev[i]), DEMO_WINDOWS, EDU_CHUNK,
				 crc);
	}
out:
	for (i = 0; i < 2; i++)
		ret = demo_buf_free(d, job[i].buf, ret);
	return ret;
}

/* Point 2: the same memory in the address spaces of two devices and the CPU. */

/* At another address than the first device has, where there is a choice. */
static struct vcm_res *demo_map_elsewhere(struct demo *d, struct vcm *vcm,
					  const struct demo_buf *buf)
{
	struct vcm_res *res, *again;

	d->step = "binding in the second device's context";
	res = vcm_map(vcm, buf->phys, 0);
	if (IS_ERR(res) || vcm->driver->fixed || res->start != buf->res->start)
		return res;
	again = vcm_map(vcm, buf->phys, 0);
	vcm_unmap(res);
	return again;
}

static int demo_share(struct demo *d, struct demo_buf *buf,
		      struct vcm_res *other)
{
	u32 window[2 * DEMO_FEW], *copy = window + DEMO_FEW;
	int ret;

	demo_windows(d, window, 2 * DEMO_FEW);
	d->step = "writing by the first device";
	ret = demo_copy(d->edu[0], buf, buf->res->start, window, copy,
			DEMO_FEW);
	if (ret)
		return ret;
	demo_row(d, buf->res, buf->phys, "%s writes %u windows",
		 pci_name(d->pdev[0]), DEMO_FEW);

	d->step = "reading by the second device";
	ret = demo_fetch(d->edu[1], buf, other->start, copy, DEMO_FEW);
	if (ret)
		return ret;
	demo_row(d, other, buf->phys, "%s reads them in its own context",
		 pci_name(d->pdev[1]));

	return demo_check_cpu(d, buf);
}

static int demo_shared(struct demo *d)
{
	struct demo_buf *buf = demo_buf_new(d, d->edu[0]->vcm);
	struct vcm_res *other;
	int ret;

	if (IS_ERR(buf))
		return PTR_ERR(buf);

	other = demo_map_elsewhere(d, d->edu[1]->vcm, buf);
	ret = PTR_ERR_OR_ZERO(other);
	if (!ret)
		ret = demo_share(d, buf, other);
	vcm_unmap(other);
	return demo_buf_free(d, buf, ret);
}

/* Point 3: two devices in one address space. */

static int demo_together(struct demo *d, struct demo_buf *buf)
{
	u32 window[3 * DEMO_FEW], *copy = window + DEMO_FEW;
	const dma_addr_t addr = buf->res->start;
	u32 crc;
	int ret;

	demo_windows(d, window, 3 * DEMO_FEW);
	d->step = "copying by the first device";
	ret = demo_copy(d->edu[0], buf, addr, window, copy, DEMO_FEW);
	if (ret)
		return ret;
	d->step = "copying by the second device, attached to the same context";
	ret = demo_copy(d->edu[1], buf, addr, copy, copy + DEMO_FEW, DEMO_FEW);
	if (!ret)
		ret = demo_check(buf, &crc);
	if (!ret)
		demo_row(d, buf->res, buf->phys,
			 "%s writes %u windows, %s reads them at the same address and writes them on, crc32 %08x",
			 pci_name(d->pdev[0]), DEMO_FEW, pci_name(d->pdev[1]),
			 crc);
	return ret;
}

static int demo_attached(struct demo *d)
{
	struct vcm *vcm = d->edu[0]->vcm, *own = d->edu[1]->vcm;
	struct device *dev = &d->pdev[1]->dev;
	struct demo_buf *buf = demo_buf_new(d, vcm);
	int ret, back;

	if (IS_ERR(buf))
		return PTR_ERR(buf);

	d->step = "attaching the second device to the first one's context";
	vcm_detach(own, dev);
	ret = vcm_attach(vcm, dev);
	if (!ret) {
		ret = demo_together(d, buf);
		vcm_detach(vcm, dev);
	}
	back = vcm_attach(own, dev);
	if (back && !ret) {
		d->step = "attaching the second device to its own context";
		ret = back;
	}
	ret = demo_buf_free(d, buf, ret);
	return ret ?: demo_try(d, d->edu[1]);
}

/* Point 4: what is not bound is out of reach. */

/* Whether any of the one is in the other, at the same place. */
static bool demo_leaked(const u8 *a, const u8 *b, size_t len)
{
	size_t i;

	for (i = 0; i < len; i += DEMO_PIECE)
		if (!memcmp(a + i, b + i, DEMO_PIECE))
			return true;
	return false;
}

/* The device has bytes to write, and nowhere to write them to. */
static int demo_stray_write(struct demo *d, struct demo_buf *buf, u32 window)
{
	u32 crc;
	int ret;

	d->step = "writing to what is unbound";
	ret = vcm_edu_from_device(d->edu[0], buf->res->start + window, 0,
				  EDU_CHUNK);
	if (!ret)
		ret = demo_check(buf, &crc);
	if (!ret)
		demo_row(d, buf->res, buf->phys,
			 "%s writes after vcm_unbind and changes nothing, crc32 %08x",
			 pci_name(d->pdev[0]), crc);
	return ret;
}

/* Bound for reading only, the memory cannot be written. */
static int demo_read_only(struct demo *d, struct demo_buf *buf, u32 window)
{
	struct vcm_res *res;
	u32 crc;
	int ret;

	d->step = "writing to what is bound for reading";
	res = vcm_map(buf->res->vcm, buf->phys, VCM_RES_READ);
	if (IS_ERR(res))
		return PTR_ERR(res);

	ret = vcm_edu_from_device(d->edu[0], res->start + window, 0, EDU_CHUNK);
	if (!ret)
		ret = demo_check(buf, &crc);
	if (!ret)
		demo_row(d, res, buf->phys,
			 "%s writes to what is bound for reading and changes nothing, crc32 %08x",
			 pci_name(d->pdev[0]), crc);
	vcm_unmap(res);
	return ret;
}

/* The device must not get at what has been written after the unbind. */
static int demo_stray_read(struct demo *d, struct demo_buf *buf, u32 window)
{
	struct vcm_edu *edu = d->edu[0];
	struct vcm_res *cpu;
	int ret;

	d->step = "reading what is unbound";
	demo_fill(d, buf);
	cpu = vcm_map(vcm_vmm, edu->work->phys, 0);
	if (IS_ERR(cpu))
		return PTR_ERR(cpu);

	ret = vcm_edu_to_device(edu, buf->res->start + window, 0, EDU_CHUNK);
	if (!ret)
		ret = vcm_edu_from_device(edu, edu->work->start, 0, EDU_CHUNK);
	if (!ret && demo_leaked(vcm_cpu_addr(cpu), buf->image + window,
				EDU_CHUNK))
		ret = -EBADMSG;
	if (!ret)
		demo_row(d, buf->res, buf->phys,
			 "%s reads after vcm_unbind and gets none of it",
			 pci_name(d->pdev[0]));
	vcm_unmap(cpu);
	return ret;
}

static int demo_rebind(struct demo *d, struct demo_buf *buf, const u32 *window)
{
	u32 crc;
	int ret;

	d->step = "binding again what was unbound";
	ret = vcm_bind(buf->res, buf->phys);
	if (!ret)
		ret = demo_copy(d->edu[0], buf, buf->res->start, window,
				window + 1, 1);
	if (!ret)
		ret = demo_check(buf, &crc);
	if (!ret)
		demo_row(d, buf->res, buf->phys,
			 "%s works again after vcm_bind, crc32 %08x",
			 pci_name(d->pdev[0]), crc);
	return ret;
}

static int demo_stray(struct demo *d, struct demo_buf *buf)
{
	struct vcm_edu *edu = d->edu[0];
	u32 window[2];
	int ret;

	demo_windows(d, window, 2);
	d->step = "reading what is bound";
	ret = vcm_edu_to_device(edu, buf->res->start + window[0], 0, EDU_CHUNK);
	if (ret)
		return ret;

	d->step = "unbinding";
	if (vcm_unbind(buf->res) != buf->phys)
		return -EINVAL;

	pr_info("IOMMU events of %s at %pad to %#llx are meant to be, from here\n",
		pci_name(edu->pdev), &buf->res->start,
		(u64)buf->res->start + DEMO_SIZE - 1);
	ret = demo_stray_write(d, buf, window[1]);
	if (!ret)
		ret = demo_read_only(d, buf, window[1]);
	if (!ret)
		ret = demo_stray_read(d, buf, window[0]);
	pr_info("to here\n");
	return ret ?: demo_rebind(d, buf, window);
}

static int demo_isolated(struct demo *d)
{
	struct vcm *vcm = d->edu[0]->vcm;
	struct demo_buf *buf;

	/* Nothing keeps such a device from memory: there is nothing to show */
	if (vcm->driver->fixed)
		return 0;

	buf = demo_buf_new(d, vcm);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	return demo_buf_free(d, buf, demo_stray(d, buf));
}

/* Point 5: a device loses its driver, and others use its memory. */

/* The buffer becomes the working buffer of the driver, which gives it up. */
static void demo_give(struct vcm_edu *edu, struct demo_buf *buf)
{
	vcm_destroy_binding(edu->work);
	edu->work = buf->res;
	buf->given = true;
}

static void demo_unbind_driver(struct demo *d, unsigned int i)
{
	vcm_edu_put(d->edu[i]);
	d->edu[i] = ERR_PTR(-ENODEV);
	device_release_driver(&d->pdev[i]->dev);
}

static int demo_bind_driver(struct demo *d, unsigned int i)
{
	int ret;

	ret = device_attach(&d->pdev[i]->dev);
	if (ret < 0)
		return ret;
	d->edu[i] = vcm_edu_get(d->pdev[i]);
	return PTR_ERR_OR_ZERO(d->edu[i]);
}

static int demo_outlive(struct demo *d, struct demo_buf *buf,
			const struct vcm_res *other)
{
	u32 window[3 * DEMO_FEW], *copy = window + DEMO_FEW;
	u32 crc;
	int ret;

	demo_windows(d, window, 3 * DEMO_FEW);
	d->step = "writing by the first device";
	ret = demo_copy(d->edu[0], buf, buf->res->start, window, copy,
			DEMO_FEW);
	demo_give(d->edu[0], buf);
	demo_unbind_driver(d, 0);
	if (ret)
		return ret;

	d->step = "using memory whose driver has gone";
	ret = demo_copy(d->edu[1], buf, other->start, copy, copy + DEMO_FEW,
			DEMO_FEW);
	if (!ret)
		ret = demo_check(buf, &crc);
	if (ret)
		return ret;
	demo_row(d, other, buf->phys,
		 "%s reads and writes the working buffer of %s, whose driver has gone, crc32 %08x",
		 pci_name(d->pdev[1]), pci_name(d->pdev[0]), crc);
	return demo_check_cpu(d, buf);
}

static int demo_orphaned(struct demo *d)
{
	struct demo_buf *buf = demo_buf_new(d, d->edu[0]->vcm);
	struct vcm_res *other;
	int ret, back;

	if (IS_ERR(buf))
		return PTR_ERR(buf);

	other = demo_map_elsewhere(d, d->edu[1]->vcm, buf);
	if (IS_ERR(other))
		return demo_buf_free(d, buf, PTR_ERR(other));
	ret = demo_outlive(d, buf, other);

	/* The last holder: the memory goes with it */
	vcm_unmap(other);
	ret = demo_buf_free(d, buf, ret);
	back = demo_bind_driver(d, 0);
	if (back && !ret) {
		d->step = "binding the driver again";
		ret = back;
	}
	return ret ?: demo_try(d, d->edu[0]);
}

/* A run */

static const struct {
	const char *name;
	int (*show)(struct demo *d);
} demo_points[] = {
	{ "1", demo_contiguous },
	{ "2", demo_shared },
	{ "3", demo_attached },
	{ "4", demo_isolated },
	{ "5", demo_orphaned },
};

static void demo_begin(struct demo *d, const char *point, u64 salt)
{
	d->point = point;
	prandom_seed_state(&d->rnd, d->seed + salt);
}

static int demo_end(const struct demo *d, int ret)
{
	if (ret)
		seq_buf_printf(&demo_rows, "%s|-|-|-|-|-|%s|FAILED %pe\n",
			       d->point, d->step, ERR_PTR(ret));
	return ret;
}

/* All points are tried; the first error counts. */
static int demo_run_points(struct demo *d)
{
	int ret, first = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(demo_points); i++) {
		demo_begin(d, demo_points[i].name, i + 1);
		ret = demo_end(d, demo_points[i].show(d));
		first = first ?: ret;
	}
	return first;
}

static void demo_put_devices(struct demo *d)
{
	int i;

	for (i = ARRAY_SIZE(d->pdev) - 1; i >= 0; i--) {
		if (!IS_ERR_OR_NULL(d->edu[i]))
			vcm_edu_put(d->edu[i]);
		pci_dev_put(d->pdev[i]);
	}
}

static int demo_get_devices(struct demo *d)
{
	struct pci_dev *pdev = NULL;
	struct vcm_edu *edu;
	unsigned int n = 0;

	while (n < ARRAY_SIZE(d->pdev)) {
		pdev = pci_get_device(EDU_VENDOR, EDU_DEVICE, pdev);
		if (!pdev) {
			demo_put_devices(d);
			return -ENODEV;
		}
		edu = vcm_edu_get(pdev);
		if (IS_ERR(edu))
			continue;
		d->edu[n] = edu;
		d->pdev[n++] = pci_dev_get(pdev);
	}
	pci_dev_put(pdev);
	return 0;
}

static int demo_run(u64 seed)
{
	struct demo d = { .seed = seed };
	int ret;

	seq_buf_clear(&demo_rows);
	seq_buf_printf(&demo_rows, "seed|-|-|-|-|-|%llu|ok\n", seed);
	prandom_seed_state(&d.place, seed);

	ret = demo_get_devices(&d);
	if (ret) {
		seq_buf_printf(&demo_rows,
			       "0|-|-|-|-|-|two devices with their driver|FAILED %pe\n",
			       ERR_PTR(ret));
		return ret;
	}
	ret = demo_run_points(&d);
	demo_put_devices(&d);
	return ret;
}

/* Point "suspend": memory stays bound over two writes to the file "keep". */

/**
 * struct demo_kept - what is bound between the two
 * @d: the devices, which are not held, so that the system can sleep
 * @buf: a buffer in the address space of each
 * @other: the first buffer in the address space of the second device
 */
struct demo_kept {
	struct demo d;
	struct demo_buf *buf[2];
	struct vcm_res *other;
};

static struct demo_kept *demo_kept;

static int demo_write_kept(struct demo *d, struct demo_buf *buf, unsigned int i)
{
	u32 window[2 * DEMO_FEW];

	demo_windows(d, window, 2 * DEMO_FEW);
	return demo_copy(d->edu[i], buf, buf->res->start, window,
			 window + DEMO_FEW, DEMO_FEW);
}

static int demo_bind_kept(struct demo_kept *kept)
{
	struct demo *d = &kept->d;
	unsigned int i;
	int ret;

	for (i = 0; i < 2; i++) {
		kept->buf[i] = demo_buf_new(d, d->edu[i]->vcm);
		if (IS_ERR(kept->buf[i]))
			return PTR_ERR(kept->buf[i]);
		d->step = "writing to what stays bound";
		ret = demo_write_kept(d, kept->buf[i], i);
		if (ret)
			return ret;
	}
	kept->other = demo_map_elsewhere(d, d->edu[1]->vcm, kept->buf[0]);
	return PTR_ERR_OR_ZERO(kept->other);
}

/* What was there is there, and the device works in it as before. */
static int demo_check_kept(struct demo *d, struct demo_buf *buf, unsigned int i)
{
	u32 crc;
	int ret;

	d->step = "checking what stayed bound";
	ret = demo_check(buf, &crc);
	if (ret)
		return ret;
	demo_row(d, buf->res, buf->phys, "the memory is as it was, crc32 %08x",
		 crc);

	d->step = "using what stayed bound";
	ret = demo_write_kept(d, buf, i);
	if (!ret)
		ret = demo_check(buf, &crc);
	if (!ret)
		demo_row(d, buf->res, buf->phys,
			 "%s reads and writes %u windows as before, crc32 %08x",
			 pci_name(d->pdev[i]), DEMO_FEW, crc);
	return ret;
}

static int demo_check_other(struct demo_kept *kept)
{
	struct demo *d = &kept->d;
	u32 window[DEMO_FEW];
	int ret;

	d->step = "reading by the second device";
	demo_windows(d, window, DEMO_FEW);
	ret = demo_fetch(d->edu[1], kept->buf[0], kept->other->start, window,
			 DEMO_FEW);
	if (!ret)
		demo_row(d, kept->other, kept->buf[0]->phys,
			 "%s reads it in its own context",
			 pci_name(d->pdev[1]));
	return ret;
}

static int demo_show_kept(struct demo_kept *kept)
{
	struct demo *d = &kept->d;
	unsigned int i;
	int ret = 0;

	d->step = "two devices with their driver";
	for (i = 0; i < 2 && !ret; i++) {
		d->edu[i] = vcm_edu_get(d->pdev[i]);
		ret = PTR_ERR_OR_ZERO(d->edu[i]);
	}
	for (i = 0; i < 2 && !ret; i++)
		ret = demo_check_kept(d, kept->buf[i], i);
	return ret ?: demo_check_other(kept);
}

static int demo_free_kept(struct demo_kept *kept, int ret)
{
	int i;

	vcm_unmap(kept->other);
	for (i = 1; i >= 0; i--)
		ret = demo_buf_free(&kept->d, kept->buf[i], ret);
	ret = demo_end(&kept->d, ret);
	demo_put_devices(&kept->d);
	kfree(kept);
	return ret;
}

static int demo_keep(u64 seed)
{
	struct demo_kept *kept;
	unsigned int i;
	int ret;

	if (demo_kept)
		return -EBUSY;
	kept = kzalloc_obj(*kept);
	if (!kept)
		return -ENOMEM;

	kept->d.seed = seed;
	prandom_seed_state(&kept->d.place, seed);
	demo_begin(&kept->d, "suspend", 0);
	ret = demo_get_devices(&kept->d);
	if (ret) {
		kfree(kept);
		return ret;
	}

	ret = demo_bind_kept(kept);
	if (ret)
		return demo_free_kept(kept, ret);
	for (i = 0; i < 2; i++) {
		vcm_edu_put(kept->d.edu[i]);
		kept->d.edu[i] = NULL;
	}
	demo_kept = kept;
	return 0;
}

static int demo_unkeep(void)
{
	struct demo_kept *kept = demo_kept;

	if (!kept)
		return -ENOENT;
	demo_kept = NULL;
	return demo_free_kept(kept, demo_show_kept(kept));
}

/* The files */

static ssize_t demo_file_write(const char __user *ubuf, size_t count,
			       int (*fn)(u64 seed))
{
	u64 seed;
	int ret;

	ret = kstrtou64_from_user(ubuf, count, 10, &seed);
	if (ret)
		return ret;

	ret = mutex_lock_interruptible(&demo_lock);
	if (ret)
		return ret;
	ret = fn(seed);
	mutex_unlock(&demo_lock);
	return ret ?: count;
}

static ssize_t demo_write(struct file *file, const char __user *ubuf,
			  size_t count, loff_t *pos)
{
	return demo_file_write(ubuf, count, demo_run);
}

static int demo_keep_or_not(u64 seed)
{
	return seed ? demo_keep(seed) : demo_unkeep();
}

static ssize_t demo_keep_write(struct file *file, const char __user *ubuf,
			       size_t count, loff_t *pos)
{
	return demo_file_write(ubuf, count, demo_keep_or_not);
}

static const struct file_operations demo_keep_fops = {
	.owner = THIS_MODULE,
	.write = demo_keep_write,
};

static int demo_show(struct seq_file *m, void *unused)
{
	int ret;

	ret = mutex_lock_interruptible(&demo_lock);
	if (ret)
		return ret;
	seq_puts(m, seq_buf_str(&demo_rows));
	mutex_unlock(&demo_lock);
	return 0;
}
DEFINE_SHOW_STORE_ATTRIBUTE(demo);

static struct dentry *demo_dir;

static int __init demo_init(void)
{
	demo_dir = debugfs_create_dir("vcm-edu", NULL);
	debugfs_create_file("demo", 0600, demo_dir, NULL, &demo_fops);
	debugfs_create_file("keep", 0200, demo_dir, NULL, &demo_keep_fops);
	return 0;
}
module_init(demo_init);

static void __exit demo_exit(void)
{
	debugfs_remove(demo_dir);
	if (demo_kept)
		demo_free_kept(demo_kept, 0);
}
module_exit(demo_exit);

MODULE_IMPORT_NS("VCM_EDU");
MODULE_DESCRIPTION("What Virtual Contiguous Memory does, shown with two edu devices");
MODULE_LICENSE("GPL");
