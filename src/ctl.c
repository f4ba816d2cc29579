/*
 * ctl.c - gatehousectl: the operator's tool
 *
 * Asks the master over its control socket. What a table contains and what
 * would become of a request it finds out by itself, from the table's own
 * bytes: nothing is computed in the daemon.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "process/ask.h"
#include "process/daemon.h"
#include "process/loader.h"
#include "table/dump.h"
#include "table/view.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/mem.h"

#define DEFAULT_SOCKET	GATEHOUSE_RUNSTATEDIR "/gatehouse/control.sock"
#define HEADERS_MAX	64

enum {
	OPTION_FORMAT = 256,
	OPTION_LISTENER,
	OPTION_HEADER,
	OPTION_READY,
	OPTION_TIMEOUT,
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
	double timeout;
};

static int
usage_error(const char *text)
{
	fprintf(stderr, "gatehousectl: %s\nTry gatehousectl --help.\n", text);
	return EXIT_CODE_USAGE;
}

static int
failure(const struct error *err)
{
	fprintf(stderr, "gatehousectl: %s\n", err->text);
	return EXIT_CODE_FAILURE;
}

static void
print(const struct buf *out, bool ok)
{
	fd_write_all(ok ? STDOUT_FILENO : STDERR_FILENO, out->at, out->len);
}

/* --- what the master answers --------------------------------------------- */

static int
ask_and_print(const struct arguments *args, const char *command)
{
	struct error err;
	struct buf answer;
	char request[32];
	int code;

	snprintf(request, sizeof request, "%s %s\n", command,
	    args->json ? "json" : "text");
	buf_open(&answer);
	if (ask(args->socket, request, &answer, &code, &err) < 0) {
		buf_close(&answer);
		return failure(&err);
	}
	print(&answer, code == 0 || args->json);
	buf_close(&answer);
	return code == EXIT_CODE_OK || code == EXIT_CODE_CONFIGURATION ? code :
	    EXIT_CODE_FAILURE;
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
				puts("{\"ready\": true}");
			return EXIT_CODE_OK;
		}
		if (got == 0)
			error_set(&err, "gatehouse is not ready");
		if (clock_now_ms() >= end)
			return failure(&err);
		nanosleep(&pause, NULL);
	}
}

/* --- what the table says ------------------------------------------------- */

static int
open_table(const struct arguments *args, struct table_view **view_r)
{
	struct error err;
	int fd, code;

	if (ask_image(args->socket, &fd, &err) < 0)
		return failure(&err);
	code = table_view_open(fd, view_r, &err) < 0 ? failure(&err) :
	    EXIT_CODE_OK;
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

static int
explain(const struct arguments *args, const char *method, const char *url)
{
	struct table_view *view;
	struct error err;
	struct buf out;
	int code = open_table(args, &view);

	if (code != EXIT_CODE_OK)
		return code;
	buf_open(&out);
	if (table_explain(view->head, slice_text(args->listener),
	    slice_text(method), slice_text(url), args->headers, args->nheaders,
	    args->json, &out, &err) < 0)
		code = failure(&err);
	print(&out, true);
	buf_close(&out);
	table_view_unref(&view);
	return code;
}

/* --- arguments ----------------------------------------------------------- */

static int
add_header(struct arguments *args, const char *field)
{
	if (strchr(field, ':') == NULL)
		return usage_error("--header wants 'Name: value'");
	if (args->nheaders == HEADERS_MAX)
		return usage_error("there are too many --header");
	args->headers[args->nheaders++] = slice_text(field);
	return -1;
}

static int
take_timeout(struct arguments *args, const char *text)
{
	char *end;

	args->timeout = strtod(text, &end);
	if (end == text || *end != '\0' || !(args->timeout >= 0) ||
	    args->timeout > 86400)
		return usage_error("--timeout wants a number of seconds");
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
			return usage_error("--format wants text or json");
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

/* -c: the file says where. Its other errors are not our business. */
static int
find_socket(struct arguments *args)
{
	struct load_request request = { .file = args->file,
	    .prefix = args->prefix };
	struct load load;
	int code = EXIT_CODE_OK;

	if (args->socket != NULL)
		return args->file == NULL ? EXIT_CODE_OK :
		    usage_error("-s and -c exclude each other");
	if (args->file == NULL) {
		args->socket = DEFAULT_SOCKET;
		return EXIT_CODE_OK;
	}
	if (access(args->file, R_OK) < 0) {
		fprintf(stderr, "gatehousectl: %s: %s\n", args->file,
		    strerror(errno));
		return EXIT_CODE_FAILURE;
	}
	load_parse(&load, &request);
	if (load.spec->control_socket.len == 0)
		code = usage_error("the file names no control_socket");
	else
		args->socket = args->found = mem_text(
		    load.spec->control_socket.at,
		    load.spec->control_socket.len);
	load_close(&load);
	return code;
}

static int
obey(struct arguments *args, char **words, int count)
{
	const char *command = count > 0 ? words[0] : "";

	if (strcmp(command, "explain") == 0)
		return count != 3 ? usage_error("explain wants METHOD and "
		    "URL") : explain(args, words[1], words[2]);
	if (count > 1)
		return usage_error("there is an argument too much");
	if (strcmp(command, "status") == 0)
		return ask_and_print(args, "status");
	if (strcmp(command, "reload") == 0)
		return ask_and_print(args, "reload");
	if (strcmp(command, "routes") == 0)
		return routes(args);
	if (strcmp(command, "wait") == 0)
		return !args->ready ? usage_error("wait wants --ready") :
		    wait_ready(args);
	return usage_error(count == 0 ? "a command is missing" :
	    "there is no such command");
}

int
main(int argc, char **argv)
{
	struct arguments args = { .timeout = 30 };
	int option, code = -1;

	while (code < 0 && (option = getopt_long(argc, argv, "s:c:p:Vh",
	    long_options, NULL)) != -1)
		code = take_option(&args, option);
	if (code >= 0)
		return code;
	code = find_socket(&args);
	if (code == EXIT_CODE_OK)
		code = obey(&args, argv + optind, argc - optind);
	free(args.found);
	return code;
}
