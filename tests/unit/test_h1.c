/*
 * tests/unit/test_h1.c - connections of clients: src/http/h1.c, h1_reply.c,
 * listen.c and conn.c over loopback TCP
 *
 * A small core stands where the gateway would: it notes what it is told and
 * answers as the path says.
 */

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

static void
say(struct kit *kit, const char *what, struct slice text)
{
	buf_add_text(&kit->said, what);
	buf_add_slice(&kit->said, text);
	buf_add_char(&kit->said, ';');
	*buf_room(&kit->said, 1) = '\0';
}

static bool
said(struct kit *kit, const char *text)
{
	return kit->said.len > 0 && strstr(kit->said.at, text) != NULL;
}

static void
forget(struct test_exchange **x_p)
{
	struct test_exchange *x = *x_p;

	*x_p = NULL;
	if (x->kit->last == x)
		x->kit->last = NULL;
	buf_close(&x->body);
	free(x);
}

static void
begin(struct transport *t, unsigned status, enum http_body body,
    uint64_t length)
{
	struct buf *out = t->ops->reply_begin(t, status, SLICE_NONE);

	buf_add_text(out, "X-Test: yes\r\n");
	t->ops->reply_framing(t, body, length);
}

/* The whole answer; the exchange is over. */
static void
answer(struct test_exchange *x, unsigned status, struct slice body)
{
	struct transport *t = x->transport;

	begin(t, status, HTTP_BODY_LENGTH, body.len);
	t->ops->reply_data(t, body);
	forget(&x);
	t->ops->reply_end(t);
}

static void
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

static void
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

static void
core_body(void *exchange, struct slice data)
{
	struct test_exchange *x = exchange;

	buf_add_slice(&x->body, data);
	if (x->early)
		answer(x, 413, SLICE("early"));
	else if (x->pausing)
		x->transport->ops->body_pause(x->transport);
}

static void
core_body_end(void *exchange)
{
	struct test_exchange *x = exchange;

	answer(x, 200, buf_slice(&x->body));
}

static void
core_pushed(void *exchange)
{
	(void)exchange;
}

static void
core_body_failed(void *exchange, unsigned status, const char *reason)
{
	struct test_exchange *x = exchange;

	say(x->kit, "failed ", slice_text(reason));
	answer(x, status, SLICE("failed"));
}

static void
core_writable(void *exchange)
{
	struct test_exchange *x = exchange;

	say(x->kit, "writable", SLICE_NONE);
}

static void
core_gone(void *exchange, const char *reason)
{
	struct test_exchange *x = exchange;

	say(x->kit, "gone ", slice_text(reason));
	forget(&x);
}

static void
emptied(struct h1_server *server)
{
	LIST_ITEM(server, struct kit, server)->emptied++;
}

static void
counted(struct h1_server *server, int change)
{
	LIST_ITEM(server, struct kit, server)->counted += change;
}

static struct kit *
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
static void
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
static struct h1_conn *
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

START_TEST(test_keep_alive)
{
	struct kit *kit = kit_open();
	struct net_peer peer;
	int i;

	net_connect(&peer, kit->port);
	for (i = 0; i < 3; i++) {
		net_forget(&peer);
		net_send(&peer, HEAD_OF("/now"));
		UNTIL(kit, net_has(&peer, NOW_ALIVE));
		ck_assert_uint_eq(peer.got.len, strlen(NOW_ALIVE));
		ck_assert_ptr_null(only(kit)->kept);
		ck_assert_ptr_null(only(kit)->io.tail);
	}
	ck_assert_uint_eq(only(kit)->requests, 3);
	net_peer_close(&peer);
	UNTIL(kit, kit->server.nconnections == 0);
	ck_assert_uint_eq(kit->emptied, 1);
	kit_close(kit);
}
END_TEST

/* What each kind of request makes of the answer's head. */
static const struct {
	const char *request, *answer;
	bool ends;
} versions[] = {
	{ HEAD_OF("/now"), NOW_ALIVE, false },
	{ "GET /now HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
	    NOW_CLOSE, true },
	{ "GET /now HTTP/1.0\r\n\r\n", NOW_CLOSE, true },
	{ "GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", NOW_ALIVE,
	    false },
	{ "HEAD /now HTTP/1.1\r\nHost: h\r\n\r\n",
	    OK_HEAD "3\r\nConnection: keep-alive\r\n\r\n", false },
	{ "\r\n" HEAD_OF("/now"), NOW_ALIVE, false },
	{ "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab",
	    OK_HEAD "2\r\nConnection: keep-alive\r\n\r\nab", false },
	{ "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "1\r\na\r\n2;e=f\r\nbc\r\n0\r\nT: v\r\n\r\n",
	    OK_HEAD "3\r\nConnection: keep-alive\r\n\r\nabc", false },
	{ "POST /now HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
	    NOW_ALIVE, false },
	{ "GET /now HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"
	    "X-Test: yes\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
	    true },
	{ "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "1\r\naX", "HTTP/1.1 400 Bad Request\r\nX-Test: yes\r\n"
	    "Content-Length: 6\r\nConnection: close\r\n\r\nfailed", true },
};

