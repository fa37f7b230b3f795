// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the sample SoC IOMMU: hardware that does not answer, and
 * faults.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>

#include "vcm_sample_test.h"

/*
 * Row vcm_unbind: hardware that does not finish an invalidation is switched
 * off, so no device reaches the memory; it translates again after the next
 * power-on
 */
static void sample_hangs(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_phys *phys = sample_phys(test, 0x80000000, SZ_64K);
	struct vcm_res *anchor = sample_anchor(test, vcm);
	struct vcm_res *res = sample_map(test, vcm, phys, 0);

	sample_power_on(test, t->engine);
	expect_at(test, t->engine, res->start, 0x80000000);
	t->m->hang = true;
	vcm_unbind(res);
	expect_fault(test, t->engine, res->start);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EIO);
	t->m->hang = false;

	sample_rest(test, t->m, t->engine);
	sample_work(test, t->engine);
	expect_fault(test, t->engine, res->start);
	expect_at(test, t->engine, anchor->start, 0x7f000000);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_at(test, t->engine, res->start, 0x80000000);
	vcm_unmap(res);
	vcm_unmap(anchor);
	vcm_free(phys);
	sample_destroy(t->engine);
}

/* Check that memory and addresses are in quarantine. */
static void expect_kept(struct kunit *test, struct vcm_res *res,
			struct vcm_phys *phys)
{
	struct vcm_addr_info info;

	KUNIT_EXPECT_EQ(test, 0, vcm_lookup_info(res->vcm, res->start, &info));
	KUNIT_EXPECT_TRUE(test, info.res[0].quarantined);
	/* The quarantine has one, the caller has one */
	KUNIT_EXPECT_EQ(test, refcount_read(&phys->refs), 2);
}

/*
 * A context with memory in quarantine may keep its table permanently. The test
 * frees it when it is not walked any more, or every later table is a second
 * one, see sample_map_second()
 */
static void sample_drop_table(struct vcm *vcm)
{
	container_of(vcm->driver, struct vcm_mmu_driver, vcm)->stop(vcm);
}

static void sample_power_cycle(struct kunit *test, struct sample_test *t)
{
	t->m->reg_error = 0;
	t->m->keep_power = false;
	sample_rest(test, t->m, t->engine);
	sample_work(test, t->engine);
}

/* Check that a new context of the block works. */
static void expect_recovered(struct kunit *test, struct sample_test *t)
{
	struct vcm_res *res;
	struct vcm *vcm;

	vcm = sample_vcm(test, t->engine);
	res = sample_used(test, vcm, t->engine);
	vcm_free(res->phys);
	vcm_unbind(res);
	expect_fault(test, t->engine, res->start);
	vcm_unreserve(res);
	KUNIT_EXPECT_EQ(test, vcm->quarantined, 0);
	sample_destroy(t->engine);
}

/*
 * Row quarantine: memory that is unbound while the bus does not answer stays
 * out of use after the context was destroyed and the driver unbound and bound
 * again
 */
static void sample_bus_dies(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_phys *phys, *late;
	struct vcm_res *res, *last;

	sample_power_on(test, t->engine);
	res = sample_used(test, vcm, t->engine);
	last = sample_used(test, vcm, t->engine);
	phys = res->phys;
	late = last->phys;

	t->m->reg_error = -EIO;
	vcm_unbind(res);
	expect_kept(test, res, phys);
	expect_at(test, t->engine, res->start, phys->parts[0].paddr);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-EIO));

	/* No device is attached, and yet the device reaches the memory */
	vcm_detach(vcm, t->engine);
	vcm_unbind(last);
	expect_kept(test, last, late);
	KUNIT_EXPECT_PTR_EQ(test, vcm_sample_create(t->engine),
			    ERR_PTR(-ENODEV));
	vcm_unreserve(res);
	vcm_unreserve(last);
	sample_destroy(t->engine);

	t->m->reg_error = 0;
	device_release_driver(t->m->mmu);
	KUNIT_EXPECT_NULL(test, t->m->mmu->driver);
	vcm_free(phys);
	vcm_free(late);
	KUNIT_EXPECT_EQ(test, refcount_read(&phys->refs), 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&late->refs), 1);
	sample_drop_table(vcm);

	KUNIT_EXPECT_EQ(test, device_attach(t->m->mmu), 1);
	KUNIT_ASSERT_EQ(test, device_attach(t->engine), 1);
	/* It is held, but its driver has not resumed it */
	KUNIT_ASSERT_GE(test, pm_runtime_resume(t->engine), 0);
	expect_recovered(test, t);
}

