/*
 * lambda/function_log.c - what functions print, and what the host adds
 *
 * Lines are gathered per function for a moment and written at once, each with
 * the time and the function's name, so that functions can share a file. What
 * a function prints cannot forge a line or move a terminal's cursor: controls
 * are escaped, and a carriage return begins a line of its own. A file that
 * takes nothing loses lines; nobody waits for it.
 */

#include "lambda/function_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lambda/host_private.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/mem.h"

#define FLUSH_MS	20
#define PENDING_MOST	(32 * 1024)	/* then at once */
#define RECENT_MOST	(32 * 1024)

static void
log_open_path(struct lambda_host *host, struct function_log *log)
{
	if (log->opened)
		fd_close(&log->fd);
	log->opened = false;
	if (strcmp(log->path, "stderr") == 0) {
		log->fd = STDERR_FILENO;
		return;
	}
	log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
	    O_NOCTTY, 0640);
	log->opened = log->fd >= 0;
	if (log->fd < 0 && !log->complained)
		log_warn(host->log, "cannot open the function log %s: %s",
		    log->path, strerror(errno));
	log->complained = log->fd < 0;
}

static struct function_log *
log_find(struct lambda_host *host, uint64_t id, const char *path)
{
	struct function_log *log;
	struct list *node;

	LIST_EACH(node, &host->logs) {
		log = LIST_ITEM(node, struct function_log, link);
		if (id != 0 ? log->id == id : log->path != NULL &&
		    strcmp(log->path, path) == 0)
			return log;
	}
	log = mem_new(sizeof *log);
	log->id = id;
	log->fd = -1;
	list_append(&host->logs, &log->link);
	return log;
}

/* The file for the log of this id, ours from now on. */
void
function_log_set(struct lambda_host *host, uint64_t id, int fd)
{
	struct function_log *log = log_find(host, id, "");

	if (log->fd > STDERR_FILENO)
		close(log->fd);
	log->fd = fd;
	log->opened = false;
}

void
function_logs_reopen(struct lambda_host *host)
{
	struct function_log *log;
	struct list *node;

	LIST_EACH(node, &host->logs) {
		log = LIST_ITEM(node, struct function_log, link);
		if (log->opened || (log->fd < 0 && log->path != NULL))
			log_open_path(host, log);
	}
}

void
function_logs_close(struct lambda_host *host)
{
	struct function_log *log;
	struct list *node;

	while ((node = list_pop(&host->logs)) != NULL) {
		log = LIST_ITEM(node, struct function_log, link);
		if (log->fd > STDERR_FILENO)
			close(log->fd);
		free(log->path);
		free(log);
	}
}

/* Have the lines of function go where its configuration says. */
void
function_output_choose(struct function *function)
{
	const struct function_spec *spec = function->spec;
	struct function_log *log;

	function->output.log = NULL;
	if (spec->log_id == 0 && *spec->log == '\0')
		return;
	log = log_find(function->host, spec->log_id, spec->log);
	if (log->path == NULL && *spec->log != '\0')
		log->path = mem_text(spec->log, strlen(spec->log));
	if (log->fd < 0 && log->path != NULL)
		log_open_path(function->host, log);
	function->output.log = log;
}

static void
flush_expired(struct timer *timer)
{
	function_output_flush(LIST_ITEM(timer, struct function, output.flush));
}

void
function_output_open(struct function *function)
{
	struct function_output *output = &function->output;

	buf_open(&output->pending);
	buf_open(&output->recent);
	list_init(&output->readers);
	timer_init(&output->flush, flush_expired);
	function_output_choose(function);
}

/* Whoever reads along hears the end. */
void
function_output_dismiss(struct function *function)
{
	struct log_reader *reader;
	struct list *node;

	function_output_flush(function);
	while ((node = list_pop(&function->output.readers)) != NULL) {
		reader = LIST_ITEM(node, struct log_reader, link);
		reader->gone(reader);
	}
}

void
function_output_close(struct function *function)
{
	struct function_output *output = &function->output;

	function_output_dismiss(function);
	buf_close(&output->pending);
	buf_close(&output->recent);
}

