/*
 * config/check_function.c - Lambda functions
 *
 * Their names, and what those that run here need.
 */

#include "config/check_private.h"
#include "config/grammar.h"

#define SCHEME "http://"

static void
check_endpoint(struct check *check, const struct spec_function *one)
{
	struct slice rest = one->endpoint;

	if (slice_starts(rest, SLICE("https://"))) {
		check_error(check, one->place, "endpoint \"%.*s\": TLS to "
		    "backends is not built in; expected \"http://\"",
		    TEXT(one->endpoint));
		return;
	}
	if (slice_starts(rest, SLICE(SCHEME))) {
		rest.at += sizeof SCHEME - 1;
		rest.len -= sizeof SCHEME - 1;
		if (slice_ends(rest, SLICE("/")))
			rest.len--;
		if (grammar_authority(rest, false))
			return;
	}
	check_error(check, one->place, "endpoint \"%.*s\" of function "
	    "\"%.*s\"; expected \"http://host:port\"",
	    TEXT(one->endpoint), TEXT(one->name));
}

static void
check_account(struct check *check)
{
	struct slice account = check->spec->account_id;
	uint64_t number;

	if (account.len != 12 || slice_to_u64(account, &number) < 0)
		check_error(check,
		    check->spec->given[OPTION_global_account_id],
		    "account_id \"%.*s\"; expected twelve digits",
		    TEXT(account));
}

/* Is it an environment variable's name as a shell would take it? */
static bool
is_variable_name(struct slice name)
{
	return name.len > 0 && grammar_chars(name, "_") &&
	    !(name.at[0] >= '0' && name.at[0] <= '9');
}

static void
check_environment(struct check *check, const struct spec_function *one)
{
	size_t i;

	for (i = 0; i < one->environment.count; i++)
		if (!is_variable_name(one->environment.at[i].name))
			check_error(check, one->environment.at[i].place,
			    "\"%.*s\" as name of an environment variable; "
			    "expected letters, digits and '_'",
			    TEXT(one->environment.at[i].name));
}

/* A function of this machine: what its runtime needs is there. */
static void
check_local(struct check *check, const struct spec_function *one)
{
	bool provided = slice_eq(one->runtime, SLICE("provided"));

	if (one->code.len == 0)
		check_error(check, one->place, "function \"%.*s\" has no "
		    "code; expected the folder of its code", TEXT(one->name));
	if (!provided && one->handler.len == 0)
		check_error(check, one->place, "function \"%.*s\" has no "
		    "handler; expected one such as \"index.handler\"",
		    TEXT(one->name));
	if (one->min_instances > one->concurrency)
		check_error(check, one->place, "min_instances of function "
		    "\"%.*s\" is above its concurrency, which is %ld",
		    TEXT(one->name), one->concurrency);
	check_environment(check, one);
}

static void
check_place(struct check *check, const struct spec_function *one)
{
	if (one->endpoint.len > 0 && one->runtime.len > 0)
		check_error(check, one->place, "runtime and endpoint together "
		    "in function \"%.*s\"; expected runtime for one that "
		    "runs here, endpoint for a remote one", TEXT(one->name));
	else if (one->endpoint.len > 0)
		check_endpoint(check, one);
	else if (one->runtime.len > 0)
		check_local(check, one);
	else
		check_error(check, one->place, "function \"%.*s\" has "
		    "neither runtime nor endpoint; expected one of them",
		    TEXT(one->name));
}

static void
check_listener(struct check *check)
{
	struct slice address = check->spec->function_listener;

	if (address.len > 0 && !slice_starts(address, SLICE("127.")) &&
	    !slice_starts(address, SLICE("[::1]:")))
		check_error(check,
		    check->spec->given[OPTION_global_function_listener],
		    "function_listener \"%.*s\"; expected a loopback "
		    "address, for its callers are not asked who they are",
		    TEXT(address));
}

/* The names of the functions into the set; where they run. */
void
check_functions(struct check *check)
{
	const struct spec *spec = check->spec;
	const struct spec_function *one;
	size_t i, old;

	check_account(check);
	check_listener(check);
	for (i = 0; i < spec->nfunctions; i++) {
		one = &spec->functions[i];
		if (one->name.len > 0 && !grammar_chars(one->name, "_-"))
			check_error(check, one->place, "name \"%.*s\" of a "
			    "function; expected letters, digits, '_' and '-'",
			    TEXT(one->name));
		if (one->name.len > 0 &&
		    !set_add(&check->functions, one->name, 0, i, &old))
			check_error(check, one->place, "function \"%.*s\" is "
			    "there twice; expected another name (it is in "
			    "line %u too)", TEXT(one->name),
			    spec->functions[old].place.line);
		check_place(check, one);
	}
}
