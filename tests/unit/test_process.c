/*
 * tests/unit/test_process.c - the steps of master and children that need no
 * running daemon; the daemon itself is tested by tests/wire
 */

#include <netdb.h>
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/cpus.h"
#include "process/daemon.h"
#include "process/listen.h"
#include "process/loader.h"
#include "process/lookup.h"
#include "process/notify.h"
#include "process/title.h"
#include "table/view.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/mem.h"

static char folder[] = "/tmp/gatehouse-unit-XXXXXX";

static const char *
in_folder(const char *name)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, 256, "%s/%s", folder, name);
	return path;
}

static void
write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
}

static void
folder_open(void)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static int
remove_one(const char *path, const struct stat *st, int flag,
    struct FTW *walk)
{
	(void)st;
	(void)flag;
	(void)walk;
	return remove(path);
}

static void
folder_close(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- how many workers ---------------------------------------------------- */

START_TEST(cpus_are_cut_to_the_quota)
{
	ck_assert_uint_eq(cpus_limit(8, -1, 100000), 8);
	ck_assert_uint_eq(cpus_limit(8, 400000, 100000), 4);
	ck_assert_uint_eq(cpus_limit(8, 150000, 100000), 2);
	ck_assert_uint_eq(cpus_limit(8, 50000, 100000), 1);
	ck_assert_uint_eq(cpus_limit(2, 400000, 100000), 2);
	ck_assert_uint_eq(cpus_limit(2, 400000, 0), 2);
	ck_assert_uint_eq(cpus_limit(0, -1, 0), 1);
	ck_assert_uint_ge(cpus_usable(), 1);
}
END_TEST

START_TEST(cpus_second_version_of_groups)
{
	mkdir(in_folder("a"), 0755);
	mkdir(in_folder("a/b"), 0755);
	write_file(in_folder("a/b/cpu.max"), "max 100000\n");
	write_file(in_folder("a/cpu.max"), "250000 100000\n");
	write_file(in_folder("self"), "0::/a/b\n");
	ck_assert_uint_eq(cpus_in_groups(16, in_folder("self"), folder), 3);
	/* A group that this view of the file system does not show. */
	write_file(in_folder("self"), "0::/elsewhere\n");
	write_file(in_folder("cpu.max"), "100000 100000\n");
	ck_assert_uint_eq(cpus_in_groups(16, in_folder("self"), folder), 1);
	ck_assert_uint_eq(cpus_in_groups(16, in_folder("none"), folder), 16);
}
END_TEST

START_TEST(cpus_first_version_of_groups)
{
	mkdir(in_folder("cpu"), 0755);
	mkdir(in_folder("cpu/x"), 0755);
	write_file(in_folder("cpu/x/cpu.cfs_quota_us"), "200000\n");
	write_file(in_folder("cpu/x/cpu.cfs_period_us"), "100000\n");
	write_file(in_folder("cpu/cpu.cfs_quota_us"), "-1\n");
	write_file(in_folder("cpu/cpu.cfs_period_us"), "100000\n");
	write_file(in_folder("self"), "3:memory:/x\n2:cpu,cpuacct:/x\n");
	ck_assert_uint_eq(cpus_in_groups(16, in_folder("self"), folder), 2);
	write_file(in_folder("self"), "2:cpuset:/x\n");
	ck_assert_uint_eq(cpus_in_groups(16, in_folder("self"), folder), 16);
}
END_TEST

/* --- pid file ------------------------------------------------------------ */

START_TEST(pid_file_has_one_owner)
{
	struct pid_file one, two;
	const char *path = in_folder("g.pid");
	struct error err;

	ck_assert_int_eq(pid_file_owner(path, &err), -1);
	ck_assert_int_eq(pid_file_lock(&one, path, &err), 0);
	ck_assert_int_eq(pid_file_write(&one, getpid(), &err), 0);
	ck_assert_int_eq(pid_file_lock(&two, path, &err), 1);
	ck_assert_ptr_nonnull(strstr(err.text, "already running"));
	ck_assert_int_eq(pid_file_owner(path, &err), getpid());
	pid_file_remove(&one);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(pid_file_lock(&two, path, &err), 0);
	pid_file_remove(&two);
}
END_TEST

START_TEST(pid_file_of_a_dead_owner_is_taken)
{
	struct pid_file file;
	const char *path = in_folder("g.pid");
	struct error err;

	write_file(path, "1234567\n");
	ck_assert_int_eq(pid_file_owner(path, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "not running"));
	ck_assert_int_eq(pid_file_lock(&file, path, &err), 0);
	ck_assert_int_eq(pid_file_write(&file, 4711, &err), 0);
	ck_assert_int_eq(pid_file_owner(path, &err), 4711);
	pid_file_remove(&file);
}
END_TEST

START_TEST(pid_file_moves_aside_and_back)
{
	struct pid_file old, new;
	const char *path = in_folder("g.pid"), *aside = in_folder("g.old");
	struct error err;

	ck_assert_int_eq(pid_file_lock(&old, path, &err), 0);
	ck_assert_int_eq(pid_file_rename(&old, aside, &err), 0);
	ck_assert_int_eq(pid_file_lock(&new, path, &err), 0);
	ck_assert_int_eq(pid_file_write(&new, 2, &err), 0);
	/* The old one's end leaves the new one's file alone. */
	pid_file_remove(&old);
	ck_assert_int_eq(access(aside, F_OK), -1);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(pid_file_owner(path, &err), 2);
	pid_file_remove(&new);
}
END_TEST

START_TEST(pid_file_that_cannot_be_made)
{
	struct pid_file file;
	struct error err;

	ck_assert_int_eq(pid_file_lock(&file, in_folder("no/such/g.pid"),
	    &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "g.pid"));
	ck_assert_int_eq(daemon_folder(in_folder("made/g.pid")), 0);
	ck_assert_int_eq(daemon_folder(in_folder("made/g.pid")), 0);
	ck_assert_int_eq(pid_file_lock(&file, in_folder("made/g.pid"), &err),
	    0);
	pid_file_remove(&file);
}
END_TEST

/* --- listening ----------------------------------------------------------- */

static struct listener *
make_listener(uint8_t family, const char *text, uint16_t port)
{
	struct listener *listener = mem_new(sizeof *listener);
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };

	list_init(&listener->link);
	listener->id = port;
	listener->address.family = family;
	listener->address.port = port;
	memcpy(listener->address.ip, loopback, 4);
	listener->backlog = 16;
	listener->shared = family == IMAGE_FAMILY_UNIX;
	snprintf(listener->text, sizeof listener->text, "%s", text);
	return listener;
}

