/*
 * net.h - an event loop and sockets at its other end, driven by one thread
 *
 * A test turns the loop until what it waits for is there; every wait is
 * bounded, and ends with a failure. Sockets of the test's side do not block.
 */
#ifndef NET_H
#define NET_H

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/loop.h"

#define NET_TURNS 5000		/* of a millisecond: more than any wait */

/* Turn the loop until it is so; once true it is not asked again. */
#define NET_UNTIL(base, condition) \
	do { \
		int turns_ = 0; \
		bool so_ = (condition); \
		while (!so_ && turns_++ < NET_TURNS) { \
			event_base_loop((base), EVLOOP_NONBLOCK); \
			so_ = (condition); \
			if (!so_) \
				usleep(1000); \
		} \
		ck_assert_msg(so_, "in vain: " #condition); \
	} while (0)

/* Let pass what is on its way already. */
static inline void
net_settle(struct event_base *base)
{
	int i;

	for (i = 0; i < 8; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(500);
	}
}

static inline struct event_base *
net_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	ck_assert_ptr_nonnull(config);
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_require_features(config, EV_FEATURE_ET);
	base = event_base_new_with_config(config);
	ck_assert_ptr_nonnull(base);
	event_config_free(config);
	return base;
}

/* A listening socket on a port that the kernel chooses. */
static inline int
net_listen(uint16_t *port_r)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t size = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);

	ck_assert_int_ge(fd, 0);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, size), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	*port_r = ntohs(in.sin_port);
	return fd;
}

/* A port where nobody listens. */
static inline uint16_t
net_closed_port(void)
{
	uint16_t port;

	close(net_listen(&port));
	return port;
}

/* One end of a connection, as the test holds it. */
struct net_peer {
	int fd;
	bool ended;		/* the other side has closed */
	bool broken;		/* or reset it */
	struct buf got;		/* all that came */
};

static inline void
net_peer_open(struct net_peer *peer, int fd)
{
	*peer = (struct net_peer){ .fd = fd };
	buf_open(&peer->got);
}

static inline void
net_connect(struct net_peer *peer, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
	net_peer_open(peer, fd);
}

/* Is there one to be accepted? Then it is the peer. */
static inline bool
net_accept(int listen_fd, struct net_peer *peer)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return false;
	net_peer_open(peer, fd);
	return true;
}

static inline void
net_peer_close(struct net_peer *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
	buf_close(&peer->got);
}

/* The other side gets a reset. */
static inline void
net_peer_reset(struct net_peer *peer)
{
	struct linger hard = { .l_onoff = 1 };

	ck_assert_int_eq(setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &hard,
	    sizeof hard), 0);
	net_peer_close(peer);
}

/* How much of it the socket takes now; -1 when the connection is broken. */
static inline ssize_t
net_send_some(struct net_peer *peer, const void *data, size_t len)
{
	ssize_t n = send(peer->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	return n < 0 && errno == EAGAIN ? 0 : n;
}

static inline void
net_send_bytes(struct net_peer *peer, const void *data, size_t len)
{
	ck_assert_int_eq(net_send_some(peer, data, len), (ssize_t)len);
}

static inline void
net_send(struct net_peer *peer, const char *text)
{
	net_send_bytes(peer, text, strlen(text));
}

/* Take what is there; got ends with a NUL that does not count. */
static inline void
net_take(struct net_peer *peer)
{
	char data[16384];
	ssize_t n;

	while (!peer->ended && !peer->broken) {
		n = recv(peer->fd, data, sizeof data, MSG_DONTWAIT);
		if (n > 0)
			buf_add(&peer->got, data, (size_t)n);
		else if (n == 0)
			peer->ended = true;
		else if (errno == EAGAIN)
			break;
		else
			peer->broken = true;
	}
	*buf_room(&peer->got, 1) = '\0';
}

static inline bool
net_has(struct net_peer *peer, const char *text)
{
	net_take(peer);
	return memmem(peer->got.at, peer->got.len, text, strlen(text)) != NULL;
}

static inline bool
net_over(struct net_peer *peer)
{
	net_take(peer);
	return peer->ended || peer->broken;
}

static inline unsigned
net_count(struct net_peer *peer, const char *text)
{
	const char *at;
	unsigned count = 0;

	net_take(peer);
	for (at = peer->got.at; (at = strstr(at, text)) != NULL; at++)
		count++;
	return count;
}

static inline void
net_forget(struct net_peer *peer)
{
	peer->got.len = 0;
}

#endif
