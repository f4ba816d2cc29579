/*
 * http/framing.c - whom a head is for, and how long its body is
 *
 * The decisions on which a request could be smuggled: Host against target
 * (RFC 9112, 3.2), length of the body (6.3), fate of the connection (9.3).
 * Where the RFC leaves a way to go on with a doubtful message, this file
 * refuses it. It must never guess.
 */

#include "http/framing.h"

#include <arpa/inet.h>

#define LENGTH_DIGITS 18	/* 10^18 - 1 fits in 63 bits */
#define HOST_MAX 255
#define PORT_DIGITS 5
#define CONNECTION_OPTIONS 64	/* in all Connection fields of a head */

/* What the Connection fields say. */
struct connection {
	bool close, keep_alive, upgrade;
	unsigned options;	/* all of them, unknown ones too */
};

static int
refuse(enum http_refusal *why_r, enum http_refusal why)
{
	*why_r = why;
	return -1;
}

/* How many fields of that name; the last one in field_r. */
static unsigned
count_fields(const struct http_head *head, enum http_known known,
    const struct http_field **field_r)
{
	unsigned i, count = 0;

	if ((head->known_mask >> known & 1) == 0)
		return 0;
	for (i = 0; i < head->nfields; i++)
		if (head->fields[i].known == known) {
			*field_r = &head->fields[i];
			count++;
		}
	return count;
}

static void
read_options(struct slice list, struct connection *says)
{
	struct slice option;

	while (list.at != NULL) {
		option = slice_trim(slice_until(&list, ','));
		says->options++;
		if (slice_eq_nocase(option, SLICE("close")))
			says->close = true;
		else if (slice_eq_nocase(option, SLICE("keep-alive")))
			says->keep_alive = true;
		else if (slice_eq_nocase(option, SLICE("upgrade")))
			says->upgrade = true;
	}
}

/* RFC 9112, 9.3. The bound keeps http_fields_hop_by_hop cheap. */
static int
read_connection(struct http_head *head, enum http_refusal *why_r)
{
	struct connection says = { 0 };
	unsigned i;

	if ((head->known_mask & HTTP_KNOWN_BIT(CONNECTION)) != 0)
		for (i = 0; i < head->nfields; i++)
			if (head->fields[i].known == HTTP_KNOWN_CONNECTION)
				read_options(
				    http_field_value(head, &head->fields[i]),
				    &says);
	if (says.options > CONNECTION_OPTIONS)
		return refuse(why_r, HTTP_REFUSE_BAD_HEAD);
	head->keep_alive = !says.close && (head->minor == 1 || says.keep_alive);
	head->upgrade = says.upgrade && head->minor == 1 &&
	    (head->known_mask & HTTP_KNOWN_BIT(UPGRADE)) != 0;
	return 0;
}

/* One Content-Length of 1 to 18 digits, or none. */
static int
read_length(struct http_head *head, enum http_refusal *why_r)
{
	const struct http_field *field = NULL;
	unsigned count;

	count = count_fields(head, HTTP_KNOWN_CONTENT_LENGTH, &field);
	if (count == 0)
		return 0;
	if (count > 1 || field->value_len > LENGTH_DIGITS ||
	    slice_to_u64(http_field_value(head, field), &head->length) < 0)
		return refuse(why_r, HTTP_REFUSE_BAD_FRAMING);
	head->has_length = true;
	return 0;
}

/* One Transfer-Encoding, which is "chunked", in HTTP/1.1, or none. */
static int
read_coding(
    const struct http_head *head, bool *chunked_r, enum http_refusal *why_r)
{
	const struct http_field *field = NULL;
	unsigned count;

	count = count_fields(head, HTTP_KNOWN_TRANSFER_ENCODING, &field);
	*chunked_r = count > 0;
	if (count == 0)
		return 0;
	if (count > 1 || head->minor == 0 || head->has_length ||
	    !slice_eq_nocase(http_field_value(head, field), SLICE("chunked")))
		return refuse(why_r, HTTP_REFUSE_BAD_FRAMING);
	return 0;
}

static bool
name_char(char c)
{
	c = ascii_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	    c == '_' || c == '~';
}

