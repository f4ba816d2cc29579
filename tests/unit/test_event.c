/*
 * tests/unit/test_event.c - events, to the byte
 *
 * The forms are those of the contract, 4.1 to 4.4; golden cases 7 to 15, 127
 * and 129. Heads go through the gateway's own scan and parser first.
 */

#include "lambda/event.h"

#include <stdio.h>

#include "http_feed.h"
#include "lambda/media.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/json.h"

typedef int (*event_write)(struct arena *, const struct lambda_request *,
    struct buf *);

static struct arena_pool pool;
static struct arena arena;
static struct feed feed;
static struct lambda_request request;
static struct buf out;

static void
setup(void)
{
	arena_pool_open(&pool, 8);
	arena_open(&arena, &pool);
	feed_open(&feed, HTTP_SIDE_REQUEST);
	buf_open(&out);
	request = (struct lambda_request){
		.head = &feed.head, .protocol = SLICE("HTTP/1.1"),
		.path = SLICE("/pets/7"), .full_path = SLICE("/prod/pets/7"),
		.domain_name = SLICE("a1b2c3d4e5.example.com"),
		.source_ip = SLICE("203.0.113.9"), .stage = SLICE("prod"),
		.resource = SLICE("/pets/{id}"),
		.resource_id = SLICE("abc123"),
		.route_key = SLICE("GET /pets/{id}"),
		.api_id = SLICE("a1b2c3d4e5"),
		.account_id = SLICE("123456789012"),
		.deployment_id = SLICE("d1e2f3"),
		.request_id = SLICE("c6af9ac6-7b61-11e6-9a41-93e8deadbeef"),
		.extended_id = SLICE("JKJaXmPLvHcESHA="),
		.time_ms = UINT64_C(1710088987000),
		.trace = SLICE("Root=1-65f0"),
		.forwarded_for = SLICE("203.0.113.9"),
		.forwarded_port = SLICE("443"),
		.forwarded_proto = SLICE("https"),
	};
}

static void
teardown(void)
{
	buf_close(&out);
	feed_close(&feed);
	arena_close(&arena);
	arena_pool_close(&pool);
}

/* Lines of a head without their ends; the request line has no protocol. */
static void
head(const char *line, const char *fields)
{
	struct buf text;

	buf_open(&text);
	buf_printf(&text, "%s HTTP/1.1\r\n%s\r\n", line, fields);
	ck_assert_int_eq(feed_run(&feed, text.at, text.len, text.len), 0);
	request.query = feed.head.query;
	request.method = http_head_part(&feed.head, feed.head.method_text);
	buf_close(&text);
}

static void
assert_event(event_write write, const char *want)
{
	struct error err;

	out.len = 0;
	ck_assert_int_eq(write(&arena, &request, &out), 0);
	ck_assert_msg(json_check(buf_slice(&out), &err) == 0, "%s", err.text);
	ck_assert_msg(slice_eq(buf_slice(&out), slice_text(want)),
	    "have:\n%.*s\nwant:\n%s", (int)out.len, out.at, want);
}

/* One key of the event as it stands; NULL: not there. */
static void
assert_key(event_write write, const char *key, const char *want)
{
	const struct json *value;
	struct json *root;
	struct error err;

	out.len = 0;
	ck_assert_int_eq(write(&arena, &request, &out), 0);
	ck_assert_msg(json_parse(&arena, buf_slice(&out), NULL, &root,
	    &err) == 0, "%s", err.text);
	value = json_member(root, key);
	if (value == NULL && strchr(key, '.') != NULL)
		value = json_member(json_member(root, "requestContext"),
		    strchr(key, '.') + 1);
	if (want == NULL)
		ck_assert_msg(value == NULL, "%s is there", key);
	else
		ck_assert_msg(value != NULL &&
		    slice_eq(value->text, slice_text(want)),
		    "%s: have %.*s, want %s", key,
		    value ? (int)value->text.len : 0,
		    value ? value->text.at : "", want);
}

