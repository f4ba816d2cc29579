/*
 * auth/sigv4.c - AWS Signature Version 4: signing requests
 *
 * The canonical request is put together, hashed, and signed with a key that
 * is derived for one day, region and service. Keys and what was derived from
 * them are wiped before they leave scope.
 */

#include "auth/sigv4.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "auth/credentials.h"
#include "util/digest.h"
#include "util/mem.h"
#include "util/text.h"

#define HEX_SIZE	(2 * DIGEST_SIZE)
#define STAMP_LEN	16	/* 20150830T123600Z; the day is 8 */

struct signer {
	const struct sigv4_request *request;
	const struct credentials *keys;
	struct sigv4_field *fields;	/* signed: lower-case, in order */
	unsigned nfields;
	char stamp[STAMP_LEN + 1];
	char payload_hash[HEX_SIZE];
};

static bool
unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	    c == '~';
}

static void
encode_char(struct buf *out, char c)
{
	static const char hex[] = "0123456789ABCDEF";
	char form[3] = { '%', hex[(unsigned char)c >> 4],
		hex[(unsigned char)c & 15] };

	if (unreserved(c))
		buf_add_char(out, c);
	else
		buf_add(out, form, sizeof form);
}

/* What was written since start, without its last segment: "/a/b/" -> "/a/". */
static void
pop_segment(struct buf *out, size_t start)
{
	if (out->len > start + 1)
		out->len--;
	while (out->len > start + 1 && out->at[out->len - 1] != '/')
		out->len--;
}

/* One segment and whether a slash came behind it; dots and blanks resolved. */
static void
add_segment(struct buf *out, size_t start, struct slice segment, bool slash)
{
	size_t i;

	if (segment.len == 0 || slice_eq(segment, SLICE(".")))
		return;
	if (slice_eq(segment, SLICE(".."))) {
		pop_segment(out, start);
		return;
	}
	for (i = 0; i < segment.len; i++)
		encode_char(out, segment.at[i]);
	if (slash)
		buf_add_char(out, '/');
}

static void
add_path(const struct sigv4_request *request, struct buf *out)
{
	struct slice rest = request->path, segment;
	size_t start = out->len;

	if (request->s3) {
		buf_add_slice(out, rest.len > 0 ? rest : SLICE("/"));
		return;
	}
	buf_add_char(out, '/');
	while (rest.len > 0) {
		segment = slice_until(&rest, '/');
		add_segment(out, start, segment, rest.at != NULL);
	}
}

