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

/* End a bind or an unbind. */
static void vcm_res_settle(struct vcm_res *res, enum vcm_res_state state)
{
	lockdep_assert_held(&res->vcm->va_lock);
	/* For readers that hold another lock, or that know of the binding */
	smp_store_release(&res->state, state);
	wake_up_var_locked(&res->state, &res->vcm->va_lock);
}

static bool vcm_res_settled(const struct vcm_res *res)
{
	return res->state == VCM_UNBOUND || res->state == VCM_BOUND;
}

/* Wait until no bind or unbind of @res is under way. */
static void vcm_res_wait(struct vcm_res *res)
{
	spinlock_t *lock = &res->vcm->va_lock;

	vcm_va_lock(lock);
	wait_var_event_any_lock(&res->state, vcm_res_settled(res), lock, vcm_va,
				TASK_UNINTERRUPTIBLE);
	vcm_va_unlock(lock);
}

/*
 * Put a binding on the hardware. A device that does not snoop must not find what
 * the memory contained before its zeros were written back.
 */
int vcm_res_map(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm *vcm = res->vcm;

	lockdep_assert_held(&vcm->topology);
	if (READ_ONCE(res->quarantined))
		return -EADDRNOTAVAIL;
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

/* Claim an unbound reservation for a bind. */
static int vcm_bind_claim(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm *vcm = res->vcm;

	lockdep_assert_held_read(&vcm->topology);
	guard(spinlock_irq)(&vcm->va_lock);
	switch (res->state) {
	case VCM_BOUND:
		return res->phys == phys ? -EALREADY : -EADDRINUSE;
	case VCM_BINDING:
	case VCM_UNBINDING:
		return -EBUSY;
	}

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

/* Where addresses follow the memory, the first bind has found the address. */
static int vcm_bind_place(struct vcm_res *res)
{
	struct vcm *vcm = res->vcm;

	lockdep_assert_held(&vcm->va_lock);
	if (!vcm_fixed(vcm) || vcm_res_placed(res))
		return 0;
	if (check_add_overflow(res->start, res->res_size - 1, &res->last))
		return -EADDRNOTAVAIL;
	return vcm_va_insert(vcm, res);
}

/* Enter a binding into the context after the provider has mapped it. */
static int vcm_bind_done(struct vcm_res *res)
{
	struct vcm *vcm = res->vcm;
	int ret;

	guard(spinlock_irq)(&vcm->va_lock);
	ret = vcm_bind_place(res);
	if (ret)
		return ret;
	list_add_tail(&res->vcm_entry, &vcm->bound);
	vcm_res_settle(res, VCM_BOUND);
	return 0;
}

static int vcm_bind_failed(struct vcm_res *res, int ret)
{
	guard(spinlock_irq)(&res->vcm->va_lock);
	vcm_res_settle(res, VCM_UNBOUND);
	return ret;
}

/* Bind memory to a reservation that is claimed for it. */
static int vcm_bind_claimed(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm *vcm = res->vcm;
	int ret;

	lockdep_assert_held_read(&vcm->topology);
	vcm_bind_enter(res, phys);
	if (vcm_live(vcm)) {
		ret = vcm_res_map(res, phys);
		if (ret)
			goto err_leave;
	}
	ret = vcm_bind_done(res);
	if (ret)
		goto err_unmap;
	return 0;

err_unmap:
	vcm_res_unmap(res, phys);
err_leave:
	/* Never the last reference: the caller has one */
	vcm_phys_drop(vcm_bind_leave(res));
	return vcm_bind_failed(res, ret);
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
 * * -EINVAL if a pointer is bad or the last owner of @res has gone
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
	lockdep_assert_held(&res->vcm->va_lock);
	if (res->state != VCM_BOUND)
		return false;
	WRITE_ONCE(res->state, VCM_UNBINDING);
	list_move_tail(&res->vcm_entry, batch);
	return true;
}

/*
 * Take topology and claim @res for an unbind, after a bind or unbind under way.
 * If nothing is bound then, @batch stays empty.
 */
static void vcm_unbind_begin(struct vcm_res *res, struct list_head *batch)
{
	struct vcm *vcm = res->vcm;

	for (;;) {
		down_read(&vcm->topology);
		scoped_guard(spinlock_irq, &vcm->va_lock) {
			if (vcm_unbind_claim(res, batch) ||
			    res->state == VCM_UNBOUND)
				return;
		}
		up_read(&vcm->topology);
		vcm_res_wait(res);
	}
}

/* Record that @by released the addresses of @res. */
static void vcm_history_add(struct vcm_res *res, unsigned long by)
{
	struct vcm_history *history = res->vcm->history;
	struct vcm_released *entry;

	lockdep_assert_held(&res->vcm->va_lock);
	if (!history)
		return;
	entry = &history->entry[history->nr++ % VCM_HISTORY];
	entry->start = res->start;
	entry->last = res->last;
	entry->owner = res->owner;
	entry->by = (void *)by;
	entry->when = jiffies;
}

/*
 * Release the addresses of @res on behalf of @by. Return true if the provider
 * has to release them too.
 */
static bool vcm_res_leave(struct vcm_res *res, unsigned long by)
{
	struct vcm *vcm = res->vcm;

	lockdep_assert_held(&vcm->va_lock);
	if (!vcm_res_placed(res) || res->quarantined)
		return false;
	/* Out of the tree first: the provider may allocate them again at once */
	vcm_va_erase(vcm, res);
	vcm_history_add(res, by);
	return vcm->driver->unreserve && !vcm->dead;
}

/* Finish the unbind of @res, whose memory nothing reaches any more. */
static void vcm_unbind_end(struct vcm_res *res)
{
	lockdep_assert_held(&res->vcm->va_lock);
	list_del(&res->vcm_entry);
	vcm_res_settle(res, VCM_UNBOUND);
}

/*
 * Unbind @res. Its @last owner has gone: release its addresses on behalf of @by
 * too.
 */
static void vcm_unbind_res(struct vcm_res *res, bool last, unsigned long by)
{
	struct vcm *vcm = res->vcm;
	struct vcm_phys *phys = NULL;
	bool give = false;
	LIST_HEAD(batch);

	vcm_unbind_begin(res, &batch);
	if (!list_empty(&batch)) {
		vcm_unmap_batch(vcm, &batch);
		phys = vcm_bind_leave(res);
	}
	scoped_guard(spinlock_irq, &vcm->va_lock) {
		if (phys)
			vcm_unbind_end(res);
		if (last)
			give = vcm_res_leave(res, by);
	}
	if (give)
		vcm->driver->unreserve(res);
	up_read(&vcm->topology);
	if (phys)
		vcm_phys_drop(phys);
}

/**
 * vcm_unbind() - make memory unreachable at a reservation
 * @res: the reservation; NULL and error pointers are ignored
 *
 * When it returns, no device reaches the memory through this reservation: page
 * tables are cleared and TLBs invalidated. The reference of the binding is
 * dropped. It waits for a bind or unbind under way, never fails, and does
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
		vcm_unbind_res(res, false, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vcm_unbind);

/*
 * Unbind reservations of one context together, up to one of another context or
 * one that is not bound just now. Return their number.
 */
static unsigned int vcm_unbind_some(struct vcm_res *const *res, unsigned int nr)
{
	struct vcm *vcm = res[0]->vcm;
	struct vcm_res *entry, *next;
	struct vcm_phys *phys;
	unsigned int n;
	LIST_HEAD(batch);

	down_read(&vcm->topology);
	for (n = 0; n < nr; n++) {
		if (IS_ERR_OR_NULL(res[n]) || res[n]->vcm != vcm)
			break;
		guard(spinlock_irq)(&vcm->va_lock);
		if (!vcm_unbind_claim(res[n], &batch))
			break;
	}
	vcm_unmap_batch(vcm, &batch);
	up_read(&vcm->topology);

	list_for_each_entry_safe(entry, next, &batch, vcm_entry) {
		phys = vcm_bind_leave(entry);
		scoped_guard(spinlock_irq, &vcm->va_lock)
			vcm_unbind_end(entry);
		vcm_phys_drop(phys);
	}
	return n;
}

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
			vcm_unbind_res(res[n], false, _RET_IP_);
			done = 1;
		}
	}
}
EXPORT_SYMBOL_GPL(vcm_unbind_many);

