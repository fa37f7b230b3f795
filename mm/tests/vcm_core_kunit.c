// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the core of Virtual Contiguous Memory: ownership, states, rollback,
 * activation, attached devices, and what happens when several threads meet.
 *
 * The contexts are those of vcm_testdrv.c, whose list of what is on the
 * hardware is what the core is held against. The rows of the contract that
 * every provider has to keep are in vcm_contract_kunit.c.
 *
 * "Row" in the comments is a row of "What each call promises", a number in
 * brackets a defect of the code of 2010.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include "vcm_testdrv.h"

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random tests; 0: a new one for each run");

#define RW		(VCM_RES_READ | VCM_RES_WRITE)
#define CORE_SIZE	SZ_16M

/* Page sizes from 4 KiB on, whatever the CPU has; nobody looks at the memory */
static const struct td_cfg core_cfg = {
	.last = CORE_SIZE - 1,
	.pgsize_bitmap = SZ_4K | SZ_64K | SZ_1M,
};

static const struct td_cfg core_bare = {
	.last = CORE_SIZE - 1,
	.pgsize_bitmap = SZ_4K,
	.bare = true,
};

static const struct td_cfg core_fixed = {
	.last = U32_MAX,
	.pgsize_bitmap = SZ_4K,
	.fixed = true,
};

static const struct td_cfg core_moves = {
	.last = U32_MAX,
	.pgsize_bitmap = SZ_4K,
	.fixed = true,
	.moves = true,
};

static const struct td_cfg core_bare_fixed = {
	.last = U32_MAX,
	.pgsize_bitmap = SZ_4K,
	.fixed = true,
	.bare = true,
};

/* The calls that a case is not about have to work */
#define core_ok(test, ptr)	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ptr)

static struct vcm_phys *core_phys(struct kunit *test, size_t len)
{
	struct vcm_phys *phys = td_phys_any(test->priv, len);

	core_ok(test, phys);
	return phys;
}

static struct vcm_res *core_reserve(struct td_ctx *ctx, resource_size_t size)
{
	struct vcm_res *res = vcm_reserve(ctx->vcm, size, 0);

	core_ok(ctx->td->test, res);
	return res;
}

static struct vcm_res *core_map(struct td_ctx *ctx, struct vcm_phys *phys)
{
	struct vcm_res *res = vcm_map(ctx->vcm, phys, RW);

	core_ok(ctx->td->test, res);
	return res;
}

/* Whether no address is reserved */
static bool core_is_free(struct td_ctx *ctx)
{
	resource_size_t size = ctx->vcm->last - ctx->vcm->start + 1;
	struct vcm_res *res = vcm_reserve(ctx->vcm, size, 0);

	if (IS_ERR(res))
		return false;
	vcm_unreserve(res);
	return true;
}

/* The @nr-th device of a test */
static struct device *core_device(struct kunit *test, unsigned int nr)
{
	static const char *const names[] = {
		"vcm-core-a", "vcm-core-b", "vcm-core-c", "vcm-core-d",
	};
	struct device *dev = kunit_device_register(test, names[nr]);

	core_ok(test, dev);
	return dev;
}

static int core_freed(struct kunit *test)
{
	struct td *td = test->priv;

	return atomic_read(&td->freed);
}

/* What a thread is to do, and what came of it */
struct core_call {
	struct td_ctx *ctx;
	struct vcm_res *res;
	struct vcm_phys *phys;
	unsigned int flags;

	struct vcm_res *got;
	struct vcm_phys *got_phys;
	unsigned int entries;
	bool held;
};

static long core_call_bind(void *arg)
{
	struct core_call *call = arg;
	int ret = vcm_bind(call->res, call->phys);

	call->held = td_holds(call->ctx, call->res, call->phys);
	return ret;
}

static long core_call_unbind(void *arg)
{
	struct core_call *call = arg;

	call->got_phys = vcm_unbind(call->res);
	call->held = td_holds(call->ctx, call->res, NULL);
	return 0;
}

static long core_call_unmap(void *arg)
{
	struct core_call *call = arg;

	vcm_unmap(call->res);
	return 0;
}

static long core_call_map(void *arg)
{
	struct core_call *call = arg;

	call->got = vcm_map(call->ctx->vcm, call->phys, call->flags);
	if (IS_ERR(call->got))
		return PTR_ERR(call->got);
	call->held = td_holds(call->ctx, call->got, call->phys);
	return 0;
}

static long core_call_activate(void *arg)
{
	struct core_call *call = arg;
	int ret = vcm_activate(call->ctx->vcm);

	call->entries = td_entries(call->ctx);
	return ret;
}

static long core_call_destroy(void *arg)
{
	struct core_call *call = arg;

	vcm_destroy(call->ctx->vcm);
	call->entries = td_entries(call->ctx);
	return 0;
}

/*
 * Ownership of reservations
 */

#define CORE_THREADS	4

static long core_drop_one(void *arg)
{
	struct core_call *call = arg;

	if (call->flags)
		vcm_destroy_binding(call->res);
	else
		vcm_unmap(call->res);
	return 0;
}

/*
 * [4] Of N threads that each drop one of N ownerships exactly one tears down,
 * and when all have returned the address is free again.
 */
static void core_last_drop_tears_down(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct core_call calls[CORE_THREADS] = { };
	void *args[CORE_THREADS];
	unsigned int i, round;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	for (round = 0; round < 100; round++) {
		struct vcm_res *res;

		res = vcm_make_binding(ctx->vcm, SZ_64K, 0, RW);
		core_ok(test, res);
		for (i = 0; i < CORE_THREADS; i++) {
			if (i)
				KUNIT_ASSERT_EQ(test, vcm_ref_reserve(res), 0);
			calls[i].res = res;
			calls[i].flags = (round + i) & 1;
			args[i] = &calls[i];
		}
		td_run(td, CORE_THREADS, core_drop_one, args, NULL);

		KUNIT_ASSERT_EQ(test, atomic_read(&ctx->unmaps), round + 1);
		KUNIT_ASSERT_EQ(test, core_freed(test), round + 1);
		KUNIT_ASSERT_EQ(test, td_entries(ctx), 0);
		KUNIT_ASSERT_TRUE(test, core_is_free(ctx));
	}
	vcm_deactivate(ctx->vcm);
}

/*
 * [4] Row "ownership of a reservation": a drop that is not the last leaves the
 * binding alone, the last one takes it off the hardware and gives the address
 * back, whatever its name is.
 */
static void core_drops_are_counted(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res;
	unsigned int last;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	for (last = 0; last < 3; last++) {
		res = core_map(ctx, phys);
		KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
		KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
		KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
		vcm_unreserve(res);
		vcm_unmap(res);
		vcm_unmap(res);
		KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));

		if (last == 0)
			vcm_unmap(res);
		else if (last == 1)
			expect_warnings(test, 1, vcm_unreserve(res));
		else
			expect_warnings(test, 0, vcm_destroy_binding(res));
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
		KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
	}
	/* The last of them has given up the memory too */
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);
	vcm_deactivate(ctx->vcm);
}

struct core_revive {
	struct core_call call;
	unsigned int refs;
	bool revived;
};

static long core_try_refs(void *arg)
{
	struct core_revive *revive = arg;
	bool dead = false;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		if (vcm_ref_reserve(revive->call.res)) {
			dead = true;
		} else {
			revive->refs++;
			revive->revived |= dead;
		}
		cond_resched();
	}
	return 0;
}

/*
 * [5] A reservation whose last owner has gone is not revived. Its unmap is
 * stopped half way, which is where its struct still exists for certain.
 */
static void core_ref_of_dying(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct core_call call = { .res = core_map(ctx, phys) };
	struct td_gate *gate = td_gate(td);
	struct td_worker *worker;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	ctx->unmap_gate = gate;
	worker = td_start(td, core_call_unmap, &call);
	td_gate_wait(gate, worker);
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(call.res), -EINVAL);
	td_gate_open(gate);
	td_join(worker);

	vcm_deactivate(ctx->vcm);
	vcm_free(phys);
}

/*
 * Row "ownership of a reservation": an object reference keeps the struct, not
 * the addresses, so nothing can be bound through it.
 */
static void core_bind_of_dropped(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_4K);
	struct vcm_res *res = vcm_reserve(ctx->vcm, SZ_4K, 0);
	struct vcm_res *met;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	met = vcm_lookup(ctx->vcm, res->start);
	KUNIT_ASSERT_PTR_EQ(test, met, res);
	vcm_unreserve(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(met, phys), -EINVAL);
	KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
	vcm_res_put(met);
	vcm_free(phys);
}

/* [5] The same as a race: who comes too late once is too late for good. */
static void core_ref_races_last_drop(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	unsigned int round;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	for (round = 0; round < 100; round++) {
		struct core_revive revive = { .call.res = core_map(ctx, phys) };
		struct td_worker *dropper, *referrer;
		struct td_gate *gate = td_gate(td);

		/* The struct must not go while the other one tries */
		ctx->unmap_gate = gate;
		referrer = td_start(td, core_try_refs, &revive);
		dropper = td_start(td, core_call_unmap, &revive.call);
		td_join(referrer);
		td_gate_open(gate);
		td_join(dropper);

		KUNIT_ASSERT_FALSE(test, revive.revived);
		KUNIT_ASSERT_EQ(test, td_entries(ctx), !!revive.refs);
		while (revive.refs--)
			vcm_unmap(revive.call.res);
		KUNIT_ASSERT_EQ(test, atomic_read(&ctx->unmaps), round + 1);
		KUNIT_ASSERT_TRUE(test, core_is_free(ctx));
		ctx->unmap_gate = NULL;
	}
	vcm_deactivate(ctx->vcm);
	vcm_free(phys);
}

