/*
 * lambda/scheduler.c - which instance gets which event, and how many there are
 *
 * Events wait on their function's queue. The instance that was used last gets
 * the oldest one, so that surplus instances stay idle and end. While events
 * wait, instances are started up to the function's limit; an event is not
 * bound to the one that is started for it. Only so many start at a time on the
 * whole host: the first ones then serve what waits, instead of all being slow
 * to come up. A function whose instances die is
 * started ever more slowly.
 */

#include "lambda/host_private.h"

#include <stdio.h>

#include "util/error.h"
#include "util/log.h"

#define PAUSE_FIRST_MS	100
#define PAUSE_MOST_MS	10000
#define PAUSE_DEATHS_MS	1000
#define DEATHS_FREE	5	/* in a row, then starts slow down */
#define WAIT_MOST_MS	1000	/* for the next start; else no is said */

/* Instances that were not told to end. */
unsigned
function_live(const struct function *function)
{
	return function->ninstances[INSTANCE_STARTING] +
	    function->ninstances[INSTANCE_READY] +
	    function->ninstances[INSTANCE_BUSY];
}

static struct invocation *
queue_pop(struct function *function)
{
	struct list *node = list_pop(&function->queue);

	function->nqueued--;
	return LIST_ITEM(node, struct invocation, link);
}

/* Hand the oldest event to the instance used last. */
static void
hand_out(struct function *function)
{
	struct instance *instance = LIST_ITEM(
	    function->instances[INSTANCE_READY].next, struct instance, link);
	struct invocation *invocation = queue_pop(function);

	if (runtime_hand_out(instance, invocation) < 0) {
		/* It hung up in this moment; the event goes to another. */
		list_push(&function->queue, &invocation->link);
		function->nqueued++;
	}
	instance_place(instance);
}

/* How many instances the events that wait could use, and more are wanted. */
static unsigned
wanted(const struct function *function)
{
	const struct function_spec *spec = function->spec;
	unsigned slots = function_slots(spec), live = function_live(function);
	unsigned starting = function->ninstances[INSTANCE_STARTING];
	unsigned more = (function->nqueued + slots - 1) / slots;

	more = more > starting ? more - starting : 0;
	if (live + more < spec->min_instances)
		more = spec->min_instances - live;
	if (live + more > spec->concurrency)
		more = spec->concurrency > live ? spec->concurrency - live : 0;
	return more;
}

static void
grow(struct function *function)
{
	struct invocation_result result = { .error = true,
	    .type = "Sandbox.Failure" };
	unsigned more = wanted(function);
	struct error err;

	while (more-- > 0 && function->pause.due == 0) {
		if (function->host->nstarting >=
		    function->host->starting_most) {
			function->host->held = true;
			return;
		}
		if (instance_start(function, &err) == 0)
			continue;
		log_error(function->host->log, "function %s: %s",
		    function->spec->name, err.text);
		result.message = err.text;
		function_init_failed(function, &result);
		return;
	}
}

/* Something has changed: events or instances have come or gone. */
void
function_dispatch(struct function *function)
{
	while (!list_empty(&function->queue) &&
	    !list_empty(&function->instances[INSTANCE_READY]))
		hand_out(function);
	if (!function->leaving && (!function->host->draining ||
	    !list_empty(&function->queue)))
		grow(function);
}

/* Every event that waits gets this answer. */
void
function_fail_queue(struct function *function,
    const struct invocation_result *result)
{
	struct invocation *invocation;
	unsigned count = function->nqueued;

	while (count-- > 0 && !list_empty(&function->queue)) {
		invocation = queue_pop(function);
		if (result->error)
			function->counts.errors++;
		invocation_refuse(invocation, result);
	}
}

static void
fail_one(struct function *function, const struct invocation_result *result)
{
	if (list_empty(&function->queue))
		return;
	function->counts.errors++;
	invocation_refuse(queue_pop(function), result);
}

/* The next start waits, longer each time. */
static void
pause_starts(struct function *function, unsigned failures, uint32_t most)
{
	uint32_t ms = PAUSE_FIRST_MS;

	while (failures-- > 1 && ms < most)
		ms *= 2;
	loop_timer_set(&function->host->loop, &function->pause,
	    ms < most ? ms : most);
}

/* Why it does not start: for those who ask while it is not tried again. */
static void
keep_failure(struct function *function,
    const struct invocation_result *result)
{
	struct buf *body = &function->failure;

	body->len = 0;
	if (result->message != NULL)
		error_body(body, result->type, result->message);
	else
		buf_add_slice(body, result->body);
	snprintf(function->failure_type, sizeof function->failure_type, "%s",
	    result->type);
}

/*
 * An instance did not come up (it has left the starting ones already), or
 * none could be started. The events that nobody else can serve get its error.
 * Of several that fail together the first counts.
 */
void
function_init_failed(struct function *function,
    const struct invocation_result *result)
{
	function->counts.init_failures++;
	keep_failure(function, result);
	if (function->pause.due == 0) {
		pause_starts(function, ++function->failures, PAUSE_MOST_MS);
		log_warn(function->host->log, "function %s does not start "
		    "(%s)", function->spec->name, result->type);
	}
	if (function_live(function) == 0)
		function_fail_queue(function, result);
	else if (function->ninstances[INSTANCE_STARTING] ==
	    function_live(function))
		fail_one(function, result);
	host_settle(function->host);
}

/* An instance ended by itself, at work or idle, and not for the first time. */
void
function_died(struct function *function)
{
	if (++function->failures > DEATHS_FREE && function->pause.due == 0)
		pause_starts(function, function->failures - DEATHS_FREE,
		    PAUSE_DEATHS_MS);
}

/*
 * It cannot start and will not be tried for a while: the event that has just
 * come gets the last error at once. Returns false when it may wait instead.
 */
bool
function_refuse_early(struct function *function,
    struct invocation *invocation)
{
	struct invocation_result result = { .error = true,
	    .type = function->failure_type,
	    .body = buf_slice(&function->failure) };
	uint64_t now = function->host->loop.wheel.now;

	if (function->pause.due <= now + WAIT_MOST_MS ||
	    function_live(function) > 0 || function->failure.len == 0)
		return false;
	function->counts.errors++;
	invocation_refuse(invocation, &result);
	return true;
}

void
function_pause_over(struct timer *timer)
{
	function_dispatch(LIST_ITEM(timer, struct function, pause));
}

static void
retire_list(struct list *head, const char *why)
{
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, head) {
		struct instance *instance = LIST_ITEM(node, struct instance,
		    link);

		instance->retired = true;
		if (instance->nrunning == 0)
			instance_stop(instance, why);
	}
}

/* Its instances go, each as soon as it has finished what it works on. */
void
function_retire(struct function *function, const char *why)
{
	retire_list(&function->instances[INSTANCE_STARTING], why);
	retire_list(&function->instances[INSTANCE_READY], why);
	retire_list(&function->instances[INSTANCE_BUSY], why);
	function->failures = 0;
	function->failure.len = 0;
	loop_timer_clear(&function->host->loop, &function->pause);
}
