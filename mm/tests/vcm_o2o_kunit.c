// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for the one-to-one wrapper of Virtual Contiguous Memory.
 *
 * No test touches memory, so physical addresses are made up.
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vcm-drv.h>

#include "vcm_leaves.h"
#include "vcm_seed.h"

/* The windows of o2o_to_bus() */
#define NEAR_CPU	((phys_addr_t)SZ_1G)
#define NEAR_BUS	((dma_addr_t)0)
#define FAR_CPU		(NEAR_CPU + SZ_512M)
#define FAR_BUS		((dma_addr_t)SZ_1G)
#define WINDOW_SIZE	SZ_512M

/* The window of o2o_to_last(): the highest bus address is in its middle */
#define LAST_CPU	((phys_addr_t)SZ_1G)
#define LAST_BUS	(~(dma_addr_t)0 - SZ_1M + 1)

/**
 * struct o2o_ctx - a context for tests
 * @vcm: the context
 * @released: number of contexts that were freed
 */
struct o2o_ctx {
	struct vcm vcm;
	unsigned int *released;
};

/**
 * struct o2o_state - state of a test case
 * @created: number of contexts that were made
 * @released: number of contexts that were freed
 * @freed: number of allocations that were freed
 */
struct o2o_state {
	unsigned int created;
	unsigned int released;
	unsigned int freed;
};

static void o2o_release(struct vcm *vcm)
{
	struct o2o_ctx *ctx = container_of(vcm, struct o2o_ctx, vcm);

	(*ctx->released)++;
	kfree(ctx);
}

/* Show two windows that are neighbours in memory, and not on the bus. */
static dma_addr_t o2o_to_bus(struct vcm *vcm, phys_addr_t paddr)
{
	if (paddr >= NEAR_CPU && paddr - NEAR_CPU < WINDOW_SIZE)
		return NEAR_BUS + (paddr - NEAR_CPU);
	if (paddr >= FAR_CPU && paddr - FAR_CPU < WINDOW_SIZE)
		return FAR_BUS + (paddr - FAR_CPU);
	return DMA_MAPPING_ERROR;
}

static dma_addr_t o2o_to_last(struct vcm *vcm, phys_addr_t paddr)
{
	return LAST_BUS + (paddr - LAST_CPU);
}

static const struct vcm_o2o_driver o2o_identity = {
	.vcm = {
		VCM_O2O_OPS,
		.owner = THIS_MODULE,
		.name = "o2o-identity",
		.release = o2o_release,
	},
};

static const struct vcm_o2o_driver o2o_windows = {
	.vcm = {
		VCM_O2O_OPS,
		.owner = THIS_MODULE,
		.name = "o2o-windows",
		.release = o2o_release,
	},
	.to_bus = o2o_to_bus,
};

static const struct vcm_o2o_driver o2o_wrapping = {
	.vcm = {
		VCM_O2O_OPS,
		.owner = THIS_MODULE,
		.name = "o2o-wrapping",
		.release = o2o_release,
	},
	.to_bus = o2o_to_last,
};

static void o2o_phys_free(struct vcm_phys *phys)
{
	struct o2o_state *state = phys->priv;

	state->freed++;
}

static struct vcm *o2o_create(struct kunit *test,
			      const struct vcm_o2o_driver *driver,
			      dma_addr_t start, dma_addr_t last)
{
	struct o2o_state *state = test->priv;
	struct o2o_ctx *ctx = kzalloc_obj(*ctx);
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	ctx->released = &state->released;
	ret = vcm_o2o_init(&ctx->vcm, driver, start, last);
	if (ret)
		kfree(ctx);
	KUNIT_ASSERT_EQ(test, ret, 0);
	state->created++;
	return &ctx->vcm;
}

static struct vcm_phys *o2o_parts(struct kunit *test, unsigned int nr,
				  const struct phys_vec *parts)
{
	struct vcm_phys *phys;

	phys = vcm_phys_new(nr, 0, o2o_phys_free, test->priv);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	memcpy(phys->parts, parts, nr * sizeof(*parts));
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
	return phys;
}

