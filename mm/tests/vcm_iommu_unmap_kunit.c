// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of Virtual Contiguous Memory contexts behind IOMMUs, on fake
 * ones: waits for TLBs, memory that an IOMMU did not unmap, and devices and
 * IOMMUs that are removed.
 */
#include <linux/module.h>

#include "vcm_iommu_test.h"

#define MANY	40

/**
 * struct iommu_many - waits for the TLB when many buffers are unmapped
 * @name: for the result
 * @deferred: the IOMMU can leave invalidation to a flush of a whole domain
 * @gap: unmapped pages between two buffers
 * @n: number of buffers
 * @reversed: bound and unbound in descending order
 * @syncs: expected waits of each domain
 * @flushes: expected flushes of a whole domain
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

typedef void (*many_call)(struct vcm *vcm, struct vcm_res *const *res,
			  unsigned int nr);

static void many_unbind(struct vcm *vcm, struct vcm_res *const *res,
			unsigned int nr)
{
	vcm_unbind_many(res, nr);
}

static void many_deactivate(struct vcm *vcm, struct vcm_res *const *res,
			    unsigned int nr)
{
	vcm_deactivate(vcm);
}

static void many_destroy(struct vcm *vcm, struct vcm_res *const *res,
			 unsigned int nr)
{
	vcm_destroy(vcm);
}

/*
 * Bind many buffers for two devices behind the IOMMUs @nr and @nr + 1; unmap
 * all
 */
static void many_run(struct kunit *test, unsigned int nr, many_call call)
{
	const struct iommu_many *many = test->param_value;
	const struct fakeiommu_cfg cfg = {
		.refuses = true,
		.deferred = many->deferred,
	};
	struct vcm_phys *phys = memory(test, 2);
	struct vcm_res *res[MANY], *batch[MANY];
	struct fakeiommu *fake[2];
	struct device *dev[2];
	struct vcm *vcm;
	unsigned int i, d;

	for (d = 0; d < 2; d++) {
		fake[d] = fakeiommu_create(test, nr + d, &cfg);
		dev[d] = fakeiommu_master_create(test, nr + d);
	}
	vcm = vcm_iommu_create(dev[0]);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, dev[1]), 0);
	for (i = 0; i < many->n; i++) {
		unsigned int n = many->reversed ? many->n - 1 - i : i;

		res[i] = vcm_map_at(vcm, phys,
				    SZ_1M + n * (2 + many->gap) * SZ_4K, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
		batch[i] = res[i];
	}
	for (d = 0; d < 2; d++)
		KUNIT_ASSERT_EQ(test, count(&fake[d]->syncs), 0);

	call(vcm, batch, many->n);
	for (d = 0; d < 2; d++) {
		KUNIT_EXPECT_EQ(test, count(&fake[d]->syncs), many->syncs);
		KUNIT_EXPECT_EQ(test, count(&fake[d]->flushes), many->flushes);
		KUNIT_EXPECT_EQ(test, count(&fake[d]->clears),
				count(&fake[d]->writes));
		EXPECT_BLIND(test, dev[d], SZ_1M, SZ_1M);
	}
	if (call != many_destroy)
		vcm_destroy(vcm);
	for (i = 0; i < many->n; i++)
		vcm_unreserve(res[i]);
}

/*
 * Rows vcm_unbind, vcm_deactivate and vcm_destroy: vcm_unbind_many() waits once
 * for a run of neighbours, and once in all if many runs make a flush of the
 * domain cheaper. The last deactivate and destroy wait as often. Nothing is
 * reached when they return, in any of two domains
 */
