// SPDX-License-Identifier: GPL-2.0-only
/*
 * Benchmark: the module, its devices and its clock.
 *
 * Loading it runs all parts; the results are lines of the kernel's log that
 * contain "VCM-BENCH: ". In QEMU with -icount shift=0 a nanosecond of the clock
 * is an instruction of the guest, and two runs are identical. On other machines
 * the figures are nanoseconds. The driver binds to all free edu devices, and to
 * those named in its new_id. Only their IOMMUs are used: nothing is
 * transferred.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>

#include "bench.h"

static bool peers = true;
module_param(peers, bool, 0444);
MODULE_PARM_DESC(peers, "measure what drivers use instead of VCM too (default yes)");

static unsigned long max_live = 1000000;
module_param(max_live, ulong, 0444);
MODULE_PARM_DESC(max_live, "maximum number of reservations at once (default 1000000)");

static unsigned long commands;
module_param(commands, ulong, 0444);
MODULE_PARM_DESC(commands, "physical address of a register that counts commands to the IOMMU (default none)");

static char *only;
module_param(only, charp, 0444);
MODULE_PARM_DESC(only, "the part to measure: addresses, mapping, allocation, sharing, cpu, memory or threads (default all)");

static struct bench the_bench;

void bench_row(const char *subject, const char *state, u64 size, u64 live,
	       const char *who, u64 value)
{
	pr_info("VCM-BENCH: %s,%s,%llu,%llu,%s,%llu\n", subject, state, size,
		live, who, value);
}

static int bench_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct bench *bench = &the_bench;
	int ret;

	if (bench->nr_devs == BENCH_MAX_DEVS)
		return -ENOSPC;
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	/* A scatterlist entry may describe all of contiguous memory */
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	bench->dev[bench->nr_devs++] = &pdev->dev;
	return 0;
}

static const struct pci_device_id bench_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};

static struct pci_driver bench_driver = {
	.name = "vcm-bench",
	.id_table = bench_ids,
	.probe = bench_probe,
	.driver.suppress_bind_attrs = true,
};

/* Return the cost of reading the clock twice. */
static u64 bench_calibrate(void)
{
	u64 start, least = U64_MAX;
	int i;

	for (i = 0; i < 100; i++) {
		start = bench_now();
		least = min(least, ktime_get_ns() - start);
	}
	return least;
}

static const struct {
	const char *name;
	unsigned int devs;
	int (*run)(struct bench *bench);
} bench_parts[] = {
	{ "addresses", 0, bench_addresses },
	{ "mapping", 4, bench_mapping },
	{ "allocation", 3, bench_allocation },
	{ "sharing", 1, bench_sharing },
	{ "cpu", 0, bench_cpu },
	{ "memory", 1, bench_memory },
	{ "threads", 2, bench_threads },
};

static int bench_all(struct bench *bench)
{
	int i, ret;

	bench->overhead = bench_calibrate();
	pr_info("reading the clock takes %llu, %u devices\n", bench->overhead,
		bench->nr_devs);
	for (i = 0; i < ARRAY_SIZE(bench_parts); i++) {
		if (only && strcmp(only, bench_parts[i].name))
			continue;
		if (bench->nr_devs < bench_parts[i].devs) {
			pr_warn("%s: left out, needs %u devices\n",
				bench_parts[i].name, bench_parts[i].devs);
			continue;
		}
		ret = bench_parts[i].run(bench);
		if (ret) {
			pr_err("%s: %pe\n", bench_parts[i].name, ERR_PTR(ret));
			return ret;
		}
	}
	return 0;
}

static int __init bench_init(void)
{
	struct bench *bench = &the_bench;
	int ret;

	bench->peers = peers;
	bench->max_live = max_live;
	if (commands) {
		bench->commands = ioremap(commands, sizeof(u32));
		if (!bench->commands)
			return -ENOMEM;
	}
	ret = pci_register_driver(&bench_driver);
	if (ret)
		goto err_unmap;
	ret = bench_all(bench);
	if (ret)
		goto err_unregister;
	return 0;

err_unregister:
	pci_unregister_driver(&bench_driver);
err_unmap:
	if (bench->commands)
		iounmap(bench->commands);
	return ret;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	pci_unregister_driver(&bench_driver);
	if (the_bench.commands)
		iounmap(the_bench.commands);
}
module_exit(bench_exit);

MODULE_DESCRIPTION("Benchmark of Virtual Contiguous Memory beside what drivers use instead");
MODULE_LICENSE("GPL");
