// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the look-ups of Virtual Contiguous Memory where addresses follow the
 * memory, so that several reservations may cover an address.
 *
 * All cases are parts of the row "a mapping belongs to the caller that made it"
 * of "What each call promises".
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/prandom.h>

#include "../vcm-internal.h"
#include "vcm_lookup.h"
#include "vcm_seed.h"

/* Expect that vcm_lookup() returns @want, NULL for -ENOENT. */
static void expect_lookup(struct kunit *test, struct td_ctx *ctx,
			  dma_addr_t addr, struct vcm_res *want)
{
	struct vcm_res *res = vcm_lookup(ctx->vcm, addr);

	KUNIT_EXPECT_PTR_EQ(test, res, want ?: ERR_PTR(-ENOENT));
	vcm_res_put(res);
}

/* vcm_lookup(): the youngest bound reservation, else the youngest */
static void fixed_youngest(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_fixed);
	struct vcm_phys *phys = lookup_phys_at(test, SZ_1M, SZ_64K);
	struct vcm_res *a, *b, *c;

	expect_lookup(test, ctx, SZ_1M, NULL);
	a = lookup_map(ctx, phys);
	b = lookup_map(ctx, phys);
	c = lookup_map(ctx, phys);
	expect_lookup(test, ctx, SZ_1M, c);
	vcm_unbind(c);
	expect_lookup(test, ctx, SZ_1M + SZ_64K - 1, b);
	vcm_unbind(b);
	expect_lookup(test, ctx, SZ_1M, a);
	vcm_unbind(a);
	expect_lookup(test, ctx, SZ_1M, c);
	/* Bound again, it has the age that it had */
	KUNIT_ASSERT_EQ(test, vcm_bind(a, phys), 0);
	expect_lookup(test, ctx, SZ_1M, a);
	KUNIT_ASSERT_EQ(test, vcm_bind(b, phys), 0);
	expect_lookup(test, ctx, SZ_1M, b);

	vcm_unmap(b);
	expect_lookup(test, ctx, SZ_1M, a);
	vcm_unmap(a);
	expect_lookup(test, ctx, SZ_1M, c);
	vcm_unmap(c);
	expect_lookup(test, ctx, SZ_1M, NULL);
	vcm_free(phys);
}

/* vcm_lookup(): finds an unbound reservation until its last owner drops it */
static void fixed_last_owner(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_fixed);
	struct vcm_phys *phys = lookup_phys_at(test, SZ_1M, SZ_64K);
	struct vcm_res *res = lookup_map(ctx, phys);
	struct vcm_addr_info info;

	KUNIT_ASSERT_EQ(test, vcm_ref_reserve(res), 0);
	vcm_unbind(res);
	vcm_unmap(res);
	expect_lookup(test, ctx, SZ_1M, res);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), 0);
	KUNIT_EXPECT_EQ(test, info.nr, 1);
	expect_res(test, &info.res[0], res);
	KUNIT_EXPECT_EQ(test, info.res[0].bound_size, 0);
	vcm_unmap(res);
	expect_lookup(test, ctx, SZ_1M, NULL);

	/* There is no history: the next mapping has the same address */
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), -ENOENT);
	KUNIT_EXPECT_EQ(test, info.nr, 0);
	KUNIT_EXPECT_PTR_EQ(test, info.released.owner, NULL);
	vcm_free(phys);
}

/* Expect that @info has @nr reservations, and different ones of @res. */
static void expect_covering(struct kunit *test,
			    const struct vcm_addr_info *info,
			    struct vcm_res *const *res, unsigned int nr)
{
	unsigned int i, j, shown = min(nr, VCM_ADDR_MAX), seen = 0;

	KUNIT_ASSERT_EQ(test, info->nr, nr);
	for (i = 0; i < shown; i++) {
		for (j = 0; j < nr; j++)
			if (info->res[i].size == res[j]->res_size)
				break;
		KUNIT_ASSERT_LT(test, j, nr);
		expect_res(test, &info->res[i], res[j]);
		KUNIT_EXPECT_FALSE(test, seen & BIT(j));
		seen |= BIT(j);
	}
	for (; i < VCM_ADDR_MAX; i++)
		expect_none(test, &info->res[i]);
}