/* The whole at once, and with another request behind it when it stays. */
START_TEST(test_versions)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	net_connect(&peer, kit->port);
	net_send(&peer, versions[_i].request);
	UNTIL(kit, net_has(&peer, versions[_i].answer));
	ck_assert_str_eq(peer.got.at, versions[_i].answer);
	if (versions[_i].ends) {
		UNTIL(kit, net_over(&peer));
		ck_assert(peer.ended && !peer.broken);
	} else {
		net_forget(&peer);
		net_send(&peer, HEAD_OF("/now"));
		UNTIL(kit, net_has(&peer, NOW_ALIVE));
	}
	net_peer_close(&peer);
	UNTIL(kit, kit->server.nconnections == 0);
	kit_close(kit);
}
END_TEST

/* The same in two parts, cut at every place, and byte by byte. */
START_TEST(test_cuts)
{
	struct kit *kit = kit_open();
	const char *request = versions[_i].request;
	size_t len = strlen(request), cut, i;
	struct net_peer peer;

	for (cut = 0; cut < len; cut++) {
		net_connect(&peer, kit->port);
		for (i = cut == 0 ? 1 : cut; i < len;
		    i = cut == 0 ? i + 1 : len) {
			net_send_bytes(&peer, cut == 0 ? request + i - 1 :
			    request, cut == 0 ? 1 : cut);
			event_base_loop(kit->base, EVLOOP_NONBLOCK);
			event_base_loop(kit->base, EVLOOP_NONBLOCK);
		}
		if (cut == 0)
			net_send_bytes(&peer, request + len - 1, 1);
		else
			net_send_bytes(&peer, request + cut, len - cut);
		UNTIL(kit, net_has(&peer, versions[_i].answer));
		ck_assert_str_eq(peer.got.at, versions[_i].answer);
		if (!versions[_i].ends)
			ck_assert_ptr_null(only(kit)->kept);
		net_peer_close(&peer);
		UNTIL(kit, kit->server.nconnections == 0);
	}
	kit_close(kit);
}
END_TEST

