/*
 * config/options.c - the table of settings
 *
 * Rows come from options.def, where their values go from fields.def. The
 * table is constant; parse, check and print walk it and know no setting by
 * name where they need not.
 */

#include "config/options.h"

#include "config/spec.h"
#include "util/buf.h"

/* What stands in the column unit: nothing to know for a plain value. */
enum {
	UNIT_none = IN_global,
	UNIT_ms = IN_global,
	UNIT_bytes = IN_global,
#define CONTEXT(name, where, sentence) UNIT_##name = IN_##name,
#define OPTION(context, name, type, unit, min, max, def, sentence)
#include "config/options.def"
#undef CONTEXT
#undef OPTION
};

#define CONTEXT(name, where, sentence)
#define OPTION(context_, name_, type_, unit_, min_, max_, def_, sentence_) \
	{ .context = IN_##context_, .name = #name_, .type = TYPE_##type_, \
	  .inner = (enum option_context)UNIT_##unit_, .min = min_, \
	  .max = max_, .def = def_, .sentence = sentence_ },
static const struct option rows[] = {
#include "config/options.def"
};
#undef CONTEXT
#undef OPTION

#define FIELD(context, name, type, member) \
	[OPTION_##context##_##name] = { \
	    true, offsetof(struct type, member), 0 },
#define FIELDS(context, name, type, member, count) \
	[OPTION_##context##_##name] = { \
	    true, offsetof(struct type, member), offsetof(struct type, count) },
static const struct option_field fields[OPTIONS] = {
#include "config/fields.def"
};
#undef FIELD
#undef FIELDS

#define PLACED(type) \
	.size = sizeof(struct type), .placed = true, \
	.place_at = offsetof(struct type, place)
#define FLAGGED(type) \
	PLACED(type), .flagged = true, .set_at = offsetof(struct type, set)

static const struct option_group groups[IN_CONTEXTS] = {
	[IN_global] = { "the top level", PLACED(spec) },
	[IN_limits] = { "limits", .size = sizeof(struct spec_limits) },
	[IN_timeouts] = { "timeouts", .size = sizeof(struct spec_timeouts) },
	[IN_access_log] = { "access_log", FLAGGED(spec_log) },
	[IN_listener] = { "a listener", PLACED(spec_listener) },
	[IN_upstream] = { "an upstream", PLACED(spec_upstream) },
	[IN_server] = { "a server", PLACED(spec_server) },
	[IN_function] = { "a function", PLACED(spec_function) },
	[IN_environment] = { "an environment variable", PLACED(spec_pair) },
	[IN_api] = { "an API", PLACED(spec_api) },
	[IN_stage] = { "a stage", PLACED(spec_stage) },
	[IN_resource] = { "a resource", PLACED(spec_resource) },
	[IN_method] = { "a method", PLACED(spec_method) },
	[IN_route] = { "a route", PLACED(spec_method) },
	[IN_integration] = { "an integration", PLACED(spec_integration) },
	[IN_cors] = { "cors", FLAGGED(spec_cors) },
	[IN_header] = { "a header", PLACED(spec_pair) },
	[IN_variable] = { "a variable", PLACED(spec_pair) },
};

static const enum option_id firsts[IN_CONTEXTS] = {
	[IN_global] = OPTION_global_workers,
	[IN_limits] = OPTION_limits_head,
	[IN_timeouts] = OPTION_timeouts_client_head,
	[IN_access_log] = OPTION_access_log_path,
	[IN_listener] = OPTION_listener_name,
	[IN_upstream] = OPTION_upstream_name,
	[IN_server] = OPTION_server_address,
	[IN_function] = OPTION_function_name,
	[IN_environment] = OPTION_environment_name,
	[IN_api] = OPTION_api_name,
	[IN_stage] = OPTION_stage_name,
	[IN_resource] = OPTION_resource_path,
	[IN_method] = OPTION_method_method,
	[IN_route] = OPTION_route_route,
	[IN_integration] = OPTION_integration_type,
	[IN_cors] = OPTION_cors_allow_origins,
	[IN_header] = OPTION_header_name,
	[IN_variable] = OPTION_variable_name,
};

const struct option *
option_at(enum option_id id)
{
	return &rows[id];
}

