// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of what can be seen of Virtual Contiguous Memory at run time: the files
 * that Documentation/ABI/testing/debugfs-vcm describes.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>

#include "../vcm-internal.h"
#include "vcm_testdrv.h"

static const struct td_cfg debug_cfg = {
	.last = SZ_16M - 1,
	.pgsize_bitmap = SZ_4K,
};

static __printf(2, 3) const char *debug_printf(struct kunit *test,
					       const char *fmt, ...)
{
	char *text = kunit_kzalloc(test, SZ_1K, GFP_KERNEL);
	va_list args;

	KUNIT_ASSERT_NOT_NULL(test, text);
	va_start(args, fmt);
	KUNIT_EXPECT_LT(test, vsnprintf(text, SZ_1K, fmt, args), SZ_1K);
	va_end(args);
	return text;
}

/* What a file says */
static const char *debug_text(struct kunit *test,
			      int (*show)(struct seq_file *m, void *unused),
			      struct vcm *vcm)
{
	struct seq_file m = { .size = SZ_64K, .private = vcm };

	m.buf = kunit_kzalloc(test, m.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.buf);
	KUNIT_EXPECT_EQ(test, show(&m, NULL), 0);
	KUNIT_ASSERT_LT(test, m.count, m.size);
	return m.buf;
}

/* The line that ends with @end, "" without one */
static const char *debug_line(struct kunit *test, const char *text,
			      const char *end)
{
	const size_t want = strlen(end);
	size_t len;

	for (; *text; text += len + 1) {
		len = strchrnul(text, '\n') - text;
		if (len >= want && !memcmp(text + len - want, end, want))
			return debug_printf(test, "%.*s", (int)len, text);
	}
	return "";
}

/* reservations: address, size, what is bound, rights, owner; ascending order */
static void debug_reservations(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &debug_cfg);
	struct vcm_phys *phys = td_phys_any(test->priv, SZ_8K);
	const dma_addr_t low = SZ_1M, high = SZ_2M;
	const char *text, *want;
	struct vcm_res *a, *b;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	text = debug_text(test, vcm_reservations_show, ctx->vcm);
	KUNIT_EXPECT_STREQ(test, text, "");
	b = vcm_reserve_at(ctx->vcm, high, SZ_4K, VCM_RES_READ);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b);
	a = vcm_reserve_at(ctx->vcm, low, SZ_64K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, a);
	KUNIT_ASSERT_EQ(test, vcm_bind(a, phys), 0);

	text = debug_text(test, vcm_reservations_show, ctx->vcm);
	want = debug_printf(test, "%pad 0x10000 bytes, 0x2000 bound, rw %pS\n"
			    "%pad 0x1000 bytes, 0x0 bound, r- %pS\n",
			    &low, a->owner, &high, b->owner);
	KUNIT_EXPECT_STREQ(test, text, want);
	KUNIT_EXPECT_PTR_NE(test, strstr(text, __func__), NULL);

	vcm_unreserve(b);
	vcm_unmap(a);
	vcm_free(phys);
}

/* devices: name, granule, snooping, and every range, until they are detached */
static void debug_devices(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &debug_cfg);
	struct device *one = kunit_device_register(test, "vcm_debug_one");
	struct device *two = kunit_device_register(test, "vcm_debug_two");
	const dma_addr_t start = SZ_1M, last = SZ_2M - 1;
	const char *text, *want;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, one);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, two);
	td_limit(ctx, one)->unsnooped = true;
	td_limit(ctx, two)->unsnooped = true;
	td_limit(ctx, two)->granule = SZ_8K;
	td_block(td_limit(ctx, two), start, last);
	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, one), 0);
	KUNIT_ASSERT_EQ(test, vcm_attach(ctx->vcm, two), 0);

	text = debug_text(test, vcm_devices_show, ctx->vcm);
	want = debug_printf(test, "%s, granule 0x0, does not snoop\n"
			    "%s, granule 0x2000, does not snoop\n"
			    "  not [%pad-%pad]\n",
			    dev_name(one), dev_name(two), &start, &last);
	KUNIT_EXPECT_STREQ(test, text, want);

	vcm_detach(ctx->vcm, one);
	vcm_detach(ctx->vcm, two);
	text = debug_text(test, vcm_devices_show, ctx->vcm);
	KUNIT_EXPECT_STREQ(test, text, "");
}

static int debug_memory_all(struct seq_file *m, void *unused)
{
	loff_t pos = 0;
	void *entry;
	int ret = 0;

	entry = vcm_memory_sops.start(m, &pos);
	while (entry && !ret) {
		ret = vcm_memory_sops.show(m, entry);
		entry = vcm_memory_sops.next(m, entry, &pos);
	}
	vcm_memory_sops.stop(m, entry);
	return ret;
}

/* What the file memory says of the only allocation of @owner */
static const char *debug_memory_of(struct kunit *test, const char *owner)
{
	return debug_line(test, debug_text(test, debug_memory_all, NULL),
			  owner);
}

static const char *debug_owner(struct kunit *test, const struct vcm_phys *phys)
{
	return debug_printf(test, "%pS", phys->owner);
}

/* memory: who holds what, bound or not, as long as anybody does */
static void debug_memory(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &debug_cfg);
	struct vcm_phys *phys = vcm_alloc(ctx->vcm, SZ_16K, VCM_ALLOC_CONTIG);
	const char *owner, *want;
	struct vcm_res *res;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	owner = debug_owner(test, phys);
	KUNIT_EXPECT_PTR_NE(test, strstr(owner, __func__), NULL);
	want = debug_printf(test, "%pa 0x4000 bytes, 1 parts, 1 references %s",
			    &phys->parts[0].paddr, owner);
	KUNIT_EXPECT_STREQ(test, debug_memory_of(test, owner), want);

	res = vcm_map(ctx->vcm, phys, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	want = debug_printf(test, "%pa 0x4000 bytes, 1 parts, 2 references %s",
			    &phys->parts[0].paddr, owner);
	KUNIT_EXPECT_STREQ(test, debug_memory_of(test, owner), want);

	vcm_free(phys);
	KUNIT_EXPECT_STRNEQ(test, debug_memory_of(test, owner), "");
	vcm_unmap(res);
	KUNIT_EXPECT_STREQ(test, debug_memory_of(test, owner), "");
}

/* memory: whoever made a binding is the owner; what was imported is not there */
static void debug_memory_made(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &debug_cfg);
	struct vcm_phys *phys = td_phys_any(test->priv, SZ_4K);
	struct vcm_res *res = vcm_make_binding(ctx->vcm, SZ_16K, 0, 0);
	const char *owner;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_PTR_EQ(test, phys->owner, NULL);
	owner = debug_owner(test, res->phys);
	KUNIT_EXPECT_PTR_NE(test, strstr(owner, __func__), NULL);
	vcm_destroy_binding(res);
	vcm_free(phys);
}

static struct kunit_case debug_cases[] = {
	KUNIT_CASE(debug_reservations),
	KUNIT_CASE(debug_devices),
	KUNIT_CASE(debug_memory),
	KUNIT_CASE(debug_memory_made),
	{ }
};

static struct kunit_suite debug_suite = {
	.name = "vcm_debugfs",
	.init = td_begin,
	.exit = td_end,
	.test_cases = debug_cases,
};

kunit_test_suite(debug_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of Virtual Contiguous Memory: what can be seen of it");
MODULE_LICENSE("GPL");