#define IDENTITY(agent) "\"identity\":{\"cognitoIdentityPoolId\":null," \
	"\"accountId\":null,\"cognitoIdentityId\":null,\"caller\":null," \
	"\"sourceIp\":\"203.0.113.9\",\"principalOrgId\":null," \
	"\"accessKey\":null,\"cognitoAuthenticationType\":null," \
	"\"cognitoAuthenticationProvider\":null,\"userArn\":null," \
	"\"userAgent\":" agent ",\"user\":null}"
#define OWN "\"X-Amzn-Trace-Id\":\"Root=1-65f0\"," \
	"\"X-Forwarded-For\":\"203.0.113.9\"," \
	"\"X-Forwarded-Port\":\"443\",\"X-Forwarded-Proto\":\"https\"}"
#define OWN_MULTI "\"X-Amzn-Trace-Id\":[\"Root=1-65f0\"]," \
	"\"X-Forwarded-For\":[\"203.0.113.9\"]," \
	"\"X-Forwarded-Port\":[\"443\"],\"X-Forwarded-Proto\":[\"https\"]}"
#define OWN_LOWER "\"x-amzn-trace-id\":\"Root=1-65f0\"," \
	"\"x-forwarded-for\":\"203.0.113.9\"," \
	"\"x-forwarded-port\":\"443\",\"x-forwarded-proto\":\"https\","

static const struct lambda_pair id7[] = { { { "id", 2 }, { "7", 1 } } };
static const struct lambda_pair env[] = { { { "env", 3 }, { "prod", 4 } } };

START_TEST(rest_whole)
{
	head("POST /prod/pets/7?q=first&q=last",
	    "Content-Type: application/json\r\nhost: h\r\n"
	    "user-agent: curl/8\r\nContent-Length: 7\r\n"
	    "Connection: x-gone\r\nX-Gone: 1\r\nX-Forwarded-For: 6.6.6.6\r\n"
	    "X-A: 1\r\nx-a: 2\r\n");
	request.params = id7;
	request.nparams = 1;
	request.variables = env;
	request.nvariables = 1;
	request.body = SLICE("{\"a\":1}");
	assert_event(lambda_event_rest,
	    "{\"resource\":\"/pets/{id}\",\"path\":\"/pets/7\","
	    "\"httpMethod\":\"POST\",\"headers\":{"
	    "\"Content-Type\":\"application/json\",\"Host\":\"h\","
	    "\"User-Agent\":\"curl/8\",\"X-A\":\"2\"," OWN ","
	    "\"multiValueHeaders\":{\"Content-Type\":[\"application/json\"],"
	    "\"Host\":[\"h\"],\"User-Agent\":[\"curl/8\"],"
	    "\"X-A\":[\"1\",\"2\"]," OWN_MULTI ","
	    "\"queryStringParameters\":{\"q\":\"last\"},"
	    "\"multiValueQueryStringParameters\":{\"q\":[\"first\",\"last\"]},"
	    "\"pathParameters\":{\"id\":\"7\"},"
	    "\"stageVariables\":{\"env\":\"prod\"},"
	    "\"requestContext\":{\"resourceId\":\"abc123\","
	    "\"resourcePath\":\"/pets/{id}\",\"httpMethod\":\"POST\","
	    "\"extendedRequestId\":\"JKJaXmPLvHcESHA=\","
	    "\"requestTime\":\"10/Mar/2024:16:43:07 +0000\","
	    "\"path\":\"/prod/pets/7\",\"accountId\":\"123456789012\","
	    "\"protocol\":\"HTTP/1.1\",\"stage\":\"prod\","
	    "\"domainPrefix\":\"a1b2c3d4e5\","
	    "\"requestTimeEpoch\":1710088987000,"
	    "\"requestId\":\"c6af9ac6-7b61-11e6-9a41-93e8deadbeef\","
	    IDENTITY("\"curl/8\"") ","
	    "\"domainName\":\"a1b2c3d4e5.example.com\","
	    "\"deploymentId\":\"d1e2f3\",\"apiId\":\"a1b2c3d4e5\"},"
	    "\"body\":\"{\\\"a\\\":1}\",\"isBase64Encoded\":false}");
}
END_TEST

