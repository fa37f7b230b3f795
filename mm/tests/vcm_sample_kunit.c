// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the sample SoC IOMMU: page sizes, memory, caches,
 * invalidation.
 */
#include <kunit/static_stub.h>
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/property.h>
#include <linux/slab.h>
#include <linux/vcm-cma.h>

#include "../vcm-internal.h"
#include "vcm_leaves.h"
#include "vcm_sample_test.h"
#include "vcm_seed.h"

struct leaf_case {
	const char *name;
	phys_addr_t paddr;
	size_t len;
	/* the expected leaves, in order; the last one repeats */
	u32 leaves[8];
};

static const struct leaf_case leaf_cases[] = {
	{ "4k", 0x80001000, SZ_4K, { SZ_4K } },
	{ "64k", 0x80010000, SZ_64K, { SZ_64K } },
	{ "1m", 0x80100000, SZ_1M, { SZ_1M } },
	{ "16m", 0x81000000, SZ_16M, { SZ_16M } },
	{ "16m_twice", 0x81000000, SZ_32M, { SZ_16M } },
	{ "16m_unaligned", 0x81100000, SZ_16M, { SZ_1M } },
	{ "1m_unaligned", 0x80110000, SZ_1M, { SZ_64K } },
	{ "64k_unaligned", 0x80011000, SZ_64K, { SZ_4K } },
	{ "descending", 0x82000000, SZ_16M + SZ_1M + SZ_64K + SZ_4K,
	  { SZ_16M, SZ_1M, SZ_64K, SZ_4K } },
	{ "last", 0xff000000, SZ_16M, { SZ_16M } },
};

KUNIT_ARRAY_PARAM_DESC(leaf, leaf_cases, name);

/*
 * Memory is mapped with the largest leaves that its alignment allows, and the
 * ends of each translate as they should
 */
static void sample_leaves(struct kunit *test)
{
	const struct leaf_case *p = test->param_value;
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_phys *phys = sample_phys(test, p->paddr, p->len);
	struct vcm_res *res = sample_map(test, vcm, phys, 0);
	struct sample_leaf leaf;
	const u32 *size = p->leaves;
	size_t off;

	sample_power_on(test, t->engine);
	for (off = 0; off < p->len; off += *size, size += !!size[1]) {
		dma_addr_t addr = res->start + off;

		KUNIT_ASSERT_EQ(test, 0,
				sample_model_walk(t->engine, addr, &leaf));
		KUNIT_ASSERT_EQ(test, leaf.size, *size);
		KUNIT_EXPECT_EQ(test, leaf.addr, addr);
		KUNIT_EXPECT_EQ(test, leaf.paddr, p->paddr + off);
		KUNIT_EXPECT_TRUE(test, leaf.write);
		expect_at(test, t->engine, addr, p->paddr + off);
		expect_at(test, t->engine, addr + *size - 1,
			  p->paddr + off + *size - 1);
	}
	KUNIT_EXPECT_EQ(test, off, p->len);
	KUNIT_EXPECT_EQ(test, -EFAULT,
			sample_model_walk(t->engine, res->start + p->len,
					  &leaf));
	KUNIT_EXPECT_EQ(test, -EFAULT,
			sample_model_walk(t->engine, res->start - 1, &leaf));

	vcm_unmap(res);
	vcm_free(phys);
	sample_destroy(t->engine);
}

/* Memory bound for reading can be read by the device, and not written */
static void sample_permissions(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	static const size_t sizes[] = { SZ_4K, SZ_64K, SZ_1M, SZ_16M };
	struct vcm_phys *phys;
	struct vcm_res *res;
	phys_addr_t paddr;
	unsigned int i;

	sample_power_on(test, t->engine);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		phys = sample_phys(test, 0x90000000, sizes[i]);
		res = sample_map(test, vcm, phys, VCM_RES_READ);
		expect_at(test, t->engine, res->start, 0x90000000);
		KUNIT_EXPECT_EQ(test, -EFAULT,
				sample_model_translate(t->engine, res->start,
						       true, &paddr));
		vcm_unmap(res);

		/* The format cannot exclude reading */
		res = sample_map(test, vcm, phys, VCM_RES_WRITE);
		KUNIT_EXPECT_EQ(test, 0,
				sample_model_translate(t->engine, res->start,
						       true, &paddr));
		expect_at(test, t->engine, res->start, 0x90000000);
		vcm_unmap(res);
		vcm_free(phys);
	}
	sample_destroy(t->engine);
}

