/*
 * lambda/invoke_api.c - what callers ask of the host
 *
 * The Lambda Invoke API (contract, 4.5) for gateway workers, `gatehousectl
 * invoke`, the AWS CLI and SDKs; besides it the report and the logs, on unix
 * sockets alone. Signatures of callers are not looked at: who reaches the
 * socket may invoke. A caller who hangs up stops nothing.
 */

#include "lambda/invoke_api.h"

#include <stdio.h>
#include <stdlib.h>

#include "http/target.h"
#include "lambda/eventstream.h"
#include "lambda/host_private.h"
#include "util/base64.h"
#include "util/error.h"
#include "util/json.h"
#include "util/mem.h"
#include "util/text.h"

#define NAME_MOST	512	/* bytes of a name, encoded */
#define CONTEXT_MOST	3583	/* bytes of a client context, encoded */
#define CONNECTIONS	65535

enum invoke_type {
	TYPE_WAIT,		/* RequestResponse */
	TYPE_EVENT,
	TYPE_DRY_RUN,
};

/* One request of a caller. */
struct invoke {
	struct transport *transport;	/* NULL when the caller is gone */
	struct lambda_host *host;
	struct invocation *invocation;	/* while it runs */
	enum invoke_kind kind;
	enum invoke_type type;
	unsigned status;		/* to refuse it with; 0: it is fine */
	const char *error;		/* the same: x-amzn-ErrorType */
	bool tail;			/* the caller wants the log's end */
	bool answering;			/* the head has been sent */
	bool slow;			/* a reader of the log */
	struct log_reader reader;
	struct buf message;		/* of a refusal */
	struct buf body;
	char *context;			/* owned */
	char name[FUNCTION_NAME_MAX * 2 + 1];
	char qualifier[FUNCTION_NAME_MAX * 2 + 1];
	char id[REQUEST_ID_LEN + 1];
	char trace[TRACE_MOST];
};

static const struct slice json_type = { "application/json", 16 };

/* See invoke_api.h. */
enum invoke_kind
invoke_kind_of(bool get, bool post, struct slice path, struct slice *function_r)
{
	static const struct {
		struct slice before, after;
		enum invoke_kind kind;
		bool post;
	} forms[] = {
		{ SLICE("/2015-03-31/functions/"), SLICE("/invocations"),
		    INVOKE_CALL, true },
		{ SLICE("/2021-11-15/functions/"),
		    SLICE("/response-streaming-invocations"), INVOKE_STREAM,
		    true },
		{ SLICE("/2014-11-13/functions/"), SLICE("/invoke-async/"),
		    INVOKE_ASYNC, true },
		{ SLICE("/2014-11-13/functions/"), SLICE("/invoke-async"),
		    INVOKE_ASYNC, true },
		{ SLICE("/gatehouse/functions/"), SLICE("/log"), INVOKE_LOG,
		    false },
	};
	size_t i;

	*function_r = SLICE_NONE;
	if (get && slice_eq(path, SLICE("/gatehouse/functions")))
		return INVOKE_REPORT;
	for (i = 0; i < sizeof forms / sizeof *forms; i++) {
		size_t around = forms[i].before.len + forms[i].after.len;

		if ((forms[i].post ? !post : !get) || path.len <= around ||
		    !slice_starts(path, forms[i].before) ||
		    !slice_ends(path, forms[i].after))
			continue;
		*function_r = slice_of(path.at + forms[i].before.len,
		    path.len - around);
		return forms[i].kind;
	}
	return INVOKE_UNKNOWN;
}

/* The value of a parameter of the query, still encoded; or empty. */
struct slice
invoke_query(struct slice query, struct slice name)
{
	struct slice part, key;

	while (query.at != NULL) {
		part = slice_until(&query, '&');
		key = slice_until(&part, '=');
		if (slice_eq(key, name))
			return part;
	}
	return SLICE_NONE;
}

static void
refuse(struct invoke *invoke, unsigned status, const char *error,
    const char *message)
{
	if (invoke->status != 0)
		return;
	invoke->status = status;
	invoke->error = error;
	invoke->message.len = 0;
	buf_add_text(&invoke->message, message);
}