/* [9] What is reserved keeps the context, and the last drop lets it go. */
static void core_last_drop_frees_context(struct kunit *test)
{
	struct td *td = test->priv;
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *unbound, *bound, *idle;
	struct td_ctx *ctx;

	ctx = td_create(td, &core_cfg);
	unbound = core_reserve(ctx, SZ_64K);
	bound = core_map(ctx, phys);
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(unbound), 0);
	vcm_destroy(ctx->vcm);
	vcm_unreserve(unbound);
	vcm_unmap(bound);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 0);
	vcm_unreserve(unbound);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);

	ctx = td_create(td, &core_fixed);
	idle = core_map(ctx, phys);
	vcm_unbind(idle);
	bound = core_map(ctx, phys);
	vcm_destroy(ctx->vcm);
	vcm_destroy_binding(bound);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 0);
	vcm_destroy_binding(idle);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);

	ctx = td_create(td, &core_cfg);
	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
	/* vcm_destroy_binding() of the bound one has freed the memory */
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);
}

#define CORE_LEAK	50000

/* [9] Reservations are freed: many of them leave no slab pages behind. */
static void core_drop_frees_struct(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	unsigned long before, pages = CORE_LEAK * sizeof(struct vcm_res) / PAGE_SIZE;
	unsigned int i;

	if (IS_ENABLED(CONFIG_KASAN))
		kunit_skip(test, "KASAN keeps freed memory, kmemleak looks");

	before = global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B);
	for (i = 0; i < CORE_LEAK; i++)
		vcm_unreserve(core_reserve(ctx, SZ_4K));
	KUNIT_EXPECT_LT(test,
			global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B),
			before + pages / 2);
}

/*
 * Ownership of memory
 */

/*
 * What the row "ownership of memory" says, as a model: it knows nothing but
 * that row.
 */
struct core_model {
	bool bound;
	bool made;
	bool owned;
	unsigned int owners;
	unsigned int gets;

	struct td_ctx *ctx;
	struct vcm_res *res;
	struct vcm_phys *phys;
	int freed;
	int warnings;
};

static bool core_model_alive(const struct core_model *m)
{
	return m->owned || m->bound || m->gets;
}

static void core_model_drop(struct core_model *m)
{
	if (--m->owners)
		return;
	if (m->bound && m->made)
		m->owned = false;
	m->bound = false;
	m->made = false;
}

static bool core_step_free(struct core_model *m)
{
	if (!core_model_alive(m))
		return true;
	m->warnings += !m->owned;
	m->owned = false;
	vcm_free(m->phys);
	return true;
}

static bool core_step_unbind(struct core_model *m)
{
	struct vcm_phys *want;

	if (!m->owners)
		return true;
	m->warnings += !m->bound;
	want = m->bound && (m->owned || m->gets) ? m->phys : NULL;
	m->bound = false;
	m->made = false;
	return vcm_unbind(m->res) == want;
}

static bool core_step_bind(struct core_model *m)
{
	int want = m->bound ? -EALREADY : 0;

	if (!m->owners || !core_model_alive(m))
		return true;
	m->bound = true;
	return vcm_bind(m->res, m->phys) == want;
}

static bool core_step_unmap(struct core_model *m)
{
	if (m->owners) {
		core_model_drop(m);
		vcm_unmap(m->res);
	}
	return true;
}

static bool core_step_unreserve(struct core_model *m)
{
	if (m->owners) {
		m->warnings += m->bound && m->owners == 1;
		core_model_drop(m);
		vcm_unreserve(m->res);
	}
	return true;
}

static bool core_step_destroy(struct core_model *m)
{
	if (m->owners) {
		if (m->bound)
			m->owned = false;
		core_model_drop(m);
		vcm_destroy_binding(m->res);
	}
	return true;
}

static bool core_step_ref(struct core_model *m)
{
	if (!m->owners || m->owners > 2)
		return true;
	m->owners++;
	return !vcm_ref_reserve(m->res);
}

static bool core_step_get(struct core_model *m)
{
	if (!core_model_alive(m) || m->gets > 1)
		return true;
	m->gets++;
	return vcm_phys_get(m->phys) == m->phys;
}

static bool core_step_put(struct core_model *m)
{
	if (m->gets) {
		m->gets--;
		vcm_phys_put(m->phys);
	}
	return true;
}

static bool (*const core_steps[])(struct core_model *m) = {
	core_step_free, core_step_unbind, core_step_bind, core_step_unmap,
	core_step_unreserve, core_step_destroy, core_step_ref, core_step_get,
	core_step_put,
};

static bool core_model_holds(struct kunit *test, const struct core_model *m,
			     int warnings)
{
	bool live = m->ctx->cfg->fixed || m->ctx->vcm->activations;

	return core_freed(test) == m->freed + !core_model_alive(m) &&
	       warnings == m->warnings &&
	       td_entries(m->ctx) == (m->bound && live);
}

static void core_model_begin(struct kunit *test, struct td_ctx *ctx, bool made,
			     struct core_model *m)
{
	m->ctx = ctx;
	m->made = made;
	m->bound = true;
	m->owned = true;
	m->owners = 1;
	m->gets = 0;
	m->freed = core_freed(test);
	if (made) {
		m->res = vcm_make_binding(ctx->vcm, SZ_4K, 0, 0);
		core_ok(test, m->res);
		m->phys = m->res->phys;
	} else {
		m->phys = core_phys(test, SZ_4K);
		m->res = core_map(ctx, m->phys);
	}
}

static void core_model_end(struct core_model *m)
{
	while (m->owners)
		core_step_unmap(m);
	if (m->owned)
		core_step_free(m);
	while (m->gets)
		core_step_put(m);
}

static const struct core_ownership {
	const char *name;
	const struct td_cfg *cfg;
	bool active;
	unsigned int depth;
} core_ownerships[] = {
	{ "inactive", &core_cfg, false, 3 },
	{ "active", &core_cfg, true, 4 },
	{ "fixed", &core_fixed, false, 3 },
};

KUNIT_ARRAY_PARAM_DESC(core_ownership, core_ownerships, name);

#define CORE_DEPTH	12

/* Calls @steps, @nr of them, and compares after each. False: it has failed. */
static bool core_ownership_run(struct kunit *test, struct td_ctx *ctx, bool made,
			       const u8 *steps, unsigned int nr)
{
	struct core_model m = { };
	bool good = true;
	unsigned int i;

	kunit_warning_suppress(test) {
		core_model_begin(test, ctx, made, &m);
		for (i = 0; i < nr && good; i++)
			good = core_steps[steps[i]](&m) &&
			       core_model_holds(test, &m,
						KUNIT_SUPPRESSED_WARNING_COUNT());
		if (!good)
			KUNIT_FAIL(test, "%s, step %u of %*phN", made ?
				   "make_binding" : "map", i, nr, steps);
		core_model_end(&m);
		good &= core_model_holds(test, &m,
					 KUNIT_SUPPRESSED_WARNING_COUNT());
	}
	KUNIT_EXPECT_TRUE(test, good);
	return good;
}

/*
 * Row "ownership of memory": every sequence of a few calls, and random longer
 * ones, on memory from vcm_make_binding() and from vcm_alloc().
 */
static void core_memory_ownership(struct kunit *test)
{
	const struct core_ownership *param = test->param_value;
	struct td_ctx *ctx = td_create(test->priv, param->cfg);
	const unsigned int nr = ARRAY_SIZE(core_steps);
	u8 steps[CORE_DEPTH];
	struct rnd_state rnd;
	unsigned int i, j, n, all = 2;
	u32 start;

	if (param->active)
		KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	for (i = 0; i < param->depth; i++)
		all *= nr;
	for (i = 0; i < all; i++) {
		for (j = 0, n = i / 2; j < param->depth; j++, n /= nr)
			steps[j] = n % nr;
		if (!core_ownership_run(test, ctx, i & 1, steps, param->depth))
			return;
	}

	start = seed ?: get_random_u32();
	kunit_info(test, "seed %u\n", start);
	prandom_seed_state(&rnd, start);
	for (i = 0; i < 500; i++) {
		for (j = 0; j < CORE_DEPTH; j++)
			steps[j] = prandom_u32_state(&rnd) % nr;
		if (!core_ownership_run(test, ctx, i & 1, steps, CORE_DEPTH))
			return;
	}
	if (param->active)
		vcm_deactivate(ctx->vcm);
}

/*
 * [17] Freeing bound memory is silent; it lives until it is unbound, and
 * vcm_unbind() does not return what it has freed.
 */
static void core_free_bound(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res = core_map(ctx, phys);

	expect_warnings(test, 0, vcm_free(phys));
	KUNIT_EXPECT_EQ(test, core_freed(test), 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), NULL);
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);
	vcm_unreserve(res);
}

/* A second vcm_free() warns and does nothing, also while somebody holds it. */
static void core_free_twice(struct kunit *test)
{
	struct vcm_phys *phys = vcm_phys_get(core_phys(test, SZ_64K));

	vcm_free(phys);
	expect_warnings(test, 1, vcm_free(phys));
	KUNIT_EXPECT_EQ(test, core_freed(test), 0);
	vcm_phys_put(phys);
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);

	expect_warnings(test, 0, {
		vcm_free(NULL);
		vcm_free(ERR_PTR(-ENOMEM));
		vcm_phys_put(NULL);
		vcm_phys_put(ERR_PTR(-ENOMEM));
	});
}

static long core_call_free(void *arg)
{
	vcm_free(arg);
	return 0;
}

/* Of several owners by mistake one gives up the memory, the others warn. */
static void core_free_races(struct kunit *test)
{
	struct td_worker *workers[CORE_THREADS];
	struct td *td = test->priv;
	unsigned int i, round;

	for (round = 0; round < 50; round++) {
		struct vcm_phys *phys = vcm_phys_get(core_phys(test, SZ_64K));
		void *args[CORE_THREADS] = { phys, phys, phys, phys };
		int warnings = 0;

		td_run(td, CORE_THREADS, core_call_free, args, workers);
		for (i = 0; i < CORE_THREADS; i++)
			warnings += workers[i]->warnings;
		KUNIT_ASSERT_EQ(test, warnings, CORE_THREADS - 1);
		KUNIT_ASSERT_EQ(test, core_freed(test), round);
		vcm_phys_put(phys);
	}
}

