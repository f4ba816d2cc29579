/*
 * fuzz_chunked.c - chunked bodies
 *
 * The first byte is the size of the pieces. What must hold: pieces do not
 * change body, end or verdict, and a body written anew reads the same.
 */

#include <assert.h>
#include <stdlib.h>

#include "http/chunked.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes consumed up to the body's end; -1 refused, -2 unfinished. */
static long
decode(const char *data, size_t size, size_t step, struct buf *body)
{
	struct http_chunked chunked = { 0 };
	struct slice run;
	size_t at = 0, have;
	ssize_t eaten;
	char *exact;

	while (at < size && !chunked.done) {
		have = size - at < step ? size - at : step;
		exact = malloc(have);
		assert(exact != NULL);
		memcpy(exact, data + at, have);
		eaten = http_chunked_next(&chunked, exact, have, &run);
		if (eaten >= 0) {
			assert(eaten > 0 && (size_t)eaten <= have);
			assert(run.len <= (size_t)eaten);
			buf_add_slice(body, run);
			at += (size_t)eaten;
		}
		free(exact);
		if (eaten < 0)
			return -1;
	}
	return chunked.done ? (long)at : -2;
}

static void
check_rewrite(struct slice body)
{
	char head[HTTP_CHUNK_HEAD_SIZE];
	struct buf out, again;

	buf_open(&out);
	buf_open(&again);
	if (body.len > 0) {
		buf_add(&out, head, http_chunk_head(head, body.len));
		buf_add_slice(&out, body);
		buf_add_slice(&out, SLICE("\r\n"));
	}
	buf_add_slice(&out, SLICE("0\r\n\r\n"));
	assert(decode(out.at, out.len, out.len, &again) == (long)out.len);
	assert(slice_eq(buf_slice(&again), body));
	buf_close(&again);
	buf_close(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, pieces;
	long end;

	if (size < 2)
		return 0;
	buf_open(&whole);
	buf_open(&pieces);
	end = decode((const char *)data + 1, size - 1, size - 1, &whole);
	assert(decode((const char *)data + 1, size - 1, 1 + data[0], &pieces) ==
	    end);
	assert(slice_eq(buf_slice(&whole), buf_slice(&pieces)));
	if (end > 0)
		check_rewrite(buf_slice(&whole));
	buf_close(&pieces);
	buf_close(&whole);
	return 0;
}
