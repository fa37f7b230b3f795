/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of the core of Virtual Contiguous Memory: contexts of the
 * provider in vcm_testdrv.c, and calls that threads make.
 *
 * The suites vcm_core* test the core with that provider. Each case names the
 * promise of the contract that it is about. The rows that every provider keeps
 * are in vcm_contract_kunit.c.
 */
#ifndef _MM_TESTS_VCM_CORE_H
#define _MM_TESTS_VCM_CORE_H

#include <kunit/device.h>
#include <linux/compiler_attributes.h>
#include <linux/sizes.h>

#include "vcm_testdrv.h"

#define RW		(VCM_RES_READ | VCM_RES_WRITE)
#define CORE_SIZE	SZ_16M
#define CORE_THREADS	4

/* Page sizes from 4 KiB on, whatever the CPU has: it never uses the memory */
static const struct td_cfg core_cfg __maybe_unused = {
	.last = CORE_SIZE - 1,
	.pgsize_bitmap = SZ_4K | SZ_64K | SZ_1M,
};

static const struct td_cfg core_many __maybe_unused = {
	.last = CORE_SIZE - 1,
	.pgsize_bitmap = SZ_4K | SZ_64K | SZ_1M,
	.many = true,
};

static const struct td_cfg core_fixed __maybe_unused = {
	.last = U32_MAX,
	.pgsize_bitmap = SZ_4K,
	.fixed = true,
};

/* Calls that a case only needs have to work */
#define core_ok(test, ptr)	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ptr)

static inline struct vcm_phys *core_phys(struct kunit *test, size_t len)
{
	struct vcm_phys *phys = td_phys_any(test->priv, len);

	core_ok(test, phys);
	return phys;
}

static inline struct vcm_res *core_reserve(struct td_ctx *ctx,
					   resource_size_t size)
{
	struct vcm_res *res = vcm_reserve(ctx->vcm, size, 0);

	core_ok(ctx->td->test, res);
	return res;
}

static inline struct vcm_res *core_map(struct td_ctx *ctx,
				       struct vcm_phys *phys)
{
	struct vcm_res *res = vcm_map(ctx->vcm, phys, RW);

	core_ok(ctx->td->test, res);
	return res;
}

/* Return true if no address is reserved. */
static inline bool core_is_free(struct td_ctx *ctx)
{
	resource_size_t size = ctx->vcm->last - ctx->vcm->start + 1;
	struct vcm_res *res = vcm_reserve(ctx->vcm, size, 0);

	if (IS_ERR(res))
		return false;
	vcm_unreserve(res);
	return true;
}

/* Return the @nr-th device of a test. */
static inline struct device *core_device(struct kunit *test, unsigned int nr)
{
	static const char *const names[] = {
		"vcm-core-a", "vcm-core-b", "vcm-core-c", "vcm-core-d",
	};
	struct device *dev = kunit_device_register(test, names[nr]);

	core_ok(test, dev);
	return dev;
}

/* Return the number of allocations that were freed. */
static inline int core_freed(struct kunit *test)
{
	struct td *td = test->priv;

	return atomic_read(&td->freed);
}

/* Let the @nth map from now on fail; 0: none. */
static inline void core_fail_next(struct td_ctx *ctx, unsigned int nth,
				  int error)
{
	ctx->map_error = error;
	atomic_set(&ctx->map_countdown, nth);
}

/* Arguments of a thread's call, and its results */
struct core_call {
	struct td_ctx *ctx;
	struct vcm_res *res;
	struct vcm_phys *phys;
	unsigned int flags;

	struct vcm_res *got;
	unsigned int entries;
	bool held;
};

static inline long core_call_bind(void *arg)
{
	struct core_call *call = arg;
	int ret = vcm_bind(call->res, call->phys);

	call->held = td_holds(call->ctx, call->res, call->phys);
	return ret;
}

static inline long core_call_unbind(void *arg)
{
	struct core_call *call = arg;

	vcm_unbind(call->res);
	call->held = td_holds(call->ctx, call->res, NULL);
	return 0;
}

static inline long core_call_unmap(void *arg)
{
	struct core_call *call = arg;

	vcm_unmap(call->res);
	return 0;
}

static inline long core_call_map(void *arg)
{
	struct core_call *call = arg;

	call->got = vcm_map(call->ctx->vcm, call->phys, call->flags);
	if (IS_ERR(call->got))
		return PTR_ERR(call->got);
	call->held = td_holds(call->ctx, call->got, call->phys);
	return 0;
}

static inline long core_call_activate(void *arg)
{
	struct core_call *call = arg;
	int ret = vcm_activate(call->ctx->vcm);

	call->entries = td_entries(call->ctx);
	return ret;
}

static inline long core_call_destroy(void *arg)
{
	struct core_call *call = arg;

	vcm_destroy(call->ctx->vcm);
	call->entries = td_entries(call->ctx);
	return 0;
}

#endif /* _MM_TESTS_VCM_CORE_H */
