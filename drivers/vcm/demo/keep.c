// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Virtual Contiguous Memory does, shown with two edu devices: memory that
 * stays bound, for instance while the system sleeps.
 */
#include <linux/slab.h>
#include <linux/vcm-drv.h>

#include "demo.h"

/* Point "suspend": memory stays bound over two writes to the file "keep". */

/**
 * struct demo_kept - what is bound between the two
 * @d: the devices, which are not locked, so that the system can sleep
 * @buf: a buffer in the context of each
 * @other: the first buffer in the context of the second device
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

	vcm_demo_windows(d, window, 2 * DEMO_FEW);
	return vcm_demo_copy(d->edu[i], buf, buf->res, window,
			     window + DEMO_FEW, DEMO_FEW);
}

static int demo_bind_kept(struct demo_kept *kept)
{
	struct demo *d = &kept->d;
	unsigned int i;
	int ret;

	for (i = 0; i < 2; i++) {
		kept->buf[i] = vcm_demo_buf_new(d, d->edu[i]->vcm);
		if (IS_ERR(kept->buf[i]))
			return PTR_ERR(kept->buf[i]);
		d->step = "writing to what stays bound";
		ret = demo_write_kept(d, kept->buf[i], i);
		if (ret)
			return ret;
	}
	kept->other = vcm_demo_map_elsewhere(d, d->edu[1]->vcm, kept->buf[0]);
	return PTR_ERR_OR_ZERO(kept->other);
}

/* The contents must be the same, and the device must work in it as before. */
static int demo_check_kept(struct demo *d, struct demo_buf *buf, unsigned int i)
{
	u32 crc;
	int ret;

	d->step = "checking what stayed bound";
	ret = vcm_demo_check(buf, &crc);
	if (ret)
		return ret;
	vcm_demo_row(d, buf->res, buf->phys, "the memory is as it was, crc32 %08x",
		     crc);

	d->step = "using what stayed bound";
	ret = demo_write_kept(d, buf, i);
	if (!ret)
		ret = vcm_demo_check(buf, &crc);
	if (!ret)
		vcm_demo_row(d, buf->res, buf->phys,
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
	vcm_demo_windows(d, window, DEMO_FEW);
	ret = vcm_demo_fetch(d->edu[1], kept->buf[0], kept->other,
			     window, DEMO_FEW);
	if (!ret)
		vcm_demo_row(d, kept->other, kept->buf[0]->phys,
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
		ret = vcm_demo_buf_free(&kept->d, kept->buf[i], ret);
	ret = vcm_demo_end(&kept->d, ret);
	vcm_demo_put_devices(&kept->d);
	kfree(kept);
	return ret;
}

int vcm_demo_keep(u64 seed)
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
	vcm_demo_begin(&kept->d, "suspend", 0);
	ret = vcm_demo_get_devices(&kept->d);
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

int vcm_demo_unkeep(void)
{
	struct demo_kept *kept = demo_kept;

	if (!kept)
		return -ENOENT;
	demo_kept = NULL;
	return demo_free_kept(kept, demo_show_kept(kept));
}
