// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of Virtual Contiguous Memory, held against every provider.
 *
 * A provider is an entry of contract_providers[], in another file. Each case is
 * a row of the contract, or a part of one, and runs for all of those that it
 * concerns; what they are like by nature (addresses of their own, refusing what
 * is not bound, failing on demand) is said in their entries.
 *
 * "Row" in the comments is a row of "What each call promises", a number in
 * brackets a defect of the code of 2010.
 */
#include <kunit/device.h>
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "vcm_contract.h"

#define expect_errno(c, ptr, err) \
	KUNIT_EXPECT_EQ((c)->test, PTR_ERR_OR_ZERO(ptr), err)

/* Memory: who holds it, what is in it */

/* Counts how often the memory of an allocation is taken back */
struct watch {
	struct vcm_phys_ops ops;
	const struct vcm_phys_ops *real;
	struct contract *c;
};

static void watch_free(struct vcm_phys *phys)
{
	const struct watch *watch = container_of_const(phys->ops,
						       struct watch, ops);

	watch->c->alive--;
	if (watch->real->free)
		watch->real->free(phys);
}

static struct vcm_phys *watch_phys(struct contract *c, struct vcm_phys *phys)
{
	struct watch *watch = kunit_kzalloc(c->test, sizeof(*watch),
					    GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(c->test, watch);
	watch->ops.owner = phys->ops->owner;
	watch->ops.free = watch_free;
	watch->real = phys->ops;
	watch->c = c;
	phys->ops = &watch->ops;
	c->alive++;
	return phys;
}

static void watch_alloc(struct kunit *test, struct vcm_phys *phys)
{
	watch_phys(test->priv, phys);
}

/* Memory that nobody has to give back, because nobody looks at it */
static const struct vcm_phys_ops bare_ops = {
	.owner = THIS_MODULE,
};

static struct vcm_phys *contract_bare(struct contract *c, phys_addr_t paddr,
				      size_t len)
{
	struct vcm_phys *phys = vcm_phys_new(1, 0, &bare_ops, NULL);

	contract_ok(c, phys);
	phys->parts[0].paddr = paddr;
	phys->parts[0].len = len;
	KUNIT_ASSERT_EQ(c->test, vcm_phys_finish(phys), 0);
	return watch_phys(c, phys);
}

static void scatter_free(struct vcm_phys *phys)
{
	unsigned int i;

	for (i = 0; i < phys->count; i++)
		__free_pages(phys_to_page(phys->parts[i].paddr),
			     get_order(phys->parts[i].len));
}

static const struct vcm_phys_ops scatter_ops = {
	.owner = THIS_MODULE,
	.free = scatter_free,
};

static int scatter_cmp(const void *a, const void *b)
{
	const struct phys_vec *x = a, *y = b;

	return x->paddr < y->paddr ? 1 : -1;
}

/* Descending addresses: whatever the page allocator says, no two can join */
static struct vcm_phys *contract_scatter(struct contract *c,
					 unsigned int count, size_t unit)
{
	struct vcm_phys *phys;
	struct page *page;
	unsigned int i;

	phys = vcm_phys_new(count, VCM_PHYS_PAGES, &scatter_ops, NULL);
	contract_ok(c, phys);
	for (i = 0; i < count; i++) {
		page = alloc_pages(GFP_KERNEL | __GFP_ZERO, get_order(unit));
		KUNIT_ASSERT_NOT_NULL(c->test, page);
		phys->parts[i].paddr = page_to_phys(page);
		phys->parts[i].len = unit;
	}
	sort(phys->parts, count, sizeof(phys->parts[0]), scatter_cmp, NULL);
	KUNIT_ASSERT_EQ(c->test, vcm_phys_finish(phys), 0);
	KUNIT_ASSERT_EQ(c->test, phys->count, count);
	return phys;
}

/* What vcm_alloc() rounds up to */
size_t contract_unit(const struct contract *c)
{
	return max(vcm_granule(c->vcm), PAGE_SIZE);
}

/* Memory of @units units, as the provider's entry wants it to lie */
struct vcm_phys *contract_alloc(struct contract *c, unsigned int units)
{
	struct vcm_phys *phys;

	if (c->p->scattered)
		return watch_phys(c, contract_scatter(c, units,
						      contract_unit(c)));

