// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of Virtual Contiguous Memory: contexts and bindings. See
 * vcm_contract_lib.c.
 */
#include <kunit/device.h>

#include "vcm_contract.h"

CONTRACT_PARAMS(is_any)
CONTRACT_PARAMS(is_fixed)
CONTRACT_PARAMS(is_placed)
CONTRACT_PARAMS(is_enforcing)
CONTRACT_PARAMS(is_mortal)
CONTRACT_PARAMS(is_immortal)
CONTRACT_PARAMS(has_no_device)
CONTRACT_PARAMS(is_soft)

/* Row "vcm_bind": the device finds the memory at the address it is given */
static void contract_map_shows_memory(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 5);
	struct vcm_res *res = contract_map(c, phys);

	contract_activate(c);
	expect_visible(c, res, phys);
	vcm_unmap(res);
	vcm_deactivate(c->vcm);
	vcm_free(phys);
	expect_empty(c);
}

/* Rows "vcm_bind" and "vcm_unbind": reserve, bind, unbind as single steps */
static void contract_reserve_then_bind(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res *res;

	phys = contract_alloc(c, 3);
	res = contract_reserve(c, 4 * contract_unit(c));
	contract_activate(c);
	expect_unreachable(c, c->vcm, res->start, res->res_size);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_bound(c, res, phys);
	expect_visible(c, res, phys);
	/* After the end of the memory the reservation is empty */
	expect_unreachable(c, c->vcm, res->start + phys->size,
			   contract_unit(c));

	vcm_unbind(res);
	expect_unreachable(c, c->vcm, res->start, res->res_size);
	vcm_unreserve(res);
	vcm_deactivate(c->vcm);
	vcm_free(phys);
	expect_empty(c);
}

/* Row "vcm_activate": nothing is live before it and after the opposite */
static void contract_inactive(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_res *before, *after;
	struct vcm_phys *phys;

	phys = contract_alloc(c, 3);
	before = contract_map(c, phys);
	expect_unreachable(c, c->vcm, before->start, phys->size);

	contract_activate(c);
	expect_visible(c, before, phys);
	after = contract_map(c, phys);
	expect_visible(c, after, phys);

	vcm_deactivate(c->vcm);
	expect_unreachable(c, c->vcm, before->start, phys->size);
	expect_unreachable(c, c->vcm, after->start, phys->size);

	contract_activate(c);
	expect_visible(c, before, phys);
	expect_visible(c, after, phys);
	vcm_deactivate(c->vcm);
	vcm_unmap(before);
	vcm_unmap(after);
	vcm_free(phys);
	expect_empty(c);
}

/* Row "vcm_activate": always live where addresses follow the memory */
static void contract_always_active(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res *res;

	phys = contract_alloc(c, 3);
	res = contract_map(c, phys);
	expect_visible(c, res, phys);
	contract_activate(c);
	expect_visible(c, res, phys);
	vcm_deactivate(c->vcm);
	expect_visible(c, res, phys);
	vcm_unmap(res);
	vcm_free(phys);
}

/* Row "vcm_activate": counted; one vcm_deactivate() too many only warns */
static void contract_activate_counts(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 2);
	struct vcm_res *res = contract_map(c, phys);

	expect_warnings(c, 1, vcm_deactivate(c->vcm));
	contract_activate(c);
	contract_activate(c);
	expect_visible(c, res, phys);
	vcm_deactivate(c->vcm);
	expect_visible(c, res, phys);
	vcm_deactivate(c->vcm);
	expect_unreachable(c, c->vcm, res->start, phys->size);

	expect_warnings(c, 1, vcm_deactivate(c->vcm));
	vcm_unmap(res);
	vcm_free(phys);
	expect_empty(c);
}

