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

/* Maximum number of instances, without and with fakeiommu_many() */
#define FAKEIOMMU_FEW		8
#define FAKEIOMMU_MAX		128

/**
 * enum fakeiommu_default - the default domain of its devices
 * @FAKEIOMMU_BLOCKED: nothing is reached
 * @FAKEIOMMU_IDENTITY: all memory is reached
 * @FAKEIOMMU_DMA: mappings of the DMA API are reached, if that uses IOMMUs
 */
enum fakeiommu_default {
	FAKEIOMMU_BLOCKED,
	FAKEIOMMU_IDENTITY,
	FAKEIOMMU_DMA,
};

/**
 * struct fakeiommu_region - addresses that its devices cannot use
 * @start: first address
 * @size: bytes
 * @type: type of the region
 */
struct fakeiommu_region {
	unsigned long start;
	size_t size;
	enum iommu_resv_type type;
};

/**
 * struct fakeiommu_cfg - properties of a fake IOMMU
 * @pgsize_bitmap: page sizes; 0: 4K, 64K, 2M and 1G
 * @start: lowest address that it translates
 * @last: highest address that it translates, inclusive; 0: no limit
 * @region: addresses that its devices cannot use, up to an empty entry
 * @type: the default domain of its devices
 * @refuses: it accepts no domain that another instance allocated
 * @settles: page sizes and aperture of a domain are set when the first device
 *	is attached to it; before that there are none
 * @one_group: all its devices are in one group
 * @no_snoop: its devices do not snoop CPU caches, see fakeiommu_snoops()
 * @deferred: it can leave invalidation to a flush of the whole domain
 * @linked: its devices lose their drivers before it is removed
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
 * @cfg: its properties
 * @domains: number of domains that it allocated and that were not freed
 * @attached: number of attaches of its devices, except to the default domain
 * @writes: leaves written
 * @charged: leaves written with memory that is charged to a memory cgroup
 * @clears: leaves cleared
 * @syncs: waits for the TLB, for a range or for all of a domain
 * @flushes: waits for all of a domain
 * @complaints: misuse of the IOMMU API, and domains freed with leaves in them
 * @fail_map: number of leaves after which writing one fails; < 0: none fails
 * @fail_attach: likewise, attaching
 * @fail_domain: likewise, allocating a domain
 * @error: errno of these failures
 * @stuck: number of calls of unmap after which one does nothing; < 0: none
 */
struct fakeiommu {
	struct fakeiommu_cfg cfg;
	atomic_long_t domains;
	atomic_long_t attached;
	atomic_long_t writes;
	atomic_long_t charged;
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
 * @remove: called when the driver is unbound from the device, optional
 * @priv: for @remove
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
bool fakeiommu_snoops(struct device *dev);
int fakeiommu_translate(struct device *dev, dma_addr_t addr, bool write,
			phys_addr_t *paddr);
int fakeiommu_prot(struct device *dev, dma_addr_t addr);
int fakeiommu_access(struct device *dev, dma_addr_t addr, void *buf,
		     size_t len, bool write);
int fakeiommu_fault(struct device *dev, dma_addr_t addr, bool write);

#endif /* _MM_TESTS_VCM_FAKEIOMMU_H */
