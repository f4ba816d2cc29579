/*
 * process/command.c - the control socket
 *
 * A tool sends one short line and gets one answer: a line with the exit code
 * it should end with, then text or JSON, then the end of the stream. Only the
 * operator may connect (mode 0600). Requests, connections and times are
 * bounded, and a tool that does not read costs a buffer and no wait.
 */

#include "process/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "process/master_private.h"
#include "process/reload.h"
#include "util/fd.h"
#include "util/mem.h"

#define CONNECTIONS_MAX 32
#define REQUEST_MAX	64
#define REQUEST_S	5	/* to send the line, to read the answer */
#define WAIT_S		300	/* for a reload or a start to end */
#define SETTLE_S	5	/* after a reload, for a worker to serve */

struct connection {
	struct list link;	/* in command_server.connections */
	struct master *master;
	int fd;
	struct event *readable, *writable, *limit;
	char request[REQUEST_MAX];
	size_t len;
	bool json;
	uint64_t serial;	/* of the reload it waits for, or 0 */
	bool serving;		/* it waits for the start to end */
	bool settling;		/* the reload ended well; a worker is missing */
	struct buf answer;
	size_t sent;
};

static void
connection_close(struct connection *connection)
{
	connection->master->command.count--;
	list_remove(&connection->link);
	event_free(connection->readable);
	event_free(connection->writable);
	event_free(connection->limit);
	close(connection->fd);
	buf_close(&connection->answer);
	free(connection);
}

static void
set_limit(struct connection *connection, time_t seconds)
{
	struct timeval limit = { .tv_sec = seconds };

	event_add(connection->limit, &limit);
}

/* Send what there is; the end of the answer ends the connection. */
static void
send_answer(struct connection *connection)
{
	struct buf *answer = &connection->answer;
	ssize_t n;

	while (connection->sent < answer->len) {
		n = send(connection->fd, answer->at + connection->sent,
		    answer->len - connection->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			event_add(connection->writable, NULL);
			return;
		}
		if (n < 0)
			break;
		connection->sent += (size_t)n;
	}
	connection_close(connection);
}

static void
begin_answer(struct connection *connection, int code)
{
	set_limit(connection, REQUEST_S);
	buf_printf(&connection->answer, "%d\n", code);
}

static void
answer_text(struct connection *connection, int code, const char *text)
{
	begin_answer(connection, code);
	buf_add_text(&connection->answer, text);
	send_answer(connection);
}

/* Can clients be served: is a worker there that has the table? */
static bool
is_ready(const struct master *master)
{
	unsigned i;

	if (master->phase != MASTER_SERVING || master->drained)
		return false;
	for (i = 0; i < master->workers; i++)
		if (master->seats[i].child != NULL &&
		    master->seats[i].child->serves >= master->generation)
			return true;
	return false;
}

static void
answer_reload(struct connection *connection)
{
	struct master *master = connection->master;

	connection->serial = 0;
	if (master->result.code == EXIT_CODE_OK && !is_ready(master)) {
		connection->settling = true;
		set_limit(connection, SETTLE_S);
		return;
	}
	begin_answer(connection, (int)master->result.code);
	status_result_write(master, connection->json, &connection->answer);
	send_answer(connection);
}

/* The table in force, as a descriptor beside the first byte. */
static void
answer_image(struct connection *connection)
{
	struct master *master = connection->master;

	if (master->image_fd < 0) {
		answer_text(connection, 1, "no table is in force yet\n");
		return;
	}
	if (fd_send(connection->fd, "0\n", 2, &master->image_fd, 1) < 0)
		log_warn(&master->log, "cannot pass the table: %s",
		    strerror(errno));
	connection_close(connection);
}

static void
order_reload(struct connection *connection)
{
	struct master *master = connection->master;

	if (master->phase != MASTER_SERVING) {
		answer_text(connection, 1, "gatehouse is starting or "
		    "stopping: nothing was reloaded\n");
		return;
	}
	if (master->upgrade.pid != 0) {
		answer_text(connection, 1, "an upgrade is under way: nothing "
		    "was reloaded\n");
		return;
	}
	set_limit(connection, WAIT_S);
	master_undrain(master);
	/* It may end at once, before we are told for which one we wait. */
	connection->serial = UINT64_MAX;
	connection->serial = reload_order(master);
	if (master->result.serial >= connection->serial)
		answer_reload(connection);
}

