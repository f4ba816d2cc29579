/*
 * http/h1.c - one client's connection: bytes into requests, one at a time
 *
 * Bytes are read into the worker's scratch memory and used from there. What
 * cannot be used yet (a head in part, the next request of a pipeline) is kept
 * with the connection; between requests it holds nothing. While the core works
 * on a request whose body is complete, nothing is read: the kernel's buffer
 * pushes back.
 */

#include "http/h1_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "http/framing.h"
#include "http/parse.h"
#include "util/mem.h"

#define KEPT_FIRST	2048
#define LINGER_MOST	(16 * 1024 * 1024)
#define HEADS_MOST	32	/* requests in a row before others' turn */

static void h1_ready(evutil_socket_t fd, short what, void *arg);
static void h1_expired(struct timer *timer);

/* A client was accepted: fd is ours from now on. */
void
h1_accepted(struct h1_server *server, int fd, const struct http_peer *peer,
    uint64_t listener_id)
{
	struct h1_conn *c = mem_new(sizeof *c);

	c->server = server;
	c->peer = *peer;
	c->transport.ops = h1_transport_ops();
	c->transport.peer = &c->peer;
	c->transport.listener_id = listener_id;
	if (conn_open(&c->io, server->loop, fd, h1_ready, h1_expired) < 0) {
		free(c);
		return;
	}
	list_append(&server->connections, &c->link);
	server->nconnections++;
	if (server->count != NULL)
		server->count(server, 1);
	h1_wait_set(c, H1_WAIT_HEAD, server->settings.head_ms);
}

static void
kept_drop(struct h1_conn *c)
{
	free(c->kept);
	c->kept = NULL;
}

/* The connection ends now; an exchange that runs on it hears of it. */
void
h1_close(struct h1_conn *c)
{
	struct h1_server *server = c->server;
	void *exchange = c->transport.exchange;

	if (c->closed)
		return;
	c->closed = true;
	c->transport.exchange = NULL;
	if (exchange != NULL)
		server->core.gone(exchange, server->cutting ? "shutdown" :
		    "client_closed");
	if (c->io.dead)
		conn_reset(&c->io);
	else
		conn_close(&c->io);
	list_remove(&c->link);
	server->nconnections--;
	if (server->count != NULL)
		server->count(server, -1);
	/* While pumping, the bytes in use may be the kept ones. */
	if (!c->pumping) {
		kept_drop(c);
		free(c);
	}
	if (server->nconnections == 0 && server->emptied != NULL)
		server->emptied(server);
}

/* Have the timer run for something else from now on; ms is its patience. */
void
h1_wait_set(struct h1_conn *c, enum h1_wait wait, uint32_t ms)
{
	c->wait = (uint8_t)wait;
	loop_timer_set(c->server->loop, &c->io.timer, ms);
}

/* The same, for a client that has to read: it must make headway. */
void
h1_wait_reader(struct h1_conn *c, enum h1_wait wait, uint32_t ms)
{
	c->unsent = (uint32_t)conn_unsent(&c->io);
	h1_wait_set(c, wait, ms);
}

/* Has it read anything since? Then it has as long again. */
static bool
reader_goes_on(struct h1_conn *c, uint32_t ms)
{
	size_t unsent = conn_unsent(&c->io);

	if (unsent >= c->unsent)
		return false;
	h1_wait_reader(c, (enum h1_wait)c->wait, ms);
	return true;
}

static void
linger(struct h1_conn *c)
{
	c->state = H1_LINGER;
	c->body.left = LINGER_MOST;
	if (!c->pumping)
		kept_drop(c);
	conn_shut(&c->io);
	h1_wait_reader(c, H1_WAIT_LINGER, c->server->settings.linger_ms);
	/* What waits unread brings no edge: the client may be waiting too. */
	if (!c->pumping && c->io.missed)
		conn_wake(&c->io);
}

/* The last answer has gone out. Unread bytes would turn close into a reset. */
static void
end_connection(struct h1_conn *c)
{
	if (c->io.dead || c->ended || (c->body_done && !c->io.missed &&
	    c->kept == NULL))
		h1_close(c);
	else
		linger(c);
}

