/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual Contiguous Memory: shared by the files of the core.
 */
#ifndef _MM_VCM_INTERNAL_H
#define _MM_VCM_INTERNAL_H

#include <linux/gfp_types.h>
#include <linux/vcm-drv.h>

struct file_operations;
struct page;
struct seq_buf;
struct seq_file;

/**
 * enum vcm_res_state - state of a reservation
 * @VCM_UNBOUND: nothing is bound
 * @VCM_BINDING: a bind is under way
 * @VCM_BOUND: &vcm_res.phys is bound
 * @VCM_UNBINDING: an unbind is under way
 */
enum vcm_res_state {
	VCM_UNBOUND,
	VCM_BINDING,
	VCM_BOUND,
	VCM_UNBINDING,
};

/**
 * struct vcm_ranges - addresses that the attached devices cannot use
 * @nr: number of ranges
 * @capacity: room in @range
 * @range: disjoint, not adjacent, in ascending order
 */
struct vcm_ranges {
	unsigned int nr;
	unsigned int capacity;
	struct vcm_range range[] __counted_by(capacity);
};

/* Number of releases that a context remembers */
#define VCM_HISTORY		16

/**
 * struct vcm_history - the last releases of addresses, under vcm->va_lock
 * @nr: number of releases so far
 * @entry: a ring of them
 *
 * For the report of a fault, so only contexts that allocate addresses have one.
 */
struct vcm_history {
	unsigned int nr;
	struct vcm_released entry[VCM_HISTORY];
};

/**
 * struct vcm_va_req - a request for addresses
 * @span: bytes, a multiple of the granule, not 0; for vcm_place() 0: the size of
 *	the reservation is rounded up
 * @align: a power of two, at least the granule; for vcm_place() 0: natural
 * @phase: the address must be congruent to it modulo @align
 * @page: for vcm_place(): the largest page that helps the memory, 0 without any
 * @min: lowest address
 * @max: highest address, inclusive
 * @at: for vcm_place(): the address must be @min, and only @min counts
 */
struct vcm_va_req {
	resource_size_t span;
	dma_addr_t align;
	dma_addr_t phase;
	unsigned long page;
	dma_addr_t min;
	dma_addr_t max;
	bool at;
};

/* Each member, as gcc calls memset() for such a structure otherwise */
#define VCM_VA_ANYWHERE {						\
	.span = 0, .align = 0, .phase = 0, .page = 0,			\
	.min = 0, .max = (dma_addr_t)~0ULL, .at = false,		\
}

/**
 * struct vcm_fault_handler - the function that is called for faults
 * @fn: the function
 * @priv: for @fn
 */
struct vcm_fault_handler {
	vcm_fault_fn fn;
	void *priv;
};

/* Return true if addresses follow the memory. */
static inline bool vcm_fixed(const struct vcm *vcm)
{
	return vcm->driver->fixed;
}

/* Return true if the parts of memory are whole granules, where that matters. */
static inline bool vcm_granule_suits(const struct vcm *vcm,
				     const struct vcm_phys *phys)
{
	return vcm_fixed(vcm) || !(phys->align_bits & (vcm_granule(vcm) - 1));
}

/*
 * Return the state of a reservation, and find what led to it. The thread that
 * binds or unbinds ends that state without a lock; to begin it takes va_lock. So
 * what is found bound stays bound while va_lock is held.
 */
static inline enum vcm_res_state vcm_res_state(const struct vcm_res *res)
{
	/* Pairs with vcm_res_settle() */
	return smp_load_acquire(&res->state);
}

/* vcm-attach.c */
void vcm_detach_all(struct vcm *vcm);

/* vcm-res.c */
void vcm_put(struct vcm *vcm);
struct vcm_res *vcm_res_make(struct vcm *vcm, const struct vcm_phys *phys,
			     unsigned int flags, struct vcm_va_req *req,
			     unsigned long owner);
int vcm_place_insert(struct vcm_res *res, resource_size_t span, bool binds);
void vcm_res_release(struct kref *ref);

