/* process/command.h - the control socket: a few fixed requests */
#ifndef PROCESS_COMMAND_H
#define PROCESS_COMMAND_H

#include <sys/types.h>

#include "util/list.h"

struct error;
struct event;
struct master;

/* The master's end of the control socket. */
struct command_server {
	int fd;			/* -1: none */
	char path[128];
	dev_t device;
	ino_t inode;
	struct event *readable;
	struct list connections;	/* struct connection */
	unsigned count;
};

int command_open(struct master *master, const char *path, struct error *err);
void command_close(struct master *master);
void command_reload_ended(struct master *master);
void command_serving(struct master *master);

#endif
