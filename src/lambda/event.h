/* lambda/event.h - requests as the events that functions are called with */
#ifndef LAMBDA_EVENT_H
#define LAMBDA_EVENT_H

#include "util/buf.h"

struct arena;
struct http_head;

struct lambda_pair {
	struct slice name;
	struct slice value;
};

/*
 * What an event is made of. Any bytes are fine anywhere: they come out as
 * strings of JSON, with U+FFFD for what is not UTF-8. All of it is borrowed.
 */
struct lambda_request {
	const struct http_head *head;	/* the client's fields */
	struct slice method;		/* overrides applied */
	struct slice path;		/* shown to the function: without the
					   stage, with a base path; as sent */
	struct slice full_path;		/* as sent, stage included */
	struct slice query;		/* as sent, without '?' */
	struct slice protocol;		/* "HTTP/1.1" */
	struct slice domain_name;	/* lower-case, without a port */
	struct slice source_ip;
	struct slice stage;		/* "prod", "$default" */
	struct slice resource;		/* "/pets/{id}"; "$default" */
	struct slice resource_id;	/* REST */
	struct slice route_key;		/* HTTP: "GET /pets/{id}" */
	struct slice api_id;
	struct slice account_id;
	struct slice deployment_id;	/* REST; not shown when empty */
	struct slice request_id;	/* HTTP: the extended one */
	struct slice extended_id;
	uint64_t time_ms;		/* wall clock */

	/* Fields of the gateway's own; the client's are not shown. */
	struct slice trace;		/* X-Amzn-Trace-Id; empty: none */
	struct slice forwarded_for;
	struct slice forwarded_port;
	struct slice forwarded_proto;

	/* Fields of the configuration: they replace the client's. */
	const struct lambda_pair *fields;
	unsigned nfields;

	const struct lambda_pair *params;	/* as sent, still encoded */
	unsigned nparams;
	const struct lambda_pair *variables;	/* of the stage */
	unsigned nvariables;

	struct slice body;
	const struct slice *binary_types;	/* REST: binaryMediaTypes */
	unsigned nbinary_types;

	size_t most;			/* bytes of event; 0: no limit */
};

/*
 * Append the event to out. The arena takes what lives during the call only.
 * 0, or -1 when the event is larger than most: out holds part of it then.
 */
int lambda_event_rest(struct arena *arena,
    const struct lambda_request *request, struct buf *out);
int lambda_event_http1(struct arena *arena,
    const struct lambda_request *request, struct buf *out);
int lambda_event_http2(struct arena *arena,
    const struct lambda_request *request, struct buf *out);

#endif
