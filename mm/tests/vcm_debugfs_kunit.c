// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the debugfs files of Virtual Contiguous Memory, which
 * Documentation/ABI/testing/debugfs-vcm describes.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/uio.h>

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

/* Return the text of a file with a single show function. */
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

/* Return the line that ends with @end, "" if there is none. */
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

/* An open file reservations, read by the kernel */
struct debug_file {
	struct kunit *test;
	struct inode inode;
	struct file file;
	bool open;
	size_t len;
	char text[SZ_64K];
};

static void debug_close(struct debug_file *f)
{
	if (f->open)
		vcm_reservations_fops.release(&f->inode, &f->file);
	f->open = false;
}

static void debug_close_action(void *f)
{
	debug_close(f);
}

static struct debug_file *debug_open(struct kunit *test, struct vcm *vcm)
{
	struct debug_file *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->inode.i_private = vcm;
	f->file.f_inode = &f->inode;
	f->file.f_mode = FMODE_READ | FMODE_LSEEK;
	f->file.f_op = &vcm_reservations_fops;
	KUNIT_ASSERT_EQ(test, 0,
			vcm_reservations_fops.open(&f->inode, &f->file));
	f->open = true;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   debug_close_action,
							   f));
	return f;
}

/* Append up to @len bytes to the text; return their number. */
static ssize_t debug_read(struct debug_file *f, size_t len)
{
	struct kvec kvec = { .iov_base = f->text + f->len, .iov_len = len };
	struct kiocb iocb = { .ki_filp = &f->file, .ki_pos = f->file.f_pos };
	struct iov_iter iter;
	ssize_t ret;

	KUNIT_ASSERT_LT(f->test, f->len + len, sizeof(f->text));
	iov_iter_kvec(&iter, ITER_DEST, &kvec, 1, len);
	ret = seq_read_iter(&iocb, &iter);
	KUNIT_ASSERT_GE(f->test, ret, 0);
	f->file.f_pos = iocb.ki_pos;
	f->len += ret;
	f->text[f->len] = '\0';
	return ret;
}

static void debug_seek(struct debug_file *f, loff_t pos)
{
	KUNIT_ASSERT_EQ(f->test, pos,
			vcm_reservations_fops.llseek(&f->file, pos, SEEK_SET));
	f->len = 0;
	f->text[0] = '\0';
}

/* Read the rest, @len bytes at a time. */
static const char *debug_rest(struct debug_file *f, size_t len)
{
	while (debug_read(f, len))
		;
	return f->text;
}

/* Return all of the file. */
static const char *debug_reservations_of(struct kunit *test, struct vcm *vcm)
{
	return debug_rest(debug_open(test, vcm), SZ_4K);
}

/* reservations: address, size, bound bytes, rights, owner; ascending order */
static void debug_reservations(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &debug_cfg);
	struct vcm_phys *phys = td_phys_any(test->priv, SZ_8K);
	const dma_addr_t low = SZ_1M, high = SZ_2M;
	const char *text, *want;
	struct vcm_res *a, *b;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	text = debug_reservations_of(test, ctx->vcm);
	KUNIT_EXPECT_STREQ(test, text, "");
	b = vcm_reserve_at(ctx->vcm, high, SZ_4K, VCM_RES_READ);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b);
	a = vcm_reserve_at(ctx->vcm, low, SZ_64K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, a);
	KUNIT_ASSERT_EQ(test, vcm_bind(a, phys), 0);

	text = debug_reservations_of(test, ctx->vcm);
	want = debug_printf(test, "%pad 0x10000 bytes, 0x2000 bound, rw %pS\n"
			    "%pad 0x1000 bytes, 0x0 bound, r- %pS\n",
			    &low, a->owner, &high, b->owner);
	KUNIT_EXPECT_STREQ(test, text, want);
	KUNIT_EXPECT_PTR_NE(test, strstr(text, __func__), NULL);

	vcm_unreserve(b);
	vcm_unmap(a);
	vcm_free(phys);
}

#define DEBUG_RES	300

/* Reserve addresses for several pages of text. */
static struct vcm_res **debug_crowd(struct kunit *test, struct td_ctx *ctx)
{
	struct vcm_res **res;
	unsigned int i;

	res = kunit_kcalloc(test, DEBUG_RES, sizeof(*res), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, res);
	for (i = 0; i < DEBUG_RES; i++) {
		res[i] = vcm_reserve_at(ctx->vcm, i * SZ_8K, SZ_4K, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res[i]);
	}
	return res;
}

static void debug_crowd_end(struct vcm_res **res)
{
	unsigned int i;

	for (i = 0; i < DEBUG_RES; i++)
		vcm_unreserve(res[i]);
}

static const char *debug_line_of(struct kunit *test, const struct vcm_res *res)
{
	return debug_printf(test, "%pad 0x1000 bytes, 0x0 bound, rw %pS\n",
			    &res->start, res->owner);
}

/* Expect one line for each of @nr reservations, in order; NULL: no line. */
static void expect_lines(struct kunit *test, const char *text,
			 struct vcm_res *const *res, unsigned int nr)
{
	const char *line;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!res[i])
			continue;
		line = debug_line_of(test, res[i]);
		KUNIT_ASSERT_EQ(test, strncmp(text, line, strlen(line)), 0);
		text += strlen(line);
		kunit_kfree(test, line);
	}
	KUNIT_EXPECT_STREQ(test, text, "");
}

