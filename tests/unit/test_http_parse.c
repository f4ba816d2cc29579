/*
 * test_http_parse.c - what parser and framing make of good heads; names
 */

#include <stdio.h>

#include "http_feed.h"

static void
take(struct feed *feed, enum http_side side, const char *text)
{
	feed_open(feed, side);
	ck_assert_msg(
	    feed_run(feed, text, strlen(text), strlen(text)) == 0, "%s", text);
}

START_TEST(test_request_parts)
{
	struct feed feed;
	const struct http_field *field;

	take(&feed, HTTP_SIDE_REQUEST,
	    "POST /a/b?c=d?e HTTP/1.1\r\n"
	    "hOST: Example.com:80\r\n"
	    "X-Empty:\r\n"
	    "X-Blank: \t\r\n"
	    "X-Tail:  a b \t \r\n"
	    "Content-Length: 12\r\n"
	    "X-Last:z\r\n\r\nrest");
	ck_assert_uint_eq(feed.head.method, HTTP_VERB_POST);
	ck_slice(http_head_part(&feed.head, feed.head.method_text), "POST");
	ck_slice(http_head_part(&feed.head, feed.head.target), "/a/b?c=d?e");
	ck_slice(feed.head.path, "/a/b");
	ck_slice(feed.head.query, "c=d?e");
	ck_assert(feed.head.has_query);
	ck_slice(feed.head.host, "Example.com:80");
	ck_assert_int_eq(feed.head.form, HTTP_FORM_ORIGIN);
	ck_assert_uint_eq(feed.head.minor, 1);
	ck_assert_uint_eq(feed.head.nfields, 6);
	ck_assert_int_eq(feed.head.body, HTTP_BODY_LENGTH);
	ck_assert_uint_eq(feed.head.length, 12);
	ck_assert(feed.head.keep_alive);
	field = feed.head.fields;
	ck_slice(http_field_name(&feed.head, &field[0]), "hOST");
	ck_slice(http_field_value(&feed.head, &field[1]), "");
	ck_slice(http_field_value(&feed.head, &field[2]), "");
	ck_slice(http_field_value(&feed.head, &field[3]), "a b");
	ck_slice(http_field_value(&feed.head, &field[5]), "z");
	ck_slice(slice_of(feed.head.base + field[1].line_at, field[1].line_len),
	    "X-Empty:\r\n");
	ck_slice(slice_of(feed.head.base + field[3].line_at, field[3].line_len),
	    "X-Tail:  a b \t \r\n");
	ck_slice(slice_of(feed.head.base + field[5].line_at, field[5].line_len),
	    "X-Last:z\r\n");
	ck_assert_uint_eq(feed.head.known_mask,
	    HTTP_KNOWN_BIT(HOST) | HTTP_KNOWN_BIT(CONTENT_LENGTH));
	ck_slice(
	    http_head_value(&feed.head, HTTP_KNOWN_HOST), "Example.com:80");
	ck_assert_ptr_null(http_head_find(&feed.head, HTTP_KNOWN_DATE));
	ck_assert_ptr_eq(
	    http_head_find_name(&feed.head, SLICE("x-TAIL")), &field[3]);
	ck_assert_ptr_null(http_head_find_name(&feed.head, SLICE("x-tai")));
	feed_close(&feed);
}
END_TEST

struct form {
	const char *line;
	enum http_form form;
	const char *host, *path, *query;	/* query NULL: none */
};

static const struct form forms[] = {
	{ "GET / HTTP/1.1", HTTP_FORM_ORIGIN, "a:80", "/", NULL },
	{ "GET /? HTTP/1.1", HTTP_FORM_ORIGIN, "a:80", "/", "" },
	{ "GET //b/?c HTTP/1.1", HTTP_FORM_ORIGIN, "a:80", "//b/", "c" },
	{ "GET http://A:80 HTTP/1.1", HTTP_FORM_ABSOLUTE, "a:80", "/", NULL },
	{ "GET http://a:80/ HTTP/1.1", HTTP_FORM_ABSOLUTE, "a:80", "/", NULL },
	{ "GET http://a:80?q HTTP/1.1", HTTP_FORM_ABSOLUTE, "a:80", "/", "q" },
	{ "GET HTTPS://a:80/b?c/d HTTP/1.1", HTTP_FORM_ABSOLUTE, "a:80", "/b",
	    "c/d" },
	{ "OPTIONS * HTTP/1.1", HTTP_FORM_ASTERISK, "a:80", "*", NULL },
};

