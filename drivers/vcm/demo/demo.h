/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Virtual Contiguous Memory does, shown with two edu devices: declarations
 * that the parts of the demonstration share.
 */
#ifndef _VCM_DEMO_H
#define _VCM_DEMO_H

#include <linux/completion.h>
#include <linux/mm_types.h>
#include <linux/prandom.h>

#include "../vcm-edu.h"

#define DEMO_SIZE	SZ_4M
#define DEMO_PAGES	(DEMO_SIZE >> PAGE_SHIFT)

/* Windows of EDU_CHUNK bytes; each costs two transfers of 0.1 seconds */
#define DEMO_WINDOWS	16
#define DEMO_FEW	3

/* So many equal bytes are not equal by chance */
#define DEMO_PIECE	16

/**
 * struct demo - a run
 * @pdev: the two devices
 * @edu: the same with their drivers, locked; an error pointer if not
 * @seed: source of everything random
 * @rnd: data and windows, the same on every machine
 * @place: the order of pages
 * @point: what is being shown
 * @step: the current step, named if it fails
 */
struct demo {
	struct pci_dev *pdev[2];
	struct vcm_edu *edu[2];
	u64 seed;
	struct rnd_state rnd;
	struct rnd_state place;
	const char *point;
	const char *step;
};

/**
 * struct demo_point - something to show
 * @name: in its rows
 * @show: show it; return 0 or an errno
 */
struct demo_point {
	const char *name;
	int (*show)(struct demo *d);
};

/**
 * struct demo_buf - a buffer in the address space of a device
 * @phys: its memory, imported
 * @inner: the allocation that has the memory; NULL: single pages
 * @freed: the memory was released
 * @res: its reservation for the device
 * @given: the device's driver owns @res now, and the reference of @phys was
 *	dropped
 * @image: its expected contents
 * @pages: its pages
 */
struct demo_buf {
	struct vcm_phys *phys;
	struct vcm_phys *inner;
	struct completion freed;
	struct vcm_res *res;
	bool given;
	u8 *image;
	struct page *pages[DEMO_PAGES];
};

/* Rows */
__printf(4, 5)
void vcm_demo_row(const struct demo *d, const struct vcm_res *res,
		  const struct vcm_phys *phys, const char *fmt, ...);

/* Buffers */
struct demo_buf *vcm_demo_buf_new(struct demo *d, struct vcm *vcm);
int vcm_demo_buf_free(struct demo *d, struct demo_buf *buf, int ret);
void vcm_demo_fill(struct demo *d, struct demo_buf *buf);
u32 vcm_demo_crc(const u8 *image);
int vcm_demo_check(const struct demo_buf *buf, u32 *crc);
int vcm_demo_check_cpu(struct demo *d, const struct demo_buf *buf);
struct vcm_res *vcm_demo_map_elsewhere(struct demo *d, struct vcm *vcm,
				       const struct demo_buf *buf);

/* Windows of buffers, and devices that copy them */
int vcm_demo_move(struct vcm_edu *edu, dma_addr_t from, dma_addr_t to);
int vcm_demo_to_work(struct vcm_edu *edu, dma_addr_t from);
void vcm_demo_windows(struct demo *d, u32 *window, unsigned int count);
int vcm_demo_copy(struct vcm_edu *edu, struct demo_buf *buf,
		  struct vcm_res *res, const u32 *from, const u32 *to,
		  unsigned int count);
int vcm_demo_fetch(struct vcm_edu *edu, const struct demo_buf *buf,
		   struct vcm_res *res, const u32 *from, unsigned int count);
bool vcm_demo_leaked(const u8 *a, const u8 *b, size_t len);

/* Let the device work in its own context. */
int vcm_demo_try(struct demo *d, struct vcm_edu *edu);

/* Runs */
int vcm_demo_get_devices(struct demo *d);
void vcm_demo_put_devices(struct demo *d);
void vcm_demo_start(struct demo *d);
void vcm_demo_begin(struct demo *d, const char *point, u64 salt);
int vcm_demo_end(const struct demo *d, int ret);
int vcm_demo_run(struct demo *d, const struct demo_point *points,
		 unsigned int nr);

/* Points; 0 or an errno */
int vcm_demo_contiguous(struct demo *d);
int vcm_demo_shared(struct demo *d);
int vcm_demo_attached(struct demo *d);
int vcm_demo_isolated(struct demo *d);
int vcm_demo_orphaned(struct demo *d);
int vcm_demo_prescribed(struct demo *d);
int vcm_demo_everyone(struct demo *d);
int vcm_demo_many(struct demo *d);
int vcm_demo_unplugged(struct demo *d);
int vcm_demo_keep(u64 seed);
int vcm_demo_unkeep(void);
int vcm_demo_disk(u64 seed);

#endif /* _VCM_DEMO_H */
