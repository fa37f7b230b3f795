// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the look-ups of Virtual Contiguous Memory: what is known of an
 * address, and the address of the same byte in another context. Iterations are
 * in vcm_iterate_kunit.c, overlapping reservations in vcm_lookup_fixed_kunit.c.
 *
 * "Row" in the comments is a row of "What each call promises".
 */
#include <kunit/test.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/prandom.h>

#include "../vcm-internal.h"
#include "vcm_lookup.h"
#include "vcm_seed.h"

#define RW		(VCM_RES_READ | VCM_RES_WRITE)

/* vcm_lookup_info(): the first, the last and the bytes around a reservation */
static void lookup_info_hit(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_phys *phys = lookup_phys(test, SZ_8K);
	struct vcm_addr_info info;
	struct vcm_res *res;

	res = lookup_at(ctx, SZ_1M, SZ_64K, VCM_RES_READ);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), 0);
	KUNIT_EXPECT_EQ(test, info.nr, 1);
	expect_res(test, &info.res[0], res);
	expect_none(test, &info.res[1]);
	KUNIT_EXPECT_EQ(test, info.res[0].flags, VCM_RES_READ);
	KUNIT_EXPECT_EQ(test, info.res[0].bound_size, 0);
	expect_none(test, &info.below);
	expect_none(test, &info.above);
	KUNIT_EXPECT_PTR_EQ(test, info.released.owner, NULL);

	KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_64K - 1, &info), 0);
	expect_res(test, &info.res[0], res);
	KUNIT_EXPECT_EQ(test, info.res[0].bound_size, SZ_8K);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M - 1, &info), -ENOENT);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_64K, &info), -ENOENT);

	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), 0);
	KUNIT_EXPECT_EQ(test, info.res[0].bound_size, 0);
	vcm_unreserve(res);
	vcm_free(phys);
}

/* vcm_lookup_info(): the neighbours of an address that is not reserved */
static void lookup_info_neighbours(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_res *a, *b, *c;
	struct vcm_addr_info info;

	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), -ENOENT);
	expect_none(test, &info.below);
	expect_none(test, &info.above);

	a = lookup_at(ctx, SZ_1M, SZ_64K, 0);
	c = lookup_at(ctx, SZ_4M, SZ_64K, 0);
	b = lookup_at(ctx, SZ_2M, SZ_4K, 0);

	KUNIT_EXPECT_EQ(test, lookup_info(ctx, 0, &info), -ENOENT);
	KUNIT_EXPECT_EQ(test, info.nr, 0);
	expect_none(test, &info.res[0]);
	expect_none(test, &info.below);
	expect_res(test, &info.above, a);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_64K, &info), -ENOENT);
	expect_none(test, &info.res[0]);
	expect_res(test, &info.below, a);
	expect_res(test, &info.above, b);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_4M - 1, &info), -ENOENT);
	expect_res(test, &info.below, b);
	expect_res(test, &info.above, c);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_16M - 1, &info), -ENOENT);
	expect_res(test, &info.below, c);
	expect_none(test, &info.above);
	/* A device may use an address outside the aperture */
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, TOP, &info), -ENOENT);
	expect_res(test, &info.below, c);
	expect_none(test, &info.above);

	vcm_unreserve(b);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_2M, &info), -ENOENT);
	expect_res(test, &info.below, a);
	expect_res(test, &info.above, c);
	vcm_unreserve(a);
	vcm_unreserve(c);
}

/* VCM_RES_GUARD: a guard is not part of the reservation below it */
static void lookup_info_guard(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_res *res, *next;
	struct vcm_addr_info info;

	res = lookup_at(ctx, SZ_1M, SZ_4K, VCM_RES_GUARD);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_4K - 1, &info), 0);
	expect_res(test, &info.res[0], res);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_4K, &info), -ENOENT);
	expect_none(test, &info.res[0]);
	expect_res(test, &info.below, res);
	expect_none(test, &info.above);
	expect_errno(test, vcm_lookup(ctx->vcm, SZ_1M + SZ_4K), -ENOENT);

	next = lookup_at(ctx, SZ_1M + SZ_8K, SZ_4K, 0);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_8K - 1, &info),
			-ENOENT);
	expect_res(test, &info.below, res);
	expect_res(test, &info.above, next);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_8K, &info), 0);
	expect_res(test, &info.res[0], next);
	vcm_unreserve(res);
	vcm_unreserve(next);
}

