/*
 * util/fd.c - descriptors: flags, whole writes, passing them to a process
 *
 * Nothing here knows what a descriptor is for.
 */

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/error.h"

/* Close it if it is open, and mark it closed (-1). Keeps errno. */
void
fd_close(int *fd_p)
{
	int saved = errno;

	if (*fd_p >= 0)
		close(*fd_p);
	*fd_p = -1;
	errno = saved;
}

int
fd_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags);
}

int
fd_set_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

/*
 * Write all of it, waiting up to a second at a time where the descriptor does
 * not block. For tools and the control socket; never in a worker's loop.
 * Returns 0, or -1 with errno.
 */
int
fd_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	ssize_t n;

	while (len > 0) {
		n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && poll(&wait, 1, 1000) > 0)
			continue;
		if (n < 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/*
 * One message with nfds descriptors (0 to FD_PASS_MAX) on a unix socket.
 * Returns what sendmsg returns.
 */
ssize_t
fd_send(int sock, const void *data, size_t len, const int *fds, int nfds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
	} control;
	struct iovec part = { .iov_base = (void *)(size_t)data,
	    .iov_len = len };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *head;
	size_t size = sizeof(int) * (size_t)nfds;

	if (nfds > 0) {
		memset(&control, 0, sizeof control);
		msg.msg_control = control.room;
		msg.msg_controllen = CMSG_SPACE(size);
		head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(head), fds, size);
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL);
}

/*
 * One message and its descriptors (close-on-exec set). *nfds_io is the room in
 * fds on entry and the number received on return; what does not fit is
 * closed. Returns what recvmsg returns.
 */
ssize_t
fd_recv(int sock, void *data, size_t size, int *fds, int *nfds_io)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
	} control;
	struct iovec part = { .iov_base = data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1,
	    .msg_control = control.room, .msg_controllen = sizeof control };
	struct cmsghdr *head;
	int room = *nfds_io, fd;
	ssize_t n;
	size_t i;

	*nfds_io = 0;
	n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return n;
	for (head = CMSG_FIRSTHDR(&msg); head != NULL;
	    head = CMSG_NXTHDR(&msg, head)) {
		if (head->cmsg_level != SOL_SOCKET ||
		    head->cmsg_type != SCM_RIGHTS)
			continue;
		for (i = 0; CMSG_LEN(sizeof fd * (i + 1)) <= head->cmsg_len;
		    i++) {
			memcpy(&fd, CMSG_DATA(head) + i * sizeof fd,
			    sizeof fd);
			if (*nfds_io < room)
				fds[(*nfds_io)++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

/* Raise the soft limit of open descriptors to the hard one. */
int
fd_raise_limit(struct error *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_errno(err, "cannot read the descriptor limit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_errno(err, "cannot raise the descriptor limit");
	return (int)(limit.rlim_cur > 1 << 30 ? 1 << 30 : limit.rlim_cur);
}
