// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: wrapper for devices that see physical addresses.
 *
 * Without an MMU there is nothing to program: the address follows from where the
 * memory lies, and a binding records that a device may use it. The wrapper
 * decides which memory can be bound: one part, because nothing makes several
 * contiguous, in one range of bus addresses; and at the address of its first
 * binding for a reservation that is bound again.
 */
#include <linux/container_of.h>
#include <linux/dma-mapping.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/vcm-drv.h>

static dma_addr_t vcm_o2o_bus(struct vcm *vcm, phys_addr_t paddr)
{
	const struct vcm_o2o_driver *driver =
		container_of(vcm->driver, struct vcm_o2o_driver, vcm);

	if (driver->to_bus)
		return driver->to_bus(vcm, paddr);
	return paddr;
}

/**
 * vcm_o2o_init() - set up a one-to-one context
 * @vcm: the context, embedded in the driver's structure, zeroed
 * @driver: operations of the provider
 * @start: lowest bus address, a multiple of the page size
 * @last: highest bus address, inclusive; @last + 1 is a multiple of the page
 *	size
 *
 * The caller owns the context and destroys it with vcm_destroy(). The context is
 * always active. Its memory comes from the page allocator, in one part, unless
 * @driver has a private area.
 *
 * Context: Process context.
 * Return: 0, or an errno of vcm_init(). On an error there is nothing to undo.
 */
int vcm_o2o_init(struct vcm *vcm, const struct vcm_o2o_driver *driver,
		 dma_addr_t start, dma_addr_t last)
{
	int ret;

	ret = vcm_init(vcm, &driver->vcm, start, last, PAGE_SIZE);
	if (!ret)
		vcm->memory.flags = VCM_ALLOC_CONTIG;
	return ret;
}
EXPORT_SYMBOL_GPL(vcm_o2o_init);

/*
 * Get the bus addresses of the memory. The end is translated too, because a bus
 * may show memory through several windows. Both are DMA_MAPPING_ERROR if the bus
 * does not show the memory.
 */
static int vcm_o2o_range(struct vcm *vcm, const struct vcm_phys *phys,
			 dma_addr_t *start, dma_addr_t *last)
{
	const struct phys_vec *part = &phys->parts[0];

	if (phys->count != 1 || !PAGE_ALIGNED(part->paddr) ||
	    !PAGE_ALIGNED(part->len))
		return -EOPNOTSUPP;

	*start = vcm_o2o_bus(vcm, part->paddr);
	*last = vcm_o2o_bus(vcm, part->paddr + (part->len - 1));
	return *last - *start == part->len - 1 ? 0 : -EADDRNOTAVAIL;
}

/**
 * vcm_o2o_suits() - &vcm_driver.suits of a one-to-one context
 * @vcm: the context
 * @phys: the memory
 *
 * Context: Process context, called by the core.
 * Return: true if the memory is one part that all devices reach.
 */
bool vcm_o2o_suits(struct vcm *vcm, const struct vcm_phys *phys)
{
	dma_addr_t start, last;

	return !vcm_o2o_range(vcm, phys, &start, &last) &&
	       vcm_reaches(vcm, start, last);
}
EXPORT_SYMBOL_GPL(vcm_o2o_suits);

/**
 * vcm_o2o_map() - &vcm_driver.map of a one-to-one context
 * @res: the reservation
 * @phys: the memory
 *
 * Context: Process context, called by the core.
 * Return: 0, -EOPNOTSUPP if the memory has several parts, is not aligned to
 * pages, or lies elsewhere than the memory that @res was bound to first;
 * -EADDRNOTAVAIL if it has no contiguous bus addresses.
 */
int vcm_o2o_map(struct vcm_res *res, struct vcm_phys *phys)
{
	dma_addr_t start, last;
	int ret;

	ret = vcm_o2o_range(res->vcm, phys, &start, &last);
	if (ret)
		return ret;
	if (vcm_res_placed(res))
		return res->start == start ? 0 : -EOPNOTSUPP;
	res->start = start;
	return 0;
}
EXPORT_SYMBOL_GPL(vcm_o2o_map);
