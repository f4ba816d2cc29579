/*
 * config/check_cors.c - cross-origin rules and static header fields
 *
 * What could let a page read what it must not, and what could break the
 * framing of a message or forge a line of it.
 */

#include "config/check_private.h"
#include "config/grammar.h"

/* Where a list of the rules stands. */
static struct spec_place
list_place(const struct spec_cors *cors, const struct spec_texts *texts)
{
	struct spec_place place = cors->place;

	if (texts->line > 0)
		place.line = texts->line;
	return place;
}

static bool
is_star(struct slice text)
{
	return slice_eq(text, SLICE("*"));
}

static void
check_origin(struct check *check, const struct spec_cors *cors,
    struct slice origin, bool rest)
{
	struct spec_place place = list_place(cors, &cors->origins);
	const char *expected;
	bool wide = slice_eq(origin, SLICE("https://*")) ||
	    slice_eq(origin, SLICE("http://*"));

	if (is_star(origin) && cors->credentials) {
		check_error(check, place, "allow-credentials is not supported "
		    "if 'allow-origin' is *; expected the origins by name, or "
		    "allow_credentials = false");
	} else if (wide && rest) {
		check_error(check, place, "origin \"%.*s\" in a REST API; "
		    "expected exact origins or \"*\"", TEXT(origin));
	} else if (wide && cors->credentials) {
		check_warn(check, place, "origin \"%.*s\" with "
		    "allow_credentials: every such page may act as its "
		    "visitor", TEXT(origin));
	} else if (slice_eq(origin, SLICE("null"))) {
		check_warn(check, place, "origin \"null\" is what any "
		    "sandboxed page sends");
	} else if (!is_star(origin) && !wide) {
		expected = grammar_origin(origin);
		if (expected != NULL)
			check_error(check, place, "origin \"%.*s\"; expected "
			    "%s", TEXT(origin), expected);
	}
}

static void
check_method_names(struct check *check, const struct spec_cors *cors)
{
	struct spec_place place = list_place(cors, &cors->methods);
	struct slice name;
	size_t i;

	for (i = 0; i < cors->methods.count; i++) {
		name = cors->methods.at[i];
		if (!is_star(name) && (image_method_find(name) == IMAGE_NONE ||
		    slice_eq(name, SLICE("ANY"))))
			check_error(check, place, "method \"%.*s\" in "
			    "allow_methods; expected methods such as \"GET\" "
			    "in upper case, or \"*\"", TEXT(name));
	}
}

static void
check_field_names(struct check *check, const struct spec_cors *cors,
    const struct spec_texts *names, const char *setting)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		if (!grammar_token(names->at[i]))
			check_error(check, list_place(cors, names),
			    "\"%.*s\" in %s; expected the name of a header "
			    "field, or \"*\"", TEXT(names->at[i]), setting);
}

/* The rules of a resource or of an API. */
void
check_cors(struct check *check, const struct spec_cors *cors, bool rest)
{
	struct spec_place origins = list_place(cors, &cors->origins);
	bool star = false;
	size_t i;

	for (i = 0; i < cors->origins.count; i++) {
		star = star || is_star(cors->origins.at[i]);
		check_origin(check, cors, cors->origins.at[i], rest);
	}
	if (cors->origins.at != NULL && cors->origins.count == 0)
		check_error(check, origins, "allow_origins is empty; "
		    "expected at least one origin, or no cors");
	if (star && cors->origins.count > 1)
		check_warn(check, origins, "allow_origins has \"*\" and "
		    "others: the others mean nothing");
	check_method_names(check, cors);
	check_field_names(check, cors, &cors->headers, "allow_headers");
	check_field_names(check, cors, &cors->expose, "expose_headers");
	if (cors->max_age_ms > 0 && cors->max_age_ms % 1000 != 0)
		check_error(check, cors->place, "max_age is not in whole "
		    "seconds; expected a time such as \"300s\"");
	if (rest && cors->preflight_route)
		check_error(check, cors->place, "preflight = \"route\" in a "
		    "REST API; expected it only in an HTTP API (a written-out "
		    "OPTIONS method wins by itself)");
}

/* Fields that frame the message or belong to one connection. */
static bool
is_framing(struct slice name)
{
	static const char list[] = "Connection,Content-Length,Keep-Alive,"
	    "Proxy-Connection,TE,Trailer,Transfer-Encoding,Upgrade";

	return slice_list_has(slice_of(list, sizeof list - 1), name);
}

static bool
has_blank_end(struct slice value)
{
	return slice_trim(value).len != value.len;
}

static void
check_header(struct check *check, const struct spec_pair *pair, bool request)
{
	const char *setting = request ? "request_headers" : "response_headers";

	if (pair->name.len == 0)
		return;
	if (!grammar_token(pair->name))
		check_error(check, pair->place, "\"%.*s\" in %s; expected the "
		    "name of a header field: letters, digits and "
		    "!#$%%&'*+-.^_`|~", TEXT(pair->name), setting);
	else if (is_framing(pair->name))
		check_error(check, pair->place, "%.*s in %s; expected no "
		    "field that frames messages: the gateway sets it",
		    TEXT(pair->name), setting);
	else if (request && slice_eq_nocase(pair->name, SLICE("Host")))
		check_error(check, pair->place, "Host in request_headers; "
		    "expected it as host = \"%.*s\" in the upstream",
		    TEXT(pair->value));
	else if (request && slice_eq_nocase(pair->name, SLICE("Expect")))
		check_error(check, pair->place, "Expect in request_headers; "
		    "expected no field that holds back the body");
	if (has_blank_end(pair->value))
		check_error(check, pair->place, "the value of %.*s begins or "
		    "ends with a blank; expected it without", TEXT(pair->name));
}

/* The same name again: both go out, which is seldom what is meant. */
static void
check_twice(struct check *check, const struct spec_pairs *pairs, size_t at,
    const char *setting)
{
	size_t i;

	if (slice_eq_nocase(pairs->at[at].name, SLICE("Set-Cookie")))
		return;
	for (i = 0; i < at; i++)
		if (slice_eq_nocase(pairs->at[i].name, pairs->at[at].name)) {
			check_warn(check, pairs->at[at].place, "%.*s stands "
			    "twice in %s (in line %u too)",
			    TEXT(pairs->at[at].name), setting,
			    pairs->at[i].place.line);
			return;
		}
}

/* Two lists of static fields; has_cors: some rule sets its own as well. */
void
check_headers(struct check *check, const struct spec_pairs *request,
    const struct spec_pairs *response, bool has_cors)
{
	size_t i;

	for (i = 0; i < request->count; i++) {
		check_header(check, &request->at[i], true);
		check_twice(check, request, i, "request_headers");
	}
	for (i = 0; i < response->count; i++) {
		check_header(check, &response->at[i], false);
		check_twice(check, response, i, "response_headers");
		if (has_cors && response->at[i].name.len > 15 &&
		    slice_eq_nocase(slice_of(response->at[i].name.at, 15),
		    SLICE("Access-Control-")))
			check_warn(check, response->at[i].place, "%.*s in "
			    "response_headers where cors is set: the rules of "
			    "cors give this field already",
			    TEXT(response->at[i].name));
	}
}
