/*
 * lambda/event_map.c - header fields and query parameters of an event
 *
 * Both are named values of which a name may come several times. They are
 * gathered in an array, chained by name through a hash table, and written in
 * the form the event wants. Names are the client's choice, and so is their
 * number up to the limits of a head; nothing here is quadratic in it.
 */

#include "http/fields.h"
#include "lambda/event_private.h"
#include "util/arena.h"
#include "util/hash.h"
#include "util/text.h"

/* Whatever the client says of these, the gateway says it itself. */
#define REPLACED \
	(HTTP_KNOWN_BIT(X_AMZN_TRACE_ID) | HTTP_KNOWN_BIT(X_FORWARDED_FOR) | \
	    HTTP_KNOWN_BIT(X_FORWARDED_PORT) | \
	    HTTP_KNOWN_BIT(X_FORWARDED_PROTO) | \
	    HTTP_KNOWN_BIT(X_FORWARDED_HOST) | HTTP_KNOWN_BIT(FORWARDED))

#define FIELDS_OWN	5	/* of the gateway, Content-Length included */

void
event_map_add(struct event_map *map, struct slice name, struct slice value)
{
	map->values[map->count++] = (struct event_value){
		.name = name, .value = value };
}

static void
add_own(struct event_map *map, struct slice name, struct slice value)
{
	if (value.len > 0)
		event_map_add(map, name, value);
}

static struct slice
lower(struct arena *arena, struct slice name)
{
	char *to = arena_alloc(arena, name.len);
	size_t i;

	for (i = 0; i < name.len; i++)
		to[i] = ascii_lower(name.at[i]);
	return slice_of(to, name.len);
}

/* A field's name as REST shows it (contract, 4.1). */
static struct slice
name_as_sent(const struct http_head *head, const struct http_field *field)
{
	switch (field->known) {
	case HTTP_KNOWN_AUTHORIZATION:
		return SLICE("Authorization");
	case HTTP_KNOWN_DATE:
		return SLICE("Date");
	case HTTP_KNOWN_HOST:
		return SLICE("Host");
	case HTTP_KNOWN_USER_AGENT:
		return SLICE("User-Agent");
	default:
		return http_field_name(head, field);
	}
}

/* The client's fields less those of the configuration and hidden ones. */
static void
add_clients(const struct lambda_request *request, uint64_t hidden,
    struct event_map *map)
{
	const struct http_head *head = request->head;
	struct http_removed removed;
	unsigned i;

	http_fields_hop_by_hop(head, &removed);
	http_fields_remove(head, hidden | REPLACED, &removed);
	for (i = 0; i < request->nfields; i++)
		http_fields_remove_name(head, request->fields[i].name,
		    &removed);
	for (i = 0; i < head->nfields; i++)
		if (!http_removed_has(&removed, i))
			event_map_add(map,
			    name_as_sent(head, &head->fields[i]),
			    http_field_value(head, &head->fields[i]));
}

/*
 * Gather the header fields that a function sees, not grouped yet. There is
 * room for one more.
 */
void
event_map_fields(struct arena *arena, const struct lambda_request *request,
    uint64_t hidden, enum event_names names, struct event_map *map)
{
	size_t most = (size_t)request->head->nfields + request->nfields +
	    FIELDS_OWN;
	uint32_t i;

	map->values = arena_alloc(arena, most * sizeof *map->values);
	map->count = 0;
	add_clients(request, hidden, map);
	for (i = 0; i < request->nfields; i++)
		event_map_add(map, request->fields[i].name,
		    request->fields[i].value);
	add_own(map, SLICE("X-Amzn-Trace-Id"), request->trace);
	add_own(map, SLICE("X-Forwarded-For"), request->forwarded_for);
	add_own(map, SLICE("X-Forwarded-Port"), request->forwarded_port);
	add_own(map, SLICE("X-Forwarded-Proto"), request->forwarded_proto);
	if (names == EVENT_NAMES_LOWER)
		for (i = 0; i < map->count; i++)
			map->values[i].name =
			    lower(arena, map->values[i].name);
}

static size_t
count_pieces(struct slice query, char also_mark)
{
	size_t count = 1, i;

	for (i = 0; i < query.len; i++)
		count += query.at[i] == '&' || query.at[i] == also_mark;
	return count;
}

