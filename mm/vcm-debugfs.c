// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: what can be seen of it at run time.
 *
 * debugfs has a folder vcm with one for each context, named after its provider
 * and a number. The kernel's own address space is not shown: its addresses are
 * pointers of the kernel.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/seq_buf.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "vcm-internal.h"

/**
 * struct vcm_debug - the folder of a context
 * @dir: the folder
 * @addr: what was written to the file lookup
 * @asked: something was
 */
struct vcm_debug {
	struct dentry *dir;
	atomic64_t addr;
	bool asked;
};

static struct dentry *vcm_debug_root;

static int vcm_lookup_show(struct seq_file *m, void *unused)
{
	struct vcm *vcm = m->private;
	dma_addr_t addr = atomic64_read(&vcm->debug->addr);
	DECLARE_SEQ_BUF(s, 640);

	if (!READ_ONCE(vcm->debug->asked)) {
		seq_puts(m, "write a device address first\n");
		return 0;
	}
	vcm_describe_addr(vcm, addr, &s);
	seq_printf(m, "%pad%s\n", &addr, seq_buf_str(&s));
	return 0;
}

static int vcm_lookup_open(struct inode *inode, struct file *file)
{
	return single_open(file, vcm_lookup_show, inode->i_private);
}

static ssize_t vcm_lookup_write(struct file *file, const char __user *buf,
				size_t count, loff_t *pos)
{
	struct seq_file *m = file->private_data;
	struct vcm *vcm = m->private;
	u64 addr;
	int ret;

	ret = kstrtou64_from_user(buf, count, 0, &addr);
	if (ret)
		return ret;
	if (addr != (dma_addr_t)addr)
		return -ERANGE;
	atomic64_set(&vcm->debug->addr, addr);
	WRITE_ONCE(vcm->debug->asked, true);
	return count;
}

static const struct file_operations vcm_lookup_fops = {
	.owner = THIS_MODULE,
	.open = vcm_lookup_open,
	.read = seq_read,
	.write = vcm_lookup_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* A context without a folder works as well, so nothing here can fail. */
void vcm_debug_init(struct vcm *vcm)
{
	static atomic_t count;
	char name[64];

	if (vcm == vcm_vmm)
		return;
	vcm->debug = kzalloc_obj(*vcm->debug);
	if (!vcm->debug)
		return;
	snprintf(name, sizeof(name), "%s.%u", vcm->driver->name,
		 (unsigned int)atomic_inc_return(&count));
	vcm->debug->dir = debugfs_create_dir(name, vcm_debug_root);
	debugfs_create_file("lookup", 0600, vcm->debug->dir, vcm,
			    &vcm_lookup_fops);
}

void vcm_debug_exit(struct vcm *vcm)
{
	if (!vcm->debug)
		return;
	/* Waits for whoever is reading */
	debugfs_remove(vcm->debug->dir);
	kfree(vcm->debug);
}

static int __init vcm_debug_root_init(void)
{
	vcm_debug_root = debugfs_create_dir("vcm", NULL);
	return 0;
}
postcore_initcall(vcm_debug_root_init);
