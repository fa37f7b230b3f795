// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for memory of the page allocator in Virtual Contiguous Memory.
 *
 * A recorder is a stub of vcm_phys_pages() and vcm_phys_range(). It sees every
 * request, and can refuse it or answer it with pages of its choice. It holds a
 * reference of each block that it returned, so a block that was freed is one with
 * no other reference.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/vmstat.h>

#include "../vcm-internal.h"
#include "vcm_testdrv.h"

#define pages_ok(test, ptr)	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ptr)

static const struct vcm_phys_params pages_any = {
	.last = PHYS_ADDR_MAX,
	.nid = NUMA_NO_NODE,
};

/* The recorder */

#define REC_MAX		2048

/**
 * struct rec_call - a request to a zone
 * @gfp: how to allocate
 * @order: order of the block
 * @nid: preferred node
 * @page: what was returned
 */
struct rec_call {
	gfp_t gfp;
	unsigned int order;
	int nid;
	struct page *page;
};

/**
 * struct rec - requests to the page allocator
 * @nr: number of @call
 * @call: the requests to zones
 * @ranges: number of requests for a range, each of which is refused
 * @refuse: blocks of this order and above are refused
 * @refuse_nth: number of a request that is refused too; 0: none
 * @pick: answers a request instead of the page allocator
 * @pool: pages for @pick
 * @next: index of the next page of @pool
 */
static struct rec {
	unsigned int nr;
	struct rec_call call[REC_MAX];
	unsigned int ranges;
	unsigned int refuse;
	unsigned int refuse_nth;
	struct page *(*pick)(gfp_t gfp, unsigned int order);
	struct page **pool;
	unsigned int next;
} rec;

static struct page *rec_answer(int nid, gfp_t gfp, unsigned int order)
{
	if (order >= rec.refuse || rec.nr == rec.refuse_nth)
		return NULL;
	if (rec.pick)
		return rec.pick(gfp, order);
	return alloc_pages_node(nid, gfp, order);
}

static struct page *rec_pages(int nid, gfp_t gfp, unsigned int order)
{
	struct rec_call *call;
	struct page *page;

	if (rec.nr == REC_MAX)
		return NULL;
	call = &rec.call[rec.nr++];
	page = rec_answer(nid, gfp, order);
	if (page)
		get_page(page);
	call->gfp = gfp;
	call->order = order;
	call->nid = nid;
	call->page = page;
	return page;
}

static int rec_range(unsigned long pfn, unsigned long nr, gfp_t gfp)
{
	rec.ranges++;
	return -EBUSY;
}

/* Start to record. Refuse blocks of order @refuse and above. */
static void rec_start(struct kunit *test, unsigned int refuse,
		      unsigned int refuse_nth)
{
	rec.nr = 0;
	rec.ranges = 0;
	rec.refuse = refuse;
	rec.refuse_nth = refuse_nth;
	rec.next = 0;
	kunit_activate_static_stub(test, vcm_phys_pages, rec_pages);
	if (IS_ENABLED(CONFIG_CONTIG_ALLOC))
		kunit_activate_static_stub(test, vcm_phys_range, rec_range);
}

/* Stop to record. Check that each block was freed, as the block that it is. */
static void rec_end(struct kunit *test)
{
	unsigned int i, j;

	kunit_deactivate_static_stub(test, vcm_phys_pages);
	if (IS_ENABLED(CONFIG_CONTIG_ALLOC))
		kunit_deactivate_static_stub(test, vcm_phys_range);
	KUNIT_EXPECT_LT(test, rec.nr, REC_MAX);
	for (i = 0; i < rec.nr; i++) {
		const struct rec_call *call = &rec.call[i];

		if (!call->page)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, page_count(call->page), 1,
				    "request %u of order %u", i, call->order);
		for (j = 1; PageHead(call->page) && j < 1 << call->order; j++)
			KUNIT_EXPECT_EQ(test, page_ref_count(call->page + j),
					0);
		put_page(call->page);
	}
	rec.nr = 0;
}

