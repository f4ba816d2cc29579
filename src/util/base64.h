/* util/base64.h - base64 with the standard alphabet (RFC 4648, 4) */
#ifndef UTIL_BASE64_H
#define UTIL_BASE64_H

#include "util/buf.h"

/* Bytes of text that len bytes of data become. */
#define BASE64_SIZE(len) (((len) + 2) / 3 * 4)

void base64_encode(struct buf *out, struct slice data);
int base64_decode(struct buf *out, struct slice text);
int base64_decode_to(char *to, struct slice text, size_t *len_r);

#endif
