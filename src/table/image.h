/*
 * table/image.h - the compiled route table, as it lies in memory
 *
 * One sealed memory file per generation. Everything is found by 32-bit
 * offsets from its start (0 = none) or by indexes into its sections; strings
 * lie in one pool. The structs below are the file format: fixed widths, no
 * pointers, no padding left to chance. They hold answers, not settings: what
 * a worker needs at run time is computed when the configuration is compiled.
 */
#ifndef TABLE_IMAGE_H
#define TABLE_IMAGE_H

#include <stdint.h>

#include "util/hash.h"
#include "util/slice.h"

struct error;

#define IMAGE_MAGIC	UINT64_C(0x31656c6261544847)	/* "GHTable1" */
#define IMAGE_LAYOUT	2u		/* changes with any struct below */
#define IMAGE_NONE	UINT32_MAX	/* no such index */

#define IMAGE_SEGMENTS_MAX	64	/* segments of a path that can match */
#define IMAGE_PARAMS_MAX	16	/* parameters of one route */
#define IMAGE_LISTENERS_MAX	64
#define IMAGE_EDGE_START	16

/* A string in the pool; NUL-terminated there, the NUL not counted. */
struct image_text {
	uint32_t at;
	uint32_t len;
};

/* A run of records of one section: first index and count. */
struct image_run {
	uint32_t first;
	uint32_t count;
};

/*
 * The methods have the numbers of http-parser (DELETE 0, GET 1, HEAD 2,
 * POST 3, PUT 4, CONNECT 5, OPTIONS 6, … PATCH 28, … SOURCE 33), so that a
 * parsed request needs no translation. ANY is one more bit.
 */
enum {
	IMAGE_METHOD_DELETE = 0,
	IMAGE_METHOD_GET = 1,
	IMAGE_METHOD_HEAD = 2,
	IMAGE_METHOD_POST = 3,
	IMAGE_METHOD_PUT = 4,
	IMAGE_METHOD_OPTIONS = 6,
	IMAGE_METHOD_PATCH = 28,
	IMAGE_METHODS = 34,
	IMAGE_METHOD_ANY = 63,
};

/* The sections, each an array of one struct. */
enum image_section_id {
	IMAGE_SETTINGS,		/* struct image_settings, exactly one */
	IMAGE_LISTENERS,	/* struct image_listener */
	IMAGE_UPSTREAMS,	/* struct image_upstream */
	IMAGE_SERVERS,		/* struct image_server */
	IMAGE_APIS,		/* struct image_api */
	IMAGE_STAGES,		/* struct image_stage */
	IMAGE_VARIABLES,	/* struct image_pair: stage variables */
	IMAGE_HOST_SLOTS,	/* struct image_host: open hash table */
	IMAGE_NODES,		/* struct image_node; 0 is never used */
	IMAGE_EDGE_SLOTS,	/* struct image_edge: open hash table */
	IMAGE_ROUTES,		/* struct image_route */
	IMAGE_PARAMS,		/* struct image_param */
	IMAGE_INTEGRATIONS,	/* struct image_integration */
	IMAGE_FUNCTIONS,	/* struct image_function */
	IMAGE_INDEXES,		/* uint32_t: upstreams, functions by stage */
	IMAGE_PIECES,		/* struct image_piece: path templates, logs */
	IMAGE_CORS,		/* struct image_cors */
	IMAGE_ORIGINS,		/* struct image_text: allowed origins, sorted */
	IMAGE_NAMES,		/* struct image_text: field names to remove */
	IMAGE_LOGS,		/* struct image_log */
	IMAGE_STRINGS,		/* char: the pool */
	IMAGE_SECTIONS
};

struct image_section {
	uint32_t at;		/* offset from the start of the image */
	uint32_t count;		/* of elements */
};

