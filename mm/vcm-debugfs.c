// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: files in debugfs.
 *
 * The folder vcm has one folder for each context, named after its provider and a
 * number. The kernel's own address space has none: its addresses are pointers of
 * the kernel. Memory belongs to no context, so one file lists all allocations.
 */
#include <kunit/visibility.h>
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/seq_buf.h>
#include <linux/seq_file.h>

#include "vcm-internal.h"

static struct dentry *vcm_debug_root;

/* All allocations of vcm_alloc() and its like, the oldest first. A leaf lock. */
static LIST_HEAD(vcm_memory);
static DEFINE_MUTEX(vcm_memory_lock);

/* List the other reservations of the memory that is bound at an address. */
static void vcm_lookup_others(struct seq_file *m, struct vcm *vcm,
			      dma_addr_t addr)
{
	struct vcm_res *res = vcm_lookup(vcm, addr), *other = NULL;
	struct vcm_phys *phys = NULL;
	phys_addr_t paddr;

	if (IS_ERR(res))
		return;
	if (!vcm_addr_to_phys(vcm, addr, &paddr))
		seq_printf(m, "  physical address %pa\n", &paddr);
	scoped_guard(spinlock_irq, &vcm->va_lock) {
		if (vcm_res_state(res) == VCM_BOUND)
			phys = vcm_phys_get(res->phys);
	}
	while ((other = vcm_phys_next_res(phys, other))) {
		if (other == res)
			continue;
		seq_printf(m, "  its memory is bound in %s.%u by %pS too\n",
			   other->vcm->driver->name, other->vcm->id,
			   other->owner);
	}
	vcm_phys_put(phys);
	vcm_res_put(res);
}

static int vcm_lookup_show(struct seq_file *m, void *unused)
{
	struct vcm *vcm = m->private;
	dma_addr_t addr = atomic64_read(&vcm->debug_addr);
	DECLARE_SEQ_BUF(s, VCM_DESCRIPTION);

	vcm_describe_addr(vcm, addr, &s);
	seq_printf(m, "%pad%s\n", &addr, seq_buf_str(&s));
	vcm_lookup_others(m, vcm, addr);
	return 0;
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
	atomic64_set(&vcm->debug_addr, addr);
	return count;
}
DEFINE_SHOW_STORE_ATTRIBUTE(vcm_lookup);

/*
 * One line for each reservation. A walk stops for each buffer, and for each one
 * that was too small: m->private is the reservation where it continues, held;
 * NULL at the end.
 */
static void *vcm_reservations_start(struct seq_file *m, loff_t *pos)
{
	if (!*pos) {
		vcm_res_put(m->private);
		m->private = vcm_next_res(file_inode(m->file)->i_private, NULL);
	}
	return m->private;
}

static void *vcm_reservations_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct vcm_res *res = v;

	++*pos;
	m->private = vcm_next_res(res->vcm, res);
	return m->private;
}

static void vcm_reservations_stop(struct seq_file *m, void *v)
{
}

static int vcm_reservations_show(struct seq_file *m, void *v)
{
	struct vcm_res *res = v;
	u64 bound = 0;

	scoped_guard(spinlock_irq, &res->vcm->va_lock) {
		if (!vcm_res_placed(res))
			return SEQ_SKIP;
		if (vcm_res_state(res) == VCM_BOUND)
			bound = res->phys->size;
	}
	seq_printf(m, "%pad %#llx bytes, %#llx bound, %c%c%s %pS\n",
		   &res->start, (u64)res->res_size, bound,
		   res->flags & VCM_RES_READ ? 'r' : '-',
		   res->flags & VCM_RES_WRITE ? 'w' : '-',
		   READ_ONCE(res->quarantined) ? " quarantined" : "",
		   res->owner);
	return 0;
}

static const struct seq_operations vcm_reservations_sops = {
	.start = vcm_reservations_start,
	.next = vcm_reservations_next,
	.stop = vcm_reservations_stop,
	.show = vcm_reservations_show,
};