/* Two devices of a block, and one of another block, share a buffer */
static void sample_shared(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct device *other = t->blocks[1]->engines[0];
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm *far = sample_vcm(test, other);
	const size_t size = SZ_2M + SZ_64K + SZ_4K;
	struct vcm_res *res, *far_res;

	KUNIT_ASSERT_EQ(test, 0, vcm_attach(vcm, t->m->engines[1]));
	sample_power_on(test, t->engine);
	sample_power_on(test, t->m->engines[1]);
	sample_power_on(test, other);

	res = vcm_make_binding(vcm, size, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	far_res = sample_map_second(test, far, res->phys);
	write_pattern(test, t->engine, res->start, size, 1);
	expect_pattern(test, t->m->engines[1], res->start, size, 1);
	expect_pattern(test, other, far_res->start, size, 1);
	expect_pattern_cpu(test, res->phys, 1);

	write_pattern(test, other, far_res->start, size, 2);
	expect_pattern(test, t->engine, res->start, size, 2);
	vcm_unmap(far_res);
	vcm_destroy_binding(res);
	sample_destroy(other);
	sample_destroy(t->engine);
}

/*
 * The leaf that all of @phys is mapped with; CMA may align it less than natural
 */
static u32 contig_leaf(const struct vcm_phys *phys)
{
	return IS_ALIGNED(phys->parts[0].paddr, SZ_16M) ? SZ_16M : SZ_1M;
}

/*
 * VCM_ALLOC_CONTIG: 16 MiB in one part, mapped with the leaves that it allows
 */
static void sample_contig_16m(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct sample_leaf leaf;
	struct vcm_phys *phys;
	struct vcm_res *res;

	if (!IS_ENABLED(CONFIG_CONTIG_ALLOC))
		kunit_skip(test, "CONFIG_CONTIG_ALLOC is not set");
	phys = vcm_alloc(vcm, SZ_16M, VCM_ALLOC_CONTIG);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = sample_map(test, vcm, phys, 0);
	sample_power_on(test, t->engine);
	KUNIT_EXPECT_EQ(test, 0,
			sample_model_walk(t->engine, res->start + SZ_8M,
					  &leaf));
	KUNIT_EXPECT_EQ(test, leaf.size, contig_leaf(phys));
	KUNIT_EXPECT_EQ(test, vcm_leaves(res), SZ_16M / contig_leaf(phys));
	write_pattern(test, t->engine, res->start, SZ_16M, 3);
	expect_pattern_cpu(test, phys, 3);
	vcm_unmap(res);
	vcm_free(phys);
	sample_destroy(t->engine);
}

/* 16 MiB from CMA, allocated by another context */
static void sample_cma_16m(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm, *cma;
	struct sample_leaf leaf;
	struct vcm_phys *phys;
	struct vcm_res *res;

	if (!IS_ENABLED(CONFIG_VCM_CMA))
		kunit_skip(test, "CONFIG_VCM_CMA is not set");
	cma = vcm_cma_create(t->engine);
	if (cma == ERR_PTR(-EOPNOTSUPP))
		kunit_skip(test, "no CMA area");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cma);
	phys = vcm_alloc(cma, SZ_16M, VCM_ALLOC_NOWARN);
	if (phys == ERR_PTR(-ENOMEM)) {
		vcm_destroy(cma);
		kunit_skip(test, "the CMA area has no 16 MiB");
	}

	vcm = sample_vcm(test, t->engine);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = sample_map(test, vcm, phys, 0);
	sample_power_on(test, t->engine);
	KUNIT_EXPECT_EQ(test, 0,
			sample_model_walk(t->engine, res->start, &leaf));
	KUNIT_EXPECT_EQ(test, leaf.size, contig_leaf(phys));
	write_pattern(test, t->engine, res->start, SZ_16M, 4);
	expect_pattern_cpu(test, phys, 4);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_destroy(cma);
	sample_destroy(t->engine);
}

/*
 * Row vcm_bind: memory above the limit of the format is -EADDRNOTAVAIL and
 * leaves nothing mapped; memory of vcm_alloc() can be bound
 */
