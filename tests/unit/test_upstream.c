/*
 * tests/unit/test_upstream.c - src/upstream: which server, which connection,
 * one request to it; backends are sockets of the test on loopback
 */

#include "upstream_kit.h"

static void
picks(struct kit *kit, uint64_t now, char *letters, unsigned n)
{
	const struct image_upstream *upstream = IMAGE_AT(kit->view->head,
	    IMAGE_UPSTREAMS, struct image_upstream, 0);
	unsigned i;

	for (i = 0; i < n; i++)
		letters[i] = (char)('a' + (upstream_pick(kit->table, upstream,
		    now, 0) - kit->table->slots));
	letters[n] = '\0';
}

#define THREE(w1, w2, w3) "servers=({address=\"127.0.0.1:1\";weight=" #w1 \
	";},{address=\"127.0.0.1:2\";weight=" #w2 \
	";},{address=\"127.0.0.1:3\";weight=" #w3 ";});"

START_TEST(test_round_robin)
{
	struct kit kit;
	char order[32];

	kit_open(&kit, THREE(1, 1, 1));
	picks(&kit, 1, order, 7);
	ck_assert_str_eq(order, "abcabca");
	kit_close(&kit);
	/* The smooth order: the heavy one is not served in a row. */
	kit_open(&kit, THREE(5, 1, 1));
	picks(&kit, 1, order, 14);
	ck_assert_str_eq(order, "aabacaaaabacaa");
	server_at(&kit, 0)->ejected_until = 100;
	picks(&kit, 99, order, 4);
	ck_assert_ptr_null(strchr(order, 'a'));
	ck_assert_ptr_nonnull(strchr(order, 'b'));
	ck_assert_ptr_nonnull(strchr(order, 'c'));
	picks(&kit, 100, order, 14);
	ck_assert_ptr_nonnull(strchr(order, 'a'));
	/* All are out: all are tried. */
	server_at(&kit, 0)->ejected_until = 1000;
	server_at(&kit, 1)->ejected_until = 1000;
	server_at(&kit, 2)->ejected_until = 1000;
	picks(&kit, 999, order, 14);
	ck_assert_ptr_nonnull(strchr(order, 'a'));
	ck_assert_ptr_nonnull(strchr(order, 'b'));
	ck_assert_ptr_nonnull(strchr(order, 'c'));
	kit_close(&kit);
}
END_TEST

START_TEST(test_least_conn)
{
	struct kit kit;
	char order[32];

	kit_open(&kit, THREE(2, 1, 1) "balance=\"least_conn\";");
	picks(&kit, 1, order, 6);
	ck_assert_str_eq(order, "abcabc");
	server_at(&kit, 0)->active = 3;
	server_at(&kit, 1)->active = 2;
	server_at(&kit, 2)->active = 1;
	picks(&kit, 1, order, 6);
	ck_assert_str_eq(order, "cccccc");
	server_at(&kit, 2)->ejected_until = 9;
	picks(&kit, 1, order, 6);	/* 3/2 is less than 2/1 */
	ck_assert_str_eq(order, "aaaaaa");
	/* A counter of picks that has come to its end. */
	kit.table->slots[0].current = INT32_MAX;
	picks(&kit, 1, order, 6);
	ck_assert_str_eq(order, "aaaaaa");
	server_at(&kit, 0)->active = server_at(&kit, 1)->active = 0;
	server_at(&kit, 2)->active = 0;
	kit_close(&kit);
}
END_TEST

static void
hurt(struct kit *kit)
{
	const struct image_head *image = kit->view->head;

	upstream_hurt(&kit->all, server_at(kit, 0), image, IMAGE_AT(image,
	    IMAGE_UPSTREAMS, struct image_upstream, 0), IMAGE_AT(image,
	    IMAGE_SERVERS, struct image_server, 0), UPSTREAM_REFUSED);
}

