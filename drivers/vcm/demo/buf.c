// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Virtual Contiguous Memory does, shown with two edu devices: buffers
 * whose contents are known, and devices that copy windows of them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/crc32.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vcm-drv.h>
#include <linux/vmalloc.h>

#include "demo.h"

static u32 demo_below(struct rnd_state *rnd, u32 limit)
{
	return prandom_u32_state(rnd) % limit;
}

/* Buffers */

static void demo_put_pages(struct demo_buf *buf, unsigned int count)
{
	if (buf->inner)
		vcm_free(buf->inner);
	else
		while (count--)
			__free_page(buf->pages[count]);
}

/* Get the first page of each of many pairs, shuffled: no two are neighbours. */
static int demo_get_pages(struct demo *d, struct demo_buf *buf)
{
	unsigned int i, other;
	struct page *page;

	for (i = 0; i < DEMO_PAGES; i++) {
		page = alloc_pages(GFP_KERNEL, 1);
		if (!page) {
			demo_put_pages(buf, i);
			return -ENOMEM;
		}
		split_page(page, 1);
		__free_page(page + 1);
		buf->pages[i] = page;
	}
	for (i = DEMO_PAGES - 1; i; i--) {
		other = demo_below(&d->place, i + 1);
		swap(buf->pages[i], buf->pages[other]);
	}
	return 0;
}

/* Get memory in one part from the provider, for devices that need it so. */
static int demo_borrow_pages(struct vcm *vcm, struct demo_buf *buf)
{
	struct vcm_phys *inner;
	unsigned int i;

	inner = vcm_alloc(vcm, DEMO_SIZE, VCM_ALLOC_NOZERO);
	if (IS_ERR(inner))
		return PTR_ERR(inner);

	for (i = 0; i < DEMO_PAGES; i++)
		buf->pages[i] = phys_to_page(inner->parts[0].paddr +
					     i * PAGE_SIZE);
	buf->inner = inner;
	return 0;
}

static void demo_release(void *priv)
{
	struct demo_buf *buf = priv;

	demo_put_pages(buf, DEMO_PAGES);
	complete(&buf->freed);
}

static int demo_buf_alloc(struct demo *d, struct vcm *vcm, struct demo_buf *buf)
{
	bool fixed = vcm->driver->fixed;
	int ret;

	ret = fixed ? demo_borrow_pages(vcm, buf) : demo_get_pages(d, buf);
	if (ret)
		return ret;
	buf->phys = vcm_phys_import_pages(buf->pages, DEMO_PAGES, 0,
					  demo_release, buf);
	if (IS_ERR(buf->phys)) {
		demo_put_pages(buf, DEMO_PAGES);
		return PTR_ERR(buf->phys);
	}

	buf->res = vcm_map(vcm, buf->phys, 0);
	if (IS_ERR(buf->res))
		vcm_free(buf->phys);
	return PTR_ERR_OR_ZERO(buf->res);
}

/* Write new contents through the pages, not through a context. */
void vcm_demo_fill(struct demo *d, struct demo_buf *buf)
{
	unsigned int i;

	prandom_bytes_state(&d->rnd, buf->image, DEMO_SIZE);
	for (i = 0; i < DEMO_PAGES; i++)
		memcpy_to_page(buf->pages[i], 0, buf->image + i * PAGE_SIZE,
			       PAGE_SIZE);
}

struct demo_buf *vcm_demo_buf_new(struct demo *d, struct vcm *vcm)
{
	struct demo_buf *buf;
	int ret = -ENOMEM;

	d->step = "a buffer in the address space of a device";
	buf = kvzalloc_obj(*buf);
	if (!buf)
		return ERR_PTR(ret);
	init_completion(&buf->freed);
	buf->image = vmalloc(DEMO_SIZE);
	if (buf->image)
		ret = demo_buf_alloc(d, vcm, buf);
	if (ret) {
		vfree(buf->image);
		kvfree(buf);
		return ERR_PTR(ret);
	}

	vcm_demo_fill(d, buf);
	return buf;
}

/*
 * Free a buffer. Its memory must be released now. If something still holds the
 * memory, leave what its release needs.
 */
int vcm_demo_buf_free(struct demo *d, struct demo_buf *buf, int ret)
{
	if (IS_ERR_OR_NULL(buf))
		return ret;

	if (!buf->given) {
		vcm_unmap(buf->res);
		vcm_free(buf->phys);
	}
	vfree(buf->image);
	if (try_wait_for_completion(&buf->freed)) {
		kvfree(buf);
		return ret;
	}
	if (ret)
		return ret;
	d->step = "the release of the memory";
	return -EBUSY;
}

/* Return the checksum of a buffer, as other tools compute it. */
u32 vcm_demo_crc(const u8 *image)
{
	return ~crc32(~0, image, DEMO_SIZE);
}

/* Return 0 if the pages contain what they must; @crc gets the checksum. */
int vcm_demo_check(const struct demo_buf *buf, u32 *crc)
{
	const u8 *image = buf->image;
	unsigned int i;
	void *mem;
	int diff;

	for (i = 0; i < DEMO_PAGES; i++, image += PAGE_SIZE) {
		mem = kmap_local_page(buf->pages[i]);
		diff = memcmp(mem, image, PAGE_SIZE);
		kunmap_local(mem);
		if (diff) {
			pr_err("page %u of the buffer is wrong\n", i);
			return -EBADMSG;
		}
	}
	*crc = vcm_demo_crc(buf->image);
	return 0;
}

