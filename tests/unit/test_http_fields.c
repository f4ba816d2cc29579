/*
 * test_http_fields.c - which field lines go on, and how they look then
 */

#include <stdio.h>

#include "http/fields.h"
#include "http_feed.h"

struct sample {
	const char *sent;	/* fields behind Host */
	const char *kept;
};

static const struct sample samples[] = {
	{ "", "Host: a\r\n" },
	{ "X: y\r\nZ: z\r\n", "Host: a\r\nX: y\r\nZ: z\r\n" },
	{ "X:y\r\n", "Host: a\r\nX: y\r\n" },
	{ "X:\r\n", "Host: a\r\nX: \r\n" },
	{ "X: \r\n", "Host: a\r\nX: \r\n" },
	{ "X:  y\r\n", "Host: a\r\nX: y\r\n" },
	{ "X:\ty\r\nB: c\r\n", "Host: a\r\nX: y\r\nB: c\r\n" },
	{ "X:\t\r\nB:\tc\r\n", "Host: a\r\nX: \r\nB: c\r\n" },
	{ "X: y \r\nB: c\r\n", "Host: a\r\nX: y\r\nB: c\r\n" },
	{ "B: c\r\nX: \t y z\t\r\n", "Host: a\r\nB: c\r\nX: y z\r\n" },
	{ "Connection: close\r\nX: y\r\n", "Host: a\r\nX: y\r\n" },
	{ "A: b\r\nKeep-Alive: 5\r\nX: y\r\n", "Host: a\r\nA: b\r\nX: y\r\n" },
	{ "te: trailers\r\nTrailer: X\r\nProxy-Connection: x\r\n"
	  "Upgrade: h2c\r\nProxy-Authenticate: x\r\n",
	    "Host: a\r\n" },
	{ "Transfer-Encoding: chunked\r\n", "Host: a\r\n" },
	{ "Content-Length: 5\r\n", "Host: a\r\nContent-Length: 5\r\n" },
	{ "Connection: X\r\nx: y\r\nZ: z\r\nX: w\r\n", "Host: a\r\nZ: z\r\n" },
	{ "X: y\r\nConnection: a, x ,b\r\nA: 1\r\nC: 1\r\n",
	    "Host: a\r\nC: 1\r\n" },
	{ "Connection: x\r\nConnection: ,,y,\r\nX: 1\r\nY: 1\r\n",
	    "Host: a\r\n" },
	{ "Connection: host, content-length\r\nContent-Length: 5\r\n",
	    "Host: a\r\nContent-Length: 5\r\n" },
	{ "Connection: X-Forwarded-For, x-amzn-trace-id, Forwarded\r\n"
	  "X-Forwarded-For: 1\r\nX-Amzn-Trace-Id: 2\r\nForwarded: 3\r\n",
	    "Host: a\r\nX-Forwarded-For: 1\r\nX-Amzn-Trace-Id: 2\r\n"
	    "Forwarded: 3\r\n" },
	{ "Connection: cookie\r\nCookie: a=b\r\n", "Host: a\r\n" },
	{ "Connection: access-control-x\r\nAccess-Control-X: a\r\n"
	  "Access-Control-Y: b\r\n",
	    "Host: a\r\nAccess-Control-Y: b\r\n" },
	{ "Transfer_Encoding: chunked\r\nContent_Length: 5\r\nho_st: x\r\n",
	    "Host: a\r\nho_st: x\r\n" },
	{ "X_Forwarded_For: 1\r\n", "Host: a\r\nX_Forwarded_For: 1\r\n" },
};

START_TEST(test_hop_by_hop)
{
	const struct sample *sample = &samples[_i];
	struct http_removed removed;
	struct feed feed;
	struct buf out;
	char text[400];

	snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n",
	    sample->sent);
	feed_open(&feed, HTTP_SIDE_REQUEST);
	ck_assert_int_eq(feed_run(&feed, text, strlen(text), 400), 0);
	http_fields_hop_by_hop(&feed.head, &removed);
	buf_open(&out);
	http_fields_write(&feed.head, &removed, &out);
	ck_slice(buf_slice(&out), sample->kept);
	ck_assert_uint_le(out.len, http_fields_size(&feed.head));
	buf_close(&out);
	feed_close(&feed);
}
END_TEST

START_TEST(test_remove)
{
	static const char text[] =
	    "GET / HTTP/1.1\r\nHost: a\r\n"
	    "X-Forwarded-For: 1\r\nX_Forwarded-For: 2\r\nX: y\r\n"
	    "Via: 3\r\nx-forwarded-for: 4\r\nX: z\r\n\r\n";
	struct http_removed removed = { { 0 } };
	struct feed feed;
	struct buf out;

	feed_open(&feed, HTTP_SIDE_REQUEST);
	ck_assert_int_eq(feed_run(&feed, text, strlen(text), 400), 0);
	http_fields_remove(&feed.head,
	    HTTP_KNOWN_BIT(X_FORWARDED_FOR) | HTTP_KNOWN_BIT(HOST) |
		HTTP_KNOWN_BIT(NONE),
	    &removed);
	buf_open(&out);
	http_fields_write(&feed.head, &removed, &out);
	ck_slice(buf_slice(&out), "X: y\r\nVia: 3\r\nX: z\r\n");
	out.len = 0;
	http_fields_remove_name(&feed.head, SLICE("x"), &removed);
	http_fields_write(&feed.head, &removed, &out);
	ck_slice(buf_slice(&out), "Via: 3\r\n");
	buf_close(&out);
	feed_close(&feed);
}
END_TEST

/* Removing any set of many fields keeps the others, in order. */
START_TEST(test_bitmaps)
{
	struct http_removed removed;
	char text[4096], want[4096];
	struct feed feed;
	struct buf out;
	size_t len, i, round;

	srand(1);
	for (round = 0; round < 200; round++) {
		len = (size_t)sprintf(text, "GET / HTTP/1.0\r\n");
		for (i = 0; i < 100; i++)
			len += (size_t)sprintf(text + len, "X%zu:%s%zu\r\n", i,
			    rand() % 8 > 0 ? " " : "", i);
		len += (size_t)sprintf(text + len, "\r\n");
		feed_open(&feed, HTTP_SIDE_REQUEST);
		ck_assert_int_eq(feed_run(&feed, text, len, len), 0);
		http_fields_hop_by_hop(&feed.head, &removed);
		len = 0;
		for (i = 0; i < 100; i++) {
			if (rand() % 3 == 0)
				http_removed_add(&removed, (unsigned)i);
			else
				len += (size_t)sprintf(
				    want + len, "X%zu: %zu\r\n", i, i);
		}
		buf_open(&out);
		http_fields_write(&feed.head, &removed, &out);
		ck_assert(slice_eq(buf_slice(&out), slice_of(want, len)));
		buf_close(&out);
		feed_close(&feed);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http_fields");
	TCase *tests = tcase_create("fields");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_loop_test(
	    tests, test_hop_by_hop, 0, sizeof samples / sizeof *samples);
	tcase_add_test(tests, test_remove);
	tcase_add_test(tests, test_bitmaps);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
