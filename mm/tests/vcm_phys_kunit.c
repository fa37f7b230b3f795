// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the physical memory of Virtual Contiguous Memory: allocation,
 * import, parts and the walk over them.
 *
 * Between vcm_phys_alloc() and the page allocator stands a recorder that sees
 * every request, can refuse it, or answers it with pages of its choice. It
 * holds a reference of each page that it has handed out, so a page that has
 * been given back is known by its having no other.
 *
 * A number in brackets is a defect of the code of 2010.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/ioport.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmstat.h>

#include "../vcm-internal.h"
#include "vcm_testdrv.h"

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random tests; 0: a new one for each run");

#define phys_ok(test, ptr)	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ptr)

#define expect_errno(test, ptr, err) \
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(ptr), err)

static u32 phys_seed(struct kunit *test)
{
	u32 start = seed ?: get_random_u32();

	kunit_info(test, "seed %u\n", start);
	return start;
}

static const struct vcm_phys_params phys_any = {
	.last = PHYS_ADDR_MAX,
	.nid = NUMA_NO_NODE,
};

/* What every allocation has to be, whatever it was asked for */
static void phys_check(struct kunit *test, const struct vcm_phys *phys,
		       resource_size_t size)
{
	resource_size_t sum = 0;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, phys->size, size);
	KUNIT_EXPECT_GT(test, phys->count, 0);
	for (i = 0; i < phys->count; i++) {
		KUNIT_EXPECT_GT(test, phys->parts[i].len, 0);
		sum += phys->parts[i].len;
	}
	KUNIT_EXPECT_EQ(test, sum, size);
}

/*
 * The recorder
 */

#define REC_MAX		2048

struct rec_call {
	gfp_t gfp;
	unsigned int order;
	int nid;
	struct page *page;
};

/**
 * struct rec - what has been asked of the page allocator
 * @nr: number of @call
 * @call: the requests
 * @refuse: blocks of this order and above are refused
 * @refuse_nth: and so is the n-th request; 0: none
 * @pick: answers a request instead of the page allocator
 * @pool: pages for @pick
 * @next: the next of them
 */
static struct rec {
	unsigned int nr;
	struct rec_call call[REC_MAX];
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

/* From now on, blocks of order @refuse and above are refused. */
static void rec_start(struct kunit *test, unsigned int refuse,
		      unsigned int refuse_nth)
{
	rec.nr = 0;
	rec.refuse = refuse;
	rec.refuse_nth = refuse_nth;
	rec.next = 0;
	kunit_activate_static_stub(test, vcm_phys_pages, rec_pages);
}

/* All that was handed out has been given back. */
static void rec_end(struct kunit *test)
{
	unsigned int i, j;

	kunit_deactivate_static_stub(test, vcm_phys_pages);
	KUNIT_EXPECT_LT(test, rec.nr, REC_MAX);
	for (i = 0; i < rec.nr; i++) {
		const struct rec_call *call = &rec.call[i];

		if (!call->page)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, page_count(call->page), 1,
				    "request %u of order %u", i, call->order);
		/* and as the block that it is, not page by page */
		for (j = 1; PageHead(call->page) && j < 1 << call->order; j++)
			KUNIT_EXPECT_EQ(test, page_ref_count(call->page + j),
					0);
		put_page(call->page);
	}
	rec.nr = 0;
}

/* Everything that was handed out belongs to @phys, or has been given back. */
static void rec_check_held(struct kunit *test, const struct vcm_phys *phys)
{
	resource_size_t held = 0;
	unsigned int i;

	for (i = 0; i < rec.nr; i++)
		if (rec.call[i].page && page_count(rec.call[i].page) > 1)
			held += PAGE_SIZE << rec.call[i].order;
	KUNIT_EXPECT_EQ(test, held, phys->size);
}

/*
 * Allocation
 */

/* Row "alloc": what cannot be asked for */
static void phys_alloc_errors(struct kunit *test)
{
	static const unsigned int modes[] = { 0, VCM_ALLOC_CONTIG };
	unsigned int i;

	rec_start(test, UINT_MAX, 0);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		unsigned int mode = modes[i];

		expect_errno(test, vcm_phys_alloc(0, mode, &phys_any), -EINVAL);
		expect_errno(test, vcm_phys_alloc(PAGE_SIZE, mode |
						  (VCM_ALLOC_FLAGS + 1),
						  &phys_any), -EINVAL);
		expect_errno(test, vcm_phys_alloc(PAGE_SIZE, mode | BIT(31),
						  &phys_any), -EINVAL);
		KUNIT_EXPECT_EQ(test, rec.nr, 0);
	}
	rec_end(test);
}

/* Highmem does not count. */
static unsigned long phys_ram_pages(void)
{
	return totalram_pages() - totalhigh_pages();
}

/* More than there is: -ENOMEM at once, nothing is asked for. */
static void phys_alloc_too_large(struct kunit *test)
{
	const resource_size_t ram = (resource_size_t)phys_ram_pages() << PAGE_SHIFT;
	const resource_size_t sizes[] = {
		ram + PAGE_SIZE, ram * 2, ~(resource_size_t)0,
		~(resource_size_t)0 & PAGE_MASK,
	};
	unsigned int i;

	rec_start(test, UINT_MAX, 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* 32-bit: there is nothing larger than memory */
		if (sizes[i] < ram)
			continue;
		expect_errno(test, vcm_phys_alloc(sizes[i], 0, &phys_any),
			     -ENOMEM);
		expect_errno(test, vcm_phys_alloc(sizes[i], VCM_ALLOC_CONTIG,
						  &phys_any), -ENOMEM);
		KUNIT_EXPECT_EQ(test, rec.nr, 0);
	}
	rec_end(test);
}

