// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the page-table wrapper, mm/vcm-mmu.c, and of the software MMU
 * that they use.
 *
 * Numbers in brackets are defects of the code of 2010. What the wrapper owes
 * to whoever uses a context is in the suite vcm_contract.
 */
#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vcm-drv.h>

#include "vcm_models.h"
#include "vcm_softmmu.h"

static const struct softmmu_cfg mmu_cfg = {
	.start = SZ_16M,
	.last = SZ_1G - 1,
	.pgsize_bitmap = SZ_4K | SZ_64K | SZ_1M | SZ_16M,
};

static const struct vcm_mmu_driver *mmu_driver(struct vcm *vcm)
{
	return container_of(vcm->driver, struct vcm_mmu_driver, vcm);
}

static void expect_clean(struct kunit *test, const struct softmmu *s)
{
	KUNIT_EXPECT_EQ(test, s->stats.present, 0);
	KUNIT_EXPECT_EQ(test, s->stats.stale, 0);
	KUNIT_EXPECT_EQ(test, s->stats.starts, s->stats.stops);
}

/* The software MMU */

static int model_map(struct softmmu *s, dma_addr_t addr, phys_addr_t paddr,
		     size_t pgsize, size_t pgcount)
{
	size_t mapped = 0;

	return mmu_driver(&s->mmu.vcm)->map_pages(&s->mmu.vcm, addr, paddr,
						  pgsize, pgcount,
						  VCM_RES_READ, &mapped);
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

/* The model notices each way of breaking the contract of its driver */
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

/* The model's TLB keeps what has been taken away until it is told */
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

/* The wrapper */

static int stub_map_pages(struct vcm *vcm, dma_addr_t addr, phys_addr_t paddr,
			  size_t pgsize, size_t pgcount, unsigned int flags,
			  size_t *mapped)
{
	return 0;
}

static void stub_unmap_pages(struct vcm *vcm, dma_addr_t addr, size_t pgsize,
			     size_t pgcount)
{
	kunit_fail_current_test("nothing was mapped");
}

static int stub_tlb_sync(struct vcm *vcm, dma_addr_t addr,
			 resource_size_t size)
{
	kunit_fail_current_test("nothing was mapped");
	return 0;
}

static void stub_release(struct vcm *vcm)
{
	kfree(container_of(vcm, struct vcm_mmu, vcm));
}

#define STUB_DRIVER(...)					\
	{							\
		.vcm = {					\
			VCM_MMU_OPS,				\
			.owner = THIS_MODULE,			\
			.name = "stub",				\
			.release = stub_release,		\
		},						\
		__VA_ARGS__					\
	}

/* vcm_mmu_init(): a driver without one of its page operations is refused */
static void mmu_init(struct kunit *test)
{
	static const struct vcm_mmu_driver bad[] = {
		STUB_DRIVER(.unmap_pages = stub_unmap_pages,
			    .tlb_sync = stub_tlb_sync),
		STUB_DRIVER(.map_pages = stub_map_pages,
			    .tlb_sync = stub_tlb_sync),
		STUB_DRIVER(.map_pages = stub_map_pages,
			    .unmap_pages = stub_unmap_pages),
	};
	static const struct vcm_mmu_driver good =
		STUB_DRIVER(.map_pages = stub_map_pages,
			    .unmap_pages = stub_unmap_pages,
			    .tlb_sync = stub_tlb_sync);
	struct vcm_mmu *mmu = kzalloc_obj(*mmu);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, mmu);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				vcm_mmu_init(mmu, &bad[i], 0, SZ_1M - 1,
					     SZ_4K));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_mmu_init(mmu, &good, 0, SZ_1M - 1, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_mmu_init(mmu, &good, SZ_2K, SZ_1M - 1, SZ_4K));

	KUNIT_ASSERT_EQ(test, 0,
			vcm_mmu_init(mmu, &good, SZ_4K, SZ_1M - 1,
				     SZ_4K | SZ_64K));
	KUNIT_EXPECT_EQ(test, mmu->vcm.start, SZ_4K);
	KUNIT_EXPECT_EQ(test, mmu->vcm.last, SZ_1M - 1);
	KUNIT_EXPECT_EQ(test, mmu->vcm.memory.pgsize_bitmap, SZ_4K | SZ_64K);
	vcm_destroy(&mmu->vcm);
}

