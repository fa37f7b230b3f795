// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the sample SoC IOMMU: power, devices, drivers that are
 * unbound.
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/module.h>

#include "vcm_sample_test.h"

/* The MMU has power while a device has, and its table is restored with power */
static void sample_runtime_pm(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *first, *second;
	unsigned long tables, ons;
	struct vcm_phys *phys;
	phys_addr_t paddr;

	sample_power_on(test, t->engine);
	sample_rest(test, t->m, t->engine);
	KUNIT_EXPECT_EQ(test, -ENXIO,
			sample_model_translate(t->engine, 0, false, &paddr));

	/* Without power, only the page table is written */
	tables = t->m->stats.tables;
	ons = t->m->stats.power_ons;
	first = sample_anchor(test, vcm);
	KUNIT_EXPECT_EQ(test, t->m->stats.tables, tables);
	KUNIT_EXPECT_EQ(test, t->m->stats.power_ons, ons);

	sample_work(test, t->engine);
	KUNIT_EXPECT_EQ(test, t->m->stats.power_ons, ons + 1);
	KUNIT_EXPECT_EQ(test, t->m->stats.tables, tables + 1);
	expect_at(test, t->engine, first->start, 0x7f000000);

	/* Changes without power take effect when it is back */
	phys = sample_phys(test, 0x80000000, SZ_64K);
	second = sample_map(test, vcm, phys, 0);
	expect_at(test, t->engine, second->start, 0x80000000);
	sample_rest(test, t->m, t->engine);
	vcm_unbind(second);
	sample_work(test, t->engine);
	expect_fault(test, t->engine, second->start);
	expect_at(test, t->engine, first->start, 0x7f000000);
	KUNIT_EXPECT_EQ(test, vcm_bind(second, phys), 0);
	expect_at(test, t->engine, second->start, 0x80000000);

	vcm_unmap(second);
	vcm_unmap(first);
	vcm_free(phys);
	sample_destroy(t->engine);
}

#ifdef CONFIG_PM_SLEEP
/* Bound memory is reachable again after system sleep */
static void sample_system_sleep(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	const struct dev_pm_ops *pm = t->m->mmu->driver->pm;
	struct vcm_res *res = sample_anchor(test, vcm);
	unsigned long ons;

	sample_power_on(test, t->engine);
	expect_at(test, t->engine, res->start, 0x7f000000);
	ons = t->m->stats.power_ons;

	KUNIT_ASSERT_NOT_NULL(test, pm->suspend);
	/* As the PM core does before */
	pm_runtime_get_noresume(t->engine);
	pm_runtime_get_noresume(t->m->mmu);
	KUNIT_EXPECT_EQ(test, 0, pm_runtime_force_suspend(t->engine));
	KUNIT_EXPECT_EQ(test, 0, pm->suspend(t->m->mmu));
	KUNIT_EXPECT_EQ(test, -ENXIO,
			sample_model_access(t->engine, res->start, &ons, 1,
					    false));
	KUNIT_EXPECT_EQ(test, 0, pm->resume(t->m->mmu));
	KUNIT_EXPECT_EQ(test, 0, pm_runtime_force_resume(t->engine));
	pm_runtime_put_sync(t->m->mmu);
	pm_runtime_put_sync(t->engine);
	KUNIT_EXPECT_EQ(test, t->m->stats.power_ons, ons + 1);
	expect_at(test, t->engine, res->start, 0x7f000000);

	vcm_unmap(res);
	sample_destroy(t->engine);
}
#endif

/* An MMU serves one context at a time */
static void sample_busy(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct device *second = t->m->engines[1];
	struct vcm *vcm = sample_vcm(test, t->engine), *other;

	KUNIT_EXPECT_PTR_EQ(test, vcm_sample_create(t->engine),
			    ERR_PTR(-EBUSY));
	KUNIT_EXPECT_PTR_EQ(test, vcm_sample_create(second), ERR_PTR(-EBUSY));
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, t->engine), -EALREADY);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, t->blocks[1]->engines[0]),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, t->m->dev), -ENODEV);

	/* Free as soon as no device sees the first, even if that is active */
	vcm_detach(vcm, t->engine);
	other = vcm_sample_create(second);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, t->engine), -EBUSY);
	vcm_destroy(other);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, t->engine), 0);
	sample_destroy(t->engine);
}

/*
 * A context without devices is not translated for, and complete after an attach
 */
