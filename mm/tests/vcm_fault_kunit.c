// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of fault reports of Virtual Contiguous Memory: the text, which is read
 * back from the kernel's log, handlers, and the contexts that may report.
 *
 * "Row" in the comments is a row of "What each call promises".
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kmsg_dump.h>
#include <linux/module.h>
#include <linux/seq_buf.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../vcm-internal.h"
#include "vcm_testdrv.h"

#define RECORD_MAX	1024

static const struct td_cfg fault_cfg = {
	.last = SZ_16M - 1,
	.pgsize_bitmap = SZ_4K,
};

static const struct td_cfg fault_fixed = {
	.last = U32_MAX,
	.pgsize_bitmap = SZ_4K,
	.fixed = true,
};

/* The kernel's log from the beginning of the test on */
struct fault_log {
	struct kmsg_dump_iter iter;
	char text[RECORD_MAX];
	char first[RECORD_MAX];
};

/* Read the next record of VCM. Return false if there is none. */
static bool log_next(struct fault_log *log)
{
	size_t len;

	while (kmsg_dump_get_line(&log->iter, false, log->text,
				  sizeof(log->text) - 1, &len)) {
		log->text[len] = '\0';
		if (strstr(log->text, "vcm: "))
			return true;
	}
	return false;
}

static struct fault_log *log_open(struct kunit *test)
{
	struct fault_log *log;

	if (!IS_ENABLED(CONFIG_PRINTK))
		kunit_skip(test, "CONFIG_PRINTK is not set");
	log = kunit_kzalloc(test, sizeof(*log), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, log);
	kmsg_dump_rewind(&log->iter);
	while (log_next(log))
		;
	return log;
}

static __printf(3, 4) void expect_text(struct kunit *test,
				       const struct fault_log *log,
				       const char *fmt, ...)
{
	char want[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(want, sizeof(want), fmt, args);
	va_end(args);
	if (!strstr(log->text, want))
		KUNIT_FAIL(test, "\"%s\" is not in \"%s\"", want, log->text);
}

static void expect_no_text(struct kunit *test, const struct fault_log *log,
			   const char *word)
{
	if (strstr(log->text, word))
		KUNIT_FAIL(test, "\"%s\" is in \"%s\"", word, log->text);
}

/* Expect that the text has no pointer to an object of the kernel. */
static void expect_no_pointer(struct kunit *test, const struct fault_log *log,
			      const void *object)
{
	char hex[2 * sizeof(object) + 1];

	snprintf(hex, sizeof(hex), "%lx", (unsigned long)object);
	expect_no_text(test, log, hex);
	expect_no_text(test, log, "ptrval");
}

/* Report a fault, and expect one record, which stays in @log. */
static void fault_print(struct kunit *test, struct fault_log *log,
			struct td_ctx *ctx, dma_addr_t addr, unsigned int flags)
{
	vcm_report_fault(ctx->vcm, addr, flags);
	KUNIT_ASSERT_TRUE(test, log_next(log));
	strscpy(log->first, log->text);
	KUNIT_EXPECT_FALSE(test, log_next(log));
	strscpy(log->text, log->first);
	KUNIT_EXPECT_EQ(test, log->text[strlen(log->text) - 1], '\n');
	expect_no_pointer(test, log, ctx->vcm);
}

static struct vcm_res *fault_at(struct td_ctx *ctx, dma_addr_t addr,
				resource_size_t size, unsigned int flags)
{
	struct vcm_res *res = vcm_reserve_at(ctx->vcm, addr, size, flags);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, res);
	return res;
}

static struct vcm_phys *fault_phys(struct kunit *test, size_t len)
{
	struct vcm_phys *phys = td_phys_any(test->priv, len);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	return phys;
}

static void expect_range(struct kunit *test, const struct fault_log *log,
			 dma_addr_t start, resource_size_t size)
{
	dma_addr_t last = start + (size - 1);

	expect_text(test, log, "[%pad-%pad]", &start, &last);
}

