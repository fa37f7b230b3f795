// SPDX-License-Identifier: GPL-2.0-only
/*
 * Benchmark: memory for a device, from the page allocator to the page table.
 *
 * The ways of a driver are vcm_make_binding(); the same by hand with
 * alloc_pages(), alloc_iova() and the IOMMU API ("floor"); and the two calls of
 * the DMA API that need no contiguous memory. All of them zero the memory. Each
 * way has its own device, with a warm page table.
 *
 * Memory is in the state after booting ("fresh"), or in pieces ("fragmented"):
 * allocated except for some blocks of 64 KiB and a few of 2 MiB, the same for
 * each way.
 */
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/jhash.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vcm-drv.h>

#include "../../../mm/tests/vcm_leaves.h"
#include "bench.h"

#define ALLOC_MAX	SZ_256M
#define ALLOC_PROT	(IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)
#define ALLOC_ROUNDS	4

#define FRAG_SEED	2010
/* One of this many blocks is free */
#define FRAG_LARGE	128
#define FRAG_SMALL	2

/**
 * struct alloc_run - the ways to allocate memory
 * @bench: the run
 * @vcm: VCM's device, active
 * @floor: the device that is used by hand
 * @sgt: a table for the floor's memory
 * @dma: the device that uses the DMA API
 * @held: struct page.lru of memory that none of them gets
 */
struct alloc_run {
	struct bench *bench;
	struct vcm *vcm;
	struct bench_floor floor;
	struct sg_table sgt;
	struct device *dma;
	struct list_head held;
};

/**
 * struct alloc_cost - the cost of one round
 * @make: time until the device reaches the memory
 * @destroy: time until it does not and the memory is free
 * @leaves: page-table leaves that map it
 */
struct alloc_cost {
	u64 make;
	u64 destroy;
	u64 leaves;
};

/* Leaves */

/* Return the largest leaf that alignment and contiguity allow at @addr. */
static u64 alloc_leaf(struct iommu_domain *domain, dma_addr_t addr, u64 left)
{
	phys_addr_t phys = iommu_iova_to_phys(domain, addr);
	unsigned long sizes = domain->pgsize_bitmap;
	u64 leaf, off;

	for (; sizes; sizes &= ~leaf) {
		leaf = 1UL << __fls(sizes);
		if (leaf > left || !IS_ALIGNED(addr | phys, leaf))
			continue;
		for (off = 0; off < leaf; off += SZ_4K)
			if (iommu_iova_to_phys(domain, addr + off) != phys + off)
				break;
		if (off == leaf)
			return leaf;
	}
	return SZ_4K;
}

/* Count the leaves of @dev at @addr. The page table may have more of them. */
static u64 alloc_leaves(struct device *dev, dma_addr_t addr, u64 size)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	u64 leaf, leaves = 0;

	for (; size; size -= leaf, addr += leaf) {
		leaf = alloc_leaf(domain, addr, size);
		leaves++;
	}
	return leaves;
}

/* The ways; each returns 0 or an errno */

static int alloc_by_vcm(struct alloc_run *run, u64 size, struct alloc_cost *cost)
{
	struct vcm_res *res;
	bool same;
	u64 start;

	start = bench_now();
	res = vcm_make_binding(run->vcm, size, 0, 0);
	cost->make = bench_since(run->bench, start);
	if (IS_ERR(res))
		return PTR_ERR(res);

	cost->leaves = vcm_leaves(res);
	same = cost->leaves == alloc_leaves(run->bench->dev[0], res->start, size);

	start = bench_now();
	vcm_destroy_binding(res);
	cost->destroy = bench_since(run->bench, start);
	return same ? 0 : -EIO;
}

static void alloc_put_pages(struct scatterlist *sg, unsigned int nents)
{
	for (; nents; nents--, sg = sg_next(sg))
		__free_pages(sg_page(sg), get_order(sg->length));
}

/* Allocate the largest blocks available that fit; return their number. */
static int alloc_get_pages(struct scatterlist *sgl, u64 size)
{
	unsigned int order = MAX_PAGE_ORDER, nents = 0;
	unsigned long left = size >> PAGE_SHIFT;
	struct scatterlist *sg = sgl;
	struct page *page;
	gfp_t gfp;

	while (left) {
		order = min_t(unsigned int, order, __fls(left));
		gfp = GFP_KERNEL | __GFP_ZERO;
		if (order)
			gfp |= __GFP_NORETRY | __GFP_NOWARN;
		page = alloc_pages(gfp, order);
		if (page) {
			sg_set_page(sg, page, PAGE_SIZE << order, 0);
			sg = sg_next(sg);
			nents++;
			left -= 1UL << order;
		} else if (order) {
			order--;
		} else {
			alloc_put_pages(sgl, nents);
			return -ENOMEM;
		}
	}
	return nents;
}

