// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of Virtual Contiguous Memory contexts behind IOMMUs, on fake
 * ones: properties of devices, and how leaves depend on them.
 */
#include <kunit/static_stub.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>

#include "../vcm-internal.h"
#include "vcm_iommu_test.h"
#include "vcm_models.h"

/**
 * struct iommu_clash - a device that cannot use a reserved range
 * @name: for the result
 * @cfg: properties of its IOMMU
 * @addr: first address of the reserved range
 * @size: its size, bytes
 * @fits: an address that the device can use
 */
struct iommu_clash {
	const char *name;
	struct fakeiommu_cfg cfg;
	dma_addr_t addr;
	size_t size;
	dma_addr_t fits;
};

static const struct iommu_clash iommu_clashes[] = {
	{
		"start beside the granule",
		{ .refuses = true, .pgsize_bitmap = SZ_64K | SZ_2M },
		SZ_1M + SZ_4K, SZ_64K, SZ_2M,
	}, {
		"size beside the granule",
		{ .refuses = true, .pgsize_bitmap = SZ_64K | SZ_2M },
		SZ_1M, SZ_4K, SZ_2M,
	}, {
		"granule known after an attach only",
		{ .refuses = true, .settles = true, .pgsize_bitmap = SZ_64K },
		SZ_1M, SZ_4K, SZ_2M,
	}, {
		"below the aperture",
		{ .refuses = true, .start = SZ_16M, .last = SZ_1G - 1 },
		SZ_16M - SZ_64K, SZ_64K, SZ_16M,
	}, {
		"above the aperture",
		{ .refuses = true, .start = SZ_16M, .last = SZ_1G - 1 },
		SZ_1G - SZ_64K, SZ_128K, SZ_1G - SZ_128K,
	}, {
		"aperture known after an attach only",
		{ .refuses = true, .settles = true, .last = SZ_1G - 1 },
		SZ_1G, SZ_64K, SZ_1G - SZ_64K,
	}, {
		"reserved region",
		{ .refuses = true, .region = {
			{ SZ_16M, SZ_64K, IOMMU_RESV_MSI },
			{ SZ_4M, SZ_4K, IOMMU_RESV_RESERVED } } },
		SZ_4M - SZ_64K, SZ_128K, SZ_2M + SZ_64K,
	}, {
		"MSI window",
		{ .refuses = true, .region = {
			{ SZ_128M, SZ_1M, IOMMU_RESV_SW_MSI } } },
		SZ_128M + SZ_512K, SZ_64K, SZ_128M + SZ_1M,
	},
};

KUNIT_ARRAY_PARAM_DESC(iommu_clash, iommu_clashes, name);

/*
 * Row vcm_attach: granule, aperture and regions of a device are checked against
 * reservations. On a clash it is -EADDRNOTAVAIL and nothing has changed, else
 * they are in force until the device is detached
 */
static void iommu_newcomer_clash(struct kunit *test)
{
	const struct iommu_clash *clash = test->param_value;
	const struct pair p = pair_create(test, &cfg_refuses, &clash->cfg);
	struct vcm_res *res, *probe;
	struct vcm *vcm = context(test, p.one);

	res = vcm_reserve_at(vcm, clash->addr, clash->size, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, p.two), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, count(&p.b->domains), 0);
	EXPECT_BLIND(test, p.two, clash->addr, clash->size);

	/* Nothing has changed: such a range can still be reserved */
	probe = vcm_reserve_at(vcm, clash->addr + SZ_128K, clash->size, 0);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, probe);
	vcm_unreserve(probe);
	vcm_unreserve(res);

	probe = vcm_reserve_at(vcm, clash->fits, SZ_64K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, probe);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.two), 0);
	res = vcm_reserve_at(vcm, clash->addr, clash->size, 0);
	KUNIT_EXPECT_TRUE(test, res == ERR_PTR(-EADDRNOTAVAIL) ||
			  res == ERR_PTR(-EINVAL));
	vcm_detach(vcm, p.two);
	res = vcm_reserve_at(vcm, clash->addr, clash->size, 0);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, res);
	vcm_unreserve(res);
	vcm_unreserve(probe);
}