/* 1 GiB: where there is twice as much it works, where there is less it fails. */
static void phys_alloc_gigabyte(struct kunit *test)
{
	const unsigned long pages = SZ_1G >> PAGE_SHIFT;
	struct vcm_phys *phys;
	unsigned int i;

	phys = vcm_phys_alloc(SZ_1G, 0, &phys_any);
	if (phys_ram_pages() <= pages) {
		expect_errno(test, phys, -ENOMEM);
		return;
	}
	if (IS_ERR(phys) && phys_ram_pages() < pages + pages / 2)
		kunit_skip(test, "neither much nor little memory");

	phys_ok(test, phys);
	KUNIT_EXPECT_EQ(test, phys->size, SZ_1G);
	for (i = 0; i < phys->count; i++) {
		const struct phys_vec *part = &phys->parts[i];
		struct page *last = phys_to_page(part->paddr + part->len - 1);

		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(last), 0,
						   PAGE_SIZE));
	}
	vcm_free(phys);
}

/* Sizes are rounded up to the page size and to the granule. */
static void phys_alloc_rounds(struct kunit *test)
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
		struct vcm_phys_params params = phys_any;
		struct vcm_phys *phys;

		params.pgsize_bitmap = rows[i / 2].sizes;
		phys = vcm_phys_alloc(rows[i / 2].size,
				      i & 1 ? VCM_ALLOC_CONTIG : 0, &params);
		phys_ok(test, phys);
		phys_check(test, phys, rows[i / 2].want);
		KUNIT_EXPECT_TRUE(test, phys->flags & VCM_PHYS_PAGES);
		vcm_free(phys);
	}
}

/* Writes to every byte; false when one was not zero. */
static bool phys_dirty(const struct vcm_phys *phys)
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

/* [15] Memory is zeroed, also what was dirty a moment ago. */
static void phys_alloc_zeroes(struct kunit *test)
{
	static const unsigned int modes[] = { 0, VCM_ALLOC_CONTIG };
	struct vcm_phys *phys;
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		for (n = 0; n < 8; n++) {
			phys = vcm_phys_alloc(SZ_256K + PAGE_SIZE,
					      modes[i] | VCM_ALLOC_NOZERO,
					      &phys_any);
			phys_ok(test, phys);
			phys_dirty(phys);
			vcm_free(phys);
			phys = vcm_phys_alloc(SZ_256K + PAGE_SIZE, modes[i],
					      &phys_any);
			phys_ok(test, phys);
			KUNIT_EXPECT_TRUE(test, phys_dirty(phys));
			vcm_free(phys);
		}
	}
}

/* [15] What the page allocator is asked for follows from flags and masks. */
static void phys_alloc_gfp(struct kunit *test)
{
	static const unsigned int all[] = {
		0, VCM_ALLOC_NOZERO, VCM_ALLOC_NOWARN,
		VCM_ALLOC_NOZERO | VCM_ALLOC_NOWARN,
	};
	struct vcm_phys_params params = phys_any;
	struct vcm_phys *phys;
	unsigned int i, j;

	params.nid = numa_mem_id();
	for (i = 0; i < 2 * ARRAY_SIZE(all); i++) {
		unsigned int flags = all[i / 2];
		unsigned int contig = i & 1 ? VCM_ALLOC_CONTIG : 0;

		rec_start(test, contig ? UINT_MAX : 2, 0);
		phys = vcm_phys_alloc(7 * PAGE_SIZE, flags | contig, &params);
		phys_ok(test, phys);
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
			/* Only for the smallest it tries hard, and says so */
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
 * The largest page size first and then smaller ones, monotonically: an order
 * that was refused is not asked for again, and none below the granule is.
 */
static void phys_expect_monotone(struct kunit *test, unsigned int first,
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

static void phys_alloc_falls_back(struct kunit *test)
{
	static const struct {
		unsigned int pages;
		unsigned int sizes;
		unsigned int first;
	} rows[] = {
		/* orders of page sizes, and the first that is of use */
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
			struct vcm_phys_params params = phys_any;
			struct vcm_phys *phys;

			params.pgsize_bitmap = rows[i].sizes * PAGE_SIZE;
			rec_start(test, refuse, 0);
			phys = vcm_phys_alloc(rows[i].pages * PAGE_SIZE, 0,
					      &params);
			phys_ok(test, phys);
			phys_check(test, phys, rows[i].pages * PAGE_SIZE);
			phys_expect_monotone(test, rows[i].first, 0);
			rec_check_held(test, phys);
			vcm_free(phys);
			rec_end(test);
		}
	}
}

/* Each order is tried, from the largest that the page allocator has. */
static void phys_alloc_tries_all_orders(struct kunit *test)
{
	const resource_size_t size = 2 * PAGE_SIZE << MAX_PAGE_ORDER;
	struct vcm_phys_params params = phys_any;
	unsigned int i;

	if (size >> PAGE_SHIFT >= phys_ram_pages())
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
	phys_expect_monotone(test, 4, 2);
	rec_end(test);

	rec_start(test, 0, 0);
	expect_errno(test, vcm_phys_alloc(5 * PAGE_SIZE, VCM_ALLOC_CONTIG,
					  &phys_any), -ENOMEM);
	KUNIT_EXPECT_EQ(test, rec.nr, 1);
	KUNIT_EXPECT_EQ(test, rec.call[0].order, 3);
	rec_end(test);
}

/*
 * [1] Allocation failing at each point: what was taken so far goes back, or
 * the rest comes in smaller blocks.
 */
static void phys_alloc_fails_anywhere(struct kunit *test)
{
	struct vcm_phys_params params = phys_any;
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
				phys_ok(test, phys);
				phys_check(test, phys, 46 * PAGE_SIZE);
				rec_check_held(test, phys);
				vcm_free(phys);
			}
			phys_expect_monotone(test, 3, granule);
			rec_end(test);
		} while (nth <= nr);
	}
}

