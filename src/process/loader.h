/* process/loader.h - from a configuration file to a sealed image */
#ifndef PROCESS_LOADER_H
#define PROCESS_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "process/load_functions.h"
#include "shared/channel.h"
#include "table/image.h"

struct error;
struct region;

/* What to load, and beside what. */
struct load_request {
	const char *file;
	const char *prefix;	/* in front of relative paths, or NULL */
	uint64_t generation;
	int descriptors;	/* limit of open ones per process; 0: unknown */
	bool names;		/* look host names up */
	const struct image_head *current;	/* in force, or NULL */
	struct region *region;	/* gets what names resolved to, or NULL */
};

struct load {
	struct spec *spec;
	struct spec_problems problems;
	struct message_launch launch;
	struct message_image facts;
	int image_fd;		/* owned; -1 when there were errors */
	struct loaded_functions functions;
	unsigned apis, routes;
};

void load_parse(struct load *load, const struct load_request *request);
int load_open(struct load *load, const struct load_request *request,
    struct error *err);
void load_close(struct load *load);
int loader_run(int channel, const struct load_request *request);

#endif
