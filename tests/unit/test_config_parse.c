/*
 * test_config_parse.c - files into specs: syntax, values, includes
 */

#include <sys/stat.h>

#include <stdio.h>
#include <unistd.h>

#include "config_text.h"

#define API \
	"apis=({name=\"x\";protocol=\"HTTP\";routes=({route=\"$default\";" \
	"integration={type=\"HTTP_PROXY\";upstream=\"cats\";};});});"

struct row {
	const char *text, *said;
};

static const struct row syntax[] = {
	{ "a=(1,2,);", "t:1: error: syntax error: ',' with nothing behind it; "
	    "expected no ',' behind the last element\n"
	    "    a=(1,2,);\n          ^\n" },
	{ "a=1;;", "t:1: error: syntax error: ';' without a setting before it; "
	    "expected a setting\n    a=1;;\n        ^\n" },
	{ "\n\ta {", "t:2: error: syntax error: '{' behind the name a; "
	    "expected '='\n    \ta {\n    \t  ^\n" },
	{ "a=(1 2)", "t:1: error: syntax error: \"2\" is not expected here; "
	    "expected ',' or ')' before it\n    a=(1 2)\n         ^\n" },
	{ "a={\nb=1;\n", "t:3: error: syntax error: the file ends, but the '{' "
	    "of line 1 is still open; expected '}'\n    \n    ^\n" },
	{ "a=(1};", "t:1: error: syntax error: '}' does not close the '(' of "
	    "line 1; expected ')'\n    a=(1};\n        ^\n" },
	{ "a=1;}", "t:1: error: syntax error: '}' closes nothing; expected a "
	    "setting or the end of the file\n    a=1;}\n        ^\n" },
	{ "a=29s;", "t:1: error: syntax error: a number with a unit is a text; "
	    "expected quotes: \"29s\"\n    a=29s;\n      ^\n" },
	{ "a=on;", "t:1: error: syntax error: \"on\" is not a value; expected "
	    "true\n    a=on;\n      ^\n" },
	{ "a=off;", "t:1: error: syntax error: \"off\" is not a value; "
	    "expected false, or \"off\" in quotes\n    a=off;\n      ^\n" },
	{ "a=REST;", "t:1: error: syntax error: the word REST is not a value; "
	    "expected it in quotes: \"REST\"\n    a=REST;\n      ^\n" },
	{ "a='x';", "t:1: error: syntax error: single quotes; expected double "
	    "quotes: \"text\"\n    a='x';\n      ^\n" },
	{ "a=\"x", "t:1: error: syntax error: text that is not ended by '\"'\n"
	    "    a=\"x\n      ^\n" },
	{ "a=\"x\nb=\"y\";", "t:2: error: syntax error: \"y\" is not expected "
	    "here; expected ';' before it (the text that begins in line 1 "
	    "goes on to line 2: is its closing '\"' missing?)\n"
	    "    b=\"y\";\n       ^\n" },
	{ "a=/* x", "t:1: error: syntax error: comment that is not ended by "
	    "\"*/\"\n    a=/* x\n      ^\n" },
	{ "@include \"x\"", "t:1: error: syntax error: @include is not taken "
	    "here; expected the setting include = \"conf.d/*.conf\"\n"
	    "    @include \"x\"\n    ^\n" },
	{ "a=[{}];", "t:1: error: syntax error: a group in an array; expected "
	    "texts or numbers (groups and lists stand in a list: ( ... ))\n"
	    "    a=[{}];\n       ^\n" },
	{ "a=[1,\"x\"];", "t:1: error: syntax error: the elements of an array "
	    "are of one type; expected them all in quotes\n"
	    "    a=[1,\"x\"];\n         ^\n" },
	{ "a=", "t:1: error: syntax error: the file ends where a value "
	    "belongs; expected text in quotes, a number, true, false, or one "
	    "of '{', '(', '['\n    a=\n      ^\n" },
	{ "a=1;\nb=2;\na=3;", "t:3: error: a is given twice; expected once (it "
	    "is given in line 1 too)\n" },
	{ "body=4294967296;", "t:1: error: body is 4294967296, which is too "
	    "large; expected at most 2147483647, or a text with a unit such "
	    "as \"4G\"\n" },
	{ "a=0x80000000;", "t:1: error: a is 0x80000000, which is too large; "
	    "expected at most 2147483647\n" },
	{ "a=9223372036854775808L;", "t:1: error: a is 9223372036854775808L, "
	    "which is too large; expected at most 9223372036854775807\n" },
	{ "a=\"x\\x00y\";", "t:1: error: \\x00 in a text; expected text "
	    "without NUL bytes\n" },
	{ "a=1;\nb=\"\xc3\x28\";", "t:2: error: bytes that are not UTF-8; "
	    "expected UTF-8 text\n" },
};