static struct vcm_phys *o2o_part(struct kunit *test, phys_addr_t paddr,
				 size_t len)
{
	const struct phys_vec part = { .paddr = paddr, .len = len };

	return o2o_parts(test, 1, &part);
}

/* Drop the last reference of @phys. */
static void o2o_free(struct kunit *test, struct vcm_phys *phys)
{
	struct o2o_state *state = test->priv;
	unsigned int freed = state->freed;

	vcm_free(phys);
	KUNIT_EXPECT_EQ_MSG(test, state->freed, freed + 1,
			    "the memory has another holder");
}

/* Map memory at @paddr and unmap it again. Return 0 or the errno of vcm_map(). */
static int o2o_try(struct kunit *test, struct vcm *vcm, phys_addr_t paddr,
		   size_t len, dma_addr_t *start)
{
	struct vcm_phys *phys = o2o_part(test, paddr, len);
	struct vcm_res *res = vcm_map(vcm, phys, 0);
	int ret = PTR_ERR_OR_ZERO(res);

	if (!ret)
		*start = res->start;
	vcm_unmap(res);
	o2o_free(test, phys);
	return ret;
}

/* vcm_map: where addresses follow the memory, res->start is the bus address. */
static void o2o_identity_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	struct vcm_phys *phys = o2o_part(test, SZ_1G, SZ_1M);
	struct vcm_res *res;

	res = vcm_map(vcm, phys, VCM_RES_READ);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, (u64)res->start, SZ_1G);
	KUNIT_EXPECT_EQ(test, (u64)res->res_size, SZ_1M);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, phys);
	KUNIT_EXPECT_PTR_EQ(test, res->vcm, vcm);
	KUNIT_EXPECT_EQ(test, vcm_leaves(res), 0);
	vcm_unmap(res);
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/* Addresses: 0 is an address like any other, of the bus and of memory. */
static void o2o_zero_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	dma_addr_t start = 1;

	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, 0, PAGE_SIZE, &start), 0);
	KUNIT_EXPECT_EQ(test, (u64)start, 0);
	vcm_destroy(vcm);

	vcm = o2o_create(test, &o2o_windows, 0, U32_MAX);
	start = 1;
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, NEAR_CPU, PAGE_SIZE, &start),
			0);
	KUNIT_EXPECT_EQ(test, (u64)start, 0);
	vcm_destroy(vcm);
}

/*
 * vcm_bind: -EADDRNOTAVAIL if the bus shows the memory in two places, only in
 * part, or not at all.
 */
static void o2o_windows_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_windows, 0, U32_MAX);
	dma_addr_t start;

	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, NEAR_CPU + SZ_1M, SZ_1M,
				      &start), 0);
	KUNIT_EXPECT_EQ(test, (u64)start, (u64)NEAR_BUS + SZ_1M);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, FAR_CPU, WINDOW_SIZE, &start),
			0);
	KUNIT_EXPECT_EQ(test, (u64)start, (u64)FAR_BUS);

	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, FAR_CPU - SZ_1M, SZ_2M,
				      &start), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, NEAR_CPU - SZ_1M, SZ_2M,
				      &start), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, NEAR_CPU - SZ_1M, SZ_1M,
				      &start), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, FAR_CPU + WINDOW_SIZE,
				      PAGE_SIZE, &start), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, FAR_CPU + WINDOW_SIZE - SZ_1M,
				      SZ_2M, &start), -EADDRNOTAVAIL);
	vcm_destroy(vcm);
}

/* vcm_bind: -EADDRNOTAVAIL outside of the aperture; all of it can be used. */
static void o2o_aperture_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, SZ_64M, SZ_128M - 1);
	dma_addr_t start;

	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_64M, SZ_64M, &start), 0);
	KUNIT_EXPECT_EQ(test, (u64)start, SZ_64M);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_64M - PAGE_SIZE, PAGE_SIZE,
				      &start), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_64M - PAGE_SIZE, SZ_1M,
				      &start), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_128M - PAGE_SIZE, SZ_1M,
				      &start), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_128M, PAGE_SIZE, &start),
			-EADDRNOTAVAIL);
	vcm_destroy(vcm);
}

