/*
 * net.c - what the bench's origin, relay and load generator share
 *
 * Opening sockets from address texts, the clock, and the two limits every tool
 * sets at its start. It knows nothing of HTTP and keeps no state but the last
 * address that was looked up, which a load generator connects to thousands of
 * times.
 */

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net.h"

#define SOCKET_FLAGS	(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un path;
	} at;
	socklen_t size;
};

void
net_die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
}

void
net_raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		err(1, "cannot read the limit of descriptors");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		err(1, "cannot raise the limit of descriptors");
}

static void
parse_path(const char *path, struct address *address_r)
{
	size_t length = strlen(path);

	if (length == 0 || length >= sizeof address_r->at.path.sun_path)
		errx(2, "unix:%s: a path of 1 to 107 bytes is needed", path);
	address_r->at.path.sun_family = AF_UNIX;
	memcpy(address_r->at.path.sun_path, path, length + 1);
	address_r->size = sizeof address_r->at.path;
}

/* Split "host:port"; the host is copied without its brackets. */
static unsigned
split_host(const char *text, char *host_r, size_t size)
{
	const char *colon = strrchr(text, ':');
	size_t length;
	char *end;
	unsigned long port;

	if (colon == NULL)
		errx(2, "%s: expected host:port or unix:/path", text);
	length = (size_t)(colon - text);
	if (length >= 2 && text[0] == '[' && colon[-1] == ']') {
		text++;
		length -= 2;
	}
	port = strtoul(colon + 1, &end, 10);
	if (length >= size || colon[1] == '\0' || *end != '\0' || port > 65535)
		errx(2, "%s: expected host:port or unix:/path", text);
	memcpy(host_r, text, length);
	host_r[length] = '\0';
	return (unsigned)port;
}

static void
parse_address(const char *text, struct address *address_r)
{
	char host[64];
	unsigned port;

	memset(address_r, 0, sizeof *address_r);
	if (strncmp(text, "unix:", 5) == 0) {
		parse_path(text + 5, address_r);
		return;
	}
	port = split_host(text, host, sizeof host);
	if (inet_pton(AF_INET, host, &address_r->at.v4.sin_addr) == 1) {
		address_r->at.v4.sin_family = AF_INET;
		address_r->at.v4.sin_port = htons((uint16_t)port);
		address_r->size = sizeof address_r->at.v4;
	} else if (inet_pton(AF_INET6, host,
	    &address_r->at.v6.sin6_addr) == 1) {
		address_r->at.v6.sin6_family = AF_INET6;
		address_r->at.v6.sin6_port = htons((uint16_t)port);
		address_r->size = sizeof address_r->at.v6;
	} else {
		errx(2, "%s: %s is not an IP address", text, host);
	}
}

static void
set_option(int fd, int level, int option)
{
	int on = 1;

	if (setsockopt(fd, level, option, &on, sizeof on) < 0)
		err(1, "setsockopt");
}

int
net_listen(const char *text)
{
	struct address address;
	int fd;

	parse_address(text, &address);
	fd = socket(address.at.any.sa_family, SOCKET_FLAGS, 0);
	if (fd < 0)
		err(1, "socket");
	if (address.at.any.sa_family == AF_UNIX) {
		unlink(address.at.path.sun_path);
	} else {
		/* Accepted sockets inherit TCP_NODELAY. */
		set_option(fd, SOL_SOCKET, SO_REUSEADDR);
		set_option(fd, IPPROTO_TCP, TCP_NODELAY);
	}
	if (bind(fd, &address.at.any, address.size) < 0 ||
	    listen(fd, 4096) < 0)
		err(1, "cannot listen at %s", text);
	return fd;
}

void
net_announce(int fd)
{
	struct address address;
	char host[INET6_ADDRSTRLEN];

	memset(&address, 0, sizeof address);
	address.size = sizeof address.at;
	if (getsockname(fd, &address.at.any, &address.size) < 0)
		err(1, "getsockname");
	switch (address.at.any.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &address.at.v4.sin_addr, host, sizeof host);
		printf("listening %s:%u\n", host,
		    ntohs(address.at.v4.sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &address.at.v6.sin6_addr, host,
		    sizeof host);
		printf("listening [%s]:%u\n", host,
		    ntohs(address.at.v6.sin6_port));
		break;
	default:
		printf("listening unix:%s\n", address.at.path.sun_path);
		break;
	}
	fflush(stdout);
}

int
net_connect(const char *text)
{
	static struct address address;
	static const char *parsed;
	int fd;

	if (parsed != text) {
		parse_address(text, &address);
		parsed = text;
	}
	fd = socket(address.at.any.sa_family, SOCKET_FLAGS, 0);
	if (fd < 0)
		err(1, "socket");
	if (address.at.any.sa_family != AF_UNIX)
		set_option(fd, IPPROTO_TCP, TCP_NODELAY);
	if (connect(fd, &address.at.any, address.size) < 0 &&
	    errno != EINPROGRESS)
		err(1, "cannot connect to %s", text);
	return fd;
}

int
net_accept(int listener)
{
	int fd;

	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0 && errno != EAGAIN && errno != EINTR &&
	    errno != ECONNABORTED)
		err(1, "accept");
	return fd;
}

uint64_t
net_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
