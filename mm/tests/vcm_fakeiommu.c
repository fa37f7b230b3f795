// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fake IOMMU for the tests of Virtual Contiguous Memory.
 *
 * It is an IOMMU driver like others: platform devices of a devicetree overlay,
 * registered with the IOMMU core, which finds its devices by their "iommus"
 * property. Its page table is a tree of leaves, and accesses of its devices are
 * calls of fakeiommu_access(). Its TLB keeps every translation until an
 * invalidation covers it, and the absence of one until iotlb_sync_map covers
 * it. So a leaf that was cleared and not invalidated is seen, and one that was
 * written and not synchronised is not seen.
 *
 * It shares no code with the code under test or the IOMMU core: the domain of a
 * device is that of the last attach_dev.
 */
#include <kunit/of.h>
#include <kunit/platform_device.h>
#include <kunit/resource.h>
#include <kunit/visibility.h>
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/rbtree.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "vcm_fakeiommu.h"
#include "vcm_models.h"

#define FAKE_PGSIZES		(SZ_4K | SZ_64K | SZ_2M | SZ_1G)

/**
 * struct fake_domain - a page table and its TLB entries
 * @domain: for the IOMMU core
 * @fake: the instance that allocated it
 * @lock: for @leaves and @stale
 * @leaves: leaves by address, present or stale
 * @stale: cleared leaves that are still in the TLB
 * @settled: a device was attached before
 * @stuck: an unmap did nothing, so leaves may be left at the end
 */
struct fake_domain {
	struct iommu_domain domain;
	struct fakeiommu *fake;
	spinlock_t lock;	/* @leaves, @stale */
	struct rb_root leaves;
	struct list_head stale;
	bool settled;
	bool stuck;
};

struct fake_leaf {
	struct rb_node node;
	struct list_head entry;		/* on fake_domain.stale, or empty */
	unsigned long start;
	unsigned long last;
	phys_addr_t paddr;
	int prot;
	bool synced;			/* devices see it */
	bool stuck;			/* an unmap of it did nothing */
};

/* What the IOMMU knows of a device */
struct fake_dev {
	struct fakeiommu *fake;
	spinlock_t lock;	/* @domain */
	struct iommu_domain *domain;
};

static struct fake_domain *to_fake_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct fake_domain, domain);
}

static bool fake_is_paging(const struct iommu_domain *domain)
{
	return domain->type & __IOMMU_DOMAIN_PAGING;
}

static struct fakeiommu *fake_of(struct device *dev)
{
	return ((struct fake_dev *)dev_iommu_priv_get(dev))->fake;
}

static void fake_complain(struct fakeiommu *fake, const char *what)
{
	atomic_long_inc(&fake->complaints);
	pr_err("fake IOMMU: %s\n", what);
}

/* Count down; return true if the operation must fail now. */
static bool fake_fails(atomic_long_t *countdown)
{
	return atomic_long_read(countdown) >= 0 &&
	       !atomic_long_fetch_dec(countdown);
}

/* The page table */

static struct fake_leaf *fake_find(struct fake_domain *d, unsigned long addr)
{
	struct rb_node *rb = d->leaves.rb_node;

	lockdep_assert_held(&d->lock);
	while (rb) {
		struct fake_leaf *leaf = rb_entry(rb, struct fake_leaf, node);

		if (addr < leaf->start)
			rb = rb->rb_left;
		else if (addr > leaf->last)
			rb = rb->rb_right;
		else
			return leaf;
	}
	return NULL;
}

/* Return false if there is a leaf at these addresses, present or stale. */
static bool fake_insert(struct fake_domain *d, struct fake_leaf *new)
{
	struct rb_node **link = &d->leaves.rb_node, *parent = NULL;

	lockdep_assert_held(&d->lock);
	while (*link) {
		struct fake_leaf *leaf = rb_entry(*link, struct fake_leaf, node);

		parent = *link;
		if (new->last < leaf->start)
			link = &parent->rb_left;
		else if (new->start > leaf->last)
			link = &parent->rb_right;
		else
			return false;
	}
	rb_link_node(&new->node, parent, link);
	rb_insert_color(&new->node, &d->leaves);
	return true;
}

