/* process/listen.h - listening sockets, made and kept by the master */
#ifndef PROCESS_LISTEN_H
#define PROCESS_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "table/image.h"
#include "util/list.h"

struct error;

/*
 * One address: a socket per worker slot, or a single one shared by all where
 * the family is unix.
 */
struct listener {
	struct list link;
	uint64_t id;			/* image_listener.id */
	struct image_address address;	/* but for its text */
	char text[128];			/* the address as configured */
	char name[64];
	unsigned backlog;
	bool fresh;			/* of the reload that is under way */
	bool inherited;			/* came from the master before us */
	bool shared;			/* unix: one socket for all */
	bool aside;			/* unix: not at its path yet */
	dev_t device;			/* unix: what we bound */
	ino_t inode;
	int *fds;			/* owned */
	unsigned count;
};

struct listener *listener_new(const struct image_head *image,
    const struct image_listener *from);
struct listener *listener_at(const char *text, uint64_t id, unsigned backlog,
    struct error *err);
void listener_free(struct listener **listener_p, bool unlink_path);
int listener_grow(struct listener *listener, unsigned count,
    const struct list *others, bool patient, struct error *err);
int listener_bind_aside(struct listener *listener, mode_t mode, uid_t uid,
    gid_t gid, struct error *err);
int listener_publish(struct listener *listener, struct error *err);
bool listener_is_served(const struct listener *listener);
bool listener_in_place(const struct listener *listener);
void listener_inherit(struct listener *listener, unsigned slot, int fd);
void listener_backlog(struct listener *listener, unsigned backlog);
struct listener *listener_find(const struct list *listeners, uint64_t id);

#endif
