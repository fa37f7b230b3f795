// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: physical memory.
 *
 * A physical allocation is a list of parts, each physically contiguous. It
 * comes from the page allocator, from a provider's own area, or from somebody
 * else altogether; &struct vcm_phys_ops says who takes it back. It lives as
 * long as anybody holds a reference: its owner, each binding, each
 * vcm_phys_get().
 */
#define pr_fmt(fmt) "vcm: " fmt

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/dma-map-ops.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/ioport.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/scatterlist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#if defined(CONFIG_ZONE_DMA) && defined(CONFIG_HAS_DMA)
#include <linux/dma-direct.h>
#endif

#include "vcm-internal.h"

/* Bit of &vcm_phys.owned: nobody has given up the ownership yet */
#define VCM_PHYS_OWNED		0

/* The longest part of imported memory: half of what a size_t can tell */
#define VCM_PART_SHIFT		(BITS_PER_LONG - 1)
#define VCM_PART_MAX		BIT_ULL(VCM_PART_SHIFT)

static struct vcm_phys *vcm_phys_make(unsigned int count,
				      unsigned int phys_flags,
				      const struct vcm_phys_ops *ops,
				      void *priv, gfp_t gfp)
{
	struct vcm_phys *phys;

	if (!count)
		return ERR_PTR(-EINVAL);
	if (!try_module_get(ops->owner))
		return ERR_PTR(-ENODEV);

	phys = kvzalloc_flex(*phys, parts, count, gfp | __GFP_NOWARN);
	if (!phys) {
		module_put(ops->owner);
		return ERR_PTR(-ENOMEM);
	}

	phys->count = count;
	phys->flags = phys_flags;
	phys->ops = ops;
	phys->priv = priv;
	refcount_set(&phys->refs, 1);
	__set_bit(VCM_PHYS_OWNED, &phys->owned);
	spin_lock_init(&phys->lock);
	INIT_LIST_HEAD(&phys->bindings);
	return phys;
}

/**
 * vcm_phys_new() - begin a physical allocation
 * @count: number of parts, not 0
 * @phys_flags: VCM_PHYS_* flags
 * @ops: who takes the memory back
 * @priv: for &vcm_phys_ops.free, found in &vcm_phys.priv
 *
 * The caller writes all of &vcm_phys.parts and calls vcm_phys_finish().
 *
 * Context: Process context, may sleep.
 * Return: the allocation, -EINVAL for no parts, -ENODEV when the module of
 * @ops is going away, -ENOMEM.
 */
struct vcm_phys *vcm_phys_new(unsigned int count, unsigned int phys_flags,
			      const struct vcm_phys_ops *ops, void *priv)
{
	return vcm_phys_make(count, phys_flags, ops, priv, GFP_KERNEL);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_new);

/* Whether @part has a whole, aligned page of this size. */
bool vcm_part_holds(const struct phys_vec *part, unsigned long page)
{
	size_t head = -part->paddr & (page - 1);

	return part->len >= page && part->len - page >= head;
}

static void vcm_phys_discard(struct vcm_phys *phys)
{
	struct module *owner = phys->ops->owner;

	kvfree(phys);
	module_put(owner);
}

/* Joins @next to @part where it begins right behind it. */
static bool vcm_part_join(struct phys_vec *part, const struct phys_vec *next)
{
	size_t len;

	if (!next->paddr || part->paddr + (part->len - 1) != next->paddr - 1 ||
	    check_add_overflow(part->len, next->len, &len))
		return false;
	part->len = len;
	return true;
}

static int vcm_phys_sum(struct vcm_phys *phys)
{
	phys_addr_t last;
	unsigned int i, n = 0;

	for (i = 0; i < phys->count; i++) {
		const struct phys_vec part = phys->parts[i];

		if (!part.len ||
		    check_add_overflow(part.paddr, part.len - 1, &last) ||
		    check_add_overflow(phys->size, part.len, &phys->size))
			return -EINVAL;
		if (!n || !vcm_part_join(&phys->parts[n - 1], &part))
			phys->parts[n++] = part;
	}
	phys->count = n;
	for (i = 0; i < n; i++)
		phys->align_bits |= phys->parts[i].paddr | phys->parts[i].len;
	return 0;
}

