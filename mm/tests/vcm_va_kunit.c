// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the address allocator of Virtual Contiguous Memory.
 *
 * Random tests are in vcm_va_random_kunit.c, tests of its costs in
 * vcm_va_count_kunit.c, overlapping reservations in vcm_va_overlap_kunit.c.
 *
 * "Row" in the comments is a row of "What each call promises", a number in
 * brackets a defect of the code of 2010.
 */
#include <kunit/test.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "vcm_va.h"

/* Row "errors": 0 is an address like any other (10) */
static void va_zero(struct kunit *test)
{
	struct vcm *vcm = va_vcm(test, 0, SZ_1M - 1, SZ_4K);
	struct vcm_res *res = va_res(test, vcm, 2);

	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[0], SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, res[0].start, 0);
	KUNIT_EXPECT_EQ(test, res[0].last, SZ_8K - 1);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[1], SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, res[1].start, SZ_8K);
	va_check(test, vcm, res, 2, 2);

	va_erase(vcm, &res[0]);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_NODE(&res[0].va_node));
	va_check(test, vcm, res, 2, 1);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[0], 0, SZ_4K - 1), 0);
	KUNIT_EXPECT_PTR_EQ(test, va_first(vcm, 0, 0), &res[0]);
	va_check(test, vcm, res, 2, 2);
}

/* vcm->last is inclusive: an aperture may end at the last address */
static void va_last_address(struct kunit *test)
{
	struct vcm *vcm = va_vcm(test, ADDR_MAX - SZ_16K + 1, ADDR_MAX, SZ_4K);
	struct vcm_res *res = va_res(test, vcm, 3);

	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[0], SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, res[0].start, ADDR_MAX - SZ_16K + 1);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[1], SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, res[1].last, ADDR_MAX);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[2], SZ_4K), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_NODE(&res[2].va_node));
	KUNIT_EXPECT_PTR_EQ(test, va_first(vcm, ADDR_MAX, ADDR_MAX), &res[1]);
	KUNIT_EXPECT_TRUE(test, va_usable(vcm, ADDR_MAX, ADDR_MAX));
	va_check(test, vcm, res, 3, 2);

	va_erase(vcm, &res[1]);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[1], ADDR_MAX - SZ_4K + 1,
					ADDR_MAX), 0);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[2], SZ_8K), -ENOSPC);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[2], SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, res[2].last, ADDR_MAX - SZ_4K);
	va_check(test, vcm, res, 3, 3);
}

/* No overflow if the whole address space is the aperture */
static void va_whole_space(struct kunit *test)
{
	struct vcm *vcm = va_vcm(test, 0, ADDR_MAX, SZ_4K);
	struct vcm_res *res = va_res(test, vcm, 3);
	dma_addr_t most = -(dma_addr_t)SZ_4K;
	dma_addr_t half = ADDR_MAX / 2 + 1;

	if (sizeof(resource_size_t) < sizeof(dma_addr_t))
		kunit_skip(test, "no size is near the size of the space");

	/* A span that leaves one granule, below it or above */
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[0], most), 0);
	KUNIT_EXPECT_EQ(test, res[0].start, 0);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[1], SZ_8K), -ENOSPC);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[1], SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, res[1].start, most);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[2], SZ_4K), -ENOSPC);
	va_check(test, vcm, res, 3, 2);
	va_erase(vcm, &res[0]);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[0], most, SZ_4K, 0, SZ_4K,
					  ADDR_MAX), -ENOSPC);
	va_erase(vcm, &res[1]);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[0], most, SZ_4K, 0, SZ_4K,
					  ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, res[0].start, SZ_4K);
	KUNIT_EXPECT_EQ(test, res[0].last, ADDR_MAX);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[1], SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, res[1].start, 0);
	va_check(test, vcm, res, 3, 2);
	va_erase(vcm, &res[0]);
	va_erase(vcm, &res[1]);

	/* span + align - granule overflows, and the request fits */
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[0], most, half, 0, 0,
					  ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, res[0].start, 0);
	va_erase(vcm, &res[0]);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[0], most, half, SZ_8K, 0,
					  ADDR_MAX), -ENOSPC);

	/* Both halves */
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[0], SZ_4K), 0);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[1], half, half, 0, 0,
					  ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, res[1].start, half);
	KUNIT_EXPECT_EQ(test, res[1].last, ADDR_MAX);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[2], half, half, 0, 0,
					  ADDR_MAX), -ENOSPC);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[2], SZ_4K, half, SZ_4K, 0,
					  ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, res[2].start, SZ_4K);
	va_check(test, vcm, res, 3, 3);
}

