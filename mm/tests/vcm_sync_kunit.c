// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for the cache maintenance of Virtual Contiguous Memory, which
 * devices that do not snoop need: which bytes, in which direction, and when.
 *
 * A stub of vcm_sync_range() takes a note of each call instead of passing it to
 * the architecture.
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "../vcm-internal.h"
#include "vcm_ram.h"
#include "vcm_testdrv.h"

#define NOTES		16

/* Size of the memory of most tests */
#define SYNC_SIZE	(4 * PAGE_SIZE)

/* The page allocator serves, so the memory is RAM. */
static const struct td_cfg sync_cfg = {
	.last = SZ_1G - 1,
	.pgsize_bitmap = PAGE_SIZE,
	.pages = true,
};

static const struct td_cfg sync_fixed = {
	.last = ~(dma_addr_t)0,
	.pgsize_bitmap = PAGE_SIZE,
	.fixed = true,
	.pages = true,
};

/**
 * struct note - a call of vcm_sync_range()
 * @paddr: its physical address
 * @size: its size, bytes
 * @dir: its direction
 * @for_cpu: the memory is handed to the CPUs
 * @maps: number of maps by the provider up to then
 * @attaches: number of devices that the provider had attached up to then
 */
struct note {
	phys_addr_t paddr;
	size_t size;
	enum dma_data_direction dir;
	bool for_cpu;
	int maps;
	int attaches;
};

/* The notes of the test that is running */
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

static struct vcm_phys *sync_alloc(struct td_ctx *ctx)
{
	struct vcm_phys *phys = vcm_alloc(ctx->vcm, SYNC_SIZE, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, phys);
	KUNIT_ASSERT_LE(ctx->td->test, phys->count, NOTES);
	return phys;
}

static struct vcm_res *sync_map(struct td_ctx *ctx, struct vcm_phys *phys,
				unsigned int flags)
{
	struct vcm_res *res = vcm_map(ctx->vcm, phys, flags);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(ctx->td->test, res);
	return res;
}

static void sync_free(struct vcm_phys *phys)
{
}