/*
 * Drop an object reference. A reservation with addresses has one of its owners or
 * of a quarantine, and only such a one is found: so a last holder is alone.
 */
static inline void vcm_res_drop_ref(struct vcm_res *res)
{
	if (!IS_ENABLED(CONFIG_VCM_DEBUG) && kref_read(&res->ref) == 1) {
		/* After what other holders did before they dropped theirs */
		smp_acquire__after_ctrl_dep();
		vcm_res_release(&res->ref);
	} else {
		kref_put(&res->ref, vcm_res_release);
	}
}

/* vcm-bind.c */
int vcm_res_map(struct vcm_res *res, struct vcm_phys *phys);
void vcm_unmap_batch(struct vcm *vcm, struct list_head *batch);
void vcm_quarantine_end(struct vcm *vcm);
struct vcm_res *vcm_map_owned(struct vcm *vcm, struct vcm_phys *phys,
			      unsigned int flags, struct vcm_va_req *req,
			      unsigned long owner);

/* vcm-alloc.c */
void vcm_alloc_wait(struct vcm *vcm);

/* vcm-phys.c */
unsigned long vcm_best_page(const struct vcm_phys *phys, unsigned long sizes,
			    dma_addr_t *phase);
int vcm_phys_add(struct vcm_phys **to, phys_addr_t paddr, size_t len);
void vcm_phys_gone(struct vcm_phys *phys);

/* Drop a reference, which may be that of a binding. */
static inline void vcm_phys_drop(struct vcm_phys *phys)
{
	if (refcount_dec_and_test(&phys->refs))
		vcm_phys_gone(phys);
}

/* vcm-sync.c */
void vcm_phys_write_back(struct vcm_phys *phys);

/* vcm-va.c */
void vcm_ranges_merge(struct vcm_ranges *ranges);
int vcm_va_alloc(struct vcm *vcm, struct vcm_res *res,
		 const struct vcm_va_req *req);
int vcm_va_insert(struct vcm *vcm, struct vcm_res *res);
void vcm_va_erase(struct vcm *vcm, struct vcm_res *res);
struct vcm_res *vcm_va_first(struct vcm *vcm, dma_addr_t start,
			     dma_addr_t last);
struct vcm_res *vcm_va_next(struct vcm_res *res);
bool vcm_va_is_after(const struct vcm_res *res, const struct vcm_res *prev);
struct vcm_res *vcm_va_after(struct vcm *vcm, const struct vcm_res *prev);
struct vcm_res *vcm_va_covering(struct vcm *vcm, dma_addr_t addr,
				struct vcm_res *prev);
void vcm_va_near(struct vcm *vcm, dma_addr_t addr, struct vcm_res **below,
		 struct vcm_res **above);
bool vcm_va_usable(struct vcm *vcm, dma_addr_t start, dma_addr_t last);

/* vcm-fault.c: room for vcm_describe_addr() with symbols of 90 characters */
#define VCM_DESCRIPTION		800

void vcm_describe_addr(struct vcm *vcm, dma_addr_t addr, struct seq_buf *s);

/* vcm-debugfs.c */
#ifdef CONFIG_VCM_DEBUGFS
void vcm_debug_init(struct vcm *vcm);
void vcm_debug_exit(struct vcm *vcm);
void vcm_debug_allocated(struct vcm_phys *phys, unsigned long owner);
void vcm_debug_freed(struct vcm_phys *phys);
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

#if IS_ENABLED(CONFIG_KUNIT)
struct page *vcm_phys_pages(int nid, gfp_t gfp, unsigned int order);
int vcm_phys_range(unsigned long pfn, unsigned long nr, gfp_t gfp);
void vcm_sync_range(phys_addr_t paddr, size_t size, enum dma_data_direction dir,
		    bool for_cpu);
extern const struct file_operations vcm_reservations_fops;
int vcm_devices_show(struct seq_file *m, void *unused);
int vcm_memory_show(struct seq_file *m, void *unused);
#endif

#endif /* _MM_VCM_INTERNAL_H */
