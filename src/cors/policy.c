/*
 * cors/policy.c - which origins may read, and the bytes that say so
 *
 * Pure functions over a policy: they are called when the configuration is
 * compiled, never for a request, except for the match of an origin's scheme.
 * Nothing here knows routes, images or connections.
 */

#include "cors/policy.h"

/* Field names, spelt as each kind of API spells them. */
struct spelling {
	const char *origin, *methods, *headers, *max_age, *credentials;
	const char *expose, *vary;
};

static const struct spelling spellings[] = {
	[CORS_STYLE_REST] = {
		"Access-Control-Allow-Origin",
		"Access-Control-Allow-Methods",
		"Access-Control-Allow-Headers",
		"Access-Control-Max-Age",
		"Access-Control-Allow-Credentials",
		"Access-Control-Expose-Headers",
		"Vary",
	},
	[CORS_STYLE_HTTP] = {
		"access-control-allow-origin",
		"access-control-allow-methods",
		"access-control-allow-headers",
		"access-control-max-age",
		"access-control-allow-credentials",
		"access-control-expose-headers",
		"vary",
	},
};

/* The Allow-Headers that "Enable CORS" starts from (contract, 6). */
struct slice
cors_default_headers(void)
{
	return SLICE("Content-Type,X-Amz-Date,Authorization,X-Api-Key,"
	    "X-Amz-Security-Token");
}

/* What the origins amount to: fills any, any_https, any_http and fixed. */
void
cors_policy_prepare(struct cors_policy *policy)
{
	size_t i;

	policy->any = policy->any_https = policy->any_http = false;
	for (i = 0; i < policy->norigins; i++) {
		if (slice_eq(policy->origins[i], SLICE("*")))
			policy->any = true;
		else if (slice_eq(policy->origins[i], SLICE("https://*")))
			policy->any_https = true;
		else if (slice_eq(policy->origins[i], SLICE("http://*")))
			policy->any_http = true;
	}
	policy->fixed = policy->style == CORS_STYLE_REST && !policy->any &&
	    !policy->any_https && !policy->any_http && policy->norigins == 1;
}

/* Does the answer depend on the request's Origin? */
static bool
varies(const struct cors_policy *policy)
{
	return !policy->any && !policy->fixed;
}

static void
line_write(struct buf *out, const char *name, struct slice value)
{
	if (value.len == 0)
		return;
	buf_add_text(out, name);
	buf_add(out, ": ", 2);
	buf_add_slice(out, value);
	buf_add(out, "\r\n", 2);
}

/* The origin's line, or what stands for it while the worker writes it. */
static void
origin_write(const struct cors_policy *policy, struct buf *out)
{
	const struct spelling *names = &spellings[policy->style];

	if (policy->any)
		line_write(out, names->origin, SLICE("*"));
	else if (policy->fixed)
		line_write(out, names->origin, policy->origins[0]);
	else
		line_write(out, names->vary, SLICE("Origin"));
}

static void
status_write(const struct cors_policy *policy, struct buf *out,
    unsigned *status_r)
{
	if (policy->style == CORS_STYLE_REST) {
		*status_r = 200;
		buf_add_text(out, "HTTP/1.1 200 OK\r\n"
		    "Content-Type: application/json\r\n"
		    "Content-Length: 0\r\n");
	} else {
		*status_r = 204;
		buf_add_text(out, "HTTP/1.1 204 No Content\r\n");
	}
}

/*
 * The head of a preflight's answer, up to and with the last field's CRLF; the
 * empty line is the caller's. The origin's line is there when the policy is
 * any or fixed; otherwise the caller adds it for an origin that is allowed.
 */
void
cors_preflight_write(const struct cors_policy *policy, struct buf *out,
    unsigned *status_r)
{
	const struct spelling *names = &spellings[policy->style];

	status_write(policy, out, status_r);
	origin_write(policy, out);
	line_write(out, names->methods, policy->methods);
	line_write(out, names->headers, policy->headers);
	if (policy->max_age >= 0) {
		buf_add_text(out, names->max_age);
		buf_printf(out, ": %ld\r\n", policy->max_age);
	}
	if (policy->credentials)
		line_write(out, names->credentials, SLICE("true"));
	if (policy->style == CORS_STYLE_HTTP)
		line_write(out, names->expose, policy->expose);
}

/*
 * The same for an origin that is not allowed, or none: it allows nothing but
 * what "Enable CORS" says to everybody.
 */
void
cors_preflight_refused_write(const struct cors_policy *policy,
    struct buf *out, unsigned *status_r)
{
	if (policy->style == CORS_STYLE_REST && !varies(policy)) {
		cors_preflight_write(policy, out, status_r);
		return;
	}
	status_write(policy, out, status_r);
	cors_actual_refused_write(policy, out);
}

/* The lines for every answer that is not a preflight's. */
void
cors_actual_write(const struct cors_policy *policy, struct buf *out)
{
	const struct spelling *names = &spellings[policy->style];

	origin_write(policy, out);
	if (policy->credentials)
		line_write(out, names->credentials, SLICE("true"));
	line_write(out, names->expose, policy->expose);
}

/* Those lines for an origin that is not allowed, or no origin at all. */
void
cors_actual_refused_write(const struct cors_policy *policy, struct buf *out)
{
	if (varies(policy))
		origin_write(policy, out);
	else if (policy->style == CORS_STYLE_REST)
		cors_actual_write(policy, out);
}

/* Is it some https, or some http, origin? (contract, 5.2) */
bool
cors_origin_scheme_matches(struct slice origin, bool https, bool http)
{
	struct slice scheme = slice_until(&origin, ':');

	if (origin.len <= 2 || origin.at[0] != '/' || origin.at[1] != '/')
		return false;
	return (https && slice_eq_nocase(scheme, SLICE("https"))) ||
	    (http && slice_eq_nocase(scheme, SLICE("http")));
}
