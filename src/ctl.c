/*
 * ctl.c - gatehousectl: the operator's tool
 *
 * Asks the master over its control socket, and the function host over its
 * own. What a table contains and what would become of a request it finds out
 * by itself, from the table's own bytes: nothing is computed in the daemon.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "http/target.h"
#include "process/ask.h"
#include "process/daemon.h"
#include "process/function_tool.h"
#include "process/loader.h"
#include "table/dump.h"
#include "table/view.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/text.h"

#define DEFAULT_SOCKET	GATEHOUSE_RUNSTATEDIR "/gatehouse/control.sock"
#define HEADERS_MAX	64

enum {
	OPTION_FORMAT = 256,
	OPTION_LISTENER,
	OPTION_HEADER,
	OPTION_READY,
	OPTION_TIMEOUT,
	OPTION_PAYLOAD,
	OPTION_QUALIFIER,
	OPTION_LOG,
	OPTION_EVENT,
};

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "config", required_argument, NULL, 'c' },
	{ "prefix", required_argument, NULL, 'p' },
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "listener", required_argument, NULL, OPTION_LISTENER },
	{ "header", required_argument, NULL, OPTION_HEADER },
	{ "ready", no_argument, NULL, OPTION_READY },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "payload", required_argument, NULL, OPTION_PAYLOAD },
	{ "qualifier", required_argument, NULL, OPTION_QUALIFIER },
	{ "log", no_argument, NULL, OPTION_LOG },
	{ "event", no_argument, NULL, OPTION_EVENT },
	{ "follow", no_argument, NULL, 'f' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char usage_text[] =
    "usage: gatehousectl [-s SOCKET | -c FILE] [--format=json] COMMAND\n"
    "\n"
    "  status                how the running instance and its workers are\n"
    "  reload                load the configuration anew and wait for it\n"
    "  routes                the compiled table in force\n"
    "  explain METHOD URL    what becomes of a request, and why\n"
    "      --listener NAME   that comes in there\n"
    "      --header 'N: v'   with this field; may be repeated\n"
    "  functions             the functions that run on this machine\n"
    "  invoke NAME           call a function and print what it returns\n"
    "      --payload WHAT    with this event: a file, - or JSON ({})\n"
    "      --log             the end of its log to standard error\n"
    "      --event           do not wait for its end\n"
    "      --qualifier Q     that version or alias of it\n"
    "  logs NAME             the last lines that a function logged\n"
    "      -f, --follow      and those to come\n"
    "  wait --ready          until the instance serves\n"
    "      --timeout S       but at most so many seconds (30)\n"
    "\n"
    "  -s, --socket SOCKET   control socket (" DEFAULT_SOCKET ")\n"
    "  -c, --config FILE     take the control socket from this file\n"
    "  -p, --prefix PREFIX   in front of relative paths in that file\n"
    "      --format FORMAT   text or json\n"
    "  -V, --version         version\n"
    "  -h, --help            this text\n";

struct arguments {
	const char *socket;
	char *found;		/* ours: the socket that a file named */
	const char *file;
	const char *prefix;
	const char *listener;
	struct slice headers[HEADERS_MAX];
	size_t nheaders;
	bool json;
	bool ready;
	bool timed;
	bool follow;
	double timeout;
	struct function_call call;
};

static void
print(const struct buf *out, bool ok)
{
	fd_write_all(ok ? STDOUT_FILENO : STDERR_FILENO, out->at, out->len);
}

/* What went wrong; a program that asked for JSON gets an object. */
static int
failure(const struct arguments *args, int code, const char *text)
{
	struct buf out;

	buf_open(&out);
	if (args->json) {
		buf_add_text(&out, "{\"ok\":false,\"error\":\"");
		text_json_escape(&out, slice_text(text));
		buf_add_text(&out, "\"}\n");
	} else {
		buf_printf(&out, "gatehousectl: %s\n", text);
	}
	print(&out, args->json);
	buf_close(&out);
	return code;
}

