// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: contexts, and the handlers of their faults.
 *
 * This file and its neighbours are the core: vcm-attach.c has the devices that
 * see a context, vcm-res.c the reservations, vcm-bind.c the bindings, vcm-alloc.c
 * the memory that suits contexts. The core knows no hardware; struct vcm_driver
 * does.
 *
 * Locks
 * -----
 *
 * vcm->topology (rw_semaphore): which bindings are on the hardware, and which
 *	devices see it. Bind and unbind hold it for reading, as does a
 *	reservation whose addresses the provider allocates; activate, deactivate,
 *	attach, detach and destroy hold it for writing. No call holds the topology
 *	of two contexts.
 * vcm->va_lock (spinlock, interrupts off): the address tree and its history,
 *	the granule, the blocked ranges, the list of bound reservations, the
 *	beginning of each bind and unbind, changes of the fault handler. Held for
 *	O(log n), at most for each alignment and each window; by look-ups where
 *	addresses follow the memory, also for each reservation that covers an
 *	address. Never held across an operation of the provider; taken in hard
 *	interrupt context too.
 *	vcm->bound changes only while topology is held, so the list is stable for
 *	a holder of topology for writing: such a walk needs neither va_lock nor
 *	references.
 * phys->lock (spinlock): the bindings of a physical allocation, which several
 *	contexts share.
 * vcm_memory_lock (mutex, vcm-debugfs.c): the list of allocations.
 *
 * Order: topology, then the provider's locks, then one of the two spinlocks or
 * vcm_memory_lock; these never nest.
 *
 * The state of a reservation (enum vcm_res_state) makes the slow work of
 * different reservations run in parallel and that of one exclusive, as
 * page-table code demands of its caller. A bind or unbind begins under va_lock,
 * with topology held, and ends by storing the new state with release: what is
 * found bound under va_lock stays bound until that is dropped. Only vcm_map()
 * makes a reservation that is being bound from the start. No thread waits for a
 * state while it holds topology, or while it binds or unbinds another
 * reservation: it drops topology, waits, and starts again.
 *
 * vcm->coherence and res->phys->size are read without a lock by vcm_sync_*():
 * the first never changes once a device was attached, the second never changes.
 *
 * References
 * ----------
 *
 * res->owners counts ownerships: the last drop unbinds and releases the
 * addresses. res->ref counts object references, which keep the struct and its
 * context: all owners together have one, and a quarantine has one. phys->refs
 * counts the holders of memory: callers, bindings, quarantines. vcm->ref counts
 * reservations and the creator.
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

/* Number of reservations that vcm_destroy() names */
#define VCM_REPORT_MAX		16

/* Faults that a context prints in five seconds */
#define VCM_FAULT_BURST		5

static bool vcm_driver_valid(const struct vcm_driver *driver)
{
	return driver->map &&
	       (driver->unmap || (driver->fixed && !driver->unmap_many)) &&
	       (driver->attach || !driver->detach) &&
	       !driver->reserve == !driver->unreserve &&
	       !(driver->fixed && driver->reserve);
}

/**
 * vcm_init() - set up a context
 * @vcm: the context, embedded in the provider's structure, zeroed
 * @driver: operations of the provider
 * @start: lowest device address, a multiple of the granule
 * @last: highest device address, inclusive; @last + 1 is a multiple of the
 *	granule
 * @pgsize_bitmap: page sizes, bytes; the smallest one is the granule
 *
 * The context is inactive and has no devices. The caller owns it and destroys it
 * with vcm_destroy(). The memory of vcm_alloc() may lie anywhere: a provider
 * with other requirements changes &vcm.memory before the context is used. One
 * without &vcm_driver.attach sets &vcm.coherence.
 *
 * Context: Process context.
 * Return: 0, or an errno. On an error there is nothing to undo:
 *
 * * -EINVAL if the arguments contradict each other or @driver lacks an operation
 * * -ENODEV if the module of @driver is being unloaded
 * * -ENOMEM
 */
