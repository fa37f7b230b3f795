// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that make all calls of Virtual Contiguous Memory at once.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "vcm_core.h"
#include "vcm_seed.h"

#define STRESS_SLOTS	4
#define STRESS_SHARED	2
#define STRESS_ROUNDS	3000

/* Objects that the threads of a test share */
struct stress {
	struct td_ctx *ctx;
	struct vcm_phys *phys[STRESS_SHARED];
	struct vcm_res *res[STRESS_SHARED];
};

/* A thread, and the first promise that it saw broken */
struct stress_thread {
	struct stress *s;
	struct rnd_state rnd;
	struct device *dev;
	struct td_limit *limit;
	struct vcm_phys *phys;
	struct vcm_res *slot[STRESS_SLOTS];
	struct vcm_phys *bound[STRESS_SLOTS];
	unsigned int activations;
	bool attached;
	const char *broken;
	int error;
};

#define stress_check(t, cond, err)			\
do {							\
	struct stress_thread *__t = (t);		\
							\
	if (!(cond) && !__t->broken) {			\
		__t->broken = #cond;			\
		__t->error = err;			\
	}						\
} while (0)

/* Return true for an errno that core_fail_next() may have caused. */
static bool stress_may_fail(int ret)
{
	return !ret || ret == -EIO;
}

static void stress_live(struct stress_thread *t, unsigned int i)
{
	struct td_ctx *ctx = t->s->ctx;

	if (t->activations)
		stress_check(t, td_holds(ctx, t->slot[i], t->bound[i]), 0);
}

static void stress_reserve(struct stress_thread *t, unsigned int i)
{
	const struct vcm_range *own = &t->limit->range[0];
	size_t size = (1 + prandom_u32_state(&t->rnd) % 32) * SZ_4K;
	struct vcm_res *res;

	res = vcm_reserve(t->s->ctx->vcm, size,
			  prandom_u32_state(&t->rnd) & VCM_RES_GUARD);
	if (IS_ERR(res)) {
		stress_check(t, PTR_ERR(res) == -ENOSPC, PTR_ERR(res));
		return;
	}
	if (t->attached)
		stress_check(t, res->start > own->last ||
			     res->start + (size - 1) < own->start, 0);
	t->slot[i] = res;
	t->bound[i] = NULL;
}

static void stress_map(struct stress_thread *t, unsigned int i)
{
	struct vcm_res *res;
	bool make = prandom_u32_state(&t->rnd) & 1;

	if (make)
		res = vcm_make_binding(t->s->ctx->vcm, SZ_8K, 0, 0);
	else
		res = vcm_map(t->s->ctx->vcm, t->phys, 0);
	if (IS_ERR(res)) {
		stress_check(t, PTR_ERR(res) == -ENOSPC ||
			     stress_may_fail(PTR_ERR(res)), PTR_ERR(res));
		return;
	}
	t->slot[i] = res;
	t->bound[i] = res->phys;
	stress_live(t, i);
	if (make) {
		vcm_unbind(res);
		stress_check(t, !td_holds(t->s->ctx, res, NULL), 0);
		t->bound[i] = NULL;
	}
}

static void stress_bind(struct stress_thread *t, unsigned int i)
{
	struct vcm_phys *phys = t->phys;
	int ret, want = 0;

	if (prandom_u32_state(&t->rnd) & 1)
		phys = t->s->phys[prandom_u32_state(&t->rnd) % STRESS_SHARED];
	if (t->bound[i])
		want = t->bound[i] == phys ? -EALREADY : -EADDRINUSE;
	else if (phys->size > t->slot[i]->res_size)
		want = -ENOSPC;
	ret = vcm_bind(t->slot[i], phys);
	if (ret == -EIO && !want)
		return;
	stress_check(t, ret == want, ret);
	if (!ret)
		t->bound[i] = phys;
	if (t->bound[i])
		stress_live(t, i);
}

static void stress_unbind(struct stress_thread *t, unsigned int i)
{
	if (!t->bound[i])
		return;
	vcm_unbind(t->slot[i]);
	stress_check(t, !td_holds(t->s->ctx, t->slot[i], NULL), 0);
	t->bound[i] = NULL;
}

static void stress_drop(struct stress_thread *t, unsigned int i)
{
	vcm_unmap(t->slot[i]);
	t->slot[i] = NULL;
	t->bound[i] = NULL;
}

