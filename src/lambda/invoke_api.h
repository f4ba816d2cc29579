/* lambda/invoke_api.h - the targets of the Lambda Invoke API */
#ifndef LAMBDA_INVOKE_API_H
#define LAMBDA_INVOKE_API_H

#include "util/slice.h"

enum invoke_kind {
	INVOKE_UNKNOWN,
	INVOKE_CALL,		/* POST 2015-03-31/functions/F/invocations */
	INVOKE_STREAM,		/* ... response-streaming-invocations */
	INVOKE_ASYNC,		/* ... invoke-async, of 2014 */
	INVOKE_REPORT,		/* GET /gatehouse/functions */
	INVOKE_LOG,		/* GET /gatehouse/functions/F/log */
};

/* function_r is F as it stands in the path, still encoded. */
enum invoke_kind invoke_kind_of(bool get, bool post, struct slice path,
    struct slice *function_r);
struct slice invoke_query(struct slice query, struct slice name);

#endif
