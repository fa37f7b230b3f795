// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for one-to-one contexts of Virtual Contiguous Memory that are
 * backed by CMA.
 *
 * They take their memory from the default area and count what is left of it.
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
 * struct cma_state - what a test finds
 * @cma: the default area
 * @free: pages that were free in it
 * @base: where it begins
 * @size: its bytes
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

/* A device that snoops and reaches what @mask says. */
static struct device *cma_device(struct kunit *test, const char *name, u64 mask)
{
	struct device *dev = kunit_device_register(test, name);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	dev->coherent_dma_mask = mask;
	dev->dma_mask = &dev->coherent_dma_mask;
	dev_set_dma_coherent(dev);
	return dev;
}

/* How the device's bus shows memory; it belongs to the device. */
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

/* What is left of a device when its driver has gone. */
static void cma_clear_window(struct device *dev)
{
	kfree(dev->dma_range_map);
	dev->dma_range_map = NULL;
}

static struct vcm *cma_create(struct kunit *test, struct device *dev,
			      resource_size_t align)
{
	const struct vcm_cma_params params = { .align = align };
	struct vcm *vcm = vcm_cma_create(dev, &params);

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

/* Where the first free page of the area is. */
static phys_addr_t cma_probe(struct kunit *test)
{
	struct device *dev = cma_device(test, "probe", DMA_BIT_MASK(64));
	struct vcm *vcm = cma_create(test, dev, 0);
	struct vcm_phys *phys = cma_alloc_part(test, vcm, PAGE_SIZE);
	phys_addr_t paddr = phys->parts[0].paddr;

	vcm_free(phys);
	vcm_destroy(vcm);
	kunit_device_unregister(test, dev);
	return paddr;
}

/* vcm_cma_create: -EINVAL for an alignment that is no power of two */
static void cma_params_test(struct kunit *test)
{
	static const resource_size_t good[] = { 0, 1, 8, PAGE_SIZE, SZ_1M };
	static const resource_size_t bad[] = { 3, PAGE_SIZE + 1, 3 * PAGE_SIZE,
					       SZ_1M - 1 };
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(40));
	struct vcm_cma_params params;
	struct vcm *vcm;
	unsigned int i;

	KUNIT_EXPECT_PTR_EQ(test, vcm_cma_create(NULL, NULL), ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, vcm_cma_create(ERR_PTR(-ENODEV), NULL),
			    ERR_PTR(-EINVAL));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		params.align = bad[i];
		KUNIT_EXPECT_PTR_EQ(test, vcm_cma_create(dev, &params),
				    ERR_PTR(-EINVAL));
	}
	for (i = 0; i < ARRAY_SIZE(good); i++)
		vcm_destroy(cma_create(test, dev, good[i]));

	vcm = vcm_cma_create(dev, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	KUNIT_EXPECT_EQ(test, (u64)vcm->start, 0);
	KUNIT_EXPECT_EQ(test, (u64)vcm->last,
			min_t(u64, DMA_BIT_MASK(40), ~(dma_addr_t)0));
	/* After create the context is attached */
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, dev), -EALREADY);
	vcm_destroy(vcm);
}

/* Addresses: the aperture ends at the mask or at the bus limit, in pages */
static void cma_aperture_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(32));
	struct vcm *vcm;

	dev->bus_dma_limit = SZ_1G - 1;
	vcm = cma_create(test, dev, 0);
	KUNIT_EXPECT_EQ(test, (u64)vcm->last, SZ_1G - 1);
	vcm_destroy(vcm);

	dev->bus_dma_limit = SZ_1G + 5;
	vcm = cma_create(test, dev, 0);
	KUNIT_EXPECT_EQ(test, (u64)vcm->last, SZ_1G - 1);
	vcm_destroy(vcm);

	dev->bus_dma_limit = DMA_BIT_MASK(48);
	vcm = cma_create(test, dev, 0);
	KUNIT_EXPECT_EQ(test, (u64)vcm->last, DMA_BIT_MASK(32));
	vcm_destroy(vcm);

	dev->bus_dma_limit = PAGE_SIZE / 2;
	KUNIT_EXPECT_PTR_EQ(test, vcm_cma_create(dev, NULL), ERR_PTR(-EINVAL));
}

