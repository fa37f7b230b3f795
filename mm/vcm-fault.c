// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: who was hit by a fault of a device.
 *
 * A driver may claim the faults of its context. Otherwise the address is looked
 * up and what is found is printed in one block: the reservation and the place in
 * it, or else what lies around, and who gave the address back lately.
 */
#define pr_fmt(fmt) "vcm: " fmt

#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/seq_buf.h>

#include "vcm-internal.h"

static bool vcm_fault_claimed(struct vcm *vcm, dma_addr_t addr,
			      unsigned int flags)
{
	const struct vcm_fault_handler *handler;

	guard(rcu)();
	handler = rcu_dereference(vcm->fault_handler);
	return handler && handler->fn(vcm, addr, flags, handler->priv);
}

static void vcm_describe_res(struct seq_buf *s, const struct vcm_res_info *info)
{
	dma_addr_t last = info->start + (info->size - 1);

	seq_buf_printf(s, "[%pad-%pad] of %pS", &info->start, &last,
		       info->owner);
	if (info->quarantined)
		seq_buf_puts(s, ", in quarantine");
}

static void vcm_describe_hit(struct seq_buf *s, dma_addr_t addr,
			     const struct vcm_res_info *info)
{
	u64 offset = addr - info->start;

	seq_buf_printf(s, "\n  offset %#llx of ", offset);
	vcm_describe_res(s, info);
	if (!info->bound_size)
		seq_buf_puts(s, ", nothing bound");
	else if (offset >= info->bound_size)
		seq_buf_printf(s, ", only %#llx bytes bound",
			       (u64)info->bound_size);
	else
		seq_buf_printf(s, ", bound%s%s",
			       info->flags & VCM_RES_READ ? ", readable" : "",
			       info->flags & VCM_RES_WRITE ? ", writable" : "");
}

static void vcm_describe_miss(struct seq_buf *s, dma_addr_t addr,
			      const struct vcm_addr_info *info)
{
	seq_buf_puts(s, "\n  nobody has it");
	if (info->below.size) {
		seq_buf_printf(s, "\n  %#llx bytes behind the end of ",
			       (u64)(addr - info->below.start -
				     info->below.size));
		vcm_describe_res(s, &info->below);
	}
	if (info->above.size) {
		seq_buf_printf(s, "\n  %#llx bytes in front of ",
			       (u64)(info->above.start - addr));
		vcm_describe_res(s, &info->above);
	}
}

/**
 * vcm_describe_addr() - put into words what is known of an address
 * @vcm: the context
 * @addr: device address
 * @s: gets lines, each with a line feed in front of it
 *
 * Context: Any, as vcm_lookup_info().
 */
void vcm_describe_addr(struct vcm *vcm, dma_addr_t addr, struct seq_buf *s)
{
	struct vcm_addr_info info;

	if (vcm_lookup_info(vcm, addr, &info))
		vcm_describe_miss(s, addr, &info);
	else
		vcm_describe_hit(s, addr, &info.res);
	if (!info.released.owner)
		return;

	seq_buf_printf(s, "\n  until %u ms ago part of [%pad-%pad] of %pS, released by %pS",
		       jiffies_to_msecs(jiffies - info.released.when),
		       &info.released.start, &info.released.last,
		       info.released.owner, info.released.by);
}

/**
 * vcm_report_fault() - a device of a context has faulted
 * @vcm: the context; the caller sees to it that it is not freed meanwhile
 * @addr: device address
 * @flags: VCM_FAULT_* flags: what the device tried; 0: unknown
 *
 * Tells the handler of the context. If that does not claim the fault, it prints
 * what is known of the address, not more often than a log can bear.
 *
 * Context: Any, hard interrupts included; on PREEMPT_RT those that are threads.
 */
void vcm_report_fault(struct vcm *vcm, dma_addr_t addr, unsigned int flags)
{
	static const char * const what[] = { "access", "read", "write", "access" };
	DECLARE_SEQ_BUF(s, VCM_DESCRIPTION);

	if (IS_ERR_OR_NULL(vcm) || vcm_fault_claimed(vcm, addr, flags) ||
	    !__ratelimit(&vcm->fault_limit))
		return;

	vcm_describe_addr(vcm, addr, &s);
	pr_err("%s.%u: fault, %s at %pad%s\n", vcm->driver->name, vcm->id,
	       what[flags & 3], &addr, seq_buf_str(&s));
}
EXPORT_SYMBOL_GPL(vcm_report_fault);
