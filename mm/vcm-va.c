// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: the address tree and the address allocator.
 *
 * The reservations of a context are the nodes of a red-black tree, sorted by
 * address. Where the core allocates addresses, each node knows the length of the
 * free gap below it (va_gap, down to the reservation before it, or to the start
 * of the aperture, which never changes) and the longest gap of its subtree
 * (va_max_gap). The gap above the last reservation (vcm->va_last) belongs to no
 * node; that of an empty tree may be 2^64 addresses long and would fit none. So
 * nothing is allocated here, neither to reserve nor to release, and the size of
 * the aperture costs nothing.
 *
 * Lengths are handled as @ext, the distance from the first to the last address,
 * because a length of 2^64 has no representation and a distance has.
 *
 * Finding a gap takes O(log n) in every window [lo, hi], see vcm_va_find(). The
 * windows are the parts of the aperture and of the request's limits that are
 * not blocked. A gap may cross the borders of windows: the lower border is cut
 * off in the search, the upper one afterwards. The upper one cannot make the
 * search miss anything: gaps are found in ascending order, and those above a gap
 * that crosses the upper border lie outside.
 *
 * The search ignores alignment. It looks for the lowest gap of @span first,
 * which has the lowest address of all if the request fits there; else for the
 * lowest gap in which any alignment fits: span + align - granule. Trying one gap
 * after the other would find a few more and would be a linear search where holes
 * are many.
 *
 * Where addresses follow the memory, reservations may overlap, and the tree is
 * the kernel's interval tree; reservations with the same address are in order
 * of age there.
 */

#include <kunit/visibility.h>
#include <linux/interval_tree_generic.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/rbtree_augmented.h>
#include <linux/sort.h>

#include "vcm-internal.h"

static struct vcm_res *vcm_va_entry(struct rb_node *rb)
{
	return rb_entry_safe(rb, struct vcm_res, va_node);
}

#define VCM_RES_START(res)	((res)->start)
#define VCM_RES_LAST(res)	((res)->last)

INTERVAL_TREE_DEFINE(struct vcm_res, va_node, dma_addr_t, va_max_last,
		     VCM_RES_START, VCM_RES_LAST, static inline, vcm_overlap)

static dma_addr_t vcm_va_gap(const struct vcm_res *res)
{
	return res->va_gap;
}

RB_DECLARE_CALLBACKS_MAX(static, vcm_va_augment, struct vcm_res, va_node,
			 dma_addr_t, va_max_gap, vcm_va_gap)

/* Return the longest gap of a subtree, 0 for an empty one. */
static dma_addr_t vcm_va_max_gap(struct rb_node *rb)
{
	return rb ? vcm_va_entry(rb)->va_max_gap : 0;
}

/* Propagate a gap of this length in the subtree of @rb to its ancestors. */
static void vcm_va_raise_max_gap(struct rb_node *rb, dma_addr_t gap)
{
	for (; rb; rb = rb_parent(rb)) {
		struct vcm_res *res = vcm_va_entry(rb);

		if (res->va_max_gap >= gap)
			break;
		res->va_max_gap = gap;
	}
}

/* Return the first address of the gap below @res. */
static dma_addr_t vcm_va_gap_start(const struct vcm_res *res)
{
	return res->start - res->va_gap;
}

/* Return the nearest ancestor that is above the subtree of @rb. */
static struct rb_node *vcm_va_parent_above(struct rb_node *rb)
{
	struct rb_node *parent = rb_parent(rb);

	while (parent && rb == parent->rb_right) {
		rb = parent;
		parent = rb_parent(rb);
	}
	return parent;
}

/*
 * Return the lowest reservation above @lo whose gap has more than @ext addresses
 * from @lo on; NULL if only the gap above the last reservation is left.
 *
 * The first descent goes left wherever a long enough gap is, and turns right
 * only to stay above @lo. It can fail, as the gap that led it on may lie below
 * @lo or be cut short by it. Then the ancestors at which it turned left are
 * tried, from the lowest address up. One that has a gap, itself or on its right,
 * ends the way up: all of that is above @lo, nothing is cut short there, and the
 * following descents only continue downwards. That makes one way down, one up
 * and one down again: O(log n).
 */
