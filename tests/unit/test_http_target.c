/*
 * test_http_target.c - spellings of paths: refused, odd, plain
 */

#include <check.h>
#include <stdlib.h>

#include "http/target.h"

enum {
	ESCAPES = 1,
	NEEDLESS = 2,
	SLASH = 4,
	EMPTY = 8,
	PARAMETERS = 16,
	BAD = 64,
};

struct sample {
	const char *target;
	unsigned facts;
};

static const struct sample samples[] = {
	{ "/", 0 },
	{ "/a", 0 },
	{ "/a/", 0 },
	{ "/a/b.c", 0 },
	{ "/a/...", 0 },
	{ "/a/.b", 0 },
	{ "/a/..b", 0 },
	{ "/a/b..", 0 },
	{ "/a/b.", 0 },
	{ "/.well-known/x", 0 },
	{ "/a:b@c!$&'()*+,=~_-", 0 },
	{ "/{a}|^`\"<>[]", 0 },
	{ "/a?..", 0 },
	{ "/a?/../b", 0 },
	{ "/a?%00%zz%", 0 },
	{ "/a?b?c", 0 },
	{ "/?", 0 },
	{ "/...;a", PARAMETERS },
	{ "/a;b=c", PARAMETERS },
	{ "/;a", PARAMETERS },
	{ "/a;..", PARAMETERS },
	{ "//", EMPTY },
	{ "//a", EMPTY },
	{ "/a//b", EMPTY },
	{ "/a//", EMPTY },
	{ "/%20", ESCAPES },
	{ "/a%3Fb", ESCAPES },
	{ "/a%23b", ESCAPES },
	{ "/a%25b", ESCAPES },
	{ "/%252e%252e/a", ESCAPES },
	{ "/%C3%A9", ESCAPES },
	{ "/%E2%82%AC", ESCAPES },
	{ "/%e9", ESCAPES },
	{ "/%80", ESCAPES },
	{ "/%F0%9F%98%80", ESCAPES },
	{ "/%c0", ESCAPES },
	{ "/%c3%28", ESCAPES },
	{ "/%61", ESCAPES | NEEDLESS },
	{ "/%41b", ESCAPES | NEEDLESS },
	{ "/a%2Eb", ESCAPES | NEEDLESS },
	{ "/a%7e", ESCAPES | NEEDLESS },
	{ "/a%2fb", ESCAPES | SLASH },
	{ "/a%2Fb", ESCAPES | SLASH },
	{ "/%2f", ESCAPES | SLASH },
	{ "/%2fa", ESCAPES | SLASH },
	{ "/a%5cb", ESCAPES | SLASH },
	{ "/a\\b", SLASH },
	{ "/a%3bb", ESCAPES | PARAMETERS },
	{ "/a//b%2fc;d%61", ESCAPES | SLASH | EMPTY | PARAMETERS | NEEDLESS },
	{ "", BAD },
	{ "a", BAD },
	{ "*", BAD },
	{ "?a", BAD },
	{ "%2fa", BAD },
	{ "/.", BAD },
	{ "/..", BAD },
	{ "/./", BAD },
	{ "/../", BAD },
	{ "/a/..", BAD },
	{ "/a/.", BAD },
	{ "/a/../b", BAD },
	{ "/a/./b", BAD },
	{ "/a//../b", BAD },
	{ "/../a", BAD },
	{ "/..?a", BAD },
	{ "/.?a", BAD },
	{ "/%2e", BAD },
	{ "/%2e%2e", BAD },
	{ "/%2E%2e/a", BAD },
	{ "/.%2e/a", BAD },
	{ "/%2e./a", BAD },
	{ "/a/%2e%2e/b", BAD },
	{ "/a/%2e/b", BAD },
	{ "/a/..;/b", BAD },
	{ "/a/..;x=y/b", BAD },
	{ "/a/.;/b", BAD },
	{ "/a/..%3b/b", BAD },
	{ "/a/%2e%2e;/b", BAD },
	{ "/a/..%2fb", BAD },
	{ "/a/..%2Fb", BAD },
	{ "/a%2f..%2fb", BAD },
	{ "/a%2f../b", BAD },
	{ "/a%2f..", BAD },
	{ "/a%2f.", BAD },
	{ "/%2e%2e%2fb", BAD },
	{ "/a/..%5cb", BAD },
	{ "/a/..\\b", BAD },
	{ "/a\\..\\b", BAD },
	{ "/a\\..", BAD },
	{ "/a%5c%2e%2e%5cb", BAD },
	{ "/%00", BAD },
	{ "/a%00b", BAD },
	{ "/a%0ab", BAD },
	{ "/a%0db", BAD },
	{ "/a%09b", BAD },
	{ "/a%1fb", BAD },
	{ "/a%7fb", BAD },
	{ "/a%7Fb", BAD },
	{ "/..%00", BAD },
	{ "/%", BAD },
	{ "/%a", BAD },
	{ "/%zz", BAD },
	{ "/%4", BAD },
	{ "/%4?a", BAD },
	{ "/%%41", BAD },
	{ "/%u002e", BAD },
	{ "/%0x2e", BAD },
	{ "/%c0%ae", BAD },
	{ "/%c0%af", BAD },
	{ "/%C0%AE%C0%AE/a", BAD },
	{ "/%c1%9c", BAD },
	{ "/%e0%80%ae", BAD },
	{ "/%e0%80%af", BAD },
	{ "/%f0%80%80%ae", BAD },
	{ "/a#b", BAD },
	{ "/a?b#c", BAD },
	{ "/a b", BAD },
	{ "/a\tb", BAD },
	{ "/a?b c", BAD },
	{ "/a\177", BAD },
	{ "/\303\251", BAD },
	{ "/a?\303\251", BAD },
	{ "/a\nb", BAD },
};