/* Memory in smaller pages than those of the device is a clash too */
static void iommu_newcomer_memory(struct kunit *test)
{
	static const struct fakeiommu_cfg coarse = {
		.refuses = true,
		.pgsize_bitmap = SZ_64K,
	};
	const struct pair p = pair_create(test, &cfg_refuses, &coarse);
	struct vcm_phys *phys;
	struct vcm_res *res;
	struct vcm *vcm = context(test, p.one);

	phys = memory(test, 16);
	res = vcm_reserve_at(vcm, SZ_1M, SZ_64K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);

	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, p.two), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, count(&p.b->domains), 0);
	EXPECT_SEES(test, p.one, res, phys);
	vcm_unbind(res);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.two), 0);
	KUNIT_EXPECT_EQ(test, vcm_granule(vcm), SZ_64K);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EOPNOTSUPP);
	vcm_unreserve(res);
}

/*
 * The limits of a domain are in force while any device is attached to it, not
 * only the device that it was made for
 */
static void iommu_joined_aperture(struct kunit *test)
{
	static const struct fakeiommu_cfg small = {
		.refuses = true,
		.last = SZ_256M - 1,
	};
	struct device *one, *two, *three;
	struct fakeiommu *c;
	struct vcm *vcm;

	fakeiommu_create(test, 0, &cfg_refuses);
	fakeiommu_create(test, 1, &small);
	c = fakeiommu_create(test, 2, NULL);
	one = fakeiommu_master_create(test, 0);
	two = fakeiommu_master_create(test, 1);
	three = fakeiommu_master_create(test, 2);
	vcm = context(test, one);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, two), 0);
	/*
	 * It has no limit itself. It refuses the first domain and joins the
	 * second
	 */
	c->error = -EINVAL;
	atomic_long_set(&c->fail_attach, 0);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, three), 0);
	KUNIT_EXPECT_EQ(test, count(&c->domains), 0);
	vcm_detach(vcm, two);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vcm_reserve_at(vcm, SZ_256M, SZ_4K, 0)),
			-EADDRNOTAVAIL);
}

/*
 * Row vcm_iommu_create: a domain without devices does not limit the context. A
 * device gets it back if everything that is reserved suits it
 */
static void iommu_limits_of_absent(struct kunit *test)
{
	static const struct fakeiommu_cfg small = {
		.refuses = true,
		.pgsize_bitmap = SZ_64K,
		.start = SZ_16M,
		.last = SZ_256M - 1,
	};
	static const dma_addr_t beyond[] = { SZ_1M, SZ_256M, SZ_16M + SZ_4K };
	const struct pair p = pair_create(test, &cfg_refuses, &small);
	struct vcm_res *res, *odd;
	struct vcm_phys *phys;
	struct vcm *vcm = context(test, p.one);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.two), 0);
	vcm_detach(vcm, p.two);

	phys = vcm_alloc(vcm, SZ_64K, VCM_ALLOC_CONTIG);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_ASSERT_TRUE(test, IS_ALIGNED(phys->parts[0].paddr, SZ_64K));
	res = vcm_map_at(vcm, phys, SZ_32M, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, count(&p.b->writes), 1);
	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		odd = vcm_map_at(vcm, phys, beyond[i], 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, odd);
		KUNIT_EXPECT_EQ(test, fakeiommu_prot(p.one, odd->start),
				IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE);
		KUNIT_EXPECT_EQ(test, vcm_attach(vcm, p.two), -EADDRNOTAVAIL);
		vcm_unbind_many((struct vcm_res *[]){ odd, res }, 2);
		KUNIT_EXPECT_EQ(test, vcm_bind(odd, phys), 0);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
		vcm_unmap(odd);
	}
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.two), 0);
	KUNIT_EXPECT_EQ(test, fakeiommu_prot(p.two, res->start),
			IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE);
	vcm_unmap(res);
	vcm_free(phys);
}

/*
 * Row vcm_attach: a device that joins a filled table is checked before it is
 * attached
 */
