// SPDX-License-Identifier: GPL-2.0-only
/*
 * The example of README.md and of the documentation, and a test that runs it.
 */
#include <kunit/device.h>
#include <kunit/platform_device.h>
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/platform_device.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/vcm.h>

/* example: begin */
struct blitter {
	struct vcm *vcm;	/* the address space of the device */
	struct vcm_res *frame;	/* the frame in it */
	struct vcm_res *cpu;	/* the same memory for the CPU */
};

static int blitter_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct blitter *blitter;
	int ret;

	blitter = devm_kzalloc(dev, sizeof(*blitter), GFP_KERNEL);
	if (!blitter)
		return -ENOMEM;
	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(32));
	if (ret)
		return dev_err_probe(dev, ret, "32 address bits reach no memory\n");

	/* With an IOMMU or without; destroyed when the driver is unbound */
	blitter->vcm = devm_vcm_for_device(dev);
	if (IS_ERR(blitter->vcm))
		return dev_err_probe(dev, PTR_ERR(blitter->vcm), "no context\n");

	blitter->frame = vcm_make_binding(blitter->vcm, SZ_2M, 0, VCM_RES_READ);
	if (IS_ERR(blitter->frame))
		return dev_err_probe(dev, PTR_ERR(blitter->frame), "no frame\n");
	blitter->cpu = vcm_map(vcm_vmm, blitter->frame->phys, 0);
	if (IS_ERR(blitter->cpu)) {
		ret = PTR_ERR(blitter->cpu);
		goto err_frame;
	}
	ret = vcm_activate(blitter->vcm);
	if (ret)
		goto err_cpu;

	/* The CPU draws. Then the device reads, at blitter->frame->start */
	memset(vcm_cpu_addr(blitter->cpu), 0x5a, SZ_2M);
	ret = vcm_sync_for_device(blitter->frame, 0, SZ_2M, DMA_TO_DEVICE);
	if (ret)
		goto err_active;
	platform_set_drvdata(pdev, blitter);
	return 0;

err_active:
	vcm_deactivate(blitter->vcm);
err_cpu:
	vcm_unmap(blitter->cpu);
err_frame:
	vcm_destroy_binding(blitter->frame);
	return ret;
}

static void blitter_remove(struct platform_device *pdev)
{
	struct blitter *blitter = platform_get_drvdata(pdev);

	vcm_deactivate(blitter->vcm);
	vcm_unmap(blitter->cpu);
	vcm_destroy_binding(blitter->frame);
}

/* example: end */

static struct platform_driver blitter_driver = {
	.probe = blitter_probe,
	.remove = blitter_remove,
	.driver.name = "vcm-blitter",
};

/*
 * The example works: it probes and draws. Another mapping shows the frame, also
 * after the driver was removed.
 */
static void vcm_example_probe_share_remove(struct kunit *test)
{
	struct platform_device *pdev;
	struct blitter *blitter;
	struct vcm_phys *phys;
	struct vcm_res *res;
	int ret;

	if (!IS_ENABLED(CONFIG_VCM_CMA))
		kunit_skip(test, "no provider for a device without an MMU");

	ret = kunit_platform_driver_register(test, &blitter_driver);
	KUNIT_ASSERT_EQ(test, ret, 0);
	pdev = kunit_platform_device_alloc(test, "vcm-blitter",
					   PLATFORM_DEVID_AUTO);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, 0, kunit_platform_device_add(test, pdev));
	blitter = platform_get_drvdata(pdev);
	KUNIT_ASSERT_NOT_NULL(test, blitter);
	KUNIT_EXPECT_EQ(test, blitter->frame->phys->size, SZ_2M);
	KUNIT_EXPECT_FALSE(test, blitter->frame->start & (SZ_4K - 1));

	phys = vcm_phys_get(blitter->frame->phys);
	res = vcm_map(vcm_vmm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);

	kunit_platform_device_unregister(test, pdev);
	KUNIT_EXPECT_NULL(test, memchr_inv(vcm_cpu_addr(res), 0x5a, SZ_2M));
	vcm_unmap(res);
	vcm_phys_put(phys);
}

/* Row "vcm_for_device": one-to-one without an IOMMU */
static void vcm_example_for_device(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "vcm-device");
	struct vcm_res *res;
	struct vcm *vcm;

	if (!IS_ENABLED(CONFIG_VCM_CMA))
		kunit_skip(test, "no provider for a device without an MMU");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_EXPECT_PTR_EQ(test, vcm_for_device(NULL), ERR_PTR(-EINVAL));
	KUNIT_ASSERT_EQ(test, 0,
			dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(32)));
	vcm = vcm_for_device(dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	KUNIT_EXPECT_PTR_EQ(test, vcm_reserve(vcm, SZ_4K, 0),
			    ERR_PTR(-EOPNOTSUPP));
	res = vcm_make_binding(vcm, SZ_64K, 0, 0);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, res);
	if (!IS_ERR_OR_NULL(res))
		KUNIT_EXPECT_EQ(test, res->phys->count, 1);
	vcm_destroy_binding(res);
	vcm_destroy(vcm);
}

static struct kunit_case vcm_example_cases[] = {
	KUNIT_CASE(vcm_example_probe_share_remove),
	KUNIT_CASE(vcm_example_for_device),
	{ }
};

static struct kunit_suite vcm_example_suite = {
	.name = "vcm_example",
	.test_cases = vcm_example_cases,
};

kunit_test_suite(vcm_example_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of the example of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