/* vcm_lookup_info(): the number of reservations, and up to VCM_ADDR_MAX */
static void fixed_info(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_fixed);
	struct vcm_res *res[VCM_ADDR_MAX + 2], *found;
	struct vcm_phys *phys[VCM_ADDR_MAX + 2];
	struct vcm_addr_info info;
	unsigned int nr;

	/* Each has another size, which identifies it */
	for (nr = 0; nr < ARRAY_SIZE(res); nr++) {
		phys[nr] = lookup_phys_at(test, SZ_1M, (nr + 1) * SZ_4K);
		res[nr] = lookup_map(ctx, phys[nr]);
		KUNIT_ASSERT_EQ(test, lookup_info(ctx, SZ_1M, &info), 0);
		expect_covering(test, &info, res, nr + 1);
	}
	/* The last page is covered by the last one alone */
	KUNIT_EXPECT_EQ(test, 0, lookup_info(ctx, SZ_1M + nr * SZ_4K - 1,
					     &info));
	expect_covering(test, &info, &res[nr - 1], 1);
	while (nr--) {
		/* The first is the one that vcm_lookup() returns */
		vcm_unbind(res[nr]);
		KUNIT_ASSERT_EQ(test, lookup_info(ctx, SZ_1M, &info), 0);
		expect_covering(test, &info, res, nr + 1);
		found = vcm_lookup(ctx->vcm, SZ_1M);
		KUNIT_ASSERT_PTR_EQ(test, found, nr ? res[nr - 1] : res[0]);
		expect_res(test, &info.res[0], found);
		vcm_res_put(found);
		vcm_unmap(res[nr]);
		vcm_free(phys[nr]);
	}
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), -ENOENT);
}

/* vcm_addr_to_phys(): tries each reservation that covers the address */
static void fixed_addr_to_phys(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_fixed);
	struct vcm_phys *whole = lookup_phys_at(test, SZ_1M, SZ_64K);
	struct vcm_phys *head = lookup_phys_at(test, SZ_1M, SZ_4K);
	struct vcm_res *old, *young, *unbound;
	phys_addr_t paddr;

	old = lookup_map(ctx, whole);
	young = lookup_map(ctx, whole);
	unbound = lookup_map(ctx, whole);
	vcm_unbind(unbound);
	/* What vcm_lookup() returns has memory only in its first page */
	vcm_unbind(young);
	KUNIT_ASSERT_EQ(test, vcm_bind(young, head), 0);
	expect_lookup(test, ctx, SZ_1M + SZ_8K, young);

	KUNIT_EXPECT_EQ(test, 0, vcm_addr_to_phys(ctx->vcm, SZ_1M + SZ_8K,
						  &paddr));
	KUNIT_EXPECT_EQ(test, paddr, SZ_1M + SZ_8K);
	vcm_unmap(old);
	KUNIT_EXPECT_EQ(test, -ENOENT, vcm_addr_to_phys(ctx->vcm, SZ_1M + SZ_8K,
							&paddr));
	KUNIT_EXPECT_EQ(test, 0, vcm_addr_to_phys(ctx->vcm, SZ_1M + SZ_4K - 1,
						  &paddr));
	KUNIT_EXPECT_EQ(test, paddr, SZ_1M + SZ_4K - 1);
	vcm_unmap(young);
	vcm_unmap(unbound);
	vcm_free(whole);
	vcm_free(head);
}

