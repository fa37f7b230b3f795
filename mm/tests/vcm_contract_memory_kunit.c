// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of Virtual Contiguous Memory: references of memory, owners of
 * reservations, and mappings of several callers. See vcm_contract_lib.c.
 */
#include <linux/ioport.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vcm_contract.h"

CONTRACT_PARAMS(is_any)
CONTRACT_PARAMS(is_placed)

/* Row "owners of a reservation": only the last drop tears down (3) */
static void contract_owners(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 2);
	struct vcm_res *res = contract_map(c, phys);
	dma_addr_t start = res->start;

	contract_activate(c);
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);

	/* The three names of one call */
	vcm_unmap(res);
	expect_visible(c, res, phys);
	vcm_unreserve(res);
	expect_visible(c, res, phys);
	vcm_destroy_binding(res);
	expect_visible(c, res, phys);
	expect_bound(c, res, phys);

	expect_warnings(c, 0, vcm_unreserve(res));
	expect_unreachable(c, c->vcm, start, 2 * contract_unit(c));
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	vcm_free(phys);
	vcm_deactivate(c->vcm);
	expect_empty(c);
}

/* Row "owners of a reservation": as many drops as owners, unbound too (3, 9) */
static void contract_owners_unbound(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res *res;

	phys = contract_alloc(c, 1);
	res = contract_reserve(c, contract_unit(c));
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
	vcm_unreserve(res);
	/* Still owned, so it can be bound */
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	vcm_unbind(res);
	vcm_unreserve(res);
	vcm_free(phys);
	expect_empty(c);
}

/* Row "owners of a reservation": the drop of an unbound one is silent */
static void contract_drop_unbound(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 1);

	kunit_warning_suppress(test) {
		vcm_destroy_binding(contract_unbound(c, phys));
		vcm_unmap(contract_unbound(c, phys));
		vcm_unreserve(contract_unbound(c, phys));
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	vcm_free(phys);
	expect_empty(c);
}

/* Row "references of memory": memory that is bound outlives vcm_free() (17) */
static void contract_free_bound(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 2);
	struct vcm_res *res = contract_map(c, phys);

	contract_activate(c);
	expect_warnings(c, 0, vcm_free(phys));
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	expect_visible(c, res, phys);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, c->alive, 0);
	vcm_unreserve(res);
	vcm_deactivate(c->vcm);
	expect_empty(c);
}

/* Row "references of memory": one count, whatever the call is named */
static void contract_references(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 1);
	struct vcm_res *res;

	kunit_warning_suppress(test) {
		KUNIT_EXPECT_PTR_EQ(test, vcm_phys_get(phys), phys);
		KUNIT_EXPECT_PTR_EQ(test, vcm_phys_get(phys), phys);
		vcm_free(phys);
		vcm_phys_put(phys);
		KUNIT_EXPECT_EQ(test, c->alive, 1);
		res = contract_map(c, phys);
		vcm_unmap(res);
		KUNIT_EXPECT_EQ(test, c->alive, 1);
		vcm_phys_put(phys);
		KUNIT_EXPECT_EQ(test, c->alive, 0);

		/* The binding is the last holder */
		phys = contract_alloc(c, 1);
		res = contract_map(c, phys);
		vcm_free(phys);
		KUNIT_EXPECT_EQ(test, c->alive, 1);
		vcm_destroy_binding(res);
		KUNIT_EXPECT_EQ(test, c->alive, 0);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	expect_empty(c);
}

static struct vcm_res *contract_make(struct contract *c)
{
	struct vcm_res *res;

	res = vcm_make_binding(c->vcm, 2 * contract_unit(c), 0, 0);
	contract_ok(c, res);
	if (!c->p->soft)
		watch_phys(c, res->phys);
	KUNIT_EXPECT_EQ(c->test, c->alive, 1);
	KUNIT_EXPECT_EQ(c->test, res->phys->size, 2 * contract_unit(c));
	return res;
}

