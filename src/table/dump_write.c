/*
 * table/dump_write.c - writing what is in an image, as text or as JSON
 *
 * Shared by the listing, the differences and the explanations. Whoever calls
 * is a tool; workers have no business here.
 */

#include "table/dump_private.h"

#include <arpa/inet.h>

#include <stdlib.h>

#include "util/mem.h"
#include "util/text.h"

#define NAME_WIDTH 12

/* A JSON string with its quotes. */
void
dump_json_text(struct buf *out, struct slice text)
{
	buf_add_char(out, '"');
	if (text.len > 0)
		text_json_escape(out, text);
	buf_add_char(out, '"');
}

/* Begin a set of named values. */
void
dump_open(struct dump_writer *writer, struct buf *out, bool json)
{
	*writer = (struct dump_writer){ .out = out, .json = json };
	if (json)
		buf_add_char(out, '{');
}

void
dump_close(struct dump_writer *writer)
{
	if (writer->json)
		buf_add_text(writer->out, "}\n");
}

/* Members of JSON objects have '_' where lines have a blank. */
static void
name_write(struct dump_writer *writer, const char *name)
{
	if (!writer->json) {
		buf_printf(writer->out, "%-*s ", NAME_WIDTH, name);
		return;
	}
	if (writer->comma)
		buf_add_char(writer->out, ',');
	writer->comma = true;
	buf_add_char(writer->out, '"');
	for (; *name != '\0'; name++)
		buf_add_char(writer->out, (char)(*name == ' ' ? '_' : *name));
	buf_add(writer->out, "\":", 2);
}

static void
value_write(struct dump_writer *writer, struct slice value)
{
	if (writer->json)
		dump_json_text(writer->out, value);
	else if (value.len > 0)
		text_log_escape(writer->out, value, SIZE_MAX);
}

void
dump_field(struct dump_writer *writer, const char *name, struct slice value)
{
	name_write(writer, name);
	value_write(writer, value);
	if (!writer->json)
		buf_add_char(writer->out, '\n');
}

void
dump_number(struct dump_writer *writer, const char *name, uint64_t value)
{
	name_write(writer, name);
	buf_add_u64(writer->out, value);
	if (!writer->json)
		buf_add_char(writer->out, '\n');
}

/* A name for several values; ended by dump_list_end. */
void
dump_list(struct dump_writer *writer, const char *name)
{
	name_write(writer, name);
	if (writer->json)
		buf_add_char(writer->out, '[');
	writer->in_list = false;
}

void
dump_item(struct dump_writer *writer, struct slice value)
{
	if (writer->json && writer->in_list)
		buf_add_char(writer->out, ',');
	else if (writer->in_list)
		buf_printf(writer->out, "\n%-*s ", NAME_WIDTH, "");
	writer->in_list = true;
	value_write(writer, value);
}

void
dump_list_end(struct dump_writer *writer)
{
	buf_add_char(writer->out, writer->json ? ']' : '\n');
}

/* A host as the file has it: "*" for any, "*.example.com" for a suffix. */
void
dump_host(struct buf *out, struct slice host)
{
	if (host.len == 0 || host.at[0] == '.')
		buf_add_char(out, '*');
	buf_add_slice(out, host);
}

/* An address as the file has it. */
void
dump_address(const struct image_head *image,
    const struct image_address *address, struct buf *out)
{
	if (address->family == IMAGE_FAMILY_UNIX)
		buf_add_text(out, "unix:");
	buf_add_slice(out, image_slice(image, address->text));
	if (address->family == IMAGE_FAMILY_NAME)
		buf_printf(out, ":%u", address->port);
}

/* The allowed origins of a policy: "*", a list, or "-" without a policy. */
void
dump_origins(const struct image_head *image, uint32_t index, struct buf *out)
{
	const struct image_cors *cors;
	size_t from = out->len;
	uint32_t i;

	if (index == IMAGE_NONE) {
		buf_add_char(out, '-');
		return;
	}
	cors = IMAGE_AT(image, IMAGE_CORS, struct image_cors, index);
	if (cors->flags & IMAGE_CORS_ANY)
		buf_add_text(out, "*");
	if (cors->flags & IMAGE_CORS_ANY_HTTPS)
		buf_add_text(out, out->len > from ? ",https://*" :
		    "https://*");
	if (cors->flags & IMAGE_CORS_ANY_HTTP)
		buf_add_text(out, out->len > from ? ",http://*" : "http://*");
	for (i = 0; i < cors->origins.count; i++) {
		if (out->len > from)
			buf_add_char(out, ',');
		buf_add_slice(out, image_slice(image, *IMAGE_AT(image,
		    IMAGE_ORIGINS, struct image_text,
		    cors->origins.first + i)));
	}
	if (out->len == from)
		buf_add_text(out, "none");
}

/* For each node the host it belongs to, plus 1, if a host's tree has it. */
static uint32_t *
hosts_of_nodes(const struct image_head *image)
{
	const struct image_host *host = image_array(image, IMAGE_HOST_SLOTS);
	const struct image_edge *edge = image_array(image, IMAGE_EDGE_SLOTS);
	uint32_t nodes = image->sections[IMAGE_NODES].count;
	uint32_t *hosts = mem_array(nodes, sizeof *hosts);
	uint32_t *parents = mem_array(nodes, sizeof *parents);
	uint32_t i, at, steps;

	for (i = 0; i < image->sections[IMAGE_HOST_SLOTS].count; i++)
		if (host[i].node != 0)
			hosts[host[i].node] = i + 1;
	for (i = 0; i < image->sections[IMAGE_EDGE_SLOTS].count; i++)
		if (edge[i].child != 0)
			parents[edge[i].child] = edge[i].node;
	for (i = 1; i < nodes; i++) {
		at = i;
		steps = IMAGE_SEGMENTS_MAX * 4;
		while (hosts[at] == 0 && parents[at] != 0 && steps-- > 0)
			at = parents[at];
		hosts[i] = hosts[at];
	}
	free(parents);
	return hosts;
}

static int
mount_cmp(const void *a_p, const void *b_p)
{
	const struct dump_mount *a = a_p, *b = b_p;

	if (a->stage != b->stage)
		return a->stage < b->stage ? -1 : 1;
	if (a->listener != b->listener)
		return a->listener < b->listener ? -1 : 1;
	return a->host.at < b->host.at ? -1 : a->host.at > b->host.at;
}

/* Find all places where stages are mounted. */
void
dump_mounts_open(const struct image_head *image, struct dump_mounts *mounts)
{
	const struct image_host *slots = image_array(image, IMAGE_HOST_SLOTS);
	const struct image_node *node = image_array(image, IMAGE_NODES);
	uint32_t nodes = image->sections[IMAGE_NODES].count, i;
	uint32_t *hosts = hosts_of_nodes(image);

	mounts->at = mem_array(nodes, sizeof *mounts->at);
	mounts->count = 0;
	for (i = 1; i < nodes; i++)
		if (node[i].stage != IMAGE_NONE && hosts[i] != 0)
			mounts->at[mounts->count++] = (struct dump_mount){
				.stage = node[i].stage,
				.listener = slots[hosts[i] - 1].listener,
				.host = slots[hosts[i] - 1].name,
			};
	qsort(mounts->at, mounts->count, sizeof *mounts->at, mount_cmp);
	free(hosts);
}

void
dump_mounts_close(struct dump_mounts *mounts)
{
	free(mounts->at);
	*mounts = (struct dump_mounts){ 0 };
}
