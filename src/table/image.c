/*
 * table/image.c - what a compiled table may look like
 *
 * An image comes from another process. image_check walks it once, before the
 * first request meets it; whatever it lets pass can be read by the rest of the
 * code without a further look: every offset, index and run lies inside, hash
 * tables have an end, trees are trees. It judges memory, not meaning: a table
 * with odd contents may answer oddly but cannot make a reader stray. Nothing
 * here writes to an image.
 */

#include "table/image.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "util/error.h"
#include "util/mem.h"

#define UNIX_PATH_MAX 107	/* of sockaddr_un, its NUL not counted */

/* The formats that the layout number stands for: no hidden padding. */
_Static_assert(sizeof(struct image_settings) == 80, "layout");
_Static_assert(sizeof(struct image_address) == 28, "layout");
_Static_assert(sizeof(struct image_listener) == 64, "layout");
_Static_assert(sizeof(struct image_upstream) == 56, "layout");
_Static_assert(sizeof(struct image_server) == 56, "layout");
_Static_assert(sizeof(struct image_api) == 72, "layout");
_Static_assert(sizeof(struct image_stage) == 40, "layout");
_Static_assert(sizeof(struct image_host) == 16, "layout");
_Static_assert(sizeof(struct image_node) == 32, "layout");
_Static_assert(sizeof(struct image_edge) == 32, "layout");
_Static_assert(sizeof(struct image_route) == 80, "layout");
_Static_assert(sizeof(struct image_param) == 16, "layout");
_Static_assert(sizeof(struct image_integration) == 80, "layout");
_Static_assert(sizeof(struct image_function) == 56, "layout");
_Static_assert(sizeof(struct image_piece) == 16, "layout");
_Static_assert(sizeof(struct image_cors) == 64, "layout");
_Static_assert(sizeof(struct image_log) == 32, "layout");

static const char *const method_names[IMAGE_METHODS] = {
	"DELETE", "GET", "HEAD", "POST", "PUT", "CONNECT", "OPTIONS", "TRACE",
	"COPY", "LOCK", "MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "SEARCH",
	"UNLOCK", "BIND", "REBIND", "UNBIND", "ACL", "REPORT", "MKACTIVITY",
	"CHECKOUT", "MERGE", "M-SEARCH", "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE",
	"PATCH", "PURGE", "MKCALENDAR", "LINK", "UNLINK", "SOURCE",
};

static const size_t record_sizes[IMAGE_SECTIONS] = {
	[IMAGE_SETTINGS] = sizeof(struct image_settings),
	[IMAGE_LISTENERS] = sizeof(struct image_listener),
	[IMAGE_UPSTREAMS] = sizeof(struct image_upstream),
	[IMAGE_SERVERS] = sizeof(struct image_server),
	[IMAGE_APIS] = sizeof(struct image_api),
	[IMAGE_STAGES] = sizeof(struct image_stage),
	[IMAGE_VARIABLES] = sizeof(struct image_pair),
	[IMAGE_HOST_SLOTS] = sizeof(struct image_host),
	[IMAGE_NODES] = sizeof(struct image_node),
	[IMAGE_EDGE_SLOTS] = sizeof(struct image_edge),
	[IMAGE_ROUTES] = sizeof(struct image_route),
	[IMAGE_PARAMS] = sizeof(struct image_param),
	[IMAGE_INTEGRATIONS] = sizeof(struct image_integration),
	[IMAGE_FUNCTIONS] = sizeof(struct image_function),
	[IMAGE_INDEXES] = sizeof(uint32_t),
	[IMAGE_PIECES] = sizeof(struct image_piece),
	[IMAGE_CORS] = sizeof(struct image_cors),
	[IMAGE_ORIGINS] = sizeof(struct image_text),
	[IMAGE_NAMES] = sizeof(struct image_text),
	[IMAGE_LOGS] = sizeof(struct image_log),
	[IMAGE_STRINGS] = 1,
};