/* Memory: zeroed, also after somebody wrote to it; one part, rounded up */
static void cma_zeroed_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	const size_t size = SZ_256K + PAGE_SIZE;
	struct vcm *vcm = cma_create(test, dev, 0);
	struct vcm_phys *phys;
	struct vcm_res *res;
	phys_addr_t paddr = 0;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		phys = vcm_alloc(vcm, size - 1, i == 1 ? VCM_ALLOC_CONTIG : 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
		KUNIT_EXPECT_EQ(test, phys->count, 1);
		KUNIT_EXPECT_EQ(test, (u64)phys->size, size);
		/* Else it would not be the memory that was written to */
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

/* vcm_alloc: flags that CMA cannot honour */
static void cma_flags_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct vcm *vcm = cma_create(test, dev, 0);

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

/* CMA: alignment, whatever the sizes are */
static void cma_align_test(struct kunit *test)
{
	static const resource_size_t align[] = { PAGE_SIZE, SZ_64K, SZ_1M,
						 SZ_2M };
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct cma_state *state = test->priv;
	struct vcm_phys *phys[4], *off;
	struct vcm *vcm, *plain = cma_create(test, dev, 0);
	unsigned int i, j, nr;

	for (i = 0; i < ARRAY_SIZE(align); i++) {
		/* What is free does not begin at an aligned address */
		off = cma_alloc_part(test, plain, PAGE_SIZE);
		vcm = cma_create(test, dev, align[i]);
		nr = min_t(u64, ARRAY_SIZE(phys),
			   div_u64(state->size, align[i]) / 2);
		for (j = 0; j < nr; j++) {
			phys[j] = cma_alloc_part(test, vcm, PAGE_SIZE * (1 + j));
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED((u64)phys[j]->parts[0].paddr,
							   align[i]));
		}
		while (j--)
			vcm_free(phys[j]);
		vcm_destroy(vcm);
		vcm_free(off);
	}
	vcm_destroy(plain);
}

/* An alignment that the area does not have is exhaustion, not a crash */
static void cma_align_huge_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	resource_size_t align = (resource_size_t)1 <<
				(8 * sizeof(resource_size_t) - 1);
	struct vcm *vcm = cma_create(test, dev, align);

	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, PAGE_SIZE, VCM_ALLOC_NOWARN),
			    ERR_PTR(-ENOMEM));
	vcm_destroy(vcm);
}

/* CMA: contiguity beyond MAX_PAGE_ORDER */
static void cma_large_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	const size_t size = (PAGE_SIZE << MAX_PAGE_ORDER) * 2 + PAGE_SIZE;
	struct vcm *vcm = cma_create(test, dev, 0);
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
	KUNIT_EXPECT_EQ(test, (u64)res->bound_size, size);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_destroy(vcm);
}

#define CMA_PIECES	8

/* CMA: exhaustion is -ENOMEM at once, and what is given back can be had again */
static void cma_exhaustion_test(struct kunit *test)
{
	const unsigned int flags = VCM_ALLOC_NOWARN | VCM_ALLOC_NOZERO;
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct cma_state *state = test->priv;
	size_t size = PAGE_ALIGN(div_u64(state->size, CMA_PIECES));
	struct vcm *vcm = cma_create(test, dev, 0);
	struct vcm_phys *phys[CMA_PIECES + 1];
	unsigned int i, round;

	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, state->size + 1, flags),
			    ERR_PTR(-ENOMEM));
	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, (resource_size_t)1 << 31,
					    flags), ERR_PTR(-ENOMEM));
	if (sizeof(resource_size_t) > 4) {
		/* This page count would fit if it were cut to 32 bits */
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

/* One-to-one: res->start is the bus address; bind after unbind works */
static void cma_bind_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct vcm *vcm = cma_create(test, dev, 0);
	struct vcm_phys *phys, *other;
	struct vcm_res *res;

	res = vcm_make_binding(vcm, SZ_64K, 0, VCM_RES_WRITE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	phys = res->phys;
	KUNIT_EXPECT_EQ(test, (u64)res->start,
			(u64)phys_to_dma(dev, phys->parts[0].paddr));
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(vcm, phys, VCM_RES_WRITE), res);

	other = cma_alloc_part(test, vcm, SZ_64K);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, other), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	vcm_unmap(res);
	vcm_unmap(res);
	vcm_free(other);
	vcm_free(phys);
	vcm_destroy(vcm);
}

/* An allocation outlives the context it was made with */
static void cma_outlive_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct cma_state *state = test->priv;
	struct vcm *vcm = cma_create(test, dev, 0);
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
 * vcm_alloc: -EADDRNOTAVAIL when the area lies outside what the device reaches,
 * and nothing is taken from it
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
	vcm = cma_create(test, dev, 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, PAGE_SIZE, 0),
			    ERR_PTR(-EADDRNOTAVAIL));
	KUNIT_EXPECT_PTR_EQ(test, vcm_make_binding(vcm, PAGE_SIZE, 0, 0),
			    ERR_PTR(-EADDRNOTAVAIL));
	vcm_destroy(vcm);

	/* Half an allocation is not enough */
	dev = cma_device(test, "half", DMA_BIT_MASK(64));
	dev->bus_dma_limit = paddr + PAGE_SIZE - 1;
	vcm = cma_create(test, dev, 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_alloc(vcm, 2 * PAGE_SIZE, 0),
			    ERR_PTR(-EADDRNOTAVAIL));
	phys = cma_alloc_part(test, vcm, PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, phys->parts[0].paddr == paddr);
	vcm_free(phys);
	vcm_destroy(vcm);
}

