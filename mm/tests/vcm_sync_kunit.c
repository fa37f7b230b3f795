// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of cache maintenance of Virtual Contiguous Memory, for masters that do
 * not snoop: which bytes, in which direction, and when.
 *
 * Everything that would go to the architecture is noted instead.
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "../vcm-internal.h"
#include "vcm_testdrv.h"

#define NOTES		16

static const struct td_cfg sync_cfg = {
	.last = SZ_16M - 1,
	.pgsize_bitmap = SZ_4K | SZ_64K,
};

static const struct td_cfg sync_fixed = {
	.last = U32_MAX,
	.pgsize_bitmap = SZ_4K,
	.fixed = true,
};

/* A call of vcm_sync_range(), and what the provider had done by then */
struct note {
	phys_addr_t paddr;
	size_t size;
	enum dma_data_direction dir;
	bool for_cpu;
	int maps;
	int attaches;
};

/* One test runs at a time */
static struct {
	struct td_ctx *ctx;
	struct note note[NOTES];
	unsigned int nr;
} notes;

static void note_range(phys_addr_t paddr, size_t size,
		       enum dma_data_direction dir, bool for_cpu)
{
	struct note *note = &notes.note[notes.nr++ % NOTES];

	note->paddr = paddr;
	note->size = size;
	note->dir = dir;
	note->for_cpu = for_cpu;
	note->maps = atomic_read(&notes.ctx->maps);
	note->attaches = atomic_read(&notes.ctx->attaches);
}

static struct td_ctx *sync_create(struct kunit *test, const struct td_cfg *cfg)
{
	notes.ctx = td_create(test->priv, cfg);
	notes.nr = 0;
	kunit_activate_static_stub(test, vcm_sync_range, note_range);
	return notes.ctx;
}

static struct device *sync_device(struct td_ctx *ctx, const char *name,
				  bool unsnooped)
{
	struct device *dev = kunit_device_register(ctx->td->test, name);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, dev);
	td_limit(ctx, dev)->unsnooped = unsnooped;
	return dev;
}

static struct device *sync_attach(struct td_ctx *ctx, const char *name,
				  bool unsnooped)
{
	struct device *dev = sync_device(ctx, name, unsnooped);

	KUNIT_ASSERT_EQ(ctx->td->test, vcm_attach(ctx->vcm, dev), 0);
	return dev;
}

static const struct vcm_phys_ops sync_ops = {
	.owner = THIS_MODULE,
};

/* Two parts of RAM that nobody touches */
static struct vcm_phys *sync_phys(struct kunit *test)
{
	struct vcm_phys *phys = vcm_phys_new(2, VCM_PHYS_PAGES, &sync_ops,
					     NULL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	phys->parts[0] = (struct phys_vec) { SZ_8M, SZ_8K };
	phys->parts[1] = (struct phys_vec) { SZ_1M, SZ_16K };
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
	return phys;
}

/* The notes are these, and they are forgotten. */
static void expect_notes(struct kunit *test, unsigned int nr,
			 const struct note *want)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, notes.nr, nr);
	for (i = 0; i < min(nr, notes.nr); i++) {
		KUNIT_EXPECT_EQ(test, notes.note[i].paddr, want[i].paddr);
		KUNIT_EXPECT_EQ(test, notes.note[i].size, want[i].size);
		KUNIT_EXPECT_EQ(test, notes.note[i].dir, want[i].dir);
		KUNIT_EXPECT_EQ(test, notes.note[i].for_cpu, want[i].for_cpu);
	}
	notes.nr = 0;
}

static void expect_silence(struct kunit *test)
{
	expect_notes(test, 0, NULL);
}

/* All of sync_phys() was written back, before that many maps and attaches. */
static void expect_written_back(struct kunit *test, int maps, int attaches)
{
	const struct note want[] = {
		{ SZ_8M, SZ_8K, DMA_BIDIRECTIONAL, false },
		{ SZ_1M, SZ_16K, DMA_BIDIRECTIONAL, false },
	};
	unsigned int i;

	for (i = 0; i < min(notes.nr, NOTES); i++) {
		KUNIT_EXPECT_EQ(test, notes.note[i].maps, maps);
		KUNIT_EXPECT_EQ(test, notes.note[i].attaches, attaches);
	}
	expect_notes(test, ARRAY_SIZE(want), want);
}

