/*
 * gateway/kind_rest.c - what REST APIs do their own way
 *
 * Which fields are dropped, added and remapped (contract, 1.5 and 1.6).
 */

#include "gateway/exchange.h"

#define DROPPED_REQUEST (HTTP_KNOWN_BIT(HOST) | \
    HTTP_KNOWN_BIT(CONTENT_LENGTH) | HTTP_KNOWN_BIT(CONTENT_MD5) | \
    HTTP_KNOWN_BIT(EXPECT) | HTTP_KNOWN_BIT(MAX_FORWARDS) | \
    HTTP_KNOWN_BIT(PROXY_AUTHENTICATE) | HTTP_KNOWN_BIT(SERVER) | \
    HTTP_KNOWN_BIT(TE) | HTTP_KNOWN_BIT(TRANSFER_ENCODING) | \
    HTTP_KNOWN_BIT(TRAILER) | HTTP_KNOWN_BIT(UPGRADE) | \
    HTTP_KNOWN_BIT(WWW_AUTHENTICATE) | HTTP_KNOWN_BIT(CONTENT_ENCODING) | \
    HTTP_KNOWN_BIT(VIA) | HTTP_KNOWN_BIT(X_FORWARDED_FOR) | \
    HTTP_KNOWN_BIT(X_FORWARDED_HOST) | HTTP_KNOWN_BIT(X_FORWARDED_PORT) | \
    HTTP_KNOWN_BIT(X_FORWARDED_PROTO) | HTTP_KNOWN_BIT(FORWARDED) | \
    HTTP_KNOWN_BIT(X_AMZN_TRACE_ID) | \
    HTTP_KNOWN_BIT(X_AMZN_APIGATEWAY_API_ID))

/* Come back as x-amzn-Remapped-NAME. */
#define REMAPPED (HTTP_KNOWN_BIT(AUTHORIZATION) | \
    HTTP_KNOWN_BIT(CONNECTION) | HTTP_KNOWN_BIT(CONTENT_LENGTH) | \
    HTTP_KNOWN_BIT(CONTENT_MD5) | HTTP_KNOWN_BIT(DATE) | \
    HTTP_KNOWN_BIT(EXPECT) | HTTP_KNOWN_BIT(HOST) | \
    HTTP_KNOWN_BIT(MAX_FORWARDS) | HTTP_KNOWN_BIT(PROXY_AUTHENTICATE) | \
    HTTP_KNOWN_BIT(SERVER) | HTTP_KNOWN_BIT(TRAILER) | \
    HTTP_KNOWN_BIT(UPGRADE) | HTTP_KNOWN_BIT(USER_AGENT) | \
    HTTP_KNOWN_BIT(WWW_AUTHENTICATE) | HTTP_KNOWN_BIT(X_AMZN_REQUESTID))

#define DROPPED_ANSWER (REMAPPED | HTTP_KNOWN_BIT(TRANSFER_ENCODING) | \
    HTTP_KNOWN_BIT(VIA) | HTTP_KNOWN_BIT(X_AMZ_APIGW_ID))

static void
answer_ids(const struct exchange *x, struct buf *out)
{
	buf_add(out, "x-amzn-RequestId: ", 18);
	buf_add(out, x->request_id, REQUEST_ID_LEN);
	buf_add(out, "\r\nx-amz-apigw-id: ", 18);
	buf_add(out, x->extended_id, EXTENDED_ID_LEN);
	buf_add(out, "\r\n", 2);
}

static void
answer_extra(const struct exchange *x, const struct http_head *answer,
    struct buf *out)
{
	unsigned i;

	(void)x;
	if ((answer->known_mask & HTTP_KNOWN_BIT(CONTENT_TYPE)) == 0 &&
	    answer->body != HTTP_BODY_NONE)
		buf_add_text(out, "Content-Type: application/json\r\n");
	if ((answer->known_mask & REMAPPED) == 0)
		return;
	for (i = 0; i < answer->nfields; i++) {
		const struct http_field *field = &answer->fields[i];

		if ((UINT64_C(1) << field->known & REMAPPED) == 0)
			continue;
		buf_add(out, "x-amzn-Remapped-", 16);
		buf_add_slice(out, http_field_name(answer, field));
		buf_add(out, ": ", 2);
		buf_add_slice(out, http_field_value(answer, field));
		buf_add(out, "\r\n", 2);
	}
}

/*
 * X-Forwarded-* say who we talk to; what the client claims is not handed on
 * (security, D19). The trace id keeps the client's root.
 */
static void
request_extra(const struct exchange *x, struct buf *out)
{
	const struct image_head *image = image_of(x);

	buf_add_text(out, "X-Forwarded-For: ");
	peer_write(x->transport->peer, out);
	buf_add_text(out, "\r\nX-Forwarded-Port: ");
	port_write(x, out);
	buf_add_text(out, "\r\nX-Forwarded-Proto: http\r\n"
	    "X-Amzn-Apigateway-Api-Id: ");
	buf_add_slice(out, image_slice(image, x->match.api->id));
	buf_add_text(out, "\r\nX-Amzn-Trace-Id: ");
	trace_write(x, out);
	buf_add(out, "\r\n", 2);
}

static const struct kind kind = {
	.request_dropped = DROPPED_REQUEST,
	.answer_dropped = DROPPED_ANSWER,
	.joins_repeated = true,
	.answer_ids = answer_ids,
	.answer_extra = answer_extra,
	.request_extra = request_extra,
};

const struct kind *
kind_rest(void)
{
	return &kind;
}
