// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for imported memory of Virtual Contiguous Memory: what can be
 * imported, what an import reads, and when its release callback is called.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../vcm-internal.h"
#include "vcm_ram.h"
#include "vcm_testdrv.h"

#define PHYS_TOP	(~(phys_addr_t)0)

static const struct td_cfg import_cfg = {
	.last = SZ_1G - 1,
	.pgsize_bitmap = PAGE_SIZE,
};

/**
 * struct import - an importer
 * @block: 16 pages that it has
 * @ctx: a context, whose locks the release callback takes; may be NULL
 * @module: the module of the release callback; may be NULL
 * @pins: references of @module within the release callback
 * @locked: the release callback found the topology of @ctx locked
 * @released: number of calls of the release callback
 */
struct import {
	struct page *block;
	struct td_ctx *ctx;
	struct module *module;
	int pins;
	bool locked;
	unsigned int released;
};

#define IMPORT_ORDER	4

static void import_free_block(void *block)
{
	__free_pages(block, IMPORT_ORDER);
}

static struct import *import_begin(struct kunit *test)
{
	struct import *import = kunit_kzalloc(test, sizeof(*import),
					      GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, import);
	vcm_ram_enter(test);
	import->block = alloc_pages(GFP_KERNEL, IMPORT_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, import->block);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, import_free_block,
							import->block), 0);
	return import;
}

static void import_release(void *priv)
{
	struct import *import = priv;

	might_sleep();
	import->released++;
#ifdef CONFIG_MODULE_UNLOAD
	if (import->module)
		import->pins = atomic_read(&import->module->refcnt);
#endif
	if (!import->ctx || !import->ctx->vcm)
		return;
	if (!down_write_trylock(&import->ctx->vcm->topology)) {
		import->locked = true;
		return;
	}
	up_write(&import->ctx->vcm->topology);
	/* A callback may call anything, so let lockdep see a call for writing */
	if (!vcm_activate(import->ctx->vcm))
		vcm_deactivate(import->ctx->vcm);
}

static struct vcm_phys *import_page(struct kunit *test, struct import *import)
{
	struct vcm_phys *phys;

	phys = vcm_phys_import_pages(&import->block, 1, 0, import_release,
				     import);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	import->released = 0;
	return phys;
}

/* Check that an import describes these parts, and drop it. */
static void import_check(struct kunit *test, struct import *import,
			 struct vcm_phys *phys, unsigned int count,
			 const struct phys_vec *parts)
{
	resource_size_t size = 0;
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_EXPECT_EQ(test, phys->count, count);
	KUNIT_EXPECT_TRUE(test, phys->flags & VCM_PHYS_PAGES);
	for (i = 0; i < min(count, phys->count); i++) {
		KUNIT_EXPECT_EQ(test, phys->parts[i].paddr, parts[i].paddr);
		KUNIT_EXPECT_EQ(test, phys->parts[i].len, parts[i].len);
		size += parts[i].len;
	}
	KUNIT_EXPECT_EQ(test, phys->size, size);
	import->released = 0;
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, import->released, 1);
}

/* The release callback */

/**
 * enum import_drop - calls that drop a reference
 * @DROP_CALLER: vcm_free()
 * @DROP_GET: vcm_phys_put(), after vcm_phys_get()
 * @DROP_UNBIND: vcm_unbind()
 * @DROP_MANY: vcm_unbind_many()
 * @DROP_UNMAP: vcm_unmap()
 * @DROPS: number of such calls
 */
enum import_drop {
	DROP_CALLER,
	DROP_GET,
	DROP_UNBIND,
	DROP_MANY,
	DROP_UNMAP,
	DROPS,
};

static void import_drop(struct vcm_phys *phys, struct vcm_res **res,
			enum import_drop drop)
{
	switch (drop) {
	case DROP_CALLER:
		return vcm_free(phys);
	case DROP_GET:
		return vcm_phys_put(phys);
	case DROP_UNBIND:
		return vcm_unbind(res[0]);
	case DROP_MANY:
		return vcm_unbind_many(res + 1, 2);
	default:
		return vcm_unmap(res[3]);
	}
}

