/*
 * table/match.c - host -> API -> stage -> route
 *
 * The hot half of routing. It reads a checked image and the bytes of one
 * request, allocates nothing, decodes nothing: a path is matched as it was
 * received, so that no later reader of the same path can see another one.
 *
 * Going down a path tree prefers a static segment to {name} and that to
 * {name+}, and takes a step back where the method has no route. Each node of
 * the tree has one parent (image_check) and is therefore met at most once per
 * request: what a client sends cannot make the search larger than the tree.
 */

#include "table/match.h"

#define HOST_MAX 255

/* One search below the root of an API. */
struct walk {
	const struct image_head *image;
	const struct image_node *nodes;
	uint64_t methods;	/* bits of node.methods that will do */
	size_t end;		/* of the path, for matching */
	bool deeper;		/* the path has more segments than recorded */
	struct match *match;
	uint64_t hashes[IMAGE_SEGMENTS_MAX];
};

static bool
text_eq(const struct image_head *image, struct image_text text,
    struct slice with)
{
	return text.len == with.len &&
	    memcmp(image_slice(image, text).at, with.at, with.len) == 0;
}

/* Does the edge stand for this segment? */
static bool
edge_is(const struct image_head *image, const struct image_edge *edge,
    struct slice segment)
{
	if (edge->segment.len != segment.len)
		return false;
	if (segment.len <= IMAGE_EDGE_START)
		return memcmp(edge->start, segment.at, segment.len) == 0;
	return text_eq(image, edge->segment, segment);
}

/* The child of node for a static segment, or 0. */
static uint32_t
edge_find(const struct image_head *image, uint32_t node,
    struct slice segment, uint64_t segment_hash)
{
	const struct image_edge *edges = image_array(image, IMAGE_EDGE_SLOTS);
	uint32_t mask = image->sections[IMAGE_EDGE_SLOTS].count - 1;
	uint32_t at = (uint32_t)image_edge_hash(segment_hash, node) & mask;

	while (edges[at].child != 0) {
		if (edges[at].node == node &&
		    edge_is(image, &edges[at], segment))
			return edges[at].child;
		at = (at + 1) & mask;
	}
	return 0;
}

static uint32_t
host_find(const struct image_head *image, uint32_t listener,
    struct slice host)
{
	const struct image_host *hosts = image_array(image, IMAGE_HOST_SLOTS);
	uint32_t mask = image->sections[IMAGE_HOST_SLOTS].count - 1;
	uint32_t at = (uint32_t)image_host_hash(host, listener) & mask;

	while (hosts[at].node != 0) {
		if (hosts[at].listener == listener &&
		    text_eq(image, hosts[at].name, host))
			return hosts[at].node;
		at = (at + 1) & mask;
	}
	return 0;
}

/*
 * A Host field's value without port and final dot, in lower. Too long a name
 * becomes "", which is in no table of names.
 */
static struct slice
host_canonical(struct slice host, char lower[HOST_MAX])
{
	size_t i;

	if (host.len > 0 && host.at[0] == '[') {
		for (i = 0; i < host.len && host.at[i] != ']'; i++)
			;
		host.len = i < host.len ? i + 1 : i;
	} else {
		for (i = 0; i < host.len && host.at[i] != ':'; i++)
			;
		host.len = i;
	}
	if (host.len > 1 && host.at[host.len - 1] == '.')
		host.len--;
	if (host.len > HOST_MAX)
		host.len = 0;
	for (i = 0; i < host.len; i++)
		lower[i] = ascii_lower(host.at[i]);
	return slice_of(lower, host.len);
}

/* Leading slashes are one: "///a" -> "/a". */
static struct slice
collapse(struct slice path)
{
	while (path.len > 1 && path.at[1] == '/') {
		path.at++;
		path.len--;
	}
	return path;
}

/*
 * The deepest node on path's way from node that ends a base path. Fills
 * stage, api and path in match and returns true, or returns false.
 */
static bool
base_path_find(const struct image_head *image, uint32_t node,
    struct slice path, struct match *match)
{
	const struct image_node *nodes = image_array(image, IMAGE_NODES);
	uint32_t stage = nodes[node].stage;
	size_t at = 0, rest = 0;
	struct slice segment;
	const char *slash;

