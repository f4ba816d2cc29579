/*
 * config/compile_integration.c - what a route calls
 *
 * URLs and path templates are cut into pieces here, once; a worker fills them
 * in for a request. Stage variables in a URL's authority decide the upstream
 * and are therefore put in at compile time, for each stage; those in a path
 * are left to the worker.
 */

#include "config/compile_private.h"

#include <stdlib.h>

#include "util/mem.h"

#define VARIABLE	"${stageVariables."
#define SCHEME		"http://"

#define TIMEOUT_REST_MS	29000
#define TIMEOUT_HTTP_MS	30000

/* The position of a route's parameter "name" or "name+"; -1 for no such. */
static int
param_find(const struct compile_route *route, struct slice name)
{
	unsigned i;

	if (slice_ends(name, SLICE("+")))
		name.len--;
	for (i = 0; i < route->nparams; i++)
		if (slice_eq(route->params[i], name))
			return (int)i;
	return -1;
}

/*
 * Is there a placeholder at the start of text? Fills piece and returns its
 * length, or 0. name_r is a variable's name. Names that the route does not
 * have stay as they are (contract, 2.1).
 */
static size_t
placeholder(const struct compile_route *route, struct slice text,
    struct image_piece *piece, struct slice *name_r)
{
	struct slice inside = text;
	int param;

	*name_r = SLICE("");
	if (slice_starts(text, SLICE(VARIABLE))) {
		inside.at += sizeof VARIABLE - 1;
		inside.len -= sizeof VARIABLE - 1;
		*name_r = slice_until(&inside, '}');
		piece->kind = IMAGE_PIECE_VARIABLE;
		return inside.at == NULL ? 0 : (size_t)(inside.at - text.at);
	}
	if (!slice_starts(text, SLICE("{")))
		return 0;
	inside.at++;
	inside.len--;
	param = param_find(route, slice_until(&inside, '}'));
	if (param < 0 || inside.at == NULL)
		return 0;
	piece->kind = IMAGE_PIECE_PARAM;
	piece->arg = (uint32_t)param;
	return (size_t)(inside.at - text.at);
}

/* A template as a run of pieces. */
static struct image_run
pieces_compile(struct compile *compile, const struct compile_route *route,
    struct slice text)
{
	struct image_piece *pieces = mem_array(text.len + 1, sizeof *pieces);
	struct image_piece piece;
	struct image_run run;
	struct slice name;
	size_t at = 0, from = 0, len;
	uint32_t count = 0;

	for (;;) {
		piece = (struct image_piece){ 0 };
		len = at < text.len ? placeholder(route, slice_of(text.at + at,
		    text.len - at), &piece, &name) : 0;
		if (at < text.len && len == 0) {
			at++;
			continue;
		}
		if (at > from)
			pieces[count++].text = build_text(compile->build,
			    slice_of(text.at + from, at - from));
		if (at == text.len)
			break;
		piece.text = build_text(compile->build, name);
		pieces[count++] = piece;
		from = at += len;
	}
	run = build_run(compile->build, IMAGE_PIECES, pieces, count);
	free(pieces);
	return run;
}

/*
 * The path and query of a template. An HTTP API's $default route has the
 * request's path appended, which brings its own first slash.
 */
static int
path_compile(struct compile *compile, const struct compile_route *route,
    struct slice text, struct image_integration *record)
{
	struct slice query = text, path;

	path = slice_until(&query, '?');
	if (!slice_starts(path, SLICE("/")))
		return compile_error(compile,
		    route->method->integration.place,
		    "path \"%.*s\" does not begin with '/'", (int)text.len,
		    text.at);
	if (route->node == 0) {
		record->flags |= IMAGE_PATH_APPEND;
		while (slice_ends(path, SLICE("/")))
			path.len--;
	}
	record->path = pieces_compile(compile, route, path);
	if (query.at != NULL)
		record->query = pieces_compile(compile, route, query);
	return 0;
}

