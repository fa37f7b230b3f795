// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the end of contexts of Virtual Contiguous Memory.
 */
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/kmsg_dump.h>
#include <linux/kref.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "vcm_core.h"

/* Check that all calls but those of a reservation's end get -ENODEV. */
static void core_expect_dead(struct kunit *test, struct td_ctx *ctx,
			     struct vcm_res *res, struct vcm_phys *phys,
			     struct device *dev)
{
	const int allocs = atomic_read(&ctx->allocs);
	struct vcm *vcm = ctx->vcm;

	expect_errno(test, vcm_alloc(vcm, SZ_4K, 0), -ENODEV);
	expect_errno(test, vcm_alloc_for(&vcm, 1, SZ_4K, 0), -ENODEV);
	expect_errno(test, vcm_reserve(vcm, SZ_4K, 0), -ENODEV);
	expect_errno(test, vcm_reserve_at(vcm, 0, SZ_4K, 0), -ENODEV);
	expect_errno(test, vcm_reserve_in(vcm, SZ_4K, 0, 0, SZ_1M - 1, 0),
		     -ENODEV);
	expect_errno(test, vcm_map(vcm, phys, 0), -ENODEV);
	expect_errno(test, vcm_map_at(vcm, phys, 0, 0), -ENODEV);
	expect_errno(test, vcm_make_binding(vcm, SZ_4K, 0, 0), -ENODEV);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -ENODEV);
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), -ENODEV);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, dev), -ENODEV);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->allocs), allocs);
}

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
	vcm_unbind(unbound);
	KUNIT_ASSERT_EQ(test, td_entries(ctx), 3);

	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, td_entries(ctx), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->detaches), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->destroys), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 0);
	KUNIT_EXPECT_EQ(test, core_freed(test), freed);
	core_expect_dead(test, ctx, unbound, other, dev);

	expect_warnings(test, 1, vcm_destroy(ctx->vcm));
	expect_warnings(test, 0, {
		vcm_deactivate(ctx->vcm);
		vcm_detach(ctx->vcm, dev);
		KUNIT_EXPECT_EQ(test, vcm_ref_reserve(bound), 0);
		vcm_unbind(bound);
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

/*
 * vcm_destroy: no operation of the provider but release starts after it has
 * returned. Reservations keep their memory until their owners unbind it, and
 * the last one frees the context. The driver complains of operations after
 * destroy.
 */
static void core_destroy_with_reservations(struct kunit *test)
{
	core_destroy_alive(test, &core_cfg);
	core_destroy_alive(test, &core_fixed);
}

/*
 * vcm_destroy: waits for a bind under way, and takes off the hardware what was
 * bound.
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
	vcm_unbind(call.res);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps), 1);
	vcm_unreserve(call.res);
	vcm_free(phys);
}

/* An allocation by a thread */
struct core_alloc {
	struct vcm *vcms[2];
	unsigned int nr;
	struct vcm_phys *phys;
};

static long core_call_alloc(void *arg)
{
	struct core_alloc *call = arg;

	call->phys = vcm_alloc_for(call->vcms, call->nr, SZ_64K, 0);
	return PTR_ERR_OR_ZERO(call->phys);
}

static long core_call_make(void *arg)
{
	struct core_call *call = arg;

	call->got = vcm_make_binding(call->ctx->vcm, SZ_64K, 0, 0);
	return PTR_ERR_OR_ZERO(call->got);
}

static const struct td_cfg destroy_suits = {
	.last = U32_MAX,
	.pgsize_bitmap = SZ_4K,
	.suits = true,
};

static const struct td_cfg destroy_suits_pages = {
	.last = U32_MAX,
	.pgsize_bitmap = SZ_4K,
	.suits = true,
	.pages = true,
};

/*
 * vcm_destroy: when it returns, neither alloc nor suits runs, and none starts.
 * It waits for those under way; a call that begins meanwhile gets -ENODEV.
 */
static void core_destroy_waits_for_alloc(struct kunit *test)
{
	struct td *td = test->priv;
	unsigned int suits;

	for (suits = 0; suits < 2; suits++) {
		struct td_ctx *ctx = td_create(td, &destroy_suits);
		struct vcm_res *pin = core_reserve(ctx, SZ_4K);
		struct core_alloc alloc = { { ctx->vcm }, 1 };
		struct core_call call = { .ctx = ctx };
		struct td_gate *gate = td_gate(td);
		struct td_worker *allocator, *destroyer;
		int allocs;

		if (suits)
			ctx->suits_gate = gate;
		else
			ctx->alloc_gate = gate;
		allocator = td_start(td, core_call_alloc, &alloc);
		td_gate_wait(gate, allocator);
		allocs = atomic_read(&ctx->allocs);
		destroyer = td_start(td, core_call_destroy, &call);
		KUNIT_EXPECT_TRUE(test, td_blocked(destroyer));
		expect_errno(test, vcm_alloc(ctx->vcm, SZ_4K, 0), -ENODEV);
		KUNIT_EXPECT_EQ(test, atomic_read(&ctx->allocs), allocs);
		td_gate_open(gate);

		KUNIT_EXPECT_EQ(test, td_join(allocator), 0);
		td_join(destroyer);
		allocs = atomic_read(&ctx->allocs);
		expect_errno(test, vcm_alloc(ctx->vcm, SZ_4K, 0), -ENODEV);
		expect_errno(test, vcm_make_binding(ctx->vcm, SZ_4K, 0, 0),
			     -ENODEV);
		KUNIT_EXPECT_EQ(test, atomic_read(&ctx->allocs), allocs);
		vcm_free(alloc.phys);
		vcm_unreserve(pin);
		KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
	}
}

/*
 * The same if another context allocates for both, and suits of the one that is
 * destroyed has yet to start.
 */
static void core_destroy_waits_for_alloc_for(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *area = td_create(td, &core_cfg);
	struct td_ctx *other = td_create(td, &destroy_suits_pages);
	struct core_alloc alloc = { { area->vcm, other->vcm }, 2 };
	struct core_call call = { .ctx = other };
	struct td_gate *gate = td_gate(td);
	struct td_worker *allocator, *destroyer;

	area->alloc_gate = gate;
	allocator = td_start(td, core_call_alloc, &alloc);
	td_gate_wait(gate, allocator);
	destroyer = td_start(td, core_call_destroy, &call);
	KUNIT_EXPECT_TRUE(test, td_blocked(destroyer));
	KUNIT_EXPECT_EQ(test, atomic_read(&other->released), 0);
	expect_errno(test, vcm_alloc_for(alloc.vcms, 2, SZ_4K, 0), -ENODEV);
	td_gate_open(gate);

	KUNIT_EXPECT_EQ(test, td_join(allocator), 0);
	td_join(destroyer);
	KUNIT_EXPECT_EQ(test, atomic_read(&other->released), 1);
	vcm_free(alloc.phys);
	/* The failed call has left nothing to wait for */
	vcm_destroy(area->vcm);
	KUNIT_EXPECT_EQ(test, atomic_read(&area->released), 1);
}

/* The same for vcm_make_binding(), which frees what it was given too late. */
static void core_destroy_during_make_binding(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &core_cfg);
	struct vcm_res *pin = core_reserve(ctx, SZ_4K);
	struct core_call make = { .ctx = ctx }, destroy = { .ctx = ctx };
	struct td_gate *gate = td_gate(td);
	struct td_worker *maker, *destroyer;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	ctx->alloc_gate = gate;
	maker = td_start(td, core_call_make, &make);
	td_gate_wait(gate, maker);
	destroyer = td_start(td, core_call_destroy, &destroy);
	KUNIT_EXPECT_TRUE(test, td_blocked(destroyer));
	td_gate_open(gate);
	KUNIT_EXPECT_EQ(test, td_join(maker), -ENODEV);
	td_join(destroyer);
	KUNIT_EXPECT_EQ(test, core_freed(test), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->maps), 0);
	vcm_unreserve(pin);
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

/*
 * vcm_destroy: threads that use the context meanwhile get -ENODEV and no other
 * error.
 */
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

/* vcm_destroy: vcm_vmm stays, with a warning. */
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
 * vcm_destroy: detaches all devices first, then takes the bindings off the
 * hardware in one batch, then calls destroy.
 */
static void core_destroy_detaches_first(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &core_many);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_res *res[3];
	struct device *dev[3];
	unsigned int refs[3], i;

	for (i = 0; i < ARRAY_SIZE(dev); i++) {
		dev[i] = core_device(test, i);
		refs[i] = kref_read(&dev[i]->kobj.kref);
		td_block(td_limit(ctx, dev[i]), i * SZ_1M, (i + 1) * SZ_1M - 1);
		KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev[i]), 0);
	}
	for (i = 0; i < ARRAY_SIZE(res); i++) {
		res[i] = core_map(ctx, phys);
		KUNIT_EXPECT_GE(test, res[i]->start, 3 * SZ_1M);
	}
	KUNIT_EXPECT_EQ(test, vcm_activate(ctx->vcm), 0);
	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->detaches), 3);
	KUNIT_EXPECT_EQ(test, ctx->devices_at_unmap, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->batches), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->destroys), 1);
	for (i = 0; i < ARRAY_SIZE(dev); i++) {
		KUNIT_EXPECT_EQ(test, kref_read(&dev[i]->kobj.kref), refs[i]);
		vcm_unmap(res[i]);
	}
	vcm_free(phys);
}

