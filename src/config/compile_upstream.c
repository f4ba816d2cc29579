/*
 * config/compile_upstream.c - where requests go: addresses, upstreams
 *
 * Upstreams of the file become records first. A URL in an integration implies
 * one more for its authority, shared by all integrations that name it. Ids
 * are hashes of what makes two of them the same, so that a reload carries
 * over the connections of those it did not touch.
 */

#include "config/compile_private.h"

#include <arpa/inet.h>

#include <stdio.h>
#include <stdlib.h>

#include "util/hash.h"
#include "util/mem.h"

#define NAME_MAX_LENGTH	253
#define UNIX_MAX_LENGTH	107
#define HTTP_PORT	80

/* What an upstream has that only a URL describes. */
#define IMPLIED_MAX_IDLE	64
#define IMPLIED_IDLE_MS		60000
#define IMPLIED_FAIL_MS		10000
#define IMPLIED_RESOLVE_MS	30000

static bool
host_valid(struct slice host)
{
	size_t i;
	char c;

	if (host.len == 0 || host.len > NAME_MAX_LENGTH)
		return false;
	for (i = 0; i < host.len; i++) {
		c = ascii_lower(host.at[i]);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '.' || c == '_'))
			return false;
	}
	return host.at[0] != '.' && host.at[0] != '-';
}

static bool
ip_parse(int family, struct slice host, void *ip)
{
	char text[INET6_ADDRSTRLEN];

	if (host.len == 0 || host.len >= sizeof text)
		return false;
	memcpy(text, host.at, host.len);
	text[host.len] = '\0';
	return inet_pton(family, text, ip) == 1;
}

/* Part "host:port" or "[v6]:port"; without a port it is fallback, if any. */
static bool
host_port(struct slice text, unsigned fallback, struct slice *host_r,
    uint16_t *port_r)
{
	struct slice port = SLICE_NONE;
	uint64_t number = fallback;

	if (text.len > 0 && text.at[0] == '[') {
		port = text;
		*host_r = slice_until(&port, ']');
		if (port.at == NULL)
			return false;
		if (port.len > 0 && *port.at++ != ':')
			return false;
		if (port.len > 0)
			port.len--;
		else
			port.at = NULL;
	} else {
		port = text;
		*host_r = slice_until(&port, ':');
	}
	if (port.at != NULL && slice_to_u64(port, &number) < 0)
		return false;
	if (number < 1 || number > UINT16_MAX)
		return false;
	*port_r = (uint16_t)number;
	return true;
}

/* Fills all of address but its text, for which it returns what to keep. */
static int
address_parse(struct slice text, unsigned fallback,
    struct image_address *address, struct slice *keep_r)
{
	struct slice host;

	*address = (struct image_address){ 0 };
	*keep_r = text;
	if (slice_starts(text, SLICE("unix:"))) {
		*keep_r = slice_of(text.at + 5, text.len - 5);
		address->family = IMAGE_FAMILY_UNIX;
		return keep_r->len > 0 && keep_r->len <= UNIX_MAX_LENGTH ?
		    0 : -1;
	}
	if (!host_port(text, fallback, &host, &address->port))
		return -1;
	if (slice_starts(host, SLICE("["))) {
		address->family = IMAGE_FAMILY_INET6;
		return ip_parse(AF_INET6, slice_of(host.at + 1, host.len - 1),
		    address->ip) ? 0 : -1;
	}
	address->family = IMAGE_FAMILY_INET;
	if (slice_eq(host, SLICE("*")) || ip_parse(AF_INET, host, address->ip))
		return 0;
	address->family = IMAGE_FAMILY_NAME;
	*keep_r = host;
	return host_valid(host) ? 0 : -1;
}

/* The address of a listener or a server, as the file gives it. */
int
compile_address(struct compile *compile, struct spec_place place,
    struct slice text, struct image_address *address_r)
{
	struct slice keep;

	if (address_parse(text, 0, address_r, &keep) < 0)
		return compile_error(compile, place, "address \"%.*s\" is "
		    "not understood; expected host:port, [v6]:port, *:port "
		    "or unix:/path", (int)text.len, text.at);
	address_r->text = build_text(compile->build, keep);
	return 0;
}

static uint64_t
lower_hash(struct slice text, uint64_t seed)
{
	char lower[NAME_MAX_LENGTH];
	size_t i;

	for (i = 0; i < text.len && i < sizeof lower; i++)
		lower[i] = ascii_lower(text.at[i]);
	return hash_slice(slice_of(lower, i), seed);
}

/*
 * The ids of a server: its pool's is made of its address and the Host sent
 * there; a name's cell in the region goes by the name alone.
 */
static void
server_identify(const struct compile *compile, struct image_server *server,
    struct slice address)
{
	server->id = hash_slice(build_slice(compile->build, server->host),
	    hash_slice(address, 1));
	if (server->address.family == IMAGE_FAMILY_NAME)
		server->name_id = lower_hash(build_slice(compile->build,
		    server->address.text), 2);
}

/* Where name stands, or the empty slot where it would. */
static struct compile_name *
name_slot(const struct compile_names *names, struct slice name)
{
	uint32_t at = (uint32_t)hash_slice(name, 0) & (names->size - 1);

	while (names->slots[at].name.at != NULL &&
	    !slice_eq(names->slots[at].name, name))
		at = (at + 1) & (names->size - 1);
	return &names->slots[at];
}

