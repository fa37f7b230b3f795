/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual Contiguous Memory: for drivers that provide contexts.
 *
 * Three ways lead to a context: the page-table wrapper (struct vcm_mmu) for an
 * MMU that is programmed by runs of equal pages, the one-to-one wrapper (struct
 * vcm_o2o) for devices that see physical addresses, and struct vcm_driver for
 * hardware that handles whole bindings itself.
 */
#ifndef _LINUX_VCM_DRV_H
#define _LINUX_VCM_DRV_H

#include <linux/gfp_types.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/vcm.h>

struct vcm_attachment;

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
 * struct vcm_attachment - a device that sees a context
 * @dev: the device
 * @granule: smallest page of the MMU in front of it, bytes; 0: no limit
 * @unsnooped: the device does not snoop the caches of the CPUs
 * @priv: for the provider
 *
 * vcm_attach() allocates it. &vcm_driver.attach fills in @granule and @unsnooped,
 * names the addresses that the device cannot use with vcm_attachment_block(),
 * and calls vcm_attach_limits().
 */
struct vcm_attachment {
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
 * struct vcm_driver - operations of a provider
 * @owner: module of these operations, pinned until the context is freed
 * @name: name of the provider, for messages
 * @res_flags: VCM_RES_* flags that the provider honours, READ and WRITE aside
 * @fixed: addresses follow the memory: there is no vcm_reserve(), @map sets
 *	&vcm_res.start, and the context is always active
 * @reserve: get @span bytes of addresses for @res, from an address on that is
 *	congruent to @phase modulo @align, a power of two, and store the address
 *	in &vcm_res.start. Return -ENOSPC if there is no such range; the core tries a
 *	smaller @align then. For contexts whose addresses are allocated outside
 *	of VCM. NULL: the core allocates them
 * @unreserve: release what @reserve got; never fails. Required with @reserve
 * @alloc: allocate memory that meets @params from an area of the provider.
 *	@size is a multiple of the page size and of the granule. NULL: the page
 *	allocator serves
 * @suits: return true if memory can be bound where addresses follow the memory.
 *	Optional
 * @map: make @phys reachable at @res. The memory fits the reservation, and its
 *	parts are aligned to the granule unless @fixed. A @fixed provider stores
 *	the address in &vcm_res.start, or returns -EOPNOTSUPP if vcm_res_placed()
 *	and the address would change. May sleep and allocate memory, with
 *	vcm_map_gfp(). On an error nothing is mapped; what the hardware did not
 *	unmap again is passed to vcm_quarantine()
 * @unmap: make @phys unreachable through @res. May sleep; never fails and never
 *	allocates. What the hardware did not unmap is passed to
 *	vcm_quarantine(). Optional with @fixed
 * @unmap_many: the same for a list of reservations, linked by their
 *	&vcm_res.vcm_entry, in ascending order of addresses; the memory is
 *	&vcm_res.phys. For providers that can wait once for all. Optional
 * @attach: let a device see the context. Before anything bound is visible to
 *	the device, call vcm_attach_limits(), also if there are no limits. NULL:
 *	vcm_attach() is -EOPNOTSUPP
 * @detach: undo @attach; never fails. Optional
 * @destroy: free the page tables. Called once, by vcm_destroy(), after every
 *	device was detached and every binding unmapped. Return true if the
 *	hardware cannot reach any memory any more: quarantined memory is released
 *	then. Optional
 * @release: free the context, after the last reference was dropped. NULL: the
 *	context is never destroyed
 *
 * The core calls @map and @unmap of different reservations in parallel, and
 * those of one reservation one after the other. It calls @map, @unmap,
 * @unmap_many, @reserve and @unreserve with the topology held for reading or
 * writing, @attach, @detach and @destroy with it held for writing, @alloc,
 * @suits and @release without it. After vcm_destroy() has returned, @release is
 * the only operation called.
 */
struct vcm_driver {
	struct module *owner;
	const char *name;
	unsigned int res_flags;
	bool fixed;

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
	int (*attach)(struct vcm *vcm, struct vcm_attachment *attachment);
	void (*detach)(struct vcm *vcm, struct vcm_attachment *attachment);
	bool (*destroy)(struct vcm *vcm);
	void (*release)(struct vcm *vcm);
};

int vcm_init(struct vcm *vcm, const struct vcm_driver *driver,
	     dma_addr_t start, dma_addr_t last, unsigned long pgsize_bitmap);
int vcm_attachment_block(struct vcm_attachment *attachment, dma_addr_t start,
			 dma_addr_t last);
int vcm_attach_limits(struct vcm *vcm, struct vcm_attachment *attachment);

/**
 * vcm_map_errno() - translate an error of the IOMMU API for &vcm_driver.map
 * @ret: return value of that API
 *
 * Drivers of IOMMUs use two errnos for memory that a page table cannot
 * describe: for an address that is too high, and for memory that is not RAM. The
 * core has checked everything else.
 *
 * Context: Any.
 * Return: 0 if @ret is 0, else an errno of vcm_bind().
 */
static inline int vcm_map_errno(int ret)
{
	if (ret == -ERANGE)
		return -EADDRNOTAVAIL;
	return ret == -EINVAL ? -EOPNOTSUPP : ret;
}

u64 vcm_device_last(struct device *dev);
bool vcm_device_snoops(struct device *dev);
bool vcm_reaches(struct vcm *vcm, dma_addr_t start, dma_addr_t last);
void vcm_quarantine(struct vcm_res *res, struct vcm_phys *phys);

/**
 * vcm_live() - return true if bindings are on the hardware
 * @vcm: the context
 *
 * For providers with several page tables, when a device brings one or leaves
 * one. Reservations with a binding are on &vcm.bound then, linked by their
 * &vcm_res.vcm_entry; the memory is &vcm_res.phys.
 *
 * Context: Within an operation of the provider that holds vcm->topology. For
 * writing, as in &vcm_driver.attach and &vcm_driver.detach, if it walks the list.
 * Return: false if the context is inactive or was destroyed.
 */
static inline bool vcm_live(const struct vcm *vcm)
{
	lockdep_assert_held(&vcm->topology);
	return !vcm->dead && (vcm->driver->fixed || vcm->activations);
}

/**
 * enum vcm_coherence - value of &vcm.coherence
 * @VCM_COHERENCE_UNKNOWN: no device has been attached yet
 * @VCM_SNOOPED: devices snoop the caches of the CPUs
 * @VCM_UNSNOOPED: devices do not
 * @VCM_CPU: the addresses are those of the CPUs, so there is nothing to hand over
 *
 * The first device decides it for the lifetime of the context.
 */
enum vcm_coherence {
	VCM_COHERENCE_UNKNOWN,
	VCM_SNOOPED,
	VCM_UNSNOOPED,
	VCM_CPU,
};

/**
 * vcm_snooped() - return true unless devices do not snoop
 * @vcm: the context
 *
 * Context: Any.
 * Return: false if caches have to be maintained for the devices.
 */
static inline bool vcm_snooped(const struct vcm *vcm)
{
	return READ_ONCE(vcm->coherence) != VCM_UNSNOOPED;
}

/**
 * vcm_granule() - return the smallest page of a context
 * @vcm: the context
 *
 * It is the smallest page that the context and all attached devices can handle,
 * so it may change when devices are attached and detached.
 *
 * Context: Any.
 * Return: bytes. Every reservation starts and ends on a multiple of it.
 */
static inline unsigned long vcm_granule(const struct vcm *vcm)
{
	return READ_ONCE(vcm->granule);
}

/**
 * vcm_res_placed() - return true if a reservation has its address
 * @res: the reservation
 *
 * For &vcm_driver.map where addresses follow the memory: the first bind sets
 * the address, every later one must find the memory at the same one.
 *
 * Context: Within &vcm_driver.map.
 * Return: true if &vcm_res.start must not change.
 */
static inline bool vcm_res_placed(const struct vcm_res *res)
{
	/* The tree may be rebalanced meanwhile, but not leave out a node */
	return READ_ONCE(res->va_node.__rb_parent_color) !=
	       (unsigned long)&res->va_node;
}

/* Physical memory */

/*
 * &vcm_phys.flags: the memory is RAM of the kernel and has struct pages; it is
 * charged to a memory cgroup; the CPU maps it write-combined; it is imported.
 */
#define VCM_PHYS_PAGES		BIT(0)
#define VCM_PHYS_ACCOUNT	BIT(1)
#define VCM_PHYS_WC		BIT(2)
#define VCM_PHYS_IMPORT		BIT(3)

/**
 * vcm_map_gfp() - return how &vcm_driver.map allocates page tables
 * @phys: the memory that is being mapped
 *
 * Context: Any.
 * Return: GFP_KERNEL, or GFP_KERNEL_ACCOUNT for memory that is charged.
 */
static inline gfp_t vcm_map_gfp(const struct vcm_phys *phys)
{
	return phys->flags & VCM_PHYS_ACCOUNT ? GFP_KERNEL_ACCOUNT : GFP_KERNEL;
}

struct vcm_phys *vcm_phys_alloc(resource_size_t size, unsigned int flags,
				const struct vcm_phys_params *params);
struct vcm_phys *__vcm_phys_new(unsigned int count, unsigned int phys_flags,
				void (*free)(struct vcm_phys *phys), void *priv,
				struct module *module);
int vcm_phys_finish(struct vcm_phys *phys);

/* Begin a physical allocation; see __vcm_phys_new() */
#define vcm_phys_new(count, phys_flags, free, priv) \
	__vcm_phys_new(count, phys_flags, free, priv, THIS_MODULE)

/**
 * typedef vcm_phys_walk_fn - called for each run of equal pages
 * @priv: as given to vcm_phys_walk()
 * @addr: device address of the run
 * @paddr: physical address of the run
 * @pgsize: size of each page, bytes
 * @pgcount: number of pages
 *
 * Return: 0 to continue, or an errno that ends the walk.
 */
typedef int (*vcm_phys_walk_fn)(void *priv, dma_addr_t addr, phys_addr_t paddr,
				size_t pgsize, size_t pgcount);

int vcm_phys_walk(const struct vcm_phys *phys, dma_addr_t addr,
		  unsigned long pgsize_bitmap, vcm_phys_walk_fn fn, void *priv);

/* The page-table wrapper */

/**
 * struct vcm_mmu_driver - an MMU that is programmed by runs of equal pages
 * @vcm: operations of the context: VCM_MMU_OPS, owner, name and release, and
 *	others that the driver has
 * @map_pages: write @pgcount leaves of @pgsize bytes, from @addr on and for
 *	consecutive physical addresses from @paddr on. @flags are VCM_RES_*, and
 *	%VCM_MMU_DEVICE for memory that is not RAM and must not be cached. Page
 *	tables are allocated with @gfp. Add the bytes mapped to @mapped, also on
 *	an error. Fewer leaves than asked are a success too, at the end of a
 *	table: the wrapper calls again for the rest
 * @unmap_pages: clear leaves that @map_pages wrote with the same @pgsize
 * @tlb_sync: invalidate @size bytes from @addr on and wait until no device uses
 *	an old translation. Return an errno if the hardware neither did so nor
 *	could be switched off: the memory is quarantined then, and @stop is not
 *	called
 * @start: program the table base, before the first binding becomes live.
 *	Optional
 * @stop: undo @start, after the last binding was unmapped. Optional
 *
 * All may sleep. Calls for different reservations run in parallel; @start and
 * @stop exclude each other and every live binding.
 */
struct vcm_mmu_driver {
	struct vcm_driver vcm;

