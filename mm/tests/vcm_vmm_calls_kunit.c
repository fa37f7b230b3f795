// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for the calls of Virtual Contiguous Memory with vcm_vmm, the
 * kernel's own address space as a context: memory of the direct map, callers of
 * their own, and rebinding.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/vcm-drv.h>
#include <linux/vmalloc.h>

#include "vcm_leaves.h"
#include "vcm_ram.h"
#include "vcm_vmm_memory.h"

/*
 * vcm_vmm: contiguous cached memory of the direct map is returned as it is,
 * without a new mapping.
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
		memset(vcm_cpu_addr(res), 0x5a, res->res_size);
		vcm_unmap(res);
		vcm_free(phys);
	}
}

/* vcm_vmm: 64 MiB of contiguous memory are the direct map too. */
static void vmm_direct_large_test(struct kunit *test)
{
	struct vcm_phys *phys;
	struct vcm_res *res;

	phys = vcm_alloc(vcm_vmm, SZ_64M, VCM_ALLOC_CONTIG | VCM_ALLOC_NOZERO |
			 VCM_ALLOC_NOWARN);
	if (phys == ERR_PTR(-ENOMEM))
		kunit_skip(test, "no 64 MiB of contiguous memory");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = vmm_map(test, phys);
	KUNIT_EXPECT_PTR_EQ(test, vcm_cpu_addr(res),
			    phys_to_virt(phys->parts[0].paddr));
	KUNIT_EXPECT_FALSE(test, is_vmalloc_addr(vcm_cpu_addr(res)));
	vmm_write(vcm_cpu_addr(res) + SZ_64M - 8, 0x1234);
	KUNIT_EXPECT_EQ(test, vmm_page_read(vmm_nth(phys, 0)),
			vmm_read(vcm_cpu_addr(res)));
	vcm_unmap(res);
	vcm_free(phys);
}

static void vmm_release(void *released)
{
	++*(unsigned int *)released;
}

/* vcm_vmm: the same for contiguous RAM that was imported. */
static void vmm_import_test(struct kunit *test)
{
	struct page *page = vmm_block(test, GFP_KERNEL, 2);
	unsigned int released = 0;
	struct vcm_phys *phys;
	struct vcm_res *res;

	vcm_ram_enter(test);
	phys = vcm_phys_import_range(page_to_phys(page), PAGE_SIZE << 2, 0,
				     vmm_release, &released);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = vmm_map(test, phys);
	KUNIT_EXPECT_PTR_EQ(test, vcm_cpu_addr(res),
			    kasan_reset_tag(page_address(page)));
	vcm_unmap(res);
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, released, 1);
}

/*
 * VCM_IMPORT_WC: -EOPNOTSUPP for memory that is mapped write-combined, in one
 * part and in several: vcm_vmm would be a cached alias of it.
 */
static void vmm_write_combined_test(struct kunit *test)
{
	struct page *block = vmm_block(test, GFP_KERNEL, 2);
	struct page *pages[3] = { block, block + 1, block + 3 };
	unsigned int nr, released = 0;
	struct vcm_phys *phys;
	struct vcm_res *res;

	vcm_ram_enter(test);
	for (nr = 2; nr <= 3; nr++) {
		phys = vcm_phys_import_pages(pages, nr, VCM_IMPORT_WC,
					     vmm_release, &released);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
		KUNIT_EXPECT_EQ(test, phys->count, nr - 1);
		KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm_vmm, phys, 0),
				    ERR_PTR(-EOPNOTSUPP));
		vcm_free(phys);
		KUNIT_EXPECT_EQ(test, released, 1);
		released = 0;

		phys = vcm_phys_import_pages(pages, nr, 0, vmm_release,
					     &released);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
		res = vmm_map(test, phys);
		vcm_unmap(res);
		vcm_free(phys);
		KUNIT_EXPECT_EQ(test, released, 1);
		released = 0;
	}
}

/*
 * A mapping belongs to the caller that made it: scattered memory that is mapped
 * twice has two addresses, and each mapping lasts until its own unmap.
 */
