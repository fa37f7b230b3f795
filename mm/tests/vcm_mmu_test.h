/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the KUnit suites of the page-table wrapper, mm/vcm-mmu.c: the
 * properties of the software MMU, and checks of its state.
 */
#ifndef _MM_TESTS_VCM_MMU_TEST_H
#define _MM_TESTS_VCM_MMU_TEST_H

#include <kunit/test.h>
#include <linux/sizes.h>
#include <linux/vcm-drv.h>

#include "vcm_models.h"
#include "vcm_softmmu.h"

static const struct softmmu_cfg mmu_cfg __maybe_unused = {
	.start = SZ_16M,
	.last = SZ_1G - 1,
	.pgsize_bitmap = SZ_4K | SZ_64K | SZ_1M | SZ_16M,
};

static const struct phys_vec one_part __maybe_unused = {
	.paddr = SZ_1M,
	.len = SZ_8K,
};

static inline void expect_clean(struct kunit *test, const struct softmmu *s)
{
	KUNIT_EXPECT_EQ(test, s->stats.present, 0);
	KUNIT_EXPECT_EQ(test, s->stats.stale, 0);
	KUNIT_EXPECT_EQ(test, s->stats.starts, s->stats.stops);
}

static inline void expect_translation(struct kunit *test,
				      const struct vcm_res *res,
				      dma_addr_t offset, phys_addr_t expected)
{
	phys_addr_t paddr = 0;

	KUNIT_EXPECT_EQ(test, 0,
			softmmu_translate(res->vcm, res->start + offset,
					  VCM_RES_READ | VCM_RES_WRITE,
					  &paddr));
	KUNIT_EXPECT_EQ(test, paddr, expected);
}

#endif /* _MM_TESTS_VCM_MMU_TEST_H */
