/*
 * lambda/instance.c - one function process, from fork to its end
 *
 * An instance has a listening socket for its Runtime API, a pipe for what it
 * prints, and at most one place: on the list of its function for the state it
 * is in. It is freed when the kernel has said that it is dead, never before.
 * Its process group goes with it, and so do descendants that left the group.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lambda/host_private.h"
#include "lambda/orphans.h"
#include "lambda/spawn.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

#define BACKLOG		64
#define READ_SIZE	(16 * 1024)
#define READS		32	/* of one pipe before others' turn */
#define SAMPLE_MS	200
#define INSTANCE_MEMORY	"it used more memory than it may"

static void instance_expired(struct timer *timer);
static void output_cb(evutil_socket_t fd, short what, void *arg);

/* The instance of this id, or NULL when it is gone. */
struct instance *
instance_find(struct lambda_host *host, uint64_t id)
{
	uint32_t slot = (uint32_t)id;

	if (slot >= host->nslots || host->slots[slot] == NULL ||
	    host->slots[slot]->id != id)
		return NULL;
	return host->slots[slot];
}

static void
slot_take(struct lambda_host *host, struct instance *instance)
{
	unsigned slot;

	for (slot = 0; slot < host->nslots; slot++)
		if (host->slots[slot] == NULL)
			break;
	if (slot == host->nslots) {
		host->nslots = slot * 2 + 16;
		host->slots = mem_grow(host->slots, host->nslots,
		    sizeof(struct instance *));
		memset(host->slots + slot, 0, (host->nslots - slot) *
		    sizeof(struct instance *));
	}
	host->slots[slot] = instance;
	instance->id = (uint64_t)++host->serial << 32 | slot;
}

static void
unlist(struct instance *instance)
{
	if (list_empty(&instance->link))
		return;
	list_remove(&instance->link);
	instance->function->ninstances[instance->state]--;
	if (instance->state == INSTANCE_STARTING)
		instance->host->nstarting--;
}

static void
move(struct instance *instance, enum instance_state state)
{
	unlist(instance);
	instance->state = state;
	instance->function->ninstances[state]++;
	if (state == INSTANCE_STARTING)
		instance->host->nstarting++;
	list_push(&instance->function->instances[state], &instance->link);
}

/* Another listening socket: 127.0.0.1, a port that the kernel chooses. */
static int
listen_open(struct instance *instance, struct error *err)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0), one = 1;

	if (fd < 0)
		return error_errno(err, "no socket for a Runtime API");
	/* Accepted connections have it too: an event waits for no ACK. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
	    listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
		fd_close(&fd);
		return error_errno(err, "no port for a Runtime API");
	}
	instance->port = ntohs(address.sin_port);
	return h1_listen(&instance->host->runtime, fd, instance->id, err);
}

/* "2026/01/31/[$LATEST]" and 32 random digits, as CloudWatch has it. */
static void
name_stream(struct instance *instance)
{
	struct loop *loop = &instance->host->loop;
	uint64_t bits[2] = { loop_random(loop), loop_random(loop) };
	time_t now = (time_t)(loop_wall(loop) / 1000);
	struct tm tm;
	size_t len;

	gmtime_r(&now, &tm);
	len = strftime(instance->stream, sizeof instance->stream,
	    "%Y/%m/%d/[$LATEST]", &tm);
	text_hex(instance->stream + len, bits, sizeof bits);
}

static struct instance *
instance_new(struct function *function)
{
	struct instance *instance = mem_new(sizeof *instance);

	instance->function = function;
	instance->host = function->host;
	instance->fingerprint = function->spec->fingerprint;
	instance->slots = function_slots(function->spec);
	instance->cold = true;
	instance->exec_fd = -1;
	list_init(&instance->link);
	list_init(&instance->waiting);
	list_init(&instance->calls);
	list_init(&instance->running);
	buf_open(&instance->line);
	timer_init(&instance->timer, instance_expired);
	slot_take(function->host, instance);
	name_stream(instance);
	return instance;
}

