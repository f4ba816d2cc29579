/* process/ask_host.h - asking the function host over its unix socket */
#ifndef PROCESS_ASK_HOST_H
#define PROCESS_ASK_HOST_H

#include "util/buf.h"

struct error;

/* A request; all of it is the caller's. */
struct host_request {
	const char *method;
	struct slice target;
	struct slice fields;	/* header lines, each with its CR LF */
	struct slice body;
	int copy_to;		/* a descriptor that gets the answer's body as
				   it comes when it is a success; -1: none */
};

struct host_answer {
	unsigned status;
	struct buf head;	/* lines, without the first */
	struct buf body;
};

int ask_host(const char *path, const struct host_request *request,
    struct host_answer *answer, struct error *err);
struct slice host_answer_field(const struct host_answer *answer,
    const char *name);
void host_answer_close(struct host_answer *answer);

#endif
