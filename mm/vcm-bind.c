// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: bindings, and reservations that come and go with
 * them.
 */
#define pr_fmt(fmt) "vcm: " fmt

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

	/* An object reference does not keep the addresses */
	if (!refcount_read(&res->owners))
		return -EINVAL;
	if (res->quarantined)
		return -EADDRNOTAVAIL;
	if (phys->size > res->res_size)
		return -ENOSPC;
	if (!vcm_granule_suits(vcm, phys))
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
	refcount_inc(&phys->refs);
	return 0;
}

/* Leaves the memory's list; the reference is still there. */
static void vcm_bind_leave(struct vcm_res *res, struct vcm_phys *phys)
{
	guard(spinlock)(&phys->lock);
	list_del(&res->phys_entry);
}

/* Whether @res, which is not bound, is on vcm->idle. */
static bool vcm_idle(const struct vcm_res *res)
{
	return vcm_fixed(res->vcm) && res->placed;
}

/* Takes the range that the provider has chosen for @res. */
static int vcm_bind_range(struct vcm_res *res, struct vcm_phys *phys)
{
	if (check_add_overflow(res->start, phys->size - 1, &res->last))
		return -EADDRNOTAVAIL;
	return vcm_va_insert(res->vcm, res);
}

/* After the provider has mapped; fails only where addresses follow the memory. */
static int vcm_bind_done(struct vcm_res *res, struct vcm_phys *phys, bool made)
{
	struct vcm *vcm = res->vcm;
	int ret;

	guard(spinlock_irqsave)(&vcm->va_lock);
	if (vcm_fixed(vcm)) {
		ret = vcm_bind_range(res, phys);
		if (ret)
			return ret;
	}
	if (vcm_idle(res))
		list_del(&res->vcm_entry);
	list_add_tail(&res->vcm_entry, &vcm->bound);
	res->phys = phys;
	res->bound_size = phys->size;
	res->made = made;
	res->placed = true;
	vcm_res_settle(res, VCM_RES_BOUND);
	return 0;
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
	const dma_addr_t start = res->start;
	struct vcm *vcm = res->vcm;
	int ret;

	lockdep_assert_held_read(&vcm->topology);
	ret = vcm_bind_enter(res, phys, other);
	if (ret)
		return vcm_bind_failed(res, ret);
	if (vcm_live(vcm)) {
		ret = vcm_res_map(res, phys);
		if (ret)
			goto err_leave;
	}
	ret = vcm_bind_done(res, phys, made);
	if (ret)
		goto err_unmap;
	return 0;

err_unmap:
	vcm_res_unmap(res, phys);
	res->start = start;
err_leave:
	vcm_bind_leave(res, phys);
	vcm_phys_drop(phys);
	return vcm_bind_failed(res, ret);
}

/* Binds what was made for @phys, and claimed with that; see vcm_bind_claimed(). */
static int vcm_bind_born(struct vcm_res *res, struct vcm_phys *phys,
			 bool made, struct vcm_res **other)
{
	struct vcm *vcm = res->vcm;
	int ret;

	guard(rwsem_read)(&vcm->topology);
	if (vcm->dead)
		ret = -ENODEV;
	else if (!vcm_granule_suits(vcm, phys))
		ret = -EOPNOTSUPP;
	else
		return vcm_bind_claimed(res, phys, made, other);
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
 * device cannot reach it or @res is in quarantine, -EINVAL for a bad pointer or
 * a reservation whose last owner has gone, -ENODEV when the context is being
 * destroyed or its hardware has gone, -EIO when hardware does not answer,
 * -ENOMEM. On an error nothing has changed.
 */
int vcm_bind(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm_res *other = NULL;
	int ret;

	might_sleep();
	if (IS_ERR_OR_NULL(res) || IS_ERR_OR_NULL(phys))
		return -EINVAL;

	down_read(&res->vcm->topology);
	ret = res->vcm->dead ? -ENODEV : vcm_bind_claim(res, phys);
	if (!ret)
		ret = vcm_bind_claimed(res, phys, false, &other);
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
	list_del(&res->vcm_entry);
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
	if (vcm_idle(res))
		list_del(&res->vcm_entry);
	if (vcm_fixed(vcm) || res->quarantined)
		return false;
	/* Out of the tree first: who gets the addresses next inserts them there */
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
			vcm_res_unmap(res, phys);
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
 * what vunmap() does: the translation may linger in TLBs. Where nothing
 * translates, nothing stops a device: its driver has done so before.
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
		vcm_res_unmap(res, res->phys);
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
void vcm_res_drop(struct vcm_res *res, bool warn, unsigned long by)
{
	bool made = false, waited = false;
	struct vcm_phys *phys;

	might_alloc(GFP_KERNEL);
	if (!refcount_dec_and_test(&res->owners))
		return;

	/* Nobody is left who could bind it, or who should unbind it */
	if (READ_ONCE(res->state) == VCM_RES_BOUND ||
	    !vcm_res_leave_unbound(res, by)) {
		phys = vcm_unbind_res(res, by, true, &made, &waited);
		WARN(phys && warn, "vcm: reservation of %pS dropped while bound\n",
		     res->owner);
		if (made)
			vcm_phys_disown(phys);
		if (phys)
			vcm_phys_drop(phys);
	}
	kref_put(&res->ref, vcm_res_release);
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
		if (res->quarantined)
			return;
		res->quarantined = true;
		vcm->quarantined += res->res_size;
		sum = vcm->quarantined;
	}
	kref_get(&res->ref);
	refcount_inc(&phys->refs);
	/* Nobody may be left who points to them */
	kmemleak_not_leak(res);
	kmemleak_not_leak(phys);
	pr_err("%s.%u: hardware did not let go of %pad size %pa of %pS, never used again (%pa in all)\n",
	       vcm->driver->name, vcm->id, &res->start, &res->res_size,
	       res->owner, &sum);
}
EXPORT_SYMBOL_GPL(vcm_quarantine);

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

	res = vcm_res_new(vcm, phys->size, flags, VCM_RES_BINDING, owner);
	if (IS_ERR(res))
		return res;

	for (;;) {
		other = NULL;
		ret = vcm_bind_born(res, phys, made, &other);
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
		/* The failure left it unbound */
		res->state = VCM_RES_BINDING;
	}
	/* Another vcm_map() may have found it in the meantime and own it too */
	vcm_res_drop(res, false, owner);
	return ERR_PTR(ret);
}

/* vcm_map() on behalf of @owner; @made as in vcm_bind_claimed(). */
struct vcm_res *vcm_map_owned(struct vcm *vcm, struct vcm_phys *phys,
			      unsigned int flags, bool made,
			      unsigned long owner)
{
	struct vcm_va_req req = VCM_VA_ANYWHERE;
	struct vcm_res *res;
	int ret;

	ret = vcm_res_flags(vcm, flags);
	if (ret < 0)
		return ERR_PTR(ret);
	if (vcm_fixed(vcm))
		return vcm_map_fixed(vcm, phys, ret, made, owner);

	/* Also under topology, but no addresses are to come and go for nothing */
	if (!vcm_granule_suits(vcm, phys))
		return ERR_PTR(READ_ONCE(vcm->dead) ? -ENODEV : -EOPNOTSUPP);
	res = vcm_reserve_for(vcm, phys->size, ret, phys->parts, &req, owner);
	if (IS_ERR(res))
		return res;
	ret = vcm_bind_born(res, phys, made, NULL);
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
