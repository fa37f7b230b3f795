/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A GART, for the tests of Virtual Contiguous Memory.
 */
#ifndef _MM_TESTS_VCM_GART_H
#define _MM_TESTS_VCM_GART_H

#include <kunit/test.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/vcm-drv.h>

#define GART_BASE	SZ_256M
#define GART_SIZE	SZ_64M
#define GART_ENTRIES	(GART_SIZE / SZ_4K)
#define GART_VALID	BIT(0)

/**
 * struct gart - a context behind a GART
 * @mmu: the context
 * @table: one entry for each page of the aperture: its physical address and
 *	%GART_VALID
 * @flushes: flushes of the hardware
 * @released: counts the releases of such contexts, optional
 */
struct gart {
	struct vcm_mmu mmu;
	u32 *table;
	unsigned long flushes;
	unsigned int *released;

	/* private: entries that the hardware has read */
	struct kunit *test;
	struct mutex lock;	/* @kept and @loaded, the valid ones of it */
	u32 *kept;
	DECLARE_BITMAP(loaded, GART_ENTRIES);
};

struct gart *gart_create(struct kunit *test);
void gart_flush(struct gart *gart);
int gart_translate(struct vcm *vcm, dma_addr_t addr, phys_addr_t *paddr);
int gart_access(struct vcm *vcm, dma_addr_t addr, void *buf, size_t len,
		bool write);

#endif /* _MM_TESTS_VCM_GART_H */
