/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract of Virtual Contiguous Memory, tested with every provider: what
 * the suites have in common.
 */
#ifndef _MM_TESTS_VCM_CONTRACT_H
#define _MM_TESTS_VCM_CONTRACT_H

#include <kunit/test.h>
#include <linux/device.h>
#include <linux/highmem.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/vcm-drv.h>

#include "vcm_softmmu.h"

#define CONTRACT_CONTEXTS	3

#define TOP			(~(dma_addr_t)0)

struct contract;

/**
 * struct contract_ctx - a context under test
 * @p: its provider
 * @vcm: the context
 * @dev: the device that it was made for, if any
 * @other: a second device that sees the same context, if any
 */
struct contract_ctx {
	const struct contract_provider *p;
	struct vcm *vcm;
	struct device *dev;
	struct device *other;
};

/**
 * struct contract_provider - a provider and its properties
 * @name: name in the results
 * @create: make the @nr-th of several contexts; skip the case if that is not
 *	possible here
 * @access: read or write as a device does; NULL if the test has no device.
 *	-EFAULT if the device does not reach an address
 * @reaches: return true if the hardware lets the device use addresses; NULL if
 *	it can use the whole aperture
 * @soft: configuration of the software MMU behind it, NULL for other providers
 * @alloc_flags: VCM_ALLOC_* flags for the memory of the cases
 * @contexts: number of contexts that it can make
 * @fixed: addresses follow the memory
 * @one_to_one: only memory of one part can be bound
 * @forever: the context cannot be destroyed
 * @device: the context is made for a device, and attached to it
 * @enforces: a device reaches only bound memory
 * @scattered: the cases bind memory in which no two pages are neighbours
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
	unsigned int alloc_flags;
	unsigned int contexts;
	bool fixed;
	bool one_to_one;
	bool forever;
	bool device;
	bool enforces;
	bool scattered;
};

/**
 * struct contract - a running test case
 * @test: the case
 * @p: the provider
 * @vcm: the first context
 * @ctx: all contexts, destroyed at the end unless the case did so
 * @alive: watched allocations that have not been freed
 * @created: number of contexts that the tests' own providers made
 * @released: number of those that were released
 * @seed: seed of the last pattern
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

/* For calls that a case needs and does not test */
#define contract_ok(c, ptr)	KUNIT_ASSERT_NOT_ERR_OR_NULL((c)->test, ptr)

#define expect_errno(c, ptr, err) \
	KUNIT_EXPECT_EQ((c)->test, PTR_ERR_OR_ZERO(ptr), err)

/* Expect that @call warns @nr times. */
#define expect_warnings(c, nr, call)					\
do {									\
	struct kunit *__test = (c)->test;				\
									\
	kunit_warning_suppress(__test) {				\
		call;							\
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(__test, nr);	\
	}								\
} while (0)

extern const struct contract_provider contract_providers[];
extern const unsigned int contract_nr_providers;

/* Makes the second context for a provider that can make only one */
extern const struct contract_provider contract_partner;

/* vcm_contract_lib.c */
int contract_init(struct kunit *test);
void contract_exit(struct kunit *test);
struct vcm *contract_create(struct contract *c,
			    const struct contract_provider *p, unsigned int nr);
struct vcm *contract_other(struct contract *c);
void contract_destroy(struct contract *c, struct contract_ctx *ctx);
void contract_activate(struct contract *c);
size_t contract_unit(const struct contract *c);
resource_size_t aperture_size(const struct vcm *vcm);
struct vcm_phys *watch_phys(struct contract *c, struct vcm_phys *phys);
struct vcm_phys *contract_alloc(struct contract *c, unsigned int units);
struct vcm_phys *contract_bare(struct contract *c, phys_addr_t paddr,
			       size_t len);
struct vcm_phys *contract_scatter(struct contract *c, unsigned int count,
				  size_t unit);
struct vcm_res *contract_map(struct contract *c, struct vcm_phys *phys);
struct vcm_res *contract_reserve(struct contract *c, resource_size_t size);
struct vcm_res *contract_unbound(struct contract *c, struct vcm_phys *phys);
struct vcm_res **contract_fill(struct contract *c, unsigned int flags,
			       unsigned int *count);
unsigned int aperture_units(const struct contract *c);
int contract_access(struct contract *c, struct vcm *vcm, dma_addr_t addr,
		    void *buf, size_t len, bool write);
void cpu_access(const struct vcm_phys *phys, void *buf, size_t size,
		bool write);
void *contract_buffer(struct contract *c, size_t size);
void expect_visible(struct contract *c, struct vcm_res *res,
		    struct vcm_phys *phys);
void expect_unreachable(struct contract *c, struct vcm *vcm, dma_addr_t addr,
			resource_size_t size);
void expect_bound(struct contract *c, const struct vcm_res *res,
		  const struct vcm_phys *phys);
void expect_empty(struct contract *c);
const void *contract_next(const struct contract_provider *p, char *desc,
			  bool (*suits)(const struct contract_provider *p));

/* Generate parameters: the providers for which @suits returns true. */
#define CONTRACT_PARAMS(suits)						\
static const void *suits##_gen(struct kunit *test, const void *prev,	\
			       char *desc)				\
{									\
	return contract_next(prev, desc, suits);			\
}

#define CONTRACT_CASE(name, suits) \
	KUNIT_CASE_PARAM(contract_##name, suits##_gen)

/* Predicates for CONTRACT_PARAMS() */

static inline bool is_any(const struct contract_provider *p)
{
	return true;
}

static inline bool is_fixed(const struct contract_provider *p)
{
	return p->fixed;
}

static inline bool is_placed(const struct contract_provider *p)
{
	return !p->fixed;
}

static inline bool is_one_to_one(const struct contract_provider *p)
{
	return p->one_to_one;
}

static inline bool is_enforcing(const struct contract_provider *p)
{
	return p->enforces;
}

static inline bool is_mortal(const struct contract_provider *p)
{
	return !p->forever;
}

static inline bool is_immortal(const struct contract_provider *p)
{
	return p->forever;
}

static inline bool has_no_device(const struct contract_provider *p)
{
	return !p->device;
}

static inline bool has_limits(const struct contract_provider *p)
{
	return p->reaches;
}

/* Failures can be requested, and leaves be counted. */
static inline bool is_soft(const struct contract_provider *p)
{
	return p->soft;
}

/* The aperture can be filled unit by unit. */
static inline bool is_small(const struct contract_provider *p)
{
	return p->soft && p->soft->last - p->soft->start < SZ_1M;
}

static inline bool is_small_with_large_pages(const struct contract_provider *p)
{
	return is_small(p) && !is_power_of_2(p->soft->pgsize_bitmap);
}

static inline bool is_beyond_4g(const struct contract_provider *p)
{
	return sizeof(phys_addr_t) == 8 && p->soft &&
	       p->soft->last - p->soft->start > 16ULL * SZ_1G;
}

/*
 * Return true if a reservation can be bound again. The kernel's address space
 * has another address for each mapping of several parts.
 */
static inline bool can_rebind(const struct contract *c)
{
	return !c->p->fixed || c->p->one_to_one || !c->p->scattered;
}

/* Read or write memory at its physical address; within one page. */
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