/* Make two parts of RAM that no test touches, and that were not allocated. */
static struct vcm_phys *sync_phys(struct kunit *test)
{
	struct vcm_phys *phys = vcm_phys_new(2, VCM_PHYS_PAGES, sync_free,
					     NULL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	phys->parts[0] = (struct phys_vec) { 8 * SZ_64K, SZ_128K };
	phys->parts[1] = (struct phys_vec) { SZ_64K, SZ_256K };
	KUNIT_ASSERT_EQ(test, vcm_phys_finish(phys), 0);
	return phys;
}

/* Expect these notes, and forget them. */
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

/* Expect that all of @phys was written back, after that many maps and attaches. */
static void expect_written_back(struct kunit *test, const struct vcm_phys *phys,
				int maps, int attaches)
{
	struct note want[NOTES];
	unsigned int i;

	for (i = 0; i < phys->count; i++) {
		want[i].paddr = phys->parts[i].paddr;
		want[i].size = phys->parts[i].len;
		want[i].dir = DMA_BIDIRECTIONAL;
		want[i].for_cpu = false;
	}
	for (i = 0; i < min(notes.nr, NOTES); i++) {
		KUNIT_EXPECT_EQ(test, notes.note[i].maps, maps);
		KUNIT_EXPECT_EQ(test, notes.note[i].attaches, attaches);
	}
	expect_notes(test, phys->count, want);
}

/* Coherence: where devices snoop, no cache is maintained. */
static void sync_all_snoop(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_alloc(ctx);
	struct vcm_res *res;

	sync_attach(ctx, "vcm-sync-a", false);
	res = sync_map(ctx, phys, 0);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	sync_attach(ctx, "vcm-sync-b", false);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_device(res, 0, phys->size,
						     DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, 0, phys->size,
						  DMA_FROM_DEVICE));
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_silence(test);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/*
 * Coherence: memory is written back by the first bind that makes a device reach
 * it, before the map, and by no later one.
 */
static void sync_at_bind(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_alloc(ctx);
	struct vcm_res *res, *other;

	sync_attach(ctx, "vcm-sync-a", true);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = vcm_reserve(ctx->vcm, phys->size, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	expect_silence(test);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_written_back(test, phys, 0, 1);

	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	other = sync_map(ctx, phys, 0);
	expect_silence(test);
	vcm_unmap(other);
	vcm_unmap(res);
	vcm_free(phys);

	/* Other memory has a first time of its own */
	other = vcm_make_binding(ctx->vcm, SYNC_SIZE, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	expect_written_back(test, other->phys, 3, 1);
	vcm_destroy_binding(other);
	vcm_deactivate(ctx->vcm);
}

/* Coherence: a bind that fails has written back too, so the next one need not. */
static void sync_bind_fails(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_alloc(ctx);
	struct vcm_res *res;

	sync_attach(ctx, "vcm-sync-a", true);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	atomic_set(&ctx->map_countdown, 1);
	KUNIT_EXPECT_PTR_EQ(test, vcm_map(ctx->vcm, phys, 0), ERR_PTR(-EIO));
	expect_written_back(test, phys, 0, 1);
	res = sync_map(ctx, phys, 0);
	expect_silence(test);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/* Coherence: the first vcm_activate() writes back what was bound before it. */
static void sync_at_activate(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_alloc(ctx);
	struct vcm_res *res;

	sync_attach(ctx, "vcm-sync-a", true);
	res = sync_map(ctx, phys, 0);
	expect_silence(test);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	expect_written_back(test, phys, 0, 1);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	vcm_deactivate(ctx->vcm);
	vcm_deactivate(ctx->vcm);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	expect_silence(test);
	vcm_deactivate(ctx->vcm);
	vcm_unmap(res);
	vcm_free(phys);
}

/*
 * Coherence: what is live when the first device is attached is written back
 * before the device sees it, once.
 */
static void sync_at_attach(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_alloc(ctx);
	struct device *dev[2];
	struct vcm_res *res = sync_map(ctx, phys, 0);

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	expect_silence(test);
	dev[0] = sync_attach(ctx, "vcm-sync-a", true);
	expect_written_back(test, phys, 1, 0);

	dev[1] = sync_attach(ctx, "vcm-sync-b", true);
	vcm_detach(ctx->vcm, dev[0]);
	vcm_detach(ctx->vcm, dev[1]);
	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, dev[0]), 0);
	expect_silence(test);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/*
 * Coherence: memory that devices with snooping have used is written back once
 * when it is bound for devices without, whichever context allocated it.
 */
static void sync_other_context(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct td_ctx *snooped = td_create(test->priv, &sync_cfg);
	struct vcm_phys *phys = sync_alloc(snooped);
	struct vcm_res *res, *other;

	sync_attach(ctx, "vcm-sync-a", true);
	sync_attach(snooped, "vcm-sync-b", false);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	KUNIT_ASSERT_EQ(test, vcm_activate(snooped->vcm), 0);
	other = sync_map(snooped, phys, 0);
	expect_silence(test);
	res = sync_map(ctx, phys, 0);
	expect_written_back(test, phys, 0, 1);
	vcm_unmap(other);
	other = sync_map(snooped, phys, 0);
	vcm_unmap(res);
	res = sync_map(ctx, phys, 0);
	expect_silence(test);
	vcm_unmap(res);
	vcm_unmap(other);
	vcm_free(phys);
	vcm_deactivate(snooped->vcm);
	vcm_deactivate(ctx->vcm);
}

static void sync_release(void *page)
{
	__free_page(page);
}

static struct vcm_phys *sync_import(struct kunit *test, unsigned int flags)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct vcm_phys *phys;

	KUNIT_ASSERT_NOT_NULL(test, page);
	phys = vcm_phys_import_pages(&page, 1, flags, sync_release, page);
	if (IS_ERR(phys))
		__free_page(page);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	return phys;
}

/*
 * Coherence: imported memory is the importer's to sync: neither a bind nor
 * activation nor an attach writes it back, vcm_sync_*() do what they are for.
 */
static void sync_import_is_left(struct kunit *test)
{
	const struct note want = { .size = PAGE_SIZE, .dir = DMA_TO_DEVICE };
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys;
	struct vcm_res *res;

	vcm_ram_enter(test);
	phys = sync_import(test, 0);
	res = sync_map(ctx, phys, 0);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	sync_attach(ctx, "vcm-sync-a", true);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	vcm_deactivate(ctx->vcm);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	expect_silence(test);

	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_device(res, 0, PAGE_SIZE,
						     DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, notes.note[0].paddr, phys->parts[0].paddr);
	notes.note[0].paddr = 0;
	expect_notes(test, 1, &want);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/* VCM_IMPORT_WC: the CPU does not cache the memory, so nothing is maintained. */
static void sync_write_combined(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys;
	struct vcm_res *res;

	vcm_ram_enter(test);
	phys = sync_import(test, VCM_IMPORT_WC);
	sync_attach(ctx, "vcm-sync-a", true);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = sync_map(ctx, phys, 0);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_device(res, 0, PAGE_SIZE,
						     DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, 0, PAGE_SIZE,
						  DMA_BIDIRECTIONAL));
	expect_silence(test);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/*
 * Coherence: the first attached device fixes it for the lifetime of the context;
 * another kind is -EINVAL, also when the first has been detached.
 */
static void sync_first_decides(struct kunit *test)
{
	const struct note want = { 8 * SZ_64K, SZ_4K, DMA_FROM_DEVICE, true };
	static const bool kinds[] = { true, false };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct td_ctx *ctx = sync_create(test, &sync_cfg);
		struct device *dev = sync_device(ctx, "vcm-sync-a", kinds[i]);
		struct device *odd = sync_device(ctx, "vcm-sync-b", !kinds[i]);
		struct vcm_phys *phys = sync_phys(test);
		struct vcm_res *res = sync_map(ctx, phys, 0);

		KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
		KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
		KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, odd), -EINVAL);
		vcm_detach(ctx->vcm, dev);
		KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, odd), -EINVAL);
		KUNIT_EXPECT_EQ(test, atomic_read(&ctx->attaches), 1);
		KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, 0, SZ_4K,
							  DMA_FROM_DEVICE));
		expect_notes(test, kinds[i], &want);
		KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), 0);
		vcm_unmap(res);
		vcm_free(phys);
		vcm_deactivate(ctx->vcm);
		kunit_device_unregister(test, odd);
		vcm_detach(ctx->vcm, dev);
		kunit_device_unregister(test, dev);
	}
}

