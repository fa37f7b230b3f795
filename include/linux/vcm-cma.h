/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual Contiguous Memory: one-to-one contexts backed by CMA.
 */
#ifndef _LINUX_VCM_CMA_H
#define _LINUX_VCM_CMA_H

#include <linux/vcm.h>

/**
 * struct vcm_cma_params - choices of vcm_cma_create()
 * @align: alignment of allocations, bytes, a power of two; 0 for that of a page
 */
struct vcm_cma_params {
	resource_size_t align;
};

struct vcm *vcm_cma_create(struct device *dev,
			   const struct vcm_cma_params *params);

#endif /* _LINUX_VCM_CMA_H */
