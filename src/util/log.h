/* util/log.h - the error log: lines for the operator */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <stdarg.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* One per process, handed down. prefix says who speaks ("worker 2"). */
struct log {
	int fd;
	enum log_level level;
	char prefix[48];
	unsigned long dropped;	/* lines that the descriptor did not take */
};

void log_open(struct log *log, int fd, enum log_level level,
    const char *prefix);
int log_level_parse(const char *name, enum log_level *level_r);
const char *log_level_name(enum log_level level);
void log_write(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(log, ...) log_write((log), LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(log, ...) log_write((log), LOG_LEVEL_WARN, __VA_ARGS__)
#define log_notice(log, ...) log_write((log), LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(log, ...) \
	((log)->level >= LOG_LEVEL_INFO ? \
	    log_write((log), LOG_LEVEL_INFO, __VA_ARGS__) : (void)0)
#define log_debug(log, ...) \
	((log)->level >= LOG_LEVEL_DEBUG ? \
	    log_write((log), LOG_LEVEL_DEBUG, __VA_ARGS__) : (void)0)

#endif
