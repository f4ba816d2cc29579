/* auth/sigv4.h - AWS Signature Version 4: signing requests */
#ifndef AUTH_SIGV4_H
#define AUTH_SIGV4_H

#include "util/buf.h"

struct credentials;

struct sigv4_field {
	struct slice name;
	struct slice value;
};

/* Everything is borrowed for the call. */
struct sigv4_request {
	struct slice method;
	struct slice path;	/* as it goes on the wire, encoded */
	struct slice query;	/* the same, without '?' */
	const struct sigv4_field *fields;	/* signed; Host among them */
	unsigned nfields;
	struct slice payload;
	struct slice region;	/* "us-east-1" */
	struct slice service;	/* "lambda" */
	uint64_t wall_ms;
	/*
	 * S3's dialect: the path is taken as it is, and the payload's hash
	 * is sent along. All others encode the path once more.
	 */
	bool s3;
};

/*
 * Append the lines X-Amz-Date, X-Amz-Security-Token (with a token),
 * X-Amz-Content-Sha256 (S3) and Authorization, each with its CRLF. None of
 * them may be among the request's fields.
 */
void sigv4_sign(const struct sigv4_request *request,
    const struct credentials *keys, struct buf *out);

#endif
