/*
 * test_config_check.c - what is right in form and wrong in meaning
 */

#include <stdio.h>

#include "config_text.h"

/* Where the %s of a row goes. */
static const char top_frame[] = BASE "%s\n"
    "apis=({name=\"x\";protocol=\"HTTP\";routes=({route=\"$default\";"
    "integration={type=\"HTTP_PROXY\";upstream=\"cats\";};});});";
static const char apis_frame[] = BASE "apis=({name=\"x\";protocol=\"HTTP\";"
    "routes=({route=\"$default\";integration={type=\"HTTP_PROXY\";"
    "upstream=\"cats\";};});}\n%s);";
static const char rest_frame[] = BASE "apis=({name=\"x\";protocol=\"REST\";"
    "stages=({name=\"s\";variables=({name=\"v\";value=\"cats\";});});\n%s\n"
    "resources=({path=\"/\";methods=({method=\"GET\";integration="
    "{type=\"HTTP_PROXY\";upstream=\"cats\";};});});});";
static const char resource_frame[] = BASE "apis=({name=\"x\";"
    "protocol=\"REST\";stages=({name=\"s\";});resources=({path=\"/\";"
    "methods=({method=\"GET\";integration={type=\"HTTP_PROXY\";"
    "upstream=\"cats\";};});},{path=\"/p/{id}\";}\n%s);});";
static const char integration_frame[] = BASE "apis=({name=\"x\";"
    "protocol=\"REST\";stages=({name=\"s\";variables=({name=\"v\";"
    "value=\"cats\";});});resources=({path=\"/\";methods=({method=\"GET\";"
    "integration={type=\"HTTP_PROXY\";upstream=\"cats\";};});},"
    "{path=\"/p/{id}/{more+}\";methods=({method=\"GET\";\nintegration={%s};"
    "});});});";
static const char http_frame[] = BASE "apis=({name=\"x\";"
    "protocol=\"HTTP\";routes=({route=\"GET /a/{b}\";integration="
    "{type=\"HTTP_PROXY\";upstream=\"cats\";};}\n%s);});";

#define MOCK "integration={type=\"MOCK\";};"
#define PROXY "type=\"HTTP_PROXY\";"

struct row {
	const char *frame;
	const char *text;
	const char *said;	/* "" nothing; else all that is said */
};

