// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the addresses that Virtual Contiguous Memory chooses: size,
 * alignment, guards.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "vcm_core.h"

/* Page sizes whose largest one is of no use for small reservations */
static const struct td_cfg place_2m = {
	.last = CORE_SIZE - 1,
	.pgsize_bitmap = SZ_4K | SZ_2M,
};

/* Sizes, and their natural alignment */
static const struct {
	resource_size_t size;
	dma_addr_t align;
} place_rows[] = {
	{ SZ_64K, SZ_64K },
	{ SZ_64K - 1, SZ_64K },
	{ 3 * PAGE_SIZE, 4 * PAGE_SIZE },
	{ 3 * SZ_64K, SZ_256K },
	{ SZ_64K + PAGE_SIZE, SZ_128K },
	{ SZ_1M - PAGE_SIZE, SZ_1M },
	{ SZ_1M, SZ_1M },
	{ SZ_1M + PAGE_SIZE, SZ_2M },
	{ 3 * SZ_1M + 1, SZ_4M },
};

/* Expect that the lowest range above page 0 that is so aligned was chosen. */
static void place_expect(struct kunit *test, struct vcm_res *res,
			 resource_size_t size, dma_addr_t align)
{
	core_ok(test, res);
	KUNIT_EXPECT_EQ(test, res->start, align);
	KUNIT_EXPECT_EQ(test, res->res_size, ALIGN(size, PAGE_SIZE));
	vcm_unreserve(res);
}

/*
 * Alignment: natural, to the size rounded up to a power of two, for every call
 * and whatever the page sizes are. So no reservation crosses a multiple of its
 * size rounded up. A guard does not count.
 */
static void core_alignment(struct kunit *test)
{
	static const struct td_cfg *const cfgs[] = { &core_cfg, &place_2m };
	unsigned int c, i;

	for (c = 0; c < ARRAY_SIZE(cfgs); c++) {
		struct td_ctx *ctx = td_create(test->priv, cfgs[c]);
		struct vcm *vcm = ctx->vcm;
		struct vcm_res *zero = vcm_reserve_at(vcm, 0, SZ_4K, 0);

		core_ok(test, zero);
		/* Memory that is naturally aligned, too */
		ctx->alloc_at = SZ_16M;
		for (i = 0; i < ARRAY_SIZE(place_rows); i++) {
			resource_size_t size = place_rows[i].size;
			dma_addr_t align = place_rows[i].align;

			place_expect(test, vcm_reserve(vcm, size, 0), size,
				     align);
			place_expect(test, vcm_reserve(vcm, size,
						       VCM_RES_GUARD),
				     size, align);
			place_expect(test, vcm_make_binding(vcm, size, 0, 0),
				     size, align);
			place_expect(test, vcm_make_binding(vcm, size, 0,
							    VCM_RES_GUARD),
				     size, align);
		}
		vcm_unreserve(zero);
	}
}

/*
 * Alignment: natural also for memory of the page allocator, if no larger page
 * is of use for it.
 */
static void core_alignment_of_pages(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.last = CORE_SIZE - 1,
		.pgsize_bitmap = SZ_4K | SZ_2M,
		.pages = true,
	};
	struct vcm *vcm = td_create(test->priv, &cfg)->vcm;
	struct vcm_res *zero = vcm_reserve_at(vcm, 0, SZ_4K, 0);
	unsigned int i;

	core_ok(test, zero);
	for (i = 0; i < 16; i++) {
		place_expect(test, vcm_make_binding(vcm, SZ_64K, 0, 0), SZ_64K,
			     SZ_64K);
		place_expect(test, vcm_make_binding(vcm, 3 * PAGE_SIZE, 0, 0),
			     3 * PAGE_SIZE, 4 * PAGE_SIZE);
	}
	vcm_unreserve(zero);
}

/*
 * Alignment: if no naturally aligned range is free, the largest page that helps
 * is tried, then the granule, and no power of two between them.
 */
