/* lambda/event_private.h - the parts that events share: for lambda/ alone */
#ifndef LAMBDA_EVENT_PRIVATE_H
#define LAMBDA_EVENT_PRIVATE_H

#include "http/message.h"
#include "lambda/event.h"

#define EVENT_NONE UINT32_MAX

/*
 * Named values in the order they came. Those of one name form a chain that
 * starts at the first of them.
 */
struct event_value {
	struct slice name;
	struct slice value;
	uint32_t hash;
	uint32_t next;		/* of the same name, or EVENT_NONE */
	uint32_t last;		/* of its chain; in the first one only */
	bool first;
};

struct event_map {
	struct event_value *values;
	uint32_t count;
};

enum event_names {
	EVENT_NAMES_AS_SENT,	/* but for the four that REST capitalises */
	EVENT_NAMES_LOWER,
};

/* How the values of one name are shown. */
enum event_form {
	EVENT_LAST,		/* "a":"2" */
	EVENT_ALL,		/* "a":["1","2"] */
	EVENT_JOINED,		/* "a":"1,2" */
};

/* event_map.c */
void event_map_fields(struct arena *arena,
    const struct lambda_request *request, uint64_t hidden,
    enum event_names names, struct event_map *map);
void event_map_add(struct event_map *map, struct slice name,
    struct slice value);
void event_map_query(struct arena *arena, struct slice query, char also_mark,
    struct event_map *map);
void event_map_group(struct arena *arena, struct event_map *map, bool nocase,
    struct slice seed);
void event_map_write(const struct event_map *map, enum event_form form,
    struct buf *out);

/* event_parts.c */
struct slice event_decode(struct arena *arena, struct slice text, bool plus);
struct slice event_domain_prefix(const struct lambda_request *request);
void event_pairs_write(struct arena *arena, const struct lambda_pair *pairs,
    unsigned npairs, bool decode, struct buf *out);
void event_time_write(uint64_t time_ms, struct buf *out);
int event_body_write(const struct lambda_request *request, bool encode,
    size_t start, struct buf *out);
bool event_body_is_text(const struct lambda_request *request);

static inline void
event_add(struct buf *out, struct slice literal)
{
	buf_add(out, literal.at, literal.len);
}

void event_text(struct buf *out, struct slice key, struct slice text);
void event_text_or_null(struct buf *out, struct slice key, struct slice text);

#endif
