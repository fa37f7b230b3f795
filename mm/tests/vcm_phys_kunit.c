// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for physical allocations of Virtual Contiguous Memory: their parts,
 * references, and the walk over them.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../vcm-internal.h"
#include "vcm_leaves.h"
#include "vcm_seed.h"
#include "vcm_testdrv.h"

#define phys_ok(test, ptr)	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ptr)

/* Parts */

static int phys_freed;

static void phys_count_free(struct vcm_phys *phys)
{
	phys_freed++;
}

/* Make an allocation of @nr parts. Return it, or the error of vcm_phys_finish(). */
static struct vcm_phys *phys_make(const struct phys_vec *parts, unsigned int nr)
{
	struct vcm_phys *phys = vcm_phys_new(nr, 0, phys_count_free, NULL);
	unsigned int i;
	int ret;

	if (IS_ERR(phys))
		return phys;
	for (i = 0; i < nr; i++)
		phys->parts[i] = parts[i];
	ret = vcm_phys_finish(phys);
	return ret ? ERR_PTR(ret) : phys;
}

#define PHYS_TOP	(~(phys_addr_t)0)

/* Parts: neighbours in ascending order become one part, others do not. */
static void phys_finish_joins(struct kunit *test)
{
	static const struct {
		unsigned int nr;
		unsigned int count;
		struct phys_vec part[4];
	} rows[] = {
		{ 1, 1, { { SZ_1M, SZ_4K } } },
		{ 2, 1, { { SZ_1M, SZ_4K }, { SZ_1M + SZ_4K, SZ_4K } } },
		{ 4, 1, { { SZ_1M, SZ_4K }, { SZ_1M + SZ_4K, SZ_8K },
			  { SZ_1M + 3 * SZ_4K, SZ_4K }, { SZ_1M + SZ_16K, 1 } } },
		{ 4, 2, { { SZ_1M, SZ_4K }, { SZ_1M + SZ_4K, SZ_4K },
			  { SZ_1M + SZ_16K, SZ_4K },
			  { SZ_1M + SZ_16K + SZ_4K, SZ_4K } } },
		/* descending, the same again, overlapping, a gap of one byte */
		{ 2, 2, { { SZ_1M + SZ_4K, SZ_4K }, { SZ_1M, SZ_4K } } },
		{ 2, 2, { { SZ_1M, SZ_4K }, { SZ_1M, SZ_4K } } },
		{ 2, 2, { { SZ_1M, SZ_8K }, { SZ_1M + SZ_4K, SZ_8K } } },
		{ 2, 2, { { SZ_1M, SZ_4K - 1 }, { SZ_1M + SZ_4K, SZ_4K } } },
		/* at both ends of the address space, and not across its end */
		{ 2, 1, { { 0, SZ_4K }, { SZ_4K, SZ_4K } } },
		{ 2, 1, { { PHYS_TOP - SZ_8K + 1, SZ_4K },
			  { PHYS_TOP - SZ_4K + 1, SZ_4K } } },
		{ 2, 2, { { PHYS_TOP - SZ_4K + 1, SZ_4K }, { 0, SZ_4K } } },
		{ 2, 2, { { 0, SZ_4K }, { 0, SZ_4K } } },
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		resource_size_t size = 0;
		struct vcm_phys *phys;

		for (j = 0; j < rows[i].nr; j++)
			size += rows[i].part[j].len;
		phys = phys_make(rows[i].part, rows[i].nr);
		phys_ok(test, phys);
		td_phys_check(test, phys, size);
		KUNIT_EXPECT_EQ_MSG(test, phys->count, rows[i].count, "row %u",
				    i);
		KUNIT_EXPECT_EQ(test, phys->parts[0].paddr,
				rows[i].part[0].paddr);
		vcm_free(phys);
	}
}

/*
 * Parts: -EINVAL for one that is empty or passes the end of the address space;
 * the memory stays the caller's.
 */
