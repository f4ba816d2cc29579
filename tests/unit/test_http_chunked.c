/*
 * test_http_chunked.c - chunked bodies, good and bad, cut anywhere
 */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/chunked.h"

#define BAD (-1)
#define MORE (-2)

struct sample {
	const char *text;
	size_t len;
	const char *body;	/* NULL: refused, or not at its end */
	long end;		/* bytes consumed, BAD or MORE */
};

#define RAW(text, body, end)                     \
	{                                        \
		text, sizeof text - 1, body, end \
	}

static const struct sample samples[] = {
	RAW("0\r\n\r\n", "", 5),
	RAW("5\r\nhello\r\n0\r\n\r\n", "hello", 15),
	RAW("5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1", "hello", 15),
	RAW("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "hello!", 21),
	RAW("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n\r\n", "hello!", 21),
	RAW("00005\r\nhello\r\n000\r\n\r\n", "hello", 21),
	RAW("A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 20),
	RAW("a\r\n0123456789\r\n0\r\n\r\n", "0123456789", 20),
	RAW("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", 14),
	RAW("3\r\n0\r\n\r\n0\r\n\r\n", "0\r\n", 13),
	RAW("0000000000000001\r\na\r\n0\r\n\r\n", "a", 26),
	RAW("1;a\r\nx\r\n0;b=c\r\n\r\n", "x", 17),
	RAW("1;a=\"b;c\";d\r\nx\r\n0\r\n\r\n", "x", 21),
	RAW("1; \t\303\251\r\nx\r\n0\r\n\r\n", "x", 16),
	RAW("0\r\nA: b\r\n\r\n", "", 11),
	RAW("0\r\nA:\r\nC: d\tf\r\n\r\nX", "", 17),
	RAW("", NULL, MORE),
	RAW("5", NULL, MORE),
	RAW("5\r", NULL, MORE),
	RAW("5\r\nhell", NULL, MORE),
	RAW("5\r\nhello", NULL, MORE),
	RAW("5\r\nhello\r", NULL, MORE),
	RAW("5\r\nhello\r\n", NULL, MORE),
	RAW("0\r\n", NULL, MORE),
	RAW("0\r\n\r", NULL, MORE),
	RAW("0\r\nA: b\r\n", NULL, MORE),
	RAW("7fffffffffffffff\r\nx", NULL, MORE),
	RAW("8000000000000000\r\nx", NULL, BAD),
	RAW("ffffffffffffffff\r\nx", NULL, BAD),
	RAW("10000000000000000\r\nx", NULL, BAD),
	RAW("00000000000000001\r\nx", NULL, BAD),
	RAW("\r\n", NULL, BAD),
	RAW(";a\r\n", NULL, BAD),
	RAW("g\r\n", NULL, BAD),
	RAW("-1\r\n", NULL, BAD),
	RAW("+1\r\n", NULL, BAD),
	RAW(" 1\r\n", NULL, BAD),
	RAW("1 \r\n", NULL, BAD),
	RAW("1\t\r\n", NULL, BAD),
	RAW("1 ;a\r\n", NULL, BAD),
	RAW("0x1\r\nx\r\n", NULL, BAD),
	RAW("1_0\r\n", NULL, BAD),
	RAW("1,1\r\n", NULL, BAD),
	RAW("1\nx\r\n0\r\n\r\n", NULL, BAD),
	RAW("1\rx\r\n0\r\n\r\n", NULL, BAD),
	RAW("1\r\r\nx", NULL, BAD),
	RAW("1\r\nx\n0\r\n\r\n", NULL, BAD),
	RAW("1\r\nx\rY", NULL, BAD),
	RAW("1\r\nxy\r\n", NULL, BAD),
	RAW("1\r\nxx", NULL, BAD),
	RAW("1\r\nx0\r\n\r\n", NULL, BAD),
	RAW("5\r\nhello0\r\n\r\n", NULL, BAD),
	RAW("1;a\nx\r\n", NULL, BAD),
	RAW("1;a\rx\r\n", NULL, BAD),
	RAW("1;\0\r\n", NULL, BAD),
	RAW("1;\177\r\n", NULL, BAD),
	RAW("0\n\n", NULL, BAD),
	RAW("0\r\n\n", NULL, BAD),
	RAW("0\r\n\rX", NULL, BAD),
	RAW("0\r\nA\r\n\r\n", NULL, BAD),
	RAW("0\r\nA : b\r\n\r\n", NULL, BAD),
	RAW("0\r\n A: b\r\n\r\n", NULL, BAD),
	RAW("0\r\n: b\r\n\r\n", NULL, BAD),
	RAW("0\r\nA: b\n\r\n", NULL, BAD),
	RAW("0\r\nA: b\rc\r\n\r\n", NULL, BAD),
	RAW("0\r\nA: \0\r\n\r\n", NULL, BAD),
	RAW("0\r\nA: b\r\n c\r\n\r\n", NULL, BAD),
	RAW("0\r\nGET / HTTP/1.1\r\n", NULL, BAD),
};

/* Feed in steps; the body is gathered in *body_p (freed by the caller). */
static long
run(const char *text, size_t len, size_t step, char **body_p, size_t *size_r)
{
	struct http_chunked chunked = { 0 };
	size_t at = 0, have;
	struct slice data;
	ssize_t eaten;
	char *piece;

	*body_p = malloc(len + 1);
	*size_r = 0;
	while (at < len && !chunked.done) {
		have = len - at < step ? len - at : step;
		piece = malloc(have);
		ck_assert(*body_p != NULL && piece != NULL);
		memcpy(piece, text + at, have);
		eaten = http_chunked_next(&chunked, piece, have, &data);
		ck_assert(eaten != 0 && eaten <= (ssize_t)have);
		if (eaten > 0 && data.len > 0) {
			ck_assert_ptr_eq(data.at + data.len, piece + eaten);
			memcpy(*body_p + *size_r, data.at, data.len);
			*size_r += data.len;
		}
		free(piece);
		if (eaten < 0)
			return BAD;
		at += (size_t)eaten;
	}
	return chunked.done ? (long)at : MORE;
}

START_TEST(test_samples)
{
	static const size_t steps[] = { 100, 1, 2, 3, 5 };
	const struct sample *sample = &samples[_i];
	size_t i, size;
	char *body;
	long end;

	for (i = 0; i < sizeof steps / sizeof *steps; i++) {
		end = run(sample->text, sample->len, steps[i], &body, &size);
		ck_assert_msg(end == sample->end, "%s in steps of %zu: %ld",
		    sample->text, steps[i], end);
		if (sample->body != NULL)
			ck_assert(slice_eq(
			    slice_of(body, size), slice_text(sample->body)));
		free(body);
	}
}
END_TEST

/* One chunk whose extension has len bytes, semicolon included. */
static size_t
write_extended(char *to, size_t len)
{
	size_t at = 0;

	to[at++] = '1';
	to[at++] = ';';
	memset(to + at, 'e', len - 1);
	at += len - 1;
	memcpy(to + at, "\r\nx\r\n", 5);
	return at + 5;
}

START_TEST(test_extension_bounds)
{
	static char text[40000];
	size_t len, size, step, chunks;
	char *body;

	for (step = 1; step <= sizeof text; step *= 200)
		for (len = 255; len <= 257; len++) {
			size = write_extended(text, len);
			ck_assert_int_eq(run(text, size, step, &body, &size),
			    len <= HTTP_CHUNK_EXTENSION_MAX ? MORE : BAD);
			free(body);
		}
	for (chunks = 63; chunks <= 65; chunks++) {
		size = 0;
		for (len = 0; len < chunks; len++)
			size += write_extended(text + size, 256);
		ck_assert_int_eq(run(text, size, 1000, &body, &size),
		    chunks <= HTTP_CHUNK_EXTENSIONS_MAX / 256 ? MORE : BAD);
		free(body);
	}
}
END_TEST

START_TEST(test_trailer_bound)
{
	static char text[10000];
	size_t len, size;
	char *body;

	for (len = HTTP_CHUNK_TRAILERS_MAX - 1;
	     len <= HTTP_CHUNK_TRAILERS_MAX + 1; len++) {
		memcpy(text, "0\r\nA:", 5);
		memset(text + 5, 'b', len - 2);
		memcpy(text + 3 + len - 2, "\r\n\r\n", 4);
		ck_assert_int_eq(run(text, len + 5, 999, &body, &size),
		    len <= HTTP_CHUNK_TRAILERS_MAX ? (long)len + 5 : BAD);
		free(body);
	}
}
END_TEST

/* What is written can be read, at every size of 64 bits that may be. */
START_TEST(test_chunk_head)
{
	char head[HTTP_CHUNK_HEAD_SIZE], want[HTTP_CHUNK_HEAD_SIZE + 1];
	uint64_t size;
	size_t len;
	int shift;

	for (shift = 0; shift < 64; shift++) {
		size = UINT64_C(0x9e3779b97f4a7c15) >> shift;
		len = http_chunk_head(head, size);
		snprintf(
		    want, sizeof want, "%llx\r\n", (unsigned long long)size);
		ck_assert_uint_eq(len, strlen(want));
		ck_assert(memcmp(head, want, len) == 0);
	}
	ck_assert_uint_eq(http_chunk_head(head, 0), 3);
	ck_assert(memcmp(head, "0\r\n", 3) == 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http_chunked");
	TCase *tests = tcase_create("chunked");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_loop_test(
	    tests, test_samples, 0, sizeof samples / sizeof *samples);
	tcase_add_test(tests, test_extension_bounds);
	tcase_add_test(tests, test_trailer_bound);
	tcase_add_test(tests, test_chunk_head);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
