/*
 * tests/unit/test_reply.c - what functions return, and what clients see of it
 *
 * Contract, 4.2 to 4.4; golden cases 41 to 51, 131 and 133.
 */

#include "lambda/reply.h"

#include <check.h>
#include <stdlib.h>

#include "util/arena.h"
#include "util/error.h"

enum kind {
	REST,
	REST_DECODE,	/* Accept named a binary type */
	HTTP1,
	HTTP2,
};

#define JSON "|Content-Type: application/json"
#define TEXT "|Content-Type: text/plain; charset=utf-8"

static struct arena_pool pool;
static struct arena arena;

static void
setup(void)
{
	arena_pool_open(&pool, 8);
	arena_open(&arena, &pool);
}

static void
teardown(void)
{
	arena_close(&arena);
	arena_pool_close(&pool);
}

static int
run(enum kind kind, struct slice output, struct lambda_reply *reply,
    struct error *err)
{
	struct lambda_reply_rules rules = { .decode = kind == REST_DECODE };

	if (kind == HTTP1)
		return lambda_reply_http1(&arena, output, reply, err);
	if (kind == HTTP2)
		return lambda_reply_http2(&arena, output, reply, err);
	return lambda_reply_rest(&arena, output, &rules, reply, err);
}

/* "200|Name: value|Name: value||body" */
static void
show(const struct lambda_reply *reply, struct buf *out)
{
	unsigned i;

	buf_add_u64(out, reply->status);
	for (i = 0; i < reply->nfields; i++) {
		buf_add_char(out, '|');
		buf_add_slice(out, reply->fields[i].name);
		buf_add_text(out, ": ");
		buf_add_slice(out, reply->fields[i].value);
	}
	buf_add_text(out, "||");
	buf_add_slice(out, reply->body);
}

