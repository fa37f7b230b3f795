/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual Contiguous Memory: for drivers that use memory.
 *
 * A context (struct vcm) is an address space as one or more bus masters see
 * it. A reservation (struct vcm_res) is a contiguous range of it. A physical
 * allocation (struct vcm_phys) is a list of physically contiguous parts. One
 * allocation may be bound into reservations of many contexts at once.
 *
 * Those who provide contexts include <linux/vcm-drv.h>.
 */
#ifndef _LINUX_VCM_H
#define _LINUX_VCM_H

#include <linux/bits.h>
#include <linux/dma-direction.h>
#include <linux/err.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/ratelimit_types.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct device;
struct scatterlist;
struct vcm_debug;
struct vcm_driver;
struct vcm_fault_handler;
struct vcm_phys_ops;
struct vcm_ranges;

/**
 * DOC: flags
 *
 * Unknown bits get -EINVAL. A context that cannot honour a flag answers
 * -EOPNOTSUPP.
 *
 * %VCM_ALLOC_NOZERO: the memory need not be zeroed.
 *
 * %VCM_ALLOC_CONTIG: one physically contiguous part or -ENOMEM.
 *
 * %VCM_ALLOC_NOWARN: no message from the page allocator when it fails.
 *
 * %VCM_ALLOC_ACCOUNT: charge the memory to the caller's memory cgroup.
 *
 * %VCM_RES_READ, %VCM_RES_WRITE: what the device may do at the least, as the
 * device sees it; neither means both. What cannot be withheld is granted: by a
 * page table without such a bit, or where nothing translates.
 *
 * %VCM_RES_GUARD: keep one unmapped granule behind the reservation. It is not
 * part of &vcm_res.res_size. -EOPNOTSUPP where addresses follow the memory.
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

/**
 * struct vcm_phys_params - what physical memory must be like
 * @pgsize_bitmap: page sizes worth having, the largest are tried first, and
 *	every part is a multiple of the smallest; 0 for all that the page
 *	allocator has
 * @last: highest physical address that will do, inclusive
 * @nid: preferred node or NUMA_NO_NODE
 * @flags: %VCM_ALLOC_CONTIG when one part is all that will do, or 0
 */
struct vcm_phys_params {
	unsigned long pgsize_bitmap;
	phys_addr_t last;
	int nid;
	unsigned int flags;
};

/**
 * struct vcm_released - addresses that were released lately
 * @start: first address
 * @last: last address, inclusive
 * @owner: who had them, code of the kernel
 * @by: who released them, code of the kernel
 * @when: when, in jiffies
 */
struct vcm_released {
	dma_addr_t start;
	dma_addr_t last;
	const void *owner;
	const void *by;
	unsigned long when;
};

/* How many of them a context remembers */
#define VCM_HISTORY		16

/**
 * struct vcm - a context: an address space as its masters see it
 * @start: lowest device address of the aperture
 * @last: highest device address of the aperture, inclusive
 *
 * Embedded in a provider's own structure. The fields named here may be read,
 * the others belong to the core; their locks are described in mm/vcm.c.
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
	bool unsnooped;
	struct list_head masters;
	struct vcm_ranges *spare;

	/* private: under va_lock */
	spinlock_t va_lock;
	unsigned long granule;
	struct rb_root va_tree;
	struct vcm_res *va_last;
	struct vcm_ranges *blocked;
	resource_size_t quarantined;
	struct vcm_released history[VCM_HISTORY];
	unsigned int nr_released;
	struct list_head bound;
	struct list_head idle;

	/* private: faults and what can be seen of the context */
	struct vcm_fault_handler __rcu *fault_handler;
	struct ratelimit_state fault_limit;
	struct vcm_debug *debug;
};

/**
 * struct vcm_res - a reservation: a contiguous range of a context
 * @start: the address to give to the device
 * @res_size: bytes reserved
 * @bound_size: bytes bound, 0 when nothing is
 * @vcm: the context
 * @phys: the memory bound, NULL when none is
 *
 * The fields named here may be read by whoever holds an ownership and knows
 * that no bind or unbind is under way.
 */
struct vcm_res {
	dma_addr_t start;
	resource_size_t res_size;
	resource_size_t bound_size;
	struct vcm *vcm;
	struct vcm_phys *phys;

	/* private: the address tree, under vcm->va_lock */
	struct rb_node va_node;
	dma_addr_t last;
	dma_addr_t va_gap;
	dma_addr_t va_max_gap;

	/* private: on vcm->bound, vcm->idle or an unbinder's list, else undefined */
	struct list_head vcm_entry;
	/* private: on phys->bindings, under phys->lock */
	struct list_head phys_entry;

	/* private: */
	refcount_t owners;
	struct kref ref;
	const void *owner;
	void *priv;
	u64 phys_seq;
	u8 flags;
	/* private: written under vcm->va_lock, read so or with topology held */
	u8 state;
	bool awaited;
	bool placed;
	bool made;
	bool quarantined;
};

/**
 * struct vcm_phys - a physical allocation
 * @size: bytes in all
 * @count: number of @parts
 * @parts: the physically contiguous parts, in the order of their addresses in
 *	a reservation
 *
 * Constant once the allocation exists, so they may be read by whoever holds a
 * reference.
 */
struct vcm_phys {
	resource_size_t size;

	/* private: */
	refcount_t refs;
	unsigned int flags;
	unsigned long owned;
	phys_addr_t align_bits;
	const struct vcm_phys_ops *ops;
	void *priv;
	/* private: for @bindings, the reservations that this is bound in */
	spinlock_t lock;
	struct list_head bindings;
	u64 last_seq;
#ifdef CONFIG_VCM_DEBUGFS
	/* private: on the list of all that was allocated, and by whom */
	struct list_head allocated;
	const void *owner;
#endif