	phys = vcm_alloc(c->vcm, units * contract_unit(c), 0);
	contract_ok(c, phys);
	/* The software MMU's memory is watched from the start */
	return c->p->soft ? phys : watch_phys(c, phys);
}

/* What the CPU sees of an allocation, from its beginning */
static void cpu_access(const struct vcm_phys *phys, void *buf, size_t size,
		       bool write)
{
	unsigned int i;
	size_t off;

	for (i = 0; i < phys->count && size; i++) {
		for (off = 0; off < phys->parts[i].len && size;) {
			phys_addr_t paddr = phys->parts[i].paddr + off;
			size_t chunk = min_t(size_t, phys->parts[i].len - off,
					     PAGE_SIZE - offset_in_page(paddr));

			chunk = min(chunk, size);
			page_copy(paddr, buf, chunk, write);
			off += chunk;
			buf += chunk;
			size -= chunk;
		}
	}
}

int contract_access(struct contract *c, struct vcm *vcm, dma_addr_t addr,
		    void *buf, size_t len, bool write)
{
	unsigned int i;

	for (i = 0; i < CONTRACT_CONTEXTS; i++)
		if (c->ctx[i].vcm == vcm)
			return c->ctx[i].p->access(&c->ctx[i], addr, buf, len,
						   write);
	return -ENOENT;
}

static bool can_access(const struct contract *c)
{
	return c->p->access;
}

static void contract_pattern(struct contract *c, void *buf, size_t len)
{
	struct rnd_state rnd;

	prandom_seed_state(&rnd, ++c->seed);
	prandom_bytes_state(&rnd, buf, len);
}

static void *contract_buffer(struct contract *c, size_t size)
{
	void *buf = kvzalloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(c->test, buf);
	return buf;
}

/* The master writes, the CPU reads, and the other way round */
void expect_visible(struct contract *c, struct vcm_res *res,
		    struct vcm_phys *phys)
{
	struct kunit *test = c->test;
	size_t size = phys->size;
	u8 *out, *in;

	if (!can_access(c))
		return;
	out = contract_buffer(c, size);
	in = contract_buffer(c, size);

	contract_pattern(c, out, size);
	KUNIT_EXPECT_EQ(test, 0, contract_access(c, res->vcm, res->start, out,
						 size, true));
	cpu_access(phys, in, size, false);
	KUNIT_EXPECT_TRUE(test, !memcmp(in, out, size));

	contract_pattern(c, out, size);
	cpu_access(phys, out, size, true);
	KUNIT_EXPECT_EQ(test, 0, contract_access(c, res->vcm, res->start, in,
						 size, false));
	KUNIT_EXPECT_TRUE(test, !memcmp(in, out, size));

	kvfree(out);
	kvfree(in);
}

/* No granule of a range can be read or written */
void expect_unreachable(struct contract *c, struct vcm *vcm, dma_addr_t addr,
			resource_size_t size)
{
	unsigned long granule = vcm_granule(vcm);
	u32 word = 0x5a5a5a5a;

	if (!c->p->enforces)
		return;
	for (; size >= granule; size -= granule, addr += granule) {
		KUNIT_EXPECT_EQ(c->test, -EFAULT,
				contract_access(c, vcm, addr, &word,
						sizeof(word), true));
		KUNIT_EXPECT_EQ(c->test, -EFAULT,
				contract_access(c, vcm, addr, &word,
						sizeof(word), false));
	}
}

struct vcm_res *contract_map(struct contract *c, struct vcm_phys *phys)
{
	struct vcm_res *res = vcm_map(c->vcm, phys, 0);