/* Row "alignment": the lowest address with an alignment and a phase */
static void va_alignment(struct kunit *test)
{
	static const struct {
		dma_addr_t align, phase, start;
	} want[] = {
		{ SZ_4K, 0, SZ_4K },
		{ SZ_4K, SZ_2M, SZ_4K },
		{ SZ_64K, 0, SZ_64K },
		{ SZ_64K, SZ_64K - SZ_4K, SZ_64K - SZ_4K },
		{ SZ_64K, SZ_4K, SZ_4K },
		{ SZ_64K, SZ_64K + SZ_8K, SZ_8K },
		{ SZ_2M, SZ_1M + SZ_8K, SZ_1M + SZ_8K },
		/* A phase above the alignment: only the remainder counts */
		{ SZ_2M, SZ_1G + SZ_1M, SZ_1M },
		{ SZ_16M, (dma_addr_t)-SZ_4K, SZ_16M - SZ_4K },
		{ SZ_512M, 0, SZ_512M },
	};
	struct vcm *vcm = va_vcm(test, SZ_4K, SZ_1G - 1, SZ_4K);
	struct vcm_res *res = va_res(test, vcm, 1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, res, SZ_4K,
						  want[i].align, want[i].phase,
						  0, ADDR_MAX), 0);
		KUNIT_EXPECT_EQ(test, res->start, want[i].start);
		va_check(test, vcm, res, 1, 1);
		va_erase(vcm, res);
	}
}

/* Row "alignment": an aligned hole of the requested size is used again */
static void va_exact_hole(struct kunit *test)
{
	struct vcm *vcm = va_vcm(test, 0, SZ_1G - 1, SZ_4K);
	struct vcm_res *res = va_res(test, vcm, 8);
	unsigned int i;

	for (i = 0; i < 8; i++)
		KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[i], SZ_2M, SZ_2M, 0,
						  0, ADDR_MAX), 0);
	va_erase(vcm, &res[5]);
	va_erase(vcm, &res[2]);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[5], SZ_2M, SZ_2M, 0, 0,
					  ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, res[5].start, 2 * SZ_2M);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[2], SZ_2M, SZ_2M, 0, 0,
					  ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, res[2].start, 5 * SZ_2M);
	va_check(test, vcm, res, 8, 8);
}

/*
 * Request @span granules while only a hole is free that begins at granule @at
 * and has the least size that is guaranteed to do.
 */
static void va_one_hole(struct kunit *test, struct vcm *vcm,
			struct vcm_res *res, unsigned int span,
			unsigned int align, unsigned int phase, unsigned int at)
{
	dma_addr_t start = vcm->start + at * SZ_4K;
	dma_addr_t last = start + (span + align - 1) * SZ_4K - 1;

	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[0], vcm->start, start - 1),
			0);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[1], last + 1, vcm->last), 0);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[2], span * SZ_4K,
					  align * SZ_4K, phase * SZ_4K, 0,
					  ADDR_MAX), 0);
	KUNIT_EXPECT_GE(test, res[2].start, start);
	KUNIT_EXPECT_LE(test, res[2].last, last);
	KUNIT_EXPECT_EQ(test, res[2].last - res[2].start + 1, span * SZ_4K);
	KUNIT_EXPECT_EQ(test, (res[2].start / SZ_4K) & (align - 1), phase);
	va_check(test, vcm, res, 3, 3);
	va_erase(vcm, &res[0]);
	va_erase(vcm, &res[1]);
	va_erase(vcm, &res[2]);
}

/*
 * Row "alignment": a request succeeds if a free range of size + alignment -
 * granule exists. All small sizes, alignments and phases; the hole at each
 * place.
 */
static void va_guarantee(struct kunit *test)
{
	struct vcm *vcm = va_vcm(test, SZ_1M, SZ_1M + SZ_256K - 1, SZ_4K);
	struct vcm_res *res = va_res(test, vcm, 3);
	unsigned int span, align, i;

	for (span = 1; span <= 5; span++) {
		for (align = 1; align <= 16; align *= 2) {
			for (i = 0; i < align * align; i++)
				va_one_hole(test, vcm, res, span, align,
					    i / align, 1 + i % align);
		}
	}
}

