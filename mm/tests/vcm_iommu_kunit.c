// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of Virtual Contiguous Memory contexts behind IOMMUs, on fake ones:
 * several IOMMUs in one context, what a device brings along and takes away, and
 * what happens when things fail or go.
 *
 * What a device reaches is asked of the fake hardware, never of the code under
 * test. At the end of a case every fake IOMMU says whether it was misused and
 * whether all its domains were freed.
 */
#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/vcm-drv.h>
#include <linux/vcm-iommu.h>

#include "../vcm-internal.h"
#include "vcm_fakeiommu.h"

/* The rows of most cases: devices that cannot share a page table */
static const struct fakeiommu_cfg cfg_refuses = { .refuses = true };

static long count(const atomic_long_t *what)
{
	return atomic_long_read(what);
}

/* Memory in single pages, no two of them neighbours in ascending order */

static void pages_free(struct vcm_phys *phys)
{
	unsigned int i;

	for (i = 0; i < phys->count; i++)
		__free_page(phys_to_page(phys->parts[i].paddr));
}

static const struct vcm_phys_ops pages_ops = {
	.owner = THIS_MODULE,
	.free = pages_free,
};

static int pages_cmp(const void *a, const void *b)
{
	const struct phys_vec *x = a, *y = b;

	return x->paddr < y->paddr ? 1 : -1;
}

KUNIT_DEFINE_ACTION_WRAPPER(memory_put, vcm_free, struct vcm_phys *);

/* Freed at the end of the case */
static struct vcm_phys *memory(struct kunit *test, unsigned int pages)
{
	struct vcm_phys *phys;
	struct page *page;
	unsigned int i;

	phys = vcm_phys_new(pages, VCM_PHYS_PAGES, &pages_ops, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	for (i = 0; i < pages; i++) {
		page = alloc_page(GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, page);
		phys->parts[i].paddr = page_to_phys(page);
		phys->parts[i].len = PAGE_SIZE;
	}
	sort(phys->parts, pages, sizeof(phys->parts[0]), pages_cmp, NULL);
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, memory_put, phys),
			0);
	return phys;
}

KUNIT_DEFINE_ACTION_WRAPPER(context_put, vcm_destroy, struct vcm *);

/* An active context, destroyed at the end of the case */
static struct vcm *context(struct kunit *test, struct device *dev)
{
	struct vcm *vcm = vcm_iommu_create(dev, NULL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, context_put, vcm),
			0);
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	return vcm;
}

static void context_destroy(struct kunit *test, struct vcm *vcm)
{
	kunit_release_action(test, context_put, vcm);
}

static struct vcm_res *bound(struct kunit *test, struct vcm *vcm,
			     struct vcm_phys *phys)
{
	struct vcm_res *res = vcm_map(vcm, phys, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	return res;
}

/* Whether a device reaches all of @phys, byte for byte, at an address */
static bool sees(struct device *dev, dma_addr_t addr,
		 const struct vcm_phys *phys)
{
	phys_addr_t paddr;
	unsigned int i;

	for (i = 0; i < phys->count; i++, addr += PAGE_SIZE)
		if (fakeiommu_translate(dev, addr, true, &paddr) ||
		    paddr != phys->parts[i].paddr ||
		    fakeiommu_translate(dev, addr + PAGE_SIZE - 1, false, &paddr) ||
		    paddr != phys->parts[i].paddr + PAGE_SIZE - 1)
			return false;
	return true;
}

/* Whether it reaches nothing there */
static bool blind(struct device *dev, dma_addr_t addr, size_t size)
{
	phys_addr_t paddr;
	size_t off;

	for (off = 0; off < size; off += PAGE_SIZE)
		if (!fakeiommu_translate(dev, addr + off, false, &paddr) ||
		    !fakeiommu_translate(dev, addr + off, true, &paddr))
			return false;
	return true;
}

#define EXPECT_SEES(test, dev, res, phys) \
	KUNIT_EXPECT_TRUE(test, sees(dev, (res)->start, phys))
#define EXPECT_BLIND(test, dev, addr, size) \
	KUNIT_EXPECT_TRUE(test, blind(dev, addr, size))

/* Domains */

/*
 * A device that refuses the present domains gets a further one, which has all
 * live bindings when attach returns; later binds reach both, unbinds take from
 * both.
 */
static void iommu_refused(struct kunit *test)
{
	struct fakeiommu *a = fakeiommu_create(test, 0, &cfg_refuses);
	struct fakeiommu *b = fakeiommu_create(test, 1, &cfg_refuses);
	struct device *one = fakeiommu_master_create(test, 0);
	struct device *two = fakeiommu_master_create(test, 1);
	struct vcm_phys *old = memory(test, 5), *new = memory(test, 3);
	struct vcm *vcm = context(test, one);
	struct vcm_res *r_old, *r_new;

	r_old = bound(test, vcm, old);
	EXPECT_BLIND(test, two, r_old->start, old->size);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, two), 0);
	KUNIT_EXPECT_EQ(test, count(&a->domains), 1);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 1);
	EXPECT_SEES(test, one, r_old, old);
	EXPECT_SEES(test, two, r_old, old);

	r_new = bound(test, vcm, new);
	EXPECT_SEES(test, one, r_new, new);
	EXPECT_SEES(test, two, r_new, new);

	vcm_unbind(r_old);
	EXPECT_BLIND(test, one, r_old->start, old->size);
	EXPECT_BLIND(test, two, r_old->start, old->size);
	EXPECT_SEES(test, two, r_new, new);
	vcm_unmap(r_old);
	vcm_unmap(r_new);
	EXPECT_BLIND(test, two, 0, SZ_1M);
}

/* Devices of IOMMUs that accept each other's domains share one. */
static void iommu_shared(struct kunit *test)
{
	struct fakeiommu *a = fakeiommu_create(test, 0, NULL);
	struct fakeiommu *b = fakeiommu_create(test, 1, NULL);
	struct device *one = fakeiommu_master_create(test, 0);
	struct device *two = fakeiommu_master_create(test, 1);
	struct vcm_phys *phys = memory(test, 4);
	struct vcm *vcm = context(test, one);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, two), 0);
	res = bound(test, vcm, phys);
	KUNIT_EXPECT_EQ(test, count(&a->domains), 1);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 0);
	KUNIT_EXPECT_EQ(test, count(&a->writes), 4);
	EXPECT_SEES(test, one, res, phys);
	EXPECT_SEES(test, two, res, phys);

	/* The one that brought it may go */
	vcm_detach(vcm, one);
	KUNIT_EXPECT_EQ(test, count(&a->domains), 1);
	EXPECT_BLIND(test, one, res->start, phys->size);
	EXPECT_SEES(test, two, res, phys);
	vcm_unmap(res);
}