	contract_ok(c, res);
	KUNIT_EXPECT_PTR_EQ(c->test, res->vcm, c->vcm);
	KUNIT_EXPECT_PTR_EQ(c->test, res->phys, phys);
	KUNIT_EXPECT_EQ(c->test, res->bound_size, phys->size);
	KUNIT_EXPECT_GE(c->test, res->start, c->vcm->start);
	KUNIT_EXPECT_LE(c->test, res->start + (res->res_size - 1),
			c->vcm->last);
	return res;
}

static struct vcm_res *contract_reserve(struct contract *c,
					resource_size_t size)
{
	struct vcm_res *res = vcm_reserve(c->vcm, size, 0);

	contract_ok(c, res);
	KUNIT_EXPECT_GE(c->test, res->start, c->vcm->start);
	KUNIT_EXPECT_LE(c->test, res->start + (res->res_size - 1),
			c->vcm->last);
	return res;
}

void contract_activate(struct contract *c)
{
	KUNIT_ASSERT_EQ(c->test, vcm_activate(c->vcm), 0);
}

static resource_size_t aperture_size(const struct vcm *vcm)
{
	return vcm->last - vcm->start + 1;
}

/* Nothing is reserved, and nothing is left on the hardware (9) */
static void expect_empty(struct contract *c)
{
	struct vcm_res *res;
	struct softmmu *s;

	KUNIT_EXPECT_EQ(c->test, c->alive, 0);
	if (!c->p->soft)
		return;

	res = vcm_reserve(c->vcm, aperture_size(c->vcm), 0);
	KUNIT_EXPECT_FALSE(c->test, IS_ERR(res));
	vcm_unreserve(res);

	s = softmmu_from(c->vcm);
	KUNIT_EXPECT_EQ(c->test, s->stats.present, 0);
	KUNIT_EXPECT_EQ(c->test, s->stats.stale, 0);
	KUNIT_EXPECT_EQ(c->test, s->stats.starts, s->stats.stops);
}

/* Contexts */

struct vcm *contract_create(struct contract *c,
			    const struct contract_provider *p, unsigned int nr)
{
	struct contract_ctx *ctx = c->ctx;
	struct vcm *vcm;

	while (ctx->vcm)
		ctx++;
	ctx->p = p;
	vcm = p->create(c, ctx, nr);
	contract_ok(c, vcm);
	ctx->vcm = vcm;
	if (p->soft)
		softmmu_from(vcm)->alloc_hook = watch_alloc;
	return vcm;
}

/* A second context, of the same kind where there can be two */
struct vcm *contract_other(struct contract *c)
{
	if (c->p->contexts > 1)
		return contract_create(c, c->p, 1);
	return contract_create(c, &contract_partner, 0);
}

void contract_destroy(struct contract *c, struct contract_ctx *ctx)
{
	struct vcm *vcm = ctx->vcm;

	ctx->vcm = NULL;
	if (!ctx->p->forever)
		vcm_destroy(vcm);
}

int contract_init(struct kunit *test)
{
	struct contract *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	if (!c)
		return -ENOMEM;
	c->test = test;
	c->p = test->param_value;
	test->priv = c;
	c->vcm = contract_create(c, c->p, 0);
	return 0;
}

/* Whatever a case does, nothing is left when it has ended (1, 9, 17, 18) */
void contract_exit(struct kunit *test)
{
	struct contract *c = test->priv;
	unsigned int i;

	if (!c)
		return;
	for (i = 0; i < CONTRACT_CONTEXTS; i++)
		if (c->ctx[i].vcm)
			contract_destroy(c, &c->ctx[i]);
	KUNIT_EXPECT_EQ(test, c->alive, 0);
	KUNIT_EXPECT_EQ(test, c->created, c->released);
}

/* Which providers a case is for */

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

static bool is_movable(const struct contract_provider *p)
{
	return !p->one_to_one;
}

static bool is_enforcing(const struct contract_provider *p)
{
	return p->enforces;
}

static bool is_mortal(const struct contract_provider *p)
{
	return !p->forever;
}

static bool is_immortal(const struct contract_provider *p)
{
	return p->forever;
}

static bool has_no_device(const struct contract_provider *p)
{
	return !p->device;
}

static bool has_limits(const struct contract_provider *p)
{
	return p->reaches;
}

/* Whose failures can be ordered, and whose leaves be counted */
static bool is_soft(const struct contract_provider *p)
{
	return p->soft;
}

/* Whose aperture can be filled granule by granule */
static bool is_small(const struct contract_provider *p)
{
	return p->soft && p->soft->last - p->soft->start < SZ_1M;
}

static bool is_small_with_large_pages(const struct contract_provider *p)
{
	return is_small(p) && !is_power_of_2(p->soft->pgsize_bitmap);
}

static bool is_beyond_4g(const struct contract_provider *p)
{
	return sizeof(phys_addr_t) == 8 && p->soft &&
	       p->soft->last - p->soft->start > 16ULL * SZ_1G;
}

const void *contract_next(const struct contract_provider *p, char *desc,
			  bool (*suits)(const struct contract_provider *p))
{
	for (p = p ? p + 1 : contract_providers;
	     p < contract_providers + contract_nr_providers; p++) {
		if (suits(p)) {
			strscpy(desc, p->name, KUNIT_PARAM_DESC_SIZE);
			return p;
		}
	}
	return NULL;
}

CONTRACT_PARAMS(is_any)
CONTRACT_PARAMS(is_fixed)
CONTRACT_PARAMS(is_placed)
CONTRACT_PARAMS(is_movable)
CONTRACT_PARAMS(is_enforcing)
CONTRACT_PARAMS(is_mortal)
CONTRACT_PARAMS(is_immortal)
CONTRACT_PARAMS(has_no_device)
CONTRACT_PARAMS(has_limits)
CONTRACT_PARAMS(is_soft)
CONTRACT_PARAMS(is_small)
CONTRACT_PARAMS(is_small_with_large_pages)
CONTRACT_PARAMS(is_beyond_4g)

/* Row "memory": what is bound shows at the address given to the device */
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

/* Row "after create", and vcm_bind: by hand, in all steps */
static void contract_reserve_then_bind(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res *res;

	phys = contract_alloc(c, 3);
	res = contract_reserve(c, 4 * contract_unit(c));
	KUNIT_EXPECT_PTR_EQ(test, res->phys, NULL);
	KUNIT_EXPECT_EQ(test, res->bound_size, 0);

	contract_activate(c);
	expect_unreachable(c, c->vcm, res->start, res->res_size);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_PTR_EQ(test, res->phys, phys);
	KUNIT_EXPECT_EQ(test, res->bound_size, phys->size);
	expect_visible(c, res, phys);
	/* Behind the memory the reservation is empty */
	expect_unreachable(c, c->vcm, res->start + phys->size,
			   contract_unit(c));

	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	expect_unreachable(c, c->vcm, res->start, res->res_size);
	vcm_unreserve(res);
	vcm_deactivate(c->vcm);
	vcm_free(phys);
	expect_empty(c);
}

/* Rows "after create", vcm_activate, vcm_deactivate: what is live, and when */
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

/* Row "after create": where addresses follow the memory all is always live */
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

/* Rows vcm_activate, vcm_deactivate: counted; an unpaired one only warns */
static void contract_activate_counts(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 2);
	struct vcm_res *res = contract_map(c, phys);

