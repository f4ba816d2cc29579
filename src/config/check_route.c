/*
 * config/check_route.c - the paths and methods of an API
 *
 * Puts all paths of an API into one tree of segments, which finds duplicates,
 * variables that stand in each other's way, and routes that can never match.
 * The sentences for REST resources are those of Amazon API Gateway (contract,
 * 1.2).
 */

#include "config/check_private.h"

#include <stdlib.h>

#include "config/grammar.h"
#include "util/mem.h"

#define REST_ALL	7	/* methods that ANY stands for in a REST API */

/* A place in the tree; the root is number 0. */
struct place {
	struct slice variable;	/* "{name}" or "{name+}" below here */
	size_t param, greedy;	/* children for those; 0 none */
	uint64_t methods;	/* HTTP: routes that end here */
	struct spec_place at;	/* resource or first route that ends here */
};

struct tree {
	struct check *check;
	const struct spec_api *api;
	bool rest;
	struct place *places;	/* owned */
	size_t count, room;
	struct set edges;	/* segment, scope: parent -> child */
	struct set routes;	/* HTTP: method, scope: place -> route */
};

static size_t
place_new(struct tree *tree)
{
	if (tree->count == tree->room) {
		tree->room = tree->room * 2 + 64;
		tree->places = mem_grow(tree->places, tree->room,
		    sizeof *tree->places);
	}
	tree->places[tree->count] = (struct place){ 0 };
	return tree->count++;
}

/* --- segments ------------------------------------------------------------ */

static bool
is_variable(struct slice segment)
{
	return segment.len > 2 && segment.at[0] == '{' &&
	    segment.at[segment.len - 1] == '}';
}

static bool
is_greedy(struct slice segment)
{
	return segment.at[segment.len - 2] == '+';
}

/* What is wrong with a fixed segment, as "expected …"; NULL is fine. */
static const char *
static_expected(const struct tree *tree, struct slice segment)
{
	if (memchr(segment.at, '{', segment.len) != NULL ||
	    memchr(segment.at, '}', segment.len) != NULL)
		return "a parameter that is a whole segment, as in "
		    "\"/{name}\"";
	if (slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE("..")))
		return "no segment \".\" or \"..\"";
	if (slice_eq(segment, SLICE("*")) || slice_eq(segment, SLICE("**")))
		return "\"{name}\" for any one segment or \"{name+}\" for all "
		    "that follow: a star means nothing";
	if (tree->rest && !grammar_chars(segment, "_-.,:$"))
		return "letters, digits and _-.,:$ in a segment";
	if (!grammar_chars(segment, "-._~!$&'()*+,;=:@%"))
		return "letters, digits and -._~!$&'()*+,;=:@ in a segment, "
		    "others percent-encoded";
	return NULL;
}

static int
segment_error(struct tree *tree, struct spec_place at, struct slice path,
    struct slice segment, const char *expected)
{
	check_error(tree->check, at, "segment \"%.*s\" of path \"%.*s\"; "
	    "expected %s", TEXT(segment), TEXT(path), expected);
	return -1;
}

static size_t
step_static(struct tree *tree, size_t from, struct slice segment)
{
	size_t child = tree->count, old;

	if (!set_add(&tree->edges, segment, from, child, &old))
		return old;
	return place_new(tree);
}

/* The child for a variable; 0 when another one is in the way. */
static size_t
step_variable(struct tree *tree, size_t from, struct slice segment,
    struct spec_place at)
{
	struct place *place = &tree->places[from];
	bool greedy = is_greedy(segment);
	size_t child = greedy ? place->greedy : place->param;

	if (tree->rest && place->variable.len > 0 &&
	    !slice_eq(place->variable, segment)) {
		check_error(tree->check, at, "A sibling (%.*s) of this "
		    "resource already has a variable path part -- only one is "
		    "allowed; expected %.*s instead of %.*s",
		    TEXT(place->variable), TEXT(place->variable),
		    TEXT(segment));
		return 0;
	}
	place->variable = segment;
	if (child > 0)
		return child;
	child = place_new(tree);
	if (greedy)
		tree->places[from].greedy = child;
	else
		tree->places[from].param = child;
	return child;
}

/* Note the parameter of a segment. -1 when it cannot be one. */
static int
param_add(struct tree *tree, struct spec_place at, struct slice path,
    struct slice segment, struct check_params *params)
{
	struct slice name = slice_of(segment.at + 1, segment.len - 2);
	size_t i;

	if (is_greedy(segment))
		name.len--;
	if (!grammar_chars(name, "._$:-"))
		return segment_error(tree, at, path, segment, "a name of "
		    "letters, digits and ._$:- between the braces");
	for (i = 0; i < params->count; i++)
		if (slice_eq(params->at[i], name))
			return segment_error(tree, at, path, segment,
			    "each parameter name once");
	if (params->count == IMAGE_PARAMS_MAX)
		return segment_error(tree, at, path, segment,
		    "at most 16 parameters");
	params->at[params->count++] = name;
	return 0;
}

