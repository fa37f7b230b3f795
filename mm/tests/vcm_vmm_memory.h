/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory for the tests of vcm_vmm, the kernel's own address space as a context of
 * Virtual Contiguous Memory.
 */
#ifndef _MM_TESTS_VCM_VMM_MEMORY_H
#define _MM_TESTS_VCM_VMM_MEMORY_H

#include <kunit/test.h>
#include <linux/vcm-drv.h>

/**
 * struct vmm_state - state of a test case
 * @live: number of allocations that were not freed
 */
struct vmm_state {
	atomic_t live;
};

struct vcm_phys *vmm_new(struct kunit *test, unsigned int count,
			 unsigned int flags);
void vmm_finish(struct kunit *test, struct vcm_phys *phys);
void vmm_free(struct kunit *test, struct vcm_phys *phys);
struct page *vmm_block(struct kunit *test, gfp_t gfp, unsigned int order);
struct vcm_phys *vmm_scattered(struct kunit *test, unsigned int nr,
			       struct page ***pages);
struct page *vmm_nth(const struct vcm_phys *phys, unsigned long nth);

struct vcm_res *vmm_map(struct kunit *test, struct vcm_phys *phys);
void vmm_write(void *addr, u64 value);
u64 vmm_read(void *addr);
void vmm_page_write(struct page *page, u64 value);
u64 vmm_page_read(struct page *page);

int vmm_init(struct kunit *test);
void vmm_exit(struct kunit *test);

#endif /* _MM_TESTS_VCM_VMM_MEMORY_H */
