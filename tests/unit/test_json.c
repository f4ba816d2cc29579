/*
 * tests/unit/test_json.c - what is JSON and what is not; values; base64
 *
 * Rows stand in memory of their exact size, so that a sanitizer sees each
 * byte read too far.
 */

#include "util/json.h"

#include <check.h>
#include <stdlib.h>

#include "util/arena.h"
#include "util/base64.h"
#include "util/error.h"
#include "util/text.h"

struct bytes {
	const char *at;
	size_t len;
};

#define B(literal) { literal, sizeof(literal) - 1 }

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
parse(struct slice text, struct json **root_r, struct error *err)
{
	return json_parse(&arena, text, NULL, root_r, err);
}

/* Both readers agree on memory that ends where the text ends. */
static int
verdict(struct bytes text, struct error *err)
{
	char *exact = malloc(text.len > 0 ? text.len : 1);
	struct json *root;
	int result;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, text.at, text.len);
	result = parse(slice_of(exact, text.len), &root, err);
	ck_assert_int_eq(json_check(slice_of(exact, text.len), err), result);
	free(exact);
	return result;
}

static const struct bytes accepted[] = {
	B("null"), B("true"), B("false"), B("0"), B("-0"), B("123"), B("-1"),
	B("1.5"), B("0.1"), B("-0.0"), B("1e2"), B("1E+2"), B("0e1"),
	B("0e+1"), B("1E-2"), B("1.5e-10"), B("123.456e78"), B("1e9999"),
	B("9007199254740993"), B("-123123123123123123123123123123"),
	B("0.000000000000000000000000000000000000000000000000000000001"),
	B("\"\""), B("\"asd\""), B("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	B("\"\\u0000\""), B("\"\\u0060\\u012a\\u12AB\""),
	B("\"\\uD801\\udc37\""), B("\"\\ud800\""), B("\"\\udc00\""),
	B("\"\\ud800\\ud800\\n\""), B("\"\\ud83d\\ude39\\ud83d\\u0041\""),
	B("\"\\\\u0000\""), B("\"\\\\a\""), B("\"a/*b*/c/*d//e\""),
	B("\"\x7f\""), B("\"\xc2\x80\""), B("\"\xe2\x82\xac\""),
	B("\"\xf0\x9f\x98\x80\""), B("\"\xef\xbf\xbf\""),
	B("\"\xf4\x8f\xbf\xbf\""), B("\"\xef\xbb\xbf\""),
	B("\"\xe2\x80\xa8\xe2\x80\xa9\""), B("[]"), B("[ ]"), B("[[]   ]"),
	B("[\"\"]"), B("[1\n]"), B(" [1]"), B("[2] "), B("[null]"),
	B("[1,null,null,null,2]"), B("[null, 1, \"1\", {}]"), B("{}"),
	B("{ }"), B("{\"\":0}"), B("{\"a\":[]}"),
	B("{\"a\":\"b\",\"a\":\"c\"}"), B("{\"a\":\"b\",\"a\":\"b\"}"),
	B("{\"foo\\u0000bar\": 42}"), B("{\n\"a\": \"b\"\n}"),
	B("{ \"min\": -1.0e+28, \"max\": 1.0e+28 }"),
	B("\t\r\n 1 \t\r\n"),
	B("{\"x\":[{\"id\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}]}"),
};

