/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The providers that the contract of Virtual Contiguous Memory is held against.
 */
#ifndef _MM_TESTS_VCM_CONTRACT_H
#define _MM_TESTS_VCM_CONTRACT_H

#include <kunit/test.h>
#include <linux/device.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/vcm-drv.h>

#include "vcm_softmmu.h"

#define CONTRACT_CONTEXTS	3

struct contract;

/* A context under test; @other is a second device that sees the same */
struct contract_ctx {
	const struct contract_provider *p;
	struct vcm *vcm;
	struct device *dev;
	struct device *other;
};

/**
 * struct contract_provider - what the contract is held against
 * @name: in the result
 * @create: make the @nr-th of several contexts; skips the case if it cannot be
 * @access: what a master does; NULL where there is none at hand. -EFAULT when
 *	it does not reach an address
 * @reaches: whether a master can use addresses, as its hardware has it; NULL
 *	where the aperture says all
 * @soft: it is a software MMU, and this is what it is like
 * @contexts: number of contexts that it can make
 * @fixed: addresses follow the memory
 * @one_to_one: and a reservation never moves
 * @forever: it cannot be destroyed
 * @device: it is made for a device, and attached to it
 * @enforces: a master reaches only what is bound
 * @scattered: the tests bind memory without any two neighbouring pages
 */
struct contract_provider {
	const char *name;
	struct vcm *(*create)(struct contract *c, struct contract_ctx *ctx,
			      unsigned int nr);
	int (*access)(const struct contract_ctx *ctx, dma_addr_t addr,
		      void *buf, size_t len, bool write);
	bool (*reaches)(const struct contract_ctx *ctx, dma_addr_t start,
			dma_addr_t last);
	const struct softmmu_cfg *soft;
	unsigned int contexts;
	bool fixed;
	bool one_to_one;
	bool forever;
	bool device;
	bool enforces;
	bool scattered;
};

/**
 * struct contract - a test case under way
 * @test: the case
 * @p: the provider
 * @vcm: the first context
 * @ctx: all contexts, destroyed at the end unless the case did
 * @alive: allocations under watch that have not been freed
 * @created: contexts of the test's own providers made
 * @released: and gone
 * @seed: for the next pattern
 */
struct contract {
	struct kunit *test;
	const struct contract_provider *p;
	struct vcm *vcm;
	struct contract_ctx ctx[CONTRACT_CONTEXTS];
	unsigned int alive;
	unsigned int created;
	unsigned int released;
	u32 seed;
};

/* The calls that a case is not about have to work */
#define contract_ok(c, ptr)	KUNIT_ASSERT_NOT_ERR_OR_NULL((c)->test, ptr)

extern const struct contract_provider contract_providers[];
extern const unsigned int contract_nr_providers;

/* The second context where a provider has no more than one */
extern const struct contract_provider contract_partner;

/* What the cases of all files are made of, see vcm_contract_kunit.c */
int contract_init(struct kunit *test);
void contract_exit(struct kunit *test);
struct vcm *contract_create(struct contract *c,
			    const struct contract_provider *p, unsigned int nr);
struct vcm *contract_other(struct contract *c);
void contract_destroy(struct contract *c, struct contract_ctx *ctx);
void contract_activate(struct contract *c);
size_t contract_unit(const struct contract *c);
struct vcm_phys *contract_alloc(struct contract *c, unsigned int units);
struct vcm_res *contract_map(struct contract *c, struct vcm_phys *phys);
int contract_access(struct contract *c, struct vcm *vcm, dma_addr_t addr,
		    void *buf, size_t len, bool write);
void expect_visible(struct contract *c, struct vcm_res *res,
		    struct vcm_phys *phys);
void expect_unreachable(struct contract *c, struct vcm *vcm, dma_addr_t addr,
			resource_size_t size);
const void *contract_next(const struct contract_provider *p, char *desc,
			  bool (*suits)(const struct contract_provider *p));

/* The parameters of cases that are for the providers which @suits picks */
#define CONTRACT_PARAMS(suits)						\
static const void *suits##_gen(struct kunit *test, const void *prev,	\
			       char *desc)				\
{									\
	return contract_next(prev, desc, suits);			\
}

#define CONTRACT_CASE(name, suits) \
	KUNIT_CASE_PARAM(contract_##name, suits##_gen)

/* What reaches memory in the end; within one page */
static inline void page_copy(phys_addr_t paddr, void *buf, size_t len,
			     bool write)
{
	struct page *page = phys_to_page(paddr);

	if (write)
		memcpy_to_page(page, offset_in_page(paddr), buf, len);
	else
		memcpy_from_page(buf, page, offset_in_page(paddr), len);
}

#endif /* _MM_TESTS_VCM_CONTRACT_H */
