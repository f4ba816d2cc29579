/*
 * http/transport.h - where a protocol meets the request core
 *
 * The core sees a client's connection as a struct transport and never asks
 * which HTTP version is behind it. The protocol sees the core as a struct
 * http_core.
 */
#ifndef HTTP_TRANSPORT_H
#define HTTP_TRANSPORT_H

#include "http/message.h"
#include "http/status.h"
#include "util/buf.h"

struct conn;
struct transport;

/* Who is at the other end. */
struct http_peer {
	uint8_t family;		/* 4, 6 or 1 (unix) */
	uint8_t ip[16];
	uint16_t port;
};

/*
 * What the core may ask of a client's connection. A reply is written in this
 * order: begin (the core adds complete field lines to the buffer it gets),
 * framing, any number of data, end. What is written goes out at flush or end;
 * the buffer is shared by all connections, so flush before returning to the
 * loop. end gives the exchange's slot free: the core must have let go of it.
 */
struct transport_ops {
	struct buf *(*reply_begin)(struct transport *transport,
	    unsigned status, struct slice reason);
	void (*reply_framing)(struct transport *transport,
	    enum http_body body, uint64_t length);
	void (*reply_data)(struct transport *transport, struct slice data);
	/* 0 all sent, 1 the client is slow: wait for writable, -1 gone. */
	int (*reply_flush)(struct transport *transport);
	void (*reply_end)(struct transport *transport);
	/* "100 Continue", once, if the client waits for it. */
	void (*proceed)(struct transport *transport);
	/* Stop and go on reading the request's body. */
	void (*body_pause)(struct transport *transport);
	void (*body_resume)(struct transport *transport);
	/* Cut it: the reply cannot be finished. The core has let go. */
	void (*abort)(struct transport *transport);
	/* The plain socket beneath, for splicing; NULL where there is none.
	   Body bytes moved by it count as given to reply_data. */
	struct conn *(*plain)(struct transport *transport);
};

struct transport {
	const struct transport_ops *ops;
	void *exchange;			/* the core's; NULL between requests */
	const struct http_peer *peer;
	uint64_t listener_id;
};

/* What a protocol tells the core. ctx and exchange are the core's own. */
struct http_core {
	void *ctx;
	/* A head has come; the core sets transport->exchange. The head's bytes
	   are good until the callback returns. */
	void (*request)(void *ctx, struct transport *transport,
	    struct http_head *head);
	/* A head was refused: answer it (reply_begin to reply_end). status is
	   the answer's; text is a reason for the log. */
	void (*refused)(void *ctx, struct transport *transport,
	    unsigned status, const char *reason);
	void (*body)(void *exchange, struct slice data);
	/* Bytes of the lines behind a chunked body, the empty one included.
	   NULL: they are dropped. */
	void (*trailer)(void *exchange, struct slice data);
	/* Not called for a head that says that there is no body. */
	void (*body_end)(void *exchange);
	/* All that one read brought has been given: send it on. */
	void (*pushed)(void *exchange);
	/* The body cannot be read: 400 framing, 408 too slow. */
	void (*body_failed)(void *exchange, unsigned status,
	    const char *reason);
	void (*writable)(void *exchange);
	/* The client is gone; forget the transport. */
	void (*gone)(void *exchange, const char *reason);
};

#endif
