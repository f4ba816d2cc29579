/*
 * test_host.c - what the function host reads and writes: names, targets,
 * environments, lines, messages, the functions file
 */

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lambda/eventstream.h"
#include "lambda/function.h"
#include "lambda/function_log.h"
#include "lambda/invoke_api.h"
#include "lambda/runtime_api.h"
#include "lambda/spawn.h"
#include "util/crc32.h"
#include "util/error.h"

static char *variables[] = { "COLOR=blue", "AWS_REGION=mars",
	"TZ=Europe/Berlin", "AWS_LAMBDA_MAX_CONCURRENCY=8", NULL };
static char *aliases[] = { "live", NULL };

static const struct function_spec sample = { .name = "send-mail",
	.handler = "index.handler", .code = "/srv/mail",
	.region = "eu-west-1", .account = "", .log = "stderr", .user = "",
	.environment = { variables, 4 }, .aliases = { aliases, 1 },
	.log_id = 0x123456789abcdef0, .runtime = FUNCTION_NODEJS,
	.timeout_ms = 3000, .memory_mb = 128, .concurrency = 10,
	.min_instances = 1, .idle_ms = 300000, .queue = 100 };

static struct function_set *
round_trip(const struct function_spec *specs, uint32_t count)
{
	struct function_set *set;
	struct error err;
	int fd;

	ck_assert_int_eq(functions_write(specs, count, &fd, &err), 0);
	ck_assert_int_eq(functions_read(fd, &set, &err), 0);
	close(fd);
	return set;
}

START_TEST(test_file)
{
	struct function_spec specs[2] = { sample, sample };
	const struct function_spec *found;
	struct function_set *set;

	specs[1].name = "alpha";
	set = round_trip(specs, 2);
	ck_assert_uint_eq(set->count, 2);
	ck_assert_str_eq(set->specs[0].name, "alpha");
	found = functions_find(set, SLICE("send-mail"));
	ck_assert_ptr_eq(found, &set->specs[1]);
	ck_assert_str_eq(found->code, "/srv/mail");
	ck_assert_str_eq(found->environment.at[2], "TZ=Europe/Berlin");
	ck_assert_ptr_null(found->environment.at[4]);
	ck_assert(found->log_id == sample.log_id);
	ck_assert_uint_eq(found->queue, 100);
	ck_assert_uint_eq(function_slots(found), 8);
	ck_assert_ptr_null(functions_find(set, SLICE("send")));
	functions_unref(&set);
	set = round_trip(NULL, 0);
	ck_assert_ptr_null(functions_find(set, SLICE("send-mail")));
	functions_unref(&set);
}
END_TEST

/* What an instance is started with counts, and nothing else. */
START_TEST(test_fingerprint)
{
	struct function_spec specs[4] = { sample, sample, sample, sample };
	struct function_set *set;
	char *other[] = { "COLOR=red", NULL };

	specs[0].name = "a";
	specs[1].name = "b";
	specs[1].concurrency = 3;
	specs[1].timeout_ms = 100;
	specs[2].name = "c";
	specs[2].handler = "index.other";
	specs[3].name = "d";
	specs[3].environment = (struct function_texts){ other, 1 };
	set = round_trip(specs, 4);
	ck_assert(set->specs[0].fingerprint == set->specs[1].fingerprint);
	ck_assert(set->specs[0].fingerprint != set->specs[2].fingerprint);
	ck_assert(set->specs[0].fingerprint != set->specs[3].fingerprint);
	functions_unref(&set);
}
END_TEST

static int
read_altered(int from, size_t size, size_t at, unsigned char value)
{
	struct function_set *set;
	struct error err;
	char *bytes = malloc(size);
	int fd = memfd_create("t", MFD_ALLOW_SEALING), result;

	ck_assert(pread(from, bytes, size, 0) == (ssize_t)size);
	if (at < size)
		bytes[at] = (char)value;
	ck_assert(write(fd, bytes, size) == (ssize_t)size);
	free(bytes);
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
	result = functions_read(fd, &set, &err);
	close(fd);
	if (result == 0)
		functions_unref(&set);
	return result;
}