static long core_toggle(void *arg)
{
	struct core_call *call = arg;
	struct vcm_phys *phys;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		int ret = vcm_bind(call->res, call->phys);

		if (ret)
			return ret;
		if (!td_holds(call->ctx, call->res, call->phys))
			return -ENOENT;
		phys = vcm_unbind(call->res);
		if (phys != call->phys ||
		    td_holds(call->ctx, call->res, NULL))
			return -EEXIST;
		cond_resched();
	}
	return 0;
}

/* One allocation in several contexts, by several threads: they do not meet. */
static void core_shared_memory(struct kunit *test)
{
	static const struct td_cfg *const cfgs[] = {
		&core_cfg, &core_cfg, &core_fixed, &core_moves,
	};
	struct td *td = test->priv;
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct core_call calls[ARRAY_SIZE(cfgs)] = { };
	struct td_worker *workers[ARRAY_SIZE(cfgs)];
	void *args[ARRAY_SIZE(cfgs)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cfgs); i++) {
		calls[i].ctx = td_create(td, cfgs[i]);
		calls[i].phys = phys;
		calls[i].res = core_map(calls[i].ctx, phys);
		KUNIT_ASSERT_EQ(test, vcm_activate(calls[i].ctx->vcm), 0);
		args[i] = &calls[i];
	}
	for (i = 0; i < ARRAY_SIZE(cfgs); i++)
		KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(calls[i].res), phys);

	td_run(td, ARRAY_SIZE(cfgs), core_toggle, args, workers);
	for (i = 0; i < ARRAY_SIZE(cfgs); i++) {
		KUNIT_EXPECT_EQ(test, workers[i]->ret, 0);
		KUNIT_EXPECT_EQ(test, workers[i]->warnings, 0);
	}

	for (i = 0; i < ARRAY_SIZE(cfgs); i++)
		KUNIT_EXPECT_EQ(test, vcm_bind(calls[i].res, phys), 0);
	vcm_free(phys);
	for (i = 0; i < ARRAY_SIZE(cfgs); i++) {
		KUNIT_EXPECT_EQ(test, core_freed(test), 0);
		KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(calls[i].res),
				    i + 1 < ARRAY_SIZE(cfgs) ? phys : NULL);
	}
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);
	for (i = 0; i < ARRAY_SIZE(cfgs); i++) {
		vcm_unreserve(calls[i].res);
		vcm_deactivate(calls[i].ctx->vcm);
	}
}

/*
 * Rollback
 */

/* Where a provider's error comes out, unchanged, whatever it means to the core */
static const int core_errors[] = {
	-ENOMEM, -EIO, -EEXIST, -EAGAIN, -EADDRINUSE, -EALREADY, -EBUSY,
	-ENOSPC, -EOPNOTSUPP, -ENODEV, -EINVAL,
};

static void core_fail_next(struct td_ctx *ctx, unsigned int nth, int error)
{
	ctx->map_error = error;
	atomic_set(&ctx->map_countdown, nth);
}

static void core_bind_fails(struct kunit *test, const struct td_cfg *cfg,
			    int error)
{
	struct td_ctx *ctx = td_create(test->priv, cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res = core_map(ctx, phys);
	dma_addr_t start = res->start;
	int freed = core_freed(test);

	vcm_unbind(res);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);

	core_fail_next(ctx, 1, error);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), error);
	KUNIT_EXPECT_EQ(test, res->start, start);
	KUNIT_EXPECT_EQ(test, res->bound_size, 0);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, NULL);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&phys->bindings));

	core_fail_next(ctx, 1, error);
	expect_errno(test, vcm_map(ctx->vcm, phys, RW), error);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);

	/* What it left behind would be in the way of these */
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	vcm_unreserve(res);
	if (!cfg->fixed)
		KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
	KUNIT_EXPECT_EQ(test, core_freed(test), freed);

	/* [2] The error of the step that failed, and nothing stays behind */
	core_fail_next(ctx, 1, error);
	expect_errno(test, vcm_make_binding(ctx->vcm, SZ_64K, 0, 0), error);
	KUNIT_EXPECT_EQ(test, core_freed(test), freed + 1);
	if (!cfg->fixed)
		KUNIT_EXPECT_TRUE(test, core_is_free(ctx));

	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, core_freed(test), freed + 2);
	vcm_deactivate(ctx->vcm);
	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
}

/* Row "bind": the provider's error is returned and nothing has changed. */
static void core_bind_rolls_back(struct kunit *test)
{
	struct td *td = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(core_errors); i++) {
		core_bind_fails(test, &core_cfg, core_errors[i]);
		core_bind_fails(test, &core_fixed, core_errors[i]);
		/* The contexts have gone, their places are free */
		td->nr_ctx = 0;
		memset(td->ctx, 0, sizeof(td->ctx));
	}
}

/* [1] [2] vcm_make_binding() failing at each of its steps */
static void core_make_binding_fails(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	ctx->alloc_error = -EINTR;
	expect_errno(test, vcm_make_binding(ctx->vcm, SZ_64K, 0, 0), -EINTR);
	ctx->alloc_error = 0;

	res = core_reserve(ctx, CORE_SIZE);
	expect_errno(test, vcm_make_binding(ctx->vcm, SZ_64K, 0, 0), -ENOSPC);
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);
	vcm_unreserve(res);

	expect_errno(test, vcm_make_binding(ctx->vcm, SZ_64K, 0, ~0), -EINVAL);
	expect_errno(test, vcm_make_binding(ctx->vcm, SZ_64K, ~0, 0), -EINVAL);
	KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->maps), 0);
	vcm_deactivate(ctx->vcm);
}

/*
 * [8] A driver with only the necessary operations: what it lacks is
 * -EOPNOTSUPP, all the rest works, with memory of the page allocator.
 */
static void core_bare_driver(struct kunit *test)
{
	static const struct td_cfg *const cfgs[] = {
		&core_bare, &core_bare_fixed,
	};
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct device *dev;
	unsigned int i;

	dev = core_device(test, 0);
	for (i = 0; i < ARRAY_SIZE(cfgs); i++) {
		struct td_ctx *ctx = td_create(test->priv, cfgs[i]);
		struct vcm_res *res = core_map(ctx, phys), *own;

		own = vcm_make_binding(ctx->vcm, SZ_4K, 0, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, own);
		vcm_destroy_binding(own);
		expect_errno(test, vcm_map(ctx->vcm, phys, VCM_RES_GUARD),
			     -EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EOPNOTSUPP);

		KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
		KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
		vcm_deactivate(ctx->vcm);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), cfgs[i]->fixed);
		KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
		vcm_destroy(ctx->vcm);
		vcm_unmap(res);
		KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
	}
	vcm_free(phys);
}

/*
 * Addresses
 */

/* [10] [11] Row "alignment", for sizes that are no powers of two too */
static void core_alignment(struct kunit *test)
{
	static const struct {
		resource_size_t size;
		dma_addr_t align;
	} rows[] = {
		{ SZ_4K, SZ_4K },
		{ SZ_64K - 1, SZ_64K },
		{ SZ_64K - SZ_4K, SZ_4K },
		{ SZ_64K + SZ_4K, SZ_64K },
		{ SZ_1M - SZ_4K, SZ_64K },
		{ SZ_1M, SZ_1M },
		{ SZ_1M + SZ_4K, SZ_1M },
		{ 3 * SZ_1M + 1, SZ_1M },
	};
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_res *zero, *res;
	unsigned int i;

	zero = core_reserve(ctx, SZ_4K);
	KUNIT_EXPECT_EQ(test, zero->start, 0);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		res = core_reserve(ctx, rows[i].size);
		KUNIT_EXPECT_EQ(test, res->start & (rows[i].align - 1), 0);
		KUNIT_EXPECT_EQ(test, res->res_size,
				ALIGN(rows[i].size, SZ_4K));
		KUNIT_EXPECT_EQ(test, res->bound_size, 0);
		vcm_unreserve(res);
	}
	vcm_unreserve(zero);
}

/* Row "alignment": rather a smaller page than -ENOSPC */
static void core_alignment_gives_way(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.start = SZ_4K,
		.last = SZ_2M - 1,
		.pgsize_bitmap = SZ_4K | SZ_64K | SZ_1M,
	};
	struct td_ctx *ctx = td_create(test->priv, &cfg);
	struct vcm_res *res;

	/* Room for it at a multiple of 64 KiB only, then of 4 KiB only */
	res = core_reserve(ctx, SZ_2M - SZ_64K);
	KUNIT_EXPECT_EQ(test, res->start, SZ_64K);
	vcm_unreserve(res);
	res = core_reserve(ctx, SZ_2M - SZ_4K);
	KUNIT_EXPECT_EQ(test, res->start, SZ_4K);
	vcm_unreserve(res);
	expect_errno(test, vcm_reserve(ctx->vcm, SZ_2M - SZ_4K + 1, 0),
		     -ENOSPC);
	expect_errno(test, vcm_reserve(ctx->vcm, ~(resource_size_t)0, 0),
		     -ENOSPC);
}

/* Row "alignment": vcm_map() is congruent to the memory where that helps. */
static void core_map_is_congruent(struct kunit *test)
{
	static const struct {
		phys_addr_t paddr;
		size_t len;
		dma_addr_t congruent;
	} rows[] = {
		/* a page of 1 MiB fits after some small ones, or just not */
		{ SZ_16M + SZ_64K, SZ_2M - SZ_64K, SZ_1M },
		{ SZ_16M + SZ_4K, SZ_2M - SZ_8K, SZ_64K },
		{ SZ_16M + SZ_4K, SZ_2M - SZ_4K, SZ_1M },
		{ SZ_16M + SZ_32K, SZ_64K, SZ_4K },
		{ SZ_16M + SZ_32K, SZ_64K + SZ_32K, SZ_64K },
		{ SZ_16M, SZ_1M, SZ_1M },
	};
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_res *first = core_reserve(ctx, SZ_8K);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vcm_phys *phys = td_phys(test->priv, rows[i].paddr,
						rows[i].len);
		struct vcm_res *res;

		core_ok(test, phys);
		res = core_map(ctx, phys);
		KUNIT_EXPECT_EQ_MSG(test, (res->start ^ rows[i].paddr) &
				    (rows[i].congruent - 1), 0, "row %u", i);
		vcm_destroy_binding(res);
	}
	vcm_unreserve(first);
}

