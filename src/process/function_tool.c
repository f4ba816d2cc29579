/*
 * process/function_tool.c - functions, as gatehousectl shows and calls them
 *
 * The master says where the function host's socket is; everything else is
 * between the tool and the host, over the same Invoke API that workers and
 * SDKs use.
 */

#include "process/function_tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/ask.h"
#include "process/ask_host.h"
#include "util/arena.h"
#include "util/base64.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/json.h"

#define PAYLOAD_MOST	(6 * 1024 * 1024)

/* A parsed text and the memory that it takes. */
struct tree {
	struct arena_pool pool;
	struct arena arena;
	struct json *root;
};

static int
tree_open(struct tree *tree, struct slice text, struct error *err)
{
	struct json_limits limits = { 0 };

	arena_pool_open(&tree->pool, 0);
	arena_open(&tree->arena, &tree->pool);
	if (json_parse(&tree->arena, text, &limits, &tree->root, err) == 0)
		return 0;
	return error_prefix(err, "gatehouse's answer cannot be read");
}

static void
tree_close(struct tree *tree)
{
	arena_close(&tree->arena);
	arena_pool_close(&tree->pool);
}

static struct slice
text_at(struct tree *tree, const struct json *object, const char *name)
{
	const struct json *value = object != NULL ?
	    json_member(object, name) : NULL;

	if (value == NULL)
		return SLICE_NONE;
	if (value->type != JSON_STRING)
		return value->text;
	return json_text(value, &tree->arena);
}

static uint64_t
number_at(const struct json *object, const char *name)
{
	const struct json *value = object != NULL ?
	    json_member(object, name) : NULL;
	uint64_t number;

	return value == NULL || slice_to_u64(value->text, &number) < 0 ? 0 :
	    number;
}

/* Where the host answers: the master knows. */
static int
find_socket(const char *control, char path[128], struct error *err)
{
	struct buf answer;
	struct slice socket;
	struct tree tree;
	int code, result;

	buf_open(&answer);
	result = ask(control, "status json\n", &answer, &code, err);
	if (result == 0) {
		result = tree_open(&tree, buf_slice(&answer), err);
		if (result == 0) {
			socket = text_at(&tree, json_member(tree.root,
			    "functions"), "socket");
			if (socket.len == 0)
				result = error_set(err, "no function runs on "
				    "this machine");
			else
				snprintf(path, 128, "%.*s", (int)socket.len,
				    socket.at);
		}
		tree_close(&tree);
	}
	buf_close(&answer);
	return result;
}

/* What the host refused to do. */
static int
refused(const struct host_answer *answer, struct error *err)
{
	struct slice type = host_answer_field(answer, "x-amzn-ErrorType"),
	    text = buf_slice(&answer->body);
	struct error ignored;
	struct tree tree;

	if (tree_open(&tree, text, &ignored) == 0) {
		struct slice message = text_at(&tree, tree.root, "Message");

		if (message.len == 0)
			message = text_at(&tree, tree.root, "message");
		if (message.len > 0)
			text = message;
	}
	error_set(err, "%.*s%s%.*s (status %u)", (int)type.len, type.at,
	    type.len > 0 ? ": " : "", (int)text.len, text.at, answer->status);
	tree_close(&tree);
	return -1;
}