/* A port that the kernel has chosen, and that is free again. */
static uint16_t
free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	getsockname(fd, (struct sockaddr *)&at, &size);
	close(fd);
	return ntohs(at.sin_port);
}

START_TEST(listener_has_a_socket_for_each_slot)
{
	struct listener *listener;
	struct list others;
	struct error err;
	unsigned i, grown;

	list_init(&others);
	listener = make_listener(IMAGE_FAMILY_INET, "127.0.0.1:0",
	    free_port());
	ck_assert_int_eq(listener_grow(listener, 2, &others, false, &err), 0);
	ck_assert_uint_eq(listener->count, 2);
	grown = listener->count;
	ck_assert_int_eq(listener_grow(listener, 4, &others, false, &err), 0);
	ck_assert_uint_eq(listener->count, 4);
	ck_assert_uint_gt(listener->count, grown);
	for (i = 0; i < 4; i++) {
		int yes = 0;
		socklen_t size = sizeof yes;

		getsockopt(listener->fds[i], SOL_SOCKET, SO_ACCEPTCONN, &yes,
		    &size);
		ck_assert_int_eq(yes, 1);
	}
	/* Fewer wanted: all stay. */
	ck_assert_int_eq(listener_grow(listener, 1, &others, false, &err), 0);
	ck_assert_uint_eq(listener->count, 4);
	listener_free(&listener, true);
}
END_TEST

