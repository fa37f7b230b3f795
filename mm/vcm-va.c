// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: the address-space allocator.
 *
 * The reservations of a context are the nodes of a red-black tree, sorted by
 * address. Each knows the length of the free gap in front of it (va_gap, back
 * to the reservation before it, or to the start of the aperture, which never
 * changes) and the longest gap of its subtree (va_max_gap). The gap behind the
 * last reservation (vcm->va_last) belongs to no node; that of an empty tree may
 * be 2^64 addresses long and would fit none. So nothing is allocated here,
 * neither to reserve nor to release, and the size of the aperture costs
 * nothing.
 *
 * Lengths are handled as @ext, the distance from the first to the last
 * address, because a length of 2^64 has no representation and a distance has.
 *
 * Finding a gap takes O(log n) in every window [lo, hi], see vcm_va_find().
 * The windows are what the blocked ranges leave of the aperture and of the
 * request's limits. A gap may run across the borders of windows: the lower
 * border is cut off in the search, the upper one afterwards. The latter cannot
 * make the search miss anything, since gaps are found in ascending order and
 * those behind one that crosses the upper border lie outside.
 *
 * Alignment is left out of the search. It looks for the lowest gap of @span
 * first, which is where the lowest address of all is if the request fits
 * there; failing that, for the lowest gap in which any alignment finds room:
 * span + align - granule. Trying one gap after the other would find a few more
 * and would be a linear search where holes are many.
 */

#include <kunit/visibility.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/rbtree_augmented.h>
#include <linux/sort.h>

#include "vcm-internal.h"

static struct vcm_res *vcm_va_entry(struct rb_node *rb)
{
	return rb_entry_safe(rb, struct vcm_res, va_node);
}

static dma_addr_t vcm_va_gap(const struct vcm_res *res)
{
	return res->va_gap;
}

RB_DECLARE_CALLBACKS_MAX(static, vcm_va_augment, struct vcm_res, va_node,
			 dma_addr_t, va_max_gap, vcm_va_gap)

/* The longest gap of a subtree; no gap at all in an empty one */
static dma_addr_t vcm_va_max_gap(struct rb_node *rb)
{
	return rb ? vcm_va_entry(rb)->va_max_gap : 0;
}

/* A subtree has got a gap of this length: its ancestors learn of it */
static void vcm_va_raise_max_gap(struct rb_node *rb, dma_addr_t gap)
{
	for (; rb; rb = rb_parent(rb)) {
		struct vcm_res *res = vcm_va_entry(rb);

		if (res->va_max_gap >= gap)
			break;
		res->va_max_gap = gap;
	}
}

/* Where the gap in front of @res begins */
static dma_addr_t vcm_va_gap_start(const struct vcm_res *res)
{
	return res->start - res->va_gap;
}

/* The nearest ancestor that is behind the subtree of @rb */
static struct rb_node *vcm_va_parent_behind(struct rb_node *rb)
{
	struct rb_node *parent = rb_parent(rb);

	while (parent && rb == parent->rb_right) {
		rb = parent;
		parent = rb_parent(rb);
	}
	return parent;
}

/*
 * The lowest reservation, behind @lo, whose gap has more than @ext addresses
 * from @lo on. NULL: only the gap behind the last reservation is left.
 *
 * The first descent goes left wherever a long enough gap is, and only turns
 * right to stay behind @lo. It can be in vain, as the gap that led it on may
 * lie below @lo or be cut short by it. Then the ancestors at which it turned
 * left are looked at, from the lowest address up. One that has a gap, itself or
 * on its right, ends the way up: all of that is behind @lo, nothing is cut
 * short there, and the following descents only continue downwards. That makes
 * one way down, one up and one down again: O(log n).
 */
static struct vcm_res *vcm_va_find(const struct vcm *vcm, dma_addr_t lo,
				   dma_addr_t ext)
{
	struct rb_node *rb = vcm->va_tree.rb_node;
	struct rb_node *behind = NULL;

	for (;;) {
		while (vcm_va_max_gap(rb) > ext) {
			if (vcm_va_entry(rb)->start > lo) {
				behind = rb;
				rb = rb->rb_left;
			} else {
				rb = rb->rb_right;
			}
		}
		for (; behind; behind = vcm_va_parent_behind(behind)) {
			struct vcm_res *res = vcm_va_entry(behind);

			if (min(res->va_gap, res->start - lo) > ext)
				return res;
			if (vcm_va_max_gap(behind->rb_right) > ext)
				break;
		}
		if (!behind)
			return NULL;
		rb = behind->rb_right;
	}
}

