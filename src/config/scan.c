/*
 * config/scan.c - the words of a libconfig file
 *
 * Cuts the text into the same tokens as libconfig 1.5 does, but knows where
 * each of them stands. Judges nothing: config/lint does.
 */

#include "config/lint.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_name_start(char c)
{
	return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '*';
}

static bool
is_name(char c)
{
	return is_name_start(c) || is_digit(c) || c == '-' || c == '_';
}

/* The byte ahead places from here; NUL at the end (no NUL is in the text). */
static char
peek(const struct lint_scan *scan, size_t ahead)
{
	return scan->at + ahead < scan->text.len ?
	    scan->text.at[scan->at + ahead] : '\0';
}

static void
skip_line(struct lint_scan *scan)
{
	while (scan->at < scan->text.len && scan->text.at[scan->at] != '\n')
		scan->at++;
}

/* Behind the comment, or false when it has no end. */
static bool
skip_comment(struct lint_scan *scan)
{
	for (scan->at += 2; scan->at < scan->text.len; scan->at++) {
		if (peek(scan, 0) == '*' && peek(scan, 1) == '/') {
			scan->at += 2;
			return true;
		}
		if (peek(scan, 0) == '\n')
			scan->line++;
	}
	return false;
}

/* To the next token. False when a comment has no end; at stands there. */
static bool
skip_blank(struct lint_scan *scan, struct lint_token *token)
{
	for (;;) {
		switch (peek(scan, 0)) {
		case '\n':
			scan->line++;
			scan->at++;
			break;
		case ' ':
		case '\t':
		case '\r':
		case '\f':
			scan->at++;
			break;
		case '#':
			skip_line(scan);
			break;
		case '/':
			token->at = scan->at;
			token->line = scan->line;
			if (peek(scan, 1) == '/')
				skip_line(scan);
			else if (peek(scan, 1) != '*')
				return true;
			else if (!skip_comment(scan))
				return false;
			break;
		default:
			return true;
		}
	}
}

static void
scan_text(struct lint_scan *scan, struct lint_token *token)
{
	const char *text = scan->text.at;
	size_t at = scan->at + 1, len = scan->text.len;

	token->kind = LINT_TEXT;
	while (at < len && text[at] != '"') {
		if (text[at] == '\n')
			scan->line++;
		else if (text[at] == '\\' && at + 1 < len)
			scan->line += text[++at] == '\n';
		at++;
	}
	if (at >= len) {
		token->kind = LINT_BAD;
		token->bad = "text that is not ended by '\"'";
		scan->line = token->line;
		return;
	}
	scan->at = at + 1;
}

static bool
is_hex(char c)
{
	return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

static void
skip_digits(struct lint_scan *scan)
{
	while (is_digit(peek(scan, 0)))
		scan->at++;
}

/* After an integer: "L" or "LL", as libconfig takes them. */
static void
skip_long(struct lint_scan *scan)
{
	if (peek(scan, 0) == 'L')
		scan->at += peek(scan, 1) == 'L' ? 2 : 1;
}

static void
skip_exponent(struct lint_scan *scan, struct lint_token *token)
{
	size_t sign = peek(scan, 1) == '-' || peek(scan, 1) == '+' ? 2 : 1;

	if (ascii_lower(peek(scan, 0)) != 'e' || !is_digit(peek(scan, sign)))
		return;
	token->kind = LINT_FLOAT;
	scan->at += sign;
	skip_digits(scan);
}

static void
scan_number(struct lint_scan *scan, struct lint_token *token)
{
	size_t digits;

	token->kind = LINT_INTEGER;
	if (peek(scan, 0) == '0' && ascii_lower(peek(scan, 1)) == 'x' &&
	    is_hex(peek(scan, 2))) {
		for (scan->at += 2; is_hex(peek(scan, 0)); )
			scan->at++;
		skip_long(scan);
		return;
	}
	if (peek(scan, 0) == '-' || peek(scan, 0) == '+')
		scan->at++;
	digits = scan->at;
	skip_digits(scan);
	if (peek(scan, 0) == '.') {
		token->kind = LINT_FLOAT;
		scan->at++;
		skip_digits(scan);
	}
	if (scan->at == digits) {
		token->kind = LINT_BAD;
		token->bad = "a sign without a number";
		return;
	}
	skip_exponent(scan, token);
	if (token->kind == LINT_INTEGER)
		skip_long(scan);
}

static void
scan_name(struct lint_scan *scan, struct lint_token *token)
{
	struct slice name;

	while (is_name(peek(scan, 0)))
		scan->at++;
	name = slice_of(scan->text.at + token->at, scan->at - token->at);
	token->kind = slice_eq_nocase(name, SLICE("true")) ||
	    slice_eq_nocase(name, SLICE("false")) ? LINT_FLAG : LINT_NAME;
}

/* The next token of the text; LINT_END again and again at its end. */
void
lint_next(struct lint_scan *scan, struct lint_token *token)
{
	char c;

	token->bad = NULL;
	if (!skip_blank(scan, token)) {
		token->kind = LINT_BAD;
		token->bad = "comment that is not ended by \"*/\"";
		token->end = token->at + 2;
		token->end_line = token->line;
		return;
	}
	c = peek(scan, 0);
	token->at = scan->at;
	token->line = scan->line;
	if (scan->at >= scan->text.len) {
		token->kind = LINT_END;
	} else if (c == '"') {
		scan_text(scan, token);
	} else if (is_name_start(c)) {
		scan_name(scan, token);
	} else if (is_digit(c) || c == '-' || c == '+' || c == '.') {
		scan_number(scan, token);
	} else if (strchr("=:;,{}()[]", c) != NULL) {
		token->kind = LINT_PUNCT;
		scan->at++;
	} else {
		token->kind = LINT_BAD;
		token->bad = c == '@' ? "@include" : c == '\'' ?
		    "single quotes; expected double quotes: \"text\"" :
		    "a character that has no meaning here";
		scan->at++;
	}
	token->end = scan->at;
	token->end_line = scan->line;
}