static void sample_high_memory(struct kunit *test)
{
	const struct phys_vec high[] = {
		{ .paddr = 0x80000000, .len = SZ_4K },
		{ .paddr = (phys_addr_t)BIT_ULL(32), .len = SZ_4K },
	};
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_phys *phys;
	struct vcm_res *res;
	unsigned int i;

	phys = vcm_alloc(vcm, SZ_2M, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	for (i = 0; i < phys->count; i++)
		KUNIT_EXPECT_LE(test, (u64)phys->parts[i].paddr +
				phys->parts[i].len, BIT_ULL(32));
	vcm_free(phys);

	if (sizeof(phys_addr_t) == sizeof(u32))
		kunit_skip(test, "no memory above 4 GiB");
	sample_power_on(test, t->engine);
	phys = vcm_model_phys(test, high, ARRAY_SIZE(high));
	res = vcm_reserve(vcm, SZ_8K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	expect_fault(test, t->engine, res->start);
	vcm_free(phys);

	/* Up to the last byte, and one page beyond */
	phys = sample_phys(test, 0xfffff000, SZ_4K);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_at(test, t->engine, res->start + SZ_4K - 1, 0xffffffff);
	vcm_unbind(res);
	vcm_free(phys);
	phys = sample_phys(test, 0xfffff000, SZ_8K);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	vcm_free(phys);
	vcm_unreserve(res);
	sample_destroy(t->engine);
}

struct cache_case {
	const char *name;
	unsigned int block;
	enum sample_memory memory;
	unsigned int syncs;
};

static const struct cache_case cache_cases[] = {
	{ "snoops", 0, SAMPLE_CACHED, 0 },
	{ "does_not", SAMPLE_MODEL_UNSNOOPED, SAMPLE_UNCACHED, 1 },
};

KUNIT_ARRAY_PARAM_DESC(cache, cache_cases, name);

/* The last range handed over, and the number of calls */
static struct {
	unsigned int nr;
	phys_addr_t paddr;
	size_t size;
	bool for_cpu;
} synced;

static void note_sync(phys_addr_t paddr, size_t size,
		      enum dma_data_direction dir, bool for_cpu)
{
	synced.nr++;
	synced.paddr = paddr;
	synced.size = size;
	synced.for_cpu = for_cpu;
}

static void expect_synced(struct kunit *test, phys_addr_t paddr, size_t size,
			  bool for_cpu)
{
	const struct cache_case *p = test->param_value;

	KUNIT_EXPECT_EQ(test, synced.nr, p->syncs);
	synced.nr = 0;
	if (!p->syncs)
		return;
	KUNIT_EXPECT_EQ(test, synced.paddr, paddr);
	KUNIT_EXPECT_EQ(test, synced.size, size);
	KUNIT_EXPECT_EQ(test, synced.for_cpu, for_cpu);
}

static void expect_memory(struct kunit *test, struct device *engine,
			  const struct vcm_res *res, enum sample_memory memory)
{
	struct sample_leaf leaf;
	size_t off;

	for (off = 0; off < res->res_size; off += leaf.size) {
		KUNIT_ASSERT_EQ(test, 0, sample_model_walk(engine,
							   res->start + off,
							   &leaf));
		KUNIT_EXPECT_EQ(test, leaf.memory, memory);
	}
}

/* Check leaves of every size, and those of memory that is not RAM. */
static void expect_leaves(struct kunit *test, struct vcm *vcm,
			  struct device *engine, struct vcm_res *res)
{
	const struct cache_case *p = test->param_value;
	struct vcm_phys *phys = sample_phys(test, 0x82000000, SZ_16M + SZ_1M +
					    SZ_64K + SZ_4K);
	struct vcm_res *regs = sample_map(test, vcm, phys, 0);

	sample_power_on(test, engine);
	expect_memory(test, engine, res, p->memory);
	expect_memory(test, engine, regs, SAMPLE_DEVICE);
	vcm_unmap(regs);
	vcm_free(phys);
}

/* Without cache maintenance, the DMA API says of every device that it snoops */
static bool stub_snoops(struct device *dev)
{
	return device_get_dma_attr(dev) == DEV_DMA_COHERENT;
}

/*
 * Row coherence: for devices that do not snoop, allocated memory is written
 * back once, before it becomes reachable, and handed over when the driver says
 * so. Leaves and walks bypass the caches (the model reports it if a table
 * differs). For devices that snoop, nothing is done. A walk that does not snoop
 * needs the DMA API for the table: without it, activation fails
 */
static void sample_caches(struct kunit *test)
{
	const struct cache_case *p = test->param_value;
	struct sample_test *t = test->priv;
	struct device *engine = t->blocks[p->block]->engines[0];
	const bool walks = !p->syncs || IS_ENABLED(CONFIG_HAS_DMA);
	struct vcm_phys *phys;
	struct vcm_res *res;
	phys_addr_t paddr;
	struct vcm *vcm;

	kunit_activate_static_stub(test, vcm_device_snoops, stub_snoops);
	vcm = vcm_sample_create(engine);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	to_engine(engine)->vcm = vcm;
	phys = vcm_alloc(vcm, SZ_64K + SZ_4K, VCM_ALLOC_CONTIG);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	paddr = phys->parts[0].paddr;
	res = sample_map(test, vcm, phys, 0);

	synced.nr = 0;
	kunit_activate_static_stub(test, vcm_sync_range, note_sync);
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), walks ? 0 : -ENOMEM);
	expect_synced(test, paddr, phys->size, false);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, SZ_4K, SZ_8K,
						  DMA_FROM_DEVICE));
	expect_synced(test, paddr + SZ_4K, SZ_8K, true);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_device(res, SZ_64K, SZ_4K,
						     DMA_TO_DEVICE));
	expect_synced(test, paddr + SZ_64K, SZ_4K, false);
	if (walks) {
		expect_leaves(test, vcm, engine, res);
		vcm_deactivate(vcm);
		KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
		KUNIT_EXPECT_EQ(test, synced.nr, 0);
	}

	vcm_unmap(res);
	vcm_free(phys);
	sample_destroy(engine);
}