static void
refuse_unknown(struct invoke *invoke)
{
	const char *mark = *invoke->qualifier != '\0' ? ":" : "";

	if (invoke->status != 0)
		return;
	refuse(invoke, 404, "ResourceNotFoundException",
	    "Function not found: ");
	buf_printf(&invoke->message, "%s%s%s", invoke->name, mark,
	    invoke->qualifier);
}

static void
invoke_free(struct invoke **invoke_p)
{
	struct invoke *invoke = *invoke_p;

	*invoke_p = NULL;
	if (invoke->transport != NULL)
		invoke->transport->exchange = NULL;
	list_remove(&invoke->reader.link);
	buf_close(&invoke->message);
	buf_close(&invoke->body);
	free(invoke->context);
	free(invoke);
}

static struct buf *
reply_begin(struct invoke *invoke, unsigned status, struct slice type)
{
	struct transport *transport = invoke->transport;
	struct buf *out = transport->ops->reply_begin(transport, status,
	    SLICE_NONE);

	invoke->answering = true;
	buf_add_text(out, "Date: ");
	buf_add_text(out, invoke->host->loop.date);
	if (type.len > 0) {
		buf_add_text(out, "\r\nContent-Type: ");
		buf_add_slice(out, type);
	}
	buf_add_text(out, "\r\nx-amzn-RequestId: ");
	buf_add_text(out, invoke->id);
	buf_add_text(out, "\r\n");
	return out;
}

/* The rest of an answer that is complete. Frees invoke. */
static void
reply_finish(struct invoke *invoke, struct slice body)
{
	struct transport *transport = invoke->transport;

	transport->ops->reply_framing(transport, HTTP_BODY_LENGTH, body.len);
	transport->ops->reply_data(transport, body);
	invoke_free(&invoke);
	transport->ops->reply_end(transport);
}

static void
reply_refusal(struct invoke *invoke)
{
	struct buf *out = reply_begin(invoke, invoke->status, json_type);
	struct buf body;

	buf_add_text(out, "x-amzn-ErrorType: ");
	buf_add_text(out, invoke->error);
	buf_add_text(out, "\r\n");
	buf_open(&body);
	if (invoke->status == 429) {
		buf_add_text(&body, "{\"Reason\":\"ReservedFunctionConcurrent"
		    "InvocationLimitExceeded\",\"Type\":\"User\","
		    "\"message\":\"Rate Exceeded.\"}");
	} else {
		buf_add_text(&body, invoke->status < 500 ?
		    "{\"Type\":\"User\",\"Message\":\"" :
		    "{\"Type\":\"Service\",\"Message\":\"");
		text_json_escape(&body, buf_slice(&invoke->message));
		buf_add_text(&body, "\"}");
	}
	reply_finish(invoke, buf_slice(&body));
	buf_close(&body);
}

static void
reply_empty(struct invoke *invoke, unsigned status)
{
	struct buf *out = reply_begin(invoke, status, SLICE_NONE);

	if (status == 204)
		buf_add_text(out, "X-Amz-Executed-Version: $LATEST\r\n");
	buf_add_text(out, "X-Amzn-Trace-Id: ");
	buf_add_text(out, invoke->trace);
	buf_add_text(out, "\r\n");
	if (status == 204) {
		struct transport *transport = invoke->transport;

		transport->ops->reply_framing(transport, HTTP_BODY_NONE, 0);
		invoke_free(&invoke);
		transport->ops->reply_end(transport);
		return;
	}
	reply_finish(invoke, invoke->kind == INVOKE_ASYNC ?
	    SLICE("{\"Status\":202}") : SLICE_NONE);
}

/* A caller who waited gets the whole answer. */
static void
whole_end(void *ctx, const struct invocation_result *result)
{
	struct invoke *invoke = ctx;
	struct buf *out;

	invoke->invocation = NULL;
	if (result->unknown) {
		refuse_unknown(invoke);
		reply_refusal(invoke);
		return;
	}
	out = reply_begin(invoke, 200, json_type);
	buf_add_text(out, "X-Amz-Executed-Version: $LATEST\r\n"
	    "X-Amzn-Trace-Id: ");
	buf_add_text(out, invoke->trace);
	if (result->error)
		buf_add_text(out, "\r\nX-Amz-Function-Error: Unhandled");
	if (invoke->tail) {
		buf_add_text(out, "\r\nX-Amz-Log-Result: ");
		base64_encode(out, result->tail);
	}
	buf_add_text(out, "\r\n");
	reply_finish(invoke, result->body);
}

