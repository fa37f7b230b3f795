// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the sample SoC IOMMU, drivers/vcm/vcm-sample.c, on a model of
 * its hardware, vcm_sample_model.c, which is probed through a devicetree
 * overlay. The model fails a test that misuses the hardware.
 *
 * What every context owes to whoever uses it is in the suite vcm_contract.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pm_runtime.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vcm-cma.h>
#include <linux/vcm-drv.h>
#include <linux/vcm-sample.h>

#include "../vcm-internal.h"
#include "vcm_models.h"
#include "vcm_sample_model.h"

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random test; 0: a new one for each run");

/**
 * struct sample_test - a case under way
 * @blocks: the hardware
 * @m: the first block
 * @engine: its first master
 */
struct sample_test {
	struct sample_model *blocks[SAMPLE_MODEL_BLOCKS];
	struct sample_model *m;
	struct device *engine;
};

static int sample_init(struct kunit *test)
{
	struct sample_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	if (!t)
		return -ENOMEM;
	test->priv = t;
	for (i = 0; i < SAMPLE_MODEL_BLOCKS; i++)
		t->blocks[i] = sample_model_get(test, i);
	t->m = t->blocks[0];
	t->engine = t->m->engines[0];
	return 0;
}

static struct sample_engine *to_engine(struct device *dev)
{
	return dev_get_drvdata(dev);
}

static bool sample_ignore_fault(struct vcm *vcm, dma_addr_t addr,
				unsigned int flags, void *priv)
{
	return true;
}

/* An active context; the master's driver destroys it if the case does not */
static struct vcm *sample_vcm(struct kunit *test, struct device *engine)
{
	struct vcm *vcm = vcm_sample_create(engine);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	to_engine(engine)->vcm = vcm;
	KUNIT_ASSERT_EQ(test, 0, vcm_set_fault_handler(vcm, sample_ignore_fault,
						       NULL));
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	return vcm;
}

static void sample_destroy(struct device *engine)
{
	struct vcm *vcm = to_engine(engine)->vcm;

	to_engine(engine)->vcm = NULL;
	vcm_destroy(vcm);
}

static void sample_put(void *engine)
{
	pm_runtime_put_sync(engine);
}

/* The master is at work, until the case ends */
static void sample_power_on(struct kunit *test, struct device *engine)
{
	KUNIT_ASSERT_EQ(test, 0, pm_runtime_resume_and_get(engine));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, sample_put,
							   engine));
}

/* The only master at work rests: power goes, and comes back */
static void sample_rest(struct kunit *test, struct sample_model *m,
			struct device *engine)
{
	pm_runtime_put_sync(engine);
	KUNIT_EXPECT_GE(test, pm_runtime_suspend(m->mmu), 0);
	KUNIT_EXPECT_TRUE(test, pm_runtime_suspended(m->mmu));
}

static void sample_work(struct kunit *test, struct device *engine)
{
	KUNIT_ASSERT_GE(test, pm_runtime_get_sync(engine), 0);
}

/* Memory that nobody looks at, in one piece */
static struct vcm_phys *sample_phys(struct kunit *test, phys_addr_t paddr,
				    size_t len)
{
	const struct phys_vec part = { .paddr = paddr, .len = len };

	return vcm_model_phys(test, &part, 1);
}

static struct vcm_res *sample_map(struct kunit *test, struct vcm *vcm,
				  struct vcm_phys *phys, unsigned int flags)
{
	struct vcm_res *res = vcm_map(vcm, phys, flags);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	return res;
}

/*
 * The first binding of a second context while another has a table: io-pgtable
 * names the slab caches of all its short-descriptor tables alike, about which
 * CONFIG_DEBUG_VM warns
 */
static struct vcm_res *sample_map_second(struct kunit *test, struct vcm *vcm,
					 struct vcm_phys *phys)
{
	struct vcm_res *res = NULL;

	kunit_warning_suppress(test) {
		res = vcm_map(vcm, phys, 0);
		KUNIT_EXPECT_LE(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 1);
	}
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	return res;
}

static void expect_at(struct kunit *test, struct device *engine,
		      dma_addr_t addr, phys_addr_t expected)
{
	phys_addr_t paddr = 0;

	KUNIT_EXPECT_EQ(test, 0,
			sample_model_translate(engine, addr, false, &paddr));
	KUNIT_EXPECT_EQ(test, paddr, expected);
}

static void expect_fault(struct kunit *test, struct device *engine,
			 dma_addr_t addr)
{
	phys_addr_t paddr;

	KUNIT_EXPECT_EQ(test, -EFAULT,
			sample_model_translate(engine, addr, false, &paddr));
}

/* Page sizes */

struct leaf_case {
	const char *name;
	phys_addr_t paddr;
	size_t len;
	/* the leaves that the walker has to find, in order; the last repeats */
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
 * Memory takes the largest leaves that its alignment allows, and every byte of
 * them leads where it should
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

/* A master may read what is bound for reading, and not write it */
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

