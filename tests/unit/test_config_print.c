/*
 * test_config_print.c - the effective configuration, and the table of settings
 */

#include <stdio.h>

#include "config/options.h"
#include "config_text.h"

static const char sample[] =
	"workers = 3; group = \"root\"; core_dumps = true;\n"
	"access_log = { path = \"/x y\";"
	" format = \"$context.status \\\"\"; };\n"
	"limits = { body = 5368709120L; head = 20000; headers = 7; };\n"
	"timeouts = { keep_alive = \"0s\"; send = \"1500ms\"; };\n"
	"listeners = ( { name = \"a\"; address = \"*:1\"; backlog = 9; },\n"
	"  { name = \"b\"; address = \"unix:/b\"; private = true; } );\n"
	"upstreams = ( { name = \"cats\"; servers = ( { address = \"h:1\"; },\n"
	"  { address = \"[::1]:2\"; weight = 3; } ); host = \"h\";\n"
	"  balance = \"least_conn\"; connect_timeout = \"2s\";"
	" max_idle = 0; } );\n"
	"apis = ( { name = \"r \\\\ 1\"; protocol = \"REST\";\n"
	"  listeners = [ \"a\", \"b\" ];\n"
	"  cors = { allow_origins = [ \"https://x\" ]; max_age = \"0s\"; };\n"
	"  request_headers = ( { name = \"X-A\"; value = \"\"; } );\n"
	"  stages = ( { name = \"s\"; hosts = [ \"*.x.org\" ];\n"
	"    access_log = { path = \"off\"; };\n"
	"    variables = ( { name = \"v\"; value = \"cats\"; } ); } );\n"
	"  resources = ( { path = \"/{a}/{b+}\"; methods = (\n"
	"    { method = \"ANY\"; integration = { type = \"HTTP_PROXY\";\n"
	"      upstream = \"${stageVariables.v}\"; path = \"/{b}\";\n"
	"      http_method = \"PUT\"; connect_timeout = \"1s\"; }; },\n"
	"    { method = \"GET\"; integration = { type = \"MOCK\";\n"
	"      status = 418; body = "
	"\"a\\nb\\x01 $${HOME} $$${y} \\xc3\\xa9\";\n"
	"      response_headers = ( { name = \"X\"; value = \"1\"; } ); }; }\n"
	"  ); } ); },\n"
	"  { name = \"h\"; protocol = \"HTTP\"; id = \"abcdefghi0\";\n"
	"    cors = { allow_origins = [ \"*\" ]; preflight = \"route\"; };\n"
	"    routes = ( { route = \"GET /x/{y}\"; integration = {\n"
	"      type = \"HTTP_PROXY\";"
	" url = \"http://h/${stageVariables.q}\"; };\n"
	"    }, { route = \"$default\"; integration = { type = \"MOCK\"; };\n"
	"    } ); } );\n";

/* What is printed means the same: it prints as itself. */
START_TEST(round_trip)
{
	struct judged first, second;
	struct buf one, two;

	buf_open(&one);
	buf_open(&two);
	judge_text(&first, sample, strlen(sample));
	ck_assert_str_eq(first.said.at, "t:28: warning: url uses stage "
	    "variable \"q\", which stage \"$default\" does not have: nothing "
	    "stands in its place\n");
	config_print(first.spec, &one);
	judge_text(&second, one.at, one.len);
	ck_assert_uint_eq(second.problems.errors, 0);
	ck_assert_uint_eq(second.problems.warnings, 1);
	config_print(second.spec, &two);
	ck_assert(slice_eq(buf_slice(&one), buf_slice(&two)));
	ck_assert(slice_eq(
	    first.spec->apis[0].resources[0].methods[1].integration.body,
	    second.spec->apis[0].resources[0].methods[1].integration.body));
	ck_assert(slice_eq(
	    first.spec->apis[0].resources[0].methods[1].integration.body,
	    SLICE("a\nb\x01 ${HOME} $${y} \xc3\xa9")));
	ck_assert_int_eq(second.spec->limits.body, 5368709120L);
	ck_assert_int_eq(second.spec->limits.head, 20000);
	ck_assert_int_eq(second.spec->timeouts.send, 1500);
	ck_assert_int_eq(second.spec->apis[0].cors.max_age_ms, 0);
	ck_assert_int_eq(second.spec->apis[1].cors.max_age_ms, -1);
	ck_assert(second.spec->apis[1].cors.preflight_route);
	judged_close(&first);
	judged_close(&second);
	buf_close(&one);
	buf_close(&two);
}
END_TEST

