/*
 * http/splice.c - a long body from one socket to another, uncopied
 *
 * The kernel moves pages through a pipe of the worker's; back-pressure comes by
 * itself, since a full pipe takes nothing from the source. Only for bodies
 * that need no transformation, on plain sockets.
 */

#include "http/splice.h"

#include <errno.h>
#include <fcntl.h>

#define STEP	(256 * 1024)
#define STEPS	8

/* left: bytes to move. 0, or -1 when there is no pipe to be had. */
int
splice_open(struct splice *splice, struct loop *loop, uint64_t left)
{
	splice->held = 0;
	splice->moved = 0;
	splice->left = left;
	return loop_pipe_take(loop, &splice->pipe);
}

void
splice_close(struct splice *splice, struct loop *loop)
{
	if (splice->pipe.in >= 0)
		loop_pipe_give(loop, &splice->pipe, splice->held == 0);
}

/* -1: nothing could be moved now; 0: the end; -2: failed. */
static ssize_t
move(int from, int to, size_t most)
{
	ssize_t n;

	do
		n = splice(from, NULL, to, NULL, most, SPLICE_F_NONBLOCK |
		    SPLICE_F_MOVE);
	while (n < 0 && errno == EINTR);
	return n >= 0 ? n : errno == EAGAIN ? CONN_AGAIN : CONN_FAILED;
}

static enum splice_result
fill(struct splice *splice, struct conn *source)
{
	size_t most = splice->left < STEP ? (size_t)splice->left : STEP;
	ssize_t n = move(conn_fd(source), splice->pipe.in, most);

	if (n == CONN_AGAIN)
		return SPLICE_WAIT_SOURCE;
	if (n == CONN_FAILED)
		return SPLICE_SOURCE_FAILED;
	if (n == CONN_EOF)
		return SPLICE_SOURCE_END;
	splice->held += (size_t)n;
	splice->left -= (uint64_t)n;
	return SPLICE_DONE;
}

static enum splice_result
drain(struct splice *splice, struct conn *target)
{
	ssize_t n;

	while (splice->held > 0) {
		n = move(splice->pipe.out, conn_fd(target), splice->held);
		if (n == CONN_AGAIN)
			return SPLICE_WAIT_TARGET;
		if (n <= 0)
			return SPLICE_TARGET_FAILED;
		splice->held -= (size_t)n;
		splice->moved += (uint64_t)n;
	}
	return SPLICE_DONE;
}

/*
 * Move what can be moved now. The target must have no tail. On anything but
 * DONE the caller waits for the edge that the result names.
 */
enum splice_result
splice_run(struct splice *splice, struct conn *source, struct conn *target)
{
	enum splice_result result;
	unsigned step;

	for (step = 0; step < STEPS; step++) {
		result = drain(splice, target);
		if (result != SPLICE_DONE)
			return result;
		if (splice->left == 0)
			return SPLICE_DONE;
		result = fill(splice, source);
		if (result != SPLICE_DONE)
			return result;
	}
	source->missed = true;
	return SPLICE_YIELD;
}
