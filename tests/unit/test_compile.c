/*
 * tests/unit/test_compile.c - configurations into images, detail by detail
 */

#include "config/context.h"
#include "spec_maker.h"
#include "table/match.h"
#include "util/clock.h"

/* A REST API with one resource on one listener. */
struct small {
	struct spec *spec;
	struct spec_api *api;
	struct spec_resource *resource;
};

static struct small
small_open(const char *path)
{
	struct small small = { .spec = maker_open() };

	maker_listener(small.spec, "public", "*:8080");
	maker_upstream(small.spec, "back", "127.0.0.1:9001");
	small.api = maker_api(small.spec, "pets", "REST");
	maker_stage(small.spec, small.api, "prod", NULL, "/");
	small.resource = maker_resource(small.spec, small.api, path);
	return small;
}

static const struct image_route *
route_at(const struct table_view *view, const char *key)
{
	const struct image_route *route = image_array(view->head,
	    IMAGE_ROUTES);
	uint32_t i;

	for (i = 0; i < view->head->sections[IMAGE_ROUTES].count; i++)
		if (slice_eq(image_slice(view->head, route[i].key),
		    slice_text(key)))
			return &route[i];
	ck_abort_msg("no route %s", key);
	return NULL;
}

static const struct image_cors *
cors_at(const struct table_view *view, const char *key)
{
	const struct image_route *route = route_at(view, key);

	ck_assert_uint_ne(route->cors, IMAGE_NONE);
	return IMAGE_AT(view->head, IMAGE_CORS, struct image_cors,
	    route->cors);
}

static const struct image_integration *
integration_at(const struct table_view *view, const char *key)
{
	return IMAGE_AT(view->head, IMAGE_INTEGRATIONS,
	    struct image_integration, route_at(view, key)->integration);
}

#define assert_text(view, text, want) \
	assert_slice(image_slice((view)->head, (text)), (want))

static struct table_view *
small_view(struct small *small)
{
	struct table_view *view = maker_view(small->spec);

	maker_close(&small->spec);
	return view;
}

/* Compiling must fail with a sentence that has this in it. */
static void
assert_refused(struct small *small, const char *want)
{
	struct error err = { "" };

	ck_assert_ptr_null(maker_try_view(small->spec, 1, &err));
	ck_assert_msg(strstr(err.text, want) != NULL, "\"%s\" lacks \"%s\"",
	    err.text, want);
	ck_assert_msg(strncmp(err.text, "test.conf:", 10) == 0, "%s",
	    err.text);
	maker_close(&small->spec);
}

START_TEST(preflight_methods)
{
	struct small small = small_open("/a");
	struct spec_resource *other;
	struct table_view *view;

	small.api->cors.set = true;
	maker_text(small.spec, &small.api->cors.origins, "*");
	maker_text(small.spec, &small.api->cors.headers, "authtoken");
	maker_text(small.spec, &small.api->cors.headers, "content-TYPE");
	maker_method(small.spec, small.resource, "PUT");
	maker_method(small.spec, small.resource, "DELETE");
	other = maker_resource(small.spec, small.api, "/any");
	maker_method(small.spec, other, "ANY");
	other = maker_resource(small.spec, small.api, "/own");
	maker_method(small.spec, other, "GET");
	maker_method(small.spec, other, "OPTIONS");
	view = small_view(&small);
	assert_text(view, cors_at(view, "OPTIONS /a")->methods,
	    "DELETE,OPTIONS,PUT");
	assert_text(view, cors_at(view, "OPTIONS /a")->headers,
	    "Content-Type,X-Amz-Date,Authorization,X-Api-Key,"
	    "X-Amz-Security-Token,authtoken");
	ck_assert_uint_eq(route_at(view, "OPTIONS /a")->flags,
	    IMAGE_ROUTE_PREFLIGHT);
	assert_text(view, cors_at(view, "OPTIONS /any")->methods,
	    "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT");
	ck_assert_uint_eq(route_at(view, "OPTIONS /any")->flags,
	    IMAGE_ROUTE_PREFLIGHT);
	ck_assert_uint_eq(route_at(view, "OPTIONS /own")->flags,
	    IMAGE_ROUTE_OWN_OPTIONS);
	ck_assert_uint_ne(route_at(view, "OPTIONS /own")->integration,
	    IMAGE_NONE);
	table_view_unref(&view);
}
END_TEST

