/*
 * table/diff.c - what parts two tables: routes, listeners, upstreams
 *
 * Things are the same thing when their ids are; they have changed when what a
 * request would notice has. Both images are taken as checked. Used by tools
 * and by whoever publishes a table, never by a worker.
 */

#include "table/dump_private.h"

#include <stdlib.h>

#include "util/mem.h"

/* The kinds of things that are compared. */
enum diff_kind {
	DIFF_ROUTES,
	DIFF_LISTENERS,
	DIFF_UPSTREAMS,
	DIFF_KINDS
};

enum diff_change {
	DIFF_ADDED,
	DIFF_REMOVED,
	DIFF_CHANGED,
	DIFF_CHANGES
};

static const struct {
	const char *one, *many;
	enum image_section_id section;
} kinds[DIFF_KINDS] = {
	[DIFF_ROUTES] = { "route", "routes", IMAGE_ROUTES },
	[DIFF_LISTENERS] = { "listener", "listeners", IMAGE_LISTENERS },
	[DIFF_UPSTREAMS] = { "upstream", "upstreams", IMAGE_UPSTREAMS },
};

static const struct {
	char mark;
	const char *name;
} changes_said[DIFF_CHANGES] = {
	[DIFF_ADDED] = { '+', "added" },
	[DIFF_REMOVED] = { '-', "removed" },
	[DIFF_CHANGED] = { '~', "changed" },
};

/* One thing of a table, by what it is and what it does. */
struct item {
	uint64_t id;
	uint64_t content;	/* hash */
	uint32_t index;		/* in its section */
};

/* The things of one kind in one table. */
struct items {
	const struct image_head *image;
	enum diff_kind kind;
	struct item *at;	/* owned; in the image's order */
	struct item *sorted;	/* owned; by id */
	uint32_t count;
};

typedef void diff_fn(void *ctx, enum diff_kind kind, enum diff_change change,
    const struct image_head *image, uint32_t index);

static void
add_text(struct buf *out, const struct image_head *image,
    struct image_text text)
{
	buf_add_u64(out, text.len);
	buf_add_char(out, ':');
	buf_add_slice(out, image_slice(image, text));
}

static void
add_number(struct buf *out, uint64_t number)
{
	buf_add_u64(out, number);
	buf_add_char(out, ' ');
}

static void
add_pieces(struct buf *out, const struct image_head *image,
    struct image_run run)
{
	const struct image_piece *piece = IMAGE_AT(image, IMAGE_PIECES,
	    struct image_piece, run.first);
	uint32_t i;

	for (i = 0; i < run.count; i++) {
		add_number(out, piece[i].kind);
		add_number(out, piece[i].arg);
		add_text(out, image, piece[i].text);
	}
	add_number(out, run.count);
}

static void
add_upstream_name(struct buf *out, const struct image_head *image,
    uint32_t index)
{
	if (index == IMAGE_NONE)
		add_number(out, 0);
	else
		add_text(out, image, IMAGE_AT(image, IMAGE_UPSTREAMS,
		    struct image_upstream, index)->name);
}

static void
add_function(struct buf *out, const struct image_head *image, uint32_t index)
{
	const struct image_function *function = IMAGE_AT(image,
	    IMAGE_FUNCTIONS, struct image_function, index);

	if (index == IMAGE_NONE) {
		add_number(out, 0);
		return;
	}
	add_text(out, image, function->name);
	add_text(out, image, function->path);
	add_text(out, image, function->region);
	add_text(out, image, function->credentials);
	add_text(out, image, function->profile);
	add_number(out, function->connect_ms);
	add_upstream_name(out, image, function->upstream);
}

static void
add_integration(struct buf *out, const struct image_head *image,
    uint32_t index)
{
	const struct image_integration *it = IMAGE_AT(image,
	    IMAGE_INTEGRATIONS, struct image_integration, index);
	uint32_t i, callee;

	if (index == IMAGE_NONE)
		return;
	add_number(out, it->type);
	add_number(out, it->flags);
	add_number(out, it->method);
	add_number(out, it->timeout_ms);
	add_number(out, it->connect_ms);
	add_number(out, it->status);
	add_text(out, image, it->body);
	add_text(out, image, it->target);
	add_pieces(out, image, it->path);
	add_pieces(out, image, it->query);
	if (it->type == IMAGE_AWS_PROXY) {
		add_number(out, it->payload);
		add_function(out, image, it->function);
	} else {
		add_upstream_name(out, image, it->upstream);
	}
	for (i = 0; i < it->by_stage.count; i++) {
		callee = *IMAGE_AT(image, IMAGE_INDEXES, uint32_t,
		    it->by_stage.first + i);
		if (it->type == IMAGE_AWS_PROXY)
			add_function(out, image, callee);
		else
			add_upstream_name(out, image, callee);
	}
}

