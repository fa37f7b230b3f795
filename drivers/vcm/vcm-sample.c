// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: the MMU of one media block of a SoC.
 *
 * A template. io-pgtable writes the page table, in ARM's short-descriptor
 * format, and leaves locking to the caller. This driver does the rest:
 * registers, interrupt and power.
 *
 * A device names its MMU by the phandle "test,mmu". The property "iommus" is
 * for drivers with iommu_ops: the IOMMU core would defer the probe of the
 * device until there are such. Device links connect the power of the MMU with
 * that of its devices, and unbind the drivers of the devices before this one.
 * Without power, only the page table is written; the registers follow when
 * power returns.
 *
 * Memory for 16 MiB leaves needs %VCM_ALLOC_CONTIG or vcm_cma_create(), and
 * where CMA serves, a CONFIG_CMA_ALIGNMENT of 16 MiB.
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io-pgtable.h>
#include <linux/kmemleak.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/platform_device.h>
#include <linux/pm_runtime.h>
#include <linux/property.h>
#include <linux/regmap.h>
#include <linux/slab.h>
#include <linux/vcm-drv.h>
#include <linux/vcm-sample.h>

#define SAMPLE_CTRL		0x00	/* 0: every access is refused */
#define SAMPLE_CTRL_ON		0x03	/* translate and report faults */
#define SAMPLE_TABLE		0x04	/* TTBR0 of the format */
#define SAMPLE_INV_ADDR		0x08	/* drop the leaf of an address */
#define SAMPLE_INV_ALL		0x0c	/* also pointers to tables */
#define SAMPLE_STATUS		0x10
#define SAMPLE_STATUS_BUSY	BIT(0)	/* invalidations in progress */
#define SAMPLE_FAULT_ADDR	0x14	/* of the first fault after VALID */
#define SAMPLE_FAULT_STATUS	0x18
#define SAMPLE_FAULT_VALID	BIT(0)
#define SAMPLE_FAULT_WRITE	BIT(1)
#define SAMPLE_PAGE_SIZES	(SZ_4K | SZ_64K | SZ_1M | SZ_16M)
#define SAMPLE_INV_MAX		SZ_64K	/* more: SAMPLE_INV_ALL */

/*
 * The MMU. Contexts may refer to it after its driver was unbound. Three members
 * describe its state; "*" means yes or no:
 *
 *	powered	on	failed
 *	no	no	no	suspended, only the page table is written
 *	yes	no	no	refuses every access
 *	yes	yes	no	translates for @ctx
 *	*	no	yes	did not answer, off until power returns
 *	*	yes	yes	did not answer, may translate: memory is kept
 *
 * After @gone is set, it has no power and nothing can be bound.
 */
struct vcm_sample {
	struct device *dev;
	struct regmap *regs;
	u64 offset;		/* in @regs */
	bool coherent;		/* walks snoop the CPUs' caches */
	refcount_t refs;
	struct list_head entry;

	struct mutex lock;	/* the fields below, registers, page tables */
	struct vcm_sample_ctx *ctx;	/* seen by its devices */
	unsigned int devices;	/* attached to @ctx */
	bool powered;		/* exact, unlike runtime PM status */
	bool on;		/* translates, or may translate */
	bool failed;		/* unused until power returns */
	bool gone;		/* its driver was unbound */
};

struct vcm_sample_ctx {
	struct vcm_mmu mmu;
	struct vcm_sample *hw;
	struct io_pgtable_ops *table;	/* while a binding is live */
	u32 base;		/* of @table, for SAMPLE_TABLE */
};

static LIST_HEAD(vcm_sample_list);
static DEFINE_MUTEX(vcm_sample_list_lock);

static struct vcm_sample_ctx *to_ctx(struct vcm *vcm)
{
	return container_of(vcm, struct vcm_sample_ctx, mmu.vcm);
}

/* Return 0, or the errno of a bind. */
static int vcm_sample_error(struct vcm_sample *hw)
{
	lockdep_assert_held(&hw->lock);
	if (hw->gone)
		return -ENODEV;
	return hw->failed ? -EIO : 0;
}

static void vcm_sample_write(struct vcm_sample *hw, u32 reg, u32 value)
{
	lockdep_assert_held(&hw->lock);
	wmb();	/* page table before register */
	hw->failed |= !hw->powered ||
		      regmap_write(hw->regs, hw->offset + reg, value);
}

/* Switch off. A read completes after the write before it. */
static int vcm_sample_switch_off(struct vcm_sample *hw)
{
	u32 status;

	if (hw->powered && hw->on)
		hw->on = regmap_write(hw->regs, hw->offset + SAMPLE_CTRL, 0) ||
			 regmap_read(hw->regs, hw->offset + SAMPLE_STATUS,
				     &status);
	hw->failed |= hw->on;
	return hw->on ? -EIO : 0;
}

