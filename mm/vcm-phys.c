// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: physical memory.
 *
 * A physical allocation is a list of parts, each physically contiguous. It comes
 * from the page allocator (vcm-pages.c), from an area of a provider, or from an
 * importer. It has one count of references: the creator, each binding, each
 * vcm_phys_get(). The memory is freed, or given back to its importer, with the
 * last one.
 */
#define pr_fmt(fmt) "vcm: " fmt

#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "vcm-internal.h"

/* The longest part of imported memory: half of the range of a size_t */
#define VCM_PART_SHIFT		(BITS_PER_LONG - 1)
#define VCM_PART_MAX		BIT_ULL(VCM_PART_SHIFT)

/**
 * __vcm_phys_new() - begin a physical allocation
 * @count: number of parts, not 0
 * @phys_flags: VCM_PHYS_* flags
 * @free: frees the memory of all parts, after the last reference was dropped.
 *	May sleep, cannot fail
 * @priv: for @free, found in &vcm_phys.priv
 * @module: module of @free, pinned until @free has returned
 *
 * The caller writes all of &vcm_phys.parts and calls vcm_phys_finish(). Use
 * vcm_phys_new(), which passes THIS_MODULE.
 *
 * Context: Process context, may sleep.
 * Return: the allocation, -EINVAL if @count is 0, -ENODEV if @module is being
 * unloaded, -ENOMEM.
 */
struct vcm_phys *__vcm_phys_new(unsigned int count, unsigned int phys_flags,
				void (*free)(struct vcm_phys *phys), void *priv,
				struct module *module)
{
	const gfp_t account = phys_flags & VCM_PHYS_ACCOUNT ? __GFP_ACCOUNT : 0;
	struct vcm_phys *phys;

	if (!count)
		return ERR_PTR(-EINVAL);
	if (!try_module_get(module))
		return ERR_PTR(-ENODEV);

	/* Many parts are memory too, charged like the rest */
	phys = kvzalloc_flex(*phys, parts, count,
			     GFP_KERNEL | __GFP_NOWARN | __GFP_RETRY_MAYFAIL |
			     account);
	if (!phys) {
		module_put(module);
		return ERR_PTR(-ENOMEM);
	}

	phys->count = count;
	phys->flags = phys_flags;
	phys->free = free;
	phys->priv = priv;
	phys->module = module;
	refcount_set(&phys->refs, 1);
	spin_lock_init(&phys->lock);
	INIT_LIST_HEAD(&phys->bindings);
	return phys;
}
EXPORT_SYMBOL_IF_KUNIT(__vcm_phys_new);

/* Return true if @part has a whole, aligned page of this size. */
static bool vcm_part_holds(const struct phys_vec *part, unsigned long page)
{
	size_t head = -part->paddr & (page - 1);

	return part->len >= page && part->len - page >= head;
}

/*
 * Return the largest of the page sizes @sizes that some part can be mapped with,
 * at least the smallest. The address of the memory must be congruent to @phase
 * modulo that page.
 */
unsigned long vcm_best_page(const struct vcm_phys *phys, unsigned long sizes,
			    dma_addr_t *phase)
{
	unsigned long best = sizes & -sizes, next;
	u64 offset = 0;
	unsigned int i;

	*phase = 0;
	/* Pages larger than any part are not worth a look at all parts */
	sizes = (sizes & GENMASK(phys->largest - 1, 0)) | best;
	for (i = 0; i < phys->count && best != 1UL << __fls(sizes); i++) {
		const struct phys_vec *part = &phys->parts[i];

		while ((next = sizes & ~(best | (best - 1)))) {
			next &= -next;
			if (!vcm_part_holds(part, next))
				break;
			best = next;
			*phase = (part->paddr - offset) & (best - 1);
		}
		offset += part->len;
	}
	return best;
}

static void vcm_phys_discard(struct vcm_phys *phys)
{
	struct module *module = phys->module;

	kvfree(phys);
	module_put(module);
}

/* Append @next to @part if it begins at the end of @part. */
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
	for (i = 0; i < n; i++) {
		phys->align_bits |= phys->parts[i].paddr | phys->parts[i].len;
		phys->largest = max(phys->largest, fls_long(phys->parts[i].len));
	}
	return 0;
}

