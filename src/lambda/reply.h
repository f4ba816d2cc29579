/* lambda/reply.h - what functions return, as answers to the client */
#ifndef LAMBDA_REPLY_H
#define LAMBDA_REPLY_H

#include "lambda/event.h"

struct error;

#define LAMBDA_REPLY_FIELDS_MAX	1000
#define LAMBDA_REPLY_HEAD_MAX	65535	/* bytes of names and values */

/*
 * An answer ready to be written but for the gateway's own fields: names are
 * tokens, values hold no control byte, Content-Type is always there, exactly
 * once; framing, Connection and Date are never there. It lies in the arena
 * and in the output of the function.
 */
struct lambda_reply {
	uint16_t status;		/* 200 to 599 */
	unsigned nfields;
	const struct lambda_pair *fields;
	struct slice body;		/* decoded where that was asked for */
};

struct lambda_reply_rules {
	/*
	 * REST: the request's Accept names a binary media type (see
	 * media_is_binary), so that isBase64Encoded is honoured. HTTP APIs
	 * honour it always.
	 */
	bool decode;
};

/* errorMessage and errorType of a function error; empty when not there. */
struct lambda_error {
	struct slice message;
	struct slice type;
};

/* 0; or -1, malformed, with the reason: REST answers 502, HTTP APIs 500. */
int lambda_reply_rest(struct arena *arena, struct slice output,
    const struct lambda_reply_rules *rules, struct lambda_reply *reply,
    struct error *err);
int lambda_reply_http1(struct arena *arena, struct slice output,
    struct lambda_reply *reply, struct error *err);
int lambda_reply_http2(struct arena *arena, struct slice output,
    struct lambda_reply *reply, struct error *err);

void lambda_error_parse(struct arena *arena, struct slice output,
    struct lambda_error *error);

#endif