/* A granule larger than a page: every part is aligned to it. */
static void phys_alloc_granule(struct kunit *test)
{
	struct vcm_phys_params params = phys_any;
	unsigned int order, refuse, i;

	for (order = 1; order <= 5; order++) {
		for (refuse = order + 1; refuse <= order + 3; refuse++) {
			size_t granule = PAGE_SIZE << order;
			struct vcm_phys *phys;

			params.pgsize_bitmap = granule | granule << 2;
			rec_start(test, refuse, 0);
			phys = vcm_phys_alloc(7 * granule - PAGE_SIZE, 0,
					      &params);
			phys_ok(test, phys);
			phys_check(test, phys, 7 * granule);
			phys_expect_monotone(test, order + 2, order);
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

	/* The page allocator has no block of that size */
	params.pgsize_bitmap = 2 * PAGE_SIZE << MAX_PAGE_ORDER;
	expect_errno(test, vcm_phys_alloc(PAGE_SIZE, VCM_ALLOC_NOWARN, &params),
		     -ENOMEM);
}

/* VCM_ALLOC_CONTIG: one part, for sizes that are no powers of two too. */
static void phys_alloc_contig(struct kunit *test)
{
	static const unsigned int rows[] = { 1, 2, 3, 5, 8, 13, 33, 64 };
	struct vcm_phys_params params = phys_any;
	unsigned int i, j;

	for (i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		unsigned long granule = i & 1 ? 4 * PAGE_SIZE : PAGE_SIZE;
		resource_size_t size = rows[i / 2] * PAGE_SIZE;
		struct vcm_phys *phys;
		struct page *page;

		params.pgsize_bitmap = granule | SZ_1M;
		rec_start(test, UINT_MAX, 0);
		phys = vcm_phys_alloc(size, VCM_ALLOC_CONTIG, &params);
		phys_ok(test, phys);
		size = ALIGN(size, granule);
		phys_check(test, phys, size);
		KUNIT_EXPECT_EQ(test, phys->count, 1);
		KUNIT_EXPECT_EQ(test, phys->parts[0].paddr & (granule - 1), 0);

		/* Each page goes back for itself */
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
 * VCM_ALLOC_CONTIG gives the tail of a block back at once. As its pages cannot
 * be watched, it does that until what would be lost is a quarter of memory.
 */
static void phys_alloc_contig_tail(struct kunit *test)
{
	const unsigned long quarter = phys_ram_pages() / 4;
	unsigned long i, before = global_zone_page_state(NR_FREE_PAGES);

	for (i = 0; i < quarter / 31; i++) {
		struct vcm_phys *phys;

		phys = vcm_phys_alloc(33 * PAGE_SIZE, VCM_ALLOC_CONTIG |
				      VCM_ALLOC_NOZERO, &phys_any);
		phys_ok(test, phys);
		vcm_free(phys);
		cond_resched();
	}
	KUNIT_EXPECT_GT(test, global_zone_page_state(NR_FREE_PAGES) +
			quarter / 2, before);
}

/* Larger than a block: if it can be had at all, it is one part. */
static void phys_alloc_contig_large(struct kunit *test)
{
	const resource_size_t size = (PAGE_SIZE << MAX_PAGE_ORDER) + PAGE_SIZE;
	struct vcm_phys *phys;

	phys = vcm_phys_alloc(size, VCM_ALLOC_CONTIG | VCM_ALLOC_NOWARN,
			      &phys_any);
	if (IS_ERR(phys)) {
		expect_errno(test, phys, -ENOMEM);
		return;
	}
	KUNIT_EXPECT_TRUE(test, IS_ENABLED(CONFIG_CONTIG_ALLOC));
	phys_check(test, phys, size);
	KUNIT_EXPECT_EQ(test, phys->count, 1);
	KUNIT_EXPECT_TRUE(test, phys_dirty(phys));
	vcm_free(phys);
}

/* Pages of one block, as if they had been found one by one */
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
 * [16] Neighbours become one part, others do not. What is handed out is pages
 * 0 to 15 of a block, in an order that says where the parts are.
 */
static void phys_alloc_joins(struct kunit *test)
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
	struct vcm_phys_params params = phys_any;
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
		phys_ok(test, phys);
		phys_check(test, phys, 16 * PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, phys->count, rows[i].parts);
		KUNIT_EXPECT_EQ(test, phys->parts[0].paddr,
				page_to_phys(rec.pool[0]));
		vcm_free(phys);
		rec_end(test);
		rec.pick = NULL;
	}
}

/*
 * Blocks of different orders that became one part are freed as what they were:
 * an order of one and its two neighbours.
 */
static void phys_free_joined_blocks(struct kunit *test)
{
	struct vcm_phys_params params = phys_any;
	unsigned int n, joined = 0;

	params.pgsize_bitmap = PAGE_SIZE | 8 * PAGE_SIZE;
	for (n = 1; n < 64; n++) {
		struct vcm_phys *phys;
		unsigned int i, blocks = 0;

		rec_start(test, 1 + n % 4, 0);
		phys = vcm_phys_alloc(n * PAGE_SIZE, 0, &params);
		phys_ok(test, phys);
		rec_check_held(test, phys);
		for (i = 0; i < rec.nr; i++)
			blocks += !!rec.call[i].page;
		joined += blocks - phys->count;
		vcm_free(phys);
		rec_end(test);
	}
	kunit_info(test, "%u blocks were joined\n", joined);
}

static gfp_t rec_last_zone(void)
{
	if (IS_ENABLED(CONFIG_ZONE_DMA))
		return __GFP_DMA;
	return IS_ENABLED(CONFIG_ZONE_DMA32) ? __GFP_DMA32 : 0;
}

/* The lower half of the pool is what the smallest zone has, if there is one. */
static struct page *rec_pick_zone(gfp_t gfp, unsigned int order)
{
	gfp_t zone = gfp & GFP_ZONEMASK;
	unsigned int i = rec.next++;

	if (order || i >= 8)
		return NULL;
	return rec.pool[zone && zone == rec_last_zone() ? i : 8 + i];
}

/*
 * [15] params.last is honoured by every page: a zone that misses is given up
 * for the next smaller one for good, and what lay above goes back.
 */
static void phys_alloc_last(struct kunit *test)
{
	struct vcm_phys_params params = phys_any;
	struct vcm_phys *phys;
	unsigned int i;

	params.pgsize_bitmap = PAGE_SIZE;
	rec_pool(test, 4);
	params.last = page_to_phys(rec.pool[8]) - 1;
	rec.pick = rec_pick_zone;
	rec_start(test, UINT_MAX, 0);
	phys = vcm_phys_alloc(4 * PAGE_SIZE, VCM_ALLOC_NOZERO, &params);
	if (rec_last_zone()) {
		phys_ok(test, phys);
		phys_check(test, phys, 4 * PAGE_SIZE);
		for (i = 0; i < phys->count; i++)
			KUNIT_EXPECT_LE(test, phys->parts[i].paddr +
					(phys->parts[i].len - 1), params.last);
		rec_check_held(test, phys);
		vcm_free(phys);
	} else {
		expect_errno(test, phys, -ENOMEM);
	}

	/* The zones asked for never grow again: none, DMA32, DMA */
	for (i = 1; i < rec.nr; i++) {
		gfp_t before = rec.call[i - 1].gfp & GFP_ZONEMASK;
		gfp_t zone = rec.call[i].gfp & GFP_ZONEMASK;

		KUNIT_EXPECT_TRUE(test, zone == before || !before ||
				  zone == __GFP_DMA);
	}
	rec_end(test);
	rec.pick = NULL;
	/* What of the pool was not handed out */
	for (i = 0; i < 16; i++)
		if (page_count(rec.pool[i]))
			put_page(rec.pool[i]);
}

/* The same with the memory that there is: below, or not at all. */
static void phys_alloc_last_real(struct kunit *test)
{
	static const unsigned int modes[] = { 0, VCM_ALLOC_CONTIG };
	struct vcm_phys *phys;
	unsigned int i, bit;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		for (bit = PAGE_SHIFT - 1; bit < 8 * sizeof(phys_addr_t); bit++) {
			struct vcm_phys_params params = phys_any;
			unsigned int j;

			params.last = ((phys_addr_t)1 << bit) - 1;
			phys = vcm_phys_alloc(3 * PAGE_SIZE, modes[i] |
					      VCM_ALLOC_NOWARN, &params);
			if (IS_ERR(phys)) {
				expect_errno(test, phys, -ENOMEM);
				continue;
			}
			phys_check(test, phys, 3 * PAGE_SIZE);
			for (j = 0; j < phys->count; j++)
				KUNIT_EXPECT_LE(test, phys->parts[j].paddr +
						(phys->parts[j].len - 1),
						params.last);
			vcm_free(phys);
		}
		phys = vcm_phys_alloc(PAGE_SIZE, modes[i], &phys_any);
		phys_ok(test, phys);
		vcm_free(phys);
	}
}

static long phys_alloc_signalled(void *arg)
{
	unsigned int *flags = arg;
	struct vcm_phys *phys;
	long ret;

	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
	phys = vcm_phys_alloc(4 * PAGE_SIZE, *flags, &phys_any);
	ret = PTR_ERR_OR_ZERO(phys);
	if (!ret)
		vcm_free(phys);
	flush_signals(current);
	disallow_signal(SIGKILL);
	return ret;
}

/* Row "alloc": -EINTR for a fatal signal */
static void phys_alloc_fatal_signal(struct kunit *test)
{
	static unsigned int modes[] = { 0, VCM_ALLOC_CONTIG };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		struct td_worker *worker;

		worker = td_start(test->priv, phys_alloc_signalled, &modes[i]);
		KUNIT_EXPECT_EQ(test, td_join(worker), -EINTR);
		KUNIT_EXPECT_EQ(test, worker->warnings, 0);
	}
}

