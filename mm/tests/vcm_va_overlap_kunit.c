// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the address tree of Virtual Contiguous Memory where addresses follow
 * the memory, so that reservations may overlap: against a list of all of them.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "vcm_seed.h"
#include "vcm_va.h"

static struct vcm *overlap_vcm(struct kunit *test, dma_addr_t start,
			       dma_addr_t last)
{
	static const struct vcm_driver driver = {
		.name = "overlap",
		.fixed = true,
	};
	struct vcm *vcm = va_vcm(test, start, last, 1);

	vcm->driver = &driver;
	vcm->va_overlap = RB_ROOT_CACHED;
	vcm->va_seq = 0;
	return vcm;
}

static struct vcm_res *overlap_next(struct vcm *vcm, struct vcm_res *res)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	return vcm_va_next(res);
}

static struct vcm_res *overlap_after(struct vcm *vcm, struct vcm_res *prev)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	return vcm_va_after(vcm, prev);
}

static struct vcm_res *overlap_covering(struct vcm *vcm, dma_addr_t addr,
					struct vcm_res *prev)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	return vcm_va_covering(vcm, addr, prev);
}

static void overlap_near(struct vcm *vcm, dma_addr_t addr,
			 struct vcm_res **below, struct vcm_res **above)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	vcm_va_near(vcm, addr, below, above);
}

/* Row "a mapping belongs to the caller": the same addresses, in order of age */
static void overlap_same(struct kunit *test)
{
	struct vcm *vcm = overlap_vcm(test, 0, ADDR_MAX);
	struct vcm_res *res = va_res(test, vcm, 4), *pos = NULL;
	unsigned int i;

	for (i = 0; i < 4; i++)
		KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[i], SZ_4K,
						SZ_8K - 1), 0);
	for (i = 0; i < 4; i++) {
		pos = overlap_covering(vcm, SZ_8K - 1, pos);
		KUNIT_EXPECT_PTR_EQ(test, pos, &res[i]);
	}
	KUNIT_EXPECT_NULL(test, overlap_covering(vcm, SZ_8K - 1, pos));
	KUNIT_EXPECT_NULL(test, overlap_covering(vcm, SZ_8K, NULL));

	/* Inserted again, the oldest is the youngest */
	va_erase(vcm, &res[0]);
	KUNIT_EXPECT_PTR_EQ(test, overlap_after(vcm, NULL), &res[1]);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[0], SZ_4K, SZ_8K - 1), 0);
	KUNIT_EXPECT_PTR_EQ(test, overlap_after(vcm, NULL), &res[1]);
	KUNIT_EXPECT_PTR_EQ(test, overlap_next(vcm, &res[3]), &res[0]);
	KUNIT_EXPECT_NULL(test, overlap_next(vcm, &res[0]));
}

/* Row "errors": 0 and the last address are addresses like any other */
static void overlap_ends(struct kunit *test)
{
	struct vcm *vcm = overlap_vcm(test, 0, ADDR_MAX);
	struct vcm_res *res = va_res(test, vcm, 4), *below, *above;

	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[0], 0, 0), 0);
	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[1], ADDR_MAX, ADDR_MAX), 0);
	KUNIT_EXPECT_PTR_EQ(test, overlap_covering(vcm, 0, NULL), &res[0]);
	KUNIT_EXPECT_NULL(test, overlap_covering(vcm, 0, &res[0]));
	KUNIT_EXPECT_PTR_EQ(test, overlap_covering(vcm, ADDR_MAX, NULL),
			    &res[1]);
	KUNIT_EXPECT_NULL(test, overlap_covering(vcm, ADDR_MAX, &res[1]));
	KUNIT_EXPECT_NULL(test, overlap_covering(vcm, 1, NULL));
	overlap_near(vcm, 1, &below, &above);
	KUNIT_EXPECT_PTR_EQ(test, below, &res[0]);
	KUNIT_EXPECT_PTR_EQ(test, above, &res[1]);

	KUNIT_ASSERT_EQ(test, va_insert(vcm, &res[2], 0, ADDR_MAX), 0);
	KUNIT_EXPECT_PTR_EQ(test, overlap_covering(vcm, 1, NULL), &res[2]);
	KUNIT_EXPECT_PTR_EQ(test, overlap_covering(vcm, 0, &res[0]), &res[2]);
	KUNIT_EXPECT_PTR_EQ(test, overlap_covering(vcm, ADDR_MAX, &res[2]),
			    &res[1]);
	KUNIT_EXPECT_PTR_EQ(test, overlap_after(vcm, &res[0]), &res[2]);
	KUNIT_EXPECT_PTR_EQ(test, overlap_after(vcm, &res[2]), &res[1]);
	KUNIT_EXPECT_NULL(test, overlap_after(vcm, &res[1]));

	va_erase(vcm, &res[0]);
	va_erase(vcm, &res[2]);
	overlap_near(vcm, 0, &below, &above);
	KUNIT_EXPECT_NULL(test, below);
	KUNIT_EXPECT_PTR_EQ(test, above, &res[1]);
	va_erase(vcm, &res[1]);
	overlap_near(vcm, ADDR_MAX, &below, &above);
	KUNIT_EXPECT_NULL(test, below);
	KUNIT_EXPECT_NULL(test, above);
}