/* vcm_translate(): tries each reservation that covers the address */
static void fixed_translate(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_fixed);
	struct td_ctx *to = td_create(test->priv, &lookup_cfg);
	struct vcm_phys *phys[3];
	struct vcm_res *res[3], *there;
	unsigned int i, j;
	dma_addr_t addr;

	/* Three descriptions of the same memory */
	for (i = 0; i < 3; i++) {
		phys[i] = lookup_phys_at(test, SZ_1M + i * SZ_4K, SZ_64K);
		res[i] = lookup_map(ctx, phys[i]);
	}
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, -ENOENT,
				vcm_translate(ctx->vcm, SZ_1M + SZ_16K, to->vcm,
					      &addr));
		there = lookup_map(to, phys[i]);
		KUNIT_EXPECT_EQ(test, 0, vcm_translate(ctx->vcm, SZ_1M + SZ_16K,
						       to->vcm, &addr));
		KUNIT_EXPECT_EQ(test, addr, there->start + SZ_16K - i * SZ_4K);
		/* From there, the oldest binding here */
		KUNIT_EXPECT_EQ(test, 0, vcm_translate(to->vcm, there->start,
						       ctx->vcm, &addr));
		KUNIT_EXPECT_EQ(test, addr, res[i]->start);
		for (j = 0; j < 3; j++)
			if (j != i)
				vcm_unbind(res[j]);
		KUNIT_EXPECT_EQ(test, 0, vcm_translate(ctx->vcm, SZ_1M + SZ_16K,
						       to->vcm, &addr));
		vcm_unbind(res[i]);
		KUNIT_EXPECT_EQ(test, -ENOENT,
				vcm_translate(ctx->vcm, SZ_1M + SZ_16K, to->vcm,
					      &addr));
		for (j = 0; j < 3; j++)
			KUNIT_ASSERT_EQ(test, vcm_bind(res[j], phys[j]), 0);
		vcm_unmap(there);
	}
	for (i = 0; i < 3; i++) {
		vcm_unmap(res[i]);
		vcm_free(phys[i]);
	}
}

/* Against an oracle */

#define FIXED_CELLS	24
#define FIXED_SLOTS	20

/* A reservation, with two descriptions of memory at its address */
struct fixed_slot {
	struct vcm_res *res;
	struct vcm_phys *phys[2];
	/* Bindings of these in the other context */
	struct vcm_res *there[2];
	unsigned int age;
};

struct fixed_model {
	struct kunit *test;
	struct td_ctx *ctx;
	struct td_ctx *to;
	struct rnd_state rnd;
	unsigned int made;
	struct fixed_slot slot[FIXED_SLOTS];
};

static u32 fixed_random(struct fixed_model *m, u32 below)
{
	return prandom_u32_state(&m->rnd) % below;
}

static void fixed_make(struct fixed_model *m, struct fixed_slot *slot)
{
	const unsigned int cell = fixed_random(m, FIXED_CELLS - 6);
	const dma_addr_t addr = SZ_1M + cell * SZ_4K;
	unsigned int nr = 2 + fixed_random(m, 5), i;

	slot->phys[0] = lookup_phys_at(m->test, addr, nr * SZ_4K);
	slot->phys[1] = lookup_phys_at(m->test, addr, nr / 2 * SZ_4K);
	slot->res = lookup_map(m->ctx, slot->phys[0]);
	slot->age = m->made++;
	for (i = 0; i < 2; i++)
		slot->there[i] = fixed_random(m, 3) ? NULL :
				 lookup_map(m->to, slot->phys[i]);
}

static void fixed_drop(struct fixed_slot *slot)
{
	unsigned int i;

	vcm_unreserve(slot->res);
	slot->res = NULL;
	for (i = 0; i < 2; i++) {
		vcm_unmap(slot->there[i]);
		vcm_free(slot->phys[i]);
	}
}

static void fixed_step(struct fixed_model *m)
{
	struct fixed_slot *slot = &m->slot[fixed_random(m, FIXED_SLOTS)];

	if (!slot->res) {
		fixed_make(m, slot);
	} else if (!fixed_random(m, 3)) {
		fixed_drop(slot);
	} else if (slot->res->phys) {
		vcm_unbind(slot->res);
	} else {
		KUNIT_ASSERT_EQ(m->test, 0,
				vcm_bind(slot->res,
					 slot->phys[fixed_random(m, 2)]));
	}
}

static bool fixed_is_bound(const struct fixed_slot *slot, dma_addr_t addr)
{
	return slot->res->phys &&
	       addr - slot->res->start < slot->res->phys->size;
}

/* Return true if the memory of @slot at @addr is bound in the other context. */
static bool fixed_is_there(const struct fixed_slot *slot, dma_addr_t addr)
{
	return fixed_is_bound(slot, addr) &&
	       slot->there[slot->res->phys == slot->phys[1]];
}

static bool fixed_preferred(const struct fixed_slot *slot,
			    const struct fixed_slot *other)
{
	if (!slot->res->phys != !other->res->phys)
		return slot->res->phys;
	return slot->age > other->age;
}

