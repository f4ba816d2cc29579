/*
 * process/master.c - the process that keeps the others
 *
 * It opens sockets and logs, forks the children, watches over them, swaps
 * tables and answers the operator. It reads no byte of a client and talks to
 * no backend; after the start it never waits for anything but its loop. All
 * its state is one struct, handed down.
 */

#include "process/master.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
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
#include "process/reload.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/mem.h"

#define QUICK_MS	5000	/* a death so soon after the start is quick */
#define QUICK_FREE	3	/* of them in a row without a pause */
#define PAUSE_FIRST_MS	10
#define PAUSE_MOST_MS	1000
#define STOP_MS		3000	/* from TERM to KILL */
#define KILL_MS		2000	/* from the watchdog's ABRT to KILL */

static struct timeval
interval(uint64_t ms)
{
	return (struct timeval){ .tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000) * 1000 };
}

/* --- seats --------------------------------------------------------------- */

static bool
is_wanted(const struct master *master, const struct seat *seat)
{
	if (master->phase > MASTER_SERVING)
		return false;
	if (seat == &master->resolver)
		return master->has_names;
	if (seat == &master->functions.seat)
		return master->functions.fd >= 0;
	return !master->drained && seat->slot < master->workers;
}

static void
send_table(struct master *master, struct child *child)
{
	if (master->generation != 0)
		child_table(child, MESSAGE_PREPARE, master->generation,
		    master->image_fd);
}

/* A worker learns of logs, the table in force, its sockets, what is coming. */
static void
brief_worker(struct master *master, struct child *child)
{
	struct list *node;

	logs_send(master, child);
	send_table(master, child);
	LIST_EACH(node, &master->listeners) {
		struct listener *listener = LIST_ITEM(node, struct listener,
		    link);

		if (!listener->fresh)
			child_listen(child, listener, master->generation);
	}
	reload_child_started(child);
}

static void
seat_start(struct seat *seat)
{
	struct master *master = seat->master;
	struct timeval pause = interval(PAUSE_MOST_MS);
	enum child_role role = seat == &master->resolver ? CHILD_RESOLVER :
	    seat == &master->functions.seat ? CHILD_HOST : CHILD_WORKER;

	seat->child = child_start(master, role, seat->slot);
	if (seat->child == NULL)
		event_add(seat->respawn, &pause);
	else if (role == CHILD_RESOLVER)
		send_table(master, seat->child);
	else if (role == CHILD_HOST)
		functions_brief(master, seat->child);
	else
		brief_worker(master, seat->child);
}

static void
on_respawn(evutil_socket_t fd, short what, void *arg)
{
	struct seat *seat = arg;

	(void)fd;
	(void)what;
	if (seat->child == NULL && is_wanted(seat->master, seat))
		seat_start(seat);
}

/* After quick deaths in a row: a pause that doubles up to a second. */
static uint64_t
seat_pause(struct seat *seat, uint64_t lived_ms)
{
	uint64_t pause = PAUSE_FIRST_MS;
	unsigned i;

	seat->quick = lived_ms < QUICK_MS ? seat->quick + 1 : 0;
	if (seat->quick <= QUICK_FREE)
		return 0;
	for (i = QUICK_FREE + 1; i < seat->quick && pause < PAUSE_MOST_MS; i++)
		pause *= 2;
	return pause < PAUSE_MOST_MS ? pause : PAUSE_MOST_MS;
}

static void
seat_open(struct master *master, struct seat *seat, unsigned slot)
{
	seat->master = master;
	seat->slot = slot;
	seat->respawn = evtimer_new(master->base, on_respawn, seat);
}

/* Start what is missing and may start now. */
void
master_fill(struct master *master)
{
	unsigned i;

	for (i = 0; i < master->workers; i++) {
		struct seat *seat = &master->seats[i];

		if (seat->child == NULL && is_wanted(master, seat) &&
		    !evtimer_pending(seat->respawn, NULL))
			seat_start(seat);
	}
}

/* Bring the workers to the number wanted; sockets of dropped ones move. */
int
master_adjust(struct master *master, struct error *err)
{
	struct list *node;
	unsigned i;
	int code = 0;

	LIST_EACH(node, &master->listeners) {
		struct listener *listener = LIST_ITEM(node, struct listener,
		    link);

		if (listener_grow(listener, master->workers,
		    &master->listeners, false, err) < 0)
			code = -1;
		for (i = 0; i < master->workers; i++)
			if (master->seats[i].child != NULL)
				child_listen(master->seats[i].child, listener,
				    master->generation);
	}
	for (i = master->workers; i < WORKERS_MAX; i++)
		if (master->seats[i].child != NULL)
			child_drain(master->seats[i].child);
	master_fill(master);
	return code;
}

