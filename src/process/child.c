/*
 * process/child.c - forking, and the master's end of a child's channel
 *
 * All children come from one fork with a role. The child keeps its end of the
 * channel, the error log and the shared mappings, closes every other
 * descriptor, and runs its role; whatever else it needs comes over the
 * channel. The master sends without waiting: what a stopped child does not
 * take is kept for it.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/host.h"
#include "process/loader.h"
#include "process/logs.h"
#include "process/master_private.h"
#include "process/reload.h"
#include "process/resolver.h"
#include "process/worker.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/mem.h"

#define READS_MAX 64	/* messages taken of one child in a row */

/* "worker 2": as logs and titles call it. */
const char *
child_name(const struct child *child, char name[32])
{
	switch (child->role) {
	case CHILD_WORKER:
		snprintf(name, 32, "worker %u", child->slot + 1);
		break;
	case CHILD_RESOLVER:
		snprintf(name, 32, "resolver");
		break;
	case CHILD_LOADER:
		snprintf(name, 32, "loader");
		break;
	case CHILD_HOST:
		snprintf(name, 32, "function host");
		break;
	}
	return name;
}

static int
run_loader(struct master *master, int channel)
{
	struct load_request request = {
		.file = master->options->file,
		.prefix = master->options->prefix,
		.generation = master->reload.generation,
		.descriptors = master->descriptors,
		.names = true,
		.current = master->view != NULL ? master->view->head : NULL,
		.region = master->region,
	};

	return loader_run(channel, &request);
}

/* libevent lets one loop have signals: the host's is to be it. */
static int
run_host(struct master *master, const struct child *child,
    const struct worker_start *common)
{
	struct host_start start = {
		.common = common,
		.root = child->slot != 0,
		.watch = master->options->watch,
		.libexec = master->options->libexec,
	};
	unsigned i;

	for (i = 0; i < sizeof master->signals / sizeof *master->signals; i++)
		if (master->signals[i] != NULL)
			event_del(master->signals[i]);
	return host_run(&start);
}

/* In the child, all signals blocked: become what the role says. */
static _Noreturn void
become(struct child *child, int channel, pid_t parent)
{
	struct master *master = child->master;
	int keep[2] = { channel, master->log.fd };
	struct worker_start start = {
		.slot = child->slot,
		.channel = channel,
		.log = &master->log,
		.control = master->control,
		.cell = child->cell,
		.region = master->region,
		.launch = &master->launch,
		.master = parent,
	};
	char name[32];
	int code = 1;

	daemon_close_others(keep, 2);
	daemon_reset_signals();
	/* The master leaves the terminal later; who waits there must not. */
	if (!master->options->foreground && child->role != CHILD_LOADER)
		daemon_detach();
	child_name(child, name);
	title_set(&master->options->title, "gatehouse: %s", name);
	log_open(&master->log, master->log.fd, master->log.level, name);
	switch (child->role) {
	case CHILD_WORKER:
		code = worker_run(&start);
		break;
	case CHILD_RESOLVER:
		code = resolver_run(&start);
		break;
	case CHILD_LOADER:
		code = run_loader(master, channel);
		break;
	case CHILD_HOST:
		code = run_host(master, child, &start);
		break;
	}
	_exit(code);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	child_read(arg);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;
	struct error err;

	(void)fd;
	(void)what;
	if (channel_flush(&child->channel, &err) < 0)
		child_kill(child, SIGKILL);
	else if (child->channel.waiting > 0)
		event_add(child->writable, NULL);
}

static void
watch(struct child *child)
{
	struct event_base *base = child->master->base;
	int fd = child->channel.fd;

	child->readable = event_new(base, fd, EV_READ | EV_PERSIST,
	    on_readable, child);
	child->writable = event_new(base, fd, EV_WRITE, on_writable, child);
	event_add(child->readable, NULL);
}