static void
output_close(struct instance *instance)
{
	if (!instance->piped)
		return;
	instance->piped = false;
	event_del(&instance->output);
	close((int)event_get_fd(&instance->output));
}

static void
instance_free(struct instance **instance_p)
{
	struct instance *instance = *instance_p;
	struct lambda_host *host = instance->host;

	*instance_p = NULL;
	unlist(instance);
	runtime_calls_cut(instance);
	h1_retire(&host->runtime, instance->id);
	loop_timer_clear(&host->loop, &instance->timer);
	output_close(instance);
	fd_close(&instance->exec_fd);
	buf_close(&instance->line);
	host->slots[(uint32_t)instance->id] = NULL;
	free(instance);
}

static void
user_of(struct instance *instance, struct spawn *spawn)
{
	const struct function_spec *spec = instance->function->spec;
	const struct lambda_host_env *env = &instance->host->env;

	spawn->uid = spec->has_user ? spec->uid : env->uid;
	spawn->gid = spec->has_user ? spec->gid : env->gid;
	if (geteuid() != 0)
		spawn->uid = geteuid();
	instance->uid = spawn->uid;
}

/* Start one more process for function. */
int
instance_start(struct function *function, struct error *err)
{
	struct lambda_host *host = function->host;
	struct instance *instance = instance_new(function);
	struct spawn spawn = { .spec = function->spec,
	    .libexec = host->env.libexec, .stream = instance->stream };
	int output;

	user_of(instance, &spawn);
	if (listen_open(instance, err) < 0)
		goto fail;
	spawn.port = instance->port;
	instance->start_us = host_now_us();
	if (spawn_process(&spawn, &instance->pid, &output,
	    &instance->exec_fd, err) < 0)
		goto fail;
	event_assign(&instance->output, host->loop.base, output,
	    EV_READ | EV_PERSIST, output_cb, instance);
	event_add(&instance->output, NULL);
	instance->piped = true;
	move(instance, INSTANCE_STARTING);
	loop_timer_set(&host->loop, &instance->timer, host->env.init_ms);
	log_debug(host->log, "function %s: process %d starts on port %u",
	    function->spec->name, (int)instance->pid, instance->port);
	return 0;
fail:
	instance_free(&instance);
	return -1;
}

static bool
wants_more(const struct instance *instance)
{
	return !list_empty(&instance->waiting) && !instance->retired &&
	    instance->nrunning < instance->slots;
}

/* Put it on the list where it belongs now. */
void
instance_place(struct instance *instance)
{
	struct lambda_host *host = instance->host;
	enum instance_state state;

	if (instance->state == INSTANCE_STOPPING || !instance->initialised)
		return;
	state = wants_more(instance) ? INSTANCE_READY : INSTANCE_BUSY;
	if (state != instance->state)
		move(instance, state);
	loop_timer_set(&host->loop, &instance->timer,
	    instance->nrunning == 0 && state == INSTANCE_READY ?
	    instance->function->spec->idle_ms :
	    instance->function->spec->timeout_ms + STOP_MS);
	if (state == INSTANCE_BUSY && host->sampler.due == 0)
		loop_timer_set(&host->loop, &host->sampler, SAMPLE_MS);
}

/* It asks for an event (the call is on its waiting list already). */
void
instance_arrived(struct instance *instance)
{
	struct function *function = instance->function;

	if (!instance->initialised) {
		instance->initialised = true;
		instance->init_us = host_now_us() - instance->start_us;
		function->counts.cold_starts++;
		function->counts.last_init_us = instance->init_us;
		fd_close(&instance->exec_fd);
	}
	if (instance->retired && instance->nrunning == 0) {
		instance_stop(instance, "its configuration changed");
		return;
	}
	instance_place(instance);
	function_dispatch(function);
}