/*
 * Return 0 when no device uses an old translation, an errno if one may.
 * Hardware that does not finish is switched off instead.
 */
static int vcm_sample_invalidate(struct vcm_sample *hw, u32 addr, u32 size)
{
	u32 i, status;

	if (size > SAMPLE_INV_MAX)
		vcm_sample_write(hw, SAMPLE_INV_ALL, 1);
	for (i = 0; i < size && size <= SAMPLE_INV_MAX; i += SZ_4K)
		vcm_sample_write(hw, SAMPLE_INV_ADDR, addr + i);
	if (!hw->failed &&
	    !regmap_read_poll_timeout(hw->regs, hw->offset + SAMPLE_STATUS,
				      status, !(status & SAMPLE_STATUS_BUSY),
				      1, USEC_PER_SEC))
		return 0;
	dev_err_ratelimited(hw->dev, "does not answer, off until power returns\n");
	hw->failed = true;
	return vcm_sample_switch_off(hw);
}

/* Translate for the context that the devices see, if there is one. */
static void vcm_sample_program(struct vcm_sample *hw)
{
	bool on = hw->ctx && hw->ctx->table;

	if (!hw->powered)
		return;
	vcm_sample_write(hw, SAMPLE_CTRL, 0);
	/* Drop a fault of an earlier context */
	vcm_sample_write(hw, SAMPLE_FAULT_STATUS, SAMPLE_FAULT_VALID);
	if (on && !hw->failed)
		vcm_sample_write(hw, SAMPLE_TABLE, hw->ctx->base);
	vcm_sample_invalidate(hw, 0, U32_MAX);
	if (hw->failed)
		return;
	hw->on = on;
	if (on)
		vcm_sample_write(hw, SAMPLE_CTRL, SAMPLE_CTRL_ON);
}

/*
 * A large page replaces a table of small ones. io-pgtable frees that table even
 * if this fails, and hardware that cannot be switched off may still walk it.
 */
static void vcm_sample_flush_walk(unsigned long iova, size_t size,
				  size_t granule, void *cookie)
{
	struct vcm_sample *hw = cookie;

	if (hw->powered)
		vcm_sample_invalidate(hw, 0, U32_MAX);
}

static const struct iommu_flush_ops vcm_sample_flush_ops = {
	.tlb_flush_walk = vcm_sample_flush_walk,
};

static int vcm_sample_start(struct vcm *vcm)
{
	struct vcm_sample_ctx *ctx = to_ctx(vcm);
	struct vcm_sample *hw = ctx->hw;
	struct io_pgtable_cfg cfg = {
		.pgsize_bitmap = SAMPLE_PAGE_SIZES,
		.ias = 32, .oas = 32,
		.coherent_walk = hw->coherent,
		.tlb = &vcm_sample_flush_ops,
		.iommu_dev = hw->dev,
	};
	int ret;

	guard(mutex)(&hw->lock);
	ret = vcm_sample_error(hw);
	if (ret)
		return ret;
	ctx->table = alloc_io_pgtable_ops(ARM_V7S, &cfg, hw);
	if (!ctx->table)
		return -ENOMEM;
	ctx->base = cfg.arm_v7s_cfg.ttbr;
	if (hw->ctx == ctx)
		vcm_sample_program(hw);
	return 0;
}

/*
 * Hardware that cannot be switched off may still walk the table, so it is not
 * freed.
 */
static void vcm_sample_stop(struct vcm *vcm)
{
	struct vcm_sample_ctx *ctx = to_ctx(vcm);
	struct io_pgtable_ops *table = ctx->table;

	guard(mutex)(&ctx->hw->lock);
	ctx->table = NULL;
	if (ctx->hw->ctx == ctx)
		vcm_sample_program(ctx->hw);
	if (!ctx->hw->on || !ctx->hw->failed)
		free_io_pgtable_ops(table);
	else
		kmemleak_not_leak(io_pgtable_ops_to_pgtable(table));
}

static int vcm_sample_prot(struct vcm *vcm, unsigned int flags)
{
	int prot = 0;

	if (flags & VCM_RES_READ)
		prot |= IOMMU_READ;
	if (flags & VCM_RES_WRITE)
		prot |= IOMMU_WRITE;
	if (flags & VCM_MMU_DEVICE)
		prot |= IOMMU_MMIO;
	else if (vcm_snooped(vcm))
		prot |= IOMMU_CACHE;
	return prot;
}

