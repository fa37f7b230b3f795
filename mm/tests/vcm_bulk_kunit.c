// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of vcm_unbind_many() of Virtual Contiguous Memory, which does what
 * vcm_unbind() does for many reservations, with few waits for TLBs.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "vcm_seed.h"
#include "vcm_softmmu.h"
#include "vcm_testdrv.h"

#define MANY		16

static const struct td_cfg bulk_many = {
	.last = SZ_16M - 1,
	.pgsize_bitmap = SZ_4K,
	.many = true,
};

static const struct td_cfg bulk_plain = {
	.last = SZ_16M - 1,
	.pgsize_bitmap = SZ_4K,
};

static const struct td_cfg bulk_fixed = {
	.last = U32_MAX,
	.pgsize_bitmap = SZ_4K,
	.fixed = true,
	.many = true,
};

static struct vcm_phys *bulk_phys(struct kunit *test)
{
	struct vcm_phys *phys = td_phys_any(test->priv, SZ_4K);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	return phys;
}

static struct vcm_res *bulk_map(struct td_ctx *ctx, struct vcm_phys *phys)
{
	struct vcm_res *res = vcm_map(ctx->vcm, phys, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, res);
	return res;
}

static void expect_unbound(struct kunit *test, struct vcm_res *res)
{
	KUNIT_EXPECT_PTR_EQ(test, res->phys, NULL);
}

static void bulk_shuffle(struct kunit *test, struct vcm_res **res,
			 unsigned int nr)
{
	struct rnd_state rnd;
	unsigned int i, j;

	vcm_seed(test, &rnd);
	for (i = nr - 1; i; i--) {
		j = prandom_u32_state(&rnd) % (i + 1);
		swap(res[i], res[j]);
	}
}

/*
 * vcm_unbind_many: all reservations of a context are one call of the provider,
 * in ascending order and each once, whatever their order was.
 */
static void bulk_one_batch(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &bulk_many);
	struct vcm_phys *phys = bulk_phys(test);
	struct vcm_res *res[MANY];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	for (i = 0; i < MANY; i++)
		res[i] = bulk_map(ctx, phys);
	bulk_shuffle(test, res, MANY);
	expect_warnings(test, 0, vcm_unbind_many(res, MANY));
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->batches), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps), MANY);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	for (i = 0; i < MANY; i++)
		expect_unbound(test, res[i]);

	/* They can be bound again */
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, vcm_bind(res[i], phys), 0);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), MANY);
	vcm_unbind_many(res, MANY);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->batches), 2);
	for (i = 0; i < MANY; i++)
		vcm_unreserve(res[i]);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/*
 * vcm_unbind_many: several contexts, also of a provider without unmap_many, and
 * bad pointers between.
 */
static void bulk_mixed(struct kunit *test)
{
	struct td_ctx *many = td_create(test->priv, &bulk_many);
	struct td_ctx *plain = td_create(test->priv, &bulk_plain);
	struct td_ctx *fixed = td_create(test->priv, &bulk_fixed);
	struct vcm_phys *phys[2] = { bulk_phys(test), bulk_phys(test) };
	struct vcm_res *res[] = {
		NULL, bulk_map(many, phys[0]), bulk_map(many, phys[1]), NULL,
		bulk_map(plain, phys[0]), ERR_PTR(-ENOMEM),
		bulk_map(fixed, phys[1]), bulk_map(fixed, phys[0]),
		bulk_map(plain, phys[1]), bulk_map(many, phys[0]), NULL,
	};
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_activate(many->vcm), 0);
	KUNIT_ASSERT_EQ(test, vcm_activate(plain->vcm), 0);
	expect_warnings(test, 0, vcm_unbind_many(res, ARRAY_SIZE(res)));
	KUNIT_EXPECT_EQ(test, td_entries(many), 0);
	KUNIT_EXPECT_EQ(test, td_entries(plain), 0);
	KUNIT_EXPECT_EQ(test, td_entries(fixed), 0);
	/* A batch of one is a call of unmap */
	KUNIT_EXPECT_EQ(test, atomic_read(&many->batches), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&many->unmaps), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&fixed->batches), 1);
	for (i = 0; i < ARRAY_SIZE(res); i++) {
		if (IS_ERR_OR_NULL(res[i]))
			continue;
		expect_unbound(test, res[i]);
		vcm_unreserve(res[i]);
	}
	vcm_free(phys[0]);
	vcm_free(phys[1]);
	vcm_deactivate(many->vcm);
	vcm_deactivate(plain->vcm);
}

