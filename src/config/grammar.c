/*
 * config/grammar.c - what names, hosts, addresses and the like look like
 *
 * Pure functions over texts. Those that return a text return NULL when all is
 * well and otherwise what would have been right, to stand behind "expected".
 */

#include "config/grammar.h"

#include <arpa/inet.h>
#include <sys/un.h>

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') ||
	    (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* Not empty, and only letters, digits and what more has? */
bool
grammar_chars(struct slice text, const char *more)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (!is_alnum(text.at[i]) && (text.at[i] == '\0' ||
		    strchr(more, text.at[i]) == NULL))
			return false;
	return text.len > 0;
}

/* A token (RFC 9110, 5.6.2): names of header fields and methods. */
bool
grammar_token(struct slice text)
{
	return grammar_chars(text, "!#$%&'*+-.^_`|~");
}

/* Labels of letters, digits, '-' and '_', parted by dots. */
bool
grammar_host_name(struct slice text)
{
	struct slice rest = text, label;

	if (text.len == 0 || text.len > 253)
		return false;
	while (rest.at != NULL) {
		label = slice_until(&rest, '.');
		if (label.len > 63 || !grammar_chars(label, "-_") ||
		    label.at[0] == '-' || label.at[label.len - 1] == '-')
			return false;
	}
	return true;
}

/* 1 to 65535. */
bool
grammar_port(struct slice text)
{
	uint64_t port;

	return text.len <= 5 && slice_to_u64(text, &port) == 0 && port > 0 &&
	    port <= 65535;
}

static bool
is_address(struct slice text, int family)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (text.len == 0 || text.len >= sizeof copy)
		return false;
	memcpy(copy, text.at, text.len);
	copy[text.len] = '\0';
	return inet_pton(family, copy, &address) == 1;
}

/* Four numbers and dots, or something that means to be that. */
static bool
looks_numeric(struct slice text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if ((text.at[i] < '0' || text.at[i] > '9') && text.at[i] != '.')
			return false;
	return text.len > 0;
}

/*
 * Part "host:port" or "[v6]:port". Brackets are cut off *host_r and noted.
 * Without a port *port_r is empty. False when the brackets are wrong.
 */
static bool
split(struct slice text, struct slice *host_r, bool *bracket_r,
    struct slice *port_r)
{
	struct slice rest = text;

	*port_r = SLICE("");
	*bracket_r = text.len > 0 && text.at[0] == '[';
	if (*bracket_r) {
		rest = slice_of(text.at + 1, text.len - 1);
		*host_r = slice_until(&rest, ']');
		if (rest.at == NULL || (rest.len > 0 && rest.at[0] != ':'))
			return false;
		if (rest.len > 0)
			*port_r = slice_of(rest.at + 1, rest.len - 1);
		return rest.len != 1;
	}
	*host_r = slice_until(&rest, ':');
	if (rest.at != NULL)
		*port_r = rest;
	return rest.at == NULL || rest.len > 0;
}

/* "host", "host:port", "[v6]:port": what follows "http://". */
bool
grammar_authority(struct slice text, bool port_needed)
{
	struct slice host, port;
	bool bracket;

	if (!split(text, &host, &bracket, &port))
		return false;
	if (port.len == 0 ? port_needed : !grammar_port(port))
		return false;
	if (bracket)
		return is_address(host, AF_INET6);
	if (looks_numeric(host))
		return is_address(host, AF_INET);
	return grammar_host_name(host);
}

static const char *
unix_path(struct slice path)
{
	struct sockaddr_un un;

	if (path.len == 0 || path.at[0] != '/')
		return "an absolute path behind \"unix:\"";
	if (path.len >= sizeof un.sun_path)
		return "a socket path of at most 107 bytes";
	return NULL;
}

/* Where a listener listens. */
const char *
grammar_listen(struct slice address)
{
	static const char form[] = "\"*:8080\", \"127.0.0.1:8080\", "
	    "\"[::1]:8080\" or \"unix:/path\"";
	struct slice host, port;
	bool bracket;

	if (slice_starts(address, SLICE("unix:")))
		return unix_path(slice_of(address.at + 5, address.len - 5));
	if (!split(address, &host, &bracket, &port) || port.len == 0)
		return form;
	if (!grammar_port(port))
		return "a port from 1 to 65535";
	if (bracket ? is_address(host, AF_INET6) :
	    slice_eq(host, SLICE("*")) || is_address(host, AF_INET))
		return NULL;
	return form;
}

