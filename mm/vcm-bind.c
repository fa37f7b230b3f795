// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: bindings, and the end of reservations.
 */
#define pr_fmt(fmt) "vcm: " fmt

#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/jiffies.h>
#include <linux/kmemleak.h>
#include <linux/list_sort.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/wait_bit.h>

#include "vcm-internal.h"

/*
 * End the bind or unbind that made @res exclusive. A reader that finds the new
 * state finds what led to it too. A waiter has a reference of its own.
 */
static void vcm_res_settle(struct vcm_res *res, enum vcm_res_state state)
{
	/* Pairs with vcm_res_state() */
	smp_store_release(&res->state, state);
	/* Pairs with that of a waiter, between its reference and the state */
	smp_mb();
	if (kref_read(&res->ref) > 1)
		wake_up_var(&res->state);
}

static bool vcm_res_settled(const struct vcm_res *res)
{
	enum vcm_res_state state = vcm_res_state(res);

	return state == VCM_UNBOUND || state == VCM_BOUND;
}

/*
 * Wait until no bind or unbind of @res is under way. Between the reference and
 * the last look at the state, wait_var_event() has a full barrier.
 */
static void vcm_res_wait(struct vcm_res *res)
{
	kref_get(&res->ref);
	wait_var_event(&res->state, vcm_res_settled(res));
	vcm_res_drop_ref(res);
}

/*
 * Put a binding on the hardware. A device that does not snoop must not find what
 * the memory contained before its zeros were written back.
 */
int vcm_res_map(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm *vcm = res->vcm;

	lockdep_assert_held(&vcm->topology);
	if (!vcm_snooped(vcm))
		vcm_phys_write_back(phys);
	return vcm->driver->map(res, phys);
}

static void vcm_res_unmap(struct vcm_res *res, struct vcm_phys *phys)
{
	if (res->vcm->driver->unmap)
		res->vcm->driver->unmap(res, phys);
}

static int vcm_batch_cmp(void *priv, const struct list_head *a,
			 const struct list_head *b)
{
	return list_entry(a, struct vcm_res, vcm_entry)->start >
	       list_entry(b, struct vcm_res, vcm_entry)->start;
}

/* Take all bindings of a list, which gets sorted, off the hardware. */
void vcm_unmap_batch(struct vcm *vcm, struct list_head *batch)
{
	struct vcm_res *res;

	lockdep_assert_held(&vcm->topology);
	if (list_empty(batch) || !vcm_live(vcm))
		return;
	if (vcm->driver->unmap_many && !list_is_singular(batch)) {
		list_sort(NULL, batch, vcm_batch_cmp);
		vcm->driver->unmap_many(vcm, batch);
		return;
	}
	list_for_each_entry(res, batch, vcm_entry)
		vcm_res_unmap(res, res->phys);
}

/* Claim an unbound reservation for a bind: with addresses, it enters vcm->bound. */
static int vcm_bind_claim(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm *vcm = res->vcm;
	enum vcm_res_state state;

	lockdep_assert_held_read(&vcm->topology);
	guard(spinlock_irq)(&vcm->va_lock);
	/* Once: the end of a bind takes no lock */
	state = vcm_res_state(res);
	if (state == VCM_BOUND)
		return res->phys == phys ? -EALREADY : -EADDRINUSE;
	if (state != VCM_UNBOUND)
		return -EBUSY;

	/* An object reference does not keep the addresses */
	if (!refcount_read(&res->owners))
		return -EINVAL;
	if (res->quarantined)
		return -EADDRNOTAVAIL;
	if (phys->size > res->res_size)
		return -ENOSPC;
	if (!vcm_granule_suits(vcm, phys))
		return -EOPNOTSUPP;
	WRITE_ONCE(res->state, VCM_BINDING);
	if (vcm_res_placed(res))
		list_add_tail(&res->vcm_entry, &vcm->bound);
	return 0;
}

/* Add a binding to the list of its memory; the binding holds the memory. */
static void vcm_bind_enter(struct vcm_res *res, struct vcm_phys *phys)
{
	guard(spinlock)(&phys->lock);
	WRITE_ONCE(res->phys, phys);
	res->phys_seq = ++phys->last_seq;
	list_add_tail(&res->phys_entry, &phys->bindings);
	refcount_inc(&phys->refs);
}

/* Remove it from that list; the caller gets the reference. */
static struct vcm_phys *vcm_bind_leave(struct vcm_res *res)
{
	struct vcm_phys *phys = res->phys;

	guard(spinlock)(&phys->lock);
	WRITE_ONCE(res->phys, NULL);
	list_del(&res->phys_entry);
	return phys;
}

