// SPDX-License-Identifier: GPL-2.0-only
/*
 * Benchmark: reserving and releasing device addresses, beside the allocators
 * that drivers use for it.
 *
 * Each of them allocates from the same 48-bit space. A driver keeps an object
 * for each address. VCM's reservation is such an object, the others get one of
 * 128 bytes. Addresses are aligned to their size, rounded up to a power of two,
 * as those of the DMA API are. "vcm" is vcm_reserve_in() with that alignment,
 * "vcm-reserve" is vcm_reserve().
 */
#include <linux/genalloc.h>
#include <linux/iova.h>
#include <linux/log2.h>
#include <linux/maple_tree.h>
#include <linux/slab.h>
#include <linux/vcm-drv.h>
#include <linux/vmalloc.h>

#include "bench.h"

#define ADDR_LAST	DMA_BIT_MASK(48)
/* Reserved together, then released in another order */
#define ADDR_BATCH	16
#define ADDR_BATCHES	64
#define ADDR_SEED	2010

/* The range of gen_pool's bitmap; 0 would be an error of its */
#define POOL_START	SZ_4G
#define POOL_SIZE	SZ_4G

/**
 * struct space - one of the allocators
 * @name: for the result
 * @max_live: maximum number of live objects; more would take too long
 * @init: make an empty space
 * @exit: undo @init
 * @get: allocate @size bytes at @limit or below; return the driver's object
 * @put: undo @get
 */
struct space {
	const char *name;
	unsigned long max_live;
	int (*init)(void);
	void (*exit)(void);
	void *(*get)(u64 size, u64 limit);
	void (*put)(void *object);
};

/* A driver's object for an address */
struct object {
	union {
		struct iova *iova;
		unsigned long addr;
	};
	unsigned long size;
	u8 more[112];
};

static_assert(sizeof(struct object) == 128);

/* VCM, in a context without hardware */

static struct vcm *addr_vcm;

static int addr_vcm_map(struct vcm_res *res, struct vcm_phys *phys)
{
	return 0;
}

static void addr_vcm_unmap(struct vcm_res *res, struct vcm_phys *phys)
{
}

static void addr_vcm_release(struct vcm *vcm)
{
	kfree(vcm);
}

static const struct vcm_driver addr_vcm_driver = {
	.owner = THIS_MODULE,
	.name = "vcm-bench",
	.map = addr_vcm_map,
	.unmap = addr_vcm_unmap,
	.release = addr_vcm_release,
};

static int addr_vcm_init(void)
{
	int ret;

	addr_vcm = kzalloc_obj(*addr_vcm);
	if (!addr_vcm)
		return -ENOMEM;
	ret = vcm_init(addr_vcm, &addr_vcm_driver, 0, ADDR_LAST,
		       SZ_4K | SZ_2M | SZ_1G);
	if (ret)
		kfree(addr_vcm);
	return ret;
}

static void addr_vcm_exit(void)
{
	vcm_destroy(addr_vcm);
}

static void *addr_vcm_get(u64 size, u64 limit)
{
	return vcm_reserve_in(addr_vcm, size, roundup_pow_of_two(size), 0, limit,
			      0);
}

static void *addr_vcm_reserve_get(u64 size, u64 limit)
{
	return vcm_reserve(addr_vcm, size, 0);
}

static void addr_vcm_put(void *object)
{
	vcm_unreserve(object);
}

/* struct iova_domain, without and with its per-CPU caches */

static struct iova_domain addr_iovad;

static int addr_iova_init(void)
{
	int ret = iova_cache_get();

	if (ret)
		return ret;
	init_iova_domain(&addr_iovad, SZ_4K, 1);
	ret = iova_domain_init_rcaches(&addr_iovad);
	if (ret)
		iova_cache_put();
	return ret;
}

static void addr_iova_exit(void)
{
	put_iova_domain(&addr_iovad);
	iova_cache_put();
}

static void *addr_iova_get(u64 size, u64 limit)
{
	struct object *object = kzalloc_obj(*object);

	if (!object)
		return ERR_PTR(-ENOMEM);
	object->iova = alloc_iova(&addr_iovad, size >> 12, limit >> 12, true);
	if (object->iova)
		return object;
	kfree(object);
	return ERR_PTR(-ENOSPC);
}

static void addr_iova_put(void *ptr)
{
	struct object *object = ptr;

	__free_iova(&addr_iovad, object->iova);
	kfree(object);
}

