// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the look-ups of Virtual Contiguous Memory: who has an address, who
 * had it, who has memory bound, and where another context sees the same byte.
 *
 * "Row" in the comments is a row of "What each call promises".
 */
#include <kunit/test.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>

#include "vcm_testdrv.h"

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random tests; 0: a new one for each run");

#define TOP		(~(dma_addr_t)0)
#define RW		(VCM_RES_READ | VCM_RES_WRITE)

static const struct td_cfg lookup_cfg = {
	.last = SZ_16M - 1,
	.pgsize_bitmap = SZ_4K | SZ_64K,
};

/* Both ends of the address space */
static const struct td_cfg lookup_all = {
	.last = TOP,
	.pgsize_bitmap = SZ_4K,
};

static const struct td_cfg lookup_fixed = {
	.last = U32_MAX,
	.pgsize_bitmap = SZ_4K,
	.fixed = true,
};

static struct vcm_res *lookup_at(struct td_ctx *ctx, dma_addr_t addr,
				 resource_size_t size, unsigned int flags)
{
	struct vcm_res *res = vcm_reserve_at(ctx->vcm, addr, size, flags);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, res);
	return res;
}

static struct vcm_phys *lookup_phys(struct kunit *test, size_t len)
{
	struct vcm_phys *phys = td_phys_any(test->priv, len);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	return phys;
}

static struct vcm_res *lookup_map(struct td_ctx *ctx, struct vcm_phys *phys)
{
	struct vcm_res *res = vcm_map(ctx->vcm, phys, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, res);
	return res;
}

/* Looks up, and begins with an answer that is wrong in every bit. */
static int lookup_info(struct td_ctx *ctx, dma_addr_t addr,
		       struct vcm_addr_info *info)
{
	memset(info, 0xa5, sizeof(*info));
	return vcm_lookup_info(ctx->vcm, addr, info);
}

static void expect_nobody(struct kunit *test, const struct vcm_res_info *info)
{
	KUNIT_EXPECT_EQ(test, info->size, 0);
	KUNIT_EXPECT_PTR_EQ(test, info->owner, NULL);
}

static void expect_res(struct kunit *test, const struct vcm_res_info *info,
		       const struct vcm_res *res)
{
	KUNIT_EXPECT_EQ(test, info->start, res->start);
	KUNIT_EXPECT_EQ(test, info->size, res->res_size);
	KUNIT_EXPECT_EQ(test, info->bound_size, res->bound_size);
	KUNIT_EXPECT_FALSE(test, info->quarantined);
	KUNIT_EXPECT_PTR_NE(test, info->owner, NULL);
}

/* vcm_lookup_info(): the first, the last and the bytes around a reservation */
static void lookup_info_hit(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_phys *phys = lookup_phys(test, SZ_8K);
	struct vcm_addr_info info;
	struct vcm_res *res;

	res = lookup_at(ctx, SZ_1M, SZ_64K, VCM_RES_READ);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), 0);
	expect_res(test, &info.res, res);
	KUNIT_EXPECT_EQ(test, info.res.flags, VCM_RES_READ);
	KUNIT_EXPECT_EQ(test, info.res.bound_size, 0);
	expect_nobody(test, &info.below);
	expect_nobody(test, &info.above);
	KUNIT_EXPECT_PTR_EQ(test, info.released.owner, NULL);

	KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_64K - 1, &info), 0);
	expect_res(test, &info.res, res);
	KUNIT_EXPECT_EQ(test, info.res.bound_size, SZ_8K);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M - 1, &info), -ENOENT);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_64K, &info), -ENOENT);

	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), 0);
	KUNIT_EXPECT_EQ(test, info.res.bound_size, 0);
	vcm_unreserve(res);
	vcm_free(phys);
}

/* vcm_lookup_info(): who is next to an address that nobody has */
static void lookup_info_neighbours(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_res *a, *b, *c;
	struct vcm_addr_info info;

	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), -ENOENT);
	expect_nobody(test, &info.below);
	expect_nobody(test, &info.above);

	a = lookup_at(ctx, SZ_1M, SZ_64K, 0);
	c = lookup_at(ctx, SZ_4M, SZ_64K, 0);
	b = lookup_at(ctx, SZ_2M, SZ_4K, 0);

	KUNIT_EXPECT_EQ(test, lookup_info(ctx, 0, &info), -ENOENT);
	expect_nobody(test, &info.res);
	expect_nobody(test, &info.below);
	expect_res(test, &info.above, a);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_64K, &info), -ENOENT);
	expect_nobody(test, &info.res);
	expect_res(test, &info.below, a);
	expect_res(test, &info.above, b);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_4M - 1, &info), -ENOENT);
	expect_res(test, &info.below, b);
	expect_res(test, &info.above, c);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_16M - 1, &info), -ENOENT);
	expect_res(test, &info.below, c);
	expect_nobody(test, &info.above);
	/* A device may well ask for what lies beyond the aperture */
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, TOP, &info), -ENOENT);
	expect_res(test, &info.below, c);
	expect_nobody(test, &info.above);

	vcm_unreserve(b);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_2M, &info), -ENOENT);
	expect_res(test, &info.below, a);
	expect_res(test, &info.above, c);
	vcm_unreserve(a);
	vcm_unreserve(c);
}

