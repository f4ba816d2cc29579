/*
 * lambda/function.c - functions as the host knows them
 *
 * The loader of a configuration writes all local functions into one sealed
 * memory file; the master passes it to the host alone, since it holds their
 * environment and with it secrets. The reader trusts no length in it, takes a
 * copy, and never maps it.
 */

#include "lambda/function.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/error.h"
#include "util/fd.h"
#include "util/hash.h"
#include "util/mem.h"

#define FILE_MAGIC	UINT64_C(0x3173636e75464847)	/* "GHFuncs1" */
#define FILE_MOST	(256u * 1024 * 1024)
#define FILE_SEALS	(F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)
#define COUNT_MOST	65536

struct file_head {
	uint64_t magic;
	uint64_t size;		/* of the whole file */
	uint32_t count;
	uint32_t pad;
};

/* The bytes of a file while they are taken apart. */
struct reader {
	char *at, *end;
	bool bad;
};

static const size_t texts_at[] = {
	offsetof(struct function_spec, name),
	offsetof(struct function_spec, handler),
	offsetof(struct function_spec, code),
	offsetof(struct function_spec, region),
	offsetof(struct function_spec, account),
	offsetof(struct function_spec, log),
	offsetof(struct function_spec, user),
};

static const size_t lists_at[] = {
	offsetof(struct function_spec, command),
	offsetof(struct function_spec, environment),
	offsetof(struct function_spec, aliases),
};

static const size_t numbers_at[] = {
	offsetof(struct function_spec, runtime),
	offsetof(struct function_spec, timeout_ms),
	offsetof(struct function_spec, memory_mb),
	offsetof(struct function_spec, concurrency),
	offsetof(struct function_spec, min_instances),
	offsetof(struct function_spec, idle_ms),
	offsetof(struct function_spec, queue),
	offsetof(struct function_spec, has_user),
	offsetof(struct function_spec, uid),
	offsetof(struct function_spec, gid),
};

#define COUNT(array)	(sizeof (array) / sizeof *(array))
#define MEMBER(spec, offset, type) \
	((type *)(void *)((char *)(spec) + (offset)))
#define MEMBER_CONST(spec, offset, type) \
	((const type *)(const void *)((const char *)(spec) + (offset)))

static void
write_u32(struct buf *out, uint32_t value)
{
	buf_add(out, &value, sizeof value);
}

/* The NUL goes along: the reader's copy is used where it lies. */
static void
write_text(struct buf *out, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	write_u32(out, (uint32_t)len);
	buf_add(out, text, len);
	buf_add_char(out, '\0');
}

static void
write_spec(struct buf *out, const struct function_spec *spec)
{
	const struct function_texts *list;
	uint32_t j;
	size_t i;

	for (i = 0; i < COUNT(texts_at); i++)
		write_text(out, *MEMBER_CONST(spec, texts_at[i], char *));
	for (i = 0; i < COUNT(lists_at); i++) {
		list = MEMBER_CONST(spec, lists_at[i], struct function_texts);
		write_u32(out, list->count);
		for (j = 0; j < list->count; j++)
			write_text(out, list->at[j]);
	}
	for (i = 0; i < COUNT(numbers_at); i++)
		write_u32(out, *MEMBER_CONST(spec, numbers_at[i], uint32_t));
	buf_add(out, &spec->log_id, sizeof spec->log_id);
}