static struct vcm_res *vcm_va_find(const struct vcm *vcm, dma_addr_t lo,
				   dma_addr_t ext)
{
	struct rb_node *rb = vcm->va_tree.rb_node;
	struct rb_node *above = NULL;

	for (;;) {
		while (vcm_va_max_gap(rb) > ext) {
			if (vcm_va_entry(rb)->start > lo) {
				above = rb;
				rb = rb->rb_left;
			} else {
				rb = rb->rb_right;
			}
		}
		for (; above; above = vcm_va_parent_above(above)) {
			struct vcm_res *res = vcm_va_entry(above);

			if (min(res->va_gap, res->start - lo) > ext)
				return res;
			if (vcm_va_max_gap(above->rb_right) > ext)
				break;
		}
		if (!above)
			return NULL;
		rb = above->rb_right;
	}
}

/*
 * Insert @res, which has its addresses, below @next; above the last one if that
 * is NULL.
 */
static void vcm_va_link(struct vcm *vcm, struct vcm_res *res,
			struct vcm_res *next)
{
	struct rb_node **link = &vcm->va_tree.rb_node;
	struct rb_node *parent = NULL;
	dma_addr_t gap_start = vcm->start;

	if (next) {
		gap_start = vcm_va_gap_start(next);
		next->va_gap = next->start - 1 - res->last;
		parent = &next->va_node;
		link = &parent->rb_left;
		if (*link) {
			parent = rb_prev(parent);
			link = &parent->rb_right;
		}
	} else {
		if (vcm->va_last) {
			gap_start = vcm->va_last->last + 1;
			parent = &vcm->va_last->va_node;
			link = &parent->rb_right;
		}
		vcm->va_last = res;
	}

	res->va_gap = res->start - gap_start;
	res->va_max_gap = res->va_gap;
	rb_link_node(&res->va_node, parent, link);
	vcm_va_raise_max_gap(parent, res->va_gap);
	if (next)
		vcm_va_augment_propagate(&next->va_node, NULL);
	rb_insert_augmented(&res->va_node, &vcm->va_tree, &vcm_va_augment);
}

/* Put @res into the lowest gap of [@lo, @hi] with more than @ext addresses. */
static bool vcm_va_try(struct vcm *vcm, struct vcm_res *res,
		       const struct vcm_va_req *req, dma_addr_t lo,
		       dma_addr_t hi, dma_addr_t ext)
{
	struct vcm_res *next = vcm_va_find(vcm, lo, ext);
	const dma_addr_t last = req->span - 1;
	dma_addr_t pad;

	if (next) {
		lo = max(lo, vcm_va_gap_start(next));
		hi = min(hi, next->start - 1);
		if (lo > hi)
			return false;
	} else if (vcm->va_last) {
		if (vcm->va_last->last >= hi)
			return false;
		lo = max(lo, vcm->va_last->last + 1);
	}

	pad = (req->phase - lo) & (req->align - 1);
	if (hi - lo < pad || hi - lo - pad < last)
		return false;

	lo += pad;
	res->start = lo;
	res->last = lo + last;
	vcm_va_link(vcm, res, next);
	return true;
}

/*
 * Put @res into [@lo, @hi], in which nothing is blocked. The borders need not
 * be multiples of the granule: a gap always ends at one, so the rest of a gap
 * that begins within a granule has as many whole granules as its length
 * suggests.
 */
static bool vcm_va_window(struct vcm *vcm, struct vcm_res *res,
			  const struct vcm_va_req *req, dma_addr_t lo,
			  dma_addr_t hi)
{
	dma_addr_t slack = req->align - vcm_granule(vcm);
	dma_addr_t ext = req->span - 1;

	if (hi - lo < ext)
		return false;
	for (;;) {
		if (vcm_va_try(vcm, res, req, lo, hi, ext))
			return true;
		/* No slack, or more than any gap has: that was all */
		if (ext + slack <= ext)
			return false;
		ext += slack;
		slack = 0;
	}
}

/*
 * Reserve a free range for @res: the lowest one with the requested alignment in
 * the lowest free gap of @req->span; so the lowest possible if the alignment is
 * the granule, or if the range fits that gap. Otherwise the lowest one in the
 * lowest gap of @req->span + @req->align - granule. A request succeeds for
 * certain where such a gap of whole granules exists, and may succeed elsewhere.
 *
 * Takes O(log n) for each window for n reservations, whatever the alignment and
 * the limits are, and allocates nothing. Returns -ENOSPC if no range is free,
 * -EADDRNOTAVAIL if all of [@req->min, @req->max] is outside the aperture or
 * blocked; nothing has changed then.
 */
