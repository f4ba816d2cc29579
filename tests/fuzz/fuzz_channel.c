/*
 * fuzz_channel.c - messages between processes
 *
 * The first byte says how many descriptors come along. What must hold: only
 * messages of a known type, with that type's size and descriptor, get through,
 * and one that does is sent on as the same bytes.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/channel.h"
#include "util/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
send_on(const struct message *message, int fd)
{
	struct message again;
	struct channel from, to;
	struct error err;
	int fds[2], got;

	assert(channel_pair(fds, &err) == 0);
	channel_open(&from, fds[0]);
	channel_open(&to, fds[1]);
	assert(channel_send(&from, message, fd, &err) == 0);
	assert(channel_receive(&to, &again, &got, &err) == CHANNEL_MESSAGE);
	assert(again.size == message->size);
	assert(memcmp(&again, message, message->size) == 0);
	assert((got >= 0) == (fd >= 0));
	fd_close(&got);
	channel_close(&from);
	channel_close(&to);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int passed[2] = { 0, 0 };
	struct message message;
	struct channel channel;
	struct error err;
	int fds[2], fd;

	if (size < 2)
		return 0;
	assert(channel_pair(fds, &err) == 0);
	channel_open(&channel, fds[1]);
	memset(&message, 0, sizeof message);
	if (fd_send(fds[0], data + 1, size - 1, passed, data[0] % 3) >= 0 &&
	    channel_receive(&channel, &message, &fd, &err) ==
	    CHANNEL_MESSAGE) {
		assert(message.type > MESSAGE_NONE &&
		    message.type < MESSAGE_TYPES);
		assert(message.size == size - 1);
		assert((fd >= 0) == (data[0] % 3 == 1));
		send_on(&message, fd);
		fd_close(&fd);
	}
	close(fds[0]);
	channel_close(&channel);
	return 0;
}