/* The report, read from the kernel's log */

#define DESTROY_LOG	SZ_8K
#define DESTROY_LINES	17

/**
 * struct destroy_log - the kernel's log
 * @iter: where the next call of destroy_log_read() begins
 * @len: length of @text
 * @text: what was printed
 * @line: lines that the report may have
 */
struct destroy_log {
	struct kmsg_dump_iter iter;
	size_t len;
	char text[DESTROY_LOG];
	char line[DESTROY_LINES][160];
};

/* Read what was printed since the last call. */
static void destroy_log_read(struct destroy_log *log)
{
	size_t len;

	log->len = 0;
	while (log->len < DESTROY_LOG - 1 &&
	       kmsg_dump_get_line(&log->iter, false, log->text + log->len,
				  DESTROY_LOG - 1 - log->len, &len))
		log->len += len;
	log->text[log->len] = '\0';
}

static struct destroy_log *destroy_log_open(struct kunit *test)
{
	struct destroy_log *log;

	if (!IS_ENABLED(CONFIG_PRINTK))
		kunit_skip(test, "CONFIG_PRINTK is not set");
	log = kunit_kzalloc(test, sizeof(*log), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, log);
	kmsg_dump_rewind(&log->iter);
	do
		destroy_log_read(log);
	while (log->len);
	return log;
}