static const struct {
	enum kind kind;
	const char *output, *want;
} good[] = {
	{ REST, "{}", "200" JSON "||" },
	{ REST, " {\"statusCode\":\"201\"} ", "201" JSON "||" },
	{ REST, "{\"statusCode\":200.0,\"body\":\"a\\u00e9\"}",
	  "200" JSON "||a\xc3\xa9" },
	{ REST, "{\"statusCode\":null,\"headers\":null,"
	  "\"multiValueHeaders\":null,\"body\":null,"
	  "\"isBase64Encoded\":null}", "200" JSON "||" },
	{ REST, "{\"headers\":{\"test-header\":\"value\","
	  "\"header-bool\":true,\"n\":1e2,\"z\":null}}",
	  "200|test-header: value|header-bool: true|n: 1e2" JSON "||" },
	{ REST, "{\"body\":42}", "200" JSON "||42" },
	{ REST, "{\"body\":\"a\",\"body\":\"b\"}", "200" JSON "||b" },
	/* Golden 45 to 47. */
	{ REST, "{\"body\":\"dGVzdC1kYXRh\",\"isBase64Encoded\":true}",
	  "200" JSON "||dGVzdC1kYXRh" },
	{ REST, "{\"multiValueHeaders\":{\"tesT-Multi\":[\"value-multi\"]},"
	  "\"headers\":{\"test-multi\":\"value-solo\"}}",
	  "200|tesT-Multi: value-multi|tesT-Multi: value-solo" JSON "||" },
	{ REST, "{\"headers\":{\"a\":\"2\",\"b\":\"3\"},"
	  "\"multiValueHeaders\":{\"A\":[\"1\",\"2\",3]}}",
	  "200|A: 1|A: 2|A: 3|b: 3" JSON "||" },
	{ REST, "{\"multiValueHeaders\":{\"Set-Cookie\":[\"a=1\",\"b=2\"],"
	  "\"x\":null,\"y\":[null]}}",
	  "200|Set-Cookie: a=1|Set-Cookie: b=2" JSON "||" },
	{ REST, "{\"headers\":{\"Set-Cookie\":\"a\",\"set-cookie\":\"b\","
	  "\"x\":\"1\",\"x\":\"2\"}}",
	  "200|Set-Cookie: a|set-cookie: b|x: 2" JSON "||" },
	{ REST, "{\"headers\":{\"content-type\":\"image/png\","
	  "\"X\":\"  y \\t\",\"E\":\"\"}}",
	  "200|X: y|E: |Content-Type: image/png||" },
	{ REST, "{\"headers\":{\"Content-Type\":\"a/b\"},"
	  "\"multiValueHeaders\":{\"content-type\":[\"c/d\",\"e/f\"]}}",
	  "200|Content-Type: a/b||" },
	{ REST, "{\"headers\":{\"Connection\":\"close\",\"Date\":\"now\","
	  "\"content-length\":\"9\",\"Server\":\"s\","
	  "\"Transfer-Encoding\":\"chunked\",\"Keep-Alive\":\"x\","
	  "\"X-Amzn-Trace-Id\":\"t\",\"x-amz-apigw-id\":\"i\","
	  "\"WWW-Authenticate\":\"Basic\",\"Location\":\"/\"}}",
	  "200|x-amzn-Remapped-Connection: close"
	  "|x-amzn-Remapped-Date: now|x-amzn-Remapped-content-length: 9"
	  "|x-amzn-Remapped-Server: s"
	  "|x-amzn-Remapped-WWW-Authenticate: Basic|Location: /" JSON "||" },
	{ REST_DECODE, "{\"body\":\"dGVzdC1kYXRh\",\"isBase64Encoded\":true}",
	  "200" JSON "||test-data" },
	{ REST_DECODE, "{\"body\":\"\",\"isBase64Encoded\":true}",
	  "200" JSON "||" },
	{ REST_DECODE, "{\"body\":\"dGVz\",\"isBase64Encoded\":\"False\"}",
	  "200" JSON "||dGVz" },
	{ REST, "{\"status\\u0043ode\":404}", "404" JSON "||" },

	{ HTTP1, "{\"statusCode\":200,\"unknown\":{},\"body\":\"eA==\","
	  "\"isBase64Encoded\":true,\"headers\":{\"a\":1}}",
	  "200|a: 1" TEXT "||x" },
	{ HTTP1, "{\"statusCode\":599,\"multiValueHeaders\":"
	  "{\"Set-Cookie\":[\"a\",\"b\"]},\"cookies\":[\"no\"]}",
	  "599|Set-Cookie: a|Set-Cookie: b" TEXT "||" },

	{ HTTP2, "{\"statusCode\":201,\"headers\":{\"x\":\"y\"},"
	  "\"cookies\":[\"foo\",\"bar\"],\"body\":\"b\",\"z\":1}",
	  "201|x: y|set-cookie: foo|set-cookie: bar" TEXT "||b" },
	{ HTTP2, "{\"statusCode\":200,\"headers\":{\"content-type\":"
	  "\"application/pdf\"},\"body\":\"JVBERg==\","
	  "\"isBase64Encoded\":true}",
	  "200|Content-Type: application/pdf||%PDF" },
	{ HTTP2, "{\"statusCode\":200,\"headers\":{\"connection\":"
	  "\"keep-alive\",\"date\":\"now\",\"content-length\":\"3\","
	  "\"transfer-encoding\":\"chunked\",\"upgrade\":\"h2c\","
	  "\"Apigw-Requestid\":\"x\",\"server\":\"s\"}}",
	  "200|server: s" TEXT "||" },
	{ HTTP2, "{\"statusCode\":200,\"cookies\":null,"
	  "\"multiValueHeaders\":7}", "200" TEXT "||" },
	{ HTTP2, "{\"ok\":true}", "200" JSON "||{\"ok\":true}" },
	{ HTTP2, " {\"body\" : \"hello\"}\n",
	  "200" JSON "||{\"body\" : \"hello\"}" },
	{ HTTP2, "[\"howdy\"]", "200" JSON "||[\"howdy\"]" },
	{ HTTP2, "42", "200" JSON "||42" },
	{ HTTP2, "9007199254740993", "200" JSON "||9007199254740993" },
	{ HTTP2, "true", "200" JSON "||true" },
	{ HTTP2, "\"hi \\\"x\\\"\"", "200" JSON "||hi \"x\"" },
	{ HTTP2, "\"\"", "200" JSON "||" },
	{ HTTP2, "null", "200" JSON "||null" },
	{ HTTP2, "{}", "200" JSON "||{}" },
};

START_TEST(answers)
{
	struct lambda_reply reply;
	struct error err;
	struct buf have;

	buf_open(&have);
	ck_assert_msg(run(good[_i].kind, slice_text(good[_i].output), &reply,
	    &err) == 0, "%s: %s", good[_i].output, err.text);
	show(&reply, &have);
	ck_assert_msg(slice_eq(buf_slice(&have), slice_text(good[_i].want)),
	    "%s\nhave: %.*s\nwant: %s", good[_i].output, (int)have.len,
	    have.at, good[_i].want);
	buf_close(&have);
}
END_TEST

