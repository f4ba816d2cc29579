/*
 * gateway/exchange.c - the life of one request: read this first
 *
 * An exchange is opened when a head has come. It adopts the committed table,
 * pins it, and goes down the steps below: a step says NEXT, WAIT (something
 * will call exchange_run again) or DONE (an answer is decided: on to the
 * reply). It ends with its log line; then all its memory goes in one call.
 */

#include "gateway/exchange.h"

#include <assert.h>

#include "shared/control.h"

static enum step_result step_finish(struct exchange *x);

/* method request -> integration -> answer; in this order, nothing twice. */
static enum step_result (*const steps[STEPS])(struct exchange *x) = {
	[STEP_ROUTE] = step_route,
	[STEP_PREFLIGHT] = step_preflight,
	[STEP_INTEGRATE] = step_integrate,
	[STEP_REPLY] = step_reply,
	[STEP_LOG] = step_log,
	[STEP_FINISH] = step_finish,
};

/* Go on with the exchange; it may be gone on return. */
void
exchange_run(struct exchange *x)
{
	enum step_result result;

	assert(!x->running);
	x->running = true;
	for (;;) {
		result = steps[x->step](x);
		switch (result) {
		case STEP_NEXT:
			x->step++;
			break;
		case STEP_DONE:
			x->step = STEP_REPLY;
			break;
		case STEP_WAIT:
			x->running = false;
			return;
		case STEP_OVER:
			return;
		}
	}
}

static enum step_result
step_finish(struct exchange *x)
{
	struct table_view *view = x->view;
	struct arena arena = x->arena;

	upstream_call_abort(&x->call);
	if (x->function != NULL)
		function_close(x);
	table_view_unref(&view);
	arena_close(&arena);
	return STEP_OVER;
}

static struct exchange *
exchange_open(struct gateway *gateway, struct transport *transport)
{
	struct arena arena;
	struct exchange *x;

	gateway_adopt(gateway);
	arena_open(&arena, &gateway->loop.pool);
	x = arena_alloc(&arena, sizeof *x);
	memset(x, 0, sizeof *x);
	x->gateway = gateway;
	x->arena = arena;
	x->view = table_view_ref(gateway->view);
	x->transport = transport;
	x->peer = *transport->peer;
	x->started = gateway->loop.wheel.now;
	x->kind = kind_rest();
	x->match.result = MATCH_NO_HOST;
	ids_make(x);
	transport->exchange = x;
	return x;
}

/*
 * The head lies in memory that the next read overwrites: what waits moves it
 * to its own arena, once.
 */
static void
keep_head(struct exchange *x)
{
	struct http_head *head = &x->head;
	const char *old = head->base;
	struct http_field *fields;
	char *copy;

	copy = arena_copy(&x->arena, old, head->size);
	fields = arena_alloc(&x->arena, head->nfields * sizeof *fields);
	memcpy(fields, head->fields, head->nfields * sizeof *fields);
	head->fields = fields;
	http_head_move(head, copy);
	if (x->match.path.at >= old && x->match.path.at <= old + head->size)
		x->match.path.at = copy + (x->match.path.at - old);
}

static void
on_request(void *ctx, struct transport *transport, struct http_head *head)
{
	struct exchange *x = exchange_open(ctx, transport);
	uint64_t most = image_settings(image_of(x))->body_bytes;

	x->head = *head;
	x->method = head->method;
	x->request_done = head->body == HTTP_BODY_NONE ||
	    (head->body == HTTP_BODY_LENGTH && head->length == 0);
	if (head->has_length && head->length > most && most > 0)
		x->oversized = x->no_drain = true;
	exchange_run(x);
	if (transport->exchange == x)
		keep_head(x);
}

static void
on_refused(void *ctx, struct transport *transport, unsigned status,
    const char *reason)
{
	struct exchange *x = exchange_open(ctx, transport);

	x->method = HTTP_VERBS;
	x->no_drain = true;
	route_refused(x);
	(void)reply_error(x, errors_of_status(status), reason);
	x->step = STEP_REPLY;
	exchange_run(x);
}

/* The request cannot be served any further: answer so, or cut. */
static void
give_up(struct exchange *x, enum gateway_response error, const char *reason)
{
	upstream_call_abort(&x->call);
	x->no_drain = true;
	if (x->replying) {
		x->reason = reason;
		x->failed_late = x->relay_over = true;
	} else {
		(void)reply_error(x, error, reason);
	}
	x->step = STEP_REPLY;
	exchange_run(x);
}

static void
on_body(void *exchange, struct slice data)
{
	struct exchange *x = exchange;
	uint64_t most = image_settings(image_of(x))->body_bytes;

	x->bytes_in += data.len;
	if (x->discard) {
		if (!reply_drains(x))
			exchange_run(x);
		return;
	}
	if (most > 0 && x->bytes_in > most) {
		give_up(x, RESPONSE_REQUEST_TOO_LARGE, "body_too_large");
		return;
	}
	if (x->function != NULL)
		function_body(x, data);
	else
		upstream_call_body(&x->call, data);
}

static void
on_body_end(void *exchange)
{
	struct exchange *x = exchange;

	x->request_done = true;
	if (x->discard || x->function != NULL)
		exchange_run(x);
	else
		upstream_call_body_end(&x->call);
}

static void
on_pushed(void *exchange)
{
	struct exchange *x = exchange;
	struct transport *t = x->transport;

	if (x->call.phase != UPSTREAM_IDLE &&
	    upstream_call_push(&x->call) > 0 && t->exchange == x &&
	    !x->request_done)
		t->ops->body_pause(t);
}

static void
on_body_failed(void *exchange, unsigned status, const char *reason)
{
	struct exchange *x = exchange;

	if (!x->discard) {
		give_up(x, errors_of_status(status), reason);
		return;
	}
	/* The answer was decided before: it is not waited for any longer. */
	x->no_drain = true;
	exchange_run(x);
}

static void
on_writable(void *exchange)
{
	struct exchange *x = exchange;

	upstream_call_resume(&x->call);
}

static void
on_gone(void *exchange, const char *reason)
{
	struct exchange *x = exchange;

	x->transport = NULL;
	x->reason = reason;
	if (x->status == 0)
		x->status = 499;
	upstream_call_abort(&x->call);
	x->step = STEP_LOG;
	exchange_run(x);
}

/* What the protocols call. */
void
exchange_core(struct gateway *gateway, struct http_core *core)
{
	*core = (struct http_core){
		.ctx = gateway,
		.request = on_request,
		.refused = on_refused,
		.body = on_body,
		.body_end = on_body_end,
		.pushed = on_pushed,
		.body_failed = on_body_failed,
		.writable = on_writable,
		.gone = on_gone,
	};
}