/**
 * vcm_phys_finish() - complete what vcm_phys_new() began
 * @phys: the allocation, all its parts written
 *
 * Joins neighbouring parts. From now on the allocation is constant, and it
 * belongs to the caller, who gives it up with vcm_free().
 *
 * Context: Process context.
 * Return: 0, or -EINVAL for an empty part or one that passes the end of the
 * address space: @phys is gone then, and the memory still the caller's.
 */
int vcm_phys_finish(struct vcm_phys *phys)
{
	int ret = vcm_phys_sum(phys);

	if (ret)
		vcm_phys_discard(phys);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_finish);

/**
 * vcm_phys_get() - hold a physical allocation
 * @phys: the allocation, held by the caller in some way
 *
 * Context: Any.
 * Return: @phys.
 */
struct vcm_phys *vcm_phys_get(struct vcm_phys *phys)
{
	if (!IS_ERR_OR_NULL(phys))
		refcount_inc(&phys->refs);
	return phys;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_get);

/* The last reference has gone. */
void vcm_phys_gone(struct vcm_phys *phys)
{
	vcm_debug_freed(phys);
	if (phys->ops->free)
		phys->ops->free(phys);
	vcm_phys_discard(phys);
}

/**
 * vcm_phys_put() - undo vcm_phys_get()
 * @phys: the allocation; NULL and error pointers are ignored
 *
 * The memory goes with the last reference.
 *
 * Context: Process context, may sleep.
 */
void vcm_phys_put(struct vcm_phys *phys)
{
	might_sleep();
	might_alloc(GFP_KERNEL);
	if (!IS_ERR_OR_NULL(phys))
		vcm_phys_drop(phys);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_put);

/* Gives up the ownership; false when that has been done before. */
bool vcm_phys_disown(struct vcm_phys *phys)
{
	if (!test_and_clear_bit(VCM_PHYS_OWNED, &phys->owned))
		return false;
	vcm_phys_drop(phys);
	return true;
}

/**
 * vcm_free() - give up the ownership of a physical allocation
 * @phys: the allocation; NULL and error pointers are ignored
 *
 * Memory that is bound lives until it is unbound. An ownership is given up
 * once; a second attempt warns and does nothing, provided the allocation is
 * still held by somebody.
 *
 * Context: Process context, may sleep.
 */
void vcm_free(struct vcm_phys *phys)
{
	might_sleep();
	might_alloc(GFP_KERNEL);
	if (!IS_ERR_OR_NULL(phys))
		WARN(!vcm_phys_disown(phys), "vcm: memory freed twice\n");
}
EXPORT_SYMBOL_GPL(vcm_free);

static const struct vcm_phys_ops vcm_phys_import_ops;

static int vcm_phys_ram_add(unsigned long pfn, unsigned long nr, void *priv)
{
	*(unsigned long *)priv += nr;
	return 0;
}

/* How many of these pages are RAM of the kernel. */
static unsigned long vcm_phys_ram(unsigned long pfn, unsigned long nr)
{
	unsigned long ram = 0;

	walk_system_ram_range(pfn, nr, &ram, vcm_phys_ram_add);
	return ram;
}

/**
 * vcm_phys_import_range() - describe memory that VCM did not allocate
 * @start: physical address
 * @size: bytes
 *
 * The memory stays the caller's, who keeps it until every holder has gone. RAM
 * of the kernel can be mapped for the CPU through vcm_vmm, anything else only
 * for devices.
 *
 * Context: Process context, may sleep.
 * Return: the allocation, -EINVAL when @start or @size is not a multiple of
 * the page size, when @size is 0, the range passes the end of what page frame
 * numbers can tell or is RAM only in part; -ENOMEM.
 */
struct vcm_phys *vcm_phys_import_range(phys_addr_t start, resource_size_t size)
{
	struct vcm_phys *phys;
	unsigned int flags = 0, count, i;
	unsigned long ram;
	phys_addr_t last;
	int ret;

	if (!size || !PAGE_ALIGNED(start) || !PAGE_ALIGNED(size) ||
	    check_add_overflow(start, size - 1, &last) ||
	    (u64)last >> PAGE_SHIFT > ULONG_MAX)
		return ERR_PTR(-EINVAL);

	ram = vcm_phys_ram(PHYS_PFN(start), PHYS_PFN(size));
	if (ram && ram != PHYS_PFN(size))
		return ERR_PTR(-EINVAL);
	if (ram)
		flags = VCM_PHYS_PAGES;

