/*
 * config/compile_lines.c - header fields and CORS into ready bytes
 *
 * Static fields of an API, a resource, a method and an integration become one
 * block of lines, the innermost of each name winning. CORS settings become
 * preflight replies and lines that a worker only has to send.
 */

#include "config/compile_private.h"

#include <stdlib.h>

#include "cors/policy.h"
#include "util/mem.h"

/* Is pair taken over by a field of the same name further in? */
static bool
overridden(const struct spec_pair *pair, const struct spec_pairs *const *levels,
    size_t level, size_t nlevels)
{
	size_t i;

	while (++level < nlevels)
		for (i = 0; i < levels[level]->count; i++)
			if (slice_eq_nocase(levels[level]->at[i].name,
			    pair->name))
				return true;
	return false;
}

static bool
cors_field(struct slice name)
{
	const struct slice prefix = SLICE("access-control-");

	return name.len > prefix.len && slice_eq_nocase(slice_of(name.at,
	    prefix.len), prefix);
}

static bool
named(const struct compile *compile, const struct image_text *names,
    uint32_t count, struct slice name)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (slice_eq_nocase(build_slice(compile->build, names[i]),
		    name))
			return true;
	return false;
}

static void
line_add(struct buf *out, struct slice name, struct slice value)
{
	buf_add_slice(out, name);
	buf_add(out, ": ", 2);
	buf_add_slice(out, value);
	buf_add(out, "\r\n", 2);
}

/*
 * Merge levels of fields, outermost first, into "Name: value\r\n…" and the
 * list of their names. With cors, fields of the CORS protocol are left out:
 * the policy speaks for them.
 */
struct compile_lines
compile_lines(struct compile *compile, const struct spec_pairs *const *levels,
    size_t nlevels, bool cors)
{
	struct compile_lines merged;
	const struct spec_pair *pair;
	struct image_text *names;
	uint32_t count = 0;
	struct buf text;
	size_t i, j, most = 0;

	for (i = 0; i < nlevels; i++)
		most += levels[i]->count;
	if (most == 0)
		return (struct compile_lines){ 0 };
	names = mem_array(most, sizeof *names);
	buf_open(&text);
	for (i = 0; i < nlevels; i++)
		for (j = 0; j < levels[i]->count; j++) {
			pair = &levels[i]->at[j];
			if (overridden(pair, levels, i, nlevels) ||
			    (cors && cors_field(pair->name)))
				continue;
			line_add(&text, pair->name, pair->value);
			if (!named(compile, names, count, pair->name))
				names[count++] = build_text(compile->build,
				    pair->name);
		}
	merged.lines = build_text(compile->build, buf_slice(&text));
	merged.names = build_run(compile->build, IMAGE_NAMES, names, count);
	buf_close(&text);
	free(names);
	return merged;
}

/* "a,b,c" behind first, without what stands there already. */
static struct slice
list_join(struct compile *compile, struct slice first,
    const struct spec_texts *texts)
{
	struct buf list;
	struct slice joined;
	size_t i;

	buf_open(&list);
	buf_add_slice(&list, first);
	for (i = 0; i < texts->count; i++) {
		if (list.len > 0 && slice_list_has(buf_slice(&list),
		    texts->at[i]))
			continue;
		if (list.len > 0)
			buf_add_char(&list, ',');
		buf_add_slice(&list, texts->at[i]);
	}
	joined = compile_text(compile, &list);
	buf_close(&list);
	return joined;
}

/* Does a head have a field of this line's name? */
static bool
head_has(struct slice head, struct slice name)
{
	struct slice line;

	slice_until(&head, '\n');	/* the status line */
	while (head.len > 0) {
		line = slice_until(&head, '\n');
		if (slice_eq_nocase(slice_until(&line, ':'), name))
			return true;
	}
	return false;
}

/* The static lines behind a preflight's own, which come first. */
static void
lines_append(struct compile *compile, struct buf *head,
    struct image_text lines)
{
	struct slice rest = build_slice(compile->build, lines), line, name;
	size_t own = head->len;

