/*
 * table/build.c - the writer of images
 *
 * config/compile appends records here; table_build_seal puts the sections one
 * behind the other into a memory file and seals it. A build belongs to one
 * compilation, in the process that reads the configuration; no worker has
 * one. The same calls in the same order give the same bytes.
 */

#include "table/build.h"

#include <sys/mman.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/digest.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/mem.h"

#define SECTION_ALIGN	64	/* a cache line */
#define SLOTS_MIN	8

struct section {
	char *at;		/* owned */
	uint32_t count;
	uint32_t room;		/* in elements */
};

/* Numbers by hash, several under one; 0 in value says empty. */
struct index {
	struct index_slot {
		uint64_t hash;
		uint32_t value;
		uint32_t pad;
	} *slots;		/* owned */
	uint32_t size;		/* a power of two, or 0 */
	uint32_t used;
};

/* A run of records that may be used again. */
struct interned {
	enum image_section_id id;
	struct image_run run;
};

struct table_build {
	struct section sections[IMAGE_SECTIONS];
	struct section edges;		/* struct image_edge, as added */
	struct section hosts;		/* struct image_host, as added */
	struct section interned;	/* struct interned */
	struct index edge_index;	/* position in edges, plus 1 */
	struct index host_index;
	struct index intern_index;
};

static uint32_t
section_room(struct section *section, size_t size, uint32_t want)
{
	uint64_t need = (uint64_t)section->count + want;
	uint64_t room;

	if (need > section->room) {
		room = (uint64_t)section->room * 2 > need ?
		    (uint64_t)section->room * 2 : need + 16;
		assert(room < UINT32_MAX);	/* of the operator's text */
		section->at = mem_grow(section->at, room, size);
		section->room = (uint32_t)room;
	}
	return section->count;
}

static uint32_t
section_add(struct section *section, size_t size, const void *records,
    uint32_t count)
{
	uint32_t first = section_room(section, size, count);

	memcpy(section->at + (size_t)first * size, records,
	    (size_t)count * size);
	section->count += count;
	return first;
}

static void
index_put(struct index *ix, uint64_t hash, uint32_t value)
{
	uint32_t at = (uint32_t)hash & (ix->size - 1);

	while (ix->slots[at].value != 0)
		at = (at + 1) & (ix->size - 1);
	ix->slots[at] = (struct index_slot){ hash, value, 0 };
	ix->used++;
}

static void
index_add(struct index *ix, uint64_t hash, uint32_t value)
{
	struct index old = *ix;
	uint32_t i;

	if (old.used * 2 >= old.size) {
		ix->size = old.size == 0 ? 256 : old.size * 2;
		ix->slots = mem_array(ix->size, sizeof *ix->slots);
		ix->used = 0;
		for (i = 0; i < old.size; i++)
			if (old.slots[i].value != 0)
				index_put(ix, old.slots[i].hash,
				    old.slots[i].value);
		free(old.slots);
	}
	index_put(ix, hash, value);
}

/*
 * The next value under hash, or 0. *at_io is the place to go on from; the
 * first call has it at (uint32_t)hash.
 */
static uint32_t
index_next(const struct index *ix, uint64_t hash, uint32_t *at_io)
{
	const struct index_slot *slot;

	while (ix->size > 0) {
		slot = &ix->slots[*at_io & (ix->size - 1)];
		if (slot->value == 0)
			break;
		(*at_io)++;
		if (slot->hash == hash)
			return slot->value;
	}
	return 0;
}

/* The element that an index has under value. */
static const void *
indexed(const struct section *section, size_t size, uint32_t value)
{
	return section->at + (value - 1) * size;
}

/* An empty writer: no settings yet, node 0 taken, "" in the pool. */
struct table_build *
table_build_open(void)
{
	static const struct image_node nothing = { .stage = IMAGE_NONE };
	struct table_build *build = mem_new(sizeof *build);

	build_add(build, IMAGE_NODES, &nothing);
	section_add(&build->sections[IMAGE_STRINGS], 1, "", 1);
	return build;
}

