// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of vcm_quarantine(): hardware that does not let go of a binding keeps
 * its addresses and its memory, and nobody gets either ever again.
 *
 * The provider of vcm_testdrv.c remembers what it has kept: it complains of
 * whatever is mapped there and of the memory when it is freed. What is kept
 * outlives the test, as it outlives everything.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "vcm_testdrv.h"

#define APERTURE	SZ_1M
#define SIZE		SZ_16K

static const struct td_cfg quarantine_cfg = {
	.last = APERTURE - 1,
	.pgsize_bitmap = SZ_4K,
};

static const struct td_cfg quarantine_many = {
	.last = APERTURE - 1,
	.pgsize_bitmap = SZ_4K,
	.many = true,
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

/*
 * Its addresses are not to be had, whether or not somebody owns it; nor is its
 * memory, which nobody but the quarantine holds now.
 */
static void expect_kept(struct td_ctx *ctx, dma_addr_t start)
{
	struct kunit *test = ctx->td->test;
	struct vcm_res *res, *others[APERTURE / SIZE];
	struct vcm_addr_info info;
	unsigned int nr = 0;

	KUNIT_EXPECT_EQ(test, ctx->stuck, 1);
	KUNIT_EXPECT_EQ(test, ctx->vcm->quarantined, SIZE);
	KUNIT_EXPECT_EQ(test, vcm_lookup_info(ctx->vcm, start, &info), 0);
	KUNIT_EXPECT_TRUE(test, info.res.quarantined);
	KUNIT_EXPECT_EQ(test, info.res.start, start);
	expect_errno(test, vcm_reserve_at(ctx->vcm, start, SZ_4K, 0),
		     -EADDRINUSE);
	/* Nor its guard */
	expect_errno(test, vcm_reserve_at(ctx->vcm, start + SIZE, SZ_4K, 0),
		     -EADDRINUSE);
	while (nr < ARRAY_SIZE(others)) {
		res = vcm_reserve(ctx->vcm, SIZE, 0);
		if (IS_ERR(res))
			break;
		others[nr++] = res;
		KUNIT_EXPECT_TRUE(test, res->start >= start + SIZE + SZ_4K ||
				  res->start + SIZE <= start);
	}
	KUNIT_EXPECT_EQ(test, nr, APERTURE / SIZE - 2);
	while (nr)
		vcm_unreserve(others[--nr]);
}

/* The last reference that anybody else has goes; then the context. */
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

/* Row "unmaps less than asked": vcm_unbind() returns the memory nevertheless. */
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
	ctx->unmap_sticks = true;
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, NULL);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, other), -EADDRNOTAVAIL);
	expect_kept(ctx, start);

	/* The memory is as good as any, for whoever still holds it */
	again = quarantine_map(ctx, phys);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, again, phys));
	vcm_unmap(again);
	vcm_unreserve(res);
	vcm_free(phys);
	vcm_free(other);
	vcm_deactivate(ctx->vcm);
	expect_kept_for_good(ctx, start);
}

/* The binding was the last but the quarantine to hold the memory. */
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
	ctx->unmap_sticks = true;
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	vcm_unreserve(res);
	vcm_deactivate(ctx->vcm);
	expect_kept_for_good(ctx, start);
}

/* In the last drop, with memory that the reservation owned */
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

/* While a context leaves the hardware; the others do leave it. */
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
	/* It cannot go back there, and then nothing does */
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), -EADDRNOTAVAIL);
	KUNIT_EXPECT_FALSE(test, td_holds(ctx, good, NULL));
	expect_warnings(test, 1, vcm_deactivate(ctx->vcm));

	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
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

/* At the end of a context, which then never ends */
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
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	vcm_unreserve(res);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 0);
}

/* Among many: the others are as free as ever. */
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

/* From a map that fails and cannot undo what it had done: its error comes out */
static void quarantine_at_bind(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &quarantine_cfg);
	struct vcm_phys *phys = quarantine_phys(test);
	struct vcm_res *res = vcm_reserve(ctx->vcm, SIZE, VCM_RES_GUARD);
	dma_addr_t start;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	start = res->start;
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	ctx->map_error = -ENOMEM;
	atomic_set(&ctx->map_countdown, 1);
	ctx->map_sticks = true;
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, NULL);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	expect_warnings(test, 1, vcm_unbind(res));
	vcm_unreserve(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
	expect_kept_for_good(ctx, start);
}

/* The same of a reservation that nobody has seen, and of memory made for it */
static void quarantine_at_make(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &quarantine_cfg);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	ctx->map_error = -ENOMEM;
	atomic_set(&ctx->map_countdown, 1);
	ctx->map_sticks = true;
	res = vcm_make_binding(ctx->vcm, SIZE, 0, VCM_RES_GUARD);
	expect_errno(test, res, -ENOMEM);
	vcm_deactivate(ctx->vcm);
	expect_kept_for_good(ctx, 0);
}

/* And at an activation, which is undone without it */
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
	ctx->map_error = -ENOMEM;
	atomic_set(&ctx->map_countdown, 2);
	ctx->map_sticks = true;
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), -ENOMEM);
	KUNIT_EXPECT_FALSE(test, td_holds(ctx, first, NULL));
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), -EADDRNOTAVAIL);
	KUNIT_EXPECT_FALSE(test, td_holds(ctx, first, NULL));
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	vcm_unreserve(res);
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, first, small));
	vcm_unmap(first);
	vcm_free(small);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
	expect_kept_for_good(ctx, start);
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
	{}
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
