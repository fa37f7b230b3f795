// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of Virtual Contiguous Memory: look-ups, caches, and calls for
 * several contexts or reservations. See vcm_contract_lib.c.
 */
#include <linux/sizes.h>

#include "vcm_contract.h"

/* All but the kernel's own address space, which cannot be destroyed either */
static bool is_synced(const struct contract_provider *p)
{
	return !p->forever;
}

CONTRACT_PARAMS(is_any)
CONTRACT_PARAMS(is_one_to_one)
CONTRACT_PARAMS(is_mortal)
CONTRACT_PARAMS(is_synced)

/* Return true if an iteration of the context, in order, visits @res once. */
static bool calls_visits(struct contract *c, const struct vcm_res *res)
{
	struct vcm_res *pos = NULL;
	unsigned int visits = 0;
	dma_addr_t last = 0;

	while ((pos = vcm_next_res(c->vcm, pos))) {
		KUNIT_EXPECT_GE(c->test, pos->start, last);
		last = pos->start;
		visits += pos == res;
	}
	KUNIT_EXPECT_LE(c->test, visits, 1);
	return visits;
}

/*
 * Row "a mapping belongs to the caller that made it": look-ups find a
 * reservation until its last owner drops it, also if nothing is bound.
 */
static void contract_lookup(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 3);
	struct vcm_res *res = contract_map(c, phys), *found;
	const dma_addr_t start = res->start;
	const resource_size_t size = phys->size;
	struct vcm_addr_info info;

	KUNIT_EXPECT_EQ(test, 0, vcm_lookup_info(c->vcm, start + size - 1,
						 &info));
	KUNIT_EXPECT_EQ(test, info.nr, 1);
	KUNIT_EXPECT_EQ(test, info.res[0].start, start);
	KUNIT_EXPECT_EQ(test, info.res[0].size, res->res_size);
	KUNIT_EXPECT_EQ(test, info.res[0].bound_size, size);
	KUNIT_EXPECT_FALSE(test, info.res[0].quarantined);
	found = vcm_lookup(c->vcm, start + size - 1);
	KUNIT_EXPECT_PTR_EQ(test, found, res);
	KUNIT_EXPECT_TRUE(test, calls_visits(c, res));
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_lookup_info(c->vcm, start, &info), 0);
	KUNIT_EXPECT_EQ(test, info.res[0].bound_size, 0);
	KUNIT_EXPECT_TRUE(test, calls_visits(c, res));
	vcm_unmap(res);

	/* An object reference is not an ownership */
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(found), -EINVAL);
	KUNIT_EXPECT_FALSE(test, calls_visits(c, found));
	vcm_res_put(found);
	KUNIT_EXPECT_EQ(test, vcm_lookup_info(c->vcm, start, &info), -ENOENT);
	KUNIT_EXPECT_EQ(test, info.nr, 0);
	if (!c->p->fixed) {
		KUNIT_EXPECT_PTR_NE(test, info.released.owner, NULL);
		KUNIT_EXPECT_EQ(test, info.released.start, start);
		KUNIT_EXPECT_GE(test, info.released.last, start + size - 1);
	}
	expect_errno(c, vcm_lookup(c->vcm, start), -ENOENT);
	vcm_free(phys);
}

/* vcm_addr_to_phys(): the CPU finds each page there, and the device the same */
static void contract_addr_to_phys(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 4);
	struct vcm_res *res = contract_map(c, phys);
	resource_size_t off;
	phys_addr_t paddr;
	u32 in, out;

	contract_activate(c);
	for (off = 0; off < phys->size; off += SZ_2K) {
		KUNIT_ASSERT_EQ(test, 0, vcm_addr_to_phys(c->vcm,
							  res->start + off,
							  &paddr));
		if (!c->p->access)
			continue;
		out = off + 1;
		page_copy(paddr, &out, sizeof(out), true);
		KUNIT_EXPECT_EQ(test, 0,
				contract_access(c, c->vcm, res->start + off,
						&in, sizeof(in), false));
		KUNIT_EXPECT_EQ(test, in, out);
	}
	vcm_unmap(res);
	vcm_deactivate(c->vcm);
	vcm_free(phys);
}

