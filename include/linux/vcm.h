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
#include <linux/err.h>
#include <linux/list.h>
#include <linux/kref.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct device;
struct vcm_driver;
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
 * device sees it; neither means both. A page table that cannot withhold one
 * of them grants it.
 *
 * %VCM_RES_GUARD: keep one unmapped granule behind the reservation. It is not
 * part of &vcm_res.res_size.
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

	/* private: constant after vcm_init() */
	const struct vcm_driver *driver;
	unsigned long pgsize_bitmap;
	struct kref ref;

	/* private: changed with topology held for writing */
	struct rw_semaphore topology;
	unsigned int activations;
	bool dead;
	struct list_head masters;
	struct vcm_ranges *spare;

	/* private: under va_lock */
	spinlock_t va_lock;
	struct rb_root va_tree;
	struct vcm_res *va_last;
	struct vcm_ranges *blocked;

	/* private: for the two lists, see mm/vcm.c */
	spinlock_t bound_lock;
	struct list_head bound;
	struct list_head idle;
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

	/* private: on vcm->bound or vcm->idle, under vcm->bound_lock */
	struct list_head vcm_entry;
	/* private: on phys->bindings, under phys->lock */
	struct list_head phys_entry;

	/* private: */
	refcount_t owners;
	struct kref ref;
	const void *owner;
	void *priv;
	unsigned int flags;
	u8 state;
	bool placed;
	bool made;
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

/* Contexts */
void vcm_destroy(struct vcm *vcm);
int vcm_activate(struct vcm *vcm);
void vcm_deactivate(struct vcm *vcm);
int vcm_attach(struct vcm *vcm, struct device *dev);
void vcm_detach(struct vcm *vcm, struct device *dev);
struct vcm *vcm_for_device(struct device *dev);

/* Memory */
struct vcm_phys *vcm_alloc(struct vcm *vcm, resource_size_t size,
			   unsigned int flags);
void vcm_free(struct vcm_phys *phys);
struct vcm_phys *vcm_phys_get(struct vcm_phys *phys);
void vcm_phys_put(struct vcm_phys *phys);
struct vcm_phys *vcm_phys_import_range(phys_addr_t start,
				       resource_size_t size);

/* Reservations */
struct vcm_res *vcm_reserve(struct vcm *vcm, resource_size_t size,
			    unsigned int flags);
int vcm_ref_reserve(struct vcm_res *res);
void vcm_unreserve(struct vcm_res *res);

/* Bindings */
int vcm_bind(struct vcm_res *res, struct vcm_phys *phys);
struct vcm_phys *vcm_unbind(struct vcm_res *res);

/* Several steps in one */
struct vcm_res *vcm_map(struct vcm *vcm, struct vcm_phys *phys,
			unsigned int flags);
void vcm_unmap(struct vcm_res *res);
struct vcm_res *vcm_make_binding(struct vcm *vcm, resource_size_t size,
				 unsigned int alloc_flags,
				 unsigned int res_flags);
void vcm_destroy_binding(struct vcm_res *res);

#endif /* _LINUX_VCM_H */