/* The resolver is there while the table has names, and knows the table. */
void
master_resolver(struct master *master)
{
	struct seat *seat = &master->resolver;

	if (seat->child != NULL && !master->has_names) {
		child_drain(seat->child);
		seat->child = NULL;
	} else if (seat->child != NULL) {
		send_table(master, seat->child);
	} else if (master->has_names) {
		seat_start(seat);
	}
}

/* The host is there while there are functions, and its seat is free. */
void
master_host(struct master *master)
{
	struct seat *seat = &master->functions.seat;

	if (seat->child == NULL && is_wanted(master, seat) &&
	    !evtimer_pending(seat->respawn, NULL))
		seat_start(seat);
}

/* --- ends ---------------------------------------------------------------- */

static bool
has_worker(const struct master *master)
{
	struct list *node;

	LIST_EACH(node, &master->children)
		if (LIST_ITEM(node, struct child, link)->role == CHILD_WORKER)
			return true;
	return false;
}

/* The host goes last: until then a worker may need it. */
static void
end_if_alone(struct master *master)
{
	struct child *host = master->functions.seat.child;

	if (master->phase == MASTER_DRAINING && host != NULL &&
	    !has_worker(master))
		child_drain(host);
	if (master->phase > MASTER_SERVING && list_empty(&master->children))
		event_base_loopbreak(master->base);
}

/* Nobody else serves these sockets: not the one before us, nor after. */
static void
close_listeners(struct master *master)
{
	bool alone = master->upgrade.pid == 0 && !upgrade_from_alive(master);
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &master->listeners) {
		struct listener *listener = LIST_ITEM(node, struct listener,
		    link);

		listener_free(&listener, alone);
	}
}

static void
set_deadline(struct master *master, uint64_t ms)
{
	struct timeval limit = interval(ms);

	event_add(master->deadline, &limit);
}

static void
kill_children(struct master *master, int number)
{
	struct list *node;

	LIST_EACH(node, &master->children)
		child_kill(LIST_ITEM(node, struct child, link), number);
}

static void
say_stopping(const struct master *master)
{
	/* After an upgrade the service goes on under another process. */
	if (!master->upgrade.serves)
		notify_send("STOPPING=1");
}

/* As fast as it goes; code is what the process ends with. */
void
master_stop(struct master *master, int code)
{
	if (master->phase == MASTER_STOPPING)
		return;
	master->phase = MASTER_STOPPING;
	master->exit_code = code;
	say_stopping(master);
	reload_cancel(master);
	close_listeners(master);
	kill_children(master, SIGTERM);
	set_deadline(master, STOP_MS);
	end_if_alone(master);
}

/* Workers finish what they have; no new client gets in. */
void
master_quit(struct master *master)
{
	struct list *node, *after;
	uint64_t limit;

	if (master->phase == MASTER_STARTING || master->view == NULL) {
		master_stop(master, EXIT_CODE_OK);
		return;
	}
	if (master->phase != MASTER_SERVING)
		return;
	log_notice(&master->log, "stopping when all requests are done");
	limit = image_settings(master->view->head)->shutdown_ms;
	master->phase = MASTER_DRAINING;
	say_stopping(master);
	reload_cancel(master);
	LIST_EACH_SAFE(node, after, &master->children) {
		struct child *child = LIST_ITEM(node, struct child, link);

		if (child->role != CHILD_HOST)
			child_drain(child);
	}
	close_listeners(master);
	set_deadline(master, limit + STOP_MS);
	end_if_alone(master);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct master *master = arg;

	(void)fd;
	(void)what;
	if (master->phase == MASTER_DRAINING) {
		log_warn(&master->log, "not all requests were done in time");
		master_stop(master, EXIT_CODE_OK);
		return;
	}
	kill_children(master, SIGKILL);
	set_deadline(master, STOP_MS);
	end_if_alone(master);
}