struct image_head {
	uint64_t magic;
	uint32_t layout;
	uint32_t head_size;	/* sizeof(struct image_head) */
	uint64_t generation;
	uint64_t size;		/* of the whole image */
	uint8_t hash[32];	/* SHA-256 of all behind the head */
	struct image_section sections[IMAGE_SECTIONS];
};

/* Times in milliseconds, sizes in bytes; 0 means no limit where allowed. */
struct image_settings {
	uint32_t client_head_ms;
	uint32_t client_body_ms;
	uint32_t keep_alive_ms;
	uint32_t send_ms;
	uint32_t connect_ms;
	uint32_t linger_ms;
	uint32_t shutdown_ms;
	uint32_t watchdog_ms;
	uint32_t head_bytes;		/* request line and fields */
	uint32_t header_bytes;		/* fields alone: contract, 1.7 */
	uint32_t headers;		/* number of fields */
	uint32_t target_bytes;
	uint64_t body_bytes;
	uint32_t requests_per_connection;
	uint32_t worker_connections;
	uint32_t log;			/* index of the default access log */
	uint32_t log_level;
	struct image_text account_id;
};

enum image_family {
	IMAGE_FAMILY_INET = 4,
	IMAGE_FAMILY_INET6 = 6,
	IMAGE_FAMILY_UNIX = 1,
	IMAGE_FAMILY_NAME = 2,		/* a host name: found in the region */
};

/* Which kinds of names have APIs on a listener: what need not be looked up. */
enum image_host_kinds {
	IMAGE_HOST_EXACT = 1 << 0,
	IMAGE_HOST_SUFFIX = 1 << 1,	/* "*.example.com" */
};

/* Where something listens or is reached. */
struct image_address {
	uint8_t family;			/* enum image_family */
	uint8_t pad;
	uint16_t port;			/* host byte order */
	uint8_t ip[16];			/* network order; first 4 for inet */
	struct image_text text;		/* as configured; a path for unix,
					   the bare host for a name */
};

struct image_listener {
	struct image_text name;
	uint64_t id;			/* hash of the address */
	struct image_address address;
	uint32_t private_api;		/* 1: only APIs that name it */
	uint32_t backlog;
	uint32_t has_rest;		/* 1: some REST API is reached here, so
					   answers without an API are REST's */
	uint32_t host_kinds;		/* enum image_host_kinds */
	uint32_t any_host;		/* node of "any host"; 0: no such API */
};

enum image_balance {
	IMAGE_BALANCE_ROUND_ROBIN,
	IMAGE_BALANCE_LEAST_CONN,
};

struct image_upstream {
	struct image_text name;
	uint64_t id;			/* hash of the name */
	struct image_run servers;
	uint32_t balance;		/* enum image_balance */
	uint32_t connect_ms;		/* 0: settings' */
	uint32_t max_idle;		/* kept per server and worker */
	uint32_t idle_ms;
	uint32_t max_failures;		/* 0: never ejected */
	uint32_t fail_ms;
	uint32_t weights;		/* sum over the servers */
	uint32_t resolve_ms;		/* how old a name's answer may become */
};

struct image_server {
	uint64_t id;	/* hash of "address" and all that makes a kept
			   connection unfit for another: the pool's name */
	struct image_address address;
	struct image_text host;		/* value of the Host field sent */
	uint32_t weight;
	uint64_t name_id;		/* cell in the region, for names */
};

enum image_kind {
	IMAGE_KIND_REST = 1,
	IMAGE_KIND_HTTP = 2,
};

struct image_api {
	struct image_text name;
	struct image_text id;		/* 10 of [a-z0-9] */
	uint32_t kind;			/* enum image_kind */
	uint32_t root;			/* node of "/" */
	uint32_t default_route;		/* HTTP's $default, or IMAGE_NONE */
	uint32_t cors;			/* API-wide, for errors; or NONE */
	struct image_run stages;
	struct image_text response_lines; /* lines of its own errors */
	struct image_run response_names;  /* their names (IMAGE_NAMES) */
	struct image_run binary_types;	/* IMAGE_NAMES */
	uint32_t routes;		/* how many it has */
	uint32_t first_route;		/* they stand together */
};