/* Row "vcm_bind": errnos, and on any of them nothing has changed */
static void contract_bind_errors(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 2);
	struct vcm_phys *other = contract_alloc(c, 2);
	struct vcm_phys *large = contract_alloc(c, 3);
	struct vcm_res *res = contract_map(c, phys);
	int active;

	for (active = 0; active < 2; active++) {
		KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -EALREADY);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, other), -EADDRINUSE);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, large), -EADDRINUSE);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, NULL), -EINVAL);
		expect_bound(c, res, phys);
		if (active)
			expect_visible(c, res, phys);

		vcm_unbind(res);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, large), -ENOSPC);
		expect_bound(c, res, NULL);
		if (can_rebind(c)) {
			KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
		} else {
			vcm_unreserve(res);
			res = contract_map(c, phys);
		}
		expect_bound(c, res, phys);
		if (!active)
			contract_activate(c);
	}
	expect_visible(c, res, phys);

	vcm_unmap(res);
	vcm_deactivate(c->vcm);
	vcm_free(phys);
	vcm_free(other);
	vcm_free(large);
	expect_empty(c);
}

/* Row "vcm_bind": -EOPNOTSUPP for parts that are not whole granules */
static void contract_bind_unaligned(struct kunit *test)
{
	struct contract *c = test->priv;
	unsigned long granule = vcm_granule(c->vcm);
	struct vcm_phys *head, *tail;
	struct vcm_res *res;

	head = contract_bare(c, granule / 2, granule);
	tail = contract_bare(c, granule, granule + granule / 2);
	res = contract_reserve(c, 4 * granule);
	contract_activate(c);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, head), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, tail), -EOPNOTSUPP);
	expect_bound(c, res, NULL);
	expect_errno(c, vcm_map(c->vcm, head, 0), -EOPNOTSUPP);
	expect_errno(c, vcm_map(c->vcm, tail, 0), -EOPNOTSUPP);
	expect_unreachable(c, c->vcm, res->start, res->res_size);

	vcm_deactivate(c->vcm);
	vcm_unreserve(res);
	vcm_free(head);
	vcm_free(tail);
	expect_empty(c);
}

/*
 * Row "vcm_bind": -EOPNOTSUPP where addresses follow the memory for memory at
 * another address, for several parts, and for the CPU if it is not RAM
 */
static void contract_bind_unsuitable(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys, *other, *parts, *bare;
	struct vcm_res *res;

	phys = contract_alloc(c, 2);
	other = contract_alloc(c, 2);
	res = contract_map(c, phys);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, other), -EOPNOTSUPP);
	if (c->p->one_to_one) {
		parts = watch_phys(c, contract_scatter(c, 2, PAGE_SIZE));
		expect_errno(c, vcm_map(c->vcm, parts, 0), -EOPNOTSUPP);
		vcm_free(parts);
	} else {
		bare = contract_bare(c, 0, PAGE_SIZE);
		expect_errno(c, vcm_map(c->vcm, bare, 0), -EOPNOTSUPP);
		vcm_free(bare);
	}
	expect_bound(c, res, NULL);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys),
			can_rebind(c) ? 0 : -EOPNOTSUPP);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_free(other);
}

/* Row "vcm_bind": other memory after an unbind, also if it is smaller */
static void contract_rebind(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *first, *second;
	struct vcm_res *res;

	first = contract_alloc(c, 3);
	second = contract_alloc(c, 2);
	res = contract_map(c, first);
	contract_activate(c);
	expect_visible(c, res, first);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, second), 0);
	expect_bound(c, res, second);
	expect_visible(c, res, second);
	expect_unreachable(c, c->vcm, res->start + second->size,
			   contract_unit(c));
	vcm_unmap(res);
	vcm_deactivate(c->vcm);
	vcm_free(first);
	vcm_free(second);
	expect_empty(c);
}

/* Row "vcm_unbind": does nothing if nothing is bound */
static void contract_unbind(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 2);
	struct vcm_res *res = contract_map(c, phys);

	vcm_unbind(res);
	expect_bound(c, res, NULL);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	expect_warnings(c, 0, vcm_unbind(res));
	expect_bound(c, res, NULL);
	vcm_unreserve(res);
	vcm_free(phys);
	expect_empty(c);
}

