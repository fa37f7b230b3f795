// SPDX-License-Identifier: GPL-2.0-only
/*
 * The examples of Documentation/core-api/vcm-porting.rst: a driver without
 * Virtual Contiguous Memory, and the same driver with it.
 *
 * Each case runs for both and expects the same of both, as the device sees it:
 * through the fake IOMMU or the GART of the tests. drm_mm needs CONFIG_DRM.
 */
#include <drm/drm_mm.h>
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/iommu.h>
#include <linux/ioport.h>
#include <linux/iova.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/vcm-iommu.h>

#include "vcm_fakeiommu.h"
#include "vcm_gart.h"

/* The engine can use these addresses, except the hole and the last page */
#define ENGINE_LAST		(SZ_16M - 1)
#define ENGINE_LAST_PAGE	(SZ_16M - SZ_4K)
#define ENGINE_HOLE		(6 * SZ_1M)
#define ENGINE_HOLE_SIZE	SZ_1M

/* before, IOMMU: begin */
struct before_engine {
	struct iommu_group *group;
	struct iommu_domain *domain;
	struct iova_domain iova;
	struct iova *hole;
	struct iova *last_page;
};

static int before_engine_holes(struct before_engine *engine)
{
	unsigned long shift = iova_shift(&engine->iova);

	engine->hole = reserve_iova(&engine->iova, ENGINE_HOLE >> shift,
				    (ENGINE_HOLE + ENGINE_HOLE_SIZE - 1) >> shift);
	if (!engine->hole)
		return -ENOMEM;
	engine->last_page = reserve_iova(&engine->iova, ENGINE_LAST >> shift,
					 ENGINE_LAST >> shift);
	if (!engine->last_page) {
		__free_iova(&engine->iova, engine->hole);
		return -ENOMEM;
	}
	return 0;
}

static int before_engine_init(struct before_engine *engine, struct device *dev)
{
	unsigned long granule;
	int ret;

	engine->group = iommu_group_get(dev);
	if (!engine->group)
		return -ENODEV;
	engine->domain = iommu_paging_domain_alloc(dev);
	if (IS_ERR(engine->domain)) {
		ret = PTR_ERR(engine->domain);
		goto err_group;
	}
	ret = iommu_attach_group(engine->domain, engine->group);
	if (ret)
		goto err_domain;
	ret = iova_cache_get();
	if (ret)
		goto err_detach;

	granule = 1UL << __ffs(engine->domain->pgsize_bitmap);
	init_iova_domain(&engine->iova, granule, 0);
	ret = before_engine_holes(engine);
	if (ret)
		goto err_iova;
	return 0;

err_iova:
	put_iova_domain(&engine->iova);
	iova_cache_put();
err_detach:
	iommu_detach_group(engine->domain, engine->group);
err_domain:
	iommu_domain_free(engine->domain);
err_group:
	iommu_group_put(engine->group);
	return ret;
}

static void before_engine_exit(struct before_engine *engine)
{
	__free_iova(&engine->iova, engine->last_page);
	__free_iova(&engine->iova, engine->hole);
	put_iova_domain(&engine->iova);
	iova_cache_put();
	iommu_detach_group(engine->domain, engine->group);
	iommu_domain_free(engine->domain);
	iommu_group_put(engine->group);
}

static struct iova *before_engine_map(struct before_engine *engine,
				      struct sg_table *sgt, size_t size)
{
	unsigned long shift = iova_shift(&engine->iova);
	unsigned long last = engine->domain->geometry.aperture_end;
	struct iova *iova;
	dma_addr_t addr;
	ssize_t mapped;

	size = iova_align(&engine->iova, size);
	iova = alloc_iova(&engine->iova, size >> shift, last >> shift, true);
	if (!iova)
		return ERR_PTR(-ENOSPC);

	addr = iova_dma_addr(&engine->iova, iova);
	mapped = iommu_map_sgtable(engine->domain, addr, sgt,
				   IOMMU_READ | IOMMU_WRITE);
	if (mapped == size)
		return iova;
	if (mapped > 0)
		iommu_unmap(engine->domain, addr, mapped);
	__free_iova(&engine->iova, iova);
	return ERR_PTR(mapped < 0 ? mapped : -EIO);
}

