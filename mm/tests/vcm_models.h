/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the models of MMUs in the tests of Virtual Contiguous Memory:
 * accesses of devices, and memory for them.
 */
#ifndef _MM_TESTS_VCM_MODELS_H
#define _MM_TESTS_VCM_MODELS_H

#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/highmem.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/vcm-drv.h>

/* Translate an address as for an access of a device; return 0 or an errno. */
typedef int (*vcm_model_fn)(void *dev, dma_addr_t addr, bool write,
			    phys_addr_t *paddr);

/*
 * Let a device read or write @len bytes, through an MMU with pages of @granule
 * bytes or more. Return 0, or the errno of @translate for the first byte that
 * is not reached; the bytes before it were transferred.
 */
static inline int vcm_model_access(vcm_model_fn translate, void *dev,
				   size_t granule, dma_addr_t addr, void *buf,
				   size_t len, bool write)
{
	size_t chunk;

	for (; len; addr += chunk, buf += chunk, len -= chunk) {
		phys_addr_t paddr;
		struct page *page;
		int ret;

		ret = translate(dev, addr, write, &paddr);
		if (ret)
			return ret;
		if (!pfn_valid(PHYS_PFN(paddr))) {
			kunit_fail_current_test("%pad leads to %pa, which is not memory",
						&addr, &paddr);
			return -EFAULT;
		}
		chunk = min3(len, granule - (size_t)(addr & (granule - 1)),
			     PAGE_SIZE - offset_in_page(paddr));
		page = pfn_to_page(PHYS_PFN(paddr));
		if (write)
			memcpy_to_page(page, offset_in_page(paddr), buf, chunk);
		else
			memcpy_from_page(buf, page, offset_in_page(paddr),
					 chunk);
	}
	return 0;
}

static inline void vcm_model_free(struct vcm_phys *phys)
{
}

/* Make an allocation of memory that no model reads or writes. */
static inline struct vcm_phys *vcm_model_phys(struct kunit *test,
					      const struct phys_vec *parts,
					      unsigned int count)
{
	struct vcm_phys *phys = vcm_phys_new(count, 0, vcm_model_free, NULL);
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	for (i = 0; i < count; i++)
		phys->parts[i] = parts[i];
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
	return phys;
}

#endif /* _MM_TESTS_VCM_MODELS_H */