/* VCM_RES_GUARD keeps a granule behind, which is not in res_size. */
static void core_guard(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_res *guarded, *next;

	guarded = vcm_reserve(ctx->vcm, SZ_4K, VCM_RES_GUARD);
	core_ok(test, guarded);
	KUNIT_EXPECT_EQ(test, guarded->res_size, SZ_4K);
	next = core_reserve(ctx, SZ_4K);
	KUNIT_EXPECT_EQ(test, next->start, guarded->start + SZ_8K);
	vcm_unreserve(next);
	vcm_unreserve(guarded);

	expect_errno(test, vcm_reserve(ctx->vcm, CORE_SIZE, VCM_RES_GUARD),
		     -ENOSPC);
	guarded = vcm_reserve(ctx->vcm, CORE_SIZE - SZ_4K, VCM_RES_GUARD);
	core_ok(test, guarded);
	expect_errno(test, vcm_reserve(ctx->vcm, SZ_4K, 0), -ENOSPC);
	vcm_unreserve(guarded);
	KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
}

/*
 * Activation
 */

#define CORE_BINDINGS	6

/*
 * Rows "activate", "deactivate": before activation nothing bound reaches the
 * hardware, after it every bind does at once, and the last deactivation takes
 * everything off.
 */
static void core_activation_counts(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *before = core_map(ctx, phys);
	struct vcm_res *after;

	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, before, phys));
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->maps), 1);

	after = core_map(ctx, phys);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, after, phys));
	vcm_deactivate(ctx->vcm);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 2);
	vcm_deactivate(ctx->vcm);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);

	vcm_unmap(before);
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 1);
	vcm_unmap(after);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	vcm_deactivate(ctx->vcm);
	vcm_free(phys);
}

/* An unpaired vcm_deactivate() warns and does nothing. */
static void core_deactivate_unpaired(struct kunit *test)
{
	static const struct td_cfg *const cfgs[] = { &core_cfg, &core_fixed };
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cfgs); i++) {
		struct td_ctx *ctx = td_create(test->priv, cfgs[i]);
		struct vcm_res *res = core_map(ctx, phys);

		expect_warnings(test, 1, vcm_deactivate(ctx->vcm));
		KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
		KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
		expect_warnings(test, 0, vcm_deactivate(ctx->vcm));
		expect_warnings(test, 1, vcm_deactivate(ctx->vcm));
		KUNIT_EXPECT_EQ(test, td_entries(ctx), cfgs[i]->fixed);
		expect_warnings(test, 0, vcm_deactivate(NULL));
		vcm_unmap(res);
	}
	vcm_free(phys);
}

/* Where addresses follow the memory, activation only counts. */
static void core_fixed_is_always_active(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_fixed);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res = core_map(ctx, phys);

	KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
	core_fail_next(ctx, 1, -EIO);
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
	vcm_deactivate(ctx->vcm);
	core_fail_next(ctx, 0, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->maps), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps), 0);
	vcm_unmap(res);
	vcm_free(phys);
}

/*
 * [6] [7] An activation that fails at any one of N bindings leaves nothing on
 * the hardware and is not counted.
 */
static void core_activate_fails_anywhere(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res[CORE_BINDINGS];
	unsigned int i, nth;

	for (i = 0; i < CORE_BINDINGS; i++)
		res[i] = core_map(ctx, phys);

	for (nth = 1; nth <= CORE_BINDINGS; nth++) {
		core_fail_next(ctx, nth, -ENOMEM);
		KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), -ENOMEM);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
		expect_warnings(test, 1, vcm_deactivate(ctx->vcm));

		/* It is inactive: nothing reaches the hardware */
		vcm_unbind(res[nth - 1]);
		KUNIT_EXPECT_EQ(test, vcm_bind(res[nth - 1], phys), 0);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);

		KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), CORE_BINDINGS);
		vcm_deactivate(ctx->vcm);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	}
	for (i = 0; i < CORE_BINDINGS; i++)
		vcm_unmap(res[i]);
	vcm_free(phys);
}

/* [6] Of two racing activations both return only when the bindings are live. */
static void core_activate_races(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res[2] = { core_map(ctx, phys), core_map(ctx, phys) };
	struct core_call calls[2] = { { .ctx = ctx }, { .ctx = ctx } };
	struct td_gate *gate = td_gate(td);
	struct td_worker *first, *second;

	ctx->map_gate = gate;
	first = td_start(td, core_call_activate, &calls[0]);
	td_gate_wait(gate, first);
	second = td_start(td, core_call_activate, &calls[1]);
	KUNIT_EXPECT_TRUE(test, td_blocked(second));
	td_gate_open(gate);

	KUNIT_EXPECT_EQ(test, td_join(first), 0);
	KUNIT_EXPECT_EQ(test, td_join(second), 0);
	KUNIT_EXPECT_EQ(test, calls[0].entries, 2);
	KUNIT_EXPECT_EQ(test, calls[1].entries, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->maps), 2);

	vcm_deactivate(ctx->vcm);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 2);
	vcm_deactivate(ctx->vcm);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	vcm_unmap(res[0]);
	vcm_unmap(res[1]);
	vcm_free(phys);
}

/* [6] The first of two racing ones fails: the second does the work itself. */
static void core_activate_races_failure(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res[2] = { core_map(ctx, phys), core_map(ctx, phys) };
	struct core_call calls[2] = { { .ctx = ctx }, { .ctx = ctx } };
	struct td_gate *gate = td_gate(td);
	struct td_worker *first, *second;

	ctx->map_gate = gate;
	core_fail_next(ctx, 2, -EIO);
	first = td_start(td, core_call_activate, &calls[0]);
	td_gate_wait(gate, first);
	second = td_start(td, core_call_activate, &calls[1]);
	KUNIT_EXPECT_TRUE(test, td_blocked(second));
	td_gate_open(gate);

	KUNIT_EXPECT_EQ(test, td_join(first), -EIO);
	KUNIT_EXPECT_EQ(test, td_join(second), 0);
	KUNIT_EXPECT_EQ(test, calls[1].entries, 2);
	vcm_deactivate(ctx->vcm);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	expect_warnings(test, 1, vcm_deactivate(ctx->vcm));
	vcm_unmap(res[0]);
	vcm_unmap(res[1]);
	vcm_free(phys);
}

/*
 * States of a reservation
 */

/* [19] The driver checks that its operations may sleep: see td_check_op(). */
static void core_bind_is_exclusive(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_phys *other = core_phys(test, SZ_64K);
	struct vcm_res *bystander = core_reserve(ctx, SZ_64K);
	struct core_call call = { .ctx = ctx, .phys = phys };
	struct td_worker *worker;
	struct td_gate *gate;

	call.res = core_reserve(ctx, SZ_64K);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);

	/* Row "bind": -EBUSY during another bind */
	gate = td_gate(td);
	ctx->map_gate = gate;
	worker = td_start(td, core_call_bind, &call);
	td_gate_wait(gate, worker);
	KUNIT_EXPECT_EQ(test, vcm_bind(call.res, phys), -EBUSY);
	KUNIT_EXPECT_EQ(test, vcm_bind(call.res, other), -EBUSY);
	/* The slow work of another reservation is not held up */
	KUNIT_EXPECT_EQ(test, vcm_bind(bystander, phys), 0);
	td_gate_open(gate);
	KUNIT_EXPECT_EQ(test, td_join(worker), 0);
	KUNIT_EXPECT_TRUE(test, call.held);
	KUNIT_EXPECT_EQ(test, vcm_bind(call.res, phys), -EALREADY);
	KUNIT_EXPECT_EQ(test, vcm_bind(call.res, other), -EADDRINUSE);

	/* and during an unbind */
	gate = td_gate(td);
	ctx->unmap_gate = gate;
	worker = td_start(td, core_call_unbind, &call);
	td_gate_wait(gate, worker);
	KUNIT_EXPECT_EQ(test, vcm_bind(call.res, phys), -EBUSY);
	KUNIT_EXPECT_EQ(test, vcm_bind(call.res, other), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(bystander), phys);
	td_gate_open(gate);
	td_join(worker);
	KUNIT_EXPECT_PTR_EQ(test, call.got_phys, phys);
	KUNIT_EXPECT_FALSE(test, call.held);

	vcm_unreserve(call.res);
	vcm_unreserve(bystander);
	vcm_free(phys);
	vcm_free(other);
	vcm_deactivate(ctx->vcm);
}

/*
 * Row "unbind": it waits for a bind under way and unbinds what that has bound;
 * if the bind fails, it returns NULL without a warning.
 */
