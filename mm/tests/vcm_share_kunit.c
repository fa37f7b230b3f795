// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of memory for several contexts, of memory that is charged, and of
 * imported scatter-gather tables.
 *
 * "Row" in the comments is a row of "What each call promises".
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "../vcm-internal.h"
#include "vcm_testdrv.h"

#define UNIT		((unsigned long)PAGE_SIZE)

/* Contexts with memory from the page allocator */
static const struct td_cfg share_small = {
	.last = SZ_1G - 1,
	.pgsize_bitmap = UNIT | UNIT * 16,
	.pages = true,
};

static const struct td_cfg share_large = {
	.last = SZ_1G - 1,
	.pgsize_bitmap = UNIT * 4 | UNIT * 64,
	.pages = true,
};

/* A context with an area of its own */
static const struct td_cfg share_area = {
	.last = SZ_1G - 1,
	.pgsize_bitmap = UNIT,
};

/* One-to-one, from 16 MiB on, where the areas have their memory */
static const struct td_cfg share_fixed = {
	.start = SZ_16M,
	.last = U32_MAX,
	.pgsize_bitmap = UNIT,
	.fixed = true,
	.pages = true,
	.suits = true,
};

/* One-to-one, with one page in reach */
static const struct td_cfg share_blind = {
	.last = UNIT - 1,
	.pgsize_bitmap = UNIT,
	.fixed = true,
	.pages = true,
	.suits = true,
};

/* Requests to the page allocator */
static struct {
	gfp_t gfp;
	unsigned int calls;
	unsigned int max_order;
} asked;

static struct page *share_pages(int nid, gfp_t gfp, unsigned int order)
{
	asked.gfp = gfp;
	asked.calls++;
	if (order > asked.max_order)
		return NULL;
	return alloc_pages_node(nid, gfp, order);
}

static int share_range(unsigned long pfn, unsigned long nr, gfp_t gfp)
{
	return -EBUSY;
}

/* Watch the page allocator, and limit it to blocks of @max_order. */
static void share_ask(struct kunit *test, unsigned int max_order)
{
	asked.gfp = 0;
	asked.calls = 0;
	asked.max_order = max_order;
	kunit_activate_static_stub(test, vcm_phys_pages, share_pages);
	if (IS_ENABLED(CONFIG_CONTIG_ALLOC))
		kunit_activate_static_stub(test, vcm_phys_range, share_range);
}

/* Expect that all of @vcms can bind all of the memory. */
static void expect_binds(struct kunit *test, struct vcm *const *vcms,
			 unsigned int nr, struct vcm_phys *phys)
{
	struct vcm_res *res;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		KUNIT_ASSERT_EQ(test, vcm_activate(vcms[i]), 0);
		res = vcm_map(vcms[i], phys, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
		KUNIT_EXPECT_PTR_EQ(test, res->phys, phys);
		vcm_unmap(res);
		vcm_deactivate(vcms[i]);
	}
}

