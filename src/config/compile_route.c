/*
 * config/compile_route.c - the methods of an API's paths
 *
 * Every method is gathered first, with the node of its path, and sorted by
 * node and method: the routes of one node stand together in the image, in the
 * order of their method bits. "Enable CORS" adds its preflights among them.
 */

#include "config/compile_private.h"

#include <stdlib.h>

#include "util/hash.h"
#include "util/mem.h"

#define ROUTE_DEFAULT	SLICE("$default")

/* One of them, as small as it can be: there may be many to sort. */
struct gathered {
	const struct spec_resource *resource;
	const struct spec_method *method;	/* NULL: a preflight is made */
	struct slice path;
	uint32_t node;
	unsigned bit;
	unsigned order;		/* as the file has it */
};

/* The routes of one API while they are gathered. */
struct gather {
	struct compile *compile;
	const struct spec_api *api;
	uint32_t api_index;
	uint32_t root;
	struct gathered *routes;	/* owned */
	unsigned count, room;
};

static struct spec_place
route_place(const struct gathered *route)
{
	return route->method != NULL ? route->method->place :
	    route->resource->place;
}

/* The name in a segment "{name}" or "{name+}"; empty for a static one. */
static struct slice
param_name(struct slice segment, bool *greedy_r)
{
	if (!slice_starts(segment, SLICE("{")) ||
	    !slice_ends(segment, SLICE("}")))
		return SLICE("");
	segment = slice_of(segment.at + 1, segment.len - 2);
	*greedy_r = slice_ends(segment, SLICE("+"));
	if (*greedy_r)
		segment.len--;
	return segment;
}

/* Refuse a path that the image cannot represent. */
static int
path_check(struct compile *compile, struct slice path,
    struct spec_place place)
{
	struct slice rest, segment, name;
	unsigned segments = 0, params = 0;
	bool greedy = false;

	if (!slice_starts(path, SLICE("/")))
		return compile_error(compile, place, "path \"%.*s\" does not "
		    "begin with '/'", (int)path.len, path.at);
	rest = slice_of(path.at + 1, path.len - 1);
	while (rest.len > 0) {
		segment = slice_until(&rest, '/');
		name = param_name(segment, &greedy);
		if (++segments > IMAGE_SEGMENTS_MAX)
			return compile_error(compile, place, "path has more "
			    "than %d segments", IMAGE_SEGMENTS_MAX);
		if (segment.len == 0)
			return compile_error(compile, place, "path \"%.*s\" "
			    "has an empty segment", (int)path.len, path.at);
		if (name.len > 0 && ++params > IMAGE_PARAMS_MAX)
			return compile_error(compile, place, "path has more "
			    "than %d parameters", IMAGE_PARAMS_MAX);
		if (name.len > 0 && greedy && rest.at != NULL)
			return compile_error(compile, place, "{%.*s+} is not "
			    "the last segment", (int)name.len, name.at);
	}
	return 0;
}

static struct gathered *
gather_next(struct gather *gather)
{
	struct gathered *route;

	if (gather->count == gather->room) {
		gather->room = gather->room * 2 + 16;
		gather->routes = mem_grow(gather->routes, gather->room,
		    sizeof *gather->routes);
	}
	route = &gather->routes[gather->count];
	*route = (struct gathered){ .order = gather->count++ };
	return route;
}

static int
gather_method(struct gather *gather, const struct spec_resource *resource,
    const struct spec_method *method, struct slice path)
{
	struct gathered *route = gather_next(gather);

	route->resource = resource;
	route->method = method;
	route->path = path;
	route->bit = IMAGE_METHOD_OPTIONS;
	if (method != NULL)
		route->bit = image_method_find(method->method);
	if (route->bit == IMAGE_NONE)
		return compile_error(gather->compile, method->place,
		    "\"%.*s\" is not an HTTP method", (int)method->method.len,
		    method->method.at);
	if (path_check(gather->compile, path, route_place(route)) < 0)
		return -1;
	route->node = build_path(gather->compile->build, gather->root, path);
	return 0;
}

static const struct spec_cors *
cors_of(const struct spec_api *api, const struct spec_resource *resource)
{
	if (resource != NULL && resource->cors.set)
		return &resource->cors;
	return api->cors.set ? &api->cors : NULL;
}

static int
gather_resource(struct gather *gather, const struct spec_resource *resource)
{
	struct slice path = resource->path;
	bool own_options = false;
	size_t i;

	while (path.len > 1 && slice_ends(path, SLICE("/")))
		path.len--;
	for (i = 0; i < resource->nmethods; i++) {
		if (slice_eq(resource->methods[i].method, SLICE("OPTIONS")))
			own_options = true;
		if (gather_method(gather, resource, &resource->methods[i],
		    path) < 0)
			return -1;
	}
	if (cors_of(gather->api, resource) == NULL || own_options)
		return 0;
	return gather_method(gather, resource, NULL, path);
}

