// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the granule of contexts of Virtual Contiguous Memory: the largest of
 * the smallest pages of the context and its devices. A device is refused if
 * something reserved or bound does not fit its granule, and what is reserved or
 * bound later must fit it.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "vcm_testdrv.h"

static const struct td_cfg granule_cfg = {
	.last = SZ_16M - 1,
	.pgsize_bitmap = SZ_4K | SZ_64K,
};

static const struct td_cfg granule_fixed = {
	.last = U32_MAX,
	.pgsize_bitmap = SZ_4K,
	.fixed = true,
};

static struct device *granule_device(struct td_ctx *ctx, const char *name,
				     unsigned long granule)
{
	struct device *dev = kunit_device_register(ctx->td->test, name);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, dev);
	td_limit(ctx, dev)->granule = granule;
	return dev;
}

static struct vcm_res *granule_at(struct td_ctx *ctx, dma_addr_t addr,
				  resource_size_t size)
{
	struct vcm_res *res = vcm_reserve_at(ctx->vcm, addr, size, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, res);
	return res;
}

static struct vcm_phys *granule_phys(struct td_ctx *ctx, phys_addr_t paddr,
				     size_t len)
{
	struct vcm_phys *phys = td_phys(ctx->td, paddr, len);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, phys);
	return phys;
}

/* Expect that @dev is refused and that nothing has changed. */
static void expect_refused(struct td_ctx *ctx, struct device *dev)
{
	struct kunit *test = ctx->td->test;
	const unsigned long granule = vcm_granule(ctx->vcm);
	const int attaches = atomic_read(&ctx->attaches);
	struct vcm_res *res;

	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, vcm_granule(ctx->vcm), granule);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->attaches), attaches);
	expect_warnings(test, 1, vcm_detach(ctx->vcm, dev));
	res = granule_at(ctx, SZ_8M + granule, granule);
	vcm_unreserve(res);
}

/* vcm_granule: the largest of the context's and of those of the devices. */
static void granule_follows(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &granule_cfg);
	struct device *a = granule_device(ctx, "vcm-granule-a", SZ_64K);
	struct device *b = granule_device(ctx, "vcm-granule-b", SZ_16K);
	struct device *c = granule_device(ctx, "vcm-granule-c", SZ_1K);
	struct device *d = granule_device(ctx, "vcm-granule-d", 0);

	KUNIT_EXPECT_EQ(test, vcm_granule(ctx->vcm), SZ_4K);
	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, c), 0);
	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, d), 0);
	KUNIT_EXPECT_EQ(test, vcm_granule(ctx->vcm), SZ_4K);
	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, b), 0);
	KUNIT_EXPECT_EQ(test, vcm_granule(ctx->vcm), SZ_16K);
	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, a), 0);
	KUNIT_EXPECT_EQ(test, vcm_granule(ctx->vcm), SZ_64K);
	vcm_detach(ctx->vcm, c);
	KUNIT_EXPECT_EQ(test, vcm_granule(ctx->vcm), SZ_64K);
	vcm_detach(ctx->vcm, a);
	KUNIT_EXPECT_EQ(test, vcm_granule(ctx->vcm), SZ_16K);
	vcm_detach(ctx->vcm, d);
	vcm_detach(ctx->vcm, b);
	KUNIT_EXPECT_EQ(test, vcm_granule(ctx->vcm), SZ_4K);
}

/* vcm_reserve*: demand the granule, or round to it. A guard is one granule. */
static void granule_of_reservations(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &granule_cfg);
	struct device *dev = granule_device(ctx, "vcm-granule", SZ_64K);
	struct vcm_res *res[3];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	expect_errno(test, vcm_reserve_at(ctx->vcm, SZ_4K, SZ_64K, 0), -EINVAL);
	expect_errno(test, vcm_reserve_at(ctx->vcm, 0, SZ_4K, 0), -EINVAL);
	expect_errno(test, vcm_reserve_in(ctx->vcm, SZ_4K, 0, 0, SZ_1M - 1, 0),
		     -EINVAL);
	expect_errno(test, vcm_reserve_in(ctx->vcm, SZ_64K, SZ_4K, 0, SZ_1M - 1,
					  0), -EINVAL);
	expect_errno(test, vcm_reserve_in(ctx->vcm, SZ_64K, 0, SZ_4K, SZ_1M - 1,
					  0), -EINVAL);
	expect_errno(test, vcm_reserve_in(ctx->vcm, SZ_64K, 0, 0, SZ_4K - 1, 0),
		     -EINVAL);

	res[0] = vcm_reserve(ctx->vcm, SZ_4K, 0);
	res[1] = vcm_reserve_in(ctx->vcm, SZ_64K, 0, 0, SZ_1M - 1,
				VCM_RES_GUARD);
	res[2] = vcm_reserve(ctx->vcm, SZ_64K + 1, 0);
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
		KUNIT_EXPECT_EQ(test, res[i]->start % SZ_64K, 0);
		KUNIT_EXPECT_EQ(test, res[i]->res_size,
				i < 2 ? SZ_64K : SZ_128K);
	}
	expect_errno(test, vcm_reserve_at(ctx->vcm, res[1]->start + SZ_64K,
					  SZ_64K, 0), -EADDRINUSE);
	for (i = 0; i < 3; i++)
		vcm_unreserve(res[i]);

	vcm_detach(ctx->vcm, dev);
	res[0] = granule_at(ctx, SZ_4K, SZ_4K);
	vcm_unreserve(res[0]);
	res[0] = vcm_reserve(ctx->vcm, SZ_4K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[0]);
	KUNIT_EXPECT_EQ(test, res[0]->res_size, PAGE_SIZE);
	vcm_unreserve(res[0]);
}