/* Row "vcm_reserve*": windows are exact to the byte at both ends */
static void va_windows(struct kunit *test)
{
	struct vcm *vcm = va_vcm(test, 0, SZ_1G - 1, SZ_4K);
	struct vcm_res *res = va_res(test, vcm, 4);
	struct vcm_res *probe = &res[3];

	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[0], 4 * SZ_4K,
					6 * SZ_4K - 1), 0);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[1], 10 * SZ_4K,
					12 * SZ_4K - 1), 0);

	/* Exactly as large as the window, in a longer gap */
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, probe, SZ_8K, SZ_4K, 0,
					  7 * SZ_4K, 9 * SZ_4K - 1), 0);
	KUNIT_EXPECT_EQ(test, probe->start, 7 * SZ_4K);
	va_erase(vcm, probe);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, probe, SZ_8K, SZ_4K, 0,
					  7 * SZ_4K, 9 * SZ_4K - 2), -ENOSPC);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, probe, SZ_8K, SZ_4K, 0,
					  7 * SZ_4K + 1, 9 * SZ_4K - 1),
			-ENOSPC);
	/* Long enough until it is cut at the start or the end of the window */
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, probe, 2 * SZ_4K, SZ_4K, 0,
					  9 * SZ_4K, 13 * SZ_4K - 1), -ENOSPC);
	/* Past reservations, to the gap above the last one */
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, probe, 5 * SZ_4K, SZ_4K, 0,
					  3 * SZ_4K, ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, probe->start, 12 * SZ_4K);
	va_erase(vcm, probe);
	/* From the middle of a reservation to the middle of the next one */
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, probe, 4 * SZ_4K, SZ_4K, 0,
					  5 * SZ_4K, 11 * SZ_4K - 1), 0);
	KUNIT_EXPECT_EQ(test, probe->start, 6 * SZ_4K);
	va_check(test, vcm, res, 4, 3);
	/* Full; an empty window; a window outside the aperture */
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[2], SZ_4K, SZ_4K, 0,
					  4 * SZ_4K, 12 * SZ_4K - 1), -ENOSPC);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[2], SZ_4K, SZ_4K, 0,
					  SZ_1M, SZ_1M - 1), -EADDRNOTAVAIL);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[2], SZ_4K, SZ_4K, 0,
					  SZ_1G, ADDR_MAX), -EADDRNOTAVAIL);
	va_check(test, vcm, res, 4, 3);
}

/* Row "confinement": no address that a device cannot use */
static void va_blocked(struct kunit *test)
{
	static const struct vcm_range range[] = {
		/* Not whole granules: each granule concerned is lost */
		{ 9 * SZ_4K + 17, 9 * SZ_4K + 17 },
		{ 0, SZ_4K - 1 },
		{ 4 * SZ_4K, 6 * SZ_4K - 1 },
		{ 14 * SZ_4K, 20 * SZ_4K },
	};
	static const unsigned int want[] = { 1, 2, 3, 6, 7, 8, 10, 11, 12, 13 };
	struct vcm *vcm = va_vcm(test, 0, 16 * SZ_4K - 1, SZ_4K);
	struct vcm_res *res = va_res(test, vcm, 16);
	unsigned int i;

	va_block(test, vcm, range, ARRAY_SIZE(range));
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[0], 5 * SZ_4K), -ENOSPC);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[0], 4 * SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, res[0].start, 10 * SZ_4K);
	va_erase(vcm, &res[0]);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[i], SZ_4K), 0);
		KUNIT_EXPECT_EQ(test, res[i].start, want[i] * SZ_4K);
	}
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, &res[i], SZ_4K), -ENOSPC);
	va_check(test, vcm, res, 16, i);

	KUNIT_EXPECT_FALSE(test, va_usable(vcm, 0, 0));
	KUNIT_EXPECT_TRUE(test, va_usable(vcm, SZ_4K, 4 * SZ_4K - 1));
	KUNIT_EXPECT_FALSE(test, va_usable(vcm, SZ_4K, 4 * SZ_4K));
	KUNIT_EXPECT_FALSE(test, va_usable(vcm, 3 * SZ_4K, 7 * SZ_4K));
	KUNIT_EXPECT_TRUE(test, va_usable(vcm, 6 * SZ_4K, 9 * SZ_4K + 16));
	KUNIT_EXPECT_TRUE(test, va_usable(vcm, 9 * SZ_4K + 18, 10 * SZ_4K));
	KUNIT_EXPECT_FALSE(test, va_usable(vcm, SZ_8K, SZ_4K));
	KUNIT_EXPECT_FALSE(test, va_usable(vcm, 16 * SZ_4K, 17 * SZ_4K));
}

