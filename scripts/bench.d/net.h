#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <stdint.h>

/*
 * Addresses are texts: "127.0.0.1:8080", "[::1]:8080" (port 0 lets the kernel
 * choose) or "unix:/path". Sockets come back non-blocking and close-on-exec.
 * Trouble ends the program with a sentence: these are tools, not daemons.
 */

/* Ask the kernel to end this process when its parent dies. */
void net_die_with_parent(void);

/* Raise the soft limit of descriptors to the hard one. */
void net_raise_files(void);

/* Listen at address; an old unix socket file in the way is removed. */
int net_listen(const char *address);

/* Print "listening ADDRESS\n", with the port the kernel chose, and flush. */
void net_announce(int fd);

/* Begin to connect to address; the answer may still be on its way. */
int net_connect(const char *address);

/* Accept one connection, or -1 when none is waiting. */
int net_accept(int listener);

/* Nanoseconds of the monotonic clock. */
uint64_t net_now(void);

#endif
