/*
 * config/expand.c - ${NAME} and ${NAME:-default} in texts of the file
 *
 * NAME is a variable of the environment. ${stageVariables.x}, ${context.x}
 * and ${request.x} belong to the gateway and stay as they are; $${ stands for
 * a literal ${. Values are not expanded again.
 */

#include "config/private.h"

#include <stdlib.h>

#include "util/error.h"

static bool
name_char(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
	    (!first && c >= '0' && c <= '9');
}

/* What follows "${" is the gateway's own? */
static bool
is_own(struct slice text)
{
	return slice_starts(text, SLICE("stageVariables.")) ||
	    slice_starts(text, SLICE("context.")) ||
	    slice_starts(text, SLICE("request."));
}

/*
 * One reference; *at stands behind its "${" and is moved behind its "}".
 */
static int
reference(struct slice raw, size_t *at, struct buf *out, struct error *err)
{
	size_t start = *at, end = start, close;
	const char *found, *value;
	char name[256];

	while (end < raw.len && name_char(raw.at[end], end == start))
		end++;
	found = end < raw.len ? memchr(raw.at + end, '}', raw.len - end) : NULL;
	if (found == NULL)
		return error_set(err, "\"${\" without \"}\"; expected ${NAME}, "
		    "or $${ for a literal ${");
	close = (size_t)(found - raw.at);
	if (end == start || end - start >= sizeof name ||
	    (end != close && !slice_starts(slice_of(raw.at + end,
	    raw.len - end), SLICE(":-"))))
		return error_set(err, "\"${%.*s}\" is not a variable; expected "
		    "${NAME}, ${NAME:-default} or ${stageVariables.name}, or "
		    "$${ for a literal ${", (int)(close - start),
		    raw.at + start);
	memcpy(name, raw.at + start, end - start);
	name[end - start] = '\0';
	*at = close + 1;

	value = getenv(name);
	if (value != NULL && (*value != '\0' || end == close))
		buf_add_text(out, value);
	else if (end != close)
		buf_add(out, raw.at + end + 2, close - end - 2);
	else
		return error_set(err, "environment variable %s is not set; "
		    "expected a value, or a default as in ${%s:-default}",
		    name, name);
	return 0;
}

/*
 * raw with its references replaced; the result lies in arena. -1 and the
 * reason when a variable is not set or the form is wrong.
 */
int
expand_text(struct arena *arena, struct slice raw, struct slice *text_r,
    struct error *err)
{
	struct buf out;
	size_t at = 0;
	struct slice rest;
	int result = 0;

	*text_r = slice_of(NULL, 0);
	buf_open(&out);
	while (at < raw.len && result == 0) {
		rest = slice_of(raw.at + at, raw.len - at);
		if (slice_starts(rest, SLICE("$${"))) {
			buf_add_text(&out, "${");
			at += 3;
		} else if (slice_starts(rest, SLICE("${")) &&
		    !is_own(slice_of(rest.at + 2, rest.len - 2))) {
			at += 2;
			result = reference(raw, &at, &out, err);
		} else {
			buf_add_char(&out, raw.at[at++]);
		}
	}
	if (result == 0)
		*text_r = slice_of(arena_copy(arena, out.at, out.len), out.len);
	buf_close(&out);
	return result;
}

/* The inverse: text such that expand_text gives it back. */
void
expand_escape(struct slice text, struct buf *out)
{
	size_t at;
	struct slice rest;

	for (at = 0; at < text.len; at++) {
		rest = slice_of(text.at + at, text.len - at);
		if (slice_starts(rest, SLICE("${")) &&
		    ((at > 0 && text.at[at - 1] == '$') ||
		    !is_own(slice_of(rest.at + 2, rest.len - 2))))
			buf_add_char(out, '$');
		buf_add_char(out, text.at[at]);
	}
}