/* The answer to the current request is complete, as far as we can write. */
void
h1_finish(struct h1_conn *c)
{
	c->replying = false;
	c->paused = false;
	if (c->io.dead) {
		h1_close(c);
		return;
	}
	if (c->io.tail != NULL) {
		/* h1_ready comes back here when it is out. */
		c->state = H1_EXCHANGE;
		c->keep_alive = c->keep_alive && c->body_done;
		return;
	}
	if (!c->keep_alive) {
		end_connection(c);
		return;
	}
	c->state = H1_HEAD;
	c->ended = false;
	h1_wait_set(c, H1_WAIT_HEAD, c->kept != NULL ?
	    c->server->settings.head_ms : c->server->settings.keep_alive_ms);
	if (!c->pumping && (c->kept != NULL || c->io.missed))
		conn_wake(&c->io);
}

static void
refuse(struct h1_conn *c, unsigned status, const char *reason)
{
	c->keep_alive = false;
	c->state = H1_EXCHANGE;
	c->body_done = false;
	c->head_only = false;
	c->paused = false;
	c->minor = 1;
	c->server->core.refused(c->server->core.ctx, &c->transport, status,
	    reason);
}

static void
begin_exchange(struct h1_conn *c, struct http_head *head)
{
	c->state = H1_EXCHANGE;
	c->requests++;
	c->served++;
	c->minor = head->minor;
	c->keep_alive = head->keep_alive;
	c->head_only = head->method == HTTP_VERB_HEAD;
	c->expects = head->expect_continue;
	c->chunked = head->body == HTTP_BODY_CHUNKED;
	c->body_done = head->body == HTTP_BODY_NONE ||
	    (head->body == HTTP_BODY_LENGTH && head->length == 0);
	if (c->chunked)
		c->body.chunked = (struct http_chunked){ 0 };
	else
		c->body.left = head->length;
	c->paused = false;
	c->wait = H1_WAIT_NONE;
	if (!c->body_done)
		h1_wait_set(c, H1_WAIT_BODY, c->server->settings.body_ms);
	c->server->core.request(c->server->core.ctx, &c->transport, head);
}

/* A head out of data, if it is complete. Returns the bytes used. */
static size_t
take_head(struct h1_conn *c, const char *data, size_t len)
{
	struct http_scan local = { 0 };
	struct http_scan *scan = c->kept != NULL ? &c->kept->scan : &local;
	struct http_head head = { .fields = c->server->fields,
	    .fields_max = HTTP_FIELDS_MAX };
	enum http_refusal why = HTTP_REFUSE_NOTHING;
	size_t start, end;
	int found;

	found = http_scan(scan, HTTP_SIDE_REQUEST, data, len,
	    &c->server->settings.limits, &why);
	if (found == 0)
		return 0;
	start = scan->start;
	end = scan->at;
	if (found < 0 ||
	    http_parse_request(data + start, end - start, &head, &why) < 0 ||
	    http_framing_request(&head, &why) < 0) {
		refuse(c, http_refusal_status(why), http_refusal_reason(why));
		return len;
	}
	begin_exchange(c, &head);
	return end;
}

static void
body_failed(struct h1_conn *c, unsigned status, const char *reason)
{
	c->keep_alive = false;
	c->server->core.body_failed(c->transport.exchange, status, reason);
}

static size_t
take_length(struct h1_conn *c, const char *data, size_t len)
{
	if (len > c->body.left)
		len = (size_t)c->body.left;
	c->body.left -= len;
	c->body_done = c->body.left == 0;
	c->server->core.body(c->transport.exchange, slice_of(data, len));
	return len;
}

static size_t
take_chunked(struct h1_conn *c, const char *data, size_t len)
{
	const struct http_core *core = &c->server->core;
	struct slice body;
	size_t used = 0;
	bool trailing;
	ssize_t n;

	while (used < len && !c->body_done && c->transport.exchange != NULL) {
		trailing = http_chunked_trailing(&c->body.chunked);
		n = http_chunked_next(&c->body.chunked, data + used,
		    len - used, &body);
		if (n < 0) {
			body_failed(c, 400, http_refusal_reason(
			    HTTP_REFUSE_BAD_CHUNK));
			return len;
		}
		if (trailing && core->trailer != NULL)
			core->trailer(c->transport.exchange,
			    slice_of(data + used, (size_t)n));
		used += (size_t)n;
		c->body_done = c->body.chunked.done;
		if (body.len > 0)
			core->body(c->transport.exchange, body);
	}
	return used;
}

