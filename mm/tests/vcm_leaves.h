/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Count page-table leaves, for tests and measurements of Virtual Contiguous
 * Memory.
 */
#ifndef _MM_TESTS_VCM_LEAVES_H
#define _MM_TESTS_VCM_LEAVES_H

#include <linux/vcm-drv.h>

static inline int vcm_leaves_add(void *priv, dma_addr_t addr, phys_addr_t paddr,
				 size_t pgsize, size_t pgcount)
{
	unsigned long *leaves = priv;

	*leaves += pgcount;
	return 0;
}

/*
 * Return the number of leaves of a binding with the largest usable pages; 0 if
 * nothing is bound or addresses follow the memory. The caller prevents a bind or
 * unbind.
 */
static inline unsigned long vcm_leaves(const struct vcm_res *res)
{
	unsigned long leaves = 0;

	if (res->phys && !res->vcm->driver->fixed)
		vcm_phys_walk(res->phys, res->start, res->vcm->pgsize_bitmap,
			      vcm_leaves_add, &leaves);
	return leaves;
}

#endif /* _MM_TESTS_VCM_LEAVES_H */
