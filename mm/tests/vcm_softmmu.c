// SPDX-License-Identifier: GPL-2.0-only
/*
 * A software MMU for the tests of Virtual Contiguous Memory.
 *
 * It is the worst MMU that the contract of struct vcm_mmu_driver allows. Its
 * TLB is of unlimited size and reads ahead: a translation is in it as soon as
 * the leaf is written, and stays after the leaf was cleared, until tlb_sync
 * covers all of it. So an invalidation that is missing, too early or too short
 * is always seen: by an access to the address, and by a mapping at the same
 * address.
 *
 * Leaves are in a tree by address, present or stale. The model shares no code
 * with the code under test: it walks no physical memory, chooses no page sizes
 * and reads no reservation.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "vcm_models.h"
#include "vcm_softmmu.h"

#define SOFT_ACCESS	(VCM_RES_READ | VCM_RES_WRITE)

struct soft_leaf {
	struct rb_node node;
	dma_addr_t addr;
	dma_addr_t last;
	phys_addr_t paddr;
	unsigned int flags;
	bool stale;
};

#define to_leaf(rb)	rb_entry_safe(rb, struct soft_leaf, node)

/* Report a violation of the contract by the code under test. */
static __printf(2, 3) void soft_complain(struct softmmu *s, const char *fmt,
					 ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	s->stats.complaints++;
	if (s->expect_complaints)
		return;

	va_start(args, fmt);
	vaf.va = &args;
	KUNIT_FAIL(s->test, "software MMU: %pV", &vaf);
	va_end(args);
}

/**
 * softmmu_from() - return the software MMU behind a context
 * @vcm: a context that softmmu_create() made
 *
 * Context: Any.
 * Return: the software MMU.
 */
struct softmmu *softmmu_from(struct vcm *vcm)
{
	return container_of(vcm, struct softmmu, mmu.vcm);
}
EXPORT_SYMBOL_IF_KUNIT(softmmu_from);

static int soft_cmp(dma_addr_t addr, dma_addr_t last, const struct rb_node *rb)
{
	const struct soft_leaf *leaf = rb_entry(rb, struct soft_leaf, node);

	if (last < leaf->addr)
		return -1;
	return addr > leaf->last;
}

static int soft_cmp_leaf(struct rb_node *new, const struct rb_node *rb)
{
	struct soft_leaf *leaf = to_leaf(new);

	return soft_cmp(leaf->addr, leaf->last, rb);
}

static int soft_cmp_addr(const void *key, const struct rb_node *rb)
{
	const dma_addr_t *addr = key;

	return soft_cmp(*addr, *addr, rb);
}

static struct soft_leaf *soft_find(struct softmmu *s, dma_addr_t addr)
{
	return to_leaf(rb_find(&addr, &s->leaves, soft_cmp_addr));
}

/* Return the lowest leaf that ends at @addr or above it. */
static struct soft_leaf *soft_first(struct softmmu *s, dma_addr_t addr)
{
	struct rb_node *rb = s->leaves.rb_node;
	struct soft_leaf *first = NULL;

	while (rb) {
		struct soft_leaf *leaf = to_leaf(rb);

		if (leaf->last < addr) {
			rb = rb->rb_right;
		} else {
			first = leaf;
			rb = rb->rb_left;
		}
	}
	return first;
}

static void soft_drop(struct softmmu *s, struct soft_leaf *leaf)
{
	rb_erase(&leaf->node, &s->leaves);
	kfree(leaf);
}

/* Check a run against the contract. */
static bool soft_check_run(struct softmmu *s, dma_addr_t addr,
			   phys_addr_t paddr, size_t pgsize, size_t pgcount)
{
	const struct softmmu_cfg *cfg = &s->cfg;
	dma_addr_t last;
	size_t size;

	if (!is_power_of_2(pgsize) || !(pgsize & cfg->pgsize_bitmap) ||
	    !pgcount || check_mul_overflow(pgsize, pgcount, &size)) {
		soft_complain(s, "%zu pages of %zu bytes", pgcount, pgsize);
		return false;
	}
	if ((addr | paddr) & (pgsize - 1)) {
		soft_complain(s, "%pad -> %pa is not aligned for pages of %zu",
			      &addr, &paddr, pgsize);
		return false;
	}
	if (check_add_overflow(addr, size - 1, &last) || addr < cfg->start ||
	    last > cfg->last) {
		soft_complain(s, "%zu bytes at %pad are outside the aperture",
			      size, &addr);
		return false;
	}
	if (!cfg->no_hooks && !s->started) {
		soft_complain(s, "page table of a stopped MMU changed");
		return false;
	}
	return true;
}

