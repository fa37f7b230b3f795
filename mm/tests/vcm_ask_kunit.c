// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of contexts of Virtual Contiguous Memory whose provider allocates the
 * addresses.
 *
 * The provider records in a bitmap which granules it has allocated. It fails
 * the test if it gets a granule back that is not allocated, and at the end if
 * one is missing.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vcm-drv.h>
#include <linux/workqueue.h>

/* vcm_reserve() rounds to PAGE_SIZE, so a smaller granule would not show */
#define ASK_GRANULE	PAGE_SIZE
#define ASK_GRANULES	128
#define ASK_BASE	SZ_1G
#define ASK_REQUESTS	4

/**
 * struct ask - a context whose provider allocates the addresses
 * @test: the test
 * @vcm: the context; freed by the test
 * @lock: for the members below
 * @taken: granules that are allocated
 * @next: granule that is allocated next; ASK_GRANULES: outside the aperture
 * @strict: nothing is free that is aligned to more than a granule
 * @requests: number of requests
 * @align: alignment that the first of them demanded
 * @phase: phase that they demanded
 * @returned: number of ranges that were released
 * @destroyed: number of ranges that were released when destroy was called
 * @released: the context was released
 */
struct ask {
	struct kunit *test;
	struct vcm vcm;
	spinlock_t lock;	/* for the members below */
	DECLARE_BITMAP(taken, ASK_GRANULES);
	int next;
	bool strict;
	unsigned int requests;
	dma_addr_t align[ASK_REQUESTS];
	dma_addr_t phase[ASK_REQUESTS];
	unsigned int returned;
	unsigned int destroyed;
	bool released;
};

static struct ask *to_ask(struct vcm *vcm)
{
	return container_of(vcm, struct ask, vcm);
}

/* Return the first granule of @res. */
static unsigned int ask_first(const struct vcm_res *res)
{
	return (res->start - ASK_BASE) / ASK_GRANULE;
}

static int ask_reserve(struct vcm_res *res, resource_size_t span,
		       dma_addr_t align, dma_addr_t phase)
{
	struct ask *ask = to_ask(res->vcm);
	unsigned int i;

	might_sleep();
	KUNIT_EXPECT_TRUE(ask->test, rwsem_is_locked(&res->vcm->topology));
	guard(spinlock)(&ask->lock);
	if (ask->requests < ASK_REQUESTS) {
		ask->align[ask->requests] = align;
		ask->phase[ask->requests] = phase;
	}
	ask->requests++;
	if (ask->strict && align > ASK_GRANULE)
		return -ENOSPC;

	res->start = ASK_BASE + (dma_addr_t)ask->next * ASK_GRANULE;
	for (i = 0; i < span / ASK_GRANULE; i++)
		if (ask->next + i < ASK_GRANULES)
			__set_bit(ask->next + i, ask->taken);
	res->priv = (void *)(unsigned long)i;
	ask->next += i;
	return 0;
}

static void ask_unreserve(struct vcm_res *res)
{
	struct ask *ask = to_ask(res->vcm);
	unsigned long i, nr = (unsigned long)res->priv;

	might_sleep();
	KUNIT_EXPECT_TRUE(ask->test, rwsem_is_locked(&res->vcm->topology));
	guard(spinlock)(&ask->lock);
	KUNIT_EXPECT_NE(ask->test, nr, 0);
	for (i = 0; i < nr; i++)
		if (ask_first(res) + i < ASK_GRANULES)
			KUNIT_EXPECT_TRUE(ask->test,
					  __test_and_clear_bit(ask_first(res) +
							       i, ask->taken));
	res->priv = NULL;
	ask->returned++;
}

static int ask_map(struct vcm_res *res, struct vcm_phys *phys)
{
	return 0;
}

static void ask_unmap(struct vcm_res *res, struct vcm_phys *phys)
{
}

static bool ask_destroy(struct vcm *vcm)
{
	struct ask *ask = to_ask(vcm);

	ask->destroyed = ask->returned;
	return true;
}

static void ask_release(struct vcm *vcm)
{
	to_ask(vcm)->released = true;
}

