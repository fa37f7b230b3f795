/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual Contiguous Memory: what the files of the core share.
 */
#ifndef _MM_VCM_INTERNAL_H
#define _MM_VCM_INTERNAL_H

#include <linux/gfp_types.h>
#include <linux/lockdep.h>
#include <linux/vcm-drv.h>

struct page;
struct seq_buf;
struct seq_file;
struct seq_operations;

/**
 * enum vcm_res_state - where a reservation is between free and bound
 * @VCM_RES_UNBOUND: nothing is bound
 * @VCM_RES_BINDING: a bind is under way
 * @VCM_RES_BOUND: &vcm_res.phys is bound
 * @VCM_RES_UNBINDING: an unbind is under way
 */
enum vcm_res_state {
	VCM_RES_UNBOUND,
	VCM_RES_BINDING,
	VCM_RES_BOUND,
	VCM_RES_UNBINDING,
};

/**
 * struct vcm_ranges - what the attached devices cannot use
 * @nr: number of ranges
 * @capacity: room in @range
 * @range: disjoint, not adjacent, in ascending order
 */
struct vcm_ranges {
	unsigned int nr;
	unsigned int capacity;
	struct vcm_range range[] __counted_by(capacity);
};

/**
 * struct vcm_va_req - a request for addresses
 * @span: bytes, a multiple of the granule, not 0; for vcm_reserve_for() what
 *	must be one, 0: the size is rounded up
 * @align: a power of two, at least the granule; for vcm_reserve_for() 0: chosen
 * @phase: the address is to be congruent to it modulo @align
 * @min: lowest address
 * @max: highest address, inclusive
 */
struct vcm_va_req {
	resource_size_t span;
	dma_addr_t align;
	dma_addr_t phase;
	dma_addr_t min;
	dma_addr_t max;
};

#define VCM_VA_ANYWHERE	{ .max = (dma_addr_t)~0ULL }

/**
 * struct vcm_fault_handler - who is told of faults first
 * @fn: the function
 * @priv: for it
 */
struct vcm_fault_handler {
	vcm_fault_fn fn;
	void *priv;
};

/* Whether addresses follow the memory. */
static inline bool vcm_fixed(const struct vcm *vcm)
{
	return vcm->driver->fixed;
}

/* Whether the parts of memory are whole granules, as far as that matters. */
static inline bool vcm_granule_suits(const struct vcm *vcm,
				     const struct vcm_phys *phys)
{
	return vcm_fixed(vcm) || !(phys->align_bits & (vcm_granule(vcm) - 1));
}

/* Whether what is bound is on the hardware. */
static inline bool vcm_live(const struct vcm *vcm)
{
	lockdep_assert_held(&vcm->topology);
	return !vcm->dead && (vcm_fixed(vcm) || vcm->activations);
}

/* Takes a binding off the hardware. */
static inline void vcm_res_unmap(struct vcm_res *res, struct vcm_phys *phys)
{
	if (res->vcm->driver->unmap)
		res->vcm->driver->unmap(res, phys);
}

bool vcm_part_holds(const struct phys_vec *part, unsigned long page);
void vcm_phys_gone(struct vcm_phys *phys);
bool vcm_phys_disown(struct vcm_phys *phys);

/* Drops a reference; true when it was the last and the memory has gone. */
static inline bool vcm_phys_drop(struct vcm_phys *phys)
{
	if (!refcount_dec_and_test(&phys->refs))
		return false;
	vcm_phys_gone(phys);
	return true;
}

void vcm_release(struct kref *ref);
void vcm_res_release(struct kref *ref);
void vcm_detach_all(struct vcm *vcm);

struct vcm_res *vcm_res_new(struct vcm *vcm, resource_size_t size,
			    unsigned int flags, enum vcm_res_state state,
			    unsigned long owner);
int vcm_res_flags(const struct vcm *vcm, unsigned int flags);
struct vcm_res *vcm_reserve_for(struct vcm *vcm, resource_size_t size,
				unsigned int flags, const struct phys_vec *part,
				struct vcm_va_req *req, unsigned long owner);
int vcm_res_map(struct vcm_res *res, struct vcm_phys *phys);
void vcm_res_drop(struct vcm_res *res, bool warn, unsigned long by);
struct vcm_res *vcm_map_owned(struct vcm *vcm, struct vcm_phys *phys,
			      unsigned int flags, bool made,
			      unsigned long owner);

bool vcm_res_info(struct vcm_res *res, struct vcm_res_info *info);
struct vcm_phys *vcm_res_phys(struct vcm_res *res);
void vcm_phys_sync(const struct vcm_phys *phys, resource_size_t offset,
		   resource_size_t size, enum dma_data_direction dir,
		   bool for_cpu);
#if IS_ENABLED(CONFIG_KUNIT)
struct page *vcm_phys_pages(int nid, gfp_t gfp, unsigned int order);
void vcm_sync_range(phys_addr_t paddr, size_t size, enum dma_data_direction dir,
		    bool for_cpu);
#endif

void vcm_ranges_merge(struct vcm_ranges *ranges);
int vcm_va_alloc(struct vcm *vcm, struct vcm_res *res,
		 const struct vcm_va_req *req);
int vcm_va_insert(struct vcm *vcm, struct vcm_res *res);
void vcm_va_erase(struct vcm *vcm, struct vcm_res *res);
struct vcm_res *vcm_va_first(struct vcm *vcm, dma_addr_t start,
			     dma_addr_t last);
struct vcm_res *vcm_va_next(struct vcm_res *res);
struct vcm_res *vcm_va_near(struct vcm *vcm, dma_addr_t addr,
			    struct vcm_res **below, struct vcm_res **above);
bool vcm_va_usable(struct vcm *vcm, dma_addr_t start, dma_addr_t last);
bool vcm_va_touches(struct vcm *vcm, dma_addr_t start, dma_addr_t last);

/* Room for what vcm_describe_addr() says */
#define VCM_DESCRIPTION		640

void vcm_describe_addr(struct vcm *vcm, dma_addr_t addr, struct seq_buf *s);

#ifdef CONFIG_VCM_DEBUGFS
void vcm_debug_init(struct vcm *vcm);
void vcm_debug_exit(struct vcm *vcm);
void vcm_debug_allocated(struct vcm_phys *phys, unsigned long owner);
void vcm_debug_freed(struct vcm_phys *phys);
#if IS_ENABLED(CONFIG_KUNIT)
int vcm_reservations_show(struct seq_file *m, void *unused);
int vcm_devices_show(struct seq_file *m, void *unused);
extern const struct seq_operations vcm_memory_sops;
#endif
#else
static inline void vcm_debug_init(struct vcm *vcm)
{
}

static inline void vcm_debug_exit(struct vcm *vcm)
{
}

static inline void vcm_debug_allocated(struct vcm_phys *phys,
				       unsigned long owner)
{
}

static inline void vcm_debug_freed(struct vcm_phys *phys)
{
}
#endif

#endif /* _MM_VCM_INTERNAL_H */
