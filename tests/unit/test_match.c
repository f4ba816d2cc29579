/*
 * tests/unit/test_match.c - routing: hosts, base paths, paths, methods
 *
 * Tables of requests against small APIs; what each must meet comes from the
 * contract's sections 1.1-1.3, 5.1 and 9.6.
 */

#include "table/match.h"

#include "spec_maker.h"

struct request {
	const char *method, *path, *route;	/* route NULL: none */
	const char *param;			/* first one's value, or NULL */
	const char *rest;			/* match.path, or NULL */
};

static void
find(const struct table_view *view, const char *host, const char *method,
    const char *path, struct match *match)
{
	table_match(view->head, 0, slice_text(host),
	    image_method_find(slice_text(method)), slice_text(path), match);
}

static void
expect(const struct table_view *view, const struct request *request)
{
	const struct image_head *head = view->head;
	struct match match;

	find(view, "h", request->method, request->path, &match);
	if (request->route == NULL) {
		ck_assert_msg(match.route == NULL, "%s %s met something",
		    request->method, request->path);
		ck_assert_int_eq(match.result, MATCH_NO_ROUTE);
	} else {
		ck_assert_msg(match.route != NULL, "%s %s met nothing",
		    request->method, request->path);
		ck_assert_int_eq(match.result, MATCH_ROUTE);
		assert_slice(image_slice(head, match.route->key),
		    request->route);
	}
	if (request->param != NULL)
		assert_slice(match_param(&match, IMAGE_AT(head, IMAGE_PARAMS,
		    struct image_param, match.route->params.first)),
		    request->param);
	if (request->rest != NULL)
		assert_slice(match.path, request->rest);
}

static void
expect_all(const struct table_view *view, const struct request *requests,
    size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		expect(view, &requests[i]);
}

#define EXPECT_ALL(view, requests) \
	expect_all((view), (requests), sizeof(requests) / sizeof *(requests))

static struct table_view *
rest_api(const char *const *keys, const char *base_path)
{
	struct spec *spec = maker_open();
	struct spec_api *api = maker_api(spec, "pets", "REST");
	struct spec_resource *resource;
	struct table_view *view;
	struct slice path, method;

	maker_listener(spec, "public", "*:8080");
	maker_stage(spec, api, "prod", NULL, base_path);
	for (; *keys != NULL; keys++) {
		path = slice_text(*keys);
		method = slice_until(&path, ' ');
		resource = api->nresources > 0 ?
		    &api->resources[api->nresources - 1] : NULL;
		if (resource == NULL || !slice_eq(resource->path, path))
			resource = maker_resource(spec, api, path.at);
		maker_method(spec, resource, *keys)->method = method;
	}
	view = maker_view(spec);
	maker_close(&spec);
	return view;
}

START_TEST(rest_paths)
{
	static const char *const keys[] = { "POST /test", "OPTIONS /{proxy+}",
		"ANY /test/any", "GET /cats/{id}", "PUT /cats/{id}",
		"GET /cats/mine", "GET /cats/{id}/toys/{toy}",
		"ANY /mice/{proxy+}", "GET /mice/blind/3", NULL };
	static const struct request requests[] = {
		{ "POST", "/test", "POST /test", NULL, "/test" },
		{ "OPTIONS", "/test", "OPTIONS /{proxy+}", "test", NULL },
		{ "OPTIONS", "/test/any", "ANY /test/any", NULL, NULL },
		{ "GET", "/test", NULL, NULL, NULL },
		{ "GET", "/test/any", "ANY /test/any", NULL, NULL },
		{ "GET", "/cats/7", "GET /cats/{id}", "7", NULL },
		{ "GET", "/cats/mine", "GET /cats/mine", NULL, NULL },
		{ "PUT", "/cats/mine", "PUT /cats/{id}", "mine", NULL },
		{ "GET", "/cats/7/", "GET /cats/{id}", "7", "/cats/7/" },
		{ "GET", "/cats/7//", "GET /cats/{id}", "7", "/cats/7//" },
		{ "GET", "/cats//", NULL, NULL, NULL },
		{ "GET", "/cats//toys/1", NULL, NULL, NULL },
		{ "GET", "/cats/mine/toys/1", "GET /cats/{id}/toys/{toy}",
		    "mine", NULL },
		{ "GET", "//cats/7", "GET /cats/{id}", "7", "/cats/7" },
		{ "GET", "/cats/a%2Fb", "GET /cats/{id}", "a%2Fb", NULL },
		{ "GET", "/cats/..", "GET /cats/{id}", "..", NULL },
		{ "GET", "/CATS/7", NULL, NULL, NULL },
		{ "GET", "/cats/7/toys", NULL, NULL, NULL },
		{ "DELETE", "/mice/a/b//c/", "ANY /mice/{proxy+}", "a/b//c",
		    NULL },
		{ "GET", "/mice/blind/3", "GET /mice/blind/3", NULL, NULL },
		{ "GET", "/mice/blind/4", "ANY /mice/{proxy+}", "blind/4",
		    NULL },
		{ "POST", "/mice/blind/3", "ANY /mice/{proxy+}", "blind/3",
		    NULL },
		{ "GET", "/mice/", NULL, NULL, NULL },
		{ "GET", "/mice", NULL, NULL, NULL },
		{ "GET", "/", NULL, NULL, "/" },
		{ "OPTIONS", "/", NULL, NULL, NULL },
		/* ANY is seven methods, no more. */
		{ "PATCH", "/mice/x", "ANY /mice/{proxy+}", "x", NULL },
		{ "PURGE", "/mice/x", NULL, NULL, NULL },
		{ "TRACE", "/test/any", NULL, NULL, NULL },
	};
	struct table_view *view = rest_api(keys, "/");

	EXPECT_ALL(view, requests);
	table_view_unref(&view);
}
END_TEST