static void core_alignment_gives_way(struct kunit *test)
{
	static const struct {
		dma_addr_t start;
		dma_addr_t last;
		resource_size_t size;
		dma_addr_t want;
	} rows[] = {
		/* 4 MiB does not fit, 2 MiB would, and 1 MiB is a page */
		{ SZ_1M, SZ_4M + SZ_1M - 1, 3 * SZ_1M, SZ_1M },
		/* 2 MiB does not fit, 64 KiB is a smaller page than 1 MiB */
		{ SZ_64K, SZ_2M - 1, SZ_2M - SZ_128K, SZ_64K },
		{ SZ_1M - SZ_64K, SZ_2M + SZ_64K - 1, SZ_1M + SZ_64K, SZ_1M },
		/* 512 KiB does not fit, 64 KiB is a page, 128 KiB is none */
		{ SZ_64K - SZ_4K, SZ_512K - 1, SZ_256K + SZ_64K, SZ_64K },
		/* No page fits */
		{ SZ_64K + SZ_4K, SZ_128K + SZ_8K - 1, SZ_64K, SZ_64K + SZ_4K },
	};
	struct td *td = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct td_cfg cfg = {
			.start = rows[i].start,
			.last = rows[i].last,
			.pgsize_bitmap = SZ_4K | SZ_64K | SZ_1M,
		};
		struct td_ctx *ctx = td_create(td, &cfg);
		struct vcm_res *res = vcm_reserve(ctx->vcm, rows[i].size, 0);

		core_ok(test, res);
		KUNIT_EXPECT_EQ_MSG(test, res->start, rows[i].want,
				    "row %u", i);
		vcm_unreserve(res);
		expect_errno(test, vcm_reserve(ctx->vcm, SZ_16M, 0), -ENOSPC);
		td_renew(td);
	}
}

/* The same if other reservations leave holes only. */
static void core_alignment_in_holes(struct kunit *test)
{
	static const struct {
		dma_addr_t start;
		resource_size_t hole;
		resource_size_t size;
		dma_addr_t want;
	} rows[] = {
		{ SZ_1M + SZ_64K, SZ_512K, SZ_256K, SZ_1M + SZ_256K },
		{ SZ_1M + SZ_64K, SZ_256K, SZ_256K, SZ_1M + SZ_64K },
		{ SZ_1M - SZ_64K, SZ_4M, SZ_4M - SZ_4K, SZ_1M - SZ_64K },
		{ SZ_1M - SZ_64K, SZ_4M, SZ_2M + SZ_64K, SZ_1M },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vcm *vcm = td_create(test->priv, &core_cfg)->vcm;
		dma_addr_t end = rows[i].start + rows[i].hole;
		struct vcm_res *below, *above, *res;

		below = vcm_reserve_at(vcm, 0, rows[i].start, 0);
		core_ok(test, below);
		above = vcm_reserve_at(vcm, end, CORE_SIZE - end, 0);
		core_ok(test, above);
		res = vcm_reserve(vcm, rows[i].size, 0);
		core_ok(test, res);
		KUNIT_EXPECT_EQ_MSG(test, res->start, rows[i].want,
				    "row %u", i);
		vcm_unreserve(res);
		expect_errno(test, vcm_reserve(vcm, rows[i].hole + 1, 0),
			     -ENOSPC);
		vcm_unreserve(below);
		vcm_unreserve(above);
		td_renew(test->priv);
	}
}

/*
 * Alignment: the address of memory that is not naturally aligned is congruent
 * to it modulo the largest page that it holds; with that, it is as natural as
 * the size asks for.
 */
static void core_map_is_congruent(struct kunit *test)
{
	static const struct {
		phys_addr_t paddr;
		size_t len;
		dma_addr_t page;
		dma_addr_t natural;
	} rows[] = {
		/* A page of 1 MiB fits after some small ones, or just not */
		{ SZ_16M + SZ_64K, SZ_2M - SZ_64K, SZ_1M, SZ_2M },
		{ SZ_16M + SZ_4K, SZ_2M - SZ_8K, SZ_64K, SZ_2M },
		{ SZ_16M + SZ_4K, SZ_2M - SZ_4K, SZ_1M, SZ_2M },
		{ SZ_16M + SZ_32K, SZ_64K, SZ_4K, SZ_64K },
		{ SZ_16M + SZ_32K, SZ_64K + SZ_32K, SZ_64K, SZ_128K },
		{ SZ_16M, SZ_1M, SZ_1M, SZ_1M },
		{ SZ_16M, SZ_1M + SZ_64K, SZ_1M, SZ_2M },
		{ SZ_16M + SZ_1M, SZ_2M, SZ_1M, SZ_2M },
	};
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_res *first = vcm_reserve_at(ctx->vcm, 0, SZ_8K, 0);
	unsigned int i;

	core_ok(test, first);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vcm_phys *phys = td_phys(test->priv, rows[i].paddr,
						rows[i].len);
		dma_addr_t phase = rows[i].paddr & (rows[i].page - 1);
		struct vcm_res *res;

		core_ok(test, phys);
		res = core_map(ctx, phys);
		KUNIT_EXPECT_EQ_MSG(test, res->start & (rows[i].natural - 1),
				    phase & ~(dma_addr_t)(SZ_4K - 1), "row %u",
				    i);
		vcm_unmap(res);
		vcm_free(phys);
	}
	vcm_unreserve(first);
}

