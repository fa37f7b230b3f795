/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual Contiguous Memory: for drivers that use memory.
 *
 * A context (struct vcm) is an address space as one or more devices see it. A
 * reservation (struct vcm_res) is a contiguous range of it. A physical
 * allocation (struct vcm_phys) is a list of physically contiguous parts. One
 * allocation may be bound in reservations of many contexts at once.
 *
 * Drivers that provide contexts include <linux/vcm-drv.h>. The kernel-doc of
 * each call is at its definition, in the file that the comment above the
 * prototypes names.
 */
#ifndef _LINUX_VCM_H
#define _LINUX_VCM_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/dma-direction.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/ratelimit_types.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct dentry;
struct device;
struct module;
struct page;
struct sg_table;
struct vcm_driver;
struct vcm_fault_handler;
struct vcm_history;
struct vcm_ranges;

/**
 * DOC: flags
 *
 * Every call that takes flags returns -EINVAL for an unknown bit and
 * -EOPNOTSUPP for a flag that the context cannot honour.
 *
 * %VCM_ALLOC_NOZERO: the memory need not be zeroed.
 *
 * %VCM_ALLOC_CONTIG: the memory must be one physically contiguous part.
 *
 * %VCM_ALLOC_NOWARN: suppress the page allocator's message about a failure.
 *
 * %VCM_ALLOC_ACCOUNT: charge the memory, and the page tables that map it, to
 * the memory cgroup of the caller.
 *
 * %VCM_RES_READ, %VCM_RES_WRITE: minimum access for the device. With neither
 * flag set, both are granted. Access that cannot be withheld is granted too: by
 * a page table without such a bit, or where nothing translates.
 *
 * %VCM_RES_GUARD: keep one unmapped granule after the reservation. It is not
 * part of &vcm_res.res_size. -EOPNOTSUPP where addresses follow the memory.
 *
 * %VCM_IMPORT_WC: the memory is mapped write-combined for the CPU, so the
 * kernel's own address space refuses it.
 */
#define VCM_ALLOC_NOZERO	BIT(0)
#define VCM_ALLOC_CONTIG	BIT(1)
#define VCM_ALLOC_NOWARN	BIT(2)
#define VCM_ALLOC_ACCOUNT	BIT(3)
#define VCM_ALLOC_FLAGS		GENMASK(3, 0)

#define VCM_RES_READ		BIT(0)
#define VCM_RES_WRITE		BIT(1)
#define VCM_RES_GUARD		BIT(2)
#define VCM_RES_FLAGS		GENMASK(2, 0)

#define VCM_IMPORT_WC		BIT(0)
#define VCM_IMPORT_FLAGS	GENMASK(0, 0)

/**
 * struct vcm_phys_params - requirements of a context for physical memory
 * @pgsize_bitmap: useful page sizes, bytes. The largest are tried first, and
 *	every part is a multiple of the smallest. 0: all sizes of the page
 *	allocator
 * @first: lowest physical address allowed
 * @last: highest physical address allowed, inclusive
 * @nid: preferred node or NUMA_NO_NODE, for blocks of the page allocator
 * @flags: %VCM_ALLOC_CONTIG if the memory must be one part, or 0
 */
struct vcm_phys_params {
	unsigned long pgsize_bitmap;
	phys_addr_t first;
	phys_addr_t last;
	int nid;
	unsigned int flags;
};

/**
 * struct vcm_released - a range of addresses that was released recently
 * @start: first address
 * @last: last address, inclusive
 * @owner: code that reserved the range
 * @by: code that released the range
 * @when: time of the release, in jiffies
 */
struct vcm_released {
	dma_addr_t start;
	dma_addr_t last;
	const void *owner;
	const void *by;
	unsigned long when;
};

/**
 * struct vcm - a context: an address space as its devices see it
 * @start: lowest device address of the aperture
 * @last: highest device address of the aperture, inclusive. The DMA mask of an
 *	attached device may end below it
 *
 * Embedded in a structure of the provider. Drivers may read the fields named
 * here. The other fields belong to the core; mm/vcm.c describes their locks.
 */
struct vcm {
	dma_addr_t start;
	dma_addr_t last;

	/* private: constant once the provider has made the context */
	const struct vcm_driver *driver;
	unsigned int id;
	unsigned long pgsize_bitmap;
	struct vcm_phys_params memory;
	struct kref ref;