/* Fork with all signals blocked: none meant for the child hits our loop. */
static pid_t
fork_child(struct child *child, int fds[2])
{
	pid_t parent = getpid(), pid;
	sigset_t all, old;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		become(child, fds[1], parent);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

/*
 * Start a child. Returns it, in master->children, or NULL when the system
 * would not (logged).
 */
struct child *
child_start(struct master *master, enum child_role role, unsigned slot)
{
	struct child *child = mem_new(sizeof *child);
	struct error err;
	int fds[2];

	child->master = master;
	child->role = role;
	child->slot = slot;
	child->cell = -1;
	child->started_ms = clock_now_ms();
	list_init(&child->link);
	if (role == CHILD_WORKER || role == CHILD_HOST)
		child->cell = control_slot_take(master->control,
		    role == CHILD_WORKER ? slot : CONTROL_SLOTS);
	if (child->cell < 0 && (role == CHILD_WORKER || role == CHILD_HOST)) {
		log_error(&master->log, "no line for another child is left");
		goto release;
	}
	if (channel_pair(fds, &err) < 0) {
		log_error(&master->log, "%s", err.text);
		goto release;
	}
	child->pid = fork_child(child, fds);
	close(fds[1]);
	if (child->pid < 0) {
		log_error(&master->log, "cannot fork: %s", strerror(errno));
		close(fds[0]);
		goto release;
	}
	if (child->cell >= 0)
		control_slot_begin(&master->control->slots[child->cell],
		    (int32_t)child->pid);
	channel_open(&child->channel, fds[0]);
	list_append(&master->children, &child->link);
	watch(child);
	return child;
release:
	free(child);
	return NULL;
}

/* Of one that has been reaped. */
void
child_free(struct child **child_p)
{
	struct child *child = *child_p;

	*child_p = NULL;
	list_remove(&child->link);
	event_free(child->readable);
	event_free(child->writable);
	channel_close(&child->channel);
	free(child->grants);
	if (child->cell >= 0)
		control_slot_end(&child->master->control->slots[child->cell]);
	free(child);
}

void
child_kill(struct child *child, int number)
{
	if (child->pid > 0)
		kill(child->pid, number);
}

/* fd stays the caller's. A child that cannot be reached any more is ended. */
void
child_send(struct child *child, const struct message *message, int fd)
{
	struct error err;

	if (channel_send(&child->channel, message, fd, &err) < 0) {
		log_debug(&child->master->log, "pid %d: %s", (int)child->pid,
		    err.text);
		child_kill(child, SIGKILL);
		return;
	}
	if (child->channel.waiting > 0)
		event_add(child->writable, NULL);
}

/* A message that says only a generation, and fd where the type has one. */
void
child_table(struct child *child, enum message_type type, uint64_t generation,
    int fd)
{
	struct message message = { .type = type };

	message.body.table.generation = generation;
	child_send(child, &message, fd);
}

/* Does it accept from this socket already? If not, note that it will. */
static bool
grant(struct child *child, uint64_t listener_id, unsigned index)
{
	unsigned i;

	for (i = 0; i < child->ngrants; i++)
		if (child->grants[i].listener_id == listener_id &&
		    child->grants[i].index == index)
			return false;
	child->grants = mem_grow(child->grants, child->ngrants + 1,
	    sizeof *child->grants);
	child->grants[child->ngrants++] = (struct grant){ listener_id, index };
	return true;
}

/* The listener is gone: nobody accepts from it any more. */
void
child_forget(struct master *master, uint64_t listener_id)
{
	struct list *node;
	unsigned i;

	LIST_EACH(node, &master->children) {
		struct child *child = LIST_ITEM(node, struct child, link);

		for (i = 0; i < child->ngrants;)
			if (child->grants[i].listener_id == listener_id)
				child->grants[i] =
				    child->grants[--child->ngrants];
			else
				i++;
	}
}

/*
 * Give a worker its sockets of a listener that it has not got yet: that of
 * its own slot, and those of slots that nobody has any longer.
 */
void
child_listen(struct child *child, const struct listener *listener,
    uint64_t generation)
{
	struct message message = { .type = MESSAGE_LISTEN };
	unsigned i, workers = child->master->workers;

	message.body.listen.listener_id = listener->id;
	message.body.listen.generation = generation;
	for (i = 0; i < listener->count; i++)
		if ((listener->shared || i % workers == child->slot) &&
		    grant(child, listener->id, i))
			child_send(child, &message, listener->fds[i]);
}

/* Finish what it has, then end. Its seat is free from now on. */
void
child_drain(struct child *child)
{
	struct master *master = child->master;
	struct message message = { .type = MESSAGE_DRAIN };

	if (child->draining)
		return;
	child->draining = true;
	if (child->role == CHILD_WORKER)
		master->seats[child->slot].child = NULL;
	else if (master->functions.seat.child == child)
		master->functions.seat.child = NULL;
	message.body.drain.deadline_ms = master->view != NULL ?
	    image_settings(master->view->head)->shutdown_ms : 0;
	child_send(child, &message, -1);
	if (child->role == CHILD_WORKER)
		reload_child_left(child);
}

static void
on_message(struct child *child, const struct message *message, int *fd_p)
{
	switch (message->type) {
	case MESSAGE_READY:
		reload_on_ready(child, message->body.table.generation);
		break;
	case MESSAGE_FAILED:
		reload_on_failed(child, message->body.failure.generation,
		    message->body.failure.text);
		break;
	case MESSAGE_DRAINED:
		log_debug(&child->master->log, "pid %d has drained",
		    (int)child->pid);
		break;
	case MESSAGE_REPORT:
	case MESSAGE_LAUNCH:
	case MESSAGE_IMAGE:
	case MESSAGE_FUNCTIONS:
	case MESSAGE_FUNCTION_LOG:
		if (child->role != CHILD_LOADER)
			break;
		reload_on_message(child, message, *fd_p);
		*fd_p = -1;
		break;
	default:
		log_warn(&child->master->log, "pid %d sent message %u",
		    (int)child->pid, message->type);
		break;
	}
}

/* Take what a child has sent. Its end shows when it is reaped. */
void
child_read(struct child *child)
{
	struct message message;
	struct error err;
	unsigned reads;
	int fd;

	for (reads = 0; reads < READS_MAX; reads++) {
		switch (channel_receive(&child->channel, &message, &fd, &err)) {
		case CHANNEL_AGAIN:
			return;
		case CHANNEL_END:
			event_del(child->readable);
			return;
		case CHANNEL_ERROR:
			log_error(&child->master->log, "pid %d: %s",
			    (int)child->pid, err.text);
			event_del(child->readable);
			child_kill(child, SIGKILL);
			return;
		case CHANNEL_MESSAGE:
			on_message(child, &message, &fd);
			fd_close(&fd);
			break;
		}
	}
}
