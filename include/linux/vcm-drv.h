/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual Contiguous Memory: for those who provide contexts.
 *
 * Three ways lead to a context: the page-table wrapper (struct vcm_mmu) for an
 * MMU that is programmed page run by page run, the one-to-one wrapper (struct
 * vcm_o2o) for masters that see physical addresses, and struct vcm_driver for
 * everything that handles whole bindings itself.
 */
#ifndef _LINUX_VCM_DRV_H
#define _LINUX_VCM_DRV_H

#include <linux/mutex.h>
#include <linux/vcm.h>

struct module;
struct vcm_master;

/**
 * struct vcm_range - a range of device addresses
 * @start: first address
 * @last: last address, inclusive
 */
struct vcm_range {
	dma_addr_t start;
	dma_addr_t last;
};

/**
 * struct vcm_master - a device attached to a context
 * @dev: the device
 * @granule: smallest page of the MMU in front of it, 0 when there is no limit
 * @unsnooped: it does not snoop the caches of the CPUs
 * @priv: for the provider
 *
 * Made by vcm_attach(). &vcm_driver.limits fills in what the device is like
 * and describes with vcm_master_block() which addresses it cannot use.
 */
struct vcm_master {
	struct device *dev;
	unsigned long granule;
	bool unsnooped;
	void *priv;

	/* private: */
	struct list_head entry;
	unsigned int nr_blocked;
	struct vcm_range *blocked;
};

/**
 * struct vcm_driver - what a context does for the core
 * @owner: module of these operations, pinned until the context is freed
 * @name: name of the provider, for messages
 * @res_flags: the VCM_RES_* flags that the provider honours beyond READ and
 *	WRITE
 * @fixed: addresses follow the memory: there is no vcm_reserve(), @map sets
 *	&vcm_res.start, and the context is always active
 * @permanent: the context is never destroyed: vcm_destroy() warns, and there is
 *	no @release
 * @reserve: for a context whose addresses somebody else gives out: get @span
 *	bytes for @res, from an address on that is congruent to @phase modulo
 *	@align, a power of two, and set &vcm_res.start to it. -ENOSPC when there
 *	are none; the core tries a smaller @align then. NULL: the core chooses
 * @unreserve: give back what @reserve got; never fails. There are both or
 *	neither
 * @alloc: allocate memory from an area of the provider's own, as the last
 *	argument wants it. @size is a multiple of the page size and of the
 *	granule, @flags are known ones. NULL: the page allocator serves
 * @suits: whether memory can be bound where addresses follow the memory.
 *	Optional
 * @map: make @phys reachable at @res. The memory fits the reservation, and its
 *	parts are aligned to the granule unless @fixed. May sleep and allocate
 *	with GFP_KERNEL; on an error nothing has changed
 * @unmap: take @phys away again. When it returns no master reaches the memory
 *	through @res. May sleep; never fails and never allocates. If hardware
 *	does not let go, it calls vcm_quarantine(). NULL: there is nothing to be
 *	done, with @fixed only
 * @unmap_many: the same for a list of reservations, linked by their
 *	&vcm_res.vcm_entry and in ascending order of addresses; the memory is
 *	their &vcm_res.phys. For providers that can wait once for all. Optional
 * @limits: refuse a device that cannot see this context, describe what any
 *	other cannot use with vcm_master_block(). NULL: there is no vcm_attach()
 * @forget: undo @limits; never fails. Optional
 * @attach: make the context visible to a device. Optional
 * @detach: undo @attach; never fails. Optional
 * @release: free the context, after the last reference has gone
 *
 * The core calls @map and @unmap of different reservations in parallel, and
 * those of one reservation one after the other. @map, @unmap and @unreserve run
 * with the topology held for reading or writing, @limits, @forget, @attach and
 * @detach with it held for writing, @reserve with it held for reading,
 * @alloc, @suits and @release without it. Once vcm_destroy() has returned,
 * @release alone is called.
 */
struct vcm_driver {
	struct module *owner;
	const char *name;
	unsigned int res_flags;
	bool fixed;
	bool permanent;