/* An inactive context shows nothing to any domain, an active one all to all. */
static void iommu_inactive(struct kunit *test)
{
	struct device *dev[2];
	struct vcm_phys *phys = memory(test, 4);
	struct vcm_res *res;
	struct vcm *vcm;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		fakeiommu_create(test, i, &cfg_refuses);
		dev[i] = fakeiommu_master_create(test, i);
	}
	vcm = context(test, dev[0]);
	vcm_deactivate(vcm);
	res = bound(test, vcm, phys);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, dev[1]), 0);
	for (i = 0; i < 2; i++)
		EXPECT_BLIND(test, dev[i], res->start, phys->size);

	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	for (i = 0; i < 2; i++)
		EXPECT_SEES(test, dev[i], res, phys);
	vcm_deactivate(vcm);
	for (i = 0; i < 2; i++)
		EXPECT_BLIND(test, dev[i], res->start, phys->size);
	vcm_unmap(res);
}

/* A domain goes with its last device, and comes back with the next one. */
static void iommu_last_device(struct kunit *test)
{
	struct fakeiommu *a = fakeiommu_create(test, 0, &cfg_refuses);
	struct fakeiommu *b = fakeiommu_create(test, 1, &cfg_refuses);
	struct device *one = fakeiommu_master_create(test, 0);
	struct device *two = fakeiommu_master_create(test, 1);
	struct device *three = fakeiommu_master_create(test, 1);
	struct vcm_phys *phys = memory(test, 4);
	struct vcm *vcm = context(test, one);
	struct vcm_res *res = bound(test, vcm, phys);

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, two), 0);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, three), 0);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 1);
	KUNIT_EXPECT_EQ(test, count(&b->writes), 4);
	vcm_detach(vcm, two);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 1);
	EXPECT_BLIND(test, two, res->start, phys->size);
	EXPECT_SEES(test, three, res, phys);
	vcm_detach(vcm, three);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 0);
	EXPECT_SEES(test, one, res, phys);

	/* Nobody is left: the context lives on */
	vcm_detach(vcm, one);
	KUNIT_EXPECT_EQ(test, count(&a->domains), 0);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, two), 0);
	EXPECT_SEES(test, two, res, phys);
	EXPECT_BLIND(test, one, res->start, phys->size);
	vcm_unmap(res);
}

/*
 * Each bind reaches all domains or none: failure at each leaf of each of three
 * domains changes nothing, neither in a bind nor in an activation.
 */
static void iommu_all_or_none(struct kunit *test)
{
	struct vcm_phys *phys = memory(test, 3), *other = memory(test, 2);
	struct fakeiommu *fake[3];
	struct device *dev[3];
	struct vcm_res *res, *keep;
	unsigned int i, n, d;
	struct vcm *vcm;

	for (i = 0; i < 3; i++) {
		fake[i] = fakeiommu_create(test, i, &cfg_refuses);
		dev[i] = fakeiommu_master_create(test, i);
	}
	vcm = context(test, dev[0]);
	for (i = 1; i < 3; i++)
		KUNIT_ASSERT_EQ(test, vcm_attach(vcm, dev[i]), 0);
	keep = bound(test, vcm, other);
	res = vcm_reserve(vcm, phys->size, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);

	for (i = 0; i < 3; i++) {
		for (n = 0; n < phys->count; n++) {
			atomic_long_set(&fake[i]->fail_map, n);
			fake[i]->error = n & 1 ? -ENOSPC : -ENOMEM;
			KUNIT_EXPECT_EQ(test, vcm_bind(res, phys),
					fake[i]->error);
			for (d = 0; d < 3; d++) {
				EXPECT_BLIND(test, dev[d], res->start, phys->size);
				EXPECT_SEES(test, dev[d], keep, other);
				KUNIT_EXPECT_EQ(test, count(&fake[d]->writes) -
						count(&fake[d]->clears), 2);
			}
		}
	}
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	for (d = 0; d < 3; d++)
		EXPECT_SEES(test, dev[d], res, phys);

	vcm_deactivate(vcm);
	for (i = 0; i < 3; i++) {
		for (n = 0; n < phys->count + other->count; n++) {
			atomic_long_set(&fake[i]->fail_map, n);
			fake[i]->error = -ENOMEM;
			KUNIT_EXPECT_EQ(test, vcm_activate(vcm), -ENOMEM);
			for (d = 0; d < 3; d++)
				KUNIT_EXPECT_EQ(test, count(&fake[d]->writes),
						count(&fake[d]->clears));
		}
	}
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
	vcm_unmap(res);
	vcm_unmap(keep);
}

/*
 * An attach that fails, whether the domain is refused, the attach itself or the
 * n-th leaf, changes nothing: the device sees its default domain, the context
 * what it had, and no domain is left.
 */
static void iommu_attach_fails(struct kunit *test)
{
	struct fakeiommu *a = fakeiommu_create(test, 0, &cfg_refuses);
	struct fakeiommu *b = fakeiommu_create(test, 1, &cfg_refuses);
	struct device *one = fakeiommu_master_create(test, 0);
	struct device *two = fakeiommu_master_create(test, 1);
	struct vcm_phys *phys[3];
	struct vcm *vcm = context(test, one);
	struct vcm_res *res[3];
	unsigned int i, n, leaves = 0;

	for (i = 0; i < 3; i++) {
		phys[i] = memory(test, i + 1);
		res[i] = bound(test, vcm, phys[i]);
		leaves += i + 1;
	}
	atomic_long_set(&b->fail_domain, 0);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, two), -ENOMEM);
	atomic_long_set(&b->fail_attach, 0);
	b->error = -EINVAL;
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, two), -EINVAL);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 0);

	for (n = 0; n < leaves; n++) {
		atomic_long_set(&b->fail_map, n);
		b->error = -ENOMEM;
		KUNIT_EXPECT_EQ(test, vcm_attach(vcm, two), -ENOMEM);
		KUNIT_EXPECT_EQ(test, count(&b->domains), 0);
		for (i = 0; i < 3; i++) {
			EXPECT_BLIND(test, two, res[i]->start, phys[i]->size);
			EXPECT_SEES(test, one, res[i], phys[i]);
		}
	}
	KUNIT_EXPECT_EQ(test, count(&a->writes), leaves);
	KUNIT_EXPECT_EQ(test, count(&b->writes), count(&b->clears));

	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, two), 0);
	for (i = 0; i < 3; i++) {
		EXPECT_SEES(test, two, res[i], phys[i]);
		vcm_unmap(res[i]);
	}
}