/* Count down; return true if the operation must fail now. */
static bool soft_fails(int error, unsigned long *countdown)
{
	return error && !(*countdown)--;
}

static int soft_write(struct softmmu *s, dma_addr_t addr, phys_addr_t paddr,
		      size_t pgsize, unsigned int flags, gfp_t gfp)
{
	struct soft_leaf *leaf, *old;
	int ret;

	if (soft_fails(s->map_error, &s->map_countdown)) {
		ret = s->map_error;
		s->map_error = 0;
		return ret;
	}

	leaf = kzalloc_obj(*leaf, gfp);
	if (!leaf)
		return -ENOMEM;
	leaf->addr = addr;
	leaf->last = addr + (pgsize - 1);
	leaf->paddr = paddr;
	leaf->flags = flags;

	old = to_leaf(rb_find_add(&leaf->node, &s->leaves, soft_cmp_leaf));
	if (old) {
		soft_complain(s, "%zu bytes at %pad overlap %s leaf at %pad",
			      pgsize, &addr, old->stale ? "a stale" : "a",
			      &old->addr);
		kfree(leaf);
		return -EEXIST;
	}
	s->stats.present++;
	return 0;
}

static int soft_map_pages(struct vcm *vcm, dma_addr_t addr, phys_addr_t paddr,
			  size_t pgsize, size_t pgcount, unsigned int flags,
			  gfp_t gfp, size_t *mapped)
{
	struct softmmu *s = softmmu_from(vcm);
	size_t i;
	int ret;

	might_sleep();
	guard(mutex)(&s->lock);
	s->stats.maps++;
	s->gfp = gfp;

	if (!(flags & SOFT_ACCESS) || flags & ~(SOFT_ACCESS | VCM_MMU_DEVICE))
		soft_complain(s, "access flags %#x", flags);
	if (!soft_check_run(s, addr, paddr, pgsize, pgcount))
		return -EINVAL;
	if (s->cfg.burst)
		pgcount = min_t(size_t, pgcount, s->cfg.burst);

	for (i = 0; i < pgcount; i++) {
		ret = soft_write(s, addr + i * pgsize, paddr + i * pgsize,
				 pgsize, flags, gfp);
		if (ret)
			return ret;
		*mapped += pgsize;
	}
	return 0;
}

static void soft_unmap_pages(struct vcm *vcm, dma_addr_t addr, size_t pgsize,
			     size_t pgcount)
{
	struct softmmu *s = softmmu_from(vcm);
	struct soft_leaf *leaf;

	might_sleep();
	guard(mutex)(&s->lock);
	s->stats.unmaps++;

	if (!soft_check_run(s, addr, 0, pgsize, pgcount))
		return;

	for (; pgcount; pgcount--, addr += pgsize) {
		leaf = soft_find(s, addr);
		if (!leaf || leaf->stale) {
			soft_complain(s, "nothing mapped at %pad", &addr);
		} else if (leaf->addr != addr ||
			   leaf->last - leaf->addr != pgsize - 1) {
			soft_complain(s, "%pad unmapped as page of %zu bytes",
				      &addr, pgsize);
		} else {
			leaf->stale = true;
			s->stats.present--;
			s->stats.stale++;
		}
	}
}

static int soft_tlb_sync(struct vcm *vcm, dma_addr_t addr,
			 resource_size_t size)
{
	struct softmmu *s = softmmu_from(vcm);
	struct soft_leaf *leaf, *next;
	dma_addr_t last;

	might_sleep();
	guard(mutex)(&s->lock);
	s->stats.syncs++;

	if (!size || check_add_overflow(addr, size - 1, &last)) {
		soft_complain(s, "%pa bytes at %pad invalidated", &size, &addr);
		return 0;
	}
	if (s->sync_error)
		return s->sync_error;

	for (leaf = soft_first(s, addr); leaf && leaf->last <= last;
	     leaf = next) {
		next = to_leaf(rb_next(&leaf->node));
		/* A leaf that is covered in part stays */
		if (leaf->stale && leaf->addr >= addr) {
			soft_drop(s, leaf);
			s->stats.stale--;
		}
	}
	return 0;
}

