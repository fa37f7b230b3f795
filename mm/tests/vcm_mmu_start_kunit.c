// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the page-table wrapper, mm/vcm-mmu.c: starting and stopping the
 * hardware.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#include "vcm_mmu_test.h"

/* start before the first live binding, stop after the last */
static void mmu_start_stop(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm_phys *phys = vcm_model_phys(test, &one_part, 1);
	struct vcm *vcm = &s->mmu.vcm;
	struct vcm_res *res[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(res); i++) {
		res[i] = vcm_map(vcm, phys, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
	}
	KUNIT_EXPECT_EQ(test, s->stats.starts, 0);

	/* Once for all of them */
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
	KUNIT_EXPECT_EQ(test, s->stats.starts, 1);
	KUNIT_EXPECT_EQ(test, s->stats.stops, 0);
	vcm_deactivate(vcm);
	KUNIT_EXPECT_EQ(test, s->stats.stops, 1);

	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
	for (i = 0; i < ARRAY_SIZE(res); i++) {
		KUNIT_EXPECT_EQ(test, s->stats.stops, 1);
		vcm_unbind(res[i]);
	}
	KUNIT_EXPECT_EQ(test, s->stats.stops, 2);
	KUNIT_EXPECT_EQ(test, vcm_bind(res[1], phys), 0);
	KUNIT_EXPECT_EQ(test, s->stats.starts, 3);
	vcm_destroy(vcm);
	expect_clean(test, s);

	for (i = 0; i < ARRAY_SIZE(res); i++)
		vcm_unmap(res[i]);
	vcm_free(phys);
}

/* The failure of start is the failure of map, and nothing has been written */
static void mmu_start_fails(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm_phys *phys = vcm_model_phys(test, &one_part, 1);
	struct vcm *vcm = &s->mmu.vcm;
	struct vcm_res *res = vcm_map(vcm, phys, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	softmmu_fail_start(vcm, 0, -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, s->stats.maps, 0);
	KUNIT_EXPECT_EQ(test, s->stats.syncs, 0);
	expect_clean(test, s);

	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
	softmmu_fail_start(vcm, 0, -EIO);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EIO);
	KUNIT_EXPECT_EQ(test, s->stats.maps, 0);
	expect_clean(test, s);

	/* Nothing was counted: the next bind starts it, its unbind stops it */
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_EQ(test, s->stats.starts, 1);
	vcm_unbind(res);
	expect_clean(test, s);
	vcm_unreserve(res);
	vcm_free(phys);
	vcm_destroy(vcm);
}

/*
 * A failing map stops the hardware that it started, unless another binding is
 * live
 */
static void mmu_map_fails_stops(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm_phys *phys = vcm_model_phys(test, &one_part, 1);
	struct vcm *vcm = &s->mmu.vcm;
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	softmmu_fail_map(vcm, 1, -ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-ENOMEM));
	KUNIT_EXPECT_EQ(test, s->stats.starts, 1);
	expect_clean(test, s);

	res = vcm_map(vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	softmmu_fail_map(vcm, 1, -ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-ENOMEM));
	KUNIT_EXPECT_EQ(test, s->stats.starts, 2);
	KUNIT_EXPECT_EQ(test, s->stats.stops, 1);
	expect_translation(test, res, 0, SZ_1M);
	expect_translation(test, res, SZ_4K, SZ_1M + SZ_4K);
	vcm_unmap(res);
	expect_clean(test, s);
	vcm_free(phys);
	vcm_destroy(vcm);
}

/* A thread that maps, or unmaps the same again */
struct walker {
	struct vcm *vcm;
	struct vcm_phys *phys;
	struct vcm_res *res;
	struct completion done;
};

static int walker_map(void *data)
{
	struct walker *walker = data;

	walker->res = vcm_map(walker->vcm, walker->phys, 0);
	/* This module may be unloaded after that */
	kthread_complete_and_exit(&walker->done, 0);
}

static int walker_unmap(void *data)
{
	struct walker *walker = data;

	vcm_unmap(walker->res);
	kthread_complete_and_exit(&walker->done, 0);
}

static struct task_struct *walker_go(struct kunit *test, struct walker *walker,
				     int (*fn)(void *data))
{
	struct task_struct *task = kthread_create(fn, walker, "vcm_walker");

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	reinit_completion(&walker->done);
	get_task_struct(task);
	wake_up_process(task);
	return task;
}

/*
 * Wait until @walker sleeps or is done. If it sleeps earlier than meant, the
 * test finds less, but reports nothing wrong.
 */
static void walker_settle(struct walker *walker, struct task_struct *task)
{
	while (!completion_done(&walker->done) && task_is_running(task))
		schedule_timeout_uninterruptible(1);
	put_task_struct(task);
}

/* Wait until @walker is at the gate, which a wrong wrapper may never reach */
static void walker_wait(struct walker *walker, struct completion *at_gate)
{
	while (!try_wait_for_completion(at_gate) &&
	       !completion_done(&walker->done))
		schedule_timeout_uninterruptible(1);
}

