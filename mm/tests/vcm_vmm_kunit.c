// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for vcm_vmm, the kernel's own address space as a context of
 * Virtual Contiguous Memory.
 *
 * What a mapping shows is compared with the pages that it was made of, by
 * vmalloc_to_page() and by what can be read and written there.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/sort.h>
#include <linux/vcm-drv.h>
#include <linux/vmalloc.h>
#include <trace/events/kmem.h>

/* A block that can be mapped by one leaf, if the page allocator has such */
#define VMM_ORDER	min_t(unsigned int, PMD_SHIFT - PAGE_SHIFT, \
			      MAX_PAGE_ORDER)
#define VMM_SIZE	(PAGE_SIZE << VMM_ORDER)

/* 32-bit machines have a vmalloc space of 100 MiB or so */
#define LARGE_SIZE	((size_t)(BITS_PER_LONG == 64 ? SZ_1G : SZ_32M))
/* For UML, each page that lies apart is a mapping of its host */
#define MANY_PAGES	((BITS_PER_LONG == 64 && !IS_ENABLED(CONFIG_UML) ? \
			  SZ_256M : SZ_16M) >> PAGE_SHIFT)

/* What an order-9 allocation is far above, and bookkeeping far below */
#define SMALL_KMALLOC	SZ_64K

/**
 * struct vmm_state - what a test leaves to the end
 * @live: allocations that were not freed
 */
struct vmm_state {
	atomic_t live;
};

/**
 * struct vmm_kmalloc - watches what a task allocates
 * @task: the task
 * @most: the largest kmalloc() so far
 */
struct vmm_kmalloc {
	struct task_struct *task;
	size_t most;
};

/* Memory: blocks that belong to the test, in any order and any number */

static void vmm_phys_free(struct vcm_phys *phys)
{
	struct vmm_state *state = phys->priv;

	atomic_dec(&state->live);
}

static const struct vcm_phys_ops vmm_phys_ops = {
	.owner = THIS_MODULE,
	.free = vmm_phys_free,
};

static struct vcm_phys *vmm_new(struct kunit *test, unsigned int count,
				unsigned int flags)
{
	struct vmm_state *state = test->priv;
	struct vcm_phys *phys;

	phys = vcm_phys_new(count, flags, &vmm_phys_ops, state);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	atomic_inc(&state->live);
	return phys;
}

static void vmm_finish(struct kunit *test, struct vcm_phys *phys)
{
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
}

/* Gives up @phys, which nothing else may hold any more. */
static void vmm_free(struct kunit *test, struct vcm_phys *phys)
{
	struct vmm_state *state = test->priv;
	int live = atomic_read(&state->live);

	vcm_free(phys);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&state->live), live - 1,
			    "somebody still holds the memory");
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

/* A block that lives until the end of the test. */
static struct page *vmm_block(struct kunit *test, gfp_t gfp, unsigned int order)
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

/* Single pages in descending order, so that no two become one part. */
static struct vcm_phys *vmm_scattered(struct kunit *test, unsigned int nr,
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

/* Two blocks in turn: large, for next to no memory. */
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

static struct vcm_res *vmm_map(struct kunit *test, struct vcm_phys *phys)
{
	struct vcm_res *res = vcm_map(vcm_vmm, phys, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_PTR_EQ(test, res->vcm, &vcm_vmm[0]);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, phys);
	KUNIT_EXPECT_EQ(test, (u64)res->bound_size, (u64)phys->size);
	return res;
}

/* The n-th page of memory, found without the code under test. */
static struct page *vmm_nth(const struct vcm_phys *phys, unsigned long nth)
{
	const struct phys_vec *part = phys->parts;

	while (nth >= PHYS_PFN(part->len))
		nth -= PHYS_PFN(part++->len);
	return pfn_to_page(PHYS_PFN(part->paddr) + nth);
}

/* Size of the leaf that translates an address, 0 where that cannot be seen */
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

/* Expects leaves of a block where this machine can have them. */
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

static void vmm_write(void *addr, u64 value)
{
	WRITE_ONCE(*(u64 *)addr, value);
	flush_kernel_vmap_range(addr, sizeof(value));
}

static u64 vmm_read(void *addr)
{
	invalidate_kernel_vmap_range(addr, sizeof(u64));
	return READ_ONCE(*(u64 *)addr);
}

static void vmm_page_write(struct page *page, u64 value)
{
	u64 *addr = kmap_local_page(page);

	WRITE_ONCE(*addr, value);
	flush_dcache_page(page);
	kunmap_local(addr);
}

static u64 vmm_page_read(struct page *page)
{
	u64 *addr = kmap_local_page(page), value = READ_ONCE(*addr);

	kunmap_local(addr);
	return value;
}

/*
 * vcm_vmm: physically contiguous memory in the direct map is returned as it is,
 * without a new mapping
 */
static void vmm_direct_test(struct kunit *test)
{
	static const size_t sizes[] = { PAGE_SIZE, 3 * PAGE_SIZE, SZ_64K };
	struct vcm_phys *phys;
	struct vcm_res *res;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		phys = vcm_alloc(vcm_vmm, sizes[i], VCM_ALLOC_CONTIG);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
		KUNIT_ASSERT_EQ(test, phys->count, 1);
		res = vmm_map(test, phys);
		KUNIT_EXPECT_PTR_EQ(test, kasan_reset_tag(vcm_cpu_addr(res)),
				    kasan_reset_tag(page_address(vmm_nth(phys,
									 0))));
		KUNIT_EXPECT_FALSE(test, is_vmalloc_addr(vcm_cpu_addr(res)));
		KUNIT_EXPECT_EQ(test, vcm_leaves(res), 0);
		memset(vcm_cpu_addr(res), 0x5a, res->bound_size);
		vcm_unmap(res);
		vcm_free(phys);
	}
}