START_TEST(verdict)
{
	struct judged judged;
	struct buf out;

	judge_text(&judged, sample, strlen(sample));
	buf_open(&out);
	config_verdict_write(judged.spec, &judged.problems, false, &out);
	buf_add(&out, "", 1);
	ck_assert_ptr_nonnull(strstr(out.at,
	    "\nconfiguration ok: 2 apis, 4 routes, 1 warning\n"));
	buf_close(&out);
	judged_close(&judged);
}
END_TEST

static bool
bounds_fit(const struct option *option)
{
	long min, max;

	if (option->type != TYPE_count && option->type != TYPE_duration &&
	    option->type != TYPE_size && option->type != TYPE_auto)
		return true;
	return option_range(option, &min, &max) == 0 && min < max;
}

/* Every row has a place to go to, bounds, and a context that is used. */
START_TEST(table)
{
	const struct option *option;
	int i;

	for (i = 0; i < OPTIONS; i++) {
		option = option_at((enum option_id)i);
		ck_assert_msg(option_field(option)->kept ||
		    i == OPTION_global_include, "%s goes nowhere",
		    option->name);
		ck_assert_msg(bounds_fit(option), "%s", option->name);
		ck_assert_ptr_eq(option_find(option->context, option->name),
		    option);
		ck_assert_msg(strlen(option->sentence) > 5, "%s",
		    option->name);
	}
	for (i = 0; i < IN_CONTEXTS; i++) {
		ck_assert_uint_gt(option_group((enum option_context)i)->size,
		    0);
		ck_assert_int_eq((int)option_first(
		    (enum option_context)i)->context, i);
	}
}
END_TEST

START_TEST(units)
{
	static const struct {
		const char *text;
		long ms, bytes;
	} rows[] = {
		{ "0s", 0, -1 }, { "250ms", 250, -1 }, { "90s", 90000, -1 },
		{ "2m", 120000, -1 }, { "1h", 3600000, -1 },
		{ "3d", 259200000, -1 }, { "16K", -1, 16384 },
		{ "7", -1, 7 }, { "10M", -1, 10485760 }, { "0", -1, 0 },
		{ "2T", -1, 2199023255552 }, { "", -1, -1 }, { "s", -1, -1 },
		{ "1 s", -1, -1 }, { "-1s", -1, -1 }, { "1.5s", -1, -1 },
		{ "99999999999999999999d", -1, -1 },
		{ "999999999999999999d", -1, -1 },
		{ "9999999999999T", -1, -1 },
	};
	struct buf out;
	long value;
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct slice text = slice_text(rows[i].text);

		value = -1;
		ck_assert((unit_parse_duration(text, &value) == 0) ==
		    (rows[i].ms >= 0));
		ck_assert_int_eq(value, rows[i].ms);
		value = -1;
		ck_assert((unit_parse_size(text, &value) == 0) ==
		    (rows[i].bytes >= 0));
		ck_assert_int_eq(value, rows[i].bytes);
	}
	buf_open(&out);
	unit_write_duration(&out, 90000);
	unit_write_duration(&out, 86400000);
	unit_write_duration(&out, 0);
	unit_write_size(&out, 10240);
	unit_write_size(&out, 10241);
	unit_write_size(&out, 0);
	ck_assert(slice_eq(buf_slice(&out), SLICE("90s1d0s10K102410")));
	buf_close(&out);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config_print");
	TCase *tests = tcase_create("config_print");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, round_trip);
	tcase_add_test(tests, verdict);
	tcase_add_test(tests, table);
	tcase_add_test(tests, units);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