	count = ((u64)(size - 1) >> VCM_PART_SHIFT) + 1;
	phys = vcm_phys_new(count, flags, &vcm_phys_import_ops, NULL);
	if (IS_ERR(phys))
		return phys;

	for (i = 0; i < count; i++) {
		phys->parts[i].paddr = start;
		phys->parts[i].len = min_t(u64, size, VCM_PART_MAX);
		start += phys->parts[i].len;
		size -= phys->parts[i].len;
	}

	ret = vcm_phys_finish(phys);
	return ret ? ERR_PTR(ret) : phys;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_import_range);

/**
 * vcm_phys_import_sg() - describe scattered memory that VCM did not allocate
 * @sgl: the memory, in the order of its addresses in a reservation
 * @nents: number of entries
 * @ops: who takes the memory back when nobody holds it any more; NULL: it stays
 *	the caller's, who keeps it for longer than that
 * @priv: for @ops, found in &vcm_phys.priv
 *
 * The scatterlist itself is not needed afterwards. Memory is described once and
 * shared: where addresses follow the memory, a second description of it gets
 * -EADDRINUSE while the first is bound.
 *
 * Context: Process context, may sleep.
 * Return: the allocation; -EINVAL for a bad pointer, no entries, an entry that
 * does not begin and end at a page, and memory that is not RAM of the kernel;
 * -ENODEV when the module of @ops is going away, -ENOMEM. On an error the memory
 * is the caller's.
 */
struct vcm_phys *vcm_phys_import_sg(struct scatterlist *sgl, unsigned int nents,
				    const struct vcm_phys_ops *ops, void *priv)
{
	struct scatterlist *sg;
	struct vcm_phys *phys;
	unsigned int i;
	int ret;

	if (IS_ERR_OR_NULL(sgl) || IS_ERR(ops))
		return ERR_PTR(-EINVAL);
	for_each_sg(sgl, sg, nents, i) {
		cond_resched();
		if (!sg->length || !PAGE_ALIGNED(sg->offset | sg->length) ||
		    vcm_phys_ram(page_to_pfn(sg_page(sg)) +
				 (sg->offset >> PAGE_SHIFT),
				 sg->length >> PAGE_SHIFT) !=
		    sg->length >> PAGE_SHIFT)
			return ERR_PTR(-EINVAL);
	}

	phys = vcm_phys_new(nents, VCM_PHYS_PAGES, ops ?: &vcm_phys_import_ops,
			    priv);
	if (IS_ERR(phys))
		return phys;
	for_each_sg(sgl, sg, nents, i) {
		phys->parts[i].paddr = sg_phys(sg);
		phys->parts[i].len = sg->length;
	}

	ret = vcm_phys_finish(phys);
	return ret ? ERR_PTR(ret) : phys;
}
EXPORT_SYMBOL_GPL(vcm_phys_import_sg);

/*
 * The page allocator. Blocks of several pages are compound, so each knows its
 * order when it is freed, even where neighbours were joined to one part.
 */
static void vcm_phys_free_blocks(struct vcm_phys *phys)
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

static const struct vcm_phys_ops vcm_phys_block_ops = {
	.free = vcm_phys_free_blocks,
};

static void vcm_phys_free_contig(struct vcm_phys *phys)
{
	unsigned long pfn = PHYS_PFN(phys->parts[0].paddr);
	unsigned long nr = PHYS_PFN(phys->size), n;

	for (; nr; nr -= n, pfn += n) {
		n = min(nr, MAX_ORDER_NR_PAGES);
		__free_contig_range(pfn, n);
		cond_resched();
	}
}

static const struct vcm_phys_ops vcm_phys_contig_ops = {
	.free = vcm_phys_free_contig,
};

/* A request to the page allocator, worked out */
struct vcm_phys_req {
	unsigned long nr;
	unsigned int min_order;
	unsigned int max_order;
	phys_addr_t last;
	gfp_t gfp;
	int nid;
};

/* The next smaller zone, 0 when there is none. */
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

/* The zone to try first for memory below @last. */
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

static bool vcm_below(const struct vcm_phys_req *req, struct page *page,
		      unsigned long nr)
{
	return page_to_phys(page) + PFN_PHYS(nr) - 1 <= req->last;
}

