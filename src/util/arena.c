/*
 * util/arena.c - memory that dies together
 *
 * One arena per exchange: whatever a request needs is cut off a chunk, and
 * arena_close gives all of it back in one call. Chunks of the usual size are
 * kept in the process' pool; larger ones exist for one allocation and are
 * freed with it. There is no way to free a single allocation.
 */

#include "util/arena.h"

#include <assert.h>
#include <stdlib.h>

#include "util/mem.h"

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
};

#define CHUNK_ROOM (ARENA_CHUNK - sizeof(struct arena_chunk))

/* spare_max: how many unused chunks are kept for the next request. */
void
arena_pool_open(struct arena_pool *pool, unsigned spare_max)
{
	*pool = (struct arena_pool){ .spare_max = spare_max };
}

void
arena_pool_close(struct arena_pool *pool)
{
	struct arena_chunk *chunk;

	while ((chunk = pool->spare) != NULL) {
		pool->spare = chunk->next;
		free(chunk);
	}
	pool->spares = 0;
}

static struct arena_chunk *
chunk_take(struct arena_pool *pool, size_t room)
{
	struct arena_chunk *chunk = pool->spare;

	pool->in_use++;
	if (pool->in_use > pool->in_use_most)
		pool->in_use_most = pool->in_use;
	if (room <= CHUNK_ROOM && chunk != NULL) {
		pool->spare = chunk->next;
		pool->spares--;
		return chunk;
	}
	if (room < CHUNK_ROOM)
		room = CHUNK_ROOM;
	chunk = mem_grow(NULL, 1, sizeof *chunk + room);
	chunk->size = room;
	return chunk;
}

static void
chunk_give(struct arena_pool *pool, struct arena_chunk *chunk)
{
	assert(pool->in_use > 0);
	pool->in_use--;
	if (chunk->size != CHUNK_ROOM || pool->spares >= pool->spare_max) {
		free(chunk);
		return;
	}
	chunk->next = pool->spare;
	pool->spare = chunk;
	pool->spares++;
}

/* An empty arena; takes its first chunk when it is first used. */
void
arena_open(struct arena *arena, struct arena_pool *pool)
{
	*arena = (struct arena){ .pool = pool };
}

/* Everything that came from the arena is gone after this. */
void
arena_close(struct arena *arena)
{
	struct arena_chunk *chunk;
	struct arena_pool *pool = arena->pool;

	while ((chunk = arena->chunks) != NULL) {
		arena->chunks = chunk->next;
		chunk_give(pool, chunk);
	}
	arena_open(arena, pool);
}

/* The way of arena_alloc when the current chunk has not enough room. */
void *
arena_alloc_slow(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = chunk_take(arena->pool, size);
	char *mem = (char *)(chunk + 1);

	if (size > CHUNK_ROOM && arena->chunks != NULL) {
		/* A large one goes behind: the current chunk stays in use. */
		chunk->next = arena->chunks->next;
		arena->chunks->next = chunk;
		return mem;
	}
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->next = mem + size;
	arena->end = mem + chunk->size;
	return mem;
}

/* A copy of len bytes, with a NUL behind them. */
char *
arena_copy(struct arena *arena, const void *data, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}
