/*
 * lambda/reply.c - what functions return, as answers to the client
 *
 * A function is code of somebody else: whatever it returns, an answer made of
 * it has one meaning on the wire. Names and values that could end a line,
 * framing fields and second dates never come through; shapes that the
 * contract (4.2 to 4.4) calls malformed are refused whole.
 *
 * Only the outermost members become nodes at first: a body of megabytes
 * costs its check and no tree.
 */

#include "lambda/reply.h"

#include "http/message.h"
#include "util/arena.h"
#include "util/base64.h"
#include "util/error.h"
#include "util/json.h"
#include "util/span.h"

#define MEMBERS_MAX	(1U << 20)	/* of an inferred reply */

/* What the connection, the framing and the gateway itself say. */
#define DROPPED_ALWAYS \
	(HTTP_KNOWN_BIT(KEEP_ALIVE) | HTTP_KNOWN_BIT(PROXY_CONNECTION) | \
	    HTTP_KNOWN_BIT(TE) | HTTP_KNOWN_BIT(TRANSFER_ENCODING))
#define DROPPED_REST \
	(DROPPED_ALWAYS | HTTP_KNOWN_BIT(X_AMZN_TRACE_ID) | \
	    HTTP_KNOWN_BIT(X_AMZ_APIGW_ID))
#define DROPPED_HTTP \
	(DROPPED_ALWAYS | HTTP_KNOWN_BIT(APIGW_REQUESTID) | \
	    HTTP_KNOWN_BIT(CONNECTION) | HTTP_KNOWN_BIT(CONTENT_LENGTH) | \
	    HTTP_KNOWN_BIT(DATE) | HTTP_KNOWN_BIT(PROXY_AUTHENTICATE) | \
	    HTTP_KNOWN_BIT(TRAILER) | HTTP_KNOWN_BIT(UPGRADE))

/* Come to the client as x-amzn-Remapped-NAME (contract, 1.6). */
#define REMAPPED_REST \
	(HTTP_KNOWN_BIT(AUTHORIZATION) | HTTP_KNOWN_BIT(CONNECTION) | \
	    HTTP_KNOWN_BIT(CONTENT_LENGTH) | HTTP_KNOWN_BIT(CONTENT_MD5) | \
	    HTTP_KNOWN_BIT(DATE) | HTTP_KNOWN_BIT(EXPECT) | \
	    HTTP_KNOWN_BIT(HOST) | HTTP_KNOWN_BIT(MAX_FORWARDS) | \
	    HTTP_KNOWN_BIT(PROXY_AUTHENTICATE) | HTTP_KNOWN_BIT(SERVER) | \
	    HTTP_KNOWN_BIT(TRAILER) | HTTP_KNOWN_BIT(UPGRADE) | \
	    HTTP_KNOWN_BIT(USER_AGENT) | HTTP_KNOWN_BIT(WWW_AUTHENTICATE) | \
	    HTTP_KNOWN_BIT(X_AMZN_REQUESTID))

struct maker {
	struct arena *arena;
	struct error *err;
	uint64_t dropped, remapped;
	struct lambda_pair *fields;
	unsigned nfields, size;
	unsigned nmulti;	/* how many of them are of multiValueHeaders */
	size_t bytes;		/* of names and values */
	struct slice type;	/* Content-Type: the last one given */
};

static bool
is_null(const struct json *value)
{
	return value == NULL || value->type == JSON_NULL;
}

static int
push(struct maker *m, struct slice name, struct slice value)
{
	struct lambda_pair *more;

	m->bytes += name.len + value.len;
	if (m->nfields == LAMBDA_REPLY_FIELDS_MAX ||
	    m->bytes > LAMBDA_REPLY_HEAD_MAX)
		return error_set(m->err, "too many headers");
	if (m->nfields == m->size) {
		m->size = m->size == 0 ? 16 : m->size * 2;
		more = arena_alloc(m->arena, m->size * sizeof *more);
		if (m->nfields > 0)
			memcpy(more, m->fields, m->nfields * sizeof *more);
		m->fields = more;
	}
	m->fields[m->nfields++] = (struct lambda_pair){ name, value };
	return 0;
}

static struct slice
remap(struct maker *m, struct slice name)
{
	static const char prefix[] = "x-amzn-Remapped-";
	size_t len = sizeof prefix - 1;
	char *to = arena_alloc(m->arena, len + name.len);

	memcpy(to, prefix, len);
	memcpy(to + len, name.at, name.len);
	return slice_of(to, len + name.len);
}