static void fixed_check(struct fixed_model *m, dma_addr_t addr)
{
	struct fixed_slot *slot, *first = NULL;
	bool bound = false, there = false;
	struct kunit *test = m->test;
	struct vcm_addr_info info;
	unsigned int nr = 0, i;
	phys_addr_t paddr;
	dma_addr_t out;
	int ret;

	for (slot = m->slot; slot < m->slot + FIXED_SLOTS; slot++) {
		if (!slot->res || slot->res->start > addr ||
		    addr - slot->res->start >= slot->res->res_size)
			continue;
		nr++;
		bound |= fixed_is_bound(slot, addr);
		there |= fixed_is_there(slot, addr);
		if (!first || fixed_preferred(slot, first))
			first = slot;
	}

	expect_lookup(test, m->ctx, addr, first ? first->res : NULL);
	ret = lookup_info(m->ctx, addr, &info);
	KUNIT_ASSERT_EQ(test, ret, nr ? 0 : -ENOENT);
	KUNIT_ASSERT_EQ(test, info.nr, nr);
	if (first)
		expect_res(test, &info.res[0], first->res);
	for (i = 0; i < min(nr, VCM_ADDR_MAX); i++)
		KUNIT_ASSERT_LT(test, addr - info.res[i].start,
				info.res[i].size);

	paddr = ~addr;
	ret = vcm_addr_to_phys(m->ctx->vcm, addr, &paddr);
	KUNIT_ASSERT_EQ(test, ret, bound ? 0 : -ENOENT);
	KUNIT_ASSERT_EQ(test, paddr, bound ? addr : ~addr);
	ret = vcm_translate(m->ctx->vcm, addr, m->to->vcm, &out);
	KUNIT_ASSERT_EQ(test, ret, there ? 0 : -ENOENT);
	if (ret)
		return;
	KUNIT_ASSERT_EQ(test, vcm_addr_to_phys(m->to->vcm, out, &paddr), 0);
	KUNIT_ASSERT_EQ(test, paddr, addr);
}

/*
 * Random mappings, binds and unbinds: for each page, all look-ups return what a
 * list of all reservations says.
 */
static void fixed_oracle(struct kunit *test)
{
	struct fixed_model *m;
	unsigned int step, i;

	m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m);
	vcm_seed(test, &m->rnd);
	m->test = test;
	m->ctx = td_create(test->priv, &lookup_fixed);
	m->to = td_create(test->priv, &lookup_cfg);
	for (step = 0; step < 1000; step++) {
		fixed_step(m);
		for (i = 0; i < FIXED_CELLS; i++)
			fixed_check(m, SZ_1M + i * SZ_4K +
				       fixed_random(m, SZ_4K));
	}
	for (i = 0; i < FIXED_SLOTS; i++)
		if (m->slot[i].res)
			fixed_drop(&m->slot[i]);
}

/* Races */

#define FIXED_THREADS	4
#define FIXED_ROUNDS	1000
#define FIXED_PAUSE	7	/* no multiple of what a round has */

struct fixed_thread {
	struct td_ctx *ctx;
	/* The whole, and a part of it */
	struct vcm_phys *phys[2];
	unsigned int nr;
	unsigned int pauses;
	const char *broken;
};

static void fixed_must(struct fixed_thread *t, bool good, const char *what)
{
	if (!good && !t->broken)
		t->broken = what;
}

/*
 * Let the other threads run, with what this one has got. On one CPU, a thread
 * that does not sleep is rarely interrupted.
 */
static void fixed_pause(struct fixed_thread *t)
{
	if (++t->pauses % FIXED_PAUSE)
		cond_resched();
	else
		usleep_range(1, 20);
}

/* Map, unbind, bind again and unmap overlapping memory. */
static void fixed_churn(struct fixed_thread *t, unsigned int i)
{
	struct vcm_phys *phys = t->phys[i & 1];
	struct vcm_res *one, *two;

	one = vcm_map(t->ctx->vcm, phys, 0);
	two = vcm_map(t->ctx->vcm, phys, 0);
	fixed_must(t, !IS_ERR(one) && !IS_ERR(two), "map");
	fixed_pause(t);
	vcm_unbind(one);
	fixed_pause(t);
	if (!IS_ERR(one))
		fixed_must(t, !vcm_bind(one, phys), "bind");
	fixed_pause(t);
	vcm_unmap(two);
	vcm_unmap(one);
}

