/* config/check_private.h - what the checks share */
#ifndef CONFIG_CHECK_PRIVATE_H
#define CONFIG_CHECK_PRIVATE_H

#include "config/private.h"
#include "table/image.h"

/* Texts, each in a scope, and a number for each. Keys are borrowed. */
struct set {
	struct set_slot *slots;	/* owned */
	size_t size, used;
};

void set_close(struct set *set);
bool set_add(struct set *set, struct slice key, uint64_t scope, size_t value,
    size_t *old_r);
bool set_find(const struct set *set, struct slice key, uint64_t scope,
    size_t *value_r);

/* One run of the checks. */
struct check {
	struct spec *spec;
	struct spec_problems *problems;
	struct set listeners;	/* name -> index */
	struct set upstreams;
	struct set functions;
	bool *listener_used;
	bool *upstream_used;
	bool *function_used;
};

/* The parameters of a path that is being checked. */
struct check_params {
	struct slice at[IMAGE_PARAMS_MAX];
	size_t count;
};

/* "%.*s" of a slice. */
#define TEXT(slice) (int)(slice).len, (slice).at

void check_error(struct check *check, struct spec_place place,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
void check_warn(struct check *check, struct spec_place place,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

bool check_is_rest(const struct spec_api *api);

/* check_upstream.c */
void check_listeners(struct check *check);
void check_upstreams(struct check *check);
void check_unknown_name(struct check *check, struct spec_place place,
    const char *what, struct slice name, const struct set *names);

/* check_function.c */
void check_functions(struct check *check);

/* check_cors.c */
void check_cors(struct check *check, const struct spec_cors *cors, bool rest);
void check_headers(struct check *check, const struct spec_pairs *request,
    const struct spec_pairs *response, bool has_cors);

/* check_stage.c */
void check_stages(struct check *check);
void check_log(struct check *check, const struct spec_log *log,
    struct spec_place place);

/* check_route.c */
void check_routes(struct check *check, const struct spec_api *api);

/* check_integration.c */
void check_integration(struct check *check, const struct spec_api *api,
    const struct spec_integration *integration,
    const struct check_params *params, struct slice path);

#endif