/* VCM_RES_GUARD: nobody has an address in a guard, and it is behind its owner */
static void lookup_info_guard(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_res *res, *next;
	struct vcm_addr_info info;

	res = lookup_at(ctx, SZ_1M, SZ_4K, VCM_RES_GUARD);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_4K - 1, &info), 0);
	expect_res(test, &info.res, res);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_4K, &info), -ENOENT);
	expect_nobody(test, &info.res);
	expect_res(test, &info.below, res);
	expect_nobody(test, &info.above);
	expect_errno(test, vcm_lookup(ctx->vcm, SZ_1M + SZ_4K), -ENOENT);

	next = lookup_at(ctx, SZ_1M + SZ_8K, SZ_4K, 0);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_8K - 1, &info),
			-ENOENT);
	expect_res(test, &info.below, res);
	expect_res(test, &info.above, next);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_8K, &info), 0);
	expect_res(test, &info.res, next);
	vcm_unreserve(res);
	vcm_unreserve(next);
}

/* Row "errors": a bad pointer is -EINVAL, or the end of an iteration. */
static void lookup_bad_pointers(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm *const bad[] = { NULL, ERR_PTR(-ENODEV) };
	struct vcm_res *res = lookup_at(ctx, 0, SZ_4K, 0);
	struct vcm_addr_info info;
	dma_addr_t addr;
	phys_addr_t paddr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ(test, vcm_lookup_info(bad[i], 0, &info), -EINVAL);
		expect_errno(test, vcm_lookup(bad[i], 0), -EINVAL);
		KUNIT_EXPECT_PTR_EQ(test, vcm_next_res(bad[i], NULL), NULL);
		KUNIT_EXPECT_PTR_EQ(test, vcm_phys_next_res((void *)bad[i], NULL),
				    NULL);
		KUNIT_EXPECT_EQ(test, vcm_addr_to_phys(bad[i], 0, &paddr),
				-EINVAL);
		KUNIT_EXPECT_EQ(test, vcm_translate(bad[i], 0, ctx->vcm, &addr),
				-EINVAL);
		KUNIT_EXPECT_EQ(test, vcm_translate(ctx->vcm, 0, bad[i], &addr),
				-EINVAL);
		vcm_res_put((void *)bad[i]);
	}
	KUNIT_EXPECT_EQ(test, vcm_lookup_info(ctx->vcm, 0, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, vcm_addr_to_phys(ctx->vcm, 0, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, vcm_translate(ctx->vcm, 0, ctx->vcm, NULL),
			-EINVAL);
	vcm_unreserve(res);
}

/* The same for the place where an iteration is, as vcm_lookup() may answer it */
static void lookup_bad_prev(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_res *res = lookup_at(ctx, 0, SZ_4K, 0);
	struct vcm_phys *phys = lookup_phys(test, SZ_4K);

	KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_PTR_EQ(test, NULL,
			    vcm_next_res(ctx->vcm, ERR_PTR(-ENOENT)));
	KUNIT_EXPECT_PTR_EQ(test, NULL,
			    vcm_phys_next_res(phys, ERR_PTR(-ENOENT)));
	vcm_unmap(res);
	vcm_free(phys);
}

/* History */

/* Not a tail call, so that whoever is to be remembered is on the stack */
static noinline struct vcm_res *lookup_owner(struct td_ctx *ctx,
					     dma_addr_t addr)
{
	struct vcm_res *res = vcm_reserve_at(ctx->vcm, addr, SZ_4K, 0);

	barrier();
	return res;
}

static noinline void lookup_releaser(struct vcm_res *res)
{
	vcm_unreserve(res);
	barrier();
}

static void expect_code(struct kunit *test, const void *code, const char *name)
{
	char text[KSYM_SYMBOL_LEN];

	KUNIT_EXPECT_PTR_NE(test, code, NULL);
	if (!IS_ENABLED(CONFIG_KALLSYMS))
		return;
	/* The compiler may append what it has made of a function */
	snprintf(text, sizeof(text), "%ps", code);
	if (!strstarts(text, name))
		KUNIT_FAIL(test, "%s instead of %s", text, name);
}

/* Who had an address, who gave it back, and when */
static void lookup_history(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_res *res = lookup_owner(ctx, SZ_1M);
	unsigned long before, after;
	struct vcm_addr_info info;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), 0);
	expect_code(test, info.res.owner, "lookup_owner");
	KUNIT_EXPECT_PTR_EQ(test, info.released.owner, NULL);

	before = jiffies;
	lookup_releaser(res);
	after = jiffies;
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_4K - 1, &info),
			-ENOENT);
	expect_code(test, info.released.owner, "lookup_owner");
	expect_code(test, info.released.by, "lookup_releaser");
	KUNIT_EXPECT_EQ(test, info.released.start, SZ_1M);
	KUNIT_EXPECT_EQ(test, info.released.last, SZ_1M + SZ_4K - 1);
	KUNIT_EXPECT_TRUE(test, time_in_range(info.released.when, before,
					      after));

	/* Not the next one, and not the one before */
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_4K, &info), -ENOENT);
	KUNIT_EXPECT_PTR_EQ(test, info.released.owner, NULL);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M - 1, &info), -ENOENT);
	KUNIT_EXPECT_PTR_EQ(test, info.released.owner, NULL);

	/* Whoever has it now does not hide who had it */
	res = lookup_at(ctx, SZ_1M, SZ_64K, 0);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), 0);
	expect_res(test, &info.res, res);
	expect_code(test, info.released.by, "lookup_releaser");
	vcm_unreserve(res);
}

