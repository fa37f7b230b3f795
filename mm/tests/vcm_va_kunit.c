// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the address-space allocator of Virtual Contiguous Memory.
 *
 * The address tree is used alone: a struct vcm is set up by hand. What the
 * random test compares with is an array with one entry a granule.
 */

#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/rbtree.h>
#include <linux/sizes.h>

#include "../vcm-internal.h"

#define ADDR_MAX	((dma_addr_t)~0ULL)

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random tests; 0: a new one for each run");

/*
 * The tree by itself
 */

static struct vcm *va_vcm(struct kunit *test, dma_addr_t start,
			  dma_addr_t last, unsigned long granule)
{
	struct vcm *vcm = kunit_kzalloc(test, sizeof(*vcm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vcm);
	spin_lock_init(&vcm->va_lock);
	vcm->va_tree = RB_ROOT;
	vcm->start = start;
	vcm->last = last;
	vcm->pgsize_bitmap = granule;
	vcm->granule = granule;
	return vcm;
}

static struct vcm_res *va_res(struct kunit *test, unsigned int count)
{
	struct vcm_res *res;
	unsigned int i;

	res = kunit_kcalloc(test, count, sizeof(*res), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, res);
	for (i = 0; i < count; i++)
		RB_CLEAR_NODE(&res[i].va_node);
	return res;
}

static void va_block(struct kunit *test, struct vcm *vcm,
		     const struct vcm_range *range, unsigned int nr)
{
	struct vcm_ranges *blocked;

	blocked = kunit_kzalloc(test, struct_size(blocked, range, nr),
				GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, blocked);
	blocked->capacity = nr;
	blocked->nr = nr;
	memcpy(blocked->range, range, nr * sizeof(*range));
	vcm_ranges_merge(blocked);
	vcm->blocked = blocked;
}

static int va_request(struct vcm *vcm, struct vcm_res *res,
		      const struct vcm_va_req *req)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	return vcm_va_alloc(vcm, res, req);
}

static int va_alloc_in(struct vcm *vcm, struct vcm_res *res,
		       resource_size_t span, dma_addr_t align, dma_addr_t phase,
		       dma_addr_t min, dma_addr_t max)
{
	struct vcm_va_req req = {
		.span = span,
		.align = align,
		.phase = phase,
		.min = min,
		.max = max,
	};

	return va_request(vcm, res, &req);
}

/* Anywhere, at any granule */
static int va_alloc(struct vcm *vcm, struct vcm_res *res, resource_size_t span)
{
	return va_alloc_in(vcm, res, span, vcm_granule(vcm), 0, 0, ADDR_MAX);
}

static int va_insert(struct vcm *vcm, struct vcm_res *res, dma_addr_t start,
		     dma_addr_t last)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	res->start = start;
	res->last = last;
	return vcm_va_insert(vcm, res);
}

static void va_erase(struct vcm *vcm, struct vcm_res *res)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	vcm_va_erase(vcm, res);
}

static struct vcm_res *va_first(struct vcm *vcm, dma_addr_t start,
				dma_addr_t last)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	return vcm_va_first(vcm, start, last);
}

static bool va_usable(struct vcm *vcm, dma_addr_t start, dma_addr_t last)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	return vcm_va_usable(vcm, start, last);
}

static struct vcm_res *va_entry(struct rb_node *rb)
{
	return container_of(rb, struct vcm_res, va_node);
}

static dma_addr_t va_child_gap(struct rb_node *rb)
{
	return rb ? va_entry(rb)->va_max_gap : 0;
}

/*
 * Everything that the tree promises to itself. Its nodes are the @live of
 * @pool's @count reservations and nothing else: no bookkeeping of its own.
 */
static void va_check(struct kunit *test, struct vcm *vcm, struct vcm_res *pool,
		     unsigned int count, unsigned int live)
{
	dma_addr_t gap_start = vcm->start;
	struct vcm_res *prev = NULL;
	unsigned int seen = 0;
	struct rb_node *rb;

	for (rb = rb_first(&vcm->va_tree); rb; rb = rb_next(rb)) {
		struct vcm_res *res = va_entry(rb);

		KUNIT_ASSERT_TRUE(test, res >= pool && res < pool + count);
		KUNIT_ASSERT_LE(test, res->start, res->last);
		if (prev) {
			KUNIT_ASSERT_GT(test, res->start, prev->last);
			gap_start = prev->last + 1;
		}
		KUNIT_ASSERT_EQ(test, res->va_gap, res->start - gap_start);
		prev = res;
		seen++;
	}
	KUNIT_ASSERT_EQ(test, seen, live);
	KUNIT_ASSERT_PTR_EQ(test, vcm->va_last, prev);

	for (rb = rb_first_postorder(&vcm->va_tree); rb;
	     rb = rb_next_postorder(rb)) {
		struct vcm_res *res = va_entry(rb);
		dma_addr_t gap = max3(res->va_gap, va_child_gap(rb->rb_left),
				      va_child_gap(rb->rb_right));

		KUNIT_ASSERT_EQ(test, res->va_max_gap, gap);
	}
}

/*
 * Cases
 */

