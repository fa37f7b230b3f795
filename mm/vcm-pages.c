// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: memory from the page allocator.
 *
 * Memory may have to lie in a window of physical addresses, which is rarely a
 * zone. The zones that may have some of it are tried first, from the highest
 * down, each until it returns memory outside of the window; then
 * alloc_contig_range() on ranges of the window, from the top down, each once.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/memblock.h>
#include <linux/memcontrol.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "vcm-internal.h"

/* The alignment that dma_alloc_coherent() limits itself to, as an order */
#ifdef CONFIG_CMA_ALIGNMENT
#define VCM_CONTIG_ORDER	CONFIG_CMA_ALIGNMENT
#else
#define VCM_CONTIG_ORDER	8
#endif

/* Number of ranges that are tried in a window that has fewer pageblocks */
#define VCM_RANGES		1024

/**
 * struct vcm_pages - a request to the page allocator
 * @params: the window and the preferred node
 * @phys: the memory that was allocated so far
 * @nr: number of pages that are missing
 * @min_order: order of the smallest block
 * @max_order: order of the largest block worth having
 * @gfp: how to allocate; the zone goes down as zones miss the window. Blocks of
 *	the zones are charged when they are allocated, other pages when they are
 *	added
 * @missed: there was memory, outside of the window
 * @no_zone: no zone is left to try
 * @bottom: lowest page frame number of the window
 * @top: page frame number above the ranges that were not tried yet
 * @step: distance of the ranges that are tried, pages
 */
struct vcm_pages {
	const struct vcm_phys_params *params;
	struct vcm_phys *phys;
	unsigned long nr;
	unsigned int min_order;
	unsigned int max_order;
	gfp_t gfp;
	bool missed;
	bool no_zone;
	unsigned long bottom;
	unsigned long top;
	unsigned long step;
};

/*
 * Free blocks of several pages, which are compound, so each knows its order, and
 * single pages.
 */
static void vcm_pages_free_range(unsigned long pfn, unsigned long nr)
{
	const unsigned long end = pfn + nr;

	for (; pfn < end; pfn += nr) {
		struct page *page = pfn_to_page(pfn);

		nr = compound_nr(page);
		if (nr > 1) {
			__free_pages(page, compound_order(page));
		} else {
			while (nr < MAX_ORDER_NR_PAGES && pfn + nr < end &&
			       !PageCompound(pfn_to_page(pfn + nr)))
				nr++;
			__free_contig_range(pfn, nr);
		}
		cond_resched();
	}
}

static void vcm_pages_free(struct vcm_phys *phys)
{
	unsigned int i;

	for (i = 0; i < phys->count; i++)
		vcm_pages_free_range(PHYS_PFN(phys->parts[i].paddr),
				     PHYS_PFN(phys->parts[i].len));
}

/* Zones */

/* Go on with the next smaller zone. Return false if there is none. */
static bool vcm_pages_miss(struct vcm_pages *req)
{
	req->missed = true;
	if (IS_ENABLED(CONFIG_ZONE_DMA32) && !(req->gfp & GFP_ZONEMASK))
		req->gfp |= __GFP_DMA32;
	else if (IS_ENABLED(CONFIG_ZONE_DMA) && !(req->gfp & __GFP_DMA))
		req->gfp = (req->gfp & ~__GFP_DMA32) | __GFP_DMA;
	else
		req->no_zone = true;
	return !req->no_zone;
}

static bool vcm_pages_inside(const struct vcm_pages *req, struct page *page,
			     unsigned long nr)
{
	return page_to_phys(page) >= req->params->first &&
	       page_to_phys(page) + PFN_PHYS(nr) - 1 <= req->params->last;
}

/* All pages of the zones come from here: tests watch and refuse requests. */
VISIBLE_IF_KUNIT struct page *vcm_phys_pages(int nid, gfp_t gfp,
					     unsigned int order)
{
	KUNIT_STATIC_STUB_REDIRECT(vcm_phys_pages, nid, gfp, order);
	return alloc_pages_node(nid, gfp, order);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_pages);

/* Allocate one block of the zones, of which @nr pages are kept. */
static struct page *vcm_pages_block(struct vcm_pages *req, unsigned int order,
				    unsigned long nr, gfp_t how)
{
	struct page *page;

	for (;;) {
		/* After a miss there are ranges to try, so this is no failure */
		if (req->missed)
			how |= __GFP_NOWARN;
		page = vcm_phys_pages(req->params->nid, req->gfp | how, order);
		if (!page || vcm_pages_inside(req, page, nr))
			return page;
		__free_pages(page, order);
		if (!vcm_pages_miss(req))
			return NULL;
	}
}

/* Ranges of the window */

#ifdef CONFIG_CONTIG_ALLOC
/* All other pages come from here: tests watch and refuse requests. */
VISIBLE_IF_KUNIT int vcm_phys_range(unsigned long pfn, unsigned long nr,
				    gfp_t gfp)
{
	KUNIT_STATIC_STUB_REDIRECT(vcm_phys_range, pfn, nr, gfp);
	return alloc_contig_range(pfn, pfn + nr, ACR_FLAGS_NONE, gfp);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_range);