/* A report names the reservation, the offset, the owner, and what is bound */
static void fault_text_hit(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &fault_cfg);
	struct vcm_phys *phys = fault_phys(test, SZ_8K);
	struct fault_log *log = log_open(test);
	struct vcm_res *res = fault_at(ctx, SZ_1M, SZ_64K, VCM_RES_READ);
	dma_addr_t addr = SZ_1M + 0x123;

	fault_print(test, log, ctx, addr, VCM_FAULT_WRITE);
	expect_text(test, log, "td");
	expect_text(test, log, "write");
	expect_text(test, log, "%pad", &addr);
	expect_text(test, log, "0x123 ");
	expect_range(test, log, SZ_1M, SZ_64K);
	expect_text(test, log, "fault_at");
	expect_text(test, log, "nothing bound");
	expect_no_text(test, log, "released");
	expect_no_text(test, log, "not reserved");
	expect_no_text(test, log, "reservations");
	expect_no_pointer(test, log, res);

	KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);
	fault_print(test, log, ctx, SZ_1M + SZ_8K - 1, VCM_FAULT_READ);
	expect_text(test, log, "read");
	expect_text(test, log, "0x1fff ");
	expect_text(test, log, "bound");
	expect_text(test, log, "readable");
	expect_no_text(test, log, "nothing bound");
	expect_no_text(test, log, "writable");
	expect_no_pointer(test, log, phys);
	/* After the end of what is bound */
	fault_print(test, log, ctx, SZ_1M + SZ_8K, 0);
	expect_text(test, log, "0x2000 bytes bound");
	expect_no_text(test, log, "readable");
	vcm_unmap(res);
	vcm_free(phys);
}

/* A report names the neighbours, their distances, and the last release */
static void fault_text_miss(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &fault_cfg);
	struct fault_log *log = log_open(test);
	struct vcm_res *a, *b;

	fault_print(test, log, ctx, 0, VCM_FAULT_READ | VCM_FAULT_WRITE);
	expect_text(test, log, "not reserved");
	expect_no_text(test, log, " of ");

	a = fault_at(ctx, SZ_1M, SZ_64K, VCM_RES_GUARD);
	b = fault_at(ctx, SZ_2M, SZ_64K, 0);
	fault_print(test, log, ctx, SZ_1M + SZ_64K + 5, VCM_FAULT_READ);
	expect_text(test, log, "not reserved");
	expect_text(test, log, "0x5 bytes above the end of");
	expect_range(test, log, SZ_1M, SZ_64K);
	expect_text(test, log, "0xefffb bytes below");
	expect_range(test, log, SZ_2M, SZ_64K);
	expect_no_text(test, log, "released");
	expect_no_pointer(test, log, a);
	expect_no_pointer(test, log, b);

	vcm_unreserve(a);
	fault_print(test, log, ctx, SZ_1M, VCM_FAULT_READ);
	expect_no_text(test, log, "above the end");
	expect_text(test, log, "0x100000 bytes below");
	expect_text(test, log, "ms ago");
	expect_text(test, log, "released by");
	expect_text(test, log, "fault_text_miss");
	expect_text(test, log, "fault_at");
	vcm_unreserve(b);
}

/* A report has the age of a release in milliseconds */
static void fault_text_age(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &fault_cfg);
	struct fault_log *log = log_open(test);
	unsigned long released, age = 0;
	const char *at;
	int nr;

	released = jiffies;
	vcm_unreserve(fault_at(ctx, SZ_1M, SZ_4K, 0));
	schedule_timeout_uninterruptible(HZ / 5);
	fault_print(test, log, ctx, SZ_1M, 0);
	at = strstr(log->text, "until ");
	KUNIT_ASSERT_NOT_NULL(test, at);
	nr = sscanf(at, "until %lu ms ago", &age);
	KUNIT_ASSERT_EQ(test, nr, 1);
	KUNIT_EXPECT_GE(test, age, 200 - jiffies_to_msecs(1));
	KUNIT_EXPECT_LE(test, age, jiffies_to_msecs(jiffies - released));
}

/* Row "quarantine": a report names it, as the driver is not to blame */
static void fault_text_quarantine(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &fault_cfg);
	struct vcm_phys *phys = fault_phys(test, SZ_4K);
	struct fault_log *log = log_open(test);
	struct vcm_res *res = fault_at(ctx, SZ_1M, SZ_4K, 0);

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);
	ctx->unmap_sticks = true;
	vcm_unmap(res);
	/* One line, at once */
	KUNIT_EXPECT_TRUE(test, log_next(log));
	expect_text(test, log, "fault_at");
	KUNIT_EXPECT_FALSE(test, log_next(log));
	fault_print(test, log, ctx, SZ_1M, VCM_FAULT_WRITE);
	expect_text(test, log, "quarantine");
	vcm_free(phys);
}

