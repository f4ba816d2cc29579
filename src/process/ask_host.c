/*
 * process/ask_host.c - asking the function host over its unix socket
 *
 * For gatehousectl; the other end is lambda/invoke_api.c, which answers a
 * request of HTTP/1.0 with a head, a body and the end of the connection.
 * Blocking: a tool has nothing else to do.
 */

#include "process/ask_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/error.h"
#include "util/fd.h"

#define PART	65536

static int
reach(const char *path, struct error *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof to.sun_path)
		return error_set(err, "function socket %s: the path is too "
		    "long", path);
	strcpy(to.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(err, "cannot make a socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
		error_errno(err, "cannot reach the function host at %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

static int
send_all(int fd, struct slice data)
{
	ssize_t n;

	while (data.len > 0) {
		n = send(fd, data.at, data.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data.at += n;
		data.len -= (size_t)n;
	}
	return 0;
}

static int
send_request(int fd, const struct host_request *request, struct error *err)
{
	struct buf head;
	int code;

	buf_open(&head);
	buf_printf(&head, "%s %.*s HTTP/1.0\r\nHost: localhost\r\n",
	    request->method, (int)request->target.len, request->target.at);
	buf_add(&head, request->fields.at, request->fields.len);
	if (strcmp(request->method, "POST") == 0)
		buf_printf(&head, "Content-Length: %zu\r\n",
		    request->body.len);
	buf_add_text(&head, "\r\n");
	code = send_all(fd, buf_slice(&head));
	buf_close(&head);
	/* Who has hung up already may have said why. */
	if ((code < 0 || send_all(fd, request->body) < 0) && errno != EPIPE)
		return error_errno(err, "cannot send to the function host");
	return 0;
}

/* One more part of the answer; its size, 0 at the end, or -1. */
static ssize_t
read_part(int fd, struct buf *to, struct error *err)
{
	ssize_t n;

	do
		n = read(fd, buf_room(to, PART), PART);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, "cannot read the function host's "
		    "answer");
	to->len += (size_t)n;
	return n;
}

/* The head; what came behind it is the beginning of the body. */
static int
read_head(int fd, struct host_answer *answer, struct error *err)
{
	struct buf *head = &answer->head;
	char *end = NULL, *line;
	ssize_t n;

	while (end == NULL) {
		n = read_part(fd, head, err);
		if (n < 0)
			return -1;
		if (n == 0)
			return error_set(err, "the function host hung up "
			    "before it answered");
		end = memmem(head->at, head->len, "\r\n\r\n", 4);
	}
	if (head->len < 13 || memcmp(head->at, "HTTP/1.", 7) != 0)
		return error_set(err, "the function host's answer is no HTTP");
	answer->status = (unsigned)atoi(head->at + 9);
	end += 4;
	buf_add(&answer->body, end, head->len - (size_t)(end - head->at));
	head->len = (size_t)(end - head->at);
	line = memchr(head->at, '\n', head->len);
	n = line + 1 - head->at;
	memmove(head->at, line + 1, head->len - (size_t)n);
	head->len -= (size_t)n;
	return 0;
}

/*
 * Send a request and read the answer until its end. Returns 0, or -1 with a
 * sentence when there is none. host_answer_close in any case.
 */
int
ask_host(const char *path, const struct host_request *request,
    struct host_answer *answer, struct error *err)
{
	bool copy;
	ssize_t n = 1;
	int fd;

	answer->status = 0;
	buf_open(&answer->head);
	buf_open(&answer->body);
	fd = reach(path, err);
	if (fd < 0)
		return -1;
	if (send_request(fd, request, err) < 0 ||
	    read_head(fd, answer, err) < 0)
		n = -1;
	copy = request->copy_to >= 0 && answer->status < 300;
	while (n > 0) {
		if (copy) {
			if (fd_write_all(request->copy_to, answer->body.at,
			    answer->body.len) < 0)
				break;
			answer->body.len = 0;
		}
		n = read_part(fd, &answer->body, err);
	}
	close(fd);
	return n < 0 ? -1 : 0;
}

/* The value of a header field; empty when it is not there. */
struct slice
host_answer_field(const struct host_answer *answer, const char *name)
{
	struct slice left = buf_slice(&answer->head), line;
	size_t len = strlen(name);
	const char *end;

	while ((end = memchr(left.at, '\n', left.len)) != NULL) {
		line = slice_of(left.at, (size_t)(end - left.at));
		left.len -= line.len + 1;
		left.at = end + 1;
		if (line.len > 0 && line.at[line.len - 1] == '\r')
			line.len--;
		if (line.len <= len || line.at[len] != ':' ||
		    !slice_eq_nocase(slice_of(line.at, len), slice_text(name)))
			continue;
		line.at += len + 1;
		line.len -= len + 1;
		return slice_trim(line);
	}
	return SLICE_NONE;
}

void
host_answer_close(struct host_answer *answer)
{
	buf_close(&answer->head);
	buf_close(&answer->body);
}
