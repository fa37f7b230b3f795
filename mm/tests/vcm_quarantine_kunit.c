// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of vcm_quarantine(): what hardware did not unmap stays out of use until
 * the context is destroyed, if the provider then says that the hardware cannot
 * reach any memory any more; else permanently.
 *
 * The provider of vcm_testdrv.c records what its hardware did not unmap. It
 * complains of other bindings there, and of the memory when it is freed.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "vcm_testdrv.h"

#define SLOTS		64
#define SIZE		(4 * PAGE_SIZE)
#define APERTURE	(SLOTS * SIZE)

static const struct td_cfg quarantine_cfg = {
	.last = APERTURE - 1,
	.pgsize_bitmap = SZ_4K,
};

static const struct td_cfg quarantine_many = {
	.last = APERTURE - 1,
	.pgsize_bitmap = SZ_4K,
	.many = true,
};

static const struct td_cfg quarantine_bare = {
	.last = APERTURE - 1,
	.pgsize_bitmap = SZ_4K,
	.bare = true,
};

static struct vcm_phys *quarantine_phys(struct kunit *test)
{
	struct vcm_phys *phys = td_phys_any(test->priv, SIZE);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	return phys;
}

static struct vcm_res *quarantine_map(struct td_ctx *ctx, struct vcm_phys *phys)
{
	struct vcm_res *res = vcm_map(ctx->vcm, phys, VCM_RES_GUARD);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, res);
	return res;
}

/* Unbind @res on hardware that does not unmap it. */
static void quarantine_unbind(struct td_ctx *ctx, struct vcm_res *res)
{
	ctx->unmap_sticks = true;
	vcm_unbind(res);
}

/* Let the @nth map from now on fail and leave its binding on the hardware. */
static void quarantine_fail_map(struct td_ctx *ctx, unsigned int nth)
{
	ctx->map_error = -ENOMEM;
	atomic_set(&ctx->map_countdown, nth);
	ctx->map_sticks = true;
}

/*
 * Expect that the one range in quarantine, which begins at @start, cannot be
 * reserved, nor its guard, whether or not it has an owner; and that all the
 * rest can.
 */
static void expect_kept(struct td_ctx *ctx, dma_addr_t start)
{
	struct kunit *test = ctx->td->test;
	struct vcm_res *res, *others[SLOTS];
	struct vcm_addr_info info;
	unsigned int nr = 0;

	KUNIT_EXPECT_EQ(test, ctx->stuck, 1);
	KUNIT_EXPECT_EQ(test, ctx->vcm->quarantined, SIZE);
	KUNIT_EXPECT_EQ(test, vcm_lookup_info(ctx->vcm, start, &info), 0);
	KUNIT_EXPECT_TRUE(test, info.res[0].quarantined);
	KUNIT_EXPECT_EQ(test, info.res[0].start, start);
	expect_errno(test, vcm_reserve_at(ctx->vcm, start, SZ_4K, 0),
		     -EADDRINUSE);
	expect_errno(test, vcm_reserve_at(ctx->vcm, start + SIZE, SZ_4K, 0),
		     -EADDRINUSE);
	while (nr < SLOTS) {
		res = vcm_reserve(ctx->vcm, SIZE, 0);
		if (IS_ERR(res))
			break;
		others[nr++] = res;
		KUNIT_EXPECT_TRUE(test, res->start >= start + SIZE + SZ_4K ||
				  res->start + SIZE <= start);
	}
	KUNIT_EXPECT_EQ(test, nr, SLOTS - 2);
	while (nr)
		vcm_unreserve(others[--nr]);
}

/*
 * Expect that the quarantine alone holds its memory, and that the end of the
 * context does not release it if the provider does not say so.
 */
static void expect_kept_for_good(struct td_ctx *ctx, dma_addr_t start)
{
	struct td *td = ctx->td;

	expect_kept(ctx, start);
	KUNIT_EXPECT_EQ(td->test, atomic_read(&td->freed) + 1,
			atomic_read(&td->allocated));
	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(td->test, atomic_read(&ctx->released), 0);
	KUNIT_EXPECT_EQ(td->test, atomic_read(&td->freed) + 1,
			atomic_read(&td->allocated));
}

/*
 * Quarantine: nothing can be bound at the range any more. Its memory can be
 * bound elsewhere.
 */