	kunit_warning_suppress(test) {
		vcm_deactivate(c->vcm);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	contract_activate(c);
	contract_activate(c);
	expect_visible(c, res, phys);
	vcm_deactivate(c->vcm);
	expect_visible(c, res, phys);
	vcm_deactivate(c->vcm);
	expect_unreachable(c, c->vcm, res->start, phys->size);

	kunit_warning_suppress(test) {
		vcm_deactivate(c->vcm);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	vcm_unmap(res);
	vcm_free(phys);
	expect_empty(c);
}

/* Row "ownership of a reservation": only the last drop tears down (3) */
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

	/* Each kind of drop drops one, silently as long as others are left */
	kunit_warning_suppress(test) {
		vcm_unmap(res);
		expect_visible(c, res, phys);
		vcm_unreserve(res);
		expect_visible(c, res, phys);
		vcm_destroy_binding(res);
		expect_visible(c, res, phys);
		KUNIT_EXPECT_EQ(test, c->alive, 1);
		KUNIT_EXPECT_PTR_EQ(test, res->phys, phys);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}

	/* The memory was given up by vcm_destroy_binding() */
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, c->alive, 0);
	expect_unreachable(c, c->vcm, start, 2 * contract_unit(c));
	vcm_deactivate(c->vcm);
	expect_empty(c);
}

/* Row "ownership of a reservation": reserve, ref, and as many drops (3, 9) */
static void contract_owners_unbound(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res *res;

	phys = contract_alloc(c, 1);
	res = contract_reserve(c, contract_unit(c));
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
	vcm_unreserve(res);
	/* Still there: it can be bound */
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	vcm_unreserve(res);
	vcm_free(phys);
	expect_empty(c);
}

/* Row "last drop of a bound reservation by vcm_unreserve" */
static void contract_unreserve_bound(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 2);
	struct vcm_res *res = contract_map(c, phys);
	dma_addr_t start = res->start;

	contract_activate(c);
	kunit_warning_suppress(test) {
		vcm_unreserve(res);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	expect_unreachable(c, c->vcm, start, phys->size);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	vcm_free(phys);
	vcm_deactivate(c->vcm);
	expect_empty(c);
}

/* Row "ownership of memory": freeing bound memory is legal and silent (17) */
static void contract_free_bound(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 2);
	struct vcm_res *res = contract_map(c, phys);

	contract_activate(c);
	kunit_warning_suppress(test) {
		vcm_free(phys);
		KUNIT_EXPECT_EQ(test, c->alive, 1);
		expect_visible(c, res, phys);
		/* Row vcm_unbind: NULL when this binding was the last holder */
		KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), NULL);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	KUNIT_EXPECT_EQ(test, c->alive, 0);
	vcm_unreserve(res);
	vcm_deactivate(c->vcm);
	expect_empty(c);
}

/* Row "ownership of memory": given up once, vcm_free() warns of a second */
static void contract_free_twice(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 1);

	KUNIT_EXPECT_PTR_EQ(test, vcm_phys_get(phys), phys);
	vcm_free(phys);
	kunit_warning_suppress(test) {
		vcm_free(phys);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	vcm_phys_put(phys);
	KUNIT_EXPECT_EQ(test, c->alive, 0);
}

/* Row "ownership of memory": vcm_phys_get() holds it beyond every binding */
static void contract_further_holder(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 1);
	struct vcm_res *res = contract_map(c, phys);

	vcm_phys_get(phys);
	vcm_destroy_binding(res);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	res = contract_map(c, phys);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	vcm_phys_put(phys);
	expect_empty(c);
}

/* Row "ownership of memory": by vcm_destroy_binding(), for what is bound */
static void contract_destroy_binding(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res *res;

	res = contract_map(c, contract_alloc(c, 2));
	vcm_destroy_binding(res);
	KUNIT_EXPECT_EQ(test, c->alive, 0);

	/* The owner was quicker: it does nothing, without a warning */
	phys = contract_alloc(c, 2);
	res = contract_map(c, phys);
	vcm_free(phys);
	kunit_warning_suppress(test) {
		vcm_destroy_binding(res);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	KUNIT_EXPECT_EQ(test, c->alive, 0);

	/* It was quicker than the owner: that one is told */
	phys = vcm_phys_get(contract_alloc(c, 2));
	vcm_destroy_binding(contract_map(c, phys));
	kunit_warning_suppress(test) {
		vcm_free(phys);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	vcm_phys_put(phys);
	expect_empty(c);
}

/* Row "ownership of memory": not the last owner of the reservation */
static void contract_destroy_binding_shared(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 2);
	struct vcm_res *res = contract_map(c, phys);

	contract_activate(c);
	KUNIT_EXPECT_EQ(test, vcm_ref_reserve(res), 0);
	vcm_destroy_binding(res);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	expect_visible(c, res, phys);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, c->alive, 0);
	vcm_deactivate(c->vcm);
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
	KUNIT_EXPECT_EQ(c->test, res->bound_size, 2 * contract_unit(c));
	return res;
}

