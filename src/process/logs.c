/*
 * process/logs.c - error log, access logs, logs of functions
 *
 * The master opens every log, so that others need no right to; they get the
 * descriptors over their channels. A file is made with mode 0640 and given to
 * the user of the workers; a pipe is opened so that nobody waits for it.
 */

#include "process/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/master_private.h"
#include "util/fd.h"
#include "util/mem.h"

/*
 * Opened anew, so that it does not block us and blocks for others as before;
 * what cannot be (a socket) is shared as it is.
 */
static int
open_standard(int number, int flags, struct error *err)
{
	char path[32];
	int fd;

	snprintf(path, sizeof path, "/proc/self/fd/%d", number);
	fd = open(path, flags);
	if (fd < 0)
		fd = fcntl(number, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_errno(err, "cannot log to descriptor %d", number);
	return fd;
}

/* Append to path, or to what "stdout" and "stderr" stand for. */
static int
open_log(const struct message_launch *launch, const char *path,
    struct error *err)
{
	const int flags = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC;
	int fd;

	if (strcmp(path, "stdout") == 0)
		return open_standard(STDOUT_FILENO, flags, err);
	if (strcmp(path, "stderr") == 0)
		return open_standard(STDERR_FILENO, flags, err);
	daemon_folder(path);
	fd = open(path, flags | O_CREAT | O_EXCL, 0640);
	if (fd >= 0) {
		/* Ours alone until now: no link can have led elsewhere. */
		if (geteuid() == 0 &&
		    fchown(fd, launch->uid, launch->gid) < 0) {
			fd_close(&fd);
			return error_errno(err, "cannot give log %s to user "
			    "%s", path, launch->user);
		}
		return fd;
	}
	if (errno == EEXIST)
		fd = open(path, flags | O_CREAT, 0640);
	if (fd < 0)
		return error_errno(err, "cannot open log %s", path);
	return fd;
}

static const char *
error_path(const struct master *master, const struct message_launch *launch)
{
	/* In the foreground the default gives way to the terminal. */
	if (launch->error_log[0] == '\0' ||
	    (master->options->foreground && strcmp(launch->error_log,
	    GATEHOUSE_LOCALSTATEDIR "/log/gatehouse/error.log") == 0))
		return "stderr";
	return launch->error_log;
}

/* Does the error log go elsewhere than to the terminal? */
bool
logs_in_file(const struct master *master)
{
	return master->log_fd >= 0 &&
	    strcmp(error_path(master, &master->launch), "stderr") != 0;
}

static enum log_level
level_of(const struct master *master, const struct message_launch *launch)
{
	enum log_level level = (enum log_level)launch->log_level;

	if (master->options->quiet)
		return LOG_LEVEL_ERROR;
	if (master->options->verbose && level < LOG_LEVEL_INFO)
		return LOG_LEVEL_INFO;
	return level;
}

/* Open (again) what launch says, and write there from now on. */
int
logs_error_open(struct master *master, const struct message_launch *launch,
    struct error *err)
{
	int fd = open_log(launch, error_path(master, launch), err);

	if (fd < 0)
		return -1;
	fd_close(&master->log_fd);
	master->log_fd = fd;
	master->log.fd = fd;
	master->log.level = level_of(master, launch);
	return 0;
}

static struct log_file *
find(const struct list *logs, uint64_t id, bool functions)
{
	struct list *node;

	LIST_EACH(node, logs) {
		struct log_file *log = LIST_ITEM(node, struct log_file, link);

		if (log->id == id && log->functions == functions)
			return log;
	}
	return NULL;
}

static bool
is_for(const struct child *child, const struct log_file *log)
{
	return child->role == (log->functions ? CHILD_HOST : CHILD_WORKER);
}

static void
send_one(struct child *child, const struct log_file *log,
    enum message_type type)
{
	struct message message = { .type = type };

	message.body.log.log_id = log->id;
	child_send(child, &message, type == MESSAGE_ACCESS_LOG ? log->fd : -1);
}

static void
send_to_all(struct master *master, const struct log_file *log,
    enum message_type type)
{
	struct list *node;

	LIST_EACH(node, &master->children) {
		struct child *child = LIST_ITEM(node, struct child, link);

		if (is_for(child, log))
			send_one(child, log, type);
	}
}

static int
open_one(struct master *master, const struct message_launch *launch,
    uint64_t id, struct slice path, bool functions, struct error *err)
{
	struct log_file *log;

	if (path.len == 0 || slice_eq(path, SLICE("off")) ||
	    find(&master->logs, id, functions) != NULL)
		return 0;
	if (path.len >= sizeof log->path)
		return error_set(err, "log: the path is longer than "
		    "%zu bytes", sizeof log->path - 1);
	log = mem_new(sizeof *log);
	log->id = id;
	log->functions = functions;
	memcpy(log->path, path.at, path.len);
	log->fd = open_log(launch, log->path, err);
	if (log->fd < 0) {
		free(log);
		return -1;
	}
	list_append(&master->logs, &log->link);
	send_to_all(master, log, MESSAGE_ACCESS_LOG);
	return 0;
}

/* Open the logs of a new table that are not open yet; tell the children. */
int
logs_open(struct master *master, const struct message_launch *launch,
    const struct image_head *image, struct error *err)
{
	const struct reload *reload = &master->reload;
	const struct image_log *log;
	uint32_t i;

	for (i = 0; i < image->sections[IMAGE_LOGS].count; i++) {
		log = IMAGE_AT(image, IMAGE_LOGS, struct image_log, i);
		if (open_one(master, launch, log->id,
		    image_slice(image, log->path), false, err) < 0)
			return -1;
	}
	for (i = 0; i < reload->nfunction_logs; i++)
		if (open_one(master, launch, reload->function_logs[i].log_id,
		    slice_text(reload->function_logs[i].path), true, err) < 0)
			return -1;
	return 0;
}

static bool
is_used(const struct image_head *image, uint64_t id)
{
	uint32_t i;

	for (i = 0; i < image->sections[IMAGE_LOGS].count; i++)
		if (IMAGE_AT(image, IMAGE_LOGS, struct image_log, i)->id == id)
			return true;
	return false;
}

static bool
is_used_by_functions(const struct functions *functions, uint64_t id)
{
	unsigned i;

	for (i = 0; i < functions->nlogs; i++)
		if (functions->logs[i].log_id == id)
			return true;
	return false;
}

static void
log_file_free(struct log_file *log)
{
	list_remove(&log->link);
	fd_close(&log->fd);
	free(log);
}

/*
 * A table is in force. Logs that it does not name are closed with the next
 * one: until then requests of the table before may end.
 */
void
logs_forget(struct master *master, const struct image_head *image)
{
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &master->logs) {
		struct log_file *log = LIST_ITEM(node, struct log_file, link);
		bool was_unused = log->unused;

		log->unused = log->functions ?
		    !is_used_by_functions(&master->functions, log->id) :
		    !is_used(image, log->id);
		if (!log->unused || !was_unused)
			continue;
		send_to_all(master, log, MESSAGE_LOG_ENDED);
		log_file_free(log);
	}
}

