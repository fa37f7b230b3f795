// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the owners of reservations and of the references of memory of
 * Virtual Contiguous Memory.
 */
#include <kunit/test.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/vmstat.h>

#include "vcm_core.h"
#include "vcm_seed.h"

/* Owners of reservations */

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
 * Owners of a reservation: the last drop, by whichever thread, has unbound and
 * released the address when it returns, and no other one does so.
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
 * Owners of a reservation: a drop that is not the last one leaves the binding
 * alone. The last one takes it off the hardware and releases the address, under
 * any of its names, and leaves the memory to the caller.
 */
static void core_drops_are_counted(struct kunit *test)
{
	static void (*const drops[])(struct vcm_res *res) = {
		vcm_unreserve, vcm_unmap, vcm_destroy_binding,
	};
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	for (i = 0; i < ARRAY_SIZE(drops); i++) {
		res = core_map(ctx, phys);
		KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
		KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
		KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
		vcm_unreserve(res);
		vcm_unmap(res);
		vcm_destroy_binding(res);
		KUNIT_EXPECT_TRUE(test, td_holds(ctx, res, phys));

		expect_warnings(test, 0, drops[i](res));
		KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
		KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
	}
	KUNIT_EXPECT_EQ(test, core_freed(test), 0);
	vcm_free(phys);
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
 * Owners of a reservation: -EINVAL for another one when the last has gone. The
 * unmap is stopped half way, where the struct still exists.
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
 * Object references keep the struct and its context, not the addresses: a bind
 * through one is -EINVAL.
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

/*
 * Owners of a reservation: in a race with the last drop, vcm_ref_reserve()
 * either comes first and keeps the binding, or fails from then on.
 */
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

		/* The struct must exist as long as the other thread tries */
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

/* vcm_destroy: the last drop of a reservation frees the context. */
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
	vcm_free(phys);
}

#define CORE_LEAK	50000

/* Owners of a reservation: the last drop frees the struct. */
static void core_drop_frees_struct(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	unsigned long pages = CORE_LEAK * sizeof(struct vcm_res) / PAGE_SIZE;
	unsigned long before;
	unsigned int i;

	if (IS_ENABLED(CONFIG_KASAN))
		kunit_skip(test, "KASAN keeps freed memory");

	before = global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B);
	for (i = 0; i < CORE_LEAK; i++)
		vcm_unreserve(core_reserve(ctx, SZ_4K));
	KUNIT_EXPECT_LT(test,
			global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B),
			before + pages / 2);
}

/*
 * Owners of a reservation: the last drop during an unbind waits for it. The
 * memory that only the binding held is freed once, and the address is free when
 * the drop returns.
 */
static void core_last_drop_during_unbind(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct core_call call = { .ctx = ctx };
	struct td_worker *unbinder, *dropper;
	struct td_gate *gate = td_gate(td);

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	call.res = vcm_make_binding(ctx->vcm, SZ_64K, 0, 0);
	core_ok(test, call.res);
	/* A second owner: the first drop is not the last one */
	KUNIT_ASSERT_EQ(test, vcm_ref_reserve(call.res), 0);

	ctx->unmap_gate = gate;
	unbinder = td_start(td, core_call_unbind, &call);
	td_gate_wait(gate, unbinder);
	vcm_destroy_binding(call.res);
	dropper = td_start(td, core_call_unmap, &call);
	KUNIT_EXPECT_TRUE(test, td_blocked(dropper));
	KUNIT_EXPECT_EQ(test, core_freed(test), 0);
	td_gate_open(gate);
	td_join(dropper);
	KUNIT_EXPECT_TRUE(test, core_is_free(ctx));
	td_join(unbinder);

	KUNIT_EXPECT_EQ(test, core_freed(test), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps), 1);
	KUNIT_EXPECT_EQ(test, unbinder->warnings + dropper->warnings, 0);
	vcm_deactivate(ctx->vcm);
}