START_TEST(preflight_bytes)
{
	struct small small = small_open("/a");
	struct spec_cors *cors = &small.resource->cors;
	struct table_view *view;
	const struct image_cors *record;

	cors->set = true;
	cors->max_age_ms = 300000;
	maker_text(small.spec, &cors->origins, "https://b");
	maker_text(small.spec, &cors->origins, "https://a");
	maker_text(small.spec, &cors->methods, "POST");
	maker_pair(small.spec, &small.api->response_headers, "X-Frame", "no");
	maker_pair(small.spec, &small.api->response_headers, "X-Who", "api");
	maker_pair(small.spec, &small.resource->response_headers, "x-who",
	    "resource");
	maker_pair(small.spec, &small.resource->response_headers,
	    "Content-Type", "text/plain");
	maker_pair(small.spec, &small.resource->response_headers,
	    "access-control-allow-origin", "https://c");
	maker_method(small.spec, small.resource, "GET");
	view = small_view(&small);
	record = cors_at(view, "GET /a");
	ck_assert_uint_eq(record->preflight_status, 200);
	assert_text(view, record->preflight, "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/json\r\n"
	    "Content-Length: 0\r\n"
	    "Vary: Origin\r\n"
	    "Access-Control-Allow-Methods: POST\r\n"
	    "Access-Control-Allow-Headers: Content-Type,X-Amz-Date,"
	    "Authorization,X-Api-Key,X-Amz-Security-Token\r\n"
	    "Access-Control-Max-Age: 300\r\n"
	    "X-Frame: no\r\n"
	    "x-who: resource\r\n");
	ck_assert_uint_eq(record->origins.count, 2);
	assert_text(view, *IMAGE_AT(view->head, IMAGE_ORIGINS,
	    struct image_text, record->origins.first), "https://a");
	assert_text(view, route_at(view, "GET /a")->response_lines,
	    "X-Frame: no\r\nx-who: resource\r\nContent-Type: text/plain\r\n");
	ck_assert_uint_eq(route_at(view, "GET /a")->response_names.count, 3);
	table_view_unref(&view);
}
END_TEST

START_TEST(lines_innermost)
{
	struct small small = small_open("/a");
	struct spec_method *method = maker_method(small.spec, small.resource,
	    "GET");
	struct spec *spec = small.spec;
	struct table_view *view;
	const struct image_api *api;

	maker_pair(spec, &small.api->request_headers, "A", "api");
	maker_pair(spec, &small.api->request_headers, "B", "api");
	maker_pair(spec, &small.api->response_headers, "R", "api");
	maker_pair(spec, &small.resource->request_headers, "b", "resource");
	maker_pair(spec, &method->request_headers, "C", "method");
	maker_pair(spec, &method->request_headers, "C", "again");
	maker_pair(spec, &method->integration.request_headers, "a", "inner");
	maker_pair(spec, &method->integration.response_headers, "r", "inner");
	view = small_view(&small);
	assert_text(view, route_at(view, "GET /a")->request_lines,
	    "b: resource\r\nC: method\r\nC: again\r\na: inner\r\n");
	ck_assert_uint_eq(route_at(view, "GET /a")->request_names.count, 3);
	assert_text(view, route_at(view, "GET /a")->response_lines,
	    "r: inner\r\n");
	api = image_array(view->head, IMAGE_APIS);
	assert_text(view, api->response_lines, "R: api\r\n");
	table_view_unref(&view);
}
END_TEST

static struct spec_integration *
proxy(struct small *small, const char *url, const char *path)
{
	struct spec_integration *it = &maker_method(small->spec,
	    small->resource, "GET")->integration;

	it->type = SLICE("HTTP_PROXY");
	if (url != NULL)
		it->url = slice_text(url);
	else
		it->upstream = SLICE("back");
	it->has_path = path != NULL;
	it->path = slice_text(path);
	return it;
}

static void
assert_piece(const struct table_view *view, struct image_run run, uint32_t at,
    enum image_piece_kind kind, const char *text, uint32_t arg)
{
	const struct image_piece *piece = IMAGE_AT(view->head, IMAGE_PIECES,
	    struct image_piece, run.first + at);