static const struct bytes refused[] = {
	B(""), B(" "), B("\xef\xbb\xbf{}"), B("nul"), B("nulll"), B("True"),
	B("TRUE"), B("NaN"), B("nan"), B("Infinity"), B("-Infinity"),
	B("-"), B("+1"), B("++1"), B("01"), B("-01"), B("-012"), B("00"),
	B("1."), B("1.e1"), B("2.e+3"), B("2.e3"), B("2.e-3"), B(".5"),
	B(".-1"), B(".2e-3"), B("-.123"), B("-2."), B("-foo"), B("- 1"),
	B("0.e1"), B("0.3e"), B("0.3e+"), B("0e"), B("0e+"), B("0E"),
	B("1e"), B("1e-"), B("1.0e"), B("1.0e+"), B("9.e+"), B("1eE2"),
	B("1 000"), B("0x1"), B("0x42"), B("1a"), B("1.2a-3"), B("1+2"),
	B("1.8011670033376514H-308"), B("\xef\xbc\x91"), B("-1x"),
	B("\""), B("\"abc"), B("'a'"), B("\"\\\""), B("\"\\"), B("\"\\x00\""),
	B("\"\\a\""), B("\"\\'\""), B("\"\\0\""), B("\"\\\0\""),
	B("\"\\\xe5\""), B("\"\\u\""), B("\"\\u1\""), B("\"\\u00A"),
	B("\"\\u00A\""), B("\"\\u00G0\""), B("\"\\uqqqq\""), B("\"\\U0041\""),
	B("\"\\uD834\\uDd"), B("\"\\uD800\\u\""), B("\"\\uD800\\u1x\""),
	B("\"\\\\\\\""), B("\"a\nb\""), B("\"\t\""), B("\"\0\""),
	B("\"\x1f\""), B("\"\xff\""), B("\"\x80\""), B("\"\xc3\""),
	B("\"\xc3\x28\""), B("\"\xc0\xaf\""), B("\"\xe0\x80\x80\""),
	B("\"\xe0\xff\""), B("\"\xed\xa0\x80\""), B("\"\xf4\x90\x80\x80\""),
	B("\"\xf8\x88\x80\x80\x80\""), B("\"\xe2\x82\""), B("\"\xf0\x9f\x98"),
	B("\"new\nline\""), B("\"\"x"), B("["), B("]"), B("[,"), B("[,1]"),
	B("[1,]"), B("[1,,2]"), B("[\"\",]"), B("[,,]"), B("[1"), B("[1 2]"),
	B("[1}"), B("[}"), B("[x"), B("[1:2]"), B("[3[4]]"), B("[\"a\" \"b\"]"),
	B("[\"x\"]]"), B("[][]"), B("[1]x"), B("[\"a\",\n4\n,1,"), B("[*]"),
	B("[\v\"a\"\f]"), B("[\xc2\xa0]"), B("[\xff]"), B("[nul"),
	B("[<null>]"), B("[True]"), B("{"), B("}"), B("{]"), B("{,}"),
	B("{\"a\""), B("{\"a\":"), B("{\"a\":\"a"), B("{\"a\" b}"),
	B("{\"a\":1,}"), B("{\"a\":1,,\"b\":2}"), B("{:1}"), B("{1:1}"),
	B("{a:1}"), B("{'a':0}"), B("{null:null}"), B("{\"a\"=1}"),
	B("{\"a\":\"b\"}#"), B("{\"a\":\"b\"}/**/"), B("{\"a\":/*x*/1}"),
	B("{\"a\":\"b\"}//"), B("/* x */{}"), B("{\"x\"::\"b\"}"),
	B("{\"a\" \"b\"}"), B("{\"a\",\"b\"}"), B("{[: 1}"), B("{\"\xb9\":1}"),
	B("{\"a\":true} \"x\""), B("{\"asd\":\"asd\""), B("<.>"), B("*"),
	B("\xe2\x81\xa0"), B("\x0c"), B("\xe5"), B("{}}"), B("[]\0"),
	B("1\0"), B("{\"a\":01}"), B("[-1e]"), B("[1]\xc2\xa0"), B("&"),
};

START_TEST(must_accept)
{
	struct error err;

	ck_assert_msg(verdict(accepted[_i], &err) == 0, "%s: %s",
	    accepted[_i].at, err.text);
}
END_TEST

START_TEST(must_refuse)
{
	struct error err;

	ck_assert_msg(verdict(refused[_i], &err) < 0, "%.*s",
	    (int)refused[_i].len, refused[_i].at);
}
END_TEST

