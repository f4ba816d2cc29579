/*
 * process/cpus.c - what "workers = auto" means
 *
 * The processors that the scheduler may give us, cut to the quota of the
 * control groups we are in and of all above them: a container with half a
 * processor gets one worker on a machine of 64.
 */

#include "process/cpus.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 1024

/* cpus, or fewer by quota/period, rounded up; at least 1. No quota: < 0. */
unsigned
cpus_limit(unsigned cpus, long long quota, long long period)
{
	long long share;

	if (quota > 0 && period > 0) {
		share = (quota + period - 1) / period;
		if (share < (long long)cpus)
			cpus = (unsigned)share;
	}
	return cpus > 0 ? cpus : 1;
}

static int
read_line(const char *folder, const char *file, char *line, size_t size)
{
	char path[PATH_SIZE * 2];
	FILE *in;
	char *got;

	snprintf(path, sizeof path, "%s/%s", folder, file);
	in = fopen(path, "re");
	if (in == NULL)
		return -1;
	got = fgets(line, (int)size, in);
	fclose(in);
	return got != NULL ? 0 : -1;
}

/* The limit of one group's folder, in either version's files. */
static unsigned
limit_here(unsigned cpus, const char *folder)
{
	long long quota, period;
	char line[128];

	/* Version 2: "max 100000" or "50000 100000". */
	if (read_line(folder, "cpu.max", line, sizeof line) == 0 &&
	    sscanf(line, "%lld %lld", &quota, &period) == 2)
		return cpus_limit(cpus, quota, period);
	/* Version 1: two files, -1 for no quota. */
	if (read_line(folder, "cpu.cfs_quota_us", line, sizeof line) < 0)
		return cpus;
	quota = atoll(line);
	if (read_line(folder, "cpu.cfs_period_us", line, sizeof line) < 0)
		return cpus;
	return cpus_limit(cpus, quota, atoll(line));
}

/* From the group's own folder up to the mount point. */
static unsigned
limit_upwards(unsigned cpus, const char *mount, const char *group)
{
	char path[PATH_SIZE * 2];
	size_t top = strlen(mount);
	char *slash;

	if (top + strlen(group) >= sizeof path)
		return cpus;
	snprintf(path, sizeof path, "%s%s", mount, group);
	for (;;) {
		cpus = limit_here(cpus, path);
		slash = strrchr(path, '/');
		if (strlen(path) <= top || slash == NULL)
			return cpus;
		*slash = '\0';
	}
}

static int
has_controller(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (list != NULL && *list != '\0') {
		if (strncmp(list, name, len) == 0 &&
		    (list[len] == ',' || list[len] == '\0'))
			return 1;
		list = strchr(list, ',');
		if (list != NULL)
			list++;
	}
	return 0;
}

/*
 * cpus cut by the groups that membership (a file like /proc/self/cgroup)
 * names; root is where control groups are mounted (/sys/fs/cgroup).
 */
unsigned
cpus_in_groups(unsigned cpus, const char *membership, const char *root)
{
	char line[PATH_SIZE], mount[PATH_SIZE], *controllers, *group;
	FILE *in = fopen(membership, "re");

	if (in == NULL)
		return cpus_limit(cpus, -1, 0);
	/* "0::/path" for version 2, "4:cpu,cpuacct:/path" for version 1. */
	while (fgets(line, sizeof line, in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		controllers = strchr(line, ':');
		group = controllers != NULL ? strchr(controllers + 1, ':') :
		    NULL;
		if (group == NULL)
			continue;
		*group++ = '\0';
		controllers++;
		if (*controllers == '\0')
			snprintf(mount, sizeof mount, "%s", root);
		else if (has_controller(controllers, "cpu"))
			snprintf(mount, sizeof mount, "%s/cpu", root);
		else
			continue;
		cpus = limit_upwards(cpus, mount, group);
	}
	fclose(in);
	return cpus_limit(cpus, -1, 0);
}

/* At least 1. */
unsigned
cpus_usable(void)
{
	int most = 16384, count = 0;
	cpu_set_t *set = CPU_ALLOC((size_t)most);
	size_t size = CPU_ALLOC_SIZE((size_t)most);

	if (set != NULL) {
		CPU_ZERO_S(size, set);
		if (sched_getaffinity(0, size, set) == 0)
			count = CPU_COUNT_S(size, set);
		CPU_FREE(set);
	}
	if (count <= 0)
		count = (int)sysconf(_SC_NPROCESSORS_ONLN);
	return cpus_in_groups(count > 0 ? (unsigned)count : 1,
	    "/proc/self/cgroup", "/sys/fs/cgroup");
}
