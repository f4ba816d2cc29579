/*
 * http/listen.c - a worker's listening sockets
 *
 * The master opened them and keeps its own copies, so nothing that is queued
 * is lost when a worker goes. When connections or descriptors run out,
 * accepting pauses instead of spinning.
 */

#include "http/h1_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/error.h"
#include "util/log.h"
#include "util/mem.h"

#define ACCEPTS		64	/* in a row before others' turn */
#define BREATH_MS	100	/* pause when nothing more can be accepted */

struct h1_listener {
	struct list link;	/* in server->listeners */
	struct h1_server *server;
	struct event event;
	uint64_t id;
	bool retired;
};

static const char full_answer[] =
    "HTTP/1.1 503 Service Unavailable\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 33\r\n"
    "Connection: close\r\n\r\n"
    "{\"message\":\"Service Unavailable\"}";

static void
peer_set(struct http_peer *peer, const struct sockaddr_storage *from)
{
	const struct sockaddr_in *in = (const void *)from;
	const struct sockaddr_in6 *in6 = (const void *)from;

	memset(peer, 0, sizeof *peer);
	if (from->ss_family == AF_INET) {
		peer->family = 4;
		memcpy(peer->ip, &in->sin_addr, 4);
		peer->port = ntohs(in->sin_port);
	} else if (from->ss_family == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		peer->family = 4;
		memcpy(peer->ip, in6->sin6_addr.s6_addr + 12, 4);
		peer->port = ntohs(in6->sin6_port);
	} else if (from->ss_family == AF_INET6) {
		peer->family = 6;
		memcpy(peer->ip, &in6->sin6_addr, 16);
		peer->port = ntohs(in6->sin6_port);
	} else {
		peer->family = 1;
	}
}

static void
accepting(struct h1_server *server, bool on)
{
	struct list *node;

	server->full = !on;
	LIST_EACH(node, &server->listeners) {
		struct h1_listener *l = LIST_ITEM(node, struct h1_listener,
		    link);

		if (on)
			event_add(&l->event, NULL);
		if (on && l->retired)
			event_active(&l->event, EV_READ, 0);
		else if (!on)
			event_del(&l->event);
	}
	if (!on)
		loop_timer_set(server->loop, &server->breath, BREATH_MS);
}

static void
breath_over(struct timer *timer)
{
	accepting(LIST_ITEM(timer, struct h1_server, breath), true);
}

/* No descriptors left: give up the spare one to send one client away. */
static void
send_away(struct h1_server *server, int listen_fd)
{
	int fd;

	close(server->spare_fd);
	fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		(void)send(fd, full_answer, sizeof full_answer - 1,
		    MSG_NOSIGNAL);
		close(fd);
	}
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* 0 accepted, -1 none there, -2 no more can be had now. */
static int
accept_one(struct h1_listener *l)
{
	struct h1_server *server = l->server;
	struct sockaddr_storage from;
	socklen_t size = sizeof from;
	struct http_peer peer;
	int fd;

	if (server->nconnections >= server->settings.connections_max) {
		log_warn(server->log, "all %u connections of this worker are "
		    "in use; raise worker_connections or workers",
		    server->settings.connections_max);
		send_away(server, (int)event_get_fd(&l->event));
		return -2;
	}
	from.ss_family = AF_UNIX;
	fd = accept4((int)event_get_fd(&l->event), (struct sockaddr *)&from,
	    &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE ||
	    errno == ENOBUFS || errno == ENOMEM)) {
		log_warn(server->log, "no descriptors left to accept clients; "
		    "raise the limit of open files");
		send_away(server, (int)event_get_fd(&l->event));
		return -2;
	}
	if (fd < 0)
		return errno == ECONNABORTED || errno == EINTR ? 0 : -1;
	peer_set(&peer, &from);
	if (server->admit != NULL &&
	    !server->admit(server, fd, &peer, l->id)) {
		close(fd);
		return 0;
	}
	h1_accepted(server, fd, &peer, l->id);
	return 0;
}

