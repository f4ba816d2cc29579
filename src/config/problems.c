/*
 * config/problems.c - what is wrong with a configuration, all of it
 *
 * Parse and check add findings as they meet them; they are reported together,
 * in the order of the files and their lines. The list owns copies of all it
 * shows, so it may outlive the spec.
 */

#include "config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/private.h"
#include "util/mem.h"
#include "util/text.h"

/* More than anybody reads; the rest is counted. */
#define PROBLEMS_SHOWN	500

void
spec_problems_open(struct spec_problems *problems)
{
	*problems = (struct spec_problems){ 0 };
	arena_pool_open(&problems->pool, 0);
	arena_open(&problems->arena, &problems->pool);
	problems->last_p = &problems->first;
}

void
spec_problems_close(struct spec_problems *problems)
{
	arena_close(&problems->arena);
	arena_pool_close(&problems->pool);
	problems->first = NULL;
	problems->last_p = &problems->first;
}

static const char *
file_copy(struct spec_problems *problems, const char *file)
{
	const struct spec_problem *at;

	if (file == NULL)
		return NULL;
	for (at = problems->first; at != NULL; at = at->next)
		if (at->place.file != NULL && strcmp(at->place.file, file) == 0)
			return at->place.file;
	return arena_copy(&problems->arena, file, strlen(file));
}

static void
problem_add(struct spec_problems *problems, struct spec_place place,
    bool warning, const char *excerpt, const char *format, va_list ap)
{
	struct spec_problem *problem;
	char text[2048];
	int len;

	if ((warning ? problems->warnings++ : problems->errors++) >=
	    PROBLEMS_SHOWN)
		return;
	len = vsnprintf(text, sizeof text, format, ap);
	if (len < 0)
		len = 0;
	if ((size_t)len >= sizeof text)
		len = sizeof text - 1;
	problem = arena_alloc(&problems->arena, sizeof *problem);
	*problem = (struct spec_problem){ .warning = warning };
	problem->place.file = file_copy(problems, place.file);
	problem->place.line = place.line;
	problem->text = arena_copy(&problems->arena, text, (size_t)len);
	if (excerpt != NULL)
		problem->excerpt = arena_copy(&problems->arena, excerpt,
		    strlen(excerpt));
	*problems->last_p = problem;
	problems->last_p = &problem->next;
}

/* One finding in a sentence: "what; expected …; did you mean …". */
void
spec_problem_add(struct spec_problems *problems, struct spec_place place,
    bool warning, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	problem_add(problems, place, warning, NULL, format, ap);
	va_end(ap);
}

/* The same with lines shown below it: text of the file and a caret. */
void
problem_add_excerpt(struct spec_problems *problems, struct spec_place place,
    const char *excerpt, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	problem_add(problems, place, false, excerpt, format, ap);
	va_end(ap);
}

struct sorted {
	const struct spec_problem *problem;
	size_t file;	/* order in which the files were first named */
	size_t ordinal;
};

static int
sorted_order(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	unsigned xline = x->problem->place.line, yline = y->problem->place.line;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (xline != yline)
		return xline < yline ? -1 : 1;
	return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal;
}

static size_t
file_number(const struct sorted *sorted, size_t upto)
{
	const char *file = sorted[upto].problem->place.file;
	size_t i, most = 0;

	for (i = 0; i < upto; i++) {
		if (sorted[i].problem->place.file == file)
			return sorted[i].file;
		if (sorted[i].file >= most)
			most = sorted[i].file + 1;
	}
	return most;
}

static struct sorted *
problems_sort(const struct spec_problems *problems, size_t *count_r)
{
	const struct spec_problem *at;
	struct sorted *sorted;
	size_t count = 0;

	for (at = problems->first; at != NULL; at = at->next)
		count++;
	sorted = mem_array(count, sizeof *sorted);
	count = 0;
	for (at = problems->first; at != NULL; at = at->next) {
		sorted[count].problem = at;
		sorted[count].ordinal = count;
		sorted[count].file = file_number(sorted, count);
		count++;
	}
	qsort(sorted, count, sizeof *sorted, sorted_order);
	*count_r = count;
	return sorted;
}