/* Of several that had an address the last one that gave it back is told. */
static void lookup_history_latest(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_addr_info info;
	struct vcm_res *res;

	vcm_unreserve(lookup_at(ctx, SZ_1M, SZ_64K, 0));
	vcm_unreserve(lookup_at(ctx, SZ_1M + SZ_4K, SZ_8K, 0));
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_4K, &info), -ENOENT);
	KUNIT_EXPECT_EQ(test, info.released.start, SZ_1M + SZ_4K);
	KUNIT_EXPECT_EQ(test, info.released.last, SZ_1M + SZ_4K + SZ_8K - 1);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), -ENOENT);
	KUNIT_EXPECT_EQ(test, info.released.start, SZ_1M);
	KUNIT_EXPECT_EQ(test, info.released.last, SZ_1M + SZ_64K - 1);

	/* The order of releases counts, not that of reservations */
	res = lookup_at(ctx, SZ_2M, SZ_8K, 0);
	vcm_unreserve(lookup_at(ctx, SZ_2M + SZ_8K, SZ_4K, 0));
	vcm_unreserve(res);
	vcm_unreserve(lookup_at(ctx, SZ_2M + SZ_4K, SZ_8K, 0));
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_2M, &info), -ENOENT);
	KUNIT_EXPECT_EQ(test, info.released.start, SZ_2M);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_2M + SZ_4K, &info), -ENOENT);
	KUNIT_EXPECT_EQ(test, info.released.start, SZ_2M + SZ_4K);
}

/* VCM_HISTORY releases are remembered, and no more. */
static void lookup_history_bounded(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_addr_info info;
	unsigned int i, round;

	/* Whatever was there before */
	for (round = 0; round < 3; round++) {
		vcm_unreserve(lookup_at(ctx, SZ_8M + round * SZ_4K, SZ_4K, 0));
		for (i = 1; i < VCM_HISTORY; i++)
			vcm_unreserve(lookup_at(ctx, i * SZ_64K, SZ_4K, 0));
		KUNIT_EXPECT_EQ(test, -ENOENT,
				lookup_info(ctx, SZ_8M + round * SZ_4K, &info));
		KUNIT_EXPECT_PTR_NE(test, info.released.owner, NULL);

		vcm_unreserve(lookup_at(ctx, SZ_64K, SZ_4K, 0));
		KUNIT_EXPECT_EQ(test, -ENOENT,
				lookup_info(ctx, SZ_8M + round * SZ_4K, &info));
		KUNIT_EXPECT_PTR_EQ(test, info.released.owner, NULL);
		for (i = 1; i < VCM_HISTORY; i++) {
			KUNIT_EXPECT_EQ(test, -ENOENT,
					lookup_info(ctx, i * SZ_64K, &info));
			KUNIT_EXPECT_EQ(test, info.released.start, i * SZ_64K);
		}
	}
}

/* Where addresses follow the memory, to unbind is to give them back. */
static void lookup_history_fixed(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_fixed);
	struct vcm_phys *phys = lookup_phys(test, SZ_64K);
	struct vcm_res *res = lookup_map(ctx, phys);
	const dma_addr_t start = res->start;
	struct vcm_addr_info info;

	KUNIT_EXPECT_EQ(test, lookup_info(ctx, start, &info), 0);
	expect_res(test, &info.res, res);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, start + SZ_4K, &info), -ENOENT);
	expect_nobody(test, &info.below);
	KUNIT_EXPECT_EQ(test, info.released.start, start);
	KUNIT_EXPECT_EQ(test, info.released.last, start + SZ_64K - 1);
	expect_code(test, info.released.by, "lookup_history_fixed");

	KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, start, &info), 0);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, start, &info), -ENOENT);
	vcm_free(phys);
}

/* References */

/*
 * Row "ownership of a reservation": what vcm_lookup() returns keeps the struct
 * and its context, and neither the addresses nor the memory.
 */