/* Bind memory to a reservation that is claimed for it. */
static int vcm_bind_claimed(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm *vcm = res->vcm;
	int ret = 0;

	lockdep_assert_held_read(&vcm->topology);
	vcm_bind_enter(res, phys);
	if (vcm_live(vcm))
		ret = vcm_res_map(res, phys);
	/* Where addresses follow the memory, the first bind finds them */
	if (!ret && !vcm_res_placed(res)) {
		ret = vcm_place_insert(res, res->res_size, true);
		if (ret)
			vcm_res_unmap(res, phys);
	}
	if (!ret) {
		vcm_res_settle(res, VCM_BOUND);
		return 0;
	}

	/* Never the last reference: the caller has one */
	vcm_phys_drop(vcm_bind_leave(res));
	if (vcm_res_placed(res)) {
		guard(spinlock_irq)(&vcm->va_lock);
		list_del(&res->vcm_entry);
	}
	vcm_res_settle(res, VCM_UNBOUND);
	return ret;
}

/**
 * vcm_bind() - make memory reachable at a reservation
 * @res: the reservation
 * @phys: the memory; may be smaller than the reservation
 *
 * In an active context the device reaches the memory when the call returns, in
 * an inactive one after vcm_activate(). The binding holds a reference of the
 * memory. Where addresses follow the memory, a reservation keeps the address of
 * its first binding.
 *
 * Memory of vcm_alloc() that a device without snooping is about to see is
 * written back first. Imported memory is not: see vcm_sync_for_device().
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 * Return: 0, or an errno. On an error nothing is bound, and what the hardware
 * did not unmap again is quarantined:
 *
 * * -EALREADY if this memory is bound there
 * * -EADDRINUSE if other memory is bound there
 * * -EBUSY if another bind or unbind of @res is under way
 * * -ENOSPC if the memory is larger than the reservation
 * * -EOPNOTSUPP if this context cannot bind this memory, or not at the address
 *   that @res has
 * * -EADDRNOTAVAIL if a device cannot reach the memory or @res is quarantined
 * * -EIO if the hardware does not answer
 * * -EINVAL if a pointer is bad or @res has no owner any more
 * * -ENODEV if the context is being destroyed or its hardware was removed
 * * -ENOMEM
 */
int vcm_bind(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm *vcm;
	int ret;

	might_sleep();
	if (IS_ERR_OR_NULL(res) || IS_ERR_OR_NULL(phys))
		return -EINVAL;

	vcm = res->vcm;
	down_read(&vcm->topology);
	ret = vcm->dead ? -ENODEV : vcm_bind_claim(res, phys);
	if (!ret)
		ret = vcm_bind_claimed(res, phys);
	up_read(&vcm->topology);
	return ret;
}
EXPORT_SYMBOL_GPL(vcm_bind);

/* Claim @res for an unbind, if it is bound: it moves to @batch. */
static bool vcm_unbind_claim(struct vcm_res *res, struct list_head *batch)
{
	lockdep_assert_held_read(&res->vcm->topology);
	guard(spinlock_irq)(&res->vcm->va_lock);
	if (vcm_res_state(res) != VCM_BOUND)
		return false;
	WRITE_ONCE(res->state, VCM_UNBINDING);
	list_move_tail(&res->vcm_entry, batch);
	return true;
}

/*
 * Unbind reservations that were claimed, and drop topology. A release callback
 * may bind and unbind reservations of the batch, so memory whose last reference
 * is dropped here goes after all of them have settled. Until then its list of
 * bindings belongs to this thread.
 */
static void vcm_unbind_batch(struct vcm *vcm, struct list_head *batch)
{
	struct vcm_phys *phys, *next_phys;
	struct vcm_res *res, *next;
	LIST_HEAD(last);

	vcm_unmap_batch(vcm, batch);
	up_read(&vcm->topology);
	list_for_each_entry_safe(res, next, batch, vcm_entry) {
		phys = vcm_bind_leave(res);
		vcm_res_settle(res, VCM_UNBOUND);
		if (!refcount_dec_not_one(&phys->refs))
			list_add_tail(&phys->bindings, &last);
	}
	list_for_each_entry_safe(phys, next_phys, &last, bindings) {
		list_del_init(&phys->bindings);
		vcm_phys_drop(phys);
	}
}

/*
 * Unbind reservations of one context together, up to one of another context or
 * one that is not bound just now. Return their number.
 */
static unsigned int vcm_unbind_some(struct vcm_res *const *res, unsigned int nr)
{
	struct vcm *vcm = res[0]->vcm;
	unsigned int n;
	LIST_HEAD(batch);

	down_read(&vcm->topology);
	for (n = 0; n < nr; n++) {
		if (IS_ERR_OR_NULL(res[n]) || res[n]->vcm != vcm ||
		    !vcm_unbind_claim(res[n], &batch))
			break;
	}
	vcm_unbind_batch(vcm, &batch);
	return n;
}

