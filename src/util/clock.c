/*
 * util/clock.c - time, and the timers of one event loop
 *
 * A worker keeps thousands of deadlines that nearly all are moved or dropped
 * before they come: a timer that moves later only notes its new due time, and
 * is hung further out when its old slot comes round. Precision is one tick.
 */

#include "util/clock.h"

#include <stdio.h>
#include <time.h>

/* Milliseconds that never jump; for deadlines and durations. */
uint64_t
clock_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Milliseconds since 1970; for people and protocols. */
uint64_t
clock_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7), whatever the locale. */
void
clock_http_date(uint64_t wall_ms, char date[CLOCK_HTTP_DATE_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t when = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&when, &tm);
	snprintf(date, CLOCK_HTTP_DATE_SIZE,
	    "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
	    days + 3 * tm.tm_wday, (unsigned)tm.tm_mday % 100,
	    months + 3 * tm.tm_mon, (unsigned)(tm.tm_year + 1900) % 10000,
	    (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
	    (unsigned)tm.tm_sec % 100);
}

/* now: clock_now_ms(). */
void
wheel_open(struct wheel *wheel, uint64_t now)
{
	size_t i;

	for (i = 0; i < WHEEL_SLOTS; i++)
		list_init(&wheel->slots[i]);
	wheel->now = now;
	wheel->tick = now / WHEEL_TICK_MS;
	wheel->armed = 0;
}

static void
hang(struct wheel *wheel, struct timer *timer)
{
	uint64_t tick = timer->due / WHEEL_TICK_MS + 1;

	if (tick <= wheel->tick)
		tick = wheel->tick + 1;
	/* Further than one turn: hang as far out as there is room. */
	if (tick >= wheel->tick + WHEEL_SLOTS)
		tick = wheel->tick + WHEEL_SLOTS - 1;
	timer->hung = tick;
	list_append(&wheel->slots[tick % WHEEL_SLOTS], &timer->link);
}

/* Run what is due. now: clock_now_ms(). Timers may set and clear timers. */
void
wheel_run(struct wheel *wheel, uint64_t now)
{
	uint64_t last = now / WHEEL_TICK_MS;
	struct list due, *node;

	wheel->now = now;
	if (wheel->armed == 0) {
		wheel->tick = last > wheel->tick ? last : wheel->tick;
		return;
	}
	if (last >= wheel->tick + WHEEL_SLOTS)
		wheel->tick = last - WHEEL_SLOTS;
	while (wheel->tick < last) {
		struct list *slot;

		wheel->tick++;
		slot = &wheel->slots[wheel->tick % WHEEL_SLOTS];
		if (list_empty(slot))
			continue;
		/* Onto a list of our own: hang() may use this slot again. */
		due = *slot;
		due.next->prev = due.prev->next = &due;
		list_init(slot);
		while ((node = list_pop(&due)) != NULL) {
			struct timer *timer = LIST_ITEM(node, struct timer,
			    link);

			if (timer->due > now) {
				hang(wheel, timer);
				continue;
			}
			timer->due = 0;
			wheel->armed--;
			timer->expired(timer);
		}
	}
}

/* Milliseconds until the next slot with a timer, at most most. */
uint64_t
wheel_wait(const struct wheel *wheel, uint64_t most)
{
	uint64_t tick, far = wheel->tick + most / WHEEL_TICK_MS + 1;

	if (wheel->armed == 0)
		return most;
	if (far > wheel->tick + WHEEL_SLOTS)
		far = wheel->tick + WHEEL_SLOTS;
	for (tick = wheel->tick + 1; tick < far; tick++) {
		if (!list_empty(&wheel->slots[tick % WHEEL_SLOTS]))
			break;
	}
	tick *= WHEEL_TICK_MS;
	return tick <= wheel->now ? 1 :
	    tick - wheel->now < most ? tick - wheel->now : most;
}

void
timer_init(struct timer *timer, void (*expired)(struct timer *timer))
{
	list_init(&timer->link);
	timer->due = 0;
	timer->hung = 0;
	timer->expired = expired;
}

/* Have it expire in ms from now, instead of whatever it was set to. */
void
timer_set(struct wheel *wheel, struct timer *timer, uint64_t ms)
{
	uint64_t due = wheel->now + ms;

	if (timer->due == 0)
		wheel->armed++;
	timer->due = due > 0 ? due : 1;
	if (!list_empty(&timer->link)) {
		if (timer->hung <= due / WHEEL_TICK_MS + 1)
			return;
		list_remove(&timer->link);
	}
	hang(wheel, timer);
}

void
timer_clear(struct wheel *wheel, struct timer *timer)
{
	if (timer->due == 0)
		return;
	timer->due = 0;
	wheel->armed--;
	list_remove(&timer->link);
}