/* Told to end, or ending by itself: what is left is to wait for it. */
static void
stopping(struct instance *instance, const char *why)
{
	struct lambda_host *host = instance->host;

	if (instance->state != INSTANCE_STOPPING) {
		instance->ending = why;
		log_debug(host->log, "function %s: process %d ends: %s",
		    instance->function->spec->name, (int)instance->pid, why);
		move(instance, INSTANCE_STOPPING);
	}
	loop_timer_set(&host->loop, &instance->timer, STOP_MS);
}

/* Ask it to end; it is killed when it has not ended after a while. */
void
instance_stop(struct instance *instance, const char *why)
{
	if (instance->state == INSTANCE_STOPPING)
		return;
	stopping(instance, why);
	kill(-instance->pid, SIGTERM);
}

void
instance_kill(struct instance *instance, const char *why)
{
	stopping(instance, why);
	instance->killed = true;
	kill(-instance->pid, SIGKILL);
}

/* It said itself that it cannot start; it ends by itself. */
void
instance_init_error(struct instance *instance, const char *type,
    struct slice body)
{
	struct invocation_result result = { .error = true, .type = type,
	    .body = body };

	instance->failed = true;
	stopping(instance, "it does not start");
	function_output_line(instance->function, body);
	function_init_failed(instance->function, &result);
}

static void
init_failed(struct instance *instance, const char *type, const char *message)
{
	struct invocation_result result = { .error = true, .type = type,
	    .message = message };

	instance->failed = true;
	function_output_line(instance->function, slice_text(message));
	function_init_failed(instance->function, &result);
}

static void
init_timed_out(struct instance *instance)
{
	char message[96];

	snprintf(message, sizeof message, "Init timed out after %.2f seconds",
	    (double)instance->host->env.init_ms / 1000);
	instance_kill(instance, "a time-out of its start");
	init_failed(instance, "Sandbox.Timedout", message);
}

static void
instance_expired(struct timer *timer)
{
	struct instance *instance = LIST_ITEM(timer, struct instance, timer);
	struct function *function = instance->function;

	switch (instance->state) {
	case INSTANCE_STARTING:
		init_timed_out(instance);
		break;
	case INSTANCE_READY:
		if (instance->nrunning == 0 && function_live(function) >
		    function->spec->min_instances)
			instance_stop(instance, "it was idle");
		else
			loop_timer_set(&instance->host->loop, timer,
			    function->spec->idle_ms);
		break;
	case INSTANCE_BUSY:
		/* An event in flight has its own time-out. */
		if (instance->nrunning == 0)
			instance_kill(instance, "it did not come back");
		break;
	case INSTANCE_STOPPING:
		instance_kill(instance, instance->ending);
		break;
	case INSTANCE_STATES:
		break;
	}
	host_settle(instance->host);
}

/* Whose line is this? The one whose id is in it, else the only one. */
static struct invocation *
speaker(struct instance *instance, struct slice line)
{
	struct invocation *invocation;
	struct list *node;

	LIST_EACH(node, &instance->running) {
		invocation = LIST_ITEM(node, struct invocation, link);
		if (instance->nrunning == 1 || memmem(line.at, line.len,
		    invocation->id, REQUEST_ID_LEN) != NULL)
			return invocation;
	}
	return NULL;
}

static void
take_line(void *ctx, struct slice line)
{
	struct instance *instance = ctx;
	struct invocation *invocation = speaker(instance, line);

	function_output_line(instance->function, line);
	if (invocation == NULL || !invocation->wants_tail)
		return;
	if (invocation->tail.len > 8 * TAIL_MOST) {
		memmove(invocation->tail.at, invocation->tail.at +
		    invocation->tail.len - TAIL_MOST, TAIL_MOST);
		invocation->tail.len = TAIL_MOST;
	}
	buf_add_slice(&invocation->tail, line);
	buf_add_char(&invocation->tail, '\n');
}

static void
take_output(struct instance *instance, struct slice data, bool ended)
{
	struct buf *line = &instance->line;
	size_t used;

	if (line->len == 0 && !ended) {
		used = function_lines_split(data, false, take_line, instance);
		buf_add(line, data.at + used, data.len - used);
		return;
	}
	buf_add_slice(line, data);
	if (line->len == 0)
		return;
	used = function_lines_split(buf_slice(line), ended, take_line,
	    instance);
	memmove(line->at, line->at + used, line->len - used);
	line->len -= used;
}

