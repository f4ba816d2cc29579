/*
 * process/reload.c - a new table: load, prepare, commit
 *
 * Owned by the master's loop; one at a time, an order that comes meanwhile
 * sets one flag. A child loads the file; then every worker prepares the new
 * table beside the old one; when all are ready one store commits it. Until
 * that store nothing old is touched, and any failure leaves everything as it
 * was. The first table at start takes the same way. Nothing here waits.
 */

#include "process/reload.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/functions.h"
#include "process/logs.h"
#include "process/master_private.h"
#include "process/notify.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/mem.h"

#define LOAD_LIMIT_MS		60000
#define PREPARE_LIMIT_MS	10000
#define REPORT_MAX		(1024 * 1024)
#define REPORT_LINES		100	/* of it in the log */

static void reload_start(struct master *master);

static void
set_limit(struct master *master, uint32_t ms)
{
	struct timeval limit = { .tv_sec = ms / 1000,
	    .tv_usec = (ms % 1000) * 1000 };

	event_del(master->reload.limit);
	if (ms > 0)
		event_add(master->reload.limit, &limit);
}

/* All that a reload has gathered, whether it was used or not. */
static void
forget(struct master *master)
{
	struct reload *reload = &master->reload;

	set_limit(master, 0);
	fd_close(&reload->image_fd);
	fd_close(&reload->report_fd);
	functions_forget(master);
	if (reload->view != NULL)
		table_view_unref(&reload->view);
	reload->state = RELOAD_IDLE;
	reload->loader = NULL;
	reload->has_launch = reload->has_facts = false;
	memset(&reload->report, 0, sizeof reload->report);
}