START_TEST(listener_shares_with_itself_alone)
{
	struct listener *first, *second;
	struct list others;
	struct error err;
	uint16_t port = free_port();

	list_init(&others);
	first = make_listener(IMAGE_FAMILY_INET, "127.0.0.1:port", port);
	ck_assert_int_eq(listener_grow(first, 2, &others, false, &err), 0);
	/* Another instance, which knows nothing of the first. */
	second = make_listener(IMAGE_FAMILY_INET, "127.0.0.1:port", port);
	ck_assert_int_eq(listener_grow(second, 2, &others, false, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "127.0.0.1:port"));
	ck_assert_uint_eq(second->count, 0);
	/* The same one, which is about to give up the first. */
	list_append(&others, &first->link);
	ck_assert_int_eq(listener_grow(second, 2, &others, false, &err), 0);
	listener_free(&second, true);
	listener_free(&first, true);
	ck_assert(list_empty(&others));
}
END_TEST

START_TEST(listener_of_a_path)
{
	struct listener *listener, *other;
	const char *path = in_folder("l.sock");
	struct list others;
	struct error err;
	char text[128];

	list_init(&others);
	snprintf(text, sizeof text, "unix:%s", path);
	listener = make_listener(IMAGE_FAMILY_UNIX, text, 0);
	ck_assert_int_eq(listener_grow(listener, 4, &others, false, &err), 0);
	ck_assert_uint_eq(listener->count, 1);
	other = make_listener(IMAGE_FAMILY_UNIX, text, 0);
	ck_assert_int_eq(listener_grow(other, 1, &others, false, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "in use"));
	/* Its owner is gone without a word: what it left is replaced. */
	listener_free(&listener, false);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(listener_grow(other, 1, &others, false, &err), 0);
	listener_free(&other, true);
	ck_assert_int_eq(access(path, F_OK), -1);
	/* A file that is no socket is nobody's to replace. */
	write_file(path, "precious");
	other = make_listener(IMAGE_FAMILY_UNIX, text, 0);
	ck_assert_int_eq(listener_grow(other, 1, &others, false, &err), -1);
	ck_assert_int_eq(access(path, F_OK), 0);
	listener_free(&other, true);
}
END_TEST

START_TEST(listener_inherits_in_order)
{
	struct listener *listener = make_listener(IMAGE_FAMILY_INET,
	    "127.0.0.1:1", 1);
	int a = socket(AF_INET, SOCK_STREAM, 0);
	int b = socket(AF_INET, SOCK_STREAM, 0);

	listener_inherit(listener, 0, a);
	listener_inherit(listener, 2, b);
	ck_assert_uint_eq(listener->count, 1);
	ck_assert_int_eq(listener->fds[0], a);
	ck_assert_int_eq(fcntl(b, F_GETFD), -1);
	ck_assert(listener->inherited);
	listener_free(&listener, false);
}
END_TEST

/* --- names, systemd, titles ---------------------------------------------- */

START_TEST(lookup_finds_the_loopback)
{
	struct region_addresses addresses = { 0 };
	struct addrinfo *found = NULL;

	/* A machine without /etc/hosts knows no name at all. */
	if (getaddrinfo("localhost", NULL, NULL, &found) == 0) {
		freeaddrinfo(found);
		ck_assert_int_eq(lookup_host("localhost", 5000, &addresses),
		    0);
		ck_assert_uint_ge(addresses.count, 1);
		ck_assert_uint_gt(addresses.updated_ms, 0);
	}
	ck_assert_int_eq(lookup_host("127.0.0.1", 5000, &addresses), 0);
	ck_assert_uint_eq(addresses.count, 1);
	ck_assert_uint_eq(addresses.at[0].family, 4);
	ck_assert_uint_eq(addresses.at[0].ip[0], 127);
	ck_assert_int_eq(lookup_host("no such name", 5000, &addresses), -1);
}
END_TEST

