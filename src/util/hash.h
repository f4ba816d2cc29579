/*
 * util/hash.h - a fast 64-bit hash for tables and stable ids
 *
 * Not for secrets. Its values stand in table images and in the shared region,
 * so changing it changes the image layout version. Callers who hash what a
 * client sends look the result up in tables that only the operator fills.
 */
#ifndef UTIL_HASH_H
#define UTIL_HASH_H

#include <stdint.h>
#include <string.h>

#include "util/slice.h"

static inline uint64_t
hash_mix(uint64_t a, uint64_t b)
{
	__uint128_t wide = (__uint128_t)(a ^ UINT64_C(0x9e3779b97f4a7c15)) *
	    (b ^ UINT64_C(0xc2b2ae3d27d4eb4f));

	return (uint64_t)wide ^ (uint64_t)(wide >> 64);
}

/* Fewer than 8 bytes as a number, the first the lowest; no call, no loop. */
static inline uint64_t
hash_tail(struct slice text)
{
	const unsigned char *at = (const unsigned char *)text.at;
	uint32_t low, high;

	if (text.len >= 4) {
		memcpy(&low, at, 4);
		memcpy(&high, at + text.len - 4, 4);
		return low | (uint64_t)high << (text.len - 4) * 8;
	}
	if (text.len == 0)
		return 0;
	return at[0] | (uint64_t)at[text.len / 2] << text.len / 2 * 8 |
	    (uint64_t)at[text.len - 1] << (text.len - 1) * 8;
}

/* Hash of text, continued from seed. */
static inline uint64_t
hash_slice(struct slice text, uint64_t seed)
{
	uint64_t hash = hash_mix(seed, text.len), word;

	while (text.len >= 8) {
		memcpy(&word, text.at, 8);
		hash = hash_mix(hash, word);
		text.at += 8;
		text.len -= 8;
	}
	return hash_mix(hash, hash_tail(text));
}

#endif