int vcm_va_alloc(struct vcm *vcm, struct vcm_res *res,
		 const struct vcm_va_req *req)
{
	const struct vcm_ranges *blocked = vcm->blocked;
	const struct vcm_range *range = blocked ? blocked->range : NULL;
	const struct vcm_range *end = blocked ? range + blocked->nr : NULL;
	dma_addr_t lo = max(vcm->start, req->min);
	dma_addr_t hi = min(vcm->last, req->max);
	int ret = -EADDRNOTAVAIL;
	bool cut;

	lockdep_assert_held(&vcm->va_lock);

	while (range != end && range->last < lo)
		range++;
	while (lo <= hi) {
		cut = range != end && range->start <= hi;
		if (!cut || range->start > lo) {
			ret = -ENOSPC;
			if (vcm_va_window(vcm, res, req, lo,
					  cut ? range->start - 1 : hi))
				return 0;
		}
		if (!cut || range->last >= hi)
			break;
		lo = range->last + 1;
		range++;
	}
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_va_alloc);

/* Return the lowest reservation that ends at @addr or above it. */
static struct vcm_res *vcm_va_ending_from(const struct vcm *vcm,
					  dma_addr_t addr)
{
	struct rb_node *rb = vcm->va_tree.rb_node;
	struct vcm_res *found = NULL;

	while (rb) {
		struct vcm_res *res = vcm_va_entry(rb);

		if (res->last >= addr) {
			found = res;
			rb = rb->rb_left;
		} else {
			rb = rb->rb_right;
		}
	}
	return found;
}

/*
 * Reserve the range from &vcm_res.start to &vcm_res.last. Takes O(log n) and
 * allocates nothing. Returns -EADDRNOTAVAIL if some of the range is outside the
 * aperture or blocked; else -EADDRINUSE if some of it is reserved, unless
 * addresses follow the memory. On an error nothing has changed.
 */
int vcm_va_insert(struct vcm *vcm, struct vcm_res *res)
{
	struct vcm_res *next;

	lockdep_assert_held(&vcm->va_lock);

	if (!vcm_va_usable(vcm, res->start, res->last))
		return -EADDRNOTAVAIL;
	if (vcm_fixed(vcm)) {
		res->va_seq = vcm->va_seq++;
		vcm_overlap_insert(res, &vcm->va_overlap);
		return 0;
	}

	next = vcm_va_ending_from(vcm, res->start);
	if (next && next->start <= res->last)
		return -EADDRINUSE;
	vcm_va_link(vcm, res, next);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_va_insert);

static void vcm_va_unlink(struct vcm *vcm, struct vcm_res *res)
{
	struct vcm_res *next = NULL;

	if (res == vcm->va_last)
		vcm->va_last = vcm_va_entry(rb_prev(&res->va_node));
	else
		next = vcm_va_entry(rb_next(&res->va_node));
	rb_erase_augmented(&res->va_node, &vcm->va_tree, &vcm_va_augment);
	if (next) {
		next->va_gap = next->start - vcm_va_gap_start(res);
		vcm_va_raise_max_gap(&next->va_node, next->va_gap);
	}
}

/* Release the range of @res. Takes O(log n), allocates nothing, cannot fail. */
void vcm_va_erase(struct vcm *vcm, struct vcm_res *res)
{
	lockdep_assert_held(&vcm->va_lock);

	if (vcm_fixed(vcm))
		vcm_overlap_remove(res, &vcm->va_overlap);
	else
		vcm_va_unlink(vcm, res);
	RB_CLEAR_NODE(&res->va_node);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_va_erase);

/*
 * Return the lowest reservation that overlaps a range, guard included; of several
 * with the same address the oldest. NULL if there is none. Takes O(log n).
 */
struct vcm_res *vcm_va_first(struct vcm *vcm, dma_addr_t start,
			     dma_addr_t last)
{
	struct vcm_res *res;

	lockdep_assert_held(&vcm->va_lock);

	if (vcm_fixed(vcm))
		return vcm_overlap_iter_first(&vcm->va_overlap, start, last);
	res = vcm_va_ending_from(vcm, start);
	return res && res->start <= last ? res : NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_va_first);

