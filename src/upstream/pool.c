/*
 * upstream/pool.c - backends and the connections kept to them
 *
 * One pool per worker, no locks. A kept connection's event stays registered,
 * so a backend that closes it, or sends what nobody asked for, takes it out
 * of the pool by itself. Servers are found by the stable id of their address:
 * a reload that leaves an address alone leaves its connections alone.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/control.h"
#include "shared/region.h"
#include "upstream/upstream_private.h"
#include "util/mem.h"

#define REST_MS	100	/* a connection kept for less was just good */

/* An empty registry for one worker. */
void
upstreams_open(struct upstreams *all, struct loop *loop, struct log *log,
    struct region *region, struct control_slot *slot)
{
	all->loop = loop;
	all->log = log;
	all->region = region;
	all->slot = slot;
	list_init(&all->servers);
}

static void
server_free(struct upstream_server *server)
{
	list_remove(&server->link);
	free(server);
}

static void
close_idle(struct upstream_server *server)
{
	struct list *node;

	while ((node = server->idle.next) != &server->idle)
		upstream_conn_close(LIST_ITEM(node, struct upstream_conn,
		    link));
}

/* All kept connections are closed; every table must be closed before. */
void
upstreams_close(struct upstreams *all)
{
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &all->servers) {
		struct upstream_server *server = LIST_ITEM(node,
		    struct upstream_server, link);

		server->active++;
		close_idle(server);
		server_free(server);
	}
}

static struct upstream_server *
server_get(struct upstreams *all, uint64_t id)
{
	struct upstream_server *server;
	struct list *node;

	LIST_EACH(node, &all->servers) {
		server = LIST_ITEM(node, struct upstream_server, link);
		if (server->id == id) {
			server->refs++;
			return server;
		}
	}
	server = mem_new(sizeof *server);
	server->id = id;
	server->refs = 1;
	list_init(&server->idle);
	list_push(&all->servers, &server->link);
	return server;
}

static void
server_put(struct upstream_server *server)
{
	if (--server->refs > 0)
		return;
	server->active++;	/* not gone with its last connection */
	close_idle(server);
	if (--server->active == 0)
		server_free(server);
}

/* The backends of an image, shared with the other tables of the worker. */
struct upstream_table *
upstream_table_open(struct upstreams *all, const struct image_head *image)
{
	struct upstream_table *table = mem_new(sizeof *table);
	uint32_t i;

	table->all = all;
	table->image = image;
	table->nslots = image->sections[IMAGE_SERVERS].count;
	table->slots = mem_array(table->nslots, sizeof *table->slots);
	for (i = 0; i < table->nslots; i++)
		table->slots[i].server = server_get(all, IMAGE_AT(image,
		    IMAGE_SERVERS, struct image_server, i)->id);
	return table;
}

/* Connections to servers that no other table knows are closed. */
void
upstream_table_close(struct upstream_table **table_p)
{
	struct upstream_table *table = *table_p;
	uint32_t i;

	*table_p = NULL;
	for (i = 0; i < table->nslots; i++)
		server_put(table->slots[i].server);
	free(table->slots);
	free(table);
}

/*
 * Has the backend spoken or closed while nobody looked? An edge tells, but
 * one may be on its way; after a rest that is worth a look.
 */
static bool
still_silent(struct upstream_conn *conn)
{
	char byte;

	if (conn->all->loop->wheel.now - conn->kept_at < REST_MS)
		return true;
	return recv(conn_fd(&conn->io), &byte, 1, MSG_PEEK) < 0 &&
	    errno == EAGAIN;
}

/* The kept connection that was used last, or NULL. */
struct upstream_conn *
upstream_take_idle(struct upstream_server *server)
{
	struct upstream_conn *conn;

	while (!list_empty(&server->idle)) {
		conn = LIST_ITEM(server->idle.next, struct upstream_conn,
		    link);
		if (!still_silent(conn)) {
			upstream_conn_close(conn);
			continue;
		}
		list_remove(&conn->link);
		server->nidle--;
		server->active++;
		conn->reused = true;
		control_sub(&conn->all->slot->upstream_idle, 1);
		control_add(&conn->all->slot->upstream_reused, 1);
		return conn;
	}
	return NULL;
}