/*
 * Imports: the release callback is called once, by the call that drops the last
 * reference, whichever that is. No lock of VCM is held, and the memory is bound
 * nowhere by then.
 */
static void import_release_once(struct kunit *test)
{
	struct import *import = import_begin(test);
	unsigned int pair, i;

	import->ctx = td_create(test->priv, &import_cfg);
	KUNIT_ASSERT_EQ(test, vcm_activate(import->ctx->vcm), 0);
	for (pair = 0; pair < DROPS * DROPS; pair++) {
		const unsigned int first = pair % DROPS, last = pair / DROPS;
		struct vcm_phys *phys;
		struct vcm_res *res[4];

		if (first == last)
			continue;
		phys = import_page(test, import);
		vcm_phys_get(phys);
		for (i = 0; i < 4; i++) {
			res[i] = vcm_map(import->ctx->vcm, phys, 0);
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
		}
		import_drop(phys, res, first);
		for (i = 0; i < DROPS; i++)
			if (i != first && i != last)
				import_drop(phys, res, i);
		KUNIT_EXPECT_EQ(test, import->released, 0);
		import_drop(phys, res, last);
		KUNIT_EXPECT_EQ(test, import->released, 1);
		for (i = 0; i < 3; i++)
			vcm_unmap(res[i]);
		KUNIT_EXPECT_EQ(test, import->released, 1);
	}
	KUNIT_EXPECT_FALSE(test, import->locked);
	vcm_deactivate(import->ctx->vcm);
}

/*
 * Imports: quarantined memory is held, so its release callback is called when
 * vcm_destroy() has ended the quarantine. No lock of another context is held.
 */
static void import_release_quarantined(struct kunit *test)
{
	struct import *import = import_begin(test);
	struct td_ctx *ctx = td_create(test->priv, &import_cfg);
	struct vcm_phys *phys = import_page(test, import);
	struct vcm_res *res = vcm_map(ctx->vcm, phys, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	import->ctx = td_create(test->priv, &import_cfg);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	ctx->unmap_sticks = true;
	ctx->unreachable = true;
	vcm_unmap(res);
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, import->released, 0);
	vcm_deactivate(ctx->vcm);
	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, import->released, 1);
	KUNIT_EXPECT_FALSE(test, import->locked);
	/* The hardware has forgotten it, see td_ctx_end() */
	ctx->stuck = 0;
}

/*
 * Imports: the module of the release callback is pinned until that has returned,
 * and -ENODEV if the module is being unloaded.
 */
static void import_pins_module(struct kunit *test)
{
#ifdef CONFIG_MODULE_UNLOAD
	struct import *import = import_begin(test);
	struct module *module = kunit_kzalloc(test, sizeof(*module),
					      GFP_KERNEL);
	struct vcm_phys *phys;

	/* What try_module_get() and module_put() look at */
	KUNIT_ASSERT_NOT_NULL(test, module);
	atomic_set(&module->refcnt, 1);
	module->state = MODULE_STATE_LIVE;
	import->module = module;

	phys = __vcm_phys_import_pages(&import->block, 1, 0, import_release,
				       import, module);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_EXPECT_EQ(test, atomic_read(&module->refcnt), 2);
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, import->released, 1);
	KUNIT_EXPECT_EQ(test, import->pins, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&module->refcnt), 1);

	/* An import that fails leaves no pin */
	expect_errno(test, __vcm_phys_import_pages(&import->block, 0, 0,
						   import_release, import,
						   module), -EINVAL);
	expect_errno(test, __vcm_phys_import_range(0, 1, 0, import_release,
						   import, module), -EINVAL);
	KUNIT_EXPECT_EQ(test, atomic_read(&module->refcnt), 1);

	module->state = MODULE_STATE_GOING;
	expect_errno(test, __vcm_phys_import_pages(&import->block, 1, 0,
						   import_release, import,
						   module), -ENODEV);
	KUNIT_EXPECT_EQ(test, atomic_read(&module->refcnt), 1);
	KUNIT_EXPECT_EQ(test, import->released, 1);