/* Rows "memory" and "errors": errnos of vcm_alloc_for() */
static void share_errors(struct kunit *test)
{
	struct td_ctx *a = td_create(test->priv, &share_small);
	struct td_ctx *dead = td_create(test->priv, &share_small);
	struct vcm *both[] = { a->vcm, dead->vcm };
	struct vcm *null[] = { a->vcm, NULL };
	struct vcm *bad[] = { ERR_PTR(-ENOMEM), a->vcm };
	struct vcm_res *res = vcm_reserve(dead->vcm, UNIT, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	expect_errno(test, vcm_alloc_for(both, 0, UNIT, 0), -EINVAL);
	expect_errno(test, vcm_alloc_for(NULL, 1, UNIT, 0), -EINVAL);
	expect_errno(test, vcm_alloc_for(NULL, 0, UNIT, 0), -EINVAL);
	expect_errno(test, vcm_alloc_for(null, 2, UNIT, 0), -EINVAL);
	expect_errno(test, vcm_alloc_for(bad, 2, UNIT, 0), -EINVAL);
	expect_errno(test, vcm_alloc_for(both, 2, 0, 0), -EINVAL);
	expect_errno(test, vcm_alloc_for(both, 2, UNIT, BIT(4)), -EINVAL);
	expect_errno(test, vcm_alloc_for(both, 2, ~(resource_size_t)0, 0),
		     -ENOMEM);
	expect_errno(test, vcm_alloc_for(both, 2,
					 ~(resource_size_t)0 & ~(UNIT - 1), 0),
		     -ENOMEM);
	vcm_destroy(dead->vcm);
	expect_errno(test, vcm_alloc_for(both, 2, UNIT, 0), -ENODEV);
	vcm_unreserve(res);
}

/* Row "sizes": size and parts are multiples of the largest granule of all */
static void share_granule(struct kunit *test)
{
	struct td_ctx *a = td_create(test->priv, &share_small);
	struct td_ctx *b = td_create(test->priv, &share_large);
	struct vcm *orders[][2] = { { a->vcm, b->vcm }, { b->vcm, a->vcm } };
	struct vcm_phys *phys;
	unsigned int i, j, k;

	for (i = 0; i < 2; i++) {
		for (j = 0; j < 2; j++) {
			/* Small blocks, down to the granule */
			share_ask(test, j ? MAX_PAGE_ORDER : 2);
			phys = vcm_alloc_for(orders[i], 2, 21 * UNIT, 0);
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
			KUNIT_EXPECT_EQ(test, phys->size, 24 * UNIT);
			for (k = 0; k < phys->count; k++)
				KUNIT_EXPECT_EQ(test, 0,
						(phys->parts[k].paddr |
						 phys->parts[k].len) &
						(4 * UNIT - 1));
			expect_binds(test, orders[i], 2, phys);
			vcm_free(phys);
		}
		share_ask(test, 1);
		expect_errno(test, vcm_alloc_for(orders[i], 2, 4 * UNIT,
						 VCM_ALLOC_NOWARN), -ENOMEM);
	}
}

/* Row "sizes": the granule of a device counts as long as it is attached */
static void share_granule_of_device(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &share_small);
	struct device *dev = kunit_device_register(test, "vcm-share");
	struct vcm_phys *phys;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	td_limit(ctx, dev)->granule = 8 * UNIT;
	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	share_ask(test, 3);
	phys = vcm_alloc(ctx->vcm, UNIT, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_EXPECT_EQ(test, phys->size, 8 * UNIT);
	KUNIT_EXPECT_EQ(test, phys->parts[0].paddr & (8 * UNIT - 1), 0);
	vcm_free(phys);
	vcm_detach(ctx->vcm, dev);
	phys = vcm_alloc(ctx->vcm, UNIT, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_EXPECT_EQ(test, phys->size, UNIT);
	vcm_free(phys);
}

/* Row "memory": one part, if one of the contexts needs that */
static void share_contig(struct kunit *test)
{
	struct td_ctx *a = td_create(test->priv, &share_small);
	struct td_ctx *b = td_create(test->priv, &share_small);
	struct vcm *orders[][2] = { { a->vcm, b->vcm }, { b->vcm, a->vcm } };
	struct vcm_phys *phys;
	unsigned int i;

	b->vcm->memory.flags = VCM_ALLOC_CONTIG;
	for (i = 0; i < 2; i++) {
		share_ask(test, 3);
		phys = vcm_alloc_for(orders[i], 2, 8 * UNIT, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
		KUNIT_EXPECT_EQ(test, phys->count, 1);
		vcm_free(phys);
		share_ask(test, 0);
		expect_errno(test, vcm_alloc_for(orders[i], 2, 8 * UNIT,
						 VCM_ALLOC_NOWARN), -ENOMEM);
	}
	phys = vcm_alloc_for(&a->vcm, 1, 8 * UNIT, 0);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, phys);
	vcm_free(phys);
}

/* Row "memory": the requirements of all contexts are combined, in any order */
static void share_params(struct kunit *test)
{
	struct td_ctx *area = td_create(test->priv, &share_area);
	struct td_ctx *low = td_create(test->priv, &share_small);
	struct td_ctx *near = td_create(test->priv, &share_large);
	struct vcm *orders[][3] = {
		{ area->vcm, low->vcm, near->vcm },
		{ low->vcm, near->vcm, area->vcm },
		{ near->vcm, area->vcm, low->vcm },
	};
	const struct vcm_phys_params *params = &area->alloc_params;
	struct vcm_phys *phys;
	unsigned int i;

	low->vcm->memory.first = SZ_1M;
	low->vcm->memory.last = SZ_512M - 1;
	near->vcm->memory.first = SZ_64K;
	near->vcm->memory.nid = 0;
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		memset(&area->alloc_params, 0xa5, sizeof(area->alloc_params));
		phys = vcm_alloc_for(orders[i], 3, 4 * UNIT, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
		KUNIT_EXPECT_EQ(test, params->first, SZ_1M);
		KUNIT_EXPECT_EQ(test, params->last, SZ_512M - 1);
		KUNIT_EXPECT_EQ(test, params->nid, 0);
		KUNIT_EXPECT_EQ(test, params->flags, 0);
		/* Large pages are useful if one context can use them */
		KUNIT_EXPECT_EQ(test, params->pgsize_bitmap,
				UNIT * 4 | UNIT * 16 | UNIT * 64);
		vcm_free(phys);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&area->allocs), 3);
}

/* Row "memory": a context with an area decides where the memory comes from */
static void share_area_serves(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *area = td_create(td, &share_area);
	struct td_ctx *small = td_create(td, &share_small);
	struct td_ctx *fixed = td_create(td, &share_fixed);
	struct vcm *orders[][3] = {
		{ area->vcm, small->vcm, fixed->vcm },
		{ fixed->vcm, small->vcm, area->vcm },
	};
	struct vcm_phys *phys;
	unsigned int i;

	share_ask(test, MAX_PAGE_ORDER);
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		phys = vcm_alloc_for(orders[i], 3, UNIT, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
		KUNIT_EXPECT_EQ(test, atomic_read(&area->allocs), i + 1);
		expect_binds(test, orders[i], 3, phys);
		vcm_free(phys);
		/* The page allocator is no replacement for an area */
		area->alloc_error = -ENOMEM;
		expect_errno(test, vcm_alloc_for(orders[i], 3, UNIT, 0),
			     -ENOMEM);
		area->alloc_error = -EOPNOTSUPP;
		expect_errno(test, vcm_alloc_for(orders[i], 3, UNIT, 0),
			     -EOPNOTSUPP);
		area->alloc_error = 0;
	}
	KUNIT_EXPECT_EQ(test, asked.calls, 0);
}

/* Row "memory": -EADDRNOTAVAIL for memory that not all reach, which is freed */
static void share_out_of_reach(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_ctx *area = td_create(td, &share_area);
	struct td_ctx *other = td_create(td, &share_area);
	struct td_ctx *fixed = td_create(td, &share_fixed);
	struct td_ctx *blind = td_create(td, &share_blind);
	struct vcm *two[] = { area->vcm, fixed->vcm };
	struct vcm *three[] = { fixed->vcm, area->vcm, other->vcm };
	struct vcm *pages[] = { blind->vcm };
	struct vcm_phys *phys;

	area->alloc_at = SZ_1M;
	expect_errno(test, vcm_alloc_for(two, 2, UNIT, 0), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 1);
	/* The area of another context may suit all */
	phys = vcm_alloc_for(three, 3, UNIT, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_EXPECT_GE(test, phys->parts[0].paddr, SZ_16M);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed), 2);
	expect_binds(test, three, 3, phys);
	vcm_free(phys);
	/* -EADDRNOTAVAIL of one area, rather than -ENOMEM of another */
	other->alloc_error = -ENOMEM;
	expect_errno(test, vcm_alloc_for(three, 3, UNIT, 0), -EADDRNOTAVAIL);
	expect_errno(test, vcm_alloc_for(pages, 1, UNIT, 0), -EADDRNOTAVAIL);
}

