// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: contexts behind any IOMMU that the kernel drives.
 *
 * A context is an unmanaged paging domain of the IOMMU API. While a device is
 * attached to it, that domain replaces the one of the device's DMA API, which
 * is off until the device is detached.
 */
#define pr_fmt(fmt) "vcm-iommu: " fmt

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vcm-drv.h>
#include <linux/vcm-iommu.h>

/* Parts that go to the IOMMU API in one call; 16 KiB of scatterlist at most */
#define VCM_IOMMU_BATCH		512U

/* The longest scatterlist entry, a multiple of every usual page size */
#define VCM_IOMMU_SG_MAX	SZ_2G

/**
 * struct vcm_iommu - a context behind an IOMMU
 * @vcm: the context
 * @domain: its page table
 * @allow_identity_default: see &struct vcm_iommu_params
 * @msi_cookie: the domain maps MSI doorbells, in @msi
 * @msi: addresses of the doorbells, which stay mapped for good
 */
struct vcm_iommu {
	struct vcm vcm;
	struct iommu_domain *domain;
	bool allow_identity_default;
	bool msi_cookie;
	struct vcm_range msi;
};

static struct vcm_iommu *to_vcm_iommu(struct vcm *vcm)
{
	return container_of(vcm, struct vcm_iommu, vcm);
}

static int vcm_iommu_prot(const struct vcm_res *res,
			  const struct vcm_phys *phys)
{
	int prot = 0;

	if (res->flags & VCM_RES_READ)
		prot |= IOMMU_READ;
	if (res->flags & VCM_RES_WRITE)
		prot |= IOMMU_WRITE;
	if (!(phys->flags & VCM_PHYS_PAGES))
		prot |= IOMMU_MMIO;
	/* Every device that is let in snoops, see vcm_iommu_check() */
	return prot | IOMMU_CACHE;
}

/* Takes back what a map that failed half way has done. */
static void vcm_iommu_undo(struct vcm_iommu *ctx, unsigned long addr,
			   size_t mapped)
{
	if (mapped)
		WARN_ON(iommu_unmap(ctx->domain, addr, mapped) != mapped);
}

/* Part by part: for one part, and for memory without struct pages. */
static int vcm_iommu_map_parts(struct vcm_iommu *ctx, unsigned long addr,
			       const struct vcm_phys *phys, int prot)
{
	size_t mapped = 0;
	unsigned int i;
	int ret;

	for (i = 0; i < phys->count; i++) {
		const struct phys_vec *part = &phys->parts[i];

		ret = iommu_map(ctx->domain, addr + mapped, part->paddr,
				part->len, prot, GFP_KERNEL);
		if (ret) {
			vcm_iommu_undo(ctx, addr, mapped);
			return ret;
		}
		mapped += part->len;
	}
	return 0;
}

/**
 * struct vcm_iommu_cursor - a place in physical memory
 * @part: number of the part
 * @offset: bytes into it
 */
struct vcm_iommu_cursor {
	unsigned int part;
	size_t offset;
};

/* Fills @sg with what comes next; returns the number of entries used. */
static unsigned int vcm_iommu_fill(struct scatterlist *sg, unsigned int nents,
				   const struct vcm_phys *phys,
				   struct vcm_iommu_cursor *at)
{
	unsigned int n;

	for (n = 0; n < nents && at->part < phys->count; n++) {
		const struct phys_vec *part = &phys->parts[at->part];
		size_t len = min(part->len - at->offset,
				 (size_t)VCM_IOMMU_SG_MAX);

		sg_set_page(&sg[n], phys_to_page(part->paddr + at->offset),
			    len, 0);
		at->offset += len;
		if (at->offset == part->len) {
			at->offset = 0;
			at->part++;
		}
	}
	return n;
}

/* Many parts with few calls, since each of them may synchronise the TLB. */
static int vcm_iommu_map_batches(struct vcm_iommu *ctx, unsigned long addr,
				 const struct vcm_phys *phys, int prot)
{
	unsigned int nents = min(phys->count, VCM_IOMMU_BATCH);
	struct vcm_iommu_cursor at = { };
	struct scatterlist *sg;
	size_t mapped = 0;
	ssize_t ret = 0;

	sg = kvmalloc_objs(*sg, nents);
	if (!sg)
		return -ENOMEM;
	sg_init_table(sg, nents);

	while (at.part < phys->count) {
		unsigned int n = vcm_iommu_fill(sg, nents, phys, &at);

		ret = iommu_map_sg(ctx->domain, addr + mapped, sg, n, prot,
				   GFP_KERNEL);
		if (ret < 0) {
			vcm_iommu_undo(ctx, addr, mapped);
			break;
		}
		mapped += ret;
	}
	kvfree(sg);
	return ret < 0 ? ret : 0;
}

