/* util/buf.h - bytes being put together */
#ifndef UTIL_BUF_H
#define UTIL_BUF_H

#include "util/slice.h"

/*
 * A growing buffer owns its memory; a fixed one borrows it and, when it would
 * overflow, keeps what fits and sets full.
 */
struct buf {
	char *at;
	size_t len;
	size_t size;
	bool fixed;
	bool full;
};

void buf_open(struct buf *b);
void buf_open_fixed(struct buf *b, void *mem, size_t size);
void buf_close(struct buf *b);

char *buf_room(struct buf *b, size_t want);
void buf_add_slow(struct buf *b, const void *data, size_t len);
void buf_add_u64(struct buf *b, uint64_t value);
void buf_printf(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void
buf_add(struct buf *b, const void *data, size_t len)
{
	if (len == 0)
		return;
	if (b->size - b->len < len) {
		buf_add_slow(b, data, len);
		return;
	}
	memcpy(b->at + b->len, data, len);
	b->len += len;
}

static inline void
buf_add_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.at, s.len);
}

static inline void
buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

static inline void
buf_add_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

static inline struct slice
buf_slice(const struct buf *b)
{
	return slice_of(b->at, b->len);
}

#endif
