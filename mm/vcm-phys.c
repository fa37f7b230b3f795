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
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "vcm-internal.h"

/* The longest part of imported memory: half of the range of a size_t */
#define VCM_PART_MAX		BIT_ULL(BITS_PER_LONG - 1)

/* Many parts are memory too, charged like the rest. */
static gfp_t vcm_parts_gfp(unsigned int phys_flags)
{
	return GFP_KERNEL | __GFP_NOWARN | __GFP_RETRY_MAYFAIL |
	       (phys_flags & VCM_PHYS_ACCOUNT ? __GFP_ACCOUNT : 0);
}

/**
 * __vcm_phys_new() - begin a physical allocation
 * @count: number of parts, not 0
 * @phys_flags: VCM_PHYS_* flags
 * @free: frees the memory of all parts, after the last reference was dropped.
 *	May sleep, cannot fail
 * @priv: for @free, found in &vcm_phys.priv
 * @module: module of @free, pinned until @free has returned
 *
 * The caller writes all of &vcm_phys.parts and calls vcm_phys_finish(). To give
 * up, it leaves a part empty: vcm_phys_finish() frees the allocation then. Use
 * vcm_phys_new(), which passes THIS_MODULE.
 *
 * Context: Process context, may sleep.
 * Return: the allocation, or an error pointer:
 *
 * * -EINVAL if @count is 0
 * * -ENODEV if @module is being unloaded
 * * -ENOMEM
 */
struct vcm_phys *__vcm_phys_new(unsigned int count, unsigned int phys_flags,
				void (*free)(struct vcm_phys *phys), void *priv,
				struct module *module)
{
	struct vcm_phys *phys;

	if (!count)
		return ERR_PTR(-EINVAL);
	if (!try_module_get(module))
		return ERR_PTR(-ENODEV);

	phys = kvzalloc_flex(*phys, parts, count, vcm_parts_gfp(phys_flags));
	if (!phys) {
		module_put(module);
		return ERR_PTR(-ENOMEM);
	}

	phys->count = count;
	phys->flags = phys_flags;
	phys->free = free;
	phys->priv = priv;
	phys->module = module;
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

/*
 * Append memory to an allocation that was begun with one part. Its array doubles
 * when it is full, so the allocation may move. Return 0 or -ENOMEM.
 */
int vcm_phys_add(struct vcm_phys **to, phys_addr_t paddr, size_t len)
{
	const struct phys_vec part = { .paddr = paddr, .len = len };
	struct vcm_phys *phys = *to;
	unsigned int n = phys->count;

	if (n && vcm_part_join(&phys->parts[n - 1], &part))
		return 0;
	if (is_power_of_2(n)) {
		phys = kvrealloc(phys, struct_size(phys, parts, 2UL * n),
				 vcm_parts_gfp(phys->flags));
		if (!phys)
			return -ENOMEM;
		*to = phys;
	}
	phys->count = n + 1;
	phys->parts[n] = part;
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
 * space, or the total size overflows: @phys is freed then, and the caller still
 * owns the memory.
 */
int vcm_phys_finish(struct vcm_phys *phys)
{
	phys_addr_t last;
	unsigned int i, n = 0;

	for (i = 0; i < phys->count; i++) {
		const struct phys_vec part = phys->parts[i];

		if (!part.len ||
		    check_add_overflow(part.paddr, part.len - 1, &last) ||
		    check_add_overflow(phys->size, part.len, &phys->size)) {
			vcm_phys_discard(phys);
			return -EINVAL;
		}
		if (!n || !vcm_part_join(&phys->parts[n - 1], &part))
			phys->parts[n++] = part;
	}
	phys->count = n;
	for (i = 0; i < n; i++) {
		phys->align_bits |= phys->parts[i].paddr | phys->parts[i].len;
		phys->largest = max(phys->largest, fls_long(phys->parts[i].len));
	}
	refcount_set(&phys->refs, 1);
	spin_lock_init(&phys->lock);
	INIT_LIST_HEAD(&phys->bindings);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_phys_finish);

/**
 * vcm_phys_get() - add a reference of a physical allocation
 * @phys: the allocation; the caller holds it in some way
 *
 * Context: Any.
 * Return: @phys, also if it is NULL or an error pointer.
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
	if (IS_ERR_OR_NULL(phys))
		return;
	if (IS_ENABLED(CONFIG_VCM_DEBUG)) {
		guard(spinlock)(&phys->lock);
		if (WARN(refcount_read(&phys->refs) <=
			 list_count_nodes(&phys->bindings),
			 "vcm: one reference too many dropped of memory that is bound\n"))
			return;
	}
	/* Without the lock: an unbind may drop the last one, and free it */
	vcm_phys_drop(phys);
}
EXPORT_SYMBOL_GPL(vcm_phys_put);

/* Imports */

/* Begin an import; vcm_phys_add() appends its memory. */
static struct vcm_phys *vcm_import_new(unsigned int flags,
				       void (*release)(void *priv), void *priv,
				       struct module *module)
{
	struct vcm_phys *phys;