/* type says what the function calls its stream; it may be empty. */
static void
stream_begin(void *ctx, struct slice type)
{
	struct invoke *invoke = ctx;
	struct transport *transport = invoke->transport;
	struct buf *out = reply_begin(invoke, 200,
	    SLICE("application/vnd.amazon.eventstream"));

	buf_add_text(out, "X-Amz-Executed-Version: $LATEST\r\n"
	    "X-Amzn-Trace-Id: ");
	buf_add_text(out, invoke->trace);
	if (type.len > 0 && type.len < 256) {
		buf_add_text(out, "\r\nX-Amzn-Remapped-Content-Type: ");
		buf_add_slice(out, type);
	}
	buf_add_text(out, "\r\n");
	transport->ops->reply_framing(transport, HTTP_BODY_CHUNKED, 0);
	(void)transport->ops->reply_flush(transport);
}

static void
stream_frame(struct invoke *invoke, struct slice type, struct slice media,
    struct slice payload)
{
	struct buf frame;

	buf_open(&frame);
	eventstream_add(&frame, type, media, payload);
	invoke->transport->ops->reply_data(invoke->transport,
	    buf_slice(&frame));
	buf_close(&frame);
}

static int
stream_data(void *ctx, struct slice data)
{
	struct invoke *invoke = ctx;
	struct transport *transport = invoke->transport;

	stream_frame(invoke, SLICE("PayloadChunk"),
	    SLICE("application/octet-stream"), data);
	return transport->ops->reply_flush(transport) > 0;
}

static void
add_complete(struct buf *out, const struct invoke *invoke,
    const struct invocation_result *result)
{
	buf_add_char(out, '{');
	if (result->error) {
		buf_add_text(out, "\"ErrorCode\":\"Unhandled\","
		    "\"ErrorDetails\":");
		json_write_string(out, result->body);
	}
	if (invoke->tail) {
		buf_add_text(out, result->error ? ",\"LogResult\":\"" :
		    "\"LogResult\":\"");
		base64_encode(out, result->tail);
		buf_add_char(out, '"');
	}
	buf_add_char(out, '}');
}

static void
stream_end(void *ctx, const struct invocation_result *result)
{
	struct invoke *invoke = ctx;
	struct transport *transport = invoke->transport;
	struct buf complete;

	invoke->invocation = NULL;
	if (result->unknown && !invoke->answering) {
		refuse_unknown(invoke);
		reply_refusal(invoke);
		return;
	}
	if (!invoke->answering)
		stream_begin(invoke, SLICE_NONE);
	if (!result->error && result->body.len > 0)
		stream_frame(invoke, SLICE("PayloadChunk"),
		    SLICE("application/octet-stream"), result->body);
	buf_open(&complete);
	add_complete(&complete, invoke, result);
	stream_frame(invoke, SLICE("InvokeComplete"), json_type,
	    buf_slice(&complete));
	buf_close(&complete);
	invoke_free(&invoke);
	transport->ops->reply_end(transport);
}

static const struct invocation_client whole_client = { .end = whole_end };
static const struct invocation_client stream_client = {
	.begin = stream_begin, .data = stream_data, .end = stream_end };

static void
fill_invocation(struct invocation *invocation, struct invoke *invoke)
{
	struct buf payload = invocation->payload;

	invocation->payload = invoke->body;
	invoke->body = payload;
	if (invocation->payload.len == 0)
		buf_add_text(&invocation->payload, "{}");
	memcpy(invocation->id, invoke->id, sizeof invocation->id);
	memcpy(invocation->trace, invoke->trace, sizeof invocation->trace);
	memcpy(invocation->qualifier, invoke->qualifier,
	    sizeof invocation->qualifier);
	invocation->context = invoke->context;
	invoke->context = NULL;
	invocation->wants_tail = invoke->tail;
	invocation->event = invoke->type == TYPE_EVENT;
}

static void
submit_event(struct invoke *invoke, struct invocation *invocation)
{
	if (invocation_submit(invocation) < 0) {
		invocation_free(&invocation);
		refuse(invoke, 429, "TooManyRequestsException", "");
		reply_refusal(invoke);
		return;
	}
	reply_empty(invoke, 202);
}