/* The minimum that a driver has to do, without handling all errors */
static int alloc_by_hand(struct alloc_run *run, u64 size,
			 struct alloc_cost *cost)
{
	struct bench_floor *floor = &run->floor;
	struct scatterlist *sgl = run->sgt.sgl;
	struct iova *iova;
	dma_addr_t addr;
	ssize_t mapped;
	int nents;
	u64 start;

	start = bench_now();
	nents = alloc_get_pages(sgl, size);
	if (nents < 0)
		return nents;
	iova = alloc_iova(&floor->iovad, size >> 12, DMA_BIT_MASK(48) >> 12,
			  true);
	addr = iova_dma_addr(&floor->iovad, iova);
	mapped = iommu_map_sg(floor->domain, addr, sgl, nents, ALLOC_PROT,
			      GFP_KERNEL);
	cost->make = bench_since(run->bench, start);

	cost->leaves = alloc_leaves(floor->dev, addr, size);

	start = bench_now();
	iommu_unmap(floor->domain, addr, size);
	__free_iova(&floor->iovad, iova);
	alloc_put_pages(sgl, nents);
	cost->destroy = bench_since(run->bench, start);
	return mapped == size ? 0 : -EIO;
}

static int alloc_by_dma_noncontiguous(struct alloc_run *run, u64 size,
				      struct alloc_cost *cost)
{
	struct sg_table *sgt;
	u64 start;

	start = bench_now();
	sgt = dma_alloc_noncontiguous(run->dma, size, DMA_BIDIRECTIONAL,
				      GFP_KERNEL | __GFP_ZERO, 0);
	cost->make = bench_since(run->bench, start);
	if (!sgt)
		return -ENOMEM;

	cost->leaves = alloc_leaves(run->dma, sg_dma_address(sgt->sgl), size);

	start = bench_now();
	dma_free_noncontiguous(run->dma, size, sgt, DMA_BIDIRECTIONAL);
	cost->destroy = bench_since(run->bench, start);
	return 0;
}

/* The attribute is a hint, which the DMA API behind IOMMUs ignores */
static int alloc_by_dma_attrs(struct alloc_run *run, u64 size,
			      struct alloc_cost *cost)
{
	const unsigned long attrs = DMA_ATTR_NO_KERNEL_MAPPING;
	dma_addr_t addr;
	void *cookie;
	u64 start;

	start = bench_now();
	cookie = dma_alloc_attrs(run->dma, size, &addr, GFP_KERNEL, attrs);
	cost->make = bench_since(run->bench, start);
	if (!cookie)
		return -ENOMEM;

	cost->leaves = alloc_leaves(run->dma, addr, size);

	start = bench_now();
	dma_free_attrs(run->dma, size, cookie, addr, attrs);
	cost->destroy = bench_since(run->bench, start);
	return 0;
}

static const struct {
	const char *who;
	bool peer;
	int (*go)(struct alloc_run *run, u64 size, struct alloc_cost *cost);
} alloc_ways[] = {
	{ "vcm", false, alloc_by_vcm },
	{ "floor", true, alloc_by_hand },
	{ "dma_noncontiguous", true, alloc_by_dma_noncontiguous },
	{ "dma_attrs", true, alloc_by_dma_attrs },
};

/* Memory in pieces */

/* Return true for one of @n places, chosen at random by @place alone. */
static bool frag_chosen(unsigned long place, u32 n)
{
	return jhash_1word(place, FRAG_SEED) % n == 0;
}

static bool frag_free(struct page *page)
{
	u64 paddr = page_to_phys(page);

	return frag_chosen(paddr / SZ_2M, FRAG_LARGE) ||
	       frag_chosen(paddr / SZ_64K, FRAG_SMALL);
}

/*
 * Pages on the lists of CPUs are free, but part of no free block. Return those
 * of the zone that this takes a page from.
 */