static void sample_detached(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine), *other;
	struct vcm_res *res = sample_anchor(test, vcm), *mine;
	struct vcm_phys *phys = sample_phys(test, 0xb0000000, SZ_4K);
	struct device *second = t->m->engines[1];

	sample_power_on(test, t->engine);
	expect_at(test, t->engine, res->start, 0x7f000000);
	vcm_detach(vcm, t->engine);
	expect_fault(test, t->engine, res->start);

	other = sample_vcm(test, second);
	mine = sample_map_second(test, other, phys);
	KUNIT_ASSERT_EQ(test, mine->start, res->start);
	expect_at(test, second, mine->start, 0xb0000000);
	/* Changes of one context do not affect the other */
	vcm_unbind(res);
	expect_at(test, second, mine->start, 0xb0000000);
	/* A second table, see sample_map_second() */
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
		KUNIT_EXPECT_LE(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 1);
	}
	vcm_unmap(mine);
	expect_fault(test, second, res->start);
	sample_destroy(second);

	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, t->engine), 0);
	expect_at(test, t->engine, res->start, 0xb0000000);
	vcm_unmap(res);
	vcm_free(phys);
	sample_destroy(t->engine);
}

/* Row vcm_reserve: no address above the DMA mask of a device is reserved */
static void sample_mask(struct kunit *test)
{
	struct sample_test *t = test->priv;
	u64 mask = DMA_BIT_MASK(24), *old = t->engine->dma_mask;
	struct vcm_res *res;
	struct vcm *vcm;

	t->engine->dma_mask = &mask;
	vcm = vcm_sample_create(t->engine);
	t->engine->dma_mask = old;
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	to_engine(t->engine)->vcm = vcm;
	KUNIT_EXPECT_PTR_EQ(test, vcm_reserve(vcm, SZ_16M + SZ_4K, 0),
			    ERR_PTR(-ENOSPC));
	res = vcm_reserve(vcm, SZ_16M, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, res->start, 0);
	vcm_unreserve(res);
	sample_destroy(t->engine);
}

/* A device of another MMU is -EINVAL, whatever its limits are */
static void sample_other_mmu(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct device *other = t->blocks[1]->engines[0];
	u64 mask = DMA_BIT_MASK(24), *old = other->dma_mask;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *res = vcm_reserve(vcm, SZ_32M, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	other->dma_mask = &mask;
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, other), -EINVAL);
	other->dma_mask = old;
	vcm_unreserve(res);
	sample_destroy(t->engine);
}

/*
 * Unbinding the MMU's driver unbinds those of its devices first. Reservations
 * may outlive both; dropping them touches no hardware
 */
static void sample_driver_goes(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct device *mmu = t->m->mmu;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *bound, *made;
	struct vcm_phys *phys;

	KUNIT_ASSERT_GE(test, pm_runtime_get_sync(t->engine), 0);
	bound = sample_anchor(test, vcm);
	made = vcm_make_binding(vcm, SZ_2M, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, made);
	write_pattern(test, t->engine, made->start, SZ_2M, 5);
	phys = vcm_phys_get(made->phys);

	device_release_driver(mmu);
	KUNIT_EXPECT_NULL(test, mmu->driver);
	KUNIT_EXPECT_NULL(test, t->engine->driver);
	KUNIT_EXPECT_NE(test, 0,
			sample_model_access(t->engine, made->start, &vcm, 1,
					    false));
	KUNIT_EXPECT_EQ(test, vcm_bind(bound, phys), -ENODEV);
	vcm_unbind(bound);
	expect_pattern_cpu(test, phys, 5);
	vcm_unmap(bound);
	vcm_destroy_binding(made);
	vcm_phys_put(phys);

	/* Both can be bound again */
	KUNIT_EXPECT_EQ(test, device_attach(mmu), 1);
	KUNIT_EXPECT_EQ(test, device_attach(t->engine), 1);
	vcm = sample_vcm(test, t->engine);
	bound = sample_anchor(test, vcm);
	sample_power_on(test, t->engine);
	expect_at(test, t->engine, bound->start, 0x7f000000);
	vcm_unmap(bound);
	sample_destroy(t->engine);
}

/*
 * A context that is not destroyed when the driver of its device is unbound is
 * safe: it can bind nothing and touches no hardware
 */
static void sample_context_forgotten(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_phys *phys = sample_phys(test, 0x80000000, SZ_1M);
	struct vcm_res *res = sample_anchor(test, vcm);

	to_engine(t->engine)->vcm = NULL;
	device_release_driver(t->m->mmu);
	KUNIT_EXPECT_NE(test, 0,
			sample_model_access(t->engine, res->start, &vcm, 1,
					    false));

	/* With a page table and without */
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-ENODEV));
	vcm_unmap(res);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-ENODEV));
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, t->m->engines[1]), -ENODEV);
	vcm_destroy(vcm);
	vcm_free(phys);
}

