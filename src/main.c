/*
 * main.c - gatehouse: the command line
 *
 * Reads the arguments, answers what needs no daemon (check, print, signal,
 * version), and hands over to the master. All exit codes are named in
 * process/daemon.h.
 */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "process/ask.h"
#include "process/daemon.h"
#include "process/loader.h"
#include "process/master.h"
#include "process/title.h"
#include "table/dump.h"
#include "table/view.h"
#include "util/digest.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/text.h"

#define DEFAULT_FILE GATEHOUSE_SYSCONFDIR "/gatehouse.conf"

enum {
	OPTION_DIFF = 256,
	OPTION_FORMAT,
	OPTION_WATCH,
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "test", no_argument, NULL, 't' },
	{ "print", no_argument, NULL, 'T' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "signal", required_argument, NULL, 's' },
	{ "prefix", required_argument, NULL, 'p' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ "diff", no_argument, NULL, OPTION_DIFF },
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "watch", no_argument, NULL, OPTION_WATCH },
	{ NULL, 0, NULL, 0 },
};

static const char usage_text[] =
    "usage: gatehouse [-c FILE] [-p PREFIX] [-f] [-q] [-v] [--watch]\n"
    "       gatehouse -t [--diff] [-c FILE] [-p PREFIX] [-q]"
    " [--format=json]\n"
    "       gatehouse -T [-c FILE] [-p PREFIX]\n"
    "       gatehouse -s stop|quit|reload|reopen|upgrade [-c FILE]"
    " [-p PREFIX]\n"
    "       gatehouse -V | -h\n"
    "\n"
    "  -c, --config FILE    configuration (" DEFAULT_FILE ")\n"
    "  -t, --test           check the configuration and end\n"
    "      --diff           with -t: what differs from the running instance\n"
    "  -T, --print          print the effective configuration and end\n"
    "  -f, --foreground     stay in the foreground; the error log goes to\n"
    "                       standard error, unless error_log is set\n"
    "  -s, --signal ORDER   tell the running instance: stop, quit (when all\n"
    "                       requests are done), reload, reopen (logs),\n"
    "                       upgrade (the binary)\n"
    "  -p, --prefix PREFIX  in front of relative paths in the configuration\n"
    "                       and of the default configuration's path\n"
    "  -q, --quiet          errors only\n"
    "  -v, --verbose        informational messages too\n"
    "      --watch          restart functions whose files change\n"
    "      --format FORMAT  text or json, for -t\n"
    "  -V, --version        version, and the libraries in use\n"
    "  -h, --help           this text\n";

struct arguments {
	const char *file;
	const char *prefix;
	const char *order;
	bool test, print, diff, format, json;
	bool foreground, quiet, verbose, watch;
};

/* For a program that asked for JSON: one object, on standard output. */
static void
print_failure(const char *text, bool json)
{
	struct buf out;

	if (!json) {
		fprintf(stderr, "gatehouse: %s\n", text);
		return;
	}
	buf_open(&out);
	buf_add_text(&out, "{\"ok\":false,\"error\":\"");
	text_json_escape(&out, slice_text(text));
	buf_add_text(&out, "\"}\n");
	fd_write_all(STDOUT_FILENO, out.at, out.len);
	buf_close(&out);
}

static int
usage_error(const char *text)
{
	fprintf(stderr, "gatehouse: %s\nTry gatehouse --help.\n", text);
	return EXIT_CODE_USAGE;
}

/* From the folder we were started in, however far the daemon goes. */
static char *
absolute(const char *folder, const char *path)
{
	char *text;

	if (path[0] == '/' || folder == NULL)
		return mem_text(path, strlen(path));
	if (asprintf(&text, "%s/%s", folder, path) < 0)
		abort();
	return text;
}

/* What a relative path is relative to: PREFIX, or where we are. */
static char *
whole_prefix(const char *prefix)
{
	char *folder = getcwd(NULL, 0), *text;

	text = absolute(folder, prefix != NULL ? prefix : folder != NULL ?
	    folder : "/");
	free(folder);
	return text;
}

/* --- version ------------------------------------------------------------- */