/* Row "references of memory": a put too many keeps memory that is bound */
static void contract_put_too_many(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_res *res;

	if (!IS_ENABLED(CONFIG_VCM_DEBUG))
		kunit_skip(test, "CONFIG_VCM_DEBUG is not set");
	res = contract_make(c);
	contract_activate(c);
	expect_warnings(c, 1, vcm_free(res->phys));
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	expect_visible(c, res, res->phys);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, c->alive, 0);
	vcm_deactivate(c->vcm);
	expect_empty(c);
}

/* Row "references of memory": the binding that was made is the only holder */
static void contract_make_binding(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res *res;

	contract_activate(c);
	res = contract_make(c);
	expect_visible(c, res, res->phys);
	vcm_destroy_binding(res);
	KUNIT_EXPECT_EQ(test, c->alive, 0);

	res = contract_make(c);
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, c->alive, 0);
	expect_bound(c, res, NULL);
	vcm_unreserve(res);

	/* A further holder */
	res = contract_make(c);
	phys = vcm_phys_get(res->phys);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	res = contract_map(c, phys);
	expect_visible(c, res, phys);
	vcm_unmap(res);
	expect_warnings(c, 0, vcm_free(phys));
	KUNIT_EXPECT_EQ(test, c->alive, 0);
	vcm_deactivate(c->vcm);
	expect_empty(c);
}

/* Row "errors": vcm_make_binding() has the errno of the failed step (1, 2) */
static void contract_make_binding_errors(struct kunit *test)
{
	struct contract *c = test->priv;
	resource_size_t unit = contract_unit(c);

	expect_errno(c, vcm_make_binding(c->vcm, 0, 0, 0), -EINVAL);
	expect_errno(c, vcm_make_binding(c->vcm, unit, BIT(31), 0), -EINVAL);
	expect_errno(c, vcm_make_binding(c->vcm, unit, 0, BIT(31)), -EINVAL);
	expect_errno(c, vcm_make_binding(c->vcm, ~(resource_size_t)0,
					 VCM_ALLOC_NOWARN, 0), -ENOMEM);
	if (c->p->fixed)
		expect_errno(c, vcm_make_binding(c->vcm, unit, 0,
						 VCM_RES_GUARD), -EOPNOTSUPP);
	expect_empty(c);
}

/* Row "memory": errnos of vcm_alloc() */
static void contract_alloc_errors(struct kunit *test)
{
	struct contract *c = test->priv;
	resource_size_t unit = contract_unit(c);

	expect_errno(c, vcm_alloc(c->vcm, 0, 0), -EINVAL);
	expect_errno(c, vcm_alloc(c->vcm, unit, BIT(31)), -EINVAL);
	expect_errno(c, vcm_alloc(c->vcm, unit, VCM_ALLOC_FLAGS + 1), -EINVAL);
	expect_errno(c, vcm_alloc(c->vcm, ~(resource_size_t)0,
				  VCM_ALLOC_NOWARN), -ENOMEM);
	expect_errno(c, vcm_alloc(c->vcm, ~(resource_size_t)0 / 2,
				  VCM_ALLOC_NOWARN), -ENOMEM);
}

/* Return true if memory is zeroed, and fill it with something else. */
static bool all_zero(struct contract *c, struct vcm_phys *phys)
{
	u8 *buf = contract_buffer(c, phys->size);
	bool zero;

	cpu_access(phys, buf, phys->size, false);
	zero = !memchr_inv(buf, 0, phys->size);
	memset(buf, 0xa5, phys->size);
	cpu_access(phys, buf, phys->size, true);
	kvfree(buf);
	return zero;
}

/* Row "memory": zeroed, also if it was used before (15) */
static void contract_alloc_zeroed(struct kunit *test)
{
	struct contract *c = test->priv;
	resource_size_t size = 4 * contract_unit(c);
	struct vcm_phys *phys;
	struct vcm_res *res;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		phys = vcm_alloc(c->vcm, size, i & 1 ? VCM_ALLOC_CONTIG : 0);
		contract_ok(c, phys);
		KUNIT_EXPECT_TRUE(test, all_zero(c, phys));
		vcm_free(phys);
	}

	res = vcm_make_binding(c->vcm, size, 0, 0);
	contract_ok(c, res);
	KUNIT_EXPECT_TRUE(test, all_zero(c, res->phys));
	vcm_destroy_binding(res);
}

