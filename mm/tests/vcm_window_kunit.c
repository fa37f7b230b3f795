// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of reservations of Virtual Contiguous Memory at given addresses and
 * within windows.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "vcm_seed.h"
#include "vcm_testdrv.h"

#define TOP		(~(dma_addr_t)0)
#define RW		(VCM_RES_READ | VCM_RES_WRITE)

static const struct td_cfg window_cfg = {
	.start = SZ_1M,
	.last = SZ_16M - 1,
	.pgsize_bitmap = SZ_4K | SZ_64K | SZ_1M,
};

static const struct td_cfg window_all = {
	.last = TOP,
	.pgsize_bitmap = SZ_4K | SZ_64K,
};

static const struct td_cfg window_fixed = {
	.last = U32_MAX,
	.pgsize_bitmap = SZ_4K,
	.fixed = true,
};

static const struct td_cfg window_bare = {
	.last = SZ_16M - 1,
	.pgsize_bitmap = SZ_4K,
	.bare = true,
};

static struct vcm_res *window_at(struct td_ctx *ctx, dma_addr_t addr,
				 resource_size_t size, unsigned int flags)
{
	struct vcm_res *res = vcm_reserve_at(ctx->vcm, addr, size, flags);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, res);
	KUNIT_EXPECT_EQ(ctx->td->test, res->start, addr);
	KUNIT_EXPECT_EQ(ctx->td->test, res->res_size, size);
	return res;
}

static struct device *window_device(struct td_ctx *ctx)
{
	struct device *dev = kunit_device_register(ctx->td->test, "vcm-window");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, dev);
	return dev;
}

/*
 * Arguments of a call, and its errno. vcm_reserve_at() takes @min as its
 * address and ignores @max and @align.
 */
struct window_row {
	const char *what;
	dma_addr_t min;
	dma_addr_t max;
	resource_size_t size;
	resource_size_t align;
	unsigned int flags;
	int error;
};

static const struct window_row window_at_rows[] = {
	{ "size 0", SZ_2M, .error = -EINVAL },
	{ "size", SZ_2M, .size = SZ_4K + 1, .error = -EINVAL },
	{ "address", SZ_2M + SZ_2K, .size = SZ_4K, .error = -EINVAL },
	{ "flag", SZ_2M, .size = SZ_4K, .flags = BIT(3),
	  .error = -EINVAL },
	{ "below the aperture", 0, .size = SZ_4K,
	  .error = -EADDRNOTAVAIL },
	{ "in part below", SZ_1M - SZ_4K, .size = SZ_8K,
	  .error = -EADDRNOTAVAIL },
	{ "above", SZ_16M, .size = SZ_4K, .error = -EADDRNOTAVAIL },
	{ "in part above", SZ_16M - SZ_4K, .size = SZ_8K,
	  .error = -EADDRNOTAVAIL },
	{ "guard above", SZ_16M - SZ_4K, .size = SZ_4K,
	  .flags = VCM_RES_GUARD, .error = -EADDRNOTAVAIL },
	{ "more than all", 0, .size = ~(resource_size_t)0 - (SZ_4K - 1),
	  .error = -EADDRNOTAVAIL },
	{ "over the end of all", TOP - (SZ_4K - 1), .size = SZ_8K,
	  .error = -EADDRNOTAVAIL },
	{ "in part blocked", SZ_4M - SZ_4K, .size = SZ_8K,
	  .error = -EADDRNOTAVAIL },
	{ "blocked", SZ_4M, .size = SZ_4K, .error = -EADDRNOTAVAIL },
	{ "around what is blocked", SZ_2M + SZ_64K, .size = SZ_4M,
	  .error = -EADDRNOTAVAIL },
	{ "guard blocked", SZ_4M - SZ_4K, .size = SZ_4K,
	  .flags = VCM_RES_GUARD, .error = -EADDRNOTAVAIL },
	{ "taken", SZ_8M, .size = SZ_64K, .error = -EADDRINUSE },
	{ "begins in it", SZ_8M + SZ_64K - SZ_4K, .size = SZ_8K,
	  .error = -EADDRINUSE },
	{ "ends in it", SZ_8M - SZ_4K, .size = SZ_8K,
	  .error = -EADDRINUSE },
	{ "around it", SZ_8M - SZ_4K, .size = SZ_1M,
	  .error = -EADDRINUSE },
	{ "in its guard", SZ_8M + SZ_64K, .size = SZ_4K,
	  .error = -EADDRINUSE },
	{ "with a guard in it", SZ_8M - SZ_4K, .size = SZ_4K,
	  .flags = VCM_RES_GUARD, .error = -EADDRINUSE },
};

