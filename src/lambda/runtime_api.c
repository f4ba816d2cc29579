/*
 * lambda/runtime_api.c - what function processes ask of the host
 *
 * The Lambda Runtime API (contract, 4.6): next, response, error, init/error.
 * Each instance has a port of its own, and that says who is asking; a
 * connection says nothing, since clients use several at a time or a new one
 * for each call. What an instance sends is not trusted: whatever it is, it
 * costs that instance's own events at most.
 */

#include "lambda/runtime_api.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lambda/host_private.h"
#include "lambda/peer.h"
#include "util/base64.h"
#include "util/error.h"
#include "util/json.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

#define ERROR_MOST	(256 * 1024)	/* bytes of an error's description */
#define TRAILERS_MOST	(16 * 1024)
#define TYPE_MOST	128
#define FOREVER_MS	UINT32_MAX
#define CONNECTIONS	65535

/* One request of an instance; on its waiting list (next) or its calls. */
struct runtime_call {
	struct list link;
	struct transport *transport;	/* NULL when the client is gone */
	struct instance *instance;	/* NULL when it is gone */
	struct invocation *invocation;	/* that it answers; NULL: none */
	enum runtime_kind kind;
	unsigned status;		/* to refuse it with; 0: it is fine */
	const char *type, *message;	/* the same */
	bool streaming;
	bool too_large;
	struct buf body;		/* an error's */
	struct buf trailers;
	char error_type[TYPE_MOST];
};

static const char ok_body[] = "{\"status\":\"OK\"}";

/* Which call is it, and for which event? See runtime_api.h. */
enum runtime_kind
runtime_kind_of(bool get, bool post, struct slice path, struct slice *id_r)
{
	static const struct slice base = SLICE("/2018-06-01/runtime/");
	static const struct slice one = SLICE("invocation/");
	struct slice rest;

	*id_r = SLICE_NONE;
	if (!slice_starts(path, base))
		return RUNTIME_UNKNOWN;
	rest = slice_of(path.at + base.len, path.len - base.len);
	if (get && slice_eq(rest, SLICE("invocation/next")))
		return RUNTIME_NEXT;
	if (post && slice_eq(rest, SLICE("init/error")))
		return RUNTIME_INIT_ERROR;
	if (!post || !slice_starts(rest, one))
		return RUNTIME_UNKNOWN;
	rest = slice_of(rest.at + one.len, rest.len - one.len);
	*id_r = slice_until(&rest, '/');
	if (slice_eq(rest, SLICE("response")))
		return RUNTIME_RESPONSE;
	if (slice_eq(rest, SLICE("error")))
		return RUNTIME_ERROR;
	return RUNTIME_UNKNOWN;
}

/* The value of a field in the lines behind a chunked body, or empty. */
struct slice
runtime_trailer(struct slice lines, struct slice name)
{
	struct slice line, field;

	while (lines.at != NULL) {
		line = slice_until(&lines, '\n');
		field = slice_until(&line, ':');
		if (slice_eq_nocase(slice_trim(field), name) &&
		    line.at != NULL) {
			if (slice_ends(line, SLICE("\r")))
				line.len--;
			return slice_trim(line);
		}
	}
	return SLICE_NONE;
}

static void
reply(struct transport *transport, unsigned status, struct slice body)
{
	struct buf *out = transport->ops->reply_begin(transport, status,
	    SLICE_NONE);

	buf_add_text(out, "Content-Type: application/json\r\n");
	transport->ops->reply_framing(transport, HTTP_BODY_LENGTH, body.len);
	transport->ops->reply_data(transport, body);
	transport->ops->reply_end(transport);
}

static void
reply_error(struct transport *transport, unsigned status, const char *type,
    const char *message)
{
	struct buf body;

	buf_open(&body);
	error_body(&body, type, message);
	reply(transport, status, buf_slice(&body));
	buf_close(&body);
}