	int (*reserve)(struct vcm_res *res, resource_size_t span,
		       dma_addr_t align, dma_addr_t phase);
	void (*unreserve)(struct vcm_res *res);
	struct vcm_phys *(*alloc)(struct vcm *vcm, resource_size_t size,
				  unsigned int flags,
				  const struct vcm_phys_params *params);
	bool (*suits)(struct vcm *vcm, const struct vcm_phys *phys);
	int (*map)(struct vcm_res *res, struct vcm_phys *phys);
	void (*unmap)(struct vcm_res *res, struct vcm_phys *phys);
	void (*unmap_many)(struct vcm *vcm, struct list_head *batch);
	int (*limits)(struct vcm *vcm, struct vcm_master *master);
	void (*forget)(struct vcm *vcm, struct vcm_master *master);
	int (*attach)(struct vcm *vcm, struct vcm_master *master);
	void (*detach)(struct vcm *vcm, struct vcm_master *master);
	void (*release)(struct vcm *vcm);
};

int vcm_init(struct vcm *vcm, const struct vcm_driver *driver,
	     dma_addr_t start, dma_addr_t last, unsigned long pgsize_bitmap);
int vcm_master_block(struct vcm_master *master, dma_addr_t start,
		     dma_addr_t last);

/**
 * vcm_map_errno() - what &vcm_driver.map says of an error of the IOMMU API
 * @ret: what that API answered
 *
 * Drivers of IOMMUs say in two ways that a page table cannot describe memory:
 * too high an address, and no RAM. The core has looked at everything else.
 *
 * Context: Any.
 * Return: 0 if @ret is, else an errno of vcm_bind().
 */
static inline int vcm_map_errno(int ret)
{
	if (ret == -ERANGE)
		return -EADDRNOTAVAIL;
	return ret == -EINVAL ? -EOPNOTSUPP : ret;
}

u64 vcm_device_last(struct device *dev);
bool vcm_reaches(struct vcm *vcm, dma_addr_t start, dma_addr_t last);
void vcm_quarantine(struct vcm_res *res, struct vcm_phys *phys);

/**
 * typedef vcm_live_fn - called for each binding that is on the hardware
 * @res: the reservation
 * @phys: the memory
 * @priv: as given to vcm_visit_live()
 *
 * Return: 0 to go on, or another value, at which the visit ends.
 */
typedef int (*vcm_live_fn)(struct vcm_res *res, struct vcm_phys *phys,
			   void *priv);

int vcm_visit_live(struct vcm *vcm, vcm_live_fn fn, void *priv);

/**
 * vcm_snooped() - whether devices snoop the caches of the CPUs
 * @vcm: the context
 *
 * Context: Within an operation of the provider that holds the topology.
 * Return: true if the attached devices do, or the last ones did.
 */
static inline bool vcm_snooped(const struct vcm *vcm)
{
	return !vcm->unsnooped;
}

/**
 * vcm_granule() - smallest page of a context
 * @vcm: the context
 *
 * It is the smallest page that the context and all attached devices can handle,
 * so it may change when devices come and go.
 *
 * Context: Any.
 * Return: bytes; every reservation starts and ends on a multiple of it.
 */
static inline unsigned long vcm_granule(const struct vcm *vcm)
{
	return READ_ONCE(vcm->granule);
}

/* Physical memory */

/**
 * struct vcm_phys_ops - who takes memory back
 * @owner: module of @free, pinned by every allocation that names it
 * @free: take back the memory of all parts. May sleep, cannot fail, and must
 *	neither bind nor unbind nor drop a reservation. NULL: the memory belongs
 *	to somebody else
 */
struct vcm_phys_ops {
	struct module *owner;
	void (*free)(struct vcm_phys *phys);
};

/* &vcm_phys.flags: the memory is RAM of the kernel and has struct pages */
#define VCM_PHYS_PAGES		BIT(0)

struct vcm_phys *vcm_phys_alloc(resource_size_t size, unsigned int flags,
				const struct vcm_phys_params *params);
struct vcm_phys *vcm_phys_new(unsigned int count, unsigned int phys_flags,
			      const struct vcm_phys_ops *ops, void *priv);
int vcm_phys_finish(struct vcm_phys *phys);

/**
 * typedef vcm_phys_walk_fn - called for each run of equal pages
 * @priv: as given to vcm_phys_walk()
 * @addr: device address of the run
 * @paddr: physical address of the run
 * @pgsize: size of each page, bytes
 * @pgcount: number of pages
 *
 * Return: 0 to go on, or an errno, at which the walk ends.
 */
typedef int (*vcm_phys_walk_fn)(void *priv, dma_addr_t addr, phys_addr_t paddr,
				size_t pgsize, size_t pgcount);

