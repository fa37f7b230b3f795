// SPDX-License-Identifier: GPL-2.0-only
/*
 * Benchmark: making existing memory reachable behind an IOMMU, and unreachable
 * again.
 *
 * The ways of a driver are VCM; alloc_iova() and the IOMMU API by hand
 * ("floor"); dma_map_sgtable(); and dma_iova_*(). All map the same memory. Each
 * has its own device, with a warm page table: the first round allocates tables,
 * the others count.
 */
#include <linux/delay.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/printk.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "bench.h"

#define MAP_MEMORY	SZ_1G
#define MAP_PROT	(IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)
#define MAP_ROUNDS	4

#define MAP_BUFS	64
#define MAP_BUF_SIZE	SZ_64K
/* Time for the console to print what was logged, in milliseconds */
#define MANY_PRINTED	200

/**
 * struct map_run - memory to map, and the ways to map it
 * @bench: the run
 * @page: MAP_MEMORY bytes of contiguous memory
 * @vcm: VCM's device, active
 * @floor: the device that is used by hand
 * @dma: the device that uses the DMA API
 * @sgt: the memory to map, as a scatterlist
 * @phys: the same for VCM
 * @size: of the memory to map
 */
struct map_run {
	struct bench *bench;
	struct page *page;
	struct vcm *vcm;
	struct bench_floor floor;
	struct device *dma;
	struct sg_table sgt;
	struct vcm_phys *phys;
	u64 size;
};

/**
 * struct map_cost - the cost of one round
 * @map: time until the device reaches the memory
 * @unmap: time until it does not
 */
struct map_cost {
	u64 map;
	u64 unmap;
};

/* The ways; each returns 0 or an errno */

static int map_by_vcm(struct map_run *run, struct map_cost *cost)
{
	struct vcm_res *res;
	u64 start;

	start = bench_now();
	res = vcm_map(run->vcm, run->phys, 0);
	cost->map = bench_since(run->bench, start);
	if (IS_ERR(res))
		return PTR_ERR(res);

	start = bench_now();
	vcm_unmap(res);
	cost->unmap = bench_since(run->bench, start);
	return 0;
}

/* The minimum that a driver has to do, without handling errors */
static int map_by_hand(struct map_run *run, struct map_cost *cost)
{
	struct iommu_domain *domain = run->floor.domain;
	struct sg_table *sgt = &run->sgt;
	struct iova *iova;
	dma_addr_t addr;
	ssize_t mapped;
	u64 start;

	start = bench_now();
	iova = alloc_iova(&run->floor.iovad, run->size >> 12,
			  DMA_BIT_MASK(48) >> 12, true);
	addr = iova_dma_addr(&run->floor.iovad, iova);
	if (sgt->nents == 1)
		mapped = iommu_map(domain, addr, sg_phys(sgt->sgl), run->size,
				   MAP_PROT, GFP_KERNEL) ?: run->size;
	else
		mapped = iommu_map_sg(domain, addr, sgt->sgl, sgt->nents,
				      MAP_PROT, GFP_KERNEL);
	cost->map = bench_since(run->bench, start);

	start = bench_now();
	iommu_unmap(domain, addr, run->size);
	__free_iova(&run->floor.iovad, iova);
	cost->unmap = bench_since(run->bench, start);
	return mapped == run->size ? 0 : -EIO;
}

static int map_by_dma(struct map_run *run, struct map_cost *cost)
{
	u64 start;
	int ret;

	start = bench_now();
	ret = dma_map_sgtable(run->dma, &run->sgt, DMA_BIDIRECTIONAL, 0);
	cost->map = bench_since(run->bench, start);
	if (ret)
		return ret;

	start = bench_now();
	dma_unmap_sgtable(run->dma, &run->sgt, DMA_BIDIRECTIONAL, 0);
	cost->unmap = bench_since(run->bench, start);
	return 0;
}

static int map_link(struct map_run *run, struct dma_iova_state *state)
{
	struct scatterlist *sg;
	size_t offset = 0;
	unsigned int i;
	int ret;

	for_each_sgtable_sg(&run->sgt, sg, i) {
		ret = dma_iova_link(run->dma, state, sg_phys(sg), offset,
				    sg->length, DMA_BIDIRECTIONAL, 0);
		if (ret)
			return ret;
		offset += sg->length;
	}
	return dma_iova_sync(run->dma, state, 0, offset);
}

