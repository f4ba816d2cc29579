/*
 * upstream/upstream.h - the proxy's other half: backends, kept connections,
 * one request to one of them
 */
#ifndef UPSTREAM_UPSTREAM_H
#define UPSTREAM_UPSTREAM_H

#include "http/chunked.h"
#include "http/conn.h"
#include "http/message.h"
#include "http/scan.h"
#include "http/splice.h"
#include "table/image.h"

struct control_slot;
struct log;
struct region;
struct upstream_conn;
struct upstream_server;

/* All backends that one worker knows, whatever the generation. */
struct upstreams {
	struct loop *loop;
	struct log *log;
	struct region *region;
	struct control_slot *slot;	/* for its counters */
	struct list servers;		/* every struct upstream_server */
	struct http_field fields[HTTP_FIELDS_MAX];
};

/* The backends of one table, found by the table's indexes. */
struct upstream_table {
	struct upstreams *all;
	const struct image_head *image;
	struct upstream_slot {
		struct upstream_server *server;
		int current;		/* of the weighted round */
	} *slots;
	uint32_t nslots;
};

enum upstream_failure {
	UPSTREAM_OK,
	UPSTREAM_NO_SERVER,		/* the stage has none: bad variable */
	UPSTREAM_NO_ADDRESS,		/* the name does not resolve */
	UPSTREAM_REFUSED,
	UPSTREAM_UNREACHABLE,
	UPSTREAM_CONNECT_TIMEOUT,
	UPSTREAM_RESET,			/* before a whole head came */
	UPSTREAM_CLOSED,
	UPSTREAM_TIMEOUT,		/* no head within the time-out */
	UPSTREAM_BAD_ANSWER,
	UPSTREAM_CUT,			/* in the middle of the body */
	UPSTREAM_BODY_TIMEOUT,
	UPSTREAM_TARGET_GONE,		/* who the body was spliced to */
	UPSTREAM_TARGET_SLOW,
	UPSTREAM_FAILURES
};

struct upstream_call;

/* What a call tells whoever made it. */
struct upstream_client {
	/* Write the request's head; host is the Host to send. May be asked
	   again for another try. */
	void (*compose)(void *ctx, struct slice host, struct buf *out);
	void (*head)(void *ctx, struct http_head *head);
	void (*data)(void *ctx, struct slice data);
	/* The answer is complete; the call is over. */
	void (*end)(void *ctx);
	/* The call is over; after head it means a body cut short. */
	void (*failed)(void *ctx, enum upstream_failure why);
	/* All that one read brought has been given: send it on. */
	void (*pushed)(void *ctx);
	/* The request's bytes have gone out: more can be taken. */
	void (*writable)(void *ctx);
};

enum upstream_phase {
	UPSTREAM_IDLE,		/* no call, or it is over */
	UPSTREAM_HEAD,		/* waiting for the answer's head */
	UPSTREAM_BODY,
	UPSTREAM_SPLICE,	/* the body goes by splice */
};

/* One request on its way. Lives in the exchange; holds no memory after end. */
struct upstream_call {
	const struct upstream_client *client;
	void *ctx;
	struct upstream_table *table;
	const struct image_upstream *upstream;
	const struct image_server *server;	/* of this try */
	struct upstream_conn *conn;
	struct arena *arena;
	uint64_t started;		/* ms */
	uint64_t tried;			/* servers of the group, bit by place */
	uint32_t timeout_ms;
	uint32_t connect_ms;
	uint32_t send_ms;		/* patience with a splice's target */
	uint8_t method;
	uint8_t phase;			/* enum upstream_phase */
	uint8_t tries;
	uint8_t interims;		/* 1xx answers seen */
	bool chunked_out;		/* the request's body is sent chunked */
	bool sent_any;			/* some byte of this try left us */
	bool request_done;		/* all of the request was given */
	bool replayable;		/* kept body is complete so far */
	bool paused;			/* the client cannot take more */
	bool answer_alive;		/* the answer lets us keep the socket */
	size_t head_len;		/* of this try's request head */
	struct buf body;		/* request body so far, for another
					   try; in the arena */
	struct upstream_kept *kept;	/* an answer's head in part */
	enum http_body answer;
	union {
		uint64_t left;
		struct http_chunked chunked;
	} in;
	struct splice splice;
	struct conn *splice_target;
	size_t unsent;			/* by the target, at the last wait */
	uint64_t bytes_in;		/* of the answer's body */
};

void upstreams_open(struct upstreams *all, struct loop *loop, struct log *log,
    struct region *region, struct control_slot *slot);
void upstreams_close(struct upstreams *all);
struct upstream_table *upstream_table_open(struct upstreams *all,
    const struct image_head *image);
void upstream_table_close(struct upstream_table **table_p);

int upstream_call_start(struct upstream_call *call,
    struct upstream_table *table, uint32_t upstream);
void upstream_call_body(struct upstream_call *call, struct slice data);
void upstream_call_body_end(struct upstream_call *call);
int upstream_call_push(struct upstream_call *call);
void upstream_call_pause(struct upstream_call *call);
void upstream_call_resume(struct upstream_call *call);
bool upstream_call_splice(struct upstream_call *call, struct conn *target);
void upstream_call_abort(struct upstream_call *call);
struct slice upstream_call_address(const struct upstream_call *call);
const char *upstream_failure_reason(enum upstream_failure why);

#endif