static void iommu_unbind_many(struct kunit *test)
{
	static const many_call calls[] = {
		many_unbind, many_deactivate, many_destroy,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		many_run(test, 2 * i, calls[i]);
}

/*
 * Row quarantine: if an IOMMU unmaps less than asked, addresses and memory stay
 * out of use and are counted, and a later bind there is -EADDRNOTAVAIL. The
 * other domain is unmapped
 */
static void iommu_quarantine(struct kunit *test)
{
	const struct pair p = pair_create(test, &cfg_refuses, &cfg_refuses);
	struct vcm_phys *phys = memory(test, 2);
	struct vcm *vcm = context(test, p.one);
	struct vcm_res *res, *other;
	struct vcm_addr_info info;
	dma_addr_t addr;

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.two), 0);
	res = bound(test, vcm, phys);
	addr = res->start;
	atomic_long_set(&p.b->stuck, 0);
	vcm_unbind(res);
	EXPECT_BLIND(test, p.one, addr, phys->size);
	KUNIT_EXPECT_TRUE(test, sees(p.two, addr, phys));
	KUNIT_EXPECT_EQ(test, vcm->quarantined, phys->size);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	vcm_unmap(res);

	KUNIT_EXPECT_EQ(test, vcm_lookup_info(vcm, addr, &info), 0);
	KUNIT_EXPECT_TRUE(test, info.res[0].quarantined);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vcm_reserve_at(vcm, addr, SZ_4K, 0)),
			-EADDRINUSE);
	/* The same memory may be bound elsewhere */
	other = bound(test, vcm, phys);
	EXPECT_SEES(test, p.two, other, phys);
	vcm_unmap(other);
	KUNIT_EXPECT_EQ(test, count(&p.a->complaints), 0);

	vcm_detach(vcm, p.two);
	EXPECT_BLIND(test, p.two, addr, phys->size);
}

static void released(void *priv)
{
	++*(unsigned int *)priv;
}

/*
 * Row quarantine: an import that an IOMMU did not unmap is not released while
 * the context lives, with its device attached or not, and is released once when
 * the context is destroyed. The last owner of a reservation makes no difference
 */
static void iommu_quarantine_end(struct kunit *test)
{
	struct fakeiommu *fake = fakeiommu_create(test, 0, NULL);
	struct device *dev = fakeiommu_master_create(test, 0);
	struct vcm_phys *phys = memory(test, 1), *import;
	struct vcm *vcm = context(test, dev);
	unsigned int calls = 0;
	struct vcm_res *res[2];
	unsigned int i;

	import = vcm_phys_import_range(phys->parts[0].paddr, PAGE_SIZE, 0,
				       released, &calls);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, import);
	for (i = 0; i < 2; i++)
		res[i] = bound(test, vcm, import);
	vcm_free(import);
	for (i = 0; i < 2; i++) {
		atomic_long_set(&fake->stuck, 0);
		vcm_unbind(res[i]);
	}
	KUNIT_EXPECT_EQ(test, vcm->quarantined, 2 * PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, sees(dev, res[0]->start, phys));
	vcm_unreserve(res[0]);
	KUNIT_EXPECT_EQ(test, calls, 0);

	vcm_detach(vcm, dev);
	KUNIT_EXPECT_EQ(test, calls, 0);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, dev), 0);
	KUNIT_EXPECT_EQ(test, calls, 0);
	KUNIT_EXPECT_EQ(test, count(&fake->domains), 1);

	context_destroy(test, vcm);
	KUNIT_EXPECT_EQ(test, calls, 1);
	KUNIT_EXPECT_EQ(test, count(&fake->domains), 0);
	vcm_unreserve(res[1]);
	KUNIT_EXPECT_EQ(test, calls, 1);
}

/* The same in the middle of vcm_unbind_many(): one alone is in quarantine */
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

/* Neighbours are unmapped together: all of them are in quarantine */
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

/*
 * A bind that fails in one domain and cannot be undone in another is in
 * quarantine
 */
static void iommu_quarantine_undo(struct kunit *test)
{
	const struct pair p = pair_create(test, &cfg_refuses, &cfg_refuses);
	struct vcm_phys *phys = memory(test, 2);
	struct vcm *vcm = context(test, p.one);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.two), 0);
	res = vcm_reserve(vcm, phys->size, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	atomic_long_set(&p.b->fail_map, 0);
	atomic_long_set(&p.a->stuck, 0);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -ENOMEM);
	KUNIT_EXPECT_EQ(test, vcm->quarantined, phys->size);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EADDRNOTAVAIL);
	vcm_unreserve(res);
}

/* A driver that destroys its context when it is unbound */
static void destroy_on_remove(struct device *dev)
{
	struct fakeiommu_master *master = dev_get_platdata(dev);

	vcm_destroy(master->priv);
}