/* Rows "memory" and "sizes": NOZERO, CONTIG, NOWARN; sizes are rounded up */
static void contract_alloc_flags(struct kunit *test)
{
	struct contract *c = test->priv;
	resource_size_t unit = contract_unit(c);
	struct vcm_phys *phys;

	phys = vcm_alloc(c->vcm, 1, VCM_ALLOC_NOZERO | VCM_ALLOC_NOWARN);
	contract_ok(c, phys);
	KUNIT_EXPECT_EQ(test, phys->size, unit);
	vcm_free(phys);

	phys = vcm_alloc(c->vcm, 4 * unit + 1, VCM_ALLOC_CONTIG);
	contract_ok(c, phys);
	KUNIT_EXPECT_EQ(test, phys->size, 5 * unit);
	KUNIT_EXPECT_EQ(test, phys->count, 1);
	KUNIT_EXPECT_EQ(test, phys->parts[0].len, 5 * unit);
	KUNIT_EXPECT_EQ(test, phys->parts[0].paddr & (vcm_granule(c->vcm) - 1),
			0);
	vcm_free(phys);
}

/*
 * Row "a mapping belongs to the caller that made it": two callers map the same
 * memory. One unbinds or unmaps its mapping and frees its reference. The other
 * mapping and the memory stay.
 */
static void contract_belongs(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res *a, *b;
	unsigned int i;

	contract_activate(c);
	for (i = 0; i < 4; i++) {
		phys = contract_alloc(c, 3);
		a = contract_map(c, phys);
		b = vcm_map(c->vcm, vcm_phys_get(phys), VCM_RES_READ |
			    VCM_RES_WRITE);
		contract_ok(c, b);
		KUNIT_EXPECT_PTR_NE(test, a, b);
		if (c->p->one_to_one)
			KUNIT_EXPECT_EQ(test, a->start, b->start);
		if (!c->p->fixed)
			KUNIT_EXPECT_NE(test, a->start, b->start);
		expect_visible(c, a, phys);

		/* Once the older one goes, once the younger one */
		if (i & 1)
			swap(a, b);
		vcm_unbind(a);
		expect_unreachable(c, c->vcm, a->start, a->res_size);
		if (i & 2)
			vcm_unreserve(a);
		vcm_free(phys);
		expect_bound(c, b, phys);
		expect_visible(c, b, phys);
		vcm_phys_put(phys);
		expect_visible(c, b, phys);
		KUNIT_EXPECT_EQ(test, c->alive, 1);
		vcm_unmap(b);
		KUNIT_EXPECT_EQ(test, c->alive, 0);
		if (!(i & 2))
			vcm_unreserve(a);
	}
	vcm_deactivate(c->vcm);
	expect_empty(c);
}

/*
 * The same row: rights belong to a mapping too, so two callers may want
 * different ones, also at the same address.
 */
static void contract_belongs_rights(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 1);
	struct vcm_res *read, *both;

	read = vcm_map(c->vcm, phys, VCM_RES_READ);
	contract_ok(c, read);
	both = contract_map(c, phys);
	KUNIT_EXPECT_PTR_NE(test, read, both);
	contract_activate(c);
	expect_visible(c, both, phys);
	vcm_unmap(read);
	expect_visible(c, both, phys);
	vcm_unmap(both);
	vcm_deactivate(c->vcm);
	vcm_free(phys);
	expect_empty(c);
}

/*
 * The same row: a mapping that was unbound is bound again beside another one of
 * the same memory.
 */
static void contract_belongs_rebind(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_res *first, *second;
	struct vcm_phys *phys;
	dma_addr_t start;

	phys = contract_alloc(c, 2);
	first = contract_map(c, phys);
	start = first->start;
	vcm_unbind(first);
	KUNIT_EXPECT_EQ(test, first->start, start);

	second = contract_map(c, phys);
	contract_activate(c);
	KUNIT_EXPECT_EQ(test, vcm_bind(first, phys),
			can_rebind(c) ? 0 : -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, first->start, start);
	expect_visible(c, second, phys);
	vcm_unmap(second);
	if (can_rebind(c)) {
		expect_bound(c, first, phys);
		expect_visible(c, first, phys);
	}
	vcm_unmap(first);
	vcm_deactivate(c->vcm);
	vcm_free(phys);
	expect_empty(c);
}

