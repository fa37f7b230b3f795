// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: who has an address, and who has memory.
 *
 * Copies may be asked for in any context. Whoever wants the reservation itself
 * gets an object reference: it keeps the struct and its context, not what is
 * bound there. So iterations hold no lock while their caller looks, and calls
 * back nobody.
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
	/* Where addresses follow the memory, it holds those of what is bound */
	if (vcm_fixed(res->vcm))
		info->size = res->last - res->start + 1;
	if (res->state == VCM_RES_BOUND)
		info->bound_size = res->bound_size;
	info->flags = res->flags;
	info->quarantined = res->quarantined;
	info->owner = res->owner;
}

/* A copy of what is known of @res; false when its addresses are not its own. */
bool vcm_res_info(struct vcm_res *res, struct vcm_res_info *info)
{
	guard(spinlock_irqsave)(&res->vcm->va_lock);
	if (vcm_va_first(res->vcm, res->start, res->start) != res)
		return false;
	*info = (struct vcm_res_info) { };
	vcm_info_fill(info, res);
	return true;
}

/* The latest release that included @addr. */
static void vcm_info_history(struct vcm *vcm, dma_addr_t addr,
			     struct vcm_released *released)
{
	unsigned int i, nr = min(vcm->nr_released, VCM_HISTORY);
	const struct vcm_released *entry;

	for (i = 1; i <= nr; i++) {
		entry = &vcm->history[(vcm->nr_released - i) % VCM_HISTORY];
		if (entry->start <= addr && addr <= entry->last) {
			*released = *entry;
			return;
		}
	}
}

/* The reservation that has @addr; one that has it in its guard is @below. */
static struct vcm_res *vcm_find(struct vcm *vcm, dma_addr_t addr,
				struct vcm_res **below, struct vcm_res **above)
{
	struct vcm_res *res = vcm_va_near(vcm, addr, below, above);

	if (!res || addr - res->start < res->res_size)
		return res;
	*below = res;
	return NULL;
}

/**
 * vcm_lookup_info() - what is known of an address
 * @vcm: the context
 * @addr: device address
 * @info: gets a copy of it, also if nobody has the address
 *
 * Takes O(log n) for n reservations.
 *
 * Context: Any, hard interrupts included; on PREEMPT_RT those that are threads.
 * Return: 0, -ENOENT when nobody has the address, -EINVAL for a bad pointer.
 */
int vcm_lookup_info(struct vcm *vcm, dma_addr_t addr,
		    struct vcm_addr_info *info)
{
	struct vcm_res *res, *below, *above;

	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(info))
		return -EINVAL;

	*info = (struct vcm_addr_info) { };
	guard(spinlock_irqsave)(&vcm->va_lock);
	res = vcm_find(vcm, addr, &below, &above);
	vcm_info_history(vcm, addr, &info->released);
	if (!res) {
		vcm_info_fill(&info->below, below);
		vcm_info_fill(&info->above, above);
		return -ENOENT;
	}
	vcm_info_fill(&info->res, res);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_lookup_info);

/**
 * vcm_lookup() - the reservation that has an address
 * @vcm: the context
 * @addr: device address
 *
 * Context: Process context. Takes O(log n) for n reservations.
 * Return: the reservation, which the caller gives back with vcm_res_put();
 * -ENOENT when nobody has the address, -EINVAL for a bad pointer.
 */
struct vcm_res *vcm_lookup(struct vcm *vcm, dma_addr_t addr)
{
	struct vcm_res *res, *below, *above;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm))
		return ERR_PTR(-EINVAL);

	guard(spinlock_irqsave)(&vcm->va_lock);
	res = vcm_find(vcm, addr, &below, &above);
	if (!res)
		return ERR_PTR(-ENOENT);
	/* Somebody holds one for as long as it has its addresses */
	kref_get(&res->ref);
	return res;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_lookup);

static struct vcm_res *vcm_first_behind(struct vcm *vcm,
					const struct vcm_res *prev)
{
	struct vcm_res *res;

	guard(spinlock_irqsave)(&vcm->va_lock);
	if (prev && prev->last == vcm->last)
		return NULL;
	res = vcm_va_first(vcm, prev ? prev->last + 1 : vcm->start, vcm->last);
	if (res)
		kref_get(&res->ref);
	return res;
}

/**
 * vcm_next_res() - iterate over the reservations of a context
 * @vcm: the context
 * @prev: what the last call returned, and is given back by this one; NULL to
 *	begin
 *
 * In ascending order of addresses. What is reserved or released behind the
 * iteration's back while it is under way may be met or not, anything else is met
 * once. Where addresses follow the memory, only what is bound is met, and a
 * reservation that gets another address while it is @prev makes the iteration
 * skip or repeat some. Whoever ends an iteration early gives the last one back
 * with vcm_res_put().
 *
 * Context: Process context. Each step takes O(log n).
 * Return: the next reservation, or NULL at the end and for a bad pointer.
 */
struct vcm_res *vcm_next_res(struct vcm *vcm, struct vcm_res *prev)
{
	struct vcm_res *res = NULL;

	might_sleep();
	if (!IS_ERR_OR_NULL(vcm) && !IS_ERR(prev))
		res = vcm_first_behind(vcm, prev);
	vcm_res_put(prev);
	return res;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_next_res);

