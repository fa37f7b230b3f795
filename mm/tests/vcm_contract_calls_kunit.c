// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of Virtual Contiguous Memory, held against every provider: the
 * calls beyond those of 2010. The providers and what cases are made of are those
 * of vcm_contract_kunit.c.
 */
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "vcm_contract.h"

static bool is_any(const struct contract_provider *p)
{
	return true;
}

static bool is_fixed(const struct contract_provider *p)
{
	return p->fixed;
}

static bool is_placed(const struct contract_provider *p)
{
	return !p->fixed;
}

static bool is_one_to_one(const struct contract_provider *p)
{
	return p->one_to_one;
}

static bool is_mortal(const struct contract_provider *p)
{
	return !p->forever;
}

CONTRACT_PARAMS(is_any)
CONTRACT_PARAMS(is_fixed)
CONTRACT_PARAMS(is_placed)
CONTRACT_PARAMS(is_one_to_one)
CONTRACT_PARAMS(is_mortal)

#define expect_errno(c, ptr, err) \
	KUNIT_EXPECT_EQ((c)->test, PTR_ERR_OR_ZERO(ptr), err)

#define TOP	(~(dma_addr_t)0)

/* Where somebody else gives out the addresses, there are none to ask for. */
static bool calls_refused(struct contract *c)
{
	if (!c->vcm->driver->reserve)
		return false;
	expect_errno(c, vcm_reserve_at(c->vcm, c->vcm->start, contract_unit(c),
				       0), -EOPNOTSUPP);
	expect_errno(c, vcm_reserve_in(c->vcm, contract_unit(c), 0, 0, TOP, 0),
		     -EOPNOTSUPP);
	return true;
}

/* An address that can be reserved, with a unit free on either side */
static dma_addr_t calls_room(struct contract *c)
{
	struct vcm_res *res = vcm_reserve(c->vcm, 3 * contract_unit(c), 0);
	dma_addr_t addr;

	contract_ok(c, res);
	addr = res->start + contract_unit(c);
	vcm_unreserve(res);
	return addr;
}

/* Row "vcm_reserve*": the addresses asked for, and memory is seen there */
static void contract_reserve_at(struct kunit *test)
{
	struct contract *c = test->priv;
	const size_t unit = contract_unit(c);
	struct vcm_res *res, *in;
	struct vcm_phys *phys;
	dma_addr_t addr;

	if (calls_refused(c))
		return;
	addr = calls_room(c);
	phys = contract_alloc(c, 1);
	contract_activate(c);
	res = vcm_reserve_at(c->vcm, addr, unit, 0);
	contract_ok(c, res);
	KUNIT_EXPECT_EQ(test, res->start, addr);
	KUNIT_EXPECT_EQ(test, res->res_size, unit);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_visible(c, res, phys);

	expect_errno(c, vcm_reserve_at(c->vcm, addr, unit, 0), -EADDRINUSE);
	expect_errno(c, vcm_reserve_at(c->vcm, addr - unit, 2 * unit, 0),
		     -EADDRINUSE);
	expect_errno(c, vcm_reserve_in(c->vcm, unit, 0, addr, addr + unit - 1,
				       0), -ENOSPC);
	in = vcm_reserve_in(c->vcm, unit, 0, addr, addr + 2 * unit - 1, 0);
	contract_ok(c, in);
	KUNIT_EXPECT_EQ(test, in->start, addr + unit);
	vcm_unreserve(in);
	/* Nothing of the neighbours has come with it */
	expect_unreachable(c, c->vcm, addr - unit, unit);
	expect_unreachable(c, c->vcm, addr + unit, unit);

	vcm_unmap(res);
	expect_unreachable(c, c->vcm, addr, unit);
	res = vcm_reserve_at(c->vcm, addr, unit, 0);
	contract_ok(c, res);
	vcm_unreserve(res);
	vcm_deactivate(c->vcm);
	vcm_free(phys);
}

