// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for contexts of Virtual Contiguous Memory in the address space of
 * a device's DMA API.
 *
 * What they share with all contexts is the contract suite's. Here: a device
 * keeps its DMA API, memory is never copied behind anybody's back, and the
 * addresses are the DMA API's. Behind an IOMMU the device is one of QEMU's edu
 * devices and the IOMMU driver's own walker tells what it reaches; a fake IOMMU
 * stands in where an IOMMU has to be less helpful than those of QEMU. KUnit's
 * device has no IOMMU.
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>
#include <linux/vcm-dma.h>
#include <linux/vcm-drv.h>
#include <linux/vcm-iommu.h>

#include "../vcm-internal.h"
#include "vcm_edu.h"
#include "vcm_fakeiommu.h"

#define dma_ok(test, ptr)	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ptr)

static void dma_expect_errno(struct kunit *test, const void *ptr, int errno)
{
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(ptr), errno);
}

static void dma_destroy(void *vcm)
{
	vcm_destroy(vcm);
}

/* A context that goes with the test */
static struct vcm *dma_context(struct kunit *test, struct device *dev)
{
	struct vcm *vcm = vcm_dma_create(dev);

	dma_ok(test, vcm);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, dma_destroy, vcm));
	return vcm;
}

/* Behind an IOMMU */

static phys_addr_t dma_walk(struct device *dev, dma_addr_t addr)
{
	return iommu_iova_to_phys(iommu_get_domain_for_dev(dev), addr);
}

static void dma_scatter_free(struct vcm_phys *phys)
{
	unsigned int i;

	for (i = 0; i < phys->count; i++)
		__free_page(phys_to_page(phys->parts[i].paddr));
}

static const struct vcm_phys_ops dma_scatter_ops = {
	.owner = THIS_MODULE,
	.free = dma_scatter_free,
};

/* Memory of @count single pages in descending order, so that none are joined */
static struct vcm_phys *dma_scatter(struct kunit *test, unsigned int count)
{
	struct vcm_phys *phys;
	unsigned int i, j;

	phys = vcm_phys_new(count, VCM_PHYS_PAGES, &dma_scatter_ops, NULL);
	dma_ok(test, phys);
	for (i = 0; i < count; i++) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

		KUNIT_ASSERT_NOT_NULL(test, page);
		for (j = i; j && phys->parts[j - 1].paddr < page_to_phys(page);
		     j--)
			phys->parts[j] = phys->parts[j - 1];
		phys->parts[j].paddr = page_to_phys(page);
		phys->parts[j].len = PAGE_SIZE;
	}
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
	KUNIT_ASSERT_EQ(test, phys->count, count);
	return phys;
}

static bool dma_within(const struct vcm_res *res, dma_addr_t addr)
{
	return addr >= res->start && addr <= res->last;
}

#define DMA_ROUNDS	32

/*
 * The device keeps its DMA API: mappings of both kinds, made in turns, have
 * addresses of their own, and each stays what it is when others go
 */
