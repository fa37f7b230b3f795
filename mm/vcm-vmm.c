// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: the kernel's own address space as a context.
 *
 * Physically contiguous memory is contiguous in the direct map already. Mapping
 * it again would cost as much as a thousand of these calls, and a second set of
 * TLB entries, so its address there is what the reservation gets. Only memory
 * of several parts, and highmem, is mapped: in an area of vmalloc space whose
 * address is chosen so that the largest pages fit, each part with the largest
 * pages that it allows.
 *
 * Reads and writes are always allowed, and the mapping is cached: no other
 * attributes than those of the direct map, since aliases that disagree are
 * illegal on many machines. On CPUs whose caches have aliases, whoever looks at
 * the memory in both places calls flush_kernel_vmap_range() and its like, as
 * after vmap().
 */
#include <linux/cacheflush.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/numa.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "vcm-internal.h"
#include "vmalloc.h"

struct vcm vcm_vmm[1];
EXPORT_SYMBOL_GPL(vcm_vmm);

/* Single pages are mapped by the dozen: not one walk each, and no large array */
#define VCM_VMM_BATCH		64

/**
 * struct vcm_vmm_cursor - what has been mapped, and what is about to be
 * @addr: where the first of @pages goes
 * @nr: number of @pages
 * @pages: pages that lie anywhere
 */
struct vcm_vmm_cursor {
	unsigned long addr;
	unsigned int nr;
	struct page *pages[VCM_VMM_BATCH];
};

static int vcm_vmm_flush(struct vcm_vmm_cursor *cursor)
{
	unsigned long addr = cursor->addr;
	unsigned int nr = cursor->nr;

	if (!nr)
		return 0;

	cursor->addr += nr * PAGE_SIZE;
	cursor->nr = 0;
	cond_resched();
	return vmap_pages_range_noflush(addr, cursor->addr,
					pgprot_nx(PAGE_KERNEL), cursor->pages,
					PAGE_SHIFT, GFP_KERNEL);
}

static int vcm_vmm_add_page(struct vcm_vmm_cursor *cursor, phys_addr_t paddr)
{
	cursor->pages[cursor->nr++] = pfn_to_page(PHYS_PFN(paddr));
	return cursor->nr == VCM_VMM_BATCH ? vcm_vmm_flush(cursor) : 0;
}

/* Parts of one page each, as many as there is room for; returns the next part. */
static const struct phys_vec *vcm_vmm_add_pages(struct vcm_vmm_cursor *cursor,
						const struct phys_vec *part,
						const struct phys_vec *end)
{
	struct page **last = cursor->pages + VCM_VMM_BATCH;
	struct page **page = cursor->pages + cursor->nr;

	for (; part != end && part->len == PAGE_SIZE && page != last; part++)
		*page++ = pfn_to_page(PHYS_PFN(part->paddr));
	cursor->nr = page - cursor->pages;
	return part;
}

/* A part of several pages, in pages as large as possible. */
static int vcm_vmm_add_part(struct vcm_vmm_cursor *cursor,
			    const struct phys_vec *part)
{
	unsigned long addr;
	size_t done;
	int ret = 0;

	/*
	 * KMSAN takes what vmap_page_range() maps for a device's, with a shadow
	 * of its own instead of that of the pages.
	 */
	if (IS_ENABLED(CONFIG_KMSAN)) {
		for (done = 0; done < part->len && !ret; done += PAGE_SIZE)
			ret = vcm_vmm_add_page(cursor, part->paddr + done);
		return ret;
	}

	ret = vcm_vmm_flush(cursor);
	if (ret)
		return ret;
	addr = cursor->addr;
	cursor->addr += part->len;
	return vmap_page_range(addr, cursor->addr, part->paddr, PAGE_KERNEL);
}

static int vcm_vmm_fill(unsigned long addr, const struct vcm_phys *phys)
{
	const struct phys_vec *part = phys->parts;
	const struct phys_vec *end = part + phys->count;
	struct vcm_vmm_cursor cursor = { .addr = addr };
	int ret = 0;

	while (part != end && !ret) {
		if (part->len != PAGE_SIZE) {
			ret = vcm_vmm_add_part(&cursor, part++);
			continue;
		}
		part = vcm_vmm_add_pages(&cursor, part, end);
		if (cursor.nr == VCM_VMM_BATCH)
			ret = vcm_vmm_flush(&cursor);
	}
	if (!ret)
		ret = vcm_vmm_flush(&cursor);
	flush_cache_vmap(addr, addr + phys->size);
	return ret;
}

/* Page sizes of the kernel's page table beyond @size, the smallest. 0: none. */
static unsigned long vcm_vmm_larger(unsigned long size)
{
	unsigned long sizes = vcm_vmm->pgsize_bitmap & ~(size | (size - 1));

	return sizes & -sizes;
}

/*
 * The largest page that some part can be mapped with. The address of the
 * mapping must be congruent to @phase for that.
 */
