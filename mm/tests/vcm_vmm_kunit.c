// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for the mappings of vcm_vmm, the kernel's own address space as a
 * context of Virtual Contiguous Memory.
 *
 * Each mapping is compared with the pages that it was made of: by
 * vmalloc_to_page(), and by reads and writes through both.
 */
#include <kunit/test.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/vcm-drv.h>
#include <linux/vmalloc.h>
#include <trace/events/kmem.h>

#include "vcm_seed.h"
#include "vcm_vmm_memory.h"

/* Order of a block that one leaf can map, if the page allocator has such blocks */
#define VMM_ORDER	min_t(unsigned int, PMD_SHIFT - PAGE_SHIFT, \
			      MAX_PAGE_ORDER)
#define VMM_SIZE	(PAGE_SIZE << VMM_ORDER)

/* 32-bit machines have a vmalloc space of 100 MiB or so */
#define LARGE_SIZE	((size_t)(BITS_PER_LONG == 64 ? SZ_1G : SZ_32M))
/* For UML, each page without a neighbour is a mapping of its host */
#define MANY_PAGES	((BITS_PER_LONG == 64 && !IS_ENABLED(CONFIG_UML) ? \
			  SZ_256M : SZ_16M) >> PAGE_SHIFT)

/* Bookkeeping takes far less, an array of all pages far more */
#define SMALL_KMALLOC	SZ_64K

/**
 * struct vmm_kmalloc - the allocations of a task
 * @task: the task
 * @most: size of the largest kmalloc() so far, bytes
 */
struct vmm_kmalloc {
	struct task_struct *task;
	size_t most;
};

/* Describe two blocks by turns: the size is large, the memory small. */
static struct vcm_phys *vmm_repeated(struct kunit *test, unsigned int order,
				     unsigned int nr, struct page *blocks[2])
{
	struct vcm_phys *phys = vmm_new(test, nr, VCM_PHYS_PAGES);
	unsigned int i;

	blocks[0] = vmm_block(test, GFP_KERNEL, order);
	do {
		/* Neighbours would become one part */
		blocks[1] = vmm_block(test, GFP_KERNEL, order);
	} while (blocks[0] + BIT(order) == blocks[1] ||
		 blocks[1] + BIT(order) == blocks[0]);
	for (i = 0; i < nr; i++) {
		phys->parts[i].paddr = page_to_phys(blocks[i % 2]);
		phys->parts[i].len = PAGE_SIZE << order;
	}
	vmm_finish(test, phys);
	return phys;
}

/* Return the size of the leaf that translates an address, 0 if that is unknown. */
static unsigned long vmm_leaf(void *addr)
{
#ifndef MODULE
	unsigned long va = (unsigned long)addr;
	p4d_t *p4d = p4d_offset(pgd_offset_k(va), va);
	pud_t *pud;
	pmd_t *pmd;

	if (p4d_none(*p4d) || p4d_leaf(*p4d))
		return 0;
	pud = pud_offset(p4d, va);
	if (pud_leaf(*pud))
		return PUD_SIZE;
	if (pud_none(*pud))
		return 0;
	pmd = pmd_offset(pud, va);
	if (pmd_leaf(*pmd))
		return PMD_SIZE;
	return pmd_none(*pmd) ? 0 : PAGE_SIZE;
#else
	return 0;
#endif
}

/* Expect that one leaf maps a block, if this machine has such leaves. */
static void vmm_expect_large(struct kunit *test, void *addr)
{
	KUNIT_EXPECT_PTR_EQ(test, vmalloc_to_page(addr + VMM_SIZE - 1),
			    vmalloc_to_page(addr) + BIT(VMM_ORDER) - 1);
	if (!IS_ENABLED(CONFIG_HAVE_ARCH_HUGE_VMAP) || VMM_SIZE != PMD_SIZE ||
	    IS_ENABLED(CONFIG_KMSAN) || !arch_vmap_pmd_supported(PAGE_KERNEL))
		return;
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)addr, PMD_SIZE));
	if (!IS_MODULE(CONFIG_VCM_KUNIT_TEST))
		KUNIT_EXPECT_EQ(test, vmm_leaf(addr), PMD_SIZE);
}

/* vcm_bind: -EOPNOTSUPP for memory without struct pages. */
static void vmm_no_pages_test(struct kunit *test)
{
	struct vcm_phys *phys = vmm_new(test, 1, 0);

	phys->parts[0].paddr = page_to_phys(vmm_block(test, GFP_KERNEL, 0));
	phys->parts[0].len = PAGE_SIZE;
	vmm_finish(test, phys);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm_vmm, phys, 0),
			    ERR_PTR(-EOPNOTSUPP));
	vmm_free(test, phys);
}

