// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random tests of the address allocator of Virtual Contiguous Memory: against
 * an array with one entry for each granule.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "vcm_seed.h"
#include "vcm_va.h"

/* vcm_ranges_merge(), against a bitmap of the last 64 addresses */
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
	vcm_seed(test, &rnd);

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

/* The oracle: a cell for each granule of a small address space */
struct va_model {
	struct kunit *test;
	struct rnd_state rnd;
	struct vcm *vcm;
	struct vcm_res *pool;
	unsigned int live;
	dma_addr_t base;
	dma_addr_t granule;
	/* Index of the reservation in @pool, plus 1 */
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

/* A shift, because 32-bit kernels cannot divide 64 bits. */
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

/* Block new ranges, also where something is reserved, as an attach does. */
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

/* Return the number of free cells from @cell on, below @end. */
static unsigned int va_run(const struct va_model *m, unsigned int cell,
			   unsigned int end)
{
	unsigned int i = cell;

	while (i < end && !m->owner[i])
		i++;
	return i - cell;
}

/* Return the lowest cell for @req in @len free ones from @cell on, or -1. */
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
 * Return true if @got (-1: nothing) is what vcm_va_alloc() promises for the
 * window of cells from @cell to @end - 1; -EAGAIN if it need not find anything
 * there and did not.
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
		/* Found although not promised: it must be the lowest */
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
		for (i = 0; i < VA_CELLS && !va_allowed(m, &req, i); i++)
			;
		/* Cells may be allowed in part: that is no address to use */
		if (i < VA_CELLS || ret != -EADDRNOTAVAIL)
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

/* Compare look-ups of a random range, and the tree, with the cells. */
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
	/* The aperture ends at the last address */
	bool top;
	/* The aperture begins and ends within a granule */
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
	m->pool = va_res(test, m->vcm, VA_CELLS);
	vcm_seed(test, &m->rnd);
	return m;
}

/*
 * Rows "vcm_reserve*" and "alignment": random requests with windows, blocked
 * ranges, alignment and phase, inserts at fixed addresses with both errnos, and
 * look-ups. Every invariant of the tree is checked after each step.
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

static struct kunit_case va_random_cases[] = {
	KUNIT_CASE(va_merge_random),
	KUNIT_CASE_PARAM(va_random_steps, va_shape_gen_params),
	{}
};

static struct kunit_suite va_random_suite = {
	.name = "vcm_va_random",
	.test_cases = va_random_cases,
};

kunit_test_suite(va_random_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Random tests of the address allocator of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