static int map_by_dma_iova(struct map_run *run, struct map_cost *cost)
{
	struct dma_iova_state state = { };
	u64 start;
	int ret;

	start = bench_now();
	if (!dma_iova_try_alloc(run->dma, &state, 0, run->size))
		return -ENOSPC;
	ret = map_link(run, &state);
	cost->map = bench_since(run->bench, start);
	if (ret) {
		dma_iova_free(run->dma, &state);
		return ret;
	}

	start = bench_now();
	dma_iova_destroy(run->dma, &state, run->size, DMA_BIDIRECTIONAL, 0);
	cost->unmap = bench_since(run->bench, start);
	return 0;
}

/* At addresses that are kept */

static int bind_by_vcm(struct map_run *run, struct map_cost *cost)
{
	struct vcm_res *res;
	u64 start;
	int ret;

	res = vcm_reserve(run->vcm, run->size, 0);
	if (IS_ERR(res))
		return PTR_ERR(res);
	start = bench_now();
	ret = vcm_bind(res, run->phys);
	cost->map = bench_since(run->bench, start);
	if (!ret) {
		start = bench_now();
		vcm_unbind(res);
		cost->unmap = bench_since(run->bench, start);
	}
	vcm_unreserve(res);
	return ret;
}

static int bind_by_dma_iova(struct map_run *run, struct map_cost *cost)
{
	struct dma_iova_state state = { };
	u64 start;
	int ret;

	if (!dma_iova_try_alloc(run->dma, &state, 0, run->size))
		return -ENOSPC;
	start = bench_now();
	ret = map_link(run, &state);
	cost->map = bench_since(run->bench, start);
	if (!ret) {
		start = bench_now();
		dma_iova_unlink(run->dma, &state, 0, run->size,
				DMA_BIDIRECTIONAL, 0);
		cost->unmap = bench_since(run->bench, start);
	}
	dma_iova_free(run->dma, &state);
	return ret;
}

static const struct {
	const char *who;
	const char *map;
	const char *unmap;
	bool peer;
	int (*go)(struct map_run *run, struct map_cost *cost);
} map_ways[] = {
	{ "vcm", "map", "unmap", false, map_by_vcm },
	{ "floor", "map", "unmap", true, map_by_hand },
	{ "dma_map", "map", "unmap", true, map_by_dma },
	{ "dma_iova", "map", "unmap", true, map_by_dma_iova },
	{ "vcm", "bind", "unbind", false, bind_by_vcm },
	{ "dma_iova", "bind", "unbind", true, bind_by_dma_iova },
};

/* Print the lowest cost of some rounds; the first one sets up tables. */
static int map_measure(struct map_run *run, const char *state)
{
	struct map_cost cost, least;
	int i, round, ret;

	for (i = 0; i < ARRAY_SIZE(map_ways); i++) {
		if (map_ways[i].peer && !run->bench->peers)
			continue;
		least = (struct map_cost) { U64_MAX, U64_MAX };
		for (round = 0; round < MAP_ROUNDS; round++) {
			ret = map_ways[i].go(run, &cost);
			if (ret)
				return ret;
			least.map = min(least.map, cost.map);
			least.unmap = min(least.unmap, cost.unmap);
		}
		bench_row(map_ways[i].map, state, run->size, 1,
			  map_ways[i].who, least.map);
		bench_row(map_ways[i].unmap, state, run->size, 1,
			  map_ways[i].who, least.unmap);
	}
	return 0;
}

static int map_memory(struct map_run *run, u64 size, u64 part)
{
	int ret;

	ret = bench_scatter(&run->sgt, run->page, size, part);
	if (ret)
		return ret;
	run->phys = bench_import(&run->sgt, size);
	if (IS_ERR(run->phys)) {
		sg_free_table(&run->sgt);
		return PTR_ERR(run->phys);
	}
	run->size = size;
	return 0;
}

static void map_forget(struct map_run *run)
{
	vcm_free(run->phys);
	sg_free_table(&run->sgt);
}

static const struct {
	const char *name;
	u64 part;
} map_states[] = {
	{ "contiguous", 0 },
	{ "2M", SZ_2M },
	{ "64K", SZ_64K },
	{ "4K", SZ_4K },
};