/* A driver that says it succeeded but maps nothing is not asked for ever */
static void mmu_no_progress(struct kunit *test)
{
	static const struct vcm_mmu_driver stuck =
		STUB_DRIVER(.map_pages = stub_map_pages,
			    .unmap_pages = stub_unmap_pages,
			    .tlb_sync = stub_tlb_sync);
	const struct phys_vec part = { .paddr = SZ_1M, .len = SZ_8K };
	struct vcm_mmu *mmu = kzalloc_obj(*mmu);
	struct vcm_phys *phys;

	KUNIT_ASSERT_NOT_NULL(test, mmu);
	KUNIT_ASSERT_EQ(test, 0, vcm_mmu_init(mmu, &stuck, 0, SZ_1M - 1,
					      SZ_4K));
	KUNIT_EXPECT_EQ(test, vcm_activate(&mmu->vcm), 0);
	phys = vcm_model_phys(test, &part, 1);
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_PTR_EQ(test, vcm_map(&mmu->vcm, phys, 0),
				    ERR_PTR(-EIO));
		KUNIT_EXPECT_LE(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 1);
	}
	vcm_free(phys);
	vcm_destroy(&mmu->vcm);
}

/*
 * Row quarantine: memory, addresses and page table that hardware did not let go
 * of stay as they are
 */