/*
 * Insert @res, which has its addresses, in front of @next; or, when that is
 * NULL, behind the last one.
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

/* Put @res into the lowest gap of [@lo, @hi] with more than @ext addresses */
static bool vcm_va_try(struct vcm *vcm, struct vcm_res *res,
		       const struct vcm_va_req *req, dma_addr_t lo,
		       dma_addr_t hi, dma_addr_t ext)
{
	struct vcm_res *next = vcm_va_find(vcm, lo, ext);
	dma_addr_t pad;

	if (next) {
		lo = max(lo, vcm_va_gap_start(next));
		hi = min(hi, next->start - 1);
	} else if (vcm->va_last) {
		if (vcm->va_last->last >= hi)
			return false;
		lo = max(lo, vcm->va_last->last + 1);
	}

	pad = (req->phase - lo) & (req->align - 1);
	if (lo > hi || hi - lo < pad || hi - lo - pad < req->span - 1)
		return false;

	res->start = lo + pad;
	res->last = res->start + (req->span - 1);
	vcm_va_link(vcm, res, next);
	return true;
}

/*
 * Put @res into [@lo, @hi], in which nothing is blocked. The borders need not
 * be granules: a gap always ends at one, so what is left of a gap that begins
 * within a granule has as many whole granules as its length suggests.
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
		/* without slack that was all; too much, and no gap is so long */
		if (ext + slack <= ext)
			return false;
		ext += slack;
		slack = 0;
	}
}

/**
 * vcm_va_alloc() - reserve a free range
 * @vcm: the context
 * @res: gets its addresses and becomes part of the address tree
 * @req: what is wanted
 *
 * The windows that the blocked ranges leave of the aperture and of
 * [@req->min, @req->max] are tried in ascending order. The range chosen is the
 * lowest one, with the wanted alignment, in the lowest free gap of @req->span;
 * so it is the lowest possible if the alignment is the granule, or if that gap
 * can take it. Otherwise it is the lowest one in the lowest gap of @req->span +
 * @req->align - granule. A request is certain to succeed where such a gap of
 * whole granules exists, and may succeed elsewhere. Address 0 is as good as any
 * other.
 *
 * This takes O(log n) for each window, n being the number of reservations,
 * whatever the alignment and the limits are, and allocates nothing.
 *
 * Context: Any; holds &vcm.va_lock.
 * Return: 0, or -ENOSPC with nothing changed.
 */
int vcm_va_alloc(struct vcm *vcm, struct vcm_res *res,
		 const struct vcm_va_req *req)
{
	const struct vcm_ranges *blocked = vcm->blocked;
	const struct vcm_range *range = blocked ? blocked->range : NULL;
	const struct vcm_range *end = blocked ? range + blocked->nr : NULL;
	dma_addr_t lo = max(vcm->start, req->min);
	dma_addr_t hi = min(vcm->last, req->max);
	bool cut;

	lockdep_assert_held(&vcm->va_lock);

	while (range != end && range->last < lo)
		range++;
	while (lo <= hi) {
		cut = range != end && range->start <= hi;
		if ((!cut || range->start > lo) &&
		    vcm_va_window(vcm, res, req, lo,
				  cut ? range->start - 1 : hi))
			return 0;
		if (!cut || range->last >= hi)
			break;
		lo = range->last + 1;
		range++;
	}
	return -ENOSPC;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_va_alloc);

/* The lowest reservation that ends at @addr or behind it */
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

/**
 * vcm_va_insert() - reserve a given range
 * @vcm: the context
 * @res: with &vcm_res.start and &vcm_res.last set, becomes part of the address
 *	tree
 *
 * Takes O(log n) and allocates nothing.
 *
 * Context: Any; holds &vcm.va_lock.
 * Return: 0; -EADDRNOTAVAIL if the range is not all inside the aperture or
 * touches a blocked one; otherwise -EADDRINUSE if it touches a reservation. On
 * an error nothing has changed.
 */
int vcm_va_insert(struct vcm *vcm, struct vcm_res *res)
{
	struct vcm_res *next;

	lockdep_assert_held(&vcm->va_lock);

	if (!vcm_va_usable(vcm, res->start, res->last))
		return -EADDRNOTAVAIL;

	next = vcm_va_ending_from(vcm, res->start);
	if (next && next->start <= res->last)
		return -EADDRINUSE;
	vcm_va_link(vcm, res, next);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_va_insert);

/**
 * vcm_va_erase() - release a range
 * @vcm: the context
 * @res: leaves the address tree; RB_EMPTY_NODE(&res->va_node) is true from then
 *	on
 *
 * Takes O(log n), allocates nothing and cannot fail.
 *
 * Context: Any; holds &vcm.va_lock.
 */