static int vcm_iommu_map(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm_iommu *ctx = to_vcm_iommu(res->vcm);
	int prot = vcm_iommu_prot(res, phys);

	/* Reserved while no device with such a window was attached */
	if (ctx->msi_cookie && res->start <= ctx->msi.last &&
	    res->start + (phys->size - 1) >= ctx->msi.start)
		return -EADDRNOTAVAIL;

	if (phys->count > 1 && phys->flags & VCM_PHYS_PAGES)
		return vcm_iommu_map_batches(ctx, res->start, phys, prot);
	return vcm_iommu_map_parts(ctx, res->start, phys, prot);
}

static void vcm_iommu_unmap(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm_iommu *ctx = to_vcm_iommu(res->vcm);
	size_t unmapped;

	unmapped = iommu_unmap(ctx->domain, res->start, phys->size);
	if (unmapped != phys->size)
		vcm_quarantine(res, phys);
}

static int vcm_iommu_count(struct device *dev, void *data)
{
	unsigned int *count = data;

	(*count)++;
	return 0;
}

/* Whether firmware has the device reach some memory at all times. */
static bool vcm_iommu_needs_direct(struct device *dev)
{
	struct iommu_resv_region *region;
	LIST_HEAD(regions);
	bool direct = false;

	iommu_get_resv_regions(dev, &regions);
	list_for_each_entry(region, &regions, list)
		if (region->type == IOMMU_RESV_DIRECT)
			direct = true;
	iommu_put_resv_regions(dev, &regions);
	return direct;
}

/* What a device must be like to be let in. */
static int vcm_iommu_check(struct vcm_iommu *ctx, struct device *dev)
{
	struct iommu_group *group = iommu_group_get(dev);
	struct iommu_domain *domain;
	unsigned int count = 0;

	if (!group)
		return -ENODEV;
	iommu_group_for_each_dev(group, &count, vcm_iommu_count);
	iommu_group_put(group);
	if (count != 1)
		return -EOPNOTSUPP;

	/* No cache maintenance yet: the device has to snoop */
	if (!device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY) ||
	    vcm_iommu_needs_direct(dev))
		return -EOPNOTSUPP;

	domain = iommu_get_domain_for_dev(dev);
	if (domain && domain->type == IOMMU_DOMAIN_IDENTITY &&
	    !ctx->allow_identity_default)
		return -EPERM;
	return 0;
}

/* Everything above @last, where that is not the end of the address space. */
static int vcm_iommu_block_above(struct vcm_master *master, u64 last)
{
	if (last >= (dma_addr_t)~0ULL)
		return 0;
	return vcm_master_block(master, last + 1, (dma_addr_t)~0ULL);
}

static int vcm_iommu_limits(struct vcm *vcm, struct vcm_master *master)
{
	struct device *dev = master->dev;
	struct iommu_resv_region *region;
	LIST_HEAD(regions);
	int ret;

	ret = vcm_iommu_check(to_vcm_iommu(vcm), dev);
	if (ret)
		return ret;
	ret = vcm_iommu_block_above(master, min_not_zero(dma_get_mask(dev),
							 dev->bus_dma_limit));
	if (ret)
		return ret;

	iommu_get_resv_regions(dev, &regions);
	list_for_each_entry(region, &regions, list) {
		if (region->type == IOMMU_RESV_DIRECT_RELAXABLE ||
		    !region->length)
			continue;
		ret = vcm_master_block(master, region->start,
				       region->start + (region->length - 1));
		if (ret)
			break;
	}
	iommu_put_resv_regions(dev, &regions);
	return ret;
}

/*
 * Where the IOMMU translates MSI writes too, the domain has to map the
 * doorbells; the IOMMU core does so when the interrupts are set up.
 */
static int vcm_iommu_msi(struct vcm_iommu *ctx, struct device *dev)
{
	struct iommu_resv_region *region;
	LIST_HEAD(regions);
	int ret = 0;

	if (ctx->msi_cookie)
		return 0;
	iommu_get_resv_regions(dev, &regions);
	list_for_each_entry(region, &regions, list) {
		if (region->type != IOMMU_RESV_SW_MSI)
			continue;
		ret = iommu_get_msi_cookie(ctx->domain, region->start);
		ctx->msi_cookie = !ret;
		ctx->msi.start = region->start;
		ctx->msi.last = region->start + (region->length - 1);
		break;
	}
	iommu_put_resv_regions(dev, &regions);
	/* Without IOMMU_DMA nobody maps doorbells: the device has no MSIs */
	return ret == -ENODEV ? 0 : ret;
}

static int vcm_iommu_attach(struct vcm *vcm, struct device *dev)
{
	struct vcm_iommu *ctx = to_vcm_iommu(vcm);
	int ret;

	ret = vcm_iommu_msi(ctx, dev);
	if (ret)
		return ret;
	return iommu_attach_device(ctx->domain, dev);
}

/* By its group, which may have got further devices in the meantime. */
static void vcm_iommu_detach(struct vcm *vcm, struct device *dev)
{
	struct iommu_group *group = iommu_group_get(dev);

	iommu_detach_group(to_vcm_iommu(vcm)->domain, group);
	iommu_group_put(group);
}