/* No beginning of a text that ends in a bracket is a text, or reads on. */
START_TEST(cut_anywhere)
{
	static const char text[] = "{\"a\":[1,-2.5e+3,\"\\u00e9\\ud83d\\ude00"
	    "\xe2\x82\xac\",true,false,null,{}],\"b\":{\"c\":[[]]}}";
	struct bytes cut = { text, 0 };
	struct error err;

	for (; cut.len < sizeof text - 1; cut.len++)
		ck_assert_int_eq(verdict(cut, &err), -1);
	ck_assert_int_eq(verdict(cut, &err), 0);
}
END_TEST

START_TEST(offsets)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "", "byte 0: expected a value" },
		{ "{\"a\" 1}", "byte 5: expected ':'" },
		{ "{\"a\":1 \"b\"}", "byte 7: expected ',' or '}'" },
		{ "[1 2]", "byte 3: expected ',' or ']'" },
		{ "{a", "byte 1: expected a name in quotes" },
		{ "[\"a\\qb\"]", "byte 3: no such escape" },
		{ "[\"a\xff\"]", "byte 3: not UTF-8" },
		{ "[\"a\n\"]", "byte 3: a control byte in a string" },
		{ "\"abc", "byte 4: a string without its end" },
		{ "1 x", "byte 2: something behind the value" },
		{ "[1.x]", "byte 3: expected a digit" },
		{ "[-x]", "byte 2: not a number" },
	};
	struct error err;
	struct json *root;
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		ck_assert_int_eq(
		    parse(slice_text(rows[i].text), &root, &err), -1);
		ck_assert_str_eq(err.text, rows[i].message);
	}
}
END_TEST

static struct slice
nested(char *text, unsigned depth)
{
	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	return slice_of(text, 2 * depth);
}

START_TEST(limits)
{
	static char text[400000];
	struct json_limits most = { .depth = 3 };
	struct json *root;
	struct error err;

	ck_assert_int_eq(parse(nested(text, JSON_DEPTH_MAX), &root, &err), 0);
	ck_assert_int_eq(
	    parse(nested(text, JSON_DEPTH_MAX + 1), &root, &err), -1);
	ck_assert_str_eq(err.text, "byte 513: nested too deep");
	ck_assert_int_eq(json_check(nested(text, 200000), &err), -1);
	memset(text, '[', sizeof text);
	ck_assert_int_eq(json_check(slice_of(text, sizeof text), &err), -1);
	ck_assert_int_eq(
	    json_parse(&arena, SLICE("[[[]],[[]]]"), &most, &root, &err), 0);
	ck_assert_int_eq(
	    json_parse(&arena, SLICE("[[[[]]]]"), &most, &root, &err), -1);
	most = (struct json_limits){ .nodes = 3 };
	ck_assert_int_eq(
	    json_parse(&arena, SLICE("[1,2,3]"), &most, &root, &err), 0);
	ck_assert_int_eq(
	    json_parse(&arena, SLICE("[1,2,[3]]"), &most, &root, &err), -1);
	most = (struct json_limits){ .size = 3 };
	ck_assert_int_eq(
	    json_parse(&arena, SLICE("[1]"), &most, &root, &err), 0);
	ck_assert_int_eq(
	    json_parse(&arena, SLICE("[1] "), &most, &root, &err), -1);
	ck_assert_str_eq(err.text, "4 bytes are more than 3");
}
END_TEST

