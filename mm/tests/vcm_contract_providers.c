// SPDX-License-Identifier: GPL-2.0-only
/*
 * The providers that the contract of Virtual Contiguous Memory is tested with.
 *
 * Each is an entry of contract_providers[], at the end: how to create a
 * context, what a device of it does, and its limits. Without the hardware or
 * the option that it needs, its create operation skips the case and says why.
 */
#include <kunit/device.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/pm_runtime.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vcm-cma.h>
#include <linux/vcm-dma.h>
#include <linux/vcm-iommu.h>
#include <linux/vcm-sample.h>

#include "vcm_contract.h"
#include "vcm_edu.h"
#include "vcm_fakeiommu.h"
#include "vcm_gart.h"
#include "vcm_sample_model.h"

static struct vcm *provider_soft_create(struct contract *c,
					struct contract_ctx *ctx,
					unsigned int nr)
{
	struct softmmu *s = softmmu_create(c->test, ctx->p->soft);

	s->released = &c->released;
	c->created++;
	return &s->mmu.vcm;
}

static int provider_soft_access(const struct contract_ctx *ctx,
				dma_addr_t addr, void *buf, size_t len,
				bool write)
{
	return softmmu_access(ctx->vcm, addr, buf, len, write);
}

/* One-to-one contexts: bus addresses equal physical ones, or have an offset */
struct test_o2o {
	struct vcm vcm;
	unsigned int *released;
};

#define TEST_O2O_OFFSET		SZ_256M

static void test_o2o_release(struct vcm *vcm)
{
	struct test_o2o *o2o = container_of(vcm, struct test_o2o, vcm);

	++*o2o->released;
	kfree(o2o);
}

static dma_addr_t test_o2o_to_bus(struct vcm *vcm, phys_addr_t paddr)
{
	return paddr + TEST_O2O_OFFSET;
}

#define TEST_O2O_VCM							\
	{								\
		VCM_O2O_OPS,						\
		.owner = THIS_MODULE,					\
		.name = "test-o2o",					\
		.release = test_o2o_release,				\
	}

static const struct vcm_o2o_driver test_o2o_driver = {
	.vcm = TEST_O2O_VCM,
};

static const struct vcm_o2o_driver test_o2o_offset_driver = {
	.vcm = TEST_O2O_VCM,
	.to_bus = test_o2o_to_bus,
};

static struct vcm *o2o_create(struct contract *c,
			      const struct vcm_o2o_driver *driver)
{
	struct test_o2o *o2o = kzalloc_obj(*o2o);
	int ret;

	KUNIT_ASSERT_NOT_NULL(c->test, o2o);
	o2o->released = &c->released;
	ret = vcm_o2o_init(&o2o->vcm, driver, 0, ~(dma_addr_t)0);
	if (ret) {
		kfree(o2o);
		return ERR_PTR(ret);
	}
	c->created++;
	return &o2o->vcm;
}

static struct vcm *provider_o2o_create(struct contract *c,
				       struct contract_ctx *ctx,
				       unsigned int nr)
{
	return o2o_create(c, &test_o2o_driver);
}

static struct vcm *provider_o2o_offset_create(struct contract *c,
					      struct contract_ctx *ctx,
					      unsigned int nr)
{
	return o2o_create(c, &test_o2o_offset_driver);
}

static int provider_o2o_access(const struct contract_ctx *ctx, dma_addr_t addr,
			       void *buf, size_t len, bool write)
{
	while (len) {
		size_t chunk = min_t(size_t, len,
				     PAGE_SIZE - offset_in_page(addr));

		if (!pfn_valid(PHYS_PFN(addr)))
			return -EFAULT;
		page_copy(addr, buf, chunk, write);
		addr += chunk;
		buf += chunk;
		len -= chunk;
	}
	return 0;
}

static int provider_o2o_offset_access(const struct contract_ctx *ctx,
				      dma_addr_t addr, void *buf, size_t len,
				      bool write)
{
	return provider_o2o_access(ctx, addr - TEST_O2O_OFFSET, buf, len,
				   write);
}

static struct vcm *provider_gart_create(struct contract *c,
					struct contract_ctx *ctx,
					unsigned int nr)
{
	struct gart *gart = gart_create(c->test);

	gart->released = &c->released;
	c->created++;
	return &gart->mmu.vcm;
}

