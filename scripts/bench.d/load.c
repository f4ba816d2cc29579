/*
 * load.c - the closed-loop load generator of the bench
 *
 * Every connection sends one fixed request, reads one whole answer, and sends
 * the next. An answer is good when its head is well formed, its status is the
 * wanted one and its body has exactly the bytes its one Content-Length says;
 * everything else is bad, closes the connection and is reported with the
 * first reason. At the end of its time it sends no more and waits for what
 * is in flight, so that every request begun is also counted. It prints one
 * line of JSON.
 *
 * With --wait it prints "ready" once all connections are open and warm, waits
 * for a line on its input before it starts and for the end of its input
 * before it closes: whoever drives it can read a proxy's clocks at both ends.
 */

#include <sys/epoll.h>
#include <sys/socket.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "net.h"

#define HEAD_MAX	4096
#define EVENTS		256
#define SCRATCH		(256 * 1024)
#define BAD_MAX		1000	/* then it is not a measurement any more */
#define STALL_MS	10000	/* nothing moved for so long: give up */

/* Latencies fall into 64 steps per power of two: an error under 0.8%. */
#define STEPS		64
#define STEP_BITS	6
#define BUCKETS		(STEPS * (64 - STEP_BITS))

struct request {
	char *bytes;
	size_t size;
};

enum conn_state {
	CONN_IDLE,		/* open, nothing asked */
	CONN_SENDING,		/* a request, or the rest of one */
	CONN_HEAD,		/* reading an answer's head */
	CONN_BODY		/* counting an answer's body */
};

struct conn {
	int fd;
	enum conn_state state;
	bool readable;		/* since the last edge */
	bool ending;		/* the proxy closed: read until its end */
	bool last_answer;	/* this answer said Connection: close */
	const struct request *request;
	size_t sent;
	uint64_t begun;		/* when the request was sent, in ns */
	uint64_t body_left;
	size_t have;		/* bytes in head */
	char *head;		/* HEAD_MAX bytes while an answer begins */
};

struct load {
	/* from the options */
	const char *address;
	const char *method;
	const char *target;
	char *headers;		/* whole lines */
	size_t body;
	unsigned connections;
	unsigned targets;
	unsigned warm;		/* requests per connection before the start */
	unsigned status;
	double seconds;
	uint64_t count;
	bool wait;

	/* at work */
	int epoll;
	struct conn *conns;
	struct request *requests;
	unsigned next_request;
	unsigned busy;		/* connections with a request in flight */
	uint64_t quota;		/* requests still to be sent */
	uint64_t deadline;	/* no request after this */

	/* what came of it */
	uint64_t begun;
	uint64_t ended;
	uint64_t good;
	uint64_t bad;
	uint64_t bytes;
	uint64_t reopened;
	uint64_t longest;
	const char *problem;	/* the first reason for a bad answer */
	unsigned problem_status;
	uint64_t histogram[BUCKETS];
	char scratch[SCRATCH];
};

enum progress { GO_ON, WAIT, FAILED };

static unsigned
bucket_of(uint64_t value)
{
	unsigned shift;

	if (value < STEPS)
		return (unsigned)value;
	shift = 63u - (unsigned)__builtin_clzll(value) - STEP_BITS;
	return shift * STEPS + (unsigned)(value >> shift);
}

/* The middle of a bucket. */
static double
bucket_value(unsigned bucket)
{
	unsigned shift;

	if (bucket < 2 * STEPS)
		return bucket;
	shift = bucket / STEPS - 1;
	return ((double)(bucket % STEPS + STEPS) + 0.5) *
	    (double)(UINT64_C(1) << shift);
}

static double
percentile(const struct load *load, double share)
{
	uint64_t wanted = (uint64_t)((double)load->good * share);
	uint64_t seen = 0;
	unsigned i;

	for (i = 0; i < BUCKETS; i++) {
		seen += load->histogram[i];
		if (seen > wanted)
			return bucket_value(i) / 1000;
	}
	return (double)load->longest / 1000;
}

static enum progress
complain(struct load *load, const char *reason)
{
	if (load->problem == NULL)
		load->problem = reason;
	return FAILED;
}

