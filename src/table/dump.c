/*
 * table/dump.c - the compiled routes, as a table for people or as JSON
 *
 * What is shown is what workers match with, read from the image itself, not
 * from the configuration that it was made of.
 */

#include "table/dump_private.h"

#include <stdlib.h>

#include "util/mem.h"
#include "util/text.h"

#define COLUMNS	7

static const char *const titles[COLUMNS] = {
	"API", "STAGE", "AT", "METHOD", "PATH", "INTEGRATION", "CORS",
};

/* Cells of a text table, row by row, behind one another in text. */
struct grid {
	struct buf text;
	size_t *ends;		/* owned: where each cell ends */
	size_t count, room;
	size_t widths[COLUMNS];
};

static void
grid_cell_end(struct grid *grid)
{
	size_t from = grid->count > 0 ? grid->ends[grid->count - 1] : 0;
	size_t width = grid->text.len - from;
	size_t column = grid->count % COLUMNS;

	if (grid->count == grid->room) {
		grid->room = grid->room * 2 + 64;
		grid->ends = mem_grow(grid->ends, grid->room,
		    sizeof *grid->ends);
	}
	grid->ends[grid->count++] = grid->text.len;
	if (width > grid->widths[column])
		grid->widths[column] = width;
}

static void
grid_cell(struct grid *grid, struct slice text)
{
	if (text.len > 0)
		text_log_escape(&grid->text, text, SIZE_MAX);
	grid_cell_end(grid);
}

static void
grid_write(const struct grid *grid, struct buf *out)
{
	size_t i, from = 0, width;

	for (i = 0; i < grid->count; i++) {
		width = grid->ends[i] - from;
		buf_add(out, grid->text.at + from, width);
		from = grid->ends[i];
		if (i % COLUMNS == COLUMNS - 1)
			buf_add_char(out, '\n');
		else
			buf_printf(out, "%*s", (int)(grid->widths[i % COLUMNS]
			    - width + 2), "");
	}
}

static const struct image_stage *
stage_at(const struct image_head *image, uint32_t index)
{
	return IMAGE_AT(image, IMAGE_STAGES, struct image_stage, index);
}

/* The mounts of one stage, which stand together. */
static const struct dump_mount *
mounts_of(const struct dump_mounts *mounts, uint32_t stage, uint32_t *count_r)
{
	uint32_t first = 0, end;

	while (first < mounts->count && mounts->at[first].stage < stage)
		first++;
	for (end = first; end < mounts->count &&
	    mounts->at[end].stage == stage; end++)
		;
	*count_r = end - first;
	return mounts->at + first;
}

/* "api.example.com/prod", with " +1" for another host. */
static void
place_write(const struct image_head *image, const struct dump_mounts *mounts,
    uint32_t stage, struct buf *out)
{
	const struct dump_mount *mount;
	uint32_t count, i, hosts = 1;

	mount = mounts_of(mounts, stage, &count);
	if (count == 0) {
		buf_add_char(out, '-');
		return;
	}
	for (i = 1; i < count && mount[i].listener == mount->listener; i++)
		hosts++;
	dump_host(out, image_slice(image, mount->host));
	buf_add_slice(out, image_slice(image, stage_at(image,
	    stage)->base_path));
	if (hosts > 1)
		buf_printf(out, " +%u", hosts - 1);
}

/* The method of a route's key; "-" for "$default". */
static struct slice
route_method(const struct image_head *image, const struct image_route *route)
{
	struct slice key = image_slice(image, route->key);

	if (route->flags & IMAGE_ROUTE_DEFAULT)
		return SLICE("-");
	return slice_until(&key, ' ');
}

static struct slice
route_path(const struct image_head *image, const struct image_route *route)
{
	return image_slice(image, route->flags & IMAGE_ROUTE_DEFAULT ?
	    route->key : route->resource);
}

static struct slice
route_target(const struct image_head *image, const struct image_route *route)
{
	if (route->integration == IMAGE_NONE)
		return SLICE("preflight");
	return image_slice(image, IMAGE_AT(image, IMAGE_INTEGRATIONS,
	    struct image_integration, route->integration)->target);
}