static void
listener_free(struct h1_listener *l)
{
	event_del(&l->event);
	close((int)event_get_fd(&l->event));
	list_remove(&l->link);
	free(l);
}

static void
accept_cb(evutil_socket_t fd, short what, void *arg)
{
	struct h1_listener *l = arg;
	unsigned i;
	int result = 0;

	(void)fd;
	(void)what;
	loop_turn(l->server->loop);
	for (i = 0; i < ACCEPTS && result == 0; i++)
		result = accept_one(l);
	if (result == -2)
		accepting(l->server, false);
	else if (result == -1 && l->retired)
		listener_free(l);
	else if (l->retired)
		event_active(&l->event, EV_READ, 0);
}

/* An empty server; the caller fills core and settings. */
void
h1_server_open(struct h1_server *server, struct loop *loop, struct log *log)
{
	memset(server, 0, sizeof *server);
	server->loop = loop;
	server->log = log;
	list_init(&server->listeners);
	list_init(&server->connections);
	timer_init(&server->breath, breath_over);
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Everything is closed; exchanges hear that their clients are gone. */
void
h1_server_close(struct h1_server *server)
{
	struct list *node;

	server->emptied = NULL;
	while ((node = server->listeners.next) != &server->listeners)
		listener_free(LIST_ITEM(node, struct h1_listener, link));
	h1_cut(server);
	loop_timer_clear(server->loop, &server->breath);
	close(server->spare_fd);
}

/* Accept from fd, which is the server's from now on; id names it. */
int
h1_listen(struct h1_server *server, int fd, uint64_t id, struct error *err)
{
	struct h1_listener *l = mem_new(sizeof *l);

	l->server = server;
	l->id = id;
	event_assign(&l->event, server->loop->base, fd, EV_READ | EV_PERSIST,
	    accept_cb, l);
	if (!server->full && event_add(&l->event, NULL) < 0) {
		close(fd);
		free(l);
		return error_set(err, "the event loop refuses a listening "
		    "socket");
	}
	list_append(&server->listeners, &l->link);
	return 0;
}

/* Accept what is queued on the sockets of this id, then close them. */
void
h1_retire(struct h1_server *server, uint64_t id)
{
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &server->listeners) {
		struct h1_listener *l = LIST_ITEM(node, struct h1_listener,
		    link);

		if (l->id != id)
			continue;
		l->retired = true;
		accept_cb(event_get_fd(&l->event), EV_READ, l);
	}
}

/*
 * No new clients. Connections end after their next answer, or when they have
 * been idle for idle_ms; never at once, since their next request may already
 * be on its way.
 */
void
h1_drain(struct h1_server *server, uint32_t idle_ms)
{
	struct list *node, *after;

	server->draining = true;
	while ((node = server->listeners.next) != &server->listeners)
		listener_free(LIST_ITEM(node, struct h1_listener, link));
	loop_timer_clear(server->loop, &server->breath);
	if (server->settings.keep_alive_ms > idle_ms)
		server->settings.keep_alive_ms = idle_ms;
	LIST_EACH_SAFE(node, after, &server->connections) {
		struct h1_conn *c = LIST_ITEM(node, struct h1_conn, link);

		if (c->state == H1_HEAD && c->kept == NULL) {
			loop_timer_clear(server->loop, &c->io.timer);
			h1_wait_set(c, H1_WAIT_HEAD, idle_ms);
		}
	}
	if (server->nconnections == 0 && server->emptied != NULL)
		server->emptied(server);
}

/* End every connection now. */
void
h1_cut(struct h1_server *server)
{
	struct list *node;

	server->cutting = true;
	while ((node = server->connections.next) != &server->connections)
		h1_close(LIST_ITEM(node, struct h1_conn, link));
	server->cutting = false;
}
