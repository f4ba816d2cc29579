/*
 * config/spec.c - the life of a spec and what stands where nothing is given
 *
 * Defaults that are fixed come from options.def. Those that depend on other
 * settings (a stage's base path, an API's id, the listeners of an API) are
 * put in when all files have been read.
 */

#include "config/spec.h"

#include <stdlib.h>

#include "config/private.h"
#include "util/hash.h"
#include "util/mem.h"

#define SPEC_SPARE_CHUNKS	8
#define API_ID_LEN		10

/* An empty spec with the defaults of the top level. */
struct spec *
spec_open(const char *file)
{
	struct spec *spec = mem_new(sizeof *spec);

	arena_pool_open(&spec->pool, SPEC_SPARE_CHUNKS);
	arena_open(&spec->arena, &spec->pool);
	spec->place.file = arena_copy(&spec->arena, file, strlen(file));
	spec->given = arena_alloc(&spec->arena, OPTIONS * sizeof *spec->given);
	memset(spec->given, 0, OPTIONS * sizeof *spec->given);
	spec_defaults(spec, IN_global, spec);
	spec_defaults(spec, IN_limits, &spec->limits);
	spec_defaults(spec, IN_timeouts, &spec->timeouts);
	spec_defaults(spec, IN_access_log, &spec->access_log);
	return spec;
}

bool
spec_gives(const struct spec *spec, const char *setting)
{
	const struct option *option = option_find(IN_global, setting);

	return option != NULL && spec->given[option_id(option)].file != NULL;
}

struct spec_place
spec_given_at(const struct spec *spec, const char *setting)
{
	return spec_gives(spec, setting) ? spec->given[option_id(
	    option_find(IN_global, setting))] : spec->place;
}

/* Ends the spec and all that it holds; NULL is fine. */
void
spec_close(struct spec **spec_p)
{
	struct spec *spec = *spec_p;

	*spec_p = NULL;
	if (spec == NULL)
		return;
	arena_close(&spec->arena);
	arena_pool_close(&spec->pool);
	free(spec);
}

/* A default text; "@name@" at its start is what the build was told. */
static struct slice
default_text(struct spec *spec, const char *text)
{
	static const struct {
		const char *mark, *value;
	} marks[] = {
		{ "@runstatedir@", GATEHOUSE_RUNSTATEDIR },
		{ "@localstatedir@", GATEHOUSE_LOCALSTATEDIR },
		{ "@user@", GATEHOUSE_USER },
	};
	size_t i, len;
	struct buf out;
	struct slice result;

	for (i = 0; i < sizeof marks / sizeof *marks; i++) {
		len = strlen(marks[i].mark);
		if (strncmp(text, marks[i].mark, len) != 0)
			continue;
		buf_open(&out);
		buf_printf(&out, "%s%s", marks[i].value, text + len);
		result = slice_of(arena_copy(&spec->arena, out.at, out.len),
		    out.len);
		buf_close(&out);
		return result;
	}
	return slice_text(text);
}

/* Fill the plain members of a fresh (zeroed) object of the context. */
void
spec_defaults(struct spec *spec, enum option_context context, void *object)
{
	const struct option *o;
	struct slice def;
	uint64_t number;
	void *member;

	if (context == IN_cors)
		((struct spec_cors *)object)->max_age_ms = -1;
	for (o = option_first(context); o != NULL; o = option_next(o)) {
		def = slice_text(o->def);
		if (def.len == 0 || option_required(o))
			continue;
		member = spec_member(object, o);
		if (o->type == TYPE_text || o->type == TYPE_word ||
		    o->type == TYPE_auto)
			*(struct slice *)member = default_text(spec, o->def);
		else if (o->type == TYPE_count &&
		    slice_to_u64(def, &number) == 0)
			*(long *)member = (long)number;
		else if (o->type == TYPE_duration)
			unit_parse_duration(def, member);
		else if (o->type == TYPE_size)
			unit_parse_size(def, member);
	}
}

static struct slice
arena_slice(struct spec *spec, struct slice text)
{
	return slice_of(arena_copy(&spec->arena, text.at, text.len), text.len);
}

