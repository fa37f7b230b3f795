// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: contexts behind any IOMMU that the kernel drives.
 *
 * A context is a set of unmanaged paging domains of the IOMMU API with the same
 * contents: one for all devices that can share a page table, others for IOMMUs
 * that do not accept it. While a device is attached, such a domain replaces the
 * one of its DMA API, which is off until the device is detached.
 *
 * A domain is attached empty the first time, then filled with all live
 * bindings. From then on every bind goes into it, also while no device is
 * attached, until the context is destroyed.
 */
#define pr_fmt(fmt) "vcm-iommu: " fmt

#include <linux/bitops.h>
#include <linux/cc_platform.h>
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/resource_ext.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>
#include <linux/vcm-drv.h>
#include <linux/vcm-iommu.h>

/*
 * Maximum number of parts in one call of the IOMMU API: 16 KiB of scatterlist
 */
#define VCM_IOMMU_BATCH		512U

/* Bytes for doorbells where the device has a region for all of them */
#define VCM_IOMMU_MSI_SIZE	SZ_1M

/* The longest scatterlist entry, a multiple of every usual page size */
#define VCM_IOMMU_SG_MAX	SZ_2G

/*
 * Many IOMMU drivers wait for the TLB once for each run of neighbours. For more
 * runs than this, one flush of the whole domain is cheaper, although the other
 * bindings lose their TLB entries.
 */
#define VCM_IOMMU_RUNS		16

/**
 * struct vcm_iommu - a context behind IOMMUs
 * @vcm: the context
 * @domains: its page tables, struct vcm_iommu_domain, all filled; changed with
 *	the topology held for writing
 */
struct vcm_iommu {
	struct vcm vcm;
	struct list_head domains;
};

/**
 * struct vcm_iommu_domain - the page table of devices that can share one
 * @entry: on &vcm_iommu.domains; empty until it is filled
 * @domain: the page table
 * @devices: number of attached devices that see it
 * @flush_all: its driver can leave invalidation to a flush of the whole domain
 * @msi: addresses of doorbells, permanently; &vcm_range.last is 0 if there are
 *	none
 */
struct vcm_iommu_domain {
	struct list_head entry;
	struct iommu_domain *domain;
	unsigned int devices;
	bool flush_all;
	struct vcm_range msi;
};

static struct vcm_iommu *to_vcm_iommu(struct vcm *vcm)
{
	return container_of(vcm, struct vcm_iommu, vcm);
}

static unsigned long vcm_iommu_granule(const struct vcm_iommu_domain *d)
{
	return 1UL << __ffs(d->domain->pgsize_bitmap);
}

/*
 * Return true if a domain has this binding. The limits of a domain are in force
 * while it has devices. A binding beyond the limits of one without devices is
 * left out of it, and prevents that a device is attached to it.
 */
static bool vcm_iommu_has(const struct vcm_iommu_domain *d,
			  const struct vcm_res *res, const struct vcm_phys *phys)
{
	const struct iommu_domain_geometry *geometry = &d->domain->geometry;
	const dma_addr_t last = res->start + (phys->size - 1);

	if (d->devices)
		return true;
	return !((res->start | phys->align_bits) & (vcm_iommu_granule(d) - 1)) &&
	       (!geometry->force_aperture ||
		(res->start >= geometry->aperture_start &&
		 last <= geometry->aperture_end)) &&
	       (!d->msi.last || last < d->msi.start || res->start > d->msi.last);
}

/* One binding in one domain */

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
	else if (vcm_snooped(res->vcm))
		prot |= IOMMU_CACHE;
	return prot;
}

/*
 * Unmap the first @size bytes of a binding from a domain. A domain that could
 * not be filled is freed, so it needs no quarantine.
 */
static void vcm_iommu_clear(struct vcm_iommu_domain *d, struct vcm_res *res,
			    struct vcm_phys *phys, size_t size)
{
	if (size && iommu_unmap(d->domain, res->start, size) != size &&
	    !list_empty(&d->entry))
		vcm_quarantine(res, phys);
}

