/*
 * gateway/forward.c - the request as the backend gets it
 *
 * A new head: the client's own field lines as runs, less what is not for the
 * next hop, behind the gateway's. Path parameters go where the template has
 * them, percent-encoded as they came; a value never leaves its component.
 */

#include "gateway/exchange.h"
#include "http/fields.h"
#include "http/parse.h"

/* Characters of a value that would end a path, or a query's value. */
static bool
breaks_out(char c, bool in_query)
{
	if (c == '?' || c == '#' || (unsigned char)c <= 0x20 ||
	    (unsigned char)c >= 0x7f)
		return true;
	return in_query && (c == '&' || c == '=' || c == '+' || c == ';');
}

static void
value_write(struct slice value, bool in_query, struct buf *out)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i, run = 0;

	for (i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.at[i];
		char form[3] = { '%', hex[c >> 4], hex[c & 15] };

		if (!breaks_out(value.at[i], in_query))
			continue;
		buf_add(out, value.at + run, i - run);
		buf_add(out, form, sizeof form);
		run = i + 1;
	}
	buf_add(out, value.at + run, value.len - run);
}

static struct slice
stage_variable(const struct exchange *x, struct slice name)
{
	const struct image_head *image = image_of(x);
	struct image_run run = x->match.stage->variables;
	uint32_t i;

	for (i = run.first; i < run.first + run.count; i++) {
		const struct image_pair *pair = IMAGE_AT(image,
		    IMAGE_VARIABLES, struct image_pair, i);

		if (slice_eq(image_slice(image, pair->name), name))
			return image_slice(image, pair->value);
	}
	return SLICE_NONE;
}

static void
pieces_write(const struct exchange *x, struct image_run run, bool in_query,
    struct buf *out)
{
	const struct image_head *image = image_of(x);
	uint32_t i;

	for (i = run.first; i < run.first + run.count; i++) {
		const struct image_piece *piece = IMAGE_AT(image,
		    IMAGE_PIECES, struct image_piece, i);
		struct slice text = image_slice(image, piece->text);

		if (piece->kind == IMAGE_PIECE_TEXT)
			buf_add_slice(out, text);
		else if (piece->kind == IMAGE_PIECE_PARAM)
			value_write(match_param(&x->match, IMAGE_AT(image,
			    IMAGE_PARAMS, struct image_param,
			    x->match.route->params.first + piece->arg)),
			    in_query, out);
		else if (piece->kind == IMAGE_PIECE_VARIABLE)
			value_write(stage_variable(x, text), in_query, out);
	}
}

static void
target_write(const struct exchange *x, struct buf *out)
{
	const struct image_integration *integration = x->integration;
	struct slice query = x->head.query;
	size_t start = out->len;

	if ((integration->flags & IMAGE_PATH_ASIS) == 0)
		pieces_write(x, integration->path, false, out);
	if ((integration->flags & (IMAGE_PATH_ASIS | IMAGE_PATH_APPEND)) != 0)
		buf_add_slice(out, x->match.path);
	if (out->len == start)
		buf_add_char(out, '/');
	if (integration->query.count > 0) {
		buf_add_char(out, '?');
		pieces_write(x, integration->query, true, out);
		if (query.len > 0)
			buf_add_char(out, '&');
	} else if (x->head.has_query) {
		buf_add_char(out, '?');
	}
	buf_add_slice(out, query);
}

/* How the body will come (framing is ours, whatever the client sent). */
static void
framing_write(const struct exchange *x, struct buf *out)
{
	if (x->head.body == HTTP_BODY_CHUNKED) {
		buf_add_text(out, "Transfer-Encoding: chunked\r\n");
	} else if (x->head.has_length || x->call.method == HTTP_VERB_POST ||
	    x->call.method == HTTP_VERB_PUT ||
	    x->call.method == HTTP_VERB_PATCH) {
		buf_add_text(out, "Content-Length: ");
		buf_add_u64(out, x->head.length);
		buf_add(out, "\r\n", 2);
	}
}

