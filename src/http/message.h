/* http/message.h - the head of one message, as slices of the bytes received */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include "util/slice.h"

#define HTTP_FIELDS_MAX	256	/* most fields a head may have, limits aside */
#define HTTP_HEAD_MAX	65535	/* most bytes of a head, limits aside */

/* Methods have the numbers of http-parser; these are the ones named in code. */
enum http_verb {
	HTTP_VERB_DELETE = 0,
	HTTP_VERB_GET = 1,
	HTTP_VERB_HEAD = 2,
	HTTP_VERB_POST = 3,
	HTTP_VERB_PUT = 4,
	HTTP_VERB_CONNECT = 5,
	HTTP_VERB_OPTIONS = 6,
	HTTP_VERB_TRACE = 7,
	HTTP_VERB_PATCH = 28,
	HTTP_VERBS = 34,
};

/* Field names that somebody asks for; HTTP_KNOWN_NONE is every other one. */
enum http_known {
	HTTP_KNOWN_NONE,
	HTTP_KNOWN_ACCEPT,
	HTTP_KNOWN_ACCEPT_ENCODING,
	HTTP_KNOWN_ACCESS_CONTROL_ALLOW_CREDENTIALS,
	HTTP_KNOWN_ACCESS_CONTROL_ALLOW_HEADERS,
	HTTP_KNOWN_ACCESS_CONTROL_ALLOW_METHODS,
	HTTP_KNOWN_ACCESS_CONTROL_ALLOW_ORIGIN,
	HTTP_KNOWN_ACCESS_CONTROL_EXPOSE_HEADERS,
	HTTP_KNOWN_ACCESS_CONTROL_MAX_AGE,
	HTTP_KNOWN_ACCESS_CONTROL_OTHER,	/* any other access-control-* */
	HTTP_KNOWN_ACCESS_CONTROL_REQUEST_HEADERS,
	HTTP_KNOWN_ACCESS_CONTROL_REQUEST_METHOD,
	HTTP_KNOWN_APIGW_REQUESTID,
	HTTP_KNOWN_AUTHORIZATION,
	HTTP_KNOWN_CONNECTION,
	HTTP_KNOWN_CONTENT_ENCODING,
	HTTP_KNOWN_CONTENT_LENGTH,
	HTTP_KNOWN_CONTENT_MD5,
	HTTP_KNOWN_CONTENT_TYPE,
	HTTP_KNOWN_COOKIE,
	HTTP_KNOWN_DATE,
	HTTP_KNOWN_EXPECT,
	HTTP_KNOWN_FORWARDED,
	HTTP_KNOWN_HOST,
	HTTP_KNOWN_KEEP_ALIVE,
	HTTP_KNOWN_MAX_FORWARDS,
	HTTP_KNOWN_ORIGIN,
	HTTP_KNOWN_PROXY_AUTHENTICATE,
	HTTP_KNOWN_PROXY_AUTHORIZATION,
	HTTP_KNOWN_PROXY_CONNECTION,
	HTTP_KNOWN_REFERER,
	HTTP_KNOWN_SEC_WEBSOCKET_VERSION,
	HTTP_KNOWN_SERVER,
	HTTP_KNOWN_TE,
	HTTP_KNOWN_TRAILER,
	HTTP_KNOWN_TRANSFER_ENCODING,
	HTTP_KNOWN_UPGRADE,
	HTTP_KNOWN_USER_AGENT,
	HTTP_KNOWN_VARY,
	HTTP_KNOWN_VIA,
	HTTP_KNOWN_WWW_AUTHENTICATE,
	HTTP_KNOWN_X_AMZN_APIGATEWAY_API_ID,
	HTTP_KNOWN_X_AMZN_ERRORTYPE,
	HTTP_KNOWN_X_AMZN_REQUESTID,
	HTTP_KNOWN_X_AMZN_TRACE_ID,
	HTTP_KNOWN_X_AMZ_APIGW_ID,
	HTTP_KNOWN_X_API_KEY,
	HTTP_KNOWN_X_APIGW_API_ID,
	HTTP_KNOWN_X_FORWARDED_FOR,
	HTTP_KNOWN_X_FORWARDED_HOST,
	HTTP_KNOWN_X_FORWARDED_PORT,
	HTTP_KNOWN_X_FORWARDED_PROTO,
	HTTP_KNOWN_X_HTTP_METHOD_OVERRIDE,
	HTTP_KNOWN_END,		/* at most 64: they share a mask */
};

