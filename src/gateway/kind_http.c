/*
 * gateway/kind_http.c - what HTTP APIs do their own way
 *
 * Field names are lower-case, ids and forwarding have other names than REST's
 * (contract, 5.1).
 */

#include "gateway/exchange.h"

#define DROPPED_REQUEST (HTTP_KNOWN_BIT(HOST) | \
    HTTP_KNOWN_BIT(CONTENT_LENGTH) | HTTP_KNOWN_BIT(EXPECT) | \
    HTTP_KNOWN_BIT(TE) | HTTP_KNOWN_BIT(TRANSFER_ENCODING) | \
    HTTP_KNOWN_BIT(TRAILER) | HTTP_KNOWN_BIT(UPGRADE) | \
    HTTP_KNOWN_BIT(X_FORWARDED_FOR) | HTTP_KNOWN_BIT(X_FORWARDED_HOST) | \
    HTTP_KNOWN_BIT(X_FORWARDED_PORT) | HTTP_KNOWN_BIT(X_FORWARDED_PROTO) | \
    HTTP_KNOWN_BIT(FORWARDED) | HTTP_KNOWN_BIT(X_AMZN_TRACE_ID))

#define DROPPED_ANSWER (HTTP_KNOWN_BIT(CONTENT_LENGTH) | \
    HTTP_KNOWN_BIT(TRANSFER_ENCODING) | HTTP_KNOWN_BIT(UPGRADE) | \
    HTTP_KNOWN_BIT(TRAILER) | HTTP_KNOWN_BIT(APIGW_REQUESTID))

static void
answer_ids(const struct exchange *x, struct buf *out)
{
	buf_add(out, "Apigw-Requestid: ", 17);
	buf_add(out, x->extended_id, EXTENDED_ID_LEN);
	buf_add(out, "\r\n", 2);
}

static void
answer_extra(const struct exchange *x, const struct http_head *answer,
    struct buf *out)
{
	(void)x;
	(void)answer;
	(void)out;
}

/* An IPv6 address stands in brackets and quotes (RFC 7239, 6). */
static void
node_write(const struct http_peer *peer, struct buf *out)
{
	if (peer->family == 6)
		buf_add_text(out, "\"[");
	peer_write(peer, out);
	if (peer->family == 6)
		buf_add_text(out, "]\"");
}

static void
request_extra(const struct exchange *x, struct buf *out)
{
	bool quoted = x->head.host.len > 0 &&
	    memchr(x->head.host.at, ':', x->head.host.len) != NULL;

	buf_add_text(out, "Forwarded: by=_gatehouse;for=");
	node_write(x->transport->peer, out);
	buf_add_text(out, quoted ? ";host=\"" : ";host=");
	buf_add_slice(out, x->head.host);
	buf_add_text(out, quoted ? "\";proto=http\r\n" : ";proto=http\r\n");
	buf_add_text(out, "X-Amzn-Trace-Id: ");
	trace_write(x, out);
	buf_add(out, "\r\n", 2);
}

static const struct kind kind = {
	.request_dropped = DROPPED_REQUEST,
	.answer_dropped = DROPPED_ANSWER,
	.answer_ids = answer_ids,
	.answer_extra = answer_extra,
	.request_extra = request_extra,
};

const struct kind *
kind_http(void)
{
	return &kind;
}
