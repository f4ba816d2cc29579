/*
 * util/text.c - text forms of bytes: hex, JSON strings, log fields, UTF-8
 *
 * What is written by these functions cannot break out of the place it is
 * written to, whatever bytes came in.
 */

#include "util/text.h"

#include <stdlib.h>

#include "util/mem.h"
#include "util/span.h"

static const char hex_digits[] = "0123456789abcdef";

/* 0 to 15, or -1. */
int
text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 2 * len lower-case digits, no NUL. */
void
text_hex(char *to, const void *data, size_t len)
{
	const unsigned char *from = data;
	size_t i;

	for (i = 0; i < len; i++) {
		to[2 * i] = hex_digits[from[i] >> 4];
		to[2 * i + 1] = hex_digits[from[i] & 15];
	}
}

/*
 * Bytes of the character at `at`, which is before end; 0 when it is not
 * well-formed UTF-8 (RFC 3629).
 */
size_t
text_utf8_length(const char *at, const char *end)
{
	const unsigned char *c = (const unsigned char *)at;
	size_t len, i;

	if (*c < 0x80)
		return 1;
	len = *c >= 0xc2 && *c <= 0xdf ? 2 : (*c & 0xf0) == 0xe0 ? 3 :
	    *c >= 0xf0 && *c <= 0xf4 ? 4 : 0;
	if (len == 0 || len > (size_t)(end - at))
		return 0;
	for (i = 1; i < len; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	if ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f) ||
	    (*c == 0xf0 && c[1] < 0x90) || (*c == 0xf4 && c[1] > 0x8f))
		return 0;
	return len;
}

/* Well-formed UTF-8 (RFC 3629): no surrogates, no overlong forms. */
bool
text_is_utf8(struct slice text)
{
	const char *at = text.at, *end;
	size_t len;

	if (text.len == 0)
		return true;
	end = text.at + text.len;
	while (at < end) {
		len = text_utf8_length(at, end);
		if (len == 0)
			return false;
		at += len;
	}
	return true;
}

static void
escape_char(struct buf *out, unsigned char c)
{
	static const char shorts[] = "btn\0fr";
	char form[6] = { '\\', 'u', '0', '0', hex_digits[c >> 4],
	    hex_digits[c & 15] };

	if (c == '"' || c == '\\' || (c >= 8 && c <= 13 && c != 11)) {
		form[1] = c >= 0x20 ? (char)c : shorts[c - 8];
		buf_add(out, form, 2);
	} else {
		buf_add(out, form, sizeof form);
	}
}

/* Past everything that goes into a JSON string as it is. */
static const char *
skip_unescaped(const char *at, const char *end)
{
	size_t len;

	for (;;) {
		at = span_json(at, end);
		if (at == end || (unsigned char)*at < 0x80)
			return at;
		while (at < end && (unsigned char)*at >= 0x80) {
			len = text_utf8_length(at, end);
			if (len == 0)
				return at;
			at += len;
		}
	}
}

/*
 * The inside of a JSON string (RFC 8259, 7), quotes not written. Bytes that
 * are not UTF-8 become U+FFFD.
 */
void
text_json_escape(struct buf *out, struct slice text)
{
	const char *run = text.at, *end, *at;

	if (text.len == 0)
		return;
	end = text.at + text.len;
	while (run < end) {
		at = skip_unescaped(run, end);
		buf_add(out, run, (size_t)(at - run));
		if (at == end)
			return;
		if ((unsigned char)*at >= 0x80)
			buf_add(out, "\xef\xbf\xbd", 3);
		else
			escape_char(out, (unsigned char)*at);
		run = at + 1;
	}
}

/* Bytes of text once U+FFFD stands for each byte that is not UTF-8. */
size_t
text_utf8_size(struct slice text)
{
	const char *at = text.at, *end;
	size_t size = text.len;

	if (text.len == 0)
		return 0;
	end = text.at + text.len;
	while (at < end) {
		at = skip_unescaped(at, end);
		if (at == end)
			break;
		if ((unsigned char)*at >= 0x80)
			size += 2;
		at++;
	}
	return size;
}

/*
 * A field of a log line: controls, 0x7f, quotes and backslashes as \xHH, at
 * most most bytes of the text, then "..." (security: no forged lines).
 */
void
text_log_escape(struct buf *out, struct slice text, size_t most)
{
	size_t run = 0, i;
	bool cut = text.len > most;

	if (text.len == 0)
		return;
	if (cut)
		text.len = most;
	for (i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		char form[4] = { '\\', 'x', hex_digits[c >> 4],
		    hex_digits[c & 15] };

		if (c >= 0x20 && c != 0x7f && c != '"' && c != '\\')
			continue;
		buf_add(out, text.at + run, i - run);
		buf_add(out, form, sizeof form);
		run = i + 1;
	}
	buf_add(out, text.at + run, i - run);
	if (cut)
		buf_add_text(out, "...");
}

/* How many single-letter edits part a from b: for "did you mean". */
unsigned
text_distance(const char *a, const char *b)
{
	size_t alen = strlen(a), blen = strlen(b), i, j;
	unsigned *row = mem_array(blen + 1, sizeof *row);
	unsigned corner, above, result;

	for (j = 0; j <= blen; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= alen; i++) {
		corner = row[0];
		row[0] = (unsigned)i;
		for (j = 1; j <= blen; j++) {
			above = row[j];
			row[j] = corner + (a[i - 1] != b[j - 1]);
			if (above + 1 < row[j])
				row[j] = above + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			corner = above;
		}
	}
	result = row[blen];
	free(row);
	return result;
}
