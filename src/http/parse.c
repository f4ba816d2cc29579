/*
 * http/parse.c - a checked head into its parts; sole user of http-parser
 *
 * http-parser sees nothing but heads that http/scan has let through, one at a
 * time and whole, and never a body: how long that is, http/framing decides.
 * No byte is copied: the parts are offsets into the head.
 */

#include "http/parse.h"

#include <assert.h>
#include <http_parser.h>

_Static_assert((int)HTTP_VERB_DELETE == HTTP_DELETE &&
	(int)HTTP_VERB_GET == HTTP_GET && (int)HTTP_VERB_HEAD == HTTP_HEAD &&
	(int)HTTP_VERB_POST == HTTP_POST && (int)HTTP_VERB_PUT == HTTP_PUT &&
	(int)HTTP_VERB_CONNECT == HTTP_CONNECT &&
	(int)HTTP_VERB_OPTIONS == HTTP_OPTIONS &&
	(int)HTTP_VERB_TRACE == HTTP_TRACE &&
	(int)HTTP_VERB_PATCH == HTTP_PATCH &&
	(int)HTTP_VERBS == HTTP_SOURCE + 1,
    "methods have the numbers of http-parser");

/* What http-parser's callbacks fill; parser.data points here. */
struct parsing {
	struct http_head *head;
	bool complete;
	bool too_many;
};

static struct http_part
part_of(const struct http_head *head, const char *at, size_t len)
{
	return (struct http_part){ (uint16_t)(at - head->base), (uint16_t)len };
}

static int
url_cb(http_parser *parser, const char *at, size_t len)
{
	struct parsing *parsing = parser->data;

	parsing->head->target = part_of(parsing->head, at, len);
	return 0;
}

static int
reason_cb(http_parser *parser, const char *at, size_t len)
{
	struct parsing *parsing = parser->data;

	parsing->head->reason = part_of(parsing->head, at, len);
	return 0;
}

static int
name_cb(http_parser *parser, const char *at, size_t len)
{
	struct parsing *parsing = parser->data;
	struct http_head *head = parsing->head;
	struct http_field *field = &head->fields[head->nfields];
	struct slice name = slice_of(at, len);

	if (head->nfields >= head->fields_max) {
		parsing->too_many = true;
		return 1;
	}
	field->name_at = field->line_at = (uint16_t)(at - head->base);
	field->name_len = (uint16_t)len;
	field->known = (uint8_t)http_known_of(name);
	field->twin = HTTP_KNOWN_NONE;
	if (field->known == HTTP_KNOWN_NONE) {
		field->twin = (uint8_t)http_known_twin_of(name);
		head->twin_mask |= UINT64_C(1) << field->twin;
	}
	head->known_mask |= UINT64_C(1) << field->known;
	head->nfields++;
	return 0;
}

/*
 * http-parser cuts the blanks in front, and reports an empty value at some
 * later byte: set_lines knows those by their length.
 */
static int
value_cb(http_parser *parser, const char *at, size_t len)
{
	struct parsing *parsing = parser->data;
	struct http_head *head = parsing->head;
	struct http_field *field = &head->fields[head->nfields - 1];

	field->value_at = (uint16_t)(at - head->base);
	field->value_len = (uint16_t)len;
	return 0;
}

static int
complete_cb(http_parser *parser)
{
	struct parsing *parsing = parser->data;

	parsing->complete = true;
	return 2;	/* no body, and nothing behind it */
}

static const http_parser_settings settings = {
	.on_url = url_cb,
	.on_status = reason_cb,
	.on_header_field = name_cb,
	.on_header_value = value_cb,
	.on_headers_complete = complete_cb,
};

static enum http_refusal
refusal_of(enum http_errno error)
{
	switch (error) {
	case HPE_INVALID_METHOD:
		return HTTP_REFUSE_BAD_METHOD;
	case HPE_INVALID_VERSION:
		return HTTP_REFUSE_BAD_VERSION;
	case HPE_INVALID_STATUS:
		return HTTP_REFUSE_BAD_STATUS;
	case HPE_INVALID_URL:
	case HPE_INVALID_HOST:
	case HPE_INVALID_PORT:
	case HPE_INVALID_PATH:
	case HPE_INVALID_QUERY_STRING:
	case HPE_INVALID_FRAGMENT:
		return HTTP_REFUSE_BAD_TARGET;
	case HPE_INVALID_CONTENT_LENGTH:
	case HPE_UNEXPECTED_CONTENT_LENGTH:
	case HPE_INVALID_TRANSFER_ENCODING:
		return HTTP_REFUSE_BAD_FRAMING;
	default:
		return HTTP_REFUSE_BAD_HEAD;
	}
}

