// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of Virtual Contiguous Memory: which addresses a reservation
 * gets. See vcm_contract_lib.c.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "vcm_contract.h"
#include "vcm_leaves.h"

CONTRACT_PARAMS(is_any)
CONTRACT_PARAMS(is_fixed)
CONTRACT_PARAMS(is_placed)
CONTRACT_PARAMS(has_limits)
CONTRACT_PARAMS(is_soft)
CONTRACT_PARAMS(is_small)
CONTRACT_PARAMS(is_small_with_large_pages)
CONTRACT_PARAMS(is_beyond_4g)

/* Row "vcm_reserve*": errnos */
static void contract_reserve_errors(struct kunit *test)
{
	struct contract *c = test->priv;
	unsigned long granule = vcm_granule(c->vcm);

	expect_errno(c, vcm_reserve(c->vcm, 0, 0), -EINVAL);
	expect_errno(c, vcm_reserve(c->vcm, granule, BIT(31)), -EINVAL);
	expect_errno(c, vcm_reserve(c->vcm, granule, VCM_RES_FLAGS + 1),
		     -EINVAL);
	KUNIT_EXPECT_EQ(test, vcm_can_reserve(c->vcm), !c->p->fixed);
	if (c->p->fixed) {
		expect_errno(c, vcm_reserve(c->vcm, granule, 0), -EOPNOTSUPP);
		return;
	}
	expect_errno(c, vcm_reserve(c->vcm, ~(resource_size_t)0, 0), -ENOSPC);
	if (c->p->soft)
		expect_errno(c, vcm_reserve(c->vcm, aperture_size(c->vcm) + 1,
					    0), -ENOSPC);
	expect_empty(c);
}

/* Row "sizes": vcm_reserve() and vcm_alloc() round alike */
static void contract_reserve_rounds(struct kunit *test)
{
	struct contract *c = test->priv;
	const unsigned long granule = vcm_granule(c->vcm);
	const size_t unit = contract_unit(c);
	const size_t sizes[] = { 1, unit, unit + 1, 3 * unit - 1, 3 * unit };
	struct vcm_phys *phys;
	struct vcm_res *res;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		res = contract_reserve(c, sizes[i]);
		KUNIT_EXPECT_EQ(test, res->res_size, roundup(sizes[i], unit));
		KUNIT_EXPECT_EQ(test, res->start & (granule - 1), 0);
		phys = vcm_alloc(c->vcm, sizes[i], 0);
		contract_ok(c, phys);
		KUNIT_EXPECT_EQ(test, phys->size, res->res_size);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
		vcm_unreserve(res);
		vcm_free(phys);
	}
	expect_empty(c);
}

/* Row "vcm_reserve*": the whole aperture can be used, 0 and the top too (10) */
static void contract_reserve_all(struct kunit *test)
{
	struct contract *c = test->priv;
	const size_t unit = contract_unit(c);
	unsigned int n, i, count;
	unsigned long *seen;
	struct vcm_res **res;

	n = aperture_units(c);
	seen = kunit_kcalloc(test, BITS_TO_LONGS(n), sizeof(*seen),
			     GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, seen);

	res = contract_fill(c, 0, &count);
	KUNIT_ASSERT_EQ(test, count, n);
	for (i = 0; i < count; i++)
		__set_bit((u32)(res[i]->start - c->vcm->start) / unit, seen);
	KUNIT_EXPECT_TRUE(test, bitmap_full(seen, n));

	/* Holes of one unit are too small for two, and each fits one */
	for (i = 0; i < count; i++)
		if ((u32)(res[i]->start - c->vcm->start) / unit % 2)
			vcm_unreserve(res[i]);
		else
			__clear_bit(i, seen);
	expect_errno(c, vcm_reserve(c->vcm, 2 * unit, 0), -ENOSPC);
	for_each_set_bit(i, seen, n)
		res[i] = contract_reserve(c, unit);
	expect_errno(c, vcm_reserve(c->vcm, unit, 0), -ENOSPC);

	for (i = 0; i < count; i++)
		vcm_unreserve(res[i]);
	expect_empty(c);
}