/*
 * vcm_bind: -EOPNOTSUPP for memory whose parts are not whole granules.
 * vcm_alloc() gives memory that fits.
 */
static void granule_of_memory(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &granule_cfg);
	struct device *dev = granule_device(ctx, "vcm-granule", SZ_64K);
	struct vcm_phys *odd = granule_phys(ctx, SZ_64K + SZ_4K, SZ_64K);
	struct vcm_phys *small = granule_phys(ctx, SZ_64K, SZ_4K);
	struct vcm_phys *even = granule_phys(ctx, SZ_1M, SZ_64K);
	struct vcm_phys *made;
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	res = granule_at(ctx, SZ_64K, SZ_64K);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, odd), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, small), -EOPNOTSUPP);
	expect_errno(test, vcm_map(ctx->vcm, odd, 0), -EOPNOTSUPP);
	expect_errno(test, vcm_map(ctx->vcm, small, 0), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, even), 0);
	vcm_unbind(res);
	made = vcm_alloc(ctx->vcm, SZ_4K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, made);
	KUNIT_EXPECT_EQ(test, made->size, SZ_64K);
	KUNIT_EXPECT_EQ(test, ctx->alloc_params.pgsize_bitmap, SZ_64K);
	vcm_free(made);

	vcm_detach(ctx->vcm, dev);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, odd), 0);
	vcm_unmap(res);
	vcm_free(odd);
	vcm_free(small);
	vcm_free(even);
}

/*
 * vcm_attach: -EADDRNOTAVAIL if a reservation begins or ends within a granule
 * of the device.
 */
static void granule_clash_reserved(struct kunit *test)
{
	static const struct { dma_addr_t addr; resource_size_t size; } odd[] = {
		{ SZ_1M + SZ_4K, SZ_64K - SZ_4K }, { SZ_1M, SZ_4K },
		{ SZ_1M + SZ_4K, SZ_64K }, { 0, SZ_4K },
		{ SZ_16M - SZ_4K, SZ_4K },
	};
	struct td_ctx *ctx = td_create(test->priv, &granule_cfg);
	struct device *dev = granule_device(ctx, "vcm-granule", SZ_64K);
	struct vcm_res *even[2], *res;
	unsigned int i;

	even[0] = granule_at(ctx, SZ_64K, SZ_64K);
	even[1] = granule_at(ctx, SZ_4M, SZ_1M);
	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		res = granule_at(ctx, odd[i].addr, odd[i].size);
		expect_refused(ctx, dev);
		vcm_unreserve(res);
	}
	/* The last granule of the aperture fits */
	res = granule_at(ctx, SZ_16M - SZ_64K, SZ_64K);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	KUNIT_EXPECT_EQ(test, vcm_granule(ctx->vcm), SZ_64K);
	vcm_detach(ctx->vcm, dev);
	vcm_unreserve(res);
	vcm_unreserve(even[0]);
	vcm_unreserve(even[1]);
}

/*
 * vcm_attach: -EADDRNOTAVAIL if the pages of the device cannot map memory that
 * is bound, in an active context or not.
 */
static void granule_clash_bound(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &granule_cfg);
	struct device *dev = granule_device(ctx, "vcm-granule", SZ_64K);
	struct vcm_phys *odd = granule_phys(ctx, SZ_64K + SZ_4K, SZ_64K);
	struct vcm_phys *small = granule_phys(ctx, SZ_64K, SZ_4K);
	struct vcm_phys *even = granule_phys(ctx, SZ_1M, SZ_64K);
	struct vcm_res *res = granule_at(ctx, SZ_1M, SZ_64K);
	struct vcm_res *good = granule_at(ctx, SZ_2M, SZ_64K);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_bind(good, even), 0);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, vcm_bind(res, odd), 0);
		expect_refused(ctx, dev);
		vcm_unbind(res);
		KUNIT_ASSERT_EQ(test, vcm_bind(res, small), 0);
		expect_refused(ctx, dev);
		vcm_unbind(res);
		KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	}
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	vcm_detach(ctx->vcm, dev);
	vcm_unmap(res);
	vcm_unmap(good);
	vcm_free(odd);
	vcm_free(small);
	vcm_free(even);
	vcm_deactivate(ctx->vcm);
	vcm_deactivate(ctx->vcm);
}