/* Row "errors": -EINVAL for a bad pointer, or the end of an iteration */
static void lookup_bad_pointers(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm *const bad[] = { NULL, ERR_PTR(-ENODEV) };
	struct vcm_res *res = lookup_at(ctx, 0, SZ_4K, 0);
	struct vcm_addr_info info;
	dma_addr_t addr;
	phys_addr_t paddr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ(test, -EINVAL,
				vcm_lookup_info(bad[i], 0, &info));
		expect_errno(test, vcm_lookup(bad[i], 0), -EINVAL);
		KUNIT_EXPECT_PTR_EQ(test, vcm_next_res(bad[i], NULL), NULL);
		KUNIT_EXPECT_PTR_EQ(test, NULL,
				    vcm_phys_next_res((void *)bad[i], NULL));
		KUNIT_EXPECT_EQ(test, vcm_addr_to_phys(bad[i], 0, &paddr),
				-EINVAL);
		KUNIT_EXPECT_EQ(test, vcm_translate(bad[i], 0, ctx->vcm, &addr),
				-EINVAL);
		KUNIT_EXPECT_EQ(test, vcm_translate(ctx->vcm, 0, bad[i], &addr),
				-EINVAL);
		vcm_res_put((void *)bad[i]);
	}
	KUNIT_EXPECT_EQ(test, vcm_lookup_info(ctx->vcm, 0, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, vcm_addr_to_phys(ctx->vcm, 0, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, vcm_translate(ctx->vcm, 0, ctx->vcm, NULL),
			-EINVAL);
	vcm_unreserve(res);
}

/* Row "errors": the same for the place of an iteration, as from vcm_lookup() */
static void lookup_bad_prev(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_res *res = lookup_at(ctx, 0, SZ_4K, 0);
	struct vcm_phys *phys = lookup_phys(test, SZ_4K);

	KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_PTR_EQ(test, NULL,
			    vcm_next_res(ctx->vcm, ERR_PTR(-ENOENT)));
	KUNIT_EXPECT_PTR_EQ(test, NULL,
			    vcm_phys_next_res(phys, ERR_PTR(-ENOENT)));
	vcm_unmap(res);
	vcm_free(phys);
}

/* History */

/* No tail call, so that the owner's address is on the stack */
static noinline struct vcm_res *lookup_owner(struct td_ctx *ctx,
					     dma_addr_t addr)
{
	struct vcm_res *res = vcm_reserve_at(ctx->vcm, addr, SZ_4K, 0);

	barrier();
	return res;
}

static noinline void lookup_releaser(struct vcm_res *res)
{
	vcm_unreserve(res);
	barrier();
}

static void expect_code(struct kunit *test, const void *code, const char *name)
{
	char text[KSYM_SYMBOL_LEN];

	KUNIT_EXPECT_PTR_NE(test, code, NULL);
	if (!IS_ENABLED(CONFIG_KALLSYMS))
		return;
	/* The compiler may append what it has made of a function */
	snprintf(text, sizeof(text), "%ps", code);
	if (!strstarts(text, name))
		KUNIT_FAIL(test, "%s instead of %s", text, name);
}

/* vcm_lookup_info(): owner, releaser and time of the last release */
static void lookup_history(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_res *res = lookup_owner(ctx, SZ_1M);
	unsigned long before, after;
	struct vcm_addr_info info;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), 0);
	expect_code(test, info.res[0].owner, "lookup_owner");
	KUNIT_EXPECT_PTR_EQ(test, info.released.owner, NULL);

	before = jiffies;
	lookup_releaser(res);
	after = jiffies;
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_4K - 1, &info),
			-ENOENT);
	expect_code(test, info.released.owner, "lookup_owner");
	expect_code(test, info.released.by, "lookup_releaser");
	KUNIT_EXPECT_EQ(test, info.released.start, SZ_1M);
	KUNIT_EXPECT_EQ(test, info.released.last, SZ_1M + SZ_4K - 1);
	KUNIT_EXPECT_TRUE(test, time_in_range(info.released.when, before,
					      after));

	/* Neither the byte after it nor the one before */
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_4K, &info), -ENOENT);
	KUNIT_EXPECT_PTR_EQ(test, info.released.owner, NULL);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M - 1, &info), -ENOENT);
	KUNIT_EXPECT_PTR_EQ(test, info.released.owner, NULL);

	/* A new owner does not hide the last one */
	res = lookup_at(ctx, SZ_1M, SZ_64K, 0);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), 0);
	expect_res(test, &info.res[0], res);
	expect_code(test, info.released.by, "lookup_releaser");
	vcm_unreserve(res);
}

