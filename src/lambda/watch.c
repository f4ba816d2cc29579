/*
 * lambda/watch.c - development: code that changes restarts its function
 *
 * The code folders of all functions and the folders in them are watched. A
 * change is acted on when it has been quiet for a moment, since editors and
 * compilers write several files. What is hidden, cached byte code, and
 * node_modules do not count.
 */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lambda/host_private.h"
#include "util/error.h"
#include "util/log.h"
#include "util/mem.h"

#define QUIET_MS	250
#define FOLDERS_MOST	4096
#define DEPTH_MOST	16
#define EVENTS	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | \
	IN_CREATE | IN_ATTRIB | IN_ONLYDIR)

/* One watched folder; several functions may share their code. */
struct folder {
	int number;		/* inotify's */
	char *code;		/* owned: the code folder it belongs to */
	bool changed;
};

struct watch {
	struct lambda_host *host;
	struct event event;
	struct timer quiet;
	struct folder *folders;	/* owned */
	unsigned count;
};

static bool
ignored(const char *name)
{
	return *name == '.' || strcmp(name, "__pycache__") == 0 ||
	    strcmp(name, "node_modules") == 0;
}

static void
add_folder(struct watch *watch, const char *path, const char *code)
{
	struct folder *folder;
	int number;

	if (watch->count == FOLDERS_MOST)
		return;
	number = inotify_add_watch((int)event_get_fd(&watch->event), path,
	    EVENTS);
	if (number < 0)
		return;
	watch->folders = mem_grow(watch->folders, watch->count + 1,
	    sizeof *watch->folders);
	folder = &watch->folders[watch->count++];
	*folder = (struct folder){ .number = number,
	    .code = mem_text(code, strlen(code)) };
}

static void
add_tree(struct watch *watch, const char *path, const char *code,
    unsigned depth)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	struct stat st;
	char below[4096];

	if (dir == NULL)
		return;
	add_folder(watch, path, code);
	while (depth < DEPTH_MOST && (entry = readdir(dir)) != NULL) {
		if (ignored(entry->d_name) || snprintf(below, sizeof below,
		    "%s/%s", path, entry->d_name) >= (int)sizeof below)
			continue;
		if (lstat(below, &st) == 0 && S_ISDIR(st.st_mode))
			add_tree(watch, below, code, depth + 1);
	}
	closedir(dir);
}

static void
forget_folders(struct watch *watch)
{
	unsigned i;

	for (i = 0; i < watch->count; i++) {
		(void)inotify_rm_watch((int)event_get_fd(&watch->event),
		    watch->folders[i].number);
		free(watch->folders[i].code);
	}
	free(watch->folders);
	watch->folders = NULL;
	watch->count = 0;
}

/* The folders of the functions in force. */
void
watch_update(struct lambda_host *host)
{
	struct list *node;

	if (host->watch == NULL)
		return;
	forget_folders(host->watch);
	LIST_EACH(node, &host->functions) {
		const char *code = LIST_ITEM(node, struct function,
		    link)->spec->code;

		add_tree(host->watch, code, code, 0);
	}
}

static bool
has_changed(const struct watch *watch, const char *code)
{
	unsigned i;

	for (i = 0; i < watch->count; i++)
		if (watch->folders[i].changed &&
		    strcmp(watch->folders[i].code, code) == 0)
			return true;
	return false;
}

static void
quiet_cb(struct timer *timer)
{
	struct watch *watch = LIST_ITEM(timer, struct watch, quiet);
	struct lambda_host *host = watch->host;
	struct list *node;

	LIST_EACH(node, &host->functions) {
		struct function *function = LIST_ITEM(node, struct function,
		    link);

		if (!has_changed(watch, function->spec->code))
			continue;
		log_notice(host->log, "function %s: its code changed",
		    function->spec->name);
		function_retire(function, "its code changed");
		function_dispatch(function);
	}
	watch_update(host);
}

static void
mark_changed(struct watch *watch, int number)
{
	unsigned i;

	for (i = 0; i < watch->count; i++)
		if (watch->folders[i].number == number)
			watch->folders[i].changed = true;
	loop_timer_set(&watch->host->loop, &watch->quiet, QUIET_MS);
}

static void
watch_cb(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;
	const struct inotify_event *event;
	_Alignas(struct inotify_event) char data[8192];
	ssize_t n, at;

	(void)what;
	loop_turn(&watch->host->loop);
	n = read(fd, data, sizeof data);
	for (at = 0; at < n; at += (ssize_t)(sizeof *event + event->len)) {
		event = (const void *)(data + at);
		if ((event->mask & IN_IGNORED) != 0 ||
		    (event->len > 0 && ignored(event->name)))
			continue;
		mark_changed(watch, event->wd);
	}
}

/* Watch from now on. */
int
watch_open(struct lambda_host *host, struct error *err)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct watch *watch;

	if (fd < 0)
		return error_errno(err, "cannot watch code folders");
	watch = mem_new(sizeof *watch);
	watch->host = host;
	timer_init(&watch->quiet, quiet_cb);
	event_assign(&watch->event, host->loop.base, fd,
	    EV_READ | EV_PERSIST, watch_cb, watch);
	event_add(&watch->event, NULL);
	host->watch = watch;
	watch_update(host);
	return 0;
}

void
watch_close(struct lambda_host *host)
{
	struct watch *watch = host->watch;

	if (watch == NULL)
		return;
	host->watch = NULL;
	forget_folders(watch);
	loop_timer_clear(&host->loop, &watch->quiet);
	event_del(&watch->event);
	close((int)event_get_fd(&watch->event));
	free(watch);
}