static void lookup_reference(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &lookup_cfg);
	struct vcm_phys *phys = lookup_phys(test, SZ_64K);
	struct vcm_res *res = lookup_map(ctx, phys);
	const dma_addr_t start = res->start;
	struct vcm_res *found;

	found = vcm_lookup(ctx->vcm, start + SZ_64K - 1);
	KUNIT_ASSERT_PTR_EQ(test, found, res);
	expect_errno(test, vcm_lookup(ctx->vcm, start + SZ_64K), -ENOENT);

	vcm_free(phys);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 1);
	expect_errno(test, vcm_lookup(ctx->vcm, start), -ENOENT);
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(found), -EINVAL);
	KUNIT_EXPECT_PTR_EQ(test, found->phys, NULL);
	/* Somebody else may have the addresses, it is not confused with him */
	res = lookup_at(ctx, start, SZ_64K, 0);
	KUNIT_EXPECT_PTR_NE(test, res, found);
	vcm_unreserve(res);

	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 0);
	KUNIT_EXPECT_PTR_EQ(test, found->vcm, ctx->vcm);
	vcm_res_put(found);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
}

/* vcm_next_res(): all, in ascending order, with both ends of the space */
static void lookup_iterate(struct kunit *test)
{
	static const dma_addr_t where[] = {
		0, SZ_4K, SZ_1M, TOP - (SZ_8K - 1), TOP - (SZ_4K - 1),
	};
	struct td_ctx *ctx = td_create(test->priv, &lookup_all);
	struct vcm_res *res[ARRAY_SIZE(where)], *pos = NULL;
	unsigned int i;

	KUNIT_EXPECT_PTR_EQ(test, vcm_next_res(ctx->vcm, NULL), NULL);
	for (i = ARRAY_SIZE(where); i--;)
		res[i] = lookup_at(ctx, where[i], SZ_4K, 0);
	for (i = 0; i < ARRAY_SIZE(where); i++) {
		pos = vcm_next_res(ctx->vcm, pos);
		KUNIT_ASSERT_PTR_EQ(test, pos, res[i]);
	}
	KUNIT_EXPECT_PTR_EQ(test, vcm_next_res(ctx->vcm, pos), NULL);

	/* Ended early */
	pos = vcm_next_res(ctx->vcm, NULL);
	KUNIT_EXPECT_PTR_EQ(test, pos, res[0]);
	vcm_res_put(pos);
	for (i = 0; i < ARRAY_SIZE(where); i++)
		vcm_unreserve(res[i]);
}

/* While it is under way, others come and go: each that stays is met once. */
static void lookup_iterate_changes(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_res *stays[8], *goes[8], *pos = NULL;
	unsigned int i, met = 0;

	for (i = 0; i < 8; i++) {
		stays[i] = lookup_at(ctx, i * SZ_1M, SZ_4K, VCM_RES_GUARD);
		goes[i] = lookup_at(ctx, i * SZ_1M + SZ_64K, SZ_4K, 0);
	}
	while ((pos = vcm_next_res(ctx->vcm, pos))) {
		if (met < 8 && pos == stays[met]) {
			met++;
			continue;
		}
		KUNIT_ASSERT_GT(test, met, 0);
		KUNIT_ASSERT_PTR_EQ(test, pos, goes[met - 1]);
		/* The one it stands at, and one that it has passed */
		vcm_unreserve(goes[met - 1]);
		goes[met - 1] = lookup_at(ctx, (met - 1) * SZ_1M + SZ_8K, SZ_4K,
					  0);
		KUNIT_ASSERT_LE(test, met, 8);
	}
	KUNIT_EXPECT_EQ(test, met, 8);
	for (i = 0; i < 8; i++) {
		vcm_unreserve(stays[i]);
		vcm_unreserve(goes[i]);
	}
}

/* Where addresses follow the memory, what is bound is met and nothing else. */
static void lookup_iterate_fixed(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_fixed);
	struct vcm_phys *phys[2];
	struct vcm_res *res[2], *pos;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		phys[i] = lookup_phys(test, SZ_64K);
		res[i] = lookup_map(ctx, phys[i]);
	}
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res[0]), phys[0]);
	pos = vcm_next_res(ctx->vcm, NULL);
	KUNIT_EXPECT_PTR_EQ(test, pos, res[1]);
	KUNIT_EXPECT_PTR_EQ(test, vcm_next_res(ctx->vcm, pos), NULL);
	for (i = 0; i < 2; i++) {
		vcm_unmap(res[i]);
		vcm_free(phys[i]);
	}
}