static unsigned long vcm_vmm_best_page(const struct vcm_phys *phys,
				       unsigned long *phase)
{
	unsigned long best = PAGE_SIZE, next = vcm_vmm_larger(best);
	unsigned long off = 0;
	unsigned int i;

	*phase = 0;
	/* Nothing but single pages */
	if (phys->count == phys->size >> PAGE_SHIFT)
		return best;
	for (i = 0; i < phys->count && next; i++) {
		const struct phys_vec *part = &phys->parts[i];

		while (next && vcm_part_holds(part, next)) {
			best = next;
			*phase = part->paddr - off;
			next = vcm_vmm_larger(best);
		}
		off += part->len;
	}
	*phase &= best - 1;
	return best;
}

/*
 * Addresses for @res, @offset bytes into an area. Where no range is free that
 * is aligned for the largest page, the next smaller one has to do.
 */
static struct vm_struct *vcm_vmm_area(const struct vcm_res *res,
				      const struct vcm_phys *phys,
				      unsigned long *offset)
{
	unsigned long page = vcm_vmm_best_page(phys, offset);
	struct vm_struct *area;

	for (;;) {
		area = __get_vm_area_node(phys->size + *offset, page,
					  PAGE_SHIFT, VM_MAP, VMALLOC_START,
					  VMALLOC_END, NUMA_NO_NODE,
					  GFP_KERNEL | __GFP_NOWARN,
					  res->owner);
		if (area || page == PAGE_SIZE)
			return area;
		page = rounddown_pow_of_two(vcm_vmm->pgsize_bitmap &
					    (page - 1));
		*offset &= page - 1;
	}
}

/* Highmem lies above all that is in the direct map. */
static bool vcm_vmm_direct(const struct vcm_phys *phys)
{
	const struct phys_vec *part = &phys->parts[0];
	unsigned long last = PHYS_PFN(part->paddr + (part->len - 1));

	return phys->count == 1 && !PageHighMem(pfn_to_page(last));
}

static int vcm_vmm_map(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vm_struct *area;
	unsigned long offset;
	int ret;

	if (!(phys->flags & VCM_PHYS_PAGES) ||
	    !PAGE_ALIGNED(phys->align_bits))
		return -EOPNOTSUPP;

	if (vcm_vmm_direct(phys)) {
		/* Free of KASAN's tags: blocks that were joined differ in them */
		res->start = (unsigned long)phys_to_virt(phys->parts[0].paddr);
		res->priv = NULL;
		return 0;
	}

	if (phys->size > VMALLOC_TOTAL)
		return -ENOMEM;
	area = vcm_vmm_area(res, phys, &offset);
	if (!area)
		return -ENOMEM;

	ret = vcm_vmm_fill((unsigned long)area->addr + offset, phys);
	if (ret) {
		free_vm_area(area);
		return ret;
	}
	res->start = (unsigned long)area->addr + offset;
	res->priv = area;
	return 0;
}

static void vcm_vmm_unmap(struct vcm_res *res, struct vcm_phys *phys)
{
	if (res->priv)
		free_vm_area(res->priv);
}

static const struct vcm_driver vcm_vmm_driver = {
	.name = "vcm_vmm",
	.fixed = true,
	.permanent = true,
	.map = vcm_vmm_map,
	.unmap = vcm_vmm_unmap,
};

/* The sizes that vmap_page_range() can use. */
static unsigned long __init vcm_vmm_page_sizes(void)
{
	unsigned long sizes = PAGE_SIZE;

#ifdef CONFIG_HAVE_ARCH_HUGE_VMAP
	if (IS_ENABLED(CONFIG_HUGETLB_PAGE))
		sizes |= 1UL << arch_vmap_pte_supported_shift(PMD_SIZE);
	if (arch_vmap_pmd_supported(PAGE_KERNEL))
		sizes |= PMD_SIZE;
	if (arch_vmap_pud_supported(PAGE_KERNEL))
		sizes |= PUD_SIZE;
#endif
	return sizes;
}

/*
 * The aperture leaves nothing out: where the direct map and vmalloc space lie
 * is the architecture's business, and KASAN's tags are part of an address.
 */
static int __init vcm_vmm_init(void)
{
	int ret;

	ret = vcm_init(vcm_vmm, &vcm_vmm_driver, 0, ULONG_MAX,
		       vcm_vmm_page_sizes());
	/*
	 * Any page size is worth having: the fewer parts the less there is to
	 * map, and for a single one it is nothing.
	 */
	vcm_vmm->memory.pgsize_bitmap = 0;
	return ret;
}
core_initcall(vcm_vmm_init);

/*
 * Bind allocates memory with the topology of any context held, so nothing that
 * may be called from reclaim or from an MMU notifier may bind: tell lockdep
 * before it happens.
 */
static int __init vcm_prime_lockdep(void)
{
	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return 0;
	down_read(&vcm_vmm->topology);
	fs_reclaim_acquire(GFP_KERNEL);
	fs_reclaim_release(GFP_KERNEL);
	up_read(&vcm_vmm->topology);
	return 0;
}
subsys_initcall(vcm_prime_lockdep);
