// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Virtual Contiguous Memory does, shown with two edu devices: contexts,
 * sharing and isolation.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/vcm-drv.h>
#include <linux/workqueue.h>

#include "demo.h"

/* Let the device work in its own context. */
int vcm_demo_try(struct demo *d, struct vcm_edu *edu)
{
	struct demo_buf *buf = vcm_demo_buf_new(d, edu->vcm);
	u32 window[2], crc;
	int ret;

	if (IS_ERR(buf))
		return PTR_ERR(buf);

	d->step = "using a device again";
	vcm_demo_windows(d, window, 2);
	ret = vcm_demo_copy(edu, buf, buf->res, window, window + 1, 1);
	if (!ret)
		ret = vcm_demo_check(buf, &crc);
	if (!ret)
		vcm_demo_row(d, buf->res, buf->phys,
			     "%s works in its own context again, crc32 %08x",
			     pci_name(edu->pdev), crc);
	return vcm_demo_buf_free(d, buf, ret);
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

	job->ret = vcm_demo_copy(job->edu, job->buf, job->buf->res,
				 job->window, job->window + DEMO_WINDOWS,
				 DEMO_WINDOWS);
}

/* Let both devices work at once. */
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

int vcm_demo_contiguous(struct demo *d)
{
	struct demo_job job[2] = { };
	unsigned int i;
	int ret = 0;
	u32 crc;

	for (i = 0; i < 2; i++) {
		job[i].edu = d->edu[i];
		job[i].buf = vcm_demo_buf_new(d, d->edu[i]->vcm);
		if (IS_ERR(job[i].buf)) {
			ret = PTR_ERR(job[i].buf);
			goto out;
		}
		vcm_demo_windows(d, job[i].window, 2 * DEMO_WINDOWS);
	}

	demo_run_jobs(job);

	for (i = 0; i < 2 && !ret; i++) {
		d->step = "copying across part boundaries";
		ret = job[i].ret;
		if (!ret)
			ret = vcm_demo_check(job[i].buf, &crc);
		if (!ret)
			vcm_demo_row(d, job[i].buf->res, job[i].buf->phys,
				     "%s reads and writes %u windows of %u bytes across page boundaries, crc32 %08x",
				     pci_name(d->pdev[i]), DEMO_WINDOWS, EDU_CHUNK,
				     crc);
	}
out:
	for (i = 0; i < 2; i++)
		ret = vcm_demo_buf_free(d, job[i].buf, ret);
	return ret;
}

/* Point 2: the same memory in the address spaces of two devices and the CPU. */

static int demo_share(struct demo *d, struct demo_buf *buf,
		      struct vcm_res *other)
{
	u32 window[2 * DEMO_FEW], *copy = window + DEMO_FEW;
	int ret;

	vcm_demo_windows(d, window, 2 * DEMO_FEW);
	d->step = "writing by the first device";
	ret = vcm_demo_copy(d->edu[0], buf, buf->res, window, copy,
			    DEMO_FEW);
	if (ret)
		return ret;
	vcm_demo_row(d, buf->res, buf->phys, "%s writes %u windows",
		     pci_name(d->pdev[0]), DEMO_FEW);

	d->step = "reading by the second device";
	ret = vcm_demo_fetch(d->edu[1], buf, other, copy, DEMO_FEW);
	if (ret)
		return ret;
	vcm_demo_row(d, other, buf->phys, "%s reads them in its own context",
		     pci_name(d->pdev[1]));

	return vcm_demo_check_cpu(d, buf);
}

int vcm_demo_shared(struct demo *d)
{
	struct demo_buf *buf = vcm_demo_buf_new(d, d->edu[0]->vcm);
	struct vcm_res *other;
	int ret;

	if (IS_ERR(buf))
		return PTR_ERR(buf);

	other = vcm_demo_map_elsewhere(d, d->edu[1]->vcm, buf);
	ret = PTR_ERR_OR_ZERO(other);
	if (!ret)
		ret = demo_share(d, buf, other);
	vcm_unmap(other);
	return vcm_demo_buf_free(d, buf, ret);
}

