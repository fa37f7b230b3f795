/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model of the sample SoC IOMMU, for its tests.
 */
#ifndef _MM_TESTS_VCM_SAMPLE_MODEL_H
#define _MM_TESTS_VCM_SAMPLE_MODEL_H

#include <kunit/test.h>
#include <linux/maple_tree.h>
#include <linux/mutex.h>
#include <linux/pm_domain.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct device;
struct irq_domain;
struct vcm;

#define SAMPLE_MODEL_BLOCKS	3
#define SAMPLE_MODEL_UNSNOOPED	2	/* the block that does not snoop */
#define SAMPLE_MODEL_ENGINES	2

/**
 * enum sample_memory - how a device accesses memory
 * @SAMPLE_STRANGE: none of the others
 * @SAMPLE_DEVICE: like registers
 * @SAMPLE_UNCACHED: without the caches of the CPUs
 * @SAMPLE_CACHED: snooping the caches of the CPUs
 */
enum sample_memory {
	SAMPLE_STRANGE,
	SAMPLE_DEVICE,
	SAMPLE_UNCACHED,
	SAMPLE_CACHED,
};

/**
 * struct sample_leaf - a translation in the hardware
 * @addr: first device address
 * @size: bytes
 * @paddr: physical address of the first byte
 * @write: the device may write too
 * @memory: how it accesses the memory
 */
struct sample_leaf {
	u32 addr;
	u32 size;
	u32 paddr;
	bool write;
	enum sample_memory memory;

	/* private: for a list of dropped ones */
	struct list_head entry;
};

/**
 * struct sample_stats - counters of a model
 * @walks: descriptors read from the first-level table
 * @inv_addr: addresses invalidated
 * @inv_all: invalidations of everything
 * @tables: writes of the table register
 * @power_ons: power-ons
 * @faults: accesses that found no translation or were not permitted
 * @refused: accesses while translation was off
 * @complaints: misuses of the hardware
 */
struct sample_stats {
	unsigned long walks;
	unsigned long inv_addr;
	unsigned long inv_all;
	unsigned long tables;
	unsigned long power_ons;
	unsigned long faults;
	unsigned long refused;
	unsigned long complaints;
};

#define SAMPLE_MODEL_QUEUE	64

/**
 * struct sample_model - a media block with its MMU
 * @dev: the block's device
 * @mmu: the MMU
 * @engines: the devices behind it
 * @stats: counters
 * @hang: an invalidation does not end
 * @reg_error: errno of every register access; 0: none
 * @reg_answers: number of accesses that succeed before
 * @keep_power: another device keeps the power domain on
 * @expect_complaints: count misuses, do not fail the test for them
 */
struct sample_model {
	struct device *dev;
	struct device *mmu;
	struct device *engines[SAMPLE_MODEL_ENGINES];
	struct sample_stats stats;
	bool hang;
	int reg_error;
	unsigned int reg_answers;
	bool keep_power;
	bool expect_complaints;

	/* private: */
	struct kunit *test;
	struct generic_pm_domain domain;
	struct irq_domain *irqs;
	unsigned int irq;
	bool snoops;
	struct mutex lock;	/* the fields below, and @stats */
	bool on;
	u32 ctrl;
	u32 table;
	u32 fault_addr;
	u32 fault_status;
	unsigned int busy;
	bool inv_all;
	unsigned int nr_inv;
	u32 inv[SAMPLE_MODEL_QUEUE];
	struct maple_tree tlb;
	struct xarray walks;
};

/**
 * struct sample_engine - a device of the block
 * @vcm: destroyed when the driver of the device is unbound; NULL: none
 * @resume: called at runtime resume; NULL: none
 */
struct sample_engine {
	struct vcm *vcm;
	int (*resume)(struct device *engine);
};

struct sample_model *sample_model_get(struct kunit *test, unsigned int nr);
struct sample_model *sample_model_of(struct device *engine);
int sample_model_access(struct device *engine, dma_addr_t addr, void *buf,
			size_t len, bool write);
int sample_model_translate(struct device *engine, dma_addr_t addr, bool write,
			   phys_addr_t *paddr);
int sample_model_walk(struct device *engine, dma_addr_t addr,
		      struct sample_leaf *leaf);

#endif /* _MM_TESTS_VCM_SAMPLE_MODEL_H */
