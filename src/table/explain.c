/*
 * table/explain.c - why a request goes where it goes
 *
 * Runs the very match that workers run and tells what it found: listener,
 * API, stage, route, parameters, the preflight's answer or the integration;
 * where nothing was found, what came near. It knows only what is in an image,
 * sends nothing and changes nothing.
 */

#include "table/dump_private.h"

#include <stdlib.h>

#include "table/match.h"
#include "util/error.h"
#include "util/mem.h"
#include "util/text.h"

#define NEAR_MOST 5	/* routes named when none fits */

/* One question and what is found on the way. */
struct explain {
	const struct image_head *image;
	struct dump_writer writer;
	struct slice method_name;
	unsigned method;
	struct slice host, path, query;
	struct slice origin;		/* NULL start: none sent */
	bool asks;			/* Access-Control-Request-Method sent */
	unsigned port;			/* of the URL; 0 none */
	uint32_t listener;
	struct match match;
};

static struct slice
text_at(const struct explain *explain, struct image_text text)
{
	return image_slice(explain->image, text);
}

static const struct image_listener *
listener_at(const struct explain *explain, uint32_t index)
{
	return IMAGE_AT(explain->image, IMAGE_LISTENERS,
	    struct image_listener, index);
}

/* "http://host:port/path?query" or "/path?query". */
static int
url_read(struct explain *explain, struct slice url, struct error *err)
{
	struct slice rest = url, scheme, host;
	uint64_t port;
	size_t len = 0;

	if (!slice_starts(url, SLICE("/"))) {
		scheme = slice_until(&rest, ':');
		if (!slice_starts(rest, SLICE("//")) || scheme.len == 0)
			return error_set(err, "\"%.*s\" is neither a URL nor "
			    "a path that begins with '/'", (int)url.len,
			    url.at);
		rest = slice_of(rest.at + 2, rest.len - 2);
		while (len < rest.len && rest.at[len] != '/' &&
		    rest.at[len] != '?')
			len++;
		host = explain->host = slice_of(rest.at, len);
		rest = slice_of(rest.at + len, rest.len - len);
		while (host.len > 0 && host.at[host.len - 1] >= '0' &&
		    host.at[host.len - 1] <= '9')
			host.len--;
		if (slice_ends(host, SLICE(":")) && slice_to_u64(slice_of(
		    host.at + host.len, explain->host.len - host.len),
		    &port) == 0 && port <= UINT16_MAX)
			explain->port = (unsigned)port;
	}
	if (rest.len > 0 && memchr(rest.at, '#', rest.len) != NULL)
		rest = slice_until(&rest, '#');
	explain->query = rest;
	explain->path = slice_until(&explain->query, '?');
	if (explain->path.len == 0)
		explain->path = SLICE("/");
	return 0;
}

static int
header_read(struct explain *explain, struct slice header, struct error *err)
{
	struct slice value = header;
	struct slice name = slice_trim(slice_until(&value, ':'));

	if (value.at == NULL || name.len == 0)
		return error_set(err, "header \"%.*s\" is not \"name: "
		    "value\"", (int)header.len, header.at);
	value = slice_trim(value);
	if (slice_eq_nocase(name, SLICE("host")))
		explain->host = value;
	else if (slice_eq_nocase(name, SLICE("origin")))
		explain->origin = value;
	else if (slice_eq_nocase(name,
	    SLICE("access-control-request-method")))
		explain->asks = true;
	return 0;
}

/* The listener named, or of the URL's port, or the first public one. */
static int
listener_choose(struct explain *explain, struct slice name, struct error *err)
{
	const struct image_head *image = explain->image;
	uint32_t count = image->sections[IMAGE_LISTENERS].count, i;

	for (i = 0; i < count && name.len > 0; i++)
		if (slice_eq(text_at(explain, listener_at(explain, i)->name),
		    name)) {
			explain->listener = i;
			return 0;
		}
	if (name.len > 0)
		return error_set(err, "there is no listener \"%.*s\"",
		    (int)name.len, name.at);
	if (count == 0)
		return error_set(err, "the table has no listeners");
	for (i = 0; i < count && explain->port > 0; i++)
		if (listener_at(explain, i)->address.port == explain->port) {
			explain->listener = i;
			return 0;
		}
	for (i = 0; i < count; i++)
		if (!listener_at(explain, i)->private_api)
			break;
	explain->listener = i < count ? i : 0;
	return 0;
}

static void
say(struct explain *explain, const char *name, struct buf *text)
{
	dump_field(&explain->writer, name, buf_slice(text));
	text->len = 0;
}

