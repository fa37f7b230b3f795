// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for one-to-one contexts of Virtual Contiguous Memory that are
 * backed by CMA.
 *
 * The memory comes from the default area. Each test checks that all of it was
 * freed.
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vcm-cma.h>
#include <linux/vcm-drv.h>

#include "../cma.h"
#include "../vcm-internal.h"

/**
 * struct cma_state - state of a test case
 * @cma: the default area
 * @free: number of its pages that were free at the beginning
 * @base: its first physical address
 * @size: its size, bytes
 */
struct cma_state {
	struct cma *cma;
	unsigned long free;
	phys_addr_t base;
	u64 size;
};

static unsigned long cma_free_pages(struct kunit *test)
{
	struct cma_state *state = test->priv;

	return READ_ONCE(state->cma->available_count);
}

/* Register a device that snoops, with a DMA mask. */
static struct device *cma_device(struct kunit *test, const char *name, u64 mask)
{
	struct device *dev = kunit_device_register(test, name);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	dev->coherent_dma_mask = mask;
	dev->dma_mask = &dev->coherent_dma_mask;
	dev_set_dma_coherent(dev);
	return dev;
}

/* Give the bus of a device a window. It is freed with the device. */
static void cma_set_window(struct kunit *test, struct device *dev,
			   phys_addr_t cpu, dma_addr_t bus, u64 size)
{
	struct bus_dma_region *map = kzalloc_objs(*map, 2);

	KUNIT_ASSERT_NOT_NULL(test, map);
	map->cpu_start = cpu;
	map->dma_start = bus;
	map->size = size;
	kfree(dev->dma_range_map);
	dev->dma_range_map = map;
}

/* Free the window of a device, as happens when its driver is unbound. */
static void cma_clear_window(struct device *dev)
{
	kfree(dev->dma_range_map);
	dev->dma_range_map = NULL;
}

static struct vcm *cma_create(struct kunit *test, struct device *dev)
{
	struct vcm *vcm = vcm_cma_create(dev);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	return vcm;
}

static struct vcm_phys *cma_alloc_part(struct kunit *test, struct vcm *vcm,
				       size_t size)
{
	struct vcm_phys *phys = vcm_alloc(vcm, size, VCM_ALLOC_NOWARN);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_ASSERT_EQ(test, phys->count, 1);
	return phys;
}

/* Return the physical address of the first free page of the area. */
static phys_addr_t cma_probe(struct kunit *test)
{
	struct device *dev = cma_device(test, "probe", DMA_BIT_MASK(64));
	struct vcm *vcm = cma_create(test, dev);
	struct vcm_phys *phys = cma_alloc_part(test, vcm, PAGE_SIZE);
	phys_addr_t paddr = phys->parts[0].paddr;

	vcm_free(phys);
	vcm_destroy(vcm);
	kunit_device_unregister(test, dev);
	return paddr;
}

/* vcm_cma_create: -EINVAL for a bad pointer; else a context with the device. */
static void cma_create_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(40));
	struct vcm *vcm;

	KUNIT_EXPECT_PTR_EQ(test, vcm_cma_create(NULL), ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, vcm_cma_create(ERR_PTR(-ENODEV)),
			    ERR_PTR(-EINVAL));

	vcm = cma_create(test, dev);
	KUNIT_EXPECT_EQ(test, (u64)vcm->start, 0);
	KUNIT_EXPECT_EQ(test, (u64)vcm->last,
			min_t(u64, DMA_BIT_MASK(40), ~(dma_addr_t)0));
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, dev), -EALREADY);
	vcm_destroy(vcm);
}

/* vcm_cma_create: the aperture ends at the mask or at the bus limit, in pages. */
static void cma_aperture_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(32));
	struct vcm *vcm;

	dev->bus_dma_limit = SZ_1G - 1;
	vcm = cma_create(test, dev);
	KUNIT_EXPECT_EQ(test, (u64)vcm->last, SZ_1G - 1);
	vcm_destroy(vcm);

	dev->bus_dma_limit = SZ_1G + 5;
	vcm = cma_create(test, dev);
	KUNIT_EXPECT_EQ(test, (u64)vcm->last, SZ_1G - 1);
	vcm_destroy(vcm);

	dev->bus_dma_limit = DMA_BIT_MASK(48);
	vcm = cma_create(test, dev);
	KUNIT_EXPECT_EQ(test, (u64)vcm->last, DMA_BIT_MASK(32));
	vcm_destroy(vcm);

	dev->bus_dma_limit = PAGE_SIZE / 2;
	KUNIT_EXPECT_PTR_EQ(test, vcm_cma_create(dev), ERR_PTR(-EINVAL));
}

