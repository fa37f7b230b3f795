// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: the devices that see a context.
 *
 * The addresses and page sizes that a device cannot use are put in force before
 * anything is checked against them, so what was found to fit stays so.
 */
#include <kunit/static_stub.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "vcm-internal.h"

/**
 * vcm_attachment_block() - name addresses that a device cannot use
 * @attachment: the device, as given to &vcm_driver.attach
 * @start: first device address
 * @last: last device address, inclusive
 *
 * Ranges may overlap. Does nothing if @start is above @last. Must be followed by
 * vcm_attach_limits(), which puts the ranges in force.
 *
 * Context: Process context, within &vcm_driver.attach.
 * Return: 0 or -ENOMEM.
 */
int vcm_attachment_block(struct vcm_attachment *attachment, dma_addr_t start,
			 dma_addr_t last)
{
	struct vcm_range *blocked;

	if (start > last)
		return 0;
	blocked = krealloc_array(attachment->blocked,
				 attachment->nr_blocked + 1, sizeof(*blocked),
				 GFP_KERNEL);
	if (!blocked)
		return -ENOMEM;

	blocked[attachment->nr_blocked].start = start;
	blocked[attachment->nr_blocked].last = last;
	attachment->blocked = blocked;
	attachment->nr_blocked++;
	return 0;
}
EXPORT_SYMBOL_GPL(vcm_attachment_block);

/**
 * vcm_device_last() - return the highest address of a device and its bus
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

/**
 * vcm_device_snoops() - return true if a device snoops the caches of the CPUs
 * @dev: the device
 *
 * The answer of the DMA API, which decides about page-table attributes and about
 * cache maintenance.
 *
 * Context: Any.
 * Return: false if caches have to be maintained for the device.
 */
bool vcm_device_snoops(struct device *dev)
{
	KUNIT_STATIC_STUB_REDIRECT(vcm_device_snoops, dev);
	return dev_is_dma_coherent(dev);
}
EXPORT_SYMBOL_GPL(vcm_device_snoops);

static struct vcm_attachment *vcm_attachment_find(struct vcm *vcm,
						  struct device *dev)
{
	struct vcm_attachment *attachment;

	lockdep_assert_held(&vcm->topology);
	list_for_each_entry(attachment, &vcm->attachments, entry)
		if (attachment->dev == dev)
			return attachment;
	return NULL;
}

/*
 * Put in force the limits of the devices on vcm->attachments, or change nothing
 * and return -ENOMEM. Removing a device cannot fail: there is room for the ranges
 * of the others.
 */
static int vcm_limits_update(struct vcm *vcm)
{
	unsigned long granule = vcm->pgsize_bitmap & -vcm->pgsize_bitmap;
	struct vcm_ranges *blocked = vcm->blocked;
	struct vcm_attachment *attachment;
	unsigned int i, nr = 0;

	lockdep_assert_held_write(&vcm->topology);
	list_for_each_entry(attachment, &vcm->attachments, entry)
		nr += attachment->nr_blocked;
	if (nr > (blocked ? blocked->capacity : 0)) {
		blocked = kzalloc_flex(*blocked, range, nr);
		if (!blocked)
			return -ENOMEM;
		blocked->capacity = nr;
	}

	guard(spinlock_irq)(&vcm->va_lock);
	if (blocked != vcm->blocked) {
		kfree(vcm->blocked);
		vcm->blocked = blocked;
	}
	if (blocked)
		blocked->nr = 0;
	list_for_each_entry(attachment, &vcm->attachments, entry) {
		granule = max(granule, attachment->granule);
		for (i = 0; i < attachment->nr_blocked; i++)
			blocked->range[blocked->nr++] = attachment->blocked[i];
	}
	if (blocked)
		vcm_ranges_merge(blocked);
	WRITE_ONCE(vcm->granule, granule);
	return 0;
}

