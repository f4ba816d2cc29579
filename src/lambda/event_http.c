/*
 * lambda/event_http.c - events in payload format 2.0, for HTTP APIs
 *
 * Contract, 4.4: keys without a value are left out, header names are
 * lower-case, repeated values are joined with commas, cookies stand apart.
 * Strict readers refuse null where a key should be absent.
 */

#include "lambda/event_private.h"
#include "util/arena.h"
#include "util/text.h"

/* Content-Length is shown anew: of the body as the function gets it. */
#define HIDDEN \
	(HTTP_KNOWN_BIT(CONTENT_LENGTH) | HTTP_KNOWN_BIT(COOKIE) | \
	    HTTP_KNOWN_BIT(EXPECT))

/* The next cookie of a Cookie field's value; false at its end. */
static bool
next_cookie(struct slice *rest, struct slice *cookie_r)
{
	while (rest->len > 0) {
		*cookie_r = slice_trim(slice_until(rest, ';'));
		if (cookie_r->len > 0)
			return true;
	}
	return false;
}

static void
write_cookies(const struct lambda_request *request, struct buf *out)
{
	const struct http_head *head = request->head;
	struct slice key = SLICE(",\"cookies\":["), rest, cookie;
	bool any = false;
	unsigned i;

	if ((head->known_mask & HTTP_KNOWN_BIT(COOKIE)) == 0)
		return;
	for (i = 0; i < head->nfields; i++) {
		if (head->fields[i].known != HTTP_KNOWN_COOKIE)
			continue;
		rest = http_field_value(head, &head->fields[i]);
		while (next_cookie(&rest, &cookie)) {
			event_text(out, any ? SLICE(",") : key, cookie);
			any = true;
		}
	}
	if (any)
		buf_add_char(out, ']');
}

static struct slice
body_length(struct arena *arena, const struct lambda_request *request,
    bool encode)
{
	struct buf digits;

	buf_open_fixed(&digits, arena_alloc(arena, 24), 24);
	buf_add_u64(&digits, encode ? request->body.len :
	    text_utf8_size(request->body));
	return buf_slice(&digits);
}

static void
write_fields(struct arena *arena, const struct lambda_request *request,
    bool encode, struct buf *out)
{
	struct event_map map;

	event_map_fields(arena, request, HIDDEN, EVENT_NAMES_LOWER, &map);
	event_map_add(&map, SLICE("content-length"),
	    body_length(arena, request, encode));
	event_map_group(arena, &map, false, request->request_id);
	event_add(out, SLICE(",\"headers\":"));
	event_map_write(&map, EVENT_JOINED, out);
}

static void
write_query(struct arena *arena, const struct lambda_request *request,
    struct buf *out)
{
	struct event_map map;

	event_map_query(arena, request->query, '&', &map);
	if (map.count == 0)
		return;
	event_map_group(arena, &map, false, request->request_id);
	event_add(out, SLICE(",\"queryStringParameters\":"));
	event_map_write(&map, EVENT_JOINED, out);
}

/* The path decoded, behind the stage unless that is the default one. */
static void
write_path(struct arena *arena, const struct lambda_request *request,
    struct slice key, struct buf *out)
{
	buf_add_slice(out, key);
	buf_add_char(out, '"');
	if (!slice_eq(request->stage, SLICE("$default"))) {
		buf_add_char(out, '/');
		text_json_escape(out, request->stage);
	}
	text_json_escape(out, event_decode(arena, request->path, false));
	buf_add_char(out, '"');
}

static void
write_context(struct arena *arena, const struct lambda_request *request,
    struct buf *out)
{
	event_text(out, SLICE(",\"requestContext\":{\"accountId\":"),
	    request->account_id);
	event_text(out, SLICE(",\"apiId\":"), request->api_id);
	event_text(out, SLICE(",\"domainName\":"), request->domain_name);
	event_text(out, SLICE(",\"domainPrefix\":"),
	    event_domain_prefix(request));
	event_text(out, SLICE(",\"http\":{\"method\":"), request->method);
	write_path(arena, request, SLICE(",\"path\":"), out);
	event_text(out, SLICE(",\"protocol\":"), request->protocol);
	event_text(out, SLICE(",\"sourceIp\":"), request->source_ip);
	event_text(out, SLICE(",\"userAgent\":"), http_head_value(
	    request->head, HTTP_KNOWN_USER_AGENT));
	event_text(out, SLICE("},\"requestId\":"), request->request_id);
	event_text(out, SLICE(",\"routeKey\":"), request->route_key);
	event_text(out, SLICE(",\"stage\":"), request->stage);
	event_add(out, SLICE(",\"time\":"));
	event_time_write(request->time_ms, out);
	event_add(out, SLICE(",\"timeEpoch\":"));
	buf_add_u64(out, request->time_ms);
	buf_add_char(out, '}');
}

static int
write_rest(struct arena *arena, const struct lambda_request *request,
    bool encode, size_t start, struct buf *out)
{
	if (request->body.len > 0) {
		event_add(out, SLICE(",\"body\":"));
		if (event_body_write(request, encode, start, out) < 0)
			return -1;
	}
	if (request->nparams > 0) {
		event_add(out, SLICE(",\"pathParameters\":"));
		event_pairs_write(arena, request->params, request->nparams,
		    true, out);
	}
	event_add(out, encode ? SLICE(",\"isBase64Encoded\":true") :
	    SLICE(",\"isBase64Encoded\":false"));
	if (request->nvariables > 0) {
		event_add(out, SLICE(",\"stageVariables\":"));
		event_pairs_write(arena, request->variables,
		    request->nvariables, false, out);
	}
	buf_add_char(out, '}');
	return 0;
}

int
lambda_event_http2(struct arena *arena, const struct lambda_request *request,
    struct buf *out)
{
	bool encode = request->body.len > 0 && !event_body_is_text(request);
	size_t start = out->len;

	event_text(out, SLICE("{\"version\":\"2.0\",\"routeKey\":"),
	    request->route_key);
	write_path(arena, request, SLICE(",\"rawPath\":"), out);
	event_text(out, SLICE(",\"rawQueryString\":"), request->query);
	write_cookies(request, out);
	write_fields(arena, request, encode, out);
	write_query(arena, request, out);
	write_context(arena, request, out);
	if (write_rest(arena, request, encode, start, out) < 0)
		return -1;
	return request->most != 0 && out->len - start > request->most ? -1 : 0;
}