static void before_engine_unmap(struct before_engine *engine, struct iova *iova)
{
	size_t size = iova_size(iova) << iova_shift(&engine->iova);

	iommu_unmap(engine->domain, iova_dma_addr(&engine->iova, iova), size);
	__free_iova(&engine->iova, iova);
}

/* before, IOMMU: end */

/* after, buffers: begin */
struct after_buffer {
	struct sg_table *sgt;
	size_t size;
	refcount_t users;	/* its pages are kept for them */
};

static void after_release(void *priv)
{
	struct after_buffer *buffer = priv;

	refcount_dec(&buffer->users);
}

static struct vcm_res *after_map(struct vcm *vcm, struct after_buffer *buffer)
{
	struct vcm_phys *phys;
	struct vcm_res *res;

	refcount_inc(&buffer->users);
	phys = vcm_phys_import_sgt(buffer->sgt, buffer->size, 0, after_release,
				   buffer);
	if (IS_ERR(phys)) {
		after_release(buffer);
		return ERR_CAST(phys);
	}
	res = vcm_map(vcm, phys, 0);
	/* The binding holds the memory now; without one it is released here */
	vcm_free(phys);
	return res;
}

static void after_unmap(struct vcm_res *res)
{
	vcm_unmap(res);
}

/* after, buffers: end */

/* after, IOMMU: begin */
struct after_engine {
	struct vcm *vcm;
	struct vcm_res *hole;
	struct vcm_res *last_page;
};

static int after_engine_init(struct after_engine *engine, struct device *dev)
{
	int ret;

	engine->vcm = vcm_iommu_create(dev);
	if (IS_ERR(engine->vcm))
		return PTR_ERR(engine->vcm);
	engine->hole = vcm_reserve_at(engine->vcm, ENGINE_HOLE,
				      ENGINE_HOLE_SIZE, 0);
	if (IS_ERR(engine->hole)) {
		ret = PTR_ERR(engine->hole);
		goto err_context;
	}
	engine->last_page = vcm_reserve_at(engine->vcm, ENGINE_LAST_PAGE, SZ_4K,
					   0);
	if (IS_ERR(engine->last_page)) {
		ret = PTR_ERR(engine->last_page);
		goto err_hole;
	}
	ret = vcm_activate(engine->vcm);
	if (ret)
		goto err_last_page;
	return 0;

err_last_page:
	vcm_unreserve(engine->last_page);
err_hole:
	vcm_unreserve(engine->hole);
err_context:
	vcm_destroy(engine->vcm);
	return ret;
}

static void after_engine_exit(struct after_engine *engine)
{
	vcm_unreserve(engine->last_page);
	vcm_unreserve(engine->hole);
	vcm_destroy(engine->vcm);
}

/* after, IOMMU: end */

/* before, page table: begin */
struct before_gart {
	struct gart *hw;
	struct mutex lock;	/* @mm */
	struct drm_mm mm;
};

static void before_gart_clear(struct before_gart *g, u64 start, size_t pages)
{
	u32 *entry = &g->hw->table[(start - GART_BASE) / SZ_4K];

	while (pages--)
		WRITE_ONCE(*entry++, 0);
	gart_flush(g->hw);
}

static int before_gart_write(struct before_gart *g, u64 start,
			     struct sg_table *sgt)
{
	u32 *entry = &g->hw->table[(start - GART_BASE) / SZ_4K];
	struct sg_page_iter iter;
	phys_addr_t paddr;
	size_t pages = 0;

	for_each_sgtable_page(sgt, &iter, 0) {
		paddr = page_to_phys(sg_page_iter_page(&iter));
		if (upper_32_bits(paddr)) {
			before_gart_clear(g, start, pages);
			return -EADDRNOTAVAIL;
		}
		WRITE_ONCE(entry[pages++], lower_32_bits(paddr) | GART_VALID);
	}
	return 0;
}

