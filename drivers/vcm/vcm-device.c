// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: a context that suits a device.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/module.h>
#include <linux/vcm-cma.h>
#include <linux/vcm-iommu.h>

#include <kunit/visibility.h>

/**
 * vcm_for_device() - create a context that suits a device
 * @dev: the device, with its driver bound to it and its DMA mask set
 *
 * A device that sees physical addresses gets a one-to-one context backed by CMA,
 * also behind an IOMMU that does not translate: it can reach other memory then,
 * and vcm_can_reserve() is false. Behind an IOMMU that translates, the context is
 * one of vcm-iommu, and the device's DMA API is off while the context exists. The
 * driver's code is the same either way. An MMU outside of the IOMMU API is not
 * found: its provider has a create call.
 *
 * Context: Process context, may sleep.
 * Return: the context, which the driver destroys with vcm_destroy() before it is
 * unbound from the device; -EINVAL if @dev is a bad pointer, -EOPNOTSUPP if the
 * provider for the device is not built, or an errno of vcm_iommu_create() and
 * vcm_cma_create().
 */
struct vcm *vcm_for_device(struct device *dev)
{
	struct vcm *vcm = ERR_PTR(-EOPNOTSUPP);

	if (IS_ERR_OR_NULL(dev))
		return ERR_PTR(-EINVAL);
	if (IS_ENABLED(CONFIG_VCM_CMA))
		vcm = vcm_cma_create(dev);
	if (vcm == ERR_PTR(-EOPNOTSUPP) && device_iommu_mapped(dev) &&
	    IS_ENABLED(CONFIG_VCM_IOMMU))
		vcm = vcm_iommu_create(dev);
	return vcm;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_for_device);

static void vcm_device_destroy(void *vcm)
{
	vcm_destroy(vcm);
}

/**
 * devm_vcm_for_device() - create a context that the driver core destroys
 * @dev: the device, with its driver bound to it and its DMA mask set
 *
 * The context is destroyed when the driver is unbound from the device or its
 * probe fails, after managed resources that were acquired later.
 *
 * Context: Process context, may sleep.
 * Return: as vcm_for_device().
 */
struct vcm *devm_vcm_for_device(struct device *dev)
{
	struct vcm *vcm = vcm_for_device(dev);
	int ret;

	if (IS_ERR(vcm))
		return vcm;
	ret = devm_add_action_or_reset(dev, vcm_device_destroy, vcm);
	return ret ? ERR_PTR(ret) : vcm;
}
EXPORT_SYMBOL_GPL(devm_vcm_for_device);

MODULE_DESCRIPTION("Virtual Contiguous Memory contexts that suit a device");
MODULE_LICENSE("GPL");
