// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: the core.
 *
 * Contexts, reservations, reference counts, activation and dispatch. It knows
 * no hardware and allocates no memory for devices; struct vcm_driver does.
 *
 * Locks
 * -----
 *
 * vcm->topology (rw_semaphore): which bindings are on the hardware and which
 *	devices see it; vcm->spare. Bind, unbind and sync hold it for reading,
 *	and so does whoever takes or gives back addresses that the provider
 *	gives out; activate, deactivate, attach, detach and destroy for writing.
 *	No call holds that of two contexts.
 * vcm->va_lock (spinlock, interrupts off): the address tree and its history,
 *	the granule, the ranges that are blocked, the states of reservations,
 *	and the lists of those that are bound and, where addresses follow the
 *	memory, of those that are idle. Held for O(log n), never across an
 *	operation of the provider; may be taken in hard interrupt context.
 *	A reservation leaves vcm->bound only while it is being unbound, so the
 *	list stands still for whoever holds topology for writing: such a walk
 *	needs neither lock nor references. One that is being unbound may stand
 *	on a list of its unbinder's.
 * phys->lock (spinlock): the bindings of a physical allocation, which
 *	several contexts share.
 *
 * Order: topology, then the provider's locks, then one of the two spinlocks;
 * these never nest.
 *
 * The state of a reservation (enum vcm_res_state) makes the slow work of
 * different reservations run in parallel and that of one exclusive, which is
 * what today's page-table code demands of its caller. Topology is taken before
 * the state changes; only a reservation that vcm_map() makes is born as one
 * that is being bound. Nobody waits for a state while holding topology or while
 * another reservation is binding or unbinding on his account: a waiter drops
 * topology, waits, takes it again and looks again.
 *
 * References
 * ----------
 *
 * res->owners counts ownerships: the last drop unbinds and releases the
 * address. res->ref counts object references: they keep the struct and its
 * context; all owners together hold one, and so does a quarantine. A binding
 * holds a reference of the memory. vcm->ref counts reservations and the creator.
 */
#define pr_fmt(fmt) "vcm: " fmt

#include <kunit/visibility.h>
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/instruction_pointer.h>
#include <linux/jiffies.h>
#include <linux/kmemleak.h>
#include <linux/list_sort.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/numa.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "vcm-internal.h"

/* How many of the reservations alive vcm_destroy() names. */
#define VCM_REPORT_MAX		16

static const struct vcm_va_req vcm_anywhere = { .max = (dma_addr_t)~0ULL };

static bool vcm_fixed(const struct vcm *vcm)
{
	return vcm->driver->fixed;
}

/* True when what is bound is on the hardware. */
bool vcm_live(const struct vcm *vcm)
{
	lockdep_assert_held(&vcm->topology);
	return !vcm->dead && (vcm_fixed(vcm) || vcm->activations);
}

/* Contexts */

/**
 * vcm_init() - set up a context
 * @vcm: the context, embedded in the provider's structure, zeroed
 * @driver: what the provider does for it
 * @start: lowest device address, a multiple of the granule
 * @last: highest device address, inclusive; the granule divides @last + 1
 * @pgsize_bitmap: page sizes; the smallest is the granule. At least one
 *
 * The context is inactive and has no devices. It belongs to the caller, who
 * gives it up with vcm_destroy(). The memory of vcm_alloc() may come from
 * anywhere: a provider whose page-table entries or whose bus reach less, or that
 * prefers a node, changes &vcm.memory before the context is used.
 *
 * Context: Process context.
 * Return: 0, -EINVAL for arguments that contradict each other or a driver
 * without the operations it needs, -ENODEV when the module of @driver is going
 * away. On an error there is nothing to undo.
 */
int vcm_init(struct vcm *vcm, const struct vcm_driver *driver,
	     dma_addr_t start, dma_addr_t last, unsigned long pgsize_bitmap)
{
	unsigned long mask = (pgsize_bitmap & -pgsize_bitmap) - 1;
	static atomic_t count;

	if (!pgsize_bitmap || start > last || start & mask ||
	    (last & mask) != mask || !driver->map || !driver->unmap ||
	    !driver->attach != !driver->detach ||
	    !driver->reserve != !driver->unreserve ||
	    (!driver->release && vcm != vcm_vmm) ||
	    (driver->fixed && driver->reserve))
		return -EINVAL;
	if (!try_module_get(driver->owner))
		return -ENODEV;

	vcm->start = start;
	vcm->last = last;
	vcm->driver = driver;
	vcm->id = atomic_fetch_inc(&count);
	vcm->pgsize_bitmap = pgsize_bitmap;
	vcm->memory = (struct vcm_phys_params) {
		.pgsize_bitmap = pgsize_bitmap,
		.last = PHYS_ADDR_MAX,
		.nid = NUMA_NO_NODE,
	};
	kref_init(&vcm->ref);
	init_rwsem(&vcm->topology);
	INIT_LIST_HEAD(&vcm->masters);
	spin_lock_init(&vcm->va_lock);
	vcm->granule = mask + 1;
	vcm->va_tree = RB_ROOT;
	vcm->va_last = NULL;
	INIT_LIST_HEAD(&vcm->bound);
	INIT_LIST_HEAD(&vcm->idle);
	vcm_fault_init(vcm);
	vcm_debug_init(vcm);
	return 0;
}
EXPORT_SYMBOL_GPL(vcm_init);

static void vcm_release(struct kref *ref)
{
	struct vcm *vcm = container_of(ref, struct vcm, ref);
	struct module *owner = vcm->driver->owner;

	ratelimit_state_exit(&vcm->fault_limit);
	kfree(vcm->blocked);
	kfree(vcm->spare);
	vcm->driver->release(vcm);
	module_put(owner);
}

/**
 * vcm_reaches() - whether all devices of a context can use a range
 * @vcm: the context
 * @start: first device address
 * @last: last device address, inclusive
 *
 * Context: Any.
 * Return: true when the range lies within the aperture and clear of what any
 * attached device cannot use.
 */
bool vcm_reaches(struct vcm *vcm, dma_addr_t start, dma_addr_t last)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	return vcm_va_usable(vcm, start, last);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_reaches);

/* Whether the devices reach anything of a window. */
static bool vcm_touches(struct vcm *vcm, dma_addr_t start, dma_addr_t last)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	return vcm_va_touches(vcm, start, last);
}

/*
 * Puts a binding on the hardware. A device that does not snoop must not find
 * what memory contained before its zeros were written back.
 */
static int vcm_res_map(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm *vcm = res->vcm;

	lockdep_assert_held(&vcm->topology);
	if (res->quarantine)
		return -EADDRNOTAVAIL;
	if (vcm->unsnooped)
		vcm_phys_sync(phys, 0, phys->size, DMA_BIDIRECTIONAL, false);
	return vcm->driver->map(res, phys);
}

static int vcm_map_bound(struct vcm *vcm)
{
	struct vcm_res *res;
	int ret;

	lockdep_assert_held_write(&vcm->topology);
	list_for_each_entry(res, &vcm->bound, vcm_entry) {
		ret = vcm_res_map(res, res->phys);
		if (ret)
			goto undo;
	}
	return 0;

undo:
	list_for_each_entry_continue_reverse(res, &vcm->bound, vcm_entry)
		vcm->driver->unmap(res, res->phys);
	return ret;
}

static void vcm_unmap_bound(struct vcm *vcm)
{
	struct vcm_res *res;

	lockdep_assert_held_write(&vcm->topology);
	list_for_each_entry(res, &vcm->bound, vcm_entry)
		vcm->driver->unmap(res, res->phys);
}

/**
 * vcm_activate() - put all that is bound on the hardware
 * @vcm: the context
 *
 * Counted: each success is undone by one vcm_deactivate(). When it returns,
 * the bindings are live, whoever of several callers did the work, and so is
 * every later binding at once. Contexts whose addresses follow the memory are
 * always active; there it only counts.
 *
 * Context: Process context, may sleep. Takes vcm->topology for writing.
 * Return: 0, -EINVAL for a bad pointer, -ENODEV when the context is being
 * destroyed, -EADDRNOTAVAIL when something is bound that hardware did not let go
 * of before, see vcm_quarantine(), or what the provider could not do (-ENOMEM
 * and the like): the context is as inactive as before then.
 */
int vcm_activate(struct vcm *vcm)
{
	int ret = 0;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm))
		return -EINVAL;

	down_write(&vcm->topology);
	if (vcm->dead)
		ret = -ENODEV;
	else if (!vcm_live(vcm))
		ret = vcm_map_bound(vcm);
	if (!ret)
		vcm->activations++;
	up_write(&vcm->topology);
	return ret;
}
EXPORT_SYMBOL_GPL(vcm_activate);

