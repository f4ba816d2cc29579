/* http/target.h - what a path says, and whether it says only one thing */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "util/slice.h"

/*
 * What is odd about a path that is otherwise acceptable. A policy written for
 * the decoded path and a route matched on the received one can disagree only
 * when one of these is set.
 */
struct http_target {
	struct slice path;		/* before the first '?' */
	struct slice query;		/* behind it */
	bool has_query;
	bool has_escapes;		/* any %XX in the path */
	bool has_needless_escapes;	/* %61 for 'a': another spelling */
	bool has_escaped_slash;		/* %2F or %5C, or a raw backslash */
	bool has_empty_segments;	/* "//"; a trailing slash is none */
	bool has_parameters;		/* ';' */
};

int http_target_check(struct slice target, struct http_target *facts_r);
size_t http_target_decode(struct slice path, char *to);

#endif