static const struct {
	enum kind kind;
	const char *output;
} bad[] = {
	{ REST, "" }, { REST, "null" }, { REST, "\"text\"" }, { REST, "[]" },
	{ REST, "42" }, { REST, "{" }, { REST, "not json" },
	{ REST, "{\"statusCode\":200,\"wrongValue\":1}" },
	{ REST, "{\"cookies\":[]}" }, { REST, "{\"statuscode\":200}" },
	{ REST, "{\"statusCode\":\"test\"}" },
	{ REST, "{\"statusCode\":\"\"}" }, { REST, "{\"statusCode\":true}" },
	{ REST, "{\"statusCode\":{}}" }, { REST, "{\"statusCode\":200.5}" },
	{ REST, "{\"statusCode\":\"200.0\"}" },
	{ REST, "{\"statusCode\":-200}" }, { REST, "{\"statusCode\":2e2}" },
	{ REST, "{\"statusCode\":100}" }, { REST, "{\"statusCode\":199}" },
	{ REST, "{\"statusCode\":600}" }, { REST, "{\"statusCode\":0}" },
	{ REST, "{\"statusCode\":99999999999999999999999}" },
	{ REST, "{\"body\":{}}" }, { REST, "{\"body\":[1]}" },
	{ REST, "{\"headers\":[]}" }, { REST, "{\"headers\":\"a\"}" },
	{ REST, "{\"headers\":{\"a\":{}}}" },
	{ REST, "{\"headers\":{\"a\":[\"b\"]}}" },
	{ REST, "{\"multiValueHeaders\":[]}" },
	{ REST, "{\"multiValueHeaders\":{\"a\":\"b\"}}" },
	{ REST, "{\"multiValueHeaders\":{\"a\":[[]]}}" },
	{ REST, "{\"isBase64Encoded\":\"yes\"}" },
	{ REST, "{\"isBase64Encoded\":1}" },
	{ REST, "{\"isBase64Encoded\":[]}" },
	{ REST_DECODE, "{\"body\":\"a b\",\"isBase64Encoded\":true}" },
	{ HTTP1, "{}" }, { HTTP1, "{\"body\":\"x\"}" }, { HTTP1, "null" },
	{ HTTP1, "\"x\"" }, { HTTP1, "{\"statusCode\":null}" },
	{ HTTP1, "{\"statusCode\":200,\"headers\":7}" },
	{ HTTP1, "{\"statusCode\":200,\"body\":{}}" },
	{ HTTP1, "{\"statusCode\":200,\"body\":\"*\","
	  "\"isBase64Encoded\":true}" },
	{ HTTP2, "" }, { HTTP2, "hello" }, { HTTP2, "{\"a\":}" },
	{ HTTP2, "\"x" }, { HTTP2, "[1,]" },
	{ HTTP2, "{\"statusCode\":\"idk\"}" },
	{ HTTP2, "{\"statusCode\":null}" },
	{ HTTP2, "{\"statusCode\":200,\"headers\":[]}" },
	{ HTTP2, "{\"statusCode\":200,\"cookies\":\"a=1\"}" },
	{ HTTP2, "{\"statusCode\":200,\"cookies\":{}}" },
	{ HTTP2, "{\"statusCode\":200,\"cookies\":[[]]}" },
	{ HTTP2, "{\"statusCode\":200,\"body\":{\"a\":1}}" },
	{ HTTP2, "{\"statusCode\":200,\"body\":\"-_\","
	  "\"isBase64Encoded\":true}" },
};

START_TEST(malformed)
{
	struct lambda_reply reply;
	struct error err = { "" };

	ck_assert_msg(run(bad[_i].kind, slice_text(bad[_i].output), &reply,
	    &err) == -1, "%s", bad[_i].output);
	ck_assert_uint_gt(strlen(err.text), 5);
}
END_TEST

/* Nothing that could end a line or a name comes through, from anywhere. */
static const char *const bad_names[] = { "", " ", "a b", "a:", "a\\r\\nb",
	"a\\u0000", "a\\n", ":a", "a\\t", "\\u00e9", "a\\u007f", "(a)", "a,b",
	"a;b", "a/b", "\\\"a\\\"", "a=b", "{a}", "[a]", "a@b", "<a>", "a?" };
