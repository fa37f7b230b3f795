// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: memory that suits contexts.
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/numa.h>

#include "vcm-internal.h"

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
		    !vcm_granule_suits(vcm, phys))
			return false;
	}
	return true;
}

/*
 * From the area of a provider, as far as one of them has memory for all; from
 * the page allocator where none has an area.
 */
static struct vcm_phys *vcm_alloc_suiting(struct vcm *const *vcms,
					  unsigned int nr, resource_size_t size,
					  unsigned int flags,
					  const struct vcm_phys_params *params)
{
	struct vcm_phys *phys;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < nr && ret != -EINTR; i++) {
		if (!vcms[i]->driver->alloc)
			continue;
		phys = vcms[i]->driver->alloc(vcms[i], size, flags, params);
		if (!IS_ERR(phys) && vcm_suits_all(vcms, nr, phys))
			return phys;
		/* Memory that not all reach tells more than none */
		if (!IS_ERR(phys))
			ret = -EADDRNOTAVAIL;
		else if (ret != -EADDRNOTAVAIL || PTR_ERR(phys) == -EINTR)
			ret = PTR_ERR(phys);
		vcm_free(phys);
	}
	if (ret)
		return ERR_PTR(ret);

	phys = vcm_phys_alloc(size, flags, params);
	if (IS_ERR(phys) || vcm_suits_all(vcms, nr, phys))
		return phys;
	vcm_free(phys);
	return ERR_PTR(-EADDRNOTAVAIL);
}

static struct vcm_phys *vcm_alloc_owned(struct vcm *const *vcms,
					unsigned int nr, resource_size_t size,
					unsigned int flags, unsigned long owner)
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
	phys = vcm_alloc_suiting(vcms, nr, (size + mask) & ~mask, flags,
				 &params);
	if (!IS_ERR(phys))
		vcm_debug_allocated(phys, owner);
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
	return vcm_alloc_owned(vcms, nr, size, flags, _RET_IP_);
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
	return vcm_alloc_owned(&vcm, 1, size, flags, _RET_IP_);
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

	phys = vcm_alloc_owned(&vcm, 1, size, alloc_flags, _RET_IP_);
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