static const u64 map_sizes[] = {
	SZ_4K, SZ_64K, SZ_1M, SZ_2M, SZ_16M, SZ_64M, SZ_256M, SZ_1G,
};

static int map_all_states(struct map_run *run)
{
	int i, k, ret;
	u64 part;

	for (i = 0; i < ARRAY_SIZE(map_states); i++) {
		for (k = 0; k < ARRAY_SIZE(map_sizes); k++) {
			part = map_states[i].part ?: map_sizes[k];
			/* One part is contiguous */
			if (map_states[i].part && part >= map_sizes[k])
				continue;
			ret = map_memory(run, map_sizes[k], part);
			if (ret)
				return ret;
			ret = map_measure(run, map_states[i].name);
			map_forget(run);
			if (ret)
				return ret;
		}
	}
	return 0;
}

/* Many buffers at once */

/* Return the number of commands to the IOMMU so far. */
static u32 map_commands(const struct map_run *run)
{
	return run->bench->commands ? readl(run->bench->commands) : 0;
}

/**
 * struct many_cost - the cost of making all buffers unreachable
 * @time: time until no device reaches them
 * @commands: commands to the IOMMU
 */
struct many_cost {
	u64 time;
	u32 commands;
};

/**
 * struct many_way - a way to make many buffers unreachable
 * @state: their position
 * @who: name of the way
 * @round: make all of them reachable, and unreachable once
 * @gap: bytes of other addresses between any two
 * @unbind: the call of VCM that makes them unreachable; NULL: vcm_destroy()
 */
struct many_way {
	const char *state;
	const char *who;
	int (*round)(struct map_run *run, const struct many_way *way,
		     struct many_cost *cost);
	u64 gap;
	void (*unbind)(struct vcm_res *const *res, unsigned int nr);
};

static int many_bind(struct map_run *run, struct vcm *vcm, u64 gap,
		     struct vcm_res **res)
{
	const u64 stride = MAP_BUF_SIZE + gap;
	int i, ret = 0;

	for (i = 0; i < MAP_BUFS && !ret; i++) {
		res[i] = vcm_reserve_at(vcm, SZ_1G + i * stride, MAP_BUF_SIZE,
					0);
		ret = PTR_ERR_OR_ZERO(res[i]);
		if (!ret)
			ret = vcm_bind(res[i], run->phys);
	}
	return ret;
}

static void many_unmap(struct vcm_res **res)
{
	int i;

	for (i = 0; i < MAP_BUFS; i++)
		vcm_unmap(res[i]);
}

static int many_by_vcm(struct map_run *run, const struct many_way *way,
		       struct many_cost *cost)
{
	struct vcm_res *res[MAP_BUFS] = { };
	u32 commands;
	u64 start;
	int ret;

	ret = many_bind(run, run->vcm, way->gap, res);
	if (!ret) {
		commands = map_commands(run);
		start = bench_now();
		way->unbind(res, MAP_BUFS);
		cost->time = bench_since(run->bench, start);
		cost->commands = map_commands(run) - commands;
	}
	many_unmap(res);
	return ret;
}

static void many_one_by_one(struct vcm_res *const *res, unsigned int nr)
{
	while (nr--)
		vcm_unbind(res[nr]);
}

static void many_deactivate(struct vcm_res *const *res, unsigned int nr)
{
	vcm_deactivate(res[0]->vcm);
}

/* The context is active again when the buffers are unmapped. */
static int many_by_deactivate(struct map_run *run, const struct many_way *way,
			      struct many_cost *cost)
{
	int ret = many_by_vcm(run, way, cost);

	return ret ?: vcm_activate(run->vcm);
}

/*
 * The report of reservations that outlive a context must stay off the console,
 * and the rows before it must not. Threads print both.
 */
static void many_set_console(int level)
{
	msleep(MANY_PRINTED);
	console_loglevel = level;
}

