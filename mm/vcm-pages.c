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
#if defined(CONFIG_ZONE_DMA) && defined(CONFIG_HAS_DMA)
#include <linux/dma-direct.h>
#endif

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
 * @nr: number of pages
 * @min_order: order of the smallest block
 * @max_order: order of the largest block worth having
 * @first: lowest physical address
 * @last: highest physical address, inclusive
 * @gfp: how to allocate; the zone goes down as zones miss the window
 * @nid: preferred node
 * @missed: there was memory, outside of the window
 * @no_zone: no zone is left to try
 * @bottom: lowest page frame number of the window
 * @top: page frame number above the ranges that were not tried yet
 * @step: distance of the ranges that are tried, pages
 */
struct vcm_pages {
	unsigned long nr;
	unsigned int min_order;
	unsigned int max_order;
	phys_addr_t first;
	phys_addr_t last;
	gfp_t gfp;
	int nid;
	bool missed;
	bool no_zone;
	unsigned long bottom;
	unsigned long top;
	unsigned long step;
};

/* Frees */

/* Blocks of several pages are compound, so each knows its order. */
static void vcm_pages_free_blocks(struct vcm_phys *phys)
{
	unsigned int i, order;

	for (i = 0; i < phys->count; i++) {
		unsigned long pfn = PHYS_PFN(phys->parts[i].paddr);
		unsigned long end = pfn + PHYS_PFN(phys->parts[i].len);

		for (; pfn < end; pfn += 1UL << order) {
			struct page *page = pfn_to_page(pfn);

			order = compound_order(page);
			__free_pages(page, order);
			cond_resched();
		}
	}
}

static void vcm_pages_free_range(unsigned long pfn, unsigned long nr)
{
	unsigned long n;

	for (; nr; nr -= n, pfn += n) {
		n = min(nr, MAX_ORDER_NR_PAGES);
		__free_contig_range(pfn, n);
		cond_resched();
	}
}

static void vcm_pages_free_contig(struct vcm_phys *phys)
{
	vcm_pages_free_range(PHYS_PFN(phys->parts[0].paddr),
			     PHYS_PFN(phys->size));
}

/* Zones */

/* Return the next smaller zone, 0 if there is none. */
static gfp_t vcm_zone_below(gfp_t gfp)
{
	if (gfp & __GFP_DMA)
		return 0;
	if (IS_ENABLED(CONFIG_ZONE_DMA32) && !(gfp & __GFP_DMA32))
		return __GFP_DMA32;
	if (IS_ENABLED(CONFIG_ZONE_DMA))
		return __GFP_DMA;
	return 0;
}

/* Return the zone to try first for memory below @last. */
static gfp_t vcm_zone(phys_addr_t last)
{
	if (PHYS_PFN(last) + 1 >= max_pfn)
		return 0;
#if defined(CONFIG_ZONE_DMA) && defined(CONFIG_HAS_DMA)
	if (last <= zone_dma_limit)
		return __GFP_DMA;
#endif
	if (IS_ENABLED(CONFIG_ZONE_DMA32) && last <= U32_MAX)
		return __GFP_DMA32;
	return 0;
}

/* Go on with the next smaller zone. Return false if there is none. */
static bool vcm_pages_miss(struct vcm_pages *req)
{
	gfp_t zone = vcm_zone_below(req->gfp);

	req->missed = true;
	if (zone)
		req->gfp = (req->gfp & ~GFP_ZONEMASK) | zone;
	else
		req->no_zone = true;
	return zone;
}