static void phys_finish_refuses(struct kunit *test)
{
	static const struct {
		unsigned int nr;
		struct phys_vec part[2];
	} rows[] = {
		{ 1, { { SZ_1M, 0 } } },
		{ 2, { { SZ_1M, SZ_4K }, { SZ_2M, 0 } } },
		{ 2, { { SZ_1M, 0 }, { SZ_2M, SZ_4K } } },
		{ 1, { { PHYS_TOP, 2 } } },
		{ 1, { { PHYS_TOP - SZ_4K + 1, SZ_8K } } },
		{ 2, { { SZ_1M, SZ_4K }, { PHYS_TOP - SZ_4K + 2, SZ_4K } } },
	};
	unsigned int i;

	phys_freed = 0;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		expect_errno(test, phys_make(rows[i].part, rows[i].nr),
			     -EINVAL);
	if (sizeof(size_t) == sizeof(resource_size_t)) {
		/* each part is valid, their sum overflows */
		struct phys_vec part[2] = { { 0, SIZE_MAX }, { 0, 1 } };

		expect_errno(test, phys_make(part, 2), -EINVAL);
		part[0].len = SIZE_MAX / 2 + 1;
		part[1].len = SIZE_MAX / 2 + 1;
		expect_errno(test, phys_make(part, 2), -EINVAL);
	}
	expect_errno(test, phys_make(NULL, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, phys_freed, 0);
}

/*
 * vcm_bind: -EOPNOTSUPP for parts that are not whole granules, after neighbours
 * were joined.
 */
static void phys_alignment(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.last = SZ_16M - 1,
		.pgsize_bitmap = SZ_64K | SZ_1M,
	};
	static const struct {
		int ret;
		struct phys_vec part[2];
	} rows[] = {
		{ 0, { { SZ_1M, SZ_32K }, { SZ_1M + SZ_32K, SZ_32K } } },
		{ 0, { { SZ_1M, SZ_64K }, { SZ_2M, SZ_64K } } },
		{ -EOPNOTSUPP, { { SZ_1M, SZ_32K }, { SZ_2M + SZ_32K, SZ_32K } } },
		{ -EOPNOTSUPP, { { SZ_1M + SZ_32K, SZ_32K }, { SZ_2M, SZ_64K } } },
		{ -EOPNOTSUPP, { { SZ_1M, SZ_64K }, { SZ_2M, SZ_32K } } },
		{ -EOPNOTSUPP, { { SZ_1M + SZ_32K, SZ_64K }, { SZ_2M, SZ_64K } } },
	};
	struct td_ctx *ctx = td_create(test->priv, &cfg);
	struct vcm_res *res = vcm_reserve(ctx->vcm, SZ_1M, 0);
	unsigned int i;

	phys_ok(test, res);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vcm_phys *phys = phys_make(rows[i].part, 2);
		struct vcm_res *map;

		phys_ok(test, phys);
		KUNIT_EXPECT_EQ_MSG(test, vcm_bind(res, phys), rows[i].ret,
				    "row %u", i);
		if (!rows[i].ret)
			vcm_unbind(res);
		map = vcm_map(ctx->vcm, phys, 0);
		expect_errno(test, map, rows[i].ret);
		vcm_unmap(map);
		vcm_free(phys);
	}
	vcm_unreserve(res);
}

/*
 * Parts: a list of more parts than kmalloc() has room for needs no contiguous
 * memory.
 */
static void phys_many_parts(struct kunit *test)
{
	const unsigned int nr = KMALLOC_MAX_SIZE / sizeof(struct phys_vec) + 1;
	struct vcm_phys *phys;
	unsigned int i;

	phys = vcm_phys_new(nr, 0, phys_count_free, NULL);
	phys_ok(test, phys);
	for (i = 0; i < nr; i++) {
		phys->parts[i].paddr = (phys_addr_t)(i & 1) << PAGE_SHIFT;
		phys->parts[i].len = PAGE_SIZE;
	}
	KUNIT_EXPECT_EQ(test, vcm_phys_finish(phys), 0);
	/* Pages 0, 1, 0, 1, ...: each 1 joins the 0 before it */
	KUNIT_EXPECT_EQ(test, phys->count, DIV_ROUND_UP(nr, 2));
	phys_freed = 0;
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, phys_freed, 1);
}

/*
 * References of memory: one count. The creator has one, vcm_phys_get() adds one,
 * vcm_free() and vcm_phys_put() drop one, and the last drop frees the memory.
 */
static void phys_references(struct kunit *test)
{
	const struct phys_vec part = { SZ_1M, SZ_4K };
	struct vcm_phys *phys = phys_make(&part, 1);

	phys_ok(test, phys);
	phys_freed = 0;
	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_get(phys), phys);
	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_get(phys), phys);
	vcm_free(phys);
	vcm_phys_put(phys);
	KUNIT_EXPECT_EQ(test, phys_freed, 0);
	vcm_phys_put(phys);
	KUNIT_EXPECT_EQ(test, phys_freed, 1);

	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_get(NULL), NULL);
	phys = ERR_PTR(-ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_get(phys), phys);
	vcm_phys_put(phys);
	vcm_phys_put(NULL);
	vcm_free(phys);
	vcm_free(NULL);
}