		/* The format cannot withhold reading */
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

/* Memory */

static u8 pattern(u32 salt, size_t off)
{
	return (off * 31) ^ (off >> 12) ^ salt;
}

static void write_pattern(struct kunit *test, struct device *engine,
			  dma_addr_t addr, size_t len, u32 salt)
{
	u8 *buf = kunit_kmalloc(test, SZ_4K, GFP_KERNEL);
	size_t off, i;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	for (off = 0; off < len; off += SZ_4K) {
		for (i = 0; i < SZ_4K; i++)
			buf[i] = pattern(salt, off + i);
		KUNIT_ASSERT_EQ(test, 0,
				sample_model_access(engine, addr + off, buf,
						    SZ_4K, true));
	}
	kunit_kfree(test, buf);
}

static void expect_pattern(struct kunit *test, struct device *engine,
			   dma_addr_t addr, size_t len, u32 salt)
{
	u8 *buf = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);
	size_t off, i;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	for (off = 0; off < len; off += SZ_4K) {
		KUNIT_ASSERT_EQ(test, 0,
				sample_model_access(engine, addr + off, buf,
						    SZ_4K, false));
		for (i = 0; i < SZ_4K; i++)
			KUNIT_ASSERT_EQ(test, buf[i], pattern(salt, off + i));
	}
	kunit_kfree(test, buf);
}

/* What the CPU finds in the memory itself */
static void expect_pattern_cpu(struct kunit *test, const struct vcm_phys *phys,
			       u32 salt)
{
	size_t off = 0, i, n;
	unsigned int part;
	u8 *p;

	for (part = 0; part < phys->count; part++) {
		for (n = 0; n < phys->parts[part].len; n += PAGE_SIZE) {
			p = kmap_local_page(phys_to_page(phys->parts[part].paddr
							 + n));
			for (i = 0; i < PAGE_SIZE; i++)
				KUNIT_EXPECT_EQ(test, p[i],
						pattern(salt, off + i));
			kunmap_local(p);
			off += PAGE_SIZE;
		}
	}
}

/* Two masters of a block, and one of another block, share a buffer */
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

/* 16 MiB in one piece: not from the buddy allocator, from contiguous memory */
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
	KUNIT_EXPECT_EQ(test, leaf.size, SZ_16M);
	KUNIT_EXPECT_EQ(test, vcm_leaves(res), 1);
	write_pattern(test, t->engine, res->start, SZ_16M, 3);
	expect_pattern_cpu(test, phys, 3);
	vcm_unmap(res);
	vcm_free(phys);
	sample_destroy(t->engine);
}

/* 16 MiB from CMA, allocated by a context of its own */
static void sample_cma_16m(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm, *cma;
	struct sample_leaf leaf;
	struct vcm_phys *phys;
	struct vcm_res *res;

	if (!IS_ENABLED(CONFIG_VCM_CMA))
		kunit_skip(test, "CONFIG_VCM_CMA is not set");
	cma = vcm_cma_create(t->engine, NULL);
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
	/* CMA aligns to the size, or to what CONFIG_CMA_ALIGNMENT allows */
	if (IS_ALIGNED(phys->parts[0].paddr, SZ_16M))
		KUNIT_EXPECT_EQ(test, leaf.size, SZ_16M);
	else
		KUNIT_EXPECT_GE(test, leaf.size, SZ_1M);
	write_pattern(test, t->engine, res->start, SZ_16M, 4);
	expect_pattern_cpu(test, phys, 4);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_destroy(cma);
	sample_destroy(t->engine);
}

/*
 * What the format cannot point to is refused and leaves nothing behind; what
 * vcm_alloc() gives can always be bound
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

	/* Up to the last byte, and one page across */
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

/* Caches */

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

/* What was handed over last, and how often something was */
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

/* Leaves of every size; what is no memory is none, whoever looks at it */
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

/*
 * Row "cache": masters that do not snoop have memory handed over when it
 * becomes reachable and when the driver says so, and look past the caches, as
 * do the walks (the model says so when the table is told). Who snoops has
 * nothing done. A walk that does not snoop needs the DMA API for the table: where
 * there is none, nothing gets on the hardware.
 */
static void sample_caches(struct kunit *test)
{
	const struct cache_case *p = test->param_value;
	struct sample_test *t = test->priv;
	struct device *engine = t->blocks[p->block]->engines[0];
	const bool walks = !p->syncs || IS_ENABLED(CONFIG_HAS_DMA);
	struct vcm *vcm = vcm_sample_create(engine);
	struct vcm_phys *phys;
	struct vcm_res *res;
	phys_addr_t paddr;

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
	if (walks)
		expect_leaves(test, vcm, engine, res);

	vcm_unmap(res);
	vcm_free(phys);
	sample_destroy(engine);
}

/* Invalidation */

/* Keeps the MMU translating while the rest comes and goes */
static struct vcm_res *sample_anchor(struct kunit *test, struct vcm *vcm)
{
	struct vcm_phys *phys = sample_phys(test, 0x7f000000, SZ_4K);
	struct vcm_res *res = sample_map(test, vcm, phys, 0);

	vcm_free(phys);
	return res;
}

/*
 * When vcm_unbind() returns no master reaches the memory, and what is bound
 * next at the same place is seen at once: few pages, invalidated one by one,
 * and many
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
		/* What stays bound is not disturbed */
		expect_at(test, t->engine, anchor->start, 0x7f000000);
	}
	KUNIT_EXPECT_GT(test, t->m->stats.inv_addr, 0);
	KUNIT_EXPECT_GT(test, t->m->stats.inv_all, 0);
	vcm_unmap(anchor);
	sample_destroy(t->engine);
}

