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
 * Drops an object reference. vcm_unreserve() drops an ownership.
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

/* Make a reservation with one owner and no addresses yet. */
struct vcm_res *vcm_res_new(struct vcm *vcm, resource_size_t size,
			    unsigned int flags, enum vcm_res_state state,
			    unsigned long owner)
{
	struct vcm_res *res = kmem_cache_alloc(vcm_res_cache, GFP_KERNEL);

	if (!res)
		return ERR_PTR(-ENOMEM);

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
int vcm_res_flags(const struct vcm *vcm, unsigned int flags)
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

/* Ask once for addresses, whether the core or the provider allocates them. */
static int vcm_place_once(struct vcm_res *res, struct vcm_va_req *req,
			  dma_addr_t align, dma_addr_t phase)
{
	const struct vcm_driver *driver = res->vcm->driver;

	req->align = align;
	req->phase = phase & (align - 1);
	if (driver->reserve)
		return driver->reserve(res, req->span, align, req->phase);
	return vcm_va_alloc(res->vcm, res, req);
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

/*
 * Find addresses that are aligned naturally and congruent to the memory; else
 * aligned for the largest page that helps; else any.
 */
static int vcm_place_aligned(struct vcm_res *res, struct vcm_va_req *req)
{
	const unsigned long granule = vcm_granule(res->vcm);
	const dma_addr_t phase = req->phase;
	unsigned long page = req->page;
	dma_addr_t natural;
	int ret;

	if (!page)
		page = 1UL << __fls(vcm_useful(res->vcm, res->res_size));
	natural = max(vcm_natural(res->res_size), page);
	ret = vcm_place_once(res, req, natural, phase);
	if (ret == -ENOSPC && page != natural)
		ret = vcm_place_once(res, req, page, phase);
	if (ret == -ENOSPC && page != granule)
		ret = vcm_place_once(res, req, granule, 0);
	return ret;
}

/* Find addresses while the granule cannot change. */
static int vcm_place_locked(struct vcm_res *res, struct vcm_va_req *req)
{
	const unsigned long granule = vcm_granule(res->vcm), mask = granule - 1;
	const unsigned long unit = max(granule, PAGE_SIZE) - 1;

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
	if (req->align)
		return vcm_place_once(res, req, req->align, 0);
	return vcm_place_aligned(res, req);
}

/* Get addresses from the provider. */
static int vcm_place_provider(struct vcm_res *res, struct vcm_va_req *req)
{
	struct vcm *vcm = res->vcm;
	int ret;

	lockdep_assert_held_read(&vcm->topology);
	if (vcm->dead)
		return -ENODEV;
	ret = vcm_place_locked(res, req);
	if (ret)
		return ret;

	res->last = res->start + (req->span - 1);
	scoped_guard(spinlock_irq, &vcm->va_lock)
		ret = vcm_va_insert(vcm, res);
	if (ret)
		vcm->driver->unreserve(res);
	return ret;
}

/*
 * Find addresses for @res; @phys is the memory that is bound next, or NULL. The
 * caller holds topology if there is memory, so that its pages stay useful, and if
 * the provider allocates addresses.
 */
int vcm_place(struct vcm_res *res, const struct vcm_phys *phys,
	      struct vcm_va_req *req)
{
	struct vcm *vcm = res->vcm;

	if (phys)
		req->page = vcm_best_page(phys, vcm_useful(vcm, phys->size),
					  &req->phase);
	if (vcm->driver->reserve)
		return vcm_place_provider(res, req);
	guard(spinlock_irq)(&vcm->va_lock);
	return vcm->dead ? -ENODEV : vcm_place_locked(res, req);
}

/* Reserve the addresses from &vcm_res.start on. */
int vcm_place_at(struct vcm_res *res)
{
	struct vcm *vcm = res->vcm;
	resource_size_t span = res->res_size;

	guard(spinlock_irq)(&vcm->va_lock);
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

/* Check what all calls that reserve have in common; return the flags. */
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

static struct vcm_res *vcm_reserve_owned(struct vcm *vcm, resource_size_t size,
					 unsigned int flags,
					 struct vcm_va_req *req,
					 unsigned long owner)
{
	struct vcm_res *res;
	int ret;

	res = vcm_res_new(vcm, size, flags, VCM_UNBOUND, owner);
	if (IS_ERR(res))
		return res;
	if (vcm->driver->reserve)
		down_read(&vcm->topology);
	ret = vcm_place(res, NULL, req);
	if (vcm->driver->reserve)
		up_read(&vcm->topology);
	if (ret) {
		vcm_res_put(res);
		return ERR_PTR(ret);
	}
	return res;
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
	int ret = vcm_reserve_check(vcm, size, flags);

	if (ret < 0)
		return ERR_PTR(ret);
	return vcm_reserve_owned(vcm, size, ret, &req, _RET_IP_);
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
	int ret = vcm_reserve_check(vcm, size, flags);

	if (ret < 0)
		return ERR_PTR(ret);
	if (align & (align - 1) || min > max)
		return ERR_PTR(-EINVAL);
	if (vcm->driver->reserve)
		return ERR_PTR(-EOPNOTSUPP);

	return vcm_reserve_owned(vcm, size, ret, &req, _RET_IP_);
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
	int ret = vcm_reserve_check(vcm, size, flags);
	struct vcm_res *res;

	if (ret < 0)
		return ERR_PTR(ret);
	res = vcm_res_new(vcm, size, ret, VCM_UNBOUND, _RET_IP_);
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
 * vcm_ref_reserve() - add an ownership of a reservation
 * @res: the reservation; the caller holds the struct in some way
 *
 * Context: Any.
 * Return: 0, or -EINVAL if @res is a bad pointer or its last owner has gone.
 */
int vcm_ref_reserve(struct vcm_res *res)
{
	if (IS_ERR_OR_NULL(res) || !refcount_inc_not_zero(&res->owners))
		return -EINVAL;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_ref_reserve);
