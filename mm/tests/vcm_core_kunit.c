// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of bindings of Virtual Contiguous Memory: states, errors, activation.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "vcm_core.h"

static const struct td_cfg core_bare = {
	.last = CORE_SIZE - 1,
	.pgsize_bitmap = SZ_4K,
	.bare = true,
};

static const struct td_cfg core_bare_fixed = {
	.last = U32_MAX,
	.pgsize_bitmap = SZ_4K,
	.fixed = true,
	.bare = true,
};

/* Errors */

/* Errors of a provider, returned unchanged also if the core has such errors */
static const int core_errors[] = {
	-ENOMEM, -EIO, -EEXIST, -EAGAIN, -EADDRINUSE, -EALREADY, -EBUSY,
	-ENOSPC, -EOPNOTSUPP, -ENODEV, -EINVAL,
};

static void core_bind_fails(struct kunit *test, const struct td_cfg *cfg,
			    int error)
{
	struct td_ctx *ctx = td_create(test->priv, cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res = core_map(ctx, phys);
	dma_addr_t start = res->start;
	int freed = core_freed(test);

	vcm_unbind(res);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);

	core_fail_next(ctx, 1, error);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), error);
	KUNIT_EXPECT_EQ(test, res->start, start);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, NULL);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&phys->bindings));

	core_fail_next(ctx, 1, error);
	expect_errno(test, vcm_map(ctx->vcm, phys, RW), error);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);

	/* Anything left of the failed calls would make these fail */
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	vcm_unbind(res);
	vcm_unreserve(res);
	if (!cfg->fixed)
		KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
	KUNIT_EXPECT_EQ(test, core_freed(test), freed);

	/* vcm_make_binding() frees what it had made before the failure */
	core_fail_next(ctx, 1, error);
	expect_errno(test, vcm_make_binding(ctx->vcm, SZ_64K, 0, 0), error);
	KUNIT_EXPECT_EQ(test, core_freed(test), freed + 1);
	if (!cfg->fixed)
		KUNIT_EXPECT_TRUE(test, core_is_free(ctx));

	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, core_freed(test), freed + 2);
	vcm_deactivate(ctx->vcm);
	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
}

/* vcm_bind: the provider's error is returned, and nothing is bound. */
static void core_bind_rolls_back(struct kunit *test)
{
	struct td *td = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(core_errors); i++) {
		core_bind_fails(test, &core_cfg, core_errors[i]);
		core_bind_fails(test, &core_fixed, core_errors[i]);
		td_renew(td);
	}
}

/* vcm_make_binding: nothing is left, whichever of its steps fails. */
static void core_make_binding_fails(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	ctx->alloc_error = -EINTR;
	expect_errno(test, vcm_make_binding(ctx->vcm, SZ_64K, 0, 0), -EINTR);
	ctx->alloc_error = 0;

	res = core_reserve(ctx, CORE_SIZE);
	expect_errno(test, vcm_make_binding(ctx->vcm, SZ_64K, 0, 0), -ENOSPC);
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);
	vcm_unreserve(res);

	expect_errno(test, vcm_make_binding(ctx->vcm, SZ_64K, 0, ~0), -EINVAL);
	expect_errno(test, vcm_make_binding(ctx->vcm, SZ_64K, ~0, 0), -EINVAL);
	KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->maps), 0);
	vcm_deactivate(ctx->vcm);
}

/*
 * Providers: the optional operations are optional. A call that needs one is
 * -EOPNOTSUPP, and memory comes from the page allocator.
 */
static void core_bare_driver(struct kunit *test)
{
	static const struct td_cfg *const cfgs[] = {
		&core_bare, &core_bare_fixed,
	};
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct device *dev;
	unsigned int i;

	dev = core_device(test, 0);
	for (i = 0; i < ARRAY_SIZE(cfgs); i++) {
		struct td_ctx *ctx = td_create(test->priv, cfgs[i]);
		struct vcm_res *res = core_map(ctx, phys), *own;

		own = vcm_make_binding(ctx->vcm, SZ_4K, 0, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, own);
		vcm_destroy_binding(own);
		expect_errno(test, vcm_map(ctx->vcm, phys, VCM_RES_GUARD),
			     -EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EOPNOTSUPP);

		KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
		KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
		vcm_deactivate(ctx->vcm);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), cfgs[i]->fixed);
		vcm_unbind(res);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
		vcm_destroy(ctx->vcm);
		vcm_unmap(res);
		KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
	}
	vcm_free(phys);
}

