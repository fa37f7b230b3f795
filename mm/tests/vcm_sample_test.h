/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the KUnit suites of the sample SoC IOMMU, drivers/vcm/vcm-sample.c.
 *
 * They run on a model of its hardware, vcm_sample_model.c, which is probed
 * through a devicetree overlay. The model fails a test that misuses the
 * hardware. The promises to users of a context are in the suite vcm_contract.
 */
#ifndef _MM_TESTS_VCM_SAMPLE_TEST_H
#define _MM_TESTS_VCM_SAMPLE_TEST_H

#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pm_runtime.h>
#include <linux/sizes.h>
#include <linux/vcm-drv.h>
#include <linux/vcm-sample.h>

#include "vcm_models.h"
#include "vcm_sample_model.h"

/**
 * struct sample_test - state of a case
 * @blocks: the hardware
 * @m: the first block
 * @engine: its first device
 */
struct sample_test {
	struct sample_model *blocks[SAMPLE_MODEL_BLOCKS];
	struct sample_model *m;
	struct device *engine;
};

static inline int sample_init(struct kunit *test)
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

static inline struct sample_engine *to_engine(struct device *dev)
{
	return dev_get_drvdata(dev);
}

static inline bool sample_ignore_fault(struct vcm *vcm, dma_addr_t addr,
				       unsigned int flags, void *priv)
{
	return true;
}

/*
 * Make an active context; the device's driver destroys it if the case does not.
 */
static inline struct vcm *sample_vcm(struct kunit *test, struct device *engine)
{
	struct vcm *vcm = vcm_sample_create(engine);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	to_engine(engine)->vcm = vcm;
	KUNIT_ASSERT_EQ(test, 0, vcm_set_fault_handler(vcm, sample_ignore_fault,
						       NULL));
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	return vcm;
}

static inline void sample_destroy(struct device *engine)
{
	struct vcm *vcm = to_engine(engine)->vcm;

	to_engine(engine)->vcm = NULL;
	vcm_destroy(vcm);
}

static inline void sample_put(void *engine)
{
	pm_runtime_put_sync(engine);
}

/* Keep a device powered until the case ends. */
static inline void sample_power_on(struct kunit *test, struct device *engine)
{
	KUNIT_ASSERT_EQ(test, 0, pm_runtime_resume_and_get(engine));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, sample_put,
							   engine));
}

/*
 * Suspend the only active device, and with it the MMU; sample_work() resumes
 * both.
 */
static inline void sample_rest(struct kunit *test, struct sample_model *m,
			       struct device *engine)
{
	pm_runtime_put_sync(engine);
	KUNIT_EXPECT_GE(test, pm_runtime_suspend(m->mmu), 0);
	KUNIT_EXPECT_TRUE(test, pm_runtime_suspended(m->mmu));
}

static inline void sample_work(struct kunit *test, struct device *engine)
{
	KUNIT_ASSERT_GE(test, pm_runtime_get_sync(engine), 0);
}

/* Make an allocation of one part that no test reads or writes. */
static inline struct vcm_phys *sample_phys(struct kunit *test,
					   phys_addr_t paddr, size_t len)
{
	const struct phys_vec part = { .paddr = paddr, .len = len };

	return vcm_model_phys(test, &part, 1);
}

static inline struct vcm_res *sample_map(struct kunit *test, struct vcm *vcm,
					 struct vcm_phys *phys, unsigned int flags)
{
	struct vcm_res *res = vcm_map(vcm, phys, flags);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	return res;
}

/*
 * Make the first binding of a second context while another has a table. io-
 * pgtable gives the slab caches of all its short-descriptor tables the same
 * name, about which CONFIG_DEBUG_VM warns.
 */
static inline struct vcm_res *sample_map_second(struct kunit *test,
						struct vcm *vcm, struct vcm_phys *phys)
{
	struct vcm_res *res = NULL;

	kunit_warning_suppress(test) {
		res = vcm_map(vcm, phys, 0);
		KUNIT_EXPECT_LE(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 1);
	}
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	return res;
}

static inline void expect_at(struct kunit *test, struct device *engine,
			     dma_addr_t addr, phys_addr_t expected)
{
	phys_addr_t paddr = 0;

	KUNIT_EXPECT_EQ(test, 0,
			sample_model_translate(engine, addr, false, &paddr));
	KUNIT_EXPECT_EQ(test, paddr, expected);
}

static inline void expect_fault(struct kunit *test, struct device *engine,
				dma_addr_t addr)
{
	phys_addr_t paddr;

	KUNIT_EXPECT_EQ(test, -EFAULT,
			sample_model_translate(engine, addr, false, &paddr));
}

static inline u8 pattern(u32 salt, size_t off)
{
	return (off * 31) ^ (off >> 12) ^ salt;
}

static inline void write_pattern(struct kunit *test, struct device *engine,
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

static inline void expect_pattern(struct kunit *test, struct device *engine,
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

/* Check the memory itself. */
static inline void expect_pattern_cpu(struct kunit *test,
				      const struct vcm_phys *phys, u32 salt)
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

/* Make a binding that keeps the MMU translating while others change. */
static inline struct vcm_res *sample_anchor(struct kunit *test, struct vcm *vcm)
{
	struct vcm_phys *phys = sample_phys(test, 0x7f000000, SZ_4K);
	struct vcm_res *res = sample_map(test, vcm, phys, 0);

	vcm_free(phys);
	return res;
}

/* Bind memory and access it by the device, so that the TLB has it. */
static inline struct vcm_res *sample_used(struct kunit *test, struct vcm *vcm,
					  struct device *engine)
{
	struct vcm_phys *phys = vcm_alloc(vcm, SZ_4K, 0);
	struct vcm_res *res;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = sample_map(test, vcm, phys, 0);
	expect_at(test, engine, res->start, phys->parts[0].paddr);
	return res;
}

#endif /* _MM_TESTS_VCM_SAMPLE_TEST_H */
