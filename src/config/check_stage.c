/*
 * config/check_stage.c - where APIs are reached
 *
 * Each stage stands at a listener, a host and a base path. Two stages at the
 * same place are an error; a stage whose base path begins inside another's
 * hides routes there, which is worth a warning.
 */

#include "config/check_private.h"

#include <stdlib.h>

#include "config/grammar.h"
#include "util/hash.h"
#include "util/mem.h"

#define VARIABLES_MAX 100	/* of one stage: contract, 1.7 */

/* A stage, and what other base paths take away from it. */
struct seat {
	const struct spec_api *api;
	const struct spec_stage *stage;
	bool covered;
	bool collides;	/* reported: not again for each listener and host */
};

struct seats {
	struct check *check;
	struct seat *at;
	size_t count;
	struct set places;	/* base path, scope of listener and host */
	struct set covers;	/* what is left of a longer base path, scope:
				   the seat that it is taken from */
};

static void
check_variables(struct check *check, const struct spec_stage *stage)
{
	const struct spec_pair *pair;
	struct set names = { 0 };
	size_t i, old;

	if (stage->variables.count > VARIABLES_MAX)
		check_error(check, stage->place, "stage \"%.*s\" has %zu "
		    "variables; expected at most %d", TEXT(stage->name),
		    stage->variables.count, VARIABLES_MAX);
	for (i = 0; i < stage->variables.count; i++) {
		pair = &stage->variables.at[i];
		if (pair->name.at == NULL)
			continue;
		if (!grammar_chars(pair->name, "_"))
			check_error(check, pair->place, "name \"%.*s\" of a "
			    "stage variable; expected letters, digits and "
			    "'_'", TEXT(pair->name));
		else if (!set_add(&names, pair->name, 0, i, &old))
			check_error(check, pair->place, "stage variable "
			    "\"%.*s\" is there twice; expected it once",
			    TEXT(pair->name));
		if (pair->value.at != NULL &&
		    !grammar_chars(pair->value, "-._~:/?#&=,"))
			check_error(check, pair->place, "value \"%.*s\" of "
			    "stage variable \"%.*s\"; expected letters, digits "
			    "and -._~:/?#&=,", TEXT(pair->value),
			    TEXT(pair->name));
	}
	set_close(&names);
}

static void
check_stage(struct check *check, const struct spec_api *api,
    const struct spec_stage *stage)
{
	struct spec_place hosts = stage->place;
	const char *expected;
	size_t i;

	if (slice_eq(stage->name, SLICE("$default"))) {
		if (check_is_rest(api))
			check_error(check, stage->place, "stage $default in a "
			    "REST API; expected a name of letters, digits, "
			    "'_' and '-' (base_path = \"/\" puts it at the "
			    "root)");
	} else if (stage->name.len > 0 && !grammar_chars(stage->name, "_-")) {
		check_error(check, stage->place, "name \"%.*s\" of a stage; "
		    "expected letters, digits, '_' and '-'",
		    TEXT(stage->name));
	}
	expected = grammar_base_path(stage->base_path);
	if (expected != NULL && stage->name.len > 0)
		check_error(check, stage->place, "base_path \"%.*s\"; expected "
		    "%s", TEXT(stage->base_path), expected);
	if (stage->hosts.line > 0)
		hosts.line = stage->hosts.line;
	for (i = 0; i < stage->hosts.count; i++) {
		expected = grammar_stage_host(stage->hosts.at[i]);
		if (expected != NULL)
			check_error(check, hosts, "host \"%.*s\"; "
			    "expected %s", TEXT(stage->hosts.at[i]), expected);
	}
	check_variables(check, stage);
	if (stage->access_log.set)
		check_log(check, &stage->access_log, stage->access_log.place);
}

static void
check_names(struct check *check, const struct spec_api *api)
{
	struct set names = { 0 };
	size_t i, old;

	if (api->nstages == 0 && check_is_rest(api))
		check_error(check, api->place, "API \"%.*s\" has no stages; "
		    "expected stages = ( { name = \"prod\"; } )",
		    TEXT(api->name));
	for (i = 0; i < api->nstages; i++) {
		check_stage(check, api, &api->stages[i]);
		if (api->stages[i].name.len > 0 && !set_add(&names,
		    api->stages[i].name, 0, i, &old))
			check_error(check, api->stages[i].place, "stage "
			    "\"%.*s\" is there twice; expected another name "
			    "(it is in line %u too)",
			    TEXT(api->stages[i].name),
			    api->stages[old].place.line);
	}
	set_close(&names);
}

/* --- who stands where ---------------------------------------------------- */

typedef void place_fn(struct seats *seats, size_t seat, uint64_t scope,
    struct slice host);