static int provider_gart_access(const struct contract_ctx *ctx, dma_addr_t addr,
				void *buf, size_t len, bool write)
{
	return gart_access(ctx->vcm, addr, buf, len, write);
}

#if IS_REACHABLE(CONFIG_VCM_SAMPLE_KUNIT_TEST)
static void put_power(void *engine)
{
	pm_runtime_put_sync(engine);
}

/* Power up the @nr-th media block, create a context for its first engine. */
static struct vcm *provider_sample_create(struct contract *c,
					  struct contract_ctx *ctx,
					  unsigned int nr)
{
	struct sample_model *block = sample_model_get(c->test, nr);

	ctx->dev = block->engines[0];
	KUNIT_ASSERT_EQ(c->test, 0, pm_runtime_resume_and_get(ctx->dev));
	KUNIT_ASSERT_EQ(c->test, 0,
			kunit_add_action_or_reset(c->test, put_power,
						  ctx->dev));
	return vcm_sample_create(ctx->dev);
}

static int provider_sample_access(const struct contract_ctx *ctx,
				  dma_addr_t addr, void *buf, size_t len,
				  bool write)
{
	return sample_model_access(ctx->dev, addr, buf, len, write);
}
#else
static struct vcm *provider_sample_create(struct contract *c,
					  struct contract_ctx *ctx,
					  unsigned int nr)
{
	kunit_skip(c->test, "CONFIG_VCM_SAMPLE_KUNIT_TEST is not reachable");
}

#define provider_sample_access	NULL
#endif

static struct vcm *provider_vmm_create(struct contract *c,
				       struct contract_ctx *ctx,
				       unsigned int nr)
{
	return vcm_vmm;
}

static int provider_vmm_access(const struct contract_ctx *ctx,
			       dma_addr_t addr, void *buf, size_t len,
			       bool write)
{
	void *p = (void *)(uintptr_t)addr;

	if (write)
		memcpy(p, buf, len);
	else
		memcpy(buf, p, len);
	return 0;
}

/* KUnit's device has no dma_range_map, so it sees physical addresses. */
static struct vcm *provider_cma_create(struct contract *c,
				       struct contract_ctx *ctx,
				       unsigned int nr)
{
	struct vcm *vcm;

	if (!IS_ENABLED(CONFIG_VCM_CMA))
		kunit_skip(c->test, "CONFIG_VCM_CMA is not set");
	ctx->dev = kunit_device_register(c->test, nr ? "vcm_cma1" : "vcm_cma0");
	contract_ok(c, ctx->dev);
	dev_set_dma_coherent(ctx->dev);
	vcm = vcm_cma_create(ctx->dev);
	if (vcm == ERR_PTR(-EOPNOTSUPP))
		kunit_skip(c->test, "no CMA area");
	return vcm;
}

static struct vcm *provider_iommu_create(struct contract *c,
					 struct contract_ctx *ctx,
					 unsigned int nr)
{
	if (!IS_REACHABLE(CONFIG_VCM_IOMMU))
		kunit_skip(c->test, "CONFIG_VCM_IOMMU is not reachable");
	ctx->dev = vcm_edu_device(c->test, nr);
	return vcm_iommu_create(ctx->dev);
}

/* Create a context in the domain of the device's DMA API. */
static struct vcm *provider_dma_create(struct contract *c,
				       struct contract_ctx *ctx,
				       unsigned int nr)
{
	if (!IS_REACHABLE(CONFIG_VCM_DMA))
		kunit_skip(c->test, "CONFIG_VCM_DMA is not reachable");
	ctx->dev = vcm_edu_device(c->test, nr);
	return vcm_dma_create(ctx->dev);
}

/* KUnit's device is not behind an IOMMU. */
static struct vcm *provider_dma_direct_create(struct contract *c,
					      struct contract_ctx *ctx,
					      unsigned int nr)
{
	if (!IS_REACHABLE(CONFIG_VCM_DMA))
		kunit_skip(c->test, "CONFIG_VCM_DMA is not reachable");
	ctx->dev = kunit_device_register(c->test, nr ? "vcm_dma1" : "vcm_dma0");
	contract_ok(c, ctx->dev);
	return vcm_dma_create(ctx->dev);
}