/* Map part by part: without waits for the TLB, a scatterlist saves nothing. */
static int vcm_iommu_map_parts(struct vcm_iommu_domain *d, struct vcm_res *res,
			       struct vcm_phys *phys, int prot)
{
	const struct phys_vec *part = phys->parts;
	const struct phys_vec *end = part + phys->count;
	size_t mapped = 0;
	int ret;

	for (; part != end; part++) {
		ret = iommu_map(d->domain, res->start + mapped, part->paddr,
				part->len, prot, vcm_map_gfp(phys));
		if (ret) {
			vcm_iommu_clear(d, res, phys, mapped);
			return ret;
		}
		mapped += part->len;
	}
	return 0;
}

/**
 * struct vcm_iommu_cursor - a position in physical memory
 * @part: index of the part
 * @offset: offset in it, bytes
 */
struct vcm_iommu_cursor {
	unsigned int part;
	size_t offset;
};

/* Fill @sg from the cursor on; return the number of entries used. */
static unsigned int vcm_iommu_fill_sg(struct scatterlist *sg,
				      unsigned int nents,
				      const struct vcm_phys *phys,
				      struct vcm_iommu_cursor *at)
{
	const struct phys_vec *part = &phys->parts[at->part];
	const struct phys_vec *end = &phys->parts[phys->count];
	size_t offset = at->offset;
	unsigned int n;

	for (n = 0; n < nents && part != end; n++) {
		size_t len = part->len - offset;
		struct page *page = phys_to_page(part->paddr + offset);

		if (len <= VCM_IOMMU_SG_MAX) {
			sg_set_page(&sg[n], page, len, 0);
			offset = 0;
			part++;
		} else {
			sg_set_page(&sg[n], page, VCM_IOMMU_SG_MAX, 0);
			offset += VCM_IOMMU_SG_MAX;
		}
	}
	at->part = part - phys->parts;
	at->offset = offset;
	return n;
}

/* Map many parts with few calls, where each call waits for the TLB. */
static int vcm_iommu_map_batches(struct vcm_iommu_domain *d,
				 struct vcm_res *res, struct vcm_phys *phys,
				 int prot)
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
		unsigned int n = vcm_iommu_fill_sg(sg, nents, phys, &at);

		ret = iommu_map_sg(d->domain, res->start + mapped, sg, n, prot,
				   vcm_map_gfp(phys));
		if (ret < 0) {
			vcm_iommu_clear(d, res, phys, mapped);
			break;
		}
		mapped += ret;
	}
	kvfree(sg);
	return ret < 0 ? ret : 0;
}

static int vcm_iommu_map_one(struct vcm_iommu_domain *d, struct vcm_res *res,
			     struct vcm_phys *phys)
{
	int prot = vcm_iommu_prot(res, phys);
	int ret;

	if (phys->count > 1 && phys->flags & VCM_PHYS_PAGES &&
	    d->domain->ops->iotlb_sync_map)
		ret = vcm_iommu_map_batches(d, res, phys, prot);
	else
		ret = vcm_iommu_map_parts(d, res, phys, prot);
	return vcm_map_errno(ret);
}

/* One binding in all domains */

static int vcm_iommu_map(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm_iommu *ctx = to_vcm_iommu(res->vcm);
	struct vcm_iommu_domain *d;
	int ret;

	/* The IOMMU API counts bytes in the CPU's word */
	if (overflows_type(phys->size, size_t))
		return -EOPNOTSUPP;

	list_for_each_entry(d, &ctx->domains, entry) {
		if (!vcm_iommu_has(d, res, phys))
			continue;
		ret = vcm_iommu_map_one(d, res, phys);
		if (ret)
			goto err_undo;
	}
	return 0;

err_undo:
	list_for_each_entry_continue_reverse(d, &ctx->domains, entry)
		if (vcm_iommu_has(d, res, phys))
			vcm_iommu_clear(d, res, phys, phys->size);
	return ret;
}

static void vcm_iommu_unmap(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm_iommu *ctx = to_vcm_iommu(res->vcm);
	struct vcm_iommu_domain *d;

	list_for_each_entry(d, &ctx->domains, entry)
		if (vcm_iommu_has(d, res, phys))
			vcm_iommu_clear(d, res, phys, phys->size);
}

