/*
 * http/message.c - field names that matter, and finding fields by them
 *
 * A name is recognised by its length first, then by a compare that does not
 * mind case; nothing is copied or lower-cased. Names are tokens here: who
 * hands over other bytes gets no promise but that none is read beyond the end.
 */

#include "http/message.h"

#define LONGEST 32	/* of the names below */
#define SAME_LENGTH 8	/* more than names of one length */

_Static_assert(HTTP_KNOWN_END <= 64, "known names share a 64-bit mask");

/* Lower case, as the compare wants it. */
static const struct slice names[HTTP_KNOWN_END] = {
#define NAME(known, text) [HTTP_KNOWN_##known] = { text, sizeof text - 1 }
	NAME(ACCEPT, "accept"),
	NAME(ACCEPT_ENCODING, "accept-encoding"),
	NAME(ACCESS_CONTROL_ALLOW_CREDENTIALS,
	    "access-control-allow-credentials"),
	NAME(ACCESS_CONTROL_ALLOW_HEADERS, "access-control-allow-headers"),
	NAME(ACCESS_CONTROL_ALLOW_METHODS, "access-control-allow-methods"),
	NAME(ACCESS_CONTROL_ALLOW_ORIGIN, "access-control-allow-origin"),
	NAME(ACCESS_CONTROL_EXPOSE_HEADERS, "access-control-expose-headers"),
	NAME(ACCESS_CONTROL_MAX_AGE, "access-control-max-age"),
	NAME(ACCESS_CONTROL_OTHER, "access-control-"),
	NAME(ACCESS_CONTROL_REQUEST_HEADERS, "access-control-request-headers"),
	NAME(ACCESS_CONTROL_REQUEST_METHOD, "access-control-request-method"),
	NAME(APIGW_REQUESTID, "apigw-requestid"),
	NAME(AUTHORIZATION, "authorization"),
	NAME(CONNECTION, "connection"),
	NAME(CONTENT_ENCODING, "content-encoding"),
	NAME(CONTENT_LENGTH, "content-length"),
	NAME(CONTENT_MD5, "content-md5"),
	NAME(CONTENT_TYPE, "content-type"),
	NAME(COOKIE, "cookie"),
	NAME(DATE, "date"),
	NAME(EXPECT, "expect"),
	NAME(FORWARDED, "forwarded"),
	NAME(HOST, "host"),
	NAME(KEEP_ALIVE, "keep-alive"),
	NAME(MAX_FORWARDS, "max-forwards"),
	NAME(ORIGIN, "origin"),
	NAME(PROXY_AUTHENTICATE, "proxy-authenticate"),
	NAME(PROXY_AUTHORIZATION, "proxy-authorization"),
	NAME(PROXY_CONNECTION, "proxy-connection"),
	NAME(REFERER, "referer"),
	NAME(SEC_WEBSOCKET_VERSION, "sec-websocket-version"),
	NAME(SERVER, "server"),
	NAME(TE, "te"),
	NAME(TRAILER, "trailer"),
	NAME(TRANSFER_ENCODING, "transfer-encoding"),
	NAME(UPGRADE, "upgrade"),
	NAME(USER_AGENT, "user-agent"),
	NAME(VARY, "vary"),
	NAME(VIA, "via"),
	NAME(WWW_AUTHENTICATE, "www-authenticate"),
	NAME(X_AMZN_APIGATEWAY_API_ID, "x-amzn-apigateway-api-id"),
	NAME(X_AMZN_ERRORTYPE, "x-amzn-errortype"),
	NAME(X_AMZN_REQUESTID, "x-amzn-requestid"),
	NAME(X_AMZN_TRACE_ID, "x-amzn-trace-id"),
	NAME(X_AMZ_APIGW_ID, "x-amz-apigw-id"),
	NAME(X_API_KEY, "x-api-key"),
	NAME(X_APIGW_API_ID, "x-apigw-api-id"),
	NAME(X_FORWARDED_FOR, "x-forwarded-for"),
	NAME(X_FORWARDED_HOST, "x-forwarded-host"),
	NAME(X_FORWARDED_PORT, "x-forwarded-port"),
	NAME(X_FORWARDED_PROTO, "x-forwarded-proto"),
	NAME(X_HTTP_METHOD_OVERRIDE, "x-http-method-override"),
#undef NAME
};

