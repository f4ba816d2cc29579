/*
 * lambda/host_private.h - the objects of the function host, for its files
 * alone
 *
 * function (what is to run, its queue) -> instance (one process) -> invocation
 * (one event, from its arrival to its answer). A runtime_call is a request of
 * a function process, an invoke a request of a caller.
 */
#ifndef LAMBDA_HOST_PRIVATE_H
#define LAMBDA_HOST_PRIVATE_H

#include "http/h1.h"
#include "lambda/function.h"
#include "lambda/function_log.h"
#include "lambda/host.h"

#define PAYLOAD_MOST	6291456		/* bytes of an event */
#define EVENT_MOST	1048576		/* the same, nobody waiting for it */
#define RESPONSE_MOST	6291556		/* bytes of a response */
#define TAIL_MOST	4096		/* bytes of log behind an answer */
#define REQUEST_ID_LEN	36
#define TRACE_MOST	256		/* X-Amzn-Trace-Id that is passed on */
#define STOP_MS		2000		/* from SIGTERM to SIGKILL */
#define INIT_MS		10000

/* How an invocation ended, for whoever waits. All of it is borrowed. */
struct invocation_result {
	bool error;			/* body describes it */
	bool unknown;			/* the function has gone */
	const char *type;		/* of an error */
	const char *message;		/* of one without a body: it is made
					   of type and message */
	struct slice body;		/* unless it was streamed before */
	struct slice tail;		/* of the log, when asked for */
};

/* Who waits for an invocation. */
struct invocation_client {
	/* The answer begins; what it is (a Content-Type, may be empty).
	   NULL: the answer is wanted whole, with end. */
	void (*begin)(void *ctx, struct slice type);
	/* 0, or 1: no more for now, please (see invocation_resume). */
	int (*data)(void *ctx, struct slice data);
	void (*end)(void *ctx, const struct invocation_result *result);
};

struct runtime_call;

/* One event. On function->queue, function->delayed or instance->running. */
struct invocation {
	struct list link;
	struct function *function;
	struct instance *instance;	/* while it runs */
	struct runtime_call *answer;	/* the call that brings the answer */
	const struct invocation_client *client;	/* NULL: none waits */
	void *ctx;
	struct timer timer;		/* time-out, or the pause of a retry */
	struct buf payload;
	struct buf output;		/* the answer, as far as it has come */
	struct buf tail;
	uint64_t start_us;
	unsigned attempt;		/* of an event, counted from 0 */
	bool event;			/* is tried again */
	bool wants_tail;
	bool begun;			/* client->begin was called */
	char id[REQUEST_ID_LEN + 1];
	char trace[TRACE_MOST];
	char qualifier[FUNCTION_NAME_MAX * 2 + 1];
	char *context;			/* owned: JSON in one line, or NULL */
};

enum instance_state {
	INSTANCE_STARTING,	/* forked; has not asked for an event yet */
	INSTANCE_READY,		/* asks for an event */
	INSTANCE_BUSY,		/* works, or is on its way back */
	INSTANCE_STOPPING,	/* was told to end */
	INSTANCE_STATES
};

/* One function process; on function->instances[state]. */
struct instance {
	struct list link;
	struct function *function;
	struct lambda_host *host;
	uint64_t id;			/* of its listener; slot in low half */
	uint64_t fingerprint;		/* of what it was started with */
	pid_t pid;
	uid_t uid;
	enum instance_state state;
	bool initialised;
	bool cold;			/* no REPORT has told of its start */
	bool retired;			/* goes as soon as it is idle */
	bool failed;			/* its failure has been accounted for */
	bool killed;			/* no need to signal it any more */
	const char *ending;		/* why it was stopped; for the log */
	uint16_t port;
	unsigned slots;			/* events at a time */
	unsigned nrunning;
	int exec_fd;			/* says why exec failed; -1 later */
	struct event output;		/* of the pipe that it prints into */
	bool piped;
	struct buf line;		/* one that has not ended yet */
	struct list waiting;		/* runtime_call: asks for an event */
	struct list calls;		/* runtime_call: others */
	struct list running;		/* invocation */
	struct timer timer;		/* what for: see instance_expired */
	uint64_t start_us;
	uint64_t init_us;
	uint64_t memory_kb;		/* most seen */
	uint64_t sampled_ms;
	char stream[64];		/* log stream: names it to itself */
	char last_id[REQUEST_ID_LEN + 1];	/* answered most recently */
};

