/*
 * process/lookup.c - getaddrinfo with an end
 *
 * The library's resolver may take half a minute when servers are silent. Each
 * look-up runs in a thread of its own; when its time is over it is left to
 * finish alone, and its answer is dropped. Only for the loader and the
 * resolver, which are processes without a loop; never in master or worker.
 */

#include "process/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "util/clock.h"
#include "util/mem.h"

#define LEFT_MAX 16	/* look-ups that nobody waits for any more */

/* One look-up; freed by the last of the two that hold it. */
struct lookup {
	pthread_mutex_t lock;
	pthread_cond_t done;
	unsigned holders;
	int state;			/* 0 running, 1 answered, -1 failed */
	struct region_addresses addresses;
	_Atomic unsigned *left;
	char host[256];
};

static void
lookup_release(struct lookup *lookup)
{
	unsigned holders;

	pthread_mutex_lock(&lookup->lock);
	holders = --lookup->holders;
	pthread_mutex_unlock(&lookup->lock);
	if (holders > 0)
		return;
	pthread_cond_destroy(&lookup->done);
	pthread_mutex_destroy(&lookup->lock);
	free(lookup);
}

static void
add(struct region_addresses *to, const struct addrinfo *info)
{
	struct region_address *address = &to->at[to->count];
	const void *ip;

	memset(address, 0, sizeof *address);
	if (info->ai_family == AF_INET) {
		address->family = 4;
		ip = &((const struct sockaddr_in *)(const void *)
		    info->ai_addr)->sin_addr;
		memcpy(address->ip, ip, 4);
	} else if (info->ai_family == AF_INET6) {
		address->family = 6;
		ip = &((const struct sockaddr_in6 *)(const void *)
		    info->ai_addr)->sin6_addr;
		memcpy(address->ip, ip, 16);
	} else {
		return;
	}
	to->count++;
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct region_address));
}

/* Sorted, so that servers that turn their answers round change nothing. */
static int
ask(const char *host, struct region_addresses *to)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list, *info;
	int code = getaddrinfo(host, NULL, &hints, &list);

	memset(to, 0, sizeof *to);
	if (code == EAI_NONAME || code == EAI_ADDRFAMILY) {
		/* Machines with only a loopback have no "configured" family. */
		hints.ai_flags = 0;
		code = getaddrinfo(host, NULL, &hints, &list);
	}
	if (code != 0)
		return -1;
	for (info = list; info != NULL && to->count < REGION_ADDRESSES_MAX;
	    info = info->ai_next)
		add(to, info);
	freeaddrinfo(list);
	if (to->count == 0)
		return -1;
	qsort(to->at, to->count, sizeof to->at[0], compare);
	return 0;
}

static void *
lookup_thread(void *arg)
{
	struct lookup *lookup = arg;
	_Atomic unsigned *left = lookup->left;
	struct region_addresses addresses;
	int code = ask(lookup->host, &addresses);

	pthread_mutex_lock(&lookup->lock);
	lookup->addresses = addresses;
	lookup->state = code == 0 ? 1 : -1;
	pthread_cond_signal(&lookup->done);
	pthread_mutex_unlock(&lookup->lock);
	lookup_release(lookup);
	atomic_fetch_sub(left, 1);
	return NULL;
}

static struct lookup *
lookup_new(const char *host, _Atomic unsigned *left)
{
	struct lookup *lookup = mem_new(sizeof *lookup);
	pthread_condattr_t attr;

	pthread_mutex_init(&lookup->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&lookup->done, &attr);
	pthread_condattr_destroy(&attr);
	lookup->holders = 2;
	lookup->left = left;
	memcpy(lookup->host, host, strlen(host) + 1);
	return lookup;
}

static struct timespec
later(uint32_t ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += (long)(ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}

/*
 * The addresses of host, waiting at most most_ms milliseconds. Returns 0, or
 * -1 when it has none, or did not answer in time.
 */
int
lookup_host(const char *host, uint32_t most_ms,
    struct region_addresses *addresses_r)
{
	static _Atomic unsigned running;
	struct timespec end = later(most_ms);
	struct lookup *lookup;
	pthread_t thread;
	int code;

	if (strlen(host) >= sizeof lookup->host ||
	    atomic_load(&running) >= LEFT_MAX)
		return -1;
	lookup = lookup_new(host, &running);
	atomic_fetch_add(&running, 1);
	if (pthread_create(&thread, NULL, lookup_thread, lookup) != 0) {
		atomic_fetch_sub(&running, 1);
		lookup_release(lookup);
		lookup_release(lookup);
		return -1;
	}
	pthread_detach(thread);
	pthread_mutex_lock(&lookup->lock);
	while (lookup->state == 0 &&
	    pthread_cond_timedwait(&lookup->done, &lookup->lock, &end) == 0)
		;
	code = lookup->state == 1 ? 0 : -1;
	if (code == 0)
		*addresses_r = lookup->addresses;
	pthread_mutex_unlock(&lookup->lock);
	lookup_release(lookup);
	if (code == 0)
		addresses_r->updated_ms = clock_now_ms();
	return code;
}