START_TEST(test_target_forms)
{
	const struct form *form = &forms[_i];
	struct feed feed;
	char text[200];

	snprintf(text, sizeof text, "%s\r\nHost: a:80\r\n\r\n", form->line);
	take(&feed, HTTP_SIDE_REQUEST, text);
	ck_assert_int_eq(feed.head.form, form->form);
	ck_slice(feed.head.host, form->host);
	ck_slice(feed.head.path, form->path);
	ck_assert_int_eq(feed.head.has_query, form->query != NULL);
	ck_slice(feed.head.query, form->query);
	feed_close(&feed);
}
END_TEST

START_TEST(test_host_of_old_requests)
{
	struct feed feed;

	take(&feed, HTTP_SIDE_REQUEST, "GET /a HTTP/1.0\r\n\r\n");
	ck_assert_uint_eq(feed.head.host.len, 0);
	feed_close(&feed);
	take(&feed, HTTP_SIDE_REQUEST, "GET http://b/a HTTP/1.0\r\n\r\n");
	ck_slice(feed.head.host, "b");
	feed_close(&feed);
}
END_TEST

struct fate {
	const char *text;
	enum http_body body;
	bool keep_alive, expect_continue, upgrade;
};

#define REQUEST11 "POST / HTTP/1.1\r\nHost: a\r\n"
#define REQUEST10 "POST / HTTP/1.0\r\nHost: a\r\n"

static const struct fate fates[] = {
	{ REQUEST11, HTTP_BODY_NONE, true, false, false },
	{ REQUEST11 "Connection: close\r\n", HTTP_BODY_NONE, false, false,
	    false },
	{ REQUEST11 "Connection: keep-alive, Close\r\n", HTTP_BODY_NONE, false,
	    false, false },
	{ REQUEST11 "Connection: foo\r\nConnection: ,close,\r\n",
	    HTTP_BODY_NONE, false, false, false },
	{ REQUEST11 "Connection: closed\r\n", HTTP_BODY_NONE, true, false,
	    false },
	{ REQUEST11 "Proxy-Connection: close\r\n", HTTP_BODY_NONE, true, false,
	    false },
	{ REQUEST10, HTTP_BODY_NONE, false, false, false },
	{ REQUEST10 "Connection: Keep-Alive\r\n", HTTP_BODY_NONE, true, false,
	    false },
	{ REQUEST10 "Connection: keep-alive\r\nConnection: close\r\n",
	    HTTP_BODY_NONE, false, false, false },
	{ REQUEST11 "Connection: x, upgrade\r\nUpgrade: websocket\r\n",
	    HTTP_BODY_NONE, true, false, true },
	{ REQUEST11 "Connection: upgrade\r\n", HTTP_BODY_NONE, true, false,
	    false },
	{ REQUEST11 "Upgrade: websocket\r\n", HTTP_BODY_NONE, true, false,
	    false },
	{ REQUEST10 "Connection: upgrade\r\nUpgrade: websocket\r\n",
	    HTTP_BODY_NONE, false, false, false },
	{ REQUEST11 "Content-Length: 0\r\n", HTTP_BODY_NONE, true, false,
	    false },
	{ REQUEST11 "Content-Length: 1\r\nExpect: 100-CONTINUE\r\n",
	    HTTP_BODY_LENGTH, true, true, false },
	{ REQUEST11 "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n",
	    HTTP_BODY_CHUNKED, true, true, false },
	{ REQUEST11 "Expect: 100-continue\r\n", HTTP_BODY_NONE, true, false,
	    false },
	{ REQUEST10 "Content-Length: 1\r\nExpect: 100-continue\r\n",
	    HTTP_BODY_LENGTH, false, false, false },
};

START_TEST(test_fate)
{
	const struct fate *fate = &fates[_i];
	struct feed feed;
	char text[300];

	snprintf(text, sizeof text, "%s\r\n", fate->text);
	take(&feed, HTTP_SIDE_REQUEST, text);
	ck_assert_int_eq(feed.head.body, fate->body);
	ck_assert_int_eq(feed.head.keep_alive, fate->keep_alive);
	ck_assert_int_eq(feed.head.expect_continue, fate->expect_continue);
	ck_assert_int_eq(feed.head.upgrade, fate->upgrade);
	feed_close(&feed);
}
END_TEST

struct answer {
	unsigned method;
	const char *text;
	enum http_body body;
	bool keep_alive;
	bool has_length;
};