/*
 * Parts
 */

static int phys_freed;

static void phys_count_free(struct vcm_phys *phys)
{
	phys_freed++;
}

static const struct vcm_phys_ops phys_counting_ops = {
	.owner = THIS_MODULE,
	.free = phys_count_free,
};

/* Makes an allocation of @nr parts; an error is what vcm_phys_finish() said. */
static struct vcm_phys *phys_make(const struct phys_vec *parts, unsigned int nr)
{
	struct vcm_phys *phys = vcm_phys_new(nr, 0, &phys_counting_ops, NULL);
	unsigned int i;
	int ret;

	if (IS_ERR(phys))
		return phys;
	for (i = 0; i < nr; i++)
		phys->parts[i] = parts[i];
	ret = vcm_phys_finish(phys);
	return ret ? ERR_PTR(ret) : phys;
}

#define PHYS_TOP	(~(phys_addr_t)0)

/* vcm_phys_finish() joins parts that follow each other, and only those. */
static void phys_finish_joins(struct kunit *test)
{
	static const struct {
		unsigned int nr;
		unsigned int count;
		struct phys_vec part[4];
	} rows[] = {
		{ 1, 1, { { SZ_1M, SZ_4K } } },
		{ 2, 1, { { SZ_1M, SZ_4K }, { SZ_1M + SZ_4K, SZ_4K } } },
		{ 4, 1, { { SZ_1M, SZ_4K }, { SZ_1M + SZ_4K, SZ_8K },
			  { SZ_1M + 3 * SZ_4K, SZ_4K }, { SZ_1M + SZ_16K, 1 } } },
		{ 4, 2, { { SZ_1M, SZ_4K }, { SZ_1M + SZ_4K, SZ_4K },
			  { SZ_1M + SZ_16K, SZ_4K },
			  { SZ_1M + SZ_16K + SZ_4K, SZ_4K } } },
		/* descending, the same again, overlapping, a gap of one byte */
		{ 2, 2, { { SZ_1M + SZ_4K, SZ_4K }, { SZ_1M, SZ_4K } } },
		{ 2, 2, { { SZ_1M, SZ_4K }, { SZ_1M, SZ_4K } } },
		{ 2, 2, { { SZ_1M, SZ_8K }, { SZ_1M + SZ_4K, SZ_8K } } },
		{ 2, 2, { { SZ_1M, SZ_4K - 1 }, { SZ_1M + SZ_4K, SZ_4K } } },
		/* at both ends of the address space, and not round them */
		{ 2, 1, { { 0, SZ_4K }, { SZ_4K, SZ_4K } } },
		{ 2, 1, { { PHYS_TOP - SZ_8K + 1, SZ_4K },
			  { PHYS_TOP - SZ_4K + 1, SZ_4K } } },
		{ 2, 2, { { PHYS_TOP - SZ_4K + 1, SZ_4K }, { 0, SZ_4K } } },
		{ 2, 2, { { 0, SZ_4K }, { 0, SZ_4K } } },
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		resource_size_t size = 0;
		struct vcm_phys *phys;

		for (j = 0; j < rows[i].nr; j++)
			size += rows[i].part[j].len;
		phys = phys_make(rows[i].part, rows[i].nr);
		phys_ok(test, phys);
		phys_check(test, phys, size);
		KUNIT_EXPECT_EQ_MSG(test, phys->count, rows[i].count, "row %u",
				    i);
		KUNIT_EXPECT_EQ(test, phys->parts[0].paddr,
				rows[i].part[0].paddr);
		vcm_free(phys);
	}
}

