// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: contexts in the address space of a device's DMA
 * API.
 *
 * The device keeps its DMA API. Behind an IOMMU, a reservation is a range of
 * the IOVA space of the DMA API and a binding links memory into it, so neither
 * can collide with other mappings. Without an IOMMU, addresses follow the
 * memory and a binding is a mapping of the direct DMA API.
 *
 * The device reaches the memory itself: where the DMA API would copy it through
 * a bounce buffer, there is no context or no binding.
 */
#include <linux/cc_platform.h>
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>
#include <linux/vcm-dma.h>
#include <linux/vcm-drv.h>

/*
 * The core maintains caches, because memory may be bound in several contexts.
 * CONFIG_DMA_API_DEBUG does not track dma_iova_link().
 */
#define VCM_DMA_ATTRS \
	(DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_DEBUGGING_IGNORE_CACHELINES)

/**
 * struct vcm_dma - a context in the address space of a device's DMA API
 * @vcm: the context
 * @dev: its only device, held
 */
struct vcm_dma {
	struct vcm vcm;
	struct device *dev;
};

static struct vcm_dma *to_vcm_dma(struct vcm *vcm)
{
	return container_of(vcm, struct vcm_dma, vcm);
}

/* Neither flag cannot occur, see vcm_res_flags(). */
static enum dma_data_direction vcm_dma_dir(const struct vcm_res *res)
{
	switch (res->flags & (VCM_RES_READ | VCM_RES_WRITE)) {
	case VCM_RES_READ:
		return DMA_TO_DEVICE;
	case VCM_RES_WRITE:
		return DMA_FROM_DEVICE;
	default:
		return DMA_BIDIRECTIONAL;
	}
}

static unsigned long vcm_dma_attrs(const struct vcm_phys *phys)
{
	if (!(phys->flags & VCM_PHYS_PAGES))
		return VCM_DMA_ATTRS | DMA_ATTR_MMIO;
	return VCM_DMA_ATTRS;
}

static void vcm_dma_release(struct vcm *vcm)
{
	struct vcm_dma *ctx = to_vcm_dma(vcm);

	put_device(ctx->dev);
	kfree(ctx);
}

/* Behind an IOMMU */

/*
 * The DMA API aligns a range to its size, rounded up to a power of two. It does
 * not promise that, so check.
 */
static int vcm_dma_iova_reserve(struct vcm_res *res, resource_size_t span,
				dma_addr_t align, dma_addr_t phase)
{
	/* The DMA API uses the topmost bit of a size itself */
	const u64 limit = min_t(u64, res->vcm->last, SIZE_MAX >> 1);
	struct device *dev = to_vcm_dma(res->vcm)->dev;
	struct dma_iova_state *state;

	if (phase > limit || span - 1 > limit - phase)
		return -ENOSPC;
	state = kmalloc_obj(*state);
	if (!state)
		return -ENOMEM;

	if (!dma_iova_try_alloc(dev, state, 0, span + phase))
		goto err_free;
	if (state->addr & (align - 1))
		goto err_iova;

	res->start = state->addr + phase;
	res->priv = state;
	return 0;

err_iova:
	dma_iova_free(dev, state);
err_free:
	kfree(state);
	return -ENOSPC;
}

static void vcm_dma_iova_unreserve(struct vcm_res *res)
{
	dma_iova_free(to_vcm_dma(res->vcm)->dev, res->priv);
	kfree(res->priv);
	res->priv = NULL;
}

static int vcm_dma_iova_map(struct vcm_res *res, struct vcm_phys *phys)
{
	const struct vcm_dma *ctx = to_vcm_dma(res->vcm);
	const enum dma_data_direction dir = vcm_dma_dir(res);
	const unsigned long attrs = vcm_dma_attrs(phys);
	struct dma_iova_state *state = res->priv;
	const size_t base = res->start - state->addr;
	size_t mapped = 0;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < phys->count && !ret; i++) {
		const struct phys_vec *part = &phys->parts[i];

		ret = dma_iova_link(ctx->dev, state, part->paddr, base + mapped,
				    part->len, dir, attrs);
		if (!ret)
			mapped += part->len;
	}
	if (!ret)
		ret = dma_iova_sync(ctx->dev, state, base, mapped);
	if (ret && mapped)
		dma_iova_unlink(ctx->dev, state, base, mapped, dir, attrs);
	return vcm_map_errno(ret);
}