	while (rest.len > 0) {
		line = slice_until(&rest, '\n');
		name = line;
		name = slice_until(&name, ':');
		if (head_has(slice_of(head->at, own), name))
			continue;
		buf_add_slice(head, line);
		buf_add_char(head, '\n');
	}
}

static void
policy_write(struct compile *compile, const struct cors_policy *policy,
    struct image_text lines, struct image_cors *record)
{
	struct buf text;
	unsigned status;

	buf_open(&text);
	cors_preflight_write(policy, &text, &status);
	lines_append(compile, &text, lines);
	record->preflight = build_text(compile->build, buf_slice(&text));
	record->preflight_status = status;
	text.len = 0;
	cors_preflight_refused_write(policy, &text, &status);
	lines_append(compile, &text, lines);
	record->refused = build_text(compile->build, buf_slice(&text));
	text.len = 0;
	cors_actual_write(policy, &text);
	record->actual = build_text(compile->build, buf_slice(&text));
	text.len = 0;
	cors_actual_refused_write(policy, &text);
	record->actual_refused = build_text(compile->build, buf_slice(&text));
	buf_close(&text);
	record->methods = build_text(compile->build, policy->methods);
	record->headers = build_text(compile->build, policy->headers);
}

static int
origin_cmp(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* The exact origins, sorted; none for a policy that allows all. */
static struct image_run
origins_compile(struct compile *compile, const struct cors_policy *policy)
{
	struct slice *sorted;
	struct image_text *texts;
	struct image_run run;
	uint32_t count = 0;
	size_t i;

	if (policy->any || policy->norigins == 0)
		return (struct image_run){ 0 };
	sorted = mem_array(policy->norigins, sizeof *sorted);
	texts = mem_array(policy->norigins, sizeof *texts);
	memcpy(sorted, policy->origins, policy->norigins * sizeof *sorted);
	qsort(sorted, policy->norigins, sizeof *sorted, origin_cmp);
	for (i = 0; i < policy->norigins; i++)
		if (!slice_ends(sorted[i], SLICE("://*")))
			texts[count++] = build_text(compile->build, sorted[i]);
	run = build_run(compile->build, IMAGE_ORIGINS, texts, count);
	free(sorted);
	free(texts);
	return run;
}

static uint32_t
policy_flags(const struct cors_policy *policy, const struct spec_cors *cors)
{
	return (policy->any ? IMAGE_CORS_ANY : 0) |
	    (policy->credentials ? IMAGE_CORS_CREDENTIALS : 0) |
	    (policy->style == CORS_STYLE_HTTP && cors->preflight_route ?
	    IMAGE_CORS_ROUTE : 0) |
	    (policy->any_https ? IMAGE_CORS_ANY_HTTPS : 0) |
	    (policy->any_http ? IMAGE_CORS_ANY_HTTP : 0) |
	    (policy->fixed ? IMAGE_CORS_STATIC : 0);
}

/*
 * The index of a policy's record. methods is what the resource has, for a
 * policy that names none; response_lines are the static fields that its
 * preflights carry too. Contract: 5.2, 6.
 */
uint32_t
compile_cors(struct compile *compile, const struct spec_cors *cors, bool rest,
    struct slice methods, struct image_text response_lines)
{
	struct cors_policy policy = {
		.style = rest ? CORS_STYLE_REST : CORS_STYLE_HTTP,
		.origins = cors->origins.at,
		.norigins = cors->origins.count,
		.methods = methods,
		.max_age = cors->max_age_ms < 0 ? -1 : cors->max_age_ms / 1000,
		.credentials = cors->credentials,
	};
	struct image_cors record = { 0 };

	if (cors->methods.count > 0)
		policy.methods = list_join(compile, SLICE(""), &cors->methods);
	policy.headers = list_join(compile, rest ? cors_default_headers() :
	    SLICE(""), &cors->headers);
	policy.expose = list_join(compile, SLICE(""), &cors->expose);
	cors_policy_prepare(&policy);
	record.flags = policy_flags(&policy, cors);
	record.origins = origins_compile(compile, &policy);
	policy_write(compile, &policy, response_lines, &record);
	return build_run(compile->build, IMAGE_CORS, &record, 1).first;
}