/*
 * Find the end of a run of neighbours in a list sorted by address; @size gets
 * the bytes of the run, 0 if the domain does not have @first. Return the first
 * binding after it.
 */
static struct vcm_res *vcm_iommu_run(const struct vcm_iommu_domain *d,
				     struct vcm_res *first,
				     struct list_head *batch, size_t *size)
{
	struct vcm_res *res = first;

	*size = 0;
	if (!vcm_iommu_has(d, first, first->phys))
		return list_next_entry(first, vcm_entry);
	list_for_each_entry_from(res, batch, vcm_entry) {
		size_t sum;

		if (res->start - first->start != *size ||
		    !vcm_iommu_has(d, res, res->phys) ||
		    check_add_overflow(*size, (size_t)res->phys->size, &sum))
			break;
		*size = sum;
	}
	return res;
}

static unsigned int vcm_iommu_runs(const struct vcm_iommu_domain *d,
				   struct list_head *batch)
{
	struct vcm_res *res = list_first_entry(batch, struct vcm_res, vcm_entry);
	unsigned int runs = 0;
	size_t size;

	while (!list_entry_is_head(res, batch, vcm_entry)) {
		res = vcm_iommu_run(d, res, batch, &size);
		runs += !!size;
	}
	return runs;
}

/*
 * If the IOMMU unmaps less than a run, all bindings of the run are quarantined.
 */
static void vcm_iommu_unmap_runs(struct vcm_iommu_domain *d,
				 struct list_head *batch,
				 struct iommu_iotlb_gather *gather)
{
	struct vcm_res *res = list_first_entry(batch, struct vcm_res, vcm_entry);
	struct vcm_res *end;
	size_t size;

	while (!list_entry_is_head(res, batch, vcm_entry)) {
		end = vcm_iommu_run(d, res, batch, &size);
		if (size && iommu_unmap_fast(d->domain, res->start, size,
					     gather) != size)
			for (; res != end; res = list_next_entry(res, vcm_entry))
				vcm_quarantine(res, res->phys);
		res = end;
	}
}

static void vcm_iommu_unmap_many(struct vcm *vcm, struct list_head *batch)
{
	struct vcm_iommu *ctx = to_vcm_iommu(vcm);
	struct iommu_iotlb_gather gather;
	struct vcm_iommu_domain *d;

	list_for_each_entry(d, &ctx->domains, entry) {
		iommu_iotlb_gather_init(&gather);
		gather.queued = d->flush_all &&
				vcm_iommu_runs(d, batch) > VCM_IOMMU_RUNS;
		vcm_iommu_unmap_runs(d, batch, &gather);
		if (gather.queued)
			iommu_flush_iotlb_all(d->domain);
		else
			iommu_iotlb_sync(d->domain, &gather);
	}
}

/* Devices */

static int vcm_iommu_count(struct device *dev, void *data)
{
	unsigned int *count = data;

	(*count)++;
	return 0;
}

/* Return true if firmware lets the device reach some memory at all times. */
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

/* Check if a device can be attached. */
static int vcm_iommu_check(struct device *dev)
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

	/* Its memory would have to be copied, or mapped at other addresses */
	if (cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT) ||
	    is_swiotlb_for_alloc(dev) || vcm_iommu_needs_direct(dev))
		return -EOPNOTSUPP;

	domain = iommu_get_domain_for_dev(dev);
	return domain && domain->type == IOMMU_DOMAIN_UNMANAGED ? -EBUSY : 0;
}

/*
 * Return the addresses for doorbells. An IOMMU that translates MSI writes has a
 * window for them. For an IOMMU with a region that it does not translate,
 * iommu_dma_prepare_msi() maps them too: after that region.
 */
static struct vcm_range vcm_iommu_msi_window(struct device *dev)
{
	struct iommu_resv_region *region;
	struct vcm_range window = { };
	LIST_HEAD(regions);

