/*
 * lambda/orphans.c - what function processes leave behind
 *
 * A function may start processes that leave its group and lose their parent.
 * They become children of the host, which asks for that, and when an instance
 * has ended the host kills those that belong to no instance any more: their
 * environment names the log stream of the instance that began them.
 */

#include "lambda/orphans.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lambda/host_private.h"

#define LIST_MOST	(64 * 1024)
#define ENVIRON_MOST	(256 * 1024)

/* From now on the host inherits the descendants of its children. */
void
orphans_adopt(void)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static bool
read_file(const char *path, struct buf *text, size_t most)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return false;
	while (n > 0 && text->len < most) {
		n = read(fd, buf_room(text, 4096), 4096);
		if (n > 0)
			text->len += (size_t)n;
	}
	close(fd);
	return n >= 0;
}

/* Is one of the live instances its origin? */
static bool
belongs(const struct lambda_host *host, pid_t pid)
{
	const struct instance *instance;
	struct buf text;
	char path[48];
	bool found = false;
	unsigned i;

	snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	buf_open(&text);
	if (!read_file(path, &text, ENVIRON_MOST)) {
		/* Not ours to look into, so not ours to judge. */
		buf_close(&text);
		return true;
	}
	for (i = 0; i < host->nslots && !found; i++) {
		instance = host->slots[i];
		found = instance != NULL && (instance->pid == pid ||
		    getpgid(pid) == instance->pid || memmem(text.at, text.len,
		    instance->stream, strlen(instance->stream)) != NULL);
	}
	buf_close(&text);
	return found;
}

/* Kill the host's children that belong to no instance. */
void
orphans_end(struct lambda_host *host)
{
	struct buf list;
	char *at, *end;
	pid_t pid;

	buf_open(&list);
	if (read_file("/proc/thread-self/children", &list, LIST_MOST)) {
		buf_add_char(&list, '\0');
		at = list.at;
		while ((pid = (pid_t)strtol(at, &end, 10)) > 0 && end > at) {
			if (!belongs(host, pid))
				kill(pid, SIGKILL);
			at = end;
		}
	}
	buf_close(&list);
}