/* References of memory */

/*
 * The rows about references of memory and owners of a reservation, as a model
 * of one reservation and of the memory that is bound there.
 */
struct core_model {
	bool bound;
	unsigned int owners;
	unsigned int refs;

	struct td_ctx *ctx;
	struct vcm_res *res;
	struct vcm_phys *phys;
	int freed;
	int warnings;
};

static bool core_model_alive(const struct core_model *m)
{
	return m->refs || m->bound;
}

/* The calls that drop an ownership are one call. */
static void core_model_drop(struct core_model *m,
			    void (*drop)(struct vcm_res *res))
{
	if (!m->owners)
		return;
	if (!--m->owners)
		m->bound = false;
	drop(m->res);
}

/* A put too many warns if memory is bound and CONFIG_VCM_DEBUG set. */
static bool core_step_put(struct core_model *m)
{
	if (!m->refs && !(m->bound && IS_ENABLED(CONFIG_VCM_DEBUG)))
		return true;
	if (m->refs)
		m->refs--;
	else
		m->warnings++;
	vcm_phys_put(m->phys);
	return true;
}

static bool core_step_get(struct core_model *m)
{
	if (!core_model_alive(m) || m->refs > 1)
		return true;
	m->refs++;
	return vcm_phys_get(m->phys) == m->phys;
}

static bool core_step_unbind(struct core_model *m)
{
	if (!m->owners)
		return true;
	m->bound = false;
	vcm_unbind(m->res);
	return !m->res->phys;
}

static bool core_step_bind(struct core_model *m)
{
	int want = m->bound ? -EALREADY : 0;

	if (!m->owners || !core_model_alive(m))
		return true;
	m->bound = true;
	return vcm_bind(m->res, m->phys) == want && m->res->phys == m->phys;
}

static bool core_step_unmap(struct core_model *m)
{
	core_model_drop(m, vcm_unmap);
	return true;
}

static bool core_step_unreserve(struct core_model *m)
{
	core_model_drop(m, vcm_unreserve);
	return true;
}

static bool core_step_destroy(struct core_model *m)
{
	core_model_drop(m, vcm_destroy_binding);
	return true;
}

static bool core_step_ref(struct core_model *m)
{
	if (!m->owners || m->owners > 2)
		return true;
	m->owners++;
	return !vcm_ref_reserve(m->res);
}