	iommu_get_resv_regions(dev, &regions);
	list_for_each_entry(region, &regions, list) {
		if (region->type == IOMMU_RESV_SW_MSI) {
			window.start = region->start;
			window.last = region->start + (region->length - 1);
			break;
		}
		if (region->type == IOMMU_RESV_MSI &&
		    IS_ENABLED(CONFIG_IRQ_MSI_IOMMU)) {
			window.start = region->start + region->length;
			window.last = window.start + (VCM_IOMMU_MSI_SIZE - 1);
		}
	}
	iommu_put_resv_regions(dev, &regions);
	return window;
}

static int vcm_iommu_fault(struct iommu_domain *domain, struct device *dev,
			   unsigned long iova, int flags, void *token)
{
	struct vcm_iommu *ctx = token;

	vcm_report_fault(&ctx->vcm, iova, flags & IOMMU_FAULT_WRITE ?
					  VCM_FAULT_WRITE : VCM_FAULT_READ);
	return 0;
}

/*
 * A domain has one of two: a cookie, with which the IOMMU core maps doorbells
 * when interrupts are set up, or a fault handler.
 */
static int vcm_iommu_set_cookie(struct vcm_iommu *ctx,
				struct vcm_iommu_domain *d, struct device *dev)
{
	struct vcm_range window = vcm_iommu_msi_window(dev);
	int ret = -ENODEV;

	if (window.last)
		ret = iommu_get_msi_cookie(d->domain, window.start);
	if (!ret)
		d->msi = window;
	if (ret != -ENODEV)
		return ret;
	iommu_set_fault_handler(d->domain, vcm_iommu_fault, ctx);
	return 0;
}

/*
 * Allocate a paging domain and pin the module of its driver. Some of them
 * settle page sizes and aperture when the first device is attached.
 */
static struct iommu_domain *vcm_iommu_domain_get(struct device *dev)
{
	struct iommu_domain *domain = iommu_paging_domain_alloc(dev);

	if (IS_ERR(domain))
		return domain;
	if (!try_module_get(domain->owner->owner)) {
		iommu_domain_free(domain);
		return ERR_PTR(-ENODEV);
	}
	return domain;
}

static void vcm_iommu_domain_put(struct iommu_domain *domain)
{
	struct module *owner = domain->owner->owner;

	iommu_domain_free(domain);
	module_put(owner);
}

static void vcm_iommu_domain_free(struct vcm_iommu_domain *d)
{
	vcm_iommu_domain_put(d->domain);
	kfree(d);
}

static struct vcm_iommu_domain *vcm_iommu_domain_new(struct vcm_iommu *ctx,
						     struct device *dev)
{
	struct vcm_iommu_domain *d = kzalloc_obj(*d);
	int ret;

	if (!d)
		return ERR_PTR(-ENOMEM);
	d->domain = vcm_iommu_domain_get(dev);
	if (IS_ERR(d->domain)) {
		ret = PTR_ERR(d->domain);
		goto err_free;
	}
	INIT_LIST_HEAD(&d->entry);
	/* Page-table pages that wait in a gather are freed by its sync */
	d->flush_all = !d->domain->is_iommupt &&
		       device_iommu_capable(dev, IOMMU_CAP_DEFERRED_FLUSH);
	ret = vcm_iommu_set_cookie(ctx, d, dev);
	if (ret)
		goto err_put;
	return d;

err_put:
	vcm_iommu_domain_put(d->domain);
err_free:
	kfree(d);
	return ERR_PTR(ret);
}

/*
 * Return true if a domain maps the doorbells that a device needs. Without
 * IOMMU_DMA there are no MSIs.
 */
static bool vcm_iommu_has_doorbells(const struct vcm_iommu_domain *d,
				    const struct vcm_range *msi)
{
	return !msi->last || !IS_ENABLED(CONFIG_IOMMU_DMA) ||
	       (d->msi.start == msi->start && d->msi.last == msi->last);
}

/*
 * Attach a device to the first domain that accepts it, or to a new one, which
 * is empty. -EINVAL from iommu_attach_device() means that another domain may
 * suit.
 */
static struct vcm_iommu_domain *vcm_iommu_choose(struct vcm_iommu *ctx,
						 struct device *dev)
{
	struct vcm_range msi = vcm_iommu_msi_window(dev);
	struct vcm_iommu_domain *d;
	int ret;