/* Row "confinement": ranges that leave nothing, or end at the last address */
static void va_all_blocked(struct kunit *test)
{
	struct vcm_range range = { 0, ADDR_MAX };
	struct vcm *vcm = va_vcm(test, 0, ADDR_MAX, SZ_4K);
	struct vcm_res *res = va_res(test, vcm, 1);

	va_block(test, vcm, &range, 1);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, res, SZ_4K), -EADDRNOTAVAIL);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, res, 0, SZ_4K - 1),
			-EADDRNOTAVAIL);
	range.start = SZ_4K;
	va_block(test, vcm, &range, 1);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, res, SZ_8K), -ENOSPC);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, res, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, res->start, 0);
}

/*
 * Row "vcm_reserve*": -EADDRINUSE if the fixed range is taken, -EADDRNOTAVAIL
 * if it is outside the aperture or what the devices reach. On an error nothing
 * has changed.
 */
static void va_at(struct kunit *test)
{
	static const struct vcm_range blocked = { 20 * SZ_4K, 21 * SZ_4K - 1 };
	static const struct {
		unsigned int first, count;
		int ret;
	} want[] = {
		{ 9, 2, -EADDRINUSE }, { 10, 1, -EADDRINUSE },
		{ 11, 1, -EADDRINUSE }, { 10, 3, -EADDRINUSE },
		{ 12, 2, -EADDRINUSE }, { 9, 5, -EADDRINUSE },
		{ 3, 1, -EADDRNOTAVAIL }, { 3, 2, -EADDRNOTAVAIL },
		{ 31, 2, -EADDRNOTAVAIL }, { 32, 1, -EADDRNOTAVAIL },
		{ 19, 2, -EADDRNOTAVAIL }, { 20, 1, -EADDRNOTAVAIL },
		{ 20, 3, -EADDRNOTAVAIL },
		/* Both: -EADDRNOTAVAIL first, because it is permanent */
		{ 12, 9, -EADDRNOTAVAIL }, { 3, 9, -EADDRNOTAVAIL },
	};
	struct vcm *vcm = va_vcm(test, 4 * SZ_4K, 32 * SZ_4K - 1, SZ_4K);
	struct vcm_res *res = va_res(test, vcm, 6);
	struct vcm_res *fixed = &res[1];
	unsigned int i;

	va_block(test, vcm, &blocked, 1);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[0], 10 * SZ_4K,
					13 * SZ_4K - 1), 0);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		dma_addr_t start = want[i].first * SZ_4K;
		dma_addr_t last = start + want[i].count * SZ_4K - 1;

		KUNIT_ASSERT_EQ_MSG(test, va_insert(vcm, fixed, start, last),
				    want[i].ret, "%u granules from %u on",
				    want[i].count, want[i].first);
		KUNIT_EXPECT_TRUE(test, RB_EMPTY_NODE(&fixed->va_node));
		KUNIT_EXPECT_EQ(test, fixed->start, start);
		KUNIT_EXPECT_EQ(test, fixed->last, last);
		va_check(test, vcm, res, 6, 1);
	}

	/* Next to each other, and at both ends of the aperture */
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[1], 13 * SZ_4K,
					20 * SZ_4K - 1), 0);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[2], 9 * SZ_4K,
					10 * SZ_4K - 1), 0);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[3], 4 * SZ_4K,
					5 * SZ_4K - 1), 0);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[4], 21 * SZ_4K,
					32 * SZ_4K - 1), 0);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[5], 5 * SZ_4K,
					9 * SZ_4K - 1), 0);
	va_check(test, vcm, res, 6, 6);
}

