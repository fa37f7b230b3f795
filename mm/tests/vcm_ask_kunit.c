// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for contexts of Virtual Contiguous Memory whose addresses somebody
 * else gives out.
 *
 * That is a clerk here, who keeps a book of his granules. He fails the test when
 * he gets something back that he has not given out, and at the end when
 * something is missing.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vcm-drv.h>
#include <linux/workqueue.h>

#define CLERK_GRANULES	64
#define CLERK_BASE	SZ_1G
#define CLERK_ASKED	4

/**
 * struct clerk - a context and who gives out its addresses
 * @test: the test
 * @vcm: the context; freed by the test
 * @lock: for the rest
 * @book: granules that he has given out
 * @next: where he gives the next from, a granule, or a mistake of his
 * @strict: he has nothing that is aligned to more than a granule
 * @asked: requests so far
 * @align: what the first of them wanted
 * @phase: and at which place
 * @given_back: how often he got something back
 * @released: the context has gone
 */
struct clerk {
	struct kunit *test;
	struct vcm vcm;
	spinlock_t lock;	/* for the rest */
	DECLARE_BITMAP(book, CLERK_GRANULES);
	int next;
	bool strict;
	unsigned int asked;
	dma_addr_t align[CLERK_ASKED];
	dma_addr_t phase[CLERK_ASKED];
	unsigned int given_back;
	bool released;
};

static struct clerk *clerk_of(struct vcm *vcm)
{
	return container_of(vcm, struct clerk, vcm);
}

/* The first line of @res in the book */
static unsigned int clerk_line(const struct vcm_res *res)
{
	return (res->start - CLERK_BASE) / SZ_4K;
}

static int clerk_reserve(struct vcm_res *res, resource_size_t span,
			 dma_addr_t align, dma_addr_t phase)
{
	struct clerk *clerk = clerk_of(res->vcm);
	unsigned int i;

	might_sleep();
	KUNIT_EXPECT_TRUE(clerk->test, rwsem_is_locked(&res->vcm->topology));
	guard(spinlock)(&clerk->lock);
	if (clerk->asked < CLERK_ASKED) {
		clerk->align[clerk->asked] = align;
		clerk->phase[clerk->asked] = phase;
	}
	clerk->asked++;
	if (clerk->strict && align > SZ_4K)
		return -ENOSPC;

	res->start = CLERK_BASE + (dma_addr_t)clerk->next * SZ_4K;
	for (i = 0; i < span / SZ_4K; i++)
		if (clerk->next + i < CLERK_GRANULES)
			__set_bit(clerk->next + i, clerk->book);
	res->priv = (void *)(unsigned long)i;
	clerk->next += i;
	return 0;
}

static void clerk_unreserve(struct vcm_res *res)
{
	struct clerk *clerk = clerk_of(res->vcm);
	unsigned long i, nr = (unsigned long)res->priv;

	might_sleep();
	KUNIT_EXPECT_TRUE(clerk->test, rwsem_is_locked(&res->vcm->topology));
	guard(spinlock)(&clerk->lock);
	KUNIT_EXPECT_NE(clerk->test, nr, 0);
	for (i = 0; i < nr; i++)
		if (clerk_line(res) + i < CLERK_GRANULES)
			KUNIT_EXPECT_TRUE(clerk->test,
					  __test_and_clear_bit(clerk_line(res) +
							       i, clerk->book));
	res->priv = NULL;
	clerk->given_back++;
}

static int clerk_map(struct vcm_res *res, struct vcm_phys *phys)
{
	return 0;
}

static void clerk_unmap(struct vcm_res *res, struct vcm_phys *phys)
{
}

static void clerk_release(struct vcm *vcm)
{
	clerk_of(vcm)->released = true;
}

static const struct vcm_driver clerk_driver = {
	.owner = THIS_MODULE,
	.name = "clerk",
	.res_flags = VCM_RES_GUARD,
	.reserve = clerk_reserve,
	.unreserve = clerk_unreserve,
	.map = clerk_map,
	.unmap = clerk_unmap,
	.release = clerk_release,
};