static const struct row rows[] = {
	/* listeners and upstreams */
	{ top_frame, "access_log={format=\"hello\";};", "t:1: error: format of "
	    "access_log has no $context variable; expected \"combined\", "
	    "\"clf\", \"json\" or text with variables such as "
	    "$context.requestId\n" },
	{ top_frame, "access_log={format=\"$context.statu\";};", "t:1: "
	    "warning: format of access_log has $context.statu, which does not "
	    "exist and is logged as \"-\"\n" },
	{ top_frame, "limits={target=\"20K\";};", "t:1: warning: limits.target "
	    "is not below limits.head, so that too long targets are refused "
	    "as too large heads; expected it smaller\n" },
	/* APIs and stages */
	{ apis_frame, ",{name=\"x\";protocol=\"HTTP\";stages=({name=\"s\";});"
	    "routes=({route=\"$default\";" MOCK "});}", "t:2: error: API "
	    "\"x\" is there twice; expected another name (it is in line 1 "
	    "too)\n" },
	{ apis_frame, ",{name=\"y\";protocol=\"HTTP\";routes=();"
	    "stages=({name=\"s\";});}", "t:2: error: API \"y\" has no routes; "
	    "expected at least one\n" },
	{ apis_frame, ",{name=\"y\";protocol=\"REST\";stages=({name=\"s\";});}",
	    "t:2: error: The REST API doesn't contain any methods; expected "
	    "resources with methods in API \"y\"\n" },
	{ apis_frame, ",{name=\"y\";protocol=\"HTTP\";listeners=[\"b\"];"
	    "routes=({route=\"$default\";" MOCK "});}", "t:2: error: there is "
	    "no listener \"b\"; expected the name of one; did you mean "
	    "\"a\"?\n" },
	{ apis_frame, ",{name=\"y\";protocol=\"HTTP\";routes=({route="
	    "\"$default\";" MOCK "});}", "t:2: error: stage \"$default\" of "
	    "API \"y\" is reached at any host, / like stage \"$default\" of "
	    "API \"x\" (line 1); expected another base_path, host or "
	    "listener\n" },
	{ apis_frame, ",{name=\"y\";protocol=\"HTTP\";stages=({name=\"$default"
	    "\";hosts=[\"h\"];});routes=({route=\"$default\";" MOCK "});}",
	    "" },
	{ apis_frame, ",{name=\"y\";protocol=\"HTTP\";id=\"ABC\";stages=("
	    "{name=\"s\";});routes=({route=\"$default\";" MOCK "});}",
	    "t:2: error: id \"ABC\" of API \"y\"; expected ten lower-case "
	    "letters and digits\n" },
	{ apis_frame, ",{name=\"y\";protocol=\"REST\";routes=();}", "t:2: "
	    "error: routes in a REST API; expected resources with methods, or "
	    "protocol = \"HTTP\"\nt:2: error: The REST API doesn't contain "
	    "any methods; expected resources with methods in API \"y\"\n"
	    "t:2: error: API \"y\" has no stages; expected stages = ( { name "
	    "= \"prod\"; } )\n" },
	{ apis_frame, ",{name=\"y\";protocol=\"HTTP\";stages=({name=\"a b\";"
	    "base_path=\"/a/../b\";hosts=[\"a:1\",\"*a\",\"x y\"];variables=("
	    "{name=\"a-b\";value=\"a b\";});});routes=({route=\"$default\";"
	    MOCK "});}", "t:2: error: name \"a b\" of a stage; expected "
	    "letters, digits, '_' and '-'\n"
	    "t:2: error: base_path \"/a/../b\"; expected no segment \".\" or "
	    "\"..\"\nt:2: error: host \"a:1\"; expected a host without port\n"
	    "t:2: error: host \"*a\"; expected the star at the start, as in "
	    "\"*.example.com\"\nt:2: error: host \"x y\"; expected a host "
	    "name such as \"api.example.com\" or \"*.example.com\"\n"
	    "t:2: error: name \"a-b\" of a stage variable; expected letters, "
	    "digits and '_'\nt:2: error: value \"a b\" of stage variable "
	    "\"a-b\"; expected letters, digits and -._~:/?#&=,\n" },
	{ apis_frame, ",{name=\"y\";protocol=\"WEBSOCKET\";}", "t:2: error: "
	    "protocol is \"WEBSOCKET\"; expected \"REST\" or \"HTTP\"\n" },
	/* cross-origin rules */
	{ rest_frame, "cors={allow_origins=[\"*\"];allow_credentials=true;};",
	    "t:2: error: allow-credentials is not supported if "
	    "'allow-origin' is *; expected the origins by name, or "
	    "allow_credentials = false\n" },
	{ rest_frame, "cors={allow_origins=[\"https://a.b\",\"http://x:81\","
	    "\"http://[::1]\"];};", "" },
	{ rest_frame, "cors={allow_origins=[\"https://a.b/\"];};", "t:2: "
	    "error: origin \"https://a.b/\"; expected no path behind the "
	    "host\n" },
	{ rest_frame, "cors={allow_origins=[\"https://A.b\"];};", "t:2: "
	    "error: origin \"https://A.b\"; expected lower case, as browsers "
	    "send it\n" },
	{ rest_frame, "cors={allow_origins=[\"https://a.b:443\"];};", "t:2: "
	    "error: origin \"https://a.b:443\"; expected no default port: "
	    "browsers leave it out\n" },
	{ rest_frame, "cors={allow_origins=[\"https://*\"];};", "t:2: error: "
	    "origin \"https://*\" in a REST API; expected exact origins or "
	    "\"*\"\n" },
	{ rest_frame, "cors={allow_origins=[\"https://*.b\"];};", "t:2: "
	    "error: origin \"https://*.b\"; expected an exact origin: a star "
	    "stands alone, or in an HTTP API as \"https://*\" or "
	    "\"http://*\"\n" },
	{ rest_frame, "cors={allow_origins=[];};", "t:2: error: allow_origins "
	    "is empty; expected at least one origin, or no cors\n" },
	{ rest_frame, "cors={};", "t:2: error: cors has no allow_origins; "
	    "expected it to be given\n" },
	{ rest_frame, "cors={allow_origins=[\"null\"];};", "t:2: warning: "
	    "origin \"null\" is what any sandboxed page sends\n" },
	{ rest_frame, "cors={allow_origins=[\"*\"];allow_methods=[\"get\"];"
	    "allow_headers=[\"a b\"];max_age=\"1500ms\";preflight=\"route\";};",
	    "t:2: error: method \"get\" in allow_methods; expected methods "
	    "such as \"GET\" in upper case, or \"*\"\n"
	    "t:2: error: \"a b\" in allow_headers; expected the name of a "
	    "header field, or \"*\"\n"
	    "t:2: error: max_age is not in whole seconds; expected a time "
	    "such as \"300s\"\n"
	    "t:2: error: preflight = \"route\" in a REST API; expected it "
	    "only in an HTTP API (a written-out OPTIONS method wins by "
	    "itself)\n" },
	{ apis_frame, ",{name=\"y\";protocol=\"HTTP\";cors={allow_origins="
	    "[\"https://*\"];preflight=\"route\";allow_methods=[\"*\"];};"
	    "stages=({name=\"s\";});routes=({route=\"$default\";" MOCK "});}",
	    "" },
	/* header fields */
	{ rest_frame, "request_headers=({name=\"Host\";value=\"h\";},"
	    "{name=\"content-length\";value=\"1\";},{name=\"a b\";value="
	    "\"\";},{name=\"X\";value=\" y\";},{name=\"Y\";value="
	    "\"a\\r\\nb\";});",
	    "t:2: error: value has a control character (such as a line end) "
	    "in it; expected one line of text\n"
	    "t:2: error: Host in request_headers; expected it as host = \"h\" "
	    "in the upstream\n"
	    "t:2: error: content-length in request_headers; expected no field "
	    "that frames messages: the gateway sets it\n"
	    "t:2: error: \"a b\" in request_headers; expected the name of a "
	    "header field: letters, digits and !#$%&'*+-.^_`|~\n"
	    "t:2: error: the value of X begins or ends with a blank; expected "
	    "it without\n" },
	{ rest_frame, "response_headers=({name=\"Host\";value=\"h\";},"
	    "{name=\"TE\";value=\"1\";});", "t:2: error: TE in "
	    "response_headers; expected no field that frames messages: the "
	    "gateway sets it\n" },
	/* paths of REST APIs */
	{ resource_frame, ",{path=\"/p/{other}/x\";}", "t:2: error: A sibling "
	    "({id}) of this resource already has a variable path part -- only "
	    "one is allowed; expected {id} instead of {other}\n" },
	{ resource_frame, ",{path=\"/p/{proxy+}\";}", "t:2: error: A sibling "
	    "({id}) of this resource already has a variable path part -- only "
	    "one is allowed; expected {id} instead of {proxy+}\n" },
	{ resource_frame, ",{path=\"/p/{id}/x\";},{path=\"/p/x\";},"
	    "{path=\"/q/{z+}\";},{path=\"/a-b_c.d,e:f$g\";}", "" },
	{ resource_frame, ",{path=\"/q/{z+}/x\";}", "t:2: error: Cannot create "
	    "a child of a resource with a greedy path variable: {z+}; "
	    "expected it as the last segment of \"/q/{z+}/x\"\n" },
	{ resource_frame, ",{path=\"/p/{id}\";}", "t:2: error: Another "
	    "resource with the same parent already has this name: "
	    "\"/p/{id}\" (line 1); expected each path once\n" },
	{ resource_frame, ",{path=\"x\";},{path=\"/x/\";},{path=\"/x//y\";},"
	    "{path=\"/{a}/{a}\";},{path=\"/x{a}\";},{path=\"/x/..\";},"
	    "{path=\"/x/*\";},{path=\"/a b\";},{path=\"/q/{a b}\";}",
	    "t:2: error: path \"x\"; expected it to begin with \"/\"\n"
	    "t:2: error: path \"/x/\" has an empty segment; expected no "
	    "\"//\" and no \"/\" at the end\n"
	    "t:2: error: path \"/x//y\" has an empty segment; expected no "
	    "\"//\" and no \"/\" at the end\n"
	    "t:2: error: segment \"{a}\" of path \"/{a}/{a}\"; expected each "
	    "parameter name once\n"
	    "t:2: error: segment \"x{a}\" of path \"/x{a}\"; expected a "
	    "parameter that is a whole segment, as in \"/{name}\"\n"
	    "t:2: error: segment \"..\" of path \"/x/..\"; expected no "
	    "segment \".\" or \"..\"\n"
	    "t:2: error: segment \"*\" of path \"/x/*\"; expected \"{name}\" "
	    "for any one segment or \"{name+}\" for all that follow: a star "
	    "means nothing\n"
	    "t:2: error: segment \"a b\" of path \"/a b\"; expected letters, "
	    "digits and _-.,:$ in a segment\n"
	    "t:2: error: segment \"{a b}\" of path \"/q/{a b}\"; expected a "
	    "name of letters, digits and ._$:- between the braces\n" },
	/* methods */
	{ resource_frame, ",{path=\"/m\";methods=({method=\"Get\";" MOCK "},"
	    "{method=\"FOO\";" MOCK "},{method=\"PUT\";" MOCK "},"
	    "{method=\"PUT\";" MOCK "},{method=\"POST\";});}",
	    "t:2: error: No integration defined for method; expected "
	    "integration = { ... }\n"
	    "t:2: error: method \"Get\"; expected GET, POST, PUT, PATCH, "
	    "DELETE, HEAD, OPTIONS or ANY; did you mean \"GET\"?\n"
	    "t:2: error: method \"FOO\"; expected GET, POST, PUT, PATCH, "
	    "DELETE, HEAD, OPTIONS or ANY\n"
	    "t:2: error: method PUT of \"/m\" is there twice; expected it "
	    "once\n" },
	{ resource_frame, ",{path=\"/m\";methods=({method=\"ANY\";" MOCK "},"
	    "{method=\"GET\";" MOCK "},{method=\"HEAD\";" MOCK "},"
	    "{method=\"PUT\";" MOCK "},{method=\"POST\";" MOCK "},"
	    "{method=\"PATCH\";" MOCK "},{method=\"DELETE\";" MOCK "},"
	    "{method=\"OPTIONS\";" MOCK "});}", "t:2: warning: ANY of \"/m\" "
	    "is unreachable: every method is written out\n" },
	/* integrations */
	{ integration_frame, PROXY "upstream=\"cats\";path=\"/v/{id}/{more}"
	    "?a=${stageVariables.v}\";", "" },
	{ integration_frame, PROXY "upstream=\"cat\";", "t:2: error: there is "
	    "no upstream \"cat\"; expected the name of one; did you mean "
	    "\"cats\"?\n" },
	{ integration_frame, PROXY "upstream=\"${stageVariables.v}\";", "" },
	{ integration_frame, PROXY "upstream=\"${stageVariables.w}\";", "t:2: "
	    "warning: stage \"s\" has no variable \"w\", which chooses the "
	    "backend: its requests are answered 500\n" },
	{ integration_frame, PROXY, "t:2: error: an HTTP_PROXY integration "
	    "without backend; expected upstream = \"name\" or url = "
	    "\"http://host:port/path\"\n" },
	{ integration_frame, PROXY "upstream=\"cats\";url=\"http://x\";",
	    "t:2: error: upstream and url together; expected one of them\n" },
	{ integration_frame, PROXY "upstream=\"cats\";path=\"v/{di}\";",
	    "t:2: error: path \"v/{di}\"; expected it to begin with \"/\"\n"
	    "t:2: error: {di} in path; expected a parameter of "
	    "\"/p/{id}/{more+}\"\n" },
	{ integration_frame, PROXY "upstream=\"cats\";path=\"/a b\";", "t:2: "
	    "error: path has a blank or a letter beyond ASCII; expected it "
	    "percent-encoded\n" },
	{ integration_frame, PROXY "upstream=\"cats\";path=\"/{id\";", "t:2: "
	    "error: '{' without '}' in path; expected {name}\n" },
	{ integration_frame, PROXY "upstream=\"cats\";path="
	    "\"/${stageVariables.w}\";", "t:2: warning: path uses stage "
	    "variable \"w\", which stage \"s\" does not have: nothing stands "
	    "in its place\n" },
	{ integration_frame, PROXY "url=\"http://${stageVariables.v}:80/x/"
	    "{id}\";timeout=\"300s\";", "" },
	{ integration_frame, PROXY "url=\"https://x/\";", "t:2: error: url "
	    "\"https://x/\": TLS to backends is not built in; expected "
	    "\"http://\"\n" },
	{ integration_frame, PROXY "url=\"ftp://x/\";", "t:2: error: url "
	    "\"ftp://x/\"; expected \"http://host:port/path\"\n" },
	{ integration_frame, PROXY "url=\"http://{id}/\";", "t:2: error: "
	    "\"{id}\" as host of url; expected a fixed host: path parameters "
	    "may stand behind it only\n" },
	{ integration_frame, PROXY "url=\"http://a@b:1/\";", "t:2: error: "
	    "\"a@b:1\" as host of url; expected \"host\" or \"host:port\"\n" },
	{ integration_frame, PROXY "url=\"http://x:0/\";", "t:2: error: "
	    "\"x:0\" as host of url; expected \"host\" or \"host:port\"\n" },
	{ integration_frame, PROXY "upstream=\"cats\";http_method=\"post\";",
	    "t:2: error: http_method \"post\"; expected a method such as "
	    "\"GET\" in upper case, or \"ANY\"\n" },
	{ integration_frame, PROXY "upstream=\"cats\";status=200;", "t:2: "
	    "error: status in an integration of type HTTP_PROXY; expected it "
	    "only with type MOCK\n" },
	{ integration_frame, "type=\"MOCK\";upstream=\"cats\";", "t:2: error: "
	    "upstream in an integration of type MOCK; expected it only with "
	    "type HTTP_PROXY\n" },
	{ integration_frame, "type=\"MOCK\";status=600;", "t:2: error: status "
	    "is 600; expected a whole number from 200 to 599\n" },
	{ integration_frame, "type=\"MOCK\";status=204;body=\"x\";", "t:2: "
	    "warning: body of a 204 answer is not sent: such answers have "
	    "none\n" },
	{ integration_frame, "type=\"AWS_PROXY\";", "t:2: error: an "
	    "AWS_PROXY integration without function; expected function = "
	    "\"name\"\n" },
	{ integration_frame, "type=\"AWS\";", "t:2: error: type is \"AWS\"; "
	    "expected \"HTTP_PROXY\", \"AWS_PROXY\" or \"MOCK\"\n" },
	/* routes of HTTP APIs */
	{ http_frame, ",{route=\"GET /a/{c}\";" MOCK "}", "t:2: error: route "
	    "\"GET /a/{c}\" matches the same requests as \"GET /a/{b}\" (line "
	    "1); expected each route once\n" },
	{ http_frame, ",{route=\"PUT /a/{c}\";" MOCK "},{route=\"GET /a/{c+}"
	    "\";" MOCK "},{route=\"ANY /a/\";" MOCK "},{route=\"$default\";"
	    MOCK "}", "" },
	{ http_frame, ",{route=\"GET/a\";" MOCK "},{route=\"/b\";" MOCK "}",
	    "t:2: error: route \"GET/a\" is not a route key; expected "
	    "\"METHOD /path\", \"ANY /path\" or \"$default\"\n"
	    "t:2: error: route \"/b\" is not a route key; expected "
	    "\"METHOD /path\", \"ANY /path\" or \"$default\"\n" },
	{ http_frame, ",{route=\"$default\";" MOCK "},{route=\"$default\";"
	    MOCK "}", "t:2: error: route $default is there twice; expected it "
	    "once (it is in line 2 too)\n" },
	{ http_frame, ",{route=\"ANY /\";" MOCK "},{route=\"ANY /{p+}\";" MOCK
	    "},{route=\"$default\";" MOCK "}", "t:2: warning: route $default "
	    "is unreachable: \"ANY /\" and \"ANY /{p+}\" match everything\n" },
	{ http_frame, ",{route=\"GET /x\";integration={type=\"HTTP_PROXY\";"
	    "upstream=\"cats\";timeout=\"31s\";};}", "t:2: error: timeout is "
	    "above 30s in an HTTP API; expected at most \"30s\" (REST APIs "
	    "take up to \"300s\")\n" },
};