/* Activation */

#define CORE_BINDINGS	6

/*
 * vcm_activate, vcm_deactivate: counted. Before the first activation nothing
 * bound is on the hardware, after it every binding is at once, and the last
 * deactivation takes all bindings off.
 */
static void core_activation_counts(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *before = core_map(ctx, phys);
	struct vcm_res *after;

	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, before, phys));
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->maps), 1);

	after = core_map(ctx, phys);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, after, phys));
	vcm_deactivate(ctx->vcm);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 2);
	vcm_deactivate(ctx->vcm);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);

	vcm_unmap(before);
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 1);
	vcm_unmap(after);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	vcm_deactivate(ctx->vcm);
	vcm_free(phys);
}

/* vcm_deactivate: one call too many warns and does nothing. */
static void core_deactivate_unpaired(struct kunit *test)
{
	static const struct td_cfg *const cfgs[] = { &core_cfg, &core_fixed };
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cfgs); i++) {
		struct td_ctx *ctx = td_create(test->priv, cfgs[i]);
		struct vcm_res *res = core_map(ctx, phys);

		expect_warnings(test, 1, vcm_deactivate(ctx->vcm));
		KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
		KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
		expect_warnings(test, 0, vcm_deactivate(ctx->vcm));
		expect_warnings(test, 1, vcm_deactivate(ctx->vcm));
		KUNIT_EXPECT_EQ(test, td_entries(ctx), cfgs[i]->fixed);
		expect_warnings(test, 0, vcm_deactivate(NULL));
		vcm_unmap(res);
	}
	vcm_free(phys);
}

/* vcm_activate: where addresses follow the memory, it only counts. */
static void core_fixed_is_always_active(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_fixed);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res = core_map(ctx, phys);

	KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
	core_fail_next(ctx, 1, -EIO);
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
	vcm_deactivate(ctx->vcm);
	core_fail_next(ctx, 0, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->maps), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps), 0);
	vcm_unmap(res);
	vcm_free(phys);
}

/*
 * vcm_activate: a failure leaves everything as before, whichever binding it
 * happens at, and is not counted. What was mapped is taken off in one batch.
 */
static void core_activate_fails_anywhere(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_many);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res[CORE_BINDINGS];
	int i, nth;

	for (i = 0; i < CORE_BINDINGS; i++)
		res[i] = core_map(ctx, phys);

	for (nth = 1; nth <= CORE_BINDINGS; nth++) {
		const int unmaps = atomic_read(&ctx->unmaps);
		const int batches = atomic_read(&ctx->batches);

		core_fail_next(ctx, nth, -ENOMEM);
		KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), -ENOMEM);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
		KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps),
				unmaps + nth - 1);
		/* One binding alone is no batch */
		KUNIT_EXPECT_EQ(test, atomic_read(&ctx->batches),
				batches + (nth > 2));
		expect_warnings(test, 1, vcm_deactivate(ctx->vcm));

		/* It is inactive: a bind does not reach the hardware */
		vcm_unbind(res[nth - 1]);
		KUNIT_EXPECT_EQ(test, vcm_bind(res[nth - 1], phys), 0);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);

		KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), CORE_BINDINGS);
		vcm_deactivate(ctx->vcm);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	}
	for (i = 0; i < CORE_BINDINGS; i++)
		vcm_unmap(res[i]);
	vcm_free(phys);
}

/*
 * vcm_deactivate: the last one takes all bindings off in one batch, and all of
 * them are back after the next activation.
 */
static void core_deactivate_in_one_batch(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_many);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res[CORE_BINDINGS];
	int i, round;

	for (i = 0; i < CORE_BINDINGS; i++)
		res[i] = core_map(ctx, phys);
	for (round = 1; round <= 2; round++) {
		KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), CORE_BINDINGS);
		vcm_deactivate(ctx->vcm);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
		KUNIT_EXPECT_EQ(test, atomic_read(&ctx->batches), round);
		KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps),
				round * CORE_BINDINGS);
		for (i = 0; i < CORE_BINDINGS; i++)
			KUNIT_EXPECT_PTR_EQ(test, res[i]->phys, phys);
	}
	for (i = 0; i < CORE_BINDINGS; i++)
		vcm_unmap(res[i]);
	vcm_free(phys);
}