static const struct window_row window_in_rows[] = {
	{ "size 0", 0, TOP, .error = -EINVAL },
	{ "size", 0, TOP, SZ_4K + 1, .error = -EINVAL },
	{ "alignment", 0, TOP, SZ_4K, SZ_2K, .error = -EINVAL },
	{ "no power of two", 0, TOP, SZ_4K, 3 * SZ_4K,
	  .error = -EINVAL },
	{ "window begins", 1, TOP, SZ_4K, .error = -EINVAL },
	{ "window ends", 0, SZ_2M, SZ_4K, .error = -EINVAL },
	{ "window empty", SZ_2M, SZ_2M - 1, SZ_4K, .error = -EINVAL },
	{ "window upside down", SZ_4M, SZ_2M - 1, SZ_4K,
	  .error = -EINVAL },
	{ "flag", 0, TOP, SZ_4K, 0, BIT(3), .error = -EINVAL },
	{ "below the aperture", 0, SZ_1M - 1, SZ_4K,
	  .error = -EADDRNOTAVAIL },
	{ "above", SZ_16M, TOP, SZ_4K, .error = -EADDRNOTAVAIL },
	{ "blocked", SZ_4M, SZ_4M + SZ_64K - 1, SZ_4K,
	  .error = -EADDRNOTAVAIL },
	{ "smaller than the size", SZ_2M, SZ_2M + SZ_4K - 1, SZ_8K,
	  .error = -ENOSPC },
	{ "smaller than the guard", SZ_2M, SZ_2M + SZ_4K - 1, SZ_4K, 0,
	  VCM_RES_GUARD, -ENOSPC },
	{ "taken", SZ_8M, SZ_8M + SZ_64K - 1, SZ_4K, .error = -ENOSPC },
	{ "guard taken", SZ_8M, SZ_8M + SZ_64K + SZ_4K - 1, SZ_4K,
	  .error = -ENOSPC },
	{ "blocked but for a bit", SZ_4M, SZ_4M + SZ_64K + SZ_4K - 1,
	  SZ_8K, .error = -ENOSPC },
	{ "nowhere so aligned", SZ_1M + SZ_4K, SZ_2M - 1, SZ_4K, SZ_1M,
	  .error = -ENOSPC },
	{ "aligned beyond the aperture", 0, TOP, SZ_4K, SZ_16M,
	  .error = -ENOSPC },
	{ "more than all", 0, TOP, ~(resource_size_t)0 - (SZ_4K - 1),
	  .error = -ENOSPC },
};

/**
 * struct window_used - a context of which some is taken
 * @ctx: the context
 * @dev: a device that cannot use the 64 KiB from 4 MiB on
 * @taken: a reservation of the 64 KiB from 8 MiB on, with a guard
 */
struct window_used {
	struct td_ctx *ctx;
	struct device *dev;
	struct vcm_res *taken;
};

static void window_use(struct kunit *test, struct window_used *used)
{
	used->ctx = td_create(test->priv, &window_cfg);
	used->dev = window_device(used->ctx);
	td_block(td_limit(used->ctx, used->dev), SZ_4M, SZ_4M + SZ_64K - 1);
	KUNIT_ASSERT_EQ(test, vcm_attach(used->ctx->vcm, used->dev), 0);
	used->taken = window_at(used->ctx, SZ_8M, SZ_64K, VCM_RES_GUARD);
}

/* Expect the errno of @row. */
static void window_refused(struct kunit *test, const struct window_row *row,
			   struct vcm_res *res)
{
	if (PTR_ERR_OR_ZERO(res) != row->error)
		KUNIT_FAIL(test, "%s: errno %d, not %d", row->what,
			   PTR_ERR_OR_ZERO(res), row->error);
	if (!IS_ERR(res))
		vcm_unreserve(res);
}

static void window_fits(struct td_ctx *ctx, dma_addr_t addr,
			resource_size_t size, unsigned int flags)
{
	vcm_unreserve(window_at(ctx, addr, size, flags));
}

