// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Virtual Contiguous Memory does, shown with two edu devices: prescribed
 * addresses, memory that suits several contexts, and many buffers at once.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-mapping.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vcm-drv.h>

#include "demo.h"

/* A prescribed address, within the 28 bits that edu has by default */
#define DEMO_ADDR		0x0c000000

/* A window for addresses, and their alignment in it */
#define DEMO_WINDOW_MIN		0x02000000
#define DEMO_WINDOW_MAX		0x03ffffff
#define DEMO_WINDOW_ALIGN	SZ_8M

/* Buffers that are unbound together */
#define DEMO_MANY		64
#define DEMO_SMALL		SZ_64K

/* Point 6: addresses that firmware prescribes, and windows. */

static int demo_use_at(struct demo *d, struct demo_buf *buf,
		       struct vcm_res *res, const char *what)
{
	u32 window[2 * DEMO_FEW], crc;
	int ret;

	vcm_demo_windows(d, window, 2 * DEMO_FEW);
	ret = vcm_bind(res, buf->phys);
	if (!ret)
		ret = vcm_demo_copy(d->edu[0], buf, res, window,
				    window + DEMO_FEW, DEMO_FEW);
	if (!ret)
		ret = vcm_demo_check(buf, &crc);
	if (!ret)
		vcm_demo_row(d, res, buf->phys,
			     "%s copies %u windows %s, crc32 %08x",
			     pci_name(d->pdev[0]), DEMO_FEW, what, crc);
	return ret;
}

/* Addresses that are reserved or out of reach must be refused. */
static int demo_refused(struct vcm_edu *edu)
{
	const u64 mask = dma_get_mask(&edu->pdev->dev);
	struct vcm_res *res;

	res = vcm_reserve_at(edu->vcm, DEMO_ADDR, DEMO_SIZE, 0);
	if (res == ERR_PTR(-EADDRINUSE) && mask < edu->vcm->last)
		res = vcm_reserve_at(edu->vcm, mask + 1, DEMO_SIZE, 0);
	if (res == ERR_PTR(mask < edu->vcm->last ? -EADDRNOTAVAIL :
						   -EADDRINUSE))
		return 0;
	vcm_unreserve(res);
	return -EINVAL;
}

static int demo_at(struct demo *d, struct demo_buf *buf)
{
	struct vcm_res *res;
	int ret;

	d->step = "an address that is prescribed";
	res = vcm_reserve_at(d->edu[0]->vcm, DEMO_ADDR, DEMO_SIZE, 0);
	if (IS_ERR(res))
		return PTR_ERR(res);
	ret = demo_use_at(d, buf, res, "at a prescribed address");
	if (!ret) {
		d->step = "refusing addresses";
		ret = demo_refused(d->edu[0]);
	}
	vcm_unmap(res);
	return ret;
}

static int demo_in(struct demo *d, struct demo_buf *buf)
{
	struct vcm_res *res;
	int ret;

	d->step = "an address within a window";
	res = vcm_reserve_in(d->edu[0]->vcm, DEMO_SIZE, DEMO_WINDOW_ALIGN,
			     DEMO_WINDOW_MIN, DEMO_WINDOW_MAX, 0);
	if (IS_ERR(res))
		return PTR_ERR(res);
	if (res->start & (DEMO_WINDOW_ALIGN - 1) ||
	    res->start < DEMO_WINDOW_MIN ||
	    res->start + (DEMO_SIZE - 1) > DEMO_WINDOW_MAX)
		ret = -ERANGE;
	else
		ret = demo_use_at(d, buf, res,
				  "in the window of 32 MiB to 64 MiB");
	vcm_unmap(res);
	return ret;
}

int vcm_demo_prescribed(struct demo *d)
{
	struct vcm *vcm = d->edu[0]->vcm;
	struct demo_buf *buf;
	int ret;

	/* Where addresses follow the memory, they cannot be prescribed */
	if (vcm->driver->fixed)
		return 0;
	buf = vcm_demo_buf_new(d, vcm);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	ret = demo_at(d, buf);
	if (!ret)
		ret = demo_in(d, buf);
	return vcm_demo_buf_free(d, buf, ret);
}

/* Point 7: memory that suits two devices and the CPU, and its addresses. */

