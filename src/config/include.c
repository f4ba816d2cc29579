/*
 * config/include.c - the files that a file includes
 *
 * A pattern is relative to the file that holds it; its files are read in
 * sorted order, after that file. A wildcard may match nothing, a plain name
 * may not. Nesting is bounded and a file is never read inside itself.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/parse_private.h"
#include "util/fd.h"

#define NESTING_MAX	16
#define FILES_MAX	10000
#define FILE_SIZE_MAX	(256ul << 20)

/* Remember what a file wants to include: it is read when the file is done. */
void
include_note(struct parser *parser, const config_setting_t *setting)
{
	struct spec_texts patterns = { 0 };
	struct source *source = parser->source;
	struct include *include, **last_p = &source->includes;
	size_t i;

	if (!source->has_folder) {
		spec_problem_add(parser->problems,
		    parse_place(parser, setting), false, "include in a text "
		    "that is not a file; expected the settings themselves");
		return;
	}
	parse_value(parser, setting, option_at(OPTION_global_include),
	    &patterns);
	while (*last_p != NULL)
		last_p = &(*last_p)->next;
	for (i = 0; i < patterns.count; i++) {
		include = arena_alloc(&parser->spec->arena, sizeof *include);
		*include = (struct include){ .pattern = patterns.at[i],
		    .place = parse_place(parser, setting) };
		*last_p = include;
		last_p = &include->next;
	}
}

/* The pattern as seen from the working directory. */
static const char *
pattern_path(struct parser *parser, const struct source *source,
    struct slice pattern)
{
	const char *slash = strrchr(source->file, '/'), *path;
	struct buf out;

	if (pattern.at[0] == '/' || slash == NULL)
		return pattern.at;
	buf_open(&out);
	buf_add(&out, source->file, (size_t)(slash - source->file) + 1);
	buf_add_slice(&out, pattern);
	path = arena_copy(&parser->spec->arena, out.at, out.len);
	buf_close(&out);
	return path;
}

static int
path_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A folder that is not there holds no files; one that is closed is wrong. */
static int
folder_failed(const char *path, int error)
{
	(void)path;
	return error != ENOENT && error != ENOTDIR;
}

static void
include_pattern(struct parser *parser, struct source *source,
    const struct include *include)
{
	const char *path;
	glob_t found;
	size_t i;
	int result;

	if (include->pattern.len == 0) {
		spec_problem_add(parser->problems, include->place, false,
		    "include is empty; expected a file or a pattern such as "
		    "\"conf.d/*.conf\"");
		return;
	}
	path = pattern_path(parser, source, include->pattern);
	if (strpbrk(path, "*?[") == NULL) {
		parse_file(parser, path, source, include->place);
		return;
	}
	result = glob(path, GLOB_NOSORT, folder_failed, &found);
	if (result != 0 && result != GLOB_NOMATCH)
		spec_problem_add(parser->problems, include->place, false,
		    "cannot read the folder of \"%s\"", path);
	if (result == 0) {
		qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv,
		    path_order);
		for (i = 0; i < found.gl_pathc; i++)
			parse_file(parser, found.gl_pathv[i], source,
			    include->place);
		globfree(&found);
	}
}

/* Read what the source wants to include. */
void
include_run(struct parser *parser, struct source *source)
{
	const struct include *include;

	for (include = source->includes; include != NULL;
	    include = include->next)
		include_pattern(parser, source, include);
}

/* Is the file one of those that lead to it? */
static bool
in_cycle(const struct source *source)
{
	const struct source *at;

	for (at = source->parent; at != NULL; at = at->parent)
		if (at->device == source->device && at->inode == source->inode)
			return true;
	return false;
}

/* What is wrong with the open file, or NULL. */
static const char *
file_refused(struct parser *parser, struct source *source, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return strerror(errno);
	source->device = st.st_dev;
	source->inode = st.st_ino;
	if (S_ISDIR(st.st_mode))
		return "it is a folder; expected a file";
	if (in_cycle(source))
		return "it includes itself";
	if (source->nesting > NESTING_MAX)
		return "files include files deeper than 16";
	if (++parser->files > FILES_MAX)
		return "more than 10000 files";
	return NULL;
}

/* The rest of a descriptor into text. What is wrong, or NULL. */
static const char *
text_fill(int fd, struct buf *text)
{
	ssize_t got;

	for (;;) {
		got = read(fd, buf_room(text, 65536), 65536);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return strerror(errno);
		if (got == 0)
			return NULL;
		text->len += (size_t)got;
		if (text->len > FILE_SIZE_MAX)
			return "it is larger than 256 MB";
	}
}

/*
 * Read the source's file into text. place: the setting that wants it, for
 * messages. Returns -1 with the problem added.
 */
int
include_read(struct parser *parser, struct source *source,
    struct spec_place place, struct buf *text)
{
	int fd = open(source->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	const char *why;

	why = fd < 0 ? strerror(errno) : file_refused(parser, source, fd);
	if (why == NULL)
		why = text_fill(fd, text);
	fd_close(&fd);
	if (why == NULL)
		return 0;
	spec_problem_add(parser->problems, place, false, "cannot read \"%s\": "
	    "%s", source->file, why);
	return -1;
}
