/*
 * util/base64.c - base64 with the standard alphabet (RFC 4648, 4)
 *
 * Written with padding and in one line. Read strictly: the standard alphabet,
 * blanks nowhere; padding may be left off, as some encoders do, but not be
 * wrong.
 */

#include "util/base64.h"

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Value of a digit plus one; 0 for all other bytes. */
static const uint8_t values[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6,
	['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12,
	['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17,
	['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,
	['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27,
	['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
	['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37,
	['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47,
	['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52,
	['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57,
	['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62,
	['+'] = 63, ['/'] = 64,
};

/* Append data as text. */
void
base64_encode(struct buf *out, struct slice data)
{
	const unsigned char *at = (const unsigned char *)data.at;
	size_t left = data.len;
	char *to = buf_room(out, BASE64_SIZE(data.len));

	if (to == NULL || left == 0)
		return;
	out->len += BASE64_SIZE(data.len);
	for (; left >= 3; left -= 3, at += 3) {
		unsigned bits = (unsigned)at[0] << 16 |
		    (unsigned)at[1] << 8 | at[2];

		*to++ = digits[bits >> 18];
		*to++ = digits[bits >> 12 & 63];
		*to++ = digits[bits >> 6 & 63];
		*to++ = digits[bits & 63];
	}
	if (left > 0) {
		*to++ = digits[at[0] >> 2];
		*to++ = digits[(at[0] & 3) << 4 |
		    (left == 2 ? at[1] >> 4 : 0)];
		*to++ = left == 2 ? digits[(at[1] & 15) << 2] : '=';
		*to = '=';
	}
}

/* Four digits as 24 bits, or -1. */
static inline int32_t
decode_four(const unsigned char *at)
{
	uint32_t a = values[at[0]], b = values[at[1]];
	uint32_t c = values[at[2]], d = values[at[3]];

	if (a == 0 || b == 0 || c == 0 || d == 0)
		return -1;
	return (int32_t)((a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 |
	    (d - 1));
}

/* Without padding; SLICE_NONE when there is a wrong amount of it. */
static struct slice
strip_padding(struct slice text)
{
	size_t whole = text.len;

	while (text.len > 0 && whole - text.len < 2 &&
	    text.at[text.len - 1] == '=')
		text.len--;
	if (text.len % 4 == 1 || (whole != text.len && whole % 4 != 0))
		return SLICE_NONE;
	return text;
}

/*
 * Decode text to `to`, which has room for three bytes per four of text, begun
 * ones included. 0 and how many there are; -1 when text is not base64.
 */
int
base64_decode_to(char *to, struct slice text, size_t *len_r)
{
	const unsigned char *at;
	unsigned char last[4] = { 'A', 'A', 'A', 'A' };
	const char *start = to;
	int32_t bits;
	size_t left;

	*len_r = 0;
	if (text.len == 0)
		return 0;
	text = strip_padding(text);
	if (text.at == NULL)
		return -1;
	at = (const unsigned char *)text.at;
	for (left = text.len; left >= 4; left -= 4, at += 4) {
		bits = decode_four(at);
		if (bits < 0)
			return -1;
		*to++ = (char)(bits >> 16);
		*to++ = (char)(bits >> 8);
		*to++ = (char)bits;
	}
	if (left > 0) {
		memcpy(last, at, left);
		bits = decode_four(last);
		if (bits < 0)
			return -1;
		*to++ = (char)(bits >> 16);
		if (left == 3)
			*to++ = (char)(bits >> 8);
	}
	*len_r = (size_t)(to - start);
	return 0;
}

/* Append what text stands for. 0, or -1 when it is not base64. */
int
base64_decode(struct buf *out, struct slice text)
{
	char *to;
	size_t len;

	if (text.len == 0)
		return 0;
	to = buf_room(out, (text.len + 3) / 4 * 3);
	if (to == NULL || base64_decode_to(to, text, &len) < 0)
		return -1;
	out->len += len;
	return 0;
}