static void mmu_stuck(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm *vcm = &s->mmu.vcm;
	struct vcm_phys *phys;
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	phys = vcm_alloc(vcm, SZ_64K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = vcm_map(vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);

	s->sync_error = -EIO;
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_TRUE(test, s->started);
	KUNIT_EXPECT_EQ(test, refcount_read(&phys->refs), 2);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	KUNIT_EXPECT_PTR_EQ(test, vcm_reserve_at(vcm, res->start, SZ_64K, 0),
			    ERR_PTR(-EADDRINUSE));

	/* In bulk too; the context and the model stay with them for good */
	s->sync_error = 0;
	vcm_unreserve(res);
	res = vcm_map(vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	s->sync_error = -EIO;
	vcm_unbind_many(&res, 1);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	vcm_unreserve(res);
	s->sync_error = 0;
	vcm_free(phys);
	vcm_destroy(vcm);
	KUNIT_EXPECT_EQ(test, refcount_read(&phys->refs), 2);
}

/* vcm_alloc(): memory that the MMU can map, where the context says */
static void mmu_alloc(struct kunit *test)
{
	struct softmmu_cfg cfg = mmu_cfg;
	struct vcm_phys *phys;
	struct softmmu *s;
	unsigned int i;

	cfg.pgsize_bitmap = SZ_64K | SZ_1M;
	s = softmmu_create(test, &cfg);
	phys = vcm_alloc(&s->mmu.vcm, SZ_256K + 1, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_EXPECT_EQ(test, phys->size, SZ_256K + SZ_64K);
	for (i = 0; i < phys->count; i++)
		KUNIT_EXPECT_EQ(test, (phys->parts[i].paddr |
				       phys->parts[i].len) & (SZ_64K - 1), 0);
	vcm_free(phys);

	s->mmu.vcm.memory.last = 0;
	phys = vcm_alloc(&s->mmu.vcm, SZ_64K, VCM_ALLOC_NOWARN);
	KUNIT_EXPECT_PTR_EQ(test, phys, ERR_PTR(-ENOMEM));
	vcm_destroy(&s->mmu.vcm);
}

/* The fewest leaves that a part can be mapped with, found by trying */
static unsigned long ref_leaves_part(unsigned long sizes, dma_addr_t addr,
				     const struct phys_vec *part)
{
	unsigned long leaves = 0;
	size_t off = 0, page;

	while (off < part->len) {
		for (page = SZ_1G; page; page >>= 1)
			if (page & sizes && part->len - off >= page &&
			    ((addr + off) & (page - 1)) == 0 &&
			    ((part->paddr + off) & (page - 1)) == 0)
				break;
		if (!page)
			return 0;
		off += page;
		leaves++;
	}
	return leaves;
}

static unsigned long ref_leaves(const struct vcm_res *res,
				const struct vcm_phys *phys)
{
	dma_addr_t addr = res->start;
	unsigned long leaves = 0;
	unsigned int i;

	for (i = 0; i < phys->count; i++) {
		leaves += ref_leaves_part(res->vcm->pgsize_bitmap, addr,
					  &phys->parts[i]);
		addr += phys->parts[i].len;
	}
	return leaves;
}

static void expect_translation(struct kunit *test, const struct vcm_res *res,
			       dma_addr_t offset, phys_addr_t expected)
{
	phys_addr_t paddr = 0;

	KUNIT_EXPECT_EQ(test, 0,
			softmmu_translate(res->vcm, res->start + offset,
					  VCM_RES_READ | VCM_RES_WRITE,
					  &paddr));
	KUNIT_EXPECT_EQ(test, paddr, expected);
}

/* Both ends of every part and some places between lead to where they should */
static void expect_translations(struct kunit *test, struct rnd_state *rnd,
				const struct vcm_res *res,
				const struct vcm_phys *phys)
{
	dma_addr_t offset = 0;
	unsigned int i, n;

	for (i = 0; i < phys->count; i++) {
		const struct phys_vec *part = &phys->parts[i];

		expect_translation(test, res, offset, part->paddr);
		expect_translation(test, res, offset + part->len - 1,
				   part->paddr + part->len - 1);
		for (n = 0; n < 16; n++) {
			size_t at = prandom_u32_state(rnd) % part->len;

			expect_translation(test, res, offset + at,
					   part->paddr + at);
		}
		offset += part->len;
	}
}

/*
 * A part of any length and place, but such that large pages are often of use:
 * one to three pages of some size, now and then a few granules off.
 */
static struct phys_vec random_part(struct rnd_state *rnd)
{
	static const u32 sizes[] = { SZ_4K, SZ_64K, SZ_1M, SZ_16M };
	u32 size = sizes[prandom_u32_state(rnd) % ARRAY_SIZE(sizes)];
	struct phys_vec part = {
		.paddr = (phys_addr_t)size * (prandom_u32_state(rnd) % 64),
		.len = (size_t)size * (1 + prandom_u32_state(rnd) % 3),
	};

	if (prandom_u32_state(rnd) & 1)
		part.paddr += SZ_4K * (prandom_u32_state(rnd) % 32);
	if (prandom_u32_state(rnd) & 1)
		part.len += SZ_4K * (prandom_u32_state(rnd) % 32);
	return part;
}

#define RANDOM_PARTS	6

static struct vcm_phys *random_phys(struct kunit *test, struct rnd_state *rnd)
{
	struct phys_vec parts[RANDOM_PARTS];
	unsigned int i;

	for (i = 0; i < RANDOM_PARTS; i++)
		parts[i] = random_part(rnd);
	return vcm_model_phys(test, parts, 1 + prandom_u32_state(rnd) % RANDOM_PARTS);
}

/* One binding, at an address that may or may not suit the memory */
static void random_binding(struct kunit *test, struct softmmu *s,
			   struct rnd_state *rnd)
{
	struct vcm_phys *phys = random_phys(test, rnd);
	unsigned long leaves;
	struct vcm_res *res;

	if (prandom_u32_state(rnd) & 1)
		res = vcm_reserve(&s->mmu.vcm, phys->size, 0);
	else
		res = vcm_map(&s->mmu.vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	if (res->phys)
		vcm_unbind(res);
	leaves = ref_leaves(res, phys);

	/* Failing anywhere, it undoes the right pages (14) */
	softmmu_fail_map(&s->mmu.vcm, prandom_u32_state(rnd) % leaves, -EIO);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EIO);
	expect_clean(test, s);

	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_EQ(test, s->stats.present, leaves);
	KUNIT_EXPECT_EQ(test, vcm_leaves(res), leaves);
	expect_translations(test, rnd, res, phys);
	vcm_unmap(res);
	expect_clean(test, s);
	vcm_free(phys);
}

/* Under KASAN in an emulator each of them takes seconds */
#define RANDOM_BINDINGS	(IS_ENABLED(CONFIG_KASAN) ? 4 : 40)

/* Random memory at random addresses, with as few leaves as can be */
static void mmu_random(struct kunit *test)
{
	u32 seed = get_random_u32();
	struct softmmu_cfg cfg = mmu_cfg;
	unsigned int burst, i;
	struct rnd_state rnd;
	struct softmmu *s;
	struct vcm_res *odd;

	kunit_info(test, "seed %u\n", seed);
	prandom_seed_state(&rnd, seed);
	for (burst = 0; burst < 3; burst++) {
		cfg.burst = burst * 5;
		s = softmmu_create(test, &cfg);
		KUNIT_ASSERT_EQ(test, vcm_activate(&s->mmu.vcm), 0);
		for (i = 0; i < RANDOM_BINDINGS; i++) {
			/* Moves the next reservation */
			odd = vcm_reserve(&s->mmu.vcm, SZ_4K << (i % 8), 0);
			random_binding(test, s, &rnd);
			vcm_unreserve(odd);
		}
		vcm_destroy(&s->mmu.vcm);
	}
}

/* Every page size up and down again, then the same at addresses that differ */
static const struct phys_vec mixed_parts[] = {
	{ SZ_16M - SZ_1M - SZ_64K - 2 * SZ_4K,
	  2 * SZ_4K + SZ_64K + SZ_1M + SZ_16M + 2 * SZ_1M + SZ_64K + SZ_4K },
	{ SZ_512M, SZ_4K },
	{ SZ_256M + SZ_4K, SZ_64K + SZ_4K },
	{ SZ_128M, SZ_1M + SZ_64K },
};

static void fail_everywhere(struct kunit *test, unsigned int burst)
{
	struct softmmu_cfg cfg = mmu_cfg;
	unsigned long leaves, i, syncs;
	struct vcm_phys *phys;
	struct vcm_res *res;
	struct softmmu *s;

	cfg.burst = burst;
	s = softmmu_create(test, &cfg);
	phys = vcm_model_phys(test, mixed_parts, ARRAY_SIZE(mixed_parts));
	KUNIT_ASSERT_EQ(test, vcm_activate(&s->mmu.vcm), 0);
	res = vcm_map(&s->mmu.vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	leaves = ref_leaves(res, phys);
	KUNIT_EXPECT_EQ(test, s->stats.present, leaves);
	vcm_unbind(res);

	for (i = 0; i < leaves; i++) {
		syncs = s->stats.syncs;
		softmmu_fail_map(&s->mmu.vcm, i, i & 1 ? -ENOMEM : -ENXIO);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, phys),
				i & 1 ? -ENOMEM : -ENXIO);
		expect_clean(test, s);
		KUNIT_EXPECT_EQ(test, s->stats.syncs - syncs, i ? 1 : 0);
	}
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_EQ(test, s->stats.present, leaves);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_destroy(&s->mmu.vcm);
}

/* A failure at any leaf, before or within a run, leaves nothing (14) */
static void mmu_fail_everywhere(struct kunit *test)
{
	fail_everywhere(test, 0);
	fail_everywhere(test, 1);
	fail_everywhere(test, 7);
}

/* One invalidation a binding, however many parts it has */
static void mmu_one_sync(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm_phys *phys = vcm_model_phys(test, mixed_parts,
					 ARRAY_SIZE(mixed_parts));
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_activate(&s->mmu.vcm), 0);
	res = vcm_map(&s->mmu.vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, s->stats.syncs, 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_EQ(test, s->stats.syncs, 1);
	vcm_unreserve(res);
	vcm_free(phys);
	vcm_destroy(&s->mmu.vcm);
}

static const struct phys_vec one_part = { .paddr = SZ_1M, .len = SZ_8K };

/* start before the first live binding, stop after the last */
static void mmu_start_stop(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm_phys *phys = vcm_model_phys(test, &one_part, 1);
	struct vcm *vcm = &s->mmu.vcm;
	struct vcm_res *res[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(res); i++) {
		res[i] = vcm_map(vcm, phys, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
	}
	KUNIT_EXPECT_EQ(test, s->stats.starts, 0);

	/* Once for all of them, and once for none */
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
	KUNIT_EXPECT_EQ(test, s->stats.starts, 1);
	KUNIT_EXPECT_EQ(test, s->stats.stops, 0);
	vcm_deactivate(vcm);
	KUNIT_EXPECT_EQ(test, s->stats.stops, 1);

	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
	for (i = 0; i < ARRAY_SIZE(res); i++) {
		KUNIT_EXPECT_EQ(test, s->stats.stops, 1);
		vcm_unbind(res[i]);
	}
	KUNIT_EXPECT_EQ(test, s->stats.stops, 2);
	KUNIT_EXPECT_EQ(test, vcm_bind(res[1], phys), 0);
	KUNIT_EXPECT_EQ(test, s->stats.starts, 3);
	vcm_destroy(vcm);
	expect_clean(test, s);

	for (i = 0; i < ARRAY_SIZE(res); i++)
		vcm_unmap(res[i]);
	vcm_free(phys);
}

/* The failure of start is the failure of map, and nothing has been written */
static void mmu_start_fails(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm_phys *phys = vcm_model_phys(test, &one_part, 1);
	struct vcm *vcm = &s->mmu.vcm;
	struct vcm_res *res = vcm_map(vcm, phys, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	softmmu_fail_start(vcm, 0, -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, s->stats.maps, 0);
	KUNIT_EXPECT_EQ(test, s->stats.syncs, 0);
	expect_clean(test, s);

	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
	softmmu_fail_start(vcm, 0, -EIO);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EIO);
	KUNIT_EXPECT_EQ(test, s->stats.maps, 0);
	expect_clean(test, s);

	/* Nothing was counted: the next one starts it, and its end stops it */
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_EQ(test, s->stats.starts, 1);
	vcm_unbind(res);
	expect_clean(test, s);
	vcm_unreserve(res);
	vcm_free(phys);
	vcm_destroy(vcm);
}

/* A map that fails stops what it started, but not what others need */
static void mmu_map_fails_stops(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm_phys *phys = vcm_model_phys(test, &one_part, 1);
	struct vcm *vcm = &s->mmu.vcm;
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	softmmu_fail_map(vcm, 1, -ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-ENOMEM));
	KUNIT_EXPECT_EQ(test, s->stats.starts, 1);
	expect_clean(test, s);

	res = vcm_map(vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	softmmu_fail_map(vcm, 1, -ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, 0), ERR_PTR(-ENOMEM));
	KUNIT_EXPECT_EQ(test, s->stats.starts, 2);
	KUNIT_EXPECT_EQ(test, s->stats.stops, 1);
	expect_translation(test, res, 0, SZ_1M);
	expect_translation(test, res, SZ_4K, SZ_1M + SZ_4K);
	vcm_unmap(res);
	expect_clean(test, s);
	vcm_free(phys);
	vcm_destroy(vcm);
}

/* One thread that maps, or unmaps what it mapped before */
struct walker {
	struct vcm *vcm;
	struct vcm_phys *phys;
	struct vcm_res *res;
	struct completion done;
};

static int walker_map(void *data)
{
	struct walker *walker = data;

	walker->res = vcm_map(walker->vcm, walker->phys, 0);
	/* Not a word of this module after that, it may be unloaded */
	kthread_complete_and_exit(&walker->done, 0);
}

static int walker_unmap(void *data)
{
	struct walker *walker = data;

	vcm_unmap(walker->res);
	kthread_complete_and_exit(&walker->done, 0);
}

static struct task_struct *walker_go(struct kunit *test, struct walker *walker,
				     int (*fn)(void *data))
{
	struct task_struct *task = kthread_create(fn, walker, "vcm_walker");

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	reinit_completion(&walker->done);
	get_task_struct(task);
	wake_up_process(task);
	return task;
}

/*
 * Lets @walker come as far as it gets. Where it sleeps does not matter; if it
 * did so too early, nothing would be found, but nothing invented either.
 */
static void walker_settle(struct walker *walker, struct task_struct *task)
{
	while (!completion_done(&walker->done) && task_is_running(task))
		schedule_timeout_uninterruptible(1);
	put_task_struct(task);
}

/* Until @walker is at the gate; a wrapper that is wrong may never get there */
static void walker_wait(struct walker *walker, struct completion *at_gate)
{
	while (!try_wait_for_completion(at_gate) &&
	       !completion_done(&walker->done))
		schedule_timeout_uninterruptible(1);
}

/* While start or stop is under way, another binding waits for its end */
static void mmu_start_excludes(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(at_gate);
	DECLARE_COMPLETION_ONSTACK(gate);
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm_phys *phys = vcm_model_phys(test, &one_part, 1);
	struct walker one = { .vcm = &s->mmu.vcm, .phys = phys };
	struct walker two = one;

	init_completion(&one.done);
	init_completion(&two.done);
	KUNIT_ASSERT_EQ(test, vcm_activate(&s->mmu.vcm), 0);
	s->at_gate = &at_gate;
	s->gate = &gate;

	/* Starting: the second does not start it again, nor write to it */
	put_task_struct(walker_go(test, &one, walker_map));
	walker_wait(&one, &at_gate);
	walker_settle(&two, walker_go(test, &two, walker_map));
	KUNIT_EXPECT_EQ(test, s->stats.maps, 0);
	complete_all(&gate);
	wait_for_completion(&one.done);
	wait_for_completion(&two.done);
	KUNIT_ASSERT_EQ(test, s->stats.starts, 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR(one.res) || IS_ERR(two.res));

	/* Stopping: whoever comes now starts it, after that */
	vcm_unmap(two.res);
	reinit_completion(&gate);
	reinit_completion(&at_gate);
	put_task_struct(walker_go(test, &one, walker_unmap));
	walker_wait(&one, &at_gate);
	walker_settle(&two, walker_go(test, &two, walker_map));
	KUNIT_EXPECT_EQ(test, s->stats.maps, 2);
	complete_all(&gate);
	wait_for_completion(&one.done);
	wait_for_completion(&two.done);
	KUNIT_EXPECT_EQ(test, s->stats.starts, 2);
	KUNIT_ASSERT_FALSE(test, IS_ERR(two.res));
	expect_translation(test, two.res, 0, SZ_1M);

	vcm_unmap(two.res);
	expect_clean(test, s);
	vcm_free(phys);
	vcm_destroy(&s->mmu.vcm);
}

#define RACERS		4
#define RACE_ROUNDS	300

struct racer {
	struct kunit *test;
	struct vcm *vcm;
	struct completion done;
	unsigned int nr;
};

/* Maps, looks, unmaps; alone or not, that starts and stops the MMU */
static int racer_run(void *data)
{
	struct racer *racer = data;
	struct phys_vec part = {
		.paddr = (racer->nr + 1) * SZ_1M,
		.len = (racer->nr + 1) * SZ_4K,
	};
	struct vcm_phys *phys;
	struct vcm_res *res;
	unsigned int i;

	phys = vcm_phys_new(1, 0, &vcm_model_phys_ops, NULL);
	if (IS_ERR(phys))
		goto out;
	phys->parts[0] = part;
	vcm_phys_finish(phys);
	for (i = 0; i < RACE_ROUNDS; i++) {
		res = vcm_map(racer->vcm, phys, 0);
		KUNIT_EXPECT_FALSE(racer->test, IS_ERR(res));
		if (IS_ERR(res))
			break;
		expect_translation(racer->test, res, part.len - 1,
				   part.paddr + part.len - 1);
		if (i & 1)
			cond_resched();
		vcm_unmap(res);
	}
	vcm_free(phys);
out:
	kthread_complete_and_exit(&racer->done, 0);
}

/*
 * start and stop exclude each other and every live binding. The model says so
 * if they do not; who meets whom does not matter.
 */
static void mmu_race(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct racer racer[RACERS];
	struct task_struct *task;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_activate(&s->mmu.vcm), 0);
	for (i = 0; i < RACERS; i++) {
		racer[i].test = test;
		racer[i].vcm = &s->mmu.vcm;
		racer[i].nr = i;
		init_completion(&racer[i].done);
		task = kthread_run(racer_run, &racer[i], "vcm_mmu_racer%u", i);
		if (IS_ERR(task)) {
			KUNIT_FAIL(test, "no thread: %ld", PTR_ERR(task));
			complete(&racer[i].done);
		}
	}
	for (i = 0; i < RACERS; i++)
		wait_for_completion(&racer[i].done);

	KUNIT_EXPECT_GE(test, s->stats.starts, 1);
	KUNIT_EXPECT_EQ(test, s->stats.maps, RACERS * RACE_ROUNDS);
	expect_clean(test, s);
	vcm_destroy(&s->mmu.vcm);
}

static struct kunit_case mmu_cases[] = {
	KUNIT_CASE(mmu_model_complains),
	KUNIT_CASE(mmu_model_keeps_stale),
	KUNIT_CASE(mmu_init),
	KUNIT_CASE(mmu_no_progress),
	KUNIT_CASE(mmu_stuck),
	KUNIT_CASE(mmu_alloc),
	KUNIT_CASE(mmu_random),
	KUNIT_CASE(mmu_fail_everywhere),
	KUNIT_CASE(mmu_one_sync),
	KUNIT_CASE(mmu_start_stop),
	KUNIT_CASE(mmu_start_fails),
	KUNIT_CASE(mmu_map_fails_stops),
	KUNIT_CASE(mmu_start_excludes),
	KUNIT_CASE(mmu_race),
	{}
};

static struct kunit_suite mmu_suite = {
	.name = "vcm_mmu",
	.test_cases = mmu_cases,
};

kunit_test_suite(mmu_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the page-table wrapper of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
