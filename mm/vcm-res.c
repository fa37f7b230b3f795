// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: reservations, and the context that they keep.
 */
#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/instruction_pointer.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/ratelimit.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "vcm-internal.h"

static struct kmem_cache *vcm_res_cache __ro_after_init;

static int __init vcm_res_init(void)
{
	vcm_res_cache = KMEM_CACHE(vcm_res, SLAB_PANIC | SLAB_ACCOUNT);
	return 0;
}
core_initcall(vcm_res_init);

static void vcm_release(struct kref *ref)
{
	struct vcm *vcm = container_of(ref, struct vcm, ref);
	struct module *owner = vcm->driver->owner;

	ratelimit_state_exit(&vcm->fault_limit);
	kfree(vcm->history);
	kfree(vcm->blocked);
	vcm->driver->release(vcm);
	module_put(owner);
}

/* Drop a reference of a context; its reservations and its creator have one. */
void vcm_put(struct vcm *vcm)
{
	kref_put(&vcm->ref, vcm_release);
}

void vcm_res_release(struct kref *ref)
{
	struct vcm_res *res = container_of(ref, struct vcm_res, ref);
	struct vcm *vcm = res->vcm;

	kmem_cache_free(vcm_res_cache, res);
	vcm_put(vcm);
}

/**
 * vcm_res_put() - drop what a look-up or an iteration returned
 * @res: the reservation; NULL and error pointers are ignored
 *
 * Drop an object reference. vcm_unreserve() drops an ownership.
 *
 * Context: Process context, may sleep.
 */
void vcm_res_put(struct vcm_res *res)
{
	might_sleep();
	might_alloc(GFP_KERNEL);
	if (!IS_ERR_OR_NULL(res))
		vcm_res_drop_ref(res);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_res_put);

/*
 * Making a reservation takes a few hundred instructions, and calls would be a
 * tenth of them: the functions down to vcm_res_get() are inlined in those that
 * reserve alone and those that also bind.
 */

/* Allocate a reservation with one owner and no addresses yet; NULL on failure. */
static __always_inline struct vcm_res *
vcm_res_new(struct vcm *vcm, resource_size_t size, unsigned int flags,
	    enum vcm_res_state state, unsigned long owner)
{
	struct vcm_res *res = kmem_cache_alloc(vcm_res_cache, GFP_KERNEL);

	if (!res)
		return NULL;

	kref_get(&vcm->ref);
	/* The other fields are undefined until they are in use */
	res->start = 0;
	res->res_size = size;
	res->vcm = vcm;
	res->phys = NULL;
	RB_CLEAR_NODE(&res->va_node);
	refcount_set(&res->owners, 1);
	kref_init(&res->ref);
	res->owner = (void *)owner;
	res->priv = NULL;
	res->quarantined = NULL;
	res->flags = flags;
	res->state = state;
	return res;
}

/* Return the flags as they are kept, where neither direction means both. */
static int vcm_res_flags(const struct vcm *vcm, unsigned int flags)
{
	const unsigned int rw = VCM_RES_READ | VCM_RES_WRITE;

	if (flags & ~VCM_RES_FLAGS)
		return -EINVAL;
	if (flags & ~(vcm->driver->res_flags | rw))
		return -EOPNOTSUPP;
	return flags & rw ? flags : flags | rw;
}

/* Return the alignment of a range of @size bytes that dma_alloc_coherent() gives. */
static dma_addr_t vcm_natural(resource_size_t size)
{
	const int top = 8 * sizeof(dma_addr_t) - 1;

	return (dma_addr_t)1 << min(fls64(size - 1), top);
}

/* Return the page sizes that a range of @size bytes can use. */
static unsigned long vcm_useful(const struct vcm *vcm, resource_size_t size)
{
	const unsigned long granule = vcm_granule(vcm);
	unsigned long sizes = (vcm->pgsize_bitmap & -granule) | granule;

	if (size < BIT_ULL(BITS_PER_LONG - 1))
		sizes &= GENMASK(fls64(size) - 1, 0);
	return sizes;
}

/* Ask for addresses, whether the core or the provider allocates them. */
static __always_inline int vcm_place_once(struct vcm_res *res,
					  struct vcm_va_req *req, bool provider)
{
	struct vcm *vcm = res->vcm;

	if (provider)
		return vcm->driver->reserve(res, req->span, req->align,
					    req->phase & (req->align - 1));
	return vcm_va_alloc(vcm, res, req);
}

/*
 * No addresses are aligned naturally: find some that are aligned for the largest
 * page that helps, else to the granule.
 */
static noinline int vcm_place_smaller(struct vcm_res *res,
				      struct vcm_va_req *req, bool provider)
{
	const dma_addr_t granule = vcm_granule(res->vcm);
	dma_addr_t page = req->page;
	int ret = -ENOSPC;

	if (!page)
		page = 1UL << __fls(vcm_useful(res->vcm, res->res_size));
	if (page != req->align) {
		req->align = page;
		ret = vcm_place_once(res, req, provider);
	}
	if (ret == -ENOSPC && page != granule) {
		req->align = granule;
		ret = vcm_place_once(res, req, provider);
	}
	return ret;
}