	/* private: changed with topology held for writing */
	struct rw_semaphore topology;
	unsigned int activations;
	bool dead;
	u8 coherence;
	struct list_head attachments;

	/* private: under va_lock */
	spinlock_t va_lock;
	unsigned long granule;
	union {
		struct rb_root va_tree;
		struct rb_root_cached va_overlap;
	};
	union {
		struct vcm_res *va_last;
		u64 va_seq;
	};
	struct vcm_ranges *blocked;
	resource_size_t quarantined;
	struct vcm_history *history;
	struct list_head bound;

	/* private: operations of the provider that run without topology */
	atomic_t allocating;

	/* private: faults and debugging */
	struct vcm_fault_handler __rcu *fault_handler;
	struct ratelimit_state fault_limit;
	struct dentry *debug;
	atomic64_t debug_addr;
};

/**
 * struct vcm_res - a reservation: a contiguous range of a context
 * @start: the address for the device
 * @res_size: size of the range, bytes
 * @vcm: the context
 * @phys: the memory bound there, NULL if none is
 *
 * An owner may read the fields named here while no bind or unbind of the
 * reservation is under way.
 */
struct vcm_res {
	dma_addr_t start;
	resource_size_t res_size;
	struct vcm *vcm;
	struct vcm_phys *phys;

	/* private: the address tree, under vcm->va_lock */
	struct rb_node va_node;
	dma_addr_t last;
	union {
		dma_addr_t va_gap;
		u64 va_seq;
	};
	union {
		dma_addr_t va_max_gap;
		dma_addr_t va_max_last;
	};

	/* private: on vcm->bound or an unbinder's batch, else undefined */
	struct list_head vcm_entry;
	/* private: on phys->bindings; phys->lock protects this and @phys */
	struct list_head phys_entry;
	u64 phys_seq;

	/* private: */
	refcount_t owners;
	struct kref ref;
	const void *owner;
	void *priv;
	/* private: memory that the hardware did not unmap, under vcm->va_lock */
	struct vcm_phys *quarantined;
	u8 flags;
	/* private: see enum vcm_res_state */
	u8 state;
};

/**
 * struct vcm_phys - a physical allocation
 * @size: total size, bytes
 * @count: number of @parts
 * @parts: the physically contiguous parts, in the order of their addresses in
 *	a reservation
 *
 * Constant once the allocation exists: a holder of a reference may read the
 * fields named here.
 */
struct vcm_phys {
	resource_size_t size;

	/* private: */
	refcount_t refs;
	u16 flags;
	u8 largest;
	bool unwritten;
	phys_addr_t align_bits;
	struct module *module;
	union {
		void (*free)(struct vcm_phys *phys);
		void (*release)(void *priv);
	};
	void *priv;
	/* private: the reservations that this is bound in, under @lock */
	struct list_head bindings;
	u64 last_seq;
#ifdef CONFIG_VCM_DEBUGFS
	/* private: the list of all allocations, and the code that made this one */
	struct list_head allocated;
	const void *owner;
#endif

	/* private: no other lock is taken while it is held */
	spinlock_t lock;
	/* public: */
	unsigned int count;
	struct phys_vec parts[] __counted_by(count);
};

/* The kernel's own address space */
extern struct vcm vcm_vmm[1];

/**
 * vcm_cpu_addr() - return the kernel address of a reservation of vcm_vmm
 * @res: a bound reservation of vcm_vmm
 *
 * Context: Any.
 * Return: the kernel address of its first byte.
 */
static inline void *vcm_cpu_addr(const struct vcm_res *res)
{
	return (void *)(unsigned long)res->start;
}

/**
 * struct vcm_res_info - a copy of the state of a reservation
 * @start: first address
 * @size: size of the range, bytes. 0: there is no such reservation
 * @bound_size: bytes bound, from @start on
 * @flags: VCM_RES_* flags
 * @quarantined: hardware did not unmap memory there, so it is out of use
 * @owner: code that made the reservation
 */
struct vcm_res_info {
	dma_addr_t start;
	resource_size_t size;
	resource_size_t bound_size;
	unsigned int flags;
	bool quarantined;
	const void *owner;
};

/* Reservations that one address is looked up to, where they may overlap */
#define VCM_ADDR_MAX		4

/**
 * struct vcm_addr_info - a copy of the state of an address
 * @nr: number of reservations that cover the address. More than one is
 *	possible where addresses follow the memory
 * @res: up to %VCM_ADDR_MAX of these; the first is the one that vcm_lookup()
 *	returns
 * @below: if there is none, the last one that starts below the address
 * @above: if there is none, the first one that starts above the address
 * @released: the last reservation that covered the address and was released,
 *	if the context remembers it; else &vcm_released.owner is NULL
 */
