// SPDX-License-Identifier: GPL-2.0-only
/*
 * Driver for the edu device of QEMU, with memory from Virtual Contiguous
 * Memory: the example for authors of drivers.
 *
 * The device copies between its own small buffer and the memory that it
 * reaches. The driver asks for a context that suits the device. Its code is the
 * same behind an IOMMU and without one.
 */
#include <linux/cleanup.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pm.h>
#include <linux/random.h>
#include <linux/string.h>

#include "vcm-edu.h"

/* Registers; those below 0x80 take 4 bytes at once, the others 4 or 8 */
#define EDU_ID			0x00
#define EDU_ID_MASK		0x0000ffff
#define EDU_ID_VALUE		0x000000ed
#define EDU_IRQ_STATUS		0x24
#define EDU_IRQ_ACK		0x64
#define EDU_IRQ_DMA		0x100
#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_CMD		0x98
#define EDU_DMA_RUN		0x1
#define EDU_DMA_TO_RAM		0x2
#define EDU_DMA_IRQ		0x4

/* The device's own buffer, as source and destination of transfers */
#define EDU_BUFFER		0x40000

/* A transfer takes a tenth of a second, on the clock of the virtual machine */
#define EDU_TIMEOUT		(10 * HZ)

/* A register takes an address in one write, so that one limits the addresses */
#ifdef CONFIG_64BIT
#define EDU_MAX_BITS		64
#define edu_write_addr		writeq
#else
#define EDU_MAX_BITS		32
#define edu_write_addr		writel
#endif

static int edu_set_bits(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 12, 64);
}

static const struct kernel_param_ops edu_bits_ops = {
	.set = edu_set_bits,
	.get = param_get_uint,
};

static unsigned int dma_bits = 28;
module_param_cb(dma_bits, &edu_bits_ops, &dma_bits, 0644);
MODULE_PARM_DESC(dma_bits, "address bits of the devices probed from now on, as in QEMU's dma_mask property (default 28)");

static bool leave;
module_param(leave, bool, 0644);
MODULE_PARM_DESC(leave, "leave the devices alone (default no)");

static irqreturn_t edu_irq(int irq, void *data)
{
	struct vcm_edu *edu = data;
	u32 status = readl(edu->regs + EDU_IRQ_STATUS);

	/* The line is shared, and a removed device reads as all ones */
	if (!status || PCI_POSSIBLE_ERROR(status))
		return IRQ_NONE;

	writel(status, edu->regs + EDU_IRQ_ACK);
	if (status & EDU_IRQ_DMA)
		complete(&edu->done);
	return IRQ_HANDLED;
}

/*
 * A transfer cannot be stopped, and its memory is about to be used for
 * something else: disable bus mastering.
 */
static int edu_stall(struct vcm_edu *edu)
{
	dev_err(&edu->pdev->dev, "transfer not finished, command %#x\n",
		readl(edu->regs + EDU_DMA_CMD));
	pci_clear_master(edu->pdev);
	edu->stalled = true;
	return -ETIMEDOUT;
}

/* Enable bus mastering when no older transfer is in progress. */
static int edu_start(struct vcm_edu *edu)
{
	if (readl(edu->regs + EDU_DMA_CMD) & EDU_DMA_RUN)
		return -EBUSY;

	/* Its interrupt must not be mistaken for that of the next transfer */
	writel(EDU_IRQ_DMA, edu->regs + EDU_IRQ_ACK);
	synchronize_irq(pci_irq_vector(edu->pdev, 0));
	pci_set_master(edu->pdev);
	edu->stalled = false;
	return 0;
}

static int edu_transfer(struct vcm_edu *edu, u64 src, u64 dst, size_t len,
			u32 cmd)
{
	int ret;

	guard(mutex)(&edu->lock);

	if (edu->asleep)
		return -ESHUTDOWN;
	if (edu->stalled) {
		ret = edu_start(edu);
		if (ret)
			return ret;
	}

	reinit_completion(&edu->done);
	edu_write_addr(src, edu->regs + EDU_DMA_SRC);
	edu_write_addr(dst, edu->regs + EDU_DMA_DST);
	writel(len, edu->regs + EDU_DMA_COUNT);
	writel(cmd | EDU_DMA_RUN | EDU_DMA_IRQ, edu->regs + EDU_DMA_CMD);

	if (!wait_for_completion_timeout(&edu->done, EDU_TIMEOUT))
		return edu_stall(edu);
	return 0;
}

static bool edu_has(size_t offset, size_t len)
{
	return len && len <= EDU_BUFFER_SIZE && offset <= EDU_BUFFER_SIZE - len;
}

