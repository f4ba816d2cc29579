/*
 * tests/unit/test_h1.c - requests and answers on client connections:
 * src/http/h1.c, h1_reply.c and conn.c over loopback TCP
 */

#include "h1_kit.h"

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
	UNTIL(kit, kit->server.nconnections > 0 &&
	    only(kit)->state == H1_LINGER);
	while (sent < 100000) {
		n = net_send_some(&peer, part, sizeof part);
		ck_assert_int_ge(n, 0);
		sent += (size_t)n;
		event_base_loop(kit->base, EVLOOP_NONBLOCK);
	}
	UNTIL(kit, net_over(&peer));
	ck_assert(peer.ended && !peer.broken);
	ck_assert_str_eq(peer.got.at, "HTTP/1.1 413 Content Too Large\r\n"
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
	UNTIL(kit, kit->server.nconnections > 0 &&
	    only(kit)->state == H1_LINGER);
	while (kit->server.nconnections > 0 && sent < 64000000) {
		n = net_send_some(&peer, part, sizeof part);
		sent += n > 0 ? (size_t)n : 0;
		event_base_loop(kit->base, EVLOOP_NONBLOCK);
	}
	ck_assert_uint_eq(kit->server.nconnections, 0);
	ck_assert_uint_ge(sent, 16 * 1024 * 1024);
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
	/* More can be sent: somebody reads. */
	before = sent;
	while (sent == before) {
		n = net_send_some(&peer, part, sizeof part);
		ck_assert_int_ge(n, 0);
		sent += (size_t)n;
		net_settle(kit->base);
	}
	net_peer_close(&peer);
	UNTIL(kit, kit->server.nconnections == 0);
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

int
main(void)
{
	Suite *suite = suite_create("h1");
	TCase *tests = tcase_create("connections");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 15);
	tcase_add_test(tests, test_keep_alive);
	tcase_add_loop_test(tests, test_versions, 0,
	    sizeof versions / sizeof *versions);
	tcase_add_loop_test(tests, test_cuts, 0,
	    sizeof versions / sizeof *versions);
	tcase_add_test(tests, test_pipeline);
	tcase_add_test(tests, test_pipeline_flood);
	tcase_add_test(tests, test_continue);
	tcase_add_test(tests, test_continue_refused);
	tcase_add_test(tests, test_early_answer);
	tcase_add_test(tests, test_linger_bound);
	tcase_add_test(tests, test_paused_answer);
	tcase_add_test(tests, test_pause_resume);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
