// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: look-ups of addresses and of memory.
 *
 * Copies are available in any context. The calls that return a reservation
 * return an object reference, which keeps the struct and its context but not
 * what is bound there. So iterations hold no lock between two steps and need no
 * callback.
 */
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/export.h>

#include "vcm-internal.h"

static void vcm_info_fill(struct vcm_res_info *info, const struct vcm_res *res)
{
	if (!res)
		return;
	info->start = res->start;
	info->size = res->res_size;
	info->bound_size = vcm_res_state(res) == VCM_BOUND ?
			   res->phys->size : 0;
	info->flags = res->flags;
	info->quarantined = res->quarantined;
	info->owner = res->owner;
}

/* Copy the latest release of @addr. */
static void vcm_info_history(struct vcm *vcm, dma_addr_t addr,
			     struct vcm_released *released)
{
	const struct vcm_history *history = vcm->history;
	const struct vcm_released *entry;
	unsigned int i, nr;

	if (!history)
		return;
	nr = min(history->nr, VCM_HISTORY);
	for (i = 1; i <= nr; i++) {
		entry = &history->entry[(history->nr - i) % VCM_HISTORY];
		if (entry->start <= addr && addr <= entry->last) {
			*released = *entry;
			return;
		}
	}
}

/* Return true if a look-up prefers @res to @other: bound, then younger. */
static bool vcm_preferred(const struct vcm_res *res,
			  const struct vcm_res *other)
{
	const bool bound = vcm_res_state(res) == VCM_BOUND;
	const bool other_bound = vcm_res_state(other) == VCM_BOUND;

	if (bound != other_bound)
		return bound;
	return res->va_seq > other->va_seq;
}

/*
 * Return the reservation that covers @addr, without its guard; of several the
 * youngest bound one, else the youngest. @nr gets their number.
 */
static struct vcm_res *vcm_find(struct vcm *vcm, dma_addr_t addr,
				unsigned int *nr)
{
	struct vcm_res *res = NULL, *found = NULL;

	for (*nr = 0; (res = vcm_va_covering(vcm, addr, res));) {
		if (addr - res->start >= res->res_size)
			continue;
		++*nr;
		if (!found || vcm_preferred(res, found))
			found = res;
	}
	return found;
}

/**
 * vcm_lookup_info() - copy what is known of an address
 * @vcm: the context
 * @addr: device address
 * @info: gets the copy, also if no reservation covers the address
 *
 * Takes O(log n) for n reservations, and O(m) for m that cover the address.
 *
 * Context: Any, hard interrupts included; on PREEMPT_RT threaded ones.
 * Return: 0, -ENOENT if no reservation covers the address, -EINVAL for a bad
 * pointer.
 */
int vcm_lookup_info(struct vcm *vcm, dma_addr_t addr,
		    struct vcm_addr_info *info)
{
	struct vcm_res *first, *below, *above, *res = NULL;
	unsigned int i = 0;

	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(info))
		return -EINVAL;

	*info = (struct vcm_addr_info) { };
	guard(spinlock_irqsave)(&vcm->va_lock);
	first = vcm_find(vcm, addr, &info->nr);
	vcm_info_history(vcm, addr, &info->released);
	if (!first) {
		vcm_va_near(vcm, addr, &below, &above);
		vcm_info_fill(&info->below, below);
		vcm_info_fill(&info->above, above);
		return -ENOENT;
	}
	vcm_info_fill(&info->res[i++], first);
	while (i < min(info->nr, VCM_ADDR_MAX)) {
		res = vcm_va_covering(vcm, addr, res);
		if (res != first)
			vcm_info_fill(&info->res[i++], res);
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_lookup_info);

/**
 * vcm_lookup() - find the reservation that covers an address
 * @vcm: the context
 * @addr: device address
 *
 * Where addresses follow the memory, several reservations may cover it: the
 * youngest bound one is returned, else the youngest.
 *
 * Context: Process context. Takes O(log n) for n reservations, and O(m) for m
 * that cover the address.
 * Return: the reservation, dropped by vcm_res_put(); -ENOENT if no reservation
 * covers the address, -EINVAL for a bad pointer.
 */
struct vcm_res *vcm_lookup(struct vcm *vcm, dma_addr_t addr)
{
	struct vcm_res *res;
	unsigned int nr;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm))
		return ERR_PTR(-EINVAL);

	guard(spinlock_irq)(&vcm->va_lock);
	res = vcm_find(vcm, addr, &nr);
	if (!res)
		return ERR_PTR(-ENOENT);
	/* As long as it has its addresses, there is a reference */
	kref_get(&res->ref);
	return res;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_lookup);

/**
 * vcm_next_res() - iterate over the reservations of a context
 * @vcm: the context
 * @prev: the return value of the last call, dropped by this one; NULL to begin
 *
 * In ascending order of addresses, of age if they are equal. Reservations that
 * are made or released during the iteration may be visited or not; every other
 * one is visited once. To end an iteration early, drop the last one with
 * vcm_res_put().
 *
 * Context: Process context. Each step takes O(log n).
 * Return: the next reservation, or NULL at the end and for a bad pointer.
 */
struct vcm_res *vcm_next_res(struct vcm *vcm, struct vcm_res *prev)
{
	struct vcm_res *res = NULL;

	might_sleep();
	if (!IS_ERR_OR_NULL(vcm) && !IS_ERR(prev)) {
		guard(spinlock_irq)(&vcm->va_lock);
		res = vcm_va_after(vcm, prev);
		if (res)
			kref_get(&res->ref);
	}
	vcm_res_put(prev);
	return res;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_next_res);