START_TEST(test_ejection)
{
	struct kit kit;
	struct upstream_server *server;
	uint64_t *now, pause = 1000;
	int i;

	kit_open(&kit, THREE(1, 1, 1) "max_failures=2;fail_timeout=\"1s\";");
	server = server_at(&kit, 0);
	now = &kit.loop.wheel.now;
	hurt(&kit);
	ck_assert_uint_eq(server->ejected_until, 0);
	hurt(&kit);
	ck_assert_uint_eq(server->ejected_until, *now + 1000);
	hurt(&kit);	/* what was under way does not prolong it */
	ck_assert_uint_eq(server->ejected_until, *now + 1000);
	for (i = 0; i < 12; i++) {
		/* Back, and one failure is enough: out for twice the time. */
		*now = server->ejected_until;
		hurt(&kit);
		pause = pause * 2 > 300000 ? 300000 : pause * 2;
		ck_assert_uint_eq(server->ejected_until, *now + pause);
	}
	upstream_succeeded(server);
	ck_assert_uint_eq(server->ejected_until, 0);
	hurt(&kit);
	ck_assert_uint_eq(server->ejected_until, 0);
	kit_close(&kit);
	kit_open(&kit, THREE(1, 1, 1) "max_failures=0;");
	for (i = 0; i < 100; i++)
		hurt(&kit);
	ck_assert_uint_eq(server_at(&kit, 0)->ejected_until, 0);
	kit_close(&kit);
}
END_TEST

START_TEST(test_keep_and_take)
{
	struct kit kit;
	struct net_peer backend;
	struct caller caller;
	int fd = kit_backend(&kit, "host=\"me\";");

	warm(&kit, fd, &backend);
	caller_open(&caller, &kit, "POST");
	caller_send(&caller);
	ck_assert_uint_eq(server_at(&kit, 0)->nidle, 0);
	ck_assert_uint_eq(server_at(&kit, 0)->active, 1);
	UNTIL(&kit, net_has(&backend, "POST / HTTP/1.1\r\nHost: me\r\n\r\n"));
	net_send(&backend, OK_ANSWER);
	UNTIL(&kit, caller.ended);
	ck_assert_uint_eq(caller.status, 200);
	ck_assert_uint_eq(kit.slot.upstream_opened, 1);
	ck_assert_uint_eq(kit.slot.upstream_reused, 1);
	ck_assert_uint_eq(kit.slot.upstream_idle, 1);
	caller_close(&caller);
	/* The backend's end takes it out of the pool. */
	net_peer_close(&backend);
	UNTIL(&kit, server_at(&kit, 0)->nidle == 0);
	ck_assert_uint_eq(kit.slot.upstream_idle, 0);
	close(fd);
	kit_close(&kit);
}
END_TEST

/* What nobody asked for ends a kept connection. */
START_TEST(test_kept_speaks)
{
	struct kit kit;
	struct net_peer backend;
	int fd = kit_backend(&kit, "");

	warm(&kit, fd, &backend);
	net_send(&backend, OK_ANSWER);
	UNTIL(&kit, server_at(&kit, 0)->nidle == 0);
	UNTIL(&kit, net_over(&backend));
	net_peer_close(&backend);
	close(fd);
	kit_close(&kit);
}
END_TEST

START_TEST(test_idle_limits)
{
	struct kit kit;
	struct net_peer backend[2];
	struct caller caller[2];
	int i, fd = kit_backend(&kit, "max_idle=1;idle_timeout=\"30ms\";");

	for (i = 0; i < 2; i++) {
		caller_open(&caller[i], &kit, "GET");
		caller_send(&caller[i]);
		UNTIL(&kit, net_accept(fd, &backend[i]));
	}
	for (i = 0; i < 2; i++) {
		net_send(&backend[i], OK_ANSWER);
		UNTIL(&kit, caller[i].ended);
		caller_close(&caller[i]);
	}
	UNTIL(&kit, net_over(&backend[1]));
	UNTIL(&kit, net_over(&backend[0]));
	ck_assert_uint_eq(server_at(&kit, 0)->nidle, 0);
	ck_assert_uint_eq(server_at(&kit, 0)->active, 0);
	net_peer_close(&backend[0]);
	net_peer_close(&backend[1]);
	close(fd);
	kit_close(&kit);
}
END_TEST