static bool
name_valid(struct slice name)
{
	size_t i, label = 0;

	if (name.len == 0 || name.len > HOST_MAX)
		return false;
	for (i = 0; i < name.len; i++) {
		if (name.at[i] == '.' ? label == 0 : !name_char(name.at[i]))
			return false;
		label = name.at[i] == '.' ? 0 : label + 1;
	}
	return true;
}

static bool
address_valid(struct slice address)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr binary;

	if (address.len == 0 || address.len >= sizeof text ||
	    memchr(address.at, '\0', address.len) != NULL)
		return false;
	memcpy(text, address.at, address.len);
	text[address.len] = '\0';
	return inet_pton(AF_INET6, text, &binary) == 1;
}

/* Cut "name" or "[address]" off *rest; what is left is the port's part. */
static bool
cut_name(struct slice *rest, struct slice *name_r, bool *address_r)
{
	const char *end;

	*address_r = rest->len > 0 && *rest->at == '[';
	if (*address_r) {
		end = memchr(rest->at, ']', rest->len);
		if (end == NULL)
			return false;
		end++;
	} else {
		end = rest->len > 0 ? memchr(rest->at, ':', rest->len) : NULL;
		if (end == NULL)
			end = rest->at + rest->len;
	}
	*name_r = slice_of(rest->at, (size_t)(end - rest->at));
	rest->len -= name_r->len;
	rest->at = end;
	return true;
}

/*
 * Is it a Host (RFC 9110, 7.2): a name, an IPv4 or a bracketed IPv6 address,
 * with a port or without? Names are those of hosts: letters, digits, "-_~"
 * and single dots; the sub-delimiters and escapes that RFC 3986 would bear are
 * refused. Empty is invalid.
 */
bool
http_host_valid(struct slice host)
{
	struct slice name, port = host;
	uint64_t number;
	bool address;

	if (!cut_name(&port, &name, &address))
		return false;
	if (address) {
		if (!address_valid(slice_of(name.at + 1, name.len - 2)))
			return false;
	} else if (!name_valid(name)) {
		return false;
	}
	if (port.len == 0)
		return true;
	return *port.at == ':' && port.len <= 1 + PORT_DIGITS &&
	    slice_to_u64(slice_of(port.at + 1, port.len - 1), &number) == 0 &&
	    number <= 65535;
}

/* A valid host without its port and without a root dot. */
struct slice
http_host_name(struct slice host)
{
	struct slice name = SLICE_NONE;
	bool address;

	if (!cut_name(&host, &name, &address))
		return SLICE_NONE;
	if (!address && name.len > 1 && name.at[name.len - 1] == '.')
		name.len--;
	return name;
}

static void
set_path(struct http_head *head, struct slice target)
{
	head->path = slice_until(&target, '?');
	head->has_query = target.at != NULL;
	head->query = target;
	if (head->path.len == 0)
		head->path = SLICE("/");
}

static int
read_absolute(struct http_head *head, struct slice target, size_t scheme,
    enum http_refusal *why_r)
{
	size_t end;

	target.at += scheme;
	target.len -= scheme;
	for (end = 0; end < target.len; end++)
		if (target.at[end] == '/' || target.at[end] == '?')
			break;
	head->form = HTTP_FORM_ABSOLUTE;
	head->host = slice_of(target.at, end);
	if (!http_host_valid(head->host))
		return refuse(why_r, HTTP_REFUSE_BAD_TARGET);
	set_path(head, slice_of(target.at + end, target.len - end));
	return 0;
}

static bool
starts_nocase(struct slice text, struct slice prefix)
{
	return text.len >= prefix.len &&
	    slice_eq_nocase(slice_of(text.at, prefix.len), prefix);
}

