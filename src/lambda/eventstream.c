/*
 * lambda/eventstream.c - messages of application/vnd.amazon.eventstream
 *
 * One message: its length, the length of its headers, a CRC-32 of those two,
 * headers, payload, a CRC-32 of all before. Numbers are big-endian. Only
 * events with headers that are texts are written here.
 */

#include "lambda/eventstream.h"

#include "util/crc32.h"

#define FRAME_BYTES	16	/* around headers and payload */
#define HEADER_TEXT	7	/* the type of a header that is a text */

static void
add_u32(struct buf *out, uint32_t value)
{
	unsigned char bytes[4] = { (unsigned char)(value >> 24),
	    (unsigned char)(value >> 16), (unsigned char)(value >> 8),
	    (unsigned char)value };

	buf_add(out, bytes, sizeof bytes);
}

static void
add_header(struct buf *out, struct slice name, struct slice value)
{
	buf_add_char(out, (char)name.len);
	buf_add_slice(out, name);
	buf_add_char(out, HEADER_TEXT);
	buf_add_char(out, (char)(value.len >> 8));
	buf_add_char(out, (char)value.len);
	buf_add_slice(out, value);
}

static size_t
header_size(struct slice name, struct slice value)
{
	return name.len + value.len + 4;
}

static void
add_crc(struct buf *out, size_t from)
{
	add_u32(out, crc32_of(slice_of(out->at + from, out->len - from)));
}

/* An event of this type whose payload is of this media type. */
void
eventstream_add(struct buf *out, struct slice type, struct slice media,
    struct slice payload)
{
	static const struct slice type_name = SLICE(":event-type");
	static const struct slice media_name = SLICE(":content-type");
	static const struct slice kind_name = SLICE(":message-type");
	static const struct slice kind = SLICE("event");
	size_t from = out->len, headers = header_size(type_name, type) +
	    header_size(media_name, media) + header_size(kind_name, kind);

	add_u32(out, (uint32_t)(FRAME_BYTES + headers + payload.len));
	add_u32(out, (uint32_t)headers);
	add_crc(out, from);
	add_header(out, type_name, type);
	add_header(out, media_name, media);
	add_header(out, kind_name, kind);
	buf_add_slice(out, payload);
	add_crc(out, from);
}
