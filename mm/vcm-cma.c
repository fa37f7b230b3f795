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
#include <linux/vcm-cma.h>
#include <linux/vcm-drv.h>

/**
 * struct vcm_cma_window - a stretch of memory that a bus shows at one offset
 * @cpu: physical address of its first byte
 * @bus: bus address of its first byte
 * @span: offset of its last byte
 */
struct vcm_cma_window {
	u64 cpu;
	u64 bus;
	u64 span;
};

/**
 * struct vcm_cma_bus - the windows of a bus
 * @nr: number of windows
 * @window: the windows, in ascending order of bus addresses
 */
struct vcm_cma_bus {
	unsigned int nr;
	struct vcm_cma_window window[] __counted_by(nr);
};

/**
 * struct vcm_cma - a one-to-one context backed by CMA
 * @vcm: the context
 * @cma: area of its memory
 * @bus: the windows through which its devices see memory
 */
struct vcm_cma {
	struct vcm vcm;
	struct cma *cma;
	struct vcm_cma_bus *bus;
};

static struct vcm_cma *to_vcm_cma(struct vcm *vcm)
{
	return container_of(vcm, struct vcm_cma, vcm);
}

/* Windows of a bus */

static int vcm_cma_window_cmp(const void *a, const void *b)
{
	const struct vcm_cma_window *x = a, *y = b;

	return cmp_int(x->bus, y->bus);
}

/* Copy the windows that phys_to_dma() uses; without any, the bus shows all. */
static struct vcm_cma_bus *vcm_cma_bus_of(struct device *dev)
{
	const struct bus_dma_region *map = dev->dma_range_map;
	struct vcm_cma_bus *bus;
	unsigned int nr = 0, i;

	while (map && map[nr].size)
		nr++;
	bus = kzalloc_flex(*bus, window, max(nr, 1));
	if (!bus)
		return NULL;

	bus->nr = max(nr, 1);
	for (i = 0; i < bus->nr; i++) {
		struct vcm_cma_window *window = &bus->window[i];

		if (map)
			window->cpu = map[i].cpu_start;
		window->bus = dma_addr_encrypted(map ? map[i].dma_start : 0);
		window->span = min3(map ? map[i].size - 1 : U64_MAX,
				    PHYS_ADDR_MAX - window->cpu,
				    DMA_BIT_MASK(8 * sizeof(dma_addr_t)) -
				    window->bus);
	}
	sort(bus->window, bus->nr, sizeof(*bus->window), vcm_cma_window_cmp,
	     NULL);
	return bus;
}

static dma_addr_t vcm_cma_to_bus(struct vcm *vcm, phys_addr_t paddr)
{
	const struct vcm_cma_bus *bus = to_vcm_cma(vcm)->bus;
	const struct vcm_cma_window *window;

	for (window = bus->window; window < bus->window + bus->nr; window++)
		if (paddr >= window->cpu && paddr - window->cpu <= window->span)
			return window->bus + (paddr - window->cpu);
	return DMA_MAPPING_ERROR;
}

static bool vcm_cma_overlap(u64 a, u64 a_span, u64 b, u64 b_span)
{
	return a < b ? b - a <= a_span : a - b <= b_span;
}

/* Return true if no byte has two addresses and no address shows two bytes. */
static bool vcm_cma_agree(const struct vcm_cma_window *a,
			  const struct vcm_cma_window *b)
{
	return a->bus - a->cpu == b->bus - b->cpu ||
	       (!vcm_cma_overlap(a->cpu, a->span, b->cpu, b->span) &&
		!vcm_cma_overlap(a->bus, a->span, b->bus, b->span));
}

static bool vcm_cma_same_bus(const struct vcm_cma_bus *a,
			     const struct vcm_cma_bus *b)
{
	unsigned int i, j;

	for (i = 0; i < a->nr; i++)
		for (j = 0; j < b->nr; j++)
			if (!vcm_cma_agree(&a->window[i], &b->window[j]))
				return false;
	return true;
}

