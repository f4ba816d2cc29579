/*
 * gateway/function.c - Lambda proxy integration (AWS_PROXY)
 *
 * The request's body is gathered, made an event in one buffer, and posted to
 * the function's Invoke API; the function's output is gathered and becomes
 * the answer. Both are bounded. The event's buffer is the worker's: it is
 * used up before the loop turns, for what is not sent at once is copied.
 */

#include "auth/credentials.h"
#include "auth/sigv4.h"
#include "gateway/exchange.h"
#include "lambda/event.h"
#include "lambda/media.h"
#include "lambda/reply.h"
#include "util/error.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

#include <stdlib.h>

#define EVENT_MOST	(6 * 1024 * 1024)	/* contract, 4.5 */
#define OUTPUT_MOST	(6 * 1024 * 1024 + 100)
#define EVENT_KEPT	(256 * 1024)	/* of the buffer, between requests */

struct function_call {
	const struct image_function *function;
	struct buf body;		/* of the request, gathered */
	struct buf output;		/* of the function */
	size_t event_len;
	struct slice signature;		/* lines, made with the first head */
	struct lambda_reply reply;
	char parent[16];		/* of a trace that is ours */
	bool failed;			/* X-Amz-Function-Error was there */
};

/* Keys to sign with; found by image_function.id. */
struct function_keys {
	struct list link;		/* in gateway->keys */
	uint64_t id;
	struct credentials_source *source;
};

static struct function_keys *
keys_of(struct gateway *gateway, const struct image_head *image,
    const struct image_function *function)
{
	struct function_keys *keys;
	struct list *node;

	LIST_EACH(node, &gateway->keys) {
		keys = LIST_ITEM(node, struct function_keys, link);
		if (keys->id == function->id)
			return keys;
	}
	keys = mem_new(sizeof *keys);
	keys->id = function->id;
	keys->source = credentials_open(image_slice(image,
	    function->credentials).at, image_slice(image,
	    function->profile).at);
	list_push(&gateway->keys, &keys->link);
	return keys;
}

void
function_keys_close(struct gateway *gateway)
{
	struct list *node;

	while ((node = list_pop(&gateway->keys)) != NULL) {
		struct function_keys *keys = LIST_ITEM(node,
		    struct function_keys, link);

		credentials_close(&keys->source);
		free(keys);
	}
}

/* The keys to sign with, or NULL: there are none. */
static const struct credentials *
keys_get(struct exchange *x)
{
	const struct image_head *image = image_of(x);
	const struct image_function *function = x->function->function;
	const struct credentials *keys = NULL;
	struct error err;

	if (credentials_get(keys_of(x->gateway, image, function)->source,
	    x->gateway->loop.wheel.now, &keys, &err) != 0)
		log_error(x->gateway->env.log, "function %s: %s",
		    image_slice(image, function->name).at, err.text);
	return keys;
}

/* Sign the event that lies in the worker's buffer. */
static void
sign(struct exchange *x, struct slice host)
{
	const struct image_head *image = image_of(x);
	const struct image_function *function = x->function->function;
	struct slice query = image_slice(image, function->path);
	struct sigv4_field field = { SLICE("Host"), host };
	struct sigv4_request request = {
		.method = SLICE("POST"), .path = slice_until(&query, '?'),
		.query = query, .fields = &field, .nfields = 1,
		.payload = buf_slice(&x->gateway->event),
		.region = image_slice(image, function->region),
		.service = SLICE("lambda"),
		.wall_ms = loop_wall(&x->gateway->loop),
	};
	const struct credentials *keys = keys_get(x);
	struct buf lines;

	if (keys == NULL)
		return;
	buf_open(&lines);
	sigv4_sign(&request, keys, &lines);
	x->function->signature = slice_of(arena_copy(&x->arena, lines.at,
	    lines.len), lines.len);
	buf_close(&lines);
}

static bool
holds(struct slice text, const char *part)
{
	return text.len > 0 &&
	    memmem(text.at, text.len, part, strlen(part)) != NULL;
}

/* The trace with all of its parts (contract, 1.5). */
static void
trace_whole_write(const struct exchange *x, struct buf *out)
{
	struct slice given = http_head_value(&x->head,
	    HTTP_KNOWN_X_AMZN_TRACE_ID);
	bool root = holds(given, "Root=");
	bool parent = root && holds(given, "Parent=");

	trace_write(x, out);
	if (!parent) {
		buf_add_text(out, ";Parent=");
		buf_add(out, x->function->parent, sizeof x->function->parent);
	}
	if (!root || !holds(given, "Sampled="))
		buf_add_text(out, parent ? ";Sampled=1" : ";Sampled=0");
}

