/* table/dump_private.h - what listings, differences and explanations share */
#ifndef TABLE_DUMP_PRIVATE_H
#define TABLE_DUMP_PRIVATE_H

#include "table/dump.h"

/* One place where a stage is reached. */
struct dump_mount {
	uint32_t stage;
	uint32_t listener;
	struct image_text host;		/* as in struct image_host */
};

struct dump_mounts {
	struct dump_mount *at;		/* owned; by stage, listener, host */
	uint32_t count;
};

void dump_mounts_open(const struct image_head *image,
    struct dump_mounts *mounts);
void dump_mounts_close(struct dump_mounts *mounts);

/*
 * Named values, as aligned lines for people or as members of a JSON object.
 * A list is one name with several values.
 */
struct dump_writer {
	struct buf *out;
	bool json;
	bool comma;		/* something stands before */
	bool in_list;
};

void dump_open(struct dump_writer *writer, struct buf *out, bool json);
void dump_close(struct dump_writer *writer);
void dump_field(struct dump_writer *writer, const char *name,
    struct slice value);
void dump_number(struct dump_writer *writer, const char *name,
    uint64_t value);
void dump_list(struct dump_writer *writer, const char *name);
void dump_item(struct dump_writer *writer, struct slice value);
void dump_list_end(struct dump_writer *writer);

void dump_json_text(struct buf *out, struct slice text);
void dump_host(struct buf *out, struct slice host);
void dump_address(const struct image_head *image,
    const struct image_address *address, struct buf *out);
void dump_origins(const struct image_head *image, uint32_t cors,
    struct buf *out);

static inline struct slice
dump_kind(const struct image_api *api)
{
	return api->kind == IMAGE_KIND_REST ? SLICE("REST") : SLICE("HTTP");
}

#endif
