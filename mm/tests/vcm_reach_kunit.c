// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for memory in a window of physical addresses: where Virtual
 * Contiguous Memory looks for it, and in which order.
 *
 * Stubs of vcm_phys_pages() and vcm_phys_range() pretend where memory lies. The
 * window is a block of real pages. Requests to zones return no page, a page that
 * lies outside of the window, or one that lies in it; requests for ranges return
 * pages of the window. The stubs hold a reference of each page that they return,
 * so a page that was freed is one with no other reference.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "../vcm-internal.h"
#include "vcm_testdrv.h"

#ifdef CONFIG_CMA_ALIGNMENT
#define REACH_ALIGNMENT	CONFIG_CMA_ALIGNMENT
#else
#define REACH_ALIGNMENT	8
#endif

/* The window: 64 pages */
#define REACH_ORDER	6
#define REACH_PAGES	BIT(REACH_ORDER)
#define REACH_CALLS	4096
#define REACH_ASIDE	64

/**
 * struct reach_call - a request
 * @zone: the zone flags of a request to a zone
 * @order: its order
 * @page: what it returned
 * @pfn: first page frame number of a request for a range
 * @nr: its number of pages, 0 for a request to a zone
 */
struct reach_call {
	gfp_t zone;
	unsigned int order;
	struct page *page;
	unsigned long pfn;
	unsigned long nr;
};

/**
 * enum reach_zone - what a zone returns
 * @ZONE_EMPTY: no page
 * @ZONE_OUTSIDE: a block outside of the window
 * @ZONE_INSIDE: a single page of the window while there is one, else no page
 * @ZONE_MIXED: a single page of the window while there is one, else a block outside
 *	of it
 */
enum reach_zone {
	ZONE_EMPTY,
	ZONE_OUTSIDE,
	ZONE_INSIDE,
	ZONE_MIXED,
};

/**
 * struct reach - the memory that the stubs pretend
 * @window: first page of the window
 * @pfn: page frame number of @window
 * @zone: what all zones but the last one return
 * @last_zone: what the last zone returns
 * @given: number of pages of the window that zones have returned, from the bottom
 * @nr_given: number of pages of the window that zones have in all
 * @range: index of the lowest page that ranges have; REACH_PAGES: they have none
 * @fail_nth: number of the request that fails; 0: none
 * @first: lowest physical address of the request under way
 * @last: highest physical address of it
 * @nr_aside: number of @aside
 * @aside: blocks that were allocated in the window and are of no use
 * @nr: number of @call
 * @call: the requests
 */
static struct reach {
	struct page *window;
	unsigned long pfn;
	enum reach_zone zone;
	enum reach_zone last_zone;
	unsigned int given;
	unsigned int nr_given;
	unsigned int range;
	unsigned int fail_nth;
	phys_addr_t first;
	phys_addr_t last;
	unsigned int nr_aside;
	struct reach_call aside[REACH_ASIDE];
	unsigned int nr;
	struct reach_call call[REACH_CALLS];
} reach;

static gfp_t reach_last_zone(void)
{
	if (IS_ENABLED(CONFIG_ZONE_DMA))
		return __GFP_DMA;
	return IS_ENABLED(CONFIG_ZONE_DMA32) ? __GFP_DMA32 : 0;
}

static unsigned int reach_zones(void)
{
	return 1 + IS_ENABLED(CONFIG_ZONE_DMA32) + IS_ENABLED(CONFIG_ZONE_DMA);
}

/* Allocate a block that does not lie in the window. */
static struct page *reach_outside(int nid, gfp_t gfp, unsigned int order)
{
	struct page *page;

	while ((page = alloc_pages_node(nid, gfp & ~GFP_ZONEMASK, order))) {
		if (page_to_phys(page) < reach.first ||
		    page_to_phys(page) > reach.last)
			return page;
		if (reach.nr_aside == REACH_ASIDE) {
			__free_pages(page, order);
			return NULL;
		}
		reach.aside[reach.nr_aside++] = (struct reach_call) {
			.order = order, .page = page,
		};
	}
	return NULL;
}

