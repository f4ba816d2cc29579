/*
 * gateway/gateway.h - the request core of one worker: what the worker process
 * calls
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

struct control;
struct control_slot;
struct error;
struct event_base;
struct log;
struct region;
struct gateway;

/* What a worker brings along; all of it outlives the gateway. */
struct gateway_env {
	struct event_base *base;
	struct log *log;
	struct control *control;
	struct control_slot *slot;
	struct region *region;
	/* Called when the last connection of a draining gateway has gone. */
	void (*drained)(void *ctx);
	void *ctx;
};

struct gateway *gateway_open(const struct gateway_env *env);
void gateway_close(struct gateway **gateway_p);

/*
 * A new table. prepare maps and checks the image behind fd (the caller closes
 * fd) and builds its companions; adopt makes a prepared table the current one
 * if it has been committed; abort drops a prepared one. The gateway also
 * adopts by itself when a request comes in after the commit.
 * prepare first adopts whatever is committed already.
 */
int gateway_prepare(struct gateway *gateway, int fd, uint64_t generation,
    struct error *err);
void gateway_adopt(struct gateway *gateway);
void gateway_abort(struct gateway *gateway, uint64_t generation);

/*
 * Accept clients from fd, a non-blocking listening socket that belongs to the
 * gateway from now on. listener_id is image_listener.id. retire accepts what
 * is queued (until EAGAIN), then closes the sockets of that listener.
 */
int gateway_listen(struct gateway *gateway, uint64_t listener_id, int fd,
    struct error *err);
void gateway_retire(struct gateway *gateway, uint64_t listener_id);

/*
 * Access logs: the descriptor for the log of this id (image_log.id), owned by
 * the gateway from now on; an older one is flushed and closed.
 */
void gateway_log(struct gateway *gateway, uint64_t log_id, int fd);

/*
 * Drain: no new connections (listening sockets are closed; the master keeps
 * its own copies); open ones end with their next answer or when they have been
 * idle for a while, never at once. env.drained is called at the end.
 * deadline_ms: what is left then is cut.
 */
void gateway_drain(struct gateway *gateway, uint32_t deadline_ms);
uint64_t gateway_connections(const struct gateway *gateway);

#endif
