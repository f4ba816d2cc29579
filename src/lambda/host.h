/*
 * lambda/host.h - the function host: what the host process calls
 *
 * One per process, in a loop of its own. It owns every function process; they
 * never outlive it.
 */
#ifndef LAMBDA_HOST_H
#define LAMBDA_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct event_base;
struct lambda_host;
struct log;

/* What the process brings along; all of it outlives the host. */
struct lambda_host_env {
	struct event_base *base;
	struct log *log;
	const char *libexec;	/* folder of the runtime clients; NULL: as
				   installed */
	/*
	 * For functions without a user of their own, where the host runs as
	 * root: they must not. 0 leaves them the host's.
	 */
	uid_t uid;
	gid_t gid;
	uint32_t retry_ms[2];	/* before an event's second and third attempt;
				   0: one minute, two minutes */
	uint32_t init_ms;	/* 0: ten seconds */
	/* Which generation is in force; NULL: commit says so. */
	uint64_t (*committed)(void *ctx);
	/* Called when a draining host has nothing left. */
	void (*drained)(void *ctx);
	void *ctx;
};

struct lambda_host *lambda_host_open(const struct lambda_host_env *env);
void lambda_host_close(struct lambda_host **host_p);

/*
 * New functions. prepare reads and checks the file behind fd (the caller
 * closes fd) and keeps them for commit or abort. commit makes them the ones in
 * force: instances whose function is unchanged stay, the others finish what
 * they have and go; events that wait are kept unless their function has gone.
 */
int lambda_host_prepare(struct lambda_host *host, int fd, uint64_t generation,
    struct error *err);
void lambda_host_commit(struct lambda_host *host);
void lambda_host_abort(struct lambda_host *host, uint64_t generation);

/*
 * Serve the Invoke API on fd, a non-blocking listening socket, the host's from
 * now on. Callers are not asked for a signature: who may connect may invoke,
 * so let it be a unix socket or a loopback address. The report and the logs
 * (/gatehouse/...) are for unix sockets only.
 */
int lambda_host_listen(struct lambda_host *host, uint64_t listener_id, int fd,
    struct error *err);
void lambda_host_retire(struct lambda_host *host, uint64_t listener_id);

/*
 * The file for the function log of this id (function_spec.log_id), the host's
 * from now on. A log without one is opened by its path.
 */
void lambda_host_log(struct lambda_host *host, uint64_t log_id, int fd);
/* Open anew the logs that were opened by path. */
void lambda_host_reopen(struct lambda_host *host);

/* Development: restart instances when files of their code folder change. */
int lambda_host_watch(struct lambda_host *host, bool on, struct error *err);

/*
 * No new connections; what is running or waiting is finished, then all
 * instances go. What is left after deadline_ms is cut.
 */
void lambda_host_drain(struct lambda_host *host, uint32_t deadline_ms);

#endif
