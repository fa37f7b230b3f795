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
 * enum sample_memory - how a master accesses memory
 * @SAMPLE_STRANGE: not as any of these
 * @SAMPLE_DEVICE: as registers
 * @SAMPLE_UNCACHED: past the caches of the CPUs
 * @SAMPLE_CACHED: with a look into them
 */
enum sample_memory {
	SAMPLE_STRANGE,
	SAMPLE_DEVICE,
	SAMPLE_UNCACHED,
	SAMPLE_CACHED,
};

/**
 * struct sample_leaf - a translation as the hardware has it
 * @addr: first device address
 * @size: bytes
 * @paddr: physical address of the first byte
 * @write: the master may write, too
 * @memory: how it accesses what is there
 */
struct sample_leaf {
	u32 addr;
	u32 size;
	u32 paddr;
	bool write;
	enum sample_memory memory;

	/* private: while it is being dropped */
	struct list_head entry;
};

/**
 * struct sample_stats - what has happened to a model
 * @walks: descriptors read from the first-level table
 * @inv_addr: addresses invalidated
 * @inv_all: times that everything was
 * @tables: writes of the table register
 * @power_ons: times that power came
 * @faults: accesses that found no translation or were not permitted
 * @refused: accesses while translation was off
 * @complaints: uses of the hardware that it does not allow
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
 * @mmu: the MMU's
 * @engines: the masters'
 * @stats: what has happened so far
 * @hang: an invalidation never ends
 * @reg_error: errno of every register access, 0 for none
 * @reg_answers: so many of them are answered before
 * @keep_power: something else in the power domain does not let it go off
 * @expect_complaints: count them only
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
	struct mutex lock;	/* all that follows, and @stats */
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
 * struct sample_engine - a master
 * @vcm: destroyed when the master's driver is unbound, NULL for none
 * @resume: what its driver does at runtime resume, NULL for nothing
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
