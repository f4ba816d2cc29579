/*
 * shared/control.c - the control page: made once, before the first fork
 *
 * The master alone writes `committed`, and that one store is the swap of the
 * route table. Each worker alone writes its slot; the master clears one only
 * when the worker that had it is gone. Nobody frees memory on a slot's word.
 */

#include "shared/control.h"

#include <sys/mman.h>

#include "util/clock.h"
#include "util/error.h"

#define RELAXED memory_order_relaxed

/* Returns the page, all zeros and shared with every process forked later. */
struct control *
control_open(struct error *err)
{
	void *page = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED) {
		error_errno(err, "cannot map the control page");
		return NULL;
	}
	return page;
}

void
control_close(struct control **control_p)
{
	munmap(*control_p, sizeof **control_p);
	*control_p = NULL;
}

/* The swap. Every worker in service has prepared this generation. */
void
control_commit(struct control *control, uint64_t generation)
{
	atomic_store_explicit(&control->committed, generation,
	    memory_order_release);
}

/*
 * A slot that nobody has: the wanted one, else the last free one. Returns its
 * index, or -1 when all are taken. Only the master asks.
 */
int
control_slot_take(struct control *control, unsigned wanted)
{
	int i;

	if (wanted < CONTROL_SLOTS &&
	    atomic_load_explicit(&control->slots[wanted].pid, RELAXED) == 0)
		return (int)wanted;
	for (i = CONTROL_SLOTS - 1; i >= 0; i--)
		if (atomic_load_explicit(&control->slots[i].pid, RELAXED) == 0)
			return i;
	return -1;
}

/* The slot has a new owner; its counters go on. */
void
control_slot_begin(struct control_slot *slot, int32_t pid)
{
	atomic_store_explicit(&slot->heartbeat, clock_now_ms(), RELAXED);
	atomic_store_explicit(&slot->started, clock_wall_ms(), RELAXED);
	atomic_store_explicit(&slot->generation, 0, RELAXED);
	atomic_store_explicit(&slot->oldest, 0, RELAXED);
	atomic_store_explicit(&slot->draining, 0, RELAXED);
	atomic_store_explicit(&slot->pid, pid, RELAXED);
}

/* Its owner is gone, and with it everything that is not a running total. */
void
control_slot_end(struct control_slot *slot)
{
	atomic_store_explicit(&slot->connections, 0, RELAXED);
	atomic_store_explicit(&slot->upstream_idle, 0, RELAXED);
	atomic_store_explicit(&slot->draining, 0, RELAXED);
	atomic_store_explicit(&slot->pid, 0, RELAXED);
}

void
control_sum(struct control *control, struct control_totals *totals_r)
{
	struct control_totals sum = { 0 };
	struct control_slot *slot;
	unsigned i, class;

	for (i = 0; i < CONTROL_SLOTS; i++) {
		slot = &control->slots[i];
		sum.connections += atomic_load_explicit(&slot->connections,
		    RELAXED);
		sum.accepted += atomic_load_explicit(&slot->accepted, RELAXED);
		sum.requests += atomic_load_explicit(&slot->requests, RELAXED);
		for (class = 0; class < 6; class++)
			sum.answers[class] += atomic_load_explicit(
			    &slot->answers[class], RELAXED);
		sum.upstream_opened += atomic_load_explicit(
		    &slot->upstream_opened, RELAXED);
		sum.upstream_reused += atomic_load_explicit(
		    &slot->upstream_reused, RELAXED);
		sum.upstream_idle += atomic_load_explicit(&slot->upstream_idle,
		    RELAXED);
		sum.log_dropped += atomic_load_explicit(&slot->log_dropped,
		    RELAXED);
	}
	*totals_r = sum;
}
