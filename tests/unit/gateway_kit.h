/*
 * gateway_kit.h - the request core on a transport of the test
 *
 * The loopback transport records what the core writes, so that the core runs
 * without clients' sockets. Heads are parsed by http/, and their memory is
 * freed as soon as the protocol would let it go: the sanitizer sees whoever
 * keeps a slice of it too long.
 */
#ifndef GATEWAY_KIT_H
#define GATEWAY_KIT_H

#include <fcntl.h>

#include "config_text.h"
#include "gateway/exchange.h"
#include "http_feed.h"
#include "net.h"
#include "shared/control.h"
#include "shared/region.h"
#include "table/build.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"

struct kit {
	struct event_base *base;
	struct control *control;
	struct region *region;
	struct log log;
	struct gateway *gateway;
	struct http_core *core;
	int lines[2];		/* the access log: a pipe */
	uint64_t generation;
	uint64_t listeners[2];	/* ids of "a" and "b" */
	uint16_t port;		/* of the backend */
	int backend;
};

/* A connection as the core sees it. */
struct wire {
	struct transport transport;	/* first */
	struct http_peer peer;
	struct buf out;		/* all that was written */
	int flushes;		/* what reply_flush returns */
	bool replying, ended, aborted, paused, proceeded;
};

static inline struct wire *
wire_of(struct transport *transport)
{
	return (struct wire *)(void *)transport;
}

static inline struct buf *
wire_begin(struct transport *transport, unsigned status, struct slice reason)
{
	struct wire *wire = wire_of(transport);

	ck_assert(!wire->replying && !wire->ended);
	wire->replying = true;
	buf_printf(&wire->out, "%u%s%.*s\n", status, reason.len ? " " : "",
	    (int)reason.len, reason.len ? reason.at : "");
	return &wire->out;
}

static inline void
wire_framing(struct transport *transport, enum http_body body,
    uint64_t length)
{
	struct wire *wire = wire_of(transport);

	ck_assert(wire->replying);
	if (body == HTTP_BODY_LENGTH)
		buf_printf(&wire->out, "Length: %d\n\n", (int)length);
	else
		buf_add_text(&wire->out, body == HTTP_BODY_NONE ?
		    "None\n\n" : body == HTTP_BODY_CHUNKED ? "Chunked\n\n" :
		    "Until close\n\n");
}

static inline void
wire_data(struct transport *transport, struct slice data)
{
	struct wire *wire = wire_of(transport);

	ck_assert(wire->replying && !wire->ended);
	buf_add_slice(&wire->out, data);
}

static inline int
wire_flush(struct transport *transport)
{
	return wire_of(transport)->flushes;
}

static inline void
wire_end(struct transport *transport)
{
	struct wire *wire = wire_of(transport);

	ck_assert(wire->replying && !wire->ended && !wire->aborted);
	wire->ended = true;
	transport->exchange = NULL;
}

static inline void
wire_proceed(struct transport *transport)
{
	wire_of(transport)->proceeded = true;
}

static inline void
wire_pause(struct transport *transport)
{
	wire_of(transport)->paused = true;
}

static inline void
wire_resume(struct transport *transport)
{
	wire_of(transport)->paused = false;
}

static inline void
wire_abort(struct transport *transport)
{
	struct wire *wire = wire_of(transport);

	ck_assert(!wire->ended && !wire->aborted);
	wire->aborted = true;
	transport->exchange = NULL;
}

static inline struct conn *
wire_plain(struct transport *transport)
{
	(void)transport;
	return NULL;
}

static const struct transport_ops wire_ops = {
	.reply_begin = wire_begin, .reply_framing = wire_framing,
	.reply_data = wire_data, .reply_flush = wire_flush,
	.reply_end = wire_end, .proceed = wire_proceed,
	.body_pause = wire_pause, .body_resume = wire_resume,
	.abort = wire_abort, .plain = wire_plain,
};

/* From a client on 192.0.2.7, on listener "a" (0) or "b" (1). */
static inline void
wire_open(struct wire *wire, struct kit *kit, unsigned listener)
{
	*wire = (struct wire){ .peer = { .family = 4,
	    .ip = { 192, 0, 2, 7 }, .port = 4711 } };
	wire->transport.ops = &wire_ops;
	wire->transport.peer = &wire->peer;
	wire->transport.listener_id = kit->listeners[listener];
	buf_open(&wire->out);
}

static inline void
wire_close(struct wire *wire)
{
	ck_assert_ptr_null(wire->transport.exchange);
	buf_close(&wire->out);
}

static inline const char *
wire_text(struct wire *wire)
{
	*buf_room(&wire->out, 1) = '\0';
	return wire->out.at;
}

