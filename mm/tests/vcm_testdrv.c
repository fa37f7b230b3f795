// SPDX-License-Identifier: GPL-2.0-only
/*
 * A provider of contexts and threads, for the tests of the core of Virtual
 * Contiguous Memory.
 *
 * Its hardware is a list: what ->map() was asked for and ->unmap() not yet. A
 * test asks it what a device would reach, and it fails the test for whatever
 * the core must not ask of a driver. It stops and fails where the test wants,
 * so that what happens meanwhile does not depend on timing.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/kthread.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "vcm_testdrv.h"

/* The context itself, which goes with its release as a real one does */
struct td_vcm {
	struct vcm vcm;
	struct vcm_driver driver;
	struct td_ctx *ctx;
};

/*
 * A binding on the hardware; not yet while @pending, on its way while @leaving,
 * and without @res when the hardware does not let go of it
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

/* The test's side of a context */
static struct td_ctx *td_ctx(struct vcm *vcm)
{
	return container_of(vcm, struct td_vcm, vcm)->ctx;
}

/* Every operation may sleep; those under @topology find it locked. */
static void td_check_op(struct td_ctx *ctx, const char *op, bool topology)
{
	struct rw_semaphore *sem = &ctx->vcm->topology;

	might_sleep();
	if (irqs_disabled() ||
	    (IS_ENABLED(CONFIG_PREEMPT_COUNT) && preempt_count()))
		td_complain(ctx->td, "%s called where it cannot sleep", op);
	if (topology && !rwsem_is_locked(sem))
		td_complain(ctx->td, "%s called without topology", op);
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

static void td_gate_pass(struct td_gate **where)
{
	struct td_gate *gate = xchg(where, NULL);

	if (!gate)
		return;
	complete(&gate->entered);
	wait_for_completion(&gate->open);
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
 * td_holds() - whether a device reaches memory at a reservation
 * @ctx: the context
 * @res: the reservation; it may be gone
 * @phys: the memory, NULL for any
 *
 * Context: Process context.
 * Return: true when it is on the hardware.
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
 * td_entries() - what is on the hardware of a context
 * @ctx: the context
 *
 * Context: Process context.
 * Return: the number of bindings there.
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
	/* Where addresses follow the memory, the core looks afterwards */
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
	if (res->placed && res->start != entry->start && !ctx->cfg->moves)
		return -EOPNOTSUPP;
	return 0;
}

static bool td_fails(struct td_ctx *ctx)
{
	int left = atomic_dec_if_positive(&ctx->map_countdown);

	return !left || (left < 0 && READ_ONCE(ctx->map_fails_on));
}

/* The hardware keeps what the core has been told to keep too */
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
	res->start = entry->start;
	atomic_inc(&ctx->maps);
	return 0;
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
		if (prev && prev->start >= res->start)
			td_complain(ctx->td, "unmap_many out of order");
		td_unmap(res, res->phys);
		prev = res;
	}
}

static bool td_suits(struct vcm *vcm, const struct vcm_phys *phys)
{
	td_check_op(td_ctx(vcm), "suits", false);
	return phys->count == 1 &&
	       vcm_reaches(vcm, phys->parts[0].paddr,
			   phys->parts[0].paddr + (phys->size - 1));
}

static struct vcm_phys *td_alloc(struct vcm *vcm, resource_size_t size,
				 unsigned int flags,
				 const struct vcm_phys_params *params)
{
	struct td_ctx *ctx = td_ctx(vcm);

	td_check_op(ctx, "alloc", false);
	if (ctx->alloc_error)
		return ERR_PTR(ctx->alloc_error);
	if (size & (max(vcm_granule(vcm), PAGE_SIZE) - 1))
		td_complain(ctx->td, "alloc of a size not rounded");
	ctx->alloc_params = *params;
	atomic_inc(&ctx->allocs);
	return ctx->alloc_at ? td_phys(ctx->td, ctx->alloc_at, size) :
			       td_phys_any(ctx->td, size);
}

