/* process/logs.h - the log files, opened by the master for everybody */
#ifndef PROCESS_LOGS_H
#define PROCESS_LOGS_H

#include <stdbool.h>
#include <stdint.h>

#include "table/image.h"
#include "util/list.h"

struct child;
struct error;
struct master;
struct message_launch;

/* An access log, or one of functions. */
struct log_file {
	struct list link;	/* in master.logs */
	uint64_t id;		/* image_log.id, function_spec.log_id */
	int fd;			/* owned */
	bool functions;		/* the host's, not the workers' */
	bool unused;		/* the last table did not name it */
	char path[1024];
};

int logs_error_open(struct master *master, const struct message_launch *launch,
    struct error *err);
bool logs_in_file(const struct master *master);
void logs_error_send(struct master *master);
int logs_open(struct master *master, const struct message_launch *launch,
    const struct image_head *image, struct error *err);
void logs_forget(struct master *master, const struct image_head *image);
void logs_send(struct master *master, struct child *child);
void logs_reopen(struct master *master);
void logs_close(struct master *master);

#endif
