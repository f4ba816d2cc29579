/* http/fields.h - which fields of a head go on to the next hop */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include "http/message.h"
#include "util/buf.h"

/* A bit per field of one head: set when it does not go on. */
struct http_removed {
	uint64_t bits[HTTP_FIELDS_MAX / 64];
};

static inline bool
http_removed_has(const struct http_removed *removed, unsigned i)
{
	return (removed->bits[i / 64] >> (i % 64) & 1) != 0;
}

static inline void
http_removed_add(struct http_removed *removed, unsigned i)
{
	removed->bits[i / 64] |= UINT64_C(1) << (i % 64);
}

void http_fields_hop_by_hop(
    const struct http_head *head, struct http_removed *removed_r);
void http_fields_remove(const struct http_head *head, uint64_t known_mask,
    struct http_removed *removed);
void http_fields_remove_name(const struct http_head *head, struct slice name,
    struct http_removed *removed);
size_t http_fields_size(const struct http_head *head);
void http_fields_write(const struct http_head *head,
    const struct http_removed *removed, struct buf *out);

#endif