/* vcm_lookup_info(): of several releases of an address, the last one */
static void lookup_history_latest(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_addr_info info;
	struct vcm_res *res;

	vcm_unreserve(lookup_at(ctx, SZ_1M, SZ_64K, 0));
	vcm_unreserve(lookup_at(ctx, SZ_1M + SZ_4K, SZ_8K, 0));
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M + SZ_4K, &info), -ENOENT);
	KUNIT_EXPECT_EQ(test, info.released.start, SZ_1M + SZ_4K);
	KUNIT_EXPECT_EQ(test, info.released.last, SZ_1M + SZ_4K + SZ_8K - 1);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_1M, &info), -ENOENT);
	KUNIT_EXPECT_EQ(test, info.released.start, SZ_1M);
	KUNIT_EXPECT_EQ(test, info.released.last, SZ_1M + SZ_64K - 1);

	/* The order of releases counts, not that of reservations */
	res = lookup_at(ctx, SZ_2M, SZ_8K, 0);
	vcm_unreserve(lookup_at(ctx, SZ_2M + SZ_8K, SZ_4K, 0));
	vcm_unreserve(res);
	vcm_unreserve(lookup_at(ctx, SZ_2M + SZ_4K, SZ_8K, 0));
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_2M, &info), -ENOENT);
	KUNIT_EXPECT_EQ(test, info.released.start, SZ_2M);
	KUNIT_EXPECT_EQ(test, lookup_info(ctx, SZ_2M + SZ_4K, &info), -ENOENT);
	KUNIT_EXPECT_EQ(test, info.released.start, SZ_2M + SZ_4K);
}

/* vcm_lookup_info(): the last VCM_HISTORY releases are remembered */
static void lookup_history_bounded(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_addr_info info;
	unsigned int i, round;

	/* Whatever the history contains before */
	for (round = 0; round < 3; round++) {
		vcm_unreserve(lookup_at(ctx, SZ_8M + round * SZ_4K, SZ_4K, 0));
		for (i = 1; i < VCM_HISTORY; i++)
			vcm_unreserve(lookup_at(ctx, i * SZ_64K, SZ_4K, 0));
		KUNIT_EXPECT_EQ(test, -ENOENT,
				lookup_info(ctx, SZ_8M + round * SZ_4K, &info));
		KUNIT_EXPECT_PTR_NE(test, info.released.owner, NULL);

		vcm_unreserve(lookup_at(ctx, SZ_64K, SZ_4K, 0));
		KUNIT_EXPECT_EQ(test, -ENOENT,
				lookup_info(ctx, SZ_8M + round * SZ_4K, &info));
		KUNIT_EXPECT_PTR_EQ(test, info.released.owner, NULL);
		for (i = 1; i < VCM_HISTORY; i++) {
			KUNIT_EXPECT_EQ(test, -ENOENT,
					lookup_info(ctx, i * SZ_64K, &info));
			KUNIT_EXPECT_EQ(test, info.released.start, i * SZ_64K);
		}
	}
}

