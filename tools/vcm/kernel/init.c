// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first and only process of the images that VCM is shown and tested on.
 *
 * It loads the modules that /modules names, does what the kernel command line
 * asks for with vcm.do=, reports through /dev/kmsg and ends the machine:
 *
 *   kunit	nothing: the suites have run before init
 *   bench	nothing: the benchmark ran when it was loaded
 *   demo	start the demo of vcm-edu-demo, with vcm.suspend=STATE around a
 *		system suspend too, with vcm.disk=1 that with a disk too, and
 *		print their results
 *   shell	a shell on the console
 *
 * Every report line begins with "VCM-"; tools/vcm/machine/boot.py reads them. They go
 * through /dev/kmsg because a line written there is never torn by the kernel's
 * own messages.
 */
#include "nolibc.h"

#define DEBUGFS		"/sys/kernel/debug"
#define DEMO		DEBUGFS "/vcm-edu/demo"
#define KEEP		DEBUGFS "/vcm-edu/keep"
#define DISK_DEMO	DEBUGFS "/vcm-edu/disk"
#define DISK		"/dev/nvme0n1"
#define KMEMLEAK	DEBUGFS "/kmemleak"
#define DRIVER		"/sys/bus/pci/drivers/vcm-edu"
#define DISK_DRIVER	"/sys/bus/pci/drivers/nvme"
#define WAKE_ALARM	"/sys/class/rtc/rtc0/wakealarm"
#define POWER_STATE	"/sys/power/state"
#define SUSPENDED	"/sys/power/suspend_stats/success"
#define DMA_BITS	"/sys/module/vcm_edu/parameters/dma_bits"

#define MAX_DEVICES	8
#define MAX_MODULES	16
#define NAME_SIZE	64

static char cmdline[4096];
static char text[256 * 1024];
static char modules[MAX_MODULES][NAME_SIZE];
static int nr_modules;
static int failures;

static const char *error_name(int error)
{
	static char number[16];

	switch (error) {
	case 0:		return "done";
	case EPERM:	return "-EPERM";
	case ENOENT:	return "-ENOENT";
	case EINTR:	return "-EINTR";
	case EIO:	return "-EIO";
	case EAGAIN:	return "-EAGAIN";
	case ENOMEM:	return "-ENOMEM";
	case EBUSY:	return "-EBUSY";
	case ENODEV:	return "-ENODEV";
	case EINVAL:	return "-EINVAL";
	case ENOSPC:	return "-ENOSPC";
	case EOPNOTSUPP: return "-EOPNOTSUPP";
	case EADDRNOTAVAIL: return "-EADDRNOTAVAIL";
	case ETIMEDOUT:	return "-ETIMEDOUT";
	}
	snprintf(number, sizeof(number), "-%d", error);
	return number;
}

static void report(const char *format, ...)
{
	static int kmsg = -1;
	char line[900];
	va_list args;
	int len;

	if (kmsg < 0)
		kmsg = open("/dev/kmsg", O_WRONLY);
	va_start(args, format);
	len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	write(kmsg < 0 ? 1 : kmsg, line, len);
}

/* Rows have the fields of the demo's; those of init say less. */
static void row(const char *point, const char *verified, int good)
{
	report("VCM-ROW: %s|-|-|-|-|-|%s|%s\n", point, verified, good ? "ok" : "FAILED");
	failures += !good;
}

/* The whole file as a string, or -errno. */
static int read_file(const char *path, char *to, size_t size)
{
	size_t len = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return -errno;
	do {
		got = read(fd, to + len, size - 1 - len);
		if (got > 0)
			len += got;
	} while (got > 0 && len < size - 1);
	if (got < 0)
		got = -errno;
	close(fd);
	to[len] = '\0';
	return got < 0 ? got : (int)len;
}

