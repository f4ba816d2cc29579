/*
 * gateway/reply.c - answers: relayed from a backend, or made here
 *
 * A relayed head is the backend's own field lines, less what is hop-by-hop or
 * replaced, with the gateway's behind them. An answer made here waits for the
 * rest of a short request body, so that the connection can be kept.
 */

#include "gateway/exchange.h"
#include "http/fields.h"

#define DRAIN_MOST	(256 * 1024)

static void
line(struct buf *out, const char *name, struct slice value)
{
	buf_add_text(out, name);
	buf_add(out, ": ", 2);
	buf_add_slice(out, value);
	buf_add(out, "\r\n", 2);
}

/* The Date field (RFC 9110, 6.6.1). */
void
reply_date(const struct exchange *x, struct buf *out)
{
	line(out, "Date", slice_of(x->gateway->loop.date,
	    CLOCK_HTTP_DATE_SIZE - 1));
}

/* The static fields that the configuration sets on answers of this request. */
static void
static_fields(const struct exchange *x, struct image_text *lines_r,
    struct image_run *names_r)
{
	if (x->match.route != NULL && x->match.result == MATCH_ROUTE) {
		*lines_r = x->match.route->response_lines;
		*names_r = x->match.route->response_names;
	} else if (x->match.api != NULL) {
		*lines_r = x->match.api->response_lines;
		*names_r = x->match.api->response_names;
	} else {
		*lines_r = (struct image_text){ 0 };
		*names_r = (struct image_run){ 0 };
	}
}

/* The lines that the configuration sets on answers of this request. */
void
reply_static_lines(const struct exchange *x, struct buf *out)
{
	struct image_text lines;
	struct image_run names;

	static_fields(x, &lines, &names);
	if (lines.len > 0)
		buf_add_slice(out, image_slice(image_of(x), lines));
}

/* "Vary: Origin" is not said twice when the policy says it too. */
static uint64_t
vary_twin(const struct exchange *x, const struct http_head *answer)
{
	const uint32_t fixed = IMAGE_CORS_ANY | IMAGE_CORS_STATIC;
	struct slice origin = http_head_value(&x->head, HTTP_KNOWN_ORIGIN);
	struct slice vary = http_head_value(answer, HTTP_KNOWN_VARY);

	if (!slice_eq_nocase(vary, SLICE("Origin")) || x->cors == NULL ||
	    (x->cors->flags & fixed) != 0)
		return 0;
	if (x->kind == kind_rest() ?
	    cors_replaced(x, answer->known_mask) == 0 : origin.len == 0)
		return 0;
	return HTTP_KNOWN_BIT(VARY);
}

static void
fields_relay(const struct exchange *x, const struct http_head *answer,
    struct buf *out)
{
	const struct image_head *image = image_of(x);
	struct http_removed removed;
	struct image_text lines;
	struct image_run names;
	uint32_t i;

	http_fields_hop_by_hop(answer, &removed);
	http_fields_remove(answer, x->kind->answer_dropped |
	    cors_replaced(x, answer->known_mask) | vary_twin(x, answer),
	    &removed);
	static_fields(x, &lines, &names);
	for (i = names.first; i < names.first + names.count; i++)
		http_fields_remove_name(answer, image_slice(image,
		    *IMAGE_AT(image, IMAGE_NAMES, struct image_text, i)),
		    &removed);
	http_fields_write(answer, &removed, out);
}

/* How the answer's body will be framed towards the client. */
static void
framing_relay(struct exchange *x, const struct http_head *answer)
{
	const struct transport_ops *ops = x->transport->ops;
	bool none = answer->status == 204 || answer->status == 304;

	x->has_body = answer->body != HTTP_BODY_NONE;
	if (answer->body == HTTP_BODY_LENGTH || (answer->has_length && !none))
		ops->reply_framing(x->transport, HTTP_BODY_LENGTH,
		    answer->length);
	else if (answer->body != HTTP_BODY_NONE)
		ops->reply_framing(x->transport, HTTP_BODY_CHUNKED, 0);
	else if (none || x->head.method == HTTP_VERB_HEAD)
		ops->reply_framing(x->transport, HTTP_BODY_NONE, 0);
	else
		ops->reply_framing(x->transport, HTTP_BODY_LENGTH, 0);
}

/* The backend's head has come: write ours. The body follows by itself. */
void
reply_relay_head(struct exchange *x, struct http_head *answer)
{
	struct buf *out;

	x->replying = true;
	x->status = answer->status;
	/* Asked with HEAD for a client that did not: there is no body. */
	if (x->call.method == HTTP_VERB_HEAD &&
	    x->head.method != HTTP_VERB_HEAD)
		answer->has_length = false;
	out = x->transport->ops->reply_begin(x->transport, answer->status,
	    http_head_part(answer, answer->reason));
	fields_relay(x, answer, out);
	reply_static_lines(x, out);
	x->kind->answer_extra(x, answer, out);
	cors_write(x, answer->known_mask, out);
	if (x->kind == kind_rest() ||
	    (answer->known_mask & HTTP_KNOWN_BIT(DATE)) == 0)
		reply_date(x, out);
	x->kind->answer_ids(x, out);
	framing_relay(x, answer);
}

