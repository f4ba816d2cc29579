/* config/parse_private.h - one run of the parser */
#ifndef CONFIG_PARSE_PRIVATE_H
#define CONFIG_PARSE_PRIVATE_H

#include <sys/types.h>

#include <libconfig.h>

#include "config/lint.h"
#include "config/private.h"

/* A file being read, and those that led to it. */
struct source {
	const struct source *parent;	/* NULL: the file given */
	const char *file;		/* lies in the spec's arena */
	struct slice text;
	struct lint_lists lists;
	unsigned nesting;
	bool has_folder;		/* false: may not include */
	dev_t device;			/* which file it is: for cycles */
	ino_t inode;
	struct include *includes;	/* what it wants, in order */
};

struct include {
	struct include *next;
	struct spec_place place;
	struct slice pattern;
};

struct parser {
	struct spec *spec;
	struct spec_problems *problems;
	struct source *source;
	unsigned line_base;	/* added to the lines that libconfig says */
	size_t rooms[OPTIONS];	/* of the lists of the top level */
	unsigned files;
};

struct spec_place parse_place(const struct parser *parser,
    const config_setting_t *setting);

/* value.c: one setting that is not a group. */
void parse_value(struct parser *parser, const config_setting_t *setting,
    const struct option *option, void *member);
void parse_mismatch(struct parser *parser, const config_setting_t *setting,
    const struct option *option);

/* include.c */
void include_note(struct parser *parser, const config_setting_t *setting);
int include_read(struct parser *parser, struct source *source,
    struct spec_place place, struct buf *text);
void include_run(struct parser *parser, struct source *source);
void parse_file(struct parser *parser, const char *file,
    const struct source *parent, struct spec_place place);

#endif