static int before_gart_map(struct before_gart *g, struct sg_table *sgt,
			   size_t size, struct drm_mm_node *node)
{
	int ret;

	mutex_lock(&g->lock);
	ret = drm_mm_insert_node(&g->mm, node, size);
	mutex_unlock(&g->lock);
	if (ret)
		return ret;

	ret = before_gart_write(g, node->start, sgt);
	if (ret) {
		mutex_lock(&g->lock);
		drm_mm_remove_node(node);
		mutex_unlock(&g->lock);
	}
	return ret;
}

static void before_gart_unmap(struct before_gart *g, struct drm_mm_node *node)
{
	before_gart_clear(g, node->start, node->size / SZ_4K);
	mutex_lock(&g->lock);
	drm_mm_remove_node(node);
	mutex_unlock(&g->lock);
}

/* before, page table: end */

/* before, DMA API: begin */
struct before_frame {
	struct sg_table *sgt;
	void *cpu;
	dma_addr_t addr;
};

static int before_frame_get(struct before_frame *frame, struct device *dev,
			    size_t size)
{
	frame->sgt = dma_alloc_noncontiguous(dev, size, DMA_BIDIRECTIONAL,
					     GFP_KERNEL, 0);
	if (!frame->sgt)
		return -ENOMEM;
	frame->cpu = dma_vmap_noncontiguous(dev, size, frame->sgt);
	if (!frame->cpu) {
		dma_free_noncontiguous(dev, size, frame->sgt,
				       DMA_BIDIRECTIONAL);
		return -ENOMEM;
	}
	frame->addr = sg_dma_address(frame->sgt->sgl);
	return 0;
}

static void before_frame_put(struct before_frame *frame, struct device *dev,
			     size_t size)
{
	dma_vunmap_noncontiguous(dev, frame->cpu);
	dma_free_noncontiguous(dev, size, frame->sgt, DMA_BIDIRECTIONAL);
}

static void before_frame_to_device(struct before_frame *frame,
				   struct device *dev, size_t size)
{
	flush_kernel_vmap_range(frame->cpu, size);
	dma_sync_sgtable_for_device(dev, frame->sgt, DMA_BIDIRECTIONAL);
}

static void before_frame_to_cpu(struct before_frame *frame, struct device *dev,
				size_t size)
{
	dma_sync_sgtable_for_cpu(dev, frame->sgt, DMA_BIDIRECTIONAL);
	invalidate_kernel_vmap_range(frame->cpu, size);
}

/* before, DMA API: end */

/* after, DMA API: begin */
struct after_frame {
	struct vcm_res *res;	/* the device is given res->start */
	struct vcm_res *cpu;	/* the CPU uses vcm_cpu_addr(cpu) */
};

static int after_frame_get(struct after_frame *frame, struct vcm *vcm,
			   size_t size)
{
	frame->res = vcm_make_binding(vcm, size, 0, 0);
	if (IS_ERR(frame->res))
		return PTR_ERR(frame->res);
	frame->cpu = vcm_map(vcm_vmm, frame->res->phys, 0);
	if (IS_ERR(frame->cpu)) {
		vcm_destroy_binding(frame->res);
		return PTR_ERR(frame->cpu);
	}
	return 0;
}

static void after_frame_put(struct after_frame *frame)
{
	vcm_unmap(frame->cpu);
	vcm_destroy_binding(frame->res);
}

static int after_frame_to_device(struct after_frame *frame, size_t size)
{
	flush_kernel_vmap_range(vcm_cpu_addr(frame->cpu), size);
	return vcm_sync_for_device(frame->res, 0, size, DMA_BIDIRECTIONAL);
}

static int after_frame_to_cpu(struct after_frame *frame, size_t size)
{
	int ret = vcm_sync_for_cpu(frame->res, 0, size, DMA_BIDIRECTIONAL);

	invalidate_kernel_vmap_range(vcm_cpu_addr(frame->cpu), size);
	return ret;
}

/* after, DMA API: end */

/* The cases run both ways */

enum porting_way { BEFORE, AFTER };

static const enum porting_way porting_ways[] = { BEFORE, AFTER };