/* Errors: NULL and error pointers are ignored. */
static void bulk_bad_pointers(struct kunit *test)
{
	struct vcm_res *const res[] = { NULL, ERR_PTR(-EINVAL), NULL };

	expect_warnings(test, 0, {
		vcm_unbind_many(res, 0);
		vcm_unbind_many(res, ARRAY_SIZE(res));
		vcm_unbind_many(NULL, 0);
		vcm_unbind_many(NULL, 1);
		vcm_unbind_many(ERR_PTR(-ENOMEM), 1);
	});
}

/*
 * vcm_unbind: does nothing for a reservation that is not bound, wherever it is
 * in the array, nor for the second time that the array names one.
 */
static void bulk_unbound(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &bulk_many);
	struct vcm_phys *phys = bulk_phys(test);
	struct vcm_res *a = bulk_map(ctx, phys), *b = bulk_map(ctx, phys);
	struct vcm_res *unbound = vcm_reserve(ctx->vcm, SZ_4K, 0);
	struct vcm_res *const first[] = { unbound, a };
	struct vcm_res *const twice[] = { a, b, a, b };
	struct vcm_res *const last[] = { a, unbound };

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, unbound);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	expect_warnings(test, 0, vcm_unbind_many(first, 2));
	expect_unbound(test, a);
	KUNIT_EXPECT_EQ(test, vcm_bind(a, phys), 0);
	expect_warnings(test, 0, vcm_unbind_many(twice, 4));
	expect_unbound(test, a);
	expect_unbound(test, b);
	KUNIT_EXPECT_EQ(test, vcm_bind(a, phys), 0);
	expect_warnings(test, 0, vcm_unbind_many(last, 2));
	expect_unbound(test, a);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps), 4);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	vcm_unreserve(unbound);
	vcm_unreserve(a);
	vcm_unreserve(b);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

struct bulk_call {
	struct vcm_res *res[4];
	struct vcm_phys *phys;
	unsigned int nr;
};

static long bulk_call_bind(void *arg)
{
	struct bulk_call *call = arg;

	return vcm_bind(call->res[0], call->phys);
}

static long bulk_call_unbind(void *arg)
{
	struct bulk_call *call = arg;

	vcm_unbind(call->res[0]);
	return 0;
}

static long bulk_call_many(void *arg)
{
	struct bulk_call *call = arg;

	vcm_unbind_many(call->res, call->nr);
	return 0;
}

/*
 * vcm_unbind: waits for a bind or unbind under way, while other reservations
 * are bound and unbound.
 */
static void bulk_waits(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &bulk_many);
	struct vcm_phys *phys = bulk_phys(test);
	struct vcm_res *a = bulk_map(ctx, phys), *b = bulk_map(ctx, phys);
	struct vcm_res *other = vcm_reserve(ctx->vcm, SZ_4K, 0);
	struct vcm_res *slow = vcm_reserve(ctx->vcm, SZ_4K, 0);
	struct bulk_call one = { { slow }, phys };
	struct bulk_call all = { { a, slow, b }, phys, 3 };
	struct td_worker *worker, *many;
	struct td_gate *gate;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, slow);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);

	gate = td_gate(td);
	ctx->map_gate = gate;
	worker = td_start(td, bulk_call_bind, &one);
	td_gate_wait(gate, worker);
	many = td_start(td, bulk_call_many, &all);
	KUNIT_EXPECT_TRUE(test, td_blocked(many));
	expect_unbound(test, a);
	KUNIT_EXPECT_EQ(test, vcm_bind(other, phys), 0);
	vcm_unbind(other);
	td_gate_open(gate);
	KUNIT_EXPECT_EQ(test, td_join(worker), 0);
	td_join(many);
	KUNIT_EXPECT_EQ(test, many->warnings, 0);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	expect_unbound(test, slow);
	expect_unbound(test, b);

	/* After an unbind under way there is nothing left to do */
	KUNIT_ASSERT_EQ(test, vcm_bind(slow, phys), 0);
	gate = td_gate(td);
	ctx->unmap_gate = gate;
	worker = td_start(td, bulk_call_unbind, &one);
	td_gate_wait(gate, worker);
	all.res[0] = NULL;
	all.nr = 2;
	many = td_start(td, bulk_call_many, &all);
	KUNIT_EXPECT_TRUE(test, td_blocked(many));
	td_gate_open(gate);
	td_join(worker);
	td_join(many);
	KUNIT_EXPECT_EQ(test, many->warnings, 0);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);

	vcm_unreserve(a);
	vcm_unreserve(b);
	vcm_unreserve(other);
	vcm_unreserve(slow);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/*
 * References of memory: the binding of vcm_make_binding() is the only holder,
 * so the memory goes with it unless the caller called vcm_phys_get().
 */
