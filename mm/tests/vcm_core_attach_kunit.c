// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the devices that are attached to contexts of Virtual Contiguous
 * Memory.
 */
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/kref.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "vcm_core.h"
#include "vcm_seed.h"

/* Return true if @addr is the lowest address of @size bytes that are free. */
static bool core_lowest_is(struct td_ctx *ctx, resource_size_t size,
			   dma_addr_t addr)
{
	struct vcm_res *res = vcm_reserve(ctx->vcm, size, 0);
	dma_addr_t start;

	if (IS_ERR(res))
		return false;
	start = res->start;
	vcm_unreserve(res);
	return start == addr;
}

/*
 * vcm_reserve*: addresses that a device cannot use are not given out while it
 * is attached.
 */
static void core_limits_in_force(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct device *dev = core_device(test, 0);
	struct td_limit *limit = td_limit(ctx, dev);

	/* Unsorted, adjacent, overlapping, and beyond the aperture */
	td_block(limit, SZ_8M, SZ_8M + SZ_4K - 1);
	td_block(limit, 0, SZ_4K - 1);
	td_block(limit, SZ_4K, SZ_2M - 1);
	td_block(limit, CORE_SIZE - SZ_4K, (dma_addr_t)-1);

	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	KUNIT_EXPECT_TRUE(test, core_lowest_is(ctx, SZ_64K, SZ_2M));
	/* Two windows: 6 MiB from 2 MiB on, and almost 8 MiB */
	KUNIT_EXPECT_TRUE(test, core_lowest_is(ctx, SZ_4M + SZ_2M, SZ_2M));
	KUNIT_EXPECT_TRUE(test, core_lowest_is(ctx, SZ_4M + SZ_2M + SZ_64K,
					       SZ_8M + SZ_1M));
	expect_errno(test, vcm_reserve(ctx->vcm, SZ_8M, 0), -ENOSPC);
	KUNIT_EXPECT_FALSE(test, vcm_reaches(ctx->vcm, 0, SZ_4K - 1));
	KUNIT_EXPECT_TRUE(test, vcm_reaches(ctx->vcm, SZ_2M, SZ_8M - 1));
	KUNIT_EXPECT_FALSE(test, vcm_reaches(ctx->vcm, SZ_2M, SZ_8M));

	vcm_detach(ctx->vcm, dev);
	KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
	KUNIT_EXPECT_TRUE(test, vcm_reaches(ctx->vcm, 0, CORE_SIZE - 1));
}

/*
 * vcm_bind, vcm_attach: where addresses follow the memory, a device is refused
 * while something is mapped that it cannot reach, bound or not, and what an
 * attached device cannot reach is not mapped.
 */
static void core_limits_fixed(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_fixed);
	struct device *dev = core_device(test, 0);
	struct vcm_phys *phys = td_phys(td, SZ_16M, SZ_64K);
	struct vcm_phys *below = td_phys(td, SZ_16M - SZ_64K, SZ_64K);
	struct vcm_res *res = core_map(ctx, phys);

	td_block(td_limit(ctx, dev), SZ_16M, SZ_16M + SZ_4K - 1);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EADDRNOTAVAIL);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	expect_errno(test, vcm_map(ctx->vcm, phys, 0), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&phys->bindings));
	res = core_map(ctx, below);
	vcm_unmap(res);

	vcm_detach(ctx->vcm, dev);
	res = core_map(ctx, phys);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_free(below);
}

/*
 * vcm_attach: -EADDRNOTAVAIL for a device that cannot reach what is reserved,
 * and nothing has changed: its limits are not in force, those of others are,
 * and the device is not referenced.
 */