static void iommu_checked_before(struct kunit *test)
{
	const struct pair p = pair_create(test, NULL, NULL);
	struct vcm_phys *phys = memory(test, 1);
	struct vcm_res *res;
	struct vcm *vcm;

	*p.two->dma_mask = DMA_BIT_MASK(24);
	vcm = context(test, p.one);
	res = vcm_map_at(vcm, phys, SZ_16M, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, p.two), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, count(&p.b->attached), 0);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, p.two), 0);
	KUNIT_EXPECT_EQ(test, count(&p.b->attached), 1);
	KUNIT_EXPECT_EQ(test, count(&p.a->domains), 1);
}

/* Row vcm_reserve: no address above the DMA mask of a device is reserved */
static void iommu_dma_mask(struct kunit *test)
{
	struct device *one, *two;
	struct vcm_res *res;
	struct vcm *vcm;

	fakeiommu_create(test, 0, NULL);
	one = fakeiommu_master_create(test, 0);
	two = fakeiommu_master_create(test, 0);
	*one->dma_mask = DMA_BIT_MASK(31);
	two->bus_dma_limit = DMA_BIT_MASK(30);
	vcm = context(test, one);
	res = vcm_reserve_at(vcm, SZ_2G - SZ_4K, SZ_4K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vcm_reserve_at(vcm, SZ_2G, SZ_4K, 0)),
			-EADDRNOTAVAIL);

	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, two), -EADDRNOTAVAIL);
	vcm_unreserve(res);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, two), 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vcm_reserve_at(vcm, SZ_1G, SZ_4K, 0)),
			-EADDRNOTAVAIL);
	two->bus_dma_limit = 0;
}

/* Check that a device is on its identity default domain. */
static void expect_identity(struct kunit *test, struct device *dev)
{
	phys_addr_t paddr = 0;

	KUNIT_EXPECT_EQ(test, fakeiommu_translate(dev, SZ_1M, true, &paddr), 0);
	KUNIT_EXPECT_EQ(test, paddr, SZ_1M);
}

/*
 * Row vcm_iommu_create: a device behind an identity default domain is accepted,
 * by create and by attach, and is on that domain again after detach and destroy
 */
static void iommu_identity(struct kunit *test)
{
	static const struct fakeiommu_cfg cfg = { .type = FAKEIOMMU_IDENTITY };
	struct vcm_phys *phys = memory(test, 1);
	struct device *one, *two;
	struct vcm_res *res;
	struct vcm *vcm;

	fakeiommu_create(test, 0, &cfg);
	fakeiommu_create(test, 1, NULL);
	two = fakeiommu_master_create(test, 0);
	one = fakeiommu_master_create(test, 1);
	expect_identity(test, two);

	vcm = context(test, one);
	res = bound(test, vcm, phys);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, two), 0);
	EXPECT_BLIND(test, two, SZ_1M, SZ_1M);
	EXPECT_SEES(test, two, res, phys);
	vcm_detach(vcm, two);
	expect_identity(test, two);
	vcm_unmap(res);

	vcm = context(test, two);
	EXPECT_BLIND(test, two, SZ_1M, SZ_1M);
	context_destroy(test, vcm);
	expect_identity(test, two);
}

/*
 * Row vcm_for_device: behind an IOMMU that does not translate, addresses are
 * those of the memory; behind one that does, the device sees bound memory alone
 */
static void iommu_for_device(struct kunit *test)
{
	static const struct fakeiommu_cfg cfg = { .type = FAKEIOMMU_IDENTITY };
	const struct pair p = pair_create(test, NULL, &cfg);
	phys_addr_t paddr = 0;
	struct vcm_res *res;
	struct vcm *vcm;

	vcm = vcm_for_device(p.one);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	EXPECT_BLIND(test, p.one, 0, SZ_64K);
	vcm_destroy(vcm);

	if (!IS_ENABLED(CONFIG_VCM_CMA))
		return;
	vcm = vcm_for_device(p.two);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	res = vcm_make_binding(vcm, SZ_64K, 0, 0);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, res);
	if (!IS_ERR_OR_NULL(res)) {
		KUNIT_EXPECT_EQ(test, 0, fakeiommu_translate(p.two, res->start,
							     true, &paddr));
		KUNIT_EXPECT_EQ(test, paddr, res->phys->parts[0].paddr);
	}
	vcm_destroy_binding(res);
	vcm_destroy(vcm);
}

