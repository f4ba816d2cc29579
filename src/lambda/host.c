/*
 * lambda/host.c - the function host: what runs, and which generation of it
 *
 * Owns the functions in force, those that have left the configuration but
 * still have processes, and the two servers (Invoke API, Runtime API). New
 * functions are prepared beside the old ones and take their place in one
 * step; instances of what did not change never notice.
 */

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lambda/host_private.h"
#include "lambda/orphans.h"
#include "lambda/peer.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/mem.h"

#define DRAIN_IDLE_MS	2000
#define STARTS_PER_CPU	4
#define STARTS_LEAST	8

/* Microseconds of a clock that only goes forward. */
uint64_t
host_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct function *
function_open(struct lambda_host *host)
{
	struct function *function = mem_new(sizeof *function);
	unsigned i;

	function->host = host;
	for (i = 0; i < INSTANCE_STATES; i++)
		list_init(&function->instances[i]);
	list_init(&function->queue);
	list_init(&function->delayed);
	buf_open(&function->failure);
	timer_init(&function->pause, function_pause_over);
	list_append(&host->functions, &function->link);
	return function;
}

static void
drop_delayed(struct function *function)
{
	struct invocation *invocation;
	struct list *node;

	while ((node = list_pop(&function->delayed)) != NULL) {
		invocation = LIST_ITEM(node, struct invocation, link);
		log_warn(function->host->log, "function %s: event %s is "
		    "dropped before its next attempt", function->spec->name,
		    invocation->id);
		function->ndelayed--;
		invocation_free(&invocation);
	}
}

/* It has no instance and no invocation any more. */
static void
function_close(struct function **function_p)
{
	struct function *function = *function_p;

	*function_p = NULL;
	function_output_close(function);
	loop_timer_clear(&function->host->loop, &function->pause);
	buf_close(&function->failure);
	list_remove(&function->link);
	functions_unref(&function->set);
	free(function);
}

static bool
function_gone(const struct function *function)
{
	return function_live(function) == 0 && function->nqueued == 0 &&
	    function->ninstances[INSTANCE_STOPPING] == 0;
}

static unsigned
function_work(const struct function *function)
{
	struct list *node;
	unsigned work = function->nqueued;

	LIST_EACH(node, &function->instances[INSTANCE_BUSY])
		work += LIST_ITEM(node, struct instance, link)->nrunning;
	LIST_EACH(node, &function->instances[INSTANCE_READY])
		work += LIST_ITEM(node, struct instance, link)->nrunning;
	return work;
}

/* Have these end when their work is done. Is anything left of them? */
static bool
drain_functions(struct list *head)
{
	struct list *node;
	bool left = false;

	LIST_EACH(node, head) {
		struct function *function = LIST_ITEM(node, struct function,
		    link);

		drop_delayed(function);
		function_output_dismiss(function);
		if (function_work(function) == 0)
			function_retire(function, "the host ends");
		left = left || !function_gone(function);
	}
	return left;
}

static void
drain_step(struct lambda_host *host)
{
	bool left = drain_functions(&host->functions);

	left = drain_functions(&host->leaving) || left;
	if (left || host->invoke.nconnections > 0 || host->drained)
		return;
	host->drained = true;
	if (host->env.drained != NULL)
		host->env.drained(host->env.ctx);
}

/* Later than whatever noticed the change: nobody holds anything now. */
static void
settling_cb(struct timer *timer)
{
	struct lambda_host *host = LIST_ITEM(timer, struct lambda_host,
	    settling);
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &host->leaving) {
		struct function *function = LIST_ITEM(node, struct function,
		    link);

		if (function_gone(function))
			function_close(&function);
	}
	if (host->held) {
		host->held = false;
		LIST_EACH(node, &host->functions)
			function_dispatch(LIST_ITEM(node, struct function,
			    link));
	}
	if (host->draining)
		drain_step(host);
}