/*
 * Row vcm_unbind: when it returns, no device reaches the memory, and memory
 * bound next at the same address is seen at once; for few pages, which are
 * invalidated one by one, and for many
 */
static void sample_unbind_invalidates(struct kunit *test)
{
	static const size_t sizes[] = {
		SZ_4K, SZ_64K - SZ_4K, SZ_64K, SZ_64K + SZ_4K, SZ_1M, SZ_16M,
		SZ_16M + SZ_1M + SZ_64K + SZ_4K,
	};
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *res, *anchor = sample_anchor(test, vcm);
	struct vcm_phys *old, *new;
	unsigned int i;
	size_t off;

	sample_power_on(test, t->engine);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		old = sample_phys(test, 0x80000000, sizes[i]);
		new = sample_phys(test, 0xa0000000, sizes[i]);
		res = sample_map(test, vcm, old, 0);
		for (off = 0; off < sizes[i]; off += SZ_4K)
			expect_at(test, t->engine, res->start + off,
				  0x80000000 + off);
		vcm_unbind(res);
		for (off = 0; off < sizes[i]; off += SZ_4K)
			expect_fault(test, t->engine, res->start + off);

		KUNIT_EXPECT_EQ(test, vcm_bind(res, new), 0);
		for (off = 0; off < sizes[i]; off += SZ_4K)
			expect_at(test, t->engine, res->start + off,
				  0xa0000000 + off);
		vcm_unmap(res);
		vcm_free(old);
		vcm_free(new);
		/* Another binding is not disturbed */
		expect_at(test, t->engine, anchor->start, 0x7f000000);
	}
	KUNIT_EXPECT_GT(test, t->m->stats.inv_addr, 0);
	KUNIT_EXPECT_GT(test, t->m->stats.inv_all, 0);
	vcm_unmap(anchor);
	sample_destroy(t->engine);
}

/*
 * A large page replaces a table of small ones, which is freed: the MMU keeps no
 * pointer to it
 */
static void sample_block_over_table(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *res, *anchor = sample_anchor(test, vcm);
	struct vcm_phys *small, *large;
	size_t size;

	sample_power_on(test, t->engine);
	for (size = SZ_1M; size <= SZ_16M; size *= 16) {
		small = sample_phys(test, 0x80000000, SZ_4K);
		large = sample_phys(test, 0xa0000000, size);
		res = vcm_reserve(vcm, size, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(res->start, size));

		KUNIT_EXPECT_EQ(test, vcm_bind(res, small), 0);
		expect_at(test, t->engine, res->start, 0x80000000);
		vcm_unbind(res);
		expect_fault(test, t->engine, res->start);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, large), 0);
		expect_at(test, t->engine, res->start, 0xa0000000);
		expect_at(test, t->engine, res->start + size - 1,
			  0xa0000000 + size - 1);
		vcm_unmap(res);
		vcm_free(small);
		vcm_free(large);
	}
	vcm_unmap(anchor);
	sample_destroy(t->engine);
}

