/*
 * process/ask.c - asking the running master over its control socket
 *
 * For gatehousectl and `gatehouse -t --diff`; the other end is command.c.
 * Blocking: a tool has nothing else to do.
 */

#include "process/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/error.h"
#include "util/fd.h"

static int
refused(const char *path, struct error *err)
{
	bool forbidden;

	if (errno == ENOENT || errno == ECONNREFUSED)
		return error_set(err, "gatehouse is not running: nobody "
		    "answers at %s", path);
	forbidden = errno == EACCES || errno == EPERM;
	error_errno(err, "cannot reach gatehouse at %s", path);
	return forbidden ? ASK_FORBIDDEN : -1;
}

static int
reach(const char *path, const char *request, struct error *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd, code;

	if (path[0] == '\0')
		return error_set(err, "the configuration has no "
		    "control_socket");
	if (strlen(path) >= sizeof to.sun_path)
		return error_set(err, "control socket %s: the path is too "
		    "long", path);
	strcpy(to.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(err, "cannot make a socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
		code = refused(path, err);
		close(fd);
		return code;
	}
	/* Who has hung up already may have said why. */
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 &&
	    errno != EPIPE) {
		error_errno(err, "cannot send to gatehouse");
		close(fd);
		return -1;
	}
	return fd;
}

static int
read_all(int fd, struct buf *answer, struct error *err)
{
	ssize_t n;

	for (;;) {
		n = read(fd, buf_room(answer, 16384), 16384);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return 0;
		if (n < 0)
			return error_errno(err, "cannot read the answer");
		answer->len += (size_t)n;
	}
}

/* The first line is the exit code; the rest is the answer. */
static int
take_code(struct buf *answer, int *code_r, struct error *err)
{
	char *end = answer->len > 0 ? memchr(answer->at, '\n', answer->len) :
	    NULL;
	size_t line;

	if (end == NULL)
		return error_set(err, "gatehouse ended before it answered");
	*code_r = atoi(answer->at);
	line = (size_t)(end - answer->at) + 1;
	memmove(answer->at, end + 1, answer->len - line);
	answer->len -= line;
	return 0;
}

/*
 * Send a request ("status json\n") and read the whole answer into answer;
 * *code_r is the exit code that goes with it. Returns 0, or -1 or
 * ASK_FORBIDDEN with a sentence when nobody answers.
 */
int
ask(const char *path, const char *request, struct buf *answer, int *code_r,
    struct error *err)
{
	int fd = reach(path, request, err), code;

	if (fd < 0)
		return fd;
	code = read_all(fd, answer, err);
	close(fd);
	return code < 0 ? -1 : take_code(answer, code_r, err);
}

/* The table in force, for table_view_open. *fd_r is the caller's. */
int
ask_image(const char *path, int *fd_r, struct error *err)
{
	int fd = reach(path, "image\n", err), passed[1], count = 1;
	char answer[128];
	ssize_t n;

	if (fd < 0)
		return fd;
	n = fd_recv(fd, answer, sizeof answer - 1, passed, &count);
	close(fd);
	if (n <= 0 || count != 1)
		return error_set(err, "gatehouse has no table in force yet");
	*fd_r = passed[0];
	return 0;
}