START_TEST(levels)
{
	static const struct json_limits one = { .levels = 1, .nodes = 2 };
	struct json *root;
	const struct json *a;
	struct error err;

	ck_assert_int_eq(json_parse(&arena,
	    SLICE("{\"a\": [1, [2] ,3], \"b\":{}}"), &one, &root, &err), 0);
	ck_assert(!root->closed);
	ck_assert_uint_eq(root->count, 2);
	a = json_member(root, "a");
	ck_assert(a->closed);
	ck_assert_ptr_null(a->first);
	ck_assert_uint_eq(a->count, 3);
	ck_assert(slice_eq(a->text, SLICE("[1, [2] ,3]")));
	ck_assert(!json_member(root, "b")->closed);
	ck_assert_int_eq(json_parse(&arena,
	    SLICE("{\"a\": [1, [2,]]}"), &one, &root, &err), -1);
}
END_TEST

static void
assert_text(struct slice have, const char *want, size_t len)
{
	ck_assert_msg(slice_eq(have, slice_of(want, len)), "%.*s is not %s",
	    (int)have.len, have.at, want);
}

START_TEST(strings)
{
	static const struct {
		const char *json;
		struct bytes text;
	} rows[] = {
		{ "\"\"", B("") },
		{ "\"plain\"", B("plain") },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", B("\"\\/\b\f\n\r\t") },
		{ "\"\\u0000x\"", B("\0x") },
		{ "\"\\u00e9\\u20AC\"", B("\xc3\xa9\xe2\x82\xac") },
		{ "\"a\\ud83d\\ude00b\"", B("a\xf0\x9f\x98\x80" "b") },
		{ "\"\\udbff\\udfff\"", B("\xf4\x8f\xbf\xbf") },
		{ "\"\\ud800\"", B("\xef\xbf\xbd") },
		{ "\"\\udc00x\"", B("\xef\xbf\xbdx") },
		{ "\"\\ud800\\u0041\"", B("\xef\xbf\xbd" "A") },
		{ "\"\\ud800\\ud83d\\ude00\"",
		  B("\xef\xbf\xbd\xf0\x9f\x98\x80") },
		{ "\"\\ud800\\n\"", B("\xef\xbf\xbd\n") },
		{ "\"\\\\u0041\"", B("\\u0041") },
	};
	struct json *root;
	struct error err;
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		ck_assert_int_eq(
		    parse(slice_text(rows[i].json), &root, &err), 0);
		assert_text(json_string(root, &arena), rows[i].text.at,
		    rows[i].text.len);
		assert_text(json_text(root, &arena), rows[i].text.at,
		    rows[i].text.len);
	}
}
END_TEST

START_TEST(members)
{
	struct json *root;
	struct error err;
	struct buf out;

	ck_assert_int_eq(parse(SLICE("{\"n\":9007199254740993,\"e\": 1e2 ,"
	    "\"\\u006e\":1.50,\"t\":true,\"z\":null,\"a\":[ 1, 2 ],"
	    "\"q\\\"\":\"x\"}"), &root, &err), 0);
	ck_assert_uint_eq(root->count, 7);
	ck_assert(slice_eq(json_text(json_member(root, "n"), &arena),
	    SLICE("1.50")));
	ck_assert(slice_eq(root->first->text, SLICE("9007199254740993")));
	ck_assert(slice_eq(json_text(json_member(root, "e"), &arena),
	    SLICE("1e2")));
	ck_assert(slice_eq(json_text(json_member(root, "t"), &arena),
	    SLICE("true")));
	ck_assert_ptr_null(json_text(json_member(root, "z"), &arena).at);
	ck_assert_ptr_null(json_text(json_member(root, "a"), &arena).at);
	ck_assert_ptr_null(json_string(json_member(root, "t"), &arena).at);
	ck_assert_ptr_null(json_member(root, "none"));
	ck_assert_ptr_null(json_member(json_member(root, "a"), "n"));
	ck_assert_ptr_null(json_member(NULL, "n"));
	ck_assert(slice_eq(json_name(json_member(root, "q\""), &arena),
	    SLICE("q\"")));
	ck_assert(!json_name_is(root->first, SLICE("nn")));
	ck_assert(!json_name_is(json_member(root, "n"), SLICE("")));
	ck_assert(!json_name_is(json_member(root, "q\""), SLICE("q")));
	buf_open(&out);
	json_write(&out, json_member(root, "a"));
	buf_add_char(&out, ' ');
	json_write_string(&out, SLICE("a\"\\\n\x01\xff\x7f\xc3\xa9"));
	ck_assert(slice_eq(buf_slice(&out), SLICE("[ 1, 2 ] "
	    "\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\\u007f\xc3\xa9\"")));
	buf_close(&out);
}
END_TEST