#define RANDOM_SLOTS	24
#define RANDOM_STEPS	3000

/* The expected state of a reservation */
struct random_slot {
	struct vcm_res *res;
	struct vcm_phys *phys;
	dma_addr_t start;
	phys_addr_t paddr;
	size_t len;
	bool bound;
	bool write;
};

static void random_check(struct kunit *test, struct sample_test *t,
			 struct rnd_state *rnd, const struct random_slot *slot)
{
	size_t off = prandom_u32_state(rnd) % slot->len;
	phys_addr_t paddr = 0;
	bool write = prandom_u32_state(rnd) & 1;
	int ret;

	/* Prefer the ends */
	switch (prandom_u32_state(rnd) % 4) {
	case 0:
		off = 0;
		break;
	case 1:
		off = slot->len - 1;
	}
	ret = sample_model_translate(t->engine, slot->start + off, write,
				     &paddr);
	if (!slot->bound || (write && !slot->write)) {
		KUNIT_ASSERT_EQ(test, ret, -EFAULT);
		return;
	}
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_ASSERT_EQ(test, paddr, slot->paddr + off);
}

static void random_new(struct kunit *test, struct vcm *vcm,
		       struct rnd_state *rnd, struct random_slot *slot)
{
	static const size_t units[] = { SZ_4K, SZ_64K, SZ_1M, SZ_16M };
	size_t unit = units[prandom_u32_state(rnd) % ARRAY_SIZE(units)];
	unsigned int flags = prandom_u32_state(rnd) & 1 ? VCM_RES_READ : 0;

	slot->len = unit * (1 + prandom_u32_state(rnd) % 3);
	if (prandom_u32_state(rnd) & 1)
		slot->len += SZ_4K * (prandom_u32_state(rnd) % 20);
	unit = units[prandom_u32_state(rnd) % ARRAY_SIZE(units)];
	slot->paddr = SZ_256M + unit * (prandom_u32_state(rnd) % 100);
	slot->write = !flags;
	slot->phys = sample_phys(test, slot->paddr, slot->len);
	slot->res = sample_map(test, vcm, slot->phys, flags);
	slot->start = slot->res->start;
	slot->bound = true;
}

static void random_step(struct kunit *test, struct vcm *vcm,
			struct rnd_state *rnd, struct random_slot *slot)
{
	if (!slot->res) {
		random_new(test, vcm, rnd, slot);
	} else if (prandom_u32_state(rnd) & 1) {
		vcm_unmap(slot->res);
		vcm_free(slot->phys);
		memset(slot, 0, sizeof(*slot));
	} else if (slot->bound) {
		vcm_unbind(slot->res);
		slot->bound = false;
	} else {
		KUNIT_ASSERT_EQ(test, 0, vcm_bind(slot->res, slot->phys));
		slot->bound = true;
	}
}

/* Suspend and resume, or deactivate and activate, at random. */
static void random_power(struct kunit *test, struct sample_test *t,
			 struct vcm *vcm, struct rnd_state *rnd)
{
	switch (prandom_u32_state(rnd) % 64) {
	case 0:
		vcm_deactivate(vcm);
		KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
		break;
	case 1 ... 3:
		sample_rest(test, t->m, t->engine);
		sample_work(test, t->engine);
	}
}

/* Random calls have the results that a flat table of reservations predicts */
static void sample_random(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *anchor = sample_anchor(test, vcm);
	struct random_slot *slots;
	struct rnd_state rnd;
	unsigned int i, j;

	vcm_seed(test, &rnd);
	slots = kunit_kcalloc(test, RANDOM_SLOTS, sizeof(*slots), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, slots);
	sample_power_on(test, t->engine);

	for (i = 0; i < RANDOM_STEPS; i++) {
		random_step(test, vcm, &rnd,
			    &slots[prandom_u32_state(&rnd) % RANDOM_SLOTS]);
		random_power(test, t, vcm, &rnd);
		for (j = 0; j < RANDOM_SLOTS; j++)
			if (slots[j].res)
				random_check(test, t, &rnd, &slots[j]);
		expect_at(test, t->engine, anchor->start, 0x7f000000);
	}
	for (j = 0; j < RANDOM_SLOTS; j++) {
		vcm_unmap(slots[j].res);
		vcm_free(slots[j].phys);
	}
	vcm_unmap(anchor);
	sample_destroy(t->engine);
}