static void
submit(struct invoke *invoke, struct function *function)
{
	struct invocation *invocation = invocation_new(function);

	fill_invocation(invocation, invoke);
	if (invocation->event) {
		submit_event(invoke, invocation);
		return;
	}
	invocation->client = invoke->kind == INVOKE_STREAM ? &stream_client :
	    &whole_client;
	invocation->ctx = invoke;
	invoke->invocation = invocation;
	if (invocation_submit(invocation) < 0) {
		invocation_free(&invocation);
		invoke->invocation = NULL;
		refuse(invoke, 429, "TooManyRequestsException", "");
		reply_refusal(invoke);
	}
}

static void
check_payload(struct invoke *invoke)
{
	struct error err;

	if (invoke->status != 0 || invoke->body.len == 0 ||
	    json_check(buf_slice(&invoke->body), &err) == 0)
		return;
	refuse(invoke, 400, "InvalidRequestContentException",
	    "Could not parse request body into json: ");
	buf_add_text(&invoke->message, err.text);
}

static struct function *
find_function(struct invoke *invoke)
{
	struct function *function;

	if (invoke->status != 0)
		return NULL;
	function = host_function(invoke->host, slice_text(invoke->name));
	if (function == NULL || !function_has_qualifier(function->spec,
	    slice_text(invoke->qualifier))) {
		refuse_unknown(invoke);
		return NULL;
	}
	return function;
}

static void
reader_lines(struct log_reader *reader, struct slice lines)
{
	struct invoke *invoke = LIST_ITEM(reader, struct invoke, reader);
	struct transport *transport = invoke->transport;

	if (invoke->slow)
		return;
	transport->ops->reply_data(transport, lines);
	invoke->slow = transport->ops->reply_flush(transport) > 0;
}

static void
reader_gone(struct log_reader *reader)
{
	struct invoke *invoke = LIST_ITEM(reader, struct invoke, reader);
	struct transport *transport = invoke->transport;

	invoke_free(&invoke);
	transport->ops->reply_end(transport);
}

static void
reply_log(struct invoke *invoke, struct function *function)
{
	struct transport *transport = invoke->transport;
	bool follow = invoke->type == TYPE_EVENT;

	function_output_flush(function);
	reply_begin(invoke, 200, SLICE("text/plain; charset=utf-8"));
	if (!follow) {
		reply_finish(invoke, buf_slice(&function->output.recent));
		return;
	}
	transport->ops->reply_framing(transport, HTTP_BODY_CHUNKED, 0);
	transport->ops->reply_data(transport,
	    buf_slice(&function->output.recent));
	invoke->slow = transport->ops->reply_flush(transport) > 0;
	invoke->reader.lines = reader_lines;
	invoke->reader.gone = reader_gone;
	list_append(&function->output.readers, &invoke->reader.link);
}

static void
reply_report(struct invoke *invoke)
{
	struct buf body;

	buf_open(&body);
	report_functions(invoke->host, &body);
	reply_begin(invoke, 200, json_type);
	reply_finish(invoke, buf_slice(&body));
	buf_close(&body);
}

/* The request is complete: do it. */
static void
invoke_run(struct invoke *invoke)
{
	struct function *function = NULL;

	if (invoke->status == 0 && invoke->kind == INVOKE_REPORT) {
		reply_report(invoke);
		return;
	}
	function = find_function(invoke);
	check_payload(invoke);
	if (invoke->status != 0)
		reply_refusal(invoke);
	else if (invoke->kind == INVOKE_LOG)
		reply_log(invoke, function);
	else if (invoke->type == TYPE_DRY_RUN)
		reply_empty(invoke, 204);
	else
		submit(invoke, function);
}

static size_t
body_most(const struct invoke *invoke)
{
	return invoke->type == TYPE_EVENT ? EVENT_MOST : PAYLOAD_MOST;
}

static void
refuse_size(struct invoke *invoke)
{
	char message[96];

	snprintf(message, sizeof message, "Request must be smaller than %zu "
	    "bytes for the InvokeFunction operation", body_most(invoke));
	refuse(invoke, 413, "RequestTooLargeException", message);
}