static bool (*const core_steps[])(struct core_model *m) = {
	core_step_put, core_step_get, core_step_unbind, core_step_bind,
	core_step_unmap, core_step_unreserve, core_step_destroy, core_step_ref,
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
	m->bound = true;
	m->owners = 1;
	m->refs = !made;
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
	while (m->refs)
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
#define WARNINGS()	KUNIT_SUPPRESSED_WARNING_COUNT()

/* Make @nr calls and compare after each. Return false if they differ. */
static bool core_ownership_run(struct kunit *test, struct td_ctx *ctx,
			       bool made, const u8 *steps, unsigned int nr)
{
	struct core_model m = { };
	bool good = true;
	unsigned int i;

	kunit_warning_suppress(test) {
		core_model_begin(test, ctx, made, &m);
		for (i = 0; i < nr && good; i++)
			good = core_steps[steps[i]](&m) &&
			       core_model_holds(test, &m, WARNINGS());
		if (!good)
			KUNIT_FAIL(test, "%s, step %u of %*phN", made ?
				   "make_binding" : "map", i, nr, steps);
		core_model_end(&m);
		good &= core_model_holds(test, &m, WARNINGS());
	}
	KUNIT_EXPECT_TRUE(test, good);
	return good;
}

/*
 * References of memory, owners of a reservation: every sequence of a few calls,
 * and random longer ones, on memory of vcm_make_binding() and of vcm_alloc().
 */
static void core_memory_ownership(struct kunit *test)
{
	const struct core_ownership *param = test->param_value;
	struct td_ctx *ctx = td_create(test->priv, param->cfg);
	const unsigned int nr = ARRAY_SIZE(core_steps);
	u8 steps[CORE_DEPTH];
	struct rnd_state rnd;
	unsigned int i, j, n, all = 2;

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

	vcm_seed(test, &rnd);
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
 * References of memory: a binding holds one, so memory that its caller has
 * freed lives until it is unbound.
 */
static void core_free_bound(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res = core_map(ctx, phys);

	expect_warnings(test, 0, vcm_free(phys));
	KUNIT_EXPECT_EQ(test, core_freed(test), 0);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);
	vcm_unreserve(res);
}

/*
 * References of memory: with CONFIG_VCM_DEBUG a put that would leave fewer
 * references than bindings warns and keeps the memory.
 */
static void core_put_too_many(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res[2] = { core_map(ctx, phys), core_map(ctx, phys) };

	if (!IS_ENABLED(CONFIG_VCM_DEBUG)) {
		vcm_free(phys);
		vcm_unmap(res[0]);
		vcm_unmap(res[1]);
		kunit_skip(test, "needs CONFIG_VCM_DEBUG");
	}

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	expect_warnings(test, 0, vcm_free(phys));
	expect_warnings(test, 1, vcm_free(phys));
	expect_warnings(test, 1, vcm_phys_put(phys));
	KUNIT_EXPECT_EQ(test, core_freed(test), 0);
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, res[1], phys));
	vcm_unmap(res[0]);
	expect_warnings(test, 1, vcm_free(phys));
	KUNIT_EXPECT_TRUE(test, td_holds(ctx, res[1], phys));
	KUNIT_EXPECT_EQ(test, core_freed(test), 0);

	/* A reference that the caller has is dropped in silence */
	expect_warnings(test, 0, vcm_phys_put(vcm_phys_get(phys)));
	vcm_unmap(res[1]);
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);
	vcm_deactivate(ctx->vcm);
}

/* Errors: calls that return nothing ignore bad pointers. */
static void core_free_nothing(struct kunit *test)
{
	expect_warnings(test, 0, {
		vcm_free(NULL);
		vcm_free(ERR_PTR(-ENOMEM));
		vcm_phys_put(NULL);
		vcm_phys_put(ERR_PTR(-ENOMEM));
	});
	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_get(NULL), NULL);
}

static long core_call_free(void *arg)
{
	vcm_free(arg);
	return 0;
}

/* References of memory: of threads that drop one each, one frees it. */
static void core_free_races(struct kunit *test)
{
	struct td_worker *workers[CORE_THREADS];
	struct td *td = test->priv;
	unsigned int i, round;

	for (round = 0; round < 50; round++) {
		struct vcm_phys *phys = core_phys(test, SZ_64K);
		void *args[CORE_THREADS] = { phys, phys, phys, phys };
		int warnings = 0;

		for (i = 1; i < CORE_THREADS; i++)
			vcm_phys_get(phys);
		td_run(td, CORE_THREADS, core_call_free, args, workers);
		for (i = 0; i < CORE_THREADS; i++)
			warnings += workers[i]->warnings;
		KUNIT_ASSERT_EQ(test, warnings, 0);
		KUNIT_ASSERT_EQ(test, core_freed(test), round + 1);
	}
}

#if defined(CONFIG_DEBUG_LOCK_ALLOC) && defined(CONFIG_TRACEPOINTS)

/* What a put has done when it releases the lock of the memory */
struct core_unlock {
	const struct vcm_phys *phys;
	unsigned int nr;
	unsigned int refs;
};

/* Note the least number of references with which the lock was released. */
static void core_note_unlock(void *data, struct lockdep_map *lock,
			     unsigned long ip)
{
	struct core_unlock *unlock = data;

	if (lock != &unlock->phys->lock.dep_map)
		return;
	unlock->nr++;
	unlock->refs = min(unlock->refs,
			   refcount_read(&unlock->phys->refs));
}