/* vcm_activate: racing callers both return only when the bindings are live. */
static void core_activate_races(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res[2] = { core_map(ctx, phys), core_map(ctx, phys) };
	struct core_call calls[2] = { { .ctx = ctx }, { .ctx = ctx } };
	struct td_gate *gate = td_gate(td);
	struct td_worker *first, *second;

	ctx->map_gate = gate;
	first = td_start(td, core_call_activate, &calls[0]);
	td_gate_wait(gate, first);
	second = td_start(td, core_call_activate, &calls[1]);
	KUNIT_EXPECT_TRUE(test, td_blocked(second));
	td_gate_open(gate);

	KUNIT_EXPECT_EQ(test, td_join(first), 0);
	KUNIT_EXPECT_EQ(test, td_join(second), 0);
	KUNIT_EXPECT_EQ(test, calls[0].entries, 2);
	KUNIT_EXPECT_EQ(test, calls[1].entries, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->maps), 2);

	vcm_deactivate(ctx->vcm);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 2);
	vcm_deactivate(ctx->vcm);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	vcm_unmap(res[0]);
	vcm_unmap(res[1]);
	vcm_free(phys);
}

/* vcm_activate: if the first of two racing callers fails, the second maps. */
static void core_activate_races_failure(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res[2] = { core_map(ctx, phys), core_map(ctx, phys) };
	struct core_call calls[2] = { { .ctx = ctx }, { .ctx = ctx } };
	struct td_gate *gate = td_gate(td);
	struct td_worker *first, *second;

	ctx->map_gate = gate;
	core_fail_next(ctx, 2, -EIO);
	first = td_start(td, core_call_activate, &calls[0]);
	td_gate_wait(gate, first);
	second = td_start(td, core_call_activate, &calls[1]);
	KUNIT_EXPECT_TRUE(test, td_blocked(second));
	td_gate_open(gate);

	KUNIT_EXPECT_EQ(test, td_join(first), -EIO);
	KUNIT_EXPECT_EQ(test, td_join(second), 0);
	KUNIT_EXPECT_EQ(test, calls[1].entries, 2);
	vcm_deactivate(ctx->vcm);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	expect_warnings(test, 1, vcm_deactivate(ctx->vcm));
	vcm_unmap(res[0]);
	vcm_unmap(res[1]);
	vcm_free(phys);
}

/* States of a reservation */

/*
 * vcm_bind: -EBUSY if another bind or an unbind is under way, while other
 * reservations are bound and unbound; -EALREADY, -EADDRINUSE if memory is
 * bound.
 */
static void core_bind_is_exclusive(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_phys *other = core_phys(test, SZ_64K);
	struct vcm_res *bystander = core_reserve(ctx, SZ_64K);
	struct core_call call = { .ctx = ctx, .phys = phys };
	struct td_worker *worker;
	struct td_gate *gate;

	call.res = core_reserve(ctx, SZ_64K);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);

	gate = td_gate(td);
	ctx->map_gate = gate;
	worker = td_start(td, core_call_bind, &call);
	td_gate_wait(gate, worker);
	KUNIT_EXPECT_EQ(test, vcm_bind(call.res, phys), -EBUSY);
	KUNIT_EXPECT_EQ(test, vcm_bind(call.res, other), -EBUSY);
	KUNIT_EXPECT_EQ(test, vcm_bind(bystander, phys), 0);
	td_gate_open(gate);
	KUNIT_EXPECT_EQ(test, td_join(worker), 0);
	KUNIT_EXPECT_TRUE(test, call.held);
	KUNIT_EXPECT_EQ(test, vcm_bind(call.res, phys), -EALREADY);
	KUNIT_EXPECT_EQ(test, vcm_bind(call.res, other), -EADDRINUSE);

	gate = td_gate(td);
	ctx->unmap_gate = gate;
	worker = td_start(td, core_call_unbind, &call);
	td_gate_wait(gate, worker);
	KUNIT_EXPECT_EQ(test, vcm_bind(call.res, phys), -EBUSY);
	KUNIT_EXPECT_EQ(test, vcm_bind(call.res, other), -EBUSY);
	vcm_unbind(bystander);
	td_gate_open(gate);
	td_join(worker);
	KUNIT_EXPECT_PTR_EQ(test, call.res->phys, NULL);
	KUNIT_EXPECT_FALSE(test, call.held);

	vcm_unreserve(call.res);
	vcm_unreserve(bystander);
	vcm_free(phys);
	vcm_free(other);
	vcm_deactivate(ctx->vcm);
}