static int
gather_all(struct gather *gather)
{
	const struct spec_api *api = gather->api;
	struct gathered *route;
	size_t i;

	for (i = 0; i < api->nresources; i++)
		if (gather_resource(gather, &api->resources[i]) < 0)
			return -1;
	for (i = 0; i < api->nroutes; i++) {
		if (!slice_eq(api->routes[i].method, ROUTE_DEFAULT)) {
			if (gather_method(gather, NULL, &api->routes[i],
			    api->routes[i].path) < 0)
				return -1;
			continue;
		}
		route = gather_next(gather);
		route->method = &api->routes[i];
	}
	return 0;
}

/* By node and method; $default, which has no node, comes last. */
static int
route_cmp(const void *a_r, const void *b_r)
{
	const struct gathered *a = a_r, *b = b_r;

	if (a->node != b->node)
		return a->node - 1 < b->node - 1 ? -1 : 1;
	if (a->bit != b->bit)
		return a->bit < b->bit ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Two routes for one path and method, or two resources for one path. */
static int
check_twins(struct gather *gather)
{
	const struct gathered *a, *b;
	struct spec_place place;
	unsigned i;

	for (i = 1; i < gather->count; i++) {
		a = &gather->routes[i - 1];
		b = &gather->routes[i];
		if (a->node != b->node ||
		    (a->bit != b->bit && a->resource == b->resource))
			continue;
		place = route_place(a);
		if (a->node == 0)
			return compile_error(gather->compile, route_place(b),
			    "$default stands at %s:%u already", place.file,
			    place.line);
		return compile_error(gather->compile, route_place(b),
		    "\"%.*s\" stands for the same requests as \"%.*s\" at "
		    "%s:%u", (int)b->path.len, b->path.at, (int)a->path.len,
		    a->path.at, place.file, place.line);
	}
	return 0;
}

static int
text_cmp(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* "GET,OPTIONS": the methods of a resource and OPTIONS, sorted. */
static struct slice
methods_of(struct compile *compile, const struct spec_resource *resource)
{
	struct slice *names = mem_array(resource->nmethods + 1, sizeof *names);
	struct slice joined = SLICE("DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT");
	struct buf text;
	size_t i;

	names[0] = SLICE("OPTIONS");
	for (i = 0; i < resource->nmethods; i++) {
		names[i + 1] = resource->methods[i].method;
		if (slice_eq(names[i + 1], SLICE("ANY")))
			goto done;
	}
	qsort(names, resource->nmethods + 1, sizeof *names, text_cmp);
	buf_open(&text);
	for (i = 0; i <= resource->nmethods; i++) {
		if (i > 0 && slice_eq(names[i], names[i - 1]))
			continue;
		if (i > 0)
			buf_add_char(&text, ',');
		buf_add_slice(&text, names[i]);
	}
	joined = compile_text(compile, &text);
	buf_close(&text);
done:
	free(names);
	return joined;
}

/* The static fields of a route: towards the backend, and on every answer. */
static void
lines_compile(struct gather *gather, const struct compile_route *route,
    bool cors, struct image_route *record)
{
	static const struct spec_pairs none;
	const struct spec_api *api = gather->api;
	const struct spec_resource *resource = route->resource;
	const struct spec_method *method = route->method;
	const struct spec_pairs *request[COMPILE_LEVELS] = {
		&api->request_headers,
		resource != NULL ? &resource->request_headers : &none,
		method != NULL ? &method->request_headers : &none,
		method != NULL ? &method->integration.request_headers : &none,
	};
	const struct spec_pairs *response[COMPILE_LEVELS] = {
		&api->response_headers,
		resource != NULL ? &resource->response_headers : &none,
		method != NULL ? &method->response_headers : &none,
		method != NULL ? &method->integration.response_headers : &none,
	};
	struct compile_lines lines;

	lines = compile_lines(gather->compile, request, COMPILE_LEVELS, false);
	record->request_lines = lines.lines;
	record->request_names = lines.names;
	lines = compile_lines(gather->compile, response, COMPILE_LEVELS, cors);
	record->response_lines = lines.lines;
	record->response_names = lines.names;
}

/*
 * The policy of a route. A REST preflight carries the fields of its resource
 * and API; an HTTP API's policy is one for all its routes.
 */
static uint32_t
route_cors(struct gather *gather, const struct compile_route *route)
{
	const struct spec_cors *cors = cors_of(gather->api, route->resource);
	const struct spec_pairs *levels[2];
	const struct image_api *api;
	struct compile_lines lines;

	if (cors == NULL)
		return IMAGE_NONE;
	if (route->resource == NULL) {
		api = build_at(gather->compile->build, IMAGE_APIS,
		    gather->api_index);
		return api->cors;
	}
	levels[0] = &gather->api->response_headers;
	levels[1] = &route->resource->response_headers;
	lines = compile_lines(gather->compile, levels, 2, true);
	return compile_cors(gather->compile, cors, true,
	    methods_of(gather->compile, route->resource), lines.lines);
}

/* Key and resource share their bytes: "GET /cats/{id}". */
static void
key_compile(struct gather *gather, const struct compile_route *route,
    struct image_route *record)
{
	struct table_build *build = gather->compile->build;
	struct buf text;
	size_t at;

	buf_open(&text);
	buf_add_slice(&text, gather->api->name);
	buf_add_char(&text, ' ');
	at = text.len;
	if (route->node == 0)
		buf_add_slice(&text, ROUTE_DEFAULT);
	else
		buf_printf(&text, "%s %.*s", image_method_name(route->bit),
		    (int)route->path.len, route->path.at);
	record->id = hash_slice(buf_slice(&text), 5);
	record->key = build_text(build, slice_of(text.at + at, text.len - at));
	buf_close(&text);
	if (route->node == 0)
		return;
	record->resource.at = record->key.at + record->key.len -
	    (uint32_t)route->path.len;
	record->resource.len = (uint32_t)route->path.len;
}

/* The parameters of a checked path; their names are kept in route. */
static struct image_run
params_compile(struct compile *compile, struct compile_route *route)
{
	struct image_param params[IMAGE_PARAMS_MAX] = { 0 };
	struct slice rest = route->path, name;
	uint32_t at = 0;
	unsigned n = 0;
	bool greedy = false;

	slice_until(&rest, '/');
	for (; rest.at != NULL; at++) {
		name = param_name(slice_until(&rest, '/'), &greedy);
		if (name.len == 0)
			continue;
		params[n].name = build_text(compile->build, name);
		params[n].segment = at;
		params[n].greedy = greedy;
		route->params[n++] = name;
	}
	route->nparams = n;
	return build_run(compile->build, IMAGE_PARAMS, params, n);
}

/* Hang a route's record at its node, behind those of lower methods. */
static void
route_place_at(struct table_build *build, const struct compile_route *route,
    uint32_t index)
{
	struct image_node *node = build_at(build, IMAGE_NODES, route->node);
	struct image_api *api;

	if (route->node == 0) {
		api = build_at(build, IMAGE_APIS, route->api_index);
		api->default_route = index;
		return;
	}
	if (node->methods == 0)
		node->routes = index;
	node->methods |= UINT64_C(1) << route->bit;
}

static int
route_compile(struct gather *gather, const struct gathered *from)
{
	struct compile *compile = gather->compile;
	struct compile_route full = {
		.api = gather->api, .resource = from->resource,
		.method = from->method, .path = from->path,
		.api_index = gather->api_index, .node = from->node,
		.bit = from->bit,
	}, *route = &full;
	struct image_route record = {
		.api = gather->api_index, .integration = IMAGE_NONE,
	};

	key_compile(gather, route, &record);
	record.params = params_compile(compile, route);
	record.cors = route_cors(gather, route);
	lines_compile(gather, route, record.cors != IMAGE_NONE, &record);
	if (route->node == 0)
		record.flags |= IMAGE_ROUTE_DEFAULT;
	if (route->method == NULL)
		record.flags |= IMAGE_ROUTE_PREFLIGHT;
	else if (slice_eq(route->method->method, SLICE("OPTIONS")))
		record.flags |= IMAGE_ROUTE_OWN_OPTIONS;
	if (route->method != NULL && compile_integration(compile, route,
	    &record.integration) < 0)
		return -1;
	route_place_at(compile->build, route, build_add(compile->build,
	    IMAGE_ROUTES, &record));
	return 0;
}

/* All routes of an API whose record is there already, with its root. */
int
compile_routes(struct compile *compile, const struct spec_api *api,
    uint32_t api_index)
{
	struct image_api *record = build_at(compile->build, IMAGE_APIS,
	    api_index);
	struct gather gather = {
		.compile = compile, .api = api, .api_index = api_index,
		.root = record->root,
	};
	int result = -1;
	unsigned i;

	record->first_route = build_count(compile->build, IMAGE_ROUTES);
	if (gather_all(&gather) < 0)
		goto free;
	if (gather.count > 1)
		qsort(gather.routes, gather.count, sizeof *gather.routes,
		    route_cmp);
	if (check_twins(&gather) < 0)
		goto free;
	for (i = 0; i < gather.count; i++)
		if (route_compile(&gather, &gather.routes[i]) < 0)
			goto free;
	record = build_at(compile->build, IMAGE_APIS, api_index);
	record->routes = gather.count;
	result = 0;
free:
	free(gather.routes);
	return result;
}
