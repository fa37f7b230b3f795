// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the iterations of Virtual Contiguous Memory, while reservations and
 * bindings come and go.
 *
 * "Row" in the comments is a row of "What each call promises".
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>

#include "../vcm-internal.h"
#include "vcm_lookup.h"
#include "vcm_seed.h"

/* vcm_next_res(): all, in ascending order, at both ends of the space too */
static void iterate_all(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.last = TOP,
		.pgsize_bitmap = SZ_4K,
	};
	static const dma_addr_t where[] = {
		0, SZ_4K, SZ_1M, TOP - (SZ_8K - 1), TOP - (SZ_4K - 1),
	};
	struct td_ctx *ctx = td_create(test->priv, &cfg);
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

/*
 * vcm_next_res(): where addresses follow the memory, equal addresses are in
 * order of age, and unbound reservations are visited too.
 */
static void iterate_overlapping(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_fixed);
	struct vcm_phys *low = lookup_phys_at(test, SZ_1M, SZ_64K);
	struct vcm_phys *high = lookup_phys_at(test, SZ_1M + SZ_16K, SZ_4K);
	struct vcm_res *res[5], *pos = NULL;
	unsigned int i;

	res[3] = lookup_map(ctx, high);
	res[0] = lookup_map(ctx, low);
	res[1] = lookup_map(ctx, low);
	res[4] = lookup_map(ctx, high);
	res[2] = lookup_map(ctx, low);
	/* An unbind changes nothing, and neither does another bind */
	vcm_unbind(res[0]);
	vcm_unbind(res[1]);
	KUNIT_ASSERT_EQ(test, vcm_bind(res[0], low), 0);
	for (i = 0; i < 5; i++) {
		pos = vcm_next_res(ctx->vcm, pos);
		KUNIT_ASSERT_PTR_EQ(test, pos, res[i]);
	}
	KUNIT_EXPECT_PTR_EQ(test, vcm_next_res(ctx->vcm, pos), NULL);

	/* Continues after one that has left, among equal addresses */
	pos = vcm_next_res(ctx->vcm, NULL);
	pos = vcm_next_res(ctx->vcm, pos);
	KUNIT_ASSERT_PTR_EQ(test, pos, res[1]);
	vcm_unmap(res[1]);
	pos = vcm_next_res(ctx->vcm, pos);
	KUNIT_EXPECT_PTR_EQ(test, pos, res[2]);
	vcm_unmap(res[2]);
	vcm_unmap(res[3]);
	pos = vcm_next_res(ctx->vcm, pos);
	KUNIT_EXPECT_PTR_EQ(test, pos, res[4]);
	vcm_unmap(res[4]);
	KUNIT_EXPECT_PTR_EQ(test, vcm_next_res(ctx->vcm, pos), NULL);
	vcm_unmap(res[0]);
	vcm_free(low);
	vcm_free(high);
}

#define ITERATE_SLOTS	48
#define ITERATE_ROUNDS	400

/* A reservation that the test has made */
struct iterate_slot {
	struct vcm_res *res;
	unsigned int age;
	unsigned int visits;
	/* It has been there since the iteration began */
	bool stays;
};

struct iterate_model {
	struct kunit *test;
	struct td_ctx *ctx;
	struct rnd_state rnd;
	unsigned int made;
	struct iterate_slot slot[ITERATE_SLOTS];
};

static struct iterate_model *iterate_begin(struct kunit *test)
{
	struct iterate_model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	vcm_seed(test, &m->rnd);
	m->test = test;
	/* 0 is less than every age */
	m->made = 1;
	return m;
}

static u32 iterate_random(struct iterate_model *m, u32 below)
{
	return prandom_u32_state(&m->rnd) % below;
}

static struct vcm_res *iterate_make(struct iterate_model *m)
{
	unsigned int at = iterate_random(m, 24), nr = 1 + iterate_random(m, 4);
	const dma_addr_t addr = SZ_1M + at * SZ_4K;
	struct vcm_phys *phys;
	struct vcm_res *res;

	if (!m->ctx->cfg->fixed)
		return vcm_reserve_at(m->ctx->vcm, SZ_1M + at * SZ_16K,
				      nr * SZ_4K, 0);
	phys = lookup_phys_at(m->test, addr, nr * SZ_4K);
	res = lookup_map(m->ctx, phys);
	vcm_free(phys);
	return res;
}

static void iterate_change(struct iterate_model *m, struct iterate_slot *slot)
{
	struct vcm_res *res;

	slot->stays = false;
	if (slot->res) {
		vcm_unreserve(slot->res);
		slot->res = NULL;
		return;
	}
	res = iterate_make(m);
	if (IS_ERR(res)) {
		KUNIT_ASSERT_EQ(m->test, PTR_ERR(res), -EADDRINUSE);
		return;
	}
	slot->res = res;
	slot->age = m->made++;
	slot->visits = 0;
}

