/*
 * util/log.c - the error log
 *
 * One line, one write: "2026-01-31T12:00:00.123Z error worker 2[4711]: text".
 * Control characters, quotes and backslashes that came from outside cannot
 * forge a line: every byte under 0x20, 0x7f and the backslash is escaped. A
 * descriptor that takes nothing costs the line, never the process.
 */

#include "util/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static const char *const level_names[] = {
	"error", "warn", "notice", "info", "debug"
};

/* prefix is copied and cut to fit. fd stays the caller's. */
void
log_open(struct log *log, int fd, enum log_level level, const char *prefix)
{
	log->fd = fd;
	log->level = level;
	log->dropped = 0;
	snprintf(log->prefix, sizeof log->prefix, "%s", prefix);
}

/* 0, or -1 when there is no such level. */
int
log_level_parse(const char *name, enum log_level *level_r)
{
	size_t i;

	for (i = 0; i < sizeof level_names / sizeof *level_names; i++)
		if (strcmp(name, level_names[i]) == 0) {
			*level_r = (enum log_level)i;
			return 0;
		}
	return -1;
}

const char *
log_level_name(enum log_level level)
{
	return level_names[level];
}

static size_t
escape(const char *text, char *to, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = 0;

	for (; *text != '\0' && len + 5 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c != 0x7f && c != '\\') {
			to[len++] = (char)c;
			continue;
		}
		to[len++] = '\\';
		to[len++] = 'x';
		to[len++] = hex[c >> 4];
		to[len++] = hex[c & 15];
	}
	return len;
}

void
log_write(struct log *log, enum log_level level, const char *format, ...)
{
	char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES * 2];
	struct timespec ts;
	struct tm tm;
	size_t len;
	va_list ap;

	if (level > log->level || log->fd < 0)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	len = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &tm);
	len += (size_t)snprintf(line + len, sizeof line - len,
	    ".%03uZ %s %s[%d]: ", (unsigned)(ts.tv_nsec / 1000000) % 1000,
	    level_names[level], log->prefix, (int)getpid());
	len += escape(text, line + len, sizeof line - len - 1);
	line[len++] = '\n';
	if (write(log->fd, line, len) != (ssize_t)len)
		log->dropped++;
}