/* Return the binding after @prev, from there on if @prev still is on the list. */
static struct vcm_res *vcm_phys_step(struct vcm_phys *phys,
				     struct vcm_res *prev)
{
	struct vcm_res *res;

	lockdep_assert_held(&phys->lock);
	res = prev && READ_ONCE(prev->phys) == phys ? prev : NULL;
	res = list_prepare_entry(res, &phys->bindings, phys_entry);
	list_for_each_entry_continue(res, &phys->bindings, phys_entry) {
		if (!prev || res->phys_seq > prev->phys_seq)
			return res;
	}
	return NULL;
}

/**
 * vcm_phys_next_res() - iterate over the reservations that memory is bound in
 * @phys: the memory, held by the caller
 * @prev: the return value of the last call, dropped by this one; NULL to begin
 *
 * From the oldest binding to the youngest, in all contexts; bindings that are
 * being made are visited too. If @prev is bound again meanwhile, to this memory
 * or to other memory, the iteration may skip or repeat some. To end an iteration
 * early, drop the last one with vcm_res_put().
 *
 * Context: Process context. A step takes O(1), or O(n) for n bindings if @prev
 * was unbound meanwhile.
 * Return: the next reservation, or NULL at the end and for a bad pointer.
 */
struct vcm_res *vcm_phys_next_res(struct vcm_phys *phys, struct vcm_res *prev)
{
	struct vcm_res *res = NULL;

	might_sleep();
	if (!IS_ERR_OR_NULL(phys) && !IS_ERR(prev)) {
		guard(spinlock)(&phys->lock);
		res = vcm_phys_step(phys, prev);
		if (res)
			kref_get(&res->ref);
	}
	vcm_res_put(prev);
	return res;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_next_res);

/*
 * Return the first reservation after @prev, held, that has memory bound at
 * @addr. Only where addresses follow the memory is there more than one.
 */
static struct vcm_res *vcm_bound_after(struct vcm *vcm, dma_addr_t addr,
				       const struct vcm_res *prev,
				       struct vcm_phys **phys)
{
	struct vcm_res *res = NULL;

	guard(spinlock_irq)(&vcm->va_lock);
	while ((res = vcm_va_covering(vcm, addr, res))) {
		if ((prev && !vcm_va_is_after(res, prev)) ||
		    vcm_res_state(res) != VCM_BOUND ||
		    addr - res->start >= res->phys->size)
			continue;
		kref_get(&res->ref);
		*phys = vcm_phys_get(res->phys);
		return res;
	}
	return NULL;
}

/**
 * vcm_addr_to_phys() - return the physical address behind a device address
 * @vcm: the context
 * @addr: device address
 * @out: gets the physical address
 *
 * Looks at what is bound, whether or not the context is active. The result is
 * valid as long as the caller prevents an unbind.
 *
 * Context: Process context, may sleep. Takes O(log n) for n reservations and
 * O(p) for the p parts of the memory. No dma_resv may be held, see vcm_unbind().
 * Return: 0, -ENOENT if nothing is bound at the address, -EINVAL for a bad
 * pointer.
 */
int vcm_addr_to_phys(struct vcm *vcm, dma_addr_t addr, phys_addr_t *out)
{
	const struct phys_vec *part;
	resource_size_t offset;
	struct vcm_phys *phys;
	struct vcm_res *res;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(out))
		return -EINVAL;
	res = vcm_bound_after(vcm, addr, NULL, &phys);
	if (!res)
		return -ENOENT;

	offset = addr - res->start;
	for (part = phys->parts; offset >= part->len; part++)
		offset -= part->len;
	*out = part->paddr + offset;
	vcm_phys_drop(phys);
	vcm_res_put(res);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_addr_to_phys);

/* Get the address of a byte of @phys in the oldest binding in @vcm. */
static int vcm_phys_addr(struct vcm_phys *phys, resource_size_t offset,
			 const struct vcm *vcm, dma_addr_t *out)
{
	struct vcm_res *res;

	guard(spinlock)(&phys->lock);
	list_for_each_entry(res, &phys->bindings, phys_entry) {
		if (res->vcm != vcm)
			continue;
		if (vcm_res_state(res) == VCM_BOUND) {
			*out = res->start + offset;
			return 0;
		}
	}
	return -ENOENT;
}

/**
 * vcm_translate() - return the address of the same byte in another context
 * @from: the context of @addr
 * @addr: device address
 * @to: the other context; may be @from
 * @out: gets the device address in it
 *
 * If the memory is bound in @to more than once, the oldest binding counts. The
 * result is valid as long as the caller prevents an unbind.
 *
 * Context: Process context, may sleep. Takes O(log n) for n reservations and
 * O(m) for m bindings of the memory; where addresses follow the memory, O(m) for
 * each of the reservations that cover @addr. No dma_resv may be held, see
 * vcm_unbind().
 * Return: 0, -ENOENT if nothing is bound at the address or the memory is not
 * bound in @to, -EINVAL for a bad pointer.
 */
int vcm_translate(struct vcm *from, dma_addr_t addr, struct vcm *to,
		  dma_addr_t *out)
{
	struct vcm_res *res, *prev = NULL;
	struct vcm_phys *phys;
	int ret = -ENOENT;

	might_sleep();
	if (IS_ERR_OR_NULL(from) || IS_ERR_OR_NULL(to) || IS_ERR_OR_NULL(out))
		return -EINVAL;

	while (ret && (res = vcm_bound_after(from, addr, prev, &phys))) {
		ret = vcm_phys_addr(phys, addr - res->start, to, out);
		vcm_phys_drop(phys);
		vcm_res_put(prev);
		prev = res;
	}
	vcm_res_put(prev);
	return ret;
}
EXPORT_SYMBOL_GPL(vcm_translate);