/* The file behind a library's name carries its full version. */
static int
print_library(struct dl_phdr_info *info, size_t size, void *ctx)
{
	static const char *const wanted[] = { "libevent", "libhttp_parser",
		"libconfig", "libcrypto", "libz" };
	const char *name = strrchr(info->dlpi_name, '/');
	char path[PATH_MAX];
	size_t i;

	(void)size;
	(void)ctx;
	if (name == NULL || realpath(info->dlpi_name, path) == NULL)
		return 0;
	for (i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (strncmp(name + 1, wanted[i], strlen(wanted[i])) == 0)
			printf("  %s\n", strrchr(path, '/') + 1);
	return 0;
}

static int
print_version(void)
{
	printf("gatehouse " PACKAGE_VERSION "\n"
	    "compiler: %s\nconfiguration: " DEFAULT_FILE "\n"
	    "workers run as: " GATEHOUSE_USER "\nlibraries:\n  %s\n",
	    __VERSION__, digest_library());
	dl_iterate_phdr(print_library, NULL);
	return EXIT_CODE_OK;
}

/* --- check and print ----------------------------------------------------- */

/* Compare with the table of the running instance. */
static int
print_diff(const struct load *load, bool json)
{
	struct table_view *running = NULL, *ours = NULL;
	struct error err;
	struct buf out;
	int fd = -1, code = EXIT_CODE_FAILURE;
	int got = ask_image(load->launch.control_socket, &fd, &err);

	if (got < 0 || table_view_open(fd, &running, &err) < 0 ||
	    table_view_open(load->image_fd, &ours, &err) < 0) {
		print_failure(err.text, json);
		if (got == ASK_FORBIDDEN)
			code = EXIT_CODE_BIND;
	} else {
		buf_open(&out);
		table_dump_diff(running->head, ours->head, json, &out);
		fd_write_all(STDOUT_FILENO, out.at, out.len);
		buf_close(&out);
		code = EXIT_CODE_OK;
	}
	if (running != NULL)
		table_view_unref(&running);
	if (ours != NULL)
		table_view_unref(&ours);
	fd_close(&fd);
	return code;
}

static void
print_verdict(const struct load *load, const struct arguments *args)
{
	bool errors = load->problems.errors > 0;
	bool aside = args->diff && !(args->json && errors);
	struct buf out;

	buf_open(&out);
	if (args->quiet && !args->json)
		spec_problems_write(&load->problems, false, &out);
	else
		config_verdict_write(load->spec, &load->problems, args->json,
		    &out);
	/* With --diff standard output is the difference alone. */
	fd_write_all(aside || (errors && !args->json) ? STDERR_FILENO :
	    STDOUT_FILENO, out.at, out.len);
	buf_close(&out);
}

/* -t. Names are looked up as at a start, but nothing is opened or forked. */
static int
test(const struct arguments *args)
{
	struct load_request request = { .file = args->file,
	    .prefix = args->prefix, .generation = 1, .names = true };
	struct error err;
	struct load load;
	int code = EXIT_CODE_OK;

	request.descriptors = fd_raise_limit(&err);
	if (load_open(&load, &request, &err) < 0) {
		print_failure(err.text, args->json);
		load_close(&load);
		return EXIT_CODE_CONFIGURATION;
	}
	print_verdict(&load, args);
	if (load.problems.errors > 0)
		code = EXIT_CODE_CONFIGURATION;
	else if (args->diff)
		code = print_diff(&load, args->json);
	load_close(&load);
	return code;
}

static int
write_problems(const struct spec_problems *problems)
{
	struct buf out;

	buf_open(&out);
	spec_problems_write(problems, false, &out);
	fd_write_all(STDERR_FILENO, out.at, out.len);
	buf_close(&out);
	return problems->errors > 0 ? EXIT_CODE_CONFIGURATION : EXIT_CODE_OK;
}

/* -T. */
static int
print(const struct arguments *args)
{
	struct load_request request = { .file = args->file,
	    .prefix = args->prefix };
	struct load load;
	struct buf out;
	int code;

	load_parse(&load, &request);
	code = write_problems(&load.problems);
	if (code == EXIT_CODE_OK) {
		buf_open(&out);
		config_print(load.spec, &out);
		fd_write_all(STDOUT_FILENO, out.at, out.len);
		buf_close(&out);
	}
	load_close(&load);
	return code;
}

/* --- orders to the running instance -------------------------------------- */

static int
order_signal(const char *order)
{
	static const struct {
		const char *name;
		int number;
	} orders[] = {
		{ "stop", SIGTERM },
		{ "quit", SIGQUIT },
		{ "reload", SIGHUP },
		{ "reopen", SIGUSR1 },
		{ "upgrade", SIGUSR2 },
	};
	size_t i;

	for (i = 0; i < sizeof orders / sizeof *orders; i++)
		if (strcmp(order, orders[i].name) == 0)
			return orders[i].number;
	return -1;
}

/*
 * A bad file must not keep anybody from an order that does not read it; but
 * when it has errors and no pid_file, the default may be another instance's.
 */
static int
check_order(const struct arguments *args, const struct load *load)
{
	bool named = spec_gives(load->spec, "pid_file") ||
	    strcmp(args->file, DEFAULT_FILE) == 0;

	if (load->problems.errors == 0)
		return EXIT_CODE_OK;
	write_problems(&load->problems);
	if (strcmp(args->order, "reload") == 0 || !named)
		return EXIT_CODE_CONFIGURATION;
	fprintf(stderr, "gatehouse: the configuration has errors; the order "
	    "is given all the same\n");
	return EXIT_CODE_OK;
}

/* -s: the pid file says who. */
static int
order(const struct arguments *args)
{
	struct load_request request = { .file = args->file,
	    .prefix = args->prefix };
	int number = order_signal(args->order), code;
	struct error err;
	struct load load;
	char *path;
	pid_t pid;

	load_parse(&load, &request);
	code = check_order(args, &load);
	path = mem_text(load.spec->pid_file.at, load.spec->pid_file.len);
	load_close(&load);
	if (code == EXIT_CODE_OK) {
		pid = pid_file_owner(path, &err);
		if (pid > 0 && kill(pid, number) < 0)
			error_errno(&err, "cannot signal process %d",
			    (int)pid);
		else if (pid > 0)
			number = 0;
		if (number != 0) {
			fprintf(stderr, "gatehouse: %s\n", err.text);
			code = EXIT_CODE_FAILURE;
		}
	}
	free(path);
	return code;
}

/* --- the daemon ---------------------------------------------------------- */

static int
run(const struct arguments *args, const char *program,
    const struct title *title)
{
	struct master_options options = { .title = *title };
	char *folder = getcwd(NULL, 0), *file, *name;
	int code;

	file = absolute(folder, args->file);
	name = strchr(program, '/') != NULL ? absolute(folder, program) :
	    mem_text(program, strlen(program));
	options.program = name;
	options.file = file;
	options.prefix = args->prefix;
	options.foreground = args->foreground;
	options.quiet = args->quiet;
	options.verbose = args->verbose;
	options.watch = args->watch;
	options.libexec = getenv("GATEHOUSE_LIBEXECDIR");
	options.least = args->quiet ? LOG_LEVEL_ERROR : args->verbose ?
	    LOG_LEVEL_INFO : LOG_LEVEL_NOTICE;
	code = master_run(&options);
	free(name);
	free(file);
	free(folder);
	return code;
}

/* Returns -1 to go on, or the exit code. */
static int
take_option(struct arguments *args, int option)
{
	switch (option) {
	case 'c':
		args->file = optarg;
		return -1;
	case 't':
		args->test = true;
		return -1;
	case 'T':
		args->print = true;
		return -1;
	case 'f':
		args->foreground = true;
		return -1;
	case 's':
		args->order = optarg;
		if (order_signal(optarg) < 0)
			return usage_error("-s wants stop, quit, reload, "
			    "reopen or upgrade");
		return -1;
	case 'p':
		args->prefix = optarg;
		return -1;
	case 'q':
		args->quiet = true;
		return -1;
	case 'v':
		args->verbose = true;
		return -1;
	case 'V':
		return print_version();
	case 'h':
		fputs(usage_text, stdout);
		return EXIT_CODE_OK;
	case OPTION_WATCH:
		args->watch = true;
		return -1;
	case OPTION_DIFF:
		args->diff = true;
		return -1;
	case OPTION_FORMAT:
		args->format = true;
		args->json = strcmp(optarg, "json") == 0;
		if (!args->json && strcmp(optarg, "text") != 0)
			return usage_error("--format wants text or json");
		return -1;
	default:
		fputs("Try gatehouse --help.\n", stderr);
		return EXIT_CODE_USAGE;
	}
}

static int
check_arguments(const struct arguments *args, int left)
{
	if (left > 0)
		return usage_error("there is an argument too much");
	if (args->test + args->print + (args->order != NULL) > 1)
		return usage_error("-t, -T and -s exclude each other");
	if (args->diff && !args->test)
		return usage_error("--diff goes with -t");
	if (args->format && !args->test)
		return usage_error("--format goes with -t");
	if ((args->foreground || args->watch) && (args->test || args->print ||
	    args->order != NULL))
		return usage_error("-f and --watch go with a start");
	if (args->quiet && args->verbose)
		return usage_error("-q and -v exclude each other");
	return -1;
}

/* PREFIX goes in front of the default path as a whole. */
static const char *
default_file(const char *prefix)
{
	char *text;

	if (prefix == NULL)
		return DEFAULT_FILE;
	if (asprintf(&text, "%s" DEFAULT_FILE, prefix) < 0)
		abort();
	return text;
}

int
main(int argc, char **argv)
{
	struct arguments args = { 0 };
	struct title title;
	int option, code = -1;
	char *prefix;

	title_open(&title, argc, argv);
	while (code < 0 && (option = getopt_long(argc, argv, "c:tTfs:p:qvVh",
	    long_options, NULL)) != -1)
		code = take_option(&args, option);
	if (code < 0)
		code = check_arguments(&args, argc - optind);
	if (code >= 0)
		return code;
	if (args.file == NULL)
		args.file = default_file(args.prefix);
	/* What is printed stays as it is written, unless -p says otherwise. */
	if (args.print)
		return print(&args);
	prefix = whole_prefix(args.prefix);
	args.prefix = prefix;
	if (args.test)
		code = test(&args);
	else if (args.order != NULL)
		code = order(&args);
	else
		code = run(&args, argv[0], &title);
	free(prefix);
	return code;
}
