/* util/arena.h - memory that dies together */
#ifndef UTIL_ARENA_H
#define UTIL_ARENA_H

#include "util/slice.h"

#define ARENA_CHUNK 4096

struct arena_chunk;

/*
 * The spare chunks of one process. What arenas give back stays here, up to
 * spare_max, so that a request finds warm memory without malloc.
 */
struct arena_pool {
	struct arena_chunk *spare;
	unsigned spares, spare_max;
	size_t in_use;		/* chunks lent out: for reports */
	size_t in_use_most;
};

struct arena {
	struct arena_pool *pool;
	struct arena_chunk *chunks;	/* newest first */
	char *next, *end;
};

void arena_pool_open(struct arena_pool *pool, unsigned spare_max);
void arena_pool_close(struct arena_pool *pool);

void arena_open(struct arena *arena, struct arena_pool *pool);
void arena_close(struct arena *arena);
void *arena_alloc_slow(struct arena *arena, size_t size);
char *arena_copy(struct arena *arena, const void *data, size_t len);

/* size bytes, aligned to 8, not cleared; live until arena_close. */
static inline void *
arena_alloc(struct arena *arena, size_t size)
{
	char *mem = arena->next;

	size = (size + 7) & ~(size_t)7;
	if ((size_t)(arena->end - mem) < size)
		return arena_alloc_slow(arena, size);
	arena->next = mem + size;
	return mem;
}

#endif