/* "GET" for its number; "ANY"; "-" for a number that no method has. */
const char *
image_method_name(unsigned method)
{
	if (method == IMAGE_METHOD_ANY)
		return "ANY";
	return method < IMAGE_METHODS ? method_names[method] : "-";
}

/* The number of a method's name, case-sensitive; IMAGE_NONE for no method. */
unsigned
image_method_find(struct slice name)
{
	unsigned i;

	if (slice_eq(name, SLICE("ANY")))
		return IMAGE_METHOD_ANY;
	for (i = 0; i < IMAGE_METHODS; i++)
		if (slice_eq(name, slice_text(method_names[i])))
			return i;
	return IMAGE_NONE;
}

size_t
image_record_size(enum image_section_id id)
{
	return record_sizes[id];
}

static uint32_t
count(const struct image_head *head, enum image_section_id id)
{
	return head->sections[id].count;
}

static bool
index_ok(const struct image_head *head, enum image_section_id id,
    uint32_t index)
{
	return index < count(head, id);
}

/* An index that may also say "none". */
static bool
option_ok(const struct image_head *head, enum image_section_id id,
    uint32_t index)
{
	return index == IMAGE_NONE || index_ok(head, id, index);
}

static bool
run_ok(const struct image_head *head, enum image_section_id id,
    struct image_run run)
{
	return (uint64_t)run.first + run.count <= count(head, id);
}

static bool
text_ok(const struct image_head *head, struct image_text text)
{
	uint64_t end = (uint64_t)text.at + text.len;
	const char *pool = image_array(head, IMAGE_STRINGS);

	return end < count(head, IMAGE_STRINGS) && pool[end] == '\0';
}

static bool
texts_ok(const struct image_head *head, enum image_section_id id)
{
	const struct image_text *text = image_array(head, id);
	uint32_t i;

	for (i = 0; i < count(head, id); i++)
		if (!text_ok(head, text[i]))
			return false;
	return true;
}

static int
check_head(const struct image_head *head, size_t size, struct error *err)
{
	const struct image_section *section;
	unsigned i;

	if (size < sizeof *head)
		return error_set(err, "image of %zu bytes is too short", size);
	if (head->magic != IMAGE_MAGIC)
		return error_set(err, "not a route table image");
	if (head->layout != IMAGE_LAYOUT || head->head_size != sizeof *head)
		return error_set(err, "image has layout %u, wanted %u",
		    head->layout, IMAGE_LAYOUT);
	if (head->size != size)
		return error_set(err, "%zu bytes, but the head says %" PRIu64,
		    size, head->size);
	for (i = 0; i < IMAGE_SECTIONS; i++) {
		section = &head->sections[i];
		if (section->at < sizeof *head || section->at % 8 != 0 ||
		    section->at + (uint64_t)section->count * record_sizes[i] >
		    size)
			return error_set(err, "section %u is outside", i);
	}
	return 0;
}

static bool
address_ok(const struct image_head *head, const struct image_address *address)
{
	if (!text_ok(head, address->text))
		return false;
	switch (address->family) {
	case IMAGE_FAMILY_INET:
	case IMAGE_FAMILY_INET6:
		return true;
	case IMAGE_FAMILY_UNIX:
		return address->text.len > 0 &&
		    address->text.len <= UNIX_PATH_MAX;
	case IMAGE_FAMILY_NAME:
		return address->text.len > 0 && address->text.len <= 255;
	default:
		return false;
	}
}

static bool
settings_ok(const struct image_head *head)
{
	return count(head, IMAGE_SETTINGS) == 1 &&
	    text_ok(head, image_settings(head)->account_id) &&
	    option_ok(head, IMAGE_LOGS, image_settings(head)->log);
}

