/*
 * upstream/answer.c - what a backend's connection brings
 *
 * Heads are scanned as strictly as a client's; interim answers are bounded in
 * number and go no further; a body is handed on as it comes. Bytes on a kept
 * connection that nobody asked for end it.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "http/framing.h"
#include "http/parse.h"
#include "upstream/upstream_private.h"
#include "util/mem.h"

#define INTERIMS_MOST	10
#define HEAD_READ	(16 * 1024)	/* leaves a long body to splice */

static const struct http_limits answer_limits = {
	.head_bytes = 64 * 1024 - 1,
	.target_bytes = 8 * 1024,
	.field_bytes = 64 * 1024 - 1,
	.fields = HTTP_FIELDS_MAX,
};

/* Forget a head that came in part. */
void
upstream_kept_drop(struct upstream_call *call)
{
	free(call->kept);
	call->kept = NULL;
}

/* The answer is complete: keep the connection if it is as good as new. */
static void
complete(struct upstream_call *call, bool leftover)
{
	struct upstream_conn *conn = call->conn;

	upstream_succeeded(conn->server);
	call->conn = NULL;
	if (call->phase == UPSTREAM_SPLICE)
		splice_close(&call->splice, conn->all->loop);
	call->phase = UPSTREAM_IDLE;
	upstream_kept_drop(call);
	conn->call = NULL;
	if (call->answer_alive && call->request_done && !leftover)
		upstream_conn_keep(conn, call->upstream->max_idle,
		    call->upstream->idle_ms);
	else
		upstream_conn_close(conn);
	call->client->end(call->ctx);
}

static void
begin_body(struct upstream_call *call, const struct http_head *head)
{
	call->answer = head->body;
	call->answer_alive = head->keep_alive &&
	    head->body != HTTP_BODY_UNTIL_CLOSE;
	if (head->body == HTTP_BODY_CHUNKED)
		call->in.chunked = (struct http_chunked){ 0 };
	else
		call->in.left = head->body == HTTP_BODY_LENGTH ?
		    head->length : 0;
	call->phase = UPSTREAM_BODY;
}

static bool
body_over(const struct upstream_call *call)
{
	switch (call->answer) {
	case HTTP_BODY_NONE:
		return true;
	case HTTP_BODY_LENGTH:
		return call->in.left == 0;
	case HTTP_BODY_CHUNKED:
		return call->in.chunked.done;
	case HTTP_BODY_UNTIL_CLOSE:
		break;
	}
	return false;
}

/* -1: the answer is garbage; else the bytes used, 0 for "more". */
static ssize_t
take_head(struct upstream_call *call, const char *data, size_t len)
{
	struct http_scan local = { 0 };
	struct http_scan *scan = call->kept != NULL ? &call->kept->scan :
	    &local;
	struct http_head head = { .fields = call->table->all->fields,
	    .fields_max = HTTP_FIELDS_MAX };
	enum http_refusal why = HTTP_REFUSE_NOTHING;
	size_t used;
	int found;

	found = http_scan(scan, HTTP_SIDE_ANSWER, data, len, &answer_limits,
	    &why);
	if (found == 0)
		return 0;
	used = scan->at;
	if (found < 0 || http_parse_response(data + scan->start,
	    used - scan->start, &head, &why) < 0 ||
	    http_framing_response(&head, call->method, &why) < 0)
		return -1;
	if (head.status < 200) {
		/* Nobody asked for a switch of protocols. */
		if (head.status == 101 || ++call->interims > INTERIMS_MOST)
			return -1;
		return (ssize_t)used;
	}
	begin_body(call, &head);
	call->client->head(call->ctx, &head);
	return (ssize_t)used;
}

/* -1: not a body; else the bytes used. */
static ssize_t
take_body(struct upstream_call *call, const char *data, size_t len)
{
	struct slice body = slice_of(data, len);
	ssize_t used;

	if (call->answer == HTTP_BODY_CHUNKED) {
		used = http_chunked_next(&call->in.chunked, data, len, &body);
		if (used < 0)
			return -1;
	} else {
		if (call->answer == HTTP_BODY_LENGTH) {
			if (body.len > call->in.left)
				body.len = (size_t)call->in.left;
			call->in.left -= body.len;
		}
		used = (ssize_t)body.len;
	}
	call->bytes_in += body.len;
	if (body.len > 0)
		call->client->data(call->ctx, body);
	return used;
}