/* Take what it has printed so far. */
void
instance_read(struct instance *instance)
{
	char data[READ_SIZE];
	unsigned i;
	ssize_t n;

	for (i = 0; i < READS && instance->piped; i++) {
		n = read((int)event_get_fd(&instance->output), data,
		    sizeof data);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			output_close(instance);
			return;
		}
		take_output(instance, slice_of(data, (size_t)n), false);
		if ((size_t)n < sizeof data)
			return;
	}
}

static void
output_cb(evutil_socket_t fd, short what, void *arg)
{
	struct instance *instance = arg;

	(void)fd;
	(void)what;
	loop_turn(&instance->host->loop);
	instance_read(instance);
}

/* How much memory its process has in use; not more often than need be. */
void
instance_sample(struct instance *instance)
{
	uint64_t now = instance->host->loop.wheel.now;
	unsigned long long kb;
	char path[48], text[4096], *line;
	ssize_t n;
	int fd;

	if (instance->sampled_ms != 0 &&
	    now < instance->sampled_ms + SAMPLE_MS)
		return;
	instance->sampled_ms = now;
	snprintf(path, sizeof path, "/proc/%d/status", (int)instance->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	line = strstr(text, "\nVmHWM:");
	if (line != NULL && sscanf(line, "\nVmHWM: %llu kB", &kb) == 1)
		instance->memory_kb = kb;
}

static void
sample_list(struct list *head)
{
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, head) {
		struct instance *instance = LIST_ITEM(node, struct instance,
		    link);

		instance_sample(instance);
		if (instance->memory_kb >
		    (uint64_t)instance->function->spec->memory_mb * 1024)
			instance_kill(instance, INSTANCE_MEMORY);
	}
}

/* While instances work: does any of them use more memory than it may? */
void
instance_sampler_cb(struct timer *timer)
{
	struct lambda_host *host = LIST_ITEM(timer, struct lambda_host,
	    sampler);
	struct list *node;
	bool busy = false;

	LIST_EACH(node, &host->functions) {
		struct function *function = LIST_ITEM(node, struct function,
		    link);

		sample_list(&function->instances[INSTANCE_BUSY]);
		busy = busy || function->ninstances[INSTANCE_BUSY] > 0;
	}
	if (busy)
		loop_timer_set(&host->loop, timer, SAMPLE_MS);
}

/* "exit status 7", "signal: killed" */
static void
describe_end(char *text, size_t size, const siginfo_t *info)
{
	const char *name;

	if (info->si_code == CLD_EXITED) {
		snprintf(text, size, "exit status %d", info->si_status);
		return;
	}
	name = sigdescr_np(info->si_status);
	snprintf(text, size, "signal: %s", name != NULL ? name : "unknown");
	text[8] = ascii_lower(text[8]);
}

static void
fail_running(struct instance *instance, const siginfo_t *info)
{
	bool silent = info->si_code == CLD_EXITED && info->si_status == 0;
	const char *type = instance->ending != NULL &&
	    strcmp(instance->ending, INSTANCE_MEMORY) == 0 ?
	    "Runtime.OutOfMemory" : "Runtime.ExitError";
	struct invocation *invocation;
	char end[64], message[160];

	describe_end(end, sizeof end, info);
	while (!list_empty(&instance->running)) {
		invocation = LIST_ITEM(instance->running.next,
		    struct invocation, link);
		snprintf(message, sizeof message, "RequestId: %s Error: "
		    "Runtime exited with%s%s", invocation->id,
		    silent ? "out providing a reason" : " error: ",
		    silent ? "" : end);
		invocation_fail(invocation, type, message);
	}
}