static void
say_request(struct explain *explain)
{
	const struct image_listener *listener = listener_at(explain,
	    explain->listener);
	struct buf text;

	buf_open(&text);
	buf_add_slice(&text, explain->method_name);
	buf_add_char(&text, ' ');
	buf_add_slice(&text, explain->path);
	if (explain->query.at != NULL) {
		buf_add_char(&text, '?');
		buf_add_slice(&text, explain->query);
	}
	say(explain, "request", &text);
	dump_field(&explain->writer, "host", explain->host);
	buf_add_slice(&text, text_at(explain, listener->name));
	buf_add_char(&text, ' ');
	dump_address(explain->image, &listener->address, &text);
	say(explain, "listener", &text);
	buf_close(&text);
}

static void
say_api(struct explain *explain)
{
	const struct match *match = &explain->match;

	dump_field(&explain->writer, "api", text_at(explain,
	    match->api->name));
	dump_field(&explain->writer, "protocol", dump_kind(match->api));
	dump_field(&explain->writer, "stage", text_at(explain,
	    match->stage->name));
	dump_field(&explain->writer, "base path", text_at(explain,
	    match->stage->base_path));
	dump_field(&explain->writer, "path", match->path);
}

/* Does a policy allow this origin? */
static bool
origin_allowed(const struct explain *explain, const struct image_cors *cors)
{
	const struct image_text *origin = IMAGE_AT(explain->image,
	    IMAGE_ORIGINS, struct image_text, cors->origins.first);
	uint32_t i;

	if (explain->origin.at == NULL)
		return false;
	if ((cors->flags & IMAGE_CORS_ANY) ||
	    ((cors->flags & IMAGE_CORS_ANY_HTTPS) &&
	    slice_starts(explain->origin, SLICE("https://"))) ||
	    ((cors->flags & IMAGE_CORS_ANY_HTTP) &&
	    slice_starts(explain->origin, SLICE("http://"))))
		return true;
	for (i = 0; i < cors->origins.count; i++)
		if (slice_eq(text_at(explain, origin[i]), explain->origin))
			return true;
	return false;
}

/* The lines of a ready head, one item each, and the origin's own. */
static void
say_preflight(struct explain *explain, uint32_t index)
{
	const struct image_cors *cors = IMAGE_AT(explain->image, IMAGE_CORS,
	    struct image_cors, index);
	bool allowed = origin_allowed(explain, cors);
	struct slice rest, line;
	struct buf text;

	dump_field(&explain->writer, "answered by", SLICE("gatehouse"));
	dump_field(&explain->writer, "origin", explain->origin.at == NULL ?
	    SLICE("none sent") : allowed ? SLICE("allowed") :
	    SLICE("not allowed"));
	dump_list(&explain->writer, "preflight");
	rest = text_at(explain, allowed ? cors->preflight : cors->refused);
	while (rest.len > 0) {
		line = slice_until(&rest, '\n');
		if (slice_ends(line, SLICE("\r")))
			line.len--;
		dump_item(&explain->writer, line);
	}
	if (allowed && !(cors->flags & (IMAGE_CORS_ANY | IMAGE_CORS_STATIC))) {
		buf_open(&text);
		buf_add_text(&text, explain->match.api->kind ==
		    IMAGE_KIND_REST ? "Access-Control-Allow-Origin: " :
		    "access-control-allow-origin: ");
		buf_add_slice(&text, explain->origin);
		dump_item(&explain->writer, buf_slice(&text));
		buf_close(&text);
	}
	dump_list_end(&explain->writer);
}

/*
 * The policy that answers this request as a preflight, or IMAGE_NONE. REST:
 * the OPTIONS that "Enable CORS" made. HTTP APIs: a preflight by its headers,
 * unless a route names OPTIONS or the policy leaves it to the route.
 */
static uint32_t
preflight_policy(const struct explain *explain)
{
	const struct image_api *api = explain->match.api;
	const struct image_route *route = explain->match.route;
	const struct image_cors *cors;

	if (route != NULL && (route->flags & IMAGE_ROUTE_PREFLIGHT))
		return route->cors;
	if (api == NULL || api->kind != IMAGE_KIND_HTTP ||
	    api->cors == IMAGE_NONE || !explain->asks ||
	    explain->origin.at == NULL ||
	    explain->method != IMAGE_METHOD_OPTIONS)
		return IMAGE_NONE;
	cors = IMAGE_AT(explain->image, IMAGE_CORS, struct image_cors,
	    api->cors);
	if (route != NULL && ((route->flags & IMAGE_ROUTE_OWN_OPTIONS) ||
	    (cors->flags & IMAGE_CORS_ROUTE)))
		return IMAGE_NONE;
	return api->cors;
}

