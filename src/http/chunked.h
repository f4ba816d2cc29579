/* http/chunked.h - chunked bodies (RFC 9112, 7.1), read strictly */
#ifndef HTTP_CHUNKED_H
#define HTTP_CHUNKED_H

#include <sys/types.h>

#include "util/slice.h"

#define HTTP_CHUNK_EXTENSION_MAX 256		/* bytes, one chunk */
#define HTTP_CHUNK_EXTENSIONS_MAX (16 * 1024)	/* bytes, one body */
#define HTTP_CHUNK_TRAILERS_MAX (8 * 1024)	/* bytes, all trailers */
#define HTTP_CHUNK_HEAD_SIZE 18		/* what http_chunk_head writes */

/* Where a decoder is. Filled with zeros before the first byte of a body. */
struct http_chunked {
	uint64_t left;		/* bytes of this chunk still to come */
	uint32_t extensions;	/* bytes of extensions so far */
	uint16_t extension;	/* bytes of this chunk's extension */
	uint16_t trailers;	/* bytes of trailers so far */
	uint8_t digits;		/* of this chunk's size */
	uint8_t phase;
	bool done;		/* the last byte has been consumed */
};

bool http_chunked_trailing(const struct http_chunked *chunked);
ssize_t http_chunked_next(struct http_chunked *chunked, const char *data,
    size_t len, struct slice *body_r);
size_t http_chunk_head(char to[HTTP_CHUNK_HEAD_SIZE], uint64_t size);

#endif
