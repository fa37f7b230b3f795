// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual Contiguous Memory: reports of device faults.
 *
 * A driver may handle the faults of its context. Otherwise the address is looked
 * up and the result printed in one block: the reservations that cover it, or
 * else its neighbours, and the last release of the address.
 */
#define pr_fmt(fmt) "vcm: " fmt

#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/seq_buf.h>

#include "vcm-internal.h"

static bool vcm_fault_handled(struct vcm *vcm, dma_addr_t addr,
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
		seq_buf_puts(s, ", quarantined");
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
	seq_buf_puts(s, "\n  not reserved");
	if (info->below.size) {
		seq_buf_printf(s, "\n  %#llx bytes above the end of ",
			       (u64)(addr - info->below.start -
				     info->below.size));
		vcm_describe_res(s, &info->below);
	}
	if (info->above.size) {
		seq_buf_printf(s, "\n  %#llx bytes below ",
			       (u64)(info->above.start - addr));
		vcm_describe_res(s, &info->above);
	}
}

/**
 * vcm_describe_addr() - put into words what is known of an address
 * @vcm: the context
 * @addr: device address
 * @s: gets lines, each with a line feed before it
 *
 * Context: Any, as vcm_lookup_info().
 */
void vcm_describe_addr(struct vcm *vcm, dma_addr_t addr, struct seq_buf *s)
{
	struct vcm_addr_info info;
	unsigned int i;

	if (vcm_lookup_info(vcm, addr, &info))
		vcm_describe_miss(s, addr, &info);
	/* First, because very long names may fill the buffer */
	if (info.nr > 1)
		seq_buf_printf(s, "\n  %u reservations", info.nr);
	for (i = 0; i < min(info.nr, VCM_ADDR_MAX); i++)
		vcm_describe_hit(s, addr, &info.res[i]);
	if (!info.released.owner)
		return;

	seq_buf_printf(s, "\n  until %u ms ago part of [%pad-%pad] of %pS, released by %pS",
		       jiffies_to_msecs(jiffies - info.released.when),
		       &info.released.start, &info.released.last,
		       info.released.owner, info.released.by);
}
EXPORT_SYMBOL_IF_KUNIT(vcm_describe_addr);

/**
 * vcm_report_fault() - report a fault of a device
 * @vcm: the context; the caller prevents that it is freed meanwhile
 * @addr: device address
 * @flags: VCM_FAULT_* flags: access that the device tried; 0: unknown
 *
 * Calls the handler of the context. If that does not handle the fault, prints
 * what is known of the address, rate-limited.
 *
 * Context: Any, hard interrupts included; on PREEMPT_RT threaded ones.
 */
void vcm_report_fault(struct vcm *vcm, dma_addr_t addr, unsigned int flags)
{
	static const char * const what[] = { "access", "read", "write", "access" };
	DECLARE_SEQ_BUF(s, VCM_DESCRIPTION);

	if (IS_ERR_OR_NULL(vcm) || vcm_fault_handled(vcm, addr, flags) ||
	    !__ratelimit(&vcm->fault_limit))
		return;

	vcm_describe_addr(vcm, addr, &s);
	pr_err("%s.%u: fault, %s at %pad%s\n", vcm->driver->name, vcm->id,
	       what[flags & 3], &addr, seq_buf_str(&s));
}
EXPORT_SYMBOL_GPL(vcm_report_fault);
