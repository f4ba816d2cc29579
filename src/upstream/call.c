/*
 * upstream/call.c - one request to a backend: start, send, try again
 *
 * The request's head and first body bytes leave with one send. A connection
 * that turns out dead before a byte of the answer came is replaced once,
 * silently, when nothing can have happened twice: nothing was sent, or the
 * method is idempotent (RFC 9110, 9.2.2) and its whole body is still here. A
 * connection that cannot be made moves the request to the next server.
 */

#include "shared/control.h"
#include "upstream/upstream_private.h"
#include "util/log.h"

#include <stdlib.h>

#define REPLAY_BODY_MOST	(64 * 1024)
#define TRIES_MOST		8

static const char *const reasons[UPSTREAM_FAILURES] = {
	[UPSTREAM_OK] = "ok",
	[UPSTREAM_NO_SERVER] = "no_upstream",
	[UPSTREAM_NO_ADDRESS] = "dns_failure",
	[UPSTREAM_REFUSED] = "connect_refused",
	[UPSTREAM_UNREACHABLE] = "connect_failed",
	[UPSTREAM_CONNECT_TIMEOUT] = "connect_timeout",
	[UPSTREAM_RESET] = "upstream_reset",
	[UPSTREAM_CLOSED] = "upstream_closed",
	[UPSTREAM_TIMEOUT] = "upstream_timeout",
	[UPSTREAM_BAD_ANSWER] = "upstream_bad_answer",
	[UPSTREAM_CUT] = "upstream_cut",
	[UPSTREAM_BODY_TIMEOUT] = "upstream_body_timeout",
	[UPSTREAM_TARGET_GONE] = "client_closed",
	[UPSTREAM_TARGET_SLOW] = "client_send_timeout",
};

/* The word for logs. */
const char *
upstream_failure_reason(enum upstream_failure why)
{
	return reasons[why];
}

static struct loop *
loop_of(const struct upstream_call *call)
{
	return call->table->all->loop;
}

/* Have the timer of the call's connection come in ms. */
void
upstream_call_timer(struct upstream_call *call, uint32_t ms)
{
	loop_timer_set(loop_of(call), &call->conn->io.timer, ms);
}

static bool
idempotent(unsigned method)
{
	switch (method) {
	case HTTP_VERB_GET:
	case HTTP_VERB_HEAD:
	case HTTP_VERB_PUT:
	case HTTP_VERB_DELETE:
	case HTTP_VERB_OPTIONS:
	case HTTP_VERB_TRACE:
		return true;
	default:
		return false;
	}
}

/*
 * Write the head for this try; the buffer is empty but for it. false: it does
 * not fit, and none of it may go out.
 */
static bool
compose(struct upstream_call *call)
{
	struct buf *out = &loop_of(call)->upstream_out;

	out->len = 0;
	out->full = false;
	call->client->compose(call->ctx, image_slice(call->table->image,
	    call->server->host), out);
	call->head_len = out->len;
	if (!out->full)
		return true;
	out->len = 0;
	return false;
}

static void
attach(struct upstream_call *call, struct upstream_conn *conn)
{
	call->conn = conn;
	conn->call = call;
	call->sent_any = false;
	if (conn->connecting)
		upstream_call_timer(call, call->connect_ms);
	else
		upstream_call_timer(call, call->timeout_ms);
}

/* A connection for the next try: the pool's first, unless fresh is wanted. */
static enum upstream_failure
obtain(struct upstream_call *call, bool fresh)
{
	struct upstream_table *table = call->table;
	enum upstream_failure why = UPSTREAM_OK;
	struct upstream_conn *conn = NULL;
	struct upstream_slot *slot;
	uint32_t place;

	while (conn == NULL) {
		slot = upstream_pick(table, call->upstream,
		    loop_of(call)->wheel.now, call->tried);
		if (slot == NULL)
			return why != UPSTREAM_OK ? why : UPSTREAM_UNREACHABLE;
		place = (uint32_t)(slot - table->slots) -
		    call->upstream->servers.first;
		if (place < 64)
			call->tried |= UINT64_C(1) << place;
		call->server = IMAGE_AT(table->image, IMAGE_SERVERS,
		    struct image_server, slot - table->slots);
		call->tries++;
		if (!fresh)
			conn = upstream_take_idle(slot->server);
		if (conn == NULL)
			conn = upstream_connect(table->all, slot->server,
			    table->image, call->server, &why);
		if (conn != NULL)
			break;
		upstream_hurt(table->all, slot->server, table->image,
		    call->upstream, call->server, why);
		if (call->tries >= call->upstream->servers.count ||
		    call->tries >= TRIES_MOST)
			return why;
	}
	attach(call, conn);
	return UPSTREAM_OK;
}