static struct page *reach_answer(enum reach_zone zone, int nid, gfp_t gfp,
				 unsigned int order)
{
	if ((zone == ZONE_INSIDE || zone == ZONE_MIXED) && !order &&
	    reach.given < reach.nr_given)
		return reach.window + reach.given++;
	if (zone == ZONE_OUTSIDE || zone == ZONE_MIXED)
		return reach_outside(nid, gfp, order);
	return NULL;
}

static struct page *reach_pages(int nid, gfp_t gfp, unsigned int order)
{
	const gfp_t zone = gfp & GFP_ZONEMASK;
	struct reach_call *call;

	if (reach.nr == REACH_CALLS)
		return NULL;
	call = &reach.call[reach.nr++];
	*call = (struct reach_call) { .zone = zone, .order = order };
	if (reach.nr == reach.fail_nth)
		return NULL;
	call->page = reach_answer(zone == reach_last_zone() ? reach.last_zone :
							      reach.zone,
				  nid, gfp, order);
	if (call->page)
		get_page(call->page);
	return call->page;
}

static int reach_range(unsigned long pfn, unsigned long nr, gfp_t gfp)
{
	struct reach_call *call;
	unsigned long i;

	if (reach.nr == REACH_CALLS)
		return -EBUSY;
	call = &reach.call[reach.nr++];
	*call = (struct reach_call) { .pfn = pfn, .nr = nr };
	if (reach.nr == reach.fail_nth || pfn < reach.pfn + reach.range ||
	    pfn + nr > reach.pfn + REACH_PAGES)
		return -EBUSY;
	for (i = 0; i < nr; i++)
		get_page(pfn_to_page(pfn + i));
	call->page = pfn_to_page(pfn);
	return 0;
}

static void reach_free_window(void *window)
{
	unsigned int i;

	for (i = 0; i < REACH_PAGES; i++)
		__free_page((struct page *)window + i);
}

/* Allocate the window: the highest of some blocks, so that memory is below it. */
static struct page *reach_window(void)
{
	struct page *page[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(page); i++) {
		page[i] = alloc_pages(GFP_KERNEL, REACH_ORDER);
		if (page[i] && i && page_to_pfn(page[i]) > page_to_pfn(page[0]))
			swap(page[i], page[0]);
		if (!page[i])
			break;
	}
	while (i-- > 1)
		__free_pages(page[i], REACH_ORDER);
	return page[0];
}

/* Begin with a window of pages and with zones that lie outside of it. */
static void reach_begin(struct kunit *test, struct vcm_phys_params *params)
{
	memset(&reach, 0, sizeof(reach));
	reach.window = reach_window();
	KUNIT_ASSERT_NOT_NULL(test, reach.window);
	split_page(reach.window, REACH_ORDER);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, reach_free_window,
							reach.window), 0);
	reach.pfn = page_to_pfn(reach.window);
	reach.zone = ZONE_OUTSIDE;
	reach.last_zone = ZONE_OUTSIDE;
	*params = (struct vcm_phys_params) {
		.pgsize_bitmap = PAGE_SIZE,
		.first = PFN_PHYS(reach.pfn),
		.last = PFN_PHYS(reach.pfn + REACH_PAGES) - 1,
		.nid = NUMA_NO_NODE,
	};
	kunit_activate_static_stub(test, vcm_phys_pages, reach_pages);
	if (IS_ENABLED(CONFIG_CONTIG_ALLOC))
		kunit_activate_static_stub(test, vcm_phys_range, reach_range);
}