static void *addr_iova_fast_get(u64 size, u64 limit)
{
	struct object *object = kzalloc_obj(*object);

	if (!object)
		return ERR_PTR(-ENOMEM);
	object->size = size >> 12;
	object->addr = alloc_iova_fast(&addr_iovad, size >> 12, limit >> 12,
				       true);
	if (object->addr)
		return object;
	kfree(object);
	return ERR_PTR(-ENOSPC);
}

static void addr_iova_fast_put(void *ptr)
{
	struct object *object = ptr;

	free_iova_fast(&addr_iovad, object->addr, object->size);
	kfree(object);
}

/*
 * A maple tree of pages; it has no alignment, so a larger gap is searched for
 */

static struct maple_tree addr_tree;

static int addr_maple_init(void)
{
	mt_init_flags(&addr_tree, MT_FLAGS_ALLOC_RANGE);
	return 0;
}

static void addr_maple_exit(void)
{
	mtree_destroy(&addr_tree);
}

static void *addr_maple_get(u64 size, u64 limit)
{
	struct object *object = kzalloc_obj(*object);
	unsigned long align, start, nr = size >> 12;
	int ret;

	MA_STATE(mas, &addr_tree, 0, 0);

	align = roundup_pow_of_two(nr);
	if (!object)
		return ERR_PTR(-ENOMEM);
	mtree_lock(&addr_tree);
	ret = mas_empty_area(&mas, 1, limit >> 12, nr + align - 1);
	if (!ret) {
		start = ALIGN(mas.index, align);
		mas_set_range(&mas, start, start + nr - 1);
		object->addr = start;
		ret = mas_store_gfp(&mas, object, GFP_KERNEL);
	}
	mtree_unlock(&addr_tree);
	if (!ret)
		return object;
	kfree(object);
	return ERR_PTR(ret);
}

static void addr_maple_put(void *ptr)
{
	struct object *object = ptr;

	mtree_erase(&addr_tree, object->addr);
	kfree(object);
}

/* A bitmap, first fit, aligned: the allocator proposed in 2010 */

static struct gen_pool *addr_pool;

static int addr_pool_init(void)
{
	int ret;

	addr_pool = gen_pool_create(12, NUMA_NO_NODE);
	if (!addr_pool)
		return -ENOMEM;
	ret = gen_pool_add(addr_pool, POOL_START, POOL_SIZE, NUMA_NO_NODE);
	if (ret)
		gen_pool_destroy(addr_pool);
	return ret;
}

static void addr_pool_exit(void)
{
	gen_pool_destroy(addr_pool);
}

static void *addr_pool_get(u64 size, u64 limit)
{
	struct genpool_data_align align = { .align = roundup_pow_of_two(size) };
	struct object *object = kzalloc_obj(*object);

	if (!object)
		return ERR_PTR(-ENOMEM);
	object->size = size;
	object->addr = gen_pool_alloc_algo(addr_pool, size,
					   gen_pool_first_fit_align, &align);
	if (object->addr)
		return object;
	kfree(object);
	return ERR_PTR(-ENOSPC);
}

static void addr_pool_put(void *ptr)
{
	struct object *object = ptr;

	gen_pool_free(addr_pool, object->addr, object->size);
	kfree(object);
}

static const struct space addr_spaces[] = {
	{
		.name = "vcm", .max_live = 1000000,
		.init = addr_vcm_init, .exit = addr_vcm_exit,
		.get = addr_vcm_get, .put = addr_vcm_put,
	}, {
		.name = "vcm-reserve", .max_live = 1000000,
		.init = addr_vcm_init, .exit = addr_vcm_exit,
		.get = addr_vcm_reserve_get, .put = addr_vcm_put,
	}, {
		/* The first peer */
		.name = "iova", .max_live = 1000000,
		.init = addr_iova_init, .exit = addr_iova_exit,
		.get = addr_iova_get, .put = addr_iova_put,
	}, {
		.name = "iova-cached", .max_live = 1000000,
		.init = addr_iova_init, .exit = addr_iova_exit,
		.get = addr_iova_fast_get, .put = addr_iova_fast_put,
	}, {
		.name = "maple", .max_live = 1000000,
		.init = addr_maple_init, .exit = addr_maple_exit,
		.get = addr_maple_get, .put = addr_maple_put,
	}, {
		.name = "gen_pool", .max_live = 1000,
		.init = addr_pool_init, .exit = addr_pool_exit,
		.get = addr_pool_get, .put = addr_pool_put,
	},
};

