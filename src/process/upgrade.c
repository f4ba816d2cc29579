/*
 * process/upgrade.c - a newer binary takes over, without a gap
 *
 * On USR2 the master runs its own program file again. The new master finds
 * the listening sockets in its environment, loads the configuration and
 * serves beside the old one, on the same sockets; the pid file and the
 * control socket are then its own. QUIT ends the old one; if the new one dies
 * instead, the old one takes its files back.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/functions.h"
#include "process/master_private.h"
#include "process/notify.h"
#include "util/fd.h"
#include "util/mem.h"

#define ENV_SOCKETS	"GATEHOUSE_SOCKETS"	/* "id:slot:fd;…" */
#define ENV_READY	"GATEHOUSE_READY"	/* the pipe to the old master */
#define OLD		".oldbin"

/* --- the new master ------------------------------------------------------ */

static bool
is_listening(int fd)
{
	int yes = 0;
	socklen_t size = sizeof yes;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 &&
	    yes != 0;
}

static void
inherit_one(struct master *master, uint64_t id, unsigned slot, int fd)
{
	struct inherited *inherited;

	if (fd < 3 || !is_listening(fd)) {
		log_warn(&master->log, "descriptor %d was to be inherited, "
		    "but is no listening socket", fd);
		return;
	}
	fd_set_cloexec(fd, true);
	inherited = mem_new(sizeof *inherited);
	inherited->listener_id = id;
	inherited->slot = slot;
	inherited->fd = fd;
	list_append(&master->inherited, &inherited->link);
}

/* Are we started by an older gatehouse? Then take what it left for us. */
void
upgrade_inherit(struct master *master)
{
	const char *at = getenv(ENV_SOCKETS), *ready = getenv(ENV_READY);
	unsigned slot;
	uint64_t id;
	int fd, len;

	if (at == NULL || ready == NULL)
		return;
	master->predecessor = getppid();
	while (sscanf(at, "%" SCNx64 ":%u:%d;%n", &id, &slot, &fd, &len) ==
	    3) {
		inherit_one(master, id, slot, fd);
		at += len;
	}
	fd = atoi(ready);
	if (fd > 2 && fd_set_cloexec(fd, true) == 0)
		master->predecessor_tell = fd;
	unsetenv(ENV_SOCKETS);
	unsetenv(ENV_READY);
}

static struct inherited *
find(struct master *master, uint64_t id, unsigned slot)
{
	struct list *node;

	LIST_EACH(node, &master->inherited) {
		struct inherited *inherited = LIST_ITEM(node,
		    struct inherited, link);

		if (inherited->listener_id == id && inherited->slot == slot)
			return inherited;
	}
	return NULL;
}

/* The sockets of this address that the old master had. */
void
upgrade_hand_over(struct master *master, struct listener *listener)
{
	struct inherited *inherited;
	unsigned slot;

	for (slot = 0; (inherited = find(master, listener->id, slot)) != NULL;
	    slot++) {
		listener_inherit(listener, slot, inherited->fd);
		list_remove(&inherited->link);
		free(inherited);
	}
}

/* What the configuration does not name any more is closed. */
void
upgrade_inherit_done(struct master *master)
{
	struct list *node;

	while ((node = list_pop(&master->inherited)) != NULL) {
		struct inherited *inherited = LIST_ITEM(node,
		    struct inherited, link);

		fd_close(&inherited->fd);
		free(inherited);
	}
}

bool
upgrade_from_alive(const struct master *master)
{
	return master->predecessor != 0 && getppid() == master->predecessor;
}

/* --- the old master ------------------------------------------------------ */

static void
on_told(evutil_socket_t fd, short what, void *arg)
{
	struct master *master = arg;
	struct upgrade *upgrade = &master->upgrade;
	unsigned char byte;

	(void)fd;
	(void)what;
	if (read(upgrade->from, &byte, 1) == 1) {
		upgrade->serves = true;
		log_notice(&master->log, "the newer gatehouse (pid %d) serves;"
		    " QUIT ends this one, HUP keeps it", (int)upgrade->pid);
		notify_send("MAINPID=%d", (int)upgrade->pid);
	}
	event_free(upgrade->told);
	upgrade->told = NULL;
	fd_close(&upgrade->from);
}

static void
write_listeners(const struct list *listeners, struct buf *text)
{
	struct list *node;
	unsigned i;

	LIST_EACH(node, listeners) {
		const struct listener *listener = LIST_ITEM(node,
		    const struct listener, link);

		for (i = 0; i < listener->count; i++) {
			fd_set_cloexec(listener->fds[i], false);
			buf_printf(text, "%" PRIx64 ":%u:%d;", listener->id,
			    i, listener->fds[i]);
		}
	}
}

