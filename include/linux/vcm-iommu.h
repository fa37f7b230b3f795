/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual Contiguous Memory: contexts behind any IOMMU of the kernel.
 */
#ifndef _LINUX_VCM_IOMMU_H
#define _LINUX_VCM_IOMMU_H

#include <linux/vcm.h>

struct vcm *vcm_iommu_create(struct device *dev);

#endif /* _LINUX_VCM_IOMMU_H */