/**
 * vcm_deactivate() - undo one vcm_activate()
 * @vcm: the context; NULL and error pointers are ignored
 *
 * The last one takes every binding off the hardware. One too many warns and
 * does nothing.
 *
 * Context: Process context, may sleep. Takes vcm->topology for writing.
 */
void vcm_deactivate(struct vcm *vcm)
{
	might_sleep();
	if (IS_ERR_OR_NULL(vcm))
		return;

	down_write(&vcm->topology);
	if (!WARN(!vcm->activations, "vcm: more deactivations than activations\n")) {
		if (vcm->activations == 1 && vcm_live(vcm) && !vcm_fixed(vcm))
			vcm_unmap_bound(vcm);
		vcm->activations--;
	}
	up_write(&vcm->topology);
}
EXPORT_SYMBOL_GPL(vcm_deactivate);

/* Devices */

/**
 * vcm_master_block() - say what a device cannot use
 * @master: the device, as given to &vcm_driver.limits
 * @start: first device address
 * @last: last device address, inclusive
 *
 * Ranges may overlap. Nothing is done for an empty one (@start behind @last).
 *
 * Context: Process context, within &vcm_driver.limits.
 * Return: 0 or -ENOMEM.
 */
int vcm_master_block(struct vcm_master *master, dma_addr_t start,
		     dma_addr_t last)
{
	struct vcm_range *blocked;

	if (start > last)
		return 0;
	blocked = krealloc_array(master->blocked, master->nr_blocked + 1,
				 sizeof(*blocked), GFP_KERNEL);
	if (!blocked)
		return -ENOMEM;

	blocked[master->nr_blocked].start = start;
	blocked[master->nr_blocked].last = last;
	master->blocked = blocked;
	master->nr_blocked++;
	return 0;
}
EXPORT_SYMBOL_GPL(vcm_master_block);

static void vcm_master_free(struct vcm_master *master)
{
	put_device(master->dev);
	kfree(master->blocked);
	kfree(master);
}

static struct vcm_master *vcm_master_find(struct vcm *vcm, struct device *dev)
{
	struct vcm_master *master;

	lockdep_assert_held(&vcm->topology);
	list_for_each_entry(master, &vcm->masters, entry)
		if (master->dev == dev)
			return master;
	return NULL;
}

/*
 * Puts in force what the devices on vcm->masters are like. If they have blocked
 * ranges, vcm->spare has room for them, so this cannot fail.
 */
static void vcm_limits_update(struct vcm *vcm)
{
	unsigned long granule = vcm->pgsize_bitmap & -vcm->pgsize_bitmap;
	struct vcm_ranges *next = vcm->spare;
	struct vcm_master *master;
	unsigned int i;

	lockdep_assert_held_write(&vcm->topology);
	if (next)
		next->nr = 0;
	list_for_each_entry(master, &vcm->masters, entry) {
		granule = max(granule, master->granule);
		for (i = 0; i < master->nr_blocked; i++)
			next->range[next->nr++] = master->blocked[i];
	}
	if (next)
		vcm_ranges_merge(next);

	guard(spinlock_irqsave)(&vcm->va_lock);
	WRITE_ONCE(vcm->granule, granule);
	if (next)
		swap(vcm->blocked, vcm->spare);
}

static struct vcm_ranges *vcm_ranges_alloc(unsigned int capacity)
{
	struct vcm_ranges *ranges = kzalloc_flex(*ranges, range, capacity);

	if (ranges)
		ranges->capacity = capacity;
	return ranges;
}

/* Makes room in vcm->blocked and vcm->spare for what @newcomer cannot use. */
static int vcm_block_grow(struct vcm *vcm, const struct vcm_master *newcomer)
{
	unsigned int capacity = newcomer->nr_blocked;
	struct vcm_ranges *blocked, *spare;
	struct vcm_master *master;

	lockdep_assert_held_write(&vcm->topology);
	if (!capacity)
		return 0;
	list_for_each_entry(master, &vcm->masters, entry)
		capacity += master->nr_blocked;

	blocked = vcm_ranges_alloc(capacity);
	spare = vcm_ranges_alloc(capacity);
	if (!blocked || !spare) {
		kfree(blocked);
		kfree(spare);
		return -ENOMEM;
	}

	if (vcm->blocked) {
		blocked->nr = vcm->blocked->nr;
		memcpy(blocked->range, vcm->blocked->range,
		       flex_array_size(blocked, range, blocked->nr));
	}
	scoped_guard(spinlock_irqsave, &vcm->va_lock)
		swap(vcm->blocked, blocked);
	swap(vcm->spare, spare);
	kfree(blocked);
	kfree(spare);
	return 0;
}

/* Whether all that is reserved and bound fits a granule that has grown. */
static int vcm_granule_check(struct vcm *vcm)
{
	const unsigned long mask = vcm_granule(vcm) - 1;
	dma_addr_t from = vcm->start;
	struct vcm_res *res;

	lockdep_assert_held_write(&vcm->topology);
	if (vcm_fixed(vcm))
		return 0;
	list_for_each_entry(res, &vcm->bound, vcm_entry)
		if (res->phys->align_bits & mask)
			return -EADDRNOTAVAIL;

	for (;;) {
		guard(spinlock_irqsave)(&vcm->va_lock);
		res = vcm_va_first(vcm, from, vcm->last);
		if (!res)
			return 0;
		if ((res->start | (res->last + 1)) & mask)
			return -EADDRNOTAVAIL;
		if (res->last == vcm->last)
			return 0;
		from = res->last + 1;
	}
}

/* Whether reservations are older than what @master cannot use. */
static int vcm_block_check(struct vcm *vcm, const struct vcm_master *master)
{
	const struct vcm_range *range;
	unsigned int i;

	lockdep_assert_held_write(&vcm->topology);
	for (i = 0; i < master->nr_blocked; i++) {
		range = &master->blocked[i];
		guard(spinlock_irqsave)(&vcm->va_lock);
		if (vcm_va_first(vcm, range->start, range->last))
			return -EADDRNOTAVAIL;
	}
	return 0;
}

/**
 * vcm_visit_live() - visit all bindings that are on the hardware
 * @vcm: the context
 * @fn: called for each; another value than 0 ends the visit
 * @priv: for @fn
 *
 * For providers that keep several page tables: when a device brings a further
 * one, or takes it along. The order is that of the bindings and the same each
 * time while the topology is held.
 *
 * Context: Process context, within &vcm_driver.limits, &vcm_driver.forget,
 * &vcm_driver.attach or &vcm_driver.detach.
 * Return: what the last call of @fn returned, 0 without any.
 */
