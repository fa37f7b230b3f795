// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the page-table wrapper, mm/vcm-mmu.c, with a software MMU.
 *
 * Numbers in brackets are defects of the code of 2010. The promises to users of
 * a context are in the suite vcm_contract.
 */
#include <kunit/device.h>
#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vcm-drv.h>

#include "vcm_leaves.h"
#include "vcm_mmu_test.h"
#include "vcm_seed.h"

static int stub_map_pages(struct vcm *vcm, dma_addr_t addr, phys_addr_t paddr,
			  size_t pgsize, size_t pgcount, unsigned int flags,
			  gfp_t gfp, size_t *mapped)
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

static int stub_attach_error;

/* Name one range before the hardware is touched, and another one after it */
static int stub_attach(struct vcm *vcm, struct vcm_attachment *attachment)
{
	int ret;

	attachment->unsnooped = true;
	ret = vcm_attachment_block(attachment, 0, SZ_64K - 1);
	if (!ret)
		ret = vcm_attach_limits(vcm, attachment);
	if (!ret)
		ret = vcm_attachment_block(attachment, SZ_128K, SZ_256K - 1);
	if (!ret)
		ret = vcm_attach_limits(vcm, attachment);
	return ret ?: stub_attach_error;
}

static const struct vcm_mmu_driver stub_attach_driver = {
	.vcm = {
		VCM_MMU_OPS,
		.owner = THIS_MODULE,
		.name = "stub",
		.attach = stub_attach,
		.release = stub_release,
	},
	.map_pages = stub_map_pages,
	.unmap_pages = stub_unmap_pages,
	.tlb_sync = stub_tlb_sync,
};

static void expect_reserve_at(struct kunit *test, struct vcm *vcm,
			      dma_addr_t addr, int ret)
{
	struct vcm_res *res = vcm_reserve_at(vcm, addr, SZ_4K, 0);

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(res), ret);
	vcm_unreserve(res);
}

/*
 * Row vcm_attach: a provider may put limits in force in two steps. If it fails, at
 * the second one or after it, neither limits nor coherence have changed
 */
static void mmu_limits_twice(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "vcm-mmu-limits");
	struct vcm_mmu *mmu = kzalloc_obj(*mmu);
	struct vcm *vcm = &mmu->vcm;
	struct vcm_res *res;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_NOT_NULL(test, mmu);
	KUNIT_ASSERT_EQ(test, 0, vcm_mmu_init(mmu, &stub_attach_driver, 0,
					      SZ_1M - 1, SZ_4K));
	stub_attach_error = 0;
	res = vcm_reserve_at(vcm, SZ_128K, SZ_4K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, dev), -EADDRNOTAVAIL);
	vcm_unreserve(res);
	KUNIT_EXPECT_EQ(test, vcm->coherence, VCM_COHERENCE_UNKNOWN);
	stub_attach_error = -EIO;
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, dev), -EIO);
	KUNIT_EXPECT_EQ(test, vcm->coherence, VCM_COHERENCE_UNKNOWN);
	expect_reserve_at(test, vcm, 0, 0);
	expect_reserve_at(test, vcm, SZ_128K, 0);

	stub_attach_error = 0;
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, dev), 0);
	KUNIT_EXPECT_EQ(test, vcm->coherence, VCM_UNSNOOPED);
	expect_reserve_at(test, vcm, 0, -EADDRNOTAVAIL);
	expect_reserve_at(test, vcm, SZ_64K, 0);
	expect_reserve_at(test, vcm, SZ_128K, -EADDRNOTAVAIL);
	vcm_detach(vcm, dev);
	expect_reserve_at(test, vcm, 0, 0);
	expect_reserve_at(test, vcm, SZ_128K, 0);
	vcm_destroy(vcm);
}

/* A driver that claims success but maps nothing is called once: -EIO */
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
 * Row quarantine: memory, addresses and page table that hardware did not unmap
 * stay out of use while the context lives
 */