/* Golden cases of paths: static and greedy siblings. */
START_TEST(rest_siblings)
{
	static const char *const keys[] = { "GET /part1", "GET /{param+}",
		"GET /part1/hardcoded-value", "GET /hardcoded", NULL };
	static const struct request requests[] = {
		{ "GET", "/stage/part1", "GET /part1", NULL, "/part1" },
		{ "GET", "/stage/part1/hardcoded-value",
		    "GET /part1/hardcoded-value", NULL, NULL },
		{ "GET", "/stage/part1/random-value", "GET /{param+}",
		    "part1/random-value", NULL },
		{ "GET", "/stage/proxy-value/", "GET /{param+}",
		    "proxy-value", "/proxy-value/" },
		{ "GET", "//stage/proxy-value", "GET /{param+}",
		    "proxy-value", "/proxy-value" },
		{ "GET", "/stage//hardcoded", "GET /hardcoded", NULL,
		    "/hardcoded" },
		{ "GET", "/stage//a//b", "GET /{param+}", "a//b", "/a//b" },
		{ "GET", "/stage", NULL, NULL, "/" },
		{ "GET", "/stage/", NULL, NULL, "/" },
		{ "GET", "/stage/test%2Balias@x", "GET /{param+}",
		    "test%2Balias@x", NULL },
	};
	struct table_view *view = rest_api(keys, "/stage");
	struct match match;

	EXPECT_ALL(view, requests);
	find(view, "h", "GET", "/stager/x", &match);
	ck_assert_int_eq(match.result, MATCH_NO_STAGE);
	ck_assert_ptr_null(match.api);
	find(view, "h", "GET", "*", &match);
	ck_assert_int_eq(match.result, MATCH_NO_STAGE);
	table_view_unref(&view);
}
END_TEST

static struct table_view *
http_api(const char *const *keys)
{
	struct spec *spec = maker_open();
	struct spec_api *api = maker_api(spec, "store", "HTTP");
	struct table_view *view;

	maker_listener(spec, "public", "*:8080");
	maker_upstream(spec, "back", "127.0.0.1:9001");
	for (; *keys != NULL; keys++)
		maker_route(spec, api, *keys);
	view = maker_view(spec);
	maker_close(&spec);
	return view;
}

START_TEST(http_routes)
{
	static const char *const keys[] = { "GET /pets/dog/1",
		"GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}",
		"$default", NULL };
	static const struct request requests[] = {
		{ "GET", "/pets/dog/1", "GET /pets/dog/1", NULL, NULL },
		{ "GET", "/pets/dog/2", "GET /pets/dog/{id}", "2", NULL },
		{ "GET", "/pets/cat/1", "GET /pets/{proxy+}", "cat/1", NULL },
		{ "POST", "/test/5", "ANY /{proxy+}", "test/5", NULL },
		{ "POST", "/pets/dog/1", "ANY /{proxy+}", "pets/dog/1", NULL },
		{ "PURGE", "/x", "ANY /{proxy+}", "x", NULL },
		{ "GET", "/", "$default", NULL, "/" },
		{ "GET", "/pets/dog/", "GET /pets/{proxy+}", "dog/", NULL },
		{ "GET", "/pets/dog/1/", "GET /pets/{proxy+}", "dog/1/",
		    "/pets/dog/1/" },
		{ "GET", "/pets/", "ANY /{proxy+}", "pets/", NULL },
	};
	struct table_view *view = http_api(keys);

	EXPECT_ALL(view, requests);
	table_view_unref(&view);
}
END_TEST

