/*
 * process/listen.c - the sockets that clients connect to
 *
 * The master opens them, one per worker slot with SO_REUSEPORT, and keeps
 * them open: a connection that waits in a queue survives the worker that was
 * to accept it. SO_REUSEPORT would also share a port with another instance of
 * the same user without a word, so an address is first bound once without it.
 */

#include "process/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "util/error.h"
#include "util/fd.h"
#include "util/mem.h"

#define PROBE_TRIES 20		/* of 50 ms, where waiting is allowed */

union endpoint {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

static void
copy_text(char *to, size_t size, struct slice text)
{
	snprintf(to, size, "%.*s", (int)text.len, text.at);
}

struct listener *
listener_new(const struct image_head *image, const struct image_listener *from)
{
	struct listener *listener = mem_new(sizeof *listener);

	list_init(&listener->link);
	listener->id = from->id;
	listener->address = from->address;
	listener->backlog = from->backlog;
	listener->shared = from->address.family == IMAGE_FAMILY_UNIX;
	copy_text(listener->text, sizeof listener->text,
	    image_slice(image, from->address.text));
	copy_text(listener->name, sizeof listener->name,
	    image_slice(image, from->name));
	return listener;
}

/* "127.0.0.1:9001" or "[::1]:9001": numbers only. */
static int
parse_address(const char *text, struct image_address *to)
{
	const char *colon = strrchr(text, ':');
	bool v6 = text[0] == '[';
	uint64_t port;
	char host[64];
	size_t len;

	if (colon == NULL || slice_to_u64(slice_text(colon + 1), &port) < 0 ||
	    port == 0 || port > 65535)
		return -1;
	len = (size_t)(colon - text);
	if (len >= sizeof host || (v6 && text[len - 1] != ']'))
		return -1;
	snprintf(host, sizeof host, "%.*s", (int)(v6 ? len - 2 : len),
	    v6 ? text + 1 : text);
	to->family = v6 ? IMAGE_FAMILY_INET6 : IMAGE_FAMILY_INET;
	to->port = (uint16_t)port;
	return inet_pton(v6 ? AF_INET6 : AF_INET, host, to->ip) == 1 ? 0 : -1;
}

/*
 * A listener that no table has: at a path, or at an address in numbers.
 * Returns NULL with a sentence when it is neither.
 */
struct listener *
listener_at(const char *text, uint64_t id, unsigned backlog,
    struct error *err)
{
	struct listener *listener = mem_new(sizeof *listener);