/* reservations: one walk, whatever the size of the reader's buffer is */
static void debug_reads(struct kunit *test)
{
	static const size_t sizes[] = { 7, 64, 1000, SZ_4K, SZ_32K };
	struct td_ctx *ctx = td_create(test->priv, &debug_cfg);
	struct vcm_res **res = debug_crowd(test, ctx);
	struct debug_file *f;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		f = debug_open(test, ctx->vcm);
		expect_lines(test, debug_rest(f, sizes[i]), res, DEBUG_RES);
		/* Nothing follows, also if asked again */
		KUNIT_EXPECT_EQ(test, debug_read(f, 64), 0);
		debug_close(f);
	}
	/* Buffers that grow from one read to the next */
	f = debug_open(test, ctx->vcm);
	for (i = 1; debug_read(f, i); i += i / 2 + 1)
		;
	expect_lines(test, f->text, res, DEBUG_RES);
	debug_crowd_end(res);
}

/* reservations: seeks, back and forth, to the middle of a line too */
static void debug_seeks(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &debug_cfg);
	struct vcm_res **res = debug_crowd(test, ctx);
	struct debug_file *f = debug_open(test, ctx->vcm);
	size_t all, pos;
	char *text;

	text = kunit_kstrdup(test, debug_rest(f, SZ_4K), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, text);
	all = strlen(text);
	for (pos = all; pos >= 997; pos -= 997) {
		debug_seek(f, pos);
		KUNIT_EXPECT_STREQ(test, debug_rest(f, SZ_4K), text + pos);
	}
	for (pos = 0; pos < all; pos += 1999) {
		debug_seek(f, pos);
		debug_read(f, 100);
		KUNIT_EXPECT_EQ(test, 0, strncmp(f->text, text + pos, f->len));
	}
	debug_seek(f, 0);
	expect_lines(test, debug_rest(f, 100), res, DEBUG_RES);
	debug_crowd_end(res);
}

/*
 * reservations: one that is released before the walk visits it has no line, and
 * every other one has one; also if the walk is at the one that is released.
 */
static void debug_dropped(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &debug_cfg);
	struct vcm_res **res = debug_crowd(test, ctx);
	struct debug_file *f = debug_open(test, ctx->vcm);
	unsigned int i;

	/* A small read takes one line, and the walk is at the second one */
	debug_read(f, 10);
	for (i = 1; i < DEBUG_RES; i += 3) {
		vcm_unreserve(res[i]);
		res[i] = NULL;
	}
	expect_lines(test, debug_rest(f, 50), res, DEBUG_RES);

	/* All, when the walk is in the middle: the rest of the line is left */
	debug_seek(f, 0);
	while (f->len < SZ_8K)
		debug_read(f, 100);
	debug_crowd_end(res);
	debug_rest(f, 100);
	KUNIT_EXPECT_LT(test, f->len, SZ_8K + 1000);
	debug_seek(f, 0);
	KUNIT_EXPECT_STREQ(test, debug_rest(f, 100), "");
}

/*
 * reservations: one walk for all reads. What is released or reserved where the
 * walk has been neither repeats a line nor skips one.
 */
static void debug_one_walk(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &debug_cfg);
	struct vcm_res **res = debug_crowd(test, ctx), *low;
	struct debug_file *f = debug_open(test, ctx->vcm);
	const char *line = debug_line_of(test, res[0]);
	const dma_addr_t first = res[0]->start;
	unsigned int i;

	while (f->len < SZ_8K)
		debug_read(f, 100);
	/* They are the first ten lines of the text, whose order is known */
	for (i = 1; i < 10; i++)
		vcm_unreserve(res[i]);
	expect_lines(test, debug_rest(f, 100) + 10 * strlen(line), res + 10,
		     DEBUG_RES - 10);

	debug_seek(f, 0);
	while (f->len < SZ_8K)
		debug_read(f, 100);
	low = vcm_reserve_at(ctx->vcm, first + SZ_4K, SZ_16K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, low);
	expect_lines(test, debug_rest(f, 100) + strlen(line), res + 10,
		     DEBUG_RES - 10);
	vcm_unreserve(low);
	for (i = 1; i < 10; i++)
		res[i] = NULL;
	debug_crowd_end(res);
}

/* reservations: an open file holds the place of its walk after vcm_destroy() */
static void debug_outlives(struct kunit *test)
{
	struct td_ctx *ctx = td_create(test->priv, &debug_cfg);
	struct vcm_res **res = debug_crowd(test, ctx);
	struct debug_file *f = debug_open(test, ctx->vcm);
	struct debug_file *done = debug_open(test, ctx->vcm);

	debug_read(f, 100);
	debug_rest(done, SZ_4K);
	debug_crowd_end(res);
	vcm_destroy(ctx->vcm);
	/* debugfs refuses reads from now on; only the last close follows */
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 0);
	debug_close(done);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 0);
	debug_close(f);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->released), 1);
}

/* devices: name, granule, snooping and each range, until they are detached */
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

/* Return the line of the file memory about the only allocation of @owner. */
static const char *debug_memory_of(struct kunit *test, const char *owner)
{
	return debug_line(test, debug_text(test, vcm_memory_show, NULL), owner);
}

static const char *debug_owner(struct kunit *test, const struct vcm_phys *phys)
{
	return debug_printf(test, "%pS", phys->owner);
}

/* memory: each allocation and its references, until the last was dropped */
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

/* memory: the caller of vcm_make_binding() is the owner; no line for imports */
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
	KUNIT_CASE(debug_reads),
	KUNIT_CASE(debug_seeks),
	KUNIT_CASE(debug_dropped),
	KUNIT_CASE(debug_one_walk),
	KUNIT_CASE(debug_outlives),
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
MODULE_DESCRIPTION("Tests of the debugfs files of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
