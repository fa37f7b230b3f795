/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RAM of the kernel, for the tests of Virtual Contiguous Memory.
 *
 * An import must be RAM by the resource tree. ARCH=um enters none there, so a
 * test does that for it.
 */
#ifndef _MM_TESTS_VCM_RAM_H
#define _MM_TESTS_VCM_RAM_H

#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>

static inline void vcm_ram_release(void *ram)
{
	release_resource(ram);
}

/* Enter RAM in the resource tree until the end of the test, if it is not there. */
static inline void vcm_ram_enter(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct resource *ram;
	int found;

	KUNIT_ASSERT_NOT_NULL(test, page);
	found = page_is_ram(page_to_pfn(page));
	__free_page(page);
	if (found)
		return;

	ram = kunit_kzalloc(test, sizeof(*ram), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ram);
	ram->name = "System RAM";
	ram->end = virt_to_phys(high_memory - 1);
	ram->flags = IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY;
	KUNIT_ASSERT_EQ(test, insert_resource(&iomem_resource, ram), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vcm_ram_release,
							ram), 0);
}

#endif /* _MM_TESTS_VCM_RAM_H */