#else
	kunit_skip(test, "modules cannot be unloaded");
#endif
}

/* Ranges */

static void import_range_check(struct kunit *test, phys_addr_t start,
			       resource_size_t size)
{
	struct import import = { };
	struct vcm_phys *phys;
	phys_addr_t next = start;
	resource_size_t sum = 0;
	unsigned int i;

	phys = vcm_phys_import_range(start, size, 0, import_release, &import);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_EXPECT_EQ(test, phys->size, size);
	for (i = 0; i < phys->count; i++) {
		KUNIT_EXPECT_EQ(test, phys->parts[i].paddr, next);
		next += phys->parts[i].len;
		sum += phys->parts[i].len;
	}
	KUNIT_EXPECT_EQ(test, sum, size);
	if (size <= SIZE_MAX / 2)
		KUNIT_EXPECT_EQ(test, phys->count, 1);
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, import.released, 1);
}

/* Return the last address that has a page frame number. */
static phys_addr_t import_pfn_top(void)
{
	return min_t(u64, PHYS_TOP, ((u64)ULONG_MAX << PAGE_SHIFT) | ~PAGE_MASK);
}

/* vcm_phys_import_range: ranges above 4 GiB, of more than 4 GiB, up to the end. */
static void import_range_large(struct kunit *test)
{
	/* 32-bit: a part has less than 4 GiB, and the parts are limited */
	const unsigned int shifts = sizeof(size_t) < sizeof(u64) ? 40 : 64;
	const u64 top = import_pfn_top();
	unsigned int shift;
	u64 size;

	import_range_check(test, top - PAGE_SIZE + 1, PAGE_SIZE);
	if (sizeof(phys_addr_t) < sizeof(u64))
		return;
	for (shift = 30; shift < shifts; shift++) {
		size = BIT_ULL(shift);
		import_range_check(test, top - size + 1, size);
		import_range_check(test, top - size - PAGE_SIZE + 1, size);
		import_range_check(test, top - size + PAGE_SIZE + 1,
				   size - PAGE_SIZE);
		import_range_check(test, size, PAGE_SIZE);
	}
}

static void expect_range_invalid(struct kunit *test, phys_addr_t start,
				 resource_size_t size)
{
	struct import import = { };

	expect_errno(test, vcm_phys_import_range(start, size, 0, import_release,
						 &import), -EINVAL);
	KUNIT_EXPECT_EQ(test, import.released, 0);
}

/* vcm_phys_import_range: -EINVAL for what is not whole pages, or no range. */
static void import_range_errors(struct kunit *test)
{
	static const struct {
		phys_addr_t start;
		resource_size_t size;
	} rows[] = {
		{ SZ_1M, 0 },
		{ SZ_1M + 1, PAGE_SIZE },
		{ SZ_1M + PAGE_SIZE / 2, PAGE_SIZE },
		{ SZ_1M, PAGE_SIZE - 1 },
		{ SZ_1M, PAGE_SIZE + 1 },
		{ PHYS_TOP - PAGE_SIZE + 1, 2 * PAGE_SIZE },
		{ 2 * PAGE_SIZE, -2 * (resource_size_t)PAGE_SIZE + PAGE_SIZE },
	};
	const phys_addr_t top = import_pfn_top();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		expect_range_invalid(test, rows[i].start, rows[i].size);

	/* 32-bit: there are addresses above the last page frame number */
	if (top == PHYS_TOP)
		return;
	expect_range_invalid(test, top + 1, PAGE_SIZE);
	expect_range_invalid(test, top + 1 - PAGE_SIZE, 2 * PAGE_SIZE);
	expect_range_invalid(test, 0, top + 1);
}