/* References */

/*
 * Row "object references": what vcm_lookup() returns keeps the struct and its
 * context, but neither the addresses nor the memory.
 */
static void lookup_reference(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *ctx = td_create(td, &lookup_cfg);
	struct vcm_phys *phys = lookup_phys(test, SZ_64K);
	struct vcm_res *res = lookup_map(ctx, phys);
	const dma_addr_t start = res->start;
	struct vcm_res *found;

	found = vcm_lookup(ctx->vcm, start + SZ_64K - 1);
	KUNIT_ASSERT_PTR_EQ(test, found, res);
	expect_errno(test, vcm_lookup(ctx->vcm, start + SZ_64K), -ENOENT);

	vcm_free(phys);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 1);
	expect_errno(test, vcm_lookup(ctx->vcm, start), -ENOENT);
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(found), -EINVAL);
	KUNIT_EXPECT_PTR_EQ(test, found->phys, NULL);
	/* Another reservation may have the addresses meanwhile */
	res = lookup_at(ctx, start, SZ_64K, 0);
	KUNIT_EXPECT_PTR_NE(test, res, found);
	vcm_unreserve(res);

	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 0);
	KUNIT_EXPECT_PTR_EQ(test, found->vcm, ctx->vcm);
	vcm_res_put(found);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
}

/* Addresses of the same byte */

static void lookup_free(struct vcm_phys *phys)
{
}

/* Three parts of different sizes, not in ascending order */
static struct vcm_phys *lookup_parts(struct kunit *test)
{
	struct vcm_phys *phys = vcm_phys_new(3, 0, lookup_free, NULL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	phys->parts[0] = (struct phys_vec) { SZ_8M, SZ_8K };
	phys->parts[1] = (struct phys_vec) { SZ_1M, SZ_4K };
	phys->parts[2] = (struct phys_vec) { SZ_4M, SZ_16K };
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
	return phys;
}

/* vcm_addr_to_phys(): the ends of each part, active or not */
static void lookup_addr_to_phys(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	const struct { size_t offset; phys_addr_t paddr; } want[] = {
		{ 0, SZ_8M }, { SZ_8K - 1, SZ_8M + SZ_8K - 1 },
		{ SZ_8K, SZ_1M }, { SZ_8K + SZ_4K - 1, SZ_1M + SZ_4K - 1 },
		{ SZ_8K + SZ_4K, SZ_4M },
		{ SZ_8K + SZ_4K + SZ_16K - 1, SZ_4M + SZ_16K - 1 },
	};
	struct vcm_phys *phys = lookup_parts(test);
	struct vcm_res *res;
	phys_addr_t paddr;
	unsigned int i, j;

	res = lookup_at(ctx, SZ_2M, SZ_64K, VCM_RES_GUARD);
	KUNIT_EXPECT_EQ(test, vcm_addr_to_phys(ctx->vcm, SZ_2M, &paddr),
			-ENOENT);
	KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);
	for (j = 0; j < 2; j++) {
		for (i = 0; i < ARRAY_SIZE(want); i++) {
			KUNIT_EXPECT_EQ(test, 0,
					vcm_addr_to_phys(ctx->vcm, SZ_2M +
							 want[i].offset,
							 &paddr));
			KUNIT_EXPECT_EQ(test, paddr, want[i].paddr);
		}
		KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	}
	/* Reserved but not bound; the guard; not reserved */
	KUNIT_EXPECT_EQ(test, -ENOENT,
			vcm_addr_to_phys(ctx->vcm, SZ_2M + phys->size, &paddr));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			vcm_addr_to_phys(ctx->vcm, SZ_2M + SZ_64K, &paddr));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			vcm_addr_to_phys(ctx->vcm, SZ_2M - 1, &paddr));
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, -ENOENT,
			vcm_addr_to_phys(ctx->vcm, SZ_2M, &paddr));
	vcm_unreserve(res);
	vcm_free(phys);
}

static void expect_translates(struct kunit *test, struct vcm_res *from,
			      struct vcm_res *to, resource_size_t offset)
{
	dma_addr_t addr = 0;

