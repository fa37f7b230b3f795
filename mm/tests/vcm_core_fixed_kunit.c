// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of contexts of Virtual Contiguous Memory whose addresses follow the
 * memory.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "vcm_core.h"

/* Unbind and bind a mapping whose memory has other mappings. */
static void fixed_rebind(struct td_ctx *ctx, struct vcm_res *res,
			 struct vcm_phys *phys)
{
	struct kunit *test = ctx->td->test;

	KUNIT_EXPECT_EQ(test, res->start, phys->parts[0].paddr);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
	vcm_unbind(res);
	KUNIT_EXPECT_FALSE(test, td_holds(ctx, res, NULL));
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
}

/*
 * A mapping belongs to the caller that made it: several reservations lie at the
 * same or overlapping addresses, also for different descriptions of the same
 * pages. An unbind, an unmap and a free by one caller take nothing from
 * another.
 */
static void core_fixed_maps_are_apart(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_fixed);
	struct vcm_phys *phys = td_phys(td, SZ_16M, SZ_64K);
	struct vcm_phys *twin = td_phys(td, SZ_16M, SZ_64K);
	struct vcm_phys *above = td_phys(td, SZ_16M + SZ_32K, SZ_64K);
	const struct {
		struct vcm_phys *phys;
		unsigned int flags;
	} rows[] = {
		{ phys, RW }, { phys, RW }, { phys, VCM_RES_READ },
		{ twin, VCM_RES_WRITE }, { above, 0 },
	};
	struct vcm_res *res[ARRAY_SIZE(rows)];
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		res[i] = vcm_map(ctx->vcm, rows[i].phys, rows[i].flags);
		core_ok(test, res[i]);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_PTR_NE(test, res[i], res[j]);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->maps), ARRAY_SIZE(rows));
	vcm_free(phys);
	vcm_free(twin);
	vcm_free(above);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		vcm_phys_get(rows[i].phys);
		fixed_rebind(ctx, res[i], rows[i].phys);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), ARRAY_SIZE(rows) - i);
		vcm_phys_put(rows[i].phys);
		vcm_unmap(res[i]);
	}
	KUNIT_EXPECT_EQ(test, core_freed(test), 3);
}

/* The same for vcm_make_binding(): its memory goes with the last mapping. */
static void core_fixed_maps_made(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_fixed);
	struct vcm_res *made = vcm_make_binding(ctx->vcm, SZ_64K, 0, 0);
	struct vcm_phys *phys;
	struct vcm_res *res;

	core_ok(test, made);
	phys = made->phys;
	res = core_map(ctx, phys);
	KUNIT_EXPECT_PTR_NE(test, made, res);
	KUNIT_EXPECT_EQ(test, made->start, res->start);
	vcm_destroy_binding(made);
	KUNIT_EXPECT_EQ(test, core_freed(test), 0);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);
}

/*
 * A mapping belongs to the caller that made it: while the bind, the unbind or
 * the unmap of another one of the same memory is under way, vcm_map() neither
 * waits nor fails with it.
 */
static void core_fixed_maps_do_not_wait(struct kunit *test)
{
	static long (*const calls[])(void *arg) = {
		core_call_bind, core_call_unbind, core_call_unmap,
	};
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_fixed);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(calls); i++) {
		struct core_call other = { .ctx = ctx, .phys = phys };
		struct td_gate *gate = td_gate(td);
		const bool binds = i % 3 == 0, fails = i == 3;
		struct td_worker *worker;
		struct vcm_res *res;

		other.res = core_map(ctx, phys);
		if (binds)
			vcm_unbind(other.res);
		ctx->map_gate = binds ? gate : NULL;
		ctx->unmap_gate = binds ? NULL : gate;
		worker = td_start(td, calls[i % 3], &other);
		td_gate_wait(gate, worker);
		res = core_map(ctx, phys);
		KUNIT_EXPECT_EQ(test, res->start, phys->parts[0].paddr);
		KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
		core_fail_next(ctx, fails, -EIO);
		td_gate_open(gate);
		KUNIT_EXPECT_EQ(test, td_join(worker), fails ? -EIO : 0);

		KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 1 + (binds && !fails));
		if (i % 3 < 2)
			vcm_unmap(other.res);
		KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
		vcm_unmap(res);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	}
	vcm_free(phys);
}