/* vcm_bind: -EOPNOTSUPP for parts that are not whole pages. */
static void vmm_unaligned_test(struct kunit *test)
{
	phys_addr_t paddr = page_to_phys(vmm_block(test, GFP_KERNEL, 2));
	static const struct phys_vec cases[][2] = {
		{ { 0, PAGE_SIZE / 2 }, { PAGE_SIZE, PAGE_SIZE } },
		{ { 0, PAGE_SIZE }, { PAGE_SIZE * 3 / 2, PAGE_SIZE } },
		{ { 0, PAGE_SIZE }, { PAGE_SIZE * 2, 8 } },
	};
	struct vcm_phys *phys;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		phys = vmm_new(test, 2, VCM_PHYS_PAGES);
		for (j = 0; j < 2; j++) {
			phys->parts[j] = cases[i][j];
			phys->parts[j].paddr += paddr;
		}
		vmm_finish(test, phys);
		KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm_vmm, phys, 0),
				    ERR_PTR(-EOPNOTSUPP));
		vmm_free(test, phys);
	}

	phys = vmm_new(test, 1, VCM_PHYS_PAGES);
	phys->parts[0].paddr = paddr + 8;
	phys->parts[0].len = PAGE_SIZE;
	vmm_finish(test, phys);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm_vmm, phys, 0),
			    ERR_PTR(-EOPNOTSUPP));
	vmm_free(test, phys);
}

/*
 * vcm_vmm: scattered memory becomes contiguous, for numbers of pages below and
 * above VCM_VMM_BATCH. What is written through one mapping is read through the
 * other.
 */
static void vmm_scattered_test(struct kunit *test)
{
	static const unsigned int numbers[] = { 2, 63, 64, 65, 128, 300 };
	struct vcm_phys *phys;
	struct page **pages;
	struct vcm_res *res;
	unsigned int i, j;
	void *addr;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		phys = vmm_scattered(test, numbers[i], &pages);
		res = vmm_map(test, phys);
		addr = vcm_cpu_addr(res);
		KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(addr));

		for (j = 0; j < numbers[i]; j++)
			vmm_write(addr + j * PAGE_SIZE, ~(u64)j);
		for (j = 0; j < numbers[i]; j++) {
			KUNIT_ASSERT_PTR_EQ(test, pages[j],
					    vmalloc_to_page(addr +
							    j * PAGE_SIZE));
			KUNIT_EXPECT_EQ(test, vmm_page_read(pages[j]),
					~(u64)j);
			vmm_page_write(pages[j], j);
		}
		for (j = 0; j < numbers[i]; j++)
			KUNIT_EXPECT_EQ(test, vmm_read(addr + j * PAGE_SIZE),
					j);
		vcm_unmap(res);
		vmm_free(test, phys);
	}
}

#define RANDOM_BLOCKS	6
#define RANDOM_PARTS	24
#define RANDOM_ROUNDS	40

/* vcm_vmm: random sequences of parts are mapped page by page as they are. */
static void vmm_random_test(struct kunit *test)
{
	struct page *block[RANDOM_BLOCKS];
	struct rnd_state rnd;
	unsigned long i, n;
	unsigned int round;

	vcm_seed(test, &rnd);
	for (i = 0; i < RANDOM_BLOCKS; i++) {
		block[i] = vmm_block(test, GFP_KERNEL, VMM_ORDER);
		for (n = 0; n < BIT(VMM_ORDER); n++)
			vmm_page_write(block[i] + n,
				       page_to_pfn(block[i] + n));
	}

	for (round = 0; round < RANDOM_ROUNDS; round++) {
		unsigned int count = 2 + prandom_u32_state(&rnd) % RANDOM_PARTS;
		struct vcm_phys *phys = vmm_new(test, count, VCM_PHYS_PAGES);
		struct vcm_res *res;
		void *addr;

		for (i = 0; i < count; i++) {
			u32 b = prandom_u32_state(&rnd) % RANDOM_BLOCKS;
			u32 kind = prandom_u32_state(&rnd) % 4;
			unsigned long first = 0, nr = BIT(VMM_ORDER);

			if (kind) {
				first = prandom_u32_state(&rnd) % nr;
				nr -= first;
			}
			if (kind > 1)
				nr = 1 + prandom_u32_state(&rnd) %
					 min(nr, kind == 2 ? 20 : 1);
			phys->parts[i].paddr = page_to_phys(block[b] + first);
			phys->parts[i].len = nr << PAGE_SHIFT;
		}
		vmm_finish(test, phys);
		if (phys->count == 1) {
			vmm_free(test, phys);
			continue;
		}

		res = vmm_map(test, phys);
		addr = vcm_cpu_addr(res);
		for (i = 0; i < PHYS_PFN(phys->size); i++) {
			struct page *page = vmm_nth(phys, i);

			KUNIT_ASSERT_PTR_EQ(test, page,
					    vmalloc_to_page(addr +
							    i * PAGE_SIZE));
			KUNIT_ASSERT_EQ(test, vmm_read(addr + i * PAGE_SIZE),
					page_to_pfn(page));
		}
		vcm_unmap(res);
		vmm_free(test, phys);
	}
}