	KUNIT_EXPECT_EQ(test, 0, vcm_translate(from->vcm, from->start + offset,
					       to->vcm, &addr));
	KUNIT_EXPECT_EQ(test, addr, to->start + offset);
}

/* vcm_translate(): from each context to each, the oldest binding there */
static void lookup_translate(struct kunit *test)
{
	struct td_ctx *a = td_create(test->priv, &lookup_cfg);
	struct td_ctx *b = td_create(test->priv, &lookup_cfg);
	struct td_ctx *fixed = td_create(test->priv, &lookup_fixed);
	struct td_ctx *none = td_create(test->priv, &lookup_cfg);
	struct vcm_phys *phys = lookup_phys(test, SZ_16K);
	struct vcm_phys *other = lookup_phys(test, SZ_16K);
	struct vcm_res *res[3], *second, *alien;
	dma_addr_t addr;
	unsigned int i, j;

	vcm_unreserve(lookup_at(a, 0, SZ_4K, 0));
	alien = lookup_map(none, other);
	res[0] = lookup_map(a, phys);
	res[1] = lookup_at(b, SZ_4M, SZ_64K, 0);
	KUNIT_ASSERT_EQ(test, vcm_bind(res[1], phys), 0);
	second = lookup_map(b, phys);
	res[2] = lookup_map(fixed, phys);

	for (i = 0; i < 3; i++) {
		for (j = 0; j < 3; j++) {
			expect_translates(test, res[i], res[j], 0);
			expect_translates(test, res[i], res[j], SZ_16K - 1);
		}
		KUNIT_EXPECT_EQ(test, -ENOENT,
				vcm_translate(res[i]->vcm, res[i]->start,
					      none->vcm, &addr));
		KUNIT_EXPECT_EQ(test, -ENOENT,
				vcm_translate(res[i]->vcm,
					      res[i]->start + SZ_16K, a->vcm,
					      &addr));
	}
	expect_translates(test, second, res[0], SZ_4K);

	vcm_unbind(res[1]);
	expect_translates(test, res[0], second, SZ_4K);
	vcm_unmap(second);
	KUNIT_EXPECT_EQ(test, -ENOENT, vcm_translate(a->vcm, res[0]->start,
						     b->vcm, &addr));
	for (i = 0; i < 3; i++)
		vcm_unmap(res[i]);
	vcm_unmap(alien);
	vcm_free(phys);
	vcm_free(other);
}

/* vcm_translate(): the CPU finds the memory at the address in vcm_vmm */
static void lookup_translate_vmm(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.last = SZ_1G - 1,
		.pgsize_bitmap = PAGE_SIZE,
		.pages = true,
	};
	struct td_ctx *ctx = td_create(test->priv, &cfg);
	struct vcm_res *res, *cpu;
	dma_addr_t addr, back;
	struct vcm_phys *phys;
	unsigned int i;

	phys = vcm_alloc(ctx->vcm, 3 * PAGE_SIZE, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = lookup_map(ctx, phys);
	KUNIT_EXPECT_EQ(test, -ENOENT,
			vcm_translate(ctx->vcm, res->start, vcm_vmm, &addr));
	cpu = vcm_map(vcm_vmm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cpu);
	for (i = 0; i < 3; i++)
		memset(vcm_cpu_addr(cpu) + i * PAGE_SIZE, i + 1, PAGE_SIZE);
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, 0,
				vcm_translate(ctx->vcm, res->start +
					      i * PAGE_SIZE + 7, vcm_vmm,
					      &addr));
		KUNIT_EXPECT_EQ(test, *(u8 *)(uintptr_t)addr, i + 1);
		KUNIT_EXPECT_EQ(test, 0, vcm_translate(vcm_vmm, addr, ctx->vcm,
						       &back));
		KUNIT_EXPECT_EQ(test, back, res->start + i * PAGE_SIZE + 7);
	}
	vcm_unmap(cpu);
	vcm_unmap(res);
	vcm_free(phys);
}

