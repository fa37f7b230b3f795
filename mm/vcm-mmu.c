// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: wrapper for page-table MMUs.
 *
 * The driver writes and clears leaves of one size. The wrapper does the rest,
 * which is the same for all drivers: it splits a binding into runs of equal
 * pages, undoes a failure half way, invalidates what was cleared before it
 * returns, starts the hardware for the first live binding and stops it after the
 * last.
 *
 * It keeps no record of a binding. vcm_phys_walk() gives the same runs for the
 * same memory at the same address, so leaves are cleared with the page sizes that
 * they were written with, and the page table is the only record.
 */
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/container_of.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/refcount.h>
#include <linux/vcm-drv.h>

/* State of the walks below */
struct vcm_mmu_walk {
	struct vcm *vcm;
	const struct vcm_mmu_driver *driver;
	unsigned int flags;
	gfp_t gfp;
	/* Bytes written so far, or still to be cleared */
	resource_size_t bytes;
};

static struct vcm_mmu *to_mmu(struct vcm *vcm)
{
	return container_of(vcm, struct vcm_mmu, vcm);
}

static const struct vcm_mmu_driver *to_mmu_driver(struct vcm *vcm)
{
	return container_of(vcm->driver, struct vcm_mmu_driver, vcm);
}

/*
 * A binding that finds another one live must also see the effects of ->start(),
 * hence release and acquire.
 */
static int vcm_mmu_get_live(struct vcm *vcm)
{
	const struct vcm_mmu_driver *driver = to_mmu_driver(vcm);
	struct vcm_mmu *mmu = to_mmu(vcm);
	int ret;

	if (refcount_inc_not_zero_acquire(&mmu->live))
		return 0;

	guard(mutex)(&mmu->live_lock);
	if (refcount_inc_not_zero(&mmu->live))
		return 0;

	if (driver->start) {
		ret = driver->start(vcm);
		if (ret)
			return ret;
	}
	refcount_set_release(&mmu->live, 1);
	return 0;
}

static void vcm_mmu_put_live(struct vcm *vcm)
{
	const struct vcm_mmu_driver *driver = to_mmu_driver(vcm);
	struct vcm_mmu *mmu = to_mmu(vcm);

	if (!refcount_dec_and_mutex_lock(&mmu->live, &mmu->live_lock))
		return;

	if (driver->stop)
		driver->stop(vcm);
	mutex_unlock(&mmu->live_lock);
}

/* A page-table format may write less than asked, up to the end of a table. */
static int vcm_mmu_map_run(void *priv, dma_addr_t addr, phys_addr_t paddr,
			   size_t pgsize, size_t pgcount)
{
	struct vcm_mmu_walk *walk = priv;
	size_t size = pgsize * pgcount;
	int ret;

	while (size) {
		size_t mapped = 0;

		ret = walk->driver->map_pages(walk->vcm, addr, paddr, pgsize,
					      size >> __ffs(pgsize),
					      walk->flags, walk->gfp, &mapped);
		walk->bytes += mapped;
		if (ret)
			return ret;
		if (WARN_ON_ONCE(!mapped || mapped > size))
			return -EIO;

		addr += mapped;
		paddr += mapped;
		size -= mapped;
	}

	return 0;
}

static int vcm_mmu_unmap_run(void *priv, dma_addr_t addr, phys_addr_t paddr,
			     size_t pgsize, size_t pgcount)
{
	struct vcm_mmu_walk *walk = priv;
	resource_size_t written = walk->bytes >> __ffs(pgsize);

	/* The run at which mapping failed was written in part or not at all */
	if (written < pgcount)
		pgcount = written;
	if (!pgcount)
		return -ECANCELED;

	walk->driver->unmap_pages(walk->vcm, addr, pgsize, pgcount);
	walk->bytes -= (resource_size_t)pgsize * pgcount;
	return 0;
}

/* Clear the leaves of the first @bytes of a binding; TLBs may keep them. */
static void vcm_mmu_clear(struct vcm_res *res, struct vcm_phys *phys,
			  resource_size_t bytes)
{
	struct vcm_mmu_walk walk = {
		.vcm = res->vcm,
		.driver = to_mmu_driver(res->vcm),
		.bytes = bytes,
	};

	vcm_phys_walk(phys, res->start, res->vcm->pgsize_bitmap,
		      vcm_mmu_unmap_run, &walk);
}

/*
 * Take the first @bytes of a binding off the hardware, which may be stopped then.
 * Hardware that does not answer may still walk the page table, so it counts as
 * live.
 */
static void vcm_mmu_remove(struct vcm_res *res, struct vcm_phys *phys,
			   resource_size_t bytes)
{
	struct vcm *vcm = res->vcm;

	vcm_mmu_clear(res, phys, bytes);
	if (bytes && to_mmu_driver(vcm)->tlb_sync(vcm, res->start, bytes))
		vcm_quarantine(res, phys);
	else
		vcm_mmu_put_live(vcm);
}