static int vcm_sample_map_pages(struct vcm *vcm, dma_addr_t addr,
				phys_addr_t paddr, size_t pgsize,
				size_t pgcount, unsigned int flags,
				gfp_t gfp, size_t *mapped)
{
	struct vcm_sample_ctx *ctx = to_ctx(vcm);
	int ret;

	/* Imported memory may lie anywhere */
	if (upper_32_bits((u64)paddr + pgsize * pgcount - 1))
		return -EADDRNOTAVAIL;
	guard(mutex)(&ctx->hw->lock);
	ret = vcm_sample_error(ctx->hw);
	if (ret)
		return ret;
	ret = ctx->table->map_pages(ctx->table, addr, paddr, pgsize, pgcount,
				    vcm_sample_prot(vcm, flags), gfp, mapped);
	if (ret)
		return ret;
	/* The hardware may have stopped answering in vcm_sample_flush_walk() */
	return vcm_sample_error(ctx->hw);
}

static void vcm_sample_unmap_pages(struct vcm *vcm, dma_addr_t addr,
				   size_t pgsize, size_t pgcount)
{
	struct vcm_sample_ctx *ctx = to_ctx(vcm);

	guard(mutex)(&ctx->hw->lock);
	ctx->table->unmap_pages(ctx->table, addr, pgsize, pgcount, NULL);
}

/* Hardware that failed may still translate for a context without devices. */
static int vcm_sample_tlb_sync(struct vcm *vcm, dma_addr_t addr,
			       resource_size_t size)
{
	struct vcm_sample *hw = to_ctx(vcm)->hw;

	guard(mutex)(&hw->lock);
	if (!hw->on || (hw->ctx != to_ctx(vcm) && !hw->failed))
		return 0;
	return vcm_sample_invalidate(hw, addr, min(size, U32_MAX));
}

static void vcm_sample_put(void *data)
{
	struct vcm_sample *hw = data;

	if (refcount_dec_and_test(&hw->refs)) {
		put_device(hw->dev);
		kfree(hw);
	}
}

/* Find the MMU that a device names, if a driver is bound to it. */
static struct vcm_sample *vcm_sample_find(struct device *dev)
{
	struct device_node *np = of_parse_phandle(dev->of_node, "test,mmu", 0);
	struct vcm_sample *hw;

	of_node_put(np);
	if (!np)
		return ERR_PTR(-ENODEV);
	guard(mutex)(&vcm_sample_list_lock);
	list_for_each_entry(hw, &vcm_sample_list, entry)
		if (hw->dev->of_node == np && refcount_inc_not_zero(&hw->refs))
			return hw;
	return ERR_PTR(-EPROBE_DEFER);
}

/* Put in force what a device cannot use; refuse devices of other MMUs. */
static int vcm_sample_limits(struct vcm *vcm, struct vcm_attachment *attachment)
{
	struct device *dev = attachment->dev;
	struct vcm_sample *hw = vcm_sample_find(dev);
	u64 last = vcm_device_last(dev);
	int ret = 0;

	if (IS_ERR(hw))
		return -ENODEV;
	/* It is only compared now; the context holds its own MMU */
	vcm_sample_put(hw);
	if (hw != to_ctx(vcm)->hw)
		return -EINVAL;
	attachment->unsnooped = !vcm_device_snoops(dev);
	if (last < U32_MAX)
		ret = vcm_attachment_block(attachment, last + 1, U32_MAX);
	return ret ?: vcm_attach_limits(vcm, attachment);
}

static void vcm_sample_detach(struct vcm *vcm,
			      struct vcm_attachment *attachment)
{
	struct vcm_sample *hw = to_ctx(vcm)->hw;

	guard(mutex)(&hw->lock);
	if (!--hw->devices) {
		hw->ctx = NULL;
		vcm_sample_program(hw);
	}
}

/*
 * Link the MMU to a device: it gets power with the device and is unbound after
 * it. The device is not resumed here, because its driver may take the topology
 * then. A device that is not suspended may become active without another resume
 * of the MMU, so the MMU is held for it. The next suspend of the device drops
 * all references of the link.
 *
 * The link remains after detach, until the driver of the device is unbound: a
 * managed link cannot be deleted.
 */
static struct device_link *vcm_sample_link(struct device *dev,
					   struct device *mmu)
{
	u32 flags = DL_FLAG_AUTOREMOVE_CONSUMER | DL_FLAG_PM_RUNTIME;
	struct device_link *link;

	pm_runtime_get_noresume(dev);
	if (!pm_runtime_suspended(dev))
		flags |= DL_FLAG_RPM_ACTIVE;
	link = device_link_add(dev, mmu, flags);
	pm_runtime_put(dev);
	return link;
}

