/*
 * tests/unit/test_util.c - src/util: slices, buffers, arenas, lists, hashes,
 * text forms, errors, descriptors, the error log
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/arena.h"
#include "util/buf.h"
#include "util/digest.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/hash.h"
#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/span.h"
#include "util/text.h"

#define S(text) slice_text(text)

#define ck_slice(got, want) \
	do { \
		struct slice got_ = (got), want_ = S(want); \
		ck_assert_msg(slice_eq(got_, want_), "\"%.*s\" is not \"%s\"", \
		    (int)got_.len, got_.at, want); \
	} while (0)

START_TEST(test_slice_compare)
{
	ck_assert(slice_eq(SLICE_NONE, S("")));
	ck_assert(slice_eq(slice_text(NULL), SLICE_NONE));
	ck_assert(slice_eq(SLICE("a\0b"), slice_of("a\0b", 3)));
	ck_assert(!slice_eq(SLICE("a\0b"), SLICE("a\0c")));
	ck_assert(!slice_eq(S("a"), S("A")));
	ck_assert(slice_eq_nocase(S("Content-TYPE"), S("content-type")));
	ck_assert(!slice_eq_nocase(S("a"), S("ab")));
	/* Only letters fold: '[' and '{', '@' and '`' part by the same bit. */
	ck_assert(!slice_eq_nocase(S("["), S("{")));
	ck_assert(!slice_eq_nocase(S("@"), S("`")));
	ck_assert(!slice_eq_nocase(S("\xc4"), S("\xe4")));
	ck_assert_int_lt(slice_cmp(S("a"), S("b")), 0);
	ck_assert_int_lt(slice_cmp(S("a"), S("ab")), 0);
	ck_assert_int_gt(slice_cmp(S("\xff"), S("a")), 0);
	ck_assert_int_eq(slice_cmp(S("ab"), S("ab")), 0);
	ck_assert_int_eq(slice_cmp(SLICE_NONE, S("")), 0);
	ck_assert(slice_starts(S("abc"), S("ab")));
	ck_assert(slice_starts(S("abc"), SLICE_NONE));
	ck_assert(!slice_starts(S("ab"), S("abc")));
	ck_assert(slice_ends(S("abc"), S("bc")));
	ck_assert(!slice_ends(S("bc"), S("abc")));
	ck_assert(!slice_ends(S("abd"), S("bc")));
}
END_TEST

START_TEST(test_slice_cut)
{
	struct slice rest = S("a,,b");

	ck_slice(slice_trim(S(" \t a b \t")), "a b");
	ck_slice(slice_trim(S(" \t ")), "");
	ck_slice(slice_trim(S("\n")), "\n");
	ck_slice(slice_until(&rest, ','), "a");
	ck_slice(slice_until(&rest, ','), "");
	ck_assert_ptr_nonnull(rest.at);
	ck_slice(slice_until(&rest, ','), "b");
	ck_assert_ptr_null(rest.at);
	rest = S("end,");
	ck_slice(slice_until(&rest, ','), "end");
	ck_slice(rest, "");
	ck_slice(slice_until(&rest, ','), "");
	ck_assert_ptr_null(rest.at);
	ck_assert(slice_list_has(S("gzip, Chunked"), S("chunked")));
	ck_assert(slice_list_has(S(",close ,"), S("close")));
	ck_assert(!slice_list_has(S("not-close, closed"), S("close")));
	ck_assert(!slice_list_has(SLICE_NONE, S("close")));
}
END_TEST

START_TEST(test_slice_numbers)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x1",
	    "1a", "18446744073709551616", "99999999999999999999",
	    "000000000000000000001" };
	uint64_t value = 7;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_msg(slice_to_u64(S(bad[i]), &value) == -1,
		    "%s is a number", bad[i]);
		ck_assert_uint_eq(value, 7);
	}
	ck_assert_int_eq(slice_to_u64(S("18446744073709551615"), &value), 0);
	ck_assert(value == UINT64_MAX);
	ck_assert_int_eq(slice_to_u64(S("0012"), &value), 0);
	ck_assert_uint_eq(value, 12);
}
END_TEST