/* Start and stop take as long as the test wants. */
static void soft_pass_gate(struct softmmu *s)
{
	might_sleep();
	if (!s->at_gate)
		return;
	complete(s->at_gate);
	wait_for_completion(s->gate);
}

static int soft_start(struct vcm *vcm)
{
	struct softmmu *s = softmmu_from(vcm);
	int ret;

	scoped_guard(mutex, &s->lock) {
		if (s->started || s->busy)
			soft_complain(s, "started while it is on or stopping");
		s->busy = true;
	}

	/* A binding that does not wait for the end finds a stopped MMU */
	soft_pass_gate(s);

	guard(mutex)(&s->lock);
	s->busy = false;
	if (soft_fails(s->start_error, &s->start_countdown)) {
		ret = s->start_error;
		s->start_error = 0;
		return ret;
	}
	s->started = true;
	s->stats.starts++;
	return 0;
}

static void soft_stop(struct vcm *vcm)
{
	struct softmmu *s = softmmu_from(vcm);

	scoped_guard(mutex, &s->lock) {
		if (!s->started)
			soft_complain(s, "stopped, but it was not started");
		if (s->stats.present || s->stats.stale)
			soft_complain(s, "stopped with %lu leaves, %lu stale",
				      s->stats.present, s->stats.stale);
		s->started = false;
		s->busy = true;
	}

	/* A binding that does not wait for the end starts it too early */
	soft_pass_gate(s);

	guard(mutex)(&s->lock);
	s->busy = false;
	s->stats.stops++;
}

static struct vcm_phys *soft_alloc(struct vcm *vcm, resource_size_t size,
				   unsigned int flags,
				   const struct vcm_phys_params *params)
{
	struct softmmu *s = softmmu_from(vcm);
	struct vcm_phys *phys;

	if (s->alloc_error)
		return ERR_PTR(s->alloc_error);

	phys = vcm_phys_alloc(size, flags, params);
	if (!IS_ERR(phys) && s->alloc_hook)
		s->alloc_hook(s->test, phys);
	return phys;
}

/* It accepts any device. */
static int soft_attach(struct vcm *vcm, struct vcm_attachment *attachment)
{
	return vcm_attach_limits(vcm, attachment);
}

static void soft_forget(struct softmmu *s)
{
	struct soft_leaf *leaf, *next;

	rbtree_postorder_for_each_entry_safe(leaf, next, &s->leaves, node)
		kfree(leaf);
	s->leaves = RB_ROOT;
	s->stats.present = 0;
	s->stats.stale = 0;
	s->started = false;
}

/*
 * Switch the hardware off, unless it does not answer. All bindings were
 * unmapped, so leaves are left only where an invalidation failed.
 */
static bool soft_destroy(struct vcm *vcm)
{
	struct softmmu *s = softmmu_from(vcm);

	might_sleep();
	guard(mutex)(&s->lock);
	if (s->stats.destroys++)
		soft_complain(s, "destroyed twice");
	if (s->stats.present)
		soft_complain(s, "destroyed with %lu leaves", s->stats.present);
	if (s->sync_error && !s->off && (s->started || s->cfg.no_hooks))
		return false;
	soft_forget(s);
	return true;
}

static void soft_release(struct vcm *vcm)
{
	struct softmmu *s = softmmu_from(vcm);

	if (s->stats.present || s->stats.stale || s->started)
		soft_complain(s, "released while in use");
	soft_forget(s);
	if (s->released)
		++*s->released;
	mutex_destroy(&s->lock);
	kfree(s);
}

#define SOFT_DRIVER						\
	.vcm = {						\
		.owner = THIS_MODULE,				\
		.name = "softmmu",				\
		.alloc = soft_alloc,				\
		VCM_MMU_OPS,					\
		.attach = soft_attach,				\
		.destroy = soft_destroy,			\
		.release = soft_release,			\
	},							\
	.map_pages = soft_map_pages,				\
	.unmap_pages = soft_unmap_pages,			\
	.tlb_sync = soft_tlb_sync