/* Row groups: a device of a group with other devices is refused: -EOPNOTSUPP */
static void iommu_group_of_two(struct kunit *test)
{
	static const struct fakeiommu_cfg cfg = { .one_group = true };
	const struct pair p = pair_create(test, NULL, &cfg);
	struct device *three;
	struct vcm *vcm = context(test, p.one);

	/*
	 * Alone in its group it can be attached, and detached after the group
	 * grew
	 */
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, p.two), 0);
	three = fakeiommu_master_create(test, 1);
	vcm_detach(vcm, p.two);
	EXPECT_BLIND(test, p.two, 0, SZ_64K);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, p.two), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, three), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, PTR_ERR(vcm_iommu_create(three)),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, count(&p.b->domains), 0);
}

/* Row confinement: a device with a strict direct region is refused */
static void iommu_direct_region(struct kunit *test)
{
	static const struct fakeiommu_cfg cfg = {
		.region = { { SZ_1M, SZ_64K, IOMMU_RESV_DIRECT } },
	};
	struct device *dev;

	fakeiommu_create(test, 0, &cfg);
	dev = fakeiommu_master_create(test, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR(vcm_iommu_create(dev)),
			-EOPNOTSUPP);
}

static unsigned int sync_calls;

static void count_sync(phys_addr_t paddr, size_t size,
		       enum dma_data_direction dir, bool for_cpu)
{
	sync_calls++;
}

/*
 * Row coherence: the first attached device decides. One of another kind gets
 * -EINVAL, also if it is attached after the first one was detached, and leaves
 * of the wrong kind are written nowhere. Allocated memory is written back once,
 * for devices that do not snoop
 */
static void iommu_coherence(struct kunit *test)
{
	static const struct fakeiommu_cfg cfg = { .no_snoop = true };
	const int cached = IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE;
	struct device *snoops, *not, *other;
	struct fakeiommu *a, *b;
	struct vcm_phys *phys;
	struct vcm_res *res;
	struct vcm *vcm;

	a = fakeiommu_create(test, 0, NULL);
	b = fakeiommu_create(test, 1, &cfg);
	snoops = fakeiommu_master_create(test, 0);
	not = fakeiommu_master_create(test, 1);
	other = fakeiommu_master_create(test, 1);
	kunit_activate_static_stub(test, vcm_sync_range, count_sync);
	kunit_activate_static_stub(test, vcm_device_snoops, fakeiommu_snoops);
	sync_calls = 0;

	vcm = context(test, snoops);
	phys = vcm_alloc(vcm, SZ_64K, VCM_ALLOC_CONTIG);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = bound(test, vcm, phys);
	KUNIT_EXPECT_EQ(test, fakeiommu_prot(snoops, res->start), cached);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, not), -EINVAL);
	vcm_detach(vcm, snoops);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, not), -EINVAL);
	EXPECT_BLIND(test, not, res->start, phys->size);
	KUNIT_EXPECT_EQ(test, count(&b->attached), 0);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 0);
	KUNIT_EXPECT_EQ(test, count(&b->writes), 0);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, snoops), 0);
	KUNIT_EXPECT_EQ(test, fakeiommu_prot(snoops, res->start), cached);
	KUNIT_EXPECT_EQ(test, sync_calls, 0);
	vcm_unmap(res);
	context_destroy(test, vcm);

	vcm = context(test, not);
	res = bound(test, vcm, phys);
	KUNIT_EXPECT_EQ(test, sync_calls, 1);
	KUNIT_EXPECT_EQ(test, fakeiommu_prot(not, res->start),
			IOMMU_READ | IOMMU_WRITE);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_EQ(test, sync_calls, 1);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, other), 0);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, snoops), -EINVAL);
	vcm_detach(vcm, not);
	vcm_detach(vcm, other);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, snoops), -EINVAL);
	KUNIT_EXPECT_EQ(test, count(&a->domains), 0);
	vcm_unmap(res);
	vcm_free(phys);
}

/*
 * Row memory, VCM_ALLOC_ACCOUNT: page tables of charged memory are charged, by
 * a bind, an activation and an attach; those of other memory are not
 */