/* Defect 10, "0 is never a failure value": a context from 0 on hands out 0 */
static void va_zero(struct kunit *test)
{
	struct vcm *vcm = va_vcm(test, 0, SZ_1M - 1, SZ_4K);
	struct vcm_res *res = va_res(test, 2);

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

/* vcm->last is inclusive: an aperture may end at the last address there is */
static void va_last_address(struct kunit *test)
{
	struct vcm *vcm = va_vcm(test, ADDR_MAX - SZ_16K + 1, ADDR_MAX, SZ_4K);
	struct vcm_res *res = va_res(test, 3);

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

/* Nothing overflows when the whole address space is the aperture */
static void va_whole_space(struct kunit *test)
{
	struct vcm *vcm = va_vcm(test, 0, ADDR_MAX, SZ_4K);
	struct vcm_res *res = va_res(test, 3);
	dma_addr_t most = -(dma_addr_t)SZ_4K;
	dma_addr_t half = ADDR_MAX / 2 + 1;

	if (sizeof(resource_size_t) < sizeof(dma_addr_t))
		kunit_skip(test, "no size is near the size of the space");

	/* a span that leaves a single granule, in front or behind */
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

	/* span + align - granule does not exist, the request fits all the same */
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[0], most, half, 0, 0,
					  ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, res[0].start, 0);
	va_erase(vcm, &res[0]);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[0], most, half, SZ_8K, 0,
					  ADDR_MAX), -ENOSPC);

	/* and halves are what they ought to be */
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

/* "congruent to the first part": the lowest address with alignment and phase */
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
		/* more than the alignment: only the remainder counts */
		{ SZ_2M, SZ_1G + SZ_1M, SZ_1M },
		{ SZ_16M, (dma_addr_t)-SZ_4K, SZ_16M - SZ_4K },
		{ SZ_512M, 0, SZ_512M },
	};
	struct vcm *vcm = va_vcm(test, SZ_4K, SZ_1G - 1, SZ_4K);
	struct vcm_res *res = va_res(test, 1);
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

/* An aligned hole of exactly the wanted size is used again */
static void va_exact_hole(struct kunit *test)
{
	struct vcm *vcm = va_vcm(test, 0, SZ_1G - 1, SZ_4K);
	struct vcm_res *res = va_res(test, 8);
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
 * A request for @span granules, while only a hole that begins at granule @at
 * is free and has no granule to spare.
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
 * "A request succeeds whenever a free range of size + alignment - granule
 * exists": all small sizes, alignments and phases, the hole at every place
 */
static void va_guarantee(struct kunit *test)
{
	struct vcm *vcm = va_vcm(test, SZ_1M, SZ_1M + SZ_256K - 1, SZ_4K);
	struct vcm_res *res = va_res(test, 3);
	unsigned int span, align, i;

	for (span = 1; span <= 5; span++) {
		for (align = 1; align <= 16; align *= 2) {
			for (i = 0; i < align * align; i++)
				va_one_hole(test, vcm, res, span, align,
					    i / align, 1 + i % align);
		}
	}
}

/* Windows, "-ENOSPC no range is free": to the byte, clipped at both ends */
static void va_windows(struct kunit *test)
{
	struct vcm *vcm = va_vcm(test, 0, SZ_1G - 1, SZ_4K);
	struct vcm_res *res = va_res(test, 4);
	struct vcm_res *probe = &res[3];

	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[0], 4 * SZ_4K,
					6 * SZ_4K - 1), 0);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[1], 10 * SZ_4K,
					12 * SZ_4K - 1), 0);

	/* exactly as large as the window, in a gap that is longer */
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, probe, SZ_8K, SZ_4K, 0,
					  7 * SZ_4K, 9 * SZ_4K - 1), 0);
	KUNIT_EXPECT_EQ(test, probe->start, 7 * SZ_4K);
	va_erase(vcm, probe);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, probe, SZ_8K, SZ_4K, 0,
					  7 * SZ_4K, 9 * SZ_4K - 2), -ENOSPC);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, probe, SZ_8K, SZ_4K, 0,
					  7 * SZ_4K + 1, 9 * SZ_4K - 1),
			-ENOSPC);
	/* long enough before it is cut at the window's start, or end, only */
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, probe, 2 * SZ_4K, SZ_4K, 0,
					  9 * SZ_4K, 13 * SZ_4K - 1), -ENOSPC);
	/* over reservations to the gap behind the last */
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, probe, 5 * SZ_4K, SZ_4K, 0,
					  3 * SZ_4K, ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, probe->start, 12 * SZ_4K);
	va_erase(vcm, probe);
	/* from the middle of a reservation on, to the middle of the next */
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, probe, 4 * SZ_4K, SZ_4K, 0,
					  5 * SZ_4K, 11 * SZ_4K - 1), 0);
	KUNIT_EXPECT_EQ(test, probe->start, 6 * SZ_4K);
	va_check(test, vcm, res, 4, 3);
	/* nothing left there; empty windows; windows outside the aperture */
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[2], SZ_4K, SZ_4K, 0,
					  4 * SZ_4K, 12 * SZ_4K - 1), -ENOSPC);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[2], SZ_4K, SZ_4K, 0,
					  SZ_1M, SZ_1M - 1), -ENOSPC);
	KUNIT_ASSERT_EQ(test, va_alloc_in(vcm, &res[2], SZ_4K, SZ_4K, 0,
					  SZ_1G, ADDR_MAX), -ENOSPC);
	va_check(test, vcm, res, 4, 3);
}