static void porting_desc(const enum porting_way *way, char *desc)
{
	strscpy(desc, *way == BEFORE ? "before" : "after",
		KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(porting, porting_ways, porting_desc);

static bool ported(struct kunit *test)
{
	return *(const enum porting_way *)test->param_value == AFTER;
}

/* A buffer of another driver: pages in descending order of addresses */

#define BUFFER_SIZE	SZ_1M
#define BUFFER_PAGES	(BUFFER_SIZE / PAGE_SIZE)

struct porting_buffer {
	struct kunit *test;
	struct page *page[BUFFER_PAGES];
	struct sg_table sgt;
	struct resource ram;
	struct after_buffer after;
};

static void buffer_free(void *data)
{
	struct porting_buffer *buffer = data;
	unsigned int i;

	/* Each import has been released */
	KUNIT_EXPECT_EQ(buffer->test, refcount_read(&buffer->after.users), 1);
	sg_free_table(&buffer->sgt);
	if (buffer->ram.parent)
		release_resource(&buffer->ram);
	for (i = 0; i < BUFFER_PAGES && buffer->page[i]; i++)
		__free_page(buffer->page[i]);
}

static int buffer_cmp(const void *a, const void *b)
{
	struct page *const *x = a, *const *y = b;

	return page_to_pfn(*x) < page_to_pfn(*y) ? 1 : -1;
}

/* List the pages as RAM: ARCH=um does not do that. */
static void buffer_list(struct kunit *test, struct porting_buffer *buffer)
{
	if (page_is_ram(page_to_pfn(buffer->page[0])))
		return;
	buffer->ram.name = "VCM test";
	buffer->ram.flags = IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY;
	buffer->ram.start = page_to_phys(buffer->page[BUFFER_PAGES - 1]);
	buffer->ram.end = page_to_phys(buffer->page[0]) + PAGE_SIZE - 1;
	KUNIT_ASSERT_EQ(test, 0, request_resource(&iomem_resource,
						  &buffer->ram));
}

static struct porting_buffer *buffer_get(struct kunit *test)
{
	struct porting_buffer *buffer;
	unsigned int i;

	buffer = kunit_kzalloc(test, sizeof(*buffer), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buffer);
	buffer->test = test;
	buffer->after.sgt = &buffer->sgt;
	buffer->after.size = BUFFER_SIZE;
	refcount_set(&buffer->after.users, 1);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, buffer_free, buffer));
	for (i = 0; i < BUFFER_PAGES; i++) {
		buffer->page[i] = alloc_page(GFP_KERNEL | GFP_DMA32);
		KUNIT_ASSERT_NOT_NULL(test, buffer->page[i]);
	}
	sort(buffer->page, BUFFER_PAGES, sizeof(buffer->page[0]), buffer_cmp,
	     NULL);
	buffer_list(test, buffer);
	KUNIT_ASSERT_EQ(test, 0,
			sg_alloc_table_from_pages(&buffer->sgt, buffer->page,
						  BUFFER_PAGES, 0, BUFFER_SIZE,
						  GFP_KERNEL));
	return buffer;
}

/* The engine behind an IOMMU, driven in either way */

struct porting_engine {
	struct kunit *test;
	struct device *dev;
	struct fakeiommu *fake;
	struct before_engine before;
	struct after_engine after;
};

static void engine_exit(void *data)
{
	struct porting_engine *e = data;

	if (ported(e->test))
		after_engine_exit(&e->after);
	else
		before_engine_exit(&e->before);
}

static struct porting_engine *engine_get(struct kunit *test)
{
	static const struct fakeiommu_cfg cfg = { .last = ENGINE_LAST };
	struct porting_engine *e;
	int ret;

	e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, e);
	e->test = test;
	e->fake = fakeiommu_create(test, 0, &cfg);
	e->dev = fakeiommu_master_create(test, 0);
	ret = ported(test) ? after_engine_init(&e->after, e->dev) :
			     before_engine_init(&e->before, e->dev);
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, engine_exit, e));
	return e;
}

/* Return a handle for engine_unmap(), or an error. @addr gets the address. */
static void *engine_map(struct porting_engine *e, struct porting_buffer *buffer,
			dma_addr_t *addr)
{
	struct vcm_res *res;
	struct iova *iova;

	if (ported(e->test)) {
		res = after_map(e->after.vcm, &buffer->after);
		if (!IS_ERR(res))
			*addr = res->start;
		return res;
	}
	iova = before_engine_map(&e->before, &buffer->sgt, BUFFER_SIZE);
	if (!IS_ERR(iova))
		*addr = iova_dma_addr(&e->before.iova, iova);
	return iova;
}