START_TEST(notify_sends_datagrams)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char text[256] = "";
	int fd;

	unsetenv("NOTIFY_SOCKET");
	ck_assert(!notify_wanted());
	notify_send("READY=1");
	snprintf(at.sun_path, sizeof at.sun_path, "%s", in_folder("notify"));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	setenv("NOTIFY_SOCKET", at.sun_path, 1);
	notify_send("READY=1\nMAINPID=%d", 17);
	ck_assert_int_gt(recv(fd, text, sizeof text - 1, 0), 0);
	ck_assert_str_eq(text, "READY=1\nMAINPID=17");
	memset(text, 0, sizeof text);
	notify_reloading();
	ck_assert_int_gt(recv(fd, text, sizeof text - 1, 0), 0);
	ck_assert_ptr_eq(strstr(text, "RELOADING=1\nMONOTONIC_USEC="), text);
	unsetenv("NOTIFY_SOCKET");
	close(fd);
}
END_TEST

START_TEST(title_keeps_to_its_room)
{
	char area[] = "prog\0-c\0file", guard;
	char *args[] = { area, area + 5, area + 8, NULL };
	struct title title;

	guard = area[sizeof area - 1];
	title_open(&title, 3, args);
	ck_assert_ptr_eq(title.at, area);
	ck_assert_uint_eq(title.size, sizeof area);
	ck_assert_str_eq(args[2], "file");
	title_set(&title, "%s", "a title that is longer than the room");
	ck_assert_str_eq(area, "a title that");
	ck_assert_int_eq(area[sizeof area - 1], guard);
	title_set(&title, "worker %d", 1);
	ck_assert_str_eq(area, "worker 1");
	ck_assert_str_eq(args[1], "-c");
	free(args[0]);
	free(args[1]);
	free(args[2]);
}
END_TEST

/* --- what a child closes ------------------------------------------------- */

START_TEST(others_are_closed)
{
	int keep[1], gone, status;
	pid_t pid;

	keep[0] = dup(0);
	gone = dup(0);
	pid = fork();
	if (pid == 0) {
		daemon_close_others(keep, 1);
		_exit(fcntl(keep[0], F_GETFD) >= 0 &&
		    fcntl(gone, F_GETFD) < 0 && fcntl(2, F_GETFD) >= 0 ?
		    0 : 1);
	}
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	close(keep[0]);
	close(gone);
}
END_TEST

/* --- loading ------------------------------------------------------------- */

static const char good[] =
    "workers = 3; user = \"nobody\"; pid_file = \"run/g.pid\";\n"
    "control_socket = \"/run/c.sock\"; error_log = \"stderr\";\n"
    "access_log = { path = \"a.log\"; };\n"
    "listeners = ( { name = \"p\"; address = \"unix:p.sock\"; } );\n"
    "apis = ( { name = \"x\"; protocol = \"HTTP\"; routes = (\n"
    "  { route = \"GET /a\"; integration = { type = \"MOCK\"; }; } ); } );\n";