static void vcm_iommu_free_domain(struct iommu_domain *domain)
{
	struct module *owner = domain->owner->owner;

	iommu_domain_free(domain);
	module_put(owner);
}

/*
 * A domain for @dev, which may outlive it and the IOMMU's driver. Some of these
 * settle page sizes and aperture when the first device is attached.
 */
static int vcm_iommu_alloc_domain(struct vcm_iommu *ctx, struct device *dev)
{
	struct iommu_domain *domain;
	int ret;

	ret = vcm_iommu_check(ctx, dev);
	if (ret)
		return ret;

	domain = iommu_paging_domain_alloc(dev);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	if (!try_module_get(domain->owner->owner)) {
		iommu_domain_free(domain);
		return -ENODEV;
	}

	ret = iommu_attach_device(domain, dev);
	if (ret) {
		vcm_iommu_free_domain(domain);
		return ret;
	}
	iommu_detach_device(domain, dev);
	ctx->domain = domain;
	return 0;
}

static void vcm_iommu_release(struct vcm *vcm)
{
	struct vcm_iommu *ctx = to_vcm_iommu(vcm);

	vcm_iommu_free_domain(ctx->domain);
	kfree(ctx);
}

static const struct vcm_driver vcm_iommu_driver = {
	.owner = THIS_MODULE,
	.name = "vcm-iommu",
	.res_flags = VCM_RES_GUARD,
	.map = vcm_iommu_map,
	.unmap = vcm_iommu_unmap,
	.limits = vcm_iommu_limits,
	.attach = vcm_iommu_attach,
	.detach = vcm_iommu_detach,
	.release = vcm_iommu_release,
};

/* The context's aperture is what the domain translates, in whole granules. */
static int vcm_iommu_init(struct vcm_iommu *ctx)
{
	const struct iommu_domain *domain = ctx->domain;
	u64 start = 0, last = min_t(u64, ULONG_MAX, (dma_addr_t)~0ULL);
	u64 mask = (domain->pgsize_bitmap & -domain->pgsize_bitmap) - 1;

	if (domain->geometry.force_aperture) {
		start = domain->geometry.aperture_start;
		last = min_t(u64, last, domain->geometry.aperture_end);
	}
	if (start + mask < start || last < mask)
		return -EINVAL;
	start = (start + mask) & ~mask;
	if ((last & mask) != mask)
		last = (last & ~mask) - 1;
	return vcm_init(&ctx->vcm, &vcm_iommu_driver, start, last,
			domain->pgsize_bitmap);
}

/**
 * vcm_iommu_create() - create a context behind a device's IOMMU
 * @dev: the device, with its driver bound to it and its DMA mask set
 * @params: choices, NULL for the defaults
 *
 * The device is attached and the context inactive: until vcm_activate() the
 * device reaches nothing. Its DMA API is off until it is detached. Where the
 * IOMMU translates MSI writes, a driver allocates its interrupt vectors after
 * this and frees them before the device is detached.
 *
 * Context: Process context, may sleep.
 * Return: the context, which belongs to the caller, who gives it up with
 * vcm_destroy() before he lets go of the device; -EINVAL for a bad pointer,
 * -ENODEV when the device is not behind an IOMMU, -EPERM when its default
 * domain is an identity mapping and @params does not allow that, -EOPNOTSUPP
 * when its IOMMU group has further devices, it does not snoop CPU caches, or
 * firmware needs it to reach memory at all times;
 * -EBUSY when it is attached to another context, -ENOMEM, or what the IOMMU
 * driver answers.
 */
struct vcm *vcm_iommu_create(struct device *dev,
			     const struct vcm_iommu_params *params)
{
	struct vcm_iommu *ctx;
	int ret;

	if (IS_ERR_OR_NULL(dev))
		return ERR_PTR(-EINVAL);
	if (!device_iommu_mapped(dev))
		return ERR_PTR(-ENODEV);

	ctx = kzalloc_obj(*ctx);
	if (!ctx)
		return ERR_PTR(-ENOMEM);
	if (params)
		ctx->allow_identity_default = params->allow_identity_default;

	ret = vcm_iommu_alloc_domain(ctx, dev);
	if (ret)
		goto err_free;
	ret = vcm_iommu_init(ctx);
	if (ret)
		goto err_domain;
	ctx->vcm.memory.nid = dev_to_node(dev);

	ret = vcm_attach(&ctx->vcm, dev);
	if (ret) {
		vcm_destroy(&ctx->vcm);
		return ERR_PTR(ret);
	}
	return &ctx->vcm;

err_domain:
	vcm_iommu_free_domain(ctx->domain);
err_free:
	kfree(ctx);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(vcm_iommu_create);

MODULE_DESCRIPTION("Virtual Contiguous Memory behind IOMMUs");
MODULE_LICENSE("GPL");