#define ADDR_NR_VCM	2

/**
 * struct addr_run - the measurement of one allocator
 * @bench: the run
 * @space: the allocator
 * @rnd: random numbers, the same for each allocator
 * @live: objects that are live meanwhile
 * @nr: number of @live
 * @limit: the highest address
 */
struct addr_run {
	struct bench *bench;
	const struct space *space;
	struct rnd_state rnd;
	void **live;
	unsigned long nr;
	u64 limit;
};

/* Return true if an interrupt of the clock was counted too. */
static bool addr_ticked(unsigned long since)
{
	return time_after(jiffies, since);
}

static u32 addr_random(struct addr_run *run, u32 below)
{
	return ((u64)prandom_u32_state(&run->rnd) * below) >> 32;
}

static int addr_push(struct addr_run *run, u64 size)
{
	void *object = run->space->get(size, run->limit);

	if (IS_ERR(object))
		return PTR_ERR(object);
	run->live[run->nr++] = object;
	return 0;
}

static void addr_swap_out(struct addr_run *run, unsigned long i)
{
	run->space->put(run->live[i]);
	run->live[i] = run->live[--run->nr];
}

static void addr_empty(struct addr_run *run)
{
	while (run->nr)
		addr_swap_out(run, run->nr - 1);
}

/* Reserve @nr adjacent pages. */
static int addr_fill_fresh(struct addr_run *run, unsigned long nr)
{
	int ret = 0;

	while (!ret && run->nr < nr)
		ret = addr_push(run, SZ_4K);
	return ret;
}

/*
 * Reserve @nr ranges of 1 to 16 pages, and a third more that are released
 * again.
 */
static int addr_fill_holes(struct addr_run *run, unsigned long nr)
{
	int ret = 0;

	while (!ret && run->nr < nr + nr / 3)
		ret = addr_push(run, SZ_4K * (1 + addr_random(run, 16)));
	while (run->nr > nr)
		addr_swap_out(run, addr_random(run, run->nr));
	return ret;
}

static void addr_shuffle(struct addr_run *run, void **objects, unsigned int nr)
{
	for (; nr > 1; nr--) {
		u32 other = addr_random(run, nr);

		swap(objects[nr - 1], objects[other]);
	}
}

/*
 * Return the cost of ADDR_BATCH reservations and releases, or 0 for an error.
 */
static u64 addr_batch(struct addr_run *run, u64 size)
{
	const struct space *space = run->space;
	void *object[ADDR_BATCH];
	u64 start, cost;
	int i, n;

	start = bench_now();
	for (n = 0; n < ADDR_BATCH; n++) {
		object[n] = space->get(size, run->limit);
		if (IS_ERR(object[n]))
			break;
	}
	cost = bench_since(run->bench, start);

	addr_shuffle(run, object, n);
	start = bench_now();
	for (i = 0; i < n; i++)
		space->put(object[i]);
	cost += bench_since(run->bench, start);
	return n == ADDR_BATCH ? cost : 0;
}

/*
 * Print the mean of many batches. With @churn, a live object changes between
 * them, so that they find other holes. Batches with a tick of the clock do not
 * count.
 */
static int addr_mean(struct addr_run *run, const char *state, unsigned long nr,
		     u64 size, bool churn)
{
	unsigned long before;
	u64 cost, sum = 0;
	int i, ret = 0;

	for (i = 0; i < ADDR_BATCHES && !ret; ) {
		before = jiffies;
		cost = addr_batch(run, size);
		if (!cost)
			return -ENOSPC;
		if (!addr_ticked(before)) {
			sum += cost;
			i++;
		}
		if (!churn)
			continue;
		addr_swap_out(run, addr_random(run, run->nr));
		ret = addr_push(run, SZ_4K * (1 + addr_random(run, 16)));
	}
	if (!ret)
		bench_row("reserve", state, size, nr, run->space->name,
			  sum / (ADDR_BATCHES * ADDR_BATCH));
	return ret;
}

static const u64 addr_sizes[] = { SZ_4K, SZ_64K, SZ_1M, SZ_2M, SZ_16M, SZ_64M };
static const unsigned long addr_lives[] = { 1, 1000, 100000, 1000000 };

static int addr_sizes_at(struct addr_run *run, const char *state,
			 unsigned long nr, bool churn)
{
	int i, ret = 0;

	for (i = 0; i < ARRAY_SIZE(addr_sizes) && !ret; i++)
		ret = addr_mean(run, state, nr, addr_sizes[i], churn);
	return ret;
}