/* Unbind @res, after a bind or unbind under way. */
static noinline void vcm_unbind_res(struct vcm_res *res)
{
	while (!vcm_unbind_some(&res, 1) && vcm_res_state(res) != VCM_UNBOUND)
		vcm_res_wait(res);
}

/**
 * vcm_unbind() - make memory unreachable at a reservation
 * @res: the reservation; NULL and error pointers are ignored
 *
 * When it returns, no device reaches the memory through this reservation: page
 * tables are cleared and TLBs invalidated. The reference of the binding is
 * dropped. The call waits for a bind or unbind under way, never fails, and does
 * nothing if nothing is bound. vcm_vmm promises what vunmap() does: the
 * translation may remain in TLBs for a while. Where nothing translates, the
 * driver has stopped its device before.
 *
 * A driver that reads what a device without snooping has written calls
 * vcm_sync_for_cpu() first.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading. No
 * dma_resv may be held: the release callback of an import may take one.
 */
void vcm_unbind(struct vcm_res *res)
{
	might_sleep();
	if (!IS_ERR_OR_NULL(res))
		vcm_unbind_res(res);
}
EXPORT_SYMBOL_GPL(vcm_unbind);

/**
 * vcm_unbind_many() - make memory unreachable at many reservations
 * @res: the reservations; NULL and error pointers are ignored
 * @nr: number of @res
 *
 * Does what vcm_unbind() does for each, and waits for TLBs as rarely as the
 * provider can. Neighbours in @res that belong to one context are handled
 * together; their addresses may be in any order.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading. No
 * dma_resv may be held, see vcm_unbind().
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
		done = vcm_unbind_some(res + n, nr - n);
		if (!done) {
			/* Not bound just now: alone, after waiting if need be */
			vcm_unbind_res(res[n]);
			done = 1;
		}
	}
}
EXPORT_SYMBOL_GPL(vcm_unbind_many);

/* Record that @by released the addresses of @res. */
static inline void vcm_history_add(struct vcm_res *res, unsigned long by)
{
	struct vcm_history *history = res->vcm->history;
	struct vcm_released *entry;

	lockdep_assert_held(&res->vcm->va_lock);
	if (!history)
		return;
	entry = &history->entry[history->nr++ % VCM_HISTORY];
	*entry = (struct vcm_released) {
		.start = res->start,
		.last = res->last,
		.owner = res->owner,
		.by = (void *)by,
		.when = jiffies,
	};
}

/*
 * Release the addresses of @res on behalf of @by. Return false if a bind or an
 * unbind comes first.
 */
static __always_inline bool vcm_res_leave(struct vcm_res *res, unsigned long by)
{
	struct vcm *vcm = res->vcm;

	guard(spinlock_irq)(&vcm->va_lock);
	if (vcm_res_state(res) != VCM_UNBOUND)
		return false;
	if (vcm_res_placed(res) && !res->quarantined) {
		vcm_va_erase(vcm, res);
		vcm_history_add(res, by);
	}
	return true;
}

/* The same where the provider allocates addresses. */
static noinline bool vcm_res_leave_provider(struct vcm_res *res,
					    unsigned long by)
{
	struct vcm *vcm = res->vcm;
	bool placed, left;

	guard(rwsem_read)(&vcm->topology);
	placed = vcm_res_placed(res);
	/* Out of the tree first: the provider may allocate them again at once */
	left = vcm_res_leave(res, by);
	if (placed && !vcm_res_placed(res) && !vcm->dead)
		vcm->driver->unreserve(res);
	return left;
}

/**
 * vcm_unreserve() - drop an ownership of a reservation
 * @res: the reservation; NULL and error pointers are ignored
 *
 * The last one unbinds, as vcm_unbind() does, and releases the addresses.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading. No
 * dma_resv may be held, see vcm_unbind().
 */
void vcm_unreserve(struct vcm_res *res)
{
	might_sleep();
	might_alloc(GFP_KERNEL);
	if (IS_ERR_OR_NULL(res) || !refcount_dec_and_test(&res->owners))
		return;
	do {
		/* Without an owner, nothing binds it any more */
		if (vcm_res_state(res) != VCM_UNBOUND)
			vcm_unbind_res(res);
	} while (res->vcm->driver->unreserve ?
		 !vcm_res_leave_provider(res, _RET_IP_) :
		 !vcm_res_leave(res, _RET_IP_));
	vcm_res_drop_ref(res);
}
EXPORT_SYMBOL_GPL(vcm_unreserve);

/**
 * vcm_quarantine() - report that hardware did not unmap a binding
 * @res: the reservation
 * @phys: the memory
 *
 * For &vcm_driver.unmap, and for &vcm_driver.map that could not undo what it had
 * done. The addresses, the memory, the context and its module stay out of use,
 * and a later bind of @res returns -EADDRNOTAVAIL. The quarantine ends when the
 * context is destroyed, if &vcm_driver.destroy returns true; else it never ends.
 * Providers whose addresses follow the memory must not call this.
 *
 * Context: Process context, within an operation of the provider that holds
 * vcm->topology.
 */
