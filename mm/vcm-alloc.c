// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: memory that suits contexts.
 */
#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/minmax.h>
#include <linux/numa.h>
#include <linux/wait_bit.h>

#include "vcm-internal.h"

/*
 * Operations of a provider that allocate memory may take seconds, so they run
 * without topology. vcm_destroy() waits for those under way.
 */
static int vcm_alloc_begin(struct vcm *vcm)
{
	atomic_inc(&vcm->allocating);
	/* Pairs with vcm_alloc_wait(): either it sees the count, or this dead */
	smp_mb__after_atomic();
	if (!READ_ONCE(vcm->dead))
		return 0;
	atomic_dec_and_wake_up(&vcm->allocating);
	return -ENODEV;
}

static void vcm_alloc_end(struct vcm *const *vcms, unsigned int nr)
{
	while (nr--)
		atomic_dec_and_wake_up(&vcms[nr]->allocating);
}

/* For vcm_destroy(), which has made the context dead. */
void vcm_alloc_wait(struct vcm *vcm)
{
	/* Pairs with vcm_alloc_begin() */
	smp_mb();
	wait_var_event(&vcm->allocating,
		       !atomic_read_acquire(&vcm->allocating));
}

/* Combine the requirements of all contexts. */
static void vcm_alloc_params(struct vcm *const *vcms, unsigned int nr,
			     struct vcm_phys_params *params)
{
	unsigned long granule = PAGE_SIZE, sizes = 0;
	const struct vcm_phys_params *memory;
	unsigned int i;

	*params = vcms[0]->memory;
	for (i = 0; i < nr; i++) {
		memory = &vcms[i]->memory;
		sizes |= memory->pgsize_bitmap ?: PAGE_MASK;
		granule = max(granule, vcm_granule(vcms[i]));
		params->first = max(params->first, memory->first);
		params->last = min(params->last, memory->last);
		params->flags |= memory->flags;
		if (params->nid == NUMA_NO_NODE)
			params->nid = memory->nid;
	}
	params->pgsize_bitmap = (sizes & -granule) | granule;
}

/* Return true if all contexts can bind memory that one of them has allocated. */
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
 * Allocate from the area of a provider, if one of them has memory for all; from
 * the page allocator if none has an area.
 */
static struct vcm_phys *vcm_alloc_suiting(struct vcm *const *vcms,
					  unsigned int nr, resource_size_t size,
					  unsigned int flags)
{
	struct vcm_phys_params params;
	struct vcm_phys *phys;
	resource_size_t mask;
	unsigned int i;
	int ret = 0;

	vcm_alloc_params(vcms, nr, &params);
	mask = (params.pgsize_bitmap & -params.pgsize_bitmap) - 1;
	if (size > (resource_size_t)~mask)
		return ERR_PTR(-ENOMEM);
	size = (size + mask) & ~mask;
	for (i = 0; i < nr && ret != -EINTR; i++) {
		if (!vcms[i]->driver->alloc)
			continue;
		phys = vcms[i]->driver->alloc(vcms[i], size, flags, &params);
		if (!IS_ERR(phys) && vcm_suits_all(vcms, nr, phys))
			return phys;
		/* -EADDRNOTAVAIL of one area, rather than -ENOMEM of another */
		if (!IS_ERR(phys))
			ret = -EADDRNOTAVAIL;
		else if (ret != -EADDRNOTAVAIL || PTR_ERR(phys) == -EINTR)
			ret = PTR_ERR(phys);
		vcm_free(phys);
	}
	if (ret)
		return ERR_PTR(ret);

	phys = vcm_phys_alloc(size, flags, &params);
	if (IS_ERR(phys) || vcm_suits_all(vcms, nr, phys))
		return phys;
	vcm_free(phys);
	return ERR_PTR(-EADDRNOTAVAIL);
}