/* Row "vcm_unbind": when it returns, no device reaches the memory (20) */
static void contract_unbind_waits(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys, *other;
	u32 word = 0x12345678;
	struct vcm_res *res;

	phys = contract_alloc(c, 4);
	other = contract_alloc(c, 4);
	res = contract_map(c, phys);
	contract_activate(c);

	/* Every translation has been used, so it is in the TLB */
	expect_visible(c, res, phys);
	cpu_access(phys, &word, sizeof(word), true);
	vcm_unbind(res);
	expect_unreachable(c, c->vcm, res->start, res->res_size);
	word = 0;
	cpu_access(phys, &word, sizeof(word), false);
	KUNIT_EXPECT_EQ(test, word, 0x12345678);

	/* The device sees what is bound there next */
	KUNIT_EXPECT_EQ(test, vcm_bind(res, other), 0);
	expect_visible(c, res, other);
	vcm_unmap(res);
	vcm_deactivate(c->vcm);
	vcm_free(phys);
	vcm_free(other);
	expect_empty(c);
}

/* Row "vcm_activate": a failure leaves everything as before (6, 7, 14) */
static void contract_activate_fails(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys[4];
	struct vcm_res *res[4];
	unsigned long leaves, i;
	struct softmmu *s;

	s = softmmu_from(c->vcm);
	for (i = 0; i < ARRAY_SIZE(res); i++) {
		phys[i] = contract_alloc(c, 3 + i);
		res[i] = contract_map(c, phys[i]);
	}
	contract_activate(c);
	leaves = s->stats.present;
	vcm_deactivate(c->vcm);

	KUNIT_EXPECT_GE(test, leaves, ARRAY_SIZE(res));
	for (i = 0; i < leaves; i++) {
		softmmu_fail_map(c->vcm, i, -ENOMEM);
		KUNIT_EXPECT_EQ(test, vcm_activate(c->vcm), -ENOMEM);
		KUNIT_EXPECT_EQ(test, s->stats.present, 0);
		KUNIT_EXPECT_EQ(test, s->stats.stale, 0);
		KUNIT_EXPECT_EQ(test, s->stats.starts, s->stats.stops);
	}

	/* The failures were not counted: one activation, one deactivation */
	contract_activate(c);
	KUNIT_EXPECT_EQ(test, s->stats.present, leaves);
	for (i = 0; i < ARRAY_SIZE(res); i++)
		expect_visible(c, res[i], phys[i]);
	vcm_deactivate(c->vcm);
	KUNIT_EXPECT_EQ(test, s->stats.present, 0);
	expect_warnings(c, 1, vcm_deactivate(c->vcm));
	for (i = 0; i < ARRAY_SIZE(res); i++) {
		vcm_unmap(res[i]);
		vcm_free(phys[i]);
	}
	expect_empty(c);
}

/* Row "vcm_bind": a failure at any leaf changes nothing (14) */
static void contract_bind_fails(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys, *keep;
	struct vcm_res *res, *kept;
	unsigned long leaves, i;
	struct softmmu *s;

	s = softmmu_from(c->vcm);
	keep = contract_alloc(c, 2);
	phys = contract_alloc(c, 7);
	contract_activate(c);
	kept = contract_map(c, keep);
	leaves = s->stats.present;
	res = contract_map(c, phys);
	leaves = s->stats.present - leaves;
	vcm_unbind(res);

	for (i = 0; i < leaves; i++) {
		softmmu_fail_map(c->vcm, i, -ENOMEM);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -ENOMEM);
		expect_bound(c, res, NULL);
		expect_unreachable(c, c->vcm, res->start, res->res_size);
		expect_visible(c, kept, keep);
		KUNIT_EXPECT_EQ(test, s->stats.stale, 0);
	}
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_visible(c, res, phys);
	vcm_unmap(res);
	vcm_unmap(kept);
	vcm_deactivate(c->vcm);

	/* No reference is left */
	vcm_free(phys);
	vcm_free(keep);
	expect_empty(c);
}

