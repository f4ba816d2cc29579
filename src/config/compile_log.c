/*
 * config/compile_log.c - access-log formats into programs of pieces
 *
 * A worker writes a line by walking the pieces. Logs with the same path and
 * format are one record; logs with the same path have the same id, which is
 * what their descriptor goes by.
 */

#include "config/compile_private.h"
#include "config/context.h"
#include "util/hash.h"
#include "util/mem.h"

#include <stdlib.h>

static struct slice
piece_text(const struct context_part *part)
{
	const size_t skip = sizeof "request.header." - 1;

	if (!part->variable || part->value == IMAGE_NONE)
		return part->text;
	if (part->value == CONTEXT_REQUEST_HEADER)
		return slice_of(part->name.at + skip, part->name.len - skip);
	return part->name;
}

static struct image_run
pieces_compile(struct compile *compile, struct slice format)
{
	struct slice rest = format;
	struct context_part part;
	struct image_piece *pieces, *piece;
	struct image_run run;
	uint32_t count = 0;

	while (context_next(&rest, &part))
		count++;
	pieces = piece = mem_array(count, sizeof *pieces);
	rest = format;
	while (context_next(&rest, &part)) {
		if (part.variable && part.value != IMAGE_NONE) {
			piece->kind = IMAGE_PIECE_CONTEXT;
			piece->arg = part.value;
		}
		piece->text = build_text(compile->build, piece_text(&part));
		piece++;
	}
	run = build_run(compile->build, IMAGE_PIECES, pieces, count);
	free(pieces);
	return run;
}

/* The index of an access log's record; IMAGE_NONE when it is off. */
uint32_t
compile_log(struct compile *compile, const struct spec_log *log)
{
	struct slice format = context_format(log->format);
	struct image_log record = { 0 };
	size_t i = 0;

	if (log->path.len == 0 || slice_eq(log->path, SLICE("off")))
		return IMAGE_NONE;
	while (i < format.len && (format.at[i] == ' ' ||
	    format.at[i] == '\t' || format.at[i] == '\n'))
		i++;
	record.path = build_text(compile->build, log->path);
	record.id = hash_slice(log->path, 4);
	record.pieces = pieces_compile(compile, format);
	record.json = i < format.len && format.at[i] == '{';
	return build_run(compile->build, IMAGE_LOGS, &record, 1).first;
}