/* vcm_translate(): a byte of memory in two contexts has an address in both */
static void contract_translate(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm *other = contract_other(c);
	struct vcm_phys *phys = contract_alloc(c, 3);
	struct vcm_res *here = contract_map(c, phys), *there;
	dma_addr_t addr = 0, back = 0;

	KUNIT_EXPECT_EQ(test, -ENOENT, vcm_translate(c->vcm, here->start, other,
						     &addr));
	there = vcm_map(other, phys, 0);
	contract_ok(c, there);
	KUNIT_EXPECT_EQ(test, 0, vcm_translate(c->vcm, here->start +
					       phys->size - 1, other, &addr));
	KUNIT_EXPECT_EQ(test, addr, there->start + phys->size - 1);
	KUNIT_EXPECT_EQ(test, 0, vcm_translate(other, addr, c->vcm, &back));
	KUNIT_EXPECT_EQ(test, back, here->start + phys->size - 1);
	vcm_unmap(there);
	KUNIT_EXPECT_EQ(test, -ENOENT, vcm_translate(c->vcm, here->start, other,
						     &addr));
	vcm_unmap(here);
	vcm_free(phys);
}

/* vcm_phys_next_res(): the bindings of memory in all contexts, oldest first */
static void contract_phys_next_res(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm *other = contract_other(c);
	struct vcm_phys *phys = contract_alloc(c, 1);
	struct vcm_res *here = contract_map(c, phys), *there, *pos;

	there = vcm_map(other, phys, 0);
	contract_ok(c, there);
	pos = vcm_phys_next_res(phys, NULL);
	KUNIT_EXPECT_PTR_EQ(test, pos, here);
	vcm_unmap(here);
	pos = vcm_phys_next_res(phys, pos);
	KUNIT_EXPECT_PTR_EQ(test, pos, there);
	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_next_res(phys, pos), NULL);
	vcm_unmap(there);
	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_next_res(phys, NULL), NULL);
	vcm_free(phys);
}

/* vcm_unbind_many(): no device reaches any of them; they can be bound again */
static void contract_unbind_many(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm *other = contract_other(c);
	struct vcm_phys *phys[4];
	struct vcm_res *res[6] = { };
	unsigned int i;

	contract_activate(c);
	KUNIT_ASSERT_EQ(test, vcm_activate(other), 0);
	for (i = 0; i < 4; i++) {
		phys[i] = contract_alloc(c, 1 + i % 2);
		/* The youngest first */
		res[4 - i] = contract_map(c, phys[i]);
	}
	res[5] = vcm_map(other, phys[0], 0);
	contract_ok(c, res[5]);
	vcm_unbind_many(res, ARRAY_SIZE(res));
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_PTR_EQ(test, res[4 - i]->phys, NULL);
		expect_unreachable(c, c->vcm, res[4 - i]->start, phys[i]->size);
	}
	KUNIT_EXPECT_PTR_EQ(test, res[5]->phys, NULL);
	for (i = 0; i < 4; i++) {
		if (can_rebind(c)) {
			KUNIT_EXPECT_EQ(test, vcm_bind(res[4 - i], phys[i]), 0);
			expect_visible(c, res[4 - i], phys[i]);
		}
		vcm_unmap(res[4 - i]);
		vcm_free(phys[i]);
	}
	vcm_unmap(res[5]);
	vcm_deactivate(c->vcm);
	vcm_deactivate(other);
}

/* vcm_alloc_for(): one allocation that both can bind, in either order */
static void contract_alloc_for(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm *other = contract_other(c);
	struct vcm *orders[][2] = { { c->vcm, other }, { other, c->vcm } };
	struct vcm_res *here, *there;
	struct vcm_phys *phys;
	unsigned int i;

	contract_activate(c);
	KUNIT_ASSERT_EQ(test, vcm_activate(other), 0);
	for (i = 0; i < 2; i++) {
		phys = vcm_alloc_for(orders[i], 2, contract_unit(c) + 1, 0);
		contract_ok(c, phys);
		KUNIT_EXPECT_GT(test, phys->size, contract_unit(c));
		here = vcm_map(c->vcm, phys, 0);
		contract_ok(c, here);
		there = vcm_map(other, phys, 0);
		contract_ok(c, there);
		expect_visible(c, here, phys);
		expect_visible(c, there, phys);
		vcm_unmap(here);
		vcm_unmap(there);
		vcm_free(phys);
	}
	vcm_deactivate(c->vcm);
	vcm_deactivate(other);
}