/* "A VCM hands out no address that the device cannot reach" */
static void va_blocked(struct kunit *test)
{
	static const struct vcm_range range[] = {
		/* not of whole granules: all they touch is lost */
		{ 9 * SZ_4K + 17, 9 * SZ_4K + 17 },
		{ 0, SZ_4K - 1 },
		{ 4 * SZ_4K, 6 * SZ_4K - 1 },
		{ 14 * SZ_4K, 20 * SZ_4K },
	};
	static const unsigned int want[] = { 1, 2, 3, 6, 7, 8, 10, 11, 12, 13 };
	struct vcm *vcm = va_vcm(test, 0, 16 * SZ_4K - 1, SZ_4K);
	struct vcm_res *res = va_res(test, 16);
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

/* Blocked ranges that leave nothing, and that end at the last address */
static void va_all_blocked(struct kunit *test)
{
	struct vcm_range range = { 0, ADDR_MAX };
	struct vcm *vcm = va_vcm(test, 0, ADDR_MAX, SZ_4K);
	struct vcm_res *res = va_res(test, 1);

	va_block(test, vcm, &range, 1);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, res, SZ_4K), -ENOSPC);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, res, 0, SZ_4K - 1),
			-EADDRNOTAVAIL);
	range.start = SZ_4K;
	va_block(test, vcm, &range, 1);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, res, SZ_8K), -ENOSPC);
	KUNIT_ASSERT_EQ(test, va_alloc(vcm, res, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, res->start, 0);
}

/*
 * "-EADDRINUSE the fixed range is taken; -EADDRNOTAVAIL it is outside the
 * aperture, window or mask, or in a reserved region"; on an error nothing has
 * changed
 */
static void va_fixed(struct kunit *test)
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
		/* both: what can never be comes before what is not now */
		{ 12, 9, -EADDRNOTAVAIL }, { 3, 9, -EADDRNOTAVAIL },
	};
	struct vcm *vcm = va_vcm(test, 4 * SZ_4K, 32 * SZ_4K - 1, SZ_4K);
	struct vcm_res *res = va_res(test, 6);
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

	/* next to each other, and at both ends of the aperture */
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

