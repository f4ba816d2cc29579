/*
 * config/compile_function.c - Lambda functions into records
 *
 * What a worker needs to call one: the request's target, ready, and the
 * upstream that its endpoint implies. No key comes near the image: it only
 * says where keys are found.
 */

#include "config/compile_private.h"

#include "util/hash.h"

#define SCHEME	"http://"
#define VERSION	"/2015-03-31/functions/"

/* A name, ARN or qualifier as one segment of a path (RFC 3986, 2.3). */
static void
segment_write(struct buf *out, struct slice text)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		unsigned char low = (unsigned char)ascii_lower(text.at[i]);
		char form[3] = { '%', hex[c >> 4], hex[c & 15] };

		if ((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '_' || c == '.' || c == '~')
			buf_add_char(out, (char)c);
		else
			buf_add(out, form, sizeof form);
	}
}

/* Target of the Invoke request (contract, 4.5). */
static struct image_text
path_compile(struct compile *compile, const struct spec_function *spec)
{
	struct image_text path;
	struct buf text;

	buf_open(&text);
	buf_add_text(&text, VERSION);
	segment_write(&text, spec->remote_name.len > 0 ? spec->remote_name :
	    spec->name);
	buf_add_text(&text, "/invocations");
	if (spec->qualifier.len > 0) {
		buf_add_text(&text, "?Qualifier=");
		segment_write(&text, spec->qualifier);
	}
	path = build_text(compile->build, buf_slice(&text));
	buf_close(&text);
	return path;
}

/* Where its Invoke API is: the host's socket, or the endpoint. */
static int
upstream_compile(struct compile *compile, const struct spec_function *spec,
    uint32_t *upstream_r)
{
	struct slice authority = spec->endpoint;

	if (authority.len == 0)
		return compile_upstream_unix(compile,
		    compile->spec->function_socket, upstream_r);
	if (!slice_starts(authority, SLICE(SCHEME)))
		return compile_error(compile, spec->place, "endpoint "
		    "\"%.*s\" does not begin with " SCHEME,
		    (int)authority.len, authority.at);
	authority.at += sizeof SCHEME - 1;
	authority.len -= sizeof SCHEME - 1;
	if (slice_ends(authority, SLICE("/")))
		authority.len--;
	if (compile_upstream_authority(compile, authority, upstream_r) < 0)
		return compile_error(compile, spec->place, "\"%.*s\" in "
		    "endpoint is not host or host:port", (int)authority.len,
		    authority.at);
	return 0;
}

static int
function_compile(struct compile *compile, const struct spec_function *spec)
{
	struct image_function record = {
		.connect_ms = (uint32_t)spec->connect_ms,
		.id = hash_slice(spec->profile, hash_slice(spec->credentials,
		    5)),
	};

	if (upstream_compile(compile, spec, &record.upstream) < 0)
		return -1;
	record.name = build_text(compile->build, spec->name);
	record.path = path_compile(compile, spec);
	record.region = build_text(compile->build, spec->region);
	record.credentials = build_text(compile->build, spec->credentials);
	record.profile = build_text(compile->build, spec->profile);
	build_add(compile->build, IMAGE_FUNCTIONS, &record);
	return 0;
}

/* All functions of the file, in its order: indexes are the spec's. */
int
compile_functions(struct compile *compile)
{
	size_t i;

	for (i = 0; i < compile->spec->nfunctions; i++)
		if (function_compile(compile, &compile->spec->functions[i]) <
		    0)
			return -1;
	return 0;
}

/* Returns 0, or -1 when there is no function of this name. */
int
compile_function_find(struct compile *compile, struct slice name,
    uint32_t *function_r)
{
	size_t i;

	for (i = 0; i < compile->spec->nfunctions; i++)
		if (slice_eq(compile->spec->functions[i].name, name)) {
			*function_r = (uint32_t)i;
			return 0;
		}
	return -1;
}