/* Row "vcm_reserve*": the whole aperture at once, used at its very ends (10) */
static void contract_reserve_whole(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res *res;

	res = contract_reserve(c, aperture_size(c->vcm));
	KUNIT_EXPECT_EQ(test, res->start, c->vcm->start);
	contract_activate(c);
	phys = contract_alloc(c, 1);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_visible(c, res, phys);
	vcm_unreserve(res);
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, c->alive, 0);

	if (is_small(c->p)) {
		phys = contract_alloc(c, aperture_units(c));
		res = contract_map(c, phys);
		KUNIT_EXPECT_EQ(test, res->start, c->vcm->start);
		expect_visible(c, res, phys);
		vcm_unmap(res);
		vcm_free(phys);
	}
	vcm_deactivate(c->vcm);
	expect_empty(c);
}

/*
 * Row "vcm_reserve*": addresses beyond a mask or a bus limit, reserved regions
 * and the MSI window are never returned, all others are
 */
static void contract_addresses(struct kunit *test)
{
	static const resource_size_t sizes[] = { SZ_64M, SZ_1M };
	struct contract *c = test->priv;
	unsigned int count = 0, bad = 0, i;
	struct vcm_res **res;

	res = kunit_kcalloc(test, SZ_4K, sizeof(*res), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, res);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		while (count < SZ_4K) {
			res[count] = vcm_reserve(c->vcm, sizes[i], 0);
			if (IS_ERR(res[count]))
				break;
			if (!c->p->reaches(&c->ctx[0], res[count]->start,
					   res[count]->start + (sizes[i] - 1)))
				bad++;
			count++;
		}
		KUNIT_ASSERT_LT(test, count, SZ_4K);
		expect_errno(c, res[count], -ENOSPC);
	}
	KUNIT_EXPECT_GT(test, count, 0);
	KUNIT_EXPECT_EQ(test, bad, 0);
	while (count--)
		vcm_unreserve(res[count]);
}

/* Row "vcm_reserve*": vcm_map() finds no range for the memory */
static void contract_map_too_large(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res **res;
	unsigned int count;

	phys = contract_bare(c, 0, aperture_size(c->vcm) +
				   vcm_granule(c->vcm));
	expect_errno(c, vcm_map(c->vcm, phys, 0), -ENOSPC);
	vcm_free(phys);
	expect_empty(c);

	phys = contract_alloc(c, 1);
	res = contract_fill(c, 0, &count);
	expect_errno(c, vcm_map(c->vcm, phys, 0), -ENOSPC);
	expect_errno(c, vcm_make_binding(c->vcm, 1, 0, 0), -ENOSPC);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	while (count--)
		vcm_unreserve(res[count]);
	vcm_free(phys);
	expect_empty(c);
}

/* VCM_RES_GUARD: -EOPNOTSUPP where addresses follow the memory */
static void contract_guard_fixed(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;

	phys = contract_alloc(c, 1);
	expect_errno(c, vcm_map(c->vcm, phys, VCM_RES_GUARD), -EOPNOTSUPP);
	expect_errno(c, vcm_reserve(c->vcm, 1, VCM_RES_GUARD), -EOPNOTSUPP);
	vcm_free(phys);
}

/* VCM_RES_GUARD: an unmapped granule after it, which is not part of the size */
static void contract_guard(struct kunit *test)
{
	struct contract *c = test->priv;
	unsigned long granule = vcm_granule(c->vcm);
	struct vcm_res *res[8];
	struct vcm_phys *phys;
	unsigned int i;

	phys = contract_alloc(c, 2);
	contract_activate(c);
	for (i = 0; i < ARRAY_SIZE(res); i++) {
		res[i] = vcm_map(c->vcm, phys, VCM_RES_GUARD);
		contract_ok(c, res[i]);
		KUNIT_EXPECT_EQ(test, res[i]->res_size, phys->size);
		KUNIT_EXPECT_LE(test, res[i]->start - 1 + phys->size + granule,
				c->vcm->last);
	}
	for (i = 0; i < ARRAY_SIZE(res); i++) {
		expect_visible(c, res[i], phys);
		expect_unreachable(c, c->vcm, res[i]->start + phys->size,
				   granule);
	}
	for (i = 0; i < ARRAY_SIZE(res); i++)
		vcm_unmap(res[i]);
	vcm_deactivate(c->vcm);
	vcm_free(phys);
	expect_empty(c);
}