/* Ten of [a-z0-9], the same for the same name. */
static struct slice
derive_id(struct spec *spec, struct slice name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	uint64_t hash = hash_slice(name, 0);
	char id[API_ID_LEN];
	size_t i;

	for (i = 0; i < sizeof id; i++) {
		id[i] = letters[hash % 36];
		hash /= 36;
	}
	return arena_slice(spec, slice_of(id, sizeof id));
}

/* All listeners that are not private. */
static void
default_listeners(struct spec *spec, struct spec_api *api)
{
	size_t i;

	api->listeners.at = arena_alloc(&spec->arena,
	    spec->nlisteners * sizeof *api->listeners.at);
	for (i = 0; i < spec->nlisteners; i++)
		if (!spec->listeners[i].private_api &&
		    spec->listeners[i].name.len > 0)
			api->listeners.at[api->listeners.count++] =
			    spec->listeners[i].name;
}

static void
default_stage(struct spec *spec, struct spec_api *api)
{
	api->stages = arena_alloc(&spec->arena, sizeof *api->stages);
	*api->stages = (struct spec_stage){ .place = api->place,
	    .name = SLICE("$default") };
	api->nstages = 1;
}

static void
finish_stage(struct spec *spec, struct spec_stage *stage)
{
	struct slice path = stage->base_path;
	char *lower;
	size_t i, k;

	if (path.len == 0 && slice_eq(stage->name, SLICE("$default"))) {
		path = SLICE("/");
	} else if (path.len == 0) {
		lower = arena_alloc(&spec->arena, stage->name.len + 1);
		lower[0] = '/';
		if (stage->name.len > 0)
			memcpy(lower + 1, stage->name.at, stage->name.len);
		path = slice_of(lower, stage->name.len + 1);
	}
	while (path.len > 1 && path.at[path.len - 1] == '/')
		path.len--;
	stage->base_path = path;
	for (i = 0; i < stage->hosts.count; i++) {
		lower = arena_copy(&spec->arena, stage->hosts.at[i].at,
		    stage->hosts.at[i].len);
		for (k = 0; k < stage->hosts.at[i].len; k++)
			lower[k] = ascii_lower(lower[k]);
		stage->hosts.at[i].at = lower;
	}
	if (stage->access_log.set && stage->access_log.path.len == 0)
		stage->access_log.path = spec->access_log.path;
	if (stage->access_log.set && stage->access_log.format.len == 0)
		stage->access_log.format = spec->access_log.format;
}

static void
finish_integration(const struct spec_api *api,
    struct spec_integration *integration)
{
	if (slice_eq(integration->type, SLICE("MOCK")))
		return;
	integration->status = 0;
	if (integration->timeout_ms == 0)
		integration->timeout_ms =
		    slice_eq(api->protocol, SLICE("HTTP")) ? 30000 : 29000;
}

static void
finish_api(struct spec *spec, struct spec_api *api)
{
	size_t i, k;

	if (api->id.len == 0)
		api->id = derive_id(spec, api->name);
	if (api->listeners.count == 0)
		default_listeners(spec, api);
	if (api->nstages == 0 && slice_eq(api->protocol, SLICE("HTTP")))
		default_stage(spec, api);
	for (i = 0; i < api->nstages; i++)
		finish_stage(spec, &api->stages[i]);
	for (i = 0; i < api->nroutes; i++)
		finish_integration(api, &api->routes[i].integration);
	for (i = 0; i < api->nresources; i++)
		for (k = 0; k < api->resources[i].nmethods; k++)
			finish_integration(api,
			    &api->resources[i].methods[k].integration);
}

/* Put in what depends on other settings. */
void
spec_finish(struct spec *spec)
{
	size_t i;

	for (i = 0; i < spec->nlisteners; i++)
		if (spec->listeners[i].backlog == 0)
			spec->listeners[i].backlog = spec->listen_backlog;
	for (i = 0; i < spec->napis; i++)
		finish_api(spec, &spec->apis[i]);
}

size_t
spec_count_routes(const struct spec *spec)
{
	size_t i, k, count = 0;

	for (i = 0; i < spec->napis; i++) {
		count += spec->apis[i].nroutes;
		for (k = 0; k < spec->apis[i].nresources; k++)
			count += spec->apis[i].resources[k].nmethods;
	}
	return count;
}