static void iommu_account(struct kunit *test)
{
	const struct pair p = pair_create(test, &cfg_refuses, &cfg_refuses);
	struct vcm_phys *plain = memory(test, 3), *registers;
	struct vcm_phys *charged = memory_flags(test, 2, VCM_PHYS_PAGES |
						VCM_PHYS_ACCOUNT);
	struct vcm *vcm = context(test, p.one);
	struct vcm_res *res, *other, *regs;

	other = bound(test, vcm, plain);
	KUNIT_EXPECT_EQ(test, count(&p.a->charged), 0);
	res = bound(test, vcm, charged);
	KUNIT_EXPECT_EQ(test, count(&p.a->charged), 2);
	vcm_deactivate(vcm);
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	KUNIT_EXPECT_EQ(test, count(&p.a->charged), 4);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.two), 0);
	KUNIT_EXPECT_EQ(test, count(&p.b->charged), 2);

	/* Also where it is mapped part by part */
	registers = vcm_phys_new(1, VCM_PHYS_ACCOUNT, vcm_model_free, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, registers);
	registers->parts[0] = (struct phys_vec) { SZ_1G, SZ_4K };
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(registers), 0);
	regs = bound(test, vcm, registers);
	KUNIT_EXPECT_EQ(test, count(&p.b->charged), 3);
	vcm_unmap(regs);
	vcm_free(registers);
	vcm_unmap(res);
	vcm_unmap(other);
}

/* VCM_RES_READ and VCM_RES_WRITE: the device gets one direction alone */
static void iommu_directions(struct kunit *test)
{
	struct vcm_phys *phys = memory(test, 1);
	struct device *dev;
	struct vcm_res *in, *out;
	phys_addr_t paddr;
	struct vcm *vcm;

	fakeiommu_create(test, 0, NULL);
	dev = fakeiommu_master_create(test, 0);
	vcm = context(test, dev);
	in = vcm_map(vcm, phys, VCM_RES_WRITE);
	out = vcm_map(vcm, phys, VCM_RES_READ);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, in);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, out);
	KUNIT_EXPECT_EQ(test, fakeiommu_translate(dev, in->start, true, &paddr), 0);
	KUNIT_EXPECT_EQ(test, fakeiommu_translate(dev, in->start, false, &paddr), -EFAULT);
	KUNIT_EXPECT_EQ(test, fakeiommu_translate(dev, out->start, true, &paddr), -EFAULT);
	KUNIT_EXPECT_EQ(test, fakeiommu_translate(dev, out->start, false, &paddr), 0);
	vcm_unmap(in);
	vcm_unmap(out);
}

/* Memory that is not RAM is never cached, also for devices that snoop */
static void iommu_registers(struct kunit *test)
{
	const struct phys_vec part = { .paddr = SZ_1G, .len = SZ_4K };
	struct vcm_phys *phys = vcm_model_phys(test, &part, 1);
	struct device *dev;
	struct vcm_res *res;
	struct vcm *vcm;

	fakeiommu_create(test, 0, NULL);
	dev = fakeiommu_master_create(test, 0);
	vcm = context(test, dev);
	res = bound(test, vcm, phys);
	KUNIT_EXPECT_EQ(test, fakeiommu_prot(dev, res->start),
			IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO);
	vcm_unmap(res);
	vcm_free(phys);
}

/*
 * The DMA API of a device is off while it is attached, and works again after
 * detach
 */
static void iommu_default_domain(struct kunit *test)
{
	/* Below the top of 64 bits, where iommu.debug_pagealloc overflows */
	static const struct fakeiommu_cfg cfg = {
		.type = FAKEIOMMU_DMA,
		.last = SZ_1G - 1,
	};
	struct vcm_phys *phys = memory(test, 1);
	struct vcm_res *res;
	struct device *dev;
	phys_addr_t paddr;
	struct page *page;
	dma_addr_t addr;
	struct vcm *vcm;

	if (!IS_ENABLED(CONFIG_IOMMU_DMA))
		kunit_skip(test, "the DMA API does not use IOMMUs");
	fakeiommu_create(test, 0, &cfg);
	dev = fakeiommu_master_create(test, 0);
	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, page);
	addr = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_EQ(test, dma_mapping_error(dev, addr), 0);

	vcm = context(test, dev);
	res = bound(test, vcm, phys);
	EXPECT_BLIND(test, dev, addr, PAGE_SIZE);
	EXPECT_SEES(test, dev, res, phys);
	vcm_detach(vcm, dev);
	EXPECT_BLIND(test, dev, res->start, phys->size);
	KUNIT_EXPECT_EQ(test, fakeiommu_translate(dev, addr, true, &paddr), 0);
	KUNIT_EXPECT_EQ(test, paddr, page_to_phys(page));

	vcm_unmap(res);
	context_destroy(test, vcm);
	dma_unmap_page(dev, addr, PAGE_SIZE, DMA_BIDIRECTIONAL);
	__free_page(page);
}