/* It ended before it asked for its first event. */
static void
fail_start(struct instance *instance, const siginfo_t *info)
{
	static const char *const types[SPAWN_STEPS] = {
		[SPAWN_LIMITS] = "Sandbox.Failure",
		[SPAWN_USER] = "Sandbox.Failure",
		[SPAWN_FOLDER] = "Runtime.InvalidWorkingDir",
		[SPAWN_EXEC] = "Runtime.InvalidEntrypoint",
	};
	static const char *const steps[SPAWN_STEPS] = {
		[SPAWN_LIMITS] = "cannot set limits",
		[SPAWN_USER] = "cannot change the user",
		[SPAWN_FOLDER] = "cannot enter the code folder",
		[SPAWN_EXEC] = "cannot run its program",
	};
	struct spawn_failure failure;
	char end[64], message[192];

	if (read(instance->exec_fd, &failure, sizeof failure) ==
	    sizeof failure && failure.step >= 0 &&
	    failure.step < SPAWN_STEPS) {
		snprintf(message, sizeof message, "Error: %s: %s",
		    steps[failure.step], strerror(failure.code));
		init_failed(instance, types[failure.step], message);
		return;
	}
	describe_end(end, sizeof end, info);
	snprintf(message, sizeof message,
	    "Error: Runtime exited with error: %s", end);
	init_failed(instance, "Runtime.ExitError", message);
}

/* Initialised, not told to end, and gone all the same. */
static void
died(struct instance *instance, const siginfo_t *info)
{
	struct function *function = instance->function;
	char end[64];

	describe_end(end, sizeof end, info);
	log_notice(instance->host->log, "function %s: process %d ended by "
	    "itself (%s)", function->spec->name, (int)instance->pid, end);
	function_died(function);
}

static void
instance_ended(struct instance *instance, const siginfo_t *info)
{
	struct function *function = instance->function;
	bool told = instance->state == INSTANCE_STOPPING;

	instance_read(instance);
	take_output(instance, SLICE_NONE, true);
	unlist(instance);
	instance->state = INSTANCE_STOPPING;
	runtime_calls_cut(instance);
	if (!told && instance->initialised)
		died(instance, info);
	fail_running(instance, info);
	if (!instance->initialised && !instance->failed && !told)
		fail_start(instance, info);
	instance_free(&instance);
	function_dispatch(function);
}

static struct instance *
find_pid(struct lambda_host *host, pid_t pid)
{
	unsigned i;

	for (i = 0; i < host->nslots; i++)
		if (host->slots[i] != NULL && host->slots[i]->pid == pid)
			return host->slots[i];
	return NULL;
}

/* Children have ended: instances, and what they left behind. */
void
instance_child_cb(evutil_socket_t fd, short what, void *arg)
{
	struct lambda_host *host = arg;
	struct instance *instance;
	bool swept = false;
	siginfo_t info;

	(void)fd;
	(void)what;
	loop_turn(&host->loop);
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		    info.si_pid == 0)
			break;
		instance = find_pid(host, info.si_pid);
		/* Not reaped yet: the number of its group is still its own. */
		if (instance != NULL)
			kill(-info.si_pid, SIGKILL);
		waitpid(info.si_pid, NULL, 0);
		if (instance == NULL)
			continue;
		instance_ended(instance, &info);
		swept = true;
	}
	if (swept)
		orphans_end(host);
	host_settle(host);
}

/* For the end of the host: kill every instance and wait for it. */
void
instance_end_all(struct lambda_host *host)
{
	struct instance *instance;
	siginfo_t info;
	unsigned i;

	for (i = 0; i < host->nslots; i++) {
		instance = host->slots[i];
		if (instance == NULL)
			continue;
		kill(-instance->pid, SIGKILL);
		if (waitid(P_PID, (id_t)instance->pid, &info, WEXITED) < 0)
			info = (siginfo_t){ .si_code = CLD_KILLED };
		unlist(instance);
		instance->state = INSTANCE_STOPPING;
		runtime_calls_cut(instance);
		fail_running(instance, &info);
		instance_free(&instance);
	}
	orphans_end(host);
}