static void core_unbind_waits_for_bind(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct core_call call = { .ctx = ctx, .phys = phys };
	struct core_call unbind = { .ctx = ctx };
	unsigned int fails;

	call.res = core_reserve(ctx, SZ_64K);
	unbind.res = call.res;
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	for (fails = 0; fails < 2; fails++) {
		struct td_gate *gate = td_gate(td);
		struct td_worker *first, *second;

		ctx->map_gate = gate;
		core_fail_next(ctx, fails, -EIO);
		first = td_start(td, core_call_bind, &call);
		td_gate_wait(gate, first);
		second = td_start(td, core_call_unbind, &unbind);
		KUNIT_EXPECT_TRUE(test, td_blocked(second));
		td_gate_open(gate);

		KUNIT_EXPECT_EQ(test, td_join(first), fails ? -EIO : 0);
		td_join(second);
		KUNIT_EXPECT_PTR_EQ(test, unbind.got_phys, fails ? NULL : phys);
		KUNIT_EXPECT_FALSE(test, unbind.held);
		KUNIT_EXPECT_EQ(test, second->warnings, 0);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	}
	vcm_unreserve(call.res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/* Row "unbind": who waited for another unbind gets NULL, without a warning. */
static void core_unbind_waits_for_unbind(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct core_call calls[2] = { { .ctx = ctx }, { .ctx = ctx } };
	struct td_gate *gate = td_gate(td);
	struct td_worker *first, *second;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	calls[0].res = core_map(ctx, phys);
	calls[1].res = calls[0].res;

	ctx->unmap_gate = gate;
	first = td_start(td, core_call_unbind, &calls[0]);
	td_gate_wait(gate, first);
	second = td_start(td, core_call_unbind, &calls[1]);
	KUNIT_EXPECT_TRUE(test, td_blocked(second));
	td_gate_open(gate);
	td_join(first);
	td_join(second);
	KUNIT_EXPECT_PTR_EQ(test, calls[0].got_phys, phys);
	KUNIT_EXPECT_PTR_EQ(test, calls[1].got_phys, NULL);
	KUNIT_EXPECT_FALSE(test, calls[1].held);
	KUNIT_EXPECT_EQ(test, first->warnings + second->warnings, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps), 1);

	vcm_unreserve(calls[0].res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/* Row "unbind": NULL and a warning if nothing was bound, silent for no res. */
static void core_unbind_of_nothing(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_res *res = core_reserve(ctx, SZ_64K);
	struct vcm_phys *phys = core_phys(test, SZ_64K);

	expect_warnings(test, 1,
			KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), NULL));
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_warnings(test, 0,
			KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys));
	expect_warnings(test, 1,
			KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), NULL));
	expect_warnings(test, 0, {
		KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(NULL), NULL);
		KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(ERR_PTR(-ENOSPC)), NULL);
		vcm_unreserve(NULL);
		vcm_unreserve(ERR_PTR(-ENOSPC));
		vcm_unmap(NULL);
		vcm_unmap(ERR_PTR(-ENOSPC));
		vcm_destroy_binding(NULL);
		vcm_destroy_binding(ERR_PTR(-ENOSPC));
		/* nothing is bound here: they only drop */
		KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
		vcm_destroy_binding(res);
		vcm_unmap(res);
	});
	vcm_free(phys);
}

/*
 * Row "ownership of memory": vcm_destroy_binding() gives up what is bound at
 * that moment, not what somebody else is just unbinding.
 */
static void core_destroy_binding_during_unbind(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct core_call call = { .ctx = ctx };
	struct td_gate *gate = td_gate(td);
	struct td_worker *worker;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	call.res = vcm_make_binding(ctx->vcm, SZ_64K, 0, 0);
	core_ok(test, call.res);
	KUNIT_ASSERT_EQ(test, vcm_ref_reserve(call.res), 0);

	ctx->unmap_gate = gate;
	worker = td_start(td, core_call_unbind, &call);
	td_gate_wait(gate, worker);
	vcm_destroy_binding(call.res);
	KUNIT_EXPECT_EQ(test, core_freed(test), 0);
	td_gate_open(gate);
	td_join(worker);

	core_ok(test, call.got_phys);
	KUNIT_EXPECT_EQ(test, core_freed(test), 0);
	expect_warnings(test, 0, vcm_free(call.got_phys));
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);
	vcm_unreserve(call.res);
	vcm_deactivate(ctx->vcm);
}

/*
 * The end of a context
 */

static void core_expect_dead(struct kunit *test, struct td_ctx *ctx,
			     struct vcm_res *res, struct vcm_phys *phys,
			     struct device *dev)
{
	struct vcm *vcm = ctx->vcm;

	expect_errno(test, vcm_alloc(vcm, SZ_4K, 0), -ENODEV);
	expect_errno(test, vcm_reserve(vcm, SZ_4K, 0), -ENODEV);
	expect_errno(test, vcm_map(vcm, phys, 0), -ENODEV);
	expect_errno(test, vcm_make_binding(vcm, SZ_4K, 0, 0), -ENODEV);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -ENODEV);
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), -ENODEV);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, dev), -ENODEV);
}

/*
 * [18] Row "destroy", with everything alive that there can be: nothing is left
 * on the hardware, nothing comes back to it, and the last reservation frees the
 * context.
 */
static void core_destroy_alive(struct kunit *test, const struct td_cfg *cfg)
{
	struct td_ctx *ctx = td_create(test->priv, cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_phys *other = core_phys(test, SZ_64K);
	struct vcm_res *unbound = core_map(ctx, other);
	struct vcm_res *bound = core_map(ctx, phys);
	struct vcm_res *made, *dropped;
	struct device *dev;
	int freed = core_freed(test);

	dev = core_device(test, cfg->fixed);
	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	made = vcm_make_binding(ctx->vcm, SZ_64K, 0, 0);
	core_ok(test, made);
	dropped = vcm_make_binding(ctx->vcm, SZ_64K, 0, 0);
	core_ok(test, dropped);
	KUNIT_ASSERT_PTR_EQ(test, vcm_unbind(unbound), other);
	KUNIT_ASSERT_EQ(test, td_entries(ctx), 3);

	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->detaches), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 0);
	core_expect_dead(test, ctx, unbound, other, dev);

	expect_warnings(test, 0, {
		vcm_deactivate(ctx->vcm);
		vcm_detach(ctx->vcm, dev);
		KUNIT_EXPECT_EQ(test, vcm_ref_reserve(bound), 0);
		KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(bound), phys);
		vcm_unreserve(bound);
		vcm_unmap(bound);
		vcm_destroy_binding(made);
		KUNIT_EXPECT_EQ(test, core_freed(test), freed + 1);
		vcm_unmap(dropped);
		KUNIT_EXPECT_EQ(test, core_freed(test), freed + 2);
	});
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps),
			atomic_read(&ctx->maps));
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 0);
	vcm_unreserve(unbound);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
	vcm_free(phys);
	vcm_free(other);
}

static void core_destroy_with_reservations(struct kunit *test)
{
	core_destroy_alive(test, &core_cfg);
	core_destroy_alive(test, &core_fixed);
}

/*
 * Row "destroy": it waits for a bind under way, and takes off what that has
 * put on the hardware.
 */
static void core_destroy_waits_for_bind(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct core_call call = { .ctx = ctx, .phys = phys };
	struct td_gate *gate = td_gate(td);
	struct td_worker *binder, *destroyer;

	call.res = core_reserve(ctx, SZ_64K);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	ctx->map_gate = gate;
	binder = td_start(td, core_call_bind, &call);
	td_gate_wait(gate, binder);
	destroyer = td_start(td, core_call_destroy, &call);
	KUNIT_EXPECT_TRUE(test, td_blocked(destroyer));
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 0);
	td_gate_open(gate);

	KUNIT_EXPECT_EQ(test, td_join(binder), 0);
	td_join(destroyer);
	KUNIT_EXPECT_EQ(test, call.entries, 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(call.res), phys);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps), 1);
	vcm_unreserve(call.res);
	vcm_free(phys);
}

/* A thread that uses a context until it is destroyed */
struct core_user {
	struct td_ctx *ctx;
	struct vcm_phys *phys;
	struct vcm_res *pin;
	atomic_t *rounds;
	int error;
};

static int core_use(struct core_user *user)
{
	struct vcm *vcm = user->ctx->vcm;
	struct vcm_res *res;
	int ret;

	res = vcm_reserve(vcm, SZ_4K, 0);
	if (IS_ERR(res))
		return PTR_ERR(res);
	ret = vcm_bind(res, user->phys);
	vcm_unmap(res);
	if (ret)
		return ret;
	res = vcm_make_binding(vcm, SZ_4K, 0, 0);
	if (IS_ERR(res))
		return PTR_ERR(res);
	vcm_destroy_binding(res);
	ret = vcm_activate(vcm);
	if (!ret)
		vcm_deactivate(vcm);
	return ret;
}

static long core_use_until_dead(void *arg)
{
	struct core_user *user = arg;
	int ret, again;

	do {
		ret = core_use(user);
		atomic_inc(user->rounds);
		cond_resched();
	} while (!ret);
	again = core_use(user);
	user->error = ret != -ENODEV ? ret : again != -ENODEV ? again : 0;
	vcm_unreserve(user->pin);
	return 0;
}

/* Row "destroy" while others are busy: they get -ENODEV and nothing else. */
static void core_destroy_races(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_4K);
	struct vcm_res *pin = core_reserve(ctx, SZ_4K);
	struct core_user users[CORE_THREADS] = { };
	struct td_worker *workers[CORE_THREADS];
	atomic_t rounds = ATOMIC_INIT(0);
	unsigned int i;

	for (i = 0; i < CORE_THREADS; i++) {
		users[i].ctx = ctx;
		users[i].phys = phys;
		users[i].pin = core_reserve(ctx, SZ_4K);
		users[i].rounds = &rounds;
		workers[i] = td_start(td, core_use_until_dead, &users[i]);
	}
	while (atomic_read(&rounds) < 200)
		schedule_timeout_uninterruptible(1);

	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	for (i = 0; i < CORE_THREADS; i++) {
		td_join(workers[i]);
		KUNIT_EXPECT_EQ(test, users[i].error, 0);
		KUNIT_EXPECT_EQ(test, workers[i]->warnings, 0);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 0);
	vcm_unreserve(pin);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
	vcm_free(phys);
}

/* Row "destroy": vcm_vmm warns and stays. */
static void core_destroy_vmm(struct kunit *test)
{
	struct vcm_res *res;

	expect_warnings(test, 1, vcm_destroy(vcm_vmm));
	expect_warnings(test, 0, {
		vcm_destroy(NULL);
		vcm_destroy(ERR_PTR(-ENOMEM));
	});
	res = vcm_make_binding(vcm_vmm, PAGE_SIZE, 0, 0);
	core_ok(test, res);
	vcm_destroy_binding(res);
}

