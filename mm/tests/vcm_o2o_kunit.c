// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for the one-to-one wrapper of Virtual Contiguous Memory.
 *
 * Nobody looks into the memory here, so none is needed: physical addresses are
 * made up.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vcm-drv.h>

/* How the bus of struct o2o_bus shows memory */
#define NEAR_CPU	((phys_addr_t)SZ_1G)
#define NEAR_BUS	((dma_addr_t)0)
#define FAR_CPU		(NEAR_CPU + SZ_512M)
#define FAR_BUS		((dma_addr_t)SZ_1G)
#define WINDOW_SIZE	SZ_512M

/* The same for a bus whose addresses end in the midst of memory */
#define LAST_CPU	((phys_addr_t)SZ_1G)
#define LAST_BUS	(~(dma_addr_t)0 - SZ_1M + 1)

/**
 * struct o2o_ctx - a context for tests
 * @vcm: the context
 * @released: counts contexts that were freed
 */
struct o2o_ctx {
	struct vcm vcm;
	unsigned int *released;
};

/**
 * struct o2o_state - what a test leaves to the end
 * @created: contexts that were made
 * @released: contexts that were freed
 * @freed: allocations that were freed
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

/* Two windows that are neighbours in memory and not on the bus */
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

static const struct vcm_phys_ops o2o_phys_ops = {
	.owner = THIS_MODULE,
	.free = o2o_phys_free,
};

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

	phys = vcm_phys_new(nr, 0, &o2o_phys_ops, test->priv);
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

/* Gives up @phys, which nothing else may hold any more. */
static void o2o_free(struct kunit *test, struct vcm_phys *phys)
{
	struct o2o_state *state = test->priv;
	unsigned int freed = state->freed;

	vcm_free(phys);
	KUNIT_EXPECT_EQ_MSG(test, state->freed, freed + 1,
			    "somebody still holds the memory");
}

/* Maps memory at @paddr; the answer is an errno or 0, and gone again. */
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

/* Addresses: one-to-one, res->start is the bus address */
static void o2o_identity_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	struct vcm_phys *phys = o2o_part(test, SZ_1G, SZ_1M);
	struct vcm_res *res;

	res = vcm_map(vcm, phys, VCM_RES_READ);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, (u64)res->start, SZ_1G);
	KUNIT_EXPECT_EQ(test, (u64)res->res_size, SZ_1M);
	KUNIT_EXPECT_EQ(test, (u64)res->bound_size, SZ_1M);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, phys);
	KUNIT_EXPECT_PTR_EQ(test, res->vcm, vcm);
	KUNIT_EXPECT_EQ(test, vcm_leaves(res), 0);
	vcm_unmap(res);
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/* Defect 10: address 0 is no failure, for the bus and for memory */
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
 * Addresses: a VCM hands out none that the device cannot reach, so memory that
 * the bus shows in two places, or not at all, is refused
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

/* Addresses: none outside the aperture, all of it can be used */
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

/* The aperture may end at 2^64 - 1, sums must not wrap around there */
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

/* Defect 13: parts that are large, at addresses that need more than 32 bits */
static void o2o_large_test(struct kunit *test)
{
	/* Not constants: they do not fit the types of the machines skipped below */
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
		/* The bus is narrower, and wrapping around would fit */
		KUNIT_EXPECT_EQ(test, ret, -EADDRNOTAVAIL);
	} else {
		KUNIT_EXPECT_EQ(test, ret, 0);
		KUNIT_EXPECT_EQ(test, (u64)start, paddr);
	}
	vcm_destroy(vcm);
}

/* vcm_bind: -EOPNOTSUPP for memory that one-to-one cannot make contiguous */
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
	KUNIT_EXPECT_EQ(test, (u64)res->bound_size, SZ_2M);
	vcm_unmap(res);
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/* vcm_bind: -EOPNOTSUPP for parts that are not aligned to the granule */
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

