/* upstream/upstream_private.h - for upstream/ alone */
#ifndef UPSTREAM_PRIVATE_H
#define UPSTREAM_PRIVATE_H

#include "upstream/upstream.h"

/* A backend's address as this worker sees it; outlives tables. */
struct upstream_server {
	struct list link;		/* in upstreams->servers */
	uint64_t id;			/* image_server.id */
	unsigned refs;			/* slots of tables */
	struct list idle;		/* kept connections, last used first */
	unsigned nidle;
	unsigned active;		/* calls on it right now */
	unsigned failures;		/* in a row */
	unsigned ejections;		/* in a row */
	uint64_t ejected_until;		/* ms; 0: in service */
	unsigned turn;			/* next address of a name */
};

struct upstream_conn {
	struct conn io;			/* first: the event's argument */
	struct upstreams *all;
	struct upstream_server *server;	/* NULL once its server is gone */
	struct list link;		/* in server->idle while kept */
	struct upstream_call *call;	/* NULL while kept */
	uint64_t kept_at;		/* ms: since when it is */
	bool connecting;
	bool reused;			/* has served a call before */
	bool busy;			/* its callback is on the stack */
	bool closed;			/* to be freed when that returns */
};

/* An answer's head that came in part. */
struct upstream_kept {
	size_t len, size;
	struct http_scan scan;
	char data[];
};

/* pool.c */
struct upstream_conn *upstream_take_idle(struct upstream_server *server);
struct upstream_conn *upstream_connect(struct upstreams *all,
    struct upstream_server *server, const struct image_head *image,
    const struct image_server *address, enum upstream_failure *why_r);
void upstream_conn_keep(struct upstream_conn *conn, unsigned max_idle,
    uint32_t idle_ms);
void upstream_conn_close(struct upstream_conn *conn);

/* balance.c */
struct upstream_slot *upstream_pick(struct upstream_table *table,
    const struct image_upstream *upstream, uint64_t now, uint64_t tried);
void upstream_succeeded(struct upstream_server *server);
void upstream_hurt(struct upstreams *all, struct upstream_server *server,
    const struct image_head *image, const struct image_upstream *upstream,
    const struct image_server *address, enum upstream_failure why);

/* call.c */
void upstream_call_fail(struct upstream_call *call,
    enum upstream_failure why);
void upstream_call_connected(struct upstream_call *call);
void upstream_call_timer(struct upstream_call *call, uint32_t ms);

/* answer.c */
void upstream_ready(evutil_socket_t fd, short what, void *arg);
void upstream_expired(struct timer *timer);
void upstream_kept_drop(struct upstream_call *call);

#endif