/* The same by length; rows end with a zero. */
static const uint8_t by_length[LONGEST + 1][SAME_LENGTH] = {
	[2] = { HTTP_KNOWN_TE },
	[3] = { HTTP_KNOWN_VIA },
	[4] = { HTTP_KNOWN_HOST, HTTP_KNOWN_DATE, HTTP_KNOWN_VARY },
	[6] = { HTTP_KNOWN_ACCEPT, HTTP_KNOWN_COOKIE, HTTP_KNOWN_ORIGIN,
	    HTTP_KNOWN_EXPECT, HTTP_KNOWN_SERVER },
	[7] = { HTTP_KNOWN_REFERER, HTTP_KNOWN_TRAILER, HTTP_KNOWN_UPGRADE },
	[9] = { HTTP_KNOWN_FORWARDED, HTTP_KNOWN_X_API_KEY },
	[10] = { HTTP_KNOWN_USER_AGENT, HTTP_KNOWN_CONNECTION,
	    HTTP_KNOWN_KEEP_ALIVE },
	[11] = { HTTP_KNOWN_CONTENT_MD5 },
	[12] = { HTTP_KNOWN_CONTENT_TYPE, HTTP_KNOWN_MAX_FORWARDS },
	[13] = { HTTP_KNOWN_AUTHORIZATION },
	[14] = { HTTP_KNOWN_CONTENT_LENGTH, HTTP_KNOWN_X_AMZ_APIGW_ID,
	    HTTP_KNOWN_X_APIGW_API_ID },
	[15] = { HTTP_KNOWN_ACCEPT_ENCODING, HTTP_KNOWN_X_FORWARDED_FOR,
	    HTTP_KNOWN_X_AMZN_TRACE_ID, HTTP_KNOWN_APIGW_REQUESTID,
	    HTTP_KNOWN_ACCESS_CONTROL_OTHER },
	[16] = { HTTP_KNOWN_CONTENT_ENCODING, HTTP_KNOWN_PROXY_CONNECTION,
	    HTTP_KNOWN_WWW_AUTHENTICATE, HTTP_KNOWN_X_AMZN_REQUESTID,
	    HTTP_KNOWN_X_AMZN_ERRORTYPE, HTTP_KNOWN_X_FORWARDED_HOST,
	    HTTP_KNOWN_X_FORWARDED_PORT },
	[17] = { HTTP_KNOWN_TRANSFER_ENCODING, HTTP_KNOWN_X_FORWARDED_PROTO },
	[18] = { HTTP_KNOWN_PROXY_AUTHENTICATE },
	[19] = { HTTP_KNOWN_PROXY_AUTHORIZATION },
	[21] = { HTTP_KNOWN_SEC_WEBSOCKET_VERSION },
	[22] = { HTTP_KNOWN_ACCESS_CONTROL_MAX_AGE,
	    HTTP_KNOWN_X_HTTP_METHOD_OVERRIDE },
	[24] = { HTTP_KNOWN_X_AMZN_APIGATEWAY_API_ID },
	[27] = { HTTP_KNOWN_ACCESS_CONTROL_ALLOW_ORIGIN },
	[28] = { HTTP_KNOWN_ACCESS_CONTROL_ALLOW_HEADERS,
	    HTTP_KNOWN_ACCESS_CONTROL_ALLOW_METHODS },
	[29] = { HTTP_KNOWN_ACCESS_CONTROL_REQUEST_METHOD,
	    HTTP_KNOWN_ACCESS_CONTROL_EXPOSE_HEADERS },
	[30] = { HTTP_KNOWN_ACCESS_CONTROL_REQUEST_HEADERS },
	[32] = { HTTP_KNOWN_ACCESS_CONTROL_ALLOW_CREDENTIALS },
};