	list_init(&listener->link);
	listener->id = id;
	listener->backlog = backlog;
	listener->shared = text[0] == '/';
	listener->address.family = IMAGE_FAMILY_UNIX;
	snprintf(listener->text, sizeof listener->text, "%s", text);
	if (listener->shared || parse_address(text, &listener->address) == 0)
		return listener;
	error_set(err, "\"%s\" is no address to listen on; expected one such "
	    "as \"127.0.0.1:9001\"", text);
	free(listener);
	return NULL;
}

/* The path in the file system, for unix sockets. */
static const char *
local_path(const struct listener *listener)
{
	return strncmp(listener->text, "unix:", 5) == 0 ?
	    listener->text + 5 : listener->text;
}

/* Where it is bound until it takes its path. */
static int
aside_path(const struct listener *listener, char *path, size_t size)
{
	return snprintf(path, size, "%s.%d", local_path(listener),
	    (int)getpid()) < (int)size ? 0 : -1;
}

/* Is what stands at the path our socket? */
bool
listener_in_place(const struct listener *listener)
{
	struct stat st;

	return stat(local_path(listener), &st) == 0 &&
	    st.st_dev == listener->device && st.st_ino == listener->inode;
}

static void
remove_path(const struct listener *listener)
{
	struct sockaddr_un at;

	if (listener->aside) {
		if (aside_path(listener, at.sun_path, sizeof at.sun_path) == 0)
			unlink(at.sun_path);
	} else if (listener_in_place(listener)) {
		unlink(local_path(listener));
	}
}

/* Closes its sockets; unlink_path: nobody else serves a unix socket's path. */
void
listener_free(struct listener **listener_p, bool unlink_path)
{
	struct listener *listener = *listener_p;
	unsigned i;

	*listener_p = NULL;
	list_remove(&listener->link);
	if (unlink_path && listener->shared && listener->count > 0)
		remove_path(listener);
	for (i = 0; i < listener->count; i++)
		fd_close(&listener->fds[i]);
	free(listener->fds);
	free(listener);
}

struct listener *
listener_find(const struct list *listeners, uint64_t id)
{
	struct list *node;

	LIST_EACH(node, listeners) {
		struct listener *listener = LIST_ITEM(node, struct listener,
		    link);

		if (listener->id == id)
			return listener;
	}
	return NULL;
}

static void
add_socket(struct listener *listener, int fd)
{
	listener->fds = mem_grow(listener->fds, listener->count + 1,
	    sizeof *listener->fds);
	listener->fds[listener->count++] = fd;
}

/* Slots are inherited in their order; one that is missing ends the row. */
void
listener_inherit(struct listener *listener, unsigned slot, int fd)
{
	struct stat st;

	if (slot != listener->count) {
		close(fd);
		return;
	}
	listener->inherited = true;
	if (listener->shared && stat(local_path(listener), &st) == 0) {
		listener->device = st.st_dev;
		listener->inode = st.st_ino;
	}
	add_socket(listener, fd);
}

/* Another length for the queues, which takes effect at once. */
void
listener_backlog(struct listener *listener, unsigned backlog)
{
	unsigned i;

	if (listener->backlog == backlog)
		return;
	listener->backlog = backlog;
	for (i = 0; i < listener->count; i++)
		listen(listener->fds[i], (int)backlog);
}

static bool
is_any(const struct listener *listener)
{
	return listener->text[0] == '*';
}

/* "*" is both families through one socket, unless the machine lacks IPv6. */
static bool
have_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static socklen_t
make_endpoint(const struct listener *listener, union endpoint *to)
{
	const struct image_address *from = &listener->address;

	memset(to, 0, sizeof *to);
	if (from->family == IMAGE_FAMILY_INET6 ||
	    (is_any(listener) && have_ipv6())) {
		to->v6.sin6_family = AF_INET6;
		to->v6.sin6_port = htons(from->port);
		if (!is_any(listener))
			memcpy(&to->v6.sin6_addr, from->ip, 16);
		return sizeof to->v6;
	}
	to->v4.sin_family = AF_INET;
	to->v4.sin_port = htons(from->port);
	if (!is_any(listener))
		memcpy(&to->v4.sin_addr, from->ip, 4);
	return sizeof to->v4;
}

static void
set_option(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof value);
}