static void
call_free(struct runtime_call **call_p)
{
	struct runtime_call *call = *call_p;

	*call_p = NULL;
	list_remove(&call->link);
	if (call->invocation != NULL)
		call->invocation->answer = NULL;
	buf_close(&call->body);
	buf_close(&call->trailers);
	free(call);
}

/* Its invocation has ended otherwise; the call itself goes on. */
void
runtime_call_forget(struct runtime_call **call_p)
{
	if (*call_p == NULL)
		return;
	(*call_p)->invocation = NULL;
	if ((*call_p)->transport != NULL)
		(*call_p)->transport->ops->body_resume((*call_p)->transport);
	*call_p = NULL;
}

/* The caller who was slow takes more. */
void
runtime_call_resume(struct runtime_call *call)
{
	call->transport->ops->body_resume(call->transport);
}

static void
cut_list(struct list *head)
{
	struct runtime_call *call;
	struct list *node;

	while ((node = list_pop(head)) != NULL) {
		struct transport *transport;

		call = LIST_ITEM(node, struct runtime_call, link);
		transport = call->transport;
		call_free(&call);
		transport->ops->abort(transport);
	}
}

/* The instance is gone, and with it whoever made these calls. */
void
runtime_calls_cut(struct instance *instance)
{
	cut_list(&instance->waiting);
	cut_list(&instance->calls);
}

static void
add_event_head(struct buf *out, const struct invocation *invocation,
    const struct instance *instance)
{
	const struct function_spec *spec = instance->function->spec;
	uint64_t deadline = loop_wall(&instance->host->loop) +
	    spec->timeout_ms;

	buf_add_text(out, "Content-Type: application/json\r\n"
	    "Lambda-Runtime-Aws-Request-Id: ");
	buf_add_text(out, invocation->id);
	buf_add_text(out, "\r\nLambda-Runtime-Deadline-Ms: ");
	buf_add_u64(out, deadline);
	buf_add_text(out, "\r\nLambda-Runtime-Invoked-Function-Arn: ");
	function_arn(out, spec, slice_text(invocation->qualifier));
	buf_add_text(out, "\r\nLambda-Runtime-Trace-Id: ");
	buf_add_text(out, invocation->trace);
	if (invocation->context != NULL) {
		buf_add_text(out, "\r\nLambda-Runtime-Client-Context: ");
		buf_add_text(out, invocation->context);
	}
	buf_add_text(out, "\r\n");
}

/*
 * Answer a waiting call of instance with invocation, which runs from then on.
 * -1: whoever waited hung up, nothing has been handed over.
 */
int
runtime_hand_out(struct instance *instance, struct invocation *invocation)
{
	struct runtime_call *call = LIST_ITEM(instance->waiting.next,
	    struct runtime_call, link);
	struct transport *transport = call->transport;
	struct buf *out;

	call_free(&call);
	transport->exchange = NULL;
	out = transport->ops->reply_begin(transport, 200, SLICE_NONE);
	add_event_head(out, invocation, instance);
	transport->ops->reply_framing(transport, HTTP_BODY_LENGTH,
	    invocation->payload.len);
	transport->ops->reply_data(transport, buf_slice(&invocation->payload));
	if (transport->ops->reply_flush(transport) < 0) {
		transport->ops->abort(transport);
		return -1;
	}
	transport->ops->reply_end(transport);
	if (!invocation->event)
		buf_close(&invocation->payload);
	invocation_begun(invocation, instance);
	return 0;
}

static struct invocation *
find_running(struct instance *instance, struct slice id)
{
	struct list *node;

	LIST_EACH(node, &instance->running) {
		struct invocation *invocation = LIST_ITEM(node,
		    struct invocation, link);

		if (slice_eq(slice_text(invocation->id), id))
			return invocation;
	}
	return NULL;
}

static void
refuse(struct runtime_call *call, unsigned status, const char *type,
    const char *message)
{
	call->status = status;
	call->type = type;
	call->message = message;
}

static void
refuse_state(struct runtime_call *call)
{
	refuse(call, 403, "InvalidStateTransition", "Transition is not "
	    "allowed in the current state");
}

