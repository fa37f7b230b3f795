// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: contexts behind any IOMMU that the kernel drives.
 *
 * A context is a set of unmanaged paging domains of the IOMMU API with the same
 * content: one for all devices that can share a page table, further ones where
 * an IOMMU accepts no domain of another. While a device is attached, such a
 * domain replaces the one of its DMA API, which is off until the device is
 * detached.
 */
#define pr_fmt(fmt) "vcm-iommu: " fmt

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/resource_ext.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vcm-drv.h>
#include <linux/vcm-iommu.h>

/* Parts that go to the IOMMU API in one call; 16 KiB of scatterlist at most */
#define VCM_IOMMU_BATCH		512U

/* Room for doorbells where nobody says how much they take */
#define VCM_IOMMU_MSI_SIZE	SZ_1M

/* The longest scatterlist entry, a multiple of every usual page size */
#define VCM_IOMMU_SG_MAX	SZ_2G

/*
 * Many IOMMU drivers wait for the TLB once for each run of neighbours. Where
 * there are more runs than this, one flush of all, which costs the other
 * bindings their entries, is cheaper.
 */
#define VCM_IOMMU_RUNS		16

/**
 * struct vcm_iommu - a context behind IOMMUs
 * @vcm: the context
 * @domains: its page tables, struct vcm_iommu_domain; changed with the topology
 *	held for writing
 * @allow_identity_default: see &struct vcm_iommu_params
 */
struct vcm_iommu {
	struct vcm vcm;
	struct list_head domains;
	bool allow_identity_default;
};

/**
 * struct vcm_iommu_domain - the page table of devices that can share one
 * @entry: on &vcm_iommu.domains
 * @domain: the page table
 * @masters: devices that see it; the last one takes it along
 * @filled: the live bindings are in it
 * @flush_all: its driver can leave invalidation to a flush of all
 * @msi: where doorbells are mapped, for good; &vcm_range.last is 0 where none
 *	are
 */
struct vcm_iommu_domain {
	struct list_head entry;
	struct iommu_domain *domain;
	unsigned int masters;
	bool filled;
	bool flush_all;
	struct vcm_range msi;
};

static struct vcm_iommu *to_vcm_iommu(struct vcm *vcm)
{
	return container_of(vcm, struct vcm_iommu, vcm);
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
 * Takes the first @size bytes of a binding out of a domain. What an IOMMU does
 * not let go of is never used again, unless the whole domain goes.
 */
static void vcm_iommu_clear(struct vcm_iommu_domain *d, struct vcm_res *res,
			    struct vcm_phys *phys, size_t size)
{
	if (size && iommu_unmap(d->domain, res->start, size) != size &&
	    d->filled)
		vcm_quarantine(res, phys);
}

/*
 * Part by part: where no call synchronises the TLB, a scatterlist would only be
 * written to be read again.
 */
static int vcm_iommu_map_parts(struct vcm_iommu_domain *d, struct vcm_res *res,
			       struct vcm_phys *phys, int prot)
{
	const struct phys_vec *part = phys->parts;
	const struct phys_vec *end = part + phys->count;
	size_t mapped = 0;
	int ret;

	for (; part != end; part++) {
		ret = iommu_map(d->domain, res->start + mapped, part->paddr,
				part->len, prot, GFP_KERNEL);
		if (ret) {
			vcm_iommu_clear(d, res, phys, mapped);
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

/* Many parts with few calls, where each of them synchronises the TLB. */
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
				   GFP_KERNEL);
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
		ret = vcm_iommu_map_one(d, res, phys);
		if (ret)
			goto err_undo;
	}
	return 0;

err_undo:
	list_for_each_entry_continue_reverse(d, &ctx->domains, entry)
		vcm_iommu_clear(d, res, phys, phys->size);
	return ret;
}

static void vcm_iommu_unmap(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm_iommu *ctx = to_vcm_iommu(res->vcm);
	struct vcm_iommu_domain *d;

	list_for_each_entry(d, &ctx->domains, entry)
		vcm_iommu_clear(d, res, phys, phys->size);
}

/*
 * How far neighbours go on from @first in a list sorted by address: @size gets
 * their bytes. Returns the first that is none.
 */
static struct vcm_res *vcm_iommu_run(struct vcm_res *first,
				     struct list_head *batch, size_t *size)
{
	struct vcm_res *res = first;