/* Memory: zeroed, also if it was written to and freed before; one part. */
static void cma_zeroed_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	const size_t size = SZ_256K + PAGE_SIZE;
	struct vcm *vcm = cma_create(test, dev);
	struct vcm_phys *phys;
	struct vcm_res *res;
	phys_addr_t paddr = 0;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		phys = vcm_alloc(vcm, size - 1, i == 1 ? VCM_ALLOC_CONTIG : 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
		KUNIT_EXPECT_EQ(test, phys->count, 1);
		KUNIT_EXPECT_EQ(test, (u64)phys->size, size);
		/* This is the memory that was written to */
		if (i)
			KUNIT_EXPECT_TRUE(test,
					  phys->parts[0].paddr == paddr);
		paddr = phys->parts[0].paddr;

		res = vcm_map(vcm_vmm, phys, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
		KUNIT_EXPECT_NULL(test, memchr_inv(vcm_cpu_addr(res), 0, size));
		memset(vcm_cpu_addr(res), 0x5a, size);
		vcm_unmap(res);
		vcm_free(phys);
	}
	vcm_destroy(vcm);
}

/* vcm_alloc: -EOPNOTSUPP for VCM_ALLOC_ACCOUNT, which CMA cannot honour. */
static void cma_flags_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct vcm *vcm = cma_create(test, dev);

	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, PAGE_SIZE, VCM_ALLOC_ACCOUNT),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, PAGE_SIZE,
					    VCM_ALLOC_FLAGS + 1),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, 0, 0), ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, vcm_reserve(vcm, PAGE_SIZE, 0),
			    ERR_PTR(-EOPNOTSUPP));
	vcm_destroy(vcm);
}

/*
 * Alignment: natural: to the size rounded up to a power of two, up to
 * CONFIG_CMA_ALIGNMENT.
 */
static void cma_align_test(struct kunit *test)
{
	static const unsigned int pages[] = { 1, 2, 3, 4, 5, 16, 17, 64, 250 };
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct vcm *vcm = cma_create(test, dev);
	struct vcm_phys *phys[ARRAY_SIZE(pages)], *off;
	unsigned int i, order;

	/* The first free page is not aligned to more than a page */
	off = cma_alloc_part(test, vcm, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		phys[i] = cma_alloc_part(test, vcm, pages[i] * PAGE_SIZE);
		order = min(order_base_2(pages[i]), CONFIG_CMA_ALIGNMENT);
		KUNIT_EXPECT_TRUE(test,
				  IS_ALIGNED((u64)phys[i]->parts[0].paddr,
					     PAGE_SIZE << order));
		KUNIT_EXPECT_EQ(test, (u64)phys[i]->size, pages[i] * PAGE_SIZE);
	}
	while (i--)
		vcm_free(phys[i]);
	vcm_free(off);
	vcm_destroy(vcm);
}

#define CMA_HELD	64

/*
 * Alignment: if the area has nothing that is aligned naturally, memory that is
 * aligned to the granule is returned.
 */
static void cma_align_falls_back_test(struct kunit *test)
{
	const unsigned int flags = VCM_ALLOC_NOWARN | VCM_ALLOC_NOZERO;
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct vcm *vcm = cma_create(test, dev);
	struct vcm_phys *held[CMA_HELD], *single[4], *phys;
	size_t size = SZ_1G;
	unsigned int i, nr = 0;

	phys = cma_alloc_part(test, vcm, 4 * PAGE_SIZE);
	/* Until not even one page is left */
	while (size >= PAGE_SIZE && nr < CMA_HELD) {
		held[nr] = vcm_alloc(vcm, size, flags);
		if (IS_ERR(held[nr]))
			size /= 2;
		else
			nr++;
	}
	vcm_free(phys);
	for (i = 0; i < 4; i++)
		single[i] = cma_alloc_part(test, vcm, PAGE_SIZE);
	KUNIT_EXPECT_LT(test, size, PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, single[3]->parts[0].paddr ==
			  single[0]->parts[0].paddr + 3 * PAGE_SIZE);

	vcm_free(single[1]);
	vcm_free(single[2]);
	phys = vcm_alloc(vcm, 2 * PAGE_SIZE, flags);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, phys);
	if (!IS_ERR(phys))
		KUNIT_EXPECT_FALSE(test, IS_ALIGNED((u64)phys->parts[0].paddr,
						    2 * PAGE_SIZE));
	vcm_free(phys);
	vcm_free(single[3]);
	vcm_free(single[0]);
	while (nr--)
		vcm_free(held[nr]);
	vcm_destroy(vcm);
}

