/*
 * process/functions.c - the master's part of the function host
 *
 * There is one host process while the table in force has functions of this
 * machine. Its sockets are the master's, so that a host that dies loses no
 * caller that waits in a queue. A reload brings new functions to it in the
 * same two steps as tables to the workers; the master passes their file on
 * and never looks into it.
 */

#include "process/functions.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "process/logs.h"
#include "process/reload.h"
#include "util/fd.h"
#include "util/hash.h"
#include "util/mem.h"

#define BACKLOG		511
#define DEFAULT_LOG	GATEHOUSE_LOCALSTATEDIR "/log/gatehouse/functions.log"

/* Of the loader; fd is ours from now on. */
void
functions_loaded(struct master *master, const struct message_functions *facts,
    int fd)
{
	struct reload *reload = &master->reload;

	fd_close(&reload->functions_fd);
	reload->functions_fd = fd;
	reload->functions = *facts;
	reload->functions.socket[sizeof facts->socket - 1] = '\0';
	reload->functions.listener[sizeof facts->listener - 1] = '\0';
}

/* The same: they log to this file too. */
void
functions_log_loaded(struct master *master, const struct message_path *path)
{
	struct reload *reload = &master->reload;
	struct message_path *log;

	reload->function_logs = mem_grow(reload->function_logs,
	    reload->nfunction_logs + 1, sizeof *reload->function_logs);
	log = &reload->function_logs[reload->nfunction_logs++];
	*log = *path;
	log->path[sizeof log->path - 1] = '\0';
	/* In the foreground the default gives way to the terminal. */
	if (master->options->foreground && strcmp(log->path, DEFAULT_LOG) == 0)
		strcpy(log->path, "stderr");
}

/* A reload is over: what it did not leave in force goes. */
void
functions_forget(struct master *master)
{
	struct reload *reload = &master->reload;

	fd_close(&reload->functions_fd);
	memset(&reload->functions, 0, sizeof reload->functions);
	free(reload->function_logs);
	reload->function_logs = NULL;
	reload->nfunction_logs = 0;
}

/* Does the reload leave the functions as they are? */
bool
functions_same(const struct master *master)
{
	return memcmp(&master->reload.functions, &master->functions.facts,
	    sizeof master->functions.facts) == 0;
}

/* --- sockets ------------------------------------------------------------- */

static struct listener *
find_text(const struct master *master, const char *text)
{
	struct list *node;

	LIST_EACH(node, &master->functions.listeners) {
		struct listener *listener = LIST_ITEM(node, struct listener,
		    link);

		if (strcmp(listener->text, text) == 0)
			return listener;
	}
	return NULL;
}

/* The id tells sockets apart, also two that had the same path. */
static uint64_t
new_id(struct master *master, const char *text)
{
	uint64_t id = hash_slice(slice_text(text), 13);

	return text[0] == '/' ? id + ++master->functions.serial : id;
}

static int
bind_socket(struct master *master, struct listener *listener,
    struct error *err)
{
	const struct message_launch *launch = &master->launch;

	if (!listener->shared) {
		upgrade_hand_over(master, listener);
		return listener_grow(listener, 1, &master->functions.listeners,
		    master->phase == MASTER_STARTING, err);
	}
	daemon_folder(listener->text);
	if (!upgrade_from_alive(master) && listener_is_served(listener))
		return error_set(err, "cannot listen on %s: address already "
		    "in use", listener->text);
	return listener_bind_aside(listener, 0660, launch->uid, launch->gid,
	    err);
}

static int
open_socket(struct master *master, const char *text, struct error *err)
{
	struct listener *listener;

	if (text[0] == '\0' || find_text(master, text) != NULL)
		return 0;
	listener = listener_at(text, new_id(master, text), BACKLOG, err);
	if (listener == NULL)
		return -1;
	listener->fresh = true;
	if (bind_socket(master, listener, err) < 0) {
		listener_free(&listener, true);
		return -1;
	}
	list_append(&master->functions.listeners, &listener->link);
	return 0;
}

/* Open the sockets that the reload's functions need besides. */
int
functions_open(struct master *master, struct error *err)
{
	const struct message_functions *facts = &master->reload.functions;

	if (open_socket(master, facts->socket, err) < 0)
		return -1;
	return open_socket(master, facts->listener, err);
}

static void
retire(struct master *master, struct listener *listener)
{
	struct message message = { .type = MESSAGE_RETIRE };

	message.body.listen.listener_id = listener->id;
	if (master->functions.seat.child != NULL)
		child_send(master->functions.seat.child, &message, -1);
	listener_free(&listener, true);
}

/* Close what was opened for functions that do not come. */
void
functions_drop_fresh(struct master *master)
{
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &master->functions.listeners) {
		struct listener *listener = LIST_ITEM(node, struct listener,
		    link);

		if (listener->fresh)
			listener_free(&listener, true);
	}
}

/* Workers with the new table will look for the sockets at their paths. */
void
functions_publish(struct master *master)
{
	struct list *node;
	struct error err;

	LIST_EACH(node, &master->functions.listeners)
		if (listener_publish(LIST_ITEM(node, struct listener, link),
		    &err) < 0)
			log_error(&master->log, "%s", err.text);
}

static void
settle_sockets(struct master *master)
{
	const struct message_functions *facts = &master->functions.facts;
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &master->functions.listeners) {
		struct listener *listener = LIST_ITEM(node, struct listener,
		    link);

		listener->fresh = false;
		if (strcmp(listener->text, facts->socket) != 0 &&
		    strcmp(listener->text, facts->listener) != 0)
			retire(master, listener);
	}
}