static void bulk_made(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &bulk_many);
	struct vcm_res *res[3];
	struct vcm_phys *kept;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	for (i = 0; i < 3; i++) {
		res[i] = vcm_make_binding(ctx->vcm, SZ_4K, 0, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
	}
	kept = vcm_phys_get(res[1]->phys);
	vcm_unbind_many(res, 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 2);
	KUNIT_EXPECT_EQ(test, vcm_bind(res[0], kept), 0);
	for (i = 0; i < 3; i++)
		vcm_unmap(res[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 2);
	vcm_free(kept);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 3);
	vcm_deactivate(ctx->vcm);
}

/* References of memory: it is freed by the unbind of its last binding. */
static void bulk_last_holder(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &bulk_many);
	struct vcm_phys *phys = bulk_phys(test);
	struct vcm_res *res[3];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	for (i = 0; i < 3; i++)
		res[i] = bulk_map(ctx, phys);
	vcm_free(phys);
	vcm_unbind_many(res, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 0);
	vcm_unbind_many(res + 2, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 1);
	for (i = 0; i < 3; i++)
		vcm_unreserve(res[i]);
	vcm_deactivate(ctx->vcm);
}

/* vcm_unbind_many: no operation of the provider if the context is not live. */
static void bulk_off_hardware(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &bulk_many);
	struct vcm_phys *phys = bulk_phys(test);
	struct vcm_res *res[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		res[i] = bulk_map(ctx, phys);
	expect_warnings(test, 0, vcm_unbind_many(res, 2));
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps), 0);
	vcm_destroy(ctx->vcm);
	expect_warnings(test, 0, vcm_unbind_many(res + 2, 2));
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->batches), 0);
	for (i = 0; i < 4; i++) {
		expect_unbound(test, res[i]);
		vcm_unreserve(res[i]);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
	vcm_free(phys);
}

/* The software MMU, whose TLB keeps what is not invalidated */

static const struct softmmu_cfg bulk_soft = {
	.start = SZ_1M,
	.last = SZ_16M - 1,
	.pgsize_bitmap = SZ_4K | SZ_64K,
};

static void bulk_keep(struct vcm_phys *phys)
{
}