START_TEST(load_makes_an_image)
{
	struct load_request request = { .file = in_folder("g.conf"),
	    .prefix = "/pre", .generation = 7, .descriptors = 20000 };
	struct table_view *view;
	struct error err;
	struct load load;

	write_file(request.file, good);
	ck_assert_int_eq(load_open(&load, &request, &err), 0);
	ck_assert_uint_eq(load.problems.errors, 0);
	ck_assert_uint_eq(load.launch.workers, 3);
	ck_assert_str_eq(load.launch.pid_file, "/pre/run/g.pid");
	ck_assert_str_eq(load.launch.control_socket, "/run/c.sock");
	ck_assert_str_eq(load.launch.error_log, "stderr");
	ck_assert_uint_lt(load.launch.connections, 10000);
	ck_assert_uint_eq(load.launch.connections_wanted, 16384);
	ck_assert_int_eq(table_view_open(load.image_fd, &view, &err), 0);
	ck_assert_uint_eq(view->head->generation, 7);
	ck_assert_uint_eq(image_settings(view->head)->worker_connections,
	    load.launch.connections);
	load_close(&load);

	/* The same file beside the table it made: nothing has changed. */
	request.current = view->head;
	request.generation = 8;
	ck_assert_int_eq(load_open(&load, &request, &err), 0);
	ck_assert_uint_eq(load.facts.unchanged, 1);
	load_close(&load);
	table_view_unref(&view);
}
END_TEST

START_TEST(load_reports_what_is_wrong)
{
	struct load_request request = { .file = in_folder("g.conf") };
	struct error err;
	struct load load;

	ck_assert_int_eq(load_open(&load, &request, &err), 0);
	ck_assert_uint_ge(load.problems.errors, 1);
	ck_assert_int_eq(load.image_fd, -1);
	load_close(&load);
	write_file(request.file, "workers = 0; nonsense = 1;");
	ck_assert_int_eq(load_open(&load, &request, &err), 0);
	ck_assert_uint_ge(load.problems.errors, 2);
	load_close(&load);
}
END_TEST

START_TEST(load_refuses_too_many_connections)
{
	struct load_request request = { .file = in_folder("g.conf"),
	    .prefix = "/pre", .descriptors = 200 };
	struct error err;
	struct load load;
	char text[2048];

	snprintf(text, sizeof text, "worker_connections = 1000;\n%s", good);
	write_file(request.file, text);
	ck_assert_int_eq(load_open(&load, &request, &err), 0);
	ck_assert_uint_eq(load.problems.errors, 1);
	ck_assert_ptr_nonnull(strstr(load.problems.first->text,
	    "worker_connections = 1000 needs"));
	load_close(&load);
	request.descriptors = 20000;
	ck_assert_int_eq(load_open(&load, &request, &err), 0);
	ck_assert_uint_eq(load.launch.connections, 1000);
	load_close(&load);
}
END_TEST

static TCase *
make_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, folder_open, folder_close);
	tcase_set_timeout(tcase, 30);
	suite_add_tcase(suite, tcase);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("process");
	TCase *tcase = make_case(suite, "cpus");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, cpus_are_cut_to_the_quota);
	tcase_add_test(tcase, cpus_second_version_of_groups);
	tcase_add_test(tcase, cpus_first_version_of_groups);
	tcase = make_case(suite, "pid file");
	tcase_add_test(tcase, pid_file_has_one_owner);
	tcase_add_test(tcase, pid_file_of_a_dead_owner_is_taken);
	tcase_add_test(tcase, pid_file_moves_aside_and_back);
	tcase_add_test(tcase, pid_file_that_cannot_be_made);
	tcase = make_case(suite, "listen");
	tcase_add_test(tcase, listener_has_a_socket_for_each_slot);
	tcase_add_test(tcase, listener_shares_with_itself_alone);
	tcase_add_test(tcase, listener_of_a_path);
	tcase_add_test(tcase, listener_inherits_in_order);
	tcase = make_case(suite, "world");
	tcase_add_test(tcase, lookup_finds_the_loopback);
	tcase_add_test(tcase, notify_sends_datagrams);
	tcase_add_test(tcase, title_keeps_to_its_room);
	tcase_add_test(tcase, others_are_closed);
	tcase = make_case(suite, "load");
	tcase_add_test(tcase, load_makes_an_image);
	tcase_add_test(tcase, load_reports_what_is_wrong);
	tcase_add_test(tcase, load_refuses_too_many_connections);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
