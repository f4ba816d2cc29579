/*
 * config/value.c - one value of the file, as its row says it should be
 *
 * Texts are expanded here, checked for what no setting may hold, and copied
 * into the spec. What a value means is not known here.
 */

#include <stdio.h>

#include "config/parse_private.h"
#include "util/error.h"
#include "util/text.h"

#define QUOTED_MAX 60	/* bytes of a wrong value shown */

/* Where a setting stands. */
struct spec_place
parse_place(const struct parser *parser, const config_setting_t *setting)
{
	return (struct spec_place){ parser->source->file,
	    config_setting_source_line(setting) + parser->line_base };
}

/* "name" of the setting, or of the array that it is an element of. */
static const char *
setting_name(const config_setting_t *setting)
{
	while (setting != NULL && config_setting_name(setting) == NULL)
		setting = config_setting_parent(setting);
	return setting != NULL ? config_setting_name(setting) : "element";
}

static void
got_write(const config_setting_t *setting, struct buf *out)
{
	const char *text;

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		buf_add_text(out, "a group");
		break;
	case CONFIG_TYPE_LIST:
		buf_add_text(out, "a list");
		break;
	case CONFIG_TYPE_ARRAY:
		buf_add_text(out, "an array");
		break;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		buf_printf(out, "%lld", config_setting_get_int64(setting));
		break;
	case CONFIG_TYPE_FLOAT:
		buf_printf(out, "%g", config_setting_get_float(setting));
		break;
	case CONFIG_TYPE_BOOL:
		buf_add_text(out, config_setting_get_bool(setting) ? "true" :
		    "false");
		break;
	default:
		text = config_setting_get_string(setting);
		buf_add_char(out, '"');
		text_log_escape(out, slice_text(text), QUOTED_MAX);
		buf_add_char(out, '"');
	}
}

static void
mismatch(struct parser *parser, const config_setting_t *setting,
    const struct option *option, const char *more, struct slice suggestion)
{
	struct buf got, expected;

	buf_open(&got);
	buf_open(&expected);
	got_write(setting, &got);
	option_expected(option, &expected);
	spec_problem_add(parser->problems, parse_place(parser, setting), false,
	    "%s is %.*s; expected %.*s%s%s%.*s%s", setting_name(setting),
	    (int)got.len, got.at, (int)expected.len, expected.at, more,
	    suggestion.len > 0 ? "; did you mean \"" : "",
	    (int)suggestion.len, suggestion.at,
	    suggestion.len > 0 ? "\"?" : "");
	buf_close(&got);
	buf_close(&expected);
}

/* Another type than the row says: what, expected, got. */
void
parse_mismatch(struct parser *parser, const config_setting_t *setting,
    const struct option *option)
{
	mismatch(parser, setting, option, "", SLICE_NONE);
}

/* Printable ASCII throughout, as nearly all texts are? */
static bool
is_plain(struct slice text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] - 0x20u > 0x7eu - 0x20u)
			return false;
	return true;
}

static bool
has_control(struct slice text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f)
			return true;
	return false;
}

/* A text of the file: expanded, checked, in the arena. -1 reported. */
static int
text_take(struct parser *parser, const config_setting_t *setting,
    const struct option *option, struct slice *text_r)
{
	struct slice raw = slice_text(config_setting_get_string(setting));
	struct arena *arena = &parser->spec->arena;
	struct spec_place place = parse_place(parser, setting);
	const char *name = setting_name(setting);
	uint64_t most = 0;
	struct error err;
	bool plain;

	if (memchr(raw.at, '$', raw.len) == NULL) {
		*text_r = slice_of(arena_copy(arena, raw.at, raw.len), raw.len);
	} else if (expand_text(arena, raw, text_r, &err) < 0) {
		spec_problem_add(parser->problems, place, false, "%s: %s", name,
		    err.text);
		return -1;
	}
	plain = is_plain(*text_r);
	if (!plain && !text_is_utf8(*text_r)) {
		spec_problem_add(parser->problems, place, false,
		    "%s is not UTF-8; expected UTF-8 text", name);
		return -1;
	}
	if (!plain && option_id(option) != OPTION_integration_body &&
	    has_control(*text_r)) {
		spec_problem_add(parser->problems, place, false, "%s has a "
		    "control character (such as a line end) in it; expected "
		    "one line of text", name);
		return -1;
	}
	if ((option->type == TYPE_text || option->type == TYPE_texts) &&
	    slice_to_u64(slice_text(option->max), &most) == 0 &&
	    text_r->len > most) {
		spec_problem_add(parser->problems, place, false, "%s has %zu "
		    "bytes; expected at most %s", name, text_r->len,
		    option->max);
		return -1;
	}
	return 0;
}

static void
take_word(struct parser *parser, const config_setting_t *setting,
    const struct option *option, void *member)
{
	struct slice word, rest = slice_text(option->min);
	struct nearest nearest;
	unsigned index;

	if (text_take(parser, setting, option, &word) < 0)
		return;
	if (!option_word_known(option, word, &index)) {
		nearest_open(&nearest, word.at);
		while (rest.at != NULL)
			nearest_try(&nearest, slice_until(&rest, '|'));
		mismatch(parser, setting, option, "", nearest_found(&nearest));
		return;
	}
	if (option->type == TYPE_word)
		*(struct slice *)member = word;
	else
		*(bool *)member = index == 1;
}

/*
 * A whole number: as such, or as a text (which "${NAME}" gives). Returns
 * false when it is none.
 */
