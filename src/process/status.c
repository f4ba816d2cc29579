/*
 * process/status.c - how it is, as text for people or JSON for programs
 *
 * Read from the control page and the master's own state; nothing is asked of
 * a worker, so a status is to be had when all of them are stuck.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "process/master_private.h"
#include "process/reload.h"
#include "util/clock.h"
#include "util/text.h"

#define LOAD(field) \
	((uint64_t)atomic_load_explicit(&(field), memory_order_relaxed))

static const char *const phases[] = {
	"starting", "serving", "draining", "stopping"
};

/* A member of an object, and the comma before the next. */
static void
add_text(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, "\"%s\":\"", name);
	text_json_escape(out, slice_text(text));
	buf_add_text(out, "\",");
}

static void
add_number(struct buf *out, const char *name, uint64_t value)
{
	buf_printf(out, "\"%s\":%" PRIu64 ",", name, value);
}

static void
add_flag(struct buf *out, const char *name, bool value)
{
	buf_printf(out, "\"%s\":%s,", name, value ? "true" : "false");
}

/* End an object or list: its last comma goes. */
static void
add_end(struct buf *out, const char *end)
{
	if (out->len > 0 && out->at[out->len - 1] == ',')
		out->len--;
	buf_add_text(out, end);
}

static void
hash_text(const struct master *master, char text[65])
{
	text[0] = '\0';
	if (master->view != NULL)
		text_hex(text, master->view->head->hash, 32);
	text[master->view != NULL ? 64 : 0] = '\0';
}