/*
 * Where a large page takes the place of a table of small ones, the table is
 * freed, so the MMU may keep no pointer to it
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

/* What should be where: one line for each reservation */
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

	/* The ends are worth more than the middle */
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

/* Power goes and comes; so does the translation, sometimes */
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

/* Against a flat table of what is where, everything keeps its promise */
static void sample_random(struct kunit *test)
{
	const u32 start = seed ?: get_random_u32();
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *anchor = sample_anchor(test, vcm);
	struct random_slot *slots;
	struct rnd_state rnd;
	unsigned int i, j;

	kunit_info(test, "seed %u\n", start);
	prandom_seed_state(&rnd, start);
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

/* Power */

/* Off until a master is on; the table is back whenever power is */
static void sample_runtime_pm(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *first, *second;
	unsigned long tables, ons;
	struct vcm_phys *phys;
	phys_addr_t paddr;

	sample_power_on(test, t->engine);
	sample_rest(test, t->m, t->engine);
	KUNIT_EXPECT_EQ(test, -ENXIO,
			sample_model_translate(t->engine, 0, false, &paddr));

	/* Without power only the table is written */
	tables = t->m->stats.tables;
	ons = t->m->stats.power_ons;
	first = sample_anchor(test, vcm);
	KUNIT_EXPECT_EQ(test, t->m->stats.tables, tables);
	KUNIT_EXPECT_EQ(test, t->m->stats.power_ons, ons);

	sample_work(test, t->engine);
	KUNIT_EXPECT_EQ(test, t->m->stats.power_ons, ons + 1);
	KUNIT_EXPECT_EQ(test, t->m->stats.tables, tables + 1);
	expect_at(test, t->engine, first->start, 0x7f000000);

	/* What changes while power is off is what is there when it is back */
	phys = sample_phys(test, 0x80000000, SZ_64K);
	second = sample_map(test, vcm, phys, 0);
	expect_at(test, t->engine, second->start, 0x80000000);
	sample_rest(test, t->m, t->engine);
	vcm_unbind(second);
	sample_work(test, t->engine);
	expect_fault(test, t->engine, second->start);
	expect_at(test, t->engine, first->start, 0x7f000000);
	KUNIT_EXPECT_EQ(test, vcm_bind(second, phys), 0);
	expect_at(test, t->engine, second->start, 0x80000000);

	vcm_unmap(second);
	vcm_unmap(first);
	vcm_free(phys);
	sample_destroy(t->engine);
}

#ifdef CONFIG_PM_SLEEP
/* System sleep with memory bound: the table is back when it ends */
static void sample_system_sleep(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	const struct dev_pm_ops *pm = t->m->mmu->driver->pm;
	struct vcm_res *res = sample_anchor(test, vcm);
	unsigned long ons;

	sample_power_on(test, t->engine);
	expect_at(test, t->engine, res->start, 0x7f000000);
	ons = t->m->stats.power_ons;

	KUNIT_ASSERT_NOT_NULL(test, pm->suspend);
	/* As the core does before */
	pm_runtime_get_noresume(t->engine);
	pm_runtime_get_noresume(t->m->mmu);
	KUNIT_EXPECT_EQ(test, 0, pm_runtime_force_suspend(t->engine));
	KUNIT_EXPECT_EQ(test, 0, pm->suspend(t->m->mmu));
	KUNIT_EXPECT_EQ(test, -ENXIO,
			sample_model_access(t->engine, res->start, &ons, 1,
					    false));
	KUNIT_EXPECT_EQ(test, 0, pm->resume(t->m->mmu));
	KUNIT_EXPECT_EQ(test, 0, pm_runtime_force_resume(t->engine));
	pm_runtime_put_sync(t->m->mmu);
	pm_runtime_put_sync(t->engine);
	KUNIT_EXPECT_EQ(test, t->m->stats.power_ons, ons + 1);
	expect_at(test, t->engine, res->start, 0x7f000000);

	vcm_unmap(res);
	sample_destroy(t->engine);
}
#endif

/* Masters and contexts */

/* An MMU serves one context at a time */
static void sample_busy(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct device *second = t->m->engines[1];
	struct vcm *vcm = sample_vcm(test, t->engine), *other;

	KUNIT_EXPECT_PTR_EQ(test, vcm_sample_create(t->engine),
			    ERR_PTR(-EBUSY));
	KUNIT_EXPECT_PTR_EQ(test, vcm_sample_create(second), ERR_PTR(-EBUSY));
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, t->engine), -EALREADY);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, t->blocks[1]->engines[0]),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, t->m->dev), -ENODEV);

	/* Free as soon as no master sees the first, even if it is in use */
	vcm_detach(vcm, t->engine);
	other = vcm_sample_create(second);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, t->engine), -EBUSY);
	vcm_destroy(other);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, t->engine), 0);
	sample_destroy(t->engine);
}

