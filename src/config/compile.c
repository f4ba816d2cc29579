/*
 * config/compile.c - a checked configuration into an image
 *
 * Runs in whoever reads the configuration (at a reload: a short-lived child).
 * Workers get answers, not settings: everything that can be decided before a
 * request comes is decided here and in the compile_* files beside this one.
 * What is right in the file but does not fit the image ends the compilation
 * with a sentence; nothing is left half done that anybody would see.
 */

#include "config/compile_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/error.h"
#include "util/hash.h"
#include "util/log.h"

/* "file:line: …" in the compilation's error. Returns -1. */
int
compile_error(struct compile *compile, struct spec_place place,
    const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	return error_set(compile->err, "%s:%u: error: %.900s",
	    place.file != NULL ? place.file : "configuration", place.line,
	    text);
}

/* A copy of text that lives as long as the compilation. */
struct slice
compile_text(struct compile *compile, const struct buf *text)
{
	if (text->len == 0)
		return SLICE("");
	return slice_of(arena_copy(&compile->arena, text->at, text->len),
	    text->len);
}

static uint32_t
level_of(struct slice name)
{
	enum log_level level = LOG_LEVEL_NOTICE;
	char text[16];

	snprintf(text, sizeof text, "%.*s", (int)name.len, name.at);
	if (log_level_parse(text, &level) < 0)
		level = LOG_LEVEL_NOTICE;
	return level;
}

static void
settings_compile(struct compile *compile)
{
	const struct spec *spec = compile->spec;
	struct image_settings settings = {
		.client_head_ms = (uint32_t)spec->timeouts.client_head,
		.client_body_ms = (uint32_t)spec->timeouts.client_body,
		.keep_alive_ms = (uint32_t)spec->timeouts.keep_alive,
		.send_ms = (uint32_t)spec->timeouts.send,
		.connect_ms = (uint32_t)spec->timeouts.connect,
		.linger_ms = (uint32_t)spec->timeouts.linger,
		.shutdown_ms = (uint32_t)spec->shutdown_ms,
		.watchdog_ms = (uint32_t)spec->watchdog_ms,
		.head_bytes = (uint32_t)spec->limits.head,
		.header_bytes = (uint32_t)spec->limits.header_bytes,
		.headers = (uint32_t)spec->limits.headers,
		.target_bytes = (uint32_t)spec->limits.target,
		.body_bytes = (uint64_t)spec->limits.body,
		.requests_per_connection =
		    (uint32_t)spec->limits.requests_per_connection,
		.worker_connections = (uint32_t)spec->worker_connections,
		.log_level = level_of(spec->log_level),
	};

	settings.account_id = build_text(compile->build, spec->account_id);
	settings.log = compile_log(compile, &spec->access_log);
	build_add(compile->build, IMAGE_SETTINGS, &settings);
}

static int
listener_compile(struct compile *compile, const struct spec_listener *from)
{
	struct image_listener listener = {
		.id = hash_slice(from->address, 0),
		.private_api = from->private_api,
		.backlog = from->backlog > 0 ? (uint32_t)from->backlog :
		    (uint32_t)compile->spec->listen_backlog,
	};

	if (compile_address(compile, from->place, from->address,
	    &listener.address) < 0)
		return -1;
	if (listener.address.family == IMAGE_FAMILY_NAME)
		return compile_error(compile, from->place,
		    "a listener's address is a number, not a name: \"%.*s\"",
		    (int)from->address.len, from->address.at);
	listener.name = build_text(compile->build, from->name);
	build_add(compile->build, IMAGE_LISTENERS, &listener);
	return 0;
}

static int
listeners_compile(struct compile *compile)
{
	const struct spec *spec = compile->spec;
	size_t i;

	if (spec->nlisteners > IMAGE_LISTENERS_MAX)
		return compile_error(compile,
		    spec->listeners[IMAGE_LISTENERS_MAX].place,
		    "more than %d listeners", IMAGE_LISTENERS_MAX);
	for (i = 0; i < spec->nlisteners; i++)
		if (listener_compile(compile, &spec->listeners[i]) < 0)
			return -1;
	return 0;
}

/*
 * Write all of spec, which was checked without errors, to build. Returns 0,
 * or -1 and a sentence with file and line; build is then only good for
 * table_build_close.
 */
int
config_compile(const struct spec *spec, struct table_build *build,
    struct error *err)
{
	struct compile compile = { .spec = spec, .build = build, .err = err };
	int result;

	arena_pool_open(&compile.pool, 0);
	arena_open(&compile.arena, &compile.pool);
	settings_compile(&compile);
	result = listeners_compile(&compile);
	if (result == 0)
		result = compile_upstreams(&compile);
	if (result == 0)
		result = compile_functions(&compile);
	if (result == 0)
		result = compile_apis(&compile);
	compile_upstreams_close(&compile);
	arena_close(&compile.arena);
	arena_pool_close(&compile.pool);
	return result;
}