/* vcm_va_first(): the lowest reservation that overlaps a range, to the byte */
static void va_look_up(struct kunit *test)
{
	struct vcm *vcm = va_vcm(test, 0, SZ_1M - 1, SZ_4K);
	struct vcm_res *res = va_res(test, vcm, 2);

	KUNIT_EXPECT_NULL(test, va_first(vcm, 0, ADDR_MAX));
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[0], 2 * SZ_4K,
					4 * SZ_4K - 1), 0);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[1], 6 * SZ_4K,
					7 * SZ_4K - 1), 0);
	KUNIT_EXPECT_NULL(test, va_first(vcm, 0, 2 * SZ_4K - 1));
	KUNIT_EXPECT_PTR_EQ(test, va_first(vcm, 0, 2 * SZ_4K), &res[0]);
	KUNIT_EXPECT_PTR_EQ(test, va_first(vcm, 3 * SZ_4K, 3 * SZ_4K), &res[0]);
	KUNIT_EXPECT_PTR_EQ(test, va_first(vcm, 0, ADDR_MAX), &res[0]);
	KUNIT_EXPECT_PTR_EQ(test, va_first(vcm, 4 * SZ_4K - 1, ADDR_MAX),
			    &res[0]);
	KUNIT_EXPECT_PTR_EQ(test, va_first(vcm, 4 * SZ_4K, ADDR_MAX), &res[1]);
	KUNIT_EXPECT_NULL(test, va_first(vcm, 4 * SZ_4K, 6 * SZ_4K - 1));
	KUNIT_EXPECT_NULL(test, va_first(vcm, 7 * SZ_4K, ADDR_MAX));
}

/* vcm_ranges_merge(): ascending, disjoint, not adjacent; the same addresses */
static void va_merge(struct kunit *test)
{
	static const struct vcm_range edges[] = {
		{ ADDR_MAX, ADDR_MAX }, { 3, 4 }, { ADDR_MAX - 5, ADDR_MAX },
		{ 1, 2 }, { 6, 6 }, { 0, 0 }, { ADDR_MAX - 9, ADDR_MAX - 7 },
		{ 1, 1 }, { ADDR_MAX - 3, ADDR_MAX },
	};
	static const struct vcm_range merged[] = {
		{ 0, 4 }, { 6, 6 }, { ADDR_MAX - 9, ADDR_MAX - 7 },
		{ ADDR_MAX - 5, ADDR_MAX },
	};
	struct vcm_ranges *ranges;
	unsigned int i;

	ranges = kunit_kzalloc(test, struct_size(ranges, range,
						 ARRAY_SIZE(edges)),
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ranges);
	ranges->capacity = ARRAY_SIZE(edges);
	vcm_ranges_merge(ranges);
	KUNIT_EXPECT_EQ(test, ranges->nr, 0);

	ranges->nr = 1;
	ranges->range[0] = edges[2];
	vcm_ranges_merge(ranges);
	KUNIT_EXPECT_EQ(test, ranges->nr, 1);
	KUNIT_EXPECT_MEMEQ(test, ranges->range, &edges[2], sizeof(edges[2]));

	ranges->nr = ARRAY_SIZE(edges);
	memcpy(ranges->range, edges, sizeof(edges));
	vcm_ranges_merge(ranges);
	KUNIT_ASSERT_EQ(test, ranges->nr, ARRAY_SIZE(merged));
	for (i = 0; i < ranges->nr; i++) {
		KUNIT_EXPECT_EQ(test, ranges->range[i].start, merged[i].start);
		KUNIT_EXPECT_EQ(test, ranges->range[i].last, merged[i].last);
	}
	KUNIT_EXPECT_EQ(test, ranges->capacity, ARRAY_SIZE(edges));
}

static struct kunit_case vcm_va_cases[] = {
	KUNIT_CASE(va_zero),
	KUNIT_CASE(va_last_address),
	KUNIT_CASE(va_whole_space),
	KUNIT_CASE(va_alignment),
	KUNIT_CASE(va_exact_hole),
	KUNIT_CASE(va_guarantee),
	KUNIT_CASE(va_windows),
	KUNIT_CASE(va_blocked),
	KUNIT_CASE(va_all_blocked),
	KUNIT_CASE(va_at),
	KUNIT_CASE(va_look_up),
	KUNIT_CASE(va_merge),
	{}
};

static struct kunit_suite vcm_va_suite = {
	.name = "vcm_va",
	.test_cases = vcm_va_cases,
};

kunit_test_suite(vcm_va_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of the address allocator of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