	if (!release || flags & ~VCM_IMPORT_FLAGS)
		return ERR_PTR(-EINVAL);
	phys = __vcm_phys_new(1, VCM_PHYS_IMPORT |
			      (flags & VCM_IMPORT_WC ? VCM_PHYS_WC : 0),
			      NULL, priv, module);
	if (!IS_ERR(phys)) {
		phys->count = 0;
		phys->release = release;
	}
	return phys;
}

static int vcm_import_ram(unsigned long pfn, unsigned long nr, void *priv)
{
	*(unsigned long *)priv += nr;
	return 0;
}

/*
 * Complete an import, or discard it if @ret is an errno. All of the memory must
 * be RAM of the kernel; with @other, it may also have none.
 */
static struct vcm_phys *vcm_import_finish(struct vcm_phys *phys, int ret,
					  bool other)
{
	unsigned long ram = 0;
	unsigned int i;

	if (ret)
		goto err;
	ret = vcm_phys_finish(phys);
	if (ret)
		return ERR_PTR(ret);
	for (i = 0; i < phys->count; i++) {
		cond_resched();
		walk_system_ram_range(PHYS_PFN(phys->parts[i].paddr),
				      PHYS_PFN(phys->parts[i].len), &ram,
				      vcm_import_ram);
	}
	if (ram == phys->size >> PAGE_SHIFT)
		phys->flags |= VCM_PHYS_PAGES;
	else if (ram || !other)
		ret = -EINVAL;
	if (!ret)
		return phys;

err:
	vcm_phys_discard(phys);
	return ERR_PTR(ret);
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
 * The caller keeps the memory until @release is called. RAM of the kernel can be
 * mapped for the CPU through vcm_vmm, other memory only for devices. Quarantined
 * memory is not released. Use vcm_phys_import_range(), which passes THIS_MODULE.
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
	struct vcm_phys *phys;
	phys_addr_t last;
	size_t len;
	int ret = 0;

	if (!size || !PAGE_ALIGNED(start) || !PAGE_ALIGNED(size) ||
	    check_add_overflow(start, size - 1, &last) ||
	    (u64)last >> PAGE_SHIFT > ULONG_MAX ||
	    (u64)size >> PAGE_SHIFT > ULONG_MAX)
		return ERR_PTR(-EINVAL);

	phys = vcm_import_new(flags, release, priv, module);
	if (IS_ERR(phys))
		return phys;
	for (; size && !ret; size -= len, start += len) {
		len = min_t(u64, size, VCM_PART_MAX);
		ret = vcm_phys_add(&phys, start, len);
	}
	return vcm_import_finish(phys, ret, true);
}
EXPORT_SYMBOL_GPL(__vcm_phys_import_range);

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
 * Return: as __vcm_phys_import_range(), and -EINVAL if @pages is a bad pointer,
 * @nr is 0, or a page is NULL or not RAM of the kernel.
 */
struct vcm_phys *__vcm_phys_import_pages(struct page *const *pages,
					 unsigned long nr, unsigned int flags,
					 void (*release)(void *priv),
					 void *priv, struct module *module)
{
	struct vcm_phys *phys;
	unsigned long i;
	int ret = 0;

	if (IS_ERR_OR_NULL(pages) || !nr)
		return ERR_PTR(-EINVAL);
	phys = vcm_import_new(flags, release, priv, module);
	if (IS_ERR(phys))
		return phys;
	for (i = 0; i < nr && !ret; i++)
		ret = IS_ERR_OR_NULL(pages[i]) ? -EINVAL :
		      vcm_phys_add(&phys, page_to_phys(pages[i]), PAGE_SIZE);
	return vcm_import_finish(phys, ret, false);
}
EXPORT_SYMBOL_GPL(__vcm_phys_import_pages);

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
 * Return: as __vcm_phys_import_range(), and -EINVAL if @sgt is a bad pointer, the
 * table has less than @size bytes, or one of the entries concerned is empty, has
 * no page, does not begin and end at a page or is not RAM of the kernel.
 */
struct vcm_phys *__vcm_phys_import_sgt(struct sg_table *sgt,
				       resource_size_t size, unsigned int flags,
				       void (*release)(void *priv),
				       void *priv, struct module *module)
{
	struct scatterlist *sg;
	struct vcm_phys *phys;
	unsigned int i;
	int ret = 0;

	if (IS_ERR_OR_NULL(sgt) || !size || !PAGE_ALIGNED(size))
		return ERR_PTR(-EINVAL);
	phys = vcm_import_new(flags, release, priv, module);
	if (IS_ERR(phys))
		return phys;
	for_each_sgtable_sg(sgt, sg, i) {
		const size_t len = min_t(resource_size_t, sg->length, size);

		ret = -EINVAL;
		if (sg_page(sg) && len && PAGE_ALIGNED(sg->offset | sg->length))
			ret = vcm_phys_add(&phys, sg_phys(sg), len);
		if (ret)
			break;
		size -= len;
		if (!size)
			break;
	}
	return vcm_import_finish(phys, ret ?: size ? -EINVAL : 0, false);
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
EXPORT_SYMBOL_GPL(vcm_phys_walk);