void
table_build_close(struct table_build **build_p)
{
	struct table_build *build = *build_p;
	unsigned i;

	*build_p = NULL;
	if (build == NULL)
		return;
	for (i = 0; i < IMAGE_SECTIONS; i++)
		free(build->sections[i].at);
	free(build->edges.at);
	free(build->hosts.at);
	free(build->interned.at);
	free(build->edge_index.slots);
	free(build->host_index.slots);
	free(build->intern_index.slots);
	free(build);
}

/* A copy of record at the end of its section; returns its index. */
uint32_t
build_add(struct table_build *build, enum image_section_id id,
    const void *record)
{
	assert(id != IMAGE_STRINGS && id != IMAGE_HOST_SLOTS &&
	    id != IMAGE_EDGE_SLOTS);
	return section_add(&build->sections[id], image_record_size(id), record,
	    1);
}

/* A record to be filled in further; good until the next build_add there. */
void *
build_at(struct table_build *build, enum image_section_id id, uint32_t index)
{
	assert(index < build->sections[id].count);
	return build->sections[id].at + (size_t)index * image_record_size(id);
}

uint32_t
build_count(const struct table_build *build, enum image_section_id id)
{
	return build->sections[id].count;
}

static bool
same_run(const struct table_build *build, const struct interned *have,
    enum image_section_id id, const void *records, uint32_t count)
{
	size_t size = image_record_size(id);

	return have->id == id && have->run.count == count &&
	    memcmp(build->sections[id].at + have->run.first * size, records,
	    count * size) == 0;
}

/*
 * The place of count records that stand together in a section: where the same
 * ones stand already, or at its end. What build_run returned must not be
 * changed with build_at. No records: the empty run.
 */
struct image_run
build_run(struct table_build *build, enum image_section_id id,
    const void *records, uint32_t count)
{
	size_t size = image_record_size(id);
	struct interned entry = { .id = id };
	const struct interned *have;
	uint64_t hash;
	uint32_t at, value;

	if (count == 0)
		return (struct image_run){ 0, 0 };
	hash = hash_slice(slice_of(records, count * size), id);
	at = (uint32_t)hash;
	while ((value = index_next(&build->intern_index, hash, &at)) != 0) {
		have = indexed(&build->interned, sizeof *have, value);
		if (same_run(build, have, id, records, count))
			return have->run;
	}
	entry.run.first = section_add(&build->sections[id], size, records,
	    count);
	entry.run.count = count;
	if (id == IMAGE_STRINGS)
		section_add(&build->sections[id], size, "", 1);
	index_add(&build->intern_index, hash, 1 + section_add(
	    &build->interned, sizeof entry, &entry, 1));
	return entry.run;
}

/* text in the pool, followed by a NUL there; each text stands there once. */
struct image_text
build_text(struct table_build *build, struct slice text)
{
	struct image_run run = build_run(build, IMAGE_STRINGS, text.at,
	    (uint32_t)text.len);

	return (struct image_text){ run.first, run.count };
}

/* What stands in the pool; good until the next build_text. */
struct slice
build_slice(const struct table_build *build, struct image_text text)
{
	return slice_of(build->sections[IMAGE_STRINGS].at + text.at, text.len);
}

/* A node without children, methods or stage. */
uint32_t
build_node(struct table_build *build)
{
	static const struct image_node empty = { .stage = IMAGE_NONE };

	return build_add(build, IMAGE_NODES, &empty);
}

static uint32_t
static_child(struct table_build *build, uint32_t node, struct slice segment)
{
	uint64_t hash = image_edge_hash(hash_slice(segment, 0), node);
	uint32_t at = (uint32_t)hash, value;
	const struct image_edge *have;
	struct image_node *parent;
	struct image_edge edge = { 0 };

	while ((value = index_next(&build->edge_index, hash, &at)) != 0) {
		have = indexed(&build->edges, sizeof *have, value);
		if (have->node == node && slice_eq(segment,
		    build_slice(build, have->segment)))
			return have->child;
	}
	edge.node = node;
	edge.child = build_node(build);
	edge.segment = build_text(build, segment);
	parent = build_at(build, IMAGE_NODES, node);
	parent->edges++;
	index_add(&build->edge_index, hash, 1 + section_add(&build->edges,
	    sizeof edge, &edge, 1));
	return edge.child;
}

