/* config/private.h - what the files of this folder share */
#ifndef CONFIG_PRIVATE_H
#define CONFIG_PRIVATE_H

#include "config/config.h"
#include "config/options.h"

struct error;

/* problems.c */
void problem_add_excerpt(struct spec_problems *problems,
    struct spec_place place, const char *excerpt, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* spec.c */
struct spec *spec_open(const char *file);
void spec_defaults(struct spec *spec, enum option_context context,
    void *object);
void spec_finish(struct spec *spec);

/* The member of an object that a row of the table stands for. */
static inline void *
spec_member(void *object, const struct option *option)
{
	return (char *)object + option_field(option)->at;
}

/* expand.c */
int expand_text(struct arena *arena, struct slice raw, struct slice *text_r,
    struct error *err);
void expand_escape(struct slice text, struct buf *out);

#endif
