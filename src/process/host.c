/*
 * process/host.c - the function host as a process
 *
 * A loop around lambda/host: what it serves, where it listens and where it
 * logs comes over the channel, functions in the same two phases as the
 * workers' tables. It ends by itself when the master's end of the channel
 * closes, and the functions' processes end with it, whatever ends it.
 */

#include "process/host.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lambda/host.h"
#include "process/daemon.h"
#include "shared/control.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"

#define ORPHAN_MS	4000	/* as workers have it */
#define ORPHAN_ALARM_S	5

/* A listening socket that waits for the functions it is to serve. */
struct waiting_socket {
	struct list link;	/* in host.sockets */
	uint64_t listener_id;
	uint64_t generation;
	int fd;			/* owned */
};

struct host {
	const struct host_start *start;
	struct log *log;
	struct control *control;
	struct control_slot *slot;
	struct event_base *base;
	struct lambda_host *lambda;
	struct channel channel;
	struct event *readable, *writable, *beat, *term;
	struct list sockets;	/* struct waiting_socket */
	int log_fd;		/* owned; -1: the one we were born with */
	uint64_t prepared;	/* generation to be committed, or 0 */
	bool serves;		/* some functions were committed */
	bool draining;
};

/* The master is gone and the loop may be stuck: an end in any case. */
static void
on_orphaned(int number)
{
	(void)number;
	alarm(ORPHAN_ALARM_S);
}

static void
on_term(evutil_socket_t number, short what, void *arg)
{
	struct host *host = arg;

	(void)number;
	(void)what;
	event_base_loopbreak(host->base);
}

static void
on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct host *host = arg;

	(void)fd;
	(void)what;
	atomic_store_explicit(&host->slot->heartbeat, clock_now_ms(),
	    memory_order_relaxed);
}

static void
say(struct host *host, const struct message *message)
{
	struct error err;

	if (channel_send(&host->channel, message, -1, &err) < 0)
		return;		/* the end of the channel shows on reading */
	if (host->channel.waiting > 0)
		event_add(host->writable, NULL);
}

static void
say_table(struct host *host, enum message_type type, uint64_t generation)
{
	struct message message = { .type = type };

	message.body.table.generation = generation;
	say(host, &message);
}

static void
say_failed(struct host *host, uint64_t generation, const char *text)
{
	struct message message = { .type = MESSAGE_FAILED };

	message.body.failure.generation = generation;
	snprintf(message.body.failure.text, sizeof message.body.failure.text,
	    "%s", text);
	say(host, &message);
}

static void
on_drained(void *ctx)
{
	struct host *host = ctx;

	say_table(host, MESSAGE_DRAINED, 0);
	event_base_loopbreak(host->base);
}

static void
drain(struct host *host, uint32_t deadline_ms)
{
	if (host->draining)
		return;
	host->draining = true;
	lambda_host_drain(host->lambda, deadline_ms);
}

static uint64_t
committed(void *ctx)
{
	const struct host *host = ctx;

	return atomic_load_explicit(&host->control->committed,
	    memory_order_acquire);
}

static void
open_socket(struct host *host, struct waiting_socket *socket)
{
	struct error err;

	list_remove(&socket->link);
	if (host->draining)
		close(socket->fd);
	else if (lambda_host_listen(host->lambda, socket->listener_id,
	    socket->fd, &err) < 0)
		log_error(host->log, "%s", err.text);
	free(socket);
}

/* What is committed by now is in force; then its sockets are served. */
static void
adopt(struct host *host)
{
	uint64_t now = committed(host);
	struct list *node, *after;

	if (host->prepared != 0 && host->prepared <= now) {
		lambda_host_commit(host->lambda);
		host->prepared = 0;
		host->serves = true;
	}
	if (!host->serves)
		return;
	LIST_EACH_SAFE(node, after, &host->sockets) {
		struct waiting_socket *socket = LIST_ITEM(node,
		    struct waiting_socket, link);

		if (socket->generation <= now)
			open_socket(host, socket);
	}
}

/* Of functions that will not come; 0: of any. */
static void
drop_sockets(struct host *host, uint64_t generation)
{
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &host->sockets) {
		struct waiting_socket *socket = LIST_ITEM(node,
		    struct waiting_socket, link);

		if (generation != 0 && socket->generation != generation)
			continue;
		list_remove(&socket->link);
		close(socket->fd);
		free(socket);
	}
}

static void
on_listen(struct host *host, const struct message_listen *body, int fd)
{
	struct waiting_socket *socket = mem_new(sizeof *socket);

	socket->listener_id = body->listener_id;
	socket->generation = body->generation;
	socket->fd = fd;
	list_append(&host->sockets, &socket->link);
	adopt(host);
}

static void
on_prepare(struct host *host, uint64_t generation, int fd)
{
	struct error err;

	/* What is committed comes first: quick reloads skip nothing. */
	adopt(host);
	if (lambda_host_prepare(host->lambda, fd, generation, &err) < 0) {
		log_error(host->log, "cannot prepare generation %llu: %s",
		    (unsigned long long)generation, err.text);
		say_failed(host, generation, err.text);
		return;
	}
	host->prepared = generation;
	adopt(host);
	say_table(host, MESSAGE_READY, generation);
}

static void
on_abort(struct host *host, uint64_t generation)
{
	lambda_host_abort(host->lambda, generation);
	if (host->prepared == generation)
		host->prepared = 0;
	drop_sockets(host, generation);
}

