/*
 * lambda/invocation.c - one event, from its arrival to its answer
 *
 * An invocation waits on its function's queue, runs in an instance, and ends
 * exactly once: by the instance's answer, by its time-out, by the instance's
 * death, or because the function never starts. Whoever waits for it may leave
 * at any time; the event is worked on all the same. Events that nobody waits
 * for are tried again twice when the function fails (contract, 4.5).
 */

#include "lambda/host_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

#define ATTEMPTS	3
#define RETRY_FIRST_MS	60000
#define RETRY_SECOND_MS	120000

static void expired(struct timer *timer);

/* A request id: a UUID, version 4. */
void
invocation_id(struct loop *loop, char id[REQUEST_ID_LEN + 1])
{
	uint64_t bits[2] = { loop_random(loop), loop_random(loop) };
	char hex[33];

	text_hex(hex, bits, sizeof bits);
	hex[12] = '4';
	hex[16] = "89ab"[bits[1] & 3];
	hex[32] = '\0';
	snprintf(id, REQUEST_ID_LEN + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex,
	    hex + 8, hex + 12, hex + 16, hex + 20);
}

/* One that its caller fills and submits, or frees. */
struct invocation *
invocation_new(struct function *function)
{
	struct invocation *invocation = mem_new(sizeof *invocation);

	invocation->function = function;
	list_init(&invocation->link);
	timer_init(&invocation->timer, expired);
	buf_open(&invocation->payload);
	buf_open(&invocation->output);
	buf_open(&invocation->tail);
	invocation_id(&function->host->loop, invocation->id);
	return invocation;
}

/* It must be on no list any more. */
void
invocation_free(struct invocation **invocation_p)
{
	struct invocation *invocation = *invocation_p;

	*invocation_p = NULL;
	runtime_call_forget(&invocation->answer);
	loop_timer_clear(&invocation->function->host->loop,
	    &invocation->timer);
	buf_close(&invocation->payload);
	buf_close(&invocation->output);
	buf_close(&invocation->tail);
	free(invocation->context);
	free(invocation);
}

/* {"errorType":...,"errorMessage":...} */
void
error_body(struct buf *out, const char *type, const char *message)
{
	buf_add_text(out, "{\"errorType\":\"");
	text_json_escape(out, slice_text(type));
	buf_add_text(out, "\",\"errorMessage\":\"");
	text_json_escape(out, slice_text(message));
	buf_add_text(out, "\"}");
}

/* May one more wait? It may for every instance that is or could be started. */
static bool
has_room(const struct function *function)
{
	unsigned slots = function_slots(function->spec);
	unsigned live = function_live(function);
	unsigned more = function->ninstances[INSTANCE_STARTING];

	if (!list_empty(&function->instances[INSTANCE_READY]))
		return true;
	if (live < function->spec->concurrency)
		more += function->spec->concurrency - live;
	return function->nqueued < (uint64_t)more * slots +
	    function->spec->queue;
}

/*
 * Have it run as soon as may be; it is not the caller's any more, and may have
 * ended on return. -1: too many wait already, it is still the caller's.
 */
int
invocation_submit(struct invocation *invocation)
{
	struct function *function = invocation->function;

	if (!has_room(function)) {
		function->counts.throttles++;
		return -1;
	}
	function->counts.invocations++;
	if (function_refuse_early(function, invocation))
		return 0;
	list_append(&function->queue, &invocation->link);
	function->nqueued++;
	function_dispatch(function);
	return 0;
}

static void
log_line(struct invocation *invocation, const char *text)
{
	function_output_line(invocation->function, slice_text(text));
	if (invocation->wants_tail) {
		buf_add_text(&invocation->tail, text);
		buf_add_char(&invocation->tail, '\n');
	}
}

/* It has been handed to instance. */
void
invocation_begun(struct invocation *invocation, struct instance *instance)
{
	struct function *function = invocation->function;
	char line[128];

	invocation->instance = instance;
	invocation->start_us = host_now_us();
	list_append(&instance->running, &invocation->link);
	instance->nrunning++;
	loop_timer_set(&function->host->loop, &invocation->timer,
	    function->spec->timeout_ms);
	snprintf(line, sizeof line, "START RequestId: %s Version: $LATEST",
	    invocation->id);
	log_line(invocation, line);
}

static void
log_report(struct invocation *invocation)
{
	struct instance *instance = invocation->instance;
	uint64_t us = host_now_us() - invocation->start_us;
	char line[320];
	int len;

	snprintf(line, sizeof line, "END RequestId: %s", invocation->id);
	log_line(invocation, line);
	instance_sample(instance);
	len = snprintf(line, sizeof line, "REPORT RequestId: %s\tDuration: "
	    "%.2f ms\tBilled Duration: %llu ms\tMemory Size: %u MB\t"
	    "Max Memory Used: %llu MB\t", invocation->id, (double)us / 1000,
	    (unsigned long long)(us + 999) / 1000,
	    invocation->function->spec->memory_mb,
	    (unsigned long long)(instance->memory_kb + 1023) / 1024);
	if (instance->cold)
		snprintf(line + len, sizeof line - (size_t)len,
		    "Init Duration: %.2f ms\t",
		    (double)instance->init_us / 1000);
	instance->cold = false;
	log_line(invocation, line);
}