/* vcm_reserve_at: each errno, which leaves everything as it was. */
static void window_at_errors(struct kunit *test)
{
	const struct window_row *row = window_at_rows;
	struct window_used used;
	struct td_ctx *ctx;

	window_use(test, &used);
	ctx = used.ctx;
	for (; row < window_at_rows + ARRAY_SIZE(window_at_rows); row++)
		window_refused(test, row,
			       vcm_reserve_at(ctx->vcm, row->min, row->size,
					      row->flags));
	expect_errno(test, vcm_reserve_at(NULL, 0, SZ_4K, 0), -EINVAL);
	expect_errno(test, vcm_reserve_at(ERR_PTR(-ENOMEM), 0, SZ_4K, 0),
		     -EINVAL);

	/* All around is free, up to the ends */
	window_fits(ctx, SZ_1M, SZ_2M + SZ_1M, 0);
	window_fits(ctx, SZ_8M + SZ_64K + SZ_4K, SZ_4M, VCM_RES_GUARD);
	window_fits(ctx, SZ_8M - SZ_8K, SZ_4K, VCM_RES_GUARD);
	window_fits(ctx, SZ_16M - SZ_4K, SZ_4K, 0);
	vcm_unreserve(used.taken);
	window_fits(ctx, SZ_8M, SZ_4K, 0);
	vcm_detach(ctx->vcm, used.dev);
}

/* vcm_reserve_in: each errno */
static void window_in_errors(struct kunit *test)
{
	const struct window_row *row = window_in_rows;
	struct window_used used;
	struct vcm *vcm;

	window_use(test, &used);
	vcm = used.ctx->vcm;
	for (; row < window_in_rows + ARRAY_SIZE(window_in_rows); row++)
		window_refused(test, row,
			       vcm_reserve_in(vcm, row->size, row->align,
					      row->min, row->max, row->flags));
	expect_errno(test, vcm_reserve_in(NULL, SZ_4K, 0, 0, TOP, 0), -EINVAL);
	expect_errno(test, vcm_reserve_in(ERR_PTR(-ENOMEM), SZ_4K, 0, 0, TOP,
					  0), -EINVAL);
	vcm_unreserve(used.taken);
	vcm_detach(vcm, used.dev);
}

/*
 * vcm_reserve*: -EOPNOTSUPP where addresses follow the memory, and for a flag
 * that the context cannot honour.
 */
static void window_unsupported(struct kunit *test)
{
	struct td_ctx *fixed = td_create(test->priv, &window_fixed);
	struct td_ctx *bare = td_create(test->priv, &window_bare);

	expect_errno(test, vcm_reserve_at(fixed->vcm, 0, SZ_4K, 0),
		     -EOPNOTSUPP);
	expect_errno(test, vcm_reserve_in(fixed->vcm, SZ_4K, 0, 0, TOP, 0),
		     -EOPNOTSUPP);
	expect_errno(test, vcm_reserve_at(bare->vcm, 0, SZ_4K, VCM_RES_GUARD),
		     -EOPNOTSUPP);
	expect_errno(test, vcm_reserve_in(bare->vcm, SZ_4K, 0, 0, TOP,
					  VCM_RES_GUARD), -EOPNOTSUPP);
}

/* vcm_reserve*: -ENODEV if the context is being destroyed. */
static void window_after_destroy(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &window_cfg);
	struct vcm_res *res = window_at(ctx, SZ_1M, SZ_4K, 0);

	vcm_destroy(ctx->vcm);
	expect_errno(test, vcm_reserve_at(ctx->vcm, SZ_2M, SZ_4K, 0), -ENODEV);
	expect_errno(test, vcm_reserve_in(ctx->vcm, SZ_4K, 0, 0, TOP, 0),
		     -ENODEV);
	vcm_unreserve(res);
}

/* Flags: neither VCM_RES_READ nor VCM_RES_WRITE means both. */
static void window_flags(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &window_cfg);
	static const struct { unsigned int flags, got; } rows[] = {
		{ 0, RW }, { RW, RW }, { VCM_RES_READ, VCM_RES_READ },
		{ VCM_RES_WRITE, VCM_RES_WRITE },
		{ VCM_RES_GUARD, RW | VCM_RES_GUARD },
	};
	struct vcm_addr_info info;
	struct vcm_res *res;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		res = window_at(ctx, SZ_2M, SZ_4K, rows[i].flags);
		KUNIT_EXPECT_EQ(test, vcm_lookup_info(ctx->vcm, SZ_2M, &info),
				0);
		KUNIT_EXPECT_EQ(test, info.res[0].flags, rows[i].got);
		vcm_unreserve(res);
	}
}

