/* config/config.h - from a file to an image: what other folders call */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "config/spec.h"
#include "util/buf.h"

struct error;
struct log;

void spec_problems_open(struct spec_problems *problems);
void spec_problems_close(struct spec_problems *problems);
void spec_problem_add(struct spec_problems *problems, struct spec_place place,
    bool warning, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void spec_problems_write(const struct spec_problems *problems, bool json,
    struct buf *out);

/*
 * The findings and then the verdict of `gatehouse -t`: as text the last line
 * is "configuration ok: 2 apis, 7 routes, 0 warnings".
 */
void config_verdict_write(const struct spec *spec,
    const struct spec_problems *problems, bool json, struct buf *out);

/*
 * Read file (and what it includes). Paths in settings stay as they are.
 * Always returns a spec; it may be used only when problems->errors is 0, but
 * for config_check, which then finds what else is wrong.
 */
struct spec *config_parse(const char *file, struct spec_problems *problems);
/* The same for a text; name is for messages. It cannot include files. */
struct spec *config_parse_text(const char *name, struct slice text,
    struct spec_problems *problems);
void config_check(struct spec *spec, struct spec_problems *problems);
void spec_close(struct spec **spec_p);
/* Does the top level give this setting, and with a value that is one? */
bool spec_gives(const struct spec *spec, const char *setting);
/* Where it stands; the file as a whole when it is not given. */
struct spec_place spec_given_at(const struct spec *spec, const char *setting);
/* Methods and routes that the file names. */
size_t spec_count_routes(const struct spec *spec);

/* -T: the effective configuration, as a file that means the same. */
void config_print(const struct spec *spec, struct buf *out);

/*
 * Resolver of names at load time: called for each host name of an upstream;
 * returns 0 when it resolves. Given by the process folder, NULL skips.
 */
typedef int config_resolve_fn(void *ctx, const char *host);
void config_check_names(const struct spec *spec, config_resolve_fn *resolve,
    void *ctx, struct spec_problems *problems);

struct table_build;
/* spec -> image. The spec was checked without errors. */
int config_compile(const struct spec *spec, struct table_build *build,
    struct error *err);

#endif
