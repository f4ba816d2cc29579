/* lambda/media.h - which bodies are text, and which are bytes */
#ifndef LAMBDA_MEDIA_H
#define LAMBDA_MEDIA_H

#include "util/slice.h"

/* The first media type of an Accept or a Content-Type, without parameters. */
struct slice media_first(struct slice value);
bool media_is_binary(struct slice value, const struct slice *types,
    unsigned ntypes);
bool media_is_text(struct slice value);

#endif
