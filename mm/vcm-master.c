// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: the devices that see a context.
 *
 * What a device cannot use (addresses, page sizes) is in force before anything
 * else is looked at, so what was found to fit then stays true.
 */
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vcm-internal.h"

/**
 * vcm_master_block() - say what a device cannot use
 * @master: the device, as given to &vcm_driver.limits
 * @start: first device address
 * @last: last device address, inclusive
 *
 * Ranges may overlap. Nothing is done for an empty one (@start behind @last).
 *
 * Context: Process context, within &vcm_driver.limits.
 * Return: 0 or -ENOMEM.
 */
int vcm_master_block(struct vcm_master *master, dma_addr_t start,
		     dma_addr_t last)
{
	struct vcm_range *blocked;

	if (start > last)
		return 0;
	blocked = krealloc_array(master->blocked, master->nr_blocked + 1,
				 sizeof(*blocked), GFP_KERNEL);
	if (!blocked)
		return -ENOMEM;

	blocked[master->nr_blocked].start = start;
	blocked[master->nr_blocked].last = last;
	master->blocked = blocked;
	master->nr_blocked++;
	return 0;
}
EXPORT_SYMBOL_GPL(vcm_master_block);

/**
 * vcm_device_last() - highest address that a device and its bus can express
 * @dev: the device, with its driver bound to it and its DMA mask set
 *
 * Context: Any.
 * Return: a device address.
 */
u64 vcm_device_last(struct device *dev)
{
	return min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);
}
EXPORT_SYMBOL_GPL(vcm_device_last);

static void vcm_master_free(struct vcm_master *master)
{
	put_device(master->dev);
	kfree(master->blocked);
	kfree(master);
}

static struct vcm_master *vcm_master_find(struct vcm *vcm, struct device *dev)
{
	struct vcm_master *master;

	lockdep_assert_held(&vcm->topology);
	list_for_each_entry(master, &vcm->masters, entry)
		if (master->dev == dev)
			return master;
	return NULL;
}

/*
 * Puts in force what the devices on vcm->masters are like. If they have blocked
 * ranges, vcm->spare has room for them, so this cannot fail.
 */
static void vcm_limits_update(struct vcm *vcm)
{
	unsigned long granule = vcm->pgsize_bitmap & -vcm->pgsize_bitmap;
	struct vcm_ranges *next = vcm->spare;
	struct vcm_master *master;
	unsigned int i;

	lockdep_assert_held_write(&vcm->topology);
	if (next)
		next->nr = 0;
	list_for_each_entry(master, &vcm->masters, entry) {
		granule = max(granule, master->granule);
		for (i = 0; i < master->nr_blocked; i++)
			next->range[next->nr++] = master->blocked[i];
	}
	if (next)
		vcm_ranges_merge(next);

	guard(spinlock_irqsave)(&vcm->va_lock);
	WRITE_ONCE(vcm->granule, granule);
	if (next)
		swap(vcm->blocked, vcm->spare);
}

static struct vcm_ranges *vcm_ranges_alloc(unsigned int capacity)
{
	struct vcm_ranges *ranges = kzalloc_flex(*ranges, range, capacity);

	if (ranges)
		ranges->capacity = capacity;
	return ranges;
}

/* Makes room in vcm->blocked and vcm->spare for what @newcomer cannot use. */
static int vcm_block_grow(struct vcm *vcm, const struct vcm_master *newcomer)
{
	unsigned int capacity = newcomer->nr_blocked;
	struct vcm_ranges *blocked, *spare;
	struct vcm_master *master;

	lockdep_assert_held_write(&vcm->topology);
	if (!capacity)
		return 0;
	list_for_each_entry(master, &vcm->masters, entry)
		capacity += master->nr_blocked;

	blocked = vcm_ranges_alloc(capacity);
	spare = vcm_ranges_alloc(capacity);
	if (!blocked || !spare) {
		kfree(blocked);
		kfree(spare);
		return -ENOMEM;
	}

	if (vcm->blocked) {
		blocked->nr = vcm->blocked->nr;
		memcpy(blocked->range, vcm->blocked->range,
		       flex_array_size(blocked, range, blocked->nr));
	}
	scoped_guard(spinlock_irqsave, &vcm->va_lock)
		swap(vcm->blocked, blocked);
	swap(vcm->spare, spare);
	kfree(blocked);
	kfree(spare);
	return 0;
}

