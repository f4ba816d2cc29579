/* util/slice.h - a borrowed run of bytes; whoever lends it keeps it alive */
#ifndef UTIL_SLICE_H
#define UTIL_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *at;
	size_t len;
};

#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })
#define SLICE_NONE ((struct slice){ NULL, 0 })

static inline struct slice
slice_of(const char *at, size_t len)
{
	return (struct slice){ at, len };
}

static inline struct slice
slice_text(const char *text)
{
	return (struct slice){ text, text != NULL ? strlen(text) : 0 };
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool slice_eq_nocase(struct slice a, struct slice b);
int slice_cmp(struct slice a, struct slice b);
bool slice_starts(struct slice text, struct slice prefix);
bool slice_ends(struct slice text, struct slice suffix);
struct slice slice_trim(struct slice text);
struct slice slice_until(struct slice *rest, char mark);
bool slice_list_has(struct slice list, struct slice token);
int slice_to_u64(struct slice text, uint64_t *value_r);

#endif