static void engine_unmap(struct porting_engine *e, void *handle)
{
	if (ported(e->test))
		after_unmap(handle);
	else
		before_engine_unmap(&e->before, handle);
}

/* Return the number of pages of a buffer that the engine sees from @addr on. */
static unsigned int engine_sees(struct porting_engine *e, dma_addr_t addr,
				struct porting_buffer *buffer)
{
	unsigned int i, seen = 0;
	phys_addr_t paddr;

	for (i = 0; i < BUFFER_PAGES; i++, addr += PAGE_SIZE)
		seen += !fakeiommu_translate(e->dev, addr, true, &paddr) &&
			paddr == page_to_phys(buffer->page[i]);
	return seen;
}

/* The engine sees scattered pages as one range until they are unmapped */
static void porting_iommu_sees(struct kunit *test)
{
	struct porting_buffer *buffer = buffer_get(test);
	struct porting_engine *e = engine_get(test);
	dma_addr_t addr;
	void *handle;

	handle = engine_map(e, buffer, &addr);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, handle);
	KUNIT_EXPECT_EQ(test, engine_sees(e, addr, buffer), BUFFER_PAGES);
	engine_unmap(e, handle);
	KUNIT_EXPECT_EQ(test, engine_sees(e, addr, buffer), 0);
}

/* All addresses that the engine can use are used, and no others */
static void porting_iommu_fills(struct kunit *test)
{
	struct porting_buffer *buffer = buffer_get(test);
	struct porting_engine *e = engine_get(test);
	void *handle[ENGINE_LAST / BUFFER_SIZE + 2];
	unsigned int n, i;
	dma_addr_t addr;

	for (n = 0; n < ARRAY_SIZE(handle); n++) {
		handle[n] = engine_map(e, buffer, &addr);
		if (IS_ERR(handle[n]))
			break;
		KUNIT_EXPECT_EQ(test, engine_sees(e, addr, buffer),
				BUFFER_PAGES);
		KUNIT_EXPECT_TRUE(test, addr + BUFFER_SIZE <= ENGINE_HOLE ||
				  addr >= ENGINE_HOLE + ENGINE_HOLE_SIZE);
		KUNIT_EXPECT_LE(test, addr + BUFFER_SIZE, ENGINE_LAST_PAGE);
	}
	/* 16 MiB without the hole and the MiB of the last page */
	KUNIT_EXPECT_EQ(test, n, 14);
	if (n < ARRAY_SIZE(handle))
		KUNIT_EXPECT_PTR_EQ(test, handle[n], ERR_PTR(-ENOSPC));
	for (i = 0; i < n; i++)
		engine_unmap(e, handle[i]);
}

/* After a failure at any leaf, no leaf is set and no address is reserved */
static void porting_iommu_fails(struct kunit *test)
{
	struct porting_buffer *buffer = buffer_get(test);
	struct porting_engine *e = engine_get(test);
	dma_addr_t addr;
	unsigned int n;
	void *handle;

	for (n = 0; n < 20; n++) {
		atomic_long_set(&e->fake->fail_map, n);
		KUNIT_EXPECT_PTR_EQ(test, engine_map(e, buffer, &addr),
				    ERR_PTR(-ENOMEM));
		KUNIT_EXPECT_EQ(test, atomic_long_read(&e->fake->writes),
				atomic_long_read(&e->fake->clears));
	}
	handle = engine_map(e, buffer, &addr);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, handle);
	KUNIT_EXPECT_EQ(test, engine_sees(e, addr, buffer), BUFFER_PAGES);
	engine_unmap(e, handle);
}

/* The GART, driven in either way */

struct porting_gart {
	struct kunit *test;
	struct gart *hw;
	struct before_gart before;
	struct drm_mm_node node[GART_SIZE / BUFFER_SIZE + 1];
	unsigned int nr;
};

