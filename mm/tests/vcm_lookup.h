/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the tests of look-ups of Virtual Contiguous Memory.
 */
#ifndef _MM_TESTS_VCM_LOOKUP_H
#define _MM_TESTS_VCM_LOOKUP_H

#include <kunit/test.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "vcm_testdrv.h"

#define TOP		(~(dma_addr_t)0)

static const struct td_cfg lookup_cfg __maybe_unused = {
	.last = SZ_16M - 1,
	.pgsize_bitmap = SZ_4K | SZ_64K,
};

static const struct td_cfg lookup_fixed __maybe_unused = {
	.last = U32_MAX,
	.pgsize_bitmap = SZ_4K,
	.fixed = true,
};

static inline struct vcm_res *lookup_at(struct td_ctx *ctx, dma_addr_t addr,
					resource_size_t size,
					unsigned int flags)
{
	struct vcm_res *res = vcm_reserve_at(ctx->vcm, addr, size, flags);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, res);
	return res;
}

static inline struct vcm_phys *lookup_phys(struct kunit *test, size_t len)
{
	struct vcm_phys *phys = td_phys_any(test->priv, len);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	return phys;
}

/* Describe memory at a given address. */
static inline struct vcm_phys *lookup_phys_at(struct kunit *test,
					      phys_addr_t paddr, size_t len)
{
	struct vcm_phys *phys = td_phys(test->priv, paddr, len);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	return phys;
}

static inline struct vcm_res *lookup_map(struct td_ctx *ctx,
					 struct vcm_phys *phys)
{
	struct vcm_res *res = vcm_map(ctx->vcm, phys, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, res);
	return res;
}

/* Look up, into a copy that is wrong in every bit before. */
static inline int lookup_info(struct td_ctx *ctx, dma_addr_t addr,
			      struct vcm_addr_info *info)
{
	memset(info, 0xa5, sizeof(*info));
	return vcm_lookup_info(ctx->vcm, addr, info);
}

static inline void expect_none(struct kunit *test,
			       const struct vcm_res_info *info)
{
	KUNIT_EXPECT_EQ(test, info->size, 0);
	KUNIT_EXPECT_EQ(test, info->bound_size, 0);
	KUNIT_EXPECT_PTR_EQ(test, info->owner, NULL);
}

static inline void expect_res(struct kunit *test,
			      const struct vcm_res_info *info,
			      const struct vcm_res *res)
{
	KUNIT_EXPECT_EQ(test, info->start, res->start);
	KUNIT_EXPECT_EQ(test, info->size, res->res_size);
	KUNIT_EXPECT_EQ(test, info->bound_size,
			res->phys ? res->phys->size : 0);
	KUNIT_EXPECT_EQ(test, info->flags, res->flags);
	KUNIT_EXPECT_FALSE(test, info->quarantined);
	KUNIT_EXPECT_PTR_EQ(test, info->owner, res->owner);
	KUNIT_EXPECT_PTR_NE(test, info->owner, NULL);
}

#endif /* _MM_TESTS_VCM_LOOKUP_H */
