/* util/fd.h - descriptors */
#ifndef UTIL_FD_H
#define UTIL_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;

#define FD_PASS_MAX 64	/* descriptors in one message */

void fd_close(int *fd_p);
int fd_set_nonblock(int fd, bool on);
int fd_set_cloexec(int fd, bool on);
int fd_write_all(int fd, const void *data, size_t len);
ssize_t fd_send(int sock, const void *data, size_t len, const int *fds,
    int nfds);
ssize_t fd_recv(int sock, void *data, size_t size, int *fds, int *nfds_io);
int fd_raise_limit(struct error *err);

#endif
