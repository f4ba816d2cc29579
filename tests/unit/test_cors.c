/*
 * tests/unit/test_cors.c - the bytes of CORS policies, to the letter
 *
 * Contract: section 6 for REST APIs, 5.2 for HTTP APIs.
 */

#include "cors/policy.h"

#include <check.h>
#include <stdlib.h>

static void
assert_bytes(struct buf *have, const char *want)
{
	ck_assert_msg(slice_eq(buf_slice(have), slice_text(want)),
	    "have:\n%.*swant:\n%s", (int)have->len, have->at, want);
	have->len = 0;
}

static struct cors_policy
policy_of(enum cors_style style, const struct slice *origins, size_t count)
{
	struct cors_policy policy = {
		.style = style, .origins = origins, .norigins = count,
		.max_age = -1,
	};

	cors_policy_prepare(&policy);
	return policy;
}

START_TEST(rest_any)
{
	static const struct slice star = { "*", 1 };
	struct cors_policy policy = policy_of(CORS_STYLE_REST, &star, 1);
	struct buf out;
	unsigned status;

	buf_open(&out);
	policy.methods = SLICE("GET,OPTIONS");
	policy.headers = cors_default_headers();
	cors_preflight_write(&policy, &out, &status);
	ck_assert_uint_eq(status, 200);
	assert_bytes(&out, "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/json\r\n"
	    "Content-Length: 0\r\n"
	    "Access-Control-Allow-Origin: *\r\n"
	    "Access-Control-Allow-Methods: GET,OPTIONS\r\n"
	    "Access-Control-Allow-Headers: Content-Type,X-Amz-Date,"
	    "Authorization,X-Api-Key,X-Amz-Security-Token\r\n");
	cors_actual_write(&policy, &out);
	assert_bytes(&out, "Access-Control-Allow-Origin: *\r\n");
	cors_actual_refused_write(&policy, &out);
	assert_bytes(&out, "Access-Control-Allow-Origin: *\r\n");
	buf_close(&out);
}
END_TEST

START_TEST(rest_one_origin)
{
	static const struct slice origin = { "https://www.example.com", 23 };
	struct cors_policy policy = policy_of(CORS_STYLE_REST, &origin, 1);
	struct buf out;
	unsigned status;

	ck_assert(policy.fixed);
	buf_open(&out);
	policy.methods = SLICE("OPTIONS,POST");
	policy.headers = SLICE("authtoken");
	policy.expose = SLICE("X-Total");
	policy.max_age = 300;
	policy.credentials = true;
	cors_preflight_write(&policy, &out, &status);
	assert_bytes(&out, "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/json\r\n"
	    "Content-Length: 0\r\n"
	    "Access-Control-Allow-Origin: https://www.example.com\r\n"
	    "Access-Control-Allow-Methods: OPTIONS,POST\r\n"
	    "Access-Control-Allow-Headers: authtoken\r\n"
	    "Access-Control-Max-Age: 300\r\n"
	    "Access-Control-Allow-Credentials: true\r\n");
	cors_actual_write(&policy, &out);
	assert_bytes(&out,
	    "Access-Control-Allow-Origin: https://www.example.com\r\n"
	    "Access-Control-Allow-Credentials: true\r\n"
	    "Access-Control-Expose-Headers: X-Total\r\n");
	buf_close(&out);
}
END_TEST

START_TEST(rest_several)
{
	static const struct slice origins[] = { { "https://a", 9 },
		{ "https://b", 9 } };
	struct cors_policy policy = policy_of(CORS_STYLE_REST, origins, 2);
	struct buf out;
	unsigned status;

	ck_assert(!policy.fixed && !policy.any);
	buf_open(&out);
	policy.methods = SLICE("GET,OPTIONS");
	cors_preflight_write(&policy, &out, &status);
	assert_bytes(&out, "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/json\r\n"
	    "Content-Length: 0\r\n"
	    "Vary: Origin\r\n"
	    "Access-Control-Allow-Methods: GET,OPTIONS\r\n");
	cors_preflight_refused_write(&policy, &out, &status);
	assert_bytes(&out, "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/json\r\n"
	    "Content-Length: 0\r\n"
	    "Vary: Origin\r\n");
	cors_actual_refused_write(&policy, &out);
	assert_bytes(&out, "Vary: Origin\r\n");
	buf_close(&out);
}
END_TEST

START_TEST(http_style)
{
	static const struct slice origins[] = { { "https://a", 9 } };
	static const struct slice star = { "*", 1 };
	struct cors_policy policy = policy_of(CORS_STYLE_HTTP, origins, 1);
	struct buf out;
	unsigned status;

	ck_assert(!policy.fixed);
	buf_open(&out);
	policy.methods = SLICE("GET,POST");
	policy.headers = SLICE("content-type");
	policy.expose = SLICE("date");
	policy.max_age = 0;
	policy.credentials = true;
	cors_preflight_write(&policy, &out, &status);
	ck_assert_uint_eq(status, 204);
	assert_bytes(&out, "HTTP/1.1 204 No Content\r\n"
	    "vary: Origin\r\n"
	    "access-control-allow-methods: GET,POST\r\n"
	    "access-control-allow-headers: content-type\r\n"
	    "access-control-max-age: 0\r\n"
	    "access-control-allow-credentials: true\r\n"
	    "access-control-expose-headers: date\r\n");
	cors_preflight_refused_write(&policy, &out, &status);
	assert_bytes(&out, "HTTP/1.1 204 No Content\r\nvary: Origin\r\n");
	cors_actual_write(&policy, &out);
	assert_bytes(&out, "vary: Origin\r\n"
	    "access-control-allow-credentials: true\r\n"
	    "access-control-expose-headers: date\r\n");
	policy = policy_of(CORS_STYLE_HTTP, &star, 1);
	cors_preflight_write(&policy, &out, &status);
	assert_bytes(&out, "HTTP/1.1 204 No Content\r\n"
	    "access-control-allow-origin: *\r\n");
	cors_actual_refused_write(&policy, &out);
	ck_assert_uint_eq(out.len, 0);
	buf_close(&out);
}
END_TEST

START_TEST(schemes)
{
	static const struct slice stars[] = { { "https://*", 9 },
		{ "http://*", 8 } };
	struct cors_policy policy = policy_of(CORS_STYLE_HTTP, stars, 2);

	ck_assert(policy.any_https && policy.any_http && !policy.any);
	ck_assert(cors_origin_scheme_matches(SLICE("https://x"), true, false));
	ck_assert(!cors_origin_scheme_matches(SLICE("http://x"), true, false));
	ck_assert(cors_origin_scheme_matches(SLICE("http://x:1"), false,
	    true));
	ck_assert(!cors_origin_scheme_matches(SLICE("https://"), true, true));
	ck_assert(!cors_origin_scheme_matches(SLICE("null"), true, true));
	ck_assert(!cors_origin_scheme_matches(SLICE("https"), true, true));
	ck_assert(!cors_origin_scheme_matches(SLICE(""), true, true));
	ck_assert(!cors_origin_scheme_matches(SLICE("httpsx://a"), true,
	    true));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cors");
	TCase *tests = tcase_create("cors");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, rest_any);
	tcase_add_test(tests, rest_one_origin);
	tcase_add_test(tests, rest_several);
	tcase_add_test(tests, http_style);
	tcase_add_test(tests, schemes);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