/* Ask the IOMMU driver's table walker, because the device is slow. */
static int provider_iommu_access(const struct contract_ctx *ctx,
				 dma_addr_t addr, void *buf, size_t len,
				 bool write)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(ctx->dev);
	phys_addr_t paddr;
	size_t chunk;

	while (len) {
		chunk = min_t(size_t, len, SZ_4K - (addr & (SZ_4K - 1)));
		paddr = domain ? iommu_iova_to_phys(domain, addr) : 0;
		if (!paddr)
			return -EFAULT;
		page_copy(paddr, buf, chunk, write);
		addr += chunk;
		buf += chunk;
		len -= chunk;
	}
	return 0;
}

static bool edu_reaches(const struct contract_ctx *ctx, dma_addr_t start,
			dma_addr_t last, bool msi)
{
	bool reaches = last <= dma_get_mask(ctx->dev);
	struct iommu_resv_region *region;
	LIST_HEAD(regions);

	iommu_get_resv_regions(ctx->dev, &regions);
	list_for_each_entry(region, &regions, list)
		if (region->type != IOMMU_RESV_DIRECT_RELAXABLE &&
		    !(msi && region->type == IOMMU_RESV_SW_MSI) &&
		    region->start <= last &&
		    region->start + (region->length - 1) >= start)
			reaches = false;
	iommu_put_resv_regions(ctx->dev, &regions);
	return reaches;
}

static bool provider_iommu_reaches(const struct contract_ctx *ctx,
				   dma_addr_t start, dma_addr_t last)
{
	return edu_reaches(ctx, start, last, false);
}

/*
 * The window that an IOMMU driver proposes for MSI doorbells does not count:
 * the DMA API maps doorbells at addresses of its own allocator.
 */
static bool provider_dma_reaches(const struct contract_ctx *ctx,
				 dma_addr_t start, dma_addr_t last)
{
	return edu_reaches(ctx, start, last, true);
}

/*
 * Two fake IOMMUs that refuse each other's domains, so every binding is in two
 * page tables. Both devices must see the same.
 */
#define FAKE_OTHER(nr)	((nr) + CONTRACT_CONTEXTS)

static struct vcm *provider_fake_create(struct contract *c,
					struct contract_ctx *ctx,
					unsigned int nr)
{
	static const struct fakeiommu_cfg cfg = { .refuses = true };
	struct device *dev[2];
	struct vcm *vcm;
	int ret;

	if (!IS_REACHABLE(CONFIG_VCM_FAKE_IOMMU) ||
	    !IS_REACHABLE(CONFIG_VCM_IOMMU))
		kunit_skip(c->test, "the fake IOMMU is not reachable");
	fakeiommu_create(c->test, nr, &cfg);
	fakeiommu_create(c->test, FAKE_OTHER(nr), &cfg);
	dev[0] = fakeiommu_master_create(c->test, nr);
	dev[1] = fakeiommu_master_create(c->test, FAKE_OTHER(nr));
	ctx->dev = dev[0];
	ctx->other = dev[1];
	vcm = vcm_iommu_create(dev[0]);
	if (IS_ERR(vcm))
		return vcm;
	ret = vcm_attach(vcm, dev[1]);
	if (ret) {
		vcm_destroy(vcm);
		return ERR_PTR(ret);
	}
	return vcm;
}

/* -EIO if the two devices do not see the same */
static int provider_fake_access(const struct contract_ctx *ctx,
				dma_addr_t addr, void *buf, size_t len,
				bool write)
{
	phys_addr_t one, other;
	size_t off;
	int ret;

	for (off = 0; off < len; off++) {
		ret = fakeiommu_translate(ctx->dev, addr + off, write, &one);
		if (ret != fakeiommu_translate(ctx->other, addr + off, write,
					       &other) ||
		    (!ret && one != other))
			return -EIO;
	}
	return fakeiommu_access(ctx->dev, addr, buf, len, write);
}

/* 47 bits, or 31 where dma_addr_t has no more than 32 */
static const struct softmmu_cfg cfg_4k_2m_1g = {
	.last = (dma_addr_t)DMA_BIT_MASK(48) >> 1,
	.pgsize_bitmap = SZ_4K | SZ_2M | SZ_1G,
};

static const struct softmmu_cfg cfg_v7s = {
	.start = SZ_16M,
	.last = SZ_2G - 1,
	.pgsize_bitmap = SZ_4K | SZ_64K | SZ_1M | SZ_16M,
	.burst = 3,
};

/* One linear table that is always active */
static const struct softmmu_cfg cfg_gart = {
	.start = SZ_1G,
	.last = SZ_1G + SZ_1M - 1,
	.pgsize_bitmap = SZ_4K,
	.no_hooks = true,
};