/* vcm_phys_next_res(): all contexts, the oldest binding first */
static void lookup_iterate_phys(struct kunit *test)
{
	struct td_ctx *a = td_create(test->priv, &lookup_cfg);
	struct td_ctx *b = td_create(test->priv, &lookup_cfg);
	struct td_ctx *c = td_create(test->priv, &lookup_fixed);
	struct vcm_phys *phys = lookup_phys(test, SZ_64K);
	struct vcm_res *res[4], *pos = NULL;
	unsigned int i;

	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_next_res(phys, NULL), NULL);
	res[0] = lookup_map(b, phys);
	res[1] = lookup_map(c, phys);
	res[2] = lookup_map(a, phys);
	res[3] = lookup_map(b, phys);
	for (i = 0; i < 4; i++) {
		pos = vcm_phys_next_res(phys, pos);
		KUNIT_ASSERT_PTR_EQ(test, pos, res[i]);
	}
	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_next_res(phys, pos), NULL);

	/* The one it stands at goes; bound again it is the youngest */
	pos = vcm_phys_next_res(phys, NULL);
	pos = vcm_phys_next_res(phys, pos);
	KUNIT_ASSERT_PTR_EQ(test, pos, res[1]);
	vcm_unmap(res[1]);
	pos = vcm_phys_next_res(phys, pos);
	KUNIT_EXPECT_PTR_EQ(test, pos, res[2]);
	vcm_res_put(pos);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res[0]), phys);
	KUNIT_EXPECT_EQ(test, vcm_bind(res[0], phys), 0);
	pos = vcm_phys_next_res(phys, NULL);
	KUNIT_EXPECT_PTR_EQ(test, pos, res[2]);
	pos = vcm_phys_next_res(phys, pos);
	KUNIT_EXPECT_PTR_EQ(test, pos, res[3]);
	pos = vcm_phys_next_res(phys, pos);
	KUNIT_EXPECT_PTR_EQ(test, pos, res[0]);
	vcm_res_put(pos);

	vcm_unmap(res[0]);
	vcm_unmap(res[2]);
	vcm_unmap(res[3]);
	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_next_res(phys, NULL), NULL);
	vcm_free(phys);
}

/* Addresses of the same byte */

static const struct vcm_phys_ops lookup_ops = {
	.owner = THIS_MODULE,
};

/* Three parts of different sizes, in no order */
static struct vcm_phys *lookup_parts(struct kunit *test)
{
	struct vcm_phys *phys = vcm_phys_new(3, 0, &lookup_ops, NULL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	phys->parts[0] = (struct phys_vec) { SZ_8M, SZ_8K };
	phys->parts[1] = (struct phys_vec) { SZ_1M, SZ_4K };
	phys->parts[2] = (struct phys_vec) { SZ_4M, SZ_16K };
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
	return phys;
}

/* vcm_addr_to_phys(): the ends of each part, active or not */
static void lookup_addr_to_phys(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	const struct { size_t offset; phys_addr_t paddr; } want[] = {
		{ 0, SZ_8M }, { SZ_8K - 1, SZ_8M + SZ_8K - 1 },
		{ SZ_8K, SZ_1M }, { SZ_8K + SZ_4K - 1, SZ_1M + SZ_4K - 1 },
		{ SZ_8K + SZ_4K, SZ_4M },
		{ SZ_8K + SZ_4K + SZ_16K - 1, SZ_4M + SZ_16K - 1 },
	};
	struct vcm_phys *phys = lookup_parts(test);
	struct vcm_res *res;
	phys_addr_t paddr;
	unsigned int i, j;

	res = lookup_at(ctx, SZ_2M, SZ_64K, VCM_RES_GUARD);
	KUNIT_EXPECT_EQ(test, vcm_addr_to_phys(ctx->vcm, SZ_2M, &paddr),
			-ENOENT);
	KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);
	for (j = 0; j < 2; j++) {
		for (i = 0; i < ARRAY_SIZE(want); i++) {
			KUNIT_EXPECT_EQ(test, 0,
					vcm_addr_to_phys(ctx->vcm, SZ_2M +
							 want[i].offset, &paddr));
			KUNIT_EXPECT_EQ(test, paddr, want[i].paddr);
		}
		KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	}
	/* Reserved, not bound; the guard; nobody's */
	KUNIT_EXPECT_EQ(test, -ENOENT,
			vcm_addr_to_phys(ctx->vcm, SZ_2M + phys->size, &paddr));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			vcm_addr_to_phys(ctx->vcm, SZ_2M + SZ_64K, &paddr));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			vcm_addr_to_phys(ctx->vcm, SZ_2M - 1, &paddr));
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_EQ(test, -ENOENT,
			vcm_addr_to_phys(ctx->vcm, SZ_2M, &paddr));
	vcm_unreserve(res);
	vcm_free(phys);
}

static void expect_translates(struct kunit *test, struct vcm_res *from,
			      struct vcm_res *to, resource_size_t offset)
{
	dma_addr_t addr = 0;

	KUNIT_EXPECT_EQ(test, 0, vcm_translate(from->vcm, from->start + offset,
					       to->vcm, &addr));
	KUNIT_EXPECT_EQ(test, addr, to->start + offset);
}

