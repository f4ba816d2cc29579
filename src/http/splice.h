/* http/splice.h - a long body from one socket to another, uncopied */
#ifndef HTTP_SPLICE_H
#define HTTP_SPLICE_H

#include "http/conn.h"

/* Bodies with at least this much still to come are spliced. */
#define SPLICE_MIN	(16 * 1024)

struct splice {
	struct loop_pipe pipe;
	size_t held;		/* bytes in the pipe */
	uint64_t left;		/* bytes still to be taken from the source */
	uint64_t moved;		/* bytes that reached the target */
};

enum splice_result {
	SPLICE_DONE,		/* left is 0 and the pipe is empty */
	SPLICE_WAIT_SOURCE,
	SPLICE_WAIT_TARGET,
	SPLICE_YIELD,		/* others' turn: call again soon */
	SPLICE_SOURCE_END,	/* the source ended before left was 0 */
	SPLICE_SOURCE_FAILED,
	SPLICE_TARGET_FAILED,
};

int splice_open(struct splice *splice, struct loop *loop, uint64_t left);
void splice_close(struct splice *splice, struct loop *loop);
enum splice_result splice_run(struct splice *splice, struct conn *source,
    struct conn *target);

#endif