START_TEST(test_pipeline)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	net_connect(&peer, kit->port);
	net_send(&peer, HEAD_OF("/now1") HEAD_OF("/wait") HEAD_OF("/now2")
	    "GET /no");
	UNTIL(kit, kit->last != NULL);
	net_settle(kit->base);
	ck_assert_str_eq(kit->said.at, "GET/now1;done/now1;GET/wait;");
	ck_assert_uint_eq(net_count(&peer, "HTTP/1.1 200"), 1);
	answer(kit->last, 200, SLICE("waited"));
	UNTIL(kit, net_count(&peer, "HTTP/1.1 200") == 3);
	ck_assert(net_has(&peer, "waited" NOW_ALIVE));
	net_send(&peer, "w3 HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(kit, net_count(&peer, "HTTP/1.1 200") == 4);
	ck_assert(said(kit, "GET/now3;done/now3;"));
	ck_assert_ptr_null(only(kit)->kept);
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

/* A thousand requests in one piece, while nobody reads the answers. */
START_TEST(test_pipeline_flood)
{
	static const char request[] = HEAD_OF("/now");
	struct kit *kit = kit_open();
	struct net_peer peer;
	struct buf all;
	size_t at = 0;
	int i;

	buf_open(&all);
	for (i = 0; i < 3000; i++)
		buf_add_text(&all, request);
	net_connect(&peer, kit->port);
	while (at < all.len) {
		ssize_t n = net_send_some(&peer, all.at + at, all.len - at);

		ck_assert_int_ge(n, 0);
		at += (size_t)n;
		event_base_loop(kit->base, EVLOOP_NONBLOCK);
	}
	UNTIL(kit, net_count(&peer, NOW_ALIVE) == 3000);
	ck_assert_uint_eq(peer.got.len, 3000 * strlen(NOW_ALIVE));
	buf_close(&all);
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

#define POST_OF(path, fields) "POST " path " HTTP/1.1\r\nHost: h\r\n" \
    fields "\r\n"
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

START_TEST(test_continue)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	net_connect(&peer, kit->port);
	net_send(&peer, POST_OF("/proceed", "Content-Length: 3\r\n"
	    "Expect: 100-continue\r\n"));
	UNTIL(kit, net_has(&peer, CONTINUE));
	ck_assert_uint_eq(peer.got.len, strlen(CONTINUE));
	net_send(&peer, "abc");
	UNTIL(kit, net_has(&peer, "abc"));
	ck_assert_str_eq(peer.got.at, CONTINUE OK_HEAD
	    "3\r\nConnection: keep-alive\r\n\r\nabc");
	/* Nobody asked for it: nobody gets it. */
	net_forget(&peer);
	net_send(&peer, POST_OF("/proceed", "Content-Length: 1\r\n") "x");
	UNTIL(kit, net_has(&peer, "\r\n\r\nx"));
	ck_assert_uint_eq(net_count(&peer, "100 Continue"), 0);
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

/* Answered without it: the body may come or not, so the connection ends. */
START_TEST(test_continue_refused)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	net_connect(&peer, kit->port);
	net_send(&peer, POST_OF("/now", "Content-Length: 3\r\n"
	    "Expect: 100-continue\r\n"));
	UNTIL(kit, net_over(&peer));
	ck_assert(peer.ended);
	ck_assert_str_eq(peer.got.at, NOW_CLOSE);
	net_peer_close(&peer);
	UNTIL(kit, kit->server.nconnections == 0);
	kit_close(kit);
}
END_TEST

/* An early answer reaches a client that goes on sending. */
START_TEST(test_early_answer)
{
	static char part[64 * 1024];
	struct kit *kit = kit_open();
	struct net_peer peer;
	size_t sent = 0;
	ssize_t n;

	net_connect(&peer, kit->port);
	net_send(&peer, POST_OF("/early", "Content-Length: 1000000\r\n") "x");
	UNTIL(kit, only(kit)->state == H1_LINGER);
	while (sent < 200000) {
		n = net_send_some(&peer, part, sizeof part);
		ck_assert_int_ge(n, 0);
		sent += (size_t)n;
		event_base_loop(kit->base, EVLOOP_NONBLOCK);
	}
	UNTIL(kit, net_over(&peer));
	ck_assert(peer.ended && !peer.broken);
	ck_assert_str_eq(peer.got.at, "HTTP/1.1 413 Payload Too Large\r\n"
	    "X-Test: yes\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
	    "early");
	ck_assert_uint_eq(kit->server.nconnections, 1);
	net_peer_close(&peer);
	UNTIL(kit, kit->server.nconnections == 0);
	kit_close(kit);
}
END_TEST

/* But not for ever: behind so many bytes it is closed. */
START_TEST(test_linger_bound)
{
	static char part[64 * 1024];
	struct kit *kit = kit_open();
	struct net_peer peer;
	size_t sent = 0;
	ssize_t n = 0;

	net_connect(&peer, kit->port);
	net_send(&peer, POST_OF("/early", "Content-Length: 99000000\r\n") "x");
	UNTIL(kit, kit->server.nconnections == 0 ||
	    only(kit)->state == H1_LINGER);
	while (kit->server.nconnections > 0 && sent < 8000000) {
		n = net_send_some(&peer, part, sizeof part);
		sent += n > 0 ? (size_t)n : 0;
		event_base_loop(kit->base, EVLOOP_NONBLOCK);
	}
	ck_assert_uint_eq(kit->server.nconnections, 0);
	ck_assert_uint_gt(sent, 256 * 1024);
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

/* The answer comes while the body is stopped and the client's pipe is full:
   what waits unread must be read away, or closing would be a reset. */
START_TEST(test_paused_answer)
{
	static char part[64 * 1024];
	struct kit *kit = kit_open();
	struct net_peer peer;
	size_t sent = 0, before;
	ssize_t n;
	int still = 0;

	net_connect(&peer, kit->port);
	net_send(&peer, POST_OF("/pause", "Content-Length: 99000000\r\n"));
	UNTIL(kit, kit->last != NULL);
	while (still < 20) {
		before = sent;
		n = net_send_some(&peer, part, sizeof part);
		ck_assert_int_ge(n, 0);
		sent += (size_t)n;
		net_settle(kit->base);
		still = sent == before ? still + 1 : 0;
		ck_assert_uint_lt(sent, 64 * 1024 * 1024);
	}
	ck_assert_uint_le(kit->last->body.len, LOOP_SCRATCH);
	answer(kit->last, 503, SLICE("late"));
	UNTIL(kit, net_has(&peer, "\r\n\r\nlate"));
	/* More can be sent: somebody reads. Then the bound is reached. */
	UNTIL(kit, kit->server.nconnections == 0);
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

START_TEST(test_pause_resume)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	net_connect(&peer, kit->port);
	net_send(&peer, POST_OF("/pause", "Transfer-Encoding: chunked\r\n")
	    "1\r\na\r\n");
	UNTIL(kit, kit->last != NULL && kit->last->body.len == 1);
	net_send(&peer, "1\r\nb\r\n0\r\n\r\n" HEAD_OF("/now"));
	net_settle(kit->base);
	ck_assert_uint_eq(kit->last->body.len, 1);
	kit->last->pausing = false;
	kit->last->transport->ops->body_resume(kit->last->transport);
	UNTIL(kit, net_has(&peer, "\r\n\r\nab" NOW_ALIVE));
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

/* A stopped body in one piece with what follows: kept, then used. */
START_TEST(test_pause_keeps)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	net_connect(&peer, kit->port);
	net_send(&peer, POST_OF("/pause", "Transfer-Encoding: chunked\r\n")
	    "1\r\na\r\n1\r\nb\r\n0\r\n\r\n" HEAD_OF("/now"));
	UNTIL(kit, kit->last != NULL && kit->last->body.len > 0);
	kit->last->pausing = false;
	kit->last->transport->ops->body_resume(kit->last->transport);
	UNTIL(kit, net_has(&peer, "\r\n\r\nab" NOW_ALIVE));
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

START_TEST(test_head_timeout)
{
	struct kit *kit = kit_open();
	struct net_peer peer, idle;

	kit->server.settings.head_ms = 30;
	net_connect(&peer, kit->port);
	net_connect(&idle, kit->port);
	net_send(&peer, "GET / HTTP/1.1\r\nHo");
	UNTIL(kit, net_has(&peer, "no") && net_over(&idle));
	ck_assert(net_has(&peer, "HTTP/1.1 408 Request Timeout\r\n"));
	ck_assert(said(kit, "refused client_head_timeout;"));
	ck_assert_uint_eq(idle.got.len, 0);
	net_peer_close(&peer);
	net_peer_close(&idle);
	UNTIL(kit, kit->server.nconnections == 0);
	kit_close(kit);
}
END_TEST

/* A head that begins in one piece with the end of the last request has no
   more time than any other. */
START_TEST(test_head_timeout_second)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	kit->server.settings.head_ms = 30;
	net_connect(&peer, kit->port);
	net_send(&peer, POST_OF("/x", "Content-Length: 1\r\n"));
	UNTIL(kit, kit->last != NULL);
	net_send(&peer, "zGET / HT");
	UNTIL(kit, net_has(&peer, "HTTP/1.1 408"));
	ck_assert(net_has(&peer, "\r\n\r\nzHTTP/1.1 408"));
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

/* A head that came in parts leaves the next one the time of keep-alive. */
START_TEST(test_keep_alive_after_parts)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	kit->server.settings.head_ms = 3000;
	net_connect(&peer, kit->port);
	net_send(&peer, "GET /now HT");
	UNTIL(kit, kit->server.nconnections == 1 && only(kit)->kept != NULL);
	net_send(&peer, "TP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(kit, net_has(&peer, NOW_ALIVE));
	ck_assert_uint_gt(only(kit)->io.timer.due, kit->loop.wheel.now +
	    LONG_MS / 2);
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

START_TEST(test_keep_alive_timeout)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	kit->server.settings.keep_alive_ms = 30;
	net_connect(&peer, kit->port);
	net_send(&peer, HEAD_OF("/now"));
	UNTIL(kit, net_over(&peer));
	ck_assert(peer.ended);
	ck_assert_str_eq(peer.got.at, NOW_ALIVE);
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

/* No time between requests means no second request: say so. */
START_TEST(test_keep_alive_none)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	kit->server.settings.keep_alive_ms = 0;
	net_connect(&peer, kit->port);
	net_send(&peer, HEAD_OF("/now"));
	UNTIL(kit, net_over(&peer));
	ck_assert_str_eq(peer.got.at, NOW_CLOSE);
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

START_TEST(test_body_timeout)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	kit->server.settings.body_ms = 30;
	net_connect(&peer, kit->port);
	net_send(&peer, POST_OF("/x", "Content-Length: 2\r\n") "a");
	UNTIL(kit, net_over(&peer));
	ck_assert(said(kit, "failed client_body_timeout;"));
	ck_assert(net_has(&peer, "HTTP/1.1 408 "));
	ck_assert(peer.ended);
	net_peer_close(&peer);
	UNTIL(kit, kit->server.nconnections == 0);
	kit_close(kit);
}
END_TEST

/* A body that the core has stopped is not the client's fault. */
START_TEST(test_body_timeout_paused)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	kit->server.settings.body_ms = 30;
	net_connect(&peer, kit->port);
	net_send(&peer, POST_OF("/pause", "Content-Length: 2\r\n") "a");
	UNTIL(kit, kit->last != NULL && kit->last->body.len == 1);
	ck_assert_int_eq(only(kit)->wait, H1_WAIT_NONE);
	kit->last->transport->ops->body_resume(kit->last->transport);
	ck_assert_int_eq(only(kit)->wait, H1_WAIT_BODY);
	UNTIL(kit, said(kit, "failed client_body_timeout;"));
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

#define BIG (24 * 1024 * 1024)

/* Begin an answer to a client that does not read. */
static void
stream_to(struct kit *kit, struct net_peer *peer)
{
	static char part[256 * 1024];
	struct transport *t;
	int i;

	net_connect(peer, kit->port);
	net_send(peer, HEAD_OF("/wait"));
	UNTIL(kit, kit->last != NULL);
	t = kit->last->transport;
	begin(t, 200, HTTP_BODY_LENGTH, BIG);
	memset(part, 'b', sizeof part);
	for (i = 0; only(kit)->io.tail == NULL; i++) {
		ck_assert_int_lt(i, BIG / (int)sizeof part);
		t->ops->reply_data(t, slice_of(part, sizeof part));
	}
	ck_assert_int_eq(t->ops->reply_flush(t), 1);
}

START_TEST(test_send_timeout)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	kit->server.settings.send_ms = 30;
	stream_to(kit, &peer);
	UNTIL(kit, kit->server.nconnections == 0);
	ck_assert(said(kit, "gone client_send_timeout;"));
	UNTIL(kit, net_over(&peer));
	ck_assert(peer.broken);		/* never a clean end of a part */
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

START_TEST(test_slow_reader)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	stream_to(kit, &peer);
	net_settle(kit->base);
	ck_assert(!said(kit, "writable"));
	UNTIL(kit, net_has(&peer, "\r\n\r\nbbb") && said(kit, "writable;"));
	ck_assert_ptr_null(only(kit)->io.tail);
	net_peer_close(&peer);
	UNTIL(kit, said(kit, "gone client_closed;"));
	kit_close(kit);
}
END_TEST

/* A whole answer that must wait, with the next request behind it. */
START_TEST(test_slow_reader_tail)
{
	struct kit *kit = kit_open();
	struct net_peer peer;
	char *big = malloc(BIG);

	memset(big, 'b', BIG);
	net_connect(&peer, kit->port);
	net_send(&peer, HEAD_OF("/wait") HEAD_OF("/now"));
	UNTIL(kit, kit->last != NULL);
	answer(kit->last, 200, slice_of(big, BIG));
	ck_assert_ptr_nonnull(only(kit)->io.tail);
	free(big);
	net_settle(kit->base);
	ck_assert(!said(kit, "/now"));
	UNTIL(kit, net_has(&peer, "bbb" NOW_ALIVE));
	ck_assert_uint_eq(net_count(&peer, "HTTP/1.1 200"), 2);
	ck_assert_uint_gt(peer.got.len, BIG + strlen(NOW_ALIVE));
	ck_assert_uint_lt(peer.got.len, BIG + 2 * strlen(NOW_ALIVE) + 8);
	ck_assert_ptr_null(only(kit)->io.tail);
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

START_TEST(test_half_closed)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	net_connect(&peer, kit->port);
	net_send(&peer, HEAD_OF("/wait"));
	ck_assert_int_eq(shutdown(peer.fd, SHUT_WR), 0);
	UNTIL(kit, kit->last != NULL);
	net_settle(kit->base);
	ck_assert(!said(kit, "gone"));
	answer(kit->last, 200, SLICE("half"));
	UNTIL(kit, net_over(&peer));
	ck_assert(peer.ended);
	ck_assert(net_has(&peer, "\r\n\r\nhalf"));
	UNTIL(kit, kit->server.nconnections == 0);
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

/* The client's end comes when its second request has come already. */
START_TEST(test_half_closed_pipeline)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	net_connect(&peer, kit->port);
	net_send(&peer, HEAD_OF("/wait") HEAD_OF("/now"));
	UNTIL(kit, kit->last != NULL);
	ck_assert_int_eq(shutdown(peer.fd, SHUT_WR), 0);
	net_settle(kit->base);
	answer(kit->last, 200, SLICE("half"));
	UNTIL(kit, net_over(&peer));
	ck_assert(peer.ended);
	ck_assert(net_has(&peer, "\r\n\r\nhalf" OK_HEAD "3\r\n"));
	UNTIL(kit, kit->server.nconnections == 0);
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

START_TEST(test_half_closed_body)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	net_connect(&peer, kit->port);
	net_send(&peer, POST_OF("/x", "Content-Length: 2\r\n") "a");
	ck_assert_int_eq(shutdown(peer.fd, SHUT_WR), 0);
	UNTIL(kit, said(kit, "gone client_closed;"));
	UNTIL(kit, net_over(&peer));
	ck_assert_uint_eq(peer.got.len, 0);
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

/* In each state of a connection. */
static const char *const reset_in[] = {
	"", "GET / HT", HEAD_OF("/wait"),
	POST_OF("/x", "Content-Length: 2\r\n") "a",
	POST_OF("/pause", "Content-Length: 20\r\n") "a",
	POST_OF("/early", "Content-Length: 20\r\n") "a",
};

START_TEST(test_reset)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	net_connect(&peer, kit->port);
	UNTIL(kit, kit->server.nconnections == 1);
	net_send(&peer, reset_in[_i]);
	net_settle(kit->base);
	net_peer_reset(&peer);
	UNTIL(kit, kit->server.nconnections == 0);
	ck_assert(kit->last == NULL);
	kit_close(kit);
}
END_TEST

/* The reset is met by a send before the loop sees its edge. */
START_TEST(test_reset_while_sending)
{
	struct kit *kit = kit_open();
	struct net_peer peer;
	struct transport *t;
	int i, sent = 0;

	net_connect(&peer, kit->port);
	net_send(&peer, HEAD_OF("/wait"));
	UNTIL(kit, kit->last != NULL);
	t = kit->last->transport;
	begin(t, 200, HTTP_BODY_CHUNKED, 0);
	ck_assert_int_eq(t->ops->reply_flush(t), 0);
	net_peer_reset(&peer);
	for (i = 0; i < 1000 && sent == 0; i++) {
		t->ops->reply_data(t, SLICE("more"));
		sent = t->ops->reply_flush(t);
	}
	ck_assert_int_eq(sent, -1);
	UNTIL(kit, said(kit, "gone client_closed;"));
	ck_assert_uint_eq(kit->server.nconnections, 0);
	kit_close(kit);
}
END_TEST

/* What was written for a connection that is cut must not go to another. */
START_TEST(test_abort_leaves_nothing)
{
	struct kit *kit = kit_open();
	struct net_peer first, second;
	struct test_exchange *x, *y;
	struct transport *t;

	net_connect(&first, kit->port);
	net_send(&first, HEAD_OF("/wait1"));
	UNTIL(kit, kit->last != NULL);
	x = kit->last;
	kit->last = NULL;
	net_connect(&second, kit->port);
	net_send(&second, HEAD_OF("/wait2"));
	UNTIL(kit, kit->last != NULL);
	y = kit->last;
	begin(x->transport, 200, HTTP_BODY_LENGTH, 4);
	ck_assert_int_eq(x->transport->ops->reply_flush(x->transport), 0);
	t = y->transport;
	begin(t, 201, HTTP_BODY_LENGTH, 6);
	t->ops->reply_data(t, SLICE("secret"));
	forget(&y);
	t->ops->abort(t);
	t = x->transport;
	t->ops->reply_data(t, SLICE("body"));
	forget(&x);
	t->ops->reply_end(t);
	UNTIL(kit, net_has(&first, "body") && net_over(&second));
	ck_assert_str_eq(first.got.at, OK_HEAD
	    "4\r\nConnection: keep-alive\r\n\r\nbody");
	ck_assert(second.broken);
	net_peer_close(&first);
	net_peer_close(&second);
	kit_close(kit);
}
END_TEST

/* A head that came in parts is good until its callback returns, also when
   the answer ends the connection. */
START_TEST(test_head_outlives_answer)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	net_connect(&peer, kit->port);
	net_send(&peer, "GET /now/and/then HTTP/1.1\r\nHos");
	UNTIL(kit, kit->server.nconnections == 1 && only(kit)->kept != NULL);
	net_send(&peer, "t: h\r\nConnection: close\r\n\r\n");
	UNTIL(kit, net_over(&peer));
	ck_assert_str_eq(kit->said.at, "GET/now/and/then;"
	    "done/now/and/then;");
	net_peer_close(&peer);
	UNTIL(kit, kit->server.nconnections == 0);
	kit_close(kit);
}
END_TEST

START_TEST(test_chunked_answer)
{
	struct kit *kit = kit_open();
	struct net_peer peer;
	struct transport *t;
	static const char *const heads[] = { HEAD_OF("/wait"),
	    "GET /wait HTTP/1.0\r\n\r\n" };
	static const char *const bodies[] = {
	    "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
	    "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
	    "X-Test: yes\r\nConnection: close\r\n\r\nabcde" };

	net_connect(&peer, kit->port);
	net_send(&peer, heads[_i]);
	UNTIL(kit, kit->last != NULL);
	t = kit->last->transport;
	begin(t, 200, HTTP_BODY_CHUNKED, 0);
	t->ops->reply_data(t, SLICE("abc"));
	t->ops->reply_data(t, SLICE_NONE);
	ck_assert_int_eq(t->ops->reply_flush(t), 0);
	t->ops->reply_data(t, SLICE("de"));
	forget(&kit->last);
	t->ops->reply_end(t);
	UNTIL(kit, net_has(&peer, bodies[_i]));
	net_peer_close(&peer);
	kit_close(kit);
}
END_TEST

START_TEST(test_requests_max)
{
	struct kit *kit = kit_open();
	struct net_peer peer;

	kit->server.settings.requests_max = 2;
	net_connect(&peer, kit->port);
	net_send(&peer, HEAD_OF("/now") HEAD_OF("/now") HEAD_OF("/now"));
	UNTIL(kit, net_over(&peer));
	ck_assert_str_eq(peer.got.at, NOW_ALIVE NOW_CLOSE);
	net_peer_close(&peer);
	UNTIL(kit, kit->server.nconnections == 0);
	kit_close(kit);
}
END_TEST

START_TEST(test_connections_max)
{
	struct kit *kit = kit_open();
	struct net_peer first, second, third;

	kit->server.settings.connections_max = 1;
	net_connect(&first, kit->port);
	UNTIL(kit, kit->server.nconnections == 1);
	net_connect(&second, kit->port);
	UNTIL(kit, net_over(&second));
	ck_assert_str_eq(second.got.at,
	    "HTTP/1.1 503 Service Unavailable\r\n"
	    "Content-Type: application/json\r\nContent-Length: 33\r\n"
	    "Connection: close\r\n\r\n"
	    "{\"message\":\"Service Unavailable\"}");
	ck_assert(kit->server.full);
	net_peer_close(&first);
	net_connect(&third, kit->port);
	net_send(&third, HEAD_OF("/now"));
	UNTIL(kit, net_has(&third, NOW_ALIVE));
	ck_assert(!kit->server.full);
	net_peer_close(&second);
	net_peer_close(&third);
	kit_close(kit);
}
END_TEST

START_TEST(test_drain)
{
	struct kit *kit = kit_open();
	struct net_peer idle, busy;

	net_connect(&idle, kit->port);
	net_send(&idle, HEAD_OF("/now"));
	UNTIL(kit, net_has(&idle, NOW_ALIVE));
	net_connect(&busy, kit->port);
	net_send(&busy, HEAD_OF("/wait") HEAD_OF("/now"));
	UNTIL(kit, kit->last != NULL);
	h1_drain(&kit->server, 3000);
	net_settle(kit->base);
	ck_assert_uint_eq(kit->server.nconnections, 2);
	ck_assert(list_empty(&kit->server.listeners));
	/* An idle one gets its next answer, and is closed with it. */
	net_forget(&idle);
	net_send(&idle, HEAD_OF("/now"));
	UNTIL(kit, net_over(&idle));
	ck_assert_str_eq(idle.got.at, NOW_CLOSE);
	answer(kit->last, 200, SLICE("last"));
	UNTIL(kit, net_over(&busy));
	ck_assert(net_has(&busy, "Connection: close\r\n\r\nlast"));
	ck_assert_uint_eq(net_count(&busy, "HTTP/1.1"), 1);
	ck_assert_uint_eq(kit->emptied, 0);
	net_peer_close(&busy);
	UNTIL(kit, kit->emptied == 1);
	net_peer_close(&idle);
	kit_close(kit);
}
END_TEST

START_TEST(test_drain_idle)
{
	struct kit *kit = kit_open();
	struct net_peer idle;

	net_connect(&idle, kit->port);
	net_send(&idle, HEAD_OF("/now"));
	UNTIL(kit, net_has(&idle, NOW_ALIVE));
	h1_drain(&kit->server, 30);
	UNTIL(kit, kit->emptied == 1);
	UNTIL(kit, net_over(&idle));
	ck_assert(idle.ended && !idle.broken);
	net_peer_close(&idle);
	kit_close(kit);
}
END_TEST

START_TEST(test_drain_empty)
{
	struct kit *kit = kit_open();

	h1_drain(&kit->server, 30);
	ck_assert_uint_eq(kit->emptied, 1);
	kit_close(kit);
}
END_TEST

/* Who is queued when a listener goes is served; then it is closed. */
START_TEST(test_retire)
{
	struct kit *kit = kit_open();
	struct net_peer queued[3];
	unsigned i;

	for (i = 0; i < 3; i++) {
		net_connect(&queued[i], kit->port);
		net_send(&queued[i], HEAD_OF("/now"));
	}
	h1_retire(&kit->server, 8);
	ck_assert(!list_empty(&kit->server.listeners));
	h1_retire(&kit->server, 7);
	ck_assert(list_empty(&kit->server.listeners));
	for (i = 0; i < 3; i++) {
		UNTIL(kit, net_has(&queued[i], NOW_ALIVE));
		net_peer_close(&queued[i]);
	}
	kit_close(kit);
}
END_TEST

/* The same when no more can be accepted just then, and nobody else comes. */
START_TEST(test_retire_full)
{
	struct kit *kit = kit_open();
	struct net_peer first, queued;

	kit->server.settings.connections_max = 1;
	net_connect(&first, kit->port);
	UNTIL(kit, kit->server.nconnections == 1);
	net_connect(&queued, kit->port);
	h1_retire(&kit->server, 7);
	ck_assert(kit->server.full);
	net_peer_close(&first);
	UNTIL(kit, list_empty(&kit->server.listeners));
	net_peer_close(&queued);
	kit_close(kit);
}
END_TEST

START_TEST(test_cut)
{
	struct kit *kit = kit_open();
	struct net_peer peer, idle;

	net_connect(&peer, kit->port);
	net_connect(&idle, kit->port);
	net_send(&peer, HEAD_OF("/wait"));
	UNTIL(kit, kit->last != NULL && kit->server.nconnections == 2);
	h1_cut(&kit->server);
	ck_assert(said(kit, "gone client_closed;"));
	ck_assert_uint_eq(kit->server.nconnections, 0);
	ck_assert_uint_eq(kit->emptied, 1);
	UNTIL(kit, net_over(&peer) && net_over(&idle));
	net_peer_close(&peer);
	net_peer_close(&idle);
	kit_close(kit);
}
END_TEST

static Suite *
h1_suite(void)
{
	const int nversions = sizeof versions / sizeof *versions;
	Suite *suite = suite_create("h1");
	TCase *tests = tcase_create("connections");
	size_t i;
	static const struct {
		const TTest *test;
		int times;
	} all[] = {
		{ test_keep_alive, 1 }, { test_pipeline, 1 },
		{ test_pipeline_flood, 1 }, { test_continue, 1 },
		{ test_continue_refused, 1 }, { test_early_answer, 1 },
		{ test_linger_bound, 1 }, { test_paused_answer, 1 },
		{ test_pause_resume, 1 }, { test_pause_keeps, 1 },
		{ test_head_timeout, 1 }, { test_head_timeout_second, 1 },
		{ test_keep_alive_after_parts, 1 },
		{ test_keep_alive_timeout, 1 }, { test_keep_alive_none, 1 },
		{ test_body_timeout, 1 }, { test_body_timeout_paused, 1 },
		{ test_send_timeout, 1 }, { test_slow_reader, 1 },
		{ test_slow_reader_tail, 1 }, { test_half_closed, 1 },
		{ test_half_closed_pipeline, 1 },
		{ test_half_closed_body, 1 },
		{ test_reset, sizeof reset_in / sizeof *reset_in },
		{ test_reset_while_sending, 1 },
		{ test_abort_leaves_nothing, 1 },
		{ test_head_outlives_answer, 1 },
		{ test_chunked_answer, 2 }, { test_requests_max, 1 },
		{ test_connections_max, 1 }, { test_drain, 1 },
		{ test_drain_idle, 1 }, { test_drain_empty, 1 },
		{ test_retire, 1 }, { test_retire_full, 1 }, { test_cut, 1 },
	};

	tcase_set_timeout(tests, 15);
	tcase_add_loop_test(tests, test_versions, 0, nversions);
	tcase_add_loop_test(tests, test_cuts, 0, nversions);
	for (i = 0; i < sizeof all / sizeof *all; i++)
		tcase_add_loop_test(tests, all[i].test, 0, all[i].times);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(h1_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