static bool
is_token(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* "HTTP/1.1 NNN reason". Returns the status, or 0 for a malformed line. */
static unsigned
parse_status(const char *line, size_t size)
{
	unsigned i, status = 0;

	if (size < 13 || memcmp(line, "HTTP/1.1 ", 9) != 0 ||
	    line[12] != ' ' || memchr(line, '\n', size) != NULL)
		return 0;
	for (i = 9; i < 12; i++) {
		if (line[i] < '0' || line[i] > '9')
			return 0;
		status = status * 10 + (unsigned)(line[i] - '0');
	}
	return status;
}

/* What an answer's header says of its framing. */
struct framing {
	uint64_t length;
	bool has_length;
	bool close;
};

static const char *
parse_length(const char *value, size_t size, struct framing *framing)
{
	size_t i;

	if (framing->has_length)
		return "two Content-Length fields";
	if (size == 0 || size > 18)
		return "a bad Content-Length";
	for (i = 0; i < size; i++) {
		if (value[i] < '0' || value[i] > '9')
			return "a bad Content-Length";
		framing->length = framing->length * 10 +
		    (uint64_t)(value[i] - '0');
	}
	framing->has_length = true;
	return NULL;
}

static bool
name_is(const char *name, size_t size, const char *wanted)
{
	return size == strlen(wanted) && strncasecmp(name, wanted, size) == 0;
}

/* One header line without its CRLF. Returns NULL, or what is wrong. */
static const char *
parse_field(const char *line, size_t size, struct framing *framing)
{
	const char *value;
	size_t name = 0, rest;

	while (name < size && is_token((unsigned char)line[name]))
		name++;
	if (name == 0 || name == size || line[name] != ':')
		return "a malformed header line";
	value = line + name + 1;
	rest = size - name - 1;
	while (rest > 0 && (*value == ' ' || *value == '\t')) {
		value++;
		rest--;
	}
	if (name_is(line, name, "content-length"))
		return parse_length(value, rest, framing);
	if (name_is(line, name, "transfer-encoding"))
		return "a Transfer-Encoding where a length was due";
	if (name_is(line, name, "connection") && name_is(value, rest, "close"))
		framing->close = true;
	return NULL;
}

/*
 * The header lines from line to end, which is behind the last CRLF of them.
 * Returns NULL, or what is wrong.
 */
static const char *
parse_fields(const char *line, const char *end, struct framing *framing)
{
	const char *cr, *problem;

	while (line < end) {
		cr = memchr(line, '\r', (size_t)(end - line));
		if (cr == NULL || cr + 1 >= end || cr[1] != '\n' ||
		    memchr(line, '\n', (size_t)(cr - line)) != NULL)
			return "a malformed line end";
		problem = parse_field(line, (size_t)(cr - line), framing);
		if (problem != NULL)
			return problem;
		line = cr + 2;
	}
	return NULL;
}

/* A whole head of size bytes: check it and learn the body's length. */
static enum progress
conn_on_head(struct load *load, struct conn *conn, size_t size)
{
	struct framing framing = { .length = 0 };
	const char *cr, *problem;
	unsigned status;

	cr = memchr(conn->head, '\r', size);
	status = parse_status(conn->head, (size_t)(cr - conn->head));
	if (status == 0 || cr[1] != '\n')
		return complain(load, "a malformed status line");
	problem = parse_fields(cr + 2, conn->head + size - 2, &framing);
	if (problem != NULL)
		return complain(load, problem);
	if (status != load->status) {
		if (load->problem == NULL)
			load->problem_status = status;
		return complain(load, "another status");
	}
	if (status == 204 && framing.length > 0)
		return complain(load, "a body with a 204");
	if (status != 204 && !framing.has_length)
		return complain(load, "no Content-Length");
	conn->body_left = framing.length;
	conn->last_answer = framing.close;
	conn->state = CONN_BODY;
	return GO_ON;
}

/* Bytes of a body, or what should have been one. */
static enum progress
conn_on_body(struct load *load, struct conn *conn, size_t size)
{
	if (size > conn->body_left)
		return complain(load, "bytes behind the end of an answer");
	conn->body_left -= size;
	return GO_ON;
}

static enum progress
conn_read_head(struct load *load, struct conn *conn)
{
	size_t room = HEAD_MAX - conn->have, head;
	enum progress progress;
	const char *end;
	ssize_t n;

	if (!conn->readable)
		return WAIT;
	n = recv(conn->fd, conn->head + conn->have, room, 0);
	if (n < 0 && errno == EAGAIN) {
		conn->readable = false;
		return WAIT;
	}
	if (n <= 0)
		return complain(load, "closed before an answer");
	conn->readable = (size_t)n == room || conn->ending;
	conn->have += (size_t)n;
	load->bytes += (size_t)n;
	end = memmem(conn->head, conn->have, "\r\n\r\n", 4);
	if (end == NULL)
		return conn->have < HEAD_MAX ? GO_ON :
		    complain(load, "a head that is too long");
	head = (size_t)(end - conn->head) + 4;
	progress = conn_on_head(load, conn, head);
	if (progress == FAILED)
		return FAILED;
	return conn_on_body(load, conn, conn->have - head);
}

/* Body bytes are dropped by the kernel: the generator must stay cheap. */
static enum progress
conn_read_body(struct load *load, struct conn *conn)
{
	size_t room = SCRATCH;
	ssize_t n;

	if (!conn->readable)
		return WAIT;
	if (room > conn->body_left)
		room = (size_t)conn->body_left;
	n = recv(conn->fd, load->scratch, room, MSG_TRUNC);
	if (n < 0 && errno == EAGAIN) {
		conn->readable = false;
		return WAIT;
	}
	if (n <= 0)
		return complain(load, "closed within an answer");
	load->bytes += (size_t)n;
	return conn_on_body(load, conn, (size_t)n);
}

static void
conn_open(struct load *load, struct conn *conn)
{
	struct epoll_event event;

	conn->fd = net_connect(load->address);
	conn->state = CONN_IDLE;
	conn->readable = false;
	conn->ending = false;
	event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
	event.data.ptr = conn;
	if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, conn->fd, &event) < 0)
		err(1, "epoll_ctl");
}