struct image_pair {
	struct image_text name;
	struct image_text value;
};

struct image_stage {
	struct image_text name;
	struct image_text base_path;	/* "/prod"; "/" for the root */
	uint32_t api;
	uint32_t ordinal;		/* position within its API */
	struct image_run variables;	/* IMAGE_VARIABLES, sorted by name */
	uint32_t log;			/* IMAGE_LOGS, or IMAGE_NONE: off */
	uint32_t pad;
};

/*
 * (listener, host) -> the node where base paths begin. Hash is
 * image_host_hash of the lower-case host, linear probing, table size a power
 * of two. An empty slot has node 0. Names: "api.example.com"; "*.example.com"
 * is kept as ".example.com"; "" stands for any host.
 */
struct image_host {
	struct image_text name;
	uint32_t listener;
	uint32_t node;
};

/*
 * One place in a tree of path segments. Base paths and API resources are
 * trees of the same nodes: a node with a stage ends a base path, and matching
 * goes on from the root of that stage's API with what is left of the path.
 */
struct image_node {
	uint64_t methods;	/* bit per method that has a route here */
	uint32_t routes;	/* first route; in order of their bits */
	uint32_t param;		/* child for {name}, 0 none */
	uint32_t greedy;	/* child for {name+}, 0 none */
	uint32_t stage;		/* stage whose base path ends here, or NONE */
	uint32_t edges;		/* how many static children it has */
	uint32_t pad;
};

/*
 * (node, static segment) -> child. Hash is image_edge_hash, linear probing,
 * size a power of two. An empty slot has child 0.
 */
struct image_edge {
	uint32_t node;
	uint32_t child;
	struct image_text segment;
	char start[IMAGE_EDGE_START];	/* of segment, padded with zeros: saves
					   a look into the pool */
};

enum image_route_flags {
	IMAGE_ROUTE_DEFAULT = 1 << 0,	/* HTTP's $default */
	IMAGE_ROUTE_PREFLIGHT = 1 << 1,	/* made by "Enable CORS": answered from
					   the bytes in cors */
	IMAGE_ROUTE_OWN_OPTIONS = 1 << 2, /* its key names OPTIONS itself */
};

struct image_route {
	uint64_t id;			/* hash of "api METHOD path" */
	struct image_text key;		/* "GET /cats/{id}" or "$default" */
	struct image_text resource;	/* "/cats/{id}" */
	uint32_t api;
	uint32_t flags;			/* enum image_route_flags */
	struct image_run params;
	uint32_t integration;		/* IMAGE_NONE with ROUTE_PREFLIGHT */
	uint32_t cors;			/* IMAGE_NONE: none */
	struct image_text request_lines;  /* fields set towards the backend */
	struct image_run request_names;
	struct image_text response_lines; /* fields set on every answer */
	struct image_run response_names;
};

/* A path parameter and the segment that it stands for. */
struct image_param {
	struct image_text name;
	uint32_t segment;		/* counted from 0 below the base path */
	uint32_t greedy;		/* 1: from there to the end */
};

enum image_integration_type {
	IMAGE_HTTP_PROXY = 1,
	IMAGE_MOCK = 2,
	IMAGE_AWS_PROXY = 3,
};

enum image_payload {
	IMAGE_PAYLOAD_REST,	/* 1.0 as REST APIs send it */
	IMAGE_PAYLOAD_1,	/* 1.0 of HTTP APIs */
	IMAGE_PAYLOAD_2,
};

/* A Lambda function: where and how its Invoke API is called. */
struct image_function {
	struct image_text name;
	struct image_text path;		/* of the request, with the query */
	struct image_text region;
	struct image_text credentials;	/* "environment", a file, or "" */
	struct image_text profile;
	uint64_t id;			/* hash of credentials and profile */
	uint32_t upstream;
	uint32_t connect_ms;		/* 0: settings' */
};