static void
call_compose(void *ctx, struct slice host, struct buf *out)
{
	struct exchange *x = ctx;
	const struct image_function *function = x->function->function;

	if (function->credentials.len > 0 && x->function->signature.at == NULL)
		sign(x, host);
	buf_add_text(out, "POST ");
	buf_add_slice(out, image_slice(image_of(x), function->path));
	buf_add_text(out, " HTTP/1.1\r\nHost: ");
	buf_add_slice(out, host);
	buf_add_text(out, "\r\nContent-Type: application/json\r\n"
	    "X-Amzn-Trace-Id: ");
	trace_whole_write(x, out);
	buf_add(out, "\r\n", 2);
	buf_add_slice(out, x->function->signature);
	buf_add_text(out, "Content-Length: ");
	buf_add_u64(out, x->function->event_len);
	buf_add(out, "\r\n\r\n", 4);
}

/* What the Invoke API's status means when it is not 200. */
static const char *
refusal_reason(unsigned status)
{
	switch (status) {
	case 403:
		return "function_access_denied";
	case 404:
		return "function_not_found";
	case 413:
		return "function_event_too_large";
	case 429:
		return "function_throttled";
	default:
		return "function_service_error";
	}
}

/* The time-out is of the whole invocation, however its output comes. */
static bool
time_left(struct exchange *x)
{
	uint64_t spent = x->gateway->loop.wheel.now - x->integrated;
	uint32_t most = x->integration->timeout_ms;

	x->call.timeout_ms = spent < most ? (uint32_t)(most - spent) : 1;
	return spent < most;
}

static void
call_head(void *ctx, struct http_head *answer)
{
	struct exchange *x = ctx;

	x->answered = x->gateway->loop.wheel.now;
	x->integration_status = answer->status;
	x->function->failed = http_head_find_name(answer,
	    SLICE("X-Amz-Function-Error")) != NULL;
	(void)time_left(x);
}

/* The answer is decided while the exchange waits for the function. */
static void
decide(struct exchange *x, enum gateway_response error, const char *reason)
{
	(void)reply_error(x, error, reason);
	x->step = STEP_REPLY;
	exchange_run(x);
}

static void
call_data(void *ctx, struct slice data)
{
	struct exchange *x = ctx;

	if (x->function->output.len + data.len > OUTPUT_MOST) {
		upstream_call_abort(&x->call);
		decide(x, RESPONSE_FUNCTION_FAILED, "function_reply_too_large");
		return;
	}
	if (!time_left(x)) {
		upstream_call_abort(&x->call);
		decide(x, RESPONSE_INTEGRATION_TIMEOUT,
		    upstream_failure_reason(UPSTREAM_BODY_TIMEOUT));
		return;
	}
	buf_add_slice(&x->function->output, data);
}

/* The API's binary media types. */
static const struct slice *
binary_types(struct exchange *x, unsigned *count_r)
{
	const struct image_head *image = image_of(x);
	struct image_run run = x->match.api->binary_types;
	struct slice *types = arena_alloc(&x->arena,
	    run.count * sizeof *types);
	uint32_t i;

	for (i = 0; i < run.count; i++)
		types[i] = image_slice(image, *IMAGE_AT(image, IMAGE_NAMES,
		    struct image_text, run.first + i));
	*count_r = run.count;
	return types;
}

/* Has the client said that it takes bytes? (contract, 4.2) */
static bool
takes_binary(struct exchange *x)
{
	unsigned count;
	const struct slice *types = binary_types(x, &count);

	return media_is_binary(http_head_value(&x->head, HTTP_KNOWN_ACCEPT),
	    types, count);
}

static int
output_parse(struct exchange *x, struct error *err)
{
	struct function_call *f = x->function;
	struct slice output = buf_slice(&f->output);
	struct lambda_reply_rules rules;

	switch ((enum image_payload)x->integration->payload) {
	case IMAGE_PAYLOAD_REST:
		rules.decode = takes_binary(x);
		return lambda_reply_rest(&x->arena, output, &rules, &f->reply,
		    err);
	case IMAGE_PAYLOAD_1:
		return lambda_reply_http1(&x->arena, output, &f->reply, err);
	default:
		return lambda_reply_http2(&x->arena, output, &f->reply, err);
	}
}