/* The child for "{name}" or "{name+}"; names do not part nodes. */
static uint32_t
variable_child(struct table_build *build, uint32_t node, bool greedy)
{
	struct image_node *parent = build_at(build, IMAGE_NODES, node);
	uint32_t child = greedy ? parent->greedy : parent->param;

	if (child != 0)
		return child;
	child = build_node(build);
	parent = build_at(build, IMAGE_NODES, node);
	*(greedy ? &parent->greedy : &parent->param) = child;
	return child;
}

/*
 * The node at path below node, made as far as it is missing. path is "/" or
 * "/a/{b}/{c+}"; a trailing slash is an empty last segment.
 */
uint32_t
build_path(struct table_build *build, uint32_t node, struct slice path)
{
	struct slice rest, segment;

	assert(path.len > 0 && path.at[0] == '/');
	if (path.len == 1)
		return node;
	rest = slice_of(path.at + 1, path.len - 1);
	do {
		segment = slice_until(&rest, '/');
		if (slice_starts(segment, SLICE("{")) &&
		    slice_ends(segment, SLICE("}")))
			node = variable_child(build, node,
			    slice_ends(segment, SLICE("+}")));
		else
			node = static_child(build, node, segment);
	} while (rest.at != NULL);
	return node;
}

/* The name a host has in the table, in lower: enough for 255 bytes. */
static struct slice
host_name(struct slice host, char *lower)
{
	size_t i;

	if (slice_starts(host, SLICE("*."))) {
		host.at++;
		host.len--;
	}
	assert(host.len <= 255);
	for (i = 0; i < host.len; i++)
		lower[i] = ascii_lower(host.at[i]);
	return slice_of(lower, host.len);
}

/*
 * Let the base paths below node be those of host on listener. host is
 * "api.example.com", "*.example.com", or "" for any host; at most 255 bytes.
 */
void
build_host(struct table_build *build, unsigned listener, struct slice host,
    uint32_t node)
{
	struct image_listener *owner = build_at(build, IMAGE_LISTENERS,
	    listener);
	struct image_host entry = { .listener = listener, .node = node };
	char lower[256];
	struct slice name = host_name(host, lower);

	if (name.len == 0)
		owner->any_host = node;
	else
		owner->host_kinds |= name.at[0] == '.' ? IMAGE_HOST_SUFFIX :
		    IMAGE_HOST_EXACT;
	entry.name = build_text(build, name);
	index_add(&build->host_index, image_host_hash(name, listener), 1 +
	    section_add(&build->hosts, sizeof entry, &entry, 1));
}

/* The node that build_host gave for exactly this host, or 0. */
uint32_t
build_host_find(const struct table_build *build, unsigned listener,
    struct slice host)
{
	char lower[256];
	struct slice name = host_name(host, lower);
	uint64_t hash = image_host_hash(name, listener);
	uint32_t at = (uint32_t)hash, value;
	const struct image_host *have;

	while ((value = index_next(&build->host_index, hash, &at)) != 0) {
		have = indexed(&build->hosts, sizeof *have, value);
		if (have->listener == listener && slice_eq(name,
		    build_slice(build, have->name)))
			return have->node;
	}
	return 0;
}

/* An empty table for count entries, at most three quarters full. */
static uint32_t
slots_open(struct section *slots, uint32_t count, size_t size)
{
	uint32_t room = SLOTS_MIN;

	while (room / 4 * 3 < count)
		room *= 2;
	free(slots->at);
	*slots = (struct section){ mem_array(room, size), room, room };
	return room - 1;
}

static void
lay_out_edges(struct table_build *build)
{
	struct section *section = &build->sections[IMAGE_EDGE_SLOTS];
	uint32_t mask = slots_open(section, build->edges.count,
	    sizeof(struct image_edge)), i, at;
	struct image_edge *slots = (void *)section->at;
	const struct image_edge *edges = (const void *)build->edges.at;
	struct slice segment;

	for (i = 0; i < build->edges.count; i++) {
		at = (uint32_t)image_edge_hash(hash_slice(build_slice(build,
		    edges[i].segment), 0), edges[i].node) & mask;
		while (slots[at].child != 0)
			at = (at + 1) & mask;
		slots[at] = edges[i];
		segment = build_slice(build, edges[i].segment);
		memcpy(slots[at].start, segment.at,
		    segment.len < IMAGE_EDGE_START ? segment.len :
		    IMAGE_EDGE_START);
	}
}