static bool
number_read(struct parser *parser, const config_setting_t *setting,
    const struct option *option, long *value_r)
{
	struct slice text;
	uint64_t number;

	if (config_setting_type(setting) == CONFIG_TYPE_INT ||
	    config_setting_type(setting) == CONFIG_TYPE_INT64) {
		*value_r = (long)config_setting_get_int64(setting);
		return true;
	}
	if (config_setting_type(setting) != CONFIG_TYPE_STRING ||
	    strchr(config_setting_get_string(setting), '$') == NULL ||
	    text_take(parser, setting, option, &text) < 0 ||
	    slice_to_u64(text, &number) < 0 || number > INT64_MAX)
		return false;
	*value_r = (long)number;
	return true;
}

static void
take_count(struct parser *parser, const config_setting_t *setting,
    const struct option *option, void *member)
{
	long value, min, max;

	if (!number_read(parser, setting, option, &value) ||
	    (option_range(option, &min, &max) == 0 &&
	    (value < min || value > max)))
		parse_mismatch(parser, setting, option);
	else
		*(long *)member = value;
}

/* workers: "auto" or a number, kept as text. */
static void
take_auto(struct parser *parser, const config_setting_t *setting,
    const struct option *option, void *member)
{
	struct slice text = SLICE_NONE;
	uint64_t number;
	long value, min, max;
	char digits[24];
	int len;

	if (config_setting_type(setting) == CONFIG_TYPE_STRING) {
		if (text_take(parser, setting, option, &text) < 0)
			return;
		if (slice_eq(text, SLICE("auto"))) {
			*(struct slice *)member = text;
			return;
		}
		value = slice_to_u64(text, &number) == 0 &&
		    number <= INT32_MAX ? (long)number : -1;
	} else if (!number_read(parser, setting, option, &value)) {
		value = -1;
	}
	option_range(option, &min, &max);
	if (value < min || value > max) {
		parse_mismatch(parser, setting, option);
		return;
	}
	len = snprintf(digits, sizeof digits, "%ld", value);
	*(struct slice *)member = slice_of(arena_copy(&parser->spec->arena,
	    digits, (size_t)len), (size_t)len);
}

/* A duration or size. A bare number is a size, and is no duration. */
static void
take_unit(struct parser *parser, const config_setting_t *setting,
    const struct option *option, void *member)
{
	bool duration = option->type == TYPE_duration;
	struct slice text;
	char more[64] = "";
	long value, min, max;

	if (config_setting_type(setting) == CONFIG_TYPE_STRING) {
		if (text_take(parser, setting, option, &text) < 0)
			return;
		if ((duration ? unit_parse_duration(text, &value) :
		    unit_parse_size(text, &value)) < 0)
			value = -1;
	} else if (!number_read(parser, setting, option, &value)) {
		value = -1;
	} else if (duration) {
		snprintf(more, sizeof more, "; did you mean \"%lds\"?", value);
		value = -1;
	}
	option_range(option, &min, &max);
	if (value < min || value > max)
		mismatch(parser, setting, option, more, SLICE_NONE);
	else
		*(long *)member = value;
}

/* An array or list of texts; one text stands for an array of one. */
static void
take_texts(struct parser *parser, const config_setting_t *setting,
    const struct option *option, struct spec_texts *texts)
{
	int i, count = config_setting_length(setting);
	const config_setting_t *element;

	if (config_setting_type(setting) == CONFIG_TYPE_STRING)
		count = 1;
	else if (!config_setting_is_array(setting) &&
	    !config_setting_is_list(setting)) {
		parse_mismatch(parser, setting, option);
		return;
	}
	texts->line = parse_place(parser, setting).line;
	texts->at = arena_alloc(&parser->spec->arena,
	    (size_t)count * sizeof *texts->at);
	for (i = 0; i < count; i++) {
		element = config_setting_type(setting) == CONFIG_TYPE_STRING ?
		    setting : config_setting_get_elem(setting, (unsigned)i);
		if (config_setting_type(element) != CONFIG_TYPE_STRING)
			parse_mismatch(parser, element, option);
		else if (text_take(parser, element, option,
		    &texts->at[texts->count]) == 0)
			texts->count++;
	}
}

/*
 * Put the value of a plain setting into its member. What is wrong is
 * reported, and the member left as it was.
 */
void
parse_value(struct parser *parser, const config_setting_t *setting,
    const struct option *option, void *member)
{
	int type = config_setting_type(setting);
	struct slice text;

	switch (option->type) {
	case TYPE_text:
		if (type != CONFIG_TYPE_STRING)
			parse_mismatch(parser, setting, option);
		else if (text_take(parser, setting, option, &text) == 0)
			*(struct slice *)member = text;
		break;
	case TYPE_word:
	case TYPE_choice:
		if (type != CONFIG_TYPE_STRING)
			parse_mismatch(parser, setting, option);
		else
			take_word(parser, setting, option, member);
		break;
	case TYPE_count:
		take_count(parser, setting, option, member);
		break;
	case TYPE_auto:
		take_auto(parser, setting, option, member);
		break;
	case TYPE_flag:
		if (type != CONFIG_TYPE_BOOL)
			parse_mismatch(parser, setting, option);
		else
			*(bool *)member = config_setting_get_bool(setting);
		break;
	case TYPE_duration:
	case TYPE_size:
		take_unit(parser, setting, option, member);
		break;
	case TYPE_texts:
		take_texts(parser, setting, option, member);
		break;
	case TYPE_group:
	case TYPE_groups:
		break;
	}
}
