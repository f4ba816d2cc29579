/* process/reload.h - a new table: load, prepare, commit */
#ifndef PROCESS_RELOAD_H
#define PROCESS_RELOAD_H

#include <stdint.h>

struct child;
struct master;
struct message;

uint64_t reload_order(struct master *master);
void reload_cancel(struct master *master);
void reload_on_message(struct child *child, const struct message *message,
    int fd);
void reload_on_ready(struct child *child, uint64_t generation);
void reload_on_failed(struct child *child, uint64_t generation,
    const char *text);
void reload_child_ended(struct child *child, int status);
void reload_child_left(struct child *child);
void reload_child_started(struct child *child);

#endif
