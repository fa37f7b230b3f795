// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: one-to-one contexts backed by CMA.
 *
 * For devices without an MMU, or behind an IOMMU that does not translate, which
 * need memory that is contiguous itself. It comes from the area that firmware
 * reserved for the device (shared-dma-pool) or from the default one.
 *
 * A bus may show memory at other addresses than the CPU sees it. The context
 * copies the windows of the bus when it is made: the device's own record of them
 * is freed with its driver, which other attached devices may outlive. All devices
 * of a context must agree on the addresses; one that sees less than the first
 * narrows the context.
 */
#include <linux/cma.h>
#include <linux/container_of.h>
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/vcm-cma.h>
#include <linux/vcm-drv.h>

/**
 * struct vcm_cma - a one-to-one context backed by CMA
 * @vcm: the context
 * @cma: area of its memory
 * @bus: the windows through which its devices see memory; the last has size 0
 */
struct vcm_cma {
	struct vcm vcm;
	struct cma *cma;
	struct bus_dma_region *bus;
};

static struct vcm_cma *to_vcm_cma(struct vcm *vcm)
{
	return container_of(vcm, struct vcm_cma, vcm);
}

/* Windows of a bus */

static int vcm_cma_window_cmp(const void *a, const void *b)
{
	const struct bus_dma_region *x = a, *y = b;

	return cmp_int(x->dma_start, y->dma_start);
}

/*
 * Copy the windows that phys_to_dma() uses, in ascending order of bus addresses.
 * Without any, the bus shows all. None passes the end of the bus, where an address
 * would start again at 0. The last byte of 64 bits is left out, so that sizes and
 * ends can be represented.
 */
static struct bus_dma_region *vcm_cma_bus_of(struct device *dev)
{
	static const struct bus_dma_region all[] = { { .size = U64_MAX }, { } };
	const struct bus_dma_region *map = dev->dma_range_map ?: all;
	const u64 end = sizeof(dma_addr_t) < sizeof(u64) ? BIT_ULL(32) : U64_MAX;
	struct bus_dma_region *bus;
	unsigned int nr = 0, i;

	while (map[nr].size)
		nr++;
	bus = kmemdup_array(map, nr + 1, sizeof(*map), GFP_KERNEL);
	if (!bus)
		return NULL;
	for (i = 0; i < nr; i++) {
		bus[i].dma_start = dma_addr_encrypted(bus[i].dma_start);
		bus[i].size = min(bus[i].size, end - bus[i].dma_start);
	}
	sort(bus, nr, sizeof(*bus), vcm_cma_window_cmp, NULL);
	return bus;
}

static dma_addr_t vcm_cma_to_bus(struct vcm *vcm, phys_addr_t paddr)
{
	const struct bus_dma_region *window;

	for (window = to_vcm_cma(vcm)->bus; window->size; window++)
		if (paddr >= window->cpu_start &&
		    paddr - window->cpu_start < window->size)
			return window->dma_start + (paddr - window->cpu_start);
	return DMA_MAPPING_ERROR;
}

static bool vcm_cma_overlap(u64 a, u64 a_size, u64 b, u64 b_size)
{
	return a < b ? b - a < a_size : a - b < b_size;
}

/* Return true if no byte has two addresses and no address shows two bytes. */
static bool vcm_cma_agree(const struct bus_dma_region *a,
			  const struct bus_dma_region *bus)
{
	const struct bus_dma_region *b;

	for (; a->size; a++)
		for (b = bus; b->size; b++)
			if (a->dma_start - a->cpu_start !=
			    b->dma_start - b->cpu_start &&
			    (vcm_cma_overlap(a->cpu_start, a->size,
					     b->cpu_start, b->size) ||
			     vcm_cma_overlap(a->dma_start, a->size,
					     b->dma_start, b->size)))
				return false;
	return true;
}