static void quarantine_at_unbind(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &quarantine_cfg);
	struct vcm_phys *phys = quarantine_phys(test);
	struct vcm_phys *other = quarantine_phys(test);
	struct vcm_res *res, *again;
	dma_addr_t start;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = quarantine_map(ctx, phys);
	start = res->start;
	quarantine_unbind(ctx, res);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, NULL);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, other), -EADDRNOTAVAIL);
	expect_kept(ctx, start);

	again = quarantine_map(ctx, phys);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, again, phys));
	vcm_unmap(again);
	vcm_unreserve(res);
	vcm_free(phys);
	vcm_free(other);
	vcm_deactivate(ctx->vcm);
	expect_kept_for_good(ctx, start);
}

/* Quarantine: holds the memory if the binding was the last holder before. */
static void quarantine_last_holder(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &quarantine_cfg);
	struct vcm_phys *phys = quarantine_phys(test);
	struct vcm_res *res;
	dma_addr_t start;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = quarantine_map(ctx, phys);
	start = res->start;
	vcm_free(phys);
	quarantine_unbind(ctx, res);
	vcm_unreserve(res);
	vcm_deactivate(ctx->vcm);
	expect_kept_for_good(ctx, start);
}

/* The same at the last drop of what vcm_make_binding() made. */
static void quarantine_at_drop(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &quarantine_cfg);
	struct vcm_res *res;
	dma_addr_t start;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = vcm_make_binding(ctx->vcm, SIZE, 0, VCM_RES_GUARD);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	start = res->start;
	ctx->unmap_sticks = true;
	vcm_destroy_binding(res);
	vcm_deactivate(ctx->vcm);
	expect_kept_for_good(ctx, start);
}

/*
 * vcm_deactivate: one binding is quarantined, the others are taken off. An
 * activation fails as long as that one is bound.
 */
static void quarantine_at_deactivate(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &quarantine_cfg);
	struct vcm_phys *phys = quarantine_phys(test);
	struct vcm_phys *other = quarantine_phys(test);
	struct vcm_res *res, *good;
	dma_addr_t start;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = quarantine_map(ctx, phys);
	good = quarantine_map(ctx, other);
	start = res->start;
	ctx->unmap_sticks = true;
	vcm_deactivate(ctx->vcm);
	KUNIT_EXPECT_FALSE(test, td_holds(ctx, good, NULL));
	/* It cannot be mapped again, and then none is */
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), -EADDRNOTAVAIL);
	KUNIT_EXPECT_FALSE(test, td_holds(ctx, good, NULL));
	expect_warnings(test, 1, vcm_deactivate(ctx->vcm));

	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, good, other));
	vcm_unreserve(res);
	vcm_unmap(good);
	vcm_free(phys);
	vcm_free(other);
	vcm_deactivate(ctx->vcm);
	expect_kept_for_good(ctx, start);
}

/* vcm_destroy: what is quarantined by it keeps the memory and the context. */
static void quarantine_at_destroy(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &quarantine_cfg);
	struct vcm_phys *phys = quarantine_phys(test);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = quarantine_map(ctx, phys);
	vcm_free(phys);
	ctx->unmap_sticks = true;
	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, ctx->stuck, 1);
	vcm_unbind(res);
	vcm_unreserve(res);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 0);
}

/* vcm_unbind_many: one binding is quarantined, the others are not. */
static void quarantine_in_bulk(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &quarantine_many);
	struct vcm_phys *phys = quarantine_phys(test);
	struct vcm_res *res[3];
	dma_addr_t start;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	for (i = 0; i < 3; i++)
		res[i] = quarantine_map(ctx, phys);
	start = res[0]->start;
	ctx->unmap_sticks = true;
	vcm_unbind_many(res, 3);
	KUNIT_EXPECT_EQ(test, vcm_bind(res[0], phys), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, vcm_bind(res[1], phys), 0);
	KUNIT_EXPECT_EQ(test, vcm_bind(res[2], phys), 0);
	for (i = 0; i < 3; i++)
		vcm_unmap(res[i]);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
	expect_kept_for_good(ctx, start);
}

/*
 * vcm_bind: a bind that fails half way on hardware that does not unmap returns
 * its error. Nothing is bound, and what was mapped is quarantined.
 */