/* Whether all that is reserved and bound fits a granule that has grown. */
static int vcm_granule_check(struct vcm *vcm)
{
	const unsigned long mask = vcm_granule(vcm) - 1;
	dma_addr_t from = vcm->start;
	struct vcm_res *res;

	lockdep_assert_held_write(&vcm->topology);
	if (vcm_fixed(vcm))
		return 0;
	list_for_each_entry(res, &vcm->bound, vcm_entry)
		if (res->phys->align_bits & mask)
			return -EADDRNOTAVAIL;

	for (;;) {
		guard(spinlock_irqsave)(&vcm->va_lock);
		res = vcm_va_first(vcm, from, vcm->last);
		if (!res)
			return 0;
		if ((res->start | (res->last + 1)) & mask)
			return -EADDRNOTAVAIL;
		if (res->last == vcm->last)
			return 0;
		from = res->last + 1;
	}
}

/* Whether reservations are older than what @master cannot use. */
static int vcm_block_check(struct vcm *vcm, const struct vcm_master *master)
{
	const struct vcm_range *range;
	unsigned int i;

	lockdep_assert_held_write(&vcm->topology);
	for (i = 0; i < master->nr_blocked; i++) {
		range = &master->blocked[i];
		guard(spinlock_irqsave)(&vcm->va_lock);
		if (vcm_va_first(vcm, range->start, range->last))
			return -EADDRNOTAVAIL;
	}
	return 0;
}

/**
 * vcm_visit_live() - visit all bindings that are on the hardware
 * @vcm: the context
 * @fn: called for each; another value than 0 ends the visit
 * @priv: for @fn
 *
 * For providers that keep several page tables: when a device brings a further
 * one, or takes it along. The order is that of the bindings and the same each
 * time while the topology is held.
 *
 * Context: Process context, within &vcm_driver.limits, &vcm_driver.forget,
 * &vcm_driver.attach or &vcm_driver.detach.
 * Return: what the last call of @fn returned, 0 without any.
 */