/* Block the addresses up to @last that no window shows. */
static int vcm_cma_block_gaps(struct vcm_attachment *attachment,
			      const struct bus_dma_region *window, u64 last)
{
	u64 next = 0;
	int ret = 0;

	for (; window->size && !ret; window++) {
		if (window->dma_start > next)
			ret = vcm_attachment_block(attachment, next,
						   window->dma_start - 1);
		next = max(next, window->dma_start + window->size);
	}
	if (!ret && next < last)
		ret = vcm_attachment_block(attachment, next, last);
	return ret;
}

/* Return true if the device can use memory at its own addresses. */
static bool vcm_cma_sees_memory(struct device *dev)
{
	const struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	if (device_iommu_mapped(dev) &&
	    (!domain || domain->type != IOMMU_DOMAIN_IDENTITY))
		return false;
	/* Private DMA operations translate too */
	return !get_dma_ops(dev) && !force_dma_unencrypted(dev);
}

/* Devices */

static int vcm_cma_attach(struct vcm *vcm, struct vcm_attachment *attachment)
{
	u64 limit = vcm_device_last(attachment->dev);
	struct bus_dma_region *bus;
	int ret;

	if (!vcm_cma_sees_memory(attachment->dev))
		return -EOPNOTSUPP;
	bus = vcm_cma_bus_of(attachment->dev);
	if (!bus)
		return -ENOMEM;

	attachment->unsnooped = !vcm_device_snoops(attachment->dev);
	if (!vcm_cma_agree(bus, to_vcm_cma(vcm)->bus))
		ret = -EINVAL;
	else if (limit < vcm->last)
		ret = vcm_attachment_block(attachment, limit + 1, vcm->last);
	else
		ret = 0;
	if (!ret)
		ret = vcm_cma_block_gaps(attachment, bus, vcm->last);
	kfree(bus);
	return ret ?: vcm_attach_limits(vcm, attachment);
}

/* Memory */

static void vcm_cma_free(struct vcm_phys *phys)
{
	cma_release(phys->priv, phys_to_page(phys->parts[0].paddr),
		    PHYS_PFN(phys->size));
}

static int vcm_cma_clear(struct page *page, unsigned long nr)
{
	for (; nr; nr--, page++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		clear_highpage(page);
		cond_resched();
	}
	return 0;
}

/* Make a physical allocation of @page and the pages after it. */
static struct vcm_phys *vcm_cma_phys(struct cma *cma, struct page *page,
				     resource_size_t size)
{
	struct vcm_phys *phys = vcm_phys_new(1, VCM_PHYS_PAGES, vcm_cma_free,
					     cma);

	if (IS_ERR(phys)) {
		cma_release(cma, page, PHYS_PFN(size));
		return phys;
	}
	phys->parts[0].paddr = page_to_phys(page);
	phys->parts[0].len = size;
	/* Cannot fail: the part is not empty and lies within memory */
	vcm_phys_finish(phys);
	return phys;
}

/*
 * Allocate pages that are aligned naturally, as far as dma_alloc_coherent() does
 * that; else to the smallest page of @params.
 */
static struct page *vcm_cma_pages(struct cma *cma, unsigned long nr,
				  const struct vcm_phys_params *params,
				  bool nowarn)
{
	unsigned int order = __ffs(params->pgsize_bitmap) - PAGE_SHIFT;
	unsigned int natural = clamp_t(unsigned int, order_base_2(nr), order,
				       max(order, CONFIG_CMA_ALIGNMENT));
	struct page *page;

	page = cma_alloc(cma, nr, natural, nowarn || natural != order);
	if (!page && natural != order && !fatal_signal_pending(current))
		page = cma_alloc(cma, nr, order, nowarn);
	return page;
}

