/*
 * tests/unit/test_table.c - images: sealed, deterministic, never trusted
 *
 * The build and view of images, the check against damage, and what the tools
 * say about an image.
 */

#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include "spec_maker.h"
#include "table/dump.h"
#include "table/match.h"
#include "util/mem.h"

/* A little of everything. */
static struct spec *
small_spec(void)
{
	struct spec *spec = maker_open();
	struct spec_api *api;
	struct spec_resource *resource;
	struct spec_method *method;
	struct spec_stage *stage;

	maker_listener(spec, "public", "*:8080");
	maker_listener(spec, "inner", "unix:/run/x.sock")->private_api = true;
	maker_upstream(spec, "back", "127.0.0.1:9001");
	maker_upstream(spec, "named", "backend.local:9002");
	api = maker_api(spec, "pets", "REST");
	maker_pair(spec, &api->response_headers, "X-Api", "pets");
	stage = maker_stage(spec, api, "prod", "api.example.com", "/prod");
	maker_pair(spec, &stage->variables, "color", "blue");
	maker_pair(spec, &stage->variables, "back", "127.0.0.1:7");
	maker_text(spec, &stage->hosts, "*.example.org");
	resource = maker_resource(spec, api, "/cats/{id}");
	resource->cors.set = true;
	maker_text(spec, &resource->cors.origins, "https://b.example.com");
	maker_text(spec, &resource->cors.origins, "https://a.example.com");
	maker_text(spec, &resource->cors.headers, "authtoken");
	method = maker_method(spec, resource, "GET");
	method->integration.type = SLICE("HTTP_PROXY");
	method->integration.upstream = SLICE("back");
	method->integration.has_path = true;
	method->integration.path = SLICE("/v1/{id}?c=${stageVariables.color}");
	method = maker_method(spec, resource, "PUT");
	method->integration.type = SLICE("HTTP_PROXY");
	method->integration.url = SLICE("http://${stageVariables.back}/x");
	resource = maker_resource(spec, api, "/mice/{proxy+}");
	maker_method(spec, resource, "ANY")->integration.body = SLICE("eek");
	api = maker_api(spec, "store", "HTTP");
	api->cors.set = true;
	maker_text(spec, &api->cors.origins, "*");
	maker_text(spec, &api->cors.methods, "GET");
	maker_route(spec, api, "GET /items/{id}");
	maker_route(spec, api, "$default");
	return spec;
}

static int
seal(const struct spec *spec, uint64_t generation)
{
	struct table_build *build = table_build_open();
	struct error err = { "" };
	int fd = -1;

	ck_assert_msg(config_compile(spec, build, &err) == 0, "%s", err.text);
	ck_assert_msg(table_build_seal(build, generation, &fd, &err) == 0,
	    "%s", err.text);
	table_build_close(&build);
	return fd;
}