static uint64_t
lower_word(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof word);
	return word | UINT64_C(0x2020202020202020);
}

/*
 * Does the token at `at` say lower, case aside? Letters, digits and '-' of
 * lower have bit 0x20 set, and among token characters only the other case of
 * the same letter differs from them in that bit alone.
 */
static bool
says(const char *at, const char *lower, size_t len)
{
	size_t i;

	if (len < 8) {
		for (i = 0; i < len; i++)
			if ((at[i] | 0x20) != lower[i])
				return false;
		return true;
	}
	for (i = 0; i + 8 < len; i += 8)
		if (lower_word(at + i) != lower_word(lower + i))
			return false;
	return lower_word(at + len - 8) == lower_word(lower + len - 8);
}

/* Which of the names above is it? HTTP_KNOWN_NONE for any other. */
enum http_known
http_known_of(struct slice name)
{
	const uint8_t *known;
	unsigned i;

	if (name.len <= LONGEST) {
		known = by_length[name.len];
		for (i = 0; i < SAME_LENGTH && known[i] != 0; i++)
			if (says(name.at, names[known[i]].at, name.len))
				return known[i];
	}
	if (name.len > 15 && says(name.at, "access-control-", 15))
		return HTTP_KNOWN_ACCESS_CONTROL_OTHER;
	return HTTP_KNOWN_NONE;
}

/*
 * What a backend that reads '_' for '-' (CGI's variables know no difference)
 * would take the name for. HTTP_KNOWN_NONE when it has no '_', or when the
 * name is nobody's twin.
 */
enum http_known
http_known_twin_of(struct slice name)
{
	char dashed[64];
	size_t i;

	if (name.len == 0 || name.len > sizeof dashed ||
	    memchr(name.at, '_', name.len) == NULL)
		return HTTP_KNOWN_NONE;
	for (i = 0; i < name.len; i++)
		dashed[i] = name.at[i] == '_' ? '-' : name.at[i];
	return http_known_of(slice_of(dashed, name.len));
}

/* Lower case; empty for HTTP_KNOWN_NONE. Constant. */
struct slice
http_known_name(enum http_known known)
{
	return names[known];
}

/* The first field of that name, or NULL. */
const struct http_field *
http_head_find(const struct http_head *head, enum http_known known)
{
	unsigned i;

	if ((head->known_mask >> known & 1) == 0)
		return NULL;
	for (i = 0; i < head->nfields; i++)
		if (head->fields[i].known == known)
			return &head->fields[i];
	return NULL;
}

/* The same for any name, case aside. */
const struct http_field *
http_head_find_name(const struct http_head *head, struct slice name)
{
	unsigned i;

	for (i = 0; i < head->nfields; i++)
		if (slice_eq_nocase(
			http_field_name(head, &head->fields[i]), name))
			return &head->fields[i];
	return NULL;
}

/* Value of the first field of that name; NULL start when there is none. */
struct slice
http_head_value(const struct http_head *head, enum http_known known)
{
	const struct http_field *field = http_head_find(head, known);

	return field != NULL ? http_field_value(head, field) : SLICE_NONE;
}

static void
move_slice(struct slice *slice, const struct http_head *head, const char *base)
{
	uintptr_t from = (uintptr_t)head->base;

	if ((uintptr_t)slice->at >= from &&
	    (uintptr_t)slice->at < from + head->size)
		slice->at = base + ((uintptr_t)slice->at - from);
}

/* The bytes of the head stand at base now; the old place is not read. */
void
http_head_move(struct http_head *head, const char *base)
{
	move_slice(&head->host, head, base);
	move_slice(&head->path, head, base);
	move_slice(&head->query, head, base);
	head->base = base;
}