/* Point 3: two devices in one address space. */

static int demo_together(struct demo *d, struct demo_buf *buf)
{
	u32 window[3 * DEMO_FEW], *copy = window + DEMO_FEW;
	u32 crc;
	int ret;

	vcm_demo_windows(d, window, 3 * DEMO_FEW);
	d->step = "copying by the first device";
	ret = vcm_demo_copy(d->edu[0], buf, buf->res, window, copy, DEMO_FEW);
	if (ret)
		return ret;
	d->step = "copying by the second device, attached to the same context";
	ret = vcm_demo_copy(d->edu[1], buf, buf->res, copy, copy + DEMO_FEW,
			    DEMO_FEW);
	if (!ret)
		ret = vcm_demo_check(buf, &crc);
	if (!ret)
		vcm_demo_row(d, buf->res, buf->phys,
			     "%s writes %u windows, %s reads them at the same address and writes them on, crc32 %08x",
			     pci_name(d->pdev[0]), DEMO_FEW, pci_name(d->pdev[1]),
			     crc);
	return ret;
}

int vcm_demo_attached(struct demo *d)
{
	struct vcm *vcm = d->edu[0]->vcm, *own = d->edu[1]->vcm;
	struct device *dev = &d->pdev[1]->dev;
	struct demo_buf *buf = vcm_demo_buf_new(d, vcm);
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
	ret = vcm_demo_buf_free(d, buf, ret);
	return ret ?: vcm_demo_try(d, d->edu[1]);
}

/* Point 4: what is not bound is out of reach. */

/* The device writes to a buffer that is unbound. */
static int demo_stray_write(struct demo *d, struct demo_buf *buf, u32 window)
{
	u32 crc;
	int ret;

	d->step = "writing to what is unbound";
	ret = vcm_edu_from_device(d->edu[0], buf->res->start + window, 0,
				  EDU_CHUNK);
	if (!ret)
		ret = vcm_demo_check(buf, &crc);
	if (!ret)
		vcm_demo_row(d, buf->res, buf->phys,
			     "%s writes after vcm_unbind and changes nothing, crc32 %08x",
			     pci_name(d->pdev[0]), crc);
	return ret;
}

/* The device writes to memory that is bound for reading. */
static int demo_read_only(struct demo *d, struct demo_buf *buf, u32 window)
{
	struct vcm_res *res;
	u32 crc;
	int ret;

	d->step = "writing to what is bound for reading";
	res = vcm_map(buf->res->vcm, buf->phys, VCM_RES_READ);
	if (IS_ERR(res))
		return PTR_ERR(res);

	pr_info("IOMMU events of %s at %pad to %#llx are meant to be, too\n",
		pci_name(d->pdev[0]), &res->start,
		(u64)res->start + DEMO_SIZE - 1);
	ret = vcm_edu_from_device(d->edu[0], res->start + window, 0, EDU_CHUNK);
	if (!ret)
		ret = vcm_demo_check(buf, &crc);
	if (!ret)
		vcm_demo_row(d, res, buf->phys,
			     "%s writes to what is bound for reading and changes nothing, crc32 %08x",
			     pci_name(d->pdev[0]), crc);
	vcm_unmap(res);
	return ret;
}