/* Where every device snoops, there is nothing to be done, ever. */
static void sync_all_snoop(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_phys(test);
	struct vcm_res *res;

	sync_attach(ctx, "vcm-sync-a", false);
	res = vcm_map(ctx->vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	sync_attach(ctx, "vcm-sync-b", false);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_device(res, 0, phys->size,
						     DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, 0, phys->size,
						  DMA_FROM_DEVICE));
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_silence(test);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/* In an active context, before a bind makes memory reachable, each time */
static void sync_at_bind(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_phys(test);
	struct device *dev;
	struct vcm_res *res;

	dev = sync_attach(ctx, "vcm-sync-a", true);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = vcm_reserve(ctx->vcm, SZ_64K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	expect_silence(test);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_written_back(test, 0, 1);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	expect_silence(test);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_written_back(test, 1, 1);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);

	/* The next one snoops */
	vcm_detach(ctx->vcm, dev);
	sync_attach(ctx, "vcm-sync-b", false);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_silence(test);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/* The zeros of new memory are written back too: all of it, before the map */
static void sync_zeros(struct kunit *test)
{
	static const struct td_cfg cfg = {
		.last = SZ_1G - 1,
		.pgsize_bitmap = PAGE_SIZE,
		.pages = true,
	};
	struct td_ctx *ctx = sync_create(test, &cfg);
	size_t bytes = 0;
	struct vcm_res *res;
	unsigned int i;

	sync_attach(ctx, "vcm-sync-a", true);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = vcm_make_binding(ctx->vcm, 4 * PAGE_SIZE, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_ASSERT_EQ(test, notes.nr, res->phys->count);
	for (i = 0; i < notes.nr; i++) {
		KUNIT_EXPECT_EQ(test, notes.note[i].paddr,
				res->phys->parts[i].paddr);
		KUNIT_EXPECT_EQ(test, notes.note[i].dir, DMA_BIDIRECTIONAL);
		KUNIT_EXPECT_FALSE(test, notes.note[i].for_cpu);
		KUNIT_EXPECT_EQ(test, notes.note[i].maps, 0);
		bytes += notes.note[i].size;
	}
	KUNIT_EXPECT_EQ(test, bytes, 4 * PAGE_SIZE);
	vcm_destroy_binding(res);
	vcm_deactivate(ctx->vcm);
}

/* In an inactive context the device reaches nothing before it is activated. */
static void sync_at_activate(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_phys(test);
	struct vcm_res *res;

	sync_attach(ctx, "vcm-sync-a", true);
	res = vcm_map(ctx->vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	notes.nr = 0;
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	expect_written_back(test, 0, 1);
	/* Only counted: what the device owns is left alone */
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	vcm_deactivate(ctx->vcm);
	expect_silence(test);
	vcm_deactivate(ctx->vcm);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	expect_written_back(test, 1, 1);
	vcm_deactivate(ctx->vcm);
	vcm_unmap(res);
	vcm_free(phys);
}

/* Before the first device that does not snoop sees what is bound */
static void sync_at_attach(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_phys(test);
	struct device *dev[2], *snoops;
	struct vcm_res *res;

	res = vcm_map(ctx->vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	expect_silence(test);

	dev[0] = sync_attach(ctx, "vcm-sync-a", true);
	expect_written_back(test, 1, 0);
	/* What the second one finds was written back for the first */
	dev[1] = sync_attach(ctx, "vcm-sync-b", true);
	expect_silence(test);
	vcm_detach(ctx->vcm, dev[0]);
	vcm_detach(ctx->vcm, dev[1]);

	snoops = sync_attach(ctx, "vcm-sync-c", false);
	expect_silence(test);
	vcm_detach(ctx->vcm, snoops);
	/* The CPUs have written to it since */
	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, dev[0]), 0);
	expect_written_back(test, 1, 3);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/*
 * Devices of one context are alike: a newcomer that is not is -EINVAL. What the
 * last one was like counts until another one comes.
 */
static void sync_alike(struct kunit *test)
{
	const struct note want = { SZ_8M, SZ_4K, DMA_FROM_DEVICE, true };
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct device *dev = sync_device(ctx, "vcm-sync-a", true);
	struct device *snoops = sync_device(ctx, "vcm-sync-b", false);
	struct vcm_phys *phys = sync_phys(test);
	struct vcm_res *res = vcm_map(ctx->vcm, phys, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, snoops), 0);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EINVAL);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->attaches), 1);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, 0, SZ_4K,
						  DMA_FROM_DEVICE));
	expect_silence(test);
	vcm_detach(ctx->vcm, snoops);

	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	notes.nr = 0;
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, snoops), -EINVAL);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, 0, SZ_4K,
						  DMA_FROM_DEVICE));
	expect_notes(test, 1, &want);
	vcm_detach(ctx->vcm, dev);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, 0, SZ_4K,
						  DMA_FROM_DEVICE));
	expect_notes(test, 1, &want);
	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, snoops), 0);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, 0, SZ_4K,
						  DMA_FROM_DEVICE));
	expect_silence(test);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/* Row "vcm_destroy": -ENODEV, and nothing is done */
