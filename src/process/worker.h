/* process/worker.h - a process that serves clients */
#ifndef PROCESS_WORKER_H
#define PROCESS_WORKER_H

#include <sys/types.h>

#include "shared/channel.h"

struct control;
struct log;
struct region;

/* What a child is born with. */
struct worker_start {
	unsigned slot;
	int channel;		/* its end; owned */
	struct log *log;
	struct control *control;
	int cell;		/* its line in the control page */
	struct region *region;
	const struct message_launch *launch;
	pid_t master;
};

int worker_run(const struct worker_start *start);

#endif