static struct vcm_phys *bulk_bare(struct kunit *test, size_t len)
{
	struct vcm_phys *phys = vcm_phys_new(1, 0, bulk_keep, NULL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	phys->parts[0] = (struct phys_vec) { SZ_1M, len };
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
	return phys;
}

static struct vcm_res *soft_at(struct kunit *test, struct softmmu *s,
			       dma_addr_t addr, resource_size_t size,
			       struct vcm_phys *phys)
{
	struct vcm_res *res = vcm_reserve_at(&s->mmu.vcm, addr, size, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);
	return res;
}

static void expect_soft_off(struct kunit *test, struct softmmu *s)
{
	KUNIT_EXPECT_EQ(test, s->stats.present, 0);
	KUNIT_EXPECT_EQ(test, s->stats.stale, 0);
	KUNIT_EXPECT_EQ(test, s->stats.starts, s->stats.stops);
}

/* vcm_unbind_many: one TLB wait for each run of neighbours, none left out. */
static void bulk_few_syncs(struct kunit *test)
{
	static const struct {
		const char *what;
		unsigned int step;
		resource_size_t size;
		unsigned long syncs;
	} rows[] = {
		{ "neighbours", SZ_8K, SZ_8K, 1 },
		{ "large neighbours", SZ_64K, SZ_64K, 1 },
		{ "each apart", SZ_64K, SZ_8K, MANY },
	};
	struct softmmu *s = softmmu_create(test, &bulk_soft);
	struct vcm_res *res[MANY];
	unsigned int i, r;

	KUNIT_ASSERT_EQ(test, vcm_activate(&s->mmu.vcm), 0);
	for (r = 0; r < ARRAY_SIZE(rows); r++) {
		struct vcm_phys *phys = bulk_bare(test, rows[r].size);
		unsigned long before;

		for (i = 0; i < MANY; i++)
			res[i] = soft_at(test, s, SZ_2M + i * rows[r].step,
					 rows[r].size, phys);
		bulk_shuffle(test, res, MANY);
		before = s->stats.syncs;
		vcm_unbind_many(res, MANY);
		KUNIT_EXPECT_EQ_MSG(test, s->stats.syncs - before,
				    rows[r].syncs, "%s", rows[r].what);
		expect_soft_off(test, s);
		for (i = 0; i < MANY; i++)
			vcm_unreserve(res[i]);
		vcm_free(phys);
	}
	vcm_deactivate(&s->mmu.vcm);
	vcm_destroy(&s->mmu.vcm);
}

/*
 * vcm_unbind_many: a binding between those that are unbound stays, also if they
 * are bound in part.
 */
static void bulk_leaves_others(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &bulk_soft);
	struct vcm_phys *phys = bulk_bare(test, SZ_8K);
	struct vcm_res *res[4], *stays;
	phys_addr_t paddr;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_activate(&s->mmu.vcm), 0);
	res[0] = soft_at(test, s, SZ_2M, SZ_16K, phys);
	res[1] = soft_at(test, s, SZ_2M + SZ_16K, SZ_8K, phys);
	stays = soft_at(test, s, SZ_2M + SZ_16K + SZ_8K, SZ_8K, phys);
	res[2] = soft_at(test, s, SZ_2M + SZ_32K, SZ_8K, phys);
	res[3] = soft_at(test, s, SZ_2M + SZ_32K + SZ_8K, SZ_64K, phys);
	vcm_unbind_many(res, 4);
	KUNIT_EXPECT_EQ(test, s->stats.present, 2);
	KUNIT_EXPECT_EQ(test, s->stats.stale, 0);
	KUNIT_EXPECT_EQ(test, s->stats.stops, 0);
	KUNIT_EXPECT_EQ(test, 0, softmmu_translate(&s->mmu.vcm, stays->start,
						   VCM_RES_READ, &paddr));
	KUNIT_EXPECT_EQ(test, paddr, SZ_1M);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, -EFAULT,
				softmmu_translate(&s->mmu.vcm, res[i]->start,
						  VCM_RES_READ, &paddr));
	vcm_unbind_many(&stays, 1);
	expect_soft_off(test, s);
	for (i = 0; i < 4; i++)
		vcm_unreserve(res[i]);
	vcm_unreserve(stays);
	vcm_free(phys);
	vcm_deactivate(&s->mmu.vcm);
	vcm_destroy(&s->mmu.vcm);
}

/* vcm_unbind_many: an MMU that has no live binding is not used. */
static void bulk_unbound_soft(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &bulk_soft);
	struct vcm_res *res = vcm_reserve(&s->mmu.vcm, SZ_4K, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_ASSERT_EQ(test, vcm_activate(&s->mmu.vcm), 0);
	expect_warnings(test, 0, vcm_unbind_many(&res, 1));
	KUNIT_EXPECT_EQ(test, s->stats.syncs, 0);
	KUNIT_EXPECT_EQ(test, s->stats.complaints, 0);
	vcm_unreserve(res);
	vcm_deactivate(&s->mmu.vcm);
	vcm_destroy(&s->mmu.vcm);
}

/* Races */

#define THREADS		4
#define SHARED		6
#define ROUNDS		1500

struct bulk_thread {
	struct td_ctx *ctx[2];
	struct vcm_res *res[SHARED];
	struct vcm_phys *phys;
	unsigned int nr;
	bool destroys;
	unsigned int binds;
	int odd;
};

