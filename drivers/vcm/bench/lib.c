// SPDX-License-Identifier: GPL-2.0-only
/*
 * Benchmark: contexts, page tables and memory for several parts.
 */
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/scatterlist.h>
#include <linux/vcm-iommu.h>

#include "bench.h"

/* Create an active context for @dev; its opposite is vcm_destroy(). */
struct vcm *bench_vcm(struct device *dev)
{
	struct vcm *vcm = vcm_iommu_create(dev);
	int ret;

	if (IS_ERR(vcm))
		return vcm;
	ret = vcm_activate(vcm);
	if (!ret)
		return vcm;
	vcm_destroy(vcm);
	return ERR_PTR(ret);
}

/* Set up what a driver needs without VCM and without the DMA API. */
int bench_floor_init(struct bench_floor *floor, struct device *dev)
{
	int ret;

	floor->dev = dev;
	floor->domain = iommu_paging_domain_alloc(dev);
	if (IS_ERR(floor->domain))
		return PTR_ERR(floor->domain);
	ret = iommu_attach_device(floor->domain, dev);
	if (ret)
		goto err_domain;
	ret = iova_cache_get();
	if (ret)
		goto err_attach;
	init_iova_domain(&floor->iovad, SZ_4K, 1);
	return 0;

err_attach:
	iommu_detach_device(floor->domain, dev);
err_domain:
	iommu_domain_free(floor->domain);
	return ret;
}

void bench_floor_exit(struct bench_floor *floor)
{
	put_iova_domain(&floor->iovad);
	iova_cache_put();
	iommu_detach_device(floor->domain, floor->dev);
	iommu_domain_free(floor->domain);
}

/*
 * Describe @size bytes from @page on as parts of @part bytes, in descending
 * order, so that they cannot be joined. The opposite is sg_free_table().
 */
int bench_scatter(struct sg_table *sgt, struct page *page, u64 size, u64 part)
{
	unsigned int i, nents = size / part;
	struct scatterlist *sg;
	int ret;

	ret = sg_alloc_table(sgt, nents, GFP_KERNEL);
	if (ret)
		return ret;
	for_each_sgtable_sg(sgt, sg, i)
		sg_set_page(sg, page + (size - (i + 1) * part) / PAGE_SIZE,
			    part, 0);
	return 0;
}

/* The benchmark frees the memory itself, after the allocation is gone. */
static void bench_release(void *priv)
{
}

/* Make the memory of a table an allocation; its opposite is vcm_free(). */
struct vcm_phys *bench_import(struct sg_table *sgt, u64 size)
{
	return vcm_phys_import_sgt(sgt, size, 0, bench_release, NULL);
}