/* Check the same through the kernel's own address space. */
int vcm_demo_check_cpu(struct demo *d, const struct demo_buf *buf)
{
	struct vcm_res *cpu;
	u32 crc;
	int ret = 0;

	d->step = "reading by the CPU, through vcm_vmm";
	cpu = vcm_map(vcm_vmm, buf->phys, 0);
	if (IS_ERR(cpu))
		return PTR_ERR(cpu);

	crc = vcm_demo_crc(vcm_cpu_addr(cpu));
	if (crc == vcm_demo_crc(buf->image))
		vcm_demo_row(d, cpu, buf->phys, "the CPU reads all of it, crc32 %08x",
			     crc);
	else
		ret = -EBADMSG;
	vcm_unmap(cpu);
	return ret;
}

/*
 * Map a buffer at another address than that of the first device, if possible.
 */
struct vcm_res *vcm_demo_map_elsewhere(struct demo *d, struct vcm *vcm,
				       const struct demo_buf *buf)
{
	struct vcm_res *res, *again;

	d->step = "binding in the second device's context";
	res = vcm_map(vcm, buf->phys, 0);
	if (IS_ERR(res) || vcm->driver->fixed || res->start != buf->res->start)
		return res;
	again = vcm_map(vcm, buf->phys, 0);
	vcm_unmap(res);
	return again;
}

/* Windows */

/* Choose windows that do not overlap; each crosses a page boundary. */
void vcm_demo_windows(struct demo *d, u32 *window, unsigned int count)
{
	DECLARE_BITMAP(taken, DEMO_PAGES) = { };
	u32 page;

	static_assert(PAGE_SIZE >= 2 * EDU_CHUNK);

	while (count--) {
		do {
			page = 1 + demo_below(&d->rnd, DEMO_PAGES - 1);
		} while (__test_and_set_bit(page, taken));
		*window++ = page * PAGE_SIZE - 1 -
			    demo_below(&d->rnd, EDU_CHUNK - 1);
	}
}

/* Copy a chunk through the device. */
int vcm_demo_move(struct vcm_edu *edu, dma_addr_t from, dma_addr_t to)
{
	int ret;

	ret = vcm_edu_to_device(edu, from, 0, EDU_CHUNK);
	return ret ?: vcm_edu_from_device(edu, to, 0, EDU_CHUNK);
}

/* Let the device copy windows of a buffer to other places in it. */
int vcm_demo_copy(struct vcm_edu *edu, struct demo_buf *buf,
		  struct vcm_res *res, const u32 *from, const u32 *to,
		  unsigned int count)
{
	unsigned int i;
	int ret;

	ret = vcm_sync_for_device(res, 0, DEMO_SIZE, DMA_BIDIRECTIONAL);
	for (i = 0; i < count && !ret; i++) {
		ret = vcm_demo_move(edu, res->start + from[i],
				    res->start + to[i]);
		memcpy(buf->image + to[i], buf->image + from[i], EDU_CHUNK);
	}
	return ret ?: vcm_sync_for_cpu(res, 0, DEMO_SIZE, DMA_BIDIRECTIONAL);
}

/* Copy a chunk through the device to the working buffer of its driver. */
int vcm_demo_to_work(struct vcm_edu *edu, dma_addr_t from)
{
	int ret;

	ret = vcm_sync_for_device(edu->work, 0, EDU_CHUNK, DMA_FROM_DEVICE);
	if (!ret)
		ret = vcm_demo_move(edu, from, edu->work->start);
	return ret ?: vcm_sync_for_cpu(edu->work, 0, EDU_CHUNK,
				       DMA_FROM_DEVICE);
}

/*
 * Let the device copy windows of a buffer to the working buffer of its driver.
 */
int vcm_demo_fetch(struct vcm_edu *edu, const struct demo_buf *buf,
		   struct vcm_res *res, const u32 *from, unsigned int count)
{
	struct vcm_res *cpu;
	unsigned int i;
	int ret;

	cpu = vcm_map(vcm_vmm, edu->work->phys, 0);
	if (IS_ERR(cpu))
		return PTR_ERR(cpu);

	ret = vcm_sync_for_device(res, 0, DEMO_SIZE, DMA_TO_DEVICE);
	for (i = 0; i < count && !ret; i++) {
		ret = vcm_demo_to_work(edu, res->start + from[i]);
		if (!ret && memcmp(vcm_cpu_addr(cpu), buf->image + from[i],
				   EDU_CHUNK))
			ret = -EBADMSG;
	}

	vcm_unmap(cpu);
	return ret ?: vcm_sync_for_cpu(res, 0, DEMO_SIZE, DMA_TO_DEVICE);
}

/* Return true if a piece of @a is in @b at the same place. */
bool vcm_demo_leaked(const u8 *a, const u8 *b, size_t len)
{
	size_t i;

	for (i = 0; i < len; i += DEMO_PIECE)
		if (!memcmp(a + i, b + i, DEMO_PIECE))
			return true;
	return false;
}