/* What is no memory is -EINVAL, and leaves the memory to the caller. */
static void phys_finish_refuses(struct kunit *test)
{
	static const struct {
		unsigned int nr;
		struct phys_vec part[2];
	} rows[] = {
		{ 1, { { SZ_1M, 0 } } },
		{ 2, { { SZ_1M, SZ_4K }, { SZ_2M, 0 } } },
		{ 2, { { SZ_1M, 0 }, { SZ_2M, SZ_4K } } },
		{ 1, { { PHYS_TOP, 2 } } },
		{ 1, { { PHYS_TOP - SZ_4K + 1, SZ_8K } } },
		{ 2, { { SZ_1M, SZ_4K }, { PHYS_TOP - SZ_4K + 2, SZ_4K } } },
	};
	unsigned int i;

	phys_freed = 0;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		expect_errno(test, phys_make(rows[i].part, rows[i].nr),
			     -EINVAL);
	if (sizeof(size_t) == sizeof(resource_size_t)) {
		/* each part is one, both together are more than all */
		struct phys_vec part[2] = { { 0, SIZE_MAX }, { 0, 1 } };

		expect_errno(test, phys_make(part, 2), -EINVAL);
		part[0].len = SIZE_MAX / 2 + 1;
		part[1].len = SIZE_MAX / 2 + 1;
		expect_errno(test, phys_make(part, 2), -EINVAL);
	}
	expect_errno(test, phys_make(NULL, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, phys_freed, 0);
}

/*
 * Row "bind", "parts not aligned to the granule": what counts is the parts as
 * they are, after neighbours were joined.
 */
static void phys_alignment(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.last = SZ_16M - 1,
		.pgsize_bitmap = SZ_64K | SZ_1M,
	};
	static const struct {
		int ret;
		struct phys_vec part[2];
	} rows[] = {
		{ 0, { { SZ_1M, SZ_32K }, { SZ_1M + SZ_32K, SZ_32K } } },
		{ 0, { { SZ_1M, SZ_64K }, { SZ_2M, SZ_64K } } },
		{ -EOPNOTSUPP, { { SZ_1M, SZ_32K }, { SZ_2M + SZ_32K, SZ_32K } } },
		{ -EOPNOTSUPP, { { SZ_1M + SZ_32K, SZ_32K }, { SZ_2M, SZ_64K } } },
		{ -EOPNOTSUPP, { { SZ_1M, SZ_64K }, { SZ_2M, SZ_32K } } },
		{ -EOPNOTSUPP, { { SZ_1M + SZ_32K, SZ_64K }, { SZ_2M, SZ_64K } } },
	};
	struct td_ctx *ctx = td_create(test->priv, &cfg);
	struct vcm_res *res = vcm_reserve(ctx->vcm, SZ_1M, 0);
	unsigned int i;

	phys_ok(test, res);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vcm_phys *phys = phys_make(rows[i].part, 2);
		struct vcm_res *map;

		phys_ok(test, phys);
		KUNIT_EXPECT_EQ_MSG(test, vcm_bind(res, phys), rows[i].ret,
				    "row %u", i);
		if (!rows[i].ret)
			vcm_unbind(res);
		map = vcm_map(ctx->vcm, phys, 0);
		expect_errno(test, map, rows[i].ret);
		vcm_unmap(map);
		vcm_free(phys);
	}
	vcm_unreserve(res);
}

/*
 * [16] Many parts need no large block of contiguous memory: these do not fit
 * the largest that kmalloc() has.
 */
static void phys_many_parts(struct kunit *test)
{
	const unsigned int nr = KMALLOC_MAX_SIZE / sizeof(struct phys_vec) + 1;
	struct vcm_phys *phys;
	unsigned int i;

	phys = vcm_phys_new(nr, 0, &phys_counting_ops, NULL);
	phys_ok(test, phys);
	for (i = 0; i < nr; i++) {
		phys->parts[i].paddr = (phys_addr_t)(i & 1) << PAGE_SHIFT;
		phys->parts[i].len = PAGE_SIZE;
	}
	KUNIT_EXPECT_EQ(test, vcm_phys_finish(phys), 0);
	/* 0, 1, 0, 1, ...: every other page follows the one before it */
	KUNIT_EXPECT_EQ(test, phys->count, DIV_ROUND_UP(nr, 2));
	phys_freed = 0;
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, phys_freed, 1);
}