/* Row "vcm_bind": vcm_map() and vcm_make_binding() leave nothing (1, 2) */
static void contract_map_fails(struct kunit *test)
{
	struct contract *c = test->priv;
	resource_size_t size = 4 * contract_unit(c);
	struct vcm_phys *phys;
	struct softmmu *s;

	s = softmmu_from(c->vcm);
	phys = contract_alloc(c, 4);
	contract_activate(c);

	softmmu_fail_map(c->vcm, 0, -ENOMEM);
	expect_errno(c, vcm_map(c->vcm, phys, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	vcm_free(phys);
	expect_empty(c);

	softmmu_fail_map(c->vcm, 0, -ENOMEM);
	expect_errno(c, vcm_make_binding(c->vcm, size, 0, 0), -ENOMEM);
	expect_empty(c);

	s->alloc_error = -EINTR;
	expect_errno(c, vcm_make_binding(c->vcm, size, 0, 0), -EINTR);
	s->alloc_error = -EADDRNOTAVAIL;
	expect_errno(c, vcm_make_binding(c->vcm, size, 0, 0), -EADDRNOTAVAIL);
	s->alloc_error = 0;
	expect_empty(c);
	vcm_deactivate(c->vcm);
}

/* Expect -ENODEV from every call that a destroyed context refuses. */
static void expect_dead(struct contract *c, struct vcm *vcm,
			struct vcm_res *res, struct vcm_phys *phys,
			struct device *dev)
{
	struct kunit *test = c->test;
	size_t size = PAGE_SIZE;

	expect_errno(c, vcm_alloc(vcm, size, 0), -ENODEV);
	expect_errno(c, vcm_reserve(vcm, size, 0), -ENODEV);
	expect_errno(c, vcm_map(vcm, phys, 0), -ENODEV);
	expect_errno(c, vcm_make_binding(vcm, size, 0, 0), -ENODEV);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), -ENODEV);
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), -ENODEV);
	KUNIT_EXPECT_EQ(test, vcm_attach(vcm, dev), -ENODEV);
	/* vcm_destroy() has detached it: no warning */
	expect_warnings(c, 0, vcm_detach(vcm, dev));
}

/* Row "vcm_destroy": reservations keep their memory until it is unbound (18) */
static void contract_destroy_alive(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys, *freed, *spare;
	struct vcm_res *bound, *held, *unbound;
	struct softmmu_stats stats = { };
	struct device *dev;

	dev = kunit_device_register(test, "vcm_contract");
	contract_ok(c, dev);
	phys = contract_alloc(c, 2);
	freed = contract_alloc(c, 2);
	spare = contract_alloc(c, 1);
	bound = contract_map(c, phys);
	held = contract_map(c, freed);
	unbound = contract_unbound(c, spare);
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(bound), 0);
	vcm_free(freed);
	contract_activate(c);

	/* Reservations hold the context */
	contract_destroy(c, &c->ctx[0]);
	if (c->p->soft) {
		stats = softmmu_from(c->vcm)->stats;
		KUNIT_EXPECT_EQ(test, stats.present, 0);
		KUNIT_EXPECT_EQ(test, stats.stale, 0);
		KUNIT_EXPECT_EQ(test, stats.starts, stats.stops);
	}
	KUNIT_EXPECT_EQ(test, c->released, 0);
	expect_dead(c, bound->vcm, unbound, spare, dev);

	vcm_unbind(bound);
	KUNIT_EXPECT_EQ(test, vcm_bind(bound, phys), -ENODEV);
	vcm_unreserve(bound);
	vcm_unreserve(bound);
	vcm_unmap(held);
	KUNIT_EXPECT_EQ(test, c->alive, 2);
	KUNIT_EXPECT_EQ(test, c->released, 0);
	if (c->p->soft)
		KUNIT_EXPECT_MEMEQ(test, &softmmu_from(c->vcm)->stats, &stats,
				   sizeof(stats));
	vcm_unreserve(unbound);
	KUNIT_EXPECT_EQ(test, c->released, c->created);
	vcm_free(phys);
	vcm_free(spare);
	KUNIT_EXPECT_EQ(test, c->alive, 0);
}

