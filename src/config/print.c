/*
 * config/print.c - the effective configuration as a file (gatehouse -T)
 *
 * Walks the table of settings over the spec and writes every value there is,
 * defaults included, so that reading it gives the same spec again. Settings
 * without value are left out.
 */

#include "config/private.h"

static void print_group(const void *object, enum option_context in,
    unsigned depth, struct buf *out);

static void
indent(struct buf *out, unsigned depth)
{
	while (depth-- > 0)
		buf_add_char(out, '\t');
}

/* A text in quotes that libconfig and expand_text read back as it is. */
static void
print_text(struct slice text, struct buf *out)
{
	struct buf escaped;
	size_t i;
	unsigned char c;

	buf_open(&escaped);
	expand_escape(text, &escaped);
	buf_add_char(out, '"');
	for (i = 0; i < escaped.len; i++) {
		c = (unsigned char)escaped.at[i];
		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\n')
			buf_add_text(out, "\\n");
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\x%02x", c);
		else
			buf_add_char(out, (char)c);
	}
	buf_add_char(out, '"');
	buf_close(&escaped);
}

static void
print_texts(const struct spec_texts *texts, struct buf *out)
{
	size_t i;

	buf_add_text(out, "[ ");
	for (i = 0; i < texts->count; i++) {
		if (i > 0)
			buf_add_text(out, ", ");
		print_text(texts->at[i], out);
	}
	buf_add_text(out, " ]");
}

static void
print_groups(const struct option *option, const char *at, size_t count,
    unsigned depth, struct buf *out)
{
	size_t size = option_group(option->inner)->size, i;

	buf_add_char(out, '(');
	for (i = 0; i < count; i++) {
		buf_add_text(out, i > 0 ? ",\n" : "\n");
		indent(out, depth + 1);
		print_group(at + i * size, option->inner, depth + 1, out);
	}
	buf_add_char(out, '\n');
	indent(out, depth);
	buf_add_char(out, ')');
}

static bool
has_number(const struct option *option, long value)
{
	long min = 0, max = 0;

	option_range(option, &min, &max);
	return value >= min && (value > 0 || option->def[0] != '\0' ||
	    option_id(option) == OPTION_cors_max_age);
}

/* Has the setting a value, so that it should be written? */
static bool
has_value(const struct option *option, const void *object)
{
	const struct option_field *field = option_field(option);
	const struct option_group *inner;
	const char *member = (const char *)object + field->at;

	if (!field->kept)
		return false;
	switch (option->type) {
	case TYPE_text:
	case TYPE_word:
	case TYPE_auto:
		return ((const struct slice *)(const void *)member)->len > 0 ||
		    option_required(option);
	case TYPE_count:
	case TYPE_duration:
	case TYPE_size:
		return has_number(option, *(const long *)(const void *)member);
	case TYPE_texts:
		return ((const struct spec_texts *)(const void *)member)->count
		    > 0;
	case TYPE_groups:
		return *(const size_t *)(const void *)((const char *)object +
		    field->count_at) > 0;
	case TYPE_group:
		inner = option_group(option->inner);
		return !inner->flagged || option->context == IN_global ||
		    *(const bool *)(member + inner->set_at);
	case TYPE_choice:
	case TYPE_flag:
		break;
	}
	return true;
}

static void
print_choice(const struct option *option, bool second, struct buf *out)
{
	struct slice rest = slice_text(option->min), word;

	word = slice_until(&rest, '|');
	print_text(second ? rest : word, out);
}

static void
print_value(const struct option *option, const void *object, unsigned depth,
    struct buf *out)
{
	const struct option_field *field = option_field(option);
	const void *member = (const char *)object + field->at;

	switch (option->type) {
	case TYPE_text:
	case TYPE_word:
	case TYPE_auto:
		print_text(*(const struct slice *)member, out);
		break;
	case TYPE_choice:
		print_choice(option, *(const bool *)member, out);
		break;
	case TYPE_flag:
		buf_add_text(out, *(const bool *)member ? "true" : "false");
		break;
	case TYPE_count:
		buf_printf(out, "%ld", *(const long *)member);
		break;
	case TYPE_duration:
	case TYPE_size:
		buf_add_char(out, '"');
		if (option->type == TYPE_size)
			unit_write_size(out, *(const long *)member);
		else
			unit_write_duration(out, *(const long *)member);
		buf_add_char(out, '"');
		break;
	case TYPE_texts:
		print_texts(member, out);
		break;
	case TYPE_group:
		print_group(member, option->inner, depth, out);
		break;
	case TYPE_groups:
		print_groups(option, *(const char *const *)member,
		    *(const size_t *)(const void *)((const char *)object +
		    field->count_at), depth, out);
		break;
	}
}

/* A route's key was parted after reading: put it together again. */
static void
print_key(const struct spec_method *route, struct buf *out)
{
	struct buf key;

	buf_open(&key);
	buf_add_slice(&key, route->method);
	if (route->path.len > 0)
		buf_add_char(&key, ' ');
	buf_add_slice(&key, route->path);
	print_text(buf_slice(&key), out);
	buf_close(&key);
}

static void
print_settings(const void *object, enum option_context in, unsigned depth,
    struct buf *out)
{
	const struct option *o;

	for (o = option_first(in); o != NULL; o = option_next(o)) {
		if (!has_value(o, object))
			continue;
		indent(out, depth);
		buf_printf(out, "%s = ", o->name);
		if (option_id(o) == OPTION_route_route)
			print_key(object, out);
		else
			print_value(o, object, depth, out);
		buf_add_text(out, ";\n");
	}
}

static void
print_group(const void *object, enum option_context in, unsigned depth,
    struct buf *out)
{
	buf_add_text(out, "{\n");
	print_settings(object, in, depth + 1, out);
	indent(out, depth);
	buf_add_char(out, '}');
}

/* Write the spec, which had no errors, as a file that means the same. */
void
config_print(const struct spec *spec, struct buf *out)
{
	print_settings(spec, IN_global, 0, out);
}