/*
 * Contexts whose addresses follow the memory
 */

/* Row "same address twice": bound memory is shared, if the flags agree. */
static void core_fixed_shares(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_fixed);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res = core_map(ctx, phys);

	/* Neither direction means both */
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(ctx->vcm, phys, RW), res);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(ctx->vcm, phys, 0), res);
	expect_errno(test, vcm_map(ctx->vcm, phys, VCM_RES_READ), -EADDRINUSE);
	expect_errno(test, vcm_map(ctx->vcm, phys, VCM_RES_WRITE), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->maps), 1);

	/* Three ownerships, and the refusals have left none */
	vcm_unmap(res);
	vcm_unmap(res);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);

	res = vcm_map(ctx->vcm, phys, VCM_RES_READ);
	core_ok(test, res);
	expect_errno(test, vcm_map(ctx->vcm, phys, RW), -EADDRINUSE);
	vcm_unmap(res);
	vcm_free(phys);
}

/* It shares what vcm_make_binding() made; the memory goes with the last. */
static void core_fixed_shares_made(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_fixed);
	struct vcm_res *made = vcm_make_binding(ctx->vcm, SZ_64K, 0, 0);

	core_ok(test, made);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(ctx->vcm, made->phys, 0), made);
	vcm_unmap(made);
	KUNIT_EXPECT_EQ(test, core_freed(test), 0);
	vcm_unmap(made);
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);

	made = vcm_make_binding(ctx->vcm, SZ_64K, 0, 0);
	core_ok(test, made);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(ctx->vcm, made->phys, 0), made);
	vcm_destroy_binding(made);
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 1);
	vcm_unmap(made);
	KUNIT_EXPECT_EQ(test, core_freed(test), 2);
}

/*
 * Row "same address twice": while the bind of another is under way, vcm_map()
 * waits for the outcome. It shares what was bound (unless the flags differ), or
 * maps anew.
 */
static void core_fixed_waits_for_bind(struct kunit *test)
{
	static const struct {
		unsigned int flags;
		int fails;
		int ret;
	} rows[] = {
		{ RW, 0, 0 },
		{ VCM_RES_READ, 0, -EADDRINUSE },
		{ RW, -ENOMEM, 0 },
		{ VCM_RES_READ, -ENOMEM, 0 },
		{ RW, -EEXIST, 0 },
		{ RW, -ENOMEM, -ENOMEM },
		{ RW, -EADDRINUSE, -EADDRINUSE },
	};
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_fixed);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct core_call calls[2] = {
			{ .ctx = ctx, .phys = phys, .flags = RW },
			{ .ctx = ctx, .phys = phys, .flags = rows[i].flags },
		};
		struct td_gate *gate = td_gate(td);
		struct td_worker *first, *second;

		ctx->map_gate = gate;
		core_fail_next(ctx, !!rows[i].fails, rows[i].fails);
		ctx->map_fails_on = rows[i].fails == rows[i].ret;
		first = td_start(td, core_call_map, &calls[0]);
		td_gate_wait(gate, first);
		second = td_start(td, core_call_map, &calls[1]);
		KUNIT_EXPECT_TRUE(test, td_blocked(second));
		td_gate_open(gate);

		KUNIT_EXPECT_EQ(test, td_join(first), rows[i].fails);
		KUNIT_EXPECT_EQ(test, td_join(second), rows[i].ret);
		ctx->map_fails_on = false;
		KUNIT_EXPECT_EQ(test, td_entries(ctx),
				!rows[i].fails || !rows[i].ret);
		KUNIT_EXPECT_EQ(test, calls[1].held, !rows[i].ret);
		if (!rows[i].fails && !rows[i].ret)
			KUNIT_EXPECT_PTR_EQ(test, calls[0].got, calls[1].got);
		vcm_unmap(calls[0].got);
		vcm_unmap(calls[1].got);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	}
	vcm_free(phys);
}

/*
 * Row "ownership of a reservation": who meets one that is being made, among the
 * bindings of the memory, may become its owner. It lives on for him when the
 * bind that it was made for fails.
 */
static void core_failing_map_is_owned(struct kunit *test)
{
	static const struct td_cfg *const cfgs[] = { &core_cfg, &core_fixed };
	struct td *td = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cfgs); i++) {
		struct td_ctx *ctx = td_create(td, cfgs[i]);
		struct vcm_phys *phys = core_phys(test, SZ_64K);
		struct core_call call = { .ctx = ctx, .phys = phys, .flags = RW };
		struct td_gate *gate = td_gate(td);
		struct td_worker *worker;
		struct vcm_res *res;

		KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
		ctx->map_gate = gate;
		core_fail_next(ctx, 1, -EIO);
		worker = td_start(td, core_call_map, &call);
		td_gate_wait(gate, worker);
		res = vcm_phys_next_res(phys, NULL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
		KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
		vcm_res_put(res);
		td_gate_open(gate);
		KUNIT_EXPECT_EQ(test, td_join(worker), -EIO);

		KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
		KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));
		vcm_unmap(res);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
		vcm_deactivate(ctx->vcm);
		vcm_free(phys);
	}
}

/*
 * Row "same address twice": while a teardown is under way, by the last drop or
 * by vcm_unbind(), vcm_map() waits and maps anew. A reservation that was only
 * unbound keeps its address, but the range belongs to the new one now.
 */
static void core_fixed_waits_for_teardown(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_fixed);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	unsigned int unbinds;

	for (unbinds = 0; unbinds < 2; unbinds++) {
		struct core_call old = { .ctx = ctx, .res = core_map(ctx, phys) };
		struct core_call new = { .ctx = ctx, .phys = phys, .flags = RW };
		struct td_gate *gate = td_gate(td);
		struct td_worker *first, *second;

		ctx->unmap_gate = gate;
		first = td_start(td, unbinds ? core_call_unbind :
				 core_call_unmap, &old);
		td_gate_wait(gate, first);
		second = td_start(td, core_call_map, &new);
		KUNIT_EXPECT_TRUE(test, td_blocked(second));
		td_gate_open(gate);

		td_join(first);
		KUNIT_EXPECT_EQ(test, td_join(second), 0);
		KUNIT_EXPECT_TRUE(test, new.held);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 1);
		if (unbinds) {
			KUNIT_EXPECT_PTR_NE(test, new.got, old.res);
			KUNIT_EXPECT_EQ(test, old.res->start, new.got->start);
			KUNIT_EXPECT_EQ(test, vcm_bind(old.res, phys),
					-EADDRINUSE);
			vcm_unmap(old.res);
			KUNIT_EXPECT_TRUE(test, td_holds(ctx, new.got, phys));
		}
		vcm_unmap(new.got);
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	}
	vcm_free(phys);
}

/*
 * Row "same address twice": an unbound reservation keeps its address, not the
 * range. Whoever has the range meanwhile is not disturbed.
 */
static void core_fixed_idle(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_fixed);
	struct vcm_phys *phys = td_phys(td, SZ_16M, SZ_64K);
	struct vcm_phys *above = td_phys(td, SZ_16M + SZ_32K, SZ_64K);
	struct vcm_phys *twin = td_phys(td, SZ_16M, SZ_64K);
	struct vcm_phys *far = td_phys(td, SZ_32M, SZ_64K);
	struct vcm_res *idle = core_map(ctx, phys);
	struct vcm_res *res;

	/* Other memory at the same addresses, while they are taken */
	expect_errno(test, vcm_map(ctx->vcm, above, 0), -EADDRINUSE);
	expect_errno(test, vcm_map(ctx->vcm, twin, 0), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 1);

	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(idle), phys);
	KUNIT_EXPECT_EQ(test, idle->start, SZ_16M);
	KUNIT_EXPECT_EQ(test, idle->bound_size, 0);
	res = core_map(ctx, above);
	KUNIT_EXPECT_EQ(test, vcm_bind(idle, phys), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, idle->start, SZ_16M);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, above));
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 1);
	vcm_unmap(res);

	/* The provider says what may be bound there instead */
	KUNIT_EXPECT_EQ(test, vcm_bind(idle, far), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, vcm_bind(idle, twin), 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(idle), twin);
	KUNIT_EXPECT_EQ(test, vcm_bind(idle, phys), 0);
	vcm_unmap(idle);

	vcm_free(phys);
	vcm_free(above);
	vcm_free(twin);
	vcm_free(far);
}

/* A rebind elsewhere that clashes leaves the address as it was. */
static void core_fixed_move_fails(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_moves);
	struct vcm_phys *phys = td_phys(td, SZ_16M, SZ_64K);
	struct vcm_phys *other = td_phys(td, SZ_32M, SZ_64K);
	struct vcm_phys *twin = td_phys(td, SZ_32M, SZ_64K);
	struct vcm_res *idle = core_map(ctx, phys);
	struct vcm_res *res = core_map(ctx, other);

	vcm_unbind(idle);
	KUNIT_EXPECT_EQ(test, vcm_bind(idle, twin), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, idle->start, SZ_16M);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&twin->bindings));
	vcm_unmap(res);

	KUNIT_EXPECT_EQ(test, vcm_bind(idle, twin), 0);
	KUNIT_EXPECT_EQ(test, idle->start, SZ_32M);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, idle, twin));
	/* and has left the old place */
	res = core_map(ctx, phys);
	vcm_unmap(res);
	vcm_unmap(idle);
	vcm_free(phys);
	vcm_free(other);
	vcm_free(twin);
}

/*
 * Attached devices
 */

/* Whether @size bytes can be had at @addr and nowhere below it */
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
 * Row "addresses": what a device cannot use is not handed out while it is
 * attached, and is again when it has left.
 */