static void
conn_reopen(struct load *load, struct conn *conn)
{
	close(conn->fd);
	load->reopened++;
	conn_open(load, conn);
}

/* Give the connection its next request, if there is one to be sent. */
static bool
conn_begin(struct load *load, struct conn *conn, uint64_t now)
{
	if (load->quota == 0 || now >= load->deadline)
		return false;
	load->quota--;
	load->busy++;
	conn->request = &load->requests[load->next_request];
	if (++load->next_request == load->targets)
		load->next_request = 0;
	conn->state = CONN_SENDING;
	conn->sent = 0;
	conn->have = 0;
	conn->begun = now;
	if (conn->head == NULL && (conn->head = malloc(HEAD_MAX)) == NULL)
		err(1, "cannot hold one more answer");
	return true;
}

static enum progress
conn_send(struct load *load, struct conn *conn)
{
	ssize_t n;

	n = send(conn->fd, conn->request->bytes + conn->sent,
	    conn->request->size - conn->sent, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
		return WAIT;
	if (n < 0)
		return complain(load, "closed before a request");
	conn->sent += (size_t)n;
	if (conn->sent == conn->request->size)
		conn->state = CONN_HEAD;
	return GO_ON;
}

/* A whole good answer is here. */
static enum progress
conn_finish(struct load *load, struct conn *conn)
{
	uint64_t now = net_now();
	uint64_t took = now - conn->begun;

	load->good++;
	load->busy--;
	load->histogram[bucket_of(took)]++;
	if (took > load->longest)
		load->longest = took;
	conn->state = CONN_IDLE;
	if (conn->last_answer)
		conn_reopen(load, conn);
	return conn_begin(load, conn, now) ? GO_ON : WAIT;
}

static enum progress
conn_step(struct load *load, struct conn *conn)
{
	switch (conn->state) {
	case CONN_SENDING:
		return conn_send(load, conn);
	case CONN_HEAD:
		return conn_read_head(load, conn);
	case CONN_BODY:
		if (conn->body_left > 0)
			return conn_read_body(load, conn);
		return conn_finish(load, conn);
	case CONN_IDLE:
		break;
	}
	return WAIT;
}

static void
conn_run(struct load *load, struct conn *conn)
{
	enum progress progress;

	do
		progress = conn_step(load, conn);
	while (progress == GO_ON);
	if (progress == WAIT)
		return;
	load->busy--;
	if (++load->bad >= BAD_MAX) {
		load->quota = 0;
		load->deadline = 0;
	}
	conn_reopen(load, conn);
	if (conn_begin(load, conn, net_now()))
		conn_run(load, conn);
}

static void
conn_turn(struct load *load, struct conn *conn, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		conn->readable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		conn->ending = true;
	if (conn->state != CONN_IDLE) {
		conn_run(load, conn);
	} else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		/* Closed while it rested: open it anew, and say so. */
		conn_reopen(load, conn);
	}
}