/* Row "vcm_reserve*": arguments that no context of this kind can take */
static void contract_reserve_at_errors(struct kunit *test)
{
	struct contract *c = test->priv;
	const unsigned long granule = vcm_granule(c->vcm);
	const dma_addr_t last = c->vcm->last;
	dma_addr_t addr;

	if (calls_refused(c))
		return;
	addr = calls_room(c);
	expect_errno(c, vcm_reserve_at(c->vcm, addr, 0, 0), -EINVAL);
	expect_errno(c, vcm_reserve_at(c->vcm, addr + 1, granule, 0), -EINVAL);
	expect_errno(c, vcm_reserve_at(c->vcm, addr, granule + 1, 0), -EINVAL);
	expect_errno(c, vcm_reserve_at(c->vcm, addr, granule, BIT(9)), -EINVAL);
	expect_errno(c, vcm_reserve_in(c->vcm, 0, 0, 0, TOP, 0), -EINVAL);
	expect_errno(c, vcm_reserve_in(c->vcm, granule, 3 * granule, 0, TOP, 0),
		     -EINVAL);
	expect_errno(c, vcm_reserve_in(c->vcm, granule, 0, 1, TOP, 0), -EINVAL);
	expect_errno(c, vcm_reserve_in(c->vcm, granule, 0, 0, granule, 0),
		     -EINVAL);
	expect_errno(c, vcm_reserve_in(c->vcm, granule, 0, 0, TOP, BIT(9)),
		     -EINVAL);
	if (last < TOP) {
		expect_errno(c, vcm_reserve_at(c->vcm, last + 1, granule, 0),
			     -EADDRNOTAVAIL);
		expect_errno(c, vcm_reserve_in(c->vcm, granule, 0, last + 1,
					       TOP, 0), -EADDRNOTAVAIL);
	}
	if (c->vcm->start) {
		expect_errno(c, vcm_reserve_at(c->vcm, c->vcm->start - granule,
					       2 * granule, 0), -EADDRNOTAVAIL);
		expect_errno(c, vcm_reserve_in(c->vcm, granule, 0, 0,
					       c->vcm->start - 1, 0),
			     -EADDRNOTAVAIL);
	}
}

/* Where addresses follow the memory there is nothing to choose. */
static void contract_reserve_at_fixed(struct kunit *test)
{
	struct contract *c = test->priv;

	expect_errno(c, vcm_reserve_at(c->vcm, 0, contract_unit(c), 0),
		     -EOPNOTSUPP);
	expect_errno(c, vcm_reserve_in(c->vcm, contract_unit(c), 0, 0, TOP, 0),
		     -EOPNOTSUPP);
}

/* Whether an iteration of the context meets @res, once and in order */
static bool calls_meets(struct contract *c, const struct vcm_res *res)
{
	struct vcm_res *pos = NULL;
	unsigned int met = 0;
	dma_addr_t last = 0;

	while ((pos = vcm_next_res(c->vcm, pos))) {
		KUNIT_EXPECT_GE(c->test, pos->start, last);
		last = pos->start;
		met += pos == res;
	}
	KUNIT_EXPECT_LE(c->test, met, 1);
	return met;
}

/* All look-ups find what is bound, each byte of it, until it has gone. */
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
	KUNIT_EXPECT_EQ(test, info.res.start, start);
	KUNIT_EXPECT_EQ(test, info.res.size, res->res_size);
	KUNIT_EXPECT_EQ(test, info.res.bound_size, size);
	KUNIT_EXPECT_FALSE(test, info.res.quarantined);
	found = vcm_lookup(c->vcm, start + size - 1);
	KUNIT_EXPECT_PTR_EQ(test, found, res);
	KUNIT_EXPECT_TRUE(test, calls_meets(c, res));
	vcm_unmap(res);

	/* A reference is not an ownership */
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(found), -EINVAL);
	KUNIT_EXPECT_FALSE(test, calls_meets(c, found));
	vcm_res_put(found);
	KUNIT_EXPECT_EQ(test, vcm_lookup_info(c->vcm, start, &info), -ENOENT);
	KUNIT_EXPECT_PTR_NE(test, info.released.owner, NULL);
	KUNIT_EXPECT_EQ(test, info.released.start, start);
	KUNIT_EXPECT_GE(test, info.released.last, start + size - 1);
	expect_errno(c, vcm_lookup(c->vcm, start), -ENOENT);
	vcm_free(phys);
}