int vcm_visit_live(struct vcm *vcm, vcm_live_fn fn, void *priv)
{
	struct vcm_res *res;
	int ret;

	lockdep_assert_held_write(&vcm->topology);
	if (!vcm_live(vcm))
		return 0;
	list_for_each_entry(res, &vcm->bound, vcm_entry) {
		ret = fn(res, res->phys, priv);
		if (ret)
			return ret;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vcm_visit_live);

/*
 * Devices that do not snoop must find what the CPUs have written. Those of one
 * context are all alike in this: cache maintenance for one that does not would
 * destroy what one that does has in a cache. What the last one was like counts
 * until the next one comes, for whoever takes memory back by then.
 */
static void vcm_set_unsnooped(struct vcm *vcm, bool unsnooped)
{
	struct vcm_res *res;

	lockdep_assert_held_write(&vcm->topology);
	if (vcm->unsnooped == unsnooped)
		return;
	vcm->unsnooped = unsnooped;
	if (!unsnooped || !vcm_live(vcm))
		return;
	list_for_each_entry(res, &vcm->bound, vcm_entry)
		vcm_phys_sync(res->phys, 0, res->phys->size, DMA_BIDIRECTIONAL,
			      false);
}

static int vcm_attach_locked(struct vcm *vcm, struct vcm_master *master)
{
	const struct vcm_driver *driver = vcm->driver;
	const unsigned long granule = vcm_granule(vcm);
	const bool unsnooped = vcm->unsnooped;
	int ret;

	lockdep_assert_held_write(&vcm->topology);
	if (vcm->dead)
		return -ENODEV;
	if (!driver->attach)
		return -EOPNOTSUPP;
	if (vcm_master_find(vcm, master->dev))
		return -EALREADY;

	if (driver->limits) {
		ret = driver->limits(vcm, master);
		if (ret)
			return ret;
	}
	ret = -EINVAL;
	if (!list_empty(&vcm->masters) && master->unsnooped != unsnooped)
		goto err_forget;
	ret = vcm_block_grow(vcm, master);
	if (ret)
		goto err_forget;

	/* In force first, so that what is checked then stays true */
	list_add_tail(&master->entry, &vcm->masters);
	vcm_limits_update(vcm);
	ret = vcm_block_check(vcm, master);
	if (!ret && vcm_granule(vcm) != granule)
		ret = vcm_granule_check(vcm);
	if (ret)
		goto err_limits;

	vcm_set_unsnooped(vcm, master->unsnooped);
	ret = driver->attach(vcm, master->dev);
	if (ret)
		goto err_unsnooped;
	return 0;

err_unsnooped:
	vcm->unsnooped = unsnooped;
err_limits:
	list_del(&master->entry);
	vcm_limits_update(vcm);
err_forget:
	if (driver->forget)
		driver->forget(vcm, master->dev);
	return ret;
}

/**
 * vcm_attach() - let a device see a context
 * @vcm: the context
 * @dev: the device, with its driver bound to it
 *
 * All that is bound and live is there for the device when it returns. The
 * driver takes the device out again with vcm_detach() or vcm_destroy() before
 * it lets go of the device, and the device is idle while it is attached and
 * detached. Vectors of message-signalled interrupts are allocated after this
 * and freed before that.
 *
 * Context: Process context, may sleep. Takes vcm->topology for writing.
 * Return: 0, -EINVAL for a bad pointer or a device that cannot share this
 * context, for instance because it snoops caches and the others do not;
 * -EALREADY when it is attached already, -EADDRNOTAVAIL when something is
 * reserved or bound that the device cannot reach or that its granule does not
 * divide, -EPERM when the device would see all memory between two contexts,
 * -EOPNOTSUPP when the provider cannot attach devices or this one, -ENODEV when
 * the context is being destroyed or the device has no such IOMMU, -EBUSY when
 * the device sees another context, -ENOMEM. On an error nothing has changed.
 */
int vcm_attach(struct vcm *vcm, struct device *dev)
{
	struct vcm_master *master;
	int ret;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(dev))
		return -EINVAL;

	master = kzalloc_obj(*master);
	if (!master)
		return -ENOMEM;
	master->dev = get_device(dev);

	down_write(&vcm->topology);
	ret = vcm_attach_locked(vcm, master);
	up_write(&vcm->topology);
	if (ret)
		vcm_master_free(master);
	return ret;
}
EXPORT_SYMBOL_GPL(vcm_attach);

static void vcm_detach_locked(struct vcm *vcm, struct vcm_master *master)
{
	lockdep_assert_held_write(&vcm->topology);
	vcm->driver->detach(vcm, master->dev);
	list_del(&master->entry);
	vcm_limits_update(vcm);
	vcm_master_free(master);
}

/**
 * vcm_detach() - undo vcm_attach()
 * @vcm: the context; NULL and error pointers are ignored
 * @dev: the device; NULL and error pointers are ignored
 *
 * When it returns the device sees nothing of the context. Warns when the device
 * is not attached, unless vcm_destroy() has detached it.
 *
 * Context: Process context, may sleep. Takes vcm->topology for writing.
 */
void vcm_detach(struct vcm *vcm, struct device *dev)
{
	struct vcm_master *master;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(dev))
		return;

	down_write(&vcm->topology);
	master = vcm_master_find(vcm, dev);
	if (master)
		vcm_detach_locked(vcm, master);
	else
		WARN(!vcm->dead, "vcm: %s is not attached\n", dev_name(dev));
	up_write(&vcm->topology);
}
EXPORT_SYMBOL_GPL(vcm_detach);

/* Reservations */

static void vcm_res_release(struct kref *ref)
{
	struct vcm_res *res = container_of(ref, struct vcm_res, ref);
	struct vcm *vcm = res->vcm;

	kfree(res);
	kref_put(&vcm->ref, vcm_release);
}

/**
 * vcm_res_put() - give back what a look-up or an iteration returned
 * @res: the reservation; NULL and error pointers are ignored
 *
 * Drops an object reference. Ownerships are dropped by vcm_unreserve() and its
 * like.
 *
 * Context: Process context, may sleep.
 */
void vcm_res_put(struct vcm_res *res)
{
	might_sleep();
	might_alloc(GFP_KERNEL);
	if (!IS_ERR_OR_NULL(res))
		kref_put(&res->ref, vcm_res_release);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_res_put);

static struct vcm_res *vcm_res_new(struct vcm *vcm, resource_size_t size,
				   unsigned int flags, unsigned long owner)
{
	struct vcm_res *res = kzalloc_obj(*res);

	if (!res)
		return ERR_PTR(-ENOMEM);

	kref_get(&vcm->ref);
	res->vcm = vcm;
	res->res_size = size;
	res->flags = flags;
	res->owner = (void *)owner;
	RB_CLEAR_NODE(&res->va_node);
	INIT_LIST_HEAD(&res->vcm_entry);
	INIT_LIST_HEAD(&res->phys_entry);
	refcount_set(&res->owners, 1);
	kref_init(&res->ref);
	return res;
}

/* The flags as they are kept, or an error: neither direction means both. */
static int vcm_res_flags(const struct vcm *vcm, unsigned int flags)
{
	const unsigned int rw = VCM_RES_READ | VCM_RES_WRITE;

	if (flags & ~VCM_RES_FLAGS)
		return -EINVAL;
	if (flags & ~(vcm->driver->res_flags | rw))
		return -EOPNOTSUPP;
	return flags & rw ? flags : flags | rw;
}

/* The largest of the page sizes @sizes, which @size is a multiple of one of. */
static unsigned long vcm_largest(unsigned long sizes, resource_size_t size)
{
	if (size < BIT_ULL(BITS_PER_LONG - 1))
		sizes &= GENMASK(fls64(size) - 1, 0);
	return 1UL << __fls(sizes);
}

/*
 * Where in the largest page of @sizes that it has, up to @page, a part of
 * memory begins.
 */
static unsigned long vcm_part_phase(const struct phys_vec *part,
				    unsigned long sizes, unsigned long page)
{
	const unsigned long granule = sizes & -sizes;

	while (page != granule && !vcm_part_holds(part, page))
		page = 1UL << __fls(sizes & (page - 1));
	return part->paddr & (page - granule);
}

/* Addresses that @res keeps: its size and the guard. */
static int vcm_res_span(const struct vcm_res *res, unsigned long granule,
			resource_size_t *span)
{
	*span = res->res_size;
	if (res->flags & VCM_RES_GUARD &&
	    check_add_overflow(*span, granule, span))
		return -ENOSPC;
	return 0;
}

/* From whoever gives out the addresses of this context. */
static int vcm_place_ask(struct vcm_res *res, const struct vcm_va_req *req)
{
	struct vcm *vcm = res->vcm;
	int ret;

	guard(rwsem_read)(&vcm->topology);
	if (vcm->dead)
		return -ENODEV;
	ret = vcm->driver->reserve(res, req->span, req->align, req->phase);
	if (ret)
		return ret;

	res->last = res->start + (req->span - 1);
	scoped_guard(spinlock_irqsave, &vcm->va_lock)
		ret = vcm_va_insert(vcm, res);
	if (ret)
		vcm->driver->unreserve(res);
	return ret;
}

/* -ESTALE when @granule is not in force any more. */
static int vcm_place_try(struct vcm_res *res, const struct vcm_va_req *req,
			 unsigned long granule)
{
	struct vcm *vcm = res->vcm;

	if (vcm->driver->reserve)
		return vcm_place_ask(res, req);

	guard(spinlock_irqsave)(&vcm->va_lock);
	if (vcm->dead)
		return -ENODEV;
	if (vcm->granule != granule)
		return -ESTALE;
	return vcm_va_alloc(vcm, res, req);
}

/*
 * Finds an address for @res. Without req.align it is aligned to the largest page
 * of its size that still works, even if the memory has no such page: whole
 * tables are cleared at once then. It is congruent to the memory as far as the
 * first part has use of it.
 */
static int vcm_res_place(struct vcm_res *res, const struct phys_vec *part,
			 const struct vcm_va_req *wanted, unsigned long granule)
{
	unsigned long sizes = (res->vcm->pgsize_bitmap & -granule) | granule;
	struct vcm_va_req req = *wanted;
	unsigned long phase = 0, page;
	int ret;

	ret = vcm_res_span(res, granule, &req.span);
	if (ret)
		return ret;
	page = vcm_largest(sizes, res->res_size);
	/* The granule may have outgrown the memory, which cannot be bound then */
	if (part)
		phase = vcm_part_phase(part, sizes, page);
	for (;;) {
		req.align = wanted->align ?: page;
		req.phase = phase & (page - 1);
		ret = vcm_place_try(res, &req, granule);
		if (ret != -ENOSPC || wanted->align || page == granule)
			return ret;
		page = 1UL << __fls(sizes & (page - 1));
	}
}