/* A context cannot be made: nothing is left. */
static void iommu_create_fails(struct kunit *test)
{
	struct fakeiommu *fake = fakeiommu_create(test, 0, &cfg_refuses);
	struct device *dev = fakeiommu_master_create(test, 0);
	struct vcm *vcm;
	unsigned int n;

	for (n = 0; n < 2; n++) {
		atomic_long_set(&fake->fail_domain, n);
		KUNIT_EXPECT_EQ(test, PTR_ERR(vcm_iommu_create(dev, NULL)),
				-ENOMEM);
		atomic_long_set(&fake->fail_attach, n);
		KUNIT_EXPECT_EQ(test, PTR_ERR(vcm_iommu_create(dev, NULL)),
				-ENOMEM);
		KUNIT_EXPECT_EQ(test, count(&fake->domains), 0);
	}
	vcm = context(test, dev);
	KUNIT_EXPECT_EQ(test, PTR_ERR(vcm_iommu_create(dev, NULL)), -EBUSY);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, dev), -EALREADY);
	KUNIT_EXPECT_EQ(test, count(&fake->domains), 1);
}

/**
 * struct iommu_aperture - the aperture of an IOMMU and that of its context
 * @name: in the result
 * @cfg: the IOMMU
 * @start: first address of the context
 * @last: last address, inclusive; 0: there is none, -EINVAL
 */
struct iommu_aperture {
	const char *name;
	struct fakeiommu_cfg cfg;
	dma_addr_t start;
	dma_addr_t last;
};

static const struct iommu_aperture iommu_apertures[] = {
	{
		"whole granules",
		{ .start = SZ_16M, .last = SZ_1G - 1 },
		SZ_16M, SZ_1G - 1,
	}, {
		"ragged",
		{ .start = SZ_16M + 1, .last = SZ_1G },
		SZ_16M + SZ_4K, SZ_1G - 1,
	}, {
		"known after an attach only",
		{ .settles = true, .last = SZ_1G - 1 },
		0, SZ_1G - 1,
	}, {
		"no bound",
		{ },
		0, ULONG_MAX,
	}, {
		"less than a granule",
		{ .last = SZ_4K - 2 },
		0, 0,
	}
};

KUNIT_ARRAY_PARAM_DESC(iommu_aperture, iommu_apertures, name);

/* The aperture of a context is what its device's IOMMU has, in whole granules. */
static void iommu_context_aperture(struct kunit *test)
{
	const struct iommu_aperture *aperture = test->param_value;
	struct fakeiommu *fake = fakeiommu_create(test, 0, &aperture->cfg);
	struct device *dev = fakeiommu_master_create(test, 0);
	struct vcm *vcm;

	if (!aperture->last) {
		KUNIT_EXPECT_EQ(test, PTR_ERR(vcm_iommu_create(dev, NULL)),
				-EINVAL);
		KUNIT_EXPECT_EQ(test, count(&fake->domains), 0);
		return;
	}
	vcm = context(test, dev);
	KUNIT_EXPECT_EQ(test, vcm->start, aperture->start);
	KUNIT_EXPECT_EQ(test, vcm->last, aperture->last);
	KUNIT_EXPECT_EQ(test, vcm_granule(vcm), SZ_4K);
}

/* What a newcomer cannot use */

/**
 * struct iommu_clash - a newcomer that cannot use what is reserved
 * @name: in the result
 * @cfg: its IOMMU
 * @addr: what is reserved
 * @size: bytes of it
 * @fits: what the newcomer can use
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
 * Granule, aperture and reserved regions of a newcomer are checked against what
 * is reserved: -EADDRNOTAVAIL and nothing changed on a clash, in force from its
 * attach to its detach otherwise.
 */
static void iommu_newcomer_clash(struct kunit *test)
{
	const struct iommu_clash *clash = test->param_value;
	struct fakeiommu *b;
	struct device *one, *two;
	struct vcm_res *res, *probe;
	struct vcm *vcm;

	fakeiommu_create(test, 0, &cfg_refuses);
	b = fakeiommu_create(test, 1, &clash->cfg);
	one = fakeiommu_master_create(test, 0);
	two = fakeiommu_master_create(test, 1);
	vcm = context(test, one);
	res = vcm_reserve_at(vcm, clash->addr, clash->size, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, two), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 0);
	EXPECT_BLIND(test, two, clash->addr, clash->size);

	/* Nothing has changed: there is room for the same beside it */
	probe = vcm_reserve_at(vcm, clash->addr + SZ_128K, clash->size, 0);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, probe);
	vcm_unreserve(probe);
	vcm_unreserve(res);

	probe = vcm_reserve_at(vcm, clash->fits, SZ_64K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, probe);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, two), 0);
	res = vcm_reserve_at(vcm, clash->addr, clash->size, 0);
	KUNIT_EXPECT_TRUE(test, res == ERR_PTR(-EADDRNOTAVAIL) ||
			  res == ERR_PTR(-EINVAL));
	vcm_detach(vcm, two);
	res = vcm_reserve_at(vcm, clash->addr, clash->size, 0);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, res);
	vcm_unreserve(res);
	vcm_unreserve(probe);
}

/* Memory bound with smaller pages than the newcomer has is a clash too. */
static void iommu_newcomer_memory(struct kunit *test)
{
	static const struct fakeiommu_cfg coarse = {
		.refuses = true,
		.pgsize_bitmap = SZ_64K,
	};
	struct fakeiommu *b;
	struct device *one, *two;
	struct vcm_phys *phys;
	struct vcm_res *res;
	struct vcm *vcm;

	fakeiommu_create(test, 0, &cfg_refuses);
	b = fakeiommu_create(test, 1, &coarse);
	one = fakeiommu_master_create(test, 0);
	two = fakeiommu_master_create(test, 1);
	vcm = context(test, one);
	phys = memory(test, 16);
	res = vcm_reserve_at(vcm, SZ_1M, SZ_64K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);

	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, two), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 0);
	EXPECT_SEES(test, one, res, phys);
	vcm_unbind(res);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, two), 0);
	KUNIT_EXPECT_EQ(test, vcm_granule(vcm), SZ_64K);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EOPNOTSUPP);
	vcm_unreserve(res);
}

/*
 * A domain that a device brought keeps its aperture for those that joined it:
 * a device that leaves takes along what is its own, not what is the domain's.
 */
static void iommu_joined_aperture(struct kunit *test)
{
	static const struct fakeiommu_cfg small = {
		.refuses = true,
		.last = SZ_256M - 1,
	};
	struct device *one, *two, *three;
	struct fakeiommu *b;
	struct vcm *vcm;

	fakeiommu_create(test, 0, &cfg_refuses);
	b = fakeiommu_create(test, 1, &small);
	fakeiommu_create(test, 2, NULL);
	one = fakeiommu_master_create(test, 0);
	two = fakeiommu_master_create(test, 1);
	three = fakeiommu_master_create(test, 2);
	vcm = context(test, one);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, two), 0);
	vcm_detach(vcm, one);
	/* Has no bound of its own, and joins the domain that @two brought */
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, three), 0);
	vcm_detach(vcm, two);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vcm_reserve_at(vcm, SZ_256M, SZ_4K, 0)),
			-EADDRNOTAVAIL);
}