static void fake_drop(struct fake_domain *d, struct fake_leaf *leaf)
{
	lockdep_assert_held(&d->lock);
	list_del(&leaf->entry);
	rb_erase(&leaf->node, &d->leaves);
	kfree(leaf);
}

static int fake_write(struct fake_domain *d, unsigned long start,
		      phys_addr_t paddr, size_t size, int prot, gfp_t gfp)
{
	struct fake_leaf *leaf;

	if (fake_fails(&d->fake->fail_map))
		return d->fake->error;
	leaf = kzalloc_obj(*leaf, gfp);
	if (!leaf)
		return -ENOMEM;
	INIT_LIST_HEAD(&leaf->entry);
	leaf->start = start;
	leaf->last = start + (size - 1);
	leaf->paddr = paddr;
	leaf->prot = prot;

	scoped_guard(spinlock_irqsave, &d->lock) {
		if (fake_insert(d, leaf))
			leaf = NULL;
	}
	if (leaf) {
		fake_complain(d->fake, "mapped over a leaf, or before an invalidation");
		kfree(leaf);
		return -EADDRINUSE;
	}
	atomic_long_inc(&d->fake->writes);
	if (gfp & __GFP_ACCOUNT)
		atomic_long_inc(&d->fake->charged);
	return 0;
}

static int fake_map_pages(struct iommu_domain *domain, unsigned long iova,
			  phys_addr_t paddr, size_t pgsize, size_t pgcount,
			  int prot, gfp_t gfp, size_t *mapped)
{
	struct fake_domain *d = to_fake_domain(domain);
	int ret;

	if (!(domain->pgsize_bitmap & pgsize) || (iova | paddr) & (pgsize - 1)) {
		fake_complain(d->fake, "no such page size");
		return -EINVAL;
	}
	if (iova < domain->geometry.aperture_start ||
	    iova + (pgsize * pgcount - 1) > domain->geometry.aperture_end ||
	    iova + (pgsize * pgcount - 1) < iova) {
		fake_complain(d->fake, "mapped outside the aperture");
		return -ERANGE;
	}

	for (; pgcount; pgcount--) {
		ret = fake_write(d, iova, paddr, pgsize, prot, gfp);
		if (ret)
			return ret;
		*mapped += pgsize;
		iova += pgsize;
		paddr += pgsize;
	}
	return 0;
}

static bool fake_clear(struct fake_domain *d, unsigned long iova, size_t size)
{
	struct fake_leaf *leaf;

	guard(spinlock_irqsave)(&d->lock);
	leaf = fake_find(d, iova);
	if (!leaf || !list_empty(&leaf->entry) || leaf->start != iova ||
	    leaf->last != iova + (size - 1))
		return false;
	list_add_tail(&leaf->entry, &d->stale);
	atomic_long_inc(&d->fake->clears);
	return true;
}

/*
 * Leave the leaves of a range to the devices, and hide them from the IOMMU core:
 * for iommu.debug_pagealloc, the memory must not be mapped when it is freed.
 */
static void fake_stick(struct fake_domain *d, unsigned long iova, size_t size)
{
	struct fake_leaf *leaf;

	guard(spinlock_irqsave)(&d->lock);
	d->stuck = true;
	for (leaf = fake_find(d, iova); leaf && leaf->start - iova < size;
	     leaf = rb_entry_safe(rb_next(&leaf->node), struct fake_leaf, node))
		leaf->stuck = true;
}

/* Return the size of the leaf at @iova, or 0: map has chosen it, not unmap. */
static size_t fake_leaf_size(struct fake_domain *d, unsigned long iova)
{
	struct fake_leaf *leaf;

	guard(spinlock_irqsave)(&d->lock);
	leaf = fake_find(d, iova);
	return leaf ? leaf->last - leaf->start + 1 : 0;
}

static size_t fake_unmap_pages(struct iommu_domain *domain, unsigned long iova,
			       size_t pgsize, size_t pgcount,
			       struct iommu_iotlb_gather *gather)
{
	struct fake_domain *d = to_fake_domain(domain);
	size_t size = pgsize * pgcount, done = 0, leaf;