/* Whether all that was asked for is a multiple of the granule. */
static bool vcm_req_aligned(const struct vcm_va_req *req, resource_size_t size,
			    unsigned long granule)
{
	return !((size | req->align | req->min | (req->max + 1)) &
		 (granule - 1));
}

/*
 * Reserves for a public call; @part is the first of the memory that is bound
 * next, NULL when none is.
 */
static struct vcm_res *vcm_reserve_for(struct vcm *vcm, resource_size_t size,
				       unsigned int flags,
				       const struct phys_vec *part,
				       const struct vcm_va_req *req,
				       unsigned long owner)
{
	resource_size_t mask;
	struct vcm_res *res;
	int ret;

	res = vcm_res_new(vcm, size, flags, owner);
	if (IS_ERR(res))
		return res;
	if (part)
		res->state = VCM_RES_BINDING;

	do {
		mask = vcm_granule(vcm) - 1;
		ret = -EINVAL;
		/* The granule may have grown since that was looked at */
		if (req != &vcm_anywhere && !vcm_req_aligned(req, size, mask + 1))
			break;
		ret = -ENOSPC;
		if (size > (resource_size_t)~mask)
			break;
		res->res_size = (size + mask) & ~mask;
		ret = vcm_res_place(res, part, req, mask + 1);
	} while (ret == -ESTALE);

	if (ret) {
		vcm_res_put(res);
		return ERR_PTR(ret);
	}
	return res;
}

/* What is common to the calls that reserve: the flags, or an error. */
static int vcm_reserve_check(struct vcm *vcm, resource_size_t size,
			     unsigned int flags)
{
	int ret;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || !size)
		return -EINVAL;
	ret = vcm_res_flags(vcm, flags);
	if (ret < 0)
		return ret;
	if (READ_ONCE(vcm->dead))
		return -ENODEV;
	return vcm_fixed(vcm) ? -EOPNOTSUPP : ret;
}

/**
 * vcm_reserve() - reserve contiguous device addresses
 * @vcm: the context
 * @size: bytes, rounded up to the granule
 * @flags: VCM_RES_* flags
 *
 * The address, &vcm_res.start, is aligned to the largest page that @size can
 * use, or to a smaller one where no such range is free. 0 is an address like
 * any other.
 *
 * Context: Process context, may sleep.
 * Return: the reservation, of which the caller has one ownership and drops it
 * with vcm_unreserve(); -EINVAL for a bad pointer, size 0 or an unknown flag,
 * -EOPNOTSUPP for a flag that the context cannot honour and where addresses
 * follow the memory, -ENOSPC when no range is free, -ENODEV when the context is
 * being destroyed, -ENOMEM.
 */