/* An instance or an invocation has ended: is that the end of more? */
void
host_settle(struct lambda_host *host)
{
	if ((host->draining || host->held || !list_empty(&host->leaving)) &&
	    host->settling.due == 0)
		loop_timer_set(&host->loop, &host->settling, 1);
}

static void
emptied(struct h1_server *server)
{
	host_settle(server->core.ctx);
}

static void
cut_off(struct timer *timer)
{
	struct lambda_host *host = LIST_ITEM(timer, struct lambda_host,
	    cutoff);

	if (host->drained)
		return;
	log_warn(host->log, "functions are still at work; they are cut");
	host->drained = true;
	if (host->env.drained != NULL)
		host->env.drained(host->env.ctx);
}

static unsigned
starts_at_a_time(void)
{
	cpu_set_t cpus;
	unsigned starts = 0;

	if (sched_getaffinity(0, sizeof cpus, &cpus) == 0)
		starts = STARTS_PER_CPU * (unsigned)CPU_COUNT(&cpus);
	return starts > STARTS_LEAST ? starts : STARTS_LEAST;
}

/*
 * A host without functions: prepare and commit come next. Children of this
 * process are its own: SIGCHLD must be nobody else's.
 */
struct lambda_host *
lambda_host_open(const struct lambda_host_env *env)
{
	struct lambda_host *host = mem_new(sizeof *host);

	host->env = *env;
	host->log = env->log;
	if (host->env.libexec == NULL)
		host->env.libexec = GATEHOUSE_LIBEXECDIR;
	if (host->env.init_ms == 0)
		host->env.init_ms = INIT_MS;
	host->starting_most = starts_at_a_time();
	list_init(&host->functions);
	list_init(&host->leaving);
	list_init(&host->logs);
	timer_init(&host->sampler, instance_sampler_cb);
	timer_init(&host->cutoff, cut_off);
	timer_init(&host->settling, settling_cb);
	loop_open(&host->loop, env->base);
	host->diag_fd = peer_open();
	runtime_api_open(host);
	invoke_api_open(host);
	host->invoke.emptied = emptied;
	orphans_adopt();
	evsignal_assign(&host->child, env->base, SIGCHLD, instance_child_cb,
	    host);
	event_add(&host->child, NULL);
	return host;
}

static void
end_functions(struct list *head)
{
	struct invocation_result result = { .unknown = true };
	struct function *function;

	while (!list_empty(head)) {
		function = LIST_ITEM(head->next, struct function, link);
		function_fail_queue(function, &result);
		drop_delayed(function);
		function_close(&function);
	}
}

/* Kills every instance and waits for their ends; then releases everything. */
void
lambda_host_close(struct lambda_host **host_p)
{
	struct lambda_host *host = *host_p;

	*host_p = NULL;
	host->draining = host->drained = true;
	watch_close(host);
	h1_server_close(&host->invoke);
	event_del(&host->child);
	instance_end_all(host);
	h1_server_close(&host->runtime);
	end_functions(&host->functions);
	end_functions(&host->leaving);
	if (host->prepared != NULL)
		functions_unref(&host->prepared);
	if (host->set != NULL)
		functions_unref(&host->set);
	free(host->table);
	free(host->slots);
	function_logs_close(host);
	fd_close(&host->diag_fd);
	loop_timer_clear(&host->loop, &host->sampler);
	loop_timer_clear(&host->loop, &host->cutoff);
	loop_timer_clear(&host->loop, &host->settling);
	loop_close(&host->loop);
	free(host);
}

/* See host.h. */
int
lambda_host_prepare(struct lambda_host *host, int fd, uint64_t generation,
    struct error *err)
{
	if (host->prepared != NULL)
		functions_unref(&host->prepared);
	if (functions_read(fd, &host->prepared, err) < 0)
		return -1;
	host->prepared_generation = generation;
	return 0;
}

void
lambda_host_abort(struct lambda_host *host, uint64_t generation)
{
	if (host->prepared != NULL && host->prepared_generation == generation)
		functions_unref(&host->prepared);
}