/* Allocate from the stubs. */
static struct vcm_phys *reach_alloc(const struct vcm_phys_params *params,
				    unsigned int nr_pages, unsigned int flags)
{
	reach.first = params->first;
	reach.last = params->last;
	return vcm_phys_alloc(nr_pages * PAGE_SIZE, flags | VCM_ALLOC_NOZERO |
			      VCM_ALLOC_NOWARN, params);
}

/* Check that everything that was returned has been freed, once. */
static void reach_end(struct kunit *test)
{
	unsigned int i, j;

	KUNIT_EXPECT_LT(test, reach.nr, REACH_CALLS);
	for (i = 0; i < reach.nr; i++) {
		const struct reach_call *call = &reach.call[i];

		for (j = 0; call->page && j < (call->nr ?: 1); j++) {
			KUNIT_EXPECT_EQ_MSG(test, page_count(call->page + j), 1,
					    "request %u, page %u", i, j);
			/* Pages of the window can be returned again */
			if (call->page + j < reach.window ||
			    call->page + j >= reach.window + REACH_PAGES)
				put_page(call->page + j);
		}
	}
	while (reach.nr_aside--)
		__free_pages(reach.aside[reach.nr_aside].page,
			     reach.aside[reach.nr_aside].order);
	reach.nr_aside = 0;
	reach.nr = 0;
	reach.given = 0;
}

/* Check that all of @phys lies in the window and was returned by the stubs. */
static void reach_check(struct kunit *test, const struct vcm_phys *phys,
			const struct vcm_phys_params *params,
			unsigned int nr_pages)
{
	unsigned int i, held = 0;

	KUNIT_EXPECT_EQ(test, phys->size, nr_pages * PAGE_SIZE);
	for (i = 0; i < phys->count; i++) {
		const struct phys_vec *part = &phys->parts[i];

		KUNIT_EXPECT_GE(test, part->paddr, params->first);
		KUNIT_EXPECT_LE(test, part->paddr + (part->len - 1),
				params->last);
	}
	for (i = 0; i < REACH_PAGES; i++)
		held += page_count(reach.window + i) == 2;
	KUNIT_EXPECT_EQ(test, held, nr_pages);
}

/*
 * Check the order of all requests. First the zones, from one that contains the
 * window down to the smallest, each until it missed, so each once; then ranges,
 * within the window, from the top down, each once. Return the number of zones.
 */
static unsigned int reach_check_order(struct kunit *test,
				      const struct vcm_phys_params *params)
{
	static const gfp_t order[] = { 0, __GFP_DMA32, __GFP_DMA };
	unsigned long before = PHYS_PFN(params->last) + 1;
	unsigned int i, zones, rank = 0;

	for (i = 0; i < reach.nr && !reach.call[i].nr; i++) {
		while (rank < ARRAY_SIZE(order) &&
		       order[rank] != reach.call[i].zone)
			rank++;
		KUNIT_EXPECT_LT(test, rank++, ARRAY_SIZE(order));
	}
	zones = i;
	KUNIT_EXPECT_GT(test, zones, 0);
	KUNIT_EXPECT_EQ(test, reach.call[zones - 1].zone, reach_last_zone());

	for (; i < reach.nr; i++) {
		const struct reach_call *call = &reach.call[i];

		KUNIT_EXPECT_GT(test, call->nr, 0);
		KUNIT_EXPECT_GE(test, call->pfn, PHYS_PFN(params->first));
		KUNIT_EXPECT_LE(test, call->pfn + call->nr,
				PHYS_PFN(params->last) + 1);
		KUNIT_EXPECT_LT(test, call->pfn, before);
		before = call->pfn;
	}
	return zones;
}

static const unsigned int reach_modes[] = { 0, VCM_ALLOC_CONTIG };

/*
 * Memory: -EADDRNOTAVAIL if memory lies outside of the window only; by then each
 * zone was tried once, and then each range of the window once.
 */
