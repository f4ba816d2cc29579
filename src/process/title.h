/* process/title.h - what ps shows */
#ifndef PROCESS_TITLE_H
#define PROCESS_TITLE_H

#include <stddef.h>

/* The memory that ps reads. */
struct title {
	char *at;
	size_t size;
};

void title_open(struct title *title, int argc, char **argv);
void title_set(const struct title *title, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