/* Row "errors": after -EINTR the areas of other contexts are not tried */
static void share_signal(struct kunit *test)
{
	struct td_ctx *area = td_create(test->priv, &share_area);
	struct td_ctx *other = td_create(test->priv, &share_area);
	struct vcm *both[] = { area->vcm, other->vcm };

	area->alloc_error = -EINTR;
	expect_errno(test, vcm_alloc_for(both, 2, UNIT, 0), -EINTR);
	KUNIT_EXPECT_EQ(test, atomic_read(&other->allocs), 0);
}

/* Charged memory */

/*
 * Row "memory": with VCM_ALLOC_ACCOUNT pages and page tables are charged, and
 * without it neither. Of one part, the pages that are kept are charged later.
 */
static void share_account(struct kunit *test)
{
	static const unsigned int flags[] = { 0, VCM_ALLOC_CONTIG };
	struct td_ctx *ctx = td_create(test->priv, &share_small);
	struct vcm_phys *phys;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		share_ask(test, MAX_PAGE_ORDER);
		phys = vcm_alloc(ctx->vcm, 3 * UNIT,
				 flags[i] | VCM_ALLOC_ACCOUNT);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
		KUNIT_EXPECT_EQ(test, !(asked.gfp & __GFP_ACCOUNT),
				!!(flags[i] & VCM_ALLOC_CONTIG));
		KUNIT_EXPECT_TRUE(test, vcm_map_gfp(phys) & __GFP_ACCOUNT);
		vcm_free(phys);
		phys = vcm_alloc(ctx->vcm, 3 * UNIT, flags[i]);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
		KUNIT_EXPECT_FALSE(test, asked.gfp & __GFP_ACCOUNT);
		KUNIT_EXPECT_FALSE(test, vcm_map_gfp(phys) & __GFP_ACCOUNT);
		vcm_free(phys);
	}
}

