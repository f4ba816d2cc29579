/*
 * shared/channel.h - messages between the master and one child
 */
#ifndef SHARED_CHANNEL_H
#define SHARED_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"
#include "util/list.h"

/* Every message there is. Each has one body, and a descriptor or none. */
enum message_type {
	MESSAGE_NONE,

	/*
	 * The master to a worker; to the function host the same, where a log
	 * is the functions' and PREPARE brings the functions file.
	 */
	MESSAGE_LISTEN,		/* listen; + a listening socket */
	MESSAGE_RETIRE,		/* listen: accept what is queued, close it */
	MESSAGE_ACCESS_LOG,	/* log; + a file */
	MESSAGE_LOG_ENDED,	/* log: nobody writes there any more */
	MESSAGE_ERROR_LOG,	/* table; + a file */
	MESSAGE_PREPARE,	/* table; + an image. Also to the resolver */
	MESSAGE_COMMIT,		/* table */
	MESSAGE_ABORT,		/* table */
	MESSAGE_DRAIN,		/* drain */

	/* a worker or the host to the master */
	MESSAGE_READY,		/* table */
	MESSAGE_FAILED,		/* failure */
	MESSAGE_DRAINED,	/* table */

	/* the loader of a configuration to the master */
	MESSAGE_REPORT,		/* report; + a memory file with text */
	MESSAGE_LAUNCH,		/* launch */
	MESSAGE_IMAGE,		/* image; + an image */
	MESSAGE_FUNCTIONS,	/* functions; + the functions file */
	MESSAGE_FUNCTION_LOG,	/* path: they log there */

	MESSAGE_TYPES
};

struct message_listen {
	uint64_t listener_id;	/* image_listener.id */
	uint64_t generation;	/* accept once this one is committed */
};

struct message_log {
	uint64_t log_id;	/* image_log.id */
};

struct message_table {
	uint64_t generation;
};

struct message_drain {
	uint32_t deadline_ms;	/* what is left then is cut */
	uint32_t pad;
};

struct message_failure {
	uint64_t generation;
	char text[ERROR_TEXT_MAX];
};

struct message_report {
	uint32_t errors;
	uint32_t warnings;
	uint64_t text_bytes;	/* for people, line by line */
	uint64_t json_bytes;	/* behind it: a list for programs */
};

#define LAUNCH_GROUPS_MAX 32

/* What the master itself needs of a configuration. */
struct message_launch {
	uint32_t workers;
	uint32_t core_dumps;	/* 1: allowed */
	uint32_t log_level;	/* enum log_level */
	uint32_t connections;	/* per worker, lowered to what fits */
	uint32_t connections_wanted;
	uint32_t uid, gid;	/* of the children, when started as root */
	uint32_t ngroups;
	uint32_t groups[LAUNCH_GROUPS_MAX];
	char user[64];
	char pid_file[1024];	/* empty: none */
	char control_socket[128];
	char error_log[1024];	/* empty: standard error */
};

struct message_image {
	uint64_t generation;
	uint32_t unchanged;	/* 1: the same bytes as the table in force */
	uint32_t names;		/* 1: some server is a host name */
	uint32_t routes_added, routes_removed, routes_changed;
	uint32_t listeners_added, listeners_removed;
	uint32_t upstreams_added, upstreams_removed, upstreams_changed;
};

/* The functions that run on this machine. */
struct message_functions {
	uint32_t count;
	uint32_t root;		/* 1: some have a user of their own */
	unsigned char hash[32];	/* of the functions file */
	char socket[128];	/* path of the Invoke API's */
	char listener[128];	/* "127.0.0.1:9001"; empty: none */
};

struct message_path {
	uint64_t log_id;	/* function_spec.log_id */
	char path[1024];
};

struct message {
	uint32_t type;		/* enum message_type */
	uint32_t size;		/* of the whole message */
	union {
		struct message_listen listen;
		struct message_log log;
		struct message_table table;
		struct message_drain drain;
		struct message_failure failure;
		struct message_report report;
		struct message_launch launch;
		struct message_image image;
		struct message_functions functions;
		struct message_path path;
	} body;
};

/*
 * One end of a channel. Sending never waits: what the socket does not take
 * is kept, and its owner flushes when the socket can be written again.
 */
struct channel {
	int fd;			/* owned */
	unsigned waiting;	/* messages kept */
	struct list parcels;	/* struct parcel: kept, oldest first */
};

enum channel_result {
	CHANNEL_ERROR = -1,
	CHANNEL_AGAIN,		/* nothing there now */
	CHANNEL_MESSAGE,
	CHANNEL_END,		/* the other side is gone */
};

int channel_pair(int fds[2], struct error *err);
void channel_open(struct channel *channel, int fd);
void channel_close(struct channel *channel);
int channel_send(struct channel *channel, const struct message *message,
    int fd, struct error *err);
int channel_flush(struct channel *channel, struct error *err);
enum channel_result channel_receive(struct channel *channel,
    struct message *message, int *fd_r, struct error *err);

#endif