/*
 * Let the first device copy a chunk. The second one reads the copy at the
 * address that its own context has for the same byte.
 */
static int demo_hand_over(struct demo *d, struct vcm_res *const *res)
{
	struct vcm_edu *edu = d->edu[0], *other = d->edu[1];
	const dma_addr_t copy = res[0]->start + DEMO_SMALL - EDU_CHUNK;
	u8 *bytes = vcm_cpu_addr(res[2]);
	dma_addr_t there;
	int ret;

	prandom_bytes_state(&d->rnd, bytes, EDU_CHUNK);
	ret = vcm_sync_for_device(res[0], 0, DEMO_SMALL, DMA_BIDIRECTIONAL);
	if (!ret)
		ret = vcm_demo_move(edu, res[0]->start, copy);
	if (!ret)
		ret = vcm_sync_for_cpu(res[0], 0, DEMO_SMALL,
				       DMA_BIDIRECTIONAL);
	if (!ret)
		ret = vcm_translate(edu->vcm, copy, other->vcm, &there);
	if (!ret)
		ret = vcm_sync_for_device(res[1], 0, DEMO_SMALL,
					  DMA_BIDIRECTIONAL);
	if (!ret)
		ret = vcm_demo_move(other, there, res[1]->start + EDU_CHUNK);
	if (!ret)
		ret = vcm_sync_for_cpu(res[1], 0, DEMO_SMALL,
				       DMA_BIDIRECTIONAL);
	if (ret)
		return ret;

	if (memcmp(bytes, bytes + EDU_CHUNK, EDU_CHUNK))
		return -EBADMSG;
	vcm_demo_row(d, res[1], res[1]->phys,
		     "%s finds at %#llx what %s has at %#llx",
		     pci_name(d->pdev[1]), (u64)there, pci_name(d->pdev[0]),
		     (u64)copy);
	return 0;
}

int vcm_demo_everyone(struct demo *d)
{
	struct vcm *vcm[] = { d->edu[0]->vcm, d->edu[1]->vcm, vcm_vmm };
	struct vcm_res *res[ARRAY_SIZE(vcm)] = { };
	struct vcm_phys *phys;
	struct vcm_res *gap;
	unsigned int i;
	int ret = 0;

	d->step = "memory that suits two devices and the CPU";
	phys = vcm_alloc_for(vcm, ARRAY_SIZE(vcm), DEMO_SMALL, 0);
	if (IS_ERR(phys))
		return PTR_ERR(phys);

	/* Make the addresses differ, where that is possible */
	gap = vcm_reserve(vcm[1], DEMO_SMALL, 0);
	for (i = 0; i < ARRAY_SIZE(vcm) && !ret; i++) {
		res[i] = vcm_map(vcm[i], phys, 0);
		ret = PTR_ERR_OR_ZERO(res[i]);
	}
	d->step = "handing an address over";
	if (!ret)
		ret = demo_hand_over(d, res);
	while (i--)
		vcm_unmap(res[i]);
	vcm_unreserve(gap);
	vcm_free(phys);
	return ret;
}

/* Point 8: many buffers are unbound from a device at once. */

/**
 * struct demo_many - buffers that are unbound together
 * @res: reservations for the device
 * @phys: their memory, with a reference for each
 * @nr: number of buffers
 * @unbound: nothing is bound any more
 */
struct demo_many {
	struct vcm_res *res[DEMO_MANY];
	struct vcm_phys *phys[DEMO_MANY];
	unsigned int nr;
	bool unbound;
};

/*
 * A transfer takes 0.1 seconds, so only the first and the last buffer are used.
 */
static const unsigned int demo_ends[] = { 0, DEMO_MANY - 1 };

/* Memory that is unbound belongs to the CPU. */
static int demo_write_end(struct vcm_edu *edu, const struct demo_many *many,
			  unsigned int end)
{
	struct vcm_res *res = many->res[end];
	int ret = 0;

	if (!many->unbound)
		ret = vcm_sync_for_device(res, 0, EDU_CHUNK, DMA_FROM_DEVICE);
	if (!ret)
		ret = vcm_edu_from_device(edu, res->start, 0, EDU_CHUNK);
	if (!ret && !many->unbound)
		ret = vcm_sync_for_cpu(res, 0, EDU_CHUNK, DMA_FROM_DEVICE);
	return ret;
}

