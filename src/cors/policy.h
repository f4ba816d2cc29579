/* cors/policy.h - which origins may read, and the bytes that say so */
#ifndef CORS_POLICY_H
#define CORS_POLICY_H

#include "util/buf.h"

enum cors_style {
	CORS_STYLE_REST,	/* "Enable CORS" (contract, 6) */
	CORS_STYLE_HTTP,	/* HTTP API's cors object (contract, 5.2) */
};

/* A policy as the configuration gives it, defaults filled in. */
struct cors_policy {
	enum cors_style style;
	const struct slice *origins;	/* exact, or with a star */
	size_t norigins;
	struct slice methods;		/* "GET,OPTIONS", or empty: left out */
	struct slice headers;
	struct slice expose;
	long max_age;			/* seconds; -1 left out */
	bool credentials;
	bool any, any_https, any_http;	/* filled by cors_policy_prepare */
	bool fixed;			/* REST with one origin: always sent */
};

void cors_policy_prepare(struct cors_policy *policy);
void cors_preflight_write(const struct cors_policy *policy, struct buf *out,
    unsigned *status_r);
void cors_actual_write(const struct cors_policy *policy, struct buf *out);
void cors_preflight_refused_write(const struct cors_policy *policy,
    struct buf *out, unsigned *status_r);
void cors_actual_refused_write(const struct cors_policy *policy,
    struct buf *out);

/* CORS' default Allow-Headers of the console's wizard. */
struct slice cors_default_headers(void);

bool cors_origin_scheme_matches(struct slice origin, bool https, bool http);

#endif
