// SPDX-License-Identifier: GPL-2.0-only
/*
 * Benchmark: making existing memory reachable behind an IOMMU, and taking it
 * away again.
 *
 * The same memory goes the ways that a driver has: VCM; alloc_iova() and the
 * IOMMU API by hand ("floor"); dma_map_sgtable(); and dma_iova_*(). Each has a
 * device of its own, so a page table of its own, which is warm: tables that
 * the first round needed are there in those that count.
 */
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "bench.h"

#define MAP_MEMORY	SZ_1G
#define MAP_PROT	(IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)
#define MAP_ROUNDS	4

#define MAP_BUFS	64
#define MAP_BUF_SIZE	SZ_64K

/**
 * struct map_run - what is mapped, and the ways it goes
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
 * struct map_cost - of one round
 * @map: until the device reaches the memory
 * @unmap: until it does not any more
 */
struct map_cost {
	u64 map;
	u64 unmap;
};

/* The ways; each returns an errno when it does not work */

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

/* What any driver has to do at the least, without a thought of errors */
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

/* In addresses that are kept */

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

/* The least of some rounds; the first one sets up tables */
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
	run->phys = vcm_phys_import_sg(run->sgt.sgl, run->sgt.nents, NULL,
				       NULL);
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

/* Commands to the IOMMU so far; what the register has above them is lost */
static u32 map_commands(const struct map_run *run)
{
	return run->bench->commands ? readl(run->bench->commands) : 0;
}

/**
 * struct many_cost - of taking away all buffers
 * @time: until no device reaches them any more
 * @commands: to the IOMMU
 */
struct many_cost {
	u64 time;
	u32 commands;
};

/**
 * struct many_way - a way to take away many buffers
 * @state: how they lie
 * @who: whose way it is
 * @round: makes all of them reachable, and takes them away once
 * @gap: bytes of other addresses between any two
 * @unbind: how VCM takes them away
 */
struct many_way {
	const char *state;
	const char *who;
	int (*round)(struct map_run *run, const struct many_way *way,
		     struct many_cost *cost);
	u64 gap;
	void (*unbind)(struct vcm_res *const *res, unsigned int nr);
};

static int many_by_vcm(struct map_run *run, const struct many_way *way,
		       struct many_cost *cost)
{
	struct vcm_res *res[MAP_BUFS] = { };
	u64 start, stride = MAP_BUF_SIZE + way->gap;
	int i, ret = 0;
	u32 commands;

	for (i = 0; i < MAP_BUFS && !ret; i++) {
		res[i] = vcm_reserve_at(run->vcm, SZ_1G + i * stride,
					MAP_BUF_SIZE, 0);
		ret = PTR_ERR_OR_ZERO(res[i]);
		if (!ret)
			ret = vcm_bind(res[i], run->phys);
	}
	if (!ret) {
		commands = map_commands(run);
		start = bench_now();
		way->unbind(res, MAP_BUFS);
		cost->time = bench_since(run->bench, start);
		cost->commands = map_commands(run) - commands;
	}
	for (i = 0; i < MAP_BUFS; i++)
		vcm_unmap(res[i]);
	return ret;
}

static void many_one_by_one(struct vcm_res *const *res, unsigned int nr)
{
	while (nr--)
		vcm_unbind(res[nr]);
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
	{ "any", "dma_unmap", many_by_dma },
};

/* The least of some rounds: whatever else a round met is not its own */
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
		if (run->bench->peers || many_ways[i].unbind)
			ret = many_measure(run, &many_ways[i]);
	map_forget(run);
	return ret;
}

/* The cost of mapping and binding existing memory; needs three devices. */
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

	ret = map_all_states(run) ?: map_many(run);

	bench_floor_exit(&run->floor);
out_vcm:
	vcm_destroy(run->vcm);
out_memory:
	free_contig_range(page_to_pfn(run->page), nr);
out_run:
	kfree(run);
	return ret;
}