/* Scatter-gather tables */

#define SG_PAGES	8

static struct {
	void *priv;
	unsigned int calls;
} sg_released;

static void sg_release(void *priv)
{
	sg_released.priv = priv;
	sg_released.calls++;
}

static void sg_free_pages(void *pages)
{
	__free_pages(pages, order_base_2(SG_PAGES));
}

static void sg_unlist(void *ram)
{
	remove_resource(ram);
}

/* List memory as RAM, on architectures that do not do that. */
static void sg_ram(struct kunit *test, phys_addr_t start)
{
	const size_t size = SG_PAGES * PAGE_SIZE;
	struct resource *ram;

	if (region_intersects(start, size, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) == REGION_INTERSECTS)
		return;
	ram = kunit_kzalloc(test, sizeof(*ram), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ram);
	ram->name = "VCM test";
	ram->start = start;
	ram->end = start + size - 1;
	ram->flags = IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY;
	KUNIT_ASSERT_EQ(test, insert_resource(&iomem_resource, ram), 0);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, sg_unlist,
							   ram));
}

/* Allocate neighbouring pages; the end of the test frees them. */
static struct page *sg_pages(struct kunit *test)
{
	struct page *pages = alloc_pages(GFP_KERNEL | __GFP_ZERO,
					 order_base_2(SG_PAGES));

	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, sg_free_pages,
							   pages));
	sg_ram(test, page_to_phys(pages));
	memset(&sg_released, 0, sizeof(sg_released));
	return pages;
}

/* Import the first @size bytes of a table. */
static struct vcm_phys *sg_import(struct scatterlist *sgl, unsigned int nents,
				  resource_size_t size)
{
	struct sg_table sgt = {
		.sgl = sgl,
		.nents = nents,
		.orig_nents = nents,
	};

	return vcm_phys_import_sgt(&sgt, size, 0, sg_release, NULL);
}

/*
 * Row "imports": the parts are in the order of the table, and neighbours may be
 * merged. The table is not used after the call.
 */
