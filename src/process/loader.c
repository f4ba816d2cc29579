/*
 * process/loader.c - reading a configuration, apart from everybody else
 *
 * The master loads in a child that lives for one load: a crash or a hang in a
 * parser is then a failed reload with a sentence. `gatehouse -t` runs the same
 * steps in its own process. What comes out is a sealed image, a sealed file of
 * functions, the settings that the master itself needs, and the findings as
 * text.
 */

#include "process/loader.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/cpus.h"
#include "process/lookup.h"
#include "shared/region.h"
#include "table/build.h"
#include "table/dump.h"
#include "table/view.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/mem.h"

#define NAMES_MS	3000	/* for all names of a load together */
#define NAME_MS		1500	/* for one */
#define NAMES_MAX	256	/* answers kept for the region */
#define SPARE		48	/* descriptors that are no connection's */
#define CONNECTIONS_DEFAULT 16384

/* The names that this load has asked for. */
struct names {
	const struct load_request *request;
	uint64_t end_ms;
	unsigned count;
	struct name {
		char host[256];
		struct region_addresses addresses;
	} *at;			/* owned */
};

static struct spec_place
nowhere(const struct load_request *request)
{
	return (struct spec_place){ .file = request->file };
}

/* Put the prefix in front of a relative path. */
static void
prefix_path(struct spec *spec, const char *prefix, struct slice *path)
{
	size_t len = strlen(prefix);
	char *text;

	if (path->len == 0 || path->at[0] == '/' ||
	    slice_eq(*path, SLICE("stderr")) ||
	    slice_eq(*path, SLICE("stdout")) || slice_eq(*path, SLICE("off")))
		return;
	text = arena_alloc(&spec->arena, len + 1 + path->len + 1);
	memcpy(text, prefix, len);
	text[len] = '/';
	memcpy(text + len + 1, path->at, path->len);
	text[len + 1 + path->len] = '\0';
	*path = slice_of(text, len + 1 + path->len);
}

/* "unix:run/x.sock": the same behind "unix:". */
static void
prefix_address(struct spec *spec, const char *prefix, struct slice *address)
{
	struct slice path = *address;
	char *text;

	if (!slice_starts(*address, SLICE("unix:")))
		return;
	path.at += 5;
	path.len -= 5;
	if (path.len == 0 || path.at[0] == '/')
		return;
	prefix_path(spec, prefix, &path);
	text = arena_alloc(&spec->arena, path.len + 6);
	memcpy(text, "unix:", 5);
	memcpy(text + 5, path.at, path.len + 1);
	*address = slice_of(text, path.len + 5);
}

static void
prefix_spec(struct spec *spec, const char *prefix)
{
	size_t i, j;

	prefix_path(spec, prefix, &spec->pid_file);
	prefix_path(spec, prefix, &spec->control_socket);
	prefix_path(spec, prefix, &spec->error_log);
	prefix_path(spec, prefix, &spec->access_log.path);
	prefix_path(spec, prefix, &spec->function_socket);
	for (i = 0; i < spec->nfunctions; i++) {
		prefix_path(spec, prefix, &spec->functions[i].code);
		prefix_path(spec, prefix, &spec->functions[i].log);
	}
	for (i = 0; i < spec->nlisteners; i++)
		prefix_address(spec, prefix, &spec->listeners[i].address);
	for (i = 0; i < spec->nupstreams; i++)
		for (j = 0; j < spec->upstreams[i].nservers; j++)
			prefix_address(spec, prefix,
			    &spec->upstreams[i].servers[j].address);
	for (i = 0; i < spec->napis; i++)
		for (j = 0; j < spec->apis[i].nstages; j++)
			prefix_path(spec, prefix,
			    &spec->apis[i].stages[j].access_log.path);
}

static void
fit_text(struct load *load, const struct load_request *request, char *to,
    size_t size, const char *what, struct slice text)
{
	if (text.len >= size) {
		spec_problem_add(&load->problems, nowhere(request), false,
		    "%s is longer than %zu bytes", what, size - 1);
		return;
	}
	memset(to, 0, size);
	if (text.len > 0)
		memcpy(to, text.at, text.len);
}

