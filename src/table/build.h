/* table/build.h - writing an image: append, never change what stands */
#ifndef TABLE_BUILD_H
#define TABLE_BUILD_H

#include "table/image.h"

/*
 * The writer keeps each section in growing memory and puts them together at
 * the end. Records are addressed by their index; a pointer from build_at is
 * good until the next build_add to the same section.
 */
struct table_build;

struct table_build *table_build_open(void);
void table_build_close(struct table_build **build_p);

uint32_t build_add(struct table_build *build, enum image_section_id id,
    const void *record);
void *build_at(struct table_build *build, enum image_section_id id,
    uint32_t index);
uint32_t build_count(const struct table_build *build,
    enum image_section_id id);
/* Like build_add for a run of records; the same bytes stand there once. */
struct image_run build_run(struct table_build *build,
    enum image_section_id id, const void *records, uint32_t count);
struct image_text build_text(struct table_build *build, struct slice text);
struct slice build_slice(const struct table_build *build,
    struct image_text text);

/* The trees: nodes are made as paths are added. */
uint32_t build_node(struct table_build *build);
uint32_t build_path(struct table_build *build, uint32_t node,
    struct slice path);
void build_host(struct table_build *build, unsigned listener,
    struct slice host, uint32_t node);
uint32_t build_host_find(const struct table_build *build, unsigned listener,
    struct slice host);

int table_build_seal(struct table_build *build, uint64_t generation,
    int *fd_r, struct error *err);

#endif