static const struct vcm_driver ask_driver = {
	.owner = THIS_MODULE,
	.name = "ask",
	.res_flags = VCM_RES_GUARD,
	.reserve = ask_reserve,
	.unreserve = ask_unreserve,
	.map = ask_map,
	.unmap = ask_unmap,
	.destroy = ask_destroy,
	.release = ask_release,
};

static int ask_open(struct ask *ask)
{
	memset(&ask->vcm, 0, sizeof(ask->vcm));
	ask->released = false;
	return vcm_init(&ask->vcm, &ask_driver, ASK_BASE,
			ASK_BASE + ASK_GRANULES * ASK_GRANULE - 1,
			ASK_GRANULE | 4 * ASK_GRANULE | 16 * ASK_GRANULE);
}

static int ask_init(struct kunit *test)
{
	struct ask *ask = kunit_kzalloc(test, sizeof(*ask), GFP_KERNEL);

	if (!ask)
		return -ENOMEM;
	ask->test = test;
	spin_lock_init(&ask->lock);
	test->priv = ask;
	return ask_open(ask);
}

/* All addresses were released, and the context too. */
static void ask_exit(struct kunit *test)
{
	struct ask *ask = test->priv;

	if (!ask)
		return;
	if (!ask->vcm.dead)
		vcm_destroy(&ask->vcm);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(ask->taken, ASK_GRANULES));
	KUNIT_EXPECT_TRUE(test, ask->released);
}

static struct vcm_res *ask_get(struct ask *ask, resource_size_t size,
			       unsigned int flags)
{
	struct vcm_res *res = vcm_reserve(&ask->vcm, size, flags);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ask->test, res);
	return res;
}

/* vcm_reserve: the provider chooses the address, and allocates the guard. */
static void vcm_ask_reserve(struct kunit *test)
{
	struct ask *ask = test->priv;
	struct vcm_res *res, *found;

	ask->next = 5;
	res = ask_get(ask, 2 * ASK_GRANULE, VCM_RES_GUARD);
	KUNIT_EXPECT_EQ(test, res->start, ASK_BASE + 5 * ASK_GRANULE);
	KUNIT_EXPECT_EQ(test, res->res_size, 2 * ASK_GRANULE);
	KUNIT_EXPECT_EQ(test, bitmap_weight(ask->taken, ASK_GRANULES), 3);
	found = vcm_lookup(&ask->vcm, res->start + ASK_GRANULE);
	KUNIT_EXPECT_PTR_EQ(test, found, res);
	vcm_res_put(found);
	vcm_unreserve(res);
	KUNIT_EXPECT_EQ(test, ask->returned, 1);
}

static void ask_expect(struct ask *ask, unsigned int nr, dma_addr_t align,
		       dma_addr_t phase)
{
	KUNIT_EXPECT_EQ(ask->test, ask->align[nr], align);
	KUNIT_EXPECT_EQ(ask->test, ask->phase[nr], phase);
}

/*
 * Alignment: the provider is asked for natural alignment first, then for the
 * largest page that helps, then for the granule, and for nothing between.
 */
static void vcm_ask_alignment(struct kunit *test)
{
	struct ask *ask = test->priv;

	ask->strict = true;
	/* A guard does not count */
	vcm_unreserve(ask_get(ask, 48 * ASK_GRANULE, VCM_RES_GUARD));
	KUNIT_EXPECT_EQ(test, ask->requests, 3);
	ask_expect(ask, 0, 64 * ASK_GRANULE, 0);
	ask_expect(ask, 1, 16 * ASK_GRANULE, 0);
	ask_expect(ask, 2, ASK_GRANULE, 0);

	/* The largest page is the natural alignment */
	ask->requests = 0;
	vcm_unreserve(ask_get(ask, 4 * ASK_GRANULE, 0));
	KUNIT_EXPECT_EQ(test, ask->requests, 2);
	ask_expect(ask, 0, 4 * ASK_GRANULE, 0);
	ask_expect(ask, 1, ASK_GRANULE, 0);

	/* No page but the granule helps */
	ask->requests = 0;
	vcm_unreserve(ask_get(ask, 3 * ASK_GRANULE, 0));
	KUNIT_EXPECT_EQ(test, ask->requests, 2);
	ask_expect(ask, 0, 4 * ASK_GRANULE, 0);
	ask_expect(ask, 1, ASK_GRANULE, 0);

	ask->requests = 0;
	vcm_unreserve(ask_get(ask, ASK_GRANULE, 0));
	KUNIT_EXPECT_EQ(test, ask->requests, 1);
	ask_expect(ask, 0, ASK_GRANULE, 0);
}

