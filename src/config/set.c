/*
 * config/set.c - texts seen so far, for the checks
 *
 * Open hashing, grown by doubling. A scope keeps apart what may be the same
 * in different places: names of listeners and of upstreams, segments below
 * different nodes.
 */

#include "config/check_private.h"

#include <stdlib.h>

#include "util/hash.h"
#include "util/mem.h"

#define SIZE_FIRST 16

struct set_slot {
	struct slice key;
	uint64_t scope;
	size_t value;
	bool taken;
};

void
set_close(struct set *set)
{
	free(set->slots);
	*set = (struct set){ 0 };
}

/* The slot of the key, or the empty one where it belongs. */
static struct set_slot *
slot_of(const struct set *set, struct slice key, uint64_t scope)
{
	size_t i = hash_slice(key, scope) & (set->size - 1);
	struct set_slot *slot;

	for (;; i = (i + 1) & (set->size - 1)) {
		slot = &set->slots[i];
		if (!slot->taken ||
		    (slot->scope == scope && slice_eq(slot->key, key)))
			return slot;
	}
}

static void
grow(struct set *set)
{
	struct set old = *set;
	size_t i;

	set->size = old.size > 0 ? old.size * 2 : SIZE_FIRST;
	set->slots = mem_array(set->size, sizeof *set->slots);
	for (i = 0; i < old.size; i++)
		if (old.slots[i].taken)
			*slot_of(set, old.slots[i].key, old.slots[i].scope) =
			    old.slots[i];
	free(old.slots);
}

/* Add a key. False when it was there: *old_r is its value, which stays. */
bool
set_add(struct set *set, struct slice key, uint64_t scope, size_t value,
    size_t *old_r)
{
	struct set_slot *slot;

	if (set->used * 2 >= set->size)
		grow(set);
	slot = slot_of(set, key, scope);
	if (slot->taken) {
		*old_r = slot->value;
		return false;
	}
	*slot = (struct set_slot){ key, scope, value, true };
	set->used++;
	return true;
}

bool
set_find(const struct set *set, struct slice key, uint64_t scope,
    size_t *value_r)
{
	struct set_slot *slot;

	if (set->size == 0)
		return false;
	slot = slot_of(set, key, scope);
	if (slot->taken)
		*value_r = slot->value;
	return slot->taken;
}

/* A name that should be in the set and is not, with the nearest that is. */
void
check_unknown_name(struct check *check, struct spec_place place,
    const char *what, struct slice name, const struct set *names)
{
	struct nearest nearest;
	struct slice found;
	char wanted[128];
	size_t i, len = name.len < sizeof wanted ? name.len : sizeof wanted - 1;

	if (len > 0)
		memcpy(wanted, name.at, len);
	wanted[len] = '\0';
	nearest_open(&nearest, wanted);
	for (i = 0; i < names->size; i++)
		if (names->slots[i].taken)
			nearest_try(&nearest, names->slots[i].key);
	found = nearest_found(&nearest);
	check_error(check, place, "there is no %s \"%.*s\"; expected the name "
	    "of one%s%.*s%s", what, TEXT(name), found.len > 0 ?
	    "; did you mean \"" : "", TEXT(found), found.len > 0 ? "\"?" : "");
}
