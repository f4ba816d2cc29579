/* util/clock.h - time, and the timers of one event loop */
#ifndef UTIL_CLOCK_H
#define UTIL_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "util/list.h"

#define CLOCK_HTTP_DATE_SIZE 30		/* with its NUL */

uint64_t clock_now_ms(void);
uint64_t clock_wall_ms(void);
void clock_http_date(uint64_t wall_ms, char date[CLOCK_HTTP_DATE_SIZE]);

/*
 * A coarse timer wheel. Setting a timer is a store when it moves later than
 * where it already hangs, a relink otherwise: no system call, no heap.
 */
#define WHEEL_TICK_MS	10
#define WHEEL_SLOTS	1024

struct timer {
	struct list link;	/* hangs in a slot of its wheel while armed */
	uint64_t due;		/* in ms; 0 when not armed */
	uint64_t hung;		/* tick of the slot it hangs in */
	void (*expired)(struct timer *timer);
};

struct wheel {
	struct list slots[WHEEL_SLOTS];
	uint64_t tick;		/* every slot up to this one has been run */
	uint64_t now;		/* ms, as of the loop's last turn */
	size_t armed;
};

void wheel_open(struct wheel *wheel, uint64_t now);
void wheel_run(struct wheel *wheel, uint64_t now);
uint64_t wheel_wait(const struct wheel *wheel, uint64_t most);

void timer_init(struct timer *timer, void (*expired)(struct timer *timer));
void timer_set(struct wheel *wheel, struct timer *timer, uint64_t ms);
void timer_clear(struct wheel *wheel, struct timer *timer);

#endif
