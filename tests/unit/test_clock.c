/*
 * tests/unit/test_clock.c - src/util/clock.c: the timer wheel, on a clock of
 * the test's own, and dates
 */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"

#define TIMERS 300

struct alarm {
	struct timer timer;
	struct wheel *wheel;
	uint64_t wanted;	/* when it should come; 0: it should not */
	uint64_t came;		/* when it came last */
	unsigned times;
	struct alarm *victim;	/* cleared when this one comes */
	uint64_t again;		/* ms until it wants to come again */
};

static void
rang(struct timer *timer)
{
	struct alarm *alarm = LIST_ITEM(timer, struct alarm, timer);

	alarm->came = alarm->wheel->now;
	alarm->times++;
	ck_assert_uint_eq(timer->due, 0);
	if (alarm->victim != NULL)
		timer_clear(alarm->wheel, &alarm->victim->timer);
	if (alarm->again != 0)
		timer_set(alarm->wheel, timer, alarm->again);
}

static void
alarm_open(struct alarm *alarm, struct wheel *wheel)
{
	*alarm = (struct alarm){ .wheel = wheel };
	timer_init(&alarm->timer, rang);
}

START_TEST(test_on_time)
{
	static const uint64_t ms[] = { 0, 1, 9, 10, 11, 100, 10229, 10230,
	    10240, 10241, 20480, 20490, 60000, 3600000 };
	uint64_t start = 1234567, now;
	struct wheel wheel;
	struct alarm alarm;

	wheel_open(&wheel, start);
	alarm_open(&alarm, &wheel);
	timer_set(&wheel, &alarm.timer, ms[_i]);
	ck_assert_uint_eq(wheel.armed, 1);
	for (now = start; alarm.times == 0 && now < start + 4000000; now += 3)
		wheel_run(&wheel, now);
	ck_assert_uint_eq(alarm.times, 1);
	ck_assert_uint_ge(alarm.came, start + ms[_i]);
	ck_assert_uint_le(alarm.came, start + ms[_i] + 2 * WHEEL_TICK_MS);
	ck_assert_uint_eq(wheel.armed, 0);
	wheel_run(&wheel, now + 100000);
	ck_assert_uint_eq(alarm.times, 1);
}
END_TEST

/* Moved later, moved earlier, cleared, and set once more. */
START_TEST(test_moves)
{
	struct wheel wheel;
	struct alarm alarm;
	uint64_t now;

	wheel_open(&wheel, 1000);
	alarm_open(&alarm, &wheel);
	timer_set(&wheel, &alarm.timer, 50);
	timer_set(&wheel, &alarm.timer, 500);
	ck_assert_uint_eq(wheel.armed, 1);
	for (now = 1000; now < 1500; now += 10)
		wheel_run(&wheel, now);
	ck_assert_uint_eq(alarm.times, 0);
	timer_set(&wheel, &alarm.timer, 30000);
	timer_set(&wheel, &alarm.timer, 20);
	wheel_run(&wheel, 1530);
	ck_assert_uint_eq(alarm.times, 1);
	timer_set(&wheel, &alarm.timer, 20);
	timer_clear(&wheel, &alarm.timer);
	timer_clear(&wheel, &alarm.timer);
	ck_assert_uint_eq(wheel.armed, 0);
	wheel_run(&wheel, 3000);
	ck_assert_uint_eq(alarm.times, 1);
	timer_set(&wheel, &alarm.timer, 20);
	wheel_run(&wheel, 3040);
	ck_assert_uint_eq(alarm.times, 2);
}
END_TEST

/* Timers may set and clear timers, themselves too, while they are run. */
START_TEST(test_from_inside)
{
	struct wheel wheel;
	struct alarm killer, victim, again;
	uint64_t now;

	wheel_open(&wheel, 1000);
	alarm_open(&killer, &wheel);
	alarm_open(&victim, &wheel);
	alarm_open(&again, &wheel);
	killer.victim = &victim;
	again.again = 10;
	timer_set(&wheel, &killer.timer, 10);
	timer_set(&wheel, &victim.timer, 10);	/* in one slot, behind */
	timer_set(&wheel, &again.timer, 10);
	for (now = 1000; now <= 1200; now += 10)
		wheel_run(&wheel, now);
	ck_assert_uint_eq(killer.times, 1);
	ck_assert_uint_eq(victim.times, 0);
	ck_assert_uint_ge(again.times, 5);
	ck_assert_uint_le(again.times, 20);
	again.again = 0;
	wheel_run(&wheel, 2000);
	ck_assert_uint_eq(wheel.armed, 0);
}
END_TEST