/* Off its instance, with what the log shall say of it. */
static void
leave_instance(struct invocation *invocation)
{
	struct instance *instance = invocation->instance;

	/* What was printed before the answer was sent belongs above END. */
	instance_read(instance);
	log_report(invocation);
	list_remove(&invocation->link);
	instance->nrunning--;
	memcpy(instance->last_id, invocation->id, sizeof instance->last_id);
	loop_timer_clear(&invocation->function->host->loop,
	    &invocation->timer);
	invocation->instance = NULL;
}

static uint32_t
retry_ms(const struct lambda_host *host, unsigned attempt)
{
	uint32_t ms = host->env.retry_ms[attempt == 1 ? 0 : 1];

	if (ms > 0)
		return ms;
	return attempt == 1 ? RETRY_FIRST_MS : RETRY_SECOND_MS;
}

/* A failed event: keep it for later. Returns false when this was enough. */
static bool
delay(struct invocation *invocation)
{
	struct function *function = invocation->function;
	struct lambda_host *host = function->host;

	if (!invocation->event || host->draining || function->leaving)
		return false;
	if (++invocation->attempt >= ATTEMPTS) {
		log_warn(host->log, "function %s: event %s failed %u times "
		    "and is dropped", function->spec->name, invocation->id,
		    ATTEMPTS);
		return false;
	}
	if (function->ndelayed >= function->spec->queue + 1) {
		log_warn(host->log, "function %s: event %s failed and is "
		    "dropped, %u others wait for another attempt",
		    function->spec->name, invocation->id, function->ndelayed);
		return false;
	}
	runtime_call_forget(&invocation->answer);
	invocation->output.len = 0;
	invocation->tail.len = 0;
	list_append(&function->delayed, &invocation->link);
	function->ndelayed++;
	loop_timer_set(&host->loop, &invocation->timer,
	    retry_ms(host, invocation->attempt));
	return true;
}

static struct slice
tail_of(const struct invocation *invocation)
{
	struct slice tail = buf_slice(&invocation->tail);

	if (tail.len > TAIL_MOST)
		tail = slice_of(tail.at + tail.len - TAIL_MOST, TAIL_MOST);
	return tail;
}

static void
tell(struct invocation *invocation, const struct invocation_result *result)
{
	struct invocation_result told = *result;
	struct buf message, body;

	buf_open(&message);
	buf_open(&body);
	if (result->message != NULL) {
		buf_printf(&message, "RequestId: %s %s", invocation->id,
		    result->message);
		error_body(&body, result->type, message.at);
		told.body = buf_slice(&body);
	}
	told.tail = tail_of(invocation);
	invocation->client->end(invocation->ctx, &told);
	buf_close(&message);
	buf_close(&body);
}

/* Tell whoever waits, and free it (or keep it to be tried again). */
void
invocation_refuse(struct invocation *invocation,
    const struct invocation_result *result)
{
	if (result->error && delay(invocation))
		return;
	if (invocation->client != NULL)
		tell(invocation, result);
	invocation_free(&invocation);
}

/* It has an answer, or never will. Frees it. */
void
invocation_end(struct invocation *invocation,
    const struct invocation_result *result)
{
	struct function *function = invocation->function;

	if (result->error)
		function->counts.errors++;
	else
		function->failures = 0;
	leave_instance(invocation);
	invocation_refuse(invocation, result);
	host_settle(function->host);
}

/* The same with an error that the host itself words. */
void
invocation_fail(struct invocation *invocation, const char *type,
    const char *message)
{
	struct invocation_result result = { .error = true, .type = type };
	struct buf body;

	buf_open(&body);
	error_body(&body, type, message);
	result.body = buf_slice(&body);
	log_line(invocation, message);
	invocation_end(invocation, &result);
	buf_close(&body);
}

static void
time_out(struct invocation *invocation)
{
	struct function *function = invocation->function;
	struct instance *instance = invocation->instance;
	uint64_t wall = loop_wall(&function->host->loop);
	time_t second = (time_t)(wall / 1000);
	char date[32], message[160];
	struct tm tm;

	gmtime_r(&second, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(message, sizeof message,
	    "%s.%03uZ %s Task timed out after %.2f seconds", date,
	    (unsigned)(wall % 1000), invocation->id,
	    (double)function->spec->timeout_ms / 1000);
	function->counts.timeouts++;
	instance_kill(instance, "a time-out");
	invocation_fail(invocation, "Sandbox.Timedout", message);
}

static void
expired(struct timer *timer)
{
	struct invocation *invocation = LIST_ITEM(timer, struct invocation,
	    timer);
	struct function *function = invocation->function;

	if (invocation->instance != NULL) {
		time_out(invocation);
		return;
	}
	list_remove(&invocation->link);
	function->ndelayed--;
	list_append(&function->queue, &invocation->link);
	function->nqueued++;
	function_dispatch(function);
}

/* The client that was slow takes more of the answer now. */
void
invocation_resume(struct invocation *invocation)
{
	if (invocation->answer != NULL)
		runtime_call_resume(invocation->answer);
}