/**
 * vcm_edu_to_device() - copy from memory to the device
 * @edu: the device, from vcm_edu_get()
 * @addr: device address to read from
 * @offset: where in the device's buffer to write to
 * @len: bytes
 *
 * The device does not report if it reached the memory.
 *
 * Context: Process context, sleeps until the transfer is over.
 * Return: 0, or an errno:
 *
 * * -EINVAL if the device's buffer does not have these bytes
 * * -ETIMEDOUT if the transfer did not end in time
 * * -EBUSY if a transfer that timed out has not ended yet
 * * -ESHUTDOWN if the system sleeps
 */
int vcm_edu_to_device(struct vcm_edu *edu, dma_addr_t addr, size_t offset,
		      size_t len)
{
	if (!edu_has(offset, len))
		return -EINVAL;
	return edu_transfer(edu, addr, EDU_BUFFER + offset, len, 0);
}
EXPORT_SYMBOL_NS_GPL(vcm_edu_to_device, "VCM_EDU");

/**
 * vcm_edu_from_device() - copy from the device to memory
 * @edu: the device, from vcm_edu_get()
 * @addr: device address to write to
 * @offset: where in the device's buffer to read from
 * @len: bytes
 *
 * Context: Process context, sleeps until the transfer is over.
 * Return: as vcm_edu_to_device().
 */
int vcm_edu_from_device(struct vcm_edu *edu, dma_addr_t addr, size_t offset,
			size_t len)
{
	if (!edu_has(offset, len))
		return -EINVAL;
	return edu_transfer(edu, EDU_BUFFER + offset, addr, len,
			    EDU_DMA_TO_RAM);
}
EXPORT_SYMBOL_NS_GPL(vcm_edu_from_device, "VCM_EDU");

/* Copy to the device and back; meanwhile the buffer belongs to the device. */
static int edu_copy(struct vcm_edu *edu, struct vcm_res *work)
{
	int ret;

	ret = vcm_sync_for_device(work, 0, 2 * EDU_CHUNK, DMA_BIDIRECTIONAL);
	if (ret)
		return ret;
	ret = vcm_edu_to_device(edu, work->start, 0, EDU_CHUNK);
	if (!ret)
		ret = vcm_edu_from_device(edu, work->start + EDU_CHUNK, 0,
					  EDU_CHUNK);
	return vcm_sync_for_cpu(work, 0, 2 * EDU_CHUNK, DMA_BIDIRECTIONAL) ?: ret;
}

/* Check that bytes come back from the device unchanged. */
static int edu_self_test(struct vcm_edu *edu)
{
	struct vcm_res *cpu;
	u8 *bytes;
	int ret;

	cpu = vcm_map(vcm_vmm, edu->work->phys, 0);
	if (IS_ERR(cpu))
		return PTR_ERR(cpu);

	bytes = vcm_cpu_addr(cpu);
	get_random_bytes(bytes, EDU_CHUNK);
	ret = edu_copy(edu, edu->work);
	if (!ret && memcmp(bytes, bytes + EDU_CHUNK, EDU_CHUNK))
		ret = -EIO;

	vcm_unmap(cpu);
	return ret;
}

static int edu_no_reach(struct vcm_edu *edu, unsigned int bits, int err)
{
	return dev_err_probe(&edu->pdev->dev, err,
			     "%u address bits reach no memory: put the device behind an IOMMU, or widen its dma_mask property and vcm_edu.dma_bits with it\n",
			     bits);
}

static int edu_init_device(struct vcm_edu *edu)
{
	struct device *dev = &edu->pdev->dev;
	unsigned int bits;
	u32 id;
	int ret;

	ret = pcim_enable_device(edu->pdev);
	if (ret)
		return dev_err_probe(dev, ret, "cannot enable the device\n");

	edu->regs = pcim_iomap_region(edu->pdev, 0, KBUILD_MODNAME);
	if (IS_ERR(edu->regs))
		return dev_err_probe(dev, PTR_ERR(edu->regs),
				     "cannot map the registers\n");

	id = readl(edu->regs + EDU_ID);
	if ((id & EDU_ID_MASK) != EDU_ID_VALUE)
		return dev_err_probe(dev, -ENODEV, "no edu: id %#x\n", id);

	bits = min(dma_bits, EDU_MAX_BITS);
	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(bits));
	if (ret)
		return edu_no_reach(edu, bits, ret);
	return 0;
}

static int edu_init_memory(struct vcm_edu *edu)
{
	struct device *dev = &edu->pdev->dev;
	int ret;

	edu->vcm = devm_vcm_for_device(dev);
	if (IS_ERR(edu->vcm))
		return dev_err_probe(dev, PTR_ERR(edu->vcm),
				     "no address space for the device\n");

	ret = vcm_activate(edu->vcm);
	if (ret)
		return dev_err_probe(dev, ret,
				     "cannot activate the address space\n");

	edu->work = vcm_make_binding(edu->vcm, EDU_WORK_SIZE, 0, 0);
	if (IS_ERR(edu->work)) {
		ret = PTR_ERR(edu->work);
		if (ret == -EADDRNOTAVAIL)
			edu_no_reach(edu, fls64(dma_get_mask(dev)), ret);
		else
			dev_err_probe(dev, ret, "no working buffer\n");
		vcm_deactivate(edu->vcm);
	}
	return ret;
}