/* No address that the device cannot express is handed out. */
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

/* Who is let in */

/* An identity default is refused with -EPERM unless the creator allows it. */
static void iommu_identity(struct kunit *test)
{
	static const struct fakeiommu_cfg cfg = { .type = FAKEIOMMU_IDENTITY };
	const struct vcm_iommu_params allow = { .allow_identity_default = true };
	struct device *one, *two;
	phys_addr_t paddr;
	struct vcm *vcm;

	fakeiommu_create(test, 0, &cfg);
	fakeiommu_create(test, 1, NULL);
	two = fakeiommu_master_create(test, 0);
	one = fakeiommu_master_create(test, 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(vcm_iommu_create(two, NULL)), -EPERM);
	vcm = context(test, one);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, two), -EPERM);
	KUNIT_EXPECT_EQ(test, fakeiommu_translate(two, SZ_1M, true, &paddr), 0);

	vcm = vcm_iommu_create(two, &allow);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	EXPECT_BLIND(test, two, SZ_1M, SZ_1M);
	vcm_destroy(vcm);
	KUNIT_EXPECT_EQ(test, fakeiommu_translate(two, SZ_1M, true, &paddr), 0);
}

/*
 * vcm_for_device(): where an IOMMU lets everything pass, addresses are those of
 * the memory; where it translates, the device sees what is bound alone.
 */
static void iommu_for_device(struct kunit *test)
{
	static const struct fakeiommu_cfg cfg = { .type = FAKEIOMMU_IDENTITY };
	struct device *one, *two;
	phys_addr_t paddr = 0;
	struct vcm_res *res;
	struct vcm *vcm;

	fakeiommu_create(test, 0, NULL);
	fakeiommu_create(test, 1, &cfg);
	one = fakeiommu_master_create(test, 0);
	two = fakeiommu_master_create(test, 1);

	vcm = vcm_for_device(one);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	EXPECT_BLIND(test, one, 0, SZ_64K);
	vcm_destroy(vcm);

	vcm = vcm_for_device(two);
	if (!IS_ENABLED(CONFIG_VCM_CMA)) {
		KUNIT_EXPECT_PTR_EQ(test, vcm, ERR_PTR(-EPERM));
		return;
	}
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	res = vcm_make_binding(vcm, SZ_64K, 0, 0);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, res);
	if (!IS_ERR_OR_NULL(res)) {
		KUNIT_EXPECT_EQ(test, 0, fakeiommu_translate(two, res->start,
							     true, &paddr));
		KUNIT_EXPECT_EQ(test, paddr, res->phys->parts[0].paddr);
	}
	vcm_destroy_binding(res);
	vcm_destroy(vcm);
}

/* A device whose group has another one is refused with -EOPNOTSUPP. */
static void iommu_group_of_two(struct kunit *test)
{
	static const struct fakeiommu_cfg cfg = { .one_group = true };
	struct fakeiommu *b;
	struct device *one, *two, *three;
	struct vcm *vcm;

	fakeiommu_create(test, 0, NULL);
	b = fakeiommu_create(test, 1, &cfg);
	one = fakeiommu_master_create(test, 0);
	two = fakeiommu_master_create(test, 1);
	vcm = context(test, one);

	/* Alone in its group it is welcome; if the group grows it may leave */
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, two), 0);
	three = fakeiommu_master_create(test, 1);
	vcm_detach(vcm, two);
	EXPECT_BLIND(test, two, 0, SZ_64K);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, two), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, three), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, PTR_ERR(vcm_iommu_create(three, NULL)),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 0);
}

/* So is one that firmware wants to reach memory at all times. */
static void iommu_direct_region(struct kunit *test)
{
	static const struct fakeiommu_cfg cfg = {
		.region = { { SZ_1M, SZ_64K, IOMMU_RESV_DIRECT } },
	};
	struct device *dev;

	fakeiommu_create(test, 0, &cfg);
	dev = fakeiommu_master_create(test, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR(vcm_iommu_create(dev, NULL)),
			-EOPNOTSUPP);
}

static unsigned int sync_calls;

static void count_sync(phys_addr_t paddr, size_t size,
		       enum dma_data_direction dir, bool for_cpu)
{
	sync_calls++;
}

/*
 * IOMMU_CACHE exactly where the devices snoop. What is bound is written back for
 * those that do not. One that differs from the others in this is refused, and
 * nothing has changed.
 */
static void iommu_unsnooped(struct kunit *test)
{
	static const struct fakeiommu_cfg cfg = { .no_snoop = true };
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
	phys = memory(test, 2);
	kunit_activate_static_stub(test, vcm_sync_range, count_sync);

	vcm = context(test, snoops);
	sync_calls = 0;
	res = bound(test, vcm, phys);
	KUNIT_EXPECT_EQ(test, sync_calls, 0);
	KUNIT_EXPECT_EQ(test, fakeiommu_prot(snoops, res->start),
			IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, not), -EINVAL);
	EXPECT_BLIND(test, not, res->start, phys->size);
	KUNIT_EXPECT_EQ(test, count(&a->domains), 1);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 0);

	/* What was bound while nobody was attached is no exception */
	vcm_detach(vcm, snoops);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, not), 0);
	KUNIT_EXPECT_EQ(test, sync_calls, 2);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, other), 0);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 1);
	KUNIT_EXPECT_EQ(test, fakeiommu_prot(not, res->start),
			IOMMU_READ | IOMMU_WRITE);
	EXPECT_SEES(test, other, res, phys);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, snoops), -EINVAL);
	vcm_unmap(res);
}

/* One direction alone is what the device gets, in each domain. */
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

/* What is no RAM is a device's: never cached, whoever snoops. */
static void iommu_registers(struct kunit *test)
{
	static const struct vcm_phys_ops ops;
	struct vcm_phys *phys = vcm_phys_new(1, 0, &ops, NULL);
	struct device *dev;
	struct vcm_res *res;
	struct vcm *vcm;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	phys->parts[0].paddr = SZ_1G;
	phys->parts[0].len = PAGE_SIZE;
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
	fakeiommu_create(test, 0, NULL);
	dev = fakeiommu_master_create(test, 0);
	vcm = context(test, dev);
	res = vcm_map(vcm, phys, 0);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, res);
	if (!IS_ERR_OR_NULL(res))
		KUNIT_EXPECT_EQ(test, fakeiommu_prot(dev, res->start),
				IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO);
	vcm_unmap(res);
	vcm_free(phys);
}

