/* lambda/spawn.h - starting the process of an instance */
#ifndef LAMBDA_SPAWN_H
#define LAMBDA_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

struct error;
struct function_spec;

/* What a process is started with. */
struct spawn {
	const struct function_spec *spec;
	const char *libexec;	/* folder of the runtime clients */
	const char *stream;	/* name of its log stream */
	uint16_t port;		/* of its Runtime API */
	uid_t uid;		/* to become, where we are root */
	gid_t gid;
};

/* The step that failed between fork and exec. */
enum spawn_step {
	SPAWN_LIMITS,
	SPAWN_USER,
	SPAWN_FOLDER,
	SPAWN_EXEC,
	SPAWN_STEPS
};

/* What a child says through exec_fd when it cannot become the runtime. */
struct spawn_failure {
	int32_t step;		/* enum spawn_step */
	int32_t code;		/* errno */
};

char **spawn_environment(const struct spawn *spawn);
char **spawn_command(const struct spawn *spawn);
void spawn_texts_free(char ***texts_p);
int spawn_process(const struct spawn *spawn, pid_t *pid_r, int *output_r,
    int *exec_r, struct error *err);

#endif
