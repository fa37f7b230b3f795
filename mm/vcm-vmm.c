// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: the kernel's own address space as a context.
 *
 * Physically contiguous memory is contiguous in the direct map already. A second
 * mapping would cost as much as a thousand of these calls, and TLB entries in
 * addition, so a reservation gets the address there. Only memory of several
 * parts, and highmem, is mapped: in an area of vmalloc space whose address is
 * chosen so that the largest pages fit, each part with the largest pages that it
 * allows.
 *
 * Reads and writes are always allowed, and the mapping is cached: attributes
 * differ from those of the direct map nowhere, since such aliases are illegal on
 * many machines. Memory that is imported as write-combined is refused for that
 * reason. On CPUs whose caches have aliases, a user of both mappings calls
 * flush_kernel_vmap_range() and its like, as after vmap().
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

#include "vcm-internal.h"
#include "vmalloc.h"

struct vcm vcm_vmm[1];
EXPORT_SYMBOL_GPL(vcm_vmm);

/* Number of single pages that one walk of the page table maps */
#define VCM_VMM_BATCH		64

static int vcm_vmm_map_pages(unsigned long addr, struct page **pages,
			     unsigned int nr)
{
	return vmap_pages_range_noflush(addr, addr + nr * PAGE_SIZE,
					pgprot_nx(PAGE_KERNEL), pages,
					PAGE_SHIFT, GFP_KERNEL);
}

/*
 * Map a part of several pages, with the largest pages possible. For KMSAN,
 * vmap_page_range() maps device memory, with another shadow than that of the
 * pages.
 */
static int vcm_vmm_map_part(unsigned long addr, const struct phys_vec *part)
{
	unsigned long i;
	int ret = 0;

	if (!IS_ENABLED(CONFIG_KMSAN))
		return vmap_page_range(addr, addr + part->len, part->paddr,
				       PAGE_KERNEL);

	for (i = 0; i < part->len && !ret; i += PAGE_SIZE) {
		struct page *page = phys_to_page(part->paddr + i);

		ret = vcm_vmm_map_pages(addr + i, &page, 1);
	}
	return ret;
}

/* Map runs of single pages in batches, and other parts one by one. */
static int vcm_vmm_fill(unsigned long addr, const struct vcm_phys *phys)
{
	const struct phys_vec *part = phys->parts;
	const struct phys_vec *end = part + phys->count;
	struct page *pages[VCM_VMM_BATCH];
	unsigned long at = addr;
	unsigned int nr;
	int ret = 0;

	while (part != end && !ret) {
		if (part->len != PAGE_SIZE) {
			ret = vcm_vmm_map_part(at, part);
			at += part->len;
			part++;
			continue;
		}
		nr = 0;
		do {
			pages[nr++] = phys_to_page(part++->paddr);
		} while (part != end && part->len == PAGE_SIZE &&
			 nr < VCM_VMM_BATCH);
		ret = vcm_vmm_map_pages(at, pages, nr);
		at += nr * PAGE_SIZE;
		cond_resched();
	}
	flush_cache_vmap(addr, addr + phys->size);
	return ret;
}

/*
 * Allocate addresses for @res, @offset bytes into an area. If no range is
 * aligned for the largest page, take one for the next smaller page.
 */
static struct vm_struct *vcm_vmm_area(const struct vcm_res *res,
				      const struct vcm_phys *phys,
				      dma_addr_t *offset)
{
	unsigned long page = vcm_best_page(phys, vcm_vmm->pgsize_bitmap, offset);
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

/* Return true if memory is contiguous in the direct map: highmem is above it. */
static bool vcm_vmm_direct(const struct vcm_phys *phys)
{
	const struct phys_vec *part = &phys->parts[0];
	unsigned long last = PHYS_PFN(part->paddr + (part->len - 1));

	return phys->count == 1 && !PageHighMem(pfn_to_page(last));
}

static int vcm_vmm_map(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vm_struct *area;
	dma_addr_t start, offset;
	int ret;

	if ((phys->flags & (VCM_PHYS_PAGES | VCM_PHYS_WC)) != VCM_PHYS_PAGES ||
	    !PAGE_ALIGNED(phys->align_bits))
		return -EOPNOTSUPP;

	if (vcm_vmm_direct(phys)) {
		/* Without KASAN's tags: blocks that were joined differ in them */
		start = (unsigned long)phys_to_virt(phys->parts[0].paddr);
		if (vcm_res_placed(res) && res->start != start)
			return -EOPNOTSUPP;
		res->start = start;
		res->priv = NULL;
		return 0;
	}

	/* vmalloc space gives the same address twice by chance only */
	if (vcm_res_placed(res))
		return -EOPNOTSUPP;
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
	.map = vcm_vmm_map,
	.unmap = vcm_vmm_unmap,
};

/* Return the page sizes that vmap_page_range() can use. */
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
 * The aperture is all of the address space: the architecture decides where the
 * direct map and vmalloc space lie, and KASAN's tags are part of an address.
 */
static int __init vcm_vmm_init(void)
{
	int ret;

	ret = vcm_init(vcm_vmm, &vcm_vmm_driver, 0, ULONG_MAX,
		       vcm_vmm_page_sizes());
	/* Every page size is useful: fewer parts are less to map */
	vcm_vmm->memory.pgsize_bitmap = 0;
	vcm_vmm->coherence = VCM_CPU;
	return ret;
}
core_initcall(vcm_vmm_init);

/*
 * A bind allocates memory with the topology of any context held, so code that
 * runs in reclaim or in an MMU notifier must not bind: teach lockdep.
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