/* The same for RAM that somebody else allocated */
static void vmm_import_test(struct kunit *test)
{
	struct page *page = vmm_block(test, GFP_KERNEL, 2);
	struct vcm_phys *phys;
	struct vcm_res *res;

	phys = vcm_phys_import_range(page_to_phys(page), PAGE_SIZE << 2);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	if (!(phys->flags & VCM_PHYS_PAGES)) {
		vcm_free(phys);
		kunit_skip(test, "RAM is not in the resource tree");
	}
	res = vmm_map(test, phys);
	KUNIT_EXPECT_PTR_EQ(test, vcm_cpu_addr(res),
			    kasan_reset_tag(page_address(page)));
	vcm_unmap(res);
	vcm_free(phys);
}

/* vcm_bind: -EOPNOTSUPP for a CPU mapping of memory without pages */
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

/* vcm_bind: -EOPNOTSUPP for parts that are not aligned to the granule */
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
 * vcm_vmm: scattered memory is contiguous, and what is written in one view is
 * read in the other. Numbers of pages around those that are mapped at a time.
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

/* Any sequence of parts shows exactly the pages of the parts */
static void vmm_random_test(struct kunit *test)
{
	struct page *block[RANDOM_BLOCKS];
	u64 seed = get_random_u64();
	struct rnd_state rnd;
	unsigned long i, n;
	unsigned int round;

	kunit_info(test, "seed %llu\n", seed);
	prandom_seed_state(&rnd, seed);
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

/* vcm_vmm: huge mappings where parts allow */
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
 * Alignment: the address is such that the largest page fits, also when the
 * first part is not where that page is
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

/* Maps @phys and looks at what is allocated for it. */
static struct vcm_res *vmm_map_watched(struct kunit *test,
				       struct vcm_phys *phys)
{
	struct vmm_kmalloc *watch = kunit_kzalloc(test, sizeof(*watch),
						  GFP_KERNEL);
	struct vcm_res *res;

	KUNIT_ASSERT_NOT_NULL(test, watch);
	watch->task = current;
	if (register_trace_kmalloc(vmm_kmalloc_probe, watch)) {
		kunit_info(test, "no tracepoints: allocations are not seen");
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

/* Defect 16: a 1 GiB kernel mapping needs no order-9 allocation */
static void vmm_gigabyte_test(struct kunit *test)
{
	unsigned int nr = LARGE_SIZE / VMM_SIZE, i;
	struct page *block[2];
	struct vcm_phys *phys = vmm_repeated(test, VMM_ORDER, nr, block);
	struct vcm_res *res = vmm_map_watched(test, phys);
	void *addr = vcm_cpu_addr(res);

	KUNIT_EXPECT_EQ(test, (u64)res->bound_size, (u64)nr * VMM_SIZE);
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

/* Defect 16, with as many parts as such a mapping can have */
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

/* vcm_bind: -ENOMEM, and nothing changed, for more than there are addresses */
static void vmm_too_large_test(struct kunit *test)
{
	const size_t huge = (SIZE_MAX / 2) & PAGE_MASK;
	struct vcm_phys *phys = vmm_new(test, 2, VCM_PHYS_PAGES);

	/* It is refused before anybody looks for this memory */
	phys->parts[0].paddr = PAGE_SIZE;
	phys->parts[0].len = huge;
	phys->parts[1].paddr = 0;
	phys->parts[1].len = huge;
	vmm_finish(test, phys);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm_vmm, phys, 0), ERR_PTR(-ENOMEM));
	vmm_free(test, phys);

#ifndef MODULE
	/* All addresses there are: some are taken */
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

/* Same address twice: the same reservation with one more ownership */
static void vmm_twice_test(struct kunit *test)
{
	struct vcm_phys *phys;
	struct page **pages;
	struct vcm_res *res;
	void *addr;

	phys = vmm_scattered(test, 5, &pages);
	res = vcm_map(vcm_vmm, phys, VCM_RES_READ);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm_vmm, phys, VCM_RES_READ), res);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm_vmm, phys, 0),
			    ERR_PTR(-EADDRINUSE));
	addr = vcm_cpu_addr(res);

	vcm_unmap(res);
	KUNIT_EXPECT_PTR_EQ(test, vmalloc_to_page(addr), pages[0]);
	/* The kernel's mapping can always be written */
	vmm_write(addr + 4 * PAGE_SIZE, 0xabcd);
	KUNIT_EXPECT_EQ(test, vmm_page_read(pages[4]), 0xabcd);
	vcm_unmap(res);
	KUNIT_EXPECT_NULL(test, vmalloc_to_page(addr));
	vmm_free(test, phys);
}

