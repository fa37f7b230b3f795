// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: contexts in the address space of a device's DMA
 * API.
 *
 * The device keeps its DMA API, and whoever maps memory with it goes on as
 * before. Behind an IOMMU a reservation is a range of the DMA API's own IOVA
 * space and a binding links memory into it, so neither can collide with what
 * the DMA API maps. Without one the device sees memory as it lies, and a
 * binding is a mapping of the direct DMA API.
 *
 * Either way the memory itself is what the device reaches. Where the DMA API
 * would copy it through a bounce buffer, there is no context, or no binding.
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
 * Caches are the core's: memory that is bound in several contexts is not one
 * device's to take back, and CONFIG_DMA_API_DEBUG does not know what
 * dma_iova_link() maps.
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

/* Whoever neither reads nor writes does both, see vcm_res_flags() */
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
 * The DMA API aligns a range to its size, rounded up to a power of two. This
 * is no promise of it, and large pages depend on it, so look.
 */
static int vcm_dma_iova_reserve(struct vcm_res *res, resource_size_t span,
				dma_addr_t align, dma_addr_t phase)
{
	/* The DMA API has a use of its own for the topmost bit of a size */
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

/* Waits for the IOTLB, also where the DMA API's own unmaps are lazy. */
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
 * The wrapper says which memory can be bound, and at which address. The rest is
 * the DMA API's. Memory out of reach must not get there: it would copy it, or
 * warn that it cannot.
 */
static int vcm_dma_direct_map(struct vcm_res *res, struct vcm_phys *phys)
{
	const struct vcm_dma *ctx = to_vcm_dma(res->vcm);
	const enum dma_data_direction dir = vcm_dma_dir(res);
	const unsigned long attrs = vcm_dma_attrs(phys);
	const dma_addr_t before = res->start;
	dma_addr_t addr;
	int ret;

	ret = vcm_o2o_map(res, phys);
	if (ret)
		return ret;

	ret = -EADDRNOTAVAIL;
	if (res->start + (phys->size - 1) > vcm_device_last(ctx->dev))
		goto err_start;
	ret = -EOPNOTSUPP;
	addr = dma_map_phys(ctx->dev, phys->parts[0].paddr, phys->size, dir,
			    attrs);
	if (dma_mapping_error(ctx->dev, addr))
		goto err_start;
	/* Where that is, there is a copy, not the memory */
	if (addr != res->start)
		goto err_unmap;
	return 0;

err_unmap:
	dma_unmap_phys(ctx->dev, addr, phys->size, dir, attrs);
err_start:
	res->start = before;
	return ret;
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

/* The highest physical address that a device reaches without help. */
static phys_addr_t vcm_dma_direct_reach(struct device *dev, u64 last)
{
	const struct bus_dma_region *map = dev->dma_range_map;
	phys_addr_t reach = 0;

	if (!map)
		return min_t(u64, last, PHYS_ADDR_MAX);
	for (; map->size; map++)
		if (map->dma_start <= last)
			reach = max_t(u64, reach, map->cpu_start +
				      min(map->size - 1, last - map->dma_start));
	return reach;
}

static int vcm_dma_direct_init(struct vcm_dma *ctx, u64 last)
{
	int ret;

	ret = vcm_o2o_init(&ctx->vcm, &vcm_dma_direct_driver, 0,
			   last - (last + 1) % PAGE_SIZE);
	if (!ret)
		ctx->vcm.memory.last = vcm_dma_direct_reach(ctx->dev, last);
	return ret;
}

/* Contexts */

/* Whether the DMA API drives the device, and needs no bounce buffer for it. */
static int vcm_dma_check(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	/* Its memory is encrypted: what a device sees has to be copied out */
	if (cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT))
		return -EOPNOTSUPP;
	if (use_dma_iommu(dev))
		return domain && iommu_is_dma_domain(domain) ? 0 : -EBUSY;
	if (get_dma_ops(dev) || is_swiotlb_force_bounce(dev))
		return -EOPNOTSUPP;
	return domain && domain->type != IOMMU_DOMAIN_IDENTITY ? -EBUSY : 0;
}

/**
 * vcm_dma_create() - a context in the address space of a device's DMA API
 * @dev: the device, with its driver bound to it and its DMA mask set
 *
 * The device keeps its DMA API, its interrupts and all that is mapped for it.
 * Behind an IOMMU the DMA API gives out the addresses, and any memory can be
 * bound whose parts are aligned to the granule. The context is inactive: what is
 * bound is reachable from vcm_activate() on. Other devices of the same IOMMU
 * group reach it too. Without an IOMMU addresses are bus addresses, memory has
 * to be of one part, and the context is always active.
 *
 * The context is the device's own: no others can be attached, and it cannot be
 * detached. vcm_destroy() gives all addresses back to the DMA API.
 *
 * For a device that does not snoop, memory is handed over when it becomes
 * reachable. vcm_sync_for_cpu() takes it back.
 *
 * Context: Process context, may sleep.
 * Return: the context, which belongs to the caller, who gives it up with
 * vcm_destroy() before he lets go of the device; -EINVAL for a bad pointer or a
 * device without DMA mask or with one of less than a page; -EBUSY when the
 * device is attached to another domain than that of its DMA API; -EOPNOTSUPP
 * when the DMA API would copy its memory through bounce buffers, or is one of
 * its own kind (&struct dma_map_ops);
 * -ENOMEM.
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
	ctx->vcm.unsnooped = !dev_is_dma_coherent(dev);
	return &ctx->vcm;
}
EXPORT_SYMBOL_GPL(vcm_dma_create);

MODULE_DESCRIPTION("Virtual Contiguous Memory in the address space of a device's DMA API");
MODULE_LICENSE("GPL");