/* vcm_alloc_for(): one part, if one of the contexts needs that */
static void contract_alloc_for_one_part(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm *vcms[] = {
		contract_create(c, &contract_partner, 1), c->vcm,
	};
	struct vcm_phys *phys;

	phys = vcm_alloc_for(vcms, 2, 8 * PAGE_SIZE, 0);
	contract_ok(c, phys);
	KUNIT_EXPECT_EQ(test, phys->count, 1);
	vcm_free(phys);
}

/* Expect that all sync calls of all directions return @ret. */
static void expect_syncs(struct contract *c, struct vcm_res *res, int ret)
{
	static const enum dma_data_direction dirs[] = {
		DMA_BIDIRECTIONAL, DMA_TO_DEVICE, DMA_FROM_DEVICE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		KUNIT_EXPECT_EQ(c->test, ret,
				vcm_sync_for_device(res, 0, SZ_1K, dirs[i]));
		KUNIT_EXPECT_EQ(c->test, ret,
				vcm_sync_for_cpu(res, 0, SZ_1K, dirs[i]));
	}
}

/* Row "vcm_sync_*": the same for every provider, -EINVAL for vcm_vmm */
static void contract_sync(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 2);
	struct vcm_res *res = contract_map(c, phys);

	contract_activate(c);
	expect_syncs(c, res, c->vcm == vcm_vmm ? -EINVAL : 0);
	expect_visible(c, res, phys);
	vcm_deactivate(c->vcm);
	expect_syncs(c, res, c->vcm == vcm_vmm ? -EINVAL : 0);
	vcm_unbind(res);
	expect_syncs(c, res, -EINVAL);
	vcm_unmap(res);
	vcm_free(phys);
}