/* While start or stop is under way, another binding waits for its end */
static void mmu_start_excludes(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(at_gate);
	DECLARE_COMPLETION_ONSTACK(gate);
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm_phys *phys = vcm_model_phys(test, &one_part, 1);
	struct walker one = { .vcm = &s->mmu.vcm, .phys = phys };
	struct walker two = one;

	init_completion(&one.done);
	init_completion(&two.done);
	KUNIT_ASSERT_EQ(test, vcm_activate(&s->mmu.vcm), 0);
	s->at_gate = &at_gate;
	s->gate = &gate;

	/* During start: the second neither starts it again nor writes a leaf */
	put_task_struct(walker_go(test, &one, walker_map));
	walker_wait(&one, &at_gate);
	walker_settle(&two, walker_go(test, &two, walker_map));
	KUNIT_EXPECT_EQ(test, s->stats.maps, 0);
	complete_all(&gate);
	wait_for_completion(&one.done);
	wait_for_completion(&two.done);
	KUNIT_ASSERT_EQ(test, s->stats.starts, 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR(one.res) || IS_ERR(two.res));

	/* During stop: the second starts it after that */
	vcm_unmap(two.res);
	reinit_completion(&gate);
	reinit_completion(&at_gate);
	put_task_struct(walker_go(test, &one, walker_unmap));
	walker_wait(&one, &at_gate);
	walker_settle(&two, walker_go(test, &two, walker_map));
	KUNIT_EXPECT_EQ(test, s->stats.maps, 2);
	complete_all(&gate);
	wait_for_completion(&one.done);
	wait_for_completion(&two.done);
	KUNIT_EXPECT_EQ(test, s->stats.starts, 2);
	KUNIT_ASSERT_FALSE(test, IS_ERR(two.res));
	expect_translation(test, two.res, 0, SZ_1M);

	vcm_unmap(two.res);
	expect_clean(test, s);
	vcm_free(phys);
	vcm_destroy(&s->mmu.vcm);
}

#define RACERS		4
#define RACE_ROUNDS	300

struct racer {
	struct kunit *test;
	struct vcm *vcm;
	struct completion done;
	unsigned int nr;
};

/* Map, translate, unmap; this starts and stops the MMU at random */
static int racer_run(void *data)
{
	struct racer *racer = data;
	struct phys_vec part = {
		.paddr = (racer->nr + 1) * SZ_1M,
		.len = (racer->nr + 1) * SZ_4K,
	};
	struct vcm_phys *phys;
	struct vcm_res *res;
	unsigned int i;

	phys = vcm_phys_new(1, 0, vcm_model_free, NULL);
	if (IS_ERR(phys))
		goto out;
	phys->parts[0] = part;
	vcm_phys_finish(phys);
	for (i = 0; i < RACE_ROUNDS; i++) {
		res = vcm_map(racer->vcm, phys, 0);
		KUNIT_EXPECT_FALSE(racer->test, IS_ERR(res));
		if (IS_ERR(res))
			break;
		expect_translation(racer->test, res, part.len - 1,
				   part.paddr + part.len - 1);
		if (i & 1)
			cond_resched();
		vcm_unmap(res);
	}
	vcm_free(phys);
out:
	kthread_complete_and_exit(&racer->done, 0);
}

/*
 * start and stop exclude each other and every live binding: the model reports
 * it if they do not
 */
static void mmu_race(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct racer racer[RACERS];
	struct task_struct *task;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_activate(&s->mmu.vcm), 0);
	for (i = 0; i < RACERS; i++) {
		racer[i].test = test;
		racer[i].vcm = &s->mmu.vcm;
		racer[i].nr = i;
		init_completion(&racer[i].done);
		task = kthread_run(racer_run, &racer[i], "vcm_mmu_racer%u", i);
		if (IS_ERR(task)) {
			KUNIT_FAIL(test, "no thread: %ld", PTR_ERR(task));
			complete(&racer[i].done);
		}
	}
	for (i = 0; i < RACERS; i++)
		wait_for_completion(&racer[i].done);

	KUNIT_EXPECT_GE(test, s->stats.starts, 1);
	KUNIT_EXPECT_EQ(test, s->stats.maps, RACERS * RACE_ROUNDS);
	expect_clean(test, s);
	vcm_destroy(&s->mmu.vcm);
}

static struct kunit_case mmu_start_cases[] = {
	KUNIT_CASE(mmu_start_stop),
	KUNIT_CASE(mmu_start_fails),
	KUNIT_CASE(mmu_map_fails_stops),
	KUNIT_CASE(mmu_start_excludes),
	KUNIT_CASE(mmu_race),
	{}
};

static struct kunit_suite mmu_start_suite = {
	.name = "vcm_mmu_start",
	.test_cases = mmu_start_cases,
};

kunit_test_suite(mmu_start_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of starting and stopping a page-table MMU");
MODULE_LICENSE("GPL");
