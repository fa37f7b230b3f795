/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual Contiguous Memory: contexts behind any IOMMU that the kernel drives.
 */
#ifndef _LINUX_VCM_IOMMU_H
#define _LINUX_VCM_IOMMU_H

#include <linux/vcm.h>

/**
 * struct vcm_iommu_params - choices of vcm_iommu_create()
 * @allow_identity_default: accept devices whose default domain lets them reach
 *	all memory whenever no context is attached
 */
struct vcm_iommu_params {
	bool allow_identity_default;
};

struct vcm *vcm_iommu_create(struct device *dev,
			     const struct vcm_iommu_params *params);

#endif /* _LINUX_VCM_IOMMU_H */
