/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual Contiguous Memory: one-to-one contexts backed by CMA.
 */
#ifndef _LINUX_VCM_CMA_H
#define _LINUX_VCM_CMA_H

#include <linux/vcm.h>

struct vcm *vcm_cma_create(struct device *dev);

#endif /* _LINUX_VCM_CMA_H */