int vcm_init(struct vcm *vcm, const struct vcm_driver *driver,
	     dma_addr_t start, dma_addr_t last, unsigned long pgsize_bitmap)
{
	unsigned long mask = (pgsize_bitmap & -pgsize_bitmap) - 1;
	static atomic_t count;

	if (!pgsize_bitmap || start > last || start & mask ||
	    (last & mask) != mask || !vcm_driver_valid(driver))
		return -EINVAL;
	if (!try_module_get(driver->owner))
		return -ENODEV;
	if (!driver->fixed) {
		vcm->history = kzalloc_obj(*vcm->history);
		if (!vcm->history) {
			module_put(driver->owner);
			return -ENOMEM;
		}
	}

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
	INIT_LIST_HEAD(&vcm->attachments);
	spin_lock_init(&vcm->va_lock);
	vcm->granule = mask + 1;
	INIT_LIST_HEAD(&vcm->bound);
	ratelimit_state_init(&vcm->fault_limit, DEFAULT_RATELIMIT_INTERVAL,
			     VCM_FAULT_BURST);
	ratelimit_set_flags(&vcm->fault_limit, RATELIMIT_MSG_ON_RELEASE);
	vcm_debug_init(vcm);
	return 0;
}
EXPORT_SYMBOL_GPL(vcm_init);

/**
 * vcm_can_reserve() - tell if addresses can be reserved in a context
 * @vcm: the context
 *
 * Context: Any.
 * Return: true if vcm_reserve() works; false where addresses follow the memory,
 * so that vcm_map() is the way to get one, and for a bad pointer.
 */
bool vcm_can_reserve(const struct vcm *vcm)
{
	return !IS_ERR_OR_NULL(vcm) && !vcm_fixed(vcm);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_can_reserve);

/**
 * vcm_reaches() - tell if all devices of a context can use a range
 * @vcm: the context
 * @start: first device address
 * @last: last device address, inclusive
 *
 * Context: Any.
 * Return: true if the range lies within the aperture and clear of addresses that
 * any attached device cannot use.
 */
bool vcm_reaches(struct vcm *vcm, dma_addr_t start, dma_addr_t last)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	return vcm_va_usable(vcm, start, last);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_reaches);

/* Put all bindings on the hardware, or none. */
static int vcm_map_bound(struct vcm *vcm)
{
	struct vcm_res *res;
	LIST_HEAD(mapped);
	int ret;

	lockdep_assert_held_write(&vcm->topology);
	list_for_each_entry(res, &vcm->bound, vcm_entry) {
		ret = READ_ONCE(res->quarantined) ? -EADDRNOTAVAIL :
						    vcm_res_map(res, res->phys);
		if (ret)
			goto undo;
	}
	return 0;

undo:
	list_cut_before(&mapped, &vcm->bound, &res->vcm_entry);
	vcm_unmap_batch(vcm, &mapped);
	list_splice(&mapped, &vcm->bound);
	return ret;
}

/**
 * vcm_activate() - put all bindings of a context on the hardware
 * @vcm: the context
 *
 * Counted: each success is undone by one vcm_deactivate(). When it returns, the
 * bindings are live, whichever of several callers did the work, and every later
 * binding is live at once. Contexts whose addresses follow the memory are always
 * active; the call counts there and does nothing else.
 *
 * Context: Process context, may sleep. Takes vcm->topology for writing.
 * Return: 0, or an errno. On an error the context is as inactive as before:
 *
 * * -EINVAL if @vcm is a bad pointer
 * * -ENODEV if the context is being destroyed
 * * -EADDRNOTAVAIL if a quarantined reservation is bound, see vcm_quarantine()
 * * an error of the provider, such as -ENOMEM
 */
int vcm_activate(struct vcm *vcm)
{
	int ret = 0;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm))
		return -EINVAL;

	down_write(&vcm->topology);
	vcm->activations++;
	if (vcm->dead)
		ret = -ENODEV;
	else if (vcm->activations == 1 && !vcm_fixed(vcm))
		ret = vcm_map_bound(vcm);
	if (ret)
		vcm->activations--;
	up_write(&vcm->topology);
	return ret;
}
EXPORT_SYMBOL_GPL(vcm_activate);

/**
 * vcm_deactivate() - undo one vcm_activate()
 * @vcm: the context; NULL and error pointers are ignored
 *
 * The last call takes every binding off the hardware, with the TLB waits of one
 * vcm_unbind_many(). One call too many warns and does nothing.
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
		if (vcm->activations == 1 && !vcm_fixed(vcm))
			vcm_unmap_batch(vcm, &vcm->bound);
		vcm->activations--;
	}
	up_write(&vcm->topology);
}
EXPORT_SYMBOL_GPL(vcm_deactivate);

/* Faults */