/* Check that each block that was returned is part of @phys or was freed. */
static void rec_check_held(struct kunit *test, const struct vcm_phys *phys)
{
	resource_size_t held = 0;
	unsigned int i;

	for (i = 0; i < rec.nr; i++)
		if (rec.call[i].page && page_count(rec.call[i].page) > 1)
			held += PAGE_SIZE << rec.call[i].order;
	KUNIT_EXPECT_EQ(test, held, phys->size);
}

/* Requests */

/* Memory: -EINVAL for size 0 and for an unknown flag. */
static void pages_errors(struct kunit *test)
{
	static const unsigned int modes[] = { 0, VCM_ALLOC_CONTIG };
	unsigned int i;

	rec_start(test, UINT_MAX, 0);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		unsigned int mode = modes[i];

		expect_errno(test, vcm_phys_alloc(0, mode, &pages_any), -EINVAL);
		expect_errno(test, vcm_phys_alloc(PAGE_SIZE, mode |
						  (VCM_ALLOC_FLAGS + 1),
						  &pages_any), -EINVAL);
		expect_errno(test, vcm_phys_alloc(PAGE_SIZE, mode | BIT(31),
						  &pages_any), -EINVAL);
		KUNIT_EXPECT_EQ(test, rec.nr, 0);
	}
	rec_end(test);
}

/* Return the pages that the page allocator has for the kernel: no highmem. */
static unsigned long pages_of_ram(void)
{
	return totalram_pages() - totalhigh_pages();
}

/* Memory: -ENOMEM at once for more than the machine has. */
static void pages_too_large(struct kunit *test)
{
	const resource_size_t ram = (resource_size_t)pages_of_ram() << PAGE_SHIFT;
	const resource_size_t sizes[] = {
		ram + PAGE_SIZE, ram * 2, ~(resource_size_t)0,
		~(resource_size_t)0 & PAGE_MASK,
	};
	unsigned int i;

	rec_start(test, UINT_MAX, 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* 32-bit: the size overflowed */
		if (sizes[i] < ram)
			continue;
		expect_errno(test, vcm_phys_alloc(sizes[i], 0, &pages_any),
			     -ENOMEM);
		expect_errno(test, vcm_phys_alloc(sizes[i], VCM_ALLOC_CONTIG,
						  &pages_any), -ENOMEM);
		KUNIT_EXPECT_EQ(test, rec.nr, 0);
	}
	rec_end(test);
}

/* Memory: 1 GiB, zeroed, if the machine has that much; else -ENOMEM. */
static void pages_gigabyte(struct kunit *test)
{
	const unsigned long pages = SZ_1G >> PAGE_SHIFT;
	struct vcm_phys *phys;
	unsigned int i;

	phys = vcm_phys_alloc(SZ_1G, 0, &pages_any);
	if (pages_of_ram() <= pages) {
		expect_errno(test, phys, -ENOMEM);
		return;
	}
	if (IS_ERR(phys) && pages_of_ram() < pages + pages / 2)
		kunit_skip(test, "the machine has hardly more than 1 GiB");

	pages_ok(test, phys);
	KUNIT_EXPECT_EQ(test, phys->size, SZ_1G);
	for (i = 0; i < phys->count; i++) {
		const struct phys_vec *part = &phys->parts[i];
		struct page *last = phys_to_page(part->paddr + part->len - 1);

		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(last), 0,
						   PAGE_SIZE));
	}
	vcm_free(phys);
}