static void reach_all_outside(struct kunit *test)
{
	struct vcm_phys_params params;
	unsigned int i, nr, zones;

	reach_begin(test, &params);
	reach.range = REACH_PAGES;
	for (i = 0; i < ARRAY_SIZE(reach_modes); i++) {
		for (nr = 1; nr <= REACH_PAGES + 1; nr++) {
			expect_errno(test, reach_alloc(&params, nr,
						       reach_modes[i]),
				     -EADDRNOTAVAIL);
			zones = reach_check_order(test, &params);
			if (IS_ENABLED(CONFIG_CONTIG_ALLOC) && nr == 1)
				KUNIT_EXPECT_EQ(test, reach.nr,
						zones + REACH_PAGES);
			reach_end(test);
		}
	}
}

/*
 * Memory: if the window ends above all memory, the search begins with the highest
 * zone, and each smaller one is tried once.
 */
static void reach_all_zones(struct kunit *test)
{
	static const unsigned int pages[] = { 1, 3, 8, 64 };
	struct vcm_phys_params params;
	unsigned int i;

	reach_begin(test, &params);
	reach.range = REACH_PAGES;
	params.last = PHYS_ADDR_MAX;
	for (i = 0; i < ARRAY_SIZE(reach_modes) * ARRAY_SIZE(pages); i++) {
		struct vcm_phys *phys = reach_alloc(&params, pages[i / 2],
						    reach_modes[i % 2]);
		unsigned int zones = 0;

		if (reach.nr_aside == REACH_ASIDE) {
			vcm_free(phys);
			reach_end(test);
			kunit_skip(test, "there is no free memory below the window");
		}
		expect_errno(test, phys, -EADDRNOTAVAIL);
		while (zones < reach.nr && !reach.call[zones].nr)
			zones++;
		KUNIT_EXPECT_EQ(test, zones, reach_zones());
		KUNIT_EXPECT_EQ(test, reach.call[0].zone, 0);
		KUNIT_EXPECT_EQ(test, reach.call[zones - 1].zone,
				reach_last_zone());
		reach_end(test);
	}
}

/* Memory: -ENOMEM, rather than -EADDRNOTAVAIL, if there is no memory at all. */
static void reach_nothing(struct kunit *test)
{
	struct vcm_phys_params params;
	unsigned int i;

	reach_begin(test, &params);
	reach.zone = ZONE_EMPTY;
	reach.last_zone = ZONE_EMPTY;
	reach.range = REACH_PAGES;
	for (i = 0; i < ARRAY_SIZE(reach_modes); i++) {
		expect_errno(test, reach_alloc(&params, 3, reach_modes[i]),
			     -ENOMEM);
		reach_end(test);
	}
}

/*
 * Memory: what no zone has is taken from ranges of the window, the topmost that
 * can be had, for one part and for blocks.
 */
static void reach_ranges(struct kunit *test)
{
	struct vcm_phys_params params;
	unsigned int i, nr;

	if (!IS_ENABLED(CONFIG_CONTIG_ALLOC))
		kunit_skip(test, "CONFIG_CONTIG_ALLOC is not set");
	reach_begin(test, &params);
	for (i = 0; i < ARRAY_SIZE(reach_modes); i++) {
		for (nr = 1; nr <= REACH_PAGES; nr++) {
			struct vcm_phys *phys;

			phys = reach_alloc(&params, nr, reach_modes[i]);
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
			KUNIT_EXPECT_EQ(test, phys->count, 1);
			reach_check(test, phys, &params, nr);
			reach_check_order(test, &params);
			vcm_free(phys);
			reach_end(test);
		}
	}
}