static const struct answer answers[] = {
	{ HTTP_VERB_GET, "1.1 200 OK\r\nContent-Length: 5\r\n",
	    HTTP_BODY_LENGTH, true, true },
	{ HTTP_VERB_GET, "1.1 200 OK\r\nContent-Length: 0\r\n", HTTP_BODY_NONE,
	    true, true },
	{ HTTP_VERB_GET, "1.1 200 OK\r\n", HTTP_BODY_UNTIL_CLOSE, false,
	    false },
	{ HTTP_VERB_GET, "1.0 200 OK\r\nConnection: keep-alive\r\n",
	    HTTP_BODY_UNTIL_CLOSE, false, false },
	{ HTTP_VERB_GET,
	    "1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n",
	    HTTP_BODY_LENGTH, true, true },
	{ HTTP_VERB_GET, "1.0 200 OK\r\nContent-Length: 1\r\n",
	    HTTP_BODY_LENGTH, false, true },
	{ HTTP_VERB_GET, "1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
	    HTTP_BODY_CHUNKED, true, false },
	{ HTTP_VERB_GET,
	    "1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	    "Connection: close\r\n",
	    HTTP_BODY_CHUNKED, false, false },
	{ HTTP_VERB_HEAD, "1.1 200 OK\r\nContent-Length: 5\r\n", HTTP_BODY_NONE,
	    true, true },
	{ HTTP_VERB_HEAD, "1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
	    HTTP_BODY_NONE, true, false },
	{ HTTP_VERB_HEAD, "1.1 200 OK\r\n", HTTP_BODY_NONE, true, false },
	{ HTTP_VERB_GET, "1.1 304 \r\nContent-Length: 5\r\n", HTTP_BODY_NONE,
	    true, true },
	{ HTTP_VERB_GET, "1.1 204 \r\n", HTTP_BODY_NONE, true, false },
	{ HTTP_VERB_GET, "1.1 204 \r\nContent-Length: 0\r\n", HTTP_BODY_NONE,
	    true, true },
	{ HTTP_VERB_GET, "1.1 204 \r\nContent-Length: 5\r\n", HTTP_BODY_NONE,
	    false, true },
	{ HTTP_VERB_GET, "1.1 204 \r\nTransfer-Encoding: chunked\r\n",
	    HTTP_BODY_NONE, false, false },
	{ HTTP_VERB_GET, "1.1 100 Continue\r\n", HTTP_BODY_NONE, true, false },
	{ HTTP_VERB_GET, "1.1 100 Continue\r\nContent-Length: 0\r\n",
	    HTTP_BODY_NONE, true, true },
	{ HTTP_VERB_GET, "1.1 205 \r\n", HTTP_BODY_UNTIL_CLOSE, false, false },
};

START_TEST(test_answer_bodies)
{
	const struct answer *answer = &answers[_i];
	struct feed feed;
	char text[300];

	snprintf(text, sizeof text, "HTTP/%s\r\n", answer->text);
	feed_open(&feed, HTTP_SIDE_ANSWER);
	feed.method = answer->method;
	ck_assert_int_eq(feed_run(&feed, text, strlen(text), 5), 0);
	ck_assert_int_eq(feed.head.body, answer->body);
	ck_assert_int_eq(feed.head.keep_alive, answer->keep_alive);
	ck_assert_int_eq(feed.head.has_length, answer->has_length);
	feed_close(&feed);
}
END_TEST

START_TEST(test_answer_parts)
{
	struct feed feed;

	take(&feed, HTTP_SIDE_ANSWER, "HTTP/1.0 404 Nothing here\r\n\r\n");
	ck_assert_uint_eq(feed.head.status, 404);
	ck_assert_uint_eq(feed.head.minor, 0);
	ck_slice(http_head_part(&feed.head, feed.head.reason), "Nothing here");
	feed_close(&feed);
	take(&feed, HTTP_SIDE_ANSWER, "HTTP/1.1 299\r\nA: b\r\n\r\n");
	ck_assert_uint_eq(feed.head.status, 299);
	ck_assert_uint_eq(feed.head.reason.len, 0);
	feed_close(&feed);
}
END_TEST

/* A head that moves keeps its meaning; literals stay where they are. */
START_TEST(test_move)
{
	static const char text[] =
	    "GET http://a?q=1 HTTP/1.1\r\nHost: a\r\n\r\n";
	char elsewhere[sizeof text];
	struct feed feed;

	take(&feed, HTTP_SIDE_REQUEST, text);
	memcpy(elsewhere, text, sizeof text);
	http_head_move(&feed.head, elsewhere);
	feed_close(&feed);
	ck_assert_ptr_eq(feed.head.host.at, strstr(elsewhere, "a\r\n"));
	ck_slice(feed.head.path, "/");
	ck_assert_ptr_eq(feed.head.query.at, strstr(elsewhere, "q=1"));
	ck_slice(http_head_value(&feed.head, HTTP_KNOWN_HOST), "a");
}
END_TEST