START_TEST(meaning)
{
	char text[4096];

	snprintf(text, sizeof text, rows[_i].frame, rows[_i].text);
	ck_said(text, rows[_i].said);
}
END_TEST

#define REST_OF_FILE \
	"apis=({name=\"x\";protocol=\"HTTP\";routes=({route=\"$default\";" \
	"integration={type=\"HTTP_PROXY\";upstream=\"cats\";};});});"

static void
ck_upstreams(const char *listeners, const char *upstreams, const char *said)
{
	char text[2048];

	snprintf(text, sizeof text, "listeners=(%s);\nupstreams=(%s);\n"
	    REST_OF_FILE, listeners, upstreams);
	ck_said(text, said);
}

START_TEST(addresses)
{
	static const char good[] = "{name=\"a\";address=\"*:1\";}";
	static const char cats[] = "{name=\"cats\";servers=({address="
	    "\"h:1\";});}";

	ck_upstreams("", cats, "t:1: error: there are no listeners; expected "
	    "listeners = ( { name = \"public\"; address = \"*:8080\"; } )\n");
	ck_upstreams("{name=\"a\";address=\"h:1\";},{name=\"b\";address="
	    "\"*:0\";},{name=\"a\";address=\"[::1]:2\";},{name=\"c\";address="
	    "\"unix:x\";},{name=\"d d\";address=\"[::1]:2\";}", cats,
	    "t:1: error: address \"h:1\" of listener \"a\"; expected "
	    "\"*:8080\", \"127.0.0.1:8080\", \"[::1]:8080\" or "
	    "\"unix:/path\"\n"
	    "t:1: error: address \"*:0\" of listener \"b\"; expected a port "
	    "from 1 to 65535\n"
	    "t:1: error: listener \"a\" is there twice; expected another name "
	    "(it is in line 1 too)\n"
	    "t:1: error: address \"unix:x\" of listener \"c\"; expected an "
	    "absolute path behind \"unix:\"\n"
	    "t:1: error: name \"d d\" of a listener; expected letters, "
	    "digits, '_', '.' and '-'\n"
	    "t:1: error: address \"[::1]:2\" belongs to listener \"a\" too; "
	    "expected another one\n"
	    "t:1: warning: listener \"a\" serves no API\n");
	ck_upstreams("{name=\"a\";address=\"*:1\";},{name=\"b\";address="
	    "\"unix:/x\";private=true;}", cats, "t:1: warning: listener \"b\" "
	    "serves no API: it is private and no API names it\n");
	ck_upstreams("{name=\"a\";address=\"*:1\";private=true;}", cats,
	    "t:1: warning: listener \"a\" serves no API: it is private and no "
	    "API names it\n"
	    "t:3: warning: API \"x\" is reached through no listener: all are "
	    "private; expected listeners = [ ... ]\n");
	ck_upstreams(good, "{name=\"cats\";servers=();},{name=\"u\";host="
	    "\"a b\";servers=({address=\"http://x:1\";},{address=\"x\";},"
	    "{address=\"1.2.3:4\";},{address=\"x:1\";},{address=\"x:1\";},"
	    "{address=\"[::1]:1\";},{address=\"unix:/x\";});}",
	    "t:2: error: upstream \"cats\" has no servers; expected servers = "
	    "( { address = \"127.0.0.1:9001\"; } )\n"
	    "t:2: error: host \"a b\" of upstream \"u\"; expected a host "
	    "name, with a port where needed\n"
	    "t:2: error: address \"http://x:1\" of a server; expected "
	    "\"host:port\" without a scheme\n"
	    "t:2: error: address \"x\" of a server; expected \"host:port\", "
	    "\"127.0.0.1:9001\", \"[::1]:9001\" or \"unix:/path\"\n"
	    "t:2: error: address \"1.2.3:4\" of a server; expected "
	    "\"host:port\", \"127.0.0.1:9001\", \"[::1]:9001\" or "
	    "\"unix:/path\"\n"
	    "t:2: error: server \"x:1\" is in upstream \"u\" twice; expected "
	    "it once, with a weight\n"
	    "t:2: warning: upstream \"u\" is not used\n");
}
END_TEST