struct vcm_res *vcm_reserve(struct vcm *vcm, resource_size_t size,
			    unsigned int flags)
{
	int ret = vcm_reserve_check(vcm, size, flags);

	if (ret < 0)
		return ERR_PTR(ret);
	return vcm_reserve_for(vcm, size, ret, NULL, &vcm_anywhere, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vcm_reserve);

/**
 * vcm_reserve_in() - reserve contiguous device addresses within a window
 * @vcm: the context
 * @size: bytes, a multiple of the granule
 * @align: bytes, a power of two and a multiple of the granule; 0: as
 *	vcm_reserve() aligns
 * @min: lowest address of the window, a multiple of the granule
 * @max: highest address of the window, inclusive; the granule divides @max + 1
 * @flags: VCM_RES_* flags
 *
 * The window may reach beyond the aperture. Takes O(log n) for n reservations.
 *
 * Context: Process context, may sleep.
 * Return: as vcm_reserve(), and -EINVAL for a size, alignment or window that is
 * not as said above, -EADDRNOTAVAIL when all of the window is out of reach of
 * the devices, -EOPNOTSUPP also where somebody else gives out the addresses.
 */
struct vcm_res *vcm_reserve_in(struct vcm *vcm, resource_size_t size,
			       resource_size_t align, dma_addr_t min,
			       dma_addr_t max, unsigned int flags)
{
	const struct vcm_va_req req = { .align = align, .min = min, .max = max };
	int ret = vcm_reserve_check(vcm, size, flags);
	struct vcm_res *res;

	if (ret < 0)
		return ERR_PTR(ret);
	if (!vcm_req_aligned(&req, size, vcm_granule(vcm)) ||
	    (align & (align - 1)) || min > max)
		return ERR_PTR(-EINVAL);
	if (vcm->driver->reserve)
		return ERR_PTR(-EOPNOTSUPP);

	res = vcm_reserve_for(vcm, size, ret, NULL, &req, _RET_IP_);
	if (res == ERR_PTR(-ENOSPC) && !vcm_touches(vcm, min, max))
		return ERR_PTR(-EADDRNOTAVAIL);
	return res;
}
EXPORT_SYMBOL_GPL(vcm_reserve_in);

static int vcm_place_at(struct vcm_res *res)
{
	struct vcm *vcm = res->vcm;
	resource_size_t span;

	guard(spinlock_irqsave)(&vcm->va_lock);
	if (vcm->dead)
		return -ENODEV;
	if ((res->start | res->res_size) & (vcm->granule - 1))
		return -EINVAL;
	if (vcm->driver->reserve)
		return -EOPNOTSUPP;
	if (vcm_res_span(res, vcm->granule, &span) ||
	    check_add_overflow(res->start, span - 1, &res->last))
		return -EADDRNOTAVAIL;
	return vcm_va_insert(vcm, res);
}

/**
 * vcm_reserve_at() - reserve given device addresses
 * @vcm: the context
 * @addr: first address, a multiple of the granule
 * @size: bytes, a multiple of the granule
 * @flags: VCM_RES_* flags
 *
 * For addresses that firmware or hardware prescribes.
 *
 * Context: Process context, may sleep.
 * Return: the reservation, of which the caller has one ownership and drops it
 * with vcm_unreserve(); -EADDRINUSE when some of the range is reserved,
 * -EADDRNOTAVAIL when some of it is out of reach of the devices: outside the
 * aperture or a DMA mask, or in a reserved region; -EINVAL for a bad pointer,
 * size 0, an unknown flag, an address or a size that is no multiple of the
 * granule, -EOPNOTSUPP for a flag that the context cannot honour and where
 * addresses follow the memory or somebody else gives them out, -ENODEV when the
 * context is being destroyed, -ENOMEM.
 */
struct vcm_res *vcm_reserve_at(struct vcm *vcm, dma_addr_t addr,
			       resource_size_t size, unsigned int flags)
{
	int ret = vcm_reserve_check(vcm, size, flags);
	struct vcm_res *res;

	if (ret < 0)
		return ERR_PTR(ret);
	res = vcm_res_new(vcm, size, ret, _RET_IP_);
	if (IS_ERR(res))
		return res;

	res->start = addr;
	ret = vcm_place_at(res);
	if (ret) {
		vcm_res_put(res);
		return ERR_PTR(ret);
	}
	return res;
}
EXPORT_SYMBOL_GPL(vcm_reserve_at);

/**
 * vcm_ref_reserve() - add an ownership to a reservation
 * @res: the reservation; the struct must be held by the caller in some way
 *
 * Context: Any.
 * Return: 0, or -EINVAL for a bad pointer or when the last owner has gone.
 */
int vcm_ref_reserve(struct vcm_res *res)
{
	if (IS_ERR_OR_NULL(res) || !refcount_inc_not_zero(&res->owners))
		return -EINVAL;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_ref_reserve);

/* Bindings */

/* Whether no bind or unbind is under way; who ends one is to tell, if so. */
static bool vcm_res_settled(struct vcm_res *res)
{
	guard(spinlock_irqsave)(&res->vcm->va_lock);
	if (res->state == VCM_RES_UNBOUND || res->state == VCM_RES_BOUND)
		return true;
	res->awaited = true;
	return false;
}

/* Whether it is not bound any more; who unbinds it is to tell, if it is. */
static bool vcm_res_left_bound(struct vcm_res *res)
{
	guard(spinlock_irqsave)(&res->vcm->va_lock);
	if (res->state != VCM_RES_BOUND)
		return true;
	res->awaited = true;
	return false;
}

/*
 * Ends a bind or an unbind. Who waits has stood in the queue before he asked to
 * be told, under the same lock.
 */
static void vcm_res_settle(struct vcm_res *res, enum vcm_res_state state)
{
	lockdep_assert_held(&res->vcm->va_lock);
	res->state = state;
	if (res->awaited) {
		res->awaited = false;
		wake_up_var(&res->state);
	}
}

/* Claims an unbound reservation for a bind. */
static int vcm_bind_claim(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm *vcm = res->vcm;

	lockdep_assert_held_read(&vcm->topology);
	guard(spinlock_irqsave)(&vcm->va_lock);
	switch (res->state) {
	case VCM_RES_BOUND:
		return res->phys == phys ? -EALREADY : -EADDRINUSE;
	case VCM_RES_BINDING:
	case VCM_RES_UNBINDING:
		return -EBUSY;
	}

	if (res->quarantine)
		return -EADDRNOTAVAIL;
	if (phys->size > res->res_size)
		return -ENOSPC;
	if (!vcm_fixed(vcm) && phys->align_bits & (vcm_granule(vcm) - 1))
		return -EOPNOTSUPP;
	res->state = VCM_RES_BINDING;
	return 0;
}

/*
 * Enters a binding with the memory. Where addresses follow the memory there is
 * one binding of it in a context: -EADDRINUSE then, and @other gets an object
 * reference of that one.
 */
static int vcm_bind_enter(struct vcm_res *res, struct vcm_phys *phys,
			  struct vcm_res **other)
{
	struct vcm_res *entry;

	guard(spinlock)(&phys->lock);
	if (vcm_fixed(res->vcm)) {
		list_for_each_entry(entry, &phys->bindings, phys_entry) {
			if (entry->vcm != res->vcm)
				continue;
			kref_get(&entry->ref);
			*other = entry;
			return -EADDRINUSE;
		}
	}
	res->phys_seq = ++phys->last_seq;
	list_add_tail(&res->phys_entry, &phys->bindings);
	vcm_phys_get(phys);
	return 0;
}

/* Leaves the memory's list; the reference is still there. */
static void vcm_bind_leave(struct vcm_res *res, struct vcm_phys *phys)
{
	guard(spinlock)(&phys->lock);
	list_del_init(&res->phys_entry);
}

/* Takes the range that the provider has chosen for @res. */
static int vcm_bind_range(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm *vcm = res->vcm;

	guard(spinlock_irqsave)(&vcm->va_lock);
	if (check_add_overflow(res->start, phys->size - 1, &res->last))
		return -EADDRNOTAVAIL;
	return vcm_va_insert(vcm, res);
}

static int vcm_bind_map(struct vcm_res *res, struct vcm_phys *phys)
{
	const dma_addr_t start = res->start;
	struct vcm *vcm = res->vcm;
	int ret;

	if (!vcm_live(vcm))
		return 0;
	ret = vcm_res_map(res, phys);
	if (ret || !vcm_fixed(vcm))
		return ret;

	ret = vcm_bind_range(res, phys);
	if (ret) {
		vcm->driver->unmap(res, phys);
		res->start = start;
	}
	return ret;
}

static void vcm_bind_done(struct vcm_res *res, struct vcm_phys *phys, bool made)
{
	struct vcm *vcm = res->vcm;

	guard(spinlock_irqsave)(&vcm->va_lock);
	res->phys = phys;
	res->bound_size = phys->size;
	res->made = made;
	res->placed = true;
	list_move_tail(&res->vcm_entry, &vcm->bound);
	vcm_res_settle(res, VCM_RES_BOUND);
}

static int vcm_bind_failed(struct vcm_res *res, int ret)
{
	guard(spinlock_irqsave)(&res->vcm->va_lock);
	vcm_res_settle(res, VCM_RES_UNBOUND);
	return ret;
}

/*
 * Binds what is claimed for it, with topology held; @other as in
 * vcm_bind_enter(). @made says whether the binding takes over the ownership of
 * the memory.
 */
static int vcm_bind_claimed(struct vcm_res *res, struct vcm_phys *phys,
			    bool made, struct vcm_res **other)
{
	int ret;

	lockdep_assert_held_read(&res->vcm->topology);
	ret = vcm_bind_enter(res, phys, other);
	if (ret)
		return vcm_bind_failed(res, ret);
	ret = vcm_bind_map(res, phys);
	if (ret) {
		vcm_bind_leave(res, phys);
		vcm_phys_drop(phys);
		return vcm_bind_failed(res, ret);
	}
	vcm_bind_done(res, phys, made);
	return 0;
}

/* vcm_bind() with topology held; for the rest see vcm_bind_claimed(). */
static int vcm_bind_locked(struct vcm_res *res, struct vcm_phys *phys,
			   bool made, struct vcm_res **other)
{
	int ret;

	if (res->vcm->dead)
		return -ENODEV;
	ret = vcm_bind_claim(res, phys);
	return ret ?: vcm_bind_claimed(res, phys, made, other);
}

/* The same for a reservation that was made for @phys, and claimed with that. */
static int vcm_bind_born(struct vcm_res *res, struct vcm_phys *phys, bool made)
{
	struct vcm *vcm = res->vcm;
	int ret;

	guard(rwsem_read)(&vcm->topology);
	if (vcm->dead)
		ret = -ENODEV;
	else if (phys->align_bits & (vcm_granule(vcm) - 1))
		ret = -EOPNOTSUPP;
	else
		return vcm_bind_claimed(res, phys, made, NULL);
	return vcm_bind_failed(res, ret);
}

/**
 * vcm_bind() - make memory reachable at a reservation
 * @res: the reservation
 * @phys: the memory; may be smaller than the reservation
 *
 * In an active context the device reaches the memory when it returns, in an
 * inactive one after vcm_activate(). The binding holds the memory.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 * Return: 0, -EALREADY when this memory is bound there, -EADDRINUSE when other
 * memory is, or when another reservation of a context whose addresses follow
 * the memory holds the range; -EBUSY when another bind or unbind of @res is
 * under way, -ENOSPC when the memory is larger than the reservation,
 * -EOPNOTSUPP when this context cannot bind this memory, -EADDRNOTAVAIL when a
 * device cannot reach it or @res is in quarantine, -EINVAL for a bad pointer,
 * -ENODEV when the context is being destroyed or its hardware has gone, -EIO
 * when hardware does not answer, -ENOMEM. On an error nothing has changed.
 */
int vcm_bind(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm_res *other = NULL;
	int ret;

	might_sleep();
	if (IS_ERR_OR_NULL(res) || IS_ERR_OR_NULL(phys))
		return -EINVAL;

	down_read(&res->vcm->topology);
	ret = vcm_bind_locked(res, phys, false, &other);
	up_read(&res->vcm->topology);
	vcm_res_put(other);
	return ret;
}
EXPORT_SYMBOL_GPL(vcm_bind);

/* Notes that addresses are given back, and gives them back. */
static void vcm_res_erase(struct vcm_res *res, unsigned long by)
{
	struct vcm *vcm = res->vcm;
	struct vcm_released *entry;

	lockdep_assert_held(&vcm->va_lock);
	vcm_va_erase(vcm, res);
	entry = &vcm->history[vcm->nr_released++ % VCM_HISTORY];
	entry->start = res->start;
	entry->last = res->last;
	entry->owner = res->owner;
	entry->by = (void *)by;
	entry->when = jiffies;
}

/*
 * Claims a bound reservation for an unbind; returns the state in which it was.
 * Where addresses follow the memory, the range goes first: the provider may
 * choose the same addresses for the next binding as soon as it has unmapped
 * this one.
 */
static u8 vcm_unbind_claim(struct vcm_res *res, unsigned long by)
{
	struct vcm *vcm = res->vcm;
	u8 state;

	lockdep_assert_held_read(&vcm->topology);
	guard(spinlock_irqsave)(&vcm->va_lock);
	state = res->state;
	if (state == VCM_RES_BOUND) {
		res->state = VCM_RES_UNBINDING;
		if (vcm_fixed(vcm))
			vcm_res_erase(res, by);
	}
	return state;
}

/*
 * Takes topology and claims as soon as no other bind or unbind is under way;
 * false when nothing is bound then.
 */
static bool vcm_unbind_begin(struct vcm_res *res, unsigned long by,
			     bool *waited)
{
	struct vcm *vcm = res->vcm;
	u8 state;

	for (;;) {
		down_read(&vcm->topology);
		state = vcm_unbind_claim(res, by);
		if (state == VCM_RES_BOUND || state == VCM_RES_UNBOUND)
			return state == VCM_RES_BOUND;

		up_read(&vcm->topology);
		*waited = true;
		wait_var_event(&res->state, vcm_res_settled(res));
	}
}

/*
 * After the provider has unmapped. Returns whether the reservation owned the
 * memory. Topology must be held if @res still is on vcm->bound.
 */
static bool vcm_unbind_end(struct vcm_res *res)
{
	struct vcm *vcm = res->vcm;
	bool made = res->made;

	lockdep_assert_held(&vcm->va_lock);
	list_del_init(&res->vcm_entry);
	if (vcm_fixed(vcm))
		list_add_tail(&res->vcm_entry, &vcm->idle);
	res->phys = NULL;
	res->bound_size = 0;
	vcm_res_settle(res, VCM_RES_UNBOUND);
	return made;
}

/*
 * Takes @res out of its context on behalf of @by. True when its addresses go
 * back to the provider then.
 */
static bool vcm_res_leave(struct vcm_res *res, unsigned long by)
{
	struct vcm *vcm = res->vcm;

	lockdep_assert_held(&vcm->va_lock);
	list_del_init(&res->vcm_entry);
	if (RB_EMPTY_NODE(&res->va_node) || res->quarantine)
		return false;
	/* Out of the tree first: they may be somebody else's at once */
	vcm_res_erase(res, by);
	return vcm->driver->unreserve && !vcm->dead;
}

/*
 * Unbinds, and if its @last owner has gone, takes @res out of its context.
 * Returns the memory with the reference that the binding had, NULL when nothing
 * was bound; @waited is set when that was so only after another bind or unbind
 * had ended. @made tells whether the reservation owned the memory.
 */
static struct vcm_phys *vcm_unbind_res(struct vcm_res *res, unsigned long by,
				       bool last, bool *made, bool *waited)
{
	struct vcm_phys *phys = NULL;
	struct vcm *vcm = res->vcm;
	bool give = false;

	if (vcm_unbind_begin(res, by, waited)) {
		phys = res->phys;
		if (vcm_live(vcm))
			vcm->driver->unmap(res, phys);
		vcm_bind_leave(res, phys);
	}
	scoped_guard(spinlock_irqsave, &vcm->va_lock) {
		if (phys)
			*made = vcm_unbind_end(res);
		if (last)
			give = vcm_res_leave(res, by);
	}
	if (give)
		vcm->driver->unreserve(res);
	up_read(&vcm->topology);
	return phys;
}

/* vcm_unbind() on behalf of @by. */
static struct vcm_phys *vcm_unbind_owned(struct vcm_res *res, unsigned long by)
{
	bool made = false, waited = false;
	struct vcm_phys *phys;

	phys = vcm_unbind_res(res, by, false, &made, &waited);
	if (!phys) {
		WARN(!waited, "vcm: nothing is bound in the reservation of %pS\n",
		     res->owner);
		return NULL;
	}
	return vcm_phys_drop(phys) ? NULL : phys;
}

/**
 * vcm_unbind() - take memory away from a reservation
 * @res: the reservation; NULL and error pointers are ignored
 *
 * When it returns, no master reaches the memory through this reservation: page
 * tables are cleared and TLBs invalidated. It waits for a bind or unbind under
 * way. It never fails. Of memory that vcm_make_binding() allocated the caller
 * takes over the ownership and gives it up with vcm_free(). vcm_vmm promises
 * what vunmap() does: the translation may linger in TLBs.
 *
 * Where devices do not snoop, whoever wants to read what they have written calls
 * vcm_sync_for_cpu() first.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 * Return: the memory, good for whoever holds or takes over it; NULL when this
 * binding was the last to hold it. NULL, and a warning, when nothing was bound;
 * no warning when it had to wait and then found nothing.
 */
struct vcm_phys *vcm_unbind(struct vcm_res *res)
{
	might_sleep();
	if (IS_ERR_OR_NULL(res))
		return NULL;
	return vcm_unbind_owned(res, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vcm_unbind);

static int vcm_batch_cmp(void *priv, const struct list_head *a,
			 const struct list_head *b)
{
	return list_entry(a, struct vcm_res, vcm_entry)->start >
	       list_entry(b, struct vcm_res, vcm_entry)->start;
}

static void vcm_unmap_batch(struct vcm *vcm, struct list_head *batch)
{
	struct vcm_res *res;

	lockdep_assert_held_read(&vcm->topology);
	if (list_empty(batch) || !vcm_live(vcm))
		return;
	if (vcm->driver->unmap_many) {
		list_sort(NULL, batch, vcm_batch_cmp);
		vcm->driver->unmap_many(vcm, batch);
		return;
	}
	list_for_each_entry(res, batch, vcm_entry)
		vcm->driver->unmap(res, res->phys);
}

/*
 * Unbinds reservations of one context together, up to one of another context or
 * one that is not just bound. Returns their number.
 */
static unsigned int vcm_unbind_batch(struct vcm_res *const *res,
				     unsigned int nr, unsigned long by)
{
	struct vcm *vcm = res[0]->vcm;
	struct vcm_res *entry, *next;
	struct vcm_phys *phys;
	unsigned int n;
	LIST_HEAD(batch);

	down_read(&vcm->topology);
	for (n = 0; n < nr; n++) {
		if (IS_ERR_OR_NULL(res[n]) || res[n]->vcm != vcm ||
		    vcm_unbind_claim(res[n], by) != VCM_RES_BOUND)
			break;
		scoped_guard(spinlock_irqsave, &vcm->va_lock)
			list_move_tail(&res[n]->vcm_entry, &batch);
	}
	vcm_unmap_batch(vcm, &batch);
	up_read(&vcm->topology);

	list_for_each_entry_safe(entry, next, &batch, vcm_entry) {
		phys = entry->phys;
		vcm_bind_leave(entry, phys);
		scoped_guard(spinlock_irqsave, &vcm->va_lock)
			vcm_unbind_end(entry);
		vcm_phys_drop(phys);
	}
	return n;
}

/**
 * vcm_unbind_many() - take memory away from many reservations
 * @res: the reservations; NULL and error pointers are ignored
 * @nr: number of @res
 *
 * Does what vcm_unbind() does for each, and waits for TLBs as rarely as the
 * provider can. Those that stand side by side in @res and belong to one context
 * are handled together, in any order. Who takes over memory of
 * vcm_make_binding() looks at &vcm_res.phys beforehand.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 */
void vcm_unbind_many(struct vcm_res *const *res, unsigned int nr)
{
	unsigned int n, done;

	might_sleep();
	if (IS_ERR_OR_NULL(res))
		return;
	for (n = 0; n < nr; n += done) {
		done = 1;
		if (IS_ERR_OR_NULL(res[n]))
			continue;
		done = vcm_unbind_batch(res + n, nr - n, _RET_IP_);
		if (!done) {
			/* Not just bound: alone, and after waiting if need be */
			vcm_unbind_owned(res[n], _RET_IP_);
			done = 1;
		}
	}
}
EXPORT_SYMBOL_GPL(vcm_unbind_many);

/* Takes @res out of its context, if that is all there is to do. */
static bool vcm_res_leave_unbound(struct vcm_res *res, unsigned long by)
{
	struct vcm *vcm = res->vcm;

	guard(spinlock_irqsave)(&vcm->va_lock);
	if (res->state != VCM_RES_UNBOUND || vcm->driver->unreserve)
		return false;
	vcm_res_leave(res, by);
	return true;
}

/*
 * Drops an ownership on behalf of @by. The last one unbinds and gives the
 * address back; @warn says whether something should not have been bound then.
 */
static void vcm_res_drop(struct vcm_res *res, bool warn, unsigned long by)
{
	bool made = false, waited = false;
	struct vcm_phys *phys;

	if (!refcount_dec_and_test(&res->owners))
		return;

	if (!vcm_res_leave_unbound(res, by)) {
		phys = vcm_unbind_res(res, by, true, &made, &waited);
		WARN(phys && warn, "vcm: reservation of %pS dropped while bound\n",
		     res->owner);
		if (made)
			vcm_phys_disown(phys);
		if (phys)
			vcm_phys_drop(phys);
	}
	vcm_res_put(res);
}

/**
 * vcm_unreserve() - drop an ownership of a reservation
 * @res: the reservation; NULL and error pointers are ignored
 *
 * The last one releases the addresses. If something is still bound then, it
 * warns and unbinds.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 */
void vcm_unreserve(struct vcm_res *res)
{
	might_sleep();
	if (!IS_ERR_OR_NULL(res))
		vcm_res_drop(res, true, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vcm_unreserve);

/**
 * vcm_quarantine() - say that hardware did not let go of a binding
 * @res: the reservation
 * @phys: the memory
 *
 * For &vcm_driver.unmap, and for &vcm_driver.map that could not undo what it had
 * done, of providers where the core chooses addresses. Both the addresses and
 * the memory are kept for good and never used again, and a later bind of @res
 * gets -EADDRNOTAVAIL; so the context is never freed.
 *
 * Context: Process context, within an operation of the provider.
 */
void vcm_quarantine(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm *vcm = res->vcm;
	resource_size_t sum;

	lockdep_assert_held(&vcm->topology);
	scoped_guard(spinlock_irqsave, &vcm->va_lock) {
		if (res->quarantine)
			return;
		res->quarantine = vcm_phys_get(phys);
		vcm->quarantined += res->res_size;
		sum = vcm->quarantined;
	}
	kref_get(&res->ref);
	/* Nobody may be left who points to it */
	kmemleak_not_leak(res);
	pr_err("%s.%u: hardware did not let go of %pad size %pa of %pS, never used again (%pa in all)\n",
	       vcm->driver->name, vcm->id, &res->start, &res->res_size,
	       res->owner, &sum);
}
EXPORT_SYMBOL_GPL(vcm_quarantine);

/* Several steps in one */

/*
 * Takes an ownership of a reservation that has @phys bound. 0, -EADDRINUSE when
 * its flags differ, -EAGAIN when the binding has gone.
 */
static int vcm_res_share(struct vcm_res *res, struct vcm_phys *phys,
			 unsigned int flags, unsigned long owner)
{
	u8 state;

	for (;;) {
		wait_var_event(&res->state, vcm_res_settled(res));
		scoped_guard(spinlock_irqsave, &res->vcm->va_lock) {
			state = res->state;
			if (state == VCM_RES_UNBOUND ||
			    (state == VCM_RES_BOUND && res->phys != phys))
				return -EAGAIN;
		}
		if (state != VCM_RES_BOUND)
			continue;
		if (refcount_inc_not_zero(&res->owners))
			break;
		/* The last owner has gone and is about to unbind */
		wait_var_event(&res->state, vcm_res_left_bound(res));
	}

	if (res->flags == flags)
		return 0;
	vcm_res_drop(res, false, owner);
	return -EADDRINUSE;
}

/* vcm_map() where addresses follow the memory. */
static struct vcm_res *vcm_map_fixed(struct vcm *vcm, struct vcm_phys *phys,
				     unsigned int flags, bool made,
				     unsigned long owner)
{
	struct vcm_res *res, *other;
	int ret;

	res = vcm_res_new(vcm, phys->size, flags, owner);
	if (IS_ERR(res))
		return res;

	for (;;) {
		other = NULL;
		down_read(&vcm->topology);
		ret = vcm_bind_locked(res, phys, made, &other);
		up_read(&vcm->topology);
		if (!ret)
			return res;
		if (!other)
			break;

		ret = vcm_res_share(other, phys, flags, owner);
		vcm_res_put(other);
		if (!ret) {
			vcm_res_put(res);
			return other;
		}
		if (ret != -EAGAIN)
			break;
	}
	vcm_res_put(res);
	return ERR_PTR(ret);
}

static struct vcm_res *vcm_map_owned(struct vcm *vcm, struct vcm_phys *phys,
				     unsigned int flags, bool made,
				     unsigned long owner)
{
	struct vcm_res *res;
	int ret;

	ret = vcm_res_flags(vcm, flags);
	if (ret < 0)
		return ERR_PTR(ret);
	flags = ret;
	if (READ_ONCE(vcm->dead))
		return ERR_PTR(-ENODEV);
	if (vcm_fixed(vcm))
		return vcm_map_fixed(vcm, phys, flags, made, owner);
	if (phys->align_bits & (vcm_granule(vcm) - 1))
		return ERR_PTR(-EOPNOTSUPP);

	res = vcm_reserve_for(vcm, phys->size, flags, phys->parts,
			      &vcm_anywhere, owner);
	if (IS_ERR(res))
		return res;
	ret = vcm_bind_born(res, phys, made);
	if (ret) {
		vcm_res_drop(res, false, owner);
		return ERR_PTR(ret);
	}
	return res;
}

/**
 * vcm_map() - reserve addresses for memory and bind it
 * @vcm: the context
 * @phys: the memory
 * @flags: VCM_RES_* flags
 *
 * The address is congruent to the first part of the memory, so that the largest
 * page fits. Where addresses follow the memory and it is bound already, the
 * same reservation is returned with one more ownership.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 * Return: the reservation, of which the caller has one ownership and drops it
 * with vcm_unmap(); -EADDRINUSE when the memory is bound there with other
 * flags, or else as vcm_reserve() and vcm_bind().
 */
struct vcm_res *vcm_map(struct vcm *vcm, struct vcm_phys *phys,
			unsigned int flags)
{
	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(phys))
		return ERR_PTR(-EINVAL);
	return vcm_map_owned(vcm, phys, flags, false, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vcm_map);

/**
 * vcm_unmap() - drop an ownership of a reservation, bound or not
 * @res: the reservation; NULL and error pointers are ignored
 *
 * The last one unbinds and releases the addresses.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 */
void vcm_unmap(struct vcm_res *res)
{
	might_sleep();
	if (!IS_ERR_OR_NULL(res))
		vcm_res_drop(res, false, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vcm_unmap);

/* What memory must be like so that all of the contexts can bind it. */
static int vcm_alloc_params(struct vcm *const *vcms, unsigned int nr,
			    struct vcm_phys_params *params)
{
	unsigned long granule = PAGE_SIZE, sizes = 0;
	const struct vcm_phys_params *memory;
	unsigned int i;

	*params = vcms[0]->memory;
	for (i = 0; i < nr; i++) {
		if (READ_ONCE(vcms[i]->dead))
			return -ENODEV;
		memory = &vcms[i]->memory;
		sizes |= memory->pgsize_bitmap ?: PAGE_MASK;
		granule = max(granule, vcm_granule(vcms[i]));
		params->last = min(params->last, memory->last);
		params->flags |= memory->flags;
		if (params->nid == NUMA_NO_NODE)
			params->nid = memory->nid;
	}
	params->pgsize_bitmap = (sizes & -granule) | granule;
	return 0;
}

/* Whether all contexts can bind memory that one of them has allocated. */
static bool vcm_suits_all(struct vcm *const *vcms, unsigned int nr,
			  const struct vcm_phys *phys)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct vcm *vcm = vcms[i];

		if (vcm->driver->suits ? !vcm->driver->suits(vcm, phys) :
		    !vcm_fixed(vcm) && phys->align_bits & (vcm_granule(vcm) - 1))
			return false;
	}
	return true;
}

/* From the area of a provider, as far as one of them has memory for all. */
static struct vcm_phys *vcm_alloc_area(struct vcm *const *vcms, unsigned int nr,
				       resource_size_t size, unsigned int flags,
				       const struct vcm_phys_params *params)
{
	struct vcm_phys *phys = NULL;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!vcms[i]->driver->alloc)
			continue;
		phys = vcms[i]->driver->alloc(vcms[i], size, flags, params);
		if (IS_ERR(phys))
			continue;
		if (vcm_suits_all(vcms, nr, phys))
			return phys;
		vcm_free(phys);
		phys = ERR_PTR(-EADDRNOTAVAIL);
	}
	return phys;
}

