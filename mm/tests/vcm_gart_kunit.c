// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of a GART behind the page-table wrapper: an MMU with one table
 * and one page size. The table is compared word by word with the memory that
 * the test has bound. The promises to users of a context are in the suite
 * vcm_contract.
 */
#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "vcm_gart.h"
#include "vcm_leaves.h"
#include "vcm_models.h"
#include "vcm_seed.h"

static struct gart *gart_active(struct kunit *test)
{
	struct gart *gart = gart_create(test);

	KUNIT_ASSERT_EQ(test, vcm_activate(&gart->mmu.vcm), 0);
	return gart;
}

/*
 * Every part becomes entries of one page each, in order, and nothing else is
 * written; the end of the aperture included
 */
static void gart_entries(struct kunit *test)
{
	static const struct phys_vec parts[] = {
		{ .paddr = 0x80000000, .len = SZ_64K },
		{ .paddr = 0x00003000, .len = SZ_4K },
		{ .paddr = 0xfffff000, .len = SZ_4K },
	};
	struct gart *gart = gart_active(test);
	struct vcm_phys *phys = vcm_model_phys(test, parts, ARRAY_SIZE(parts));
	const unsigned int nr = 18, first = GART_ENTRIES - nr;
	struct vcm_res *res;
	unsigned int i;

	res = vcm_reserve_at(&gart->mmu.vcm,
			     GART_BASE + (dma_addr_t)first * SZ_4K,
			     phys->size, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);
	for (i = 0; i < 16; i++)
		KUNIT_EXPECT_EQ(test, gart->table[first + i],
				0x80000001 + i * SZ_4K);
	KUNIT_EXPECT_EQ(test, gart->table[first + 16], 0x00003001);
	KUNIT_EXPECT_EQ(test, gart->table[first + 17], 0xfffff001);
	KUNIT_EXPECT_NULL(test, memchr_inv(gart->table, 0,
					   first * sizeof(u32)));
	vcm_unbind(res);
	KUNIT_EXPECT_NULL(test, memchr_inv(gart->table, 0,
					   GART_ENTRIES * sizeof(u32)));
	vcm_unreserve(res);
	vcm_free(phys);
	vcm_destroy(&gart->mmu.vcm);
}

/* All of the aperture can be bound at once, and no page more */
static void gart_full(struct kunit *test)
{
	struct phys_vec part = { .paddr = 0x80000000, .len = GART_SIZE };
	struct gart *gart = gart_active(test);
	struct vcm *vcm = &gart->mmu.vcm;
	struct vcm_phys *phys = vcm_model_phys(test, &part, 1);
	struct vcm_res *res = vcm_map(vcm, phys, 0);
	phys_addr_t paddr = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, res->start, GART_BASE);
	KUNIT_EXPECT_EQ(test, vcm_leaves(res), GART_ENTRIES);
	KUNIT_EXPECT_EQ(test, 0, gart_translate(vcm, GART_BASE + GART_SIZE - 1,
						&paddr));
	KUNIT_EXPECT_EQ(test, paddr, part.paddr + GART_SIZE - 1);
	KUNIT_EXPECT_PTR_EQ(test, vcm_reserve(vcm, SZ_4K, 0), ERR_PTR(-ENOSPC));
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, -EFAULT, gart_translate(vcm, GART_BASE, &paddr));
	vcm_free(phys);

	part.len += SZ_4K;
	phys = vcm_model_phys(test, &part, 1);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-ENOSPC));
	vcm_free(phys);
	vcm_destroy(vcm);
}

/*
 * Row vcm_unbind: when it returns, a device that has used the memory does not
 * reach it; memory bound next at the same address is seen at once
 */
static void gart_unbind_flushes(struct kunit *test)
{
	const struct phys_vec old = { .paddr = 0x80000000, .len = SZ_64K };
	const struct phys_vec new = { .paddr = 0xa0000000, .len = SZ_64K };
	struct gart *gart = gart_active(test);
	struct vcm *vcm = &gart->mmu.vcm;
	struct vcm_phys *phys = vcm_model_phys(test, &old, 1);
	struct vcm_phys *next = vcm_model_phys(test, &new, 1);
	struct vcm_res *res = vcm_map(vcm, phys, 0);
	phys_addr_t paddr = 0;
	size_t off;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	for (off = 0; off < SZ_64K; off += SZ_4K)
		KUNIT_EXPECT_EQ(test, 0, gart_translate(vcm, res->start + off,
							&paddr));
	vcm_unbind(res);
	for (off = 0; off < SZ_64K; off += SZ_4K)
		KUNIT_EXPECT_EQ(test, -EFAULT,
				gart_translate(vcm, res->start + off, &paddr));
	KUNIT_EXPECT_EQ(test, vcm_bind(res, next), 0);
	for (off = 0; off < SZ_64K; off += SZ_4K) {
		KUNIT_EXPECT_EQ(test, 0, gart_translate(vcm, res->start + off,
							&paddr));
		KUNIT_EXPECT_EQ(test, paddr, new.paddr + off);
	}
	vcm_unmap(res);
	vcm_free(phys);
	vcm_free(next);
	vcm_destroy(vcm);
}