static void vcm_dma_beside_the_dma_api(struct kunit *test)
{
	struct device *dev = vcm_edu_device(test, 0);
	struct vcm *vcm = dma_context(test, dev);
	struct vcm_res *res[DMA_ROUNDS];
	dma_addr_t addr[DMA_ROUNDS];
	struct page *page[DMA_ROUNDS];
	unsigned int i, j;

	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	for (i = 0; i < DMA_ROUNDS; i++) {
		res[i] = vcm_make_binding(vcm, PAGE_SIZE * (1 + i % 5), 0, 0);
		dma_ok(test, res[i]);
		page[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, page[i]);
		addr[i] = dma_map_page(dev, page[i], 0, PAGE_SIZE,
				       DMA_BIDIRECTIONAL);
		KUNIT_ASSERT_EQ(test, dma_mapping_error(dev, addr[i]), 0);
		for (j = 0; j <= i; j++) {
			KUNIT_EXPECT_FALSE(test, dma_within(res[j], addr[i]));
			KUNIT_EXPECT_FALSE(test, dma_within(res[i], addr[j]));
		}
	}

	/* Of each kind every second goes */
	for (i = 0; i < DMA_ROUNDS; i += 2) {
		vcm_destroy_binding(res[i]);
		dma_unmap_page(dev, addr[i + 1], PAGE_SIZE, DMA_BIDIRECTIONAL);
	}
	for (i = 0; i < DMA_ROUNDS; i += 2) {
		KUNIT_EXPECT_EQ(test, dma_walk(dev, addr[i]),
				page_to_phys(page[i]));
		KUNIT_EXPECT_EQ(test, dma_walk(dev, res[i + 1]->start),
				res[i + 1]->phys->parts[0].paddr);
	}

	for (i = 0; i < DMA_ROUNDS; i += 2) {
		dma_unmap_page(dev, addr[i], PAGE_SIZE, DMA_BIDIRECTIONAL);
		vcm_destroy_binding(res[i + 1]);
	}
	for (i = 0; i < DMA_ROUNDS; i++)
		__free_page(page[i]);
	vcm_deactivate(vcm);
}

/* A reservation takes its addresses from the DMA API before it is bound */
static void vcm_dma_reserves_in_the_dma_api(struct kunit *test)
{
	struct device *dev = vcm_edu_device(test, 0);
	struct vcm *vcm = dma_context(test, dev);
	struct dma_iova_state state;
	struct vcm_res *res;

	/* All but the lowest granule is free: one range of this size and kind */
	KUNIT_ASSERT_EQ(test, dma_get_mask(dev), DMA_BIT_MASK(32));
	res = vcm_reserve(vcm, SZ_2G, 0);
	dma_ok(test, res);
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(dev, &state, 0, SZ_2G));
	vcm_unreserve(res);
	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, 0, SZ_2G));
	dma_expect_errno(test, vcm_reserve(vcm, SZ_2G, 0), -ENOSPC);
	dma_iova_free(dev, &state);
}

/* Where a resource_size_t has 32 bits, nobody can ask for so much */
static void dma_expect_too_much(struct kunit *test, struct vcm *vcm, u64 size,
				unsigned int flags)
{
	if ((resource_size_t)size == size)
		dma_expect_errno(test, vcm_reserve(vcm, size, flags), -ENOSPC);
}

/* Sizes beyond the aperture are refused, the DMA API does not hear of them */
static void vcm_dma_reserve_too_much(struct kunit *test)
{
	struct device *dev = vcm_edu_device(test, 0);
	const u64 mask = dma_get_mask(dev);
	struct vcm *vcm = dma_context(test, dev);
	struct vcm *wide;

	dma_expect_too_much(test, vcm, SZ_4G, 0);
	dma_expect_too_much(test, vcm, SZ_4G, VCM_RES_GUARD);
	dma_expect_too_much(test, vcm, BIT_ULL(63), 0);
	dma_expect_too_much(test, vcm, ~0ULL - PAGE_SIZE + 1, 0);

	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(dev, DMA_BIT_MASK(64)));
	wide = vcm_dma_create(dev);
	if (!IS_ERR(wide)) {
		dma_expect_too_much(test, wide, BIT_ULL(63), 0);
		dma_expect_too_much(test, wide, BIT_ULL(62), 0);
	}
	vcm_destroy(wide);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(wide), 0);
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(dev, mask));
}

/*
 * vcm_destroy() gives the addresses of what is still reserved back to the DMA
 * API, once: the last drop does not give back what is somebody else's then
 */
