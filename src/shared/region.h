/*
 * shared/region.h - cells that all processes share and that outlive tables
 *
 * Made before the first fork. A cell is found by a stable 64-bit id (hash of
 * the object's full name), so numbers survive a reload.
 */
#ifndef SHARED_REGION_H
#define SHARED_REGION_H

#include <stdbool.h>
#include <stdint.h>

struct error;

#define REGION_ADDRESSES_MAX 16		/* addresses kept of one name */

struct region;

/* One resolved address, port not included. */
struct region_address {
	uint8_t family;			/* 4 or 6 */
	uint8_t ip[16];
};

/* What a name resolved to last: readers get a consistent copy. */
struct region_addresses {
	uint64_t updated_ms;		/* when the last good answer came */
	unsigned count;			/* 0: never resolved */
	struct region_address at[REGION_ADDRESSES_MAX];
};

struct region *region_open(struct error *err);
void region_close(struct region **region_p);

/* The version of a name's cell: changes with each publication; 0 none yet. */
uint64_t region_addresses_version(struct region *region, uint64_t name_id);
bool region_addresses_read(struct region *region, uint64_t name_id,
    struct region_addresses *addresses_r);
int region_addresses_publish(struct region *region, uint64_t name_id,
    const struct region_addresses *addresses);

#endif