	path = collapse(path);
	while (at + 1 < path.len && nodes[node].edges > 0) {
		segment = slice_of(path.at + at + 1, path.len - at - 1);
		slash = memchr(segment.at, '/', segment.len);
		if (slash != NULL)
			segment.len = (size_t)(slash - segment.at);
		node = edge_find(image, node, segment, hash_slice(segment, 0));
		if (node == 0)
			break;
		at += 1 + segment.len;
		if (nodes[node].stage != IMAGE_NONE) {
			stage = nodes[node].stage;
			rest = at;
		}
	}
	if (stage == IMAGE_NONE)
		return false;
	match->stage = IMAGE_AT(image, IMAGE_STAGES, struct image_stage,
	    stage);
	match->api = IMAGE_AT(image, IMAGE_APIS, struct image_api,
	    match->stage->api);
	match->path = rest < path.len ? collapse(slice_of(path.at + rest,
	    path.len - rest)) : SLICE("/");
	return true;
}

/* Try the base paths of one name of the host; 0 when it has none. */
static bool
try_host(const struct image_head *image, uint32_t node, struct slice path,
    struct match *match)
{
	if (node == 0)
		return false;
	match->result = MATCH_NO_STAGE;
	return base_path_find(image, node, path, match);
}

static bool
try_names(const struct image_head *image, unsigned listener, uint32_t kinds,
    struct slice host, struct slice path, struct match *match)
{
	char lower[HOST_MAX];
	struct slice name = host_canonical(host, lower);
	size_t i;

	if (name.len == 0)
		return false;
	if ((kinds & IMAGE_HOST_EXACT) && try_host(image, host_find(image,
	    listener, name), path, match))
		return true;
	for (i = 1; (kinds & IMAGE_HOST_SUFFIX) && i < name.len; i++)
		if (name.at[i] == '.' && try_host(image, host_find(image,
		    listener, slice_of(name.at + i, name.len - i)), path,
		    match))
			return true;
	return false;
}

/*
 * The first half of table_match: API, stage and the path that is left. The
 * exact host is tried first, then the longest suffix, then any host; one that
 * has no fitting base path gives way to the next. Returns false with result
 * MATCH_NO_HOST or MATCH_NO_STAGE when there is none.
 */
bool
table_match_stage(const struct image_head *image, unsigned listener,
    struct slice host, struct slice path, struct match *match)
{
	const struct image_listener *at = IMAGE_AT(image, IMAGE_LISTENERS,
	    struct image_listener, listener);

	match->result = MATCH_NO_HOST;
	match->api = NULL;
	match->stage = NULL;
	match->route = NULL;
	match->path = path;
	match->nsegments = 0;
	if (listener >= image->sections[IMAGE_LISTENERS].count)
		return false;
	if (path.len == 0 || path.at[0] != '/')
		path = SLICE("");
	if ((at->host_kinds != 0 && try_names(image, listener, at->host_kinds,
	    host, path, match)) || try_host(image, at->any_host, path,
	    match)) {
		match->result = MATCH_NO_ROUTE;
		return true;
	}
	return false;
}

/* Cut match->path into segments; their hashes are made here, once. */
static void
split(struct walk *walk)
{
	struct match *match = walk->match;
	struct slice path = match->path, segment;
	size_t at = 1, end = path.len;
	const char *slash;
	unsigned n = 0;

	if (match->api->kind == IMAGE_KIND_REST)
		while (end > 1 && path.at[end - 1] == '/')
			end--;
	walk->end = end;
	walk->deeper = false;
	while (at < end || (at == end && n > 0)) {
		segment = slice_of(path.at + at, end - at);
		slash = memchr(segment.at, '/', segment.len);
		if (slash != NULL)
			segment.len = (size_t)(slash - segment.at);
		if (n == IMAGE_SEGMENTS_MAX || at + segment.len > UINT16_MAX) {
			walk->deeper = true;
			break;
		}
		match->segments[n].at = (uint16_t)at;
		match->segments[n].len = (uint16_t)segment.len;
		walk->hashes[n++] = hash_slice(segment, 0);
		at += segment.len + 1;
	}
	match->nsegments = n;
}

static void
walk_open(struct walk *walk, const struct image_head *image,
    struct match *match)
{
	walk->image = image;
	walk->nodes = image_array(image, IMAGE_NODES);
	walk->match = match;
	split(walk);
}

/* The route of a node that will do, the explicit method before ANY. */
static const struct image_route *
node_route(const struct walk *walk, const struct image_node *node)
{
	uint64_t usable = node->methods & walk->methods, below;

	if (usable == 0)
		return NULL;
	below = (usable & -usable) - 1;		/* ANY is the highest bit */
	return IMAGE_AT(walk->image, IMAGE_ROUTES, struct image_route,
	    node->routes + (uint32_t)__builtin_popcountll(
	    node->methods & below));
}