	/* public: */
	unsigned int count;
	struct phys_vec parts[] __counted_by(count);
};

/* The kernel's own address space */
extern struct vcm vcm_vmm[1];

/**
 * vcm_cpu_addr() - where the CPU sees what a reservation of vcm_vmm has bound
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
 * struct vcm_res_info - a copy of what is known of a reservation
 * @start: first address
 * @size: bytes reserved, 0: there is no such reservation
 * @bound_size: bytes bound, from @start on
 * @flags: VCM_RES_* flags
 * @quarantined: the hardware did not let go of it, it is never used again
 * @owner: who reserved it, code of the kernel
 */
struct vcm_res_info {
	dma_addr_t start;
	resource_size_t size;
	resource_size_t bound_size;
	unsigned int flags;
	bool quarantined;
	const void *owner;
};

/**
 * struct vcm_addr_info - a copy of what is known of an address
 * @res: the reservation that has it
 * @below: if none has, the nearest one below
 * @above: if none has, the nearest one above
 * @released: the last one that had it and gave it back, if that is remembered;
 *	&vcm_released.owner is NULL if not
 */
struct vcm_addr_info {
	struct vcm_res_info res;
	struct vcm_res_info below;
	struct vcm_res_info above;
	struct vcm_released released;
};

/* What a device tried when it faulted */
#define VCM_FAULT_READ		BIT(0)
#define VCM_FAULT_WRITE		BIT(1)

/**
 * typedef vcm_fault_fn - told of a device's fault before anything is printed
 * @vcm: the context
 * @addr: device address
 * @flags: VCM_FAULT_* flags
 * @priv: as given to vcm_set_fault_handler()
 *
 * Context: Any, hard interrupts included.
 * Return: true if it claims the fault, which is not printed then.
 */
typedef bool (*vcm_fault_fn)(struct vcm *vcm, dma_addr_t addr,
			     unsigned int flags, void *priv);

/* Contexts */
void vcm_destroy(struct vcm *vcm);
int vcm_activate(struct vcm *vcm);
void vcm_deactivate(struct vcm *vcm);
int vcm_attach(struct vcm *vcm, struct device *dev);
void vcm_detach(struct vcm *vcm, struct device *dev);
struct vcm *vcm_for_device(struct device *dev);
struct vcm *devm_vcm_for_device(struct device *dev);

/* Memory */
struct vcm_phys *vcm_alloc(struct vcm *vcm, resource_size_t size,
			   unsigned int flags);
struct vcm_phys *vcm_alloc_for(struct vcm *const *vcms, unsigned int nr,
			       resource_size_t size, unsigned int flags);
void vcm_free(struct vcm_phys *phys);
struct vcm_phys *vcm_phys_get(struct vcm_phys *phys);
void vcm_phys_put(struct vcm_phys *phys);
struct vcm_phys *vcm_phys_import_range(phys_addr_t start,
				       resource_size_t size);
struct vcm_phys *vcm_phys_import_sg(struct scatterlist *sgl, unsigned int nents,
				    const struct vcm_phys_ops *ops, void *priv);

/* Reservations */
struct vcm_res *vcm_reserve(struct vcm *vcm, resource_size_t size,
			    unsigned int flags);
struct vcm_res *vcm_reserve_at(struct vcm *vcm, dma_addr_t addr,
			       resource_size_t size, unsigned int flags);
struct vcm_res *vcm_reserve_in(struct vcm *vcm, resource_size_t size,
			       resource_size_t align, dma_addr_t min,
			       dma_addr_t max, unsigned int flags);
int vcm_ref_reserve(struct vcm_res *res);
void vcm_unreserve(struct vcm_res *res);

/* Bindings */
int vcm_bind(struct vcm_res *res, struct vcm_phys *phys);
struct vcm_phys *vcm_unbind(struct vcm_res *res);
void vcm_unbind_many(struct vcm_res *const *res, unsigned int nr);
int vcm_sync_for_device(struct vcm_res *res, resource_size_t offset,
			resource_size_t size, enum dma_data_direction dir);
int vcm_sync_for_cpu(struct vcm_res *res, resource_size_t offset,
		     resource_size_t size, enum dma_data_direction dir);

/* Several steps in one */
struct vcm_res *vcm_map(struct vcm *vcm, struct vcm_phys *phys,
			unsigned int flags);
void vcm_unmap(struct vcm_res *res);
struct vcm_res *vcm_make_binding(struct vcm *vcm, resource_size_t size,
				 unsigned int alloc_flags,
				 unsigned int res_flags);
void vcm_destroy_binding(struct vcm_res *res);

/* Look-ups */
int vcm_lookup_info(struct vcm *vcm, dma_addr_t addr,
		    struct vcm_addr_info *info);
struct vcm_res *vcm_lookup(struct vcm *vcm, dma_addr_t addr);
struct vcm_res *vcm_next_res(struct vcm *vcm, struct vcm_res *prev);
struct vcm_res *vcm_phys_next_res(struct vcm_phys *phys, struct vcm_res *prev);
void vcm_res_put(struct vcm_res *res);
int vcm_addr_to_phys(struct vcm *vcm, dma_addr_t addr, phys_addr_t *out);
int vcm_translate(struct vcm *from, dma_addr_t addr, struct vcm *to,
		  dma_addr_t *out);

/* Faults */
int vcm_set_fault_handler(struct vcm *vcm, vcm_fault_fn fn, void *priv);
void vcm_report_fault(struct vcm *vcm, dma_addr_t addr, unsigned int flags);

#endif /* _LINUX_VCM_H */