/* Each known name is found in any case, and nothing close to it is. */
START_TEST(test_known_names)
{
	char name[64], other;
	enum http_known found;
	struct slice text;
	unsigned known;
	size_t i;

	for (known = 1; known < HTTP_KNOWN_END; known++) {
		text = http_known_name(known);
		ck_assert_msg(text.len > 0, "name %u", known);
		memcpy(name, text.at, text.len);
		ck_assert_uint_eq(http_known_of(text), known);
		for (i = 0; i < text.len; i++) {
			if (name[i] >= 'a' && name[i] <= 'z')
				name[i] &= 0x5f;
			ck_assert_uint_eq(
			    http_known_of(slice_of(name, text.len)), known);
		}
		for (i = 0; i < text.len; i++) {
			other = name[i];
			name[i] = '_';
			found = http_known_of(slice_of(name, text.len));
			ck_assert(found == HTTP_KNOWN_NONE ||
			    (i >= 15 &&
				found == HTTP_KNOWN_ACCESS_CONTROL_OTHER));
			name[i] = other;
		}
	}
	ck_assert_uint_eq(http_known_of(SLICE("")), HTTP_KNOWN_NONE);
	ck_assert_uint_eq(http_known_of(SLICE("Access-Control-X")),
	    HTTP_KNOWN_ACCESS_CONTROL_OTHER);
	ck_assert_uint_eq(
	    http_known_of(SLICE("Access-Control_X")), HTTP_KNOWN_NONE);
}
END_TEST

START_TEST(test_twins)
{
	ck_assert_uint_eq(http_known_twin_of(SLICE("X_Forwarded-For")),
	    HTTP_KNOWN_X_FORWARDED_FOR);
	ck_assert_uint_eq(http_known_twin_of(SLICE("content_length")),
	    HTTP_KNOWN_CONTENT_LENGTH);
	ck_assert_uint_eq(
	    http_known_twin_of(SLICE("X-Forwarded-For")), HTTP_KNOWN_NONE);
	ck_assert_uint_eq(http_known_twin_of(SLICE("x_y")), HTTP_KNOWN_NONE);
}
END_TEST

START_TEST(test_host_names)
{
	ck_slice(http_host_name(SLICE("a.b:80")), "a.b");
	ck_slice(http_host_name(SLICE("a.b.:80")), "a.b");
	ck_slice(http_host_name(SLICE("a.b")), "a.b");
	ck_slice(http_host_name(SLICE("[::1]:80")), "[::1]");
	ck_slice(http_host_name(SLICE("[::1]")), "[::1]");
	ck_slice(http_host_name(SLICE("")), "");
	ck_assert(!http_host_valid(SLICE("")));
}
END_TEST

START_TEST(test_status_lines)
{
	struct buf out;

	buf_open(&out);
	http_status_write(&out, 200);
	http_status_write(&out, 404);
	http_status_write(&out, 299);
	http_status_write(&out, 599);
	ck_slice(buf_slice(&out),
	    "HTTP/1.1 200 OK\r\n"
	    "HTTP/1.1 404 Not Found\r\nHTTP/1.1 299 \r\nHTTP/1.1 599 \r\n");
	buf_close(&out);
	ck_slice(http_status_phrase(504), "Gateway Timeout");
	ck_slice(http_status_phrase(99), "");
	ck_slice(http_status_phrase(106), "");
	ck_slice(http_status_phrase(70000), "");
}
END_TEST

START_TEST(test_refusals)
{
	unsigned why;

	for (why = 1; why < HTTP_REFUSALS; why++) {
		ck_assert_uint_ge(http_refusal_status(why), 400);
		ck_assert_ptr_nonnull(http_refusal_reason(why));
	}
	ck_assert_str_eq(http_verb_name(HTTP_VERB_PATCH), "PATCH");
	ck_assert_ptr_null(http_verb_name(HTTP_VERBS));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http_parse");
	TCase *tests = tcase_create("parse");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, test_request_parts);
	tcase_add_loop_test(
	    tests, test_target_forms, 0, sizeof forms / sizeof *forms);
	tcase_add_test(tests, test_host_of_old_requests);
	tcase_add_loop_test(tests, test_fate, 0, sizeof fates / sizeof *fates);
	tcase_add_loop_test(
	    tests, test_answer_bodies, 0, sizeof answers / sizeof *answers);
	tcase_add_test(tests, test_answer_parts);
	tcase_add_test(tests, test_move);
	tcase_add_test(tests, test_known_names);
	tcase_add_test(tests, test_twins);
	tcase_add_test(tests, test_host_names);
	tcase_add_test(tests, test_status_lines);
	tcase_add_test(tests, test_refusals);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