/* Let the device fill the first chunk of both with @byte. */
static int demo_write_ends(struct vcm_edu *edu,
			   const struct demo_many *many, u8 byte)
{
	struct vcm_res *cpu = vcm_map(vcm_vmm, edu->work->phys, 0);
	unsigned int i;
	int ret;

	if (IS_ERR(cpu))
		return PTR_ERR(cpu);
	memset(vcm_cpu_addr(cpu), byte, EDU_CHUNK);
	vcm_unmap(cpu);

	ret = vcm_sync_for_device(edu->work, 0, EDU_CHUNK, DMA_TO_DEVICE);
	if (!ret)
		ret = vcm_edu_to_device(edu, edu->work->start, 0, EDU_CHUNK);
	if (!ret)
		ret = vcm_sync_for_cpu(edu->work, 0, EDU_CHUNK, DMA_TO_DEVICE);
	for (i = 0; i < ARRAY_SIZE(demo_ends) && !ret; i++)
		ret = demo_write_end(edu, many, demo_ends[i]);
	return ret;
}

static int demo_check_ends(const struct demo_many *many, u8 byte)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(demo_ends) && !ret; i++) {
		struct vcm_res *cpu;

		cpu = vcm_map(vcm_vmm, many->phys[demo_ends[i]], 0);
		if (IS_ERR(cpu))
			return PTR_ERR(cpu);
		if (memchr_inv(vcm_cpu_addr(cpu), byte, EDU_CHUNK))
			ret = -EBADMSG;
		vcm_unmap(cpu);
	}
	return ret;
}

static void demo_announce(struct vcm_edu *edu, const struct demo_many *many)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(demo_ends); i++) {
		dma_addr_t start = many->res[demo_ends[i]]->start;

		pr_info("IOMMU events of %s at %pad to %#llx are meant to be, from here\n",
			pci_name(edu->pdev), &start,
			(u64)start + DEMO_SMALL - 1);
	}
}

/* The device reaches the memory before the unbind, and not after it. */
static int demo_leave(struct demo *d, struct demo_many *many)
{
	struct vcm_edu *edu = d->edu[0];
	int ret;

	d->step = "writing to many buffers";
	ret = demo_write_ends(edu, many, 0x5a);
	if (!ret)
		ret = demo_check_ends(many, 0x5a);
	if (ret)
		return ret;

	vcm_unbind_many(many->res, many->nr);
	many->unbound = true;

	d->step = "writing to many buffers after vcm_unbind_many";
	if (!edu->vcm->driver->fixed) {
		demo_announce(edu, many);
		ret = demo_write_ends(edu, many, 0xa5);
		pr_info("to here\n");
	}
	if (!ret)
		ret = demo_check_ends(many, 0x5a);
	if (!ret)
		vcm_demo_row(d, many->res[0], many->phys[0],
			     "%u buffers unbound at once%s", DEMO_MANY,
			     edu->vcm->driver->fixed ? "" :
			     ", then the device changes nothing in them");
	return ret;
}

static int demo_make_many(struct vcm *vcm, struct demo_many *many)
{
	struct vcm_res *res;

	while (many->nr < DEMO_MANY) {
		res = vcm_make_binding(vcm, DEMO_SMALL, 0, 0);
		if (IS_ERR(res))
			return PTR_ERR(res);
		many->phys[many->nr] = vcm_phys_get(res->phys);
		many->res[many->nr++] = res;
	}
	return 0;
}

static void demo_free_many(struct demo_many *many)
{
	while (many->nr--) {
		vcm_destroy_binding(many->res[many->nr]);
		vcm_free(many->phys[many->nr]);
	}
	kfree(many);
}

int vcm_demo_many(struct demo *d)
{
	struct demo_many *many = kzalloc_obj(*many);
	int ret;

	if (!many)
		return -ENOMEM;
	d->step = "many buffers";
	ret = demo_make_many(d->edu[0]->vcm, many);
	if (!ret)
		ret = demo_leave(d, many);
	demo_free_many(many);
	return ret;
}
