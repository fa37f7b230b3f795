// SPDX-License-Identifier: GPL-2.0-only
/*
 * A model of the sample SoC IOMMU, for its tests.
 *
 * A media block: a page of registers behind a register map, an interrupt, a
 * power domain, two devices. Its walker follows the short-descriptor format of
 * the ARM Architecture Reference Manual (ARM DDI 0406C), B3.5, with the access
 * flag in AP[0]. It shares no code with io-pgtable, which writes the tables.
 *
 * It is the worst hardware of its kind:
 *
 * - Its TLB is of unlimited size, and each access loads the neighbours too.
 * - An invalidation takes effect when the status register was read until it is
 *   not busy. Without that wait, nothing is invalidated.
 * - An invalidated translation is loaded again at once. If the page table still
 *   has it, because the invalidation came before the change, it stays.
 * - Pointers to second-level tables are kept too. SAMPLE_INV_ALL drops them,
 *   another table base does not.
 * - Without power it loses everything, and no register may be accessed.
 */
#include <kunit/of.h>
#include <kunit/platform_device.h>
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/device/driver.h>
#include <linux/highmem.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_sim.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_platform.h>
#include <linux/platform_device.h>
#include <linux/pm_runtime.h>
#include <linux/regmap.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vcm.h>

#include "vcm_models.h"
#include "vcm_sample_model.h"

/* The MMU's registers in the block */
#define MODEL_REGS		0x100
#define MODEL_CTRL		0x00
#define MODEL_TABLE		0x04
#define MODEL_INV_ADDR		0x08
#define MODEL_INV_ALL		0x0c
#define MODEL_STATUS		0x10
#define MODEL_FAULT_ADDR	0x14
#define MODEL_FAULT_STATUS	0x18

#define MODEL_ENABLE		0x1
#define MODEL_FAULT_IRQ		0x2
#define MODEL_VALID		0x1
#define MODEL_WRITE		0x2

/* Number of reads of the status register that return busy */
#define MODEL_BUSY		2

/* B3.5.1: bits of the descriptors */
#define DESC_TYPE		GENMASK(1, 0)
#define DESC_TYPE_FAULT		0
#define DESC_TYPE_LONG		1	/* first level: page table */
#define L1_TABLE_BASE		GENMASK(31, 10)
#define L1_SECTION_BASE		GENMASK(31, 20)
#define L1_SUPER		BIT(18)
#define L1_SUPER_BASE		GENMASK(31, 24)
#define L1_SUPER_HIGH		(GENMASK(23, 20) | GENMASK(8, 5))
#define L1_TEX			GENMASK(14, 12)
#define L1_AP2			BIT(15)
#define L1_AP1			BIT(11)
#define L1_AP0			BIT(10)
#define L2_LARGE_BASE		GENMASK(31, 16)
#define L2_SMALL_BASE		GENMASK(31, 12)
#define L2_LARGE_TEX		GENMASK(14, 12)
#define L2_SMALL_TEX		GENMASK(8, 6)
#define L2_AP2			BIT(9)
#define L2_AP1			BIT(5)
#define L2_AP0			BIT(4)
#define DESC_CB			GENMASK(3, 2)
/* B4.1.154: TTBR0 with N = 0, and with the multiprocessing extensions */
#define TTBR_BASE		GENMASK(31, 14)
#define TTBR_CACHED		(BIT(6) | GENMASK(4, 3) | BIT(0))
/* Large pages and supersections fill this many descriptors */
#define DESC_REPEAT		16

/* The test that new blocks belong to; set while its overlay is applied */
static struct kunit *model_test;

static __printf(2, 3) void model_complain(struct sample_model *m,
					  const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	m->stats.complaints++;
	if (m->expect_complaints)
		return;

	va_start(args, fmt);
	vaf.va = &args;
	KUNIT_FAIL(m->test, "sample MMU: %pV", &vaf);
	va_end(args);
}

/* The walker */

static u32 model_read_desc(struct sample_model *m, phys_addr_t paddr)
{
	struct page *page;
	u32 desc, *p;

	if (!pfn_valid(PHYS_PFN(paddr))) {
		model_complain(m, "descriptor at %pa, which is not memory",
			       &paddr);
		return DESC_TYPE_FAULT;
	}
	page = pfn_to_page(PHYS_PFN(paddr));
	p = kmap_local_page(page);
	desc = READ_ONCE(p[offset_in_page(paddr) / sizeof(*p)]);
	kunmap_local(p);
	return desc;
}