/* Sizes: rounded up to the larger of PAGE_SIZE and the granule. */
static void pages_rounds(struct kunit *test)
{
	static const struct {
		resource_size_t size;
		unsigned long sizes;
		resource_size_t want;
	} rows[] = {
		{ 1, 0, PAGE_SIZE },
		{ PAGE_SIZE, 0, PAGE_SIZE },
		{ PAGE_SIZE + 1, 0, 2 * PAGE_SIZE },
		{ 1, SZ_1K, PAGE_SIZE },
		{ 3 * PAGE_SIZE, PAGE_SIZE | SZ_1M, 3 * PAGE_SIZE },
		{ 1, 4 * PAGE_SIZE, 4 * PAGE_SIZE },
		{ 9 * PAGE_SIZE, 4 * PAGE_SIZE | SZ_1M, 12 * PAGE_SIZE },
	};
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		struct vcm_phys_params params = pages_any;
		struct vcm_phys *phys;

		params.pgsize_bitmap = rows[i / 2].sizes;
		phys = vcm_phys_alloc(rows[i / 2].size,
				      i & 1 ? VCM_ALLOC_CONTIG : 0, &params);
		pages_ok(test, phys);
		td_phys_check(test, phys, rows[i / 2].want);
		KUNIT_EXPECT_TRUE(test, phys->flags & VCM_PHYS_PAGES);
		vcm_free(phys);
	}
}

/* Write to every byte. Return true if all were zero. */
static bool pages_dirty(const struct vcm_phys *phys)
{
	bool zero = true;
	unsigned int i;
	size_t off;

	for (i = 0; i < phys->count; i++) {
		for (off = 0; off < phys->parts[i].len; off += PAGE_SIZE) {
			phys_addr_t paddr = phys->parts[i].paddr + off;
			void *p = kmap_local_page(pfn_to_page(PHYS_PFN(paddr)));

			zero &= !memchr_inv(p, 0, PAGE_SIZE);
			memset(p, 0xa5, PAGE_SIZE);
			kunmap_local(p);
		}
	}
	return zero;
}

/* Memory: zeroed, also if it was written to and freed before. */
static void pages_zeroes(struct kunit *test)
{
	static const unsigned int modes[] = { 0, VCM_ALLOC_CONTIG };
	struct vcm_phys *phys;
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		for (n = 0; n < 8; n++) {
			phys = vcm_phys_alloc(SZ_256K + PAGE_SIZE,
					      modes[i] | VCM_ALLOC_NOZERO,
					      &pages_any);
			pages_ok(test, phys);
			pages_dirty(phys);
			vcm_free(phys);
			phys = vcm_phys_alloc(SZ_256K + PAGE_SIZE, modes[i],
					      &pages_any);
			pages_ok(test, phys);
			KUNIT_EXPECT_TRUE(test, pages_dirty(phys));
			vcm_free(phys);
		}
	}
}

/* Memory: the flags decide how the page allocator is asked. */
static void pages_gfp(struct kunit *test)
{
	static const unsigned int all[] = {
		0, VCM_ALLOC_NOZERO, VCM_ALLOC_NOWARN,
		VCM_ALLOC_NOZERO | VCM_ALLOC_NOWARN,
	};
	struct vcm_phys_params params = pages_any;
	struct vcm_phys *phys;
	unsigned int i, j;

	params.nid = numa_mem_id();
	for (i = 0; i < 2 * ARRAY_SIZE(all); i++) {
		unsigned int flags = all[i / 2];
		unsigned int contig = i & 1 ? VCM_ALLOC_CONTIG : 0;

		rec_start(test, contig ? UINT_MAX : 2, 0);
		phys = vcm_phys_alloc(7 * PAGE_SIZE, flags | contig, &params);
		pages_ok(test, phys);
		KUNIT_EXPECT_GT(test, rec.nr, 0);
		for (j = 0; j < rec.nr; j++) {
			const struct rec_call *call = &rec.call[j];
			bool hard = contig || !call->order;

			KUNIT_EXPECT_EQ(test, call->gfp & GFP_KERNEL,
					GFP_KERNEL);
			KUNIT_EXPECT_EQ(test, call->gfp & GFP_ZONEMASK, 0);
			KUNIT_EXPECT_EQ(test, call->nid, params.nid);
			KUNIT_EXPECT_EQ(test, !(call->gfp & __GFP_ZERO),
					!!(flags & VCM_ALLOC_NOZERO));
			/* It tries hard for the smallest blocks only */
			KUNIT_EXPECT_EQ(test, !(call->gfp & __GFP_NORETRY),
					hard);
			KUNIT_EXPECT_EQ(test,
					!!(call->gfp & __GFP_RETRY_MAYFAIL),
					hard);
			KUNIT_EXPECT_EQ(test, !(call->gfp & __GFP_NOWARN),
					hard && !(flags & VCM_ALLOC_NOWARN));
		}
		vcm_free(phys);
		rec_end(test);
	}
}