/* May this header be sent at all? 1 yes; 0 dropped; -1 the reply is bad. */
static int
admit(struct maker *m, struct slice *name_p, struct slice *value_p)
{
	enum http_known known;

	if (!span_is_token(name_p->at, name_p->at + name_p->len))
		return error_set(m->err, "a header's name is not a token");
	*value_p = slice_trim(*value_p);
	if (span_text(value_p->at, value_p->at + value_p->len) !=
	    value_p->at + value_p->len)
		return error_set(m->err,
		    "a header's value holds a control character");
	known = http_known_of(*name_p);
	if (known == HTTP_KNOWN_NONE)
		return 1;
	if ((m->dropped >> known & 1) != 0)
		return 0;
	if ((m->remapped >> known & 1) != 0)
		*name_p = remap(m, *name_p);
	if (known == HTTP_KNOWN_CONTENT_TYPE && value_p->len > 0)
		m->type = *value_p;
	return known != HTTP_KNOWN_CONTENT_TYPE;
}

/* Strings, numbers and booleans are values; null is none: 0. */
static int
scalar(struct maker *m, const struct json *json, struct slice *value_r)
{
	if (json->type == JSON_NULL)
		return 0;
	*value_r = json_text(json, m->arena);
	if (value_r->at == NULL)
		return error_set(m->err, "a header's value is not a scalar");
	return 1;
}

static int
add_multi_value(struct maker *m, struct slice name, const struct json *json)
{
	struct slice value;
	int verdict = scalar(m, json, &value);

	if (verdict > 0)
		verdict = admit(m, &name, &value);
	if (verdict > 0)
		verdict = push(m, name, value);
	return verdict;
}

static int
add_multi(struct maker *m, const struct json *member)
{
	struct slice name = json_name(member, m->arena);
	const struct json *item;

	if (member->type == JSON_NULL)
		return 0;
	if (member->type != JSON_ARRAY)
		return error_set(m->err,
		    "a value of multiValueHeaders is not an array");
	for (item = member->first; item != NULL; item = item->next)
		if (add_multi_value(m, name, item) < 0)
			return -1;
	return 0;
}

/*
 * Beside multiple values of its name a single one joins them, unless it is
 * among them, under their spelling (contract, 4.2). 1 when nothing is left
 * to do.
 */
static int
join_multi(struct maker *m, struct slice *name_p, struct slice value)
{
	struct slice spelling = *name_p;
	unsigned i;

	for (i = 0; i < m->nmulti; i++) {
		if (!slice_eq_nocase(m->fields[i].name, *name_p))
			continue;
		if (slice_eq(m->fields[i].value, value))
			return 1;
		spelling = m->fields[i].name;
	}
	*name_p = spelling;
	return 0;
}

/* A name that came before, to the letter, gets the new value instead. */
static bool
replace_single(struct maker *m, struct slice name, struct slice value)
{
	unsigned i;

	for (i = m->nmulti; i < m->nfields; i++) {
		if (!slice_eq(m->fields[i].name, name))
			continue;
		m->fields[i].value = value;
		return true;
	}
	return false;
}

static int
add_single(struct maker *m, const struct json *member)
{
	struct slice name = json_name(member, m->arena), value;
	int verdict = scalar(m, member, &value);

	if (verdict > 0)
		verdict = admit(m, &name, &value);
	if (verdict <= 0)
		return verdict;
	if (join_multi(m, &name, value) || replace_single(m, name, value))
		return 0;
	return push(m, name, value);
}

/* Read a value that is still text: an object whose members add() takes. */
static int
each_member(struct maker *m, const struct json *object, const char *what,
    int (*add)(struct maker *m, const struct json *member))
{
	struct json_limits limits = { .levels = 2 };
	const struct json *member;
	struct json *root;

	if (is_null(object))
		return 0;
	if (object->type != JSON_OBJECT)
		return error_set(m->err, "%s is not an object", what);
	if (json_parse(m->arena, object->text, &limits, &root, m->err) < 0)
		return error_prefix(m->err, "%s", what);
	for (member = root->first; member != NULL; member = member->next)
		if (add(m, member) < 0)
			return -1;
	return 0;
}