/* Where all pages come from, so that tests can see and refuse requests. */
VISIBLE_IF_KUNIT struct page *vcm_phys_pages(int nid, gfp_t gfp,
					     unsigned int order)
{
	KUNIT_STATIC_STUB_REDIRECT(vcm_phys_pages, nid, gfp, order);
	return alloc_pages_node(nid, gfp, order);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_pages);

/*
 * One block, below req->last. A zone is only a guess at that: where it misses,
 * the next smaller one is taken from then on.
 */
static struct page *vcm_phys_block(struct vcm_phys_req *req, unsigned int order)
{
	gfp_t gfp = req->gfp, zone;
	struct page *page;

	if (order)
		gfp |= __GFP_COMP;
	if (order > req->min_order)
		gfp |= __GFP_NORETRY | __GFP_NOWARN;
	else
		gfp |= __GFP_RETRY_MAYFAIL;

	for (;;) {
		page = vcm_phys_pages(req->nid, gfp, order);
		if (!page || vcm_below(req, page, 1UL << order))
			return page;

		__free_pages(page, order);
		zone = vcm_zone_below(gfp);
		if (!zone)
			return NULL;
		gfp = (gfp & ~GFP_ZONEMASK) | zone;
		req->gfp = (req->gfp & ~GFP_ZONEMASK) | zone;
	}
}

/*
 * Collects blocks on @pages, in the order of allocation. An order that failed
 * once is not tried again.
 */
static int vcm_phys_collect(struct vcm_phys_req *req, struct list_head *pages)
{
	unsigned int order = req->max_order;
	unsigned long nr = req->nr;
	struct page *page;

	while (nr) {
		if (fatal_signal_pending(current))
			return -EINTR;
		order = min_t(unsigned int, order, __fls(nr));
		page = vcm_phys_block(req, order);
		if (page) {
			list_add_tail(&page->lru, pages);
			nr -= 1UL << order;
		} else if (order > req->min_order) {
			order--;
		} else {
			return fatal_signal_pending(current) ? -EINTR : -ENOMEM;
		}
		cond_resched();
	}
	return 0;
}

static unsigned int vcm_phys_count(struct list_head *pages)
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

/* Moves the blocks into the parts, joined as vcm_phys_count() counted them. */
static void vcm_phys_fill(struct vcm_phys *phys, struct list_head *pages)
{
	struct phys_vec *part = phys->parts;
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru) {
		struct phys_vec block = {
			.paddr = page_to_phys(page),
			.len = page_size(page),
		};

		list_del(&page->lru);
		if (!part->len)
			*part = block;
		else if (!vcm_part_join(part, &block))
			*++part = block;
	}
}

static struct vcm_phys *vcm_phys_alloc_blocks(struct vcm_phys_req *req)
{
	struct vcm_phys *phys;
	struct page *page, *next;
	LIST_HEAD(pages);
	int ret;

	ret = vcm_phys_collect(req, &pages);
	if (ret)
		goto err;

	/* Many parts are memory as well, charged to whoever is for the rest */
	phys = vcm_phys_make(vcm_phys_count(&pages), VCM_PHYS_PAGES,
			     &vcm_phys_block_ops, NULL,
			     GFP_KERNEL | (req->gfp & __GFP_ACCOUNT));
	if (IS_ERR(phys)) {
		ret = PTR_ERR(phys);
		goto err;
	}

	vcm_phys_fill(phys, &pages);
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

#ifdef CONFIG_CONTIG_ALLOC
/* More than the page allocator has in one block; not for accounted memory. */
static struct page *vcm_phys_range(const struct vcm_phys_req *req,
				   unsigned long nr)
{
	int nid = req->nid == NUMA_NO_NODE ? numa_mem_id() : req->nid;

	return alloc_contig_pages(nr, req->gfp, nid, NULL);
}
#else
static struct page *vcm_phys_range(const struct vcm_phys_req *req,
				   unsigned long nr)
{
	return NULL;
}
#endif

static unsigned int vcm_contig_order(const struct vcm_phys_req *req)
{
	return max_t(unsigned int, order_base_2(req->nr), req->min_order);
}

/*
 * All pages in one part, each with a reference of its own. What is more than
 * asked, for the sake of a whole order or of the granule's alignment, goes back.
 */
static struct page *vcm_phys_contig(const struct vcm_phys_req *req)
{
	unsigned int order = vcm_contig_order(req);
	unsigned long nr = 1UL << order;
	struct page *page;