/* Row "vcm_destroy": frees a context without reservations at once (18) */
static void contract_destroy_idle(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;

	phys = contract_alloc(c, 2);
	contract_activate(c);
	vcm_unmap(contract_map(c, phys));
	contract_destroy(c, &c->ctx[0]);
	KUNIT_EXPECT_EQ(test, c->released, c->created);
	/* Memory does not depend on the context it was bound in */
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, c->alive, 0);
}

/* Row "vcm_destroy": vcm_destroy(vcm_vmm) warns and does nothing */
static void contract_destroy_forever(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res *res;

	phys = contract_alloc(c, 2);
	res = contract_map(c, phys);
	expect_warnings(c, 1, vcm_destroy(c->vcm));
	expect_visible(c, res, phys);
	vcm_unmap(res);
	res = contract_map(c, phys);
	expect_visible(c, res, phys);
	vcm_unmap(res);
	vcm_free(phys);
}

/* Row "errors": NULL and error pointers get -EINVAL or are ignored */
static void contract_bad_pointers(struct kunit *test)
{
	struct contract *c = test->priv;
	void *bad[] = { NULL, ERR_PTR(-ENOMEM), ERR_PTR(-EINVAL) };
	struct vcm_phys *phys = contract_alloc(c, 1);
	struct vcm_res *res = contract_map(c, phys);
	unsigned int i;

	kunit_warning_suppress(test) {
		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			void *p = bad[i];

			expect_errno(c, vcm_alloc(p, 1, 0), -EINVAL);
			expect_errno(c, vcm_reserve(p, 1, 0), -EINVAL);
			expect_errno(c, vcm_map(p, phys, 0), -EINVAL);
			expect_errno(c, vcm_map(c->vcm, p, 0), -EINVAL);
			expect_errno(c, vcm_make_binding(p, 1, 0, 0), -EINVAL);
			KUNIT_EXPECT_EQ(test, vcm_bind(p, phys), -EINVAL);
			KUNIT_EXPECT_EQ(test, vcm_bind(res, p), -EINVAL);
			KUNIT_EXPECT_EQ(test, vcm_ref_reserve(p), -EINVAL);
			KUNIT_EXPECT_EQ(test, vcm_activate(p), -EINVAL);
			KUNIT_EXPECT_EQ(test, vcm_attach(c->vcm, p), -EINVAL);
			KUNIT_EXPECT_EQ(test, vcm_attach(p, p), -EINVAL);
			vcm_unbind(p);
			vcm_detach(c->vcm, p);
			vcm_detach(p, p);
			vcm_deactivate(p);
			vcm_destroy(p);
			vcm_unreserve(p);
			vcm_unmap(p);
			vcm_destroy_binding(p);
			vcm_free(p);
			vcm_phys_put(p);
		}
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	expect_bound(c, res, phys);
	vcm_unmap(res);
	vcm_free(phys);
	expect_empty(c);
}

/* Flags: -EINVAL for an unknown one from every call that takes flags */
static void contract_unknown_flags(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 1);
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		if (!(BIT(bit) & VCM_RES_FLAGS)) {
			expect_errno(c, vcm_reserve(c->vcm, 1, BIT(bit)),
				     -EINVAL);
			expect_errno(c, vcm_map(c->vcm, phys, BIT(bit)),
				     -EINVAL);
			expect_errno(c, vcm_make_binding(c->vcm, 1, 0,
							 BIT(bit)), -EINVAL);
		}
		if (!(BIT(bit) & VCM_ALLOC_FLAGS)) {
			expect_errno(c, vcm_alloc(c->vcm, 1, BIT(bit)),
				     -EINVAL);
			expect_errno(c, vcm_make_binding(c->vcm, 1, BIT(bit),
							 0), -EINVAL);
		}
	}
	vcm_free(phys);
	expect_empty(c);
}