/* Take the addresses that the request names. */
static int vcm_place_at(struct vcm_res *res, const struct vcm_va_req *req)
{
	const unsigned long granule = vcm_granule(res->vcm);
	resource_size_t span = res->res_size;

	if ((req->min | span) & (granule - 1))
		return -EINVAL;
	if (res->vcm->driver->reserve)
		return -EOPNOTSUPP;
	res->start = req->min;
	if ((res->flags & VCM_RES_GUARD &&
	     check_add_overflow(span, granule, &span)) ||
	    check_add_overflow(res->start, span - 1, &res->last))
		return -EADDRNOTAVAIL;
	return vcm_va_insert(res->vcm, res);
}

/*
 * Find addresses while the granule cannot change: with the alignment that the
 * request insists on, else as large as it can be.
 */
static __always_inline int vcm_place_locked(struct vcm_res *res,
					    struct vcm_va_req *req,
					    bool provider)
{
	const unsigned long granule = vcm_granule(res->vcm), mask = granule - 1;
	const unsigned long unit = max(granule, PAGE_SIZE) - 1;
	const bool insists = req->align;
	int ret;

	if (req->at)
		return vcm_place_at(res, req);
	if (!req->span) {
		if (check_add_overflow(res->res_size, unit, &res->res_size))
			return -ENOSPC;
		res->res_size &= ~(resource_size_t)unit;
	} else if ((req->span | req->align | req->min | (req->max + 1)) & mask) {
		return -EINVAL;
	}
	req->span = res->res_size;
	if (res->flags & VCM_RES_GUARD &&
	    check_add_overflow(req->span, granule, &req->span))
		return -ENOSPC;

	if (!insists)
		req->align = vcm_natural(res->res_size);
	ret = vcm_place_once(res, req, provider);
	return ret == -ENOSPC && !insists ?
	       vcm_place_smaller(res, req, provider) : ret;
}

/*
 * Insert @res, which has got an address, in the tree, and in vcm->bound if it is
 * being bound.
 */
int vcm_place_insert(struct vcm_res *res, resource_size_t span, bool binds)
{
	struct vcm *vcm = res->vcm;
	int ret;

	if (check_add_overflow(res->start, span - 1, &res->last))
		return -EADDRNOTAVAIL;
	guard(spinlock_irq)(&vcm->va_lock);
	ret = vcm_va_insert(vcm, res);
	if (!ret && binds)
		list_add_tail(&res->vcm_entry, &vcm->bound);
	return ret;
}

/* Get addresses from the provider. Takes topology unless @binds says it is held. */
static noinline int vcm_place_provider(struct vcm_res *res,
				       struct vcm_va_req *req, bool binds)
{
	struct vcm *vcm = res->vcm;
	int ret = -ENODEV;

	if (!binds)
		down_read(&vcm->topology);
	/* With a span, a window was given */
	if (!vcm->dead)
		ret = req->span ? -EOPNOTSUPP : vcm_place_locked(res, req, true);
	if (!ret) {
		ret = vcm_place_insert(res, req->span, binds);
		if (ret)
			vcm->driver->unreserve(res);
	}
	if (!binds)
		up_read(&vcm->topology);
	return ret;
}

static __always_inline int vcm_place(struct vcm_res *res,
				     struct vcm_va_req *req, bool binds)
{
	struct vcm *vcm = res->vcm;
	int ret;

	guard(spinlock_irq)(&vcm->va_lock);
	ret = vcm->dead ? -ENODEV : vcm_place_locked(res, req, false);
	if (!ret && binds)
		list_add_tail(&res->vcm_entry, &vcm->bound);
	return ret;
}

/*
 * Make a reservation on behalf of @owner; @phys is the memory that is bound next,
 * or NULL.
 */
static __always_inline struct vcm_res *
vcm_res_get(struct vcm *vcm, const struct vcm_phys *phys, resource_size_t size,
	    unsigned int flags, struct vcm_va_req *req, unsigned long owner)
{
	struct vcm_res *res;
	int ret;

	ret = vcm_res_flags(vcm, flags);
	if (ret < 0)
		return ERR_PTR(ret);
	if (vcm_fixed(vcm) && (!phys || req->at))
		return ERR_PTR(READ_ONCE(vcm->dead) ? -ENODEV : -EOPNOTSUPP);
	res = vcm_res_new(vcm, size, ret, phys ? VCM_BINDING : VCM_UNBOUND,
			  owner);
	if (!res)
		return ERR_PTR(-ENOMEM);
	if (phys && vcm_fixed(vcm))
		return res;

	if (phys && !req->at && size > vcm_granule(vcm))
		req->page = vcm_best_page(phys, vcm_useful(vcm, size),
					  &req->phase);
	ret = vcm->driver->reserve ? vcm_place_provider(res, req, phys) :
				     vcm_place(res, req, phys);
	if (!ret)
		return res;
	vcm_res_put(res);
	return ERR_PTR(ret);
}

