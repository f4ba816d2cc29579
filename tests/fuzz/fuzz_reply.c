/*
 * fuzz_reply.c - what functions return
 *
 * The first byte chooses the payload format. What must hold of every reply
 * that is accepted: it can be written as one answer with one meaning.
 */

#include <assert.h>
#include <stdlib.h>

#include "lambda/reply.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/span.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_field(const struct lambda_pair *field)
{
	static const char *const never[] = { "connection", "content-length",
		"date", "keep-alive", "transfer-encoding", "upgrade", "te" };
	const char *end = field->value.at + field->value.len;
	size_t i;

	assert(span_is_token(field->name.at,
	    field->name.at + field->name.len));
	assert(field->value.len == 0 || span_text(field->value.at, end) == end);
	for (i = 0; i < sizeof never / sizeof *never; i++)
		assert(!slice_eq_nocase(field->name, slice_text(never[i])));
}

static void
check_reply(const struct lambda_reply *reply)
{
	unsigned i, types = 0;

	assert(reply->status >= 200 && reply->status <= 599);
	for (i = 0; i < reply->nfields; i++) {
		check_field(&reply->fields[i]);
		types += slice_eq_nocase(reply->fields[i].name,
		    SLICE("content-type"));
	}
	assert(types == 1);
}

static int
read_reply(struct arena *arena, unsigned kind, struct slice output,
    struct lambda_reply *reply)
{
	struct lambda_reply_rules rules = { .decode = kind == 1 };
	struct error err;

	if (kind == 2)
		return lambda_reply_http1(arena, output, reply, &err);
	if (kind == 3)
		return lambda_reply_http2(arena, output, reply, &err);
	return lambda_reply_rest(arena, output, &rules, reply, &err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lambda_error error;
	struct lambda_reply reply;
	struct arena_pool pool;
	struct arena arena;
	struct slice output;

	if (size == 0)
		return 0;
	output = slice_of((const char *)data + 1, size - 1);
	arena_pool_open(&pool, 4);
	arena_open(&arena, &pool);
	if (read_reply(&arena, data[0] % 4, output, &reply) == 0)
		check_reply(&reply);
	lambda_error_parse(&arena, output, &error);
	arena_close(&arena);
	arena_pool_close(&pool);
	return 0;
}