	if (fake_fails(&d->fake->stuck)) {
		fake_stick(d, iova, size);
		return 0;
	}
	while (done < size) {
		leaf = fake_leaf_size(d, iova + done);
		if (!leaf || leaf > size - done ||
		    !fake_clear(d, iova + done, leaf)) {
			fake_complain(d->fake, "unmapped a range that was not mapped so");
			break;
		}
		if (!iommu_iotlb_gather_queued(gather))
			iommu_iotlb_gather_add_page(domain, gather,
						    iova + done, leaf);
		done += leaf;
	}
	return done;
}

static phys_addr_t fake_iova_to_phys(struct iommu_domain *domain,
				     dma_addr_t iova)
{
	struct fake_domain *d = to_fake_domain(domain);
	struct fake_leaf *leaf;

	guard(spinlock_irqsave)(&d->lock);
	leaf = fake_find(d, iova);
	if (!leaf || leaf->stuck || !list_empty(&leaf->entry))
		return 0;
	return leaf->paddr + (iova - leaf->start);
}

/* The TLB */

static void fake_invalidate(struct fake_domain *d, unsigned long start,
			    unsigned long last)
{
	struct fake_leaf *leaf, *next;

	atomic_long_inc(&d->fake->syncs);
	guard(spinlock_irqsave)(&d->lock);
	list_for_each_entry_safe(leaf, next, &d->stale, entry)
		if (leaf->start >= start && leaf->last <= last)
			fake_drop(d, leaf);
}

static void fake_iotlb_sync(struct iommu_domain *domain,
			    struct iommu_iotlb_gather *gather)
{
	/* Queued leaves wait for a flush of all, as in the SMMU's driver */
	if (gather->pgsize)
		fake_invalidate(to_fake_domain(domain), gather->start,
				gather->end);
}

static int fake_iotlb_sync_map(struct iommu_domain *domain, unsigned long iova,
			       size_t size)
{
	struct fake_domain *d = to_fake_domain(domain);
	struct fake_leaf *leaf;

	guard(spinlock_irqsave)(&d->lock);
	leaf = fake_find(d, iova);
	while (leaf && leaf->last - iova < size) {
		leaf->synced = true;
		leaf = rb_entry_safe(rb_next(&leaf->node), struct fake_leaf,
				     node);
	}
	return 0;
}

static void fake_flush_iotlb_all(struct iommu_domain *domain)
{
	struct fake_domain *d = to_fake_domain(domain);

	atomic_long_inc(&d->fake->flushes);
	fake_invalidate(d, 0, ULONG_MAX);
}

/* Domains */

static void fake_settle(struct fake_domain *d)
{
	const struct fakeiommu_cfg *cfg = &d->fake->cfg;

	d->settled = true;
	d->domain.pgsize_bitmap = cfg->pgsize_bitmap ?: FAKE_PGSIZES;
	d->domain.geometry.aperture_start = cfg->start;
	d->domain.geometry.aperture_end = cfg->last ?: ULONG_MAX;
	d->domain.geometry.force_aperture = true;
}

static struct iommu_domain *fake_domain_alloc(struct device *dev)
{
	struct fakeiommu *fake = fake_of(dev);
	struct fake_domain *d;

	if (fake_fails(&fake->fail_domain))
		return ERR_PTR(fake->error);
	d = kzalloc_obj(*d);
	if (!d)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&d->lock);
	d->leaves = RB_ROOT;
	INIT_LIST_HEAD(&d->stale);
	d->fake = fake;
	if (!fake->cfg.settles)
		fake_settle(d);
	atomic_long_inc(&fake->domains);
	return &d->domain;
}

static void fake_domain_free(struct iommu_domain *domain)
{
	struct fake_domain *d = to_fake_domain(domain);
	struct fake_leaf *leaf, *next;

	if (!RB_EMPTY_ROOT(&d->leaves) && !d->stuck)
		fake_complain(d->fake, "domain freed with leaves in it");
	rbtree_postorder_for_each_entry_safe(leaf, next, &d->leaves, node)
		kfree(leaf);
	atomic_long_dec(&d->fake->domains);
	kfree(d);
}

static void fake_see(struct device *dev, struct iommu_domain *domain)
{
	struct fake_dev *fd = dev_iommu_priv_get(dev);

	guard(spinlock_irqsave)(&fd->lock);
	fd->domain = domain;
}