START_TEST(http1_whole)
{
	head("GET /", "Host: h\r\nCookie: a=1\r\n");
	request.stage = SLICE("$default");
	request.request_id = SLICE("id=");
	request.deployment_id = SLICE_NONE;
	request.trace = SLICE_NONE;
	assert_event(lambda_event_http1,
	    "{\"version\":\"1.0\",\"resource\":\"/pets/{id}\","
	    "\"path\":\"/pets/7\",\"httpMethod\":\"GET\","
	    "\"headers\":{\"Host\":\"h\",\"Cookie\":\"a=1\","
	    "\"X-Forwarded-For\":\"203.0.113.9\","
	    "\"X-Forwarded-Port\":\"443\",\"X-Forwarded-Proto\":\"https\"},"
	    "\"multiValueHeaders\":{\"Host\":[\"h\"],\"Cookie\":[\"a=1\"],"
	    "\"X-Forwarded-For\":[\"203.0.113.9\"],"
	    "\"X-Forwarded-Port\":[\"443\"],"
	    "\"X-Forwarded-Proto\":[\"https\"]},"
	    "\"queryStringParameters\":null,"
	    "\"multiValueQueryStringParameters\":null,"
	    "\"pathParameters\":null,\"stageVariables\":null,"
	    "\"requestContext\":{\"resourceId\":\"GET /pets/{id}\","
	    "\"resourcePath\":\"/pets/{id}\",\"httpMethod\":\"GET\","
	    "\"extendedRequestId\":\"id=\","
	    "\"requestTime\":\"10/Mar/2024:16:43:07 +0000\","
	    "\"path\":\"/prod/pets/7\",\"accountId\":\"123456789012\","
	    "\"protocol\":\"HTTP/1.1\",\"stage\":\"$default\","
	    "\"domainPrefix\":\"a1b2c3d4e5\","
	    "\"requestTimeEpoch\":1710088987000,\"requestId\":\"id=\","
	    "\"authorizer\":{\"claims\":null,\"scopes\":null},"
	    IDENTITY("null") ","
	    "\"domainName\":\"a1b2c3d4e5.example.com\","
	    "\"apiId\":\"a1b2c3d4e5\"},"
	    "\"body\":null,\"isBase64Encoded\":false}");
}
END_TEST

START_TEST(http2_whole)
{
	head("GET /pets/7?a=1&a=2&b=x%20y",
	    "Accept: */*\r\nHost: h\r\nUser-Agent: curl/8\r\n"
	    "Cookie: c1=v1; c2=v2\r\nX-A: 1\r\nx-a: 2\r\n");
	request.stage = SLICE("$default");
	request.params = id7;
	request.nparams = 1;
	request.variables = env;
	request.nvariables = 1;
	assert_event(lambda_event_http2,
	    "{\"version\":\"2.0\",\"routeKey\":\"GET /pets/{id}\","
	    "\"rawPath\":\"/pets/7\",\"rawQueryString\":\"a=1&a=2&b=x%20y\","
	    "\"cookies\":[\"c1=v1\",\"c2=v2\"],"
	    "\"headers\":{\"accept\":\"*/*\",\"host\":\"h\","
	    "\"user-agent\":\"curl/8\",\"x-a\":\"1,2\"," OWN_LOWER
	    "\"content-length\":\"0\"},"
	    "\"queryStringParameters\":{\"a\":\"1,2\",\"b\":\"x y\"},"
	    "\"requestContext\":{\"accountId\":\"123456789012\","
	    "\"apiId\":\"a1b2c3d4e5\","
	    "\"domainName\":\"a1b2c3d4e5.example.com\","
	    "\"domainPrefix\":\"a1b2c3d4e5\",\"http\":{\"method\":\"GET\","
	    "\"path\":\"/pets/7\",\"protocol\":\"HTTP/1.1\","
	    "\"sourceIp\":\"203.0.113.9\",\"userAgent\":\"curl/8\"},"
	    "\"requestId\":\"c6af9ac6-7b61-11e6-9a41-93e8deadbeef\","
	    "\"routeKey\":\"GET /pets/{id}\",\"stage\":\"$default\","
	    "\"time\":\"10/Mar/2024:16:43:07 +0000\","
	    "\"timeEpoch\":1710088987000},"
	    "\"pathParameters\":{\"id\":\"7\"},\"isBase64Encoded\":false,"
	    "\"stageVariables\":{\"env\":\"prod\"}}");
}
END_TEST