static void
name_add(struct compile_names *names, struct slice name, uint32_t upstream)
{
	struct compile_names old = *names;
	uint32_t i;

	if (old.used * 2 >= old.size) {
		names->size = old.size == 0 ? 64 : old.size * 2;
		names->slots = mem_array(names->size, sizeof *names->slots);
		for (i = 0; i < old.size; i++)
			if (old.slots[i].name.at != NULL)
				*name_slot(names, old.slots[i].name) =
				    old.slots[i];
		free(old.slots);
	}
	*name_slot(names, name) = (struct compile_name){ name, upstream };
	names->used++;
}

/* Returns 0, or -1 when there is no upstream of this name; err is not set. */
int
compile_upstream_find(struct compile *compile, struct slice name,
    uint32_t *upstream_r)
{
	const struct compile_name *slot;

	if (compile->upstreams.size == 0)
		return -1;
	slot = name_slot(&compile->upstreams, name);
	if (slot->name.at == NULL)
		return -1;
	*upstream_r = slot->upstream;
	return 0;
}

static void
upstream_add(struct compile *compile, struct slice name,
    struct image_upstream *upstream)
{
	upstream->name = build_text(compile->build, name);
	upstream->id = hash_slice(name, 3);
	name_add(&compile->upstreams, name, build_add(compile->build,
	    IMAGE_UPSTREAMS, upstream));
}

static int
server_add(struct compile *compile, const struct spec_upstream *from,
    const struct spec_server *spec)
{
	struct image_server server = { .weight = 1 };
	struct slice host = from->host;

	if (compile_address(compile, spec->place, spec->address,
	    &server.address) < 0)
		return -1;
	if (spec->weight > 0)
		server.weight = (uint32_t)spec->weight;
	if (host.len == 0)
		host = server.address.family == IMAGE_FAMILY_UNIX ?
		    SLICE("localhost") : spec->address;
	server.host = build_text(compile->build, host);
	server_identify(compile, &server, spec->address);
	build_add(compile->build, IMAGE_SERVERS, &server);
	return (int)server.weight;
}

static int
upstream_compile(struct compile *compile, const struct spec_upstream *from)
{
	struct image_upstream upstream = {
		.balance = slice_eq(from->balance, SLICE("least_conn")) ?
		    IMAGE_BALANCE_LEAST_CONN : IMAGE_BALANCE_ROUND_ROBIN,
		.connect_ms = (uint32_t)from->connect_ms,
		.max_idle = (uint32_t)from->max_idle,
		.idle_ms = (uint32_t)from->idle_ms,
		.max_failures = (uint32_t)from->max_failures,
		.fail_ms = (uint32_t)from->fail_ms,
		.resolve_ms = (uint32_t)from->resolve_ms,
		.servers.first = build_count(compile->build, IMAGE_SERVERS),
		.servers.count = (uint32_t)from->nservers,
	};
	size_t i;
	int weight;

	if (from->nservers == 0)
		return compile_error(compile, from->place,
		    "upstream \"%.*s\" has no servers", (int)from->name.len,
		    from->name.at);
	for (i = 0; i < from->nservers; i++) {
		weight = server_add(compile, from, &from->servers[i]);
		if (weight < 0)
			return -1;
		upstream.weights += (uint32_t)weight;
	}
	upstream_add(compile, from->name, &upstream);
	return 0;
}

/* All upstreams of the file, in its order. */
int
compile_upstreams(struct compile *compile)
{
	size_t i;

	for (i = 0; i < compile->spec->nupstreams; i++)
		if (upstream_compile(compile, &compile->spec->upstreams[i]) <
		    0)
			return -1;
	return 0;
}

/* An upstream of one server that something other than upstreams implies. */
static int
implied(struct compile *compile, struct slice name, struct slice host,
    struct slice address, struct image_server *server, uint32_t *upstream_r)
{
	struct image_upstream upstream = {
		.max_idle = IMPLIED_MAX_IDLE, .idle_ms = IMPLIED_IDLE_MS,
		.fail_ms = IMPLIED_FAIL_MS, .resolve_ms = IMPLIED_RESOLVE_MS,
		.weights = 1,
		.servers.first = build_count(compile->build, IMAGE_SERVERS),
		.servers.count = 1,
	};

	if (compile_upstream_find(compile, name, upstream_r) == 0)
		return 0;
	server->weight = 1;
	server->host = build_text(compile->build, host);
	server_identify(compile, server, address);
	build_add(compile->build, IMAGE_SERVERS, server);
	upstream_add(compile, name, &upstream);
	return compile_upstream_find(compile, name, upstream_r);
}

/*
 * The upstream that a URL's "host" or "host:port" implies. Returns 0, or -1
 * when no request could go there; err is not set.
 */
int
compile_upstream_authority(struct compile *compile, struct slice authority,
    uint32_t *upstream_r)
{
	struct image_server server = { 0 };
	struct slice keep, name;
	struct buf text;

	if (address_parse(authority, HTTP_PORT, &server.address, &keep) < 0 ||
	    server.address.family == IMAGE_FAMILY_UNIX ||
	    slice_starts(authority, SLICE("*")))
		return -1;
	buf_open(&text);
	buf_add_text(&text, "http://");
	buf_add_slice(&text, authority);
	name = compile_text(compile, &text);
	buf_close(&text);
	server.address.text = build_text(compile->build, keep);
	return implied(compile, name, authority, authority, &server,
	    upstream_r);
}

/* The upstream behind a unix socket of our own. */
int
compile_upstream_unix(struct compile *compile, struct slice path,
    uint32_t *upstream_r)
{
	struct image_server server = {
		.address.family = IMAGE_FAMILY_UNIX,
	};

	server.address.text = build_text(compile->build, path);
	return implied(compile, path, SLICE("localhost"), path, &server,
	    upstream_r);
}

void
compile_upstreams_close(struct compile *compile)
{
	free(compile->upstreams.slots);
	compile->upstreams = (struct compile_names){ 0 };
}