/* Between two contexts */

/* While a device is attached its DMA API is off, and back when it is not. */
static void iommu_default_domain(struct kunit *test)
{
	/* Not the top of 64 bits, where iommu.debug_pagealloc overflows */
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
		kunit_skip(test, "the DMA API does not use IOMMUs here");
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

#define LOAD_DEVICES	3
#define LOAD_MOVES	150
#define LOAD_WORK	100

/* Threads that bind, unbind and translate while devices move */
struct load {
	struct kunit *test;
	struct device *dev[LOAD_DEVICES];
	struct vcm *vcm[2];
	struct vcm_phys *phys[2];	/* bound at the same address in each */
	dma_addr_t addr;
	struct vcm_phys *churn[2];
	atomic_t bad;
	atomic_t work;
	struct completion worked;	/* LOAD_WORK rounds */
};

static void load_count(struct load *l)
{
	if (atomic_inc_return(&l->work) == LOAD_WORK)
		complete(&l->worked);
}

/* What is unbound is gone for every device, wherever it moves meanwhile */
static int load_bind(struct load *l, unsigned int nr)
{
	struct vcm_phys *phys = l->churn[nr];
	struct vcm_res *res;
	phys_addr_t paddr;
	unsigned int i;

	while (!kthread_should_stop()) {
		res = vcm_map(l->vcm[nr], phys, 0);
		if (IS_ERR(res)) {
			atomic_inc(&l->bad);
			break;
		}
		vcm_unbind(res);
		for (i = 0; i < LOAD_DEVICES; i++)
			if (!fakeiommu_translate(l->dev[i], res->start, true,
						 &paddr) &&
			    paddr == phys->parts[0].paddr)
				atomic_inc(&l->bad);
		vcm_unmap(res);
		load_count(l);
		cond_resched();
	}
	return 0;
}

static int load_bind_first(void *data)
{
	return load_bind(data, 0);
}

static int load_bind_second(void *data)
{
	return load_bind(data, 1);
}

/* At the common address there is one memory, or the other, or nothing */
static int load_translate(void *data)
{
	struct load *l = data;
	phys_addr_t paddr;
	unsigned int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < LOAD_DEVICES; i++)
			if (!fakeiommu_translate(l->dev[i], l->addr, true,
						 &paddr) &&
			    paddr != l->phys[0]->parts[0].paddr &&
			    paddr != l->phys[1]->parts[0].paddr)
				atomic_inc(&l->bad);
		load_count(l);
		cond_resched();
	}
	return 0;
}

static void load_move(struct load *l)
{
	struct kunit *test = l->test;
	unsigned int i, n, to;

	for (n = 0; n < LOAD_MOVES; n++) {
		i = n % LOAD_DEVICES;
		to = (n / LOAD_DEVICES + i + 1) & 1;
		vcm_detach(l->vcm[!to], l->dev[i]);
		EXPECT_BLIND(test, l->dev[i], l->addr, PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, vcm_attach(l->vcm[to], l->dev[i]), 0);
		KUNIT_EXPECT_TRUE(test, sees(l->dev[i], l->addr, l->phys[to]));
	}
}

/*
 * Devices move between contexts while others bind, unbind and translate. In
 * between they see their default domain and nothing else.
 */