static unsigned
facts_of(const struct http_target *facts)
{
	return (facts->has_escapes ? ESCAPES : 0) |
	    (facts->has_needless_escapes ? NEEDLESS : 0) |
	    (facts->has_escaped_slash ? SLASH : 0) |
	    (facts->has_empty_segments ? EMPTY : 0) |
	    (facts->has_parameters ? PARAMETERS : 0);
}

START_TEST(test_samples)
{
	const struct sample *sample = &samples[_i];
	size_t len = strlen(sample->target);
	struct http_target facts;
	char *exact = malloc(len);
	int got;

	ck_assert(len == 0 || exact != NULL);
	memcpy(exact, sample->target, len);
	got = http_target_check(slice_of(exact, len), &facts);
	if (sample->facts == BAD)
		ck_assert_msg(got == -1, "%s", sample->target);
	else
		ck_assert_msg(got == 0 && facts_of(&facts) == sample->facts,
		    "%s: %d, %u", sample->target, got, facts_of(&facts));
	free(exact);
}
END_TEST

START_TEST(test_parts)
{
	struct http_target facts;

	ck_assert_int_eq(http_target_check(SLICE("/a/b?c?d"), &facts), 0);
	ck_assert(slice_eq(facts.path, SLICE("/a/b")));
	ck_assert(slice_eq(facts.query, SLICE("c?d")));
	ck_assert(facts.has_query);
	ck_assert_int_eq(http_target_check(SLICE("/a?"), &facts), 0);
	ck_assert(facts.has_query && facts.query.len == 0);
	ck_assert_int_eq(http_target_check(SLICE("/a"), &facts), 0);
	ck_assert(!facts.has_query && facts.query.len == 0);
}
END_TEST

START_TEST(test_decode)
{
	char to[32];
	size_t len;

	len = http_target_decode(SLICE("/a%20b%C3%a9%2F%zz%4"), to);
	ck_assert(slice_eq(slice_of(to, len), SLICE("/a b\303\251/%zz%4")));
	len = http_target_decode(SLICE("%41%42"), to);
	ck_assert(slice_eq(slice_of(to, len), SLICE("AB")));
	ck_assert_uint_eq(http_target_decode(SLICE_NONE, to), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http_target");
	TCase *tests = tcase_create("target");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_loop_test(
	    tests, test_samples, 0, sizeof samples / sizeof *samples);
	tcase_add_test(tests, test_parts);
	tcase_add_test(tests, test_decode);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