/* Call fn for each listener and host of a seat. */
static void
each_place(struct seats *seats, size_t seat, place_fn *fn)
{
	const struct spec_api *api = seats->at[seat].api;
	const struct spec_stage *stage = seats->at[seat].stage;
	size_t i, k, listener;

	for (i = 0; i < api->listeners.count; i++) {
		if (!set_find(&seats->check->listeners, api->listeners.at[i],
		    0, &listener))
			continue;
		if (stage->hosts.count == 0)
			fn(seats, seat, listener + 1, SLICE(""));
		for (k = 0; k < stage->hosts.count; k++)
			fn(seats, seat, hash_slice(stage->hosts.at[k],
			    listener + 1), stage->hosts.at[k]);
	}
}

static void
take_place(struct seats *seats, size_t seat, uint64_t scope, struct slice host)
{
	const struct spec_stage *stage = seats->at[seat].stage, *other;
	const struct seat *first;
	size_t old;

	if (set_add(&seats->places, stage->base_path, scope, seat, &old))
		return;
	first = &seats->at[old];
	other = first->stage;
	if (old == seat || seats->at[seat].collides)
		return;
	seats->at[seat].collides = true;
	check_error(seats->check, stage->place, "stage \"%.*s\" of API "
	    "\"%.*s\" is reached at %s%.*s%.*s like stage \"%.*s\" of API "
	    "\"%.*s\" (line %u); expected another base_path, host or listener",
	    TEXT(stage->name), TEXT(seats->at[seat].api->name),
	    host.len > 0 ? "" : "any host, ", TEXT(host),
	    TEXT(stage->base_path), TEXT(other->name), TEXT(first->api->name),
	    other->place.line);
}

/* Whose base path is a beginning of this seat's? Those lose a part. */
static void
find_covered(struct seats *seats, size_t seat, uint64_t scope,
    struct slice host)
{
	struct slice path = seats->at[seat].stage->base_path, rest;
	size_t len, owner, old;

	(void)host;
	for (len = path.len > 1 ? path.len - 1 : 0; len > 0; len--) {
		if (path.at[len] != '/' && len != 1)
			continue;
		if (!set_find(&seats->places, slice_of(path.at, len), scope,
		    &owner) || owner == seat)
			continue;
		rest = len == 1 ? path : slice_of(path.at + len,
		    path.len - len);
		set_add(&seats->covers, rest, owner, seat, &old);
		seats->at[owner].covered = true;
	}
}

/* Does a stage elsewhere take the requests of this path? */
static void
warn_covered(struct seats *seats, size_t seat, struct spec_place place,
    struct slice path, unsigned *count)
{
	const struct seat *by;
	size_t end, index;

	for (end = 1; end <= path.len; end++) {
		if (end < path.len && path.at[end] != '/')
			continue;
		if (!set_find(&seats->covers, slice_of(path.at, end), seat,
		    &index))
			continue;
		by = &seats->at[index];
		if ((*count)++ == 0)
			check_warn(seats->check, place, "\"%.*s\" in stage "
			    "\"%.*s\" of API \"%.*s\" is unreachable: base "
			    "path \"%.*s\" of API \"%.*s\" (line %u) comes "
			    "first", TEXT(path),
			    TEXT(seats->at[seat].stage->name),
			    TEXT(seats->at[seat].api->name),
			    TEXT(by->stage->base_path), TEXT(by->api->name),
			    by->stage->place.line);
		return;
	}
}

static void
check_covered(struct seats *seats, size_t seat)
{
	const struct spec_api *api = seats->at[seat].api;
	unsigned count = 0;
	size_t i;

	for (i = 0; i < api->nresources; i++)
		warn_covered(seats, seat, api->resources[i].place,
		    api->resources[i].path, &count);
	for (i = 0; i < api->nroutes; i++)
		warn_covered(seats, seat, api->routes[i].place,
		    api->routes[i].path, &count);
	if (count > 1)
		check_warn(seats->check, seats->at[seat].stage->place,
		    "%u more paths of API \"%.*s\" are unreachable for the "
		    "same reason", count - 1, TEXT(api->name));
}

/* All stages of all APIs, and how they stand to each other. */
void
check_stages(struct check *check)
{
	const struct spec *spec = check->spec;
	struct seats seats = { .check = check };
	size_t i, k;

	for (i = 0; i < spec->napis; i++)
		seats.count += spec->apis[i].nstages;
	seats.at = mem_array(seats.count, sizeof *seats.at);
	seats.count = 0;
	for (i = 0; i < spec->napis; i++) {
		if (spec->apis[i].protocol.len > 0)
			check_names(check, &spec->apis[i]);
		for (k = 0; k < spec->apis[i].nstages; k++)
			seats.at[seats.count++] = (struct seat){
			    .api = &spec->apis[i],
			    .stage = &spec->apis[i].stages[k] };
	}
	for (i = 0; i < seats.count; i++)
		each_place(&seats, i, take_place);
	for (i = 0; i < seats.count; i++)
		each_place(&seats, i, find_covered);
	for (i = 0; i < seats.count; i++)
		if (seats.at[i].covered)
			check_covered(&seats, i);
	set_close(&seats.places);
	set_close(&seats.covers);
	free(seats.at);
}
