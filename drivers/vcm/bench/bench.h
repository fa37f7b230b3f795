/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Virtual Contiguous Memory costs beside what drivers use instead:
 * declarations that the parts of the benchmark share.
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
 * @dev: devices that the driver of the benchmark is bound to
 * @nr_devs: number of @dev
 * @peers: measure what drivers use instead of VCM too
 * @max_live: maximum number of reservations at once
 * @overhead: cost of reading the clock twice
 * @commands: register that counts commands to the IOMMU; NULL if there is none
 */
struct bench {
	struct device *dev[BENCH_MAX_DEVS];
	unsigned int nr_devs;
	bool peers;
	unsigned long max_live;
	u64 overhead;
	u32 __iomem *commands;
};

/*
 * Read the clock: instructions in QEMU with -icount shift=0, else nanoseconds.
 */
static inline u64 bench_now(void)
{
	return ktime_get_ns();
}

/* Return the time since @start, without the cost of the clock. */
static inline u64 bench_since(const struct bench *bench, u64 start)
{
	u64 passed = ktime_get_ns() - start;

	return passed > bench->overhead ? passed - bench->overhead : 0;
}

/*
 * Print a line of the result: a cost for an operation, or another number.
 * @state describes memory or addresses before the operation, @who the way
 * measured.
 */
void bench_row(const char *subject, const char *state, u64 size, u64 live,
	       const char *who, u64 value);

/**
 * struct bench_floor - resources of a driver that does everything by hand
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
struct vcm_phys *bench_import(struct sg_table *sgt, u64 size);

int bench_addresses(struct bench *bench);
int bench_mapping(struct bench *bench);
int bench_allocation(struct bench *bench);
int bench_sharing(struct bench *bench);
int bench_cpu(struct bench *bench);
int bench_memory(struct bench *bench);
int bench_threads(struct bench *bench);

#endif /* _VCM_BENCH_H */
