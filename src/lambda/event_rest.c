/*
 * lambda/event_rest.c - events in payload format 1.0
 *
 * For REST APIs (contract, 4.1) and, with a version and some other answers to
 * the same questions, for HTTP APIs (4.3). Every key is there; what has no
 * value is null. Appended to one buffer in the order of the contract.
 */

#include "lambda/event_private.h"
#include "lambda/media.h"

/* Fields that no event shows (contract, 1.6), beside hop-by-hop ones. */
#define HIDDEN \
	(HTTP_KNOWN_BIT(CONNECTION) | HTTP_KNOWN_BIT(CONTENT_LENGTH) | \
	    HTTP_KNOWN_BIT(CONTENT_MD5) | HTTP_KNOWN_BIT(EXPECT) | \
	    HTTP_KNOWN_BIT(MAX_FORWARDS) | \
	    HTTP_KNOWN_BIT(PROXY_AUTHENTICATE) | HTTP_KNOWN_BIT(SERVER) | \
	    HTTP_KNOWN_BIT(TE) | HTTP_KNOWN_BIT(TRANSFER_ENCODING) | \
	    HTTP_KNOWN_BIT(TRAILER) | HTTP_KNOWN_BIT(UPGRADE) | \
	    HTTP_KNOWN_BIT(WWW_AUTHENTICATE))

/* What the two kinds of APIs do differently. */
struct dialect {
	struct slice version;	/* first key, or nothing */
	char query_mark;	/* ends a parameter like '&' does */
	bool decode_params;
	bool http;
};

/* Slashes at the start count as one (contract, 1.1). */
static struct slice
one_slash(struct slice path)
{
	while (path.len > 1 && path.at[0] == '/' && path.at[1] == '/') {
		path.at++;
		path.len--;
	}
	return path;
}

static void
write_fields(struct arena *arena, const struct lambda_request *request,
    struct buf *out)
{
	struct event_map map;

	event_map_fields(arena, request, HIDDEN, EVENT_NAMES_AS_SENT, &map);
	event_map_group(arena, &map, true, request->request_id);
	event_add(out, SLICE(",\"headers\":"));
	event_map_write(&map, EVENT_LAST, out);
	event_add(out, SLICE(",\"multiValueHeaders\":"));
	event_map_write(&map, EVENT_ALL, out);
}

static void
write_query(struct arena *arena, const struct lambda_request *request,
    char mark, struct buf *out)
{
	struct event_map map;

	event_map_query(arena, request->query, mark, &map);
	if (map.count > 0)
		event_map_group(arena, &map, false, request->request_id);
	event_add(out, SLICE(",\"queryStringParameters\":"));
	event_map_write(&map, EVENT_LAST, out);
	event_add(out, SLICE(",\"multiValueQueryStringParameters\":"));
	event_map_write(&map, EVENT_ALL, out);
}

static void
write_identity(const struct lambda_request *request, struct buf *out)
{
	event_add(out, SLICE(",\"identity\":{\"cognitoIdentityPoolId\":null,"
	    "\"accountId\":null,\"cognitoIdentityId\":null,"
	    "\"caller\":null"));
	event_text(out, SLICE(",\"sourceIp\":"), request->source_ip);
	event_add(out, SLICE(",\"principalOrgId\":null,\"accessKey\":null,"
	    "\"cognitoAuthenticationType\":null,"
	    "\"cognitoAuthenticationProvider\":null,\"userArn\":null"));
	event_text_or_null(out, SLICE(",\"userAgent\":"), http_head_value(
	    request->head, HTTP_KNOWN_USER_AGENT));
	event_add(out, SLICE(",\"user\":null}"));
}

static void
write_context(const struct lambda_request *request,
    const struct dialect *dialect, struct buf *out)
{
	event_text(out, SLICE(",\"requestContext\":{\"resourceId\":"),
	    dialect->http ? request->route_key : request->resource_id);
	event_text(out, SLICE(",\"resourcePath\":"), request->resource);
	event_text(out, SLICE(",\"httpMethod\":"), request->method);
	event_text(out, SLICE(",\"extendedRequestId\":"), dialect->http ?
	    request->request_id : request->extended_id);
	event_add(out, SLICE(",\"requestTime\":"));
	event_time_write(request->time_ms, out);
	event_text(out, SLICE(",\"path\":"), one_slash(request->full_path));
	event_text(out, SLICE(",\"accountId\":"), request->account_id);
	event_text(out, SLICE(",\"protocol\":"), request->protocol);
	event_text(out, SLICE(",\"stage\":"), request->stage);
	event_text(out, SLICE(",\"domainPrefix\":"),
	    event_domain_prefix(request));
	event_add(out, SLICE(",\"requestTimeEpoch\":"));
	buf_add_u64(out, request->time_ms);
	event_text(out, SLICE(",\"requestId\":"), request->request_id);
	if (dialect->http)
		event_add(out, SLICE(",\"authorizer\":{\"claims\":null,"
		    "\"scopes\":null}"));
	write_identity(request, out);
	event_text(out, SLICE(",\"domainName\":"), request->domain_name);
	if (request->deployment_id.len > 0)
		event_text(out, SLICE(",\"deploymentId\":"),
		    request->deployment_id);
	event_text(out, SLICE(",\"apiId\":"), request->api_id);
	buf_add_char(out, '}');
}

static int
write_body(const struct lambda_request *request, bool encode, size_t start,
    struct buf *out)
{
	event_add(out, SLICE(",\"body\":"));
	if (request->body.len == 0) {
		event_add(out, SLICE("null,\"isBase64Encoded\":false}"));
		return 0;
	}
	if (event_body_write(request, encode, start, out) < 0)
		return -1;
	event_add(out, encode ? SLICE(",\"isBase64Encoded\":true}") :
	    SLICE(",\"isBase64Encoded\":false}"));
	return 0;
}

static int
write_event(struct arena *arena, const struct lambda_request *request,
    const struct dialect *dialect, bool encode, struct buf *out)
{
	size_t start = out->len;

	buf_add_char(out, '{');
	event_add(out, dialect->version);
	event_text(out, SLICE("\"resource\":"), request->resource);
	event_text(out, SLICE(",\"path\":"), one_slash(request->path));
	event_text(out, SLICE(",\"httpMethod\":"), request->method);
	write_fields(arena, request, out);
	write_query(arena, request, dialect->query_mark, out);
	event_add(out, SLICE(",\"pathParameters\":"));
	event_pairs_write(arena, request->params, request->nparams,
	    dialect->decode_params, out);
	event_add(out, SLICE(",\"stageVariables\":"));
	event_pairs_write(arena, request->variables, request->nvariables,
	    false, out);
	write_context(request, dialect, out);
	if (write_body(request, encode, start, out) < 0)
		return -1;
	return request->most != 0 && out->len - start > request->most ? -1 : 0;
}

int
lambda_event_rest(struct arena *arena, const struct lambda_request *request,
    struct buf *out)
{
	static const struct dialect rest = { .query_mark = ';' };
	bool encode = media_is_binary(http_head_value(request->head,
	    HTTP_KNOWN_CONTENT_TYPE), request->binary_types,
	    request->nbinary_types);

	return write_event(arena, request, &rest, encode, out);
}

int
lambda_event_http1(struct arena *arena, const struct lambda_request *request,
    struct buf *out)
{
	static const struct dialect http1 = {
		.version = { "\"version\":\"1.0\",", 16 },
		.query_mark = '&', .decode_params = true, .http = true,
	};

	return write_event(arena, request, &http1,
	    !event_body_is_text(request), out);
}