/*
 * The memory stays while it is bound elsewhere, for instance in the context of
 * another device. The context is destroyed by the driver core, see
 * devm_vcm_for_device().
 */
static void edu_exit_memory(struct vcm_edu *edu)
{
	vcm_destroy_binding(edu->work);
	vcm_deactivate(edu->vcm);
}

static int edu_init_irq(struct vcm_edu *edu)
{
	struct device *dev = &edu->pdev->dev;
	int ret;

	ret = pci_alloc_irq_vectors(edu->pdev, 1, 1, PCI_IRQ_INTX);
	if (ret < 0)
		return dev_err_probe(dev, ret, "no interrupt\n");

	ret = pci_request_irq(edu->pdev, 0, edu_irq, NULL, edu, "%s",
			      pci_name(edu->pdev));
	if (ret) {
		pci_free_irq_vectors(edu->pdev);
		return dev_err_probe(dev, ret, "cannot take the interrupt\n");
	}
	return 0;
}

static void edu_exit_irq(struct vcm_edu *edu)
{
	/* A transfer that timed out may still raise its interrupt */
	pci_intx(edu->pdev, 0);
	pci_free_irq(edu->pdev, 0, edu);
	pci_free_irq_vectors(edu->pdev);
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vcm_edu *edu;
	int ret;

	if (leave)
		return -ENODEV;

	edu = devm_kzalloc(&pdev->dev, sizeof(*edu), GFP_KERNEL);
	if (!edu)
		return -ENOMEM;
	edu->pdev = pdev;
	mutex_init(&edu->lock);
	init_completion(&edu->done);

	ret = edu_init_device(edu);
	if (ret)
		return ret;
	ret = edu_init_memory(edu);
	if (ret)
		return ret;
	ret = edu_init_irq(edu);
	if (ret)
		goto err_memory;

	ret = edu_start(edu);
	if (ret) {
		dev_err_probe(&pdev->dev, ret, "the device is busy\n");
		goto err_irq;
	}

	ret = edu_self_test(edu);
	if (ret) {
		dev_err_probe(&pdev->dev, ret, "self-test failed\n");
		goto err_stop;
	}

	pci_set_drvdata(pdev, edu);
	return 0;

err_stop:
	pci_clear_master(pdev);
err_irq:
	edu_exit_irq(edu);
err_memory:
	edu_exit_memory(edu);
	return ret;
}

static void edu_remove(struct pci_dev *pdev)
{
	struct vcm_edu *edu = pci_get_drvdata(pdev);

	pci_clear_master(pdev);
	edu_exit_irq(edu);
	edu_exit_memory(edu);
}

/*
 * Bindings stay: the IOMMU driver saves its own state. The device must not use
 * the bus.
 */
static int edu_suspend(struct device *dev)
{
	struct vcm_edu *edu = dev_get_drvdata(dev);

	/* Waits for a transfer in progress */
	guard(mutex)(&edu->lock);
	edu->asleep = true;
	edu->stalled = true;
	pci_clear_master(edu->pdev);
	return 0;
}

/* The next transfer enables bus mastering again. */
static int edu_resume(struct device *dev)
{
	struct vcm_edu *edu = dev_get_drvdata(dev);

	guard(mutex)(&edu->lock);
	edu->asleep = false;
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(edu_pm_ops, edu_suspend, edu_resume);

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "vcm-edu",
	.id_table = edu_ids,
	.probe = edu_probe,
	.remove = edu_remove,
	.driver.pm = pm_sleep_ptr(&edu_pm_ops),
};
module_pci_driver(edu_driver);

/**
 * vcm_edu_get() - use a device together with its driver
 * @pdev: the device, held by the caller
 *
 * Unbinding the driver waits until vcm_edu_put().
 *
 * Context: Process context, may sleep. Returns with the device locked.
 * Return: the device, or -ENODEV if this driver is not bound to it.
 */
struct vcm_edu *vcm_edu_get(struct pci_dev *pdev)
{
	device_lock(&pdev->dev);
	if (pci_dev_driver(pdev) == &edu_driver)
		return pci_get_drvdata(pdev);
	device_unlock(&pdev->dev);
	return ERR_PTR(-ENODEV);
}
EXPORT_SYMBOL_NS_GPL(vcm_edu_get, "VCM_EDU");

/**
 * vcm_edu_put() - undo vcm_edu_get()
 * @edu: the device
 *
 * Context: Process context.
 */
void vcm_edu_put(struct vcm_edu *edu)
{
	device_unlock(&edu->pdev->dev);
}
EXPORT_SYMBOL_NS_GPL(vcm_edu_put, "VCM_EDU");

MODULE_DESCRIPTION("Driver for QEMU's edu device, an example for Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
