/*
 * gateway/exchange.h - the life of one request: for gateway/ alone
 *
 * An exchange is opened when a head has come and ends with its log line. All
 * that it needs lies in its arena, itself included.
 */
#ifndef GATEWAY_EXCHANGE_H
#define GATEWAY_EXCHANGE_H

#include "gateway/gateway.h"
#include "http/h1.h"
#include "table/match.h"
#include "table/view.h"
#include "upstream/upstream.h"

struct access_log;
struct exchange;
struct function_call;
struct kind;

/* Gateway responses: what the gateway itself answers (contract, 2.9). */
enum gateway_response {
	RESPONSE_NONE,
	RESPONSE_BAD_REQUEST,
	RESPONSE_FORBIDDEN,		/* no such host or stage */
	RESPONSE_MISSING_AUTHENTICATION_TOKEN,	/* no such route */
	RESPONSE_REQUEST_TIMEOUT,
	RESPONSE_REQUEST_TOO_LARGE,
	RESPONSE_URI_TOO_LONG,
	RESPONSE_EXPECTATION_FAILED,
	RESPONSE_HEADERS_TOO_LARGE,
	RESPONSE_API_CONFIGURATION_ERROR,
	RESPONSE_METHOD_UNKNOWN,
	RESPONSE_BAD_INTEGRATION_ANSWER,
	RESPONSE_INTEGRATION_FAILURE,
	RESPONSE_INTEGRATION_TIMEOUT,
	RESPONSE_VERSION,
	RESPONSE_FUNCTION_FAILED,	/* threw, or put out no reply */
	RESPONSE_FUNCTION_REFUSED,	/* throttled, missing, not permitted */
	RESPONSES
};

/* In the order of work; see the table in exchange.c. */
enum step {
	STEP_ROUTE,		/* find API, stage and route */
	STEP_PREFLIGHT,		/* answer CORS preflights from ready bytes */
	STEP_INTEGRATE,		/* call the backend, or make the answer */
	STEP_REPLY,		/* answer, or relay the backend's answer */
	STEP_LOG,		/* access log, counters */
	STEP_FINISH,		/* give everything back */
	STEPS
};

enum step_result {
	STEP_NEXT,		/* go on with the next step */
	STEP_WAIT,		/* back to the loop; exchange_run resumes */
	STEP_DONE,		/* an answer is decided: on to STEP_REPLY */
	STEP_OVER,		/* the exchange is gone */
};

/* Who makes the answer. */
enum answer {
	ANSWER_NONE,
	ANSWER_ERROR,		/* a gateway response: x->error */
	ANSWER_PREFLIGHT,	/* ready bytes of x->cors */
	ANSWER_MOCK,
	ANSWER_FUNCTION,	/* what a function returned: x->function */
	ANSWER_RELAYED,		/* the backend's, as it comes */
};

#define REQUEST_ID_LEN	36
#define EXTENDED_ID_LEN	16

struct exchange {
	struct gateway *gateway;
	struct transport *transport;	/* NULL once the client is gone */
	struct arena arena;
	struct table_view *view;	/* pinned */
	const struct kind *kind;
	struct http_head head;		/* lies in the arena once waiting */
	struct match match;
	const struct image_integration *integration;
	const struct image_cors *cors;	/* policy that applies, or NULL */
	struct upstream_call call;
	struct function_call *function;	/* AWS_PROXY; NULL otherwise */
	uint64_t started;		/* ms */
	uint64_t integrated;		/* ms: backend called; 0 never */
	uint64_t answered;		/* ms: its head came; 0 never */
	uint64_t bytes_in;		/* of the request's body */
	uint64_t bytes_out;		/* of the answer's body */
	const char *reason;		/* why it failed; NULL: it did not */
	struct slice host;		/* lower-case, without the port */
	struct http_peer peer;
	uint16_t status;		/* answered */
	uint16_t integration_status;
	uint8_t method;			/* enum http_verb, overrides applied */
	uint8_t step;			/* enum step */
	uint8_t answer;			/* enum answer */
	uint8_t error;			/* enum gateway_response */
	bool running : 1;		/* exchange_run is on the stack */
	bool request_done : 1;		/* its body has come whole */
	bool discard : 1;		/* nobody wants the rest of the body */
	bool replying : 1;		/* the head of the answer was written */
	bool has_body : 1;		/* the answer's head promised one */
	bool relay_over : 1;		/* the backend's answer is complete */
	bool oversized : 1;		/* its length is over the limit */
	bool no_drain : 1;		/* answer before the body has come */
	bool failed_late : 1;		/* the answer was cut: nothing to add */
	char request_id[REQUEST_ID_LEN + 1];
	char extended_id[EXTENDED_ID_LEN + 1];
	char trace[36];		/* root of its trace, once it has one */
};