static const struct vcm_mmu_driver soft_driver = {
	SOFT_DRIVER,
	.start = soft_start,
	.stop = soft_stop,
};

static const struct vcm_mmu_driver soft_driver_no_hooks = {
	SOFT_DRIVER,
};

/**
 * softmmu_create() - make a context behind a software MMU
 * @test: the test, which fails if the contract of struct vcm_mmu_driver is
 *	violated
 * @cfg: properties of the MMU; copied
 *
 * The caller calls vcm_destroy() before the test ends.
 *
 * Context: Process context, may sleep.
 * Return: the software MMU; &softmmu.mmu is the context. The test fails if
 * there is none.
 */
struct softmmu *softmmu_create(struct kunit *test,
			       const struct softmmu_cfg *cfg)
{
	struct softmmu *s = kzalloc_obj(*s);
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->test = test;
	s->cfg = *cfg;
	s->leaves = RB_ROOT;
	mutex_init(&s->lock);

	ret = vcm_mmu_init(&s->mmu, cfg->no_hooks ? &soft_driver_no_hooks :
						    &soft_driver,
			   cfg->start, cfg->last, cfg->pgsize_bitmap);
	if (ret) {
		kfree(s);
		KUNIT_ASSERT_EQ(test, ret, 0);
	}
	return s;
}
EXPORT_SYMBOL_IF_KUNIT(softmmu_create);

/**
 * softmmu_fail_map() - make a software MMU fail to write a leaf
 * @vcm: the context
 * @leaves: number of leaves that are written before
 * @error: errno of the failure, which happens once; 0: none
 *
 * Context: Process context, may sleep.
 */
void softmmu_fail_map(struct vcm *vcm, unsigned long leaves, int error)
{
	struct softmmu *s = softmmu_from(vcm);

	guard(mutex)(&s->lock);
	s->map_countdown = leaves;
	s->map_error = error;
}
EXPORT_SYMBOL_IF_KUNIT(softmmu_fail_map);

/**
 * softmmu_fail_start() - make a software MMU fail to start
 * @vcm: the context
 * @starts: number of starts that succeed before
 * @error: errno of the failure, which happens once; 0: none
 *
 * Context: Process context, may sleep.
 */
void softmmu_fail_start(struct vcm *vcm, unsigned long starts, int error)
{
	struct softmmu *s = softmmu_from(vcm);

	guard(mutex)(&s->lock);
	s->start_countdown = starts;
	s->start_error = error;
}
EXPORT_SYMBOL_IF_KUNIT(softmmu_fail_start);

/**
 * softmmu_translate() - translate an address as for an access of a device
 * @vcm: the context
 * @addr: device address
 * @access: VCM_RES_READ, VCM_RES_WRITE or both
 * @paddr: physical address, on success
 *
 * Uses stale translations until they are invalidated.
 *
 * Context: Process context, may sleep.
 * Return: 0, or -EFAULT if nothing is mapped there, or not for such access.
 */
int softmmu_translate(struct vcm *vcm, dma_addr_t addr, unsigned int access,
		      phys_addr_t *paddr)
{
	struct softmmu *s = softmmu_from(vcm);
	struct soft_leaf *leaf;

	guard(mutex)(&s->lock);
	leaf = soft_find(s, addr);
	if (s->off || !leaf || (leaf->flags & access) != access)
		return -EFAULT;

	*paddr = leaf->paddr + (addr - leaf->addr);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(softmmu_translate);

static int soft_reach(void *vcm, dma_addr_t addr, bool write,
		      phys_addr_t *paddr)
{
	return softmmu_translate(vcm, addr,
				 write ? VCM_RES_WRITE : VCM_RES_READ, paddr);
}

/**
 * softmmu_access() - let a device read or write memory
 * @vcm: the context
 * @addr: device address
 * @buf: the data
 * @len: bytes
 * @write: the device writes
 *
 * Context: Process context, may sleep.
 * Return: 0, or -EFAULT at the first byte that the device does not reach; the
 * bytes before it were transferred.
 */
int softmmu_access(struct vcm *vcm, dma_addr_t addr, void *buf, size_t len,
		   bool write)
{
	return vcm_model_access(soft_reach, vcm, vcm_granule(vcm), addr, buf,
				len, write);
}
EXPORT_SYMBOL_IF_KUNIT(softmmu_access);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Software MMU for the tests of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
