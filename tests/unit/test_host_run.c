/*
 * test_host_run.c - a function host at work
 *
 * The host runs in this process's loop. The function is this program again,
 * which finds AWS_LAMBDA_RUNTIME_API in its environment and then does what
 * each event says; the caller is a thread that knows nothing of either.
 */

#include <arpa/inet.h>
#include <check.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lambda/function.h"
#include "lambda/host.h"
#include "util/error.h"
#include "util/log.h"

#define ANSWER_MOST (64 * 1024)

static char self[4096];

static void
nap(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static int
dial(const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
		_exit(99);
	return fd;
}

/* Send a request, read the whole answer: its head, then Content-Length. */
static size_t
talk(int fd, const char *text, char answer[ANSWER_MOST])
{
	size_t have = 0, want = ANSWER_MOST - 1;
	char *body, *length;
	ssize_t n;

	if (write(fd, text, strlen(text)) < 0)
		return 0;
	while (have < want) {
		n = read(fd, answer + have, ANSWER_MOST - 1 - have);
		if (n <= 0)
			break;
		have += (size_t)n;
		answer[have] = '\0';
		body = strstr(answer, "\r\n\r\n");
		if (body == NULL)
			continue;
		length = strcasestr(answer, "\r\nContent-Length: ");
		want = (size_t)(body + 4 - answer);
		if (length != NULL && length < body)
			want += (size_t)atoi(length + 18);
	}
	answer[have] = '\0';
	return have;
}

/* What the function does with one event. */
static void
handle(int fd, const char *id, const char *event)
{
	static const char base[] = "/2018-06-01/runtime/invocation/";
	static char answer[ANSWER_MOST];
	char request[1024];
	const char *body = "\"done\"", *end = "response";

	if (strstr(event, "exit") != NULL)
		_exit(7);
	if (strstr(event, "hang") != NULL)
		nap(20000);
	if (strstr(event, "slow") != NULL)
		nap(200);
	if (strstr(event, "fail") != NULL) {
		body = "{\"errorType\":\"Bad\",\"errorMessage\":\"no\"}";
		end = "error";
	}
	if (strstr(event, "print") != NULL)
		fprintf(stderr, "printed by the function\n");
	snprintf(request, sizeof request, "POST %s%s/%s HTTP/1.1\r\n"
	    "Host: x\r\nContent-Length: %zu\r\n\r\n%s", base, id, end,
	    strlen(body), body);
	if (talk(fd, request, answer) == 0 || strstr(answer, " 202 ") == NULL)
		_exit(98);
}

static int
function_main(const char *api)
{
	static char answer[ANSWER_MOST];
	char id[64];
	const char *field;
	int fd = dial(strchr(api, ':') + 1);

	if (getenv("REFUSE") != NULL)
		return 3;
	for (;;) {
		if (talk(fd, "GET /2018-06-01/runtime/invocation/next "
		    "HTTP/1.1\r\nHost: x\r\n\r\n", answer) == 0)
			return 0;
		field = strstr(answer, "Request-Id: ");
		if (field == NULL || sscanf(field + 12, "%63s", id) != 1)
			return 97;
		handle(fd, id, strstr(answer, "\r\n\r\n") + 4);
	}
}

/* A host, its loop, and the thread that calls it. */
struct world {
	struct event_base *base;
	struct lambda_host *host;
	char port[8];
	void (*calls)(struct world *world);
};

static int
listen_any(char port[8])
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, size), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	getsockname(fd, (struct sockaddr *)&at, &size);
	snprintf(port, 8, "%u", ntohs(at.sin_port));
	return fd;
}

static void
stop_cb(evutil_socket_t fd, short what, void *arg)
{
	struct world *world = arg;

	(void)fd;
	(void)what;
	lambda_host_drain(world->host, 5000);
}

static void
drained_cb(void *ctx)
{
	struct world *world = ctx;

	event_base_loopbreak(world->base);
}

static void *
calls_main(void *arg)
{
	struct world *world = arg;

	world->calls(world);
	kill(getpid(), SIGUSR2);
	return NULL;
}

static void
load(struct world *world, uint64_t generation)
{
	static char *command[] = { self, NULL };
	static char *refuse[] = { "REFUSE=1", NULL };
	/* Node's, since that one has no limit of data: sanitizers map a lot. */
	struct function_spec specs[2] = {
		{ .name = "works", .runtime = FUNCTION_NODEJS,
		    .handler = "", .code = "/",
		    .region = "us-east-1", .account = "", .log = "",
		    .user = "", .command = { command, 1 },
		    .timeout_ms = 1000, .memory_mb = 512, .concurrency = 2,
		    .idle_ms = 60000, .queue = 1 },
	};
	struct error err;
	int fd;

	specs[1] = specs[0];
	specs[1].name = "refuses";
	specs[1].environment = (struct function_texts){ refuse, 1 };
	ck_assert_int_eq(functions_write(specs, 2, &fd, &err), 0);
	ck_assert_int_eq(lambda_host_prepare(world->host, fd, generation,
	    &err), 0);
	close(fd);
	lambda_host_commit(world->host);
}