/* What has no value is not there: strict readers refuse null. */
START_TEST(http2_bare)
{
	static const char *const absent[] = { "cookies", "body",
		"queryStringParameters", "pathParameters", "stageVariables",
		".authorizer", ".authentication" };
	size_t i;

	head("GET /", "Host: h\r\n");
	for (i = 0; i < sizeof absent / sizeof *absent; i++)
		assert_key(lambda_event_http2, absent[i], NULL);
	assert_key(lambda_event_http2, "rawQueryString", "\"\"");
	assert_key(lambda_event_http2, "isBase64Encoded", "false");
	assert_key(lambda_event_http2, "rawPath", "\"/prod/pets/7\"");
	assert_key(lambda_event_http2, ".http", "{\"method\":\"GET\","
	    "\"path\":\"/prod/pets/7\",\"protocol\":\"HTTP/1.1\","
	    "\"sourceIp\":\"203.0.113.9\",\"userAgent\":\"\"}");
}
END_TEST

START_TEST(rest_bare)
{
	static const char *const null[] = { "queryStringParameters",
		"multiValueQueryStringParameters", "pathParameters",
		"stageVariables", "body" };
	size_t i;

	head("GET /?", "Host: h\r\n");
	for (i = 0; i < sizeof null / sizeof *null; i++)
		assert_key(lambda_event_rest, null[i], "null");
	head("GET /?&&;", "Host: h\r\n");
	assert_key(lambda_event_rest, "queryStringParameters", "null");
}
END_TEST

START_TEST(queries)
{
	static const struct {
		event_write write;
		const char *query, *key, *want;
	} rows[] = {
		{ lambda_event_rest, "dateTimeOffset=2023-06-12T18:05:10."
		  "123456+00:00&email=test%2Balias@gmail.com&plus=test+alias"
		  "@gmail.com&url=https://www.google.com/&whitespace=foo%20bar"
		  "&zhash=abort/", "queryStringParameters",
		  "{\"dateTimeOffset\":\"2023-06-12T18:05:10.123456 00:00\","
		  "\"email\":\"test+alias@gmail.com\","
		  "\"plus\":\"test alias@gmail.com\","
		  "\"url\":\"https://www.google.com/\","
		  "\"whitespace\":\"foo bar\",\"zhash\":\"abort/\"}" },
		{ lambda_event_http2, "whats=up&whats=there",
		  "queryStringParameters", "{\"whats\":\"up,there\"}" },
		{ lambda_event_http2, "whats=up&whats=there",
		  "rawQueryString", "\"whats=up&whats=there\"" },
		{ lambda_event_rest, "a=1;b=2;a=3",
		  "multiValueQueryStringParameters",
		  "{\"a\":[\"1\",\"3\"],\"b\":[\"2\"]}" },
		{ lambda_event_http2, "a=1;b=2", "queryStringParameters",
		  "{\"a\":\"1;b=2\"}" },
		{ lambda_event_rest, "a", "queryStringParameters",
		  "{\"a\":\"\"}" },
		{ lambda_event_rest, "=x", "queryStringParameters",
		  "{\"\":\"x\"}" },
		{ lambda_event_rest, "&a=&&A=b=c&",
		  "multiValueQueryStringParameters",
		  "{\"a\":[\"\"],\"A\":[\"b=c\"]}" },
		{ lambda_event_rest, "%61=1&a=2",
		  "multiValueQueryStringParameters", "{\"a\":[\"1\",\"2\"]}" },
		{ lambda_event_rest, "a%=%zz%4&b=%ff%00%22",
		  "queryStringParameters",
		  "{\"a%\":\"%zz%4\",\"b\":\"\xef\xbf\xbd\\u0000\\\"\"}" },
	};
	char line[512];
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(line, sizeof line, "GET /?%s", rows[i].query);
		head(line, "Host: h\r\n");
		assert_key(rows[i].write, rows[i].key, rows[i].want);
	}
}
END_TEST