/* Note the line about @res, which may not exist any more when it is printed. */
static void destroy_note(struct destroy_log *log, unsigned int nr,
			 const struct vcm_res *res)
{
	snprintf(log->line[nr], sizeof(log->line[nr]),
		 "  %pad size %pa of %pS\n", &res->start, &res->res_size,
		 res->owner);
}

/* Expect that the line is there, or that it is not. */
static void expect_line(struct kunit *test, const struct destroy_log *log,
			const char *line, bool there)
{
	if (!strstr(log->text, line) == there)
		KUNIT_FAIL(test, "\"%s\" is %s \"%s\"", line,
			   there ? "not in" : "in", log->text);
}

/* Unbind @res on hardware that does not unmap it. */
static void destroy_stick(struct td_ctx *ctx, struct vcm_res *res)
{
	ctx->unmap_sticks = true;
	vcm_unbind(res);
}

/*
 * vcm_destroy: reservations with owners are reported with them, quarantined or
 * not. One in quarantine without an owner is not, and no owner is blamed for
 * it.
 */
static void core_destroy_reports(struct kunit *test)
{
	struct destroy_log *log = destroy_log_open(test);
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_phys *phys = core_phys(test, SZ_64K);
	struct vcm_phys *other = core_phys(test, SZ_64K);
	struct vcm_res *stuck, *res[3];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	stuck = core_map(ctx, phys);
	destroy_note(log, 3, stuck);
	destroy_stick(ctx, stuck);
	vcm_unreserve(stuck);
	res[0] = core_map(ctx, other);
	destroy_stick(ctx, res[0]);
	res[1] = core_map(ctx, phys);
	res[2] = core_reserve(ctx, SZ_4K);
	for (i = 0; i < 3; i++)
		destroy_note(log, i, res[i]);

	destroy_log_read(log);
	vcm_destroy(ctx->vcm);
	destroy_log_read(log);
	expect_line(test, log, "with reservations alive:\n", true);
	expect_line(test, log, "  3 in all\n", true);
	for (i = 0; i < 3; i++) {
		expect_line(test, log, log->line[i], true);
		vcm_unreserve(res[i]);
	}
	expect_line(test, log, log->line[3], false);
	vcm_free(phys);
	vcm_free(other);
}

