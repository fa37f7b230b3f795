// SPDX-License-Identifier: GPL-2.0-only
/*
 * A provider of contexts, for the tests of the core of Virtual Contiguous
 * Memory.
 *
 * Its hardware is a list of bindings: ->map() adds one and ->unmap() removes
 * it. A test asks the provider what a device reaches. The provider fails the
 * test for each call that the core must not make. It stops and fails at the
 * operations that the test chooses, so races do not depend on timing.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "vcm_testdrv.h"

/* The context itself, freed by its release */
struct td_vcm {
	struct vcm vcm;
	struct vcm_driver driver;
	struct td_ctx *ctx;
};

/*
 * A binding on the hardware: being mapped if @pending, being unmapped if
 * @leaving. Without @res the hardware did not unmap it.
 */
struct td_entry {
	struct list_head node;
	struct vcm_res *res;
	struct vcm_phys *phys;
	dma_addr_t start;
	resource_size_t size;
	bool pending;
	bool leaving;
};

#define td_complain(where, fmt, ...)					\
do {									\
	struct td *__td = (where);					\
									\
	atomic_inc(&__td->complaints);					\
	KUNIT_FAIL(__td->test, "driver: " fmt, ##__VA_ARGS__);		\
} while (0)

/* Return the test's side of a context. */
static struct td_ctx *td_ctx(struct vcm *vcm)
{
	return container_of(vcm, struct td_vcm, vcm)->ctx;
}

/* Check the contract of an operation, which may sleep, at its start. */
static void td_check_op(struct td_ctx *ctx, const char *op, bool topology)
{
	struct rw_semaphore *sem = &ctx->vcm->topology;

	might_sleep();
	if (irqs_disabled() ||
	    (IS_ENABLED(CONFIG_PREEMPT_COUNT) && preempt_count()))
		td_complain(ctx->td, "%s called where it cannot sleep", op);
	if (topology && !rwsem_is_locked(sem))
		td_complain(ctx->td, "%s called without topology", op);
	if (topology && atomic_read(&ctx->destroys))
		td_complain(ctx->td, "%s called after destroy", op);
	if (!topology && IS_ENABLED(CONFIG_LOCKDEP) && debug_locks &&
	    lockdep_is_held_type(sem, -1) > 0)
		td_complain(ctx->td, "%s called with topology", op);
}

static void td_check_write(struct td_ctx *ctx, const char *op)
{
	td_check_op(ctx, op, true);
	if (IS_ENABLED(CONFIG_LOCKDEP) && debug_locks &&
	    !lockdep_is_held_type(&ctx->vcm->topology, 0))
		td_complain(ctx->td, "%s called with topology shared", op);
}

static struct td_entry *td_find(struct td_ctx *ctx, const struct vcm_res *res)
{
	struct td_entry *entry;

	lockdep_assert_held(&ctx->lock);
	list_for_each_entry(entry, &ctx->entries, node)
		if (entry->res == res)
			return entry;
	return NULL;
}

/**
 * td_holds() - tell if a device reaches memory at a reservation
 * @ctx: the context
 * @res: the reservation; may have been freed
 * @phys: the memory; NULL: any
 *
 * Context: Process context.
 * Return: true if the binding is on the hardware.
 */
bool td_holds(struct td_ctx *ctx, struct vcm_res *res, struct vcm_phys *phys)
{
	struct td_entry *entry;

	guard(mutex)(&ctx->lock);
	entry = td_find(ctx, res);
	return entry && !entry->pending && (!phys || entry->phys == phys);
}
EXPORT_SYMBOL_IF_KUNIT(td_holds);

/**
 * td_entries() - count the bindings on the hardware of a context
 * @ctx: the context
 *
 * Context: Process context.
 * Return: the number of bindings, those that the hardware did not unmap
 * included.
 */
unsigned int td_entries(struct td_ctx *ctx)
{
	struct td_entry *entry;
	unsigned int nr = 0;

	guard(mutex)(&ctx->lock);
	list_for_each_entry(entry, &ctx->entries, node)
		nr += !entry->pending;
	return nr;
}
EXPORT_SYMBOL_IF_KUNIT(td_entries);

static void td_check_place(struct td_ctx *ctx, const struct td_entry *new)
{
	dma_addr_t last = new->start + (new->size - 1);
	struct td_entry *entry;

	lockdep_assert_held(&ctx->lock);
	if (td_find(ctx, new->res))
		td_complain(ctx->td, "map of a reservation that is mapped");
	/* Where addresses follow the memory, the core checks afterwards */
	if (ctx->cfg->fixed)
		return;

	if (new->start < ctx->cfg->start || last > ctx->cfg->last)
		td_complain(ctx->td, "map outside of the aperture");
	if (new->size > new->res->res_size)
		td_complain(ctx->td, "map of more than is reserved");
	list_for_each_entry(entry, &ctx->entries, node)
		if (entry->start <= last &&
		    new->start <= entry->start + (entry->size - 1))
			td_complain(ctx->td, "map over another binding");
}

static int td_place(struct td_ctx *ctx, struct td_entry *entry)
{
	struct vcm_res *res = entry->res;

	entry->start = res->start;
	if (!ctx->cfg->fixed)
		return 0;
	if (entry->phys->count != 1)
		return -EOPNOTSUPP;
	entry->start = entry->phys->parts[0].paddr;
	if (vcm_res_placed(res) && res->start != entry->start)
		return -EOPNOTSUPP;
	return 0;
}

static bool td_fails(struct td_ctx *ctx)
{
	int left = atomic_dec_if_positive(&ctx->map_countdown);

	return !left || (left < 0 && READ_ONCE(ctx->map_fails_on));
}

/* The hardware did not unmap a binding, and the core is told so. */
static void td_stick(struct td_ctx *ctx, struct td_entry *entry)
{
	vcm_quarantine(entry->res, entry->phys);
	guard(mutex)(&ctx->lock);
	entry->res = NULL;
	ctx->stuck++;
}

static int td_map(struct vcm_res *res, struct vcm_phys *phys)
{
	struct td_ctx *ctx = td_ctx(res->vcm);
	struct td_entry *entry;
	int ret;

	td_check_op(ctx, "map", true);
	entry = kzalloc_obj(*entry);
	if (!entry)
		return -ENOMEM;
	entry->res = res;
	entry->phys = phys;
	entry->size = phys->size;
	entry->pending = true;
	ret = td_place(ctx, entry);

	scoped_guard(mutex, &ctx->lock) {
		td_check_place(ctx, entry);
		list_add_tail(&entry->node, &ctx->entries);
	}
	td_gate_pass(&ctx->map_gate);
	if (!ret && td_fails(ctx))
		ret = ctx->map_error;
	if (ret && xchg(&ctx->map_sticks, false)) {
		td_stick(ctx, entry);
		return ret;
	}

	guard(mutex)(&ctx->lock);
	if (ret) {
		list_del(&entry->node);
		kfree(entry);
		return ret;
	}
	entry->pending = false;
	if (!vcm_res_placed(res))
		res->start = entry->start;
	atomic_inc(&ctx->maps);
	return 0;
}

static int td_devices(struct td_ctx *ctx)
{
	return atomic_read(&ctx->attaches) - atomic_read(&ctx->detaches);
}

static struct td_entry *td_leave(struct td_ctx *ctx, struct vcm_res *res,
				 struct vcm_phys *phys)
{
	struct td_entry *entry;

	guard(mutex)(&ctx->lock);
	entry = td_find(ctx, res);
	if (!entry) {
		td_complain(ctx->td, "unmap of what is not mapped");
		return NULL;
	}
	if (entry->pending || entry->leaving)
		td_complain(ctx->td, "unmap during map or unmap");
	if (entry->phys != phys)
		td_complain(ctx->td, "unmap of other memory");
	if (entry->start != res->start)
		td_complain(ctx->td, "unmap at another address");
	entry->leaving = true;
	return entry;
}

static void td_unmap(struct vcm_res *res, struct vcm_phys *phys)
{
	struct td_ctx *ctx = td_ctx(res->vcm);
	struct td_entry *entry;

	td_check_op(ctx, "unmap", true);
	atomic_inc(&ctx->unmaps);
	WRITE_ONCE(ctx->devices_at_unmap, td_devices(ctx));
	entry = td_leave(ctx, res, phys);
	td_gate_pass(&ctx->unmap_gate);
	if (!entry)
		return;
	if (xchg(&ctx->unmap_sticks, false)) {
		td_stick(ctx, entry);
		return;
	}

	guard(mutex)(&ctx->lock);
	list_del(&entry->node);
	kfree(entry);
}

static void td_unmap_many(struct vcm *vcm, struct list_head *batch)
{
	struct td_ctx *ctx = td_ctx(vcm);
	struct vcm_res *res, *prev = NULL;

	atomic_inc(&ctx->batches);
	if (list_empty(batch))
		td_complain(ctx->td, "unmap_many of nothing");
	list_for_each_entry(res, batch, vcm_entry) {
		if (res->vcm != vcm)
			td_complain(ctx->td, "unmap_many in another context");
		if (prev && (prev->start > res->start ||
			     (!ctx->cfg->fixed && prev->start == res->start)))
			td_complain(ctx->td, "unmap_many out of order");
		td_unmap(res, res->phys);
		prev = res;
	}
}

static bool td_suits(struct vcm *vcm, const struct vcm_phys *phys)
{
	struct td_ctx *ctx = td_ctx(vcm);
	bool suits;

	atomic_inc(&ctx->running);
	td_check_op(ctx, "suits", false);
	td_gate_pass(&ctx->suits_gate);
	suits = phys->count == 1 &&
		vcm_reaches(vcm, phys->parts[0].paddr,
			    phys->parts[0].paddr + (phys->size - 1));
	atomic_dec(&ctx->running);
	return suits;
}

static struct vcm_phys *td_alloc(struct vcm *vcm, resource_size_t size,
				 unsigned int flags,
				 const struct vcm_phys_params *params)
{
	struct td_ctx *ctx = td_ctx(vcm);
	struct vcm_phys *phys;

	atomic_inc(&ctx->running);
	td_check_op(ctx, "alloc", false);
	td_gate_pass(&ctx->alloc_gate);
	if (size & (max(vcm_granule(vcm), PAGE_SIZE) - 1))
		td_complain(ctx->td, "alloc of a size not rounded");
	ctx->alloc_params = *params;
	if (ctx->alloc_error)
		phys = ERR_PTR(ctx->alloc_error);
	else if (ctx->alloc_at)
		phys = td_phys(ctx->td, ctx->alloc_at, size);
	else
		phys = td_phys_any(ctx->td, size);
	atomic_add(!IS_ERR(phys), &ctx->allocs);
	atomic_dec(&ctx->running);
	return phys;
}

/**
 * td_limit() - return the description of a device
 * @ctx: the context
 * @dev: the device
 *
 * Context: Any; not during vcm_attach().
 * Return: the description, the same one for the same device.
 */
struct td_limit *td_limit(struct td_ctx *ctx, struct device *dev)
{
	unsigned int i;

	for (i = 0; i < TD_LIMITS - 1; i++)
		if (!ctx->limit[i].dev || ctx->limit[i].dev == dev)
			break;
	ctx->limit[i].dev = dev;
	return &ctx->limit[i];
}
EXPORT_SYMBOL_IF_KUNIT(td_limit);

/**
 * td_block() - add a range that a device cannot use
 * @limit: the description of the device
 * @start: first address
 * @last: last address, inclusive
 *
 * Context: Any; not during vcm_attach().
 */
void td_block(struct td_limit *limit, dma_addr_t start, dma_addr_t last)
{
	limit->range[limit->nr].start = start;
	limit->range[limit->nr].last = last;
	limit->nr++;
}
EXPORT_SYMBOL_IF_KUNIT(td_block);

/* Return the description of @dev, of a device without limits if it has none. */
static const struct td_limit *td_limit_of(const struct td_ctx *ctx,
					  const struct device *dev)
{
	static const struct td_limit none;
	unsigned int i;

	for (i = 0; i < TD_LIMITS; i++)
		if (ctx->limit[i].dev == dev)
			return &ctx->limit[i];
	return &none;
}

/* Put the limits of a device in force, in one call or in two. */
static int td_limits(struct td_ctx *ctx, struct vcm_attachment *attachment)
{
	const struct td_limit *limit = td_limit_of(ctx, attachment->dev);
	unsigned int i;
	int ret = 0;

	attachment->unsnooped = limit->unsnooped;
	if (ctx->limits_twice)
		ret = vcm_attach_limits(ctx->vcm, attachment);
	attachment->granule = limit->granule;
	for (i = 0; i < limit->nr && !ret; i++)
		ret = vcm_attachment_block(attachment, limit->range[i].start,
					   limit->range[i].last);
	if (!ret)
		ret = ctx->limits_error;
	return ret ?: vcm_attach_limits(ctx->vcm, attachment);
}

static int td_attach(struct vcm *vcm, struct vcm_attachment *attachment)
{
	struct td_ctx *ctx = td_ctx(vcm);
	int ret;

	td_check_write(ctx, "attach");
	ret = ctx->limits_never ? 0 : td_limits(ctx, attachment);
	ret = ret ?: ctx->attach_error;
	if (ret)
		return ret;
	attachment->priv = ctx;
	atomic_inc(&ctx->attaches);
	return 0;
}

static void td_detach(struct vcm *vcm, struct vcm_attachment *attachment)
{
	struct td_ctx *ctx = td_ctx(vcm);

	td_check_write(ctx, "detach");
	if (attachment->priv != ctx)
		td_complain(ctx->td, "detach of a device that is not attached");
	atomic_inc(&ctx->detaches);
}

/* Reset the hardware if it is to be unreachable afterwards. */
static bool td_destroy(struct vcm *vcm)
{
	struct td_ctx *ctx = td_ctx(vcm);
	struct td_entry *entry, *next;

	td_check_write(ctx, "destroy");
	if (td_devices(ctx))
		td_complain(ctx->td, "destroy with devices attached");
	atomic_inc(&ctx->destroys);

	guard(mutex)(&ctx->lock);
	list_for_each_entry_safe(entry, next, &ctx->entries, node) {
		if (entry->res)
			td_complain(ctx->td, "destroy of live bindings");
		if (!ctx->unreachable)
			continue;
		list_del(&entry->node);
		kfree(entry);
		ctx->stuck--;
	}
	return ctx->unreachable;
}

static void td_release(struct vcm *vcm)
{
	struct td_ctx *ctx = td_ctx(vcm);

	td_check_op(ctx, "release", false);
	if (!list_empty(&ctx->entries))
		td_complain(ctx->td, "release with bindings on the hardware");
	if (td_devices(ctx))
		td_complain(ctx->td, "release with devices attached");
	if (atomic_read(&ctx->running))
		td_complain(ctx->td, "release during alloc or suits");
	atomic_inc(&ctx->released);
	ctx->vcm = NULL;
	kfree(container_of(vcm, struct td_vcm, vcm));
}

#define TD_OPS				\
	.owner = THIS_MODULE,		\
	.map = td_map,			\
	.unmap = td_unmap,		\
	.release = td_release

#define TD_MORE_OPS			\
	.alloc = td_alloc,		\
	.attach = td_attach,		\
	.detach = td_detach,		\
	.destroy = td_destroy

static const struct vcm_driver td_driver = {
	TD_OPS,
	TD_MORE_OPS,
	.name = "td",
	.res_flags = VCM_RES_FLAGS,
};

static const struct vcm_driver td_fixed_driver = {
	TD_OPS,
	TD_MORE_OPS,
	.name = "td-fixed",
	.res_flags = VCM_RES_READ | VCM_RES_WRITE,
	.fixed = true,
};

static const struct vcm_driver td_bare_driver = {
	TD_OPS,
	.name = "td-bare",
};

static const struct vcm_driver td_bare_fixed_driver = {
	TD_OPS,
	.name = "td-bare-fixed",
	.fixed = true,
};

static struct vcm_driver td_pick(const struct td_cfg *cfg)
{
	struct vcm_driver driver = cfg->fixed ? td_fixed_driver : td_driver;

	if (cfg->bare)
		return cfg->fixed ? td_bare_fixed_driver : td_bare_driver;
	if (cfg->many)
		driver.unmap_many = td_unmap_many;
	if (cfg->pages)
		driver.alloc = NULL;
	if (cfg->suits)
		driver.suits = td_suits;
	return driver;
}

/**
 * td_create() - create a context
 * @td: the test
 * @cfg: its description
 *
 * Context: Process context.
 * Return: the context, destroyed by the test or by td_end().
 */
struct td_ctx *td_create(struct td *td, const struct td_cfg *cfg)
{
	struct td_ctx *ctx;
	struct td_vcm *tv;
	int ret;

	KUNIT_ASSERT_LT(td->test, td->nr_ctx, TD_CONTEXTS);
	tv = kzalloc_obj(*tv);
	KUNIT_ASSERT_NOT_NULL(td->test, tv);

	tv->driver = td_pick(cfg);
	ret = vcm_init(&tv->vcm, &tv->driver, cfg->start, cfg->last,
		       cfg->pgsize_bitmap);
	if (ret)
		kfree(tv);
	KUNIT_ASSERT_EQ(td->test, ret, 0);

	ctx = &td->ctx[td->nr_ctx++];
	ctx->td = td;
	ctx->cfg = cfg;
	ctx->map_error = -EIO;
	mutex_init(&ctx->lock);
	INIT_LIST_HEAD(&ctx->entries);
	tv->ctx = ctx;
	ctx->vcm = &tv->vcm;
	return ctx;
}
EXPORT_SYMBOL_IF_KUNIT(td_create);

/* Memory that no CPU reads or writes */

/* Return true if hardware did not unmap a binding of @phys. */
static bool td_is_stuck(struct td_ctx *ctx, const struct vcm_phys *phys)
{
	struct td_entry *entry;

	guard(mutex)(&ctx->lock);
	list_for_each_entry(entry, &ctx->entries, node)
		if (!entry->res && entry->phys == phys)
			return true;
	return false;
}

static void td_phys_free(struct vcm_phys *phys)
{
	struct td *td = phys->priv;
	unsigned int i;

	might_sleep();
	for (i = 0; i < td->nr_ctx; i++)
		if (td_is_stuck(&td->ctx[i], phys))
			td_complain(td, "memory freed before its unmap");
	if (!list_empty(&phys->bindings))
		td_complain(td, "memory freed while it is bound");
	atomic_inc(&td->freed);
}

/**
 * td_phys() - make an allocation of one part
 * @td: the test, which counts it, and counts when it is freed
 * @paddr: physical address; there need not be memory
 * @len: bytes
 *
 * Context: Process context.
 * Return: the allocation or an error pointer.
 */
struct vcm_phys *td_phys(struct td *td, phys_addr_t paddr, size_t len)
{
	struct vcm_phys *phys = vcm_phys_new(1, 0, td_phys_free, td);
	int ret;

	if (IS_ERR(phys))
		return phys;
	phys->parts[0].paddr = paddr;
	phys->parts[0].len = len;
	ret = vcm_phys_finish(phys);
	if (ret)
		return ERR_PTR(ret);
	atomic_inc(&td->allocated);
	return phys;
}
EXPORT_SYMBOL_IF_KUNIT(td_phys);

/**
 * td_phys_any() - make an allocation of one part at any address
 * @td: the test, as for td_phys()
 * @len: bytes
 *
 * Context: Process context.
 * Return: the allocation or an error pointer.
 */
struct vcm_phys *td_phys_any(struct td *td, size_t len)
{
	u64 step = ALIGN(len, SZ_64K);
	u64 paddr = atomic64_fetch_add(step, &td->next_paddr);

	return td_phys(td, SZ_16M + (paddr & (SZ_1G - 1)), len);
}
EXPORT_SYMBOL_IF_KUNIT(td_phys_any);

/**
 * td_begin() - &kunit_suite.init of a suite that uses this provider
 * @test: the case, whose &kunit.priv gets a struct td
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int td_begin(struct kunit *test)
{
	struct td *td = kunit_kzalloc(test, sizeof(*td), GFP_KERNEL);

	if (!td)
		return -ENOMEM;
	td->test = test;
	INIT_LIST_HEAD(&td->gates);
	INIT_LIST_HEAD(&td->workers);
	test->priv = td;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(td_begin);

/* Memory and the context are kept if something is stuck, and only then. */
static void td_ctx_end(struct td_ctx *ctx)
{
	struct kunit *test = ctx->td->test;
	struct td_entry *entry, *next;

	if (ctx->vcm && !ctx->vcm->dead)
		vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), !ctx->stuck);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->destroys), !ctx->cfg->bare);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps),
			atomic_read(&ctx->maps));
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->detaches),
			atomic_read(&ctx->attaches));
	list_for_each_entry_safe(entry, next, &ctx->entries, node) {
		KUNIT_EXPECT_PTR_EQ(test, entry->res, NULL);
		kfree(entry);
	}
	ctx->td->stuck += ctx->stuck;
}

/**
 * td_renew() - make room for other contexts
 * @td: the test
 *
 * Destroys the contexts so far and checks that nothing of them leaks.
 *
 * Context: Process context.
 */
void td_renew(struct td *td)
{
	unsigned int i;

	for (i = 0; i < td->nr_ctx; i++)
		td_ctx_end(&td->ctx[i]);
	td->nr_ctx = 0;
	memset(td->ctx, 0, sizeof(td->ctx));
}
EXPORT_SYMBOL_IF_KUNIT(td_renew);

/**
 * td_end() - &kunit_suite.exit of a suite that uses this provider
 * @test: the case
 *
 * Ends the threads and contexts that a failed case has left, and checks that
 * nothing leaks.
 *
 * Context: Process context.
 */
void td_end(struct kunit *test)
{
	struct td *td = test->priv;

	td_threads_end(td);
	td_renew(td);
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed) + td->stuck,
			atomic_read(&td->allocated));
	KUNIT_EXPECT_EQ(test, atomic_read(&td->complaints), 0);
}
EXPORT_SYMBOL_IF_KUNIT(td_end);

MODULE_DESCRIPTION("A provider for the tests of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