/* Against an oracle */

#define SLOTS		256
#define SLOT		SZ_4K
#define LIVE		24

/* The oracle: the reservation that has a granule, or has it as a guard */
struct lookup_model {
	struct td_ctx *ctx;
	struct rnd_state rnd;
	struct vcm_res *live[LIVE];
	struct vcm_res *has[SLOTS];
	struct vcm_res *guards[SLOTS];
};

static void model_reserve(struct kunit *test, struct lookup_model *m,
			  unsigned int i)
{
	unsigned int at = prandom_u32_state(&m->rnd) % SLOTS;
	unsigned int nr = 1 + prandom_u32_state(&m->rnd) % 8;
	bool guard = prandom_u32_state(&m->rnd) & 1;
	unsigned int end = at + nr + guard, n;
	bool taken = false;
	struct vcm_res *res;

	for (n = at; n < min(end, SLOTS); n++)
		taken |= m->has[n] || m->guards[n];
	res = vcm_reserve_at(m->ctx->vcm, (dma_addr_t)at * SLOT, nr * SLOT,
			     guard ? VCM_RES_GUARD : 0);
	expect_errno(test, res, end > SLOTS ? -EADDRNOTAVAIL :
			       taken ? -EADDRINUSE : 0);
	if (IS_ERR(res))
		return;
	m->live[i] = res;
	for (n = at; n < at + nr; n++)
		m->has[n] = res;
	if (guard)
		m->guards[n] = res;
}

static void model_release(struct lookup_model *m, unsigned int i)
{
	unsigned int n;

	for (n = 0; n < SLOTS; n++) {
		if (m->has[n] == m->live[i])
			m->has[n] = NULL;
		if (m->guards[n] == m->live[i])
			m->guards[n] = NULL;
	}
	vcm_unreserve(m->live[i]);
	m->live[i] = NULL;
}

static void model_expect(struct kunit *test, const struct vcm_res_info *info,
			 const struct vcm_res *res)
{
	if (res)
		expect_res(test, info, res);
	else
		expect_none(test, info);
}

static void model_check(struct kunit *test, struct lookup_model *m)
{
	struct vcm_res *below = NULL, *above, *pos = NULL, *found;
	struct vcm_addr_info info;
	unsigned int n, next;

	for (n = 0; n < SLOTS; n++) {
		dma_addr_t addr = (dma_addr_t)n * SLOT +
				  prandom_u32_state(&m->rnd) % SLOT;
		int ret = lookup_info(m->ctx, addr, &info);

		KUNIT_ASSERT_EQ(test, ret, m->has[n] ? 0 : -ENOENT);
		found = vcm_lookup(m->ctx->vcm, addr);
		KUNIT_ASSERT_PTR_EQ(test, found,
				    m->has[n] ?: ERR_PTR(-ENOENT));
		vcm_res_put(found);
		if (m->has[n]) {
			model_expect(test, &info.res[0], m->has[n]);
			if (below != m->has[n]) {
				pos = vcm_next_res(m->ctx->vcm, pos);
				KUNIT_ASSERT_PTR_EQ(test, pos, m->has[n]);
			}
			below = m->has[n];
			continue;
		}
		for (next = n; next < SLOTS && !m->has[next];)
			next++;
		above = next < SLOTS ? m->has[next] : NULL;
		model_expect(test, &info.below, below);
		model_expect(test, &info.above, above);
	}
	KUNIT_ASSERT_PTR_EQ(test, vcm_next_res(m->ctx->vcm, pos), NULL);
}

/*
 * Random reservations and releases: for each granule, all look-ups and the
 * iteration return what a table of all granules says.
 */
static void lookup_random(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.last = SLOTS * SLOT - 1,
		.pgsize_bitmap = SLOT,
	};
	struct lookup_model *m;
	unsigned int i, step;

	m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m);
	m->ctx = td_create(test->priv, &cfg);
	vcm_seed(test, &m->rnd);
	for (step = 0; step < 600; step++) {
		i = prandom_u32_state(&m->rnd) % LIVE;
		if (m->live[i])
			model_release(m, i);
		else
			model_reserve(test, m, i);
		model_check(test, m);
	}
	for (i = 0; i < LIVE; i++)
		if (m->live[i])
			model_release(m, i);
	model_check(test, m);
}