/* Counted since the host began. */
struct function_counts {
	uint64_t invocations;
	uint64_t errors;
	uint64_t throttles;
	uint64_t timeouts;
	uint64_t cold_starts;
	uint64_t init_failures;
	uint64_t last_init_us;
};

/* One function; on host->functions, or host->leaving. */
struct function {
	struct list link;
	struct lambda_host *host;
	struct function_set *set;	/* one reference: spec lies in it */
	const struct function_spec *spec;
	struct list instances[INSTANCE_STATES];	/* ready: last used first */
	unsigned ninstances[INSTANCE_STATES];
	struct list queue;		/* invocation, oldest first */
	struct list delayed;		/* invocation: events to try again */
	unsigned nqueued, ndelayed;
	struct timer pause;		/* until the next start is tried */
	unsigned failures;		/* in a row: starts, and ends in work */
	struct buf failure;		/* why it did not start, last time */
	char failure_type[128];
	bool leaving;
	struct function_counts counts;
	struct function_output output;
};

struct watch;

struct lambda_host {
	struct lambda_host_env env;
	struct log *log;
	struct loop loop;
	struct h1_server invoke;	/* Invoke API */
	struct h1_server runtime;	/* Runtime API, a listener each */
	struct list functions;
	struct list leaving;
	struct list logs;		/* struct function_log */
	struct function_set *set;	/* in force; NULL before the first */
	struct function **table;	/* as set->specs */
	struct function_set *prepared;
	uint64_t prepared_generation;
	struct instance **slots;	/* by the low half of their id */
	unsigned nslots;
	uint32_t serial;
	struct event child;		/* SIGCHLD */
	struct timer sampler;		/* of memory in use */
	struct timer cutoff;
	struct timer settling;
	struct watch *watch;		/* NULL: off */
	int diag_fd;			/* asks the kernel whose a socket is */
	unsigned nstarting;		/* instances, of all functions */
	unsigned starting_most;
	bool held;			/* some function waits to start one */
	bool draining;
	bool drained;
};

/* host.c */
struct function *host_function(struct lambda_host *host, struct slice name);
void host_settle(struct lambda_host *host);
uint64_t host_now_us(void);

/* scheduler.c */
void function_dispatch(struct function *function);
void function_init_failed(struct function *function,
    const struct invocation_result *result);
void function_fail_queue(struct function *function,
    const struct invocation_result *result);
bool function_refuse_early(struct function *function,
    struct invocation *invocation);
void function_died(struct function *function);
unsigned function_live(const struct function *function);
void function_retire(struct function *function, const char *why);
void function_pause_over(struct timer *timer);

/* invocation.c */
void invocation_id(struct loop *loop, char id[REQUEST_ID_LEN + 1]);
struct invocation *invocation_new(struct function *function);
void invocation_free(struct invocation **invocation_p);
int invocation_submit(struct invocation *invocation);
void invocation_begun(struct invocation *invocation,
    struct instance *instance);
void invocation_end(struct invocation *invocation,
    const struct invocation_result *result);
void invocation_fail(struct invocation *invocation, const char *type,
    const char *message);
void invocation_refuse(struct invocation *invocation,
    const struct invocation_result *result);
void invocation_resume(struct invocation *invocation);
void error_body(struct buf *out, const char *type, const char *message);

/* instance.c */
int instance_start(struct function *function, struct error *err);
void instance_place(struct instance *instance);
void instance_arrived(struct instance *instance);
void instance_stop(struct instance *instance, const char *why);
void instance_kill(struct instance *instance, const char *why);
void instance_init_error(struct instance *instance, const char *type,
    struct slice body);
void instance_sampler_cb(struct timer *timer);
void instance_read(struct instance *instance);
void instance_sample(struct instance *instance);
void instance_child_cb(evutil_socket_t fd, short what, void *arg);
void instance_end_all(struct lambda_host *host);
struct instance *instance_find(struct lambda_host *host, uint64_t id);

/* runtime_api.c */
void runtime_api_open(struct lambda_host *host);
int runtime_hand_out(struct instance *instance,
    struct invocation *invocation);
void runtime_calls_cut(struct instance *instance);
void runtime_call_forget(struct runtime_call **call_p);
void runtime_call_resume(struct runtime_call *call);

/* invoke_api.c */
void invoke_api_open(struct lambda_host *host);

/* report.c */
void report_functions(struct lambda_host *host, struct buf *out);

/* watch.c */
int watch_open(struct lambda_host *host, struct error *err);
void watch_close(struct lambda_host *host);
void watch_update(struct lambda_host *host);

#endif
