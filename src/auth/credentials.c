/*
 * auth/credentials.c - the keys that requests to AWS services are signed with
 *
 * They come from the environment, once, or from a shared credentials file:
 * "[profile]" sections of "name = value" lines. The file is looked at again
 * at most once a second and read again when it has changed, so that keys can
 * be rotated without a reload. Secrets are never logged, no message holds a
 * byte of the file, and what is replaced is wiped.
 */

#include "auth/credentials.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/error.h"
#include "util/mem.h"
#include "util/slice.h"
#include "util/span.h"

#define FILE_MOST	65536
#define LOOK_EVERY_MS	1000

struct credentials_source {
	struct credentials keys;
	char *path;		/* NULL: the environment */
	char *profile;
	uint64_t looked;	/* ms: when the file was last looked at */
	struct stat seen;	/* of the file that was read last */
	struct error problem;	/* why there are no keys, or only old ones */
	bool looked_once;
	bool read_once;		/* seen is set */
	bool valid;		/* keys is set */
};

/* The place and size of a setting's value; NULL for all other settings. */
static char *
setting_place(struct credentials *keys, struct slice name, size_t *size_r)
{
	if (slice_eq_nocase(name, SLICE("aws_access_key_id"))) {
		*size_r = sizeof keys->key;
		return keys->key;
	}
	if (slice_eq_nocase(name, SLICE("aws_secret_access_key"))) {
		*size_r = sizeof keys->secret;
		return keys->secret;
	}
	if (slice_eq_nocase(name, SLICE("aws_session_token"))) {
		*size_r = sizeof keys->token;
		return keys->token;
	}
	return NULL;
}

/* Values go into header lines: visible ASCII only. Unknown names are fine. */
static int
setting_take(struct credentials *keys, struct slice name, struct slice value,
    struct error *err)
{
	const char *end = value.at + value.len;
	size_t size;
	char *to = setting_place(keys, name, &size);

	if (to == NULL)
		return 0;
	if (value.len >= size)
		return error_set(err, "a value is too long");
	if (value.len > 0 && span_visible(value.at, end) != end)
		return error_set(err,
		    "a value holds a character that no key has");
	explicit_bzero(to, size);
	if (value.len > 0)
		memcpy(to, value.at, value.len);
	return 0;
}

static int
check_complete(const struct credentials *keys, struct error *err)
{
	if (keys->key[0] == '\0')
		return error_set(err, "no access key id");
	if (keys->secret[0] == '\0')
		return error_set(err, "no secret access key");
	return 0;
}

