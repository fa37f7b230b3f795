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

/* Expect that @call warns @nr times */
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
 * struct td_cfg - description of a context
 * @start: lowest address
 * @last: highest address, inclusive
 * @pgsize_bitmap: page sizes, bytes
 * @fixed: addresses follow the memory
 * @bare: the driver has the required operations only
 * @many: the driver has unmap_many too
 * @pages: the driver has no alloc: the page allocator serves
 * @suits: the driver has suits: one part that all devices reach
 */
struct td_cfg {
	dma_addr_t start;
	dma_addr_t last;
	unsigned long pgsize_bitmap;
	bool fixed;
	bool bare;
	bool many;
	bool pages;
	bool suits;
};

/**
 * struct td_limit - description of a device
 * @dev: the device
 * @granule: its smallest page, bytes; 0: any
 * @unsnooped: it does not snoop
 * @nr: number of ranges
 * @range: ranges that it cannot use
 */
struct td_limit {
	struct device *dev;
	unsigned long granule;
	bool unsnooped;
	unsigned int nr;
	struct vcm_range range[TD_RANGES];
};

/**
 * struct td_gate - a place where an operation of the driver stops
 * @entered: an operation has stopped there
 * @open: it may continue
 * @node: for td_end()
 */
struct td_gate {
	struct completion entered;
	struct completion open;
	struct list_head node;
};

/**
 * struct td_ctx - the test's side of a context, which may outlive the context
 * @td: the test
 * @cfg: its description
 * @vcm: the context; NULL after its release
 * @map_gate: the next map stops there
 * @unmap_gate: the next unmap stops there
 * @alloc_gate: the next alloc stops there
 * @suits_gate: the next suits stops there
 * @map_error: errno of the map that @map_countdown counts down to
 * @map_countdown: 0: no map fails; 1: the next one does
 * @map_fails_on: that map and all after it fail
 * @map_sticks: the hardware does not unmap what the next failing map has mapped
 * @unmap_sticks: the hardware does not unmap at the next unmap
 * @alloc_error: errno of alloc
 * @alloc_at: physical address of what alloc returns; 0: any
 * @alloc_params: parameters of the last alloc
 * @limits_never: attach does not call vcm_attach_limits(), which is a mistake
 * @limits_twice: attach calls vcm_attach_limits() before it names ranges, too
 * @limits_error: errno of attach before vcm_attach_limits()
 * @attach_error: errno of attach after vcm_attach_limits()
 * @unreachable: destroy says that the hardware reaches no memory any more
 * @limit: descriptions of devices
 * @maps: successful calls of map
 * @unmaps: calls of unmap, those by unmap_many included
 * @batches: calls of unmap_many
 * @allocs: successful calls of alloc
 * @stuck: bindings that the hardware did not unmap
 * @attaches: successful calls of attach
 * @detaches: calls of detach
 * @devices_at_unmap: devices that were attached at the last unmap
 * @destroys: calls of destroy
 * @released: calls of release
 */
struct td_ctx {
	struct td *td;
	const struct td_cfg *cfg;
	struct vcm *vcm;
	struct td_gate *map_gate;
	struct td_gate *unmap_gate;
	struct td_gate *alloc_gate;
	struct td_gate *suits_gate;
	int map_error;
	atomic_t map_countdown;
	bool map_fails_on;
	bool map_sticks;
	bool unmap_sticks;
	int alloc_error;
	phys_addr_t alloc_at;
	struct vcm_phys_params alloc_params;
	bool limits_never;
	bool limits_twice;
	int limits_error;
	int attach_error;
	bool unreachable;
	struct td_limit limit[TD_LIMITS];
	atomic_t maps;
	atomic_t unmaps;
	atomic_t batches;
	atomic_t allocs;
	unsigned int stuck;
	atomic_t attaches;
	atomic_t detaches;
	int devices_at_unmap;
	atomic_t destroys;
	atomic_t released;

	/* private: bindings that are on the "hardware" */
	struct mutex lock;
	struct list_head entries;
	/* private: operations under way */
	atomic_t running;
};

/**
 * struct td_worker - a thread
 * @ret: return value of its function
 * @warnings: number of warnings in it, which are not printed
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
 * struct td - a running test case
 * @test: the case
 * @ctx: its contexts
 * @nr_ctx: number of @ctx
 * @allocated: allocations that alloc and td_phys() made
 * @freed: those of them that were freed
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
	unsigned int stuck;
	struct list_head gates;
	struct list_head workers;
};

int td_begin(struct kunit *test);
void td_end(struct kunit *test);

/* Contexts: vcm_testdrv.c */

struct td_ctx *td_create(struct td *td, const struct td_cfg *cfg);
bool td_holds(struct td_ctx *ctx, struct vcm_res *res, struct vcm_phys *phys);
unsigned int td_entries(struct td_ctx *ctx);
struct td_limit *td_limit(struct td_ctx *ctx, struct device *dev);
void td_block(struct td_limit *limit, dma_addr_t start, dma_addr_t last);
void td_renew(struct td *td);

struct vcm_phys *td_phys(struct td *td, phys_addr_t paddr, size_t len);
struct vcm_phys *td_phys_any(struct td *td, size_t len);

/* Check the parts of an allocation of @size bytes. */
static inline void td_phys_check(struct kunit *test,
				 const struct vcm_phys *phys,
				 resource_size_t size)
{
	resource_size_t sum = 0;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, phys->size, size);
	KUNIT_EXPECT_GT(test, phys->count, 0);
	for (i = 0; i < phys->count; i++) {
		KUNIT_EXPECT_GT(test, phys->parts[i].len, 0);
		sum += phys->parts[i].len;
	}
	KUNIT_EXPECT_EQ(test, sum, size);
}

/* Threads: vcm_testthread.c */

struct td_gate *td_gate(struct td *td);
void td_gate_pass(struct td_gate **where);
void td_gate_wait(struct td_gate *gate, struct td_worker *worker);
void td_gate_open(struct td_gate *gate);

struct td_worker *td_start(struct td *td, long (*fn)(void *arg), void *arg);
bool td_blocked(struct td_worker *worker);
long td_join(struct td_worker *worker);
void td_run(struct td *td, unsigned int nr, long (*fn)(void *arg),
	    void *const args[], struct td_worker *workers[]);
void td_threads_end(struct td *td);

#endif /* _MM_TESTS_VCM_TESTDRV_H */
