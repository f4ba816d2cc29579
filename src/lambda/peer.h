/* lambda/peer.h - whose process is at the other end of a loopback socket */
#ifndef LAMBDA_PEER_H
#define LAMBDA_PEER_H

#include <stdbool.h>
#include <sys/types.h>

int peer_open(void);
bool peer_is(int diag_fd, int fd, uid_t uid);

#endif