/* Release the addresses of @res, if that is all there is to do. */
static bool vcm_res_leave_unbound(struct vcm_res *res, unsigned long by)
{
	struct vcm *vcm = res->vcm;

	guard(spinlock_irq)(&vcm->va_lock);
	if (res->state != VCM_UNBOUND || vcm->driver->unreserve)
		return false;
	vcm_res_leave(res, by);
	return true;
}

/* Drop an ownership on behalf of @by. */
static void vcm_res_drop(struct vcm_res *res, unsigned long by)
{
	might_alloc(GFP_KERNEL);
	if (!refcount_dec_and_test(&res->owners))
		return;

	/* Without an owner, nothing binds it any more */
	if (READ_ONCE(res->state) == VCM_BOUND ||
	    !vcm_res_leave_unbound(res, by))
		vcm_unbind_res(res, true, by);
	kref_put(&res->ref, vcm_res_release);
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
	if (!IS_ERR_OR_NULL(res))
		vcm_res_drop(res, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vcm_unreserve);

/**
 * vcm_quarantine() - report that hardware did not unmap a binding
 * @res: the reservation
 * @phys: the memory
 *
 * For &vcm_driver.unmap, and for &vcm_driver.map that could not undo what it had
 * done. The addresses, the memory, the context and its module stay out of use,
 * and a later bind of @res is -EADDRNOTAVAIL. The quarantine ends when the
 * context is destroyed, if &vcm_driver.destroy says that the hardware cannot
 * reach any memory any more; else never. Not for providers whose addresses follow
 * the memory.
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

/*
 * vcm_map() on behalf of @owner; with @addr, vcm_map_at(). On a failure, another
 * thread may have found the reservation and own it too.
 */
struct vcm_res *vcm_map_owned(struct vcm *vcm, struct vcm_phys *phys,
			      unsigned int flags, const dma_addr_t *addr,
			      unsigned long owner)
{
	struct vcm_va_req req = VCM_VA_ANYWHERE;
	struct vcm_res *res;
	int ret;

	ret = vcm_res_flags(vcm, flags);
	if (ret < 0)
		return ERR_PTR(ret);
	if (addr && vcm_fixed(vcm))
		return ERR_PTR(-EOPNOTSUPP);
	res = vcm_res_new(vcm, phys->size, ret, VCM_BINDING, owner);
	if (IS_ERR(res))
		return res;
	if (addr)
		res->start = *addr;

	down_read(&vcm->topology);
	if (vcm->dead)
		ret = -ENODEV;
	else if (!vcm_granule_suits(vcm, phys))
		ret = -EOPNOTSUPP;
	else if (addr)
		ret = vcm_place_at(res);
	else
		ret = vcm_fixed(vcm) ? 0 : vcm_place(res, phys, &req);
	ret = ret ? vcm_bind_failed(res, ret) : vcm_bind_claimed(res, phys);
	up_read(&vcm->topology);
	if (ret) {
		vcm_res_drop(res, owner);
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
 * The reservation belongs to the caller alone, also where addresses follow the
 * memory and other callers have mapped the same memory: an unmap by one of them
 * takes nothing from another. The address is aligned as by vcm_reserve() and
 * congruent to the part of the memory with the largest page, so that it can be
 * mapped with large pages.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 * Return: the reservation, with one ownership for the caller, dropped by
 * vcm_unmap(); or an error pointer as from vcm_reserve() and vcm_bind().
 */
struct vcm_res *vcm_map(struct vcm *vcm, struct vcm_phys *phys,
			unsigned int flags)
{
	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(phys))
		return ERR_PTR(-EINVAL);
	return vcm_map_owned(vcm, phys, flags, NULL, _RET_IP_);
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
	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(phys))
		return ERR_PTR(-EINVAL);
	return vcm_map_owned(vcm, phys, flags, &addr, _RET_IP_);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_map_at);
