/* config/lint.h - the text of a file before libconfig sees it */
#ifndef CONFIG_LINT_H
#define CONFIG_LINT_H

#include "util/slice.h"

struct spec_problems;

/* Elements of a list that are handed to libconfig at a time. */
#define LINT_BATCH	256

/* Where a batch begins. */
struct lint_cut {
	size_t at;
	unsigned line;
};

/* A list of more elements than one batch. */
struct lint_list {
	size_t open;		/* behind its '(' */
	size_t close;		/* its ')' */
	unsigned open_line, close_line;
	size_t count;		/* of elements */
	struct lint_cut *cuts;	/* of the second batch and later ones */
	size_t ncuts;
};

struct lint_lists {
	struct lint_list *at;	/* in the order of open */
	size_t count, room;
};

int lint_text(const char *file, struct slice text,
    struct spec_problems *problems, struct lint_lists *lists_r);
void lint_lists_close(struct lint_lists *lists);

/* Tokens, for lint.c. */
enum lint_kind {
	LINT_END,
	LINT_NAME,
	LINT_TEXT,
	LINT_INTEGER,
	LINT_FLOAT,
	LINT_FLAG,
	LINT_PUNCT,		/* one of = : ; , { } ( ) [ ] */
	LINT_BAD,
};

struct lint_token {
	enum lint_kind kind;
	size_t at, end;		/* first byte, and behind the last */
	unsigned line, end_line;
	const char *bad;	/* LINT_BAD: what is wrong */
};

struct lint_scan {
	struct slice text;
	size_t at;
	unsigned line;
};

void lint_next(struct lint_scan *scan, struct lint_token *token);

#endif
