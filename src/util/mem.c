/*
 * util/mem.c - allocation that does not fail
 *
 * For memory whose size the program or the operator chooses. What a client
 * chooses is bounded by a limit before it comes here. All of it is released
 * with free(). Running out ends the process with a sentence: a worker is
 * replaced by the master, a reload child is a failed reload.
 */

#include "util/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
die(size_t size)
{
	fprintf(stderr, "gatehouse: out of memory (%zu bytes wanted)\n", size);
	abort();
}

/* size zeroed bytes; never NULL. */
void *
mem_new(size_t size)
{
	void *mem = calloc(1, size ? size : 1);

	if (mem == NULL)
		die(size);
	return mem;
}

/* count zeroed elements of size bytes; never NULL. */
void *
mem_array(size_t count, size_t size)
{
	void *mem = calloc(count ? count : 1, size ? size : 1);

	if (mem == NULL)
		die(count * size);
	return mem;
}

/* old resized to count elements; what was added is not cleared. */
void *
mem_grow(void *old, size_t count, size_t size)
{
	void *mem;

	if (size != 0 && count > SIZE_MAX / size)
		die(SIZE_MAX);
	mem = realloc(old, count > 0 && size > 0 ? count * size : 1);
	if (mem == NULL)
		die(count * size);
	return mem;
}

/* A NUL-terminated copy of len bytes of text. */
char *
mem_text(const char *text, size_t len)
{
	char *copy = mem_new(len + 1);

	if (len > 0)
		memcpy(copy, text, len);
	return copy;
}