/* Races */

#define THREADS		4
#define ROUNDS		2000

struct lookup_thread {
	struct td_ctx *ctx;
	struct vcm_phys *phys;
	unsigned int nr;
	const char *broken;
};

static void lookup_check(struct lookup_thread *t, bool good, const char *what)
{
	if (!good && !t->broken)
		t->broken = what;
}

static void lookup_churn(struct lookup_thread *t, unsigned int i)
{
	struct vcm_res *res;

	res = vcm_reserve_at(t->ctx->vcm, (t->nr * 8 + i % 8) * SZ_8K, SZ_4K,
			     VCM_RES_GUARD);
	lookup_check(t, !IS_ERR(res), "reserve_at");
	if (IS_ERR(res))
		return;
	lookup_check(t, !vcm_bind(res, t->phys), "bind");
	vcm_unmap(res);
}

static void lookup_walk(struct lookup_thread *t)
{
	struct vcm_res *pos = NULL;
	dma_addr_t next = 0;

	while ((pos = vcm_next_res(t->ctx->vcm, pos))) {
		lookup_check(t, pos->start >= next, "not ascending");
		lookup_check(t, pos->vcm == t->ctx->vcm, "another context");
		next = pos->start + pos->res_size;
		cond_resched();
	}
}

static void lookup_walk_phys(struct lookup_thread *t)
{
	struct vcm_res *pos = NULL;

	while ((pos = vcm_phys_next_res(t->phys, pos))) {
		lookup_check(t, pos->vcm == t->ctx->vcm, "another context");
		cond_resched();
	}
}

static void lookup_one(struct lookup_thread *t, unsigned int i)
{
	dma_addr_t addr = (i % (THREADS * 8)) * SZ_8K, out;
	struct vcm_res *res = vcm_lookup(t->ctx->vcm, addr);
	phys_addr_t paddr;
	int ret;

	if (IS_ERR(res)) {
		lookup_check(t, PTR_ERR(res) == -ENOENT, "errno of lookup");
	} else {
		lookup_check(t, res->start == addr, "another reservation");
		vcm_res_put(res);
	}
	ret = vcm_addr_to_phys(t->ctx->vcm, addr, &paddr);
	lookup_check(t, ret ? ret == -ENOENT :
			      paddr == t->phys->parts[0].paddr, "addr_to_phys");
	ret = vcm_translate(t->ctx->vcm, addr, t->ctx->vcm, &out);
	lookup_check(t, !ret || ret == -ENOENT, "translate");
}

static long lookup_thread(void *arg)
{
	struct lookup_thread *t = arg;
	unsigned int i;

	for (i = 0; i < ROUNDS && !t->broken; i++) {
		if (t->nr & 1)
			lookup_churn(t, i);
		else if (i % 3 == 0)
			lookup_walk(t);
		else if (i % 3 == 1)
			lookup_walk_phys(t);
		else
			lookup_one(t, i);
		cond_resched();
	}
	return 0;
}

/*
 * Row "object references": iterations and look-ups race with the last drop of
 * the reservations they visit. Nothing is used after it was freed, and nothing
 * is freed twice or never.
 */
static void lookup_races_last_drop(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_phys *phys = lookup_phys(test, SZ_4K);
	struct lookup_thread t[THREADS] = { };
	void *args[THREADS];
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		t[i].ctx = ctx;
		t[i].phys = phys;
		t[i].nr = i;
		args[i] = &t[i];
	}
	td_run(test->priv, THREADS, lookup_thread, args, NULL);
	for (i = 0; i < THREADS; i++)
		KUNIT_EXPECT_STREQ(test, t[i].broken ?: "", "");
	KUNIT_EXPECT_PTR_EQ(test, vcm_next_res(ctx->vcm, NULL), NULL);
	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_next_res(phys, NULL), NULL);
	vcm_free(phys);
	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
}

