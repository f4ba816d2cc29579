/*
 * fuzz_image.c - images from somebody who is not to be trusted
 *
 * An even first byte: the rest is the image. An odd one: the rest is a list
 * of changes (offset and value, 4 bytes each) to a good image. What must hold:
 * image_check reads nothing outside, and what it lets pass can be matched,
 * explained, listed and compared.
 */

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "table/build.h"
#include "table/dump.h"
#include "table/match.h"
#include "table/view.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
add_cors(struct table_build *build)
{
	struct image_text origin = build_text(build, SLICE("https://a"));
	struct image_cors cors = {
		.preflight_status = 200,
		.origins = build_run(build, IMAGE_ORIGINS, &origin, 1),
		.preflight = build_text(build, SLICE("HTTP/1.1 200 OK\r\n")),
	};

	build_add(build, IMAGE_CORS, &cors);
}

static void
add_servers(struct table_build *build)
{
	struct image_server server = {
		.id = 5, .weight = 2,
		.address = { .family = IMAGE_FAMILY_UNIX,
		    .text = build_text(build, SLICE("/run/x")) },
	};
	struct image_upstream upstream = {
		.name = build_text(build, SLICE("back")), .weights = 2,
		.servers = { build_add(build, IMAGE_SERVERS, &server), 1 },
	};

	build_add(build, IMAGE_UPSTREAMS, &upstream);
}

/* "GET /cats/{id}" to upstream 0, "OPTIONS /cats/{id}" from policy 0. */
static void
add_routes(struct table_build *build, uint32_t root)
{
	struct image_piece pieces[] = {
		{ IMAGE_PIECE_TEXT, 0, build_text(build, SLICE("/v1/")) },
		{ IMAGE_PIECE_PARAM, 0, { 0, 0 } },
	};
	struct image_integration integration = {
		.type = IMAGE_HTTP_PROXY, .method = IMAGE_METHOD_ANY,
		.path = build_run(build, IMAGE_PIECES, pieces, 2),
	};
	struct image_param param = { build_text(build, SLICE("id")), 1, 0 };
	struct image_route route = {
		.key = build_text(build, SLICE("GET /cats/{id}")),
		.params = build_run(build, IMAGE_PARAMS, &param, 1),
		.integration = build_add(build, IMAGE_INTEGRATIONS,
		    &integration),
	};
	struct image_node *node;
	uint32_t at = build_path(build, root, SLICE("/cats/{id}"));

	build_path(build, root, SLICE("/mice/{proxy+}"));
	node = build_at(build, IMAGE_NODES, at);
	node->methods = UINT64_C(1) << IMAGE_METHOD_GET | UINT64_C(1) <<
	    IMAGE_METHOD_OPTIONS;
	node->routes = build_add(build, IMAGE_ROUTES, &route);
	route.integration = IMAGE_NONE;
	route.flags = IMAGE_ROUTE_PREFLIGHT;
	build_add(build, IMAGE_ROUTES, &route);
}

/* A table with one of almost everything. */
static struct table_view *
good_view(void)
{
	static const struct image_settings settings = { .log = IMAGE_NONE };
	struct table_build *build = table_build_open();
	struct image_listener listener = {
		.address = { .family = IMAGE_FAMILY_INET, .port = 80 },
	};
	struct image_stage stage = { .log = IMAGE_NONE };
	struct image_api api = {
		.kind = IMAGE_KIND_REST, .root = build_node(build),
		.default_route = IMAGE_NONE, .stages = { 0, 1 }, .routes = 2,
	};
	struct table_view *view = NULL;
	struct image_node *node;
	struct error err;
	uint32_t base = build_node(build);
	int fd = -1;

	build_add(build, IMAGE_SETTINGS, &settings);
	build_add(build, IMAGE_LISTENERS, &listener);
	add_cors(build);
	add_servers(build);
	build_add(build, IMAGE_APIS, &api);
	build_add(build, IMAGE_STAGES, &stage);
	build_host(build, 0, SLICE("*.example.com"), base);
	node = build_at(build, IMAGE_NODES, build_path(build, base,
	    SLICE("/prod")));
	node->stage = 0;
	add_routes(build, api.root);
	if (table_build_seal(build, 1, &fd, &err) < 0 ||
	    table_view_open(fd, &view, &err) < 0)
		abort();
	close(fd);
	table_build_close(&build);
	return view;
}

static void
use(const struct image_head *image)
{
	static const struct slice paths[] = { { "/prod/cats/1", 12 },
		{ "/prod/mice/a/b", 14 }, { "/x", 2 } };
	static const struct slice headers[] = {
		{ "Host: a.example.com", 19 }, { "Origin: https://a", 17 } };
	struct error err;
	struct match match;
	struct buf out;
	unsigned method, i;

	buf_open(&out);
	for (i = 0; i < 3; i++)
		for (method = 0; method < 8; method++) {
			table_match(image, 0, SLICE("a.example.com"), method,
			    paths[i], &match);
			assert((match.route != NULL) ==
			    (match.result == MATCH_ROUTE));
			match_methods(image, &match);
			table_explain(image, SLICE(""), slice_text(
			    image_method_name(method)), paths[i], headers, 2,
			    i & 1, &out, &err);
		}
	table_dump_routes(image, true, &out);
	table_dump_routes(image, false, &out);
	table_dump_diff(image, image, true, &out);
	buf_close(&out);
}

/* data is a copy that ends where its memory ends. */
static void
try_image(const void *data, size_t size)
{
	struct error err;

	if (image_check(data, size, &err) == 0)
		use(data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct table_view *good;
	uint32_t change[2];
	char *copy;
	size_t at;

	if (good == NULL)
		good = good_view();
	if (size == 0)
		return 0;
	at = data[0] & 1 ? good->size : size - 1;
	copy = malloc(at > 0 ? at : 1);
	assert(copy != NULL);
	memcpy(copy, data[0] & 1 ? (const void *)good->head : data + 1, at);
	for (at = 1; (data[0] & 1) && at + 8 <= size; at += 8) {
		memcpy(change, data + at, 8);
		memcpy(copy + change[0] % (good->size - 4), &change[1], 4);
	}
	try_image(copy, data[0] & 1 ? good->size : size - 1);
	free(copy);
	return 0;
}