/**
 * td_limit() - what a context knows of a device
 * @ctx: the context
 * @dev: the device
 *
 * Context: Any; not during vcm_attach().
 * Return: to be filled with td_block(); the same for the same device.
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
 * @limit: the device's
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

static int td_limits(struct vcm *vcm, struct vcm_master *master)
{
	struct td_ctx *ctx = td_ctx(vcm);
	unsigned int i, j;
	int ret;

	td_check_write(ctx, "limits");
	for (i = 0; i < TD_LIMITS; i++) {
		const struct td_limit *limit = &ctx->limit[i];

		if (limit->dev != master->dev)
			continue;
		master->granule = limit->granule;
		master->unsnooped = limit->unsnooped;
		for (j = 0; j < limit->nr; j++) {
			ret = vcm_master_block(master, limit->range[j].start,
					       limit->range[j].last);
			if (ret)
				return ret;
		}
	}
	if (ctx->limits_error)
		return ctx->limits_error;
	master->priv = ctx;
	atomic_inc(&ctx->admits);
	return 0;
}

static void td_forget(struct vcm *vcm, struct vcm_master *master)
{
	struct td_ctx *ctx = td_ctx(vcm);

	td_check_write(ctx, "forget");
	if (master->priv != ctx)
		td_complain(ctx->td, "forget of a device that was not let in");
	atomic_inc(&ctx->forgets);
}

static int td_attach(struct vcm *vcm, struct vcm_master *master)
{
	struct td_ctx *ctx = td_ctx(vcm);

	td_check_write(ctx, "attach");
	if (ctx->attach_error)
		return ctx->attach_error;
	atomic_inc(&ctx->attaches);
	return 0;
}

static void td_detach(struct vcm *vcm, struct vcm_master *master)
{
	struct td_ctx *ctx = td_ctx(vcm);

	td_check_write(ctx, "detach");
	atomic_inc(&ctx->detaches);
}

static void td_release(struct vcm *vcm)
{
	struct td_ctx *ctx = td_ctx(vcm);

	td_check_op(ctx, "release", false);
	if (!list_empty(&ctx->entries))
		td_complain(ctx->td, "release with bindings on the hardware");
	if (atomic_read(&ctx->attaches) != atomic_read(&ctx->detaches) ||
	    atomic_read(&ctx->admits) != atomic_read(&ctx->forgets))
		td_complain(ctx->td, "release with devices attached");
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
	.limits = td_limits,		\
	.forget = td_forget,		\
	.attach = td_attach,		\
	.detach = td_detach

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
 * td_create() - make a context
 * @td: the test
 * @cfg: what it is like
 *
 * Context: Process context.
 * Return: the context; the test destroys it, or td_end() does.
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

/* Memory that nobody looks at */

/* Whether hardware still reaches memory that it should have let go of */
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
			td_complain(td, "memory freed that hardware keeps");
	if (!list_empty(&phys->bindings))
		td_complain(td, "memory freed while it is bound");
	atomic_inc(&td->freed);
}

static const struct vcm_phys_ops td_phys_ops = {
	.owner = THIS_MODULE,
	.free = td_phys_free,
};

/**
 * td_phys() - an allocation of one part
 * @td: the test, which counts when it is taken back
 * @paddr: physical address
 * @len: bytes
 *
 * There need not be any memory. May be called by any thread.
 *
 * Context: Process context.
 * Return: the allocation or an error.
 */
struct vcm_phys *td_phys(struct td *td, phys_addr_t paddr, size_t len)
{
	struct vcm_phys *phys = vcm_phys_new(1, 0, &td_phys_ops, td);
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
 * td_phys_any() - an allocation of one part, somewhere
 * @td: the test, which counts when it is taken back
 * @len: bytes
 *
 * Context: Process context.
 * Return: the allocation or an error.
 */
struct vcm_phys *td_phys_any(struct td *td, size_t len)
{
	u64 step = ALIGN(len, SZ_64K);
	u64 paddr = atomic64_fetch_add(step, &td->next_paddr);

