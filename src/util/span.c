/*
 * util/span.c - how far a run of bytes of one kind goes
 *
 * The inner loops of every strict parser. Each function returns the first
 * byte at or behind `at` that is not of its kind, or end; nothing at or behind
 * end is read. Sixteen bytes go at once where the machine has SSE2; the
 * portable loops behind do the rest, and all of it elsewhere.
 */

#include "util/span.h"

#include <stddef.h>

#if defined __SSE2__
#include <emmintrin.h>

/* Index of the first control byte but TAB among 16; 16 for none. */
static unsigned
first_control(const char *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i top = _mm_set1_epi8(0x1f);
	__m128i low = _mm_cmpeq_epi8(_mm_max_epu8(bytes, top), top);
	__m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
	__m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
	int mask =
	    _mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));

	return mask == 0 ? 16 : (unsigned)__builtin_ctz((unsigned)mask);
}

/* Index of the first byte outside 0x21 to 0x7e among 16; 16 for none. */
static unsigned
first_invisible(const char *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	/* As signed bytes, 0x80 to 0xff are below 0x21 too. */
	__m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x21));
	__m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
	int mask = _mm_movemask_epi8(_mm_or_si128(low, del));

	return mask == 0 ? 16 : (unsigned)__builtin_ctz((unsigned)mask);
}

/* Index of the first byte among 16 that span_json stops at; 16 for none. */
static unsigned
first_json_special(const char *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	/* As signed bytes, 0x80 to 0xff are below 0x20 too. */
	__m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
	__m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
	__m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
	__m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
	int mask = _mm_movemask_epi8(_mm_or_si128(
	    _mm_or_si128(low, del), _mm_or_si128(quote, slash)));

	return mask == 0 ? 16 : (unsigned)__builtin_ctz((unsigned)mask);
}

static const char *
skip_text(const char *at, const char *end)
{
	unsigned n;

	for (; end - at >= 16; at += 16) {
		n = first_control(at);
		if (n < 16)
			return at + n;
	}
	return at;
}

static const char *
skip_visible(const char *at, const char *end)
{
	unsigned n;

	for (; end - at >= 16; at += 16) {
		n = first_invisible(at);
		if (n < 16)
			return at + n;
	}
	return at;
}

static const char *
skip_json(const char *at, const char *end)
{
	unsigned n;

	for (; end - at >= 16; at += 16) {
		n = first_json_special(at);
		if (n < 16)
			return at + n;
	}
	return at;
}
#else
static const char *
skip_text(const char *at, const char *end)
{
	(void)end;
	return at;
}

static const char *
skip_visible(const char *at, const char *end)
{
	(void)end;
	return at;
}

static const char *
skip_json(const char *at, const char *end)
{
	(void)end;
	return at;
}
#endif

/* Characters of a token (RFC 9110, 5.6.2). */
static const unsigned char token_chars[256] = {
	['!'] = 1,
	['#'] = 1,
	['$'] = 1,
	['%'] = 1,
	['&'] = 1,
	['\''] = 1,
	['*'] = 1,
	['+'] = 1,
	['-'] = 1,
	['.'] = 1,
	['^'] = 1,
	['_'] = 1,
	['`'] = 1,
	['|'] = 1,
	['~'] = 1,
	['0' ... '9'] = 1,
	['A' ... 'Z'] = 1,
	['a' ... 'z'] = 1,
};

/* Text of a field value: no control byte but TAB; bytes over 0x7f are text. */
const char *
span_text(const char *at, const char *end)
{
	at = skip_text(at, end);
	while (at < end && ((unsigned char)*at >= 0x20 || *at == '\t') &&
	    *at != 0x7f)
		at++;
	return at;
}

/* Visible ASCII, 0x21 to 0x7e. */
const char *
span_visible(const char *at, const char *end)
{
	at = skip_visible(at, end);
	while (at < end && (unsigned char)*at - 0x21U < 0x5eU)
		at++;
	return at;
}

/* ASCII that stands for itself in a JSON string: no 0x7f, no '"', no '\\'. */
const char *
span_json(const char *at, const char *end)
{
	at = skip_json(at, end);
	while (at < end && (unsigned char)*at - 0x20U < 0x5fU &&
	    *at != '"' && *at != '\\')
		at++;
	return at;
}

const char *
span_token(const char *at, const char *end)
{
	while (at < end && token_chars[(unsigned char)*at])
		at++;
	return at;
}

/* Is all of it a token? Nothing at all is none. */
bool
span_is_token(const char *at, const char *end)
{
	return at < end && span_token(at, end) == end;
}