static void vcm_dma_destroy_gives_back(struct kunit *test)
{
	struct device *dev = vcm_edu_device(test, 0);
	struct vcm *old = vcm_dma_create(dev);
	struct vcm *vcm = dma_context(test, dev);
	struct vcm_res *res, *next;

	dma_ok(test, old);
	res = vcm_reserve(old, SZ_2G, 0);
	dma_ok(test, res);
	dma_expect_errno(test, vcm_reserve(vcm, SZ_2G, 0), -ENOSPC);
	vcm_destroy(old);
	next = vcm_reserve(vcm, SZ_2G, 0);
	dma_ok(test, next);
	vcm_unreserve(res);
	dma_expect_errno(test, vcm_reserve(vcm, SZ_2G, 0), -ENOSPC);
	vcm_unreserve(next);
}

/* A guard is part of what the DMA API keeps free, and nothing is mapped there */
static void vcm_dma_guard(struct kunit *test)
{
	struct device *dev = vcm_edu_device(test, 0);
	struct vcm *vcm = dma_context(test, dev);
	struct vcm_res *res, *other;

	/* With the guard it does not fit into the half that it would fill */
	dma_expect_errno(test, vcm_reserve(vcm, SZ_2G, VCM_RES_GUARD),
			 -ENOSPC);
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	res = vcm_make_binding(vcm, SZ_64K, 0, VCM_RES_GUARD);
	dma_ok(test, res);
	other = vcm_make_binding(vcm, SZ_64K, 0, 0);
	dma_ok(test, other);
	KUNIT_EXPECT_EQ(test, res->res_size, SZ_64K);
	KUNIT_EXPECT_NE(test, other->start, res->start + SZ_64K);
	KUNIT_EXPECT_NE(test, 0, dma_walk(dev, res->start + SZ_64K - 1));
	KUNIT_EXPECT_EQ(test, 0, dma_walk(dev, res->start + SZ_64K));
	vcm_destroy_binding(other);
	vcm_destroy_binding(res);
	vcm_deactivate(vcm);
}

/* Row "alignment": congruent to the memory, so that its largest page fits */
static void vcm_dma_congruent(struct kunit *test)
{
	struct device *dev = vcm_edu_device(test, 0);
	struct vcm *vcm = dma_context(test, dev);
	struct vcm_phys *inner, *phys;
	struct vcm_res *res;

	/* What is behind the first 4 KiB holds an aligned page of 2 MiB */
	inner = vcm_alloc(vcm, SZ_4M, VCM_ALLOC_CONTIG);
	dma_ok(test, inner);
	KUNIT_ASSERT_EQ(test, inner->parts[0].paddr & (SZ_2M - 1), 0);
	phys = vcm_phys_import_range(inner->parts[0].paddr + SZ_4K,
				     SZ_4M - SZ_4K);
	dma_ok(test, phys);
	res = vcm_map(vcm, phys, 0);
	dma_ok(test, res);
	KUNIT_EXPECT_EQ(test, res->start & (SZ_2M - 1), SZ_4K);
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	KUNIT_EXPECT_EQ(test, dma_walk(dev, res->start),
			phys->parts[0].paddr);
	KUNIT_EXPECT_EQ(test, dma_walk(dev, res->last),
			phys->parts[0].paddr + (phys->size - 1));
	KUNIT_EXPECT_EQ(test, dma_walk(dev, res->start - 1), 0);
	KUNIT_EXPECT_EQ(test, dma_walk(dev, res->last + 1), 0);
	vcm_unmap(res);
	vcm_deactivate(vcm);
	vcm_free(phys);
	vcm_free(inner);
}