/* Memory: a page that a limit of the window cuts is outside of it. */
static void reach_cut_pages(struct kunit *test)
{
	struct vcm_phys_params params;
	unsigned int i, j;

	if (!IS_ENABLED(CONFIG_CONTIG_ALLOC))
		kunit_skip(test, "CONFIG_CONTIG_ALLOC is not set");
	reach_begin(test, &params);
	params.first += 1;
	params.last -= PAGE_SIZE - 1;
	for (i = 0; i < ARRAY_SIZE(reach_modes); i++) {
		/* One part is aligned: a half of the window is cut too */
		const unsigned int nr = reach_modes[i] ? REACH_PAGES / 4 :
							 REACH_PAGES - 2;
		struct vcm_phys *phys;

		phys = reach_alloc(&params, nr, reach_modes[i]);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
		reach_check(test, phys, &params, nr);
		vcm_free(phys);
		reach_end(test);

		expect_errno(test, reach_alloc(&params, REACH_PAGES - 1,
					       reach_modes[i]),
			     -EADDRNOTAVAIL);
		for (j = 0; j < reach.nr; j++)
			KUNIT_EXPECT_EQ(test, reach.call[j].nr, 0);
		reach_end(test);
	}

	/* No whole page */
	params.last = params.first + PAGE_SIZE;
	expect_errno(test, reach_alloc(&params, 1, 0), -EADDRNOTAVAIL);
	reach_end(test);
	/* Nor in windows that are empty, or without memory */
	params.last = params.first - 1;
	expect_errno(test, reach_alloc(&params, 1, 0), -EADDRNOTAVAIL);
	reach_end(test);
	params.first = PHYS_ADDR_MAX - 1;
	params.last = PHYS_ADDR_MAX;
	expect_errno(test, reach_alloc(&params, 1, 0), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, reach.nr, reach_zones());
	reach_end(test);
}

/* Memory: a zone serves until it misses; then ranges serve the rest. */
static void reach_mixed(struct kunit *test)
{
	struct vcm_phys_params params;
	unsigned int given;

	if (!IS_ENABLED(CONFIG_CONTIG_ALLOC))
		kunit_skip(test, "CONFIG_CONTIG_ALLOC is not set");
	reach_begin(test, &params);
	reach.zone = ZONE_MIXED;
	reach.last_zone = ZONE_MIXED;
	for (given = 1; given < 16; given++) {
		struct vcm_phys *phys;

		reach.nr_given = given;
		reach.range = given;
		phys = reach_alloc(&params, 16, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
		reach_check(test, phys, &params, 16);
		KUNIT_EXPECT_EQ(test, reach.given, given);
		KUNIT_EXPECT_EQ(test, reach.call[reach.nr - 1].nr, 16 - given);
		vcm_free(phys);
		reach_end(test);
	}
}

/*
 * Memory: a zone that missed the window is not tried again. The next smaller one
 * serves, and in smaller blocks before ranges are tried.
 */
static void reach_smaller_zone(struct kunit *test)
{
	struct vcm_phys_params params;
	unsigned int i, order;

	if (reach_zones() == 1)
		kunit_skip(test, "there is one zone");
	reach_begin(test, &params);
	params.last = PHYS_ADDR_MAX;
	reach.last_zone = ZONE_INSIDE;
	reach.nr_given = 16;
	for (order = 0; order <= 3; order += 3) {
		struct vcm_phys *phys;

		params.pgsize_bitmap = PAGE_SIZE | PAGE_SIZE << order;
		phys = reach_alloc(&params, 16, 0);
		if (reach.nr_aside == REACH_ASIDE) {
			vcm_free(phys);
			reach_end(test);
			kunit_skip(test, "there is no free memory below the window");
		}
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
		reach_check(test, phys, &params, 16);
		KUNIT_EXPECT_EQ(test, reach.given, 16);
		for (i = 1; i < reach.nr; i++) {
			gfp_t before = reach.call[i - 1].zone;
			gfp_t zone = reach.call[i].zone;

			KUNIT_EXPECT_TRUE(test, zone == reach_last_zone() ||
					  zone != before);
			KUNIT_EXPECT_EQ(test, reach.call[i].nr, 0);
		}
		vcm_free(phys);
		reach_end(test);
	}
}

/*
 * VCM_ALLOC_CONTIG: a range is aligned to its size rounded up to a power of two,
 * up to CONFIG_CMA_ALIGNMENT, and to the granule in any case.
 */
static void reach_alignment(struct kunit *test)
{
	static const struct {
		unsigned int pages;
		unsigned int granule;
		unsigned int order;
	} rows[] = {
		{ 1, 0, 0 }, { 2, 0, 1 }, { 3, 0, 2 }, { 5, 0, 3 }, { 8, 0, 3 },
		{ 9, 0, 4 }, { 33, 0, 6 }, { 1, 2, 2 }, { 5, 2, 3 },
		{ 12, 2, 4 }, { BIT(REACH_ALIGNMENT) + 1, 0, REACH_ALIGNMENT },
		{ BIT(REACH_ALIGNMENT + 2), 0, REACH_ALIGNMENT },
		{ BIT(REACH_ALIGNMENT) + 1, REACH_ALIGNMENT + 1,
		  REACH_ALIGNMENT + 1 },
	};
	struct vcm_phys_params params;
	unsigned int i, j;

	if (!IS_ENABLED(CONFIG_CONTIG_ALLOC))
		kunit_skip(test, "CONFIG_CONTIG_ALLOC is not set");
	reach_begin(test, &params);
	reach.zone = ZONE_EMPTY;
	reach.last_zone = ZONE_EMPTY;
	reach.range = REACH_PAGES;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const unsigned long granule = PAGE_SIZE << rows[i].granule;
		const unsigned long nr = ALIGN(rows[i].pages,
					       BIT(rows[i].granule));

		params.pgsize_bitmap = granule;
		params.first = PAGE_SIZE;
		/* The end is odd, so that ranges are not aligned by chance */
		params.last = PFN_PHYS(reach.pfn | 1) - 1;
		expect_errno(test, reach_alloc(&params, rows[i].pages,
					       VCM_ALLOC_CONTIG), -ENOMEM);
		for (j = 0; j < reach.nr; j++) {
			if (!reach.call[j].nr)
				continue;
			KUNIT_EXPECT_EQ(test, reach.call[j].nr, nr);
			KUNIT_EXPECT_EQ(test, reach.call[j].pfn &
					(BIT(rows[i].order) - 1), 0);
		}
		KUNIT_EXPECT_GT(test, reach.nr, 1);
		/* Too many calls are no failure here */
		reach.nr = 0;
	}
}