static void iommu_move(struct kunit *test)
{
	static int (* const work[])(void *) = {
		load_bind_first, load_bind_second, load_translate,
	};
	struct task_struct *thread[ARRAY_SIZE(work)];
	struct device *owner[2];
	struct load *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	struct vcm_res *res[2];
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->test = test;
	init_completion(&l->worked);
	for (i = 0; i < LOAD_DEVICES; i++) {
		/* The last one shares the domain of the owners' IOMMUs */
		fakeiommu_create(test, i, i < 2 ? &cfg_refuses : NULL);
		l->dev[i] = fakeiommu_master_create(test, i);
	}
	for (i = 0; i < 2; i++) {
		fakeiommu_create(test, LOAD_DEVICES + i, NULL);
		owner[i] = fakeiommu_master_create(test, LOAD_DEVICES + i);
		l->phys[i] = memory(test, 1);
		l->churn[i] = memory(test, 4);
		l->vcm[i] = context(test, owner[i]);
		res[i] = vcm_reserve_at(l->vcm[i], SZ_16M, PAGE_SIZE, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
		KUNIT_ASSERT_EQ(test, vcm_bind(res[i], l->phys[i]), 0);
	}
	l->addr = SZ_16M;
	for (i = 0; i < LOAD_DEVICES; i++)
		KUNIT_ASSERT_EQ(test, vcm_attach(l->vcm[i & 1], l->dev[i]), 0);

	for (i = 0; i < ARRAY_SIZE(work); i++)
		thread[i] = kthread_run(work[i], l, "vcm-load/%u", i);
	load_move(l);
	/* On one CPU the threads may not have run at all yet */
	KUNIT_EXPECT_NE(test, 0,
			wait_for_completion_timeout(&l->worked, 5 * HZ));
	for (i = 0; i < ARRAY_SIZE(work); i++)
		if (!IS_ERR(thread[i]))
			kthread_stop(thread[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&l->bad), 0);
	for (i = 0; i < 2; i++)
		vcm_unmap(res[i]);
}

/* Scale */

/*
 * One context on 128 IOMMUs: each bind, unbind and attach writes exactly the
 * leaves of the domains concerned, and devices share what is bound.
 */
static void iommu_128_instances(struct kunit *test)
{
	const unsigned int leaves = 8;
	struct fakeiommu **fake;
	struct device **dev;
	struct vcm_phys *phys = memory(test, leaves);
	struct vcm_res *res[4];
	struct vcm *vcm;
	unsigned int i, n;

	fake = kunit_kcalloc(test, FAKEIOMMU_MAX, sizeof(*fake), GFP_KERNEL);
	dev = kunit_kcalloc(test, FAKEIOMMU_MAX, sizeof(*dev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	fakeiommu_many(test);
	for (i = 0; i < FAKEIOMMU_MAX; i++) {
		fake[i] = fakeiommu_create(test, i, &cfg_refuses);
		dev[i] = fakeiommu_master_create(test, i);
	}
	vcm = context(test, dev[0]);
	for (n = 0; n < 2; n++)
		res[n] = bound(test, vcm, phys);
	for (i = 1; i < FAKEIOMMU_MAX; i++) {
		KUNIT_ASSERT_EQ(test, vcm_attach(vcm, dev[i]), 0);
		KUNIT_EXPECT_EQ(test, count(&fake[i]->writes), 2 * leaves);
		/* Nobody else's tables were touched */
		KUNIT_EXPECT_EQ(test, count(&fake[0]->writes), 2 * leaves);
	}
	for (n = 2; n < 4; n++)
		res[n] = bound(test, vcm, phys);
	for (i = 0; i < FAKEIOMMU_MAX; i++) {
		KUNIT_EXPECT_EQ(test, count(&fake[i]->domains), 1);
		KUNIT_EXPECT_EQ(test, count(&fake[i]->writes), 4 * leaves);
		KUNIT_EXPECT_EQ(test, count(&fake[i]->clears), 0);
		for (n = 0; n < 4; n++)
			EXPECT_SEES(test, dev[i], res[n], phys);
	}

	for (n = 0; n < 4; n++)
		vcm_unmap(res[n]);
	for (i = 0; i < FAKEIOMMU_MAX; i++) {
		KUNIT_EXPECT_EQ(test, count(&fake[i]->writes), 4 * leaves);
		KUNIT_EXPECT_EQ(test, count(&fake[i]->clears), 4 * leaves);
		KUNIT_EXPECT_EQ(test, count(&fake[i]->syncs), 4);
	}
}

/*
 * 128 contexts share one allocation: each writes its leaves and no more, and
 * the memory is walked from one context to the next.
 */
static void iommu_128_contexts(struct kunit *test)
{
	const unsigned int leaves = 8;
	struct fakeiommu **fake;
	struct vcm_res **res, *found;
	struct vcm **vcm;
	struct vcm_phys *phys = memory(test, leaves);
	unsigned int i, seen = 0;
	struct device **dev;
	dma_addr_t addr;

	fake = kunit_kcalloc(test, FAKEIOMMU_MAX, sizeof(*fake), GFP_KERNEL);
	dev = kunit_kcalloc(test, FAKEIOMMU_MAX, sizeof(*dev), GFP_KERNEL);
	vcm = kunit_kcalloc(test, FAKEIOMMU_MAX, sizeof(*vcm), GFP_KERNEL);
	res = kunit_kcalloc(test, FAKEIOMMU_MAX, sizeof(*res), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, fake && dev && vcm && res);
	fakeiommu_many(test);
	for (i = 0; i < FAKEIOMMU_MAX; i++) {
		fake[i] = fakeiommu_create(test, i, NULL);
		dev[i] = fakeiommu_master_create(test, i);
		vcm[i] = context(test, dev[i]);
		res[i] = bound(test, vcm[i], phys);
	}
	for (i = 0; i < FAKEIOMMU_MAX; i++) {
		KUNIT_EXPECT_EQ(test, count(&fake[i]->writes), leaves);
		KUNIT_EXPECT_EQ(test, count(&fake[i]->clears), 0);
		EXPECT_SEES(test, dev[i], res[i], phys);
		KUNIT_EXPECT_EQ(test, vcm_translate(vcm[0], res[0]->start + 5,
						    vcm[i], &addr), 0);
		KUNIT_EXPECT_EQ(test, addr, res[i]->start + 5);
	}
	for (found = NULL; (found = vcm_phys_next_res(phys, found));)
		seen++;
	KUNIT_EXPECT_EQ(test, seen, FAKEIOMMU_MAX);

	for (i = 0; i < FAKEIOMMU_MAX; i++) {
		vcm_unmap(res[i]);
		EXPECT_BLIND(test, dev[i], 0, SZ_64K);
		if (i + 1 < FAKEIOMMU_MAX)
			EXPECT_SEES(test, dev[i + 1], res[i + 1], phys);
	}
}

/* Waiting for TLBs */

#define MANY	40

/**
 * struct iommu_many - how many waits for many buffers
 * @name: in the result
 * @deferred: the IOMMU can leave invalidation to a flush of all
 * @gap: unmapped pages between two buffers
 * @n: buffers
 * @reversed: given in descending order
 * @syncs: waits of each domain
 * @flushes: flushes of all of a domain
 */
struct iommu_many {
	const char *name;
	bool deferred;
	unsigned int gap;
	unsigned int n;
	bool reversed;
	long syncs;
	long flushes;
};

static const struct iommu_many iommu_manies[] = {
	{ "neighbours", false, 0, MANY, false, 1, 0 },
	{ "neighbours, descending", false, 0, MANY, true, 1, 0 },
	{ "neighbours, flush at hand", true, 0, MANY, false, 1, 0 },
	{ "scattered", false, 1, MANY, false, MANY, 0 },
	{ "scattered, flush at hand", true, 1, MANY, false, 1, 1 },
	{ "few scattered, flush at hand", true, 1, 16, false, 16, 0 },
	{ "one more, flush at hand", true, 1, 17, false, 1, 1 },
	{ "one", true, 0, 1, false, 1, 0 },
};

KUNIT_ARRAY_PARAM_DESC(iommu_many, iommu_manies, name);

/*
 * vcm_unbind_many() waits once for a run of neighbours, and once in all where
 * many runs make a flush of the domain cheaper; when it returns nothing is
 * reached, in any of two domains.
 */
static void iommu_unbind_many(struct kunit *test)
{
	const struct iommu_many *many = test->param_value;
	const struct fakeiommu_cfg cfg = {
		.refuses = true,
		.deferred = many->deferred,
	};
	struct vcm_res *res[MANY], *batch[MANY];
	struct fakeiommu *fake[2];
	struct vcm_phys *phys;
	struct device *dev[2];
	struct vcm *vcm;
	unsigned int i, d;

	for (d = 0; d < 2; d++) {
		fake[d] = fakeiommu_create(test, d, &cfg);
		dev[d] = fakeiommu_master_create(test, d);
	}
	phys = memory(test, 2);
	vcm = context(test, dev[0]);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, dev[1]), 0);
	for (i = 0; i < many->n; i++) {
		res[i] = vcm_reserve_at(vcm, SZ_1M + i * (2 + many->gap) * SZ_4K,
					SZ_8K, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
		KUNIT_ASSERT_EQ(test, vcm_bind(res[i], phys), 0);
		batch[many->reversed ? many->n - 1 - i : i] = res[i];
	}
	for (d = 0; d < 2; d++)
		KUNIT_ASSERT_EQ(test, count(&fake[d]->syncs), 0);

	vcm_unbind_many(batch, many->n);
	for (d = 0; d < 2; d++) {
		KUNIT_EXPECT_EQ(test, count(&fake[d]->syncs), many->syncs);
		KUNIT_EXPECT_EQ(test, count(&fake[d]->flushes), many->flushes);
		EXPECT_BLIND(test, dev[d], SZ_1M, SZ_1M);
	}
	for (i = 0; i < many->n; i++)
		vcm_unreserve(res[i]);
}

/* When hardware does not let go */

/*
 * An IOMMU that unmaps less than asked: addresses and memory are kept for good
 * and counted, vcm_unbind() still returns the memory, a later bind there is
 * -EADDRNOTAVAIL, and the other domain has let go.
 */
static void iommu_quarantine(struct kunit *test)
{
	struct fakeiommu *a = fakeiommu_create(test, 0, &cfg_refuses);
	struct fakeiommu *b = fakeiommu_create(test, 1, &cfg_refuses);
	struct device *one = fakeiommu_master_create(test, 0);
	struct device *two = fakeiommu_master_create(test, 1);
	struct vcm_phys *phys = memory(test, 2);
	struct vcm *vcm = context(test, one);
	struct vcm_res *res, *other;
	struct vcm_addr_info info;
	dma_addr_t addr;

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, two), 0);
	res = bound(test, vcm, phys);
	addr = res->start;
	atomic_long_set(&b->stuck, 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	EXPECT_BLIND(test, one, addr, phys->size);
	KUNIT_EXPECT_TRUE(test, sees(two, addr, phys));
	KUNIT_EXPECT_EQ(test, vcm->quarantined, phys->size);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	vcm_unmap(res);

	KUNIT_EXPECT_EQ(test, vcm_lookup_info(vcm, addr, &info), 0);
	KUNIT_EXPECT_TRUE(test, info.res.quarantined);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vcm_reserve_at(vcm, addr, SZ_4K, 0)),
			-EADDRINUSE);
	/* The same memory elsewhere is nobody's harm */
	other = bound(test, vcm, phys);
	EXPECT_SEES(test, two, other, phys);
	vcm_unmap(other);
	KUNIT_EXPECT_EQ(test, count(&a->complaints), 0);

	/* A domain that goes takes along what it had not let go of */
	vcm_detach(vcm, two);
	EXPECT_BLIND(test, two, addr, phys->size);
}