static void porting_gart_exit(void *data)
{
	struct porting_gart *g = data;

	if (!ported(g->test) && IS_REACHABLE(CONFIG_DRM))
		drm_mm_takedown(&g->before.mm);
	vcm_destroy(&g->hw->mmu.vcm);
}

static struct porting_gart *porting_gart_get(struct kunit *test)
{
	struct porting_gart *g;

	if (!ported(test) && !IS_REACHABLE(CONFIG_DRM))
		kunit_skip(test, "CONFIG_DRM is not reachable");
	if (PAGE_SIZE != SZ_4K)
		kunit_skip(test, "an entry is not a page of the CPU");
	g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, g);
	g->test = test;
	g->hw = gart_create(test);
	if (ported(test)) {
		KUNIT_EXPECT_EQ(test, vcm_activate(&g->hw->mmu.vcm), 0);
	} else if (IS_REACHABLE(CONFIG_DRM)) {
		g->before.hw = g->hw;
		mutex_init(&g->before.lock);
		drm_mm_init(&g->before.mm, GART_BASE, GART_SIZE);
	}
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, porting_gart_exit, g));
	return g;
}

static void *porting_gart_map(struct porting_gart *g,
			      struct porting_buffer *buffer, dma_addr_t *addr)
{
	struct drm_mm_node *node = &g->node[g->nr++];
	struct vcm_res *res;
	int ret;

	if (ported(g->test)) {
		res = after_map(&g->hw->mmu.vcm, &buffer->after);
		if (!IS_ERR(res))
			*addr = res->start;
		return res;
	}
	if (!IS_REACHABLE(CONFIG_DRM))
		return ERR_PTR(-ENODEV);
	ret = before_gart_map(&g->before, &buffer->sgt, BUFFER_SIZE, node);
	*addr = node->start;
	return ret ? ERR_PTR(ret) : node;
}

static void porting_gart_unmap(struct porting_gart *g, void *handle)
{
	if (ported(g->test))
		after_unmap(handle);
	else if (IS_REACHABLE(CONFIG_DRM))
		before_gart_unmap(&g->before, handle);
}

static unsigned int gart_sees(struct porting_gart *g, dma_addr_t addr,
			      struct porting_buffer *buffer)
{
	unsigned int i, seen = 0;
	phys_addr_t paddr;

	for (i = 0; i < BUFFER_PAGES; i++, addr += PAGE_SIZE)
		seen += !gart_translate(&g->hw->mmu.vcm, addr, &paddr) &&
			paddr == page_to_phys(buffer->page[i]);
	return seen;
}

/* The whole aperture is used, and no stale entry shows what was unmapped */
static void porting_mmu_sees(struct kunit *test)
{
	struct porting_buffer *buffer = buffer_get(test);
	struct porting_gart *g = porting_gart_get(test);
	void *handle[GART_SIZE / BUFFER_SIZE + 1];
	dma_addr_t addr[GART_SIZE / BUFFER_SIZE + 1];
	unsigned int n, i;

	for (n = 0; n < ARRAY_SIZE(handle); n++) {
		handle[n] = porting_gart_map(g, buffer, &addr[n]);
		if (IS_ERR(handle[n]))
			break;
		KUNIT_EXPECT_EQ(test, gart_sees(g, addr[n], buffer),
				BUFFER_PAGES);
	}
	KUNIT_EXPECT_EQ(test, n, GART_SIZE / BUFFER_SIZE);
	if (n < ARRAY_SIZE(handle))
		KUNIT_EXPECT_PTR_EQ(test, handle[n], ERR_PTR(-ENOSPC));
	for (i = 0; i < n; i++) {
		porting_gart_unmap(g, handle[i]);
		KUNIT_EXPECT_EQ(test, gart_sees(g, addr[i], buffer), 0);
	}
}

/* The DMA API: the device reads what the CPU writes, and the reverse */

#define FRAME_SIZE	SZ_256K

static void frame_fill(u8 *bytes, u8 seed)
{
	unsigned int i;

	for (i = 0; i < FRAME_SIZE; i++)
		bytes[i] = seed + i + (i >> 8);
}

