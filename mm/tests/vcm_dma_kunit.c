// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for contexts of Virtual Contiguous Memory in the address space of
 * a device's DMA API.
 *
 * The contract suite tests what all contexts have in common. Here: the device
 * keeps its DMA API, no memory is copied, and the DMA API allocates the addresses.
 * Behind an IOMMU the device is one of QEMU's edu devices, and the walker of the
 * IOMMU driver tells what the device reaches. A fake IOMMU remembers that nothing
 * is mapped, which those of QEMU do not. KUnit's own device has no IOMMU.
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

/* Create a context that is destroyed at the end of the test. */
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

/* Describe @count single pages in descending order, so that no two are joined. */
static struct vcm_phys *dma_scatter(struct kunit *test, unsigned int count)
{
	struct vcm_phys *phys;
	unsigned int i, j;

	phys = vcm_phys_new(count, VCM_PHYS_PAGES, dma_scatter_free, NULL);
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
 * The device keeps its DMA API: mappings of both, made by turns, have different
 * addresses, and each stays as it is when others are unmapped.
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

	/* Unmap every second one of both */
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

/* vcm_reserve: the addresses are allocated in the DMA API. */
static void vcm_dma_reserves_in_the_dma_api(struct kunit *test)
{
	struct device *dev = vcm_edu_device(test, 0);
	struct vcm *vcm = dma_context(test, dev);
	struct dma_iova_state state;
	struct vcm_res *res;

	/* All but the lowest granule is free: one aligned range of this size */
	KUNIT_ASSERT_EQ(test, dma_get_mask(dev), DMA_BIT_MASK(32));
	res = vcm_reserve(vcm, SZ_2G, 0);
	dma_ok(test, res);
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(dev, &state, 0, SZ_2G));
	vcm_unreserve(res);
	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, 0, SZ_2G));
	dma_expect_errno(test, vcm_reserve(vcm, SZ_2G, 0), -ENOSPC);
	dma_iova_free(dev, &state);
}

/* Expect -ENOSPC, if the size fits its type. */
static void dma_expect_too_much(struct kunit *test, struct vcm *vcm, u64 size,
				unsigned int flags)
{
	if ((resource_size_t)size == size)
		dma_expect_errno(test, vcm_reserve(vcm, size, flags), -ENOSPC);
}

/* vcm_reserve: -ENOSPC for sizes that exceed the aperture. */
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
 * vcm_destroy: frees the addresses of reservations that have owners, once: the
 * last owner does not free addresses that another context has by then.
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

