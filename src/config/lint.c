/*
 * config/lint.c - syntax and what libconfig would swallow
 *
 * libconfig 1.5 says "syntax error" and a line, wraps integers beyond 32 bits
 * and cuts texts at \x00. So the text is read here first: with the place of
 * every word known, the message can show it and say what was expected. What
 * passes here is handed to libconfig, which stays the judge of the grammar.
 *
 * Long lists are noted on the way, so that the parser can have libconfig read
 * them in batches: memory stays small and every batch is warm in the cache.
 */

#include "config/lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/private.h"
#include "util/mem.h"
#include "util/text.h"

#define FRAMES_MAX	64	/* brackets in brackets */
#define NAMES_MAX	1000	/* settings in one group */
#define EXCERPT_MAX	76	/* bytes of a line shown */

enum want {
	WANT_NAME,		/* group: a setting or the end */
	WANT_EQUALS,		/* group: behind a setting's name */
	WANT_VALUE,		/* group: behind '=' */
	WANT_AFTER,		/* group: behind a value */
	WANT_FIRST,		/* list, array: an element or the end */
	WANT_ITEM,		/* list, array: behind ',' */
	WANT_COMMA,		/* list, array: behind an element */
};

struct frame {
	char open;		/* '{', '(', '[', or 0 for the file */
	enum want want;
	size_t at;		/* of the bracket */
	unsigned line;
	size_t names;		/* group: its first in lint->names */
	size_t count;		/* list: elements so far */
	size_t list;		/* list: 1 + index of its lint_list */
	enum lint_kind kind;	/* array: of its elements */
};

struct name {
	struct slice text;
	unsigned line;
};

struct lint {
	const char *file;
	struct lint_scan scan;
	struct lint_token token;
	struct lint_token before;	/* the one before token */
	struct lint_token broad;	/* last text of several lines */
	struct frame frames[FRAMES_MAX];
	unsigned depth;			/* of the innermost frame */
	struct slice setting;		/* the last name met */
	struct name *names;
	size_t nnames, names_room;
	struct lint_lists *lists;
	struct spec_problems *problems;
};

/* The line around at, and below it a caret that points there. */
static void
excerpt_write(struct slice text, size_t at, struct buf *out)
{
	size_t from = at, to = at, i;

	while (from > 0 && text.at[from - 1] != '\n' && at - from < EXCERPT_MAX)
		from--;
	while (to < text.len && text.at[to] != '\n' && to - from < EXCERPT_MAX)
		to++;
	buf_add_text(out, "    ");
	for (i = from; i < to; i++)
		buf_add_char(out, (unsigned char)text.at[i] < 0x20 &&
		    text.at[i] != '\t' ? ' ' : text.at[i]);
	buf_add_text(out, "\n    ");
	for (i = from; i < at; i++)
		if (((unsigned char)text.at[i] & 0xc0) != 0x80)
			buf_add_char(out, text.at[i] == '\t' ? '\t' : ' ');
	buf_add_text(out, "^\n");
}

static struct spec_place
place(const struct lint *lint, unsigned line)
{
	return (struct spec_place){ lint->file, line };
}

