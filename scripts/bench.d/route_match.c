/*
 * route_match.c - what finding a route costs, against the number of routes
 *
 * For every number of routes given it builds and seals a route table, maps it
 * as a worker does, and looks up two crowds of requests: to a few popular
 * routes, which shows what the search costs, and to all routes alike, which
 * adds what the processor's caches cannot hold. Each look-up is the whole of
 * table_match: host, stage, a static segment, a path parameter; a wrong answer
 * ends the program. All tables are measured in turn, many times over, and the
 * fastest pass of each counts, since other load can only slow one down. It
 * prints one line of JSON.
 *
 *	route_match ROUTES...
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "table/build.h"
#include "table/match.h"
#include "table/view.h"
#include "util/error.h"

#define REQUESTS	8192	/* to all routes */
#define REQUESTS_POPULAR 1024
#define ROUNDS		40
#define PASSES		8
#define TRIALS_MAX	16
#define POPULAR		64	/* routes of the first crowd */
#define ROUTES_MAX	1000000
#define HOST		"api.example.com"

struct request {
	char path[40];
	uint32_t len;
	uint32_t route;		/* that must be found */
};

struct crowd {
	struct request *requests;	/* owned */
	unsigned count;
	double best;			/* ns per look-up; 0: not yet */
};

struct trial {
	uint32_t routes;
	struct table_view *view;	/* owned */
	double build_ms;
	struct crowd popular;
	struct crowd all;
};

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Settings, a listener, an API with one stage below "/" of one host. */
static uint32_t
build_api(struct table_build *build, uint32_t routes)
{
	static const struct image_settings settings = { .log = IMAGE_NONE };
	struct image_listener listener = {
		.address.family = IMAGE_FAMILY_INET,
	};
	struct image_stage stage = { .log = IMAGE_NONE };
	struct image_api api = {
		.kind = IMAGE_KIND_HTTP, .default_route = IMAGE_NONE,
		.cors = IMAGE_NONE, .stages = { 0, 1 }, .routes = routes,
	};
	struct image_node *base;
	uint32_t host;

	build_add(build, IMAGE_SETTINGS, &settings);
	listener.name = build_text(build, SLICE("public"));
	host = build_node(build);
	listener.any_host = 0;
	build_add(build, IMAGE_LISTENERS, &listener);
	build_host(build, 0, SLICE(HOST), host);
	base = build_at(build, IMAGE_NODES, host);
	base->stage = 0;
	api.name = build_text(build, SLICE("bench"));
	api.id = build_text(build, SLICE("benchbench"));
	api.root = build_node(build);
	build_add(build, IMAGE_APIS, &api);
	stage.name = build_text(build, SLICE("$default"));
	stage.base_path = build_text(build, SLICE("/"));
	build_add(build, IMAGE_STAGES, &stage);
	return api.root;
}

static void
build_route(struct table_build *build, uint32_t root, uint32_t number)
{
	struct image_param param = { .segment = 2 };
	struct image_route route = {
		.id = number, .integration = 0, .cors = IMAGE_NONE,
	};
	struct image_node *node;
	struct slice path;
	char text[64];
	uint32_t at;

	path = slice_of(text, (size_t)snprintf(text, sizeof text,
	    "/service%06u/items/{id}", number));
	param.name = build_text(build, SLICE("id"));
	route.params = build_run(build, IMAGE_PARAMS, &param, 1);
	route.resource = build_text(build, path);
	at = build_path(build, root, path);
	path = slice_of(text, (size_t)snprintf(text, sizeof text,
	    "GET /service%06u/items/{id}", number));
	route.key = build_text(build, path);
	node = build_at(build, IMAGE_NODES, at);
	node->methods = UINT64_C(1) << IMAGE_METHOD_GET;
	node->routes = build_add(build, IMAGE_ROUTES, &route);
}

