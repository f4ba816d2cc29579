/*
 * h1_kit.h - a server of client connections and the small core behind it
 *
 * The core stands where the gateway would: it notes what it is told and
 * answers as the path says. /now is answered at once; /pause stops the body;
 * /early is answered with the body's first bytes; all else is answered with
 * the body, when that is complete, or when the test says so.
 */
#ifndef H1_KIT_H
#define H1_KIT_H

#include "http/h1_private.h"
#include "http/parse.h"
#include "net.h"
#include "util/error.h"
#include "util/log.h"

#define LONG_MS 60000	/* a wait that must not end in a test */

struct kit {
	struct event_base *base;
	struct loop loop;
	struct log log;
	struct h1_server server;
	uint16_t port;
	struct buf said;	/* what the core was told, NUL-terminated */
	struct test_exchange *last;	/* the newest that waits */
	unsigned emptied;
	int counted;
};

/* What the core knows of one request. */
struct test_exchange {
	struct kit *kit;
	struct transport *transport;
	struct buf body;
	bool pausing;	/* stops the body with every part */
	bool early;	/* answers before the body */
};

static inline void
say(struct kit *kit, const char *what, struct slice text)
{
	buf_add_text(&kit->said, what);
	buf_add_slice(&kit->said, text);
	buf_add_char(&kit->said, ';');
	*buf_room(&kit->said, 1) = '\0';
}

static inline bool
said(struct kit *kit, const char *text)
{
	return kit->said.len > 0 && strstr(kit->said.at, text) != NULL;
}

static inline void
forget(struct test_exchange **x_p)
{
	struct test_exchange *x = *x_p;

	*x_p = NULL;
	if (x->kit->last == x)
		x->kit->last = NULL;
	buf_close(&x->body);
	free(x);
}

static inline void
begin(struct transport *t, unsigned status, enum http_body body,
    uint64_t length)
{
	struct buf *out = t->ops->reply_begin(t, status, SLICE_NONE);

	buf_add_text(out, "X-Test: yes\r\n");
	t->ops->reply_framing(t, body, length);
}

/* The whole answer; the exchange is over. */
static inline void
answer(struct test_exchange *x, unsigned status, struct slice body)
{
	struct transport *t = x->transport;

	begin(t, status, HTTP_BODY_LENGTH, body.len);
	t->ops->reply_data(t, body);
	forget(&x);
	t->ops->reply_end(t);
}

static inline void
core_request(void *ctx, struct transport *t, struct http_head *head)
{
	struct kit *kit = ctx;
	struct test_exchange *x = calloc(1, sizeof *x);
	struct slice path = head->path;

	x->kit = kit;
	x->transport = t;
	buf_open(&x->body);
	t->exchange = x;
	say(kit, http_verb_name(head->method), path);
	if (slice_starts(path, SLICE("/now"))) {
		answer(x, 200, SLICE("now"));
		/* As the gateway does for its log: the head is still good. */
		say(kit, "done", path);
		return;
	}
	kit->last = x;
	x->pausing = slice_starts(path, SLICE("/pause"));
	x->early = slice_starts(path, SLICE("/early"));
	if (slice_starts(path, SLICE("/proceed"))) {
		t->ops->proceed(t);
		t->ops->proceed(t);
	}
}

static inline void
core_refused(void *ctx, struct transport *t, unsigned status,
    const char *reason)
{
	struct test_exchange *x = calloc(1, sizeof *x);

	x->kit = ctx;
	x->transport = t;
	t->exchange = x;
	say(ctx, "refused ", slice_text(reason));
	answer(x, status, SLICE("no"));
}

static inline void
core_body(void *exchange, struct slice data)
{
	struct test_exchange *x = exchange;

	buf_add_slice(&x->body, data);
	if (x->early)
		answer(x, 413, SLICE("early"));
	else if (x->pausing)
		x->transport->ops->body_pause(x->transport);
}

static inline void
core_body_end(void *exchange)
{
	struct test_exchange *x = exchange;

	answer(x, 200, buf_slice(&x->body));
}

static inline void
core_pushed(void *exchange)
{
	(void)exchange;
}

static inline void
core_body_failed(void *exchange, unsigned status, const char *reason)
{
	struct test_exchange *x = exchange;

	say(x->kit, "failed ", slice_text(reason));
	answer(x, status, SLICE("failed"));
}

static inline void
core_writable(void *exchange)
{
	struct test_exchange *x = exchange;

	say(x->kit, "writable", SLICE_NONE);
}

static inline void
core_gone(void *exchange, const char *reason)
{
	struct test_exchange *x = exchange;

	say(x->kit, "gone ", slice_text(reason));
	forget(&x);
}

static inline void
emptied(struct h1_server *server)
{
	LIST_ITEM(server, struct kit, server)->emptied++;
}

static inline void
counted(struct h1_server *server, int change)
{
	LIST_ITEM(server, struct kit, server)->counted += change;
}

static inline struct kit *
kit_open(void)
{
	struct kit *kit = calloc(1, sizeof *kit);
	struct error err = { "" };

	kit->base = net_base();
	loop_open(&kit->loop, kit->base);
	log_open(&kit->log, -1, LOG_LEVEL_ERROR, "test");
	h1_server_open(&kit->server, &kit->loop, &kit->log);
	kit->server.core = (struct http_core){ .ctx = kit,
	    .request = core_request, .refused = core_refused,
	    .body = core_body, .body_end = core_body_end,
	    .pushed = core_pushed, .body_failed = core_body_failed,
	    .writable = core_writable, .gone = core_gone };
	kit->server.settings = (struct h1_settings){
	    .limits = { 16384, 8192, 10240, 100 }, .head_ms = LONG_MS,
	    .body_ms = LONG_MS, .keep_alive_ms = LONG_MS,
	    .send_ms = LONG_MS, .linger_ms = LONG_MS,
	    .connections_max = 100 };
	kit->server.count = counted;
	kit->server.emptied = emptied;
	buf_open(&kit->said);
	ck_assert_int_eq(h1_listen(&kit->server, net_listen(&kit->port), 7,
	    &err), 0);
	return kit;
}

/* Nothing is left behind: the sanitizer sees to memory. */
static inline void
kit_close(struct kit *kit)
{
	h1_server_close(&kit->server);
	ck_assert_int_eq(kit->counted, 0);
	ck_assert_ptr_null(kit->last);
	ck_assert_uint_eq(kit->loop.client_out.len, 0);
	loop_close(&kit->loop);
	event_base_free(kit->base);
	buf_close(&kit->said);
	free(kit);
}

/* The only connection of the server. */
static inline struct h1_conn *
only(struct kit *kit)
{
	ck_assert_uint_eq(kit->server.nconnections, 1);
	return LIST_ITEM(kit->server.connections.next, struct h1_conn, link);
}

#define UNTIL(kit, condition) NET_UNTIL((kit)->base, condition)

#define HEAD_OF(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK_HEAD "HTTP/1.1 200 OK\r\nX-Test: yes\r\nContent-Length: "
#define NOW_ALIVE OK_HEAD "3\r\nConnection: keep-alive\r\n\r\nnow"
#define NOW_CLOSE OK_HEAD "3\r\nConnection: close\r\n\r\nnow"

#define POST_OF(path, fields) "POST " path " HTTP/1.1\r\nHost: h\r\n" \
    fields "\r\n"
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

#endif
