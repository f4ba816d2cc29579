/*
 * http/status.c - status lines, and why a message was refused
 *
 * Two tables and their readers. Phrases are those of RFC 9110, 15 and the
 * registry it founds; they are for people, no program may depend on them.
 */

#include "http/status.h"

struct refusal {
	unsigned status;
	const char *reason;	/* a word for the log */
};

static const struct refusal refusals[HTTP_REFUSALS] = {
	[HTTP_REFUSE_NOTHING] = { 0, "none" },
	[HTTP_REFUSE_BAD_HEAD] = { 400, "bad_head" },
	[HTTP_REFUSE_BAD_VERSION] = { 505, "bad_version" },
	[HTTP_REFUSE_BAD_METHOD] = { 501, "bad_method" },
	[HTTP_REFUSE_BAD_TARGET] = { 400, "bad_target" },
	[HTTP_REFUSE_BAD_HOST] = { 400, "bad_host" },
	[HTTP_REFUSE_BAD_FRAMING] = { 400, "bad_framing" },
	[HTTP_REFUSE_BAD_CHUNK] = { 400, "bad_chunk" },
	[HTTP_REFUSE_BAD_EXPECT] = { 417, "bad_expect" },
	[HTTP_REFUSE_TARGET_TOO_LONG] = { 414, "target_too_long" },
	[HTTP_REFUSE_HEAD_TOO_LARGE] = { 431, "head_too_large" },
	[HTTP_REFUSE_FIELDS_TOO_LARGE] = { 431, "fields_too_large" },
	[HTTP_REFUSE_TOO_MANY_FIELDS] = { 431, "too_many_fields" },
	[HTTP_REFUSE_BAD_STATUS] = { 502, "bad_status" },
};

#define LINE_BEFORE 13	/* bytes of "HTTP/1.1 200 " */
#define LINE(text)                                        \
	{                                                 \
		"HTTP/1.1 " text "\r\n", sizeof text + 10 \
	}

/* From 100 on. */
static const struct slice lines[] = {
	[0] = LINE("100 Continue"),
	[1] = LINE("101 Switching Protocols"),
	[2] = LINE("102 Processing"),
	[3] = LINE("103 Early Hints"),
	[100] = LINE("200 OK"),
	[101] = LINE("201 Created"),
	[102] = LINE("202 Accepted"),
	[103] = LINE("203 Non-Authoritative Information"),
	[104] = LINE("204 No Content"),
	[105] = LINE("205 Reset Content"),
	[106] = LINE("206 Partial Content"),
	[107] = LINE("207 Multi-Status"),
	[108] = LINE("208 Already Reported"),
	[126] = LINE("226 IM Used"),
	[200] = LINE("300 Multiple Choices"),
	[201] = LINE("301 Moved Permanently"),
	[202] = LINE("302 Found"),
	[203] = LINE("303 See Other"),
	[204] = LINE("304 Not Modified"),
	[205] = LINE("305 Use Proxy"),
	[207] = LINE("307 Temporary Redirect"),
	[208] = LINE("308 Permanent Redirect"),
	[300] = LINE("400 Bad Request"),
	[301] = LINE("401 Unauthorized"),
	[302] = LINE("402 Payment Required"),
	[303] = LINE("403 Forbidden"),
	[304] = LINE("404 Not Found"),
	[305] = LINE("405 Method Not Allowed"),
	[306] = LINE("406 Not Acceptable"),
	[307] = LINE("407 Proxy Authentication Required"),
	[308] = LINE("408 Request Timeout"),
	[309] = LINE("409 Conflict"),
	[310] = LINE("410 Gone"),
	[311] = LINE("411 Length Required"),
	[312] = LINE("412 Precondition Failed"),
	[313] = LINE("413 Content Too Large"),
	[314] = LINE("414 URI Too Long"),
	[315] = LINE("415 Unsupported Media Type"),
	[316] = LINE("416 Range Not Satisfiable"),
	[317] = LINE("417 Expectation Failed"),
	[321] = LINE("421 Misdirected Request"),
	[322] = LINE("422 Unprocessable Content"),
	[323] = LINE("423 Locked"),
	[324] = LINE("424 Failed Dependency"),
	[325] = LINE("425 Too Early"),
	[326] = LINE("426 Upgrade Required"),
	[328] = LINE("428 Precondition Required"),
	[329] = LINE("429 Too Many Requests"),
	[331] = LINE("431 Request Header Fields Too Large"),
	[351] = LINE("451 Unavailable For Legal Reasons"),
	[400] = LINE("500 Internal Server Error"),
	[401] = LINE("501 Not Implemented"),
	[402] = LINE("502 Bad Gateway"),
	[403] = LINE("503 Service Unavailable"),
	[404] = LINE("504 Gateway Timeout"),
	[405] = LINE("505 HTTP Version Not Supported"),
	[406] = LINE("506 Variant Also Negotiates"),
	[407] = LINE("507 Insufficient Storage"),
	[408] = LINE("508 Loop Detected"),
	[410] = LINE("510 Not Extended"),
	[411] = LINE("511 Network Authentication Required"),
};

/* Status of the answer to a request refused for this. */
unsigned
http_refusal_status(enum http_refusal why)
{
	return refusals[why].status;
}

/* One word for the log; constant. */
const char *
http_refusal_reason(enum http_refusal why)
{
	return refusals[why].reason;
}

static struct slice
line_of(unsigned status)
{
	if (status < 100 || status - 100 >= sizeof lines / sizeof *lines)
		return SLICE_NONE;
	return lines[status - 100];
}

/* The usual words for a status; empty for one that has none. Constant. */
struct slice
http_status_phrase(unsigned status)
{
	struct slice line = line_of(status);

	if (line.len == 0)
		return SLICE_NONE;
	return slice_of(line.at + LINE_BEFORE, line.len - LINE_BEFORE - 2);
}

/* Appends "HTTP/1.1 200 OK\r\n"; the blank stays when there is no phrase. */
void
http_status_write(struct buf *out, unsigned status)
{
	struct slice line = line_of(status);

	if (line.len > 0) {
		buf_add_slice(out, line);
		return;
	}
	buf_add_slice(out, SLICE("HTTP/1.1 "));
	buf_add_u64(out, status);
	buf_add_slice(out, SLICE(" \r\n"));
}
