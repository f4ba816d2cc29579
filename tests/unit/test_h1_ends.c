/*
 * tests/unit/test_h1_ends.c - how client connections end: time-outs, slow
 * readers, resets, draining, and src/http/listen.c, over loopback TCP
 */

#include "h1_kit.h"

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
	net_peer_reset(&peer);
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
	ck_assert(said(kit, "gone shutdown;"));
	ck_assert_uint_eq(kit->server.nconnections, 0);
	ck_assert_uint_eq(kit->emptied, 1);
	UNTIL(kit, net_over(&peer) && net_over(&idle));
	net_peer_close(&peer);
	net_peer_close(&idle);
	kit_close(kit);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("h1_ends");
	TCase *tests = tcase_create("connections");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 15);
	tcase_add_test(tests, test_head_timeout);
	tcase_add_test(tests, test_head_timeout_second);
	tcase_add_test(tests, test_keep_alive_after_parts);
	tcase_add_test(tests, test_keep_alive_timeout);
	tcase_add_test(tests, test_keep_alive_none);
	tcase_add_test(tests, test_body_timeout);
	tcase_add_test(tests, test_body_timeout_paused);
	tcase_add_test(tests, test_send_timeout);
	tcase_add_test(tests, test_slow_reader);
	tcase_add_test(tests, test_slow_reader_tail);
	tcase_add_test(tests, test_half_closed);
	tcase_add_test(tests, test_half_closed_pipeline);
	tcase_add_test(tests, test_half_closed_body);
	tcase_add_loop_test(tests, test_reset, 0,
	    sizeof reset_in / sizeof *reset_in);
	tcase_add_test(tests, test_reset_while_sending);
	tcase_add_test(tests, test_abort_leaves_nothing);
	tcase_add_test(tests, test_head_outlives_answer);
	tcase_add_loop_test(tests, test_chunked_answer, 0, 2);
	tcase_add_test(tests, test_requests_max);
	tcase_add_test(tests, test_connections_max);
	tcase_add_test(tests, test_drain);
	tcase_add_test(tests, test_drain_idle);
	tcase_add_test(tests, test_drain_empty);
	tcase_add_test(tests, test_retire);
	tcase_add_test(tests, test_retire_full);
	tcase_add_test(tests, test_cut);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