static int
add_cookie(struct maker *m, const struct json *item)
{
	struct slice name = SLICE("set-cookie"), value;
	int verdict = scalar(m, item, &value);

	if (verdict > 0)
		verdict = admit(m, &name, &value);
	if (verdict > 0)
		verdict = push(m, name, value);
	return verdict;
}

static int
add_cookies(struct maker *m, const struct json *cookies)
{
	struct json_limits limits = { .levels = 1 };
	const struct json *item;
	struct json *root;

	if (is_null(cookies))
		return 0;
	if (cookies->type != JSON_ARRAY)
		return error_set(m->err, "cookies is not an array");
	if (json_parse(m->arena, cookies->text, &limits, &root, m->err) < 0)
		return error_prefix(m->err, "cookies");
	for (item = root->first; item != NULL; item = item->next)
		if (add_cookie(m, item) < 0)
			return -1;
	return 0;
}

/* 200 to 599, as a number or a string of digits; 200.0 is 200. */
static int
read_status(struct maker *m, const struct json *value, uint16_t *status_r)
{
	struct slice text = json_text(value, m->arena), whole;
	uint64_t status;
	size_t i;

	whole = slice_until(&text, '.');
	for (i = 0; i < text.len; i++)
		if (value->type != JSON_NUMBER || text.at[i] != '0')
			return error_set(m->err, "statusCode is not whole");
	if (slice_to_u64(whole, &status) < 0 || status < 200 || status > 599)
		return error_set(m->err, "statusCode is not one");
	*status_r = (uint16_t)status;
	return 0;
}

static int
read_flag(struct maker *m, const struct json *value, bool *flag_r)
{
	struct slice text;

	*flag_r = false;
	if (is_null(value))
		return 0;
	text = json_text(value, m->arena);
	*flag_r = slice_eq_nocase(text, SLICE("true"));
	if (!*flag_r && !slice_eq_nocase(text, SLICE("false")))
		return error_set(m->err, "isBase64Encoded is not a boolean");
	return 0;
}

static int
decode_body(struct maker *m, struct slice *body_p)
{
	size_t len = (body_p->len + 3) / 4 * 3;
	char *to;

	if (body_p->len == 0)
		return 0;
	to = arena_alloc(m->arena, len);
	if (base64_decode_to(to, *body_p, &len) < 0)
		return error_set(m->err, "the body is not base64");
	*body_p = slice_of(to, len);
	return 0;
}

static int
read_body(struct maker *m, const struct json *root, bool decode,
    struct slice *body_r)
{
	const struct json *body = json_member(root, "body");
	bool encoded;

	*body_r = SLICE_NONE;
	if (read_flag(m, json_member(root, "isBase64Encoded"), &encoded) < 0)
		return -1;
	if (is_null(body))
		return 0;
	*body_r = json_text(body, m->arena);
	if (body_r->at == NULL)
		return error_set(m->err, "body is not a string");
	return encoded && decode ? decode_body(m, body_r) : 0;
}

/* Content-Type is the last field: the one that was given, or the default. */
static int
finish(struct maker *m, struct slice type, struct lambda_reply *reply)
{
	if (m->type.len > 0)
		type = m->type;
	if (push(m, SLICE("Content-Type"), type) < 0)
		return -1;
	reply->fields = m->fields;
	reply->nfields = m->nfields;
	return 0;
}

/* The outermost value, its members' insides still text. */
static int
parse_output(struct maker *m, struct slice output, struct json **root_r)
{
	struct json_limits limits = { .levels = 1, .nodes = MEMBERS_MAX };

	return json_parse(m->arena, output, &limits, root_r, m->err);
}

static int
add_headers(struct maker *m, const struct json *root)
{
	if (each_member(m, json_member(root, "multiValueHeaders"),
	    "multiValueHeaders", add_multi) < 0)
		return -1;
	m->nmulti = m->nfields;
	return each_member(m, json_member(root, "headers"), "headers",
	    add_single);
}

/* REST knows five members and wants no other (contract, 4.2). */
static int
check_members(struct maker *m, const struct json *root)
{
	static const struct slice known[] = {
		{ "statusCode", 10 }, { "headers", 7 },
		{ "multiValueHeaders", 17 }, { "body", 4 },
		{ "isBase64Encoded", 15 },
	};
	const struct json *member;
	size_t i, count = sizeof known / sizeof *known;

	for (member = root->first; member != NULL; member = member->next) {
		for (i = 0; i < count; i++)
			if (json_name_is(member, known[i]))
				break;
		if (i == count)
			return error_set(m->err, "a member that is none of "
			    "statusCode, headers, multiValueHeaders, body, "
			    "isBase64Encoded");
	}
	return 0;
}

