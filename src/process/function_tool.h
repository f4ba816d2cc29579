/* process/function_tool.h - functions, as gatehousectl shows and calls them */
#ifndef PROCESS_FUNCTION_TOOL_H
#define PROCESS_FUNCTION_TOOL_H

#include <stdbool.h>

struct error;

/* How to invoke; NULL and false are the defaults. */
struct function_call {
	const char *name;
	const char *payload;	/* a file, "-", or JSON; NULL: {} */
	const char *qualifier;
	bool event;		/* do not wait for its end */
	bool log;		/* the end of its log to standard error */
};

/*
 * control is the path of the master's control socket. They print to standard
 * output and return 0, 1 when the function (not gatehouse) failed, or, with a
 * sentence, what ask returns.
 */
int functions_show(const char *control, bool json, struct error *err);
int function_invoke(const char *control, const struct function_call *call,
    struct error *err);
int function_log_show(const char *control, const char *name, bool follow,
    struct error *err);

#endif