/*
 * Check that the orders never grow, that an order which was refused is not tried
 * again, and that none is below @min.
 */
static void rec_expect_monotone(struct kunit *test, unsigned int first,
				unsigned int min)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, rec.call[0].order, first);
	for (i = 0; i < rec.nr; i++) {
		KUNIT_EXPECT_GE(test, rec.call[i].order, min);
		if (!i)
			continue;
		if (rec.call[i - 1].page)
			KUNIT_EXPECT_LE(test, rec.call[i].order,
					rec.call[i - 1].order);
		else
			KUNIT_EXPECT_LT(test, rec.call[i].order,
					rec.call[i - 1].order);
	}
}

/* Memory: blocks of the largest useful size first, then of smaller ones. */
static void pages_falls_back(struct kunit *test)
{
	static const struct {
		unsigned int pages;
		unsigned int sizes;
		unsigned int first;
	} rows[] = {
		/* Orders of page sizes, and the first that can be used */
		{ 1, BIT(0), 0 },
		{ 37, BIT(0), 0 },
		{ 37, BIT(0) | BIT(4), 4 },
		{ 37, BIT(0) | BIT(4) | BIT(9), 5 },
		{ 64, BIT(0) | BIT(4) | BIT(6), 6 },
		{ 61, BIT(0) | BIT(18), 5 },
	};
	unsigned int i, refuse;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (refuse = 1; refuse <= rows[i].first + 1; refuse++) {
			struct vcm_phys_params params = pages_any;
			struct vcm_phys *phys;

			params.pgsize_bitmap = rows[i].sizes * PAGE_SIZE;
			rec_start(test, refuse, 0);
			phys = vcm_phys_alloc(rows[i].pages * PAGE_SIZE, 0,
					      &params);
			pages_ok(test, phys);
			td_phys_check(test, phys, rows[i].pages * PAGE_SIZE);
			rec_expect_monotone(test, rows[i].first, 0);
			rec_check_held(test, phys);
			vcm_free(phys);
			rec_end(test);
		}
	}
}

/* Memory: each useful order is tried before the request fails. */
static void pages_tries_all_orders(struct kunit *test)
{
	const resource_size_t size = 2 * PAGE_SIZE << MAX_PAGE_ORDER;
	struct vcm_phys_params params = pages_any;
	unsigned int i;

	if (size >> PAGE_SHIFT >= pages_of_ram())
		kunit_skip(test, "too little memory");

	rec_start(test, 0, 0);
	expect_errno(test, vcm_phys_alloc(size, 0, &params), -ENOMEM);
	KUNIT_EXPECT_EQ(test, rec.nr, MAX_PAGE_ORDER + 1);
	for (i = 0; i < rec.nr; i++)
		KUNIT_EXPECT_EQ(test, rec.call[i].order, MAX_PAGE_ORDER - i);
	rec_end(test);

	params.pgsize_bitmap = 4 * PAGE_SIZE | 16 * PAGE_SIZE;
	rec_start(test, 0, 0);
	expect_errno(test, vcm_phys_alloc(size, 0, &params), -ENOMEM);
	KUNIT_EXPECT_EQ(test, rec.nr, 3);
	KUNIT_EXPECT_EQ(test, rec.ranges, 0);
	rec_expect_monotone(test, 4, 2);
	rec_end(test);

	rec_start(test, 0, 0);
	expect_errno(test, vcm_phys_alloc(5 * PAGE_SIZE, VCM_ALLOC_CONTIG,
					  &pages_any), -ENOMEM);
	KUNIT_EXPECT_EQ(test, rec.nr, 1);
	KUNIT_EXPECT_EQ(test, rec.call[0].order, 3);
	/* One part may be in the gaps between blocks, other memory is not */
	KUNIT_EXPECT_EQ(test, rec.ranges > 0,
			IS_ENABLED(CONFIG_CONTIG_ALLOC));
	rec_end(test);
}