static void
find_group(struct load *load, gid_t *gid_p)
{
	struct slice name = load->spec->group;
	const struct group *group;
	char text[64];

	if (name.len == 0 || name.len >= sizeof text)
		return;
	memcpy(text, name.at, name.len);
	text[name.len] = '\0';
	group = getgrnam(text);
	if (group == NULL)
		spec_problem_add(&load->problems, spec_given_at(load->spec,
		    "group"), false, "there is no group \"%s\" on this "
		    "machine; expected one for the workers to run as", text);
	else
		*gid_p = group->gr_gid;
}

/* Who the children become. Without root's power nobody changes. */
static void
find_user(struct load *load, const struct load_request *request)
{
	struct message_launch *launch = &load->launch;
	const struct passwd *user;
	gid_t gid, groups[LAUNCH_GROUPS_MAX];
	int i, count = LAUNCH_GROUPS_MAX;

	fit_text(load, request, launch->user, sizeof launch->user, "user",
	    load->spec->user);
	if (geteuid() != 0 || launch->user[0] == '\0')
		return;
	user = getpwnam(launch->user);
	if (user == NULL) {
		spec_problem_add(&load->problems, spec_given_at(load->spec,
		    "user"), false, "there is no user \"%s\" on this "
		    "machine; expected one for the workers to run as",
		    launch->user);
		return;
	}
	if (user->pw_uid == 0) {
		spec_problem_add(&load->problems, spec_given_at(load->spec,
		    "user"), false, "user: workers never run as root; "
		    "expected another user than \"%s\"", launch->user);
		return;
	}
	gid = user->pw_gid;
	find_group(load, &gid);
	launch->uid = user->pw_uid;
	launch->gid = gid;
	if (getgrouplist(launch->user, gid, groups, &count) < 0)
		count = LAUNCH_GROUPS_MAX;
	launch->ngroups = (uint32_t)count;
	for (i = 0; i < count; i++)
		launch->groups[i] = groups[i];
}

/*
 * Each connection of a client may need one to a backend. What was asked for
 * by name has to fit; the default is lowered to what does.
 */
static void
fit_connections(struct load *load, const struct load_request *request)
{
	struct spec *spec = load->spec;
	long wanted = spec->worker_connections, fits, spare;

	load->launch.connections_wanted = (uint32_t)wanted;
	spare = SPARE + (long)spec->nlisteners * 4;
	fits = (request->descriptors - spare) / 2;
	if (fits < 8)
		fits = 8;
	if (request->descriptors > 0 && wanted > fits) {
		if (wanted != CONNECTIONS_DEFAULT)
			spec_problem_add(&load->problems, nowhere(request),
			    false, "worker_connections = %ld needs %ld "
			    "descriptors for each worker, but the limit is "
			    "%d; expected at most %ld, or a higher limit",
			    wanted, wanted * 2 + spare, request->descriptors,
			    fits);
		spec->worker_connections = fits;
	}
	load->launch.connections = (uint32_t)spec->worker_connections;
}

static void
fill_launch(struct load *load, const struct load_request *request)
{
	struct message_launch *launch = &load->launch;
	struct spec *spec = load->spec;
	enum log_level level = LOG_LEVEL_NOTICE;
	struct stat st;
	char name[16] = "";
	uint64_t count = 0;

	if (slice_to_u64(spec->workers, &count) < 0 || count == 0)
		count = cpus_usable();
	launch->workers = count < 512 ? (uint32_t)count : 512;
	launch->core_dumps = spec->core_dumps;
	if (spec->log_level.len > 0 && spec->log_level.len < sizeof name) {
		memcpy(name, spec->log_level.at, spec->log_level.len);
		log_level_parse(name, &level);
	}
	launch->log_level = level;
	find_user(load, request);
	fit_text(load, request, launch->pid_file, sizeof launch->pid_file,
	    "pid_file", spec->pid_file);
	if (stat(launch->pid_file, &st) == 0 && S_ISDIR(st.st_mode))
		spec_problem_add(&load->problems, spec_given_at(load->spec,
		    "pid_file"), false, "pid_file %s is a folder; expected a "
		    "file", launch->pid_file);
	fit_text(load, request, launch->control_socket,
	    sizeof launch->control_socket, "control_socket",
	    spec->control_socket);
	fit_text(load, request, launch->error_log, sizeof launch->error_log,
	    "error_log", spec->error_log);
	fit_connections(load, request);
}