static struct slice
variable_value(const struct explain *explain, struct slice name)
{
	struct image_run run = explain->match.stage->variables;
	const struct image_pair *pair = IMAGE_AT(explain->image,
	    IMAGE_VARIABLES, struct image_pair, run.first);
	uint32_t i;

	for (i = 0; i < run.count; i++)
		if (slice_eq(text_at(explain, pair[i].name), name))
			return text_at(explain, pair[i].value);
	return SLICE("");
}

static const struct image_param *
param_at(const struct explain *explain, uint32_t position)
{
	return IMAGE_AT(explain->image, IMAGE_PARAMS, struct image_param,
	    explain->match.route->params.first + position);
}

/* A template with this request's values. */
static void
fill(const struct explain *explain, struct image_run run, struct buf *out)
{
	const struct image_piece *piece = IMAGE_AT(explain->image,
	    IMAGE_PIECES, struct image_piece, run.first);
	uint32_t i;

	for (i = 0; i < run.count; i++)
		if (piece[i].kind == IMAGE_PIECE_PARAM)
			buf_add_slice(out, match_param(&explain->match,
			    param_at(explain, piece[i].arg)));
		else if (piece[i].kind == IMAGE_PIECE_VARIABLE)
			buf_add_slice(out, variable_value(explain,
			    text_at(explain, piece[i].text)));
		else
			buf_add_slice(out, text_at(explain, piece[i].text));
}

static void
say_servers(struct explain *explain, uint32_t index)
{
	const struct image_upstream *upstream = IMAGE_AT(explain->image,
	    IMAGE_UPSTREAMS, struct image_upstream, index);
	const struct image_server *server = IMAGE_AT(explain->image,
	    IMAGE_SERVERS, struct image_server, upstream->servers.first);
	struct buf text;
	uint32_t i;

	dump_field(&explain->writer, "upstream", text_at(explain,
	    upstream->name));
	dump_list(&explain->writer, "servers");
	buf_open(&text);
	for (i = 0; i < upstream->servers.count; i++) {
		text.len = 0;
		dump_address(explain->image, &server[i].address, &text);
		if (upstream->servers.count > 1)
			buf_printf(&text, " weight %u", server[i].weight);
		dump_item(&explain->writer, buf_slice(&text));
	}
	dump_list_end(&explain->writer);
	buf_close(&text);
}

/* Method, path and query as the backend would get them. */
static void
say_sent(struct explain *explain, const struct image_integration *it)
{
	struct buf text;
	char mark = '?';

	buf_open(&text);
	if (it->method == IMAGE_METHOD_ANY)
		buf_add_slice(&text, explain->method_name);
	else
		buf_add_text(&text, image_method_name(it->method));
	buf_add_char(&text, ' ');
	fill(explain, it->path, &text);
	if (it->flags & (IMAGE_PATH_ASIS | IMAGE_PATH_APPEND))
		buf_add_slice(&text, explain->match.path);
	if (it->query.count > 0) {
		buf_add_char(&text, mark);
		fill(explain, it->query, &text);
		mark = '&';
	}
	if (explain->query.len > 0) {
		buf_add_char(&text, mark);
		buf_add_slice(&text, explain->query);
	}
	say(explain, "sent", &text);
	buf_close(&text);
}

/* The index that applies in the stage, which may be IMAGE_NONE. */
static uint32_t
callee_of(const struct explain *explain, const struct image_integration *it,
    uint32_t everywhere)
{
	uint32_t ordinal = explain->match.stage->ordinal;

	if (everywhere != IMAGE_NONE || ordinal >= it->by_stage.count)
		return everywhere;
	return *IMAGE_AT(explain->image, IMAGE_INDEXES, uint32_t,
	    it->by_stage.first + ordinal);
}

static void
say_function(struct explain *explain, const struct image_integration *it)
{
	uint32_t index = callee_of(explain, it, it->function);
	const struct image_function *function;

	if (index == IMAGE_NONE) {
		dump_field(&explain->writer, "function", SLICE("none: a stage "
		    "variable is missing or names none; the answer is 500"));
		return;
	}
	function = IMAGE_AT(explain->image, IMAGE_FUNCTIONS,
	    struct image_function, index);
	dump_field(&explain->writer, "function", text_at(explain,
	    function->name));
	say_servers(explain, function->upstream);
	dump_field(&explain->writer, "sent", text_at(explain,
	    function->path));
	dump_number(&explain->writer, "timeout ms", it->timeout_ms);
}

