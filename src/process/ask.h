/* process/ask.h - a tool's end of the control socket */
#ifndef PROCESS_ASK_H
#define PROCESS_ASK_H

#include "util/buf.h"

struct error;

/* What both return when the socket is there, but not for this user. */
#define ASK_FORBIDDEN (-2)

int ask(const char *path, const char *request, struct buf *answer,
    int *code_r, struct error *err);
int ask_image(const char *path, int *fd_r, struct error *err);

#endif