START_TEST(test_buf_grows)
{
	struct buf b;
	size_t i;

	buf_open(&b);
	buf_add(&b, NULL, 0);
	ck_assert_uint_eq(b.len, 0);
	for (i = 0; i < 100000; i++)
		buf_add_char(&b, (char)i);
	ck_assert_uint_eq(b.len, 100000);
	for (i = 0; i < 100000 && b.at[i] == (char)i; i++)
		;
	ck_assert_uint_eq(i, 100000);
	b.len = 0;
	buf_add_u64(&b, 0);
	buf_add_text(&b, " ");
	buf_add_u64(&b, UINT64_MAX);
	buf_printf(&b, " %s-%d", "x", -1);
	buf_add_slice(&b, SLICE_NONE);
	ck_slice(buf_slice(&b), "0 18446744073709551615 x--1");
	ck_assert(!b.full);
	buf_close(&b);
	ck_assert_ptr_null(b.at);
	/* A text larger than all that there was. */
	buf_printf(&b, "%05000d", 7);
	ck_assert_uint_eq(b.len, 5000);
	ck_assert_int_eq(b.at[4999], '7');
	buf_close(&b);
}
END_TEST

/* A fixed buffer writes nothing behind its end, and says so. */
START_TEST(test_buf_fixed)
{
	char *mem = malloc(8);
	struct buf b;

	buf_open_fixed(&b, mem, 8);
	buf_add_text(&b, "12345678");
	ck_assert(!b.full);
	buf_add(&b, NULL, 0);
	ck_assert(!b.full);
	buf_add_char(&b, '9');
	ck_assert(b.full);
	ck_assert_uint_eq(b.len, 8);
	buf_open_fixed(&b, mem, 8);
	buf_printf(&b, "%d", 1234567);	/* its NUL must fit too */
	ck_assert(!b.full);
	buf_printf(&b, "%d", 8);
	ck_assert(b.full);
	ck_slice(buf_slice(&b), "1234567");
	ck_assert_ptr_null(buf_room(&b, 2));
	buf_close(&b);		/* leaves the memory to its owner */
	mem[0] = 'x';
	free(mem);
}
END_TEST

START_TEST(test_arena)
{
	struct arena_pool pool;
	struct arena arena, other;
	char *small, *next, *large;
	unsigned i;

	arena_pool_open(&pool, 2);
	arena_open(&arena, &pool);
	ck_assert_uint_eq(pool.in_use, 0);
	small = arena_alloc(&arena, 1);
	next = arena_alloc(&arena, 3);
	ck_assert_int_eq(next - small, 8);
	ck_assert_uint_eq((uintptr_t)small % 8, 0);
	large = arena_alloc(&arena, 100000);
	memset(large, 'x', 100000);
	/* A large one does not end the chunk in use. */
	ck_assert_int_eq((char *)arena_alloc(&arena, 8) - next, 8);
	ck_assert_uint_eq(pool.in_use, 2);
	ck_assert_str_eq(arena_copy(&arena, "text!", 4), "text");
	ck_assert_str_eq(arena_copy(&arena, NULL, 0), "");
	for (i = 0; i < 100; i++)
		memset(arena_alloc(&arena, 1000), 'y', 1000);
	ck_assert_int_eq(large[99999], 'x');
	arena_open(&other, &pool);
	memset(arena_alloc(&other, 50000), 'z', 50000);
	memset(arena_alloc(&other, 4000), 'z', 4000);
	arena_close(&arena);
	ck_assert_uint_eq(pool.spares, 2);
	ck_assert_uint_eq(pool.in_use, 2);
	ck_assert_uint_gt(pool.in_use_most, 20);
	/* Warm memory first; usable again after its end. */
	small = arena_alloc(&arena, 4000);
	ck_assert_uint_eq(pool.spares, 1);
	memset(small, 'w', 4000);
	arena_close(&arena);
	arena_close(&other);
	ck_assert_uint_eq(pool.in_use, 0);
	arena_pool_close(&pool);
}
END_TEST

/* Every size around a chunk's is whole. */
START_TEST(test_arena_sizes)
{
	struct arena_pool pool;
	struct arena arena;
	size_t size;
	char *mem;

	arena_pool_open(&pool, 1);
	for (size = ARENA_CHUNK - 40; size < ARENA_CHUNK + 40; size++) {
		arena_open(&arena, &pool);
		mem = arena_alloc(&arena, size);
		memset(mem, 'a', size);
		(void)arena_alloc(&arena, 0);
		memset(arena_alloc(&arena, size), 'b', size);
		ck_assert_int_eq(mem[size - 1], 'a');
		arena_close(&arena);
	}
	arena_pool_close(&pool);
}
END_TEST