static int clerk_open(struct clerk *clerk)
{
	memset(&clerk->vcm, 0, sizeof(clerk->vcm));
	clerk->released = false;
	return vcm_init(&clerk->vcm, &clerk_driver, CLERK_BASE,
			CLERK_BASE + CLERK_GRANULES * SZ_4K - 1,
			SZ_4K | SZ_16K | SZ_64K);
}

static int clerk_init(struct kunit *test)
{
	struct clerk *clerk = kunit_kzalloc(test, sizeof(*clerk), GFP_KERNEL);

	if (!clerk)
		return -ENOMEM;
	clerk->test = test;
	spin_lock_init(&clerk->lock);
	test->priv = clerk;
	return clerk_open(clerk);
}

/* Whatever a test does, the book is empty and the context gone at the end */
static void clerk_exit(struct kunit *test)
{
	struct clerk *clerk = test->priv;

	if (!clerk)
		return;
	if (!clerk->vcm.dead)
		vcm_destroy(&clerk->vcm);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(clerk->book, CLERK_GRANULES));
	KUNIT_EXPECT_TRUE(test, clerk->released);
}

static struct vcm_res *clerk_get(struct clerk *clerk, resource_size_t size,
				 unsigned int flags)
{
	struct vcm_res *res = vcm_reserve(&clerk->vcm, size, flags);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(clerk->test, res);
	return res;
}

/* The address is the clerk's, with the guard, and a look-up finds it */
static void vcm_ask_reserve(struct kunit *test)
{
	struct clerk *clerk = test->priv;
	struct vcm_res *res, *found;

	clerk->next = 5;
	res = clerk_get(clerk, SZ_8K, VCM_RES_GUARD);
	KUNIT_EXPECT_EQ(test, res->start, CLERK_BASE + 5 * SZ_4K);
	KUNIT_EXPECT_EQ(test, res->res_size, SZ_8K);
	KUNIT_EXPECT_EQ(test, bitmap_weight(clerk->book, CLERK_GRANULES), 3);
	found = vcm_lookup(&clerk->vcm, res->start + SZ_4K);
	KUNIT_EXPECT_PTR_EQ(test, found, res);
	vcm_res_put(found);
	vcm_unreserve(res);
	KUNIT_EXPECT_EQ(test, clerk->given_back, 1);
}

/* He is asked for the largest page first, at the place of the memory in it */
static void vcm_ask_alignment(struct kunit *test)
{
	struct clerk *clerk = test->priv;
	struct vcm_phys *inner, *phys;
	struct vcm_res *res;

	inner = vcm_alloc(&clerk->vcm, SZ_128K, VCM_ALLOC_CONTIG);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, inner);
	phys = vcm_phys_import_range(ALIGN(inner->parts[0].paddr, SZ_64K) +
				     SZ_4K, SZ_64K - SZ_4K);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);

	clerk->strict = true;
	res = vcm_map(&clerk->vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, clerk->asked, 2);
	KUNIT_EXPECT_EQ(test, clerk->align[0], SZ_16K);
	KUNIT_EXPECT_EQ(test, clerk->phase[0], SZ_4K);
	KUNIT_EXPECT_EQ(test, clerk->align[1], SZ_4K);
	KUNIT_EXPECT_EQ(test, clerk->phase[1], 0);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_free(inner);
}

/* What he should not have given is refused and goes back to him */
static void vcm_ask_mistakes(struct kunit *test)
{
	struct clerk *clerk = test->priv;
	struct vcm_res *res;

	clerk->next = CLERK_GRANULES;
	res = vcm_reserve(&clerk->vcm, SZ_4K, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(res), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, clerk->given_back, 1);
}

/* Nobody can tell him which addresses to give */
static void vcm_ask_windows(struct kunit *test)
{
	struct clerk *clerk = test->priv;
	struct vcm *vcm = &clerk->vcm;

	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			PTR_ERR_OR_ZERO(vcm_reserve_at(vcm, CLERK_BASE, SZ_4K,
						       0)));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR_OR_ZERO(vcm_reserve_at(vcm, CLERK_BASE + 1,
						       SZ_4K, 0)));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			PTR_ERR_OR_ZERO(vcm_reserve_in(vcm, SZ_4K, SZ_4K,
						       CLERK_BASE,
						       CLERK_BASE + SZ_64K - 1,
						       0)));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR_OR_ZERO(vcm_reserve_in(vcm, SZ_4K, SZ_4K,
						       CLERK_BASE + SZ_64K,
						       CLERK_BASE + SZ_4K - 1,
						       0)));
	KUNIT_EXPECT_EQ(test, clerk->asked, 0);
}