/* The model: an entry that was read is used until the hardware is flushed */
static void gart_model_is_stale(struct kunit *test)
{
	struct gart *gart = gart_active(test);
	struct vcm *vcm = &gart->mmu.vcm;
	phys_addr_t paddr = 0;

	gart->table[0] = 0x80000000 | GART_VALID;
	KUNIT_EXPECT_EQ(test, 0, gart_translate(vcm, GART_BASE, &paddr));
	gart->table[0] = 0xa0000000 | GART_VALID;
	KUNIT_EXPECT_EQ(test, 0, gart_translate(vcm, GART_BASE, &paddr));
	KUNIT_EXPECT_EQ(test, paddr, 0x80000000);
	gart_flush(gart);
	KUNIT_EXPECT_EQ(test, 0, gart_translate(vcm, GART_BASE, &paddr));
	KUNIT_EXPECT_EQ(test, paddr, 0xa0000000);
	gart->table[0] = 0;
	gart_flush(gart);
	KUNIT_EXPECT_EQ(test, -EFAULT, gart_translate(vcm, GART_BASE, &paddr));
	vcm_destroy(vcm);
}

/* One flush for each unbind, none for a bind, one for many neighbours */
static void gart_flushes(struct kunit *test)
{
	const struct phys_vec part = { .paddr = 0x80000000, .len = SZ_64K };
	struct gart *gart = gart_active(test);
	struct vcm_phys *phys = vcm_model_phys(test, &part, 1);
	struct vcm_res *res[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(res); i++) {
		res[i] = vcm_map(&gart->mmu.vcm, phys, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
	}
	KUNIT_EXPECT_EQ(test, gart->flushes, 0);
	vcm_unbind(res[0]);
	KUNIT_EXPECT_EQ(test, gart->flushes, 1);
	vcm_unbind_many(res + 1, ARRAY_SIZE(res) - 1);
	KUNIT_EXPECT_EQ(test, gart->flushes, 2);
	for (i = 0; i < ARRAY_SIZE(res); i++)
		vcm_unmap(res[i]);
	vcm_free(phys);
	vcm_destroy(&gart->mmu.vcm);
}

static void flush_by_unbind(struct vcm *vcm, struct vcm_res *const *res,
			    unsigned int nr)
{
	vcm_unbind_many(res, nr);
}

static void flush_by_deactivate(struct vcm *vcm, struct vcm_res *const *res,
				unsigned int nr)
{
	vcm_deactivate(vcm);
}

static void flush_by_destroy(struct vcm *vcm, struct vcm_res *const *res,
			     unsigned int nr)
{
	vcm_destroy(vcm);
}

/*
 * Rows vcm_deactivate and vcm_destroy: they flush as often as one
 * vcm_unbind_many(), once for each of two pairs of neighbours
 */
static void gart_flushes_together(struct kunit *test)
{
	static void (* const calls[])(struct vcm *vcm,
				      struct vcm_res *const *res,
				      unsigned int nr) = {
		flush_by_unbind, flush_by_deactivate, flush_by_destroy,
	};
	static const dma_addr_t at[] = {
		GART_BASE + SZ_1M, GART_BASE,
		GART_BASE + SZ_1M + SZ_64K, GART_BASE + SZ_64K,
	};
	const struct phys_vec part = { .paddr = 0x80000000, .len = SZ_64K };
	struct vcm_res *res[ARRAY_SIZE(at)];
	struct vcm_phys *phys;
	struct gart *gart;
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		gart = gart_active(test);
		phys = vcm_model_phys(test, &part, 1);
		for (n = 0; n < ARRAY_SIZE(at); n++) {
			res[n] = vcm_map_at(&gart->mmu.vcm, phys, at[n], 0);
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[n]);
		}
		calls[i](&gart->mmu.vcm, res, ARRAY_SIZE(res));
		KUNIT_EXPECT_EQ_MSG(test, gart->flushes, 2, "call %u", i);
		KUNIT_EXPECT_NULL(test, memchr_inv(gart->table, 0,
						   GART_ENTRIES * sizeof(u32)));
		if (calls[i] != flush_by_destroy)
			vcm_destroy(&gart->mmu.vcm);
		for (n = 0; n < ARRAY_SIZE(at); n++)
			vcm_unmap(res[n]);
		vcm_free(phys);
	}
}

/*
 * Memory that an entry cannot describe is refused, and earlier parts are
 * unmapped
 */