/*
 * Begin a request to an upstream of the table. The caller has set client, ctx,
 * arena, method, chunked_out, timeout_ms and connect_ms (0: the upstream's,
 * or the settings'). Returns UPSTREAM_OK, after which the client hears of
 * all that happens, or the failure.
 */
int
upstream_call_start(struct upstream_call *call, struct upstream_table *table,
    uint32_t upstream)
{
	enum upstream_failure why;

	call->table = table;
	call->phase = UPSTREAM_IDLE;
	if (upstream == IMAGE_NONE)
		return UPSTREAM_NO_SERVER;
	call->upstream = IMAGE_AT(table->image, IMAGE_UPSTREAMS,
	    struct image_upstream, upstream);
	if (call->connect_ms == 0)
		call->connect_ms = call->upstream->connect_ms;
	if (call->connect_ms == 0)
		call->connect_ms = image_settings(table->image)->connect_ms;
	call->started = loop_of(call)->wheel.now;
	call->replayable = true;
	call->tried = 0;
	buf_open_fixed(&call->body, NULL, 0);
	why = obtain(call, false);
	if (why != UPSTREAM_OK)
		return why;
	call->phase = UPSTREAM_HEAD;
	if (!compose(call)) {
		upstream_call_abort(call);
		return UPSTREAM_BAD_ANSWER;
	}
	return UPSTREAM_OK;
}

static void
keep_body(struct upstream_call *call, struct slice data)
{
	if (!call->replayable || call->phase != UPSTREAM_HEAD)
		return;
	if (call->body.len + data.len > REPLAY_BODY_MOST) {
		call->replayable = false;
		return;
	}
	if (call->body.size - call->body.len < data.len) {
		size_t size = (call->body.len + data.len) * 3 / 2;
		char *mem = arena_alloc(call->arena, size);

		if (call->body.len > 0)
			memcpy(mem, call->body.at, call->body.len);
		call->body.at = mem;
		call->body.size = size;
	}
	buf_add_slice(&call->body, data);
}

static void
send_parts(struct upstream_call *call, struct slice body)
{
	struct buf *out = &loop_of(call)->upstream_out;
	struct conn *io = &call->conn->io;

	if (out->len + body.len == 0)
		return;
	if (call->conn->connecting) {
		conn_hold(io, buf_slice(out));
		conn_hold(io, body);
	} else if (conn_send(io, buf_slice(out), body) >= 0) {
		call->sent_any = true;
	}
	out->len = 0;
}

static void
body_bytes(struct upstream_call *call, struct slice data)
{
	struct buf *out = &loop_of(call)->upstream_out;

	if (out->size - out->len < LOOP_SMALL + HTTP_CHUNK_HEAD_SIZE + 2)
		send_parts(call, SLICE_NONE);
	if (data.len <= LOOP_SMALL)
		buf_add_slice(out, data);
	else
		send_parts(call, data);
}

static void
body_out(struct upstream_call *call, struct slice data)
{
	struct buf *out = &loop_of(call)->upstream_out;
	char head[HTTP_CHUNK_HEAD_SIZE];

	if (!call->chunked_out) {
		body_bytes(call, data);
		return;
	}
	buf_add(out, head, http_chunk_head(head, data.len));
	body_bytes(call, data);
	buf_add(out, "\r\n", 2);
}

/* More of the request's body. Leaves with the next push at the latest. */
void
upstream_call_body(struct upstream_call *call, struct slice data)
{
	if (call->conn == NULL || data.len == 0)
		return;
	keep_body(call, data);
	body_out(call, data);
}

/* The request's body is complete: the clock for the answer runs from now. */
void
upstream_call_body_end(struct upstream_call *call)
{
	call->request_done = true;
	if (call->conn == NULL)
		return;
	if (call->chunked_out)
		buf_add(&loop_of(call)->upstream_out, "0\r\n\r\n", 5);
	if (call->phase == UPSTREAM_HEAD && !call->conn->connecting)
		upstream_call_timer(call, call->timeout_ms);
}

/* The same request once more, on another connection. */
static enum upstream_failure
again(struct upstream_call *call, bool fresh)
{
	enum upstream_failure why = obtain(call, fresh);

	if (why != UPSTREAM_OK)
		return why;
	if (!compose(call))
		return UPSTREAM_BAD_ANSWER;
	if (call->body.len > 0)
		body_out(call, buf_slice(&call->body));
	if (call->request_done && call->chunked_out)
		buf_add(&loop_of(call)->upstream_out, "0\r\n\r\n", 5);
	send_parts(call, SLICE_NONE);
	return call->conn->io.dead ? UPSTREAM_RESET : UPSTREAM_OK;
}

/*
 * May the request be tried again after this failure? Without a connection
 * nothing has happened; on a kept one that was dead, only what may happen
 * twice is sent twice.
 */