/* A table that leaves a server alone leaves its connections alone. */
START_TEST(test_reload_keeps)
{
	struct kit kit;
	struct net_peer backend;
	struct upstream_table *next;
	struct table_view *view;
	struct upstream_server *server;
	uint16_t port;
	char settings[200];
	int fd = net_listen(&port);

	snprintf(settings, sizeof settings,
	    "servers=({address=\"127.0.0.1:%u\";});", port);
	kit_open(&kit, settings);
	warm(&kit, fd, &backend);
	server = server_at(&kit, 0);
	snprintf(settings, sizeof settings, "servers=({address="
	    "\"127.0.0.1:1\";},{address=\"127.0.0.1:%u\";});", port);
	next = table_of(&kit, settings, 2, &view);
	ck_assert(next->slots[0].server == server ||
	    next->slots[1].server == server);
	upstream_table_close(&kit.table);
	table_view_unref(&kit.view);
	net_settle(kit.base);
	ck_assert_uint_eq(server->nidle, 1);
	ck_assert(!net_over(&backend));
	upstream_table_close(&next);
	table_view_unref(&view);
	UNTIL(&kit, net_over(&backend));
	net_peer_close(&backend);
	close(fd);
	kit_close(&kit);
}
END_TEST

/* A kept connection that is dead: only what may happen twice is sent twice. */
static const struct {
	const char *method;
	bool again;
} stale[] = {
	{ "GET", true }, { "PUT", true }, { "HEAD", true }, { "POST", false },
};

START_TEST(test_stale)
{
	struct kit kit;
	struct net_peer backend, second;
	struct caller caller;
	int fd = kit_backend(&kit, "max_failures=1;");

	warm(&kit, fd, &backend);
	caller_open(&caller, &kit, stale[_i].method);
	caller_send(&caller);
	UNTIL(&kit, net_has(&backend, "\r\n\r\n"));
	net_peer_close(&backend);
	if (stale[_i].again) {
		UNTIL(&kit, net_accept(fd, &second));
		UNTIL(&kit, net_has(&second, "\r\n\r\n"));
		ck_assert_uint_eq(caller.composed, 2);
		net_send(&second, OK_ANSWER);
		UNTIL(&kit, caller.ended);
		ck_assert_int_eq(caller.failed, UPSTREAM_OK);
		ck_assert_uint_eq(caller.status, 200);
		net_peer_close(&second);
	} else {
		UNTIL(&kit, caller.ended);
		ck_assert_int_eq(caller.failed, UPSTREAM_CLOSED);
		ck_assert(!net_accept(fd, &second));
	}
	/* Neither is held against the server. */
	ck_assert_uint_eq(server_at(&kit, 0)->failures, 0);
	caller_close(&caller);
	close(fd);
	kit_close(&kit);
}
END_TEST

/* The body goes along; a fresh connection that dies is not tried again. */
START_TEST(test_stale_body)
{
	struct kit kit;
	struct net_peer backend, second;
	struct caller caller;
	int fd = kit_backend(&kit, "");

	warm(&kit, fd, &backend);
	caller_open(&caller, &kit, "PUT");
	caller.call.chunked_out = true;
	ck_assert_int_eq(caller_start(&caller), UPSTREAM_OK);
	upstream_call_body(&caller.call, SLICE("one"));
	ck_assert_int_eq(upstream_call_push(&caller.call), 0);
	UNTIL(&kit, net_has(&backend, "\r\n\r\n3\r\none\r\n"));
	net_peer_reset(&backend);
	UNTIL(&kit, net_accept(fd, &second));
	upstream_call_body(&caller.call, SLICE("two"));
	upstream_call_body_end(&caller.call);
	(void)upstream_call_push(&caller.call);
	UNTIL(&kit, net_has(&second, "\r\n\r\n3\r\none\r\n3\r\ntwo\r\n"
	    "0\r\n\r\n"));
	net_peer_close(&second);
	UNTIL(&kit, caller.ended);
	ck_assert_int_eq(caller.failed, UPSTREAM_CLOSED);
	ck_assert_uint_eq(server_at(&kit, 0)->failures, 1);
	ck_assert(!net_accept(fd, &second));
	caller_close(&caller);
	close(fd);
	kit_close(&kit);
}
END_TEST