/* Return the next reservation in order of addresses, of age if they are equal. */
struct vcm_res *vcm_va_next(struct vcm_res *res)
{
	lockdep_assert_held(&res->vcm->va_lock);
	return vcm_va_entry(rb_next(&res->va_node));
}
EXPORT_SYMBOL_IF_KUNIT(vcm_va_next);

/*
 * Return the reservation after @prev that covers an address, guard included; the
 * first if @prev is NULL. Only where addresses follow the memory is there more
 * than one. Takes O(log n).
 */
struct vcm_res *vcm_va_covering(struct vcm *vcm, dma_addr_t addr,
				struct vcm_res *prev)
{
	lockdep_assert_held(&vcm->va_lock);

	if (!prev)
		return vcm_va_first(vcm, addr, addr);
	return vcm_fixed(vcm) ? vcm_overlap_iter_next(prev, addr, addr) : NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_va_covering);

/* Compare the places of two reservations; either may have left the tree. */
bool vcm_va_is_after(const struct vcm_res *res, const struct vcm_res *prev)
{
	if (res->start != prev->start || !vcm_fixed(res->vcm))
		return res->start > prev->start;
	return res->va_seq > prev->va_seq;
}

/*
 * Return the reservation after @prev, which may have left the tree; the first if
 * @prev is NULL. Takes O(log n).
 */
struct vcm_res *vcm_va_after(struct vcm *vcm, const struct vcm_res *prev)
{
	struct rb_node *rb = vcm->va_tree.rb_node;
	struct vcm_res *found = NULL;

	lockdep_assert_held(&vcm->va_lock);

	while (rb) {
		struct vcm_res *res = vcm_va_entry(rb);

		if (!prev || vcm_va_is_after(res, prev)) {
			found = res;
			rb = rb->rb_left;
		} else {
			rb = rb->rb_right;
		}
	}
	return found;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_va_after);

/*
 * Get the neighbours of an address that no reservation covers: the last that
 * starts below it and the first that starts above it. Takes O(log n).
 */
void vcm_va_near(struct vcm *vcm, dma_addr_t addr, struct vcm_res **below,
		 struct vcm_res **above)
{
	struct rb_node *rb = vcm->va_tree.rb_node;

	lockdep_assert_held(&vcm->va_lock);

	*below = NULL;
	*above = NULL;
	while (rb) {
		struct vcm_res *res = vcm_va_entry(rb);

		if (res->start > addr) {
			*above = res;
			rb = rb->rb_left;
		} else {
			*below = res;
			rb = rb->rb_right;
		}
	}
}
EXPORT_SYMBOL_IF_KUNIT(vcm_va_near);

/*
 * Return true if all attached devices can use a range, free or not: it is inside
 * the aperture and clear of blocked ranges.
 */
bool vcm_va_usable(struct vcm *vcm, dma_addr_t start, dma_addr_t last)
{
	const struct vcm_ranges *blocked = vcm->blocked;
	unsigned int i, nr = blocked ? blocked->nr : 0;

	lockdep_assert_held(&vcm->va_lock);

	if (start > last || start < vcm->start || last > vcm->last)
		return false;
	for (i = 0; i < nr; i++) {
		if (blocked->range[i].last >= start)
			return blocked->range[i].start > last;
	}
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_va_usable);

static int vcm_range_cmp(const void *a, const void *b)
{
	const struct vcm_range *left = a, *right = b;

	return cmp_int(left->start, right->start);
}

/*
 * Sort and merge ranges, which may overlap and touch, as struct vcm_ranges
 * demands. Works in place and allocates nothing.
 */
void vcm_ranges_merge(struct vcm_ranges *ranges)
{
	struct vcm_range *range = ranges->range;
	unsigned int i, nr = 0;

	sort(range, ranges->nr, sizeof(*range), vcm_range_cmp, NULL);
	for (i = 1; i < ranges->nr; i++) {
		/* last + 1 would be 0 at the end of the address space */
		if (range[i].start > range[nr].last &&
		    range[i].start - range[nr].last > 1)
			range[++nr] = range[i];
		else
			range[nr].last = max(range[nr].last, range[i].last);
	}
	if (ranges->nr)
		ranges->nr = nr + 1;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_ranges_merge);