static int fake_attach_dev(struct iommu_domain *domain, struct device *dev,
			   struct iommu_domain *old)
{
	struct fake_domain *d = to_fake_domain(domain);
	struct fakeiommu *fake = fake_of(dev);

	if (fake->cfg.refuses && d->fake != fake)
		return -EINVAL;
	if (fake_fails(&fake->fail_attach))
		return fake->error;
	if (!d->settled)
		fake_settle(d);
	atomic_long_inc(&fake->attached);
	fake_see(dev, domain);
	return 0;
}

static int fake_attach_static(struct iommu_domain *domain, struct device *dev,
			      struct iommu_domain *old)
{
	fake_see(dev, domain);
	return 0;
}

static const struct iommu_domain_ops fake_static_ops = {
	.attach_dev = fake_attach_static,
};

static phys_addr_t fake_nowhere(struct iommu_domain *domain, dma_addr_t iova)
{
	return 0;
}

/* Without IOMMU_DMA the core accepts no blocked domain as a default */
static struct iommu_domain fake_nothing = {
	.type = IOMMU_DOMAIN_PLATFORM,
	.ops = &(const struct iommu_domain_ops) {
		.attach_dev = fake_attach_static,
		.iova_to_phys = fake_nowhere,
	},
};

static struct iommu_domain fake_blocked = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &fake_static_ops,
};

static struct iommu_domain fake_identity = {
	.type = IOMMU_DOMAIN_IDENTITY,
	.ops = &fake_static_ops,
};

static const struct iommu_domain_ops fake_domain_ops = {
	.attach_dev = fake_attach_dev,
	.map_pages = fake_map_pages,
	.unmap_pages = fake_unmap_pages,
	.flush_iotlb_all = fake_flush_iotlb_all,
	.iotlb_sync = fake_iotlb_sync,
	.iotlb_sync_map = fake_iotlb_sync_map,
	.iova_to_phys = fake_iova_to_phys,
	.free = fake_domain_free,
};

/* Devices */

/* Nothing may rely on the capability: the DMA API decides about coherence. */
static bool fake_capable(struct device *dev, enum iommu_cap cap)
{
	return cap == IOMMU_CAP_CACHE_COHERENCY ||
	       (cap == IOMMU_CAP_DEFERRED_FLUSH && fake_of(dev)->cfg.deferred);
}

static int fake_of_xlate(struct device *dev, const struct of_phandle_args *args)
{
	return 0;
}

static struct iommu_device *fake_probe_device(struct device *dev)
{
	struct iommu_fwspec *fwspec = dev_iommu_fwspec_get(dev);
	struct fakeiommu *fake;
	struct fake_dev *fd;
	struct device *hw;

	if (!fwspec)
		return ERR_PTR(-ENODEV);
	hw = bus_find_device_by_fwnode(&platform_bus_type, fwspec->iommu_fwnode);
	if (!hw)
		return ERR_PTR(-ENODEV);
	fake = dev_get_drvdata(hw);
	if (fake->cfg.linked)
		device_link_add(dev, hw, DL_FLAG_AUTOREMOVE_CONSUMER);
	put_device(hw);

	fd = kzalloc_obj(*fd);
	if (!fd)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&fd->lock);
	fd->fake = fake;
	fd->domain = &fake_blocked;
	dev_iommu_priv_set(dev, fd);
	return &fake->iommu;
}

static void fake_release_device(struct device *dev)
{
	kfree(dev_iommu_priv_get(dev));
}

static struct iommu_group *fake_device_group(struct device *dev)
{
	return fake_of(dev)->cfg.one_group ? generic_single_device_group(dev) :
					     generic_device_group(dev);
}

static void fake_get_resv_regions(struct device *dev, struct list_head *head)
{
	const struct fakeiommu_region *r = fake_of(dev)->cfg.region;
	const unsigned int max = ARRAY_SIZE(fake_of(dev)->cfg.region);
	struct iommu_resv_region *region;
	unsigned int i;

	for (i = 0; i < max && r[i].size; i++) {
		region = iommu_alloc_resv_region(r[i].start, r[i].size,
						 IOMMU_READ | IOMMU_WRITE,
						 r[i].type, GFP_KERNEL);
		if (region)
			list_add_tail(&region->list, head);
	}
}

