/*
 * http/chunked.c - chunked bodies (RFC 9112, 7.1), read strictly
 *
 * CR LF and nothing else ends a line, a size is hexadecimal digits alone,
 * extensions are skipped, both they and trailers up to a bound. Data is
 * handed out where it lies; trailers are the caller's to keep or to drop. It
 * must never read a byte behind the body's end: that belongs to the next
 * message.
 */

#include "http/chunked.h"

#include "util/span.h"
#include "util/text.h"

#define SIZE_DIGITS 16

/* What the next byte belongs to. */
enum phase {
	PHASE_SIZE,
	PHASE_EXTENSION,
	PHASE_SIZE_LF,
	PHASE_DATA,
	PHASE_DATA_CR,
	PHASE_DATA_LF,
	PHASE_TRAILER,		/* first byte of a trailer or the last line */
	PHASE_TRAILER_NAME,
	PHASE_TRAILER_VALUE,
	PHASE_TRAILER_LF,
	PHASE_END_LF,
};

static bool
enter(struct http_chunked *chunked, enum phase phase)
{
	chunked->phase = (uint8_t)phase;
	return true;
}

static bool
expect(
    struct http_chunked *chunked, const char **at_p, char want, enum phase next)
{
	if (**at_p != want)
		return false;
	++*at_p;
	return enter(chunked, next);
}

static bool
step_size(struct http_chunked *chunked, const char **at_p)
{
	int digit = text_hex_digit(**at_p);

	if (digit >= 0) {
		if (++chunked->digits > SIZE_DIGITS)
			return false;
		chunked->left = chunked->left << 4 | (unsigned)digit;
		++*at_p;
		return true;
	}
	/* Nobody's file is that long, and sums of sizes must not overflow. */
	if (chunked->digits == 0 || chunked->left > INT64_MAX)
		return false;
	if (**at_p == ';')
		return enter(chunked, PHASE_EXTENSION);
	return expect(chunked, at_p, '\r', PHASE_SIZE_LF);
}

static bool
step_extension(struct http_chunked *chunked, const char **at_p, const char *end)
{
	const char *stop = end;
	size_t room = HTTP_CHUNK_EXTENSION_MAX + 1u - chunked->extension;
	size_t len;

	if ((size_t)(end - *at_p) > room)
		stop = *at_p + room;
	len = (size_t)(span_text(*at_p, stop) - *at_p);
	*at_p += len;
	chunked->extension = (uint16_t)(chunked->extension + len);
	chunked->extensions += (uint32_t)len;
	if (chunked->extension > HTTP_CHUNK_EXTENSION_MAX ||
	    chunked->extensions > HTTP_CHUNK_EXTENSIONS_MAX)
		return false;
	if (*at_p == end)
		return true;
	return expect(chunked, at_p, '\r', PHASE_SIZE_LF);
}

static bool
step_size_lf(struct http_chunked *chunked, const char **at_p)
{
	chunked->digits = 0;
	chunked->extension = 0;
	return expect(chunked, at_p, '\n',
	    chunked->left > 0 ? PHASE_DATA : PHASE_TRAILER);
}

static void
step_data(struct http_chunked *chunked, const char **at_p, const char *end,
    struct slice *body_r)
{
	size_t len = (size_t)(end - *at_p);

	if (len > chunked->left)
		len = (size_t)chunked->left;
	*body_r = slice_of(*at_p, len);
	*at_p += len;
	chunked->left -= len;
	if (chunked->left == 0)
		enter(chunked, PHASE_DATA_CR);
}

/* One byte of a trailer: dropped, but a field all the same. */
static bool
step_trailer(struct http_chunked *chunked, const char **at_p)
{
	const char *at = *at_p;
	bool token = span_token(at, at + 1) > at;

	switch ((enum phase)chunked->phase) {
	case PHASE_TRAILER:
		if (*at == '\r')
			return expect(chunked, at_p, '\r', PHASE_END_LF);
		enter(chunked, PHASE_TRAILER_NAME);
		break;
	case PHASE_TRAILER_NAME:
		if (*at == ':') {
			enter(chunked, PHASE_TRAILER_VALUE);
			token = true;
		}
		break;
	case PHASE_TRAILER_VALUE:
		token = span_text(at, at + 1) > at;
		if (*at == '\r') {
			enter(chunked, PHASE_TRAILER_LF);
			token = true;
		}
		break;
	default:
		token = *at == '\n';
		enter(chunked, PHASE_TRAILER);
		break;
	}
	++*at_p;
	return token && ++chunked->trailers <= HTTP_CHUNK_TRAILERS_MAX;
}

static bool
step(struct http_chunked *chunked, const char **at_p, const char *end,
    struct slice *body_r)
{
	switch ((enum phase)chunked->phase) {
	case PHASE_SIZE:
		return step_size(chunked, at_p);
	case PHASE_EXTENSION:
		return step_extension(chunked, at_p, end);
	case PHASE_SIZE_LF:
		return step_size_lf(chunked, at_p);
	case PHASE_DATA:
		step_data(chunked, at_p, end, body_r);
		return true;
	case PHASE_DATA_CR:
		return expect(chunked, at_p, '\r', PHASE_DATA_LF);
	case PHASE_DATA_LF:
		return expect(chunked, at_p, '\n', PHASE_SIZE);
	case PHASE_TRAILER:
	case PHASE_TRAILER_NAME:
	case PHASE_TRAILER_VALUE:
	case PHASE_TRAILER_LF:
		return step_trailer(chunked, at_p);
	case PHASE_END_LF:
		chunked->done = **at_p == '\n';
		return expect(chunked, at_p, '\n', PHASE_END_LF);
	}
	return false;
}

/*
 * Is what comes next behind the last chunk: trailer lines, then the empty line
 * that ends the body? Every byte consumed from now on is part of those.
 */
bool
http_chunked_trailing(const struct http_chunked *chunked)
{
	return chunked->phase >= PHASE_TRAILER;
}

/*
 * Take the next bytes of a body. Returns how many were consumed: all up to
 * the end of one run of data, which body_r is then (in place; empty when the
 * bytes were framing alone), up to where trailers may begin, or up to the
 * body's end, when chunked->done is set. Call again with the rest until that
 * or until all len are consumed.
 * -1: the framing is broken and the connection with it.
 */
ssize_t
http_chunked_next(struct http_chunked *chunked, const char *data, size_t len,
    struct slice *body_r)
{
	const char *at = data, *end = data + len;
	bool trailing = http_chunked_trailing(chunked);

	*body_r = SLICE_NONE;
	while (at < end && !chunked->done && body_r->len == 0 &&
	    http_chunked_trailing(chunked) == trailing)
		if (!step(chunked, &at, end, body_r))
			return -1;
	return at - data;
}

/* Writes the line before size bytes of data; returns its length. */
size_t
http_chunk_head(char to[HTTP_CHUNK_HEAD_SIZE], uint64_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t digits = 1, i;

	while (digits < SIZE_DIGITS && size >> (4 * digits) != 0)
		digits++;
	for (i = 0; i < digits; i++)
		to[i] = hex[size >> (4 * (digits - 1 - i)) & 15];
	memcpy(to + digits, "\r\n", 2);
	return digits + 2;
}