/* The same in the middle of vcm_unbind_many(): only that one is kept. */
static void iommu_quarantine_many(struct kunit *test)
{
	struct fakeiommu *fake = fakeiommu_create(test, 0, NULL);
	struct device *dev = fakeiommu_master_create(test, 0);
	struct vcm_phys *phys = memory(test, 1);
	struct vcm *vcm = context(test, dev);
	struct vcm_res *res[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		res[i] = vcm_reserve_at(vcm, SZ_1M + i * SZ_64K, SZ_4K, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
		KUNIT_ASSERT_EQ(test, vcm_bind(res[i], phys), 0);
	}
	atomic_long_set(&fake->stuck, 1);
	vcm_unbind_many(res, 3);
	KUNIT_EXPECT_EQ(test, vcm->quarantined, SZ_4K);
	KUNIT_EXPECT_EQ(test, vcm_bind(res[0], phys), 0);
	KUNIT_EXPECT_EQ(test, vcm_bind(res[1], phys), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, vcm_bind(res[2], phys), 0);
	for (i = 0; i < 3; i++)
		vcm_unmap(res[i]);
}

/* Of neighbours that are unmapped in one go any may be the one: all are kept. */
static void iommu_quarantine_run(struct kunit *test)
{
	static const dma_addr_t addr[] = {
		SZ_1M, SZ_1M + SZ_4K, SZ_1M + SZ_8K, SZ_2M,
	};
	struct fakeiommu *fake = fakeiommu_create(test, 0, NULL);
	struct device *dev = fakeiommu_master_create(test, 0);
	struct vcm_phys *phys = memory(test, 1);
	struct vcm *vcm = context(test, dev);
	struct vcm_res *res[ARRAY_SIZE(addr)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(addr); i++) {
		res[i] = vcm_reserve_at(vcm, addr[i], SZ_4K, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
		KUNIT_ASSERT_EQ(test, vcm_bind(res[i], phys), 0);
	}
	atomic_long_set(&fake->stuck, 0);
	vcm_unbind_many(res, ARRAY_SIZE(addr));
	KUNIT_EXPECT_EQ(test, vcm->quarantined, 3 * SZ_4K);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, vcm_bind(res[i], phys), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, vcm_bind(res[3], phys), 0);
	for (i = 0; i < ARRAY_SIZE(addr); i++)
		vcm_unmap(res[i]);
}

/* A bind that fails in one domain and cannot be undone in another. */
static void iommu_quarantine_undo(struct kunit *test)
{
	struct fakeiommu *a = fakeiommu_create(test, 0, &cfg_refuses);
	struct fakeiommu *b = fakeiommu_create(test, 1, &cfg_refuses);
	struct device *one = fakeiommu_master_create(test, 0);
	struct device *two = fakeiommu_master_create(test, 1);
	struct vcm_phys *phys = memory(test, 2);
	struct vcm *vcm = context(test, one);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, two), 0);
	res = vcm_reserve(vcm, phys->size, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	atomic_long_set(&b->fail_map, 0);
	atomic_long_set(&a->stuck, 0);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -ENOMEM);
	KUNIT_EXPECT_EQ(test, vcm->quarantined, phys->size);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	vcm_unreserve(res);
}

/* Faults */

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
 * What an IOMMU's driver reports reaches the context's handler, from hard
 * interrupt context, whichever domain it came from. A domain that has to map
 * MSI doorbells cannot report.
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
	/* Nobody is told of a device that has left */
	vcm_detach(vcm, dev[0]);
	KUNIT_EXPECT_NE(test, fakeiommu_fault(dev[0], SZ_1M, false), 0);
	KUNIT_EXPECT_EQ(test, log.calls, 2);
	KUNIT_EXPECT_EQ(test, vcm_set_fault_handler(vcm, NULL, NULL), 0);
}

/*
 * Devices with an MSI window share a domain that maps doorbells; one without
 * may use it too; one with a window does not get a domain without.
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
		kunit_skip(test, "nobody maps doorbells here");
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

	vcm_detach(vcm, dev[0]);
	KUNIT_EXPECT_EQ(test, count(&plain->domains), 0);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, dev[0]), 0);
	KUNIT_EXPECT_EQ(test, count(&plain->domains), 0);

	/* The doorbells stay in the domain after those that they were for */
	vcm_detach(vcm, dev[1]);
	vcm_detach(vcm, dev[2]);
	vcm_detach(vcm, dev[3]);
	KUNIT_EXPECT_EQ(test, count(&window->domains), 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vcm_reserve_at(vcm, SZ_128M, SZ_4K, 0)),
			-EADDRNOTAVAIL);
}

/*
 * Where doorbells are not translated but have to be mapped all the same, they
 * get addresses behind those of the region, which nobody else gets.
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

/* When things go away */

/* As a driver does that gives its context up when it leaves the device */
static void destroy_on_remove(struct device *dev)
{
	struct fakeiommu_master *master = dev_get_platdata(dev);

	vcm_destroy(master->priv);
}