static const struct softmmu_cfg cfg_zero = {
	.last = SZ_1M - 1,
	.pgsize_bitmap = SZ_4K | SZ_64K,
};

static const struct softmmu_cfg cfg_top = {
	.start = TOP - (SZ_1M - 1),
	.last = TOP,
	.pgsize_bitmap = SZ_4K | SZ_64K,
};

static const struct softmmu_cfg cfg_2k = {
	.last = SZ_256M - 1,
	.pgsize_bitmap = SZ_2K | SZ_16K,
};

static const struct softmmu_cfg cfg_64k = {
	.start = SZ_512M,
	.last = SZ_2G - 1,
	.pgsize_bitmap = SZ_64K | SZ_512M,
};

#define PROVIDER_SOFT(_cfg)				\
	.create = provider_soft_create,			\
	.access = provider_soft_access,			\
	.soft = &(_cfg),				\
	.contexts = 2,					\
	.enforces = true

#define PROVIDER_IOMMU					\
	.create = provider_iommu_create,		\
	.access = provider_iommu_access,		\
	.reaches = provider_iommu_reaches,		\
	.contexts = 2,					\
	.device = true,					\
	.enforces = true

#define PROVIDER_DMA					\
	.create = provider_dma_create,			\
	.access = provider_iommu_access,		\
	.reaches = provider_dma_reaches,		\
	.contexts = 2,					\
	.enforces = true

#define PROVIDER_FAKE					\
	.create = provider_fake_create,			\
	.access = provider_fake_access,			\
	.contexts = 2,					\
	.device = true,					\
	.enforces = true

#define PROVIDER_VMM					\
	.create = provider_vmm_create,			\
	.access = provider_vmm_access,			\
	.contexts = 1,					\
	.fixed = true,					\
	.forever = true

const struct contract_provider contract_providers[] = {
	{ "mmu_4k_2m_1g", PROVIDER_SOFT(cfg_4k_2m_1g) },
	{ "mmu_v7s", PROVIDER_SOFT(cfg_v7s) },
	{ "mmu_gart", PROVIDER_SOFT(cfg_gart), .scattered = true },
	{
		"gart",
		.create = provider_gart_create,
		.access = provider_gart_access,
		.contexts = 2,
		.enforces = true,
		.scattered = true,
	}, {
		"sample",
		.create = provider_sample_create,
		.access = provider_sample_access,
		.contexts = 1,
		.device = true,
		.enforces = true,
	},
	{ "mmu_zero", PROVIDER_SOFT(cfg_zero) },
	{ "mmu_top", PROVIDER_SOFT(cfg_top), .scattered = true },
	{ "mmu_2k", PROVIDER_SOFT(cfg_2k) },
	{ "mmu_64k", PROVIDER_SOFT(cfg_64k), .scattered = true },
	{
		"o2o",
		.create = provider_o2o_create,
		.access = provider_o2o_access,
		.contexts = 2,
		.fixed = true,
		.one_to_one = true,
	}, {
		"o2o_offset",
		.create = provider_o2o_offset_create,
		.access = provider_o2o_offset_access,
		.contexts = 2,
		.fixed = true,
		.one_to_one = true,
	}, {
		"cma",
		.create = provider_cma_create,
		.access = provider_o2o_access,
		.contexts = 2,
		.device = true,
		.fixed = true,
		.one_to_one = true,
	},
	{
		"dma_direct",
		.create = provider_dma_direct_create,
		.access = provider_o2o_access,
		.contexts = 2,
		.fixed = true,
		.one_to_one = true,
	},
	{ "vmm", PROVIDER_VMM, .alloc_flags = VCM_ALLOC_CONTIG },
	{ "vmm_scattered", PROVIDER_VMM, .scattered = true },
	{ "iommu", PROVIDER_IOMMU },
	{ "iommu_scattered", PROVIDER_IOMMU, .scattered = true },
	{ "dma", PROVIDER_DMA },
	{ "dma_scattered", PROVIDER_DMA, .scattered = true },
	{ "two_iommus", PROVIDER_FAKE },
	{ "two_iommus_scattered", PROVIDER_FAKE, .scattered = true },
};

const unsigned int contract_nr_providers = ARRAY_SIZE(contract_providers);

const struct contract_provider contract_partner = {
	.name = "partner",
	PROVIDER_SOFT(cfg_4k_2m_1g),
};