/* '*' stands for anything up to the end of the line. */
static inline bool
fits(const char *pattern, const char *text)
{
	for (; *pattern != '\0'; pattern++, text++) {
		if (*pattern == '*') {
			do {
				if (fits(pattern + 1, text))
					return true;
			} while (*text != '\0' && *text++ != '\n');
			return false;
		}
		while (*text == '\r')
			text++;
		if (*pattern != *text)
			return false;
	}
	return *text == '\0';
}

#define ck_fits(text, pattern) \
	do { \
		const char *text_ = (text); \
		ck_assert_msg(fits(pattern, text_), \
		    "\n%s\nis not\n%s\n", text_, pattern); \
	} while (0)

/* The head goes to the core; its memory is gone afterwards. */
static inline void
send_head(struct kit *kit, struct wire *wire, const char *text)
{
	struct feed feed;

	feed_open(&feed, HTTP_SIDE_REQUEST);
	ck_assert_int_eq(feed_run(&feed, text, strlen(text), strlen(text)),
	    0);
	loop_turn(&kit->gateway->loop);
	kit->core->request(kit->core->ctx, &wire->transport, &feed.head);
	memset(feed.fields, 0xa5, sizeof feed.fields);
	feed_close(&feed);
	if (wire->transport.exchange != NULL)
		kit->core->pushed(wire->transport.exchange);
}

static inline void
send_body(struct kit *kit, struct wire *wire, const char *text, size_t len)
{
	char *data = malloc(len);

	memcpy(data, text, len);
	kit->core->body(wire->transport.exchange, slice_of(data, len));
	free(data);
	if (wire->transport.exchange != NULL)
		kit->core->pushed(wire->transport.exchange);
}

static inline void
send_end(struct kit *kit, struct wire *wire)
{
	kit->core->body_end(wire->transport.exchange);
	if (wire->transport.exchange != NULL)
		kit->core->pushed(wire->transport.exchange);
}

/* An image of the text as the next generation; not committed yet. */
static inline void
kit_prepare(struct kit *kit, const char *text)
{
	struct table_build *build = table_build_open();
	struct error err = { "" };
	struct judged judged;
	int fd = -1;

	judge_text(&judged, text, strlen(text));
	ck_assert_msg(judged.problems.errors == 0, "%s", judged.said.at);
	kit->generation++;
	ck_assert_msg(config_compile(judged.spec, build, &err) == 0 &&
	    table_build_seal(build, kit->generation, &fd, &err) == 0 &&
	    gateway_prepare(kit->gateway, fd, kit->generation, &err) == 0,
	    "%s", err.text);
	fd_close(&fd);
	table_build_close(&build);
	judged_close(&judged);
}

static inline void
kit_load(struct kit *kit, const char *text)
{
	const struct image_head *image;
	uint32_t i;

	kit_prepare(kit, text);
	control_commit(kit->control, kit->generation);
	gateway_adopt(kit->gateway);
	image = kit->gateway->view->head;
	for (i = 0; i < image->sections[IMAGE_LISTENERS].count; i++) {
		const struct image_listener *listener = IMAGE_AT(image,
		    IMAGE_LISTENERS, struct image_listener, i);
		char letter = *image_slice(image, listener->name).at;

		kit->listeners[letter - 'a'] = listener->id;
	}
}

static inline struct kit *
kit_open(void)
{
	struct kit *kit = calloc(1, sizeof *kit);
	struct error err = { "" };
	struct gateway_env env;

	kit->base = net_base();
	kit->control = control_open(&err);
	kit->region = region_open(&err);
	ck_assert_ptr_nonnull(kit->control);
	ck_assert_ptr_nonnull(kit->region);
	log_open(&kit->log, -1, LOG_LEVEL_ERROR, "test");
	env = (struct gateway_env){ .base = kit->base, .log = &kit->log,
	    .control = kit->control, .slot = &kit->control->slots[0],
	    .region = kit->region };
	kit->gateway = gateway_open(&env);
	kit->core = &kit->gateway->server.core;
	kit->backend = net_listen(&kit->port);
	ck_assert_int_eq(pipe2(kit->lines, O_NONBLOCK | O_CLOEXEC), 0);
	return kit;
}

static inline void
kit_close(struct kit *kit)
{
	gateway_close(&kit->gateway);
	event_base_free(kit->base);
	control_close(&kit->control);
	region_close(&kit->region);
	close(kit->backend);
	close(kit->lines[0]);
	close(kit->lines[1]);
	free(kit);
}

#define UNTIL(kit, condition) NET_UNTIL((kit)->base, condition)

#endif