/* A bind that fails half way takes back what it has linked */
static void vcm_dma_bind_unwinds(struct kunit *test)
{
	struct device *dev = vcm_edu_device(test, 0);
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	struct vcm *vcm = dma_context(test, dev);
	struct vcm_phys *phys = dma_scatter(test, 8);
	dma_addr_t taken;
	struct vcm_res *res;
	unsigned int i;
	int ret = 0;

	res = vcm_reserve(vcm, phys->size, 0);
	dma_ok(test, res);
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);

	/* Somebody breaks the rules and takes the place of the sixth part */
	taken = res->start + 5 * PAGE_SIZE;
	KUNIT_ASSERT_EQ(test, 0, iommu_map(domain, taken, phys->parts[0].paddr,
					   PAGE_SIZE, IOMMU_READ, GFP_KERNEL));
	kunit_warning_suppress(test) {
		ret = vcm_bind(res, phys);
	}
	KUNIT_EXPECT_LT(test, ret, 0);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, NULL);
	for (i = 0; i < 8; i++)
		if (i != 5)
			KUNIT_EXPECT_EQ(test, 0,
					dma_walk(dev, res->start +
						      i * PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, PAGE_SIZE, iommu_unmap(domain, taken, PAGE_SIZE));

	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, phys->parts[i].paddr,
				dma_walk(dev, res->start + i * PAGE_SIZE));
	vcm_unmap(res);
	vcm_deactivate(vcm);
	vcm_free(phys);
}

/*
 * An IOMMU may keep in mind that nothing is mapped until it is told: when
 * vcm_bind() returns it has been, for every part, and when vcm_unbind() returns
 * it has been again
 */
static void vcm_dma_bind_is_seen(struct kunit *test)
{
	/* Not the top of 64 bits, where iommu.debug_pagealloc overflows */
	static const struct fakeiommu_cfg cfg = {
		.type = FAKEIOMMU_DMA,
		.last = SZ_1G - 1,
	};
	struct vcm_phys *phys;
	struct device *dev;
	struct vcm_res *res;
	phys_addr_t paddr;
	struct vcm *vcm;
	unsigned int i;

	if (!IS_REACHABLE(CONFIG_VCM_FAKE_IOMMU) ||
	    !IS_ENABLED(CONFIG_IOMMU_DMA))
		kunit_skip(test, "no fake IOMMU, or no DMA API behind IOMMUs");
	fakeiommu_create(test, 0, &cfg);
	dev = fakeiommu_master_create(test, 0);
	vcm = vcm_dma_create(dev);
	dma_ok(test, vcm);
	phys = dma_scatter(test, 4);
	res = vcm_map(vcm, phys, 0);
	if (!IS_ERR(res) && !vcm_activate(vcm)) {
		for (i = 0; i < 4; i++) {
			paddr = 0;
			KUNIT_EXPECT_EQ(test, 0, fakeiommu_translate
					(dev, res->start + i * PAGE_SIZE, true,
					 &paddr));
			KUNIT_EXPECT_EQ(test, paddr, phys->parts[i].paddr);
		}
		vcm_unbind(res);
		for (i = 0; i < 4; i++)
			KUNIT_EXPECT_EQ(test, -EFAULT, fakeiommu_translate
					(dev, res->start + i * PAGE_SIZE, true,
					 &paddr));
	}
	vcm_unmap(res);
	vcm_free(phys);
	vcm_destroy(vcm);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(res), 0);
}

/* While another domain has the device there is no DMA API to share */
static void vcm_dma_attached_elsewhere(struct kunit *test)
{
	struct device *dev = vcm_edu_device(test, 0);
	struct vcm *vcm;

	if (!IS_REACHABLE(CONFIG_VCM_IOMMU))
		kunit_skip(test, "CONFIG_VCM_IOMMU is not reachable");
	vcm = vcm_iommu_create(dev, NULL);
	dma_ok(test, vcm);
	dma_expect_errno(test, vcm_dma_create(dev), -EBUSY);
	vcm_destroy(vcm);
	vcm = vcm_dma_create(dev);
	dma_ok(test, vcm);
	vcm_destroy(vcm);
}

/**
 * struct dma_synced - cache maintenance
 * @paddr: where
 * @len: bytes
 * @dir: direction
 * @for_cpu: for whom
 */
struct dma_synced {
	phys_addr_t paddr;
	size_t len;
	enum dma_data_direction dir;
	bool for_cpu;
};

#define DMA_SYNCS	4

/* What has arrived, since the last look */
struct dma_syncs {
	unsigned int nr;
	struct dma_synced call[DMA_SYNCS];
};