/* vcm_bind: the aperture may end at the highest address; no sum wraps there. */
static void o2o_top_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_wrapping, 0, ~(dma_addr_t)0);
	dma_addr_t start;

	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, LAST_CPU, SZ_1M, &start), 0);
	KUNIT_EXPECT_EQ(test, (u64)start, (u64)LAST_BUS);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, LAST_CPU + SZ_1M - PAGE_SIZE,
				      PAGE_SIZE, &start), 0);
	KUNIT_EXPECT_EQ(test, (u64)start, (u64)(~(dma_addr_t)0 - PAGE_SIZE + 1));
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, LAST_CPU, SZ_1M + PAGE_SIZE,
				      &start), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, LAST_CPU, SZ_2M, &start),
			-EADDRNOTAVAIL);
	vcm_destroy(vcm);
}

/* vcm_bind: parts above 4 GiB, at addresses above 4 GiB. */
static void o2o_large_test(struct kunit *test)
{
	/* Variables: constants would overflow where the test is skipped */
	u64 paddr = 5ULL * SZ_1G, len = 6ULL * SZ_1G;
	dma_addr_t start;
	struct vcm *vcm;
	int ret;

	if (sizeof(phys_addr_t) < sizeof(u64))
		kunit_skip(test, "physical addresses have 32 bits");

	vcm = o2o_create(test, &o2o_identity, 0, ~(dma_addr_t)0);
	ret = o2o_try(test, vcm, paddr,
		      sizeof(size_t) < sizeof(u64) ? SZ_1M : len, &start);
	if (sizeof(dma_addr_t) < sizeof(u64)) {
		/* The bus is narrower; an address that wrapped would fit */
		KUNIT_EXPECT_EQ(test, ret, -EADDRNOTAVAIL);
	} else {
		KUNIT_EXPECT_EQ(test, ret, 0);
		KUNIT_EXPECT_EQ(test, (u64)start, paddr);
	}
	vcm_destroy(vcm);
}

/* vcm_bind: -EOPNOTSUPP for memory of several parts, in any order. */
static void o2o_parts_test(struct kunit *test)
{
	const struct phys_vec apart[] = {
		{ .paddr = SZ_1G, .len = SZ_1M },
		{ .paddr = SZ_1G + SZ_2M, .len = SZ_1M },
	};
	const struct phys_vec swapped[] = {
		{ .paddr = SZ_1G + SZ_1M, .len = SZ_1M },
		{ .paddr = SZ_1G, .len = SZ_1M },
	};
	const struct phys_vec joined[] = {
		{ .paddr = SZ_1G, .len = SZ_1M },
		{ .paddr = SZ_1G + SZ_1M, .len = SZ_1M },
	};
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	struct vcm_phys *phys;
	struct vcm_res *res;

	phys = o2o_parts(test, ARRAY_SIZE(apart), apart);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-EOPNOTSUPP));
	o2o_free(test, phys);

	phys = o2o_parts(test, ARRAY_SIZE(swapped), swapped);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-EOPNOTSUPP));
	o2o_free(test, phys);

	phys = o2o_parts(test, ARRAY_SIZE(joined), joined);
	res = vcm_map(vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, (u64)res->res_size, SZ_2M);
	vcm_unmap(res);
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/* vcm_bind: -EOPNOTSUPP for a part that is not whole pages. */
static void o2o_unaligned_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	dma_addr_t start;

	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_1G + 8, PAGE_SIZE, &start),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_1G, PAGE_SIZE + 8, &start),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_1G, PAGE_SIZE / 2, &start),
			-EOPNOTSUPP);
	vcm_destroy(vcm);
}

/*
 * vcm_reserve: -EOPNOTSUPP where addresses follow the memory, of each call that
 * reserves; vcm_map: -EOPNOTSUPP for a guard, vcm_map_at: -EOPNOTSUPP.
 */