/* The device must not read what is written after the unbind. */
static int demo_stray_read(struct demo *d, struct demo_buf *buf, u32 window)
{
	struct vcm_edu *edu = d->edu[0];
	struct vcm_res *cpu;
	int ret;

	d->step = "reading what is unbound";
	vcm_demo_fill(d, buf);
	cpu = vcm_map(vcm_vmm, edu->work->phys, 0);
	if (IS_ERR(cpu))
		return PTR_ERR(cpu);

	ret = vcm_demo_to_work(edu, buf->res->start + window);
	if (!ret && vcm_demo_leaked(vcm_cpu_addr(cpu), buf->image + window,
				    EDU_CHUNK))
		ret = -EBADMSG;
	if (!ret)
		vcm_demo_row(d, buf->res, buf->phys,
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
		ret = vcm_demo_copy(d->edu[0], buf, buf->res, window,
				    window + 1, 1);
	if (!ret)
		ret = vcm_demo_check(buf, &crc);
	if (!ret)
		vcm_demo_row(d, buf->res, buf->phys,
			     "%s works again after vcm_bind, crc32 %08x",
			     pci_name(d->pdev[0]), crc);
	return ret;
}

static int demo_stray(struct demo *d, struct demo_buf *buf)
{
	struct vcm_edu *edu = d->edu[0];
	u32 window[2];
	int ret;

	vcm_demo_windows(d, window, 2);
	d->step = "reading what is bound";
	ret = vcm_sync_for_device(buf->res, 0, DEMO_SIZE, DMA_TO_DEVICE);
	if (!ret)
		ret = vcm_edu_to_device(edu, buf->res->start + window[0], 0,
					EDU_CHUNK);
	if (!ret)
		ret = vcm_sync_for_cpu(buf->res, 0, DEMO_SIZE, DMA_TO_DEVICE);
	if (ret)
		return ret;

	d->step = "unbinding";
	vcm_unbind(buf->res);
	if (buf->res->phys)
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

int vcm_demo_isolated(struct demo *d)
{
	struct vcm *vcm = d->edu[0]->vcm;
	struct demo_buf *buf;

	/* Such a device reaches all memory: there is nothing to show */
	if (vcm->driver->fixed)
		return 0;

	buf = vcm_demo_buf_new(d, vcm);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	return vcm_demo_buf_free(d, buf, demo_stray(d, buf));
}

/* Point 5: a driver is unbound, and another device uses its memory. */

/*
 * Make the buffer the working buffer of the driver, which destroys the binding.
 */
static void demo_give(struct vcm_edu *edu, struct demo_buf *buf)
{
	vcm_destroy_binding(edu->work);
	edu->work = buf->res;
	vcm_free(buf->phys);
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
			struct vcm_res *other)
{
	u32 window[3 * DEMO_FEW], *copy = window + DEMO_FEW;
	u32 crc;
	int ret;

	vcm_demo_windows(d, window, 3 * DEMO_FEW);
	d->step = "writing by the first device";
	ret = vcm_demo_copy(d->edu[0], buf, buf->res, window, copy,
			    DEMO_FEW);
	demo_give(d->edu[0], buf);
	demo_unbind_driver(d, 0);
	if (ret)
		return ret;

	d->step = "using memory of a driver that was unbound";
	ret = vcm_demo_copy(d->edu[1], buf, other, copy, copy + DEMO_FEW,
			    DEMO_FEW);
	if (!ret)
		ret = vcm_demo_check(buf, &crc);
	if (ret)
		return ret;
	vcm_demo_row(d, other, buf->phys,
		     "%s reads and writes the working buffer of %s, whose driver has gone, crc32 %08x",
		     pci_name(d->pdev[1]), pci_name(d->pdev[0]), crc);
	return vcm_demo_check_cpu(d, buf);
}

int vcm_demo_orphaned(struct demo *d)
{
	struct demo_buf *buf = vcm_demo_buf_new(d, d->edu[0]->vcm);
	struct vcm_res *other;
	int ret, back;

	if (IS_ERR(buf))
		return PTR_ERR(buf);

	other = vcm_demo_map_elsewhere(d, d->edu[1]->vcm, buf);
	if (IS_ERR(other))
		return vcm_demo_buf_free(d, buf, PTR_ERR(other));
	ret = demo_outlive(d, buf, other);

	/* The last binding: the memory is freed */
	vcm_unmap(other);
	ret = vcm_demo_buf_free(d, buf, ret);
	back = demo_bind_driver(d, 0);
	if (back && !ret) {
		d->step = "binding the driver again";
		ret = back;
	}
	return ret ?: vcm_demo_try(d, d->edu[0]);
}