/* Expect that each sees what the other writes. */
static void frame_before(struct kunit *test, struct device *dev, u8 *bytes)
{
	struct before_frame frame;

	KUNIT_ASSERT_EQ(test, before_frame_get(&frame, dev, FRAME_SIZE), 0);
	frame_fill(frame.cpu, 1);
	before_frame_to_device(&frame, dev, FRAME_SIZE);
	KUNIT_EXPECT_EQ(test, 0, fakeiommu_access(dev, frame.addr, bytes,
						  FRAME_SIZE, false));
	KUNIT_EXPECT_MEMEQ(test, bytes, frame.cpu, FRAME_SIZE);

	frame_fill(bytes, 99);
	KUNIT_EXPECT_EQ(test, 0, fakeiommu_access(dev, frame.addr, bytes,
						  FRAME_SIZE, true));
	before_frame_to_cpu(&frame, dev, FRAME_SIZE);
	KUNIT_EXPECT_MEMEQ(test, bytes, frame.cpu, FRAME_SIZE);
	before_frame_put(&frame, dev, FRAME_SIZE);
}

static void frame_after(struct kunit *test, struct device *dev, struct vcm *vcm,
			u8 *bytes)
{
	struct after_frame frame;
	dma_addr_t addr;
	void *cpu;

	KUNIT_ASSERT_EQ(test, after_frame_get(&frame, vcm, FRAME_SIZE), 0);
	addr = frame.res->start;
	cpu = vcm_cpu_addr(frame.cpu);
	frame_fill(cpu, 1);
	KUNIT_EXPECT_EQ(test, 0, after_frame_to_device(&frame, FRAME_SIZE));
	KUNIT_EXPECT_EQ(test, 0, fakeiommu_access(dev, addr, bytes, FRAME_SIZE,
						  false));
	KUNIT_EXPECT_MEMEQ(test, bytes, cpu, FRAME_SIZE);

	frame_fill(bytes, 99);
	KUNIT_EXPECT_EQ(test, 0, fakeiommu_access(dev, addr, bytes, FRAME_SIZE,
						  true));
	KUNIT_EXPECT_EQ(test, 0, after_frame_to_cpu(&frame, FRAME_SIZE));
	KUNIT_EXPECT_MEMEQ(test, bytes, cpu, FRAME_SIZE);
	after_frame_put(&frame);
	KUNIT_EXPECT_EQ(test, -EFAULT, fakeiommu_access(dev, addr, bytes, 1,
							false));
}

/* A frame is the same for the CPU and the device, in both directions */
static void porting_dma_shares(struct kunit *test)
{
	const struct fakeiommu_cfg cfg = {
		.type = ported(test) ? FAKEIOMMU_BLOCKED :
			IS_ENABLED(CONFIG_IOMMU_DMA) ? FAKEIOMMU_DMA :
						       FAKEIOMMU_IDENTITY,
		.last = SZ_1G - 1,
	};
	u8 *bytes = kunit_kmalloc(test, FRAME_SIZE, GFP_KERNEL);
	struct device *dev;
	struct vcm *vcm;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	fakeiommu_create(test, 0, &cfg);
	dev = fakeiommu_master_create(test, 0);
	if (!ported(test)) {
		frame_before(test, dev, bytes);
		return;
	}
	vcm = vcm_iommu_create(dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcm);
	KUNIT_EXPECT_EQ(test, vcm_activate(vcm), 0);
	frame_after(test, dev, vcm, bytes);
	vcm_destroy(vcm);
}

static struct kunit_case vcm_porting_cases[] = {
	KUNIT_CASE_PARAM(porting_iommu_sees, porting_gen_params),
	KUNIT_CASE_PARAM(porting_iommu_fills, porting_gen_params),
	KUNIT_CASE_PARAM(porting_iommu_fails, porting_gen_params),
	KUNIT_CASE_PARAM(porting_mmu_sees, porting_gen_params),
	KUNIT_CASE_PARAM(porting_dma_shares, porting_gen_params),
	{ }
};

static struct kunit_suite vcm_porting_suite = {
	.name = "vcm_porting",
	.test_cases = vcm_porting_cases,
};

kunit_test_suite(vcm_porting_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of the porting examples of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