/* F of the path, and the qualifier of it or of the query. */
static void
take_name(struct invoke *invoke, struct slice encoded, struct slice query)
{
	struct slice other = invoke_query(query, SLICE("Qualifier"));
	struct function_name name;
	char text[NAME_MOST], qualifier[NAME_MOST];

	if (encoded.len > sizeof text || other.len > sizeof qualifier ||
	    function_name_parse(slice_of(text, http_target_decode(encoded,
	    text)), &name) < 0) {
		refuse(invoke, 400, "InvalidParameterValueException",
		    "This is not the name of a function");
		return;
	}
	other.len = other.len > 0 ? http_target_decode(other, qualifier) : 0;
	other.at = qualifier;
	if (name.qualifier.len > 0 && other.len > 0 &&
	    !slice_eq(name.qualifier, other))
		refuse(invoke, 400, "InvalidParameterValueException",
		    "The derived qualifier from the function name does not "
		    "match the specified qualifier.");
	if (name.qualifier.len == 0)
		name.qualifier = other;
	memcpy(invoke->name, name.name.at, name.name.len);
	if (name.qualifier.len < sizeof invoke->qualifier)
		memcpy(invoke->qualifier, name.qualifier.at,
		    name.qualifier.len);
	else
		refuse_unknown(invoke);
}

static void
take_type(struct invoke *invoke, const struct http_head *head)
{
	const struct http_field *field = http_head_find_name(head,
	    SLICE("X-Amz-Invocation-Type"));
	struct slice type = field == NULL ? SLICE_NONE :
	    http_field_value(head, field);

	if (invoke->kind == INVOKE_ASYNC || slice_eq(type, SLICE("Event")))
		invoke->type = TYPE_EVENT;
	else if (slice_eq(type, SLICE("DryRun")))
		invoke->type = TYPE_DRY_RUN;
	else if (type.len > 0 && !slice_eq(type, SLICE("RequestResponse")))
		refuse(invoke, 400, "InvalidParameterValueException",
		    "The invocation type is none of RequestResponse, Event, "
		    "DryRun");
	if (invoke->kind == INVOKE_STREAM && invoke->type == TYPE_EVENT)
		refuse(invoke, 400, "InvalidParameterValueException",
		    "Events have no answer that could be streamed");
	field = http_head_find_name(head, SLICE("X-Amz-Log-Type"));
	invoke->tail = field != NULL && slice_eq(http_field_value(head,
	    field), SLICE("Tail")) && invoke->type == TYPE_WAIT;
}

/* JSON goes to the function in one header line. */
static void
take_context(struct invoke *invoke, const struct http_head *head)
{
	const struct http_field *field = http_head_find_name(head,
	    SLICE("X-Amz-Client-Context"));
	struct slice value;
	struct error err;
	struct buf text;
	size_t i;

	if (field == NULL)
		return;
	value = http_field_value(head, field);
	buf_open(&text);
	if (value.len > CONTEXT_MOST || base64_decode(&text, value) < 0 ||
	    json_check(buf_slice(&text), &err) < 0) {
		refuse(invoke, 400, "InvalidRequestContentException",
		    "Client context must be a valid Base64-encoded JSON "
		    "object.");
		buf_close(&text);
		return;
	}
	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f)
			text.at[i] = ' ';
	invoke->context = mem_text(text.at, text.len);
	buf_close(&text);
}

static void
take_trace(struct invoke *invoke, const struct http_head *head)
{
	struct slice trace = http_head_value(head,
	    HTTP_KNOWN_X_AMZN_TRACE_ID);
	struct loop *loop = &invoke->host->loop;
	uint64_t bits[3] = { loop_random(loop), loop_random(loop),
	    loop_random(loop) };
	char root[25] = "", parent[17] = "";

	if (trace.len > 0 && trace.len < sizeof invoke->trace) {
		memcpy(invoke->trace, trace.at, trace.len);
		return;
	}
	text_hex(root, bits, 12);
	text_hex(parent, bits + 2, 8);
	snprintf(invoke->trace, sizeof invoke->trace,
	    "Root=1-%08x-%s;Parent=%s;Sampled=0",
	    (unsigned)(loop_wall(loop) / 1000), root, parent);
}