#define MANY_THREADS	4
#define MANY_LOOPS	200

struct many {
	struct device *engine;
	struct vcm *vcm;
	phys_addr_t paddr;
	struct completion done;
	unsigned int loops;
	const char *error;
};

static const char *many_at(struct many *many, dma_addr_t addr,
			   phys_addr_t expected, int want)
{
	phys_addr_t paddr;
	int ret = sample_model_translate(many->engine, addr, false, &paddr);

	if (ret != want)
		return want ? "reached what is unbound" : "did not reach memory";
	return want || paddr == expected ? NULL : "reached other memory";
}

static const char *many_use(struct many *many, struct vcm_res *res, size_t len)
{
	const char *error;

	if (pm_runtime_get_sync(many->engine) < 0)
		return "no power";
	error = many_at(many, res->start, many->paddr, 0) ?:
		many_at(many, res->start + len - 1, many->paddr + len - 1, 0);
	vcm_unbind(res);
	error = error ?: many_at(many, res->start, 0, -EFAULT) ?:
		many_at(many, res->start + len - 1, 0, -EFAULT);
	pm_runtime_put_sync(many->engine);
	return error;
}

static int many_thread(void *data)
{
	static const size_t lens[] = { SZ_4K, SZ_64K, SZ_1M + SZ_4K, SZ_16M };
	struct many *many = data;

	for (; many->loops < MANY_LOOPS && !many->error; many->loops++) {
		size_t len = lens[many->loops % ARRAY_SIZE(lens)];
		struct vcm_phys *phys = vcm_phys_new(1, 0, vcm_model_free,
						     NULL);
		struct vcm_res *res;

		if (IS_ERR(phys)) {
			many->error = "no memory";
			break;
		}
		phys->parts[0].paddr = many->paddr;
		phys->parts[0].len = len;
		vcm_phys_finish(phys);
		res = vcm_map(many->vcm, phys, 0);
		if (IS_ERR(res)) {
			many->error = "cannot map";
		} else {
			many->error = many_use(many, res, len);
			vcm_unmap(res);
		}
		vcm_free(phys);
	}
	complete(&many->done);
	return 0;
}

/* Threads bind, unbind, suspend and resume in parallel */
static void sample_many(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *anchor = sample_anchor(test, vcm);
	struct task_struct *thread;
	struct many *many;
	unsigned int i;

	many = kunit_kcalloc(test, MANY_THREADS, sizeof(*many), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, many);
	for (i = 0; i < MANY_THREADS; i++) {
		many[i].engine = t->engine;
		many[i].vcm = vcm;
		many[i].paddr = 0x80000000 + i * SZ_64M;
		init_completion(&many[i].done);
		thread = kthread_run(many_thread, &many[i], "vcm_sample_many");
		if (IS_ERR(thread)) {
			many[i].error = "no thread";
			complete(&many[i].done);
		}
	}
	for (i = 0; i < MANY_THREADS; i++)
		wait_for_completion(&many[i].done);
	for (i = 0; i < MANY_THREADS; i++)
		KUNIT_EXPECT_NULL_MSG(test, many[i].error, "loop %u: %s",
				      many[i].loops, many[i].error);
	vcm_unmap(anchor);
	sample_destroy(t->engine);
}

static struct kunit_case sample_cases[] = {
	KUNIT_CASE_PARAM(sample_leaves, leaf_gen_params),
	KUNIT_CASE(sample_permissions),
	KUNIT_CASE(sample_shared),
	KUNIT_CASE(sample_contig_16m),
	KUNIT_CASE(sample_cma_16m),
	KUNIT_CASE(sample_high_memory),
	KUNIT_CASE_PARAM(sample_caches, cache_gen_params),
	KUNIT_CASE(sample_unbind_invalidates),
	KUNIT_CASE(sample_block_over_table),
	KUNIT_CASE(sample_random),
	KUNIT_CASE(sample_many),
	{ }
};

static struct kunit_suite sample_suite = {
	.name = "vcm_sample",
	.init = sample_init,
	.test_cases = sample_cases,
};

kunit_test_suite(sample_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the sample SoC IOMMU");
MODULE_LICENSE("GPL");