/*
 * B3.5.1: such descriptors are repeated, and the hardware may read any of them.
 */
static void model_check_repeat(struct sample_model *m, phys_addr_t paddr)
{
	phys_addr_t first = round_down(paddr, DESC_REPEAT * sizeof(u32));
	u32 desc = model_read_desc(m, paddr);
	unsigned int i;

	for (i = 0; i < DESC_REPEAT; i++)
		if (model_read_desc(m, first + i * sizeof(u32)) != desc)
			model_complain(m, "descriptor %#x at %pa is not repeated",
				       desc, &paddr);
}

/* B3.7.1: the simplified model, for an unprivileged access. */
static bool model_permit(struct sample_model *m, u32 desc, u32 ap2, u32 ap1,
			 u32 ap0, struct sample_leaf *leaf)
{
	if (!(desc & ap0)) {
		model_complain(m, "descriptor %#x has no access flag", desc);
		return false;
	}
	leaf->write = !(desc & ap2);
	return desc & ap1;
}

/* B3.8.2: without TEX remap */
static enum sample_memory model_memory(struct sample_model *m, u32 desc,
				       u32 tex)
{
	switch (tex << 2 | FIELD_GET(DESC_CB, desc)) {
	case 0x1:
		return SAMPLE_DEVICE;
	case 0x4:
		return SAMPLE_UNCACHED;
	case 0x7:
		return SAMPLE_CACHED;
	}
	model_complain(m, "descriptor %#x has an unknown memory type", desc);
	return SAMPLE_STRANGE;
}

static bool model_walk_section(struct sample_model *m, u32 addr, u32 desc,
			       phys_addr_t where, struct sample_leaf *leaf)
{
	if (desc & L1_SUPER) {
		model_check_repeat(m, where);
		if (desc & L1_SUPER_HIGH)
			model_complain(m, "supersection %#x above 4 GiB", desc);
		leaf->size = SZ_16M;
		leaf->paddr = desc & L1_SUPER_BASE;
	} else {
		leaf->size = SZ_1M;
		leaf->paddr = desc & L1_SECTION_BASE;
	}
	leaf->addr = round_down(addr, leaf->size);
	leaf->memory = model_memory(m, desc, FIELD_GET(L1_TEX, desc));
	return model_permit(m, desc, L1_AP2, L1_AP1, L1_AP0, leaf);
}

static bool model_walk_page(struct sample_model *m, u32 addr, phys_addr_t table,
			    struct sample_leaf *leaf)
{
	phys_addr_t where = table + ((addr >> 12) & 0xff) * sizeof(u32);
	u32 desc = model_read_desc(m, where);

	switch (FIELD_GET(DESC_TYPE, desc)) {
	case DESC_TYPE_FAULT:
		return false;
	case DESC_TYPE_LONG:
		model_check_repeat(m, where);
		leaf->size = SZ_64K;
		leaf->paddr = desc & L2_LARGE_BASE;
		leaf->memory = model_memory(m, desc,
					    FIELD_GET(L2_LARGE_TEX, desc));
		break;
	default:
		leaf->size = SZ_4K;
		leaf->paddr = desc & L2_SMALL_BASE;
		leaf->memory = model_memory(m, desc,
					    FIELD_GET(L2_SMALL_TEX, desc));
		break;
	}
	leaf->addr = round_down(addr, leaf->size);
	return model_permit(m, desc, L2_AP2, L2_AP1, L2_AP0, leaf);
}

/* B3.5.5; @cached: use the pointers that are kept. */
static bool model_walk(struct sample_model *m, u32 addr, bool cached,
		       struct sample_leaf *leaf)
{
	unsigned long index = addr >> 20;
	phys_addr_t where = (m->table & TTBR_BASE) + index * sizeof(u32);
	void *kept = cached ? xa_load(&m->walks, index) : NULL;
	u32 desc;

	lockdep_assert_held(&m->lock);
	if (kept)
		return model_walk_page(m, addr,
				       (phys_addr_t)xa_to_value(kept) << 10,
				       leaf);