void vcm_va_erase(struct vcm *vcm, struct vcm_res *res)
{
	struct vcm_res *next = NULL;

	lockdep_assert_held(&vcm->va_lock);

	if (res == vcm->va_last)
		vcm->va_last = vcm_va_entry(rb_prev(&res->va_node));
	else
		next = vcm_va_entry(rb_next(&res->va_node));
	rb_erase_augmented(&res->va_node, &vcm->va_tree, &vcm_va_augment);
	RB_CLEAR_NODE(&res->va_node);
	if (next) {
		next->va_gap = next->start - vcm_va_gap_start(res);
		vcm_va_raise_max_gap(&next->va_node, next->va_gap);
	}
}
EXPORT_SYMBOL_IF_KUNIT(vcm_va_erase);

/**
 * vcm_va_first() - look up the lowest reservation of a range
 * @vcm: the context
 * @start: first address of the range
 * @last: last address of the range, inclusive
 *
 * Takes O(log n).
 *
 * Context: Any; holds &vcm.va_lock, which is what keeps the result alive.
 * Return: the lowest reservation that touches the range, guard included; NULL
 * if there is none.
 */
struct vcm_res *vcm_va_first(struct vcm *vcm, dma_addr_t start,
			     dma_addr_t last)
{
	struct vcm_res *res;

	lockdep_assert_held(&vcm->va_lock);

	res = vcm_va_ending_from(vcm, start);
	return res && res->start <= last ? res : NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vcm_va_first);

/**
 * vcm_va_next() - the reservation behind another one
 * @res: the one, part of the address tree
 *
 * Context: Any; holds &vcm.va_lock.
 * Return: the next reservation, or NULL.
 */
struct vcm_res *vcm_va_next(struct vcm_res *res)
{
	lockdep_assert_held(&res->vcm->va_lock);
	return vcm_va_entry(rb_next(&res->va_node));
}

/**
 * vcm_va_near() - look up an address and its neighbours
 * @vcm: the context
 * @addr: the address
 * @below: gets the nearest reservation that ends below @addr, or NULL
 * @above: gets the nearest reservation that starts above @addr, or NULL
 *
 * Takes O(log n).
 *
 * Context: Any; holds &vcm.va_lock, which is what keeps the results alive.
 * Return: the reservation that has @addr, guard included; NULL if none has.
 */
struct vcm_res *vcm_va_near(struct vcm *vcm, dma_addr_t addr,
			    struct vcm_res **below, struct vcm_res **above)
{
	struct vcm_res *res;

	lockdep_assert_held(&vcm->va_lock);

	*above = res = vcm_va_ending_from(vcm, addr);
	if (!res) {
		*below = vcm->va_last;
		return NULL;
	}
	*below = vcm_va_entry(rb_prev(&res->va_node));
	if (res->start > addr)
		return NULL;
	*above = vcm_va_next(res);
	return res;
}

/**
 * vcm_va_usable() - can all attached devices use a range
 * @vcm: the context
 * @start: first address of the range
 * @last: last address of the range, inclusive
 *
 * Whether it is free is another question.
 *
 * Context: Any; holds &vcm.va_lock.
 * Return: true if the range is not empty, inside the aperture and clear of
 * blocked ranges.
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

/**
 * vcm_va_touches() - can all attached devices use any address of a range
 * @vcm: the context
 * @start: first address of the range
 * @last: last address of the range, inclusive
 *
 * Context: Any; holds &vcm.va_lock.
 * Return: true if some address of the range is inside the aperture and not
 * blocked.
 */
bool vcm_va_touches(struct vcm *vcm, dma_addr_t start, dma_addr_t last)
{
	const struct vcm_ranges *blocked = vcm->blocked;
	unsigned int i, nr = blocked ? blocked->nr : 0;

	lockdep_assert_held(&vcm->va_lock);

	start = max(start, vcm->start);
	last = min(last, vcm->last);
	if (start > last)
		return false;
	/* neighbours are merged, so one range covers all or something is left */
	for (i = 0; i < nr; i++) {
		if (blocked->range[i].last >= last)
			return blocked->range[i].start > start;
	}
	return true;
}

static int vcm_range_cmp(const void *a, const void *b)
{
	const struct vcm_range *left = a, *right = b;

	return cmp_int(left->start, right->start);
}

/**
 * vcm_ranges_merge() - bring ranges into the order that struct vcm_ranges has
 * @ranges: in any order, they may overlap and touch; afterwards they are
 *	ascending, disjoint and not adjacent, and cover the same addresses
 *
 * Works in place and allocates nothing.
 *
 * Context: Any; nobody else looks at @ranges.
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