static void
remember(struct buf *recent, struct slice lines)
{
	size_t drop;
	const char *line;

	buf_add_slice(recent, lines);
	if (recent->len <= 2 * RECENT_MOST)
		return;
	drop = recent->len - RECENT_MOST;
	line = memchr(recent->at + drop, '\n', recent->len - drop);
	if (line != NULL)
		drop = (size_t)(line + 1 - recent->at);
	memmove(recent->at, recent->at + drop, recent->len - drop);
	recent->len -= drop;
}

/* Write what has been gathered: one write, and whoever reads along. */
void
function_output_flush(struct function *function)
{
	struct function_output *output = &function->output;
	struct slice lines = buf_slice(&output->pending);
	struct list *node, *after;
	ssize_t n = -1;

	loop_timer_clear(&function->host->loop, &output->flush);
	if (lines.len == 0)
		return;
	if (output->log != NULL && output->log->fd >= 0)
		n = write(output->log->fd, lines.at, lines.len);
	if (n < (ssize_t)lines.len)
		output->dropped += lines.len - (size_t)(n > 0 ? n : 0);
	LIST_EACH_SAFE(node, after, &output->readers) {
		struct log_reader *reader = LIST_ITEM(node, struct log_reader,
		    link);

		(void)reader->lines(reader, lines);
	}
	remember(&output->recent, lines);
	output->pending.len = 0;
}

static void
add_stamp(struct function *function, struct buf *out)
{
	struct function_output *output = &function->output;
	uint64_t ms = loop_wall(&function->host->loop);
	time_t second = (time_t)(ms / 1000);
	struct tm tm;

	if (output->second != ms / 1000) {
		output->second = ms / 1000;
		gmtime_r(&second, &tm);
		strftime(output->stamp, sizeof output->stamp,
		    "%Y-%m-%dT%H:%M:%S", &tm);
	}
	buf_add_text(out, output->stamp);
	buf_printf(out, ".%03uZ ", (unsigned)(ms % 1000));
}

static void
add_escaped(struct buf *out, struct slice text)
{
	static const char hex[] = "0123456789abcdef";
	size_t run = 0, i;

	for (i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		char form[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };

		if ((c >= 0x20 && c != 0x7f) || c == '\t')
			continue;
		buf_add(out, text.at + run, i - run);
		buf_add(out, form, sizeof form);
		run = i + 1;
	}
	buf_add(out, text.at + run, text.len - run);
}

/* One line, without its end. */
void
function_output_line(struct function *function, struct slice text)
{
	struct function_output *output = &function->output;
	struct buf *out = &output->pending;

	if (out->len == 0)
		loop_timer_set(&function->host->loop, &output->flush,
		    FLUSH_MS);
	add_stamp(function, out);
	buf_add_text(out, function->spec->name);
	buf_add_char(out, ' ');
	add_escaped(out, text);
	buf_add_char(out, '\n');
	if (out->len > PENDING_MOST)
		function_output_flush(function);
}

/*
 * Give the lines of data to line, without their ends (LF, CR LF or CR). ended:
 * nothing comes behind data, so its last line is complete too. A line longer
 * than FUNCTION_LINE_MOST is given in parts. Returns the bytes used.
 */
size_t
function_lines_split(struct slice data, bool ended,
    void (*line)(void *ctx, struct slice line), void *ctx)
{
	size_t start = 0, at = 0;

	for (; at < data.len; at++) {
		char c = data.at[at];

		if (c != '\n' && c != '\r') {
			if (at + 1 - start < FUNCTION_LINE_MOST)
				continue;
			line(ctx, slice_of(data.at + start, at + 1 - start));
			start = at + 1;
			continue;
		}
		/* The other half of a CR LF may be still to come. */
		if (c == '\r' && at + 1 == data.len && !ended)
			break;
		line(ctx, slice_of(data.at + start, at - start));
		if (c == '\r' && at + 1 < data.len && data.at[at + 1] == '\n')
			at++;
		start = at + 1;
	}
	if (ended && start < data.len)
		line(ctx, slice_of(data.at + start, data.len - start));
	return ended ? data.len : start;
}