struct item {
	int number;
	struct list link;
};

START_TEST(test_list)
{
	struct list head, *node, *after;
	struct item items[4];
	int i, seen = 0;

	list_init(&head);
	ck_assert(list_empty(&head));
	ck_assert_ptr_null(list_pop(&head));
	for (i = 0; i < 4; i++) {
		items[i].number = i;
		list_init(&items[i].link);
		list_remove(&items[i].link);	/* on none: harmless */
	}
	list_append(&head, &items[1].link);
	list_append(&head, &items[2].link);
	list_push(&head, &items[0].link);
	list_insert_after(&items[3].link, &items[2].link);
	LIST_EACH(node, &head)
		ck_assert_int_eq(LIST_ITEM(node, struct item, link)->number,
		    seen++);
	ck_assert_int_eq(seen, 4);
	LIST_EACH_SAFE(node, after, &head)
		if (LIST_ITEM(node, struct item, link)->number % 2 == 0)
			list_remove(node);
	list_remove(&items[0].link);
	ck_assert_ptr_eq(list_pop(&head), &items[1].link);
	ck_assert(list_empty(&items[1].link));
	ck_assert_ptr_eq(list_pop(&head), &items[3].link);
	ck_assert(list_empty(&head));
}
END_TEST

/* Stands in images and in the shared region: it must not change unseen. */
START_TEST(test_hash)
{
	char text[64];
	uint64_t seen[64];
	unsigned i, k;

	ck_assert(hash_slice(S("cats"), 0) == hash_slice(S("cats"), 0));
	ck_assert(hash_slice(S("cats"), 0) != hash_slice(S("cats"), 1));
	ck_assert(hash_slice(S("a"), 0) != hash_slice(SLICE("a\0"), 0));
	ck_assert(hash_slice(S("12345678"), 0) !=
	    hash_slice(S("123456789"), 0));
	memset(text, 0, sizeof text);
	for (i = 0; i < 64; i++) {
		seen[i] = hash_slice(slice_of(text, i), 0);
		for (k = 0; k < i; k++)
			ck_assert(seen[i] != seen[k]);
	}
	/* The place of the bytes in memory does not matter. */
	for (i = 0; i < 16; i++) {
		memcpy(text + i, "/pets/{id}/toys", 15);
		ck_assert(hash_slice(slice_of(text + i, 15), 3) ==
		    hash_slice(S("/pets/{id}/toys"), 3));
	}
}
END_TEST

START_TEST(test_digest)
{
	static const char want[] = "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad";	/* FIPS 180-2, "abc" */
	unsigned char digest[DIGEST_SIZE];
	char hex[2 * DIGEST_SIZE + 1] = "";

	digest_sha256("abc", 3, digest);
	text_hex(hex, digest, sizeof digest);
	ck_assert_str_eq(hex, want);
}
END_TEST

START_TEST(test_hex)
{
	char hex[7] = "xxxxxx";
	int c;

	text_hex(hex, "\x00\xfe\x1a", 3);
	ck_assert_str_eq(hex, "00fe1a");
	for (c = CHAR_MIN; c <= CHAR_MAX; c++) {
		const char *at = c == 0 ? NULL :
		    strchr("0123456789abcdefABCDEF", c);
		int digit = text_hex_digit((char)c);

		if (at == NULL)
			ck_assert_int_eq(digit, -1);
		else
			ck_assert_int_eq(digit, strtol((char[]){ *at, '\0' },
			    NULL, 16));
	}
}
END_TEST

/* In memory of their exact size. */
static struct slice
exact(struct slice text)
{
	char *mem = malloc(text.len);

	if (text.len > 0)
		memcpy(mem, text.at, text.len);
	return slice_of(mem, text.len);
}