static struct iterate_slot *iterate_find(struct iterate_model *m,
					 const struct vcm_res *res)
{
	unsigned int i;

	for (i = 0; i < ITERATE_SLOTS; i++)
		if (m->slot[i].res == res)
			return &m->slot[i];
	return NULL;
}

/* Change some reservations, and often the one where the iteration is. */
static void iterate_disturb(struct iterate_model *m, struct iterate_slot *here)
{
	unsigned int nr = iterate_random(m, 4);

	if (!iterate_random(m, 3))
		iterate_change(m, here);
	while (nr--)
		iterate_change(m, &m->slot[iterate_random(m, ITERATE_SLOTS)]);
}

static void iterate_once(struct iterate_model *m)
{
	struct kunit *test = m->test;
	struct vcm_res *pos = NULL;
	struct iterate_slot *slot;
	unsigned int i, age = 0;
	dma_addr_t start = 0;

	for (i = 0; i < ITERATE_SLOTS; i++) {
		m->slot[i].stays = m->slot[i].res;
		m->slot[i].visits = 0;
	}
	while ((pos = vcm_next_res(m->ctx->vcm, pos))) {
		slot = iterate_find(m, pos);
		KUNIT_ASSERT_NOT_NULL(test, slot);
		KUNIT_ASSERT_GE(test, pos->start, start);
		if (pos->start == start)
			KUNIT_ASSERT_GT(test, slot->age, age);
		KUNIT_ASSERT_EQ(test, ++slot->visits, 1);
		start = pos->start;
		age = slot->age;
		iterate_disturb(m, slot);
	}
	for (i = 0; i < ITERATE_SLOTS; i++)
		if (m->slot[i].stays)
			KUNIT_ASSERT_EQ(test, m->slot[i].visits, 1);
}

static const struct td_cfg *const iterate_cfgs[] = {
	&lookup_cfg, &lookup_fixed,
};