/* Row "ownership of memory": by the last drop after vcm_make_binding() */
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
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, c->alive, 0);

	res = contract_make(c);
	kunit_warning_suppress(test) {
		vcm_unreserve(res);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_EQ(test, c->alive, 0);

	/* A further holder keeps it, and finds the ownership given up */
	res = contract_make(c);
	phys = vcm_phys_get(res->phys);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	kunit_warning_suppress(test) {
		vcm_free(phys);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	vcm_phys_put(phys);
	vcm_deactivate(c->vcm);
	expect_empty(c);
}

/* Row "ownership of memory": vcm_unbind() passes it on, and it is forgotten */
static void contract_make_binding_unbind(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_res *res = contract_make(c);
	struct vcm_phys *phys = res->phys;

	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	kunit_warning_suppress(test) {
		vcm_free(phys);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	expect_empty(c);
}

/* Row "ownership of memory": vcm_free() of what vcm_make_binding() allocated */
static void contract_make_binding_free(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_res *res = contract_make(c);

	kunit_warning_suppress(test) {
		vcm_free(res->phys);
		KUNIT_EXPECT_EQ(test, c->alive, 1);
		vcm_unmap(res);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	expect_empty(c);
}

/* An unbound reservation, from wherever the provider has one */
static struct vcm_res *contract_unbound(struct contract *c,
					struct vcm_phys *phys)
{
	struct vcm_res *res;

	if (!c->p->fixed)
		return contract_reserve(c, phys->size);
	res = contract_map(c, phys);
	KUNIT_EXPECT_PTR_EQ(c->test, vcm_unbind(res), phys);
	return res;
}

/* Row "ownership of memory": on an unbound reservation they only drop */
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

/* Row vcm_reserve: errnos */
static void contract_reserve_errors(struct kunit *test)
{
	struct contract *c = test->priv;
	unsigned long granule = vcm_granule(c->vcm);

	expect_errno(c, vcm_reserve(c->vcm, 0, 0), -EINVAL);
	expect_errno(c, vcm_reserve(c->vcm, granule, BIT(31)), -EINVAL);
	expect_errno(c, vcm_reserve(c->vcm, granule, VCM_RES_FLAGS + 1),
		     -EINVAL);
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

/* Row vcm_reserve: it rounds the size up */
static void contract_reserve_rounds(struct kunit *test)
{
	struct contract *c = test->priv;
	unsigned long granule = vcm_granule(c->vcm);
	struct vcm_res *one, *two;

	one = contract_reserve(c, 1);
	KUNIT_EXPECT_EQ(test, one->res_size, granule);
	KUNIT_EXPECT_EQ(test, one->start & (granule - 1), 0);
	two = contract_reserve(c, granule + 1);
	KUNIT_EXPECT_EQ(test, two->res_size, 2 * granule);
	KUNIT_EXPECT_EQ(test, two->start & (granule - 1), 0);
	vcm_unreserve(one);
	vcm_unreserve(two);
	expect_empty(c);
}

/* Granules in a small aperture */
static unsigned int aperture_granules(const struct vcm *vcm)
{
	return (u32)aperture_size(vcm) / vcm_granule(vcm);
}

/* All granules of a small aperture, each reserved on its own */
static struct vcm_res **contract_fill(struct contract *c, unsigned int flags,
				      unsigned int *count)
{
	unsigned long granule = vcm_granule(c->vcm);
	unsigned int n = aperture_granules(c->vcm);
	struct vcm_res **res;
	unsigned int i;

	res = kunit_kcalloc(c->test, n + 1, sizeof(*res), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(c->test, res);
	for (i = 0; i <= n; i++) {
		res[i] = vcm_reserve(c->vcm, granule, flags);
		if (IS_ERR(res[i]))
			break;
	}
	expect_errno(c, res[i], -ENOSPC);
	*count = i;
	return res;
}

/* Rows vcm_reserve, "addresses": all of it can be had, 0 and the top (10) */
static void contract_reserve_all(struct kunit *test)
{
	struct contract *c = test->priv;
	unsigned long granule = vcm_granule(c->vcm);
	unsigned int n, i, count;
	unsigned long *seen;
	struct vcm_res **res;

	n = aperture_granules(c->vcm);
	seen = kunit_kcalloc(test, BITS_TO_LONGS(n), sizeof(*seen),
			     GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, seen);

	res = contract_fill(c, 0, &count);
	KUNIT_ASSERT_EQ(test, count, n);
	for (i = 0; i < count; i++)
		__set_bit((u32)(res[i]->start - c->vcm->start) / granule,
			  seen);
	KUNIT_EXPECT_TRUE(test, bitmap_full(seen, n));

	/* Holes of one granule are of no use for two, but each for one */
	for (i = 0; i < count; i++)
		if ((u32)(res[i]->start - c->vcm->start) / granule % 2)
			vcm_unreserve(res[i]);
		else
			__clear_bit(i, seen);
	expect_errno(c, vcm_reserve(c->vcm, 2 * granule, 0), -ENOSPC);
	for_each_set_bit(i, seen, n)
		res[i] = contract_reserve(c, granule);
	expect_errno(c, vcm_reserve(c->vcm, granule, 0), -ENOSPC);

	for (i = 0; i < count; i++)
		vcm_unreserve(res[i]);
	expect_empty(c);
}

/* Row "addresses": the whole aperture in one, used at its very ends (10) */
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
	vcm_destroy_binding(res);
	KUNIT_EXPECT_EQ(test, c->alive, 0);

	if (is_small(c->p)) {
		phys = contract_alloc(c, (u32)aperture_size(c->vcm) /
					 contract_unit(c));
		res = contract_map(c, phys);
		KUNIT_EXPECT_EQ(test, res->start, c->vcm->start);
		expect_visible(c, res, phys);
		vcm_destroy_binding(res);
	}
	vcm_deactivate(c->vcm);
	expect_empty(c);
}

/*
 * Row "addresses": mask, bus limit, reserved regions and MSI window are carved
 * out, and all the rest can be had
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

static void expect_bound(struct contract *c, const struct vcm_res *res,
			 const struct vcm_phys *phys)
{
	KUNIT_EXPECT_PTR_EQ(c->test, res->phys, (struct vcm_phys *)phys);
	KUNIT_EXPECT_EQ(c->test, res->bound_size, phys ? phys->size : 0);
}

/* Row vcm_bind: errnos, and on any of them nothing has changed */
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

		KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, large), -ENOSPC);
		expect_bound(c, res, NULL);
		KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
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

/* Row vcm_bind: memory of parts that are not aligned to the granule */
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

/* Row vcm_bind, one-to-one: several parts, another address, CPU mapping */
static void contract_bind_unsuitable(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys, *other, *parts, *bare;
	struct vcm_res *res;

	phys = contract_alloc(c, 2);
	other = contract_alloc(c, 2);
	res = contract_map(c, phys);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	if (c->p->one_to_one) {
		KUNIT_EXPECT_EQ(test, vcm_bind(res, other), -EOPNOTSUPP);
		parts = watch_phys(c, contract_scatter(c, 2, PAGE_SIZE));
		expect_errno(c, vcm_map(c->vcm, parts, 0), -EOPNOTSUPP);
		vcm_free(parts);
	} else {
		bare = contract_bare(c, 0, PAGE_SIZE);
		expect_errno(c, vcm_map(c->vcm, bare, 0), -EOPNOTSUPP);
		vcm_free(bare);
	}
	expect_bound(c, res, NULL);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_free(other);
}

/* Row vcm_bind: another memory after an unbind, also a smaller one */
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
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), first);
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

