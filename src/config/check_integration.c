/*
 * config/check_integration.c - what answers a route
 *
 * Upstreams that exist, URLs and templates that can be followed in every
 * stage. Stage variables may choose the backend; a client's path never can.
 */

#include "config/check_private.h"

#include <stdio.h>

#include "config/grammar.h"

#define VARIABLE "${stageVariables."
#define EXPANDED_MAX 1024

struct judge {
	struct check *check;
	const struct spec_api *api;
	const struct spec_integration *integration;
	const struct check_params *params;
	struct slice path;	/* of the route */
};

static struct spec_place
line_place(const struct judge *judge, unsigned line)
{
	struct spec_place place = judge->integration->place;

	if (line > 0)
		place.line = line;
	return place;
}

/* Where upstream or url stands. */
static struct spec_place
backend_place(const struct judge *judge)
{
	return line_place(judge, judge->integration->backend_line);
}

/* Where the template stands: path, or the url. */
static struct spec_place
template_place(const struct judge *judge)
{
	return line_place(judge, judge->integration->has_path ?
	    judge->integration->path_line : judge->integration->backend_line);
}

static const struct spec_pair *
variable_find(const struct spec_stage *stage, struct slice name)
{
	size_t i;

	for (i = 0; i < stage->variables.count; i++)
		if (slice_eq(stage->variables.at[i].name, name))
			return &stage->variables.at[i];
	return NULL;
}

static bool
has_variable(struct slice text)
{
	return text.len > 0 && memmem(text.at, text.len, VARIABLE,
	    sizeof VARIABLE - 1) != NULL;
}

/*
 * The reference at the start of text: its length, and the variable's name.
 * 0 when it has no end.
 */
static size_t
variable_at(struct slice text, struct slice *name_r)
{
	struct slice rest = slice_of(text.at + sizeof VARIABLE - 1,
	    text.len - (sizeof VARIABLE - 1));

	*name_r = slice_until(&rest, '}');
	return rest.at == NULL ? 0 : (size_t)(rest.at - text.at);
}

/* text with the variables of one stage. False when one is missing. */
static bool
variables_expand(struct judge *judge, const struct spec_stage *stage,
    struct slice text, struct buf *out)
{
	const struct spec_pair *pair;
	struct slice rest, name;
	size_t at = 0, len;

	while (at < text.len) {
		rest = slice_of(text.at + at, text.len - at);
		len = slice_starts(rest, SLICE(VARIABLE)) ?
		    variable_at(rest, &name) : 0;
		if (len == 0) {
			buf_add_char(out, text.at[at++]);
			continue;
		}
		pair = variable_find(stage, name);
		if (pair == NULL) {
			check_warn(judge->check, backend_place(judge),
			    "stage \"%.*s\" has no variable \"%.*s\", which "
			    "chooses the backend: its requests are answered "
			    "500", TEXT(stage->name), TEXT(name));
			return false;
		}
		buf_add_slice(out, pair->value);
		at += len;
	}
	return true;
}

static void
upstream_one(struct judge *judge, struct slice name)
{
	size_t index;

	if (set_find(&judge->check->upstreams, name, 0, &index))
		judge->check->upstream_used[index] = true;
	else
		check_unknown_name(judge->check, backend_place(judge),
		    "upstream", name, &judge->check->upstreams);
}

static void
function_one(struct judge *judge, struct slice name)
{
	size_t index;

	if (set_find(&judge->check->functions, name, 0, &index))
		judge->check->function_used[index] = true;
	else
		check_unknown_name(judge->check, judge->integration->place,
		    "function", name, &judge->check->functions);
}

static void
authority_one(struct judge *judge, struct slice authority)
{
	if (memchr(authority.at, '{', authority.len) != NULL)
		check_error(judge->check, backend_place(judge),
		    "\"%.*s\" as host of url; expected a fixed host: path "
		    "parameters may stand behind it only", TEXT(authority));
	else if (!grammar_authority(authority, false))
		check_error(judge->check, backend_place(judge),
		    "\"%.*s\" as host of url; expected \"host\" or "
		    "\"host:port\"", TEXT(authority));
}