/**
 * vcm_alloc_for() - allocate memory that suits several contexts
 * @vcms: the contexts
 * @nr: number of @vcms, not 0
 * @size: bytes, rounded up to the page size and to the largest granule
 * @flags: VCM_ALLOC_* flags
 *
 * The most constrained context decides: where one needs a single part, below an
 * address, or from an area of its own, that is what all get. The memory is
 * zeroed unless %VCM_ALLOC_NOZERO is given.
 *
 * Context: Process context, may sleep.
 * Return: the allocation, which belongs to the caller, who gives it up with
 * vcm_free(); -EINVAL for a bad pointer, no contexts, size 0 or an unknown flag,
 * -EOPNOTSUPP for a flag that a provider cannot honour, -EINTR when a fatal
 * signal is pending, -EADDRNOTAVAIL when there is memory, but none that all
 * devices reach, -ENODEV when a context is being destroyed, -ENOMEM.
 */
struct vcm_phys *vcm_alloc_for(struct vcm *const *vcms, unsigned int nr,
			       resource_size_t size, unsigned int flags)
{
	struct vcm_phys_params params;
	resource_size_t mask;
	struct vcm_phys *phys;
	unsigned int i;
	int ret;

	might_sleep();
	if (IS_ERR_OR_NULL(vcms) || !nr || !size || flags & ~VCM_ALLOC_FLAGS)
		return ERR_PTR(-EINVAL);
	for (i = 0; i < nr; i++)
		if (IS_ERR_OR_NULL(vcms[i]))
			return ERR_PTR(-EINVAL);
	ret = vcm_alloc_params(vcms, nr, &params);
	if (ret)
		return ERR_PTR(ret);

	mask = (params.pgsize_bitmap & -params.pgsize_bitmap) - 1;
	if (size > (resource_size_t)~mask)
		return ERR_PTR(-ENOMEM);
	size = (size + mask) & ~mask;
	flags |= params.flags;

	phys = vcm_alloc_area(vcms, nr, size, flags, &params);
	if (phys)
		return phys;
	phys = vcm_phys_alloc(size, flags, &params);
	if (IS_ERR(phys) || vcm_suits_all(vcms, nr, phys))
		return phys;
	vcm_free(phys);
	return ERR_PTR(-EADDRNOTAVAIL);
}
EXPORT_SYMBOL_GPL(vcm_alloc_for);