	int (*map_pages)(struct vcm *vcm, dma_addr_t addr, phys_addr_t paddr,
			 size_t pgsize, size_t pgcount, unsigned int flags,
			 gfp_t gfp, size_t *mapped);
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

/* The memory is not RAM: registers for instance */
#define VCM_MMU_DEVICE		BIT(31)

/* The members of struct vcm_driver that the page-table wrapper provides */
#define VCM_MMU_OPS						\
	.res_flags = VCM_RES_GUARD,				\
	.map = vcm_mmu_map,					\
	.unmap = vcm_mmu_unmap,					\
	.unmap_many = vcm_mmu_unmap_many

/* The one-to-one wrapper */

/**
 * struct vcm_o2o_driver - devices that see physical addresses
 * @vcm: operations of the context: VCM_O2O_OPS, owner, name, alloc and release,
 *	and others that the driver has
 * @to_bus: return the bus address of a physical address, DMA_MAPPING_ERROR if
 *	the bus does not show it. NULL: the two are equal
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
 * The members of struct vcm_driver that the one-to-one wrapper provides. Nothing
 * could make memory unreachable for the device, so there is no unmap.
 */
#define VCM_O2O_OPS						\
	.fixed = true,						\
	.suits = vcm_o2o_suits,					\
	.map = vcm_o2o_map

#endif /* _LINUX_VCM_DRV_H */
