/*
 * config/check.c - does the configuration make sense
 *
 * Parsing has filled the spec and reported what has the wrong form; here it
 * is judged as a whole: references, duplicates, grammars, what can never be
 * reached. Empty members have been reported already and are passed over.
 * Every check is linear in the number of routes.
 */

#include "config/check_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/context.h"
#include "config/grammar.h"
#include "util/mem.h"

#define MESSAGE_MAX 1024

static void
add(struct check *check, struct spec_place place, bool warning,
    const char *format, va_list ap)
{
	char text[MESSAGE_MAX];

	vsnprintf(text, sizeof text, format, ap);
	spec_problem_add(check->problems, place, warning, "%s", text);
}

void
check_error(struct check *check, struct spec_place place, const char *format,
    ...)
{
	va_list ap;

	va_start(ap, format);
	add(check, place, false, format, ap);
	va_end(ap);
}

void
check_warn(struct check *check, struct spec_place place, const char *format,
    ...)
{
	va_list ap;

	va_start(ap, format);
	add(check, place, true, format, ap);
	va_end(ap);
}

bool
check_is_rest(const struct spec_api *api)
{
	return slice_eq(api->protocol, SLICE("REST"));
}

/* Where a setting of the top level stands; the file's start if it does not. */
static struct spec_place
given_at(const struct check *check, enum option_id id)
{
	const struct spec_place *place = &check->spec->given[id];

	return place->file != NULL ? *place : check->spec->place;
}

/* Whether they exist is found out where they are looked up. */
static void
check_user(struct check *check)
{
	const struct spec *spec = check->spec;

	if (spec->user.len == 0)
		check_error(check, given_at(check, OPTION_global_user),
		    "user is empty; expected the user that the workers run "
		    "as");
	if (spec->group.len == 0 &&
	    spec->given[OPTION_global_group].file != NULL)
		check_error(check, given_at(check, OPTION_global_group),
		    "group is empty; expected a group, or no such setting for "
		    "the user's own");
}

static void
check_limits(struct check *check)
{
	const struct spec_limits *limits = &check->spec->limits;

	if (limits->target >= limits->head)
		check_warn(check, given_at(check, OPTION_limits_target),
		    "limits.target is not below limits.head, so that too long "
		    "targets are refused as too large heads; expected it "
		    "smaller");
	if (check->spec->timeouts.client_body == 0)
		check_warn(check, given_at(check,
		    OPTION_timeouts_client_body), "timeouts.client_body is 0; "
		    "expected a time");
}

/* A format is a preset, or text with variables that exist. */
void
check_log(struct check *check, const struct spec_log *log,
    struct spec_place place)
{
	struct slice rest = context_format(log->format);
	struct context_part part;
	size_t variables = 0;

	if (log->path.len == 0)
		check_error(check, place, "path of access_log is empty; "
		    "expected a file, \"stdout\", \"stderr\" or \"off\"");
	while (context_next(&rest, &part)) {
		if (!part.variable)
			continue;
		variables++;
		if (part.value == IMAGE_NONE)
			check_warn(check, place, "format of access_log has "
			    "$context.%.*s, which does not exist and is "
			    "logged as \"-\"", TEXT(part.name));
	}
	if (variables == 0)
		check_error(check, place, "format of access_log has no "
		    "$context variable; expected \"combined\", \"clf\", "
		    "\"json\" or text with variables such as "
		    "$context.requestId");
}

static void
check_settings(struct check *check)
{
	const struct spec *spec = check->spec;
	struct spec_place place = given_at(check, OPTION_global_access_log);

	check_user(check);
	check_limits(check);
	if (spec->access_log.place.file != NULL)
		place = spec->access_log.place;
	check_log(check, &spec->access_log, place);
	if (spec->control_socket.len == 0)
		check_error(check, given_at(check,
		    OPTION_global_control_socket), "control_socket is empty; "
		    "expected a path");
	if (spec->pid_file.len == 0)
		check_error(check, given_at(check, OPTION_global_pid_file),
		    "pid_file is empty; expected a path");
	if (spec->error_log.len == 0)
		check_error(check, given_at(check, OPTION_global_error_log),
		    "error_log is empty; expected a path or \"stderr\"");
}

static void
check_api_listeners(struct check *check, const struct spec_api *api)
{
	struct spec_place place = api->place;
	size_t i, index;

	if (api->listeners.line > 0)
		place.line = api->listeners.line;
	for (i = 0; i < api->listeners.count; i++) {
		if (set_find(&check->listeners, api->listeners.at[i], 0,
		    &index))
			check->listener_used[index] = true;
		else
			check_unknown_name(check, place, "listener",
			    api->listeners.at[i], &check->listeners);
	}
	if (api->listeners.count == 0 && check->spec->nlisteners > 0)
		check_warn(check, api->place, "API \"%.*s\" is reached through "
		    "no listener: all are private; expected listeners = "
		    "[ ... ]", TEXT(api->name));
}

static bool
id_valid(struct slice id)
{
	size_t i;

	for (i = 0; i < id.len; i++)
		if (ascii_lower(id.at[i]) != id.at[i])
			return false;
	return id.len == 10 && grammar_chars(id, "");
}