void vcm_quarantine(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm *vcm = res->vcm;
	resource_size_t sum;

	lockdep_assert_held(&vcm->topology);
	scoped_guard(spinlock_irq, &vcm->va_lock) {
		if (res->quarantined)
			return;
		WRITE_ONCE(res->quarantined, phys);
		vcm->quarantined += res->res_size;
		sum = vcm->quarantined;
	}
	kref_get(&res->ref);
	refcount_inc(&phys->refs);
	/* No pointer to the context may be left */
	kmemleak_not_leak(res);
	pr_err("%s.%u: hardware did not unmap %pad size %pa of %pS, out of use now (%pa in all)\n",
	       vcm->driver->name, vcm->id, &res->start, &res->res_size,
	       res->owner, &sum);
}
EXPORT_SYMBOL_GPL(vcm_quarantine);

/* Take a reservation out of quarantine; return the memory, held, or NULL. */
static struct vcm_phys *vcm_quarantine_take(struct vcm_res *res)
{
	struct vcm *vcm = res->vcm;
	struct vcm_phys *phys;

	guard(spinlock_irq)(&vcm->va_lock);
	phys = res->quarantined;
	if (!phys)
		return NULL;
	WRITE_ONCE(res->quarantined, NULL);
	vcm->quarantined -= res->res_size;
	if (!refcount_read(&res->owners))
		vcm_va_erase(vcm, res);
	return phys;
}

/* For vcm_destroy(): the hardware cannot reach any memory any more. */
void vcm_quarantine_end(struct vcm *vcm)
{
	struct vcm_res *res = NULL;
	struct vcm_phys *phys;

	while ((res = vcm_next_res(vcm, res))) {
		phys = vcm_quarantine_take(res);
		if (!phys)
			continue;
		vcm_phys_drop(phys);
		/* The iteration has another reference */
		vcm_res_put(res);
	}
}

/* vcm_map() on behalf of @owner; with &vcm_va_req.at, vcm_map_at(). */
struct vcm_res *vcm_map_owned(struct vcm *vcm, struct vcm_phys *phys,
			      unsigned int flags, struct vcm_va_req *req,
			      unsigned long owner)
{
	struct vcm_res *res;
	int ret = 0;

	down_read(&vcm->topology);
	if (vcm->dead)
		res = ERR_PTR(-ENODEV);
	else if (!vcm_granule_suits(vcm, phys))
		res = ERR_PTR(-EOPNOTSUPP);
	else
		res = vcm_res_make(vcm, phys, flags, req, owner);
	if (!IS_ERR(res))
		ret = vcm_bind_claimed(res, phys);
	up_read(&vcm->topology);
	if (!ret)
		return res;

	/* Another thread may have found the reservation and own it too */
	vcm_unreserve(res);
	return ERR_PTR(ret);
}

/**
 * vcm_map() - reserve addresses for memory and bind it
 * @vcm: the context
 * @phys: the memory
 * @flags: VCM_RES_* flags
 *
 * The reservation belongs to the caller alone, also where addresses follow the
 * memory and other callers have mapped the same memory: an unmap by one of them
 * takes nothing from another. The address is aligned as by vcm_reserve(), plus an
 * offset that makes it congruent to the memory, modulo the largest page that a
 * part of the memory can be mapped with.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 * Return: the reservation, with one ownership for the caller, dropped by
 * vcm_unmap(); or an error pointer as from vcm_reserve() and vcm_bind().
 */
struct vcm_res *vcm_map(struct vcm *vcm, struct vcm_phys *phys,
			unsigned int flags)
{
	struct vcm_va_req req = VCM_VA_ANYWHERE;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(phys))
		return ERR_PTR(-EINVAL);
	return vcm_map_owned(vcm, phys, flags, &req, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vcm_map);

/**
 * vcm_map_at() - reserve given addresses for memory and bind it
 * @vcm: the context
 * @phys: the memory
 * @addr: first device address, a multiple of the granule
 * @flags: VCM_RES_* flags
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 * Return: the reservation, with one ownership for the caller, dropped by
 * vcm_unmap(); or an error pointer as from vcm_reserve_at() and vcm_bind().
 */
struct vcm_res *vcm_map_at(struct vcm *vcm, struct vcm_phys *phys,
			   dma_addr_t addr, unsigned int flags)
{
	struct vcm_va_req req = { .min = addr, .at = true };

	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(phys))
		return ERR_PTR(-EINVAL);
	return vcm_map_owned(vcm, phys, flags, &req, _RET_IP_);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_map_at);