/* Repeated names stay together however many there are. */
START_TEST(many_names)
{
	static char line[8000] = "GET /?";
	struct json *root, *member;
	const struct json *map;
	struct error err;
	unsigned i, count = 0;

	for (i = 0; i < 900; i++)
		sprintf(line + strlen(line), "k%u=%u&", i % 300, i);
	head(line, "Host: h\r\n");
	ck_assert_int_eq(lambda_event_rest(&arena, &request, &out), 0);
	ck_assert_int_eq(
	    json_parse(&arena, buf_slice(&out), NULL, &root, &err), 0);
	map = json_member(root, "multiValueQueryStringParameters");
	ck_assert_uint_eq(map->count, 300);
	for (member = map->first; member != NULL; member = member->next)
		count += member->count;
	ck_assert_uint_eq(count, 900);
	ck_assert(slice_eq(json_member(map, "k299")->text,
	    SLICE("[\"299\",\"599\",\"899\"]")));
}
END_TEST

START_TEST(paths)
{
	static const struct lambda_pair encoded[] = {
		{ { "email", 5 }, { "test%2Balias@x", 14 } } };

	head("GET /", "Host: h\r\n");
	request.path = SLICE("//hardcoded");
	request.full_path = SLICE("/stage//hardcoded");
	assert_key(lambda_event_rest, "path", "\"/hardcoded\"");
	assert_key(lambda_event_rest, ".path", "\"/stage//hardcoded\"");
	request.full_path = SLICE("//stage/proxy-value");
	assert_key(lambda_event_rest, ".path", "\"/stage/proxy-value\"");
	request.path = SLICE("/a%20b/%2F/");
	assert_key(lambda_event_rest, "path", "\"/a%20b/%2F/\"");
	assert_key(lambda_event_http2, "rawPath", "\"/prod/a b///\"");
	request.path = SLICE("//x");
	request.stage = SLICE("$default");
	assert_key(lambda_event_http2, "rawPath", "\"//x\"");
	request.params = encoded;
	request.nparams = 1;
	assert_key(lambda_event_rest, "pathParameters",
	    "{\"email\":\"test%2Balias@x\"}");
	assert_key(lambda_event_http1, "pathParameters",
	    "{\"email\":\"test+alias@x\"}");
	assert_key(lambda_event_http2, "pathParameters",
	    "{\"email\":\"test+alias@x\"}");
}
END_TEST

/* Fields of the configuration stand in for the client's. */
START_TEST(configured_fields)
{
	static const struct lambda_pair fields[] = {
		{ { "X-Env", 5 }, { "prod", 4 } } };

	head("GET /", "Host: h\r\nx-env: forged\r\nX_Forwarded_For: 1\r\n"
	    "Content_Length: 7\r\n");
	request.fields = fields;
	request.nfields = 1;
	assert_key(lambda_event_rest, "headers",
	    "{\"Host\":\"h\",\"X-Env\":\"prod\"," OWN);
	assert_key(lambda_event_http2, "headers", "{\"host\":\"h\","
	    "\"x-env\":\"prod\"," OWN_LOWER "\"content-length\":\"0\"}");
}
END_TEST

START_TEST(cookies)
{
	head("GET /", "Host: h\r\nCookie: a=1;; b=\"x;y\" ;\r\n"
	    "cookie: c\r\n");
	assert_key(lambda_event_http2, "cookies",
	    "[\"a=1\",\"b=\\\"x\",\"y\\\"\",\"c\"]");
	head("GET /", "Host: h\r\nCookie: ;\r\n");
	assert_key(lambda_event_http2, "cookies", NULL);
}
END_TEST