static bool vcm_pages_inside(const struct vcm_pages *req, struct page *page,
			     unsigned long nr)
{
	return page_to_phys(page) >= req->first &&
	       page_to_phys(page) + PFN_PHYS(nr) - 1 <= req->last;
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
		page = vcm_phys_pages(req->nid, req->gfp | how, order);
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

/*
 * Return the zone of a page frame, NULL if it has no memory or memory that must
 * stay movable.
 */
static struct zone *vcm_pfn_zone(unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	return page && page_zonenum(page) <= ZONE_NORMAL ? page_zone(page) :
							   NULL;
}

/* Return true if all of a range is memory of one zone. */
static bool vcm_range_online(unsigned long pfn, unsigned long nr)
{
	const struct zone *zone = vcm_pfn_zone(pfn + nr - 1);
	const unsigned long end = pfn + nr;

	for (; zone && pfn < end; pfn = ALIGN(pfn + 1, pageblock_nr_pages))
		if (vcm_pfn_zone(pfn) != zone)
			return false;
	return zone;
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
		    !vcm_phys_range(pfn, nr, req->gfp & ~__GFP_ACCOUNT)) {
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

/* Charge pages that were allocated without; return false if it is too much. */
static bool vcm_pages_charge(const struct vcm_pages *req, unsigned long pfn,
			     unsigned long nr)
{
	unsigned long i;

	if (!(req->gfp & __GFP_ACCOUNT))
		return true;
	for (i = 0; i < nr; i++)
		if (memcg_kmem_charge_page(pfn_to_page(pfn + i),
					   GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0))
			return false;
	return true;
}

static int vcm_pages_error(const struct vcm_pages *req)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	return req->missed ? -EADDRNOTAVAIL : -ENOMEM;
}

/* Blocks */

/*
 * Collect blocks of the zones on @pages, in the order of allocation. An order
 * that failed once is not tried again.
 */
static void vcm_pages_collect(struct vcm_pages *req, struct list_head *pages)
{
	unsigned int order = req->max_order;
	struct page *page;
	gfp_t how;

	while (req->nr && !fatal_signal_pending(current)) {
		order = min_t(unsigned int, order, __fls(req->nr));
		how = order ? __GFP_COMP : 0;
		how |= order > req->min_order ? __GFP_NORETRY | __GFP_NOWARN :
						__GFP_RETRY_MAYFAIL;
		page = vcm_pages_block(req, order, 1UL << order, how);
		if (page) {
			list_add_tail(&page->lru, pages);
			req->nr -= 1UL << order;
		} else if (order > req->min_order && !req->no_zone) {
			order--;
		} else {
			return;
		}
		cond_resched();
	}
}

/* Collect the rest, as single pages, from ranges of the window. */
static int vcm_pages_collect_ranges(struct vcm_pages *req,
				    struct list_head *pages)
{
	unsigned long n, i, pfn;
	struct page *page;

	if (req->nr && !req->missed)
		return vcm_pages_error(req);
	for (; req->nr; req->nr -= n) {
		n = min(req->nr, max(pageblock_nr_pages, 1UL << req->min_order));
		page = vcm_pages_range(req, n, req->min_order);
		if (!page)
			return vcm_pages_error(req);
		pfn = page_to_pfn(page);
		for (i = 0; i < n; i++)
			list_add_tail(&pfn_to_page(pfn + i)->lru, pages);
		if (!vcm_pages_charge(req, pfn, n))
			return -ENOMEM;
	}
	return 0;
}

static unsigned int vcm_pages_count(struct list_head *pages)
{
	phys_addr_t end = 0;
	unsigned int count = 0;
	struct page *page;

	list_for_each_entry(page, pages, lru) {
		if (!count || page_to_phys(page) != end)
			count++;
		end = page_to_phys(page) + page_size(page);
	}
	return count;
}

/* Move the blocks into the parts, joined as vcm_pages_count() counted them. */
static void vcm_pages_fill(struct vcm_phys *phys, struct list_head *pages)
{
	struct phys_vec *part = phys->parts;
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru) {
		phys_addr_t paddr = page_to_phys(page);

		list_del(&page->lru);
		if (part->len && part->paddr + part->len != paddr)
			part++;
		if (!part->len)
			part->paddr = paddr;
		part->len += page_size(page);
	}
}

static struct vcm_phys *vcm_pages_blocks(struct vcm_pages *req)
{
	struct page *page, *next;
	struct vcm_phys *phys;
	LIST_HEAD(pages);
	int ret;

	vcm_pages_collect(req, &pages);
	ret = vcm_pages_collect_ranges(req, &pages);
	if (ret)
		goto err;
	phys = vcm_phys_new(vcm_pages_count(&pages), VCM_PHYS_PAGES |
			    (req->gfp & __GFP_ACCOUNT ? VCM_PHYS_ACCOUNT : 0),
			    vcm_pages_free_blocks, NULL);
	if (IS_ERR(phys)) {
		ret = PTR_ERR(phys);
		goto err;
	}

	vcm_pages_fill(phys, &pages);
	/* Cannot fail: blocks are not empty and lie within memory */
	vcm_phys_finish(phys);
	return phys;

err:
	list_for_each_entry_safe(page, next, &pages, lru) {
		list_del(&page->lru);
		__free_pages(page, compound_order(page));
	}
	return ERR_PTR(ret);
}

