// SPDX-License-Identifier: GPL-2.0-only
/*
 * A GART, for the tests of Virtual Contiguous Memory: the simplest MMU behind
 * the page-table wrapper. It has one linear table, one page size, a small
 * aperture that does not begin at 0, no permissions, and is always on.
 *
 * The first half of this file is the driver, the second the hardware. That
 * keeps every entry that it has read, and the next one, until it is flushed.
 * Then it reads them again at once, so a flush before the table was changed has
 * no effect.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "vcm_gart.h"
#include "vcm_models.h"

/* The driver */

static struct gart *to_gart(struct vcm *vcm)
{
	return container_of(vcm, struct gart, mmu.vcm);
}

static u32 *gart_entry(struct gart *gart, dma_addr_t addr)
{
	return &gart->table[(addr - GART_BASE) / SZ_4K];
}

/* Reservations have different words of the table, so no lock is needed. */
static int gart_map_pages(struct vcm *vcm, dma_addr_t addr, phys_addr_t paddr,
			  size_t pgsize, size_t pgcount, unsigned int flags,
			  gfp_t gfp, size_t *mapped)
{
	u32 *entry = gart_entry(to_gart(vcm), addr);
	size_t i;

	if (upper_32_bits((u64)paddr + pgsize * pgcount - 1))
		return -EADDRNOTAVAIL;
	for (i = 0; i < pgcount; i++)
		WRITE_ONCE(entry[i], (u32)(paddr + i * SZ_4K) | GART_VALID);
	*mapped += pgsize * pgcount;
	return 0;
}

static void gart_unmap_pages(struct vcm *vcm, dma_addr_t addr, size_t pgsize,
			     size_t pgcount)
{
	u32 *entry = gart_entry(to_gart(vcm), addr);
	size_t i;

	for (i = 0; i < pgcount; i++)
		WRITE_ONCE(entry[i], 0);
}

/* The hardware can only be flushed completely. */
static int gart_tlb_sync(struct vcm *vcm, dma_addr_t addr,
			 resource_size_t size)
{
	gart_flush(to_gart(vcm));
	return 0;
}

static void gart_release(struct vcm *vcm)
{
	struct gart *gart = to_gart(vcm);

	if (memchr_inv(gart->table, 0, GART_ENTRIES * sizeof(*gart->table)))
		KUNIT_FAIL(gart->test, "GART released with live entries");
	if (gart->released)
		++*gart->released;
	mutex_destroy(&gart->lock);
	kvfree(gart->kept);
	kvfree(gart->table);
	kfree(gart);
}

static const struct vcm_mmu_driver gart_driver = {
	.vcm = {
		VCM_MMU_OPS,
		.owner = THIS_MODULE,
		.name = "gart",
		.release = gart_release,
	},
	.map_pages = gart_map_pages,
	.unmap_pages = gart_unmap_pages,
	.tlb_sync = gart_tlb_sync,
};

/**
 * gart_create() - make a context behind a GART
 * @test: the test, which fails if the GART is released with valid entries
 *
 * The caller calls vcm_destroy() before the test ends.
 *
 * Context: Process context, may sleep.
 * Return: the GART; &gart.mmu is the context. The test fails if there is none.
 */
struct gart *gart_create(struct kunit *test)
{
	struct gart *gart = kzalloc_obj(*gart);

	KUNIT_ASSERT_NOT_NULL(test, gart);
	gart->test = test;
	gart->table = kvcalloc(GART_ENTRIES, sizeof(*gart->table), GFP_KERNEL);
	gart->kept = kvcalloc(GART_ENTRIES, sizeof(*gart->kept), GFP_KERNEL);
	mutex_init(&gart->lock);
	if (!gart->table || !gart->kept ||
	    vcm_mmu_init(&gart->mmu, &gart_driver, GART_BASE,
			 GART_BASE + GART_SIZE - 1, SZ_4K)) {
		kvfree(gart->kept);
		kvfree(gart->table);
		kfree(gart);
		KUNIT_FAIL_AND_ABORT(test, "no GART");
	}
	gart->mmu.vcm.memory.last = U32_MAX;
	return gart;
}
EXPORT_SYMBOL_IF_KUNIT(gart_create);

/* The hardware */

/* Read an entry, and keep it if it is valid. */
static void gart_load(struct gart *gart, unsigned long index)
{
	u32 entry = READ_ONCE(gart->table[index]);

	gart->kept[index] = entry;
	__assign_bit(index, gart->loaded, entry & GART_VALID);
}

/**
 * gart_flush() - drop all entries that were read
 * @gart: the GART
 *
 * Entries in use are read again at once.
 *
 * Context: Process context, may sleep.
 */
void gart_flush(struct gart *gart)
{
	unsigned long index;

	guard(mutex)(&gart->lock);
	gart->flushes++;
	for_each_set_bit(index, gart->loaded, GART_ENTRIES)
		gart_load(gart, index);
}
EXPORT_SYMBOL_IF_KUNIT(gart_flush);

static u32 gart_read(struct gart *gart, unsigned long index)
{
	if (!test_bit(index, gart->loaded))
		gart_load(gart, index);
	return gart->kept[index];
}

/**
 * gart_translate() - translate an address as for an access of a device
 * @vcm: the context
 * @addr: device address
 * @paddr: physical address, on success
 *
 * Context: Process context, may sleep.
 * Return: 0, or -EFAULT outside the aperture or if nothing is mapped.
 */
int gart_translate(struct vcm *vcm, dma_addr_t addr, phys_addr_t *paddr)
{
	struct gart *gart = to_gart(vcm);
	unsigned long index;
	u32 entry;

	if (addr < GART_BASE || addr - GART_BASE >= GART_SIZE)
		return -EFAULT;
	index = (addr - GART_BASE) / SZ_4K;

	guard(mutex)(&gart->lock);
	entry = gart_read(gart, index);
	gart_read(gart, (index + 1) % GART_ENTRIES);
	if (!(entry & GART_VALID))
		return -EFAULT;
	*paddr = (entry & ~(u32)(SZ_4K - 1)) + (addr & (SZ_4K - 1));
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(gart_translate);

/* A GART has no permissions. */
static int gart_reach(void *vcm, dma_addr_t addr, bool write,
		      phys_addr_t *paddr)
{
	return gart_translate(vcm, addr, paddr);
}

/**
 * gart_access() - let a device read or write memory
 * @vcm: the context
 * @addr: device address
 * @buf: the data
 * @len: bytes
 * @write: the device writes
 *
 * Context: Process context, may sleep.
 * Return: 0, or -EFAULT at the first byte that the device does not reach; the
 * bytes before it were transferred.
 */
int gart_access(struct vcm *vcm, dma_addr_t addr, void *buf, size_t len,
		bool write)
{
	return vcm_model_access(gart_reach, vcm, SZ_4K, addr, buf, len, write);
}
EXPORT_SYMBOL_IF_KUNIT(gart_access);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("GART for the tests of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