/* vcm_destroy() gives back what is reserved, and nobody does so again */
static void vcm_ask_destroy(struct kunit *test)
{
	struct clerk *clerk = test->priv;
	struct vcm_res *res[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(res); i++)
		res[i] = clerk_get(clerk, SZ_4K, 0);
	vcm_destroy(&clerk->vcm);
	KUNIT_EXPECT_EQ(test, clerk->given_back, 3);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(clerk->book, CLERK_GRANULES));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			PTR_ERR_OR_ZERO(vcm_reserve(&clerk->vcm, SZ_4K, 0)));
	for (i = 0; i < ARRAY_SIZE(res); i++) {
		KUNIT_EXPECT_FALSE(test, clerk->released);
		vcm_unreserve(res[i]);
	}
	KUNIT_EXPECT_EQ(test, clerk->given_back, 3);
}

#define ASK_ROUNDS	32
#define ASK_RES		16

/* Somebody who drops reservations */
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

/* Drops that race vcm_destroy() give each address back once, whoever is first */
static void vcm_ask_destroy_races(struct kunit *test)
{
	struct clerk *clerk = test->priv;
	struct ask_dropper dropper;
	unsigned int round, i;

	INIT_WORK_ONSTACK(&dropper.work, ask_drop);
	for (round = 0; round < ASK_ROUNDS; round++) {
		clerk->next = 0;
		clerk->given_back = 0;
		for (i = 0; i < ASK_RES; i++)
			dropper.res[i] = clerk_get(clerk, SZ_4K, 0);
		queue_work(system_dfl_wq, &dropper.work);
		/* Somewhere in the middle of it */
		for (i = 0; i < round % ASK_RES; i++)
			schedule();
		vcm_destroy(&clerk->vcm);
		flush_work(&dropper.work);
		KUNIT_EXPECT_EQ(test, clerk->given_back, ASK_RES);
		KUNIT_EXPECT_TRUE(test, clerk->released);
		if (clerk_open(clerk))
			break;
	}
	KUNIT_EXPECT_EQ(test, round, ASK_ROUNDS);
	destroy_work_on_stack(&dropper.work);
}

static int clerk_attach(struct vcm *vcm, struct vcm_master *master)
{
	return 0;
}

/* vcm_init(): operations that come in pairs, and not where addresses follow */
static void vcm_ask_init(struct kunit *test)
{
	struct vcm *vcm = kunit_kzalloc(test, sizeof(*vcm), GFP_KERNEL);
	struct vcm_driver driver = clerk_driver;

	KUNIT_ASSERT_NOT_NULL(test, vcm);
	driver.unreserve = NULL;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_init(vcm, &driver, 0, SZ_64K - 1, SZ_4K));
	driver = clerk_driver;
	driver.reserve = NULL;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_init(vcm, &driver, 0, SZ_64K - 1, SZ_4K));
	driver = clerk_driver;
	driver.attach = clerk_attach;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_init(vcm, &driver, 0, SZ_64K - 1, SZ_4K));
	driver = clerk_driver;
	driver.fixed = true;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_init(vcm, &driver, 0, SZ_64K - 1, SZ_4K));
}

static struct kunit_case vcm_ask_cases[] = {
	KUNIT_CASE(vcm_ask_reserve),
	KUNIT_CASE(vcm_ask_alignment),
	KUNIT_CASE(vcm_ask_mistakes),
	KUNIT_CASE(vcm_ask_windows),
	KUNIT_CASE(vcm_ask_destroy),
	KUNIT_CASE(vcm_ask_destroy_races),
	KUNIT_CASE(vcm_ask_init),
	{ }
};

static struct kunit_suite vcm_ask_suite = {
	.name = "vcm_ask",
	.init = clerk_init,
	.exit = clerk_exit,
	.test_cases = vcm_ask_cases,
};

kunit_test_suite(vcm_ask_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests for contexts whose addresses somebody else gives out");
MODULE_LICENSE("GPL");