static void
check_answer(struct runtime_call *call, struct slice id)
{
	struct instance *instance = call->instance;
	struct invocation *invocation = find_running(instance, id);

	if (invocation == NULL && id.len > 0 &&
	    slice_eq(id, slice_text(instance->last_id)))
		refuse_state(call);
	else if (invocation == NULL)
		refuse(call, 400, "InvalidRequestID", "Invalid request ID");
	else if (invocation->answer != NULL)
		refuse_state(call);
	else {
		call->invocation = invocation;
		invocation->answer = call;
	}
}

static void
check_next(struct runtime_call *call)
{
	struct instance *instance = call->instance;

	if (instance->state == INSTANCE_STOPPING ||
	    instance->nrunning >= instance->slots)
		refuse_state(call);
}

static void
check_mode(struct runtime_call *call, struct http_head *head)
{
	const struct http_field *mode = http_head_find_name(head,
	    SLICE("Lambda-Runtime-Function-Response-Mode"));

	if (mode == NULL || call->status != 0)
		return;
	call->streaming = slice_eq_nocase(http_field_value(head, mode),
	    SLICE("streaming"));
	if (!call->streaming)
		refuse(call, 400, "InvalidFunctionResponseMode",
		    "Invalid function response mode");
}

static void
keep_error_type(struct runtime_call *call, struct slice type)
{
	size_t i;

	if (type.len == 0 || type.len >= sizeof call->error_type)
		return;
	for (i = 0; i < type.len; i++)
		if (type.at[i] < 0x21 || type.at[i] == 0x7f)
			return;
	memcpy(call->error_type, type.at, type.len);
	call->error_type[type.len] = '\0';
}

static void
begin_stream(struct runtime_call *call, struct http_head *head)
{
	struct invocation *invocation = call->invocation;

	if (!call->streaming || invocation == NULL ||
	    invocation->client == NULL || invocation->client->begin == NULL)
		return;
	invocation->begun = true;
	invocation->client->begin(invocation->ctx,
	    http_head_value(head, HTTP_KNOWN_CONTENT_TYPE));
}

static void
call_check(struct runtime_call *call, struct slice id,
    struct http_head *head)
{
	const struct http_field *field;

	field = http_head_find_name(head,
	    SLICE("Lambda-Runtime-Function-Error-Type"));
	if (field != NULL)
		keep_error_type(call, http_field_value(head, field));
	switch (call->kind) {
	case RUNTIME_NEXT:
		check_next(call);
		break;
	case RUNTIME_RESPONSE:
		check_mode(call, head);
		if (call->status == 0)
			check_answer(call, id);
		begin_stream(call, head);
		break;
	case RUNTIME_ERROR:
		check_answer(call, id);
		break;
	case RUNTIME_INIT_ERROR:
		if (call->instance->initialised ||
		    call->instance->state != INSTANCE_STARTING)
			refuse_state(call);
		break;
	case RUNTIME_UNKNOWN:
		refuse(call, 404, "NotFound", "There is no such call");
		break;
	}
}

static void call_end(struct runtime_call *call);

static void
on_request(void *ctx, struct transport *transport, struct http_head *head)
{
	struct lambda_host *host = ctx;
	struct instance *instance = instance_find(host,
	    transport->listener_id);
	struct runtime_call *call;
	struct slice id;

	if (instance == NULL) {
		transport->exchange = NULL;
		reply_error(transport, 403, "InvalidStateTransition",
		    "The process that this port was for is gone");
		return;
	}
	call = mem_new(sizeof *call);
	call->transport = transport;
	call->instance = instance;
	call->kind = runtime_kind_of(head->method == HTTP_VERB_GET,
	    head->method == HTTP_VERB_POST, head->path, &id);
	list_append(&instance->calls, &call->link);
	transport->exchange = call;
	call_check(call, id, head);
	if (head->body == HTTP_BODY_NONE || (head->body == HTTP_BODY_LENGTH &&
	    head->length == 0))
		call_end(call);
	else
		transport->ops->proceed(transport);
}

