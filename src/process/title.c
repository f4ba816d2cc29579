/*
 * process/title.c - the process's name as ps shows it
 *
 * Linux shows the memory where the arguments lay at start, and goes on into
 * the environment behind them when the last byte is no longer NUL. The
 * environment and the arguments are moved away first. Call title_open before
 * anything keeps a pointer into either.
 */

#include "process/title.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/mem.h"

/* Where text ends, if it begins right at end; else end. */
static char *
extend(char *end, const char *text)
{
	return text == end ? end + strlen(text) + 1 : end;
}

/* All texts in one block: what is unset later is lost to nobody. */
static void
move_environment(void)
{
	size_t count, size = 0, len, i;
	char **copy, *at;

	for (count = 0; environ[count] != NULL; count++)
		size += strlen(environ[count]) + 1;
	copy = mem_array(count + 1, sizeof *copy);
	at = mem_new(size);
	for (i = 0; i < count; i++) {
		len = strlen(environ[i]) + 1;
		copy[i] = memcpy(at, environ[i], len);
		at += len;
	}
	environ = copy;
}

/* argv's and the environment's texts are copies from now on. */
void
title_open(struct title *title, int argc, char **argv)
{
	char *end;
	int i;

	title->at = NULL;
	title->size = 0;
	if (argc < 1)
		return;
	end = argv[0];
	for (i = 0; i < argc; i++)
		end = extend(end, argv[i]);
	for (i = 0; environ[i] != NULL; i++)
		end = extend(end, environ[i]);
	move_environment();
	title->at = argv[0];
	title->size = (size_t)(end - argv[0]);
	for (i = 0; i < argc; i++)
		argv[i] = mem_text(argv[i], strlen(argv[i]));
}

/* Cut to the room there is. */
void
title_set(const struct title *title, const char *format, ...)
{
	va_list ap;

	if (title->size == 0)
		return;
	memset(title->at, 0, title->size);
	va_start(ap, format);
	vsnprintf(title->at, title->size, format, ap);
	va_end(ap);
}