static void core_place_free(struct vcm_phys *phys)
{
}

/*
 * Alignment: the part with the largest page decides, wherever it stands. User
 * memory that begins within a huge page has small parts first.
 */
static void core_map_is_congruent_later(struct kunit *test)
{
	const struct phys_vec parts[] = {
		{ SZ_16M + SZ_4K, SZ_4K },
		{ SZ_32M - SZ_64K, SZ_64K + 2 * SZ_1M },
		{ SZ_16M, SZ_4K },
	};
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_phys *phys = vcm_phys_new(ARRAY_SIZE(parts), 0,
					     core_place_free, NULL);
	struct vcm_res *res;

	core_ok(test, phys);
	memcpy(phys->parts, parts, sizeof(parts));
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
	res = core_map(ctx, phys);
	KUNIT_EXPECT_EQ(test, (res->start + SZ_4K + SZ_64K) & (SZ_1M - 1), 0);
	vcm_unmap(res);
	vcm_free(phys);
}

/*
 * Sizes: vcm_alloc() and vcm_reserve() round alike, to the larger of PAGE_SIZE
 * and the granule, so what they give fits together. vcm_make_binding() rounds
 * as both.
 */
static void core_sizes_round_alike(struct kunit *test)
{
	static const struct td_cfg cfgs[] = {
		{ .last = SZ_16M - 1, .pgsize_bitmap = PAGE_SIZE / 4 },
		{ .last = SZ_16M - 1, .pgsize_bitmap = PAGE_SIZE },
		{ .last = SZ_16M - 1, .pgsize_bitmap = PAGE_SIZE * 4 },
	};
	static const resource_size_t sizes[] = {
		1, PAGE_SIZE / 4, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1,
		PAGE_SIZE * 3 / 2, PAGE_SIZE * 4 + PAGE_SIZE / 4,
	};
	unsigned int c, i;

	for (c = 0; c < ARRAY_SIZE(cfgs); c++) {
		struct td_ctx *ctx = td_create(test->priv, &cfgs[c]);
		struct vcm *vcm = ctx->vcm;
		const unsigned long unit = max(vcm_granule(vcm), PAGE_SIZE);

		/* Aligned to any granule */
		ctx->alloc_at = SZ_16M;
		KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct vcm_phys *phys = vcm_alloc(vcm, sizes[i], 0);
			struct vcm_res *res = vcm_reserve(vcm, sizes[i], 0);

			core_ok(test, phys);
			core_ok(test, res);
			KUNIT_EXPECT_EQ(test, phys->size,
					ALIGN(sizes[i], unit));
			KUNIT_EXPECT_EQ(test, res->res_size, phys->size);
			KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
			vcm_unmap(res);
			vcm_free(phys);

			res = vcm_make_binding(vcm, sizes[i], 0, 0);
			core_ok(test, res);
			KUNIT_EXPECT_EQ(test, res->res_size,
					ALIGN(sizes[i], unit));
			KUNIT_EXPECT_EQ(test, res->phys->size, res->res_size);
			vcm_destroy_binding(res);
		}
		vcm_deactivate(vcm);
	}
}

/*
 * Sizes: vcm_alloc_for() rounds to the largest granule of all, and its caller
 * reserves the size of the memory.
 */
