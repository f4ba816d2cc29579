/*
 * http/loop.c - what all connections of one worker share
 *
 * The scratch memory that is read into, the two buffers that heads are written
 * in, timers, pipes, the cached clock and Date. Nobody keeps anything in the
 * shared memory beyond one callback: what cannot move on is copied out.
 */

#include "http/loop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "http/conn.h"
#include "util/mem.h"

#define TICK_MOST	1000	/* ms: Date must not be older than this */
#define PIPE_BYTES	(256 * 1024)
#define SPARE_CHUNKS	4096

static void
tick_arm(struct loop *loop)
{
	uint64_t ms = wheel_wait(&loop->wheel, TICK_MOST);
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	loop->wake = loop->wheel.now + ms;
	event_add(&loop->tick, &tv);
}

static void
tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	uint64_t now = clock_now_ms(), wall = clock_wall_ms();

	(void)fd;
	(void)what;
	loop->wall_offset = wall - now;
	clock_http_date(wall, loop->date);
	wheel_run(&loop->wheel, now);
	tick_arm(loop);
}

static void
out_open(struct buf *out)
{
	buf_open_fixed(out, mem_grow(NULL, LOOP_OUT, 1), LOOP_OUT);
}

/* base stays the caller's. Ends with loop_close. */
void
loop_open(struct loop *loop, struct event_base *base)
{
	uint64_t now = clock_now_ms(), wall = clock_wall_ms();

	*loop = (struct loop){ .base = base };
	loop->wall_offset = wall - now;
	clock_http_date(wall, loop->date);
	wheel_open(&loop->wheel, now);
	loop->scratch = mem_grow(NULL, LOOP_SCRATCH, 1);
	out_open(&loop->client_out);
	out_open(&loop->upstream_out);
	arena_pool_open(&loop->pool, SPARE_CHUNKS);
	if (getrandom(loop->random, sizeof loop->random, 0) !=
	    sizeof loop->random)
		loop->random[0] = (now ^ (uint64_t)getpid() << 32) | 1;
	list_init(&loop->woken);
	evtimer_assign(&loop->resume, base, conn_resume_cb, loop);
	evtimer_assign(&loop->tick, base, tick_cb, loop);
	tick_arm(loop);
}

void
loop_close(struct loop *loop)
{
	event_del(&loop->tick);
	event_del(&loop->resume);
	while (loop->npipes > 0) {
		loop->npipes--;
		close(loop->pipes[loop->npipes].in);
		close(loop->pipes[loop->npipes].out);
	}
	arena_pool_close(&loop->pool);
	free(loop->client_out.at);
	free(loop->upstream_out.at);
	free(loop->scratch);
}

/* At the head of every callback: what time it is. No system call. */
void
loop_turn(struct loop *loop)
{
	loop->wheel.now = clock_now_ms();
}

/* Like timer_set; wakes the loop in time for it. */
void
loop_timer_set(struct loop *loop, struct timer *timer, uint64_t ms)
{
	timer_set(&loop->wheel, timer, ms);
	if (timer->due + 2 * WHEEL_TICK_MS < loop->wake)
		tick_arm(loop);
}

void
loop_timer_clear(struct loop *loop, struct timer *timer)
{
	timer_clear(&loop->wheel, timer);
}

/* A pipe that is empty. 0, or -1 when no descriptors are to be had. */
int
loop_pipe_take(struct loop *loop, struct loop_pipe *pipe_r)
{
	int fds[2];

	if (loop->npipes > 0) {
		*pipe_r = loop->pipes[--loop->npipes];
		return 0;
	}
	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		return -1;
	/* Without the larger size it works as well, in smaller steps. */
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	pipe_r->out = fds[0];
	pipe_r->in = fds[1];
	return 0;
}

/* Give it back; clean says that nothing is left in it. */
void
loop_pipe_give(struct loop *loop, struct loop_pipe *pipe, bool clean)
{
	if (clean && loop->npipes < LOOP_SPARE_PIPES) {
		loop->pipes[loop->npipes++] = *pipe;
	} else {
		close(pipe->in);
		close(pipe->out);
	}
	pipe->in = pipe->out = -1;
}

static uint64_t
turn_left(uint64_t value, int bits)
{
	return value << bits | value >> (64 - bits);
}

/* 64 random bits for ids and choices (xoshiro256**); not for secrets. */
uint64_t
loop_random(struct loop *loop)
{
	uint64_t *s = loop->random;
	uint64_t result = turn_left(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = turn_left(s[3], 45);
	return result;
}