START_TEST(http_no_route)
{
	static const char *const keys[] = { "GET /todos", "PUT /todos/{id}",
		NULL };
	static const struct request requests[] = {
		{ "GET", "/todos", "GET /todos", NULL, NULL },
		{ "GET", "/todos/", NULL, NULL, "/todos/" },
		{ "PUT", "/todos/", NULL, NULL, NULL },
		{ "HEAD", "/todos", NULL, NULL, NULL },
		{ "GET", "/", NULL, NULL, NULL },
	};
	struct table_view *view = http_api(keys);
	struct match match;

	EXPECT_ALL(view, requests);
	find(view, "h", "POST", "/todos", &match);
	ck_assert_uint_eq(match_methods(view->head, &match),
	    UINT64_C(1) << IMAGE_METHOD_GET);
	find(view, "h", "POST", "/nothing", &match);
	ck_assert_uint_eq(match_methods(view->head, &match), 0);
	table_view_unref(&view);
}
END_TEST

/* The name of the stage that a request meets; "" for none. */
static struct slice
stage_of(const struct table_view *view, unsigned listener, const char *host,
    const char *path, enum match_result *result_r)
{
	struct match match;

	table_match(view->head, listener, slice_text(host), IMAGE_METHOD_GET,
	    slice_text(path), &match);
	*result_r = match.result;
	return match.stage != NULL ? image_slice(view->head,
	    match.stage->name) : SLICE("");
}

static struct table_view *
hosts_table(void)
{
	struct spec *spec = maker_open();
	struct spec_api *api;
	struct table_view *view;

	maker_listener(spec, "public", "*:8080");
	maker_listener(spec, "private", "*:8081")->private_api = true;
	api = maker_api(spec, "one", "REST");
	maker_stage(spec, api, "exact", "api.example.com", "/");
	maker_stage(spec, api, "deep", "api.example.com", "/orders/v1");
	maker_stage(spec, api, "orders", "api.example.com", "/orders");
	maker_stage(spec, api, "suffix", "*.example.com", "/");
	maker_stage(spec, api, "longer", "*.eu.example.com", "/x");
	maker_method(spec, maker_resource(spec, api, "/a"), "GET");
	api = maker_api(spec, "two", "REST");
	maker_stage(spec, api, "any", NULL, "/any");
	api = maker_api(spec, "three", "REST");
	maker_text(spec, &api->listeners, "private");
	maker_stage(spec, api, "inner", "api.example.com", "/");
	view = maker_view(spec);
	maker_close(&spec);
	return view;
}

START_TEST(hosts_and_base_paths)
{
	static const struct {
		unsigned listener;
		const char *host, *path, *stage;
		enum match_result result;
	} cases[] = {
		{ 0, "api.example.com", "/a", "exact", MATCH_ROUTE },
		{ 0, "API.Example.COM:8080", "/a", "exact", MATCH_ROUTE },
		{ 0, "api.example.com.", "/a", "exact", MATCH_ROUTE },
		{ 0, "api.example.com", "/orders/a", "orders", MATCH_ROUTE },
		{ 0, "api.example.com", "/orders/v1/a", "deep", MATCH_ROUTE },
		{ 0, "api.example.com", "/orders/v1", "deep",
		    MATCH_NO_ROUTE },
		{ 0, "api.example.com", "/orders/v12/a", "orders",
		    MATCH_NO_ROUTE },
		{ 0, "api.example.com", "/ordersx", "exact", MATCH_NO_ROUTE },
		/* No way back to the shorter base path. */
		{ 0, "api.example.com", "/orders/b", "orders",
		    MATCH_NO_ROUTE },
		{ 0, "b.example.com", "/a", "suffix", MATCH_ROUTE },
		{ 0, "c.b.example.com", "/a", "suffix", MATCH_ROUTE },
		{ 0, "c.eu.example.com", "/x/a", "longer", MATCH_ROUTE },
		{ 0, "c.eu.example.com", "/a", "suffix", MATCH_ROUTE },
		{ 0, "example.com", "/a", "", MATCH_NO_STAGE },
		{ 0, "example.com", "/any/a", "any", MATCH_NO_ROUTE },
		{ 0, "[::1]:80", "/any", "any", MATCH_NO_ROUTE },
		{ 0, "", "/any", "any", MATCH_NO_ROUTE },
		{ 0, "other", "/ANY", "", MATCH_NO_STAGE },
		{ 1, "api.example.com", "/a", "inner", MATCH_NO_ROUTE },
		{ 1, "example.com", "/any", "", MATCH_NO_HOST },
		{ 9, "example.com", "/any", "", MATCH_NO_HOST },
	};
	struct table_view *view = hosts_table();
	enum match_result result;
	struct slice stage;
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		stage = stage_of(view, cases[i].listener, cases[i].host,
		    cases[i].path, &result);
		ck_assert_msg(slice_eq(stage, slice_text(cases[i].stage)),
		    "%s %s: stage \"%.*s\"", cases[i].host, cases[i].path,
		    (int)stage.len, stage.at);
		ck_assert_msg(result == cases[i].result, "%s %s: result %d",
		    cases[i].host, cases[i].path, result);
	}
	table_view_unref(&view);
}
END_TEST