/*
 * Make a reservation for vcm_map(). The caller holds topology, so that the pages
 * of the memory stay useful, and has checked that the context is not dead. Where
 * addresses follow the memory, the bind finds them.
 */
struct vcm_res *vcm_res_make(struct vcm *vcm, const struct vcm_phys *phys,
			     unsigned int flags, struct vcm_va_req *req,
			     unsigned long owner)
{
	lockdep_assert_held_read(&vcm->topology);
	return vcm_res_get(vcm, phys, phys->size, flags, req, owner);
}

static struct vcm_res *vcm_reserve_owned(struct vcm *vcm, resource_size_t size,
					 unsigned int flags,
					 struct vcm_va_req *req,
					 unsigned long owner)
{
	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || !size)
		return ERR_PTR(-EINVAL);
	return vcm_res_get(vcm, NULL, size, flags, req, owner);
}

/**
 * vcm_reserve() - reserve contiguous device addresses
 * @vcm: the context
 * @size: bytes, rounded up to the page size and to the granule, as by
 *	vcm_alloc()
 * @flags: VCM_RES_* flags
 *
 * The address, &vcm_res.start, is aligned to @size rounded up to a power of
 * two, as that of dma_alloc_coherent() is; if no such range is free, to the
 * largest page that @size can use; else to the granule. 0 is an address like
 * any other.
 *
 * Context: Process context, may sleep.
 * Return: the reservation, with one ownership for the caller, dropped by
 * vcm_unreserve(); or an error pointer:
 *
 * * -EINVAL if @vcm is a bad pointer, @size is 0 or a flag is unknown
 * * -EOPNOTSUPP if the context cannot honour a flag, or addresses follow the
 *   memory there; see vcm_can_reserve()
 * * -ENOSPC if no range is free
 * * -EADDRNOTAVAIL if the devices can use no address at all
 * * -ENODEV if the context is being destroyed
 * * -ENOMEM
 */
struct vcm_res *vcm_reserve(struct vcm *vcm, resource_size_t size,
			    unsigned int flags)
{
	struct vcm_va_req req = VCM_VA_ANYWHERE;

	return vcm_reserve_owned(vcm, size, flags, &req, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vcm_reserve);

/**
 * vcm_reserve_in() - reserve contiguous device addresses within a window
 * @vcm: the context
 * @size: bytes, a multiple of the granule
 * @align: bytes, a power of two and a multiple of the granule; 0: as
 *	vcm_reserve() aligns
 * @min: lowest address of the window, a multiple of the granule
 * @max: highest address of the window, inclusive; @max + 1 is a multiple of the
 *	granule
 * @flags: VCM_RES_* flags
 *
 * The window may exceed the aperture. A guard lies within the window too. The
 * search takes O(log n) for n reservations: it finds the lowest gap of @size,
 * then the lowest gap that is large enough for any alignment, so it may miss an
 * aligned range between the two.
 *
 * Context: Process context, may sleep.
 * Return: the reservation as from vcm_reserve(), or an error pointer:
 *
 * * -EINVAL as vcm_reserve(), or if a size, an alignment or a limit is not as
 *   described above
 * * -EADDRNOTAVAIL if no device address of the window can be used
 * * -ENOSPC if the search finds no range
 * * -EOPNOTSUPP as vcm_reserve(), or if the provider allocates addresses
 * * -ENODEV if the context is being destroyed
 * * -ENOMEM
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

	if (align & (align - 1) || min > max)
		return ERR_PTR(-EINVAL);
	return vcm_reserve_owned(vcm, size, flags, &req, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vcm_reserve_in);

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
 * Return: the reservation as from vcm_reserve(), or an error pointer:
 *
 * * -EINVAL as vcm_reserve(), or if @addr or @size is not a multiple of the
 *   granule
 * * -EADDRINUSE if some of the range is reserved
 * * -EADDRNOTAVAIL if some of the range is outside the aperture, above a DMA
 *   mask, or in a region that a device cannot use
 * * -EOPNOTSUPP as vcm_reserve(), or if the provider allocates addresses
 * * -ENODEV if the context is being destroyed
 * * -ENOMEM
 */
struct vcm_res *vcm_reserve_at(struct vcm *vcm, dma_addr_t addr,
			       resource_size_t size, unsigned int flags)
{
	struct vcm_va_req req = { .min = addr, .at = true };

	return vcm_reserve_owned(vcm, size, flags, &req, _RET_IP_);
}
EXPORT_SYMBOL_GPL(vcm_reserve_at);

/**
 * vcm_ref_reserve() - add an ownership of a reservation
 * @res: the reservation; the caller holds the struct in some way
 *
 * Context: Any.
 * Return: 0, or -EINVAL if @res is a bad pointer or has no owner any more.
 */
int vcm_ref_reserve(struct vcm_res *res)
{
	if (IS_ERR_OR_NULL(res) || !refcount_inc_not_zero(&res->owners))
		return -EINVAL;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_ref_reserve);
