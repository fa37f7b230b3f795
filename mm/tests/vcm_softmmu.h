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
 * struct softmmu_cfg - properties of a software MMU
 * @start: lowest address that it translates
 * @last: highest address that it translates, inclusive
 * @pgsize_bitmap: sizes of its leaves
 * @burst: maximum number of leaves written in one call, as at the end of a
 *	table of real formats; 0: no limit
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
 * struct softmmu_stats - counters of a software MMU
 * @maps: calls of map_pages
 * @unmaps: calls of unmap_pages
 * @syncs: calls of tlb_sync
 * @starts: successful calls of start
 * @stops: calls of stop
 * @destroys: calls of destroy
 * @present: leaves in the page table
 * @stale: translations that were cleared in the page table, but that a device
 *	may still use
 * @complaints: violations of the contract of struct vcm_mmu_driver
 */
struct softmmu_stats {
	unsigned long maps;
	unsigned long unmaps;
	unsigned long syncs;
	unsigned long starts;
	unsigned long stops;
	unsigned long destroys;
	unsigned long present;
	unsigned long stale;
	unsigned long complaints;
};

/**
 * struct softmmu - a context behind a software MMU
 * @mmu: the context; the first member
 * @stats: counters
 * @expect_complaints: count violations, do not fail the test for them
 * @alloc_error: errno of alloc; 0: none
 * @sync_error: errno of tlb_sync, which does nothing then; 0: none
 * @off: the hardware has lost power: no device reaches anything
 * @gfp: flags given to the last call of map_pages
 * @alloc_hook: called with all memory that alloc returns
 * @at_gate: completed when start or stop is entered, optional
 * @gate: start and stop wait for it then
 * @released: counts the releases of such contexts, optional
 */
struct softmmu {
	struct vcm_mmu mmu;
	struct softmmu_stats stats;
	bool expect_complaints;
	int alloc_error;
	int sync_error;
	bool off;
	gfp_t gfp;
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