	m->stats.walks++;
	if (pfn_valid(PHYS_PFN(m->table)) &&
	    !page_count(pfn_to_page(PHYS_PFN(m->table & TTBR_BASE))))
		model_complain(m, "the table at %#x was freed", m->table);
	desc = model_read_desc(m, where);
	switch (FIELD_GET(DESC_TYPE, desc)) {
	case DESC_TYPE_FAULT:
		return false;
	case DESC_TYPE_LONG:
		if (cached)
			xa_store(&m->walks, index, xa_mk_value(desc >> 10),
				 GFP_KERNEL);
		return model_walk_page(m, addr, desc & L1_TABLE_BASE, leaf);
	default:
		return model_walk_section(m, addr, desc, where, leaf);
	}
}

/* The TLB */

/* Keep a leaf, unless an old one overlaps it, which stays. */
static void model_keep(struct sample_model *m, const struct sample_leaf *new)
{
	struct sample_leaf *leaf = kmemdup(new, sizeof(*new), GFP_KERNEL);

	if (leaf && mtree_insert_range(&m->tlb, new->addr,
				       new->addr + (new->size - 1), leaf,
				       GFP_KERNEL))
		kfree(leaf);
}

static bool model_lookup(struct sample_model *m, u32 addr,
			 struct sample_leaf *leaf)
{
	struct sample_leaf *kept = mtree_load(&m->tlb, addr);

	if (kept) {
		*leaf = *kept;
		return true;
	}
	if (!model_walk(m, addr, true, leaf))
		return false;
	model_keep(m, leaf);
	return true;
}

/* Drop the translations of @first to @last from the TLB. */
static void model_drop(struct sample_model *m, unsigned long first,
		       unsigned long last, struct list_head *dropped)
{
	struct sample_leaf *leaf;

	while ((leaf = mt_find(&m->tlb, &first, last))) {
		mtree_erase(&m->tlb, leaf->addr);
		list_add(&leaf->entry, dropped);
	}
}

static void model_forget(struct sample_model *m, struct list_head *dropped)
{
	struct sample_leaf *leaf, *next;

	list_for_each_entry_safe(leaf, next, dropped, entry)
		kfree(leaf);
}

/* Complete the requested invalidations. */
static void model_invalidate(struct sample_model *m)
{
	struct sample_leaf *leaf, again;
	LIST_HEAD(dropped);
	unsigned int i;

	if (m->inv_all) {
		model_drop(m, 0, U32_MAX, &dropped);
		xa_destroy(&m->walks);
	}
	for (i = 0; i < m->nr_inv; i++)
		model_drop(m, m->inv[i], m->inv[i], &dropped);
	m->inv_all = false;
	m->nr_inv = 0;

	if (m->ctrl & MODEL_ENABLE)
		list_for_each_entry(leaf, &dropped, entry)
			model_lookup(m, leaf->addr, &again);
	model_forget(m, &dropped);
}

static void model_lose_power(struct sample_model *m)
{
	LIST_HEAD(dropped);

	model_drop(m, 0, U32_MAX, &dropped);
	model_forget(m, &dropped);
	xa_destroy(&m->walks);
	m->ctrl = 0;
	m->table = 0;
	m->fault_addr = 0;
	m->fault_status = 0;
	m->busy = 0;
	m->inv_all = false;
	m->nr_inv = 0;
}

/* The registers */

/* Return the errno of the bus, if it has stopped answering. */
static int model_bus_error(struct sample_model *m)
{
	if (!m->reg_error || !m->reg_answers)
		return m->reg_error;
	m->reg_answers--;
	return 0;
}

static bool model_answers(struct sample_model *m, unsigned int reg)
{
	if (!m->on)
		model_complain(m, "register %#x accessed without power", reg);
	else if (reg < MODEL_REGS || reg > MODEL_REGS + MODEL_FAULT_STATUS)
		model_complain(m, "there is no register %#x", reg);
	else
		return true;
	return false;
}

static void model_queue(struct sample_model *m, u32 addr)
{
	m->stats.inv_addr++;
	if (m->nr_inv == SAMPLE_MODEL_QUEUE)
		model_complain(m, "too many invalidations in progress");
	else
		m->inv[m->nr_inv++] = addr;
	m->busy = MODEL_BUSY;
}

