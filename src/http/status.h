/* http/status.h - status lines, and why a message was refused */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

#include "util/buf.h"

/*
 * Why a head or a body was refused. For requests each has the status of the
 * answer; a refused answer of a backend is a 502, whatever the reason.
 * The connection never survives a refusal.
 */
enum http_refusal {
	HTTP_REFUSE_NOTHING,
	HTTP_REFUSE_BAD_HEAD,		/* 400: not the syntax of a head */
	HTTP_REFUSE_BAD_VERSION,	/* 505: HTTP, but neither 1.0 nor 1.1 */
	HTTP_REFUSE_BAD_METHOD,		/* 501: unknown, or CONNECT */
	HTTP_REFUSE_BAD_TARGET,		/* 400 */
	HTTP_REFUSE_BAD_HOST,		/* 400: none, several, invalid, other */
	HTTP_REFUSE_BAD_FRAMING,	/* 400: length or transfer coding */
	HTTP_REFUSE_BAD_CHUNK,		/* 400: chunked body */
	HTTP_REFUSE_BAD_EXPECT,		/* 417 */
	HTTP_REFUSE_TARGET_TOO_LONG,	/* 414 */
	HTTP_REFUSE_HEAD_TOO_LARGE,	/* 431: bytes of the head */
	HTTP_REFUSE_FIELDS_TOO_LARGE,	/* 431: bytes of the fields */
	HTTP_REFUSE_TOO_MANY_FIELDS,	/* 431 */
	HTTP_REFUSE_BAD_STATUS,		/* answers: not 100 to 599 */
	HTTP_REFUSALS,
};

unsigned http_refusal_status(enum http_refusal why);
const char *http_refusal_reason(enum http_refusal why);

struct slice http_status_phrase(unsigned status);
void http_status_write(struct buf *out, unsigned status);

#endif