START_TEST(syntax_errors)
{
	ck_said(syntax[_i].text, syntax[_i].said);
}
END_TEST

START_TEST(binary)
{
	struct judged judged;

	judge_text(&judged, "a=1;\0b=2;", 9);
	ck_assert_str_eq(judged.said.at, "t: error: a NUL byte in the file; "
	    "expected a text file\n");
	judged_close(&judged);
}
END_TEST

static const struct row values[] = {
	{ "", "" },
	{ "wokers=1;", "t:1: error: unknown setting \"wokers\" in the top "
	    "level; did you mean \"workers\"?\n" },
	{ "zzz=1;", "t:1: error: unknown setting \"zzz\" in the top level\n" },
	{ "base_path=\"/\";", "t:1: error: unknown setting \"base_path\" in "
	    "the top level; expected it in a stage\n" },
	{ "workers=513;", "t:1: error: workers is 513; expected \"auto\" or a "
	    "whole number from 1 to 512\n" },
	{ "workers=\"4\";", "" },
	{ "user=5;", "t:1: error: user is 5; expected text in quotes\n" },
	{ "core_dumps=1;", "t:1: error: core_dumps is 1; expected true or "
	    "false\n" },
	{ "log_level=\"warning\";", "t:1: error: log_level is \"warning\"; "
	    "expected \"error\", \"warn\", \"notice\", \"info\" or \"debug\"; "
	    "did you mean \"warn\"?\n" },
	{ "listen_backlog=0;", "t:1: error: listen_backlog is 0; expected a "
	    "whole number from 1 to 65535\n" },
	{ "timeouts={send=30;};", "t:1: error: send is 30; expected a time "
	    "from \"10ms\" to \"1h\" such as \"500ms\", \"29s\", \"5m\"; did "
	    "you mean \"30s\"?\n" },
	{ "timeouts={send=\"30\";};", "t:1: error: send is \"30\"; expected a "
	    "time from \"10ms\" to \"1h\" such as \"500ms\", \"29s\", "
	    "\"5m\"\n" },
	{ "limits={head=\"61K\";};", "t:1: error: head is \"61K\"; expected a "
	    "size from \"1K\" to \"60K\" such as \"16K\", \"10M\", \"1G\"\n" },
	{ "limits={body=5368709120L;};", "" },
	{ "limits=();", "t:1: error: limits is a list; expected a group: "
	    "limits = { ... }\n" },
	{ "include=\"x\";", "t:1: error: include in a text that is not a "
	    "file; expected the settings themselves\n" },
	{ "error_log=\"a\nb\";", "t:1: error: error_log has a control "
	    "character (such as a line end) in it; expected one line of "
	    "text\n" },
	{ "error_log=\"\\xc3(\";", "t:1: error: error_log is not UTF-8; "
	    "expected UTF-8 text\n" },
	{ "error_log=\"${GH_NONE}\";", "t:1: error: error_log: environment "
	    "variable GH_NONE is not set; expected a value, or a default as "
	    "in ${GH_NONE:-default}\n" },
	{ "error_log=\"${GH_NONE:-x}\";", "" },
	{ "error_log=\"${a.b}\";", "t:1: error: error_log: \"${a.b}\" is not a "
	    "variable; expected ${NAME}, ${NAME:-default} or "
	    "${stageVariables.name}, or $${ for a literal ${\n" },
	{ "listen_backlog=\"${GH_NONE:-12}\";", "" },
	{ "listen_backlog=\"12\";", "t:1: error: listen_backlog is \"12\"; "
	    "expected a whole number from 1 to 65535\n" },
};

START_TEST(value_errors)
{
	char text[2048];

	snprintf(text, sizeof text, "%s\n" BASE API, values[_i].text);
	ck_said(text, values[_i].said);
}
END_TEST

START_TEST(lists)
{
	ck_says("listeners={};", "t:1: error: listeners is a group; expected a "
	    "list of groups: listeners = ( { ... }, { ... } )\n");
	ck_says("listeners=({},\n5);", "t:2: error: listeners is 5; expected "
	    "a list of groups: listeners = ( { ... }, { ... } )\n");
	ck_says("listeners=(\n{ nam = \"x\"; });",
	    "t:2: error: a listener has no name; expected it to be given\n");
	ck_says("listeners=({private=\"yes\";});",
	    "t:1: error: private is \"yes\"; expected true or false\n");
}
END_TEST