	list_for_each_entry(d, &ctx->domains, entry) {
		if (!vcm_iommu_has_doorbells(d, &msi))
			continue;
		ret = iommu_attach_device(d->domain, dev);
		if (ret != -EINVAL)
			return ret ? ERR_PTR(ret) : d;
	}

	d = vcm_iommu_domain_new(ctx, dev);
	if (IS_ERR(d))
		return d;
	ret = iommu_attach_device(d->domain, dev);
	if (ret) {
		vcm_iommu_domain_free(d);
		return ERR_PTR(ret);
	}
	return d;
}

/* Put all live bindings into a new domain, which is freed if this fails. */
static int vcm_iommu_fill(struct vcm *vcm, struct vcm_iommu_domain *d)
{
	struct iommu_iotlb_gather gather;
	struct vcm_res *res;
	int ret;

	if (vcm_live(vcm)) {
		list_for_each_entry(res, &vcm->bound, vcm_entry) {
			ret = vcm_iommu_map_one(d, res, res->phys);
			if (ret)
				goto err_drain;
		}
	}
	list_add_tail(&d->entry, &to_vcm_iommu(vcm)->domains);
	return 0;

err_drain:
	iommu_iotlb_gather_init(&gather);
	list_for_each_entry_continue_reverse(res, &vcm->bound, vcm_entry)
		iommu_unmap_fast(d->domain, res->start, res->phys->size, &gather);
	iommu_iotlb_sync(d->domain, &gather);
	return ret;
}

/*
 * Detach by the group, which may have got other devices meanwhile, or have been
 * removed together with the IOMMU.
 */
static void vcm_iommu_detach_dev(struct iommu_domain *domain,
				 struct device *dev)
{
	struct iommu_group *group = iommu_group_get(dev);

	if (!group)
		return;
	iommu_detach_group(domain, group);
	iommu_group_put(group);
}

/* A domain that was filled stays for the next device that it suits. */
static void vcm_iommu_detach(struct vcm *vcm, struct vcm_attachment *attachment)
{
	struct vcm_iommu_domain *d = attachment->priv;

	vcm_iommu_detach_dev(d->domain, attachment->dev);
	d->devices--;
	if (list_empty(&d->entry))
		vcm_iommu_domain_free(d);
}

/*
 * Block the addresses above @last, and those that the IOMMU API cannot express.
 */
static int vcm_iommu_block_above(struct vcm_attachment *attachment, u64 last)
{
	const u64 top = (dma_addr_t)~0ULL;

	last = min3(last, (u64)ULONG_MAX, top);
	if (last == top)
		return 0;
	return vcm_attachment_block(attachment, last + 1, top);
}

static u64 vcm_iommu_bus_addr(const struct resource_entry *entry,
			      resource_size_t addr)
{
	return addr - entry->offset;
}

/*
 * Return the lowest of ranges, in any order, that begins at @addr or above it.
 */
static struct resource_entry *vcm_iommu_next_range(struct list_head *ranges,
						   u64 addr)
{
	struct resource_entry *entry, *lowest = NULL;

	resource_list_for_each_entry(entry, ranges) {
		u64 start = vcm_iommu_bus_addr(entry, entry->res->start);

		if (start >= addr &&
		    (!lowest ||
		     start < vcm_iommu_bus_addr(lowest, lowest->res->start)))
			lowest = entry;
	}
	return lowest;
}

/* Block the addresses between ranges, if there are any. */
static int vcm_iommu_block_gaps(struct vcm_attachment *attachment,
				struct list_head *ranges)
{
	const u64 top = (dma_addr_t)~0ULL;
	struct resource_entry *range;
	u64 next = 0, start;
	int ret;

	while ((range = vcm_iommu_next_range(ranges, next))) {
		start = vcm_iommu_bus_addr(range, range->res->start);
		if (start > next) {
			ret = vcm_attachment_block(attachment, next,
						   min(start - 1, top));
			if (ret)
				return ret;
		}
		next = vcm_iommu_bus_addr(range, range->res->end) + 1;
		if (!next || next > top)
			return 0;
	}
	return next ? vcm_attachment_block(attachment, next, top) : 0;
}