static bool
listeners_ok(const struct image_head *head)
{
	const struct image_listener *listener =
	    image_array(head, IMAGE_LISTENERS);
	uint32_t i;

	if (count(head, IMAGE_LISTENERS) > IMAGE_LISTENERS_MAX)
		return false;
	for (i = 0; i < count(head, IMAGE_LISTENERS); i++, listener++)
		if (!text_ok(head, listener->name) ||
		    !address_ok(head, &listener->address) ||
		    listener->address.family == IMAGE_FAMILY_NAME ||
		    !index_ok(head, IMAGE_NODES, listener->any_host))
			return false;
	return true;
}

static bool
servers_ok(const struct image_head *head)
{
	const struct image_server *server = image_array(head, IMAGE_SERVERS);
	uint32_t i;

	for (i = 0; i < count(head, IMAGE_SERVERS); i++, server++)
		if (!address_ok(head, &server->address) ||
		    !text_ok(head, server->host) || server->weight == 0)
			return false;
	return true;
}

static bool
upstreams_ok(const struct image_head *head)
{
	const struct image_upstream *upstream =
	    image_array(head, IMAGE_UPSTREAMS);
	const struct image_server *server;
	uint64_t weights;
	uint32_t i, j;

	for (i = 0; i < count(head, IMAGE_UPSTREAMS); i++, upstream++) {
		if (!text_ok(head, upstream->name) ||
		    upstream->servers.count == 0 ||
		    !run_ok(head, IMAGE_SERVERS, upstream->servers) ||
		    upstream->balance > IMAGE_BALANCE_LEAST_CONN)
			return false;
		server = IMAGE_AT(head, IMAGE_SERVERS, struct image_server,
		    upstream->servers.first);
		weights = 0;
		for (j = 0; j < upstream->servers.count; j++)
			weights += server[j].weight;
		if (weights != upstream->weights)
			return false;
	}
	return true;
}

static bool
apis_ok(const struct image_head *head)
{
	const struct image_api *api = image_array(head, IMAGE_APIS);
	struct image_run routes;
	uint32_t i;

	for (i = 0; i < count(head, IMAGE_APIS); i++, api++) {
		routes = (struct image_run){ api->first_route, api->routes };
		if (!text_ok(head, api->name) || !text_ok(head, api->id) ||
		    (api->kind != IMAGE_KIND_REST &&
		    api->kind != IMAGE_KIND_HTTP) ||
		    !index_ok(head, IMAGE_NODES, api->root) ||
		    !option_ok(head, IMAGE_ROUTES, api->default_route) ||
		    !option_ok(head, IMAGE_CORS, api->cors) ||
		    !run_ok(head, IMAGE_STAGES, api->stages) ||
		    !run_ok(head, IMAGE_ROUTES, routes) ||
		    !run_ok(head, IMAGE_NAMES, api->binary_types) ||
		    !text_ok(head, api->response_lines) ||
		    !run_ok(head, IMAGE_NAMES, api->response_names))
			return false;
	}
	return true;
}

static bool
stages_ok(const struct image_head *head)
{
	const struct image_stage *stage = image_array(head, IMAGE_STAGES);
	const struct image_pair *pair = image_array(head, IMAGE_VARIABLES);
	uint32_t i;

	for (i = 0; i < count(head, IMAGE_STAGES); i++, stage++)
		if (!text_ok(head, stage->name) ||
		    !text_ok(head, stage->base_path) ||
		    !index_ok(head, IMAGE_APIS, stage->api) ||
		    stage->ordinal >= IMAGE_AT(head, IMAGE_APIS,
		    struct image_api, stage->api)->stages.count ||
		    !run_ok(head, IMAGE_VARIABLES, stage->variables) ||
		    !option_ok(head, IMAGE_LOGS, stage->log))
			return false;
	for (i = 0; i < count(head, IMAGE_VARIABLES); i++, pair++)
		if (!text_ok(head, pair->name) || !text_ok(head, pair->value))
			return false;
	return true;
}

