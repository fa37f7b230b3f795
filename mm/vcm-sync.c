// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: caches, for masters that do not snoop them.
 *
 * Memory that is bound belongs to the CPUs until vcm_sync_for_device(), to the
 * device until vcm_sync_for_cpu(), and so on. Where every device of a context
 * snoops, the caches are left alone; a driver makes the calls always, and hears
 * of its mistakes in any case.
 */
#include <linux/export.h>

#include "vcm-internal.h"

/* What is bound, held; or NULL. */
struct vcm_phys *vcm_res_phys(struct vcm_res *res)
{
	guard(spinlock_irqsave)(&res->vcm->va_lock);
	return res->state == VCM_RES_BOUND ? vcm_phys_get(res->phys) : NULL;
}

static int vcm_sync(struct vcm_res *res, resource_size_t offset,
		    resource_size_t size, enum dma_data_direction dir,
		    bool for_cpu)
{
	struct vcm *vcm = res->vcm;
	struct vcm_phys *phys;
	int ret = 0;

	phys = vcm_res_phys(res);
	if (!phys)
		return -EINVAL;

	down_read(&vcm->topology);
	if (vcm->dead)
		ret = -ENODEV;
	else if (offset > phys->size || size > phys->size - offset)
		ret = -EINVAL;
	else if (vcm->unsnooped)
		vcm_phys_sync(phys, offset, size, dir, for_cpu);
	up_read(&vcm->topology);
	vcm_phys_drop(phys);
	return ret;
}

/**
 * vcm_sync_for_device() - hand bound memory to the device
 * @res: the reservation, which nobody unbinds meanwhile
 * @offset: first byte, from the start of @res
 * @size: bytes
 * @dir: what the device is going to do; as for the DMA API
 *
 * What the CPUs have written reaches the device, and what they have cached does
 * not get in its way. The CPUs leave these bytes alone until
 * vcm_sync_for_cpu(). Where devices do not snoop, @offset and @size are to be
 * multiples of a cache line, or neighbours suffer.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 * Return: 0, -EINVAL for a bad pointer, an unknown direction, or bytes that are
 * not bound, -ENODEV when the context is being destroyed.
 */
int vcm_sync_for_device(struct vcm_res *res, resource_size_t offset,
			resource_size_t size, enum dma_data_direction dir)
{
	might_sleep();
	if (IS_ERR_OR_NULL(res) || !valid_dma_direction(dir))
		return -EINVAL;
	return vcm_sync(res, offset, size, dir, false);
}
EXPORT_SYMBOL_GPL(vcm_sync_for_device);

/**
 * vcm_sync_for_cpu() - take bound memory back from the device
 * @res: the reservation, which nobody unbinds meanwhile
 * @offset: first byte, from the start of @res
 * @size: bytes
 * @dir: what the device has done; as for vcm_sync_for_device()
 *
 * What the device has written is what the CPUs read from now on.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 * Return: as vcm_sync_for_device().
 */
int vcm_sync_for_cpu(struct vcm_res *res, resource_size_t offset,
		     resource_size_t size, enum dma_data_direction dir)
{
	might_sleep();
	if (IS_ERR_OR_NULL(res) || !valid_dma_direction(dir))
		return -EINVAL;
	return vcm_sync(res, offset, size, dir, true);
}
EXPORT_SYMBOL_GPL(vcm_sync_for_cpu);