/* RFC 9112, 3.2: the forms of a target, by their first bytes. */
static int
read_target(struct http_head *head, enum http_refusal *why_r)
{
	struct slice target = http_head_part(head, head->target);

	/* A fragment is not for servers to see, and readers differ on it. */
	if (memchr(target.at, '#', target.len) != NULL)
		return refuse(why_r, HTTP_REFUSE_BAD_TARGET);
	if (target.len > 0 && *target.at == '/') {
		head->form = HTTP_FORM_ORIGIN;
		set_path(head, target);
		return 0;
	}
	if (slice_eq(target, SLICE("*")) && head->method == HTTP_VERB_OPTIONS) {
		head->form = HTTP_FORM_ASTERISK;
		head->path = target;
		return 0;
	}
	if (starts_nocase(target, SLICE("http://")))
		return read_absolute(head, target, 7, why_r);
	if (starts_nocase(target, SLICE("https://")))
		return read_absolute(head, target, 8, why_r);
	return refuse(why_r, HTTP_REFUSE_BAD_TARGET);
}

/* RFC 9112, 3.2 and 3.3; an absolute target and Host must agree. */
static int
read_host(struct http_head *head, enum http_refusal *why_r)
{
	const struct http_field *field = NULL;
	struct slice host;
	unsigned count;

	count = count_fields(head, HTTP_KNOWN_HOST, &field);
	if (count == 0 && head->minor == 0)
		return 0;
	if (count != 1)
		return refuse(why_r, HTTP_REFUSE_BAD_HOST);
	host = http_field_value(head, field);
	if (!http_host_valid(host) ||
	    (head->form == HTTP_FORM_ABSOLUTE &&
		!slice_eq_nocase(host, head->host)))
		return refuse(why_r, HTTP_REFUSE_BAD_HOST);
	head->host = host;
	return 0;
}

/* RFC 9110, 10.1.1; a client of HTTP/1.0 does not wait. */
static int
read_expect(struct http_head *head, enum http_refusal *why_r)
{
	const struct http_field *field = NULL;
	unsigned count;

	count = count_fields(head, HTTP_KNOWN_EXPECT, &field);
	if (count == 0 || head->minor == 0)
		return 0;
	if (count > 1 ||
	    !slice_eq_nocase(
		http_field_value(head, field), SLICE("100-continue")))
		return refuse(why_r, HTTP_REFUSE_BAD_EXPECT);
	head->expect_continue = head->body != HTTP_BODY_NONE;
	return 0;
}

/*
 * Decide on a parsed request and fill the head's second half. The path is cut
 * from its query here and judged by http_target_check. host is as sent (empty
 * with HTTP/1.0 only). 0, or -1 with the reason in why_r.
 */
int
http_framing_request(struct http_head *head, enum http_refusal *why_r)
{
	bool chunked;

	if (head->method == HTTP_VERB_CONNECT)
		return refuse(why_r, HTTP_REFUSE_BAD_METHOD);
	if (read_length(head, why_r) < 0 ||
	    read_coding(head, &chunked, why_r) < 0)
		return -1;
	head->body = HTTP_BODY_NONE;
	if (chunked)
		head->body = HTTP_BODY_CHUNKED;
	else if (head->length > 0)
		head->body = HTTP_BODY_LENGTH;
	if (read_target(head, why_r) < 0 || read_host(head, why_r) < 0 ||
	    read_expect(head, why_r) < 0)
		return -1;
	return read_connection(head, why_r);
}

/*
 * The same for an answer to a request of that method (RFC 9112, 6.3). With an
 * answer that has no body, length is what Content-Length promised of another.
 */
int
http_framing_response(
    struct http_head *head, unsigned method, enum http_refusal *why_r)
{
	bool chunked;

	if (read_length(head, why_r) < 0 ||
	    read_coding(head, &chunked, why_r) < 0 ||
	    read_connection(head, why_r) < 0)
		return -1;
	head->body = HTTP_BODY_NONE;
	/* None of these may announce a body: if one does, it may send it. */
	if (head->status < 200 || head->status == 204) {
		if (!chunked && head->length == 0)
			return 0;
		if (head->status < 200)
			return refuse(why_r, HTTP_REFUSE_BAD_FRAMING);
		head->keep_alive = false;
		return 0;
	}
	if (method == HTTP_VERB_HEAD || head->status == 304)
		return 0;
	if (chunked) {
		head->body = HTTP_BODY_CHUNKED;
	} else if (head->length > 0) {
		head->body = HTTP_BODY_LENGTH;
	} else if (!head->has_length) {
		head->body = HTTP_BODY_UNTIL_CLOSE;
		head->keep_alive = false;
	}
	return 0;
}