/* A table that is never full, so that every search comes to an end. */
static bool
slots_ok(const struct image_head *head, enum image_section_id id,
    uint32_t used)
{
	uint32_t size = count(head, id);

	return size > 0 && (size & (size - 1)) == 0 && used < size;
}

static bool
hosts_ok(const struct image_head *head)
{
	const struct image_host *host = image_array(head, IMAGE_HOST_SLOTS);
	uint32_t i, used = 0;

	for (i = 0; i < count(head, IMAGE_HOST_SLOTS); i++, host++) {
		if (host->node == 0)
			continue;
		used++;
		if (!text_ok(head, host->name) ||
		    !index_ok(head, IMAGE_LISTENERS, host->listener) ||
		    !index_ok(head, IMAGE_NODES, host->node))
			return false;
	}
	return slots_ok(head, IMAGE_HOST_SLOTS, used);
}

/* Has child no parent yet? Marks that it has one now. */
static bool
adopt(const struct image_head *head, uint8_t *parented, uint32_t child)
{
	if (child == 0)
		return true;
	if (!index_ok(head, IMAGE_NODES, child) || parented[child])
		return false;
	parented[child] = 1;
	return true;
}

static bool
node_ok(const struct image_head *head, const struct image_node *node,
    uint8_t *parented)
{
	const uint64_t known = ((UINT64_C(1) << IMAGE_METHODS) - 1) |
	    UINT64_C(1) << IMAGE_METHOD_ANY;
	struct image_run routes = { node->routes,
	    (uint32_t)__builtin_popcountll(node->methods) };

	return (node->methods & ~known) == 0 &&
	    (routes.count == 0 || run_ok(head, IMAGE_ROUTES, routes)) &&
	    adopt(head, parented, node->param) &&
	    adopt(head, parented, node->greedy) &&
	    option_ok(head, IMAGE_STAGES, node->stage);
}

static bool
edges_ok(const struct image_head *head, uint8_t *parented)
{
	const struct image_edge *edge = image_array(head, IMAGE_EDGE_SLOTS);
	uint32_t i, used = 0;

	for (i = 0; i < count(head, IMAGE_EDGE_SLOTS); i++, edge++) {
		if (edge->child == 0)
			continue;
		used++;
		if (!index_ok(head, IMAGE_NODES, edge->node) ||
		    !adopt(head, parented, edge->child) ||
		    !text_ok(head, edge->segment))
			return false;
	}
	return slots_ok(head, IMAGE_EDGE_SLOTS, used);
}

/*
 * No node has two parents: a search that goes down only sees each node once,
 * whatever path a client sends.
 */
static bool
trees_ok(const struct image_head *head)
{
	const struct image_node *node = image_array(head, IMAGE_NODES);
	uint8_t *parented;
	uint32_t i;
	bool ok = true;

	if (count(head, IMAGE_NODES) == 0)
		return false;
	parented = mem_array(count(head, IMAGE_NODES), 1);
	for (i = 0; ok && i < count(head, IMAGE_NODES); i++)
		ok = node_ok(head, &node[i], parented);
	ok = ok && edges_ok(head, parented);
	free(parented);
	return ok;
}

static bool
pieces_fit(const struct image_head *head, struct image_run run,
    uint32_t params)
{
	const struct image_piece *piece = IMAGE_AT(head, IMAGE_PIECES,
	    struct image_piece, run.first);
	uint32_t i;

	for (i = 0; i < run.count; i++)
		if (piece[i].kind > IMAGE_PIECE_VARIABLE ||
		    (piece[i].kind == IMAGE_PIECE_PARAM &&
		    piece[i].arg >= params))
			return false;
	return true;
}

/* What it calls in every stage: a function or an upstream. */
static uint32_t
callee_of(const struct image_integration *integration)
{
	return integration->type == IMAGE_AWS_PROXY ? integration->function :
	    integration->upstream;
}