struct fault_log {
	unsigned int calls;
	struct vcm *vcm;
	dma_addr_t addr;
	unsigned int flags;
	bool in_irq;
};

static bool fault_claim(struct vcm *vcm, dma_addr_t addr, unsigned int flags,
			void *priv)
{
	struct fault_log *log = priv;

	log->calls++;
	log->vcm = vcm;
	log->addr = addr;
	log->flags = flags;
	log->in_irq = in_hardirq();
	return true;
}

/*
 * Row faults: reports of IOMMU drivers, from hard interrupt context and from
 * any domain, reach the handler of the context. A domain that maps MSI
 * doorbells reports none
 */
static void iommu_faults(struct kunit *test)
{
	static const struct fakeiommu_cfg msi = {
		.refuses = true,
		.region = { { SZ_128M, SZ_1M, IOMMU_RESV_SW_MSI } },
	};
	struct fault_log log = { };
	struct device *dev[3];
	struct vcm *vcm;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		fakeiommu_create(test, i, i < 2 ? &cfg_refuses : &msi);
		dev[i] = fakeiommu_master_create(test, i);
	}
	vcm = context(test, dev[0]);
	for (i = 1; i < 3; i++)
		KUNIT_ASSERT_EQ(test, vcm_attach(vcm, dev[i]), 0);
	KUNIT_ASSERT_EQ(test, vcm_set_fault_handler(vcm, fault_claim, &log), 0);

	KUNIT_EXPECT_EQ(test, fakeiommu_fault(dev[0], SZ_1M + 8, false), 0);
	KUNIT_EXPECT_EQ(test, log.calls, 1);
	KUNIT_EXPECT_PTR_EQ(test, log.vcm, vcm);
	KUNIT_EXPECT_EQ(test, log.addr, SZ_1M + 8);
	KUNIT_EXPECT_EQ(test, log.flags, VCM_FAULT_READ);
	KUNIT_EXPECT_TRUE(test, log.in_irq);

	KUNIT_EXPECT_EQ(test, fakeiommu_fault(dev[1], SZ_2M, true), 0);
	KUNIT_EXPECT_EQ(test, log.calls, 2);
	KUNIT_EXPECT_EQ(test, log.addr, SZ_2M);
	KUNIT_EXPECT_EQ(test, log.flags, VCM_FAULT_WRITE);

	if (IS_ENABLED(CONFIG_IOMMU_DMA)) {
		KUNIT_EXPECT_NE(test, fakeiommu_fault(dev[2], SZ_2M, true), 0);
		KUNIT_EXPECT_EQ(test, log.calls, 2);
	}
	/* A device that was detached reports nothing to the context */
	vcm_detach(vcm, dev[0]);
	KUNIT_EXPECT_NE(test, fakeiommu_fault(dev[0], SZ_1M, false), 0);
	KUNIT_EXPECT_EQ(test, log.calls, 2);
	KUNIT_EXPECT_EQ(test, vcm_set_fault_handler(vcm, NULL, NULL), 0);
}

/*
 * Row interrupts: devices with the same MSI window share a domain that maps
 * doorbells. A device without a window may join it; a device with a window does
 * not join a domain without
 */
