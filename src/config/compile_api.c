/*
 * config/compile_api.c - APIs, their stages, and where they are mounted
 *
 * A stage is mounted under its base path for each of its hosts on each
 * listener of its API; below that, all stages of an API share one tree of
 * paths. No two stages can hold the same place.
 */

#include "config/compile_private.h"

#include <stdlib.h>

#include "util/mem.h"

#define HOST_MAX_LENGTH	253

/* Where one API's stages are put. */
struct mount {
	struct compile *compile;
	const struct spec_api *api;
	uint32_t api_index;
	uint64_t listeners;	/* a bit per listener of the file */
};

static bool
is_rest(const struct spec_api *api)
{
	return slice_eq(api->protocol, SLICE("REST"));
}

static int
listener_find(struct compile *compile, const struct spec_api *api,
    struct slice name, size_t *index_r)
{
	const struct spec *spec = compile->spec;
	size_t i;

	for (i = 0; i < spec->nlisteners; i++)
		if (slice_eq(spec->listeners[i].name, name)) {
			*index_r = i;
			return 0;
		}
	return compile_error(compile, api->place,
	    "there is no listener \"%.*s\"", (int)name.len, name.at);
}

/* The listeners that an API names, or all that are not private. */
static int
listeners_of(struct compile *compile, const struct spec_api *api,
    uint64_t *listeners_r)
{
	const struct spec *spec = compile->spec;
	uint64_t listeners = 0;
	size_t i, index = 0;

	for (i = 0; i < api->listeners.count; i++) {
		if (listener_find(compile, api, api->listeners.at[i],
		    &index) < 0)
			return -1;
		listeners |= UINT64_C(1) << index;
	}
	for (i = 0; api->listeners.count == 0 && i < spec->nlisteners; i++)
		if (!spec->listeners[i].private_api)
			listeners |= UINT64_C(1) << i;
	*listeners_r = listeners;
	return 0;
}

/* Put a stage where requests for host on listener find it. */
static int
mount_host(struct mount *mount, const struct spec_stage *stage,
    uint32_t stage_index, unsigned listener, struct slice host,
    struct slice base_path)
{
	struct table_build *build = mount->compile->build;
	struct image_node *node;
	struct slice bare = host;
	uint32_t root;

	if (slice_starts(host, SLICE("*.")))
		bare = slice_of(host.at + 2, host.len - 2);
	if (host.len > HOST_MAX_LENGTH || (host.len > 0 && bare.len == 0))
		return compile_error(mount->compile, stage->place,
		    "\"%.*s\" is not a host", (int)host.len, host.at);
	root = build_host_find(build, listener, host);
	if (root == 0) {
		root = build_node(build);
		build_host(build, listener, host, root);
	}
	node = build_at(build, IMAGE_NODES, build_path(build, root,
	    base_path));
	if (node->stage != IMAGE_NONE)
		return compile_error(mount->compile, stage->place,
		    "base_path \"%.*s\" is taken by another stage on host "
		    "\"%.*s\"", (int)base_path.len, base_path.at,
		    host.len > 0 ? (int)host.len : 1,
		    host.len > 0 ? host.at : "*");
	node->stage = stage_index;
	return 0;
}

static int
mount_stage(struct mount *mount, const struct spec_stage *stage,
    uint32_t stage_index, struct slice base_path)
{
	unsigned listener;
	size_t i;

	for (listener = 0; listener < mount->compile->spec->nlisteners;
	    listener++) {
		if (!(mount->listeners >> listener & 1))
			continue;
		for (i = 0; i < stage->hosts.count; i++)
			if (mount_host(mount, stage, stage_index, listener,
			    stage->hosts.at[i], base_path) < 0)
				return -1;
		if (stage->hosts.count == 0 && mount_host(mount, stage,
		    stage_index, listener, SLICE(""), base_path) < 0)
			return -1;
	}
	return 0;
}

static int
pair_cmp(const void *a, const void *b)
{
	return slice_cmp(((const struct spec_pair *)a)->name,
	    ((const struct spec_pair *)b)->name);
}

static struct image_run
variables_compile(struct compile *compile, const struct spec_pairs *pairs)
{
	struct spec_pair *sorted = mem_array(pairs->count, sizeof *sorted);
	struct image_pair *records = mem_array(pairs->count, sizeof *records);
	struct image_run run;
	size_t i;

	for (i = 0; i < pairs->count; i++)
		sorted[i] = pairs->at[i];
	qsort(sorted, pairs->count, sizeof *sorted, pair_cmp);
	for (i = 0; i < pairs->count; i++) {
		records[i].name = build_text(compile->build, sorted[i].name);
		records[i].value = build_text(compile->build, sorted[i].value);
	}
	run = build_run(compile->build, IMAGE_VARIABLES, records,
	    (uint32_t)pairs->count);
	free(sorted);
	free(records);
	return run;
}