/* Return true if all of a range is memory of one zone, and need not be movable. */
static bool vcm_range_online(unsigned long pfn, unsigned long nr)
{
	const unsigned long last = pfn + nr - 1;
	const struct zone *zone = NULL;

	for (;;) {
		struct page *page = pfn_to_online_page(pfn);

		if (!page || page_zonenum(page) > ZONE_NORMAL ||
		    (zone && page_zone(page) != zone))
			return false;
		if (pfn == last)
			return true;
		zone = page_zone(page);
		pfn = min(ALIGN(pfn + 1, pageblock_nr_pages), last);
	}
}

/*
 * Allocate the topmost range of @nr pages that has not been tried yet. To try one
 * is dear, so ranges overlap in small windows only. The lowest one is the last.
 */
static struct page *vcm_pages_range(struct vcm_pages *req, unsigned long nr,
				    unsigned int order)
{
	const unsigned long lowest = ALIGN(req->bottom, 1UL << order);
	unsigned long pfn, step = max(req->step, 1UL << order);

	if (req->top > lowest && (req->top - lowest) / 8 > nr)
		step = max(step, nr);
	while (req->top >= nr && req->top - nr >= lowest) {
		pfn = ALIGN_DOWN(req->top - nr, 1UL << order);
		if (fatal_signal_pending(current))
			return NULL;
		if (vcm_range_online(pfn, nr) &&
		    !vcm_phys_range(pfn, nr, req->gfp)) {
			req->top = pfn;
			return pfn_to_page(pfn);
		}
		req->top = pfn == lowest ? lowest :
			   max(pfn - min(pfn, step), lowest) + nr;
		cond_resched();
	}
	return NULL;
}
#else
static struct page *vcm_pages_range(struct vcm_pages *req, unsigned long nr,
				    unsigned int order)
{
	return NULL;
}
#endif

static int vcm_pages_error(const struct vcm_pages *req)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	return req->missed ? -EADDRNOTAVAIL : -ENOMEM;
}

/* Add pages to the memory, or free them if there is no room in the list. */
static int vcm_pages_add(struct vcm_pages *req, struct page *page,
			 unsigned long nr)
{
	int ret = vcm_phys_add(&req->phys, page_to_phys(page), nr << PAGE_SHIFT);

	if (ret)
		vcm_pages_free_range(page_to_pfn(page), nr);
	else
		req->nr -= nr;
	return ret;
}

/* Add pages that were allocated without a charge. */
static int vcm_pages_add_charged(struct vcm_pages *req, struct page *page,
				 unsigned long nr)
{
	const unsigned long pfn = page_to_pfn(page);
	unsigned long i;
	int ret;

	ret = vcm_pages_add(req, page, nr);
	if (!(req->phys->flags & VCM_PHYS_ACCOUNT))
		return ret;
	for (i = 0; i < nr && !ret; i++)
		ret = memcg_kmem_charge_page(pfn_to_page(pfn + i),
					     GFP_KERNEL | __GFP_RETRY_MAYFAIL,
					     0);
	return ret;
}

/* Blocks */

/*
 * Add blocks of the zones. An order that failed once is not tried again. The
 * zones need not have enough.
 */
static int vcm_pages_zones(struct vcm_pages *req)
{
	const gfp_t account =
		req->phys->flags & VCM_PHYS_ACCOUNT ? __GFP_ACCOUNT : 0;
	unsigned int order = req->max_order;
	struct page *page;
	gfp_t how;
	int ret = 0;

	while (req->nr && !ret && !fatal_signal_pending(current)) {
		order = min_t(unsigned int, order, __fls(req->nr));
		how = account | (order ? __GFP_COMP : 0);
		how |= order > req->min_order ? __GFP_NORETRY | __GFP_NOWARN :
						__GFP_RETRY_MAYFAIL;
		page = vcm_pages_block(req, order, 1UL << order, how);
		if (page)
			ret = vcm_pages_add(req, page, 1UL << order);
		else if (order > req->min_order && !req->no_zone)
			order--;
		else
			break;
		cond_resched();
	}
	return ret;
}

/* Add the rest, as single pages, from ranges of the window. */
static int vcm_pages_ranges(struct vcm_pages *req)
{
	struct page *page;
	unsigned long n;
	int ret = 0;

	while (req->nr && !ret) {
		n = min(req->nr, max(pageblock_nr_pages, 1UL << req->min_order));
		page = req->missed ? vcm_pages_range(req, n, req->min_order) :
				     NULL;
		ret = page ? vcm_pages_add_charged(req, page, n) :
			     vcm_pages_error(req);
	}
	return ret;
}