static void quarantine_at_bind(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &quarantine_cfg);
	struct vcm_phys *phys = quarantine_phys(test);
	struct vcm_res *res = vcm_reserve(ctx->vcm, SIZE, VCM_RES_GUARD);
	struct vcm_addr_info info;
	dma_addr_t start;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	start = res->start;
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	quarantine_fail_map(ctx, 1);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, NULL);
	KUNIT_EXPECT_TRUE(test, list_empty(&phys->bindings));
	KUNIT_EXPECT_EQ(test, vcm_lookup_info(ctx->vcm, start, &info), 0);
	KUNIT_EXPECT_EQ(test, info.res[0].bound_size, 0);
	KUNIT_EXPECT_TRUE(test, info.res[0].quarantined);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps), 0);
	vcm_unreserve(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
	expect_kept_for_good(ctx, start);
}

/* The same for vcm_make_binding(), which returns no reservation then. */
static void quarantine_at_make(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &quarantine_cfg);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	quarantine_fail_map(ctx, 1);
	res = vcm_make_binding(ctx->vcm, SIZE, 0, VCM_RES_GUARD);
	expect_errno(test, res, -ENOMEM);
	vcm_deactivate(ctx->vcm);
	expect_kept_for_good(ctx, 0);
}

/*
 * vcm_activate: one binding is quarantined, those mapped before it are taken
 * off. The context can be activated when that one is unbound.
 */
static void quarantine_at_activate(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &quarantine_cfg);
	struct vcm_phys *phys = quarantine_phys(test);
	struct vcm_res *first = vcm_reserve(ctx->vcm, SZ_4K, 0), *res;
	struct vcm_phys *small = td_phys_any(test->priv, SZ_4K);
	dma_addr_t start;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, first);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, small);
	KUNIT_ASSERT_EQ(test, vcm_bind(first, small), 0);
	res = quarantine_map(ctx, phys);
	start = res->start;
	quarantine_fail_map(ctx, 2);
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), -ENOMEM);
	KUNIT_EXPECT_FALSE(test, td_holds(ctx, first, NULL));
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), -EADDRNOTAVAIL);
	KUNIT_EXPECT_FALSE(test, td_holds(ctx, first, NULL));
	vcm_unbind(res);
	vcm_unreserve(res);
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, first, small));
	vcm_unmap(first);
	vcm_free(small);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
	expect_kept_for_good(ctx, start);
}

/* The end of a quarantine */

/* A page of the test, imported */
struct quarantine_import {
	struct page *page;
	unsigned int released;
};

static void quarantine_free_page(void *page)
{
	__free_page(page);
}

static void quarantine_release(void *priv)
{
	struct quarantine_import *import = priv;

	import->released++;
}

static struct vcm_phys *quarantine_import(struct kunit *test,
					  struct quarantine_import *import)
{
	struct vcm_phys *phys;

	import->page = alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, import->page);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, quarantine_free_page,
						  import->page));
	phys = vcm_phys_import_range(page_to_phys(import->page), PAGE_SIZE, 0,
				     quarantine_release, import);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	return phys;
}

/*
 * Quarantine: ends with the context if destroy says so. Memory is freed, the
 * release of an import comes, ranges without owners are free, and the last
 * reservation frees the context.
 */
static void quarantine_ends(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &quarantine_many);
	struct quarantine_import *import = kunit_kzalloc(test, sizeof(*import),
							 GFP_KERNEL);
	struct vcm_phys *phys, *held = quarantine_phys(test);
	struct vcm_res *imported, *made, *owned;
	struct vcm_addr_info info;
	dma_addr_t start[2];

	KUNIT_ASSERT_NOT_NULL(test, import);
	ctx->unreachable = true;
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	phys = quarantine_import(test, import);
	imported = quarantine_map(ctx, phys);
	vcm_free(phys);
	made = vcm_make_binding(ctx->vcm, SIZE, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, made);
	owned = quarantine_map(ctx, held);
	start[0] = imported->start;
	start[1] = made->start;
	quarantine_unbind(ctx, imported);
	quarantine_unbind(ctx, owned);
	quarantine_unbind(ctx, made);
	vcm_unreserve(imported);
	vcm_unreserve(made);
	vcm_free(held);
	KUNIT_EXPECT_EQ(test, ctx->stuck, 3);
	KUNIT_EXPECT_EQ(test, import->released, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 0);

	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, import->released, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 2);
	KUNIT_EXPECT_EQ(test, ctx->vcm->quarantined, 0);
	KUNIT_EXPECT_EQ(test, -ENOENT,
			vcm_lookup_info(ctx->vcm, start[0], &info));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			vcm_lookup_info(ctx->vcm, start[1], &info));
	/* An owner has its reservation, which is in quarantine no longer */
	KUNIT_EXPECT_EQ(test, 0,
			vcm_lookup_info(ctx->vcm, owned->start, &info));
	KUNIT_EXPECT_FALSE(test, info.res[0].quarantined);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 0);
	vcm_unreserve(owned);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
}

