/* lambda/function_log.h - what functions print, and what the host adds */
#ifndef LAMBDA_FUNCTION_LOG_H
#define LAMBDA_FUNCTION_LOG_H

#include "util/buf.h"
#include "util/clock.h"
#include "util/list.h"

struct function;
struct lambda_host;

#define FUNCTION_LINE_MOST	(16 * 1024)	/* longer ones are cut in two */

/* A file that functions log to; on host->logs. Several may share it. */
struct function_log {
	struct list link;
	uint64_t id;		/* 0: by path alone */
	char *path;		/* owned; NULL: never opened by path */
	int fd;			/* -1: none */
	bool opened;		/* by path, so opened anew on request */
	bool complained;
};

/* Somebody who reads along; on function_output.readers. */
struct log_reader {
	struct list link;
	/* 0, or 1: is slow; the lines up to the next call are lost to it. */
	void (*lines)(struct log_reader *reader, struct slice lines);
	void (*gone)(struct log_reader *reader);
};

/* The lines of one function on their way out. */
struct function_output {
	struct function_log *log;
	struct buf pending;	/* written together, a moment later */
	struct buf recent;	/* the last ones, for who asks */
	struct timer flush;
	struct list readers;
	uint64_t dropped;	/* bytes that the file did not take */
	uint64_t second;	/* that stamp stands for */
	char stamp[24];
};

void function_logs_close(struct lambda_host *host);
void function_log_set(struct lambda_host *host, uint64_t id, int fd);
void function_logs_reopen(struct lambda_host *host);

void function_output_open(struct function *function);
void function_output_dismiss(struct function *function);
void function_output_close(struct function *function);
void function_output_choose(struct function *function);
void function_output_line(struct function *function, struct slice text);
void function_output_flush(struct function *function);

size_t function_lines_split(struct slice data, bool ended,
    void (*line)(void *ctx, struct slice line), void *ctx);

#endif
