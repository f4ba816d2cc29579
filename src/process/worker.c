/*
 * process/worker.c - a worker: privileges away, a loop, the request core
 *
 * Owned by nobody but itself: what it knows comes over its channel. It adopts
 * whatever is committed before it prepares another table, and ends by itself
 * when the master's end of the channel closes. It never forks, never opens a
 * listening socket and never reads a configuration.
 */

#include "process/worker.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "gateway/gateway.h"
#include "process/daemon.h"
#include "shared/control.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"

#define ORPHAN_MS	4000	/* an orphan's time to finish */
#define ORPHAN_ALARM_S	5	/* and what ends it when its loop is stuck */

/* A listening socket that waits for the table that knows its listener. */
struct waiting_socket {
	struct list link;	/* in worker.sockets */
	uint64_t listener_id;
	uint64_t generation;
	int fd;			/* owned */
};

struct worker {
	const struct worker_start *start;
	struct log *log;
	struct control_slot *slot;
	struct event_base *base;
	struct gateway *gateway;
	struct channel channel;
	struct event *readable, *writable, *beat, *term;
	struct list sockets;	/* struct waiting_socket */
	int term_fd;		/* readable when TERM came; owned */
	int log_fd;		/* owned; -1: the one we were born with */
	uint64_t first;		/* generation first prepared well; 0: none */
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
on_term(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(worker->base);
}

static void
on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;

	(void)fd;
	(void)what;
	atomic_store_explicit(&worker->slot->heartbeat, clock_now_ms(),
	    memory_order_relaxed);
}

static void
say(struct worker *worker, const struct message *message)
{
	struct error err;

	if (channel_send(&worker->channel, message, -1, &err) < 0)
		return;		/* the end of the channel shows on reading */
	if (worker->channel.waiting > 0)
		event_add(worker->writable, NULL);
}

static void
say_table(struct worker *worker, enum message_type type, uint64_t generation)
{
	struct message message = { .type = type };

	message.body.table.generation = generation;
	say(worker, &message);
}

static void
say_failed(struct worker *worker, uint64_t generation, const char *text)
{
	struct message message = { .type = MESSAGE_FAILED };

	message.body.failure.generation = generation;
	snprintf(message.body.failure.text, sizeof message.body.failure.text,
	    "%s", text);
	say(worker, &message);
}

static void
on_drained(void *ctx)
{
	struct worker *worker = ctx;

	say_table(worker, MESSAGE_DRAINED, 0);
	event_base_loopbreak(worker->base);
}

static void
drain(struct worker *worker, uint32_t deadline_ms)
{
	if (worker->draining)
		return;
	worker->draining = true;
	atomic_store_explicit(&worker->slot->draining, 1,
	    memory_order_relaxed);
	gateway_drain(worker->gateway, deadline_ms);
}

static uint64_t
committed(const struct worker *worker)
{
	return atomic_load_explicit(&worker->start->control->committed,
	    memory_order_acquire);
}

/* Accept from the sockets whose table is in force. */
static void
open_sockets(struct worker *worker)
{
	uint64_t now = committed(worker);
	struct list *node, *after;
	struct error err;

	/* Without a table there is nothing to answer clients with. */
	if (worker->first == 0 || worker->first > now)
		return;
	LIST_EACH_SAFE(node, after, &worker->sockets) {
		struct waiting_socket *socket = LIST_ITEM(node,
		    struct waiting_socket, link);

		if (socket->generation > now)
			continue;
		list_remove(&socket->link);
		if (worker->draining)
			close(socket->fd);
		else if (gateway_listen(worker->gateway, socket->listener_id,
		    socket->fd, &err) < 0)
			log_error(worker->log, "%s", err.text);
		free(socket);
	}
}

