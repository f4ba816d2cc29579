/*
 * lambda/spawn.c - starting the process of an instance
 *
 * Between fork and exec the child gives up everything that is the host's: its
 * descriptors, signals, user, privileges and environment. The environment is
 * built from nothing, as the Lambda runtimes expect it. The process leads a
 * group of its own and dies with the host.
 *
 * The data limit stops what runs away at once; how much memory is really in
 * use is the host's to watch. Node maps far more than it uses: it has none.
 */

#include "lambda/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lambda/function.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/mem.h"

#define DESCRIPTORS	1024
#define DATA_SLACK	(64u * 1024 * 1024)
#define EXEC_FD		3	/* where the child keeps it */

struct texts {
	char **at;
	size_t count;
};

static void __attribute__((format(printf, 2, 3)))
add(struct texts *texts, const char *format, ...)
{
	struct buf text;
	va_list args;
	int len;

	buf_open(&text);
	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	va_start(args, format);
	vsnprintf(buf_room(&text, (size_t)len + 1), (size_t)len + 1, format,
	    args);
	va_end(args);
	texts->at = mem_grow(texts->at, texts->count + 2, sizeof *texts->at);
	texts->at[texts->count++] = text.at;
	texts->at[texts->count] = NULL;
}

/* "NAME=...": is there already a variable of that name? */
static bool
has(const struct texts *texts, const char *variable)
{
	size_t len = strcspn(variable, "=") + 1, i;

	for (i = 0; i < texts->count; i++)
		if (strncmp(texts->at[i], variable, len) == 0)
			return true;
	return false;
}

static void
add_default(struct texts *texts, const char *variable)
{
	if (!has(texts, variable))
		add(texts, "%s", variable);
}