/* Does the table in force know this name, and was it ever resolved? */
static bool
is_known(const struct load_request *request, const char *host)
{
	const struct image_head *image = request->current;
	const struct image_server *server;
	uint32_t i;

	if (image == NULL || request->region == NULL)
		return false;
	for (i = 0; i < image->sections[IMAGE_SERVERS].count; i++) {
		server = IMAGE_AT(image, IMAGE_SERVERS, struct image_server,
		    i);
		if (server->address.family == IMAGE_FAMILY_NAME &&
		    slice_eq(image_slice(image, server->address.text),
		    slice_text(host)))
			return region_addresses_version(request->region,
			    server->name_id) != 0;
	}
	return false;
}

/* config_resolve_fn: keeps the answer for the region. */
static int
resolve(void *ctx, const char *host)
{
	struct names *names = ctx;
	struct name *name;
	uint64_t now = clock_now_ms(), left;

	if (is_known(names->request, host))
		return 0;
	if (now >= names->end_ms || names->count == NAMES_MAX ||
	    strlen(host) >= sizeof name->host)
		return -1;
	left = names->end_ms - now;
	name = &names->at[names->count];
	if (lookup_host(host, (uint32_t)(left < NAME_MS ? left : NAME_MS),
	    &name->addresses) < 0)
		return -1;
	memcpy(name->host, host, strlen(host) + 1);
	names->count++;
	return 0;
}

static void
publish(const struct names *names, const struct image_head *image)
{
	const struct image_server *server;
	struct slice host;
	uint32_t i;
	unsigned n;

	for (i = 0; i < image->sections[IMAGE_SERVERS].count; i++) {
		server = IMAGE_AT(image, IMAGE_SERVERS, struct image_server,
		    i);
		host = image_slice(image, server->address.text);
		if (server->address.family != IMAGE_FAMILY_NAME)
			continue;
		for (n = 0; n < names->count; n++)
			if (slice_eq_nocase(host, slice_text(
			    names->at[n].host)))
				region_addresses_publish(
				    names->request->region, server->name_id,
				    &names->at[n].addresses);
	}
}

static bool
has_names(const struct image_head *image)
{
	uint32_t i;

	for (i = 0; i < image->sections[IMAGE_SERVERS].count; i++)
		if (IMAGE_AT(image, IMAGE_SERVERS, struct image_server,
		    i)->address.family == IMAGE_FAMILY_NAME)
			return true;
	return false;
}

/* What is in the new image, beside the one in force. */
static void
compare(struct message_image *facts, const struct image_head *older,
    const struct image_head *newer)
{
	struct table_changes changes = { 0 };

	facts->names = has_names(newer);
	if (older == NULL)
		return;
	if (memcmp(older->hash, newer->hash, sizeof older->hash) == 0) {
		facts->unchanged = 1;
		return;
	}
	table_changes_count(older, newer, &changes);
	facts->routes_added = changes.routes_added;
	facts->routes_removed = changes.routes_removed;
	facts->routes_changed = changes.routes_changed;
	facts->listeners_added = changes.listeners_added;
	facts->listeners_removed = changes.listeners_removed;
	facts->upstreams_added = changes.upstreams_added;
	facts->upstreams_removed = changes.upstreams_removed;
	facts->upstreams_changed = changes.upstreams_changed;
}

static int
make_image(struct load *load, const struct load_request *request,
    const struct names *names, struct error *err)
{
	struct table_build *build = table_build_open();
	struct table_view *view;
	int code = config_compile(load->spec, build, err);

	if (code == 0)
		code = table_build_seal(build, request->generation,
		    &load->image_fd, err);
	table_build_close(&build);
	if (code < 0)
		return -1;
	if (table_view_open(load->image_fd, &view, err) < 0)
		return error_prefix(err, "the compiled table is unsound");
	load->facts.generation = request->generation;
	compare(&load->facts, request->current, view->head);
	if (request->region != NULL)
		publish(names, view->head);
	table_view_unref(&view);
	return 0;
}

