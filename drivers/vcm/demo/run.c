// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Virtual Contiguous Memory does, shown with two edu devices.
 *
 * Writing a seed to the debugfs file vcm-edu/demo moves seeded data through
 * buffers that the devices and the CPU share, and compares every byte. The
 * write returns when all is done, with the error of the first point that
 * failed. Reading the file returns a row for each thing shown:
 *
 *	point|provider|buffer bytes|parts|device address|leaves|verified|result
 *
 * Writing a seed to vcm-edu/disk does so with a disk too; disk.c says which
 * disk it writes to. All files have the rows of the last run.
 *
 * Writing a seed to vcm-edu/keep binds memory that the devices have written and
 * leaves it bound, for instance while the system sleeps. Writing 0 checks that
 * nothing has changed for the CPU and the devices, and unbinds the memory. The
 * module cannot be removed in between.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_buf.h>
#include <linux/seq_file.h>
#include <linux/vcm-drv.h>

#include "../../../mm/tests/vcm_leaves.h"
#include "demo.h"

/* Serialises runs; protects the rows */
static DEFINE_MUTEX(demo_lock);
static DECLARE_SEQ_BUF(demo_rows, SZ_8K);

/* Add a row about @phys, as it is bound in @res. */
void vcm_demo_row(const struct demo *d, const struct vcm_res *res,
		  const struct vcm_phys *phys, const char *fmt, ...)
{
	struct seq_buf *s = &demo_rows;
	struct va_format vaf;
	va_list args;

	seq_buf_printf(s, "%s|%s|%llu|%u|", d->point, res->vcm->driver->name,
		       (u64)phys->size, phys->count);
	/* Kernel addresses are not printed */
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

/* A run */

static const struct demo_point demo_points[] = {
	{ "1", vcm_demo_contiguous },
	{ "2", vcm_demo_shared },
	{ "3", vcm_demo_attached },
	{ "4", vcm_demo_isolated },
	{ "5", vcm_demo_orphaned },
	{ "6", vcm_demo_prescribed },
	{ "7", vcm_demo_everyone },
	{ "8", vcm_demo_many },
	{ "9", vcm_demo_unplugged },
};

void vcm_demo_start(struct demo *d)
{
	seq_buf_clear(&demo_rows);
	seq_buf_printf(&demo_rows, "seed|-|-|-|-|-|%llu|ok\n", d->seed);
	prandom_seed_state(&d->place, d->seed);
}

void vcm_demo_begin(struct demo *d, const char *point, u64 salt)
{
	d->point = point;
	prandom_seed_state(&d->rnd, d->seed + salt);
}

int vcm_demo_end(const struct demo *d, int ret)
{
	if (ret)
		seq_buf_printf(&demo_rows, "%s|-|-|-|-|-|%s|FAILED %pe\n",
			       d->point, d->step, ERR_PTR(ret));
	return ret;
}

void vcm_demo_put_devices(struct demo *d)
{
	int i;

	for (i = ARRAY_SIZE(d->pdev) - 1; i >= 0; i--) {
		if (!IS_ERR_OR_NULL(d->edu[i]))
			vcm_edu_put(d->edu[i]);
		pci_dev_put(d->pdev[i]);
	}
}

int vcm_demo_get_devices(struct demo *d)
{
	struct pci_dev *pdev = NULL;
	struct vcm_edu *edu;
	unsigned int n = 0;

	while (n < ARRAY_SIZE(d->pdev)) {
		pdev = pci_get_device(EDU_VENDOR, EDU_DEVICE, pdev);
		if (!pdev) {
			vcm_demo_put_devices(d);
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

/* Show all points; return the first error. */
int vcm_demo_run(struct demo *d, const struct demo_point *points,
		 unsigned int nr)
{
	int ret, first = 0;
	unsigned int i;

	vcm_demo_begin(d, "0", 0);
	d->step = "two devices with their driver";
	ret = vcm_demo_end(d, vcm_demo_get_devices(d));
	if (ret)
		return ret;

	for (i = 0; i < nr; i++) {
		vcm_demo_begin(d, points[i].name, i + 1);
		ret = vcm_demo_end(d, points[i].show(d));
		first = first ?: ret;
	}
	vcm_demo_put_devices(d);
	return first;
}

static int demo_run(u64 seed)
{
	struct demo d = { .seed = seed };

	vcm_demo_start(&d);
	return vcm_demo_run(&d, demo_points, ARRAY_SIZE(demo_points));
}

/* The files */

static int demo_keep_or_not(u64 seed)
{
	return seed ? vcm_demo_keep(seed) : vcm_demo_unkeep();
}

/* What a write to each file does. All show the same rows when read. */
static const struct demo_file {
	const char *name;
	umode_t mode;
	int (*use)(u64 seed);
} demo_files[] = {
	{ "demo", 0600, demo_run },
	{ "keep", 0200, demo_keep_or_not },
#ifdef CONFIG_VCM_DISK_DEMO
	{ "disk", 0600, vcm_demo_disk },
#endif
};

static ssize_t demo_write(struct file *file, const char __user *ubuf,
			  size_t count, loff_t *pos)
{
	const struct demo_file *which = file_inode(file)->i_private;
	u64 seed;
	int ret;

	ret = kstrtou64_from_user(ubuf, count, 10, &seed);
	if (ret)
		return ret;

	ret = mutex_lock_interruptible(&demo_lock);
	if (ret)
		return ret;
	ret = which->use(seed);
	mutex_unlock(&demo_lock);
	return ret ?: count;
}

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
	unsigned int i;

	demo_dir = debugfs_create_dir("vcm-edu", NULL);
	for (i = 0; i < ARRAY_SIZE(demo_files); i++)
		debugfs_create_file(demo_files[i].name, demo_files[i].mode,
				    demo_dir, (void *)&demo_files[i],
				    &demo_fops);
	return 0;
}
module_init(demo_init);

/* Nothing is kept now: imported memory pins this module */
static void __exit demo_exit(void)
{
	debugfs_remove(demo_dir);
}
module_exit(demo_exit);

MODULE_IMPORT_NS("VCM_EDU");
MODULE_DESCRIPTION("What Virtual Contiguous Memory does, shown with two edu devices");
MODULE_LICENSE("GPL");