	if (order <= MAX_PAGE_ORDER) {
		page = vcm_phys_pages(req->nid, req->gfp | __GFP_RETRY_MAYFAIL,
				      order);
		if (page)
			split_page(page, order);
	} else {
		if (!req->min_order)
			nr = req->nr;
		page = vcm_phys_range(req, nr);
	}

	if (page && nr > req->nr)
		__free_contig_range(page_to_pfn(page) + req->nr, nr - req->nr);
	return page;
}

static struct vcm_phys *vcm_phys_alloc_contig(struct vcm_phys_req *req)
{
	struct vcm_phys *phys;
	struct page *page;
	gfp_t zone;

	if (req->gfp & __GFP_ACCOUNT && vcm_contig_order(req) > MAX_PAGE_ORDER)
		return ERR_PTR(-EOPNOTSUPP);

	for (;;) {
		if (fatal_signal_pending(current))
			return ERR_PTR(-EINTR);
		page = vcm_phys_contig(req);
		if (!page)
			return ERR_PTR(fatal_signal_pending(current) ? -EINTR :
								       -ENOMEM);
		if (vcm_below(req, page, req->nr))
			break;
		__free_contig_range(page_to_pfn(page), req->nr);
		zone = vcm_zone_below(req->gfp);
		if (!zone)
			return ERR_PTR(-ENOMEM);
		req->gfp = (req->gfp & ~GFP_ZONEMASK) | zone;
	}