/* Read only: for what needs the settings and no table. */
void
load_parse(struct load *load, const struct load_request *request)
{
	memset(load, 0, sizeof *load);
	load->image_fd = load->functions.fd = -1;
	spec_problems_open(&load->problems);
	load->spec = config_parse(request->file, &load->problems);
	if (request->prefix != NULL)
		prefix_spec(load->spec, request->prefix);
}

/*
 * Read, check and compile. Returns 0 also when the file has errors: see
 * load->problems; image_fd is -1 then. Returns -1 with a sentence when it
 * could not be compiled. load_close in any case.
 */
int
load_open(struct load *load, const struct load_request *request,
    struct error *err)
{
	struct names names = { .request = request };
	int code = 0;

	load_parse(load, request);
	config_check(load->spec, &load->problems);
	load_functions_check(load);
	if (load->problems.errors == 0)
		fill_launch(load, request);
	if (load->problems.errors > 0)
		return 0;
	names.at = mem_array(NAMES_MAX, sizeof *names.at);
	names.end_ms = clock_now_ms() + NAMES_MS;
	if (request->names)
		config_check_names(load->spec, resolve, &names,
		    &load->problems);
	code = make_image(load, request, &names, err);
	if (code == 0)
		code = load_functions_write(load, err);
	free(names.at);
	return code;
}

void
load_close(struct load *load)
{
	fd_close(&load->image_fd);
	load_functions_close(load);
	if (load->spec != NULL)
		spec_close(&load->spec);
	spec_problems_close(&load->problems);
}

/* Text for people, then a JSON list for programs, in a memory file. */
static int
send_report(struct channel *channel, const struct load *load,
    const struct error *failure, struct error *err)
{
	struct message message = { .type = MESSAGE_REPORT };
	struct message_report *report = &message.body.report;
	struct buf text;
	int fd, code;

	buf_open(&text);
	spec_problems_write(&load->problems, false, &text);
	if (failure != NULL)
		buf_printf(&text, "%s\n", failure->text);
	report->errors = load->problems.errors + (failure != NULL);
	report->warnings = load->problems.warnings;
	report->text_bytes = text.len;
	spec_problems_write(&load->problems, true, &text);
	report->json_bytes = text.len - report->text_bytes;
	fd = memfd_create("gatehouse report", MFD_CLOEXEC);
	code = fd < 0 || fd_write_all(fd, text.at, text.len) < 0 ?
	    error_errno(err, "cannot write the report") :
	    channel_send(channel, &message, fd, err);
	fd_close(&fd);
	buf_close(&text);
	return code;
}

/* Where the functions log comes first: with the file all is known. */
static int
send_functions(struct channel *channel, const struct load *load,
    struct error *err)
{
	const struct loaded_functions *functions = &load->functions;
	struct message message = { .type = MESSAGE_FUNCTION_LOG };
	unsigned i;

	if (functions->fd < 0)
		return 0;
	for (i = 0; i < functions->nlogs; i++) {
		message.body.path = functions->logs[i];
		if (channel_send(channel, &message, -1, err) < 0)
			return -1;
	}
	message.type = MESSAGE_FUNCTIONS;
	message.body.functions = functions->facts;
	return channel_send(channel, &message, functions->fd, err);
}

/* The loader's whole life. Returns its exit code. */
int
loader_run(int channel_fd, const struct load_request *request)
{
	struct message message;
	struct channel channel;
	struct error err;
	struct load load;
	int code;

	channel_open(&channel, channel_fd);
	fd_set_nonblock(channel_fd, false);
	code = load_open(&load, request, &err);
	if (send_report(&channel, &load, code < 0 ? &err : NULL, &err) < 0)
		return 1;
	if (code < 0 || load.problems.errors > 0)
		return 0;
	message.type = MESSAGE_LAUNCH;
	message.body.launch = load.launch;
	if (channel_send(&channel, &message, -1, &err) < 0)
		return 1;
	if (send_functions(&channel, &load, &err) < 0)
		return 1;
	message.type = MESSAGE_IMAGE;
	message.body.image = load.facts;
	if (channel_send(&channel, &message, load.image_fd, &err) < 0)
		return 1;
	return 0;
}