static void
grid_stage(struct grid *grid, const struct image_head *image,
    const struct image_api *api, const struct dump_mounts *mounts,
    uint32_t stage)
{
	const struct image_route *route = IMAGE_AT(image, IMAGE_ROUTES,
	    struct image_route, api->first_route);
	struct buf place;
	uint32_t i;

	buf_open(&place);
	place_write(image, mounts, stage, &place);
	for (i = 0; i < api->routes; i++, route++) {
		grid_cell(grid, image_slice(image, api->name));
		grid_cell(grid, image_slice(image, stage_at(image,
		    stage)->name));
		grid_cell(grid, buf_slice(&place));
		grid_cell(grid, route_method(image, route));
		grid_cell(grid, route_path(image, route));
		grid_cell(grid, route_target(image, route));
		dump_origins(image, route->cors, &grid->text);
		grid_cell_end(grid);
	}
	buf_close(&place);
}

static void
routes_text(const struct image_head *image, const struct dump_mounts *mounts,
    struct buf *out)
{
	const struct image_api *api = image_array(image, IMAGE_APIS);
	struct grid grid = { 0 };
	uint32_t i, j;

	buf_open(&grid.text);
	for (i = 0; i < COLUMNS; i++)
		grid_cell(&grid, slice_text(titles[i]));
	for (i = 0; i < image->sections[IMAGE_APIS].count; i++, api++)
		for (j = 0; j < api->stages.count; j++)
			grid_stage(&grid, image, api, mounts,
			    api->stages.first + j);
	grid_write(&grid, out);
	buf_close(&grid.text);
	free(grid.ends);
}

static void
member(struct buf *out, const char *name, struct slice value)
{
	buf_printf(out, "\"%s\":", name);
	dump_json_text(out, value);
}

static void
json_address(const struct image_head *image,
    const struct image_address *address, struct buf *out)
{
	struct buf text;

	buf_open(&text);
	dump_address(image, address, &text);
	member(out, "address", buf_slice(&text));
	buf_close(&text);
}

static void
json_listeners(const struct image_head *image, struct buf *out)
{
	const struct image_listener *listener =
	    image_array(image, IMAGE_LISTENERS);
	uint32_t i;

	buf_add_text(out, "\"listeners\":[");
	for (i = 0; i < image->sections[IMAGE_LISTENERS].count;
	    i++, listener++) {
		buf_add_text(out, i > 0 ? ",{" : "{");
		member(out, "name", image_slice(image, listener->name));
		buf_add_char(out, ',');
		json_address(image, &listener->address, out);
		buf_printf(out, ",\"private\":%s}", listener->private_api ?
		    "true" : "false");
	}
	buf_add_char(out, ']');
}

static void
json_upstreams(const struct image_head *image, struct buf *out)
{
	const struct image_upstream *upstream =
	    image_array(image, IMAGE_UPSTREAMS);
	const struct image_server *server;
	uint32_t i, j;

	buf_add_text(out, "\"upstreams\":[");
	for (i = 0; i < image->sections[IMAGE_UPSTREAMS].count;
	    i++, upstream++) {
		buf_add_text(out, i > 0 ? ",{" : "{");
		member(out, "name", image_slice(image, upstream->name));
		buf_printf(out, ",\"balance\":\"%s\",\"servers\":[",
		    upstream->balance == IMAGE_BALANCE_LEAST_CONN ?
		    "least_conn" : "round_robin");
		server = IMAGE_AT(image, IMAGE_SERVERS, struct image_server,
		    upstream->servers.first);
		for (j = 0; j < upstream->servers.count; j++, server++) {
			buf_add_text(out, j > 0 ? ",{" : "{");
			json_address(image, &server->address, out);
			buf_printf(out, ",\"weight\":%u}", server->weight);
		}
		buf_add_text(out, "]}");
	}
	buf_add_char(out, ']');
}

static void
json_mounts(const struct image_head *image, const struct dump_mounts *mounts,
    uint32_t stage, struct buf *out)
{
	const struct dump_mount *mount;
	struct buf host;
	uint32_t count, i;

	buf_open(&host);
	mount = mounts_of(mounts, stage, &count);
	for (i = 0; i < count; i++) {
		buf_add_text(out, i > 0 ? ",{" : "{");
		member(out, "listener", image_slice(image, IMAGE_AT(image,
		    IMAGE_LISTENERS, struct image_listener,
		    mount[i].listener)->name));
		host.len = 0;
		dump_host(&host, image_slice(image, mount[i].host));
		buf_add_char(out, ',');
		member(out, "host", buf_slice(&host));
		buf_add_char(out, '}');
	}
	buf_close(&host);
}