/* VCM_RES_GUARD: one granule each, no more, and never outside the aperture */
static void contract_guard_all(struct kunit *test)
{
	struct contract *c = test->priv;
	const u32 each = contract_unit(c) + vcm_granule(c->vcm);
	struct vcm_phys *phys;
	struct vcm_res **res;
	unsigned int count;

	if (contract_unit(c) != vcm_granule(c->vcm))
		kunit_skip(test, "natural alignment leaves larger gaps");
	res = contract_fill(c, VCM_RES_GUARD, &count);
	KUNIT_EXPECT_EQ(test, count, (u32)aperture_size(c->vcm) / each);
	phys = contract_bare(c, 0, aperture_size(c->vcm));
	while (count--)
		vcm_unreserve(res[count]);

	/* The guard has to fit too */
	expect_errno(c, vcm_map(c->vcm, phys, VCM_RES_GUARD), -ENOSPC);
	expect_errno(c, vcm_reserve(c->vcm, phys->size, VCM_RES_GUARD),
		     -ENOSPC);
	vcm_unmap(contract_map(c, phys));
	vcm_free(phys);
	expect_empty(c);
}

/* Row "alignment": natural, also for sizes that are no power of two (11) */
static void contract_align_natural(struct kunit *test)
{
	struct contract *c = test->priv;
	const size_t unit = contract_unit(c);
	resource_size_t size, natural;
	struct vcm_res *odd, *res;
	unsigned int i;

	/* So that the next free address is hardly aligned */
	odd = contract_reserve(c, unit);
	for (natural = unit; natural <= aperture_size(c->vcm) / 4 &&
	     natural <= SZ_2G; natural *= 2) {
		/* The least and the most that this alignment is natural for */
		for (i = 0; i < 2; i++) {
			size = i ? natural : natural / 2 + unit;
			res = contract_reserve(c, size);
			KUNIT_EXPECT_EQ(test, res->start & (natural - 1), 0);
			vcm_unreserve(res);
		}
	}
	vcm_unreserve(odd);
	expect_empty(c);
}

/* Memory with one large page in it, and a granule on both sides of that */
static void expect_congruent(struct contract *c, unsigned long page)
{
	unsigned long granule = vcm_granule(c->vcm), present = 0;
	struct kunit *test = c->test;
	struct softmmu *s = NULL;
	struct vcm_phys *phys;
	struct vcm_res *res;

	if (c->p->soft) {
		s = softmmu_from(c->vcm);
		present = s->stats.present;
	}
	phys = contract_bare(c, page - granule, page + 2 * granule);
	res = contract_map(c, phys);
	KUNIT_EXPECT_EQ(test, (res->start + granule) & (page - 1), 0);
	KUNIT_EXPECT_EQ(test, vcm_leaves(res), 3);
	if (s)
		KUNIT_EXPECT_EQ(test, s->stats.present - present, 3);
	vcm_unmap(res);
	vcm_free(phys);
}

/* Row "alignment": congruent to the memory, so that the largest page fits */
static void contract_align_congruent(struct kunit *test)
{
	struct contract *c = test->priv;
	unsigned long granule = vcm_granule(c->vcm);
	struct vcm_res *odd;
	unsigned int bit;

	/* So that the next free address is hardly aligned */
	odd = contract_reserve(c, granule);
	contract_activate(c);
	for_each_set_bit(bit, &c->vcm->pgsize_bitmap, BITS_PER_LONG) {
		unsigned long page = BIT(bit);

		if (page > granule && page <= SZ_512M &&
		    page <= (c->vcm->last - c->vcm->start) / 4)
			expect_congruent(c, page);
	}
	vcm_deactivate(c->vcm);
	vcm_unreserve(odd);
	expect_empty(c);
}

