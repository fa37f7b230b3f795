/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The random cases of a suite of Virtual Contiguous Memory: its parameter "seed",
 * with which a run can be repeated.
 */
#ifndef _MM_TESTS_VCM_SEED_H
#define _MM_TESTS_VCM_SEED_H

#include <kunit/test.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random tests; 0: a new one for each run");

/* Seed @rnd, and print the seed. */
static inline void vcm_seed(struct kunit *test, struct rnd_state *rnd)
{
	const u32 start = seed ?: get_random_u32();

	kunit_info(test, "seed %u\n", start);
	prandom_seed_state(rnd, start);
}

#endif /* _MM_TESTS_VCM_SEED_H */