/* Row "vcm_sync_*": -EINVAL for bytes that are not bound, and bad directions */
static void contract_sync_range(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 2);
	const resource_size_t size = phys->size;
	struct vcm_res *res = contract_map(c, phys);

	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_device(res, 0, size,
						     DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, size - 64, 64,
						  DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_device(res, size, 0,
						     DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, -EINVAL, vcm_sync_for_device(res, 1, size,
							   DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, -EINVAL, vcm_sync_for_cpu(res, size + 1, 0,
							DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_sync_for_device(res, 64, ~(resource_size_t)0,
					    DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, -EINVAL, vcm_sync_for_cpu(res, 0, 64, DMA_NONE));
	vcm_unmap(res);
	vcm_free(phys);
}

/* Row "vcm_sync_*": -EINVAL for a direction that the flags exclude */
static void contract_sync_direction(struct kunit *test)
{
	static const struct {
		unsigned int flags;
		int to, from, both;
	} rows[] = {
		{ 0, 0, 0, 0 },
		{ VCM_RES_READ | VCM_RES_WRITE, 0, 0, 0 },
		{ VCM_RES_READ, 0, -EINVAL, -EINVAL },
		{ VCM_RES_WRITE, -EINVAL, 0, -EINVAL },
	};
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 1);
	struct vcm_res *res;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		res = vcm_map(c->vcm, phys, rows[i].flags);
		contract_ok(c, res);
		KUNIT_EXPECT_EQ(test, rows[i].to,
				vcm_sync_for_device(res, 0, 64, DMA_TO_DEVICE));
		KUNIT_EXPECT_EQ(test, rows[i].from,
				vcm_sync_for_cpu(res, 0, 64, DMA_FROM_DEVICE));
		KUNIT_EXPECT_EQ(test, rows[i].both,
				vcm_sync_for_device(res, 0, 64,
						    DMA_BIDIRECTIONAL));
		KUNIT_EXPECT_EQ(test, rows[i].both,
				vcm_sync_for_cpu(res, 0, 64,
						 DMA_BIDIRECTIONAL));
		vcm_unmap(res);
	}
	vcm_free(phys);
}

struct calls_fault {
	struct vcm *vcm;
	dma_addr_t addr;
	unsigned int flags;
	unsigned int calls;
};

static bool calls_handle(struct vcm *vcm, dma_addr_t addr, unsigned int flags,
			 void *priv)
{
	struct calls_fault *fault = priv;

	fault->vcm = vcm;
	fault->addr = addr;
	fault->flags = flags;
	fault->calls++;
	return true;
}

/* Faults: the handler of the context gets them as long as it is set */
static void contract_fault(struct kunit *test)
{
	struct contract *c = test->priv;
	struct calls_fault fault = { };

	KUNIT_ASSERT_EQ(test, 0,
			vcm_set_fault_handler(c->vcm, calls_handle, &fault));
	vcm_report_fault(c->vcm, SZ_1M + 4, VCM_FAULT_WRITE);
	KUNIT_EXPECT_PTR_EQ(test, fault.vcm, c->vcm);
	KUNIT_EXPECT_EQ(test, fault.addr, SZ_1M + 4);
	KUNIT_EXPECT_EQ(test, fault.flags, VCM_FAULT_WRITE);
	KUNIT_EXPECT_EQ(test, vcm_set_fault_handler(c->vcm, NULL, NULL), 0);
	/* No handler: this one is printed */
	vcm_report_fault(c->vcm, SZ_1M + 4, VCM_FAULT_READ);
	KUNIT_EXPECT_EQ(test, fault.calls, 1);
}

/* Row "vcm_destroy": look-ups and unbinding work, other calls get -ENODEV */
static void contract_calls_after_destroy(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm *vcm = c->vcm, *other = contract_other(c);
	struct vcm_phys *phys = contract_alloc(c, 1);
	struct vcm_res *res = contract_map(c, phys), *pos;
	struct vcm *vcms[] = { other, vcm };
	const size_t unit = contract_unit(c);
	dma_addr_t start = res->start;
	struct vcm_addr_info info;
	phys_addr_t paddr;

	contract_activate(c);
	contract_destroy(c, &c->ctx[0]);
	expect_errno(c, vcm_alloc_for(vcms, 2, unit, 0), -ENODEV);
	expect_errno(c, vcm_reserve_at(vcm, start, unit, 0), -ENODEV);
	expect_errno(c, vcm_reserve_in(vcm, unit, 0, 0, TOP, 0), -ENODEV);

	KUNIT_EXPECT_EQ(test, vcm_lookup_info(vcm, start, &info), 0);
	KUNIT_EXPECT_EQ(test, info.res[0].bound_size, phys->size);
	KUNIT_EXPECT_EQ(test, vcm_addr_to_phys(vcm, start, &paddr), 0);
	KUNIT_EXPECT_EQ(test, paddr, phys->parts[0].paddr);
	pos = vcm_next_res(vcm, NULL);
	KUNIT_EXPECT_PTR_EQ(test, pos, res);
	KUNIT_EXPECT_PTR_EQ(test, vcm_next_res(vcm, pos), NULL);

	vcm_unbind_many(&res, 1);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, NULL);
	vcm_unmap(res);
	vcm_free(phys);
}

static struct kunit_case calls_cases[] = {
	CONTRACT_CASE(lookup, is_any),
	CONTRACT_CASE(addr_to_phys, is_any),
	CONTRACT_CASE(translate, is_any),
	CONTRACT_CASE(phys_next_res, is_any),
	CONTRACT_CASE(unbind_many, is_any),
	CONTRACT_CASE(alloc_for, is_any),
	CONTRACT_CASE(alloc_for_one_part, is_one_to_one),
	CONTRACT_CASE(sync, is_any),
	CONTRACT_CASE(sync_range, is_synced),
	CONTRACT_CASE(sync_direction, is_synced),
	CONTRACT_CASE(fault, is_any),
	CONTRACT_CASE(calls_after_destroy, is_mortal),
	{}
};

static struct kunit_suite calls_suite = {
	.name = "vcm_contract_calls",
	.init = contract_init,
	.exit = contract_exit,
	.test_cases = calls_cases,
};

kunit_test_suite(calls_suite);