/* Make a reservation whose table of small pages a large page will replace. */
static struct vcm_res *sample_replace(struct kunit *test, struct vcm *vcm,
				      struct device *engine)
{
	struct vcm_phys *small = sample_phys(test, 0x80000000, SZ_4K);
	struct vcm_res *res = vcm_reserve(vcm, SZ_1M, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, small), 0);
	expect_at(test, engine, res->start, 0x80000000);
	vcm_unbind(res);
	vcm_free(small);
	return res;
}

/*
 * Row vcm_bind: -EIO if hardware stops answering during it. The hardware is off
 * then, or the memory is in quarantine
 */
static void sample_bind_fails(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *res, *anchor = sample_anchor(test, vcm);
	struct vcm_phys *large = sample_phys(test, 0xa0000000, SZ_1M);

	sample_power_on(test, t->engine);
	res = sample_replace(test, vcm, t->engine);
	t->m->hang = true;
	KUNIT_EXPECT_EQ(test, vcm_bind(res, large), -EIO);
	KUNIT_EXPECT_EQ(test, vcm->quarantined, 0);
	expect_fault(test, t->engine, res->start);
	t->m->hang = false;
	sample_power_cycle(test, t);
	expect_fault(test, t->engine, res->start);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, large), 0);
	expect_at(test, t->engine, res->start, 0xa0000000);
	vcm_unmap(res);

	res = sample_replace(test, vcm, t->engine);
	t->m->reg_error = -EIO;
	KUNIT_EXPECT_EQ(test, vcm_bind(res, large), -EIO);
	expect_kept(test, res, large);
	sample_power_cycle(test, t);
	expect_at(test, t->engine, anchor->start, 0x7f000000);
	vcm_unreserve(res);
	vcm_unmap(anchor);
	sample_destroy(t->engine);
	KUNIT_EXPECT_EQ(test, refcount_read(&large->refs), 1);
	vcm_free(large);
	expect_recovered(test, t);
}

/*
 * Let the bus die: the MMU was switched off before, or the memory is in
 * quarantine.
 */
static bool bus_dies_after(struct kunit *test, struct sample_test *t,
			   unsigned int answers)
{
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *res = sample_used(test, vcm, t->engine);
	struct vcm_phys *phys = res->phys;
	phys_addr_t paddr;

	t->m->reg_answers = answers;
	t->m->reg_error = -EIO;
	vcm_unbind(res);
	if (vcm->quarantined)
		expect_kept(test, res, phys);
	else
		expect_fault(test, t->engine, res->start);
	/* The table that it walks now must not be freed */
	sample_model_translate(t->engine, res->start + SZ_1M, false, &paddr);
	vcm_unreserve(res);
	sample_destroy(t->engine);
	sample_model_translate(t->engine, SZ_2M, false, &paddr);
	vcm_free(phys);

	answers = t->m->reg_answers;
	t->m->reg_answers = 0;
	sample_power_cycle(test, t);
	expect_recovered(test, t);
	return !answers;
}