/* "/…/NAME…": the name as one segment of a path. */
static void
add_segment(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		char low = ascii_lower(*text);

		if ((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') ||
		    strchr("-_.~", c) != NULL)
			buf_add_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

/* --- the table ----------------------------------------------------------- */

static void
add_row(struct tree *tree, const struct json *one, struct buf *out)
{
	const struct json *instances = json_member(one, "instances");
	struct slice name = text_at(tree, one, "name"),
	    runtime = text_at(tree, one, "runtime"),
	    state = text_at(tree, one, "state");
	char running[32];
	uint64_t busy = number_at(instances, "busy"),
	    all = busy + number_at(instances, "idle") +
	    number_at(instances, "starting");

	snprintf(running, sizeof running, "%" PRIu64 "/%" PRIu64, all,
	    number_at(one, "concurrency"));
	buf_printf(out, "%-24.*s %-8.*s %-8.*s %9s %5" PRIu64 " %6" PRIu64
	    " %11" PRIu64 " %8" PRIu64 " %9" PRIu64 " %6" PRIu64 "\n",
	    (int)name.len, name.at, (int)runtime.len, runtime.at,
	    (int)state.len, state.at, running, busy, number_at(one, "queued"),
	    number_at(one, "invocations"), number_at(one, "errors"),
	    number_at(one, "throttles"), number_at(one, "cold_starts"));
}

static int
show_table(struct slice text, struct error *err)
{
	const struct json *list, *one;
	struct tree tree;
	struct buf out;
	int code = tree_open(&tree, text, err);

	buf_open(&out);
	if (code == 0) {
		buf_printf(&out, "%-24s %-8s %-8s %9s %5s %6s %11s %8s %9s "
		    "%6s\n", "function", "runtime", "state", "instances",
		    "busy", "queued", "invocations", "errors", "throttles",
		    "colds");
		list = json_member(tree.root, "functions");
		for (one = list != NULL ? list->first : NULL; one != NULL;
		    one = one->next)
			add_row(&tree, one, &out);
		fd_write_all(STDOUT_FILENO, out.at, out.len);
	}
	buf_close(&out);
	tree_close(&tree);
	return code;
}

/* See function_tool.h. */
int
functions_show(const char *control, bool json, struct error *err)
{
	struct host_request request = { .method = "GET",
	    .target = SLICE("/gatehouse/functions"), .copy_to = -1 };
	struct host_answer answer;
	char path[128];
	int code = find_socket(control, path, err);

	if (code < 0)
		return code;
	code = ask_host(path, &request, &answer, err);
	if (code == 0 && answer.status != 200)
		code = refused(&answer, err);
	else if (code == 0 && !json)
		code = show_table(buf_slice(&answer.body), err);
	else if (code == 0) {
		buf_add_char(&answer.body, '\n');
		fd_write_all(STDOUT_FILENO, answer.body.at, answer.body.len);
	}
	host_answer_close(&answer);
	return code;
}

/* --- one invocation ------------------------------------------------------ */

static int
read_file(const char *name, struct buf *payload, struct error *err)
{
	int fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) :
	    open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return error_errno(err, "payload %s", name);
	while (n > 0 && payload->len <= PAYLOAD_MOST) {
		n = read(fd, buf_room(payload, 65536), 65536);
		if (n > 0)
			payload->len += (size_t)n;
	}
	if (n < 0)
		error_errno(err, "payload %s", name);
	close(fd);
	return n < 0 ? -1 : 0;
}

/* A file, unless what is given is JSON itself. */
static int
take_payload(const char *given, struct buf *payload, struct error *err)
{
	struct error ignored;

	if (given == NULL)
		given = "{}";
	if (strcmp(given, "-") == 0 || access(given, F_OK) == 0)
		return read_file(given, payload, err);
	if (json_check(slice_text(given), &ignored) < 0)
		return error_set(err, "payload %s: neither a file nor JSON",
		    given);
	buf_add_text(payload, given);
	return 0;
}

static void
write_target(const struct function_call *call, struct buf *target)
{
	buf_add_text(target, "/2015-03-31/functions/");
	add_segment(target, call->name);
	buf_add_text(target, "/invocations");
	if (call->qualifier != NULL) {
		buf_add_text(target, "?Qualifier=");
		add_segment(target, call->qualifier);
	}
}

static void
print_tail(const struct host_answer *answer)
{
	struct slice coded = host_answer_field(answer, "X-Amz-Log-Result");
	struct buf tail;

	buf_open(&tail);
	if (base64_decode(&tail, coded) == 0)
		fd_write_all(STDERR_FILENO, tail.at, tail.len);
	buf_close(&tail);
}

/* The result, and whether it is that of a function that worked. */
static int
print_result(const struct function_call *call, struct host_answer *answer)
{
	struct buf *body = &answer->body;

	if (call->log)
		print_tail(answer);
	if (body->len > 0 && body->at[body->len - 1] != '\n')
		buf_add_char(body, '\n');
	if (!call->event)
		fd_write_all(STDOUT_FILENO, body->at, body->len);
	return host_answer_field(answer, "X-Amz-Function-Error").len > 0;
}

/* See function_tool.h. */
int
function_invoke(const char *control, const struct function_call *call,
    struct error *err)
{
	struct host_request request = { .method = "POST", .copy_to = -1 };
	struct host_answer answer;
	struct buf target, payload, fields;
	char path[128];
	int code = find_socket(control, path, err);

	if (code < 0)
		return code;
	buf_open(&target);
	buf_open(&payload);
	buf_open(&fields);
	write_target(call, &target);
	if (call->event)
		buf_add_text(&fields, "X-Amz-Invocation-Type: Event\r\n");
	if (call->log)
		buf_add_text(&fields, "X-Amz-Log-Type: Tail\r\n");
	code = take_payload(call->payload, &payload, err);
	request.target = buf_slice(&target);
	request.fields = buf_slice(&fields);
	request.body = buf_slice(&payload);
	if (code == 0) {
		code = ask_host(path, &request, &answer, err);
		if (code == 0)
			code = answer.status >= 300 ? refused(&answer, err) :
			    print_result(call, &answer);
		host_answer_close(&answer);
	}
	buf_close(&fields);
	buf_close(&payload);
	buf_close(&target);
	return code;
}

/* --- its log ------------------------------------------------------------- */

/* See function_tool.h. With follow it ends when the host does. */
int
function_log_show(const char *control, const char *name, bool follow,
    struct error *err)
{
	struct host_request request = { .method = "GET",
	    .copy_to = STDOUT_FILENO };
	struct host_answer answer;
	struct buf target;
	char path[128];
	int code = find_socket(control, path, err);

	if (code < 0)
		return code;
	buf_open(&target);
	buf_add_text(&target, "/gatehouse/functions/");
	add_segment(&target, name);
	buf_add_text(&target, follow ? "/log?follow=1" : "/log");
	request.target = buf_slice(&target);
	code = ask_host(path, &request, &answer, err);
	if (code == 0 && answer.status != 200)
		code = refused(&answer, err);
	host_answer_close(&answer);
	buf_close(&target);
	return code;
}