/* In the forked process. */
static _Noreturn void
run_new(struct master *master, int ready)
{
	const struct master_options *options = master->options;
	char *args[12];
	char number[16];
	struct buf text;
	int n = 0;

	buf_open(&text);
	write_listeners(&master->listeners, &text);
	/* Of these the unix socket is not taken: each host has its own. */
	write_listeners(&master->functions.listeners, &text);
	buf_add_char(&text, '\0');
	fd_set_cloexec(ready, false);
	snprintf(number, sizeof number, "%d", ready);
	setenv(ENV_SOCKETS, text.at, 1);
	setenv(ENV_READY, number, 1);
	args[n++] = (char *)(size_t)options->program;
	args[n++] = (char *)(size_t)"-c";
	args[n++] = (char *)(size_t)options->file;
	args[n++] = (char *)(size_t)"-p";
	args[n++] = (char *)(size_t)options->prefix;
	if (options->foreground)
		args[n++] = (char *)(size_t)"-f";
	if (options->quiet)
		args[n++] = (char *)(size_t)"-q";
	if (options->verbose)
		args[n++] = (char *)(size_t)"-v";
	if (options->watch)
		args[n++] = (char *)(size_t)"--watch";
	args[n] = NULL;
	daemon_reset_signals();
	/* Until it has its own log, it complains in ours. */
	if (!options->foreground)
		dup2(master->log.fd, STDERR_FILENO);
	execvp(options->program, args);
	log_error(&master->log, "cannot run %s: %s", options->program,
	    strerror(errno));
	_exit(1);
}

static int
fork_new(struct master *master, struct error *err)
{
	struct upgrade *upgrade = &master->upgrade;
	sigset_t all, old;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, "cannot make a pipe");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		run_new(master, ends[1]);
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return error_errno(err, "cannot fork");
	}
	upgrade->pid = pid;
	upgrade->serves = false;
	upgrade->from = ends[0];
	upgrade->told = event_new(master->base, ends[0], EV_READ, on_told,
	    master);
	event_add(upgrade->told, NULL);
	return 0;
}

/* USR2. */
void
upgrade_start(struct master *master)
{
	char aside[sizeof master->pid_file.path];
	struct error err;

	if (master->upgrade.pid != 0 || upgrade_from_alive(master)) {
		log_warn(&master->log, "an upgrade is under way already");
		return;
	}
	if (strlen(master->launch.pid_file) + sizeof OLD > sizeof aside) {
		log_error(&master->log, "the path of the pid file is too long");
		return;
	}
	snprintf(aside, sizeof aside, "%s" OLD, master->launch.pid_file);
	if (pid_file_rename(&master->pid_file, aside, &err) < 0) {
		log_error(&master->log, "%s", err.text);
		return;
	}
	if (fork_new(master, &err) < 0) {
		log_error(&master->log, "%s", err.text);
		pid_file_rename(&master->pid_file, master->launch.pid_file,
		    &err);
		return;
	}
	log_notice(&master->log, "upgrade: started %s (pid %d)",
	    master->options->program, (int)master->upgrade.pid);
}

static void
take_back(struct master *master)
{
	struct error err;

	if (pid_file_rename(&master->pid_file, master->launch.pid_file,
	    &err) < 0)
		log_error(&master->log, "%s", err.text);
	command_close(master);
	if (master->launch.control_socket[0] != '\0' &&
	    command_open(master, master->launch.control_socket, &err) != 0)
		log_error(&master->log, "%s", err.text);
	functions_take_back(master);
	notify_send("MAINPID=%d", (int)getpid());
	/* Nobody else serves: drained or not, it is on us again. */
	master_undrain(master);
}

/* The newer one is gone. */
void
upgrade_ended(struct master *master, int status)
{
	pid_t pid = master->upgrade.pid;

	upgrade_close(master);
	if (WIFSIGNALED(status))
		log_warn(&master->log, "the newer gatehouse (pid %d) died of "
		    "signal %d: serving on", (int)pid, WTERMSIG(status));
	else
		log_warn(&master->log, "the newer gatehouse (pid %d) ended "
		    "with status %d: serving on", (int)pid,
		    WEXITSTATUS(status));
	if (master->phase == MASTER_SERVING)
		take_back(master);
}

void
upgrade_close(struct master *master)
{
	struct upgrade *upgrade = &master->upgrade;

	if (upgrade->told != NULL)
		event_free(upgrade->told);
	upgrade->told = NULL;
	fd_close(&upgrade->from);
	upgrade->pid = 0;
	upgrade->serves = false;
	if (master->predecessor_tell >= 0)
		fd_close(&master->predecessor_tell);
	upgrade_inherit_done(master);
}