static struct vcm_phys *vcm_alloc_owned(struct vcm *const *vcms,
					unsigned int nr, resource_size_t size,
					unsigned int flags, unsigned long owner)
{
	struct vcm_phys *phys = ERR_PTR(-ENODEV);
	unsigned int i;

	might_sleep();
	if (IS_ERR_OR_NULL(vcms) || !nr || !size || flags & ~VCM_ALLOC_FLAGS)
		return ERR_PTR(-EINVAL);
	for (i = 0; i < nr; i++)
		if (IS_ERR_OR_NULL(vcms[i]))
			return ERR_PTR(-EINVAL);

	for (i = 0; i < nr && !vcm_alloc_begin(vcms[i]); i++)
		;
	if (i == nr)
		phys = vcm_alloc_suiting(vcms, nr, size, flags);
	vcm_alloc_end(vcms, i);
	if (!IS_ERR(phys)) {
		phys->unwritten = !(phys->flags & VCM_PHYS_WC);
		vcm_debug_allocated(phys, owner);
	}
	return phys;
}

/**
 * vcm_alloc_for() - allocate memory that several contexts can bind
 * @vcms: the contexts
 * @nr: number of @vcms, not 0
 * @size: bytes, rounded up to the page size and to the largest granule: reserve
 *	&vcm_phys.size bytes for it
 * @flags: VCM_ALLOC_* flags
 *
 * The most constrained context decides: if one needs a single part, memory below
 * an address, or memory of an area of its own, all get that. The memory is
 * zeroed unless %VCM_ALLOC_NOZERO is given.
 *
 * Context: Process context, may sleep; never invokes the OOM killer.
 * Return: the allocation, with one reference for the caller, dropped by
 * vcm_free(); or an error pointer:
 *
 * * -EINVAL if a pointer is bad, @nr or @size is 0, or a flag is unknown
 * * -EOPNOTSUPP if a provider cannot honour a flag
 * * -EINTR if a fatal signal is pending
 * * -EADDRNOTAVAIL if there is memory, but none that all devices reach
 * * -ENODEV if a context is being destroyed
 * * -ENOMEM
 */
struct vcm_phys *vcm_alloc_for(struct vcm *const *vcms, unsigned int nr,
			       resource_size_t size, unsigned int flags)
{
	return vcm_alloc_owned(vcms, nr, size, flags, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vcm_alloc_for);

/**
 * vcm_alloc() - allocate memory that a context can bind
 * @vcm: the context
 * @size: bytes, rounded up to the page size and to the granule, as by
 *	vcm_reserve()
 * @flags: VCM_ALLOC_* flags
 *
 * The memory is zeroed unless %VCM_ALLOC_NOZERO is given. It may be bound in
 * other contexts too.
 *
 * Context: Process context, may sleep; never invokes the OOM killer.
 * Return: the allocation, or an error pointer, as vcm_alloc_for().
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
 * @size: bytes, rounded up to the page size and to the granule
 * @alloc_flags: VCM_ALLOC_* flags
 * @res_flags: VCM_RES_* flags
 *
 * The binding is the only holder of the memory: an unbind frees it, unless the
 * caller takes a reference of &vcm_res.phys first, with vcm_phys_get().
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 * Return: the reservation, with one ownership for the caller, dropped by
 * vcm_destroy_binding(); or an error pointer as from vcm_alloc() and vcm_map().
 */
struct vcm_res *vcm_make_binding(struct vcm *vcm, resource_size_t size,
				 unsigned int alloc_flags,
				 unsigned int res_flags)
{
	struct vcm_va_req req = VCM_VA_ANYWHERE;
	struct vcm_phys *phys;
	struct vcm_res *res;

	phys = vcm_alloc_owned(&vcm, 1, size, alloc_flags, _RET_IP_);
	if (IS_ERR(phys))
		return ERR_CAST(phys);
	res = vcm_map_owned(vcm, phys, res_flags, &req, _RET_IP_);
	vcm_free(phys);
	return res;
}
EXPORT_SYMBOL_GPL(vcm_make_binding);