/* VCM_RES_READ, VCM_RES_WRITE: access of the device; neither means both */
static void contract_access_flags(struct kunit *test)
{
	struct contract *c = test->priv;
	static const struct {
		unsigned int flags;
		bool read;
		bool write;
	} table[] = {
		{ 0, true, true },
		{ VCM_RES_READ, true, false },
		{ VCM_RES_WRITE, false, true },
		{ VCM_RES_READ | VCM_RES_WRITE, true, true },
	};
	struct vcm_phys *phys;
	struct vcm_res *res;
	unsigned int i;
	u32 word = 0;

	phys = contract_alloc(c, 2);
	contract_activate(c);
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		res = vcm_map(c->vcm, phys, table[i].flags);
		contract_ok(c, res);
		KUNIT_EXPECT_EQ(test, table[i].read ? 0 : -EFAULT,
				contract_access(c, c->vcm, res->start, &word,
						sizeof(word), false));
		KUNIT_EXPECT_EQ(test, table[i].write ? 0 : -EFAULT,
				contract_access(c, c->vcm, res->start, &word,
						sizeof(word), true));
		vcm_unmap(res);
	}
	vcm_deactivate(c->vcm);
	vcm_free(phys);
	expect_empty(c);
}

/* Row "vcm_attach": any device will do for a provider without hardware */
static void contract_attach(struct kunit *test)
{
	struct contract *c = test->priv;
	struct device *dev;

	dev = kunit_device_register(test, "vcm_contract");
	contract_ok(c, dev);
	if (!c->p->soft) {
		KUNIT_EXPECT_EQ(test, vcm_attach(c->vcm, dev), -EOPNOTSUPP);
		return;
	}
	KUNIT_EXPECT_EQ(test, vcm_attach(c->vcm, dev), 0);
	KUNIT_EXPECT_EQ(test, vcm_attach(c->vcm, dev), -EALREADY);
	vcm_detach(c->vcm, dev);
	expect_warnings(c, 1, vcm_detach(c->vcm, dev));
	/* vcm_destroy() detaches it */
	KUNIT_EXPECT_EQ(test, vcm_attach(c->vcm, dev), 0);
}

static struct kunit_case contract_cases[] = {
	CONTRACT_CASE(map_shows_memory, is_any),
	CONTRACT_CASE(reserve_then_bind, is_placed),
	CONTRACT_CASE(inactive, is_enforcing),
	CONTRACT_CASE(always_active, is_fixed),
	CONTRACT_CASE(activate_counts, is_any),
	CONTRACT_CASE(bind_errors, is_any),
	CONTRACT_CASE(bind_unaligned, is_placed),
	CONTRACT_CASE(bind_unsuitable, is_fixed),
	CONTRACT_CASE(rebind, is_placed),
	CONTRACT_CASE(unbind, is_any),
	CONTRACT_CASE(unbind_waits, is_enforcing),
	CONTRACT_CASE(activate_fails, is_soft),
	CONTRACT_CASE(bind_fails, is_soft),
	CONTRACT_CASE(map_fails, is_soft),
	CONTRACT_CASE(destroy_alive, is_mortal),
	CONTRACT_CASE(destroy_idle, is_mortal),
	CONTRACT_CASE(destroy_forever, is_immortal),
	CONTRACT_CASE(bad_pointers, is_any),
	CONTRACT_CASE(unknown_flags, is_any),
	CONTRACT_CASE(access_flags, is_soft),
	CONTRACT_CASE(attach, has_no_device),
	{}
};

static struct kunit_suite contract_suite = {
	.name = "vcm_contract",
	.init = contract_init,
	.exit = contract_exit,
	.test_cases = contract_cases,
};

kunit_test_suite(contract_suite);
