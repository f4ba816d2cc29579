/* config/options.h - the settings as rows, and what a row says of a value */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/slice.h"

struct buf;

/* Where a setting may stand: IN_global, IN_limits, … */
#define CONTEXT(name, where, sentence) IN_##name,
#define OPTION(context, name, type, unit, min, max, def, sentence)
enum option_context {
#include "config/options.def"
	IN_CONTEXTS
};
#undef CONTEXT
#undef OPTION

/* One number for each row: OPTION_global_workers, … */
#define CONTEXT(name, where, sentence)
#define OPTION(context, name, type, unit, min, max, def, sentence) \
	OPTION_##context##_##name,
enum option_id {
#include "config/options.def"
	OPTIONS
};
#undef CONTEXT
#undef OPTION

/* What the member of the spec is: see options.def. */
enum option_type {
	TYPE_text,		/* struct slice */
	TYPE_word,		/* struct slice */
	TYPE_choice,		/* bool: true for the second word */
	TYPE_count,		/* long */
	TYPE_auto,		/* struct slice */
	TYPE_flag,		/* bool */
	TYPE_duration,		/* long, ms */
	TYPE_size,		/* long, bytes */
	TYPE_texts,		/* struct spec_texts */
	TYPE_group,		/* the struct of the inner context */
	TYPE_groups,		/* pointer to such structs and their count */
};

struct option {
	enum option_context context;
	const char *name;
	enum option_type type;
	enum option_context inner;	/* of group and groups */
	const char *min, *max;
	const char *def;		/* "" none */
	const char *sentence;
};

/* Where the value goes in the struct of its context. */
struct option_field {
	bool kept;		/* false: obeyed and not kept */
	size_t at;		/* offset of the member */
	size_t count_at;	/* groups: offset of their number */
};

/* The struct of a context, as parse and print handle it. */
struct option_group {
	const char *noun;	/* "a listener" */
	size_t size;
	bool placed, flagged;	/* has the members that follow */
	size_t place_at;	/* struct spec_place */
	size_t set_at;		/* bool: stands in the file */
};

const struct option *option_at(enum option_id id);
const struct option *option_first(enum option_context context);
const struct option *option_next(const struct option *option);
const struct option *option_find(enum option_context context,
    const char *name);
const struct option_field *option_field(const struct option *option);
const struct option_group *option_group(enum option_context context);
bool option_required(const struct option *option);
enum option_id option_id(const struct option *option);

const char *option_suggest(enum option_context context, const char *name);
bool option_word_known(const struct option *option, struct slice word,
    unsigned *index_r);
int option_range(const struct option *option, long *min_r, long *max_r);
void option_expected(const struct option *option, struct buf *out);

/* Texts with a unit. 0, -1 malformed, or -2 beyond what a long holds. */
int unit_parse_duration(struct slice text, long *ms_r);
int unit_parse_size(struct slice text, long *bytes_r);
void unit_write_duration(struct buf *out, long ms);
void unit_write_size(struct buf *out, long bytes);

/* The nearest of several names, for "did you mean". */
struct nearest {
	const char *wanted;
	struct slice best;
	unsigned distance;
};

void nearest_open(struct nearest *nearest, const char *wanted);
void nearest_try(struct nearest *nearest, struct slice name);
struct slice nearest_found(const struct nearest *nearest);

#endif
