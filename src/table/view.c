/*
 * table/view.c - a worker's window on one generation of the route table
 *
 * A view maps the sealed image read-only and lends it to requests: each
 * exchange holds one reference from routing to its last byte, so a reload
 * never changes the rules under a request in flight. When the last reference
 * goes, the mapping goes, and the kernel frees the image once no process maps
 * it; a worker that crashes therefore leaks nothing.
 *
 * A view belongs to one process with one thread: its count is a plain integer.
 */

#include "table/view.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>

#include "util/error.h"
#include "util/mem.h"

#define IMAGE_SEALS	(F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

/*
 * Shared with the other workers where the kernel allows it: before 6.7 it
 * does not through a descriptor that was opened for writing.
 */
static int
map(int fd, size_t size, void **base_r, struct error *err)
{
	void *base = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd,
	    0);

	if (base == MAP_FAILED)
		base = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE,
		    fd, 0);
	if (base == MAP_FAILED)
		return error_errno(err, "cannot map %zu bytes of image", size);
	*base_r = base;
	return 0;
}

/*
 * Map the image behind fd and check it. The caller keeps fd and may close it
 * at once. Returns 0 and a view with one reference, or -1 with the reason.
 */
int
table_view_open(int fd, struct table_view **view_r, struct error *err)
{
	struct table_view *view;
	struct stat st;
	size_t size;
	void *base = NULL;
	int seals;

	/* An unsealed file could shrink later: reading it would be SIGBUS. */
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & IMAGE_SEALS) != IMAGE_SEALS)
		return error_set(err, "image is not a sealed memory file");
	if (fstat(fd, &st) < 0)
		return error_errno(err, "cannot stat the image");
	size = (size_t)st.st_size;
	if (size < sizeof(struct image_head))
		return error_set(err, "image of %zu bytes is too short", size);
	if (map(fd, size, &base, err) < 0)
		return -1;
	if (image_check(base, size, err) < 0)
		goto unmap;

	view = mem_new(sizeof *view);
	view->head = base;
	view->size = size;
	view->refs = 1;
	*view_r = view;
	return 0;
unmap:
	munmap(base, size);
	return -1;
}

struct table_view *
table_view_ref(struct table_view *view)
{
	assert(view->refs > 0);
	view->refs++;
	return view;
}

/*
 * Drops the caller's reference and clears its pointer against reuse. The last
 * one ends the companion too, while the mapping still stands.
 */
void
table_view_unref(struct table_view **view_p)
{
	struct table_view *view = *view_p;

	*view_p = NULL;
	assert(view->refs > 0);
	if (--view->refs > 0)
		return;
	if (view->companion_close != NULL)
		view->companion_close(view->companion);
	munmap((void *)(uintptr_t)view->head, view->size);
	free(view);
}