/* Look-up finds the lowest reservation that a range touches, to the byte */
static void va_look_up(struct kunit *test)
{
	struct vcm *vcm = va_vcm(test, 0, SZ_1M - 1, SZ_4K);
	struct vcm_res *res = va_res(test, 2);

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

/* Ranges become ascending, disjoint and not adjacent, and cover what they did */
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

/*
 * Random tests
 */

static void va_seed(struct kunit *test, struct rnd_state *rnd)
{
	u32 value = seed ?: get_random_u32();

	kunit_info(test, "seed %u\n", value);
	prandom_seed_state(rnd, value);
}

static u32 va_random(struct rnd_state *rnd, u32 below)
{
	return prandom_u32_state(rnd) % below;
}

/* The same as va_merge, against a bitmap of the last 64 addresses */
static void va_merge_random(struct kunit *test)
{
	const dma_addr_t base = ADDR_MAX - 63;
	struct vcm_ranges *ranges;
	struct rnd_state rnd;
	unsigned int i, round;

	ranges = kunit_kzalloc(test, struct_size(ranges, range, 16),
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ranges);
	ranges->capacity = 16;
	va_seed(test, &rnd);

	for (round = 0; round < 5000; round++) {
		u64 before = 0, after = 0;

		ranges->nr = va_random(&rnd, 17);
		for (i = 0; i < ranges->nr; i++) {
			unsigned int first = va_random(&rnd, 64);
			unsigned int last = min(63, first + va_random(&rnd, 6));

			ranges->range[i].start = base + first;
			ranges->range[i].last = base + last;
			before |= GENMASK_ULL(last, first);
		}
		vcm_ranges_merge(ranges);
		for (i = 0; i < ranges->nr; i++) {
			struct vcm_range *range = &ranges->range[i];

			KUNIT_ASSERT_LE(test, range->start, range->last);
			if (i)
				KUNIT_ASSERT_GT(test, range->start - 1,
						range[-1].last);
			after |= GENMASK_ULL(range->last - base,
					     range->start - base);
		}
		KUNIT_ASSERT_EQ(test, before, after);
	}
}

#define VA_CELLS	256

/* The oracle: a cell for each granule of a small piece of address space */
struct va_model {
	struct kunit *test;
	struct rnd_state rnd;
	struct vcm *vcm;
	struct vcm_res *pool;
	unsigned int live;
	dma_addr_t base;
	dma_addr_t granule;
	/* of the reservation in &pool, plus 1 */
	u16 owner[VA_CELLS];
	bool usable[VA_CELLS];
};

static dma_addr_t va_cell(const struct va_model *m, unsigned int cell)
{
	return m->base + cell * m->granule;
}

static dma_addr_t va_cell_last(const struct va_model *m, unsigned int cell)
{
	return va_cell(m, cell) + (m->granule - 1);
}

/* By a shift: 32 bits have no division of 64 */
static unsigned int va_cells(const struct va_model *m, dma_addr_t bytes)
{
	return bytes >> __ffs(m->granule);
}

static void va_own(struct va_model *m, const struct vcm_res *res, u16 owner)
{
	unsigned int i;

	for (i = 0; i < VA_CELLS; i++) {
		if (va_cell(m, i) >= res->start && va_cell(m, i) <= res->last)
			m->owner[i] = owner;
	}
}

/* New blocked ranges, also where something is reserved: attach does that */
static void va_block_some(struct va_model *m)
{
	struct vcm_range range[4];
	unsigned int nr = va_random(&m->rnd, ARRAY_SIZE(range) + 1);
	unsigned int i, r;

	for (i = 0; i < VA_CELLS; i++)
		m->usable[i] = va_cell(m, i) >= m->vcm->start &&
			       va_cell_last(m, i) <= m->vcm->last;

	for (r = 0; r < nr; r++) {
		unsigned int first = va_random(&m->rnd, VA_CELLS);
		unsigned int last = min(first + va_random(&m->rnd, 32),
					VA_CELLS - 1);

		range[r].start = va_cell(m, first);
		range[r].last = va_cell_last(m, last);
		if (m->granule > 2 && va_random(&m->rnd, 2)) {
			range[r].start += m->granule / 2;
			range[r].last -= m->granule / 2 - 1;
		}
		for (i = first; i <= last; i++)
			m->usable[i] = false;
	}
	if (nr)
		va_block(m->test, m->vcm, range, nr);
	else
		m->vcm->blocked = NULL;
}

static bool va_allowed(const struct va_model *m, const struct vcm_va_req *req,
		       unsigned int cell)
{
	return m->usable[cell] && va_cell(m, cell) >= req->min &&
	       va_cell_last(m, cell) <= req->max;
}

/* Number of cells from @cell on, below @end, that are free */
static unsigned int va_run(const struct va_model *m, unsigned int cell,
			   unsigned int end)
{
	unsigned int i = cell;

	while (i < end && !m->owner[i])
		i++;
	return i - cell;
}

/* The lowest cell in a run of @len free ones from @cell on for @req; or -1 */
static int va_fit(const struct va_model *m, const struct vcm_va_req *req,
		  unsigned int cell, unsigned int len)
{
	unsigned int span = va_cells(m, req->span);
	unsigned int i;

	for (i = cell; i + span <= cell + len; i++) {
		if (!((va_cell(m, i) - req->phase) & (req->align - 1)))
			return i;
	}
	return -1;
}

/*
 * Is @got (-1: nothing) what vcm_va_alloc() promises for the window of cells
 * from @cell to @end - 1? -EAGAIN: it need not find anything here and did not.
 */
static int va_promise(const struct va_model *m, const struct vcm_va_req *req,
		      unsigned int cell, unsigned int end, int got)
{
	unsigned int span = va_cells(m, req->span);
	unsigned int need = span + va_cells(m, req->align) - 1;
	bool first = true;
	int lucky = -EAGAIN;

	while (cell < end) {
		unsigned int len = va_run(m, cell, end);
		int fit = va_fit(m, req, cell, len);

		if (len >= need || (first && len >= span && fit >= 0))
			return got == fit;
		if (len >= span)
			first = false;
		/* more than promised, and then nothing but the lowest */
		if (got >= (int)cell && got < (int)(cell + len))
			lucky = got == fit;
		cell += max(len, 1U);
	}
	return lucky;
}

static bool va_as_promised(const struct va_model *m,
			   const struct vcm_va_req *req, int got)
{
	unsigned int cell = 0;

	while (cell < VA_CELLS) {
		unsigned int end = cell;
		int kept;

		while (end < VA_CELLS && va_allowed(m, req, end))
			end++;
		kept = va_promise(m, req, cell, end, got);
		if (kept != -EAGAIN)
			return kept;
		cell = end + 1;
	}
	return got == -1;
}

static struct vcm_res *va_pick(struct va_model *m, bool live)
{
	unsigned int at = va_random(&m->rnd, VA_CELLS);

	while (RB_EMPTY_NODE(&m->pool[at].va_node) == live)
		at = (at + 1) % VA_CELLS;
	return &m->pool[at];
}

static void va_random_request(struct va_model *m, struct vcm_va_req *req)
{
	unsigned int most = va_random(&m->rnd, 16) ? 8 : VA_CELLS - 1;

	req->span = (1 + va_random(&m->rnd, most)) * m->granule;
	req->align = m->granule;
	req->phase = 0;
	req->min = 0;
	req->max = ADDR_MAX;
	if (va_random(&m->rnd, 2)) {
		req->align <<= va_random(&m->rnd, 7);
		req->phase = va_random(&m->rnd, VA_CELLS) * m->granule;
	}
	if (!va_random(&m->rnd, 3)) {
		req->min = va_cell(m, va_random(&m->rnd, VA_CELLS)) -
			   va_random(&m->rnd, 2);
		req->max = va_cell_last(m, va_random(&m->rnd, VA_CELLS)) -
			   va_random(&m->rnd, 2);
	}
}

static void va_step_alloc(struct va_model *m)
{
	struct vcm_res *res = va_pick(m, false);
	struct vcm_va_req req;
	unsigned int i;
	int got = -1;
	int ret;

	va_random_request(m, &req);
	res->start = 1;
	res->last = 0;
	ret = va_request(m->vcm, res, &req);
	if (ret) {
		KUNIT_ASSERT_EQ(m->test, ret, -ENOSPC);
		KUNIT_ASSERT_TRUE(m->test, RB_EMPTY_NODE(&res->va_node));
		KUNIT_ASSERT_EQ(m->test, res->start, 1);
		KUNIT_ASSERT_EQ(m->test, res->last, 0);
	} else {
		KUNIT_ASSERT_EQ(m->test, res->last - res->start, req.span - 1);
		got = 0;
		while (got < VA_CELLS - 1 && va_cell(m, got) != res->start)
			got++;
		KUNIT_ASSERT_EQ(m->test, va_cell(m, got), res->start);
		KUNIT_ASSERT_EQ(m->test, (res->start ^ req.phase) &
					 (req.align - 1), 0);
		for (i = got; i < got + va_cells(m, req.span); i++) {
			KUNIT_ASSERT_LT(m->test, i, VA_CELLS);
			KUNIT_ASSERT_TRUE(m->test, va_allowed(m, &req, i));
			KUNIT_ASSERT_EQ(m->test, m->owner[i], 0);
		}
	}
	KUNIT_ASSERT_TRUE(m->test, va_as_promised(m, &req, got));
	if (!ret) {
		va_own(m, res, res - m->pool + 1);
		m->live++;
	}
}

static void va_step_insert(struct va_model *m)
{
	unsigned int first = va_random(&m->rnd, VA_CELLS);
	unsigned int last = min(first + va_random(&m->rnd, 4), VA_CELLS - 1);
	struct vcm_res *res = va_pick(m, false);
	int want = 0;
	unsigned int i;

	for (i = first; i <= last; i++) {
		if (!m->usable[i])
			want = -EADDRNOTAVAIL;
		else if (m->owner[i] && !want)
			want = -EADDRINUSE;
	}
	KUNIT_ASSERT_EQ(m->test, va_insert(m->vcm, res, va_cell(m, first),
					   va_cell_last(m, last)), want);
	KUNIT_ASSERT_EQ(m->test, RB_EMPTY_NODE(&res->va_node), want != 0);
	KUNIT_ASSERT_EQ(m->test, res->start, va_cell(m, first));
	KUNIT_ASSERT_EQ(m->test, res->last, va_cell_last(m, last));
	if (!want) {
		va_own(m, res, res - m->pool + 1);
		m->live++;
	}
}

static void va_step_erase(struct va_model *m)
{
	struct vcm_res *res = va_pick(m, true);

	va_erase(m->vcm, res);
	KUNIT_ASSERT_TRUE(m->test, RB_EMPTY_NODE(&res->va_node));
	va_own(m, res, 0);
	m->live--;
}

/* Look-ups of a random range, and the tree against the cells */
static void va_compare(struct va_model *m)
{
	unsigned int first = va_random(&m->rnd, VA_CELLS);
	unsigned int last = min(first + va_random(&m->rnd, 16), VA_CELLS - 1);
	struct vcm_res *lowest = NULL;
	bool usable = true;
	struct rb_node *rb;
	unsigned int i;

	for (i = first; i <= last; i++) {
		usable &= m->usable[i];
		if (m->owner[i] && !lowest)
			lowest = &m->pool[m->owner[i] - 1];
	}
	KUNIT_ASSERT_PTR_EQ(m->test, lowest,
			    va_first(m->vcm, va_cell(m, first),
				     va_cell_last(m, last)));
	KUNIT_ASSERT_EQ(m->test, usable,
			va_usable(m->vcm, va_cell(m, first),
				  va_cell_last(m, last)));

	va_check(m->test, m->vcm, m->pool, VA_CELLS, m->live);
	rb = rb_first(&m->vcm->va_tree);
	for (i = 0; i < VA_CELLS; i++) {
		if (!m->owner[i])
			continue;
		KUNIT_ASSERT_NOT_NULL(m->test, rb);
		KUNIT_ASSERT_PTR_EQ(m->test, va_entry(rb),
				    &m->pool[m->owner[i] - 1]);
		if (va_cell_last(m, i) == va_entry(rb)->last)
			rb = rb_next(rb);
	}
	KUNIT_ASSERT_NULL(m->test, rb);
}

struct va_shape {
	const char *name;
	u64 base;
	u64 granule;
	/* up to the last address of all */
	bool top;
	/* the aperture begins and ends within a granule */
	bool ragged;
};

static const struct va_shape va_shapes[] = {
	{ .name = "from 0", .granule = SZ_4K },
	{ .name = "to the last address", .granule = SZ_4K, .top = true },
	{ .name = "across 4 GiB", .base = 0xfff80000, .granule = SZ_4K },
	{ .name = "ragged", .base = SZ_1M, .granule = SZ_64K, .ragged = true },
	{ .name = "ragged, from 0", .granule = SZ_16M, .ragged = true },
	{ .name = "single bytes", .base = 4711, .granule = 1 },
	{ .name = "all of 32 bits", .granule = SZ_16M },
	{ .name = "all of 64 bits", .granule = BIT_ULL(56) },
};

KUNIT_ARRAY_PARAM_DESC(va_shape, va_shapes, name);

static struct va_model *va_model(struct kunit *test)
{
	const struct va_shape *shape = test->param_value;
	dma_addr_t base, last;
	struct va_model *m;

	m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m);
	m->test = test;
	m->granule = shape->granule;
	base = shape->top ? -VA_CELLS * m->granule : shape->base;
	last = base + VA_CELLS * m->granule - 1;
	if (m->granule != shape->granule || shape->granule > ULONG_MAX ||
	    (resource_size_t)shape->granule != shape->granule || last < base)
		kunit_skip(test, "needs wider addresses");

	m->base = base;
	if (shape->ragged) {
		base += 1;
		last -= 1;
	}
	m->vcm = va_vcm(test, base, last, m->granule);
	m->pool = va_res(test, VA_CELLS);
	va_seed(test, &m->rnd);
	return m;
}