/* Owners with long names. vcm_map() must not be a tail call. */
struct fault_map {
	struct td_ctx *ctx;
	struct vcm_phys *phys;
};

static noinline struct vcm_res *
fault_owner_one_of_a_driver_with_very_long_names_of_symbols(struct fault_map *m)
{
	struct vcm_res *res = vcm_map(m->ctx->vcm, m->phys, 0);

	barrier();
	return res;
}

static noinline struct vcm_res *
fault_owner_two_of_a_driver_with_very_long_names_of_symbols(struct fault_map *m)
{
	struct vcm_res *res = vcm_map(m->ctx->vcm, m->phys, 0);

	barrier();
	return res;
}

static noinline struct vcm_res *
fault_owner_sum_of_a_driver_with_very_long_names_of_symbols(struct fault_map *m)
{
	struct vcm_res *res = vcm_map(m->ctx->vcm, m->phys, 0);

	barrier();
	return res;
}

static noinline struct vcm_res *
fault_owner_end_of_a_driver_with_very_long_names_of_symbols(struct fault_map *m)
{
	struct vcm_res *res = vcm_map(m->ctx->vcm, m->phys, 0);

	barrier();
	return res;
}

static struct vcm_res *(*const fault_owners[])(struct fault_map *m) = {
	fault_owner_one_of_a_driver_with_very_long_names_of_symbols,
	fault_owner_two_of_a_driver_with_very_long_names_of_symbols,
	fault_owner_sum_of_a_driver_with_very_long_names_of_symbols,
	fault_owner_end_of_a_driver_with_very_long_names_of_symbols,
};

/* Return how often a word is in the text. */
static unsigned int text_count(const struct fault_log *log, const char *word)
{
	const char *at = log->text;
	unsigned int nr = 0;

	while ((at = strstr(at, word))) {
		at += strlen(word);
		nr++;
	}
	return nr;
}

/*
 * Row "a mapping belongs to the caller that made it": a report names up to four
 * reservations that cover the address, and their number.
 */
static void fault_text_overlapping(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &fault_fixed);
	struct vcm_phys *phys = fault_phys(test, SZ_64K);
	struct fault_map map = { ctx, phys };
	struct fault_log *log = log_open(test);
	struct vcm_res *res[6];
	unsigned int i, nr;
	dma_addr_t addr;

	for (nr = 0; nr < ARRAY_SIZE(res); nr++) {
		res[nr] = fault_owners[nr % 4](&map);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[nr]);
	}
	addr = res[0]->start + SZ_64K - 1;
	/* Five reports, which the rate limit allows */
	for (; nr > 1; nr--) {
		fault_print(test, log, ctx, addr, VCM_FAULT_WRITE);
		expect_text(test, log, "%u reservations", nr);
		KUNIT_EXPECT_EQ(test, text_count(log, "0xffff of"),
				min(nr, 4));
		/* The last word of each: nothing was cut off */
		KUNIT_EXPECT_EQ(test, text_count(log, "writable"), min(nr, 4));
		/* The youngest first, then from the oldest on */
		if (IS_ENABLED(CONFIG_KALLSYMS)) {
			expect_text(test, log, "%ps", res[nr - 1]->owner);
			for (i = 0; i + 1 < min(nr, 4); i++)
				expect_text(test, log, "%ps", res[i]->owner);
		}
		vcm_unmap(res[nr - 1]);
	}
	vcm_unmap(res[0]);
	vcm_free(phys);
}

/* vcm_describe_addr(): the longest text fits VCM_DESCRIPTION */
static void fault_text_fits(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &fault_fixed);
	struct vcm_phys *phys = fault_phys(test, SZ_64K);
	struct fault_map map = { ctx, phys };
	struct vcm_res *res[5];
	struct seq_buf s;
	unsigned int i;
	char *text;

	for (i = 0; i < ARRAY_SIZE(res); i++) {
		res[i] = fault_owners[i % 4](&map);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
	}
	text = kunit_kzalloc(test, VCM_DESCRIPTION, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, text);
	seq_buf_init(&s, text, VCM_DESCRIPTION);
	vcm_describe_addr(ctx->vcm, res[0]->start + SZ_64K - 1, &s);
	KUNIT_EXPECT_FALSE(test, seq_buf_has_overflowed(&s));
	kunit_info(test, "%u of %u bytes\n", seq_buf_used(&s),
		   VCM_DESCRIPTION);
	for (i = 0; i < ARRAY_SIZE(res); i++)
		vcm_unmap(res[i]);
	vcm_free(phys);
}