/* vcm_destroy: reports nothing if only quarantined reservations are left. */
static void core_destroy_reports_none(struct kunit *test)
{
	struct destroy_log *log = destroy_log_open(test);
	struct td *td = test->priv;
	unsigned int unreachable;

	for (unreachable = 0; unreachable < 2; unreachable++) {
		struct td_ctx *ctx = td_create(td, &core_cfg);
		struct vcm_phys *phys = core_phys(test, SZ_64K);
		struct vcm_res *res;

		ctx->unreachable = unreachable;
		KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
		res = core_map(ctx, phys);
		destroy_stick(ctx, res);
		vcm_unreserve(res);
		vcm_free(phys);
		destroy_log_read(log);
		vcm_destroy(ctx->vcm);
		destroy_log_read(log);
		expect_line(test, log, "context destroyed", false);
		KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), unreachable);
	}
}

/* vcm_destroy: the report names 16 reservations at most, and their number. */
static void core_destroy_reports_many(struct kunit *test)
{
	struct destroy_log *log = destroy_log_open(test);
	struct td_ctx *ctx = td_create(test->priv, &core_cfg);
	struct vcm_res *res[DESTROY_LINES];
	unsigned int i;

	for (i = 0; i < DESTROY_LINES; i++) {
		res[i] = core_reserve(ctx, SZ_4K);
		destroy_note(log, i, res[i]);
	}
	vcm_destroy(ctx->vcm);
	destroy_log_read(log);
	expect_line(test, log, "with reservations alive:\n", true);
	expect_line(test, log, "  17 in all\n", true);
	for (i = 0; i < DESTROY_LINES; i++) {
		expect_line(test, log, log->line[i], i < 16);
		vcm_unreserve(res[i]);
	}
}

static struct kunit_case core_destroy_cases[] = {
	KUNIT_CASE(core_destroy_with_reservations),
	KUNIT_CASE(core_destroy_waits_for_bind),
	KUNIT_CASE(core_destroy_waits_for_alloc),
	KUNIT_CASE(core_destroy_waits_for_alloc_for),
	KUNIT_CASE(core_destroy_during_make_binding),
	KUNIT_CASE(core_destroy_races),
	KUNIT_CASE(core_destroy_vmm),
	KUNIT_CASE(core_destroy_detaches_first),
	KUNIT_CASE(core_destroy_reports),
	KUNIT_CASE(core_destroy_reports_none),
	KUNIT_CASE(core_destroy_reports_many),
	{ }
};

static struct kunit_suite core_destroy_suite = {
	.name = "vcm_core_destroy",
	.init = td_begin,
	.exit = td_end,
	.test_cases = core_destroy_cases,
};

kunit_test_suite(core_destroy_suite);

MODULE_DESCRIPTION("Tests of the end of contexts of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
