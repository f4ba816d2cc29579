/* http/loop.h - what all connections of one worker share */
#ifndef HTTP_LOOP_H
#define HTTP_LOOP_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "util/arena.h"
#include "util/buf.h"
#include "util/clock.h"

#define LOOP_SCRATCH	(64 * 1024)	/* one read */
#define LOOP_OUT	(96 * 1024)	/* one head and what goes with it */
#define LOOP_SMALL	(16 * 1024)	/* bodies up to this are copied behind
					   a head, larger ones are written
					   from where they lie */
#define LOOP_READS	8		/* reads in a row before others' turn */
#define LOOP_SPARE_PIPES 128

/* A pipe between two sockets: bytes go through it without being copied. */
struct loop_pipe {
	int in, out;
};

struct loop {
	struct event_base *base;
	struct event tick;
	struct event resume;		/* runs those in woken, next turn */
	struct list woken;		/* struct conn: wait for their turn */
	struct wheel wheel;
	uint64_t wake;			/* when tick comes, ms */
	uint64_t wall_offset;		/* wall clock minus monotonic, ms */
	char date[CLOCK_HTTP_DATE_SIZE];
	char *scratch;			/* LOOP_SCRATCH bytes for reading */
	struct buf client_out;		/* towards clients */
	struct buf upstream_out;	/* towards backends */
	struct arena_pool pool;		/* arenas of exchanges */
	struct loop_pipe pipes[LOOP_SPARE_PIPES];
	unsigned npipes;
	uint64_t random[4];
};

void loop_open(struct loop *loop, struct event_base *base);
void loop_close(struct loop *loop);
void loop_turn(struct loop *loop);
void loop_timer_set(struct loop *loop, struct timer *timer, uint64_t ms);
void loop_timer_clear(struct loop *loop, struct timer *timer);
int loop_pipe_take(struct loop *loop, struct loop_pipe *pipe_r);
void loop_pipe_give(struct loop *loop, struct loop_pipe *pipe, bool clean);
uint64_t loop_random(struct loop *loop);

/* Milliseconds since 1970, as of this turn of the loop. */
static inline uint64_t
loop_wall(const struct loop *loop)
{
	return loop->wheel.now + loop->wall_offset;
}

#endif
