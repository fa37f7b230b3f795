// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory for the tests of vcm_vmm, the kernel's own address space as a context of
 * Virtual Contiguous Memory.
 */
#include <kunit/test.h>
#include <linux/cacheflush.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sort.h>
#include <linux/vcm-drv.h>

#include "vcm_vmm_memory.h"

static void vmm_phys_free(struct vcm_phys *phys)
{
	struct vmm_state *state = phys->priv;

	atomic_dec(&state->live);
}

/* Begin to describe memory of @count parts. */
struct vcm_phys *vmm_new(struct kunit *test, unsigned int count,
			 unsigned int flags)
{
	struct vmm_state *state = test->priv;
	struct vcm_phys *phys;

	phys = vcm_phys_new(count, flags, vmm_phys_free, state);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	atomic_inc(&state->live);
	return phys;
}

void vmm_finish(struct kunit *test, struct vcm_phys *phys)
{
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
}

/* Drop the last reference of @phys. */
void vmm_free(struct kunit *test, struct vcm_phys *phys)
{
	struct vmm_state *state = test->priv;
	int live = atomic_read(&state->live);

	vcm_free(phys);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&state->live), live - 1,
			    "the memory has another holder");
}

struct vmm_block {
	struct page *page;
	unsigned int order;
};

static void vmm_block_free(void *data)
{
	struct vmm_block *block = data;

	__free_pages(block->page, block->order);
}

/* Allocate a block until the end of the test. */
struct page *vmm_block(struct kunit *test, gfp_t gfp, unsigned int order)
{
	struct vmm_block *block = kunit_kzalloc(test, sizeof(*block),
						GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, block);
	block->order = order;
	block->page = alloc_pages(gfp | __GFP_ZERO, order);
	KUNIT_ASSERT_NOT_NULL(test, block->page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vmm_block_free,
							block), 0);
	return block->page;
}

static int vmm_page_cmp_desc(const void *a, const void *b)
{
	unsigned long x = page_to_pfn(*(struct page **)a);
	unsigned long y = page_to_pfn(*(struct page **)b);

	return cmp_int(y, x);
}

/* Describe single pages in descending order, so that no two become one part. */
struct vcm_phys *vmm_scattered(struct kunit *test, unsigned int nr,
			       struct page ***pages)
{
	struct vcm_phys *phys = vmm_new(test, nr, VCM_PHYS_PAGES);
	struct page **array;
	unsigned int i;

	array = kunit_kcalloc(test, nr, sizeof(*array), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, array);
	for (i = 0; i < nr; i++)
		array[i] = vmm_block(test, GFP_KERNEL, 0);
	sort(array, nr, sizeof(*array), vmm_page_cmp_desc, NULL);
	for (i = 0; i < nr; i++) {
		phys->parts[i].paddr = page_to_phys(array[i]);
		phys->parts[i].len = PAGE_SIZE;
	}
	vmm_finish(test, phys);
	KUNIT_ASSERT_EQ(test, phys->count, nr);
	*pages = array;
	return phys;
}

/* Map @phys and check what vcm_map() returns. */
struct vcm_res *vmm_map(struct kunit *test, struct vcm_phys *phys)
{
	struct vcm_res *res = vcm_map(vcm_vmm, phys, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_PTR_EQ(test, res->vcm, &vcm_vmm[0]);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, phys);
	KUNIT_EXPECT_EQ(test, (u64)res->res_size, (u64)phys->size);
	return res;
}

/* Return the n-th page of memory, without the code under test. */
struct page *vmm_nth(const struct vcm_phys *phys, unsigned long nth)
{
	const struct phys_vec *part = phys->parts;

	while (nth >= PHYS_PFN(part->len))
		nth -= PHYS_PFN(part++->len);
	return pfn_to_page(PHYS_PFN(part->paddr) + nth);
}

void vmm_write(void *addr, u64 value)
{
	WRITE_ONCE(*(u64 *)addr, value);
	flush_kernel_vmap_range(addr, sizeof(value));
}

u64 vmm_read(void *addr)
{
	invalidate_kernel_vmap_range(addr, sizeof(u64));
	return READ_ONCE(*(u64 *)addr);
}

void vmm_page_write(struct page *page, u64 value)
{
	u64 *addr = kmap_local_page(page);

	WRITE_ONCE(*addr, value);
	flush_dcache_page(page);
	kunmap_local(addr);
}

u64 vmm_page_read(struct page *page)
{
	u64 *addr = kmap_local_page(page), value = READ_ONCE(*addr);

	kunmap_local(addr);
	return value;
}

int vmm_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct vmm_state), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

/* Check that each allocation was freed. */
void vmm_exit(struct kunit *test)
{
	struct vmm_state *state = test->priv;

	if (state)
		KUNIT_EXPECT_EQ(test, atomic_read(&state->live), 0);
}