static void dma_sync_stub(phys_addr_t paddr, size_t len,
			  enum dma_data_direction dir, bool for_cpu)
{
	struct dma_syncs *syncs = kunit_get_current_test()->priv;

	if (syncs->nr < DMA_SYNCS)
		syncs->call[syncs->nr] = (struct dma_synced) {
			paddr, len, dir, for_cpu,
		};
	syncs->nr++;
}

static struct dma_syncs *dma_watch_syncs(struct kunit *test)
{
	struct dma_syncs *syncs = kunit_kzalloc(test, sizeof(*syncs),
						GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, syncs);
	test->priv = syncs;
	kunit_activate_static_stub(test, vcm_sync_range, dma_sync_stub);
	return syncs;
}

static void dma_expect_sync(struct kunit *test, unsigned int nr,
			    phys_addr_t paddr, size_t len,
			    enum dma_data_direction dir, bool for_cpu)
{
	const struct dma_syncs *syncs = test->priv;

	KUNIT_EXPECT_EQ(test, syncs->call[nr].paddr, paddr);
	KUNIT_EXPECT_EQ(test, syncs->call[nr].len, len);
	KUNIT_EXPECT_EQ(test, syncs->call[nr].dir, dir);
	KUNIT_EXPECT_EQ(test, syncs->call[nr].for_cpu, for_cpu);
}

/*
 * Row "cache": behind an IOMMU a device that does not snoop gets each part when
 * it becomes reachable, and what it is handed later. The device here snoops, the
 * context is made to take it for one that does not.
 */
