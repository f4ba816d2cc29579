/*
 * fuzz_runtime_api.c - whatever a function process may send to its host
 *
 * One connection of one instance; the bytes come in pieces of the size that
 * the first byte says. An event waits, and its id is known beforehand, so
 * that inputs can ask for it and answer it. What must hold: nothing breaks,
 * and the event has ended or still runs when the connection is gone.
 */

#include <assert.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/h1_private.h"
#include "lambda/host_private.h"
#include "util/error.h"
#include "util/log.h"

#define EVENT_ID	"00000000-0000-4000-8000-000000000000"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct lambda_host *host;
static struct event_base *base;
static struct log quiet;
static unsigned ended;

static void
load(void)
{
	static char *command[] = { "/bin/sleep", "100000", NULL };
	struct function_spec spec = { .name = "f", .handler = "",
		.code = "/", .region = "r", .account = "", .log = "",
		.user = "", .command = { command, 2 },
		.runtime = FUNCTION_NODEJS, .timeout_ms = 1000000000,
		.memory_mb = 1000000, .concurrency = 1,
		.min_instances = 1, .idle_ms = 1000000000, .queue = 1 };
	struct error err;
	int fd;

	if (functions_write(&spec, 1, &fd, &err) < 0 ||
	    lambda_host_prepare(host, fd, 1, &err) < 0)
		abort();
	close(fd);
	lambda_host_commit(host);
}

static void
start(void)
{
	struct lambda_host_env env = { .log = &quiet, .init_ms = 1000000000 };

	signal(SIGPIPE, SIG_IGN);
	log_open(&quiet, open("/dev/null", O_WRONLY), LOG_LEVEL_ERROR, "");
	env.base = base = event_base_new();
	host = lambda_host_open(&env);
	load();
}

static void
turn(void)
{
	int i;

	for (i = 0; i < 4; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
count_end(void *ctx, const struct invocation_result *result)
{
	(void)ctx;
	(void)result;
	ended++;
}

static void
take_begin(void *ctx, struct slice type)
{
	(void)ctx;
	(void)type;
}

/* Now and then the caller is slow; what was held back comes with resume. */
static int
take_data(void *ctx, struct slice data)
{
	(void)ctx;
	return data.len % 3 == 0;
}

static const struct invocation_client whole = { .end = count_end };
static const struct invocation_client streaming = { .begin = take_begin,
	.data = take_data, .end = count_end };

static void
submit(struct function *function, const struct invocation_client *client)
{
	struct invocation *invocation = invocation_new(function);

	memcpy(invocation->id, EVENT_ID, sizeof invocation->id);
	memcpy(invocation->trace, "Root=1", 7);
	buf_add_text(&invocation->payload, "{}");
	invocation->client = client;
	if (invocation_submit(invocation) < 0)
		abort();
}

/* The instance, as if it had just been started. */
static struct instance *
instance_anew(struct function *function)
{
	static const enum instance_state states[] = { INSTANCE_STARTING,
		INSTANCE_READY, INSTANCE_BUSY, INSTANCE_STOPPING };
	struct instance *instance = NULL;
	struct list *head;
	size_t i;

	for (i = 0; i < 4 && instance == NULL; i++) {
		head = &function->instances[states[i]];
		if (!list_empty(head))
			instance = LIST_ITEM(head->next, struct instance,
			    link);
	}
	if (instance == NULL)
		abort();
	function->ninstances[instance->state]--;
	list_remove(&instance->link);
	instance->state = INSTANCE_STARTING;
	list_push(&function->instances[INSTANCE_STARTING], &instance->link);
	function->ninstances[INSTANCE_STARTING]++;
	instance->initialised = instance->failed = false;
	instance->last_id[0] = '\0';
	function->failures = 0;
	loop_timer_clear(&host->loop, &instance->timer);
	loop_timer_clear(&host->loop, &function->pause);
	return instance;
}

static void
resume(struct instance *instance)
{
	if (!list_empty(&instance->running))
		invocation_resume(LIST_ITEM(instance->running.next,
		    struct invocation, link));
	turn();
}

static void
finish(struct function *function, struct instance *instance)
{
	struct invocation_result result = { .error = true, .type = "over" };

	while (!list_empty(&instance->running))
		invocation_fail(LIST_ITEM(instance->running.next,
		    struct invocation, link), "Over", "It is over");
	function_fail_queue(function, &result);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_peer peer = { .family = 4 };
	struct function *function;
	struct instance *instance;
	size_t at, step;
	char sink[4096];
	int fds[2];

	if (size < 2)
		return 0;
	if (host == NULL)
		start();
	function = host_function(host, SLICE("f"));
	instance = instance_anew(function);
	ended = 0;
	submit(function, data[0] % 2 == 0 ? &whole : &streaming);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	    fds) < 0)
		abort();
	h1_accepted(&host->runtime, fds[0], &peer, instance->id);
	step = data[0] == 0 ? size : data[0] * 8u;
	for (at = 1; at < size; at += step) {
		if (write(fds[1], data + at, size - at < step ? size - at :
		    step) < 0)
			break;
		turn();
		resume(instance);
		while (read(fds[1], sink, sizeof sink) > 0)
			continue;
	}
	close(fds[1]);
	turn();
	finish(function, instance);
	assert(ended == 1);
	assert(host->runtime.nconnections == 0);
	assert(list_empty(&instance->waiting));
	assert(list_empty(&instance->calls));
	return 0;
}