/* Each line goes up to the next one's name; blanks at a value's end go. */
static void
set_lines(struct http_head *head)
{
	struct http_field *field = head->fields;
	struct http_field *last = field + head->nfields;
	size_t end;

	for (; field < last; field++) {
		end = field + 1 < last ? field[1].name_at : head->size - 2;
		field->line_len = (uint16_t)(end - field->line_at);
		end -= 2;
		if (field->value_len == 0)
			field->value_at = (uint16_t)end;
		while (field->value_len > 0) {
			char byte =
			    head->base[field->value_at + field->value_len - 1];

			if (byte != ' ' && byte != '\t')
				break;
			field->value_len--;
		}
	}
}

static int
parse(const char *data, size_t size, enum http_parser_type type,
    struct http_head *head, http_parser *parser, enum http_refusal *why_r)
{
	struct parsing parsing = { .head = head };
	size_t eaten;

	assert(size >= 4 && size <= HTTP_HEAD_MAX);
	*head = (struct http_head){
		.fields = head->fields,
		.fields_max = head->fields_max,
		.base = data,
		.size = (uint32_t)size,
	};
	http_parser_init(parser, type);
	parser->data = &parsing;
	eaten = http_parser_execute(parser, &settings, data, size);
	*why_r = HTTP_REFUSE_BAD_HEAD;
	if (parsing.too_many)
		*why_r = HTTP_REFUSE_TOO_MANY_FIELDS;
	else if (HTTP_PARSER_ERRNO(parser) != HPE_OK)
		*why_r = refusal_of(HTTP_PARSER_ERRNO(parser));
	else if (parsing.complete && eaten == size && parser->http_major == 1 &&
	    parser->http_minor <= 1)
		*why_r = HTTP_REFUSE_NOTHING;
	if (*why_r != HTTP_REFUSE_NOTHING)
		return -1;
	head->minor = (uint8_t)parser->http_minor;
	head->known_mask &= ~HTTP_KNOWN_BIT(NONE);
	head->twin_mask &= ~HTTP_KNOWN_BIT(NONE);
	set_lines(head);
	return 0;
}

/*
 * The size bytes at data are one request head as http_scan delimits it (its
 * start to its end). head->fields and fields_max are the caller's; all else is
 * set, but for what http/framing adds. 0, or -1 with the reason in why_r:
 * mostly a method that nobody knows.
 */
int
http_parse_request(const char *data, size_t size, struct http_head *head,
    enum http_refusal *why_r)
{
	http_parser parser;
	struct slice method;

	if (parse(data, size, HTTP_REQUEST, head, &parser, why_r) < 0)
		return -1;
	head->method = (uint8_t)parser.method;
	method = slice_of(data, size);
	method = slice_until(&method, ' ');
	/* It takes some names for others that begin alike. */
	if (!slice_eq(method, slice_text(http_verb_name(parser.method)))) {
		*why_r = HTTP_REFUSE_BAD_METHOD;
		return -1;
	}
	head->method_text = part_of(head, data, method.len);
	return 0;
}

/* The same for the head of an answer. */
int
http_parse_response(const char *data, size_t size, struct http_head *head,
    enum http_refusal *why_r)
{
	http_parser parser;

	if (parse(data, size, HTTP_RESPONSE, head, &parser, why_r) < 0)
		return -1;
	if (parser.status_code < 100 || parser.status_code > 599) {
		*why_r = HTTP_REFUSE_BAD_STATUS;
		return -1;
	}
	head->status = (uint16_t)parser.status_code;
	return 0;
}

/* Name of the method of that number, NULL for none. Constant. */
const char *
http_verb_name(unsigned method)
{
	if (method >= HTTP_VERBS)
		return NULL;
	return http_method_str((enum http_method)method);
}