	ck_assert_uint_lt(at, run.count);
	ck_assert_uint_eq(piece->kind, kind);
	ck_assert_uint_eq(piece->arg, arg);
	assert_text(view, piece->text, text);
}

START_TEST(templates)
{
	struct small small = small_open("/c/{id}/{rest+}");
	const struct image_integration *it;
	const struct image_route *route;
	const struct image_param *param;
	struct table_view *view;

	proxy(&small, NULL, "/v1/{id}/x/{rest+}{no}?y=${stageVariables.z}"
	    "&q={id}${other}");
	view = small_view(&small);
	route = route_at(view, "GET /c/{id}/{rest+}");
	it = integration_at(view, "GET /c/{id}/{rest+}");
	assert_text(view, route->resource, "/c/{id}/{rest+}");
	param = IMAGE_AT(view->head, IMAGE_PARAMS, struct image_param,
	    route->params.first);
	ck_assert_uint_eq(route->params.count, 2);
	assert_text(view, param[0].name, "id");
	ck_assert_uint_eq(param[0].segment, 1);
	assert_text(view, param[1].name, "rest");
	ck_assert_uint_eq(param[1].segment, 2);
	ck_assert_uint_eq(param[1].greedy, 1);
	ck_assert_uint_eq(it->path.count, 5);
	assert_piece(view, it->path, 0, IMAGE_PIECE_TEXT, "/v1/", 0);
	assert_piece(view, it->path, 1, IMAGE_PIECE_PARAM, "", 0);
	assert_piece(view, it->path, 2, IMAGE_PIECE_TEXT, "/x/", 0);
	assert_piece(view, it->path, 3, IMAGE_PIECE_PARAM, "", 1);
	assert_piece(view, it->path, 4, IMAGE_PIECE_TEXT, "{no}", 0);
	ck_assert_uint_eq(it->query.count, 5);
	assert_piece(view, it->query, 1, IMAGE_PIECE_VARIABLE, "z", 0);
	assert_piece(view, it->query, 2, IMAGE_PIECE_TEXT, "&q=", 0);
	assert_piece(view, it->query, 4, IMAGE_PIECE_TEXT, "${other}", 0);
	ck_assert_uint_eq(it->timeout_ms, 29000);
	ck_assert_uint_eq(it->method, IMAGE_METHOD_ANY);
	table_view_unref(&view);
}
END_TEST

START_TEST(urls_share_upstreams)
{
	struct small small = small_open("/a");
	const struct image_upstream *upstream;
	const struct image_server *server;
	struct table_view *view;
	uint32_t first;

	proxy(&small, "http://Example.test:81/p?q", NULL);
	small.resource = maker_resource(small.spec, small.api, "/b");
	proxy(&small, "http://Example.test:81", NULL);
	small.resource = maker_resource(small.spec, small.api, "/c");
	proxy(&small, "http://[::1]/x", NULL);
	view = small_view(&small);
	first = integration_at(view, "GET /a")->upstream;
	ck_assert_uint_eq(first, integration_at(view, "GET /b")->upstream);
	ck_assert_uint_eq(view->head->sections[IMAGE_UPSTREAMS].count, 3);
	upstream = IMAGE_AT(view->head, IMAGE_UPSTREAMS, struct image_upstream,
	    first);
	assert_text(view, upstream->name, "http://Example.test:81");
	server = IMAGE_AT(view->head, IMAGE_SERVERS, struct image_server,
	    upstream->servers.first);
	ck_assert_uint_eq(server->address.family, IMAGE_FAMILY_NAME);
	ck_assert_uint_eq(server->address.port, 81);
	assert_text(view, server->address.text, "Example.test");
	assert_text(view, server->host, "Example.test:81");
	ck_assert_uint_ne(server->name_id, 0);
	assert_piece(view, integration_at(view, "GET /b")->path, 0,
	    IMAGE_PIECE_TEXT, "/", 0);
	assert_piece(view, integration_at(view, "GET /a")->query, 0,
	    IMAGE_PIECE_TEXT, "q", 0);
	server = IMAGE_AT(view->head, IMAGE_SERVERS, struct image_server, 2);
	ck_assert_uint_eq(server->address.family, IMAGE_FAMILY_INET6);
	ck_assert_uint_eq(server->address.port, 80);
	ck_assert_uint_eq(server->address.ip[15], 1);
	table_view_unref(&view);
}
END_TEST