static int addr_fresh(struct addr_run *run, unsigned long nr)
{
	return addr_fill_fresh(run, nr) ?: addr_sizes_at(run, "fresh", nr, false);
}

static int addr_fragmented(struct addr_run *run, unsigned long nr)
{
	return addr_fill_holes(run, nr) ?:
	       addr_sizes_at(run, "fragmented", nr, true);
}

/* The same below 4 GiB, for devices with 32 address bits */
static int addr_window(struct addr_run *run, unsigned long nr)
{
	if (nr > 100000 || run->space->get == addr_vcm_reserve_get)
		return 0;
	run->limit = DMA_BIT_MASK(32);
	return addr_fill_fresh(run, nr) ?: addr_sizes_at(run, "window", nr, false);
}

/* Make @nr holes of one page between ranges of one page. */
static int addr_fill_comb(struct addr_run *run, unsigned long nr)
{
	unsigned long i;
	int ret = 0;

	while (!ret && run->nr < 2 * nr)
		ret = addr_push(run, SZ_4K);
	if (ret)
		return ret;
	for (i = 0; i < nr; i++) {
		run->space->put(run->live[2 * i]);
		run->live[i] = run->live[2 * i + 1];
	}
	run->nr = nr;
	return 0;
}

/*
 * Reserve two pages among holes that are too small. A range of one page is
 * released each time, which invalidates the position that an allocator has
 * cached.
 */
static int addr_comb(struct addr_run *run, unsigned long nr)
{
	const struct space *space = run->space;
	u64 start, cost, sum = 0, worst = 0;
	unsigned long i, before, rounds = 0;
	void *object;
	int ret;

	ret = addr_fill_comb(run, nr);
	while (!ret && rounds < 256) {
		i = addr_random(run, run->nr);
		space->put(run->live[i]);
		run->live[i] = space->get(SZ_4K, run->limit);
		ret = PTR_ERR_OR_ZERO(run->live[i]);
		if (ret) {
			run->live[i] = run->live[--run->nr];
			break;
		}

		before = jiffies;
		start = bench_now();
		object = space->get(SZ_8K, run->limit);
		cost = bench_since(run->bench, start);
		if (IS_ERR(object))
			return PTR_ERR(object);
		space->put(object);
		/* A search may take longer than a tick */
		if (addr_ticked(before) && cost < NSEC_PER_SEC / HZ)
			continue;
		sum += cost;
		worst = max(worst, cost);
		rounds++;
	}
	if (ret)
		return ret;
	bench_row("holes-mean", "comb", SZ_8K, nr, space->name, sum / rounds);
	bench_row("holes-worst", "comb", SZ_8K, nr, space->name, worst);
	return 0;
}

static int addr_state(struct addr_run *run, unsigned long nr,
		      int (*state)(struct addr_run *run, unsigned long nr))
{
	int ret;

	run->nr = 0;
	run->limit = ADDR_LAST;
	prandom_seed_state(&run->rnd, ADDR_SEED);
	ret = run->space->init();
	if (ret)
		return ret;
	ret = state(run, nr);
	addr_empty(run);
	run->space->exit();
	return ret;
}

static int addr_space(struct addr_run *run)
{
	unsigned long nr;
	int i, ret = 0;

	for (i = 0; i < ARRAY_SIZE(addr_lives) && !ret; i++) {
		nr = addr_lives[i];
		if (nr > run->bench->max_live || nr > run->space->max_live)
			break;
		ret = addr_state(run, nr, addr_fresh) ?:
		      addr_state(run, nr, addr_fragmented) ?:
		      addr_state(run, nr, addr_window);
		if (!ret && nr >= 1000)
			ret = addr_state(run, nr, addr_comb);
	}
	return ret;
}

/* Measure each allocator in each state. */
int bench_addresses(struct bench *bench)
{
	unsigned int i, nr = bench->peers ? ARRAY_SIZE(addr_spaces) : ADDR_NR_VCM;
	struct addr_run run = { .bench = bench };
	int ret = 0;

	run.live = vmalloc_array(2 * bench->max_live, sizeof(*run.live));
	if (!run.live)
		return -ENOMEM;
	for (i = 0; i < nr && !ret; i++) {
		run.space = &addr_spaces[i];
		ret = addr_space(&run);
	}
	vfree(run.live);
	return ret;
}
