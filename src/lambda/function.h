/*
 * lambda/function.h - functions as the host knows them, and the sealed file
 * that brings them to it
 */
#ifndef LAMBDA_FUNCTION_H
#define LAMBDA_FUNCTION_H

#include <sys/types.h>

#include "util/buf.h"

struct error;

#define FUNCTION_NAME_MAX	64
#define FUNCTION_LIST_MAX	4096	/* members of one list */
#define FUNCTION_ACCOUNT	"000000000000"

enum function_runtime {
	FUNCTION_PROVIDED,	/* CODE/bootstrap */
	FUNCTION_NODEJS,
	FUNCTION_PYTHON,
	FUNCTION_RUNTIMES
};

/* A list of texts; at[count] is NULL, so that it can be an argv. */
struct function_texts {
	char **at;
	uint32_t count;
};

/*
 * One function. Every text is there (perhaps empty). Whoever writes a file
 * fills it with borrowed texts; what a set holds is the set's.
 */
struct function_spec {
	char *name;
	char *handler;
	char *code;		/* absolute path of the folder */
	char *region;
	char *account;		/* 12 digits; empty: FUNCTION_ACCOUNT */
	char *log;		/* absolute path, or "stderr" */
	char *user;		/* for messages; empty: nobody special */
	struct function_texts command;	/* none: as the runtime has it */
	struct function_texts environment;	/* "NAME=value" */
	struct function_texts aliases;
	uint64_t log_id;	/* names the log in lambda_host_log; 0: none */
	uint32_t runtime;	/* enum function_runtime */
	uint32_t timeout_ms;
	uint32_t memory_mb;
	uint32_t concurrency;	/* instances, at least 1 */
	uint32_t min_instances;
	uint32_t idle_ms;
	uint32_t queue;
	uint32_t has_user;	/* 1: uid and gid are set */
	uint32_t uid, gid;
	/* Of everything an instance is started with; set by the reader. */
	uint64_t fingerprint;
};

/* The functions of one generation, in the order of their names. */
struct function_set {
	unsigned refs;
	uint32_t count;
	struct function_spec *specs;	/* owned */
	char *bytes;			/* owned: the texts */
};

/*
 * What a caller wrote as a function's name: a name, NAME:QUALIFIER, a partial
 * or a full ARN. Both lie in the text.
 */
struct function_name {
	struct slice name;
	struct slice qualifier;	/* empty: none */
};

int functions_write(const struct function_spec *specs, uint32_t count,
    int *fd_r, struct error *err);
int functions_read(int fd, struct function_set **set_r, struct error *err);
struct function_set *functions_ref(struct function_set *set);
void functions_unref(struct function_set **set_p);
const struct function_spec *functions_find(const struct function_set *set,
    struct slice name);

void function_arn(struct buf *out, const struct function_spec *spec,
    struct slice qualifier);
const char *function_runtime_name(uint32_t runtime);
int function_name_parse(struct slice text, struct function_name *name_r);
bool function_has_qualifier(const struct function_spec *spec,
    struct slice qualifier);
const char *function_variable(const struct function_spec *spec,
    const char *name);
unsigned function_slots(const struct function_spec *spec);

#endif
