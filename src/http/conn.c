/*
 * http/conn.c - one socket of a worker's loop, client's or backend's
 *
 * Writes are tried at once; what the socket does not take waits in a tail of
 * exactly its size, so a connection at rest holds no buffer. Knows nothing of
 * HTTP.
 */

#include "http/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/mem.h"

/*
 * Take over fd (non-blocking). ready is called with the owner's conn for every
 * edge. Returns 0, or -1 with fd closed when the loop takes no more.
 */
int
conn_open(struct conn *conn, struct loop *loop, int fd,
    event_callback_fn ready, void (*expired)(struct timer *timer))
{
	conn->loop = loop;
	conn->tail = NULL;
	conn->missed = conn->hup = conn->dead = false;
	timer_init(&conn->timer, expired);
	list_init(&conn->woken);
	event_assign(&conn->event, loop->base, fd, EV_READ | EV_WRITE |
	    EV_CLOSED | EV_ET | EV_PERSIST, ready, conn);
	if (event_add(&conn->event, NULL) < 0) {
		close(fd);
		return -1;
	}
	return 0;
}

/* Unsent bytes are dropped. The memory of conn stays its owner's. */
void
conn_close(struct conn *conn)
{
	loop_timer_clear(conn->loop, &conn->timer);
	list_remove(&conn->woken);
	event_del(&conn->event);
	close(conn_fd(conn));
	free(conn->tail);
	conn->tail = NULL;
}

/* The same, but the peer learns that something was cut off. */
void
conn_reset(struct conn *conn)
{
	struct linger hard = { .l_onoff = 1 };

	(void)setsockopt(conn_fd(conn), SOL_SOCKET, SO_LINGER, &hard,
	    sizeof hard);
	conn_close(conn);
}

/*
 * Up to size bytes. A read shorter than size means drained (missed is
 * cleared): don't read again before the next edge.
 */
ssize_t
conn_recv(struct conn *conn, void *data, size_t size)
{
	ssize_t n;

	do
		n = recv(conn_fd(conn), data, size, 0);
	while (n < 0 && errno == EINTR);
	if (n >= 0) {
		conn->missed = (size_t)n == size || (conn->hup && n > 0);
		return n;
	}
	conn->missed = false;
	if (errno == EAGAIN)
		return CONN_AGAIN;
	conn->dead = true;
	return CONN_FAILED;
}

/* Keep data behind what waits, without trying to send it. */
void
conn_hold(struct conn *conn, struct slice data)
{
	struct conn_tail *tail = conn->tail;
	size_t size;

	if (data.len == 0)
		return;
	if (tail == NULL || tail->size - tail->len < data.len) {
		size = (tail != NULL ? tail->len : 0) + data.len;
		tail = mem_grow(tail, 1, sizeof *tail + size);
		if (conn->tail == NULL)
			tail->at = tail->len = 0;
		tail->size = size;
		conn->tail = tail;
	}
	memcpy(tail->data + tail->len, data.at, data.len);
	tail->len += data.len;
}

static ssize_t
send_now(struct conn *conn, struct slice head, struct slice body)
{
	struct iovec parts[2] = {
		{ .iov_base = (void *)(size_t)head.at, .iov_len = head.len },
		{ .iov_base = (void *)(size_t)body.at, .iov_len = body.len },
	};
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	do {
		if (body.len == 0)
			n = send(conn_fd(conn), head.at, head.len,
			    MSG_NOSIGNAL);
		else
			n = sendmsg(conn_fd(conn), &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n;
}

/*
 * Send both parts in one call, or keep what does not go. Returns 0 all gone,
 * 1 some of it waits for the next edge, -1 the socket is dead.
 */
int
conn_send(struct conn *conn, struct slice head, struct slice body)
{
	ssize_t n = 0;

	if (conn->dead)
		return -1;
	if (conn->tail == NULL && head.len + body.len > 0) {
		n = send_now(conn, head, body);
		if (n < 0 && errno != EAGAIN && errno != ENOTCONN) {
			conn->dead = true;
			return -1;
		}
		if (n < 0)
			n = 0;
	}
	if ((size_t)n < head.len) {
		conn_hold(conn, slice_of(head.at + n, head.len - (size_t)n));
		conn_hold(conn, body);
	} else {
		n -= (ssize_t)head.len;
		if ((size_t)n < body.len)
			conn_hold(conn, slice_of(body.at + n,
			    body.len - (size_t)n));
	}
	return conn->tail != NULL;
}

/* On an edge: send what waits. Returns as conn_send. */
int
conn_flush(struct conn *conn)
{
	struct conn_tail *tail = conn->tail;
	ssize_t n;

	if (conn->dead)
		return -1;
	if (tail == NULL)
		return 0;
	n = send_now(conn, slice_of(tail->data + tail->at,
	    tail->len - tail->at), SLICE_NONE);
	if (n < 0) {
		conn->dead = errno != EAGAIN;
		return conn->dead ? -1 : 1;
	}
	tail->at += (size_t)n;
	if (tail->at < tail->len)
		return 1;
	free(tail);
	conn->tail = NULL;
	return 0;
}

/*
 * Is there anything to read, or an end to see? For when bytes were taken past
 * conn_recv, which then does not know; clears missed when there is nothing.
 */
bool
conn_has_more(struct conn *conn)
{
	char byte;

	if (!conn->missed && !conn->hup)
		return false;
	if (recv(conn_fd(conn), &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN)
		conn->missed = false;
	return conn->missed;
}

/*
 * Bytes that the peer has not taken yet: ours and the kernel's. It shrinks
 * while the peer reads, even when too slowly for the socket to be writable.
 */
size_t
conn_unsent(const struct conn *conn)
{
	int queued = 0;

	if (ioctl(conn_fd(conn), SIOCOUTQ, &queued) < 0 || queued < 0)
		queued = 0;
	return (size_t)queued + (conn->tail != NULL ?
	    conn->tail->len - conn->tail->at : 0);
}

/*
 * Have the owner's callback run again, in the loop's next turn: after every
 * edge that is there by then. (event_active would run it in this turn, before
 * all others, as often as it asks.)
 */
void
conn_wake(struct conn *conn)
{
	static const struct timeval at_once;

	if (!list_empty(&conn->woken))
		return;
	if (list_empty(&conn->loop->woken))
		event_add(&conn->loop->resume, &at_once);
	list_append(&conn->loop->woken, &conn->woken);
}

/* The next turn has come for those that were woken. */
void
conn_resume_cb(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	struct list turn, *node;

	(void)fd;
	(void)what;
	if (list_empty(&loop->woken))
		return;
	/* Those that are woken from here on wait for the turn after. */
	turn = loop->woken;
	turn.next->prev = turn.prev->next = &turn;
	list_init(&loop->woken);
	while ((node = list_pop(&turn)) != NULL) {
		struct conn *conn = LIST_ITEM(node, struct conn, woken);

		event_get_callback (&conn->event)(
		    event_get_fd(&conn->event), EV_READ, conn);
	}
}

/* No more bytes will be sent; the peer sees the end. */
void
conn_shut(struct conn *conn)
{
	(void)shutdown(conn_fd(conn), SHUT_WR);
}
