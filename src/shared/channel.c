/*
 * shared/channel.c - typed messages over a pair of unix sockets
 *
 * A socket of type SEQPACKET keeps the borders of messages, so that one read
 * is one message or nothing. Each type has one size and either carries a
 * descriptor or does not; what arrives otherwise is an error, and its
 * descriptors are closed. Neither side ever waits for the other.
 */

#include "shared/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/mem.h"

#define WAITING_MAX 4096	/* messages kept for a side that reads none */

#define WITH(member) \
	(offsetof(struct message, body) + \
	    sizeof(((struct message *)NULL)->body.member))

/* The whole protocol but for its meaning. */
static const struct {
	uint32_t size;
	bool carries;
} forms[MESSAGE_TYPES] = {
	[MESSAGE_LISTEN] = { WITH(listen), true },
	[MESSAGE_RETIRE] = { WITH(listen), false },
	[MESSAGE_ACCESS_LOG] = { WITH(log), true },
	[MESSAGE_LOG_ENDED] = { WITH(log), false },
	[MESSAGE_ERROR_LOG] = { WITH(table), true },
	[MESSAGE_PREPARE] = { WITH(table), true },
	[MESSAGE_COMMIT] = { WITH(table), false },
	[MESSAGE_ABORT] = { WITH(table), false },
	[MESSAGE_DRAIN] = { WITH(drain), false },
	[MESSAGE_READY] = { WITH(table), false },
	[MESSAGE_FAILED] = { WITH(failure), false },
	[MESSAGE_DRAINED] = { WITH(table), false },
	[MESSAGE_REPORT] = { WITH(report), true },
	[MESSAGE_LAUNCH] = { WITH(launch), false },
	[MESSAGE_IMAGE] = { WITH(image), true },
	[MESSAGE_FUNCTIONS] = { WITH(functions), true },
	[MESSAGE_FUNCTION_LOG] = { WITH(path), false },
};

/* A message that the socket has not taken yet. */
struct parcel {
	struct list link;	/* in channel.parcels */
	int fd;			/* owned copy, or -1 */
	struct message message;	/* only message.size bytes of it */
};

/* Both ends: close-on-exec, non-blocking. Returns 0, or -1. */
int
channel_pair(int fds[2], struct error *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, fds) < 0)
		return error_errno(err, "cannot make a channel");
	return 0;
}

/* fd, one end of a pair, belongs to the channel from now on. */
void
channel_open(struct channel *channel, int fd)
{
	channel->fd = fd;
	channel->waiting = 0;
	list_init(&channel->parcels);
}

static void
parcel_free(struct channel *channel, struct parcel *parcel)
{
	list_remove(&parcel->link);
	fd_close(&parcel->fd);
	free(parcel);
	channel->waiting--;
}

/* What was not sent yet is dropped. */
void
channel_close(struct channel *channel)
{
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &channel->parcels)
		parcel_free(channel, LIST_ITEM(node, struct parcel, link));
	fd_close(&channel->fd);
}

static ssize_t
put(struct channel *channel, const struct message *message, int fd)
{
	ssize_t n;

	do
		n = fd_send(channel->fd, message, message->size, &fd,
		    fd >= 0 ? 1 : 0);
	while (n < 0 && errno == EINTR);
	return n;
}

static int
keep(struct channel *channel, const struct message *message, int fd,
    struct error *err)
{
	struct parcel *parcel;

	if (channel->waiting >= WAITING_MAX)
		return error_set(err, "%u messages wait and none is read",
		    channel->waiting);
	parcel = mem_new(offsetof(struct parcel, message) + message->size);
	parcel->fd = -1;
	if (fd >= 0) {
		parcel->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (parcel->fd < 0) {
			free(parcel);
			return error_errno(err, "cannot keep a descriptor");
		}
	}
	memcpy(&parcel->message, message, message->size);
	list_append(&channel->parcels, &parcel->link);
	channel->waiting++;
	return 0;
}

/*
 * Send a message of message->type; its size is filled in here. fd, or -1 for
 * types that carry none, stays the caller's. Returns 0 when it was sent or
 * kept (channel->waiting is then over 0), -1 when the channel is broken.
 */
int
channel_send(struct channel *channel, const struct message *message, int fd,
    struct error *err)
{
	struct message copy;
	size_t size = forms[message->type].size;

	if (channel->fd < 0)
		return error_set(err, "the channel is closed");
	memcpy(&copy, message, size);
	copy.size = (uint32_t)size;
	if (channel->waiting > 0)
		return keep(channel, &copy, fd, err);
	if (put(channel, &copy, fd) >= 0)
		return 0;
	if (errno != EAGAIN && errno != ENOBUFS)
		return error_errno(err, "cannot send on the channel");
	return keep(channel, &copy, fd, err);
}

/* Send what is kept. Returns 0, also when some is left; -1: broken. */
int
channel_flush(struct channel *channel, struct error *err)
{
	struct parcel *parcel;

	while (!list_empty(&channel->parcels)) {
		parcel = LIST_ITEM(channel->parcels.next, struct parcel, link);
		if (put(channel, &parcel->message, parcel->fd) < 0) {
			if (errno == EAGAIN || errno == ENOBUFS)
				return 0;
			return error_errno(err, "cannot send on the channel");
		}
		parcel_free(channel, parcel);
	}
	return 0;
}

static int
check(const struct message *message, size_t size, int nfds, struct error *err)
{
	if (size < offsetof(struct message, body) ||
	    message->type == MESSAGE_NONE || message->type >= MESSAGE_TYPES)
		return error_set(err, "a message of no known type");
	if (size != forms[message->type].size || message->size != size)
		return error_set(err, "message %u of %zu bytes, not %u",
		    message->type, size, forms[message->type].size);
	if ((nfds == 1) != forms[message->type].carries)
		return error_set(err, "message %u with %d descriptors",
		    message->type, nfds);
	return 0;
}

/*
 * The next message. *fd_r is its descriptor, the caller's from now on, or -1.
 * On CHANNEL_ERROR err says what was wrong; the channel is of no use then.
 */
enum channel_result
channel_receive(struct channel *channel, struct message *message, int *fd_r,
    struct error *err)
{
	int fds[2], nfds = 2;
	ssize_t n;

	*fd_r = -1;
	if (channel->fd < 0)
		return CHANNEL_END;
	do
		n = fd_recv(channel->fd, message, sizeof *message, fds, &nfds);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return CHANNEL_AGAIN;
	if (n < 0 && errno == ECONNRESET)
		return CHANNEL_END;
	if (n < 0) {
		error_errno(err, "cannot read the channel");
		return CHANNEL_ERROR;
	}
	if (n == 0 && nfds == 0)
		return CHANNEL_END;
	if (check(message, (size_t)n, nfds, err) < 0) {
		while (nfds > 0)
			close(fds[--nfds]);
		return CHANNEL_ERROR;
	}
	if (nfds == 1)
		*fd_r = fds[0];
	return CHANNEL_MESSAGE;
}
