/*
 * lambda/scheduler.c - which instance gets which event, and how many there are
 *
 * Events wait on their function's queue. The instance that was used last gets
 * the oldest one, so that surplus instances stay idle and end. While events
 * wait, instances are started up to the function's limit; an event is not
 * bound to the one that is started for it. A function whose instances die is
 * started ever more slowly.
 */

#include "lambda/host_private.h"

#include <inttypes.h>

#include "util/error.h"
#include "util/log.h"

#define PAUSE_FIRST_MS	100
#define PAUSE_MOST_MS	10000

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

static uint32_t
pause_of(unsigned failures)
{
	if (failures > 7)
		return PAUSE_MOST_MS;
	return PAUSE_FIRST_MS << (failures - 1);
}

/*
 * An instance did not come up (it has left the starting ones already), or
 * none could be started. The events that nobody else can serve get its error;
 * the next start waits a while.
 */
void
function_init_failed(struct function *function,
    const struct invocation_result *result)
{
	uint32_t pause;

	function->counts.init_failures++;
	function->failures++;
	pause = pause_of(function->failures);
	loop_timer_set(&function->host->loop, &function->pause, pause);
	log_warn(function->host->log, "function %s does not start (%s); next "
	    "attempt in %" PRIu32 " ms at the earliest", function->spec->name,
	    result->type, pause);
	if (function_live(function) == 0)
		function_fail_queue(function, result);
	else if (function->ninstances[INSTANCE_STARTING] ==
	    function_live(function))
		fail_one(function, result);
	host_settle(function->host);
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
	loop_timer_clear(&function->host->loop, &function->pause);
}