/* Payload 1.0 for REST APIs (contract, 4.2). */
int
lambda_reply_rest(struct arena *arena, struct slice output,
    const struct lambda_reply_rules *rules, struct lambda_reply *reply,
    struct error *err)
{
	struct maker m = { .arena = arena, .err = err,
		.dropped = DROPPED_REST, .remapped = REMAPPED_REST };
	const struct json *status;
	struct json *root;

	if (parse_output(&m, output, &root) < 0)
		return -1;
	if (root->type != JSON_OBJECT)
		return error_set(err, "not an object");
	if (check_members(&m, root) < 0)
		return -1;
	reply->status = 200;
	status = json_member(root, "statusCode");
	if (!is_null(status) && read_status(&m, status, &reply->status) < 0)
		return -1;
	if (add_headers(&m, root) < 0 ||
	    read_body(&m, root, rules->decode, &reply->body) < 0)
		return -1;
	return finish(&m, SLICE("application/json"), reply);
}

/* Payload 1.0 for HTTP APIs: statusCode has to be there (contract, 4.3). */
int
lambda_reply_http1(struct arena *arena, struct slice output,
    struct lambda_reply *reply, struct error *err)
{
	struct maker m = { .arena = arena, .err = err,
		.dropped = DROPPED_HTTP };
	const struct json *status;
	struct json *root;

	if (parse_output(&m, output, &root) < 0)
		return -1;
	status = json_member(root, "statusCode");
	if (status == NULL)
		return error_set(err, "no statusCode");
	if (read_status(&m, status, &reply->status) < 0 ||
	    add_headers(&m, root) < 0 ||
	    read_body(&m, root, true, &reply->body) < 0)
		return -1;
	return finish(&m, SLICE("text/plain; charset=utf-8"), reply);
}

static int
structured(struct maker *m, const struct json *root,
    struct lambda_reply *reply)
{
	if (read_status(m, json_member(root, "statusCode"),
	    &reply->status) < 0 ||
	    each_member(m, json_member(root, "headers"), "headers",
	    add_single) < 0 ||
	    add_cookies(m, json_member(root, "cookies")) < 0 ||
	    read_body(m, root, true, &reply->body) < 0)
		return -1;
	return finish(m, SLICE("text/plain; charset=utf-8"), reply);
}

static struct slice
trim_blanks(struct slice text)
{
	while (text.len > 0 && (unsigned char)text.at[0] <= ' ') {
		text.at++;
		text.len--;
	}
	while (text.len > 0 && (unsigned char)text.at[text.len - 1] <= ' ')
		text.len--;
	return text;
}

/* Payload 2.0: an answer, or what becomes the body of one (contract, 4.4). */
int
lambda_reply_http2(struct arena *arena, struct slice output,
    struct lambda_reply *reply, struct error *err)
{
	struct maker m = { .arena = arena, .err = err,
		.dropped = DROPPED_HTTP };
	struct json *root;

	output = trim_blanks(output);
	reply->status = 200;
	reply->body = output;
	if (output.len > 0 && (*output.at == '{' || *output.at == '"')) {
		if (parse_output(&m, output, &root) < 0)
			return -1;
		if (json_member(root, "statusCode") != NULL)
			return structured(&m, root, reply);
		if (root->type == JSON_STRING)
			reply->body = json_string(root, arena);
	} else if (json_check(output, err) < 0) {
		return -1;
	}
	return finish(&m, SLICE("application/json"), reply);
}

/* Whatever output is: what is not there stays empty. */
void
lambda_error_parse(struct arena *arena, struct slice output,
    struct lambda_error *error)
{
	struct json_limits limits = { .levels = 1 };
	struct error ignored;
	struct json *root;

	*error = (struct lambda_error){ SLICE_NONE, SLICE_NONE };
	if (json_parse(arena, output, &limits, &root, &ignored) < 0)
		return;
	error->message = json_string(json_member(root, "errorMessage"),
	    arena);
	error->type = json_string(json_member(root, "errorType"), arena);
}