static const char *const bad_values[] = { "a\\r\\nX: y", "a\\nb", "a\\rb",
	"\\u0000", "a\\u0000b", "a\\u0001", "\\u001fa", "a\\u007fb", "a\\bb",
	"a\\fb", "\\na", "a\\n", "\\r\\n\\r\\nbody", "a\\u000bb" };

static void
assert_refused(enum kind kind, const char *form, const char *text)
{
	struct lambda_reply reply;
	struct error err;
	struct buf output;

	buf_open(&output);
	buf_add_text(&output, "{\"statusCode\":200,");
	while (*form != '\0') {
		if (*form == '@')
			buf_add_text(&output, text);
		else
			buf_add_char(&output, *form);
		form++;
	}
	buf_add_char(&output, '}');
	ck_assert_msg(run(kind, buf_slice(&output), &reply, &err) == -1,
	    "%.*s", (int)output.len, output.at);
	buf_close(&output);
}

START_TEST(injection)
{
	size_t i;

	for (i = 0; i < sizeof bad_names / sizeof *bad_names; i++) {
		assert_refused(REST, "\"headers\":{\"@\":\"v\"}",
		    bad_names[i]);
		assert_refused(HTTP1, "\"multiValueHeaders\":{\"@\":[\"v\"]}",
		    bad_names[i]);
		assert_refused(HTTP2, "\"headers\":{\"@\":\"v\"}",
		    bad_names[i]);
	}
	for (i = 0; i < sizeof bad_values / sizeof *bad_values; i++) {
		assert_refused(REST, "\"headers\":{\"n\":\"@\"}",
		    bad_values[i]);
		assert_refused(REST, "\"headers\":{\"content-type\":\"@\"}",
		    bad_values[i]);
		assert_refused(REST, "\"headers\":{\"connection\":\"@\"}",
		    bad_values[i]);
		assert_refused(HTTP1, "\"multiValueHeaders\":{\"n\":[\"@\"]}",
		    bad_values[i]);
		assert_refused(HTTP2, "\"headers\":{\"n\":\"@\"}",
		    bad_values[i]);
		assert_refused(HTTP2, "\"cookies\":[\"@\"]", bad_values[i]);
	}
}
END_TEST

START_TEST(too_many)
{
	struct lambda_reply reply;
	struct error err;
	struct buf output;
	unsigned i;

	buf_open(&output);
	buf_add_text(&output, "{\"headers\":{\"a0\":\"\"");
	for (i = 1; i < LAMBDA_REPLY_FIELDS_MAX; i++)
		buf_printf(&output, ",\"a%u\":\"\"", i);
	buf_add_text(&output, "}}");
	ck_assert_int_eq(run(REST, buf_slice(&output), &reply, &err), -1);
	ck_assert_str_eq(err.text, "too many headers");
	output.len = 0;
	buf_printf(&output, "{\"headers\":{\"a\":\"%070000d\"}}", 1);
	ck_assert_int_eq(run(REST, buf_slice(&output), &reply, &err), -1);
	buf_close(&output);
}
END_TEST

START_TEST(function_errors)
{
	static const struct {
		const char *output, *message, *type;
	} rows[] = {
		{ "{\"errorMessage\":\"four hundred\\n\",\"errorType\":\"E\","
		  "\"trace\":[]}", "four hundred\n", "E" },
		{ "{\"errorMessage\":null}", "", "" },
		{ "{\"errorType\":\"Sandbox.Timedout\"}", "",
		  "Sandbox.Timedout" },
		{ "[]", "", "" }, { "\"x\"", "", "" }, { "", "", "" },
		{ "{\"errorMessage\":\"x\"", "", "" },
	};
	struct lambda_error error;
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		lambda_error_parse(&arena, slice_text(rows[i].output),
		    &error);
		ck_assert(slice_eq(error.message,
		    slice_text(rows[i].message)));
		ck_assert(slice_eq(error.type, slice_text(rows[i].type)));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("reply");
	TCase *tests = tcase_create("reply");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, answers, 0,
	    (int)(sizeof good / sizeof *good));
	tcase_add_loop_test(tests, malformed, 0,
	    (int)(sizeof bad / sizeof *bad));
	tcase_add_test(tests, injection);
	tcase_add_test(tests, too_many);
	tcase_add_test(tests, function_errors);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
