/* util/error.h - one failure, as a sentence for people */
#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

#define ERROR_TEXT_MAX 1024

/* A fixed buffer: setting an error can never itself fail. */
struct error {
	char text[ERROR_TEXT_MAX];
};

int error_set(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int error_errno(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int error_prefix(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