/* CMA: one part that is larger than any block of the page allocator. */
static void cma_large_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	const size_t size = (PAGE_SIZE << MAX_PAGE_ORDER) * 2 + PAGE_SIZE;
	struct vcm *vcm = cma_create(test, dev);
	unsigned long free = cma_free_pages(test);
	struct vcm_phys *phys;
	struct vcm_res *res;

	if (free < 2 * PHYS_PFN(size)) {
		vcm_destroy(vcm);
		kunit_skip(test, "the CMA area is too small: boot with cma=");
	}
	phys = cma_alloc_part(test, vcm, size);
	KUNIT_EXPECT_EQ(test, phys->parts[0].len, size);
	KUNIT_EXPECT_EQ(test, cma_free_pages(test), free - PHYS_PFN(size));
	res = vcm_map(vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, (u64)res->res_size, size);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_destroy(vcm);
}

#define CMA_PIECES	8

/* CMA: -ENOMEM at once if the area is exhausted; freed memory can be had again. */
static void cma_exhaustion_test(struct kunit *test)
{
	const unsigned int flags = VCM_ALLOC_NOWARN | VCM_ALLOC_NOZERO;
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct cma_state *state = test->priv;
	size_t size = PAGE_ALIGN(div_u64(state->size, CMA_PIECES));
	struct vcm *vcm = cma_create(test, dev);
	struct vcm_phys *phys[CMA_PIECES + 1];
	unsigned int i, round;

	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, state->size + 1, flags),
			    ERR_PTR(-ENOMEM));
	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, (resource_size_t)1 << 31,
					    flags), ERR_PTR(-ENOMEM));
	if (sizeof(resource_size_t) > 4) {
		/* The number of pages would fit if it were cut to 32 bits */
		const resource_size_t cut =
			(resource_size_t)(PAGE_SIZE * (BIT_ULL(32) + 1));
		const resource_size_t half = (resource_size_t)BIT_ULL(63);

		KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, cut, flags),
				    ERR_PTR(-ENOMEM));
		KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, half, flags),
				    ERR_PTR(-ENOMEM));
	}

	for (round = 0; round < 2; round++) {
		for (i = 0; i <= CMA_PIECES; i++) {
			phys[i] = vcm_alloc(vcm, size, flags);
			if (IS_ERR(phys[i]))
				break;
		}
		KUNIT_EXPECT_GT(test, i, 0);
		KUNIT_ASSERT_LE(test, i, CMA_PIECES);
		KUNIT_EXPECT_PTR_EQ(test, phys[i], ERR_PTR(-ENOMEM));
		KUNIT_EXPECT_EQ(test, cma_free_pages(test),
				state->free - i * PHYS_PFN(size));
		while (i--)
			vcm_free(phys[i]);
		KUNIT_EXPECT_EQ(test, cma_free_pages(test), state->free);
	}
	vcm_destroy(vcm);
}

/*
 * vcm_map: res->start is the bus address, and a mapping belongs to its caller.
 * vcm_bind: the same memory can be bound again, other memory is -EOPNOTSUPP.
 */
static void cma_bind_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct vcm *vcm = cma_create(test, dev);
	struct vcm_phys *phys, *other;
	struct vcm_res *res, *second;

	res = vcm_make_binding(vcm, SZ_64K, 0, VCM_RES_WRITE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	phys = vcm_phys_get(res->phys);
	KUNIT_EXPECT_EQ(test, (u64)res->start,
			(u64)phys_to_dma(dev, phys->parts[0].paddr));
	second = vcm_map(vcm, phys, VCM_RES_WRITE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);
	KUNIT_EXPECT_PTR_NE(test, second, res);
	KUNIT_EXPECT_EQ(test, (u64)second->start, (u64)res->start);

	other = cma_alloc_part(test, vcm, SZ_64K);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, other), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	vcm_unmap(second);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, phys);
	vcm_unmap(res);
	vcm_free(other);
	vcm_free(phys);
	vcm_destroy(vcm);
}