/* HTTP_KNOWN_BIT(HOST) is the bit of HTTP_KNOWN_HOST in a mask. */
#define HTTP_KNOWN_BIT(name) (UINT64_C(1) << HTTP_KNOWN_##name)

/* Offsets count from the first byte of the head. */
struct http_part {
	uint16_t at;
	uint16_t len;
};

struct http_field {
	uint16_t name_at, name_len;
	uint16_t value_at, value_len;	/* without blanks around it */
	uint16_t line_at, line_len;	/* the whole line with its CRLF */
	uint8_t known;		/* enum http_known */
	uint8_t twin;		/* what it would be with '-' for '_', or NONE */
};

enum http_body {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED,
	HTTP_BODY_UNTIL_CLOSE,	/* answers only */
};

enum http_form {
	HTTP_FORM_ORIGIN,	/* /path?query */
	HTTP_FORM_ABSOLUTE,	/* http://host/path?query */
	HTTP_FORM_ASTERISK,	/* *, with OPTIONS only */
};

/*
 * All slices and parts lie in the bytes that were parsed (or are literals)
 * and die with them. Set base and fields anew when the bytes have moved: see
 * http_head_move.
 */
struct http_head {
	/* Lent by the caller before parsing. */
	struct http_field *fields;
	uint16_t fields_max;

	/* From http/parse. */
	uint16_t nfields;
	uint32_t size;		/* bytes of the head, its empty line included */
	const char *base;
	uint64_t known_mask;	/* bit per enum http_known that is present */
	uint64_t twin_mask;	/* the same for underscore twins */
	struct http_part method_text, target, reason;
	uint16_t status;	/* answers: 100 to 599 */
	uint8_t method;		/* requests: enum http_verb */
	uint8_t minor;		/* HTTP/1.minor: 0 or 1 */

	/* From http/framing. */
	uint64_t length;	/* Content-Length when has_length, else 0 */
	enum http_body body;
	enum http_form form;
	bool has_length;	/* also for HEAD, 304: length without a body */
	bool keep_alive;	/* the connection may serve another message */
	bool expect_continue;	/* the client waits for a 100 */
	bool upgrade;		/* Connection: upgrade and an Upgrade field */
	bool has_query;		/* "/a?" has an empty one */
	struct slice host;	/* of Host or of an absolute target, as sent */
	struct slice path;	/* begins with '/'; "*" for the asterisk */
	struct slice query;	/* behind the first '?' */
};

static inline struct slice
http_head_part(const struct http_head *head, struct http_part part)
{
	return slice_of(head->base + part.at, part.len);
}

static inline struct slice
http_field_name(const struct http_head *head, const struct http_field *field)
{
	return slice_of(head->base + field->name_at, field->name_len);
}

static inline struct slice
http_field_value(const struct http_head *head, const struct http_field *field)
{
	return slice_of(head->base + field->value_at, field->value_len);
}

const struct http_field *http_head_find(
    const struct http_head *head, enum http_known known);
const struct http_field *http_head_find_name(
    const struct http_head *head, struct slice name);
struct slice http_head_value(
    const struct http_head *head, enum http_known known);
void http_head_move(struct http_head *head, const char *base);

enum http_known http_known_of(struct slice name);
enum http_known http_known_twin_of(struct slice name);
struct slice http_known_name(enum http_known known);

#endif