/* vcm_reserve*: the first and the last address are like any others. */
static void window_ends_of_space(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &window_all);
	struct vcm_res *first, *last, *in;

	first = window_at(ctx, 0, SZ_4K, 0);
	last = window_at(ctx, TOP - (SZ_4K - 1), SZ_4K, 0);
	in = vcm_reserve_in(ctx->vcm, SZ_4K, 0, TOP - (SZ_8K - 1), TOP, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, in);
	KUNIT_EXPECT_EQ(test, in->start, TOP - (SZ_8K - 1));
	expect_errno(test, vcm_reserve_in(ctx->vcm, SZ_4K, 0, TOP - (SZ_8K - 1),
					  TOP, 0), -ENOSPC);
	vcm_unreserve(in);
	/* Its guard would lie after the last address */
	vcm_unreserve(last);
	expect_errno(test, vcm_reserve_at(ctx->vcm, TOP - (SZ_4K - 1), SZ_4K,
					  VCM_RES_GUARD), -EADDRNOTAVAIL);
	in = vcm_reserve_in(ctx->vcm, SZ_4K, 0, 0, SZ_8K - 1, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, in);
	KUNIT_EXPECT_EQ(test, in->start, SZ_4K);
	vcm_unreserve(in);
	vcm_unreserve(first);
}

/*
 * Alignment: 0 means natural, or else the largest page that helps, or else the
 * granule. Another alignment is a demand.
 */
static void window_alignment(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &window_cfg);
	static const struct {
		resource_size_t size, align;
		dma_addr_t min, max, want;
	} rows[] = {
		{ SZ_4K, 0, SZ_1M + SZ_4K, TOP, SZ_1M + SZ_4K },
		{ SZ_64K, 0, SZ_1M + SZ_4K, TOP, SZ_1M + SZ_64K },
		{ SZ_64K + SZ_4K, 0, SZ_1M + SZ_4K, TOP, SZ_1M + SZ_128K },
		{ 3 * SZ_4K, 0, SZ_1M + SZ_4K, TOP, SZ_1M + SZ_16K },
		{ SZ_1M, 0, SZ_1M + SZ_4K, TOP, SZ_2M },
		/* Not 4 MiB, but a page of 1 MiB; not that one either */
		{ 3 * SZ_1M, 0, SZ_1M + SZ_4K, SZ_4M + SZ_2M - 1, SZ_2M },
		{ 3 * SZ_1M, 0, SZ_1M + SZ_4K, SZ_4M + SZ_64K - 1,
		  SZ_1M + SZ_4K },
		{ SZ_1M, 0, SZ_1M + SZ_4K, SZ_2M + SZ_64K - 1, SZ_1M + SZ_4K },
		{ SZ_64K, SZ_4K, SZ_1M + SZ_4K, TOP, SZ_1M + SZ_4K },
		{ SZ_4K, SZ_1M, SZ_1M + SZ_4K, TOP, SZ_2M },
		{ SZ_4K, SZ_8K, SZ_1M + SZ_4K, TOP, SZ_1M + SZ_8K },
		{ SZ_4K, SZ_8M, 0, TOP, SZ_8M },
	};
	struct vcm_res *res;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		res = vcm_reserve_in(ctx->vcm, rows[i].size, rows[i].align,
				     rows[i].min, rows[i].max, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
		KUNIT_EXPECT_EQ_MSG(test, res->start, rows[i].want,
				    "row %u", i);
		KUNIT_EXPECT_EQ(test, res->res_size, rows[i].size);
		vcm_unreserve(res);
	}
	expect_errno(test, vcm_reserve_in(ctx->vcm, SZ_1M, SZ_1M, SZ_1M + SZ_4K,
					  SZ_2M + SZ_64K - 1, 0), -ENOSPC);
}

/*
 * VCM_RES_GUARD: the guard lies within the window. So a window of exactly the
 * size is too small, and one granule more is enough.
 */
static void window_guard(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &window_cfg);
	static const resource_size_t sizes[] = { SZ_4K, SZ_64K, 3 * SZ_64K };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		const dma_addr_t end = SZ_2M + sizes[i];
		struct vcm_res *res;

		expect_errno(test, vcm_reserve_in(ctx->vcm, sizes[i], 0, SZ_2M,
						  end - 1, VCM_RES_GUARD),
			     -ENOSPC);
		res = vcm_reserve_in(ctx->vcm, sizes[i], 0, SZ_2M, end - 1, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
		vcm_unreserve(res);

		res = vcm_reserve_in(ctx->vcm, sizes[i], 0, SZ_2M,
				     end + SZ_4K - 1, VCM_RES_GUARD);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
		KUNIT_EXPECT_EQ(test, res->start, SZ_2M);
		KUNIT_EXPECT_EQ(test, res->res_size, sizes[i]);
		expect_errno(test, vcm_reserve_at(ctx->vcm, end, SZ_4K, 0),
			     -EADDRINUSE);
		window_fits(ctx, end + SZ_4K, SZ_4K, 0);
		vcm_unreserve(res);
	}
}