START_TEST(urls_by_stage)
{
	struct small small = small_open("/a");
	const struct image_integration *it;
	struct spec_stage *stage;
	const uint32_t *index;
	struct table_view *view;

	maker_pair(small.spec, &small.api->stages[0].variables, "h", "one:1");
	maker_stage(small.spec, small.api, "none", NULL, "/none");
	stage = maker_stage(small.spec, small.api, "bad", NULL, "/bad");
	maker_pair(small.spec, &stage->variables, "h", "a b");
	stage = maker_stage(small.spec, small.api, "two", NULL, "/two");
	maker_pair(small.spec, &stage->variables, "h", "two");
	maker_pair(small.spec, &stage->variables, "a", "1");
	proxy(&small, "http://${stageVariables.h}/p/${stageVariables.a}",
	    NULL);
	view = small_view(&small);
	it = integration_at(view, "GET /a");
	ck_assert_uint_eq(it->upstream, IMAGE_NONE);
	ck_assert_uint_eq(it->by_stage.count, 4);
	index = IMAGE_AT(view->head, IMAGE_INDEXES, uint32_t,
	    it->by_stage.first);
	assert_text(view, IMAGE_AT(view->head, IMAGE_UPSTREAMS,
	    struct image_upstream, index[0])->name, "http://one:1");
	ck_assert_uint_eq(index[1], IMAGE_NONE);
	ck_assert_uint_eq(index[2], IMAGE_NONE);
	assert_text(view, IMAGE_AT(view->head, IMAGE_UPSTREAMS,
	    struct image_upstream, index[3])->name, "http://two");
	stage = NULL;
	assert_text(view, IMAGE_AT(view->head, IMAGE_VARIABLES,
	    struct image_pair, IMAGE_AT(view->head, IMAGE_STAGES,
	    struct image_stage, 3)->variables.first)->name, "a");
	table_view_unref(&view);
}
END_TEST

START_TEST(http_api)
{
	struct spec *spec = maker_open();
	struct spec_api *api;
	struct spec_method *route;
	struct table_view *view;
	const struct image_integration *it;
	const struct image_api *record;

	maker_listener(spec, "public", "*:8080");
	maker_upstream(spec, "back", "unix:/run/b.sock");
	api = maker_api(spec, "store", "HTTP");
	api->cors.set = true;
	api->cors.preflight_route = true;
	maker_text(spec, &api->cors.origins, "https://a");
	maker_text(spec, &api->cors.methods, "GET");
	maker_text(spec, &api->cors.methods, "POST");
	maker_pair(spec, &api->response_headers, "X-Api", "store");
	maker_route(spec, api, "OPTIONS /own");
	maker_route(spec, api, "GET /asis");
	route = maker_route(spec, api, "$default");
	route->integration.upstream = SLICE("");
	route->integration.url = SLICE("http://127.0.0.1:9/base/");
	view = maker_view(spec);
	record = image_array(view->head, IMAGE_APIS);
	it = integration_at(view, "$default");
	ck_assert_uint_eq(it->flags, IMAGE_PATH_APPEND);
	assert_piece(view, it->path, 0, IMAGE_PIECE_TEXT, "/base", 0);
	ck_assert_uint_eq(it->timeout_ms, 30000);
	ck_assert_uint_eq(integration_at(view, "GET /asis")->flags,
	    IMAGE_PATH_ASIS);
	ck_assert_uint_eq(route_at(view, "OPTIONS /own")->flags,
	    IMAGE_ROUTE_OWN_OPTIONS);
	ck_assert_uint_eq(route_at(view, "$default")->flags,
	    IMAGE_ROUTE_DEFAULT);
	ck_assert_ptr_eq(route_at(view, "$default"), IMAGE_AT(view->head,
	    IMAGE_ROUTES, struct image_route, record->default_route));
	ck_assert_uint_eq(record->cors, route_at(view, "$default")->cors);
	ck_assert_uint_eq(cors_at(view, "$default")->flags, IMAGE_CORS_ROUTE);
	assert_text(view, cors_at(view, "$default")->preflight,
	    "HTTP/1.1 204 No Content\r\nvary: Origin\r\n"
	    "access-control-allow-methods: GET,POST\r\nX-Api: store\r\n");
	assert_text(view, cors_at(view, "$default")->refused,
	    "HTTP/1.1 204 No Content\r\nvary: Origin\r\nX-Api: store\r\n");
	table_view_unref(&view);
	maker_close(&spec);
}
END_TEST