/* Body bytes to the core. Returns the bytes used. */
static size_t
take_body(struct h1_conn *c, const char *data, size_t len)
{
	size_t used = c->chunked ? take_chunked(c, data, len) :
	    take_length(c, data, len);

	if (c->closed || c->transport.exchange == NULL)
		return used;
	if (c->body_done) {
		c->wait = H1_WAIT_NONE;
		c->server->core.body_end(c->transport.exchange);
	} else if (!c->paused && c->wait != H1_WAIT_SEND) {
		h1_wait_set(c, H1_WAIT_BODY, c->server->settings.body_ms);
	}
	return used;
}

static bool
wants_input(const struct h1_conn *c)
{
	if (c->closed)
		return false;
	if (c->state == H1_EXCHANGE)
		return c->transport.exchange != NULL && !c->body_done &&
		    !c->paused;
	return c->served < HEADS_MOST;
}

/* Use what can be used of data now. Returns the bytes used. */
static size_t
consume(struct h1_conn *c, const char *data, size_t len)
{
	size_t used = 0, n;

	while (used < len && wants_input(c)) {
		if (c->state == H1_LINGER) {
			n = len - used;
			c->body.left -= n < c->body.left ? n : c->body.left;
			if (c->body.left == 0)
				h1_close(c);
			return len;
		}
		if (c->state == H1_HEAD) {
			if (used > 0 && c->kept != NULL)
				c->kept->scan = (struct http_scan){ 0 };
			n = take_head(c, data + used, len - used);
		} else {
			n = take_body(c, data + used, len - used);
		}
		used += n;
		if (n == 0)
			break;
	}
	if (!c->closed && c->transport.exchange != NULL)
		c->server->core.pushed(c->transport.exchange);
	return used;
}

/* Keep what was not used; the connection holds nothing when all was. */
static void
keep(struct h1_conn *c, const char *data, size_t len)
{
	struct h1_kept *kept;
	size_t size = len > KEPT_FIRST ? len : KEPT_FIRST;

	if (len == 0)
		return;
	kept = mem_grow(NULL, 1, sizeof *kept + size);
	kept->scan = (struct http_scan){ 0 };
	kept->size = size;
	kept->len = len;
	memcpy(kept->data, data, len);
	c->kept = kept;
}

static void
kept_use(struct h1_conn *c)
{
	struct h1_kept *kept = c->kept;
	size_t used = consume(c, kept->data, kept->len);

	if (c->closed || c->state == H1_LINGER) {
		kept_drop(c);
	} else if (used == kept->len) {
		kept_drop(c);
		/* No head has begun: what runs is the time between two. */
		if (c->state == H1_HEAD)
			h1_wait_set(c, H1_WAIT_HEAD,
			    c->server->settings.keep_alive_ms);
	} else if (used > 0) {
		memmove(kept->data, kept->data + used, kept->len - used);
		kept->len -= used;
		kept->scan = (struct http_scan){ 0 };
	}
}

/* Read once, behind what is kept or into the scratch. */
static ssize_t
read_once(struct h1_conn *c)
{
	struct h1_kept *kept = c->kept;
	struct loop *loop = c->server->loop;
	size_t used;
	ssize_t n;

	if (kept != NULL) {
		if (kept->len == kept->size) {
			kept->size *= 2;
			kept = mem_grow(kept, 1, sizeof *kept + kept->size);
			c->kept = kept;
		}
		n = conn_recv(&c->io, kept->data + kept->len,
		    kept->size - kept->len);
		if (n <= 0)
			return n;
		kept->len += (size_t)n;
		kept_use(c);
		return n;
	}
	n = conn_recv(&c->io, loop->scratch, LOOP_SCRATCH);
	if (n <= 0)
		return n;
	used = consume(c, loop->scratch, (size_t)n);
	if (c->closed || c->state == H1_LINGER)
		return n;
	keep(c, loop->scratch + used, (size_t)n - used);
	/* A head begins here, perhaps behind the last request's end. */
	if (c->state == H1_HEAD && c->kept != NULL)
		h1_wait_set(c, H1_WAIT_HEAD, c->server->settings.head_ms);
	return n;
}