static void core_limits_in_force(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct device *dev = core_device(test, 0);
	struct td_limit *limit = td_limit(ctx, dev);

	/* In no order, adjacent, overlapping, and beyond the aperture */
	td_block(limit, SZ_8M, SZ_8M + SZ_4K - 1);
	td_block(limit, 0, SZ_4K - 1);
	td_block(limit, SZ_4K, SZ_2M - 1);
	td_block(limit, CORE_SIZE - SZ_4K, (dma_addr_t)-1);

	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	KUNIT_EXPECT_TRUE(test, core_lowest_is(ctx, SZ_4K, SZ_2M));
	KUNIT_EXPECT_TRUE(test, core_lowest_is(ctx, SZ_4M + SZ_2M, SZ_2M));
	KUNIT_EXPECT_TRUE(test, core_lowest_is(ctx, SZ_4M + SZ_2M + SZ_4K,
					       SZ_8M + SZ_1M));
	expect_errno(test, vcm_reserve(ctx->vcm, SZ_8M, 0), -ENOSPC);
	KUNIT_EXPECT_FALSE(test, vcm_reaches(ctx->vcm, 0, SZ_4K - 1));
	KUNIT_EXPECT_TRUE(test, vcm_reaches(ctx->vcm, SZ_2M, SZ_8M - 1));
	KUNIT_EXPECT_FALSE(test, vcm_reaches(ctx->vcm, SZ_2M, SZ_8M));

	vcm_detach(ctx->vcm, dev);
	KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
	KUNIT_EXPECT_TRUE(test, vcm_reaches(ctx->vcm, 0, CORE_SIZE - 1));
}

/* Where addresses follow the memory, it cannot be bound: -EADDRNOTAVAIL */
static void core_limits_fixed(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_fixed);
	struct device *dev = core_device(test, 0);
	struct vcm_phys *phys = td_phys(td, SZ_16M, SZ_64K);
	struct vcm_phys *below = td_phys(td, SZ_16M - SZ_64K, SZ_64K);
	struct vcm_res *idle = core_map(ctx, phys);
	struct vcm_res *res;

	td_block(td_limit(ctx, dev), SZ_16M, SZ_16M + SZ_4K - 1);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EADDRNOTAVAIL);
	vcm_unbind(idle);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	KUNIT_EXPECT_EQ(test, vcm_bind(idle, phys), -EADDRNOTAVAIL);
	expect_errno(test, vcm_map(ctx->vcm, phys, 0), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	res = core_map(ctx, below);
	vcm_unmap(res);

	vcm_detach(ctx->vcm, dev);
	KUNIT_EXPECT_EQ(test, vcm_bind(idle, phys), 0);
	vcm_unmap(idle);
	vcm_free(phys);
	vcm_free(below);
}

/*
 * A device that cannot reach what is reserved already is refused, and nothing
 * has changed: its limits are not in force, those of others still are, and the
 * driver has not heard of it.
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

/* What the driver refuses leaves nothing behind either. */
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

/* Attached twice: -EALREADY. Detached twice: a warning. */
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

/*
 * Several devices whose limits overlap, attached and detached at random: in
 * force is the union of those attached. The reference is one counter for each
 * unit of the address space.
 */
static void core_limits_overlap(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	const u32 start = seed ?: get_random_u32();
	struct device *dev[TD_LIMITS];
	bool attached[TD_LIMITS] = { };
	struct rnd_state rnd;
	unsigned int i, j, n;

	kunit_info(test, "seed %u\n", start);
	prandom_seed_state(&rnd, start);
	for (i = 0; i < TD_LIMITS; i++) {
		dev[i] = core_device(test, i);
		/* The last of them has none */
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
			unsigned int d, r, blocked = 0;

			for (d = 0; d < TD_LIMITS - 1; d++)
				for (r = 0; attached[d] && r < TD_RANGES; r++)
					blocked += addr >= ctx->limit[d].range[r].start &&
						   addr <= ctx->limit[d].range[r].last;
			KUNIT_ASSERT_EQ(test, vcm_reaches(ctx->vcm, addr,
							  addr + CORE_UNIT - 1),
					!blocked);
		}
	}
}

/* Row "destroy": all devices are detached, and let go. */
static void core_destroy_detaches(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct device *dev[3];
	unsigned int refs[3], i;
	struct vcm_res *res;

	for (i = 0; i < ARRAY_SIZE(dev); i++) {
		dev[i] = core_device(test, i);
		refs[i] = kref_read(&dev[i]->kobj.kref);
		td_block(td_limit(ctx, dev[i]), i * SZ_1M, (i + 1) * SZ_1M - 1);
		KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev[i]), 0);
	}
	res = core_map(ctx, phys);
	KUNIT_EXPECT_EQ(test, res->start, ALIGN(3 * SZ_1M, SZ_64K) +
			(phys->parts[0].paddr & (SZ_64K - 1)));
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->detaches), 3);
	for (i = 0; i < ARRAY_SIZE(dev); i++)
		KUNIT_EXPECT_EQ(test, kref_read(&dev[i]->kobj.kref), refs[i]);
	vcm_unmap(res);
	vcm_free(phys);
}

/*
 * Everything at once
 */

#define STRESS_SLOTS	4
#define STRESS_SHARED	2
#define STRESS_ROUNDS	3000

/* What the threads of a stress test share */
struct stress {
	struct td_ctx *ctx;
	struct vcm_phys *phys[STRESS_SHARED];
	struct vcm_res *res[STRESS_SHARED];
};

/* One thread, and the first promise that it saw broken */
struct stress_thread {
	struct stress *s;
	struct rnd_state rnd;
	struct device *dev;
	struct td_limit *limit;
	struct vcm_phys *phys;
	struct vcm_res *slot[STRESS_SLOTS];
	struct vcm_phys *bound[STRESS_SLOTS];
	unsigned int activations;
	bool attached;
	int nulls;
	const char *broken;
	int error;
};

#define stress_check(t, cond, err)			\
do {							\
	struct stress_thread *__t = (t);		\
							\
	if (!(cond) && !__t->broken) {			\
		__t->broken = #cond;			\
		__t->error = err;			\
	}						\
} while (0)

/* Failures that the test brings about come from anybody's ->map() */
static bool stress_may_fail(int ret)
{
	return !ret || ret == -EIO;
}

static void stress_live(struct stress_thread *t, unsigned int i)
{
	if (t->activations)
		stress_check(t, td_holds(t->s->ctx, t->slot[i], t->bound[i]), 0);
}

static void stress_reserve(struct stress_thread *t, unsigned int i)
{
	const struct vcm_range *own = &t->limit->range[0];
	size_t size = (1 + prandom_u32_state(&t->rnd) % 32) * SZ_4K;
	struct vcm_res *res;

	res = vcm_reserve(t->s->ctx->vcm, size,
			  prandom_u32_state(&t->rnd) & VCM_RES_GUARD);
	if (IS_ERR(res)) {
		stress_check(t, PTR_ERR(res) == -ENOSPC, PTR_ERR(res));
		return;
	}
	if (t->attached)
		stress_check(t, res->start > own->last ||
			     res->start + (size - 1) < own->start, 0);
	t->slot[i] = res;
	t->bound[i] = NULL;
}

static void stress_map(struct stress_thread *t, unsigned int i)
{
	struct vcm_res *res;
	bool make = prandom_u32_state(&t->rnd) & 1;

	if (make)
		res = vcm_make_binding(t->s->ctx->vcm, SZ_8K, 0, 0);
	else
		res = vcm_map(t->s->ctx->vcm, t->phys, 0);
	if (IS_ERR(res)) {
		stress_check(t, PTR_ERR(res) == -ENOSPC ||
			     stress_may_fail(PTR_ERR(res)), PTR_ERR(res));
		return;
	}
	t->slot[i] = res;
	t->bound[i] = res->phys;
	stress_live(t, i);
	if (make) {
		stress_check(t, vcm_unbind(res) == t->bound[i], 0);
		stress_check(t, !td_holds(t->s->ctx, res, NULL), 0);
		vcm_free(t->bound[i]);
		t->bound[i] = NULL;
	}
}

static void stress_bind(struct stress_thread *t, unsigned int i)
{
	struct vcm_phys *phys = t->phys;
	int ret, want = 0;

	if (prandom_u32_state(&t->rnd) & 1)
		phys = t->s->phys[prandom_u32_state(&t->rnd) % STRESS_SHARED];
	if (t->bound[i])
		want = t->bound[i] == phys ? -EALREADY : -EADDRINUSE;
	else if (phys->size > t->slot[i]->res_size)
		want = -ENOSPC;
	ret = vcm_bind(t->slot[i], phys);
	if (ret == -EIO && !want)
		return;
	stress_check(t, ret == want, ret);
	if (!ret)
		t->bound[i] = phys;
	if (t->bound[i])
		stress_live(t, i);
}

static void stress_unbind(struct stress_thread *t, unsigned int i)
{
	if (!t->bound[i])
		return;
	stress_check(t, vcm_unbind(t->slot[i]) == t->bound[i], 0);
	stress_check(t, !td_holds(t->s->ctx, t->slot[i], NULL), 0);
	t->bound[i] = NULL;
}

static void stress_drop(struct stress_thread *t, unsigned int i)
{
	vcm_unmap(t->slot[i]);
	t->slot[i] = NULL;
	t->bound[i] = NULL;
}

/* A reservation that others bind and unbind too: anything that is promised */
static void stress_shared(struct stress_thread *t, unsigned int i)
{
	struct vcm_res *res = t->s->res[i % STRESS_SHARED];
	int ret;

	stress_check(t, !vcm_ref_reserve(res), 0);
	if (prandom_u32_state(&t->rnd) & 1) {
		ret = vcm_bind(res, t->s->phys[i % 2]);
		stress_check(t, stress_may_fail(ret) || ret == -EBUSY ||
			     ret == -EALREADY || ret == -EADDRINUSE, ret);
	} else {
		t->nulls += !vcm_unbind(res);
	}
	vcm_unmap(res);
}