static void alloc_drain(gfp_t zone)
{
	struct page *page;

	page = alloc_contig_pages(1, GFP_KERNEL | zone, numa_mem_id(), NULL);
	if (page)
		free_contig_range(page_to_pfn(page), 1);
}

/*
 * Allocate all memory available without reclaim, in blocks of 64 KiB, and free
 * some of them, chosen by their addresses.
 */
static void alloc_fragment(struct alloc_run *run)
{
	const unsigned int order = get_order(SZ_64K);
	gfp_t gfp = (GFP_KERNEL & ~__GFP_RECLAIM) | __GFP_NOWARN;
	struct page *page, *next;

	while ((page = alloc_pages(gfp, order)))
		list_add(&page->lru, &run->held);
	list_for_each_entry_safe(page, next, &run->held, lru) {
		if (!frag_free(page))
			continue;
		list_del(&page->lru);
		__free_pages(page, order);
	}
}

static void alloc_heal(struct alloc_run *run)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &run->held, lru) {
		list_del(&page->lru);
		__free_pages(page, get_order(SZ_64K));
	}
}

/*
 * Print the lowest cost of some rounds; the first one sets up tables. Print
 * nothing if @state is NULL.
 */
static int alloc_measure(struct alloc_run *run, int way, const char *state,
			 u64 size)
{
	struct alloc_cost cost, least = { U64_MAX, U64_MAX, U64_MAX };
	const char *who = alloc_ways[way].who;
	int round, ret;

	for (round = 0; round < ALLOC_ROUNDS; round++) {
		ret = alloc_ways[way].go(run, size, &cost);
		if (ret)
			return ret;
		least.make = min(least.make, cost.make);
		least.destroy = min(least.destroy, cost.destroy);
		least.leaves = min(least.leaves, cost.leaves);
	}
	if (!state)
		return 0;
	bench_row("make", state, size, 1, who, least.make);
	bench_row("destroy", state, size, 1, who, least.destroy);
	bench_row("leaves", state, size, 1, who, least.leaves);
	return 0;
}

static const u64 alloc_sizes[] = {
	SZ_64K, SZ_1M, SZ_2M, SZ_16M, SZ_64M, ALLOC_MAX,
};

static int alloc_all_sizes(struct alloc_run *run, int way, const char *state)
{
	int i, ret = 0;

	for (i = 0; i < ARRAY_SIZE(alloc_sizes) && !ret; i++)
		ret = alloc_measure(run, way, state, alloc_sizes[i]);
	return ret;
}

static int alloc_all_ways(struct alloc_run *run, const char *state, bool pieces)
{
	int way, ret = 0;

	for (way = 0; way < ARRAY_SIZE(alloc_ways) && !ret; way++) {
		if (alloc_ways[way].peer && !run->bench->peers)
			continue;
		/* Each way finds the same memory, in any order of ways */
		alloc_drain(0);
		alloc_drain(GFP_DMA);
		if (pieces)
			alloc_fragment(run);
		ret = alloc_all_sizes(run, way, state);
		alloc_heal(run);
	}
	return ret;
}

/*
 * The first way that finds memory in pieces makes the kernel migrate all
 * movable pages, once. So one pass in that state is not counted.
 */
static int alloc_all_states(struct alloc_run *run)
{
	return alloc_all_ways(run, "fresh", false) ?:
	       alloc_all_ways(run, NULL, true) ?:
	       alloc_all_ways(run, "fragmented", true);
}

/* Measure memory that a device reaches; needs three devices. */
int bench_allocation(struct bench *bench)
{
	struct alloc_run *run = kzalloc_obj(*run);
	int ret;

	if (!run)
		return -ENOMEM;
	run->bench = bench;
	run->dma = bench->dev[2];
	INIT_LIST_HEAD(&run->held);
	run->vcm = bench_vcm(bench->dev[0]);
	ret = PTR_ERR_OR_ZERO(run->vcm);
	if (ret)
		goto out_run;
	ret = bench_floor_init(&run->floor, bench->dev[1]);
	if (ret)
		goto out_vcm;
	ret = sg_alloc_table(&run->sgt, ALLOC_MAX >> PAGE_SHIFT, GFP_KERNEL);
	if (ret)
		goto out_floor;

	ret = alloc_all_states(run);

	sg_free_table(&run->sgt);
out_floor:
	bench_floor_exit(&run->floor);
out_vcm:
	vcm_destroy(run->vcm);
out_run:
	kfree(run);
	return ret;
}