static int model_reg_write(void *context, unsigned int reg, unsigned int val)
{
	struct sample_model *m = context;
	int ret;

	guard(mutex)(&m->lock);
	ret = model_bus_error(m);
	if (ret || !model_answers(m, reg))
		return ret;

	switch (reg - MODEL_REGS) {
	case MODEL_CTRL:
		m->ctrl = val;
		break;
	case MODEL_TABLE:
		m->stats.tables++;
		if (m->ctrl & MODEL_ENABLE)
			model_complain(m, "table changed while it is in use");
		if (!!(val & TTBR_CACHED) != m->snoops)
			model_complain(m, "cacheability of walks of %#x",
				       val);
		m->table = val;
		break;
	case MODEL_INV_ADDR:
		model_queue(m, val);
		break;
	case MODEL_INV_ALL:
		m->stats.inv_all++;
		m->inv_all = true;
		m->busy = MODEL_BUSY;
		break;
	case MODEL_FAULT_STATUS:
		if (val & MODEL_VALID)
			m->fault_status = 0;
		break;
	default:
		model_complain(m, "register %#x written", reg);
	}
	return 0;
}

static int model_reg_read(void *context, unsigned int reg, unsigned int *val)
{
	struct sample_model *m = context;
	int ret;

	guard(mutex)(&m->lock);
	*val = 0;
	ret = model_bus_error(m);
	if (ret || !model_answers(m, reg))
		return ret;

	switch (reg - MODEL_REGS) {
	case MODEL_STATUS:
		*val = m->busy ? 1 : 0;
		if (m->busy && !m->hang && !--m->busy)
			model_invalidate(m);
		break;
	case MODEL_FAULT_ADDR:
		*val = m->fault_addr;
		break;
	case MODEL_FAULT_STATUS:
		*val = m->fault_status;
		break;
	default:
		model_complain(m, "register %#x read", reg);
	}
	return 0;
}

static const struct regmap_bus model_bus = {
	.reg_write = model_reg_write,
	.reg_read = model_reg_read,
};

static const struct regmap_config model_regs = {
	.reg_bits = 32,
	.val_bits = 32,
	.reg_stride = 4,
	.max_register = 0x1fc,
};

/* The devices */

/**
 * sample_model_of() - return the block of a device
 * @engine: the device
 *
 * Context: Any.
 * Return: the block.
 */
struct sample_model *sample_model_of(struct device *engine)
{
	return dev_get_drvdata(engine->parent);
}
EXPORT_SYMBOL_IF_KUNIT(sample_model_of);

/* Record a fault, unless an earlier one is recorded. */
static void model_fault(struct sample_model *m, u32 addr, bool write)
{
	m->stats.faults++;
	if (!(m->ctrl & MODEL_FAULT_IRQ) || m->fault_status)
		return;
	m->fault_addr = addr;
	m->fault_status = MODEL_VALID | (write ? MODEL_WRITE : 0);
	irq_set_irqchip_state(m->irq, IRQCHIP_STATE_PENDING, true);
}

/* Read ahead in both directions. */
static void model_prefetch(struct sample_model *m,
			   const struct sample_leaf *leaf)
{
	struct sample_leaf next;

	model_lookup(m, leaf->addr + leaf->size, &next);
	model_lookup(m, leaf->addr - 1, &next);
}

/**
 * sample_model_translate() - translate an address as for an access of a device
 * @engine: the device
 * @addr: device address
 * @write: the device writes
 * @paddr: physical address, on success
 *
 * Uses stale translations until they are invalidated.
 *
 * Context: Process context, may sleep.
 * Return: 0, -EFAULT if nothing is mapped there or not for such an access, which
 * raises the fault interrupt, or if translation is off; -ENXIO without power.
 */
