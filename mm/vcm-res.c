// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: reservations.
 */
#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/instruction_pointer.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "vcm-internal.h"

static struct kmem_cache *vcm_res_cache __ro_after_init;

static int __init vcm_res_init(void)
{
	vcm_res_cache = KMEM_CACHE(vcm_res, SLAB_PANIC);
	return 0;
}
core_initcall(vcm_res_init);

void vcm_res_release(struct kref *ref)
{
	struct vcm_res *res = container_of(ref, struct vcm_res, ref);
	struct vcm *vcm = res->vcm;

	kmem_cache_free(vcm_res_cache, res);
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

/* A reservation with one owner and no addresses yet, in a first @state. */
struct vcm_res *vcm_res_new(struct vcm *vcm, resource_size_t size,
			    unsigned int flags, enum vcm_res_state state,
			    unsigned long owner)
{
	struct vcm_res *res = kmem_cache_alloc(vcm_res_cache, GFP_KERNEL);

	if (!res)
		return ERR_PTR(-ENOMEM);

	kref_get(&vcm->ref);
	*res = (struct vcm_res) {
		.vcm = vcm,
		.res_size = size,
		.flags = flags,
		.state = state,
		.owner = (void *)owner,
		.owners = REFCOUNT_INIT(1),
		.ref = KREF_INIT(1),
	};
	RB_CLEAR_NODE(&res->va_node);
	return res;
}

/* The flags as they are kept, or an error: neither direction means both. */
int vcm_res_flags(const struct vcm *vcm, unsigned int flags)
{
	const unsigned int rw = VCM_RES_READ | VCM_RES_WRITE;

	if (flags & ~VCM_RES_FLAGS)
		return -EINVAL;
	if (flags & ~(vcm->driver->res_flags | rw))
		return -EOPNOTSUPP;
	return flags & rw ? flags : flags | rw;
}

/* The largest of the page sizes @sizes that is not larger than @size. */
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
				    unsigned long sizes, dma_addr_t page)
{
	const unsigned long granule = sizes & -sizes;

	while (page != granule && !vcm_part_holds(part, page))
		page = 1UL << __fls(sizes & (page - 1));
	return part->paddr & (page - granule);
}

/* Asks for @res once, whoever gives out the addresses. */
static int vcm_place_once(struct vcm_res *res, const struct vcm_va_req *req)
{
	const struct vcm_driver *driver = res->vcm->driver;

	if (driver->reserve)
		return driver->reserve(res, req->span, req->align, req->phase);
	return vcm_va_alloc(res->vcm, res, req);
}

/*
 * Finds an address for @res while the granule stands still. Without req.align it
 * is aligned to the largest page of its size that still works, even if the
 * memory has no such page: whole tables are cleared at once then. It is
 * congruent to the memory as far as the first part has use of it.
 */
static int vcm_place(struct vcm_res *res, const struct phys_vec *part,
		     struct vcm_va_req *req)
{
	const unsigned long granule = vcm_granule(res->vcm), mask = granule - 1;
	const bool given = req->align;
	unsigned long sizes, phase;
	dma_addr_t page;
	int ret;

	if ((req->span | req->align | req->min | (req->max + 1)) & mask)
		return -EINVAL;
	if (check_add_overflow(res->res_size, mask, &res->res_size))
		return -ENOSPC;
	res->res_size &= ~(resource_size_t)mask;
	req->span = res->res_size;
	if (res->flags & VCM_RES_GUARD &&
	    check_add_overflow(req->span, granule, &req->span))
		return -ENOSPC;

	sizes = (res->vcm->pgsize_bitmap & -granule) | granule;
	page = req->align ?: vcm_largest(sizes, res->res_size);
	/* The granule may have outgrown the memory, which cannot be bound then */
	phase = part ? vcm_part_phase(part, sizes, page) : 0;
	for (;;) {
		req->align = page;
		req->phase = phase & (page - 1);
		ret = vcm_place_once(res, req);
		if (ret != -ENOSPC || given || page == granule)
			return ret;
		page = 1UL << __fls(sizes & (page - 1));
	}
}

/* From whoever gives out the addresses of this context. */
static int vcm_place_ask(struct vcm_res *res, const struct phys_vec *part,
			 struct vcm_va_req *req)
{
	struct vcm *vcm = res->vcm;
	int ret;

	guard(rwsem_read)(&vcm->topology);
	if (vcm->dead)
		return -ENODEV;
	ret = vcm_place(res, part, req);
	if (ret)
		return ret;

	res->last = res->start + (req->span - 1);
	scoped_guard(spinlock_irqsave, &vcm->va_lock)
		ret = vcm_va_insert(vcm, res);
	if (ret)
		vcm->driver->unreserve(res);
	return ret;
}

static int vcm_res_place(struct vcm_res *res, const struct phys_vec *part,
			 struct vcm_va_req *req)
{
	struct vcm *vcm = res->vcm;

	if (vcm->driver->reserve)
		return vcm_place_ask(res, part, req);
	guard(spinlock_irqsave)(&vcm->va_lock);
	return vcm->dead ? -ENODEV : vcm_place(res, part, req);
}

/*
 * Reserves for a public call; @part is the first of the memory that is bound
 * next, NULL when none is, or when @req has an alignment.
 */
struct vcm_res *vcm_reserve_for(struct vcm *vcm, resource_size_t size,
				unsigned int flags, const struct phys_vec *part,
				struct vcm_va_req *req, unsigned long owner)
{
	struct vcm_res *res;
	int ret;

	res = vcm_res_new(vcm, size, flags,
			  part ? VCM_RES_BINDING : VCM_RES_UNBOUND, owner);
	if (IS_ERR(res))
		return res;
	ret = vcm_res_place(res, part, req);
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
	struct vcm_va_req req = VCM_VA_ANYWHERE;
	int ret = vcm_reserve_check(vcm, size, flags);

	if (ret < 0)
		return ERR_PTR(ret);
	return vcm_reserve_for(vcm, size, ret, NULL, &req, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vcm_reserve);

/* Whether the devices reach anything of a window. */
static bool vcm_touches(struct vcm *vcm, dma_addr_t start, dma_addr_t last)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	return vcm_va_touches(vcm, start, last);
}

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
	struct vcm_va_req req = {
		.span = size,
		.align = align,
		.min = min,
		.max = max,
	};
	int ret = vcm_reserve_check(vcm, size, flags);
	struct vcm_res *res;

	if (ret < 0)
		return ERR_PTR(ret);
	if (align & (align - 1) || min > max)
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
	resource_size_t span = res->res_size;

	guard(spinlock_irqsave)(&vcm->va_lock);
	if (vcm->dead)
		return -ENODEV;
	if ((res->start | res->res_size) & (vcm->granule - 1))
		return -EINVAL;
	if (vcm->driver->reserve)
		return -EOPNOTSUPP;
	if ((res->flags & VCM_RES_GUARD &&
	     check_add_overflow(span, vcm->granule, &span)) ||
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
	res = vcm_res_new(vcm, size, ret, VCM_RES_UNBOUND, _RET_IP_);
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