/* References: vcm_phys_get() holds the memory when its owner has gone. */
static void phys_references(struct kunit *test)
{
	const struct phys_vec part = { SZ_1M, SZ_4K };
	struct vcm_phys *phys = phys_make(&part, 1);

	phys_ok(test, phys);
	phys_freed = 0;
	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_get(phys), phys);
	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_get(phys), phys);
	vcm_free(phys);
	vcm_phys_put(phys);
	KUNIT_EXPECT_EQ(test, phys_freed, 0);
	vcm_phys_put(phys);
	KUNIT_EXPECT_EQ(test, phys_freed, 1);

	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_get(NULL), NULL);
	phys = ERR_PTR(-ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_get(phys), phys);
	vcm_phys_put(phys);
	vcm_phys_put(NULL);
}

/*
 * Import
 */

static void phys_import_check(struct kunit *test, phys_addr_t start,
			      resource_size_t size)
{
	struct vcm_phys *phys = vcm_phys_import_range(start, size);
	phys_addr_t next = start;
	unsigned int i;

	phys_ok(test, phys);
	phys_check(test, phys, size);
	for (i = 0; i < phys->count; i++) {
		KUNIT_EXPECT_EQ(test, phys->parts[i].paddr, next);
		next += phys->parts[i].len;
	}
	KUNIT_EXPECT_EQ(test, next, start + size);
	if (size <= SIZE_MAX / 2)
		KUNIT_EXPECT_EQ(test, phys->count, 1);
	vcm_free(phys);
}

/* The last address that has a page frame number */
static phys_addr_t phys_pfn_top(void)
{
	return min_t(u64, PHYS_TOP, ((u64)ULONG_MAX << PAGE_SHIFT) | ~PAGE_MASK);
}

/* [13] Ranges beyond 4 GiB, longer than that, and up to the very end */
static void phys_import_large(struct kunit *test)
{
	/* 32-bit: a part has less than 4 GiB, and not too many of them */
	const unsigned int shifts = sizeof(size_t) < sizeof(u64) ? 40 : 64;
	const u64 top = phys_pfn_top();
	unsigned int shift;
	u64 size;

	phys_import_check(test, top - PAGE_SIZE + 1, PAGE_SIZE);
	if (sizeof(phys_addr_t) < sizeof(u64))
		return;
	for (shift = 30; shift < shifts; shift++) {
		size = BIT_ULL(shift);
		phys_import_check(test, top - size + 1, size);
		phys_import_check(test, top - size - PAGE_SIZE + 1, size);
		phys_import_check(test, top - size + PAGE_SIZE + 1,
				  size - PAGE_SIZE);
		phys_import_check(test, size, PAGE_SIZE);
	}
}

/* What cannot be imported is -EINVAL. */
static void phys_import_errors(struct kunit *test)
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
	const phys_addr_t top = phys_pfn_top();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		expect_errno(test, vcm_phys_import_range(rows[i].start,
							 rows[i].size),
			     -EINVAL);

	/* 32-bit: addresses go further than page frame numbers do */
	if (top == PHYS_TOP)
		return;
	expect_errno(test, vcm_phys_import_range(top + 1, PAGE_SIZE), -EINVAL);
	expect_errno(test, vcm_phys_import_range(top + 1 - PAGE_SIZE,
						 2 * PAGE_SIZE), -EINVAL);
}

/* RAM has pages, and a range is RAM or it is not. */
static void phys_import_ram(struct kunit *test)
{
	struct resource ram = {
		.name = "VCM test",
		.flags = IORESOURCE_SYSTEM_RAM,
	};
	const resource_size_t size = 4 * SZ_64K;
	struct vcm_phys *phys;

	/* A hole that is RAM as long as nobody looks into it */
	if (allocate_resource(&iomem_resource, &ram, 3 * size, SZ_1M,
			      iomem_resource.end, SZ_64K, NULL, NULL))
		kunit_skip(test, "no hole in the physical address space");
	ram.flags |= IORESOURCE_BUSY;

	phys = vcm_phys_import_range(ram.start, 3 * size);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, phys);
	if (!IS_ERR_OR_NULL(phys))
		KUNIT_EXPECT_TRUE(test, phys->flags & VCM_PHYS_PAGES);
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, adjust_resource(&ram, ram.start + size, size), 0);
	expect_errno(test, vcm_phys_import_range(ram.start - size, 2 * size),
		     -EINVAL);
	expect_errno(test, vcm_phys_import_range(ram.start, 2 * size), -EINVAL);
	expect_errno(test, vcm_phys_import_range(ram.start - size, 3 * size),
		     -EINVAL);
	KUNIT_EXPECT_EQ(test, release_resource(&ram), 0);

	phys = vcm_phys_import_range(ram.start, size);
	phys_ok(test, phys);
	KUNIT_EXPECT_FALSE(test, phys->flags & VCM_PHYS_PAGES);
	vcm_free(phys);
}

/*
 * The walk
 */

/**
 * struct walk - a walk, held against a reference that tries every page size
 * @test: the case
 * @phys: what is walked
 * @sizes: page sizes
 * @part: where it has come to
 * @off: offset in that part
 * @addr: and its device address
 * @before: page size of the last run in this part, 0 for none
 * @calls: runs so far
 * @fail_at: the run at which it fails, 0 for none
 * @wrong: it does not do what the reference does
 */
struct walk {
	struct kunit *test;
	const struct vcm_phys *phys;
	unsigned long sizes;
	unsigned int part;
	size_t off;
	dma_addr_t addr;
	size_t before;
	unsigned int calls;
	unsigned int fail_at;
	bool wrong;
};