static void fixed_walk(struct fixed_thread *t)
{
	struct vcm_res *pos = NULL;
	dma_addr_t start = 0;

	while ((pos = vcm_next_res(t->ctx->vcm, pos))) {
		fixed_must(t, pos->start >= start, "not ascending");
		start = pos->start;
		fixed_pause(t);
	}
	while ((pos = vcm_phys_next_res(t->phys[1], pos)))
		fixed_pause(t);
}

static void fixed_look(struct fixed_thread *t, unsigned int i)
{
	const dma_addr_t addr = SZ_1M + i % 16 * SZ_4K + 5;
	struct vcm_addr_info info;
	struct vcm_res *res;
	phys_addr_t paddr;
	dma_addr_t out;

	res = vcm_lookup(t->ctx->vcm, addr);
	fixed_must(t, !IS_ERR(res) || res == ERR_PTR(-ENOENT), "lookup");
	fixed_pause(t);
	if (!IS_ERR(res))
		fixed_must(t, addr - res->start < res->res_size,
			   "another reservation");
	vcm_res_put(res);
	if (!vcm_lookup_info(t->ctx->vcm, addr, &info)) {
		fixed_must(t, info.nr && info.res[0].owner, "lookup_info");
		fixed_must(t, addr - info.res[0].start < info.res[0].size,
			   "another address");
	}
	if (!vcm_addr_to_phys(t->ctx->vcm, addr, &paddr))
		fixed_must(t, paddr == addr, "addr_to_phys");
	if (!vcm_translate(t->ctx->vcm, addr, t->ctx->vcm, &out))
		fixed_must(t, out == addr, "translate");
}

static long fixed_thread(void *arg)
{
	struct fixed_thread *t = arg;
	unsigned int i;

	for (i = 0; i < FIXED_ROUNDS && !t->broken; i++) {
		if (t->nr & 1)
			fixed_churn(t, i);
		else if (i % 3)
			fixed_look(t, i);
		else
			fixed_walk(t);
		fixed_pause(t);
	}
	return 0;
}

/*
 * Look-ups and iterations race with mappings of overlapping memory: nothing is
 * used after it was freed, and what is found is right.
 */
static void fixed_races(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_fixed);
	struct fixed_thread t[FIXED_THREADS] = { };
	void *args[FIXED_THREADS];
	struct vcm_phys *phys[2];
	unsigned int i;

	phys[0] = lookup_phys_at(test, SZ_1M, SZ_64K);
	phys[1] = lookup_phys_at(test, SZ_1M + SZ_16K, SZ_16K);
	for (i = 0; i < FIXED_THREADS; i++) {
		t[i].ctx = ctx;
		t[i].phys[0] = phys[0];
		t[i].phys[1] = phys[1];
		t[i].nr = i;
		args[i] = &t[i];
	}
	td_run(test->priv, FIXED_THREADS, fixed_thread, args, NULL);
	for (i = 0; i < FIXED_THREADS; i++)
		KUNIT_EXPECT_STREQ(test, t[i].broken ?: "", "");
	KUNIT_EXPECT_PTR_EQ(test, vcm_next_res(ctx->vcm, NULL), NULL);
	vcm_free(phys[0]);
	vcm_free(phys[1]);
}

static struct kunit_case fixed_cases[] = {
	KUNIT_CASE(fixed_youngest),
	KUNIT_CASE(fixed_last_owner),
	KUNIT_CASE(fixed_info),
	KUNIT_CASE(fixed_addr_to_phys),
	KUNIT_CASE(fixed_translate),
	KUNIT_CASE(fixed_oracle),
	KUNIT_CASE_SLOW(fixed_races),
	{}
};

static struct kunit_suite fixed_suite = {
	.name = "vcm_lookup_fixed",
	.init = td_begin,
	.exit = td_end,
	.test_cases = fixed_cases,
};

kunit_test_suite(fixed_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of look-ups of overlapping reservations of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