	return td_phys(td, SZ_16M + (paddr & (SZ_1G - 1)), len);
}
EXPORT_SYMBOL_IF_KUNIT(td_phys_any);

/* Gates and threads */

/**
 * td_gate() - make a gate
 * @td: the test
 *
 * Context: Process context.
 * Return: a closed gate, for &td_ctx.map_gate or &td_ctx.unmap_gate.
 */
struct td_gate *td_gate(struct td *td)
{
	struct td_gate *gate = kunit_kzalloc(td->test, sizeof(*gate),
					     GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(td->test, gate);
	init_completion(&gate->entered);
	init_completion(&gate->open);
	list_add(&gate->node, &td->gates);
	return gate;
}
EXPORT_SYMBOL_IF_KUNIT(td_gate);

/**
 * td_gate_wait() - wait until an operation stands at a gate
 * @gate: the gate
 * @worker: the thread that is to come there; the test fails if it does not
 *
 * Context: Process context.
 */
void td_gate_wait(struct td_gate *gate, struct td_worker *worker)
{
	while (!try_wait_for_completion(&gate->entered)) {
		if (completion_done(&worker->done)) {
			KUNIT_FAIL(worker->td->test, "nobody at the gate");
			return;
		}
		schedule_timeout_uninterruptible(1);
	}
}
EXPORT_SYMBOL_IF_KUNIT(td_gate_wait);

/**
 * td_gate_open() - let operations pass a gate from now on
 * @gate: the gate
 *
 * Context: Any.
 */
void td_gate_open(struct td_gate *gate)
{
	complete_all(&gate->open);
}
EXPORT_SYMBOL_IF_KUNIT(td_gate_open);

static int td_worker_fn(void *data)
{
	struct td_worker *worker = data;
	struct kunit *test = worker->td->test;
	struct kunit_suppressed_warning *w;

	w = kunit_start_suppress_warning(test);
	if (worker->go)
		wait_for_completion(worker->go);
	complete(&worker->started);
	worker->ret = worker->fn(worker->arg);
	if (w) {
		worker->warnings = kunit_suppressed_warning_count(w);
		kunit_end_suppress_warning(test, w);
	}
	kthread_complete_and_exit(&worker->done, 0);
}

static struct td_worker *td_start_at(struct td *td, long (*fn)(void *arg),
				     void *arg, struct completion *go)
{
	struct kunit *test = td->test;
	struct task_struct *task;
	struct td_worker *worker;

	worker = kunit_kzalloc(test, sizeof(*worker), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, worker);
	worker->td = td;
	worker->fn = fn;
	worker->arg = arg;
	worker->go = go;
	init_completion(&worker->started);
	init_completion(&worker->done);

	task = kthread_create(td_worker_fn, worker, "vcm-test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	worker->task = get_task_struct(task);
	list_add(&worker->node, &td->workers);
	wake_up_process(task);
	return worker;
}

/**
 * td_start() - run a function in another thread
 * @td: the test
 * @fn: the function; its warnings are counted, not printed
 * @arg: its argument
 *
 * Context: Process context.
 * Return: the thread, for td_join().
 */
struct td_worker *td_start(struct td *td, long (*fn)(void *arg), void *arg)
{
	return td_start_at(td, fn, arg, NULL);
}
EXPORT_SYMBOL_IF_KUNIT(td_start);

/**
 * td_blocked() - wait until a thread waits for something, or has ended
 * @worker: the thread, which waits for nothing that ends by itself
 *
 * Context: Process context.
 * Return: true when it waits.
 */
bool td_blocked(struct td_worker *worker)
{
	unsigned int asleep = 0;

	wait_for_completion(&worker->started);
	while (!completion_done(&worker->done)) {
		/* It may be on its way to where it is to wait for good */
		if (READ_ONCE(worker->task->__state) != TASK_UNINTERRUPTIBLE)
			asleep = 0;
		else if (++asleep == 3)
			return true;
		schedule_timeout_uninterruptible(1);
	}
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(td_blocked);

/**
 * td_join() - wait until a thread has ended
 * @worker: the thread
 *
 * Context: Process context.
 * Return: what its function returned.
 */
long td_join(struct td_worker *worker)
{
	if (!worker->joined) {
		wait_for_completion(&worker->done);
		put_task_struct(worker->task);
		worker->joined = true;
	}
	return worker->ret;
}
EXPORT_SYMBOL_IF_KUNIT(td_join);

/**
 * td_run() - run a function in several threads at once
 * @td: the test
 * @nr: number of threads
 * @fn: the function
 * @args: its argument in each of them
 * @workers: gets the threads, which have ended; may be NULL
 *
 * Context: Process context.
 */
void td_run(struct td *td, unsigned int nr, long (*fn)(void *arg),
	    void *const args[], struct td_worker *workers[])
{
	struct completion *go = kunit_kzalloc(td->test, sizeof(*go), GFP_KERNEL);
	struct td_worker *worker;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(td->test, go);
	init_completion(go);
	for (i = 0; i < nr; i++) {
		worker = td_start_at(td, fn, args[i], go);
		if (workers)
			workers[i] = worker;
	}
	complete_all(go);
	list_for_each_entry(worker, &td->workers, node)
		if (worker->go == go)
			td_join(worker);
}
EXPORT_SYMBOL_IF_KUNIT(td_run);

/**
 * td_begin() - &kunit_suite.init of a suite that uses this
 * @test: the case; &kunit.priv is a struct td from now on
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

/* What is stuck is kept for good, and nothing else is kept */
static void td_ctx_end(struct td_ctx *ctx)
{
	struct kunit *test = ctx->td->test;
	struct td_entry *entry, *next;

	if (ctx->vcm && !ctx->vcm->dead)
		vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), !ctx->stuck);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->unmaps),
			atomic_read(&ctx->maps));
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->detaches),
			atomic_read(&ctx->attaches));
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->forgets),
			atomic_read(&ctx->admits));
	list_for_each_entry_safe(entry, next, &ctx->entries, node) {
		KUNIT_EXPECT_PTR_EQ(test, entry->res, NULL);
		kfree(entry);
	}
}

/**
 * td_end() - &kunit_suite.exit of a suite that uses this
 * @test: the case
 *
 * Ends what a case that failed has left, and checks that nothing leaks.
 *
 * Context: Process context.
 */
void td_end(struct kunit *test)
{
	struct td *td = test->priv;
	struct td_worker *worker;
	struct td_gate *gate;
	unsigned int i, stuck = 0;

	list_for_each_entry(gate, &td->gates, node)
		td_gate_open(gate);
	list_for_each_entry(worker, &td->workers, node) {
		if (worker->go)
			complete_all(worker->go);
		td_join(worker);
	}

	for (i = 0; i < td->nr_ctx; i++) {
		td_ctx_end(&td->ctx[i]);
		stuck += td->ctx[i].stuck;
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&td->freed) + stuck,
			atomic_read(&td->allocated));
	KUNIT_EXPECT_EQ(test, atomic_read(&td->complaints), 0);
}
EXPORT_SYMBOL_IF_KUNIT(td_end);

MODULE_DESCRIPTION("A provider of contexts for the tests of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