static void
json_stages(const struct image_head *image, const struct image_api *api,
    const struct dump_mounts *mounts, struct buf *out)
{
	const struct image_stage *stage;
	uint32_t i;

	buf_add_text(out, ",\"stages\":[");
	for (i = 0; i < api->stages.count; i++) {
		stage = stage_at(image, api->stages.first + i);
		buf_add_text(out, i > 0 ? ",{" : "{");
		member(out, "name", image_slice(image, stage->name));
		buf_add_char(out, ',');
		member(out, "base_path", image_slice(image,
		    stage->base_path));
		buf_add_text(out, ",\"reached\":[");
		json_mounts(image, mounts, api->stages.first + i, out);
		buf_add_text(out, "]}");
	}
	buf_add_char(out, ']');
}

static void
json_cors(const struct image_head *image, uint32_t index, struct buf *out)
{
	const struct image_cors *cors;
	struct buf origins;
	struct slice rest;
	bool more = false;

	buf_add_text(out, ",\"cors\":");
	if (index == IMAGE_NONE) {
		buf_add_text(out, "null");
		return;
	}
	cors = IMAGE_AT(image, IMAGE_CORS, struct image_cors, index);
	buf_open(&origins);
	dump_origins(image, index, &origins);
	rest = buf_slice(&origins);
	buf_add_text(out, "{\"allow_origins\":[");
	for (; rest.at != NULL; more = true) {
		buf_add_text(out, more ? "," : "");
		dump_json_text(out, slice_until(&rest, ','));
	}
	buf_add_text(out, "],");
	member(out, "allow_methods", image_slice(image, cors->methods));
	buf_add_char(out, ',');
	member(out, "allow_headers", image_slice(image, cors->headers));
	buf_printf(out, ",\"allow_credentials\":%s}",
	    cors->flags & IMAGE_CORS_CREDENTIALS ? "true" : "false");
	buf_close(&origins);
}

static void
json_routes(const struct image_head *image, const struct image_api *api,
    struct buf *out)
{
	const struct image_route *route = IMAGE_AT(image, IMAGE_ROUTES,
	    struct image_route, api->first_route);
	uint32_t i;

	buf_add_text(out, ",\"routes\":[");
	for (i = 0; i < api->routes; i++, route++) {
		buf_add_text(out, i > 0 ? ",\n{" : "\n{");
		member(out, "key", image_slice(image, route->key));
		buf_add_char(out, ',');
		member(out, "method", route_method(image, route));
		buf_add_char(out, ',');
		member(out, "path", route_path(image, route));
		buf_add_char(out, ',');
		member(out, "integration", route_target(image, route));
		json_cors(image, route->cors, out);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void
routes_json(const struct image_head *image, const struct dump_mounts *mounts,
    struct buf *out)
{
	const struct image_api *api = image_array(image, IMAGE_APIS);
	char hash[64];
	uint32_t i;

	text_hex(hash, image->hash, sizeof image->hash);
	buf_add_text(out, "{\"generation\":");
	buf_add_u64(out, image->generation);
	buf_add_char(out, ',');
	member(out, "hash", slice_of(hash, sizeof hash));
	buf_add_char(out, ',');
	json_listeners(image, out);
	buf_add_char(out, ',');
	json_upstreams(image, out);
	buf_add_text(out, ",\"apis\":[");
	for (i = 0; i < image->sections[IMAGE_APIS].count; i++, api++) {
		buf_add_text(out, i > 0 ? ",\n{" : "\n{");
		member(out, "name", image_slice(image, api->name));
		buf_add_char(out, ',');
		member(out, "id", image_slice(image, api->id));
		buf_add_char(out, ',');
		member(out, "protocol", dump_kind(api));
		json_stages(image, api, mounts, out);
		json_routes(image, api, out);
		buf_add_char(out, '}');
	}
	buf_add_text(out, "]}\n");
}

/* All routes of a checked image, one line each; or the table as JSON. */
void
table_dump_routes(const struct image_head *image, bool json, struct buf *out)
{
	struct dump_mounts mounts;

	dump_mounts_open(image, &mounts);
	if (json)
		routes_json(image, &mounts, out);
	else
		routes_text(image, &mounts, out);
	dump_mounts_close(&mounts);
}