/* Wait for the IOTLB, also where other unmaps of the DMA API are lazy. */
static void vcm_dma_iova_unmap(struct vcm_res *res, struct vcm_phys *phys)
{
	const struct vcm_dma *ctx = to_vcm_dma(res->vcm);
	struct dma_iova_state *state = res->priv;

	dma_iova_unlink(ctx->dev, state, res->start - state->addr, phys->size,
			vcm_dma_dir(res), vcm_dma_attrs(phys));
}

static const struct vcm_driver vcm_dma_iova_driver = {
	.owner = THIS_MODULE,
	.name = "vcm-dma",
	.res_flags = VCM_RES_GUARD,
	.reserve = vcm_dma_iova_reserve,
	.unreserve = vcm_dma_iova_unreserve,
	.map = vcm_dma_iova_map,
	.unmap = vcm_dma_iova_unmap,
	.release = vcm_dma_release,
};

static int vcm_dma_iova_init(struct vcm_dma *ctx, u64 last)
{
	const struct iommu_domain *domain = iommu_get_domain_for_dev(ctx->dev);
	const u64 mask = dma_get_merge_boundary(ctx->dev);

	if (domain->geometry.force_aperture)
		last = min_t(u64, last, domain->geometry.aperture_end);
	if (last < mask)
		return -EINVAL;
	/* The limit may cut a page */
	if ((last & mask) != mask)
		last = (last & ~mask) - 1;
	return vcm_init(&ctx->vcm, &vcm_dma_iova_driver, 0, last,
			domain->pgsize_bitmap);
}

/* Without an IOMMU */

static dma_addr_t vcm_dma_to_bus(struct vcm *vcm, phys_addr_t paddr)
{
	return phys_to_dma(to_vcm_dma(vcm)->dev, paddr);
}

/*
 * The wrapper decides which memory can be bound, and at which address. Memory
 * out of reach must not be passed to the DMA API, which would copy it or warn.
 */
static int vcm_dma_direct_map(struct vcm_res *res, struct vcm_phys *phys)
{
	const struct vcm_dma *ctx = to_vcm_dma(res->vcm);
	const enum dma_data_direction dir = vcm_dma_dir(res);
	const unsigned long attrs = vcm_dma_attrs(phys);
	dma_addr_t addr;
	int ret;

	ret = vcm_o2o_map(res, phys);
	if (ret)
		return ret;
	if (res->start + (phys->size - 1) > vcm_device_last(ctx->dev))
		return -EADDRNOTAVAIL;

	addr = dma_map_phys(ctx->dev, phys->parts[0].paddr, phys->size, dir,
			    attrs);
	if (dma_mapping_error(ctx->dev, addr))
		return -EOPNOTSUPP;
	/* It is a copy of the memory */
	if (addr != res->start) {
		dma_unmap_phys(ctx->dev, addr, phys->size, dir, attrs);
		return -EOPNOTSUPP;
	}
	return 0;
}

static void vcm_dma_direct_unmap(struct vcm_res *res, struct vcm_phys *phys)
{
	const struct vcm_dma *ctx = to_vcm_dma(res->vcm);

	dma_unmap_phys(ctx->dev, res->start, phys->size, vcm_dma_dir(res),
		       vcm_dma_attrs(phys));
}

static const struct vcm_o2o_driver vcm_dma_direct_driver = {
	.vcm = {
		.owner = THIS_MODULE,
		.name = "vcm-dma",
		.fixed = true,
		.suits = vcm_o2o_suits,
		.map = vcm_dma_direct_map,
		.unmap = vcm_dma_direct_unmap,
		.release = vcm_dma_release,
	},
	.to_bus = vcm_dma_to_bus,
};

/*
 * Find the lowest and the highest physical address that a device reaches. Memory
 * between two of its windows is refused when it is bound.
 */