#define PHYS_ROUNDS	2000

/**
 * struct phys_race - memory that two threads drop at the same time
 * @res: an unbound reservation
 * @phys: the memory, NULL at the end
 * @go: completed when the memory is bound
 * @done: completed when the other thread has dropped its reference
 */
struct phys_race {
	struct vcm_res *res;
	struct vcm_phys *phys;
	struct completion go;
	struct completion done;
};

static long phys_race_put(void *arg)
{
	struct phys_race *race = arg;

	for (;;) {
		wait_for_completion(&race->go);
		if (!race->phys)
			return 0;
		vcm_phys_put(race->phys);
		complete(&race->done);
	}
}

/*
 * References of memory: an unbind and a put race for the last one, and the memory
 * is freed once. With CONFIG_VCM_DEBUG, vcm_phys_put() compares the references
 * with the bindings at the same time, and does not warn.
 */
static void phys_put_races(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.last = SZ_16M - 1,
		.pgsize_bitmap = SZ_4K,
	};
	const struct phys_vec part = { SZ_1M, SZ_4K };
	struct td_ctx *ctx = td_create(test->priv, &cfg);
	struct phys_race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	struct td_worker *worker;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, race);
	init_completion(&race->go);
	init_completion(&race->done);
	race->res = vcm_reserve(ctx->vcm, SZ_4K, 0);
	phys_ok(test, race->res);
	worker = td_start(test->priv, phys_race_put, race);
	phys_freed = 0;
	for (i = 0; i < PHYS_ROUNDS; i++) {
		race->phys = phys_make(&part, 1);
		if (IS_ERR(race->phys) || vcm_bind(race->res, race->phys))
			break;
		complete(&race->go);
		vcm_unbind(race->res);
		wait_for_completion(&race->done);
	}
	race->phys = NULL;
	complete(&race->go);
	td_join(worker);
	KUNIT_EXPECT_EQ(test, i, PHYS_ROUNDS);
	KUNIT_EXPECT_EQ(test, phys_freed, PHYS_ROUNDS);
	KUNIT_EXPECT_EQ(test, worker->warnings, 0);
	vcm_unreserve(race->res);
}

/* The walk */

/**
 * struct walk - a walk, compared with a reference that tries every page size
 * @test: the case
 * @phys: the memory
 * @sizes: page sizes
 * @part: part of the next run
 * @off: offset of the next run in that part
 * @addr: device address of the next run
 * @before: page size of the last run in this part, 0 if there was none
 * @calls: number of runs so far
 * @fail_at: number of the run that fails, 0 for none
 * @wrong: the walk differs from the reference
 */
struct walk {
	struct kunit *test;
	const struct vcm_phys *phys;
	unsigned long sizes;
	unsigned int part;
	size_t off;
	dma_addr_t addr;
	size_t before;
	unsigned int calls;
	unsigned int fail_at;
	bool wrong;
};

/* Return the largest page that can be used next, 0 if there is none. */
static size_t walk_page(const struct walk *w)
{
	const struct phys_vec *part = &w->phys->parts[w->part];
	unsigned int bit;

	for (bit = BITS_PER_LONG; bit--;) {
		u64 size = BIT_ULL(bit);

		if (w->sizes >> bit & 1 && part->len - w->off >= size &&
		    !(w->addr & (size - 1)) &&
		    !((part->paddr + w->off) & (size - 1)))
			return size;
	}
	return 0;
}

static bool walk_done(const struct walk *w)
{
	return w->part == w->phys->count;
}

static void walk_advance(struct walk *w, size_t size)
{
	w->addr += size;
	w->off += size;
	if (w->off == w->phys->parts[w->part].len) {
		w->off = 0;
		w->part++;
		w->before = 0;
	}
}

static int walk_run(void *priv, dma_addr_t addr, phys_addr_t paddr,
		    size_t pgsize, size_t pgcount)
{
	struct walk *w = priv;
	unsigned int part = w->part;
	size_t i;

	w->wrong |= walk_done(w) || !pgcount || addr != w->addr ||
		    paddr != w->phys->parts[part].paddr + w->off ||
		    pgsize == w->before;
	for (i = 0; i < pgcount && !w->wrong; i++) {
		w->wrong = w->part != part || walk_page(w) != pgsize;
		w->before = pgsize;
		if (!w->wrong)
			walk_advance(w, pgsize);
	}
	if (w->wrong)
		return -EBADMSG;
	return ++w->calls == w->fail_at ? -ENOSR : 0;
}