/* The same of a binding that is quarantined and still bound: it is unbound. */
static void quarantine_ends_while_bound(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &quarantine_cfg);
	struct vcm_phys *phys = quarantine_phys(test);
	struct vcm_res *res;

	ctx->unreachable = true;
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = quarantine_map(ctx, phys);
	vcm_free(phys);
	ctx->unmap_sticks = true;
	vcm_deactivate(ctx->vcm);
	KUNIT_EXPECT_EQ(test, ctx->stuck, 1);
	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 0);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 1);
	vcm_unreserve(res);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
}

/* The same of a binding that only vcm_destroy() has quarantined. */
static void quarantine_ends_at_once(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &quarantine_cfg);
	struct vcm_res *res;

	ctx->unreachable = true;
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = vcm_make_binding(ctx->vcm, SIZE, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	ctx->unmap_sticks = true;
	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_FALSE(test, ctx->unmap_sticks);
	KUNIT_EXPECT_EQ(test, ctx->stuck, 0);
	vcm_destroy_binding(res);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
}

/*
 * Quarantine: never ends if destroy says that hardware still reaches memory, or
 * if the provider has no destroy. The release of an import does not come.
 */
static void quarantine_never_ends(struct kunit *test)
{
	static const struct td_cfg *const cfgs[] = {
		&quarantine_cfg, &quarantine_bare,
	};
	struct td *td = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cfgs); i++) {
		struct td_ctx *ctx = td_create(td, cfgs[i]);
		struct quarantine_import *import;
		struct vcm_addr_info info;
		struct vcm_phys *phys;
		struct vcm_res *res;
		dma_addr_t start;

		import = kunit_kzalloc(test, sizeof(*import), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, import);
		KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
		phys = quarantine_import(test, import);
		res = vcm_map(ctx->vcm, phys, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
		vcm_free(phys);
		start = res->start;
		quarantine_unbind(ctx, res);
		vcm_unreserve(res);
		vcm_destroy(ctx->vcm);
		KUNIT_EXPECT_EQ(test, import->released, 0);
		/* Else there is no context to look at */
		KUNIT_ASSERT_EQ(test, atomic_read(&ctx->released), 0);
		KUNIT_EXPECT_EQ(test, ctx->vcm->quarantined, PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, 0,
				vcm_lookup_info(ctx->vcm, start, &info));
		KUNIT_EXPECT_TRUE(test, info.res[0].quarantined);
		/* td_end() takes stuck memory for memory of td_phys() */
		atomic_inc(&td->allocated);
	}
}

static struct kunit_case quarantine_cases[] = {
	KUNIT_CASE(quarantine_at_unbind),
	KUNIT_CASE(quarantine_last_holder),
	KUNIT_CASE(quarantine_at_drop),
	KUNIT_CASE(quarantine_at_deactivate),
	KUNIT_CASE(quarantine_at_destroy),
	KUNIT_CASE(quarantine_in_bulk),
	KUNIT_CASE(quarantine_at_bind),
	KUNIT_CASE(quarantine_at_make),
	KUNIT_CASE(quarantine_at_activate),
	KUNIT_CASE(quarantine_ends),
	KUNIT_CASE(quarantine_ends_while_bound),
	KUNIT_CASE(quarantine_ends_at_once),
	KUNIT_CASE(quarantine_never_ends),
	{ }
};

static struct kunit_suite quarantine_suite = {
	.name = "vcm_quarantine",
	.init = td_begin,
	.exit = td_end,
	.test_cases = quarantine_cases,
};

kunit_test_suite(quarantine_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of quarantine of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
