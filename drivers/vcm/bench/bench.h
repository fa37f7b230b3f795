/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Virtual Contiguous Memory costs beside what drivers use instead: what
 * the parts of the benchmark share.
 */
#ifndef _VCM_BENCH_H
#define _VCM_BENCH_H

#include <linux/err.h>
#include <linux/io.h>
#include <linux/iova.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/vcm.h>

struct device;
struct iommu_domain;
struct page;
struct sg_table;

#define BENCH_MAX_DEVS		128

/**
 * struct bench - a run
 * @dev: devices that the driver of the benchmark has, as they were found
 * @nr_devs: number of @dev
 * @peers: measure what drivers use instead of VCM, too
 * @max_live: the most reservations to have at once
 * @overhead: what reading the clock twice takes
 * @commands: register that counts commands to the IOMMU, NULL without one
 */
struct bench {
	struct device *dev[BENCH_MAX_DEVS];
	unsigned int nr_devs;
	bool peers;
	unsigned long max_live;
	u64 overhead;
	u32 __iomem *commands;
};

/* The clock: in QEMU with -icount shift=0 it counts instructions, else ns */
static inline u64 bench_now(void)
{
	return ktime_get_ns();
}

/* What has passed since @start, without the clock's own share */
static inline u64 bench_since(const struct bench *bench, u64 start)
{
	u64 passed = ktime_get_ns() - start;

	return passed > bench->overhead ? passed - bench->overhead : 0;
}

/*
 * One line of the result: a cost per operation, or another number.
 * @state is how things lay before, @who the way that was measured.
 */
void bench_row(const char *subject, const char *state, u64 size, u64 live,
	       const char *who, u64 value);

/**
 * struct bench_floor - what a driver has that does everything by hand
 * @dev: its device
 * @domain: the page table
 * @iovad: the addresses
 */
struct bench_floor {
	struct device *dev;
	struct iommu_domain *domain;
	struct iova_domain iovad;
};

struct vcm *bench_vcm(struct device *dev);
int bench_floor_init(struct bench_floor *floor, struct device *dev);
void bench_floor_exit(struct bench_floor *floor);
int bench_scatter(struct sg_table *sgt, struct page *page, u64 size, u64 part);

int bench_addresses(struct bench *bench);
int bench_mapping(struct bench *bench);
int bench_allocation(struct bench *bench);
int bench_sharing(struct bench *bench);
int bench_cpu(struct bench *bench);
int bench_memory(struct bench *bench);
int bench_threads(struct bench *bench);

#endif /* _VCM_BENCH_H */
