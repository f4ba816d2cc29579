/* util/json.h - JSON texts (RFC 8259): reading into a tree, writing values */
#ifndef UTIL_JSON_H
#define UTIL_JSON_H

#include "util/buf.h"

struct arena;
struct error;

#define JSON_DEPTH_MAX	512	/* containers inside each other */
#define JSON_NODES_MAX	(1U << 18)
#define JSON_LEVELS_ALL	JSON_DEPTH_MAX

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

/*
 * One value. Its bytes stay those of the text that was parsed, so numbers
 * and strings go back out as they came in; the text must outlive the tree.
 */
struct json {
	struct json *next;	/* sibling; NULL for the last one */
	struct json *first;	/* child; NULL when there is none */
	struct slice text;	/* as it stands, a string's quotes included */
	struct slice name;	/* of a member, raw, without its quotes */
	unsigned count;		/* children, or members */
	uint8_t type;		/* enum json_type */
	bool escaped;		/* a string with a backslash */
	bool name_escaped;
	bool closed;		/* a container below levels: first is not set */
};

/* Zero stands for the default. */
struct json_limits {
	size_t size;		/* most bytes of text; default: no limit */
	unsigned depth;		/* default and most: JSON_DEPTH_MAX */
	unsigned nodes;		/* default JSON_NODES_MAX */
	/*
	 * How many levels of children become nodes; what lies deeper is
	 * checked and stays text. 1: the members of the outermost object.
	 * Default JSON_LEVELS_ALL.
	 */
	unsigned levels;
};

int json_parse(struct arena *arena, struct slice text,
    const struct json_limits *limits, struct json **root_r,
    struct error *err);
int json_check(struct slice text, struct error *err);

const struct json *json_member(const struct json *object, const char *name);
bool json_name_is(const struct json *member, struct slice name);
struct slice json_name(const struct json *member, struct arena *arena);
struct slice json_text(const struct json *value, struct arena *arena);
struct slice json_string(const struct json *value, struct arena *arena);

void json_write(struct buf *out, const struct json *value);
void json_write_string(struct buf *out, struct slice text);

#endif
