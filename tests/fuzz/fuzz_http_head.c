/*
 * fuzz_http_head.c - heads of requests and answers
 *
 * The first byte says which side the rest comes from, and the size of the
 * pieces it comes in. What must hold: the verdict does not depend on the
 * pieces, all parts lie in the head, and what is written for the next hop is
 * a head that passes once more and says the same.
 */

#include <assert.h>
#include <stdlib.h>

#include "http/fields.h"
#include "http/framing.h"
#include "http/parse.h"
#include "http/scan.h"
#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_limits limits = { 4096, 1024, 2048, 40 };

static int
scan(enum http_side side, const char *data, size_t size, size_t step,
    struct http_scan *scan_r, enum http_refusal *why_r)
{
	size_t have = 0;
	char *exact;
	int got = 0;

	*scan_r = (struct http_scan){ 0 };
	while (got == 0 && have < size) {
		have = size - have < step ? size : have + step;
		exact = malloc(have);
		assert(exact != NULL);
		memcpy(exact, data, have);
		got = http_scan(scan_r, side, exact, have, &limits, why_r);
		free(exact);
	}
	return got;
}

static void
check_slice(const struct http_head *head, struct slice slice)
{
	assert(slice.len == 0 ||
	    (slice.at >= head->base &&
		slice.at + slice.len <= head->base + head->size) ||
	    slice_eq(slice, SLICE("/")));
}

static void
check_parts(const struct http_head *head)
{
	const struct http_field *field = head->fields;
	unsigned i;

	check_slice(head, http_head_part(head, head->target));
	check_slice(head, http_head_part(head, head->reason));
	check_slice(head, head->host);
	check_slice(head, head->path);
	check_slice(head, head->query);
	for (i = 0; i < head->nfields; i++, field++) {
		check_slice(head, http_field_name(head, field));
		check_slice(head, http_field_value(head, field));
		assert(field->line_at == field->name_at);
		assert(field->value_at > field->name_at + field->name_len);
		assert(field->value_at + field->value_len + 2 <=
		    field->line_at + field->line_len);
		assert(memcmp(head->base + field->line_at + field->line_len - 2,
			   "\r\n", 2) == 0);
	}
}

static void
check_target(const struct http_head *head)
{
	struct http_target facts;
	char *decoded;
	size_t len, i;

	if (head->form == HTTP_FORM_ASTERISK ||
	    http_target_check(head->path, &facts) < 0)
		return;
	decoded = malloc(head->path.len);
	assert(decoded != NULL);
	len = http_target_decode(head->path, decoded);
	assert(len > 0 && len <= head->path.len && decoded[0] == '/');
	for (i = 0; i < len; i++)
		assert((unsigned char)decoded[i] >= 0x20);
	free(decoded);
}

static int
parse(enum http_side side, const char *data, size_t size,
    struct http_head *head, enum http_refusal *why_r)
{
	if (side == HTTP_SIDE_REQUEST) {
		if (http_parse_request(data, size, head, why_r) < 0)
			return -1;
		return http_framing_request(head, why_r);
	}
	if (http_parse_response(data, size, head, why_r) < 0)
		return -1;
	return http_framing_response(head, HTTP_VERB_GET, why_r);
}

/* What goes on to the next hop is a good head with the same fields. */
static void
check_rewrite(enum http_side side, const struct http_head *head)
{
	struct http_field fields[HTTP_FIELDS_MAX];
	struct http_head again = { .fields = fields,
		.fields_max = HTTP_FIELDS_MAX };
	struct http_removed removed;
	enum http_refusal why = HTTP_REFUSE_NOTHING;
	struct http_scan state;
	struct buf out;
	unsigned i, j = 0;

	buf_open(&out);
	buf_add(&out, head->base, head->fields[0].line_at);
	http_fields_hop_by_hop(head, &removed);
	http_fields_write(head, &removed, &out);
	buf_add(&out, "\r\n", 2);
	assert(out.len <= http_fields_size(head));
	if (scan(side, out.at, out.len, out.len, &state, &why) == 1) {
		assert(state.at == out.len);
		assert(parse(side, out.at, out.len, &again, &why) == 0);
		for (i = 0; i < head->nfields; i++) {
			if (http_removed_has(&removed, i))
				continue;
			assert(slice_eq(http_field_name(head, &head->fields[i]),
			    http_field_name(&again, &again.fields[j])));
			assert(
			    slice_eq(http_field_value(head, &head->fields[i]),
				http_field_value(&again, &again.fields[j])));
			j++;
		}
		assert(j == again.nfields);
	} else {
		/* One blank more can be one byte too many, nothing else. */
		assert(why == HTTP_REFUSE_FIELDS_TOO_LARGE ||
		    why == HTTP_REFUSE_HEAD_TOO_LARGE);
	}
	buf_close(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_field fields[HTTP_FIELDS_MAX];
	struct http_head head = { .fields = fields,
		.fields_max = HTTP_FIELDS_MAX };
	enum http_refusal whole = HTTP_REFUSE_NOTHING, why = whole;
	struct http_scan state, pieces;
	enum http_side side;
	const char *text;
	char *exact;
	int got;

	if (size < 2)
		return 0;
	side = data[0] & 1 ? HTTP_SIDE_ANSWER : HTTP_SIDE_REQUEST;
	text = (const char *)data + 1;
	size--;
	got = scan(side, text, size, size, &state, &whole);
	assert(
	    scan(side, text, size, 1 + (data[0] >> 1), &pieces, &why) == got);
	assert(why == whole);
	if (got != 1)
		return 0;
	assert(pieces.at == state.at && pieces.start == state.start);
	exact = malloc(state.at - state.start);
	assert(exact != NULL);
	memcpy(exact, text + state.start, state.at - state.start);
	if (parse(side, exact, state.at - state.start, &head, &why) == 0) {
		assert(head.nfields == state.fields);
		check_parts(&head);
		if (side == HTTP_SIDE_REQUEST)
			check_target(&head);
		if (head.nfields > 0)
			check_rewrite(side, &head);
	}
	free(exact);
	return 0;
}