/*
 * Memory: if any one request is refused, the rest is allocated in smaller blocks,
 * or everything is freed.
 */
static void pages_fails_anywhere(struct kunit *test)
{
	struct vcm_phys_params params = pages_any;
	unsigned int granule, nth, nr;

	for (granule = 0; granule < 2; granule++) {
		params.pgsize_bitmap = (granule ? 2 : 1) * PAGE_SIZE |
				       8 * PAGE_SIZE;
		nth = 0;
		do {
			struct vcm_phys *phys;

			rec_start(test, UINT_MAX, ++nth);
			phys = vcm_phys_alloc(46 * PAGE_SIZE, VCM_ALLOC_NOWARN,
					      &params);
			nr = rec.nr;
			if (nth <= nr && rec.call[nth - 1].order == granule) {
				expect_errno(test, phys, -ENOMEM);
			} else {
				pages_ok(test, phys);
				td_phys_check(test, phys, 46 * PAGE_SIZE);
				rec_check_held(test, phys);
				vcm_free(phys);
			}
			rec_expect_monotone(test, 3, granule);
			rec_end(test);
		} while (nth <= nr);
	}
}

/* Memory: each part is a multiple of a granule above PAGE_SIZE. */
static void pages_granule(struct kunit *test)
{
	struct vcm_phys_params params = pages_any;
	unsigned int order, refuse, i;

	for (order = 1; order <= 5; order++) {
		for (refuse = order + 1; refuse <= order + 3; refuse++) {
			size_t granule = PAGE_SIZE << order;
			struct vcm_phys *phys;

			params.pgsize_bitmap = granule | granule << 2;
			rec_start(test, refuse, 0);
			phys = vcm_phys_alloc(7 * granule - PAGE_SIZE, 0,
					      &params);
			pages_ok(test, phys);
			td_phys_check(test, phys, 7 * granule);
			rec_expect_monotone(test, order + 2, order);
			for (i = 0; i < phys->count; i++) {
				KUNIT_EXPECT_EQ(test, phys->parts[i].paddr &
						(granule - 1), 0);
				KUNIT_EXPECT_EQ(test, phys->parts[i].len &
						(granule - 1), 0);
			}
			KUNIT_EXPECT_EQ(test, phys->align_bits & (granule - 1),
					0);
			vcm_free(phys);
			rec_end(test);
		}
	}

	/* No block of the page allocator has that size */
	params.pgsize_bitmap = 2 * PAGE_SIZE << MAX_PAGE_ORDER;
	expect_errno(test, vcm_phys_alloc(PAGE_SIZE, VCM_ALLOC_NOWARN, &params),
		     -ENOMEM);
}

/*
 * VCM_ALLOC_CONTIG: one part, aligned to its size rounded up to a power of two.
 * The request is for no more than that, whatever the granule is.
 */