/*
 * Everything at random against the oracle: the promise of vcm_va_alloc() with
 * windows, blocked ranges, alignment and phase; both errnos of fixed inserts;
 * look-ups. Every invariant of the tree is checked after every step.
 */
static void va_random_steps(struct kunit *test)
{
	struct va_model *m = va_model(test);
	unsigned int step, fill = 0;

	for (step = 0; step < 6000; step++) {
		if (step % 256 == 0) {
			va_block_some(m);
			fill = va_random(&m->rnd, 8);
		}
		if (m->live && (va_random(&m->rnd, 8) >= fill ||
				m->live == VA_CELLS))
			va_step_erase(m);
		else if (va_random(&m->rnd, 4))
			va_step_alloc(m);
		else
			va_step_insert(m);
		va_compare(m);
	}
	while (m->live) {
		va_step_erase(m);
		va_compare(m);
	}
}

/*
 * Counting
 *
 * A second copy of the allocator, which counts the nodes it looks at, so that
 * the first needs no code for it. What it borrows from lib/rbtree.c does not
 * count: that looks at no more than O(log n) nodes anyhow.
 */

static unsigned long va_visits;

static int va_counted_alloc(struct vcm *vcm, struct vcm_res *res,
			    const struct vcm_va_req *req);
static int va_counted_insert(struct vcm *vcm, struct vcm_res *res);
static void va_counted_erase(struct vcm *vcm, struct vcm_res *res);
static struct vcm_res *va_counted_first(struct vcm *vcm, dma_addr_t start,
					dma_addr_t last);
