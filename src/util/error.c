/*
 * util/error.c - failures as sentences
 *
 * A function that can fail for a reason outside the program returns -1 and
 * leaves one sentence here; each caller may put its own context in front, and
 * the top logs the whole once. Nothing here allocates.
 */

#include "util/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Store the sentence. Always returns -1, so that callers can return it. */
int
error_set(struct error *err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(err->text, sizeof err->text, format, ap);
	va_end(ap);
	return -1;
}

/* The same, followed by ": " and the text of errno. Keeps errno. */
int
error_errno(struct error *err, const char *format, ...)
{
	int saved = errno;
	size_t len;
	va_list ap;

	va_start(ap, format);
	vsnprintf(err->text, sizeof err->text, format, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof err->text - len, ": %s",
	    strerror(saved));
	errno = saved;
	return -1;
}

/* Put context in front of the sentence that is there. Returns -1. */
int
error_prefix(struct error *err, const char *format, ...)
{
	char old[ERROR_TEXT_MAX];
	size_t len;
	va_list ap;

	memcpy(old, err->text, sizeof old);
	va_start(ap, format);
	vsnprintf(err->text, sizeof err->text, format, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof err->text - len, ": %s", old);
	return -1;
}