/* One segment down. *place_io follows. -1 when it is reported. */
static int
step_segment(struct tree *tree, struct spec_place at, struct slice path,
    struct slice segment, struct slice rest, size_t *place_io,
    struct check_params *params)
{
	const char *expected;

	if (segment.len == 0 && (tree->rest || rest.at != NULL)) {
		check_error(tree->check, at, "path \"%.*s\" has an empty "
		    "segment; expected no \"//\"%s", TEXT(path), tree->rest ?
		    " and no \"/\" at the end" : "");
		return -1;
	}
	if (!is_variable(segment)) {
		expected = segment.len > 0 ? static_expected(tree, segment) :
		    NULL;
		if (expected != NULL)
			return segment_error(tree, at, path, segment,
			    expected);
		*place_io = step_static(tree, *place_io, segment);
		return 0;
	}
	if (is_greedy(segment) && rest.at != NULL) {
		check_error(tree->check, at, "Cannot create a child of a "
		    "resource with a greedy path variable: %.*s; expected it "
		    "as the last segment of \"%.*s\"", TEXT(segment),
		    TEXT(path));
		return -1;
	}
	if (param_add(tree, at, path, segment, params) < 0)
		return -1;
	*place_io = step_variable(tree, *place_io, segment, at);
	return *place_io == 0 ? -1 : 0;
}

/*
 * Put a path into the tree. Returns 0, its place and its parameters, or -1
 * with the error added.
 */
static int
path_add(struct tree *tree, struct spec_place at, struct slice path,
    size_t *place_r, struct check_params *params_r)
{
	struct slice rest, segment;
	unsigned segments = 0;

	*place_r = 0;
	params_r->count = 0;
	if (path.len == 0 || path.at[0] != '/') {
		check_error(tree->check, at, "path \"%.*s\"; expected it to "
		    "begin with \"/\"", TEXT(path));
		return -1;
	}
	if (path.len == 1)
		return 0;
	rest = slice_of(path.at + 1, path.len - 1);
	while (rest.at != NULL) {
		segment = slice_until(&rest, '/');
		if (++segments > IMAGE_SEGMENTS_MAX) {
			check_error(tree->check, at, "path \"%.*s\" has more "
			    "than %d segments", TEXT(path),
			    IMAGE_SEGMENTS_MAX);
			return -1;
		}
		if (step_segment(tree, at, path, segment, rest, place_r,
		    params_r) < 0)
			return -1;
	}
	return 0;
}

/* --- methods ------------------------------------------------------------- */

/* The number of a method, or IMAGE_NONE with the error added. */
static unsigned
method_number(struct tree *tree, struct spec_place at, struct slice method)
{
	unsigned number = image_method_find(method);
	struct nearest nearest;
	struct slice found;
	char upper[20];
	size_t i;

	if (number != IMAGE_NONE && !slice_eq(method, SLICE("CONNECT")))
		return number;
	for (i = 0; i < method.len && i + 1 < sizeof upper; i++)
		upper[i] = method.at[i] >= 'a' && method.at[i] <= 'z' ?
		    (char)(method.at[i] - 'a' + 'A') : method.at[i];
	upper[i] = '\0';
	nearest_open(&nearest, upper);
	for (i = 0; i < IMAGE_METHODS; i++)
		nearest_try(&nearest, slice_text(image_method_name(
		    (unsigned)i)));
	nearest_try(&nearest, SLICE("ANY"));
	found = nearest_found(&nearest);
	if (slice_eq(found, SLICE("CONNECT")))
		found = SLICE("");
	check_error(tree->check, at, "method \"%.*s\"; expected GET, POST, "
	    "PUT, PATCH, DELETE, HEAD, OPTIONS or ANY%s%.*s%s", TEXT(method),
	    found.len > 0 ? "; did you mean \"" : "", TEXT(found),
	    found.len > 0 ? "\"?" : "");
	return IMAGE_NONE;
}

static void
check_method(struct tree *tree, const struct spec_method *method,
    const struct check_params *params, struct slice path, bool has_cors)
{
	check_headers(tree->check, &method->request_headers,
	    &method->response_headers, has_cors);
	check_headers(tree->check, &method->integration.request_headers,
	    &method->integration.response_headers, has_cors);
	check_integration(tree->check, tree->api, &method->integration, params,
	    path);
}