#define FAKE_OPS						\
	.capable = fake_capable,				\
	.domain_alloc_paging = fake_domain_alloc,		\
	.probe_device = fake_probe_device,			\
	.release_device = fake_release_device,			\
	.device_group = fake_device_group,			\
	.get_resv_regions = fake_get_resv_regions,		\
	.of_xlate = fake_of_xlate,				\
	.default_domain_ops = &fake_domain_ops,			\
	.owner = THIS_MODULE,					\
	.identity_domain = &fake_identity,			\
	.blocked_domain = &fake_blocked,			\
	.release_domain = &fake_blocked

static const struct iommu_ops fake_ops[] = {
	[FAKEIOMMU_BLOCKED] = {
		FAKE_OPS,
		.default_domain = &fake_nothing,
	},
	[FAKEIOMMU_IDENTITY] = {
		FAKE_OPS,
		.default_domain = &fake_identity,
	},
	[FAKEIOMMU_DMA] = {
		FAKE_OPS,
	},
};

static int fake_master_probe(struct platform_device *pdev)
{
	return 0;
}

static void fake_master_remove(struct platform_device *pdev)
{
	struct fakeiommu_master *master = dev_get_platdata(&pdev->dev);

	if (master->remove)
		master->remove(&pdev->dev);
}

static struct platform_driver fake_master_driver = {
	.probe = fake_master_probe,
	.remove = fake_master_remove,
	.driver = {
		.name = "vcm-fake-master",
	},
};

/* Instances */

static int fake_probe(struct platform_device *pdev)
{
	struct fakeiommu **data = dev_get_platdata(&pdev->dev);
	struct fakeiommu *fake = *data;
	int ret;

	platform_set_drvdata(pdev, fake);
	ret = iommu_device_sysfs_add(&fake->iommu, &pdev->dev, NULL, "%s",
				     dev_name(&pdev->dev));
	if (ret)
		return ret;
	ret = iommu_device_register(&fake->iommu, &fake_ops[fake->cfg.type],
				    &pdev->dev);
	if (ret)
		iommu_device_sysfs_remove(&fake->iommu);
	return ret;
}

static void fake_remove(struct platform_device *pdev)
{
	struct fakeiommu *fake = platform_get_drvdata(pdev);

	iommu_device_unregister(&fake->iommu);
	iommu_device_sysfs_remove(&fake->iommu);
}

static struct platform_driver fake_driver = {
	.probe = fake_probe,
	.remove = fake_remove,
	.driver = {
		.name = "vcm-fake-iommu",
	},
};

static void fake_register(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0,
			kunit_platform_driver_register(test, &fake_driver));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_platform_driver_register(test,
						       &fake_master_driver));
}

/*
 * Apply the overlay and register the drivers for the first instance of a case.
 */
static void fake_setup(struct kunit *test)
{
	struct device_node *np = of_find_node_by_path("/vcm-fake");

	if (np) {
		of_node_put(np);
		return;
	}
	KUNIT_ASSERT_EQ(test, 0, of_overlay_apply_kunit(test, vcm_fakeiommu));
	fake_register(test);
}

/**
 * fakeiommu_many() - allow FAKEIOMMU_MAX instances instead of FAKEIOMMU_FEW
 * @test: the case, before its first instance
 *
 * Context: Process context.
 */
void fakeiommu_many(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0,
			of_overlay_apply_kunit(test, vcm_fakeiommu_128));
	fake_register(test);
}
EXPORT_SYMBOL_IF_KUNIT(fakeiommu_many);

/* Make a platform device of a node, with platform data. */
static struct platform_device *fake_device(struct kunit *test,
					   const char *driver,
					   const char *node, unsigned int nr,
					   const void *data, size_t size)
{
	struct platform_device_info info = {
		.name = driver,
		.id = PLATFORM_DEVID_AUTO,
		.of_node_reused = true,
		.dma_mask = ~0ULL,
		.data = data,
		.size_data = size,
	};
	struct platform_device *pdev;
	struct device_node *np;
	char path[32];

	snprintf(path, sizeof(path), "/vcm-fake/%s%02x", node, nr);
	np = of_find_node_by_path(path);
	KUNIT_ASSERT_NOT_NULL_MSG(test, np, "no node %s", path);
	info.fwnode = of_fwnode_handle(np);
	pdev = kunit_platform_device_register_full(test, &info);
	of_node_put(np);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pdev);
	return pdev;
}