static void stress_activate(struct stress_thread *t)
{
	unsigned int i;
	int ret;

	if (t->activations > 1) {
		vcm_deactivate(t->s->ctx->vcm);
		t->activations--;
	} else {
		ret = vcm_activate(t->s->ctx->vcm);
		stress_check(t, stress_may_fail(ret), ret);
		t->activations += !ret;
	}
	for (i = 0; i < STRESS_SLOTS; i++)
		if (t->bound[i])
			stress_live(t, i);
}

static void stress_attach(struct stress_thread *t)
{
	int ret;

	if (t->attached) {
		vcm_detach(t->s->ctx->vcm, t->dev);
		t->attached = false;
	} else {
		ret = vcm_attach(t->s->ctx->vcm, t->dev);
		stress_check(t, !ret || ret == -EADDRNOTAVAIL, ret);
		t->attached = !ret;
	}
}

static void stress_step(struct stress_thread *t)
{
	u32 what = prandom_u32_state(&t->rnd) % 64;
	unsigned int i = prandom_u32_state(&t->rnd) % STRESS_SLOTS;

	if (!what)
		core_fail_next(t->s->ctx, 1 + i, -EIO);
	else if (what < 4)
		stress_activate(t);
	else if (what < 8)
		stress_attach(t);
	else if (what < 20)
		stress_shared(t, i);
	else if (!t->slot[i])
		what & 1 ? stress_reserve(t, i) : stress_map(t, i);
	else if (what < 40)
		stress_bind(t, i);
	else if (what < 56)
		stress_unbind(t, i);
	else
		stress_drop(t, i);
}

static long stress_main(void *arg)
{
	struct stress_thread *t = arg;
	unsigned int i;

	for (i = 0; i < STRESS_ROUNDS && !t->broken; i++) {
		stress_step(t);
		cond_resched();
	}
	for (i = 0; i < STRESS_SLOTS; i++)
		vcm_unmap(t->slot[i]);
	while (t->activations--)
		vcm_deactivate(t->s->ctx->vcm);
	if (t->attached)
		vcm_detach(t->s->ctx->vcm, t->dev);
	return 0;
}

static void stress_run(struct kunit *test, struct stress *s,
		       long (*fn)(void *arg))
{
	struct stress_thread *threads, *t;
	struct td_worker *workers[CORE_THREADS];
	const u32 start = seed ?: get_random_u32();
	void *args[CORE_THREADS];
	unsigned int i;

	kunit_info(test, "seed %u\n", start);
	threads = kunit_kcalloc(test, CORE_THREADS, sizeof(*threads),
				GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, threads);
	for (i = 0; i < CORE_THREADS; i++) {
		t = &threads[i];
		t->s = s;
		t->phys = core_phys(test, SZ_16K);
		t->dev = core_device(test, i);
		prandom_seed_state(&t->rnd, start + i);
		t->limit = td_limit(s->ctx, t->dev);
		td_block(t->limit, SZ_1M + i * SZ_64K,
			 SZ_1M + (i + 2) * SZ_64K - 1);
		args[i] = t;
	}
	td_run(test->priv, CORE_THREADS, fn, args, workers);
	for (i = 0; i < CORE_THREADS; i++) {
		t = &threads[i];
		if (t->broken)
			KUNIT_FAIL(test, "thread %u: %s (%d)", i, t->broken,
				   t->error);
		/* Each is about a shared reservation that was not bound */
		KUNIT_EXPECT_LE(test, workers[i]->warnings, t->nulls);
		vcm_free(t->phys);
	}
}

/*
 * Threads do everything that is allowed on one context. Each checks what it is
 * promised: what it has unbound is not on the hardware, what it has bound is if
 * it keeps the context active, and no error that the call does not have.
 */
static void core_stress(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.last = SZ_4M - 1,
		.pgsize_bitmap = SZ_4K | SZ_64K,
	};
	struct stress s = { .ctx = td_create(test->priv, &cfg) };
	unsigned int i;

	for (i = 0; i < STRESS_SHARED; i++) {
		s.phys[i] = core_phys(test, SZ_32K);
		s.res[i] = core_reserve(s.ctx, SZ_32K);
	}
	stress_run(test, &s, stress_main);

	core_fail_next(s.ctx, 0, 0);
	for (i = 0; i < STRESS_SHARED; i++) {
		vcm_unmap(s.res[i]);
		vcm_free(s.phys[i]);
	}
	KUNIT_EXPECT_EQ(test, td_entries(s.ctx), 0);
	KUNIT_EXPECT_TRUE(test, core_is_free(s.ctx));
	expect_warnings(test, 1, vcm_deactivate(s.ctx->vcm));
}

static void stress_fixed_private(struct stress_thread *t)
{
	struct td_ctx *ctx = t->s->ctx;
	struct vcm_res *res = vcm_map(ctx->vcm, t->phys, 0);

	stress_check(t, !IS_ERR(res), PTR_ERR_OR_ZERO(res));
	if (IS_ERR(res))
		return;
	stress_check(t, td_holds(ctx, res, t->phys), 0);
	stress_check(t, vcm_unbind(res) == t->phys, 0);
	stress_check(t, !td_holds(ctx, res, NULL), 0);
	stress_check(t, !vcm_bind(res, t->phys), 0);
	stress_check(t, vcm_map(ctx->vcm, t->phys, 0) == res, 0);
	vcm_unmap(res);
	stress_check(t, td_holds(ctx, res, t->phys), 0);
	vcm_unmap(res);
}

static long stress_fixed_main(void *arg)
{
	struct stress_thread *t = arg;
	unsigned int i;

	for (i = 0; i < STRESS_ROUNDS && !t->broken; i++) {
		struct vcm_phys *phys = t->s->phys[i % STRESS_SHARED];
		struct vcm_res *res;

		if (i % 16 == 15) {
			stress_fixed_private(t);
			continue;
		}
		res = vcm_map(t->s->ctx->vcm, phys, 0);
		stress_check(t, !IS_ERR(res), PTR_ERR_OR_ZERO(res));
		if (!IS_ERR(res)) {
			stress_check(t, td_holds(t->s->ctx, res, phys), 0);
			vcm_unmap(res);
		}
		cond_resched();
	}
	return 0;
}

/*
 * Row "same address twice": threads map and unmap the same memory. Whatever the
 * others are just doing to it, each gets it, and it is on the hardware then.
 */
static void core_stress_fixed(struct kunit *test)
{
	struct stress s = { .ctx = td_create(test->priv, &core_fixed) };
	unsigned int i;

	for (i = 0; i < STRESS_SHARED; i++)
		s.phys[i] = core_phys(test, SZ_32K);
	stress_run(test, &s, stress_fixed_main);
	for (i = 0; i < STRESS_SHARED; i++)
		vcm_free(s.phys[i]);
	KUNIT_EXPECT_EQ(test, td_entries(s.ctx), 0);
}

static struct kunit_case core_cases[] = {
	KUNIT_CASE(core_last_drop_tears_down),
	KUNIT_CASE(core_drops_are_counted),
	KUNIT_CASE(core_ref_of_dying),
	KUNIT_CASE(core_bind_of_dropped),
	KUNIT_CASE(core_ref_races_last_drop),
	KUNIT_CASE(core_last_drop_frees_context),
	KUNIT_CASE(core_drop_frees_struct),
	KUNIT_CASE_PARAM(core_memory_ownership, core_ownership_gen_params),
	KUNIT_CASE(core_free_bound),
	KUNIT_CASE(core_free_twice),
	KUNIT_CASE(core_free_races),
	KUNIT_CASE(core_shared_memory),
	KUNIT_CASE(core_bind_rolls_back),
	KUNIT_CASE(core_make_binding_fails),
	KUNIT_CASE(core_bare_driver),
	KUNIT_CASE(core_alignment),
	KUNIT_CASE(core_alignment_gives_way),
	KUNIT_CASE(core_map_is_congruent),
	KUNIT_CASE(core_guard),
	KUNIT_CASE(core_activation_counts),
	KUNIT_CASE(core_deactivate_unpaired),
	KUNIT_CASE(core_fixed_is_always_active),
	KUNIT_CASE(core_activate_fails_anywhere),
	KUNIT_CASE(core_activate_races),
	KUNIT_CASE(core_activate_races_failure),
	KUNIT_CASE(core_bind_is_exclusive),
	KUNIT_CASE(core_unbind_waits_for_bind),
	KUNIT_CASE(core_unbind_waits_for_unbind),
	KUNIT_CASE(core_unbind_of_nothing),
	KUNIT_CASE(core_destroy_binding_during_unbind),
	KUNIT_CASE(core_destroy_with_reservations),
	KUNIT_CASE(core_destroy_waits_for_bind),
	KUNIT_CASE(core_destroy_races),
	KUNIT_CASE(core_destroy_vmm),
	KUNIT_CASE(core_fixed_shares),
	KUNIT_CASE(core_fixed_shares_made),
	KUNIT_CASE(core_fixed_waits_for_bind),
	KUNIT_CASE(core_failing_map_is_owned),
	KUNIT_CASE(core_fixed_waits_for_teardown),
	KUNIT_CASE(core_fixed_idle),
	KUNIT_CASE(core_fixed_move_fails),
	KUNIT_CASE(core_limits_in_force),
	KUNIT_CASE(core_limits_fixed),
	KUNIT_CASE(core_attach_clash),
	KUNIT_CASE(core_attach_fails),
	KUNIT_CASE(core_attach_twice),
	KUNIT_CASE(core_limits_overlap),
	KUNIT_CASE(core_destroy_detaches),
	KUNIT_CASE_SLOW(core_stress),
	KUNIT_CASE_SLOW(core_stress_fixed),
	{ }
};

static struct kunit_suite core_suite = {
	.name = "vcm_core",
	.init = td_begin,
	.exit = td_end,
	.test_cases = core_cases,
};

kunit_test_suite(core_suite);

MODULE_DESCRIPTION("Tests of the core of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