static void
on_error_log(struct host *host, int fd)
{
	int old = host->log_fd >= 0 ? host->log_fd : host->log->fd;

	host->log->fd = fd;
	host->log_fd = fd;
	if (old > STDERR_FILENO)
		close(old);
}

/* Takes *fd_p where the message carries one for us to keep. */
static void
on_message(struct host *host, const struct message *message, int *fd_p)
{
	switch (message->type) {
	case MESSAGE_LISTEN:
		on_listen(host, &message->body.listen, *fd_p);
		*fd_p = -1;
		break;
	case MESSAGE_RETIRE:
		lambda_host_retire(host->lambda,
		    message->body.listen.listener_id);
		break;
	case MESSAGE_ACCESS_LOG:
		lambda_host_log(host->lambda, message->body.log.log_id, *fd_p);
		*fd_p = -1;
		break;
	case MESSAGE_LOG_ENDED:
		lambda_host_log(host->lambda, message->body.log.log_id, -1);
		break;
	case MESSAGE_ERROR_LOG:
		on_error_log(host, *fd_p);
		*fd_p = -1;
		break;
	case MESSAGE_PREPARE:
		on_prepare(host, message->body.table.generation, *fd_p);
		break;
	case MESSAGE_COMMIT:
		adopt(host);
		break;
	case MESSAGE_ABORT:
		on_abort(host, message->body.table.generation);
		break;
	case MESSAGE_DRAIN:
		drain(host, message->body.drain.deadline_ms);
		break;
	default:
		log_error(host->log, "message %u from the master",
		    message->type);
		break;
	}
}

/* Without a master: workers finish what they have, and need us for it. */
static void
orphaned(struct host *host)
{
	event_del(host->readable);
	alarm(ORPHAN_ALARM_S);
	log_notice(host->log, "the master is gone: finishing");
	host->draining = false;
	drain(host, ORPHAN_MS);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct host *host = arg;
	struct message message;
	struct error err;
	int extra;

	(void)fd;
	(void)what;
	for (;;) {
		switch (channel_receive(&host->channel, &message, &extra,
		    &err)) {
		case CHANNEL_AGAIN:
			return;
		case CHANNEL_ERROR:
			log_error(host->log, "%s", err.text);
			orphaned(host);
			return;
		case CHANNEL_END:
			orphaned(host);
			return;
		case CHANNEL_MESSAGE:
			on_message(host, &message, &extra);
			fd_close(&extra);
			break;
		}
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct host *host = arg;
	struct error err;

	(void)fd;
	(void)what;
	if (channel_flush(&host->channel, &err) == 0 &&
	    host->channel.waiting > 0)
		event_add(host->writable, NULL);
}

/* What the master is sent is the master's business alone. */
static void
set_signals(struct host *host)
{
	static const int ignored[] = { SIGINT, SIGHUP, SIGQUIT, SIGUSR1,
		SIGWINCH, SIGTTIN, SIGTTOU, SIGPIPE };
	size_t i;

	for (i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGUSR2, on_orphaned);
	host->term = evsignal_new(host->base, SIGTERM, on_term, host);
	event_add(host->term, NULL);
}

static int
open_loop(struct host *host)
{
	struct timeval second = { .tv_sec = 1 };
	int fd = host->start->common->channel;

	host->base = event_base_new();
	if (host->base == NULL) {
		log_error(host->log, "cannot make an event loop");
		return -1;
	}
	set_signals(host);
	channel_open(&host->channel, fd);
	host->readable = event_new(host->base, fd, EV_READ | EV_PERSIST,
	    on_readable, host);
	host->writable = event_new(host->base, fd, EV_WRITE, on_writable,
	    host);
	host->beat = event_new(host->base, -1, EV_PERSIST, on_beat, host);
	event_add(host->readable, NULL);
	event_add(host->beat, &second);
	return 0;
}

static void
close_loop(struct host *host)
{
	drop_sockets(host, 0);
	event_free(host->readable);
	event_free(host->writable);
	event_free(host->beat);
	event_free(host->term);
	channel_close(&host->channel);
	event_base_free(host->base);
}

static void
serve(struct host *host)
{
	const struct worker_start *common = host->start->common;
	struct lambda_host_env env = {
		.base = host->base,
		.log = host->log,
		.libexec = host->start->libexec,
		.committed = committed,
		.drained = on_drained,
		.ctx = host,
	};
	struct error err;

	if (geteuid() == 0) {
		env.uid = common->launch->uid;
		env.gid = common->launch->gid;
	}
	host->lambda = lambda_host_open(&env);
	if (host->start->watch &&
	    lambda_host_watch(host->lambda, true, &err) < 0)
		log_error(host->log, "%s", err.text);
	event_base_dispatch(host->base);
	lambda_host_close(&host->lambda);
}

/* The host's life, from just behind the fork. Returns its exit code. */
int
host_run(const struct host_start *start)
{
	static struct host host;
	const struct worker_start *common = start->common;
	struct error err;

	host = (struct host){ .start = start, .log = common->log,
	    .control = common->control,
	    .slot = &common->control->slots[common->cell], .log_fd = -1 };
	list_init(&host.sockets);
	if ((start->root && geteuid() == 0 ?
	    daemon_drop_most(common->launch, &err) :
	    daemon_drop(common->launch, &err)) < 0) {
		log_error(host.log, "%s", err.text);
		return 1;
	}
	if (open_loop(&host) < 0)
		return 1;
	/* After the privileges are gone: changing the user forgets this. */
	prctl(PR_SET_PDEATHSIG, SIGUSR2, 0, 0, 0);
	if (getppid() == common->master)
		serve(&host);
	close_loop(&host);
	return 0;
}