/* vcm_translate(): from each context to each, the oldest binding there */
static void lookup_translate(struct kunit *test)
{
	struct td_ctx *a = td_create(test->priv, &lookup_cfg);
	struct td_ctx *b = td_create(test->priv, &lookup_cfg);
	struct td_ctx *fixed = td_create(test->priv, &lookup_fixed);
	struct td_ctx *none = td_create(test->priv, &lookup_cfg);
	struct vcm_phys *phys = lookup_phys(test, SZ_16K);
	struct vcm_phys *other = lookup_phys(test, SZ_16K);
	struct vcm_res *res[3], *second, *alien;
	dma_addr_t addr;
	unsigned int i, j;

	vcm_unreserve(lookup_at(a, 0, SZ_4K, 0));
	alien = lookup_map(none, other);
	res[0] = lookup_map(a, phys);
	res[1] = lookup_at(b, SZ_4M, SZ_64K, 0);
	KUNIT_ASSERT_EQ(test, vcm_bind(res[1], phys), 0);
	second = lookup_map(b, phys);
	res[2] = lookup_map(fixed, phys);

	for (i = 0; i < 3; i++) {
		for (j = 0; j < 3; j++) {
			expect_translates(test, res[i], res[j], 0);
			expect_translates(test, res[i], res[j], SZ_16K - 1);
		}
		KUNIT_EXPECT_EQ(test, -ENOENT,
				vcm_translate(res[i]->vcm, res[i]->start,
					      none->vcm, &addr));
		KUNIT_EXPECT_EQ(test, -ENOENT,
				vcm_translate(res[i]->vcm,
					      res[i]->start + SZ_16K, a->vcm,
					      &addr));
	}
	expect_translates(test, second, res[0], SZ_4K);

	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res[1]), phys);
	expect_translates(test, res[0], second, SZ_4K);
	vcm_unmap(second);
	KUNIT_EXPECT_EQ(test, -ENOENT, vcm_translate(a->vcm, res[0]->start,
						     b->vcm, &addr));
	for (i = 0; i < 3; i++)
		vcm_unmap(res[i]);
	vcm_unmap(alien);
	vcm_free(phys);
	vcm_free(other);
}

/* The CPU finds, where vcm_vmm is said to have it, what the memory contains. */
static void lookup_translate_vmm(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.last = SZ_1G - 1,
		.pgsize_bitmap = PAGE_SIZE,
		.pages = true,
	};
	struct td_ctx *ctx = td_create(test->priv, &cfg);
	struct vcm_res *res, *cpu;
	dma_addr_t addr, back;
	struct vcm_phys *phys;
	unsigned int i;

	phys = vcm_alloc(ctx->vcm, 3 * PAGE_SIZE, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = lookup_map(ctx, phys);
	KUNIT_EXPECT_EQ(test, -ENOENT,
			vcm_translate(ctx->vcm, res->start, vcm_vmm, &addr));
	cpu = vcm_map(vcm_vmm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cpu);
	for (i = 0; i < 3; i++)
		memset(vcm_cpu_addr(cpu) + i * PAGE_SIZE, i + 1, PAGE_SIZE);
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, 0,
				vcm_translate(ctx->vcm, res->start +
					      i * PAGE_SIZE + 7, vcm_vmm, &addr));
		KUNIT_EXPECT_EQ(test, *(u8 *)(uintptr_t)addr, i + 1);
		KUNIT_EXPECT_EQ(test, 0, vcm_translate(vcm_vmm, addr, ctx->vcm,
						       &back));
		KUNIT_EXPECT_EQ(test, back, res->start + i * PAGE_SIZE + 7);
	}
	vcm_unmap(cpu);
	vcm_unmap(res);
	vcm_free(phys);
}

/* Against an oracle */

#define SLOTS		256
#define SLOT		SZ_4K
#define LIVE		24

/* What the oracle knows: who has a granule, and who has it as a guard */
struct lookup_model {
	struct td_ctx *ctx;
	struct rnd_state rnd;
	struct vcm_res *live[LIVE];
	struct vcm_res *has[SLOTS];
	struct vcm_res *guards[SLOTS];
};

static void model_reserve(struct kunit *test, struct lookup_model *m,
			  unsigned int i)
{
	unsigned int at = prandom_u32_state(&m->rnd) % SLOTS;
	unsigned int nr = 1 + prandom_u32_state(&m->rnd) % 8;
	bool guard = prandom_u32_state(&m->rnd) & 1;
	unsigned int end = at + nr + guard, n;
	bool taken = false;
	struct vcm_res *res;

	for (n = at; n < min(end, SLOTS); n++)
		taken |= m->has[n] || m->guards[n];
	res = vcm_reserve_at(m->ctx->vcm, (dma_addr_t)at * SLOT, nr * SLOT,
			     guard ? VCM_RES_GUARD : 0);
	expect_errno(test, res, end > SLOTS ? -EADDRNOTAVAIL :
			       taken ? -EADDRINUSE : 0);
	if (IS_ERR(res))
		return;
	m->live[i] = res;
	for (n = at; n < at + nr; n++)
		m->has[n] = res;
	if (guard)
		m->guards[n] = res;
}

static void model_release(struct lookup_model *m, unsigned int i)
{
	unsigned int n;

	for (n = 0; n < SLOTS; n++) {
		if (m->has[n] == m->live[i])
			m->has[n] = NULL;
		if (m->guards[n] == m->live[i])
			m->guards[n] = NULL;
	}
	vcm_unreserve(m->live[i]);
	m->live[i] = NULL;
}

static void model_expect(struct kunit *test, const struct vcm_res_info *info,
			 const struct vcm_res *res)
{
	if (res)
		expect_res(test, info, res);
	else
		expect_nobody(test, info);
}