START_TEST(sealed)
{
	struct spec *spec = small_spec();
	int fd = seal(spec, 7), again;
	char path[40];
	struct stat st;
	void *map;

	ck_assert_int_eq(fcntl(fd, F_GET_SEALS) & 15, F_SEAL_SEAL |
	    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(write(fd, "x", 1), -1);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_int_eq(fstat(fd, &st), 0);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	ck_assert_ptr_eq(map, MAP_FAILED);
	/* Not even through a new descriptor that may write. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	if (again >= 0) {
		ck_assert_int_eq(pwrite(again, "x", 1, 0), -1);
		ck_assert_int_eq(ftruncate(again, 0), -1);
		close(again);
	}
	close(fd);
	maker_close(&spec);
}
END_TEST

START_TEST(unsealed_refused)
{
	struct spec *spec = small_spec();
	int fd = seal(spec, 1), copy;
	struct table_view *view = NULL;
	struct error err = { "" };
	char buf[4096];
	ssize_t n;

	copy = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	while ((n = read(fd, buf, sizeof buf)) > 0)
		ck_assert_int_eq(write(copy, buf, (size_t)n), n);
	ck_assert_int_eq(table_view_open(copy, &view, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "sealed"));
	ck_assert_int_eq(fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE |
	    F_SEAL_SHRINK | F_SEAL_GROW), 0);
	ck_assert_int_eq(table_view_open(copy, &view, &err), 0);
	table_view_unref(&view);
	ck_assert_ptr_null(view);
	close(copy);
	close(fd);
	maker_close(&spec);
}
END_TEST

static void
count_close(void *companion)
{
	++*(int *)companion;
}

START_TEST(references)
{
	struct spec *spec = small_spec();
	struct table_view *view = maker_view(spec), *other;
	int closed = 0;

	view->companion = &closed;
	view->companion_close = count_close;
	other = table_view_ref(view);
	table_view_unref(&view);
	ck_assert_int_eq(closed, 0);
	ck_assert_uint_eq(other->head->generation, 1);
	table_view_unref(&other);
	ck_assert_int_eq(closed, 1);
	maker_close(&spec);
}
END_TEST

START_TEST(deterministic)
{
	struct spec *spec = small_spec(), *twin = small_spec();
	struct error err;
	struct table_view *a = maker_try_view(spec, 1, &err);
	struct table_view *b = maker_try_view(twin, 99, &err);
	struct table_changes changes;
	size_t head = sizeof(struct image_head);

	ck_assert_uint_eq(a->size, b->size);
	ck_assert_mem_eq(a->head->hash, b->head->hash, 32);
	ck_assert_mem_eq((const char *)a->head + head,
	    (const char *)b->head + head, a->size - head);
	table_changes_count(a->head, b->head, &changes);
	ck_assert_uint_eq(changes.routes_added + changes.routes_removed +
	    changes.routes_changed + changes.upstreams_changed, 0);
	table_view_unref(&a);
	table_view_unref(&b);
	maker_close(&spec);
	maker_close(&twin);
}
END_TEST

/* Use an image as a worker and the tools would. */
static void
use(const struct image_head *image)
{
	static const char *const paths[] = { "/prod/cats/1", "/prod/mice/a/b",
		"/items/5", "/x", "/" };
	static const struct slice headers[] = { { "Origin: https://a", 17 },
		{ "Host: api.example.com", 21 } };
	struct error err;
	struct match match;
	struct buf out;
	size_t i;
	unsigned method;

	buf_open(&out);
	for (i = 0; i < sizeof paths / sizeof *paths; i++)
		for (method = 0; method < 8; method++) {
			table_match(image, 0, SLICE("api.example.com"),
			    method, slice_text(paths[i]), &match);
			match_methods(image, &match);
			out.len = 0;
			table_explain(image, SLICE(""), slice_text(
			    image_method_name(method)), slice_text(paths[i]),
			    headers, 2, i & 1, &out, &err);
		}
	table_dump_routes(image, true, &out);
	table_dump_routes(image, false, &out);
	table_dump_diff(image, image, false, &out);
	buf_close(&out);
}

/* Every 4-byte word changed in several ways: refused, or harmless. */
START_TEST(damage)
{
	static const uint32_t flips[] = { 1, 0x80, 0x10000, 0x80000000,
		0xffffffff };
	struct spec *spec = small_spec();
	struct table_view *view = maker_view(spec);
	char *copy = mem_new(view->size);
	struct error err;
	uint32_t word, flipped;
	size_t at, i;
	unsigned refused = 0;

	for (at = 0; at + 4 <= view->size; at += 4)
		for (i = 0; i < sizeof flips / sizeof *flips; i++) {
			memcpy(copy, view->head, view->size);
			memcpy(&word, copy + at, 4);
			flipped = word ^ flips[i];
			memcpy(copy + at, &flipped, 4);
			if (image_check(copy, view->size, &err) < 0)
				refused++;
			else
				use((const struct image_head *)(void *)copy);
		}
	ck_assert_uint_gt(refused, view->size / 16);
	ck_assert_int_eq(image_check(view->head, view->size, &err), 0);
	free(copy);
	table_view_unref(&view);
	maker_close(&spec);
}
END_TEST

START_TEST(cut_short)
{
	struct spec *spec = small_spec();
	struct table_view *view = maker_view(spec);
	struct image_head *copy;
	const struct image_section *last =
	    &view->head->sections[IMAGE_STRINGS];
	struct error err;
	size_t size;

	for (size = 0; size < view->size; size += 8) {
		copy = mem_new(size);
		memcpy(copy, view->head, size);
		ck_assert_int_eq(image_check(copy, size, &err), -1);
		if (size >= sizeof *copy && size < last->at + last->count) {
			copy->size = size;
			ck_assert_int_eq(image_check(copy, size, &err), -1);
		}
		free(copy);
	}
	table_view_unref(&view);
	maker_close(&spec);
}
END_TEST

static void
assert_has(const struct buf *out, const char *want)
{
	ck_assert_msg(memmem(out->at, out->len, want, strlen(want)) != NULL,
	    "\"%s\" is not in:\n%.*s", want, (int)out->len, out->at);
}

START_TEST(routes_listed)
{
	struct spec *spec = small_spec();
	struct table_view *view = maker_view(spec);
	struct buf out;

	buf_open(&out);
	table_dump_routes(view->head, false, &out);
	assert_has(&out, "API    STAGE     AT                       METHOD   "
	    "PATH            INTEGRATION");
	assert_has(&out, "pets   prod      api.example.com/prod +1  GET      "
	    "/cats/{id}      upstream back /v1/{id}");
	assert_has(&out, "OPTIONS  /cats/{id}      preflight");
	assert_has(&out, "store  $default  */");
	out.len = 0;
	table_dump_routes(view->head, true, &out);
	assert_has(&out, "{\"generation\":1,\"hash\":\"");
	assert_has(&out, "{\"listener\":\"public\",\"host\":"
	    "\"*.example.org\"}");
	assert_has(&out, "\"allow_origins\":[\"https://a.example.com\","
	    "\"https://b.example.com\"]");
	buf_close(&out);
	table_view_unref(&view);
	maker_close(&spec);
}
END_TEST

START_TEST(differences)
{
	struct spec *spec = small_spec(), *later = small_spec();
	struct table_view *older = maker_view(spec), *newer;
	struct table_changes changes;
	struct buf out;

	later->apis[0].resources[1].methods[0].integration.status = 201;
	later->upstreams[0].servers[0].address = SLICE("127.0.0.1:9009");
	maker_listener(later, "third", "[::1]:8090");
	maker_method(later, &later->apis[0].resources[1], "GET");
	later->apis[1].nroutes--;
	newer = maker_view(later);
	buf_open(&out);
	table_dump_diff(older->head, newer->head, false, &out);
	assert_has(&out, "~ route pets ANY /mice/{proxy+}\n");
	assert_has(&out, "+ route pets GET /mice/{proxy+}\n");
	assert_has(&out, "- route store $default\n");
	assert_has(&out, "+ listener third [::1]:8090\n");
	assert_has(&out, "~ upstream back\n");
	table_changes_count(older->head, newer->head, &changes);
	ck_assert_uint_eq(changes.routes_added, 1);
	ck_assert_uint_eq(changes.routes_removed, 1);
	ck_assert_uint_eq(changes.upstreams_changed, 1);
	ck_assert_uint_eq(changes.listeners_added, 1);
	out.len = 0;
	table_dump_diff(older->head, newer->head, true, &out);
	assert_has(&out, "\"removed\":[\"store $default\"]");
	out.len = 0;
	table_dump_diff(older->head, older->head, false, &out);
	assert_has(&out, "no differences");
	buf_close(&out);
	table_view_unref(&older);
	table_view_unref(&newer);
	maker_close(&spec);
	maker_close(&later);
}
END_TEST

static void
explain(const struct table_view *view, const char *method, const char *url,
    const char *header, struct buf *out)
{
	struct slice headers[2] = { slice_text(header),
	    SLICE("Access-Control-Request-Method: GET") };
	struct error err = { "" };

	out->len = 0;
	ck_assert_msg(table_explain(view->head, SLICE(""), slice_text(method),
	    slice_text(url), headers, header != NULL ? 2 : 0, false, out,
	    &err) == 0, "%s", err.text);
}

START_TEST(explained)
{
	struct spec *spec = small_spec();
	struct table_view *view = maker_view(spec);
	struct buf out;

	buf_open(&out);
	explain(view, "GET", "http://api.example.com:8080/prod/cats/a%20b?q=1",
	    NULL, &out);
	assert_has(&out, "route        GET /cats/{id}\n");
	assert_has(&out, "parameters   id=a%20b\n");
	assert_has(&out, "sent         GET /v1/a%20b?c=blue&q=1\n");
	assert_has(&out, "servers      127.0.0.1:9001\n");
	explain(view, "OPTIONS", "http://api.example.com/prod/cats/1",
	    "Origin: https://a.example.com", &out);
	assert_has(&out, "Access-Control-Allow-Origin: "
	    "https://a.example.com\n");
	assert_has(&out, "Access-Control-Allow-Methods: GET,OPTIONS,PUT\n");
	explain(view, "OPTIONS", "/items/3", "Origin: https://x", &out);
	assert_has(&out, "access-control-allow-origin: *\n");
	explain(view, "DELETE", "http://api.example.com/prod/cats/1", NULL,
	    &out);
	assert_has(&out, "the path fits, the method does not");
	assert_has(&out, "methods      GET\n");
	explain(view, "GET", "http://api.example.com/prod/cat/1", NULL, &out);
	assert_has(&out, "nearest      GET /cats/{id}\n");
	buf_close(&out);
	table_view_unref(&view);
	maker_close(&spec);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("table");
	TCase *tests = tcase_create("table");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, sealed);
	tcase_add_test(tests, unsealed_refused);
	tcase_add_test(tests, references);
	tcase_add_test(tests, deterministic);
	tcase_add_test(tests, damage);
	tcase_add_test(tests, cut_short);
	tcase_add_test(tests, routes_listed);
	tcase_add_test(tests, differences);
	tcase_add_test(tests, explained);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