/* The first binding behind @prev; of @vcm, if that is not NULL. */
static struct vcm_res *vcm_phys_first_behind(struct vcm_phys *phys,
					     const struct vcm_res *prev,
					     const struct vcm *vcm)
{
	struct vcm_res *res;

	guard(spinlock)(&phys->lock);
	list_for_each_entry(res, &phys->bindings, phys_entry) {
		if ((prev && res->phys_seq <= prev->phys_seq) ||
		    (vcm && res->vcm != vcm))
			continue;
		kref_get(&res->ref);
		return res;
	}
	return NULL;
}

/**
 * vcm_phys_next_res() - iterate over the reservations that have memory bound
 * @phys: the memory, held by the caller
 * @prev: what the last call returned, and is given back by this one; NULL to
 *	begin
 *
 * From the oldest binding to the youngest, in all contexts; those that are just
 * being made are met too. A reservation that is bound to other memory while it
 * is @prev makes the iteration skip or repeat some. Whoever ends it early gives
 * the last one back with vcm_res_put().
 *
 * Context: Process context. Each step takes O(n) for n bindings.
 * Return: the next reservation, or NULL at the end and for a bad pointer.
 */
struct vcm_res *vcm_phys_next_res(struct vcm_phys *phys, struct vcm_res *prev)
{
	struct vcm_res *res = NULL;

	might_sleep();
	if (!IS_ERR_OR_NULL(phys) && !IS_ERR(prev))
		res = vcm_phys_first_behind(phys, prev, NULL);
	vcm_res_put(prev);
	return res;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_next_res);

/* The memory behind an address, held, and where in it that is. */
static struct vcm_phys *vcm_addr_phys(struct vcm *vcm, dma_addr_t addr,
				      resource_size_t *offset)
{
	struct vcm_res *res, *below, *above;

	guard(spinlock_irqsave)(&vcm->va_lock);
	res = vcm_find(vcm, addr, &below, &above);
	if (!res || res->state != VCM_RES_BOUND)
		return NULL;
	*offset = addr - res->start;
	return *offset < res->bound_size ? vcm_phys_get(res->phys) : NULL;
}

/**
 * vcm_addr_to_phys() - where the memory controller sees what is at an address
 * @vcm: the context
 * @addr: device address
 * @out: gets the physical address
 *
 * Says what is bound, whether or not the context is active. The answer is good
 * for as long as the caller sees to it that nobody unbinds.
 *
 * Context: Process context, may sleep. Takes O(log n) for n reservations and
 * O(p) for the p parts of the memory.
 * Return: 0, -ENOENT when nothing is bound at the address, -EINVAL for a bad
 * pointer.
 */
int vcm_addr_to_phys(struct vcm *vcm, dma_addr_t addr, phys_addr_t *out)
{
	const struct phys_vec *part;
	resource_size_t offset;
	struct vcm_phys *phys;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(out))
		return -EINVAL;
	phys = vcm_addr_phys(vcm, addr, &offset);
	if (!phys)
		return -ENOENT;

	for (part = phys->parts; offset >= part->len; part++)
		offset -= part->len;
	*out = part->paddr + offset;
	vcm_phys_drop(phys);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_addr_to_phys);

/* Where @res has its first byte of @phys, if that is bound there. */
static bool vcm_bound_at(struct vcm_res *res, const struct vcm_phys *phys,
			 dma_addr_t *start)
{
	guard(spinlock_irqsave)(&res->vcm->va_lock);
	*start = res->start;
	return res->state == VCM_RES_BOUND && res->phys == phys;
}

/**
 * vcm_translate() - where another context has the same byte
 * @from: the context that @addr is of
 * @addr: device address
 * @to: the other context; may be @from
 * @out: gets the device address in it
 *
 * If the memory is bound in @to more than once, the oldest binding counts. The
 * answer is good for as long as the caller sees to it that nobody unbinds.
 *
 * Context: Process context, may sleep. Takes O(log n) for n reservations and
 * O(m) for m bindings of the memory.
 * Return: 0, -ENOENT when nothing is bound at the address or the memory is not
 * bound in @to, -EINVAL for a bad pointer.
 */
int vcm_translate(struct vcm *from, dma_addr_t addr, struct vcm *to,
		  dma_addr_t *out)
{
	struct vcm_res *res, *prev = NULL;
	resource_size_t offset;
	struct vcm_phys *phys;
	int ret = -ENOENT;
	dma_addr_t start;

	might_sleep();
	if (IS_ERR_OR_NULL(from) || IS_ERR_OR_NULL(to) || IS_ERR_OR_NULL(out))
		return -EINVAL;
	phys = vcm_addr_phys(from, addr, &offset);
	if (!phys)
		return -ENOENT;

	while (ret && (res = vcm_phys_first_behind(phys, prev, to))) {
		if (vcm_bound_at(res, phys, &start)) {
			*out = start + offset;
			ret = 0;
		}
		vcm_res_put(prev);
		prev = res;
	}
	vcm_res_put(prev);
	vcm_phys_drop(phys);
	return ret;
}
EXPORT_SYMBOL_GPL(vcm_translate);