static void core_attach_clash(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct device *first = core_device(test, 0);
	struct device *second = core_device(test, 1);
	unsigned int refs = kref_read(&second->kobj.kref);
	struct td_limit *limit;
	struct vcm_res *res;

	td_block(td_limit(ctx, first), 0, SZ_1M - 1);
	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, first), 0);
	res = core_reserve(ctx, SZ_1M);
	KUNIT_ASSERT_EQ(test, res->start, SZ_1M);

	limit = td_limit(ctx, second);
	td_block(limit, SZ_4M, SZ_8M - 1);
	td_block(limit, SZ_2M - SZ_4K, SZ_2M - 1);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, second), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->attaches), 1);
	KUNIT_EXPECT_EQ(test, kref_read(&second->kobj.kref), refs);
	KUNIT_EXPECT_TRUE(test, vcm_reaches(ctx->vcm, SZ_1M, CORE_SIZE - 1));
	KUNIT_EXPECT_FALSE(test, vcm_reaches(ctx->vcm, 0, SZ_4K - 1));
	expect_warnings(test, 1, vcm_detach(ctx->vcm, second));

	vcm_unreserve(res);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, second), 0);
	KUNIT_EXPECT_FALSE(test, vcm_reaches(ctx->vcm, SZ_4M, SZ_8M - 1));
	KUNIT_EXPECT_FALSE(test, vcm_reaches(ctx->vcm, 0, SZ_4K - 1));
	KUNIT_EXPECT_EQ(test, kref_read(&second->kobj.kref), refs + 1);
	vcm_detach(ctx->vcm, second);
	vcm_detach(ctx->vcm, first);
	KUNIT_EXPECT_EQ(test, kref_read(&second->kobj.kref), refs);
}

/* vcm_attach_limits: a provider that forgets it is told, and undoes its attach. */
static void core_limits_forgotten(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct device *dev = core_device(test, 0);

	ctx->limits_never = true;
	expect_warnings(test, 1,
			KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev),
					-EINVAL));
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->attaches), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->detaches), 1);
	ctx->limits_never = false;
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
}

/*
 * vcm_attach_limits: may be called again after more ranges were named and the
 * granule was set. An error of the second call removes what the first had done.
 */
static void core_limits_in_two_calls(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct device *dev = core_device(test, 0);
	struct vcm_res *res = vcm_reserve_at(ctx->vcm, 0, SZ_64K, 0);

	core_ok(test, res);
	td_block(td_limit(ctx, dev), 0, SZ_1M - 1);
	td_limit(ctx, dev)->granule = SZ_64K;
	td_limit(ctx, dev)->unsnooped = true;
	ctx->limits_twice = true;
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, vcm_granule(ctx->vcm), SZ_4K);
	KUNIT_EXPECT_TRUE(test, vcm_snooped(ctx->vcm));
	KUNIT_EXPECT_TRUE(test, vcm_reaches(ctx->vcm, 0, CORE_SIZE - 1));
	vcm_unreserve(res);

	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	KUNIT_EXPECT_EQ(test, vcm_granule(ctx->vcm), SZ_64K);
	KUNIT_EXPECT_FALSE(test, vcm_snooped(ctx->vcm));
	KUNIT_EXPECT_FALSE(test, vcm_reaches(ctx->vcm, 0, SZ_4K - 1));
	vcm_detach(ctx->vcm, dev);
	KUNIT_EXPECT_EQ(test, vcm_granule(ctx->vcm), SZ_4K);
	KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
}

/* vcm_attach: an error of the provider changes nothing either. */
static void core_attach_fails(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct device *dev = core_device(test, 0);
	unsigned int refs = kref_read(&dev->kobj.kref);

	td_block(td_limit(ctx, dev), 0, SZ_1M - 1);
	ctx->limits_error = -ENOMEM;
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -ENOMEM);
	ctx->limits_error = 0;
	KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
	ctx->attach_error = -EBUSY;
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EBUSY);
	ctx->attach_error = 0;
	KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
	KUNIT_EXPECT_EQ(test, kref_read(&dev->kobj.kref), refs);

	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, vcm_attach(NULL, dev), -EINVAL);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, ERR_PTR(-ENODEV)), -EINVAL);
	KUNIT_EXPECT_EQ(test, vcm_attach(ERR_PTR(-ENODEV), dev), -EINVAL);

	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	KUNIT_EXPECT_FALSE(test, core_is_free(ctx));
	vcm_detach(ctx->vcm, dev);
}

