// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for VCM_ALLOC_ACCOUNT: what Virtual Contiguous Memory charges to a
 * memory cgroup.
 *
 * The root cgroup is not charged, so each test makes a cgroup of its own and
 * allocates on behalf of that.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/cgroup.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/page_counter.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>

#include "../slab.h"
#include "../vcm-internal.h"

/* Bookkeeping of an allocation that is charged too, in pages, and per-CPU stock */
#define ACCOUNT_SLACK	8

/**
 * struct account - a memory cgroup of a test
 * @mnt: the cgroup file system
 * @dir: the directory of the cgroup
 * @memcg: the cgroup
 */
struct account {
	struct vfsmount *mnt;
	struct dentry *dir;
	struct mem_cgroup *memcg;
};

static int account_control(struct vfsmount *mnt, const char *word)
{
	const struct path root = { .mnt = mnt, .dentry = mnt->mnt_root };
	struct file *file;
	loff_t pos = 0;
	ssize_t ret;

	file = file_open_root(&root, "cgroup.subtree_control", O_WRONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kernel_write(file, word, strlen(word), &pos);
	fput(file);
	return ret < 0 ? ret : 0;
}

static struct dentry *account_mkdir(struct vfsmount *mnt)
{
	struct dentry *child;

	child = start_creating(mnt_idmap(mnt), mnt->mnt_root,
			       &QSTR("vcm-account"));
	if (IS_ERR(child))
		return child;
	child = vfs_mkdir(mnt_idmap(mnt), d_inode(mnt->mnt_root), child, 0755,
			  NULL);
	end_creating(child);
	if (IS_ERR(child))
		return child;
	/* kernfs leaves the dentry negative */
	return lookup_one_unlocked(mnt_idmap(mnt), &QSTR("vcm-account"),
				   mnt->mnt_root);
}

static void account_rmdir(struct vfsmount *mnt)
{
	struct dentry *child;

	child = start_removing(mnt_idmap(mnt), mnt->mnt_root,
			       &QSTR("vcm-account"));
	if (IS_ERR(child))
		return;
	vfs_rmdir(mnt_idmap(mnt), d_inode(mnt->mnt_root), child, NULL);
	end_removing(child);
}

static void account_end(void *data)
{
	struct account *account = data;

	if (account->memcg)
		css_put(&account->memcg->css);
	if (account->dir) {
		dput(account->dir);
		account_rmdir(account->mnt);
	}
	account_control(account->mnt, "-memory");
	mntput(account->mnt);
}

static struct account *account_begin(struct kunit *test)
{
	struct account *account = kunit_kzalloc(test, sizeof(*account),
						GFP_KERNEL);
	struct file_system_type *type = get_fs_type("cgroup2");
	struct cgroup_subsys_state *css;
	struct dentry *dir;

	KUNIT_ASSERT_NOT_NULL(test, account);
	KUNIT_ASSERT_NOT_NULL(test, type);
	account->mnt = vfs_kern_mount(type, 0, "cgroup2", NULL);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, account->mnt);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, account_end,
							account), 0);
	if (account_control(account->mnt, "+memory"))
		kunit_skip(test, "no memory controller in this hierarchy");

	dir = account_mkdir(account->mnt);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dir);
	account->dir = dir;
	css = css_tryget_online_from_dir(dir, &memory_cgrp_subsys);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, css);
	account->memcg = mem_cgroup_from_css(css);
	return account;
}

/* Return the pages of the kernel that are charged to the cgroup. */
static unsigned long account_charged(struct account *account)
{
	css_rstat_flush(&account->memcg->css);
	return memcg_page_state(account->memcg, MEMCG_KMEM);
}

/* Return the pages of @phys that are charged to any cgroup. */
static unsigned long account_pages(const struct vcm_phys *phys)
{
	unsigned long nr = 0, pfn, end;
	unsigned int i, order;

	for (i = 0; i < phys->count; i++) {
		pfn = PHYS_PFN(phys->parts[i].paddr);
		end = pfn + PHYS_PFN(phys->parts[i].len);
		for (; pfn < end; pfn += BIT(order)) {
			struct page *page = pfn_to_page(pfn);

			order = compound_order(page);
			if (READ_ONCE(page->memcg_data) & MEMCG_DATA_KMEM)
				nr += BIT(order);
		}
	}
	return nr;
}

static struct vcm_phys *account_alloc(struct account *account,
				      resource_size_t size, unsigned int flags)
{
	struct mem_cgroup *old = set_active_memcg(account->memcg);
	struct vcm_phys *phys = vcm_alloc(vcm_vmm, size, flags);

	set_active_memcg(old);
	return phys;
}

static struct page *account_no_zone(int nid, gfp_t gfp, unsigned int order)
{
	return NULL;
}

