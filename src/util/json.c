/*
 * util/json.c - JSON texts: reading into a tree, writing values
 *
 * Reads what RFC 8259 allows and nothing else: UTF-8 only, no comments, no
 * bare control bytes, nothing behind the value. Nothing is converted: values
 * are spans of the text, and a string is decoded when somebody asks for it.
 *
 * Two rules where the RFC leaves a choice. Of members of one name the last
 * one counts. An escaped half of a surrogate pair (\ud800 without its
 * partner) is accepted and decoded as U+FFFD, as JavaScript's own writer
 * makes such texts.
 */

#include "util/json.h"

#include "util/arena.h"
#include "util/error.h"
#include "util/span.h"
#include "util/text.h"

struct reader {
	struct arena *arena;	/* NULL: check only */
	const char *at, *end;
	unsigned depth;		/* containers that may still be opened */
	unsigned depth_max;
	unsigned levels;
	unsigned nodes;		/* that may still be made */
	const char *problem;	/* what is wrong at `at` */
};

static int read_value(struct reader *r, struct json *value, unsigned level);

static int
refuse(struct reader *r, const char *at, const char *problem)
{
	r->at = at;
	r->problem = problem;
	return -1;
}

static void
skip_blanks(struct reader *r)
{
	const char *at = r->at;

	while (at < r->end &&
	    (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
		at++;
	r->at = at;
}

/* Four hex digits as a number, or -1. */
static int
hex4(const char *at, const char *end)
{
	int value = 0, digit, i;

	if (end - at < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		digit = text_hex_digit(at[i]);
		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* Behind the escape whose backslash is at `at`; NULL when it is none. */
static const char *
skip_escape(const char *at, const char *end)
{
	if (end - at < 2)
		return NULL;
	if (at[1] == 'u')
		return hex4(at + 2, end) < 0 ? NULL : at + 6;
	return at[1] != '\0' && strchr("\"\\/bfnrt", at[1]) != NULL ?
	    at + 2 : NULL;
}

/* From behind the opening quote to behind the closing one. */
static int
read_string(struct reader *r, struct slice *inside_r, bool *escaped_r)
{
	const char *start = r->at, *at = start, *next;

	*escaped_r = false;
	for (;;) {
		at = span_json(at, r->end);
		if (at == r->end)
			return refuse(r, at, "a string without its end");
		if (*at == '"')
			break;
		if (*at == '\\') {
			*escaped_r = true;
			next = skip_escape(at, r->end);
			if (next == NULL)
				return refuse(r, at, "no such escape");
			at = next;
		} else if ((unsigned char)*at < 0x20) {
			return refuse(r, at, "a control byte in a string");
		} else {
			size_t len = text_utf8_length(at, r->end);

			if (len == 0)
				return refuse(r, at, "not UTF-8");
			at += len;
		}
	}
	*inside_r = slice_of(start, (size_t)(at - start));
	r->at = at + 1;
	return 0;
}

static const char *
skip_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

static int
read_number(struct reader *r)
{
	const char *at = r->at, *end = r->end, *start;

	if (*at == '-')
		at++;
	start = at;
	at = skip_digits(at, end);
	if (at == start || (*start == '0' && at - start > 1))
		return refuse(r, start, "not a number");
	if (at < end && *at == '.') {
		start = ++at;
		at = skip_digits(at, end);
		if (at == start)
			return refuse(r, at, "expected a digit");
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		start = at;
		at = skip_digits(at, end);
		if (at == start)
			return refuse(r, at, "expected a digit");
	}
	r->at = at;
	return 0;
}

static int
read_word(struct reader *r, struct slice word)
{
	if (!slice_starts(slice_of(r->at, (size_t)(r->end - r->at)), word))
		return refuse(r, r->at, "expected a value");
	r->at += word.len;
	return 0;
}

/* A member's name and its colon. */
static int
read_name(struct reader *r, struct json *member)
{
	skip_blanks(r);
	if (r->at == r->end || *r->at != '"')
		return refuse(r, r->at, "expected a name in quotes");
	r->at++;
	if (read_string(r, &member->name, &member->name_escaped) < 0)
		return -1;
	skip_blanks(r);
	if (r->at == r->end || *r->at != ':')
		return refuse(r, r->at, "expected ':'");
	r->at++;
	return 0;
}

/* A node for a child of this level: a new one, or the spare one again. */
static struct json *
child_new(struct reader *r, unsigned level, struct json *spare)
{
	if (r->arena == NULL || level > r->levels)
		return spare;
	if (r->nodes == 0)
		return NULL;
	r->nodes--;
	return arena_alloc(r->arena, sizeof *spare);
}

/* One child and the comma or bracket behind it: 1 when more follow. */
static int
read_child(struct reader *r, struct json *parent, struct json *child,
    unsigned level)
{
	bool object = parent->type == JSON_OBJECT;

	child->name = SLICE_NONE;
	child->name_escaped = false;
	if (object && read_name(r, child) < 0)
		return -1;
	if (read_value(r, child, level) < 0)
		return -1;
	parent->count++;
	skip_blanks(r);
	if (r->at < r->end && *r->at == ',') {
		r->at++;
		return 1;
	}
	if (r->at == r->end || *r->at != (object ? '}' : ']'))
		return refuse(r, r->at, object ? "expected ',' or '}'" :
		    "expected ',' or ']'");
	r->at++;
	return 0;
}

/* From behind the opening bracket to behind the closing one. */
static int
read_children(struct reader *r, struct json *parent, unsigned level)
{
	struct json spare, *child, **link = &parent->first;
	int more;

	if (r->depth == 0)
		return refuse(r, r->at, "nested too deep");
	r->depth--;
	skip_blanks(r);
	more = r->at == r->end ||
	    *r->at != (parent->type == JSON_OBJECT ? '}' : ']');
	if (!more)
		r->at++;
	while (more) {
		child = child_new(r, level, &spare);
		if (child == NULL)
			return refuse(r, r->at, "too many values");
		more = read_child(r, parent, child, level);
		if (more < 0)
			return -1;
		if (child == &spare) {
			parent->closed = true;
			continue;
		}
		*link = child;
		link = &child->next;
	}
	r->depth++;
	return 0;
}

static int
read_kind(struct reader *r, struct json *value, unsigned level)
{
	struct slice inside;

	switch (*r->at) {
	case '{':
	case '[':
		value->type = *r->at == '{' ? JSON_OBJECT : JSON_ARRAY;
		r->at++;
		return read_children(r, value, level + 1);
	case '"':
		value->type = JSON_STRING;
		r->at++;
		return read_string(r, &inside, &value->escaped);
	case 't':
		value->type = JSON_TRUE;
		return read_word(r, SLICE("true"));
	case 'f':
		value->type = JSON_FALSE;
		return read_word(r, SLICE("false"));
	case 'n':
		value->type = JSON_NULL;
		return read_word(r, SLICE("null"));
	case '-':
	case '0' ... '9':
		value->type = JSON_NUMBER;
		return read_number(r);
	default:
		return refuse(r, r->at, "expected a value");
	}
}

/* One value with the blanks before it; its name is not touched. */
static int
read_value(struct reader *r, struct json *value, unsigned level)
{
	const char *start;

	skip_blanks(r);
	if (r->at == r->end)
		return refuse(r, r->at, "expected a value");
	value->next = value->first = NULL;
	value->count = 0;
	value->escaped = value->closed = false;
	start = r->at;
	if (read_kind(r, value, level) < 0)
		return -1;
	value->text = slice_of(start, (size_t)(r->at - start));
	return 0;
}

static unsigned
limit_or(unsigned limit, unsigned most)
{
	return limit == 0 ? most : limit;
}

static int
read_all(struct reader *r, struct slice text, struct json *root,
    struct error *err)
{
	if (text.len == 0)
		text.at = "";
	r->at = text.at;
	r->end = text.at + text.len;
	if (read_value(r, root, 0) == 0) {
		skip_blanks(r);
		if (r->at == r->end)
			return 0;
		refuse(r, r->at, "something behind the value");
	}
	return error_set(err, "byte %zu: %s", (size_t)(r->at - text.at),
	    r->problem);
}

/*
 * Read text, which the tree keeps pointing into, into nodes in the arena.
 * limits may be NULL. Returns 0 and the root; or -1 with the reason, which
 * names the offset, in err.
 */
int
json_parse(struct arena *arena, struct slice text,
    const struct json_limits *limits, struct json **root_r, struct error *err)
{
	static const struct json_limits none;
	struct reader r = { .arena = arena };
	struct json *root;

	if (limits == NULL)
		limits = &none;
	if (limits->size != 0 && text.len > limits->size)
		return error_set(err, "%zu bytes are more than %zu", text.len,
		    limits->size);
	r.depth = limit_or(limits->depth, JSON_DEPTH_MAX);
	if (r.depth > JSON_DEPTH_MAX)
		r.depth = JSON_DEPTH_MAX;
	r.nodes = limit_or(limits->nodes, JSON_NODES_MAX);
	r.levels = limit_or(limits->levels, JSON_LEVELS_ALL);
	root = arena_alloc(arena, sizeof *root);
	root->name = SLICE_NONE;
	root->name_escaped = false;
	if (read_all(&r, text, root, err) < 0)
		return -1;
	*root_r = root;
	return 0;
}

/* Is text JSON? Nothing is kept. 0, or -1 with the reason in err. */
int
json_check(struct slice text, struct error *err)
{
	struct reader r = { .depth = JSON_DEPTH_MAX };
	struct json root;

	return read_all(&r, text, &root, err);
}

/* The bytes of code as UTF-8; how many. */
static size_t
utf8_put(char *to, unsigned code)
{
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xc0 | code >> 6);
		to[1] = (char)(0x80 | (code & 63));
		return 2;
	}
	if (code < 0x10000) {
		to[0] = (char)(0xe0 | code >> 12);
		to[1] = (char)(0x80 | (code >> 6 & 63));
		to[2] = (char)(0x80 | (code & 63));
		return 3;
	}
	to[0] = (char)(0xf0 | code >> 18);
	to[1] = (char)(0x80 | (code >> 12 & 63));
	to[2] = (char)(0x80 | (code >> 6 & 63));
	to[3] = (char)(0x80 | (code & 63));
	return 4;
}

/* The character of a \u escape, or of a pair of them, at *at_p. */
static unsigned
decode_unicode(const char **at_p, const char *end)
{
	const char *at = *at_p;
	unsigned high = (unsigned)hex4(at + 2, end);
	int low;

	*at_p = at += 6;
	if (high < 0xd800 || high > 0xdfff)
		return high;
	low = high < 0xdc00 && end - at >= 6 && at[0] == '\\' &&
	    at[1] == 'u' ? hex4(at + 2, end) : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*at_p = at + 6;
	return 0x10000 + ((high - 0xd800) << 10) + ((unsigned)low - 0xdc00);
}

/* The escape at *at_p, which was checked, as bytes; how many. */
static size_t
decode_escape(const char **at_p, const char *end, char to[4])
{
	static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
	const char *letter;
	char c = (*at_p)[1];

	if (c == 'u')
		return utf8_put(to, decode_unicode(at_p, end));
	letter = strchr(letters, c);
	*to = letter != NULL ? bytes[letter - letters] : c;
	*at_p += 2;
	return 1;
}

/* What stands inside a string's quotes, decoded into the arena. */
static struct slice
decode(struct slice raw, struct arena *arena)
{
	const char *at = raw.at, *end = raw.at + raw.len, *run;
	char *start = arena_alloc(arena, raw.len), *to = start;

	while (at < end) {
		run = at;
		at = memchr(at, '\\', (size_t)(end - at));
		if (at == NULL)
			at = end;
		memcpy(to, run, (size_t)(at - run));
		to += at - run;
		if (at < end)
			to += decode_escape(&at, end, to);
	}
	return slice_of(start, (size_t)(to - start));
}

/* Does the member bear this name? */
bool
json_name_is(const struct json *member, struct slice name)
{
	const char *at = member->name.at, *end = at + member->name.len;
	char form[4];
	size_t len;

	if (!member->name_escaped)
		return slice_eq(member->name, name);
	while (at < end) {
		form[0] = *at;
		len = *at == '\\' ? decode_escape(&at, end, form) :
		    (at++, (size_t)1);
		if (name.len < len || memcmp(name.at, form, len) != 0)
			return false;
		name.at += len;
		name.len -= len;
	}
	return name.len == 0;
}

/* The last member of this name; NULL when object has none or is no object. */
const struct json *
json_member(const struct json *object, const char *name)
{
	const struct json *member, *found = NULL;

	if (object == NULL || object->type != JSON_OBJECT)
		return NULL;
	for (member = object->first; member != NULL; member = member->next)
		if (json_name_is(member, slice_text(name)))
			found = member;
	return found;
}

/* The member's name; in the arena when it had to be decoded. */
struct slice
json_name(const struct json *member, struct arena *arena)
{
	return member->name_escaped ? decode(member->name, arena) :
	    member->name;
}

/*
 * A string's characters, in the arena when they had to be decoded; the start
 * is NULL when value is NULL or not a string.
 */
struct slice
json_string(const struct json *value, struct arena *arena)
{
	struct slice inside;

	if (value == NULL || value->type != JSON_STRING)
		return SLICE_NONE;
	inside = slice_of(value->text.at + 1, value->text.len - 2);
	return value->escaped ? decode(inside, arena) : inside;
}

/*
 * A string's characters; a number, true or false as they stand. The start is
 * NULL for all else.
 */
struct slice
json_text(const struct json *value, struct arena *arena)
{
	if (value == NULL)
		return SLICE_NONE;
	switch ((enum json_type)value->type) {
	case JSON_STRING:
		return json_string(value, arena);
	case JSON_NUMBER:
	case JSON_TRUE:
	case JSON_FALSE:
		return value->text;
	default:
		return SLICE_NONE;
	}
}

/* The value as it stood in its text. */
void
json_write(struct buf *out, const struct json *value)
{
	buf_add_slice(out, value->text);
}

/* Any bytes as a string, with its quotes. */
void
json_write_string(struct buf *out, struct slice text)
{
	buf_add_char(out, '"');
	text_json_escape(out, text);
	buf_add_char(out, '"');
}