/* vcm_attach: -EALREADY the second time. vcm_detach: then a warning. */
static void core_attach_twice(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct device *dev = core_device(test, 0);
	struct device *other = core_device(test, 1);

	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EALREADY);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->attaches), 1);
	expect_warnings(test, 1, vcm_detach(ctx->vcm, other));
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->detaches), 0);
	expect_warnings(test, 0, vcm_detach(ctx->vcm, dev));
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->detaches), 1);
	expect_warnings(test, 1, vcm_detach(ctx->vcm, dev));
	expect_warnings(test, 0, {
		vcm_detach(NULL, dev);
		vcm_detach(ctx->vcm, NULL);
		vcm_detach(ERR_PTR(-ENODEV), dev);
		vcm_detach(ctx->vcm, ERR_PTR(-ENODEV));
	});
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	vcm_detach(ctx->vcm, dev);
}

#define CORE_UNIT	SZ_64K
#define CORE_UNITS	(CORE_SIZE / CORE_UNIT)

static bool limit_blocks(const struct td_limit *limit, dma_addr_t addr)
{
	unsigned int i;

	for (i = 0; i < limit->nr; i++)
		if (addr >= limit->range[i].start &&
		    addr <= limit->range[i].last)
			return true;
	return false;
}

/*
 * vcm_reserve*: with several devices, the union of what they cannot use is in
 * force. Devices are attached and detached at random; the reference is a
 * counter for each unit of the address space.
 */
static void core_limits_overlap(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct device *dev[TD_LIMITS];
	bool attached[TD_LIMITS] = { };
	struct rnd_state rnd;
	unsigned int i, j, n;

	vcm_seed(test, &rnd);
	for (i = 0; i < TD_LIMITS; i++) {
		dev[i] = core_device(test, i);
		/* The last one has none */
		for (j = 0; i < TD_LIMITS - 1 && j < TD_RANGES; j++) {
			dma_addr_t first = prandom_u32_state(&rnd) % CORE_UNITS;
			u32 len = 1 + prandom_u32_state(&rnd) % 48;

			td_block(td_limit(ctx, dev[i]), first * CORE_UNIT,
				 (first + len) * CORE_UNIT - 1);
		}
	}

	for (n = 0; n < 200; n++) {
		i = prandom_u32_state(&rnd) % TD_LIMITS;
		if (attached[i])
			vcm_detach(ctx->vcm, dev[i]);
		else
			KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, dev[i]), 0);
		attached[i] = !attached[i];

		for (j = 0; j < CORE_UNITS; j++) {
			dma_addr_t addr = j * CORE_UNIT;
			bool blocked = false;

			for (i = 0; i < TD_LIMITS - 1; i++)
				blocked |= attached[i] &&
					   limit_blocks(&ctx->limit[i], addr);
			KUNIT_ASSERT_EQ(test, vcm_reaches(ctx->vcm, addr,
							  addr + CORE_UNIT - 1),
					!blocked);
		}
	}
}

/* Coherence */

static struct device *coherence_device(struct td_ctx *ctx, unsigned int nr,
				       bool unsnooped)
{
	struct device *dev = core_device(ctx->td->test, nr);

	td_limit(ctx, dev)->unsnooped = unsnooped;
	return dev;
}

/* Expect that a device of the other kind is refused and changes nothing. */
static void coherence_refused(struct td_ctx *ctx, struct device *dev,
			      bool snooped)
{
	const int attaches = atomic_read(&ctx->attaches);
	struct kunit *test = ctx->td->test;
	const unsigned int refs = kref_read(&dev->kobj.kref);
	const unsigned long granule = vcm_granule(ctx->vcm);

	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EINVAL);
	KUNIT_EXPECT_EQ(test, vcm_snooped(ctx->vcm), snooped);
	KUNIT_EXPECT_EQ(test, vcm_granule(ctx->vcm), granule);
	KUNIT_EXPECT_TRUE(test, vcm_reaches(ctx->vcm, 0, CORE_SIZE - 1));
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->attaches), attaches);
	KUNIT_EXPECT_EQ(test, kref_read(&dev->kobj.kref), refs);
	expect_warnings(test, 1, vcm_detach(ctx->vcm, dev));
}