/* Planes of a frame: imports of the whole, and of parts of it */

#define FRAME_UNITS	4

struct frame {
	struct vcm_phys *phys;
	struct page **page;
	unsigned int nr;
	struct resource ram[FRAME_UNITS];
};

/* Some of the pages, mapped for the device and for the CPU */
struct plane {
	struct vcm_phys *phys;
	struct vcm_res *res;
	struct vcm_res *cpu;
	unsigned int released;
};

static void plane_release(void *priv)
{
	struct plane *plane = priv;

	plane->released++;
}

/* List a part of memory as RAM, on architectures that do not do that. */
static void frame_list(struct contract *c, struct resource *ram,
		       const struct phys_vec *part)
{
	if (page_is_ram(PHYS_PFN(part->paddr)))
		return;
	ram->name = "VCM test";
	ram->flags = IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY;
	ram->start = part->paddr;
	ram->end = part->paddr + (part->len - 1);
	KUNIT_ASSERT_EQ(c->test, request_resource(&iomem_resource, ram), 0);
}

static void frame_unlist(void *data)
{
	struct frame *frame = data;
	unsigned int i;

	for (i = 0; i < FRAME_UNITS; i++)
		if (frame->ram[i].parent)
			release_resource(&frame->ram[i]);
}

static struct frame *frame_alloc(struct contract *c)
{
	struct vcm_phys *phys = contract_alloc(c, FRAME_UNITS);
	struct frame *frame;
	unsigned int i;
	size_t off;

	frame = kunit_kzalloc(c->test, sizeof(*frame), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(c->test, frame);
	frame->phys = phys;
	frame->page = kunit_kcalloc(c->test, phys->size >> PAGE_SHIFT,
				    sizeof(*frame->page), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(c->test, frame->page);
	KUNIT_ASSERT_LE(c->test, phys->count, FRAME_UNITS);
	KUNIT_ASSERT_EQ(c->test, 0, kunit_add_action_or_reset(c->test,
							      frame_unlist,
							      frame));
	for (i = 0; i < phys->count; i++) {
		frame_list(c, &frame->ram[i], &phys->parts[i]);
		for (off = 0; off < phys->parts[i].len; off += PAGE_SIZE)
			frame->page[frame->nr++] =
				phys_to_page(phys->parts[i].paddr + off);
	}
	return frame;
}

/* Import @units units of a frame, from unit @first on, and map them. */
static void plane_map(struct contract *c, struct plane *plane,
		      struct frame *frame, unsigned int first,
		      unsigned int units)
{
	const unsigned int pages = contract_unit(c) >> PAGE_SHIFT;

	plane->released = 0;
	plane->phys = vcm_phys_import_pages(frame->page + first * pages,
					    units * pages, 0, plane_release,
					    plane);
	contract_ok(c, plane->phys);
	plane->res = contract_map(c, plane->phys);
	plane->cpu = vcm_map(vcm_vmm, plane->phys, 0);
	contract_ok(c, plane->cpu);
	vcm_free(plane->phys);
}

/* Unmap both, the one for the CPU first or last. */
static void plane_unmap(struct contract *c, struct plane *plane, bool cpu_first)
{
	vcm_unmap(cpu_first ? plane->cpu : plane->res);
	KUNIT_EXPECT_EQ(c->test, plane->released, 0);
	vcm_unmap(cpu_first ? plane->res : plane->cpu);
	KUNIT_EXPECT_EQ(c->test, plane->released, 1);
	plane->res = NULL;
}

/* Expect that the CPU sees through its mapping what the memory contains. */
static void plane_check_cpu(struct contract *c, struct plane *plane)
{
	const size_t size = plane->phys->size;
	u8 *buf = contract_buffer(c, size);

	cpu_access(plane->phys, buf, size, false);
	KUNIT_EXPECT_EQ(c->test, 0,
			memcmp(vcm_cpu_addr(plane->cpu), buf, size));
	kvfree(buf);
}

static void planes_check(struct contract *c, struct plane *planes)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		if (!planes[i].res)
			continue;
		KUNIT_EXPECT_EQ(c->test, planes[i].released, 0);
		expect_visible(c, planes[i].res, planes[i].phys);
		plane_check_cpu(c, &planes[i]);
	}
}