/*
 * An unbound reservation may be bound again, to other memory too; vcm_vmm may
 * choose another address then
 */
static void vmm_rebind_test(struct kunit *test)
{
	struct vcm_phys *phys, *other, *direct, *large;
	struct page **pages, **other_pages, **large_pages;
	struct page *block = vmm_block(test, GFP_KERNEL, 0);
	struct vcm_res *res, *second;
	dma_addr_t start;

	phys = vmm_scattered(test, 3, &pages);
	other = vmm_scattered(test, 3, &other_pages);
	large = vmm_scattered(test, 4, &large_pages);
	direct = vmm_new(test, 1, VCM_PHYS_PAGES);
	direct->parts[0].paddr = page_to_phys(block);
	direct->parts[0].len = PAGE_SIZE;
	vmm_finish(test, direct);

	res = vmm_map(test, phys);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EALREADY);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, other), -EADDRINUSE);
	start = res->start;
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_TRUE(test, res->start == start);
	KUNIT_EXPECT_NULL(test, vmalloc_to_page((void *)(uintptr_t)start));

	KUNIT_EXPECT_EQ(test, vcm_bind(res, large), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, res->start == start);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, other), 0);
	KUNIT_EXPECT_PTR_EQ(test, vmalloc_to_page(vcm_cpu_addr(res)),
			    other_pages[0]);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), other);

	KUNIT_EXPECT_EQ(test, vcm_bind(res, direct), 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_cpu_addr(res),
			    kasan_reset_tag(page_address(block)));
	KUNIT_EXPECT_EQ(test, (u64)res->bound_size, PAGE_SIZE);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), direct);

	/* Nobody has the memory now, so it may be mapped anew */
	second = vmm_map(test, phys);
	KUNIT_EXPECT_PTR_NE(test, second, res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRINUSE);
	vcm_unmap(second);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_PTR_EQ(test,
			    vmalloc_to_page(vcm_cpu_addr(res) + PAGE_SIZE),
			    pages[1]);
	vcm_unmap(res);

	vmm_free(test, direct);
	vmm_free(test, large);
	vmm_free(test, other);
	vmm_free(test, phys);
}

/* Memory: zeroed. A binding that was made owns its memory */
static void vmm_make_binding_test(struct kunit *test)
{
	const size_t size = SZ_1M + PAGE_SIZE;
	struct vcm_res *res;

	res = vcm_make_binding(vcm_vmm, size - 1, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, (u64)res->bound_size, size);
	KUNIT_EXPECT_NULL(test, memchr_inv(vcm_cpu_addr(res), 0, size));
	memset(vcm_cpu_addr(res), 0x5a, size);
	vcm_destroy_binding(res);
}

/* vcm_vmm: reserve alone, a guard, and devices are -EOPNOTSUPP */
static void vmm_flags_test(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "vmm");
	struct vcm_phys *phys;
	struct page **pages;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	phys = vmm_scattered(test, 2, &pages);
	KUNIT_EXPECT_PTR_EQ(test, vcm_reserve(vcm_vmm, PAGE_SIZE, 0),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm_vmm, phys, VCM_RES_GUARD),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm_vmm, phys, VCM_RES_FLAGS + 1),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm_vmm, dev), -EOPNOTSUPP);
	vmm_free(test, phys);
}

/*
 * vcm_vmm is always active, activation only counts. vcm_destroy(vcm_vmm) warns
 * and does nothing
 */