static struct vcm_res *va_counted_next(struct vcm_res *res);
static __maybe_unused struct vcm_res *
va_counted_near(struct vcm *vcm, dma_addr_t addr, struct vcm_res **below,
		struct vcm_res **above);
static bool va_counted_usable(struct vcm *vcm, dma_addr_t start,
			      dma_addr_t last);
static bool __maybe_unused va_counted_touches(struct vcm *vcm, dma_addr_t start,
					      dma_addr_t last);
static void __maybe_unused va_counted_merge(struct vcm_ranges *ranges);

#define vcm_va_alloc		va_counted_alloc
#define vcm_va_insert		va_counted_insert
#define vcm_va_erase		va_counted_erase
#define vcm_va_first		va_counted_first
#define vcm_va_next		va_counted_next
#define vcm_va_near		va_counted_near
#define vcm_va_usable		va_counted_usable
#define vcm_va_touches		va_counted_touches
#define vcm_ranges_merge	va_counted_merge
#undef EXPORT_SYMBOL_IF_KUNIT
#define EXPORT_SYMBOL_IF_KUNIT(symbol)
#undef rb_entry
#define rb_entry(ptr, type, member) \
	(va_visits++, container_of(ptr, type, member))

#include "../vcm-va.c"

/* A context with many reservations, and what the dearest call has cost */
struct va_crowd {
	struct kunit *test;
	struct vcm *vcm;
	struct vcm_res *res;
	unsigned int count;
	unsigned long dearest;
};

/*
 * A red-black tree of n nodes is at most 2 log2(n + 1) high. The searches come
 * to three times that for each of the two lengths, with two or three visits of
 * every node; insertion and removal go up once or twice.
 */
static void va_expect_cheap(struct va_crowd *c, unsigned int windows,
			    const char *what)
{
	unsigned long bound = windows * 32 * (ilog2(c->count) + 1);

	KUNIT_EXPECT_LE_MSG(c->test, va_visits, bound,
			    "%s among %u reservations", what, c->count);
	c->dearest = max(c->dearest, va_visits);
}

static int va_count_alloc(struct va_crowd *c, struct vcm_res *res,
			  resource_size_t span, dma_addr_t align,
			  dma_addr_t min, dma_addr_t max)
{
	unsigned int blocked = c->vcm->blocked ? c->vcm->blocked->nr : 0;
	struct vcm_va_req req = {
		.span = span,
		.align = align,
		.min = min,
		.max = max,
	};
	int ret;

	scoped_guard(spinlock_irqsave, &c->vcm->va_lock) {
		va_visits = 0;
		ret = va_counted_alloc(c->vcm, res, &req);
	}
	va_expect_cheap(c, blocked + 1, ret ? "no room" : "room");
	return ret;
}