/* A context out of sight translates for nobody, and is whole afterwards */
static void sample_detached(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine), *other;
	struct vcm_res *res = sample_anchor(test, vcm), *mine;
	struct vcm_phys *phys = sample_phys(test, 0xb0000000, SZ_4K);
	struct device *second = t->m->engines[1];

	sample_power_on(test, t->engine);
	expect_at(test, t->engine, res->start, 0x7f000000);
	vcm_detach(vcm, t->engine);
	expect_fault(test, t->engine, res->start);

	other = sample_vcm(test, second);
	mine = sample_map_second(test, other, phys);
	KUNIT_ASSERT_EQ(test, mine->start, res->start);
	expect_at(test, second, mine->start, 0xb0000000);
	/* Changes of one are none of the other */
	vcm_unbind(res);
	expect_at(test, second, mine->start, 0xb0000000);
	/* A second table, see sample_map_second() */
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
		KUNIT_EXPECT_LE(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 1);
	}
	vcm_unmap(mine);
	expect_fault(test, second, res->start);
	sample_destroy(second);

	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, t->engine), 0);
	expect_at(test, t->engine, res->start, 0xb0000000);
	vcm_unmap(res);
	vcm_free(phys);
	sample_destroy(t->engine);
}

/* A device gets no address that its DMA mask does not have */
static void sample_mask(struct kunit *test)
{
	struct sample_test *t = test->priv;
	u64 mask = DMA_BIT_MASK(24), *old = t->engine->dma_mask;
	struct vcm_res *res;
	struct vcm *vcm;

	t->engine->dma_mask = &mask;
	vcm = vcm_sample_create(t->engine);
	t->engine->dma_mask = old;
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	to_engine(t->engine)->vcm = vcm;
	KUNIT_EXPECT_PTR_EQ(test, vcm_reserve(vcm, SZ_16M + SZ_4K, 0),
			    ERR_PTR(-ENOSPC));
	res = vcm_reserve(vcm, SZ_16M, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, res->start, 0);
	vcm_unreserve(res);
	sample_destroy(t->engine);
}

/* A device of another MMU is refused as that, and what it is like does not matter */
static void sample_other_mmu(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct device *other = t->blocks[1]->engines[0];
	u64 mask = DMA_BIT_MASK(24), *old = other->dma_mask;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *res = vcm_reserve(vcm, SZ_32M, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	other->dma_mask = &mask;
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, other), -EINVAL);
	other->dma_mask = old;
	vcm_unreserve(res);
	sample_destroy(t->engine);
}

/* When things go away */

/*
 * Unbinding the MMU's driver unbinds those of its masters first. Reservations
 * may outlive both; dropping them touches no hardware
 */
static void sample_driver_goes(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct device *mmu = t->m->mmu;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *bound, *made;
	struct vcm_phys *phys;

	KUNIT_ASSERT_GE(test, pm_runtime_get_sync(t->engine), 0);
	bound = sample_anchor(test, vcm);
	made = vcm_make_binding(vcm, SZ_2M, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, made);
	write_pattern(test, t->engine, made->start, SZ_2M, 5);
	phys = vcm_phys_get(made->phys);

	device_release_driver(mmu);
	KUNIT_EXPECT_NULL(test, mmu->driver);
	KUNIT_EXPECT_NULL(test, t->engine->driver);
	KUNIT_EXPECT_NE(test, 0,
			sample_model_access(t->engine, made->start, &vcm, 1,
					    false));
	KUNIT_EXPECT_EQ(test, vcm_bind(bound, phys), -ENODEV);
	vcm_unbind(bound);
	expect_pattern_cpu(test, phys, 5);
	vcm_unmap(bound);
	vcm_destroy_binding(made);
	vcm_phys_put(phys);

	/* And both can come back */
	KUNIT_EXPECT_EQ(test, device_attach(mmu), 1);
	KUNIT_EXPECT_EQ(test, device_attach(t->engine), 1);
	vcm = sample_vcm(test, t->engine);
	bound = sample_anchor(test, vcm);
	sample_power_on(test, t->engine);
	expect_at(test, t->engine, bound->start, 0x7f000000);
	vcm_unmap(bound);
	sample_destroy(t->engine);
}

/*
 * A master whose driver forgets its context must not make the MMU's driver
 * touch what is no longer there
 */
static void sample_context_forgotten(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_phys *phys = sample_phys(test, 0x80000000, SZ_1M);
	struct vcm_res *res = sample_anchor(test, vcm);

	to_engine(t->engine)->vcm = NULL;
	device_release_driver(t->m->mmu);
	KUNIT_EXPECT_NE(test, 0,
			sample_model_access(t->engine, res->start, &vcm, 1,
					    false));

	/* With a table and without */
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-ENODEV));
	vcm_unmap(res);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-ENODEV));
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, t->m->engines[1]), -ENODEV);
	vcm_destroy(vcm);
	vcm_free(phys);
}

/* Without an MMU, and before its driver is there */
static void sample_no_mmu(struct kunit *test)
{
	struct sample_test *t = test->priv;

	KUNIT_EXPECT_PTR_EQ(test, vcm_sample_create(NULL), ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, vcm_sample_create(t->m->dev),
			    ERR_PTR(-ENODEV));
	device_release_driver(t->m->mmu);
	KUNIT_EXPECT_PTR_EQ(test, vcm_sample_create(t->engine),
			    ERR_PTR(-EPROBE_DEFER));
}