static size_t
piece_length(struct slice query, char also_mark)
{
	size_t len = 0;

	while (len < query.len && query.at[len] != '&' &&
	    query.at[len] != also_mark)
		len++;
	return len;
}

/*
 * Gather the parameters of a query, decoded: pieces between '&', or
 * also_mark; empty pieces are nothing, a piece without '=' has an empty value.
 */
void
event_map_query(struct arena *arena, struct slice query, char also_mark,
    struct event_map *map)
{
	struct slice piece, name;

	map->count = 0;
	if (query.len == 0)
		return;
	map->values = arena_alloc(arena,
	    count_pieces(query, also_mark) * sizeof *map->values);
	while (query.len > 0) {
		piece = slice_of(query.at, piece_length(query, also_mark));
		query.at += piece.len;
		query.len -= piece.len;
		if (query.len > 0) {
			query.at++;
			query.len--;
		}
		if (piece.len == 0)
			continue;
		name = slice_until(&piece, '=');
		event_map_add(map, event_decode(arena, name, true),
		    event_decode(arena, piece, true));
	}
}

/* FNV-1a over lower-case letters, from a seed that clients do not know. */
static uint32_t
name_hash(struct slice name, uint64_t hash)
{
	size_t i;

	for (i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)ascii_lower(name.at[i])) *
		    UINT64_C(0x100000001b3);
	return (uint32_t)(hash ^ hash >> 32);
}

/* Header names equal whatever their case; query names only to the letter. */
static bool
same_name(const struct event_value *a, const struct event_value *b,
    bool nocase)
{
	if (a->hash != b->hash)
		return false;
	return nocase ? slice_eq_nocase(a->name, b->name) :
	    slice_eq(a->name, b->name);
}

static void
chain(struct event_map *map, uint32_t i, uint32_t *table, uint32_t mask,
    bool nocase)
{
	struct event_value *value = &map->values[i], *first;
	uint32_t slot = value->hash & mask;

	while (table[slot] != EVENT_NONE) {
		first = &map->values[table[slot]];
		if (same_name(first, value, nocase)) {
			map->values[first->last].next = i;
			first->last = i;
			return;
		}
		slot = (slot + 1) & mask;
	}
	table[slot] = i;
	value->first = true;
	value->last = i;
}

/* Chain the values of each name. */
void
event_map_group(struct arena *arena, struct event_map *map, bool nocase,
    struct slice seed)
{
	uint64_t start = hash_slice(seed, 0);
	uint32_t size = 8, *table, i;

	while (size < map->count * 2)
		size *= 2;
	table = arena_alloc(arena, size * sizeof *table);
	for (i = 0; i < size; i++)
		table[i] = EVENT_NONE;
	for (i = 0; i < map->count; i++) {
		struct event_value *value = &map->values[i];

		value->hash = name_hash(value->name, start);
		value->next = EVENT_NONE;
		value->first = false;
		chain(map, i, table, size - 1, nocase);
	}
}

static void
write_chain(const struct event_map *map, const struct event_value *first,
    enum event_form form, struct buf *out)
{
	const struct event_value *value = first;
	struct slice between = form == EVENT_ALL ? SLICE("\",\"") :
	    SLICE(",");

	if (form == EVENT_LAST) {
		text_json_escape(out, map->values[first->last].value);
		return;
	}
	for (;;) {
		text_json_escape(out, value->value);
		if (value->next == EVENT_NONE)
			return;
		event_add(out, between);
		value = &map->values[value->next];
	}
}

/* The map as an object; null when it is empty. */
void
event_map_write(const struct event_map *map, enum event_form form,
    struct buf *out)
{
	bool all = form == EVENT_ALL;
	char before = '{';
	uint32_t i;

	if (map->count == 0) {
		event_add(out, SLICE("null"));
		return;
	}
	for (i = 0; i < map->count; i++) {
		const struct event_value *value = &map->values[i];

		if (!value->first)
			continue;
		buf_add_char(out, before);
		buf_add_char(out, '"');
		text_json_escape(out, value->name);
		event_add(out, all ? SLICE("\":[\"") : SLICE("\":\""));
		write_chain(map, value, form, out);
		event_add(out, all ? SLICE("\"]") : SLICE("\""));
		before = ',';
	}
	buf_add_char(out, '}');
}