/*
 * Coherence: the first attached device fixes it for the context, also after it
 * was detached and with live bindings. Another kind gets -EINVAL.
 */
static void core_coherence_is_fixed(struct kunit *test)
{
	unsigned int unsnooped;

	for (unsnooped = 0; unsnooped < 2; unsnooped++) {
		struct td_ctx *ctx = td_create(test->priv, &core_cfg);
		struct device *first = coherence_device(ctx, 0, unsnooped);
		struct device *other = coherence_device(ctx, 1, !unsnooped);
		struct device *alike = coherence_device(ctx, 2, unsnooped);
		struct vcm_phys *phys = core_phys(test, SZ_64K);
		struct vcm_res *res = core_map(ctx, phys);

		td_limit(ctx, other)->granule = SZ_64K;
		td_block(td_limit(ctx, other), SZ_8M, SZ_8M + SZ_64K - 1);
		KUNIT_EXPECT_EQ(test, ctx->vcm->coherence,
				VCM_COHERENCE_UNKNOWN);
		KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
		KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, first), 0);
		KUNIT_EXPECT_EQ(test, vcm_snooped(ctx->vcm), !unsnooped);
		coherence_refused(ctx, other, !unsnooped);
		KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
		KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, alike), 0);
		vcm_detach(ctx->vcm, alike);

		vcm_detach(ctx->vcm, first);
		coherence_refused(ctx, other, !unsnooped);
		vcm_unmap(res);
		vcm_deactivate(ctx->vcm);
		coherence_refused(ctx, other, !unsnooped);
		KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, alike), 0);
		vcm_free(phys);
		vcm_destroy(ctx->vcm);
		kunit_device_unregister(test, first);
		kunit_device_unregister(test, other);
		kunit_device_unregister(test, alike);
	}
}

/* Coherence: a first attach that fails decides nothing, wherever it fails. */
static void core_coherence_of_failure(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct device *failing = coherence_device(ctx, 0, true);
	struct device *dev = coherence_device(ctx, 1, false);
	struct vcm_res *res = core_reserve(ctx, SZ_64K);

	/* Before the limits, in their check, and after them */
	ctx->limits_error = -ENOMEM;
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, failing), -ENOMEM);
	KUNIT_EXPECT_TRUE(test, vcm_snooped(ctx->vcm));
	ctx->limits_error = 0;
	td_block(td_limit(ctx, failing), res->start, res->start + SZ_4K - 1);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, failing), -EADDRNOTAVAIL);
	KUNIT_EXPECT_TRUE(test, vcm_snooped(ctx->vcm));
	vcm_unreserve(res);
	ctx->attach_error = -EBUSY;
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, failing), -EBUSY);
	KUNIT_EXPECT_TRUE(test, vcm_snooped(ctx->vcm));
	ctx->attach_error = 0;

	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, failing), -EINVAL);
	vcm_detach(ctx->vcm, dev);
}

static struct kunit_case core_attach_cases[] = {
	KUNIT_CASE(core_limits_in_force),
	KUNIT_CASE(core_limits_fixed),
	KUNIT_CASE(core_attach_clash),
	KUNIT_CASE(core_limits_in_two_calls),
	KUNIT_CASE(core_limits_forgotten),
	KUNIT_CASE(core_attach_fails),
	KUNIT_CASE(core_attach_twice),
	KUNIT_CASE(core_limits_overlap),
	KUNIT_CASE(core_coherence_is_fixed),
	KUNIT_CASE(core_coherence_of_failure),
	{ }
};

static struct kunit_suite core_attach_suite = {
	.name = "vcm_core_attach",
	.init = td_begin,
	.exit = td_end,
	.test_cases = core_attach_cases,
};

kunit_test_suite(core_attach_suite);

MODULE_DESCRIPTION("Tests of attached devices of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