static void vcm_dma_sync_parts(struct kunit *test)
{
	struct device *dev = vcm_edu_device(test, 0);
	struct vcm *vcm = dma_context(test, dev);
	struct vcm_phys *phys = dma_scatter(test, 3);
	struct dma_syncs *syncs = dma_watch_syncs(test);
	const struct phys_vec *part = phys->parts;
	struct vcm_res *res;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, vcm->unsnooped, !dev_is_dma_coherent(dev));
	vcm->unsnooped = true;
	res = vcm_map(vcm, phys, 0);
	dma_ok(test, res);
	KUNIT_EXPECT_EQ(test, syncs->nr, 0);
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	KUNIT_EXPECT_EQ(test, syncs->nr, 3);
	for (i = 0; i < 3; i++)
		dma_expect_sync(test, i, part[i].paddr, PAGE_SIZE,
				DMA_BIDIRECTIONAL, false);

	syncs->nr = 0;
	KUNIT_EXPECT_EQ(test, 0,
			vcm_sync_for_device(res, PAGE_SIZE - 64,
					    PAGE_SIZE + 128, DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, syncs->nr, 3);
	dma_expect_sync(test, 0, part[0].paddr + PAGE_SIZE - 64, 64,
			DMA_TO_DEVICE, false);
	dma_expect_sync(test, 1, part[1].paddr, PAGE_SIZE, DMA_TO_DEVICE,
			false);
	dma_expect_sync(test, 2, part[2].paddr, 64, DMA_TO_DEVICE, false);

	syncs->nr = 0;
	KUNIT_EXPECT_EQ(test, 0,
			vcm_sync_for_cpu(res, 2 * PAGE_SIZE, PAGE_SIZE,
					 DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, syncs->nr, 1);
	dma_expect_sync(test, 0, part[2].paddr, PAGE_SIZE, DMA_FROM_DEVICE,
			true);
	vcm_unmap(res);
	vcm_deactivate(vcm);
	vcm_free(phys);
}

/* Without an IOMMU */

static struct device *dma_direct_device(struct kunit *test, const char *name)
{
	struct device *dev = kunit_device_register(test, name);

	dma_ok(test, dev);
	return dev;
}

/* The address of a reservation is the one that the DMA API has for the memory */
static void vcm_dma_direct_address(struct kunit *test)
{
	struct device *dev = dma_direct_device(test, "vcm_dma_address");
	struct bus_dma_region *map;
	struct vcm_phys *phys;
	struct vcm_res *res;
	struct vcm *vcm;
	dma_addr_t addr;

	/*
	 * The bus shows memory 256 MiB further up, all of it that the page
	 * allocator may choose; this goes with the device
	 */
	map = kzalloc_objs(*map, 2);
	KUNIT_ASSERT_NOT_NULL(test, map);
	map->dma_start = SZ_256M;
	map->size = SZ_4G;
	dev->dma_range_map = map;

	vcm = dma_context(test, dev);
	phys = vcm_alloc(vcm, SZ_64K, 0);
	dma_ok(test, phys);
	res = vcm_map(vcm, phys, 0);
	dma_ok(test, res);
	addr = dma_map_phys(dev, phys->parts[0].paddr, SZ_64K,
			    DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_EQ(test, res->start, addr);
	KUNIT_EXPECT_EQ(test, res->start, phys->parts[0].paddr + SZ_256M);
	dma_unmap_phys(dev, addr, SZ_64K, DMA_BIDIRECTIONAL, 0);
	vcm_unmap(res);
	vcm_free(phys);
}

/* Memory beyond the mask is refused, and not copied */
static void vcm_dma_direct_beyond_mask(struct kunit *test)
{
	struct device *dev = dma_direct_device(test, "vcm_dma_mask");
	struct vcm_phys *phys;
	struct vcm *vcm;

	dev->coherent_dma_mask = PAGE_SIZE - 1;
	vcm = dma_context(test, dev);
	phys = vcm_alloc(vcm_vmm, PAGE_SIZE, 0);
	dma_ok(test, phys);
	dma_expect_errno(test, vcm_map(vcm, phys, 0), -EADDRNOTAVAIL);

	/* The context goes on as it was made when the mask gets smaller */
	dev->coherent_dma_mask = DMA_BIT_MASK(32);
	vcm = dma_context(test, dev);
	dev->coherent_dma_mask = PAGE_SIZE - 1;
	dma_expect_errno(test, vcm_map(vcm, phys, 0), -EADDRNOTAVAIL);
	dev->coherent_dma_mask = DMA_BIT_MASK(32);
	dev->bus_dma_limit = PAGE_SIZE - 1;
	dma_expect_errno(test, vcm_map(vcm, phys, 0), -EADDRNOTAVAIL);
	dev->bus_dma_limit = 0;
	vcm_free(phys);
}

#ifdef CONFIG_SWIOTLB
/*
 * No bounce buffers behind one's back: no context, and no binding. They are the
 * usual ones, of which the device is made to think that it has to use them
 */
static void vcm_dma_direct_bounce(struct kunit *test)
{
	struct device *dev = dma_direct_device(test, "vcm_dma_bounce");
	struct io_tlb_mem *usual = dev->dma_io_tlb_mem, *force;
	struct vcm *vcm = dma_context(test, dev);
	struct vcm_phys *phys;
	struct vcm_res *res;

	if (!usual)
		kunit_skip(test, "there are no bounce buffers");
	force = kunit_kzalloc(test, sizeof(*force), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, force);
	*force = *usual;
	force->force_bounce = true;
	phys = vcm_alloc(vcm, PAGE_SIZE, 0);
	dma_ok(test, phys);

	dev->dma_io_tlb_mem = force;
	dma_expect_errno(test, vcm_dma_create(dev), -EOPNOTSUPP);
	dma_expect_errno(test, vcm_map(vcm, phys, 0), -EOPNOTSUPP);
	dev->dma_io_tlb_mem = usual;
	res = vcm_map(vcm, phys, 0);
	dma_ok(test, res);

	/* A failed bind leaves the address */
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	dev->dma_io_tlb_mem = force;
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EOPNOTSUPP);
	dev->dma_io_tlb_mem = usual;
	KUNIT_EXPECT_EQ(test, res->start, phys->parts[0].paddr);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	vcm_unmap(res);
	vcm_free(phys);
}
#else
static void vcm_dma_direct_bounce(struct kunit *test)
{
	kunit_skip(test, "there are no bounce buffers");
}
#endif

/* vcm_dma_create(): what is refused */
static void vcm_dma_create_errors(struct kunit *test)
{
	struct device *dev = dma_direct_device(test, "vcm_dma_errors");
	u64 *mask = dev->dma_mask;
	struct vcm *vcm;

	dma_expect_errno(test, vcm_dma_create(NULL), -EINVAL);
	dma_expect_errno(test, vcm_dma_create(ERR_PTR(-ENODEV)), -EINVAL);
	dev->dma_mask = NULL;
	dma_expect_errno(test, vcm_dma_create(dev), -EINVAL);
	dev->dma_mask = mask;
	*mask = PAGE_SIZE - 2;
	dma_expect_errno(test, vcm_dma_create(dev), -EINVAL);
	*mask = DMA_BIT_MASK(32);

	vcm = vcm_dma_create(dev);
	dma_ok(test, vcm);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, dev), -EOPNOTSUPP);
	vcm_destroy(vcm);
}