/* Row "alignment": the granule serves before -ENOSPC */
static void contract_align_fallback(struct kunit *test)
{
	struct contract *c = test->priv;
	unsigned long granule = vcm_granule(c->vcm);
	const dma_addr_t first = c->vcm->start, last = c->vcm->last;
	struct vcm_res *below, *above, *res;
	struct vcm_phys *phys;
	unsigned long page;
	dma_addr_t hole;

	page = BIT(__fls(c->vcm->pgsize_bitmap));
	/* A hole as long as the large page, one granule off its alignment */
	hole = first + page + granule;
	below = vcm_reserve_at(c->vcm, first, hole - first, 0);
	contract_ok(c, below);
	above = vcm_reserve_at(c->vcm, hole + page, last + 1 - hole - page, 0);
	contract_ok(c, above);

	res = contract_reserve(c, page);
	KUNIT_EXPECT_EQ(test, res->start, hole);
	contract_activate(c);
	phys = contract_bare(c, page, page);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_EQ(test, vcm_leaves(res), page / granule);
	KUNIT_EXPECT_EQ(test, softmmu_from(c->vcm)->stats.present,
			page / granule);
	vcm_unmap(res);
	res = contract_map(c, phys);
	KUNIT_EXPECT_EQ(test, res->start, hole);
	vcm_unmap(res);

	vcm_free(phys);
	vcm_deactivate(c->vcm);
	vcm_unreserve(below);
	vcm_unreserve(above);
	expect_empty(c);
}

/* An address that can be reserved, with a free unit on either side */
static dma_addr_t space_room(struct contract *c)
{
	struct vcm_res *res = vcm_reserve(c->vcm, 3 * contract_unit(c), 0);
	dma_addr_t addr;

	contract_ok(c, res);
	addr = res->start + contract_unit(c);
	vcm_unreserve(res);
	return addr;
}

/* Expect a refusal where the provider allocates the addresses. */
static bool space_refused(struct contract *c)
{
	if (!c->vcm->driver->reserve)
		return false;
	expect_errno(c, vcm_reserve_at(c->vcm, c->vcm->start, contract_unit(c),
				       0), -EOPNOTSUPP);
	expect_errno(c, vcm_reserve_in(c->vcm, contract_unit(c), 0, 0, TOP, 0),
		     -EOPNOTSUPP);
	return true;
}

/* Row "vcm_reserve*": given addresses and windows; memory is visible there */
static void contract_reserve_at(struct kunit *test)
{
	struct contract *c = test->priv;
	const size_t unit = contract_unit(c);
	struct vcm_res *res, *in;
	struct vcm_phys *phys;
	dma_addr_t addr;

	if (space_refused(c))
		return;
	addr = space_room(c);
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
	/* The neighbours are not mapped */
	expect_unreachable(c, c->vcm, addr - unit, unit);
	expect_unreachable(c, c->vcm, addr + unit, unit);

	vcm_unmap(res);
	expect_unreachable(c, c->vcm, addr, unit);
	res = vcm_map_at(c->vcm, phys, addr, 0);
	contract_ok(c, res);
	KUNIT_EXPECT_EQ(test, res->start, addr);
	expect_visible(c, res, phys);
	expect_errno(c, vcm_map_at(c->vcm, phys, addr, 0), -EADDRINUSE);
	vcm_unmap(res);
	res = vcm_reserve_at(c->vcm, addr, unit, 0);
	contract_ok(c, res);
	vcm_unreserve(res);
	vcm_deactivate(c->vcm);
	vcm_free(phys);
}