static void
lay_out_hosts(struct table_build *build)
{
	struct section *section = &build->sections[IMAGE_HOST_SLOTS];
	uint32_t mask = slots_open(section, build->hosts.count,
	    sizeof(struct image_host)), i, at;
	struct image_host *slots = (void *)section->at;
	const struct image_host *hosts = (const void *)build->hosts.at;

	for (i = 0; i < build->hosts.count; i++) {
		at = (uint32_t)image_host_hash(build_slice(build,
		    hosts[i].name), hosts[i].listener) & mask;
		while (slots[at].node != 0)
			at = (at + 1) & mask;
		slots[at] = hosts[i];
	}
}

static uint64_t
align(uint64_t at)
{
	return (at + SECTION_ALIGN - 1) & ~(uint64_t)(SECTION_ALIGN - 1);
}

/* Where each section will lie. Returns the size of the whole. */
static uint64_t
lay_out(struct table_build *build, struct image_head *head)
{
	uint64_t at = align(sizeof *head);
	unsigned i;

	lay_out_edges(build);
	lay_out_hosts(build);
	for (i = 0; i < IMAGE_SECTIONS; i++) {
		head->sections[i].at = (uint32_t)at;
		head->sections[i].count = build->sections[i].count;
		at = align(at + (uint64_t)build->sections[i].count *
		    image_record_size((enum image_section_id)i));
		if (at > UINT32_MAX)
			return 0;
	}
	return at;
}

static void
write_image(const struct table_build *build, struct image_head *head,
    char *base)
{
	size_t size;
	unsigned i;

	for (i = 0; i < IMAGE_SECTIONS; i++) {
		size = build->sections[i].count *
		    image_record_size((enum image_section_id)i);
		if (size > 0)
			memcpy(base + head->sections[i].at,
			    build->sections[i].at, size);
	}
	digest_sha256(base + sizeof *head, head->size - sizeof *head,
	    head->hash);
	memcpy(base, head, sizeof *head);
}

/* A file of size zero bytes whose pages are there already. */
static int
memory_file(size_t size, int *fd_r, struct error *err)
{
	int fd, code;

	fd = memfd_create("gatehouse-table", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return error_errno(err, "cannot create a memory file");
	code = posix_fallocate(fd, 0, (off_t)size);
	if (code != 0) {
		fd_close(&fd);
		errno = code;
		return error_errno(err, "cannot allocate %zu bytes for the "
		    "route table", size);
	}
	*fd_r = fd;
	return 0;
}

/*
 * The same file through a descriptor that cannot write: older kernels refuse
 * a shared mapping of a sealed file through the one that could. Without /proc
 * the descriptor stays; readers then map privately.
 */
static void
reopen_read_only(int *fd_io)
{
	char path[40];
	int fd;

	snprintf(path, sizeof path, "/proc/self/fd/%d", *fd_io);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	fd_close(fd_io);
	*fd_io = fd;
}

/*
 * Put the image together. Returns 0 and a descriptor of the sealed memory
 * file, good for reading only, or -1 with the reason. The caller closes the
 * descriptor. The build may be sealed once; it stays to be closed.
 */
int
table_build_seal(struct table_build *build, uint64_t generation, int *fd_r,
    struct error *err)
{
	struct image_head head = {
		.magic = IMAGE_MAGIC, .layout = IMAGE_LAYOUT,
		.head_size = sizeof head, .generation = generation,
	};
	void *base;
	int fd;

	head.size = lay_out(build, &head);
	if (head.size == 0)
		return error_set(err, "the route table is larger than 4 GiB");
	if (memory_file(head.size, &fd, err) < 0)
		return -1;
	base = mmap(NULL, head.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	if (base == MAP_FAILED) {
		error_errno(err, "cannot map the route table");
		goto close;
	}
	write_image(build, &head, base);
	munmap(base, head.size);	/* or sealing fails: EBUSY */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW |
	    F_SEAL_SEAL) < 0) {
		error_errno(err, "cannot seal the route table");
		goto close;
	}
	reopen_read_only(&fd);
	*fd_r = fd;
	return 0;
close:
	fd_close(&fd);
	return -1;
}