struct vcm_addr_info {
	unsigned int nr;
	struct vcm_res_info res[VCM_ADDR_MAX];
	struct vcm_res_info below;
	struct vcm_res_info above;
	struct vcm_released released;
};

/* Access that a device tried when it faulted */
#define VCM_FAULT_READ		BIT(0)
#define VCM_FAULT_WRITE		BIT(1)

/**
 * typedef vcm_fault_fn - handle a fault of a device before it is printed
 * @vcm: the context
 * @addr: device address
 * @flags: VCM_FAULT_* flags
 * @priv: as given to vcm_set_fault_handler()
 *
 * Context: Any, hard interrupts included.
 * Return: true if the fault is handled: nothing is printed then.
 */
typedef bool (*vcm_fault_fn)(struct vcm *vcm, dma_addr_t addr,
			     unsigned int flags, void *priv);

/* Contexts: mm/vcm.c, mm/vcm-attach.c, drivers/vcm/vcm-device.c */

/* Create the context that suits a device; the opposite is vcm_destroy() */
struct vcm *vcm_for_device(struct device *dev);
/* The same, destroyed when the driver is unbound from the device */
struct vcm *devm_vcm_for_device(struct device *dev);
/* Destroy a context and detach its devices */
void vcm_destroy(struct vcm *vcm);
/* Put all bindings on the hardware, and every later one as it is made */
int vcm_activate(struct vcm *vcm);
/* Undo one vcm_activate() */
void vcm_deactivate(struct vcm *vcm);
/* Let one more device see a context */
int vcm_attach(struct vcm *vcm, struct device *dev);
/* Undo vcm_attach() */
void vcm_detach(struct vcm *vcm, struct device *dev);
/* Tell if addresses can be reserved before there is memory for them */
bool vcm_can_reserve(const struct vcm *vcm);

/* Memory: mm/vcm-alloc.c, mm/vcm-phys.c */

/* Allocate memory that a context can bind */
struct vcm_phys *vcm_alloc(struct vcm *vcm, resource_size_t size,
			   unsigned int flags);
/* Allocate memory that several contexts can bind */
struct vcm_phys *vcm_alloc_for(struct vcm *const *vcms, unsigned int nr,
			       resource_size_t size, unsigned int flags);
/* Add a reference */
struct vcm_phys *vcm_phys_get(struct vcm_phys *phys);
/* Drop a reference; the memory is freed with the last one */
void vcm_phys_put(struct vcm_phys *phys);

/**
 * vcm_free() - drop the reference that an allocation or an import gave
 * @phys: the allocation; NULL and error pointers are ignored
 *
 * Another name of vcm_phys_put(), the opposite of vcm_alloc().
 *
 * Context: Process context, may sleep.
 */
static inline void vcm_free(struct vcm_phys *phys)
{
	vcm_phys_put(phys);
}

struct vcm_phys *__vcm_phys_import_pages(struct page *const *pages,
					 unsigned long nr, unsigned int flags,
					 void (*release)(void *priv),
					 void *priv, struct module *module);
struct vcm_phys *__vcm_phys_import_sgt(struct sg_table *sgt,
				       resource_size_t size, unsigned int flags,
				       void (*release)(void *priv),
				       void *priv, struct module *module);
struct vcm_phys *__vcm_phys_import_range(phys_addr_t start,
					 resource_size_t size,
					 unsigned int flags,
					 void (*release)(void *priv),
					 void *priv, struct module *module);

/* Describe memory of the caller's: an array of pages */
#define vcm_phys_import_pages(pages, nr, flags, release, priv) \
	__vcm_phys_import_pages(pages, nr, flags, release, priv, THIS_MODULE)
/* Describe memory of the caller's: a scatter-gather table */
#define vcm_phys_import_sgt(sgt, size, flags, release, priv) \
	__vcm_phys_import_sgt(sgt, size, flags, release, priv, THIS_MODULE)
/* Describe memory of the caller's: a range of physical addresses */
#define vcm_phys_import_range(start, size, flags, release, priv) \
	__vcm_phys_import_range(start, size, flags, release, priv, THIS_MODULE)

/* Reservations: mm/vcm-res.c */