/* The largest page that can be used where the walk is; 0: none */
static size_t walk_page(const struct walk *w)
{
	const struct phys_vec *part = &w->phys->parts[w->part];
	unsigned int bit;

	for (bit = BITS_PER_LONG; bit--;) {
		u64 size = BIT_ULL(bit);

		if (w->sizes >> bit & 1 && part->len - w->off >= size &&
		    !(w->addr & (size - 1)) &&
		    !((part->paddr + w->off) & (size - 1)))
			return size;
	}
	return 0;
}

static bool walk_done(const struct walk *w)
{
	return w->part == w->phys->count;
}

static void walk_advance(struct walk *w, size_t size)
{
	w->addr += size;
	w->off += size;
	if (w->off == w->phys->parts[w->part].len) {
		w->off = 0;
		w->part++;
		w->before = 0;
	}
}

static int walk_run(void *priv, dma_addr_t addr, phys_addr_t paddr,
		    size_t pgsize, size_t pgcount)
{
	struct walk *w = priv;
	unsigned int part = w->part;
	size_t i;

	w->wrong |= walk_done(w) || !pgcount || addr != w->addr ||
		    paddr != w->phys->parts[part].paddr + w->off ||
		    pgsize == w->before;
	for (i = 0; i < pgcount && !w->wrong; i++) {
		w->wrong = w->part != part || walk_page(w) != pgsize;
		w->before = pgsize;
		if (!w->wrong)
			walk_advance(w, pgsize);
	}
	if (w->wrong)
		return -EBADMSG;
	return ++w->calls == w->fail_at ? -ENOSR : 0;
}

static bool walk_random_phys(struct kunit *test, struct rnd_state *rnd,
			     unsigned int shift, struct walk *w)
{
	/* at most some thousand pages of the smallest size in each part */
	const u64 unit = BIT_ULL(shift);
	struct phys_vec part[4];
	unsigned int i, nr = 1 + prandom_u32_state(rnd) % ARRAY_SIZE(part);
	resource_size_t sum = 0;
	struct vcm_phys *phys;

	for (i = 0; i < nr; i++) {
		u64 pages = 1 + (prandom_u32_state(rnd) >>
				 (20 + prandom_u32_state(rnd) % 12));
		u64 paddr = prandom_u32_state(rnd) & (PHYS_ADDR_MAX >> shift);
		u64 len = pages * unit;

		/* Often well aligned, so that large pages have a chance */
		paddr &= GENMASK(31, prandom_u32_state(rnd) % 16);
		/* and sometimes not aligned at all */
		if (i == nr - 1 && prandom_u32_state(rnd) % 16 == 0)
			len += unit / 2;
		part[i].paddr = paddr * unit;
		part[i].len = len;
		if (part[i].len != len ||
		    part[i].paddr + (part[i].len - 1) < part[i].paddr ||
		    check_add_overflow(sum, part[i].len, &sum))
			return false;
	}
	phys = phys_make(part, nr);
	phys_ok(test, phys);
	w->phys = phys;
	return true;
}

static void walk_restart(struct walk *w, dma_addr_t addr, unsigned int fail_at)
{
	w->part = 0;
	w->off = 0;
	w->addr = addr;
	w->before = 0;
	w->calls = 0;
	w->fail_at = fail_at;
}

/* False when the walk differs from the reference. */
static bool walk_check(struct walk *w, dma_addr_t addr)
{
	int ret;

	walk_restart(w, addr, 0);
	ret = vcm_phys_walk(w->phys, addr, w->sizes, walk_run, w);
	if (w->wrong)
		return false;
	/* It ends early only where no page fits, in which case it says so */
	if (walk_done(w))
		return !ret;
	return ret == -EINVAL && !walk_page(w);
}

static void walk_check_failures(struct walk *w, dma_addr_t addr)
{
	unsigned int nth, nr = w->calls;

	for (nth = 1; nth <= nr && nth < 64; nth++) {
		walk_restart(w, addr, nth);
		KUNIT_EXPECT_EQ(w->test, vcm_phys_walk(w->phys, addr, w->sizes,
						       walk_run, w), -ENOSR);
		KUNIT_EXPECT_EQ(w->test, w->calls, nth);
		KUNIT_EXPECT_FALSE(w->test, w->wrong);
	}
}

/*
 * [13] [14] The walk, with random memory (beyond 4 GiB, of more than 4 GiB),
 * addresses and page sizes: at each address it takes the largest page that
 * fits, and a run is as long as can be. Failing at any run, it calls for no
 * further one; and it gives the same runs each time.
 */
static void phys_walk_random(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int n, done = 0;
	u32 start = phys_seed(test);

	prandom_seed_state(&rnd, start);
	for (n = 0; n < 4000; n++) {
		unsigned int shift = 12 + prandom_u32_state(&rnd) % 20;
		struct walk w = { .test = test };
		dma_addr_t addr;
		bool good;

		w.sizes = ((u64)prandom_u32_state(&rnd) << 32 |
			   prandom_u32_state(&rnd)) & GENMASK(BITS_PER_LONG - 1, shift);
		if (n % 4 == 0)
			w.sizes = GENMASK(BITS_PER_LONG - 1, shift);
		w.sizes |= 1UL << shift;
		if (!walk_random_phys(test, &rnd, shift, &w))
			continue;

		/* Congruent to the first part, or anywhere */
		addr = prandom_u32_state(&rnd);
		addr &= GENMASK(31, prandom_u32_state(&rnd) % 16);
		addr <<= shift;
		if (prandom_u32_state(&rnd) & 1)
			addr += w.phys->parts[0].paddr;
		good = walk_check(&w, addr);
		if (good)
			walk_check_failures(&w, addr);
		else
			KUNIT_FAIL(test, "round %u, sizes %lx, address %pad, run %u",
				   n, w.sizes, &addr, w.calls);
		vcm_free((struct vcm_phys *)w.phys);
		done++;
		if (!good)
			break;
	}
	KUNIT_EXPECT_GT(test, done, 400);
}