static void mmu_stuck(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm *vcm = &s->mmu.vcm;
	struct vcm_res *res, *many[2];
	struct vcm_phys *phys;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	phys = vcm_alloc(vcm, SZ_64K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = vcm_map(vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);

	s->sync_error = -EIO;
	vcm_unbind(res);
	KUNIT_EXPECT_TRUE(test, s->started);
	KUNIT_EXPECT_EQ(test, refcount_read(&phys->refs), 2);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	KUNIT_EXPECT_PTR_EQ(test, vcm_reserve_at(vcm, res->start, SZ_64K, 0),
			    ERR_PTR(-EADDRINUSE));

	/* Also if many are unbound at once */
	s->sync_error = 0;
	vcm_unreserve(res);
	for (i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = vcm_map(vcm, phys, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, many[i]);
	}
	s->sync_error = -EIO;
	vcm_unbind_many(many, ARRAY_SIZE(many));
	for (i = 0; i < ARRAY_SIZE(many); i++) {
		KUNIT_EXPECT_EQ(test, vcm_bind(many[i], phys), -EADDRNOTAVAIL);
		vcm_unreserve(many[i]);
	}
	KUNIT_EXPECT_EQ(test, vcm->quarantined, 3 * SZ_64K);
	KUNIT_EXPECT_EQ(test, refcount_read(&phys->refs), 4);
	s->sync_error = 0;
	vcm_destroy(vcm);
	KUNIT_EXPECT_EQ(test, refcount_read(&phys->refs), 1);
	vcm_free(phys);
}

/**
 * struct mmu_end - hardware that did not unmap memory, when the context ends
 * @name: for the result
 * @error: errno of an invalidation
 * @off: the hardware has lost power
 * @ends: the quarantine ends
 */
struct mmu_end {
	const char *name;
	int error;
	bool off;
	bool ends;
};

static const struct mmu_end mmu_ends[] = {
	{ "answers again", 0, false, true },
	{ "off", -EIO, true, true },
	{ "still stuck", -EIO, false, false },
};

KUNIT_ARRAY_PARAM_DESC(mmu_end, mmu_ends, name);

/*
 * Row quarantine: it ends when the context is destroyed, if the driver says
 * that the hardware reaches no memory any more; else never
 */
static void mmu_quarantine_end(struct kunit *test)
{
	const struct mmu_end *end = test->param_value;
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm_res *owned, *dropped;
	struct vcm *vcm = &s->mmu.vcm;
	unsigned int released = 0;
	struct vcm_phys *phys;
	phys_addr_t paddr;
	dma_addr_t addr;

	s->released = &released;
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	phys = vcm_alloc(vcm, SZ_64K, VCM_ALLOC_CONTIG);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	owned = vcm_map(vcm, phys, 0);
	dropped = vcm_map(vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, owned);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dropped);
	addr = dropped->start;

	s->sync_error = -EIO;
	vcm_unmap(dropped);
	vcm_unbind(owned);
	KUNIT_EXPECT_EQ(test, refcount_read(&phys->refs), 3);

	s->sync_error = end->error;
	s->off = end->off;
	vcm_destroy(vcm);
	KUNIT_EXPECT_EQ(test, refcount_read(&phys->refs), end->ends ? 1 : 3);
	KUNIT_EXPECT_EQ(test, vcm->quarantined, end->ends ? 0 : 2 * SZ_64K);
	KUNIT_EXPECT_EQ(test, softmmu_translate(vcm, addr, VCM_RES_READ, &paddr),
			end->ends ? -EFAULT : 0);

	/* The last owner frees the context, unless its table is in use */
	KUNIT_EXPECT_EQ(test, released, 0);
	vcm_unreserve(owned);
	KUNIT_EXPECT_EQ(test, released, end->ends ? 1 : 0);
	vcm_free(phys);
}

/* vcm_alloc(): memory that the MMU can map, within the window of the context */
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
	KUNIT_EXPECT_PTR_EQ(test, phys, ERR_PTR(-EADDRNOTAVAIL));
	vcm_destroy(&s->mmu.vcm);
}

/* Return the minimum number of leaves for a part, found by trial. */
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

/*
 * Check the translation of both ends of every part, and of some addresses
 * between
 */
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
 * Make a random part that can often be mapped with large pages: one to three
 * pages of some size, sometimes a few granules off.
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

/* Test one binding, at an address that may be congruent to the memory or not */
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

	/* A failure at any leaf is undone with the right pages (14) */
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

/* Under KASAN in an emulator each takes seconds */
#define RANDOM_BINDINGS	(IS_ENABLED(CONFIG_KASAN) ? 4 : 40)

/* Random memory at random addresses takes the minimum number of leaves */
static void mmu_random(struct kunit *test)
{
	struct softmmu_cfg cfg = mmu_cfg;
	unsigned int burst, i;
	struct rnd_state rnd;
	struct softmmu *s;
	struct vcm_res *odd;

	vcm_seed(test, &rnd);
	for (burst = 0; burst < 3; burst++) {
		cfg.burst = burst * 5;
		s = softmmu_create(test, &cfg);
		KUNIT_ASSERT_EQ(test, vcm_activate(&s->mmu.vcm), 0);
		for (i = 0; i < RANDOM_BINDINGS; i++) {
			/* Move the next reservation */
			odd = vcm_reserve(&s->mmu.vcm, SZ_4K << (i % 8), 0);
			random_binding(test, s, &rnd);
			vcm_unreserve(odd);
		}
		vcm_destroy(&s->mmu.vcm);
	}
}