int vcm_visit_live(struct vcm *vcm, vcm_live_fn fn, void *priv)
{
	struct vcm_res *res;
	int ret;

	lockdep_assert_held_write(&vcm->topology);
	if (!vcm_live(vcm))
		return 0;
	list_for_each_entry(res, &vcm->bound, vcm_entry) {
		ret = fn(res, res->phys, priv);
		if (ret)
			return ret;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vcm_visit_live);

/*
 * Devices that do not snoop must find what the CPUs have written. Those of one
 * context are all alike in this: cache maintenance for one that does not would
 * destroy what one that does has in a cache. What the last one was like counts
 * until the next one comes, for whoever takes memory back by then.
 */
static void vcm_set_unsnooped(struct vcm *vcm, bool unsnooped)
{
	struct vcm_res *res;

	lockdep_assert_held_write(&vcm->topology);
	if (vcm->unsnooped == unsnooped)
		return;
	vcm->unsnooped = unsnooped;
	if (!unsnooped || !vcm_live(vcm))
		return;
	list_for_each_entry(res, &vcm->bound, vcm_entry)
		vcm_phys_sync(res->phys, 0, res->phys->size, DMA_BIDIRECTIONAL,
			      false);
}

static void vcm_master_forget(struct vcm *vcm, struct vcm_master *master)
{
	if (vcm->driver->forget)
		vcm->driver->forget(vcm, master);
}

/* In force first, so that what is checked then stays true. */
static int vcm_master_enter(struct vcm *vcm, struct vcm_master *master)
{
	const unsigned long granule = vcm_granule(vcm);
	const bool unsnooped = vcm->unsnooped;
	int ret;

	lockdep_assert_held_write(&vcm->topology);
	if (!list_empty(&vcm->masters) && master->unsnooped != unsnooped)
		return -EINVAL;
	ret = vcm_block_grow(vcm, master);
	if (ret)
		return ret;

	list_add_tail(&master->entry, &vcm->masters);
	vcm_limits_update(vcm);
	ret = vcm_block_check(vcm, master);
	if (!ret && vcm_granule(vcm) != granule)
		ret = vcm_granule_check(vcm);
	if (ret)
		goto err_limits;

	vcm_set_unsnooped(vcm, master->unsnooped);
	ret = vcm->driver->attach ? vcm->driver->attach(vcm, master) : 0;
	if (ret)
		goto err_unsnooped;
	return 0;

err_unsnooped:
	vcm->unsnooped = unsnooped;
err_limits:
	list_del(&master->entry);
	vcm_limits_update(vcm);
	return ret;
}

static int vcm_attach_locked(struct vcm *vcm, struct vcm_master *master)
{
	int ret;

	lockdep_assert_held_write(&vcm->topology);
	if (vcm->dead)
		return -ENODEV;
	if (!vcm->driver->limits)
		return -EOPNOTSUPP;
	if (vcm_master_find(vcm, master->dev))
		return -EALREADY;

	ret = vcm->driver->limits(vcm, master);
	if (ret)
		return ret;
	ret = vcm_master_enter(vcm, master);
	if (ret)
		vcm_master_forget(vcm, master);
	return ret;
}

/**
 * vcm_attach() - let a device see a context
 * @vcm: the context
 * @dev: the device, with its driver bound to it
 *
 * All that is bound and live is there for the device when it returns. The
 * driver takes the device out again with vcm_detach() or vcm_destroy() before
 * it lets go of the device, and the device is idle while it is attached and
 * detached. Vectors of message-signalled interrupts are allocated after this
 * and freed before that.
 *
 * Context: Process context, may sleep. Takes vcm->topology for writing.
 * Return: 0, -EINVAL for a bad pointer or a device that cannot share this
 * context, for instance because it snoops caches and the others do not;
 * -EALREADY when it is attached already, -EADDRNOTAVAIL when something is
 * reserved or bound that the device cannot reach or that its granule does not
 * divide, -EPERM when the device would see all memory between two contexts,
 * -EOPNOTSUPP when the provider cannot attach devices or this one, -ENODEV when
 * the context is being destroyed or the device has no such IOMMU, -EBUSY when
 * the device sees another context of the same MMU, -ENOMEM. On an error nothing
 * has changed.
 */
int vcm_attach(struct vcm *vcm, struct device *dev)
{
	struct vcm_master *master;
	int ret;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(dev))
		return -EINVAL;

	master = kzalloc_obj(*master);
	if (!master)
		return -ENOMEM;
	master->dev = get_device(dev);

	down_write(&vcm->topology);
	ret = vcm_attach_locked(vcm, master);
	up_write(&vcm->topology);
	if (ret)
		vcm_master_free(master);
	return ret;
}
EXPORT_SYMBOL_GPL(vcm_attach);

static void vcm_detach_locked(struct vcm *vcm, struct vcm_master *master)
{
	lockdep_assert_held_write(&vcm->topology);
	if (vcm->driver->detach)
		vcm->driver->detach(vcm, master);
	list_del(&master->entry);
	vcm_limits_update(vcm);
	vcm_master_forget(vcm, master);
	vcm_master_free(master);
}

/* For vcm_destroy(). */
void vcm_detach_all(struct vcm *vcm)
{
	struct vcm_master *master, *next;

	lockdep_assert_held_write(&vcm->topology);
	list_for_each_entry_safe(master, next, &vcm->masters, entry)
		vcm_detach_locked(vcm, master);
}

/**
 * vcm_detach() - undo vcm_attach()
 * @vcm: the context; NULL and error pointers are ignored
 * @dev: the device; NULL and error pointers are ignored
 *
 * When it returns the device sees nothing of the context. Warns when the device
 * is not attached, unless vcm_destroy() has detached it.
 *
 * Context: Process context, may sleep. Takes vcm->topology for writing.
 */
void vcm_detach(struct vcm *vcm, struct device *dev)
{
	struct vcm_master *master;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(dev))
		return;

	down_write(&vcm->topology);
	master = vcm_master_find(vcm, dev);
	if (master)
		vcm_detach_locked(vcm, master);
	else
		WARN(!vcm->dead, "vcm: %s is not attached\n", dev_name(dev));
	up_write(&vcm->topology);
}
EXPORT_SYMBOL_GPL(vcm_detach);