static void fake_no_complaints(void *data)
{
	struct fakeiommu *fake = data;

	KUNIT_EXPECT_EQ(fake->test, atomic_long_read(&fake->complaints), 0);
	KUNIT_EXPECT_EQ(fake->test, atomic_long_read(&fake->domains), 0);
}

/**
 * fakeiommu_create() - make a fake IOMMU
 * @test: the case, which fails if the IOMMU is misused
 * @nr: number of the instance, 0 to FAKEIOMMU_FEW - 1, once each
 * @cfg: its properties; NULL: the defaults
 *
 * It is removed at the end of the case.
 *
 * Context: Process context.
 * Return: the instance; asserts that there is one.
 */
struct fakeiommu *fakeiommu_create(struct kunit *test, unsigned int nr,
				   const struct fakeiommu_cfg *cfg)
{
	struct fakeiommu *fake;

	fake_setup(test);
	fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake);
	if (cfg)
		fake->cfg = *cfg;
	fake->test = test;
	fake->error = -ENOMEM;
	atomic_long_set(&fake->fail_map, -1);
	atomic_long_set(&fake->fail_attach, -1);
	atomic_long_set(&fake->fail_domain, -1);
	atomic_long_set(&fake->stuck, -1);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, fake_no_complaints,
						  fake));
	fake->pdev = fake_device(test, "vcm-fake-iommu", "iommu", nr, &fake,
				 sizeof(fake));
	KUNIT_ASSERT_NOT_NULL(test, fake->pdev->dev.driver);
	return fake;
}
EXPORT_SYMBOL_IF_KUNIT(fakeiommu_create);

/* Remove a fake IOMMU. */
void fakeiommu_unplug(struct kunit *test, struct fakeiommu *fake)
{
	kunit_platform_device_unregister(test, fake->pdev);
}
EXPORT_SYMBOL_IF_KUNIT(fakeiommu_unplug);

/**
 * fakeiommu_master_create() - make a device behind a fake IOMMU
 * @test: the case, which removes the device at its end
 * @nr: number of the IOMMU; any number of devices may be behind it
 *
 * Context: Process context.
 * Return: the device; asserts that there is one and that it is behind the IOMMU.
 * A driver is bound to it unless another device of its group is attached to a
 * domain, in which case the IOMMU core does not allow that.
 */
struct device *fakeiommu_master_create(struct kunit *test, unsigned int nr)
{
	const struct fakeiommu_master none = { };
	struct platform_device *pdev;

	pdev = fake_device(test, "vcm-fake-master", "master", nr, &none,
			   sizeof(none));
	KUNIT_ASSERT_TRUE_MSG(test, device_iommu_mapped(&pdev->dev),
			      "%s is not behind its IOMMU",
			      dev_name(&pdev->dev));
	return &pdev->dev;
}
EXPORT_SYMBOL_IF_KUNIT(fakeiommu_master_create);

/* Remove a device of fakeiommu_master_create(). */
void fakeiommu_master_unplug(struct kunit *test, struct device *dev)
{
	kunit_platform_device_unregister(test, to_platform_device(dev));
}
EXPORT_SYMBOL_IF_KUNIT(fakeiommu_master_unplug);

/* For a static stub of vcm_device_snoops(): the opposite of @no_snoop. */
bool fakeiommu_snoops(struct device *dev)
{
	return !fake_of(dev)->cfg.no_snoop;
}
EXPORT_SYMBOL_IF_KUNIT(fakeiommu_snoops);