/* Does a REST resource name all methods that its ANY stands for? */
static void
warn_shadowed_any(struct tree *tree, const struct spec_resource *resource,
    uint64_t methods)
{
	static const unsigned all[REST_ALL] = {
		IMAGE_METHOD_DELETE, IMAGE_METHOD_GET, IMAGE_METHOD_HEAD,
		IMAGE_METHOD_OPTIONS, IMAGE_METHOD_PATCH, IMAGE_METHOD_POST,
		IMAGE_METHOD_PUT,
	};
	size_t i;

	if ((methods >> IMAGE_METHOD_ANY & 1) == 0)
		return;
	for (i = 0; i < REST_ALL; i++)
		if ((methods >> all[i] & 1) == 0 &&
		    !(all[i] == IMAGE_METHOD_OPTIONS && resource->cors.set))
			return;
	check_warn(tree->check, resource->place, "ANY of \"%.*s\" is "
	    "unreachable: every method is written out",
	    TEXT(resource->path));
}

static void
check_resource(struct tree *tree, const struct spec_resource *resource)
{
	bool has_cors = resource->cors.set || tree->api->cors.set;
	struct check_params params = { .count = 0 };
	const struct spec_method *method;
	uint64_t methods = 0;
	size_t place = 0, i;
	unsigned number;

	if (resource->path.at != NULL && path_add(tree, resource->place,
	    resource->path, &place, &params) == 0) {
		if (tree->places[place].at.file != NULL)
			check_error(tree->check, resource->place, "Another "
			    "resource with the same parent already has this "
			    "name: \"%.*s\" (line %u); expected each path once",
			    TEXT(resource->path), tree->places[place].at.line);
		tree->places[place].at = resource->place;
	}
	if (resource->cors.set)
		check_cors(tree->check, &resource->cors, true);
	check_headers(tree->check, &resource->request_headers,
	    &resource->response_headers, has_cors);
	for (i = 0; i < resource->nmethods; i++) {
		method = &resource->methods[i];
		if (method->method.at == NULL)
			continue;
		number = method_number(tree, method->place, method->method);
		if (number != IMAGE_NONE && methods >> number & 1)
			check_error(tree->check, method->place, "method %.*s "
			    "of \"%.*s\" is there twice; expected it once",
			    TEXT(method->method), TEXT(resource->path));
		if (number != IMAGE_NONE)
			methods |= UINT64_C(1) << number;
		check_method(tree, method, &params, resource->path, has_cors);
	}
	warn_shadowed_any(tree, resource, methods);
}

/* --- HTTP APIs ----------------------------------------------------------- */

static void
route_add(struct tree *tree, const struct spec_method *route, size_t place,
    size_t index)
{
	unsigned number = method_number(tree, route->place, route->method);
	const struct spec_method *other;
	size_t old;

	if (number == IMAGE_NONE)
		return;
	if (!set_add(&tree->routes, route->method, place, index, &old)) {
		other = &tree->api->routes[old];
		check_error(tree->check, route->place, "route \"%.*s %.*s\" "
		    "matches the same requests as \"%.*s %.*s\" (line %u); "
		    "expected each route once", TEXT(route->method),
		    TEXT(route->path), TEXT(other->method), TEXT(other->path),
		    other->place.line);
	}
	tree->places[place].methods |= UINT64_C(1) << number;
}

static void
check_route(struct tree *tree, const struct spec_method *route, size_t index,
    const struct spec_method **default_p)
{
	struct check_params params = { .count = 0 };
	size_t place;

	if (route->method.at == NULL)
		return;
	if (slice_eq(route->method, SLICE("$default"))) {
		if (*default_p != NULL)
			check_error(tree->check, route->place, "route "
			    "$default is there twice; expected it once (it is "
			    "in line %u too)", (*default_p)->place.line);
		*default_p = route;
	} else if (path_add(tree, route->place, route->path, &place,
	    &params) == 0) {
		route_add(tree, route, place, index);
	}
	check_method(tree, route, &params, route->path.len > 0 ? route->path :
	    SLICE("$default"), tree->api->cors.set);
}

/* "ANY /" and "ANY /{x+}" leave nothing for $default. */
static void
warn_shadowed_default(struct tree *tree, const struct spec_method *route)
{
	const struct place *root = &tree->places[0];
	uint64_t any = UINT64_C(1) << IMAGE_METHOD_ANY;

	if (root->greedy > 0 && (root->methods & any) != 0 &&
	    (tree->places[root->greedy].methods & any) != 0)
		check_warn(tree->check, route->place, "route $default is "
		    "unreachable: \"ANY /\" and \"ANY /%.*s\" match "
		    "everything", TEXT(root->variable));
}

/* All paths, methods and integrations of an API. */
void
check_routes(struct check *check, const struct spec_api *api)
{
	struct tree tree = { .check = check, .api = api };
	const struct spec_method *dflt = NULL;
	size_t i;

	tree.rest = check_is_rest(api);
	place_new(&tree);
	for (i = 0; i < api->nresources; i++)
		check_resource(&tree, &api->resources[i]);
	for (i = 0; i < api->nroutes; i++)
		check_route(&tree, &api->routes[i], i, &dflt);
	if (dflt != NULL)
		warn_shadowed_default(&tree, dflt);
	set_close(&tree.edges);
	set_close(&tree.routes);
	free(tree.places);
}