static struct vcm *plugged(struct kunit *test, struct device *dev)
{
	struct fakeiommu_master *master = dev_get_platdata(dev);
	struct vcm *vcm = vcm_iommu_create(dev, NULL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	master->priv = vcm;
	master->remove = destroy_on_remove;
	return vcm;
}

/*
 * A device is unplugged with live bindings: its driver destroys the context,
 * whoever holds reservations goes on and touches no hardware, and the memory is
 * still good in another context.
 */
static void iommu_unplug_device(struct kunit *test)
{
	struct fakeiommu *a = fakeiommu_create(test, 0, NULL);
	struct device *one = fakeiommu_master_create(test, 0);
	struct device *two;
	struct vcm_phys *phys = memory(test, 3);
	struct vcm_res *res, *other;
	struct vcm *vcm = plugged(test, one);
	struct vcm *lives;

	fakeiommu_create(test, 1, NULL);
	two = fakeiommu_master_create(test, 1);
	lives = context(test, two);
	res = bound(test, vcm, phys);
	other = bound(test, lives, phys);

	fakeiommu_master_unplug(test, one);
	KUNIT_EXPECT_EQ(test, count(&a->domains), 0);
	KUNIT_EXPECT_EQ(test, count(&a->writes), count(&a->clears));
	EXPECT_SEES(test, two, other, phys);

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vcm_reserve(vcm, SZ_4K, 0)),
			-ENODEV);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -ENODEV);
	vcm_unmap(res);
	vcm_unmap(other);
}

/* The IOMMU itself goes: the drivers of its devices leave first. */
static void iommu_unplug_iommu(struct kunit *test)
{
	static const struct fakeiommu_cfg linked = {
		.refuses = true,
		.linked = true,
	};
	struct fakeiommu *a = fakeiommu_create(test, 0, &linked);
	struct fakeiommu *b = fakeiommu_create(test, 1, &cfg_refuses);
	struct device *one = fakeiommu_master_create(test, 0);
	struct device *two = fakeiommu_master_create(test, 1);
	struct vcm_phys *phys = memory(test, 3);
	struct vcm *vcm = plugged(test, one);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, two), 0);
	res = bound(test, vcm, phys);
	fakeiommu_unplug(test, a);
	KUNIT_EXPECT_NULL(test, one->driver);
	KUNIT_EXPECT_EQ(test, count(&a->domains), 0);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 0);
	EXPECT_BLIND(test, two, res->start, phys->size);
	vcm_unmap(res);
}

/* A driver forgets its context, and the IOMMU goes: a late detach is safe. */
static void iommu_detach_late(struct kunit *test)
{
	struct fakeiommu *a = fakeiommu_create(test, 0, &cfg_refuses);
	struct fakeiommu *b = fakeiommu_create(test, 1, &cfg_refuses);
	struct device *one = fakeiommu_master_create(test, 0);
	struct device *two = fakeiommu_master_create(test, 1);
	struct vcm_phys *phys = memory(test, 3);
	struct vcm *vcm = context(test, one);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, two), 0);
	res = bound(test, vcm, phys);
	/* The IOMMU core warns of the domain that is still attached */
	kunit_warning_suppress(test) {
		fakeiommu_unplug(test, b);
	}
	KUNIT_EXPECT_FALSE(test, device_iommu_mapped(two));
	EXPECT_SEES(test, one, res, phys);
	vcm_detach(vcm, two);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 0);
	EXPECT_SEES(test, one, res, phys);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, count(&a->writes), count(&a->clears));
}

/* Destroying a context frees every domain, with bindings live in all. */
static void iommu_destroy_live(struct kunit *test)
{
	struct fakeiommu *a = fakeiommu_create(test, 0, &cfg_refuses);
	struct fakeiommu *b = fakeiommu_create(test, 1, &cfg_refuses);
	struct device *one = fakeiommu_master_create(test, 0);
	struct device *two = fakeiommu_master_create(test, 1);
	struct vcm_phys *phys = memory(test, 3);
	struct vcm *vcm = context(test, one);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, two), 0);
	res = bound(test, vcm, phys);
	context_destroy(test, vcm);
	EXPECT_BLIND(test, one, res->start, phys->size);
	EXPECT_BLIND(test, two, res->start, phys->size);
	KUNIT_EXPECT_EQ(test, count(&a->domains), 0);
	KUNIT_EXPECT_EQ(test, count(&b->domains), 0);
	vcm_unmap(res);
}

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(iommu_refused),
	KUNIT_CASE(iommu_shared),
	KUNIT_CASE(iommu_inactive),
	KUNIT_CASE(iommu_last_device),
	KUNIT_CASE(iommu_all_or_none),
	KUNIT_CASE(iommu_attach_fails),
	KUNIT_CASE(iommu_create_fails),
	KUNIT_CASE_PARAM(iommu_context_aperture, iommu_aperture_gen_params),
	KUNIT_CASE_PARAM(iommu_newcomer_clash, iommu_clash_gen_params),
	KUNIT_CASE(iommu_newcomer_memory),
	KUNIT_CASE(iommu_joined_aperture),
	KUNIT_CASE(iommu_dma_mask),
	KUNIT_CASE(iommu_identity),
	KUNIT_CASE(iommu_for_device),
	KUNIT_CASE(iommu_group_of_two),
	KUNIT_CASE(iommu_direct_region),
	KUNIT_CASE(iommu_unsnooped),
	KUNIT_CASE(iommu_directions),
	KUNIT_CASE(iommu_registers),
	KUNIT_CASE(iommu_default_domain),
	KUNIT_CASE_SLOW(iommu_move),
	KUNIT_CASE_SLOW(iommu_128_instances),
	KUNIT_CASE_SLOW(iommu_128_contexts),
	KUNIT_CASE_PARAM(iommu_unbind_many, iommu_many_gen_params),
	KUNIT_CASE(iommu_quarantine),
	KUNIT_CASE(iommu_quarantine_many),
	KUNIT_CASE(iommu_quarantine_run),
	KUNIT_CASE(iommu_quarantine_undo),
	KUNIT_CASE(iommu_faults),
	KUNIT_CASE(iommu_msi_domains),
	KUNIT_CASE(iommu_msi_untranslated),
	KUNIT_CASE(iommu_unplug_device),
	KUNIT_CASE(iommu_unplug_iommu),
	KUNIT_CASE(iommu_detach_late),
	KUNIT_CASE(iommu_destroy_live),
	{}
};

static struct kunit_suite iommu_suite = {
	.name = "vcm_iommu",
	.test_cases = iommu_cases,
};

kunit_test_suite(iommu_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of Virtual Contiguous Memory behind IOMMUs");
MODULE_LICENSE("GPL");
