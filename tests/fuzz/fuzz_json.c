/*
 * fuzz_json.c - JSON texts
 *
 * What must hold: both readers agree; a value reads alone as it read inside
 * its text; a decoded string that is written anew reads as the same one; any
 * bytes at all can be written as a string.
 */

#include <assert.h>
#include <stdlib.h>

#include "util/arena.h"
#include "util/error.h"
#include "util/json.h"
#include "util/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_string(const struct json *value, struct arena *arena)
{
	struct slice text = json_string(value, arena);
	struct json *again;
	struct error err;
	struct buf out;

	assert(text_is_utf8(text));
	buf_open(&out);
	json_write_string(&out, text);
	assert(json_parse(arena, buf_slice(&out), NULL, &again, &err) == 0);
	assert(again->type == JSON_STRING);
	assert(slice_eq(json_string(again, arena), text));
	buf_close(&out);
}

static void
check_tree(const struct json *value, struct arena *arena, unsigned *left)
{
	const struct json *child;
	struct error err;
	unsigned count = 0;

	if (*left > 0) {
		--*left;
		assert(json_check(value->text, &err) == 0);
	}
	if (value->type == JSON_STRING)
		check_string(value, arena);
	for (child = value->first; child != NULL; child = child->next) {
		if (value->type == JSON_OBJECT)
			assert(json_name_is(child, json_name(child, arena)));
		check_tree(child, arena, left);
		count++;
	}
	assert(count == value->count);
}

static void
check_bytes(struct slice bytes, struct arena *arena)
{
	struct json *root;
	struct error err;
	struct buf out;

	buf_open(&out);
	json_write_string(&out, bytes);
	assert(json_parse(arena, buf_slice(&out), NULL, &root, &err) == 0);
	assert(json_string(root, arena).len == text_utf8_size(bytes));
	buf_close(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct json_limits flat = { .levels = 1 };
	struct slice text = slice_of((const char *)data, size);
	struct arena_pool pool;
	struct arena arena;
	struct json *root;
	struct error err;
	unsigned left = 1000;
	int checked;

	arena_pool_open(&pool, 4);
	arena_open(&arena, &pool);
	checked = json_check(text, &err);
	assert(json_parse(&arena, text, &flat, &root, &err) == checked);
	assert(json_parse(&arena, text, NULL, &root, &err) == checked);
	if (checked == 0)
		check_tree(root, &arena, &left);
	check_bytes(text, &arena);
	arena_close(&arena);
	arena_pool_close(&pool);
	return 0;
}