/*
 * Block the addresses that a PCI host bridge does not pass on to the IOMMU: its
 * windows, which are addresses of devices behind it, and those outside of the
 * ranges for DMA that firmware names.
 */
static int vcm_iommu_block_bridge(struct vcm_attachment *attachment)
{
	struct pci_host_bridge *bridge;
	struct resource_entry *entry;
	int ret;

	if (!dev_is_pci(attachment->dev))
		return 0;
	bridge = pci_find_host_bridge(to_pci_dev(attachment->dev)->bus);
	resource_list_for_each_entry(entry, &bridge->windows) {
		if (resource_type(entry->res) != IORESOURCE_MEM)
			continue;
		ret = vcm_attachment_block(attachment,
					   vcm_iommu_bus_addr(entry, entry->res->start),
					   vcm_iommu_bus_addr(entry, entry->res->end));
		if (ret)
			return ret;
	}

	return vcm_iommu_block_gaps(attachment, &bridge->dma_ranges);
}

static int vcm_iommu_block_regions(struct vcm_attachment *attachment)
{
	struct iommu_resv_region *region;
	LIST_HEAD(regions);
	int ret = 0;

	iommu_get_resv_regions(attachment->dev, &regions);
	list_for_each_entry(region, &regions, list) {
		if (region->type == IOMMU_RESV_DIRECT_RELAXABLE ||
		    !region->length)
			continue;
		ret = vcm_attachment_block(attachment, region->start,
					   region->start + (region->length - 1));
		if (ret)
			break;
	}
	iommu_put_resv_regions(attachment->dev, &regions);
	return ret;
}

/* Put in force what the device itself cannot use. */
static int vcm_iommu_device_limits(struct vcm *vcm,
				   struct vcm_attachment *attachment)
{
	int ret;

	attachment->unsnooped = !vcm_device_snoops(attachment->dev);
	ret = vcm_iommu_block_above(attachment,
				    vcm_device_last(attachment->dev));
	if (!ret)
		ret = vcm_iommu_block_regions(attachment);
	if (!ret)
		ret = vcm_iommu_block_bridge(attachment);
	return ret ?: vcm_attach_limits(vcm, attachment);
}

/* Put in force what the domain cannot map for any device. */
static int vcm_iommu_domain_limits(struct vcm *vcm,
				   struct vcm_attachment *attachment,
				   const struct vcm_iommu_domain *d)
{
	const struct iommu_domain_geometry *geometry = &d->domain->geometry;
	int ret = 0;

	attachment->granule = vcm_iommu_granule(d);
	if (geometry->force_aperture)
		ret = vcm_iommu_block_above(attachment, geometry->aperture_end);
	if (!ret && geometry->force_aperture && geometry->aperture_start)
		ret = vcm_attachment_block(attachment, 0,
					   geometry->aperture_start - 1);
	/* Mapped permanently, even if it was for another device */
	if (!ret && d->msi.last)
		ret = vcm_attachment_block(attachment, d->msi.start,
					   d->msi.last);
	return ret ?: vcm_attach_limits(vcm, attachment);
}

/*
 * The device may join a domain that is filled, so its own limits are put in
 * force first. The page sizes and the aperture of a domain are known for
 * certain only while it is attached, so a new one is filled last.
 */
static int vcm_iommu_attach(struct vcm *vcm, struct vcm_attachment *attachment)
{
	struct vcm_iommu *ctx = to_vcm_iommu(vcm);
	struct vcm_iommu_domain *d;
	int ret;

	ret = vcm_iommu_check(attachment->dev);
	if (!ret)
		ret = vcm_iommu_device_limits(vcm, attachment);
	if (ret)
		return ret;
	d = vcm_iommu_choose(ctx, attachment->dev);
	if (IS_ERR(d))
		return PTR_ERR(d);
	d->devices++;
	attachment->priv = d;

	ret = vcm_iommu_domain_limits(vcm, attachment, d);
	if (!ret && list_empty(&d->entry))
		ret = vcm_iommu_fill(vcm, d);
	if (ret)
		vcm_iommu_detach(vcm, attachment);
	return ret;
}

