/*
 * process/resolver.c - the process that keeps names resolved
 *
 * Present only while some backend is a host name. The master sends it each
 * table; it asks for every name when its time has come, and puts what changed
 * into the shared region, where the workers find it. A name that does not
 * answer keeps its last good addresses. Blocking is allowed here.
 */

#include "process/resolver.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "process/daemon.h"
#include "process/lookup.h"
#include "table/view.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/mem.h"

#define LOOKUP_MS	5000
#define RETRY_MS	2000	/* for a name that has no answer yet */
#define IDLE_MS		60000

struct name {
	uint64_t id;		/* image_server.name_id */
	uint64_t next_ms;	/* when to ask again */
	uint32_t every_ms;
	bool failing;
	char host[256];
};

struct resolver {
	const struct worker_start *start;
	struct log *log;
	struct channel channel;
	struct name *names;	/* owned */
	size_t count;
};

static struct name *
name_find(struct name *names, size_t count, uint64_t id)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (names[i].id == id)
			return &names[i];
	return NULL;
}

static void
name_take(struct resolver *old, struct resolver *to,
    const struct image_head *image, const struct image_server *server,
    uint32_t every_ms)
{
	struct slice host = image_slice(image, server->address.text);
	struct name *name = name_find(to->names, to->count, server->name_id);
	const struct name *was;

	if (host.len >= sizeof name->host)
		return;
	if (name == NULL) {
		name = &to->names[to->count++];
		memset(name, 0, sizeof *name);
		name->id = server->name_id;
		name->every_ms = every_ms;
		memcpy(name->host, host.at, host.len);
		was = name_find(old->names, old->count, name->id);
		name->next_ms = was != NULL ? was->next_ms : 0;
		name->failing = was != NULL && was->failing;
	}
	if (every_ms < name->every_ms)
		name->every_ms = every_ms;
}

/* The names of a new table; those we know already keep their time. */
static void
take_table(struct resolver *resolver, const struct image_head *image)
{
	struct resolver fresh = *resolver;
	const struct image_upstream *upstream;
	const struct image_server *server;
	uint32_t i, j;

	fresh.count = 0;
	fresh.names = mem_array(image->sections[IMAGE_SERVERS].count,
	    sizeof *fresh.names);
	for (i = 0; i < image->sections[IMAGE_UPSTREAMS].count; i++) {
		upstream = IMAGE_AT(image, IMAGE_UPSTREAMS,
		    struct image_upstream, i);
		for (j = 0; j < upstream->servers.count; j++) {
			server = IMAGE_AT(image, IMAGE_SERVERS,
			    struct image_server, upstream->servers.first + j);
			if (server->address.family == IMAGE_FAMILY_NAME)
				name_take(resolver, &fresh, image, server,
				    upstream->resolve_ms);
		}
	}
	free(resolver->names);
	*resolver = fresh;
}

static void
on_table(struct resolver *resolver, int fd)
{
	struct table_view *view;
	struct error err;

	if (table_view_open(fd, &view, &err) < 0) {
		log_error(resolver->log, "%s", err.text);
		return;
	}
	take_table(resolver, view->head);
	table_view_unref(&view);
}

static void
on_error_log(struct resolver *resolver, int *fd_p)
{
	if (resolver->log->fd > STDERR_FILENO)
		close(resolver->log->fd);
	resolver->log->fd = *fd_p;
	*fd_p = -1;
}

/* Returns false when it is time to end. */
static bool
read_channel(struct resolver *resolver)
{
	struct message message;
	struct error err;
	int fd;

	for (;;) {
		switch (channel_receive(&resolver->channel, &message, &fd,
		    &err)) {
		case CHANNEL_AGAIN:
			return true;
		case CHANNEL_END:
		case CHANNEL_ERROR:
			return false;
		case CHANNEL_MESSAGE:
			break;
		}
		if (message.type == MESSAGE_PREPARE)
			on_table(resolver, fd);
		else if (message.type == MESSAGE_ERROR_LOG)
			on_error_log(resolver, &fd);
		fd_close(&fd);
		if (message.type == MESSAGE_DRAIN)
			return false;
	}
}

static void
ask(struct resolver *resolver, struct name *name)
{
	struct region_addresses addresses;
	struct region *region = resolver->start->region;

	if (lookup_host(name->host, LOOKUP_MS, &addresses) < 0) {
		if (!name->failing)
			log_warn(resolver->log, "cannot resolve %s; %s",
			    name->host,
			    region_addresses_version(region, name->id) != 0 ?
			    "its last addresses stay in use" :
			    "its servers cannot be reached");
		name->failing = true;
		name->next_ms = clock_now_ms() + RETRY_MS;
		return;
	}
	if (name->failing)
		log_notice(resolver->log, "%s resolves again", name->host);
	name->failing = false;
	name->next_ms = clock_now_ms() + name->every_ms;
	if (region_addresses_publish(region, name->id, &addresses) < 0)
		log_error(resolver->log, "no room for the addresses of %s",
		    name->host);
}

/* Ask for the first name whose time has come; else say when one's comes. */
static int
ask_next(struct resolver *resolver)
{
	uint64_t now = clock_now_ms(), wait = IDLE_MS;
	size_t i;

	for (i = 0; i < resolver->count; i++) {
		struct name *name = &resolver->names[i];

		if (name->next_ms <= now) {
			ask(resolver, name);
			return 0;
		}
		if (name->next_ms - now < wait)
			wait = name->next_ms - now;
	}
	return (int)wait;
}

/* Only a hand-over by the master ends us early: terminals do not. */
static void
set_signals(void)
{
	static const int ignored[] = { SIGINT, SIGHUP, SIGQUIT, SIGUSR1,
		SIGUSR2, SIGWINCH, SIGTTIN, SIGTTOU, SIGPIPE };
	size_t i;

	for (i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
}

/* The resolver's life, from just behind the fork. Returns its exit code. */
int
resolver_run(const struct worker_start *start)
{
	struct resolver resolver = { .start = start, .log = start->log };
	struct pollfd wait = { .fd = start->channel, .events = POLLIN };
	struct error err;
	int ms = IDLE_MS;

	set_signals();
	if (daemon_drop(start->launch, &err) < 0) {
		log_error(resolver.log, "%s", err.text);
		return 1;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() != start->master)
		return 0;
	channel_open(&resolver.channel, start->channel);
	for (;;) {
		if (poll(&wait, 1, ms) > 0 && !read_channel(&resolver))
			break;
		ms = ask_next(&resolver);
	}
	free(resolver.names);
	channel_close(&resolver.channel);
	return 0;
}