/**
 * vcm_set_fault_handler() - set the function for faults of a context's devices
 * @vcm: the context
 * @fn: called for each fault; NULL to remove the handler
 * @priv: for @fn
 *
 * A context has one handler at a time, and none after vcm_destroy(). When the
 * call returns, the previous handler is not running and is not called again.
 *
 * Context: Process context, may sleep.
 * Return: 0, or an errno. On an error nothing has changed:
 *
 * * -EINVAL if @vcm is a bad pointer
 * * -ENODEV if the context is being destroyed and @fn is not NULL
 * * -ENOMEM, if @fn is not NULL
 */
int vcm_set_fault_handler(struct vcm *vcm, vcm_fault_fn fn, void *priv)
{
	struct vcm_fault_handler *handler = NULL;
	int ret = 0;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm))
		return -EINVAL;
	if (fn) {
		handler = kzalloc_obj(*handler);
		if (!handler)
			return -ENOMEM;
		handler->fn = fn;
		handler->priv = priv;
	}

	scoped_guard(spinlock_irq, &vcm->va_lock) {
		if (fn && vcm->dead)
			ret = -ENODEV;
		else
			handler = rcu_replace_pointer(vcm->fault_handler, handler,
						      lockdep_is_held(&vcm->va_lock));
	}
	/* The one before, which may be running; or the one that was refused */
	if (handler) {
		synchronize_rcu();
		kfree(handler);
	}
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_set_fault_handler);

/* The end of a context */

/* Name the owners of the reservations that outlive their context. */
static void vcm_report_alive(struct vcm *vcm)
{
	struct vcm_res *res = NULL;
	unsigned int nr = 0;

	while ((res = vcm_next_res(vcm, res))) {
		/* A quarantined reservation may have no owner to report */
		if (!refcount_read(&res->owners))
			continue;
		if (!nr++)
			pr_warn("%s.%u: context destroyed with reservations alive:\n",
				vcm->driver->name, vcm->id);
		if (nr <= VCM_REPORT_MAX)
			pr_warn("  %pad size %pa of %pS\n", &res->start,
				&res->res_size, res->owner);
	}
	if (nr)
		pr_warn("  %u in all\n", nr);
}

/*
 * Release the addresses of all reservations to the provider. With the context
 * dead and topology held for writing, no reservation comes or goes.
 */
static void vcm_unreserve_all(struct vcm *vcm)
{
	struct vcm_res *res = NULL;

	lockdep_assert_held_write(&vcm->topology);
	if (!vcm->driver->unreserve)
		return;
	while ((res = vcm_next_res(vcm, res))) {
		if (!res->quarantined)
			vcm->driver->unreserve(res);
	}
}

/*
 * Take a context off its hardware. Return true if that cannot reach any memory
 * any more.
 */
static bool vcm_end(struct vcm *vcm)
{
	lockdep_assert_held_write(&vcm->topology);
	vcm_detach_all(vcm);
	vcm_unmap_batch(vcm, &vcm->bound);
	scoped_guard(spinlock_irq, &vcm->va_lock)
		WRITE_ONCE(vcm->dead, true);
	/* These take no topology */
	vcm_alloc_wait(vcm);
	vcm_unreserve_all(vcm);
	return vcm->driver->destroy && vcm->driver->destroy(vcm);
}

/**
 * vcm_destroy() - destroy a context
 * @vcm: the context; NULL and error pointers are ignored
 *
 * When it returns, no device is attached, nothing bound is on the hardware, and
 * no operation of the provider but &vcm_driver.release runs or starts.
 * Reservations that have owners are reported with them. Their memory stays
 * allocated until they unbind it. Unbinding and dropping them, look-ups and
 * vcm_sync_*() work and touch no hardware; calls that reserve, bind, allocate,
 * attach or activate get -ENODEV. The last reservation frees the context.
 *
 * Context: Process context, may sleep. Takes vcm->topology for writing. No
 * dma_resv may be held, see vcm_unbind().
 */
void vcm_destroy(struct vcm *vcm)
{
	bool unreachable;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm) ||
	    WARN(!vcm->driver->release, "vcm: %s cannot be destroyed\n",
		 vcm->driver->name))
		return;

	down_write(&vcm->topology);
	if (WARN(vcm->dead, "vcm: context destroyed twice\n")) {
		up_write(&vcm->topology);
		return;
	}
	unreachable = vcm_end(vcm);
	up_write(&vcm->topology);

	if (unreachable)
		vcm_quarantine_end(vcm);
	vcm_debug_exit(vcm);
	/* A reservation may keep the context longer than the handler's module */
	vcm_set_fault_handler(vcm, NULL, NULL);
	vcm_report_alive(vcm);
	vcm_put(vcm);
}
EXPORT_SYMBOL_GPL(vcm_destroy);