#define OVERLAP_RES	64
#define OVERLAP_CELLS	96

/*
 * The oracle: a list of the reservations in order of their inserts, and the
 * addresses that cells of @unit bytes from @base on have
 */
struct overlap_model {
	struct kunit *test;
	struct rnd_state rnd;
	struct vcm *vcm;
	struct vcm_res *pool;
	dma_addr_t base;
	dma_addr_t unit;
	bool blocked[OVERLAP_CELLS];
	bool live[OVERLAP_RES];
	unsigned int age[OVERLAP_RES];
	unsigned int inserts;
};

static dma_addr_t overlap_cell(const struct overlap_model *m, unsigned int cell)
{
	return m->base + cell * m->unit;
}

static dma_addr_t overlap_cell_last(const struct overlap_model *m,
				    unsigned int cell)
{
	return overlap_cell(m, cell) + (m->unit - 1);
}

/* Return true if @i is after @j, in order of addresses, then of age. */
static bool overlap_is_after(const struct overlap_model *m, unsigned int i,
			     unsigned int j)
{
	if (m->pool[i].start != m->pool[j].start)
		return m->pool[i].start > m->pool[j].start;
	return m->age[i] > m->age[j];
}

/*
 * Return the first live reservation after @prev (-1: the first of all) that
 * overlaps a range.
 */
static struct vcm_res *overlap_want(const struct overlap_model *m, int prev,
				    dma_addr_t start, dma_addr_t last)
{
	int i, best = -1;

	for (i = 0; i < OVERLAP_RES; i++) {
		if (!m->live[i] || m->pool[i].start > last ||
		    m->pool[i].last < start ||
		    (prev >= 0 && !overlap_is_after(m, i, prev)))
			continue;
		if (best < 0 || overlap_is_after(m, best, i))
			best = i;
	}
	return best < 0 ? NULL : &m->pool[best];
}

static void overlap_step(struct overlap_model *m)
{
	unsigned int i = va_random(&m->rnd, OVERLAP_RES);
	unsigned int first = va_random(&m->rnd, OVERLAP_CELLS);
	unsigned int most = va_random(&m->rnd, 8) ? 6 : OVERLAP_CELLS;
	unsigned int last = min(first + va_random(&m->rnd, most),
				OVERLAP_CELLS - 1);
	struct vcm_res *res = &m->pool[i];
	unsigned int cell;
	int want = 0;

	if (m->live[i]) {
		va_erase(m->vcm, res);
		m->live[i] = false;
		KUNIT_ASSERT_FALSE(m->test, vcm_res_placed(res));
		return;
	}
	for (cell = first; cell <= last; cell++)
		if (m->blocked[cell])
			want = -EADDRNOTAVAIL;
	KUNIT_ASSERT_EQ(m->test, want,
			va_insert(m->vcm, res, overlap_cell(m, first),
				  overlap_cell_last(m, last)));
	KUNIT_ASSERT_EQ(m->test, vcm_res_placed(res), !want);
	if (want)
		return;
	m->live[i] = true;
	m->age[i] = m->inserts++;
}

/* Compare all that covers an address, or its neighbours. */
static void overlap_check_addr(struct overlap_model *m, dma_addr_t addr)
{
	struct vcm_res *res = NULL, *want, *below, *above;
	int prev = -1, i;

	do {
		want = overlap_want(m, prev, addr, addr);
		res = overlap_covering(m->vcm, addr, res);
		KUNIT_ASSERT_PTR_EQ(m->test, res, want);
		if (want)
			prev = want - m->pool;
	} while (want);
	if (prev >= 0)
		return;

	below = NULL;
	for (i = 0; i < OVERLAP_RES; i++)
		if (m->live[i] && m->pool[i].start < addr &&
		    (!below || overlap_is_after(m, i, below - m->pool)))
			below = &m->pool[i];
	want = below;
	overlap_near(m->vcm, addr, &below, &above);
	KUNIT_ASSERT_PTR_EQ(m->test, below, want);
	KUNIT_ASSERT_PTR_EQ(m->test, above,
			    overlap_want(m, -1, addr, ADDR_MAX));
}