/*
 * Owners of a reservation: a thread that finds a reservation among the bindings
 * of its memory may become an owner while it is being made. The reservation
 * stays for that owner if the bind that it was made for fails.
 */
static void core_failing_map_is_owned(struct kunit *test)
{
	static const struct td_cfg *const cfgs[] = { &core_cfg, &core_fixed };
	struct td *td = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cfgs); i++) {
		struct td_ctx *ctx = td_create(td, cfgs[i]);
		struct vcm_phys *phys = core_phys(test, SZ_64K);
		struct core_call call = { .ctx = ctx, .phys = phys };
		struct td_gate *gate = td_gate(td);
		struct td_worker *worker;
		struct vcm_res *res;

		KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
		ctx->map_gate = gate;
		core_fail_next(ctx, 1, -EIO);
		worker = td_start(td, core_call_map, &call);
		td_gate_wait(gate, worker);
		res = vcm_phys_next_res(phys, NULL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
		KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
		vcm_res_put(res);
		td_gate_open(gate);
		KUNIT_EXPECT_EQ(test, td_join(worker), -EIO);

		KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
		KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
		vcm_unmap(res);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
		vcm_deactivate(ctx->vcm);
		vcm_free(phys);
	}
}

/*
 * A one-to-one reservation stays in the tree from vcm_map() to its last owner,
 * and keeps its address: what is bound there again must lie there.
 */
static void core_fixed_rebinds(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_fixed);
	struct vcm_phys *phys = td_phys(td, SZ_16M, SZ_64K);
	struct vcm_phys *twin = td_phys(td, SZ_16M, SZ_64K);
	struct vcm_phys *part = td_phys(td, SZ_16M, SZ_4K);
	struct vcm_phys *more = td_phys(td, SZ_16M, SZ_128K);
	struct vcm_phys *far = td_phys(td, SZ_32M, SZ_64K);
	struct vcm_res *res = core_map(ctx, phys);
	struct vcm_addr_info info;

	KUNIT_EXPECT_EQ(test, vcm_bind(res, twin), -EADDRINUSE);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_lookup_info(ctx->vcm, SZ_16M, &info), 0);
	KUNIT_EXPECT_EQ(test, info.nr, 1);
	KUNIT_EXPECT_EQ(test, info.res[0].size, SZ_64K);
	KUNIT_EXPECT_EQ(test, info.res[0].bound_size, 0);

	KUNIT_EXPECT_EQ(test, vcm_bind(res, far), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, more), -ENOSPC);
	KUNIT_EXPECT_EQ(test, res->start, SZ_16M);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&far->bindings));
	KUNIT_EXPECT_EQ(test, vcm_bind(res, twin), 0);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, part), 0);
	KUNIT_EXPECT_EQ(test, vcm_lookup_info(ctx->vcm, SZ_16M, &info), 0);
	KUNIT_EXPECT_EQ(test, info.res[0].size, SZ_64K);
	KUNIT_EXPECT_EQ(test, info.res[0].bound_size, SZ_4K);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, -ENOENT,
			vcm_lookup_info(ctx->vcm, SZ_16M, &info));

	vcm_free(phys);
	vcm_free(twin);
	vcm_free(part);
	vcm_free(more);
	vcm_free(far);
}

static struct kunit_case core_fixed_cases[] = {
	KUNIT_CASE(core_fixed_maps_are_apart),
	KUNIT_CASE(core_fixed_maps_made),
	KUNIT_CASE(core_fixed_maps_do_not_wait),
	KUNIT_CASE(core_failing_map_is_owned),
	KUNIT_CASE(core_fixed_rebinds),
	{ }
};

static struct kunit_suite core_fixed_suite = {
	.name = "vcm_core_fixed",
	.init = td_begin,
	.exit = td_end,
	.test_cases = core_fixed_cases,
};

kunit_test_suite(core_fixed_suite);

MODULE_DESCRIPTION("Tests of mappings of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