START_TEST(bodies)
{
	static const struct slice types[] = { { "image/png", 9 },
		{ "*/test", 6 }, { "audio/*", 7 } };
	static const struct {
		event_write write;
		const char *type, *body, *want, *encoded;
	} rows[] = {
		{ lambda_event_rest, "image/png; a=b, text/plain", "\xff",
		  "\"/w==\"", "true" },
		{ lambda_event_rest, "IMAGE/PNG", "abc", "\"YWJj\"", "true" },
		{ lambda_event_rest, "audio/x", "abc", "\"YWJj\"", "true" },
		{ lambda_event_rest, "audio/", "abc", "\"abc\"", "false" },
		{ lambda_event_rest, "image/jpg", "\xff",
		  "\"\xef\xbf\xbd\"", "false" },
		{ lambda_event_rest, "x/test", "abc", "\"abc\"", "false" },
		{ lambda_event_rest, "image/png", "", "null", "false" },
		{ lambda_event_http2, "application/json", "{}", "\"{}\"",
		  "false" },
		{ lambda_event_http2, "Text/HTML; charset=utf-8", "a\"b",
		  "\"a\\\"b\"", "false" },
		{ lambda_event_http2, "application/vnd.api+json", "1",
		  "\"1\"", "false" },
		{ lambda_event_http2, "application/a+xml", "1", "\"1\"",
		  "false" },
		{ lambda_event_http2, "application/xml", "1", "\"1\"",
		  "false" },
		{ lambda_event_http2, "application/javascript", "1", "\"1\"",
		  "false" },
		{ lambda_event_http2, "application/x-www-form-urlencoded",
		  "a=1", "\"YT0x\"", "true" },
		{ lambda_event_http2, "multipart/form-data; boundary=x",
		  "abc", "\"YWJj\"", "true" },
		{ lambda_event_http2, "application/octet-stream", "abc",
		  "\"YWJj\"", "true" },
		{ lambda_event_http2, "image/svg+xml", "abc", "\"YWJj\"",
		  "true" },
		{ lambda_event_http2, "json", "abc", "\"YWJj\"", "true" },
		{ lambda_event_http2, "application/octet-stream", "", NULL,
		  "false" },
		{ lambda_event_http1, "application/json", "{}", "\"{}\"",
		  "false" },
		{ lambda_event_http1, "application/octet-stream", "abc",
		  "\"YWJj\"", "true" },
	};
	char fields[200];
	size_t i;

	request.binary_types = types;
	request.nbinary_types = 3;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(fields, sizeof fields,
		    "Host: h\r\nContent-Type: %s\r\n", rows[i].type);
		head("POST /", fields);
		request.body = slice_text(rows[i].body);
		assert_key(rows[i].write, "body", rows[i].want);
		assert_key(rows[i].write, "isBase64Encoded",
		    rows[i].encoded);
	}
}
END_TEST

/* content-length is that of the body which the function gets. */
START_TEST(body_length)
{
	head("POST /", "Host: h\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 3\r\n");
	request.body = SLICE("a\xff" "b");
	assert_key(lambda_event_http2, "headers", "{\"host\":\"h\","
	    "\"content-type\":\"text/plain\"," OWN_LOWER
	    "\"content-length\":\"5\"}");
	head("POST /", "Host: h\r\nContent-Type: a/b\r\n");
	assert_key(lambda_event_http2, "headers", "{\"host\":\"h\","
	    "\"content-type\":\"a/b\"," OWN_LOWER
	    "\"content-length\":\"3\"}");
	head("POST /", "Host: h\r\nContent-Type: text/plain\r\n"
	    "Content-Encoding: gzip\r\n");
	assert_key(lambda_event_http2, "body", "\"Yf9i\"");
}
END_TEST

