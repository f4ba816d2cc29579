/*
 * tests/unit/test_shared.c - control page, region cells, channel
 */

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/channel.h"
#include "shared/control.h"
#include "shared/region.h"
#include "util/fd.h"

/* --- control ------------------------------------------------------------- */

START_TEST(control_is_shared)
{
	struct error err;
	struct control *control = control_open(&err);
	pid_t pid;

	ck_assert_ptr_nonnull(control);
	ck_assert_uint_eq(atomic_load(&control->committed), 0);
	pid = fork();
	if (pid == 0) {
		control_add(&control->slots[3].requests, 7);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	ck_assert_uint_eq(atomic_load(&control->slots[3].requests), 7);
	control_commit(control, 42);
	ck_assert_uint_eq(atomic_load(&control->committed), 42);
	control_close(&control);
	ck_assert_ptr_null(control);
}
END_TEST

START_TEST(control_slots_are_taken_once)
{
	struct error err;
	struct control *control = control_open(&err);
	int i, slot;

	ck_assert_int_eq(control_slot_take(control, 5), 5);
	control_slot_begin(&control->slots[5], 100);
	/* Its drained predecessor still has it: another one, from the end. */
	ck_assert_int_eq(control_slot_take(control, 5), CONTROL_SLOTS - 1);
	control_slot_end(&control->slots[5]);
	ck_assert_int_eq(control_slot_take(control, 5), 5);
	for (i = 0; i < CONTROL_SLOTS; i++) {
		slot = control_slot_take(control, (unsigned)i);
		ck_assert_int_ge(slot, 0);
		control_slot_begin(&control->slots[slot], 1 + i);
	}
	ck_assert_int_eq(control_slot_take(control, 0), -1);
	control_close(&control);
}
END_TEST

START_TEST(control_counters_survive_a_worker)
{
	struct error err;
	struct control *control = control_open(&err);
	struct control_slot *slot = &control->slots[0];
	struct control_totals sum;

	control_slot_begin(slot, 10);
	control_add(&slot->requests, 5);
	control_add(&slot->answers[2], 4);
	control_add(&slot->connections, 3);
	control_sub(&slot->connections, 1);
	control_add(&control->slots[9].requests, 2);
	control_sum(control, &sum);
	ck_assert_uint_eq(sum.requests, 7);
	ck_assert_uint_eq(sum.answers[2], 4);
	ck_assert_uint_eq(sum.connections, 2);
	control_slot_end(slot);
	control_slot_begin(slot, 11);
	control_sum(control, &sum);
	ck_assert_uint_eq(sum.requests, 7);
	ck_assert_uint_eq(sum.connections, 0);
	control_close(&control);
}
END_TEST

/* --- region -------------------------------------------------------------- */

/* count addresses that all say the same: a mixture shows. */
static struct region_addresses
uniform(unsigned count, uint8_t byte)
{
	struct region_addresses addresses = { .updated_ms = byte,
	    .count = count };
	unsigned i;

	for (i = 0; i < count; i++) {
		addresses.at[i].family = byte & 1 ? 4 : 6;
		memset(addresses.at[i].ip, byte, 16);
	}
	return addresses;
}

START_TEST(region_publishes)
{
	struct error err;
	struct region *region = region_open(&err);
	struct region_addresses in = uniform(2, 7), out;

	ck_assert_ptr_nonnull(region);
	ck_assert_uint_eq(region_addresses_version(region, 11), 0);
	ck_assert(!region_addresses_read(region, 11, &out));
	ck_assert_int_eq(region_addresses_publish(region, 11, &in), 0);
	ck_assert_uint_eq(region_addresses_version(region, 11), 1);
	ck_assert(region_addresses_read(region, 11, &out));
	ck_assert_uint_eq(out.count, 2);
	ck_assert_uint_eq(out.updated_ms, 7);
	ck_assert_mem_eq(&out.at[1], &in.at[1], sizeof in.at[1]);
	ck_assert(!region_addresses_read(region, 12, &out));
	region_close(&region);
}
END_TEST

START_TEST(region_same_answer_is_no_new_version)
{
	struct error err;
	struct region *region = region_open(&err);
	struct region_addresses in = uniform(3, 9), out;

	region_addresses_publish(region, 5, &in);
	in.updated_ms = 1000;
	region_addresses_publish(region, 5, &in);
	ck_assert_uint_eq(region_addresses_version(region, 5), 1);
	ck_assert(region_addresses_read(region, 5, &out));
	ck_assert_uint_eq(out.updated_ms, 1000);
	in = uniform(4, 9);
	region_addresses_publish(region, 5, &in);
	ck_assert_uint_eq(region_addresses_version(region, 5), 2);
	in.count = REGION_ADDRESSES_MAX + 1;
	ck_assert_int_eq(region_addresses_publish(region, 5, &in), -1);
	region_close(&region);
}
END_TEST

START_TEST(region_fills_up)
{
	struct error err;
	struct region *region = region_open(&err);
	struct region_addresses in = uniform(1, 1), out;
	uint64_t id = 1;

	while (region_addresses_publish(region, id * 0x9e3779b97f4a7c15, &in)
	    == 0)
		id++;
	ck_assert_uint_ge(id, 4096);
	ck_assert(!region_addresses_read(region, id * 0x9e3779b97f4a7c15,
	    &out));
	ck_assert(region_addresses_read(region, 0x9e3779b97f4a7c15, &out));
	region_close(&region);
}
END_TEST

/* One that publishes for ever, until it is killed wherever it is. */
static pid_t
start_writer(struct region *region, uint8_t first)
{
	struct region_addresses in;
	unsigned round;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (round = 0;; round++) {
		in = uniform(1 + round % REGION_ADDRESSES_MAX,
		    (uint8_t)(first + round % 100));
		region_addresses_publish(region, 77, &in);
	}
}

START_TEST(region_reads_are_never_torn)
{
	struct error err;
	struct region *region = region_open(&err);
	struct region_addresses in = uniform(4, 8), out;
	unsigned round, reads = 0, i;
	pid_t pids[2];

	region_addresses_publish(region, 77, &in);
	for (round = 0; round < 8; round++) {
		pids[0] = start_writer(region, 1);
		pids[1] = start_writer(region, 101);
		for (i = 0; i < 5000; i++) {
			unsigned n;

			if (!region_addresses_read(region, 77, &out))
				continue;
			reads++;
			ck_assert_uint_ge(out.count, 1);
			for (n = 1; n < out.count; n++)
				ck_assert_mem_eq(&out.at[n], &out.at[0],
				    sizeof out.at[0]);
		}
		/* Often enough one of them holds the mutex. */
		kill(pids[0], SIGKILL);
		kill(pids[1], SIGKILL);
		waitpid(pids[0], NULL, 0);
		waitpid(pids[1], NULL, 0);
		ck_assert_int_eq(region_addresses_publish(region, 77, &in), 0);
		ck_assert(region_addresses_read(region, 77, &out));
		ck_assert_uint_eq(out.count, 4);
	}
	ck_assert_uint_gt(reads, 1000);
	region_close(&region);
}
END_TEST

/* --- channel ------------------------------------------------------------- */

static struct channel left, right;

static void
channels_open(void)
{
	struct error err;
	int fds[2];

	ck_assert_int_eq(channel_pair(fds, &err), 0);
	channel_open(&left, fds[0]);
	channel_open(&right, fds[1]);
}

static void
channels_close(void)
{
	channel_close(&left);
	channel_close(&right);
}

START_TEST(channel_carries_messages)
{
	struct message message = { .type = MESSAGE_FAILED }, got;
	struct error err;
	int fd;

	ck_assert_int_eq(channel_receive(&right, &got, &fd, &err),
	    CHANNEL_AGAIN);
	message.body.failure.generation = 9;
	strcpy(message.body.failure.text, "no room");
	ck_assert_int_eq(channel_send(&left, &message, -1, &err), 0);
	ck_assert_int_eq(channel_receive(&right, &got, &fd, &err),
	    CHANNEL_MESSAGE);
	ck_assert_uint_eq(got.type, MESSAGE_FAILED);
	ck_assert_uint_eq(got.body.failure.generation, 9);
	ck_assert_str_eq(got.body.failure.text, "no room");
	ck_assert_int_eq(fd, -1);
	channel_close(&left);
	ck_assert_int_eq(channel_receive(&right, &got, &fd, &err),
	    CHANNEL_END);
	channels_close();
}
END_TEST

START_TEST(channel_carries_descriptors)
{
	struct message message = { .type = MESSAGE_PREPARE }, got;
	struct error err;
	int ends[2], fd;
	char byte;

	ck_assert_int_eq(pipe(ends), 0);
	message.body.table.generation = 3;
	ck_assert_int_eq(channel_send(&left, &message, ends[1], &err), 0);
	ck_assert_int_eq(channel_receive(&right, &got, &fd, &err),
	    CHANNEL_MESSAGE);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	close(fd);
	close(ends[0]);
	close(ends[1]);
	channels_close();
}
END_TEST

/* A side that reads nothing costs memory, no wait, no message and no order. */
START_TEST(channel_keeps_what_is_not_taken)
{
	struct message message = { .type = MESSAGE_ACCESS_LOG }, got;
	enum channel_result result;
	struct error err;
	uint64_t next = 0;
	unsigned i;
	int fd;

	for (i = 0; i < 2000; i++) {
		message.body.log.log_id = i;
		ck_assert_int_eq(channel_send(&left, &message, 0, &err), 0);
	}
	ck_assert_uint_gt(left.waiting, 0);
	for (i = 0; i < 100000 && next < 2000; i++) {
		result = channel_receive(&right, &got, &fd, &err);
		if (result == CHANNEL_AGAIN) {
			ck_assert_int_eq(channel_flush(&left, &err), 0);
			continue;
		}
		ck_assert_int_eq(result, CHANNEL_MESSAGE);
		ck_assert_uint_eq(got.body.log.log_id, next++);
		ck_assert_int_ge(fd, 0);
		close(fd);
	}
	ck_assert_uint_eq(next, 2000);
	ck_assert_uint_eq(left.waiting, 0);
	channels_close();
}
END_TEST

START_TEST(channel_keeps_within_bounds)
{
	struct message message = { .type = MESSAGE_COMMIT };
	struct error err;
	unsigned i;

	for (i = 0; i < 100000; i++)
		if (channel_send(&left, &message, -1, &err) < 0)
			break;
	ck_assert_uint_lt(i, 100000);
	channels_close();
}
END_TEST

static void
refused(const void *data, size_t size, const int *fds, int nfds)
{
	struct message got;
	struct error err;
	int fd;

	channels_open();
	ck_assert_int_eq(fd_send(left.fd, data, size, fds, nfds),
	    (ssize_t)size);
	ck_assert_int_eq(channel_receive(&right, &got, &fd, &err),
	    CHANNEL_ERROR);
	ck_assert_int_eq(fd, -1);
	channels_close();
}

START_TEST(channel_refuses_what_has_another_form)
{
	struct message message = { .type = MESSAGE_COMMIT };
	const int fds[2] = { 0, 1 };
	size_t size = offsetof(struct message, body) +
	    sizeof message.body.table;

	channels_close();
	message.size = (uint32_t)size;
	refused("x", 1, NULL, 0);
	refused(&message, 4, NULL, 0);
	refused(&message, size - 1, NULL, 0);
	refused(&message, size + 1, NULL, 0);
	refused(&message, sizeof message, NULL, 0);
	refused(&message, size, fds, 1);
	message.size++;
	refused(&message, size, NULL, 0);
	message.size--;
	message.type = MESSAGE_TYPES;
	refused(&message, size, NULL, 0);
	message.type = MESSAGE_NONE;
	refused(&message, size, NULL, 0);
	/* One that needs a descriptor, with none and with two. */
	message.type = MESSAGE_PREPARE;
	refused(&message, size, NULL, 0);
	refused(&message, size, fds, 2);
	channels_open();
	channels_close();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("shared");
	TCase *control = tcase_create("control");
	TCase *region = tcase_create("region");
	TCase *channel = tcase_create("channel");
	SRunner *runner;
	int failed;

	tcase_add_test(control, control_is_shared);
	tcase_add_test(control, control_slots_are_taken_once);
	tcase_add_test(control, control_counters_survive_a_worker);
	tcase_add_test(region, region_publishes);
	tcase_add_test(region, region_same_answer_is_no_new_version);
	tcase_add_test(region, region_fills_up);
	tcase_add_test(region, region_reads_are_never_torn);
	tcase_set_timeout(region, 60);
	tcase_add_checked_fixture(channel, channels_open, NULL);
	tcase_add_test(channel, channel_carries_messages);
	tcase_add_test(channel, channel_carries_descriptors);
	tcase_add_test(channel, channel_keeps_what_is_not_taken);
	tcase_add_test(channel, channel_keeps_within_bounds);
	tcase_add_test(channel, channel_refuses_what_has_another_form);
	suite_add_tcase(suite, control);
	suite_add_tcase(suite, region);
	suite_add_tcase(suite, channel);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
