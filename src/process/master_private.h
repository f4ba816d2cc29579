/*
 * process/master_private.h - the master's state, shared by the files that
 * are the master: master, child, reload, logs, command, status, upgrade
 */
#ifndef PROCESS_MASTER_PRIVATE_H
#define PROCESS_MASTER_PRIVATE_H

#include <event2/event.h>

#include "process/command.h"
#include "process/daemon.h"
#include "process/listen.h"
#include "process/master.h"
#include "shared/channel.h"
#include "shared/control.h"
#include "shared/region.h"
#include "table/view.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/list.h"
#include "util/log.h"

#define WORKERS_MAX 512

enum child_role {
	CHILD_WORKER,
	CHILD_RESOLVER,
	CHILD_LOADER,
	CHILD_HOST,		/* of functions */
};

/* One forked process, until it has been reaped. */
struct child {
	struct list link;	/* in master.children */
	struct master *master;
	enum child_role role;
	pid_t pid;
	unsigned slot;		/* a worker's place, from 0; the host: 1 when
				   it keeps root's power to become others */
	int cell;		/* its line in the control page, or -1 */
	struct channel channel;
	struct event *readable;
	struct event *writable;	/* added while messages wait */
	uint64_t started_ms;
	uint64_t serves;	/* generation of its last READY */
	uint64_t prepares;	/* generation it has not answered for, or 0 */
	bool draining;		/* told to end; no longer in its seat */
	uint64_t aborted_ms;	/* the watchdog's first blow, or 0 */
	struct grant *grants;	/* sockets it was given; owned */
	unsigned ngrants;
};

/* A socket that a worker accepts from. */
struct grant {
	uint64_t listener_id;
	unsigned index;
};

/* A place for a child that is filled again when it dies. */
struct seat {
	struct master *master;
	unsigned slot;
	struct child *child;	/* NULL: dead or not wanted */
	unsigned quick;		/* deaths in a row soon after the start */
	struct event *respawn;	/* pending while a start is put off */
};

enum reload_state {
	RELOAD_IDLE,
	RELOAD_LOADING,		/* a child reads the file */
	RELOAD_PREPARING,	/* the workers build the new table */
};

/* The reload that is under way; at start, the first one. */
struct reload {
	enum reload_state state;
	bool again;		/* another was ordered meanwhile */
	uint64_t serial;	/* of this one, counted from 1 */
	uint64_t generation;
	uint64_t started_ms;
	uint64_t prepared_ms;	/* when PREPARE went out */
	struct event *limit;
	struct child *loader;
	struct message_launch launch;
	struct message_image facts;
	bool has_launch, has_facts;
	int image_fd;
	int functions_fd;	/* -1: no function of this machine */
	struct message_functions functions;
	bool functions_changed;
	struct message_path *function_logs;	/* owned */
	unsigned nfunction_logs;
	struct table_view *view;
	int report_fd;
	struct message_report report;
	unsigned slowest;	/* slot of the last worker that was ready */
	uint64_t slowest_ms;
	bool settings_changed;	/* of the master's own, at once */
	char restart[1024];	/* what it says of those that cannot */
};

/* How the last one ended; for status and for who waits. */
struct reload_result {
	uint64_t serial;	/* 0: none yet */
	enum exit_code code;
	uint64_t wall_ms;
	uint64_t took_ms;
	uint64_t generation;
	bool unchanged;
	struct message_image facts;
	char *text;		/* owned: what happened, for people */
	char *problems;		/* owned: JSON list of findings, or NULL */
};

enum master_phase {
	MASTER_STARTING,	/* until the first table is committed */
	MASTER_SERVING,
	MASTER_DRAINING,	/* QUIT: workers finish what they have */
	MASTER_STOPPING,	/* TERM: as fast as it goes */
};

/* The functions of this machine that are in force, and their host. */
struct functions {
	struct seat seat;
	struct child *next;	/* takes the seat when the reload commits */
	int fd;			/* owned; the functions file, -1: none */
	struct message_functions facts;
	struct message_path *logs;	/* owned */
	unsigned nlogs;
	struct list listeners;	/* struct listener: where they are invoked */
	uint64_t serial;
};

/* A newer gatehouse that this one has started. */
struct upgrade {
	pid_t pid;		/* 0: none */
	struct event *told;	/* its pipe: a byte when it serves */
	int from;
	bool serves;
};

struct master {
	const struct master_options *options;
	struct event_base *base;
	struct log log;
	int log_fd;		/* owned; -1: standard error */
	enum master_phase phase;
	int exit_code;
	uint64_t started_wall_ms;
	int tell;		/* pipe to who waits for the start, or -1 */
	int descriptors;	/* limit of open ones */
	struct control *control;
	struct region *region;
	struct pid_file pid_file;
	pid_t predecessor;	/* the master that upgraded to us, or 0 */
	int predecessor_tell;	/* pipe to it, until we serve; or -1 */
	struct event *signals[16];
	struct event *tick;	/* each second: watchdog */
	uint64_t ticked_ms;
	struct event *deadline;	/* of an end that takes too long */
	unsigned kills;		/* how often that was over */

	struct list children;	/* struct child: all that were not reaped */
	struct seat seats[WORKERS_MAX];
	struct seat resolver;
	unsigned workers;	/* seats to be filled */
	bool drained;		/* WINCH: none is, for now */

	struct message_launch launch;	/* in force */
	struct table_view *view;	/* in force; NULL at start */
	int image_fd;			/* the same image */
	uint64_t generation;		/* the same; 0 at start */
	uint64_t last_generation;	/* the last number given to a load */
	bool has_names;			/* the resolver is wanted */
	struct list listeners;		/* struct listener */
	struct list inherited;		/* struct inherited: not used yet */
	struct list logs;		/* struct log_file */
	struct functions functions;
	struct reload reload;
	struct reload_result result;
	struct upgrade upgrade;
	struct command_server command;
};

/* master.c */
void master_stop(struct master *master, int code);
void master_quit(struct master *master);
int master_launch(struct master *master, struct error *err);
void master_undrain(struct master *master);
void master_serving(struct master *master);
int master_adjust(struct master *master, struct error *err);
void master_fill(struct master *master);
void master_resolver(struct master *master);
void master_host(struct master *master);

/* upgrade.c */
struct inherited {
	struct list link;	/* in master.inherited */
	uint64_t listener_id;
	unsigned slot;
	int fd;			/* owned */
};

void upgrade_inherit(struct master *master);
void upgrade_hand_over(struct master *master, struct listener *listener);
void upgrade_inherit_done(struct master *master);
bool upgrade_from_alive(const struct master *master);
void upgrade_start(struct master *master);
void upgrade_ended(struct master *master, int status);
void upgrade_close(struct master *master);

/* status.c */
void status_write(struct master *master, bool json, struct buf *out);
void status_result_write(struct master *master, bool json, struct buf *out);

/* child.c */
struct child *child_start(struct master *master, enum child_role role,
    unsigned slot);
void child_send(struct child *child, const struct message *message, int fd);
void child_read(struct child *child);
void child_kill(struct child *child, int number);
void child_free(struct child **child_p);
const char *child_name(const struct child *child, char name[32]);
void child_table(struct child *child, enum message_type type,
    uint64_t generation, int fd);
void child_forget(struct master *master, uint64_t listener_id);
void child_listen(struct child *child, const struct listener *listener,
    uint64_t generation);
void child_drain(struct child *child);

#endif