static void
add_cors(struct buf *out, const struct image_head *image, uint32_t index)
{
	const struct image_cors *cors = IMAGE_AT(image, IMAGE_CORS,
	    struct image_cors, index);

	if (index == IMAGE_NONE)
		return;
	add_number(out, cors->flags);
	add_text(out, image, cors->preflight);
	add_text(out, image, cors->actual);
	dump_origins(image, index, out);
}

static void
add_log(struct buf *out, const struct image_head *image, uint32_t index)
{
	const struct image_log *log = IMAGE_AT(image, IMAGE_LOGS,
	    struct image_log, index);

	if (index == IMAGE_NONE)
		return;
	add_text(out, image, log->path);
	add_pieces(out, image, log->pieces);
}

static bool
has_listener(const struct image_head *image, uint64_t id)
{
	uint32_t i;

	for (i = 0; i < image->sections[IMAGE_LISTENERS].count; i++)
		if (IMAGE_AT(image, IMAGE_LISTENERS, struct image_listener,
		    i)->id == id)
			return true;
	return false;
}

/*
 * All of an API that each of its routes depends on. A listener that the other
 * image has not is a change of its own, not one of each route behind it.
 */
static void
add_api(struct buf *out, const struct image_head *image, uint32_t index,
    const struct dump_mounts *mounts, const struct image_head *other)
{
	const struct image_listener *listener;
	const struct image_api *api = IMAGE_AT(image, IMAGE_APIS,
	    struct image_api, index);
	const struct image_stage *stage;
	const struct image_pair *pair;
	uint32_t i, j;

	add_number(out, api->kind);
	add_text(out, image, api->id);
	add_text(out, image, api->response_lines);
	add_cors(out, image, api->cors);
	for (i = 0; i < api->stages.count; i++) {
		stage = IMAGE_AT(image, IMAGE_STAGES, struct image_stage,
		    api->stages.first + i);
		add_text(out, image, stage->name);
		add_text(out, image, stage->base_path);
		add_log(out, image, stage->log);
		for (j = 0; j < stage->variables.count; j++) {
			pair = IMAGE_AT(image, IMAGE_VARIABLES,
			    struct image_pair, stage->variables.first + j);
			add_text(out, image, pair->name);
			add_text(out, image, pair->value);
		}
	}
	for (i = 0; i < mounts->count; i++) {
		if (mounts->at[i].stage - api->stages.first >=
		    api->stages.count)
			continue;
		listener = IMAGE_AT(image, IMAGE_LISTENERS,
		    struct image_listener, mounts->at[i].listener);
		if (!has_listener(other, listener->id))
			continue;
		add_text(out, image, listener->name);
		add_text(out, image, mounts->at[i].host);
	}
}

static void
add_route(struct buf *out, const struct image_head *image,
    const struct image_route *route)
{
	uint32_t i;

	add_text(out, image, route->key);
	add_number(out, route->flags);
	for (i = 0; i < route->params.count; i++)
		add_text(out, image, IMAGE_AT(image, IMAGE_PARAMS,
		    struct image_param, route->params.first + i)->name);
	add_integration(out, image, route->integration);
	add_cors(out, image, route->cors);
	add_text(out, image, route->request_lines);
	add_text(out, image, route->response_lines);
}

static void
add_listener(struct buf *out, const struct image_head *image,
    const struct image_listener *listener)
{
	add_text(out, image, listener->name);
	add_number(out, listener->private_api);
	add_number(out, listener->backlog);
}

static void
add_upstream(struct buf *out, const struct image_head *image,
    const struct image_upstream *upstream)
{
	const struct image_server *server = IMAGE_AT(image, IMAGE_SERVERS,
	    struct image_server, upstream->servers.first);
	uint32_t i;

	add_number(out, upstream->balance);
	add_number(out, upstream->connect_ms);
	add_number(out, upstream->max_idle);
	add_number(out, upstream->idle_ms);
	add_number(out, upstream->max_failures);
	add_number(out, upstream->fail_ms);
	add_number(out, upstream->resolve_ms);
	for (i = 0; i < upstream->servers.count; i++) {
		add_number(out, server[i].id);
		add_number(out, server[i].weight);
	}
}

