/* util/text.h - text forms of bytes */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include "util/buf.h"

int text_hex_digit(char c);
void text_hex(char *to, const void *data, size_t len);
void text_json_escape(struct buf *out, struct slice text);
void text_log_escape(struct buf *out, struct slice text, size_t most);
size_t text_utf8_length(const char *at, const char *end);
size_t text_utf8_size(struct slice text);
bool text_is_utf8(struct slice text);
unsigned text_distance(const char *a, const char *b);

#endif