static void bulk_bind_some(struct bulk_thread *t, unsigned int round)
{
	unsigned int i;
	int ret;

	for (i = 0; i < SHARED; i++) {
		ret = vcm_bind(t->res[(i + round) % SHARED], t->phys);
		if (!ret)
			t->binds++;
		else if (ret != -EBUSY && ret != -EALREADY &&
			 !(t->destroys && ret == -ENODEV))
			t->odd = ret;
	}
}

static long bulk_thread(void *arg)
{
	struct bulk_thread *t = arg;
	unsigned int i;

	for (i = 0; i < ROUNDS && !t->odd; i++) {
		if (t->destroys && !t->nr && i == ROUNDS / 2)
			vcm_destroy(t->ctx[0]->vcm);
		if ((i + t->nr) % 3 == 0)
			bulk_bind_some(t, i);
		else if ((i + t->nr) % 3 == 1)
			vcm_unbind_many(t->res, SHARED);
		else
			vcm_unbind(t->res[i % SHARED]);
		cond_resched();
	}
	return 0;
}

static void bulk_race(struct kunit *test, bool destroys)
{
	struct td *td = test->priv;
	struct td_ctx *a = td_create(td, &bulk_many);
	struct td_ctx *b = td_create(td, &bulk_plain);
	struct vcm_phys *phys = bulk_phys(test);
	struct bulk_thread t[THREADS] = { };
	struct vcm_res *res[SHARED];
	void *args[THREADS];
	unsigned int i;

	for (i = 0; i < SHARED; i++) {
		res[i] = vcm_reserve(i % 3 ? a->vcm : b->vcm, SZ_4K, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
	}
	KUNIT_ASSERT_EQ(test, vcm_activate(a->vcm), 0);
	KUNIT_ASSERT_EQ(test, vcm_activate(b->vcm), 0);
	for (i = 0; i < THREADS; i++) {
		t[i].ctx[0] = a;
		t[i].ctx[1] = b;
		memcpy(t[i].res, res, sizeof(res));
		t[i].phys = phys;
		t[i].nr = i;
		t[i].destroys = destroys;
		args[i] = &t[i];
	}
	td_run(td, THREADS, bulk_thread, args, NULL);
	for (i = 0; i < THREADS; i++) {
		KUNIT_EXPECT_EQ(test, t[i].odd, 0);
		KUNIT_EXPECT_GT(test, t[i].binds, 0);
	}
	/* Each may be bound now or not */
	for (i = 0; i < SHARED; i++)
		vcm_unmap(res[i]);
	KUNIT_EXPECT_EQ(test, td_entries(b), 0);
	KUNIT_EXPECT_EQ(test, td_entries(a), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&phys->bindings));
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 1);
	if (destroys)
		KUNIT_EXPECT_EQ(test, atomic_read(&a->released), 1);
}

/*
 * vcm_unbind_many: races vcm_unbind() and vcm_bind() of the same reservations.
 */
static void bulk_races_unbind(struct kunit *test)
{
	bulk_race(test, false);
}

/* The same, and vcm_destroy() meanwhile */
static void bulk_races_destroy(struct kunit *test)
{
	bulk_race(test, true);
}

static struct kunit_case bulk_cases[] = {
	KUNIT_CASE(bulk_one_batch),
	KUNIT_CASE(bulk_mixed),
	KUNIT_CASE(bulk_bad_pointers),
	KUNIT_CASE(bulk_unbound),
	KUNIT_CASE(bulk_waits),
	KUNIT_CASE(bulk_made),
	KUNIT_CASE(bulk_last_holder),
	KUNIT_CASE(bulk_off_hardware),
	KUNIT_CASE(bulk_few_syncs),
	KUNIT_CASE(bulk_leaves_others),
	KUNIT_CASE(bulk_unbound_soft),
	KUNIT_CASE_SLOW(bulk_races_unbind),
	KUNIT_CASE_SLOW(bulk_races_destroy),
	{ }
};

static struct kunit_suite bulk_suite = {
	.name = "vcm_bulk",
	.init = td_begin,
	.exit = td_end,
	.test_cases = bulk_cases,
};

kunit_test_suite(bulk_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of unbinding in bulk of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