static void core_find_tracepoint(struct tracepoint *tp, void *found)
{
	if (!strcmp(tp->name, "lock_release"))
		*(struct tracepoint **)found = tp;
}

/* Drop a reference of @phys, and tell how its lock was released meanwhile. */
static struct core_unlock core_noted_put(struct kunit *test,
					 struct vcm_phys *phys)
{
	struct core_unlock unlock = { .phys = phys, .refs = UINT_MAX };
	struct tracepoint *tp = NULL;

	for_each_kernel_tracepoint(core_find_tracepoint, &tp);
	KUNIT_ASSERT_NOT_NULL(test, tp);
	KUNIT_ASSERT_EQ(test, 0,
			tracepoint_probe_register(tp, core_note_unlock,
						  &unlock));
	vcm_phys_put(phys);
	tracepoint_probe_unregister(tp, core_note_unlock, &unlock);
	tracepoint_synchronize_unregister();
	return unlock;
}

/*
 * References of memory: a put does not drop its reference while it has the lock
 * of the memory. An unbind that has taken its binding off the list could drop
 * the last reference then, and free the memory with the lock held.
 */
static void core_put_unlocked(struct kunit *test)
{
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct core_unlock unlock;

	vcm_phys_get(phys);
	unlock = core_noted_put(test, phys);
	KUNIT_EXPECT_EQ(test, unlock.nr, IS_ENABLED(CONFIG_VCM_DEBUG));
	KUNIT_EXPECT_GE(test, unlock.refs, 2);
	vcm_free(phys);
}

#else

static void core_put_unlocked(struct kunit *test)
{
	kunit_skip(test, "needs lockdep and tracepoints");
}

#endif

static long core_toggle(void *arg)
{
	struct core_call *call = arg;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		int ret = vcm_bind(call->res, call->phys);

		if (ret)
			return ret;
		if (!td_holds(call->ctx, call->res, call->phys))
			return -ENOENT;
		vcm_unbind(call->res);
		if (td_holds(call->ctx, call->res, NULL))
			return -EEXIST;
		cond_resched();
	}
	return 0;
}

/*
 * References of memory: one allocation is bound in several contexts, by threads
 * that do not wait for each other, and freed after the last unbind.
 */
static void core_shared_memory(struct kunit *test)
{
	static const struct td_cfg *const cfgs[] = {
		&core_cfg, &core_cfg, &core_fixed, &core_fixed,
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
		vcm_unbind(calls[i].res);

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
		vcm_unbind(calls[i].res);
	}
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);
	for (i = 0; i < ARRAY_SIZE(cfgs); i++) {
		vcm_unreserve(calls[i].res);
		vcm_deactivate(calls[i].ctx->vcm);
	}
}

static struct kunit_case core_owners_cases[] = {
	KUNIT_CASE(core_last_drop_tears_down),
	KUNIT_CASE(core_drops_are_counted),
	KUNIT_CASE(core_ref_of_dying),
	KUNIT_CASE(core_bind_of_dropped),
	KUNIT_CASE(core_ref_races_last_drop),
	KUNIT_CASE(core_last_drop_during_unbind),
	KUNIT_CASE(core_last_drop_frees_context),
	KUNIT_CASE(core_drop_frees_struct),
	KUNIT_CASE_PARAM(core_memory_ownership, core_ownership_gen_params),
	KUNIT_CASE(core_free_bound),
	KUNIT_CASE(core_put_too_many),
	KUNIT_CASE(core_free_nothing),
	KUNIT_CASE(core_free_races),
	KUNIT_CASE(core_put_unlocked),
	KUNIT_CASE(core_shared_memory),
	{ }
};

static struct kunit_suite core_owners_suite = {
	.name = "vcm_core_owners",
	.init = td_begin,
	.exit = td_end,
	.test_cases = core_owners_cases,
};

kunit_test_suite(core_owners_suite);

MODULE_DESCRIPTION("Tests of ownership of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