START_TEST(empty)
{
	ck_said("", "t: error: there are no listeners; expected listeners = ( "
	    "{ name = \"public\"; address = \"*:8080\"; } )\n"
	    "t: error: there are no APIs; expected apis = ( { ... } ) with at "
	    "least one route\n");
}
END_TEST

/* Base paths that begin inside another API's paths. */
START_TEST(covered)
{
	ck_said(BASE "apis=({name=\"root\";protocol=\"HTTP\";routes=("
	    "{route=\"GET /cats/x\";integration={type=\"HTTP_PROXY\";"
	    "upstream=\"cats\";};},\n{route=\"GET /catsup\";" MOCK "},\n"
	    "{route=\"PUT /cats\";" MOCK "});},\n{name=\"cats\";"
	    "protocol=\"HTTP\";stages=({name=\"cats\";});routes=({route="
	    "\"GET /\";" MOCK "});});",
	    "t:1: warning: \"/cats/x\" in stage \"$default\" of API \"root\" "
	    "is unreachable: base path \"/cats\" of API \"cats\" (line 4) "
	    "comes first\n"
	    "t:1: warning: 1 more paths of API \"root\" are unreachable for "
	    "the same reason\n");
}
END_TEST

static int
resolve_none(void *ctx, const char *host)
{
	(*(int *)ctx)++;
	return strcmp(host, "localhost") == 0 ? 0 : -1;
}

