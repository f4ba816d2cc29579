/* process/load_functions.h - the functions of a configuration, for the host */
#ifndef PROCESS_LOAD_FUNCTIONS_H
#define PROCESS_LOAD_FUNCTIONS_H

#include "shared/channel.h"

struct error;
struct load;

/* What a load found out about the functions of this machine. */
struct loaded_functions {
	int fd;			/* owned; the functions file, -1: none */
	struct message_functions facts;
	struct message_path *logs;	/* owned: one for each file */
	unsigned nlogs;
};

void load_functions_check(struct load *load);
int load_functions_write(struct load *load, struct error *err);
void load_functions_close(struct load *load);

#endif