/**
 * vcm_alloc() - allocate memory that suits a context
 * @vcm: the context
 * @size: bytes, rounded up to the granule and to the page size
 * @flags: VCM_ALLOC_* flags
 *
 * The memory is zeroed unless %VCM_ALLOC_NOZERO is given. It may be bound in
 * other contexts too.
 *
 * Context: Process context, may sleep.
 * Return: the allocation, which belongs to the caller, who gives it up with
 * vcm_free(); -EINVAL for a bad pointer, size 0 or an unknown flag, -EOPNOTSUPP
 * for a flag that the provider cannot honour, -EINTR when a fatal signal is
 * pending, -EADDRNOTAVAIL when the provider's memory lies outside what the
 * devices reach, -ENODEV when the context is being destroyed, -ENOMEM.
 */
struct vcm_phys *vcm_alloc(struct vcm *vcm, resource_size_t size,
			   unsigned int flags)
{
	return vcm_alloc_for(&vcm, 1, size, flags);
}
EXPORT_SYMBOL_GPL(vcm_alloc);

/**
 * vcm_make_binding() - allocate memory, reserve addresses for it and bind it
 * @vcm: the context
 * @size: bytes, rounded up to the granule and to the page size
 * @alloc_flags: VCM_ALLOC_* flags
 * @res_flags: VCM_RES_* flags
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 * Return: the reservation, of which the caller has one ownership; it owns its
 * memory, and vcm_destroy_binding() gives up both. Else as vcm_alloc() and
 * vcm_map().
 */