/* Look-ups from a timer interrupt, and the number of wrong results */
struct lookup_irq {
	struct hrtimer timer;
	struct vcm *vcm;
	struct vcm_addr_info info;
	unsigned int slot;
	unsigned int calls;
	unsigned int wrong;
	bool soft;
};

static enum hrtimer_restart lookup_tick(struct hrtimer *timer)
{
	struct lookup_irq *irq = container_of(timer, struct lookup_irq, timer);
	struct vcm_addr_info *info = &irq->info;
	dma_addr_t addr = (irq->slot++ % 8) * SZ_8K;
	int ret = vcm_lookup_info(irq->vcm, addr, info);

	/* A consistent copy: the reservation that is there, or none */
	if (ret != 0 && ret != -ENOENT)
		irq->wrong++;
	if (!ret && (info->res[0].start != addr || info->res[0].size != SZ_4K ||
		     info->res[0].flags != (RW | VCM_RES_GUARD) ||
		     !info->res[0].owner))
		irq->wrong++;
	if (ret && ((info->below.size && info->below.start >= addr) ||
		    (info->above.size && info->above.start <= addr)))
		irq->wrong++;
	if (!in_hardirq())
		irq->soft = true;
	WRITE_ONCE(irq->calls, irq->calls + 1);
	hrtimer_forward_now(timer, us_to_ktime(200));
	return HRTIMER_RESTART;
}

/*
 * Row "owner, sleeping, errors": vcm_lookup_info() works in hard interrupts,
 * while a thread reserves and releases the addresses.
 */
static void lookup_info_in_interrupt(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &lookup_cfg);
	struct vcm_phys *phys = lookup_phys(test, SZ_4K);
	struct lookup_thread t = { .ctx = ctx, .phys = phys };
	struct lookup_irq *irq;
	unsigned long end;
	unsigned int i;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "interrupts are threaded");
	irq = kunit_kzalloc(test, sizeof(*irq), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, irq);
	irq->vcm = ctx->vcm;
	hrtimer_setup(&irq->timer, lookup_tick, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL);
	hrtimer_start(&irq->timer, us_to_ktime(200), HRTIMER_MODE_REL);
	end = jiffies + 10 * HZ;
	for (i = 0; READ_ONCE(irq->calls) < 50 && time_before(jiffies, end);
	     i++) {
		lookup_churn(&t, i);
		cond_resched();
	}
	hrtimer_cancel(&irq->timer);

	KUNIT_EXPECT_GE(test, irq->calls, 50);
	KUNIT_EXPECT_EQ(test, irq->wrong, 0);
	KUNIT_EXPECT_FALSE(test, irq->soft);
	KUNIT_EXPECT_STREQ(test, t.broken ?: "", "");
	vcm_free(phys);
}

static struct kunit_case lookup_cases[] = {
	KUNIT_CASE(lookup_info_hit),
	KUNIT_CASE(lookup_info_neighbours),
	KUNIT_CASE(lookup_info_guard),
	KUNIT_CASE(lookup_bad_pointers),
	KUNIT_CASE(lookup_bad_prev),
	KUNIT_CASE(lookup_history),
	KUNIT_CASE(lookup_history_latest),
	KUNIT_CASE(lookup_history_bounded),
	KUNIT_CASE(lookup_reference),
	KUNIT_CASE(lookup_addr_to_phys),
	KUNIT_CASE(lookup_translate),
	KUNIT_CASE(lookup_translate_vmm),
	KUNIT_CASE(lookup_random),
	KUNIT_CASE_SLOW(lookup_races_last_drop),
	KUNIT_CASE(lookup_info_in_interrupt),
	{}
};

static struct kunit_suite lookup_suite = {
	.name = "vcm_lookup",
	.init = td_begin,
	.exit = td_end,
	.test_cases = lookup_cases,
};

kunit_test_suite(lookup_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of the look-ups of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
