/* lambda/eventstream.h - messages of application/vnd.amazon.eventstream */
#ifndef LAMBDA_EVENTSTREAM_H
#define LAMBDA_EVENTSTREAM_H

#include "util/buf.h"

void eventstream_add(struct buf *out, struct slice type, struct slice media,
    struct slice payload);

#endif
