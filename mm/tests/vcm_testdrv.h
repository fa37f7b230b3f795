/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A provider of contexts and threads, for the tests of the core of Virtual
 * Contiguous Memory.
 */
#ifndef _MM_TESTS_VCM_TESTDRV_H
#define _MM_TESTS_VCM_TESTDRV_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/vcm-drv.h>

#define TD_CONTEXTS	4
#define TD_LIMITS	4
#define TD_RANGES	4

#define expect_errno(test, ptr, err) \
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(ptr), err)

/* @call warns @nr times, no more and no less */
#define expect_warnings(test, nr, call)					\
do {									\
	struct kunit *__test = (test);					\
									\
	kunit_warning_suppress(__test) {				\
		call;							\
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(__test, nr);	\
	}								\
} while (0)

/**
 * struct td_cfg - what a context is like
 * @start: lowest address
 * @last: highest address, inclusive
 * @pgsize_bitmap: its page sizes
 * @fixed: addresses follow the memory
 * @moves: and a reservation may be bound elsewhere the next time
 * @bare: the driver has nothing but the necessary operations
 * @many: the driver has unmap_many too
 * @pages: it has no memory of its own, the page allocator serves
 * @suits: it says which memory it can bind: one part that all devices reach
 */
struct td_cfg {
	dma_addr_t start;
	dma_addr_t last;
	unsigned long pgsize_bitmap;
	bool fixed;
	bool moves;
	bool bare;
	bool many;
	bool pages;
	bool suits;
};

/**
 * struct td_limit - what a device is like
 * @dev: the device
 * @granule: its smallest page, 0 for any
 * @unsnooped: it does not snoop
 * @nr: number of ranges
 * @range: the ranges
 */
struct td_limit {
	struct device *dev;
	unsigned long granule;
	bool unsnooped;
	unsigned int nr;
	struct vcm_range range[TD_RANGES];
};

/**
 * struct td_gate - where an operation of the driver stops
 * @entered: it is there
 * @open: it may go on
 * @node: for td_end()
 */
struct td_gate {
	struct completion entered;
	struct completion open;
	struct list_head node;
};

/**
 * struct td_ctx - a context, as the test sees it. It outlives the context
 * @td: the test
 * @cfg: what it is like
 * @vcm: the context; NULL after its release
 * @map_gate: the next map that finds it stops there
 * @unmap_gate: the next unmap that finds it stops there
 * @map_error: errno of the map that @map_countdown counts down to
 * @map_countdown: 0: no map fails; 1: the next one does
 * @map_fails_on: that one and all after it
 * @map_sticks: the next map that fails leaves it on the hardware
 * @unmap_sticks: the next unmap does so
 * @alloc_error: errno of alloc
 * @alloc_at: where alloc has its memory, 0 for anywhere
 * @alloc_params: what the last alloc was to look for
 * @limits_error: errno of limits, after it has blocked the ranges
 * @attach_error: errno of attach
 * @limit: what devices cannot use
 * @maps: successful calls of map
 * @unmaps: calls of unmap
 * @batches: calls of unmap_many
 * @allocs: successful calls of alloc
 * @stuck: bindings that the hardware did not let go of
 * @admits: successful calls of limits
 * @forgets: calls of forget
 * @attaches: successful calls of attach
 * @detaches: calls of detach
 * @released: calls of release
 */
struct td_ctx {
	struct td *td;
	const struct td_cfg *cfg;
	struct vcm *vcm;
	struct td_gate *map_gate;
	struct td_gate *unmap_gate;
	int map_error;
	atomic_t map_countdown;
	bool map_fails_on;
	bool map_sticks;
	bool unmap_sticks;
	int alloc_error;
	phys_addr_t alloc_at;
	struct vcm_phys_params alloc_params;
	int limits_error;
	int attach_error;
	struct td_limit limit[TD_LIMITS];
	atomic_t maps;
	atomic_t unmaps;
	atomic_t batches;
	atomic_t allocs;
	unsigned int stuck;
	atomic_t admits;
	atomic_t forgets;
	atomic_t attaches;
	atomic_t detaches;
	atomic_t released;

	/* private: what is on the "hardware" */
	struct mutex lock;
	struct list_head entries;
};

/**
 * struct td_worker - a thread
 * @ret: what its function returned
 * @warnings: how often it met WARN(); none is printed
 */
struct td_worker {
	long ret;
	int warnings;

	/* private: */
	struct td *td;
	long (*fn)(void *arg);
	void *arg;
	struct task_struct *task;
	struct completion started;
	struct completion done;
	struct completion *go;
	bool joined;
	struct list_head node;
};

/**
 * struct td - a test case under way
 * @test: the case
 * @ctx: its contexts, as many as td_create() made
 * @nr_ctx: number of @ctx
 * @allocated: allocations made by alloc or td_phys()
 * @freed: and taken back
 * @complaints: violations of the contract of struct vcm_driver
 */
struct td {
	struct kunit *test;
	struct td_ctx ctx[TD_CONTEXTS];
	unsigned int nr_ctx;
	atomic_t allocated;
	atomic_t freed;
	atomic_t complaints;

	/* private: */
	atomic64_t next_paddr;
	struct list_head gates;
	struct list_head workers;
};

int td_begin(struct kunit *test);
void td_end(struct kunit *test);

struct td_ctx *td_create(struct td *td, const struct td_cfg *cfg);
bool td_holds(struct td_ctx *ctx, struct vcm_res *res, struct vcm_phys *phys);
unsigned int td_entries(struct td_ctx *ctx);
struct td_limit *td_limit(struct td_ctx *ctx, struct device *dev);
void td_block(struct td_limit *limit, dma_addr_t start, dma_addr_t last);

struct vcm_phys *td_phys(struct td *td, phys_addr_t paddr, size_t len);
struct vcm_phys *td_phys_any(struct td *td, size_t len);

struct td_gate *td_gate(struct td *td);
void td_gate_wait(struct td_gate *gate, struct td_worker *worker);
void td_gate_open(struct td_gate *gate);

struct td_worker *td_start(struct td *td, long (*fn)(void *arg), void *arg);
bool td_blocked(struct td_worker *worker);
long td_join(struct td_worker *worker);
void td_run(struct td *td, unsigned int nr, long (*fn)(void *arg),
	    void *const args[], struct td_worker *workers[]);

#endif /* _MM_TESTS_VCM_TESTDRV_H */
