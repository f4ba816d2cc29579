/* table/dump.h - an image as text or JSON for people and tools */
#ifndef TABLE_DUMP_H
#define TABLE_DUMP_H

#include "table/image.h"
#include "util/buf.h"

void table_dump_routes(const struct image_head *image, bool json,
    struct buf *out);
void table_dump_diff(const struct image_head *older,
    const struct image_head *newer, bool json, struct buf *out);
int table_explain(const struct image_head *image, struct slice listener,
    struct slice method, struct slice url, const struct slice *headers,
    size_t nheaders, bool json, struct buf *out, struct error *err);

/* What a reload changed, for its log line and for gatehousectl reload. */
struct table_changes {
	unsigned routes_added, routes_removed, routes_changed;
	unsigned listeners_added, listeners_removed, listeners_changed;
	unsigned upstreams_added, upstreams_removed, upstreams_changed;
};

void table_changes_count(const struct image_head *older,
    const struct image_head *newer, struct table_changes *changes);

#endif