/* All logs of its role to a new child. */
void
logs_send(struct master *master, struct child *child)
{
	struct list *node;

	LIST_EACH(node, &master->logs) {
		const struct log_file *log = LIST_ITEM(node,
		    const struct log_file, link);

		if (is_for(child, log))
			send_one(child, log, MESSAGE_ACCESS_LOG);
	}
}

/* The error log's new descriptor to every child that lives on. */
void
logs_error_send(struct master *master)
{
	struct list *node;

	LIST_EACH(node, &master->children) {
		struct child *child = LIST_ITEM(node, struct child, link);

		if (child->role != CHILD_LOADER)
			child_table(child, MESSAGE_ERROR_LOG, 0,
			    master->log.fd);
	}
}

/* USR1: the files were moved away; new ones at the same paths. */
void
logs_reopen(struct master *master)
{
	struct list *node;
	struct error err;
	int fd;

	if (logs_error_open(master, &master->launch, &err) < 0)
		log_error(&master->log, "%s", err.text);
	else
		logs_error_send(master);
	LIST_EACH(node, &master->logs) {
		struct log_file *log = LIST_ITEM(node, struct log_file, link);

		fd = open_log(&master->launch, log->path, &err);
		if (fd < 0) {
			log_error(&master->log, "%s", err.text);
			continue;
		}
		fd_close(&log->fd);
		log->fd = fd;
		send_to_all(master, log, MESSAGE_ACCESS_LOG);
	}
	log_notice(&master->log, "logs reopened");
}

void
logs_close(struct master *master)
{
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &master->logs)
		log_file_free(LIST_ITEM(node, struct log_file, link));
	master->log.fd = STDERR_FILENO;
	fd_close(&master->log_fd);
}
