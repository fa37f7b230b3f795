/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the KUnit suites of Virtual Contiguous Memory contexts behind
 * IOMMUs: memory, contexts, and accesses of devices.
 *
 * What a device reaches is read from the fake hardware, never from the code
 * under test. At the end of a case every fake IOMMU checks that it was not
 * misused and that all its domains were freed.
 */
#ifndef _MM_TESTS_VCM_IOMMU_TEST_H
#define _MM_TESTS_VCM_IOMMU_TEST_H

#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/sort.h>
#include <linux/vcm-drv.h>
#include <linux/vcm-iommu.h>

#include "vcm_fakeiommu.h"

/* In most cases: IOMMUs that cannot share a page table */
static const struct fakeiommu_cfg cfg_refuses __maybe_unused = {
	.refuses = true,
};

/**
 * struct pair - two IOMMUs and a device behind each
 * @a: IOMMU 0
 * @b: IOMMU 1
 * @one: a device behind @a
 * @two: a device behind @b
 */
struct pair {
	struct fakeiommu *a;
	struct fakeiommu *b;
	struct device *one;
	struct device *two;
};

static inline struct pair pair_create(struct kunit *test,
				      const struct fakeiommu_cfg *a,
				      const struct fakeiommu_cfg *b)
{
	struct pair p;

	p.a = fakeiommu_create(test, 0, a);
	p.b = fakeiommu_create(test, 1, b);
	p.one = fakeiommu_master_create(test, 0);
	p.two = fakeiommu_master_create(test, 1);
	return p;
}

static inline long count(const atomic_long_t *what)
{
	return atomic_long_read(what);
}

/* Memory in single pages, in descending order so that none can be joined */

static inline void pages_free(struct vcm_phys *phys)
{
	unsigned int i;

	for (i = 0; i < phys->count; i++)
		__free_page(phys_to_page(phys->parts[i].paddr));
}

static inline int pages_cmp(const void *a, const void *b)
{
	const struct phys_vec *x = a, *y = b;

	return x->paddr < y->paddr ? 1 : -1;
}

KUNIT_DEFINE_ACTION_WRAPPER(memory_put, vcm_free, struct vcm_phys *);

/* Memory that is freed at the end of the case */
static inline struct vcm_phys *memory_flags(struct kunit *test,
					    unsigned int pages, unsigned int flags)
{
	struct vcm_phys *phys;
	struct page *page;
	unsigned int i;

	phys = vcm_phys_new(pages, flags, pages_free, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	for (i = 0; i < pages; i++) {
		page = alloc_page(GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, page);
		phys->parts[i].paddr = page_to_phys(page);
		phys->parts[i].len = PAGE_SIZE;
	}
	sort(phys->parts, pages, sizeof(phys->parts[0]), pages_cmp, NULL);
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, memory_put, phys),
			0);
	return phys;
}

static inline struct vcm_phys *memory(struct kunit *test, unsigned int pages)
{
	return memory_flags(test, pages, VCM_PHYS_PAGES);
}

KUNIT_DEFINE_ACTION_WRAPPER(context_put, vcm_destroy, struct vcm *);

/* An active context, destroyed at the end of the case */
static inline struct vcm *context(struct kunit *test, struct device *dev)
{
	struct vcm *vcm = vcm_iommu_create(dev);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, context_put, vcm),
			0);
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	return vcm;
}

static inline void context_destroy(struct kunit *test, struct vcm *vcm)
{
	kunit_release_action(test, context_put, vcm);
}

static inline struct vcm_res *bound(struct kunit *test, struct vcm *vcm,
				    struct vcm_phys *phys)
{
	struct vcm_res *res = vcm_map(vcm, phys, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	return res;
}

/* Return true if a device reaches all of @phys at an address. */
static inline bool sees(struct device *dev, dma_addr_t addr,
			const struct vcm_phys *phys)
{
	phys_addr_t paddr;
	unsigned int i;

	for (i = 0; i < phys->count; i++, addr += PAGE_SIZE)
		if (fakeiommu_translate(dev, addr, true, &paddr) ||
		    paddr != phys->parts[i].paddr ||
		    fakeiommu_translate(dev, addr + PAGE_SIZE - 1, false, &paddr) ||
		    paddr != phys->parts[i].paddr + PAGE_SIZE - 1)
			return false;
	return true;
}

/* Return true if a device reaches nothing of a range. */
static inline bool blind(struct device *dev, dma_addr_t addr, size_t size)
{
	phys_addr_t paddr;
	size_t off;

	for (off = 0; off < size; off += PAGE_SIZE)
		if (!fakeiommu_translate(dev, addr + off, false, &paddr) ||
		    !fakeiommu_translate(dev, addr + off, true, &paddr))
			return false;
	return true;
}

#define EXPECT_SEES(test, dev, res, phys) \
	KUNIT_EXPECT_TRUE(test, sees(dev, (res)->start, phys))
#define EXPECT_BLIND(test, dev, addr, size) \
	KUNIT_EXPECT_TRUE(test, blind(dev, addr, size))

#endif /* _MM_TESTS_VCM_IOMMU_TEST_H */
