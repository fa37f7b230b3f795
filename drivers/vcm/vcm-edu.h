/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The edu device of QEMU: declarations for its driver and the demonstration.
 */
#ifndef _VCM_EDU_H
#define _VCM_EDU_H

#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/vcm.h>

#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8

/* The device has 4096 bytes, but a touch of the last one makes QEMU abort */
#define EDU_BUFFER_SIZE	4095
#define EDU_CHUNK	2048

#define EDU_WORK_SIZE	SZ_64K

/**
 * struct vcm_edu - one edu device
 * @pdev: the device
 * @regs: its registers
 * @vcm: the device's address space
 * @work: the working buffer of the driver
 * @lock: one transfer at a time
 * @done: the end of a transfer
 * @stalled: bus mastering is disabled: a transfer did not end in time, or the
 *	system slept
 * @asleep: the system is suspended, or is being suspended
 */
struct vcm_edu {
	struct pci_dev *pdev;
	void __iomem *regs;
	struct vcm *vcm;
	struct vcm_res *work;
	struct mutex lock;	/* one transfer at a time */
	struct completion done;
	bool stalled;
	bool asleep;
};

struct vcm_edu *vcm_edu_get(struct pci_dev *pdev);
void vcm_edu_put(struct vcm_edu *edu);
int vcm_edu_to_device(struct vcm_edu *edu, dma_addr_t addr, size_t offset,
		      size_t len);
int vcm_edu_from_device(struct vcm_edu *edu, dma_addr_t addr, size_t offset,
			size_t len);

#endif /* _VCM_EDU_H */