static int write_file(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, what, strlen(what)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static void report_lines(const char *prefix, char *lines)
{
	char *end;

	for (; *lines; lines = end) {
		end = strchr(lines, '\n');
		if (end)
			*end++ = '\0';
		else
			end = lines + strlen(lines);
		if (*lines)
			report("%s%s\n", prefix, lines);
	}
}

static int in_word(char c)
{
	return c && !isspace(c);
}

/* The value of the last "name=value" on the kernel command line, or what is given. */
static const char *option(const char *name, const char *otherwise)
{
	static char value[NAME_SIZE];
	const char *found = otherwise;
	size_t len = strlen(name), i;
	const char *p = cmdline;

	while (p) {
		if (!strncmp(p, name, len) && p[len] == '=') {
			p += len + 1;
			for (i = 0; i < sizeof(value) - 1 && in_word(p[i]); i++)
				value[i] = p[i];
			value[i] = '\0';
			found = value;
		}
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	return found;
}

/* The kernel gives "module.parameter=" words to built-in modules only. */
static void module_parameters(const char *module, char *to, size_t size)
{
	size_t len = strlen(module), n = 0;
	const char *p = cmdline;

	while (p) {
		if (!strncmp(p, module, len) && p[len] == '.') {
			for (p += len + 1; in_word(*p) && n < size - 2; p++)
				to[n++] = *p;
			to[n++] = ' ';
		}
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	to[n] = '\0';
}

static void load_module(const char *file)
{
	char name[NAME_SIZE], path[NAME_SIZE + 16], parameters[256];
	int fd, i;

	for (i = 0; i < NAME_SIZE - 1 && file[i] && file[i] != '.'; i++)
		name[i] = file[i] == '-' ? '_' : file[i];
	name[i] = '\0';
	module_parameters(name, parameters, sizeof(parameters));
	snprintf(path, sizeof(path), "/lib/modules/%s", file);
	fd = open(path, O_RDONLY);
	if (fd < 0 || syscall(__NR_finit_module, fd, parameters, 0) < 0) {
		report("VCM-INIT: cannot load %s: %s\n", file, error_name(errno));
		failures++;
	} else if (nr_modules < MAX_MODULES) {
		memcpy(modules[nr_modules++], name, NAME_SIZE);
	}
	if (fd >= 0)
		close(fd);
}

static void load_modules(void)
{
	char *name, *end;

	if (read_file("/modules", text, sizeof(text)) < 0)
		return;
	for (name = text; (end = strchr(name, '\n')); name = end + 1) {
		*end = '\0';
		load_module(name);
	}
}

/* The devices that a PCI driver has, by their names. */
static int bound_devices(const char *driver, char names[][NAME_SIZE])
{
	struct dirent entry, *result;
	DIR *dir = opendir(driver);
	int n = 0;

	if (!dir)
		return 0;
	while (!readdir_r(dir, &entry, &result) && result && n < MAX_DEVICES)
		if (isdigit(entry.d_name[0]))
			snprintf(names[n++], NAME_SIZE, "%s", entry.d_name);
	closedir(dir);
	return n;
}

static int file_number(const char *path)
{
	return read_file(path, text, sizeof(text)) < 0 ? -1 : atoi(text);
}

/*
 * Without an IOMMU no memory lies below 256 MiB on this machine, so a device
 * that reaches 28 bits must be refused, and the same one served once its reach
 * is said to be wide.
 */
static void show_short_reach(void)
{
	char devices[MAX_DEVICES][NAME_SIZE], wide[16], line[256];
	int ret, again;

	if (!bound_devices(DRIVER, devices)) {
		row("28-bit", "vcm-edu drives no device", 0);
		return;
	}
	snprintf(wide, sizeof(wide), "%d", file_number(DMA_BITS));
	ret = write_file(DRIVER "/unbind", devices[0]);
	if (!ret)
		ret = write_file(DMA_BITS, "28");
	if (ret) {
		snprintf(line, sizeof(line), "%s could not be set to 28 bits: %s",
			 devices[0], error_name(-ret));
		row("28-bit", line, 0);
		return;
	}
	ret = write_file(DRIVER "/bind", devices[0]);
	write_file(DMA_BITS, wide);
	again = ret ? write_file(DRIVER "/bind", devices[0]) : 0;
	snprintf(line, sizeof(line), "%s refused with a reach of 28 bits: %s; with %s bits: %s",
		 devices[0], ret ? error_name(-ret) : "NOT REFUSED", wide,
		 again ? error_name(-again) : "probed");
	row("28-bit", line, ret && !again);
}

/*
 * Every device is suspended until the alarm. The clock counts seconds, and
 * falling asleep takes time on a slow machine.
 */
static int sleep_a_while(const char *state)
{
	int before = file_number(SUSPENDED), ret;

	ret = write_file(WAKE_ALARM, "+3");
	ret = ret ?: write_file(POWER_STATE, state);
	if (!ret && file_number(SUSPENDED) != before + 1)
		ret = -EAGAIN;
	return ret;
}

/* Memory bound before a suspend is there after it, for the devices too. */
static void show_suspend(const char *how)
{
	int kept, slept, ret;
	char line[256], state[NAME_SIZE];

	snprintf(state, sizeof(state), "%s", how);

	kept = write_file(KEEP, option("vcm.seed", "2010"));
	slept = kept ?: sleep_a_while(state);
	ret = kept ?: write_file(KEEP, "0");
	if (!kept && !slept && !ret)
		return;
	snprintf(line, sizeof(line), "binding: %s, sleeping: %s, looking again: %s",
		 error_name(-kept), error_name(-slept), error_name(-ret));
	row("suspend", line, 0);
}

/* Whether there is a demo that may have results. */
static int start_demo(const char *path)
{
	int ret, fd = open(path, O_RDWR);

	if (fd < 0) {
		report("VCM-INIT: no demo: cannot open %s: %s\n", path, error_name(errno));
		failures++;
		return 0;
	}
	snprintf(text, sizeof(text), "%s\n", option("vcm.seed", "2010"));
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	if (ret) {
		report("VCM-INIT: %s failed: %s\n", path, error_name(-ret));
		failures++;
	}
	return 1;
}

static void print_results(const char *path)
{
	int ret = read_file(path, text, sizeof(text));

	if (ret <= 0) {
		report("VCM-INIT: %s has no results: %s\n", path, error_name(-ret));
		failures++;
		return;
	}
	report_lines("VCM-ROW: ", text);
}

/* The disk's driver looks for it in the background. */
static void wait_for_disk(void)
{
	struct stat st;
	int i;

	for (i = 0; i < 300 && stat(DISK, &st); i++)
		msleep(100);
}

static void run_demos(void)
{
	if (start_demo(DEMO)) {
		if (*option("vcm.suspend", ""))
			show_suspend(option("vcm.suspend", ""));
		print_results(DEMO);
	}
	if (atoi(option("vcm.disk", "0"))) {
		wait_for_disk();
		if (start_demo(DISK_DEMO))
			print_results(DISK_DEMO);
	}
	if (atoi(option("vcm.reach", "0")))
		show_short_reach();
}

/* Take drivers off their devices and modules out of the kernel: nothing may hold them. */
static void take_down(void)
{
	char devices[MAX_DEVICES][NAME_SIZE];
	char line[256] = "";
	int i, good = 1, n = bound_devices(DRIVER, devices);

	for (i = 0; i < n; i++)
		if (write_file(DRIVER "/unbind", devices[i]))
			good = 0;
	if (bound_devices(DRIVER, devices))
		good = 0;
	for (i = nr_modules - 1; i >= 0; i--) {
		if (!syscall(__NR_delete_module, modules[i], O_NONBLOCK))
			continue;
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "; %s: %s",
			 modules[i], error_name(errno));
		good = 0;
	}
	snprintf(text, sizeof(text), "%d devices unbound, %d modules unloaded%s",
		 n, nr_modules, line);
	row("remove", text, good);
}

/*
 * When the system goes down, the driver of virtio-iommu resets the IOMMU before
 * that of the disk is through, which then waits a minute, or for ever.
 */
static void take_disk_down(void)
{
	char devices[MAX_DEVICES][NAME_SIZE];
	int i, ret, n = bound_devices(DISK_DRIVER, devices);

	for (i = 0; i < n; i++) {
		ret = write_file(DISK_DRIVER "/unbind", devices[i]);
		if (!ret)
			continue;
		report("VCM-INIT: %s keeps its driver: %s\n", devices[i],
		       error_name(-ret));
		failures++;
	}
}

/*
 * kmemleak reports what is older than five seconds, is unreferenced, and had
 * the same content at an earlier scan.
 */
static void check_leaks(void)
{
	int ret;

	if (!atoi(option("vcm.leaks", "0")))
		return;
	sleep(6);
	ret = write_file(KMEMLEAK, "scan");
	ret = ret ?: write_file(KMEMLEAK, "scan");
	ret = ret ?: read_file(KMEMLEAK, text, sizeof(text));
	if (ret < 0) {
		report("VCM-INIT: kmemleak does not work: %s\n", error_name(-ret));
		failures++;
		return;
	}
	if (*text)
		report_lines("VCM-LEAK: ", text);
	report("VCM-INIT: kmemleak has scanned, %s\n", *text ? "LEAKS" : "nothing found");
	failures += *text != '\0';
}

static void run_shell(void)
{
	static const char * const argv[] = {
		"sh", "-c", "busybox --install -s /bin; exec sh -i", NULL
	};
	static const char * const envp[] = { "PATH=/bin", "HOME=/", "TERM=linux", NULL };
	char tty[NAME_SIZE + 8];
	pid_t pid = fork();
	int fd;

	if (!pid) {
		setsid();
		snprintf(tty, sizeof(tty), "/dev/%s", option("console", "console"));
		fd = open(tty, O_RDWR);
		if (fd >= 0) {
			dup2(fd, 0);
			dup2(fd, 1);
			dup2(fd, 2);
			ioctl(fd, TIOCSCTTY, 0);
		}
		report("VCM-INIT: a shell; exit ends the machine\n");
		execve("/bin/sh", (char * const *)argv, (char * const *)envp);
		report("VCM-INIT: cannot start /bin/sh: %s\n", error_name(errno));
		exit(1);
	}
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const char *what;

	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	mount("debug", DEBUGFS, "debugfs", 0, NULL);
	if (read_file("/proc/cmdline", cmdline, sizeof(cmdline)) < 0) {
		report("VCM-INIT: no kernel command line\n");
		failures++;
	}
	load_modules();

	what = option("vcm.do", "");
	if (!strcmp(what, "shell")) {
		run_shell();
	} else {
		if (!strcmp(what, "demo"))
			run_demos();
		else if (strcmp(what, "kunit") && strcmp(what, "bench"))
			failures++;
		take_down();
		take_disk_down();
		check_leaks();
	}
	report("VCM-INIT: done, %d failures\n", failures);
	/* Where QEMU ends too; q35 does not power off after a suspend to RAM */
	reboot(LINUX_REBOOT_CMD_RESTART);
	return 0;
}