static void vcm_dma_direct_reach(struct vcm_dma *ctx, u64 last)
{
	const struct bus_dma_region *map = ctx->dev->dma_range_map;
	struct vcm_phys_params *memory = &ctx->vcm.memory;
	u64 end;

	if (!map) {
		memory->last = min_t(u64, last, PHYS_ADDR_MAX);
		return;
	}
	memory->first = PHYS_ADDR_MAX;
	memory->last = 0;
	for (; map->size; map++) {
		if (map->dma_start > last)
			continue;
		end = map->cpu_start + min(map->size - 1, last - map->dma_start);
		memory->first = min_t(u64, memory->first, map->cpu_start);
		memory->last = max_t(u64, memory->last, end);
	}
}

static int vcm_dma_direct_init(struct vcm_dma *ctx, u64 last)
{
	int ret;

	ret = vcm_o2o_init(&ctx->vcm, &vcm_dma_direct_driver, 0,
			   last - (last + 1) % PAGE_SIZE);
	if (!ret)
		vcm_dma_direct_reach(ctx, last);
	return ret;
}

/* Contexts */

/* Check that the DMA API drives the device without bounce buffers. */
static int vcm_dma_check(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	/* Its memory would have to be copied */
	if (cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT) ||
	    is_swiotlb_for_alloc(dev))
		return -EOPNOTSUPP;
	if (use_dma_iommu(dev))
		return domain && iommu_is_dma_domain(domain) ? 0 : -EBUSY;
	if (get_dma_ops(dev) || is_swiotlb_force_bounce(dev))
		return -EOPNOTSUPP;
	return domain && domain->type != IOMMU_DOMAIN_IDENTITY ? -EBUSY : 0;
}

/**
 * vcm_dma_create() - create a context in the address space of a DMA API
 * @dev: the device, with its driver bound to it and its DMA mask set
 *
 * The device keeps its DMA API, its interrupts and its other mappings. Behind an
 * IOMMU the DMA API allocates the addresses, and memory can be bound if its
 * parts are aligned to the granule. The context is inactive: bound memory is
 * reachable after vcm_activate(), for other devices of the same IOMMU group too.
 * Without an IOMMU addresses are bus addresses, memory must be one part, and the
 * context is always active.
 *
 * No other device can be attached, and this one cannot be detached.
 * vcm_destroy() releases all addresses to the DMA API.
 *
 * Context: Process context, may sleep.
 * Return: the context, which the caller destroys with vcm_destroy() before the
 * driver is unbound from the device; or an error pointer:
 *
 * * -EINVAL if @dev is a bad pointer, has no DMA mask or one of less than a page
 * * -EBUSY if the device is attached to another domain than that of its DMA API
 * * -EOPNOTSUPP if the DMA API would copy its memory through bounce buffers, or
 *   has operations of its own (&struct dma_map_ops)
 * * -ENOMEM
 */
struct vcm *vcm_dma_create(struct device *dev)
{
	struct vcm_dma *ctx;
	u64 last;
	int ret;

	if (IS_ERR_OR_NULL(dev) || !dev->dma_mask)
		return ERR_PTR(-EINVAL);
	last = min_t(u64, vcm_device_last(dev), (dma_addr_t)~0ULL);
	if (last < PAGE_SIZE - 1)
		return ERR_PTR(-EINVAL);
	ret = vcm_dma_check(dev);
	if (ret)
		return ERR_PTR(ret);

	ctx = kzalloc_obj(*ctx);
	if (!ctx)
		return ERR_PTR(-ENOMEM);
	ctx->dev = get_device(dev);

	ret = use_dma_iommu(dev) ? vcm_dma_iova_init(ctx, last) :
				   vcm_dma_direct_init(ctx, last);
	if (ret) {
		vcm_dma_release(&ctx->vcm);
		return ERR_PTR(ret);
	}
	ctx->vcm.memory.nid = dev_to_node(dev);
	ctx->vcm.coherence = vcm_device_snoops(dev) ? VCM_SNOOPED :
						      VCM_UNSNOOPED;
	return &ctx->vcm;
}
EXPORT_SYMBOL_GPL(vcm_dma_create);

MODULE_DESCRIPTION("Virtual Contiguous Memory in the address space of a device's DMA API");
MODULE_LICENSE("GPL");
