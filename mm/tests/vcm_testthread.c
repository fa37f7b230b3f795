// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads, and gates at which they stop, for the tests of the core of Virtual
 * Contiguous Memory.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#include "vcm_testdrv.h"

/**
 * td_gate() - make a gate
 * @td: the test
 *
 * Context: Process context.
 * Return: a closed gate, for &td_ctx.map_gate and its neighbours.
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
 * td_gate_pass() - stop at a gate until it is open
 * @where: the gate, which is taken from there; may be NULL
 *
 * Context: Process context, within an operation of the driver.
 */
void td_gate_pass(struct td_gate **where)
{
	struct td_gate *gate = xchg(where, NULL);

	if (!gate)
		return;
	complete(&gate->entered);
	wait_for_completion(&gate->open);
}
EXPORT_SYMBOL_IF_KUNIT(td_gate_pass);

/**
 * td_gate_wait() - wait until an operation has stopped at a gate
 * @gate: the gate
 * @worker: the thread that makes the operation run; the test fails if it ends
 *	before
 *
 * Context: Process context.
 */
void td_gate_wait(struct td_gate *gate, struct td_worker *worker)
{
	while (!try_wait_for_completion(&gate->entered)) {
		if (completion_done(&worker->done)) {
			KUNIT_FAIL(worker->td->test,
				   "no operation stopped at the gate");
			return;
		}
		schedule_timeout_uninterruptible(1);
	}
}
EXPORT_SYMBOL_IF_KUNIT(td_gate_wait);

/**
 * td_gate_open() - open a gate permanently
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
 * @fn: the function; its warnings are counted and not printed
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
 * td_blocked() - wait until a thread waits for something or has ended
 * @worker: the thread, which makes no waits that end by themselves
 *
 * Context: Process context.
 * Return: true if it waits.
 */
bool td_blocked(struct td_worker *worker)
{
	unsigned int asleep = 0;

	wait_for_completion(&worker->started);
	while (!completion_done(&worker->done)) {
		/* A short sleep is not the wait that the test is about */
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
 * Return: the return value of its function.
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
 * @workers: gets the threads, which have ended then; may be NULL
 *
 * Context: Process context.
 */
void td_run(struct td *td, unsigned int nr, long (*fn)(void *arg),
	    void *const args[], struct td_worker *workers[])
{
	struct td_worker *worker;
	struct completion *go;
	unsigned int i;

	go = kunit_kzalloc(td->test, sizeof(*go), GFP_KERNEL);
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
 * td_threads_end() - open all gates and wait until all threads have ended
 * @td: the test
 *
 * Context: Process context.
 */
void td_threads_end(struct td *td)
{
	struct td_worker *worker;
	struct td_gate *gate;

	list_for_each_entry(gate, &td->gates, node)
		td_gate_open(gate);
	list_for_each_entry(worker, &td->workers, node) {
		if (worker->go)
			complete_all(worker->go);
		td_join(worker);
	}
}
EXPORT_SYMBOL_IF_KUNIT(td_threads_end);

MODULE_DESCRIPTION("Threads for the tests of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