/* Row "cache": a device that does not snoop, from bind to unbind */
static void vcm_dma_direct_unsnooped(struct kunit *test)
{
	struct device *dev = dma_direct_device(test, "vcm_dma_unsnooped");
	struct dma_syncs *syncs = dma_watch_syncs(test);
	struct vcm_res *res;
	struct vcm *vcm;

	if (dev_is_dma_coherent(dev))
		kunit_skip(test, "every device snoops");
	vcm = dma_context(test, dev);
	res = vcm_make_binding(vcm, SZ_64K, 0, 0);
	dma_ok(test, res);
	KUNIT_EXPECT_EQ(test, syncs->nr, 1);
	dma_expect_sync(test, 0, res->phys->parts[0].paddr, SZ_64K,
			DMA_BIDIRECTIONAL, false);
	KUNIT_EXPECT_EQ(test, 0,
			vcm_sync_for_cpu(res, 128, 256, DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, syncs->nr, 2);
	dma_expect_sync(test, 1, res->phys->parts[0].paddr + 128, 256,
			DMA_FROM_DEVICE, true);
	kunit_deactivate_static_stub(test, vcm_sync_range);

	/* The same, to where it really goes */
	KUNIT_EXPECT_EQ(test, 0,
			vcm_sync_for_device(res, 0, SZ_64K, DMA_BIDIRECTIONAL));
	vcm_destroy_binding(res);
}

static struct kunit_case vcm_dma_cases[] = {
	KUNIT_CASE(vcm_dma_beside_the_dma_api),
	KUNIT_CASE(vcm_dma_reserves_in_the_dma_api),
	KUNIT_CASE(vcm_dma_reserve_too_much),
	KUNIT_CASE(vcm_dma_destroy_gives_back),
	KUNIT_CASE(vcm_dma_guard),
	KUNIT_CASE(vcm_dma_congruent),
	KUNIT_CASE(vcm_dma_bind_unwinds),
	KUNIT_CASE(vcm_dma_bind_is_seen),
	KUNIT_CASE(vcm_dma_attached_elsewhere),
	KUNIT_CASE(vcm_dma_sync_parts),
	KUNIT_CASE(vcm_dma_direct_address),
	KUNIT_CASE(vcm_dma_direct_beyond_mask),
	KUNIT_CASE(vcm_dma_direct_bounce),
	KUNIT_CASE(vcm_dma_direct_unsnooped),
	KUNIT_CASE(vcm_dma_create_errors),
	{ }
};

static struct kunit_suite vcm_dma_suite = {
	.name = "vcm_dma",
	.test_cases = vcm_dma_cases,
};

kunit_test_suite(vcm_dma_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests for contexts in the address space of the DMA API");
MODULE_LICENSE("GPL");