/* References of memory: an allocation outlives the context that made it. */
static void cma_outlive_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct cma_state *state = test->priv;
	struct vcm *vcm = cma_create(test, dev);
	struct vcm_phys *phys = cma_alloc_part(test, vcm, SZ_64K);
	struct vcm_res *res;

	vcm_destroy(vcm);
	KUNIT_EXPECT_EQ(test, cma_free_pages(test),
			state->free - PHYS_PFN(SZ_64K));
	res = vcm_map(vcm_vmm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	memset(vcm_cpu_addr(res), 0x5a, SZ_64K);
	vcm_unmap(res);
	vcm_free(phys);
}

/*
 * vcm_alloc: -EADDRNOTAVAIL if the device reaches no memory of the area, and none
 * stays allocated.
 */
static void cma_reach_test(struct kunit *test)
{
	phys_addr_t paddr = cma_probe(test);
	struct vcm_phys *phys;
	struct device *dev;
	struct vcm *vcm;

	if (paddr < SZ_1M)
		kunit_skip(test, "the CMA area begins at the bottom of memory");

	dev = cma_device(test, "near", DMA_BIT_MASK(ilog2(paddr)));
	vcm = cma_create(test, dev);
	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, PAGE_SIZE, 0),
			    ERR_PTR(-EADDRNOTAVAIL));
	KUNIT_EXPECT_PTR_EQ(test, vcm_make_binding(vcm, PAGE_SIZE, 0, 0),
			    ERR_PTR(-EADDRNOTAVAIL));
	vcm_destroy(vcm);

	/* It must reach all of an allocation */
	dev = cma_device(test, "half", DMA_BIT_MASK(64));
	dev->bus_dma_limit = paddr + PAGE_SIZE - 1;
	vcm = cma_create(test, dev);
	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, 2 * PAGE_SIZE, 0),
			    ERR_PTR(-EADDRNOTAVAIL));
	phys = cma_alloc_part(test, vcm, PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, phys->parts[0].paddr == paddr);
	vcm_free(phys);
	vcm_destroy(vcm);
}

/* vcm_attach: the limits of each attached device count, until vcm_detach(). */
static void cma_attach_limits_test(struct kunit *test)
{
	phys_addr_t paddr = cma_probe(test);
	struct device *far = cma_device(test, "far", DMA_BIT_MASK(64));
	struct device *near, *other;
	struct vcm *vcm;
	struct vcm_res *res;

	if (paddr < SZ_1M)
		kunit_skip(test, "the CMA area begins at the bottom of memory");
	near = cma_device(test, "near", DMA_BIT_MASK(ilog2(paddr)));
	other = cma_device(test, "other", DMA_BIT_MASK(64));
	other->bus_dma_limit = paddr - 1;
	vcm = cma_create(test, far);

	res = vcm_make_binding(vcm, PAGE_SIZE, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, near), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, other), -EADDRNOTAVAIL);
	vcm_destroy_binding(res);

	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, near), 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, PAGE_SIZE, 0),
			    ERR_PTR(-EADDRNOTAVAIL));
	vcm_detach(vcm, near);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, other), 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, PAGE_SIZE, 0),
			    ERR_PTR(-EADDRNOTAVAIL));
	vcm_detach(vcm, other);

	res = vcm_make_binding(vcm, PAGE_SIZE, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	vcm_destroy_binding(res);
	vcm_destroy(vcm);
}

/*
 * vcm_attach: -EINVAL for a device whose bus shows memory at other addresses. The
 * context keeps its own record of the bus.
 */
static void cma_offset_test(struct kunit *test)
{
	struct cma_state *state = test->priv;
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct device *same = cma_device(test, "same", DMA_BIT_MASK(64));
	struct device *offset = cma_device(test, "offset", DMA_BIT_MASK(64));
	struct device *none = cma_device(test, "none", DMA_BIT_MASK(64));
	const dma_addr_t bus = SZ_16M;
	struct vcm_phys *phys;
	struct vcm_res *res;
	struct vcm *vcm;

	if (state->base == bus)
		kunit_skip(test, "the CMA area is where the bus shows it");
	cma_set_window(test, dev, state->base, bus, state->size);
	cma_set_window(test, same, state->base, bus, state->size);
	cma_set_window(test, offset, state->base, bus + SZ_1M, state->size);

	vcm = cma_create(test, dev);
	phys = cma_alloc_part(test, vcm, SZ_64K);
	res = vcm_map(vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, (u64)res->start,
			(u64)phys_to_dma(dev, phys->parts[0].paddr));
	KUNIT_EXPECT_EQ(test, (u64)res->start,
			(u64)phys->parts[0].paddr - state->base + bus);

	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, same), 0);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, offset), -EINVAL);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, none), -EINVAL);

	/* The driver of the first device is unbound: its window is freed */
	vcm_detach(vcm, dev);
	cma_clear_window(dev);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	vcm_unmap(res);
	res = vcm_map(vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, (u64)res->start,
			(u64)phys->parts[0].paddr - state->base + bus);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_destroy(vcm);
}