static void
say_integration(struct explain *explain)
{
	const struct image_route *route = explain->match.route;
	const struct image_integration *it = IMAGE_AT(explain->image,
	    IMAGE_INTEGRATIONS, struct image_integration, route->integration);
	uint32_t upstream;

	dump_field(&explain->writer, "integration", text_at(explain,
	    it->target));
	if (it->type == IMAGE_MOCK) {
		dump_number(&explain->writer, "status", it->status);
		return;
	}
	if (it->type == IMAGE_AWS_PROXY) {
		say_function(explain, it);
		return;
	}
	upstream = callee_of(explain, it, it->upstream);
	if (upstream == IMAGE_NONE)
		dump_field(&explain->writer, "upstream", SLICE("none: a stage "
		    "variable is missing or no address; the answer is 500"));
	else
		say_servers(explain, upstream);
	say_sent(explain, it);
	dump_number(&explain->writer, "timeout ms", it->timeout_ms);
}

static void
say_params(struct explain *explain)
{
	const struct image_route *route = explain->match.route;
	struct buf text;
	uint32_t i;

	if (route->params.count == 0)
		return;
	buf_open(&text);
	dump_list(&explain->writer, "parameters");
	for (i = 0; i < route->params.count; i++) {
		text.len = 0;
		buf_add_slice(&text, text_at(explain,
		    param_at(explain, i)->name));
		buf_add_char(&text, '=');
		buf_add_slice(&text, match_param(&explain->match,
		    param_at(explain, i)));
		dump_item(&explain->writer, buf_slice(&text));
	}
	dump_list_end(&explain->writer);
	buf_close(&text);
}

static void
say_route(struct explain *explain)
{
	const struct image_route *route = explain->match.route;
	uint32_t policy = preflight_policy(explain);
	struct buf text;

	dump_field(&explain->writer, "route", text_at(explain, route->key));
	say_params(explain);
	if (route->cors != IMAGE_NONE) {
		buf_open(&text);
		dump_origins(explain->image, route->cors, &text);
		say(explain, "cors", &text);
		buf_close(&text);
	}
	if (policy != IMAGE_NONE)
		say_preflight(explain, policy);
	else
		say_integration(explain);
}

/* Hosts that are known on the listener. */
static void
say_hosts(struct explain *explain)
{
	const struct image_head *image = explain->image;
	const struct image_host *host = image_array(image, IMAGE_HOST_SLOTS);
	struct buf text;
	uint32_t i;

	buf_open(&text);
	dump_list(&explain->writer, "hosts here");
	for (i = 0; i < image->sections[IMAGE_HOST_SLOTS].count; i++) {
		if (host[i].node == 0 ||
		    host[i].listener != explain->listener)
			continue;
		text.len = 0;
		dump_host(&text, text_at(explain, host[i].name));
		dump_item(&explain->writer, buf_slice(&text));
	}
	dump_list_end(&explain->writer);
	buf_close(&text);
}

/* Where stages are on this listener: "host/base path (api, stage)". */
static void
say_places(struct explain *explain)
{
	const struct image_stage *stage;
	struct dump_mounts mounts;
	struct buf text;
	uint32_t i;

	buf_open(&text);
	dump_mounts_open(explain->image, &mounts);
	dump_list(&explain->writer, "reached at");
	for (i = 0; i < mounts.count; i++) {
		if (mounts.at[i].listener != explain->listener)
			continue;
		stage = IMAGE_AT(explain->image, IMAGE_STAGES,
		    struct image_stage, mounts.at[i].stage);
		text.len = 0;
		dump_host(&text, text_at(explain, mounts.at[i].host));
		buf_add_slice(&text, text_at(explain, stage->base_path));
		buf_add_text(&text, " (");
		buf_add_slice(&text, text_at(explain, IMAGE_AT(
		    explain->image, IMAGE_APIS, struct image_api,
		    stage->api)->name));
		buf_add_text(&text, ", ");
		buf_add_slice(&text, text_at(explain, stage->name));
		buf_add_char(&text, ')');
		dump_item(&explain->writer, buf_slice(&text));
	}
	dump_list_end(&explain->writer);
	dump_mounts_close(&mounts);
	buf_close(&text);
}

/*
 * How far a route's path is from the one asked for: letters to change, with
 * a parameter standing for whatever it replaces. Long paths are cut.
 */