static void vmm_always_test(struct kunit *test)
{
	struct vcm_phys *phys;
	struct page **pages;
	struct vcm_res *res;

	phys = vmm_scattered(test, 2, &pages);
	res = vmm_map(test, phys);
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm_vmm), 0);
	vcm_deactivate(vcm_vmm);
	KUNIT_EXPECT_PTR_EQ(test, vmalloc_to_page(vcm_cpu_addr(res)), pages[0]);

	kunit_warning_suppress(test) {
		vcm_destroy(vcm_vmm);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_PTR_EQ(test, vmalloc_to_page(vcm_cpu_addr(res)), pages[0]);
	vcm_unmap(res);

	res = vmm_map(test, phys);
	KUNIT_EXPECT_PTR_EQ(test, vmalloc_to_page(vcm_cpu_addr(res)), pages[0]);
	vcm_unmap(res);
	vmm_free(test, phys);
}

/* vcm_vmm: highmem is not in the direct map, one part or not */
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

#define RACE_THREADS	4
#define RACE_ROUNDS	150

/**
 * struct vmm_racer - one of several threads
 * @shared: memory that all of them map
 * @own: memory that this one maps
 * @failures: what went wrong
 * @done: the thread has ended
 */
struct vmm_racer {
	struct vcm_phys *shared;
	struct vcm_phys *own;
	unsigned int failures;
	struct completion done;
};

static bool vmm_race_round(struct vcm_phys *phys)
{
	struct vcm_res *res = vcm_map(vcm_vmm, phys, 0);
	bool ok;

	if (IS_ERR(res))
		return false;
	ok = res->phys == phys &&
	     vmalloc_to_page(vcm_cpu_addr(res) + PAGE_SIZE) == vmm_nth(phys, 1);
	vcm_unmap(res);
	return ok;
}

static int vmm_race(void *data)
{
	struct vmm_racer *racer = data;
	unsigned int i;

	for (i = 0; i < RACE_ROUNDS; i++) {
		racer->failures += !vmm_race_round(racer->shared);
		racer->failures += !vmm_race_round(racer->own);
	}
	complete(&racer->done);
	return 0;
}

/*
 * Same address twice: a call that meets a bind or teardown under way shares its
 * outcome or maps anew. Addresses that one thread gives back another may get
 */
static void vmm_race_test(struct kunit *test)
{
	struct vmm_racer *racer;
	struct vcm_phys *shared;
	struct page **pages;
	unsigned int i;

	racer = kunit_kcalloc(test, RACE_THREADS, sizeof(*racer), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, racer);
	shared = vmm_scattered(test, 2, &pages);
	for (i = 0; i < RACE_THREADS; i++) {
		racer[i].shared = shared;
		racer[i].own = vmm_scattered(test, 2, &pages);
		init_completion(&racer[i].done);
	}
	for (i = 0; i < RACE_THREADS; i++) {
		if (IS_ERR(kthread_run(vmm_race, &racer[i], "vmm-race/%u", i)))
			complete(&racer[i].done);
	}
	for (i = 0; i < RACE_THREADS; i++)
		wait_for_completion(&racer[i].done);

	for (i = 0; i < RACE_THREADS; i++) {
		KUNIT_EXPECT_EQ(test, racer[i].failures, 0);
		vmm_free(test, racer[i].own);
	}
	vmm_free(test, shared);
}

static int vmm_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct vmm_state), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

/* Nothing is left behind */
static void vmm_exit(struct kunit *test)
{
	struct vmm_state *state = test->priv;

	if (state)
		KUNIT_EXPECT_EQ(test, atomic_read(&state->live), 0);
}

static struct kunit_case vmm_cases[] = {
	KUNIT_CASE(vmm_direct_test),
	KUNIT_CASE(vmm_import_test),
	KUNIT_CASE(vmm_no_pages_test),
	KUNIT_CASE(vmm_unaligned_test),
	KUNIT_CASE(vmm_scattered_test),
	KUNIT_CASE(vmm_random_test),
	KUNIT_CASE(vmm_large_test),
	KUNIT_CASE(vmm_phase_test),
	KUNIT_CASE(vmm_gigabyte_test),
	KUNIT_CASE(vmm_many_pages_test),
	KUNIT_CASE(vmm_too_large_test),
	KUNIT_CASE(vmm_twice_test),
	KUNIT_CASE(vmm_rebind_test),
	KUNIT_CASE(vmm_make_binding_test),
	KUNIT_CASE(vmm_flags_test),
	KUNIT_CASE(vmm_always_test),
	KUNIT_CASE(vmm_highmem_test),
	KUNIT_CASE(vmm_race_test),
	{ }
};

static struct kunit_suite vmm_suite = {
	.name = "vcm_vmm",
	.init = vmm_init,
	.exit = vmm_exit,
	.test_cases = vmm_cases,
};

kunit_test_suite(vmm_suite);

MODULE_DESCRIPTION("KUnit tests for the kernel's address space as a VCM context");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_LICENSE("GPL");