/* More than can be kept for another try: there is none. */
START_TEST(test_stale_long_body)
{
	static char part[40 * 1024];
	struct kit kit;
	struct net_peer backend;
	struct caller caller;
	int fd = kit_backend(&kit, "");

	warm(&kit, fd, &backend);
	caller_open(&caller, &kit, "PUT");
	ck_assert_int_eq(caller_start(&caller), UPSTREAM_OK);
	upstream_call_body(&caller.call, slice_of(part, sizeof part));
	ck_assert(caller.call.replayable);
	upstream_call_body(&caller.call, slice_of(part, sizeof part));
	ck_assert(!caller.call.replayable);
	(void)upstream_call_push(&caller.call);
	net_peer_reset(&backend);
	UNTIL(&kit, caller.ended);
	ck_assert(caller.failed == UPSTREAM_RESET ||
	    caller.failed == UPSTREAM_CLOSED);
	caller_close(&caller);
	close(fd);
	kit_close(&kit);
}
END_TEST

START_TEST(test_refused_goes_on)
{
	struct kit kit;
	struct net_peer backend;
	struct caller caller;
	char settings[300];
	uint16_t port;
	int fd = net_listen(&port);

	snprintf(settings, sizeof settings, "servers=({address="
	    "\"127.0.0.1:%u\";},{address=\"127.0.0.1:%u\";},{address="
	    "\"unix:/nonexistent/gatehouse\";});max_failures=1;",
	    net_closed_port(), port);
	kit_open(&kit, settings);
	caller_open(&caller, &kit, "POST");
	caller.fields = "Content-Length: 3\r\n";
	ck_assert_int_eq(caller_start(&caller), UPSTREAM_OK);
	upstream_call_body(&caller.call, SLICE("abc"));
	upstream_call_body_end(&caller.call);
	(void)upstream_call_push(&caller.call);
	UNTIL(&kit, net_accept(fd, &backend));
	UNTIL(&kit, net_has(&backend, "\r\n\r\nabc"));
	net_send(&backend, OK_ANSWER);
	UNTIL(&kit, caller.ended);
	ck_assert_uint_eq(caller.status, 200);
	caller_close(&caller);
	net_peer_close(&backend);
	close(fd);
	kit_close(&kit);
}
END_TEST

START_TEST(test_all_refused)
{
	struct kit kit;
	struct caller caller;
	char settings[200];
	int why;

	snprintf(settings, sizeof settings, "servers=({address="
	    "\"127.0.0.1:%u\";},{address=\"unix:/nonexistent/gatehouse\";});",
	    net_closed_port());
	kit_open(&kit, settings);
	caller_open(&caller, &kit, "GET");
	why = caller_start(&caller);
	if (why == UPSTREAM_OK) {
		(void)upstream_call_push(&caller.call);
		UNTIL(&kit, caller.ended);
		why = (int)caller.failed;
	}
	ck_assert_int_eq(why, UPSTREAM_REFUSED);
	ck_assert_uint_eq(caller.status, 0);
	ck_assert_uint_eq(server_at(&kit, 0)->failures, 1);
	ck_assert_uint_eq(server_at(&kit, 1)->failures, 1);
	ck_assert_int_eq(upstream_call_start(&caller.call, kit.table,
	    IMAGE_NONE), UPSTREAM_NO_SERVER);
	caller_close(&caller);
	kit_close(&kit);
}
END_TEST

