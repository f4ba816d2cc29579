/*
 * lambda/peer.c - whose process is at the other end of a loopback socket
 *
 * Any local user can connect to a loopback port, and TCP knows no
 * credentials. The kernel is asked about the one socket that is the other
 * end, over netlink; where that is not to be had, /proc/net/tcp tells it.
 * Only a connection whose owner still holds it open has an owner.
 */

#include "lambda/peer.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ESTABLISHED 1	/* TCP_ESTABLISHED of the kernel */

struct diag_answer {
	struct nlmsghdr head;
	struct inet_diag_msg msg;
	char more[1024];
};

/* A descriptor to ask with, or -1: peer_is works without it, slower. */
int
peer_open(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_SOCK_DIAG);
}

/* 0 and the owner, 1 there is none, -1 the kernel does not say. */
static int
ask_kernel(int diag_fd, const struct sockaddr_in *there,
    const struct sockaddr_in *here, uid_t *uid_r)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 ask;
	} query = {
		.head = { .nlmsg_len = sizeof query,
		    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		    .nlmsg_flags = NLM_F_REQUEST },
		.ask = { .sdiag_family = AF_INET,
		    .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u,
		    .id = { .idiag_sport = there->sin_port,
		    .idiag_dport = here->sin_port,
		    .idiag_src = { there->sin_addr.s_addr },
		    .idiag_dst = { here->sin_addr.s_addr },
		    .idiag_cookie = { INET_DIAG_NOCOOKIE,
		    INET_DIAG_NOCOOKIE } } },
	};
	struct diag_answer answer;
	ssize_t n;

	if (send(diag_fd, &query, sizeof query, 0) < 0)
		return -1;
	n = recv(diag_fd, &answer, sizeof answer, 0);
	if (n < (ssize_t)sizeof answer.head)
		return -1;
	if (answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return -1;
	if (n < (ssize_t)offsetof(struct diag_answer, more) ||
	    answer.msg.idiag_state != ESTABLISHED ||
	    answer.msg.idiag_inode == 0)
		return 1;
	*uid_r = answer.msg.idiag_uid;
	return 0;
}

/* The same from /proc/net/tcp. */
static int
ask_proc(const struct sockaddr_in *there, const struct sockaddr_in *here,
    uid_t *uid_r)
{
	FILE *file = fopen("/proc/net/tcp", "re");
	unsigned from, from_port, to, to_port, state, uid;
	unsigned long inode;
	char line[512];
	int result = 1;

	if (file == NULL)
		return -1;
	while (result != 0 && fgets(line, sizeof line, file) != NULL) {
		if (sscanf(line, " %*u: %x:%x %x:%x %x %*x:%*x %*x:%*x %*x "
		    "%u %*u %lu", &from, &from_port, &to, &to_port, &state,
		    &uid, &inode) != 7)
			continue;
		if (from == there->sin_addr.s_addr &&
		    from_port == ntohs(there->sin_port) &&
		    to == here->sin_addr.s_addr &&
		    to_port == ntohs(here->sin_port) &&
		    state == ESTABLISHED && inode != 0) {
			*uid_r = uid;
			result = 0;
		}
	}
	fclose(file);
	return result;
}

/*
 * Does the other end of fd, a TCP connection over IPv4 on this machine, belong
 * to uid (or to root)? What cannot be told counts as no.
 */
bool
peer_is(int diag_fd, int fd, uid_t uid)
{
	struct sockaddr_in there, here;
	socklen_t there_size = sizeof there, here_size = sizeof here;
	uid_t owner = 0;
	int result = -1;

	if (getpeername(fd, (struct sockaddr *)&there, &there_size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&here, &here_size) < 0 ||
	    there.sin_family != AF_INET)
		return false;
	if (diag_fd >= 0)
		result = ask_kernel(diag_fd, &there, &here, &owner);
	if (result < 0)
		result = ask_proc(&there, &here, &owner);
	return result == 0 && (owner == uid || owner == 0);
}