/*
 * Every page size, ascending and descending; then parts that are not congruent
 */
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

/* One invalidation for each binding, for any number of parts */
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
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, s->stats.syncs, 1);
	vcm_unreserve(res);
	vcm_free(phys);
	vcm_destroy(&s->mmu.vcm);
}

/* Three runs of four neighbours each */
#define SYNC_RUNS	3
#define SYNC_BINDINGS	12

static void unbind_together(struct vcm *vcm, struct vcm_res *const *res)
{
	vcm_unbind_many(res, SYNC_BINDINGS);
}

static void deactivate_together(struct vcm *vcm, struct vcm_res *const *res)
{
	vcm_deactivate(vcm);
}

static void destroy_together(struct vcm *vcm, struct vcm_res *const *res)
{
	vcm_destroy(vcm);
}

/**
 * struct mmu_together - a call that takes many bindings off the hardware
 * @name: for the result
 * @call: the call
 */
struct mmu_together {
	const char *name;
	void (*call)(struct vcm *vcm, struct vcm_res *const *res);
};

static const struct mmu_together mmu_togethers[] = {
	{ "unbind_many", unbind_together },
	{ "deactivate", deactivate_together },
	{ "destroy", destroy_together },
};

KUNIT_ARRAY_PARAM_DESC(mmu_together, mmu_togethers, name);

/*
 * Rows vcm_deactivate and vcm_destroy: they invalidate once for each run of
 * neighbours, as one vcm_unbind_many() does
 */
static void mmu_sync_together(struct kunit *test)
{
	const struct mmu_together *together = test->param_value;
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm_phys *phys = vcm_model_phys(test, &one_part, 1);
	struct vcm_res *res[SYNC_BINDINGS];
	struct vcm *vcm = &s->mmu.vcm;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	/* Not in ascending order: 5 has no divisor in common with 12 */
	for (i = 0; i < SYNC_BINDINGS; i++) {
		unsigned int n = 5 * i % SYNC_BINDINGS;
		unsigned int run = n / (SYNC_BINDINGS / SYNC_RUNS);

		res[i] = vcm_map_at(vcm, phys, SZ_16M + run * SZ_1M + n * SZ_8K,
				    0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
	}
	together->call(vcm, res);
	KUNIT_EXPECT_EQ(test, s->stats.syncs, SYNC_RUNS);
	expect_clean(test, s);

	if (together->call != destroy_together)
		vcm_destroy(vcm);
	for (i = 0; i < SYNC_BINDINGS; i++)
		vcm_unmap(res[i]);
	vcm_free(phys);
}

/*
 * Row memory, VCM_ALLOC_ACCOUNT: page tables of charged memory are allocated
 * with GFP_KERNEL_ACCOUNT, by a bind and by an activation; others are not
 */
static void mmu_account(struct kunit *test)
{
	struct softmmu *s = softmmu_create(test, &mmu_cfg);
	struct vcm_phys *plain = vcm_model_phys(test, &one_part, 1);
	struct vcm *vcm = &s->mmu.vcm;
	struct vcm_phys *charged;
	struct vcm_res *res;

	charged = vcm_phys_new(1, VCM_PHYS_ACCOUNT, vcm_model_free, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, charged);
	charged->parts[0] = one_part;
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(charged), 0);

	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	res = vcm_map(vcm, plain, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, s->gfp, GFP_KERNEL);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, charged), 0);
	KUNIT_EXPECT_EQ(test, s->gfp, GFP_KERNEL_ACCOUNT);

	vcm_deactivate(vcm);
	s->gfp = 0;
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
	KUNIT_EXPECT_EQ(test, s->gfp, GFP_KERNEL_ACCOUNT);
	vcm_unmap(res);
	vcm_free(charged);
	vcm_free(plain);
	vcm_destroy(vcm);
}

static struct kunit_case mmu_cases[] = {
	KUNIT_CASE(mmu_init),
	KUNIT_CASE(mmu_limits_twice),
	KUNIT_CASE(mmu_no_progress),
	KUNIT_CASE(mmu_stuck),
	KUNIT_CASE_PARAM(mmu_quarantine_end, mmu_end_gen_params),
	KUNIT_CASE(mmu_alloc),
	KUNIT_CASE(mmu_random),
	KUNIT_CASE(mmu_fail_everywhere),
	KUNIT_CASE(mmu_one_sync),
	KUNIT_CASE_PARAM(mmu_sync_together, mmu_together_gen_params),
	KUNIT_CASE(mmu_account),
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
