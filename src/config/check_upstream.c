/*
 * config/check_upstream.c - listeners and upstreams
 *
 * Names, addresses, and the sets of names that the other checks look in.
 */

#include "config/check_private.h"
#include "config/grammar.h"

static void
check_name(struct check *check, struct spec_place place, const char *what,
    struct slice name)
{
	if (!grammar_chars(name, "_.-"))
		check_error(check, place, "name \"%.*s\" of %s; expected "
		    "letters, digits, '_', '.' and '-'", TEXT(name), what);
}

/* The names of the listeners into the set, each address once. */
void
check_listeners(struct check *check)
{
	const struct spec *spec = check->spec;
	struct set addresses = { 0 };
	const struct spec_listener *one;
	const char *expected;
	size_t i, old;

	if (spec->nlisteners == 0)
		check_error(check, spec->given[OPTION_global_listeners].file !=
		    NULL ? spec->given[OPTION_global_listeners] : spec->place,
		    "there are no listeners; expected listeners = ( { name = "
		    "\"public\"; address = \"*:8080\"; } )");
	if (spec->nlisteners > IMAGE_LISTENERS_MAX)
		check_error(check, spec->listeners[IMAGE_LISTENERS_MAX].place,
		    "there are %zu listeners; expected at most %d",
		    spec->nlisteners, IMAGE_LISTENERS_MAX);
	for (i = 0; i < spec->nlisteners; i++) {
		one = &spec->listeners[i];
		if (one->name.len > 0) {
			check_name(check, one->place, "a listener", one->name);
			if (!set_add(&check->listeners, one->name, 0, i, &old))
				check_error(check, one->place, "listener "
				    "\"%.*s\" is there twice; expected another "
				    "name (it is in line %u too)",
				    TEXT(one->name),
				    spec->listeners[old].place.line);
		}
		if (one->address.len == 0)
			continue;
		expected = grammar_listen(one->address);
		if (expected != NULL)
			check_error(check, one->place, "address \"%.*s\" of "
			    "listener \"%.*s\"; expected %s",
			    TEXT(one->address), TEXT(one->name), expected);
		else if (!set_add(&addresses, one->address, 0, i, &old))
			check_error(check, one->place, "address \"%.*s\" "
			    "belongs to listener \"%.*s\" too; expected "
			    "another one", TEXT(one->address),
			    TEXT(spec->listeners[old].name));
	}
	set_close(&addresses);
}

static void
check_servers(struct check *check, const struct spec_upstream *upstream)
{
	struct set addresses = { 0 };
	const struct spec_server *server;
	const char *expected;
	size_t i, old;

	for (i = 0; i < upstream->nservers; i++) {
		server = &upstream->servers[i];
		if (server->address.len == 0)
			continue;
		expected = grammar_server(server->address);
		if (expected != NULL)
			check_error(check, server->place, "address \"%.*s\" of "
			    "a server; expected %s", TEXT(server->address),
			    expected);
		else if (!set_add(&addresses, server->address, 0, i, &old))
			check_error(check, server->place, "server \"%.*s\" is "
			    "in upstream \"%.*s\" twice; expected it once, "
			    "with a weight", TEXT(server->address),
			    TEXT(upstream->name));
	}
	set_close(&addresses);
}

/* The names of the upstreams into the set; their servers. */
void
check_upstreams(struct check *check)
{
	const struct spec *spec = check->spec;
	const struct spec_upstream *one;
	size_t i, old;

	for (i = 0; i < spec->nupstreams; i++) {
		one = &spec->upstreams[i];
		if (one->name.len > 0) {
			check_name(check, one->place, "an upstream",
			    one->name);
			if (!set_add(&check->upstreams, one->name, 0, i, &old))
				check_error(check, one->place, "upstream "
				    "\"%.*s\" is there twice; expected another "
				    "name (it is in line %u too)",
				    TEXT(one->name),
				    spec->upstreams[old].place.line);
		}
		if (one->nservers == 0)
			check_error(check, one->place, "upstream \"%.*s\" has "
			    "no servers; expected servers = ( { address = "
			    "\"127.0.0.1:9001\"; } )", TEXT(one->name));
		if (one->host.len > 0 && !grammar_authority(one->host, false))
			check_error(check, one->place, "host \"%.*s\" of "
			    "upstream \"%.*s\"; expected a host name, with a "
			    "port where needed", TEXT(one->host),
			    TEXT(one->name));
		check_servers(check, one);
	}
}
