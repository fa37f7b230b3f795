/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual Contiguous Memory: contexts in the address space of a device's DMA
 * API.
 */
#ifndef _LINUX_VCM_DMA_H
#define _LINUX_VCM_DMA_H

#include <linux/dma-direction.h>
#include <linux/vcm.h>

/**
 * struct vcm_dma_params - choices of vcm_dma_create()
 * @attrs: %DMA_ATTR_SKIP_CPU_SYNC where the driver does cache maintenance with
 *	vcm_sync_for_device() and vcm_sync_for_cpu() instead of at each binding,
 *	%DMA_ATTR_PRIVILEGED for memory that only privileged transfers reach
 */
struct vcm_dma_params {
	unsigned long attrs;
};

struct vcm *vcm_dma_create(struct device *dev,
			   const struct vcm_dma_params *params);

#if IS_ENABLED(CONFIG_KUNIT)
void vcm_dma_sync_part(struct device *dev, dma_addr_t addr, size_t len,
		       enum dma_data_direction dir, bool for_cpu);
#endif

#endif /* _LINUX_VCM_DMA_H */