/* Handlers */

struct fault_seen {
	struct vcm *vcm;
	dma_addr_t addr;
	unsigned int flags;
	unsigned int calls;
	bool handles;
};

static bool fault_see(struct vcm *vcm, dma_addr_t addr, unsigned int flags,
		      void *priv)
{
	struct fault_seen *seen = priv;

	seen->vcm = vcm;
	seen->addr = addr;
	seen->flags = flags;
	seen->calls++;
	return seen->handles;
}

/* A handler is called first; a fault that it handles is not printed */
static void fault_handler_first(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &fault_cfg);
	struct fault_log *log = log_open(test);
	struct fault_seen one = { .handles = true }, two = { };
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0,
			vcm_set_fault_handler(ctx->vcm, fault_see, &one));
	/* Handled faults do not count for the rate limit */
	for (i = 1; i <= 100; i++) {
		vcm_report_fault(ctx->vcm, SZ_1M + i, VCM_FAULT_WRITE);
		KUNIT_EXPECT_EQ(test, one.calls, i);
	}
	KUNIT_EXPECT_PTR_EQ(test, one.vcm, ctx->vcm);
	KUNIT_EXPECT_EQ(test, one.addr, SZ_1M + 100);
	KUNIT_EXPECT_EQ(test, one.flags, VCM_FAULT_WRITE);
	KUNIT_EXPECT_FALSE(test, log_next(log));

	/* One handler at a time */
	KUNIT_ASSERT_EQ(test, 0,
			vcm_set_fault_handler(ctx->vcm, fault_see, &two));
	fault_print(test, log, ctx, SZ_2M, VCM_FAULT_READ);
	KUNIT_EXPECT_EQ(test, one.calls, 100);
	KUNIT_EXPECT_EQ(test, two.calls, 1);
	KUNIT_EXPECT_EQ(test, two.flags, VCM_FAULT_READ);

	KUNIT_EXPECT_EQ(test, vcm_set_fault_handler(ctx->vcm, NULL, NULL), 0);
	fault_print(test, log, ctx, SZ_2M, VCM_FAULT_READ);
	KUNIT_EXPECT_EQ(test, two.calls, 1);
	KUNIT_EXPECT_EQ(test, vcm_set_fault_handler(ctx->vcm, NULL, NULL), 0);
	/* Freed with the context */
	KUNIT_EXPECT_EQ(test, 0,
			vcm_set_fault_handler(ctx->vcm, fault_see, &two));
}

/* Row "errors": -EINVAL for a bad pointer, or ignored */
static void fault_bad_pointers(struct kunit *test)
{
	struct fault_log *log = log_open(test);
	struct fault_seen seen = { };

	KUNIT_EXPECT_EQ(test, vcm_set_fault_handler(NULL, fault_see, &seen),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_set_fault_handler(ERR_PTR(-ENODEV), NULL, NULL));
	vcm_report_fault(NULL, 0, 0);
	vcm_report_fault(ERR_PTR(-ENODEV), 0, 0);
	KUNIT_EXPECT_FALSE(test, log_next(log));
}

/* A handler that runs until the test ends it */
struct fault_slow {
	struct vcm *vcm;
	bool entered;
	bool leave;
	bool left;
};

static bool fault_wait(struct vcm *vcm, dma_addr_t addr, unsigned int flags,
		       void *priv)
{
	struct fault_slow *slow = priv;
	unsigned long end = jiffies + 20 * HZ;

	WRITE_ONCE(slow->entered, true);
	while (!READ_ONCE(slow->leave) && time_before(jiffies, end))
		cpu_relax();
	WRITE_ONCE(slow->left, true);
	return true;
}

static long fault_call_report(void *arg)
{
	struct fault_slow *slow = arg;

	vcm_report_fault(slow->vcm, 0, 0);
	return 0;
}

