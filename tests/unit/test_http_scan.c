/*
 * test_http_scan.c - limits of a head, to the byte; runs of bytes
 */

#include <stdio.h>

#include "http_feed.h"
#include "util/span.h"

/* Verdict for a text under limits, the same for whole and bytewise feeding. */
static int
verdict(const struct http_limits *limits, const char *text, size_t len)
{
	struct feed feed;
	int whole, drops;

	feed_open(&feed, HTTP_SIDE_REQUEST);
	feed.limits = *limits;
	whole = feed_run(&feed, text, len, len);
	drops = feed_run(&feed, text, len, 1);
	ck_assert_int_eq(whole, drops);
	feed_close(&feed);
	return whole;
}

START_TEST(test_head_bytes)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	struct http_limits limits = { 0, 100, 1000, 10 };
	uint32_t size = sizeof head - 1;
	uint32_t limit;

	for (limit = 6; limit < size; limit++) {
		limits.head_bytes = limit;
		ck_assert_int_eq(
		    verdict(&limits, head, size), HTTP_REFUSE_HEAD_TOO_LARGE);
		ck_assert_int_eq(
		    verdict(&limits, head, limit), HTTP_REFUSE_HEAD_TOO_LARGE);
		ck_assert_int_eq(verdict(&limits, head, limit - 1), FEED_MORE);
	}
	limits.head_bytes = size;
	ck_assert_int_eq(verdict(&limits, head, size), 0);
	limits.head_bytes = 5;
	ck_assert_int_eq(
	    verdict(&limits, head, size), HTTP_REFUSE_TARGET_TOO_LONG);
}
END_TEST

/* An empty line before the request counts for nothing. */
START_TEST(test_head_bytes_behind_empty_line)
{
	static const char head[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
	struct http_limits limits = { sizeof head - 3, 100, 1000, 10 };

	ck_assert_int_eq(verdict(&limits, head, sizeof head - 1), 0);
	limits.head_bytes--;
	ck_assert_int_eq(verdict(&limits, head, sizeof head - 1),
	    HTTP_REFUSE_HEAD_TOO_LARGE);
}
END_TEST

START_TEST(test_target_bytes)
{
	struct http_limits limits = { 1000, 10, 1000, 10 };
	char head[200];
	int len, size;

	for (len = 1; len < 50; len++) {
		size = snprintf(head, sizeof head,
		    "GET /%.*s HTTP/1.1\r\nHost: a\r\n\r\n", len - 1,
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
		ck_assert_int_eq(verdict(&limits, head, (size_t)size),
		    len <= 10 ? 0 : HTTP_REFUSE_TARGET_TOO_LONG);
	}
	/* Long before the end of a line that never ends. */
	memset(head, 'a', sizeof head);
	memcpy(head, "GET /", 5);
	ck_assert_int_eq(
	    verdict(&limits, head, 15), HTTP_REFUSE_TARGET_TOO_LONG);
	ck_assert_int_eq(verdict(&limits, head, 14), FEED_MORE);
}
END_TEST

START_TEST(test_field_bytes)
{
	static const char head[] =
	    "GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789\r\n\r\n";
	const size_t size = sizeof head - 1, fields = size - 18;
	struct http_limits limits = { 1000, 100, 0, 10 };
	uint32_t limit;

	for (limit = 0; limit < 60; limit++) {
		limits.field_bytes = limit;
		ck_assert_int_eq(verdict(&limits, head, size),
		    limit >= fields ? 0 : HTTP_REFUSE_FIELDS_TOO_LARGE);
	}
}
END_TEST

START_TEST(test_field_count)
{
	struct http_limits limits = { 60000, 100, 60000, 0 };
	char head[4096];
	size_t size;
	uint32_t count, limit;

	for (count = 1; count < 260; count += 37)
		for (limit = count - 1; limit <= count + 1; limit++) {
			strcpy(head, "GET / HTTP/1.1\r\nHost: a\r\n");
			size = strlen(head);
			while (size < 25 + 6 * (count - 1)) {
				memcpy(head + size, "X: y\r\n", 6);
				size += 6;
			}
			memcpy(head + size, "\r\n", 2);
			limits.fields = limit;
			ck_assert_int_eq(verdict(&limits, head, size + 2),
			    count <= limit && count <= HTTP_FIELDS_MAX
				? 0
				: HTTP_REFUSE_TOO_MANY_FIELDS);
		}
}
END_TEST

/* The configured limit is no licence for offsets over 16 bits. */
START_TEST(test_largest_head)
{
	struct http_limits limits = { 1000000, 100000, 1000000, 100 };
	static char head[100000];
	struct feed feed;
	size_t size;

	for (size = HTTP_HEAD_MAX; size <= HTTP_HEAD_MAX + 1; size++) {
		memset(head, 'x', sizeof head);
		memcpy(head, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 28);
		memcpy(head + size - 4, "\r\n\r\n", 4);
		feed_open(&feed, HTTP_SIDE_REQUEST);
		feed.limits = limits;
		ck_assert_int_eq(feed_run(&feed, head, size, size),
		    size == HTTP_HEAD_MAX ? 0 : HTTP_REFUSE_HEAD_TOO_LARGE);
		if (size == HTTP_HEAD_MAX)
			ck_assert_uint_eq(
			    feed.head.fields[1].value_len, size - 32);
		feed_close(&feed);
	}
}
END_TEST

static bool
is_text(int byte)
{
	return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

static bool
is_visible(int byte)
{
	return byte > 0x20 && byte < 0x7f;
}

static bool
is_token(int byte)
{
	return byte > 0x20 && byte < 0x7f &&
	    strchr("\"(),/:;<=>?@[\\]{}", byte) == NULL;
}

static size_t
length(const char *from, const char *to)
{
	return (size_t)(to - from);
}

static void
check_spans(const char *run, size_t len, size_t at, int byte)
{
	const char *end = run + len;

	if (length(run, span_text(run, end)) != (is_text(byte) ? len : at) ||
	    length(run, span_visible(run, end)) !=
		(is_visible(byte) ? len : at) ||
	    length(run, span_token(run, end)) != (is_token(byte) ? len : at) ||
	    span_is_token(run, end) != is_token(byte))
		ck_abort_msg("byte %d at %zu of %zu", byte, at, len);
}

/* Every byte at every place of runs of many lengths. */
START_TEST(test_spans)
{
	char *run;
	size_t len, at;
	int byte;

	for (len = 1; len < 40; len++) {
		run = malloc(len);
		ck_assert_ptr_nonnull(run);
		memset(run, 'a', len);
		for (at = 0; at < len; at++) {
			for (byte = 0; byte < 256; byte++) {
				run[at] = (char)byte;
				check_spans(run, len, at, byte);
			}
			run[at] = 'a';
		}
		ck_assert(!span_is_token(run, run));
		free(run);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http_scan");
	TCase *tests = tcase_create("scan");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, test_head_bytes);
	tcase_add_test(tests, test_head_bytes_behind_empty_line);
	tcase_add_test(tests, test_target_bytes);
	tcase_add_test(tests, test_field_bytes);
	tcase_add_test(tests, test_field_count);
	tcase_add_test(tests, test_largest_head);
	tcase_add_test(tests, test_spans);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
