/* http/h1_private.h - the connection, for h1*.c alone */
#ifndef HTTP_H1_PRIVATE_H
#define HTTP_H1_PRIVATE_H

#include "http/chunked.h"
#include "http/conn.h"
#include "http/h1.h"

enum h1_state {
	H1_HEAD,	/* between requests, or a head has come in part */
	H1_EXCHANGE,	/* the core has a request of ours */
	H1_LINGER,	/* answered for the last time: reading to the end */
};

/* What the timer is running for. */
enum h1_wait {
	H1_WAIT_NONE,
	H1_WAIT_HEAD,
	H1_WAIT_BODY,
	H1_WAIT_SEND,
	H1_WAIT_LINGER,
};

/* Bytes that came and could not be used yet. */
struct h1_kept {
	size_t len, size;
	struct http_scan scan;
	char data[];
};

/* An idle client costs one of these and nothing else. */
struct h1_conn {
	struct conn io;			/* first: the event's argument */
	struct transport transport;
	struct h1_server *server;
	struct list link;		/* in server->connections */
	struct h1_kept *kept;
	union {
		uint64_t left;		/* of a request body with a length */
		struct http_chunked chunked;
	} body;
	struct http_peer peer;
	uint32_t requests;
	uint32_t unsent;	/* when the timer was set for a reader */
	uint8_t served;			/* requests in this turn of the loop */
	uint8_t state;			/* enum h1_state */
	uint8_t wait;			/* enum h1_wait */
	uint8_t minor;			/* of the request */
	uint8_t reply;			/* enum http_body of the answer */
	bool chunked : 1;		/* the request's body is */
	bool body_done : 1;
	bool paused : 1;		/* the core cannot take more body */
	bool keep_alive : 1;
	bool head_only : 1;		/* the answer has no body: HEAD */
	bool expects : 1;		/* the client waits for a 100 */
	bool replying : 1;		/* begin was called */
	bool pumping : 1;		/* bytes are being used right now */
	bool ended : 1;			/* the client sends no more */
	bool closed : 1;		/* to be freed when pumping ends */
};

#define H1_OF(t) \
	((struct h1_conn *)(void *)((char *)(t) - \
	    offsetof(struct h1_conn, transport)))

const struct transport_ops *h1_transport_ops(void);

void h1_accepted(struct h1_server *server, int fd, const struct http_peer *peer,
    uint64_t listener_id);
void h1_finish(struct h1_conn *c);
void h1_close(struct h1_conn *c);
void h1_wait_set(struct h1_conn *c, enum h1_wait wait, uint32_t ms);
void h1_wait_reader(struct h1_conn *c, enum h1_wait wait, uint32_t ms);

#endif
