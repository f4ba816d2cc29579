/* http/h1.h - HTTP/1.0 and 1.1 towards clients */
#ifndef HTTP_H1_H
#define HTTP_H1_H

#include "http/loop.h"
#include "http/scan.h"
#include "http/transport.h"

struct error;
struct log;

/* In force for what begins from now on; the core keeps it up to date. */
struct h1_settings {
	struct http_limits limits;
	uint32_t head_ms;
	uint32_t body_ms;
	uint32_t keep_alive_ms;
	uint32_t send_ms;
	uint32_t linger_ms;
	uint32_t requests_max;		/* per connection; 0 no limit */
	uint32_t connections_max;
	bool hangup_ends;		/* a client that sends no more is
					   gone, even while it waits for an
					   answer */
};

/* One per worker: its listening sockets and its client connections. */
struct h1_server {
	struct loop *loop;
	struct log *log;
	struct http_core core;
	struct h1_settings settings;
	struct list listeners;
	struct list connections;
	uint64_t nconnections;
	/* Told of each client that comes (1) and goes (-1); for reports. */
	void (*count)(struct h1_server *server, int change);
	/* May this client, who connected to the listener of this id? NULL:
	   everybody may. fd is for looking only. */
	bool (*admit)(struct h1_server *server, int fd,
	    const struct http_peer *peer, uint64_t listener_id);
	bool draining;
	bool cutting;		/* all connections end, by our will */
	bool full;			/* accepting is paused */
	struct timer breath;		/* until accepting is tried again */
	int spare_fd;			/* given up when none is left */
	void (*emptied)(struct h1_server *server);
	struct http_field fields[HTTP_FIELDS_MAX];
};

void h1_server_open(struct h1_server *server, struct loop *loop,
    struct log *log);
void h1_server_close(struct h1_server *server);
int h1_listen(struct h1_server *server, int fd, uint64_t id,
    struct error *err);
void h1_retire(struct h1_server *server, uint64_t id);
void h1_drain(struct h1_server *server, uint32_t idle_ms);
void h1_cut(struct h1_server *server);

#endif
