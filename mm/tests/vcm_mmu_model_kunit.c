// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the software MMU that other tests use: it must report what a
 * wrong wrapper or provider does.
 */
#include <linux/container_of.h>
#include <linux/module.h>

#include "vcm_mmu_test.h"

static const struct vcm_mmu_driver *mmu_driver(struct vcm *vcm)
{
	return container_of(vcm->driver, struct vcm_mmu_driver, vcm);
}

static int model_map(struct softmmu *s, dma_addr_t addr, phys_addr_t paddr,
		     size_t pgsize, size_t pgcount)
{
	size_t mapped = 0;

	return mmu_driver(&s->mmu.vcm)->map_pages(&s->mmu.vcm, addr, paddr,
						  pgsize, pgcount,
						  VCM_RES_READ, GFP_KERNEL,
						  &mapped);
}

static void model_unmap(struct softmmu *s, dma_addr_t addr, size_t pgsize,
			size_t pgcount)
{
	mmu_driver(&s->mmu.vcm)->unmap_pages(&s->mmu.vcm, addr, pgsize,
					     pgcount);
}

static void model_sync(struct softmmu *s, dma_addr_t addr, size_t size)
{
	mmu_driver(&s->mmu.vcm)->tlb_sync(&s->mmu.vcm, addr, size);
}

/* The model reports each violation of the contract of its driver */
static void mmu_model_complains(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm *vcm = &s->mmu.vcm;
	unsigned long seen = 0;

	s->expect_complaints = true;
#define COMPLAINS(what)						\
do {								\
	what;							\
	KUNIT_EXPECT_EQ_MSG(test, s->stats.complaints, ++seen, #what); \
} while (0)
	COMPLAINS(model_map(s, SZ_16M, 0, SZ_4K, 1));
	KUNIT_EXPECT_EQ(test, mmu_driver(vcm)->start(vcm), 0);
	COMPLAINS(mmu_driver(vcm)->start(vcm));
	COMPLAINS(model_map(s, SZ_16M, 0, SZ_8K, 1));
	COMPLAINS(model_map(s, SZ_16M, 0, SZ_4K, 0));
	COMPLAINS(model_map(s, SZ_16M + SZ_4K, 0, SZ_64K, 1));
	COMPLAINS(model_map(s, SZ_16M, SZ_4K, SZ_64K, 1));
	COMPLAINS(model_map(s, 0, 0, SZ_4K, 1));
	COMPLAINS(model_map(s, SZ_1G - SZ_4K, 0, SZ_4K, 2));
	KUNIT_EXPECT_EQ(test, s->stats.present, 0);

	KUNIT_EXPECT_EQ(test, model_map(s, SZ_16M, 0, SZ_64K, 2), 0);
	COMPLAINS(model_map(s, SZ_16M + SZ_4K, 0, SZ_4K, 1));
	COMPLAINS(model_map(s, SZ_16M, 0, SZ_16M, 1));
	COMPLAINS(model_unmap(s, SZ_16M, SZ_4K, 1));
	COMPLAINS(model_unmap(s, SZ_16M + SZ_4K, SZ_4K, 1));
	COMPLAINS(model_unmap(s, SZ_16M + 2 * SZ_64K, SZ_64K, 1));
	COMPLAINS(mmu_driver(vcm)->stop(vcm));
	KUNIT_EXPECT_EQ(test, mmu_driver(vcm)->start(vcm), 0);
	KUNIT_EXPECT_EQ(test, s->stats.complaints, seen);

	model_unmap(s, SZ_16M, SZ_64K, 2);
	COMPLAINS(model_map(s, SZ_16M + SZ_4K, 0, SZ_4K, 1));
	COMPLAINS(mmu_driver(vcm)->stop(vcm));
	model_sync(s, SZ_16M, 2 * SZ_64K);
	COMPLAINS(mmu_driver(vcm)->stop(vcm));
	COMPLAINS(model_sync(s, SZ_16M, 0));
#undef COMPLAINS
	vcm_destroy(vcm);
}

/* The model's TLB keeps cleared leaves until they are invalidated */
static void mmu_model_keeps_stale(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm *vcm = &s->mmu.vcm;
	phys_addr_t paddr = 0;

	KUNIT_EXPECT_EQ(test, mmu_driver(vcm)->start(vcm), 0);
	KUNIT_EXPECT_EQ(test, model_map(s, SZ_16M, SZ_1M, SZ_64K, 2), 0);
	KUNIT_EXPECT_EQ(test, 0, softmmu_translate(vcm, SZ_16M + 5,
						   VCM_RES_READ, &paddr));
	KUNIT_EXPECT_EQ(test, paddr, SZ_1M + 5);
	KUNIT_EXPECT_EQ(test, -EFAULT, softmmu_translate(vcm, SZ_16M,
							 VCM_RES_WRITE,
							 &paddr));

	/* Too early, too short on either side, elsewhere */
	model_sync(s, SZ_16M, 2 * SZ_64K);
	model_unmap(s, SZ_16M, SZ_64K, 2);
	model_sync(s, SZ_16M, SZ_64K - 1);
	model_sync(s, SZ_16M + 1, SZ_64K);
	model_sync(s, SZ_32M, SZ_32M);
	KUNIT_EXPECT_EQ(test, s->stats.stale, 2);
	KUNIT_EXPECT_EQ(test, 0, softmmu_translate(vcm, SZ_16M + 5,
						   VCM_RES_READ, &paddr));
	model_sync(s, SZ_16M, SZ_64K);
	KUNIT_EXPECT_EQ(test, -EFAULT, softmmu_translate(vcm, SZ_16M,
							 VCM_RES_READ,
							 &paddr));
	KUNIT_EXPECT_EQ(test, 0, softmmu_translate(vcm, SZ_16M + SZ_64K,
						   VCM_RES_READ, &paddr));
	model_sync(s, SZ_16M, SZ_128K);
	mmu_driver(vcm)->stop(vcm);
	expect_clean(test, s);
	vcm_destroy(vcm);
}

static struct kunit_case mmu_model_cases[] = {
	KUNIT_CASE(mmu_model_complains),
	KUNIT_CASE(mmu_model_keeps_stale),
	{}
};

static struct kunit_suite mmu_model_suite = {
	.name = "vcm_mmu_model",
	.test_cases = mmu_model_cases,
};

kunit_test_suite(mmu_model_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the software MMU for the tests of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