static void
client_ended(struct h1_conn *c)
{
	c->ended = true;
	if (c->state == H1_EXCHANGE && c->transport.exchange != NULL &&
	    c->body_done && !c->server->settings.hangup_ends)
		return;
	h1_close(c);
}

/* Use and read whatever is there, then put back what others need. */
static void
pump(struct h1_conn *c)
{
	unsigned reads = 0;
	ssize_t n = 1;

	c->pumping = true;
	c->served = 0;
	if (c->kept != NULL && wants_input(c))
		kept_use(c);
	while (n > 0 && wants_input(c) && c->io.missed) {
		if (reads++ == LOOP_READS) {
			conn_wake(&c->io);
			break;
		}
		n = read_once(c);
	}
	if (!c->closed && n == CONN_EOF)
		client_ended(c);
	else if (!c->closed && n == CONN_FAILED)
		h1_close(c);
	c->pumping = false;
	if (c->closed) {
		kept_drop(c);
		free(c);
		return;
	}
	/* A long pipeline goes on when the others have had their turn. */
	if (c->served == HEADS_MOST)
		conn_wake(&c->io);
	c->served = 0;
}

/*
 * Something arrived while we do not read: the next request of a pipeline, the
 * client's end, or a reset. Only the last ends the exchange, unless hanging up
 * does so too.
 */
static bool
client_alive(struct h1_conn *c)
{
	char byte;
	ssize_t n;

	if (c->io.hup && c->server->settings.hangup_ends)
		return false;
	n = recv(conn_fd(&c->io), &byte, 1, MSG_PEEK);
	if (n == 0)
		c->ended = true;
	return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static void
flush(struct h1_conn *c)
{
	int sent = conn_flush(&c->io);

	if (sent < 0) {
		h1_close(c);
		return;
	}
	if (sent > 0) {
		if (c->wait == H1_WAIT_SEND)
			h1_wait_reader(c, H1_WAIT_SEND,
			    c->server->settings.send_ms);
		return;
	}
	if (c->wait == H1_WAIT_SEND)
		c->wait = H1_WAIT_NONE;
	if (c->transport.exchange != NULL)
		c->server->core.writable(c->transport.exchange);
	else if (c->state == H1_EXCHANGE)
		h1_finish(c);
}

static void
h1_ready(evutil_socket_t fd, short what, void *arg)
{
	struct h1_conn *c = arg;

	(void)fd;
	loop_turn(c->server->loop);
	if ((what & EV_CLOSED) != 0)
		c->io.hup = true;
	if ((what & (EV_READ | EV_CLOSED)) != 0)
		c->io.missed = true;
	c->pumping = true;
	if ((what & EV_WRITE) != 0 && c->io.tail != NULL)
		flush(c);
	else if ((what & EV_WRITE) != 0 && c->transport.exchange != NULL &&
	    c->replying)
		c->server->core.writable(c->transport.exchange);
	if (!c->closed && !c->io.dead && !wants_input(c) &&
	    (what & (EV_READ | EV_CLOSED)) != 0)
		c->io.dead = !client_alive(c);
	/* A send may have met the end before this edge came. */
	if (!c->closed && c->io.dead)
		h1_close(c);
	pump(c);
}

static void
h1_expired(struct timer *timer)
{
	struct h1_conn *c = LIST_ITEM(timer, struct h1_conn, io.timer);

	switch ((enum h1_wait)c->wait) {
	case H1_WAIT_NONE:
		return;
	case H1_WAIT_HEAD:
		if (c->kept == NULL)
			break;
		c->wait = H1_WAIT_NONE;
		refuse(c, 408, "client_head_timeout");
		return;
	case H1_WAIT_BODY:
		c->wait = H1_WAIT_NONE;
		body_failed(c, 408, "client_body_timeout");
		return;
	case H1_WAIT_SEND:
		if (reader_goes_on(c, c->server->settings.send_ms))
			return;
		c->io.dead = true;
		if (c->transport.exchange != NULL) {
			void *exchange = c->transport.exchange;

			c->transport.exchange = NULL;
			c->server->core.gone(exchange, "client_send_timeout");
		}
		break;
	case H1_WAIT_LINGER:
		if (reader_goes_on(c, c->server->settings.linger_ms))
			return;
		break;
	}
	h1_close(c);
}
