// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the costs of the address allocator of Virtual Contiguous Memory.
 *
 * This file has a second copy of the allocator, which counts the nodes that it
 * visits, so the first needs no code for that. Functions of lib/rbtree.c do not
 * count: they visit O(log n) nodes.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rbtree.h>
#include <linux/sizes.h>

#include "vcm_seed.h"
#include "vcm_va.h"

static unsigned long va_visits;

static int va_counted_alloc(struct vcm *vcm, struct vcm_res *res,
			    const struct vcm_va_req *req);
static int va_counted_insert(struct vcm *vcm, struct vcm_res *res);
static void va_counted_erase(struct vcm *vcm, struct vcm_res *res);
static struct vcm_res *va_counted_first(struct vcm *vcm, dma_addr_t start,
					dma_addr_t last);
static __maybe_unused struct vcm_res *va_counted_next(struct vcm_res *res);
static struct vcm_res *va_counted_covering(struct vcm *vcm, dma_addr_t addr,
					   struct vcm_res *prev);
static bool va_counted_is_after(const struct vcm_res *res,
				const struct vcm_res *prev);
static struct vcm_res *va_counted_after(struct vcm *vcm,
					const struct vcm_res *prev);
static void va_counted_near(struct vcm *vcm, dma_addr_t addr,
			    struct vcm_res **below, struct vcm_res **above);
static bool va_counted_usable(struct vcm *vcm, dma_addr_t start,
			      dma_addr_t last);
static __maybe_unused void va_counted_merge(struct vcm_ranges *ranges);

#define vcm_va_alloc		va_counted_alloc
#define vcm_va_insert		va_counted_insert
#define vcm_va_erase		va_counted_erase
#define vcm_va_first		va_counted_first
#define vcm_va_next		va_counted_next
#define vcm_va_covering		va_counted_covering
#define vcm_va_is_after		va_counted_is_after
#define vcm_va_after		va_counted_after
#define vcm_va_near		va_counted_near
#define vcm_va_usable		va_counted_usable
#define vcm_ranges_merge	va_counted_merge
#undef EXPORT_SYMBOL_IF_KUNIT
#define EXPORT_SYMBOL_IF_KUNIT(symbol)
#undef rb_entry
#define rb_entry(ptr, type, member) \
	(va_visits++, container_of(ptr, type, member))

#include "../vcm-va.c"

/* A context with many reservations, and the cost of the most expensive call */
struct va_crowd {
	struct kunit *test;
	struct vcm *vcm;
	struct vcm_res *res;
	unsigned int count;
	unsigned long most;
};

/*
 * A red-black tree of n nodes is at most 2 log2(n + 1) high. The searches take
 * three times that for each of the two lengths, with two or three visits of
 * each node; insertion and removal go up once or twice.
 */