/* The limits of every attached device count, from attach to detach */
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
	vcm = cma_create(test, far, 0);

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
 * One-to-one: addresses are those of the bus; a device with another offset
 * cannot be attached
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

	vcm = cma_create(test, dev, 0);
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

	/* The driver of the first device goes, and its record of the bus */
	vcm_detach(vcm, dev);
	cma_clear_window(dev);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
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
 * Different windows agree unless a byte has two addresses or an address shows
 * two bytes; what a device does not see is out of its reach
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
	/* Other memory, elsewhere */
	cma_set_window(test, blind, state->base + state->size, SZ_4K * 1024,
		       SZ_4K);
	/* Other memory, where this is */
	cma_set_window(test, clash, state->base + state->size, bus, SZ_1M);

	vcm = cma_create(test, dev, 0);
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

/* What was written back for the devices */
static resource_size_t cma_synced;

static void cma_count_sync(phys_addr_t paddr, size_t size,
			   enum dma_data_direction dir, bool for_cpu)
{
	if (!for_cpu)
		cma_synced += size;
}

/* Cache: memory is written back before a device that does not snoop gets it */
static void cma_coherent_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct device *other = cma_device(test, "other", DMA_BIT_MASK(64));
	struct vcm_res *res, *more;
	struct vcm *vcm;

	dev_assign_dma_coherent(other, false);
	if (dev_is_dma_coherent(other))
		kunit_skip(test, "all devices snoop here");

	cma_synced = 0;
	kunit_activate_static_stub(test, vcm_sync_range, cma_count_sync);
	vcm = cma_create(test, dev, 0);
	res = vcm_make_binding(vcm, SZ_64K, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, cma_synced, 0);

	/* What a device has in a cache must not be thrown away for another */
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, other), -EINVAL);
	vcm_detach(vcm, dev);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, other), 0);
	KUNIT_EXPECT_EQ(test, cma_synced, SZ_64K);
	more = vcm_make_binding(vcm, SZ_64K, 0, 0);
	KUNIT_EXPECT_EQ(test, cma_synced, 2 * SZ_64K);
	KUNIT_EXPECT_EQ(test, vcm_sync_for_device(res, PAGE_SIZE, PAGE_SIZE,
						  DMA_TO_DEVICE), 0);
	KUNIT_EXPECT_EQ(test, cma_synced, 2 * SZ_64K + PAGE_SIZE);

	/* For whoever takes memory back after the device has gone */
	vcm_detach(vcm, other);
	KUNIT_EXPECT_EQ(test, vcm_sync_for_device(res, 0, PAGE_SIZE,
						  DMA_TO_DEVICE), 0);
	KUNIT_EXPECT_EQ(test, cma_synced, 2 * SZ_64K + 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, dev), 0);
	KUNIT_EXPECT_EQ(test, vcm_sync_for_device(res, 0, PAGE_SIZE,
						  DMA_TO_DEVICE), 0);
	KUNIT_EXPECT_EQ(test, cma_synced, 2 * SZ_64K + 2 * PAGE_SIZE);
	vcm_destroy_binding(more);
	vcm_destroy_binding(res);
	vcm_destroy(vcm);
}

/* A device behind an IOMMU that translates does not see physical addresses */
static void cma_iommu_test(struct kunit *test)
{
#if IS_ENABLED(CONFIG_IOMMU_API)
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct device *other = cma_device(test, "other", DMA_BIT_MASK(64));
	struct iommu_group *group = iommu_group_alloc();
	struct vcm *vcm;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, group);
	vcm = vcm_cma_create(dev, NULL);
	other->iommu_group = group;
	KUNIT_EXPECT_PTR_EQ(test, vcm_cma_create(other, NULL),
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
 * @phys: what came of it
 * @done: the task has ended
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

/* vcm_alloc: -EINTR for a fatal signal, and nothing is taken from the area */
static void cma_fatal_signal_test(struct kunit *test)
{
	struct device *dev = cma_device(test, "dev", DMA_BIT_MASK(64));
	struct cma_victim *victim = kunit_kzalloc(test, sizeof(*victim),
						  GFP_KERNEL);
	struct task_struct *task;

	KUNIT_ASSERT_NOT_NULL(test, victim);
	victim->vcm = cma_create(test, dev, 0);
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

/* Nothing is left behind */
static void cma_exit(struct kunit *test)
{
	struct cma_state *state = test->priv;

	if (state)
		KUNIT_EXPECT_EQ(test, cma_free_pages(test), state->free);
}

static struct kunit_case cma_cases[] = {
	KUNIT_CASE(cma_params_test),
	KUNIT_CASE(cma_aperture_test),
	KUNIT_CASE(cma_zeroed_test),
	KUNIT_CASE(cma_flags_test),
	KUNIT_CASE(cma_align_test),
	KUNIT_CASE(cma_align_huge_test),
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

MODULE_DESCRIPTION("KUnit tests for VCM contexts backed by CMA");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_LICENSE("GPL");