static bool walk_random_phys(struct kunit *test, struct rnd_state *rnd,
			     unsigned int shift, struct walk *w)
{
	/* At most some thousand pages of the smallest size in each part */
	const u64 unit = BIT_ULL(shift);
	struct phys_vec part[4];
	unsigned int i, nr = 1 + prandom_u32_state(rnd) % ARRAY_SIZE(part);
	resource_size_t sum = 0;
	struct vcm_phys *phys;

	for (i = 0; i < nr; i++) {
		u64 pages = 1 + (prandom_u32_state(rnd) >>
				 (20 + prandom_u32_state(rnd) % 12));
		u64 paddr = prandom_u32_state(rnd) & (PHYS_ADDR_MAX >> shift);
		u64 len = pages * unit;

		/* Often well aligned, so that large pages can be used */
		paddr &= GENMASK(31, prandom_u32_state(rnd) % 16);
		/* Sometimes not aligned at all */
		if (i == nr - 1 && prandom_u32_state(rnd) % 16 == 0)
			len += unit / 2;
		part[i].paddr = paddr * unit;
		part[i].len = len;
		if (part[i].len != len ||
		    part[i].paddr + (part[i].len - 1) < part[i].paddr ||
		    check_add_overflow(sum, part[i].len, &sum))
			return false;
	}
	phys = phys_make(part, nr);
	phys_ok(test, phys);
	w->phys = phys;
	return true;
}

static void walk_restart(struct walk *w, dma_addr_t addr, unsigned int fail_at)
{
	w->part = 0;
	w->off = 0;
	w->addr = addr;
	w->before = 0;
	w->calls = 0;
	w->fail_at = fail_at;
}

/* Return false if the walk differs from the reference. */
static bool walk_check(struct walk *w, dma_addr_t addr)
{
	int ret;

	walk_restart(w, addr, 0);
	ret = vcm_phys_walk(w->phys, addr, w->sizes, walk_run, w);
	if (w->wrong)
		return false;
	/* It may end early only if no page fits, with -EINVAL */
	if (walk_done(w))
		return !ret;
	return ret == -EINVAL && !walk_page(w);
}

static void walk_check_failures(struct walk *w, dma_addr_t addr)
{
	unsigned int nth, nr = w->calls;

	for (nth = 1; nth <= nr && nth < 64; nth++) {
		walk_restart(w, addr, nth);
		KUNIT_EXPECT_EQ(w->test, vcm_phys_walk(w->phys, addr, w->sizes,
						       walk_run, w), -ENOSR);
		KUNIT_EXPECT_EQ(w->test, w->calls, nth);
		KUNIT_EXPECT_FALSE(w->test, w->wrong);
	}
}

/*
 * vcm_phys_walk: with random memory (above 4 GiB, of more than 4 GiB), addresses
 * and page sizes, each run uses the largest page that fits and is as long as
 * possible. A run that fails is the last one. The same arguments give the same
 * runs.
 */
static void phys_walk_random(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int n, done = 0;

	vcm_seed(test, &rnd);
	for (n = 0; n < 4000; n++) {
		unsigned int shift = 12 + prandom_u32_state(&rnd) % 20;
		struct walk w = { .test = test };
		dma_addr_t addr;
		bool good;

		w.sizes = ((u64)prandom_u32_state(&rnd) << 32 |
			   prandom_u32_state(&rnd)) & GENMASK(BITS_PER_LONG - 1, shift);
		if (n % 4 == 0)
			w.sizes = GENMASK(BITS_PER_LONG - 1, shift);
		w.sizes |= 1UL << shift;
		if (!walk_random_phys(test, &rnd, shift, &w))
			continue;

		/* Congruent to the first part, or anywhere */
		addr = prandom_u32_state(&rnd);
		addr &= GENMASK(31, prandom_u32_state(&rnd) % 16);
		addr <<= shift;
		if (prandom_u32_state(&rnd) & 1)
			addr += w.phys->parts[0].paddr;
		good = walk_check(&w, addr);
		if (good)
			walk_check_failures(&w, addr);
		else
			KUNIT_FAIL(test, "round %u, sizes %lx, address %pad, run %u",
				   n, w.sizes, &addr, w.calls);
		vcm_free((struct vcm_phys *)w.phys);
		done++;
		if (!good)
			break;
	}
	KUNIT_EXPECT_GT(test, done, 400);
}