static void va_count_insert(struct va_crowd *c, struct vcm_res *res,
			    dma_addr_t start, dma_addr_t last, int want)
{
	int ret;

	res->start = start;
	res->last = last;
	scoped_guard(spinlock_irqsave, &c->vcm->va_lock) {
		va_visits = 0;
		ret = va_counted_insert(c->vcm, res);
	}
	KUNIT_ASSERT_EQ(c->test, ret, want);
	va_expect_cheap(c, 1, "insert");
}

static void va_count_erase(struct va_crowd *c, struct vcm_res *res)
{
	scoped_guard(spinlock_irqsave, &c->vcm->va_lock) {
		va_visits = 0;
		va_counted_erase(c->vcm, res);
	}
	va_expect_cheap(c, 1, "erase");
}

static void va_count_first(struct va_crowd *c, dma_addr_t start,
			   dma_addr_t last, struct vcm_res *want)
{
	struct vcm_res *res;

	scoped_guard(spinlock_irqsave, &c->vcm->va_lock) {
		va_visits = 0;
		res = va_counted_first(c->vcm, start, last);
	}
	KUNIT_EXPECT_PTR_EQ(c->test, res, want);
	va_expect_cheap(c, 1, "look-up");
}

static void va_free_crowd(void *res)
{
	kvfree(res);
}

/*
 * @count reservations of a granule each, from granule @at on; before each of
 * them a hole of @low granules in the lower half, of @high in the upper one.
 */
static void va_crowd(struct va_crowd *c, struct kunit *test, unsigned int count,
		     unsigned int at, unsigned int low, unsigned int high)
{
	dma_addr_t start = at * SZ_4K;
	unsigned int i;

	c->test = test;
	c->count = count;
	c->dearest = 0;
	c->vcm = va_vcm(test, 0, (dma_addr_t)BIT_ULL(48) - 1, SZ_4K);
	/* one more to play with */
	c->res = kvcalloc(count + 1, sizeof(*c->res), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c->res);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, va_free_crowd,
							c->res), 0);
	for (i = 0; i < count; i++) {
		start += (i < count / 2 ? low : high) * SZ_4K;
		va_count_insert(c, &c->res[i], start, start + SZ_4K - 1, 0);
		start += SZ_4K;
	}
	va_check(test, c->vcm, c->res, count + 1, count);
}

static const unsigned int va_populations[] = { 1000, 10000, 100000 };

static void va_population_desc(const unsigned int *count, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u reservations", *count);
}

KUNIT_ARRAY_PARAM(va_population, va_populations, va_population_desc);

/*
 * "O(log n) in reserve, release and look-up at any population, window or fixed
 * address", with holes too small
 */