/* Destroy a context with all buffers, @bound or only reserved. */
static int many_destroy(struct map_run *run, const struct many_way *way,
			bool bound, struct many_cost *cost)
{
	struct vcm *vcm = bench_vcm(run->bench->dev[3]);
	struct vcm_res *res[MAP_BUFS] = { };
	int level = console_loglevel;
	u32 commands;
	u64 start;
	int ret;

	if (IS_ERR(vcm))
		return PTR_ERR(vcm);
	ret = many_bind(run, vcm, way->gap, res);
	if (!bound)
		vcm_unbind_many(res, MAP_BUFS);

	many_set_console(CONSOLE_LOGLEVEL_SILENT);
	commands = map_commands(run);
	start = bench_now();
	vcm_destroy(vcm);
	cost->time = bench_since(run->bench, start);
	cost->commands = map_commands(run) - commands;
	many_set_console(level);

	many_unmap(res);
	return ret;
}

/*
 * The share of the buffers in vcm_destroy(): what it takes with them bound,
 * less what it takes with their reservations alone. Each is the lowest of some
 * rounds.
 */
static int many_by_destroy(struct map_run *run, const struct many_way *way,
			   struct many_cost *cost)
{
	struct many_cost one, least[2] = {
		{ .time = U64_MAX }, { .time = U64_MAX },
	};
	int i, ret;

	for (i = 0; i < 2 * MAP_ROUNDS; i++) {
		ret = many_destroy(run, way, i & 1, &one);
		if (ret)
			return ret;
		if (one.time < least[i & 1].time)
			least[i & 1] = one;
	}
	cost->time = least[1].time - min(least[0].time, least[1].time);
	cost->commands = least[1].commands - least[0].commands;
	return 0;
}

static int many_by_dma(struct map_run *run, const struct many_way *way,
		       struct many_cost *cost)
{
	struct sg_table sgt[MAP_BUFS];
	u32 commands;
	int i, n, ret = 0;
	u64 start;

	for (n = 0; n < MAP_BUFS; n++) {
		ret = sg_alloc_table(&sgt[n], 1, GFP_KERNEL);
		if (ret)
			break;
		sg_set_page(sgt[n].sgl, run->page, MAP_BUF_SIZE, 0);
		ret = dma_map_sgtable(run->dma, &sgt[n], DMA_BIDIRECTIONAL, 0);
		if (ret) {
			sg_free_table(&sgt[n]);
			break;
		}
	}
	commands = map_commands(run);
	start = bench_now();
	for (i = 0; i < n; i++)
		dma_unmap_sgtable(run->dma, &sgt[i], DMA_BIDIRECTIONAL, 0);
	cost->time = bench_since(run->bench, start);
	cost->commands = map_commands(run) - commands;
	for (i = 0; i < n; i++)
		sg_free_table(&sgt[i]);
	return ret;
}

static const struct many_way many_ways[] = {
	{ "adjacent", "vcm", many_by_vcm, 0, vcm_unbind_many },
	{ "scattered", "vcm", many_by_vcm, SZ_64K, vcm_unbind_many },
	{ "scattered", "vcm-unbind", many_by_vcm, SZ_64K, many_one_by_one },
	{ "adjacent", "vcm-deactivate", many_by_deactivate, 0, many_deactivate },
	{ "scattered", "vcm-deactivate", many_by_deactivate, SZ_64K,
	  many_deactivate },
	{ "adjacent", "vcm-destroy", many_by_destroy },
	{ "scattered", "vcm-destroy", many_by_destroy, SZ_64K },
	{ "any", "dma_unmap", many_by_dma },
};

/* Print the lowest cost of some rounds: another may include an interrupt. */
static int many_measure(struct map_run *run, const struct many_way *way)
{
	struct many_cost cost, least = { .time = U64_MAX };
	int round, ret;

	for (round = 0; round < MAP_ROUNDS; round++) {
		ret = way->round(run, way, &cost);
		if (ret)
			return ret;
		if (cost.time < least.time)
			least = cost;
	}
	bench_row("unbind-many", way->state, MAP_BUF_SIZE, MAP_BUFS, way->who,
		  least.time);
	if (run->bench->commands)
		bench_row("commands", way->state, MAP_BUF_SIZE, MAP_BUFS,
			  way->who, least.commands);
	return 0;
}

static int map_many(struct map_run *run)
{
	int i, ret;

	ret = map_memory(run, MAP_BUF_SIZE, MAP_BUF_SIZE);
	if (ret)
		return ret;
	for (i = 0; i < ARRAY_SIZE(many_ways) && !ret; i++)
		if (run->bench->peers || many_ways[i].round != many_by_dma)
			ret = many_measure(run, &many_ways[i]);
	map_forget(run);
	return ret;
}