/* Whatever stands in the file, reading it ends well. */
START_TEST(test_file_broken)
{
	struct function_spec twice[2] = { sample, sample };
	struct function_set *set;
	struct error err;
	size_t size, i;
	int fd;

	ck_assert_int_eq(functions_write(&sample, 1, &fd, &err), 0);
	size = (size_t)lseek(fd, 0, SEEK_END);
	ck_assert_int_eq(read_altered(fd, size, size, 0), 0);
	for (i = 0; i < size; i++) {
		(void)read_altered(fd, size, i, 0xff);
		(void)read_altered(fd, size, i, 0);
		ck_assert_int_eq(read_altered(fd, i, size, 0), -1);
	}
	close(fd);
	ck_assert_int_eq(functions_write(twice, 2, &fd, &err), 0);
	ck_assert_int_eq(functions_read(fd, &set, &err), -1);
	close(fd);
	fd = memfd_create("open", 0);
	ck_assert_int_eq(functions_read(fd, &set, &err), -1);
	close(fd);
}
END_TEST

static const struct {
	const char *text;
	const char *name;	/* NULL: refused */
	const char *qualifier;
} names[] = {
	{ "f", "f", "" },
	{ "my-Fun_1", "my-Fun_1", "" },
	{ "f:live", "f", "live" },
	{ "f:$LATEST", "f", "$LATEST" },
	{ "123456789012:function:f", "f", "" },
	{ "123456789012:function:f:3", "f", "3" },
	{ "arn:aws:lambda:us-east-1:123456789012:function:f", "f", "" },
	{ "arn:aws-cn:lambda:cn-north-1:123456789012:function:f:v", "f", "v" },
	{ "", NULL, NULL },
	{ ":", NULL, NULL },
	{ "f:", NULL, NULL },
	{ "f:a:b", NULL, NULL },
	{ "f/g", NULL, NULL },
	{ "f$", NULL, NULL },
	{ "f g", NULL, NULL },
	{ "12345678901:function:f", NULL, NULL },
	{ "arn:aws:s3:us-east-1:123456789012:function:f", NULL, NULL },
	{ "arn:aws:lambda:us-east-1:123456789012:layer:f", NULL, NULL },
	{ "arn:aws:lambda:us-east-1:123456789012:function:f:a:b:c", NULL,
	    NULL },
};

START_TEST(test_names)
{
	struct function_name name;
	int result = function_name_parse(slice_text(names[_i].text), &name);

	if (names[_i].name == NULL) {
		ck_assert_int_eq(result, -1);
		return;
	}
	ck_assert_int_eq(result, 0);
	ck_assert(slice_eq(name.name, slice_text(names[_i].name)));
	ck_assert(slice_eq(name.qualifier, slice_text(names[_i].qualifier)));
}
END_TEST

START_TEST(test_qualifiers)
{
	struct buf arn;

	ck_assert(function_has_qualifier(&sample, SLICE_NONE));
	ck_assert(function_has_qualifier(&sample, SLICE("$LATEST")));
	ck_assert(function_has_qualifier(&sample, SLICE("live")));
	ck_assert(!function_has_qualifier(&sample, SLICE("Live")));
	ck_assert(!function_has_qualifier(&sample, SLICE("1")));
	buf_open(&arn);
	function_arn(&arn, &sample, SLICE("live"));
	ck_assert(slice_eq(buf_slice(&arn), SLICE("arn:aws:lambda:eu-west-1:"
	    "000000000000:function:send-mail:live")));
	buf_close(&arn);
}
END_TEST