/* A bound socket, or -1 with errno. */
static int
bind_tcp(const struct listener *listener, bool share)
{
	union endpoint to;
	socklen_t size = make_endpoint(listener, &to);
	int fd = socket(to.any.sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (share)
		set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (to.any.sa_family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !is_any(listener));
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (bind(fd, &to.any, size) < 0)
		fd_close(&fd);
	return fd;
}

static bool
port_is_ours(const struct listener *listener, const struct list *others)
{
	struct list *node;

	LIST_EACH(node, others) {
		const struct listener *other = LIST_ITEM(node,
		    const struct listener, link);

		if (other != listener && !other->shared && other->count > 0 &&
		    other->address.port == listener->address.port)
			return true;
	}
	return false;
}

/*
 * Is the address free of other programs? patient: nothing is served yet, so
 * workers that a killed master left behind are given a second to close.
 */
static int
probe(const struct listener *listener, bool patient)
{
	struct timespec pause = { .tv_nsec = 50000000 };
	unsigned tries;
	int fd;

	for (tries = 0;; tries++) {
		fd = bind_tcp(listener, false);
		if (fd >= 0 || errno != EADDRINUSE || !patient ||
		    tries == PROBE_TRIES)
			break;
		nanosleep(&pause, NULL);
	}
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int
grow_tcp(struct listener *listener, unsigned count, const struct list *others,
    bool patient, struct error *err)
{
	int fd;

	if (listener->count == 0 && !port_is_ours(listener, others) &&
	    probe(listener, patient) < 0)
		return error_errno(err, "cannot listen on %s", listener->text);
	while (listener->count < count) {
		fd = bind_tcp(listener, true);
		if (fd < 0 || listen(fd, (int)listener->backlog) < 0) {
			error_errno(err, "cannot listen on %s",
			    listener->text);
			fd_close(&fd);
			return -1;
		}
		add_socket(listener, fd);
	}
	return 0;
}

/* A socket's path that nobody listens on is left over: away with it. */
static int
clear_path(const union endpoint *at, struct error *err)
{
	const char *path = at->local.sun_path;
	struct stat st;
	int fd, code;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, "cannot listen on %s: there is a file "
		    "that is no socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_errno(err, "cannot make a socket");
	code = connect(fd, &at->any, sizeof at->local);
	if (code < 0 && errno == ECONNREFUSED) {
		unlink(path);
		close(fd);
		return 0;
	}
	close(fd);
	return error_set(err, "cannot listen on unix:%s: address already in "
	    "use", path);
}

static int
grow_local(struct listener *listener, struct error *err)
{
	union endpoint at = { .local = { .sun_family = AF_UNIX } };
	const char *path = local_path(listener);
	struct stat st;
	int fd;

	if (listener->count > 0)
		return 0;
	if (strlen(path) >= sizeof at.local.sun_path)
		return error_set(err, "cannot listen on %s: the path is "
		    "longer than %zu bytes", listener->text,
		    sizeof at.local.sun_path - 1);
	strcpy(at.local.sun_path, path);
	if (clear_path(&at, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, &at.any, sizeof at.local) < 0 ||
	    chmod(path, 0666) < 0 || listen(fd, (int)listener->backlog) < 0 ||
	    stat(path, &st) < 0) {
		error_errno(err, "cannot listen on %s", listener->text);
		fd_close(&fd);
		return -1;
	}
	listener->device = st.st_dev;
	listener->inode = st.st_ino;
	add_socket(listener, fd);
	return 0;
}

/*
 * Open a unix socket beside its path, where nobody finds it before
 * listener_publish. uid and gid are for root. Returns 0, or -1.
 */
int
listener_bind_aside(struct listener *listener, mode_t mode, uid_t uid,
    gid_t gid, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t old;
	int fd;

	if (aside_path(listener, at.sun_path, sizeof at.sun_path) < 0)
		return error_set(err, "cannot listen on %s: the path is too "
		    "long", listener->text);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(at.sun_path);
	old = umask(~mode & 0777);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) < 0)
		fd_close(&fd);
	umask(old);
	if (fd < 0 ||
	    (geteuid() == 0 && lchown(at.sun_path, uid, gid) < 0) ||
	    listen(fd, (int)listener->backlog) < 0 ||
	    stat(at.sun_path, &st) < 0) {
		error_errno(err, "cannot listen on %s", listener->text);
		fd_close(&fd);
		return -1;
	}
	listener->device = st.st_dev;
	listener->inode = st.st_ino;
	listener->aside = true;
	add_socket(listener, fd);
	return 0;
}

/* Does somebody listen at its path already? */
bool
listener_is_served(const struct listener *listener)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd, code;

	if (strlen(local_path(listener)) >= sizeof at.sun_path)
		return false;
	strcpy(at.sun_path, local_path(listener));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	code = connect(fd, (struct sockaddr *)&at, sizeof at);
	if (code < 0 && errno == EAGAIN)
		code = 0;	/* by so many that its queue is full */
	close(fd);
	return code == 0;
}

/* Take the path, in one step, from whoever has it. */
int
listener_publish(struct listener *listener, struct error *err)
{
	struct sockaddr_un at;

	if (!listener->aside)
		return 0;
	if (aside_path(listener, at.sun_path, sizeof at.sun_path) < 0 ||
	    rename(at.sun_path, local_path(listener)) < 0)
		return error_errno(err, "cannot listen on %s", listener->text);
	listener->aside = false;
	return 0;
}

/*
 * Open sockets until there is one for each of count slots. others: the
 * listeners that are there already, whose ports may be shared. Returns 0, or
 * -1 with a sentence that names the address.
 */
int
listener_grow(struct listener *listener, unsigned count,
    const struct list *others, bool patient, struct error *err)
{
	if (listener->shared)
		return grow_local(listener, err);
	return grow_tcp(listener, count, others, patient, err);
}
