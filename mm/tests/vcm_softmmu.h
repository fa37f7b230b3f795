/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A software MMU for the tests of Virtual Contiguous Memory.
 */
#ifndef _MM_TESTS_VCM_SOFTMMU_H
#define _MM_TESTS_VCM_SOFTMMU_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/vcm-drv.h>

/**
 * struct softmmu_cfg - what a software MMU is like
 * @start: lowest address that it translates
 * @last: highest address that it translates, inclusive
 * @pgsize_bitmap: sizes of its leaves
 * @burst: most leaves that it writes in one call, as page-table formats do at
 *	the end of a table; 0 for no limit
 * @no_hooks: it is always on: neither start nor stop
 */
struct softmmu_cfg {
	dma_addr_t start;
	dma_addr_t last;
	unsigned long pgsize_bitmap;
	unsigned int burst;
	bool no_hooks;
};

/**
 * struct softmmu_stats - what has happened to a software MMU
 * @maps: calls of map_pages
 * @unmaps: calls of unmap_pages
 * @syncs: calls of tlb_sync
 * @starts: successful calls of start
 * @stops: calls of stop
 * @present: leaves in the page table
 * @stale: translations that are no longer in the page table, but that a master
 *	may still use
 * @complaints: violations of the contract of struct vcm_mmu_driver
 */
struct softmmu_stats {
	unsigned long maps;
	unsigned long unmaps;
	unsigned long syncs;
	unsigned long starts;
	unsigned long stops;
	unsigned long present;
	unsigned long stale;
	unsigned long complaints;
};

/**
 * struct softmmu - a context behind a software MMU
 * @mmu: the context; the first member
 * @stats: what has happened so far
 * @expect_complaints: count violations only, do not fail the test for them
 * @alloc_error: errno that the next calls of alloc answer, 0 for none
 * @sync_error: errno of tlb_sync, which does nothing then; 0 for none
 * @alloc_hook: sees all memory that alloc hands out
 * @at_gate: completed whenever start or stop has been entered, optional
 * @gate: what they wait for then
 * @released: counts the releases of such contexts, optional
 */
struct softmmu {
	struct vcm_mmu mmu;
	struct softmmu_stats stats;
	bool expect_complaints;
	int alloc_error;
	int sync_error;
	void (*alloc_hook)(struct kunit *test, struct vcm_phys *phys);
	struct completion *at_gate;
	struct completion *gate;
	unsigned int *released;

	/* private: */
	struct kunit *test;
	struct softmmu_cfg cfg;
	struct mutex lock;	/* @stats and all that follows */
	struct rb_root leaves;
	bool started;
	bool busy;
	int map_error;
	unsigned long map_countdown;
	int start_error;
	unsigned long start_countdown;
};

struct softmmu *softmmu_create(struct kunit *test,
			       const struct softmmu_cfg *cfg);
struct softmmu *softmmu_from(struct vcm *vcm);
int softmmu_translate(struct vcm *vcm, dma_addr_t addr, unsigned int access,
		      phys_addr_t *paddr);
int softmmu_access(struct vcm *vcm, dma_addr_t addr, void *buf, size_t len,
		   bool write);
void softmmu_fail_map(struct vcm *vcm, unsigned long leaves, int error);
void softmmu_fail_start(struct vcm *vcm, unsigned long starts, int error);

#endif /* _MM_TESTS_VCM_SOFTMMU_H */