START_TEST(test_runtime_calls)
{
	struct slice id;

	ck_assert_int_eq(runtime_kind_of(true, false,
	    SLICE("/2018-06-01/runtime/invocation/next"), &id), RUNTIME_NEXT);
	ck_assert_int_eq(runtime_kind_of(false, true,
	    SLICE("/2018-06-01/runtime/invocation/a-1/response"), &id),
	    RUNTIME_RESPONSE);
	ck_assert(slice_eq(id, SLICE("a-1")));
	ck_assert_int_eq(runtime_kind_of(false, true,
	    SLICE("/2018-06-01/runtime/invocation/b/error"), &id),
	    RUNTIME_ERROR);
	ck_assert_int_eq(runtime_kind_of(false, true,
	    SLICE("/2018-06-01/runtime/init/error"), &id),
	    RUNTIME_INIT_ERROR);
	ck_assert_int_eq(runtime_kind_of(false, true,
	    SLICE("/2018-06-01/runtime/invocation/next"), &id),
	    RUNTIME_UNKNOWN);
	ck_assert_int_eq(runtime_kind_of(true, false,
	    SLICE("/2018-06-01/runtime/invocation/a/response"), &id),
	    RUNTIME_UNKNOWN);
	ck_assert_int_eq(runtime_kind_of(false, true,
	    SLICE("/2018-06-01/runtime/invocation/a/b/response"), &id),
	    RUNTIME_UNKNOWN);
	ck_assert_int_eq(runtime_kind_of(true, false, SLICE("/"), &id),
	    RUNTIME_UNKNOWN);
}
END_TEST

START_TEST(test_trailers)
{
	static const struct slice lines = SLICE("A: 1\r\n"
	    "lambda-runtime-function-error-type:  RangeError \r\n\r\n");

	ck_assert(slice_eq(runtime_trailer(lines,
	    SLICE("Lambda-Runtime-Function-Error-Type")),
	    SLICE("RangeError")));
	ck_assert(slice_eq(runtime_trailer(lines, SLICE("a")), SLICE("1")));
	ck_assert_uint_eq(runtime_trailer(lines, SLICE("b")).len, 0);
	ck_assert_uint_eq(runtime_trailer(SLICE("\r\n"), SLICE("a")).len, 0);
}
END_TEST

START_TEST(test_invoke_targets)
{
	struct slice name;

	ck_assert_int_eq(invoke_kind_of(false, true,
	    SLICE("/2015-03-31/functions/a%3Ab/invocations"), &name),
	    INVOKE_CALL);
	ck_assert(slice_eq(name, SLICE("a%3Ab")));
	ck_assert_int_eq(invoke_kind_of(false, true, SLICE("/2021-11-15/"
	    "functions/f/response-streaming-invocations"), &name),
	    INVOKE_STREAM);
	ck_assert_int_eq(invoke_kind_of(false, true,
	    SLICE("/2014-11-13/functions/f/invoke-async/"), &name),
	    INVOKE_ASYNC);
	ck_assert(slice_eq(name, SLICE("f")));
	ck_assert_int_eq(invoke_kind_of(true, false,
	    SLICE("/gatehouse/functions"), &name), INVOKE_REPORT);
	ck_assert_int_eq(invoke_kind_of(true, false,
	    SLICE("/gatehouse/functions/f/log"), &name), INVOKE_LOG);
	ck_assert_int_eq(invoke_kind_of(true, false,
	    SLICE("/2015-03-31/functions/f/invocations"), &name),
	    INVOKE_UNKNOWN);
	ck_assert_int_eq(invoke_kind_of(false, true,
	    SLICE("/2015-03-31/functions//invocations"), &name),
	    INVOKE_UNKNOWN);
	ck_assert(slice_eq(invoke_query(SLICE("a=1&Qualifier=x%20&b"),
	    SLICE("Qualifier")), SLICE("x%20")));
	ck_assert_uint_eq(invoke_query(SLICE("a=1"), SLICE("b")).len, 0);
}
END_TEST

static bool
has(char **texts, const char *text)
{
	for (; *texts != NULL; texts++)
		if (strcmp(*texts, text) == 0)
			return true;
	return false;
}

