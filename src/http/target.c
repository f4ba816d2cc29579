/*
 * http/target.c - what a path says, and whether it says only one thing
 *
 * A path goes on as it was received; whoever decides on it must know that no
 * other reader of the same bytes sees another resource. So spellings with
 * which readers differ are refused, the rest of the oddities are reported.
 */

#include "http/target.h"

#include "util/span.h"
#include "util/text.h"

/* The segment so far: how many dots it is, or that it is something else. */
enum { SEGMENT_OTHER = 3 };

struct walk {
	struct http_target *facts;
	unsigned dots;		/* 0 to 2, or SEGMENT_OTHER */
	unsigned length;	/* bytes of the segment, escapes as one */
};

/* "." and ".." are refused, also when parameters follow them. */
static bool
end_segment(struct walk *walk, bool slash)
{
	bool dotted = walk->dots == 1 || walk->dots == 2;

	if (slash && walk->length == 0)
		walk->facts->has_empty_segments = true;
	walk->dots = walk->length = 0;
	return !dotted;
}

/* One byte of the decoded path. */
static bool
take_byte(struct walk *walk, unsigned char byte, bool escaped)
{
	if (byte < 0x20 || byte == 0x7f)
		return false;
	if (byte == '/' || byte == '\\') {
		if (escaped || byte == '\\') {
			walk->facts->has_escaped_slash = true;
			if (walk->dots == 1 || walk->dots == 2)
				return false;
			walk->dots = 0;
			walk->length++;
			return true;
		}
		return end_segment(walk, true);
	}
	if (byte == ';') {
		walk->facts->has_parameters = true;
		if (walk->dots == 1 || walk->dots == 2)
			return false;
	}
	if (byte == '.' && walk->dots < SEGMENT_OTHER)
		walk->dots++;
	else
		walk->dots = SEGMENT_OTHER;
	walk->length++;
	return true;
}

static bool
unreserved(unsigned char byte)
{
	return (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' ||
	    byte == '_' || byte == '~' ||
	    ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
}

/* 0 to 255, or -1 when no escape stands there. */
static int
escape_at(struct slice path, size_t at)
{
	int high, low;

	if (at + 2 >= path.len || path.at[at] != '%')
		return -1;
	high = text_hex_digit(path.at[at + 1]);
	low = text_hex_digit(path.at[at + 2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/*
 * The overlong UTF-8 forms of ASCII and of other short characters: careless
 * decoders see dots and slashes in them.
 */
static bool
overlong(int lead, int next)
{
	return ((lead == 0xc0 || lead == 0xc1) && (next & 0xc0) == 0x80) ||
	    (lead == 0xe0 && next >= 0x80 && next <= 0x9f) ||
	    (lead == 0xf0 && next >= 0x80 && next <= 0x8f);
}

static bool
take_escape(struct walk *walk, struct slice path, size_t at)
{
	int byte = escape_at(path, at), next;

	if (byte < 0)
		return false;
	next = escape_at(path, at + 3);
	if (next >= 0 && overlong(byte, next))
		return false;
	walk->facts->has_escapes = true;
	if (unreserved((unsigned char)byte))
		walk->facts->has_needless_escapes = true;
	return take_byte(walk, (unsigned char)byte, true);
}

/* Bytes that say more than themselves. */
static const unsigned char special[256] = {
	['%'] = 1,
	['.'] = 1,
	['/'] = 1,
	[';'] = 1,
	['\\'] = 1,
};

/* The plain bytes from at on; returns where they end. */
static size_t
take_plain(struct walk *walk, struct slice path, size_t at)
{
	size_t from = at;

	while (at < path.len && !special[(unsigned char)path.at[at]])
		at++;
	if (at > from) {
		walk->dots = SEGMENT_OTHER;
		walk->length += (unsigned)(at - from);
	}
	return at;
}

static int
check_path(struct slice path, struct http_target *facts)
{
	struct walk walk = { .facts = facts };
	size_t at = 1;

	if (path.len == 0 || *path.at != '/')
		return -1;
	while ((at = take_plain(&walk, path, at)) < path.len) {
		if (path.at[at] == '%') {
			if (!take_escape(&walk, path, at))
				return -1;
			at += 3;
		} else if (!take_byte(
			       &walk, (unsigned char)path.at[at++], false)) {
			return -1;
		}
	}
	return end_segment(&walk, false) ? 0 : -1;
}

/*
 * Judge a target that begins with '/' (the path with or without its query).
 * 0 and its facts, or -1 when it is to be answered with 400: bytes outside
 * 0x21 to 0x7e, '#', and in the path broken escapes, escaped controls,
 * overlong UTF-8, and segments that are "." or ".." in whatever spelling. The
 * query is for the backend: its escapes are not judged.
 */
int
http_target_check(struct slice target, struct http_target *facts_r)
{
	const char *end = target.at + target.len;

	*facts_r = (struct http_target){ 0 };
	if (target.len == 0 || span_visible(target.at, end) != end ||
	    memchr(target.at, '#', target.len) != NULL)
		return -1;
	facts_r->path = slice_until(&target, '?');
	facts_r->query = target;
	facts_r->has_query = target.at != NULL;
	return check_path(facts_r->path, facts_r);
}

/* Escapes resolved; to has room for path.len bytes. Returns the length. */
size_t
http_target_decode(struct slice path, char *to)
{
	size_t at = 0, len = 0;
	int byte;

	while (at < path.len) {
		byte = escape_at(path, at);
		to[len++] = byte >= 0 ? (char)byte : path.at[at];
		at += byte >= 0 ? 3 : 1;
	}
	return len;
}