/* Allocate and free with and without the flag, and check what is charged. */
static void account_check(struct kunit *test, struct account *account,
			  unsigned int pages, unsigned int flags)
{
	const unsigned long before = account_charged(account);
	struct vcm_phys *phys;

	phys = account_alloc(account, pages * PAGE_SIZE,
			     flags | VCM_ALLOC_ACCOUNT);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_EXPECT_TRUE(test, phys->flags & VCM_PHYS_ACCOUNT);
	KUNIT_EXPECT_EQ(test, vcm_map_gfp(phys), GFP_KERNEL_ACCOUNT);
	KUNIT_EXPECT_EQ(test, account_pages(phys), pages);
	KUNIT_EXPECT_GE(test, account_charged(account), before + pages);
	KUNIT_EXPECT_LE(test, account_charged(account),
			before + pages + ACCOUNT_SLACK);
	vcm_free(phys);
	KUNIT_EXPECT_LE(test, account_charged(account), before + ACCOUNT_SLACK);

	phys = account_alloc(account, pages * PAGE_SIZE, flags);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, phys);
	KUNIT_EXPECT_FALSE(test, phys->flags & VCM_PHYS_ACCOUNT);
	KUNIT_EXPECT_EQ(test, vcm_map_gfp(phys), GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, account_pages(phys), 0);
	vcm_free(phys);
}

static const unsigned int account_sizes[] = { 1, 3, 8, 33, 257, 520 };

/* VCM_ALLOC_ACCOUNT: exactly the size is charged, and uncharged with the free. */
static void account_blocks(struct kunit *test)
{
	struct account *account = account_begin(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(account_sizes); i++)
		account_check(test, account, account_sizes[i], 0);
}

/* VCM_ALLOC_ACCOUNT: for one part too, never the size of the block. */
static void account_contig(struct kunit *test)
{
	struct account *account = account_begin(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(account_sizes); i++)
		account_check(test, account, account_sizes[i],
			      VCM_ALLOC_CONTIG);
}

/* VCM_ALLOC_ACCOUNT: for ranges too, which are allocated without a charge. */
static void account_ranges(struct kunit *test)
{
	struct account *account = account_begin(test);
	unsigned int i;

	if (!IS_ENABLED(CONFIG_CONTIG_ALLOC))
		kunit_skip(test, "CONFIG_CONTIG_ALLOC is not set");
	kunit_activate_static_stub(test, vcm_phys_pages, account_no_zone);
	for (i = 0; i < ARRAY_SIZE(account_sizes); i++)
		account_check(test, account, account_sizes[i],
			      VCM_ALLOC_CONTIG);
}

/*
 * VCM_ALLOC_ACCOUNT: -ENOMEM if the cgroup has reached its limit, everything is
 * freed and uncharged, and the OOM killer is not invoked.
 */
static void account_limit(struct kunit *test)
{
	static const unsigned int modes[] = { 0, VCM_ALLOC_CONTIG };
	struct account *account = account_begin(test);
	const unsigned long max = 256;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, page_counter_set_max(&account->memcg->memory,
						   max), 0);
	for (i = 0; i < 3; i++) {
		const unsigned long before = account_charged(account);
		struct vcm_phys *phys;

		if (i == 2 && !IS_ENABLED(CONFIG_CONTIG_ALLOC))
			break;
		if (i == 2)
			kunit_activate_static_stub(test, vcm_phys_pages,
						   account_no_zone);
		phys = account_alloc(account, 2 * max * PAGE_SIZE,
				     modes[min(i, 1)] | VCM_ALLOC_ACCOUNT |
				     VCM_ALLOC_NOWARN);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(phys), -ENOMEM);
		vcm_free(phys);
		KUNIT_EXPECT_LE(test, account_charged(account),
				before + ACCOUNT_SLACK);
		account_check(test, account, max / 2, VCM_ALLOC_CONTIG);
	}
	KUNIT_EXPECT_EQ(test, atomic_long_read(&account->memcg->memory_events[MEMCG_OOM]),
			0);
}

/* VCM_ALLOC_ACCOUNT: reservations are charged in any case. */
static void account_reservation(struct kunit *test)
{
	struct vcm_res *res = vcm_make_binding(vcm_vmm, PAGE_SIZE, 0, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, res);
	KUNIT_EXPECT_TRUE(test, virt_to_slab(res)->slab_cache->flags &
			  SLAB_ACCOUNT);
	vcm_destroy_binding(res);
}

static struct kunit_case account_cases[] = {
	KUNIT_CASE(account_blocks),
	KUNIT_CASE(account_contig),
	KUNIT_CASE(account_ranges),
	KUNIT_CASE(account_limit),
	KUNIT_CASE(account_reservation),
	{ }
};

static struct kunit_suite account_suite = {
	.name = "vcm_account",
	.test_cases = account_cases,
};

kunit_test_suite(account_suite);

MODULE_DESCRIPTION("KUnit tests for the charges of Virtual Contiguous Memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