static void
run(void (*calls)(struct world *world))
{
	struct world world = { .base = event_base_new(), .calls = calls };
	struct lambda_host_env env = { .base = world.base,
		.drained = drained_cb, .ctx = &world,
		.retry_ms = { 50, 50 } };
	struct log log;
	struct event stop;
	struct error err;
	pthread_t thread;

	signal(SIGPIPE, SIG_IGN);
	log_open(&log, open("/dev/null", O_WRONLY), LOG_LEVEL_ERROR, "host");
	env.log = &log;
	world.host = lambda_host_open(&env);
	ck_assert_int_eq(lambda_host_listen(world.host, 1,
	    listen_any(world.port), &err), 0);
	load(&world, 1);
	evsignal_assign(&stop, world.base, SIGUSR2, stop_cb, &world);
	event_add(&stop, NULL);
	pthread_create(&thread, NULL, calls_main, &world);
	event_base_dispatch(world.base);
	pthread_join(thread, NULL);
	lambda_host_close(&world.host);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	event_del(&stop);
	event_base_free(world.base);
	close(log.fd);
}

static void
invoke(struct world *world, const char *name, const char *fields,
    const char *event, char answer[ANSWER_MOST])
{
	char request[1024];
	int fd = dial(world->port);

	snprintf(request, sizeof request, "POST /2015-03-31/functions/%s/"
	    "invocations HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n"
	    "\r\n%s", name, fields, strlen(event), event);
	ck_assert_uint_gt(talk(fd, request, answer), 0);
	close(fd);
}

static void
want(const char *answer, const char *part)
{
	ck_assert_msg(strstr(answer, part) != NULL, "no \"%s\" in: %s", part,
	    answer);
}

static void
answers(struct world *world)
{
	static char answer[ANSWER_MOST];

	invoke(world, "works", "", "{}", answer);
	want(answer, " 200 ");
	want(answer, "X-Amz-Executed-Version: $LATEST");
	want(answer, "\r\n\r\n\"done\"");
	invoke(world, "works", "X-Amz-Log-Type: Tail\r\n", "[\"print\"]",
	    answer);
	want(answer, "X-Amz-Log-Result: ");
	invoke(world, "works", "", "[\"fail\"]", answer);
	want(answer, "X-Amz-Function-Error: Unhandled");
	want(answer, "\"errorType\":\"Bad\"");
	invoke(world, "nothing", "", "{}", answer);
	want(answer, " 404 ");
	want(answer, "x-amzn-ErrorType: ResourceNotFoundException");
	invoke(world, "works", "X-Amz-Invocation-Type: DryRun\r\n", "{}",
	    answer);
	want(answer, " 204 ");
	invoke(world, "works", "", "{", answer);
	want(answer, "InvalidRequestContentException");
}

static void
failures(struct world *world)
{
	static char answer[ANSWER_MOST];

	invoke(world, "works", "", "[\"exit\"]", answer);
	want(answer, "Runtime.ExitError");
	want(answer, "Error: Runtime exited with error: exit status 7");
	invoke(world, "works", "", "[\"hang\"]", answer);
	want(answer, "Sandbox.Timedout");
	want(answer, "Task timed out after 1.00 seconds");
	invoke(world, "refuses", "", "{}", answer);
	want(answer, "Runtime exited with error: exit status 3");
	invoke(world, "works", "", "{}", answer);
	want(answer, "\"done\"");
}

static void
throttles(struct world *world)
{
	static char answer[ANSWER_MOST];
	char request[512];
	int fds[6], i, served = 0, refused = 0;

	/* Two run, one waits, all others are sent away. */
	for (i = 0; i < 6; i++) {
		fds[i] = dial(world->port);
		snprintf(request, sizeof request, "POST /2015-03-31/functions/"
		    "works/invocations HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 8\r\n\r\n[\"slow\"]");
		ck_assert_int_gt(write(fds[i], request, strlen(request)), 0);
	}
	for (i = 0; i < 6; i++) {
		talk(fds[i], "", answer);
		served += strstr(answer, "\"done\"") != NULL;
		refused += strstr(answer, "TooManyRequestsException") != NULL;
		close(fds[i]);
	}
	ck_assert_int_eq(served, 3);
	ck_assert_int_eq(refused, 3);
	invoke(world, "works", "X-Amz-Invocation-Type: Event\r\n",
	    "[\"fail\"]", answer);
	want(answer, " 202 ");
	nap(300);
}

START_TEST(test_answers)
{
	run(answers);
}
END_TEST

START_TEST(test_failures)
{
	run(failures);
}
END_TEST

START_TEST(test_throttles)
{
	run(throttles);
}
END_TEST

int
main(void)
{
	const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
	TCase *tests;
	SRunner *runner;
	Suite *suite;
	int failed;

	if (api != NULL)
		_exit(function_main(api));
	suite = suite_create("host_run");
	tests = tcase_create("host_run");
	runner = srunner_create(suite);
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		return 1;
	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, test_answers);
	tcase_add_test(tests, test_failures);
	tcase_add_test(tests, test_throttles);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