/**
 * vcm_phys_finish() - complete a physical allocation that vcm_phys_new() began
 * @phys: the allocation, all its parts written
 *
 * Joins neighbouring parts. From now on the allocation is constant; the caller
 * has one reference, dropped by vcm_free().
 *
 * Context: Process context.
 * Return: 0, or -EINVAL if a part is empty or passes the end of the address
 * space: @phys is freed then, and the memory is still the caller's.
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
 * vcm_phys_get() - add a reference of a physical allocation
 * @phys: the allocation; the caller holds it in some way
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
EXPORT_SYMBOL_GPL(vcm_phys_get);

/* The last reference was dropped. */
void vcm_phys_gone(struct vcm_phys *phys)
{
	vcm_debug_freed(phys);
	if (phys->flags & VCM_PHYS_IMPORT)
		phys->release(phys->priv);
	else
		phys->free(phys);
	vcm_phys_discard(phys);
}

/*
 * Drop a reference of a caller's. Return true if it was the last one. With
 * CONFIG_VCM_DEBUG, keep the references that bindings have.
 */
static bool vcm_phys_put_last(struct vcm_phys *phys)
{
	if (IS_ENABLED(CONFIG_VCM_DEBUG)) {
		guard(spinlock)(&phys->lock);
		if (WARN(refcount_read(&phys->refs) <=
			 list_count_nodes(&phys->bindings),
			 "vcm: one reference too many dropped of memory that is bound\n"))
			return false;
	}
	/* Without the lock: an unbind may drop the last one, and free it */
	return refcount_dec_and_test(&phys->refs);
}

/**
 * vcm_phys_put() - drop a reference of a physical allocation
 * @phys: the allocation; NULL and error pointers are ignored
 *
 * The memory is freed with the last reference, so memory that is bound stays
 * until it is unbound. As for any object with a count, a reference is dropped
 * once. With CONFIG_VCM_DEBUG, a call that would drop a reference of a binding
 * warns and keeps the memory.
 *
 * Context: Process context, may sleep. No dma_resv may be held: the release
 * callback of an import may take one.
 */
void vcm_phys_put(struct vcm_phys *phys)
{
	might_sleep();
	might_alloc(GFP_KERNEL);
	if (!IS_ERR_OR_NULL(phys) && vcm_phys_put_last(phys))
		vcm_phys_gone(phys);
}
EXPORT_SYMBOL_GPL(vcm_phys_put);

/* Imports */

static struct vcm_phys *vcm_import_new(unsigned int count,
				       unsigned int phys_flags,
				       unsigned int flags,
				       void (*release)(void *priv), void *priv,
				       struct module *module)
{
	struct vcm_phys *phys;

	if (!release || flags & ~VCM_IMPORT_FLAGS)
		return ERR_PTR(-EINVAL);
	if (flags & VCM_IMPORT_WC)
		phys_flags |= VCM_PHYS_WC;
	phys = __vcm_phys_new(count, phys_flags | VCM_PHYS_IMPORT, NULL, priv,
			      module);
	if (!IS_ERR(phys))
		phys->release = release;
	return phys;
}

static int vcm_phys_ram_add(unsigned long pfn, unsigned long nr, void *priv)
{
	*(unsigned long *)priv += nr;
	return 0;
}

/* Return the number of these pages that are RAM of the kernel. */
static unsigned long vcm_phys_ram(unsigned long pfn, unsigned long nr)
{
	unsigned long ram = 0;

	walk_system_ram_range(pfn, nr, &ram, vcm_phys_ram_add);
	return ram;
}

/* Complete an import of memory that must be RAM of the kernel. */
static struct vcm_phys *vcm_import_ram(struct vcm_phys *phys)
{
	unsigned int i;
	int ret;

	ret = vcm_phys_finish(phys);
	if (ret)
		return ERR_PTR(ret);
	for (i = 0; i < phys->count; i++) {
		unsigned long nr = phys->parts[i].len >> PAGE_SHIFT;

		cond_resched();
		if (vcm_phys_ram(PHYS_PFN(phys->parts[i].paddr), nr) != nr) {
			vcm_phys_discard(phys);
			return ERR_PTR(-EINVAL);
		}
	}
	return phys;
}

