/*
 * gateway/gateway.c - the request core of one worker
 *
 * Holds the table in force, the one that waits for its commit, and what all
 * exchanges share. Adopting a table is a pointer; exchanges that began with
 * the old one keep it until they end.
 */

#include "gateway/exchange.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/control.h"
#include "util/error.h"
#include "util/log.h"
#include "util/mem.h"

#define DRAIN_IDLE_MS	10000

static void
count(struct h1_server *server, int change)
{
	struct gateway *gateway = server->core.ctx;
	struct control_slot *slot = gateway->env.slot;

	atomic_store_explicit(&slot->connections, server->nconnections,
	    memory_order_relaxed);
	if (change > 0)
		control_add(&slot->accepted, 1);
}

static void
emptied(struct h1_server *server)
{
	struct gateway *gateway = server->core.ctx;

	if (gateway->draining && gateway->env.drained != NULL)
		gateway->env.drained(gateway->env.ctx);
}

static void
cut_off(struct timer *timer)
{
	struct gateway *gateway = LIST_ITEM(timer, struct gateway, cutoff);

	log_warn(gateway->env.log, "shutdown_timeout: %llu connections are "
	    "cut", (unsigned long long)gateway->server.nconnections);
	h1_cut(&gateway->server);
}

/* A gateway without a table; it must be given one before it listens. */
struct gateway *
gateway_open(const struct gateway_env *env)
{
	struct gateway *gateway = mem_new(sizeof *gateway);

	gateway->env = *env;
	list_init(&gateway->logs);
	list_init(&gateway->generations);
	list_init(&gateway->keys);
	buf_open(&gateway->event);
	timer_init(&gateway->cutoff, cut_off);
	loop_open(&gateway->loop, env->base);
	upstreams_open(&gateway->upstreams, &gateway->loop, env->log,
	    env->region, env->slot);
	h1_server_open(&gateway->server, &gateway->loop, env->log);
	exchange_core(gateway, &gateway->server.core);
	gateway->server.count = count;
	gateway->server.emptied = emptied;
	return gateway;
}

/* Ends all connections and releases everything. */
void
gateway_close(struct gateway **gateway_p)
{
	struct gateway *gateway = *gateway_p;

	*gateway_p = NULL;
	h1_server_close(&gateway->server);
	if (gateway->prepared != NULL)
		table_view_unref(&gateway->prepared);
	if (gateway->view != NULL)
		table_view_unref(&gateway->view);
	assert(list_empty(&gateway->generations));
	upstreams_close(&gateway->upstreams);
	access_logs_close(gateway);
	function_keys_close(gateway);
	buf_close(&gateway->event);
	loop_timer_clear(&gateway->loop, &gateway->cutoff);
	loop_close(&gateway->loop);
	free(gateway);
}

static void
report_oldest(struct gateway *gateway)
{
	struct list *last = gateway->generations.prev;

	if (last == &gateway->generations)
		return;
	atomic_store_explicit(&gateway->env.slot->oldest, LIST_ITEM(last,
	    struct generation, link)->number, memory_order_relaxed);
}

static void
generation_close(void *companion)
{
	struct generation *generation = companion;

	upstream_table_close(&generation->upstreams);
	list_remove(&generation->link);
	report_oldest(generation->gateway);
	free(generation->logs);
	free(generation);
}

static struct generation *
generation_open(struct gateway *gateway, const struct image_head *image,
    uint64_t number)
{
	struct generation *generation = mem_new(sizeof *generation);
	uint32_t i, nlogs = image->sections[IMAGE_LOGS].count;

	generation->gateway = gateway;
	generation->number = number;
	generation->upstreams = upstream_table_open(&gateway->upstreams,
	    image);
	generation->logs = mem_array(nlogs, sizeof *generation->logs);
	for (i = 0; i < nlogs; i++)
		generation->logs[i] = access_log_get(gateway, IMAGE_AT(image,
		    IMAGE_LOGS, struct image_log, i)->id);
	list_push(&gateway->generations, &generation->link);
	return generation;
}

/* See gateway.h. */
int
gateway_prepare(struct gateway *gateway, int fd, uint64_t generation,
    struct error *err)
{
	struct table_view *view;

	if (gateway->view != NULL)
		gateway_adopt(gateway);
	if (gateway->prepared != NULL)
		table_view_unref(&gateway->prepared);
	if (table_view_open(fd, &view, err) < 0)
		return -1;
	view->companion = generation_open(gateway, view->head, generation);
	view->companion_close = generation_close;
	gateway->prepared = view;
	return 0;
}

static void
settings_apply(struct gateway *gateway)
{
	const struct image_settings *from = image_settings(
	    gateway->view->head);
	struct h1_settings *to = &gateway->server.settings;

	to->limits.head_bytes = from->head_bytes;
	to->limits.target_bytes = from->target_bytes;
	to->limits.field_bytes = from->header_bytes;
	to->limits.fields = from->headers;
	to->head_ms = from->client_head_ms;
	to->body_ms = from->client_body_ms;
	to->keep_alive_ms = from->keep_alive_ms;
	to->send_ms = from->send_ms;
	to->linger_ms = from->linger_ms;
	to->requests_max = from->requests_per_connection;
	to->connections_max = from->worker_connections;
	if (gateway->draining && to->keep_alive_ms > DRAIN_IDLE_MS)
		to->keep_alive_ms = DRAIN_IDLE_MS;
}

static uint64_t
number_of(const struct table_view *view)
{
	return ((const struct generation *)view->companion)->number;
}

/* Make the prepared table the one in force, if it has been committed. */
void
gateway_adopt(struct gateway *gateway)
{
	uint64_t committed = atomic_load_explicit(
	    &gateway->env.control->committed, memory_order_acquire);

	if (gateway->prepared == NULL ||
	    number_of(gateway->prepared) > committed)
		return;
	if (gateway->view != NULL)
		table_view_unref(&gateway->view);
	gateway->view = gateway->prepared;
	gateway->prepared = NULL;
	settings_apply(gateway);
	atomic_store_explicit(&gateway->env.slot->generation,
	    number_of(gateway->view), memory_order_relaxed);
	report_oldest(gateway);
}

/* A prepared table will not be committed: forget it. */
void
gateway_abort(struct gateway *gateway, uint64_t generation)
{
	if (gateway->prepared != NULL &&
	    number_of(gateway->prepared) == generation)
		table_view_unref(&gateway->prepared);
}

/* See gateway.h; a table must be in force. */
int
gateway_listen(struct gateway *gateway, uint64_t listener_id, int fd,
    struct error *err)
{
	assert(gateway->view != NULL);
	return h1_listen(&gateway->server, fd, listener_id, err);
}

void
gateway_retire(struct gateway *gateway, uint64_t listener_id)
{
	h1_retire(&gateway->server, listener_id);
}

void
gateway_log(struct gateway *gateway, uint64_t log_id, int fd)
{
	access_log_set(gateway, log_id, fd);
}

/* See gateway.h. */
void
gateway_drain(struct gateway *gateway, uint32_t deadline_ms)
{
	gateway->draining = true;
	atomic_store_explicit(&gateway->env.slot->draining, 1,
	    memory_order_relaxed);
	loop_turn(&gateway->loop);
	loop_timer_set(&gateway->loop, &gateway->cutoff, deadline_ms);
	h1_drain(&gateway->server, DRAIN_IDLE_MS);
}

uint64_t
gateway_connections(const struct gateway *gateway)
{
	return gateway->server.nconnections;
}