static void core_sizes_of_alloc_for(struct kunit *test)
{
	static const struct td_cfg small = {
		.last = SZ_16M - 1,
		.pgsize_bitmap = PAGE_SIZE / 4,
	};
	static const struct td_cfg large = {
		.last = SZ_16M - 1,
		.pgsize_bitmap = PAGE_SIZE * 4,
	};
	struct td_ctx *ctx = td_create(test->priv, &small);
	struct vcm *const vcms[] = {
		ctx->vcm, td_create(test->priv, &large)->vcm,
	};
	struct vcm_phys *phys;
	unsigned int i;

	ctx->alloc_at = SZ_16M;
	phys = vcm_alloc_for(vcms, 2, 1, 0);
	core_ok(test, phys);
	KUNIT_EXPECT_EQ(test, phys->size, PAGE_SIZE * 4);
	for (i = 0; i < 2; i++) {
		struct vcm_res *res = vcm_reserve(vcms[i], phys->size, 0);

		core_ok(test, res);
		KUNIT_EXPECT_EQ(test, res->res_size, phys->size);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
		vcm_unmap(res);
	}
	vcm_free(phys);
}

/* Sizes: vcm_reserve_at() and _in() round nothing and demand the granule. */
static void core_sizes_given(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.last = SZ_16M - 1,
		.pgsize_bitmap = PAGE_SIZE / 4,
	};
	struct vcm *vcm = td_create(test->priv, &cfg)->vcm;
	const unsigned long granule = PAGE_SIZE / 4;
	struct vcm_res *at, *in;

	at = vcm_reserve_at(vcm, granule, granule, 0);
	core_ok(test, at);
	KUNIT_EXPECT_EQ(test, at->res_size, granule);
	in = vcm_reserve_in(vcm, granule, 0, 2 * granule, 3 * granule - 1, 0);
	core_ok(test, in);
	KUNIT_EXPECT_EQ(test, in->start, 2 * granule);
	KUNIT_EXPECT_EQ(test, in->res_size, granule);
	vcm_unreserve(at);
	vcm_unreserve(in);
	expect_errno(test, vcm_reserve_at(vcm, granule / 2, granule, 0),
		     -EINVAL);
	expect_errno(test, vcm_reserve_at(vcm, 0, granule / 2, 0), -EINVAL);
	expect_errno(test, vcm_reserve_in(vcm, granule / 2, 0, 0, SZ_1M - 1, 0),
		     -EINVAL);
}

/* VCM_RES_GUARD: one unmapped granule after it, which is not in the size. */
static void core_guard(struct kunit *test)
{
	struct vcm *vcm = td_create(test->priv, &core_cfg)->vcm;
	struct vcm_res *guarded, *next;

	guarded = vcm_reserve(vcm, PAGE_SIZE, VCM_RES_GUARD);
	core_ok(test, guarded);
	KUNIT_EXPECT_EQ(test, guarded->start, 0);
	KUNIT_EXPECT_EQ(test, guarded->res_size, PAGE_SIZE);
	expect_errno(test, vcm_reserve_at(vcm, PAGE_SIZE, SZ_4K, 0),
		     -EADDRINUSE);
	next = vcm_reserve_at(vcm, PAGE_SIZE + SZ_4K, SZ_4K, 0);
	core_ok(test, next);
	vcm_unreserve(next);
	vcm_unreserve(guarded);

	expect_errno(test, vcm_reserve(vcm, CORE_SIZE, VCM_RES_GUARD), -ENOSPC);
	guarded = vcm_reserve(vcm, CORE_SIZE - PAGE_SIZE, VCM_RES_GUARD);
	core_ok(test, guarded);
	expect_errno(test, vcm_reserve(vcm, PAGE_SIZE, 0), -ENOSPC);
	vcm_unreserve(guarded);
	next = vcm_reserve(vcm, CORE_SIZE, 0);
	core_ok(test, next);
	vcm_unreserve(next);
}

/* vcm_can_reserve: tells if vcm_reserve() is -EOPNOTSUPP. */
static void core_can_reserve(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct td_ctx *fixed = td_create(test->priv, &core_fixed);

	KUNIT_EXPECT_TRUE(test, vcm_can_reserve(ctx->vcm));
	vcm_unreserve(core_reserve(ctx, SZ_4K));
	KUNIT_EXPECT_FALSE(test, vcm_can_reserve(fixed->vcm));
	expect_errno(test, vcm_reserve(fixed->vcm, SZ_4K, 0), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, vcm_can_reserve(vcm_vmm));
	expect_errno(test, vcm_reserve(vcm_vmm, SZ_4K, 0), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, vcm_can_reserve(NULL));
	KUNIT_EXPECT_FALSE(test, vcm_can_reserve(ERR_PTR(-ENODEV)));
}