static irqreturn_t sample_other_irq(int irq, void *data)
{
	return IRQ_NONE;
}

static void expect_no_probe(struct kunit *test, struct sample_test *t)
{
	KUNIT_EXPECT_NE(test, device_attach(t->m->mmu), 1);
	KUNIT_EXPECT_NULL(test, t->m->mmu->driver);
	KUNIT_EXPECT_PTR_EQ(test, vcm_sample_create(t->engine),
			    ERR_PTR(-EPROBE_DEFER));
}

/* A probe that fails leaves nothing behind that would make the next one fail */
static void sample_probe_errors(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm_res *res;

	device_release_driver(t->m->mmu);
	t->m->reg_error = -EIO;
	expect_no_probe(test, t);
	t->m->reg_error = 0;

	t->m->hang = true;
	expect_no_probe(test, t);
	t->m->hang = false;

	KUNIT_ASSERT_EQ(test, 0, request_irq(t->m->irq, sample_other_irq, 0,
					     "vcm-sample-other", t));
	expect_no_probe(test, t);
	free_irq(t->m->irq, t);

	KUNIT_EXPECT_EQ(test, device_attach(t->m->mmu), 1);
	if (!t->engine->driver)
		KUNIT_ASSERT_EQ(test, device_attach(t->engine), 1);
	res = sample_anchor(test, sample_vcm(test, t->engine));
	sample_power_on(test, t->engine);
	expect_at(test, t->engine, res->start, 0x7f000000);
	vcm_unmap(res);
	sample_destroy(t->engine);
}

/*
 * Hardware that does not finish an invalidation is switched off, so that no
 * master reaches what was taken away; it is back with the next power-on
 */
static void sample_hangs(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_phys *phys = sample_phys(test, 0x80000000, SZ_64K);
	struct vcm_res *anchor = sample_anchor(test, vcm);
	struct vcm_res *res = sample_map(test, vcm, phys, 0);

	sample_power_on(test, t->engine);
	expect_at(test, t->engine, res->start, 0x80000000);
	t->m->hang = true;
	vcm_unbind(res);
	expect_fault(test, t->engine, res->start);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EIO);
	t->m->hang = false;

	sample_rest(test, t->m, t->engine);
	sample_work(test, t->engine);
	expect_fault(test, t->engine, res->start);
	expect_at(test, t->engine, anchor->start, 0x7f000000);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_at(test, t->engine, res->start, 0x80000000);
	vcm_unmap(res);
	vcm_unmap(anchor);
	vcm_free(phys);
	sample_destroy(t->engine);
}

/* When the bus stops to answer, nothing of the MMU can be changed any more */

/* Memory that the master uses, so that the TLB has it */
static struct vcm_res *sample_used(struct kunit *test, struct vcm *vcm,
				   struct device *engine)
{
	struct vcm_phys *phys = vcm_alloc(vcm, SZ_4K, 0);
	struct vcm_res *res;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = sample_map(test, vcm, phys, 0);
	expect_at(test, engine, res->start, phys->parts[0].paddr);
	return res;
}

/* A master that rests is attached without being woken up: that may take locks */
static void sample_master_rests(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_phys *phys;
	struct vcm_res *res;

	KUNIT_EXPECT_TRUE(test, pm_runtime_suspended(t->engine));
	KUNIT_EXPECT_TRUE(test, pm_runtime_suspended(t->m->mmu));
	sample_power_on(test, t->engine);
	res = sample_used(test, vcm, t->engine);
	phys = res->phys;
	vcm_unmap(res);
	vcm_free(phys);
}

static int sample_resume_creates(struct device *engine)
{
	struct vcm *vcm = vcm_sample_create(engine);

	if (IS_ERR(vcm))
		return PTR_ERR(vcm);
	to_engine(engine)->vcm = vcm;
	return 0;
}

/*
 * A master that is attached while it is being resumed has the MMU powered when
 * it is active, with a device link of an earlier time and without, and the MMU
 * goes off with it
 */
static void sample_master_resumes(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct sample_engine *engine = to_engine(t->engine);
	struct vcm_phys *phys;
	struct vcm_res *res;
	unsigned int i;

	engine->resume = sample_resume_creates;
	for (i = 0; i < 2; i++) {
		sample_work(test, t->engine);
		KUNIT_ASSERT_NOT_NULL(test, engine->vcm);
		KUNIT_EXPECT_TRUE(test, pm_runtime_active(t->m->mmu));
		KUNIT_EXPECT_EQ(test, 0, vcm_activate(engine->vcm));
		res = sample_used(test, engine->vcm, t->engine);
		phys = res->phys;
		vcm_unmap(res);
		vcm_free(phys);
		sample_destroy(t->engine);
		sample_rest(test, t->m, t->engine);
	}
	engine->resume = NULL;
}

/* The master reaches @phys still: neither it nor its addresses are for others */
static void expect_kept(struct kunit *test, struct vcm_res *res,
			struct vcm_phys *phys)
{
	struct vcm_addr_info info;

	KUNIT_EXPECT_EQ(test, 0, vcm_lookup_info(res->vcm, res->start, &info));
	KUNIT_EXPECT_TRUE(test, info.res.quarantined);
	/* The quarantine's, and that of whoever calls */
	KUNIT_EXPECT_EQ(test, refcount_read(&phys->refs), 2);
}

