// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: contexts, and who is told of their faults.
 *
 * This file and its neighbours are the core: vcm-master.c has the devices that
 * see a context, vcm-res.c the reservations, vcm-bind.c the bindings, vcm-alloc.c
 * the memory that suits contexts. The core knows no hardware; struct vcm_driver
 * does.
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
 *	memory, of those that are idle. Held for O(log n), at the most for each
 *	page size and each window, never across an operation of the provider;
 *	may be taken in hard interrupt context.
 *	A reservation leaves vcm->bound only while it is being unbound, so the
 *	list stands still for whoever holds topology for writing: such a walk
 *	needs neither lock nor references. One that is being unbound may stand
 *	on a list of its unbinder's.
 * phys->lock (spinlock): the bindings of a physical allocation, which
 *	several contexts share.
 * vcm_memory_lock (mutex, vcm-debugfs.c): what was allocated, for all contexts.
 *
 * Order: topology, then the provider's locks, then one of the two spinlocks or
 * vcm_memory_lock; these never nest.
 *
 * The state of a reservation (enum vcm_res_state) makes the slow work of
 * different reservations run in parallel and that of one exclusive, which is
 * what today's page-table code demands of its caller. Topology is taken before
 * the state changes; only vcm_map() makes a reservation that is being bound
 * from the start. Nobody waits for a state while holding topology or while
 * binding or unbinding another reservation: a waiter drops topology, waits,
 * takes it again and looks again.
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
#include <linux/export.h>
#include <linux/module.h>
#include <linux/numa.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "vcm-internal.h"

/* How many of the reservations alive vcm_destroy() names. */
#define VCM_REPORT_MAX		16

/* Blocks that a context prints in five seconds; a device may fault for ever. */
#define VCM_FAULT_BURST		5

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
 * prefers a node, changes &vcm.memory before the context is used; one without
 * @limits says in &vcm.unsnooped whether its device does not snoop caches.
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
	    (last & mask) != mask || !driver->map ||
	    (!driver->unmap && !driver->fixed) ||
	    ((driver->attach || driver->detach || driver->forget) &&
	     !driver->limits) ||
	    !driver->reserve != !driver->unreserve ||
	    !driver->release != driver->permanent ||
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
	ratelimit_state_init(&vcm->fault_limit, DEFAULT_RATELIMIT_INTERVAL,
			     VCM_FAULT_BURST);
	ratelimit_set_flags(&vcm->fault_limit, RATELIMIT_MSG_ON_RELEASE);
	vcm_debug_init(vcm);
	return 0;
}
EXPORT_SYMBOL_GPL(vcm_init);

void vcm_release(struct kref *ref)
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

/*
 * Puts a binding on the hardware. A device that does not snoop must not find
 * what memory contained before its zeros were written back.
 */
int vcm_res_map(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm *vcm = res->vcm;

	lockdep_assert_held(&vcm->topology);
	if (res->quarantined)
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
		vcm_res_unmap(res, res->phys);
	return ret;
}

static void vcm_unmap_bound(struct vcm *vcm)
{
	struct vcm_res *res;

	lockdep_assert_held_write(&vcm->topology);
	list_for_each_entry(res, &vcm->bound, vcm_entry)
		vcm_res_unmap(res, res->phys);
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

/* Faults */

/* Sets @handler. Returns the one before, which may be running yet. */
static struct vcm_fault_handler *
vcm_fault_handler_swap(struct vcm *vcm, struct vcm_fault_handler *handler)
{
	return unrcu_pointer(xchg(&vcm->fault_handler,
				  RCU_INITIALIZER(handler)));
}

/* Waits for faults under way, so not with topology held. */
static void vcm_fault_handler_free(struct vcm_fault_handler *handler)
{
	if (handler) {
		synchronize_rcu();
		kfree(handler);
	}
}

/**
 * vcm_set_fault_handler() - be told of the faults of a context's devices
 * @vcm: the context
 * @fn: called for each fault; NULL: nobody is from now on
 * @priv: for @fn
 *
 * When it returns, the function that was set before is not running and will not
 * be called. A context has one at a time, and none any more after vcm_destroy().
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 * Return: 0, -EINVAL for a bad pointer, -ENODEV when the context is being
 * destroyed, -ENOMEM; always 0 when @fn is NULL.
 */
int vcm_set_fault_handler(struct vcm *vcm, vcm_fault_fn fn, void *priv)
{
	struct vcm_fault_handler *handler, *old;
	bool dead;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm))
		return -EINVAL;
	if (!fn) {
		vcm_fault_handler_free(vcm_fault_handler_swap(vcm, NULL));
		return 0;
	}

	handler = kzalloc_obj(*handler);
	if (!handler)
		return -ENOMEM;
	handler->fn = fn;
	handler->priv = priv;

	down_read(&vcm->topology);
	dead = vcm->dead;
	old = dead ? NULL : vcm_fault_handler_swap(vcm, handler);
	up_read(&vcm->topology);
	if (dead) {
		kfree(handler);
		return -ENODEV;
	}
	vcm_fault_handler_free(old);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_set_fault_handler);

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

	pr_warn("%s.%u: context destroyed with %s%u reservations alive\n",
		vcm->driver->name, vcm->id,
		report.nr == VCM_REPORT_MAX ? "at least " : "", report.nr);
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

		if (!res->quarantined)
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
	might_sleep();
	if (IS_ERR_OR_NULL(vcm) ||
	    WARN(vcm->driver->permanent, "vcm: %s is not to be destroyed\n",
		 vcm->driver->name))
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
	vcm_detach_all(vcm);
	up_write(&vcm->topology);

	vcm_debug_exit(vcm);
	/* Its owner is about to go, whoever holds the context on */
	vcm_fault_handler_free(vcm_fault_handler_swap(vcm, NULL));
	vcm_report_alive(vcm);
	kref_put(&vcm->ref, vcm_release);
}
EXPORT_SYMBOL_GPL(vcm_destroy);
