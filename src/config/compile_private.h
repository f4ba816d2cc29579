/* config/compile_private.h - what the parts of the compiler share */
#ifndef CONFIG_COMPILE_PRIVATE_H
#define CONFIG_COMPILE_PRIVATE_H

#include "config/config.h"
#include "table/build.h"

/* Upstreams by name: those of the file and those that URLs imply. */
struct compile_names {
	struct compile_name {
		struct slice name;	/* NULL: empty slot */
		uint32_t upstream;
	} *slots;		/* owned */
	uint32_t size, used;
};

/* One compilation. */
struct compile {
	const struct spec *spec;
	struct table_build *build;
	struct error *err;
	struct arena_pool pool;
	struct arena arena;	/* texts that the compilation puts together */
	struct compile_names upstreams;
};

/* Header fields as bytes, and the names that they take the place of. */
struct compile_lines {
	struct image_text lines;
	struct image_run names;
};

#define COMPILE_LEVELS 4	/* API, resource, method, integration */

/* One method of one path on its way into the table. */
struct compile_route {
	const struct spec_api *api;
	const struct spec_resource *resource;	/* REST, else NULL */
	const struct spec_method *method;	/* NULL: a preflight is made */
	struct slice path;	/* empty: $default */
	uint32_t api_index;
	uint32_t node;		/* 0: $default */
	unsigned bit;		/* of the node's methods */
	struct slice params[IMAGE_PARAMS_MAX];	/* their names */
	unsigned nparams;
};

int compile_error(struct compile *compile, struct spec_place place,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
struct slice compile_text(struct compile *compile, const struct buf *text);

int compile_address(struct compile *compile, struct spec_place place,
    struct slice text, struct image_address *address_r);
int compile_upstreams(struct compile *compile);
int compile_upstream_find(struct compile *compile, struct slice name,
    uint32_t *upstream_r);
int compile_upstream_authority(struct compile *compile,
    struct slice authority, uint32_t *upstream_r);
int compile_upstream_unix(struct compile *compile, struct slice path,
    uint32_t *upstream_r);
void compile_upstreams_close(struct compile *compile);

int compile_functions(struct compile *compile);
int compile_function_find(struct compile *compile, struct slice name,
    uint32_t *function_r);

uint32_t compile_log(struct compile *compile, const struct spec_log *log);

struct compile_lines compile_lines(struct compile *compile,
    const struct spec_pairs *const *levels, size_t nlevels, bool cors);
uint32_t compile_cors(struct compile *compile, const struct spec_cors *cors,
    bool rest, struct slice methods, struct image_text response_lines);

int compile_integration(struct compile *compile,
    const struct compile_route *route, uint32_t *integration_r);
int compile_routes(struct compile *compile, const struct spec_api *api,
    uint32_t api_index);
int compile_apis(struct compile *compile);

#endif