/*
 * A context in quarantine keeps its table for good. When nobody walks that any
 * more the test frees it, or every later one is a second, see
 * sample_map_second()
 */
static void sample_drop_table(struct vcm *vcm)
{
	container_of(vcm->driver, struct vcm_mmu_driver, vcm)->stop(vcm);
}

static void sample_power_cycle(struct kunit *test, struct sample_test *t)
{
	t->m->reg_error = 0;
	t->m->keep_power = false;
	sample_rest(test, t->m, t->engine);
	sample_work(test, t->engine);
}

/* A new context of the block does what it should */
static void expect_recovered(struct kunit *test, struct sample_test *t)
{
	struct vcm_res *res;
	struct vcm *vcm;

	vcm = sample_vcm(test, t->engine);
	res = sample_used(test, vcm, t->engine);
	vcm_free(res->phys);
	vcm_unbind(res);
	expect_fault(test, t->engine, res->start);
	vcm_unreserve(res);
	KUNIT_EXPECT_EQ(test, vcm->quarantined, 0);
	sample_destroy(t->engine);
}

/*
 * Row quarantine: what is unbound then stays the master's, whatever becomes of
 * the context and of the driver, which can be unbound and come back
 */
static void sample_bus_dies(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_phys *phys, *late;
	struct vcm_res *res, *last;

	sample_power_on(test, t->engine);
	res = sample_used(test, vcm, t->engine);
	last = sample_used(test, vcm, t->engine);
	phys = res->phys;
	late = last->phys;

	t->m->reg_error = -EIO;
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	expect_kept(test, res, phys);
	expect_at(test, t->engine, res->start, phys->parts[0].paddr);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-EIO));

	/* No master sees the context, and yet it is reached */
	vcm_detach(vcm, t->engine);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(last), late);
	expect_kept(test, last, late);
	KUNIT_EXPECT_PTR_EQ(test, vcm_sample_create(t->engine),
			    ERR_PTR(-ENODEV));
	vcm_unreserve(res);
	vcm_unreserve(last);
	sample_destroy(t->engine);

	t->m->reg_error = 0;
	device_release_driver(t->m->mmu);
	KUNIT_EXPECT_NULL(test, t->m->mmu->driver);
	vcm_free(phys);
	vcm_free(late);
	KUNIT_EXPECT_EQ(test, refcount_read(&phys->refs), 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&late->refs), 1);
	sample_drop_table(vcm);

	KUNIT_EXPECT_EQ(test, device_attach(t->m->mmu), 1);
	KUNIT_ASSERT_EQ(test, device_attach(t->engine), 1);
	/* It is held, but its driver has not woken it up */
	KUNIT_ASSERT_GE(test, pm_runtime_resume(t->engine), 0);
	expect_recovered(test, t);
}

/* Where a table of small pages was, so that a large page replaces that */
static struct vcm_res *sample_replace(struct kunit *test, struct vcm *vcm,
				      struct device *engine)
{
	struct vcm_phys *small = sample_phys(test, 0x80000000, SZ_4K);
	struct vcm_res *res = vcm_reserve(vcm, SZ_1M, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, small), 0);
	expect_at(test, engine, res->start, 0x80000000);
	vcm_unbind(res);
	vcm_free(small);
	return res;
}

/*
 * A bind does not succeed on hardware that stops answering in the middle of it:
 * it is off afterwards, or the memory is kept
 */
static void sample_bind_fails(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *res, *anchor = sample_anchor(test, vcm);
	struct vcm_phys *large = sample_phys(test, 0xa0000000, SZ_1M);

	sample_power_on(test, t->engine);
	res = sample_replace(test, vcm, t->engine);
	t->m->hang = true;
	KUNIT_EXPECT_EQ(test, vcm_bind(res, large), -EIO);
	KUNIT_EXPECT_EQ(test, vcm->quarantined, 0);
	expect_fault(test, t->engine, res->start);
	t->m->hang = false;
	sample_power_cycle(test, t);
	expect_fault(test, t->engine, res->start);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, large), 0);
	expect_at(test, t->engine, res->start, 0xa0000000);
	vcm_unmap(res);

	res = sample_replace(test, vcm, t->engine);
	t->m->reg_error = -EIO;
	KUNIT_EXPECT_EQ(test, vcm_bind(res, large), -EIO);
	expect_kept(test, res, large);
	sample_power_cycle(test, t);
	expect_at(test, t->engine, anchor->start, 0x7f000000);
	vcm_unreserve(res);
	vcm_unmap(anchor);
	sample_destroy(t->engine);
	vcm_free(large);
	sample_drop_table(vcm);
	expect_recovered(test, t);
}

/* It is off then by whatever still got through, or the memory is kept */
static bool bus_dies_after(struct kunit *test, struct sample_test *t,
			   unsigned int answers)
{
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *res = sample_used(test, vcm, t->engine);
	struct vcm_phys *phys = res->phys;
	phys_addr_t paddr;

	t->m->reg_answers = answers;
	t->m->reg_error = -EIO;
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	if (vcm->quarantined)
		expect_kept(test, res, phys);
	else
		expect_fault(test, t->engine, res->start);
	/* Where it looks now for a translation there still is a table */
	sample_model_translate(t->engine, res->start + SZ_1M, false, &paddr);
	vcm_unreserve(res);
	sample_destroy(t->engine);
	sample_model_translate(t->engine, SZ_2M, false, &paddr);
	vcm_free(phys);

	answers = t->m->reg_answers;
	t->m->reg_answers = 0;
	sample_power_cycle(test, t);
	expect_recovered(test, t);
	return !answers;
}