static void
text_write(const struct sorted *sorted, size_t count, struct buf *out)
{
	const struct spec_problem *problem;
	size_t i;

	for (i = 0; i < count; i++) {
		problem = sorted[i].problem;
		if (problem->place.file != NULL)
			buf_printf(out, "%s:", problem->place.file);
		if (problem->place.file != NULL && problem->place.line > 0)
			buf_printf(out, "%u:", problem->place.line);
		buf_printf(out, "%s%s: %s\n",
		    problem->place.file != NULL ? " " : "",
		    problem->warning ? "warning" : "error", problem->text);
		if (problem->excerpt != NULL)
			buf_add_text(out, problem->excerpt);
	}
}

static void
json_text(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, "\"%s\":\"", name);
	text_json_escape(out, slice_text(text));
	buf_add_char(out, '"');
}

static void
json_write(const struct sorted *sorted, size_t count, bool warnings,
    struct buf *out)
{
	const struct spec_problem *problem;
	const char *glue = "";
	size_t i;

	for (i = 0; i < count; i++) {
		problem = sorted[i].problem;
		if (problem->warning != warnings)
			continue;
		buf_printf(out, "%s{", glue);
		if (problem->place.file != NULL) {
			json_text(out, "file", problem->place.file);
			buf_printf(out, ",\"line\":%u,", problem->place.line);
		}
		json_text(out, "severity", warnings ? "warning" : "error");
		buf_add_char(out, ',');
		json_text(out, "message", problem->text);
		buf_add_char(out, '}');
		glue = ",";
	}
}

static void
rest_write(unsigned total, const char *noun, struct buf *out)
{
	if (total > PROBLEMS_SHOWN)
		buf_printf(out, "... and %u more %s\n", total - PROBLEMS_SHOWN,
		    noun);
}

/*
 * All findings: lines "file:line: error: …" or, for programs, the members
 * "errors" and "warnings" of an object without its braces.
 */
static void
findings_write(const struct spec_problems *problems, bool json,
    struct buf *out)
{
	struct sorted *sorted;
	size_t count;

	sorted = problems_sort(problems, &count);
	if (json) {
		buf_add_text(out, "\"errors\":[");
		json_write(sorted, count, false, out);
		buf_add_text(out, "],\"warnings\":[");
		json_write(sorted, count, true, out);
		buf_add_char(out, ']');
	} else {
		text_write(sorted, count, out);
		rest_write(problems->errors, "errors", out);
		rest_write(problems->warnings, "warnings", out);
	}
	free(sorted);
}

/*
 * All findings, sorted by file and line. json: one object in one line,
 * {"ok":false,"errors":[{"file","line","severity","message"}],"warnings":[]}.
 */
void
spec_problems_write(const struct spec_problems *problems, bool json,
    struct buf *out)
{
	if (!json) {
		findings_write(problems, false, out);
		return;
	}
	buf_printf(out, "{\"ok\":%s,", problems->errors == 0 ? "true" :
	    "false");
	findings_write(problems, true, out);
	buf_add_text(out, "}\n");
}

static const char *
plural(size_t count)
{
	return count == 1 ? "" : "s";
}

/*
 * The findings and the verdict of `gatehouse -t`: as text the last line is
 * "configuration ok: 2 apis, 7 routes, 0 warnings" or "configuration
 * invalid: …"; as JSON the object has "apis" and "routes" besides.
 */
void
config_verdict_write(const struct spec *spec,
    const struct spec_problems *problems, bool json, struct buf *out)
{
	size_t routes = spec_count_routes(spec);

	if (json) {
		buf_printf(out, "{\"ok\":%s,\"apis\":%zu,\"routes\":%zu,",
		    problems->errors == 0 ? "true" : "false", spec->napis,
		    routes);
		findings_write(problems, true, out);
		buf_add_text(out, "}\n");
		return;
	}
	findings_write(problems, false, out);
	if (problems->errors > 0)
		buf_printf(out, "configuration invalid: %u error%s, "
		    "%u warning%s\n", problems->errors,
		    plural(problems->errors), problems->warnings,
		    plural(problems->warnings));
	else
		buf_printf(out, "configuration ok: %zu api%s, %zu route%s, "
		    "%u warning%s\n", spec->napis, plural(spec->napis), routes,
		    plural(routes), problems->warnings,
		    plural(problems->warnings));
}