/* The bus dies at each register access of an unbind and of a stop */
static void sample_bus_dies_anywhere(struct kunit *test)
{
	struct sample_test *t = test->priv;
	unsigned int answers = 0;

	/* Tables stay, see sample_map_second() */
	if (IS_ENABLED(CONFIG_DEBUG_VM))
		kunit_skip(test, "CONFIG_DEBUG_VM would warn in later tests");
	sample_power_on(test, t->engine);
	while (bus_dies_after(test, t, answers))
		answers++;
	/* Invalidation, its status, and switching off */
	KUNIT_EXPECT_GT(test, answers, 6);
}

static void expect_stuck(struct kunit *test, struct vcm_res *res)
{
	struct vcm_phys *phys = res->phys;

	vcm_unbind(res);
	expect_kept(test, res, phys);
	vcm_unreserve(res);
}

/*
 * Suspended but powered, an MMU that could not be switched off still
 * translates. The driver does not learn when power is lost, and touches no
 * register meanwhile
 */
static void sample_bus_dies_asleep(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_phys *first, *second;
	struct vcm_res *res, *other;
	phys_addr_t paddr;

	sample_power_on(test, t->engine);
	res = sample_used(test, vcm, t->engine);
	other = sample_used(test, vcm, t->engine);
	first = res->phys;
	second = other->phys;
	paddr = second->parts[0].paddr;
	t->m->keep_power = true;
	t->m->reg_error = -EIO;
	sample_rest(test, t->m, t->engine);
	expect_at(test, t->engine, other->start, paddr);
	expect_stuck(test, res);

	/* When it answers again, it translates as before */
	t->m->reg_error = 0;
	sample_work(test, t->engine);
	expect_at(test, t->engine, other->start, paddr);

	t->m->keep_power = false;
	t->m->reg_error = -EIO;
	sample_rest(test, t->m, t->engine);
	t->m->reg_error = 0;
	expect_stuck(test, other);
	sample_work(test, t->engine);
	sample_destroy(t->engine);
	KUNIT_EXPECT_EQ(test, refcount_read(&first->refs), 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&second->refs), 1);
	vcm_free(first);
	vcm_free(second);
	expect_recovered(test, t);
}

static void end_after_power_cycle(struct kunit *test, struct sample_test *t)
{
	sample_power_cycle(test, t);
}

/* The MMU is switched off when the device is detached */
static void end_with_answers(struct kunit *test, struct sample_test *t)
{
	t->m->reg_error = 0;
}

static void end_without_driver(struct kunit *test, struct sample_test *t)
{
	t->m->reg_error = 0;
	device_release_driver(t->m->mmu);
}

static void end_stuck(struct kunit *test, struct sample_test *t)
{
}

/**
 * struct sample_end - a context that is destroyed with memory in quarantine
 * @name: for the result
 * @before: what happens before that
 * @ends: the quarantine ends
 */
struct sample_end {
	const char *name;
	void (*before)(struct kunit *test, struct sample_test *t);
	bool ends;
};

static const struct sample_end sample_ends[] = {
	{ "power was off", end_after_power_cycle, true },
	{ "answers again", end_with_answers, true },
	{ "driver unbound", end_without_driver, true },
	{ "still stuck", end_stuck, false },
};

KUNIT_ARRAY_PARAM_DESC(sample_end, sample_ends, name);

/*
 * Row quarantine: it ends when the context is destroyed, if the MMU is off or
 * translates for another context; else never
 */
static void sample_quarantine_end(struct kunit *test)
{
	const struct sample_end *end = test->param_value;
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_phys *phys;
	struct vcm_res *res;

	KUNIT_ASSERT_GE(test, pm_runtime_get_sync(t->engine), 0);
	res = sample_used(test, vcm, t->engine);
	phys = res->phys;
	t->m->reg_error = -EIO;
	vcm_unbind(res);
	expect_kept(test, res, phys);
	vcm_unreserve(res);

	to_engine(t->engine)->vcm = NULL;
	end->before(test, t);
	KUNIT_EXPECT_EQ(test, refcount_read(&phys->refs), 2);
	vcm_destroy(vcm);
	KUNIT_EXPECT_EQ(test, refcount_read(&phys->refs), end->ends ? 1 : 2);
	vcm_free(phys);

	if (!t->engine->driver)
		return;
	sample_power_cycle(test, t);
	if (!end->ends)
		sample_drop_table(vcm);
	expect_recovered(test, t);
	pm_runtime_put_sync(t->engine);
}

