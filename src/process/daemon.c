/*
 * process/daemon.c - into the background, pid file, privileges, descriptors
 *
 * Steps that a process takes once. Nothing here knows of workers or tables;
 * who calls which step is decided in master.c and child.c.
 */

#include "process/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/channel.h"
#include "util/error.h"
#include "util/fd.h"

/* The parent's part: wait for the daemon's word and end with it. */
static void
await_daemon(int from, pid_t middle)
{
	unsigned char code = EXIT_CODE_FAILURE;
	ssize_t n;

	while (waitpid(middle, NULL, 0) < 0 && errno == EINTR)
		;
	do
		n = read(from, &code, 1);
	while (n < 0 && errno == EINTR);
	_exit(n == 1 ? code : EXIT_CODE_FAILURE);
}

/*
 * Go on as a daemon without a terminal. Returns 0 in the daemon, where
 * *tell_r is for daemon_tell; the process that called stays until then and
 * ends with the code it is told. -1: nothing was done.
 */
int
daemon_background(int *tell_r, struct error *err)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, "cannot make a pipe");
	pid = fork();
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return error_errno(err, "cannot fork");
	}
	if (pid > 0) {
		close(ends[1]);
		await_daemon(ends[0], pid);
	}
	close(ends[0]);
	setsid();
	pid = fork();
	if (pid != 0)
		_exit(pid < 0 ? EXIT_CODE_FAILURE : EXIT_CODE_OK);
	*tell_r = ends[1];
	return 0;
}

/* Tell the waiting parent how it went; without one nothing happens. */
void
daemon_tell(int *tell_p, int code)
{
	unsigned char byte = (unsigned char)code;

	if (*tell_p < 0)
		return;
	if (write(*tell_p, &byte, 1) != 1)
		byte = 0;	/* the parent was killed: nobody to tell */
	fd_close(tell_p);
}

/* Leave the terminal: standard input, output and error go nowhere. */
void
daemon_detach(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* Is what stands at the path the file that we have open? */
static bool
is_there(const struct pid_file *file)
{
	struct stat st;

	return stat(file->path, &st) == 0 && st.st_dev == file->device &&
	    st.st_ino == file->inode;
}

static int
lock_once(struct pid_file *file, const char *path, struct error *err)
{
	struct timespec pause = { .tv_nsec = 10000000 };
	struct stat st;
	unsigned tries;

	snprintf(file->path, sizeof file->path, "%s", path);
	file->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
	    0644);
	if (file->fd < 0 && errno == ELOOP)
		return error_set(err, "pid file %s is a symbolic link: not "
		    "followed", path);
	if (file->fd < 0)
		return error_errno(err, "pid file %s", path);
	/* A tool that looks whether we run holds the lock for a moment. */
	for (tries = 0; flock(file->fd, LOCK_EX | LOCK_NB) < 0; tries++) {
		if (tries == 10) {
			fd_close(&file->fd);
			error_set(err, "already running: %s is locked by its "
			    "owner", path);
			return 1;
		}
		nanosleep(&pause, NULL);
	}
	fstat(file->fd, &st);
	file->device = st.st_dev;
	file->inode = st.st_ino;
	return 0;
}

/*
 * Open and lock it, without writing yet. Returns 0; 1 when its owner lives;
 * -1 when it cannot be had.
 */
int
pid_file_lock(struct pid_file *file, const char *path, struct error *err)
{
	unsigned tries;
	int code;

	for (tries = 0; tries < 10; tries++) {
		code = lock_once(file, path, err);
		if (code != 0 || is_there(file))
			return code;
		/* Its last owner removed it before we had the lock. */
		fd_close(&file->fd);
	}
	return error_set(err, "pid file %s keeps vanishing", path);
}

int
pid_file_write(struct pid_file *file, pid_t pid, struct error *err)
{
	char text[32];
	int len = snprintf(text, sizeof text, "%d\n", (int)pid);

	if (file->fd < 0)
		return 0;
	if (ftruncate(file->fd, 0) < 0 ||
	    pwrite(file->fd, text, (size_t)len, 0) != len)
		return error_errno(err, "cannot write pid file %s",
		    file->path);
	return 0;
}

/* Move it aside, or back, with its lock. */
int
pid_file_rename(struct pid_file *file, const char *path, struct error *err)
{
	if (file->fd < 0)
		return 0;
	if (!is_there(file))
		return error_set(err, "pid file %s is not ours any more",
		    file->path);
	if (rename(file->path, path) < 0)
		return error_errno(err, "cannot rename pid file %s to %s",
		    file->path, path);
	snprintf(file->path, sizeof file->path, "%s", path);
	return 0;
}

