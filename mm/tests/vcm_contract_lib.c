// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of Virtual Contiguous Memory, tested with every provider: what
 * the suites have in common.
 *
 * A provider is an entry of contract_providers[] in vcm_contract_providers.c.
 * Each case tests a row of the contract, or a part of one, with all providers
 * that the row concerns. "Row" in the comments of the cases is a row of "What
 * each call promises", a number in brackets a defect of the code of 2010.
 */
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "vcm_contract.h"

/* Memory */

/* Counts the frees of an allocation */
struct watch {
	void (*free)(struct vcm_phys *phys);
	void (*release)(void *priv);
	void *priv;
	struct contract *c;
};

static void watch_free(struct vcm_phys *phys)
{
	const struct watch *watch = phys->priv;

	watch->c->alive--;
	phys->priv = watch->priv;
	if (watch->release)
		watch->release(watch->priv);
	else
		watch->free(phys);
}

/* Count an allocation in &contract.alive until its memory is freed. */
struct vcm_phys *watch_phys(struct contract *c, struct vcm_phys *phys)
{
	struct watch *watch = kunit_kzalloc(c->test, sizeof(*watch),
					    GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(c->test, watch);
	if (phys->flags & VCM_PHYS_IMPORT)
		watch->release = phys->release;
	else
		watch->free = phys->free;
	phys->flags &= ~VCM_PHYS_IMPORT;
	watch->priv = phys->priv;
	watch->c = c;
	phys->free = watch_free;
	phys->priv = watch;
	c->alive++;
	return phys;
}

static void watch_alloc(struct kunit *test, struct vcm_phys *phys)
{
	watch_phys(test->priv, phys);
}

static void bare_free(struct vcm_phys *phys)
{
}

/* Describe memory that need not exist, because no case accesses it. */
struct vcm_phys *contract_bare(struct contract *c, phys_addr_t paddr,
			       size_t len)
{
	struct vcm_phys *phys = vcm_phys_new(1, 0, bare_free, NULL);

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

static int scatter_cmp(const void *a, const void *b)
{
	const struct phys_vec *x = a, *y = b;

	return x->paddr < y->paddr ? 1 : -1;
}

/* Allocate parts in descending order of addresses, so no two are joined. */
struct vcm_phys *contract_scatter(struct contract *c, unsigned int count,
				  size_t unit)
{
	struct vcm_phys *phys;
	struct page *page;
	unsigned int i;

	phys = vcm_phys_new(count, VCM_PHYS_PAGES, scatter_free, NULL);
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

/* Return the number of bytes that vcm_alloc() and vcm_reserve() round up to. */
size_t contract_unit(const struct contract *c)
{
	return max(vcm_granule(c->vcm), PAGE_SIZE);
}

/* Allocate memory of @units units that suits the provider. */
struct vcm_phys *contract_alloc(struct contract *c, unsigned int units)
{
	struct vcm_phys *phys;

	if (c->p->scattered)
		return watch_phys(c, contract_scatter(c, units,
						      contract_unit(c)));

	phys = vcm_alloc(c->vcm, units * contract_unit(c), c->p->alloc_flags);
	contract_ok(c, phys);
	/* watch_alloc() watches the memory of software MMUs */
	return c->p->soft ? phys : watch_phys(c, phys);
}

/* Read or write the first @size bytes of an allocation as the CPU sees it. */
void cpu_access(const struct vcm_phys *phys, void *buf, size_t size, bool write)
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

/* Read or write memory as a device of @vcm does. */
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

static void contract_pattern(struct contract *c, void *buf, size_t len)
{
	struct rnd_state rnd;

	prandom_seed_state(&rnd, ++c->seed);
	prandom_bytes_state(&rnd, buf, len);
}

/* Allocate a buffer; the caller frees it with kvfree(). */
void *contract_buffer(struct contract *c, size_t size)
{
	void *buf = kvzalloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(c->test, buf);
	return buf;
}

/* Expect that the CPU reads what the device writes, and the other way round. */
void expect_visible(struct contract *c, struct vcm_res *res,
		    struct vcm_phys *phys)
{
	struct kunit *test = c->test;
	size_t size = phys->size;
	u8 *out, *in;

	if (!c->p->access)
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

/* Expect that no granule of a range can be read or written by a device. */
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

/* Reservations */

void expect_bound(struct contract *c, const struct vcm_res *res,
		  const struct vcm_phys *phys)
{
	KUNIT_EXPECT_PTR_EQ(c->test, res->phys, (struct vcm_phys *)phys);
}

static void expect_inside(struct contract *c, const struct vcm_res *res)
{
	KUNIT_EXPECT_GE(c->test, res->start, c->vcm->start);
	KUNIT_EXPECT_LE(c->test, res->start + (res->res_size - 1),
			c->vcm->last);
}

struct vcm_res *contract_map(struct contract *c, struct vcm_phys *phys)
{
	struct vcm_res *res = vcm_map(c->vcm, phys, 0);

	contract_ok(c, res);
	KUNIT_EXPECT_PTR_EQ(c->test, res->vcm, c->vcm);
	KUNIT_EXPECT_GE(c->test, res->res_size, phys->size);
	expect_bound(c, res, phys);
	expect_inside(c, res);
	return res;
}

struct vcm_res *contract_reserve(struct contract *c, resource_size_t size)
{
	struct vcm_res *res = vcm_reserve(c->vcm, size, 0);

	contract_ok(c, res);
	KUNIT_EXPECT_GE(c->test, res->res_size, size);
	expect_bound(c, res, NULL);
	expect_inside(c, res);
	return res;
}

/* Make an unbound reservation, in the way that the provider allows. */
struct vcm_res *contract_unbound(struct contract *c, struct vcm_phys *phys)
{
	struct vcm_res *res;

	if (!c->p->fixed)
		return contract_reserve(c, phys->size);
	res = contract_map(c, phys);
	vcm_unbind(res);
	return res;
}

resource_size_t aperture_size(const struct vcm *vcm)
{
	return vcm->last - vcm->start + 1;
}

/* Return the number of units in a small aperture. */
unsigned int aperture_units(const struct contract *c)
{
	return (u32)aperture_size(c->vcm) / contract_unit(c);
}

/* Reserve units of a small aperture one by one, until no range is free. */
struct vcm_res **contract_fill(struct contract *c, unsigned int flags,
			       unsigned int *count)
{
	unsigned int n = aperture_units(c);
	struct vcm_res **res;
	unsigned int i;

	res = kunit_kcalloc(c->test, n + 1, sizeof(*res), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(c->test, res);
	for (i = 0; i <= n; i++) {
		res[i] = vcm_reserve(c->vcm, contract_unit(c), flags);
		if (IS_ERR(res[i]))
			break;
	}
	KUNIT_ASSERT_LE(c->test, i, n);
	expect_errno(c, res[i], -ENOSPC);
	*count = i;
	return res;
}

/* Expect that nothing is reserved, allocated or on the hardware (9). */
void expect_empty(struct contract *c)
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

void contract_activate(struct contract *c)
{
	KUNIT_ASSERT_EQ(c->test, vcm_activate(c->vcm), 0);
}

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

/* Make a second context, of the same provider if that can make two. */
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

/* Expect that each case frees all it has made (1, 9, 17, 18). */
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

/* Return the first provider after @p for which @suits returns true. */
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

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("The contract of Virtual Contiguous Memory, for all providers");
MODULE_LICENSE("GPL");