/* Of a table that will not come; 0: of any. */
static void
drop_sockets(struct worker *worker, uint64_t generation)
{
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &worker->sockets) {
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
on_listen(struct worker *worker, const struct message_listen *body, int fd)
{
	struct waiting_socket *socket = mem_new(sizeof *socket);

	socket->listener_id = body->listener_id;
	socket->generation = body->generation;
	socket->fd = fd;
	list_append(&worker->sockets, &socket->link);
	open_sockets(worker);
}

static void
on_prepare(struct worker *worker, uint64_t generation, int fd)
{
	struct error err;

	/* What is committed comes first: quick reloads skip no table. */
	gateway_adopt(worker->gateway);
	if (gateway_prepare(worker->gateway, fd, generation, &err) < 0) {
		log_error(worker->log, "cannot prepare generation %llu: %s",
		    (unsigned long long)generation, err.text);
		say_failed(worker, generation, err.text);
		return;
	}
	if (worker->first == 0)
		worker->first = generation;
	gateway_adopt(worker->gateway);
	open_sockets(worker);
	say_table(worker, MESSAGE_READY, generation);
}

static void
on_error_log(struct worker *worker, int fd)
{
	int old = worker->log_fd >= 0 ? worker->log_fd : worker->log->fd;

	worker->log->fd = fd;
	worker->log_fd = fd;
	if (old > STDERR_FILENO)
		close(old);
}

/* Takes *fd_p where the message carries one for us to keep. */
static void
on_message(struct worker *worker, const struct message *message, int *fd_p)
{
	switch (message->type) {
	case MESSAGE_LISTEN:
		on_listen(worker, &message->body.listen, *fd_p);
		*fd_p = -1;
		break;
	case MESSAGE_RETIRE:
		gateway_retire(worker->gateway,
		    message->body.listen.listener_id);
		break;
	case MESSAGE_ACCESS_LOG:
		gateway_log(worker->gateway, message->body.log.log_id, *fd_p);
		*fd_p = -1;
		break;
	case MESSAGE_LOG_ENDED:
		gateway_log(worker->gateway, message->body.log.log_id, -1);
		break;
	case MESSAGE_ERROR_LOG:
		on_error_log(worker, *fd_p);
		*fd_p = -1;
		break;
	case MESSAGE_PREPARE:
		on_prepare(worker, message->body.table.generation, *fd_p);
		break;
	case MESSAGE_COMMIT:
		gateway_adopt(worker->gateway);
		open_sockets(worker);
		break;
	case MESSAGE_ABORT:
		gateway_abort(worker->gateway, message->body.table.generation);
		if (worker->first == message->body.table.generation)
			worker->first = 0;
		drop_sockets(worker, message->body.table.generation);
		break;
	case MESSAGE_DRAIN:
		drain(worker, message->body.drain.deadline_ms);
		break;
	default:
		log_error(worker->log, "message %u from the master",
		    message->type);
		break;
	}
}

/* Without a master: finish soon, and end. */
static void
orphaned(struct worker *worker)
{
	event_del(worker->readable);
	alarm(ORPHAN_ALARM_S);
	log_notice(worker->log, "the master is gone: finishing");
	if (worker->draining)
		gateway_drain(worker->gateway, ORPHAN_MS);
	drain(worker, ORPHAN_MS);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	struct message message;
	struct error err;
	int extra;

	(void)fd;
	(void)what;
	for (;;) {
		switch (channel_receive(&worker->channel, &message, &extra,
		    &err)) {
		case CHANNEL_AGAIN:
			return;
		case CHANNEL_ERROR:
			log_error(worker->log, "%s", err.text);
			orphaned(worker);
			return;
		case CHANNEL_END:
			orphaned(worker);
			return;
		case CHANNEL_MESSAGE:
			on_message(worker, &message, &extra);
			fd_close(&extra);
			break;
		}
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	struct error err;

	(void)fd;
	(void)what;
	if (channel_flush(&worker->channel, &err) == 0 &&
	    worker->channel.waiting > 0)
		event_add(worker->writable, NULL);
}

static struct event_base *
base_open(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config == NULL)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_avoid_method(config, "select");
	event_config_avoid_method(config, "poll");
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

/*
 * What the master is sent is the master's business alone. TERM comes as a
 * readable descriptor: libevent still believes that the signals are those of
 * the loop it left behind in the master.
 */
static int
set_signals(struct worker *worker)
{
	static const int ignored[] = { SIGINT, SIGHUP, SIGQUIT, SIGUSR1,
		SIGWINCH, SIGTTIN, SIGTTOU, SIGPIPE };
	sigset_t term;
	size_t i;

	for (i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGUSR2, on_orphaned);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	worker->term_fd = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
	if (worker->term_fd < 0)
		return -1;
	worker->term = event_new(worker->base, worker->term_fd, EV_READ,
	    on_term, worker);
	event_add(worker->term, NULL);
	return 0;
}

/* After the privileges are gone: changing the user forgets this. */
static int
watch_master(const struct worker *worker)
{
	prctl(PR_SET_PDEATHSIG, SIGUSR2, 0, 0, 0);
	return getppid() == worker->start->master ? 0 : -1;
}

static int
open_loop(struct worker *worker)
{
	struct timeval second = { .tv_sec = 1 };
	int fd = worker->start->channel;

	worker->base = base_open();
	if (worker->base == NULL || set_signals(worker) < 0) {
		log_error(worker->log, "cannot make an event loop");
		return -1;
	}
	channel_open(&worker->channel, fd);
	worker->readable = event_new(worker->base, fd, EV_READ | EV_PERSIST,
	    on_readable, worker);
	worker->writable = event_new(worker->base, fd, EV_WRITE, on_writable,
	    worker);
	worker->beat = event_new(worker->base, -1, EV_PERSIST, on_beat,
	    worker);
	event_add(worker->readable, NULL);
	event_add(worker->beat, &second);
	return 0;
}

static void
close_loop(struct worker *worker)
{
	drop_sockets(worker, 0);
	event_free(worker->readable);
	event_free(worker->writable);
	event_free(worker->beat);
	event_free(worker->term);
	fd_close(&worker->term_fd);
	channel_close(&worker->channel);
	event_base_free(worker->base);
}

/* The worker's life, from just behind the fork. Returns its exit code. */
int
worker_run(const struct worker_start *start)
{
	static struct worker worker;
	struct gateway_env env = {
		.log = start->log,
		.control = start->control,
		.slot = &start->control->slots[start->cell],
		.region = start->region,
		.drained = on_drained,
		.ctx = &worker,
	};
	struct error err;

	worker = (struct worker){ .start = start, .log = start->log,
	    .slot = env.slot, .log_fd = -1 };
	list_init(&worker.sockets);
	if (daemon_drop(start->launch, &err) < 0) {
		log_error(worker.log, "%s", err.text);
		return 1;
	}
	if (open_loop(&worker) < 0)
		return 1;
	if (watch_master(&worker) < 0)
		return 0;
	env.base = worker.base;
	worker.gateway = gateway_open(&env);
	event_base_dispatch(worker.base);
	gateway_close(&worker.gateway);
	close_loop(&worker);
	return 0;
}