static void
keep(struct upstream_call *call, const char *data, size_t len)
{
	struct upstream_kept *kept;

	kept = mem_grow(NULL, 1, sizeof *kept + len + 2048);
	kept->scan = (struct http_scan){ 0 };
	kept->size = len + 2048;
	kept->len = len;
	memcpy(kept->data, data, len);
	call->kept = kept;
}

/*
 * Use data. The call may be over on return, which conn->call tells. Returns
 * the bytes used of a head that is not complete yet, or all.
 */
static size_t
consume(struct upstream_conn *conn, const char *data, size_t len)
{
	struct upstream_call *call = conn->call;
	size_t used = 0;
	ssize_t n;

	while (conn->call == call && !conn->closed) {
		if (call->phase == UPSTREAM_HEAD) {
			if (used == len)
				break;
			n = take_head(call, data + used, len - used);
			if (n == 0)
				return used;
		} else {
			if (body_over(call)) {
				complete(call, used < len);
				return len;
			}
			if (used == len || call->phase == UPSTREAM_SPLICE)
				break;
			n = take_body(call, data + used, len - used);
		}
		if (conn->call != call || conn->closed)
			return len;
		if (n < 0) {
			conn->io.dead = true;
			upstream_call_fail(call, call->phase == UPSTREAM_HEAD ?
			    UPSTREAM_BAD_ANSWER : UPSTREAM_CUT);
			return len;
		}
		used += (size_t)n;
		if (call->kept != NULL)
			call->kept->scan = (struct http_scan){ 0 };
	}
	return used;
}

static ssize_t
read_kept(struct upstream_conn *conn)
{
	struct upstream_call *call = conn->call;
	struct upstream_kept *kept = call->kept;
	size_t used;
	ssize_t n;

	if (kept->len == kept->size) {
		kept->size *= 2;
		kept = mem_grow(kept, 1, sizeof *kept + kept->size);
		call->kept = kept;
	}
	n = conn_recv(&conn->io, kept->data + kept->len,
	    kept->size - kept->len);
	if (n <= 0)
		return n;
	kept->len += (size_t)n;
	used = consume(conn, kept->data, kept->len);
	if (conn->call != call)
		return n;
	if (call->phase != UPSTREAM_HEAD) {
		upstream_kept_drop(call);
	} else if (used > 0) {
		memmove(kept->data, kept->data + used, kept->len - used);
		kept->len -= used;
		kept->scan = (struct http_scan){ 0 };
	}
	return n;
}

static ssize_t
read_once(struct upstream_conn *conn)
{
	struct upstream_call *call = conn->call;
	char *scratch = conn->all->loop->scratch;
	size_t used;
	ssize_t n;

	if (call->kept != NULL)
		return read_kept(conn);
	n = conn_recv(&conn->io, scratch, call->phase == UPSTREAM_HEAD ?
	    HEAD_READ : LOOP_SCRATCH);
	if (n <= 0)
		return n;
	used = consume(conn, scratch, (size_t)n);
	if (conn->call == call && call->phase == UPSTREAM_HEAD &&
	    used < (size_t)n)
		keep(call, scratch + used, (size_t)n - used);
	return n;
}

/* The backend has closed, or the connection broke. */
static void
ended(struct upstream_conn *conn, ssize_t how)
{
	struct upstream_call *call = conn->call;

	if (call->phase == UPSTREAM_BODY &&
	    call->answer == HTTP_BODY_UNTIL_CLOSE && how == CONN_EOF) {
		complete(call, false);
		return;
	}
	if (call->phase == UPSTREAM_HEAD)
		upstream_call_fail(call, how == CONN_EOF ? UPSTREAM_CLOSED :
		    UPSTREAM_RESET);
	else
		upstream_call_fail(call, UPSTREAM_CUT);
}

static void
await_target(struct upstream_call *call)
{
	call->unsent = conn_unsent(call->splice_target);
	upstream_call_timer(call, call->send_ms);
}

static void
run_splice(struct upstream_conn *conn)
{
	struct upstream_call *call = conn->call;
	uint64_t before = call->splice.moved;
	enum splice_result result;

	result = splice_run(&call->splice, &conn->io, call->splice_target);
	call->bytes_in += call->splice.moved - before;
	switch (result) {
	case SPLICE_DONE:
		complete(call, conn_has_more(&conn->io));
		return;
	case SPLICE_WAIT_TARGET:
		if (!call->paused || call->splice.moved != before)
			await_target(call);
		call->paused = true;
		return;
	case SPLICE_WAIT_SOURCE:
		upstream_call_timer(call, call->timeout_ms);
		return;
	case SPLICE_YIELD:
		conn_wake(&conn->io);
		return;
	case SPLICE_SOURCE_END:
	case SPLICE_SOURCE_FAILED:
		upstream_call_fail(call, UPSTREAM_CUT);
		return;
	case SPLICE_TARGET_FAILED:
		upstream_call_fail(call, UPSTREAM_TARGET_GONE);
		return;
	}
}