/* Serve the connections until none has a request in flight. */
static void
load_drain(struct load *load)
{
	struct epoll_event events[EVENTS];
	int i, n;

	while (load->busy > 0) {
		n = epoll_wait(load->epoll, events, EVENTS, STALL_MS);
		if (n < 0 && errno != EINTR)
			err(1, "epoll_wait");
		if (n == 0)
			errx(1, "no answer for %d ms: %u requests wait",
			    STALL_MS, load->busy);
		for (i = 0; i < n; i++)
			conn_turn(load, events[i].data.ptr, events[i].events);
	}
}

/* Send up to count requests over all connections before the deadline. */
static void
load_round(struct load *load, uint64_t count, uint64_t deadline)
{
	unsigned i;

	load->quota = count;
	load->deadline = deadline;
	for (i = 0; i < load->connections; i++)
		if (conn_begin(load, &load->conns[i], net_now()))
			conn_run(load, &load->conns[i]);
	load_drain(load);
}

/*
 * Open every connection and use it, 64 at a time, so that a big number of
 * them does not overrun the listener's backlog.
 */
static void
load_warm(struct load *load)
{
	unsigned i;
	uint64_t warm = load->warm > 0 ? load->warm : 1;

	for (i = 0; i < load->connections; i++) {
		conn_open(load, &load->conns[i]);
		load->quota = 1;
		load->deadline = UINT64_MAX;
		if (conn_begin(load, &load->conns[i], net_now()))
			conn_run(load, &load->conns[i]);
		if (load->busy >= 64)
			load_drain(load);
	}
	load_drain(load);
	if (warm > 1)
		load_round(load, (warm - 1) * load->connections, UINT64_MAX);
	if (load->bad > 0)
		errx(1, "bad answers before the start: %s (status %u)",
		    load->problem, load->problem_status);
	load->good = load->bytes = load->longest = load->reopened = 0;
	memset(load->histogram, 0, sizeof load->histogram);
}

/* A fixed pseudo-random walk over all targets. */
static unsigned
shuffled(unsigned i, unsigned targets)
{
	return (unsigned)((uint64_t)i * 7919u % targets);
}

/* The target with every %u in it replaced by number, in six digits. */
static void
print_target(FILE *out, const char *target, unsigned number)
{
	const char *mark;

	while ((mark = strstr(target, "%u")) != NULL) {
		fprintf(out, "%.*s%06u", (int)(mark - target), target, number);
		target = mark + 2;
	}
	fputs(target, out);
}

static struct request
request_make(const struct load *load, unsigned number)
{
	struct request request;
	size_t i;
	FILE *out;

	out = open_memstream(&request.bytes, &request.size);
	if (out == NULL)
		err(1, "no memory");
	fprintf(out, "%s ", load->method);
	print_target(out, load->target, number);
	fprintf(out, " HTTP/1.1\r\n%s", load->headers);
	if (load->body > 0)
		fprintf(out, "Content-Length: %zu\r\n", load->body);
	fputs("\r\n", out);
	for (i = 0; i < load->body; i++)
		fputc('a' + (int)(i % 26), out);
	if (fclose(out) != 0)
		err(1, "no memory");
	return request;
}

static void
load_report(const struct load *load)
{
	double seconds = (double)(load->ended - load->begun) / 1e9;

	printf("{\"requests\": %llu, \"bad\": %llu, \"reopened\": %llu, "
	    "\"bytes\": %llu, \"seconds\": %.6f, \"per_second\": %.1f, "
	    "\"latency_us\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, "
	    "\"max\": %.1f}",
	    (unsigned long long)load->good, (unsigned long long)load->bad,
	    (unsigned long long)load->reopened,
	    (unsigned long long)load->bytes, seconds,
	    (double)load->good / seconds, percentile(load, 0.50),
	    percentile(load, 0.90), percentile(load, 0.99),
	    (double)load->longest / 1000);
	if (load->problem != NULL)
		printf(", \"problem\": \"%s\", \"problem_status\": %u",
		    load->problem, load->problem_status);
	printf("}\n");
	fflush(stdout);
}