START_TEST(refusals)
{
	static const char deep[] = "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0"
	    "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0"
	    "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5";
	static const char params[] = "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"
	    "/{j}/{k}/{l}/{m}/{n}/{o}/{p}/{q}";
	struct small small = small_open(deep);
	unsigned i;

	maker_method(small.spec, small.resource, "GET");
	assert_refused(&small, "more than 64 segments");
	small = small_open(params);
	maker_method(small.spec, small.resource, "GET");
	assert_refused(&small, "more than 16 parameters");
	small = small_open("/{x+}/y");
	maker_method(small.spec, small.resource, "GET");
	assert_refused(&small, "{x+} is not the last segment");
	small = small_open("/a");
	maker_method(small.spec, small.resource, "GET");
	maker_method(small.spec, maker_resource(small.spec, small.api, "/a/"),
	    "PUT");
	assert_refused(&small, "stands for the same requests");
	small = small_open("/a");
	maker_method(small.spec, small.resource, "FETCH");
	assert_refused(&small, "\"FETCH\" is not an HTTP method");
	small = small_open("/a");
	maker_stage(small.spec, small.api, "other", NULL, "/");
	assert_refused(&small, "is taken by another stage");
	small = small_open("/a");
	proxy(&small, "ftp://x/", NULL);
	assert_refused(&small, "does not begin with http://");
	small = small_open("/a");
	proxy(&small, "http://a:b:c/", NULL);
	assert_refused(&small, "is not host or host:port");
	small = small_open("/a");
	proxy(&small, NULL, NULL)->upstream = SLICE("gone");
	assert_refused(&small, "no upstream \"gone\"");
	small = small_open("/a");
	maker_listener(small.spec, "x", "localhost:1");
	assert_refused(&small, "a number, not a name");
	small = small_open("/a");
	for (i = 0; i < IMAGE_LISTENERS_MAX; i++)
		maker_listener(small.spec, "x", "127.0.0.1:1");
	assert_refused(&small, "more than 64 listeners");
}
END_TEST

START_TEST(access_logs)
{
	struct small small = small_open("/a");
	const struct image_settings *settings;
	const struct image_stage *stage;
	const struct image_log *log;
	struct table_view *view;

	maker_stage(small.spec, small.api, "off", NULL, "/off");
	small.api->stages[1].access_log.set = true;
	small.api->stages[1].access_log.path = SLICE("off");
	maker_stage(small.spec, small.api, "own", NULL, "/own");
	small.api->stages[2].access_log.set = true;
	small.api->stages[2].access_log.path = SLICE("/tmp/x.log");
	small.api->stages[2].access_log.format = SLICE(" {\"a\":"
	    "\"$context.status\",\"u\":\"$context.request.header.User-Agent\""
	    ",\"c\":\"$context.authorizer.claims.sub\"}");
	view = small_view(&small);
	settings = image_settings(view->head);
	stage = image_array(view->head, IMAGE_STAGES);
	ck_assert_uint_ne(settings->log, IMAGE_NONE);
	ck_assert_uint_eq(stage[0].log, settings->log);
	ck_assert_uint_eq(stage[1].log, IMAGE_NONE);
	log = IMAGE_AT(view->head, IMAGE_LOGS, struct image_log,
	    stage[2].log);
	ck_assert_uint_eq(log->json, 1);
	ck_assert_uint_eq(log->pieces.count, 7);
	assert_piece(view, log->pieces, 1, IMAGE_PIECE_CONTEXT, "status",
	    CONTEXT_STATUS);
	assert_piece(view, log->pieces, 3, IMAGE_PIECE_CONTEXT, "User-Agent",
	    CONTEXT_REQUEST_HEADER);
	assert_piece(view, log->pieces, 5, IMAGE_PIECE_CONTEXT,
	    "authorizer.claims.sub", CONTEXT_UNKNOWN);
	log = IMAGE_AT(view->head, IMAGE_LOGS, struct image_log, stage[0].log);
	ck_assert_uint_eq(log->json, 0);
	assert_piece(view, log->pieces, 0, IMAGE_PIECE_CONTEXT,
	    "identity.sourceIp", CONTEXT_SOURCE_IP);
	assert_piece(view, log->pieces, 1, IMAGE_PIECE_TEXT, " - - [", 0);
	table_view_unref(&view);
}
END_TEST