/**
 * __vcm_phys_import_range() - describe a range of physical addresses
 * @start: physical address
 * @size: bytes
 * @flags: VCM_IMPORT_* flags
 * @release: called once, after the last reference was dropped, in the task that
 *	dropped it, without a lock of VCM. May sleep, and may take a dma_resv; must
 *	not destroy a context
 * @priv: for @release
 * @module: module of @release, pinned until @release has returned
 *
 * The memory stays the caller's, who keeps it until @release is called. RAM of
 * the kernel can be mapped for the CPU through vcm_vmm, other memory only for
 * devices. Quarantined memory is not released. Use vcm_phys_import_range(),
 * which passes THIS_MODULE.
 *
 * Context: Process context, may sleep.
 * Return: the allocation, with one reference for the caller, dropped by
 * vcm_free(); or an error pointer, and @release is not called:
 *
 * * -EINVAL if @release is NULL, a flag is unknown, @size is 0, @start or @size
 *   is not a multiple of the page size, the range passes the end of the page
 *   frame numbers or contains all of them, or is RAM only in part
 * * -ENODEV if @module is being unloaded
 * * -ENOMEM
 */
struct vcm_phys *__vcm_phys_import_range(phys_addr_t start,
					 resource_size_t size,
					 unsigned int flags,
					 void (*release)(void *priv),
					 void *priv, struct module *module)
{
	unsigned int count, i;
	struct vcm_phys *phys;
	unsigned long ram;
	phys_addr_t last;
	int ret;

	if (!size || !PAGE_ALIGNED(start) || !PAGE_ALIGNED(size) ||
	    check_add_overflow(start, size - 1, &last) ||
	    (u64)last >> PAGE_SHIFT > ULONG_MAX ||
	    (u64)size >> PAGE_SHIFT > ULONG_MAX)
		return ERR_PTR(-EINVAL);
	ram = vcm_phys_ram(PHYS_PFN(start), PHYS_PFN(size));
	if (ram && ram != PHYS_PFN(size))
		return ERR_PTR(-EINVAL);

	count = ((u64)(size - 1) >> VCM_PART_SHIFT) + 1;
	phys = vcm_import_new(count, ram ? VCM_PHYS_PAGES : 0, flags, release,
			      priv, module);
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
EXPORT_SYMBOL_GPL(__vcm_phys_import_range);

/* Return true if page @i continues the part of the page before it. */
static bool vcm_page_continues(struct page *const *pages, unsigned long i)
{
	/* The length of a part is a size_t, however long the run is */
	return i % (VCM_PART_MAX >> PAGE_SHIFT) &&
	       page_to_pfn(pages[i]) == page_to_pfn(pages[i - 1]) + 1;
}

/* Count the parts that pages make; 0 if a page is missing. */
static unsigned int vcm_pages_parts(struct page *const *pages, unsigned long nr)
{
	unsigned long i, parts = 0;

	for (i = 0; i < nr; i++) {
		if (IS_ERR_OR_NULL(pages[i]))
			return 0;
		parts += !vcm_page_continues(pages, i);
	}
	return parts > UINT_MAX ? 0 : parts;
}

/**
 * __vcm_phys_import_pages() - describe an array of pages
 * @pages: the pages, in the order of their addresses in a reservation
 * @nr: number of @pages
 * @flags: VCM_IMPORT_* flags
 * @release: as for __vcm_phys_import_range()
 * @priv: for @release
 * @module: as for __vcm_phys_import_range()
 *
 * The array is not used after the call. Neighbouring pages become one part. Use
 * vcm_phys_import_pages(), which passes THIS_MODULE.
 *
 * Context: Process context, may sleep.
 * Return: as __vcm_phys_import_range(), and -EINVAL if @nr is 0, a page is NULL
 * or not RAM of the kernel.
 */
struct vcm_phys *__vcm_phys_import_pages(struct page *const *pages,
					 unsigned long nr, unsigned int flags,
					 void (*release)(void *priv),
					 void *priv, struct module *module)
{
	struct vcm_phys *phys;
	unsigned long i, n = 0;
	unsigned int count;

	count = IS_ERR_OR_NULL(pages) ? 0 : vcm_pages_parts(pages, nr);
	phys = vcm_import_new(count, VCM_PHYS_PAGES, flags, release, priv,
			      module);
	if (IS_ERR(phys))
		return phys;
	for (i = 0; i < nr; i++) {
		if (vcm_page_continues(pages, i)) {
			phys->parts[n - 1].len += PAGE_SIZE;
			continue;
		}
		phys->parts[n].paddr = page_to_phys(pages[i]);
		phys->parts[n++].len = PAGE_SIZE;
	}
	return vcm_import_ram(phys);
}
EXPORT_SYMBOL_GPL(__vcm_phys_import_pages);

/* Count the entries of a table that @size bytes take; 0 if it has not so many. */
static unsigned int vcm_sgt_entries(struct sg_table *sgt, resource_size_t size)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_sg(sgt, sg, i) {
		if (!sg_page(sg) || !sg->length ||
		    !PAGE_ALIGNED(sg->offset | sg->length))
			return 0;
		if (size <= sg->length)
			return i + 1;
		size -= sg->length;
	}
	return 0;
}