/* Remove it if it is still ours, and give up the lock. */
void
pid_file_remove(struct pid_file *file)
{
	if (file->fd >= 0 && is_there(file))
		unlink(file->path);
	fd_close(&file->fd);
}

/* The process that owns the file and lives, or -1 and the reason. */
pid_t
pid_file_owner(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	ssize_t n;
	bool alive;

	if (fd < 0)
		return error_errno(err, "not running: pid file %s", path);
	alive = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (!alive)
		return error_set(err, "not running: the owner of pid file %s "
		    "has gone", path);
	if (n <= 0 || atoi(text) <= 1)
		return error_set(err, "pid file %s has no process id yet",
		    path);
	return (pid_t)atoi(text);
}

/* Make the folder that path lies in, when only that one is missing. */
int
daemon_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[1040];

	if (slash == NULL || slash == path ||
	    (size_t)(slash - path) >= sizeof folder)
		return 0;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	return mkdir(folder, 0755) < 0 && errno != EEXIST ? -1 : 0;
}

/* Of root's power only what keep names is left, whatever was started with. */
static int
drop_capabilities(uint64_t keep, struct error *err)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct left[2];
	unsigned i;

	memset(left, 0, sizeof left);
	/* More than there is cannot be kept. */
	if (keep != 0 && syscall(SYS_capget, &head, left) < 0)
		return error_errno(err, "cannot look at capabilities");
	for (i = 0; i < 2; i++) {
		left[i].permitted &= (uint32_t)(keep >> i * 32);
		left[i].effective = left[i].permitted;
		left[i].inheritable = 0;
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, left) < 0)
		return error_errno(err, "cannot give up capabilities");
	return 0;
}

static int
drop_user(const struct message_launch *launch, struct error *err)
{
	gid_t groups[LAUNCH_GROUPS_MAX];
	uint32_t i;

	for (i = 0; i < launch->ngroups && i < LAUNCH_GROUPS_MAX; i++)
		groups[i] = launch->groups[i];
	if (setgroups(i, groups) < 0 ||
	    setresgid(launch->gid, launch->gid, launch->gid) < 0 ||
	    setresuid(launch->uid, launch->uid, launch->uid) < 0)
		return error_errno(err, "cannot become user %s", launch->user);
	if (setuid(0) == 0 || seteuid(0) == 0)
		return error_set(err, "still root after becoming user %s",
		    launch->user);
	return 0;
}

static int
drop_rest(const struct message_launch *launch, struct error *err)
{
	struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_errno(err, "cannot set no_new_privs");
	if (launch->core_dumps) {
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		return 0;
	}
	if (setrlimit(RLIMIT_CORE, &none) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_errno(err, "cannot turn core dumps off");
	return 0;
}

/* Drop privileges for good; core dumps only when the launch allows them. */
int
daemon_drop(const struct message_launch *launch, struct error *err)
{
	if (geteuid() == 0 && drop_user(launch, err) < 0)
		return -1;
	if (drop_capabilities(0, err) < 0)
		return -1;
	return drop_rest(launch, err);
}

/*
 * The same for a root that starts processes of other users: it keeps what
 * starting, ending and watching them takes.
 */
int
daemon_drop_most(const struct message_launch *launch, struct error *err)
{
	const uint64_t keep = UINT64_C(1) << CAP_SETUID |
	    UINT64_C(1) << CAP_SETGID | UINT64_C(1) << CAP_KILL |
	    UINT64_C(1) << CAP_SYS_PTRACE |
	    UINT64_C(1) << CAP_DAC_READ_SEARCH;

	if (drop_capabilities(keep, err) < 0)
		return -1;
	return drop_rest(launch, err);
}

static bool
is_kept(int fd, const int *keep, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

/* Close all but standard input, output, error and those in keep. */
void
daemon_close_others(const int *keep, size_t count)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int fd;

	if (dir == NULL) {
		for (fd = 3; fd < 65536; fd++)
			if (!is_kept(fd, keep, count))
				close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		fd = atoi(entry->d_name);
		if (fd > 2 && fd != dirfd(dir) && !is_kept(fd, keep, count))
			close(fd);
	}
	closedir(dir);
}

/* Every signal to its default but SIGPIPE, and none blocked. */
void
daemon_reset_signals(void)
{
	struct sigaction action;
	sigset_t none;
	int number;

	memset(&action, 0, sizeof action);
	action.sa_handler = SIG_DFL;
	for (number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
