// SPDX-License-Identifier: GPL-2.0-only
/*
 * Benchmark: making existing memory contiguous for the CPU, with vcm_vmm and
 * with vmap().
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "bench.h"

#define CPU_SIZE	SZ_64M
#define CPU_PAGES	(CPU_SIZE >> PAGE_SHIFT)
#define CPU_ROUNDS	4

/**
 * struct cpu_run - the memory that is mapped
 * @bench: the run
 * @page: CPU_SIZE bytes of contiguous memory
 * @sgt: its parts
 * @phys: the same for VCM
 * @pages: the same for vmap()
 */
struct cpu_run {
	struct bench *bench;
	struct page *page;
	struct sg_table sgt;
	struct vcm_phys *phys;
	struct page **pages;
};

/* The ways; each returns 0 or an errno */

static int cpu_by_vcm(struct cpu_run *run, u64 *map, u64 *unmap)
{
	struct vcm_res *res;
	u64 start;

	start = bench_now();
	res = vcm_map(vcm_vmm, run->phys, 0);
	*map = bench_since(run->bench, start);
	if (IS_ERR(res))
		return PTR_ERR(res);

	start = bench_now();
	vcm_unmap(res);
	*unmap = bench_since(run->bench, start);
	return 0;
}

static int cpu_by_vmap(struct cpu_run *run, u64 *map, u64 *unmap)
{
	void *addr;
	u64 start;

	start = bench_now();
	addr = vmap(run->pages, CPU_PAGES, VM_MAP, PAGE_KERNEL);
	*map = bench_since(run->bench, start);
	if (!addr)
		return -ENOMEM;

	start = bench_now();
	vunmap(addr);
	*unmap = bench_since(run->bench, start);
	return 0;
}

/*
 * Print the lowest cost of some rounds; the first one sets up tables. Lazy
 * unmaps are completed before each, so all rounds get the same address.
 */
static int cpu_measure(struct cpu_run *run, const char *state, const char *who,
		       int (*go)(struct cpu_run *run, u64 *map, u64 *unmap))
{
	u64 map, unmap, least_map = U64_MAX, least_unmap = U64_MAX;
	int round, ret;

	for (round = 0; round < CPU_ROUNDS; round++) {
		vm_unmap_aliases();
		ret = go(run, &map, &unmap);
		if (ret)
			return ret;
		least_map = min(least_map, map);
		least_unmap = min(least_unmap, unmap);
	}
	bench_row("kmap", state, CPU_SIZE, 1, who, least_map);
	bench_row("kunmap", state, CPU_SIZE, 1, who, least_unmap);
	return 0;
}

static int cpu_both(struct cpu_run *run, const char *state)
{
	struct sg_page_iter iter;
	unsigned long n = 0;
	int ret;

	for_each_sgtable_page(&run->sgt, &iter, 0)
		run->pages[n++] = sg_page_iter_page(&iter);
	ret = cpu_measure(run, state, "vcm", cpu_by_vcm);
	if (!ret && run->bench->peers)
		ret = cpu_measure(run, state, "vmap", cpu_by_vmap);
	return ret;
}

static int cpu_state(struct cpu_run *run, const char *state, u64 part)
{
	int ret;

	ret = bench_scatter(&run->sgt, run->page, CPU_SIZE, part);
	if (ret)
		return ret;
	run->phys = bench_import(&run->sgt, CPU_SIZE);
	ret = PTR_ERR_OR_ZERO(run->phys);
	if (!ret) {
		ret = cpu_both(run, state);
		vcm_free(run->phys);
	}
	sg_free_table(&run->sgt);
	return ret;
}

/* Measure mapping memory for the CPU. */
int bench_cpu(struct bench *bench)
{
	struct cpu_run run = { .bench = bench };
	int ret;

	run.pages = kvmalloc_objs(*run.pages, CPU_PAGES);
	if (!run.pages)
		return -ENOMEM;
	run.page = alloc_contig_pages(CPU_PAGES, GFP_KERNEL, numa_mem_id(),
				      NULL);
	if (!run.page) {
		kvfree(run.pages);
		return -ENOMEM;
	}

	ret = cpu_state(&run, "contiguous", CPU_SIZE) ?:
	      cpu_state(&run, "2M", SZ_2M) ?:
	      cpu_state(&run, "4K", PAGE_SIZE);

	free_contig_range(page_to_pfn(run.page), CPU_PAGES);
	kvfree(run.pages);
	return ret;
}
