/*
 * http_feed.h - one head through scan, parser and framing, cut anyhow
 *
 * Every piece is handed over in memory of its exact size, so that a sanitizer
 * sees each byte read too far.
 */
#ifndef HTTP_FEED_H
#define HTTP_FEED_H

#include <check.h>
#include <stdlib.h>

#include "http/framing.h"
#include "http/parse.h"
#include "http/scan.h"

#define FEED_MORE (-1)	/* not refused, but no whole head either */

#define ck_slice(got, text) \
	do { \
		struct slice got_ = (got); \
		ck_assert_msg(slice_eq(got_, slice_text(text)), \
		    "\"%.*s\" is not \"%s\"", (int)got_.len, got_.at, \
		    (text) != NULL ? (text) : ""); \
	} while (0)

struct feed {
	struct http_limits limits;
	enum http_side side;
	unsigned method;	/* of the request that an answer is for */
	struct http_field fields[HTTP_FIELDS_MAX];
	struct http_head head;
	struct http_scan scan;
	char *bytes;		/* what head points into */
};

static inline void
feed_open(struct feed *feed, enum http_side side)
{
	*feed = (struct feed){ .side = side, .method = HTTP_VERB_GET };
	feed->limits = (struct http_limits){ 16384, 8192, 10240, 100 };
}

static inline void
feed_close(struct feed *feed)
{
	free(feed->bytes);
	feed->bytes = NULL;
}

/* The first len bytes of text stand in memory of their own. */
static inline void
feed_bytes(struct feed *feed, const char *text, size_t len)
{
	free(feed->bytes);
	feed->bytes = malloc(len);
	ck_assert(len == 0 || feed->bytes != NULL);
	if (len > 0)
		memcpy(feed->bytes, text, len);
}

static inline int
feed_head(struct feed *feed)
{
	struct http_head *head = &feed->head;
	enum http_refusal why = HTTP_REFUSE_NOTHING;
	const char *at = feed->bytes + feed->scan.start;
	size_t size = feed->scan.at - feed->scan.start;

	head->fields = feed->fields;
	head->fields_max = HTTP_FIELDS_MAX;
	if (feed->side == HTTP_SIDE_REQUEST) {
		if (http_parse_request(at, size, head, &why) < 0 ||
		    http_framing_request(head, &why) < 0)
			return (int)why;
	} else if (http_parse_response(at, size, head, &why) < 0 ||
	    http_framing_response(head, feed->method, &why) < 0) {
		return (int)why;
	}
	return 0;
}

/* step bytes at a time. 0: accepted; FEED_MORE; or an enum http_refusal. */
static inline int
feed_run(struct feed *feed, const char *text, size_t len, size_t step)
{
	enum http_refusal why = HTTP_REFUSE_NOTHING;
	size_t have = 0;
	int scanned = 0;

	memset(&feed->scan, 0, sizeof feed->scan);
	while (scanned == 0 && have < len) {
		have = len - have < step ? len : have + step;
		feed_bytes(feed, text, have);
		scanned = http_scan(&feed->scan, feed->side, feed->bytes, have,
		    &feed->limits, &why);
		ck_assert_uint_le(feed->scan.at, have);
	}
	if (scanned < 0)
		return (int)why;
	return scanned == 0 ? FEED_MORE : feed_head(feed);
}

#endif