static bool
segment_static(const struct walk *walk, unsigned depth, uint32_t node,
    uint32_t *child_r)
{
	const struct match_segment *segment = &walk->match->segments[depth];

	*child_r = edge_find(walk->image, node, slice_of(
	    walk->match->path.at + segment->at, segment->len),
	    walk->hashes[depth]);
	return *child_r != 0;
}

static const struct image_route *
descend(const struct walk *walk, uint32_t at, unsigned depth)
{
	const struct image_node *node = &walk->nodes[at];
	const struct match *match = walk->match;
	const struct image_route *route = NULL;
	uint32_t child;

	if (depth == match->nsegments)
		return walk->deeper ? NULL : node_route(walk, node);
	if (node->edges > 0 && segment_static(walk, depth, at, &child))
		route = descend(walk, child, depth + 1);
	if (route == NULL && node->param != 0 &&
	    match->segments[depth].len > 0)
		route = descend(walk, node->param, depth + 1);
	if (route == NULL && node->greedy != 0 &&
	    match->segments[depth].at < walk->end)
		route = node_route(walk, &walk->nodes[node->greedy]);
	return route;
}

/*
 * Find the route for a request on listener (an index): host is the Host
 * field's value as received, method http-parser's number, path the target up
 * to its '?', starting with '/'. Everything in match is set; its slices point
 * into path. Contract: 1.1, 1.3, 5.1, 9.6.
 */
void
table_match(const struct image_head *image, unsigned listener,
    struct slice host, unsigned method, struct slice path,
    struct match *match)
{
	const uint64_t any = UINT64_C(1) << IMAGE_METHOD_ANY;
	const struct image_api *api;
	struct walk walk;

	if (!table_match_stage(image, listener, host, path, match))
		return;
	api = match->api;
	walk_open(&walk, image, match);
	walk.methods = method < IMAGE_METHODS ? UINT64_C(1) << method : 0;
	if (api->kind == IMAGE_KIND_HTTP ||
	    (walk.methods & IMAGE_METHODS_REST_ANY))
		walk.methods |= any;
	match->route = descend(&walk, api->root, 0);
	if (match->route == NULL && api->default_route != IMAGE_NONE)
		match->route = IMAGE_AT(image, IMAGE_ROUTES,
		    struct image_route, api->default_route);
	/* A damaged image could lead into another API's tree. */
	if (match->route != NULL && match->route->api == match->stage->api)
		match->result = MATCH_ROUTE;
	else
		match->route = NULL;
}

/*
 * The value of a route's parameter, percent-encoded as received; for a REST
 * greedy one without trailing slashes. Empty when the path is shorter, as
 * with the default route.
 */
struct slice
match_param(const struct match *match, const struct image_param *param)
{
	const struct match_segment *segment;
	size_t end = match->path.len;

	if (param->segment >= match->nsegments)
		return SLICE_NONE;
	segment = &match->segments[param->segment];
	if (!param->greedy)
		return slice_of(match->path.at + segment->at, segment->len);
	if (match->api->kind == IMAGE_KIND_REST)
		while (end > segment->at && match->path.at[end - 1] == '/')
			end--;
	return slice_of(match->path.at + segment->at, end - segment->at);
}

static uint64_t
methods_below(const struct walk *walk, uint32_t at, unsigned depth)
{
	const struct image_node *node = &walk->nodes[at];
	const struct match *match = walk->match;
	uint64_t methods = 0;
	uint32_t child;

	if (depth == match->nsegments)
		return walk->deeper ? 0 : node->methods;
	if (segment_static(walk, depth, at, &child))
		methods |= methods_below(walk, child, depth + 1);
	if (node->param != 0 && match->segments[depth].len > 0)
		methods |= methods_below(walk, node->param, depth + 1);
	if (node->greedy != 0 && match->segments[depth].at < walk->end)
		methods |= walk->nodes[node->greedy].methods;
	return methods;
}

/*
 * All methods that have a route for match's path, ANY as its own bit; match
 * went through table_match and knows its API. 0: no resource fits the path.
 */
uint64_t
match_methods(const struct image_head *image, const struct match *match)
{
	struct match copy = *match;
	struct walk walk;

	if (match->api == NULL)
		return 0;
	walk_open(&walk, image, &copy);
	return methods_below(&walk, match->api->root, 0);
}
