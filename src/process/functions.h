/* process/functions.h - the master's part of the function host */
#ifndef PROCESS_FUNCTIONS_H
#define PROCESS_FUNCTIONS_H

#include "process/master_private.h"

void functions_init(struct master *master);
void functions_close(struct master *master);

/* In the order of a reload. */
void functions_log_loaded(struct master *master,
    const struct message_path *path);
void functions_loaded(struct master *master,
    const struct message_functions *facts, int fd);
bool functions_same(const struct master *master);
int functions_open(struct master *master, struct error *err);
int functions_prepare(struct master *master);
void functions_abort(struct master *master);
void functions_drop_fresh(struct master *master);
void functions_publish(struct master *master);
void functions_commit(struct master *master);
void functions_forget(struct master *master);

void functions_brief(struct master *master, struct child *child);
void functions_child_ended(struct child *child);
void functions_take_back(struct master *master);

#endif