/*
 * The same row: different descriptions of the same pages, the whole frame and
 * two overlapping planes of it, each mapped for the device and for the CPU, are
 * unmapped in any order.
 */
static void contract_planes(struct kunit *test)
{
	static const u8 orders[][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	struct contract *c = test->priv;
	struct frame *frame = frame_alloc(c);
	struct plane planes[3] = { };
	const size_t unit = contract_unit(c);
	unsigned int i, j;

	contract_activate(c);
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		plane_map(c, &planes[0], frame, 0, FRAME_UNITS);
		plane_map(c, &planes[1], frame, 1, 2);
		plane_map(c, &planes[2], frame, 2, 2);
		if (c->p->one_to_one) {
			KUNIT_EXPECT_EQ(test, planes[1].res->start,
					planes[0].res->start + unit);
			KUNIT_EXPECT_EQ(test, planes[2].res->start,
					planes[0].res->start + 2 * unit);
		}
		planes_check(c, planes);
		for (j = 0; j < 3; j++) {
			plane_unmap(c, &planes[orders[i][j]], (i + j) & 1);
			planes_check(c, planes);
		}
	}
	vcm_deactivate(c->vcm);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	vcm_free(frame->phys);
	expect_empty(c);
}

/* Row "references of memory": one allocation in two contexts */
static void contract_shared(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_res *here, *there;
	struct vcm_phys *phys;
	struct vcm *other;
	u32 word = 0xcafe;

	other = contract_other(c);
	phys = contract_alloc(c, 3);
	here = contract_map(c, phys);
	contract_activate(c);
	KUNIT_ASSERT_EQ(test, vcm_activate(other), 0);
	there = vcm_map(other, phys, 0);
	contract_ok(c, there);
	KUNIT_EXPECT_PTR_NE(test, here, there);
	expect_visible(c, here, phys);
	expect_visible(c, there, phys);
	if (c->p->access) {
		KUNIT_EXPECT_EQ(test, 0,
				contract_access(c, c->vcm, here->start, &word,
						sizeof(word), true));
		word = 0;
		KUNIT_EXPECT_EQ(test, 0,
				contract_access(c, other, there->start, &word,
						sizeof(word), false));
		KUNIT_EXPECT_EQ(test, word, 0xcafe);
	}

	vcm_free(phys);
	vcm_unmap(here);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	expect_visible(c, there, phys);
	vcm_deactivate(c->vcm);
	if (!c->p->forever)
		contract_destroy(c, &c->ctx[0]);
	expect_visible(c, there, phys);
	vcm_unmap(there);
	KUNIT_EXPECT_EQ(test, c->alive, 0);
	vcm_deactivate(other);
}

static struct kunit_case memory_cases[] = {
	CONTRACT_CASE(owners, is_any),
	CONTRACT_CASE(owners_unbound, is_placed),
	CONTRACT_CASE(drop_unbound, is_any),
	CONTRACT_CASE(free_bound, is_any),
	CONTRACT_CASE(references, is_any),
	CONTRACT_CASE(put_too_many, is_any),
	CONTRACT_CASE(make_binding, is_any),
	CONTRACT_CASE(make_binding_errors, is_any),
	CONTRACT_CASE(alloc_errors, is_any),
	CONTRACT_CASE(alloc_zeroed, is_any),
	CONTRACT_CASE(alloc_flags, is_any),
	CONTRACT_CASE(belongs, is_any),
	CONTRACT_CASE(belongs_rights, is_any),
	CONTRACT_CASE(belongs_rebind, is_any),
	CONTRACT_CASE(planes, is_any),
	CONTRACT_CASE(shared, is_any),
	{}
};

static struct kunit_suite memory_suite = {
	.name = "vcm_contract_memory",
	.init = contract_init,
	.exit = contract_exit,
	.test_cases = memory_cases,
};

kunit_test_suite(memory_suite);