static void share_sgt_parts(struct kunit *test)
{
	struct page *pages = sg_pages(test);
	static const struct { unsigned int page, nr; } want[] = {
		{ 5, 2 }, { 0, 1 }, { 1, 2 }, { 4, 1 },
	};
	struct td_ctx *ctx = td_create(test->priv, &share_small);
	struct scatterlist sgl[ARRAY_SIZE(want)];
	resource_size_t offset = 0;
	struct vcm_phys *phys;
	struct vcm_res *res;
	phys_addr_t paddr;
	unsigned int i, n;

	sg_init_table(sgl, ARRAY_SIZE(want));
	for (i = 0; i < ARRAY_SIZE(want); i++)
		sg_set_page(&sgl[i], pages + want[i].page,
			    want[i].nr * PAGE_SIZE, 0);
	/* The same page, described in another way */
	sg_set_page(&sgl[3], pages + 3, PAGE_SIZE, PAGE_SIZE);
	phys = sg_import(sgl, ARRAY_SIZE(want), 6 * PAGE_SIZE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	memset(sgl, 0xa5, sizeof(sgl));
	KUNIT_EXPECT_EQ(test, phys->size, 6 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, phys->count, 3);

	res = vcm_map(ctx->vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		for (n = 0; n < want[i].nr; n++, offset += PAGE_SIZE) {
			KUNIT_ASSERT_EQ(test, 0,
					vcm_addr_to_phys(ctx->vcm, res->start +
							 offset, &paddr));
			KUNIT_EXPECT_EQ(test, paddr,
					page_to_phys(pages + want[i].page + n));
		}
	}
	vcm_unmap(res);
	vcm_free(phys);
}

/* Row "imports": the size may end within an entry, but not after the table */
static void share_sgt_size(struct kunit *test)
{
	struct page *pages = sg_pages(test);
	struct scatterlist sgl[3];
	struct vcm_phys *phys;

	sg_init_table(sgl, 3);
	sg_set_page(&sgl[0], pages, 2 * PAGE_SIZE, 0);
	sg_set_page(&sgl[1], pages + 4, 2 * PAGE_SIZE, 0);
	/* Not concerned by the sizes below, so it may be anything */
	sg_set_page(&sgl[2], pages + 6, 17, 5);

	phys = sg_import(sgl, 3, 3 * PAGE_SIZE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_EXPECT_EQ(test, phys->size, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, phys->count, 2);
	KUNIT_EXPECT_EQ(test, phys->parts[1].len, PAGE_SIZE);
	vcm_free(phys);
	phys = sg_import(sgl, 3, 4 * PAGE_SIZE);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, phys);
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, sg_released.calls, 2);

	expect_errno(test, sg_import(sgl, 3, 5 * PAGE_SIZE), -EINVAL);
	expect_errno(test, sg_import(sgl, 2, 5 * PAGE_SIZE), -EINVAL);
	expect_errno(test, sg_import(sgl, 2, PAGE_SIZE + 1), -EINVAL);
	expect_errno(test, sg_import(sgl, 2, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, sg_released.calls, 2);
}

/*
 * Row "imports": RAM that another driver has allocated can be mapped for the
 * CPU, unless the CPU has it write-combined already.
 */
static void share_sgt_cpu(struct kunit *test)
{
	struct page *pages = sg_pages(test);
	struct scatterlist sgl[2];
	struct sg_table sgt = { .sgl = sgl, .nents = 2, .orig_nents = 2 };
	struct vcm_phys *phys;
	struct vcm_res *res;

	sg_init_table(sgl, 2);
	sg_set_page(&sgl[0], pages + 4, PAGE_SIZE, 0);
	sg_set_page(&sgl[1], pages, PAGE_SIZE, 0);
	phys = sg_import(sgl, 2, 2 * PAGE_SIZE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = vcm_map(vcm_vmm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	*(u32 *)vcm_cpu_addr(res) = 0xcafe;
	*(u32 *)(vcm_cpu_addr(res) + PAGE_SIZE) = 0xbeef;
	vcm_unmap(res);
	vcm_free(phys);
	if (!PageHighMem(pages)) {
		KUNIT_EXPECT_EQ(test, *(u32 *)page_address(pages + 4), 0xcafe);
		KUNIT_EXPECT_EQ(test, *(u32 *)page_address(pages), 0xbeef);
	}

	phys = vcm_phys_import_sgt(&sgt, 2 * PAGE_SIZE, VCM_IMPORT_WC,
				   sg_release, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	expect_errno(test, vcm_map(vcm_vmm, phys, 0), -EOPNOTSUPP);
	vcm_free(phys);
}

/* Row "imports": release is called once, after the last reference */
static void share_sgt_released(struct kunit *test)
{
	struct page *pages = sg_pages(test);
	struct td_ctx *ctx = td_create(test->priv, &share_small);
	struct scatterlist sg;
	struct sg_table sgt = { .sgl = &sg, .nents = 1, .orig_nents = 1 };
	struct vcm_phys *phys;
	struct vcm_res *res;
	int priv;

	sg_init_one(&sg, page_address(pages), 2 * PAGE_SIZE);
	phys = vcm_phys_import_sgt(&sgt, 2 * PAGE_SIZE, 0, sg_release, &priv);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = vcm_map(ctx->vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, sg_released.calls, 0);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, sg_released.calls, 1);
	KUNIT_EXPECT_PTR_EQ(test, sg_released.priv, (void *)&priv);
}

/* Row "imports": no release for memory that is refused */
static void share_sgt_errors(struct kunit *test)
{
	struct page *pages = sg_pages(test);
	static const struct { size_t len, offset; } bad[] = {
		{ PAGE_SIZE - 1, 0 }, { PAGE_SIZE, 1 }, { 512, 0 }, { 0, 0 },
		{ PAGE_SIZE - 512, 512 }, { PAGE_SIZE, 512 },
	};
	struct scatterlist sgl[2];
	struct sg_table sgt = { .sgl = sgl, .nents = 2, .orig_nents = 2 };
	unsigned int i, j;

	sg_init_table(sgl, 2);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		for (j = 0; j < 2; j++) {
			sg_set_page(&sgl[j], pages, bad[i].len, bad[i].offset);
			sg_set_page(&sgl[!j], pages + 2, PAGE_SIZE, 0);
			expect_errno(test, sg_import(sgl, 2, 2 * PAGE_SIZE),
				     -EINVAL);
		}
	}
	sg_set_page(&sgl[0], pages, PAGE_SIZE, 0);
	sg_set_page(&sgl[1], NULL, PAGE_SIZE, 0);
	expect_errno(test, sg_import(sgl, 2, 2 * PAGE_SIZE), -EINVAL);
	sg_set_page(&sgl[1], pages + 2, PAGE_SIZE, 0);
	expect_errno(test, sg_import(sgl, 0, PAGE_SIZE), -EINVAL);
	expect_errno(test, vcm_phys_import_sgt(NULL, PAGE_SIZE, 0, sg_release,
					       NULL), -EINVAL);
	expect_errno(test, vcm_phys_import_sgt(ERR_PTR(-ENOMEM), PAGE_SIZE, 0,
					       sg_release, NULL), -EINVAL);
	expect_errno(test, vcm_phys_import_sgt(&sgt, PAGE_SIZE, BIT(1),
					       sg_release, NULL), -EINVAL);
	expect_errno(test, vcm_phys_import_sgt(&sgt, PAGE_SIZE, 0, NULL, NULL),
		     -EINVAL);
	KUNIT_EXPECT_EQ(test, sg_released.calls, 0);
}

static struct kunit_case share_cases[] = {
	KUNIT_CASE(share_errors),
	KUNIT_CASE(share_granule),
	KUNIT_CASE(share_granule_of_device),
	KUNIT_CASE(share_contig),
	KUNIT_CASE(share_params),
	KUNIT_CASE(share_area_serves),
	KUNIT_CASE(share_out_of_reach),
	KUNIT_CASE(share_signal),
	KUNIT_CASE(share_account),
	KUNIT_CASE(share_sgt_parts),
	KUNIT_CASE(share_sgt_size),
	KUNIT_CASE(share_sgt_cpu),
	KUNIT_CASE(share_sgt_released),
	KUNIT_CASE(share_sgt_errors),
	{}
};

static struct kunit_suite share_suite = {
	.name = "vcm_share",
	.init = td_begin,
	.exit = td_end,
	.test_cases = share_cases,
};

kunit_test_suite(share_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of memory for several contexts of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