/* Coherence: a device that could not be attached has decided nothing. */
static void sync_attach_fails(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct device *dev = sync_device(ctx, "vcm-sync-a", true);
	struct device *snoops = sync_device(ctx, "vcm-sync-b", false);
	struct vcm_phys *phys = sync_alloc(ctx);
	struct vcm_res *res;

	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	ctx->attach_error = -EBUSY;
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EBUSY);
	ctx->attach_error = 0;
	ctx->limits_error = -EINVAL;
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, dev), -EINVAL);
	ctx->limits_error = 0;
	res = sync_map(ctx, phys, 0);
	expect_silence(test);
	KUNIT_EXPECT_EQ(test, vcm_attach(ctx->vcm, snoops), 0);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, 0, phys->size,
						  DMA_FROM_DEVICE));
	expect_silence(test);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/* Coherence: the same where addresses follow the memory and all is live. */
static void sync_where_fixed(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_fixed);
	struct vcm_phys *phys = vcm_alloc(ctx->vcm, SYNC_SIZE, VCM_ALLOC_CONTIG);
	struct vcm_res *res;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = sync_map(ctx, phys, 0);
	expect_silence(test);
	sync_attach(ctx, "vcm-sync-a", true);
	expect_written_back(test, phys, 1, 0);
	vcm_unbind(res);
	KUNIT_EXPECT_EQ(test, vcm_bind(res, phys), 0);
	expect_silence(test);
	vcm_unmap(res);
	vcm_free(phys);

	phys = vcm_alloc(ctx->vcm, SYNC_SIZE, VCM_ALLOC_CONTIG);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	res = sync_map(ctx, phys, 0);
	expect_written_back(test, phys, 2, 1);
	vcm_unmap(res);
	vcm_free(phys);
}