struct fault_log {
	struct vcm *vcm;
	struct completion seen;
	unsigned int nr;
	dma_addr_t addr;
	unsigned int flags;
	unsigned int strange;
};

static bool fault_note(struct vcm *vcm, dma_addr_t addr, unsigned int flags,
		       void *priv)
{
	struct fault_log *log = priv;

	if (vcm != READ_ONCE(log->vcm))
		log->strange++;
	log->nr++;
	log->addr = addr;
	log->flags = flags;
	complete(&log->seen);
	return true;
}

static void expect_report(struct kunit *test, struct fault_log *log,
			  struct device *engine, dma_addr_t addr, bool write)
{
	const unsigned int nr = log->nr;
	phys_addr_t paddr;

	reinit_completion(&log->seen);
	KUNIT_EXPECT_EQ(test, -EFAULT,
			sample_model_translate(engine, addr, write, &paddr));
	KUNIT_ASSERT_NE(test, 0,
			wait_for_completion_timeout(&log->seen, 10 * HZ));
	KUNIT_EXPECT_EQ(test, log->nr, nr + 1);
	KUNIT_EXPECT_EQ(test, log->addr, addr);
	KUNIT_EXPECT_EQ(test, log->flags,
			write ? VCM_FAULT_WRITE : VCM_FAULT_READ);
	/* The next one is recorded when the thread has handled this one */
	synchronize_irq(sample_model_of(engine)->irq);
}

/* Row faults: each report has the address and the kind of access */
static void sample_fault(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_phys *phys = sample_phys(test, 0x80000000, SZ_64K);
	struct vcm_res *res = sample_map(test, vcm, phys, VCM_RES_READ);
	struct fault_log *log = kunit_kzalloc(test, sizeof(*log), GFP_KERNEL);
	dma_addr_t after = res->start + SZ_64K;
	phys_addr_t paddr;

	KUNIT_ASSERT_NOT_NULL(test, log);
	init_completion(&log->seen);
	log->vcm = vcm;
	KUNIT_ASSERT_EQ(test, 0, vcm_set_fault_handler(vcm, fault_note, log));
	sample_power_on(test, t->engine);

	expect_at(test, t->engine, res->start, 0x80000000);
	KUNIT_EXPECT_EQ(test, log->nr, 0);
	expect_report(test, log, t->engine, after, false);
	expect_report(test, log, t->engine, after + 0x123, true);
	expect_report(test, log, t->engine, 0xfffffffe, false);
	expect_report(test, log, t->engine, res->start + 5, true);
	KUNIT_EXPECT_EQ(test, log->strange, 0);

	/*
	 * Without a binding it walks no table: the access is refused, no fault
	 */
	KUNIT_EXPECT_EQ(test, t->m->stats.refused, 0);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, -EFAULT,
			sample_model_translate(t->engine, after, false,
					       &paddr));
	KUNIT_EXPECT_EQ(test, t->m->stats.refused, 1);
	KUNIT_EXPECT_EQ(test, t->m->stats.faults, 4);
	vcm_free(phys);
	sample_destroy(t->engine);
}

/* Access an unmapped address again and again. */
static int fault_storm(void *data)
{
	struct device *engine = data;
	phys_addr_t paddr;

	while (!kthread_should_stop()) {
		sample_model_translate(engine, 0xe0000000, true, &paddr);
		cond_resched();
	}
	return 0;
}