/* The loop was away for longer than the wheel has slots. */
START_TEST(test_long_sleep)
{
	struct wheel wheel;
	struct alarm soon, late;

	wheel_open(&wheel, 1000);
	alarm_open(&soon, &wheel);
	alarm_open(&late, &wheel);
	timer_set(&wheel, &soon.timer, 100);
	timer_set(&wheel, &late.timer, 500000);
	wheel_run(&wheel, 1000 + 300000);
	ck_assert_uint_eq(soon.times, 1);
	ck_assert_uint_eq(late.times, 0);
	wheel_run(&wheel, 1000 + 700000);
	ck_assert_uint_eq(late.times, 1);
	/* Nothing is armed for hours: the next one comes in time. */
	wheel_run(&wheel, 90000000);
	timer_set(&wheel, &soon.timer, 30);
	wheel_run(&wheel, 90000020);
	ck_assert_uint_eq(soon.times, 1);
	wheel_run(&wheel, 90000050);
	ck_assert_uint_eq(soon.times, 2);
}
END_TEST

/* wheel_wait never sleeps past a timer, and not less than there is to. */
START_TEST(test_wait)
{
	struct wheel wheel;
	struct alarm alarm;
	unsigned turns = 0;

	wheel_open(&wheel, 1000);
	alarm_open(&alarm, &wheel);
	ck_assert_uint_eq(wheel_wait(&wheel, 1000), 1000);
	timer_set(&wheel, &alarm.timer, 4321);
	while (alarm.times == 0) {
		uint64_t ms = wheel_wait(&wheel, 1000);

		ck_assert_uint_ge(ms, 1);
		ck_assert_uint_le(ms, 1000);
		wheel_run(&wheel, wheel.now + ms);
		ck_assert_uint_lt(++turns, 10);
	}
	ck_assert_uint_ge(alarm.came, 1000 + 4321);
	ck_assert_uint_le(alarm.came, 1000 + 4321 + 2 * WHEEL_TICK_MS);
}
END_TEST

/* Anything at all, against what was wanted; the same numbers each time. */
START_TEST(test_any_order)
{
	struct alarm *alarms = calloc(TIMERS, sizeof *alarms);
	struct wheel wheel;
	uint64_t now = 5000;
	unsigned step, i, late = 0, rand = 12345;
	size_t armed;

	wheel_open(&wheel, now);
	for (i = 0; i < TIMERS; i++)
		alarm_open(&alarms[i], &wheel);
	for (step = 0; step < 20000; step++) {
		struct alarm *alarm;
		uint64_t ms;

		rand = rand * 1103515245 + 12345;
		alarm = &alarms[rand / 65536 % TIMERS];
		rand = rand * 1103515245 + 12345;
		ms = rand / 65536 % 16 == 0 ? rand / 256 % 40000 :
		    rand / 65536 % 400;
		if (rand / 1024 % 8 == 0) {
			timer_clear(&wheel, &alarm->timer);
			alarm->wanted = 0;
		} else {
			timer_set(&wheel, &alarm->timer, ms);
			alarm->wanted = now + ms;
		}
		now += rand / 4096 % 7;
		wheel_run(&wheel, now);
		for (i = armed = 0; i < TIMERS; i++) {
			alarm = &alarms[i];
			if (alarm->times > 0) {
				ck_assert_uint_ne(alarm->wanted, 0);
				ck_assert_uint_ge(now, alarm->wanted);
				alarm->wanted = 0;
				alarm->times = 0;
			}
			late += alarm->wanted != 0 &&
			    now > alarm->wanted + 2 * WHEEL_TICK_MS;
			armed += alarm->timer.due != 0;
		}
		ck_assert_uint_eq(armed, wheel.armed);
		ck_assert_uint_eq(late, 0);
	}
	free(alarms);
}
END_TEST

START_TEST(test_dates)
{
	char date[CLOCK_HTTP_DATE_SIZE];
	uint64_t before = clock_now_ms();

	clock_http_date(UINT64_C(784111777999), date);
	ck_assert_str_eq(date, "Sun, 06 Nov 1994 08:49:37 GMT");
	clock_http_date(0, date);
	ck_assert_str_eq(date, "Thu, 01 Jan 1970 00:00:00 GMT");
	clock_http_date(UINT64_C(951782400000), date);
	ck_assert_str_eq(date, "Tue, 29 Feb 2000 00:00:00 GMT");
	ck_assert_uint_ge(clock_now_ms(), before);
	ck_assert_uint_gt(clock_wall_ms(), UINT64_C(1600000000000));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tests = tcase_create("clock");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 15);
	tcase_add_loop_test(tests, test_on_time, 0, 14);
	tcase_add_test(tests, test_moves);
	tcase_add_test(tests, test_from_inside);
	tcase_add_test(tests, test_long_sleep);
	tcase_add_test(tests, test_wait);
	tcase_add_test(tests, test_any_order);
	tcase_add_test(tests, test_dates);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