/* Does a route's integration fit its parameters and its API's stages? */
static bool
integration_fits(const struct image_head *head, const struct image_route *route)
{
	const struct image_api *api = IMAGE_AT(head, IMAGE_APIS,
	    struct image_api, route->api);
	const struct image_integration *integration;

	if (route->integration == IMAGE_NONE)
		return (route->flags & IMAGE_ROUTE_PREFLIGHT) &&
		    route->cors != IMAGE_NONE;
	if (!index_ok(head, IMAGE_INTEGRATIONS, route->integration))
		return false;
	integration = IMAGE_AT(head, IMAGE_INTEGRATIONS,
	    struct image_integration, route->integration);
	return (integration->type == IMAGE_MOCK ||
	    callee_of(integration) != IMAGE_NONE ||
	    integration->by_stage.count == api->stages.count) &&
	    pieces_fit(head, integration->path, route->params.count) &&
	    pieces_fit(head, integration->query, route->params.count);
}

static bool
route_ok(const struct image_head *head, const struct image_route *route)
{
	return text_ok(head, route->key) && text_ok(head, route->resource) &&
	    index_ok(head, IMAGE_APIS, route->api) &&
	    route->params.count <= IMAGE_PARAMS_MAX &&
	    run_ok(head, IMAGE_PARAMS, route->params) &&
	    option_ok(head, IMAGE_CORS, route->cors) &&
	    text_ok(head, route->request_lines) &&
	    run_ok(head, IMAGE_NAMES, route->request_names) &&
	    text_ok(head, route->response_lines) &&
	    run_ok(head, IMAGE_NAMES, route->response_names) &&
	    integration_fits(head, route);
}

static bool
integration_ok(const struct image_head *head,
    const struct image_integration *integration)
{
	const uint32_t *callee = IMAGE_AT(head, IMAGE_INDEXES, uint32_t,
	    integration->by_stage.first);
	enum image_section_id called = integration->type == IMAGE_AWS_PROXY ?
	    IMAGE_FUNCTIONS : IMAGE_UPSTREAMS;
	uint32_t i;

	if (!option_ok(head, IMAGE_UPSTREAMS, integration->upstream) ||
	    !option_ok(head, called, callee_of(integration)) ||
	    integration->payload > IMAGE_PAYLOAD_2 ||
	    (integration->method >= IMAGE_METHODS &&
	    integration->method != IMAGE_METHOD_ANY) ||
	    !run_ok(head, IMAGE_INDEXES, integration->by_stage) ||
	    !run_ok(head, IMAGE_PIECES, integration->path) ||
	    !run_ok(head, IMAGE_PIECES, integration->query) ||
	    !text_ok(head, integration->body) ||
	    !text_ok(head, integration->target))
		return false;
	for (i = 0; i < integration->by_stage.count; i++)
		if (!option_ok(head, called, callee[i]))
			return false;
	return integration->type == IMAGE_HTTP_PROXY ||
	    integration->type == IMAGE_AWS_PROXY ||
	    (integration->type == IMAGE_MOCK &&
	    integration->status >= 100 && integration->status <= 999);
}

static bool
functions_ok(const struct image_head *head)
{
	const struct image_function *function =
	    image_array(head, IMAGE_FUNCTIONS);
	uint32_t i;

	for (i = 0; i < count(head, IMAGE_FUNCTIONS); i++, function++)
		if (!text_ok(head, function->name) ||
		    !text_ok(head, function->path) ||
		    !text_ok(head, function->region) ||
		    !text_ok(head, function->credentials) ||
		    !text_ok(head, function->profile) ||
		    !index_ok(head, IMAGE_UPSTREAMS, function->upstream))
			return false;
	return true;
}