/*
 * vcm_unbind: waits for a bind under way and unbinds what was bound; if the
 * bind fails, there is nothing to unbind.
 */
static void core_unbind_waits_for_bind(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct core_call call = { .ctx = ctx, .phys = phys };
	struct core_call unbind = { .ctx = ctx };
	unsigned int fails;

	call.res = core_reserve(ctx, SZ_64K);
	unbind.res = call.res;
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	for (fails = 0; fails < 2; fails++) {
		struct td_gate *gate = td_gate(td);
		struct td_worker *first, *second;

		ctx->map_gate = gate;
		core_fail_next(ctx, fails, -EIO);
		first = td_start(td, core_call_bind, &call);
		td_gate_wait(gate, first);
		second = td_start(td, core_call_unbind, &unbind);
		KUNIT_EXPECT_TRUE(test, td_blocked(second));
		td_gate_open(gate);

		KUNIT_EXPECT_EQ(test, td_join(first), fails ? -EIO : 0);
		td_join(second);
		KUNIT_EXPECT_PTR_EQ(test, call.res->phys, NULL);
		KUNIT_EXPECT_FALSE(test, unbind.held);
		KUNIT_EXPECT_EQ(test, second->warnings, 0);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	}
	vcm_unreserve(call.res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/* vcm_unbind: waits for an unbind under way and does nothing then. */
static void core_unbind_waits_for_unbind(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct core_call calls[2] = { { .ctx = ctx }, { .ctx = ctx } };
	struct td_gate *gate = td_gate(td);
	struct td_worker *first, *second;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	calls[0].res = core_map(ctx, phys);
	calls[1].res = calls[0].res;

	ctx->unmap_gate = gate;
	first = td_start(td, core_call_unbind, &calls[0]);
	td_gate_wait(gate, first);
	second = td_start(td, core_call_unbind, &calls[1]);
	KUNIT_EXPECT_TRUE(test, td_blocked(second));
	td_gate_open(gate);
	td_join(first);
	td_join(second);
	KUNIT_EXPECT_PTR_EQ(test, calls[0].res->phys, NULL);
	KUNIT_EXPECT_FALSE(test, calls[1].held);
	KUNIT_EXPECT_EQ(test, first->warnings + second->warnings, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps), 1);

	vcm_unreserve(calls[0].res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/* vcm_unbind: does nothing if nothing is bound. */
static void core_unbind_of_nothing(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_res *res = core_reserve(ctx, SZ_64K);
	struct vcm_phys *phys = core_phys(test, SZ_64K);

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	expect_warnings(test, 0, {
		vcm_unbind(res);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
		vcm_unbind(res);
		vcm_unbind(res);
		vcm_unbind(NULL);
		vcm_unbind(ERR_PTR(-ENOSPC));
		vcm_unreserve(NULL);
		vcm_unreserve(ERR_PTR(-ENOSPC));
		vcm_unmap(NULL);
		vcm_unmap(ERR_PTR(-ENOSPC));
		vcm_destroy_binding(NULL);
		vcm_destroy_binding(ERR_PTR(-ENOSPC));
		/* Nothing is bound here: they drop an ownership each */
		KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
		vcm_destroy_binding(res);
		vcm_unmap(res);
	});
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps), 1);
	KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

static struct kunit_case core_cases[] = {
	KUNIT_CASE(core_bind_rolls_back),
	KUNIT_CASE(core_make_binding_fails),
	KUNIT_CASE(core_bare_driver),
	KUNIT_CASE(core_activation_counts),
	KUNIT_CASE(core_deactivate_unpaired),
	KUNIT_CASE(core_fixed_is_always_active),
	KUNIT_CASE(core_activate_fails_anywhere),
	KUNIT_CASE(core_deactivate_in_one_batch),
	KUNIT_CASE(core_activate_races),
	KUNIT_CASE(core_activate_races_failure),
	KUNIT_CASE(core_bind_is_exclusive),
	KUNIT_CASE(core_unbind_waits_for_bind),
	KUNIT_CASE(core_unbind_waits_for_unbind),
	KUNIT_CASE(core_unbind_of_nothing),
	{ }
};

static struct kunit_suite core_suite = {
	.name = "vcm_core",
	.init = td_begin,
	.exit = td_end,
	.test_cases = core_cases,
};

kunit_test_suite(core_suite);

MODULE_DESCRIPTION("Tests of bindings of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