static long fault_call_remove(void *arg)
{
	struct fault_slow *slow = arg;

	vcm_set_fault_handler(slow->vcm, NULL, NULL);
	return READ_ONCE(slow->left);
}

/* When vcm_set_fault_handler() returns, the old handler is not running */
static void fault_removal_waits(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &fault_cfg);
	struct td_worker *reports, *removes;
	struct fault_slow *slow;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	slow = kunit_kzalloc(test, sizeof(*slow), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, slow);
	slow->vcm = ctx->vcm;
	KUNIT_ASSERT_EQ(test, 0,
			vcm_set_fault_handler(ctx->vcm, fault_wait, slow));
	reports = td_start(test->priv, fault_call_report, slow);
	while (!READ_ONCE(slow->entered))
		schedule_timeout_uninterruptible(1);
	removes = td_start(test->priv, fault_call_remove, slow);
	KUNIT_EXPECT_TRUE(test, td_blocked(removes));
	WRITE_ONCE(slow->leave, true);
	KUNIT_EXPECT_TRUE(test, td_join(removes));
	td_join(reports);
}

#define THREADS		4
#define ROUNDS		200
#define ALIVE		0x600d

struct fault_thread {
	struct td_ctx *ctx;
	unsigned int nr;
	bool *end;
	atomic_t *dead;
};

struct fault_priv {
	unsigned int alive;
	atomic_t *dead;
};

/* A handler that counts calls after it was replaced */
static bool fault_alive(struct vcm *vcm, dma_addr_t addr, unsigned int flags,
			void *priv)
{
	struct fault_priv *p = priv;

	if (READ_ONCE(p->alive) != ALIVE)
		atomic_inc(p->dead);
	return true;
}

static long fault_set(struct fault_thread *t)
{
	struct fault_priv priv[2] = { { 0, t->dead }, { 0, t->dead } };
	unsigned int i;
	long ret = 0;

	for (i = 0; i < ROUNDS && !ret; i++) {
		struct fault_priv *p = &priv[i & 1];

		WRITE_ONCE(p->alive, ALIVE);
		ret = vcm_set_fault_handler(t->ctx->vcm, fault_alive, p);
		/* The other one is not called any more */
		WRITE_ONCE(priv[!(i & 1)].alive, 0);
		cond_resched();
	}
	vcm_set_fault_handler(t->ctx->vcm, NULL, NULL);
	return ret;
}

static long fault_thread(void *arg)
{
	struct fault_thread *t = arg;
	long ret = 0;

	if (!t->nr) {
		ret = fault_set(t);
		WRITE_ONCE(*t->end, true);
		return ret;
	}
	while (!READ_ONCE(*t->end)) {
		vcm_report_fault(t->ctx->vcm, SZ_1M, VCM_FAULT_READ);
		cond_resched();
	}
	return 0;
}

/* Handlers are replaced while devices fault: none is called after that */
static void fault_handler_races(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &fault_cfg);
	struct td_worker *workers[THREADS];
	struct fault_thread t[THREADS];
	atomic_t dead = ATOMIC_INIT(0);
	void *args[THREADS];
	bool end = false;
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		t[i] = (struct fault_thread) { ctx, i, &end, &dead };
		args[i] = &t[i];
	}
	td_run(test->priv, THREADS, fault_thread, args, workers);
	for (i = 0; i < THREADS; i++)
		KUNIT_EXPECT_EQ(test, td_join(workers[i]), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&dead), 0);
}

/* Interrupts */

struct fault_irq {
	struct hrtimer timer;
	struct vcm *vcm;
	struct completion done;
	bool hard;
};

static enum hrtimer_restart fault_tick(struct hrtimer *timer)
{
	struct fault_irq *irq = container_of(timer, struct fault_irq, timer);

	irq->hard = in_hardirq();
	vcm_report_fault(irq->vcm, SZ_1M + 7, VCM_FAULT_READ);
	complete(&irq->done);
	return HRTIMER_NORESTART;
}

static void fault_interrupt(struct kunit *test, struct fault_irq *irq)
{
	init_completion(&irq->done);
	hrtimer_setup(&irq->timer, fault_tick, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL);
	hrtimer_start(&irq->timer, us_to_ktime(100), HRTIMER_MODE_REL);
	wait_for_completion(&irq->done);
	hrtimer_cancel(&irq->timer);
	KUNIT_EXPECT_TRUE(test, irq->hard);
}