/* vcm_sync_*: the CPU does not cache memory without struct pages. */
static void sync_no_pages(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = td_phys_any(test->priv, SZ_64K);
	struct vcm_res *res;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	sync_attach(ctx, "vcm-sync-a", true);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = sync_map(ctx, phys, 0);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_device(res, 0, SZ_64K,
						     DMA_TO_DEVICE));
	expect_silence(test);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

/*
 * vcm_sync_*: the bytes asked for are handed over, part by part, in the given
 * direction, and no others.
 */
static void sync_ranges(struct kunit *test)
{
	static const struct {
		resource_size_t offset, size;
		unsigned int nr;
		struct note note[2];
	} rows[] = {
		{ 0, 64, 1, { { 8 * SZ_64K, 64 } } },
		{ SZ_4K, SZ_4K, 1, { { 8 * SZ_64K + SZ_4K, SZ_4K } } },
		{ SZ_128K, SZ_256K, 1, { { SZ_64K, SZ_256K } } },
		{ SZ_128K - 128, 256, 2, { { 10 * SZ_64K - 128, 128 },
					   { SZ_64K, 128 } } },
		{ SZ_128K + 64, 64, 1, { { SZ_64K + 64, 64 } } },
		{ 0, SZ_128K + SZ_256K, 2, { { 8 * SZ_64K, SZ_128K },
					     { SZ_64K, SZ_256K } } },
		{ SZ_128K, 0, 0, },
		{ SZ_128K + SZ_256K, 0, 0, },
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
	res = sync_map(ctx, phys, 0);
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

/*
 * vcm_sync_*: -EINVAL for bytes that are not bound, for a bad direction and for
 * a bad pointer, whether or not devices snoop.
 */
static void sync_errors(struct kunit *test)
{
	const resource_size_t size = SZ_128K + SZ_256K;
	const resource_size_t all = ~(resource_size_t)0;
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
	unsigned int i, unsnooped;

	for (unsnooped = 0; unsnooped < 2; unsnooped++) {
		struct td_ctx *ctx = sync_create(test, &sync_cfg);
		struct vcm_phys *phys = sync_phys(test);
		struct vcm_res *res;

		sync_attach(ctx, unsnooped ? "vcm-sync-a" : "vcm-sync-b",
			    unsnooped);
		res = vcm_reserve(ctx->vcm, SZ_512K, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
		KUNIT_EXPECT_EQ(test, -EINVAL,
				vcm_sync_for_device(res, 0, 64, DMA_TO_DEVICE));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				vcm_sync_for_cpu(res, 0, 64, DMA_FROM_DEVICE));
		KUNIT_ASSERT_EQ(test, vcm_bind(res, phys), 0);
		KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			KUNIT_EXPECT_EQ(test, -EINVAL,
					vcm_sync_for_device(res, rows[i].offset,
							    rows[i].size,
							    rows[i].dir));
			KUNIT_EXPECT_EQ(test, -EINVAL,
					vcm_sync_for_cpu(res, rows[i].offset,
							 rows[i].size,
							 rows[i].dir));
		}
		vcm_unbind(res);
		KUNIT_EXPECT_EQ(test, -EINVAL,
				vcm_sync_for_cpu(res, 0, 64, DMA_FROM_DEVICE));
		vcm_unreserve(res);
		vcm_free(phys);
		vcm_deactivate(ctx->vcm);
	}
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_sync_for_device(NULL, 0, 64, DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vcm_sync_for_cpu(ERR_PTR(-ENODEV), 0, 64,
					 DMA_TO_DEVICE));
	expect_silence(test);
}

/*
 * vcm_sync_*: -EINVAL for a direction that the flags of the reservation exclude;
 * DMA_BIDIRECTIONAL needs both.
 */
static void sync_directions(struct kunit *test)
{
	static const struct {
		unsigned int flags;
		int to, from, both;
	} rows[] = {
		{ 0, 0, 0, 0 },
		{ VCM_RES_READ | VCM_RES_WRITE, 0, 0, 0 },
		{ VCM_RES_READ, 0, -EINVAL, -EINVAL },
		{ VCM_RES_WRITE, -EINVAL, 0, -EINVAL },
	};
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_phys(test);
	unsigned int i, cpu;

	sync_attach(ctx, "vcm-sync-a", true);
	for (i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		struct vcm_res *res = sync_map(ctx, phys, rows[i / 2].flags);
		int (*fn)(struct vcm_res *res, resource_size_t offset,
			  resource_size_t size, enum dma_data_direction dir);

		cpu = i % 2;
		fn = cpu ? vcm_sync_for_cpu : vcm_sync_for_device;
		notes.nr = 0;
		KUNIT_EXPECT_EQ(test, fn(res, 0, 64, DMA_TO_DEVICE),
				rows[i / 2].to);
		KUNIT_EXPECT_EQ(test, notes.nr, !rows[i / 2].to);
		notes.nr = 0;
		KUNIT_EXPECT_EQ(test, fn(res, 0, 64, DMA_FROM_DEVICE),
				rows[i / 2].from);
		KUNIT_EXPECT_EQ(test, notes.nr, !rows[i / 2].from);
		notes.nr = 0;
		KUNIT_EXPECT_EQ(test, fn(res, 0, 64, DMA_BIDIRECTIONAL),
				rows[i / 2].both);
		KUNIT_EXPECT_EQ(test, notes.nr, !rows[i / 2].both);
		vcm_unmap(res);
	}
	vcm_free(phys);
}

/* vcm_sync_*: -EINVAL for vcm_vmm, whose addresses are those of the CPUs. */
static void sync_vmm(struct kunit *test)
{
	struct vcm_res *res = vcm_make_binding(vcm_vmm, PAGE_SIZE, 0, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_EQ(test, -EINVAL, vcm_sync_for_device(res, 0, PAGE_SIZE,
							   DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, -EINVAL, vcm_sync_for_cpu(res, 0, PAGE_SIZE,
							DMA_FROM_DEVICE));
	vcm_destroy_binding(res);
}

/* vcm_sync_*: work on what is bound, also when it was taken off the hardware. */
static void sync_while_inactive(struct kunit *test)
{
	const struct note want = { 8 * SZ_64K, SZ_64K, DMA_FROM_DEVICE, true };
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_phys(test);
	struct vcm_res *res;

	sync_attach(ctx, "vcm-sync-a", true);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = sync_map(ctx, phys, 0);
	vcm_deactivate(ctx->vcm);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, 0, SZ_64K,
						  DMA_FROM_DEVICE));
	expect_notes(test, 1, &want);

	/* vcm_destroy() leaves the memory to the owner of the reservation */
	vcm_destroy(ctx->vcm);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, 0, SZ_64K,
						  DMA_FROM_DEVICE));
	expect_notes(test, 1, &want);
	vcm_unmap(res);
	vcm_free(phys);
}