/* Row vcm_alloc: errnos */
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

/* Row vcm_make_binding: the errno of the step that failed (1, 2) */
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

/* Row "memory": zeroed, also when it has been used before (15) */
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

/* Flags: NOZERO, CONTIG, NOWARN; sizes are rounded up */
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

/* Row vcm_unbind: what it returns, and when it warns */
static void contract_unbind(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys = contract_alloc(c, 2);
	struct vcm_res *res = contract_map(c, phys);

	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	expect_bound(c, res, NULL);
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), NULL);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	expect_bound(c, res, NULL);
	vcm_unreserve(res);
	vcm_free(phys);
	expect_empty(c);
}

/* Row vcm_unbind: when it returns no master reaches the memory (20) */
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

	/* Every translation is in use, hence in the TLB */
	expect_visible(c, res, phys);
	cpu_access(phys, &word, sizeof(word), true);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	expect_unreachable(c, c->vcm, res->start, res->res_size);
	word = 0;
	cpu_access(phys, &word, sizeof(word), false);
	KUNIT_EXPECT_EQ(test, word, 0x12345678);

	/* And what is bound there next is what it sees */
	KUNIT_EXPECT_EQ(test, vcm_bind(res, other), 0);
	expect_visible(c, res, other);
	vcm_unmap(res);
	vcm_deactivate(c->vcm);
	vcm_free(phys);
	vcm_free(other);
	expect_empty(c);
}

/* Row vcm_unbind: through this reservation, others keep theirs */
static void contract_unbind_one_of_two(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_res *one, *two;
	struct vcm_phys *phys;

	phys = contract_alloc(c, 3);
	contract_activate(c);
	one = contract_map(c, phys);
	two = contract_map(c, phys);
	KUNIT_EXPECT_PTR_NE(test, one, two);
	KUNIT_EXPECT_NE(test, one->start, two->start);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(one), phys);
	expect_unreachable(c, c->vcm, one->start, one->res_size);
	expect_visible(c, two, phys);
	vcm_free(phys);
	expect_visible(c, two, phys);
	vcm_unmap(two);
	vcm_unmap(one);
	vcm_deactivate(c->vcm);
	expect_empty(c);
}

/* Row vcm_activate: a failure leaves it as inactive as before (6, 7, 14) */
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

	/* It was not counted: one activation, one deactivation */
	contract_activate(c);
	KUNIT_EXPECT_EQ(test, s->stats.present, leaves);
	for (i = 0; i < ARRAY_SIZE(res); i++)
		expect_visible(c, res[i], phys[i]);
	vcm_deactivate(c->vcm);
	KUNIT_EXPECT_EQ(test, s->stats.present, 0);
	kunit_warning_suppress(test) {
		vcm_deactivate(c->vcm);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	for (i = 0; i < ARRAY_SIZE(res); i++)
		vcm_destroy_binding(res[i]);
	expect_empty(c);
}

/* Row vcm_bind: failing at every step it changes nothing (14) */
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
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);

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

	/* No reference has been left behind */
	vcm_free(phys);
	vcm_free(keep);
	expect_empty(c);
}

/* Rows vcm_map, vcm_make_binding: failing, nothing is left behind (1, 2) */
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

/* Row vcm_map: no room for the memory */
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

/* What a context that is being destroyed says to everybody */
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
	/* Gone already */
	vcm_detach(vcm, dev);
}

