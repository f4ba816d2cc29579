/*
 * config/spec.h - the configuration as the file says it
 *
 * Built by config/parse, judged by config/check, turned into an image by
 * config/compile. All memory belongs to the spec's arena. Every object knows
 * where in the files it stands, for messages. Defaults are filled in.
 */
#ifndef CONFIG_SPEC_H
#define CONFIG_SPEC_H

#include "util/arena.h"
#include "util/slice.h"

struct spec_place {
	const char *file;
	unsigned line;
};

struct spec_pair {
	struct spec_place place;
	struct slice name;
	struct slice value;
};

struct spec_texts {
	struct slice *at;
	size_t count;
	unsigned line;		/* where they stand, 0: nowhere */
};

struct spec_pairs {
	struct spec_pair *at;
	size_t count;
};

struct spec_log {
	bool set;
	struct spec_place place;
	struct slice path;	/* "off", "stdout", "stderr" or a file */
	struct slice format;	/* preset name or text with $context */
};

struct spec_listener {
	struct spec_place place;
	struct slice name;
	struct slice address;
	bool private_api;
	long backlog;
};

struct spec_server {
	struct spec_place place;
	struct slice address;	/* "host:port", "[v6]:port", "unix:/path" */
	long weight;
};

struct spec_upstream {
	struct spec_place place;
	struct slice name;
	struct spec_server *servers;
	size_t nservers;
	struct slice balance;
	struct slice host;	/* empty: each server's address */
	long connect_ms;	/* 0: timeouts.connect */
	long max_idle;
	long idle_ms;
	long max_failures;
	long fail_ms;
	long resolve_ms;
};

/* A Lambda function: local with a runtime, remote with an endpoint. */
struct spec_function {
	struct spec_place place;
	struct slice name;
	struct slice runtime;		/* "provided", … */
	struct slice handler;
	struct slice code;
	struct spec_texts command;
	struct spec_pairs environment;
	long timeout_ms;
	long memory;			/* bytes */
	long concurrency, min_instances;
	long idle_ms;
	long queue;
	struct slice user;
	struct slice log;
	struct slice endpoint;		/* "http://host:port" */
	struct slice remote_name;	/* empty: name */
	struct slice qualifier;		/* empty: none */
	struct slice region;
	struct slice credentials;	/* empty: calls are not signed */
	struct slice profile;
	long connect_ms;		/* 0: timeouts.connect */
};

struct spec_cors {
	bool set;
	struct spec_place place;
	struct spec_texts origins;
	struct spec_texts methods;
	struct spec_texts headers;
	struct spec_texts expose;
	long max_age_ms;	/* -1 not given */
	bool credentials;
	bool preflight_route;
};

struct spec_integration {
	struct spec_place place;
	struct slice type;	/* "HTTP_PROXY", "AWS_PROXY" or "MOCK" */
	struct slice function;
	struct slice payload;	/* "1.0" or "2.0"; empty: not given */
	struct slice upstream;
	struct slice url;
	bool has_path;
	struct slice path;
	struct slice method;	/* empty or "ANY": the client's */
	long timeout_ms;
	long connect_ms;	/* 0: upstream's */
	struct spec_pairs request_headers;
	struct spec_pairs response_headers;
	long status;
	struct slice body;
	unsigned backend_line;	/* of upstream or url, 0: not given */
	unsigned path_line;
};

/* A method of a REST resource or a route of an HTTP API. */
struct spec_method {
	struct spec_place place;
	struct slice method;	/* "GET", "ANY"; "$default" */
	struct slice path;	/* HTTP route: path of its key; REST: empty */
	struct spec_pairs request_headers;
	struct spec_pairs response_headers;
	struct spec_integration integration;
};

struct spec_resource {
	struct spec_place place;
	struct slice path;
	struct spec_cors cors;
	struct spec_pairs request_headers;
	struct spec_pairs response_headers;
	struct spec_method *methods;
	size_t nmethods;
};

struct spec_stage {
	struct spec_place place;
	struct slice name;
	struct spec_texts hosts;
	struct slice base_path;	/* as reached: "/prod", "/" */
	struct spec_pairs variables;
	struct spec_log access_log;
};

struct spec_api {
	struct spec_place place;
	struct slice name;
	struct slice id;	/* given or derived */
	struct slice protocol;	/* "REST" or "HTTP" */
	struct spec_texts listeners;
	struct spec_texts binary_types;		/* REST */
	struct spec_cors cors;
	struct spec_pairs request_headers;
	struct spec_pairs response_headers;
	struct spec_stage *stages;
	size_t nstages;
	struct spec_resource *resources;	/* REST */
	size_t nresources;
	struct spec_method *routes;		/* HTTP */
	size_t nroutes;
};

/* Bytes, but for headers and requests_per_connection. */
struct spec_limits {
	long head, header_bytes, headers, target, body;
	long requests_per_connection;
};

/* Milliseconds. */
struct spec_timeouts {
	long client_head, client_body, keep_alive, send, connect;
	long linger;
};

struct spec {
	struct arena_pool pool;
	struct arena arena;
	struct slice workers;	/* "auto" or a number */
	struct slice user, group;
	struct slice pid_file, control_socket, error_log, log_level;
	struct spec_log access_log;
	long worker_connections;
	long listen_backlog;
	long shutdown_ms;
	long watchdog_ms;
	bool core_dumps;
	struct spec_limits limits;
	struct spec_timeouts timeouts;
	struct spec_listener *listeners;
	size_t nlisteners;
	struct spec_upstream *upstreams;
	size_t nupstreams;
	struct slice account_id;
	struct slice function_socket, function_listener;
	struct spec_function *functions;
	size_t nfunctions;
	struct spec_api *apis;
	size_t napis;
	struct spec_place place;	/* the file given */
	struct spec_place *given;	/* of top-level settings, by their row
					   in options.def; file NULL: absent */
	bool partial;			/* a file could not be read: what it
					   says is unknown */
};

/* One finding of parse or check. */
struct spec_problem {
	struct spec_place place;
	bool warning;
	const char *text;	/* what; expected …; did you mean … */
	const char *excerpt;	/* syntax errors: the line and a caret */
	struct spec_problem *next;
};

struct spec_problems {
	struct arena_pool pool;
	struct arena arena;
	struct spec_problem *first, **last_p;
	unsigned errors, warnings;
};

#endif
