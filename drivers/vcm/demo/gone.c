// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Virtual Contiguous Memory does, shown with two edu devices: a device
 * that is unplugged.
 */
#include <linux/pci.h>
#include <linux/vcm-drv.h>

#include "demo.h"

/* Point 9: a device is unplugged with memory bound in its address space. */

/*
 * Unplugging takes the lock of the hotplug first and that of the device after
 * it. So neither device is locked while the hotplug's lock is taken here, and
 * their drivers may be unbound meanwhile.
 */
static void demo_put(struct demo *d, unsigned int i)
{
	if (!IS_ERR(d->edu[i]))
		vcm_edu_put(d->edu[i]);
	d->edu[i] = ERR_PTR(-ENODEV);
}

static int demo_get(struct demo *d, unsigned int i)
{
	d->edu[i] = vcm_edu_get(d->pdev[i]);
	return PTR_ERR_OR_ZERO(d->edu[i]);
}

/* Unplug the second device. The first one is locked again if this returns 0. */
static int demo_unplug(struct demo *d, const struct demo_buf *buf)
{
	int ret;

	demo_put(d, 1);
	demo_put(d, 0);
	pci_stop_and_remove_bus_device_locked(d->pdev[1]);

	d->step = "holding the first device again";
	ret = demo_get(d, 0);
	if (ret)
		return ret;
	/* If its driver was unbound, it has another context now */
	return d->edu[0]->vcm == buf->res->vcm ? 0 : -ENODEV;
}

/* Plug it in again at the same place, as another struct pci_dev. */
static int demo_replug(struct demo *d)
{
	struct pci_dev *gone = d->pdev[1], *pdev;
	int ret;

	d->step = "plugging the device in again";
	demo_put(d, 0);
	pci_lock_rescan_remove();
	pci_rescan_bus(gone->bus);
	pci_unlock_rescan_remove();

	pdev = pci_get_slot(gone->bus, gone->devfn);
	if (pdev) {
		pci_dev_put(gone);
		d->pdev[1] = pdev;
	}
	ret = demo_get(d, 0);
	return demo_get(d, 1) ?: ret;
}

/* A destroyed context takes unbinds and nothing else. */
static int demo_check_dead(struct demo *d, struct demo_buf *buf,
			   struct vcm_res *res)
{
	struct vcm_res *more;

	d->step = "using a destroyed context";
	more = vcm_map(res->vcm, buf->phys, 0);
	if (more != ERR_PTR(-ENODEV)) {
		vcm_unmap(more);
		return -EINVAL;
	}
	vcm_unbind(res);
	return res->phys ? -EINVAL : 0;
}

static int demo_without(struct demo *d, struct demo_buf *buf,
			struct vcm_res *res)
{
	u32 window[2 * DEMO_FEW], crc;
	int ret;

	ret = demo_unplug(d, buf);
	if (ret)
		return ret;
	ret = demo_check_dead(d, buf, res);
	if (ret)
		return ret;

	d->step = "using memory that an unplugged device had bound";
	vcm_demo_windows(d, window, 2 * DEMO_FEW);
	ret = vcm_demo_copy(d->edu[0], buf, buf->res, window,
			    window + DEMO_FEW, DEMO_FEW);
	if (!ret)
		ret = vcm_demo_check(buf, &crc);
	if (!ret)
		vcm_demo_row(d, buf->res, buf->phys,
			     "%s is unplugged, %s uses the memory that both had, crc32 %08x",
			     pci_name(d->pdev[1]), pci_name(d->pdev[0]), crc);
	return ret;
}

int vcm_demo_unplugged(struct demo *d)
{
	struct demo_buf *buf = vcm_demo_buf_new(d, d->edu[0]->vcm);
	const char *step;
	struct vcm_res *res;
	int ret, back;

	if (IS_ERR(buf))
		return PTR_ERR(buf);

	res = vcm_demo_map_elsewhere(d, d->edu[1]->vcm, buf);
	if (IS_ERR(res))
		return vcm_demo_buf_free(d, buf, PTR_ERR(res));
	ret = demo_without(d, buf, res);
	/* The last reservation: its context is freed */
	vcm_unmap(res);
	ret = vcm_demo_buf_free(d, buf, ret);

	step = d->step;
	back = demo_replug(d);
	if (ret) {
		d->step = step;
		return ret;
	}
	return back ?: vcm_demo_try(d, d->edu[1]);
}