/* fn for the text as each stage has it. */
static void
each_stage(struct judge *judge, struct slice text,
    void (*fn)(struct judge *judge, struct slice text))
{
	char room[EXPANDED_MAX];
	struct buf out;
	size_t i;

	if (!has_variable(text)) {
		fn(judge, text);
		return;
	}
	for (i = 0; i < judge->api->nstages; i++) {
		buf_open_fixed(&out, room, sizeof room);
		if (variables_expand(judge, &judge->api->stages[i], text,
		    &out))
			fn(judge, buf_slice(&out));
	}
}

/* A "{name}" of a template that the route's path does not have. */
static void
unknown_param(struct judge *judge, const char *setting, struct slice name)
{
	char wanted[64];
	struct nearest nearest;
	struct slice found;
	size_t i;

	snprintf(wanted, sizeof wanted, "%.*s", TEXT(name));
	nearest_open(&nearest, wanted);
	for (i = 0; i < judge->params->count; i++)
		nearest_try(&nearest, judge->params->at[i]);
	found = nearest_found(&nearest);
	check_error(judge->check, template_place(judge), "{%.*s} in %s; "
	    "expected a parameter of \"%.*s\"%s%.*s%s", TEXT(name), setting,
	    TEXT(judge->path), found.len > 0 ? "; did you mean {" : "",
	    TEXT(found), found.len > 0 ? "}?" : "");
}

static bool
param_known(const struct check_params *params, struct slice name)
{
	size_t i;

	if (slice_ends(name, SLICE("+")))
		name.len--;
	for (i = 0; i < params->count; i++)
		if (slice_eq(params->at[i], name))
			return true;
	return false;
}

/* A stage variable in a path: where a stage lacks it, nothing stands there. */
static void
template_variable(struct judge *judge, const char *setting, struct slice name)
{
	size_t i;

	for (i = 0; i < judge->api->nstages; i++)
		if (variable_find(&judge->api->stages[i], name) == NULL) {
			check_warn(judge->check, template_place(judge),
			    "%s uses stage variable \"%.*s\", which stage "
			    "\"%.*s\" does not have: nothing stands in its "
			    "place", setting, TEXT(name),
			    TEXT(judge->api->stages[i].name));
			return;
		}
}

/* One step through a template. Returns the bytes passed, 0 to stop. */
static size_t
template_step(struct judge *judge, const char *setting, struct slice rest)
{
	struct slice name, tail;
	size_t len;

	if (slice_starts(rest, SLICE(VARIABLE))) {
		len = variable_at(rest, &name);
		if (len > 0)
			template_variable(judge, setting, name);
		return len > 0 ? len : 1;
	}
	if ((unsigned char)*rest.at <= 0x20 ||
	    (unsigned char)*rest.at >= 0x7f) {
		check_error(judge->check, template_place(judge),
		    "%s has a blank or a letter beyond ASCII; expected it "
		    "percent-encoded", setting);
		return 0;
	}
	if (*rest.at == '#') {
		check_error(judge->check, template_place(judge),
		    "%s has a '#'; expected no fragment", setting);
		return 0;
	}
	if (*rest.at != '{')
		return 1;
	tail = slice_of(rest.at + 1, rest.len - 1);
	name = slice_until(&tail, '}');
	if (tail.at == NULL) {
		check_error(judge->check, template_place(judge),
		    "'{' without '}' in %s; expected {name}", setting);
		return 0;
	}
	if (!param_known(judge->params, name))
		unknown_param(judge, setting, name);
	return name.len + 2;
}

/* A path with query as it is sent: what stands in it must be known. */
static void
check_template(struct judge *judge, const char *setting, struct slice text)
{
	size_t at = 0, len;

	while (at < text.len) {
		len = template_step(judge, setting, slice_of(text.at + at,
		    text.len - at));
		if (len == 0)
			return;
		at += len;
	}
}

/* The bytes of an url's authority; "/" and "?" in references do not end it. */
static size_t
authority_length(struct slice text)
{
	struct slice name, rest;
	size_t at = 0, len;

	while (at < text.len && strchr("/?#", text.at[at]) == NULL) {
		rest = slice_of(text.at + at, text.len - at);
		len = slice_starts(rest, SLICE(VARIABLE)) ?
		    variable_at(rest, &name) : 1;
		at += len > 0 ? len : 1;
	}
	return at;
}