static void
add_header(struct load *load, const char *line)
{
	char *headers;

	if (asprintf(&headers, "%s%s\r\n", load->headers, line) < 0)
		err(1, "no memory");
	free(load->headers);
	load->headers = headers;
}

static const struct option options[] = {
	{ "address", required_argument, NULL, 'a' },
	{ "method", required_argument, NULL, 'm' },
	{ "target", required_argument, NULL, 't' },
	{ "header", required_argument, NULL, 'H' },
	{ "body", required_argument, NULL, 'b' },
	{ "connections", required_argument, NULL, 'c' },
	{ "targets", required_argument, NULL, 'T' },
	{ "warm", required_argument, NULL, 'w' },
	{ "status", required_argument, NULL, 's' },
	{ "seconds", required_argument, NULL, 'd' },
	{ "count", required_argument, NULL, 'n' },
	{ "wait", no_argument, NULL, 'W' },
	{ NULL, 0, NULL, 0 }
};

static void
usage(void)
{
	fputs("usage: load --address ADDRESS [--method GET] [--target /]\n"
	    "    [--targets N: each %u in the target is six digits below N]\n"
	    "    [--header 'Name: value']... [--body BYTES] [--status 200]\n"
	    "    [--connections 64] [--warm REQUESTS] [--wait]\n"
	    "    [--seconds S | --count REQUESTS]\n", stderr);
	exit(2);
}

static unsigned
parse_number(const char *text)
{
	unsigned long number;
	char *end;

	number = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' ||
	    number > UINT32_MAX)
		errx(2, "%s: a number was expected", text);
	return (unsigned)number;
}

static void
set_option(struct load *load, int option, const char *text)
{
	switch (option) {
	case 'a':
		load->address = text;
		break;
	case 'm':
		load->method = text;
		break;
	case 't':
		load->target = text;
		break;
	case 'H':
		add_header(load, text);
		break;
	case 'b':
		load->body = parse_number(text);
		break;
	case 'c':
		load->connections = parse_number(text);
		break;
	case 'T':
		load->targets = parse_number(text);
		break;
	case 'w':
		load->warm = parse_number(text);
		break;
	case 's':
		load->status = parse_number(text);
		break;
	case 'd':
		load->seconds = strtod(text, NULL);
		break;
	case 'n':
		load->count = parse_number(text);
		break;
	case 'W':
		load->wait = true;
		break;
	default:
		usage();
	}
}

static void
parse_options(int argc, char **argv, struct load *load)
{
	int c;

	load->method = "GET";
	load->target = "/";
	load->headers = strdup("");
	load->connections = 64;
	load->targets = 1;
	load->status = 200;
	load->seconds = 1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		set_option(load, c, optarg);
	if (optind < argc || load->address == NULL || load->targets == 0 ||
	    load->connections == 0)
		usage();
}

static void
load_open(struct load *load)
{
	unsigned i;

	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	load->conns = calloc(load->connections, sizeof *load->conns);
	load->requests = calloc(load->targets, sizeof *load->requests);
	if (load->epoll < 0 || load->conns == NULL || load->requests == NULL)
		err(1, "cannot hold %u connections", load->connections);
	for (i = 0; i < load->targets; i++)
		load->requests[i] = request_make(load,
		    shuffled(i, load->targets));
}

static void
wait_for_line(void)
{
	char line[16];

	if (read(STDIN_FILENO, line, sizeof line) <= 0)
		exit(1);
}

/* Keep the connections open until the input ends. */
static void
wait_for_end(void)
{
	char line[16];

	while (read(STDIN_FILENO, line, sizeof line) > 0)
		continue;
}

int
main(int argc, char **argv)
{
	struct load *load;
	uint64_t span;

	net_die_with_parent();
	net_raise_files();
	load = calloc(1, sizeof *load);
	if (load == NULL)
		err(1, "no memory");
	parse_options(argc, argv, load);
	load_open(load);
	load_warm(load);
	if (load->wait) {
		puts("ready");
		fflush(stdout);
		wait_for_line();
	}
	load->begun = net_now();
	span = (uint64_t)(load->seconds * 1e9);
	if (load->count > 0)
		load_round(load, load->count, UINT64_MAX);
	else
		load_round(load, UINT64_MAX, load->begun + span);
	load->ended = net_now();
	load_report(load);
	if (load->wait)
		wait_for_end();
	return load->bad > 0;
}
