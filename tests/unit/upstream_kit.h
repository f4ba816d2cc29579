/*
 * upstream_kit.h - calls to backends that are sockets of the test
 *
 * A caller notes what its call tells it; a test turns the loop until that is
 * what it waits for. A kit is a worker's upstreams with a table of one group.
 */
#ifndef UPSTREAM_KIT_H
#define UPSTREAM_KIT_H

#include "config_text.h"
#include "net.h"
#include "shared/control.h"
#include "table/build.h"
#include "table/view.h"
#include "upstream/upstream_private.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"

#define LONG_MS 60000

struct kit {
	struct event_base *base;
	struct loop loop;
	struct log log;
	struct control_slot slot;
	struct upstreams all;
	struct table_view *view;
	struct upstream_table *table;
};

/* What the caller of one call has heard. */
struct caller {
	struct kit *kit;
	struct upstream_call call;
	struct arena arena;
	const char *method;
	const char *fields;
	size_t padding;		/* bytes of head that mean nothing */
	unsigned composed;
	unsigned status;
	struct buf body;
	bool ended;
	bool pausing;		/* with every part */
	enum upstream_failure failed;
	unsigned writable;
	struct conn *target;	/* to splice to, once the head has come */
};

static inline void
caller_compose(void *ctx, struct slice host, struct buf *out)
{
	struct caller *caller = ctx;
	size_t i;

	caller->composed++;
	buf_printf(out, "%s / HTTP/1.1\r\nHost: %.*s\r\n%s", caller->method,
	    (int)host.len, host.at, caller->fields);
	for (i = 0; i < caller->padding; i += 8)
		buf_add(out, "X: aaa\r\n", 8);
	buf_add(out, "\r\n", 2);
}

static inline void
caller_head(void *ctx, struct http_head *head)
{
	struct caller *caller = ctx;

	ck_assert_uint_eq(caller->status, 0);
	caller->status = head->status;
}

static inline void
caller_data(void *ctx, struct slice data)
{
	struct caller *caller = ctx;

	ck_assert(!caller->ended && caller->status != 0);
	buf_add_slice(&caller->body, data);
	if (caller->pausing)
		upstream_call_pause(&caller->call);
}

static inline void
caller_end(void *ctx)
{
	struct caller *caller = ctx;

	ck_assert(!caller->ended);
	caller->ended = true;
}

static inline void
caller_failed(void *ctx, enum upstream_failure why)
{
	struct caller *caller = ctx;

	ck_assert(!caller->ended);
	caller->ended = true;
	caller->failed = why;
}

static inline void
caller_pushed(void *ctx)
{
	struct caller *caller = ctx;

	if (caller->target != NULL && caller->status != 0)
		(void)upstream_call_splice(&caller->call, caller->target);
}

static inline void
caller_writable(void *ctx)
{
	((struct caller *)ctx)->writable++;
}

static const struct upstream_client client = {
	.compose = caller_compose, .head = caller_head, .data = caller_data,
	.end = caller_end, .failed = caller_failed, .pushed = caller_pushed,
	.writable = caller_writable,
};

static inline unsigned
verb_of(const char *method)
{
	return strcmp(method, "GET") == 0 ? HTTP_VERB_GET :
	    strcmp(method, "PUT") == 0 ? HTTP_VERB_PUT :
	    strcmp(method, "HEAD") == 0 ? HTTP_VERB_HEAD : HTTP_VERB_POST;
}

static inline void
caller_open(struct caller *caller, struct kit *kit, const char *method)
{
	*caller = (struct caller){ .kit = kit, .method = method,
	    .fields = "" };
	arena_open(&caller->arena, &kit->loop.pool);
	buf_open(&caller->body);
	caller->call = (struct upstream_call){ .client = &client,
	    .ctx = caller, .arena = &caller->arena,
	    .method = (uint8_t)verb_of(method), .timeout_ms = LONG_MS,
	    .send_ms = LONG_MS };
}

static inline int
caller_start(struct caller *caller)
{
	loop_turn(&caller->kit->loop);
	return upstream_call_start(&caller->call, caller->kit->table, 0);
}