static void iterate_desc(const struct td_cfg *const *cfg, char *desc)
{
	strscpy(desc, (*cfg)->fixed ? "fixed" : "placed",
		KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(iterate_cfg, iterate_cfgs, iterate_desc);

/*
 * vcm_next_res(): ascending addresses, equal ones in order of age. What stays
 * is visited once, while others come and go, @prev among them.
 */
static void iterate_changes(struct kunit *test)
{
	const struct td_cfg *const *cfg = test->param_value;
	struct iterate_model *m = iterate_begin(test);
	unsigned int i;

	m->ctx = td_create(test->priv, *cfg);
	for (i = 0; i < ITERATE_SLOTS; i++)
		iterate_change(m, &m->slot[i]);
	for (i = 0; i < ITERATE_ROUNDS; i++) {
		iterate_once(m);
		/* So that the iterations begin differently */
		iterate_change(m, &m->slot[iterate_random(m, ITERATE_SLOTS)]);
	}
	for (i = 0; i < ITERATE_SLOTS; i++)
		vcm_unreserve(m->slot[i].res);
}

/* Bindings of memory */

/* vcm_phys_next_res(): all contexts, the oldest binding first */
static void iterate_phys(struct kunit *test)
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

	/* Continues after one that has left */
	pos = vcm_phys_next_res(phys, NULL);
	pos = vcm_phys_next_res(phys, pos);
	KUNIT_ASSERT_PTR_EQ(test, pos, res[1]);
	vcm_unmap(res[1]);
	pos = vcm_phys_next_res(phys, pos);
	KUNIT_EXPECT_PTR_EQ(test, pos, res[2]);
	vcm_res_put(pos);
	/* Bound again, it is the youngest */
	vcm_unbind(res[0]);
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

/*
 * vcm_phys_next_res(): a step takes O(1) while @prev is bound. It follows the
 * list: an older binding with an age that is out of order goes unnoticed.
 */
static void iterate_phys_follows(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_phys *phys = lookup_phys(test, SZ_4K);
	struct vcm_res *res[4], *pos = NULL;
	unsigned int i;

	for (i = 0; i < 4; i++)
		res[i] = lookup_map(ctx, phys);
	for (i = 0; i < 3; i++)
		pos = vcm_phys_next_res(phys, pos);
	KUNIT_ASSERT_PTR_EQ(test, pos, res[2]);
	res[0]->phys_seq = U64_MAX;
	pos = vcm_phys_next_res(phys, pos);
	KUNIT_EXPECT_PTR_EQ(test, pos, res[3]);
	vcm_res_put(pos);
	for (i = 0; i < 4; i++)
		vcm_unmap(res[i]);
	vcm_free(phys);
}

/*
 * vcm_phys_next_res(): if @prev is bound again meanwhile, some may be skipped
 * or repeated. Only bindings of the memory are visited, and it ends.
 */
static void iterate_phys_elsewhere(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_phys *phys = lookup_phys(test, SZ_4K);
	struct vcm_phys *other = lookup_phys(test, SZ_4K);
	struct vcm_res *res[6], *pos;
	unsigned int i, again, steps;

	for (i = 0; i < 6; i++)
		res[i] = lookup_map(ctx, phys);
	/* So that ages differ in both */
	vcm_unmap(lookup_map(ctx, other));
	for (again = 0; again < 3; again++) {
		steps = 0;
		pos = vcm_phys_next_res(phys, NULL);
		while (pos) {
			KUNIT_ASSERT_PTR_EQ(test, pos->phys, phys);
			if (steps++ == 2) {
				vcm_unbind(pos);
				if (again < 2)
					KUNIT_EXPECT_EQ(test, 0,
							vcm_bind(pos, again ?
								 phys : other));
			}
			KUNIT_ASSERT_LE(test, steps, 12);
			pos = vcm_phys_next_res(phys, pos);
		}
		for (i = 0; i < 6; i++) {
			if (res[i]->phys == phys)
				continue;
			vcm_unbind(res[i]);
			KUNIT_EXPECT_EQ(test, vcm_bind(res[i], phys), 0);
		}
	}
	for (i = 0; i < 6; i++)
		vcm_unmap(res[i]);
	vcm_free(phys);
	vcm_free(other);
}

static void iterate_bind(struct iterate_model *m, struct iterate_slot *slot,
			 struct vcm_phys *phys)
{
	slot->stays = false;
	if (slot->res->phys) {
		vcm_unbind(slot->res);
		return;
	}
	KUNIT_ASSERT_EQ(m->test, vcm_bind(slot->res, phys), 0);
	slot->age = m->made++;
	slot->visits = 0;
}

static void iterate_phys_once(struct iterate_model *m, struct vcm_phys *phys)
{
	struct kunit *test = m->test;
	struct iterate_slot *slot, *here;
	struct vcm_res *pos = NULL;
	unsigned int i, age = 0;

	for (i = 0; i < ITERATE_SLOTS; i++) {
		m->slot[i].stays = m->slot[i].res->phys;
		m->slot[i].visits = 0;
	}
	while ((pos = vcm_phys_next_res(phys, pos))) {
		here = iterate_find(m, pos);
		KUNIT_ASSERT_NOT_NULL(test, here);
		KUNIT_ASSERT_GT(test, here->age, age);
		KUNIT_ASSERT_EQ(test, ++here->visits, 1);
		age = here->age;
		if (!iterate_random(m, 3))
			iterate_bind(m, here, phys);
		for (i = iterate_random(m, 3); i; i--) {
			slot = &m->slot[iterate_random(m, ITERATE_SLOTS)];
			if (slot != here)
				iterate_bind(m, slot, phys);
		}
	}
	for (i = 0; i < ITERATE_SLOTS; i++)
		if (m->slot[i].stays)
			KUNIT_ASSERT_EQ(test, m->slot[i].visits, 1);
}

/*
 * vcm_phys_next_res(): in order of age. What stays bound is visited once, while
 * other bindings come and go, also if @prev was unbound.
 */
static void iterate_phys_changes(struct kunit *test)
{
	struct vcm_phys *phys = lookup_phys(test, SZ_4K);
	struct iterate_model *m = iterate_begin(test);
	struct td_ctx *ctx[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		ctx[i] = td_create(test->priv, i ? &lookup_cfg : &lookup_fixed);
	for (i = 0; i < ITERATE_SLOTS; i++) {
		m->slot[i].res = lookup_map(ctx[i % 3], phys);
		m->slot[i].age = m->made++;
	}
	for (i = 0; i < ITERATE_ROUNDS; i++) {
		struct iterate_slot *slot;

		iterate_phys_once(m, phys);
		/* So that the iterations begin differently */
		slot = &m->slot[iterate_random(m, ITERATE_SLOTS)];
		iterate_bind(m, slot, phys);
	}
	for (i = 0; i < ITERATE_SLOTS; i++)
		vcm_unreserve(m->slot[i].res);
	vcm_free(phys);
}

static struct kunit_case iterate_cases[] = {
	KUNIT_CASE(iterate_all),
	KUNIT_CASE(iterate_overlapping),
	KUNIT_CASE_PARAM(iterate_changes, iterate_cfg_gen_params),
	KUNIT_CASE(iterate_phys),
	KUNIT_CASE(iterate_phys_follows),
	KUNIT_CASE(iterate_phys_elsewhere),
	KUNIT_CASE(iterate_phys_changes),
	{}
};

static struct kunit_suite iterate_suite = {
	.name = "vcm_lookup_iterate",
	.init = td_begin,
	.exit = td_end,
	.test_cases = iterate_cases,
};

kunit_test_suite(iterate_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of the iterations of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