static int vcm_cma_block(struct vcm_attachment *attachment, u64 start, u64 last,
			 u64 end)
{
	return start > end ? 0 : vcm_attachment_block(attachment, start,
						  min(last, end));
}

/* Block the addresses up to @end at which @bus shows nothing. */
static int vcm_cma_block_gaps(struct vcm_attachment *attachment,
			      const struct vcm_cma_bus *bus, u64 end)
{
	const struct vcm_cma_window *window;
	u64 next = 0;
	int ret;

	for (window = bus->window; window < bus->window + bus->nr; window++) {
		if (window->bus > next) {
			ret = vcm_cma_block(attachment, next, window->bus - 1, end);
			if (ret)
				return ret;
		}
		if (window->bus + window->span >= end)
			return 0;
		next = max(next, window->bus + window->span + 1);
	}
	return vcm_cma_block(attachment, next, end, end);
}

/* Return true if an IOMMU or private DMA operations translate for the device. */
static bool vcm_cma_translated(struct device *dev)
{
	const struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	if (device_iommu_mapped(dev) &&
	    (!domain || domain->type != IOMMU_DOMAIN_IDENTITY))
		return true;
	return get_dma_ops(dev);
}

/* Return true if the device can use memory at its own addresses. */
static bool vcm_cma_sees_memory(struct device *dev)
{
	return !vcm_cma_translated(dev) && !force_dma_unencrypted(dev);
}

/* Devices */

static int vcm_cma_attach(struct vcm *vcm, struct vcm_attachment *attachment)
{
	u64 limit = vcm_device_last(attachment->dev);
	struct vcm_cma_bus *bus;
	int ret;

	if (!vcm_cma_sees_memory(attachment->dev))
		return -EOPNOTSUPP;
	bus = vcm_cma_bus_of(attachment->dev);
	if (!bus)
		return -ENOMEM;

	attachment->unsnooped = !vcm_device_snoops(attachment->dev);
	if (!vcm_cma_same_bus(bus, to_vcm_cma(vcm)->bus))
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

/* Make a context that no device is attached to yet. */
static struct vcm *vcm_cma_new(struct device *dev)
{
	/* Pages cut off by the limit are out of reach */
	u64 last = vcm_device_last(dev) - (vcm_device_last(dev) + 1) % PAGE_SIZE;
	struct vcm_cma *cma;
	int ret = -ENOMEM;

	cma = kzalloc_obj(*cma);
	if (!cma)
		return ERR_PTR(-ENOMEM);
	cma->cma = dev_get_cma_area(dev);
	cma->bus = vcm_cma_bus_of(dev);
	if (!cma->bus)
		goto err;

	ret = vcm_o2o_init(&cma->vcm, &vcm_cma_driver, 0,
			   min(last, DMA_BIT_MASK(8 * sizeof(dma_addr_t))));
	if (ret)
		goto err;
	return &cma->vcm;

err:
	kfree(cma->bus);
	kfree(cma);
	return ERR_PTR(ret);
}

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
 * Return: the context, which belongs to the caller, who calls vcm_destroy(); or
 * an error pointer:
 *
 * * -EINVAL if @dev is a bad pointer or does not address a page
 * * -EOPNOTSUPP if there is no CMA area for the device, it is behind a
 *   translating IOMMU, or it cannot use encrypted memory
 * * -ENOMEM
 */
struct vcm *vcm_cma_create(struct device *dev)
{
	struct vcm *vcm;
	int ret;

	if (IS_ERR_OR_NULL(dev) || vcm_device_last(dev) < PAGE_SIZE - 1)
		return ERR_PTR(-EINVAL);
	if (!dev_get_cma_area(dev) || !vcm_cma_sees_memory(dev))
		return ERR_PTR(-EOPNOTSUPP);

	vcm = vcm_cma_new(dev);
	if (IS_ERR(vcm))
		return vcm;
	ret = vcm_attach(vcm, dev);
	if (ret) {
		vcm_destroy(vcm);
		return ERR_PTR(ret);
	}
	return vcm;
}
EXPORT_SYMBOL_GPL(vcm_cma_create);
