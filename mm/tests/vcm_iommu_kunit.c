// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of Virtual Contiguous Memory contexts behind IOMMUs, on fake
 * ones: several IOMMUs and devices in one context.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "vcm_iommu_test.h"

/*
 * Row vcm_attach: a device whose IOMMU accepts no domain of the context gets
 * another one, which has all live bindings when attach returns. Later binds go
 * into both, and unbinds clear both
 */
static void iommu_refused(struct kunit *test)
{
	const struct pair p = pair_create(test, &cfg_refuses, &cfg_refuses);
	struct vcm_phys *old = memory(test, 5), *new = memory(test, 3);
	struct vcm *vcm = context(test, p.one);
	struct vcm_res *r_old, *r_new;

	r_old = bound(test, vcm, old);
	EXPECT_BLIND(test, p.two, r_old->start, old->size);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.two), 0);
	KUNIT_EXPECT_EQ(test, count(&p.a->domains), 1);
	KUNIT_EXPECT_EQ(test, count(&p.b->domains), 1);
	EXPECT_SEES(test, p.one, r_old, old);
	EXPECT_SEES(test, p.two, r_old, old);

	r_new = bound(test, vcm, new);
	EXPECT_SEES(test, p.one, r_new, new);
	EXPECT_SEES(test, p.two, r_new, new);

	vcm_unbind(r_old);
	EXPECT_BLIND(test, p.one, r_old->start, old->size);
	EXPECT_BLIND(test, p.two, r_old->start, old->size);
	EXPECT_SEES(test, p.two, r_new, new);
	vcm_unmap(r_old);
	vcm_unmap(r_new);
	EXPECT_BLIND(test, p.two, 0, SZ_1M);
}

/* Devices of IOMMUs that accept each other's domains share one */
static void iommu_shared(struct kunit *test)
{
	const struct pair p = pair_create(test, NULL, NULL);
	struct vcm_phys *phys = memory(test, 4);
	struct vcm *vcm = context(test, p.one);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.two), 0);
	res = bound(test, vcm, phys);
	KUNIT_EXPECT_EQ(test, count(&p.a->domains), 1);
	KUNIT_EXPECT_EQ(test, count(&p.b->domains), 0);
	KUNIT_EXPECT_EQ(test, count(&p.a->writes), 4);
	EXPECT_SEES(test, p.one, res, phys);
	EXPECT_SEES(test, p.two, res, phys);

	/* The device that it was made for may be detached */
	vcm_detach(vcm, p.one);
	KUNIT_EXPECT_EQ(test, count(&p.a->domains), 1);
	EXPECT_BLIND(test, p.one, res->start, phys->size);
	EXPECT_SEES(test, p.two, res, phys);
	vcm_unmap(res);
}

/*
 * Row vcm_activate: bindings are in no domain while the context is inactive,
 * then in all
 */
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

/*
 * Row vcm_iommu_create: tables live until the context is destroyed. Binds go
 * into them with no device attached, and a later attach writes no leaf
 */