static struct slice
trim_line(struct slice line)
{
	if (line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	return slice_trim(line);
}

/* "[name]" or "[profile name]": is it ours? */
static bool
section_is(struct slice line, struct slice profile)
{
	line.at++;
	line.len--;
	line = slice_until(&line, ']');
	line = slice_trim(line);
	if (slice_eq(line, profile))
		return true;
	if (!slice_starts(line, SLICE("profile ")))
		return false;
	return slice_eq(slice_trim(slice_of(line.at + 8, line.len - 8)),
	    profile);
}

static int
parse_file(struct slice text, struct slice profile, struct credentials *keys,
    struct error *err)
{
	bool inside = false;
	struct slice line, name;

	while (text.len > 0) {
		line = trim_line(slice_until(&text, '\n'));
		if (line.len == 0 || *line.at == '#' || *line.at == ';')
			continue;
		if (*line.at == '[') {
			inside = section_is(line, profile);
			continue;
		}
		if (!inside)
			continue;
		name = slice_trim(slice_until(&line, '='));
		if (setting_take(keys, name, slice_trim(line), err) < 0)
			return -1;
	}
	return check_complete(keys, err);
}

static int
read_whole(int fd, char *text, size_t size, size_t *len_r, struct error *err)
{
	ssize_t got;

	*len_r = 0;
	while (*len_r < size) {
		got = read(fd, text + *len_r, size - *len_r);
		if (got < 0)
			return error_errno(err, "cannot read");
		if (got == 0)
			return 0;
		*len_r += (size_t)got;
	}
	return error_set(err, "more than %d bytes", FILE_MOST);
}

static int
check_kind(int fd, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_errno(err, "cannot stat");
	if (!S_ISREG(st.st_mode))
		return error_set(err, "not a regular file");
	return 0;
}

static int
read_file(struct credentials_source *source, struct credentials *fresh,
    struct error *err)
{
	int fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int result = -1;
	size_t len;
	char *text;

	if (fd < 0)
		return error_errno(err, "cannot open");
	if (check_kind(fd, err) < 0)
		goto close;
	text = mem_new(FILE_MOST + 1);
	if (read_whole(fd, text, FILE_MOST + 1, &len, err) == 0)
		result = parse_file(slice_of(text, len),
		    slice_text(source->profile), fresh, err);
	explicit_bzero(text, FILE_MOST + 1);
	free(text);
close:
	close(fd);
	return result;
}

/* From the file; when that fails, the old keys stay. */
static void
reload(struct credentials_source *source)
{
	struct credentials fresh = { .key = "" };
	struct error *err = &source->problem;

	err->text[0] = '\0';
	if (read_file(source, &fresh, err) == 0) {
		explicit_bzero(&source->keys, sizeof source->keys);
		source->keys = fresh;
		source->valid = true;
	} else {
		error_prefix(err, "credentials file %s", source->path);
	}
	explicit_bzero(&fresh, sizeof fresh);
}

static void
read_environment(struct credentials_source *source)
{
	static const char *const names[] = { "AWS_ACCESS_KEY_ID",
		"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN" };
	struct error *err = &source->problem;
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (setting_take(&source->keys, slice_text(names[i]),
		    slice_text(getenv(names[i])), err) < 0)
			break;
	source->valid = i == sizeof names / sizeof *names &&
	    check_complete(&source->keys, err) == 0;
	if (!source->valid)
		error_prefix(err, "credentials in the environment");
}

static bool
time_same(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool
file_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size && time_same(a->st_mtim, b->st_mtim) &&
	    time_same(a->st_ctim, b->st_ctim);
}

/* Look at the file again when it is time to. True when it was read. */
static bool
look(struct credentials_source *source, uint64_t now_ms)
{
	struct stat st = { 0 };

	if (source->path == NULL || (source->looked_once &&
	    now_ms - source->looked < LOOK_EVERY_MS))
		return false;
	source->looked = now_ms;
	source->looked_once = true;
	if (stat(source->path, &st) < 0)
		st = (struct stat){ 0 };
	if (source->read_once && file_same(&st, &source->seen))
		return false;
	source->seen = st;
	source->read_once = true;
	reload(source);
	return true;
}

/*
 * A source of keys: "environment", or the path of a file and the profile in
 * it (NULL: "default"). Nothing is wrong with it until keys are asked for.
 */
struct credentials_source *
credentials_open(const char *from, const char *profile)
{
	struct credentials_source *source = mem_new(sizeof *source);

	*source = (struct credentials_source){ .looked = 0 };
	if (profile == NULL)
		profile = "default";
	source->profile = mem_text(profile, strlen(profile));
	if (strcmp(from, "environment") == 0)
		read_environment(source);
	else
		source->path = mem_text(from, strlen(from));
	return source;
}

void
credentials_close(struct credentials_source **source_p)
{
	struct credentials_source *source = *source_p;

	*source_p = NULL;
	if (source == NULL)
		return;
	free(source->path);
	free(source->profile);
	explicit_bzero(source, sizeof *source);
	free(source);
}

/*
 * The keys in force, which stay where they are until the next call. Returns 0;
 * 1 when a changed file could not be used and the old keys serve on (said once
 * a change); -1 when there are no keys. The reason is in err then.
 */
int
credentials_get(struct credentials_source *source, uint64_t now_ms,
    const struct credentials **keys_r, struct error *err)
{
	bool fresh = look(source, now_ms);

	if (!source->valid)
		return error_set(err, "%s", source->problem.text);
	*keys_r = &source->keys;
	if (!fresh || source->problem.text[0] == '\0')
		return 0;
	error_set(err, "%s", source->problem.text);
	return 1;
}