static void model_check(struct kunit *test, struct lookup_model *m)
{
	struct vcm_res *below = NULL, *above, *pos = NULL, *found;
	struct vcm_addr_info info;
	unsigned int n, behind;

	for (n = 0; n < SLOTS; n++) {
		dma_addr_t addr = (dma_addr_t)n * SLOT +
				  prandom_u32_state(&m->rnd) % SLOT;
		int ret = lookup_info(m->ctx, addr, &info);

		KUNIT_ASSERT_EQ(test, ret, m->has[n] ? 0 : -ENOENT);
		found = vcm_lookup(m->ctx->vcm, addr);
		KUNIT_ASSERT_PTR_EQ(test, found,
				    m->has[n] ?: ERR_PTR(-ENOENT));
		vcm_res_put(found);
		if (m->has[n]) {
			model_expect(test, &info.res, m->has[n]);
			if (below != m->has[n]) {
				pos = vcm_next_res(m->ctx->vcm, pos);
				KUNIT_ASSERT_PTR_EQ(test, pos, m->has[n]);
			}
			below = m->has[n];
			continue;
		}
		for (behind = n; behind < SLOTS && !m->has[behind];)
			behind++;
		above = behind < SLOTS ? m->has[behind] : NULL;
		model_expect(test, &info.below, below);
		model_expect(test, &info.above, above);
	}
	KUNIT_ASSERT_PTR_EQ(test, vcm_next_res(m->ctx->vcm, pos), NULL);
}

/*
 * Reservations come and go at random: for each granule all look-ups and the
 * iteration say what a table of all granules says.
 */
static void lookup_random(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.last = SLOTS * SLOT - 1,
		.pgsize_bitmap = SLOT,
	};
	const u32 start = seed ?: get_random_u32();
	struct lookup_model *m;
	unsigned int i, step;

	kunit_info(test, "seed %u\n", start);
	m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m);
	m->ctx = td_create(test->priv, &cfg);
	prandom_seed_state(&m->rnd, start);
	for (step = 0; step < 600; step++) {
		i = prandom_u32_state(&m->rnd) % LIVE;
		if (m->live[i])
			model_release(m, i);
		else
			model_reserve(test, m, i);
		model_check(test, m);
	}
	for (i = 0; i < LIVE; i++)
		if (m->live[i])
			model_release(m, i);
	model_check(test, m);
}

/* Races */

#define THREADS		4
#define ROUNDS		2000

struct lookup_thread {
	struct td_ctx *ctx;
	struct vcm_phys *phys;
	unsigned int nr;
	const char *broken;
};

static void lookup_check(struct lookup_thread *t, bool good, const char *what)
{
	if (!good && !t->broken)
		t->broken = what;
}

static void lookup_churn(struct lookup_thread *t, unsigned int i)
{
	struct vcm_res *res;

	res = vcm_reserve_at(t->ctx->vcm, (t->nr * 8 + i % 8) * SZ_8K, SZ_4K,
			     VCM_RES_GUARD);
	lookup_check(t, !IS_ERR(res), "reserve_at");
	if (IS_ERR(res))
		return;
	lookup_check(t, !vcm_bind(res, t->phys), "bind");
	vcm_unmap(res);
}

static void lookup_walk(struct lookup_thread *t)
{
	struct vcm_res *pos = NULL;
	dma_addr_t next = 0;

	while ((pos = vcm_next_res(t->ctx->vcm, pos))) {
		lookup_check(t, pos->start >= next, "not ascending");
		lookup_check(t, pos->vcm == t->ctx->vcm, "another context");
		next = pos->start + pos->res_size;
		cond_resched();
	}
}

static void lookup_walk_phys(struct lookup_thread *t)
{
	struct vcm_res *pos = NULL;

	while ((pos = vcm_phys_next_res(t->phys, pos))) {
		lookup_check(t, pos->vcm == t->ctx->vcm, "another context");
		cond_resched();
	}
}

static void lookup_one(struct lookup_thread *t, unsigned int i)
{
	dma_addr_t addr = (i % (THREADS * 8)) * SZ_8K, out;
	struct vcm_res *res = vcm_lookup(t->ctx->vcm, addr);
	phys_addr_t paddr;
	int ret;

	if (IS_ERR(res)) {
		lookup_check(t, PTR_ERR(res) == -ENOENT, "errno of lookup");
	} else {
		lookup_check(t, res->start == addr, "another reservation");
		vcm_res_put(res);
	}
	ret = vcm_addr_to_phys(t->ctx->vcm, addr, &paddr);
	lookup_check(t, ret ? ret == -ENOENT :
			      paddr == t->phys->parts[0].paddr, "addr_to_phys");
	ret = vcm_translate(t->ctx->vcm, addr, t->ctx->vcm, &out);
	lookup_check(t, !ret || ret == -ENOENT, "translate");
}

static long lookup_thread(void *arg)
{
	struct lookup_thread *t = arg;
	unsigned int i;

	for (i = 0; i < ROUNDS && !t->broken; i++) {
		if (t->nr & 1)
			lookup_churn(t, i);
		else if (i % 3 == 0)
			lookup_walk(t);
		else if (i % 3 == 1)
			lookup_walk_phys(t);
		else
			lookup_one(t, i);
		cond_resched();
	}
	return 0;
}