static void iommu_last_device(struct kunit *test)
{
	const struct pair p = pair_create(test, &cfg_refuses, &cfg_refuses);
	struct device *three = fakeiommu_master_create(test, 1);
	struct vcm_phys *phys = memory(test, 4);
	struct vcm *vcm = context(test, p.one);
	struct vcm_res *res = bound(test, vcm, phys), *other;

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.two), 0);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, three), 0);
	KUNIT_EXPECT_EQ(test, count(&p.b->domains), 1);
	KUNIT_EXPECT_EQ(test, count(&p.b->writes), 4);
	vcm_detach(vcm, p.two);
	KUNIT_EXPECT_EQ(test, count(&p.b->domains), 1);
	EXPECT_BLIND(test, p.two, res->start, phys->size);
	EXPECT_SEES(test, three, res, phys);
	vcm_detach(vcm, three);
	EXPECT_BLIND(test, three, res->start, phys->size);
	EXPECT_SEES(test, p.one, res, phys);
	vcm_detach(vcm, p.one);
	KUNIT_EXPECT_EQ(test, count(&p.a->domains), 1);
	KUNIT_EXPECT_EQ(test, count(&p.b->domains), 1);

	/* Without a device, binds and unbinds go into both */
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	other = bound(test, vcm, phys);
	KUNIT_EXPECT_EQ(test, count(&p.a->writes), 12);
	KUNIT_EXPECT_EQ(test, count(&p.b->writes), 12);

	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.two), 0);
	KUNIT_EXPECT_EQ(test, count(&p.b->writes), 12);
	KUNIT_EXPECT_EQ(test, count(&p.b->domains), 1);
	EXPECT_SEES(test, p.two, res, phys);
	EXPECT_SEES(test, p.two, other, phys);
	EXPECT_BLIND(test, p.one, res->start, phys->size);

	/* The same for an activation */
	vcm_detach(vcm, p.two);
	vcm_deactivate(vcm);
	KUNIT_EXPECT_EQ(test, count(&p.a->clears), count(&p.a->writes));
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
	KUNIT_ASSERT_EQ(test, vcm_attach(vcm, p.one), 0);
	EXPECT_SEES(test, p.one, other, phys);
	vcm_unmap(other);
	vcm_unmap(res);
}

/*
 * Every domain is filled, or none is changed: a failure at any leaf of any of
 * three domains leaves nothing, in a bind and in an activation
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
 * Row vcm_attach: an attach that fails, at the domain, at the device or at any
 * leaf, changes nothing: the device is on its default domain, the other device
 * sees its bindings, and the new domain was freed
 */
static void iommu_attach_fails(struct kunit *test)
{
	const struct pair p = pair_create(test, &cfg_refuses, &cfg_refuses);
	struct vcm_phys *phys[3];
	struct vcm *vcm = context(test, p.one);
	struct vcm_res *res[3];
	unsigned int i, n, leaves = 0;

	for (i = 0; i < 3; i++) {
		phys[i] = memory(test, i + 1);
		res[i] = bound(test, vcm, phys[i]);
		leaves += i + 1;
	}
	atomic_long_set(&p.b->fail_domain, 0);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, p.two), -ENOMEM);
	atomic_long_set(&p.b->fail_attach, 0);
	p.b->error = -EINVAL;
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, p.two), -EINVAL);
	KUNIT_EXPECT_EQ(test, count(&p.b->domains), 0);

	for (n = 0; n < leaves; n++) {
		atomic_long_set(&p.b->fail_map, n);
		p.b->error = -ENOMEM;
		KUNIT_EXPECT_EQ(test, vcm_attach(vcm, p.two), -ENOMEM);
		KUNIT_EXPECT_EQ(test, count(&p.b->domains), 0);
		for (i = 0; i < 3; i++) {
			EXPECT_BLIND(test, p.two, res[i]->start, phys[i]->size);
			EXPECT_SEES(test, p.one, res[i], phys[i]);
		}
	}
	KUNIT_EXPECT_EQ(test, count(&p.a->writes), leaves);
	KUNIT_EXPECT_EQ(test, count(&p.b->writes), count(&p.b->clears));

	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, p.two), 0);
	for (i = 0; i < 3; i++) {
		EXPECT_SEES(test, p.two, res[i], phys[i]);
		vcm_unmap(res[i]);
	}
}