START_TEST(context_names)
{
	struct slice rest = SLICE("a$context.requestId.$x$context.nope!");
	struct context_part part;

	ck_assert(context_next(&rest, &part) && !part.variable);
	ck_assert(context_next(&rest, &part) && part.variable);
	assert_slice(part.name, "requestId");
	ck_assert(context_next(&rest, &part));
	assert_slice(part.text, ".$x");
	ck_assert(context_next(&rest, &part) && part.variable);
	ck_assert_uint_eq(part.value, IMAGE_NONE);
	ck_assert(context_next(&rest, &part));
	assert_slice(part.text, "!");
	ck_assert(!context_next(&rest, &part));
	ck_assert_uint_eq(context_lookup(SLICE("identity.caller")),
	    CONTEXT_UNKNOWN);
	ck_assert_uint_eq(context_lookup(SLICE("")), IMAGE_NONE);
	ck_assert_uint_eq(context_lookup(SLICE("request.header.")),
	    IMAGE_NONE);
}
END_TEST

START_TEST(listeners)
{
	struct small small = small_open("/a");
	const struct image_listener *listener;
	struct spec_api *api;
	struct table_view *view;

	maker_listener(small.spec, "six", "[::]:81");
	maker_listener(small.spec, "sock", "unix:/run/g.sock");
	maker_listener(small.spec, "inner", "127.0.0.1:82")->private_api =
	    true;
	api = maker_api(small.spec, "inner", "HTTP");
	maker_text(small.spec, &api->listeners, "inner");
	maker_route(small.spec, api, "GET /x");
	view = small_view(&small);
	listener = image_array(view->head, IMAGE_LISTENERS);
	ck_assert_uint_eq(listener[0].address.family, IMAGE_FAMILY_INET);
	ck_assert_uint_eq(listener[0].address.port, 8080);
	ck_assert_uint_eq(listener[0].backlog, 511);
	ck_assert_uint_eq(listener[1].address.family, IMAGE_FAMILY_INET6);
	ck_assert_uint_eq(listener[2].address.family, IMAGE_FAMILY_UNIX);
	assert_text(view, listener[2].address.text, "/run/g.sock");
	ck_assert_uint_eq(listener[0].has_rest, 1);
	ck_assert_uint_eq(listener[3].has_rest, 0);
	ck_assert_uint_ne(listener[3].any_host, 0);
	ck_assert_uint_ne(listener[0].id, listener[1].id);
	table_view_unref(&view);
}
END_TEST

/* What is large stays quick and small: 10,000 routes. */
START_TEST(ten_thousand)
{
	static char paths[10000][40];
	struct small small = small_open("/");
	struct spec_integration *it;
	struct table_view *view;
	uint64_t before;
	unsigned i;

	for (i = 0; i < 10000; i++) {
		snprintf(paths[i], sizeof paths[i], "/area%u/item%u/{id}",
		    i % 100, i);
		small.resource = maker_resource(small.spec, small.api,
		    paths[i]);
		it = proxy(&small, NULL, "/v1/things/{id}");
		it->path = slice_text(paths[i]);
	}
	before = clock_now_ms();
	view = maker_view(small.spec);
	ck_assert_uint_lt(clock_now_ms() - before, 2000);
	ck_assert_uint_eq(view->head->sections[IMAGE_ROUTES].count, 10000);
	ck_assert_uint_lt(view->size / 10000, 500);
	table_view_unref(&view);
	maker_close(&small.spec);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("compile");
	TCase *tests = tcase_create("compile");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, preflight_methods);
	tcase_add_test(tests, preflight_bytes);
	tcase_add_test(tests, lines_innermost);
	tcase_add_test(tests, templates);
	tcase_add_test(tests, urls_share_upstreams);
	tcase_add_test(tests, urls_by_stage);
	tcase_add_test(tests, http_api);
	tcase_add_test(tests, refusals);
	tcase_add_test(tests, access_logs);
	tcase_add_test(tests, context_names);
	tcase_add_test(tests, listeners);
	tcase_add_test(tests, ten_thousand);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
