/*
 * gateway/accesslog.c - a line for every request
 *
 * Lines gather in memory and go out in one write per batch: when enough have
 * come together, or a moment later. A descriptor that does not take them costs
 * lines, which are counted; it never costs a request.
 */

#include "gateway/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/parse.h"
#include "shared/control.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/mem.h"

#define BATCH_BYTES	(32 * 1024)
#define BATCH_MS	100
#define BACKLOG_MOST	(256 * 1024)
#define WARN_MS		60000

/* To the error log, where it says little: once a minute. */
static void
warn_dropped(struct access_log *log, const char *why)
{
	uint64_t now = clock_now_ms();

	if (log->warned_ms != 0 && now - log->warned_ms < WARN_MS)
		return;
	log->warned_ms = now;
	log_warn(log->gateway->env.log, "an access log takes no lines, %u are "
	    "dropped: %s", log->nlines, why);
}

static void
drop(struct access_log *log, const char *why)
{
	const char *end;

	if (log->nlines > 0)
		warn_dropped(log, why);
	control_add(&log->gateway->env.slot->log_dropped, log->nlines);
	log->nlines = 0;
	/* The rest of a line that was begun stays: it must be whole. */
	end = log->torn ? memchr(log->lines.at, '\n', log->lines.len) : NULL;
	log->lines.len = end != NULL ? (size_t)(end + 1 - log->lines.at) : 0;
}

static void
log_flush(struct access_log *log)
{
	ssize_t n;

	loop_timer_clear(&log->gateway->loop, &log->timer);
	if (log->lines.len == 0)
		return;
	if (log->fd < 0) {
		drop(log, "it is not open");
		return;
	}
	n = write(log->fd, log->lines.at, log->lines.len);
	if (n > 0)
		log->torn = log->lines.at[n - 1] != '\n';
	if (n == (ssize_t)log->lines.len) {
		log->lines.len = 0;
		log->nlines = 0;
		return;
	}
	if ((n < 0 && errno != EAGAIN && errno != EINTR) ||
	    log->lines.len > BACKLOG_MOST) {
		drop(log, n < 0 && errno != EAGAIN ? strerror(errno) :
		    "nobody reads it fast enough");
		return;
	}
	if (n > 0) {
		memmove(log->lines.at, log->lines.at + n,
		    log->lines.len - (size_t)n);
		log->lines.len -= (size_t)n;
	}
	loop_timer_set(&log->gateway->loop, &log->timer, BATCH_MS);
}

static void
log_due(struct timer *timer)
{
	log_flush(LIST_ITEM(timer, struct access_log, timer));
}

/* The log of this id; made, without a descriptor yet, when it is new. */
struct access_log *
access_log_get(struct gateway *gateway, uint64_t id)
{
	struct access_log *log;
	struct list *node;

	LIST_EACH(node, &gateway->logs) {
		log = LIST_ITEM(node, struct access_log, link);
		if (log->id == id)
			return log;
	}
	log = mem_new(sizeof *log);
	log->gateway = gateway;
	log->id = id;
	log->fd = -1;
	buf_open(&log->lines);
	timer_init(&log->timer, log_due);
	list_append(&gateway->logs, &log->link);
	return log;
}

/* Write to fd from now on; what waits still goes to the old one. */
void
access_log_set(struct gateway *gateway, uint64_t id, int fd)
{
	struct access_log *log = access_log_get(gateway, id);

	if (log->fd >= 0)
		log_flush(log);
	fd_close(&log->fd);
	log->fd = fd;
}

/* Flush and close them all. */
void
access_logs_close(struct gateway *gateway)
{
	struct list *node;

	while ((node = list_pop(&gateway->logs)) != NULL) {
		struct access_log *log = LIST_ITEM(node, struct access_log,
		    link);

		log_flush(log);
		loop_timer_clear(&gateway->loop, &log->timer);
		fd_close(&log->fd);
		buf_close(&log->lines);
		free(log);
	}
}

static void
line_write(const struct exchange *x, const struct image_log *program,
    struct buf *out)
{
	const struct image_head *image = image_of(x);
	uint32_t i, end = program->pieces.first + program->pieces.count;

	for (i = program->pieces.first; i < end; i++) {
		const struct image_piece *piece = IMAGE_AT(image,
		    IMAGE_PIECES, struct image_piece, i);

		if (piece->kind == IMAGE_PIECE_TEXT)
			buf_add_slice(out, image_slice(image, piece->text));
		else
			context_write(x, piece, program->json != 0, out);
	}
	buf_add_char(out, '\n');
}

static void
access_line(const struct exchange *x)
{
	const struct image_head *image = image_of(x);
	uint32_t index = x->match.stage != NULL ? x->match.stage->log :
	    image_settings(image)->log;
	struct access_log *log;

	if (index == IMAGE_NONE)
		return;
	log = generation_of(x)->logs[index];
	line_write(x, IMAGE_AT(image, IMAGE_LOGS, struct image_log, index),
	    &log->lines);
	log->nlines++;
	if (log->lines.len >= BATCH_BYTES)
		log_flush(log);
	else if (log->timer.due == 0)
		loop_timer_set(&x->gateway->loop, &log->timer, BATCH_MS);
}

static bool
client_left(const struct exchange *x)
{
	return slice_starts(slice_text(x->reason), SLICE("client_"));
}

/* Failures that an operator should see without asking for them. */
static void
error_line(const struct exchange *x)
{
	struct slice server = upstream_call_address(&x->call);
	struct slice path = x->head.path;

	if (x->status >= 500 || (x->failed_late && !client_left(x)))
		log_warn(x->gateway->env.log, "%s %.*s: %u %s%s%.*s, "
		    "request %s", x->head.size == 0 ? "-" :
		    http_verb_name(x->method), (int)path.len,
		    path.len > 0 ? path.at : "", x->status, x->reason,
		    server.len > 0 ? ", server " : "", (int)server.len,
		    server.len > 0 ? server.at : "", x->request_id);
	else
		log_info(x->gateway->env.log, "%s %.*s: %u %s, request %s",
		    x->head.size == 0 ? "-" : http_verb_name(x->method),
		    (int)path.len, path.len > 0 ? path.at : "", x->status,
		    x->reason, x->request_id);
}

/* The exchange is answered: write it down and count it. */
enum step_result
step_log(struct exchange *x)
{
	struct control_slot *slot = x->gateway->env.slot;

	control_add(&slot->requests, 1);
	control_add(&slot->answers[x->status / 100 % 6], 1);
	/* What was spliced passed the core by. */
	if (x->answer == ANSWER_RELAYED && x->call.bytes_in > x->bytes_out &&
	    x->head.method != HTTP_VERB_HEAD)
		x->bytes_out = x->call.bytes_in;
	if (x->reason != NULL)
		error_line(x);
	access_line(x);
	return STEP_NEXT;
}