/* VCM_RES_GUARD: the guard is allocated in the DMA API, and stays unmapped. */
static void vcm_dma_guard(struct kunit *test)
{
	struct device *dev = vcm_edu_device(test, 0);
	struct vcm *vcm = dma_context(test, dev);
	struct vcm_res *res, *other;

	/* With the guard it does not fit into the half that is free */
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

static void dma_release(void *released)
{
	++*(unsigned int *)released;
}

/* Alignment: the address is congruent to the largest pages of the memory. */
static void vcm_dma_congruent(struct kunit *test)
{
	unsigned int released = 0;
	struct device *dev = vcm_edu_device(test, 0);
	struct vcm *vcm = dma_context(test, dev);
	struct vcm_phys *inner, *phys;
	struct vcm_res *res;

	/* The memory after the first 4 KiB has an aligned page of 2 MiB */
	inner = vcm_alloc(vcm, SZ_4M, VCM_ALLOC_CONTIG);
	dma_ok(test, inner);
	KUNIT_ASSERT_EQ(test, inner->parts[0].paddr & (SZ_2M - 1), 0);
	phys = vcm_phys_import_range(inner->parts[0].paddr + SZ_4K,
				     SZ_4M - SZ_4K, 0, dma_release, &released);
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
	KUNIT_EXPECT_EQ(test, released, 1);
	vcm_free(inner);
}

/* vcm_bind: a bind that fails half way unmaps what it has mapped. */
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

	/* A mapping without a reservation, at the address of the sixth part */
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
 * vcm_bind, vcm_unbind: an IOMMU that caches entries which are not present is
 * told of each part before the call returns.
 */
static void vcm_dma_bind_is_seen(struct kunit *test)
{
	/* Below the top of 64 bits, where iommu.debug_pagealloc overflows */
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

/* vcm_dma_create: -EBUSY while the device is attached to another domain. */
static void vcm_dma_attached_elsewhere(struct kunit *test)
{
	struct device *dev = vcm_edu_device(test, 0);
	struct vcm *vcm;

	if (!IS_REACHABLE(CONFIG_VCM_IOMMU))
		kunit_skip(test, "CONFIG_VCM_IOMMU is not reachable");
	vcm = vcm_iommu_create(dev);
	dma_ok(test, vcm);
	dma_expect_errno(test, vcm_dma_create(dev), -EBUSY);
	vcm_destroy(vcm);
	vcm = vcm_dma_create(dev);
	dma_ok(test, vcm);
	vcm_destroy(vcm);
}

/**
 * struct dma_synced - a call of vcm_sync_range()
 * @paddr: its physical address
 * @len: its size, bytes
 * @dir: its direction
 * @for_cpu: the memory is handed to the CPUs
 */
struct dma_synced {
	phys_addr_t paddr;
	size_t len;
	enum dma_data_direction dir;
	bool for_cpu;
};

#define DMA_SYNCS	4

/* The calls of a test */
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
 * Coherence: behind an IOMMU, the DMA API's answer for the device decides. Memory
 * of vcm_alloc() is written back once, other memory is not; vcm_sync_*() hand over
 * each part. The device here snoops, so the test changes the context.
 */
static void vcm_dma_sync_parts(struct kunit *test)
{
	struct device *dev = vcm_edu_device(test, 0);
	struct vcm *vcm = dma_context(test, dev);
	struct vcm_phys *phys = dma_scatter(test, 3);
	struct dma_syncs *syncs = dma_watch_syncs(test);
	const struct phys_vec *part = phys->parts;
	struct vcm_res *res;

	KUNIT_EXPECT_EQ(test, vcm->coherence, dev_is_dma_coherent(dev) ?
			VCM_SNOOPED : VCM_UNSNOOPED);
	vcm->coherence = VCM_UNSNOOPED;
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	res = vcm_make_binding(vcm, PAGE_SIZE, 0, 0);
	dma_ok(test, res);
	KUNIT_EXPECT_EQ(test, syncs->nr, 1);
	dma_expect_sync(test, 0, res->phys->parts[0].paddr, PAGE_SIZE,
			DMA_BIDIRECTIONAL, false);
	vcm_destroy_binding(res);

	syncs->nr = 0;
	res = vcm_map(vcm, phys, 0);
	dma_ok(test, res);
	KUNIT_EXPECT_EQ(test, syncs->nr, 0);
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

/* vcm_map: without an IOMMU, res->start is the address of the direct mapping. */
static void vcm_dma_direct_address(struct kunit *test)
{
	struct device *dev = dma_direct_device(test, "vcm_dma_address");
	struct bus_dma_region *map;
	struct vcm_phys *phys;
	struct vcm_res *res;
	struct vcm *vcm;
	dma_addr_t addr;

	/*
	 * The bus shows the lowest 4 GiB 256 MiB further up. The map is freed
	 * with the device.
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

/* vcm_bind: -EADDRNOTAVAIL for memory above the mask, which is not copied. */
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

	/* Also if the mask gets smaller after the context was made */
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
 * Confinement: -EOPNOTSUPP from vcm_dma_create() and vcm_bind() if the DMA API
 * would copy the memory. The test makes the device use the default bounce buffers
 * in any case.
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

	/* A bind that fails changes no address */
	vcm_unbind(res);
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

/* vcm_dma_create: -EINVAL for a bad pointer and a mask of less than a page. */
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

/*
 * A mapping belongs to the caller that made it, also without an IOMMU: a second
 * one of the same memory is a reservation of its own at the same address.
 */
static void vcm_dma_direct_twice(struct kunit *test)
{
	struct device *dev = dma_direct_device(test, "vcm_dma_twice");
	struct vcm *vcm = dma_context(test, dev);
	struct vcm_phys *phys = vcm_alloc(vcm, SZ_64K, 0);
	struct vcm_res *res, *other;

	dma_ok(test, phys);
	res = vcm_map(vcm, phys, VCM_RES_READ);
	dma_ok(test, res);
	other = vcm_map(vcm, phys, VCM_RES_WRITE);
	dma_ok(test, other);
	KUNIT_EXPECT_PTR_NE(test, res, other);
	KUNIT_EXPECT_EQ(test, res->start, other->start);
	vcm_unmap(res);
	KUNIT_EXPECT_PTR_EQ(test, other->phys, phys);
	vcm_unmap(other);
	vcm_free(phys);
}

/* Coherence: without an IOMMU, memory is written back once, then handed over. */
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

	/* The same, without the stub */
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
	KUNIT_CASE(vcm_dma_direct_twice),
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