/*
 * Iterations and look-ups meet the last drops of what they are looking at:
 * nobody reads what has been freed, and nothing is freed twice or never.
 */
static void lookup_races_last_drop(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_phys *phys = lookup_phys(test, SZ_4K);
	struct lookup_thread t[THREADS] = { };
	void *args[THREADS];
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		t[i].ctx = ctx;
		t[i].phys = phys;
		t[i].nr = i;
		args[i] = &t[i];
	}
	td_run(test->priv, THREADS, lookup_thread, args, NULL);
	for (i = 0; i < THREADS; i++)
		KUNIT_EXPECT_STREQ(test, t[i].broken ?: "", "");
	KUNIT_EXPECT_PTR_EQ(test, vcm_next_res(ctx->vcm, NULL), NULL);
	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_next_res(phys, NULL), NULL);
	vcm_free(phys);
	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
}

/* What an interrupt asks again and again, and what it found wrong */
struct lookup_irq {
	struct hrtimer timer;
	struct vcm *vcm;
	struct vcm_addr_info info;
	unsigned int slot;
	unsigned int calls;
	unsigned int wrong;
	bool soft;
};

static enum hrtimer_restart lookup_tick(struct hrtimer *timer)
{
	struct lookup_irq *irq = container_of(timer, struct lookup_irq, timer);
	struct vcm_addr_info *info = &irq->info;
	dma_addr_t addr = (irq->slot++ % 8) * SZ_8K;
	int ret = vcm_lookup_info(irq->vcm, addr, info);

	/* Whole and of one moment: the one that is there, or none of its like */
	if (ret != 0 && ret != -ENOENT)
		irq->wrong++;
	if (!ret && (info->res.start != addr || info->res.size != SZ_4K ||
		     info->res.flags != (RW | VCM_RES_GUARD) ||
		     !info->res.owner))
		irq->wrong++;
	if (ret && ((info->below.size && info->below.start >= addr) ||
		    (info->above.size && info->above.start <= addr)))
		irq->wrong++;
	if (!in_hardirq())
		irq->soft = true;
	WRITE_ONCE(irq->calls, irq->calls + 1);
	hrtimer_forward_now(timer, us_to_ktime(200));
	return HRTIMER_RESTART;
}

/*
 * Row "sleeping": vcm_lookup_info() in hard interrupts, while a thread reserves
 * and releases what they ask for.
 */
static void lookup_info_in_interrupt(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_phys *phys = lookup_phys(test, SZ_4K);
	struct lookup_thread t = { .ctx = ctx, .phys = phys };
	struct lookup_irq *irq;
	unsigned long end;
	unsigned int i;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "interrupts are threads");
	irq = kunit_kzalloc(test, sizeof(*irq), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, irq);
	irq->vcm = ctx->vcm;
	hrtimer_setup(&irq->timer, lookup_tick, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL);
	hrtimer_start(&irq->timer, us_to_ktime(200), HRTIMER_MODE_REL);
	end = jiffies + 10 * HZ;
	for (i = 0; READ_ONCE(irq->calls) < 50 && time_before(jiffies, end); i++) {
		lookup_churn(&t, i);
		cond_resched();
	}
	hrtimer_cancel(&irq->timer);

	KUNIT_EXPECT_GE(test, irq->calls, 50);
	KUNIT_EXPECT_EQ(test, irq->wrong, 0);
	KUNIT_EXPECT_FALSE(test, irq->soft);
	KUNIT_EXPECT_STREQ(test, t.broken ?: "", "");
	vcm_free(phys);
}

static struct kunit_case lookup_cases[] = {
	KUNIT_CASE(lookup_info_hit),
	KUNIT_CASE(lookup_info_neighbours),
	KUNIT_CASE(lookup_info_guard),
	KUNIT_CASE(lookup_bad_pointers),
	KUNIT_CASE(lookup_bad_prev),
	KUNIT_CASE(lookup_history),
	KUNIT_CASE(lookup_history_latest),
	KUNIT_CASE(lookup_history_bounded),
	KUNIT_CASE(lookup_history_fixed),
	KUNIT_CASE(lookup_reference),
	KUNIT_CASE(lookup_iterate),
	KUNIT_CASE(lookup_iterate_changes),
	KUNIT_CASE(lookup_iterate_fixed),
	KUNIT_CASE(lookup_iterate_phys),
	KUNIT_CASE(lookup_addr_to_phys),
	KUNIT_CASE(lookup_translate),
	KUNIT_CASE(lookup_translate_vmm),
	KUNIT_CASE(lookup_random),
	KUNIT_CASE_SLOW(lookup_races_last_drop),
	KUNIT_CASE(lookup_info_in_interrupt),
	{}
};

static struct kunit_suite lookup_suite = {
	.name = "vcm_lookup",
	.init = td_begin,
	.exit = td_end,
	.test_cases = lookup_cases,
};

kunit_test_suite(lookup_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of the look-ups of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