static void
obey(struct connection *connection)
{
	struct master *master = connection->master;
	char *request = connection->request, *option;

	option = strchr(request, ' ');
	if (option != NULL)
		*option++ = '\0';
	connection->json = option != NULL && strcmp(option, "json") == 0;
	if (strcmp(request, "status") == 0) {
		begin_answer(connection, 0);
		status_write(master, connection->json, &connection->answer);
		send_answer(connection);
	} else if (strcmp(request, "image") == 0) {
		answer_image(connection);
	} else if (strcmp(request, "reload") == 0) {
		order_reload(connection);
	} else if (strcmp(request, "wait") == 0) {
		connection->serving = true;
		set_limit(connection, WAIT_S);
		if (is_ready(master))
			answer_text(connection, 0, "");
		else if (master->phase != MASTER_STARTING)
			answer_text(connection, 1, "gatehouse is not ready: no "
			    "worker serves\n");
	} else {
		answer_text(connection, 2, "unknown request\n");
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *connection = arg;
	char *end;
	ssize_t n;

	(void)what;
	n = recv(fd, connection->request + connection->len,
	    sizeof connection->request - 1 - connection->len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		connection_close(connection);
		return;
	}
	connection->len += (size_t)n;
	connection->request[connection->len] = '\0';
	end = strchr(connection->request, '\n');
	if (end != NULL) {
		*end = '\0';
		event_del(connection->readable);
		obey(connection);
	} else if (connection->len == sizeof connection->request - 1) {
		connection_close(connection);
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	send_answer(arg);
}

static void
on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct connection *connection = arg;

	(void)fd;
	(void)what;
	if (!connection->settling) {
		connection_close(connection);
		return;
	}
	connection->settling = false;
	answer_text(connection, 1, "the configuration is in force, but no "
	    "worker serves: see the error log\n");
}

static void
connection_open(struct master *master, int fd)
{
	struct connection *connection = mem_new(sizeof *connection);

	connection->master = master;
	connection->fd = fd;
	connection->readable = event_new(master->base, fd,
	    EV_READ | EV_PERSIST, on_readable, connection);
	connection->writable = event_new(master->base, fd, EV_WRITE,
	    on_writable, connection);
	connection->limit = evtimer_new(master->base, on_limit, connection);
	buf_open(&connection->answer);
	list_append(&master->command.connections, &connection->link);
	master->command.count++;
	set_limit(connection, REQUEST_S);
	event_add(connection->readable, NULL);
}

static void
on_connection(evutil_socket_t listening, short what, void *arg)
{
	static const char busy[] = "1\ngatehouse answers too many tools at "
	    "once; try again\n";
	struct master *master = arg;
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd < 0)
		return;
	if (master->command.count >= CONNECTIONS_MAX) {
		send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL);
		close(fd);
		return;
	}
	connection_open(master, fd);
}

/* A reload has ended: tell those who wait for it. */
void
command_reload_ended(struct master *master)
{
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &master->command.connections) {
		struct connection *connection = LIST_ITEM(node,
		    struct connection, link);

		if (connection->serial != 0 &&
		    connection->serial <= master->result.serial)
			answer_reload(connection);
	}
}

/* A worker is ready, perhaps the first one. */
void
command_serving(struct master *master)
{
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &master->command.connections) {
		struct connection *connection = LIST_ITEM(node,
		    struct connection, link);

		if (!is_ready(master))
			return;
		if (connection->settling)
			answer_reload(connection);
		else if (connection->serving)
			answer_text(connection, 0, "");
	}
}

/* Does another instance answer at this path? */
static bool
is_answered(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int code;

	if (fd < 0)
		return false;
	code = connect(fd, (const struct sockaddr *)at, sizeof *at);
	close(fd);
	return code == 0;
}

/* Bound under another name and renamed: the path is never without one. */
static int
bind_at(const char *path, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t old;
	int fd, code;

	if (snprintf(at.sun_path, sizeof at.sun_path, "%s.%d", path,
	    (int)getpid()) >= (int)sizeof at.sun_path)
		return error_set(err, "control socket %s: the path is too "
		    "long", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_errno(err, "cannot make the control socket");
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		close(fd);
		return error_set(err, "control socket %s: something that is "
		    "no socket is there already", path);
	}
	unlink(at.sun_path);
	old = umask(0177);
	code = bind(fd, (struct sockaddr *)&at, sizeof at);
	umask(old);
	if (code == 0 && listen(fd, 16) == 0 &&
	    rename(at.sun_path, path) == 0)
		return fd;
	error_errno(err, "control socket %s", path);
	unlink(at.sun_path);
	close(fd);
	return -1;
}

/* Returns 0; 1 when another instance has the path; -1 and the reason. */
int
command_open(struct master *master, const char *path, struct error *err)
{
	struct command_server *command = &master->command;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct stat st;

	if (strlen(path) >= sizeof at.sun_path)
		return error_set(err, "control socket %s: the path is too "
		    "long", path);
	strcpy(at.sun_path, path);
	if (!upgrade_from_alive(master) && is_answered(&at)) {
		error_set(err, "already running: another gatehouse answers "
		    "at %s", path);
		return 1;
	}
	command->fd = bind_at(path, err);
	if (command->fd < 0)
		return -1;
	snprintf(command->path, sizeof command->path, "%s", path);
	if (stat(path, &st) == 0) {
		command->device = st.st_dev;
		command->inode = st.st_ino;
	}
	command->readable = event_new(master->base, command->fd,
	    EV_READ | EV_PERSIST, on_connection, master);
	event_add(command->readable, NULL);
	return 0;
}

/* Ends all connections; the path goes if it is still ours. */
void
command_close(struct master *master)
{
	struct command_server *command = &master->command;
	struct list *node, *after;
	struct stat st;

	LIST_EACH_SAFE(node, after, &command->connections)
		connection_close(LIST_ITEM(node, struct connection, link));
	if (command->fd < 0)
		return;
	event_free(command->readable);
	fd_close(&command->fd);
	if (stat(command->path, &st) == 0 && st.st_dev == command->device &&
	    st.st_ino == command->inode)
		unlink(command->path);
}
