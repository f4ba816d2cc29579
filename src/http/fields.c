/*
 * http/fields.c - which fields of a head go on to the next hop
 *
 * Field lines go on as they came, in as few copies as there are gaps: the
 * strict scan has made sure that a line is a token, a colon and text. Only
 * the blanks around a value may still be odd; such lines are written anew, so
 * that every line sent is "name: value" and CR LF.
 */

#include "http/fields.h"

/* For one hop only (RFC 9110, 7.6.1 and 11.7.1). */
#define HOP_BY_HOP \
	(HTTP_KNOWN_BIT(CONNECTION) | HTTP_KNOWN_BIT(KEEP_ALIVE) | \
	    HTTP_KNOWN_BIT(PROXY_AUTHENTICATE) | \
	    HTTP_KNOWN_BIT(PROXY_CONNECTION) | HTTP_KNOWN_BIT(TE) | \
	    HTTP_KNOWN_BIT(TRAILER) | HTTP_KNOWN_BIT(TRANSFER_ENCODING) | \
	    HTTP_KNOWN_BIT(UPGRADE))

/* Not to be talked away by a Connection field: framing and our own. */
#define KEPT \
	(HTTP_KNOWN_BIT(APIGW_REQUESTID) | HTTP_KNOWN_BIT(CONTENT_LENGTH) | \
	    HTTP_KNOWN_BIT(FORWARDED) | HTTP_KNOWN_BIT(HOST) | \
	    HTTP_KNOWN_BIT(VIA) | HTTP_KNOWN_BIT(X_AMZN_APIGATEWAY_API_ID) |   \
	    HTTP_KNOWN_BIT(X_AMZN_ERRORTYPE) | \
	    HTTP_KNOWN_BIT(X_AMZN_REQUESTID) | \
	    HTTP_KNOWN_BIT(X_AMZN_TRACE_ID) | HTTP_KNOWN_BIT(X_AMZ_APIGW_ID) | \
	    HTTP_KNOWN_BIT(X_FORWARDED_FOR) | \
	    HTTP_KNOWN_BIT(X_FORWARDED_HOST) | \
	    HTTP_KNOWN_BIT(X_FORWARDED_PORT) | \
	    HTTP_KNOWN_BIT(X_FORWARDED_PROTO))

/* Remove every field of these known names, and their underscore twins. */
void
http_fields_remove(const struct http_head *head, uint64_t known_mask,
    struct http_removed *removed)
{
	unsigned i;

	known_mask &= ~HTTP_KNOWN_BIT(NONE);
	if (((head->known_mask | head->twin_mask) & known_mask) == 0)
		return;
	for (i = 0; i < head->nfields; i++)
		if ((known_mask >> head->fields[i].known & 1) != 0 ||
		    (known_mask >> head->fields[i].twin & 1) != 0)
			http_removed_add(removed, i);
}

/* Remove every field of this name, case aside. */
void
http_fields_remove_name(const struct http_head *head, struct slice name,
    struct http_removed *removed)
{
	unsigned i;

	for (i = 0; i < head->nfields; i++)
		if (head->fields[i].name_len == name.len &&
		    slice_eq_nocase(
			http_field_name(head, &head->fields[i]), name))
			http_removed_add(removed, i);
}

/* Remove what one Connection field names, but for what is to be kept. */
static void
remove_named(const struct http_head *head, struct slice list,
    struct http_removed *removed)
{
	struct slice token;
	uint64_t bit;

	while (list.at != NULL) {
		token = slice_trim(slice_until(&list, ','));
		bit = UINT64_C(1) << http_known_of(token);
		if ((bit & (KEPT | HOP_BY_HOP)) != 0 || token.len == 0)
			continue;
		if (bit != HTTP_KNOWN_BIT(NONE) &&
		    bit != HTTP_KNOWN_BIT(ACCESS_CONTROL_OTHER))
			http_fields_remove(head, bit, removed);
		else if (!slice_eq_nocase(token, SLICE("close")))
			http_fields_remove_name(head, token, removed);
	}
}

/*
 * Start removed_r with the fields that are for this hop only: the well-known
 * ones, those that Connection names (RFC 9110, 7.6.1), and underscore twins
 * of what frames or addresses a message. Content-Length and Host stay: it is
 * for the writer of the next head to set them.
 */
void
http_fields_hop_by_hop(
    const struct http_head *head, struct http_removed *removed_r)
{
	const uint64_t framing =
	    HOP_BY_HOP | HTTP_KNOWN_BIT(CONTENT_LENGTH) | HTTP_KNOWN_BIT(HOST);
	unsigned i;

	*removed_r = (struct http_removed){ { 0 } };
	http_fields_remove(head, HOP_BY_HOP, removed_r);
	if ((head->twin_mask & framing) != 0)
		for (i = 0; i < head->nfields; i++)
			if ((framing >> head->fields[i].twin & 1) != 0)
				http_removed_add(removed_r, i);
	if ((head->known_mask & HTTP_KNOWN_BIT(CONNECTION)) == 0)
		return;
	for (i = 0; i < head->nfields; i++)
		if (head->fields[i].known == HTTP_KNOWN_CONNECTION)
			remove_named(head,
			    http_field_value(head, &head->fields[i]),
			    removed_r);
}

/* One blank behind the colon, none behind the value. */
static bool
canonical(const struct http_head *head, const struct http_field *field)
{
	return head->base[field->name_at + field->name_len + 1] == ' ' &&
	    field->value_at == field->name_at + field->name_len + 2 &&
	    field->value_at + field->value_len + 2 ==
	    field->line_at + field->line_len;
}

/* The most bytes that http_fields_write can add for this head. */
size_t
http_fields_size(const struct http_head *head)
{
	return (size_t)head->size + head->nfields;
}

/* Appends the field lines that are not removed, in their order. */
void
http_fields_write(const struct http_head *head,
    const struct http_removed *removed, struct buf *out)
{
	const struct http_field *field = head->fields;
	size_t from = 0, to = 0;	/* lines not yet copied */
	unsigned i;

	for (i = 0; i < head->nfields; i++, field++) {
		if (!http_removed_has(removed, i) && canonical(head, field)) {
			if (from == to)
				from = field->line_at;
			to = (size_t)field->line_at + field->line_len;
			continue;
		}
		buf_add(out, head->base + from, to - from);
		from = to = 0;
		if (http_removed_has(removed, i))
			continue;
		buf_add_slice(out, http_field_name(head, field));
		buf_add_slice(out, SLICE(": "));
		buf_add_slice(out, http_field_value(head, field));
		buf_add_slice(out, SLICE("\r\n"));
	}
	buf_add(out, head->base + from, to - from);
}