/* Without an MMU: -ENODEV; before its driver is bound: -EPROBE_DEFER */
static void sample_no_mmu(struct kunit *test)
{
	struct sample_test *t = test->priv;

	KUNIT_EXPECT_PTR_EQ(test, vcm_sample_create(NULL), ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, vcm_sample_create(t->m->dev),
			    ERR_PTR(-ENODEV));
	device_release_driver(t->m->mmu);
	KUNIT_EXPECT_PTR_EQ(test, vcm_sample_create(t->engine),
			    ERR_PTR(-EPROBE_DEFER));
}

static irqreturn_t sample_other_irq(int irq, void *data)
{
	return IRQ_NONE;
}

static void expect_no_probe(struct kunit *test, struct sample_test *t)
{
	KUNIT_EXPECT_NE(test, device_attach(t->m->mmu), 1);
	KUNIT_EXPECT_NULL(test, t->m->mmu->driver);
	KUNIT_EXPECT_PTR_EQ(test, vcm_sample_create(t->engine),
			    ERR_PTR(-EPROBE_DEFER));
}

/* After a failing probe, the next one succeeds */
static void sample_probe_errors(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm_res *res;

	device_release_driver(t->m->mmu);
	t->m->reg_error = -EIO;
	expect_no_probe(test, t);
	t->m->reg_error = 0;

	t->m->hang = true;
	expect_no_probe(test, t);
	t->m->hang = false;

	KUNIT_ASSERT_EQ(test, 0, request_irq(t->m->irq, sample_other_irq, 0,
					     "vcm-sample-other", t));
	expect_no_probe(test, t);
	free_irq(t->m->irq, t);

	KUNIT_EXPECT_EQ(test, device_attach(t->m->mmu), 1);
	if (!t->engine->driver)
		KUNIT_ASSERT_EQ(test, device_attach(t->engine), 1);
	res = sample_anchor(test, sample_vcm(test, t->engine));
	sample_power_on(test, t->engine);
	expect_at(test, t->engine, res->start, 0x7f000000);
	vcm_unmap(res);
	sample_destroy(t->engine);
}

/* A suspended device is attached without being resumed, which may take locks */
static void sample_attach_suspended(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_phys *phys;
	struct vcm_res *res;

	KUNIT_EXPECT_TRUE(test, pm_runtime_suspended(t->engine));
	KUNIT_EXPECT_TRUE(test, pm_runtime_suspended(t->m->mmu));
	sample_power_on(test, t->engine);
	res = sample_used(test, vcm, t->engine);
	phys = res->phys;
	vcm_unmap(res);
	vcm_free(phys);
}

static int sample_resume_creates(struct device *engine)
{
	struct vcm *vcm = vcm_sample_create(engine);

	if (IS_ERR(vcm))
		return PTR_ERR(vcm);
	to_engine(engine)->vcm = vcm;
	return 0;
}

/*
 * For a device that is attached in its resume callback, the MMU has power when
 * the device is active and is off with it, with an old device link and without
 * one
 */
static void sample_attach_resuming(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct sample_engine *engine = to_engine(t->engine);
	struct vcm_phys *phys;
	struct vcm_res *res;
	unsigned int i;

	engine->resume = sample_resume_creates;
	for (i = 0; i < 2; i++) {
		sample_work(test, t->engine);
		KUNIT_ASSERT_NOT_NULL(test, engine->vcm);
		KUNIT_EXPECT_TRUE(test, pm_runtime_active(t->m->mmu));
		KUNIT_EXPECT_EQ(test, 0, vcm_activate(engine->vcm));
		res = sample_used(test, engine->vcm, t->engine);
		phys = res->phys;
		vcm_unmap(res);
		vcm_free(phys);
		sample_destroy(t->engine);
		sample_rest(test, t->m, t->engine);
	}
	engine->resume = NULL;
}

static struct kunit_case sample_power_cases[] = {
	KUNIT_CASE(sample_runtime_pm),
#ifdef CONFIG_PM_SLEEP
	KUNIT_CASE(sample_system_sleep),
#endif
	KUNIT_CASE(sample_busy),
	KUNIT_CASE(sample_detached),
	KUNIT_CASE(sample_mask),
	KUNIT_CASE(sample_other_mmu),
	KUNIT_CASE(sample_driver_goes),
	KUNIT_CASE(sample_context_forgotten),
	KUNIT_CASE(sample_no_mmu),
	KUNIT_CASE(sample_probe_errors),
	KUNIT_CASE(sample_attach_suspended),
	KUNIT_CASE(sample_attach_resuming),
	{ }
};

static struct kunit_suite sample_power_suite = {
	.name = "vcm_sample_power",
	.init = sample_init,
	.test_cases = sample_power_cases,
};

kunit_test_suite(sample_power_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of power and devices of the sample SoC IOMMU");
MODULE_LICENSE("GPL");