/* --- the host ------------------------------------------------------------ */

static void
send_sockets(struct master *master, struct child *child, bool fresh,
    uint64_t generation)
{
	struct message message = { .type = MESSAGE_LISTEN };
	struct list *node;

	message.body.listen.generation = generation;
	LIST_EACH(node, &master->functions.listeners) {
		const struct listener *listener = LIST_ITEM(node,
		    const struct listener, link);

		message.body.listen.listener_id = listener->id;
		if (listener->fresh == fresh)
			child_send(child, &message, listener->fds[0]);
	}
}

/* The functions of the reload that is under way: it takes part. */
static void
send_coming(struct master *master, struct child *child)
{
	struct reload *reload = &master->reload;

	child->prepares = reload->generation;
	child_table(child, MESSAGE_PREPARE, reload->generation,
	    reload->functions_fd);
	send_sockets(master, child, true, reload->generation);
}

/* A new host learns what is in force, and what is coming. */
void
functions_brief(struct master *master, struct child *child)
{
	struct functions *functions = &master->functions;

	logs_send(master, child);
	child_table(child, MESSAGE_PREPARE, master->generation,
	    functions->fd);
	send_sockets(master, child, false, master->generation);
	if (master->reload.state == RELOAD_PREPARING &&
	    master->reload.functions_fd >= 0 && functions->next == NULL)
		send_coming(master, child);
}

/* Is the host that runs fit for these functions? */
static bool
is_fit(const struct child *child, const struct message_functions *facts)
{
	return child != NULL && child->slot == facts->root;
}

/* Hand the reload's functions to the host, or to a new one. */
int
functions_prepare(struct master *master)
{
	struct functions *functions = &master->functions;
	struct reload *reload = &master->reload;

	if (reload->functions_fd < 0)
		return 0;
	if (is_fit(functions->seat.child, &reload->functions)) {
		send_coming(master, functions->seat.child);
		return 0;
	}
	functions->next = child_start(master, CHILD_HOST,
	    reload->functions.root);
	if (functions->next == NULL)
		return -1;
	logs_send(master, functions->next);
	send_coming(master, functions->next);
	send_sockets(master, functions->next, false, reload->generation);
	return 0;
}

/* They do not come. */
void
functions_abort(struct master *master)
{
	struct functions *functions = &master->functions;
	struct child *next = functions->next;

	functions->next = NULL;
	if (next != NULL) {
		next->draining = true;
		child_kill(next, SIGTERM);
	} else if (functions->seat.child != NULL &&
	    master->reload.functions_fd >= 0) {
		child_table(functions->seat.child, MESSAGE_ABORT,
		    master->reload.generation, -1);
	}
}

static void
take_over(struct master *master)
{
	struct functions *functions = &master->functions;
	struct reload *reload = &master->reload;

	fd_close(&functions->fd);
	functions->fd = reload->functions_fd;
	functions->facts = reload->functions;
	reload->functions_fd = -1;
	free(functions->logs);
	functions->logs = reload->function_logs;
	functions->nlogs = reload->nfunction_logs;
	reload->function_logs = NULL;
	reload->nfunction_logs = 0;
}

/* The reload's functions are in force. */
void
functions_commit(struct master *master)
{
	struct functions *functions = &master->functions;
	struct child *old = functions->seat.child;
	bool wanted;

	take_over(master);
	wanted = functions->fd >= 0;
	functions->seat.slot = functions->facts.root;
	if (old != NULL && (!wanted || functions->next != NULL ||
	    !is_fit(old, &functions->facts)))
		child_drain(old);
	if (functions->next != NULL)
		functions->seat.child = functions->next;
	functions->next = NULL;
	if (functions->seat.child != NULL)
		child_table(functions->seat.child, MESSAGE_COMMIT,
		    master->generation, -1);
	settle_sockets(master);
}

/* One has ended that was to be the host. */
void
functions_child_ended(struct child *child)
{
	struct master *master = child->master;

	if (master->functions.next == child)
		master->functions.next = NULL;
}

/* Before the next one starts nobody else may listen: see upgrade.c. */
void
functions_take_back(struct master *master)
{
	struct functions *functions = &master->functions;
	struct list *node, *after;
	struct error err;

	LIST_EACH_SAFE(node, after, &functions->listeners) {
		struct listener *listener = LIST_ITEM(node, struct listener,
		    link);

		if (listener->shared && !listener_in_place(listener))
			retire(master, listener);
	}
	if (functions->fd < 0)
		return;
	if (open_socket(master, functions->facts.socket, &err) < 0)
		log_error(&master->log, "%s", err.text);
	functions_publish(master);
	if (functions->seat.child != NULL)
		send_sockets(master, functions->seat.child, true,
		    master->generation);
	settle_sockets(master);
}

void
functions_init(struct master *master)
{
	struct functions *functions = &master->functions;

	functions->fd = -1;
	list_init(&functions->listeners);
	memset(&functions->facts, 0, sizeof functions->facts);
}

void
functions_close(struct master *master)
{
	struct functions *functions = &master->functions;
	struct list *node, *after;

	LIST_EACH_SAFE(node, after, &functions->listeners) {
		struct listener *listener = LIST_ITEM(node, struct listener,
		    link);

		listener_free(&listener, true);
	}
	fd_close(&functions->fd);
	free(functions->logs);
	functions->logs = NULL;
}