static socklen_t
address_ip(struct sockaddr_storage *to, unsigned family, const uint8_t *ip,
    uint16_t port)
{
	struct sockaddr_in *in = (void *)to;
	struct sockaddr_in6 *in6 = (void *)to;

	if (family == IMAGE_FAMILY_INET) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, ip, 4);
		return sizeof *in;
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, ip, 16);
	return sizeof *in6;
}

/* 0: there is none. */
static socklen_t
address_of(struct upstreams *all, struct upstream_server *server,
    const struct image_head *image, const struct image_server *address,
    struct sockaddr_storage *to)
{
	struct region_addresses found;
	struct sockaddr_un *un = (void *)to;
	struct slice path;
	unsigned i;

	memset(to, 0, sizeof *to);
	switch (address->address.family) {
	case IMAGE_FAMILY_UNIX:
		path = image_slice(image, address->address.text);
		if (path.len >= sizeof un->sun_path)
			return 0;
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, path.at, path.len);
		return sizeof *un;
	case IMAGE_FAMILY_NAME:
		if (!region_addresses_read(all->region, address->name_id,
		    &found) || found.count == 0)
			return 0;
		i = server->turn++ % found.count;
		return address_ip(to, found.at[i].family, found.at[i].ip,
		    address->address.port);
	default:
		return address_ip(to, address->address.family,
		    address->address.ip, address->address.port);
	}
}

static int
open_socket(const struct sockaddr_storage *to, socklen_t size,
    bool *connecting_r)
{
	int fd, one = 1;

	fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd < 0)
		return -1;
	if (to->ss_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
		    sizeof one);
	*connecting_r = false;
	if (connect(fd, (const struct sockaddr *)to, size) < 0) {
		if (errno != EINPROGRESS) {
			int saved = errno;

			close(fd);
			errno = saved;
			return -1;
		}
		*connecting_r = true;
	}
	return fd;
}

/*
 * A new connection to address, perhaps still connecting. NULL and the reason
 * when that fails at once.
 */
struct upstream_conn *
upstream_connect(struct upstreams *all, struct upstream_server *server,
    const struct image_head *image, const struct image_server *address,
    enum upstream_failure *why_r)
{
	struct sockaddr_storage to;
	struct upstream_conn *conn;
	bool connecting = false;
	socklen_t size;
	int fd;

	size = address_of(all, server, image, address, &to);
	if (size == 0) {
		*why_r = UPSTREAM_NO_ADDRESS;
		return NULL;
	}
	fd = open_socket(&to, size, &connecting);
	if (fd < 0) {
		*why_r = errno == ECONNREFUSED || errno == ENOENT ?
		    UPSTREAM_REFUSED : UPSTREAM_UNREACHABLE;
		return NULL;
	}
	conn = mem_new(sizeof *conn);
	conn->all = all;
	conn->server = server;
	conn->connecting = connecting;
	list_init(&conn->link);
	if (conn_open(&conn->io, all->loop, fd, upstream_ready,
	    upstream_expired) < 0) {
		free(conn);
		*why_r = UPSTREAM_UNREACHABLE;
		return NULL;
	}
	server->active++;
	control_add(&all->slot->upstream_opened, 1);
	return conn;
}

/* The call is over and the connection good: keep it, or close it. */
void
upstream_conn_keep(struct upstream_conn *conn, unsigned max_idle,
    uint32_t idle_ms)
{
	struct upstream_server *server = conn->server;

	conn->call = NULL;
	if (server->refs == 0 || server->nidle >= max_idle ||
	    conn->io.missed || conn->io.hup || conn->io.tail != NULL) {
		upstream_conn_close(conn);
		return;
	}
	conn->kept_at = conn->all->loop->wheel.now;
	server->active--;
	server->nidle++;
	list_push(&server->idle, &conn->link);
	control_add(&conn->all->slot->upstream_idle, 1);
	loop_timer_set(conn->all->loop, &conn->io.timer, idle_ms);
}

/* Close it, kept or in use. A call that runs on it must have let go. */
void
upstream_conn_close(struct upstream_conn *conn)
{
	struct upstream_server *server = conn->server;

	if (conn->closed)
		return;
	conn->closed = true;
	conn->call = NULL;
	if (!list_empty(&conn->link)) {
		list_remove(&conn->link);
		server->nidle--;
		control_sub(&conn->all->slot->upstream_idle, 1);
	} else {
		server->active--;
	}
	conn_close(&conn->io);
	if (server->refs == 0 && server->active == 0 && server->nidle == 0)
		server_free(server);
	if (!conn->busy)
		free(conn);
}