static void sync_after_destroy(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_phys(test);
	struct vcm_res *res = vcm_map(ctx->vcm, phys, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	sync_attach(ctx, "vcm-sync-a", true);
	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, -ENODEV, vcm_sync_for_cpu(res, 0, SZ_4K,
							DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, -ENODEV, vcm_sync_for_device(res, 0, SZ_4K,
							   DMA_TO_DEVICE));
	expect_silence(test);
	vcm_unmap(res);
	vcm_free(phys);
}

/* A device that could not be attached leaves no trace. */
static void sync_attach_fails(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct device *dev = sync_device(ctx, "vcm-sync-a", true);
	struct vcm_phys *phys = sync_phys(test);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	ctx->attach_error = -EBUSY;
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EBUSY);
	ctx->attach_error = 0;
	ctx->limits_error = -EINVAL;
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EINVAL);
	ctx->limits_error = 0;
	res = vcm_map(ctx->vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	expect_silence(test);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
	expect_written_back(test, 1, 0);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/* Where addresses follow the memory, all is always live. */
static void sync_where_fixed(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_fixed);
	struct vcm_phys *phys = vcm_phys_new(1, VCM_PHYS_PAGES, &sync_ops, NULL);
	const struct note want = { SZ_8M, SZ_16K, DMA_BIDIRECTIONAL, false };
	struct device *dev;
	struct vcm_res *res;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	phys->parts[0] = (struct phys_vec) { SZ_8M, SZ_16K };
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
	res = vcm_map(ctx->vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	expect_silence(test);
	dev = sync_attach(ctx, "vcm-sync-a", true);
	KUNIT_EXPECT_EQ(test, notes.note[0].attaches, 0);
	expect_notes(test, 1, &want);
	KUNIT_EXPECT_PTR_EQ(test, vcm_unbind(res), phys);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_EXPECT_EQ(test, notes.note[0].maps, 1);
	expect_notes(test, 1, &want);
	vcm_detach(ctx->vcm, dev);
	vcm_unmap(res);
	vcm_free(phys);
}

/* Memory without struct pages is not cached. */
static void sync_no_pages(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = td_phys_any(test->priv, SZ_16K);
	struct vcm_res *res;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	sync_attach(ctx, "vcm-sync-a", true);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = vcm_map(ctx->vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_device(res, 0, SZ_16K,
						     DMA_TO_DEVICE));
	expect_silence(test);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/* The bytes asked for in each part, whom they are handed to, and no others */
static void sync_ranges(struct kunit *test)
{
	static const struct {
		resource_size_t offset, size;
		unsigned int nr;
		struct note note[2];
	} rows[] = {
		{ 0, 64, 1, { { SZ_8M, 64 } } },
		{ SZ_4K, SZ_4K, 1, { { SZ_8M + SZ_4K, SZ_4K } } },
		{ SZ_8K, SZ_16K, 1, { { SZ_1M, SZ_16K } } },
		{ SZ_8K - 128, 256, 2, { { SZ_8M + SZ_8K - 128, 128 },
					 { SZ_1M, 128 } } },
		{ SZ_8K + 64, 64, 1, { { SZ_1M + 64, 64 } } },
		{ 0, SZ_8K + SZ_16K, 2, { { SZ_8M, SZ_8K },
					  { SZ_1M, SZ_16K } } },
		{ SZ_8K, 0, 0, },
		{ SZ_8K + SZ_16K, 0, 0, },
	};
	static const enum dma_data_direction dirs[] = {
		DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BIDIRECTIONAL,
	};
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_phys(test);
	struct vcm_res *res;
	unsigned int i, j, k, cpu;

	sync_attach(ctx, "vcm-sync-a", true);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = vcm_map(ctx->vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	notes.nr = 0;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (j = 0; j < ARRAY_SIZE(dirs); j++) {
			for (cpu = 0; cpu < 2; cpu++) {
				struct note want[2];
				int ret;

				for (k = 0; k < 2; k++) {
					want[k] = rows[i].note[k];
					want[k].dir = dirs[j];
					want[k].for_cpu = cpu;
				}
				ret = (cpu ? vcm_sync_for_cpu :
					     vcm_sync_for_device)(res,
						rows[i].offset, rows[i].size,
						dirs[j]);
				KUNIT_EXPECT_EQ(test, ret, 0);
				expect_notes(test, rows[i].nr, want);
			}
		}
	}
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/* What is not bound, no direction, bad pointers: -EINVAL, and nothing is done */
static void sync_errors(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	const resource_size_t size = SZ_8K + SZ_16K, all = ~(resource_size_t)0;
	const struct { resource_size_t offset, size; int dir; } rows[] = {
		{ 0, size + 1, DMA_TO_DEVICE },
		{ 1, size, DMA_TO_DEVICE },
		{ size + 1, 0, DMA_TO_DEVICE },
		{ 1, all, DMA_TO_DEVICE },
		{ all, 2, DMA_TO_DEVICE },
		{ 0, 64, DMA_NONE },
		{ 0, 64, DMA_NONE + 1 },
		{ 0, 64, -1 },
	};
	struct vcm_phys *phys = sync_phys(test);
	struct vcm_res *res;
	unsigned int i;

	sync_attach(ctx, "vcm-sync-a", true);
	res = vcm_reserve(ctx->vcm, SZ_64K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_sync_for_device(res, 0, 64, DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_sync_for_cpu(res, 0, 64, DMA_FROM_DEVICE));
	KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	notes.nr = 0;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		KUNIT_EXPECT_EQ(test, -EINVAL,
				vcm_sync_for_device(res, rows[i].offset,
						    rows[i].size, rows[i].dir));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				vcm_sync_for_cpu(res, rows[i].offset,
						 rows[i].size, rows[i].dir));
	}
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_sync_for_device(NULL, 0, 64, DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_sync_for_cpu(ERR_PTR(-ENODEV), 0, 64,
					 DMA_TO_DEVICE));
	expect_silence(test);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/*
 * What the device has written is what the CPUs read after vcm_sync_for_cpu(),
 * also when the context has been taken off the hardware meanwhile.
 */
static void sync_while_inactive(struct kunit *test)
{
	const struct note want = { SZ_8M, SZ_8K, DMA_FROM_DEVICE, true };
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_phys(test);
	struct vcm_res *res;

	sync_attach(ctx, "vcm-sync-a", true);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = vcm_map(ctx->vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	vcm_deactivate(ctx->vcm);
	notes.nr = 0;
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, 0, SZ_8K,
						  DMA_FROM_DEVICE));
	expect_notes(test, 1, &want);
	vcm_unmap(res);
	vcm_free(phys);
}

static struct kunit_case sync_cases[] = {
	KUNIT_CASE(sync_all_snoop),
	KUNIT_CASE(sync_at_bind),
	KUNIT_CASE(sync_zeros),
	KUNIT_CASE(sync_at_activate),
	KUNIT_CASE(sync_at_attach),
	KUNIT_CASE(sync_alike),
	KUNIT_CASE(sync_after_destroy),
	KUNIT_CASE(sync_attach_fails),
	KUNIT_CASE(sync_where_fixed),
	KUNIT_CASE(sync_no_pages),
	KUNIT_CASE(sync_ranges),
	KUNIT_CASE(sync_errors),
	KUNIT_CASE(sync_while_inactive),
	{}
};

static struct kunit_suite sync_suite = {
	.name = "vcm_sync",
	.init = td_begin,
	.exit = td_end,
	.test_cases = sync_cases,
};

kunit_test_suite(sync_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of cache maintenance of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