static bool
routes_ok(const struct image_head *head)
{
	const struct image_integration *integration =
	    image_array(head, IMAGE_INTEGRATIONS);
	const struct image_route *route = image_array(head, IMAGE_ROUTES);
	const struct image_param *param = image_array(head, IMAGE_PARAMS);
	const struct image_piece *piece = image_array(head, IMAGE_PIECES);
	uint32_t i;

	for (i = 0; i < count(head, IMAGE_INTEGRATIONS); i++)
		if (!integration_ok(head, &integration[i]))
			return false;
	for (i = 0; i < count(head, IMAGE_PARAMS); i++)
		if (!text_ok(head, param[i].name) ||
		    param[i].segment >= IMAGE_SEGMENTS_MAX)
			return false;
	for (i = 0; i < count(head, IMAGE_PIECES); i++)
		if (!text_ok(head, piece[i].text) ||
		    piece[i].kind > IMAGE_PIECE_CONTEXT ||
		    (piece[i].kind == IMAGE_PIECE_CONTEXT &&
		    piece[i].arg > IMAGE_CONTEXT_LAST))
			return false;
	for (i = 0; i < count(head, IMAGE_ROUTES); i++)
		if (!route_ok(head, &route[i]))
			return false;
	return true;
}

static bool
cors_ok(const struct image_head *head)
{
	const struct image_cors *cors = image_array(head, IMAGE_CORS);
	uint32_t i;

	for (i = 0; i < count(head, IMAGE_CORS); i++, cors++)
		if (cors->preflight_status < 200 ||
		    cors->preflight_status > 599 ||
		    !run_ok(head, IMAGE_ORIGINS, cors->origins) ||
		    !text_ok(head, cors->preflight) ||
		    !text_ok(head, cors->actual) ||
		    !text_ok(head, cors->methods) ||
		    !text_ok(head, cors->headers) ||
		    !text_ok(head, cors->refused) ||
		    !text_ok(head, cors->actual_refused))
			return false;
	return texts_ok(head, IMAGE_ORIGINS) && texts_ok(head, IMAGE_NAMES);
}

static bool
logs_ok(const struct image_head *head)
{
	const struct image_log *log = image_array(head, IMAGE_LOGS);
	const struct image_piece *piece;
	uint32_t i, j;

	for (i = 0; i < count(head, IMAGE_LOGS); i++, log++) {
		if (!text_ok(head, log->path) ||
		    !run_ok(head, IMAGE_PIECES, log->pieces))
			return false;
		piece = IMAGE_AT(head, IMAGE_PIECES, struct image_piece,
		    log->pieces.first);
		for (j = 0; j < log->pieces.count; j++)
			if (piece[j].kind != IMAGE_PIECE_TEXT &&
			    piece[j].kind != IMAGE_PIECE_CONTEXT)
				return false;
	}
	return true;
}

/*
 * Walk every offset, index and string of the size bytes at base once. base is
 * aligned to 8. Returns 0, or -1 and what is wrong in err. Never reads outside
 * those bytes, whatever they are.
 */
int
image_check(const void *base, size_t size, struct error *err)
{
	static const struct {
		bool (*ok)(const struct image_head *head);
		const char *what;
	} parts[] = {
		{ settings_ok, "settings" },
		{ listeners_ok, "listeners" },
		{ servers_ok, "servers" },
		{ upstreams_ok, "upstreams" },
		{ apis_ok, "APIs" },
		{ stages_ok, "stages" },
		{ hosts_ok, "hosts" },
		{ trees_ok, "path trees" },
		{ functions_ok, "functions" },
		{ routes_ok, "routes" },
		{ cors_ok, "CORS policies" },
		{ logs_ok, "logs" },
	};
	const struct image_head *head = base;
	size_t i;

	assert((uintptr_t)base % 8 == 0);
	if (check_head(head, size, err) < 0)
		return -1;
	for (i = 0; i < sizeof parts / sizeof *parts; i++)
		if (!parts[i].ok(head))
			return error_set(err,
			    "the image's %s are damaged", parts[i].what);
	return 0;
}
