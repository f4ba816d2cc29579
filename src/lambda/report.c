/*
 * lambda/report.c - the functions of a host in figures, as JSON
 *
 * What `gatehousectl functions` shows. Counts are since the host began; no
 * part of a function's environment is ever in it.
 */

#include <inttypes.h>

#include "lambda/host_private.h"
#include "util/json.h"

static const char *const state_names[INSTANCE_STATES] = {
	[INSTANCE_STARTING] = "starting",
	[INSTANCE_READY] = "idle",
	[INSTANCE_BUSY] = "busy",
	[INSTANCE_STOPPING] = "stopping",
};

static const char *
state_of(const struct function *function)
{
	if (function->leaving)
		return "leaving";
	if (function->pause.due != 0)
		return "failing";
	return function_live(function) > 0 ? "ready" : "cold";
}

static void
add_processes(struct buf *out, struct function *function)
{
	uint64_t now = host_now_us();
	const char *mark = "";
	struct list *node;
	unsigned state;

	buf_add_text(out, ",\"processes\":[");
	for (state = 0; state < INSTANCE_STATES; state++)
		LIST_EACH(node, &function->instances[state]) {
			const struct instance *instance = LIST_ITEM(node,
			    struct instance, link);

			buf_printf(out, "%s{\"pid\":%d,\"state\":\"%s\","
			    "\"age_ms\":%" PRIu64 ",\"memory_kb\":%" PRIu64
			    ",\"running\":%u}", mark, (int)instance->pid,
			    state_names[state],
			    (now - instance->start_us) / 1000,
			    instance->memory_kb, instance->nrunning);
			mark = ",";
		}
	buf_add_char(out, ']');
}

static void
add_function(struct buf *out, struct function *function)
{
	const struct function_spec *spec = function->spec;
	const struct function_counts *counts = &function->counts;
	unsigned state;

	buf_add_text(out, "{\"name\":");
	json_write_string(out, slice_text(spec->name));
	buf_printf(out, ",\"runtime\":\"%s\",\"state\":\"%s\","
	    "\"concurrency\":%u,\"memory_mb\":%u,\"timeout_ms\":%u,"
	    "\"queued\":%u,\"delayed\":%u,\"instances\":{",
	    function_runtime_name(spec->runtime), state_of(function),
	    spec->concurrency, spec->memory_mb, spec->timeout_ms,
	    function->nqueued, function->ndelayed);
	for (state = 0; state < INSTANCE_STATES; state++)
		buf_printf(out, "%s\"%s\":%u", state > 0 ? "," : "",
		    state_names[state], function->ninstances[state]);
	buf_printf(out, "},\"invocations\":%" PRIu64 ",\"errors\":%" PRIu64
	    ",\"throttles\":%" PRIu64 ",\"timeouts\":%" PRIu64
	    ",\"cold_starts\":%" PRIu64 ",\"init_failures\":%" PRIu64
	    ",\"last_init_ms\":%.2f", counts->invocations, counts->errors,
	    counts->throttles, counts->timeouts, counts->cold_starts,
	    counts->init_failures, (double)counts->last_init_us / 1000);
	add_processes(out, function);
	buf_add_char(out, '}');
}

/* {"functions":[...]} */
void
report_functions(struct lambda_host *host, struct buf *out)
{
	const char *mark = "";
	struct list *node;
	uint32_t i;

	buf_add_text(out, "{\"functions\":[");
	for (i = 0; host->set != NULL && i < host->set->count; i++) {
		buf_add_text(out, mark);
		add_function(out, host->table[i]);
		mark = ",";
	}
	LIST_EACH(node, &host->leaving) {
		buf_add_text(out, mark);
		add_function(out, LIST_ITEM(node, struct function, link));
		mark = ",";
	}
	buf_add_text(out, "]}");
}