static int fake_lookup(struct iommu_domain *domain, dma_addr_t addr,
		       int prot, phys_addr_t *paddr)
{
	struct fake_domain *d = to_fake_domain(domain);
	struct fake_leaf *leaf;

	guard(spinlock_irqsave)(&d->lock);
	leaf = addr <= ULONG_MAX ? fake_find(d, addr) : NULL;
	if (!leaf || !leaf->synced || (leaf->prot & prot) != prot)
		return -EFAULT;
	*paddr = leaf->paddr + (addr - leaf->start);
	return leaf->prot;
}

static int fake_see_through(struct device *dev, dma_addr_t addr, int prot,
			    phys_addr_t *paddr)
{
	struct fake_dev *fd = dev_iommu_priv_get(dev);

	guard(spinlock_irqsave)(&fd->lock);
	if (fake_is_paging(fd->domain))
		return fake_lookup(fd->domain, addr, prot, paddr);
	*paddr = addr;
	return fd->domain == &fake_identity ? 0 : -EFAULT;
}

/**
 * fakeiommu_translate() - translate an address as for an access of a device
 * @dev: the device
 * @addr: device address
 * @write: the device writes
 * @paddr: physical address, on success
 *
 * Uses stale translations until they are invalidated.
 *
 * Context: Any.
 * Return: 0, or -EFAULT if nothing is mapped there, or not for such access.
 */
int fakeiommu_translate(struct device *dev, dma_addr_t addr, bool write,
			phys_addr_t *paddr)
{
	int prot = write ? IOMMU_WRITE : IOMMU_READ;

	return min(fake_see_through(dev, addr, prot, paddr), 0);
}
EXPORT_SYMBOL_IF_KUNIT(fakeiommu_translate);

/**
 * fakeiommu_prot() - return the protection of a leaf
 * @dev: the device
 * @addr: device address
 *
 * Context: Any.
 * Return: IOMMU_* as given to iommu_map(), or -EFAULT if nothing is mapped.
 */
int fakeiommu_prot(struct device *dev, dma_addr_t addr)
{
	phys_addr_t paddr;

	return fake_see_through(dev, addr, 0, &paddr);
}
EXPORT_SYMBOL_IF_KUNIT(fakeiommu_prot);

static int fake_reach(void *dev, dma_addr_t addr, bool write,
		      phys_addr_t *paddr)
{
	return fakeiommu_translate(dev, addr, write, paddr);
}

/**
 * fakeiommu_access() - let a device read or write memory
 * @dev: the device
 * @addr: device address
 * @buf: the data
 * @len: bytes
 * @write: the device writes
 *
 * Context: Any.
 * Return: 0, or -EFAULT at the first byte that the device does not reach.
 */
int fakeiommu_access(struct device *dev, dma_addr_t addr, void *buf,
		     size_t len, bool write)
{
	return vcm_model_access(fake_reach, dev, SZ_4K, addr, buf, len, write);
}
EXPORT_SYMBOL_IF_KUNIT(fakeiommu_access);

struct fake_fault {
	struct irq_work work;
	struct completion done;
	struct device *dev;
	unsigned long addr;
	int flags;
	int ret;
};

static void fake_fault_irq(struct irq_work *work)
{
	struct fake_fault *fault = container_of(work, struct fake_fault, work);
	struct fake_dev *fd = dev_iommu_priv_get(fault->dev);

	fault->ret = report_iommu_fault(fd->domain, fault->dev, fault->addr,
					fault->flags);
	complete(&fault->done);
}

/**
 * fakeiommu_fault() - report a fault of a device, from hard interrupt context
 * @dev: the device
 * @addr: device address
 * @write: the device tried to write
 *
 * Context: Process context, may sleep.
 * Return: the return value of report_iommu_fault().
 */
int fakeiommu_fault(struct device *dev, dma_addr_t addr, bool write)
{
	struct fake_fault fault = {
		.work = IRQ_WORK_INIT_HARD(fake_fault_irq),
		.done = COMPLETION_INITIALIZER_ONSTACK(fault.done),
		.dev = dev,
		.addr = addr,
		.flags = write ? IOMMU_FAULT_WRITE : IOMMU_FAULT_READ,
	};

	irq_work_queue(&fault.work);
	wait_for_completion(&fault.done);
	irq_work_sync(&fault.work);
	return fault.ret;
}
EXPORT_SYMBOL_IF_KUNIT(fakeiommu_fault);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("A fake IOMMU for the tests of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