/* Where the memory controller has each page, the master has it too. */
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

/* Two contexts with the same memory: each byte has an address in both. */
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

/* Who has memory bound, the oldest first, in all contexts */
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

/* vcm_unbind_many(): no master reaches any of them; they can be bound again */
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
		/* The highest first */
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
		KUNIT_EXPECT_EQ(test, vcm_bind(res[4 - i], phys[i]), 0);
		expect_visible(c, res[4 - i], phys[i]);
		vcm_unmap(res[4 - i]);
		vcm_free(phys[i]);
	}
	vcm_unmap(res[5]);
	vcm_deactivate(c->vcm);
	vcm_deactivate(other);
}

/* vcm_alloc_for(): one allocation that both can bind, whoever stands first */
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

/* Masters that see physical addresses get one part, also beside others. */
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

/* vcm_sync_*: drivers make the calls always, whatever is behind the context */
static void contract_sync(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 2);
	struct vcm_res *res = contract_map(c, phys);
	const resource_size_t size = phys->size;

	contract_activate(c);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_device(res, 0, size,
						     DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, size - 64, 64,
						  DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_device(res, size, 0,
						     DMA_TO_DEVICE));
	expect_visible(c, res, phys);
	KUNIT_EXPECT_EQ(test, -EINVAL, vcm_sync_for_device(res, 1, size,
							   DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, -EINVAL, vcm_sync_for_cpu(res, size + 1, 0,
							DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, -EINVAL, vcm_sync_for_cpu(res, 0, 64, DMA_NONE));
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_EQ(test, -EINVAL, vcm_sync_for_device(res, 0, 64,
							   DMA_TO_DEVICE));
	vcm_unmap(res);
	vcm_deactivate(c->vcm);
	vcm_free(phys);
}

struct calls_fault {
	struct vcm *vcm;
	dma_addr_t addr;
	unsigned int flags;
	unsigned int calls;
};

static bool calls_claim(struct vcm *vcm, dma_addr_t addr, unsigned int flags,
			void *priv)
{
	struct calls_fault *fault = priv;

	fault->vcm = vcm;
	fault->addr = addr;
	fault->flags = flags;
	fault->calls++;
	return true;
}

/* Faults: the handler of the context claims them, as long as it is set. */
static void contract_fault(struct kunit *test)
{
	struct contract *c = test->priv;
	struct calls_fault fault = { };

	KUNIT_ASSERT_EQ(test, 0,
			vcm_set_fault_handler(c->vcm, calls_claim, &fault));
	vcm_report_fault(c->vcm, SZ_1M + 4, VCM_FAULT_WRITE);
	KUNIT_EXPECT_PTR_EQ(test, fault.vcm, c->vcm);
	KUNIT_EXPECT_EQ(test, fault.addr, SZ_1M + 4);
	KUNIT_EXPECT_EQ(test, fault.flags, VCM_FAULT_WRITE);
	KUNIT_EXPECT_EQ(test, vcm_set_fault_handler(c->vcm, NULL, NULL), 0);
	/* Nobody claims this one: it is printed */
	vcm_report_fault(c->vcm, SZ_1M + 4, VCM_FAULT_READ);
	KUNIT_EXPECT_EQ(test, fault.calls, 1);
}

/* Row "vcm_destroy": what takes gets -ENODEV, what gives back or looks works. */
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
	KUNIT_EXPECT_EQ(test, info.res.bound_size, phys->size);
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
	CONTRACT_CASE(reserve_at, is_placed),
	CONTRACT_CASE(reserve_at_errors, is_placed),
	CONTRACT_CASE(reserve_at_fixed, is_fixed),
	CONTRACT_CASE(lookup, is_any),
	CONTRACT_CASE(addr_to_phys, is_any),
	CONTRACT_CASE(translate, is_any),
	CONTRACT_CASE(phys_next_res, is_any),
	CONTRACT_CASE(unbind_many, is_any),
	CONTRACT_CASE(alloc_for, is_any),
	CONTRACT_CASE(alloc_for_one_part, is_one_to_one),
	CONTRACT_CASE(sync, is_any),
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