/* Bind or unbind a reservation that other threads bind and unbind too. */
static void stress_shared(struct stress_thread *t, unsigned int i)
{
	struct vcm_res *res = t->s->res[i % STRESS_SHARED];
	int ret;

	stress_check(t, !vcm_ref_reserve(res), 0);
	if (prandom_u32_state(&t->rnd) & 1) {
		ret = vcm_bind(res, t->s->phys[i % 2]);
		stress_check(t, stress_may_fail(ret) || ret == -EBUSY ||
			     ret == -EALREADY || ret == -EADDRINUSE, ret);
	} else {
		vcm_unbind(res);
	}
	vcm_unmap(res);
}

static void stress_activate(struct stress_thread *t)
{
	unsigned int i;
	int ret;

	if (t->activations > 1) {
		vcm_deactivate(t->s->ctx->vcm);
		t->activations--;
	} else {
		ret = vcm_activate(t->s->ctx->vcm);
		stress_check(t, stress_may_fail(ret), ret);
		t->activations += !ret;
	}
	for (i = 0; i < STRESS_SLOTS; i++)
		if (t->bound[i])
			stress_live(t, i);
}

static void stress_attach(struct stress_thread *t)
{
	int ret;

	if (t->attached) {
		vcm_detach(t->s->ctx->vcm, t->dev);
		t->attached = false;
	} else {
		ret = vcm_attach(t->s->ctx->vcm, t->dev);
		stress_check(t, !ret || ret == -EADDRNOTAVAIL, ret);
		t->attached = !ret;
	}
}

static void stress_step(struct stress_thread *t)
{
	u32 what = prandom_u32_state(&t->rnd) % 64;
	unsigned int i = prandom_u32_state(&t->rnd) % STRESS_SLOTS;

	if (!what)
		core_fail_next(t->s->ctx, 1 + i, -EIO);
	else if (what < 4)
		stress_activate(t);
	else if (what < 8)
		stress_attach(t);
	else if (what < 20)
		stress_shared(t, i);
	else if (!t->slot[i])
		what & 1 ? stress_reserve(t, i) : stress_map(t, i);
	else if (what < 40)
		stress_bind(t, i);
	else if (what < 56)
		stress_unbind(t, i);
	else
		stress_drop(t, i);
}

static long stress_main(void *arg)
{
	struct stress_thread *t = arg;
	unsigned int i;

	for (i = 0; i < STRESS_ROUNDS && !t->broken; i++) {
		stress_step(t);
		cond_resched();
	}
	for (i = 0; i < STRESS_SLOTS; i++)
		vcm_unmap(t->slot[i]);
	while (t->activations--)
		vcm_deactivate(t->s->ctx->vcm);
	if (t->attached)
		vcm_detach(t->s->ctx->vcm, t->dev);
	return 0;
}

static void stress_run(struct kunit *test, struct stress *s,
		       long (*fn)(void *arg))
{
	struct stress_thread *threads, *t;
	struct td_worker *workers[CORE_THREADS];
	void *args[CORE_THREADS];
	struct rnd_state seeds;
	unsigned int i;

	vcm_seed(test, &seeds);
	threads = kunit_kcalloc(test, CORE_THREADS, sizeof(*threads),
				GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, threads);
	for (i = 0; i < CORE_THREADS; i++) {
		t = &threads[i];
		t->s = s;
		t->phys = core_phys(test, SZ_16K);
		t->dev = core_device(test, i);
		prandom_seed_state(&t->rnd, prandom_u32_state(&seeds));
		t->limit = td_limit(s->ctx, t->dev);
		td_block(t->limit, SZ_1M + i * SZ_64K,
			 SZ_1M + (i + 2) * SZ_64K - 1);
		args[i] = t;
	}
	td_run(test->priv, CORE_THREADS, fn, args, workers);
	for (i = 0; i < CORE_THREADS; i++) {
		t = &threads[i];
		if (t->broken)
			KUNIT_FAIL(test, "thread %u: %s (%d)", i, t->broken,
				   t->error);
		KUNIT_EXPECT_EQ(test, workers[i]->warnings, 0);
		vcm_free(t->phys);
	}
}

/*
 * Threads make all calls on one context. Each checks what it is promised: what
 * it has unbound is off the hardware, what it has bound is on it while the
 * context is active, and no call returns an errno that it does not have.
 */