static int fail(struct lint *lint, const struct lint_token *token,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A syntax error at a token; ends the lint. */
static int
fail(struct lint *lint, const struct lint_token *token, const char *format,
    ...)
{
	char text[512], broad[128] = "";
	struct buf excerpt;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (lint->broad.kind == LINT_TEXT)
		snprintf(broad, sizeof broad, " (the text that begins in line "
		    "%u goes on to line %u: is its closing '\"' missing?)",
		    lint->broad.line, lint->broad.end_line);
	buf_open(&excerpt);
	excerpt_write(lint->scan.text, token->at, &excerpt);
	buf_add(&excerpt, "", 1);
	problem_add_excerpt(lint->problems, place(lint, token->line),
	    excerpt.at, "syntax error: %s%s", text, broad);
	buf_close(&excerpt);
	return -1;
}

static struct slice
token_text(const struct lint *lint, const struct lint_token *token)
{
	size_t len = token->end - token->at;

	return slice_of(lint->scan.text.at + token->at, len < 40 ? len : 40);
}

static char
token_char(const struct lint *lint)
{
	return lint->token.kind == LINT_PUNCT ?
	    lint->scan.text.at[lint->token.at] : '\0';
}

static char
closer(char open)
{
	return open == '{' ? '}' : open == '(' ? ')' : ']';
}

static struct frame *
top(struct lint *lint)
{
	return &lint->frames[lint->depth];
}

/* What the token is, in words, for "… instead of X". */
static void
describe(const struct lint *lint, char *words, size_t size)
{
	struct slice text = token_text(lint, &lint->token);

	if (lint->token.kind == LINT_END)
		snprintf(words, size, "the end of the file");
	else if (lint->token.kind == LINT_TEXT)
		snprintf(words, size, "a text");
	else if (lint->token.kind == LINT_PUNCT)
		snprintf(words, size, "'%.*s'", (int)text.len, text.at);
	else
		snprintf(words, size, "\"%.*s\"", (int)text.len, text.at);
}

/* Where a closing bracket or the end does not fit what is open. */
static int
fail_closer(struct lint *lint)
{
	const struct frame *frame = top(lint);

	if (lint->token.kind == LINT_END)
		return fail(lint, &lint->token, "the file ends, but the '%c' "
		    "of line %u is still open; expected '%c'", frame->open,
		    frame->line, closer(frame->open));
	if (frame->open == '\0')
		return fail(lint, &lint->token, "'%c' closes nothing; expected "
		    "a setting or the end of the file", token_char(lint));
	return fail(lint, &lint->token, "'%c' does not close the '%c' of line "
	    "%u; expected '%c'", token_char(lint), frame->open, frame->line,
	    closer(frame->open));
}

static bool
is_closer(const struct lint *lint)
{
	char c = token_char(lint);

	return lint->token.kind == LINT_END || c == '}' || c == ')' || c == ']';
}

static int
fail_bad(struct lint *lint)
{
	if (strcmp(lint->token.bad, "@include") == 0)
		return fail(lint, &lint->token, "@include is not taken here; "
		    "expected the setting include = \"conf.d/*.conf\"");
	return fail(lint, &lint->token, "%s", lint->token.bad);
}

/* A bare word where a value belongs. */
static int
fail_word(struct lint *lint)
{
	struct slice word = token_text(lint, &lint->token);
	int len = (int)word.len;

	if (slice_eq_nocase(word, SLICE("on")) ||
	    slice_eq_nocase(word, SLICE("yes")))
		return fail(lint, &lint->token, "\"%.*s\" is not a value; "
		    "expected true", len, word.at);
	if (slice_eq_nocase(word, SLICE("off")) ||
	    slice_eq_nocase(word, SLICE("no")))
		return fail(lint, &lint->token, "\"%.*s\" is not a value; "
		    "expected false, or \"%.*s\" in quotes", len, word.at, len,
		    word.at);
	return fail(lint, &lint->token, "the word %.*s is not a value; "
	    "expected it in quotes: \"%.*s\"", len, word.at, len, word.at);
}

/* --- what libconfig would swallow ---------------------------------------- */

static bool
is_size(struct slice setting)
{
	const struct option *option;
	char name[64];
	int in;

	if (setting.len >= sizeof name)
		return false;
	memcpy(name, setting.at, setting.len);
	name[setting.len] = '\0';
	for (in = 0; in < IN_CONTEXTS; in++) {
		option = option_find((enum option_context)in, name);
		if (option != NULL && option->type == TYPE_size)
			return true;
	}
	return false;
}

/* Integers that do not fit: libconfig would silently take other ones. */
static void
check_integer(struct lint *lint)
{
	struct slice text = token_text(lint, &lint->token);
	bool wide = text.at[text.len - 1] == 'L', minus = text.at[0] == '-';
	uint64_t value = 0, most = wide ? INT64_MAX : INT32_MAX;
	struct slice digits = text;
	size_t i;
	int base = 10, digit;

	while (digits.len > 0 && digits.at[digits.len - 1] == 'L')
		digits.len--;
	if (minus || *digits.at == '+')
		digits = slice_of(digits.at + 1, digits.len - 1);
	if (digits.len > 2 && ascii_lower(digits.at[1]) == 'x') {
		base = 16;
		digits = slice_of(digits.at + 2, digits.len - 2);
	}
	for (i = 0; i < digits.len && value <= most + minus; i++) {
		digit = text_hex_digit(digits.at[i]);
		if (value > (UINT64_MAX - 15) / 16)
			value = UINT64_MAX;
		else
			value = value * (unsigned)base + (unsigned)digit;
	}
	if (value > most + minus)
		spec_problem_add(lint->problems,
		    place(lint, lint->token.line), false,
		    "%.*s is %.*s, which is too large; expected at most %s%s",
		    (int)lint->setting.len, lint->setting.at, (int)text.len,
		    text.at, wide ? "9223372036854775807" : "2147483647",
		    is_size(lint->setting) ? ", or a text with a unit such as "
		    "\"4G\"" : "");
}

/* Escapes that would cut a text or make it something else than UTF-8. */
static void
check_text(struct lint *lint)
{
	const char *text = lint->scan.text.at;
	size_t at;
	int high, low;

	for (at = lint->token.at + 1; at + 1 < lint->token.end; at++) {
		if (text[at] != '\\')
			continue;
		at++;
		if (ascii_lower(text[at]) != 'x' || at + 2 >= lint->token.end)
			continue;
		high = text_hex_digit(text[at + 1]);
		low = text_hex_digit(text[at + 2]);
		if (high == 0 && low == 0)
			spec_problem_add(lint->problems,
			    place(lint, lint->token.line), false,
			    "\\x00 in a text; expected text without NUL bytes");
		else if (high == 15 && low == 15)
			spec_problem_add(lint->problems,
			    place(lint, lint->token.line), false,
			    "\\xff in a text; expected UTF-8");
	}
}

/* The name of a setting: twice in one group? */
static int
name_add(struct lint *lint)
{
	const struct frame *frame = top(lint);
	struct slice text = slice_of(lint->scan.text.at + lint->token.at,
	    lint->token.end - lint->token.at);
	size_t i;

	for (i = frame->names; i < lint->nnames; i++) {
		if (!slice_eq(lint->names[i].text, text))
			continue;
		spec_problem_add(lint->problems,
		    place(lint, lint->token.line), false,
		    "%.*s is given twice; expected once (it is given in line "
		    "%u too)", (int)text.len, text.at, lint->names[i].line);
		return 0;
	}
	if (lint->nnames - frame->names >= NAMES_MAX)
		return fail(lint, &lint->token, "more than %d settings in one "
		    "group", NAMES_MAX);
	if (lint->nnames == lint->names_room) {
		lint->names_room = lint->names_room * 2 + 64;
		lint->names = mem_grow(lint->names, lint->names_room,
		    sizeof *lint->names);
	}
	lint->names[lint->nnames++] = (struct name){ text, lint->token.line };
	return 0;
}

/* --- long lists ---------------------------------------------------------- */

static struct lint_list *
list_new(struct lint *lint, struct frame *frame)
{
	struct lint_lists *lists = lint->lists;

	if (lists->count == lists->room) {
		lists->room = lists->room * 2 + 8;
		lists->at = mem_grow(lists->at, lists->room,
		    sizeof *lists->at);
	}
	frame->list = ++lists->count;
	lists->at[frame->list - 1] = (struct lint_list){
	    .open = frame->at + 1, .open_line = frame->line };
	return &lists->at[frame->list - 1];
}

/* Behind the comma before an element that begins a batch. */
static void
list_cut(struct lint *lint, struct frame *frame)
{
	struct lint_list *list = frame->list > 0 ?
	    &lint->lists->at[frame->list - 1] : list_new(lint, frame);

	if ((list->ncuts & (list->ncuts - 1)) == 0)
		list->cuts = mem_grow(list->cuts,
		    list->ncuts > 0 ? list->ncuts * 2 : 1,
		    sizeof *list->cuts);
	list->cuts[list->ncuts++] = (struct lint_cut){ lint->token.end,
	    lint->token.end_line };
}

static int
list_order(const void *a, const void *b)
{
	const struct lint_list *x = a, *y = b;

	return x->open < y->open ? -1 : x->open > y->open;
}

void
lint_lists_close(struct lint_lists *lists)
{
	size_t i;

	for (i = 0; i < lists->count; i++)
		free(lists->at[i].cuts);
	free(lists->at);
	*lists = (struct lint_lists){ 0 };
}

/* --- the grammar --------------------------------------------------------- */

static void
next(struct lint *lint)
{
	lint->before = lint->token;
	lint_next(&lint->scan, &lint->token);
	if (lint->token.kind == LINT_TEXT) {
		check_text(lint);
		if (lint->token.end_line > lint->token.line)
			lint->broad = lint->token;
	} else if (lint->token.kind == LINT_NAME) {
		lint->setting = token_text(lint, &lint->token);
	} else if (lint->token.kind == LINT_INTEGER) {
		check_integer(lint);
	}
}

static int
push(struct lint *lint)
{
	struct frame *frame;

	if (lint->depth + 1 == FRAMES_MAX)
		return fail(lint, &lint->token, "brackets nested deeper than "
		    "%d", FRAMES_MAX);
	lint->depth++;
	frame = top(lint);
	*frame = (struct frame){ .open = token_char(lint),
	    .at = lint->token.at, .line = lint->token.line,
	    .names = lint->nnames };
	frame->want = frame->open == '{' ? WANT_NAME : WANT_FIRST;
	next(lint);
	return 0;
}

static void
pop(struct lint *lint)
{
	struct frame *frame = top(lint);
	struct lint_list *list;

	if (frame->list > 0) {
		list = &lint->lists->at[frame->list - 1];
		list->close = lint->token.at;
		list->close_line = lint->token.line;
		list->count = frame->count;
	}
	lint->nnames = frame->names;
	lint->depth--;
	next(lint);
}

static int
array_item(struct lint *lint, struct frame *frame)
{
	if (lint->token.kind == LINT_PUNCT && !is_closer(lint))
		return fail(lint, &lint->token, "%s in an array; expected "
		    "texts or numbers (groups and lists stand in a list: "
		    "( ... ))",
		    token_char(lint) == '{' ? "a group" : "a bracket");
	if (frame->kind != LINT_END && frame->kind != lint->token.kind)
		return fail(lint, &lint->token, "the elements of an array are "
		    "of one type; expected them all in quotes");
	frame->kind = lint->token.kind;
	return 0;
}

/* Texts side by side are one text: in an array that is hardly meant. */
static void
warn_joined(struct lint *lint)
{
	if (lint->before.kind == LINT_TEXT && lint->token.kind == LINT_TEXT)
		spec_problem_add(lint->problems,
		    place(lint, lint->token.line), true, "two texts without "
		    "',' between them are joined into one; expected ','");
}

/* A value begins at the token; after is wanted behind it. */
static int
value(struct lint *lint, enum want after)
{
	struct frame *frame = top(lint);
	char words[64];

	if (lint->token.kind == LINT_NAME)
		return fail_word(lint);
	if (frame->open == '[' && array_item(lint, frame) < 0)
		return -1;
	if (lint->token.kind == LINT_PUNCT) {
		if (strchr("{([", token_char(lint)) != NULL) {
			frame->want = after;
			frame->count++;
			return push(lint);
		}
		describe(lint, words, sizeof words);
		return fail(lint, &lint->token, "%s where a value belongs; "
		    "expected text in quotes, a number, true, false, or one of "
		    "'{', '(', '['", words);
	}
	if (lint->token.kind == LINT_END && frame->open != '\0')
		return fail_closer(lint);
	if (lint->token.kind == LINT_END)
		return fail(lint, &lint->token, "the file ends where a value "
		    "belongs; expected text in quotes, a number, true, false, "
		    "or one of '{', '(', '['");
	frame->want = after;
	frame->count++;
	next(lint);
	if (frame->open != '{' && frame->open != '\0')
		warn_joined(lint);
	while (lint->before.kind == LINT_TEXT && lint->token.kind == LINT_TEXT)
		next(lint);
	return 0;
}

/* Something stands directly behind a value and is no separator. */
static int
fail_after(struct lint *lint, const char *expected)
{
	char words[64];

	if (lint->before.kind == LINT_INTEGER &&
	    lint->token.kind == LINT_NAME &&
	    lint->token.at == lint->before.end)
		return fail(lint, &lint->before, "a number with a unit is a "
		    "text; expected quotes: \"%.*s\"",
		    (int)(lint->token.end - lint->before.at),
		    lint->scan.text.at + lint->before.at);
	describe(lint, words, sizeof words);
	return fail(lint, &lint->token, "%s is not expected here; expected %s "
	    "before it", words, expected);
}

static int
step_group(struct lint *lint)
{
	struct frame *frame = top(lint);
	char words[64], c = token_char(lint);

	switch (frame->want) {
	case WANT_AFTER:
		frame->want = WANT_NAME;
		if (c == ';' || c == ',') {
			next(lint);
			return 0;
		}
		if (lint->token.kind == LINT_NAME &&
		    lint->token.at == lint->before.end)
			return fail_after(lint, "';'");
		if (lint->token.kind != LINT_NAME && !is_closer(lint))
			return fail_after(lint, "';'");
		return 0;
	case WANT_NAME:
		if (lint->token.kind == LINT_NAME) {
			if (name_add(lint) < 0)
				return -1;
			frame->want = WANT_EQUALS;
			next(lint);
			return 0;
		}
		if (c == ';' || c == ',')
			return fail(lint, &lint->token, "'%c' without a "
			    "setting before it; expected a setting", c);
		describe(lint, words, sizeof words);
		return fail(lint, &lint->token, "%s where a setting belongs; "
		    "expected a name and '='", words);
	case WANT_EQUALS:
		if (c != '=' && c != ':') {
			describe(lint, words, sizeof words);
			return fail(lint, &lint->token, "%s behind the name "
			    "%.*s; expected '='", words,
			    (int)token_text(lint, &lint->before).len,
			    token_text(lint, &lint->before).at);
		}
		frame->want = WANT_VALUE;
		next(lint);
		return 0;
	default:
		return value(lint, WANT_AFTER);
	}
}

static int
step_list(struct lint *lint)
{
	struct frame *frame = top(lint);

	if (frame->want != WANT_COMMA)
		return value(lint, WANT_COMMA);
	if (token_char(lint) != ',')
		return fail_after(lint, frame->open == '(' ? "',' or ')'" :
		    "',' or ']'");
	frame->want = WANT_ITEM;
	if (frame->open == '(' && frame->count % LINT_BATCH == 0)
		list_cut(lint, frame);
	next(lint);
	return 0;
}

/* May a closing bracket or the end stand here? */
static int
step_closer(struct lint *lint)
{
	struct frame *frame = top(lint);

	if (frame->open == '\0' ? lint->token.kind != LINT_END :
	    token_char(lint) != closer(frame->open))
		return fail_closer(lint);
	if (frame->want == WANT_ITEM)
		return fail(lint, &lint->before, "',' with nothing behind it; "
		    "expected no ',' behind the last element");
	if (lint->token.kind == LINT_END)
		return 1;
	pop(lint);
	return 0;
}

/* One step of the grammar: 0 go on, 1 the end, -1 an error. */
static int
step(struct lint *lint)
{
	struct frame *frame = top(lint);

	if (lint->token.kind == LINT_BAD)
		return fail_bad(lint);
	if (is_closer(lint) && frame->want != WANT_EQUALS &&
	    frame->want != WANT_VALUE)
		return step_closer(lint);
	if (frame->open == '(' || frame->open == '[')
		return step_list(lint);
	return step_group(lint);
}

/* The usual case, found eight bytes at a time. */
static bool
is_ascii(struct slice text)
{
	uint64_t word;

	while (text.len >= sizeof word) {
		memcpy(&word, text.at, sizeof word);
		if ((word & UINT64_C(0x8080808080808080)) != 0)
			return false;
		text.at += sizeof word;
		text.len -= sizeof word;
	}
	return text_is_utf8(text);
}

/* Bytes that no text file has. */
static int
check_bytes(const char *file, struct slice text,
    struct spec_problems *problems)
{
	struct slice rest = text, line;
	struct spec_place at = { file, 0 };

	if (text.len > 0 && memchr(text.at, '\0', text.len) != NULL) {
		spec_problem_add(problems, at, false, "a NUL byte in the file; "
		    "expected a text file");
		return -1;
	}
	if (is_ascii(text) || text_is_utf8(text))
		return 0;
	while (rest.at != NULL) {
		line = slice_until(&rest, '\n');
		at.line++;
		if (text_is_utf8(line))
			continue;
		spec_problem_add(problems, at, false, "bytes that are not "
		    "UTF-8; expected UTF-8 text");
		return -1;
	}
	return -1;
}

/*
 * Read the text of a file for syntax and for what libconfig would get wrong.
 * Returns 0 and its long lists, or -1 when problems have been added and
 * libconfig should not see it.
 */
int
lint_text(const char *file, struct slice text, struct spec_problems *problems,
    struct lint_lists *lists_r)
{
	struct lint *lint;
	unsigned before = problems->errors;
	int result;

	*lists_r = (struct lint_lists){ 0 };
	if (check_bytes(file, text, problems) < 0)
		return -1;
	lint = mem_new(sizeof *lint);
	lint->file = file;
	lint->scan = (struct lint_scan){ .text = text, .line = 1 };
	lint->problems = problems;
	lint->lists = lists_r;
	next(lint);
	while ((result = step(lint)) == 0)
		;
	free(lint->names);
	free(lint);
	if (result < 0 || problems->errors > before)
		return -1;
	if (lists_r->count > 1)
		qsort(lists_r->at, lists_r->count, sizeof *lists_r->at,
		    list_order);
	return 0;
}