/* Decide on a gateway response. reason is the word for the log. */
enum step_result
reply_error(struct exchange *x, enum gateway_response error,
    const char *reason)
{
	x->answer = ANSWER_ERROR;
	x->error = (uint8_t)error;
	x->reason = reason;
	return STEP_DONE;
}

/* End the head and give the whole body, where the status has one. */
void
reply_body(struct exchange *x, struct slice body)
{
	const struct transport_ops *ops = x->transport->ops;
	bool none = x->status == 204 || x->status == 304;

	if (none) {
		ops->reply_framing(x->transport, HTTP_BODY_NONE, 0);
		return;
	}
	ops->reply_framing(x->transport, HTTP_BODY_LENGTH, body.len);
	ops->reply_data(x->transport, body);
	if (x->head.method != HTTP_VERB_HEAD)
		x->bytes_out = body.len;
}

static void
send_error(struct exchange *x)
{
	struct buf *out;

	x->status = (uint16_t)errors_status(x);
	out = x->transport->ops->reply_begin(x->transport, x->status,
	    SLICE_NONE);
	reply_date(x, out);
	buf_add_text(out, "Content-Type: application/json\r\n");
	if (x->kind == kind_rest())
		line(out, "x-amzn-ErrorType", errors_type(x));
	x->kind->answer_ids(x, out);
	reply_static_lines(x, out);
	cors_write(x, 0, out);
	reply_body(x, errors_body(x));
}

static void
send_preflight(struct exchange *x)
{
	struct buf *out;

	x->status = (uint16_t)x->cors->preflight_status;
	out = x->transport->ops->reply_begin(x->transport, x->status,
	    SLICE_NONE);
	cors_write_preflight(x, out);
	reply_date(x, out);
	x->kind->answer_ids(x, out);
	x->transport->ops->reply_framing(x->transport, HTTP_BODY_NONE, 0);
}

/* Do the configuration's own lines hold this field? */
bool
reply_has_static(const struct exchange *x, struct slice name)
{
	const struct image_head *image = image_of(x);
	struct image_text lines;
	struct image_run names;
	uint32_t i;

	static_fields(x, &lines, &names);
	for (i = names.first; i < names.first + names.count; i++)
		if (slice_eq_nocase(name, image_slice(image, *IMAGE_AT(image,
		    IMAGE_NAMES, struct image_text, i))))
			return true;
	return false;
}

static void
send_mock(struct exchange *x)
{
	struct buf *out;

	x->status = (uint16_t)x->integration->status;
	x->integration_status = x->status;
	out = x->transport->ops->reply_begin(x->transport, x->status,
	    SLICE_NONE);
	reply_date(x, out);
	if (!reply_has_static(x, SLICE("Content-Type")) && x->status != 204 &&
	    x->status != 304)
		buf_add_text(out, "Content-Type: application/json\r\n");
	x->kind->answer_ids(x, out);
	reply_static_lines(x, out);
	cors_write(x, 0, out);
	reply_body(x, image_slice(image_of(x), x->integration->body));
}

/* Is it worth waiting for what is left of the request's body? */
bool
reply_drains(const struct exchange *x)
{
	if (x->request_done || x->no_drain || x->head.expect_continue)
		return false;
	if (x->head.body == HTTP_BODY_LENGTH)
		return x->head.length - x->bytes_in <= DRAIN_MOST;
	return x->bytes_in <= DRAIN_MOST;
}

static enum step_result
relayed(struct exchange *x)
{
	struct transport *t = x->transport;

	if (!x->relay_over)
		return STEP_WAIT;
	x->transport = NULL;
	if (x->failed_late)
		t->ops->abort(t);
	else
		t->ops->reply_end(t);
	return STEP_NEXT;
}

/* Answer, or go on relaying the answer until it is complete. */
enum step_result
step_reply(struct exchange *x)
{
	struct transport *t = x->transport;

	if (x->answer == ANSWER_RELAYED)
		return relayed(x);
	if (x->answer == ANSWER_NONE)
		return STEP_WAIT;
	if (reply_drains(x)) {
		x->discard = true;
		t->ops->body_resume(t);
		return STEP_WAIT;
	}
	x->replying = true;
	if (x->answer == ANSWER_PREFLIGHT)
		send_preflight(x);
	else if (x->answer == ANSWER_MOCK)
		send_mock(x);
	else if (x->answer == ANSWER_FUNCTION)
		function_send(x);
	else
		send_error(x);
	x->transport = NULL;
	t->ops->reply_end(t);
	return STEP_NEXT;
}