int vcm_phys_walk(const struct vcm_phys *phys, dma_addr_t addr,
		  unsigned long pgsize_bitmap, vcm_phys_walk_fn fn, void *priv);
unsigned long vcm_leaves(const struct vcm_res *res);

/* The page-table wrapper */

/**
 * struct vcm_mmu_driver - an MMU that is programmed by runs of equal pages
 * @vcm: the context's operations: VCM_MMU_OPS, owner, name and release, and
 *	whatever else the driver has of its own
 * @map_pages: write @pgcount leaves of @pgsize bytes, from @addr on and for
 *	consecutive physical addresses from @paddr on. @flags are VCM_RES_*, and
 *	%VCM_MMU_DEVICE for what is no RAM and must not be cached.
 *	Bytes mapped are added to @mapped even when it fails. It may succeed
 *	with fewer leaves, at the end of a table: it is called for the rest then
 * @unmap_pages: clear leaves that @map_pages wrote with the same @pgsize
 * @tlb_sync: invalidate @size bytes from @addr on and wait until no master uses
 *	an old translation. An errno when hardware neither did so nor could be
 *	switched off: the memory is never used again then, and @stop is not called
 * @start: before the first binding becomes live: program the table base.
 *	Optional
 * @stop: after the last binding has gone, undoes @start. Optional
 *
 * All may sleep; calls for different reservations run in parallel, @start and
 * @stop exclude each other and every live binding.
 */
struct vcm_mmu_driver {
	struct vcm_driver vcm;

	int (*map_pages)(struct vcm *vcm, dma_addr_t addr, phys_addr_t paddr,
			 size_t pgsize, size_t pgcount, unsigned int flags,
			 size_t *mapped);
	void (*unmap_pages)(struct vcm *vcm, dma_addr_t addr, size_t pgsize,
			    size_t pgcount);
	int (*tlb_sync)(struct vcm *vcm, dma_addr_t addr,
			resource_size_t size);
	int (*start)(struct vcm *vcm);
	void (*stop)(struct vcm *vcm);
};

/**
 * struct vcm_mmu - a context behind a struct vcm_mmu_driver
 * @vcm: the context
 */
struct vcm_mmu {
	struct vcm vcm;

	/* private: live bindings; 0 <-> 1 under live_lock */
	struct mutex live_lock;
	refcount_t live;
};

int vcm_mmu_init(struct vcm_mmu *mmu, const struct vcm_mmu_driver *driver,
		 dma_addr_t start, dma_addr_t last,
		 unsigned long pgsize_bitmap);
int vcm_mmu_map(struct vcm_res *res, struct vcm_phys *phys);
void vcm_mmu_unmap(struct vcm_res *res, struct vcm_phys *phys);
void vcm_mmu_unmap_many(struct vcm *vcm, struct list_head *batch);

/* What is mapped is no RAM: registers for instance */
#define VCM_MMU_DEVICE		BIT(31)

/* The members of struct vcm_driver that the page-table wrapper provides */
#define VCM_MMU_OPS						\
	.res_flags = VCM_RES_GUARD,				\
	.map = vcm_mmu_map,					\
	.unmap = vcm_mmu_unmap,					\
	.unmap_many = vcm_mmu_unmap_many

/* The one-to-one wrapper */

/**
 * struct vcm_o2o_driver - masters that see physical addresses
 * @vcm: the context's operations: VCM_O2O_OPS, owner, name, alloc and release,
 *	and whatever else the driver has of its own
 * @to_bus: bus address of a physical address, DMA_MAPPING_ERROR where the bus
 *	has none; NULL: they are equal
 */
struct vcm_o2o_driver {
	struct vcm_driver vcm;

	dma_addr_t (*to_bus)(struct vcm *vcm, phys_addr_t paddr);
};

int vcm_o2o_init(struct vcm *vcm, const struct vcm_o2o_driver *driver,
		 dma_addr_t start, dma_addr_t last);
int vcm_o2o_map(struct vcm_res *res, struct vcm_phys *phys);
bool vcm_o2o_suits(struct vcm *vcm, const struct vcm_phys *phys);

/*
 * The members of struct vcm_driver that the one-to-one wrapper provides. No
 * hardware could take memory away from a device, so there is no unmap.
 */
#define VCM_O2O_OPS						\
	.fixed = true,						\
	.suits = vcm_o2o_suits,					\
	.map = vcm_o2o_map

#endif /* _LINUX_VCM_DRV_H */
