/*
 * relay.c - the floor under every proxy: bytes in, the same bytes out
 *
 * One epoll, one upstream connection per client connection, nothing parsed.
 * A small message costs recv and send; with --splice what comes back from the
 * upstream goes through a pipe and is never copied to user memory. No proxy
 * that understands what it forwards can be much cheaper, so the others are
 * measured against it.
 *
 *	relay --upstream ADDRESS [--listen ADDRESS] [--splice]
 */

#include <sys/epoll.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

#define EVENTS		256
#define SCRATCH		65536
#define PIPE_SIZE	(256 * 1024)

/* A pipe at rest in the pool, or lent to the end whose bytes are in it. */
struct relay_pipe {
	struct relay_pipe *next;
	int in;
	int out;
	size_t held;
};

/* One of a pair's two connections, and what was read from it. */
struct end {
	int fd;
	struct pair *pair;
	struct end *peer;
	bool readable;		/* since the last edge: worth a read */
	bool ending;		/* its sender closed: read until the end */
	bool finished;		/* the end was read */
	bool splice;		/* what is read here goes through a pipe */
	struct relay_pipe *pipe;
	char *tail;		/* read from here, not yet taken by peer */
	size_t tail_sent;
	size_t tail_size;
};

struct pair {
	struct pair *next_dead;
	bool dead;
	struct end client;
	struct end upstream;
};

struct relay {
	int epoll;
	int listener;
	bool splice;
	const char *upstream;
	struct pair *dead;	/* freed when this turn's events are done */
	struct relay_pipe *pipes;
	char scratch[SCRATCH];
};

enum progress { GO_ON, WAIT, HANG_UP };