/* One-to-one: reserve alone is -EOPNOTSUPP, and so is a guard */
static void o2o_flags_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	struct vcm_phys *phys = o2o_part(test, SZ_1G, SZ_1M);

	KUNIT_EXPECT_PTR_EQ(test, vcm_reserve(vcm, SZ_1M, 0),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, VCM_RES_GUARD),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, VCM_RES_FLAGS + 1),
			    ERR_PTR(-EINVAL));
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/* Same address twice: the same reservation with one more ownership */
static void o2o_twice_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	struct vcm_phys *phys = o2o_part(test, SZ_1G, SZ_1M);
	struct vcm_res *res = vcm_map(vcm, phys, VCM_RES_READ);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, VCM_RES_READ), res);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, VCM_RES_WRITE),
			    ERR_PTR(-EADDRINUSE));
	/* Neither direction means both */
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-EADDRINUSE));

	vcm_unmap(res);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, phys);
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
	vcm_unmap(res);
	vcm_unmap(res);

	res = vcm_map(vcm, phys, VCM_RES_WRITE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, (u64)res->start, SZ_1G);
	vcm_unmap(res);
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/* vcm_bind: -EADDRINUSE where another reservation holds the range */
static void o2o_overlap_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	struct vcm_phys *phys = o2o_part(test, SZ_1G, SZ_1M);
	struct vcm_res *res = vcm_map(vcm, phys, 0);
	dma_addr_t start;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_1G, SZ_1M, &start),
			-EADDRINUSE);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_1G + SZ_1M - PAGE_SIZE,
				      SZ_1M, &start), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_1G - PAGE_SIZE, SZ_2M,
				      &start), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_1G - PAGE_SIZE, PAGE_SIZE,
				      &start), 0);
	KUNIT_EXPECT_EQ(test, o2o_try(test, vcm, SZ_1G + SZ_1M, PAGE_SIZE,
				      &start), 0);
	vcm_unmap(res);
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/*
 * One-to-one: bind of the same memory works after unbind, and of other memory
 * at the same address; memory elsewhere is -EOPNOTSUPP and changes nothing
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
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_EQ(test, (u64)res->start, SZ_1G);
	KUNIT_EXPECT_EQ(test, (u64)res->bound_size, 0);

	KUNIT_EXPECT_EQ(test, vcm_bind(res, other), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, large), -ENOSPC);
	KUNIT_EXPECT_EQ(test, (u64)res->start, SZ_1G);
	KUNIT_EXPECT_NULL(test, res->phys);

	KUNIT_EXPECT_EQ(test, vcm_bind(res, small), 0);
	KUNIT_EXPECT_EQ(test, (u64)res->bound_size, PAGE_SIZE);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), small);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_EQ(test, (u64)res->start, SZ_1G);
	KUNIT_EXPECT_EQ(test, (u64)res->bound_size, SZ_1M);
	vcm_unmap(res);

	o2o_free(test, other);
	o2o_free(test, large);
	o2o_free(test, small);
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/* An unbound reservation keeps its start, but not the range */
static void o2o_idle_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, 0, U32_MAX);
	struct vcm_phys *phys = o2o_part(test, SZ_1G, SZ_1M);
	struct vcm_res *first = vcm_map(vcm, phys, 0), *second;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, first);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(first), phys);

	second = vcm_map(vcm, phys, VCM_RES_READ);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);
	KUNIT_EXPECT_PTR_NE(test, second, first);
	KUNIT_EXPECT_EQ(test, (u64)second->start, SZ_1G);
	KUNIT_EXPECT_EQ(test, vcm_bind(first, phys), -EADDRINUSE);
	vcm_unmap(second);

	KUNIT_EXPECT_EQ(test, vcm_bind(first, phys), 0);
	vcm_unmap(first);
	o2o_free(test, phys);
	vcm_destroy(vcm);
}

/* One-to-one contexts are always active, activation only counts */
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

/* Defect 18: a context outlives its destruction while reservations are alive */
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
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -ENODEV);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, state->released, 1);
	o2o_free(test, phys);
}

/* vcm_o2o_init: arguments that contradict each other */
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

/*
 * A range is handed out exactly when no byte of it is: random ranges, checked
 * against one bit for each page
 */
static void o2o_random_test(struct kunit *test)
{
	struct vcm *vcm = o2o_create(test, &o2o_identity, SZ_1G,
				     SZ_1G + O2O_PAGES * PAGE_SIZE - 1);
	static struct {
		struct vcm_phys *phys;
		struct vcm_res *res;
		unsigned int first, nr;
	} slot[O2O_SLOTS];
	DECLARE_BITMAP(taken, O2O_PAGES) = { };
	u64 seed = get_random_u64();
	struct rnd_state rnd;
	unsigned int i, s;

	kunit_info(test, "seed %llu\n", seed);
	prandom_seed_state(&rnd, seed);
	memset(slot, 0, sizeof(slot));

	for (i = 0; i < O2O_STEPS; i++) {
		s = prandom_u32_state(&rnd) % O2O_SLOTS;
		if (slot[s].phys) {
			bitmap_clear(taken, slot[s].first, slot[s].nr);
			vcm_unmap(slot[s].res);
			o2o_free(test, slot[s].phys);
			slot[s].phys = NULL;
			continue;
		}

		slot[s].first = prandom_u32_state(&rnd) % O2O_PAGES;
		slot[s].nr = 1 + prandom_u32_state(&rnd) % 12;
		slot[s].phys = o2o_part(test, SZ_1G + slot[s].first * PAGE_SIZE,
					slot[s].nr * PAGE_SIZE);
		slot[s].res = vcm_map(vcm, slot[s].phys, 0);

		if (slot[s].first + slot[s].nr > O2O_PAGES) {
			KUNIT_ASSERT_PTR_EQ(test, slot[s].res,
					    ERR_PTR(-EADDRNOTAVAIL));
		} else if (find_next_bit(taken, O2O_PAGES, slot[s].first) <
			   slot[s].first + slot[s].nr) {
			KUNIT_ASSERT_PTR_EQ(test, slot[s].res,
					    ERR_PTR(-EADDRINUSE));
		} else {
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, slot[s].res);
			bitmap_set(taken, slot[s].first, slot[s].nr);
			continue;
		}
		o2o_free(test, slot[s].phys);
		slot[s].phys = NULL;
	}

	for (s = 0; s < O2O_SLOTS; s++) {
		if (!slot[s].phys)
			continue;
		vcm_unmap(slot[s].res);
		o2o_free(test, slot[s].phys);
	}
	vcm_destroy(vcm);
}

static int o2o_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct o2o_state), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

/* Nothing is left behind */
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
	{ }
};

static struct kunit_suite o2o_suite = {
	.name = "vcm_o2o",
	.init = o2o_init,
	.exit = o2o_exit,
	.test_cases = o2o_cases,
};

kunit_test_suite(o2o_suite);

MODULE_DESCRIPTION("KUnit tests for the one-to-one wrapper of VCM");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_LICENSE("GPL");