int sample_model_translate(struct device *engine, dma_addr_t addr, bool write,
			   phys_addr_t *paddr)
{
	struct sample_model *m = sample_model_of(engine);
	struct sample_leaf leaf;

	guard(mutex)(&m->lock);
	if (!m->on)
		return -ENXIO;
	if (!(m->ctrl & MODEL_ENABLE)) {
		m->stats.refused++;
		return -EFAULT;
	}
	if (!model_lookup(m, addr, &leaf) || (write && !leaf.write)) {
		model_fault(m, addr, write);
		return -EFAULT;
	}
	model_prefetch(m, &leaf);
	*paddr = leaf.paddr + ((u32)addr - leaf.addr);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(sample_model_translate);

/**
 * sample_model_walk() - walk the page table without the TLB
 * @engine: a device
 * @addr: device address
 * @leaf: the translation, on success
 *
 * Context: Process context, may sleep.
 * Return: 0, -EFAULT if nothing is mapped there, -ENXIO without power or if
 * translation is off.
 */
int sample_model_walk(struct device *engine, dma_addr_t addr,
		      struct sample_leaf *leaf)
{
	struct sample_model *m = sample_model_of(engine);

	guard(mutex)(&m->lock);
	if (!m->on || !(m->ctrl & MODEL_ENABLE))
		return -ENXIO;
	return model_walk(m, addr, false, leaf) ? 0 : -EFAULT;
}
EXPORT_SYMBOL_IF_KUNIT(sample_model_walk);

static int model_reach(void *engine, dma_addr_t addr, bool write,
		       phys_addr_t *paddr)
{
	return sample_model_translate(engine, addr, write, paddr);
}

/**
 * sample_model_access() - let a device read or write memory
 * @engine: the device
 * @addr: device address
 * @buf: the data
 * @len: bytes
 * @write: the device writes
 *
 * Context: Process context, may sleep.
 * Return: 0, or the errno of sample_model_translate() for the first byte that
 * the device does not reach; the bytes before it were transferred.
 */
int sample_model_access(struct device *engine, dma_addr_t addr, void *buf,
			size_t len, bool write)
{
	return vcm_model_access(model_reach, engine, SZ_4K, addr, buf, len,
				write);
}
EXPORT_SYMBOL_IF_KUNIT(sample_model_access);

static int engine_probe(struct platform_device *pdev)
{
	struct sample_engine *engine;

	engine = devm_kzalloc(&pdev->dev, sizeof(*engine), GFP_KERNEL);
	if (!engine)
		return -ENOMEM;
	platform_set_drvdata(pdev, engine);
	return devm_pm_runtime_enable(&pdev->dev);
}

static void engine_remove(struct platform_device *pdev)
{
	struct sample_engine *engine = platform_get_drvdata(pdev);

	vcm_destroy(engine->vcm);
}

static int engine_runtime_resume(struct device *dev)
{
	struct sample_engine *engine = dev_get_drvdata(dev);

	return engine->resume ? engine->resume(dev) : 0;
}

static const struct dev_pm_ops engine_pm_ops = {
	RUNTIME_PM_OPS(NULL, engine_runtime_resume, NULL)
};

static const struct of_device_id engine_of_match[] = {
	{ .compatible = "test,vcm-sample-engine" },
	{ }
};

static struct platform_driver engine_driver = {
	.probe = engine_probe,
	.remove = engine_remove,
	.driver = {
		.name = "vcm-sample-engine",
		.of_match_table = engine_of_match,
		.pm = pm_ptr(&engine_pm_ops),
	},
};

/* The block */

static int model_power_on(struct generic_pm_domain *domain)
{
	struct sample_model *m = container_of(domain, struct sample_model,
					      domain);

	guard(mutex)(&m->lock);
	m->stats.power_ons++;
	m->on = true;
	return 0;
}

static int model_power_off(struct generic_pm_domain *domain)
{
	struct sample_model *m = container_of(domain, struct sample_model,
					      domain);

	guard(mutex)(&m->lock);
	if (m->keep_power)
		return -EBUSY;
	model_lose_power(m);
	m->on = false;
	return 0;
}

static void model_fini(void *data)
{
	struct sample_model *m = data;

	model_lose_power(m);
	mtree_destroy(&m->tlb);
	mutex_destroy(&m->lock);
}

static void model_remove_domain(void *data)
{
	struct sample_model *m = data;

	of_genpd_del_provider(m->dev->of_node);
	if (pm_genpd_remove(&m->domain))
		model_complain(m, "its power domain is still in use");
}

static void model_remove_irq(void *data)
{
	struct sample_model *m = data;

	irq_dispose_mapping(m->irq);
}

static int model_add_domain(struct sample_model *m)
{
	int ret;

	m->domain.name = dev_name(m->dev);
	m->domain.power_on = model_power_on;
	m->domain.power_off = model_power_off;
	ret = pm_genpd_init(&m->domain, NULL, true);
	if (ret)
		return ret;
	ret = of_genpd_add_provider_simple(m->dev->of_node, &m->domain);
	if (ret) {
		pm_genpd_remove(&m->domain);
		return ret;
	}
	return devm_add_action_or_reset(m->dev, model_remove_domain, m);
}

static int model_add_irq(struct sample_model *m)
{
	m->irqs = devm_irq_domain_create_sim(m->dev, dev_fwnode(m->dev), 1);
	if (IS_ERR(m->irqs))
		return PTR_ERR(m->irqs);
	m->irq = irq_create_mapping(m->irqs, 0);
	if (!m->irq)
		return -ENOMEM;
	return devm_add_action_or_reset(m->dev, model_remove_irq, m);
}

static int model_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct sample_model *m;
	struct regmap *regs;
	int ret;

	m = devm_kzalloc(dev, sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	m->dev = dev;
	m->test = model_test;
	m->snoops = of_property_read_bool(dev->of_node, "dma-coherent");
	mutex_init(&m->lock);
	mt_init(&m->tlb);
	xa_init(&m->walks);
	platform_set_drvdata(pdev, m);
	ret = devm_add_action_or_reset(dev, model_fini, m);
	if (ret)
		return ret;

	regs = devm_regmap_init(dev, &model_bus, m, &model_regs);
	if (IS_ERR(regs))
		return PTR_ERR(regs);
	ret = model_add_domain(m);
	if (ret)
		return ret;
	ret = model_add_irq(m);
	if (ret)
		return ret;
	return devm_of_platform_populate(dev);
}

static const struct of_device_id model_of_match[] = {
	{ .compatible = "test,vcm-sample-block" },
	{ }
};

static struct platform_driver model_driver = {
	.probe = model_probe,
	.driver = {
		.name = "vcm-sample-block",
		.of_match_table = model_of_match,
	},
};

static void model_put_device(void *dev)
{
	put_device(dev);
}

/* Return the device of a node, held until the test ends. */
static struct device *model_device(struct kunit *test, const char *path)
{
	struct device_node *np = of_find_node_by_path(path);
	struct platform_device *pdev = of_find_device_by_node(np);

	of_node_put(np);
	KUNIT_ASSERT_NOT_NULL_MSG(test, pdev, "no device %s", path);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, model_put_device,
						  &pdev->dev));
	return &pdev->dev;
}