static void core_stress(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.last = SZ_4M - 1,
		.pgsize_bitmap = SZ_4K | SZ_64K,
	};
	struct stress s = { .ctx = td_create(test->priv, &cfg) };
	unsigned int i;

	for (i = 0; i < STRESS_SHARED; i++) {
		s.phys[i] = core_phys(test, SZ_32K);
		s.res[i] = core_reserve(s.ctx, SZ_32K);
	}
	stress_run(test, &s, stress_main);

	core_fail_next(s.ctx, 0, 0);
	for (i = 0; i < STRESS_SHARED; i++) {
		vcm_unmap(s.res[i]);
		vcm_free(s.phys[i]);
	}
	KUNIT_EXPECT_EQ(test, td_entries(s.ctx), 0);
	KUNIT_EXPECT_TRUE(test, core_is_free(s.ctx));
	expect_warnings(test, 1, vcm_deactivate(s.ctx->vcm));
}

/* Mappings of memory that other threads do not use */
static void stress_fixed_private(struct stress_thread *t)
{
	struct td_ctx *ctx = t->s->ctx;
	struct vcm_res *res[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		res[i] = vcm_map(ctx->vcm, t->phys, 0);
		stress_check(t, !IS_ERR(res[i]), PTR_ERR_OR_ZERO(res[i]));
		if (IS_ERR(res[i]))
			return;
	}
	stress_check(t, res[0] != res[1], 0);
	vcm_unbind(res[0]);
	stress_check(t, !td_holds(ctx, res[0], NULL), 0);
	stress_check(t, td_holds(ctx, res[1], t->phys), 0);
	stress_check(t, !vcm_bind(res[0], t->phys), 0);
	vcm_unmap(res[1]);
	stress_check(t, td_holds(ctx, res[0], t->phys), 0);
	vcm_unmap(res[0]);
}

static long stress_fixed_main(void *arg)
{
	struct stress_thread *t = arg;
	struct td_ctx *ctx = t->s->ctx;
	unsigned int i;

	for (i = 0; i < STRESS_ROUNDS && !t->broken; i++) {
		u32 what = prandom_u32_state(&t->rnd);
		struct vcm_phys *phys = t->s->phys[what % STRESS_SHARED];
		struct vcm_res **slot = &t->slot[what / 16 % STRESS_SLOTS];

		if (i % 16 == 15) {
			stress_fixed_private(t);
		} else if (*slot) {
			phys = (*slot)->phys;
			stress_check(t, td_holds(ctx, *slot, phys), 0);
			vcm_unmap(*slot);
			*slot = NULL;
		} else {
			*slot = vcm_map(ctx->vcm, phys, 0);
			stress_check(t, !IS_ERR(*slot), PTR_ERR_OR_ZERO(*slot));
			if (IS_ERR(*slot))
				*slot = NULL;
			else
				stress_check(t, td_holds(ctx, *slot, phys), 0);
		}
		cond_resched();
	}
	for (i = 0; i < STRESS_SLOTS; i++)
		vcm_unmap(t->slot[i]);
	return 0;
}

/*
 * A mapping belongs to the caller that made it: threads map and unmap the same
 * and overlapping memory. Each mapping is on the hardware until the thread that
 * made it unmaps it.
 */
static void core_stress_fixed(struct kunit *test)
{
	struct stress s = { .ctx = td_create(test->priv, &core_fixed) };
	unsigned int i;

	for (i = 0; i < STRESS_SHARED; i++) {
		s.phys[i] = td_phys(test->priv, SZ_8M + i * SZ_16K, SZ_32K);
		core_ok(test, s.phys[i]);
	}
	stress_run(test, &s, stress_fixed_main);
	for (i = 0; i < STRESS_SHARED; i++)
		vcm_free(s.phys[i]);
	KUNIT_EXPECT_EQ(test, td_entries(s.ctx), 0);
}

static struct kunit_case core_stress_cases[] = {
	KUNIT_CASE_SLOW(core_stress),
	KUNIT_CASE_SLOW(core_stress_fixed),
	{ }
};

static struct kunit_suite core_stress_suite = {
	.name = "vcm_core_stress",
	.init = td_begin,
	.exit = td_end,
	.test_cases = core_stress_cases,
};

kunit_test_suite(core_stress_suite);

MODULE_DESCRIPTION("Tests of parallel calls of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