static struct vcm *plugged(struct kunit *test, struct device *dev)
{
	struct fakeiommu_master *master = dev_get_platdata(dev);
	struct vcm *vcm = vcm_iommu_create(dev);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	KUNIT_ASSERT_EQ(test, vcm_activate(vcm), 0);
	master->priv = vcm;
	master->remove = destroy_on_remove;
	return vcm;
}

/*
 * Row vcm_destroy: a device is unplugged with live bindings, and its driver
 * destroys the context. Owners of reservations unbind and drop them without
 * touching hardware, and the memory stays bound in another context
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
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -ENODEV);
	vcm_unmap(res);
	vcm_unmap(other);
}

/* An IOMMU is removed: the drivers of its devices are unbound before it */
static void iommu_unplug_iommu(struct kunit *test)
{
	static const struct fakeiommu_cfg linked = {
		.refuses = true,
		.linked = true,
	};
	const struct pair p = pair_create(test, &linked, &cfg_refuses);
	struct vcm_phys *phys = memory(test, 3);
	struct vcm *vcm = plugged(test, p.one);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.two), 0);
	res = bound(test, vcm, phys);
	fakeiommu_unplug(test, p.a);
	KUNIT_EXPECT_NULL(test, p.one->driver);
	KUNIT_EXPECT_EQ(test, count(&p.a->domains), 0);
	KUNIT_EXPECT_EQ(test, count(&p.b->domains), 0);
	EXPECT_BLIND(test, p.two, res->start, phys->size);
	vcm_unmap(res);
}

/* A detach after the IOMMU was removed is safe */
static void iommu_detach_late(struct kunit *test)
{
	const struct pair p = pair_create(test, &cfg_refuses, &cfg_refuses);
	struct vcm_phys *phys = memory(test, 3);
	struct vcm *vcm = context(test, p.one);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.two), 0);
	res = bound(test, vcm, phys);
	/* The IOMMU core warns about the domain that is still attached */
	kunit_warning_suppress(test) {
		fakeiommu_unplug(test, p.b);
	}
	KUNIT_EXPECT_FALSE(test, device_iommu_mapped(p.two));
	EXPECT_SEES(test, p.one, res, phys);
	vcm_detach(vcm, p.two);
	EXPECT_SEES(test, p.one, res, phys);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, count(&p.a->writes), count(&p.a->clears));
	context_destroy(test, vcm);
	KUNIT_EXPECT_EQ(test, count(&p.b->domains), 0);
}

/* Row vcm_destroy: it unmaps all bindings and frees every domain */
static void iommu_destroy_live(struct kunit *test)
{
	const struct pair p = pair_create(test, &cfg_refuses, &cfg_refuses);
	struct vcm_phys *phys = memory(test, 3);
	struct vcm *vcm = context(test, p.one);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.two), 0);
	res = bound(test, vcm, phys);
	context_destroy(test, vcm);
	EXPECT_BLIND(test, p.one, res->start, phys->size);
	EXPECT_BLIND(test, p.two, res->start, phys->size);
	KUNIT_EXPECT_EQ(test, count(&p.a->domains), 0);
	KUNIT_EXPECT_EQ(test, count(&p.b->domains), 0);
	vcm_unmap(res);
}

static struct kunit_case iommu_unmap_cases[] = {
	KUNIT_CASE_PARAM(iommu_unbind_many, iommu_many_gen_params),
	KUNIT_CASE(iommu_quarantine),
	KUNIT_CASE(iommu_quarantine_end),
	KUNIT_CASE(iommu_quarantine_many),
	KUNIT_CASE(iommu_quarantine_run),
	KUNIT_CASE(iommu_quarantine_undo),
	KUNIT_CASE(iommu_unplug_device),
	KUNIT_CASE(iommu_unplug_iommu),
	KUNIT_CASE(iommu_detach_late),
	KUNIT_CASE(iommu_destroy_live),
	{}
};

static struct kunit_suite iommu_unmap_suite = {
	.name = "vcm_iommu_unmap",
	.test_cases = iommu_unmap_cases,
};

kunit_test_suite(iommu_unmap_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of unmapping Virtual Contiguous Memory behind IOMMUs");
MODULE_LICENSE("GPL");