/* vcm_phys_import_range: -EINVAL for a range that is RAM only in part. */
static void import_range_ram(struct kunit *test)
{
	struct resource ram = {
		.name = "VCM test",
		.flags = IORESOURCE_SYSTEM_RAM,
	};
	const resource_size_t size = 4 * SZ_64K;
	struct import import = { };
	struct vcm_phys *phys;

	/* A hole that is RAM as long as no code looks into it */
	vcm_ram_enter(test);
	if (allocate_resource(&iomem_resource, &ram, 3 * size, SZ_1M,
			      iomem_resource.end, SZ_64K, NULL, NULL))
		kunit_skip(test, "no hole in the physical address space");
	ram.flags |= IORESOURCE_BUSY;

	phys = vcm_phys_import_range(ram.start, 3 * size, 0, import_release,
				     &import);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, phys);
	if (!IS_ERR_OR_NULL(phys))
		KUNIT_EXPECT_TRUE(test, phys->flags & VCM_PHYS_PAGES);
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, adjust_resource(&ram, ram.start + size, size), 0);
	expect_range_invalid(test, ram.start - size, 2 * size);
	expect_range_invalid(test, ram.start, 2 * size);
	expect_range_invalid(test, ram.start - size, 3 * size);
	KUNIT_EXPECT_EQ(test, release_resource(&ram), 0);

	phys = vcm_phys_import_range(ram.start, size, 0, import_release,
				     &import);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_EXPECT_FALSE(test, phys->flags & VCM_PHYS_PAGES);
	vcm_free(phys);
}

/* Pages */

/* vcm_phys_import_pages: neighbours become one part, in the order of the array. */
static void import_pages_parts(struct kunit *test)
{
	static const struct {
		unsigned int nr, count;
		u8 page[8];
		struct { u8 page, nr; } part[8];
	} rows[] = {
		{ 1, 1, { 0 }, { { 0, 1 } } },
		{ 8, 1, { 0, 1, 2, 3, 4, 5, 6, 7 }, { { 0, 8 } } },
		{ 4, 4, { 3, 2, 1, 0 },
		  { { 3, 1 }, { 2, 1 }, { 1, 1 }, { 0, 1 } } },
		{ 8, 3, { 4, 5, 6, 1, 2, 7, 8, 9 },
		  { { 4, 3 }, { 1, 2 }, { 7, 3 } } },
		/* The same page again is no neighbour */
		{ 3, 2, { 5, 5, 6 }, { { 5, 1 }, { 5, 2 } } },
	};
	struct import *import = import_begin(test);
	struct phys_vec parts[8];
	struct page *pages[8];
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (j = 0; j < rows[i].nr; j++)
			pages[j] = import->block + rows[i].page[j];
		for (j = 0; j < rows[i].count; j++) {
			parts[j].paddr = page_to_phys(import->block +
						      rows[i].part[j].page);
			parts[j].len = rows[i].part[j].nr * PAGE_SIZE;
		}
		import_check(test, import,
			     vcm_phys_import_pages(pages, rows[i].nr, 0,
						   import_release, import),
			     rows[i].count, parts);
	}
}

/*
 * vcm_phys_import_pages: the list of parts grows, with pages of 4K beyond what
 * kmalloc() has room for.
 */
static void import_pages_many(struct kunit *test)
{
	const unsigned long nr = SZ_4M / sizeof(struct phys_vec) + 1;
	struct import *import = import_begin(test);
	struct page **pages = kvmalloc_objs(*pages, nr);
	struct vcm_phys *phys;
	unsigned long i, wrong = 0;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (i = 0; i < nr; i++)
		pages[i] = import->block + i * 2 % (1 << IMPORT_ORDER);
	phys = vcm_phys_import_pages(pages, nr, 0, import_release, import);
	kvfree(pages);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_EXPECT_EQ(test, phys->count, nr);
	KUNIT_EXPECT_EQ(test, phys->size, (resource_size_t)nr << PAGE_SHIFT);
	for (i = 0; i < phys->count; i++)
		wrong += phys->parts[i].len != PAGE_SIZE ||
			 phys->parts[i].paddr !=
			 page_to_phys(import->block + i * 2 %
				      (1 << IMPORT_ORDER));
	KUNIT_EXPECT_EQ(test, wrong, 0);
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, import->released, 1);
}