static void pages_contig(struct kunit *test)
{
	static const unsigned int rows[] = { 1, 2, 3, 5, 8, 13, 33, 64 };
	struct vcm_phys_params params = pages_any;
	unsigned int i, j;

	for (i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		unsigned long granule = i & 1 ? 4 * PAGE_SIZE : PAGE_SIZE;
		resource_size_t size = rows[i / 2] * PAGE_SIZE;
		struct vcm_phys *phys;
		struct page *page;

		params.pgsize_bitmap = granule | SZ_1M;
		rec_start(test, UINT_MAX, 0);
		phys = vcm_phys_alloc(size, VCM_ALLOC_CONTIG, &params);
		pages_ok(test, phys);
		size = ALIGN(size, granule);
		td_phys_check(test, phys, size);
		KUNIT_EXPECT_EQ(test, phys->count, 1);
		KUNIT_EXPECT_EQ(test, phys->parts[0].paddr &
				(roundup_pow_of_two(size) - 1), 0);
		KUNIT_EXPECT_EQ(test, rec.nr, 1);
		KUNIT_EXPECT_EQ(test, rec.call[0].order, get_order(size));

		/* Each page is freed for itself */
		page = pfn_to_page(PHYS_PFN(phys->parts[0].paddr));
		for (j = 1; j < size / PAGE_SIZE; j++) {
			KUNIT_EXPECT_EQ(test, page_count(page + j), 1);
			get_page(page + j);
		}
		vcm_free(phys);
		for (j = 1; j < size / PAGE_SIZE; j++) {
			KUNIT_EXPECT_EQ(test, page_count(page + j), 1);
			put_page(page + j);
		}
		rec_end(test);
	}
}

/*
 * VCM_ALLOC_CONTIG: the tail of a block is freed at once. The test allocates until
 * tails that leaked would be a quarter of all memory.
 */
static void pages_contig_tail(struct kunit *test)
{
	const unsigned long quarter = pages_of_ram() / 4;
	unsigned long i, before = global_zone_page_state(NR_FREE_PAGES);

	for (i = 0; i < quarter / 31; i++) {
		struct vcm_phys *phys;

		phys = vcm_phys_alloc(33 * PAGE_SIZE, VCM_ALLOC_CONTIG |
				      VCM_ALLOC_NOZERO, &pages_any);
		pages_ok(test, phys);
		vcm_free(phys);
		cond_resched();
	}
	KUNIT_EXPECT_GT(test, global_zone_page_state(NR_FREE_PAGES) +
			quarter / 2, before);
}

/* VCM_ALLOC_CONTIG: one part that is larger than any block, or -ENOMEM. */
static void pages_contig_large(struct kunit *test)
{
	const resource_size_t size = (PAGE_SIZE << MAX_PAGE_ORDER) + PAGE_SIZE;
	struct vcm_phys *phys;

	phys = vcm_phys_alloc(size, VCM_ALLOC_CONTIG | VCM_ALLOC_NOWARN,
			      &pages_any);
	if (IS_ERR(phys)) {
		expect_errno(test, phys, -ENOMEM);
		return;
	}
	KUNIT_EXPECT_TRUE(test, IS_ENABLED(CONFIG_CONTIG_ALLOC));
	td_phys_check(test, phys, size);
	KUNIT_EXPECT_EQ(test, phys->count, 1);
	KUNIT_EXPECT_TRUE(test, pages_dirty(phys));
	vcm_free(phys);
}

/* Fill the pool with the pages of a block, as if they were allocated one by one. */
static void rec_pool(struct kunit *test, unsigned int order)
{
	unsigned int i, nr = 1 << order;
	struct page *page;

	rec.pool = kunit_kcalloc(test, nr, sizeof(*rec.pool), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, rec.pool);
	page = alloc_pages(GFP_KERNEL, order);
	KUNIT_ASSERT_NOT_NULL(test, page);
	split_page(page, order);
	for (i = 0; i < nr; i++)
		rec.pool[i] = page + i;
}

static struct page *rec_pick_next(gfp_t gfp, unsigned int order)
{
	return order ? NULL : rec.pool[rec.next++];
}

/*
 * Memory: blocks that are neighbours become one part, others do not. Each row is
 * the order in which 16 pages are returned.
 */