/* Answers of a backend; after each the backend closes. */
static const struct {
	const char *method, *answer, *body;
	unsigned status;
	enum upstream_failure failed;
	bool kept;	/* the connection, if the backend left it open */
} answers[] = {
	{ "GET", OK_ANSWER, "ok", 200, UPSTREAM_OK, true },
	{ "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close"
	    "\r\n\r\nok", "ok", 200, UPSTREAM_OK, false },
	{ "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 200,
	    UPSTREAM_OK, false },
	{ "GET", OK_ANSWER "X", "ok", 200, UPSTREAM_OK, false },
	{ "GET", "HTTP/1.1 204 No Content\r\n\r\n", "", 204, UPSTREAM_OK,
	    true },
	{ "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "", 200,
	    UPSTREAM_OK, true },
	{ "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: v\r\n\r\n", "abc", 200,
	    UPSTREAM_OK, true },
	{ "GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nL: a"
	    "\r\n\r\n" OK_ANSWER, "ok", 200, UPSTREAM_OK, true },
	{ "GET", "HTTP/1.1 200 OK\r\n\r\nuntil close", "until close", 200,
	    UPSTREAM_OK, false },
	{ "GET", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "ok", 200,
	    UPSTREAM_CUT, false },
	{ "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "2\r\nab\r\n", "ab", 200, UPSTREAM_CUT, false },
	{ "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "2\r\nabX", "ab", 200, UPSTREAM_CUT, false },
	{ "GET", "HTTP/1.1 200 OK\r\nContent-Le", "", 0, UPSTREAM_CLOSED,
	    false },
	{ "GET", "", "", 0, UPSTREAM_CLOSED, false },
	{ "GET", "nonsense\r\n\r\n", "", 0, UPSTREAM_BAD_ANSWER, false },
	{ "GET", "HTTP/1.1 101 Switching\r\n\r\n", "", 0,
	    UPSTREAM_BAD_ANSWER, false },
	{ "GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2"
	    "\r\n\r\nab", "", 0, UPSTREAM_BAD_ANSWER, false },
#define I "HTTP/1.1 102 P\r\n\r\n"
	{ "GET", I I I I I I I I I I OK_ANSWER, "ok", 200, UPSTREAM_OK,
	    true },
	{ "GET", I I I I I I I I I I I OK_ANSWER, "", 0, UPSTREAM_BAD_ANSWER,
	    false },
#undef I
};

/* In one piece, then (odd rounds) byte by byte. */
START_TEST(test_answers)
{
	const char *answer = answers[_i / 2].answer;
	size_t len = strlen(answer), i;
	struct kit kit;
	struct net_peer backend;
	struct caller caller;
	int fd = kit_backend(&kit, "");

	caller_open(&caller, &kit, answers[_i / 2].method);
	caller_send(&caller);
	UNTIL(&kit, net_accept(fd, &backend));
	UNTIL(&kit, net_has(&backend, "\r\n\r\n"));
	if (_i % 2 == 0 && len > 0)
		net_send_bytes(&backend, answer, len);
	for (i = 0; _i % 2 == 1 && i < len && !caller.ended; i++) {
		net_send_bytes(&backend, answer + i, 1);
		event_base_loop(kit.base, EVLOOP_NONBLOCK);
		event_base_loop(kit.base, EVLOOP_NONBLOCK);
	}
	if (answers[_i / 2].failed != UPSTREAM_OK || strstr(answer, "until"))
		ck_assert_int_eq(shutdown(backend.fd, SHUT_WR), 0);
	UNTIL(&kit, caller.ended);
	ck_assert_int_eq(caller.failed, answers[_i / 2].failed);
	ck_assert_uint_eq(caller.status, answers[_i / 2].status);
	ck_assert(slice_eq(buf_slice(&caller.body),
	    slice_text(answers[_i / 2].body)));
	/* A byte behind the answer comes later when they come one by one. */
	if (_i % 2 == 0)
		ck_assert_uint_eq(server_at(&kit, 0)->nidle,
		    answers[_i / 2].kept);
	ck_assert_uint_eq(server_at(&kit, 0)->active, 0);
	ck_assert_ptr_null(caller.call.kept);
	caller_close(&caller);
	net_peer_close(&backend);
	close(fd);
	kit_close(&kit);
}
END_TEST

START_TEST(test_answer_timeout)
{
	struct kit kit;
	struct net_peer backend;
	struct caller caller;
	int fd = kit_backend(&kit, "");

	caller_open(&caller, &kit, "GET");
	caller.call.timeout_ms = 30;
	caller_send(&caller);
	UNTIL(&kit, net_accept(fd, &backend));
	if (_i == 1) {
		net_send(&backend, "HTTP/1.1 200 OK\r\nContent-Length: 2"
		    "\r\n\r\no");
	} else if (_i == 2) {
		net_send(&backend, "HTTP/1.1 20");
	}
	UNTIL(&kit, caller.ended);
	ck_assert_int_eq(caller.failed, _i == 1 ? UPSTREAM_BODY_TIMEOUT :
	    UPSTREAM_TIMEOUT);
	ck_assert_uint_eq(server_at(&kit, 0)->failures, 1);
	caller_close(&caller);
	net_peer_close(&backend);
	close(fd);
	kit_close(&kit);
}
END_TEST

/* Slowness of the client in the middle of its body is not the server's. */
START_TEST(test_slow_request)
{
	struct kit kit;
	struct net_peer backend;
	struct caller caller;
	uint64_t began;
	int fd = kit_backend(&kit, "max_failures=1;");

	caller_open(&caller, &kit, "POST");
	caller.call.timeout_ms = 20;
	caller.fields = "Content-Length: 2\r\n";
	ck_assert_int_eq(caller_start(&caller), UPSTREAM_OK);
	upstream_call_body(&caller.call, SLICE("a"));
	(void)upstream_call_push(&caller.call);
	UNTIL(&kit, net_accept(fd, &backend));
	began = clock_now_ms();
	UNTIL(&kit, clock_now_ms() > began + 100);
	ck_assert(!caller.ended);
	ck_assert_uint_eq(server_at(&kit, 0)->failures, 0);
	/* Its end is in, and the clock runs. */
	upstream_call_body(&caller.call, SLICE("b"));
	upstream_call_body_end(&caller.call);
	(void)upstream_call_push(&caller.call);
	UNTIL(&kit, caller.ended);
	ck_assert_int_eq(caller.failed, UPSTREAM_TIMEOUT);
	ck_assert_uint_eq(server_at(&kit, 0)->ejections, 1);
	caller_close(&caller);
	net_peer_close(&backend);
	close(fd);
	kit_close(&kit);
}
END_TEST

/* A connect that nobody answers: the queue of the listening socket is full. */
START_TEST(test_connect_timeout)
{
	struct kit kit;
	struct caller caller;
	struct net_peer filler[8];
	uint16_t port;
	char settings[200];
	unsigned i;
	int fd = net_listen(&port);

	ck_assert_int_eq(listen(fd, 0), 0);
	for (i = 0; i < 8; i++) {
		struct sockaddr_in in = { .sin_family = AF_INET,
		    .sin_port = htons(port) };

		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		net_peer_open(&filler[i], socket(AF_INET, SOCK_STREAM |
		    SOCK_NONBLOCK, 0));
		(void)connect(filler[i].fd, (struct sockaddr *)&in,
		    sizeof in);
	}
	snprintf(settings, sizeof settings, "servers=({address="
	    "\"127.0.0.1:%u\";});connect_timeout=\"30ms\";", port);
	kit_open(&kit, settings);
	caller_open(&caller, &kit, "GET");
	caller_send(&caller);
	UNTIL(&kit, caller.ended);
	ck_assert_int_eq(caller.failed, UPSTREAM_CONNECT_TIMEOUT);
	ck_assert_uint_eq(server_at(&kit, 0)->active, 0);
	for (i = 0; i < 8; i++)
		net_peer_close(&filler[i]);
	caller_close(&caller);
	close(fd);
	kit_close(&kit);
}
END_TEST

/* The backend has answered and gone; a send meets its reset first. */
START_TEST(test_early_answer)
{
	static char part[32 * 1024];
	struct kit kit;
	struct net_peer backend;
	struct caller caller;
	int i, fd = kit_backend(&kit, "");

	caller_open(&caller, &kit, "POST");
	caller.fields = "Content-Length: 999999\r\n";
	ck_assert_int_eq(caller_start(&caller), UPSTREAM_OK);
	upstream_call_body(&caller.call, SLICE("first"));
	(void)upstream_call_push(&caller.call);
	UNTIL(&kit, net_accept(fd, &backend));
	UNTIL(&kit, caller.writable > 0);
	net_send(&backend, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n"
	    "Connection: close\r\n\r\nno");
	net_peer_close(&backend);	/* unread bytes: a reset */
	for (i = 0; i < 20 && !caller.call.conn->io.dead; i++) {
		upstream_call_body(&caller.call, slice_of(part,
		    sizeof part));
		(void)upstream_call_push(&caller.call);
	}
	ck_assert(caller.call.conn->io.dead);
	UNTIL(&kit, caller.ended);
	ck_assert_uint_eq(caller.status, 413);
	ck_assert_int_eq(caller.failed, UPSTREAM_OK);
	ck_assert(slice_eq(buf_slice(&caller.body), SLICE("no")));
	caller_close(&caller);
	close(fd);
	kit_close(&kit);
}
END_TEST

START_TEST(test_back_pressure)
{
	static char part[64 * 1024];
	struct kit kit;
	struct net_peer backend;
	struct caller caller;
	size_t given = 0;
	int fd = kit_backend(&kit, "");

	caller_open(&caller, &kit, "POST");
	ck_assert_int_eq(caller_start(&caller), UPSTREAM_OK);
	(void)upstream_call_push(&caller.call);
	UNTIL(&kit, net_accept(fd, &backend));
	UNTIL(&kit, caller.writable > 0);
	caller.writable = 0;
	for (; given < 64 * 1024 * 1024; given += sizeof part) {
		upstream_call_body(&caller.call, slice_of(part,
		    sizeof part));
		if (upstream_call_push(&caller.call) > 0)
			break;
	}
	ck_assert_uint_lt(given, 64 * 1024 * 1024);
	net_settle(kit.base);
	ck_assert_uint_eq(caller.writable, 0);
	UNTIL(&kit, !net_over(&backend) && caller.writable > 0);
	ck_assert_ptr_null(caller.call.conn->io.tail);
	caller_close(&caller);
	UNTIL(&kit, net_over(&backend));
	net_peer_close(&backend);
	close(fd);
	kit_close(&kit);
}
END_TEST

START_TEST(test_paused_answer)
{
	struct kit kit;
	struct net_peer backend;
	struct caller caller;
	int fd = kit_backend(&kit, "");

	caller_open(&caller, &kit, "GET");
	caller.pausing = true;
	caller_send(&caller);
	UNTIL(&kit, net_accept(fd, &backend));
	net_send(&backend, "HTTP/1.1 200 OK\r\n\r\none");
	UNTIL(&kit, caller.body.len == 3);
	net_send(&backend, "two");
	ck_assert_int_eq(shutdown(backend.fd, SHUT_WR), 0);
	net_settle(kit.base);
	ck_assert_uint_eq(caller.body.len, 3);
	ck_assert(!caller.ended);
	caller.pausing = false;
	upstream_call_resume(&caller.call);
	UNTIL(&kit, caller.ended);
	ck_assert_uint_eq(caller.body.len, 6);
	ck_assert_int_eq(caller.failed, UPSTREAM_OK);
	caller_close(&caller);
	net_peer_close(&backend);
	close(fd);
	kit_close(&kit);
}
END_TEST

/* A head that does not fit the buffer does not go out in part. */
START_TEST(test_head_too_large)
{
	struct kit kit;
	struct net_peer backend;
	struct caller caller;
	int fd = kit_backend(&kit, "");

	caller_open(&caller, &kit, "GET");
	caller.padding = LOOP_OUT;
	ck_assert_int_eq(caller_start(&caller), UPSTREAM_BAD_ANSWER);
	upstream_call_body(&caller.call, SLICE("body"));
	ck_assert_int_eq(upstream_call_push(&caller.call), 0);
	ck_assert_uint_eq(server_at(&kit, 0)->failures, 0);
	net_settle(kit.base);
	if (net_accept(fd, &backend)) {
		UNTIL(&kit, net_over(&backend));
		ck_assert_uint_eq(backend.got.len, 0);
		net_peer_close(&backend);
	}
	ck_assert_int_eq(caller.failed, UPSTREAM_OK);
	caller_close(&caller);
	close(fd);
	kit_close(&kit);
}
END_TEST

static void
never(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void
never_expires(struct timer *timer)
{
	(void)timer;
}

#define SPLICED (4 * 1024 * 1024)

/* A long body goes by splice; the connection is kept, unless more came. */
START_TEST(test_splice)
{
	struct kit kit;
	struct net_peer backend, reader;
	struct caller caller;
	struct conn target;
	uint16_t port;
	char head[100], *part = malloc(SPLICED + 1);
	size_t sent = 0;
	ssize_t n;
	int fd = kit_backend(&kit, ""), mine = net_listen(&port), to;
	size_t total = SPLICED + (_i == 1);

	memset(part, 's', total);
	net_connect(&reader, port);
	to = accept4(mine, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_eq(conn_open(&target, &kit.loop, to, never,
	    never_expires), 0);
	caller_open(&caller, &kit, "GET");
	caller.target = &target;
	caller_send(&caller);
	UNTIL(&kit, net_accept(fd, &backend));
	UNTIL(&kit, net_has(&backend, "\r\n\r\n"));
	snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d"
	    "\r\n\r\n", SPLICED);
	net_send(&backend, head);
	UNTIL(&kit, caller.call.phase == UPSTREAM_SPLICE);
	while (sent < total || !caller.ended) {
		n = sent < total ? net_send_some(&backend, part + sent,
		    total - sent) : 0;
		ck_assert_int_ge(n, 0);
		sent += (size_t)n;
		net_take(&reader);
		/* What the target's owner does on an edge. */
		if (!caller.ended && caller.call.paused)
			upstream_call_resume(&caller.call);
		event_base_loop(kit.base, EVLOOP_NONBLOCK);
	}
	UNTIL(&kit, !net_over(&reader) && reader.got.len == SPLICED);
	ck_assert_int_eq(caller.failed, UPSTREAM_OK);
	ck_assert_uint_eq(caller.call.bytes_in, SPLICED);
	ck_assert_uint_eq(caller.body.len, 0);
	if (_i == 0)
		ck_assert_uint_eq(server_at(&kit, 0)->nidle, 1);
	else
		UNTIL(&kit, server_at(&kit, 0)->nidle == 0);
	caller_close(&caller);
	conn_close(&target);
	net_peer_close(&reader);
	net_peer_close(&backend);
	free(part);
	close(mine);
	close(fd);
	kit_close(&kit);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("upstream");
	TCase *tests = tcase_create("upstream");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 15);
	tcase_add_test(tests, test_round_robin);
	tcase_add_test(tests, test_least_conn);
	tcase_add_test(tests, test_ejection);
	tcase_add_test(tests, test_keep_and_take);
	tcase_add_test(tests, test_kept_speaks);
	tcase_add_test(tests, test_idle_limits);
	tcase_add_test(tests, test_reload_keeps);
	tcase_add_loop_test(tests, test_stale, 0,
	    sizeof stale / sizeof *stale);
	tcase_add_test(tests, test_stale_body);
	tcase_add_test(tests, test_stale_long_body);
	tcase_add_test(tests, test_refused_goes_on);
	tcase_add_test(tests, test_all_refused);
	tcase_add_loop_test(tests, test_answers, 0,
	    2 * sizeof answers / sizeof *answers);
	tcase_add_loop_test(tests, test_answer_timeout, 0, 3);
	tcase_add_test(tests, test_slow_request);
	tcase_add_test(tests, test_connect_timeout);
	tcase_add_test(tests, test_early_answer);
	tcase_add_test(tests, test_back_pressure);
	tcase_add_test(tests, test_paused_answer);
	tcase_add_test(tests, test_head_too_large);
	tcase_add_loop_test(tests, test_splice, 0, 2);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
