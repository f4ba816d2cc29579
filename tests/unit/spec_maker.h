/*
 * tests/unit/spec_maker.h - configurations for tests, without a file
 *
 * Texts are literals; lists lie in the spec's arena. An image made by
 * made_image is a sealed one, seen through a view.
 */
#ifndef TESTS_SPEC_MAKER_H
#define TESTS_SPEC_MAKER_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "table/build.h"
#include "table/view.h"
#include "util/error.h"
#include "util/fd.h"

#define MAKER_MOST 64	/* elements of a list in a small test */

static inline void *
maker_grow(struct spec *spec, void *old, size_t count, size_t size)
{
	char *mem = old;

	if (old == NULL || (count >= MAKER_MOST &&
	    (count & (count - 1)) == 0)) {
		mem = arena_alloc(&spec->arena,
		    (count > MAKER_MOST / 2 ? count * 2 : MAKER_MOST) * size);
		if (old != NULL)
			memcpy(mem, old, count * size);
	}
	memset(mem + count * size, 0, size);
	return mem;
}

static inline struct spec_place
maker_place(void)
{
	static unsigned line;

	return (struct spec_place){ "test.conf", ++line % 10000 };
}

static inline struct spec *
maker_open(void)
{
	struct spec *spec = calloc(1, sizeof *spec);

	arena_pool_open(&spec->pool, 4);
	arena_open(&spec->arena, &spec->pool);
	spec->access_log.path = SLICE("stdout");
	spec->access_log.format = SLICE("combined");
	spec->log_level = SLICE("notice");
	spec->listen_backlog = 511;
	spec->timeouts.connect = 5000;
	spec->limits.body = 10 << 20;
	return spec;
}

static inline void
maker_close(struct spec **spec_p)
{
	arena_close(&(*spec_p)->arena);
	arena_pool_close(&(*spec_p)->pool);
	free(*spec_p);
	*spec_p = NULL;
}

static inline struct spec_listener *
maker_listener(struct spec *spec, const char *name, const char *address)
{
	struct spec_listener *listener;

	spec->listeners = maker_grow(spec, spec->listeners, spec->nlisteners,
	    sizeof *listener);
	listener = &spec->listeners[spec->nlisteners++];
	listener->place = maker_place();
	listener->name = slice_text(name);
	listener->address = slice_text(address);
	return listener;
}

static inline struct spec_upstream *
maker_upstream(struct spec *spec, const char *name, const char *address)
{
	struct spec_upstream *upstream;

	spec->upstreams = maker_grow(spec, spec->upstreams, spec->nupstreams,
	    sizeof *upstream);
	upstream = &spec->upstreams[spec->nupstreams++];
	upstream->place = maker_place();
	upstream->name = slice_text(name);
	upstream->balance = SLICE("round_robin");
	upstream->max_idle = 64;
	upstream->servers = maker_grow(spec, NULL, 0,
	    sizeof *upstream->servers);
	upstream->servers[0].place = maker_place();
	upstream->servers[0].address = slice_text(address);
	upstream->servers[0].weight = 1;
	upstream->nservers = 1;
	return upstream;
}

static inline void
maker_text(struct spec *spec, struct spec_texts *texts, const char *text)
{
	texts->at = maker_grow(spec, texts->at, texts->count,
	    sizeof *texts->at);
	texts->at[texts->count++] = slice_text(text);
}

static inline void
maker_pair(struct spec *spec, struct spec_pairs *pairs, const char *name,
    const char *value)
{
	struct spec_pair *pair;

	pairs->at = maker_grow(spec, pairs->at, pairs->count,
	    sizeof *pairs->at);
	pair = &pairs->at[pairs->count++];
	pair->place = maker_place();
	pair->name = slice_text(name);
	pair->value = slice_text(value);
}

static inline struct spec_api *
maker_api(struct spec *spec, const char *name, const char *protocol)
{
	struct spec_api *api;

	spec->apis = maker_grow(spec, spec->apis, spec->napis, sizeof *api);
	api = &spec->apis[spec->napis++];
	api->place = maker_place();
	api->name = slice_text(name);
	api->id = SLICE("abcdefghij");
	api->protocol = slice_text(protocol);
	api->cors.max_age_ms = -1;
	return api;
}

static inline struct spec_stage *
maker_stage(struct spec *spec, struct spec_api *api, const char *name,
    const char *host, const char *base_path)
{
	struct spec_stage *stage;

	api->stages = maker_grow(spec, api->stages, api->nstages,
	    sizeof *stage);
	stage = &api->stages[api->nstages++];
	stage->place = maker_place();
	stage->name = slice_text(name);
	stage->base_path = slice_text(base_path);
	if (host != NULL)
		maker_text(spec, &stage->hosts, host);
	return stage;
}

static inline struct spec_resource *
maker_resource(struct spec *spec, struct spec_api *api, const char *path)
{
	struct spec_resource *resource;

	api->resources = maker_grow(spec, api->resources, api->nresources,
	    sizeof *resource);
	resource = &api->resources[api->nresources++];
	resource->place = maker_place();
	resource->path = slice_text(path);
	resource->cors.max_age_ms = -1;
	return resource;
}

/* A method with a MOCK integration; make it another by setting its fields. */
static inline struct spec_method *
maker_method(struct spec *spec, struct spec_resource *resource,
    const char *method)
{
	struct spec_method *made;

	resource->methods = maker_grow(spec, resource->methods,
	    resource->nmethods, sizeof *made);
	made = &resource->methods[resource->nmethods++];
	made->place = made->integration.place = maker_place();
	made->method = slice_text(method);
	made->integration.type = SLICE("MOCK");
	made->integration.status = 200;
	return made;
}

/* A route of an HTTP API: "GET /items" or "$default", to upstream "back". */
static inline struct spec_method *
maker_route(struct spec *spec, struct spec_api *api, const char *key)
{
	struct slice path = slice_text(key), method = slice_until(&path, ' ');
	struct spec_method *made;

	api->routes = maker_grow(spec, api->routes, api->nroutes,
	    sizeof *made);
	made = &api->routes[api->nroutes++];
	made->place = made->integration.place = maker_place();
	made->method = method;
	made->path = path;
	made->integration.type = SLICE("HTTP_PROXY");
	made->integration.upstream = SLICE("back");
	return made;
}

/* Compile; NULL and the sentence in err when that fails. */
static inline struct table_view *
maker_try_view(const struct spec *spec, uint64_t generation,
    struct error *err)
{
	struct table_build *build = table_build_open();
	struct table_view *view = NULL;
	int fd = -1;

	if (config_compile(spec, build, err) == 0 &&
	    table_build_seal(build, generation, &fd, err) == 0 &&
	    table_view_open(fd, &view, err) < 0)
		view = NULL;
	if (fd >= 0)
		fd_close(&fd);
	table_build_close(&build);
	return view;
}

static inline struct table_view *
maker_view(const struct spec *spec)
{
	struct error err = { "" };
	struct table_view *view = maker_try_view(spec, 1, &err);

	ck_assert_msg(view != NULL, "%s", err.text);
	return view;
}

#define assert_slice(have, want) do { \
	struct slice have_ = (have); \
	ck_assert_msg(slice_eq(have_, slice_text(want)), \
	    "\"%.*s\" is not \"%s\"", (int)have_.len, have_.at, (want)); \
} while (0)

#endif