static void
stream_body(struct runtime_call *call, struct slice data)
{
	struct invocation *invocation = call->invocation;

	if (invocation->client == NULL || invocation->client->data == NULL)
		return;
	if (invocation->client->data(invocation->ctx, data) > 0 &&
	    call->invocation != NULL)
		call->transport->ops->body_pause(call->transport);
}

static void
on_body(void *exchange, struct slice data)
{
	struct runtime_call *call = exchange;
	struct invocation *invocation = call->invocation;

	if (call->status != 0 || call->too_large)
		return;
	if (call->kind == RUNTIME_ERROR || call->kind == RUNTIME_INIT_ERROR) {
		if (call->body.len + data.len <= ERROR_MOST)
			buf_add_slice(&call->body, data);
		return;
	}
	if (invocation == NULL)
		return;
	if (invocation->begun)
		stream_body(call, data);
	else if (invocation->output.len + data.len > RESPONSE_MOST)
		call->too_large = true;
	else
		buf_add_slice(&invocation->output, data);
}

static void
on_trailer(void *exchange, struct slice data)
{
	struct runtime_call *call = exchange;

	if (call->trailers.len + data.len <= TRAILERS_MOST)
		buf_add_slice(&call->trailers, data);
}

/* What an instance calls an error's description: JSON, or made into it. */
static void
error_of(struct buf *out, struct slice body, const char *type)
{
	struct error err;

	if (json_check(body, &err) == 0 && slice_starts(slice_trim(body),
	    SLICE("{")))
		buf_add_slice(out, body);
	else
		error_body(out, type, "The function failed and did not say "
		    "how");
}

static void
end_with_error(struct runtime_call *call, struct slice body)
{
	const char *type = *call->error_type != '\0' ? call->error_type :
	    "Function.Unknown";
	struct invocation_result result = { .error = true, .type = type };
	struct buf text;

	buf_open(&text);
	error_of(&text, body, type);
	result.body = buf_slice(&text);
	invocation_end(call->invocation, &result);
	buf_close(&text);
}

/* A stream may say in its trailers that it failed. True when it did. */
static bool
end_with_trailers(struct runtime_call *call)
{
	struct slice lines = buf_slice(&call->trailers), type, body;
	struct buf text;

	type = runtime_trailer(lines,
	    SLICE("Lambda-Runtime-Function-Error-Type"));
	body = runtime_trailer(lines,
	    SLICE("Lambda-Runtime-Function-Error-Body"));
	if (type.len == 0 && body.len == 0)
		return false;
	keep_error_type(call, type);
	buf_open(&text);
	if (base64_decode(&text, body) < 0)
		text.len = 0;
	end_with_error(call, buf_slice(&text));
	buf_close(&text);
	return true;
}

static void
end_too_large(struct runtime_call *call)
{
	static const char message[] = "Exceeded maximum allowed payload size "
	    "(6291556 bytes).";

	refuse(call, 413, "RequestEntityTooLarge", message);
	if (call->invocation != NULL)
		invocation_fail(call->invocation,
		    "Function.ResponseSizeTooLarge", "Response payload size "
		    "exceeded maximum allowed payload size (6291556 bytes).");
}

static void
end_response(struct runtime_call *call)
{
	struct invocation_result result = { .error = false };
	struct invocation *invocation = call->invocation;

	if (call->too_large) {
		end_too_large(call);
		return;
	}
	if (invocation == NULL || (call->streaming &&
	    end_with_trailers(call)))
		return;
	result.body = buf_slice(&invocation->output);
	invocation_end(invocation, &result);
}

static void
end_init_error(struct runtime_call *call)
{
	const char *type = *call->error_type != '\0' ? call->error_type :
	    "Runtime.Unknown";
	struct buf text;

	buf_open(&text);
	error_of(&text, buf_slice(&call->body), type);
	instance_init_error(call->instance, type, buf_slice(&text));
	buf_close(&text);
}

