/*
 * origin.c - the backend behind every proxy of the bench
 *
 * One process, one epoll, HTTP/1.1 keep-alive, fixed replies made at the
 * start: /64k and /10m answer with that many bytes, any other path with a
 * reply of 195 bytes in all. Bodies of requests are counted and dropped. It
 * must stay far cheaper than what is measured in front of it: it understands
 * requests with a length or none, and hangs up on anything else.
 *
 *	origin [--listen ADDRESS]		(default 127.0.0.1:0)
 */

#include <sys/epoll.h>
#include <sys/socket.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

#define HEAD_MAX	8192
#define EVENTS		256

/* 195 bytes from the first to the last. */
static const char small_reply[] =
    "HTTP/1.1 200 OK\r\n"
    "Server: origin\r\n"
    "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 71\r\n"
    "\r\n"
    "{\"id\":\"0123456789abcdef\",\"name\":\"cat\",\"legs\":4,"
    "\"age\":\"young\",\"ok\":true}";

static_assert(sizeof small_reply - 1 == 195, "the small reply has 195 bytes");

struct reply {
	const char *bytes;
	size_t size;
};

struct client {
	int fd;
	bool drained;		/* a short read: wait for the next edge */
	bool ending;		/* the peer closed: read until its end */
	uint64_t body_left;	/* of the request being read */
	const struct reply *reply;	/* being sent, or NULL */
	size_t sent;
	size_t have;		/* bytes in head */
	char head[HEAD_MAX];
};

/* What one epoll turn serves; handed down, never global. */
struct origin {
	int epoll;
	int listener;
	struct reply small;
	struct reply medium;	/* 64 KiB of body */
	struct reply large;	/* 10 MiB of body */
};

enum progress { GO_ON, WAIT, HANG_UP };

static struct reply
reply_make(size_t body)
{
	struct reply reply;
	char *bytes;
	int head;

	bytes = malloc(body + 256);
	if (bytes == NULL)
		err(1, "cannot make a reply of %zu bytes", body);
	head = snprintf(bytes, 256, "HTTP/1.1 200 OK\r\n"
	    "Server: origin\r\n"
	    "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
	    "Content-Type: application/octet-stream\r\n"
	    "Content-Length: %zu\r\n\r\n", body);
	memset(bytes + head, 'x', body);
	reply.bytes = bytes;
	reply.size = (size_t)head + body;
	return reply;
}

static bool
target_is(const char *head, const char *path)
{
	const char *target = strchr(head, ' ');
	size_t length = strlen(path);

	return target != NULL && strncmp(target + 1, path, length) == 0 &&
	    target[1 + length] == ' ';
}

static const struct reply *
choose_reply(const struct origin *origin, const char *head)
{
	if (target_is(head, "/64k"))
		return &origin->medium;
	if (target_is(head, "/10m"))
		return &origin->large;
	return &origin->small;
}

/*
 * The request's body length from its Content-Length; 0 without one. A GET is
 * spared the search.
 */
static uint64_t
body_length(const char *head)
{
	const char *field;

	if (strncmp(head, "GET ", 4) == 0)
		return 0;
	field = strcasestr(head, "\r\ncontent-length:");
	return field == NULL ? 0 : strtoull(field + 17, NULL, 10);
}

/* Take what has arrived as head and body; a whole request sets reply. */
static enum progress
client_parse(const struct origin *origin, struct client *client)
{
	const char *end;
	size_t used;

	client->head[client->have] = '\0';
	end = strstr(client->head, "\r\n\r\n");
	if (end == NULL)
		return client->have == HEAD_MAX - 1 ? HANG_UP : GO_ON;
	used = (size_t)(end - client->head) + 4;
	client->reply = choose_reply(origin, client->head);
	client->body_left = body_length(client->head);
	client->have -= used;
	memmove(client->head, client->head + used, client->have);
	return GO_ON;
}

/* Count the bytes at hand as body. */
static void
client_drop_body(struct client *client)
{
	size_t used = client->have;

	if (used > client->body_left)
		used = client->body_left;
	client->body_left -= used;
	client->have -= used;
	memmove(client->head, client->head + used, client->have);
}

static enum progress
client_receive(struct client *client)
{
	size_t room = HEAD_MAX - 1 - client->have;
	ssize_t n;

	if (client->drained)
		return WAIT;
	n = recv(client->fd, client->head + client->have, room, 0);
	if (n == 0)
		return HANG_UP;
	if (n < 0)
		return errno == EAGAIN ? WAIT : HANG_UP;
	client->drained = (size_t)n < room && !client->ending;
	client->have += (size_t)n;
	return GO_ON;
}

static enum progress
client_send(struct client *client)
{
	const struct reply *reply = client->reply;
	ssize_t n;

	n = send(client->fd, reply->bytes + client->sent,
	    reply->size - client->sent, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN ? WAIT : HANG_UP;
	client->sent += (size_t)n;
	if (client->sent == reply->size) {
		client->reply = NULL;
		client->sent = 0;
	}
	return GO_ON;
}

/* One step of a client: send what is due, or read what comes next. */
static enum progress
client_step(const struct origin *origin, struct client *client)
{
	if (client->body_left > 0 && client->have > 0)
		client_drop_body(client);
	if (client->body_left > 0)
		return client_receive(client);
	if (client->reply != NULL)
		return client_send(client);
	if (client->have > 0) {
		if (client_parse(origin, client) == HANG_UP)
			return HANG_UP;
		if (client->reply != NULL)
			return GO_ON;
	}
	return client_receive(client);
}

static void
client_turn(const struct origin *origin, struct client *client,
    uint32_t events)
{
	enum progress progress;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		client->drained = false;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		client->ending = true;
	do
		progress = client_step(origin, client);
	while (progress == GO_ON);
	if (progress == HANG_UP) {
		close(client->fd);
		free(client);
	}
}

static void
origin_accept(const struct origin *origin)
{
	struct epoll_event event;
	struct client *client;
	int fd;

	while ((fd = net_accept(origin->listener)) >= 0) {
		client = calloc(1, sizeof *client);
		if (client == NULL)
			err(1, "cannot hold one more client");
		client->fd = fd;
		event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
		event.data.ptr = client;
		if (epoll_ctl(origin->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
			err(1, "epoll_ctl");
	}
}

static void
origin_run(const struct origin *origin)
{
	struct epoll_event events[EVENTS];
	int i, n;

	for (;;) {
		n = epoll_wait(origin->epoll, events, EVENTS, -1);
		if (n < 0 && errno != EINTR)
			err(1, "epoll_wait");
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				origin_accept(origin);
			else
				client_turn(origin, events[i].data.ptr,
				    events[i].events);
		}
	}
}

static const char *
parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 }
	};
	const char *address = "127.0.0.1:0";
	int c;

	while ((c = getopt_long(argc, argv, "l:", options, NULL)) != -1) {
		if (c != 'l')
			exit(2);
		address = optarg;
	}
	if (optind < argc)
		errx(2, "%s: an option was expected", argv[optind]);
	return address;
}

int
main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct origin origin;

	net_die_with_parent();
	net_raise_files();
	origin.small.bytes = small_reply;
	origin.small.size = sizeof small_reply - 1;
	origin.medium = reply_make(64 * 1024);
	origin.large = reply_make(10 * 1024 * 1024);
	origin.listener = net_listen(parse_options(argc, argv));
	origin.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (origin.epoll < 0 || epoll_ctl(origin.epoll, EPOLL_CTL_ADD,
	    origin.listener, &event) < 0)
		err(1, "epoll");
	net_announce(origin.listener);
	origin_run(&origin);
	return 0;
}
