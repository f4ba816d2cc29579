/* config/context.h - access-log formats: text with $context variables */
#ifndef CONFIG_CONTEXT_H
#define CONFIG_CONTEXT_H

#include "util/slice.h"

/* One part of a format: plain text, or a variable. */
struct context_part {
	struct slice text;	/* the text; a variable as it was written */
	bool variable;
	struct slice name;	/* a variable's, behind "$context." */
	uint32_t value;		/* enum image_context; IMAGE_NONE: no such */
};

uint32_t context_lookup(struct slice name);
bool context_next(struct slice *rest, struct context_part *part_r);
struct slice context_format(struct slice format);

#endif