/* Does text name a stage variable? */
static bool
has_variable(struct slice text)
{
	return text.len > 0 && memmem(text.at, text.len, VARIABLE,
	    sizeof VARIABLE - 1) != NULL;
}

static const struct spec_pair *
variable_find(const struct spec_stage *stage, struct slice name)
{
	size_t i;

	for (i = 0; i < stage->variables.count; i++)
		if (slice_eq(stage->variables.at[i].name, name))
			return &stage->variables.at[i];
	return NULL;
}

/* text with a stage's variables put in; false when one is missing. */
static bool
variables_expand(const struct spec_stage *stage, struct slice text,
    struct buf *out)
{
	static const struct compile_route no_params;
	const struct spec_pair *pair;
	struct image_piece piece = { 0 };
	struct slice name;
	size_t len;

	while (text.len > 0) {
		len = placeholder(&no_params, text, &piece, &name);
		if (len > 0) {
			pair = variable_find(stage, name);
			if (pair == NULL)
				return false;
			buf_add_slice(out, pair->value);
		} else {
			buf_add_char(out, *text.at);
			len = 1;
		}
		text.at += len;
		text.len -= len;
	}
	return true;
}

typedef int callee_of_fn(struct compile *compile, struct slice text,
    uint32_t *index_r);

/* Find the upstream or function, once or for each stage of the API. */
static int
callee_compile(struct compile *compile, const struct compile_route *route,
    struct slice text, callee_of_fn *callee_of, uint32_t *everywhere_r,
    struct image_integration *record)
{
	const struct spec_api *api = route->api;
	uint32_t *indexes;
	struct buf expanded;
	size_t i;

	*everywhere_r = IMAGE_NONE;
	if (!has_variable(text))
		return callee_of(compile, text, everywhere_r);
	indexes = mem_array(api->nstages, sizeof *indexes);
	buf_open(&expanded);
	for (i = 0; i < api->nstages; i++) {
		expanded.len = 0;
		indexes[i] = IMAGE_NONE;
		if (!variables_expand(&api->stages[i], text, &expanded) ||
		    callee_of(compile, buf_slice(&expanded),
		    &indexes[i]) < 0)
			indexes[i] = IMAGE_NONE;
	}
	record->by_stage = build_run(compile->build, IMAGE_INDEXES, indexes,
	    (uint32_t)api->nstages);
	buf_close(&expanded);
	free(indexes);
	return 0;
}

/* "http://host:port/path?query": the authority and the rest from '/'. */
static int
url_compile(struct compile *compile, const struct compile_route *route,
    struct image_integration *record)
{
	const struct spec_integration *spec = &route->method->integration;
	struct slice authority, rest = spec->url;
	struct buf path;
	size_t len = 0;
	int code;

	if (!slice_starts(rest, SLICE(SCHEME)))
		return compile_error(compile, spec->place, "url \"%.*s\" does "
		    "not begin with " SCHEME, (int)rest.len, rest.at);
	rest.at += sizeof SCHEME - 1;
	rest.len -= sizeof SCHEME - 1;
	while (len < rest.len && rest.at[len] != '/' && rest.at[len] != '?')
		len++;
	authority = slice_of(rest.at, len);
	if (callee_compile(compile, route, authority,
	    compile_upstream_authority, &record->upstream, record) < 0)
		return compile_error(compile, spec->place, "\"%.*s\" in url "
		    "is not host or host:port", (int)authority.len,
		    authority.at);
	buf_open(&path);
	if (len == rest.len || rest.at[len] != '/')
		buf_add_char(&path, '/');
	buf_add(&path, rest.at + len, rest.len - len);
	code = path_compile(compile, route, buf_slice(&path), record);
	buf_close(&path);
	return code;
}

static int
group_compile(struct compile *compile, const struct compile_route *route,
    struct image_integration *record)
{
	const struct spec_integration *spec = &route->method->integration;

