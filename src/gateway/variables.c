/*
 * gateway/variables.c - $context: what is known about a request
 *
 * The names of Amazon API Gateway (contract, 3.4 and 9.4). A value that is
 * absent prints as "-". What came from outside is escaped for where it goes.
 */

#include <arpa/inet.h>
#include <time.h>

#include "gateway/exchange.h"
#include "http/parse.h"
#include "util/text.h"

#define VALUE_MOST	4096

/* The address alone: "192.0.2.1", "2001:db8::1"; "unix" for unix sockets. */
void
peer_write(const struct http_peer *peer, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];

	if (peer->family == 1) {
		buf_add_text(out, "unix");
		return;
	}
	if (peer->family == 4) {
		buf_add_u64(out, peer->ip[0]);
		buf_add_char(out, '.');
		buf_add_u64(out, peer->ip[1]);
		buf_add_char(out, '.');
		buf_add_u64(out, peer->ip[2]);
		buf_add_char(out, '.');
		buf_add_u64(out, peer->ip[3]);
		return;
	}
	inet_ntop(AF_INET6, peer->ip, text, sizeof text);
	buf_add_text(out, text);
}

/* The port that the client reached. */
void
port_write(const struct exchange *x, struct buf *out)
{
	const struct image_head *image = image_of(x);
	uint32_t i;

	for (i = 0; i < image->sections[IMAGE_LISTENERS].count; i++) {
		const struct image_listener *listener = IMAGE_AT(image,
		    IMAGE_LISTENERS, struct image_listener, i);

		if (listener->id == x->transport->listener_id) {
			buf_add_u64(out, listener->address.port);
			return;
		}
	}
	buf_add_char(out, '0');
}

/* The client's trace, or a new one (contract, 1.5). */
void
trace_write(const struct exchange *x, struct buf *out)
{
	struct slice given = http_head_value(&x->head,
	    HTTP_KNOWN_X_AMZN_TRACE_ID);

	if (given.len >= 5 && memmem(given.at, given.len, "Root=", 5)) {
		buf_add_slice(out, given);
		return;
	}
	buf_add(out, "Root=", 5);
	buf_add_text(out, x->trace);
}

static void
value_write(struct slice value, bool json, struct buf *out)
{
	if (value.len == 0)
		buf_add_char(out, '-');
	else if (json)
		text_json_escape(out, value.len > VALUE_MOST ?
		    slice_of(value.at, VALUE_MOST) : value);
	else
		text_log_escape(out, value, VALUE_MOST);
}

/* 09/Apr/2015:12:34:56 +0000 */
static void
time_write(uint64_t wall_ms, struct buf *out)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t when = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&when, &tm);
	buf_printf(out, "%02d/%.3s/%04d:%02d:%02d:%02d +0000", tm.tm_mday,
	    months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
}

static void
number_write(uint64_t value, bool known, struct buf *out)
{
	if (known)
		buf_add_u64(out, value);
	else
		buf_add_char(out, '-');
}

static void
message_string_write(const struct exchange *x, bool json, struct buf *out)
{
	struct slice message = errors_message(x);

	if (message.len == 0) {
		buf_add_char(out, '-');
		return;
	}
	buf_add_text(out, json ? "\\\"" : "\"");
	value_write(message, json, out);
	buf_add_text(out, json ? "\\\"" : "\"");
}

static struct slice
protocol_of(const struct exchange *x)
{
	if (x->head.size == 0)
		return SLICE_NONE;
	return x->head.minor == 0 ? SLICE("HTTP/1.0") : SLICE("HTTP/1.1");
}

static struct slice
target_of(const struct exchange *x)
{
	return x->head.size == 0 ? SLICE_NONE :
	    http_head_part(&x->head, x->head.target);
}

/* Host up to its first dot. */
static struct slice
domain_prefix(const struct exchange *x)
{
	struct slice rest = x->host;

	return rest.len > 0 ? slice_until(&rest, '.') : SLICE_NONE;
}