/* At each access to a register that unbinding and stopping takes */
static void sample_bus_dies_anywhere(struct kunit *test)
{
	struct sample_test *t = test->priv;
	unsigned int answers = 0;

	/* Tables stay, see sample_map_second() */
	if (IS_ENABLED(CONFIG_DEBUG_VM))
		kunit_skip(test, "CONFIG_DEBUG_VM would warn in later tests");
	sample_power_on(test, t->engine);
	while (bus_dies_after(test, t, answers))
		answers++;
	/* Invalidation, its end, and off */
	KUNIT_EXPECT_GT(test, answers, 6);
}

static void expect_stuck(struct kunit *test, struct vcm_res *res)
{
	struct vcm_phys *phys = res->phys;

	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	expect_kept(test, res, phys);
	vcm_unreserve(res);
	vcm_free(phys);
}

/*
 * Asleep, but not without power, what was on before is on still. Nobody tells
 * the driver when power has gone; registers are not touched to find out
 */
static void sample_bus_dies_asleep(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_res *res, *other;
	phys_addr_t paddr;

	sample_power_on(test, t->engine);
	res = sample_used(test, vcm, t->engine);
	other = sample_used(test, vcm, t->engine);
	paddr = other->phys->parts[0].paddr;
	t->m->keep_power = true;
	t->m->reg_error = -EIO;
	sample_rest(test, t->m, t->engine);
	expect_at(test, t->engine, other->start, paddr);
	expect_stuck(test, res);

	/* When it answers again nothing is left of that */
	t->m->reg_error = 0;
	sample_work(test, t->engine);
	expect_at(test, t->engine, other->start, paddr);

	t->m->keep_power = false;
	t->m->reg_error = -EIO;
	sample_rest(test, t->m, t->engine);
	t->m->reg_error = 0;
	expect_stuck(test, other);
	sample_work(test, t->engine);
	sample_destroy(t->engine);
	sample_drop_table(vcm);
	expect_recovered(test, t);
}

/* Faults */

struct fault_log {
	struct vcm *vcm;
	struct completion seen;
	unsigned int nr;
	dma_addr_t addr;
	unsigned int flags;
	unsigned int strange;
};

static bool fault_note(struct vcm *vcm, dma_addr_t addr, unsigned int flags,
		       void *priv)
{
	struct fault_log *log = priv;

	if (vcm != READ_ONCE(log->vcm))
		log->strange++;
	log->nr++;
	log->addr = addr;
	log->flags = flags;
	complete(&log->seen);
	return true;
}

static void expect_report(struct kunit *test, struct fault_log *log,
			  struct device *engine, dma_addr_t addr, bool write)
{
	const unsigned int nr = log->nr;
	phys_addr_t paddr;

	reinit_completion(&log->seen);
	KUNIT_EXPECT_EQ(test, -EFAULT,
			sample_model_translate(engine, addr, write, &paddr));
	KUNIT_ASSERT_NE(test, 0,
			wait_for_completion_timeout(&log->seen, 10 * HZ));
	KUNIT_EXPECT_EQ(test, log->nr, nr + 1);
	KUNIT_EXPECT_EQ(test, log->addr, addr);
	KUNIT_EXPECT_EQ(test, log->flags,
			write ? VCM_FAULT_WRITE : VCM_FAULT_READ);
	/* The next one is recorded when the thread is through with this one */
	synchronize_irq(sample_model_of(engine)->irq);
}

/* The interrupt tells the address, and what the master tried, of each fault */
static void sample_fault(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct vcm *vcm = sample_vcm(test, t->engine);
	struct vcm_phys *phys = sample_phys(test, 0x80000000, SZ_64K);
	struct vcm_res *res = sample_map(test, vcm, phys, VCM_RES_READ);
	struct fault_log *log = kunit_kzalloc(test, sizeof(*log), GFP_KERNEL);
	dma_addr_t after = res->start + SZ_64K;
	phys_addr_t paddr;

	KUNIT_ASSERT_NOT_NULL(test, log);
	init_completion(&log->seen);
	log->vcm = vcm;
	KUNIT_ASSERT_EQ(test, 0, vcm_set_fault_handler(vcm, fault_note, log));
	sample_power_on(test, t->engine);

	expect_at(test, t->engine, res->start, 0x80000000);
	KUNIT_EXPECT_EQ(test, log->nr, 0);
	expect_report(test, log, t->engine, after, false);
	expect_report(test, log, t->engine, after + 0x123, true);
	expect_report(test, log, t->engine, 0xfffffffe, false);
	expect_report(test, log, t->engine, res->start + 5, true);
	KUNIT_EXPECT_EQ(test, log->strange, 0);

	/* Without a binding it walks no table any more: no fault, but refusal */
	KUNIT_EXPECT_EQ(test, t->m->stats.refused, 0);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, -EFAULT,
			sample_model_translate(t->engine, after, false,
					       &paddr));
	KUNIT_EXPECT_EQ(test, t->m->stats.refused, 1);
	KUNIT_EXPECT_EQ(test, t->m->stats.faults, 4);
	vcm_free(phys);
	sample_destroy(t->engine);
}