/* "/prod" for a stage that gives none, "/" for "$default". */
static struct slice
base_path_of(struct compile *compile, const struct spec_stage *stage)
{
	struct slice path = stage->base_path;
	struct buf text;

	if (path.len == 0 && slice_eq(stage->name, SLICE("$default")))
		return SLICE("/");
	buf_open(&text);
	if (path.len == 0 || path.at[0] != '/')
		buf_add_char(&text, '/');
	buf_add_slice(&text, path.len > 0 ? path : stage->name);
	while (text.len > 1 && text.at[text.len - 1] == '/')
		text.len--;
	path = compile_text(compile, &text);
	buf_close(&text);
	return path;
}

static int
stage_compile(struct mount *mount, const struct spec_stage *stage,
    uint32_t ordinal)
{
	struct compile *compile = mount->compile;
	struct slice base_path = base_path_of(compile, stage);
	struct image_stage record = {
		.api = mount->api_index, .ordinal = ordinal,
	};

	record.name = build_text(compile->build, stage->name);
	record.base_path = build_text(compile->build, base_path);
	record.variables = variables_compile(compile, &stage->variables);
	record.log = compile_log(compile, stage->access_log.set ?
	    &stage->access_log : &compile->spec->access_log);
	return mount_stage(mount, stage, build_add(compile->build,
	    IMAGE_STAGES, &record), base_path);
}

static void
mark_listeners(struct mount *mount)
{
	struct image_listener *listener;
	unsigned i;

	for (i = 0; i < mount->compile->spec->nlisteners; i++) {
		listener = build_at(mount->compile->build, IMAGE_LISTENERS, i);
		if ((mount->listeners >> i & 1) && is_rest(mount->api))
			listener->has_rest = 1;
	}
}

/* An API's own record: all but its stages and routes. */
static uint32_t
api_record(struct compile *compile, const struct spec_api *api)
{
	const struct spec_pairs *level = &api->response_headers;
	struct compile_lines lines = compile_lines(compile, &level, 1,
	    api->cors.set);
	struct image_api record = {
		.name = build_text(compile->build, api->name),
		.id = build_text(compile->build, api->id),
		.kind = is_rest(api) ? IMAGE_KIND_REST : IMAGE_KIND_HTTP,
		.root = build_node(compile->build),
		.default_route = IMAGE_NONE,
		.cors = IMAGE_NONE,
		.stages = { build_count(compile->build, IMAGE_STAGES),
		    (uint32_t)api->nstages },
		.response_lines = lines.lines,
		.response_names = lines.names,
	};
	struct image_text type;
	size_t i;

	record.binary_types.first = build_count(compile->build, IMAGE_NAMES);
	record.binary_types.count = (uint32_t)api->binary_types.count;
	for (i = 0; i < api->binary_types.count; i++) {
		type = build_text(compile->build, api->binary_types.at[i]);
		build_add(compile->build, IMAGE_NAMES, &type);
	}
	if (api->cors.set)
		record.cors = compile_cors(compile, &api->cors, is_rest(api),
		    SLICE(""), lines.lines);
	return build_add(compile->build, IMAGE_APIS, &record);
}

static int
api_compile(struct compile *compile, const struct spec_api *api)
{
	struct mount mount = { .compile = compile, .api = api };
	size_t i;

	if (api->nstages == 0)
		return compile_error(compile, api->place,
		    "api \"%.*s\" has no stages", (int)api->name.len,
		    api->name.at);
	if (listeners_of(compile, api, &mount.listeners) < 0)
		return -1;
	mount.api_index = api_record(compile, api);
	mark_listeners(&mount);
	for (i = 0; i < api->nstages; i++)
		if (stage_compile(&mount, &api->stages[i], (uint32_t)i) < 0)
			return -1;
	return compile_routes(compile, api, mount.api_index);
}

/* All APIs of the file; its listeners and upstreams are compiled already. */
int
compile_apis(struct compile *compile)
{
	static const struct spec_stage whole = {
		.name = { "$default", sizeof "$default" - 1 },
	};
	struct spec_stage stage = whole;
	struct spec_api api;
	size_t i;

	for (i = 0; i < compile->spec->napis; i++) {
		api = compile->spec->apis[i];
		if (api.nstages == 0 && !is_rest(&api)) {
			stage.place = api.place;
			api.stages = &stage;
			api.nstages = 1;
		}
		if (api_compile(compile, &api) < 0)
			return -1;
	}
	return 0;
}