/* Against a model: a table of all granules */

#define UNITS		512
#define UNIT		SZ_4K
#define LIVE		48

struct window_model {
	struct td_ctx *ctx;
	struct rnd_state rnd;
	struct vcm_res *live[LIVE];
	unsigned int units[LIVE];
	bool blocked[UNITS];
	bool taken[UNITS];
};

static unsigned int window_random(struct window_model *m, unsigned int below)
{
	return prandom_u32_state(&m->rnd) % below;
}

/* Return true if some of @nr units from @at on cannot be used. */
static bool model_blocked(const struct window_model *m, unsigned int at,
			  unsigned int nr)
{
	unsigned int i;

	if (at + nr > UNITS)
		return true;
	for (i = at; i < at + nr; i++)
		if (m->blocked[i])
			return true;
	return false;
}

/* Return true if some of them are reserved. */
static bool model_taken(const struct window_model *m, unsigned int at,
			unsigned int nr)
{
	unsigned int i;

	for (i = at; i < min(at + nr, UNITS); i++)
		if (m->taken[i])
			return true;
	return false;
}

static void model_set(struct window_model *m, unsigned int i, bool taken)
{
	unsigned int at = m->live[i]->start / UNIT, n;

	for (n = at; n < at + m->units[i]; n++)
		m->taken[n] = taken;
}

static void model_at(struct kunit *test, struct window_model *m, unsigned int i)
{
	unsigned int at = window_random(m, UNITS + 8);
	unsigned int nr = 1 + window_random(m, 16), guard = window_random(m, 2);
	struct vcm_res *res;

	res = vcm_reserve_at(m->ctx->vcm, (dma_addr_t)at * UNIT, nr * UNIT,
			     guard ? VCM_RES_GUARD : 0);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(res),
			model_blocked(m, at, nr + guard) ? -EADDRNOTAVAIL :
			model_taken(m, at, nr + guard) ? -EADDRINUSE : 0);
	if (IS_ERR(res))
		return;
	KUNIT_ASSERT_EQ(test, res->start, (dma_addr_t)at * UNIT);
	m->live[i] = res;
	m->units[i] = nr + guard;
	model_set(m, i, true);
}

/* Return true if @nr units in a row are free within the window. */
static bool model_run(const struct window_model *m, unsigned int min,
		      unsigned int end, unsigned int nr)
{
	unsigned int at;

	for (at = min; at + nr <= min_t(unsigned int, end, UNITS); at++)
		if (!model_blocked(m, at, nr) && !model_taken(m, at, nr))
			return true;
	return false;
}

/* Return true if some unit of the window can be used. */
static bool model_touches(const struct window_model *m, unsigned int min,
			  unsigned int end)
{
	unsigned int at;

	for (at = min; at < min_t(unsigned int, end, UNITS); at++)
		if (!m->blocked[at])
			return true;
	return false;
}

/*
 * Check the range that is chosen. A request may fail if no free run has size +
 * alignment - granule, and must fail if none has the size.
 */
static void model_in(struct kunit *test, struct window_model *m, unsigned int i)
{
	unsigned int min = window_random(m, UNITS + 16);
	unsigned int end = min + 1 + window_random(m, 2 * UNITS / 3);
	unsigned int align = 1 << window_random(m, 5), at;
	unsigned int nr = 1 + window_random(m, 16), guard = window_random(m, 2);
	unsigned int units = nr + guard;
	struct vcm_res *res;

	res = vcm_reserve_in(m->ctx->vcm, nr * UNIT, align * UNIT,
			     (dma_addr_t)min * UNIT, (dma_addr_t)end * UNIT - 1,
			     guard ? VCM_RES_GUARD : 0);
	if (!model_touches(m, min, end)) {
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(res), -EADDRNOTAVAIL);
		return;
	}
	if (IS_ERR(res)) {
		KUNIT_ASSERT_EQ(test, PTR_ERR(res), -ENOSPC);
		KUNIT_ASSERT_FALSE(test, model_run(m, min, end,
						   units + align - 1));
		return;
	}
	at = res->start / UNIT;
	KUNIT_ASSERT_EQ(test, res->start & (align * UNIT - 1), 0);
	KUNIT_ASSERT_GE(test, at, min);
	KUNIT_ASSERT_LE(test, at + units, end);
	KUNIT_ASSERT_FALSE(test, model_blocked(m, at, units));
	KUNIT_ASSERT_FALSE(test, model_taken(m, at, units));
	m->live[i] = res;
	m->units[i] = units;
	model_set(m, i, true);
}