enum option_id
option_id(const struct option *option)
{
	return (enum option_id)(option - rows);
}

const struct option *
option_first(enum option_context context)
{
	return &rows[firsts[context]];
}

/* The next row of the same context, or NULL. */
const struct option *
option_next(const struct option *option)
{
	if (option + 1 == rows + OPTIONS ||
	    option[1].context != option->context)
		return NULL;
	return option + 1;
}

const struct option_field *
option_field(const struct option *option)
{
	return &fields[option_id(option)];
}

const struct option_group *
option_group(enum option_context context)
{
	return &groups[context];
}

bool
option_required(const struct option *option)
{
	return option->def[0] == '!';
}

/* The row of a setting, or NULL when the context has no such setting. */
const struct option *
option_find(enum option_context context, const char *name)
{
	const struct option *o;

	for (o = option_first(context); o != NULL; o = option_next(o))
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

/* The setting of the context that looks most like name, or NULL. */
const char *
option_suggest(enum option_context context, const char *name)
{
	const struct option *o;
	struct nearest nearest;

	nearest_open(&nearest, name);
	for (o = option_first(context); o != NULL; o = option_next(o))
		nearest_try(&nearest, slice_text(o->name));
	return nearest_found(&nearest).at;
}

/* Is word one of those that a word or choice may be? *index_r: which. */
bool
option_word_known(const struct option *option, struct slice word,
    unsigned *index_r)
{
	struct slice rest = slice_text(option->min), one;
	unsigned i;

	for (i = 0; rest.at != NULL; i++) {
		one = slice_until(&rest, '|');
		if (slice_eq(one, word)) {
			*index_r = i;
			return true;
		}
	}
	return false;
}

static long
bound_parse(const struct option *option, const char *text)
{
	struct slice bound = slice_text(text);
	uint64_t number;
	long value = 0;

	switch (option->type) {
	case TYPE_duration:
		unit_parse_duration(bound, &value);
		return value;
	case TYPE_size:
		unit_parse_size(bound, &value);
		return value;
	default:
		return slice_to_u64(bound, &number) == 0 ? (long)number : 0;
	}
}

/* The bounds of a number, duration or size. -1 when it has none. */
int
option_range(const struct option *option, long *min_r, long *max_r)
{
	if (option->max[0] == '\0')
		return -1;
	*min_r = bound_parse(option, option->min);
	*max_r = bound_parse(option, option->max);
	return 0;
}

static void
words_write(const struct option *option, struct buf *out)
{
	struct slice rest = slice_text(option->min), word;
	const char *glue = "";

	while (rest.at != NULL) {
		word = slice_until(&rest, '|');
		buf_printf(out, "%s\"%.*s\"", glue, (int)word.len, word.at);
		glue = memchr(rest.at != NULL ? rest.at : "|", '|',
		    rest.at != NULL ? rest.len : 1) != NULL ? ", " : " or ";
	}
}

/* What a value of the setting looks like, for "expected …". */
void
option_expected(const struct option *option, struct buf *out)
{
	const char *min = option->min, *max = option->max;

	switch (option->type) {
	case TYPE_text:
		buf_add_text(out, "text in quotes");
		break;
	case TYPE_word:
	case TYPE_choice:
		words_write(option, out);
		break;
	case TYPE_count:
		buf_printf(out, "a whole number from %s to %s", min, max);
		break;
	case TYPE_auto:
		buf_printf(out, "\"auto\" or a whole number from %s to %s",
		    min, max);
		break;
	case TYPE_flag:
		buf_add_text(out, "true or false");
		break;
	case TYPE_duration:
		buf_printf(out, "a time from \"%s\" to \"%s\" such as "
		    "\"500ms\", \"29s\", \"5m\"", min, max);
		break;
	case TYPE_size:
		buf_printf(out, "a size from \"%s\" to \"%s\" such as "
		    "\"16K\", \"10M\", \"1G\"", min, max);
		break;
	case TYPE_texts:
		buf_add_text(out, "an array of texts such as "
		    "[ \"a\", \"b\" ]");
		break;
	case TYPE_group:
		buf_printf(out, "a group: %s = { ... }", option->name);
		break;
	case TYPE_groups:
		buf_printf(out, "a list of groups: %s = ( { ... }, { ... } )",
		    option->name);
		break;
	}
}