/* Row "owner, sleeping, errors": vcm_report_fault() works in hard interrupts */
static void fault_in_interrupt(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &fault_cfg);
	struct fault_log *log = log_open(test);
	struct fault_seen *seen;
	struct fault_irq *irq;
	struct vcm_res *res;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "interrupts are threaded");
	irq = kunit_kzalloc(test, sizeof(*irq), GFP_KERNEL);
	seen = kunit_kzalloc(test, sizeof(*seen), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, irq);
	KUNIT_ASSERT_NOT_NULL(test, seen);
	irq->vcm = ctx->vcm;
	vcm_unreserve(fault_at(ctx, SZ_1M, SZ_4K, 0));
	res = fault_at(ctx, SZ_1M, SZ_4K, 0);

	fault_interrupt(test, irq);
	KUNIT_ASSERT_TRUE(test, log_next(log));
	expect_text(test, log, "0x7 ");
	expect_text(test, log, "fault_at");
	expect_text(test, log, "ms ago");
	KUNIT_EXPECT_FALSE(test, log_next(log));

	seen->handles = true;
	KUNIT_ASSERT_EQ(test, 0,
			vcm_set_fault_handler(ctx->vcm, fault_see, seen));
	fault_interrupt(test, irq);
	KUNIT_EXPECT_EQ(test, seen->calls, 1);
	KUNIT_EXPECT_FALSE(test, log_next(log));
	vcm_unreserve(res);
}

/* Reports are rate-limited, each context on its own */
static void fault_rate(struct kunit *test)
{
	struct td_ctx *storm = td_create(test->priv, &fault_cfg);
	struct td_ctx *calm = td_create(test->priv, &fault_fixed);
	struct fault_log *log = log_open(test);
	unsigned int i, printed = 0;

	for (i = 0; i < 1000; i++)
		vcm_report_fault(storm->vcm, i, VCM_FAULT_READ);
	while (log_next(log))
		printed++;
	KUNIT_EXPECT_GE(test, printed, 1);
	/* A slow machine may have seen two intervals */
	KUNIT_EXPECT_LE(test, printed, 20);
	fault_print(test, log, calm, 0, VCM_FAULT_READ);
	expect_text(test, log, "td-fixed");
}

/*
 * Row "vcm_destroy": a destroyed context, held by a reservation, still reports.
 * It has no handler any more, and -ENODEV for a new one.
 */
static void fault_after_destroy(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &fault_cfg);
	struct fault_log *log = log_open(test);
	struct vcm_res *res = fault_at(ctx, SZ_1M, SZ_4K, 0);
	struct fault_seen seen = { .handles = true };

	KUNIT_EXPECT_EQ(test, 0,
			vcm_set_fault_handler(ctx->vcm, fault_see, &seen));
	vcm_destroy(ctx->vcm);
	while (log_next(log))
		;
	KUNIT_EXPECT_EQ(test, -ENODEV,
			vcm_set_fault_handler(ctx->vcm, fault_see, &seen));
	KUNIT_EXPECT_EQ(test, vcm_set_fault_handler(ctx->vcm, NULL, NULL), 0);
	fault_print(test, log, ctx, SZ_1M, VCM_FAULT_READ);
	expect_text(test, log, "fault_at");
	KUNIT_EXPECT_EQ(test, seen.calls, 0);
	vcm_unreserve(res);
}

static struct kunit_case fault_cases[] = {
	KUNIT_CASE(fault_text_hit),
	KUNIT_CASE(fault_text_miss),
	KUNIT_CASE(fault_text_age),
	KUNIT_CASE(fault_text_quarantine),
	KUNIT_CASE(fault_text_overlapping),
	KUNIT_CASE(fault_text_fits),
	KUNIT_CASE(fault_handler_first),
	KUNIT_CASE(fault_bad_pointers),
	KUNIT_CASE(fault_removal_waits),
	KUNIT_CASE(fault_handler_races),
	KUNIT_CASE(fault_in_interrupt),
	KUNIT_CASE(fault_rate),
	KUNIT_CASE(fault_after_destroy),
	{}
};

static struct kunit_suite fault_suite = {
	.name = "vcm_fault",
	.init = td_begin,
	.exit = td_end,
	.test_cases = fault_cases,
};

kunit_test_suite(fault_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of fault reports of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
