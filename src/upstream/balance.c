/*
 * upstream/balance.c - which server of a group gets the next request
 *
 * Each worker decides by what it has seen itself. A server that failed
 * max_failures times in a row is left out for fail_timeout, twice as long each
 * time it fails again at its return; when all are out, all are tried.
 */

#include "upstream/upstream_private.h"
#include "util/log.h"

#define EJECT_MOST_MS	(5 * 60 * 1000)

static const struct image_server *
server_at(const struct upstream_table *table, uint32_t index)
{
	return IMAGE_AT(table->image, IMAGE_SERVERS, struct image_server,
	    index);
}

/* May the server at place i of its group be chosen? */
static bool
eligible(const struct upstream_slot *slot, uint32_t i, uint64_t now,
    uint64_t tried)
{
	return slot->server->ejected_until <= now &&
	    (i >= 64 || (tried >> i & 1) == 0);
}

/*
 * Smooth weighted round robin: every server gains its weight, the richest
 * serves and pays what all gained together.
 */
static struct upstream_slot *
pick_round(struct upstream_table *table, struct image_run run, uint64_t now,
    uint64_t tried)
{
	struct upstream_slot *best = NULL;
	int weight, total = 0;
	uint32_t i;

	for (i = run.first; i < run.first + run.count; i++) {
		struct upstream_slot *slot = &table->slots[i];

		if (!eligible(slot, i - run.first, now, tried))
			continue;
		weight = (int)server_at(table, i)->weight;
		slot->current += weight;
		total += weight;
		if (best == NULL || slot->current > best->current)
			best = slot;
	}
	if (best != NULL)
		best->current -= total;
	return best;
}

/* Fewest calls in proportion to its weight; ties go round. */
static struct upstream_slot *
pick_least(struct upstream_table *table, struct image_run run, uint64_t now,
    uint64_t tried)
{
	struct upstream_slot *best = NULL;
	uint64_t best_weight = 1;
	uint32_t i, k, start;

	start = (uint32_t)table->slots[run.first].current;
	table->slots[run.first].current = (int)((start + 1) & INT32_MAX);
	start %= run.count;
	for (k = 0; k < run.count; k++) {
		struct upstream_slot *slot;
		uint64_t weight;

		i = run.first + (start + k) % run.count;
		slot = &table->slots[i];
		weight = server_at(table, i)->weight;
		if (!eligible(slot, i - run.first, now, tried))
			continue;
		if (best != NULL && (uint64_t)slot->server->active *
		    best_weight >= (uint64_t)best->server->active * weight)
			continue;
		best = slot;
		best_weight = weight;
	}
	return best;
}

/*
 * The slot for the next try; NULL when all servers of the group were tried. now
 * in ms of the loop's clock; tried has a bit for each of the first 64 servers
 * that the request has met already.
 */
struct upstream_slot *
upstream_pick(struct upstream_table *table,
    const struct image_upstream *upstream, uint64_t now, uint64_t tried)
{
	struct image_run run = upstream->servers;
	struct upstream_slot *slot;

	if (run.count == 1)
		return (tried & 1) != 0 ? NULL : &table->slots[run.first];
	slot = upstream->balance == IMAGE_BALANCE_LEAST_CONN ?
	    pick_least(table, run, now, tried) :
	    pick_round(table, run, now, tried);
	/* All that are left are out of service: better one of those. */
	if (slot == NULL && now != UINT64_MAX)
		return upstream_pick(table, upstream, UINT64_MAX, tried);
	return slot;
}

/* It answered: whatever it did before is forgiven. */
void
upstream_succeeded(struct upstream_server *server)
{
	server->failures = 0;
	server->ejections = 0;
	server->ejected_until = 0;
}

/* It failed: perhaps it is left out for a while. */
void
upstream_hurt(struct upstreams *all, struct upstream_server *server,
    const struct image_head *image, const struct image_upstream *upstream,
    const struct image_server *address, enum upstream_failure why)
{
	uint64_t now = all->loop->wheel.now, pause = upstream->fail_ms;
	unsigned i;

	server->failures++;
	if (upstream->max_failures == 0 || server->ejected_until > now ||
	    (server->failures < upstream->max_failures &&
	    server->ejections == 0))
		return;
	for (i = 0; i < server->ejections && pause < EJECT_MOST_MS; i++)
		pause *= 2;
	if (pause > EJECT_MOST_MS)
		pause = EJECT_MOST_MS;
	server->ejected_until = now + pause;
	server->ejections++;
	log_warn(all->log, "upstream %s: server %s is left out for %u ms "
	    "after %u failures, the last one %s",
	    image_slice(image, upstream->name).at,
	    image_slice(image, address->address.text).at, (unsigned)pause,
	    server->failures, upstream_failure_reason(why));
}