/* A master that tries addresses as fast as it can */
static int fault_storm(void *data)
{
	struct device *engine = data;
	phys_addr_t paddr;

	while (!kthread_should_stop()) {
		sample_model_translate(engine, 0xe0000000, true, &paddr);
		cond_resched();
	}
	return 0;
}

/* No fault is reported to a context that has been destroyed */
static void sample_fault_destroy(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct fault_log *log = kunit_kzalloc(test, sizeof(*log), GFP_KERNEL);
	struct task_struct *storm;
	struct vcm_res *res;
	struct vcm *vcm;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, log);
	init_completion(&log->seen);
	sample_power_on(test, t->engine);
	storm = kthread_run(fault_storm, t->engine, "vcm_sample_storm");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, storm);

	for (i = 0; i < 100; i++) {
		vcm = vcm_sample_create(t->engine);
		if (IS_ERR(vcm)) {
			KUNIT_FAIL(test, "no context: %pe", vcm);
			break;
		}
		WRITE_ONCE(log->vcm, vcm);
		KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
		KUNIT_EXPECT_EQ(test, 0,
				vcm_set_fault_handler(vcm, fault_note, log));
		reinit_completion(&log->seen);
		res = vcm_make_binding(vcm, SZ_64K, 0, 0);
		KUNIT_EXPECT_NOT_ERR_OR_NULL(test, res);
		wait_for_completion_timeout(&log->seen, 10 * HZ);
		/* Bound to the end */
		vcm_destroy(vcm);
		WRITE_ONCE(log->vcm, NULL);
		vcm_destroy_binding(res);
	}
	kthread_stop(storm);
	KUNIT_EXPECT_GE(test, log->nr, i);
	KUNIT_EXPECT_EQ(test, log->strange, 0);
}

/**
 * struct fault_stall - a fault that takes its time
 * @m: the model
 * @entered: it is being reported
 * @off: and meanwhile translation was switched off
 */
struct fault_stall {
	struct sample_model *m;
	struct completion entered;
	bool off;
};

static bool fault_stall(struct vcm *vcm, dma_addr_t addr, unsigned int flags,
			void *priv)
{
	const ktime_t end = ktime_add_ms(ktime_get(), 50);
	struct fault_stall *stall = priv;

	complete(&stall->entered);
	while (!stall->off && ktime_before(ktime_get(), end)) {
		cpu_relax();
		stall->off = !READ_ONCE(stall->m->ctrl);
	}
	return true;
}

/* A context does not end while a fault is being reported to it */
static void sample_fault_stalls(struct kunit *test)
{
	struct sample_test *t = test->priv;
	struct fault_stall *stall;
	struct vcm_res *res;
	struct vcm *vcm;
	phys_addr_t paddr;

	if (num_online_cpus() == 1)
		kunit_skip(test, "takes two CPUs");
	stall = kunit_kzalloc(test, sizeof(*stall), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, stall);
	stall->m = t->m;
	init_completion(&stall->entered);

	vcm = sample_vcm(test, t->engine);
	res = vcm_make_binding(vcm, SZ_64K, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_ASSERT_EQ(test, 0,
			vcm_set_fault_handler(vcm, fault_stall, stall));
	sample_power_on(test, t->engine);
	KUNIT_EXPECT_EQ(test, -EFAULT,
			sample_model_translate(t->engine, res->start + SZ_64K,
					       false, &paddr));
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&stall->entered,
							    10 * HZ));
	sample_destroy(t->engine);
	KUNIT_EXPECT_FALSE(test, stall->off);
	KUNIT_EXPECT_EQ(test, t->m->ctrl, 0);
	vcm_destroy_binding(res);
}

/* Many at once */

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
		struct vcm_phys *phys = vcm_phys_new(1, 0,
						     &vcm_model_phys_ops,
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

/* Bindings, invalidations and power come and go in parallel */
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
	KUNIT_CASE(sample_runtime_pm),
	KUNIT_CASE(sample_master_rests),
	KUNIT_CASE(sample_master_resumes),
#ifdef CONFIG_PM_SLEEP
	KUNIT_CASE(sample_system_sleep),
#endif
	KUNIT_CASE(sample_busy),
	KUNIT_CASE(sample_detached),
	KUNIT_CASE(sample_mask),
	KUNIT_CASE(sample_other_mmu),
	KUNIT_CASE(sample_driver_goes),
	KUNIT_CASE(sample_context_forgotten),
	KUNIT_CASE(sample_no_mmu),
	KUNIT_CASE(sample_probe_errors),
	KUNIT_CASE(sample_hangs),
	KUNIT_CASE(sample_bind_fails),
	KUNIT_CASE(sample_bus_dies),
	KUNIT_CASE(sample_bus_dies_anywhere),
	KUNIT_CASE(sample_bus_dies_asleep),
	KUNIT_CASE(sample_fault),
	KUNIT_CASE(sample_fault_destroy),
	KUNIT_CASE(sample_fault_stalls),
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