/* What a worker builds for each table: the companion of a view. */
struct generation {
	struct list link;		/* in gateway->generations */
	struct gateway *gateway;
	uint64_t number;
	struct upstream_table *upstreams;
	struct access_log **logs;	/* by index of IMAGE_LOGS */
};

/* A descriptor and the lines on their way to it. */
struct access_log {
	struct list link;		/* in gateway->logs */
	struct gateway *gateway;
	uint64_t id;			/* image_log.id */
	int fd;
	unsigned nlines;
	bool torn;		/* what was written ends within a line */
	uint64_t warned_ms;	/* when the error log was told of a loss */
	struct buf lines;
	struct timer timer;
};

struct gateway {
	struct gateway_env env;
	struct loop loop;
	struct h1_server server;
	struct upstreams upstreams;
	struct table_view *view;	/* in force; NULL before the first */
	struct table_view *prepared;	/* waits for its commit; or NULL */
	struct list logs;		/* struct access_log */
	struct list generations;	/* struct generation, newest first */
	struct list keys;		/* struct function_keys */
	struct buf event;		/* the event that is being made */
	struct timer cutoff;		/* end of a drain */
	bool draining;
};

/* exchange.c */
void exchange_run(struct exchange *x);
void exchange_core(struct gateway *gateway, struct http_core *core);

/* route.c */
enum step_result step_route(struct exchange *x);
void route_refused(struct exchange *x);

/* cors.c */
enum step_result step_preflight(struct exchange *x);
void cors_write(const struct exchange *x, uint64_t answer_fields,
    struct buf *out);
void cors_write_preflight(const struct exchange *x, struct buf *out);
uint64_t cors_replaced(const struct exchange *x, uint64_t answer_fields);

/* integrate.c */
enum step_result step_integrate(struct exchange *x);
uint32_t integrate_by_stage(const struct exchange *x, uint32_t everywhere);

/* forward.c: the request towards the backend */
void forward_compose(struct exchange *x, struct slice host, struct buf *out);

/* function.c */
enum step_result function_step(struct exchange *x);
void function_body(struct exchange *x, struct slice data);
void function_send(struct exchange *x);
void function_close(struct exchange *x);
void function_keys_close(struct gateway *gateway);

/* reply.c */
enum step_result step_reply(struct exchange *x);
void reply_date(const struct exchange *x, struct buf *out);
void reply_static_lines(const struct exchange *x, struct buf *out);
bool reply_has_static(const struct exchange *x, struct slice name);
void reply_body(struct exchange *x, struct slice body);
bool reply_drains(const struct exchange *x);
void reply_relay_head(struct exchange *x, struct http_head *answer);
enum step_result reply_error(struct exchange *x, enum gateway_response error,
    const char *reason);

/* errors.c */
unsigned errors_status(const struct exchange *x);
struct slice errors_body(const struct exchange *x);
struct slice errors_type(const struct exchange *x);
struct slice errors_message(const struct exchange *x);
enum gateway_response errors_of_status(unsigned status);
enum gateway_response errors_of_failure(enum upstream_failure why);
const char *errors_response_type(const struct exchange *x);

/* kind_rest.c, kind_http.c: what differs between kinds of APIs */
struct kind {
	/* Known request fields that do not reach the backend. */
	uint64_t request_dropped;
	/* Known answer fields that do not reach the client as they are. */
	uint64_t answer_dropped;
	bool joins_repeated;	/* repeated request fields become one */
	/* Fields of the gateway's own on every answer. */
	void (*answer_ids)(const struct exchange *x, struct buf *out);
	/* What a relayed answer gets instead of what was dropped. */
	void (*answer_extra)(const struct exchange *x,
	    const struct http_head *answer, struct buf *out);
	/* Fields of the gateway's own towards the backend. */
	void (*request_extra)(const struct exchange *x, struct buf *out);
};
const struct kind *kind_rest(void);
const struct kind *kind_http(void);

/* ids.c */
void ids_make(struct exchange *x);
void ids_trace(struct exchange *x);

/* accesslog.c */
enum step_result step_log(struct exchange *x);
void access_logs_close(struct gateway *gateway);
void access_log_set(struct gateway *gateway, uint64_t id, int fd);
struct access_log *access_log_get(struct gateway *gateway, uint64_t id);

/* variables.c: $context */
void context_write(const struct exchange *x, const struct image_piece *piece,
    bool json, struct buf *out);
void peer_write(const struct http_peer *peer, struct buf *out);
void port_write(const struct exchange *x, struct buf *out);
void trace_write(const struct exchange *x, struct buf *out);

static inline struct generation *
generation_of(const struct exchange *x)
{
	return x->view->companion;
}

static inline const struct image_head *
image_of(const struct exchange *x)
{
	return x->view->head;
}

#endif