/* Row faults: none is reported to a context that was destroyed */
static void sample_fault_destroy(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct fault_log *log = kunit_kzalloc(test, sizeof(*log), GFP_KERNEL);
	struct task_struct *storm;
	struct vcm_res *res;
	struct vcm *vcm;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, log);
	init_completion(&log->seen);
	sample_power_on(test, t->engine);
	storm = kthread_run(fault_storm, t->engine, "vcm_sample_storm");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, storm);

	for (i = 0; i < 100; i++) {
		vcm = vcm_sample_create(t->engine);
		if (IS_ERR(vcm)) {
			KUNIT_FAIL(test, "no context: %pe", vcm);
			break;
		}
		WRITE_ONCE(log->vcm, vcm);
		KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
		KUNIT_EXPECT_EQ(test, 0,
				vcm_set_fault_handler(vcm, fault_note, log));
		reinit_completion(&log->seen);
		res = vcm_make_binding(vcm, SZ_64K, 0, 0);
		KUNIT_EXPECT_NOT_ERR_OR_NULL(test, res);
		wait_for_completion_timeout(&log->seen, 10 * HZ);
		/* With memory bound */
		vcm_destroy(vcm);
		WRITE_ONCE(log->vcm, NULL);
		vcm_destroy_binding(res);
	}
	kthread_stop(storm);
	KUNIT_EXPECT_GE(test, log->nr, i);
	KUNIT_EXPECT_EQ(test, log->strange, 0);
}

/**
 * struct fault_stall - a fault handler that takes long
 * @m: the model
 * @entered: the handler runs
 * @off: translation was switched off meanwhile
 */
struct fault_stall {
	struct sample_model *m;
	struct completion entered;
	bool off;
};

static bool fault_stall(struct vcm *vcm, dma_addr_t addr, unsigned int flags,
			void *priv)
{
	const ktime_t end = ktime_add_ms(ktime_get(), 50);
	struct fault_stall *stall = priv;

	complete(&stall->entered);
	while (!stall->off && ktime_before(ktime_get(), end)) {
		cpu_relax();
		stall->off = !READ_ONCE(stall->m->ctrl);
	}
	return true;
}

/* Row vcm_destroy: it waits for a fault handler that runs */
static void sample_fault_stalls(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct fault_stall *stall;
	struct vcm_res *res;
	struct vcm *vcm;
	phys_addr_t paddr;

	if (num_online_cpus() == 1)
		kunit_skip(test, "needs two CPUs");
	stall = kunit_kzalloc(test, sizeof(*stall), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, stall);
	stall->m = t->m;
	init_completion(&stall->entered);

	vcm = sample_vcm(test, t->engine);
	res = vcm_make_binding(vcm, SZ_64K, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_ASSERT_EQ(test, 0,
			vcm_set_fault_handler(vcm, fault_stall, stall));
	sample_power_on(test, t->engine);
	KUNIT_EXPECT_EQ(test, -EFAULT,
			sample_model_translate(t->engine, res->start + SZ_64K,
					       false, &paddr));
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&stall->entered,
							    10 * HZ));
	sample_destroy(t->engine);
	KUNIT_EXPECT_FALSE(test, stall->off);
	KUNIT_EXPECT_EQ(test, t->m->ctrl, 0);
	vcm_destroy_binding(res);
}

static struct kunit_case sample_fail_cases[] = {
	KUNIT_CASE(sample_hangs),
	KUNIT_CASE(sample_bus_dies),
	KUNIT_CASE(sample_bind_fails),
	KUNIT_CASE(sample_bus_dies_anywhere),
	KUNIT_CASE(sample_bus_dies_asleep),
	KUNIT_CASE_PARAM(sample_quarantine_end, sample_end_gen_params),
	KUNIT_CASE(sample_fault),
	KUNIT_CASE(sample_fault_destroy),
	KUNIT_CASE(sample_fault_stalls),
	{ }
};

static struct kunit_suite sample_fail_suite = {
	.name = "vcm_sample_fail",
	.init = sample_init,
	.test_cases = sample_fail_cases,
};

kunit_test_suite(sample_fail_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of failures and faults of the sample SoC IOMMU");
MODULE_LICENSE("GPL");