static void vmm_twice_test(struct kunit *test)
{
	struct vcm_res *res, *other;
	struct vcm_phys *phys;
	struct page **pages;
	void *addr;

	phys = vmm_scattered(test, 5, &pages);
	res = vcm_map(vcm_vmm, phys, VCM_RES_READ);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	other = vcm_map(vcm_vmm, phys, VCM_RES_READ);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	KUNIT_EXPECT_PTR_NE(test, res, other);
	KUNIT_EXPECT_PTR_NE(test, vcm_cpu_addr(res), vcm_cpu_addr(other));

	addr = vcm_cpu_addr(other);
	vcm_unmap(other);
	KUNIT_EXPECT_NULL(test, vmalloc_to_page(addr));
	addr = vcm_cpu_addr(res);
	KUNIT_EXPECT_PTR_EQ(test, vmalloc_to_page(addr), pages[0]);
	/* The CPU can always write */
	vmm_write(addr + 4 * PAGE_SIZE, 0xabcd);
	KUNIT_EXPECT_EQ(test, vmm_page_read(pages[4]), 0xabcd);
	vcm_unmap(res);
	KUNIT_EXPECT_NULL(test, vmalloc_to_page(addr));
	vmm_free(test, phys);
}

/*
 * A mapping belongs to the caller that made it: contiguous memory that is mapped
 * twice has one address and two reservations.
 */
static void vmm_direct_twice_test(struct kunit *test)
{
	struct vcm_res *res, *other, *found;
	struct vcm_phys *phys;

	phys = vcm_alloc(vcm_vmm, 2 * PAGE_SIZE, VCM_ALLOC_CONTIG);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = vmm_map(test, phys);
	other = vmm_map(test, phys);
	KUNIT_EXPECT_PTR_NE(test, res, other);
	KUNIT_EXPECT_PTR_EQ(test, vcm_cpu_addr(res), vcm_cpu_addr(other));

	vcm_unmap(res);
	KUNIT_EXPECT_PTR_EQ(test, other->phys, phys);
	found = vcm_lookup(vcm_vmm, other->start + PAGE_SIZE);
	KUNIT_EXPECT_PTR_EQ(test, found, other);
	vcm_res_put(found);
	vcm_unmap(other);
	vcm_free(phys);
}

/*
 * vcm_bind: a reservation of contiguous memory keeps its address, so the same
 * memory can be bound again. Other memory and scattered memory are -EOPNOTSUPP,
 * larger memory is -ENOSPC, and nothing changes.
 */
static void vmm_rebind_direct_test(struct kunit *test)
{
	struct page *block = vmm_block(test, GFP_KERNEL, 2);
	struct vcm_phys *phys[3], *scattered;
	struct page **pages;
	struct vcm_res *res;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		phys[i] = vmm_new(test, 1, VCM_PHYS_PAGES);
		phys[i]->parts[0].paddr = page_to_phys(block + i);
		phys[i]->parts[0].len = PAGE_SIZE;
	}
	phys[2]->parts[0].paddr = page_to_phys(block);
	phys[2]->parts[0].len = 2 * PAGE_SIZE;
	for (i = 0; i < 3; i++)
		vmm_finish(test, phys[i]);
	scattered = vmm_scattered(test, 2, &pages);

	res = vmm_map(test, phys[0]);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys[0]), -EALREADY);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys[1]), -EADDRINUSE);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys[1]), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys[2]), -ENOSPC);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, scattered), -ENOSPC);
	KUNIT_EXPECT_NULL(test, res->phys);
	KUNIT_EXPECT_PTR_EQ(test, vcm_cpu_addr(res),
			    kasan_reset_tag(page_address(block)));
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys[0]), 0);
	vcm_unmap(res);

	/* Smaller memory at the same address fits, scattered memory does not */
	res = vmm_map(test, phys[2]);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, scattered), -EOPNOTSUPP);
	KUNIT_EXPECT_NULL(test, res->phys);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys[0]), 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_cpu_addr(res),
			    kasan_reset_tag(page_address(block)));
	vcm_unmap(res);

	vmm_free(test, scattered);
	for (i = 0; i < 3; i++)
		vmm_free(test, phys[i]);
}