/* Handing memory over, where devices snoop */

/**
 * struct sync_cost - the cost of one round
 * @device: time to hand the memory to the device
 * @cpu: time to hand it to the CPU
 */
struct sync_cost {
	u64 device;
	u64 cpu;
};

static int sync_by_vcm(struct map_run *run, struct sync_cost *cost)
{
	struct vcm_res *res = vcm_map(run->vcm, run->phys, 0);
	int to, from;
	u64 start;

	if (IS_ERR(res))
		return PTR_ERR(res);
	start = bench_now();
	to = vcm_sync_for_device(res, 0, run->size, DMA_BIDIRECTIONAL);
	cost->device = bench_since(run->bench, start);
	start = bench_now();
	from = vcm_sync_for_cpu(res, 0, run->size, DMA_BIDIRECTIONAL);
	cost->cpu = bench_since(run->bench, start);
	vcm_unmap(res);
	return to ?: from;
}

static int sync_by_dma(struct map_run *run, struct sync_cost *cost)
{
	u64 start;
	int ret;

	ret = dma_map_sgtable(run->dma, &run->sgt, DMA_BIDIRECTIONAL, 0);
	if (ret)
		return ret;
	start = bench_now();
	dma_sync_sgtable_for_device(run->dma, &run->sgt, DMA_BIDIRECTIONAL);
	cost->device = bench_since(run->bench, start);
	start = bench_now();
	dma_sync_sgtable_for_cpu(run->dma, &run->sgt, DMA_BIDIRECTIONAL);
	cost->cpu = bench_since(run->bench, start);
	dma_unmap_sgtable(run->dma, &run->sgt, DMA_BIDIRECTIONAL, 0);
	return 0;
}

static int sync_measure(struct map_run *run, const char *state, const char *who,
			int (*go)(struct map_run *run, struct sync_cost *cost))
{
	struct sync_cost cost, least = { U64_MAX, U64_MAX };
	int round, ret;

	for (round = 0; round < MAP_ROUNDS; round++) {
		ret = go(run, &cost);
		if (ret)
			return ret;
		least.device = min(least.device, cost.device);
		least.cpu = min(least.cpu, cost.cpu);
	}
	bench_row("sync-device", state, run->size, 1, who, least.device);
	bench_row("sync-cpu", state, run->size, 1, who, least.cpu);
	return 0;
}

static int sync_state(struct map_run *run, const char *state, u64 part)
{
	int ret;

	ret = map_memory(run, SZ_16M, part);
	if (ret)
		return ret;
	ret = sync_measure(run, state, "vcm", sync_by_vcm);
	if (!ret && run->bench->peers)
		ret = sync_measure(run, state, "dma_sync", sync_by_dma);
	map_forget(run);
	return ret;
}

static int map_sync(struct map_run *run)
{
	if (!dev_is_dma_coherent(run->bench->dev[0]))
		return 0;
	return sync_state(run, "contiguous", SZ_16M) ?:
	       sync_state(run, "4K", SZ_4K);
}

/* Measure mapping and binding existing memory; needs four devices. */
int bench_mapping(struct bench *bench)
{
	struct map_run *run = kzalloc_obj(*run);
	const unsigned long nr = MAP_MEMORY >> PAGE_SHIFT;
	int ret = -ENOMEM;

	if (!run)
		return -ENOMEM;
	run->bench = bench;
	run->dma = bench->dev[2];
	run->page = alloc_contig_pages(nr, GFP_KERNEL, numa_mem_id(), NULL);
	if (!run->page)
		goto out_run;
	run->vcm = bench_vcm(bench->dev[0]);
	ret = PTR_ERR_OR_ZERO(run->vcm);
	if (ret)
		goto out_memory;
	ret = bench_floor_init(&run->floor, bench->dev[1]);
	if (ret)
		goto out_vcm;

	ret = map_all_states(run) ?: map_many(run) ?: map_sync(run);

	bench_floor_exit(&run->floor);
out_vcm:
	vcm_destroy(run->vcm);
out_memory:
	free_contig_range(page_to_pfn(run->page), nr);
out_run:
	kfree(run);
	return ret;
}