enum image_integration_flags {
	IMAGE_PATH_ASIS = 1 << 0,	/* no template: request path sent on */
	IMAGE_PATH_APPEND = 1 << 1,	/* request path behind the template */
};

struct image_integration {
	uint32_t type;			/* enum image_integration_type */
	uint32_t flags;			/* enum image_integration_flags */
	uint32_t upstream;		/* or IMAGE_NONE: look in by_stage */
	uint32_t method;		/* sent to the backend; ANY: client's */
	struct image_run by_stage;	/* IMAGE_INDEXES: upstream by ordinal
					   of the stage; NONE: not to be had */
	struct image_run path;		/* IMAGE_PIECES */
	struct image_run query;		/* IMAGE_PIECES: template's query */
	uint32_t timeout_ms;
	uint32_t connect_ms;		/* 0: upstream's */
	uint32_t status;		/* MOCK */
	uint32_t function;		/* AWS_PROXY; NONE: by_stage */
	uint32_t payload;		/* enum image_payload */
	uint32_t pad;
	struct image_text body;		/* MOCK */
	struct image_text target;	/* for people: "upstream cats /{id}" */
};

enum image_piece_kind {
	IMAGE_PIECE_TEXT,	/* text */
	IMAGE_PIECE_PARAM,	/* arg: position in the route's params */
	IMAGE_PIECE_VARIABLE,	/* text: name of a stage variable */
	IMAGE_PIECE_CONTEXT,	/* arg: enum image_context; text: its name,
				   or for headers the field's name */
};

struct image_piece {
	uint32_t kind;
	uint32_t arg;
	struct image_text text;
};

enum image_cors_flags {
	IMAGE_CORS_ANY = 1 << 0,	/* "*" */
	IMAGE_CORS_CREDENTIALS = 1 << 1,
	IMAGE_CORS_ROUTE = 1 << 2,	/* HTTP: preflight = "route" */
	IMAGE_CORS_ANY_HTTPS = 1 << 3,	/* any https origin */
	IMAGE_CORS_ANY_HTTP = 1 << 4,	/* any http origin */
	IMAGE_CORS_STATIC = 1 << 5,	/* REST, one origin: always sent */
};

/*
 * A policy and its ready bytes. preflight is a whole reply head but for the
 * origin's own line, Date and the ids: it ends after a field's CRLF, so the
 * worker appends those and the empty line. Policies with ANY or STATIC have
 * the origin's line in it already. An origin that is not allowed, or none, is
 * answered with the bytes called "refused", to which no origin's line is
 * added; they are right for every policy ("Enable CORS" with ANY or STATIC has
 * the same bytes there). The static response_lines of the route (for HTTP
 * APIs: of the API) stand in both preflights already.
 */
struct image_cors {
	uint32_t flags;			/* enum image_cors_flags */
	uint32_t preflight_status;
	struct image_run origins;
	struct image_text preflight;
	struct image_text actual;	/* lines for every other answer, again
					   without the origin's line unless ANY
					   or STATIC */
	struct image_text methods;	/* for people and explain */
	struct image_text headers;
	struct image_text refused;	/* preflight of another origin */
	struct image_text actual_refused; /* lines for other answers to it */
};

/* An access log: where it goes and its program (pieces). */
struct image_log {
	struct image_text path;		/* "stdout", "stderr" or a file */
	uint64_t id;			/* hash of the path */
	struct image_run pieces;
	uint32_t json;			/* 1: values are escaped for JSON */
	uint32_t pad;
};