static void
check_url(struct judge *judge)
{
	struct slice url = judge->integration->url, scheme = SLICE("http://");
	struct spec_place place = backend_place(judge);
	size_t len;

	if (slice_starts(url, SLICE("https://"))) {
		check_error(judge->check, place, "url \"%.*s\": TLS to "
		    "backends is not built in; expected \"http://\"",
		    TEXT(url));
		return;
	}
	if (!slice_starts(url, scheme)) {
		check_error(judge->check, place, "url \"%.*s\"; expected "
		    "\"http://host:port/path\"", TEXT(url));
		return;
	}
	url = slice_of(url.at + scheme.len, url.len - scheme.len);
	len = authority_length(url);
	each_stage(judge, slice_of(url.at, len), authority_one);
	check_template(judge, "url", slice_of(url.at + len, url.len - len));
}

static void
check_path(struct judge *judge)
{
	struct slice path = judge->integration->path;

	if (!slice_starts(path, SLICE("/")) &&
	    !slice_starts(path, SLICE(VARIABLE)))
		check_error(judge->check, template_place(judge),
		    "path \"%.*s\"; expected it to begin with \"/\"",
		    TEXT(path));
	check_template(judge, "path", path);
}

static void
check_timeout(const struct judge *judge)
{
	if (!check_is_rest(judge->api) &&
	    judge->integration->timeout_ms > 30000)
		check_error(judge->check, judge->integration->place, "timeout "
		    "is above 30s in an HTTP API; expected at most \"30s\" "
		    "(REST APIs take up to \"300s\")");
}

static void
check_proxy(struct judge *judge)
{
	const struct spec_integration *i = judge->integration;
	struct check *check = judge->check;

	if (i->upstream.len > 0 && i->url.len > 0)
		check_error(check, i->place, "upstream and url together; "
		    "expected one of them");
	else if (i->upstream.len == 0 && i->url.len == 0)
		check_error(check, i->place, "an HTTP_PROXY integration "
		    "without backend; expected upstream = \"name\" or url = "
		    "\"http://host:port/path\"");
	else if (i->upstream.len > 0)
		each_stage(judge, i->upstream, upstream_one);
	else
		check_url(judge);
	if (i->url.len > 0 && i->has_path)
		check_error(check, i->place, "path together with url; expected "
		    "the path in the url");
	else if (i->has_path)
		check_path(judge);
	if (i->method.len > 0 && (image_method_find(i->method) == IMAGE_NONE ||
	    slice_eq(i->method, SLICE("CONNECT"))))
		check_error(check, i->place, "http_method \"%.*s\"; expected a "
		    "method such as \"GET\" in upper case, or \"ANY\"",
		    TEXT(i->method));
	check_timeout(judge);
}

static void
check_function_call(struct judge *judge)
{
	const struct spec_integration *i = judge->integration;

	if (i->function.len == 0)
		check_error(judge->check, i->place, "an AWS_PROXY integration "
		    "without function; expected function = \"name\"");
	else
		each_stage(judge, i->function, function_one);
	if (check_is_rest(judge->api) && slice_eq(i->payload, SLICE("2.0")))
		check_error(judge->check, i->place, "payload_format_version "
		    "2.0 in a REST API; expected 1.0, which is all that REST "
		    "APIs have");
	check_timeout(judge);
}

/* The integration of one method or route with this path and parameters. */
void
check_integration(struct check *check, const struct spec_api *api,
    const struct spec_integration *integration,
    const struct check_params *params, struct slice path)
{
	struct judge judge = { check, api, integration, params, path };

	if (integration->place.file == NULL || integration->type.len == 0)
		return;
	if (slice_eq(integration->type, SLICE("HTTP_PROXY")))
		check_proxy(&judge);
	else if (slice_eq(integration->type, SLICE("AWS_PROXY")))
		check_function_call(&judge);
	else if ((integration->status == 204 || integration->status == 205 ||
	    integration->status == 304) && integration->body.len > 0)
		check_warn(check, integration->place, "body of a %ld answer "
		    "is not sent: such answers have none",
		    integration->status);
}
