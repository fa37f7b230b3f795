/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the tests of the address tree of Virtual Contiguous Memory.
 *
 * The tree is tested alone: a struct vcm and the reservations are set up by
 * hand.
 */
#ifndef _MM_TESTS_VCM_VA_H
#define _MM_TESTS_VCM_VA_H

#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/rbtree.h>
#include <linux/slab.h>

#include "../vcm-internal.h"

#define ADDR_MAX	((dma_addr_t)~0ULL)

static inline struct vcm *va_vcm(struct kunit *test, dma_addr_t start,
				 dma_addr_t last, unsigned long granule)
{
	static const struct vcm_driver driver = { .name = "va" };
	struct vcm *vcm = kunit_kzalloc(test, sizeof(*vcm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vcm);
	vcm->driver = &driver;
	spin_lock_init(&vcm->va_lock);
	vcm->va_tree = RB_ROOT;
	vcm->start = start;
	vcm->last = last;
	vcm->pgsize_bitmap = granule;
	vcm->granule = granule;
	return vcm;
}

static inline void va_res_init(struct vcm *vcm, struct vcm_res *res,
			       unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		res[i].vcm = vcm;
		RB_CLEAR_NODE(&res[i].va_node);
	}
}

static inline struct vcm_res *va_res(struct kunit *test, struct vcm *vcm,
				     unsigned int count)
{
	struct vcm_res *res;

	res = kunit_kcalloc(test, count, sizeof(*res), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, res);
	va_res_init(vcm, res, count);
	return res;
}

static inline void va_block(struct kunit *test, struct vcm *vcm,
			    const struct vcm_range *range, unsigned int nr)
{
	struct vcm_ranges *blocked;

	blocked = kunit_kzalloc(test, struct_size(blocked, range, nr),
				GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, blocked);
	blocked->capacity = nr;
	blocked->nr = nr;
	memcpy(blocked->range, range, nr * sizeof(*range));
	vcm_ranges_merge(blocked);
	vcm->blocked = blocked;
}

static inline int va_request(struct vcm *vcm, struct vcm_res *res,
			     const struct vcm_va_req *req)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	return vcm_va_alloc(vcm, res, req);
}

static inline int va_alloc_in(struct vcm *vcm, struct vcm_res *res,
			      resource_size_t span, dma_addr_t align,
			      dma_addr_t phase,
			      dma_addr_t min, dma_addr_t max)
{
	struct vcm_va_req req = {
		.span = span,
		.align = align,
		.phase = phase,
		.min = min,
		.max = max,
	};

	return va_request(vcm, res, &req);
}

/* Allocate anywhere, at any granule. */
static inline int va_alloc(struct vcm *vcm, struct vcm_res *res,
			   resource_size_t span)
{
	return va_alloc_in(vcm, res, span, vcm_granule(vcm), 0, 0, ADDR_MAX);
}

static inline int va_insert(struct vcm *vcm, struct vcm_res *res,
			    dma_addr_t start, dma_addr_t last)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	res->start = start;
	res->last = last;
	return vcm_va_insert(vcm, res);
}

static inline void va_erase(struct vcm *vcm, struct vcm_res *res)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	vcm_va_erase(vcm, res);
}

static inline struct vcm_res *va_first(struct vcm *vcm, dma_addr_t start,
				       dma_addr_t last)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	return vcm_va_first(vcm, start, last);
}

static inline bool va_usable(struct vcm *vcm, dma_addr_t start, dma_addr_t last)
{
	guard(spinlock_irqsave)(&vcm->va_lock);
	return vcm_va_usable(vcm, start, last);
}

static inline struct vcm_res *va_entry(struct rb_node *rb)
{
	return container_of(rb, struct vcm_res, va_node);
}

static inline dma_addr_t va_child_gap(struct rb_node *rb)
{
	return rb ? va_entry(rb)->va_max_gap : 0;
}

/*
 * Check every invariant of the tree. Its nodes are the @live of @pool's @count
 * reservations.
 */
static inline void va_check(struct kunit *test, struct vcm *vcm,
			    struct vcm_res *pool,
			    unsigned int count, unsigned int live)
{
	dma_addr_t gap_start = vcm->start;
	struct vcm_res *prev = NULL;
	unsigned int seen = 0;
	struct rb_node *rb;

	for (rb = rb_first(&vcm->va_tree); rb; rb = rb_next(rb)) {
		struct vcm_res *res = va_entry(rb);

		KUNIT_ASSERT_TRUE(test, res >= pool && res < pool + count);
		KUNIT_ASSERT_LE(test, res->start, res->last);
		if (prev) {
			KUNIT_ASSERT_GT(test, res->start, prev->last);
			gap_start = prev->last + 1;
		}
		KUNIT_ASSERT_EQ(test, res->va_gap, res->start - gap_start);
		prev = res;
		seen++;
	}
	KUNIT_ASSERT_EQ(test, seen, live);
	KUNIT_ASSERT_PTR_EQ(test, vcm->va_last, prev);

	for (rb = rb_first_postorder(&vcm->va_tree); rb;
	     rb = rb_next_postorder(rb)) {
		struct vcm_res *res = va_entry(rb);
		dma_addr_t gap = max3(res->va_gap, va_child_gap(rb->rb_left),
				      va_child_gap(rb->rb_right));

		KUNIT_ASSERT_EQ(test, res->va_max_gap, gap);
	}
}

static inline u32 va_random(struct rnd_state *rnd, u32 below)
{
	return prandom_u32_state(rnd) % below;
}

#endif /* _MM_TESTS_VCM_VA_H */