static void o2o_flags_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	struct vcm_phys *phys = o2o_part(test, SZ_1G, SZ_1M);

	KUNIT_EXPECT_FALSE(test, vcm_can_reserve(vcm));
	KUNIT_EXPECT_PTR_EQ(test, vcm_reserve(vcm, SZ_1M, 0),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_PTR_EQ(test, vcm_reserve_at(vcm, SZ_1G, SZ_1M, 0),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_PTR_EQ(test, vcm_reserve_in(vcm, SZ_1M, 0, 0, U32_MAX, 0),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_PTR_EQ(test, vcm_map_at(vcm, phys, SZ_1G, 0),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, VCM_RES_GUARD),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, VCM_RES_FLAGS + 1),
			    ERR_PTR(-EINVAL));
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/*
 * A mapping belongs to the caller that made it: a second one of the same memory
 * is a reservation of its own, with flags of its own, and stays bound when the
 * first is unmapped.
 */
static void o2o_twice_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	struct vcm_phys *phys = o2o_part(test, SZ_1G, SZ_1M);
	struct vcm_res *first = vcm_map(vcm, phys, VCM_RES_READ);
	struct vcm_res *second = vcm_map(vcm, phys, VCM_RES_READ);
	struct vcm_res *third = vcm_map(vcm, phys, VCM_RES_WRITE);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, first);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, third);
	KUNIT_EXPECT_PTR_NE(test, first, second);
	KUNIT_EXPECT_PTR_NE(test, second, third);

	vcm_unmap(first);
	KUNIT_EXPECT_PTR_EQ(test, second->phys, phys);
	vcm_unbind(second);
	KUNIT_EXPECT_NULL(test, second->phys);
	KUNIT_EXPECT_PTR_EQ(test, third->phys, phys);
	KUNIT_EXPECT_EQ(test, (u64)third->start, SZ_1G);
	vcm_unmap(third);
	vcm_unmap(second);
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/*
 * A mapping belongs to the caller that made it: ranges of different descriptions
 * of the same memory may overlap in any way.
 */
static void o2o_overlap_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	struct vcm_phys *phys = o2o_part(test, SZ_1G, SZ_1M);
	struct vcm_res *res = vcm_map(vcm, phys, 0);
	dma_addr_t start;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_1G, SZ_1M, &start), 0);
	KUNIT_EXPECT_EQ(test, (u64)start, SZ_1G);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_1G + SZ_1M - PAGE_SIZE,
				      SZ_1M, &start), 0);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_1G - PAGE_SIZE, SZ_2M,
				      &start), 0);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_1G + PAGE_SIZE, PAGE_SIZE,
				      &start), 0);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, phys);
	vcm_unmap(res);
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/*
 * vcm_bind: an unbound reservation keeps its address, so memory at the same
 * address can be bound there; memory elsewhere is -EOPNOTSUPP, larger memory
 * -ENOSPC, and nothing changes.
 */
static void o2o_rebind_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	struct vcm_phys *phys = o2o_part(test, SZ_1G, SZ_1M);
	struct vcm_phys *small = o2o_part(test, SZ_1G, PAGE_SIZE);
	struct vcm_phys *large = o2o_part(test, SZ_1G, SZ_2M);
	struct vcm_phys *other = o2o_part(test, SZ_512M, SZ_1M);
	struct vcm_res *res = vcm_map(vcm, phys, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EALREADY);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, small), -EADDRINUSE);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, (u64)res->start, SZ_1G);
	KUNIT_EXPECT_NULL(test, res->phys);

	KUNIT_EXPECT_EQ(test, vcm_bind(res, other), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, large), -ENOSPC);
	KUNIT_EXPECT_EQ(test, (u64)res->start, SZ_1G);
	KUNIT_EXPECT_NULL(test, res->phys);

	KUNIT_EXPECT_EQ(test, vcm_bind(res, small), 0);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, small);
	KUNIT_EXPECT_EQ(test, (u64)res->res_size, SZ_1M);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_EQ(test, (u64)res->start, SZ_1G);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, phys);
	vcm_unmap(res);

	o2o_free(test, other);
	o2o_free(test, large);
	o2o_free(test, small);
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/*
 * vcm_bind: a reservation that was unbound while another one was made at its
 * address can be bound again beside it.
 */