static void ask_keep(void *priv)
{
}

/*
 * Alignment: for memory that is not naturally aligned, addresses are congruent
 * to its largest pages.
 */
static void vcm_ask_congruent(struct kunit *test)
{
	struct ask *ask = test->priv;
	struct vcm_phys *inner, *phys;
	struct vcm_res *res;
	phys_addr_t paddr;

	inner = vcm_alloc(&ask->vcm, 32 * ASK_GRANULE, VCM_ALLOC_CONTIG);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, inner);
	paddr = ALIGN(inner->parts[0].paddr, 16 * ASK_GRANULE) + ASK_GRANULE;
	phys = vcm_phys_import_range(paddr, 15 * ASK_GRANULE, 0, ask_keep,
				     NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);

	ask->strict = true;
	res = vcm_map(&ask->vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, ask->requests, 3);
	ask_expect(ask, 0, 16 * ASK_GRANULE, ASK_GRANULE);
	ask_expect(ask, 1, 4 * ASK_GRANULE, ASK_GRANULE);
	ask_expect(ask, 2, ASK_GRANULE, 0);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_free(inner);
}

/* vcm_reserve: an address outside the aperture is refused and released. */
static void vcm_ask_mistakes(struct kunit *test)
{
	struct ask *ask = test->priv;
	struct vcm_res *res;

	ask->next = ASK_GRANULES;
	res = vcm_reserve(&ask->vcm, ASK_GRANULE, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(res), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, ask->returned, 1);
}

/*
 * vcm_reserve_at, vcm_reserve_in, vcm_map_at: -EOPNOTSUPP, because the provider
 * cannot be told an address. vcm_can_reserve() is true.
 */
static void vcm_ask_windows(struct kunit *test)
{
	struct ask *ask = test->priv;
	struct vcm *vcm = &ask->vcm;
	const dma_addr_t end = ASK_BASE + 16 * ASK_GRANULE - 1;
	struct vcm_phys *phys = vcm_alloc(vcm, ASK_GRANULE, 0);
	struct vcm_res *res;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_EXPECT_TRUE(test, vcm_can_reserve(vcm));
	res = vcm_reserve_at(vcm, ASK_BASE, ASK_GRANULE, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(res), -EOPNOTSUPP);
	res = vcm_reserve_at(vcm, ASK_BASE + 1, ASK_GRANULE, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(res), -EINVAL);
	res = vcm_reserve_in(vcm, ASK_GRANULE, 0, ASK_BASE, end, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(res), -EOPNOTSUPP);
	res = vcm_reserve_in(vcm, ASK_GRANULE, 0, end + 1, ASK_BASE - 1, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(res), -EINVAL);
	res = vcm_map_at(vcm, phys, ASK_BASE, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(res), -EOPNOTSUPP);
	KUNIT_EXPECT_TRUE(test, list_empty(&phys->bindings));
	KUNIT_EXPECT_EQ(test, ask->requests, 0);
	vcm_free(phys);
}

/*
 * vcm_destroy: releases the addresses of all reservations before destroy is
 * called. A later drop does not release them again.
 */