struct walk_step {
	dma_addr_t addr;
	phys_addr_t paddr;
	size_t pgsize;
	size_t pgcount;
};

struct walk_list {
	unsigned int nr;
	struct walk_step step[8];
};

static int walk_note(void *priv, dma_addr_t addr, phys_addr_t paddr,
		     size_t pgsize, size_t pgcount)
{
	struct walk_list *list = priv;

	if (list->nr == ARRAY_SIZE(list->step))
		return -E2BIG;
	list->step[list->nr++] = (struct walk_step) {
		addr, paddr, pgsize, pgcount,
	};
	return 0;
}

/* vcm_phys_walk: one walk worked out by hand; vcm_leaves: its leaves. */
static void phys_walk_example(struct kunit *test)
{
	static const struct vcm_driver driver, fixed = { .fixed = true };
	static const struct walk_step want[] = {
		{ 0x3ff000, 0x1ff000, SZ_4K, 1 },
		{ 0x400000, 0x200000, SZ_2M, 3 },
		{ 0xa00000, 0x800000, SZ_4K, 2 },
		/* no longer congruent modulo 2 MiB */
		{ 0xa02000, 0xc00000, SZ_4K, 513 },
	};
	static const struct phys_vec parts[] = {
		{ 0x1ff000, SZ_4K + 3 * SZ_2M + 2 * SZ_4K },
		{ 0xc00000, SZ_2M + SZ_4K },
	};
	struct vcm *vcm = kunit_kzalloc(test, sizeof(*vcm), GFP_KERNEL);
	struct vcm_res res = { .vcm = vcm, .start = 0x3ff000 };
	struct walk_list list = { };
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, vcm);
	vcm->driver = &driver;
	vcm->pgsize_bitmap = SZ_4K | SZ_2M;
	KUNIT_EXPECT_EQ(test, vcm_leaves(&res), 0);
	res.phys = phys_make(parts, 2);
	phys_ok(test, res.phys);
	KUNIT_ASSERT_EQ(test, vcm_phys_walk(res.phys, res.start,
					    vcm->pgsize_bitmap, walk_note,
					    &list), 0);
	KUNIT_ASSERT_EQ(test, list.nr, ARRAY_SIZE(want));
	for (i = 0; i < ARRAY_SIZE(want); i++)
		KUNIT_EXPECT_MEMEQ(test, &list.step[i], &want[i],
				   sizeof(want[i]));
	KUNIT_EXPECT_EQ(test, vcm_leaves(&res), 1 + 3 + 2 + 513);
	vcm->driver = &fixed;
	KUNIT_EXPECT_EQ(test, vcm_leaves(&res), 0);
	vcm_free(res.phys);
}

/* vcm_phys_walk: -EINVAL if the smallest page does not divide @addr or a part. */
static void phys_walk_unaligned(struct kunit *test)
{
	static const struct {
		dma_addr_t addr;
		struct phys_vec part;
	} rows[] = {
		{ SZ_2K, { SZ_1M, SZ_64K } },
		{ SZ_64K, { SZ_1M + SZ_2K, SZ_64K } },
		{ SZ_64K, { SZ_1M, SZ_2K } },
		{ SZ_64K, { SZ_1M, SZ_64K + SZ_2K } },
		{ SZ_64K + 1, { SZ_1M + 1, SZ_64K } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vcm_phys *phys = phys_make(&rows[i].part, 1);
		struct walk_list list = { };

		phys_ok(test, phys);
		KUNIT_EXPECT_EQ(test, vcm_phys_walk(phys, rows[i].addr,
						    SZ_4K | SZ_1M, walk_note,
						    &list), -EINVAL);
		vcm_free(phys);
	}
}

static struct kunit_case phys_cases[] = {
	KUNIT_CASE(phys_finish_joins),
	KUNIT_CASE(phys_finish_refuses),
	KUNIT_CASE(phys_alignment),
	KUNIT_CASE(phys_many_parts),
	KUNIT_CASE(phys_references),
	KUNIT_CASE(phys_put_races),
	KUNIT_CASE_SLOW(phys_walk_random),
	KUNIT_CASE(phys_walk_example),
	KUNIT_CASE(phys_walk_unaligned),
	{ }
};

static struct kunit_suite phys_suite = {
	.name = "vcm_phys",
	.init = td_begin,
	.exit = td_end,
	.test_cases = phys_cases,
};

kunit_test_suite(phys_suite);

MODULE_DESCRIPTION("KUnit tests for physical allocations of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