static const struct {
	struct slice text;
	bool good;
	const char *json, *log;
} texts[] = {
	{ { "plain", 5 }, true, "plain", "plain" },
	{ { "", 0 }, true, "", "" },
	{ { "a\"b\\c/", 6 }, true, "a\\\"b\\\\c/", "a\\x22b\\x5cc/" },
	{ { "\b\f\n\r\t\v", 6 }, true, "\\b\\f\\n\\r\\t\\u000b",
	    "\\x08\\x0c\\x0a\\x0d\\x09\\x0b" },
	{ { "\0\x1f\x7f", 3 }, true, "\\u0000\\u001f\\u007f",
	    "\\x00\\x1f\\x7f" },
	{ { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x88", 9 }, true,
	    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x88",
	    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x88" },
#define BAD "\xef\xbf\xbd"
	{ { "a\xff" "b", 3 }, false, "a" BAD "b", "a\xff" "b" },
	{ { "\xc0\x80", 2 }, false, BAD BAD, "\xc0\x80" },
	{ { "\xed\xa0\x80", 3 }, false, BAD BAD BAD, "\xed\xa0\x80" },
	{ { "\xf4\x90\x80\x80", 4 }, false, BAD BAD BAD BAD,
	    "\xf4\x90\x80\x80" },
	{ { "\xe0\x9f\xbf", 3 }, false, BAD BAD BAD, "\xe0\x9f\xbf" },
	{ { "\xf0\x8f\xbf\xbf", 4 }, false, BAD BAD BAD BAD,
	    "\xf0\x8f\xbf\xbf" },
	{ { "x\xe2\x82", 3 }, false, "x" BAD BAD, "x\xe2\x82" },
	{ { "\xc3\n", 2 }, false, BAD "\\n", "\xc3\\x0a" },
#undef BAD
};

START_TEST(test_text_forms)
{
	struct slice text = exact(texts[_i].text);
	struct buf out;

	buf_open(&out);
	ck_assert(text_is_utf8(text) == texts[_i].good);
	text_json_escape(&out, text);
	ck_slice(buf_slice(&out), texts[_i].json);
	ck_assert(text_is_utf8(buf_slice(&out)));
	out.len = 0;
	text_log_escape(&out, text, 100);
	ck_slice(buf_slice(&out), texts[_i].log);
	free((char *)(size_t)text.at);
	buf_close(&out);
}
END_TEST

/* No byte at all breaks out of its place, or makes a line. */
START_TEST(test_log_escape_all)
{
	struct buf out;
	size_t i;
	int c;

	for (c = 0; c < 256; c++) {
		char byte = (char)c;

		buf_open(&out);
		text_log_escape(&out, slice_of(&byte, 1), 10);
		for (i = 0; i < out.len; i++) {
			ck_assert_uint_ge((unsigned char)out.at[i], 0x20);
			ck_assert_int_ne(out.at[i], '"');
			ck_assert_int_ne(out.at[i], 0x7f);
		}
		ck_assert(out.len == 1 || out.len == 4);
		buf_close(&out);
	}
	buf_open(&out);
	text_log_escape(&out, S("abcdef"), 3);
	text_log_escape(&out, S("abc"), 3);
	ck_slice(buf_slice(&out), "abc...abc");
	buf_close(&out);
}
END_TEST

START_TEST(test_distance)
{
	ck_assert_uint_eq(text_distance("", ""), 0);
	ck_assert_uint_eq(text_distance("abc", ""), 3);
	ck_assert_uint_eq(text_distance("", "abc"), 3);
	ck_assert_uint_eq(text_distance("kitten", "sitting"), 3);
	ck_assert_uint_eq(text_distance("upstream", "upstreams"), 1);
	ck_assert_uint_eq(text_distance("listner", "listener"), 1);
	ck_assert_uint_eq(text_distance("same", "same"), 0);
}
END_TEST

/* Each kind of run ends where the same run by single bytes ends. */
START_TEST(test_span)
{
	size_t len, at;
	unsigned wrong = 0;
	int c;

	for (len = 0; len < 36; len++) {
		for (at = 0; at < len; at++) {
			for (c = 0; c < 256; c++) {
				char *text = malloc(len);
				bool ends, seen;

				memset(text, 'a', len);
				text[at] = (char)c;
				ends = (c < 0x20 && c != '\t') || c == 0x7f;
				seen = span_text(text, text + len) ==
				    text + at;
				wrong += seen != ends;
				ends = c < 0x21 || c > 0x7e;
				seen = span_visible(text, text + len) ==
				    text + at;
				wrong += seen != ends;
				free(text);
			}
		}
	}
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

START_TEST(test_token)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	int c;

	for (c = 0; c < 256; c++) {
		char byte = (char)c;
		bool token = (c >= '0' && c <= '9') ||
		    (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c != 0 && strchr(others, c) != NULL);

		ck_assert_msg(span_is_token(&byte, &byte + 1) == token,
		    "byte %d", c);
		ck_assert(!span_is_token(&byte, &byte));
	}
}
END_TEST

START_TEST(test_error)
{
	struct error err;
	char *long_text = malloc(3 * ERROR_TEXT_MAX);

	ck_assert_int_eq(error_set(&err, "no %s", "cats"), -1);
	ck_assert_str_eq(err.text, "no cats");
	ck_assert_int_eq(error_prefix(&err, "line %d", 3), -1);
	ck_assert_str_eq(err.text, "line 3: no cats");
	errno = ENOENT;
	ck_assert_int_eq(error_errno(&err, "cannot open %s", "x"), -1);
	ck_assert_str_eq(err.text, "cannot open x: No such file or "
	    "directory");
	ck_assert_int_eq(errno, ENOENT);
	/* Cut, never overrun. */
	memset(long_text, 'l', 3 * ERROR_TEXT_MAX);
	long_text[3 * ERROR_TEXT_MAX - 1] = '\0';
	(void)error_prefix(&err, "%s", long_text);
	ck_assert_uint_eq(strlen(err.text), ERROR_TEXT_MAX - 1);
	(void)error_errno(&err, "%s", long_text);
	(void)error_prefix(&err, "again");
	ck_assert_uint_eq(strlen(err.text), ERROR_TEXT_MAX - 1);
	ck_assert(strncmp(err.text, "again: lll", 10) == 0);
	free(long_text);
}
END_TEST

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static unsigned
open_fds(void)
{
	unsigned count = 0;
	int fd;

	for (fd = 0; fd < 1024; fd++)
		count += is_open(fd);
	return count;
}

START_TEST(test_fd_flags)
{
	int fds[2], fd;

	ck_assert_int_eq(pipe(fds), 0);
	fd = fds[0];
	ck_assert_int_eq(fd_set_nonblock(fd, true), 0);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ck_assert_int_eq(fd_set_nonblock(fd, false), 0);
	ck_assert(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	ck_assert_int_eq(fd_set_cloexec(fd, true), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fd_set_cloexec(fd, false), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), 0);
	errno = EPERM;
	fd_close(&fds[0]);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(fds[0], -1);
	ck_assert(!is_open(fd));
	fd_close(&fds[0]);	/* once more: nothing happens */
	ck_assert_int_eq(fd_set_nonblock(fd, true), -1);
	fd_close(&fds[1]);
}
END_TEST

START_TEST(test_fd_pass)
{
	int pair[2], sent[3], got[FD_PASS_MAX], n, i;
	unsigned before;
	char data[16];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	for (i = 0; i < 3; i++)
		sent[i] = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(fd_send(pair[0], "hello", 5, sent, 3), 5);
	ck_assert_int_eq(fd_send(pair[0], "none", 4, NULL, 0), 4);
	n = FD_PASS_MAX;
	ck_assert_int_eq(fd_recv(pair[1], data, sizeof data, got, &n), 5);
	ck_assert_int_eq(n, 3);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(fcntl(got[i], F_GETFD), FD_CLOEXEC);
		fd_close(&got[i]);
	}
	n = FD_PASS_MAX;
	ck_assert_int_eq(fd_recv(pair[1], data, sizeof data, got, &n), 4);
	ck_assert_int_eq(n, 0);
	/* No room for the others: they are closed, not lost. */
	before = open_fds();
	ck_assert_int_eq(fd_send(pair[0], "more", 4, sent, 3), 4);
	n = 1;
	ck_assert_int_eq(fd_recv(pair[1], data, sizeof data, got, &n), 4);
	ck_assert_int_eq(n, 1);
	fd_close(&got[0]);
	ck_assert_uint_eq(open_fds(), before);
	n = 1;
	fd_close(&pair[0]);
	ck_assert_int_eq(fd_recv(pair[1], data, sizeof data, got, &n), 0);
	ck_assert_int_eq(n, 0);
	/* Nobody there: an error, and no signal. */
	ck_assert_int_eq(fd_send(pair[1], "x", 1, NULL, 0), -1);
	for (i = 0; i < 3; i++)
		fd_close(&sent[i]);
	fd_close(&pair[1]);
}
END_TEST

START_TEST(test_fd_pass_most)
{
	int pair[2], sent[FD_PASS_MAX], got[FD_PASS_MAX];
	int n = FD_PASS_MAX, i;
	char data[4];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	for (i = 0; i < FD_PASS_MAX; i++)
		sent[i] = pair[0];
	ck_assert_int_eq(fd_send(pair[0], "all", 3, sent, FD_PASS_MAX), 3);
	ck_assert_int_eq(fd_recv(pair[1], data, sizeof data, got, &n), 3);
	ck_assert_int_eq(n, FD_PASS_MAX);
	for (i = 0; i < n; i++)
		fd_close(&got[i]);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
}
END_TEST

START_TEST(test_fd_write_all)
{
	static char data[300000], back[300000];
	int pair[2];
	size_t got = 0;
	pid_t child;
	ssize_t n;

	memset(data, 'd', sizeof data);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(fd_set_nonblock(pair[0], true), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		close(pair[1]);
		_exit(fd_write_all(pair[0], data, sizeof data) != 0);
	}
	close(pair[0]);
	while ((n = read(pair[1], back + got, sizeof back - got)) > 0)
		got += (size_t)n;
	ck_assert_uint_eq(got, sizeof data);
	ck_assert(memcmp(back, data, got) == 0);
	close(pair[1]);
}
END_TEST

static size_t
log_line(int fd, char *line, size_t size)
{
	ssize_t n = read(fd, line, size - 1);

	ck_assert_int_ge(n, 0);
	line[n] = '\0';
	return (size_t)n;
}

START_TEST(test_log)
{
	char line[8192], text[6000];
	enum log_level level;
	struct log log;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
	log_open(&log, fds[1], LOG_LEVEL_NOTICE, "worker 3");
	log_error(&log, "%s is %d", "it", 4);
	(void)log_line(fds[0], line, sizeof line);
	ck_assert_int_eq(line[4], '-');
	ck_assert_int_eq(line[10], 'T');
	ck_assert_str_eq(strstr(line, "]: "), "]: it is 4\n");
	ck_assert_ptr_nonnull(strstr(line, "Z error worker 3["));
	/* Nothing from outside makes another line. */
	log_warn(&log, "%s", "a\nb\r\x1b[2J\\\x7f\t\"q\"");
	(void)log_line(fds[0], line, sizeof line);
	ck_assert_str_eq(strstr(line, "]: "),
	    "]: a\\x0ab\\x0d\\x1b[2J\\x5c\\x7f\\x09\"q\"\n");
	/* What is below the level costs nothing; what is long is cut. */
	log_info(&log, "quiet");
	log_debug(&log, "quiet");
	ck_assert_int_eq(read(fds[0], line, sizeof line), -1);
	memset(text, '\n', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	log_notice(&log, "%s", text);
	ck_assert_uint_le(log_line(fds[0], line, sizeof line), 4096);
	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
	/* A descriptor that takes nothing costs the line. */
	while (write(fds[1], text, sizeof text) > 0)
		;
	while (write(fds[1], text, 1) > 0)
		;
	ck_assert_uint_eq(log.dropped, 0);
	log_error(&log, "lost");
	ck_assert_uint_eq(log.dropped, 1);
	close(fds[0]);
	close(fds[1]);
	ck_assert_int_eq(log_level_parse("debug", &level), 0);
	ck_assert_str_eq(log_level_name(level), "debug");
	ck_assert_int_eq(log_level_parse("Debug", &level), -1);
	ck_assert_int_eq(log_level_parse("", &level), -1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("util");
	TCase *tests = tcase_create("util");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, test_slice_compare);
	tcase_add_test(tests, test_slice_cut);
	tcase_add_test(tests, test_slice_numbers);
	tcase_add_test(tests, test_buf_grows);
	tcase_add_test(tests, test_buf_fixed);
	tcase_add_test(tests, test_arena);
	tcase_add_test(tests, test_arena_sizes);
	tcase_add_test(tests, test_list);
	tcase_add_test(tests, test_hash);
	tcase_add_test(tests, test_digest);
	tcase_add_test(tests, test_hex);
	tcase_add_loop_test(tests, test_text_forms, 0,
	    sizeof texts / sizeof *texts);
	tcase_add_test(tests, test_log_escape_all);
	tcase_add_test(tests, test_distance);
	tcase_add_test(tests, test_span);
	tcase_add_test(tests, test_token);
	tcase_add_test(tests, test_error);
	tcase_add_test(tests, test_fd_flags);
	tcase_add_test(tests, test_fd_pass);
	tcase_add_test(tests, test_fd_pass_most);
	tcase_add_test(tests, test_fd_write_all);
	tcase_add_test(tests, test_log);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