static long sync_activate(void *vcm)
{
	return vcm_activate(vcm);
}

static long sync_both(void *arg)
{
	struct vcm_res *res = arg;
	int ret;

	ret = vcm_sync_for_device(res, 0, SYNC_SIZE, DMA_TO_DEVICE);
	return ret ?: vcm_sync_for_cpu(res, 0, SYNC_SIZE, DMA_FROM_DEVICE);
}

/*
 * vcm_sync_*: take no lock that attach or activate hold: they return while
 * another thread is within vcm_activate(), which holds topology for writing.
 */
static void sync_without_lock(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_alloc(ctx);
	struct td_worker *activator, *syncer;
	struct td_gate *gate = td_gate(test->priv);
	struct vcm_res *res;

	sync_attach(ctx, "vcm-sync-a", true);
	res = sync_map(ctx, phys, 0);
	ctx->map_gate = gate;
	activator = td_start(test->priv, sync_activate, ctx->vcm);
	td_gate_wait(gate, activator);
	KUNIT_EXPECT_FALSE(test, down_read_trylock(&ctx->vcm->topology));

	syncer = td_start(test->priv, sync_both, res);
	KUNIT_EXPECT_FALSE(test, td_blocked(syncer));
	td_gate_open(gate);
	KUNIT_EXPECT_EQ(test, td_join(syncer), 0);
	KUNIT_EXPECT_EQ(test, td_join(activator), 0);
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

static long sync_bind_at_gate(void *arg)
{
	struct vcm_res *res = arg;

	return vcm_bind(res, res->priv);
}

/* vcm_sync_*: -EINVAL while the bind or unbind is under way. */
static void sync_during_bind(struct kunit *test)
{
	struct td_ctx *ctx = sync_create(test, &sync_cfg);
	struct vcm_phys *phys = sync_alloc(ctx);
	struct td_gate *gate = td_gate(test->priv);
	struct td_worker *binder;
	struct vcm_res *res;

	sync_attach(ctx, "vcm-sync-a", true);
	KUNIT_ASSERT_EQ(test, vcm_activate(ctx->vcm), 0);
	res = vcm_reserve(ctx->vcm, phys->size, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	/* The provider has no use for it */
	res->priv = phys;
	ctx->map_gate = gate;
	binder = td_start(test->priv, sync_bind_at_gate, res);
	td_gate_wait(gate, binder);
	KUNIT_EXPECT_EQ(test, -EINVAL, vcm_sync_for_cpu(res, 0, PAGE_SIZE,
							DMA_FROM_DEVICE));
	td_gate_open(gate);
	KUNIT_EXPECT_EQ(test, td_join(binder), 0);
	KUNIT_EXPECT_EQ(test, 0, vcm_sync_for_cpu(res, 0, PAGE_SIZE,
						  DMA_FROM_DEVICE));
	vcm_unmap(res);
	vcm_free(phys);
	vcm_deactivate(ctx->vcm);
}

static struct kunit_case sync_cases[] = {
	KUNIT_CASE(sync_all_snoop),
	KUNIT_CASE(sync_at_bind),
	KUNIT_CASE(sync_bind_fails),
	KUNIT_CASE(sync_at_activate),
	KUNIT_CASE(sync_at_attach),
	KUNIT_CASE(sync_other_context),
	KUNIT_CASE(sync_import_is_left),
	KUNIT_CASE(sync_write_combined),
	KUNIT_CASE(sync_first_decides),
	KUNIT_CASE(sync_attach_fails),
	KUNIT_CASE(sync_where_fixed),
	KUNIT_CASE(sync_no_pages),
	KUNIT_CASE(sync_ranges),
	KUNIT_CASE(sync_errors),
	KUNIT_CASE(sync_directions),
	KUNIT_CASE(sync_vmm),
	KUNIT_CASE(sync_while_inactive),
	KUNIT_CASE(sync_without_lock),
	KUNIT_CASE(sync_during_bind),
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
MODULE_DESCRIPTION("KUnit tests for the cache maintenance of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