/*
 * One race is left: a device that is attached while the driver of the MMU is
 * being unbound, before @gone is set. The driver core ignores new links then,
 * so it warns and does not unbind the driver of the device. The MMU is switched
 * off anyway, and the context can bind nothing.
 */
static int vcm_sample_attach(struct vcm *vcm, struct vcm_attachment *attachment)
{
	struct vcm_sample_ctx *ctx = to_ctx(vcm);
	struct vcm_sample *hw = ctx->hw;
	struct device_link *link;
	int ret;

	ret = vcm_sample_limits(vcm, attachment);
	if (ret)
		return ret;

	scoped_guard(mutex, &hw->lock) {
		if (hw->gone)
			return -ENODEV;
		if (hw->devices && hw->ctx != ctx)
			return -EBUSY;
		hw->ctx = ctx;
		if (!hw->devices++)
			vcm_sample_program(hw);
	}
	link = vcm_sample_link(attachment->dev, hw->dev);
	if (link && !READ_ONCE(hw->failed))
		return 0;
	vcm_sample_detach(vcm, attachment);
	return -ENODEV;
}

/* A table is left if the hardware did not answer at the last unbind. */
static bool vcm_sample_destroy(struct vcm *vcm)
{
	struct vcm_sample_ctx *ctx = to_ctx(vcm);

	guard(mutex)(&ctx->hw->lock);
	if (ctx->hw->on && ctx->hw->failed)
		return false;
	if (ctx->table)
		free_io_pgtable_ops(ctx->table);
	ctx->table = NULL;
	return true;
}

static void vcm_sample_release(struct vcm *vcm)
{
	vcm_sample_put(to_ctx(vcm)->hw);
	kfree(to_ctx(vcm));
}

static const struct vcm_mmu_driver vcm_sample_ops = {
	.vcm = {
		VCM_MMU_OPS,
		.owner = THIS_MODULE,
		.name = "vcm-sample",
		.attach = vcm_sample_attach,
		.detach = vcm_sample_detach,
		.destroy = vcm_sample_destroy,
		.release = vcm_sample_release,
	},
	.map_pages = vcm_sample_map_pages,
	.unmap_pages = vcm_sample_unmap_pages,
	.tlb_sync = vcm_sample_tlb_sync,
	.start = vcm_sample_start,
	.stop = vcm_sample_stop,
};

/**
 * vcm_sample_create() - create a context behind the MMU of a media block
 * @dev: a device of the block, with its driver bound to it
 *
 * The device is attached and the context inactive. Other devices of the block
 * may be attached. The MMU has power while one of them has, and their drivers
 * are unbound before that of the MMU. Both remain so after vcm_detach(), until
 * the driver of the device is unbound.
 *
 * Context: Process context, may sleep.
 * Return: the context, whose opposite is vcm_destroy(); or an error pointer:
 *
 * * -EINVAL if @dev is a bad pointer
 * * -ENODEV if @dev names no MMU, or the MMU does not work
 * * -EPROBE_DEFER if no driver is bound to the MMU yet
 * * -EBUSY if the devices of the MMU see another context
 * * -ENOMEM
 */
struct vcm *vcm_sample_create(struct device *dev)
{
	struct vcm_sample_ctx *ctx;
	struct vcm_sample *hw;
	int ret;