/* It asks for an event: from now on it waits. */
static void
end_next(struct runtime_call *call)
{
	struct instance *instance = call->instance;

	list_remove(&call->link);
	list_append(&instance->waiting, &call->link);
	instance_arrived(instance);
}

/* The request is complete: do it, answer it. */
static void
call_end(struct runtime_call *call)
{
	struct transport *transport = call->transport;
	struct lambda_host *host = call->instance->host;

	if (call->status == 0 && call->kind == RUNTIME_NEXT) {
		end_next(call);
		host_settle(host);
		return;
	}
	if (call->status == 0 && call->kind == RUNTIME_RESPONSE)
		end_response(call);
	else if (call->status == 0 && call->kind == RUNTIME_ERROR &&
	    call->invocation != NULL)
		end_with_error(call, buf_slice(&call->body));
	else if (call->status == 0 && call->kind == RUNTIME_INIT_ERROR)
		end_init_error(call);
	transport->exchange = NULL;
	if (call->status != 0)
		reply_error(transport, call->status, call->type,
		    call->message);
	else
		reply(transport, 202, SLICE(ok_body));
	call_free(&call);
	host_settle(host);
}

static void
on_body_end(void *exchange)
{
	call_end(exchange);
}

static void
on_pushed(void *exchange)
{
	(void)exchange;
}

static void
on_writable(void *exchange)
{
	(void)exchange;
}

/* The call ends without having been made whole; its event cannot wait. */
static void
call_broken(struct runtime_call *call)
{
	struct instance *instance = call->instance;
	struct invocation *invocation = call->invocation;

	call_free(&call);
	if (invocation != NULL)
		invocation_fail(invocation, "Runtime.TruncatedResponse",
		    "The response of the function was cut off");
	instance_place(instance);
}

static void
on_body_failed(void *exchange, unsigned status, const char *reason)
{
	struct runtime_call *call = exchange;
	struct transport *transport = call->transport;

	transport->exchange = NULL;
	call_broken(call);
	reply_error(transport, status, "InvalidRequest", reason);
}

static void
on_gone(void *exchange, const char *reason)
{
	(void)reason;
	call_broken(exchange);
}

static void
on_refused(void *ctx, struct transport *transport, unsigned status,
    const char *reason)
{
	(void)ctx;
	reply_error(transport, status, "InvalidRequest", reason);
}

/* Only the instance's own user may speak for it. */
static bool
admit(struct h1_server *server, int fd, const struct http_peer *peer,
    uint64_t listener_id)
{
	struct lambda_host *host = server->core.ctx;
	struct instance *instance = instance_find(host, listener_id);

	(void)peer;
	if (instance == NULL)
		return false;
	if (peer_is(host->diag_fd, fd, instance->uid))
		return true;
	log_warn(host->log, "function %s: a process of another user tried to "
	    "speak for it", instance->function->spec->name);
	return false;
}

/* The server of all Runtime APIs; instances bring their listeners. */
void
runtime_api_open(struct lambda_host *host)
{
	struct h1_server *server = &host->runtime;

	h1_server_open(server, &host->loop, host->log);
	server->core = (struct http_core){ .ctx = host,
	    .request = on_request, .refused = on_refused, .body = on_body,
	    .trailer = on_trailer, .body_end = on_body_end,
	    .pushed = on_pushed, .body_failed = on_body_failed,
	    .writable = on_writable, .gone = on_gone };
	server->settings = (struct h1_settings){
	    .limits = { .head_bytes = HTTP_HEAD_MAX,
	    .target_bytes = 8192, .field_bytes = HTTP_HEAD_MAX,
	    .fields = HTTP_FIELDS_MAX }, .head_ms = FOREVER_MS,
	    .body_ms = FOREVER_MS, .keep_alive_ms = FOREVER_MS,
	    .send_ms = 60000, .linger_ms = 2000,
	    .connections_max = CONNECTIONS, .hangup_ends = true };
	server->admit = admit;
}