static void va_small_holes(struct kunit *test)
{
	const unsigned int n = *(const unsigned int *)test->param_value;
	const dma_addr_t half = (dma_addr_t)n * SZ_4K, all = 2 * half;
	struct vcm_range blocked[8];
	struct vcm_res *probe;
	struct va_crowd c;
	unsigned int i;

	va_crowd(&c, test, n, 0, 1, 1);
	probe = &c.res[n];

	KUNIT_ASSERT_EQ(test, va_count_alloc(&c, probe, SZ_8K, SZ_4K, 0,
					     ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, probe->start, all);
	va_count_erase(&c, probe);
	/* aligned: every other hole looks promising to neither search */
	KUNIT_ASSERT_EQ(test, va_count_alloc(&c, probe, SZ_4K, SZ_8K, SZ_4K,
					     ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, probe->start, SZ_8K);
	va_count_erase(&c, probe);
	/* windows: from the middle on, up to it, and in between */
	KUNIT_ASSERT_EQ(test, va_count_alloc(&c, probe, SZ_8K, SZ_4K, half,
					     ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, probe->start, all);
	va_count_erase(&c, probe);
	KUNIT_ASSERT_EQ(test, va_count_alloc(&c, probe, SZ_8K, SZ_4K, 0, half),
			-ENOSPC);
	KUNIT_ASSERT_EQ(test, va_count_alloc(&c, probe, SZ_8K, SZ_8K, half / 2,
					     half), -ENOSPC);
	KUNIT_ASSERT_EQ(test, va_count_alloc(&c, probe, SZ_4K, SZ_4K, half,
					     ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, probe->start, half);
	va_count_erase(&c, probe);
	/* a fixed address, taken and free; look-ups */
	va_count_insert(&c, probe, half + SZ_4K, half + SZ_8K - 1, -EADDRINUSE);
	va_count_insert(&c, probe, half, half + SZ_4K - 1, 0);
	va_count_first(&c, half, half, probe);
	va_count_erase(&c, probe);
	va_count_first(&c, half, half + SZ_4K - 1, NULL);
	va_count_first(&c, half, ADDR_MAX, &c.res[n / 2]);

	/* a window after the other, each in vain */
	for (i = 0; i < ARRAY_SIZE(blocked); i++) {
		blocked[i].start = ALIGN_DOWN(all / 8 * i, SZ_4K);
		blocked[i].last = blocked[i].start + SZ_4K - 1;
	}
	va_block(test, c.vcm, blocked, ARRAY_SIZE(blocked));
	KUNIT_ASSERT_EQ(test, va_count_alloc(&c, probe, SZ_8K, SZ_4K, 0,
					     ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, probe->start, all);
	va_check(test, c.vcm, c.res, n + 1, n + 1);
	kunit_info(test, "dearest: %lu visits\n", c.dearest);
}

/* The same with holes that are long enough and at the wrong phase */
static void va_crooked_holes(struct kunit *test)
{
	const unsigned int n = *(const unsigned int *)test->param_value;
	struct vcm_res *probe;
	struct va_crowd c;

	/* holes of 3 granules from granule 5, 9, 13, ... on */
	va_crowd(&c, test, n, 1, 3, 3);
	probe = &c.res[n];
	KUNIT_ASSERT_EQ(test, va_count_alloc(&c, probe, 3 * SZ_4K, SZ_16K,
					     SZ_4K, ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, probe->start,
			ALIGN(c.res[n - 1].last + 1, SZ_16K));
	va_check(test, c.vcm, c.res, n + 1, n + 1);
	kunit_info(test, "dearest: %lu visits\n", c.dearest);
}

/* The same with good holes on the wrong side of a window's border */
static void va_tempting_holes(struct kunit *test)
{
	const unsigned int n = *(const unsigned int *)test->param_value;
	struct vcm_res *probe;
	struct va_crowd low, high;
	dma_addr_t border;
	unsigned int i;

	/* all that is long enough lies below the window */
	va_crowd(&low, test, n, 0, 4, 1);
	probe = &low.res[n];
	for (i = n / 2; i < n; i += n / 100) {
		border = low.res[i].start;
		KUNIT_ASSERT_EQ(test, va_count_alloc(&low, probe, SZ_8K, SZ_8K,
						     border, ADDR_MAX), 0);
		KUNIT_EXPECT_GT(test, probe->start, low.res[n - 1].last);
		va_count_erase(&low, probe);
	}
	/* the one at the border is cut to less than enough */
	for (i = 0; i < n / 2; i += n / 100) {
		border = low.res[i].start - SZ_4K;
		KUNIT_ASSERT_EQ(test, va_count_alloc(&low, probe, SZ_8K, SZ_4K,
						     border, ADDR_MAX), 0);
		KUNIT_EXPECT_EQ(test, probe->start, border + SZ_8K);
		va_count_erase(&low, probe);
	}

	/* all that is long enough lies behind the window */
	va_crowd(&high, test, n, 0, 1, 4);
	probe = &high.res[n];
	border = high.res[n / 2].start - 4 * SZ_4K;
	for (i = 0; i < n / 2; i += n / 100)
		KUNIT_ASSERT_EQ(test, va_count_alloc(&high, probe, SZ_8K, SZ_8K,
						     high.res[i].start, border),
				-ENOSPC);
	va_check(test, high.vcm, high.res, n + 1, n);
	kunit_info(test, "dearest: %lu visits\n",
		   max(low.dearest, high.dearest));
}

/* Defect 12: the same work in 28 and in 48 bits looks at the same nodes */
static void va_aperture_is_free(struct kunit *test)
{
	const unsigned int n = 1000;
	struct rnd_state rnd[2];
	struct va_crowd c[2];
	unsigned int i, k;

	va_seed(test, &rnd[0]);
	rnd[1] = rnd[0];
	for (k = 0; k < 2; k++)
		va_crowd(&c[k], test, n, 0, 1, 2);
	c[0].vcm->last = BIT(28) - 1;

	for (i = 0; i < 2 * n; i++) {
		dma_addr_t start[2];
		unsigned long visits[2];

		for (k = 0; k < 2; k++) {
			struct vcm_res *res = &c[k].res[va_random(&rnd[k], n)];
			dma_addr_t span = SZ_4K << va_random(&rnd[k], 3);
			dma_addr_t align = SZ_4K << va_random(&rnd[k], 3);
			int ret;

			va_count_erase(&c[k], res);
			visits[k] = va_visits;
			ret = va_count_alloc(&c[k], res, span, align, 0,
					     ADDR_MAX);
			KUNIT_ASSERT_EQ(test, ret, 0);
			visits[k] += va_visits;
			start[k] = res->start;
		}
		KUNIT_ASSERT_EQ(test, start[0], start[1]);
		KUNIT_ASSERT_EQ(test, visits[0], visits[1]);
	}
	for (k = 0; k < 2; k++)
		va_check(test, c[k].vcm, c[k].res, n + 1, n);
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
	KUNIT_CASE(va_fixed),
	KUNIT_CASE(va_look_up),
	KUNIT_CASE(va_merge),
	KUNIT_CASE(va_merge_random),
	KUNIT_CASE_PARAM(va_random_steps, va_shape_gen_params),
	KUNIT_CASE_PARAM(va_small_holes, va_population_gen_params),
	KUNIT_CASE_PARAM(va_crooked_holes, va_population_gen_params),
	KUNIT_CASE_PARAM(va_tempting_holes, va_population_gen_params),
	KUNIT_CASE(va_aperture_is_free),
	{}
};

static struct kunit_suite vcm_va_suite = {
	.name = "vcm_va",
	.test_cases = vcm_va_cases,
};

kunit_test_suite(vcm_va_suite);

MODULE_DESCRIPTION("KUnit tests of the address allocator of Virtual Contiguous Memory");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_LICENSE("GPL");