	if (IS_ERR_OR_NULL(dev))
		return ERR_PTR(-EINVAL);
	hw = vcm_sample_find(dev);
	if (IS_ERR(hw))
		return ERR_CAST(hw);
	ctx = kzalloc_obj(*ctx);
	if (!ctx) {
		ret = -ENOMEM;
		goto err_put;
	}
	ret = vcm_mmu_init(&ctx->mmu, &vcm_sample_ops, 0, U32_MAX,
			   SAMPLE_PAGE_SIZES);
	if (ret)
		goto err_free;
	ctx->hw = hw;
	ctx->mmu.vcm.memory.last = U32_MAX;
	ret = vcm_attach(&ctx->mmu.vcm, dev);
	if (ret) {
		vcm_destroy(&ctx->mmu.vcm);
		return ERR_PTR(ret);
	}
	return &ctx->mmu.vcm;

err_free:
	kfree(ctx);
err_put:
	vcm_sample_put(hw);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(vcm_sample_create);

/* A thread, because the bus may sleep. Detach waits for the lock. */
static irqreturn_t vcm_sample_irq(int irq, void *data)
{
	struct vcm_sample *hw = data;
	u32 status, addr;

	guard(mutex)(&hw->lock);
	if (!hw->powered ||
	    regmap_read(hw->regs, hw->offset + SAMPLE_FAULT_STATUS, &status) ||
	    !(status & SAMPLE_FAULT_VALID) ||
	    regmap_read(hw->regs, hw->offset + SAMPLE_FAULT_ADDR, &addr))
		return IRQ_NONE;
	vcm_sample_write(hw, SAMPLE_FAULT_STATUS, SAMPLE_FAULT_VALID);
	if (hw->ctx)
		vcm_report_fault(&hw->ctx->mmu.vcm, addr,
				 status & SAMPLE_FAULT_WRITE ? VCM_FAULT_WRITE :
							       VCM_FAULT_READ);
	return IRQ_HANDLED;
}

static int vcm_sample_suspend(struct device *dev)
{
	struct vcm_sample *hw = dev_get_drvdata(dev);

	guard(mutex)(&hw->lock);
	vcm_sample_switch_off(hw);
	hw->powered = false;
	return 0;
}

static int vcm_sample_resume(struct device *dev)
{
	struct vcm_sample *hw = dev_get_drvdata(dev);

	guard(mutex)(&hw->lock);
	if (hw->gone)
		return -ENODEV;
	hw->powered = true;
	hw->failed = false;
	vcm_sample_program(hw);
	hw->powered = !hw->failed;
	return hw->failed ? -EIO : 0;
}

static DEFINE_RUNTIME_DEV_PM_OPS(vcm_sample_pm_ops, vcm_sample_suspend,
				 vcm_sample_resume, NULL);

/* A block may have one register map for all of its parts. */
static int vcm_sample_map_regs(struct platform_device *pdev,
			       struct vcm_sample *hw)
{
	static const struct regmap_config config = {
		.reg_bits = 32, .val_bits = 32, .reg_stride = 4,
	};
	void __iomem *mem;

	hw->regs = dev_get_regmap(hw->dev->parent, NULL);
	if (hw->regs)
		return of_property_read_reg(hw->dev->of_node, 0, &hw->offset,
					    NULL);
	mem = devm_platform_ioremap_resource(pdev, 0);
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	hw->regs = devm_regmap_init_mmio(hw->dev, mem, &config);
	return PTR_ERR_OR_ZERO(hw->regs);
}

static int vcm_sample_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct vcm_sample *hw;
	int irq, ret;

	hw = kzalloc_obj(*hw);
	if (!hw)
		return -ENOMEM;
	hw->dev = get_device(dev);
	hw->coherent = device_get_dma_attr(dev) == DEV_DMA_COHERENT;
	refcount_set(&hw->refs, 1);
	mutex_init(&hw->lock);
	platform_set_drvdata(pdev, hw);
	ret = devm_add_action_or_reset(dev, vcm_sample_put, hw) ?:
	      vcm_sample_map_regs(pdev, hw);
	if (ret)
		return dev_err_probe(dev, ret, "no registers\n");
	irq = platform_get_irq(pdev, 0);
	if (irq < 0)
		return irq;
	/* Check that it answers, and end what a boot loader began */
	ret = devm_pm_runtime_enable(dev) ?: pm_runtime_resume_and_get(dev);
	if (ret)
		return dev_err_probe(dev, ret, "cannot be switched on\n");
	pm_runtime_put(dev);
	ret = devm_request_threaded_irq(dev, irq, NULL, vcm_sample_irq,
					IRQF_ONESHOT, dev_name(dev), hw);
	if (ret)
		return ret;
	scoped_guard(mutex, &vcm_sample_list_lock)
		list_add_tail(&hw->entry, &vcm_sample_list);
	return 0;
}

static void vcm_sample_remove(struct platform_device *pdev)
{
	struct vcm_sample *hw = platform_get_drvdata(pdev);

	scoped_guard(mutex, &vcm_sample_list_lock)
		list_del(&hw->entry);
	scoped_guard(mutex, &hw->lock)
		hw->gone = true;
	vcm_sample_suspend(&pdev->dev);
}

static const struct of_device_id vcm_sample_of_match[] = {
	{ .compatible = "test,vcm-sample" }, { }
};
MODULE_DEVICE_TABLE(of, vcm_sample_of_match);

static struct platform_driver vcm_sample_driver = {
	.probe = vcm_sample_probe,
	.remove = vcm_sample_remove,
	.driver = {
		.name = "vcm-sample",
		.of_match_table = vcm_sample_of_match,
		.pm = pm_ptr(&vcm_sample_pm_ops),
	},
};
module_platform_driver(vcm_sample_driver);

MODULE_DESCRIPTION("Virtual Contiguous Memory behind the MMU of a media block");
MODULE_LICENSE("GPL");
