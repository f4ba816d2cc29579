/*
 * lambda/event_parts.c - strings, times, pairs and bodies of an event
 *
 * The small parts that every kind of event is put together from.
 */

#include <time.h>

#include "lambda/event_private.h"
#include "lambda/media.h"
#include "util/arena.h"
#include "util/base64.h"
#include "util/text.h"

#define BODY_PIECE	65536	/* escaped between two looks at the limit */

/* key stands with its comma, quotes and colon: SLICE(",\"path\":"). */
void
event_text(struct buf *out, struct slice key, struct slice text)
{
	buf_add_slice(out, key);
	buf_add_char(out, '"');
	text_json_escape(out, text);
	buf_add_char(out, '"');
}

void
event_text_or_null(struct buf *out, struct slice key, struct slice text)
{
	if (text.at != NULL) {
		event_text(out, key, text);
		return;
	}
	buf_add_slice(out, key);
	event_add(out, SLICE("null"));
}

/*
 * text with its %XX as bytes, and '+' as a blank when plus; what is no %XX
 * stays. In the arena when something had to change.
 */
struct slice
event_decode(struct arena *arena, struct slice text, bool plus)
{
	size_t i, len = 0;
	char *to;

	if (text.len == 0 || (memchr(text.at, '%', text.len) == NULL &&
	    (!plus || memchr(text.at, '+', text.len) == NULL)))
		return text;
	to = arena_alloc(arena, text.len);
	for (i = 0; i < text.len; i++) {
		int high = -1, low = -1;

		if (text.at[i] == '%' && text.len - i > 2) {
			high = text_hex_digit(text.at[i + 1]);
			low = text_hex_digit(text.at[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			to[len++] = (char)(high << 4 | low);
			i += 2;
		} else {
			to[len++] = plus && text.at[i] == '+' ? ' ' :
			    text.at[i];
		}
	}
	return slice_of(to, len);
}

/* The domain up to its first dot. */
struct slice
event_domain_prefix(const struct lambda_request *request)
{
	struct slice rest = request->domain_name;

	return slice_until(&rest, '.');
}

/* Pairs as an object; null when there are none. */
void
event_pairs_write(struct arena *arena, const struct lambda_pair *pairs,
    unsigned npairs, bool decode, struct buf *out)
{
	unsigned i;

	if (npairs == 0) {
		event_add(out, SLICE("null"));
		return;
	}
	for (i = 0; i < npairs; i++) {
		buf_add_char(out, i == 0 ? '{' : ',');
		event_text(out, SLICE_NONE, pairs[i].name);
		event_text(out, SLICE(":"), decode ?
		    event_decode(arena, pairs[i].value, false) :
		    pairs[i].value);
	}
	buf_add_char(out, '}');
}

static void
two_digits(char *to, int value)
{
	to[0] = (char)('0' + value / 10 % 10);
	to[1] = (char)('0' + value % 10);
}

/* "10/Mar/2024:16:43:07 +0000", with its quotes. */
void
event_time_write(uint64_t time_ms, struct buf *out)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t when = (time_t)(time_ms / 1000);
	char text[] = "\"00/Mon/0000:00:00:00 +0000\"";
	struct tm tm;

	gmtime_r(&when, &tm);
	two_digits(text + 1, tm.tm_mday);
	memcpy(text + 4, months + 3 * tm.tm_mon, 3);
	two_digits(text + 8, (tm.tm_year + 1900) / 100);
	two_digits(text + 10, tm.tm_year % 100);
	two_digits(text + 13, tm.tm_hour);
	two_digits(text + 16, tm.tm_min);
	two_digits(text + 19, tm.tm_sec);
	buf_add(out, text, sizeof text - 1);
}

/* The first bytes of a body, not ending inside a character. */
static struct slice
cut_piece(struct slice *rest)
{
	size_t len = rest->len < BODY_PIECE ? rest->len : BODY_PIECE, back;
	struct slice piece;

	for (back = 0; back < 3 && len < rest->len &&
	    ((unsigned char)rest->at[len - back] & 0xc0) == 0x80; back++)
		;
	piece = slice_of(rest->at, len < rest->len ? len - back : len);
	rest->at += piece.len;
	rest->len -= piece.len;
	return piece;
}

/*
 * The body as a string, base64 when encode. start is where the event begins
 * in out. -1 when that makes it too large.
 */
int
event_body_write(const struct lambda_request *request, bool encode,
    size_t start, struct buf *out)
{
	struct slice rest = request->body;
	size_t most = request->most == 0 ? SIZE_MAX : request->most;
	size_t least = encode ? BASE64_SIZE(rest.len) : rest.len;

	if (least > most)
		return -1;
	buf_add_char(out, '"');
	if (encode)
		base64_encode(out, rest);
	while (!encode && rest.len > 0) {
		text_json_escape(out, cut_piece(&rest));
		if (out->len - start > most)
			return -1;
	}
	buf_add_char(out, '"');
	return 0;
}

/*
 * HTTP APIs: by its Content-Type (contract, 4.4). A compressed body is bytes
 * whatever the type of what is in it.
 */
bool
event_body_is_text(const struct lambda_request *request)
{
	struct slice coding = http_head_value(request->head,
	    HTTP_KNOWN_CONTENT_ENCODING);

	if (coding.len > 0 && !slice_eq_nocase(coding, SLICE("identity")))
		return false;
	return media_is_text(http_head_value(request->head,
	    HTTP_KNOWN_CONTENT_TYPE));
}