static void vcm_ask_at_destroy(struct kunit *test)
{
	struct ask *ask = test->priv;
	struct vcm_res *res[3], *late;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(res); i++)
		res[i] = ask_get(ask, ASK_GRANULE, 0);
	vcm_destroy(&ask->vcm);
	KUNIT_EXPECT_EQ(test, ask->returned, 3);
	KUNIT_EXPECT_EQ(test, ask->destroyed, 3);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(ask->taken, ASK_GRANULES));
	late = vcm_reserve(&ask->vcm, ASK_GRANULE, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(late), -ENODEV);
	for (i = 0; i < ARRAY_SIZE(res); i++) {
		KUNIT_EXPECT_FALSE(test, ask->released);
		vcm_unreserve(res[i]);
	}
	KUNIT_EXPECT_EQ(test, ask->returned, 3);
}

#define ASK_ROUNDS	32
#define ASK_RES		16

/* Work that drops reservations */
struct ask_dropper {
	struct work_struct work;
	struct vcm_res *res[ASK_RES];
};

static void ask_drop(struct work_struct *work)
{
	struct ask_dropper *dropper = container_of(work, struct ask_dropper,
						   work);
	unsigned int i;

	for (i = 0; i < ASK_RES; i++) {
		vcm_unreserve(dropper->res[i]);
		cond_resched();
	}
}

/* vcm_destroy: each address is released once, also if drops race it. */
static void vcm_ask_destroy_races(struct kunit *test)
{
	struct ask *ask = test->priv;
	struct ask_dropper dropper;
	unsigned int round, i;

	INIT_WORK_ONSTACK(&dropper.work, ask_drop);
	for (round = 0; round < ASK_ROUNDS; round++) {
		ask->next = 0;
		ask->returned = 0;
		for (i = 0; i < ASK_RES; i++)
			dropper.res[i] = ask_get(ask, ASK_GRANULE, 0);
		queue_work(system_dfl_wq, &dropper.work);
		/* After some of the drops */
		for (i = 0; i < round % ASK_RES; i++)
			schedule();
		vcm_destroy(&ask->vcm);
		flush_work(&dropper.work);
		KUNIT_EXPECT_EQ(test, ask->returned, ASK_RES);
		KUNIT_EXPECT_TRUE(test, ask->released);
		if (ask_open(ask))
			break;
	}
	KUNIT_EXPECT_EQ(test, round, ASK_ROUNDS);
	destroy_work_on_stack(&dropper.work);
}

static void ask_detach(struct vcm *vcm, struct vcm_attachment *attachment)
{
}

/* vcm_init: -EINVAL if an operation lacks the one that it is of use with. */
static void vcm_ask_pairs(struct kunit *test)
{
	struct vcm *vcm = kunit_kzalloc(test, sizeof(*vcm), GFP_KERNEL);
	struct vcm_driver driver = ask_driver;

	KUNIT_ASSERT_NOT_NULL(test, vcm);
	driver.unreserve = NULL;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_init(vcm, &driver, 0, SZ_64K - 1, SZ_4K));
	driver = ask_driver;
	driver.reserve = NULL;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_init(vcm, &driver, 0, SZ_64K - 1, SZ_4K));
	driver = ask_driver;
	driver.detach = ask_detach;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_init(vcm, &driver, 0, SZ_64K - 1, SZ_4K));
	/* Where addresses follow the memory, none are allocated */
	driver = ask_driver;
	driver.fixed = true;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_init(vcm, &driver, 0, SZ_64K - 1, SZ_4K));
}

static struct kunit_case vcm_ask_cases[] = {
	KUNIT_CASE(vcm_ask_reserve),
	KUNIT_CASE(vcm_ask_alignment),
	KUNIT_CASE(vcm_ask_congruent),
	KUNIT_CASE(vcm_ask_mistakes),
	KUNIT_CASE(vcm_ask_windows),
	KUNIT_CASE(vcm_ask_at_destroy),
	KUNIT_CASE(vcm_ask_destroy_races),
	KUNIT_CASE(vcm_ask_pairs),
	{ }
};

static struct kunit_suite vcm_ask_suite = {
	.name = "vcm_ask",
	.init = ask_init,
	.exit = ask_exit,
	.test_cases = vcm_ask_cases,
};

kunit_test_suite(vcm_ask_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of contexts whose provider allocates addresses");
MODULE_LICENSE("GPL");