/* Part of the report, NUL-terminated; the caller frees. */
static char *
report_read(struct master *master, uint64_t from, uint64_t bytes)
{
	char *text;
	ssize_t n = 0;

	if (bytes > REPORT_MAX)
		bytes = REPORT_MAX;
	text = mem_new(bytes + 1);
	if (bytes > 0 && master->reload.report_fd >= 0)
		n = pread(master->reload.report_fd, text, bytes, (off_t)from);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
log_lines(struct master *master, const char *text, enum log_level level)
{
	const char *end;
	unsigned lines;

	for (lines = 0; *text != '\0' && lines < REPORT_LINES; lines++) {
		end = strchrnul(text, '\n');
		log_write(&master->log, level, "%.*s", (int)(end - text),
		    text);
		text = *end == '\n' ? end + 1 : end;
	}
	if (*text != '\0')
		log_write(&master->log, level, "(and more)");
}

static void
result_set(struct master *master, enum exit_code code, char *text)
{
	struct reload_result *result = &master->result;
	struct reload *reload = &master->reload;

	free(result->text);
	free(result->problems);
	result->serial = reload->serial;
	result->code = code;
	result->wall_ms = clock_wall_ms();
	result->took_ms = clock_now_ms() - reload->started_ms;
	result->generation = master->generation;
	result->unchanged = reload->facts.unchanged && code == EXIT_CODE_OK;
	result->facts = reload->facts;
	result->text = text;
	result->problems = report_read(master, reload->report.text_bytes,
	    reload->report.json_bytes);
}

/* The end of a reload, whichever; then the next, if one was ordered. */
static void
finish(struct master *master, enum exit_code code, char *text)
{
	bool first = master->phase == MASTER_STARTING;

	result_set(master, code, text);
	forget(master);
	if (code != EXIT_CODE_OK && first) {
		master_stop(master, code);
		return;
	}
	if (first)
		master_serving(master);
	else
		notify_send("READY=1\nSTATUS=Serving generation %" PRIu64,
		    master->generation);
	command_reload_ended(master);
	if (master->reload.again) {
		master->reload.again = false;
		reload_start(master);
	}
}

static void failed(struct master *master, enum exit_code code,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

static void
failed(struct master *master, enum exit_code code, const char *format, ...)
{
	bool first = master->phase == MASTER_STARTING;
	char text[ERROR_TEXT_MAX + 256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (first && master->predecessor != 0) {
		/* Standard error is the log of the one before us. */
		log_error(&master->log, "%s", text);
	} else if (first) {
		/* To who has started us, wherever the log is. */
		dprintf(STDERR_FILENO, "gatehouse: %s\n", text);
		if (logs_in_file(master))
			log_error(&master->log, "%s", text);
	} else {
		log_error(&master->log, "reload failed: %s; generation %"
		    PRIu64 " serves on", text, master->generation);
	}
	finish(master, code, mem_text(text, strlen(text)));
}

/* The file has errors: all of them, as the report has them. */
static void
invalid(struct master *master)
{
	char *text = report_read(master, 0, master->reload.report.text_bytes);

	if (master->phase == MASTER_STARTING && master->predecessor != 0) {
		log_lines(master, text, LOG_LEVEL_ERROR);
	} else if (master->phase == MASTER_STARTING) {
		/* As `gatehouse -t` shows it: nobody reads a log yet. */
		fd_write_all(STDERR_FILENO, text, strlen(text));
	} else {
		log_lines(master, text, LOG_LEVEL_ERROR);
		log_error(&master->log, "reload failed: %u errors in %s; "
		    "generation %" PRIu64 " serves on",
		    master->reload.report.errors, master->options->file,
		    master->generation);
	}
	finish(master, EXIT_CODE_CONFIGURATION, text);
}

/* --- prepare ------------------------------------------------------------- */

static void
each_worker(struct master *master, enum message_type type, int fd)
{
	struct list *node;

	LIST_EACH(node, &master->children) {
		struct child *child = LIST_ITEM(node, struct child, link);

		if (child->role != CHILD_WORKER || child->draining)
			continue;
		if (type == MESSAGE_PREPARE)
			child->prepares = master->reload.generation;
		child_table(child, type, master->reload.generation, fd);
	}
}

/* Close what was opened for a table that does not come. */
static void
drop_fresh(struct master *master)
{
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &master->listeners) {
		struct listener *listener = LIST_ITEM(node, struct listener,
		    link);

		if (!listener->fresh)
			continue;
		child_forget(master, listener->id);
		listener_free(&listener, true);
	}
	functions_drop_fresh(master);
	if (master->view != NULL)
		logs_forget(master, master->view->head);
}

static void
abort_prepare(struct master *master)
{
	struct list *node;

	each_worker(master, MESSAGE_ABORT, -1);
	functions_abort(master);
	LIST_EACH(node, &master->children)
		LIST_ITEM(node, struct child, link)->prepares = 0;
	drop_fresh(master);
}

static int
open_listener(struct master *master, const struct image_listener *from,
    struct error *err)
{
	const struct image_head *image = master->reload.view->head;
	struct listener *listener;
	bool first = master->phase == MASTER_STARTING;

	if (listener_find(&master->listeners, from->id) != NULL)
		return 0;
	listener = listener_new(image, from);
	listener->fresh = true;
	upgrade_hand_over(master, listener);
	if (listener_grow(listener, master->workers, &master->listeners, first,
	    err) < 0) {
		listener_free(&listener, true);
		return -1;
	}
	list_append(&master->listeners, &listener->link);
	return 0;
}

/* Sockets for the listeners that the new table adds. */
static int
open_listeners(struct master *master, struct error *err)
{
	const struct image_head *image = master->reload.view->head;
	uint32_t i;

	for (i = 0; i < image->sections[IMAGE_LISTENERS].count; i++)
		if (open_listener(master, IMAGE_AT(image, IMAGE_LISTENERS,
		    struct image_listener, i), err) < 0)
			return -1;
	return 0;
}

static void
send_fresh(struct master *master, struct child *child)
{
	struct list *node;

	LIST_EACH(node, &master->listeners) {
		struct listener *listener = LIST_ITEM(node, struct listener,
		    link);

		if (listener->fresh)
			child_listen(child, listener,
			    master->reload.generation);
	}
}

static void
send_fresh_to_all(struct master *master)
{
	struct list *node;

	LIST_EACH(node, &master->children) {
		struct child *child = LIST_ITEM(node, struct child, link);

		if (child->role == CHILD_WORKER && !child->draining)
			send_fresh(master, child);
	}
}

static bool
all_ready(const struct master *master)
{
	struct list *node;

	LIST_EACH(node, &master->children)
		if (LIST_ITEM(node, struct child, link)->prepares ==
		    master->reload.generation)
			return false;
	return true;
}

/* --- commit -------------------------------------------------------------- */

static bool
is_listed(const struct image_head *image, uint64_t id)
{
	uint32_t i;

	for (i = 0; i < image->sections[IMAGE_LISTENERS].count; i++)
		if (IMAGE_AT(image, IMAGE_LISTENERS, struct image_listener,
		    i)->id == id)
			return true;
	return false;
}

static void
retire(struct master *master, struct listener *listener)
{
	struct message message = { .type = MESSAGE_RETIRE };
	struct list *node;

	message.body.listen.listener_id = listener->id;
	LIST_EACH(node, &master->children) {
		struct child *child = LIST_ITEM(node, struct child, link);

		if (child->role == CHILD_WORKER)
			child_send(child, &message, -1);
	}
	child_forget(master, listener->id);
	listener_free(&listener, true);
}

/* Listeners that stay take the new backlog, those that are gone are closed. */
static void
settle_listeners(struct master *master)
{
	const struct image_head *image = master->view->head;
	const struct image_listener *from;
	struct listener *listener;
	struct list *node, *after;
	uint32_t i;

	LIST_EACH_SAFE(node, after, &master->listeners) {
		listener = LIST_ITEM(node, struct listener, link);
		listener->fresh = false;
		if (!is_listed(image, listener->id))
			retire(master, listener);
	}
	for (i = 0; i < image->sections[IMAGE_LISTENERS].count; i++) {
		from = IMAGE_AT(image, IMAGE_LISTENERS, struct image_listener,
		    i);
		listener = listener_find(&master->listeners, from->id);
		if (listener != NULL)
			listener_backlog(listener, from->backlog);
	}
}

/* In the log, and in the answer to who has ordered the reload. */
static void
warn_restart(struct master *master, const char *what, const char *stays,
    bool changed)
{
	char *text = master->reload.restart;
	size_t size = sizeof master->reload.restart, len = strlen(text);

	if (!changed)
		return;
	log_warn(&master->log, "%s was changed: this needs a restart, "
	    "\"%s\" stays in force", what, stays);
	snprintf(text + len, size - len, "; %s needs a restart: \"%s\" stays "
	    "in force", what, stays);
}

/* Settings of the master itself: some apply at once, some cannot. */
static void
settle_launch(struct master *master)
{
	struct message_launch *old = &master->launch;
	struct message_launch *new = &master->reload.launch;
	bool log = strcmp(old->error_log, new->error_log) != 0 ||
	    old->log_level != new->log_level;
	bool workers = old->workers != new->workers;
	struct error err;

	master->reload.settings_changed = log || workers ||
	    old->core_dumps != new->core_dumps ||
	    old->connections != new->connections;
	warn_restart(master, "user", old->user,
	    strcmp(old->user, new->user) != 0 ||
	    old->uid != new->uid || old->gid != new->gid);
	warn_restart(master, "pid_file", old->pid_file,
	    strcmp(old->pid_file, new->pid_file) != 0);
	warn_restart(master, "control_socket", old->control_socket,
	    strcmp(old->control_socket, new->control_socket) != 0);
	old->workers = new->workers;
	old->core_dumps = new->core_dumps;
	old->connections = new->connections;
	old->log_level = new->log_level;
	if (log && logs_error_open(master, new, &err) < 0)
		log_error(&master->log, "%s", err.text);
	else if (log) {
		memcpy(old->error_log, new->error_log, sizeof old->error_log);
		logs_error_send(master);
	}
	if (workers)
		master->workers = new->workers;
	if (workers && master_adjust(master, &err) < 0)
		log_error(&master->log, "%s", err.text);
}

static void
describe_changes(const struct message_image *facts, struct buf *out)
{
	buf_printf(out, "routes %u added, %u removed, %u changed; ",
	    facts->routes_added, facts->routes_removed, facts->routes_changed);
	if (facts->listeners_added + facts->listeners_removed > 0)
		buf_printf(out, "listeners %u added, %u removed; ",
		    facts->listeners_added, facts->listeners_removed);
	if (facts->upstreams_added + facts->upstreams_removed +
	    facts->upstreams_changed > 0)
		buf_printf(out, "upstreams %u added, %u removed, %u changed; ",
		    facts->upstreams_added, facts->upstreams_removed,
		    facts->upstreams_changed);
}

/* What has come of it; the caller frees. */
static char *
describe(const struct master *master)
{
	const struct reload *reload = &master->reload;
	uint64_t took = clock_now_ms() - reload->started_ms;
	struct buf out;
	char *text;

	buf_open(&out);
	if (reload->facts.unchanged)
		buf_printf(&out, "%s changed: generation %" PRIu64
		    " serves on; ", reload->settings_changed ? "settings" :
		    "nothing", master->generation);
	else
		buf_printf(&out, "generation %" PRIu64 ": ",
		    master->generation);
	if (!reload->facts.unchanged && master->phase != MASTER_STARTING)
		describe_changes(&reload->facts, &out);
	if (reload->functions_changed && master->phase != MASTER_STARTING)
		buf_printf(&out, "functions changed, %u now; ",
		    master->functions.facts.count);
	buf_printf(&out, "%" PRIu64 " ms", took);
	if (reload->slowest_ms > 0)
		buf_printf(&out, ", slowest worker %u (%" PRIu64 " ms)",
		    reload->slowest + 1, reload->slowest_ms);
	buf_add_text(&out, reload->restart);
	text = mem_text(out.at, out.len);
	buf_close(&out);
	return text;
}

static void
succeed(struct master *master)
{
	char *text = describe(master);

	if (master->phase != MASTER_STARTING)
		log_notice(&master->log, "reload: %s", text);
	finish(master, EXIT_CODE_OK, text);
}

/* Every worker is ready: the swap, and what follows from it. */
static void
commit(struct master *master)
{
	struct reload *reload = &master->reload;

	functions_publish(master);
	control_commit(master->control, reload->generation);
	each_worker(master, MESSAGE_COMMIT, -1);
	if (master->view != NULL)
		table_view_unref(&master->view);
	fd_close(&master->image_fd);
	master->view = reload->view;
	master->image_fd = reload->image_fd;
	master->generation = reload->generation;
	master->has_names = reload->facts.names;
	reload->view = NULL;
	reload->image_fd = -1;
	reload->state = RELOAD_IDLE;
	settle_listeners(master);
	functions_commit(master);
	logs_forget(master, master->view->head);
	if (master->phase != MASTER_STARTING)
		settle_launch(master);
	master_resolver(master);
	master_host(master);
	succeed(master);
}

static void
prepare(struct master *master)
{
	struct reload *reload = &master->reload;

	reload->state = RELOAD_PREPARING;
	master->last_generation = reload->generation;
	reload->prepared_ms = clock_now_ms();
	reload->slowest_ms = 0;
	set_limit(master, PREPARE_LIMIT_MS);
	send_fresh_to_all(master);
	if (functions_prepare(master) < 0) {
		abort_prepare(master);
		failed(master, EXIT_CODE_FAILURE, "cannot start the function "
		    "host");
		return;
	}
	each_worker(master, MESSAGE_PREPARE, reload->image_fd);
	/* At start there are none yet; each gets the table as it comes. */
	if (master->phase == MASTER_STARTING)
		master_fill(master);
	if (reload->state == RELOAD_PREPARING && all_ready(master))
		commit(master);
}

/* The child has delivered a sound table. */
static void
loaded(struct master *master)
{
	struct reload *reload = &master->reload;
	struct error err;
	int code;

	if (table_view_open(reload->image_fd, &reload->view, &err) < 0) {
		failed(master, EXIT_CODE_FAILURE, "%s", err.text);
		return;
	}
	if (master->phase == MASTER_STARTING) {
		code = master_launch(master, &err);
		if (code != EXIT_CODE_OK) {
			failed(master, (enum exit_code)code, "%s", err.text);
			return;
		}
	}
	reload->functions_changed = !functions_same(master);
	if (reload->functions_changed)
		reload->facts.unchanged = 0;
	if (reload->facts.unchanged) {
		settle_launch(master);
		succeed(master);
		return;
	}
	if (open_listeners(master, &err) < 0 ||
	    functions_open(master, &err) < 0) {
		drop_fresh(master);
		failed(master, EXIT_CODE_BIND, "%s", err.text);
		return;
	}
	if (logs_open(master, &reload->launch, reload->view->head, &err) < 0) {
		drop_fresh(master);
		failed(master, EXIT_CODE_FAILURE, "%s", err.text);
		return;
	}
	prepare(master);
}

/* --- what happens meanwhile ---------------------------------------------- */

/* Of the loader. fd is ours from now on. */
void
reload_on_message(struct child *child, const struct message *message, int fd)
{
	struct reload *reload = &child->master->reload;

	if (child != reload->loader) {
		fd_close(&fd);
		return;
	}
	switch (message->type) {
	case MESSAGE_REPORT:
		fd_close(&reload->report_fd);
		reload->report_fd = fd;
		reload->report = message->body.report;
		break;
	case MESSAGE_FUNCTIONS:
		functions_loaded(child->master, &message->body.functions, fd);
		break;
	case MESSAGE_FUNCTION_LOG:
		functions_log_loaded(child->master, &message->body.path);
		break;
	case MESSAGE_LAUNCH:
		reload->launch = message->body.launch;
		reload->has_launch = true;
		break;
	case MESSAGE_IMAGE:
		fd_close(&reload->image_fd);
		reload->image_fd = fd;
		reload->facts = message->body.image;
		reload->has_facts = true;
		break;
	default:
		fd_close(&fd);
		break;
	}
}

static void
loader_ended(struct master *master, int status)
{
	struct reload *reload = &master->reload;

	reload->loader = NULL;
	set_limit(master, 0);
	if (WIFSIGNALED(status))
		failed(master, EXIT_CODE_FAILURE, "reading %s ended with "
		    "signal %d (%s)", master->options->file, WTERMSIG(status),
		    sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0 || reload->report_fd < 0)
		failed(master, EXIT_CODE_FAILURE, "reading %s ended with "
		    "status %d", master->options->file, WEXITSTATUS(status));
	else if (reload->report.errors > 0)
		invalid(master);
	else if (!reload->has_launch || !reload->has_facts)
		failed(master, EXIT_CODE_FAILURE, "reading %s brought no "
		    "table", master->options->file);
	else
		loaded(master);
}

/* A worker or the loader is gone; called before the child is freed. */
void
reload_child_ended(struct child *child, int status)
{
	struct master *master = child->master;
	struct reload *reload = &master->reload;
	char name[32];

	if (child == reload->loader) {
		loader_ended(master, status);
		return;
	}
	if (reload->state != RELOAD_PREPARING ||
	    child->prepares != reload->generation)
		return;
	child->prepares = 0;
	abort_prepare(master);
	failed(master, EXIT_CODE_FAILURE, "%s died while it prepared "
	    "generation %" PRIu64, child_name(child, name),
	    reload->generation);
}

/* A new worker takes part in what is under way. */
void
reload_child_started(struct child *child)
{
	struct master *master = child->master;
	struct reload *reload = &master->reload;

	if (reload->state != RELOAD_PREPARING)
		return;
	child->prepares = reload->generation;
	send_fresh(master, child);
	child_table(child, MESSAGE_PREPARE, reload->generation,
	    reload->image_fd);
}

/* A worker that is told to end has no say any more. */
void
reload_child_left(struct child *child)
{
	struct master *master = child->master;

	if (child->prepares == 0)
		return;
	child->prepares = 0;
	if (master->reload.state == RELOAD_PREPARING && all_ready(master))
		commit(master);
}

void
reload_on_ready(struct child *child, uint64_t generation)
{
	struct master *master = child->master;
	struct reload *reload = &master->reload;

	if (generation > child->serves)
		child->serves = generation;
	if (child->role == CHILD_WORKER && master->reload.state == RELOAD_IDLE)
		command_serving(master);
	if (child->prepares != generation)
		return;
	child->prepares = 0;
	if (reload->state != RELOAD_PREPARING ||
	    generation != reload->generation)
		return;
	if (child->role == CHILD_WORKER) {
		reload->slowest = child->slot;
		reload->slowest_ms = clock_now_ms() - reload->prepared_ms;
	}
	if (all_ready(master))
		commit(master);
}

void
reload_on_failed(struct child *child, uint64_t generation, const char *text)
{
	struct master *master = child->master;
	char name[32];

	if (child->prepares != generation ||
	    master->reload.state != RELOAD_PREPARING) {
		/* The table in force: it cannot serve at all. */
		child_kill(child, SIGTERM);
		return;
	}
	abort_prepare(master);
	failed(master, EXIT_CODE_FAILURE, "%s: %s", child_name(child, name),
	    text);
}

static void
on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct master *master = arg;
	struct reload *reload = &master->reload;
	struct child *loader = reload->loader;
	struct list *node;
	char names[128] = "", name[32];

	(void)fd;
	(void)what;
	if (reload->state == RELOAD_LOADING && loader != NULL) {
		reload->loader = NULL;
		child_kill(loader, SIGKILL);
		failed(master, EXIT_CODE_FAILURE, "reading %s took longer than "
		    "%d s", master->options->file, LOAD_LIMIT_MS / 1000);
		return;
	}
	if (reload->state != RELOAD_PREPARING)
		return;
	LIST_EACH(node, &master->children) {
		struct child *child = LIST_ITEM(node, struct child, link);

		if (child->prepares == reload->generation && names[0] == '\0')
			snprintf(names, sizeof names, "%s (pid %d)",
			    child_name(child, name), (int)child->pid);
	}
	abort_prepare(master);
	failed(master, EXIT_CODE_FAILURE, "%s was not ready within %d s",
	    names, PREPARE_LIMIT_MS / 1000);
}

static void
reload_start(struct master *master)
{
	struct reload *reload = &master->reload;

	if (reload->limit == NULL)
		reload->limit = evtimer_new(master->base, on_limit, master);
	reload->serial++;
	/* A number is used up only when workers have heard of it. */
	reload->generation = master->last_generation + 1;
	reload->started_ms = clock_now_ms();
	reload->state = RELOAD_LOADING;
	reload->image_fd = reload->report_fd = -1;
	memset(&reload->facts, 0, sizeof reload->facts);
	reload->slowest_ms = 0;
	reload->settings_changed = false;
	reload->restart[0] = '\0';
	if (master->phase != MASTER_STARTING)
		notify_reloading();
	set_limit(master, LOAD_LIMIT_MS);
	reload->loader = child_start(master, CHILD_LOADER, 0);
	if (reload->loader == NULL)
		failed(master, EXIT_CODE_FAILURE, "cannot start a process to "
		    "read %s", master->options->file);
}

/*
 * Order a reload. Returns the serial number of the one that will have read
 * the file as it is now: see master->result.
 */
uint64_t
reload_order(struct master *master)
{
	struct reload *reload = &master->reload;

	if (reload->state != RELOAD_IDLE) {
		reload->again = true;
		return reload->serial + 1;
	}
	reload_start(master);
	return reload->serial;
}

/* The master ends: whatever is under way is of no use any more. */
void
reload_cancel(struct master *master)
{
	struct reload *reload = &master->reload;
	struct child *loader = reload->loader;

	reload->again = false;
	if (reload->state == RELOAD_IDLE)
		return;
	if (loader != NULL)
		child_kill(loader, SIGKILL);
	if (reload->state == RELOAD_PREPARING)
		abort_prepare(master);
	forget(master);
}