/* VCM_ALLOC_CONTIG: a range is aligned to no more than CONFIG_CMA_ALIGNMENT. */
static void reach_alignment_limit(struct kunit *test)
{
	const unsigned long align = BIT(REACH_ALIGNMENT), nr = 4 * align;
	struct vcm_phys_params params;
	unsigned long pfn;
	unsigned int i;

	if (!IS_ENABLED(CONFIG_CONTIG_ALLOC))
		kunit_skip(test, "CONFIG_CONTIG_ALLOC is not set");
	reach_begin(test, &params);
	reach.zone = ZONE_EMPTY;
	reach.last_zone = ZONE_EMPTY;
	reach.range = REACH_PAGES;
	/* Memory below the window of the other tests, at an odd multiple */
	pfn = ALIGN_DOWN(reach.pfn - nr, 2 * align) - align;
	params.first = PFN_PHYS(pfn - align);
	params.last = PFN_PHYS(pfn + nr) - 1;
	expect_errno(test, reach_alloc(&params, nr, VCM_ALLOC_CONTIG), -ENOMEM);
	for (i = 0; i < reach.nr && !reach.call[i].nr; i++)
		;
	KUNIT_EXPECT_GT(test, reach.nr, i);
	KUNIT_EXPECT_EQ(test, reach.call[i].pfn, pfn);
	reach.nr = 0;
}

