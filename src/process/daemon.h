/* process/daemon.h - what makes a process a daemon, and a child harmless */
#ifndef PROCESS_DAEMON_H
#define PROCESS_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;
struct message_launch;

/* The exit codes of gatehouse. */
enum exit_code {
	EXIT_CODE_OK = 0,
	EXIT_CODE_FAILURE = 1,
	EXIT_CODE_USAGE = 2,
	EXIT_CODE_CONFIGURATION = 3,
	EXIT_CODE_BIND = 5,
	EXIT_CODE_RUNNING = 6,
};

/* A pid file whose lock its owner holds as long as it lives. */
struct pid_file {
	int fd;			/* -1: none */
	dev_t device;
	ino_t inode;
	char path[1040];
};

int daemon_background(int *tell_r, struct error *err);
void daemon_tell(int *tell_p, int code);
void daemon_detach(void);

int pid_file_lock(struct pid_file *file, const char *path, struct error *err);
int pid_file_write(struct pid_file *file, pid_t pid, struct error *err);
int pid_file_rename(struct pid_file *file, const char *path,
    struct error *err);
void pid_file_remove(struct pid_file *file);
pid_t pid_file_owner(const char *path, struct error *err);

int daemon_folder(const char *path);
int daemon_drop(const struct message_launch *launch, struct error *err);
int daemon_drop_most(const struct message_launch *launch, struct error *err);
void daemon_close_others(const int *keep, size_t count);
void daemon_reset_signals(void);

#endif