/*
 * vcm_attach: windows of two devices agree unless a byte has two addresses or an
 * address shows two bytes. A device does not reach what its bus does not show.
 */
static void cma_windows_test(struct kunit *test)
{
	struct cma_state *state = test->priv;
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct device *narrow = cma_device(test, "narrow", DMA_BIT_MASK(64));
	struct device *blind = cma_device(test, "blind", DMA_BIT_MASK(64));
	struct device *clash = cma_device(test, "clash", DMA_BIT_MASK(64));
	phys_addr_t paddr = cma_probe(test);
	const dma_addr_t bus = paddr - state->base + SZ_16M;
	struct vcm_phys *phys;
	struct vcm *vcm;

	cma_set_window(test, dev, state->base, SZ_16M, state->size);
	/* One page of it */
	cma_set_window(test, narrow, paddr, bus, PAGE_SIZE);
	/* Other memory, at other addresses */
	cma_set_window(test, blind, state->base + state->size, SZ_4K * 1024,
		       SZ_4K);
	/* Other memory, at the addresses of this */
	cma_set_window(test, clash, state->base + state->size, bus, SZ_1M);

	vcm = cma_create(test, dev);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, clash), -EINVAL);

	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, narrow), 0);
	phys = cma_alloc_part(test, vcm, PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, phys->parts[0].paddr == paddr);
	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, PAGE_SIZE, 0),
			    ERR_PTR(-EADDRNOTAVAIL));
	vcm_free(phys);
	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, 2 * PAGE_SIZE, 0),
			    ERR_PTR(-EADDRNOTAVAIL));
	vcm_detach(vcm, narrow);

	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, blind), 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, PAGE_SIZE, 0),
			    ERR_PTR(-EADDRNOTAVAIL));
	vcm_detach(vcm, blind);

	phys = cma_alloc_part(test, vcm, 2 * PAGE_SIZE);
	vcm_free(phys);
	vcm_destroy(vcm);
}

/* Bytes that were handed to devices */
static resource_size_t cma_synced;

static void cma_count_sync(phys_addr_t paddr, size_t size,
			   enum dma_data_direction dir, bool for_cpu)
{
	if (!for_cpu)
		cma_synced += size;
}

/*
 * Coherence: dev_is_dma_coherent() of the first device decides. Memory is written
 * back once if that does not snoop, and another kind of device is -EINVAL.
 */
static void cma_coherent_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct device *other = cma_device(test, "other", DMA_BIT_MASK(64));
	struct vcm_phys *phys;
	struct vcm_res *res;
	struct vcm *vcm;

	dev_assign_dma_coherent(other, false);
	if (dev_is_dma_coherent(other))
		kunit_skip(test, "all devices snoop here");

	cma_synced = 0;
	kunit_activate_static_stub(test, vcm_sync_range, cma_count_sync);
	vcm = cma_create(test, dev);
	res = vcm_make_binding(vcm, SZ_64K, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, vcm_sync_for_device(res, 0, SZ_64K,
						  DMA_TO_DEVICE), 0);
	KUNIT_EXPECT_EQ(test, cma_synced, 0);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, other), -EINVAL);
	phys = vcm_phys_get(res->phys);
	vcm_destroy_binding(res);
	vcm_destroy(vcm);

	vcm = cma_create(test, other);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, dev), -EINVAL);
	res = vcm_map(vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, cma_synced, SZ_64K);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_EQ(test, cma_synced, SZ_64K);
	KUNIT_EXPECT_EQ(test, vcm_sync_for_device(res, PAGE_SIZE, PAGE_SIZE,
						  DMA_TO_DEVICE), 0);
	KUNIT_EXPECT_EQ(test, cma_synced, SZ_64K + PAGE_SIZE);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_destroy(vcm);
}