START_TEST(names)
{
	static const char text[] = "upstreams=({name=\"u\";servers=("
	    "{address=\"no.such:1\";},{address=\"localhost:2\";},"
	    "{address=\"no.such:3\";},{address=\"127.0.0.1:2\";},"
	    "{address=\"[::1]:2\";},{address=\"unix:/x\";});});";
	struct judged judged;
	struct spec_problems problems;
	struct buf said;
	int asked = 0;

	judge_text(&judged, text, strlen(text));
	spec_problems_open(&problems);
	config_check_names(judged.spec, resolve_none, &asked, &problems);
	buf_open(&said);
	spec_problems_write(&problems, false, &said);
	buf_add(&said, "", 1);
	ck_assert_str_eq(said.at, "t:1: warning: host \"no.such\" of upstream "
	    "\"u\" does not resolve\n");
	ck_assert_int_eq(asked, 2);
	buf_close(&said);
	spec_problems_close(&problems);
	judged_close(&judged);
}
END_TEST

START_TEST(json)
{
	struct judged judged;
	struct buf out;

	judge_text(&judged, "a=\"", 3);
	buf_open(&out);
	spec_problems_write(&judged.problems, true, &out);
	buf_add(&out, "", 1);
	ck_assert_str_eq(out.at, "{\"ok\":false,\"errors\":[{\"file\":\"t\","
	    "\"line\":1,\"severity\":\"error\",\"message\":\"syntax error: "
	    "text that is not ended by '\\\"'\"}],\"warnings\":[]}\n");
	buf_close(&out);
	judged_close(&judged);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config_check");
	TCase *tests = tcase_create("config_check");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_loop_test(tests, meaning, 0, sizeof rows / sizeof *rows);
	tcase_add_test(tests, addresses);
	tcase_add_test(tests, empty);
	tcase_add_test(tests, covered);
	tcase_add_test(tests, names);
	tcase_add_test(tests, json);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