static void va_expect_cheap(struct va_crowd *c, unsigned int windows,
			    const char *what)
{
	unsigned long bound = windows * 32 * (ilog2(c->count) + 1);

	KUNIT_EXPECT_LE_MSG(c->test, va_visits, bound,
			    "%s among %u reservations", what, c->count);
	c->most = max(c->most, va_visits);
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

/* Look up what is around a free address. */
static void va_count_around(struct va_crowd *c, dma_addr_t addr,
			    struct vcm_res *below, struct vcm_res *above)
{
	struct vcm_res *near[2], *after, *covering;

	scoped_guard(spinlock_irqsave, &c->vcm->va_lock) {
		va_visits = 0;
		va_counted_near(c->vcm, addr, &near[0], &near[1]);
	}
	va_expect_cheap(c, 1, "neighbours");
	scoped_guard(spinlock_irqsave, &c->vcm->va_lock) {
		va_visits = 0;
		after = va_counted_after(c->vcm, below);
	}
	va_expect_cheap(c, 1, "the next one");
	scoped_guard(spinlock_irqsave, &c->vcm->va_lock) {
		va_visits = 0;
		covering = va_counted_covering(c->vcm, addr, NULL);
	}
	va_expect_cheap(c, 1, "covering");
	KUNIT_EXPECT_PTR_EQ(c->test, near[0], below);
	KUNIT_EXPECT_PTR_EQ(c->test, near[1], above);
	KUNIT_EXPECT_PTR_EQ(c->test, after, above);
	KUNIT_EXPECT_NULL(c->test, covering);
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
 * Reserve @count single granules from granule @at on, with a hole of @low
 * granules below each in the lower half, of @high in the upper half.
 */
static void va_crowd(struct va_crowd *c, struct kunit *test, unsigned int count,
		     unsigned int at, unsigned int low, unsigned int high)
{
	dma_addr_t start = at * SZ_4K;
	unsigned int i;

	c->test = test;
	c->count = count;
	c->most = 0;
	c->vcm = va_vcm(test, 0, (dma_addr_t)BIT_ULL(48) - 1, SZ_4K);
	/* And one that the test reserves */
	c->res = kvcalloc(count + 1, sizeof(*c->res), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c->res);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, va_free_crowd,
							c->res), 0);
	va_res_init(c->vcm, c->res, count + 1);
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
 * O(log n) for reserve, release and look-up, with any population, window or
 * fixed address: holes that are too small.
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
	/* Aligned: neither search can use every other hole */
	KUNIT_ASSERT_EQ(test, va_count_alloc(&c, probe, SZ_4K, SZ_8K, SZ_4K,
					     ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, probe->start, SZ_8K);
	va_count_erase(&c, probe);
	/* Windows: from the middle on, up to it, and between */
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
	/* A fixed address, taken and free; look-ups */
	va_count_insert(&c, probe, half + SZ_4K, half + SZ_8K - 1, -EADDRINUSE);
	va_count_insert(&c, probe, half, half + SZ_4K - 1, 0);
	va_count_first(&c, half, half, probe);
	va_count_erase(&c, probe);
	va_count_first(&c, half, half + SZ_4K - 1, NULL);
	va_count_first(&c, half, ADDR_MAX, &c.res[n / 2]);
	va_count_around(&c, half, &c.res[n / 2 - 1], &c.res[n / 2]);

	/* One window after the other, all without a fit */
	for (i = 0; i < ARRAY_SIZE(blocked); i++) {
		blocked[i].start = ALIGN_DOWN(all / 8 * i, SZ_4K);
		blocked[i].last = blocked[i].start + SZ_4K - 1;
	}
	va_block(test, c.vcm, blocked, ARRAY_SIZE(blocked));
	KUNIT_ASSERT_EQ(test, va_count_alloc(&c, probe, SZ_8K, SZ_4K, 0,
					     ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, probe->start, all);
	va_check(test, c.vcm, c.res, n + 1, n + 1);
	kunit_info(test, "at most %lu visits\n", c.most);
}

/* O(log n): holes that are long enough, with the wrong phase */
static void va_crooked_holes(struct kunit *test)
{
	const unsigned int n = *(const unsigned int *)test->param_value;
	struct vcm_res *probe;
	struct va_crowd c;

	/* Holes of 3 granules from granule 5, 9, 13, ... on */
	va_crowd(&c, test, n, 1, 3, 3);
	probe = &c.res[n];
	KUNIT_ASSERT_EQ(test, va_count_alloc(&c, probe, 3 * SZ_4K, SZ_16K,
					     SZ_4K, ADDR_MAX), 0);
	KUNIT_EXPECT_EQ(test, probe->start,
			ALIGN(c.res[n - 1].last + 1, SZ_16K));
	va_check(test, c.vcm, c.res, n + 1, n + 1);
	kunit_info(test, "at most %lu visits\n", c.most);
}

/* O(log n): holes that fit, outside the window */
static void va_tempting_holes(struct kunit *test)
{
	const unsigned int n = *(const unsigned int *)test->param_value;
	struct vcm_res *probe;
	struct va_crowd low, high;
	dma_addr_t border;
	unsigned int i;

	/* All holes that are long enough lie below the window */
	va_crowd(&low, test, n, 0, 4, 1);
	probe = &low.res[n];
	for (i = n / 2; i < n; i += n / 100) {
		border = low.res[i].start;
		KUNIT_ASSERT_EQ(test, va_count_alloc(&low, probe, SZ_8K, SZ_8K,
						     border, ADDR_MAX), 0);
		KUNIT_EXPECT_GT(test, probe->start, low.res[n - 1].last);
		va_count_erase(&low, probe);
	}
	/* The one at the border is too short after the cut */
	for (i = 0; i < n / 2; i += n / 100) {
		border = low.res[i].start - SZ_4K;
		KUNIT_ASSERT_EQ(test, va_count_alloc(&low, probe, SZ_8K, SZ_4K,
						     border, ADDR_MAX), 0);
		KUNIT_EXPECT_EQ(test, probe->start, border + SZ_8K);
		va_count_erase(&low, probe);
	}

	/* All holes that are long enough lie above the window */
	va_crowd(&high, test, n, 0, 1, 4);
	probe = &high.res[n];
	border = high.res[n / 2].start - 4 * SZ_4K;
	for (i = 0; i < n / 2; i += n / 100)
		KUNIT_ASSERT_EQ(test, va_count_alloc(&high, probe, SZ_8K, SZ_8K,
						     high.res[i].start, border),
				-ENOSPC);
	va_check(test, high.vcm, high.res, n + 1, n);
	kunit_info(test, "at most %lu visits\n",
		   max(low.most, high.most));
}

/* The same work in 28 and in 48 bits visits the same nodes (12) */
static void va_aperture_is_free(struct kunit *test)
{
	const unsigned int n = 1000;
	struct rnd_state rnd[2];
	struct va_crowd c[2];
	unsigned int i, k;

	vcm_seed(test, &rnd[0]);
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

static struct kunit_case va_count_cases[] = {
	KUNIT_CASE_PARAM(va_small_holes, va_population_gen_params),
	KUNIT_CASE_PARAM(va_crooked_holes, va_population_gen_params),
	KUNIT_CASE_PARAM(va_tempting_holes, va_population_gen_params),
	KUNIT_CASE(va_aperture_is_free),
	{}
};

static struct kunit_suite va_count_suite = {
	.name = "vcm_va_count",
	.test_cases = va_count_cases,
};

kunit_test_suite(va_count_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of the costs of the address allocator of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