static void
time_text(uint64_t wall_ms, char text[32])
{
	time_t when = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* --- JSON ---------------------------------------------------------------- */

static void
changes_json(const struct message_image *facts, struct buf *out)
{
	buf_printf(out, "\"changes\":{\"routes\":{\"added\":%u,\"removed\":%u,"
	    "\"changed\":%u},\"listeners\":{\"added\":%u,\"removed\":%u},"
	    "\"upstreams\":{\"added\":%u,\"removed\":%u,\"changed\":%u}},",
	    facts->routes_added, facts->routes_removed, facts->routes_changed,
	    facts->listeners_added, facts->listeners_removed,
	    facts->upstreams_added, facts->upstreams_removed,
	    facts->upstreams_changed);
}

static void
result_json(const struct master *master, struct buf *out)
{
	const struct reload_result *result = &master->result;
	char when[32];

	time_text(result->wall_ms, when);
	buf_add_char(out, '{');
	add_flag(out, "ok", result->code == EXIT_CODE_OK);
	add_number(out, "generation", result->generation);
	add_flag(out, "unchanged", result->unchanged);
	add_number(out, "ms", result->took_ms);
	add_text(out, "at", when);
	if (result->code == EXIT_CODE_OK)
		changes_json(&result->facts, out);
	add_text(out, result->code == EXIT_CODE_OK ? "message" : "error",
	    result->text != NULL ? result->text : "");
	if (result->problems != NULL && result->problems[0] != '\0') {
		buf_add_text(out, "\"check\":");
		buf_add_text(out, result->problems);
		while (out->len > 0 && out->at[out->len - 1] == '\n')
			out->len--;
	}
	add_end(out, "}");
}

static void
worker_json(const struct master *master, const struct child *child,
    struct buf *out)
{
	const struct control_slot *slot = &master->control->slots[child->cell];
	uint64_t now = clock_now_ms(), beat = LOAD(slot->heartbeat);
	unsigned class;

	buf_add_char(out, '{');
	add_number(out, "slot", child->slot + 1);
	add_number(out, "pid", (uint64_t)child->pid);
	add_number(out, "generation", LOAD(slot->generation));
	add_number(out, "oldest", LOAD(slot->oldest));
	add_number(out, "connections", LOAD(slot->connections));
	add_number(out, "accepted", LOAD(slot->accepted));
	add_number(out, "requests", LOAD(slot->requests));
	buf_add_text(out, "\"answers\":{");
	for (class = 1; class < 6; class++)
		buf_printf(out, "\"%uxx\":%" PRIu64 "%s", class,
		    LOAD(slot->answers[class]), class < 5 ? "," : "},");
	add_number(out, "upstream_opened", LOAD(slot->upstream_opened));
	add_number(out, "upstream_reused", LOAD(slot->upstream_reused));
	add_number(out, "upstream_idle", LOAD(slot->upstream_idle));
	add_number(out, "log_dropped", LOAD(slot->log_dropped));
	add_number(out, "arena_most", LOAD(slot->arena_most));
	add_flag(out, "draining", child->draining);
	add_number(out, "heartbeat_ms", now > beat ? now - beat : 0);
	add_number(out, "age_s", (now - child->started_ms) / 1000);
	add_end(out, "},");
}

static void
listeners_json(struct master *master, struct buf *out)
{
	struct list *node;

	buf_add_text(out, "\"listeners\":[");
	LIST_EACH(node, &master->listeners) {
		const struct listener *listener = LIST_ITEM(node,
		    const struct listener, link);

		buf_add_char(out, '{');
		add_text(out, "name", listener->name);
		add_text(out, "address", listener->text);
		add_number(out, "sockets", listener->count);
		add_end(out, "},");
	}
	add_end(out, "],");
}

static void
functions_json(const struct master *master, struct buf *out)
{
	const struct functions *functions = &master->functions;

	buf_add_text(out, "\"functions\":{");
	add_number(out, "count", functions->facts.count);
	add_number(out, "pid", functions->seat.child != NULL ?
	    (uint64_t)functions->seat.child->pid : 0);
	add_text(out, "socket", functions->facts.socket);
	add_text(out, "listener", functions->facts.listener);
	add_end(out, "},");
}

static void
totals_json(struct master *master, struct buf *out)
{
	struct control_totals sum;
	unsigned class;

	control_sum(master->control, &sum);
	buf_add_text(out, "\"totals\":{");
	add_number(out, "connections", sum.connections);
	add_number(out, "accepted", sum.accepted);
	add_number(out, "requests", sum.requests);
	buf_add_text(out, "\"answers\":{");
	for (class = 1; class < 6; class++)
		buf_printf(out, "\"%uxx\":%" PRIu64 "%s", class,
		    sum.answers[class], class < 5 ? "," : "},");
	add_number(out, "upstream_opened", sum.upstream_opened);
	add_number(out, "upstream_reused", sum.upstream_reused);
	add_number(out, "upstream_idle", sum.upstream_idle);
	add_number(out, "log_dropped", sum.log_dropped);
	add_end(out, "},");
}

static void
status_json(struct master *master, struct buf *out)
{
	struct list *node;
	char hash[65], when[32];

	hash_text(master, hash);
	time_text(master->started_wall_ms, when);
	buf_add_char(out, '{');
	add_text(out, "version", PACKAGE_VERSION);
	add_number(out, "pid", (uint64_t)getpid());
	add_text(out, "state", master->drained ? "drained" :
	    phases[master->phase]);
	add_number(out, "generation", master->generation);
	add_text(out, "hash", hash);
	add_text(out, "config", master->options->file);
	add_text(out, "started", when);
	add_number(out, "uptime_s",
	    (clock_wall_ms() - master->started_wall_ms) / 1000);
	add_number(out, "workers_wanted", master->workers);
	add_number(out, "upgrade_pid", (uint64_t)master->upgrade.pid);
	buf_add_text(out, "\"reload\":");
	if (master->result.serial > 0)
		result_json(master, out);
	else
		buf_add_text(out, "null");
	buf_add_text(out, ",\"workers\":[");
	LIST_EACH(node, &master->children) {
		const struct child *child = LIST_ITEM(node,
		    const struct child, link);

		if (child->role == CHILD_WORKER)
			worker_json(master, child, out);
	}
	add_end(out, "],");
	listeners_json(master, out);
	functions_json(master, out);
	totals_json(master, out);
	add_end(out, "}\n");
}

/* --- text ---------------------------------------------------------------- */

static void
workers_text(struct master *master, struct buf *out)
{
	uint64_t now = clock_now_ms();
	struct list *node;

	buf_printf(out, "%-7s %8s %10s %11s %10s %10s %6s %8s  %s\n",
	    "worker", "pid", "generation", "connections", "accepted",
	    "requests", "idle", "age", "state");
	LIST_EACH(node, &master->children) {
		const struct child *child = LIST_ITEM(node,
		    const struct child, link);
		const struct control_slot *slot;
		char age[24];

		if (child->role != CHILD_WORKER)
			continue;
		slot = &master->control->slots[child->cell];
		snprintf(age, sizeof age, "%" PRIu64 " s",
		    (now - child->started_ms) / 1000);
		buf_printf(out, "%-7u %8d %10" PRIu64 " %11" PRIu64 " %10"
		    PRIu64 " %10" PRIu64 " %6" PRIu64 " %8s  %s\n",
		    child->slot + 1, (int)child->pid, LOAD(slot->generation),
		    LOAD(slot->connections), LOAD(slot->accepted),
		    LOAD(slot->requests), LOAD(slot->upstream_idle), age,
		    child->draining ? "draining" : child->serves == 0 ?
		    "starting" : "serving");
	}
}

static void
functions_text(const struct functions *functions, struct buf *out)
{
	const struct message_functions *facts = &functions->facts;

	if (facts->count == 0)
		return;
	buf_printf(out, "functions      %u on %s", facts->count,
	    facts->socket);
	if (facts->listener[0] != '\0')
		buf_printf(out, " and %s", facts->listener);
	if (functions->seat.child != NULL)
		buf_printf(out, " (host pid %d)",
		    (int)functions->seat.child->pid);
	buf_add_char(out, '\n');
}

static void
status_text(struct master *master, struct buf *out)
{
	const struct reload_result *result = &master->result;
	struct control_totals sum;
	struct list *node;
	char hash[65], when[32];

	hash_text(master, hash);
	control_sum(master->control, &sum);
	time_text(master->started_wall_ms, when);
	buf_printf(out, "gatehouse " PACKAGE_VERSION " (pid %d), %s, since "
	    "%s\n", (int)getpid(), master->drained ? "drained" :
	    phases[master->phase], when);
	buf_printf(out, "configuration  %s\n", master->options->file);
	buf_printf(out, "generation     %" PRIu64 ", hash %.16s\n",
	    master->generation, hash);
	if (master->upgrade.pid != 0)
		buf_printf(out, "upgrade        pid %d runs beside it\n",
		    (int)master->upgrade.pid);
	if (result->serial > 0) {
		time_text(result->wall_ms, when);
		buf_printf(out, "last reload    %s at %s, %s\n",
		    result->serial == 1 ? "the start" :
		    result->code == EXIT_CODE_OK ? "ok" : "failed", when,
		    result->text != NULL ? result->text : "");
	}
	LIST_EACH(node, &master->listeners) {
		const struct listener *listener = LIST_ITEM(node,
		    const struct listener, link);

		buf_printf(out, "listener       %s on %s\n", listener->name,
		    listener->text);
	}
	functions_text(&master->functions, out);
	buf_printf(out, "requests       %" PRIu64 " (2xx %" PRIu64 ", 3xx %"
	    PRIu64 ", 4xx %" PRIu64 ", 5xx %" PRIu64 "), %" PRIu64
	    " connections open\n", sum.requests, sum.answers[2],
	    sum.answers[3], sum.answers[4], sum.answers[5], sum.connections);
	if (sum.log_dropped > 0)
		buf_printf(out, "access logs    %" PRIu64 " lines dropped\n",
		    sum.log_dropped);
	buf_add_char(out, '\n');
	workers_text(master, out);
}

void
status_write(struct master *master, bool json, struct buf *out)
{
	if (json)
		status_json(master, out);
	else
		status_text(master, out);
}

/* How the last reload ended. */
void
status_result_write(struct master *master, bool json, struct buf *out)
{
	const char *text = master->result.text;

	if (json)
		result_json(master, out);
	else if (text != NULL)
		buf_add_text(out, text);
	if (out->len > 0 && out->at[out->len - 1] != '\n')
		buf_add_char(out, '\n');
}