/* vcm_cma_create: -EOPNOTSUPP for a device behind an IOMMU that translates. */
static void cma_iommu_test(struct kunit *test)
{
#if IS_ENABLED(CONFIG_IOMMU_API)
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct device *other = cma_device(test, "other", DMA_BIT_MASK(64));
	struct iommu_group *group = iommu_group_alloc();
	struct vcm *vcm;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, group);
	vcm = vcm_cma_create(dev);
	other->iommu_group = group;
	KUNIT_EXPECT_PTR_EQ(test, vcm_cma_create(other),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, other),
			IS_ERR(vcm) ? -EINVAL : -EOPNOTSUPP);
	other->iommu_group = NULL;
	iommu_group_put(group);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, vcm);
	vcm_destroy(vcm);
#else
	kunit_skip(test, "there are no IOMMUs");
#endif
}

/**
 * struct cma_victim - an allocation by a task that is being killed
 * @vcm: the context
 * @phys: what vcm_alloc() returned
 * @done: completed at the end of the task
 */
struct cma_victim {
	struct vcm *vcm;
	struct vcm_phys *phys;
	struct completion done;
};

static int cma_victim(void *data)
{
	struct cma_victim *victim = data;

	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
	victim->phys = vcm_alloc(victim->vcm, SZ_1M, VCM_ALLOC_NOWARN);
	complete(&victim->done);
	return 0;
}

/* vcm_alloc: -EINTR if a fatal signal is pending, and nothing stays allocated. */
static void cma_fatal_signal_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct cma_victim *victim = kunit_kzalloc(test, sizeof(*victim),
						  GFP_KERNEL);
	struct task_struct *task;

	KUNIT_ASSERT_NOT_NULL(test, victim);
	victim->vcm = cma_create(test, dev);
	init_completion(&victim->done);
	task = kthread_run(cma_victim, victim, "vcm-cma-victim");
	KUNIT_EXPECT_FALSE(test, IS_ERR(task));
	if (!IS_ERR(task)) {
		wait_for_completion(&victim->done);
		KUNIT_EXPECT_PTR_EQ(test, victim->phys, ERR_PTR(-EINTR));
		vcm_free(victim->phys);
	}
	vcm_destroy(victim->vcm);
}

static int cma_init(struct kunit *test)
{
	struct cma_state *state;

	state = kunit_kzalloc(test, sizeof(*state), GFP_KERNEL);
	if (!state)
		return -ENOMEM;
	state->cma = dev_get_cma_area(NULL);
	if (!state->cma)
		kunit_skip(test, "no default CMA area: boot with cma=");

	test->priv = state;
	state->free = cma_free_pages(test);
	state->base = PFN_PHYS(state->cma->ranges[0].base_pfn);
	state->size = PFN_PHYS(state->cma->count);
	return 0;
}

/* Check that all memory was freed. */
static void cma_exit(struct kunit *test)
{
	struct cma_state *state = test->priv;

	if (state)
		KUNIT_EXPECT_EQ(test, cma_free_pages(test), state->free);
}

static struct kunit_case cma_cases[] = {
	KUNIT_CASE(cma_create_test),
	KUNIT_CASE(cma_aperture_test),
	KUNIT_CASE(cma_zeroed_test),
	KUNIT_CASE(cma_flags_test),
	KUNIT_CASE(cma_align_test),
	KUNIT_CASE(cma_align_falls_back_test),
	KUNIT_CASE(cma_large_test),
	KUNIT_CASE(cma_exhaustion_test),
	KUNIT_CASE(cma_bind_test),
	KUNIT_CASE(cma_outlive_test),
	KUNIT_CASE(cma_reach_test),
	KUNIT_CASE(cma_attach_limits_test),
	KUNIT_CASE(cma_offset_test),
	KUNIT_CASE(cma_windows_test),
	KUNIT_CASE(cma_coherent_test),
	KUNIT_CASE(cma_iommu_test),
	KUNIT_CASE(cma_fatal_signal_test),
	{ }
};

static struct kunit_suite cma_suite = {
	.name = "vcm_cma",
	.init = cma_init,
	.exit = cma_exit,
	.test_cases = cma_cases,
};

kunit_test_suite(cma_suite);

MODULE_DESCRIPTION("KUnit tests for one-to-one contexts backed by CMA");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_LICENSE("GPL");
