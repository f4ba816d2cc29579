/* table/view.h - a worker's window on one generation of the route table */
#ifndef TABLE_VIEW_H
#define TABLE_VIEW_H

#include "table/image.h"

struct error;

struct table_view {
	const struct image_head *head;	/* the mapping; owned */
	size_t size;
	unsigned refs;
	void *companion;	/* what the worker built for this generation */
	void (*companion_close)(void *companion);
};

int table_view_open(int fd, struct table_view **view_r, struct error *err);
struct table_view *table_view_ref(struct table_view *view);
void table_view_unref(struct table_view **view_p);

#endif
