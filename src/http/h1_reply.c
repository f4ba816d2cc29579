/*
 * http/h1_reply.c - answers of HTTP/1, as the core asks for them
 *
 * A head and the body's first bytes are put together in the worker's one
 * outgoing buffer and leave with one send. Framing of the answer is decided
 * here and nowhere else.
 */

#include "http/h1_private.h"

static struct buf *
out_of(struct h1_conn *c)
{
	return &c->io.loop->client_out;
}

static struct buf *
reply_begin(struct transport *transport, unsigned status, struct slice reason)
{
	struct h1_conn *c = H1_OF(transport);
	struct buf *out = out_of(c);

	out->len = 0;
	out->full = false;
	if (reason.len > 0) {
		buf_add(out, "HTTP/1.1 ", 9);
		buf_add_u64(out, status);
		buf_add_char(out, ' ');
		buf_add_slice(out, reason);
		buf_add(out, "\r\n", 2);
	} else {
		http_status_write(out, status);
	}
	c->replying = true;
	return out;
}

/* May this connection serve another request after this answer? */
static bool
stays(const struct h1_conn *c)
{
	const struct h1_server *server = c->server;

	return c->keep_alive && c->body_done && !server->draining &&
	    server->settings.keep_alive_ms > 0 &&
	    (!c->ended || c->kept != NULL) &&
	    (server->settings.requests_max == 0 ||
	    c->requests < server->settings.requests_max);
}

static void
reply_framing(struct transport *transport, enum http_body body,
    uint64_t length)
{
	struct h1_conn *c = H1_OF(transport);
	struct buf *out = out_of(c);

	/* Unknown length: chunks, which HTTP/1.0 does not know. */
	if (body == HTTP_BODY_CHUNKED && c->minor == 0)
		body = HTTP_BODY_UNTIL_CLOSE;
	if (body == HTTP_BODY_UNTIL_CLOSE && !c->head_only)
		c->keep_alive = false;
	if (!stays(c))
		c->keep_alive = false;
	if (body == HTTP_BODY_LENGTH) {
		buf_add(out, "Content-Length: ", 16);
		buf_add_u64(out, length);
		buf_add(out, "\r\n", 2);
	} else if (body == HTTP_BODY_CHUNKED) {
		buf_add(out, "Transfer-Encoding: chunked\r\n", 28);
	}
	if (c->keep_alive)
		buf_add(out, "Connection: keep-alive\r\n\r\n", 26);
	else
		buf_add(out, "Connection: close\r\n\r\n", 21);
	c->reply = (uint8_t)(c->head_only ? HTTP_BODY_NONE : body);
	/* A head that does not fit must not go out in part. */
	if (out->full)
		c->io.dead = true;
}

static void
send_out(struct h1_conn *c, struct slice body)
{
	struct buf *out = out_of(c);

	(void)conn_send(&c->io, buf_slice(out), body);
	out->len = 0;
}

static void
reply_data(struct transport *transport, struct slice data)
{
	struct h1_conn *c = H1_OF(transport);
	struct buf *out = out_of(c);
	char head[HTTP_CHUNK_HEAD_SIZE];

	if (data.len == 0 || c->reply == HTTP_BODY_NONE)
		return;
	if (out->size - out->len < LOOP_SMALL + sizeof head + 2)
		send_out(c, SLICE_NONE);
	if (c->reply == HTTP_BODY_CHUNKED)
		buf_add(out, head, http_chunk_head(head, data.len));
	if (data.len <= LOOP_SMALL)
		buf_add_slice(out, data);
	else
		send_out(c, data);
	if (c->reply == HTTP_BODY_CHUNKED)
		buf_add(out, "\r\n", 2);
}

static int
reply_flush(struct transport *transport)
{
	struct h1_conn *c = H1_OF(transport);
	int sent;

	sent = conn_send(&c->io, buf_slice(out_of(c)), SLICE_NONE);
	out_of(c)->len = 0;
	if (sent > 0 && c->wait != H1_WAIT_SEND)
		h1_wait_reader(c, H1_WAIT_SEND, c->server->settings.send_ms);
	else if (sent < 0)
		conn_wake(&c->io);	/* h1_ready tells the core */
	return sent;
}

static void
reply_end(struct transport *transport)
{
	struct h1_conn *c = H1_OF(transport);

	if (c->reply == HTTP_BODY_CHUNKED)
		buf_add(out_of(c), "0\r\n\r\n", 5);
	(void)reply_flush(transport);
	transport->exchange = NULL;
	h1_finish(c);
}

static void
proceed(struct transport *transport)
{
	struct h1_conn *c = H1_OF(transport);

	if (!c->expects)
		return;
	c->expects = false;
	(void)conn_send(&c->io, SLICE("HTTP/1.1 100 Continue\r\n\r\n"),
	    SLICE_NONE);
}

static void
body_pause(struct transport *transport)
{
	struct h1_conn *c = H1_OF(transport);

	c->paused = true;
	if (c->wait == H1_WAIT_BODY)
		c->wait = H1_WAIT_NONE;
}

static void
body_resume(struct transport *transport)
{
	struct h1_conn *c = H1_OF(transport);

	if (!c->paused)
		return;
	c->paused = false;
	if (!c->body_done && c->wait == H1_WAIT_NONE)
		h1_wait_set(c, H1_WAIT_BODY, c->server->settings.body_ms);
	if (c->io.missed || c->kept != NULL)
		conn_wake(&c->io);
}

static void
abort_conn(struct transport *transport)
{
	struct h1_conn *c = H1_OF(transport);

	transport->exchange = NULL;
	out_of(c)->len = 0;	/* not for the next connection that writes */
	c->io.dead = true;	/* unsent bytes must not look like an end */
	h1_close(c);
}

static struct conn *
plain(struct transport *transport)
{
	return &H1_OF(transport)->io;
}

static const struct transport_ops transport_ops = {
	.reply_begin = reply_begin,
	.reply_framing = reply_framing,
	.reply_data = reply_data,
	.reply_flush = reply_flush,
	.reply_end = reply_end,
	.proceed = proceed,
	.body_pause = body_pause,
	.body_resume = body_resume,
	.abort = abort_conn,
	.plain = plain,
};

/* What the core may ask of a connection of this protocol. */
const struct transport_ops *
h1_transport_ops(void)
{
	return &transport_ops;
}