static void
function_failed(struct exchange *x)
{
	struct lambda_error error;

	lambda_error_parse(&x->arena, buf_slice(&x->function->output), &error);
	log_info(x->gateway->env.log, "function %s failed: %.*s: %.*s",
	    image_slice(image_of(x), x->function->function->name).at,
	    (int)error.type.len, error.type.at, (int)error.message.len,
	    error.message.at);
	decide(x, RESPONSE_FUNCTION_FAILED, "function_error");
}

static void
call_end(void *ctx)
{
	struct exchange *x = ctx;
	struct error err;

	if (x->integration_status != 200) {
		decide(x, RESPONSE_FUNCTION_REFUSED,
		    refusal_reason(x->integration_status));
		return;
	}
	if (x->function->failed) {
		function_failed(x);
		return;
	}
	if (output_parse(x, &err) < 0) {
		log_info(x->gateway->env.log, "function %s: malformed proxy "
		    "reply: %s", image_slice(image_of(x),
		    x->function->function->name).at, err.text);
		decide(x, RESPONSE_FUNCTION_FAILED, "function_bad_reply");
		return;
	}
	x->answer = ANSWER_FUNCTION;
	x->step = STEP_REPLY;
	exchange_run(x);
}

static void
call_failed(void *ctx, enum upstream_failure why)
{
	/* Who does not speak HTTP has failed as a function that cannot. */
	decide(ctx, why == UPSTREAM_BAD_ANSWER ? RESPONSE_FUNCTION_FAILED :
	    errors_of_failure(why), upstream_failure_reason(why));
}

static void
call_nothing(void *ctx)
{
	(void)ctx;	/* all was given at once; the output is gathered */
}

static const struct upstream_client call_client = {
	.compose = call_compose,
	.head = call_head,
	.data = call_data,
	.end = call_end,
	.failed = call_failed,
	.pushed = call_nothing,
	.writable = call_nothing,
};

static void
params_fill(struct exchange *x, struct lambda_request *r)
{
	const struct image_head *image = image_of(x);
	struct image_run run = x->match.route->params;
	struct lambda_pair *pairs = arena_alloc(&x->arena,
	    run.count * sizeof *pairs);
	uint32_t i;

	for (i = 0; i < run.count; i++) {
		const struct image_param *param = IMAGE_AT(image,
		    IMAGE_PARAMS, struct image_param, run.first + i);

		pairs[i].name = image_slice(image, param->name);
		pairs[i].value = match_param(&x->match, param);
	}
	r->params = pairs;
	r->nparams = run.count;
}

static void
variables_fill(struct exchange *x, struct lambda_request *r)
{
	const struct image_head *image = image_of(x);
	struct image_run run = x->match.stage->variables;
	struct lambda_pair *pairs = arena_alloc(&x->arena,
	    run.count * sizeof *pairs);
	uint32_t i;

	for (i = 0; i < run.count; i++) {
		const struct image_pair *pair = IMAGE_AT(image,
		    IMAGE_VARIABLES, struct image_pair, run.first + i);

		pairs[i].name = image_slice(image, pair->name);
		pairs[i].value = image_slice(image, pair->value);
	}
	r->variables = pairs;
	r->nvariables = run.count;
}

/* The static request_headers of the route, which come as ready lines. */
static void
fields_fill(struct exchange *x, struct lambda_request *r)
{
	const struct image_route *route = x->match.route;
	struct slice lines = image_slice(image_of(x), route->request_lines);
	struct lambda_pair *pairs = arena_alloc(&x->arena,
	    route->request_names.count * sizeof *pairs);
	struct slice line;
	unsigned n = 0;

	while (lines.len > 0 && n < route->request_names.count) {
		line = slice_until(&lines, '\r');
		if (lines.len > 0) {
			lines.at++;	/* the LF */
			lines.len--;
		}
		pairs[n].name = slice_until(&line, ':');
		pairs[n++].value = slice_trim(line);
	}
	r->fields = pairs;
	r->nfields = n;
}

static struct slice
written(struct exchange *x, void (*write)(const struct exchange *x,
    struct buf *out))
{
	char room[256];
	struct buf text;