static bool
may_retry(const struct upstream_call *call, enum upstream_failure why)
{
	const struct upstream_conn *conn = call->conn;

	if (call->phase != UPSTREAM_HEAD || !call->replayable ||
	    call->kept != NULL || call->interims > 0)
		return false;
	if (conn->connecting)
		return call->tries < call->upstream->servers.count &&
		    call->tries < TRIES_MOST;
	return conn->reused && call->tries < TRIES_MOST &&
	    (why == UPSTREAM_RESET || why == UPSTREAM_CLOSED) &&
	    (!call->sent_any || idempotent(call->method));
}

/* Let go of the connection, which is of no use any more. */
static void
drop_conn(struct upstream_call *call)
{
	struct upstream_conn *conn = call->conn;

	call->conn = NULL;
	if (conn == NULL)
		return;
	conn->call = NULL;
	upstream_conn_close(conn);
}

static void
finish(struct upstream_call *call)
{
	if (call->phase == UPSTREAM_SPLICE)
		splice_close(&call->splice, loop_of(call));
	call->phase = UPSTREAM_IDLE;
	upstream_kept_drop(call);
}

/* Something went wrong on the call's connection: try again, or give up. */
void
upstream_call_fail(struct upstream_call *call, enum upstream_failure why)
{
	struct upstream_server *server = call->conn->server;
	bool stale = call->conn->reused &&
	    (why == UPSTREAM_RESET || why == UPSTREAM_CLOSED);
	bool retry = may_retry(call, why);

	if (!stale && why != UPSTREAM_TARGET_GONE &&
	    why != UPSTREAM_TARGET_SLOW)
		upstream_hurt(call->table->all, server, call->table->image,
		    call->upstream, call->server, why);
	drop_conn(call);
	while (retry) {
		/* A kept connection that was dead does not count as a try
		   of the server: that is still to come. */
		if (stale) {
			call->tries--;
			call->tried = 0;
		}
		why = again(call, stale);
		if (why == UPSTREAM_OK) {
			/* What waited may have gone at once: nobody else
			   would say so. */
			if (!call->conn->connecting &&
			    call->conn->io.tail == NULL)
				call->client->writable(call->ctx);
			return;
		}
		retry = false;
		drop_conn(call);
	}
	finish(call);
	call->client->failed(call->ctx, why);
}

/*
 * Send what has been given. Returns 0, or 1 when the backend is slow: stop
 * giving until writable is called. A connection that turns out dead may hold
 * an answer all the same: that is read, or missed, in the loop's next turn.
 */
int
upstream_call_push(struct upstream_call *call)
{
	if (call->conn == NULL)
		return 0;
	send_parts(call, SLICE_NONE);
	if (call->conn->io.dead) {
		conn_wake(&call->conn->io);
		return 0;
	}
	if (!call->request_done && !call->conn->connecting &&
	    call->phase == UPSTREAM_HEAD && call->conn->io.tail == NULL)
		upstream_call_timer(call, call->timeout_ms);
	return call->conn->io.tail != NULL;
}

/* The connection stands: the clock for the answer runs from now on. */
void
upstream_call_connected(struct upstream_call *call)
{
	call->sent_any = call->conn->io.tail != NULL;
	upstream_call_timer(call, call->timeout_ms);
}

/* The client cannot take more of the answer. */
void
upstream_call_pause(struct upstream_call *call)
{
	call->paused = true;
}

/* It can again: go on reading, after the caller has returned to the loop. */
void
upstream_call_resume(struct upstream_call *call)
{
	if (!call->paused && call->phase != UPSTREAM_SPLICE)
		return;
	call->paused = false;
	if (call->conn != NULL && (call->conn->io.missed ||
	    call->phase == UPSTREAM_SPLICE))
		conn_wake(&call->conn->io);
}

/*
 * Let what is left of a body with a length go to target by splice, if it is
 * long enough to be worth it. target must have nothing unsent. true: the
 * client hears nothing more but end or failed, bytes_in counts.
 */
bool
upstream_call_splice(struct upstream_call *call, struct conn *target)
{
	uint64_t left = call->in.left;

	if (call->phase != UPSTREAM_BODY || call->answer != HTTP_BODY_LENGTH ||
	    left < SPLICE_MIN || target->tail != NULL)
		return false;
	if (splice_open(&call->splice, loop_of(call), left) < 0)
		return false;
	call->splice_target = target;
	call->phase = UPSTREAM_SPLICE;
	return true;
}

/* The exchange is over before its answer is: drop the connection. */
void
upstream_call_abort(struct upstream_call *call)
{
	if (call->phase == UPSTREAM_IDLE)
		return;
	loop_of(call)->upstream_out.len = 0;
	drop_conn(call);
	finish(call);
}

/* The address of the last try, as configured; empty before the first. */
struct slice
upstream_call_address(const struct upstream_call *call)
{
	if (call->server == NULL)
		return SLICE_NONE;
	return image_slice(call->table->image, call->server->address.text);
}