/* A failing vcm_iommu_create() leaves no domain */
static void iommu_create_fails(struct kunit *test)
{
	struct fakeiommu *fake = fakeiommu_create(test, 0, &cfg_refuses);
	struct device *dev = fakeiommu_master_create(test, 0);
	struct vcm *vcm;
	unsigned int n;

	for (n = 0; n < 2; n++) {
		atomic_long_set(&fake->fail_domain, n);
		KUNIT_EXPECT_EQ(test, PTR_ERR(vcm_iommu_create(dev)),
				-ENOMEM);
		atomic_long_set(&fake->fail_attach, n);
		KUNIT_EXPECT_EQ(test, PTR_ERR(vcm_iommu_create(dev)),
				-ENOMEM);
		KUNIT_EXPECT_EQ(test, count(&fake->domains), 0);
	}
	vcm = context(test, dev);
	KUNIT_EXPECT_EQ(test, PTR_ERR(vcm_iommu_create(dev)), -EBUSY);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, dev), -EALREADY);
	KUNIT_EXPECT_EQ(test, count(&fake->domains), 1);
}

/**
 * struct iommu_aperture - the aperture of an IOMMU and that of its context
 * @name: for the result
 * @cfg: properties of the IOMMU
 * @start: first address of the context
 * @last: last address, inclusive; 0: no context, -EINVAL
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

/*
 * The aperture of a context is that of the first device's IOMMU, in whole
 * granules
 */
static void iommu_context_aperture(struct kunit *test)
{
	const struct iommu_aperture *aperture = test->param_value;
	struct fakeiommu *fake = fakeiommu_create(test, 0, &aperture->cfg);
	struct device *dev = fakeiommu_master_create(test, 0);
	struct vcm *vcm;

	if (!aperture->last) {
		KUNIT_EXPECT_EQ(test, PTR_ERR(vcm_iommu_create(dev)),
				-EINVAL);
		KUNIT_EXPECT_EQ(test, count(&fake->domains), 0);
		return;
	}
	vcm = context(test, dev);
	KUNIT_EXPECT_EQ(test, vcm->start, aperture->start);
	KUNIT_EXPECT_EQ(test, vcm->last, aperture->last);
	KUNIT_EXPECT_EQ(test, vcm_granule(vcm), SZ_4K);
}

#define LOAD_DEVICES	3
#define LOAD_MOVES	150
#define LOAD_WORK	100

/* Shared by threads that bind, unbind and translate while devices move */
struct load {
	struct kunit *test;
	struct device *dev[LOAD_DEVICES];
	struct vcm *vcm[2];
	struct vcm_phys *phys[2];	/* bound at @addr in each */
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

/* Check that no device reaches memory after an unbind, in any context */
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

/*
 * Check that the common address leads to one memory, to the other, or nowhere
 */
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
 * Devices move between contexts while threads bind, unbind and translate. In
 * between they see their default domain alone
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
		/* The last one shares a domain with the owners */
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
	/* On one CPU the threads may not have run yet */
	KUNIT_EXPECT_NE(test, 0,
			wait_for_completion_timeout(&l->worked, 5 * HZ));
	for (i = 0; i < ARRAY_SIZE(work); i++)
		if (!IS_ERR(thread[i]))
			kthread_stop(thread[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&l->bad), 0);
	for (i = 0; i < 2; i++)
		vcm_unmap(res[i]);
}

/*
 * One context on 128 IOMMUs: each bind, unbind and attach writes the leaves of
 * the domains concerned and no others, and all devices see the bindings
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
		/* No other table was written */
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
 * 128 contexts share one allocation: each writes its own leaves, and an iteration
 * over the memory finds each reservation
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

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(iommu_refused),
	KUNIT_CASE(iommu_shared),
	KUNIT_CASE(iommu_inactive),
	KUNIT_CASE(iommu_last_device),
	KUNIT_CASE(iommu_all_or_none),
	KUNIT_CASE(iommu_attach_fails),
	KUNIT_CASE(iommu_create_fails),
	KUNIT_CASE_PARAM(iommu_context_aperture, iommu_aperture_gen_params),
	KUNIT_CASE_SLOW(iommu_move),
	KUNIT_CASE_SLOW(iommu_128_instances),
	KUNIT_CASE_SLOW(iommu_128_contexts),
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
