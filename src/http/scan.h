/* http/scan.h - is this the head of a message, and where does it end? */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#include "http/message.h"
#include "http/status.h"

struct http_limits {
	uint32_t head_bytes;	/* start line, fields, empty line: else 431 */
	uint32_t target_bytes;	/* else 414 */
	uint32_t field_bytes;	/* all field lines with their ends: else 431 */
	uint32_t fields;	/* their number: else 431 */
};

enum http_side {
	HTTP_SIDE_REQUEST,
	HTTP_SIDE_ANSWER,
};

/* How far a head has been checked. Filled with zeros before its first byte. */
struct http_scan {
	uint32_t at;		/* every byte before it has been checked */
	uint32_t start;		/* of the head: 2 behind an empty line, or 0 */
	uint32_t mark;		/* of the token or line being checked */
	uint32_t fields_at;	/* of the first field line */
	uint16_t fields;	/* field lines begun */
	uint8_t phase;
};

int http_scan(struct http_scan *scan, enum http_side side, const char *data,
    size_t len, const struct http_limits *limits, enum http_refusal *why_r);

#endif