static void overlap_check(struct overlap_model *m)
{
	unsigned int first = va_random(&m->rnd, OVERLAP_CELLS);
	unsigned int last = min(first + va_random(&m->rnd, 16),
				OVERLAP_CELLS - 1);
	unsigned int i = va_random(&m->rnd, OVERLAP_RES);
	struct vcm_res *res, *want;

	overlap_check_addr(m, overlap_cell(m, 0));
	overlap_check_addr(m, overlap_cell(m, first));
	overlap_check_addr(m, overlap_cell_last(m, first));
	overlap_check_addr(m, overlap_cell_last(m, OVERLAP_CELLS - 1));
	KUNIT_ASSERT_PTR_EQ(m->test,
			    va_first(m->vcm, overlap_cell(m, first),
				     overlap_cell_last(m, last)),
			    overlap_want(m, -1, overlap_cell(m, first),
					 overlap_cell_last(m, last)));

	/* Also after a reservation that has left the tree */
	if (m->live[i] || m->age[i])
		KUNIT_ASSERT_PTR_EQ(m->test,
				    overlap_after(m->vcm, &m->pool[i]),
				    overlap_want(m, i, 0, ADDR_MAX));
	want = overlap_want(m, -1, 0, ADDR_MAX);
	res = overlap_after(m->vcm, NULL);
	while (want) {
		KUNIT_ASSERT_PTR_EQ(m->test, res, want);
		res = overlap_next(m->vcm, res);
		want = overlap_want(m, want - m->pool, 0, ADDR_MAX);
	}
	KUNIT_ASSERT_NULL(m->test, res);
}

struct overlap_shape {
	const char *name;
	u64 base;
	u64 unit;
	/* The aperture ends at the last address */
	bool top;
};

static const struct overlap_shape overlap_shapes[] = {
	{ .name = "from 0", .unit = SZ_4K },
	{ .name = "to the last address", .unit = SZ_4K, .top = true },
	{ .name = "across 4 GiB", .base = 0xfffd0000, .unit = SZ_4K },
	{ .name = "single bytes", .base = 4711, .unit = 1 },
	{ .name = "the last bytes", .unit = 1, .top = true },
};

KUNIT_ARRAY_PARAM_DESC(overlap_shape, overlap_shapes, name);

static void overlap_block(struct overlap_model *m)
{
	const unsigned int first = OVERLAP_CELLS / 3, last = first + 2;
	struct vcm_range range = {
		.start = overlap_cell(m, first),
		.last = overlap_cell_last(m, last),
	};
	unsigned int i;

	va_block(m->test, m->vcm, &range, 1);
	for (i = first; i <= last; i++)
		m->blocked[i] = true;
}

/*
 * Random inserts and erases, at the same and at overlapping addresses: all
 * look-ups and the iteration return what a list of all reservations says.
 */
static void overlap_random(struct kunit *test)
{
	const struct overlap_shape *shape = test->param_value;
	struct overlap_model *m;
	unsigned int step;
	dma_addr_t last;

	m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m);
	m->test = test;
	m->unit = shape->unit;
	m->base = shape->top ? -OVERLAP_CELLS * m->unit : shape->base;
	last = overlap_cell_last(m, OVERLAP_CELLS - 1);
	if (last < m->base)
		kunit_skip(test, "needs wider addresses");
	m->vcm = overlap_vcm(test, m->base, last);
	m->pool = va_res(test, m->vcm, OVERLAP_RES);
	m->inserts = 1;
	overlap_block(m);
	vcm_seed(test, &m->rnd);

	for (step = 0; step < 3000; step++) {
		overlap_step(m);
		overlap_check(m);
	}
}

static struct kunit_case overlap_cases[] = {
	KUNIT_CASE(overlap_same),
	KUNIT_CASE(overlap_ends),
	KUNIT_CASE_PARAM(overlap_random, overlap_shape_gen_params),
	{}
};

static struct kunit_suite overlap_suite = {
	.name = "vcm_va_overlap",
	.test_cases = overlap_cases,
};

kunit_test_suite(overlap_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of overlapping reservations of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
