/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fake IOMMU for the tests of Virtual Contiguous Memory: a driver of the
 * kernel's IOMMU API, probed from a devicetree overlay, without hardware.
 */
#ifndef _MM_TESTS_VCM_FAKEIOMMU_H
#define _MM_TESTS_VCM_FAKEIOMMU_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/iommu.h>
#include <linux/platform_device.h>

/* How many there can be, without and with fakeiommu_many() */
#define FAKEIOMMU_FEW		8
#define FAKEIOMMU_MAX		128

/**
 * enum fakeiommu_default - what its masters see when nobody attaches them
 * @FAKEIOMMU_BLOCKED: nothing
 * @FAKEIOMMU_IDENTITY: all memory
 * @FAKEIOMMU_DMA: what the DMA API has mapped; only where that uses IOMMUs
 */
enum fakeiommu_default {
	FAKEIOMMU_BLOCKED,
	FAKEIOMMU_IDENTITY,
	FAKEIOMMU_DMA,
};

/**
 * struct fakeiommu_region - addresses that its masters cannot use
 * @start: first address
 * @size: bytes
 * @type: why
 */
struct fakeiommu_region {
	unsigned long start;
	size_t size;
	enum iommu_resv_type type;
};

/**
 * struct fakeiommu_cfg - what a fake IOMMU is like
 * @pgsize_bitmap: page sizes; 0 for 4K, 64K, 2M and 1G
 * @start: lowest address that it translates
 * @last: highest address that it translates, inclusive; 0 for no bound
 * @region: addresses that its masters cannot use, up to an empty entry
 * @type: what its masters see when nobody attaches them
 * @refuses: it accepts no domain that another instance allocated
 * @settles: page sizes and aperture of a domain are known only after the first
 *	device has been attached to it; before that there are none
 * @one_group: all its masters are in one group
 * @no_snoop: its masters do not snoop CPU caches
 * @deferred: it can leave invalidation to a flush of the whole domain
 * @linked: before it goes, its masters lose their drivers
 */
struct fakeiommu_cfg {
	unsigned long pgsize_bitmap;
	unsigned long start;
	unsigned long last;
	struct fakeiommu_region region[3];
	enum fakeiommu_default type;
	bool refuses;
	bool settles;
	bool one_group;
	bool no_snoop;
	bool deferred;
	bool linked;
};

/**
 * struct fakeiommu - an instance
 * @cfg: what it is like
 * @domains: domains that it allocated and that have not been freed
 * @attached: times a device was attached to a domain of its own or of another
 * @writes: leaves written
 * @clears: leaves cleared
 * @syncs: waits for the TLB, for a range or for all of a domain
 * @flushes: those that were for all of a domain
 * @complaints: misuse of the IOMMU API, and domains freed with leaves in them
 * @fail_map: the number of further leaves after which writing one fails, < 0
 *	for none
 * @fail_attach: likewise, attaching
 * @fail_domain: likewise, allocating a domain
 * @error: how they fail
 * @stuck: the number of further calls of unmap after which one does nothing
 */
struct fakeiommu {
	struct fakeiommu_cfg cfg;
	atomic_long_t domains;
	atomic_long_t attached;
	atomic_long_t writes;
	atomic_long_t clears;
	atomic_long_t syncs;
	atomic_long_t flushes;
	atomic_long_t complaints;
	atomic_long_t fail_map;
	atomic_long_t fail_attach;
	atomic_long_t fail_domain;
	atomic_long_t stuck;
	int error;

	/* private: */
	struct kunit *test;
	struct platform_device *pdev;
	struct iommu_device iommu;
};

/**
 * struct fakeiommu_master - platform data of a device behind a fake IOMMU
 * @remove: called when the device loses its driver, optional
 * @priv: for whoever set @remove
 */
struct fakeiommu_master {
	void (*remove)(struct device *dev);
	void *priv;
};

void fakeiommu_many(struct kunit *test);
struct fakeiommu *fakeiommu_create(struct kunit *test, unsigned int nr,
				   const struct fakeiommu_cfg *cfg);
void fakeiommu_unplug(struct kunit *test, struct fakeiommu *fake);
struct device *fakeiommu_master_create(struct kunit *test, unsigned int nr);
void fakeiommu_master_unplug(struct kunit *test, struct device *dev);
int fakeiommu_translate(struct device *dev, dma_addr_t addr, bool write,
			phys_addr_t *paddr);
int fakeiommu_prot(struct device *dev, dma_addr_t addr);
int fakeiommu_access(struct device *dev, dma_addr_t addr, void *buf,
		     size_t len, bool write);
int fakeiommu_fault(struct device *dev, dma_addr_t addr, bool write);

#endif /* _MM_TESTS_VCM_FAKEIOMMU_H */