/* Length, first and last letter: equal names have equal keys. */
static uint32_t
name_key(struct slice name)
{
	return (uint32_t)(name.len << 16) |
	    (uint32_t)(unsigned char)ascii_lower(name.at[0]) << 8 |
	    (unsigned char)ascii_lower(name.at[name.len - 1]);
}

/* All values of one field as one line; its fields are marked as removed. */
static void
join(const struct exchange *x, unsigned first, struct http_removed *removed,
    struct buf *out)
{
	const struct http_head *head = &x->head;
	struct slice name = http_field_name(head, &head->fields[first]);
	const char *separator = ": ";
	unsigned i;

	buf_add_slice(out, name);
	for (i = first; i < head->nfields; i++) {
		if (http_removed_has(removed, i) || !slice_eq_nocase(name,
		    http_field_name(head, &head->fields[i])))
			continue;
		buf_add_text(out, separator);
		buf_add_slice(out, http_field_value(head, &head->fields[i]));
		http_removed_add(removed, i);
		separator = ",";
	}
	buf_add(out, "\r\n", 2);
}

/* Repeated fields become one line, joined by commas (contract, 1.6). */
static void
join_repeated(const struct exchange *x, struct http_removed *removed,
    struct buf *out)
{
	const struct http_head *head = &x->head;
	uint32_t keys[HTTP_FIELDS_MAX];
	unsigned i, k;

	for (i = 0; i < head->nfields; i++) {
		keys[i] = name_key(http_field_name(head, &head->fields[i]));
		for (k = 0; k < i; k++) {
			if (keys[k] == keys[i] &&
			    !http_removed_has(removed, k) &&
			    !http_removed_has(removed, i) &&
			    slice_eq_nocase(
			    http_field_name(head, &head->fields[k]),
			    http_field_name(head, &head->fields[i]))) {
				join(x, k, removed, out);
				break;
			}
		}
	}
}

/* A SigV4 signature was for us, not for the backend (contract, 1.6). */
static void
remove_signature(const struct exchange *x, struct http_removed *removed)
{
	struct slice value = http_head_value(&x->head,
	    HTTP_KNOWN_AUTHORIZATION);

	if (slice_starts(value, SLICE("AWS4-HMAC-SHA256")))
		http_fields_remove(&x->head, HTTP_KNOWN_BIT(AUTHORIZATION),
		    removed);
}

static void
names_remove(const struct exchange *x, struct image_run names,
    struct http_removed *removed)
{
	const struct image_head *image = image_of(x);
	uint32_t i;

	for (i = names.first; i < names.first + names.count; i++)
		http_fields_remove_name(&x->head, image_slice(image,
		    *IMAGE_AT(image, IMAGE_NAMES, struct image_text, i)),
		    removed);
}

/* Write the head of the request to the backend whose Host is host. */
void
forward_compose(struct exchange *x, struct slice host, struct buf *out)
{
	const struct image_route *route = x->match.route;
	struct http_removed removed;

	if (x->call.method == x->head.method)
		buf_add_slice(out, http_head_part(&x->head,
		    x->head.method_text));
	else
		buf_add_text(out, http_verb_name(x->call.method));
	buf_add_char(out, ' ');
	target_write(x, out);
	buf_add_text(out, " HTTP/1.1\r\nHost: ");
	buf_add_slice(out, host);
	buf_add(out, "\r\n", 2);
	http_fields_hop_by_hop(&x->head, &removed);
	http_fields_remove(&x->head, x->kind->request_dropped, &removed);
	if ((x->head.known_mask & HTTP_KNOWN_BIT(AUTHORIZATION)) != 0)
		remove_signature(x, &removed);
	if (route->request_names.count > 0)
		names_remove(x, route->request_names, &removed);
	if (x->kind->joins_repeated)
		join_repeated(x, &removed, out);
	http_fields_write(&x->head, &removed, out);
	buf_add_slice(out, image_slice(image_of(x), route->request_lines));
	x->kind->request_extra(x, out);
	framing_write(x, out);
	buf_add(out, "\r\n", 2);
}