	*size = first->bound_size;
	list_for_each_entry_continue(res, batch, vcm_entry) {
		size_t sum;

		if (res->start - first->start != *size ||
		    check_add_overflow(*size, (size_t)res->bound_size, &sum))
			break;
		*size = sum;
	}
	return res;
}

static unsigned int vcm_iommu_runs(struct list_head *batch)
{
	struct vcm_res *res = list_first_entry(batch, struct vcm_res, vcm_entry);
	unsigned int runs;
	size_t size;

	for (runs = 0; !list_entry_is_head(res, batch, vcm_entry); runs++)
		res = vcm_iommu_run(res, batch, &size);
	return runs;
}

/* Nobody can tell which of a run the IOMMU did not let go of. */
static void vcm_iommu_unmap_runs(struct vcm_iommu_domain *d,
				 struct list_head *batch,
				 struct iommu_iotlb_gather *gather)
{
	struct vcm_res *res = list_first_entry(batch, struct vcm_res, vcm_entry);
	struct vcm_res *end;
	size_t size;

	while (!list_entry_is_head(res, batch, vcm_entry)) {
		end = vcm_iommu_run(res, batch, &size);
		if (iommu_unmap_fast(d->domain, res->start, size, gather) != size)
			for (; res != end; res = list_next_entry(res, vcm_entry))
				vcm_quarantine(res, res->phys);
		res = end;
	}
}

static void vcm_iommu_unmap_many(struct vcm *vcm, struct list_head *batch)
{
	struct vcm_iommu *ctx = to_vcm_iommu(vcm);
	unsigned int runs = vcm_iommu_runs(batch);
	struct iommu_iotlb_gather gather;
	struct vcm_iommu_domain *d;

	list_for_each_entry(d, &ctx->domains, entry) {
		iommu_iotlb_gather_init(&gather);
		gather.queued = d->flush_all && runs > VCM_IOMMU_RUNS;
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

	if (vcm_iommu_needs_direct(dev))
		return -EOPNOTSUPP;

	domain = iommu_get_domain_for_dev(dev);
	if (domain && domain->type == IOMMU_DOMAIN_UNMANAGED)
		return -EBUSY;
	if (domain && domain->type == IOMMU_DOMAIN_IDENTITY &&
	    !ctx->allow_identity_default)
		return -EPERM;
	return 0;
}

/*
 * Where the IOMMU translates MSI writes too, its domain maps the doorbells.
 * Where it has a region that it does not translate, the core of IRQs wants them
 * mapped all the same (iommu_dma_prepare_msi()): behind that region, then.
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
 * A domain has either: the IOMMU core maps doorbells when the interrupts are
 * set up, if IOMMU_DMA is built, or it reports faults.
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
 * A paging domain, which may outlive the device and the IOMMU's driver. Some of
 * these settle page sizes and aperture when the first device is attached.
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
	/* Page-table pages that are waiting in a gather are freed by its sync */
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
 * Whether a domain maps the doorbells that a device needs. Without IOMMU_DMA
 * nobody maps any: there are no MSIs.
 */
static bool vcm_iommu_has_doorbells(const struct vcm_iommu_domain *d,
				    const struct vcm_range *msi)
{
	return !msi->last || !IS_ENABLED(CONFIG_IOMMU_DMA) ||
	       (d->msi.start == msi->start && d->msi.last == msi->last);
}

/*
 * Attaches a device to the first domain that takes it, or to a new one, empty
 * as yet. -EINVAL from iommu_attach_device() means that another domain may do.
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
	list_add_tail(&d->entry, &ctx->domains);
	return d;
}

/**
 * struct vcm_iommu_drain - taking all live bindings out of a domain
 * @d: the domain, which no device sees
 * @end: the first that is not in it, NULL when all are
 * @gather: what is to be invalidated
 */
struct vcm_iommu_drain {
	struct vcm_iommu_domain *d;
	struct vcm_res *end;
	struct iommu_iotlb_gather gather;
};

static int vcm_iommu_drain_one(struct vcm_res *res, struct vcm_phys *phys,
			       void *priv)
{
	struct vcm_iommu_drain *drain = priv;

	if (res == drain->end)
		return 1;
	iommu_unmap_fast(drain->d->domain, res->start, phys->size,
			 &drain->gather);
	return 0;
}

static void vcm_iommu_drain(struct vcm_iommu *ctx, struct vcm_iommu_domain *d,
			    struct vcm_res *end)
{
	struct vcm_iommu_drain drain = { .d = d, .end = end };

	iommu_iotlb_gather_init(&drain.gather);
	vcm_visit_live(&ctx->vcm, vcm_iommu_drain_one, &drain);
	iommu_iotlb_sync(d->domain, &drain.gather);
}

/**
 * struct vcm_iommu_fill - putting all live bindings into a domain
 * @d: the domain
 * @failed: the one that could not be mapped
 */
struct vcm_iommu_fill {
	struct vcm_iommu_domain *d;
	struct vcm_res *failed;
};

static int vcm_iommu_fill_one(struct vcm_res *res, struct vcm_phys *phys,
			      void *priv)
{
	struct vcm_iommu_fill *fill = priv;

	fill->failed = res;
	return vcm_iommu_map_one(fill->d, res, phys);
}

/*
 * By its group, which may have got further devices in the meantime, or have
 * gone together with the IOMMU.
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

static void vcm_iommu_forget(struct vcm *vcm, struct vcm_master *master)
{
	struct vcm_iommu *ctx = to_vcm_iommu(vcm);
	struct vcm_iommu_domain *d = master->priv;

	vcm_iommu_detach_dev(d->domain, master->dev);
	if (--d->masters)
		return;

	if (d->filled)
		vcm_iommu_drain(ctx, d, NULL);
	list_del(&d->entry);
	vcm_iommu_domain_free(d);
}

/* The device is attached already, if to a new domain, to an empty one. */
static int vcm_iommu_attach(struct vcm *vcm, struct vcm_master *master)
{
	struct vcm_iommu_fill fill = { .d = master->priv };
	int ret;

	if (fill.d->filled)
		return 0;
	ret = vcm_visit_live(vcm, vcm_iommu_fill_one, &fill);
	if (ret)
		vcm_iommu_drain(to_vcm_iommu(vcm), fill.d, fill.failed);
	else
		fill.d->filled = true;
	return ret;
}

/* What is outside of a domain's aperture, and of what @dev can express. */
static int vcm_iommu_block_outside(struct vcm_master *master,
				   const struct iommu_domain *domain)
{
	u64 last = min3(vcm_device_last(master->dev), (u64)ULONG_MAX,
			(u64)(dma_addr_t)~0ULL);
	int ret;

	if (domain->geometry.force_aperture) {
		last = min_t(u64, last, domain->geometry.aperture_end);
		if (domain->geometry.aperture_start) {
			ret = vcm_master_block(master, 0,
					       domain->geometry.aperture_start - 1);
			if (ret)
				return ret;
		}
	}
	if (last == (dma_addr_t)~0ULL)
		return 0;
	return vcm_master_block(master, last + 1, (dma_addr_t)~0ULL);
}

static u64 vcm_iommu_bus_addr(const struct resource_entry *entry,
			      resource_size_t addr)
{
	return addr - entry->offset;
}

/* The lowest of ranges, in any order, that begins at @addr or behind it. */
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

/* What lies between ranges; without any that is nothing. */
static int vcm_iommu_block_gaps(struct vcm_master *master,
				struct list_head *ranges)
{
	const u64 top = (dma_addr_t)~0ULL;
	struct resource_entry *range;
	u64 next = 0, start;
	int ret;

	while ((range = vcm_iommu_next_range(ranges, next))) {
		start = vcm_iommu_bus_addr(range, range->res->start);
		if (start > next) {
			ret = vcm_master_block(master, next,
					       min(start - 1, top));
			if (ret)
				return ret;
		}
		next = vcm_iommu_bus_addr(range, range->res->end) + 1;
		if (!next || next > top)
			return 0;
	}
	return next ? vcm_master_block(master, next, top) : 0;
}

/*
 * What a PCI host bridge does not pass on to the IOMMU: its windows, since those
 * are addresses of devices behind it, and what lies outside of where it takes
 * DMA, if firmware says so.
 */
static int vcm_iommu_block_bridge(struct vcm_master *master)
{
	struct pci_host_bridge *bridge;
	struct resource_entry *entry;
	int ret;

	if (!dev_is_pci(master->dev))
		return 0;
	bridge = pci_find_host_bridge(to_pci_dev(master->dev)->bus);
	resource_list_for_each_entry(entry, &bridge->windows) {
		if (resource_type(entry->res) != IORESOURCE_MEM)
			continue;
		ret = vcm_master_block(master,
				       vcm_iommu_bus_addr(entry, entry->res->start),
				       vcm_iommu_bus_addr(entry, entry->res->end));
		if (ret)
			return ret;
	}

	return vcm_iommu_block_gaps(master, &bridge->dma_ranges);
}

static int vcm_iommu_block_regions(struct vcm_master *master)
{
	struct iommu_resv_region *region;
	LIST_HEAD(regions);
	int ret = 0;

	iommu_get_resv_regions(master->dev, &regions);
	list_for_each_entry(region, &regions, list) {
		if (region->type == IOMMU_RESV_DIRECT_RELAXABLE ||
		    !region->length)
			continue;
		ret = vcm_master_block(master, region->start,
				       region->start + (region->length - 1));
		if (ret)
			break;
	}
	iommu_put_resv_regions(master->dev, &regions);
	return ret;
}

/*
 * Only an attached domain tells its page sizes and aperture for certain, so the
 * device is attached to one here.
 */
static int vcm_iommu_limits(struct vcm *vcm, struct vcm_master *master)
{
	struct vcm_iommu *ctx = to_vcm_iommu(vcm);
	struct device *dev = master->dev;
	struct vcm_iommu_domain *d;
	int ret;

	ret = vcm_iommu_check(ctx, dev);
	if (ret)
		return ret;
	d = vcm_iommu_choose(ctx, dev);
	if (IS_ERR(d))
		return PTR_ERR(d);
	d->masters++;
	master->priv = d;

	master->granule = 1UL << __ffs(d->domain->pgsize_bitmap);
	master->unsnooped =
		!device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY);
	ret = vcm_iommu_block_outside(master, d->domain);
	if (!ret)
		ret = vcm_iommu_block_regions(master);
	if (!ret)
		ret = vcm_iommu_block_bridge(master);
	/* Mapped for good, even if it was for another device */
	if (!ret && d->msi.last)
		ret = vcm_master_block(master, d->msi.start, d->msi.last);
	if (ret)
		vcm_iommu_forget(vcm, master);
	return ret;
}

/* Contexts */

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
	.limits = vcm_iommu_limits,
	.forget = vcm_iommu_forget,
	.attach = vcm_iommu_attach,
	.release = vcm_iommu_release,
};

