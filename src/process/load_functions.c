/*
 * process/load_functions.c - from the spec's functions to the sealed file
 *
 * A part of the loader. Looks whether what a function needs is on this
 * machine, and writes the functions file that the master passes to the host.
 * Environments go into that file and nowhere else.
 */

#include "process/load_functions.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lambda/function.h"
#include "process/loader.h"
#include "util/digest.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/hash.h"
#include "util/mem.h"

#define MEGABYTE	(1024 * 1024)
#define PATH_DEFAULT	"/usr/local/bin:/usr/bin:/bin:/opt/bin"

static bool
is_local(const struct spec_function *one)
{
	return one->runtime.len > 0;
}

static unsigned
count_local(const struct spec *spec)
{
	unsigned count = 0;
	size_t i;

	for (i = 0; i < spec->nfunctions; i++)
		count += is_local(&spec->functions[i]);
	return count;
}

/* A copy with a NUL, the spec's. */
static char *
text_of(struct spec *spec, struct slice from)
{
	char *text = arena_alloc(&spec->arena, from.len + 1);

	if (from.len > 0)
		memcpy(text, from.at, from.len);
	text[from.len] = '\0';
	return text;
}

static enum function_runtime
runtime_of(const struct spec_function *one)
{
	if (slice_eq(one->runtime, SLICE("nodejs")))
		return FUNCTION_NODEJS;
	if (slice_eq(one->runtime, SLICE("python")))
		return FUNCTION_PYTHON;
	return FUNCTION_PROVIDED;
}

/* --- checks -------------------------------------------------------------- */

static struct slice
search_path(const struct spec_function *one)
{
	size_t i;

	for (i = 0; i < one->environment.count; i++)
		if (slice_eq(one->environment.at[i].name, SLICE("PATH")))
			return one->environment.at[i].value;
	return SLICE(PATH_DEFAULT);
}

static bool
is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    access(path, X_OK) == 0;
}

/* As execvp will look for it, but for folders relative to the code. */
static bool
is_on_path(struct slice folders, struct slice program)
{
	char path[4200];
	const char *end;
	size_t len;

	while (folders.len > 0) {
		end = memchr(folders.at, ':', folders.len);
		len = end != NULL ? (size_t)(end - folders.at) : folders.len;
		if (snprintf(path, sizeof path, "%.*s/%.*s", (int)len,
		    folders.at, (int)program.len, program.at) <
		    (int)sizeof path && is_program(path))
			return true;
		if (end != NULL)
			len++;
		folders.at += len;
		folders.len -= len;
	}
	return false;
}

static void
check_searched(struct load *load, const struct spec_function *one,
    struct slice program)
{
	struct slice path = search_path(one);

	if (!is_on_path(path, program))
		spec_problem_add(&load->problems, one->place, true,
		    "function \"%.*s\" is started by \"%.*s\", which is in no "
		    "folder of its PATH (%.*s)", (int)one->name.len,
		    one->name.at, (int)program.len, program.at, (int)path.len,
		    path.at);
}

/* The first word of what starts it. */
static void
check_program(struct load *load, const struct spec_function *one)
{
	char path[4200];

	if (one->command.count > 0) {
		struct slice first = one->command.at[0];

		snprintf(path, sizeof path, "%.*s", (int)first.len, first.at);
		if (memchr(first.at, '/', first.len) == NULL)
			check_searched(load, one, first);
		else if (first.at[0] == '/' && !is_program(path))
			spec_problem_add(&load->problems, one->place, false,
			    "command of function \"%.*s\": %s is no program "
			    "that can be run", (int)one->name.len,
			    one->name.at, path);
		return;
	}
	switch (runtime_of(one)) {
	case FUNCTION_NODEJS:
		check_searched(load, one, SLICE("node"));
		break;
	case FUNCTION_PYTHON:
		check_searched(load, one, SLICE("python3"));
		break;
	case FUNCTION_PROVIDED:
	case FUNCTION_RUNTIMES:
		snprintf(path, sizeof path, "%.*s/bootstrap",
		    (int)one->code.len, one->code.at);
		if (!is_program(path))
			spec_problem_add(&load->problems, one->place, false,
			    "function \"%.*s\": %s is no program that can be "
			    "run; expected one, or a command",
			    (int)one->name.len, one->name.at, path);
		break;
	}
}