/* Check that everything reserved and bound fits a granule that has grown. */
static int vcm_granule_check(struct vcm *vcm)
{
	const unsigned long mask = vcm_granule(vcm) - 1;
	struct vcm_res *res = NULL;

	lockdep_assert_held_write(&vcm->topology);
	if (vcm_fixed(vcm))
		return 0;
	while ((res = vcm_next_res(vcm, res))) {
		if ((res->start | (res->last + 1)) & mask ||
		    (vcm_res_state(res) == VCM_BOUND &&
		     res->phys->align_bits & mask)) {
			vcm_res_put(res);
			return -EADDRNOTAVAIL;
		}
	}
	return 0;
}

/* Check that nothing is reserved at addresses that @attachment cannot use. */
static int vcm_block_check(struct vcm *vcm,
			   const struct vcm_attachment *attachment)
{
	const struct vcm_range *range;
	unsigned int i;

	lockdep_assert_held_write(&vcm->topology);
	for (i = 0; i < attachment->nr_blocked; i++) {
		range = &attachment->blocked[i];
		guard(spinlock_irq)(&vcm->va_lock);
		if (vcm_va_first(vcm, range->start, range->last))
			return -EADDRNOTAVAIL;
	}
	return 0;
}

/*
 * Devices of one context are alike in whether they snoop: maintaining caches for
 * one that does not would destroy what one that does has in a cache. Page tables
 * and memory are prepared for the first one, so its kind stays.
 */
static void vcm_coherence_fix(struct vcm *vcm, bool unsnooped)
{
	struct vcm_res *res;

	lockdep_assert_held_write(&vcm->topology);
	if (vcm->coherence != VCM_COHERENCE_UNKNOWN)
		return;
	WRITE_ONCE(vcm->coherence, unsnooped ? VCM_UNSNOOPED : VCM_SNOOPED);
	if (!unsnooped || !vcm_live(vcm))
		return;
	list_for_each_entry(res, &vcm->bound, vcm_entry)
		vcm_phys_write_back(res->phys);
}

static void vcm_attachment_remove(struct vcm *vcm,
				  struct vcm_attachment *attachment)
{
	list_del(&attachment->entry);
	vcm_limits_update(vcm);
	put_device(attachment->dev);
	kfree(attachment->blocked);
	kfree(attachment);
}

/**
 * vcm_attach_limits() - put in force the limits of a device
 * @vcm: the context
 * @attachment: the device; its public fields are set and its ranges named
 *
 * May be called again after more ranges were named or the granule was set. The
 * core removes all of them if &vcm_driver.attach fails, and after
 * &vcm_driver.detach.
 *
 * Context: Process context, within &vcm_driver.attach.
 * Return: 0, or an errno that &vcm_driver.attach returns:
 *
 * * -EINVAL if the device snoops and the first one of the context did not, or
 *   the other way round
 * * -EADDRNOTAVAIL if something is reserved or bound that the device cannot
 *   reach or that its granule does not divide
 * * -ENOMEM
 */
int vcm_attach_limits(struct vcm *vcm, struct vcm_attachment *attachment)
{
	const unsigned long granule = vcm_granule(vcm);
	int ret;

	lockdep_assert_held_write(&vcm->topology);
	if (vcm->coherence != VCM_COHERENCE_UNKNOWN &&
	    attachment->unsnooped == vcm_snooped(vcm))
		return -EINVAL;

	if (list_empty(&attachment->entry))
		list_add_tail(&attachment->entry, &vcm->attachments);
	ret = vcm_limits_update(vcm);
	if (!ret)
		ret = vcm_block_check(vcm, attachment);
	if (!ret && vcm_granule(vcm) != granule)
		ret = vcm_granule_check(vcm);
	if (!ret)
		vcm_coherence_fix(vcm, attachment->unsnooped);
	return ret;
}
EXPORT_SYMBOL_GPL(vcm_attach_limits);