static void o2o_idle_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	struct vcm_phys *phys = o2o_part(test, SZ_1G, SZ_1M);
	struct vcm_res *first = vcm_map(vcm, phys, 0), *second;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, first);
	vcm_unbind(first);

	second = vcm_map(vcm, phys, VCM_RES_READ);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);
	KUNIT_EXPECT_PTR_NE(test, second, first);
	KUNIT_EXPECT_EQ(test, (u64)second->start, SZ_1G);
	KUNIT_EXPECT_EQ(test, vcm_bind(first, phys), 0);
	vcm_unmap(second);
	KUNIT_EXPECT_PTR_EQ(test, first->phys, phys);
	KUNIT_EXPECT_EQ(test, (u64)first->start, SZ_1G);
	vcm_unmap(first);
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/* vcm_activate: only counts where the context is always active. */
static void o2o_active_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	struct vcm_phys *phys = o2o_part(test, SZ_1G, SZ_1M);
	struct vcm_res *res = vcm_map(vcm, phys, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, (u64)res->start, SZ_1G);
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
	vcm_deactivate(vcm);
	vcm_deactivate(vcm);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, phys);
	KUNIT_EXPECT_EQ(test, (u64)res->start, SZ_1G);

	kunit_warning_suppress(test) {
		vcm_deactivate(vcm);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	vcm_unmap(res);
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/* vcm_destroy: the last reservation that has an owner frees the context. */
static void o2o_destroy_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	struct vcm_phys *phys = o2o_part(test, SZ_1G, SZ_1M);
	struct vcm_res *res = vcm_map(vcm, phys, 0);
	struct o2o_state *state = test->priv;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	vcm_destroy(vcm);
	KUNIT_EXPECT_EQ(test, state->released, 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-ENODEV));
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -ENODEV);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, state->released, 1);
	o2o_free(test, phys);
}

/* vcm_o2o_init: -EINVAL for arguments that contradict each other. */
static void o2o_init_test(struct kunit *test)
{
	struct vcm *vcm = kunit_kzalloc(test, sizeof(*vcm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vcm);
	KUNIT_EXPECT_EQ(test, vcm_o2o_init(vcm, &o2o_identity, SZ_1M,
					   SZ_1M - 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, vcm_o2o_init(vcm, &o2o_identity, 8, SZ_1M - 1),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, vcm_o2o_init(vcm, &o2o_identity, 0, SZ_1M),
			-EINVAL);
}

#define O2O_PAGES	256
#define O2O_SLOTS	48
#define O2O_STEPS	5000

/* A mapping of the random test; @res is NULL in a free slot. */
struct o2o_slot {
	struct vcm_phys *phys;
	struct vcm_res *res;
	unsigned int first, nr;
};

/* Return true if a reservation of the random test covers @page. */
static bool o2o_covered(const struct o2o_slot *slot, unsigned int page)
{
	unsigned int s;

	for (s = 0; s < O2O_SLOTS; s++)
		if (slot[s].res && page - slot[s].first < slot[s].nr)
			return true;
	return false;
}

/* Map memory of random pages, which may pass the end of the aperture. */
static void o2o_random_map(struct kunit *test, struct vcm *vcm,
			   struct o2o_slot *slot, struct rnd_state *rnd)
{
	struct vcm_res *res;

	slot->first = prandom_u32_state(rnd) % O2O_PAGES;
	slot->nr = 1 + prandom_u32_state(rnd) % 12;
	slot->phys = o2o_part(test, SZ_1G + slot->first * PAGE_SIZE,
			      slot->nr * PAGE_SIZE);
	res = vcm_map(vcm, slot->phys, 0);
	if (slot->first + slot->nr > O2O_PAGES) {
		KUNIT_ASSERT_PTR_EQ(test, res, ERR_PTR(-EADDRNOTAVAIL));
		o2o_free(test, slot->phys);
		return;
	}
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	slot->res = res;
}

/*
 * A mapping belongs to the caller that made it: mappings of random ranges, which
 * overlap, come and go, and an address leads to its memory exactly as long as
 * one of them covers it.
 */
static void o2o_random_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, SZ_1G,
				     SZ_1G + O2O_PAGES * PAGE_SIZE - 1);
	struct o2o_slot *slot = kunit_kcalloc(test, O2O_SLOTS, sizeof(*slot),
					      GFP_KERNEL);
	struct rnd_state rnd;
	unsigned int i, s;

	KUNIT_ASSERT_NOT_NULL(test, slot);
	vcm_seed(test, &rnd);
	for (i = 0; i < O2O_STEPS; i++) {
		unsigned int page = prandom_u32_state(&rnd) % O2O_PAGES;
		phys_addr_t paddr;
		int ret;

		s = prandom_u32_state(&rnd) % O2O_SLOTS;
		if (slot[s].res) {
			vcm_unmap(slot[s].res);
			o2o_free(test, slot[s].phys);
			slot[s].res = NULL;
		} else {
			o2o_random_map(test, vcm, &slot[s], &rnd);
		}
		ret = vcm_addr_to_phys(vcm, SZ_1G + page * PAGE_SIZE, &paddr);
		KUNIT_ASSERT_EQ(test, ret,
				o2o_covered(slot, page) ? 0 : -ENOENT);
		if (!ret)
			KUNIT_ASSERT_EQ(test, (u64)paddr,
					SZ_1G + page * PAGE_SIZE);
	}

	for (s = 0; s < O2O_SLOTS; s++) {
		if (!slot[s].res)
			continue;
		vcm_unmap(slot[s].res);
		o2o_free(test, slot[s].phys);
	}
	vcm_destroy(vcm);
}