/* $context variables that an access log may name. */
enum image_context {
	CONTEXT_UNKNOWN,		/* known, but without a value: "-" */
	CONTEXT_ACCOUNT_ID,
	CONTEXT_API_ID,
	CONTEXT_API_NAME,		/* ours: $context.apiName */
	CONTEXT_DOMAIN_NAME,
	CONTEXT_DOMAIN_PREFIX,
	CONTEXT_ERROR_MESSAGE,
	CONTEXT_ERROR_MESSAGE_STRING,
	CONTEXT_ERROR_RESPONSE_TYPE,
	CONTEXT_ERROR_REASON,		/* ours: the reason code */
	CONTEXT_EXTENDED_REQUEST_ID,
	CONTEXT_HTTP_METHOD,
	CONTEXT_SOURCE_IP,
	CONTEXT_USER_AGENT,
	CONTEXT_INTEGRATION_LATENCY,
	CONTEXT_INTEGRATION_STATUS,
	CONTEXT_INTEGRATION_ERROR,
	CONTEXT_PATH,			/* with the stage, without the query */
	CONTEXT_PROTOCOL,
	CONTEXT_REQUEST_ID,
	CONTEXT_REQUEST_TIME,		/* 09/Apr/2015:12:34:56 +0000 */
	CONTEXT_REQUEST_TIME_EPOCH,
	CONTEXT_RESOURCE_ID,
	CONTEXT_RESOURCE_PATH,
	CONTEXT_RESPONSE_LATENCY,
	CONTEXT_RESPONSE_LENGTH,
	CONTEXT_ROUTE_KEY,
	CONTEXT_STAGE,
	CONTEXT_STATUS,
	CONTEXT_TARGET,			/* ours: path and query as received */
	CONTEXT_REQUEST_HEADER,		/* ours: $context.request.header.NAME */
	CONTEXT_UPSTREAM_ADDRESS,	/* ours: $context.upstream.address */
	CONTEXT_CUSTOM_DOMAIN_BASE_PATH,
	CONTEXT_XRAY_TRACE_ID,
	IMAGE_CONTEXT_LAST = CONTEXT_XRAY_TRACE_ID,
};

/* The name of a method's number, "ANY" included; and the other way round. */
const char *image_method_name(unsigned method);
unsigned image_method_find(struct slice name);

/* Bytes of one record of a section. */
size_t image_record_size(enum image_section_id id);

/*
 * Walk every offset, index and string once. After this readers trust it all.
 * Returns 0, or -1 and what is wrong.
 */
int image_check(const void *base, size_t size, struct error *err);

/* The array of a section, and one record of it. */
static inline const void *
image_array(const struct image_head *head, enum image_section_id id)
{
	return (const char *)head + head->sections[id].at;
}

#define IMAGE_AT(head, id, type, index) \
	((const type *)image_array((head), (id)) + (index))

static inline struct slice
image_slice(const struct image_head *head, struct image_text text)
{
	return slice_of((const char *)image_array(head, IMAGE_STRINGS) +
	    text.at, text.len);
}

static inline const struct image_settings *
image_settings(const struct image_head *head)
{
	return image_array(head, IMAGE_SETTINGS);
}

/* Where the search for a host or an edge begins (before masking). */
static inline uint64_t
image_host_hash(struct slice host, uint32_t listener)
{
	return hash_slice(host, listener);
}

/* segment_hash: hash_slice(segment, 0), made once per request. */
static inline uint64_t
image_edge_hash(uint64_t segment_hash, uint32_t node)
{
	return hash_mix(segment_hash, node);
}

/* What ANY means on a REST API; on an HTTP API it is every method. */
#define IMAGE_METHODS_REST_ANY ( \
	UINT64_C(1) << IMAGE_METHOD_DELETE | UINT64_C(1) << IMAGE_METHOD_GET | \
	UINT64_C(1) << IMAGE_METHOD_HEAD | UINT64_C(1) << IMAGE_METHOD_POST | \
	UINT64_C(1) << IMAGE_METHOD_PUT | UINT64_C(1) << IMAGE_METHOD_PATCH | \
	UINT64_C(1) << IMAGE_METHOD_OPTIONS)

#endif