static int vcm_reservations_open(struct inode *inode, struct file *file)
{
	return seq_open(file, &vcm_reservations_sops);
}

static int vcm_reservations_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	vcm_res_put(m->private);
	return seq_release(inode, file);
}

VISIBLE_IF_KUNIT const struct file_operations vcm_reservations_fops = {
	.owner = THIS_MODULE,
	.open = vcm_reservations_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = vcm_reservations_release,
};
EXPORT_SYMBOL_IF_KUNIT(vcm_reservations_fops);

/* One line for each device, and one for each range that it cannot use. */
VISIBLE_IF_KUNIT int vcm_devices_show(struct seq_file *m, void *unused)
{
	struct vcm *vcm = m->private;
	struct vcm_attachment *attachment;
	unsigned int i;

	guard(rwsem_read)(&vcm->topology);
	list_for_each_entry(attachment, &vcm->attachments, entry) {
		seq_printf(m, "%s, granule %#lx, %s\n",
			   dev_name(attachment->dev), attachment->granule,
			   attachment->unsnooped ? "does not snoop" : "snoops");
		for (i = 0; i < attachment->nr_blocked; i++)
			seq_printf(m, "  not [%pad-%pad]\n",
				   &attachment->blocked[i].start,
				   &attachment->blocked[i].last);
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_devices_show);
DEFINE_SHOW_ATTRIBUTE(vcm_devices);

/* One line for each allocation. */
VISIBLE_IF_KUNIT int vcm_memory_show(struct seq_file *m, void *unused)
{
	const struct vcm_phys *phys;

	guard(mutex)(&vcm_memory_lock);
	list_for_each_entry(phys, &vcm_memory, allocated) {
		/* It is called again with a larger buffer */
		if (seq_has_overflowed(m))
			break;
		seq_printf(m, "%pa %#llx bytes, %u parts, %u references %pS\n",
			   &phys->parts[0].paddr, (u64)phys->size, phys->count,
			   refcount_read(&phys->refs), phys->owner);
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_memory_show);
DEFINE_SHOW_ATTRIBUTE(vcm_memory);

/* For vcm_alloc() and its like: @owner has allocated memory. */
void vcm_debug_allocated(struct vcm_phys *phys, unsigned long owner)
{
	guard(mutex)(&vcm_memory_lock);
	phys->owner = (void *)owner;
	list_add_tail(&phys->allocated, &vcm_memory);
}

/* The last reference was dropped, whatever made the allocation. */
void vcm_debug_freed(struct vcm_phys *phys)
{
	if (!phys->owner)
		return;
	guard(mutex)(&vcm_memory_lock);
	list_del(&phys->allocated);
}

/* A context works without a folder, so nothing here can fail. */
void vcm_debug_init(struct vcm *vcm)
{
	char name[64];

	if (vcm == vcm_vmm)
		return;
	snprintf(name, sizeof(name), "%s.%u", vcm->driver->name, vcm->id);
	vcm->debug = debugfs_create_dir(name, vcm_debug_root);
	debugfs_create_file("lookup", 0600, vcm->debug, vcm, &vcm_lookup_fops);
	debugfs_create_file("reservations", 0400, vcm->debug, vcm,
			    &vcm_reservations_fops);
	debugfs_create_file("devices", 0400, vcm->debug, vcm,
			    &vcm_devices_fops);
}

void vcm_debug_exit(struct vcm *vcm)
{
	/* Waits for readers: a reader must not destroy the context */
	debugfs_remove(vcm->debug);
}

static int __init vcm_debug_root_init(void)
{
	vcm_debug_root = debugfs_create_dir("vcm", NULL);
	debugfs_create_file("memory", 0400, vcm_debug_root, NULL,
			    &vcm_memory_fops);
	return 0;
}
postcore_initcall(vcm_debug_root_init);
