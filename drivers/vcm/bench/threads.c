// SPDX-License-Identifier: GPL-2.0-only
/*
 * Benchmark: threads that bind and unbind at once in one context, each with its
 * own reservation; beside threads that call iommu_map() and iommu_unmap() in
 * one domain.
 *
 * Contention of threads cannot be counted in instructions, so this is wall time
 * and needs as many CPUs as threads.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/scatterlist.h>

#include "bench.h"

#define THREADS		2
#define THREADS_SIZE	SZ_64K
#define THREADS_ROUNDS	20000
#define THREADS_PROT	(IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)
/* Different tables of the last level */
#define THREADS_GAP	SZ_1G

/**
 * struct threads_job - the work of a thread
 * @start: all of them begin when it is completed
 * @round: bind and unbind once
 * @page: the memory, THREADS_SIZE bytes
 * @phys: the same for VCM
 * @res: VCM's reservation for it
 * @domain: the domain that the other way maps it in
 * @iova: the address for that
 * @done: the thread has ended
 * @ret: its result
 */
struct threads_job {
	struct completion *start;
	int (*round)(struct threads_job *job);
	struct page *page;
	struct vcm_phys *phys;
	struct vcm_res *res;
	struct iommu_domain *domain;
	unsigned long iova;
	struct completion done;
	int ret;
};

static int threads_bind(struct threads_job *job)
{
	int ret = vcm_bind(job->res, job->phys);

	if (!ret)
		vcm_unbind(job->res);
	return ret;
}

static int threads_map(struct threads_job *job)
{
	int ret = iommu_map(job->domain, job->iova, page_to_phys(job->page),
			    THREADS_SIZE, THREADS_PROT, GFP_KERNEL);

	if (!ret && iommu_unmap(job->domain, job->iova, THREADS_SIZE) != THREADS_SIZE)
		ret = -EIO;
	return ret;
}

static int threads_fn(void *data)
{
	struct threads_job *job = data;
	int i, ret;

	wait_for_completion(job->start);
	for (i = 0, ret = 0; i < THREADS_ROUNDS && !ret; i++)
		ret = job->round(job);
	job->ret = ret;
	/* The module may be unloaded as soon as this is completed */
	kthread_complete_and_exit(&job->done, 0);
}

/* Make the thread of a job, on the online CPU number @nr. */
static int threads_start(struct threads_job *job, unsigned int nr)
{
	struct task_struct *task;
	unsigned int cpu;

	guard(cpus_read_lock)();
	cpu = cpumask_nth(nr, cpu_online_mask);
	if (cpu >= nr_cpu_ids)
		return -ENODEV;
	task = kthread_run_on_cpu(threads_fn, job, cpu, "vcm-bench/%u");
	return PTR_ERR_OR_ZERO(task);
}

/* Let @nr threads work, each on its own CPU; @ns gets the time of a round. */
static int threads_run(struct threads_job *jobs, unsigned int nr, u64 *ns)
{
	DECLARE_COMPLETION_ONSTACK(start);
	unsigned int i, n;
	u64 begin;
	int ret = 0;

	for (n = 0; n < nr; n++) {
		jobs[n].start = &start;
		init_completion(&jobs[n].done);
		ret = threads_start(&jobs[n], n);
		if (ret)
			break;
	}
	begin = bench_now();
	complete_all(&start);
	for (i = 0; i < n; i++) {
		wait_for_completion(&jobs[i].done);
		ret = ret ?: jobs[i].ret;
	}
	*ns = (bench_now() - begin) / THREADS_ROUNDS;
	return ret;
}

/* Measure one thread, then all of them. */
static int threads_measure(struct threads_job *jobs, const char *who,
			   int (*round)(struct threads_job *job))
{
	unsigned int i;
	u64 ns;
	int ret;

	for (i = 0; i < THREADS; i++)
		jobs[i].round = round;
	for (i = 1; i <= THREADS; i++) {
		ret = threads_run(jobs, i, &ns);
		if (ret)
			return ret;
		bench_row("threads", "contiguous", THREADS_SIZE, i, who, ns);
	}
	return 0;
}

static int threads_both(struct bench *bench, struct threads_job *jobs,
			struct vcm *vcm, struct iommu_domain *domain)
{
	unsigned int i;
	int ret;

	for (i = 0; i < THREADS; i++) {
		jobs[i].domain = domain;
		jobs[i].iova = (i + 1) * (unsigned long)THREADS_GAP;
		jobs[i].res = vcm_reserve_at(vcm, jobs[i].iova, THREADS_SIZE, 0);
		if (IS_ERR(jobs[i].res))
			return PTR_ERR(jobs[i].res);
	}
	ret = threads_measure(jobs, "vcm", threads_bind);
	if (!ret && bench->peers)
		ret = threads_measure(jobs, "iommu_map", threads_map);
	return ret;
}

static int threads_memory(struct threads_job *job)
{
	struct sg_table sgt;
	int ret;

	job->page = alloc_pages(GFP_KERNEL | __GFP_COMP, get_order(THREADS_SIZE));
	if (!job->page)
		return -ENOMEM;
	ret = bench_scatter(&sgt, job->page, THREADS_SIZE, THREADS_SIZE);
	if (ret)
		return ret;
	job->phys = bench_import(&sgt, THREADS_SIZE);
	sg_free_table(&sgt);
	return PTR_ERR_OR_ZERO(job->phys);
}

static void threads_forget(struct threads_job *job)
{
	vcm_unreserve(job->res);
	vcm_free(job->phys);
	if (job->page)
		__free_pages(job->page, get_order(THREADS_SIZE));
}

/* Measure binding at once; needs two devices and as many CPUs as threads. */
int bench_threads(struct bench *bench)
{
	struct threads_job jobs[THREADS] = { };
	struct bench_floor floor;
	struct vcm *vcm;
	int i, ret;

	if (num_online_cpus() < THREADS) {
		pr_warn("threads: left out, needs %u CPUs\n", THREADS);
		return 0;
	}
	vcm = bench_vcm(bench->dev[0]);
	if (IS_ERR(vcm))
		return PTR_ERR(vcm);
	ret = bench_floor_init(&floor, bench->dev[1]);
	if (ret)
		goto out_vcm;
	for (i = 0; i < THREADS && !ret; i++)
		ret = threads_memory(&jobs[i]);
	if (!ret)
		ret = threads_both(bench, jobs, vcm, floor.domain);
	for (i = 0; i < THREADS; i++)
		threads_forget(&jobs[i]);
	bench_floor_exit(&floor);
out_vcm:
	vcm_destroy(vcm);
	return ret;
}