static void
check_api(struct check *check, const struct spec_api *api)
{
	bool rest = check_is_rest(api);
	size_t i, methods = 0;

	check_api_listeners(check, api);
	if (api->cors.set)
		check_cors(check, &api->cors, rest);
	check_headers(check, &api->request_headers, &api->response_headers,
	    api->cors.set);
	if (!id_valid(api->id))
		check_error(check, api->place, "id \"%.*s\" of API \"%.*s\"; "
		    "expected ten lower-case letters and digits",
		    TEXT(api->id), TEXT(api->name));
	if (api->protocol.len == 0)
		return;
	for (i = 0; i < api->nresources; i++)
		methods += api->resources[i].nmethods;
	if (rest && methods == 0)
		check_error(check, api->place, "The REST API doesn't contain "
		    "any methods; expected resources with methods in API "
		    "\"%.*s\"", TEXT(api->name));
	if (!rest && api->nroutes == 0)
		check_error(check, api->place, "API \"%.*s\" has no routes; "
		    "expected at least one", TEXT(api->name));
	check_routes(check, api);
}

static void
check_apis(struct check *check)
{
	const struct spec *spec = check->spec;
	struct set names = { 0 }, ids = { 0 };
	const struct spec_api *api;
	size_t i, old;

	if (spec->napis == 0)
		check_error(check, given_at(check, OPTION_global_apis),
		    "there are no APIs; expected apis = ( { ... } ) with at "
		    "least one route");
	for (i = 0; i < spec->napis; i++) {
		api = &spec->apis[i];
		if (api->name.len > 0 && !set_add(&names, api->name, 0, i,
		    &old))
			check_error(check, api->place, "API \"%.*s\" is there "
			    "twice; expected another name (it is in line %u "
			    "too)", TEXT(api->name),
			    spec->apis[old].place.line);
		else if (!set_add(&ids, api->id, 0, i, &old))
			check_error(check, api->place, "id \"%.*s\" belongs to "
			    "API \"%.*s\" too; expected another id",
			    TEXT(api->id), TEXT(spec->apis[old].name));
		check_api(check, api);
	}
	set_close(&names);
	set_close(&ids);
}

/* What nothing refers to. */
static void
check_unused(struct check *check)
{
	const struct spec *spec = check->spec;
	size_t i;

	for (i = 0; i < spec->nlisteners; i++)
		if (!check->listener_used[i] && spec->napis > 0 &&
		    spec->listeners[i].name.len > 0)
			check_warn(check, spec->listeners[i].place,
			    "listener \"%.*s\" serves no API%s",
			    TEXT(spec->listeners[i].name),
			    spec->listeners[i].private_api ?
			    ": it is private and no API names it" : "");
	for (i = 0; i < spec->nupstreams; i++)
		if (!check->upstream_used[i] && spec->upstreams[i].name.len > 0)
			check_warn(check, spec->upstreams[i].place,
			    "upstream \"%.*s\" is not used",
			    TEXT(spec->upstreams[i].name));
	for (i = 0; i < spec->nfunctions; i++)
		if (!check->function_used[i] && spec->functions[i].name.len > 0)
			check_warn(check, spec->functions[i].place,
			    "function \"%.*s\" is not used",
			    TEXT(spec->functions[i].name));
}

/*
 * Judge a parsed spec; errors and warnings are added to problems. May be
 * called when parsing found errors: what could not be read is passed over.
 */
void
config_check(struct spec *spec, struct spec_problems *problems)
{
	struct check check = { .spec = spec, .problems = problems };

	if (spec->partial)
		return;
	check.listener_used = mem_array(spec->nlisteners,
	    sizeof *check.listener_used);
	check.upstream_used = mem_array(spec->nupstreams,
	    sizeof *check.upstream_used);
	check.function_used = mem_array(spec->nfunctions,
	    sizeof *check.function_used);
	check_settings(&check);
	check_listeners(&check);
	check_upstreams(&check);
	check_functions(&check);
	check_apis(&check);
	check_stages(&check);
	check_unused(&check);
	set_close(&check.listeners);
	set_close(&check.upstreams);
	set_close(&check.functions);
	free(check.function_used);
	free(check.listener_used);
	free(check.upstream_used);
}

/* Warn about host names of upstreams that resolve does not find. */
void
config_check_names(const struct spec *spec, config_resolve_fn *resolve,
    void *ctx, struct spec_problems *problems)
{
	struct set seen = { 0 };
	const struct spec_server *server;
	struct slice name;
	char host[256];
	size_t i, k, old;

	for (i = 0; resolve != NULL && i < spec->nupstreams; i++) {
		for (k = 0; k < spec->upstreams[i].nservers; k++) {
			server = &spec->upstreams[i].servers[k];
			name = grammar_server_name(server->address);
			if (name.len == 0 || name.len >= sizeof host ||
			    !set_add(&seen, name, 0, 0, &old))
				continue;
			memcpy(host, name.at, name.len);
			host[name.len] = '\0';
			if (resolve(ctx, host) != 0)
				spec_problem_add(problems, server->place, true,
				    "host \"%s\" of upstream \"%.*s\" does not "
				    "resolve", host,
				    TEXT(spec->upstreams[i].name));
		}
	}
	set_close(&seen);
}
