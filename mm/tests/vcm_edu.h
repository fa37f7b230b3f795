/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Real bus masters for the tests of Virtual Contiguous Memory.
 */
#ifndef _MM_TESTS_VCM_EDU_H
#define _MM_TESTS_VCM_EDU_H

#include <kunit/test.h>
#include <linux/iommu.h>
#include <linux/pci.h>

static inline void vcm_edu_put_pci(void *pdev)
{
	pci_dev_put(pdev);
}

/*
 * The @nr-th of QEMU's edu devices, which no driver may have bound, behind an
 * IOMMU. Skips the case when there is none.
 */
static inline struct device *vcm_edu_device(struct kunit *test, unsigned int nr)
{
	struct pci_dev *pdev = NULL;

	do {
		pdev = pci_get_device(0x1234, 0x11e8, pdev);
	} while (pdev && nr--);
	if (!pdev)
		kunit_skip(test, "no edu device");
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, vcm_edu_put_pci, pdev));
	if (pdev->dev.driver)
		kunit_skip(test, "%s has a driver", pci_name(pdev));
	if (!device_iommu_mapped(&pdev->dev))
		kunit_skip(test, "%s has no IOMMU", pci_name(pdev));
	return &pdev->dev;
}

#endif /* _MM_TESTS_VCM_EDU_H */