START_TEST(defaults)
{
	struct judged judged;
	const struct spec *spec;
	const struct spec_api *api;

	judge_text(&judged, BASE API, strlen(BASE API));
	spec = judged.spec;
	api = &spec->apis[0];
	ck_assert_str_eq(judged.said.at, "");
	ck_assert(slice_eq(spec->workers, SLICE("auto")));
	ck_assert_int_eq(spec->limits.body, 10 << 20);
	ck_assert_int_eq(spec->limits.header_bytes, 10240);
	ck_assert_int_eq(spec->timeouts.keep_alive, 75000);
	ck_assert_int_eq(spec->listeners[0].backlog, 511);
	ck_assert_int_eq(spec->upstreams[0].servers[0].weight, 1);
	ck_assert_int_eq(spec->upstreams[0].max_idle, 64);
	ck_assert_int_eq((int)api->id.len, 10);
	ck_assert_int_eq((int)api->listeners.count, 1);
	ck_assert(slice_eq(api->listeners.at[0], SLICE("a")));
	ck_assert_int_eq((int)api->nstages, 1);
	ck_assert(slice_eq(api->stages[0].name, SLICE("$default")));
	ck_assert(slice_eq(api->stages[0].base_path, SLICE("/")));
	ck_assert_int_eq(api->routes[0].integration.timeout_ms, 30000);
	ck_assert(!api->routes[0].integration.has_path);
	judged_close(&judged);
}
END_TEST

START_TEST(stage_defaults)
{
	static const char text[] = BASE
	    "access_log={path=\"/x\";};"
	    "apis=({name=\"x\";protocol=\"REST\";stages=("
	    "{name=\"prod\";hosts=[\"API.Example.com\"];"
	    "access_log={format=\"json\";};},"
	    "{name=\"v2\";base_path=\"/a/b/\";});resources=({path=\"/\";"
	    "methods=({method=\"GET\";integration={type=\"HTTP_PROXY\";"
	    "upstream=\"cats\";};},{method=\"PUT\";integration={type=\"MOCK\";"
	    "body=\"$${x} $context.y ${stageVariables.z} $\";};});});});";
	struct judged judged;
	const struct spec_api *api;

	judge_text(&judged, text, strlen(text));
	ck_assert_str_eq(judged.said.at, "");
	api = &judged.spec->apis[0];
	ck_assert(slice_eq(api->stages[0].base_path, SLICE("/prod")));
	ck_assert(slice_eq(api->stages[0].hosts.at[0],
	    SLICE("api.example.com")));
	ck_assert(slice_eq(api->stages[0].access_log.path, SLICE("/x")));
	ck_assert(slice_eq(api->stages[1].base_path, SLICE("/a/b")));
	ck_assert_int_eq(
	    api->resources[0].methods[0].integration.timeout_ms, 29000);
	ck_assert_int_eq(api->resources[0].methods[1].integration.status, 200);
	ck_assert(slice_eq(api->resources[0].methods[1].integration.body,
	    SLICE("${x} $context.y ${stageVariables.z} $")));
	judged_close(&judged);
}
END_TEST

/* Long lists come in batches; lines and order are as in the file. */
START_TEST(long_lists)
{
	struct judged judged;
	struct buf text;
	size_t i, k, count = 700;
	char want[64];
	const struct spec_method *route;

	buf_open(&text);
	buf_add_text(&text, BASE "apis=(\n");
	for (i = 0; i < count; i++) {
		buf_printf(&text, "%s{ name = \"n%zu\"; protocol = \"HTTP\"; "
		    "stages = ( { name = \"$default\"; base_path = \"/%zu\"; "
		    "} ); routes = (", i > 0 ? ",\n" : "", i, i);
		for (k = 0; k < (i == 300 ? 600 : 1); k++)
			buf_printf(&text, "%s\n{ route = \"GET /%zu\"; "
			    "integration = { type = \"MOCK\"; }; }",
			    k > 0 ? "," : "", k);
		buf_add_text(&text, "); }");
	}
	buf_add_text(&text, ");\nzzz = 1;\n");
	judge_text(&judged, text.at, text.len);
	snprintf(want, sizeof want, "t:%zu: error: unknown setting \"zzz\" in "
	    "the top level\n", 1 + 2 * count + 599 + 1);
	ck_assert_msg(strncmp(strstr(judged.said.at, "t:2"), want,
	    strlen(want)) == 0, "%s is not %s", judged.said.at, want);
	ck_assert_int_eq((int)judged.spec->napis, (int)count);
	for (i = 0; i < count; i++) {
		snprintf(want, sizeof want, "n%zu", i);
		ck_assert(slice_eq(judged.spec->apis[i].name,
		    slice_text(want)));
		ck_assert_uint_eq(judged.spec->apis[i].place.line,
		    2 + 2 * i + (i > 300 ? 599 : 0));
	}
	ck_assert_int_eq((int)judged.spec->apis[300].nroutes, 600);
	for (k = 0; k < 600; k++) {
		route = &judged.spec->apis[300].routes[k];
		snprintf(want, sizeof want, "/%zu", k);
		ck_assert(slice_eq(route->path, slice_text(want)));
		ck_assert_uint_eq(route->place.line, 603 + k);
	}
	judged_close(&judged);
	buf_close(&text);
}
END_TEST