/* Reserve device addresses anywhere */
struct vcm_res *vcm_reserve(struct vcm *vcm, resource_size_t size,
			    unsigned int flags);
/* Reserve device addresses that firmware or hardware prescribes */
struct vcm_res *vcm_reserve_at(struct vcm *vcm, dma_addr_t addr,
			       resource_size_t size, unsigned int flags);
/* Reserve device addresses within a window */
struct vcm_res *vcm_reserve_in(struct vcm *vcm, resource_size_t size,
			       resource_size_t align, dma_addr_t min,
			       dma_addr_t max, unsigned int flags);
/* Add an owner */
int vcm_ref_reserve(struct vcm_res *res);
/* Drop an owner; the last one unbinds and releases the addresses */
void vcm_unreserve(struct vcm_res *res);

/* Bindings: mm/vcm-bind.c, mm/vcm-sync.c */

/* Make memory reachable at a reservation */
int vcm_bind(struct vcm_res *res, struct vcm_phys *phys);
/* Make it unreachable again */
void vcm_unbind(struct vcm_res *res);
/* The same for many reservations, with few waits for TLBs */
void vcm_unbind_many(struct vcm_res *const *res, unsigned int nr);
/* Hand bound memory to the device */
int vcm_sync_for_device(struct vcm_res *res, resource_size_t offset,
			resource_size_t size, enum dma_data_direction dir);
/* Hand bound memory to the CPUs */
int vcm_sync_for_cpu(struct vcm_res *res, resource_size_t offset,
		     resource_size_t size, enum dma_data_direction dir);

/* Several steps in one: mm/vcm-bind.c, mm/vcm-alloc.c */

/* Reserve addresses for memory and bind it */
struct vcm_res *vcm_map(struct vcm *vcm, struct vcm_phys *phys,
			unsigned int flags);
/* The same at given addresses */
struct vcm_res *vcm_map_at(struct vcm *vcm, struct vcm_phys *phys,
			   dma_addr_t addr, unsigned int flags);
/* Allocate memory, reserve addresses for it and bind it */
struct vcm_res *vcm_make_binding(struct vcm *vcm, resource_size_t size,
				 unsigned int alloc_flags,
				 unsigned int res_flags);

/**
 * vcm_unmap() - drop the ownership that vcm_map() gave
 * @res: the reservation; NULL and error pointers are ignored
 *
 * Another name of vcm_unreserve().
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 */
static inline void vcm_unmap(struct vcm_res *res)
{
	vcm_unreserve(res);
}

/**
 * vcm_destroy_binding() - drop the ownership that vcm_make_binding() gave
 * @res: the reservation; NULL and error pointers are ignored
 *
 * Another name of vcm_unreserve(). The memory is freed with the last owner,
 * unless a caller of vcm_phys_get() or another binding holds it.
 *
 * Context: Process context, may sleep. Takes vcm->topology for reading.
 */
static inline void vcm_destroy_binding(struct vcm_res *res)
{
	vcm_unreserve(res);
}

/* Look-ups: mm/vcm-lookup.c */

/* Copy what is known of an address; also in interrupts */
int vcm_lookup_info(struct vcm *vcm, dma_addr_t addr,
		    struct vcm_addr_info *info);
/* Find the reservation that covers an address */
struct vcm_res *vcm_lookup(struct vcm *vcm, dma_addr_t addr);
/* Iterate over the reservations of a context */
struct vcm_res *vcm_next_res(struct vcm *vcm, struct vcm_res *prev);
/* Iterate over the reservations that memory is bound in */
struct vcm_res *vcm_phys_next_res(struct vcm_phys *phys, struct vcm_res *prev);
/* Drop what a look-up or an iteration returned */
void vcm_res_put(struct vcm_res *res);
/* Return the physical address behind a device address */
int vcm_addr_to_phys(struct vcm *vcm, dma_addr_t addr, phys_addr_t *out);
/* Return the address of the same byte in another context */
int vcm_translate(struct vcm *from, dma_addr_t addr, struct vcm *to,
		  dma_addr_t *out);

/* Faults: mm/vcm.c, mm/vcm-fault.c */

/* Set the function that is called for faults of a context's devices */
int vcm_set_fault_handler(struct vcm *vcm, vcm_fault_fn fn, void *priv);
/* Report a fault of a device; also in interrupts */
void vcm_report_fault(struct vcm *vcm, dma_addr_t addr, unsigned int flags);

#endif /* _LINUX_VCM_H */