static void
invoke_take(struct invoke *invoke, const struct http_head *head)
{
	struct slice function;

	invoke->kind = invoke_kind_of(head->method == HTTP_VERB_GET,
	    head->method == HTTP_VERB_POST, head->path, &function);
	if (invoke->kind == INVOKE_UNKNOWN || (invoke->kind >= INVOKE_REPORT &&
	    invoke->transport->peer->family != 1)) {
		refuse(invoke, 404, "UnknownOperationException",
		    "There is no such operation");
		return;
	}
	if (invoke->kind != INVOKE_REPORT)
		take_name(invoke, function, head->query);
	if (invoke->kind >= INVOKE_REPORT) {
		if (invoke_query(head->query, SLICE("follow")).len > 0)
			invoke->type = TYPE_EVENT;
		return;
	}
	take_type(invoke, head);
	take_context(invoke, head);
	if (head->length > body_most(invoke))
		refuse_size(invoke);
}

static void
on_request(void *ctx, struct transport *transport, struct http_head *head)
{
	struct lambda_host *host = ctx;
	struct invoke *invoke = mem_new(sizeof *invoke);
	bool empty = head->body == HTTP_BODY_NONE ||
	    (head->body == HTTP_BODY_LENGTH && head->length == 0);

	invoke->host = host;
	invoke->transport = transport;
	list_init(&invoke->reader.link);
	buf_open(&invoke->message);
	buf_open(&invoke->body);
	transport->exchange = invoke;
	invocation_id(&host->loop, invoke->id);
	take_trace(invoke, head);
	invoke_take(invoke, head);
	/* Too much is not waited for; all else is, to keep the connection. */
	if (empty || invoke->status == 413)
		invoke_run(invoke);
	else
		transport->ops->proceed(transport);
}

static void
on_body(void *exchange, struct slice data)
{
	struct invoke *invoke = exchange;

	if (invoke->status != 0)
		return;
	if (invoke->body.len + data.len > body_most(invoke)) {
		refuse_size(invoke);
		buf_close(&invoke->body);
		return;
	}
	buf_add_slice(&invoke->body, data);
}

static void
on_body_end(void *exchange)
{
	invoke_run(exchange);
}

static void
on_pushed(void *exchange)
{
	(void)exchange;
}

static void
on_writable(void *exchange)
{
	struct invoke *invoke = exchange;

	invoke->slow = false;
	if (invoke->invocation != NULL)
		invocation_resume(invoke->invocation);
}

static void
on_body_failed(void *exchange, unsigned status, const char *reason)
{
	struct invoke *invoke = exchange;

	invoke->status = 0;
	refuse(invoke, status, "InvalidRequestContentException", reason);
	reply_refusal(invoke);
}

/* Nobody waits any more; the function works on. */
static void
on_gone(void *exchange, const char *reason)
{
	struct invoke *invoke = exchange;

	(void)reason;
	if (invoke->invocation != NULL) {
		invoke->invocation->client = NULL;
		invocation_resume(invoke->invocation);
	}
	invoke->transport = NULL;
	invoke_free(&invoke);
}

static void
on_refused(void *ctx, struct transport *transport, unsigned status,
    const char *reason)
{
	struct lambda_host *host = ctx;
	struct invoke *invoke = mem_new(sizeof *invoke);

	invoke->host = host;
	invoke->transport = transport;
	list_init(&invoke->reader.link);
	invocation_id(&host->loop, invoke->id);
	refuse(invoke, status, "InvalidRequestContentException", reason);
	reply_refusal(invoke);
}

/* The server of the Invoke API; lambda_host_listen brings its sockets. */
void
invoke_api_open(struct lambda_host *host)
{
	struct h1_server *server = &host->invoke;

	h1_server_open(server, &host->loop, host->log);
	server->core = (struct http_core){ .ctx = host,
	    .request = on_request, .refused = on_refused, .body = on_body,
	    .body_end = on_body_end, .pushed = on_pushed,
	    .body_failed = on_body_failed, .writable = on_writable,
	    .gone = on_gone };
	server->settings = (struct h1_settings){
	    .limits = { .head_bytes = 32768, .target_bytes = 8192,
	    .field_bytes = 32768, .fields = 100 }, .head_ms = 10000,
	    .body_ms = 60000, .keep_alive_ms = 600000, .send_ms = 60000,
	    .linger_ms = 2000, .connections_max = CONNECTIONS,
	    .hangup_ends = true };
}