struct walk_step {
	dma_addr_t addr;
	phys_addr_t paddr;
	size_t pgsize;
	size_t pgcount;
};

struct walk_list {
	unsigned int nr;
	struct walk_step step[8];
};

static int walk_note(void *priv, dma_addr_t addr, phys_addr_t paddr,
		     size_t pgsize, size_t pgcount)
{
	struct walk_list *list = priv;

	if (list->nr == ARRAY_SIZE(list->step))
		return -E2BIG;
	list->step[list->nr++] = (struct walk_step) {
		addr, paddr, pgsize, pgcount,
	};
	return 0;
}

/* [11] [13] One walk worked out by hand, and what it costs in leaves */
static void phys_walk_example(struct kunit *test)
{
	static const struct vcm_driver driver, fixed = { .fixed = true };
	static const struct walk_step want[] = {
		{ 0x3ff000, 0x1ff000, SZ_4K, 1 },
		{ 0x400000, 0x200000, SZ_2M, 3 },
		{ 0xa00000, 0x800000, SZ_4K, 2 },
		/* not congruent modulo 2 MiB any more */
		{ 0xa02000, 0xc00000, SZ_4K, 513 },
	};
	static const struct phys_vec parts[] = {
		{ 0x1ff000, SZ_4K + 3 * SZ_2M + 2 * SZ_4K },
		{ 0xc00000, SZ_2M + SZ_4K },
	};
	struct vcm *vcm = kunit_kzalloc(test, sizeof(*vcm), GFP_KERNEL);
	struct vcm_res res = { .vcm = vcm, .start = 0x3ff000 };
	struct walk_list list = { };
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, vcm);
	vcm->driver = &driver;
	vcm->pgsize_bitmap = SZ_4K | SZ_2M;
	KUNIT_EXPECT_EQ(test, vcm_leaves(&res), 0);
	res.phys = phys_make(parts, 2);
	phys_ok(test, res.phys);
	KUNIT_ASSERT_EQ(test, vcm_phys_walk(res.phys, res.start,
					    vcm->pgsize_bitmap, walk_note,
					    &list), 0);
	KUNIT_ASSERT_EQ(test, list.nr, ARRAY_SIZE(want));
	for (i = 0; i < ARRAY_SIZE(want); i++)
		KUNIT_EXPECT_MEMEQ(test, &list.step[i], &want[i],
				   sizeof(want[i]));
	KUNIT_EXPECT_EQ(test, vcm_leaves(&res), 1 + 3 + 2 + 513);
	vcm->driver = &fixed;
	KUNIT_EXPECT_EQ(test, vcm_leaves(&res), 0);
	vcm_free(res.phys);
}

/* -EINVAL where the smallest page does not divide the address or a part */
static void phys_walk_unaligned(struct kunit *test)
{
	static const struct {
		dma_addr_t addr;
		struct phys_vec part;
	} rows[] = {
		{ SZ_2K, { SZ_1M, SZ_64K } },
		{ SZ_64K, { SZ_1M + SZ_2K, SZ_64K } },
		{ SZ_64K, { SZ_1M, SZ_2K } },
		{ SZ_64K, { SZ_1M, SZ_64K + SZ_2K } },
		{ SZ_64K + 1, { SZ_1M + 1, SZ_64K } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vcm_phys *phys = phys_make(&rows[i].part, 1);
		struct walk_list list = { };

		phys_ok(test, phys);
		KUNIT_EXPECT_EQ(test, vcm_phys_walk(phys, rows[i].addr,
						    SZ_4K | SZ_1M, walk_note,
						    &list), -EINVAL);
		vcm_free(phys);
	}
}

static struct kunit_case phys_cases[] = {
	KUNIT_CASE(phys_alloc_errors),
	KUNIT_CASE(phys_alloc_too_large),
	KUNIT_CASE_SLOW(phys_alloc_gigabyte),
	KUNIT_CASE(phys_alloc_rounds),
	KUNIT_CASE(phys_alloc_zeroes),
	KUNIT_CASE(phys_alloc_gfp),
	KUNIT_CASE(phys_alloc_falls_back),
	KUNIT_CASE(phys_alloc_tries_all_orders),
	KUNIT_CASE(phys_alloc_fails_anywhere),
	KUNIT_CASE(phys_alloc_granule),
	KUNIT_CASE(phys_alloc_contig),
	KUNIT_CASE(phys_alloc_contig_tail),
	KUNIT_CASE(phys_alloc_contig_large),
	KUNIT_CASE(phys_alloc_joins),
	KUNIT_CASE(phys_free_joined_blocks),
	KUNIT_CASE(phys_alloc_last),
	KUNIT_CASE(phys_alloc_last_real),
	KUNIT_CASE(phys_alloc_fatal_signal),
	KUNIT_CASE(phys_finish_joins),
	KUNIT_CASE(phys_finish_refuses),
	KUNIT_CASE(phys_alignment),
	KUNIT_CASE(phys_many_parts),
	KUNIT_CASE(phys_references),
	KUNIT_CASE(phys_import_large),
	KUNIT_CASE(phys_import_errors),
	KUNIT_CASE(phys_import_ram),
	KUNIT_CASE_SLOW(phys_walk_random),
	KUNIT_CASE(phys_walk_example),
	KUNIT_CASE(phys_walk_unaligned),
	{ }
};

static struct kunit_suite phys_suite = {
	.name = "vcm_phys",
	.init = td_begin,
	.exit = td_end,
	.test_cases = phys_cases,
};

kunit_test_suite(phys_suite);

MODULE_DESCRIPTION("Tests of the physical memory of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
