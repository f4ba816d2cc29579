/*
 * gateway/cors.c - CORS as the routes' policies say
 *
 * A preflight is answered from bytes that were made when the configuration
 * was compiled: it meets no backend and nothing that asks who the caller is.
 * Other answers get the policy's lines; an origin is echoed only when it is
 * exactly one of the list (security, D20).
 */

#include "cors/policy.h"
#include "gateway/exchange.h"
#include "http/framing.h"

#define ANSWER_FIELDS (HTTP_KNOWN_BIT(ACCESS_CONTROL_ALLOW_ORIGIN) | \
    HTTP_KNOWN_BIT(ACCESS_CONTROL_ALLOW_CREDENTIALS) | \
    HTTP_KNOWN_BIT(ACCESS_CONTROL_ALLOW_HEADERS) | \
    HTTP_KNOWN_BIT(ACCESS_CONTROL_ALLOW_METHODS) | \
    HTTP_KNOWN_BIT(ACCESS_CONTROL_EXPOSE_HEADERS) | \
    HTTP_KNOWN_BIT(ACCESS_CONTROL_MAX_AGE) | \
    HTTP_KNOWN_BIT(ACCESS_CONTROL_OTHER))

/* Sorted by bytes when compiled. */
static bool
listed(const struct image_head *image, struct image_run run,
    struct slice origin)
{
	uint32_t low = run.first, high = run.first + run.count, middle;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		order = slice_cmp(origin, image_slice(image, *IMAGE_AT(image,
		    IMAGE_ORIGINS, struct image_text, middle)));
		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* What stands behind "scheme://". */
static struct slice
host_of(struct slice origin)
{
	(void)slice_until(&origin, ':');
	return origin.len > 2 ? slice_of(origin.at + 2, origin.len - 2) :
	    SLICE_NONE;
}

static bool
allowed(const struct exchange *x, struct slice origin)
{
	uint32_t flags = x->cors->flags;

	if (origin.len == 0)
		return false;
	if ((flags & (IMAGE_CORS_ANY | IMAGE_CORS_STATIC)) != 0)
		return true;
	if (listed(image_of(x), x->cors->origins, origin))
		return true;
	return cors_origin_scheme_matches(origin,
	    (flags & IMAGE_CORS_ANY_HTTPS) != 0,
	    (flags & IMAGE_CORS_ANY_HTTP) != 0) && http_host_valid(
	    host_of(origin));
}

/* The origin's line is in the ready bytes already for these. */
static bool
origin_is_fixed(const struct exchange *x)
{
	return (x->cors->flags & (IMAGE_CORS_ANY | IMAGE_CORS_STATIC)) != 0;
}

static void
write_origin(const struct exchange *x, struct slice origin, struct buf *out)
{
	if (x->kind == kind_rest())
		buf_add_text(out, "Access-Control-Allow-Origin: ");
	else
		buf_add_text(out, "access-control-allow-origin: ");
	buf_add_slice(out, origin);
	buf_add(out, "\r\n", 2);
}

/*
 * OPTIONS with Origin and Access-Control-Request-Method (Fetch standard). For
 * REST the compiled OPTIONS route answers every OPTIONS request, as the MOCK
 * method that "Enable CORS" makes does.
 */
static bool
is_preflight(const struct exchange *x)
{
	const uint64_t wanted = HTTP_KNOWN_BIT(ORIGIN) |
	    HTTP_KNOWN_BIT(ACCESS_CONTROL_REQUEST_METHOD);

	return x->head.method == HTTP_VERB_OPTIONS &&
	    (x->head.known_mask & wanted) == wanted;
}

/* Does the gateway answer itself? (contract, 5.2, and its improvement) */
static bool
answers(const struct exchange *x)
{
	const struct image_route *route = x->match.route;

	if (x->cors == NULL)
		return false;
	if (route != NULL && (route->flags & IMAGE_ROUTE_PREFLIGHT) != 0)
		return true;
	if (x->kind == kind_rest() || !is_preflight(x))
		return false;
	if (route == NULL)
		return true;
	return (route->flags & IMAGE_ROUTE_OWN_OPTIONS) == 0 &&
	    (x->cors->flags & IMAGE_CORS_ROUTE) == 0;
}

enum step_result
step_preflight(struct exchange *x)
{
	if (answers(x)) {
		x->answer = ANSWER_PREFLIGHT;
		return STEP_DONE;
	}
	if (x->match.route == NULL)
		return reply_error(x, RESPONSE_MISSING_AUTHENTICATION_TOKEN,
		    "no_route");
	return STEP_NEXT;
}

/* A REST backend that names an origin has a policy of its own. */
static bool
backend_decided(const struct exchange *x, uint64_t answer_fields)
{
	return x->kind == kind_rest() && (answer_fields &
	    HTTP_KNOWN_BIT(ACCESS_CONTROL_ALLOW_ORIGIN)) != 0;
}

/* Which of the backend's fields give way to the policy's, never beside it. */
uint64_t
cors_replaced(const struct exchange *x, uint64_t answer_fields)
{
	if (x->cors == NULL || backend_decided(x, answer_fields))
		return 0;
	return ANSWER_FIELDS;
}

/*
 * The lines of the policy for an answer that is not a preflight's.
 * answer_fields are the known fields that a backend sent (a mask), or 0: a
 * REST backend that sent its own is left alone.
 */
void
cors_write(const struct exchange *x, uint64_t answer_fields,
    struct buf *out)
{
	struct slice origin;

	if (x->cors == NULL || backend_decided(x, answer_fields))
		return;
	origin = http_head_value(&x->head, HTTP_KNOWN_ORIGIN);
	/* HTTP APIs say nothing to those who did not ask (contract, 5.2). */
	if (x->kind != kind_rest() && origin.len == 0)
		return;
	if (!allowed(x, origin)) {
		buf_add_slice(out, image_slice(image_of(x),
		    x->cors->actual_refused));
		return;
	}
	if (!origin_is_fixed(x))
		write_origin(x, origin, out);
	buf_add_slice(out, image_slice(image_of(x), x->cors->actual));
}

/* The ready fields of a preflight's answer; its status line is left out. */
void
cors_write_preflight(const struct exchange *x, struct buf *out)
{
	struct slice origin = http_head_value(&x->head, HTTP_KNOWN_ORIGIN);
	bool good = allowed(x, origin);
	struct slice ready = image_slice(image_of(x), good ?
	    x->cors->preflight : x->cors->refused);

	(void)slice_until(&ready, '\n');
	buf_add_slice(out, ready);
	if (good && !origin_is_fixed(x))
		write_origin(x, origin, out);
}
