/* table/match.h - host -> API -> stage -> route */
#ifndef TABLE_MATCH_H
#define TABLE_MATCH_H

#include "table/image.h"

enum match_result {
	MATCH_ROUTE,		/* route is set */
	MATCH_NO_HOST,		/* no API answers to this host here */
	MATCH_NO_STAGE,		/* host known, no base path fits */
	MATCH_NO_ROUTE,		/* API and stage known, no path, method fits */
};

/* Where one segment lies in the path that was matched. */
struct match_segment {
	uint16_t at;
	uint16_t len;
};

struct match {
	enum match_result result;
	const struct image_api *api;		/* NULL unless known */
	const struct image_stage *stage;	/* NULL unless known */
	const struct image_route *route;	/* NULL unless found */
	struct slice path;	/* what is left below the base path; begins
				   with '/'; trailing slash kept */
	unsigned nsegments;	/* of path; REST: without trailing slashes */
	struct match_segment segments[IMAGE_SEGMENTS_MAX];
};

void table_match(const struct image_head *image, unsigned listener,
    struct slice host, unsigned method, struct slice path,
    struct match *match);
bool table_match_stage(const struct image_head *image, unsigned listener,
    struct slice host, struct slice path, struct match *match);
struct slice match_param(const struct match *match,
    const struct image_param *param);
uint64_t match_methods(const struct image_head *image,
    const struct match *match);

#endif