static void
check_user(struct load *load, const struct spec_function *one)
{
	const char *name = text_of(load->spec, one->user);
	const struct passwd *user;
	bool root = geteuid() == 0;

	if (*name == '\0')
		return;
	user = getpwnam(name);
	if (user == NULL)
		spec_problem_add(&load->problems, one->place, !root, "user of "
		    "function \"%.*s\": there is no user \"%s\"",
		    (int)one->name.len, one->name.at, name);
	else if (root && user->pw_uid == 0)
		spec_problem_add(&load->problems, one->place, false, "user of "
		    "function \"%.*s\": functions never run as root; expected "
		    "another user than \"%s\"", (int)one->name.len,
		    one->name.at, name);
}

static void
check_one(struct load *load, const struct spec_function *one)
{
	const char *code = text_of(load->spec, one->code);
	struct stat st;

	if (one->name.len > FUNCTION_NAME_MAX)
		spec_problem_add(&load->problems, one->place, false,
		    "name \"%.*s\" of a function that runs here; expected at "
		    "most %d characters", (int)one->name.len, one->name.at,
		    FUNCTION_NAME_MAX);
	check_user(load, one);
	if (*code == '\0')
		return;		/* said already */
	if (stat(code, &st) < 0)
		spec_problem_add(&load->problems, one->place, false, "code of "
		    "function \"%.*s\": %s: %s", (int)one->name.len,
		    one->name.at, code, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		spec_problem_add(&load->problems, one->place, false, "code of "
		    "function \"%.*s\": %s is no folder", (int)one->name.len,
		    one->name.at, code);
	else
		check_program(load, one);
}

/* What the functions of this machine need is there. Paths are absolute. */
void
load_functions_check(struct load *load)
{
	const struct spec *spec = load->spec;
	size_t i;

	for (i = 0; i < spec->nfunctions; i++)
		if (is_local(&spec->functions[i]))
			check_one(load, &spec->functions[i]);
}

/* --- the file ------------------------------------------------------------ */

static void
fill_command(struct spec *spec, const struct spec_function *one,
    struct function_texts *list)
{
	size_t i;

	list->at = arena_alloc(&spec->arena, (one->command.count + 1) *
	    sizeof *list->at);
	list->count = (uint32_t)one->command.count;
	for (i = 0; i < one->command.count; i++)
		list->at[i] = text_of(spec, one->command.at[i]);
	list->at[i] = NULL;
}

static char *
variable_of(struct spec *spec, const struct spec_pair *pair)
{
	size_t len = pair->name.len + 1 + pair->value.len;
	char *text = arena_alloc(&spec->arena, len + 1);

	memcpy(text, pair->name.at, pair->name.len);
	text[pair->name.len] = '=';
	if (pair->value.len > 0)
		memcpy(text + pair->name.len + 1, pair->value.at,
		    pair->value.len);
	text[len] = '\0';
	return text;
}

static void
fill_environment(struct spec *spec, const struct spec_function *one,
    struct function_texts *list)
{
	size_t i;

	list->at = arena_alloc(&spec->arena, (one->environment.count + 1) *
	    sizeof *list->at);
	list->count = (uint32_t)one->environment.count;
	for (i = 0; i < one->environment.count; i++)
		list->at[i] = variable_of(spec, &one->environment.at[i]);
	list->at[i] = NULL;
}

/* Only root's host can become somebody else. */
static void
fill_user(struct load *load, struct function_spec *to)
{
	const struct passwd *user;

	if (*to->user == '\0' || geteuid() != 0)
		return;
	user = getpwnam(to->user);
	if (user == NULL)
		return;
	to->has_user = 1;
	to->uid = user->pw_uid;
	to->gid = user->pw_gid;
	load->functions.facts.root = 1;
}

/* The file that it logs to, noted once for all that share it. */
static uint64_t
note_log(struct load *load, const char *path)
{
	struct loaded_functions *functions = &load->functions;
	uint64_t id = hash_slice(slice_text(path), 11) | 1;
	struct message_path *log;
	unsigned i;

	if (*path == '\0')
		return 0;
	for (i = 0; i < functions->nlogs; i++)
		if (functions->logs[i].log_id == id)
			return id;
	if (strlen(path) >= sizeof log->path)
		return 0;
	functions->logs = mem_grow(functions->logs, functions->nlogs + 1,
	    sizeof *functions->logs);
	log = &functions->logs[functions->nlogs++];
	memset(log, 0, sizeof *log);
	log->log_id = id;
	strcpy(log->path, path);
	return id;
}

static void
fill_spec(struct load *load, const struct spec_function *one,
    struct function_spec *to)
{
	struct spec *spec = load->spec;

	to->name = text_of(spec, one->name);
	to->handler = text_of(spec, one->handler);
	to->code = text_of(spec, one->code);
	to->region = text_of(spec, one->region);
	to->account = text_of(spec, spec->account_id);
	to->log = text_of(spec, one->log);
	to->user = text_of(spec, one->user);
	to->runtime = runtime_of(one);
	to->timeout_ms = (uint32_t)one->timeout_ms;
	to->memory_mb = (uint32_t)((one->memory + MEGABYTE - 1) / MEGABYTE);
	to->concurrency = (uint32_t)one->concurrency;
	to->min_instances = (uint32_t)one->min_instances;
	to->idle_ms = (uint32_t)one->idle_ms;
	to->queue = (uint32_t)one->queue;
	to->log_id = note_log(load, to->log);
	fill_command(spec, one, &to->command);
	fill_environment(spec, one, &to->environment);
	fill_user(load, to);
}

/* The same functions give the same bytes: that is how a change is noticed. */
static int
fingerprint(int fd, unsigned char hash[DIGEST_SIZE], struct error *err)
{
	struct stat st;
	size_t size;
	char *bytes;
	int code = 0;

	if (fstat(fd, &st) < 0)
		return error_errno(err, "cannot stat the functions file");
	size = (size_t)st.st_size;
	bytes = mem_array(size, 1);
	if (pread(fd, bytes, size, 0) != (ssize_t)size)
		code = error_errno(err, "cannot read the functions file");
	else
		digest_sha256(bytes, size, hash);
	explicit_bzero(bytes, size);
	free(bytes);
	return code;
}

static void
copy_text(char *to, size_t size, struct slice text)
{
	snprintf(to, size, "%.*s", (int)text.len, text.at);
}

/* Of a spec without errors. Returns 0, or -1 with a sentence. */
int
load_functions_write(struct load *load, struct error *err)
{
	struct spec *spec = load->spec;
	struct loaded_functions *functions = &load->functions;
	struct message_functions *facts = &functions->facts;
	struct function_spec *specs;
	size_t i;
	int code;

	facts->count = count_local(spec);
	if (facts->count == 0)
		return 0;
	specs = mem_array(facts->count, sizeof *specs);
	memset(specs, 0, facts->count * sizeof *specs);
	facts->count = 0;
	for (i = 0; i < spec->nfunctions; i++)
		if (is_local(&spec->functions[i]))
			fill_spec(load, &spec->functions[i],
			    &specs[facts->count++]);
	copy_text(facts->socket, sizeof facts->socket, spec->function_socket);
	copy_text(facts->listener, sizeof facts->listener,
	    spec->function_listener);
	code = functions_write(specs, facts->count, &functions->fd, err);
	free(specs);
	return code < 0 ? -1 : fingerprint(functions->fd, facts->hash, err);
}

void
load_functions_close(struct load *load)
{
	fd_close(&load->functions.fd);
	free(load->functions.logs);
	load->functions.logs = NULL;
}