static void iommu_msi_domains(struct kunit *test)
{
	static const struct fakeiommu_cfg msi = {
		.region = { { SZ_128M, SZ_1M, IOMMU_RESV_SW_MSI } },
	};
	static const struct fakeiommu_cfg elsewhere = {
		.region = { { SZ_256M, SZ_1M, IOMMU_RESV_SW_MSI } },
	};
	struct fakeiommu *plain, *window, *far;
	struct device *dev[4];
	struct vcm *vcm;

	if (!IS_ENABLED(CONFIG_IOMMU_DMA))
		kunit_skip(test, "no code maps doorbells without IOMMU_DMA");
	plain = fakeiommu_create(test, 0, NULL);
	window = fakeiommu_create(test, 1, &msi);
	far = fakeiommu_create(test, 2, &elsewhere);
	dev[0] = fakeiommu_master_create(test, 0);
	dev[1] = fakeiommu_master_create(test, 1);
	dev[2] = fakeiommu_master_create(test, 1);
	dev[3] = fakeiommu_master_create(test, 2);

	vcm = context(test, dev[0]);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, dev[1]), 0);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, dev[2]), 0);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, dev[3]), 0);
	KUNIT_EXPECT_EQ(test, count(&plain->domains), 1);
	KUNIT_EXPECT_EQ(test, count(&window->domains), 1);
	KUNIT_EXPECT_EQ(test, count(&far->domains), 1);
	context_destroy(test, vcm);

	vcm = context(test, dev[1]);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, dev[0]), 0);
	KUNIT_EXPECT_EQ(test, count(&plain->domains), 0);
	KUNIT_EXPECT_EQ(test, count(&window->domains), 1);

	/* The doorbells stay mapped for the device that joined */
	vcm_detach(vcm, dev[1]);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vcm_reserve_at(vcm, SZ_128M, SZ_4K, 0)),
			-EADDRNOTAVAIL);
}

/*
 * Row interrupts: doorbells that are not translated, but have to be mapped, get
 * addresses after those of the region, which cannot be reserved
 */
static void iommu_msi_untranslated(struct kunit *test)
{
	static const struct fakeiommu_cfg cfg = {
		.region = { { SZ_128M, SZ_1M, IOMMU_RESV_MSI } },
	};
	const int taken = IS_ENABLED(CONFIG_IRQ_MSI_IOMMU) ? -EADDRNOTAVAIL : 0;
	const dma_addr_t behind = SZ_128M + SZ_1M;
	struct device *dev;
	struct vcm_res *res;
	struct vcm *vcm;

	fakeiommu_create(test, 0, &cfg);
	dev = fakeiommu_master_create(test, 0);
	vcm = context(test, dev);

	KUNIT_EXPECT_EQ(test, iommu_get_domain_for_dev(dev)->cookie_type ==
			IOMMU_COOKIE_DMA_MSI, taken && IS_ENABLED(CONFIG_IOMMU_DMA));
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vcm_reserve_at(vcm, SZ_128M, SZ_4K, 0)),
			-EADDRNOTAVAIL);
	if (IS_ENABLED(CONFIG_IOMMU_DMA)) {
		res = vcm_reserve_at(vcm, behind, SZ_1M, 0);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(res), taken);
		vcm_unreserve(res);
	}
	res = vcm_reserve_at(vcm, behind + SZ_1M, SZ_4K, 0);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, res);
	vcm_unreserve(res);
}

static struct kunit_case iommu_device_cases[] = {
	KUNIT_CASE_PARAM(iommu_newcomer_clash, iommu_clash_gen_params),
	KUNIT_CASE(iommu_newcomer_memory),
	KUNIT_CASE(iommu_joined_aperture),
	KUNIT_CASE(iommu_limits_of_absent),
	KUNIT_CASE(iommu_checked_before),
	KUNIT_CASE(iommu_dma_mask),
	KUNIT_CASE(iommu_identity),
	KUNIT_CASE(iommu_for_device),
	KUNIT_CASE(iommu_group_of_two),
	KUNIT_CASE(iommu_direct_region),
	KUNIT_CASE(iommu_coherence),
	KUNIT_CASE(iommu_account),
	KUNIT_CASE(iommu_directions),
	KUNIT_CASE(iommu_registers),
	KUNIT_CASE(iommu_default_domain),
	KUNIT_CASE(iommu_faults),
	KUNIT_CASE(iommu_msi_domains),
	KUNIT_CASE(iommu_msi_untranslated),
	{}
};

static struct kunit_suite iommu_device_suite = {
	.name = "vcm_iommu_device",
	.test_cases = iommu_device_cases,
};

kunit_test_suite(iommu_device_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of devices of Virtual Contiguous Memory behind IOMMUs");
MODULE_LICENSE("GPL");