/*
 * Confinement: memory that the devices do not reach is never returned: vcm_alloc()
 * is -EADDRNOTAVAIL. Else the memory is one part.
 */
static void o2o_alloc_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, ~(dma_addr_t)0);
	struct vcm_phys *phys = vcm_alloc(vcm, 3 * PAGE_SIZE, 0);
	struct vcm_res *res;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_EXPECT_EQ(test, phys->count, 1);
	res = vcm_map(vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, (u64)res->start, (u64)phys->parts[0].paddr);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_destroy(vcm);

	vcm = o2o_create(test, &o2o_identity, 0, PAGE_SIZE - 1);
	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, 3 * PAGE_SIZE, 0),
			    ERR_PTR(-EADDRNOTAVAIL));
	vcm_destroy(vcm);
}

static int o2o_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct o2o_state), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

/* Check that each context was freed. */
static void o2o_exit(struct kunit *test)
{
	struct o2o_state *state = test->priv;

	if (state)
		KUNIT_EXPECT_EQ(test, state->released, state->created);
}

static struct kunit_case o2o_cases[] = {
	KUNIT_CASE(o2o_identity_test),
	KUNIT_CASE(o2o_zero_test),
	KUNIT_CASE(o2o_windows_test),
	KUNIT_CASE(o2o_aperture_test),
	KUNIT_CASE(o2o_top_test),
	KUNIT_CASE(o2o_large_test),
	KUNIT_CASE(o2o_parts_test),
	KUNIT_CASE(o2o_unaligned_test),
	KUNIT_CASE(o2o_flags_test),
	KUNIT_CASE(o2o_twice_test),
	KUNIT_CASE(o2o_overlap_test),
	KUNIT_CASE(o2o_rebind_test),
	KUNIT_CASE(o2o_idle_test),
	KUNIT_CASE(o2o_active_test),
	KUNIT_CASE(o2o_destroy_test),
	KUNIT_CASE(o2o_init_test),
	KUNIT_CASE(o2o_random_test),
	KUNIT_CASE(o2o_alloc_test),
	{ }
};

static struct kunit_suite o2o_suite = {
	.name = "vcm_o2o",
	.init = o2o_init,
	.exit = o2o_exit,
	.test_cases = o2o_cases,
};

kunit_test_suite(o2o_suite);

MODULE_DESCRIPTION("KUnit tests for the one-to-one wrapper of Virtual Contiguous Memory");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_LICENSE("GPL");