/* A request without a body goes out. */
static inline void
caller_send(struct caller *caller)
{
	ck_assert_int_eq(caller_start(caller), UPSTREAM_OK);
	upstream_call_body_end(&caller->call);
	(void)upstream_call_push(&caller->call);
}

static inline void
caller_close(struct caller *caller)
{
	upstream_call_abort(&caller->call);
	arena_close(&caller->arena);
	buf_close(&caller->body);
}

/* A table with the upstream that the settings in the text describe. */
static inline struct upstream_table *
table_of(struct kit *kit, const char *settings, uint64_t generation,
    struct table_view **view_r)
{
	struct table_build *build = table_build_open();
	struct error err = { "" };
	struct judged judged;
	struct buf text;
	int fd = -1;

	buf_open(&text);
	buf_printf(&text, "listeners=({name=\"a\";address=\"*:1\";});"
	    "upstreams=({name=\"u\";%s});apis=({name=\"x\";protocol=\"HTTP\";"
	    "routes=({route=\"$default\";integration={type=\"HTTP_PROXY\";"
	    "upstream=\"u\";};});});", settings);
	judge_text(&judged, text.at, text.len);
	ck_assert_msg(judged.problems.errors == 0, "%s", judged.said.at);
	ck_assert_msg(config_compile(judged.spec, build, &err) == 0 &&
	    table_build_seal(build, generation, &fd, &err) == 0 &&
	    table_view_open(fd, view_r, &err) == 0, "%s", err.text);
	fd_close(&fd);
	table_build_close(&build);
	judged_close(&judged);
	buf_close(&text);
	return upstream_table_open(&kit->all, (*view_r)->head);
}

static inline void
kit_open(struct kit *kit, const char *settings)
{
	memset(kit, 0, sizeof *kit);
	kit->base = net_base();
	loop_open(&kit->loop, kit->base);
	log_open(&kit->log, -1, LOG_LEVEL_ERROR, "test");
	upstreams_open(&kit->all, &kit->loop, &kit->log, NULL, &kit->slot);
	kit->table = table_of(kit, settings, 1, &kit->view);
}

static inline void
kit_close(struct kit *kit)
{
	if (kit->table != NULL) {
		upstream_table_close(&kit->table);
		table_view_unref(&kit->view);
	}
	ck_assert(list_empty(&kit->all.servers));
	ck_assert_uint_eq(kit->slot.upstream_idle, 0);
	ck_assert_uint_eq(kit->loop.upstream_out.len, 0);
	ck_assert_uint_eq(kit->loop.wheel.armed, 0);
	upstreams_close(&kit->all);
	loop_close(&kit->loop);
	event_base_free(kit->base);
}

/* One backend, with more settings of the upstream. */
static inline int
kit_backend(struct kit *kit, const char *more)
{
	char settings[512];
	uint16_t port;
	int fd = net_listen(&port);

	snprintf(settings, sizeof settings, "servers=({address="
	    "\"127.0.0.1:%u\";});%s", port, more);
	kit_open(kit, settings);
	return fd;
}

static inline struct upstream_server *
server_at(struct kit *kit, unsigned i)
{
	return kit->table->slots[i].server;
}

#define UNTIL(kit, condition) NET_UNTIL((kit)->base, condition)
#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* A request is made and answered; its connection is kept. */
static inline void
warm(struct kit *kit, int listen_fd, struct net_peer *backend)
{
	struct caller caller;

	caller_open(&caller, kit, "GET");
	caller_send(&caller);
	UNTIL(kit, net_accept(listen_fd, backend));
	UNTIL(kit, net_has(backend, "\r\n\r\n"));
	net_forget(backend);
	net_send(backend, OK_ANSWER);
	UNTIL(kit, caller.ended);
	ck_assert_int_eq(caller.failed, UPSTREAM_OK);
	ck_assert_uint_eq(caller.status, 200);
	ck_assert_uint_eq(server_at(kit, 0)->nidle, 1);
	caller_close(&caller);
}

#endif