/* Contexts */

/* No device is attached, so nothing is reached through the domains. */
static bool vcm_iommu_destroy(struct vcm *vcm)
{
	struct vcm_iommu *ctx = to_vcm_iommu(vcm);
	struct vcm_iommu_domain *d, *next;

	list_for_each_entry_safe(d, next, &ctx->domains, entry)
		vcm_iommu_domain_free(d);
	INIT_LIST_HEAD(&ctx->domains);
	return true;
}

static void vcm_iommu_release(struct vcm *vcm)
{
	kfree(to_vcm_iommu(vcm));
}

static const struct vcm_driver vcm_iommu_driver = {
	.owner = THIS_MODULE,
	.name = "vcm-iommu",
	.res_flags = VCM_RES_GUARD,
	.map = vcm_iommu_map,
	.unmap = vcm_iommu_unmap,
	.unmap_many = vcm_iommu_unmap_many,
	.attach = vcm_iommu_attach,
	.detach = vcm_iommu_detach,
	.destroy = vcm_iommu_destroy,
	.release = vcm_iommu_release,
};

/* Set the aperture to the whole granules that a domain translates. */
static int vcm_iommu_init(struct vcm_iommu *ctx,
			  const struct iommu_domain *domain)
{
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

/* Set up a context like a domain that is attached and freed for this. */
static int vcm_iommu_model(struct vcm_iommu *ctx, struct device *dev)
{
	struct iommu_domain *domain;
	int ret;

	ret = vcm_iommu_check(dev);
	if (ret)
		return ret;
	domain = vcm_iommu_domain_get(dev);
	if (IS_ERR(domain))
		return PTR_ERR(domain);

	ret = iommu_attach_device(domain, dev);
	if (!ret) {
		vcm_iommu_detach_dev(domain, dev);
		ret = vcm_iommu_init(ctx, domain);
	}
	vcm_iommu_domain_put(domain);
	return ret;
}

/**
 * vcm_iommu_create() - create a context behind a device's IOMMU
 * @dev: the device, with its driver bound to it and its DMA mask set
 *
 * The device, idle meanwhile, is attached and the context inactive: until
 * vcm_activate() it reaches nothing. Its DMA API is off until it is detached.
 * Devices attached later may be behind other IOMMUs; the page sizes and the
 * aperture of the context are those of @dev, narrowed by theirs. Page tables
 * remain until vcm_destroy(): a device that is attached again writes no leaf,
 * but virtio-iommu sends all mappings again. A device whose default domain is an
 * identity mapping reaches all memory again after it was detached. Where an
 * IOMMU translates MSI writes, a driver allocates its interrupt vectors after
 * this call and frees them before the device is detached.
 *
 * Context: Process context, may sleep.
 * Return: the context, which the caller destroys with vcm_destroy() before the
 * driver is unbound from the device; or an error pointer:
 *
 * * -EINVAL if @dev is a bad pointer
 * * -ENODEV if the device is not behind an IOMMU
 * * -EOPNOTSUPP if its IOMMU group has other devices, firmware requires that it
 *   reaches memory at all times, or its memory has to be copied
 * * -EBUSY if it is attached to another context
 * * -ENOMEM, or an errno of the IOMMU driver
 */
struct vcm *vcm_iommu_create(struct device *dev)
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
	INIT_LIST_HEAD(&ctx->domains);

	ret = vcm_iommu_model(ctx, dev);
	if (ret) {
		kfree(ctx);
		return ERR_PTR(ret);
	}
	ctx->vcm.memory.nid = dev_to_node(dev);

	ret = vcm_attach(&ctx->vcm, dev);
	if (ret) {
		vcm_destroy(&ctx->vcm);
		return ERR_PTR(ret);
	}
	return &ctx->vcm;
}
EXPORT_SYMBOL_GPL(vcm_iommu_create);

MODULE_DESCRIPTION("Virtual Contiguous Memory behind IOMMUs");
MODULE_LICENSE("GPL");