/* Row vcm_destroy: with reservations alive (18) */
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

	/* The context outlives its destruction, in bound->vcm */
	contract_destroy(c, &c->ctx[0]);
	if (c->p->soft) {
		stats = softmmu_from(c->vcm)->stats;
		KUNIT_EXPECT_EQ(test, stats.present, 0);
		KUNIT_EXPECT_EQ(test, stats.stale, 0);
		KUNIT_EXPECT_EQ(test, stats.starts, stats.stops);
	}
	KUNIT_EXPECT_EQ(test, c->released, 0);
	expect_dead(c, bound->vcm, unbound, spare, dev);

	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(bound), phys);
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

/* Row vcm_destroy: all bindings are off the hardware before it returns (18) */
static void contract_destroy_idle(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;

	phys = contract_alloc(c, 2);
	contract_activate(c);
	vcm_unmap(contract_map(c, phys));
	contract_destroy(c, &c->ctx[0]);
	KUNIT_EXPECT_EQ(test, c->released, c->created);
	/* The memory does not depend on where it was bound */
	KUNIT_EXPECT_EQ(test, c->alive, 1);
	vcm_free(phys);
	KUNIT_EXPECT_EQ(test, c->alive, 0);
}

/* Row vcm_destroy: vcm_destroy(vcm_vmm) warns and does nothing */
static void contract_destroy_forever(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res *res;

	phys = contract_alloc(c, 2);
	res = contract_map(c, phys);
	kunit_warning_suppress(test) {
		vcm_destroy(c->vcm);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	expect_visible(c, res, phys);
	vcm_unmap(res);
	res = contract_map(c, phys);
	expect_visible(c, res, phys);
	vcm_unmap(res);
	vcm_free(phys);
}

/* Row "same address twice" */
static void contract_same_twice(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res *res;

	phys = contract_alloc(c, 2);
	res = contract_map(c, phys);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(c->vcm, phys, 0), res);
	/* Neither direction means both, so these are the same flags */
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(c->vcm, phys, VCM_RES_READ |
					  VCM_RES_WRITE), res);
	expect_errno(c, vcm_map(c->vcm, phys, VCM_RES_READ), -EADDRINUSE);

	vcm_unmap(res);
	vcm_unmap(res);
	expect_bound(c, res, phys);
	expect_visible(c, res, phys);
	vcm_free(phys);
	vcm_unmap(res);
	KUNIT_EXPECT_EQ(test, c->alive, 0);
}

/* Row "same address twice": an unbound reservation does not keep the range */
static void contract_same_after_unbind(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_res *first, *second;
	struct vcm_phys *phys;
	dma_addr_t start;

	phys = contract_alloc(c, 2);
	first = contract_map(c, phys);
	start = first->start;
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(first), phys);
	KUNIT_EXPECT_EQ(test, first->start, start);

	second = contract_map(c, phys);
	KUNIT_EXPECT_PTR_NE(test, first, second);
	if (c->p->one_to_one)
		KUNIT_EXPECT_EQ(test, second->start, start);
	KUNIT_EXPECT_EQ(test, vcm_bind(first, phys), -EADDRINUSE);
	expect_bound(c, first, NULL);
	expect_visible(c, second, phys);

	vcm_unmap(second);
	KUNIT_EXPECT_EQ(test, vcm_bind(first, phys), 0);
	expect_visible(c, first, phys);
	vcm_unmap(first);
	vcm_free(phys);
}

/* Row "errors": NULL and error pointers, an errno or silence */
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
			KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(p), NULL);
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

/* Flags: unknown ones are refused wherever they can be given */
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

/* VCM_RES_READ, VCM_RES_WRITE: what the device may do, neither means both */
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

/* VCM_RES_GUARD: a granule behind, not part of the size, never mapped */
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