static void gart_high_memory(struct kunit *test)
{
	struct phys_vec parts[2] = { { .paddr = SZ_1M, .len = SZ_64K } };
	struct gart *gart = gart_active(test);
	struct vcm_phys *phys;

	if (sizeof(phys_addr_t) == sizeof(u32)) {
		vcm_destroy(&gart->mmu.vcm);
		kunit_skip(test, "no memory above 4 GiB");
	}
	parts[1].paddr = (phys_addr_t)BIT_ULL(32);
	parts[1].len = SZ_4K;
	phys = vcm_model_phys(test, parts, 2);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(&gart->mmu.vcm, phys, 0),
			    ERR_PTR(-EADDRNOTAVAIL));
	KUNIT_EXPECT_NULL(test, memchr_inv(gart->table, 0,
					   GART_ENTRIES * sizeof(u32)));
	KUNIT_EXPECT_EQ(test, gart->flushes, 1);
	vcm_free(phys);
	vcm_destroy(&gart->mmu.vcm);
}

#define GART_SLOTS	32
#define GART_STEPS	5000

struct gart_slot {
	struct vcm_res *res;
	unsigned int first;
	unsigned int nr;
};

/* Map memory of random size, if a range is free */
static void random_map(struct kunit *test, struct vcm *vcm,
		       struct rnd_state *rnd, struct gart_slot *slot,
		       u32 *oracle)
{
	struct phys_vec part = { .paddr = prandom_u32_state(rnd) & 0x7ffff000 };
	struct vcm_phys *phys;
	struct vcm_res *res;
	unsigned int i;

	slot->nr = 1 + prandom_u32_state(rnd) % 600;
	part.len = slot->nr * SZ_4K;
	phys = vcm_model_phys(test, &part, 1);
	res = vcm_map(vcm, phys, 0);
	vcm_free(phys);
	if (IS_ERR(res)) {
		KUNIT_EXPECT_PTR_EQ(test, res, ERR_PTR(-ENOSPC));
		return;
	}
	slot->res = res;
	slot->first = (res->start - GART_BASE) / SZ_4K;
	for (i = 0; i < slot->nr; i++)
		oracle[slot->first + i] = part.paddr + i * SZ_4K + 1;
}

static void random_unmap(struct gart_slot *slot, u32 *oracle)
{
	vcm_unmap(slot->res);
	slot->res = NULL;
	memset(oracle + slot->first, 0, slot->nr * sizeof(*oracle));
}

static void random_look(struct kunit *test, struct vcm *vcm,
			struct rnd_state *rnd, const u32 *oracle)
{
	const u32 index = prandom_u32_state(rnd) % GART_ENTRIES;
	phys_addr_t paddr = 0;
	int ret;

	ret = gart_translate(vcm, GART_BASE + (dma_addr_t)index * SZ_4K,
			     &paddr);
	KUNIT_EXPECT_EQ(test, ret, oracle[index] ? 0 : -EFAULT);
	if (!ret)
		KUNIT_EXPECT_EQ(test, paddr, oracle[index] - 1);
}

KUNIT_DEFINE_ACTION_WRAPPER(free_oracle, kvfree, const void *);

/* The table and the TLB match the bindings after every step */
static void gart_random(struct kunit *test)
{
	struct gart_slot *slots, *slot;
	struct rnd_state rnd;
	unsigned int i, j;
	struct gart *gart;
	u32 *oracle;

	vcm_seed(test, &rnd);
	slots = kunit_kcalloc(test, GART_SLOTS, sizeof(*slots), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, slots);
	oracle = kvcalloc(GART_ENTRIES, sizeof(*oracle), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, oracle);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_oracle,
							   oracle));
	gart = gart_active(test);

	for (i = 0; i < GART_STEPS; i++) {
		slot = &slots[prandom_u32_state(&rnd) % GART_SLOTS];
		if (slot->res)
			random_unmap(slot, oracle);
		else
			random_map(test, &gart->mmu.vcm, &rnd, slot, oracle);
		for (j = 0; j < 16; j++)
			random_look(test, &gart->mmu.vcm, &rnd, oracle);
		if (memcmp(oracle, gart->table, GART_ENTRIES * sizeof(u32))) {
			KUNIT_FAIL(test, "table differs after step %u", i);
			break;
		}
	}
	for (i = 0; i < GART_SLOTS; i++)
		vcm_unmap(slots[i].res);
	vcm_destroy(&gart->mmu.vcm);
}

static struct kunit_case gart_cases[] = {
	KUNIT_CASE(gart_entries),
	KUNIT_CASE(gart_full),
	KUNIT_CASE(gart_unbind_flushes),
	KUNIT_CASE(gart_model_is_stale),
	KUNIT_CASE(gart_flushes),
	KUNIT_CASE(gart_flushes_together),
	KUNIT_CASE(gart_high_memory),
	KUNIT_CASE(gart_random),
	{ }
};

static struct kunit_suite gart_suite = {
	.name = "vcm_gart",
	.test_cases = gart_cases,
};

kunit_test_suite(gart_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of a GART");
MODULE_LICENSE("GPL");