static struct relay_pipe *
pipe_borrow(struct relay *relay)
{
	struct relay_pipe *borrowed = relay->pipes;
	int fds[2];

	if (borrowed != NULL) {
		relay->pipes = borrowed->next;
		return borrowed;
	}
	borrowed = calloc(1, sizeof *borrowed);
	if (borrowed == NULL || pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		err(1, "cannot make a pipe");
	/* A smaller pipe only costs more calls. */
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
	borrowed->out = fds[0];
	borrowed->in = fds[1];
	return borrowed;
}

/* Only an empty pipe goes back to the pool. */
static void
pipe_return(struct relay *relay, struct relay_pipe **pipe_p)
{
	struct relay_pipe *returned = *pipe_p;

	*pipe_p = NULL;
	if (returned == NULL)
		return;
	if (returned->held == 0) {
		returned->next = relay->pipes;
		relay->pipes = returned;
		return;
	}
	close(returned->in);
	close(returned->out);
	free(returned);
}

static void
end_close(struct relay *relay, struct end *end)
{
	close(end->fd);
	free(end->tail);
	pipe_return(relay, &end->pipe);
}

static void
pair_close(struct relay *relay, struct pair *pair)
{
	end_close(relay, &pair->client);
	end_close(relay, &pair->upstream);
	pair->dead = true;
	pair->next_dead = relay->dead;
	relay->dead = pair;
}

static void
free_dead(struct relay *relay)
{
	struct pair *pair;

	while ((pair = relay->dead) != NULL) {
		relay->dead = pair->next_dead;
		free(pair);
	}
}

static enum progress
verdict(void)
{
	return errno == EAGAIN || errno == ENOTCONN ? WAIT : HANG_UP;
}

/* Keep what the peer would not take. */
static void
keep_tail(struct end *end, const char *bytes, size_t size)
{
	end->tail = malloc(size);
	if (end->tail == NULL)
		err(1, "cannot keep %zu bytes", size);
	memcpy(end->tail, bytes, size);
	end->tail_sent = 0;
	end->tail_size = size;
}

static enum progress
send_tail(struct end *end)
{
	ssize_t n;

	n = send(end->peer->fd, end->tail + end->tail_sent,
	    end->tail_size - end->tail_sent, MSG_NOSIGNAL);
	if (n < 0)
		return verdict();
	end->tail_sent += (size_t)n;
	if (end->tail_sent < end->tail_size)
		return WAIT;
	free(end->tail);
	end->tail = NULL;
	return GO_ON;
}

static enum progress
send_pipe(struct relay *relay, struct end *end)
{
	ssize_t n;

	n = splice(end->pipe->out, NULL, end->peer->fd, NULL,
	    end->pipe->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0)
		return verdict();
	end->pipe->held -= (size_t)n;
	if (end->pipe->held > 0)
		return GO_ON;
	pipe_return(relay, &end->pipe);
	return GO_ON;
}

static enum progress
forward_spliced(struct relay *relay, struct end *end)
{
	ssize_t n;

	end->pipe = pipe_borrow(relay);
	n = splice(end->fd, NULL, end->pipe->in, NULL, PIPE_SIZE,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n > 0) {
		end->pipe->held = (size_t)n;
		return GO_ON;
	}
	pipe_return(relay, &end->pipe);
	if (n == 0)
		end->finished = true;
	else if (errno != EAGAIN)
		return HANG_UP;
	end->readable = false;
	return GO_ON;
}

static enum progress
forward_copied(struct relay *relay, struct end *end)
{
	ssize_t n, sent;

	n = recv(end->fd, relay->scratch, SCRATCH, 0);
	if (n < 0) {
		end->readable = false;
		return verdict();
	}
	end->readable = n == SCRATCH || end->ending;
	if (n == 0) {
		end->finished = true;
		return GO_ON;
	}
	sent = send(end->peer->fd, relay->scratch, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0 && verdict() == HANG_UP)
		return HANG_UP;
	if (sent < 0)
		sent = 0;
	if (sent < n)
		keep_tail(end, relay->scratch + sent, (size_t)(n - sent));
	return GO_ON;
}

/* One step of what flows from this end to its peer. */
static enum progress
end_step(struct relay *relay, struct end *end)
{
	if (end->tail != NULL)
		return send_tail(end);
	if (end->pipe != NULL)
		return send_pipe(relay, end);
	if (end->finished)
		return HANG_UP;
	if (!end->readable)
		return WAIT;
	if (end->splice)
		return forward_spliced(relay, end);
	return forward_copied(relay, end);
}

static enum progress
end_pump(struct relay *relay, struct end *end)
{
	enum progress progress;

	do
		progress = end_step(relay, end);
	while (progress == GO_ON);
	return progress;
}

static void
end_turn(struct relay *relay, struct end *end, uint32_t events)
{
	struct pair *pair = end->pair;

	if (pair->dead)
		return;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		end->readable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		end->ending = true;
	if (end->readable && end_pump(relay, end) == HANG_UP) {
		pair_close(relay, pair);
		return;
	}
	/* Room here: move on what the peer's sender is waiting with. */
	if ((events & EPOLLOUT) &&
	    (end->peer->tail != NULL || end->peer->pipe != NULL) &&
	    end_pump(relay, end->peer) == HANG_UP)
		pair_close(relay, pair);
}

static void
end_open(struct relay *relay, struct pair *pair, struct end *end, int fd)
{
	struct epoll_event event;

	end->fd = fd;
	end->pair = pair;
	end->peer = end == &pair->client ? &pair->upstream : &pair->client;
	event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
	event.data.ptr = end;
	if (epoll_ctl(relay->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
}

static void
relay_accept(struct relay *relay)
{
	struct pair *pair;
	int fd;

	while ((fd = net_accept(relay->listener)) >= 0) {
		pair = calloc(1, sizeof *pair);
		if (pair == NULL)
			err(1, "cannot hold one more pair");
		end_open(relay, pair, &pair->client, fd);
		end_open(relay, pair, &pair->upstream,
		    net_connect(relay->upstream));
		pair->upstream.splice = relay->splice;
	}
}

static void
relay_run(struct relay *relay)
{
	struct epoll_event events[EVENTS];
	int i, n;

	for (;;) {
		n = epoll_wait(relay->epoll, events, EVENTS, -1);
		if (n < 0 && errno != EINTR)
			err(1, "epoll_wait");
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				relay_accept(relay);
			else
				end_turn(relay, events[i].data.ptr,
				    events[i].events);
		}
		free_dead(relay);
	}
}

static void
parse_options(int argc, char **argv, struct relay *relay)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "upstream", required_argument, NULL, 'u' },
		{ "splice", no_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 }
	};
	const char *address = "127.0.0.1:0";
	int c;

	while ((c = getopt_long(argc, argv, "l:u:s", options, NULL)) != -1) {
		switch (c) {
		case 'l':
			address = optarg;
			break;
		case 'u':
			relay->upstream = optarg;
			break;
		case 's':
			relay->splice = true;
			break;
		default:
			exit(2);
		}
	}
	if (optind < argc || relay->upstream == NULL)
		errx(2, "usage: relay --upstream ADDRESS "
		    "[--listen ADDRESS] [--splice]");
	relay->listener = net_listen(address);
}

int
main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct relay *relay;

	net_die_with_parent();
	net_raise_files();
	relay = calloc(1, sizeof *relay);
	if (relay == NULL)
		err(1, "no memory");
	parse_options(argc, argv, relay);
	relay->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (relay->epoll < 0 || epoll_ctl(relay->epoll, EPOLL_CTL_ADD,
	    relay->listener, &event) < 0)
		err(1, "epoll");
	net_announce(relay->listener);
	relay_run(relay);
	return 0;
}