/* Add one part: of a block, or a range of the window. */
static int vcm_pages_contig(struct vcm_pages *req)
{
	unsigned int order = max_t(unsigned int, order_base_2(req->nr),
				   req->min_order);
	struct page *page = NULL;

	if (fatal_signal_pending(current))
		return -EINTR;
	if (order <= MAX_PAGE_ORDER)
		page = vcm_pages_block(req, order, req->nr,
				       __GFP_RETRY_MAYFAIL);
	if (page) {
		split_page(page, order);
		vcm_pages_free_range(page_to_pfn(page) + req->nr,
				     (1UL << order) - req->nr);
	} else {
		page = vcm_pages_range(req, req->nr,
				       clamp_t(unsigned int, VCM_CONTIG_ORDER,
					       req->min_order, order));
	}
	return page ? vcm_pages_add_charged(req, page, req->nr) :
		      vcm_pages_error(req);
}

/* Compute the page frames of the window that the page allocator may have. */
static void vcm_pages_window(struct vcm_pages *req)
{
	const u64 ram = IS_ENABLED(CONFIG_HIGHMEM) ? max_low_pfn : max_pfn;
	const phys_addr_t first = req->params->first, last = req->params->last;
	unsigned long span;

	/* No byte of a page that a limit cuts may be used */
	req->bottom = min(((u64)first >> PAGE_SHIFT) + !PAGE_ALIGNED(first),
			  ram);
	req->top = min(((u64)last >> PAGE_SHIFT) + PAGE_ALIGNED(last + 1), ram);
	span = req->top - min(req->top, req->bottom);
	req->step = min(rounddown_pow_of_two(span / VCM_RANGES | 1),
			pageblock_nr_pages);
}

/**
 * vcm_phys_alloc() - allocate physical memory from the page allocator
 * @size: bytes, rounded up to the page size and to the smallest page of @params
 * @flags: VCM_ALLOC_* flags
 * @params: which page sizes, where
 *
 * Takes blocks of the largest page size first, smaller ones when these run out,
 * never larger ones again, and none below the smallest. Neighbouring blocks
 * become one part. The page allocator tries hard only for the smallest, and it
 * never invokes the OOM killer. One part is aligned to its size rounded up to a
 * power of two; if it is larger than any block of the page allocator, up to
 * CONFIG_CMA_ALIGNMENT. The memory is zeroed unless %VCM_ALLOC_NOZERO is given.
 *
 * Context: Process context, may sleep.
 * Return: the allocation, with one reference for the caller, or an error pointer:
 *
 * * -EINVAL if @size is 0 or a flag is unknown
 * * -EINTR if a fatal signal is pending
 * * -EADDRNOTAVAIL if there is memory, but none between &vcm_phys_params.first
 *   and &vcm_phys_params.last
 * * -ENOMEM
 */
struct vcm_phys *vcm_phys_alloc(resource_size_t size, unsigned int flags,
				const struct vcm_phys_params *params)
{
	unsigned long sizes = params->pgsize_bitmap ?: PAGE_MASK;
	unsigned long unit = max(sizes & -sizes, PAGE_SIZE);
	unsigned int phys_flags = VCM_PHYS_PAGES;
	struct vcm_pages req = {
		.params = params,
		.min_order = get_order(unit),
		.max_order = min_t(unsigned int, MAX_PAGE_ORDER,
				   max_t(int, __fls(sizes) - PAGE_SHIFT, 0)),
		.gfp = GFP_KERNEL,
	};
	int ret;

	might_sleep();
	flags |= params->flags;
	if (!size || flags & ~VCM_ALLOC_FLAGS)
		return ERR_PTR(-EINVAL);
	/* The page allocator is asked for mapped memory: no highmem */
	if (size >> PAGE_SHIFT >= totalram_pages() - totalhigh_pages())
		return ERR_PTR(-ENOMEM);

	req.nr = PHYS_PFN(ALIGN(size, unit));
	vcm_pages_window(&req);
	/* Zones above have nothing for this window, and a miss costs a block */
	if (IS_ENABLED(CONFIG_ZONE_DMA32) && params->last <= U32_MAX)
		req.gfp |= __GFP_DMA32;
	if (!(flags & VCM_ALLOC_NOZERO))
		req.gfp |= __GFP_ZERO;
	if (flags & VCM_ALLOC_NOWARN)
		req.gfp |= __GFP_NOWARN;
	if (!(flags & VCM_ALLOC_CONTIG) && req.min_order > req.max_order)
		return ERR_PTR(-ENOMEM);
	if (flags & VCM_ALLOC_ACCOUNT)
		phys_flags |= VCM_PHYS_ACCOUNT;
	req.phys = vcm_phys_new(1, phys_flags, vcm_pages_free, NULL);
	if (IS_ERR(req.phys))
		return req.phys;
	req.phys->count = 0;

	if (flags & VCM_ALLOC_CONTIG)
		ret = vcm_pages_contig(&req);
	else
		ret = vcm_pages_zones(&req) ?: vcm_pages_ranges(&req);
	if (ret) {
		vcm_phys_gone(req.phys);
		return ERR_PTR(ret);
	}
	/* Cannot fail: no part is empty, and each lies within memory */
	vcm_phys_finish(req.phys);
	return req.phys;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_alloc);
