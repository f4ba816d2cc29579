/*
 * shared/control.h - the page through which a new table is committed, and a
 * line per worker slot that tells how it is
 */
#ifndef SHARED_CONTROL_H
#define SHARED_CONTROL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct error;

/*
 * Twice the most workers: those that drain keep theirs while their successors
 * take others.
 */
#define CONTROL_SLOTS 1024

/*
 * Written by its worker alone, read by the master and by tools. Counters only
 * grow while the slot lives: they survive a worker, numbers are the slot's.
 */
struct control_slot {
	_Alignas(64) _Atomic int32_t pid;	/* 0: nobody */
	_Atomic uint32_t draining;
	_Atomic uint64_t generation;	/* adopted */
	_Atomic uint64_t oldest;	/* oldest generation still pinned */
	_Atomic uint64_t heartbeat;	/* clock_now_ms of the last loop turn */
	_Atomic uint64_t started;	/* clock_wall_ms */
	_Atomic uint64_t connections;	/* open client connections */
	_Atomic uint64_t accepted;
	_Alignas(64) _Atomic uint64_t requests;
	_Atomic uint64_t answers[6];	/* by status class 1xx..5xx; 0: none */
	_Atomic uint64_t upstream_opened;
	_Atomic uint64_t upstream_reused;
	_Atomic uint64_t upstream_idle;	/* kept connections right now */
	_Atomic uint64_t log_dropped;
	_Atomic uint64_t arena_most;	/* most arena chunks ever in use */
};

struct control {
	/* The generation in force. */
	_Alignas(64) _Atomic uint64_t committed;
	_Alignas(64) struct control_slot slots[CONTROL_SLOTS];
};

/* What all slots say together; for reports. */
struct control_totals {
	uint64_t connections;
	uint64_t accepted;
	uint64_t requests;
	uint64_t answers[6];
	uint64_t upstream_opened;
	uint64_t upstream_reused;
	uint64_t upstream_idle;
	uint64_t log_dropped;
};

struct control *control_open(struct error *err);
void control_close(struct control **control_p);
void control_commit(struct control *control, uint64_t generation);
int control_slot_take(struct control *control, unsigned wanted);
void control_slot_begin(struct control_slot *slot, int32_t pid);
void control_slot_end(struct control_slot *slot);
void control_sum(struct control *control, struct control_totals *totals_r);

/* One writer per slot: a plain load and store, no locked instruction. */
static inline void
control_add(_Atomic uint64_t *counter, uint64_t amount)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter,
	    memory_order_relaxed) + amount, memory_order_relaxed);
}

static inline void
control_sub(_Atomic uint64_t *counter, uint64_t amount)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter,
	    memory_order_relaxed) - amount, memory_order_relaxed);
}

#endif