/* The context's aperture is what a domain translates, in whole granules. */
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

/* Sets up a context after a domain that is made for this only. */
static int vcm_iommu_model(struct vcm_iommu *ctx, struct device *dev)
{
	struct iommu_domain *domain;
	int ret;

	ret = vcm_iommu_check(ctx, dev);
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
 * @params: choices, NULL for the defaults
 *
 * The device, idle meanwhile, is attached and the context inactive: until
 * vcm_activate() it reaches nothing. Its DMA API is off until it is detached.
 * Devices attached later may be behind other IOMMUs; the page sizes and the
 * aperture of the context are those of @dev's, narrowed by theirs. Where an
 * IOMMU translates MSI writes, a driver allocates its interrupt vectors after
 * this and frees them before the device is detached.
 *
 * Context: Process context, may sleep.
 * Return: the context, which belongs to the caller, who gives it up with
 * vcm_destroy() before he lets go of the device; -EINVAL for a bad pointer,
 * -ENODEV when the device is not behind an IOMMU, -EPERM when its default
 * domain is an identity mapping and @params does not allow that, -EOPNOTSUPP
 * when its IOMMU group has further devices or firmware needs it to reach memory
 * at all times; -EBUSY when it is attached to another context, -ENOMEM, or what
 * the IOMMU driver answers.
 */
struct vcm *vcm_iommu_create(struct device *dev,
			     const struct vcm_iommu_params *params)
{
	struct vcm_iommu *ctx;
	int ret;

	if (IS_ERR_OR_NULL(dev) || IS_ERR(params))
		return ERR_PTR(-EINVAL);
	if (!device_iommu_mapped(dev))
		return ERR_PTR(-ENODEV);

	ctx = kzalloc_obj(*ctx);
	if (!ctx)
		return ERR_PTR(-ENOMEM);
	if (params)
		ctx->allow_identity_default = params->allow_identity_default;

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