static int
usage_error(const struct arguments *args, const char *text)
{
	failure(args, EXIT_CODE_USAGE, text);
	if (!args->json)
		fputs("Try gatehousectl --help.\n", stderr);
	return EXIT_CODE_USAGE;
}

static int
not_reached(const struct arguments *args, int got, const struct error *err)
{
	return failure(args, got == ASK_FORBIDDEN ? EXIT_CODE_BIND :
	    EXIT_CODE_FAILURE, err->text);
}

/* --- what the master answers --------------------------------------------- */

static int
ask_and_print(const struct arguments *args, const char *command)
{
	struct error err;
	struct buf answer;
	char request[32];
	int code, got;

	snprintf(request, sizeof request, "%s %s\n", command,
	    args->json ? "json" : "text");
	buf_open(&answer);
	got = ask(args->socket, request, &answer, &code, &err);
	if (got < 0) {
		buf_close(&answer);
		return not_reached(args, got, &err);
	}
	if (code != EXIT_CODE_OK && code != EXIT_CODE_CONFIGURATION)
		code = EXIT_CODE_FAILURE;
	if (args->json && (answer.len == 0 || *answer.at != '{')) {
		/* A sentence: it came to nothing before it began. */
		while (answer.len > 0 && answer.at[answer.len - 1] == '\n')
			answer.len--;
		error_set(&err, "%.*s", (int)answer.len, answer.at);
		failure(args, code, err.text);
	} else {
		print(&answer, code == 0 || args->json);
	}
	buf_close(&answer);
	return code;
}

/* A start may just be under way: an absent socket is asked again. */
static int
wait_ready(const struct arguments *args)
{
	uint64_t end = clock_now_ms() + (uint64_t)(args->timeout * 1000);
	struct timespec pause = { .tv_nsec = 50000000 };
	struct buf answer;
	struct error err;
	int code, got;

	for (;;) {
		buf_open(&answer);
		got = ask(args->socket, "wait\n", &answer, &code, &err);
		buf_close(&answer);
		if (got == 0 && code == 0) {
			if (args->json)
				puts("{\"ok\":true,\"ready\":true}");
			return EXIT_CODE_OK;
		}
		if (got == 0)
			error_set(&err, "gatehouse is not ready");
		if (got == ASK_FORBIDDEN || clock_now_ms() >= end)
			return not_reached(args, got, &err);
		nanosleep(&pause, NULL);
	}
}

/* --- what the table says ------------------------------------------------- */

static int
open_table(const struct arguments *args, struct table_view **view_r)
{
	struct error err;
	int fd, code, got = ask_image(args->socket, &fd, &err);

	if (got < 0)
		return not_reached(args, got, &err);
	code = table_view_open(fd, view_r, &err) < 0 ? failure(args,
	    EXIT_CODE_FAILURE, err.text) : EXIT_CODE_OK;
	close(fd);
	return code;
}

static int
routes(const struct arguments *args)
{
	struct table_view *view;
	struct buf out;
	int code = open_table(args, &view);

	if (code != EXIT_CODE_OK)
		return code;
	buf_open(&out);
	table_dump_routes(view->head, args->json, &out);
	print(&out, true);
	buf_close(&out);
	table_view_unref(&view);
	return EXIT_CODE_OK;
}

/* The target as it would stand in a request; a fragment is never sent. */
static struct slice
target_of(const char *url)
{
	const char *host = strstr(url, "://"), *at = url;

	if (*url != '/') {
		at = host == NULL ? "/" : host + 3 + strcspn(host + 3, "/?#");
		if (*at != '/')
			at = "/";
	}
	return slice_of(at, strcspn(at, "#"));
}

/* Refused before any table is asked, as the workers do it. */
static int
explain_refused(const struct arguments *args)
{
	static const char why[] = "the path is refused before it is matched: "
	    "a '.' or '..' segment, a broken escape, an escaped control "
	    "character or a byte that no target may have";

	if (args->json)
		printf("{\"no match\":\"%s\",\"answer\":\"400 Bad Request\"}"
		    "\n", why);
	else
		printf("no match       %s\nanswer         400 Bad Request\n",
		    why);
	return EXIT_CODE_OK;
}