/* A name or value of the query, its encoding made canonical. */
static void
add_component(struct buf *out, struct slice text)
{
	size_t i;
	int high, low;

	for (i = 0; i < text.len; i++) {
		high = low = -1;
		if (text.at[i] == '%' && text.len - i > 2) {
			high = text_hex_digit(text.at[i + 1]);
			low = text_hex_digit(text.at[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			encode_char(out, (char)(high << 4 | low));
			i += 2;
		} else {
			encode_char(out, text.at[i]);
		}
	}
}

/* By name, then by value. */
static int
field_order(const void *a, const void *b)
{
	const struct sigv4_field *x = a, *y = b;
	int order = slice_cmp(x->name, y->name);

	return order != 0 ? order : slice_cmp(x->value, y->value);
}

/* The canonical names and values stand in text; parts says where. */
static unsigned
split_query(struct slice query, struct buf *text, struct sigv4_field *parts)
{
	struct slice piece, name;
	unsigned count = 0;

	while (query.len > 0) {
		piece = slice_until(&query, '&');
		if (piece.len == 0)
			continue;
		name = slice_until(&piece, '=');
		parts[count].name.len = text->len;
		add_component(text, name);
		parts[count].value.len = text->len;
		add_component(text, piece);
		count++;
	}
	return count;
}

/* From where each part begins to slices of the text, which stays now. */
static void
place_parts(const struct buf *text, struct sigv4_field *parts, unsigned count)
{
	size_t end = text->len;

	while (count-- > 0) {
		size_t name = parts[count].name.len;
		size_t value = parts[count].value.len;

		parts[count].name = slice_of(text->at + name, value - name);
		parts[count].value = slice_of(text->at + value, end - value);
		end = name;
	}
}

static void
add_query(struct slice query, struct buf *out)
{
	struct sigv4_field *parts;
	struct buf text;
	unsigned count, i;

	if (query.len == 0)
		return;
	buf_open(&text);
	parts = mem_array(query.len, sizeof *parts);
	count = split_query(query, &text, parts);
	place_parts(&text, parts, count);
	qsort(parts, count, sizeof *parts, field_order);
	for (i = 0; i < count; i++) {
		if (i > 0)
			buf_add_char(out, '&');
		buf_add_slice(out, parts[i].name);
		buf_add_char(out, '=');
		buf_add_slice(out, parts[i].value);
	}
	free(parts);
	buf_close(&text);
}

/* Without blanks at the ends; runs of them are one. */
static void
add_value(struct buf *out, struct slice value)
{
	bool blank = false;
	size_t i;

	value = slice_trim(value);
	for (i = 0; i < value.len; i++) {
		if (blank && value.at[i] == ' ')
			continue;
		blank = value.at[i] == ' ';
		buf_add_char(out, value.at[i]);
	}
}

static bool
begins_name(const struct signer *s, unsigned i)
{
	return i == 0 || !slice_eq(s->fields[i].name, s->fields[i - 1].name);
}

static void
add_fields(const struct signer *s, struct buf *out)
{
	unsigned i;

	for (i = 0; i < s->nfields; i++) {
		if (begins_name(s, i)) {
			if (i > 0)
				buf_add_char(out, '\n');
			buf_add_slice(out, s->fields[i].name);
			buf_add_char(out, ':');
		} else {
			buf_add_char(out, ',');
		}
		add_value(out, s->fields[i].value);
	}
	buf_add_char(out, '\n');
}

static void
add_names(const struct signer *s, struct buf *out)
{
	unsigned i;

	for (i = 0; i < s->nfields; i++) {
		if (!begins_name(s, i))
			continue;
		if (i > 0)
			buf_add_char(out, ';');
		buf_add_slice(out, s->fields[i].name);
	}
}

static void
add_canonical(const struct signer *s, struct buf *out)
{
	buf_add_slice(out, s->request->method);
	buf_add_char(out, '\n');
	add_path(s->request, out);
	buf_add_char(out, '\n');
	add_query(s->request->query, out);
	buf_add_char(out, '\n');
	add_fields(s, out);
	buf_add_char(out, '\n');
	add_names(s, out);
	buf_add_char(out, '\n');
	buf_add(out, s->payload_hash, HEX_SIZE);
}

/* DAY/REGION/SERVICE/aws4_request */
static void
add_scope(const struct signer *s, struct buf *out)
{
	buf_add(out, s->stamp, 8);
	buf_add_char(out, '/');
	buf_add_slice(out, s->request->region);
	buf_add_char(out, '/');
	buf_add_slice(out, s->request->service);
	buf_add_text(out, "/aws4_request");
}

static void
hash_hex(struct slice text, char hex[HEX_SIZE])
{
	unsigned char digest[DIGEST_SIZE];

	digest_sha256(text.at, text.len, digest);
	text_hex(hex, digest, sizeof digest);
}

static void
add_string_to_sign(const struct signer *s, struct buf *out)
{
	char hash[HEX_SIZE];
	struct buf canonical;

	buf_open(&canonical);
	add_canonical(s, &canonical);
	hash_hex(buf_slice(&canonical), hash);
	explicit_bzero(canonical.at, canonical.len);
	buf_close(&canonical);
	buf_add_text(out, "AWS4-HMAC-SHA256\n");
	buf_add(out, s->stamp, STAMP_LEN);
	buf_add_char(out, '\n');
	add_scope(s, out);
	buf_add_char(out, '\n');
	buf_add(out, hash, sizeof hash);
}

/* key := HMAC(key, text) */
static void
derive(unsigned char key[DIGEST_SIZE], struct slice text)
{
	unsigned char next[DIGEST_SIZE];

	digest_hmac_sha256(key, DIGEST_SIZE, text.at, text.len, next);
	memcpy(key, next, DIGEST_SIZE);
	explicit_bzero(next, sizeof next);
}

static void
derive_key(const struct signer *s, unsigned char key[DIGEST_SIZE])
{
	char first[4 + CREDENTIALS_SECRET_SIZE] = "AWS4";
	size_t len = strlen(s->keys->secret);

	memcpy(first + 4, s->keys->secret, len);
	digest_hmac_sha256(first, 4 + len, s->stamp, 8, key);
	explicit_bzero(first, sizeof first);
	derive(key, s->request->region);
	derive(key, s->request->service);
	derive(key, SLICE("aws4_request"));
}

static void
add_signature(const struct signer *s, struct buf *out)
{
	unsigned char key[DIGEST_SIZE];
	struct buf text;
	char hex[HEX_SIZE];

	buf_open(&text);
	add_string_to_sign(s, &text);
	derive_key(s, key);
	derive(key, buf_slice(&text));
	text_hex(hex, key, sizeof key);
	explicit_bzero(key, sizeof key);
	buf_close(&text);
	buf_add(out, hex, sizeof hex);
}

static void
stamp_write(uint64_t wall_ms, char stamp[STAMP_LEN + 1])
{
	time_t when = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t len;

	gmtime_r(&when, &tm);
	len = strftime(stamp, STAMP_LEN + 1, "%Y%m%dT%H%M%SZ", &tm);
	assert(len == STAMP_LEN);
}

static void
field_add(struct signer *s, struct slice name, struct slice value)
{
	char *lower = mem_text(name.at, name.len);
	size_t i;

	for (i = 0; i < name.len; i++)
		lower[i] = ascii_lower(lower[i]);
	s->fields[s->nfields].name = slice_of(lower, name.len);
	s->fields[s->nfields++].value = value;
}

static void
own_field(struct signer *s, const char *name, struct slice value,
    struct buf *out)
{
	field_add(s, slice_text(name), value);
	buf_add_text(out, name);
	buf_add_text(out, ": ");
	buf_add_slice(out, value);
	buf_add_text(out, "\r\n");
}

/* Lower-case names in order; values of one name stay in theirs. */
static void
sort_fields(struct signer *s)
{
	struct sigv4_field field;
	unsigned i, k;

	for (i = 1; i < s->nfields; i++) {
		field = s->fields[i];
		for (k = i; k > 0 && slice_cmp(s->fields[k - 1].name,
		    field.name) > 0; k--)
			s->fields[k] = s->fields[k - 1];
		s->fields[k] = field;
	}
}

static void
signer_open(struct signer *s, const struct sigv4_request *request,
    const struct credentials *keys)
{
	unsigned i;

	*s = (struct signer){ .request = request, .keys = keys };
	s->fields = mem_array(request->nfields + 3, sizeof *s->fields);
	for (i = 0; i < request->nfields; i++)
		field_add(s, request->fields[i].name,
		    request->fields[i].value);
	stamp_write(request->wall_ms, s->stamp);
	hash_hex(request->payload, s->payload_hash);
}

static void
signer_close(struct signer *s)
{
	while (s->nfields > 0)
		free((char *)(uintptr_t)s->fields[--s->nfields].name.at);
	free(s->fields);
}

void
sigv4_sign(const struct sigv4_request *request,
    const struct credentials *keys, struct buf *out)
{
	struct signer s;

	signer_open(&s, request, keys);
	own_field(&s, "X-Amz-Date", slice_of(s.stamp, STAMP_LEN), out);
	if (keys->token[0] != '\0')
		own_field(&s, "X-Amz-Security-Token",
		    slice_text(keys->token), out);
	if (request->s3)
		own_field(&s, "X-Amz-Content-Sha256",
		    slice_of(s.payload_hash, HEX_SIZE), out);
	sort_fields(&s);
	buf_add_text(out, "Authorization: AWS4-HMAC-SHA256 Credential=");
	buf_add_text(out, keys->key);
	buf_add_char(out, '/');
	add_scope(&s, out);
	buf_add_text(out, ", SignedHeaders=");
	add_names(&s, out);
	buf_add_text(out, ", Signature=");
	add_signature(&s, out);
	buf_add_text(out, "\r\n");
	signer_close(&s);
}
