/*
 * gateway/route.c - which API, stage and route a request is for
 *
 * The path is looked at once: here it is refused when it could mean two
 * things (security, D18), and what is matched here is what is sent on.
 */

#include "gateway/exchange.h"
#include "http/framing.h"
#include "http/parse.h"
#include "http/target.h"

#define HOST_MOST	255

static unsigned
listener_index(const struct exchange *x)
{
	const struct image_head *image = image_of(x);
	uint32_t i, count = image->sections[IMAGE_LISTENERS].count;

	for (i = 0; i < count; i++)
		if (IMAGE_AT(image, IMAGE_LISTENERS, struct image_listener,
		    i)->id == x->transport->listener_id)
			return i;
	return count;
}

/* Before an API is known: answer as the APIs of this listener would. */
static void
guess_kind(struct exchange *x)
{
	const struct image_head *image = image_of(x);
	unsigned listener = listener_index(x);
	bool rest = listener < image->sections[IMAGE_LISTENERS].count &&
	    IMAGE_AT(image, IMAGE_LISTENERS, struct image_listener,
	    listener)->has_rest;

	x->kind = rest ? kind_rest() : kind_http();
}

static struct slice
lower_host(struct exchange *x)
{
	struct slice name = http_host_name(x->head.host);
	char *copy;
	size_t i;

	if (name.len > HOST_MOST)
		name.len = HOST_MOST;
	copy = arena_alloc(&x->arena, name.len + 1);
	for (i = 0; i < name.len; i++)
		copy[i] = ascii_lower(name.at[i]);
	return slice_of(copy, name.len);
}

/*
 * REST: X-HTTP-Method-Override names the method to go by (contract, 1.3). Not
 * HEAD: whether the answer has a body is between us and the client.
 */
static void
override_method(struct exchange *x)
{
	struct slice name;
	unsigned method;

	if ((x->head.known_mask & HTTP_KNOWN_BIT(X_HTTP_METHOD_OVERRIDE)) == 0
	    || x->head.method == HTTP_VERB_HEAD)
		return;
	name = http_head_value(&x->head, HTTP_KNOWN_X_HTTP_METHOD_OVERRIDE);
	for (method = 0; method < HTTP_VERBS; method++)
		if (slice_eq(name, slice_text(http_verb_name(method))) &&
		    method != HTTP_VERB_HEAD && method != HTTP_VERB_CONNECT)
			x->method = (uint8_t)method;
}

static const struct image_cors *
cors_at(const struct exchange *x, uint32_t index)
{
	if (index == IMAGE_NONE)
		return NULL;
	return IMAGE_AT(image_of(x), IMAGE_CORS, struct image_cors, index);
}

/*
 * No route, but perhaps the resource is there for other methods: its policy
 * then covers the refusal too, so that a page can read it.
 */
static void
borrow_cors(struct exchange *x, unsigned listener)
{
	struct match other;

	x->cors = cors_at(x, x->match.api->cors);
	if (x->kind != kind_rest())
		return;
	table_match(image_of(x), listener, x->host, HTTP_VERB_OPTIONS,
	    x->head.path, &other);
	if (other.result == MATCH_ROUTE && other.route->cors != IMAGE_NONE)
		x->cors = cors_at(x, other.route->cors);
}

/*
 * A request that is refused before it can be routed: when there is but one API
 * it was for that, and the refusal carries that API's fields.
 */
static void
assume_api(struct exchange *x)
{
	const struct image_head *image = image_of(x);

	if (image->sections[IMAGE_APIS].count != 1)
		return;
	x->match.api = image_array(image, IMAGE_APIS);
	x->cors = cors_at(x, x->match.api->cors);
}

/* The same for a head that was refused: no more will be known of it. */
void
route_refused(struct exchange *x)
{
	guess_kind(x);
	assume_api(x);
}

static enum step_result
found(struct exchange *x)
{
	const struct image_route *route = x->match.route;

	x->cors = cors_at(x, route->cors);
	if (route->integration != IMAGE_NONE)
		x->integration = IMAGE_AT(image_of(x), IMAGE_INTEGRATIONS,
		    struct image_integration, route->integration);
	if (x->oversized)
		return reply_error(x, RESPONSE_REQUEST_TOO_LARGE,
		    "body_too_large");
	return STEP_NEXT;
}

/* Find host, API, stage and route of the request. */
enum step_result
step_route(struct exchange *x)
{
	struct http_target facts;
	unsigned listener;

	listener = listener_index(x);
	guess_kind(x);
	x->host = lower_host(x);
	if (x->head.form == HTTP_FORM_ASTERISK ||
	    http_target_check(x->head.path, &facts) < 0) {
		assume_api(x);
		return reply_error(x, RESPONSE_BAD_REQUEST, "bad_path");
	}
	table_match(image_of(x), listener, x->host, x->method, x->head.path,
	    &x->match);
	if (x->match.api != NULL) {
		x->kind = x->match.api->kind == IMAGE_KIND_REST ?
		    kind_rest() : kind_http();
		if (x->kind == kind_rest()) {
			override_method(x);
			if (x->method != x->head.method)
				table_match(image_of(x), listener, x->host,
				    x->method, x->head.path, &x->match);
		}
	}
	switch (x->match.result) {
	case MATCH_NO_HOST:
		return reply_error(x, RESPONSE_FORBIDDEN, "no_host");
	case MATCH_NO_STAGE:
		return reply_error(x, RESPONSE_FORBIDDEN, "no_stage");
	case MATCH_NO_ROUTE:
		borrow_cors(x, listener);
		return STEP_NEXT;	/* perhaps a preflight all the same */
	case MATCH_ROUTE:
		break;
	}
	return found(x);
}