/* Characters of a long body are not torn where it is cut into pieces. */
START_TEST(long_body)
{
	const size_t size = 3 * 65536 + 1;
	char *body = malloc(size);
	struct json *root;
	struct error err;
	size_t i, pad;

	head("POST /", "Host: h\r\nContent-Type: text/plain\r\n");
	for (pad = 0; pad < 3; pad++) {
		memset(body, 'x', pad);
		for (i = pad; i + 3 <= size; i += 3)
			memcpy(body + i, "\xe2\x82\xac", 3);
		request.body = slice_of(body, i);
		out.len = 0;
		ck_assert_int_eq(
		    lambda_event_rest(&arena, &request, &out), 0);
		ck_assert_int_eq(json_parse(&arena, buf_slice(&out), NULL,
		    &root, &err), 0);
		ck_assert(slice_eq(json_string(json_member(root, "body"),
		    &arena), request.body));
	}
	memset(body, 0x80, size);
	request.body = slice_of(body, size);
	out.len = 0;
	ck_assert_int_eq(lambda_event_rest(&arena, &request, &out), 0);
	ck_assert_int_eq(
	    json_parse(&arena, buf_slice(&out), NULL, &root, &err), 0);
	ck_assert_uint_eq(
	    json_string(json_member(root, "body"), &arena).len, 3 * size);
	free(body);
}
END_TEST

START_TEST(too_large)
{
	static char zeros[200000];
	event_write writes[] = { lambda_event_rest, lambda_event_http1,
		lambda_event_http2 };
	size_t i, size;

	head("POST /", "Host: h\r\nContent-Type: text/plain\r\n");
	request.body = SLICE("hello");
	for (i = 0; i < 3; i++) {
		request.most = 0;
		out.len = 0;
		ck_assert_int_eq(writes[i](&arena, &request, &out), 0);
		size = out.len;
		request.most = size;
		ck_assert_int_eq(writes[i](&arena, &request, &out), 0);
		ck_assert_uint_eq(out.len, 2 * size);
		request.most = size - 1;
		ck_assert_int_eq(writes[i](&arena, &request, &out), -1);
	}
	/* Six bytes for one: refused early. */
	request.body = slice_of(zeros, sizeof zeros);
	request.most = sizeof zeros + 100;
	out.len = 0;
	ck_assert_int_eq(lambda_event_rest(&arena, &request, &out), -1);
	ck_assert_uint_lt(out.len, 2 * 6 * 65536 + 4096);
}
END_TEST

START_TEST(accepts)
{
	static const struct slice types[] = { { "image/png", 9 },
		{ "*/test", 6 } };
	static const struct slice all = { "*/*", 3 };
	static const struct {
		const char *accept;
		bool binary;
	} rows[] = {
		{ "image/png", true }, { "image/png,image/*,*/*;q=0.8", true },
		{ " Image/PNG ;q=1", true }, { "image/jpg", false },
		{ "image/*", false }, { "*/*", false }, { "*/test", false },
		{ "random/test", false }, { "", false },
		{ "image/webp,image/png,*/*;q=0.8", false },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		ck_assert_msg(media_is_binary(slice_text(rows[i].accept),
		    types, 2) == rows[i].binary, "%s", rows[i].accept);
		ck_assert(media_is_binary(slice_text(rows[i].accept), &all,
		    1));
	}
	ck_assert(!media_is_binary(SLICE_NONE, types, 2));
	ck_assert(!media_is_text(SLICE_NONE));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("event");
	TCase *tests = tcase_create("event");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, rest_whole);
	tcase_add_test(tests, http1_whole);
	tcase_add_test(tests, http2_whole);
	tcase_add_test(tests, http2_bare);
	tcase_add_test(tests, rest_bare);
	tcase_add_test(tests, queries);
	tcase_add_test(tests, many_names);
	tcase_add_test(tests, paths);
	tcase_add_test(tests, configured_fields);
	tcase_add_test(tests, cookies);
	tcase_add_test(tests, bodies);
	tcase_add_test(tests, body_length);
	tcase_add_test(tests, long_body);
	tcase_add_test(tests, too_large);
	tcase_add_test(tests, accepts);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
