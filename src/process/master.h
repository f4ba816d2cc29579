/* process/master.h - the process that keeps the others */
#ifndef PROCESS_MASTER_H
#define PROCESS_MASTER_H

#include <stdbool.h>

#include "process/title.h"
#include "util/log.h"

/* How it was started; all texts outlive the master. */
struct master_options {
	const char *program;	/* to run again at an upgrade; absolute when
				   it was given with a folder */
	const char *file;	/* the configuration, absolute */
	const char *prefix;	/* in front of relative paths; never NULL */
	bool foreground;
	enum log_level least;	/* level of messages until the file says */
	bool verbose;		/* -v: at least "info" whatever it says */
	bool quiet;
	bool watch;		/* --watch: functions follow their files */
	const char *libexec;	/* folder of runtime clients, NULL: installed */
	struct title title;
};

int master_run(const struct master_options *options);

#endif