START_TEST(test_environment)
{
	struct spawn spawn = { .spec = &sample, .libexec = "/lib/g",
		.stream = "s", .port = 4711 };
	char **texts;

	setenv("SECRET_OF_THE_HOST", "1", 1);
	texts = spawn_environment(&spawn);
	ck_assert(has(texts, "_HANDLER=index.handler"));
	ck_assert(has(texts, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:4711"));
	ck_assert(has(texts, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128"));
	ck_assert(has(texts, "AWS_LAMBDA_FUNCTION_VERSION=$LATEST"));
	ck_assert(has(texts, "COLOR=blue"));
	ck_assert(has(texts, "AWS_REGION=eu-west-1"));
	ck_assert(!has(texts, "AWS_REGION=mars"));
	ck_assert(has(texts, "TZ=Europe/Berlin"));
	ck_assert(!has(texts, "TZ=:UTC"));
	ck_assert(has(texts, "LANG=en_US.UTF-8"));
	ck_assert(!has(texts, "SECRET_OF_THE_HOST=1"));
	spawn_texts_free(&texts);
	texts = spawn_command(&spawn);
	ck_assert_str_eq(texts[0], "node");
	ck_assert_str_eq(texts[1], "/lib/g/runtime-nodejs.mjs");
	ck_assert_ptr_null(texts[2]);
	spawn_texts_free(&texts);
}
END_TEST

static void
collect(void *ctx, struct slice line)
{
	buf_add_char(ctx, '[');
	buf_add_slice(ctx, line);
	buf_add_char(ctx, ']');
}

static const struct {
	const char *text;
	bool ended;
	const char *lines;
	size_t used;
} samples[] = {
	{ "", false, "", 0 },
	{ "a", false, "", 0 },
	{ "a", true, "[a]", 1 },
	{ "a\n", false, "[a]", 2 },
	{ "a\nb", false, "[a]", 2 },
	{ "a\r\nb\n", false, "[a][b]", 5 },
	{ "a\rb\n", false, "[a][b]", 4 },
	{ "a\r", false, "", 0 },
	{ "a\r", true, "[a]", 2 },
	{ "\n\nx\n", false, "[][][x]", 4 },
};

START_TEST(test_lines)
{
	struct buf got;

	buf_open(&got);
	ck_assert_uint_eq(function_lines_split(slice_text(samples[_i].text),
	    samples[_i].ended, collect, &got), samples[_i].used);
	ck_assert(slice_eq(buf_slice(&got), slice_text(samples[_i].lines)));
	buf_close(&got);
}
END_TEST

START_TEST(test_long_line)
{
	static char text[3 * FUNCTION_LINE_MOST];
	struct buf got;

	memset(text, 'x', sizeof text);
	buf_open(&got);
	ck_assert_uint_eq(function_lines_split(slice_of(text,
	    sizeof text - 1), false, collect, &got), 2 * FUNCTION_LINE_MOST);
	ck_assert_uint_eq(got.len, 2 * FUNCTION_LINE_MOST + 4);
	buf_close(&got);
}
END_TEST

static uint32_t
number_at(const struct buf *b, size_t at)
{
	const unsigned char *p = (const unsigned char *)b->at + at;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

START_TEST(test_eventstream)
{
	struct buf out;
	uint32_t headers;

	ck_assert_uint_eq(crc32_of(SLICE("123456789")), 0xcbf43926u);
	buf_open(&out);
	eventstream_add(&out, SLICE("PayloadChunk"),
	    SLICE("application/octet-stream"), SLICE("\0hello"));
	headers = number_at(&out, 4);
	ck_assert_uint_eq(number_at(&out, 0), out.len);
	ck_assert_uint_eq(out.len, 16 + headers + 6);
	ck_assert_uint_eq(number_at(&out, 8), crc32_of(slice_of(out.at, 8)));
	ck_assert_uint_eq(number_at(&out, out.len - 4),
	    crc32_of(slice_of(out.at, out.len - 4)));
	ck_assert_int_eq(memcmp(out.at + 12, "\x0b:event-type\x07\x00\x0c"
	    "PayloadChunk", 27), 0);
	ck_assert_int_eq(memcmp(out.at + 12 + headers, "\0hello", 6), 0);
	buf_close(&out);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("host");
	TCase *tests = tcase_create("host");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, test_file);
	tcase_add_test(tests, test_fingerprint);
	tcase_add_test(tests, test_file_broken);
	tcase_add_loop_test(tests, test_names, 0, sizeof names / sizeof *names);
	tcase_add_test(tests, test_qualifiers);
	tcase_add_test(tests, test_runtime_calls);
	tcase_add_test(tests, test_trailers);
	tcase_add_test(tests, test_invoke_targets);
	tcase_add_test(tests, test_environment);
	tcase_add_loop_test(tests, test_lines, 0,
	    sizeof samples / sizeof *samples);
	tcase_add_test(tests, test_long_line);
	tcase_add_test(tests, test_eventstream);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