static struct sample_model *model_find(struct kunit *test, unsigned int nr)
{
	struct sample_model *m;
	struct device *dev;
	char path[40];

	snprintf(path, sizeof(path), "/vcm-block-%u", nr);
	dev = model_device(test, path);
	m = dev_get_drvdata(dev);
	KUNIT_ASSERT_NOT_NULL_MSG(test, m, "%s has no driver", path);

	snprintf(path, sizeof(path), "/vcm-block-%u/mmu@100", nr);
	m->mmu = model_device(test, path);
	KUNIT_ASSERT_NOT_NULL_MSG(test, m->mmu->driver, "%s has no driver",
				  path);
	snprintf(path, sizeof(path), "/vcm-block-%u/engine@0", nr);
	m->engines[0] = model_device(test, path);
	snprintf(path, sizeof(path), "/vcm-block-%u/engine@40", nr);
	m->engines[1] = model_device(test, path);
	return m;
}

static void model_test_ends(void *data)
{
	model_test = NULL;
}

static void model_setup(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action(test, model_test_ends, NULL));
	model_test = test;
	KUNIT_ASSERT_EQ(test, 0,
			kunit_platform_driver_register(test, &model_driver));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_platform_driver_register(test, &engine_driver));
	KUNIT_ASSERT_EQ(test, 0,
			of_overlay_apply_kunit(test, vcm_sample_block));
	/* The MMU waits for the power domain of its block */
	wait_for_device_probe();
}

/**
 * sample_model_get() - get a media block for a test
 * @test: the test, which fails if the hardware is misused
 * @nr: number of the block, less than %SAMPLE_MODEL_BLOCKS
 *
 * The blocks are removed when the test ends. Without a devicetree to add them to,
 * the test is skipped.
 *
 * Context: Process context, may sleep.
 * Return: the block, with all its drivers bound.
 */
struct sample_model *sample_model_get(struct kunit *test, unsigned int nr)
{
	if (model_test != test)
		model_setup(test);
	return model_find(test, nr);
}
EXPORT_SYMBOL_IF_KUNIT(sample_model_get);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Model of the sample SoC IOMMU");
MODULE_LICENSE("GPL");
