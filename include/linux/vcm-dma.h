/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual Contiguous Memory: contexts in the address space of a device's DMA
 * API.
 */
#ifndef _LINUX_VCM_DMA_H
#define _LINUX_VCM_DMA_H

#include <linux/vcm.h>

struct vcm *vcm_dma_create(struct device *dev);

#endif /* _LINUX_VCM_DMA_H */