/* vcm_vmm: parts are mapped with the largest pages that they allow. */
static void vmm_large_test(struct kunit *test)
{
	struct page *block[2];
	struct vcm_phys *phys = vmm_repeated(test, VMM_ORDER, 4, block);
	struct vcm_res *res = vmm_map(test, phys);
	void *addr = vcm_cpu_addr(res);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_PTR_EQ(test, block[i % 2],
				    vmalloc_to_page(addr + i * VMM_SIZE));
		vmm_expect_large(test, addr + i * VMM_SIZE);
	}
	vmm_write(addr + VMM_SIZE - 8, 0x1234);
	KUNIT_EXPECT_EQ(test, vmm_read(addr + 3 * VMM_SIZE - 8), 0x1234);
	KUNIT_EXPECT_EQ(test, vmm_read(addr + 2 * VMM_SIZE - 8), 0);
	vcm_unmap(res);
	vmm_free(test, phys);
}

/*
 * vcm_vmm: the address is congruent to the part that holds the largest page, also
 * if that is not the first part.
 */
static void vmm_phase_test(struct kunit *test)
{
	const size_t lead[] = { PAGE_SIZE, VMM_SIZE - PAGE_SIZE,
				VMM_SIZE / 2 + PAGE_SIZE };
	struct page *first = vmm_block(test, GFP_KERNEL, VMM_ORDER);
	struct page *block = vmm_block(test, GFP_KERNEL, VMM_ORDER);
	struct vcm_phys *phys;
	struct vcm_res *res;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(lead); i++) {
		phys = vmm_new(test, 3, VCM_PHYS_PAGES);
		phys->parts[0].paddr = page_to_phys(first);
		phys->parts[0].len = lead[i];
		for (j = 1; j < 3; j++) {
			phys->parts[j].paddr = page_to_phys(block);
			phys->parts[j].len = VMM_SIZE;
		}
		vmm_finish(test, phys);
		KUNIT_ASSERT_EQ(test, phys->count, 3);
		res = vmm_map(test, phys);
		KUNIT_EXPECT_PTR_EQ(test, vmalloc_to_page(vcm_cpu_addr(res)),
				    first);
		vmm_expect_large(test, vcm_cpu_addr(res) + lead[i]);
		vmm_expect_large(test, vcm_cpu_addr(res) + lead[i] +
				 VMM_SIZE);
		vcm_unmap(res);
		vmm_free(test, phys);
	}
}

static void vmm_kmalloc_probe(void *data, unsigned long call_site,
			      const void *ptr, size_t bytes_req,
			      size_t bytes_alloc, gfp_t gfp_flags, int node)
{
	struct vmm_kmalloc *watch = data;

	if (watch->task == current)
		watch->most = max(watch->most, bytes_req);
}

static void vmm_kmalloc_stop(void *data)
{
	unregister_trace_kmalloc(vmm_kmalloc_probe, data);
	tracepoint_synchronize_unregister();
}

/* Map @phys and check the size of each kmalloc() on the way. */
static struct vcm_res *vmm_map_watched(struct kunit *test,
				       struct vcm_phys *phys)
{
	struct vmm_kmalloc *watch = kunit_kzalloc(test, sizeof(*watch),
						  GFP_KERNEL);
	struct vcm_res *res;

	KUNIT_ASSERT_NOT_NULL(test, watch);
	watch->task = current;
	if (register_trace_kmalloc(vmm_kmalloc_probe, watch)) {
		kunit_info(test, "no tracepoints: allocations are not checked");
		return vmm_map(test, phys);
	}
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vmm_kmalloc_stop,
							watch), 0);
	watch->most = 0;
	res = vcm_map(vcm_vmm, phys, 0);
	kunit_info(test, "largest kmalloc: %zu bytes\n", watch->most);
	KUNIT_EXPECT_GT(test, watch->most, 0);
	KUNIT_EXPECT_LT(test, watch->most, SMALL_KMALLOC);
	kunit_release_action(test, vmm_kmalloc_stop, watch);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	return res;
}