/* vcm_phys_import_pages: -EINVAL for each bad argument, nothing is released. */
static void import_pages_errors(struct kunit *test)
{
	struct import *import = import_begin(test);
	struct page *pages[3] = { import->block, NULL, import->block + 1 };
	struct page **none = NULL;

	expect_errno(test, vcm_phys_import_pages(pages, 1, 0, NULL, import),
		     -EINVAL);
	expect_errno(test, vcm_phys_import_pages(pages, 1, VCM_IMPORT_FLAGS + 1,
						 import_release, import),
		     -EINVAL);
	expect_errno(test, vcm_phys_import_pages(pages, 1, BIT(31),
						 import_release, import),
		     -EINVAL);
	expect_errno(test, vcm_phys_import_pages(pages, 0, 0, import_release,
						 import), -EINVAL);
	expect_errno(test, vcm_phys_import_pages(none, 1, 0, import_release,
						 import), -EINVAL);
	expect_errno(test, vcm_phys_import_pages(pages, 2, 0, import_release,
						 import), -EINVAL);
	expect_errno(test, vcm_phys_import_pages(pages, 3, 0, import_release,
						 import), -EINVAL);
	expect_errno(test, vcm_phys_import_pages(pages + 1, 1, 0,
						 import_release, import),
		     -EINVAL);
	pages[1] = ERR_PTR(-EFAULT);
	expect_errno(test, vcm_phys_import_pages(pages, 3, 0, import_release,
						 import), -EINVAL);
	KUNIT_EXPECT_EQ(test, import->released, 0);
}

/* Tables */

/**
 * struct import_entry - an entry of a scatter-gather table
 * @page: number of the page in the block, negative for none
 * @offset: bytes
 * @length: bytes
 */
struct import_entry {
	int page;
	unsigned int offset;
	unsigned int length;
};

#define IMPORT_ENTRIES	4

static struct sg_table *import_table(struct kunit *test, struct import *import,
				     unsigned int nr,
				     const struct import_entry *entry)
{
	struct sg_table *sgt = kunit_kzalloc(test, sizeof(*sgt), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, sgt);
	sgt->sgl = kunit_kcalloc(test, nr, sizeof(*sgt->sgl), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sgt->sgl);
	sg_init_table(sgt->sgl, nr);
	sgt->nents = nr;
	sgt->orig_nents = nr;
	for (i = 0; i < nr; i++) {
		if (entry[i].page >= 0)
			sg_set_page(&sgt->sgl[i], import->block + entry[i].page,
				    entry[i].length, entry[i].offset);
		else
			sgt->sgl[i].length = entry[i].length;
	}
	return sgt;
}

#define P(n)	((n) * (unsigned int)PAGE_SIZE)

/*
 * vcm_phys_import_sgt: neighbouring entries become one part; if @size is smaller
 * than the table, the import is a prefix of it, and entries after it do not
 * matter.
 */
static void import_sgt_parts(struct kunit *test)
{
	static const struct {
		unsigned int nr, pages, count;
		struct import_entry entry[IMPORT_ENTRIES];
		struct { u8 page, nr; } part[IMPORT_ENTRIES];
	} rows[] = {
		{ 1, 4, 1, { { 0, 0, P(4) } }, { { 0, 4 } } },
		{ 3, 6, 1, { { 2, 0, P(1) }, { 3, 0, P(2) }, { 5, 0, P(3) } },
		  { { 2, 6 } } },
		{ 3, 4, 2, { { 2, 0, P(2) }, { 8, 0, P(1) }, { 9, 0, P(1) } },
		  { { 2, 2 }, { 8, 2 } } },
		/* An offset of whole pages */
		{ 1, 2, 1, { { 1, P(3), P(2) } }, { { 4, 2 } } },
		/* A prefix that ends within an entry, and at the end of one */
		{ 2, 3, 1, { { 0, 0, P(2) }, { 2, 0, P(2) } }, { { 0, 3 } } },
		{ 2, 1, 1, { { 4, 0, P(2) }, { 9, 0, P(2) } }, { { 4, 1 } } },
		{ 2, 2, 1, { { 4, 0, P(2) }, { -1, 0, P(2) } }, { { 4, 2 } } },
		{ 3, 2, 1, { { 4, 0, P(2) }, { 7, 8, 16 }, { 8, 0, 0 } },
		  { { 4, 2 } } },
	};
	struct import *import = import_begin(test);
	struct phys_vec parts[IMPORT_ENTRIES];
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sg_table *sgt = import_table(test, import, rows[i].nr,
						    rows[i].entry);

		for (j = 0; j < rows[i].count; j++) {
			parts[j].paddr = page_to_phys(import->block +
						      rows[i].part[j].page);
			parts[j].len = P(rows[i].part[j].nr);
		}
		import_check(test, import,
			     vcm_phys_import_sgt(sgt, P(rows[i].pages), 0,
						 import_release, import),
			     rows[i].count, parts);
	}
}

