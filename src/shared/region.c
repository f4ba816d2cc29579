/*
 * shared/region.c - the cells of resolved addresses
 *
 * An open hash table in shared memory, never shrunk. A cell holds two copies
 * of its addresses and a version: copy version % 2 is the one in force, and a
 * writer fills the other before it steps the version. A reader that finds the
 * version unchanged afterwards has an untorn copy; a writer that dies in
 * between leaves nothing half done. Writers (the resolver, the process that
 * loads a configuration) exclude each other by a robust mutex; readers take
 * no lock at all.
 */

#include "shared/region.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "util/error.h"
#include "util/mem.h"

#define CELLS 8192	/* a power of two; memory is used as cells are */
#define READ_TRIES 64

/* Addresses packed into words, so that they can be copied atomically. */
#define COPY_WORDS (1 + (REGION_ADDRESSES_MAX * 17 + 7) / 8)

struct cell {
	_Atomic uint64_t id;		/* 0: free */
	_Atomic uint64_t version;	/* 0: never published */
	_Atomic uint64_t updated_ms;
	_Atomic uint64_t copies[2][COPY_WORDS];
};

struct shared {
	pthread_mutex_t writing;
	struct cell cells[CELLS];
};

struct region {
	struct shared *shared;
};

static int
mutex_open(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;
	int code = pthread_mutexattr_init(&attr);

	if (code == 0)
		code = pthread_mutexattr_setpshared(&attr,
		    PTHREAD_PROCESS_SHARED);
	if (code == 0)
		code = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (code == 0)
		code = pthread_mutex_init(mutex, &attr);
	return code;
}

/* Made before the first fork; every process forked later shares it. */
struct region *
region_open(struct error *err)
{
	struct region *region;
	void *mem = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED) {
		error_errno(err, "cannot map the shared region");
		return NULL;
	}
	region = mem_new(sizeof *region);
	region->shared = mem;
	errno = mutex_open(&region->shared->writing);
	if (errno != 0) {
		error_errno(err, "cannot make the region's mutex");
		region_close(&region);
	}
	return region;
}

void
region_close(struct region **region_p)
{
	struct region *region = *region_p;

	*region_p = NULL;
	munmap(region->shared, sizeof *region->shared);
	free(region);
}

/* The cell of this id, or the free one where it belongs, or NULL: full. */
static struct cell *
cell_find(struct region *region, uint64_t id)
{
	size_t i, at = (size_t)(id ^ id >> 32);
	struct cell *cell;
	uint64_t has;

	for (i = 0; i < CELLS; i++) {
		cell = &region->shared->cells[(at + i) & (CELLS - 1)];
		has = atomic_load_explicit(&cell->id, memory_order_acquire);
		if (has == id || has == 0)
			return cell;
	}
	return NULL;
}

uint64_t
region_addresses_version(struct region *region, uint64_t name_id)
{
	struct cell *cell = cell_find(region, name_id);

	if (cell == NULL || atomic_load_explicit(&cell->id,
	    memory_order_relaxed) != name_id)
		return 0;
	return atomic_load_explicit(&cell->version, memory_order_acquire);
}

static void
pack(const struct region_addresses *addresses, uint64_t words[COPY_WORDS])
{
	unsigned char *to = (unsigned char *)(words + 1);
	unsigned i;

	memset(words, 0, COPY_WORDS * sizeof *words);
	words[0] = addresses->count;
	for (i = 0; i < addresses->count; i++, to += 17) {
		to[0] = addresses->at[i].family;
		memcpy(to + 1, addresses->at[i].ip, 16);
	}
}

static void
unpack(const uint64_t words[COPY_WORDS], struct region_addresses *addresses_r)
{
	const unsigned char *from = (const unsigned char *)(words + 1);
	unsigned i;

	addresses_r->count = words[0] < REGION_ADDRESSES_MAX ?
	    (unsigned)words[0] : REGION_ADDRESSES_MAX;
	for (i = 0; i < addresses_r->count; i++, from += 17) {
		addresses_r->at[i].family = from[0];
		memcpy(addresses_r->at[i].ip, from + 1, 16);
	}
}

static void
copy_out(struct cell *cell, uint64_t version, uint64_t words[COPY_WORDS])
{
	size_t i;

	for (i = 0; i < COPY_WORDS; i++)
		words[i] = atomic_load_explicit(&cell->copies[version & 1][i],
		    memory_order_relaxed);
}

/* A consistent copy of the last answer; false when there is none. */
bool
region_addresses_read(struct region *region, uint64_t name_id,
    struct region_addresses *addresses_r)
{
	uint64_t words[COPY_WORDS], version;
	struct cell *cell = cell_find(region, name_id);
	unsigned tries;

	if (cell == NULL || atomic_load_explicit(&cell->id,
	    memory_order_relaxed) != name_id)
		return false;
	for (tries = 0; tries < READ_TRIES; tries++) {
		version = atomic_load_explicit(&cell->version,
		    memory_order_acquire);
		if (version == 0)
			return false;
		copy_out(cell, version, words);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&cell->version,
		    memory_order_relaxed) != version)
			continue;
		unpack(words, addresses_r);
		addresses_r->updated_ms = atomic_load_explicit(
		    &cell->updated_ms, memory_order_relaxed);
		return true;
	}
	return false;
}

static int
lock(struct region *region)
{
	int code = pthread_mutex_lock(&region->shared->writing);

	/* Its owner died: what it was writing was never in force. */
	if (code == EOWNERDEAD)
		code = pthread_mutex_consistent(&region->shared->writing);
	return code;
}

/*
 * Put an answer into the name's cell. The same addresses in the same order
 * only renew updated_ms; others step the version. Returns 0, or -1 when the
 * region is full (no cell is ever given back).
 */
int
region_addresses_publish(struct region *region, uint64_t name_id,
    const struct region_addresses *addresses)
{
	uint64_t words[COPY_WORDS], old[COPY_WORDS], version;
	struct cell *cell;
	size_t i;

	if (addresses->count > REGION_ADDRESSES_MAX || lock(region) != 0)
		return -1;
	cell = cell_find(region, name_id);
	if (cell == NULL)
		goto unlock;
	pack(addresses, words);
	version = atomic_load_explicit(&cell->version, memory_order_relaxed);
	copy_out(cell, version, old);
	atomic_store_explicit(&cell->updated_ms, addresses->updated_ms,
	    memory_order_relaxed);
	if (version != 0 && memcmp(old, words, sizeof words) == 0)
		goto unlock;
	atomic_thread_fence(memory_order_release);
	for (i = 0; i < COPY_WORDS; i++)
		atomic_store_explicit(&cell->copies[(version + 1) & 1][i],
		    words[i], memory_order_relaxed);
	atomic_store_explicit(&cell->version, version + 1,
	    memory_order_release);
	atomic_store_explicit(&cell->id, name_id, memory_order_release);
unlock:
	pthread_mutex_unlock(&region->shared->writing);
	return cell != NULL ? 0 : -1;
}