/**
 * vcm_mmu_map() - &vcm_driver.map of a page-table MMU
 * @res: the reservation
 * @phys: the memory
 *
 * Starts the hardware if this is the first live binding.
 *
 * Context: Called by the core. May sleep.
 * Return: 0, or an errno of &vcm_mmu_driver.start or &vcm_mmu_driver.map_pages;
 * -EIO if the latter claims success without progress. On an error nothing is
 * mapped; if the hardware did not answer meanwhile, @res and @phys are
 * quarantined.
 */
int vcm_mmu_map(struct vcm_res *res, struct vcm_phys *phys)
{
	struct vcm *vcm = res->vcm;
	struct vcm_mmu_walk walk = {
		.vcm = vcm,
		.driver = to_mmu_driver(vcm),
		.flags = res->flags & (VCM_RES_READ | VCM_RES_WRITE),
		.gfp = vcm_map_gfp(phys),
	};
	int ret;

	if (!(phys->flags & VCM_PHYS_PAGES))
		walk.flags |= VCM_MMU_DEVICE;
	ret = vcm_mmu_get_live(vcm);
	if (ret)
		return ret;

	ret = vcm_phys_walk(phys, res->start, vcm->pgsize_bitmap,
			    vcm_mmu_map_run, &walk);
	if (ret)
		vcm_mmu_remove(res, phys, walk.bytes);

	return ret;
}
EXPORT_SYMBOL_GPL(vcm_mmu_map);

/**
 * vcm_mmu_unmap() - &vcm_driver.unmap of a page-table MMU
 * @res: the reservation
 * @phys: the memory that vcm_mmu_map() mapped there
 *
 * When it returns, the leaves are cleared and no device uses an old translation.
 * Stops the hardware if this was the last live binding.
 *
 * Context: Called by the core. May sleep. Never fails and never allocates.
 */
void vcm_mmu_unmap(struct vcm_res *res, struct vcm_phys *phys)
{
	vcm_mmu_remove(res, phys, phys->size);
}
EXPORT_SYMBOL_GPL(vcm_mmu_unmap);

/**
 * vcm_mmu_unmap_many() - &vcm_driver.unmap_many of a page-table MMU
 * @vcm: the context
 * @batch: the reservations, in ascending order
 *
 * As vcm_mmu_unmap(), with one invalidation for each run of neighbours.
 *
 * Context: Called by the core. May sleep. Never fails and never allocates.
 */
void vcm_mmu_unmap_many(struct vcm *vcm, struct list_head *batch)
{
	const struct vcm_mmu_driver *driver = to_mmu_driver(vcm);
	resource_size_t size = 0, sum;
	struct vcm_res *res;
	dma_addr_t start = 0;
	bool stuck = false;

	list_for_each_entry(res, batch, vcm_entry)
		vcm_mmu_clear(res, res->phys, res->phys->size);

	list_for_each_entry(res, batch, vcm_entry) {
		if (size && (res->start - start != size ||
			     check_add_overflow(size, res->phys->size, &sum))) {
			stuck |= driver->tlb_sync(vcm, start, size);
			size = 0;
		}
		if (!size)
			start = res->start;
		size += res->phys->size;
	}
	stuck |= driver->tlb_sync(vcm, start, size);

	/* Hardware that does not answer once answers for none */
	list_for_each_entry(res, batch, vcm_entry) {
		if (stuck)
			vcm_quarantine(res, res->phys);
		else
			vcm_mmu_put_live(vcm);
	}
}
EXPORT_SYMBOL_GPL(vcm_mmu_unmap_many);

/**
 * vcm_mmu_init() - set up a context behind a page-table MMU
 * @mmu: the context, zeroed
 * @driver: operations of the MMU; VCM_MMU_OPS sets &vcm_driver.map and
 *	&vcm_driver.unmap
 * @start: lowest address that the MMU translates
 * @last: highest address that it translates, inclusive
 * @pgsize_bitmap: sizes of the leaves, bytes
 *
 * Context: Process context.
 * Return: 0, -EINVAL if @driver lacks one of the three page operations, or an
 * errno of vcm_init().
 */
int vcm_mmu_init(struct vcm_mmu *mmu, const struct vcm_mmu_driver *driver,
		 dma_addr_t start, dma_addr_t last, unsigned long pgsize_bitmap)
{
	if (!driver->map_pages || !driver->unmap_pages || !driver->tlb_sync)
		return -EINVAL;

	mutex_init(&mmu->live_lock);
	refcount_set(&mmu->live, 0);

	return vcm_init(&mmu->vcm, &driver->vcm, start, last, pgsize_bitmap);
}
EXPORT_SYMBOL_GPL(vcm_mmu_init);