/* --- includes ------------------------------------------------------------ */

static char folder[64];

static void
folder_make(void)
{
	snprintf(folder, sizeof folder, "%s", "/tmp/test_config.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(mkdir("d", 0700), 0);
}

static void
folder_drop(void)
{
	static const char *const names[] = { "main", "d/1.conf", "d/2.conf",
	    "d/3.conf", "d/other" };
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		unlink(names[i]);
	rmdir("d");
	ck_assert_int_eq(chdir("/"), 0);
	rmdir(folder);
}

static void
file_write(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

START_TEST(include_sorted)
{
	struct judged judged;

	file_write("main", "include = \"d/*.conf\";\n" BASE);
	file_write("d/2.conf", "apis=({name=\"second\";protocol=\"HTTP\";"
	    "stages=({name=\"s\";});routes=({route=\"$default\";"
	    "integration={type=\"HTTP_PROXY\";upstream=\"cats\";};});});");
	file_write("d/1.conf", "include = \"other\";\n" API);
	file_write("d/other", "user = \"root\";\nlimits = { headers = 7; };");
	judge_file(&judged, "main");
	ck_assert_str_eq(judged.said.at, "");
	ck_assert_int_eq((int)judged.spec->napis, 2);
	ck_assert(slice_eq(judged.spec->apis[0].name, SLICE("x")));
	ck_assert(slice_eq(judged.spec->apis[1].name, SLICE("second")));
	ck_assert_int_eq(judged.spec->limits.headers, 7);
	ck_assert_str_eq(judged.spec->apis[1].place.file, "d/2.conf");
	judged_close(&judged);
}
END_TEST

START_TEST(include_none)
{
	struct judged judged;

	file_write("main", "include = [ \"none/*.conf\", \"d/*.x\" ];\n" BASE
	    API);
	judge_file(&judged, "main");
	ck_assert_str_eq(judged.said.at, "");
	judged_close(&judged);

	file_write("main", "\ninclude = \"none.conf\";\n" BASE API);
	judge_file(&judged, "main");
	ck_assert_str_eq(judged.said.at, "main:2: error: cannot read "
	    "\"none.conf\": No such file or directory\n");
	judged_close(&judged);

	judge_file(&judged, "absent");
	ck_assert_str_eq(judged.said.at, "error: cannot read \"absent\": No "
	    "such file or directory\n");
	judged_close(&judged);

	judge_file(&judged, "d");
	ck_assert_str_eq(judged.said.at, "error: cannot read \"d\": it is a "
	    "folder; expected a file\n");
	judged_close(&judged);
}
END_TEST

START_TEST(include_conflicts)
{
	struct judged judged;

	file_write("main", "include = \"d/*.conf\";\nuser = \"root\";\n"
	    "limits = { headers = 7; };" BASE API);
	file_write("d/1.conf", "user = \"root\";\nlimits = { headers = 8; };");
	file_write("d/2.conf", "include = \"../main\";\n");
	file_write("d/3.conf", "zzz = ;\n");
	judge_file(&judged, "main");
	ck_assert_str_eq(judged.said.at,
	    "d/1.conf:1: error: user is given twice; expected once (it is "
	    "given in main:2 too)\n"
	    "d/1.conf:2: error: headers is given twice; expected once (it is "
	    "given in main:3 too)\n"
	    "d/2.conf:1: error: cannot read \"d/../main\": it includes "
	    "itself\n"
	    "d/3.conf:1: error: syntax error: ';' where a value belongs; "
	    "expected text in quotes, a number, true, false, or one of '{', "
	    "'(', '['\n    zzz = ;\n          ^\n");
	judged_close(&judged);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config_parse");
	TCase *texts = tcase_create("texts");
	TCase *files = tcase_create("files");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, texts);
	tcase_add_loop_test(texts, syntax_errors, 0,
	    sizeof syntax / sizeof *syntax);
	tcase_add_loop_test(texts, value_errors, 0,
	    sizeof values / sizeof *values);
	tcase_add_test(texts, binary);
	tcase_add_test(texts, lists);
	tcase_add_test(texts, defaults);
	tcase_add_test(texts, stage_defaults);
	tcase_add_test(texts, long_lists);
	suite_add_tcase(suite, files);
	tcase_add_checked_fixture(files, folder_make, folder_drop);
	tcase_add_test(files, include_sorted);
	tcase_add_test(files, include_none);
	tcase_add_test(files, include_conflicts);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
