/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual Contiguous Memory: contexts behind the sample SoC IOMMU.
 */
#ifndef _LINUX_VCM_SAMPLE_H
#define _LINUX_VCM_SAMPLE_H

struct device;
struct vcm;

struct vcm *vcm_sample_create(struct device *dev);

#endif /* _LINUX_VCM_SAMPLE_H */
