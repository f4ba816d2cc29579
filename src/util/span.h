/* util/span.h - how far a run of bytes of one kind goes */
#ifndef UTIL_SPAN_H
#define UTIL_SPAN_H

#include <stdbool.h>

const char *span_text(const char *at, const char *end);
const char *span_visible(const char *at, const char *end);
const char *span_json(const char *at, const char *end);
const char *span_token(const char *at, const char *end);
bool span_is_token(const char *at, const char *end);

#endif