/* vcm_attach: where addresses follow the memory, there is no page table. */
static void granule_where_fixed(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &granule_fixed);
	struct device *dev = granule_device(ctx, "vcm-granule", SZ_64K);
	struct vcm_phys *odd = granule_phys(ctx, SZ_64K + SZ_4K, SZ_8K);
	struct vcm_res *res = vcm_map(ctx->vcm, odd, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	vcm_detach(ctx->vcm, dev);
	vcm_unmap(res);
	vcm_free(odd);
}

/* vcm_attach: an error of the provider leaves the granule as it was. */
static void granule_attach_fails(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &granule_cfg);
	struct device *dev = granule_device(ctx, "vcm-granule", SZ_64K);

	ctx->attach_error = -EBUSY;
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EBUSY);
	KUNIT_EXPECT_EQ(test, vcm_granule(ctx->vcm), SZ_4K);
	ctx->attach_error = 0;
	vcm_unreserve(granule_at(ctx, SZ_4K, SZ_4K));
}

/* Races */

#define THREADS		4
#define ROUNDS		1500

struct granule_thread {
	struct td_ctx *ctx;
	struct device *dev;
	struct vcm_phys *phys;
	unsigned int nr;
	bool *end;
	unsigned int attached;
	unsigned int seen;
	int odd;
};

/* Check all reservations while the device is attached. */
static void granule_look(struct granule_thread *t)
{
	struct vcm_res *pos = NULL;

	while ((pos = vcm_next_res(t->ctx->vcm, pos))) {
		t->seen++;
		if ((pos->start | pos->res_size) & (SZ_64K - 1))
			t->odd = -EBADSLT;
	}
}

static void granule_attacher(struct granule_thread *t)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ROUNDS; i++) {
		ret = vcm_attach(t->ctx->vcm, t->dev);
		if (!ret) {
			t->attached++;
			granule_look(t);
			cond_resched();
			granule_look(t);
			vcm_detach(t->ctx->vcm, t->dev);
		} else if (ret != -EADDRNOTAVAIL) {
			t->odd = ret;
		}
		cond_resched();
	}
	WRITE_ONCE(*t->end, true);
}

static struct vcm_res *granule_reserve(struct granule_thread *t, unsigned int i)
{
	switch (i % 4) {
	case 0:
		return vcm_reserve(t->ctx->vcm, SZ_4K, 0);
	case 1:
		return vcm_reserve_in(t->ctx->vcm, SZ_4K, 0, 0, SZ_16M - 1, 0);
	case 2:
		return vcm_reserve_at(t->ctx->vcm, SZ_8M + t->nr * SZ_64K +
				      SZ_4K, SZ_4K, 0);
	default:
		return vcm_map(t->ctx->vcm, t->phys, 0);
	}
}

static long granule_thread(void *arg)
{
	struct granule_thread *t = arg;
	struct vcm_res *res;
	unsigned int i;

	if (!t->nr) {
		granule_attacher(t);
		return 0;
	}
	for (i = 0; !READ_ONCE(*t->end); i++) {
		res = granule_reserve(t, i);
		if (!IS_ERR(res)) {
			cond_resched();
			vcm_unmap(res);
		} else if (PTR_ERR(res) !=
			   (i % 4 < 3 ? -EINVAL : -EOPNOTSUPP)) {
			t->odd = PTR_ERR(res);
		}
		cond_resched();
	}
	return 0;
}

/*
 * vcm_attach: while other threads reserve, a device with a larger granule
 * either is refused or finds no reservation that does not fit.
 */
static void granule_races(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &granule_cfg);
	struct vcm_phys *phys = granule_phys(ctx, SZ_64K + SZ_4K, SZ_4K);
	struct granule_thread t[THREADS] = { };
	void *args[THREADS];
	bool end = false;
	unsigned int i;

	t[0].dev = granule_device(ctx, "vcm-granule", SZ_64K);
	for (i = 0; i < THREADS; i++) {
		t[i].ctx = ctx;
		t[i].phys = phys;
		t[i].nr = i;
		t[i].end = &end;
		args[i] = &t[i];
	}
	td_run(test->priv, THREADS, granule_thread, args, NULL);
	kunit_info(test, "attached %u of %u times, saw %u reservations\n",
		   t[0].attached, ROUNDS, t[0].seen);
	for (i = 0; i < THREADS; i++)
		KUNIT_EXPECT_EQ(test, t[i].odd, 0);
	vcm_free(phys);
}

static struct kunit_case granule_cases[] = {
	KUNIT_CASE(granule_follows),
	KUNIT_CASE(granule_of_reservations),
	KUNIT_CASE(granule_of_memory),
	KUNIT_CASE(granule_clash_reserved),
	KUNIT_CASE(granule_clash_bound),
	KUNIT_CASE(granule_where_fixed),
	KUNIT_CASE(granule_attach_fails),
	KUNIT_CASE_SLOW(granule_races),
	{ }
};

static struct kunit_suite granule_suite = {
	.name = "vcm_granule",
	.init = td_begin,
	.exit = td_end,
	.test_cases = granule_cases,
};

kunit_test_suite(granule_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of the granule of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