/* "died of signal 9 (KILL)", "ended with status 1". */
static void
describe_end(int status, char *text, size_t size)
{
	const char *name;

	if (WIFSIGNALED(status)) {
		name = sigabbrev_np(WTERMSIG(status));
		snprintf(text, size, "died of signal %d (%s)%s",
		    WTERMSIG(status), name != NULL ? name : "?",
		    WCOREDUMP(status) ? ", core dumped" : "");
	} else {
		snprintf(text, size, "ended with status %d",
		    WEXITSTATUS(status));
	}
}

static void
log_end(struct master *master, const struct child *child, int status,
    uint64_t lived, uint64_t pause)
{
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	bool asked = child->draining || master->phase > MASTER_SERVING;
	char name[32], what[64], then[64] = "";

	child_name(child, name);
	describe_end(status, what, sizeof what);
	/* TERM is how the resolver is asked: it has nothing to finish. */
	if (asked && (clean || (child->role == CHILD_RESOLVER &&
	    WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM))) {
		log_info(&master->log, "%s (pid %d) has finished", name,
		    (int)child->pid);
		return;
	}
	if (pause > 0)
		snprintf(then, sizeof then, "; the next starts in %" PRIu64
		    " ms", pause);
	log_write(&master->log, clean ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR,
	    "%s (pid %d) %s after %" PRIu64 ".%" PRIu64 " s%s", name,
	    (int)child->pid, what, lived / 1000, lived % 1000 / 100, then);
}

static struct seat *
seat_of(struct master *master, const struct child *child)
{
	if (child->role == CHILD_LOADER)
		return NULL;
	if (child->role == CHILD_RESOLVER)
		return master->resolver.child == child ? &master->resolver :
		    NULL;
	if (child->role == CHILD_HOST)
		return master->functions.seat.child == child ?
		    &master->functions.seat : NULL;
	return master->seats[child->slot].child == child ?
	    &master->seats[child->slot] : NULL;
}

static void
child_ended(struct master *master, struct child *child, int status)
{
	uint64_t lived = clock_now_ms() - child->started_ms, pause = 0;
	struct seat *seat;
	struct timeval wait;

	/* What it said before it ended counts. */
	child_read(child);
	seat = seat_of(master, child);
	if (seat != NULL) {
		seat->child = NULL;
		pause = seat_pause(seat, lived);
	}
	if (child->role != CHILD_LOADER)
		log_end(master, child, status, lived, pause);
	child->pid = 0;
	functions_child_ended(child);
	reload_child_ended(child, status);
	child_free(&child);
	if (seat != NULL && is_wanted(master, seat) && seat->child == NULL) {
		wait = interval(pause);
		event_add(seat->respawn, &wait);
	}
	end_if_alone(master);
}

static struct child *
child_of(struct master *master, pid_t pid)
{
	struct list *node;

	LIST_EACH(node, &master->children) {
		struct child *child = LIST_ITEM(node, struct child, link);

		if (child->pid == pid)
			return child;
	}
	return NULL;
}

static void
reap(struct master *master)
{
	struct child *child;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		child = child_of(master, pid);
		if (child != NULL)
			child_ended(master, child, status);
		else if (pid == master->upgrade.pid)
			upgrade_ended(master, status);
	}
}

/* --- watchdog ------------------------------------------------------------ */

static void
watch_worker(struct master *master, struct child *child, uint64_t now)
{
	const struct control_slot *slot = &master->control->slots[child->cell];
	uint64_t beat = atomic_load_explicit(&slot->heartbeat,
	    memory_order_relaxed);
	uint64_t limit = master->view == NULL ? 0 :
	    image_settings(master->view->head)->watchdog_ms;
	char name[32];

	if (child->aborted_ms != 0) {
		if (now - child->aborted_ms >= KILL_MS)
			child_kill(child, SIGKILL);
		return;
	}
	/* Signs come once a second: less than two of them prove nothing. */
	if (limit < 2000)
		limit = 2000;
	if (master->view == NULL || now < beat || now - beat <= limit)
		return;
	log_error(&master->log, "%s (pid %d) gave no sign of life for %"
	    PRIu64 " ms: ending it", child_name(child, name), (int)child->pid,
	    now - beat);
	child->aborted_ms = now;
	child_kill(child, SIGABRT);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct master *master = arg;
	uint64_t now = clock_now_ms(), late = now - master->ticked_ms;
	struct list *node;

	(void)fd;
	(void)what;
	master->ticked_ms = now;
	/* We were stopped ourselves, perhaps with everybody. */
	if (late > 2000)
		return;
	LIST_EACH(node, &master->children) {
		struct child *child = LIST_ITEM(node, struct child, link);

		if (child->cell >= 0)
			watch_worker(master, child, now);
	}
}