static void
repeat(struct buf *out, const char *text, unsigned times)
{
	while (times-- > 0)
		buf_add_text(out, text);
}

/* More segments than can be recorded: greedy still takes them all. */
START_TEST(many_segments)
{
	static const char *const keys[] = { "GET /a/{proxy+}", "GET /b/{x}",
		NULL };
	struct table_view *view = rest_api(keys, "/");
	const struct image_param *param = IMAGE_AT(view->head, IMAGE_PARAMS,
	    struct image_param, 0);
	struct match match;
	struct buf path;

	buf_open(&path);
	buf_add_text(&path, "/a");
	repeat(&path, "/s", 5000);
	table_match(view->head, 0, SLICE("h"), IMAGE_METHOD_GET,
	    buf_slice(&path), &match);
	ck_assert_int_eq(match.result, MATCH_ROUTE);
	ck_assert_uint_eq(match_param(&match, param).len, 9999);
	ck_assert_uint_eq(match.nsegments, IMAGE_SEGMENTS_MAX);
	path.at[1] = 'b';
	table_match(view->head, 0, SLICE("h"), IMAGE_METHOD_GET,
	    buf_slice(&path), &match);
	ck_assert_int_eq(match.result, MATCH_NO_ROUTE);
	buf_close(&path);
	table_view_unref(&view);
}
END_TEST

/* One segment longer than can be recorded, and one that is not. */
START_TEST(long_segments)
{
	static const char *const keys[] = { "GET /{proxy+}", "GET /{x}/{y}",
		NULL };
	struct table_view *view = rest_api(keys, "/");
	struct match match;
	struct buf path;

	buf_open(&path);
	buf_add_text(&path, "/a/");
	repeat(&path, "0123456789abcdef", 5000);
	table_match(view->head, 0, SLICE("h"), IMAGE_METHOD_GET,
	    buf_slice(&path), &match);
	ck_assert_int_eq(match.result, MATCH_ROUTE);
	assert_slice(image_slice(view->head, match.route->key),
	    "GET /{proxy+}");
	table_match(view->head, 0, SLICE("h"), IMAGE_METHOD_GET,
	    slice_of(path.at, 60000), &match);
	assert_slice(image_slice(view->head, match.route->key),
	    "GET /{x}/{y}");
	buf_close(&path);
	table_view_unref(&view);
}
END_TEST

/* A tree that offers two ways at each step, and a path that fits none. */
START_TEST(backtracking)
{
	static const char *const keys[] = { "GET /a/a/a/a/a/x",
		"GET /a/a/a/a/{e}/y", "GET /a/{b}/a/{d}/a/z",
		"GET /{a}/{b}/{c}/{d}/{e}/w", "PUT /{proxy+}", NULL };
	static const struct request requests[] = {
		{ "GET", "/a/a/a/a/a/x", "GET /a/a/a/a/a/x", NULL, NULL },
		{ "GET", "/a/a/a/a/a/y", "GET /a/a/a/a/{e}/y", "a", NULL },
		{ "GET", "/a/a/a/a/a/z", "GET /a/{b}/a/{d}/a/z", "a", NULL },
		{ "GET", "/a/a/a/a/a/w", "GET /{a}/{b}/{c}/{d}/{e}/w", "a",
		    NULL },
		{ "GET", "/a/a/a/a/a/v", NULL, NULL, NULL },
		{ "PUT", "/a/a/a/a/a/w", "PUT /{proxy+}", "a/a/a/a/a/w",
		    NULL },
	};
	struct table_view *view = rest_api(keys, "/");
	struct match match;

	EXPECT_ALL(view, requests);
	find(view, "h", "HEAD", "/a/a/a/a/a/x", &match);
	ck_assert_uint_eq(match_methods(view->head, &match),
	    UINT64_C(1) << IMAGE_METHOD_GET | UINT64_C(1) <<
	    IMAGE_METHOD_PUT);
	table_view_unref(&view);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("match");
	TCase *tests = tcase_create("match");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, rest_paths);
	tcase_add_test(tests, rest_siblings);
	tcase_add_test(tests, http_routes);
	tcase_add_test(tests, http_no_route);
	tcase_add_test(tests, hosts_and_base_paths);
	tcase_add_test(tests, many_segments);
	tcase_add_test(tests, long_segments);
	tcase_add_test(tests, backtracking);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