static int
compare_specs(const void *a, const void *b)
{
	const struct function_spec *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static int
seal(struct buf *out, int *fd_r, struct error *err)
{
	int fd = memfd_create("gatehouse functions",
	    MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return error_errno(err, "cannot make the functions file");
	if (fd_write_all(fd, out->at, out->len) < 0 ||
	    fcntl(fd, F_ADD_SEALS, FILE_SEALS | F_SEAL_SEAL) < 0) {
		fd_close(&fd);
		return error_errno(err, "cannot write the functions file");
	}
	*fd_r = fd;
	return 0;
}

/*
 * The sealed file of these functions, whose names differ. 0 and a descriptor
 * (the caller's), or -1. What is in it stays secret: pass it to the host and
 * to nobody else.
 */
int
functions_write(const struct function_spec *specs, uint32_t count, int *fd_r,
    struct error *err)
{
	const struct function_spec **sorted = mem_array(count, sizeof *sorted);
	struct file_head head = { .magic = FILE_MAGIC, .count = count };
	struct buf out;
	uint32_t i;
	int result;

	for (i = 0; i < count; i++)
		sorted[i] = &specs[i];
	if (count > 0)
		qsort(sorted, count, sizeof *sorted, compare_specs);
	buf_open(&out);
	buf_add(&out, &head, sizeof head);
	for (i = 0; i < count; i++)
		write_spec(&out, sorted[i]);
	head.size = out.len;
	memcpy(out.at, &head, sizeof head);
	result = seal(&out, fd_r, err);
	explicit_bzero(out.at, out.len);
	buf_close(&out);
	free(sorted);
	return result;
}

static uint32_t
read_u32(struct reader *reader)
{
	uint32_t value = 0;

	if ((size_t)(reader->end - reader->at) < sizeof value) {
		reader->bad = true;
		return 0;
	}
	memcpy(&value, reader->at, sizeof value);
	reader->at += sizeof value;
	return value;
}

static char *
read_text(struct reader *reader)
{
	static char nothing[1];
	uint32_t len = read_u32(reader);
	char *text = reader->at;

	if (reader->bad || (size_t)(reader->end - text) <= len ||
	    text[len] != '\0' || memchr(text, '\0', len) != NULL) {
		reader->bad = true;
		return nothing;
	}
	reader->at += len + 1;
	return text;
}

static void
read_list(struct reader *reader, struct function_texts *list)
{
	uint32_t i, count = read_u32(reader);

	if (count > FUNCTION_LIST_MAX)
		reader->bad = true;
	if (reader->bad)
		count = 0;
	list->at = mem_array(count + 1, sizeof *list->at);
	list->count = count;
	for (i = 0; i < count; i++)
		list->at[i] = read_text(reader);
}

/* Every byte that says how an instance is started, and no other. */
static uint64_t
fingerprint(const struct function_spec *spec)
{
	const uint32_t numbers[] = { spec->runtime, spec->memory_mb,
		spec->has_user, spec->uid, spec->gid };
	const char *texts[] = { spec->handler, spec->code, spec->region };
	uint64_t hash = hash_slice(slice_of((const char *)numbers,
	    sizeof numbers), 1);
	uint32_t j;
	size_t i;

	for (i = 0; i < COUNT(texts); i++)
		hash = hash_slice(slice_text(texts[i]), hash);
	for (j = 0; j < spec->command.count; j++)
		hash = hash_slice(slice_text(spec->command.at[j]), hash + 2);
	for (j = 0; j < spec->environment.count; j++)
		hash = hash_slice(slice_text(spec->environment.at[j]),
		    hash + 3);
	return hash;
}

static void
read_spec(struct reader *reader, struct function_spec *spec)
{
	size_t i;

	for (i = 0; i < COUNT(texts_at); i++)
		*MEMBER(spec, texts_at[i], char *) = read_text(reader);
	for (i = 0; i < COUNT(lists_at); i++)
		read_list(reader, MEMBER(spec, lists_at[i],
		    struct function_texts));
	for (i = 0; i < COUNT(numbers_at); i++)
		*MEMBER(spec, numbers_at[i], uint32_t) = read_u32(reader);
	spec->log_id = read_u32(reader);
	spec->log_id |= (uint64_t)read_u32(reader) << 32;
	spec->fingerprint = fingerprint(spec);
}

static int
check_spec(const struct function_spec *spec, struct error *err)
{
	if (*spec->name == '\0' || strlen(spec->name) > FUNCTION_NAME_MAX)
		return error_set(err, "a function has no valid name");
	if (*spec->code != '/')
		return error_set(err, "function %s: its code folder has no "
		    "absolute path", spec->name);
	if (spec->runtime >= FUNCTION_RUNTIMES || spec->timeout_ms == 0 ||
	    spec->memory_mb == 0 || spec->concurrency == 0)
		return error_set(err, "function %s: a number is out of range",
		    spec->name);
	return 0;
}

static int
read_specs(struct function_set *set, struct reader *reader, struct error *err)
{
	uint32_t i;

	for (i = 0; i < set->count; i++) {
		read_spec(reader, &set->specs[i]);
		if (reader->bad)
			return error_set(err, "the functions file is broken");
		if (check_spec(&set->specs[i], err) < 0)
			return -1;
		if (i > 0 && strcmp(set->specs[i - 1].name,
		    set->specs[i].name) >= 0)
			return error_set(err, "two functions are called %s",
			    set->specs[i].name);
	}
	return 0;
}

static int
read_bytes(int fd, char **bytes_r, size_t *size_r, struct error *err)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	size_t size, at = 0;
	ssize_t n;

	if (seals < 0 || (seals & FILE_SEALS) != FILE_SEALS)
		return error_set(err, "the functions file is not sealed");
	if (fstat(fd, &st) < 0)
		return error_errno(err, "cannot stat the functions file");
	size = (size_t)st.st_size;
	if (size < sizeof(struct file_head) || size > FILE_MOST)
		return error_set(err, "a functions file of %zu bytes", size);
	*bytes_r = mem_array(size, 1);
	*size_r = size;
	while (at < size) {
		n = pread(fd, *bytes_r + at, size - at, (off_t)at);
		if (n <= 0) {
			free(*bytes_r);
			return error_errno(err, "cannot read the functions "
			    "file");
		}
		at += (size_t)n;
	}
	return 0;
}

/*
 * The functions of a file that functions_write made; fd stays the caller's.
 * 0 and a set with one reference, or -1 and the reason.
 */
int
functions_read(int fd, struct function_set **set_r, struct error *err)
{
	struct function_set *set;
	struct file_head head;
	struct reader reader = { 0 };
	size_t size = 0;
	char *bytes = NULL;

	if (read_bytes(fd, &bytes, &size, err) < 0)
		return -1;
	memcpy(&head, bytes, sizeof head);
	set = mem_new(sizeof *set);
	set->refs = 1;
	set->bytes = bytes;
	if (head.magic != FILE_MAGIC || head.size != size ||
	    head.count > COUNT_MOST) {
		functions_unref(&set);
		return error_set(err, "this is not a functions file");
	}
	set->specs = mem_array(head.count, sizeof *set->specs);
	set->count = head.count;
	reader.at = bytes + sizeof head;
	reader.end = bytes + size;
	if (read_specs(set, &reader, err) < 0) {
		functions_unref(&set);
		return -1;
	}
	*set_r = set;
	return 0;
}

struct function_set *
functions_ref(struct function_set *set)
{
	set->refs++;
	return set;
}

/* Drops the caller's reference and clears its pointer. */
void
functions_unref(struct function_set **set_p)
{
	struct function_set *set = *set_p;
	uint32_t i;
	size_t j;

	*set_p = NULL;
	if (--set->refs > 0)
		return;
	for (i = 0; i < set->count; i++)
		for (j = 0; j < COUNT(lists_at); j++)
			free(MEMBER(&set->specs[i], lists_at[j],
			    struct function_texts)->at);
	free(set->specs);
	free(set->bytes);
	free(set);
}

/* NULL when there is none of that name. */
const struct function_spec *
functions_find(const struct function_set *set, struct slice name)
{
	uint32_t low = 0, high = set->count, middle;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		order = slice_cmp(name, slice_text(set->specs[middle].name));
		if (order == 0)
			return &set->specs[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER] */
void
function_arn(struct buf *out, const struct function_spec *spec,
    struct slice qualifier)
{
	buf_printf(out, "arn:aws:lambda:%s:%s:function:%s", spec->region,
	    *spec->account != '\0' ? spec->account : FUNCTION_ACCOUNT,
	    spec->name);
	if (qualifier.len > 0) {
		buf_add_char(out, ':');
		buf_add_slice(out, qualifier);
	}
}

const char *
function_runtime_name(uint32_t runtime)
{
	static const char *const names[FUNCTION_RUNTIMES] = {
		[FUNCTION_PROVIDED] = "provided",
		[FUNCTION_NODEJS] = "nodejs",
		[FUNCTION_PYTHON] = "python",
	};

	return runtime < FUNCTION_RUNTIMES ? names[runtime] : "?";
}

static bool
plain_name(struct slice text, bool qualifier)
{
	size_t i;

	if (text.len == 0 || text.len > FUNCTION_NAME_MAX * 2)
		return false;
	for (i = 0; i < text.len; i++) {
		char c = text.at[i], lower = ascii_lower(c);

		if ((lower < 'a' || lower > 'z') && (c < '0' || c > '9') &&
		    c != '-' && c != '_' && !(qualifier && c == '$'))
			return false;
	}
	return true;
}

static bool
all_digits(struct slice text, size_t len)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
	return text.len == len;
}

/*
 * Take a function's name apart, in any form that the Invoke API allows
 * (contract, 4.5): NAME, NAME:ALIAS, ACCOUNT:function:NAME[:ALIAS],
 * arn:aws:lambda:REGION:ACCOUNT:function:NAME[:ALIAS]. Region and account are
 * not compared: here is one of each. 0, or -1 when it is none of these.
 */
int
function_name_parse(struct slice text, struct function_name *name_r)
{
	struct slice part[8] = { SLICE_NONE }, rest = text;
	unsigned count = 0, at = 0;

	while (rest.at != NULL && count < 8)
		part[count++] = slice_until(&rest, ':');
	if (rest.at != NULL || count == 0)
		return -1;
	if (count >= 7 && slice_eq(part[0], SLICE("arn")) &&
	    slice_eq(part[2], SLICE("lambda")))
		at = 4;
	if (count >= at + 3 && all_digits(part[at], 12) &&
	    slice_eq(part[at + 1], SLICE("function")))
		at += 2;
	else if (at > 0)
		return -1;
	if (count - at > 2)
		return -1;
	name_r->name = part[at];
	name_r->qualifier = count - at == 2 ? part[at + 1] : SLICE_NONE;
	if (!plain_name(name_r->name, false) || (count - at == 2 &&
	    !plain_name(name_r->qualifier, true)))
		return -1;
	return 0;
}

/* None, $LATEST, and the aliases of the configuration exist. */
bool
function_has_qualifier(const struct function_spec *spec,
    struct slice qualifier)
{
	uint32_t i;

	if (qualifier.len == 0 || slice_eq(qualifier, SLICE("$LATEST")))
		return true;
	for (i = 0; i < spec->aliases.count; i++)
		if (slice_eq(qualifier, slice_text(spec->aliases.at[i])))
			return true;
	return false;
}

/* The value of a variable of the function's own environment, or NULL. */
const char *
function_variable(const struct function_spec *spec, const char *name)
{
	size_t len = strlen(name);
	uint32_t i;

	for (i = 0; i < spec->environment.count; i++)
		if (strncmp(spec->environment.at[i], name, len) == 0 &&
		    spec->environment.at[i][len] == '=')
			return spec->environment.at[i] + len + 1;
	return NULL;
}

/* How many events one instance takes at a time. */
unsigned
function_slots(const struct function_spec *spec)
{
	const char *text = function_variable(spec,
	    "AWS_LAMBDA_MAX_CONCURRENCY");
	uint64_t slots;

	if (text == NULL || slice_to_u64(slice_text(text), &slots) < 0 ||
	    slots == 0)
		return 1;
	return slots > 1000 ? 1000 : (unsigned)slots;
}