	buf_open_fixed(&text, room, sizeof room);
	write(x, &text);
	return slice_of(arena_copy(&x->arena, text.at, text.len), text.len);
}

static void
peer_text(const struct exchange *x, struct buf *out)
{
	peer_write(&x->peer, out);
}

/* Ids as the service makes them: short, and the same for the same thing. */
static void
resource_id(const struct exchange *x, struct buf *out)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	uint64_t id = x->match.route->id;
	int i;

	for (i = 0; i < 6; i++, id /= 36)
		buf_add_char(out, letters[id % 36]);
}

static void
deployment_id(const struct exchange *x, struct buf *out)
{
	char hex[6];

	text_hex(hex, image_of(x)->hash, 3);
	buf_add(out, hex, sizeof hex);
}

/*
 * The path that the function is shown: without the stage, but with the base
 * path of a custom domain (contract, 1.1 and 4.1).
 */
static struct slice
shown_path(const struct exchange *x, struct slice full)
{
	struct slice base = image_slice(image_of(x),
	    x->match.stage->base_path);
	struct slice stage = image_slice(image_of(x), x->match.stage->name);

	if (base.len == stage.len + 1 &&
	    slice_eq(slice_of(base.at + 1, base.len - 1), stage))
		return x->match.path;
	return full;
}

static struct slice
full_path(const struct exchange *x)
{
	struct slice path = x->head.path;

	while (path.len > 1 && path.at[0] == '/' && path.at[1] == '/') {
		path.at++;
		path.len--;
	}
	return path;
}

static void
request_fill(struct exchange *x, struct lambda_request *r)
{
	const struct image_head *image = image_of(x);
	const struct image_route *route = x->match.route;

	*r = (struct lambda_request){
		.head = &x->head,
		.method = slice_text(image_method_name(x->method)),
		.full_path = full_path(x),
		.query = x->head.query,
		.protocol = x->head.minor == 0 ? SLICE("HTTP/1.0") :
		    SLICE("HTTP/1.1"),
		.domain_name = x->host,
		.source_ip = written(x, peer_text),
		.stage = image_slice(image, x->match.stage->name),
		.resource = image_slice(image, route->resource),
		.resource_id = written(x, resource_id),
		.route_key = image_slice(image, route->key),
		.api_id = image_slice(image, x->match.api->id),
		.account_id = image_slice(image,
		    image_settings(image)->account_id),
		.deployment_id = written(x, deployment_id),
		.request_id = slice_of(x->request_id, REQUEST_ID_LEN),
		.extended_id = slice_of(x->extended_id, EXTENDED_ID_LEN),
		.time_ms = x->started + x->gateway->loop.wall_offset,
		.trace = written(x, trace_write),
		.forwarded_port = written(x, port_write),
		.forwarded_proto = SLICE("http"),
		.body = buf_slice(&x->function->body),
		.most = EVENT_MOST,
	};
	r->forwarded_for = r->source_ip;
	r->path = shown_path(x, r->full_path);
	if (x->kind != kind_rest())
		r->request_id = r->extended_id;
	if (r->resource.len == 0)
		r->resource = r->route_key;	/* "$default" */
	params_fill(x, r);
	variables_fill(x, r);
	fields_fill(x, r);
	r->binary_types = binary_types(x, &r->nbinary_types);
}

/* The event into the worker's buffer. 0, or -1: larger than is allowed. */
static int
event_make(struct exchange *x)
{
	struct buf *event = &x->gateway->event;
	struct lambda_request request;

	request_fill(x, &request);
	event->len = 0;
	switch ((enum image_payload)x->integration->payload) {
	case IMAGE_PAYLOAD_REST:
		return lambda_event_rest(&x->arena, &request, event);
	case IMAGE_PAYLOAD_1:
		return lambda_event_http1(&x->arena, &request, event);
	default:
		return lambda_event_http2(&x->arena, &request, event);
	}
}

/* A large event must not stay with the worker for ever. */
static void
event_drop(struct gateway *gateway)
{
	gateway->event.len = 0;
	if (gateway->event.size > EVENT_KEPT) {
		buf_close(&gateway->event);
		buf_open(&gateway->event);
	}
}