static void
read_answer(struct upstream_conn *conn)
{
	struct upstream_call *call = conn->call;
	unsigned reads = 0;
	ssize_t n = 1;

	while (n > 0 && conn->call == call && !call->paused &&
	    (conn->io.missed || conn->io.dead) &&
	    call->phase != UPSTREAM_SPLICE) {
		if (reads++ == LOOP_READS) {
			conn_wake(&conn->io);
			break;
		}
		n = read_once(conn);
		if (n > 0 && conn->call == call)
			call->client->pushed(call->ctx);
	}
	if (conn->closed || conn->call != call)
		return;
	if (n == CONN_EOF || n == CONN_FAILED ||
	    (n == CONN_AGAIN && conn->io.dead))
		ended(conn, n);
	else if (call->phase == UPSTREAM_SPLICE)
		run_splice(conn);
	else if (call->phase == UPSTREAM_BODY)
		upstream_call_timer(call, call->timeout_ms);
}

/* false: the connection could not be made. */
static bool
connected(struct upstream_conn *conn)
{
	int error = 0;
	socklen_t size = sizeof error;

	if (getsockopt(conn_fd(&conn->io), SOL_SOCKET, SO_ERROR, &error,
	    &size) < 0)
		error = errno;
	if (error == 0) {
		conn->connecting = false;
		upstream_call_connected(conn->call);
		return true;
	}
	conn->io.dead = true;
	upstream_call_fail(conn->call, error == ECONNREFUSED ?
	    UPSTREAM_REFUSED : UPSTREAM_UNREACHABLE);
	return false;
}

static void
flush(struct upstream_conn *conn)
{
	int sent = conn_flush(&conn->io);

	/* A broken connection may still hold an answer: read it first. */
	if (sent < 0)
		conn->io.missed = true;
	else if (sent == 0)
		conn->call->client->writable(conn->call->ctx);
}

static void
work(struct upstream_conn *conn, short what)
{
	if (conn->call == NULL) {
		/* Kept: the backend closed it, or speaks out of turn. */
		if ((what & (EV_READ | EV_CLOSED)) != 0)
			upstream_conn_close(conn);
		return;
	}
	if (conn->connecting && ((what & EV_WRITE) == 0 || !connected(conn)))
		return;
	if ((what & EV_WRITE) != 0 && conn->io.tail != NULL)
		flush(conn);
	if (conn->closed || conn->call == NULL)
		return;
	read_answer(conn);
}

/* Every edge of a backend's connection. */
void
upstream_ready(evutil_socket_t fd, short what, void *arg)
{
	struct upstream_conn *conn = arg;

	(void)fd;
	loop_turn(conn->all->loop);
	if ((what & EV_CLOSED) != 0)
		conn->io.hup = true;
	if ((what & (EV_READ | EV_CLOSED)) != 0)
		conn->io.missed = true;
	conn->busy = true;
	work(conn, what);
	conn->busy = false;
	if (conn->closed)
		free(conn);
}

/* The connection's timer: what it means depends on what it was doing. */
void
upstream_expired(struct timer *timer)
{
	struct upstream_conn *conn = LIST_ITEM(timer, struct upstream_conn,
	    io.timer);
	struct upstream_call *call = conn->call;

	if (call == NULL)
		upstream_conn_close(conn);
	else if (conn->connecting)
		upstream_call_fail(call, UPSTREAM_CONNECT_TIMEOUT);
	else if (call->phase == UPSTREAM_HEAD && !call->request_done &&
	    conn->io.tail == NULL)
		/* It has taken all that there is: the client is slow, and has
		   a time-out of its own. No server must suffer for that. */
		upstream_call_timer(call, call->timeout_ms);
	else if (call->phase == UPSTREAM_HEAD)
		upstream_call_fail(call, UPSTREAM_TIMEOUT);
	else if (call->paused && call->phase == UPSTREAM_SPLICE &&
	    conn_unsent(call->splice_target) < call->unsent)
		await_target(call);	/* slow, but it reads */
	else if (call->paused && call->phase == UPSTREAM_SPLICE)
		upstream_call_fail(call, UPSTREAM_TARGET_SLOW);
	else if (call->paused)
		upstream_call_timer(call, call->timeout_ms);
	else
		upstream_call_fail(call, UPSTREAM_BODY_TIMEOUT);
}