/* Whatever the bytes, what is written can be read, and says its size. */
START_TEST(any_bytes)
{
	char bytes[64];
	struct json *root;
	struct error err;
	struct buf out;
	unsigned seed = 12345;
	size_t i, round;

	buf_open(&out);
	for (round = 0; round < 20000; round++) {
		for (i = 0; i < sizeof bytes; i++) {
			seed = seed * 1103515245 + 12345;
			bytes[i] = (char)(round % 2 ? seed >> 16 :
			    (seed >> 16 & 7) == 0 ? seed >> 20 : 'a');
		}
		out.len = 0;
		json_write_string(&out, slice_of(bytes, round % 65));
		ck_assert_int_eq(parse(buf_slice(&out), &root, &err), 0);
		ck_assert_uint_eq(json_string(root, &arena).len,
		    text_utf8_size(slice_of(bytes, round % 65)));
		if (text_is_utf8(slice_of(bytes, round % 65)))
			assert_text(json_string(root, &arena), bytes,
			    round % 65);
		arena_close(&arena);
	}
	buf_close(&out);
}
END_TEST

START_TEST(base64)
{
	static const struct {
		const char *data, *text;
	} rows[] = {
		/* RFC 4648, 10. */
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "+/+/" }, { "test-data", "dGVzdC1kYXRh" },
	};
	struct slice bare;
	struct buf out;
	size_t i;

	buf_open(&out);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		out.len = 0;
		base64_encode(&out, slice_text(rows[i].data));
		assert_text(buf_slice(&out), rows[i].text,
		    strlen(rows[i].text));
		out.len = 0;
		ck_assert_int_eq(
		    base64_decode(&out, slice_text(rows[i].text)), 0);
		assert_text(buf_slice(&out), rows[i].data,
		    strlen(rows[i].data));
		out.len = 0;
		bare = slice_text(rows[i].text);
		while (bare.len > 0 && bare.at[bare.len - 1] == '=')
			bare.len--;
		ck_assert_int_eq(base64_decode(&out, bare), 0);
		assert_text(buf_slice(&out), rows[i].data,
		    strlen(rows[i].data));
	}
	buf_close(&out);
}
END_TEST

START_TEST(not_base64)
{
	static const char *const rows[] = { "Z", "Zg=", "Zg===", "Zm9vZ",
		"=", "==", "====", "Zm=v", "Z===", "Zm9v====", "Zm 9v",
		"Zm9v\n", "-_-_", "Zm9v=", "Zm9vYg=A", "\xc3\xa9\xc3\xa9" };
	struct buf out;
	size_t i;

	buf_open(&out);
	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		ck_assert_msg(base64_decode(&out, slice_text(rows[i])) < 0,
		    "%s", rows[i]);
	ck_assert_uint_eq(out.len, 0);
	buf_close(&out);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("json");
	TCase *tests = tcase_create("json");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, must_accept, 0,
	    (int)(sizeof accepted / sizeof *accepted));
	tcase_add_loop_test(tests, must_refuse, 0,
	    (int)(sizeof refused / sizeof *refused));
	tcase_add_test(tests, cut_anywhere);
	tcase_add_test(tests, offsets);
	tcase_add_test(tests, limits);
	tcase_add_test(tests, levels);
	tcase_add_test(tests, strings);
	tcase_add_test(tests, members);
	tcase_add_test(tests, any_bytes);
	tcase_add_test(tests, base64);
	tcase_add_test(tests, not_base64);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