/* VCM_RES_GUARD: with one behind each, half of the granules can be had */
static void contract_guard_all(struct kunit *test)
{
	struct contract *c = test->priv;
	struct vcm_phys *phys;
	struct vcm_res **res;
	unsigned int count;

	res = contract_fill(c, VCM_RES_GUARD, &count);
	KUNIT_EXPECT_EQ(test, count, aperture_granules(c->vcm) / 2);
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

/* Row "alignment": a plain reservation, sizes that are no power of two (11) */
static void contract_align_plain(struct kunit *test)
{
	struct contract *c = test->priv;
	unsigned long granule = vcm_granule(c->vcm);
	struct vcm_res *odd, *res;
	unsigned long page;
	unsigned int bit;

	/* So that the next free address is aligned to nothing */
	odd = contract_reserve(c, granule);
	for_each_set_bit(bit, &c->vcm->pgsize_bitmap, BITS_PER_LONG) {
		page = BIT(bit);
		if (aperture_size(c->vcm) / 4 < page)
			break;
		res = contract_reserve(c, page + granule);
		KUNIT_EXPECT_EQ(test, res->start & (page - 1), 0);
		vcm_unreserve(res);
		res = contract_reserve(c, page * 2 - granule);
		KUNIT_EXPECT_EQ(test, res->start & (page - 1), 0);
		vcm_unreserve(res);
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

	/* So that the next free address is aligned to nothing */
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

/* Row "alignment": the next smaller page is taken before -ENOSPC */
static void contract_align_fallback(struct kunit *test)
{
	struct contract *c = test->priv;
	unsigned long granule = vcm_granule(c->vcm);
	unsigned int count, i, pages;
	struct vcm_res **res, *low;
	struct vcm_phys *phys;
	unsigned long page;
	dma_addr_t hole;

	page = BIT(__fls(c->vcm->pgsize_bitmap));
	/* A hole as long as the large page, one granule off its alignment */
	hole = c->vcm->start + page + granule;
	res = contract_fill(c, 0, &count);
	for (i = 0; i < count; i++) {
		if (res[i]->start < hole || res[i]->start >= hole + page)
			continue;
		vcm_unreserve(res[i]);
		res[i] = NULL;
	}

	low = contract_reserve(c, page);
	KUNIT_EXPECT_EQ(test, low->start, hole);
	contract_activate(c);
	phys = contract_bare(c, page, page);
	pages = page / granule;
	KUNIT_EXPECT_EQ(test, vcm_bind(low, phys), 0);
	KUNIT_EXPECT_EQ(test, vcm_leaves(low), pages);
	KUNIT_EXPECT_EQ(test, softmmu_from(c->vcm)->stats.present, pages);
	vcm_unmap(low);
	low = contract_map(c, phys);
	KUNIT_EXPECT_EQ(test, low->start, hole);
	vcm_unmap(low);

	vcm_free(phys);
	vcm_deactivate(c->vcm);
	for (i = 0; i < count; i++)
		vcm_unreserve(res[i]);
	expect_empty(c);
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

/* Sizes beyond 4 GiB, in one part and in all (13) */
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

	phys = vcm_phys_import_range((phys_addr_t)start,
				     (resource_size_t)size);
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

/* One allocation in two contexts: seen through both, at home in neither */
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
	if (can_access(c)) {
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

/* vcm_attach(), vcm_detach(), where it does not matter which device it is */
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
	kunit_warning_suppress(test) {
		vcm_detach(c->vcm, dev);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	/* vcm_destroy() detaches what is left */
	KUNIT_EXPECT_EQ(test, vcm_attach(c->vcm, dev), 0);
}

static struct kunit_case contract_cases[] = {
	CONTRACT_CASE(map_shows_memory, is_any),
	CONTRACT_CASE(reserve_then_bind, is_placed),
	CONTRACT_CASE(inactive, is_enforcing),
	CONTRACT_CASE(always_active, is_fixed),
	CONTRACT_CASE(activate_counts, is_any),
	CONTRACT_CASE(owners, is_any),
	CONTRACT_CASE(owners_unbound, is_placed),
	CONTRACT_CASE(unreserve_bound, is_any),
	CONTRACT_CASE(free_bound, is_any),
	CONTRACT_CASE(free_twice, is_any),
	CONTRACT_CASE(further_holder, is_any),
	CONTRACT_CASE(destroy_binding, is_any),
	CONTRACT_CASE(destroy_binding_shared, is_any),
	CONTRACT_CASE(make_binding, is_any),
	CONTRACT_CASE(make_binding_unbind, is_any),
	CONTRACT_CASE(make_binding_free, is_any),
	CONTRACT_CASE(make_binding_errors, is_any),
	CONTRACT_CASE(drop_unbound, is_any),
	CONTRACT_CASE(reserve_errors, is_any),
	CONTRACT_CASE(reserve_rounds, is_placed),
	CONTRACT_CASE(reserve_all, is_small),
	CONTRACT_CASE(reserve_whole, is_soft),
	CONTRACT_CASE(addresses, has_limits),
	CONTRACT_CASE(bind_errors, is_any),
	CONTRACT_CASE(bind_unaligned, is_placed),
	CONTRACT_CASE(bind_unsuitable, is_fixed),
	CONTRACT_CASE(rebind, is_movable),
	CONTRACT_CASE(alloc_errors, is_any),
	CONTRACT_CASE(alloc_zeroed, is_any),
	CONTRACT_CASE(alloc_flags, is_any),
	CONTRACT_CASE(unbind, is_any),
	CONTRACT_CASE(unbind_waits, is_enforcing),
	CONTRACT_CASE(unbind_one_of_two, is_placed),
	CONTRACT_CASE(activate_fails, is_soft),
	CONTRACT_CASE(bind_fails, is_soft),
	CONTRACT_CASE(map_fails, is_soft),
	CONTRACT_CASE(map_too_large, is_small),
	CONTRACT_CASE(destroy_alive, is_mortal),
	CONTRACT_CASE(destroy_idle, is_mortal),
	CONTRACT_CASE(destroy_forever, is_immortal),
	CONTRACT_CASE(same_twice, is_fixed),
	CONTRACT_CASE(same_after_unbind, is_fixed),
	CONTRACT_CASE(bad_pointers, is_any),
	CONTRACT_CASE(unknown_flags, is_any),
	CONTRACT_CASE(access_flags, is_soft),
	CONTRACT_CASE(guard_fixed, is_fixed),
	CONTRACT_CASE(guard, is_placed),
	CONTRACT_CASE(guard_all, is_small),
	CONTRACT_CASE(align_plain, is_soft),
	CONTRACT_CASE(align_congruent, is_placed),
	CONTRACT_CASE(align_fallback, is_small_with_large_pages),
	CONTRACT_CASE(beyond_4g, is_beyond_4g),
	CONTRACT_CASE(shared, is_any),
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

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("The contract of Virtual Contiguous Memory, for all providers");
MODULE_LICENSE("GPL");