/* Memory: blocks of ranges are multiples of the granule too. */
static void reach_granule(struct kunit *test)
{
	struct vcm_phys_params params;
	struct vcm_phys *phys;
	unsigned int order, i;

	if (!IS_ENABLED(CONFIG_CONTIG_ALLOC))
		kunit_skip(test, "CONFIG_CONTIG_ALLOC is not set");
	reach_begin(test, &params);
	/* The window begins and ends within a granule */
	params.first += PAGE_SIZE;
	params.last -= PAGE_SIZE;
	for (order = 1; order < REACH_ORDER - 1; order++) {
		const unsigned long granule = PAGE_SIZE << order;

		params.pgsize_bitmap = granule;
		phys = reach_alloc(&params, (2 << order) - 1, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
		reach_check(test, phys, &params, 2 << order);
		KUNIT_EXPECT_EQ(test, phys->align_bits & (granule - 1), 0);
		for (i = 0; i < reach.nr; i++)
			if (reach.call[i].nr)
				KUNIT_EXPECT_EQ(test, reach.call[i].pfn &
						(BIT(order) - 1), 0);
		vcm_free(phys);
		reach_end(test);
	}
}

/*
 * Allocate 20 pages again and again, of which the n-th request fails, for each n.
 * Return the number of rounds that failed.
 */
static unsigned int reach_sweep(struct kunit *test,
				const struct vcm_phys_params *params,
				unsigned int flags)
{
	unsigned int nr, failed = 0;

	reach.fail_nth = 0;
	do {
		struct vcm_phys *phys;

		reach.fail_nth++;
		phys = reach_alloc(params, 20, flags);
		nr = reach.nr;
		if (IS_ERR(phys)) {
			failed++;
			KUNIT_EXPECT_TRUE(test, phys == ERR_PTR(-ENOMEM) ||
					  phys == ERR_PTR(-EADDRNOTAVAIL));
		} else {
			reach_check(test, phys, params, 20);
			vcm_free(phys);
		}
		reach_end(test);
	} while (reach.fail_nth <= nr && reach.fail_nth < REACH_CALLS);
	KUNIT_EXPECT_LT(test, reach.fail_nth, REACH_CALLS);
	return failed;
}

/*
 * Memory: if any one request fails, everything that the others returned is freed,
 * or the allocation is complete.
 */
static void reach_fails_anywhere(struct kunit *test)
{
	struct vcm_phys_params params;
	unsigned int i;

	reach_begin(test, &params);
	for (i = 0; i < ARRAY_SIZE(reach_modes); i++) {
		/* Zones have enough: pages one by one, no part */
		reach.zone = ZONE_INSIDE;
		reach.last_zone = ZONE_INSIDE;
		reach.nr_given = 20;
		reach.range = REACH_PAGES;
		KUNIT_EXPECT_GT(test, reach_sweep(test, &params,
						  reach_modes[i]), 1);

		/* Zones miss, ranges have everything or nothing */
		reach.zone = ZONE_OUTSIDE;
		reach.last_zone = ZONE_OUTSIDE;
		KUNIT_EXPECT_GT(test, reach_sweep(test, &params,
						  reach_modes[i]), 1);
		reach.range = 0;
		reach_sweep(test, &params, reach_modes[i]);
	}

	/* Zones have some pages, ranges have the rest or nothing */
	reach.zone = ZONE_MIXED;
	reach.last_zone = ZONE_MIXED;
	reach.nr_given = 5;
	reach.range = 8;
	reach_sweep(test, &params, 0);
	reach.range = REACH_PAGES;
	KUNIT_EXPECT_GT(test, reach_sweep(test, &params, 0), 5);
}

/* Real memory */

/* Check that an allocation lies in a window, and use it. */
static void reach_use(struct kunit *test, struct vcm_phys *phys,
		      const struct vcm_phys_params *params)
{
	unsigned int i;

	for (i = 0; i < phys->count; i++) {
		const struct phys_vec *part = &phys->parts[i];

		KUNIT_EXPECT_GE(test, part->paddr, params->first);
		KUNIT_EXPECT_LE(test, part->paddr + (part->len - 1),
				params->last);
		memset(phys_to_virt(part->paddr), 0x5a, part->len);
	}
}

/*
 * Memory: windows of real memory, from the bottom to the top of RAM. What is found
 * lies in the window; in the middle of RAM some of it is found.
 */
static void reach_real_windows(struct kunit *test)
{
	const phys_addr_t end = virt_to_phys(high_memory - 1) + 1;
	const phys_addr_t start = virt_to_phys((void *)PAGE_OFFSET);
	const phys_addr_t window = SZ_8M;
	unsigned int i, found = 0, middle = 0, tried = 0;
	phys_addr_t first;

	for (first = start; first < end; first += window) {
		struct vcm_phys_params params = {
			.first = first + PAGE_SIZE,
			.last = first + (window - 1) - PAGE_SIZE,
			.nid = NUMA_NO_NODE,
		};

		for (i = 0; i < ARRAY_SIZE(reach_modes); i++) {
			struct vcm_phys *phys;

			tried++;
			phys = vcm_phys_alloc(SZ_128K + PAGE_SIZE,
					      reach_modes[i] | VCM_ALLOC_NOWARN,
					      &params);
			if (IS_ERR(phys)) {
				expect_errno(test, phys, -EADDRNOTAVAIL);
				continue;
			}
			found++;
			middle += first - start > (end - start) / 4 &&
				  end - first > (end - start) / 4;
			reach_use(test, phys, &params);
			vcm_free(phys);
		}
		cond_resched();
	}
	kunit_info(test, "memory in %u of %u windows, %u of them in the middle\n",
		   found, tried, middle);
	if (IS_ENABLED(CONFIG_CONTIG_ALLOC))
		KUNIT_EXPECT_GT(test, middle, 0);
}

/* Memory: a limit of each power of two: memory below it, or -EADDRNOTAVAIL. */
static void reach_real_limits(struct kunit *test)
{
	unsigned int i, bit;

	for (i = 0; i < ARRAY_SIZE(reach_modes); i++) {
		for (bit = PAGE_SHIFT - 1; bit < 8 * sizeof(phys_addr_t); bit++) {
			struct vcm_phys_params params = {
				.last = ((phys_addr_t)1 << bit) - 1,
				.nid = NUMA_NO_NODE,
			};
			struct vcm_phys *phys;

			phys = vcm_phys_alloc(3 * PAGE_SIZE, reach_modes[i] |
					      VCM_ALLOC_NOWARN, &params);
			if (IS_ERR(phys)) {
				expect_errno(test, phys, -EADDRNOTAVAIL);
				continue;
			}
			KUNIT_EXPECT_EQ(test, phys->size, 3 * PAGE_SIZE);
			reach_use(test, phys, &params);
			vcm_free(phys);
		}
	}
}

static struct kunit_case reach_cases[] = {
	KUNIT_CASE(reach_all_outside),
	KUNIT_CASE(reach_all_zones),
	KUNIT_CASE(reach_nothing),
	KUNIT_CASE(reach_ranges),
	KUNIT_CASE(reach_cut_pages),
	KUNIT_CASE(reach_mixed),
	KUNIT_CASE(reach_smaller_zone),
	KUNIT_CASE(reach_alignment),
	KUNIT_CASE(reach_alignment_limit),
	KUNIT_CASE(reach_granule),
	KUNIT_CASE(reach_fails_anywhere),
	KUNIT_CASE_SLOW(reach_real_windows),
	KUNIT_CASE(reach_real_limits),
	{ }
};

static struct kunit_suite reach_suite = {
	.name = "vcm_reach",
	.test_cases = reach_cases,
};

kunit_test_suite(reach_suite);

MODULE_DESCRIPTION("KUnit tests for memory in a window of physical addresses");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