/* Values that are text somewhere already. */
static struct slice
text_of(const struct exchange *x, const struct image_piece *piece)
{
	const struct image_head *image = image_of(x);
	const struct image_api *api = x->match.api;
	const struct image_stage *stage = x->match.stage;
	const struct image_route *route = x->match.route;
	const struct http_field *field;

	switch ((enum image_context)piece->arg) {
	case CONTEXT_API_ID:
		return api ? image_slice(image, api->id) : SLICE_NONE;
	case CONTEXT_API_NAME:
		return api ? image_slice(image, api->name) : SLICE_NONE;
	case CONTEXT_DOMAIN_NAME:
		return x->host;
	case CONTEXT_DOMAIN_PREFIX:
		return domain_prefix(x);
	case CONTEXT_ERROR_MESSAGE:
		return errors_message(x);
	case CONTEXT_ERROR_RESPONSE_TYPE:
		return slice_text(errors_response_type(x));
	case CONTEXT_ERROR_REASON:
	case CONTEXT_INTEGRATION_ERROR:
		return slice_text(x->reason);
	case CONTEXT_EXTENDED_REQUEST_ID:
		return slice_of(x->extended_id, EXTENDED_ID_LEN);
	case CONTEXT_REQUEST_ID:
		return x->kind == kind_rest() ? slice_of(x->request_id,
		    REQUEST_ID_LEN) : slice_of(x->extended_id,
		    EXTENDED_ID_LEN);
	case CONTEXT_HTTP_METHOD:
		return x->head.size == 0 ? SLICE_NONE :
		    slice_text(http_verb_name(x->method));
	case CONTEXT_USER_AGENT:
		return http_head_value(&x->head, HTTP_KNOWN_USER_AGENT);
	case CONTEXT_PATH:
		return x->head.path;
	case CONTEXT_PROTOCOL:
		return protocol_of(x);
	case CONTEXT_RESOURCE_PATH:
	case CONTEXT_RESOURCE_ID:
		return route ? image_slice(image, route->resource) :
		    SLICE_NONE;
	case CONTEXT_ROUTE_KEY:
		return route ? image_slice(image, route->key) : SLICE_NONE;
	case CONTEXT_STAGE:
		return stage ? image_slice(image, stage->name) : SLICE_NONE;
	case CONTEXT_CUSTOM_DOMAIN_BASE_PATH:
		return stage ? image_slice(image, stage->base_path) :
		    SLICE_NONE;
	case CONTEXT_TARGET:
		return target_of(x);
	case CONTEXT_REQUEST_HEADER:
		field = http_head_find_name(&x->head, image_slice(image,
		    piece->text));
		return field ? http_field_value(&x->head, field) : SLICE_NONE;
	case CONTEXT_UPSTREAM_ADDRESS:
		return upstream_call_address(&x->call);
	default:
		return SLICE_NONE;
	}
}

/* The value of a $context variable, escaped for a log of this kind. */
void
context_write(const struct exchange *x, const struct image_piece *piece,
    bool json, struct buf *out)
{
	const struct loop *loop = &x->gateway->loop;
	uint64_t now = loop->wheel.now;

	switch ((enum image_context)piece->arg) {
	case CONTEXT_SOURCE_IP:
		peer_write(&x->peer, out);
		break;
	case CONTEXT_STATUS:
		number_write(x->status, x->status != 0, out);
		break;
	case CONTEXT_INTEGRATION_STATUS:
		number_write(x->integration_status,
		    x->integration_status != 0, out);
		break;
	case CONTEXT_INTEGRATION_LATENCY:
		number_write(x->answered - x->integrated,
		    x->answered != 0, out);
		break;
	case CONTEXT_RESPONSE_LATENCY:
		buf_add_u64(out, now - x->started);
		break;
	case CONTEXT_RESPONSE_LENGTH:
		buf_add_u64(out, x->bytes_out);
		break;
	case CONTEXT_REQUEST_TIME:
		time_write(x->started + loop->wall_offset, out);
		break;
	case CONTEXT_REQUEST_TIME_EPOCH:
		buf_add_u64(out, x->started + loop->wall_offset);
		break;
	case CONTEXT_ERROR_MESSAGE_STRING:
		message_string_write(x, json, out);
		break;
	case CONTEXT_XRAY_TRACE_ID:
		value_write(slice_text(x->trace), json, out);
		break;
	default:
		value_write(text_of(x, piece), json, out);
		break;
	}
}