/* Row "vcm_reserve*": invalid arguments, and windows outside the aperture */
static void contract_reserve_at_errors(struct kunit *test)
{
	struct contract *c = test->priv;
	const unsigned long granule = vcm_granule(c->vcm);
	const dma_addr_t last = c->vcm->last;
	dma_addr_t addr;

	if (space_refused(c))
		return;
	addr = space_room(c);
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

/* Row "vcm_reserve*": -EOPNOTSUPP where addresses follow the memory */
static void contract_reserve_at_fixed(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 1);

	expect_errno(c, vcm_reserve_at(c->vcm, 0, contract_unit(c), 0),
		     -EOPNOTSUPP);
	expect_errno(c, vcm_reserve_in(c->vcm, contract_unit(c), 0, 0, TOP, 0),
		     -EOPNOTSUPP);
	expect_errno(c, vcm_map_at(c->vcm, phys, 0, 0), -EOPNOTSUPP);
	vcm_free(phys);
}

static void expect_translation(struct contract *c, struct vcm_res *res,
			       struct vcm_phys *phys, u64 offset)
{
	phys_addr_t paddr = 0;

	KUNIT_EXPECT_EQ(c->test, 0,
			softmmu_translate(res->vcm, res->start + offset,
					  VCM_RES_READ, &paddr));
	KUNIT_EXPECT_EQ(c->test, paddr, phys->parts[0].paddr + offset);
}

static void space_release(void *priv)
{
}

/* Sizes beyond 4 GiB, of one part and in all (13) */
static void contract_beyond_4g(struct kunit *test)
{
	static const u64 offsets[] = {
		0, SZ_2G, SZ_4G - 1, SZ_4G, SZ_4G + SZ_4K, 5ULL * SZ_1G + 123,
		6ULL * SZ_1G + SZ_2M + SZ_4K - 1,
	};
	const u64 start = 1ULL << 36, size = 6ULL * SZ_1G + SZ_2M + SZ_4K;
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res *res;
	unsigned int i;

	if (PAGE_SIZE > SZ_4K)
		kunit_skip(test, "the size is not a multiple of the page size");
	phys = vcm_phys_import_range((phys_addr_t)start, (resource_size_t)size,
				     0, space_release, NULL);
	contract_ok(c, phys);
	watch_phys(c, phys);
	KUNIT_EXPECT_EQ(test, phys->size, size);
	contract_activate(c);
	res = contract_map(c, phys);
	KUNIT_EXPECT_EQ(test, res->res_size, size);
	KUNIT_EXPECT_EQ(test, vcm_leaves(res), 6 + 1 + 1);
	KUNIT_EXPECT_EQ(test, softmmu_from(c->vcm)->stats.present, 6 + 1 + 1);
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		expect_translation(c, res, phys, offsets[i]);

	vcm_unmap(res);
	vcm_deactivate(c->vcm);
	vcm_free(phys);
	expect_empty(c);
}

static struct kunit_case space_cases[] = {
	CONTRACT_CASE(reserve_errors, is_any),
	CONTRACT_CASE(reserve_rounds, is_placed),
	CONTRACT_CASE(reserve_all, is_small),
	CONTRACT_CASE(reserve_whole, is_soft),
	CONTRACT_CASE(addresses, has_limits),
	CONTRACT_CASE(map_too_large, is_small),
	CONTRACT_CASE(guard_fixed, is_fixed),
	CONTRACT_CASE(guard, is_placed),
	CONTRACT_CASE(guard_all, is_small),
	CONTRACT_CASE(align_natural, is_soft),
	CONTRACT_CASE(align_congruent, is_placed),
	CONTRACT_CASE(align_fallback, is_small_with_large_pages),
	CONTRACT_CASE(reserve_at, is_placed),
	CONTRACT_CASE(reserve_at_errors, is_placed),
	CONTRACT_CASE(reserve_at_fixed, is_fixed),
	CONTRACT_CASE(beyond_4g, is_beyond_4g),
	{}
};

static struct kunit_suite space_suite = {
	.name = "vcm_contract_space",
	.init = contract_init,
	.exit = contract_exit,
	.test_cases = space_cases,
};

kunit_test_suite(space_suite);