	phys = vcm_phys_new(1, VCM_PHYS_PAGES, &vcm_phys_contig_ops, NULL);
	if (IS_ERR(phys)) {
		__free_contig_range(page_to_pfn(page), req->nr);
		return phys;
	}
	phys->parts[0].paddr = page_to_phys(page);
	phys->parts[0].len = (size_t)req->nr << PAGE_SHIFT;
	/* Cannot fail: the part is not empty and lies within memory */
	vcm_phys_finish(phys);
	return phys;
}

/**
 * vcm_phys_alloc() - physical memory from the page allocator
 * @size: bytes, rounded up to the page size and to the smallest page of
 *	@params
 * @flags: VCM_ALLOC_* flags
 * @params: which page sizes, where
 *
 * Takes blocks of the largest page size first and goes on with smaller ones
 * when those run out, never back, and never below the smallest. Neighbouring
 * blocks become one part. Only for the smallest does the page allocator try
 * hard, and it does not kill for it. The memory is zeroed unless
 * %VCM_ALLOC_NOZERO is given.
 *
 * Context: Process context, may sleep.
 * Return: the allocation, -EINVAL for size 0 or an unknown flag, -EOPNOTSUPP
 * for %VCM_ALLOC_ACCOUNT with a single part that is larger than any block of the
 * page allocator, -EINTR when a fatal signal is pending, -ENOMEM.
 */
struct vcm_phys *vcm_phys_alloc(resource_size_t size, unsigned int flags,
				const struct vcm_phys_params *params)
{
	unsigned long sizes = params->pgsize_bitmap ?: PAGE_MASK;
	unsigned long unit = max(sizes & -sizes, PAGE_SIZE);
	struct vcm_phys_req req = {
		.min_order = get_order(unit),
		.max_order = min_t(unsigned int, MAX_PAGE_ORDER,
				   max_t(int, __fls(sizes) - PAGE_SHIFT, 0)),
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
	if (!(flags & VCM_ALLOC_NOZERO))
		req.gfp |= __GFP_ZERO;
	if (flags & VCM_ALLOC_NOWARN)
		req.gfp |= __GFP_NOWARN;
	if (flags & VCM_ALLOC_ACCOUNT)
		req.gfp |= __GFP_ACCOUNT;

	if (flags & VCM_ALLOC_CONTIG)
		return vcm_phys_alloc_contig(&req);
	if (req.min_order > req.max_order)
		return ERR_PTR(-ENOMEM);
	return vcm_phys_alloc_blocks(&req);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_alloc);

/*
 * The largest page that @addr and @paddr are aligned to and that fits @len,
 * and how many of them until a still larger one can be used. 0 if none is.
 */
static size_t vcm_pgsize(unsigned long sizes, dma_addr_t addr,
			 phys_addr_t paddr, size_t len, size_t *count)
{
	u64 both = (u64)addr | paddr;
	unsigned long usable, larger;
	size_t pgsize, head;

	sizes &= GENMASK(__fls(len), 0);
	usable = sizes;
	if (both && __ffs64(both) < BITS_PER_LONG)
		usable &= GENMASK(__ffs64(both), 0);
	if (!usable)
		return 0;

	pgsize = 1UL << __fls(usable);
	*count = len / pgsize;

	larger = sizes & ~usable;
	larger &= -larger;
	if (!larger || (((u64)addr ^ paddr) & (larger - 1)))
		return pgsize;

	head = larger - (addr & (larger - 1));
	if (len - head >= larger)
		*count = head / pgsize;
	return pgsize;
}

/**
 * vcm_phys_walk() - visit memory as runs of equal pages
 * @phys: the memory
 * @addr: device address of its first byte
 * @pgsize_bitmap: page sizes that may be used
 * @fn: called for each run, in ascending order of addresses
 * @priv: for @fn
 *
 * The same arguments give the same runs, so what was written leaf by leaf can
 * be cleared leaf by leaf. A run never crosses from one part to the next.
 *
 * Context: Any that @fn allows.
 * Return: 0, what @fn returned when that was not 0, or -EINVAL when the
 * smallest page does not divide @addr or a part.
 */
int vcm_phys_walk(const struct vcm_phys *phys, dma_addr_t addr,
		  unsigned long pgsize_bitmap, vcm_phys_walk_fn fn, void *priv)
{
	unsigned int i;
	int ret;

	for (i = 0; i < phys->count; i++) {
		phys_addr_t paddr = phys->parts[i].paddr;
		size_t len = phys->parts[i].len;

		while (len) {
			size_t pgsize, count;

			pgsize = vcm_pgsize(pgsize_bitmap, addr, paddr, len,
					    &count);
			if (!pgsize)
				return -EINVAL;
			ret = fn(priv, addr, paddr, pgsize, count);
			if (ret)
				return ret;
			addr += pgsize * count;
			paddr += pgsize * count;
			len -= pgsize * count;
		}
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_walk);

static int vcm_leaves_add(void *priv, dma_addr_t addr, phys_addr_t paddr,
			  size_t pgsize, size_t pgcount)
{
	unsigned long *leaves = priv;

	*leaves += pgcount;
	return 0;
}

/**
 * vcm_leaves() - page-table leaves of a binding
 * @res: the reservation, which nobody binds or unbinds meanwhile
 *
 * Context: Any.
 * Return: the number of leaves that the largest usable pages give; 0 when
 * nothing is bound and for contexts whose addresses follow the memory.
 */
unsigned long vcm_leaves(const struct vcm_res *res)
{
	unsigned long leaves = 0;

	if (res->phys && !vcm_fixed(res->vcm))
		vcm_phys_walk(res->phys, res->start, res->vcm->pgsize_bitmap,
			      vcm_leaves_add, &leaves);
	return leaves;
}
EXPORT_SYMBOL_GPL(vcm_leaves);

/* Caches */

/* Where all cache maintenance goes, so that tests can see it. */
VISIBLE_IF_KUNIT void vcm_sync_range(phys_addr_t paddr, size_t size,
				     enum dma_data_direction dir, bool for_cpu)
{
	KUNIT_STATIC_STUB_REDIRECT(vcm_sync_range, paddr, size, dir, for_cpu);
	if (for_cpu)
		arch_sync_dma_for_cpu(paddr, size, dir);
	else
		arch_sync_dma_for_device(paddr, size, dir);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_sync_range);

/**
 * vcm_phys_sync() - hand memory to devices or to the CPUs
 * @phys: the memory
 * @offset: first byte
 * @size: bytes
 * @dir: what the device does
 * @for_cpu: whom to hand it to
 *
 * What has no struct pages is not cached.
 *
 * Context: Any.
 */
void vcm_phys_sync(const struct vcm_phys *phys, resource_size_t offset,
		   resource_size_t size, enum dma_data_direction dir,
		   bool for_cpu)
{
	const struct phys_vec *part = phys->parts;

	if (!(phys->flags & VCM_PHYS_PAGES))
		return;
	for (; size; part++) {
		size_t len;

		if (offset >= part->len) {
			offset -= part->len;
			continue;
		}
		len = min_t(resource_size_t, part->len - offset, size);
		vcm_sync_range(part->paddr + offset, len, dir, for_cpu);
		size -= len;
		offset = 0;
	}
	arch_sync_dma_flush();
	if (for_cpu)
		arch_sync_dma_for_cpu_all();
}