/*
 * vcm_phys_import_sgt: reads the CPU's side of the table, also when the DMA API
 * has mapped it with fewer entries and other lengths.
 */
static void import_sgt_mapped(struct kunit *test)
{
	static const struct import_entry entry[] = {
		{ 0, 0, P(2) }, { 6, 0, P(1) }, { 3, 0, P(2) },
	};
	struct import *import = import_begin(test);
	struct sg_table *sgt = import_table(test, import, 3, entry);
	const struct phys_vec parts[] = {
		{ page_to_phys(import->block), P(2) },
		{ page_to_phys(import->block + 6), P(1) },
		{ page_to_phys(import->block + 3), P(2) },
	};

	sgt->nents = 1;
	sg_dma_address(sgt->sgl) = SZ_1G;
	sg_dma_len(sgt->sgl) = P(5);
#ifndef CONFIG_NEED_SG_DMA_LENGTH
	/* Both sides have one length here */
	sgt->sgl->length = P(2);
#endif
	import_check(test, import,
		     vcm_phys_import_sgt(sgt, P(5), 0, import_release, import),
		     3, parts);
}

static void expect_sgt_invalid(struct kunit *test, struct import *import,
			       struct sg_table *sgt, resource_size_t size)
{
	expect_errno(test, vcm_phys_import_sgt(sgt, size, 0, import_release,
					       import), -EINVAL);
}

/* vcm_phys_import_sgt: -EINVAL for each bad argument, nothing is released. */
static void import_sgt_errors(struct kunit *test)
{
	static const struct import_entry good[] = {
		{ 0, 0, P(2) }, { 4, 0, P(2) },
	};
	static const struct import_entry bad[][2] = {
		/* no page; not whole pages; empty */
		{ { 0, 0, P(2) }, { -1, 0, P(2) } },
		{ { 0, 0, P(2) }, { 4, 8, P(2) } },
		{ { 0, 0, P(2) }, { 4, 0, P(2) + 8 } },
		{ { 0, 0, P(2) }, { 4, 8, P(2) - 8 } },
		{ { 0, 0, P(1) + 8 }, { 4, 0, P(3) - 8 } },
		{ { 0, 0, 0 }, { 4, 0, P(4) } },
	};
	struct import *import = import_begin(test);
	struct sg_table *sgt = import_table(test, import, 2, good);
	unsigned int i;

	expect_errno(test, vcm_phys_import_sgt(sgt, P(4), 0, NULL, import),
		     -EINVAL);
	expect_errno(test, vcm_phys_import_sgt(sgt, P(4), VCM_IMPORT_FLAGS + 1,
					       import_release, import),
		     -EINVAL);
	expect_sgt_invalid(test, import, NULL, P(4));
	expect_sgt_invalid(test, import, ERR_PTR(-ENOMEM), P(4));
	expect_sgt_invalid(test, import, sgt, 0);
	expect_sgt_invalid(test, import, sgt, P(1) + 8);
	expect_sgt_invalid(test, import, sgt, P(5));
	expect_sgt_invalid(test, import, sgt,
			   ~(resource_size_t)0 & PAGE_MASK);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		expect_sgt_invalid(test, import,
				   import_table(test, import, 2, bad[i]),
				   P(4));
	KUNIT_EXPECT_EQ(test, import->released, 0);
}