struct vcm_res *vcm_make_binding(struct vcm *vcm, resource_size_t size,
				 unsigned int alloc_flags,
				 unsigned int res_flags)
{
	struct vcm_phys *phys;
	struct vcm_res *res;
	int ret;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm))
		return ERR_PTR(-EINVAL);
	ret = vcm_res_flags(vcm, res_flags);
	if (ret < 0)
		return ERR_PTR(ret);

	phys = vcm_alloc(vcm, size, alloc_flags);
	if (IS_ERR(phys))
		return ERR_CAST(phys);
	res = vcm_map_owned(vcm, phys, res_flags, true, _RET_IP_);
	if (IS_ERR(res))
		vcm_free(phys);
	return res;
}
EXPORT_SYMBOL_GPL(vcm_make_binding);

/**
 * vcm_destroy_binding() - give up memory and a reservation
 * @res: the reservation; NULL and error pointers are ignored
 *
 * Gives up the ownership of the memory that is bound at this moment, if nobody
 * has yet, and drops an ownership of the reservation. The memory goes when the
 * last binding and the last holder have gone.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 */
void vcm_destroy_binding(struct vcm_res *res)
{
	might_sleep();
	if (IS_ERR_OR_NULL(res))
		return;

	/* The binding holds the memory, so this is not the last reference */
	scoped_guard(spinlock_irqsave, &res->vcm->va_lock)
		if (res->state == VCM_RES_BOUND)
			vcm_phys_disown(res->phys);
	vcm_res_drop(res, false, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vcm_destroy_binding);

/* The end of a context */

struct vcm_report {
	unsigned int nr;
	struct {
		dma_addr_t start;
		resource_size_t size;
		const void *owner;
	} line[VCM_REPORT_MAX];
};

static void vcm_report_add(struct vcm_report *report, const struct vcm_res *res)
{
	report->line[report->nr].start = res->start;
	report->line[report->nr].size = res->res_size;
	report->line[report->nr].owner = res->owner;
	report->nr++;
}

static void vcm_report_collect(struct vcm *vcm, struct vcm_report *report)
{
	dma_addr_t from = vcm->start;
	struct vcm_res *res;

	while (report->nr < VCM_REPORT_MAX) {
		guard(spinlock_irqsave)(&vcm->va_lock);
		res = vcm_va_first(vcm, from, vcm->last);
		if (!res)
			break;
		vcm_report_add(report, res);
		if (res->last == vcm->last)
			break;
		from = res->last + 1;
	}

	guard(spinlock_irqsave)(&vcm->va_lock);
	list_for_each_entry(res, &vcm->idle, vcm_entry) {
		if (report->nr == VCM_REPORT_MAX)
			break;
		vcm_report_add(report, res);
	}
}

/* Names the owners of the reservations that outlive their context. */
static void vcm_report_alive(struct vcm *vcm)
{
	struct vcm_report report = { };
	unsigned int i;

	vcm_report_collect(vcm, &report);
	if (!report.nr)
		return;

	pr_warn("%s.%u: context destroyed with %u reservations alive\n",
		vcm->driver->name, vcm->id, kref_read(&vcm->ref) - 1);
	for (i = 0; i < report.nr; i++)
		pr_warn("  %pad size %pa of %pS\n", &report.line[i].start,
			&report.line[i].size, report.line[i].owner);
}

/*
 * Gives the addresses of what is still reserved back to whom they belong. With
 * the context dead and topology held for writing, the address tree stands
 * still.
 */
static void vcm_give_all(struct vcm *vcm)
{
	struct rb_node *rb;

	lockdep_assert_held_write(&vcm->topology);
	if (!vcm->driver->unreserve)
		return;
	for (rb = rb_first(&vcm->va_tree); rb; rb = rb_next(rb)) {
		struct vcm_res *res = rb_entry(rb, struct vcm_res, va_node);

		if (!res->quarantine)
			vcm->driver->unreserve(res);
	}
}

/**
 * vcm_destroy() - give up a context
 * @vcm: the context; NULL and error pointers are ignored
 *
 * When it returns, no device is attached and nothing bound is on the hardware.
 * Reservations that are still alive are reported with their owners; unbinding
 * and dropping them works on and touches no hardware, everything else gets
 * -ENODEV. The last of them frees the context.
 *
 * Context: Process context, may sleep. Takes vcm->topology for writing.
 */
void vcm_destroy(struct vcm *vcm)
{
	struct vcm_master *master, *next;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm) ||
	    WARN(vcm == vcm_vmm, "vcm: vcm_vmm is not to be destroyed\n"))
		return;

	down_write(&vcm->topology);
	if (WARN(vcm->dead, "vcm: context destroyed twice\n")) {
		up_write(&vcm->topology);
		return;
	}
	if (vcm_live(vcm))
		vcm_unmap_bound(vcm);
	scoped_guard(spinlock_irqsave, &vcm->va_lock)
		WRITE_ONCE(vcm->dead, true);
	vcm_give_all(vcm);
	list_for_each_entry_safe(master, next, &vcm->masters, entry)
		vcm_detach_locked(vcm, master);
	up_write(&vcm->topology);

	vcm_debug_exit(vcm);
	/* Its owner is about to go, whoever holds the context on */
	vcm_fault_handler_drop(vcm);
	vcm_report_alive(vcm);
	kref_put(&vcm->ref, vcm_release);
}
EXPORT_SYMBOL_GPL(vcm_destroy);

/*
 * Bind allocates memory with topology held, so nothing that may be called from
 * reclaim or from an MMU notifier may come here: tell lockdep before it
 * happens.
 */
static int __init vcm_prime_lockdep(void)
{
	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return 0;
	down_read(&vcm_vmm->topology);
	fs_reclaim_acquire(GFP_KERNEL);
	fs_reclaim_release(GFP_KERNEL);
	up_read(&vcm_vmm->topology);
	return 0;
}
subsys_initcall(vcm_prime_lockdep);