/* One part */

/* Allocate one block that is large enough and free the pages that are too many. */
static struct page *vcm_pages_trimmed(struct vcm_pages *req, unsigned int order)
{
	const gfp_t gfp = req->gfp;
	struct page *page;

	/* Charged below, as far as it is kept */
	req->gfp &= ~__GFP_ACCOUNT;
	page = vcm_pages_block(req, order, req->nr, __GFP_RETRY_MAYFAIL);
	req->gfp |= gfp & __GFP_ACCOUNT;
	if (page) {
		split_page(page, order);
		vcm_pages_free_range(page_to_pfn(page) + req->nr,
				     (1UL << order) - req->nr);
	}
	return page;
}

static struct vcm_phys *vcm_pages_contig(struct vcm_pages *req)
{
	unsigned int order = max_t(unsigned int, order_base_2(req->nr),
				   req->min_order);
	struct vcm_phys *phys = ERR_PTR(-ENOMEM);
	struct page *page = NULL;

	if (fatal_signal_pending(current))
		return ERR_PTR(-EINTR);
	if (order <= MAX_PAGE_ORDER)
		page = vcm_pages_trimmed(req, order);
	if (!page)
		page = vcm_pages_range(req, req->nr,
				       clamp_t(unsigned int, VCM_CONTIG_ORDER,
					       req->min_order, order));
	if (!page)
		return ERR_PTR(vcm_pages_error(req));

	if (vcm_pages_charge(req, page_to_pfn(page), req->nr))
		phys = vcm_phys_new(1, VCM_PHYS_PAGES |
				    (req->gfp & __GFP_ACCOUNT ?
				     VCM_PHYS_ACCOUNT : 0),
				    vcm_pages_free_contig, NULL);
	if (IS_ERR(phys)) {
		vcm_pages_free_range(page_to_pfn(page), req->nr);
		return phys;
	}
	phys->parts[0].paddr = page_to_phys(page);
	phys->parts[0].len = (size_t)req->nr << PAGE_SHIFT;
	/* Cannot fail: the part is not empty and lies within memory */
	vcm_phys_finish(phys);
	return phys;
}

/* Compute the page frames of the window that the page allocator may have. */
static void vcm_pages_window(struct vcm_pages *req)
{
	const u64 ram = IS_ENABLED(CONFIG_HIGHMEM) ? max_low_pfn : max_pfn;
	const u64 first = (u64)req->first >> PAGE_SHIFT;
	const u64 last = (u64)req->last >> PAGE_SHIFT;
	unsigned long span;

	/* No byte of a page that a limit cuts may be used */
	req->bottom = min(first + !PAGE_ALIGNED(req->first), ram);
	req->top = min(last + PAGE_ALIGNED(req->last + 1), ram);
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
 * become one part. Only for the smallest does the page allocator try hard, and
 * it never invokes the OOM killer. One part is aligned to its size rounded up to
 * a power of two; if it is larger than any block of the page allocator, up to
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
	struct vcm_pages req = {
		.min_order = get_order(unit),
		.max_order = min_t(unsigned int, MAX_PAGE_ORDER,
				   max_t(int, __fls(sizes) - PAGE_SHIFT, 0)),
		.first = params->first,
		.last = params->last,
		.gfp = GFP_KERNEL | vcm_zone(params->last),
		.nid = params->nid,
	};

	might_sleep();
	flags |= params->flags;
	if (!size || flags & ~VCM_ALLOC_FLAGS)
		return ERR_PTR(-EINVAL);
	/* The page allocator is asked for mapped memory: no highmem */
	if (size >> PAGE_SHIFT >= totalram_pages() - totalhigh_pages())
		return ERR_PTR(-ENOMEM);

	req.nr = PHYS_PFN(ALIGN(size, unit));
	vcm_pages_window(&req);
	if (!(flags & VCM_ALLOC_NOZERO))
		req.gfp |= __GFP_ZERO;
	if (flags & VCM_ALLOC_NOWARN)
		req.gfp |= __GFP_NOWARN;
	if (flags & VCM_ALLOC_ACCOUNT)
		req.gfp |= __GFP_ACCOUNT;

	if (flags & VCM_ALLOC_CONTIG)
		return vcm_pages_contig(&req);
	if (req.min_order > req.max_order)
		return ERR_PTR(-ENOMEM);
	return vcm_pages_blocks(&req);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_alloc);