/* The function takes its new configuration, and drops what is of the old. */
static void
function_adopt(struct function *function, struct function_set *set,
    const struct function_spec *spec)
{
	bool changed = function->spec != NULL &&
	    function->spec->fingerprint != spec->fingerprint;
	bool fresh = function->spec == NULL;

	if (function->set != NULL)
		functions_unref(&function->set);
	function->set = functions_ref(set);
	function->spec = spec;
	if (fresh)
		function_output_open(function);
	else
		function_output_choose(function);
	if (changed)
		function_retire(function, "its configuration changed");
}

static void
function_leave(struct function *function)
{
	struct invocation_result result = { .unknown = true };
	struct lambda_host *host = function->host;

	function->leaving = true;
	list_remove(&function->link);
	list_append(&host->leaving, &function->link);
	function_fail_queue(function, &result);
	drop_delayed(function);
	function_retire(function, "it left the configuration");
}

static struct function *
find(const struct lambda_host *host, struct slice name)
{
	const struct function_spec *spec = host->set == NULL ? NULL :
	    functions_find(host->set, name);

	return spec == NULL ? NULL : host->table[spec - host->set->specs];
}

static void
retire_missing(struct lambda_host *host, const struct function_set *set)
{
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &host->functions) {
		struct function *function = LIST_ITEM(node, struct function,
		    link);

		if (functions_find(set, slice_text(function->spec->name)) ==
		    NULL)
			function_leave(function);
	}
}

/* Make the prepared functions the ones in force. */
void
lambda_host_commit(struct lambda_host *host)
{
	struct function_set *set = host->prepared;
	struct function **table, *function;
	struct list *node;
	uint32_t i;

	if (set == NULL)
		return;
	loop_turn(&host->loop);
	host->prepared = NULL;
	retire_missing(host, set);
	table = mem_array(set->count, sizeof(struct function *));
	for (i = 0; i < set->count; i++) {
		function = find(host, slice_text(set->specs[i].name));
		table[i] = function != NULL ? function : function_open(host);
	}
	free(host->table);
	host->table = table;
	if (host->set != NULL)
		functions_unref(&host->set);
	host->set = set;
	for (i = 0; i < set->count; i++)
		function_adopt(table[i], set, &set->specs[i]);
	LIST_EACH(node, &host->functions)
		function_dispatch(LIST_ITEM(node, struct function, link));
	watch_update(host);
	host_settle(host);
}

/* The function of this name that is in force, or NULL. */
struct function *
host_function(struct lambda_host *host, struct slice name)
{
	if (host->prepared != NULL && host->env.committed != NULL &&
	    host->env.committed(host->env.ctx) >= host->prepared_generation)
		lambda_host_commit(host);
	return find(host, name);
}

int
lambda_host_listen(struct lambda_host *host, uint64_t listener_id, int fd,
    struct error *err)
{
	return h1_listen(&host->invoke, fd, listener_id, err);
}

void
lambda_host_retire(struct lambda_host *host, uint64_t listener_id)
{
	h1_retire(&host->invoke, listener_id);
}

void
lambda_host_log(struct lambda_host *host, uint64_t log_id, int fd)
{
	function_log_set(host, log_id, fd);
}

void
lambda_host_reopen(struct lambda_host *host)
{
	function_logs_reopen(host);
}

int
lambda_host_watch(struct lambda_host *host, bool on, struct error *err)
{
	watch_close(host);
	return on ? watch_open(host, err) : 0;
}

/* See host.h. */
void
lambda_host_drain(struct lambda_host *host, uint32_t deadline_ms)
{
	host->draining = true;
	loop_turn(&host->loop);
	watch_close(host);
	loop_timer_set(&host->loop, &host->cutoff, deadline_ms);
	h1_drain(&host->invoke, DRAIN_IDLE_MS);
	host_settle(host);
}
