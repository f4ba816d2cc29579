/* http/conn.h - one socket: reading, writing, waiting */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include <sys/types.h>

#include "http/loop.h"

/* Bytes that the socket did not take yet, in order. */
struct conn_tail {
	size_t at, len, size;
	char data[];
};

/*
 * Embedded in its owner. The event is registered once, edge-triggered, for
 * everything, and never changed: an owner that does not want to read now
 * notes the edge as missed and reads later.
 */
struct conn {
	struct event event;
	struct loop *loop;
	struct conn_tail *tail;		/* NULL: nothing unsent */
	struct timer timer;
	struct list woken;		/* in loop->woken: goes on next turn */
	bool missed;		/* there may be bytes nobody has read */
	bool hup;		/* the peer sends no more: read to its end */
	bool dead;		/* the socket failed: only close is left */
};

/* What conn_recv found besides bytes. */
enum {
	CONN_EOF = 0,
	CONN_AGAIN = -1,
	CONN_FAILED = -2,
};

int conn_open(struct conn *conn, struct loop *loop, int fd,
    event_callback_fn ready, void (*expired)(struct timer *timer));
void conn_close(struct conn *conn);
void conn_reset(struct conn *conn);

ssize_t conn_recv(struct conn *conn, void *data, size_t size);
int conn_send(struct conn *conn, struct slice head, struct slice body);
void conn_hold(struct conn *conn, struct slice data);
int conn_flush(struct conn *conn);
bool conn_has_more(struct conn *conn);
size_t conn_unsent(const struct conn *conn);
void conn_wake(struct conn *conn);
void conn_resume_cb(evutil_socket_t fd, short what, void *arg);
void conn_shut(struct conn *conn);

static inline int
conn_fd(const struct conn *conn)
{
	return (int)event_get_fd(&conn->event);
}

#endif