	if (callee_compile(compile, route, spec->upstream,
	    compile_upstream_find, &record->upstream, record) < 0)
		return compile_error(compile, spec->place, "there is no "
		    "upstream \"%.*s\"", (int)spec->upstream.len,
		    spec->upstream.at);
	if (spec->has_path)
		return path_compile(compile, route, spec->path, record);
	record->flags |= IMAGE_PATH_ASIS;
	return 0;
}

static int
proxy_compile(struct compile *compile, const struct compile_route *route,
    struct image_integration *record)
{
	const struct spec_integration *spec = &route->method->integration;

	record->type = IMAGE_HTTP_PROXY;
	record->method = IMAGE_METHOD_ANY;
	if (spec->method.len > 0) {
		record->method = image_method_find(spec->method);
		if (record->method == IMAGE_NONE)
			return compile_error(compile, spec->place,
			    "\"%.*s\" is not an HTTP method",
			    (int)spec->method.len, spec->method.at);
	}
	record->connect_ms = (uint32_t)spec->connect_ms;
	return spec->url.len > 0 ? url_compile(compile, route, record) :
	    group_compile(compile, route, record);
}

static int
function_compile(struct compile *compile, const struct compile_route *route,
    struct image_integration *record)
{
	const struct spec_integration *spec = &route->method->integration;

	record->type = IMAGE_AWS_PROXY;
	record->method = IMAGE_METHOD_POST;
	record->payload = route->resource != NULL ? IMAGE_PAYLOAD_REST :
	    slice_eq(spec->payload, SLICE("1.0")) ? IMAGE_PAYLOAD_1 :
	    IMAGE_PAYLOAD_2;
	if (callee_compile(compile, route, spec->function,
	    compile_function_find, &record->function, record) < 0)
		return compile_error(compile, spec->place, "there is no "
		    "function \"%.*s\"", (int)spec->function.len,
		    spec->function.at);
	return 0;
}

/* For people: "upstream cats /v1/{id}", the URL, or "mock 200". */
static struct image_text
target_compile(struct compile *compile, const struct spec_integration *spec,
    const struct image_integration *record)
{
	struct image_text target;
	struct buf text;

	buf_open(&text);
	if (record->type == IMAGE_MOCK) {
		buf_printf(&text, "mock %u", record->status);
	} else if (record->type == IMAGE_AWS_PROXY) {
		buf_add_text(&text, "function ");
		buf_add_slice(&text, spec->function);
	} else if (spec->url.len > 0) {
		buf_add_slice(&text, spec->url);
	} else {
		buf_add_text(&text, "upstream ");
		buf_add_slice(&text, spec->upstream);
		if (spec->has_path) {
			buf_add_char(&text, ' ');
			buf_add_slice(&text, spec->path);
		}
	}
	target = build_text(compile->build, buf_slice(&text));
	buf_close(&text);
	return target;
}

/*
 * The index of what the route calls. Routes that call the same share it.
 */
int
compile_integration(struct compile *compile,
    const struct compile_route *route, uint32_t *integration_r)
{
	const struct spec_integration *spec = &route->method->integration;
	struct image_integration record = {
		.upstream = IMAGE_NONE,
		.function = IMAGE_NONE,
		.timeout_ms = spec->timeout_ms > 0 ?
		    (uint32_t)spec->timeout_ms : route->resource != NULL ?
		    TIMEOUT_REST_MS : TIMEOUT_HTTP_MS,
	};

	if (slice_eq(spec->type, SLICE("MOCK"))) {
		record.type = IMAGE_MOCK;
		record.status = spec->status > 0 ? (uint32_t)spec->status :
		    200;
		record.method = IMAGE_METHOD_ANY;
		record.body = build_text(compile->build, spec->body);
	} else if (slice_eq(spec->type, SLICE("AWS_PROXY"))) {
		if (function_compile(compile, route, &record) < 0)
			return -1;
	} else if (proxy_compile(compile, route, &record) < 0) {
		return -1;
	}
	record.target = target_compile(compile, spec, &record);
	*integration_r = build_run(compile->build, IMAGE_INTEGRATIONS, &record,
	    1).first;
	return 0;
}
