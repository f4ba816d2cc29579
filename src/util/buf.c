/*
 * util/buf.c - bytes being put together
 *
 * Growing buffers serve configuration, tools and logs; fixed ones are laid
 * over a worker's scratch memory on the hot path and never allocate.
 */

#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/mem.h"

/* An empty growing buffer; released by buf_close. */
void
buf_open(struct buf *b)
{
	*b = (struct buf){ 0 };
}

/* An empty buffer over size bytes of somebody else's memory. */
void
buf_open_fixed(struct buf *b, void *mem, size_t size)
{
	*b = (struct buf){ .at = mem, .size = size, .fixed = true };
}

void
buf_close(struct buf *b)
{
	if (!b->fixed)
		free(b->at);
	*b = (struct buf){ 0 };
}

/*
 * The place for want more bytes; the caller adds what it wrote to len. NULL
 * when a fixed buffer has less room (full is set then).
 */
char *
buf_room(struct buf *b, size_t want)
{
	size_t size;

	if (b->size - b->len >= want)
		return b->at + b->len;
	if (b->fixed) {
		b->full = true;
		return NULL;
	}
	size = b->size * 2 > b->len + want ? b->size * 2 : b->len + want + 64;
	b->at = mem_grow(b->at, size, 1);
	b->size = size;
	return b->at + b->len;
}

/* The way of buf_add when there is no room yet. */
void
buf_add_slow(struct buf *b, const void *data, size_t len)
{
	char *to = buf_room(b, len);

	if (to == NULL)
		return;
	memcpy(to, data, len);
	b->len += len;
}

/* Decimal digits of value. */
void
buf_add_u64(struct buf *b, uint64_t value)
{
	char digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	buf_add(b, digits + at, sizeof digits - at);
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap, again;
	char *to;
	int len;

	va_start(ap, format);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	to = len < 0 ? NULL : buf_room(b, (size_t)len + 1);
	if (to != NULL) {
		vsnprintf(to, (size_t)len + 1, format, again);
		b->len += (size_t)len;
	}
	va_end(again);
}