static struct vcm_phys *vcm_cma_alloc(struct vcm *vcm, resource_size_t size,
				      unsigned int flags,
				      const struct vcm_phys_params *params)
{
	struct vcm_cma *cma = to_vcm_cma(vcm);
	unsigned long nr = PHYS_PFN(size);
	struct vcm_phys *phys;
	struct page *page;
	int ret = 0;

	/* CMA cannot charge a memory cgroup */
	if (flags & VCM_ALLOC_ACCOUNT)
		return ERR_PTR(-EOPNOTSUPP);
	if (size > cma_get_size(cma->cma))
		return ERR_PTR(-ENOMEM);

	page = vcm_cma_pages(cma->cma, nr, params, flags & VCM_ALLOC_NOWARN);
	if (!page)
		return ERR_PTR(fatal_signal_pending(current) ? -EINTR :
							       -ENOMEM);

	phys = vcm_cma_phys(cma->cma, page, size);
	if (IS_ERR(phys))
		return phys;

	/* CMA cannot be given a window */
	if (page_to_phys(page) < params->first ||
	    page_to_phys(page) + (size - 1) > params->last ||
	    !vcm_o2o_suits(vcm, phys))
		ret = -EADDRNOTAVAIL;
	else if (!(flags & VCM_ALLOC_NOZERO))
		ret = vcm_cma_clear(page, nr);
	if (ret) {
		vcm_free(phys);
		return ERR_PTR(ret);
	}
	return phys;
}

/* Contexts */

static void vcm_cma_release(struct vcm *vcm)
{
	struct vcm_cma *cma = to_vcm_cma(vcm);

	kfree(cma->bus);
	kfree(cma);
}

static const struct vcm_o2o_driver vcm_cma_driver = {
	.vcm = {
		VCM_O2O_OPS,
		.name = "vcm-cma",
		.alloc = vcm_cma_alloc,
		.attach = vcm_cma_attach,
		.release = vcm_cma_release,
	},
	.to_bus = vcm_cma_to_bus,
};

/**
 * vcm_cma_create() - create a one-to-one context for a device
 * @dev: the device, with its driver bound to it and its DMA mask set
 *
 * Memory comes from the device's own CMA area or, if it has none, from the
 * default one. Addresses are bus addresses, as from phys_to_dma(). The context
 * is attached to @dev; other devices can be attached if they see memory at the
 * same addresses.
 *
 * Context: Process context, may sleep.
 * Return: the context, which the caller destroys with vcm_destroy(); or an error
 * pointer:
 *
 * * -EINVAL if @dev is a bad pointer or cannot address a whole page
 * * -EOPNOTSUPP if there is no CMA area for the device, it is behind a
 *   translating IOMMU, or it cannot use encrypted memory
 * * -ENOMEM
 */
struct vcm *vcm_cma_create(struct device *dev)
{
	struct vcm_cma *cma;
	u64 last;
	int ret;

	if (IS_ERR_OR_NULL(dev) || vcm_device_last(dev) < PAGE_SIZE - 1)
		return ERR_PTR(-EINVAL);
	if (!dev_get_cma_area(dev) || !vcm_cma_sees_memory(dev))
		return ERR_PTR(-EOPNOTSUPP);

	/* Pages cut off by the limit are out of reach */
	last = vcm_device_last(dev) - (vcm_device_last(dev) + 1) % PAGE_SIZE;
	last = min(last, DMA_BIT_MASK(8 * sizeof(dma_addr_t)));
	cma = kzalloc_obj(*cma);
	if (!cma)
		return ERR_PTR(-ENOMEM);
	cma->cma = dev_get_cma_area(dev);
	cma->bus = vcm_cma_bus_of(dev);
	ret = cma->bus ? vcm_o2o_init(&cma->vcm, &vcm_cma_driver, 0, last) :
			 -ENOMEM;
	if (ret) {
		vcm_cma_release(&cma->vcm);
		return ERR_PTR(ret);
	}
	ret = vcm_attach(&cma->vcm, dev);
	if (ret) {
		vcm_destroy(&cma->vcm);
		return ERR_PTR(ret);
	}
	return &cma->vcm;
}
EXPORT_SYMBOL_GPL(vcm_cma_create);