static void model_block(struct window_model *m, struct device *dev)
{
	unsigned int i, n;

	for (i = 0; i < TD_RANGES; i++) {
		unsigned int at = window_random(m, UNITS - 24);
		unsigned int nr = 1 + window_random(m, 24);

		td_block(td_limit(m->ctx, dev), (dma_addr_t)at * UNIT,
			 (dma_addr_t)(at + nr) * UNIT - 1);
		for (n = at; n < at + nr; n++)
			m->blocked[n] = true;
	}
}

/* vcm_reserve_at, vcm_reserve_in: at random, against the model */
static void window_at_random(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.last = UNITS * UNIT - 1,
		.pgsize_bitmap = UNIT,
	};
	struct window_model *m;
	struct device *dev;
	unsigned int i, n;

	m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m);
	m->ctx = td_create(test->priv, &cfg);
	vcm_seed(test, &m->rnd);
	dev = window_device(m->ctx);
	model_block(m, dev);
	KUNIT_ASSERT_EQ(test, vcm_attach(m->ctx->vcm, dev), 0);

	for (n = 0; n < 5000; n++) {
		i = window_random(m, LIVE);
		if (m->live[i]) {
			model_set(m, i, false);
			vcm_unreserve(m->live[i]);
			m->live[i] = NULL;
		} else if (n & 1) {
			model_at(test, m, i);
		} else {
			model_in(test, m, i);
		}
	}
	for (i = 0; i < LIVE; i++)
		vcm_unreserve(m->live[i]);
}

#define THREADS		4

struct window_thread {
	struct td_ctx *ctx;
	atomic_t *owners;
	unsigned int wins;
	unsigned int losses;
	int odd;
};

/* Reserve addresses that other threads want too. */
static long window_thread(void *arg)
{
	struct window_thread *t = arg;
	struct vcm_res *res;
	unsigned int i;

	for (i = 0; i < 3000; i++) {
		if (i & 1)
			res = vcm_reserve_at(t->ctx->vcm, SZ_2M, SZ_64K, 0);
		else
			res = vcm_reserve_in(t->ctx->vcm, SZ_64K, SZ_4K, SZ_2M,
					     SZ_2M + SZ_64K + SZ_4K - 1, 0);
		if (!IS_ERR(res)) {
			if (atomic_inc_return(t->owners) != 1)
				t->odd = -EEXIST;
			cond_resched();
			atomic_dec(t->owners);
			vcm_unreserve(res);
			t->wins++;
		} else if (PTR_ERR(res) == (i & 1 ? -EADDRINUSE : -ENOSPC)) {
			t->losses++;
		} else {
			t->odd = PTR_ERR(res);
		}
		cond_resched();
	}
	return 0;
}

/* vcm_reserve*: of racing callers one gets each range. */
static void window_races(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &window_cfg);
	struct window_thread t[THREADS] = { };
	atomic_t owners = ATOMIC_INIT(0);
	void *args[THREADS];
	unsigned int i, wins = 0;

	for (i = 0; i < THREADS; i++) {
		t[i].ctx = ctx;
		t[i].owners = &owners;
		args[i] = &t[i];
	}
	td_run(test->priv, THREADS, window_thread, args, NULL);
	for (i = 0; i < THREADS; i++) {
		KUNIT_EXPECT_EQ(test, t[i].odd, 0);
		wins += t[i].wins;
	}
	KUNIT_EXPECT_GT(test, wins, 0);
}

static struct kunit_case window_cases[] = {
	KUNIT_CASE(window_at_errors),
	KUNIT_CASE(window_in_errors),
	KUNIT_CASE(window_unsupported),
	KUNIT_CASE(window_after_destroy),
	KUNIT_CASE(window_flags),
	KUNIT_CASE(window_ends_of_space),
	KUNIT_CASE(window_alignment),
	KUNIT_CASE(window_guard),
	KUNIT_CASE(window_at_random),
	KUNIT_CASE(window_races),
	{ }
};

static struct kunit_suite window_suite = {
	.name = "vcm_window",
	.init = td_begin,
	.exit = td_end,
	.test_cases = window_cases,
};

kunit_test_suite(window_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of windows of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