/*
 * vcm_bind: an unbound reservation of scattered memory cannot be bound again: no
 * mapping would get the same address. -EOPNOTSUPP, and nothing changes.
 */
static void vmm_rebind_scattered_test(struct kunit *test)
{
	struct vcm_phys *phys, *other, *direct, *large;
	struct page **pages;
	struct vcm_res *res;
	dma_addr_t start;

	phys = vmm_scattered(test, 3, &pages);
	other = vmm_scattered(test, 3, &pages);
	large = vmm_scattered(test, 4, &pages);
	direct = vmm_new(test, 1, VCM_PHYS_PAGES);
	direct->parts[0].paddr = page_to_phys(vmm_block(test, GFP_KERNEL, 0));
	direct->parts[0].len = PAGE_SIZE;
	vmm_finish(test, direct);

	res = vmm_map(test, phys);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EALREADY);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, other), -EADDRINUSE);
	start = res->start;
	vcm_unbind(res);
	KUNIT_EXPECT_NULL(test, vmalloc_to_page((void *)(uintptr_t)start));

	KUNIT_EXPECT_EQ(test, vcm_bind(res, large), -ENOSPC);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, other), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, direct), -EOPNOTSUPP);
	KUNIT_EXPECT_NULL(test, res->phys);
	KUNIT_EXPECT_TRUE(test, res->start == start);
	KUNIT_EXPECT_NULL(test, vmalloc_to_page((void *)(uintptr_t)start));
	vcm_unmap(res);

	vmm_free(test, direct);
	vmm_free(test, large);
	vmm_free(test, other);
	vmm_free(test, phys);
}

/* vcm_make_binding: the memory is zeroed and goes with its binding. */
static void vmm_make_binding_test(struct kunit *test)
{
	const size_t size = SZ_1M + PAGE_SIZE;
	struct vcm_res *res;

	res = vcm_make_binding(vcm_vmm, size - 1, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, (u64)res->phys->size, size);
	KUNIT_EXPECT_NULL(test, memchr_inv(vcm_cpu_addr(res), 0, size));
	memset(vcm_cpu_addr(res), 0x5a, size);
	vcm_destroy_binding(res);
}

/* vcm_vmm: vcm_reserve(), a guard and devices are -EOPNOTSUPP. */
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
 * vcm_vmm: vcm_activate() only counts, since the context is always active.
 * vcm_destroy() warns and does nothing.
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

#define RACE_THREADS	4
#define RACE_ROUNDS	150

/**
 * struct vmm_racer - one of several threads
 * @shared: memory that all of them map
 * @own: memory that this thread maps
 * @failures: number of rounds that failed
 * @done: completed at the end of the thread
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
 * A mapping belongs to the caller that made it: threads map and unmap the same
 * memory, and each finds its own mapping complete. They also map other memory, at
 * addresses that another thread has just released.
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

static struct kunit_case vmm_calls_cases[] = {
	KUNIT_CASE(vmm_direct_test),
	KUNIT_CASE(vmm_direct_large_test),
	KUNIT_CASE(vmm_import_test),
	KUNIT_CASE(vmm_write_combined_test),
	KUNIT_CASE(vmm_twice_test),
	KUNIT_CASE(vmm_direct_twice_test),
	KUNIT_CASE(vmm_rebind_direct_test),
	KUNIT_CASE(vmm_rebind_scattered_test),
	KUNIT_CASE(vmm_make_binding_test),
	KUNIT_CASE(vmm_flags_test),
	KUNIT_CASE(vmm_always_test),
	KUNIT_CASE(vmm_race_test),
	{ }
};

static struct kunit_suite vmm_calls_suite = {
	.name = "vcm_vmm_calls",
	.init = vmm_init,
	.exit = vmm_exit,
	.test_cases = vmm_calls_cases,
};

kunit_test_suite(vmm_calls_suite);
