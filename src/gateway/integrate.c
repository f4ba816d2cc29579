/*
 * gateway/integrate.c - the integration of a route: call it
 *
 * HTTP_PROXY sends the request on while it comes and hands the answer back
 * while it comes; neither is ever gathered. A side that is slow stops the
 * other one.
 */

#include "gateway/exchange.h"
#include "util/log.h"

static void
call_compose(void *ctx, struct slice host, struct buf *out)
{
	forward_compose(ctx, host, out);
}

static void
call_head(void *ctx, struct http_head *answer)
{
	struct exchange *x = ctx;

	x->answered = x->gateway->loop.wheel.now;
	x->integration_status = answer->status;
	x->answer = ANSWER_RELAYED;
	if (x->transport != NULL)
		reply_relay_head(x, answer);
}

static void
call_data(void *ctx, struct slice data)
{
	struct exchange *x = ctx;

	if (x->transport == NULL)
		return;
	if (x->head.method != HTTP_VERB_HEAD)
		x->bytes_out += data.len;
	x->transport->ops->reply_data(x->transport, data);
}

static void
call_end(void *ctx)
{
	struct exchange *x = ctx;

	x->relay_over = true;
	exchange_run(x);
}

static void
call_failed(void *ctx, enum upstream_failure why)
{
	struct exchange *x = ctx;

	x->reason = upstream_failure_reason(why);
	if (x->replying) {
		/* The head is out: only a cut tells the client. */
		x->failed_late = true;
		x->relay_over = true;
	} else {
		x->answer = ANSWER_ERROR;
		x->error = (uint8_t)errors_of_failure(why);
		if (x->step < STEP_REPLY)
			x->step = STEP_REPLY;
	}
	exchange_run(x);
}

static void
call_pushed(void *ctx)
{
	struct exchange *x = ctx;
	struct transport *t = x->transport;
	struct conn *socket;
	int sent;

	if (t == NULL || !x->replying)
		return;
	sent = t->ops->reply_flush(t);
	if (sent > 0) {
		upstream_call_pause(&x->call);
	} else if (sent == 0 && x->call.phase == UPSTREAM_BODY &&
	    x->head.method != HTTP_VERB_HEAD) {
		socket = t->ops->plain(t);
		if (socket != NULL)
			(void)upstream_call_splice(&x->call, socket);
	}
}

static void
call_writable(void *ctx)
{
	struct exchange *x = ctx;

	if (x->transport != NULL)
		x->transport->ops->body_resume(x->transport);
}

static const struct upstream_client call_client = {
	.compose = call_compose,
	.head = call_head,
	.data = call_data,
	.end = call_end,
	.failed = call_failed,
	.pushed = call_pushed,
	.writable = call_writable,
};

/*
 * The upstream or function that is called: everywhere, or, when that is none,
 * what the variables of the request's stage chose. May be IMAGE_NONE.
 */
uint32_t
integrate_by_stage(const struct exchange *x, uint32_t everywhere)
{
	struct image_run run = x->integration->by_stage;

	if (everywhere != IMAGE_NONE || x->match.stage->ordinal >= run.count)
		return everywhere;
	return *IMAGE_AT(image_of(x), IMAGE_INDEXES, uint32_t,
	    run.first + x->match.stage->ordinal);
}

static enum step_result
start_call(struct exchange *x)
{
	struct upstream_call *call = &x->call;
	int why;

	call->client = &call_client;
	call->ctx = x;
	call->arena = &x->arena;
	call->method = (uint8_t)(x->integration->method ==
	    IMAGE_METHOD_ANY ? x->method : x->integration->method);
	call->chunked_out = x->head.body == HTTP_BODY_CHUNKED;
	call->timeout_ms = x->integration->timeout_ms;
	call->connect_ms = x->integration->connect_ms;
	call->send_ms = x->gateway->server.settings.send_ms;
	x->integrated = x->gateway->loop.wheel.now;
	ids_trace(x);
	why = upstream_call_start(call, generation_of(x)->upstreams,
	    integrate_by_stage(x, x->integration->upstream));
	if (why != UPSTREAM_OK)
		return reply_error(x, errors_of_failure(
		    (enum upstream_failure)why), upstream_failure_reason(
		    (enum upstream_failure)why));
	if (x->request_done)
		upstream_call_body_end(call);
	else
		x->transport->ops->proceed(x->transport);
	return STEP_NEXT;
}

/* Call the backend; a MOCK is its own backend. */
enum step_result
step_integrate(struct exchange *x)
{
	if (x->integration->type == IMAGE_MOCK) {
		x->answer = ANSWER_MOCK;
		return STEP_DONE;
	}
	if (x->integration->type == IMAGE_AWS_PROXY)
		return function_step(x);
	return start_call(x);
}