/* The hash of each API's part in its routes. */
static uint64_t *
apis_hash(const struct image_head *image, const struct image_head *other)
{
	uint32_t count = image->sections[IMAGE_APIS].count, i;
	uint64_t *hashes = mem_array(count, sizeof *hashes);
	struct dump_mounts mounts;
	struct buf text;

	dump_mounts_open(image, &mounts);
	buf_open(&text);
	for (i = 0; i < count; i++) {
		text.len = 0;
		add_api(&text, image, i, &mounts, other);
		hashes[i] = hash_slice(buf_slice(&text), 0);
	}
	buf_close(&text);
	dump_mounts_close(&mounts);
	return hashes;
}

static int
item_cmp(const void *a_p, const void *b_p)
{
	const struct item *a = a_p, *b = b_p;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static void
item_fill(struct item *item, const struct image_head *image,
    enum diff_kind kind, const uint64_t *apis, struct buf *text)
{
	const struct image_route *route = IMAGE_AT(image, IMAGE_ROUTES,
	    struct image_route, item->index);
	const struct image_listener *listener = IMAGE_AT(image,
	    IMAGE_LISTENERS, struct image_listener, item->index);
	const struct image_upstream *upstream = IMAGE_AT(image,
	    IMAGE_UPSTREAMS, struct image_upstream, item->index);

	text->len = 0;
	switch (kind) {
	case DIFF_ROUTES:
		item->id = route->id;
		add_number(text, apis[route->api]);
		add_route(text, image, route);
		break;
	case DIFF_LISTENERS:
		item->id = listener->id;
		add_listener(text, image, listener);
		break;
	case DIFF_UPSTREAMS:
		item->id = upstream->id;
		add_upstream(text, image, upstream);
		break;
	case DIFF_KINDS:
		break;
	}
	item->content = hash_slice(buf_slice(text), 0);
}

static void
items_open(struct items *items, const struct image_head *image,
    const struct image_head *other, enum diff_kind kind)
{
	uint64_t *apis = kind == DIFF_ROUTES ? apis_hash(image, other) : NULL;
	struct buf text;
	uint32_t i;

	items->image = image;
	items->kind = kind;
	items->count = image->sections[kinds[kind].section].count;
	items->at = mem_array(items->count, sizeof *items->at);
	items->sorted = mem_array(items->count, sizeof *items->sorted);
	buf_open(&text);
	for (i = 0; i < items->count; i++) {
		items->at[i].index = i;
		item_fill(&items->at[i], image, kind, apis, &text);
		items->sorted[i] = items->at[i];
	}
	qsort(items->sorted, items->count, sizeof *items->sorted, item_cmp);
	buf_close(&text);
	free(apis);
}

static void
items_close(struct items *items)
{
	free(items->at);
	free(items->sorted);
}

static int
id_cmp(const void *key, const void *item)
{
	uint64_t a = *(const uint64_t *)key;
	uint64_t b = ((const struct item *)item)->id;

	return a < b ? -1 : a > b;
}

static const struct item *
items_find(const struct items *items, uint64_t id)
{
	return bsearch(&id, items->sorted, items->count,
	    sizeof *items->sorted, id_cmp);
}

/* Tell fn of all changes of a kind: new and changed things, then lost ones. */
static void
diff_kind_run(const struct image_head *older, const struct image_head *newer,
    enum diff_kind kind, diff_fn *fn, void *ctx)
{
	struct items before, after;
	const struct item *twin;
	uint32_t i;

	items_open(&before, older, newer, kind);
	items_open(&after, newer, older, kind);
	for (i = 0; i < after.count; i++) {
		twin = items_find(&before, after.at[i].id);
		if (twin == NULL)
			fn(ctx, kind, DIFF_ADDED, newer, i);
		else if (twin->content != after.at[i].content)
			fn(ctx, kind, DIFF_CHANGED, newer, i);
	}
	for (i = 0; i < before.count; i++)
		if (items_find(&after, before.at[i].id) == NULL)
			fn(ctx, kind, DIFF_REMOVED, older, i);
	items_close(&before);
	items_close(&after);
}

static void
diff_run(const struct image_head *older, const struct image_head *newer,
    diff_fn *fn, void *ctx)
{
	enum diff_kind kind;

	for (kind = DIFF_ROUTES; kind < DIFF_KINDS; kind++)
		diff_kind_run(older, newer, kind, fn, ctx);
}

struct diff_counts {
	unsigned of[DIFF_KINDS][DIFF_CHANGES];
};

static void
count_cb(void *ctx, enum diff_kind kind, enum diff_change change,
    const struct image_head *image, uint32_t index)
{
	struct diff_counts *counts = ctx;

	(void)image;
	(void)index;
	counts->of[kind][change]++;
}

/* How many routes, listeners and upstreams come, go and change. */
void
table_changes_count(const struct image_head *older,
    const struct image_head *newer, struct table_changes *changes)
{
	struct diff_counts counts = { 0 };

	diff_run(older, newer, count_cb, &counts);
	*changes = (struct table_changes){
		.routes_added = counts.of[DIFF_ROUTES][DIFF_ADDED],
		.routes_removed = counts.of[DIFF_ROUTES][DIFF_REMOVED],
		.routes_changed = counts.of[DIFF_ROUTES][DIFF_CHANGED],
		.listeners_added = counts.of[DIFF_LISTENERS][DIFF_ADDED],
		.listeners_removed = counts.of[DIFF_LISTENERS][DIFF_REMOVED],
		.listeners_changed = counts.of[DIFF_LISTENERS][DIFF_CHANGED],
		.upstreams_added = counts.of[DIFF_UPSTREAMS][DIFF_ADDED],
		.upstreams_removed = counts.of[DIFF_UPSTREAMS][DIFF_REMOVED],
		.upstreams_changed = counts.of[DIFF_UPSTREAMS][DIFF_CHANGED],
	};
}

/* "pets GET /cats", "public *:8080", "cats". */
static void
thing_write(const struct image_head *image, enum diff_kind kind,
    uint32_t index, struct buf *out)
{
	const struct image_listener *listener = IMAGE_AT(image,
	    IMAGE_LISTENERS, struct image_listener, index);
	const struct image_route *route = IMAGE_AT(image, IMAGE_ROUTES,
	    struct image_route, index);

	if (kind == DIFF_UPSTREAMS) {
		buf_add_slice(out, image_slice(image, IMAGE_AT(image,
		    IMAGE_UPSTREAMS, struct image_upstream, index)->name));
	} else if (kind == DIFF_LISTENERS) {
		buf_add_slice(out, image_slice(image, listener->name));
		buf_add_char(out, ' ');
		dump_address(image, &listener->address, out);
	} else {
		buf_add_slice(out, image_slice(image, IMAGE_AT(image,
		    IMAGE_APIS, struct image_api, route->api)->name));
		buf_add_char(out, ' ');
		buf_add_slice(out, image_slice(image, route->key));
	}
}

static void
text_cb(void *ctx, enum diff_kind kind, enum diff_change change,
    const struct image_head *image, uint32_t index)
{
	struct buf *out = ctx;

	buf_printf(out, "%c %s ", changes_said[change].mark, kinds[kind].one);
	thing_write(image, kind, index, out);
	buf_add_char(out, '\n');
}

/* The things of one kind that one change happened to. */
struct json_list {
	struct buf *out;
	enum diff_change change;
	bool comma;
};

static void
json_cb(void *ctx, enum diff_kind kind, enum diff_change change,
    const struct image_head *image, uint32_t index)
{
	struct json_list *list = ctx;
	struct buf thing;

	if (change != list->change)
		return;
	if (list->comma)
		buf_add_char(list->out, ',');
	list->comma = true;
	buf_open(&thing);
	thing_write(image, kind, index, &thing);
	dump_json_text(list->out, buf_slice(&thing));
	buf_close(&thing);
}

static void
diff_json(const struct image_head *older, const struct image_head *newer,
    struct buf *out)
{
	struct json_list list = { .out = out };
	enum diff_kind kind;

	buf_add_char(out, '{');
	for (kind = DIFF_ROUTES; kind < DIFF_KINDS; kind++) {
		buf_printf(out, "%s\"%s\":{", kind > 0 ? "," : "",
		    kinds[kind].many);
		for (list.change = DIFF_ADDED; list.change < DIFF_CHANGES;
		    list.change++) {
			buf_printf(out, "%s\"%s\":[", list.change > 0 ? "," :
			    "", changes_said[list.change].name);
			list.comma = false;
			diff_kind_run(older, newer, kind, json_cb, &list);
			buf_add_char(out, ']');
		}
		buf_add_char(out, '}');
	}
	buf_add_text(out, "}\n");
}

/*
 * Lines "+ route pets GET /cats", "- …" for what is gone and "~ …" for what
 * has changed from older to newer; or the same as JSON.
 */
void
table_dump_diff(const struct image_head *older,
    const struct image_head *newer, bool json, struct buf *out)
{
	size_t from = out->len;

	if (json) {
		diff_json(older, newer, out);
		return;
	}
	diff_run(older, newer, text_cb, out);
	if (out->len == from)
		buf_add_text(out, "no differences in routes, listeners and "
		    "upstreams\n");
}