static struct table_view *
view_make(uint32_t routes)
{
	struct image_integration integration = {
		.type = IMAGE_MOCK, .upstream = IMAGE_NONE,
		.method = IMAGE_METHOD_ANY, .status = 200,
	};
	struct table_build *build = table_build_open();
	struct table_view *view;
	struct error error;
	uint32_t root, i;
	int fd;

	root = build_api(build, routes);
	build_add(build, IMAGE_INTEGRATIONS, &integration);
	for (i = 0; i < routes; i++)
		build_route(build, root, i);
	if (table_build_seal(build, 1, &fd, &error) < 0 ||
	    table_view_open(fd, &view, &error) < 0)
		errx(1, "%s", error.text);
	close(fd);
	table_build_close(&build);
	return view;
}

/*
 * count requests to some of the routes, which lie all over the table; the same
 * ones in every run.
 */
static void
crowd_open(struct crowd *crowd, unsigned count, uint32_t some,
    uint32_t routes)
{
	struct request *request;
	uint64_t random = 88172645463325252u;
	unsigned i;

	crowd->count = count;
	crowd->requests = calloc(count, sizeof *crowd->requests);
	if (crowd->requests == NULL)
		err(1, "no memory");
	for (i = 0; i < count; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		request = &crowd->requests[i];
		request->route = (uint32_t)(random % some * 7919 % routes);
		request->len = (uint32_t)snprintf(request->path,
		    sizeof request->path, "/service%06u/items/%06u",
		    request->route, (unsigned)(random >> 45));
	}
}

/* Look every request up once; returns nanoseconds per look-up. */
static double
pass(const struct table_view *view, const struct crowd *crowd)
{
	const struct request *request;
	struct match match;
	uint64_t begun = now_ns();
	unsigned i;

	for (i = 0; i < crowd->count; i++) {
		request = &crowd->requests[i];
		table_match(view->head, 0, SLICE(HOST), IMAGE_METHOD_GET,
		    slice_of(request->path, request->len), &match);
		if (match.result != MATCH_ROUTE ||
		    match.route->id != request->route)
			errx(1, "%s was not found", request->path);
	}
	return (double)(now_ns() - begun) / crowd->count;
}

static void
improve(const struct table_view *view, struct crowd *crowd)
{
	double took;
	unsigned i;

	for (i = 0; i < PASSES; i++) {
		took = pass(view, crowd);
		if (crowd->best == 0 || took < crowd->best)
			crowd->best = took;
	}
}

static void
trial_open(struct trial *trial, const char *text)
{
	unsigned long routes = strtoul(text, NULL, 10);
	uint64_t begun = now_ns();

	if (routes == 0 || routes > ROUTES_MAX)
		errx(2, "%s: expected 1 to %d routes", text, ROUTES_MAX);
	trial->routes = (uint32_t)routes;
	trial->view = view_make(trial->routes);
	trial->build_ms = (double)(now_ns() - begun) / 1e6;
	crowd_open(&trial->popular, REQUESTS_POPULAR,
	    routes < POPULAR ? trial->routes : POPULAR, trial->routes);
	crowd_open(&trial->all, REQUESTS, trial->routes, trial->routes);
}

static void
trial_close(struct trial *trial)
{
	free(trial->popular.requests);
	free(trial->all.requests);
	table_view_unref(&trial->view);
}

static void
trial_print(const struct trial *trial, const char *separator)
{
	printf("%s{\"routes\": %u, \"popular_ns\": %.2f, \"all_ns\": %.2f, "
	    "\"build_ms\": %.2f, \"bytes_per_route\": %.1f}", separator,
	    trial->routes, trial->popular.best, trial->all.best,
	    trial->build_ms, (double)trial->view->size / trial->routes);
}

int
main(int argc, char **argv)
{
	static struct trial trials[TRIALS_MAX];
	int i, n = argc - 1, round;

	if (n < 1 || n > TRIALS_MAX)
		errx(2, "usage: route_match ROUTES...");
	for (i = 0; i < n; i++)
		trial_open(&trials[i], argv[i + 1]);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < n; i++) {
			improve(trials[i].view, &trials[i].popular);
			improve(trials[i].view, &trials[i].all);
		}
	}
	printf("{\"sizes\": [");
	for (i = 0; i < n; i++) {
		trial_print(&trials[i], i > 0 ? ", " : "");
		trial_close(&trials[i]);
	}
	printf("]}\n");
	return 0;
}