/*
 * Imports: -EINVAL for struct pages of memory that is not RAM of the kernel, also
 * beside pages that are.
 */
static void import_not_ram(struct kunit *test)
{
	struct resource hole = { .name = "VCM test" };
	struct import *import = import_begin(test);
	struct sg_table *sgt;
	struct page *pages[2];

	if (IS_ENABLED(CONFIG_SPARSEMEM) &&
	    !IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP))
		kunit_skip(test, "a hole has no struct pages");
	if (allocate_resource(&iomem_resource, &hole, SZ_64K, SZ_1M,
			      iomem_resource.end, SZ_64K, NULL, NULL))
		kunit_skip(test, "no hole in the physical address space");
	/* No code looks into these structs */
	pages[0] = import->block;
	pages[1] = pfn_to_page(PHYS_PFN(hole.start));
	expect_errno(test, vcm_phys_import_pages(pages, 2, 0, import_release,
						 import), -EINVAL);
	expect_errno(test, vcm_phys_import_pages(pages + 1, 1, 0,
						 import_release, import),
		     -EINVAL);
	sgt = import_table(test, import, 1,
			   &(struct import_entry){ 0, 0, PAGE_SIZE });
	sg_assign_page(sgt->sgl, pages[1]);
	expect_sgt_invalid(test, import, sgt, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, import->released, 0);
	release_resource(&hole);
}

struct import_back {
	struct vcm_res *other;
	struct vcm_phys *phys;
	int bound;
};

static void import_bind_back(void *priv)
{
	struct import_back *back = priv;

	back->bound = vcm_bind(back->other, back->phys);
	/* -EBUSY: a drop would wait for this thread */
	if (!back->bound)
		vcm_unreserve(back->other);
}

/*
 * Release: the callback of one reservation of vcm_unbind_many() may bind, unbind
 * and drop another one of the same call.
 */
static void import_release_in_batch(struct kunit *test)
{
	struct import *import = import_begin(test);
	struct td_ctx *ctx = td_create(test->priv, &import_cfg);
	struct import_back back = { .bound = 1 };
	struct vcm_res *res[2];
	struct vcm_phys *phys;

	phys = vcm_phys_import_range(page_to_phys(import->block), PAGE_SIZE, 0,
				     import_bind_back, &back);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	back.phys = vcm_alloc(ctx->vcm, PAGE_SIZE, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, back.phys);
	res[0] = vcm_map(ctx->vcm, phys, 0);
	res[1] = vcm_map(ctx->vcm, back.phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[0]);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[1]);
	vcm_free(phys);
	back.other = res[1];

	vcm_unbind_many(res, 2);
	KUNIT_EXPECT_EQ(test, back.bound, 0);
	if (back.bound)
		vcm_unreserve(res[1]);
	vcm_unreserve(res[0]);
	vcm_free(back.phys);
}

static struct kunit_case import_cases[] = {
	KUNIT_CASE(import_release_in_batch),
	KUNIT_CASE(import_release_once),
	KUNIT_CASE(import_release_quarantined),
	KUNIT_CASE(import_pins_module),
	KUNIT_CASE(import_range_large),
	KUNIT_CASE(import_range_errors),
	KUNIT_CASE(import_range_ram),
	KUNIT_CASE(import_pages_parts),
	KUNIT_CASE(import_pages_many),
	KUNIT_CASE(import_pages_errors),
	KUNIT_CASE(import_sgt_parts),
	KUNIT_CASE(import_sgt_mapped),
	KUNIT_CASE(import_sgt_errors),
	KUNIT_CASE(import_not_ram),
	{ }
};

static struct kunit_suite import_suite = {
	.name = "vcm_import",
	.init = td_begin,
	.exit = td_end,
	.test_cases = import_cases,
};

kunit_test_suite(import_suite);

MODULE_DESCRIPTION("KUnit tests for imported memory of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