static int
explain(const struct arguments *args, const char *method, const char *url)
{
	struct http_target facts;
	struct table_view *view;
	struct error err;
	struct buf out;
	int code = open_table(args, &view);

	if (code != EXIT_CODE_OK)
		return code;
	buf_open(&out);
	if (http_target_check(target_of(url), &facts) < 0)
		code = explain_refused(args);
	else if (table_explain(view->head, slice_text(args->listener),
	    slice_text(method), slice_text(url), args->headers, args->nheaders,
	    args->json, &out, &err) < 0)
		code = failure(args, EXIT_CODE_USAGE, err.text);
	else
		print(&out, true);
	buf_close(&out);
	table_view_unref(&view);
	return code;
}

/* --- functions ----------------------------------------------------------- */

/* 0 and 1 are what they are; -1 comes with a sentence. */
static int
end_with(const struct arguments *args, int code, const struct error *err)
{
	return code < 0 ? not_reached(args, code, err) : code == 0 ?
	    EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

static int
functions(const struct arguments *args)
{
	struct error err;

	return end_with(args, functions_show(args->socket, args->json, &err),
	    &err);
}

static int
invoke(struct arguments *args, const char *name)
{
	struct error err;

	args->call.name = name;
	return end_with(args, function_invoke(args->socket, &args->call,
	    &err), &err);
}

static int
logs(const struct arguments *args, const char *name)
{
	struct error err;

	return end_with(args, function_log_show(args->socket, name,
	    args->follow, &err), &err);
}

/* --- arguments ----------------------------------------------------------- */

static int
add_header(struct arguments *args, const char *field)
{
	if (strchr(field, ':') == NULL)
		return usage_error(args, "--header wants 'Name: value'");
	if (args->nheaders == HEADERS_MAX)
		return usage_error(args, "there are too many --header");
	args->headers[args->nheaders++] = slice_text(field);
	return -1;
}

static int
take_timeout(struct arguments *args, const char *text)
{
	char *end;

	args->timed = true;
	args->timeout = strtod(text, &end);
	if (end == text || *end != '\0' || !(args->timeout >= 0) ||
	    args->timeout > 86400)
		return usage_error(args, "--timeout wants a number of seconds");
	return -1;
}

/* Returns -1 to go on, or the exit code. */
static int
take_option(struct arguments *args, int option)
{
	switch (option) {
	case 's':
		args->socket = optarg;
		return -1;
	case 'c':
		args->file = optarg;
		return -1;
	case 'p':
		args->prefix = optarg;
		return -1;
	case OPTION_FORMAT:
		args->json = strcmp(optarg, "json") == 0;
		if (!args->json && strcmp(optarg, "text") != 0)
			return usage_error(args, "--format wants text or "
			    "json");
		return -1;
	case OPTION_LISTENER:
		args->listener = optarg;
		return -1;
	case OPTION_HEADER:
		return add_header(args, optarg);
	case OPTION_READY:
		args->ready = true;
		return -1;
	case OPTION_TIMEOUT:
		return take_timeout(args, optarg);
	case OPTION_PAYLOAD:
		args->call.payload = optarg;
		return -1;
	case OPTION_QUALIFIER:
		args->call.qualifier = optarg;
		return -1;
	case OPTION_LOG:
		args->call.log = true;
		return -1;
	case OPTION_EVENT:
		args->call.event = true;
		return -1;
	case 'f':
		args->follow = true;
		return -1;
	case 'V':
		puts("gatehousectl " PACKAGE_VERSION);
		return EXIT_CODE_OK;
	case 'h':
		fputs(usage_text, stdout);
		return EXIT_CODE_OK;
	default:
		fputs("Try gatehousectl --help.\n", stderr);
		return EXIT_CODE_USAGE;
	}
}

/* Its errors, as the daemon would name them. */
static int
print_problems(const struct arguments *args, const struct load *load)
{
	struct buf out;

	buf_open(&out);
	spec_problems_write(&load->problems, args->json, &out);
	print(&out, args->json);
	buf_close(&out);
	return EXIT_CODE_CONFIGURATION;
}

/*
 * -c: the file says where. Its other errors are not our business; but with
 * errors and without the setting, the default may be another instance's.
 */
static int
find_socket(struct arguments *args)
{
	struct load_request request = { .file = args->file,
	    .prefix = args->prefix };
	struct load load;
	int code = EXIT_CODE_OK;

	if (args->socket != NULL)
		return args->file == NULL ? EXIT_CODE_OK :
		    usage_error(args, "-s and -c exclude each other");
	if (args->file == NULL) {
		args->socket = DEFAULT_SOCKET;
		return EXIT_CODE_OK;
	}
	load_parse(&load, &request);
	if (load.problems.errors > 0 &&
	    !spec_gives(load.spec, "control_socket"))
		code = print_problems(args, &load);
	else if (load.spec->control_socket.len == 0)
		code = usage_error(args, "the file names no control_socket");
	else
		args->socket = args->found = mem_text(
		    load.spec->control_socket.at,
		    load.spec->control_socket.len);
	load_close(&load);
	return code;
}

/* Returns -1 to go on: each option goes with the command it is for. */
static int
check_options(const struct arguments *args, const char *command)
{
	if ((args->listener != NULL || args->nheaders > 0) &&
	    strcmp(command, "explain") != 0)
		return usage_error(args, "--listener and --header go with "
		    "explain");
	if ((args->ready || args->timed) && strcmp(command, "wait") != 0)
		return usage_error(args, "--ready and --timeout go with wait");
	if ((args->call.payload != NULL || args->call.qualifier != NULL ||
	    args->call.log || args->call.event) &&
	    strcmp(command, "invoke") != 0)
		return usage_error(args, "--payload, --qualifier, --log and "
		    "--event go with invoke");
	if (args->follow && strcmp(command, "logs") != 0)
		return usage_error(args, "--follow goes with logs");
	return -1;
}

static int
obey(struct arguments *args, char **words, int count)
{
	const char *command = count > 0 ? words[0] : "";

	if (strcmp(command, "explain") == 0)
		return count != 3 ? usage_error(args, "explain wants METHOD "
		    "and URL") : explain(args, words[1], words[2]);
	if (strcmp(command, "invoke") == 0)
		return count != 2 ? usage_error(args, "invoke wants the NAME "
		    "of a function") : invoke(args, words[1]);
	if (strcmp(command, "logs") == 0)
		return count != 2 ? usage_error(args, "logs wants the NAME "
		    "of a function") : logs(args, words[1]);
	if (count > 1)
		return usage_error(args, "there is an argument too much");
	if (strcmp(command, "status") == 0)
		return ask_and_print(args, "status");
	if (strcmp(command, "reload") == 0)
		return ask_and_print(args, "reload");
	if (strcmp(command, "routes") == 0)
		return routes(args);
	if (strcmp(command, "functions") == 0)
		return functions(args);
	if (strcmp(command, "wait") == 0)
		return !args->ready ? usage_error(args, "wait wants --ready") :
		    wait_ready(args);
	return usage_error(args, count == 0 ? "a command is missing" :
	    "there is no such command");
}

int
main(int argc, char **argv)
{
	struct arguments args = { .timeout = 30 };
	int option, code = -1;

	while (code < 0 && (option = getopt_long(argc, argv, "s:c:p:fVh",
	    long_options, NULL)) != -1)
		code = take_option(&args, option);
	if (code >= 0)
		return code;
	code = check_options(&args, optind < argc ? argv[optind] : "");
	if (code >= 0)
		return code;
	code = find_socket(&args);
	if (code == EXIT_CODE_OK)
		code = obey(&args, argv + optind, argc - optind);
	free(args.found);
	return code;
}
