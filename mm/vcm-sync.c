// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: caches, for devices that do not snoop them.
 *
 * Bound memory belongs to the CPUs until vcm_sync_for_device(), to the device
 * until vcm_sync_for_cpu(), and so on. Where devices snoop, nothing is done; a
 * driver makes the calls in any case and gets the same errors.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/dma-map-ops.h>
#include <linux/export.h>
#include <linux/minmax.h>

#include "vcm-internal.h"

/* All cache maintenance goes through here, so that tests can watch it. */
VISIBLE_IF_KUNIT void vcm_sync_range(phys_addr_t paddr, size_t size,
				     enum dma_data_direction dir, bool for_cpu)
{
	KUNIT_STATIC_STUB_REDIRECT(vcm_sync_range, paddr, size, dir, for_cpu);
	if (for_cpu)
		arch_sync_dma_for_cpu(paddr, size, dir);
	else
		arch_sync_dma_for_device(paddr, size, dir);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_sync_range);

/* Hand memory to devices or to the CPUs, if the CPUs cache it at all. */
static void vcm_phys_sync(const struct vcm_phys *phys, resource_size_t offset,
			  resource_size_t size, enum dma_data_direction dir,
			  bool for_cpu)
{
	const struct phys_vec *part = phys->parts;

	if ((phys->flags & (VCM_PHYS_PAGES | VCM_PHYS_WC)) != VCM_PHYS_PAGES)
		return;
	for (; size; part++) {
		size_t len;

		if (offset >= part->len) {
			offset -= part->len;
			continue;
		}
		len = min_t(resource_size_t, part->len - offset, size);
		vcm_sync_range(part->paddr + offset, len, dir, for_cpu);
		size -= len;
		offset = 0;
	}
	arch_sync_dma_flush();
	if (for_cpu)
		arch_sync_dma_for_cpu_all();
}

/*
 * Write memory back that was allocated and never seen by a device that does not
 * snoop. Two callers may both do so: there is nothing to write the second time.
 */
void vcm_phys_write_back(struct vcm_phys *phys)
{
	if (!READ_ONCE(phys->unwritten))
		return;
	vcm_phys_sync(phys, 0, phys->size, DMA_BIDIRECTIONAL, false);
	WRITE_ONCE(phys->unwritten, false);
}

/* Return true if the device may do what @dir says. */
static bool vcm_dir_allowed(const struct vcm_res *res,
			    enum dma_data_direction dir)
{
	unsigned int needs = 0;

	if (dir != DMA_FROM_DEVICE)
		needs |= VCM_RES_READ;
	if (dir != DMA_TO_DEVICE)
		needs |= VCM_RES_WRITE;
	return (res->flags & needs) == needs;
}

static int vcm_sync(struct vcm_res *res, resource_size_t offset,
		    resource_size_t size, enum dma_data_direction dir,
		    bool for_cpu)
{
	const struct vcm_phys *phys;

	might_sleep();
	if (IS_ERR_OR_NULL(res) || !valid_dma_direction(dir) ||
	    !vcm_dir_allowed(res, dir) ||
	    READ_ONCE(res->vcm->coherence) == VCM_CPU)
		return -EINVAL;
	if (vcm_res_state(res) != VCM_BOUND)
		return -EINVAL;

	/* The caller prevents an unbind */
	phys = READ_ONCE(res->phys);
	if (!phys || offset > phys->size || size > phys->size - offset)
		return -EINVAL;
	if (!vcm_snooped(res->vcm))
		vcm_phys_sync(phys, offset, size, dir, for_cpu);
	return 0;
}

/**
 * vcm_sync_for_device() - hand bound memory to the device
 * @res: the reservation; the caller prevents an unbind
 * @offset: first byte, from the start of @res
 * @size: bytes
 * @dir: what the device is going to do, as for the DMA API
 *
 * The device sees what the CPUs have written. The CPUs do not touch these bytes
 * until vcm_sync_for_cpu(). Where devices do not snoop, @offset and @size must
 * be multiples of a cache line, else neighbouring bytes are damaged.
 *
 * Context: Process context, may sleep. Takes no lock.
 * Return: 0, or -EINVAL if @res is a bad pointer or of vcm_vmm, @dir is unknown
 * or excluded by the VCM_RES_* flags of @res (DMA_BIDIRECTIONAL needs both), or
 * some of the bytes are not bound.
 */
int vcm_sync_for_device(struct vcm_res *res, resource_size_t offset,
			resource_size_t size, enum dma_data_direction dir)
{
	return vcm_sync(res, offset, size, dir, false);
}
EXPORT_SYMBOL_GPL(vcm_sync_for_device);

/**
 * vcm_sync_for_cpu() - hand bound memory to the CPUs
 * @res: the reservation; the caller prevents an unbind
 * @offset: first byte, from the start of @res
 * @size: bytes
 * @dir: what the device has done, as for vcm_sync_for_device()
 *
 * The CPUs see what the device has written.
 *
 * Context: Process context, may sleep. Takes no lock.
 * Return: as vcm_sync_for_device().
 */
int vcm_sync_for_cpu(struct vcm_res *res, resource_size_t offset,
		     resource_size_t size, enum dma_data_direction dir)
{
	return vcm_sync(res, offset, size, dir, true);
}
EXPORT_SYMBOL_GPL(vcm_sync_for_cpu);