static enum step_result
invoke(struct exchange *x)
{
	struct upstream_call *call = &x->call;
	uint64_t parent = loop_random(&x->gateway->loop);
	int why;

	/* Nothing goes out that the endpoint could not know to be ours. */
	if (x->function->function->credentials.len > 0 && keys_get(x) == NULL)
		return reply_error(x, RESPONSE_FUNCTION_REFUSED,
		    "no_credentials");
	ids_trace(x);
	text_hex(x->function->parent, &parent, sizeof parent);
	if (event_make(x) < 0) {
		event_drop(x->gateway);
		return reply_error(x, RESPONSE_REQUEST_TOO_LARGE,
		    "event_too_large");
	}
	x->function->event_len = x->gateway->event.len;
	call->client = &call_client;
	call->ctx = x;
	call->arena = &x->arena;
	call->method = HTTP_VERB_POST;
	call->timeout_ms = x->integration->timeout_ms;
	call->connect_ms = x->function->function->connect_ms;
	call->send_ms = x->gateway->server.settings.send_ms;
	x->integrated = x->gateway->loop.wheel.now;
	why = upstream_call_start(call, generation_of(x)->upstreams,
	    x->function->function->upstream);
	if (why != UPSTREAM_OK) {
		event_drop(x->gateway);
		return reply_error(x, errors_of_failure(
		    (enum upstream_failure)why), upstream_failure_reason(
		    (enum upstream_failure)why));
	}
	upstream_call_body(call, buf_slice(&x->gateway->event));
	upstream_call_body_end(call);
	event_drop(x->gateway);
	x->step = STEP_REPLY;
	(void)upstream_call_push(call);
	return STEP_WAIT;
}

/* Gather the body, then call the function. */
enum step_result
function_step(struct exchange *x)
{
	uint32_t index = integrate_by_stage(x, x->integration->function);

	if (index == IMAGE_NONE)
		return reply_error(x, RESPONSE_FUNCTION_REFUSED,
		    "no_function");
	if (x->function == NULL) {
		x->function = arena_alloc(&x->arena, sizeof *x->function);
		memset(x->function, 0, sizeof *x->function);
		x->function->function = IMAGE_AT(image_of(x),
		    IMAGE_FUNCTIONS, struct image_function, index);
		buf_open(&x->function->body);
		buf_open(&x->function->output);
	}
	if (!x->request_done) {
		x->transport->ops->proceed(x->transport);
		return STEP_WAIT;
	}
	return invoke(x);
}

/* More of the request's body; what no event can hold is not kept. */
void
function_body(struct exchange *x, struct slice data)
{
	if (x->function->body.len > EVENT_MOST)
		return;
	buf_add_slice(&x->function->body, data);
}

void
function_close(struct exchange *x)
{
	buf_close(&x->function->body);
	buf_close(&x->function->output);
}

/*
 * One field of the function's, which knows the names that clients may see.
 * sent are the known fields among all of its fields.
 */
static void
field_write(const struct exchange *x, const struct lambda_pair *field,
    uint64_t sent, struct buf *out)
{
	uint64_t bit = UINT64_C(1) << http_known_of(field->name);

	bit &= ~HTTP_KNOWN_BIT(NONE);
	if ((bit & (cors_replaced(x, sent) | HTTP_KNOWN_BIT(TRANSFER_ENCODING) |
	    HTTP_KNOWN_BIT(APIGW_REQUESTID))) != 0 ||
	    reply_has_static(x, field->name))
		return;
	buf_add_slice(out, field->name);
	buf_add(out, ": ", 2);
	buf_add_slice(out, field->value);
	buf_add(out, "\r\n", 2);
}

/* The answer that the function returned. */
void
function_send(struct exchange *x)
{
	const struct lambda_reply *reply = &x->function->reply;
	uint64_t sent = 0;
	struct buf *out;
	unsigned i;

	x->status = reply->status;
	out = x->transport->ops->reply_begin(x->transport, x->status,
	    SLICE_NONE);
	reply_date(x, out);
	for (i = 0; i < reply->nfields; i++)
		sent |= UINT64_C(1) << http_known_of(reply->fields[i].name);
	for (i = 0; i < reply->nfields; i++)
		field_write(x, &reply->fields[i], sent, out);
	reply_static_lines(x, out);
	cors_write(x, sent, out);
	x->kind->answer_ids(x, out);
	if (x->kind == kind_rest()) {
		buf_add_text(out, "X-Amzn-Trace-Id: ");
		trace_whole_write(x, out);
		buf_add(out, "\r\n", 2);
	}
	reply_body(x, reply->body);
}