/* What a function cannot change (contract, 4.6). */
static void
add_reserved(struct texts *texts, const struct spawn *spawn)
{
	const struct function_spec *spec = spawn->spec;

	add(texts, "_HANDLER=%s", spec->handler);
	add(texts, "LAMBDA_TASK_ROOT=%s", spec->code);
	add(texts, "LAMBDA_RUNTIME_DIR=%s", spawn->libexec);
	add(texts, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:%u", spawn->port);
	add(texts, "AWS_LAMBDA_FUNCTION_NAME=%s", spec->name);
	add(texts, "AWS_LAMBDA_FUNCTION_VERSION=$LATEST");
	add(texts, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%u", spec->memory_mb);
	add(texts, "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/%s", spec->name);
	add(texts, "AWS_LAMBDA_LOG_STREAM_NAME=%s", spawn->stream);
	add(texts, "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand");
	add(texts, "AWS_REGION=%s", spec->region);
	add(texts, "AWS_DEFAULT_REGION=%s", spec->region);
	add(texts, "AWS_EXECUTION_ENV=AWS_Lambda_%s",
	    function_runtime_name(spec->runtime));
}

/* All of the environment; its caller frees it with spawn_texts_free. */
char **
spawn_environment(const struct spawn *spawn)
{
	const struct function_spec *spec = spawn->spec;
	struct texts texts = { 0 };
	uint32_t i;

	add_reserved(&texts, spawn);
	for (i = 0; i < spec->environment.count; i++)
		add_default(&texts, spec->environment.at[i]);
	add_default(&texts, "PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin");
	add_default(&texts, "LANG=en_US.UTF-8");
	add_default(&texts, "TZ=:UTC");
	add_default(&texts, "AWS_XRAY_CONTEXT_MISSING=LOG_ERROR");
	if (!has(&texts, "LD_LIBRARY_PATH="))
		add(&texts, "LD_LIBRARY_PATH=%s:%s/lib", spec->code,
		    spec->code);
	return texts.at;
}

/* The words of the command; the same. */
char **
spawn_command(const struct spawn *spawn)
{
	const struct function_spec *spec = spawn->spec;
	struct texts texts = { 0 };
	uint32_t i;

	for (i = 0; i < spec->command.count; i++)
		add(&texts, "%s", spec->command.at[i]);
	if (texts.count > 0)
		return texts.at;
	switch ((enum function_runtime)spec->runtime) {
	case FUNCTION_NODEJS:
		add(&texts, "node");
		add(&texts, "%s/runtime-nodejs.mjs", spawn->libexec);
		break;
	case FUNCTION_PYTHON:
		add(&texts, "python3");
		add(&texts, "%s/runtime-python.py", spawn->libexec);
		break;
	case FUNCTION_PROVIDED:
	case FUNCTION_RUNTIMES:
		add(&texts, "%s/bootstrap", spec->code);
		break;
	}
	return texts.at;
}

/* Environments hold secrets: they are wiped. */
void
spawn_texts_free(char ***texts_p)
{
	char **at;

	for (at = *texts_p; at != NULL && *at != NULL; at++) {
		explicit_bzero(*at, strlen(*at));
		free(*at);
	}
	free(*texts_p);
	*texts_p = NULL;
}

static void child_fail(enum spawn_step step) __attribute__((noreturn));

static void
child_fail(enum spawn_step step)
{
	struct spawn_failure failure = { .step = step, .code = errno };
	ssize_t n = write(EXEC_FD, &failure, sizeof failure);

	_exit(n == sizeof failure ? 127 : 126);
}

static void
child_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &action, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* 0, 1, 2 and EXEC_FD stay, nothing else. */
static void
child_descriptors(int output, int exec_fd)
{
	int null = open("/dev/null", O_RDONLY), keep;

	/* Out of the way first: any of them may stand where another goes. */
	keep = fcntl(exec_fd, F_DUPFD, 10);
	output = fcntl(output, F_DUPFD, 10);
	null = fcntl(null, F_DUPFD, 10);
	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	dup2(keep, EXEC_FD);
	(void)fd_set_cloexec(EXEC_FD, true);
	if (close_range(EXEC_FD + 1, ~0U, 0) < 0)
		child_fail(SPAWN_LIMITS);
}

static void
child_limits(const struct function_spec *spec)
{
	struct rlimit none = { 0, 0 }, files = { DESCRIPTORS, DESCRIPTORS };
	rlim_t bytes = (rlim_t)spec->memory_mb * 1024 * 1024 + DATA_SLACK;
	struct rlimit data = { bytes, bytes };

	if (setrlimit(RLIMIT_CORE, &none) < 0 ||
	    setrlimit(RLIMIT_NOFILE, &files) < 0)
		child_fail(SPAWN_LIMITS);
	if (spec->runtime != FUNCTION_NODEJS &&
	    setrlimit(RLIMIT_DATA, &data) < 0)
		child_fail(SPAWN_LIMITS);
}

static void
child_user(const struct spawn *spawn)
{
	if (geteuid() == 0 && (spawn->uid != 0 || spawn->gid != 0) &&
	    (setgroups(0, NULL) < 0 ||
	    setresgid(spawn->gid, spawn->gid, spawn->gid) < 0 ||
	    setresuid(spawn->uid, spawn->uid, spawn->uid) < 0))
		child_fail(SPAWN_USER);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		child_fail(SPAWN_USER);
}

/* Returns to nobody. */
static void
child_run(const struct spawn *spawn, pid_t parent, char **command,
    char **environment)
{
	(void)setpgid(0, 0);
	child_limits(spawn->spec);
	child_user(spawn);
	/* A change of user would undo this. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(126);
	umask(022);
	if (chdir(spawn->spec->code) < 0)
		child_fail(SPAWN_FOLDER);
	/* execvp looks for the program in the function's own PATH. */
	environ = environment;
	execvp(command[0], command);
	child_fail(SPAWN_EXEC);
}

static int
pipes_open(int output[2], int report[2], struct error *err)
{
	if (pipe2(output, O_CLOEXEC) < 0)
		return error_errno(err, "cannot make a pipe");
	if (pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0) {
		close(output[0]);
		close(output[1]);
		return error_errno(err, "cannot make a pipe");
	}
	(void)fd_set_nonblock(output[0], true);
	return 0;
}

/*
 * Start it. 0, its pid and two descriptors of the caller's: what it prints,
 * and what it says when exec fails (struct spawn_failure, else an end). -1
 * when there is no process to be had.
 */
int
spawn_process(const struct spawn *spawn, pid_t *pid_r, int *output_r,
    int *exec_r, struct error *err)
{
	char **environment, **command;
	int output[2], report[2];
	pid_t pid, parent = getpid();
	sigset_t all, before;

	if (pipes_open(output, report, err) < 0)
		return -1;
	environment = spawn_environment(spawn);
	command = spawn_command(spawn);
	/* No handler of the host may run in the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0) {
		child_signals();
		child_descriptors(output[1], report[1]);
		child_run(spawn, parent, command, environment);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		error_errno(err, "cannot start a process");
	else
		(void)setpgid(pid, pid);
	spawn_texts_free(&environment);
	spawn_texts_free(&command);
	close(output[1]);
	close(report[1]);
	if (pid < 0) {
		close(output[0]);
		close(report[0]);
		return -1;
	}
	*pid_r = pid;
	*output_r = output[0];
	*exec_r = report[0];
	return 0;
}
