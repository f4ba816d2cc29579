/*
 * config/parse.c - from the text of a file to a spec
 *
 * Walks what libconfig read along the table of settings: nothing here knows a
 * setting but for the few whose meaning depends on their neighbours. Every
 * problem is reported and the walk goes on; what was wrong stays empty in the
 * spec, so that config/check can still judge the rest.
 *
 * libconfig sees each long list in batches (config/lint found them): in its
 * place stands a mark, a text that no file can hold.
 */

#include <stdlib.h>

#include "config/parse_private.h"
#include "util/mem.h"

#define MARK "\xff"

static void parse_group(struct parser *parser, const config_setting_t *group,
    enum option_context in, void *object);

/* --- texts for libconfig ------------------------------------------------- */

/* The first long list that opens behind the offset. */
static size_t
list_from(const struct lint_lists *lists, size_t at)
{
	size_t low = 0, high = lists->count, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (lists->at[mid].open <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The text from..to, each long list in it replaced by its mark. */
static void
text_compose(const struct source *source, size_t from, size_t to,
    struct buf *out)
{
	const struct lint_list *list;
	size_t i = list_from(&source->lists, from);
	unsigned line;

	while (i < source->lists.count && source->lists.at[i].open < to) {
		list = &source->lists.at[i];
		buf_add(out, source->text.at + from, list->open - from);
		buf_printf(out, "\"" MARK "%zu\"", i);
		for (line = list->open_line; line < list->close_line; line++)
			buf_add_char(out, '\n');
		from = list->close;
		i = list_from(&source->lists, from);
	}
	buf_add(out, source->text.at + from, to - from);
}

/* Let libconfig read the text. -1 when it finds what lint did not. */
static int
text_read(struct parser *parser, config_t *config, struct buf *text)
{
	struct spec_place place;

	buf_add(text, "\n", 2);
	config_init(config);
	if (config_read_string(config, text->at) == CONFIG_TRUE)
		return 0;
	place.file = parser->source->file;
	place.line = (unsigned)config_error_line(config) + parser->line_base;
	spec_problem_add(parser->problems, place, false, "syntax error: %s",
	    config_error_text(config));
	parser->spec->partial = true;
	return -1;
}

/* --- lists of groups ----------------------------------------------------- */

/* The long list that stands for this setting, or NULL. */
static const struct lint_list *
list_marked(const struct parser *parser, const config_setting_t *setting)
{
	const config_setting_t *element;
	const char *mark;

	if (config_setting_length(setting) != 1)
		return NULL;
	element = config_setting_get_elem(setting, 0);
	if (config_setting_type(element) != CONFIG_TYPE_STRING)
		return NULL;
	mark = config_setting_get_string(element);
	return mark[0] == MARK[0] ? &parser->source->lists.at[
	    strtoul(mark + 1, NULL, 10)] : NULL;
}

/* Where the elements of one list go. */
struct fill {
	const struct option *option;
	char *at;
	size_t count;
	size_t size;
};

static void
fill_from(struct parser *parser, const config_setting_t *list,
    struct fill *fill)
{
	const config_setting_t *element;
	int i, length = config_setting_length(list);

	for (i = 0; i < length; i++) {
		element = config_setting_get_elem(list, (unsigned)i);
		if (!config_setting_is_group(element)) {
			parse_mismatch(parser, element, fill->option);
			continue;
		}
		parse_group(parser, element, fill->option->inner,
		    fill->at + fill->count * fill->size);
		fill->count++;
	}
}

static void
fill_batch(struct parser *parser, size_t from, size_t to, unsigned line,
    struct buf *text, struct fill *fill)
{
	unsigned base = parser->line_base;
	config_t config;

	text->len = 0;
	buf_add_text(text, "list=(");
	text_compose(parser->source, from, to, text);
	buf_add_text(text, ")");
	parser->line_base = line - 1;
	if (text_read(parser, &config, text) == 0)
		fill_from(parser, config_setting_get_elem(
		    config_root_setting(&config), 0), fill);
	config_destroy(&config);
	parser->line_base = base;
}

/* All elements of a long list, a batch at a time. */
static void
fill_batches(struct parser *parser, const struct lint_list *list,
    struct fill *fill)
{
	size_t from = list->open, i;
	unsigned line = list->open_line;
	struct buf text;

	buf_open(&text);
	for (i = 0; i < list->ncuts; i++) {
		fill_batch(parser, from, list->cuts[i].at - 1, line, &text,
		    fill);
		from = list->cuts[i].at;
		line = list->cuts[i].line;
	}
	fill_batch(parser, from, list->close, line, &text, fill);
	buf_close(&text);
}

/*
 * Room for more elements behind those that a list has. Only lists of the top
 * level are met more than once (each file may add to them): they grow by
 * doubling.
 */
static char *
list_room(struct parser *parser, const struct option *option, void *object,
    size_t more)
{
	const struct option_field *field = option_field(option);
	size_t size = option_group(option->inner)->size;
	char **at_p = (char **)((char *)object + field->at), *grown;
	size_t count = *(size_t *)((char *)object + field->count_at);
	size_t *room = &parser->rooms[option_id(option)], want = count + more;

	if (option->context == IN_global && want <= *room)
		return *at_p + count * size;
	if (option->context == IN_global)
		*room = want = want > *room * 2 ? want : *room * 2;
	grown = arena_alloc(&parser->spec->arena, want * size);
	if (count > 0)
		memcpy(grown, *at_p, count * size);
	memset(grown + count * size, 0, (want - count) * size);
	*at_p = grown;
	return grown + count * size;
}

static void
parse_list(struct parser *parser, const config_setting_t *setting,
    const struct option *option, void *object)
{
	const struct lint_list *list;
	struct fill fill = { .option = option };
	size_t *count;

	/* "[ ]" has no elements whose type could tell it from a list. */
	if (!config_setting_is_list(setting) &&
	    !(config_setting_is_array(setting) &&
	    config_setting_length(setting) == 0)) {
		parse_mismatch(parser, setting, option);
		return;
	}
	list = list_marked(parser, setting);
	fill.size = option_group(option->inner)->size;
	fill.at = list_room(parser, option, object, list != NULL ?
	    list->count : (size_t)config_setting_length(setting));
	if (list != NULL)
		fill_batches(parser, list, &fill);
	else
		fill_from(parser, setting, &fill);
	count = (size_t *)(void *)((char *)object +
	    option_field(option)->count_at);
	*count += fill.count;
}

/* --- groups -------------------------------------------------------------- */

static bool
given(uint64_t bits, enum option_context in, enum option_id id)
{
	return bits >> (id - option_id(option_first(in))) & 1;
}

/* A route's key "GET /path" into method and path. */
static void
finish_route(struct parser *parser, struct spec_method *route)
{
	struct slice rest = route->method, method;

	if (rest.len == 0 || slice_eq(rest, SLICE("$default")))
		return;
	method = slice_until(&rest, ' ');
	rest = slice_trim(rest);
	if (method.len > 0 && rest.len > 0 && rest.at[0] == '/') {
		route->method = method;
		route->path = rest;
		return;
	}
	spec_problem_add(parser->problems, route->place, false,
	    "route \"%.*s\" is not a route key; expected \"METHOD /path\", "
	    "\"ANY /path\" or \"$default\"", (int)route->method.len,
	    route->method.at);
	route->method = SLICE_NONE;
}

/* Settings that belong to the other type of integration. */
static void
finish_integration(struct parser *parser,
    struct spec_integration *integration, uint64_t bits)
{
	static const struct {
		enum option_id id;
		const char *type, *other;	/* types that have it */
	} owned[] = {
		{ OPTION_integration_upstream, "HTTP_PROXY", "" },
		{ OPTION_integration_url, "HTTP_PROXY", "" },
		{ OPTION_integration_path, "HTTP_PROXY", "" },
		{ OPTION_integration_http_method, "HTTP_PROXY", "" },
		{ OPTION_integration_timeout, "HTTP_PROXY", "AWS_PROXY" },
		{ OPTION_integration_connect_timeout, "HTTP_PROXY", "" },
		{ OPTION_integration_request_headers, "HTTP_PROXY",
		    "AWS_PROXY" },
		{ OPTION_integration_function, "AWS_PROXY", "" },
		{ OPTION_integration_payload_format_version, "AWS_PROXY",
		    "" },
		{ OPTION_integration_status, "MOCK", "" },
		{ OPTION_integration_body, "MOCK", "" },
	};
	size_t i;

	integration->has_path = given(bits, IN_integration,
	    OPTION_integration_path);
	if (integration->type.len == 0)
		return;
	for (i = 0; i < sizeof owned / sizeof *owned; i++) {
		if (!given(bits, IN_integration, owned[i].id) ||
		    slice_eq(integration->type, slice_text(owned[i].type)) ||
		    slice_eq(integration->type, slice_text(owned[i].other)))
			continue;
		spec_problem_add(parser->problems, integration->place, false,
		    "%s in an integration of type %.*s; expected it only with "
		    "type %s", option_at(owned[i].id)->name,
		    (int)integration->type.len, integration->type.at,
		    owned[i].type);
	}
}

/* Settings that belong to the other kind of API. */
static void
finish_api(struct parser *parser, struct spec_api *api, uint64_t bits)
{
	bool rest = slice_eq(api->protocol, SLICE("REST"));

	if (api->protocol.len == 0)
		return;
	if (rest && given(bits, IN_api, OPTION_api_routes))
		spec_problem_add(parser->problems, api->place, false,
		    "routes in a REST API; expected resources with methods, or "
		    "protocol = \"HTTP\"");
	if (!rest && given(bits, IN_api, OPTION_api_resources))
		spec_problem_add(parser->problems, api->place, false,
		    "resources in an HTTP API; expected routes, or "
		    "protocol = \"REST\"");
}

static void
check_required(struct parser *parser, struct spec_place place,
    enum option_context in, uint64_t bits)
{
	const struct option *o;

	for (o = option_first(in); o != NULL; o = option_next(o)) {
		if (!option_required(o) || given(bits, in, option_id(o)))
			continue;
		if (option_id(o) == OPTION_method_integration ||
		    option_id(o) == OPTION_route_integration)
			spec_problem_add(parser->problems, place, false,
			    "No integration defined for method; expected "
			    "integration = { ... }");
		else
			spec_problem_add(parser->problems, place, false,
			    "%s has no %s; expected it to be given",
			    option_group(in)->noun, o->name);
	}
}

static void
unknown(struct parser *parser, const config_setting_t *setting,
    enum option_context in)
{
	const char *name = config_setting_name(setting);
	const char *near = option_suggest(in, name);
	const struct option *elsewhere = NULL;
	int i;

	for (i = 0; near == NULL && elsewhere == NULL && i < OPTIONS; i++)
		if (strcmp(option_at((enum option_id)i)->name, name) == 0)
			elsewhere = option_at((enum option_id)i);
	if (elsewhere != NULL)
		spec_problem_add(parser->problems, parse_place(parser, setting),
		    false, "unknown setting \"%s\" in %s; expected it in %s",
		    name, option_group(in)->noun,
		    option_group(elsewhere->context)->noun);
	else
		spec_problem_add(parser->problems, parse_place(parser, setting),
		    false, "unknown setting \"%s\" in %s%s%s%s", name,
		    option_group(in)->noun, near != NULL ?
		    "; did you mean \"" : "", near != NULL ? near : "",
		    near != NULL ? "\"?" : "");
}

/* A setting of the top level that another file gave already? */
static bool
given_before(struct parser *parser, const config_setting_t *setting,
    const struct option *option)
{
	struct spec_place *first = &parser->spec->given[option_id(option)];

	if (first->file == NULL) {
		*first = parse_place(parser, setting);
		return false;
	}
	if (option->type == TYPE_group || option->type == TYPE_groups)
		return false;
	spec_problem_add(parser->problems, parse_place(parser, setting), false,
	    "%s is given twice; expected once (it is given in %s:%u too)",
	    option->name, first->file, first->line);
	return true;
}

/* Is this one of the objects of which a configuration has just one? */
static bool
is_single(const struct parser *parser, enum option_context in,
    const void *object)
{
	return in == IN_global || in == IN_limits || in == IN_timeouts ||
	    object == &parser->spec->access_log;
}

/* Lines that messages about an integration should name. */
static void
note_line(const struct parser *parser, const config_setting_t *setting,
    enum option_id id, struct spec_integration *integration)
{
	unsigned line = parse_place(parser, setting).line;

	if (id == OPTION_integration_upstream || id == OPTION_integration_url)
		integration->backend_line = line;
	else if (id == OPTION_integration_path)
		integration->path_line = line;
}

/* What is wrong was not taken: it counts as not given. */
static void
take_value(struct parser *parser, const config_setting_t *setting,
    const struct option *option, void *object)
{
	unsigned errors = parser->problems->errors;

	parse_value(parser, setting, option, spec_member(object, option));
	if (parser->problems->errors > errors &&
	    is_single(parser, option->context, object))
		parser->spec->given[option_id(option)].file = NULL;
}

static void
parse_setting(struct parser *parser, const config_setting_t *setting,
    const struct option *option, void *object)
{
	if (option_id(option) == OPTION_global_include) {
		include_note(parser, setting);
		return;
	}
	if (is_single(parser, option->context, object) &&
	    given_before(parser, setting, option))
		return;
	if (option->context == IN_integration)
		note_line(parser, setting, option_id(option), object);
	if (option->type == TYPE_groups)
		parse_list(parser, setting, option, object);
	else if (option->type != TYPE_group)
		take_value(parser, setting, option, object);
	else if (!config_setting_is_group(setting))
		parse_mismatch(parser, setting, option);
	else
		parse_group(parser, setting, option->inner,
		    spec_member(object, option));
}

/* Defaults and place of an object that is about to be read. */
static void
object_begin(struct parser *parser, const config_setting_t *group,
    enum option_context in, void *object)
{
	const struct option_group *shape = option_group(in);

	/* A stage's log takes what it lacks from the common one. */
	if (!is_single(parser, in, object) && in != IN_access_log)
		spec_defaults(parser->spec, in, object);
	if (shape->placed && in != IN_global)
		*(struct spec_place *)(void *)((char *)object +
		    shape->place_at) = parse_place(parser, group);
	if (shape->flagged)
		*(bool *)((char *)object + shape->set_at) = true;
}

/* The settings of one group into its object. */
static void
parse_group(struct parser *parser, const config_setting_t *group,
    enum option_context in, void *object)
{
	const config_setting_t *setting;
	const struct option *option;
	enum option_id first = option_id(option_first(in));
	int i, length = config_setting_length(group);
	uint64_t bits = 0;

	object_begin(parser, group, in, object);
	for (i = 0; i < length; i++) {
		setting = config_setting_get_elem(group, (unsigned)i);
		option = option_find(in, config_setting_name(setting));
		if (option == NULL) {
			unknown(parser, setting, in);
			continue;
		}
		bits |= UINT64_C(1) << (option_id(option) - first);
		parse_setting(parser, setting, option, object);
	}
	check_required(parser, parse_place(parser, group), in, bits);
	if (in == IN_route)
		finish_route(parser, object);
	else if (in == IN_integration)
		finish_integration(parser, object, bits);
	else if (in == IN_api)
		finish_api(parser, object, bits);
}

/* --- files --------------------------------------------------------------- */

/* The text of source, and then the files that it includes. */
static void
parse_source(struct parser *parser, struct source *source)
{
	struct source *outer = parser->source;
	struct slice bom = SLICE("\xef\xbb\xbf");
	config_t config;
	struct buf text;

	if (slice_starts(source->text, bom))
		source->text = slice_of(source->text.at + bom.len,
		    source->text.len - bom.len);
	parser->source = source;
	buf_open(&text);
	if (lint_text(source->file, source->text, parser->problems,
	    &source->lists) < 0) {
		parser->spec->partial = true;
	} else {
		text_compose(source, 0, source->text.len, &text);
		if (text_read(parser, &config, &text) == 0)
			parse_group(parser, config_root_setting(&config),
			    IN_global, parser->spec);
		config_destroy(&config);
	}
	buf_close(&text);
	include_run(parser, source);
	lint_lists_close(&source->lists);
	parser->source = outer;
}

/* Read a file into the parser's spec; place: who wants it, or no line. */
void
parse_file(struct parser *parser, const char *file,
    const struct source *parent, struct spec_place place)
{
	struct source source = { .parent = parent, .has_folder = true };
	struct buf text;

	source.file = arena_copy(&parser->spec->arena, file, strlen(file));
	source.nesting = parent != NULL ? parent->nesting + 1 : 0;
	buf_open(&text);
	if (include_read(parser, &source, place, &text) < 0) {
		parser->spec->partial = true;
	} else {
		source.text = buf_slice(&text);
		parse_source(parser, &source);
	}
	buf_close(&text);
}

/*
 * Read the configuration in file and what it includes. Problems are added;
 * the spec that is returned belongs to the caller (spec_close).
 */
struct spec *
config_parse(const char *file, struct spec_problems *problems)
{
	struct parser parser = { .problems = problems };

	parser.spec = spec_open(file);
	parse_file(&parser, file, NULL, (struct spec_place){ NULL, 0 });
	spec_finish(parser.spec);
	return parser.spec;
}

/* The same for a text; name stands in messages. It cannot include files. */
struct spec *
config_parse_text(const char *name, struct slice text,
    struct spec_problems *problems)
{
	struct parser parser = { .problems = problems };
	struct source source = { .text = text };

	parser.spec = spec_open(name);
	source.file = parser.spec->place.file;
	parse_source(&parser, &source);
	spec_finish(parser.spec);
	return parser.spec;
}