/* --- orders -------------------------------------------------------------- */

static void
drain_workers(struct master *master)
{
	unsigned i;

	log_notice(&master->log, "draining all workers");
	master->drained = true;
	for (i = 0; i < WORKERS_MAX; i++)
		if (master->seats[i].child != NULL)
			child_drain(master->seats[i].child);
}

/* The workers are back, with the table in force. */
void
master_undrain(struct master *master)
{
	if (!master->drained)
		return;
	master->drained = false;
	log_notice(&master->log, "starting workers again");
	master_fill(master);
}

static void
on_hup(struct master *master)
{
	master_undrain(master);
	if (master->upgrade.pid != 0) {
		log_notice(&master->log, "a newer gatehouse (pid %d) runs: "
		    "serving on beside it", (int)master->upgrade.pid);
		return;
	}
	reload_order(master);
}

static void
change_workers(struct master *master, int by)
{
	struct error err;

	if ((by < 0 && master->workers <= 1) ||
	    (by > 0 && master->workers >= WORKERS_MAX))
		return;
	master->workers = by < 0 ? master->workers - 1 : master->workers + 1;
	log_notice(&master->log, "%u workers now", master->workers);
	if (master_adjust(master, &err) < 0)
		log_error(&master->log, "%s", err.text);
}

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	struct master *master = arg;
	bool serving = master->phase == MASTER_SERVING;

	(void)what;
	if (number == SIGCHLD)
		reap(master);
	else if (number == SIGTERM || number == SIGINT)
		master_stop(master, EXIT_CODE_OK);
	else if (number == SIGQUIT)
		master_quit(master);
	else if (number == SIGHUP && master->phase <= MASTER_SERVING)
		on_hup(master);
	else if (number == SIGUSR1 && serving)
		logs_reopen(master);
	else if (number == SIGUSR2 && serving)
		upgrade_start(master);
	else if (number == SIGWINCH && serving && !master->drained)
		drain_workers(master);
	else if (number == SIGTTIN && serving)
		change_workers(master, 1);
	else if (number == SIGTTOU && serving)
		change_workers(master, -1);
}

/* --- start --------------------------------------------------------------- */

/*
 * The first table has been loaded: what has to be ours before anything is
 * opened or forked. Returns EXIT_CODE_OK, or another with a sentence.
 */
int
master_launch(struct master *master, struct error *err)
{
	struct message_launch *launch = &master->launch;
	int code;

	*launch = master->reload.launch;
	master->workers = launch->workers;
	if (launch->pid_file[0] != '\0') {
		daemon_folder(launch->pid_file);
		code = pid_file_lock(&master->pid_file, launch->pid_file, err);
		if (code != 0)
			return code > 0 ? EXIT_CODE_RUNNING : EXIT_CODE_BIND;
	}
	if (launch->control_socket[0] != '\0') {
		daemon_folder(launch->control_socket);
		code = command_open(master, launch->control_socket, err);
		if (code != 0)
			return code > 0 ? EXIT_CODE_RUNNING : EXIT_CODE_BIND;
	}
	if (logs_error_open(master, launch, err) < 0)
		return EXIT_CODE_BIND;
	if (launch->connections < launch->connections_wanted)
		log_notice(&master->log, "%d descriptors are allowed: "
		    "worker_connections is %u instead of %u",
		    master->descriptors, launch->connections,
		    launch->connections_wanted);
	return EXIT_CODE_OK;
}

static void
log_warnings(struct master *master)
{
	const struct reload_result *result = &master->result;

	if (master->reload.report.warnings > 0 && result->text != NULL)
		log_notice(&master->log, "%u warnings: see gatehouse -t",
		    master->reload.report.warnings);
}

/* The first table is in force: we serve. */
void
master_serving(struct master *master)
{
	struct error err;

	master->phase = MASTER_SERVING;
	upgrade_inherit_done(master);
	if (pid_file_write(&master->pid_file, getpid(), &err) < 0)
		log_error(&master->log, "%s", err.text);
	log_warnings(master);
	log_notice(&master->log, "gatehouse " PACKAGE_VERSION " serves %s "
	    "with %u workers", master->options->file, master->workers);
	title_set(&master->options->title, "gatehouse: master %s",
	    master->options->file);
	notify_send("READY=1\nMAINPID=%d\nSTATUS=Serving generation %" PRIu64,
	    (int)getpid(), master->generation);
	daemon_tell(&master->predecessor_tell, EXIT_CODE_OK);
	daemon_tell(&master->tell, EXIT_CODE_OK);
	if (!master->options->foreground)
		daemon_detach();
	command_serving(master);
}