/**
 * __vcm_phys_import_sgt() - describe the memory of a scatter-gather table
 * @sgt: the table, in the order of the addresses in a reservation
 * @size: bytes from its start on, a multiple of the page size
 * @flags: VCM_IMPORT_* flags
 * @release: as for __vcm_phys_import_range()
 * @priv: for @release
 * @module: as for __vcm_phys_import_range()
 *
 * Reads the CPU's side of the table, whether or not it is mapped for a device;
 * the table is not used after the call. Neighbouring entries become one part. A
 * caller that maps the import drops its reference after vcm_map(), on success
 * and on failure: @release is called either way in the end, but not if the import
 * itself fails. Use vcm_phys_import_sgt(), which passes THIS_MODULE.
 *
 * Context: Process context, may sleep.
 * Return: as __vcm_phys_import_range(), and -EINVAL if the table has less than
 * @size bytes, or one of the entries concerned is empty, has no page, does not
 * begin and end at a page or is not RAM of the kernel.
 */
struct vcm_phys *__vcm_phys_import_sgt(struct sg_table *sgt,
				       resource_size_t size, unsigned int flags,
				       void (*release)(void *priv),
				       void *priv, struct module *module)
{
	struct scatterlist *sg;
	struct vcm_phys *phys;
	unsigned int count, i;

	if (IS_ERR_OR_NULL(sgt) || !size || !PAGE_ALIGNED(size))
		return ERR_PTR(-EINVAL);
	count = vcm_sgt_entries(sgt, size);
	phys = vcm_import_new(count, VCM_PHYS_PAGES, flags, release, priv,
			      module);
	if (IS_ERR(phys))
		return phys;
	for_each_sg(sgt->sgl, sg, count, i) {
		phys->parts[i].paddr = sg_phys(sg);
		phys->parts[i].len = min_t(resource_size_t, sg->length, size);
		size -= phys->parts[i].len;
	}
	return vcm_import_ram(phys);
}
EXPORT_SYMBOL_GPL(__vcm_phys_import_sgt);

/* Walks */

/*
 * Return the largest page that @addr and @paddr are aligned to and that fits
 * @len, 0 if there is none. @count gets the number of them up to where a larger
 * one can be used.
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
 * The same arguments give the same runs, so leaves can be cleared as they were
 * written. A run never crosses from one part to the next.
 *
 * Context: Any that @fn allows.
 * Return: 0, the return value of @fn if that is not 0, or -EINVAL if @addr or a
 * part is not a multiple of the smallest page.
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
 * vcm_leaves() - count the page-table leaves of a binding
 * @res: the reservation; the caller prevents a bind or unbind
 *
 * Context: Any.
 * Return: the number of leaves with the largest usable pages; 0 if nothing is
 * bound or addresses follow the memory.
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