/* vcm_vmm: a mapping of 1 GiB needs no large allocation for itself. */
static void vmm_gigabyte_test(struct kunit *test)
{
	unsigned int nr = LARGE_SIZE / VMM_SIZE, i;
	struct page *block[2];
	struct vcm_phys *phys = vmm_repeated(test, VMM_ORDER, nr, block);
	struct vcm_res *res = vmm_map_watched(test, phys);
	void *addr = vcm_cpu_addr(res);

	KUNIT_EXPECT_EQ(test, (u64)res->res_size, (u64)nr * VMM_SIZE);
	for (i = 0; i < nr; i++) {
		KUNIT_ASSERT_PTR_EQ(test, block[i % 2],
				    vmalloc_to_page(addr + i * VMM_SIZE));
		if (i % 64 == 0)
			vmm_expect_large(test, addr + i * VMM_SIZE);
	}
	vmm_write(addr + (nr - 1) * VMM_SIZE, 0xfeed);
	KUNIT_EXPECT_EQ(test, vmm_page_read(block[(nr - 1) % 2]), 0xfeed);
	vcm_unmap(res);
	vmm_free(test, phys);
}

/* vcm_vmm: nor does one whose parts are single pages. */
static void vmm_many_pages_test(struct kunit *test)
{
	struct page *block[2];
	struct vcm_phys *phys = vmm_repeated(test, 0, MANY_PAGES, block);
	struct vcm_res *res = vmm_map_watched(test, phys);
	void *addr = vcm_cpu_addr(res);
	unsigned long i;

	for (i = 0; i < MANY_PAGES; i++)
		KUNIT_ASSERT_PTR_EQ(test, block[i % 2],
				    vmalloc_to_page(addr + i * PAGE_SIZE));
	vcm_unmap(res);
	vmm_free(test, phys);
}

/* vcm_bind: -ENOMEM for more memory than vmalloc space has addresses. */
static void vmm_too_large_test(struct kunit *test)
{
	const size_t huge = (SIZE_MAX / 2) & PAGE_MASK;
	struct vcm_phys *phys = vmm_new(test, 2, VCM_PHYS_PAGES);

	/* No code looks for this memory before the size is refused */
	phys->parts[0].paddr = PAGE_SIZE;
	phys->parts[0].len = huge;
	phys->parts[1].paddr = 0;
	phys->parts[1].len = huge;
	vmm_finish(test, phys);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm_vmm, phys, 0), ERR_PTR(-ENOMEM));
	vmm_free(test, phys);

#ifndef MODULE
	/* The size of vmalloc space, of which some is taken */
	phys = vmm_new(test, 2, VCM_PHYS_PAGES);
	phys->parts[0].paddr = PAGE_SIZE;
	phys->parts[0].len = VMALLOC_TOTAL / 2 & PAGE_MASK;
	phys->parts[1].paddr = 0;
	phys->parts[1].len = VMALLOC_TOTAL / 2 & PAGE_MASK;
	vmm_finish(test, phys);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm_vmm, phys, 0), ERR_PTR(-ENOMEM));
	vmm_free(test, phys);
#endif
}

/* vcm_vmm: highmem is not in the direct map, so one part is mapped too. */
static void vmm_highmem_test(struct kunit *test)
{
	struct vcm_phys *phys;
	struct vcm_res *res;
	struct page *page;
	void *addr;

	page = vmm_block(test, GFP_HIGHUSER, 1);
	if (!PageHighMem(page))
		kunit_skip(test, "no highmem");

	phys = vmm_new(test, 1, VCM_PHYS_PAGES);
	phys->parts[0].paddr = page_to_phys(page);
	phys->parts[0].len = 2 * PAGE_SIZE;
	vmm_finish(test, phys);
	res = vmm_map(test, phys);
	addr = vcm_cpu_addr(res);
	KUNIT_EXPECT_PTR_EQ(test, vmalloc_to_page(addr), page);
	KUNIT_EXPECT_PTR_EQ(test, vmalloc_to_page(addr + PAGE_SIZE), page + 1);
	vmm_write(addr + PAGE_SIZE, 0x77);
	KUNIT_EXPECT_EQ(test, vmm_page_read(page + 1), 0x77);
	vcm_unmap(res);
	vmm_free(test, phys);
}

static struct kunit_case vmm_cases[] = {
	KUNIT_CASE(vmm_no_pages_test),
	KUNIT_CASE(vmm_unaligned_test),
	KUNIT_CASE(vmm_scattered_test),
	KUNIT_CASE(vmm_random_test),
	KUNIT_CASE(vmm_large_test),
	KUNIT_CASE(vmm_phase_test),
	KUNIT_CASE(vmm_gigabyte_test),
	KUNIT_CASE(vmm_many_pages_test),
	KUNIT_CASE(vmm_too_large_test),
	KUNIT_CASE(vmm_highmem_test),
	{ }
};

static struct kunit_suite vmm_suite = {
	.name = "vcm_vmm",
	.init = vmm_init,
	.exit = vmm_exit,
	.test_cases = vmm_cases,
};

kunit_test_suite(vmm_suite);

MODULE_DESCRIPTION("KUnit tests for the kernel's address space as a context of Virtual Contiguous Memory");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_LICENSE("GPL");