static int vcm_attach_locked(struct vcm *vcm, struct vcm_attachment *attachment)
{
	const u8 coherence = vcm->coherence;
	int ret;

	lockdep_assert_held_write(&vcm->topology);
	if (vcm->dead)
		return -ENODEV;
	if (!vcm->driver->attach)
		return -EOPNOTSUPP;
	if (vcm_attachment_find(vcm, attachment->dev))
		return -EALREADY;

	ret = vcm->driver->attach(vcm, attachment);
	if (!ret && WARN(list_empty(&attachment->entry),
			 "vcm: %s attaches without limits\n",
			 vcm->driver->name)) {
		if (vcm->driver->detach)
			vcm->driver->detach(vcm, attachment);
		ret = -EINVAL;
	}
	if (ret)
		WRITE_ONCE(vcm->coherence, coherence);
	return ret;
}

/**
 * vcm_attach() - let a device see a context
 * @vcm: the context
 * @dev: the device, with its driver bound to it
 *
 * When it returns, all live bindings are visible to the device. The driver calls
 * vcm_detach() or vcm_destroy() before it is unbound from the device, and the
 * device is idle while it is attached and detached. Vectors of message-signalled
 * interrupts are allocated after this call and freed before the opposite.
 *
 * The first device decides for the lifetime of the context whether devices snoop
 * the caches of the CPUs.
 *
 * Context: Process context, may sleep. Takes vcm->topology for writing.
 * Return: 0, or an errno. On an error nothing has changed:
 *
 * * -EINVAL if a pointer is bad or the device cannot share this context, for
 *   instance because it snoops caches and the first device did not
 * * -EALREADY if it is attached already
 * * -EADDRNOTAVAIL if something is reserved or bound that the device cannot reach
 *   or that its granule does not divide
 * * -EOPNOTSUPP if the provider cannot attach devices, or not this one
 * * -ENODEV if the context is being destroyed or the device has no such IOMMU
 * * -EBUSY if the device sees another context of the same MMU
 * * -ENOMEM, or another errno of the provider
 */
int vcm_attach(struct vcm *vcm, struct device *dev)
{
	struct vcm_attachment *attachment;
	int ret;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(dev))
		return -EINVAL;

	attachment = kzalloc_obj(*attachment);
	if (!attachment)
		return -ENOMEM;
	attachment->dev = get_device(dev);
	INIT_LIST_HEAD(&attachment->entry);

	down_write(&vcm->topology);
	ret = vcm_attach_locked(vcm, attachment);
	if (ret)
		vcm_attachment_remove(vcm, attachment);
	up_write(&vcm->topology);
	return ret;
}
EXPORT_SYMBOL_GPL(vcm_attach);

static void vcm_detach_locked(struct vcm *vcm,
			      struct vcm_attachment *attachment)
{
	lockdep_assert_held_write(&vcm->topology);
	if (vcm->driver->detach)
		vcm->driver->detach(vcm, attachment);
	vcm_attachment_remove(vcm, attachment);
}

/* For vcm_destroy(). */
void vcm_detach_all(struct vcm *vcm)
{
	struct vcm_attachment *attachment, *next;

	lockdep_assert_held_write(&vcm->topology);
	list_for_each_entry_safe(attachment, next, &vcm->attachments, entry)
		vcm_detach_locked(vcm, attachment);
}

/**
 * vcm_detach() - undo vcm_attach()
 * @vcm: the context; NULL and error pointers are ignored
 * @dev: the device; NULL and error pointers are ignored
 *
 * When it returns, the device sees nothing of the context. Warns if the device
 * is not attached, unless vcm_destroy() has detached it.
 *
 * Context: Process context, may sleep. Takes vcm->topology for writing.
 */
void vcm_detach(struct vcm *vcm, struct device *dev)
{
	struct vcm_attachment *attachment;

	might_sleep();
	if (IS_ERR_OR_NULL(vcm) || IS_ERR_OR_NULL(dev))
		return;

	down_write(&vcm->topology);
	attachment = vcm_attachment_find(vcm, dev);
	if (attachment)
		vcm_detach_locked(vcm, attachment);
	else
		WARN(!vcm->dead, "vcm: %s is not attached\n", dev_name(dev));
	up_write(&vcm->topology);
}
EXPORT_SYMBOL_GPL(vcm_detach);