/* vcm_map_at: reserves at the address as vcm_reserve_at() and binds. */
static void core_map_at(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_16K);
	struct vcm_phys *other = core_phys(test, SZ_16K);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = vcm_map_at(ctx->vcm, phys, SZ_1M + SZ_4K, VCM_RES_GUARD);
	core_ok(test, res);
	KUNIT_EXPECT_EQ(test, res->start, SZ_1M + SZ_4K);
	KUNIT_EXPECT_EQ(test, res->res_size, SZ_16K);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));

	/* Its first and last granule, and its guard */
	expect_errno(test, vcm_map_at(ctx->vcm, other, SZ_1M - SZ_8K, 0),
		     -EADDRINUSE);
	expect_errno(test, vcm_map_at(ctx->vcm, other, SZ_1M + SZ_16K, 0),
		     -EADDRINUSE);
	expect_errno(test, vcm_map_at(ctx->vcm, other, SZ_1M + SZ_16K + SZ_4K,
				      0), -EADDRINUSE);
	KUNIT_EXPECT_TRUE(test, list_empty(&other->bindings));
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 1);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
	vcm_free(phys);
	vcm_free(other);
	vcm_deactivate(ctx->vcm);
}

/* vcm_map_at: the errors of vcm_reserve_at() and of vcm_bind() */
static void core_map_at_errors(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct td_ctx *fixed = td_create(test->priv, &core_fixed);
	struct vcm_phys *phys = td_phys(test->priv, SZ_16M, SZ_64K);
	struct vcm_phys *odd = td_phys(test->priv, SZ_16M + SZ_1K, SZ_64K);
	struct vcm *vcm = ctx->vcm;

	core_ok(test, phys);
	core_ok(test, odd);
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	expect_errno(test, vcm_map_at(vcm, phys, SZ_1K, 0), -EINVAL);
	expect_errno(test, vcm_map_at(vcm, phys, 0, ~0), -EINVAL);
	expect_errno(test, vcm_map_at(NULL, phys, 0, 0), -EINVAL);
	expect_errno(test, vcm_map_at(vcm, NULL, 0, 0), -EINVAL);
	expect_errno(test, vcm_map_at(ERR_PTR(-EIO), phys, 0, 0), -EINVAL);
	expect_errno(test, vcm_map_at(vcm, ERR_PTR(-EIO), 0, 0), -EINVAL);
	expect_errno(test, vcm_map_at(vcm, phys, CORE_SIZE - SZ_4K, 0),
		     -EADDRNOTAVAIL);
	expect_errno(test, vcm_map_at(vcm, odd, 0, 0), -EOPNOTSUPP);
	core_fail_next(ctx, 1, -EIO);
	expect_errno(test, vcm_map_at(vcm, phys, 0, 0), -EIO);
	KUNIT_EXPECT_TRUE(test, list_empty(&phys->bindings));
	KUNIT_EXPECT_TRUE(test, core_is_free(ctx));

	/* Where addresses follow the memory, also at the address that it has */
	expect_errno(test, vcm_map_at(fixed->vcm, phys, SZ_16M, 0),
		     -EOPNOTSUPP);
	expect_errno(test, vcm_map_at(vcm_vmm, phys, 0, 0), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, td_entries(fixed), 0);
	vcm_free(phys);
	vcm_free(odd);
	vcm_deactivate(vcm);
}

static struct kunit_case core_place_cases[] = {
	KUNIT_CASE(core_alignment),
	KUNIT_CASE(core_alignment_of_pages),
	KUNIT_CASE(core_alignment_gives_way),
	KUNIT_CASE(core_alignment_in_holes),
	KUNIT_CASE(core_map_is_congruent),
	KUNIT_CASE(core_map_is_congruent_later),
	KUNIT_CASE(core_sizes_round_alike),
	KUNIT_CASE(core_sizes_of_alloc_for),
	KUNIT_CASE(core_sizes_given),
	KUNIT_CASE(core_guard),
	KUNIT_CASE(core_can_reserve),
	KUNIT_CASE(core_map_at),
	KUNIT_CASE(core_map_at_errors),
	{ }
};

static struct kunit_suite core_place_suite = {
	.name = "vcm_core_place",
	.init = td_begin,
	.exit = td_end,
	.test_cases = core_place_cases,
};

kunit_test_suite(core_place_suite);

MODULE_DESCRIPTION("Tests of addresses of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