static void pages_joins(struct kunit *test)
{
	static const struct {
		u8 page[16];
		unsigned int parts;
	} rows[] = {
		{ { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 }, 1 },
		{ { 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 }, 16 },
		{ { 0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15 }, 16 },
		{ { 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7 }, 2 },
		{ { 0, 3, 4, 1, 2, 5, 9, 8, 7, 6, 13, 14, 15, 10, 11, 12 }, 10 },
	};
	struct vcm_phys_params params = pages_any;
	unsigned int i, j;

	params.pgsize_bitmap = PAGE_SIZE;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vcm_phys *phys;
		struct page *first;

		rec_pool(test, 4);
		first = rec.pool[0];
		for (j = 0; j < 16; j++)
			rec.pool[j] = first + rows[i].page[j];
		rec.pick = rec_pick_next;
		rec_start(test, UINT_MAX, 0);
		phys = vcm_phys_alloc(16 * PAGE_SIZE, VCM_ALLOC_NOZERO,
				      &params);
		pages_ok(test, phys);
		td_phys_check(test, phys, 16 * PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, phys->count, rows[i].parts);
		KUNIT_EXPECT_EQ(test, phys->parts[0].paddr,
				page_to_phys(rec.pool[0]));
		vcm_free(phys);
		rec_end(test);
		rec.pick = NULL;
	}
}

/* Memory: blocks of several orders that became one part are freed as blocks. */
static void pages_free_joined(struct kunit *test)
{
	struct vcm_phys_params params = pages_any;
	unsigned int n, joined = 0;

	params.pgsize_bitmap = PAGE_SIZE | 8 * PAGE_SIZE;
	for (n = 1; n < 64; n++) {
		struct vcm_phys *phys;
		unsigned int i, blocks = 0;

		rec_start(test, 1 + n % 4, 0);
		phys = vcm_phys_alloc(n * PAGE_SIZE, 0, &params);
		pages_ok(test, phys);
		rec_check_held(test, phys);
		for (i = 0; i < rec.nr; i++)
			blocks += !!rec.call[i].page;
		joined += blocks - phys->count;
		vcm_free(phys);
		rec_end(test);
	}
	kunit_info(test, "%u blocks were joined\n", joined);
}

static long pages_signalled(void *arg)
{
	unsigned int *flags = arg;
	struct vcm_phys *phys;
	long ret;

	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
	phys = vcm_phys_alloc(4 * PAGE_SIZE, *flags, &pages_any);
	ret = PTR_ERR_OR_ZERO(phys);
	if (!ret)
		vcm_free(phys);
	flush_signals(current);
	disallow_signal(SIGKILL);
	return ret;
}

/* Memory: -EINTR if a fatal signal is pending. */
static void pages_fatal_signal(struct kunit *test)
{
	static unsigned int modes[] = { 0, VCM_ALLOC_CONTIG };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		struct td_worker *worker;

		worker = td_start(test->priv, pages_signalled, &modes[i]);
		KUNIT_EXPECT_EQ(test, td_join(worker), -EINTR);
		KUNIT_EXPECT_EQ(test, worker->warnings, 0);
	}
}

static struct kunit_case pages_cases[] = {
	KUNIT_CASE(pages_errors),
	KUNIT_CASE(pages_too_large),
	KUNIT_CASE_SLOW(pages_gigabyte),
	KUNIT_CASE(pages_rounds),
	KUNIT_CASE(pages_zeroes),
	KUNIT_CASE(pages_gfp),
	KUNIT_CASE(pages_falls_back),
	KUNIT_CASE(pages_tries_all_orders),
	KUNIT_CASE(pages_fails_anywhere),
	KUNIT_CASE(pages_granule),
	KUNIT_CASE(pages_contig),
	KUNIT_CASE(pages_contig_tail),
	KUNIT_CASE(pages_contig_large),
	KUNIT_CASE(pages_joins),
	KUNIT_CASE(pages_free_joined),
	KUNIT_CASE(pages_fatal_signal),
	{ }
};

static struct kunit_suite pages_suite = {
	.name = "vcm_pages",
	.init = td_begin,
	.exit = td_end,
	.test_cases = pages_cases,
};

kunit_test_suite(pages_suite);

MODULE_DESCRIPTION("KUnit tests for memory of the page allocator in Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