/* Where a backend server is reached. */
const char *
grammar_server(struct slice address)
{
	struct slice host, port;
	bool bracket;

	if (slice_starts(address, SLICE("unix:")))
		return unix_path(slice_of(address.at + 5, address.len - 5));
	if (slice_starts(address, SLICE("http://")) ||
	    slice_starts(address, SLICE("https://")))
		return "\"host:port\" without a scheme";
	if (split(address, &host, &bracket, &port) && port.len > 0 &&
	    !grammar_port(port))
		return "a port from 1 to 65535";
	if (grammar_authority(address, true))
		return NULL;
	return "\"host:port\", \"127.0.0.1:9001\", \"[::1]:9001\" or "
	    "\"unix:/path\"";
}

/* The host name that has to be looked up; empty when there is none. */
struct slice
grammar_server_name(struct slice address)
{
	struct slice host, port;
	bool bracket;

	if (slice_starts(address, SLICE("unix:")) ||
	    !split(address, &host, &bracket, &port) || bracket ||
	    looks_numeric(host))
		return SLICE("");
	return host;
}

/* A host of a stage: as in the Host field, without port, or "*.domain". */
const char *
grammar_stage_host(struct slice host)
{
	struct slice name, port;
	bool bracket;

	if (slice_starts(host, SLICE("*."))) {
		if (grammar_host_name(slice_of(host.at + 2, host.len - 2)))
			return NULL;
		return "\"*.\" and a domain";
	}
	if (memchr(host.at, '*', host.len) != NULL)
		return "the star at the start, as in \"*.example.com\"";
	if (!split(host, &name, &bracket, &port))
		return "a host name such as \"api.example.com\"";
	if (port.len > 0)
		return "a host without port";
	if (grammar_authority(host, false))
		return NULL;
	return "a host name such as \"api.example.com\" or \"*.example.com\"";
}

/* Contract, 9.6: several levels are allowed. */
const char *
grammar_base_path(struct slice path)
{
	struct slice rest, segment;

	if (path.len == 0 || path.at[0] != '/')
		return "a path that begins with \"/\"";
	if (path.len == 1)
		return NULL;
	rest = slice_of(path.at + 1, path.len - 1);
	while (rest.at != NULL) {
		segment = slice_until(&rest, '/');
		if (segment.len == 0)
			return "no empty segment (\"//\")";
		if (slice_eq(segment, SLICE(".")) ||
		    slice_eq(segment, SLICE("..")))
			return "no segment \".\" or \"..\"";
		if (!grammar_chars(segment, "$-._+!*'()"))
			return "letters, digits and $-._+!*'() between the "
			    "slashes";
	}
	return NULL;
}

static bool
has_upper(struct slice text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (ascii_lower(text.at[i]) != text.at[i])
			return true;
	return false;
}

/* An origin as browsers send it: scheme://host[:port] (RFC 6454, 6.2). */
const char *
grammar_origin(struct slice origin)
{
	struct slice rest = origin, scheme;

	scheme = slice_until(&rest, ':');
	if (rest.at == NULL || !slice_starts(rest, SLICE("//")) ||
	    !grammar_chars(scheme, "+-."))
		return "\"scheme://host\" or \"scheme://host:port\"";
	rest = slice_of(rest.at + 2, rest.len - 2);
	if (memchr(rest.at, '*', rest.len) != NULL)
		return "an exact origin: a star stands alone, or in an HTTP "
		    "API as \"https://*\" or \"http://*\"";
	if (memchr(rest.at, '/', rest.len) != NULL)
		return "no path behind the host";
	if (has_upper(origin))
		return "lower case, as browsers send it";
	if (!grammar_authority(rest, false))
		return "\"scheme://host\" or \"scheme://host:port\"";
	if ((slice_eq(scheme, SLICE("http")) &&
	    slice_ends(rest, SLICE(":80"))) ||
	    (slice_eq(scheme, SLICE("https")) &&
	    slice_ends(rest, SLICE(":443"))))
		return "no default port: browsers leave it out";
	return NULL;
}
