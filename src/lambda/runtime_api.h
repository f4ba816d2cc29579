/* lambda/runtime_api.h - the calls of the Lambda Runtime API, as bytes */
#ifndef LAMBDA_RUNTIME_API_H
#define LAMBDA_RUNTIME_API_H

#include "util/slice.h"

enum runtime_kind {
	RUNTIME_UNKNOWN,
	RUNTIME_NEXT,		/* GET invocation/next */
	RUNTIME_RESPONSE,	/* POST invocation/ID/response */
	RUNTIME_ERROR,		/* POST invocation/ID/error */
	RUNTIME_INIT_ERROR,	/* POST init/error */
};

/* id_r is the ID of the path where there is one; it lies in path. */
enum runtime_kind runtime_kind_of(bool get, bool post, struct slice path,
    struct slice *id_r);
struct slice runtime_trailer(struct slice lines, struct slice name);

#endif