static unsigned
distance(struct slice resource, struct slice path)
{
	struct slice have = resource, want = path, a, b;
	char left[64], right[64];
	unsigned sum = 0;

	while (have.at != NULL || want.at != NULL) {
		a = have.at != NULL ? slice_until(&have, '/') : SLICE("");
		b = want.at != NULL ? slice_until(&want, '/') : SLICE("");
		if (slice_starts(a, SLICE("{"))) {
			sum += b.len == 0 ? 8 : 0;
			if (slice_ends(a, SLICE("+}")))
				break;
			continue;
		}
		memcpy(left, a.at, a.len = a.len < 63 ? a.len : 63);
		memcpy(right, b.at, b.len = b.len < 63 ? b.len : 63);
		left[a.len] = right[b.len] = '\0';
		sum += text_distance(left, right);
	}
	return sum;
}

/* The routes whose paths come nearest, nearest first. */
static void
say_near(struct explain *explain)
{
	const struct image_api *api = explain->match.api;
	const struct image_route *route = IMAGE_AT(explain->image,
	    IMAGE_ROUTES, struct image_route, api->first_route);
	struct {
		unsigned distance;
		uint32_t index;
	} near[NEAR_MOST + 1];
	uint32_t i, n = 0, at;

	for (i = 0; i < api->routes; i++) {
		unsigned far = distance(text_at(explain, route[i].resource),
		    explain->match.path);

		for (at = n; at > 0 && near[at - 1].distance > far; at--)
			near[at] = near[at - 1];
		near[at].distance = far;
		near[at].index = i;
		n = n < NEAR_MOST ? n + 1 : NEAR_MOST;
	}
	dump_list(&explain->writer, "nearest");
	for (i = 0; i < n; i++)
		dump_item(&explain->writer, text_at(explain,
		    route[near[i].index].key));
	dump_list_end(&explain->writer);
}

static void
say_methods(struct explain *explain, uint64_t methods)
{
	unsigned bit;

	dump_list(&explain->writer, "methods");
	for (bit = 0; bit < 64; bit++)
		if (methods >> bit & 1)
			dump_item(&explain->writer, slice_text(
			    image_method_name(bit)));
	dump_list_end(&explain->writer);
}

static void
say_no_route(struct explain *explain)
{
	uint64_t methods = match_methods(explain->image, &explain->match);
	uint32_t policy = preflight_policy(explain);

	if (policy != IMAGE_NONE) {
		say_preflight(explain, policy);
		return;
	}
	dump_field(&explain->writer, "no match", methods != 0 ?
	    SLICE("the path fits, the method does not") :
	    SLICE("no path of this API fits"));
	if (methods != 0)
		say_methods(explain, methods);
	else
		say_near(explain);
	dump_field(&explain->writer, "answer", explain->match.api->kind ==
	    IMAGE_KIND_REST ? SLICE("403 Missing Authentication Token") :
	    SLICE("404 Not Found"));
}

static void
say_no_api(struct explain *explain)
{
	if (explain->match.result == MATCH_NO_HOST) {
		dump_field(&explain->writer, "no match", SLICE("no API "
		    "answers to this host on this listener"));
		say_hosts(explain);
	} else {
		dump_field(&explain->writer, "no match", SLICE("no stage's "
		    "base path is the beginning of this path"));
		say_places(explain);
	}
	dump_field(&explain->writer, "answer", listener_at(explain,
	    explain->listener)->has_rest ? SLICE("403 Forbidden") :
	    SLICE("404 Not Found"));
}

/*
 * Explain what becomes of a request. listener is a name or empty; method any
 * that HTTP knows; url absolute or a path; headers "Name: value", of which
 * Host, Origin and Access-Control-Request-Method count. Returns 0 and the
 * explanation in out, whether a route was found or not; or -1 when the
 * question makes no sense.
 */
int
table_explain(const struct image_head *image, struct slice listener,
    struct slice method, struct slice url, const struct slice *headers,
    size_t nheaders, bool json, struct buf *out, struct error *err)
{
	struct explain explain = { .image = image, .method_name = method };
	size_t i;

	explain.method = image_method_find(method);
	if (explain.method >= IMAGE_METHODS)
		return error_set(err, "\"%.*s\" is not an HTTP method",
		    (int)method.len, method.at);
	if (url_read(&explain, url, err) < 0)
		return -1;
	for (i = 0; i < nheaders; i++)
		if (header_read(&explain, headers[i], err) < 0)
			return -1;
	if (listener_choose(&explain, listener, err) < 0)
		return -1;
	table_match(image, explain.listener, explain.host, explain.method,
	    explain.path, &explain.match);
	dump_open(&explain.writer, out, json);
	say_request(&explain);
	if (explain.match.api != NULL)
		say_api(&explain);
	if (explain.match.route != NULL)
		say_route(&explain);
	else if (explain.match.api != NULL)
		say_no_route(&explain);
	else
		say_no_api(&explain);
	dump_close(&explain.writer);
	return 0;
}