static int
open_loop(struct master *master)
{
	static const int numbers[] = { SIGCHLD, SIGTERM, SIGINT, SIGQUIT,
		SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGTTIN, SIGTTOU };
	struct timeval second = { .tv_sec = 1 };
	unsigned i;

	master->base = event_base_new();
	if (master->base == NULL)
		return -1;
	for (i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		master->signals[i] = evsignal_new(master->base, numbers[i],
		    on_signal, master);
		event_add(master->signals[i], NULL);
	}
	signal(SIGPIPE, SIG_IGN);
	master->tick = event_new(master->base, -1, EV_PERSIST, on_tick,
	    master);
	master->ticked_ms = clock_now_ms();
	event_add(master->tick, &second);
	master->deadline = evtimer_new(master->base, on_deadline, master);
	for (i = 0; i < WORKERS_MAX; i++)
		seat_open(master, &master->seats[i], i);
	seat_open(master, &master->resolver, 0);
	seat_open(master, &master->functions.seat, 0);
	return 0;
}

static void
init(struct master *master, const struct master_options *options)
{
	master->options = options;
	master->log_fd = master->tell = master->image_fd = -1;
	master->predecessor_tell = -1;
	master->reload.image_fd = master->reload.report_fd = -1;
	master->reload.functions_fd = -1;
	functions_init(master);
	master->upgrade.from = -1;
	master->pid_file.fd = -1;
	master->command.fd = -1;
	master->started_wall_ms = clock_wall_ms();
	list_init(&master->children);
	list_init(&master->listeners);
	list_init(&master->inherited);
	list_init(&master->logs);
	list_init(&master->command.connections);
	log_open(&master->log, STDERR_FILENO, options->least, "master");
}

static int
set_up(struct master *master, struct error *err)
{
	umask(022);
	upgrade_inherit(master);
	if (!master->options->foreground && master->predecessor == 0) {
		if (daemon_background(&master->tell, err) < 0)
			return -1;
		if (chdir("/") < 0)
			return error_errno(err, "cannot go to /");
	}
	master->descriptors = fd_raise_limit(err);
	if (master->descriptors < 0)
		return -1;
	master->control = control_open(err);
	if (master->control == NULL)
		return -1;
	master->region = region_open(err);
	if (master->region == NULL)
		return -1;
	if (open_loop(master) < 0)
		return error_set(err, "cannot make an event loop");
	return 0;
}

static void
close_loop(struct master *master)
{
	unsigned i;

	for (i = 0; i < sizeof master->signals / sizeof *master->signals; i++)
		if (master->signals[i] != NULL)
			event_free(master->signals[i]);
	for (i = 0; i < WORKERS_MAX; i++)
		event_free(master->seats[i].respawn);
	event_free(master->resolver.respawn);
	event_free(master->functions.seat.respawn);
	event_free(master->tick);
	event_free(master->deadline);
	if (master->reload.limit != NULL)
		event_free(master->reload.limit);
	event_base_free(master->base);
}

static void
tear_down(struct master *master)
{
	reload_cancel(master);
	close_listeners(master);
	functions_close(master);
	command_close(master);
	upgrade_close(master);
	pid_file_remove(&master->pid_file);
	if (master->view != NULL)
		table_view_unref(&master->view);
	fd_close(&master->image_fd);
	free(master->result.text);
	free(master->result.problems);
	logs_close(master);
	close_loop(master);
	region_close(&master->region);
	control_close(&master->control);
}

/* The master's life. Returns the exit code of the process. */
int
master_run(const struct master_options *options)
{
	static struct master master;
	struct error err;

	init(&master, options);
	if (set_up(&master, &err) < 0) {
		log_error(&master.log, "%s", err.text);
		daemon_tell(&master.tell, EXIT_CODE_FAILURE);
		return EXIT_CODE_FAILURE;
	}
	reload_order(&master);
	event_base_dispatch(master.base);
	if (master.exit_code == EXIT_CODE_OK)
		log_notice(&master.log, "stopped");
	tear_down(&master);
	daemon_tell(&master.tell, master.exit_code);
	return master.exit_code;
}
