/* process/host.h - the process that keeps the functions */
#ifndef PROCESS_HOST_H
#define PROCESS_HOST_H

#include <stdbool.h>

#include "process/worker.h"

/* What the host is born with besides. */
struct host_start {
	const struct worker_start *common;
	bool root;		/* some function has a user of its own */
	bool watch;		/* restart what changed on disk */
	const char *libexec;	/* folder of the runtime clients, or NULL */
};

int host_run(const struct host_start *start);

#endif
