/*
 * tests/unit/test_gateway.c - src/gateway: the life of a request, on a
 * transport of the test
 */

#include "gateway_kit.h"

#define LISTENERS \
	"listeners=({name=\"a\";address=\"*:8001\";}," \
	"{name=\"b\";address=\"*:8002\";});" \
	"access_log={path=\"off\";};limits={body=\"300K\";};"

/* %u is the backend's port, then one where nobody listens. */
#define TWO_APIS LISTENERS \
	"upstreams=({name=\"back\";servers=({address=\"127.0.0.1:%u\";});}," \
	"{name=\"none\";servers=({address=\"127.0.0.1:%u\";});});" \
	"apis=({name=\"pets\";protocol=\"REST\";id=\"petspets00\";" \
	"listeners=[\"a\"];stages=({name=\"prod\";});" \
	"request_headers=({name=\"X-Level\";value=\"api\";});" \
	"response_headers=({name=\"X-Level\";value=\"api\";}," \
	"{name=\"X-Api\";value=\"1\";});resources=(" \
	"{path=\"/mock\";response_headers=({name=\"x-level\";" \
	"value=\"resource\";},{name=\"X-Resource\";value=\"2\";});methods=(" \
	"{method=\"GET\";response_headers=({name=\"X-LEVEL\";" \
	"value=\"method\";});integration={type=\"MOCK\";status=201;" \
	"body=\"{}\";response_headers=({name=\"X-level\";" \
	"value=\"integration\";},{name=\"Content-Type\";" \
	"value=\"text/plain\";});};}," \
	"{method=\"POST\";integration={type=\"MOCK\";body=\"done\";};}," \
	"{method=\"DELETE\";integration={type=\"MOCK\";status=204;};});}," \
	"{path=\"/cats/{id}\";methods=({method=\"ANY\";integration={" \
	"type=\"HTTP_PROXY\";upstream=\"back\";path=\"/v1/{id}\";" \
	"timeout=\"60ms\";};});}," \
	"{path=\"/none\";methods=({method=\"GET\";integration={" \
	"type=\"HTTP_PROXY\";upstream=\"none\";};});}," \
	"{path=\"/any\";cors={allow_origins=[\"*\"];" \
	"allow_headers=[\"authtoken\"];max_age=\"5m\";};methods=(" \
	"{method=\"POST\";integration={type=\"MOCK\";};});}," \
	"{path=\"/one\";cors={allow_origins=[\"https://a.example\"];" \
	"allow_credentials=true;};methods=({method=\"GET\";integration={" \
	"type=\"MOCK\";};});}," \
	"{path=\"/two\";cors={allow_origins=[\"https://a.example\"," \
	"\"https://b.example\"];};methods=({method=\"GET\";integration={" \
	"type=\"MOCK\";};});}," \
	"{path=\"/own\";cors={allow_origins=[\"*\"];};methods=(" \
	"{method=\"OPTIONS\";integration={type=\"MOCK\";status=299;};});});}," \
	"{name=\"store\";protocol=\"HTTP\";listeners=[\"b\"];" \
	"cors={allow_origins=[\"https://a.example\"];" \
	"allow_methods=[\"GET\",\"PUT\"];expose_headers=[\"X-Seen\"];};" \
	"routes=({route=\"GET /items/{id}\";integration={" \
	"type=\"HTTP_PROXY\";upstream=\"back\";timeout=\"60ms\";};}," \
	"{route=\"GET /none\";integration={type=\"HTTP_PROXY\";" \
	"upstream=\"none\";};}," \
	"{route=\"ANY /long\";integration={type=\"HTTP_PROXY\";" \
	"upstream=\"back\";timeout=\"20s\";};});});"

static struct kit *
kit_two_apis(void)
{
	struct kit *kit = kit_open();
	char *text = NULL;

	ck_assert_int_ge(asprintf(&text, TWO_APIS, kit->port,
	    net_closed_port()), 0);
	kit_load(kit, text);
	free(text);
	return kit;
}

#define REST_IDS "x-amzn-RequestId: *-*-4*-*-*\nx-amz-apigw-id: *=\n"
#define HTTP_IDS "Apigw-Requestid: *=\n"
#define JSON "Content-Type: application/json\n"
#define DATE "Date: * GMT\n"
#define REST_LINES "X-Level: api\nX-Api: 1\n"
#define HOST "Host: h.example\r\n\r\n"
#define REST_ERROR(status, type, ids) #status "\n" DATE JSON \
    "x-amzn-ErrorType: " type "\n" ids
#define HTTP_ERROR(status) #status "\n" DATE JSON HTTP_IDS

/* Requests that no backend sees, and their whole answers. */
static const struct {
	unsigned listener;
	const char *request, *answer;
} direct[] = {
	/* MOCK; of fields of one name the innermost is there. */
	{ 0, "GET /prod/mock HTTP/1.1\r\n" HOST,
	    "201\n" DATE REST_IDS
	    "X-Api: 1\nX-Resource: 2\nX-level: integration\n"
	    "Content-Type: text/plain\nLength: 2\n\n{}" },
	{ 0, "HEAD /prod/mock HTTP/1.1\r\n" HOST,
	    REST_ERROR(403, "MissingAuthenticationTokenException", REST_IDS)
		REST_LINES "Length: 42\n\n"
			   "{\"message\":\"Missing Authentication Token\"}" },
	{ 0, "DELETE /prod/mock HTTP/1.1\r\n" HOST,
	    "204\n" DATE REST_IDS
	    "X-Api: 1\nx-level: resource\nX-Resource: 2\nNone\n\n" },
	/* Errors of a REST API. */
	{ 0, "GET /prod/nope HTTP/1.1\r\n" HOST,
	    REST_ERROR(403, "MissingAuthenticationTokenException", REST_IDS)
		REST_LINES "Length: 42\n\n"
			   "{\"message\":\"Missing Authentication Token\"}" },
	{ 0, "GET /nope HTTP/1.1\r\n" HOST,
	    REST_ERROR(403, "ForbiddenException",
		REST_IDS) "Length: 23\n\n{\"message\":\"Forbidden\"}" },
	{ 0, "GET /prod/../mock HTTP/1.1\r\n" HOST,
	    REST_ERROR(400, "BadRequestException",
		REST_IDS) "Length: 25\n\n{\"message\":\"Bad Request\"}" },
	{ 0, "OPTIONS * HTTP/1.1\r\n" HOST,
	    REST_ERROR(400, "BadRequestException",
		REST_IDS) "Length: 25\n\n{\"message\":\"Bad Request\"}" },
	{ 0, "POST /prod/mock HTTP/1.1\r\nContent-Length: 307201\r\n" HOST,
	    REST_ERROR(413, "RequestTooLargeException",
		REST_IDS) "X-Api: 1\nx-level: resource\nX-Resource: 2\n"
			  "Length: 30\n\n{\"message\":\"Request Too Long\"}" },
	/* Errors of an HTTP API. */
	{ 1, "GET /nope HTTP/1.1\r\n" HOST, HTTP_ERROR(404)
	    "Length: 23\n\n{\"message\":\"Not Found\"}" },
	{ 1, "GET /a/../b HTTP/1.1\r\n" HOST, HTTP_ERROR(400)
	    "Length: 25\n\n{\"message\":\"Bad Request\"}" },
	{ 1, "PUT /long HTTP/1.1\r\nContent-Length: 307201\r\n" HOST,
	    HTTP_ERROR(413)
	    "Length: 38\n\n{\"message\":\"Request Entity Too Large\"}" },
	/* Preflights of REST: any, one and two origins. */
	{ 0, "OPTIONS /prod/any HTTP/1.1\r\n" HOST,
	    "200\n" JSON "Content-Length: 0\nAccess-Control-Allow-Origin: *\n"
	    "Access-Control-Allow-Methods: OPTIONS,POST\n"
	    "Access-Control-Allow-Headers: Content-Type,X-Amz-Date,"
	    "Authorization,X-Api-Key,X-Amz-Security-Token,authtoken\n"
	    "Access-Control-Max-Age: 300\n" REST_LINES DATE REST_IDS
	    "None\n\n" },
	{ 0, "POST /prod/any HTTP/1.1\r\nContent-Length: 0\r\n" HOST,
	    "200\n" DATE JSON REST_IDS REST_LINES
	    "Access-Control-Allow-Origin: *\nLength: 0\n\n" },
	{ 0, "PUT /prod/any HTTP/1.1\r\nContent-Length: 0\r\n" HOST,
	    REST_ERROR(403, "MissingAuthenticationTokenException", REST_IDS)
		REST_LINES "Access-Control-Allow-Origin: *\nLength: 42\n\n"
			   "{\"message\":\"Missing Authentication Token\"}" },
	{ 0, "GET /prod/one HTTP/1.1\r\nOrigin: https://c.example\r\n" HOST,
	    "200\n" DATE JSON REST_IDS REST_LINES
	    "Access-Control-Allow-Origin: https://a.example\n"
	    "Access-Control-Allow-Credentials: true\nLength: 0\n\n" },
	{ 0, "GET /prod/two HTTP/1.1\r\nOrigin: https://b.example\r\n" HOST,
	    "200\n" DATE JSON REST_IDS REST_LINES
	    "Access-Control-Allow-Origin: https://b.example\n"
	    "Vary: Origin\nLength: 0\n\n" },
	{ 0,
	    "GET /prod/two HTTP/1.1\r\nOrigin: https://b.example.evil\r\n" HOST,
	    "200\n" DATE JSON REST_IDS REST_LINES
	    "Vary: Origin\nLength: 0\n\n" },
	{ 0, "GET /prod/two HTTP/1.1\r\n" HOST,
	    "200\n" DATE JSON REST_IDS REST_LINES
	    "Vary: Origin\nLength: 0\n\n" },
	{ 0, "OPTIONS /prod/own HTTP/1.1\r\n" HOST,
	    "299\n" DATE JSON REST_IDS REST_LINES
	    "Access-Control-Allow-Origin: *\nLength: 0\n\n" },
	/* CORS of an HTTP API. */
	{ 1, "OPTIONS /items/1 HTTP/1.1\r\nOrigin: https://a.example\r\n"
	    "Access-Control-Request-Method: PUT\r\n" HOST, "204\n"
	    "vary: Origin\naccess-control-allow-methods: GET,PUT\n"
	    "access-control-expose-headers: X-Seen\n"
	    "access-control-allow-origin: https://a.example\n"
	    DATE HTTP_IDS "None\n\n" },
	{ 1, "OPTIONS /items/1 HTTP/1.1\r\nOrigin: https://c.example\r\n"
	    "Access-Control-Request-Method: PUT\r\n" HOST, "204\n"
	    "vary: Origin\n" DATE HTTP_IDS "None\n\n" },
	{ 1, "OPTIONS /items/1 HTTP/1.1\r\nOrigin: https://a.example\r\n"
	    HOST, HTTP_ERROR(404) "access-control-allow-origin: "
	    "https://a.example\nvary: Origin\n"
	    "access-control-expose-headers: X-Seen\n"
	    "Length: 23\n\n{\"message\":\"Not Found\"}" },
};

START_TEST(test_direct)
{
	struct kit *kit = kit_two_apis();
	struct wire wire;

	wire_open(&wire, kit, direct[_i].listener);
	send_head(kit, &wire, direct[_i].request);
	ck_assert(wire.ended);
	ck_fits(wire_text(&wire), direct[_i].answer);
	wire_close(&wire);
	ck_assert_uint_eq(kit->gateway->loop.pool.in_use, 0);
	kit_close(kit);
}
END_TEST

/* Heads that http/ refused. */
static const struct {
	unsigned status;
	const char *type, *message;
} refused[] = {
	{ 400, "BadRequestException", "Bad Request" },
	{ 408, "RequestTimeoutException", "Request Timeout" },
	{ 414, "RequestUriTooLongException", "Request URI too long" },
	{ 417, "ExpectationFailedException", "Expectation Failed" },
	{ 431, "RequestHeaderFieldsTooLargeException",
	    "Request Header Fields Too Large" },
	{ 501, "NotImplementedException", "Not Implemented" },
	{ 505, "HttpVersionNotSupportedException",
	    "HTTP Version Not Supported" },
};

START_TEST(test_refused)
{
	struct kit *kit = kit_two_apis();
	const char *message = refused[_i].message;
	struct wire wire;
	char want[600];
	int listener;

	for (listener = 0; listener < 2; listener++) {
		wire_open(&wire, kit, (unsigned)listener);
		kit->core->refused(kit->core->ctx, &wire.transport,
		    refused[_i].status, "why");
		snprintf(want, sizeof want, "%u\n" DATE JSON "%s%s%s%s"
		    "Length: %zu\n\n{\"message\":\"%s\"}", refused[_i].status,
		    listener == 0 ? "x-amzn-ErrorType: " : "",
		    listener == 0 ? refused[_i].type : "",
		    listener == 0 ? "\n" REST_IDS : HTTP_IDS, "",
		    strlen(message) + 14, message);
		ck_fits(wire_text(&wire), want);
		ck_assert(wire.ended);
		wire_close(&wire);
	}
	kit_close(kit);
}
END_TEST

/* Backends that fail: what the backend does, and the whole answer. */
static const struct {
	unsigned listener;
	const char *path, *does, *answer;
} failing[] = {
	{ 0, "/prod/none", NULL, REST_ERROR(500,
	    "InternalServerErrorException", REST_IDS) REST_LINES
	    "Length: 36\n\n{\"message\": \"Internal server error\"}" },
	{ 0, "/prod/cats/1", "close", REST_ERROR(504,
	    "InternalServerErrorException", REST_IDS) REST_LINES
	    "Length: 56\n\n"
	    "{\"message\": \"Network error communicating with endpoint\"}" },
	{ 0, "/prod/cats/1", "wait", REST_ERROR(504,
	    "InternalServerErrorException", REST_IDS) REST_LINES
	    "Length: 41\n\n{\"message\": \"Endpoint request timed out\"}" },
	{ 0, "/prod/cats/1", "nonsense\r\n\r\n", REST_ERROR(502,
	    "InternalServerErrorException", REST_IDS) REST_LINES
	    "Length: 36\n\n{\"message\": \"Internal server error\"}" },
	{ 1, "/none", NULL, HTTP_ERROR(503)
	    "Length: 33\n\n{\"message\":\"Service Unavailable\"}" },
	{ 1, "/items/1", "close", HTTP_ERROR(503)
	    "Length: 33\n\n{\"message\":\"Service Unavailable\"}" },
	{ 1, "/items/1", "wait", HTTP_ERROR(503)
	    "Length: 33\n\n{\"message\":\"Service Unavailable\"}" },
	{ 1, "/items/1", "nonsense\r\n\r\n", HTTP_ERROR(502)
	    "Length: 25\n\n{\"message\":\"Bad Gateway\"}" },
};

START_TEST(test_failing)
{
	struct kit *kit = kit_two_apis();
	const char *does = failing[_i].does;
	struct net_peer backend = { .fd = -1 };
	struct wire wire;
	char request[200];

	snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" HOST,
	    failing[_i].path);
	wire_open(&wire, kit, failing[_i].listener);
	send_head(kit, &wire, request);
	if (does != NULL) {
		UNTIL(kit, net_accept(kit->backend, &backend));
		UNTIL(kit, net_has(&backend, "\r\n\r\n"));
		if (strcmp(does, "close") == 0)
			net_peer_close(&backend);
		else if (strcmp(does, "wait") != 0)
			net_send(&backend, does);
	}
	UNTIL(kit, wire.ended);
	ck_fits(wire_text(&wire), failing[_i].answer);
	ck_assert_uint_eq(kit->gateway->loop.pool.in_use, 0);
	net_peer_close(&backend);
	wire_close(&wire);
	kit_close(kit);
}
END_TEST

/* The request as the backend gets it, and its answer as the client does. */
static const struct {
	unsigned listener;
	const char *request, *forwarded, *answer, *relayed;
} relays[] = {
	{ 0, "GET /prod/cats/a%20b?q=1 HTTP/1.1\r\nHost: h.example\r\n"
	    "Accept: a\r\nX-Two: 1\r\nConnection: X-Hop\r\nX-Hop: 1\r\n"
	    "X-Forwarded-For: 6.6.6.6\r\nX-LEVEL: evil\r\nX-Two: 2\r\n\r\n",
	    "GET /v1/a%20b?q=1 HTTP/1.1\nHost: 127.0.0.1:*\nX-Two: 1,2\n"
	    "Accept: a\nX-Level: api\nX-Forwarded-For: 192.0.2.7\n"
	    "X-Forwarded-Port: 8001\nX-Forwarded-Proto: http\n"
	    "X-Amzn-Apigateway-Api-Id: petspets00\n"
	    "X-Amzn-Trace-Id: Root=1-*-*\n\n",
	    "HTTP/1.1 202 Fine\r\nServer: back\r\nX-level: backend\r\n"
	    "Content-Length: 2\r\nKeep-Alive: 3\r\nVia: x\r\nETag: e\r\n\r\nok",
	    "202 Fine\nETag: e\n" REST_LINES JSON
	    "x-amzn-Remapped-Server: back\nx-amzn-Remapped-Content-Length: 2"
	    "\n" DATE REST_IDS "Length: 2\n\nok" },
	{ 1, "GET /items/7?a=b HTTP/1.1\r\nHost: h.example\r\n"
	    "Origin: https://a.example\r\nForwarded: for=6.6.6.6\r\n"
	    "X-Two: 1\r\nX-Two: 2\r\n\r\n",
	    "GET /items/7?a=b HTTP/1.1\nHost: 127.0.0.1:*\n"
	    "Origin: https://a.example\nX-Two: 1\nX-Two: 2\n"
	    "Forwarded: by=_gatehouse;for=192.0.2.7;host=h.example;"
	    "proto=http\nX-Amzn-Trace-Id: Root=1-*-*\n\n",
	    "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\n"
	    "Transfer-Encoding: chunked\r\nDate: today\r\n\r\n"
	    "2\r\nok\r\n0\r\n\r\n",
	    "200 OK\nDate: today\n"
	    "access-control-allow-origin: https://a.example\nvary: Origin\n"
	    "access-control-expose-headers: X-Seen\n" HTTP_IDS
	    "Chunked\n\nok" },
};

START_TEST(test_relay)
{
	struct kit *kit = kit_two_apis();
	struct net_peer backend;
	struct wire wire;

	wire_open(&wire, kit, relays[_i].listener);
	send_head(kit, &wire, relays[_i].request);
	UNTIL(kit, net_accept(kit->backend, &backend));
	UNTIL(kit, net_has(&backend, "\r\n\r\n"));
	ck_fits(backend.got.at, relays[_i].forwarded);
	net_send(&backend, relays[_i].answer);
	UNTIL(kit, wire.ended);
	ck_fits(wire_text(&wire), relays[_i].relayed);
	net_peer_close(&backend);
	wire_close(&wire);
	ck_assert_uint_eq(kit->gateway->loop.pool.in_use, 0);
	kit_close(kit);
}
END_TEST

#define POST_MOCK "POST /prod/mock HTTP/1.1\r\nTransfer-Encoding: chunked" \
    "\r\n" HOST

/* An answer made here waits for a short body; a body that fails meanwhile
   does not change it. */
START_TEST(test_draining)
{
	static char part[64 * 1024];
	struct kit *kit = kit_two_apis();
	struct wire wire;
	int i;

	wire_open(&wire, kit, 0);
	send_head(kit, &wire, POST_MOCK);
	send_body(kit, &wire, "abc", 3);
	ck_assert(!wire.replying && wire.transport.exchange != NULL);
	if (_i == 0) {
		send_end(kit, &wire);
	} else if (_i == 1) {
		for (i = 0; i < 3; i++) {
			send_body(kit, &wire, part, sizeof part);
			ck_assert(!wire.ended);
		}
		send_body(kit, &wire, part, sizeof part);
	} else {
		kit->core->body_failed(wire.transport.exchange, 408,
		    "client_body_timeout");
	}
	ck_assert(wire.ended);
	ck_fits(wire_text(&wire), "200\n" DATE JSON REST_IDS
	    "X-Api: 1\nx-level: resource\nX-Resource: 2\nLength: 4\n\ndone");
	wire_close(&wire);
	kit_close(kit);
}
END_TEST

/* Whoever waits for a 100 is answered at once. */
START_TEST(test_draining_expected)
{
	struct kit *kit = kit_two_apis();
	struct wire wire;

	wire_open(&wire, kit, 0);
	send_head(kit, &wire, "POST /prod/mock HTTP/1.1\r\nContent-Length: 3"
	    "\r\nExpect: 100-continue\r\n" HOST);
	ck_assert(wire.ended && !wire.proceeded);
	wire_close(&wire);
	kit_close(kit);
}
END_TEST

/* A body without a length grows over the limit on its way to a backend. */
START_TEST(test_body_too_large)
{
	static char part[64 * 1024];
	struct kit *kit = kit_two_apis();
	struct net_peer backend;
	struct wire wire;
	int i;

	wire_open(&wire, kit, 1);
	send_head(kit, &wire, "PUT /long HTTP/1.1\r\nTransfer-Encoding: "
	    "chunked\r\nExpect: 100-continue\r\n" HOST);
	ck_assert(wire.proceeded);
	UNTIL(kit, net_accept(kit->backend, &backend));
	for (i = 0; i < 4; i++) {
		send_body(kit, &wire, part, sizeof part);
		net_settle(kit->base);
		net_take(&backend);
		ck_assert(!wire.ended);
	}
	send_body(kit, &wire, part, sizeof part);
	ck_assert(wire.ended);
	ck_fits(wire_text(&wire), HTTP_ERROR(413)
	    "Length: 38\n\n{\"message\":\"Request Entity Too Large\"}");
	UNTIL(kit, net_over(&backend));
	ck_assert(!net_has(&backend, "\r\n0\r\n\r\n"));
	net_peer_close(&backend);
	wire_close(&wire);
	kit_close(kit);
}
END_TEST

/* What cannot be finished is cut, never ended. */
START_TEST(test_cut_late)
{
	struct kit *kit = kit_two_apis();
	struct net_peer backend;
	struct wire wire;

	wire_open(&wire, kit, 1);
	send_head(kit, &wire, "GET /long HTTP/1.1\r\n" HOST);
	UNTIL(kit, net_accept(kit->backend, &backend));
	net_send(&backend, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart");
	UNTIL(kit, wire.replying);
	net_peer_close(&backend);
	UNTIL(kit, wire.aborted);
	ck_assert(!wire.ended);
	ck_assert_uint_eq(kit->gateway->loop.pool.in_use, 0);
	wire_close(&wire);
	kit_close(kit);
}
END_TEST

/* A client that leaves takes its call along. */
START_TEST(test_gone)
{
	struct kit *kit = kit_two_apis();
	struct net_peer backend;
	struct wire wire;

	wire_open(&wire, kit, 1);
	send_head(kit, &wire, "GET /long HTTP/1.1\r\n" HOST);
	UNTIL(kit, net_accept(kit->backend, &backend));
	if (_i == 1) {
		net_send(&backend, "HTTP/1.1 200 OK\r\n\r\npart");
		UNTIL(kit, wire.replying);
	}
	kit->core->gone(wire.transport.exchange, "client_closed");
	wire.transport.exchange = NULL;
	UNTIL(kit, net_over(&backend));
	ck_assert_uint_eq(kit->control->slots[0].answers[_i == 1 ? 2 : 4],
	    1);
	ck_assert_uint_eq(kit->gateway->loop.pool.in_use, 0);
	net_peer_close(&backend);
	wire_close(&wire);
	kit_close(kit);
}
END_TEST

/* A client that does not read stops the backend. */
START_TEST(test_back_pressure)
{
	struct kit *kit = kit_two_apis();
	struct net_peer backend;
	struct wire wire;
	size_t before;

	wire_open(&wire, kit, 1);
	wire.flushes = 1;
	send_head(kit, &wire, "GET /long HTTP/1.1\r\n" HOST);
	UNTIL(kit, net_accept(kit->backend, &backend));
	UNTIL(kit, net_has(&backend, "\r\n\r\n"));
	net_send(&backend, "HTTP/1.1 200 OK\r\n\r\npart");
	UNTIL(kit, wire.replying);
	net_send(&backend, "more");
	net_settle(kit->base);
	before = wire.out.len;
	ck_assert_ptr_nonnull(strstr(wire_text(&wire), "\n\npart"));
	ck_assert_ptr_null(strstr(wire_text(&wire), "more"));
	wire.flushes = 0;
	kit->core->writable(wire.transport.exchange);
	UNTIL(kit, wire.out.len > before);
	net_peer_close(&backend);
	UNTIL(kit, wire.ended);
	ck_assert_ptr_nonnull(strstr(wire_text(&wire), "\n\npartmore"));
	wire_close(&wire);
	kit_close(kit);
}
END_TEST

#define LOGGED(format) \
	"listeners=({name=\"a\";address=\"*:8001\";});" \
	"access_log={path=\"test\";format=\"" format "\";};" \
	"apis=({name=\"pets\";protocol=\"REST\";id=\"petspets00\";" \
	"stages=({name=\"prod\";base_path=\"/base\";});" \
	"resources=({path=\"/m/{id}\";methods=({method=\"GET\";integration={" \
	"type=\"MOCK\";body=\"12345\";};});});});"
#define V(name) "$context." name

/* Formats and the line of GET /base/m/1?q=1. */
static const struct {
	const char *config, *line;
} lines[] = {
	{ LOGGED(V("apiId") " " V("apiName") " " V("stage") " "
	    V("domainName") " " V("domainPrefix") " " V("httpMethod") " "
	    V("identity.sourceIp") " " V("identity.userAgent") " " V("path")
	    " " V("protocol") " " V("resourcePath") " " V("resourceId") " "
	    V("routeKey") " " V("status") " " V("responseLength") " "
	    V("target") " " V("customDomain.basePathMatched")),
	    "petspets00 pets prod h.example h GET 192.0.2.7 a\\x22b\\x5cc "
	    "/base/m/1 HTTP/1.1 /m/{id} /m/{id} GET /m/{id} 200 5 "
	    "/base/m/1?q=1 /base\n" },
	/* There is no integration, and no error. */
	{ LOGGED(V("integrationStatus") " " V("integration.latency") " "
	    V("integration.error") " " V("integrationErrorMessage") " "
	    V("error.message") " " V("error.messageString") " "
	    V("error.reason") " " V("error.responseType") " "
	    V("upstream.address") " " V("identity.user") " "
	    V("request.header.Absent") " " V("request.header.X-Odd") " "
	    V("authorizer.principalId") " " V("accountId")),
	    "200 - - - - - - - - - - o\xc3\xa4\xff\\x09x - -\n" },
	{ LOGGED(V("requestId") " " V("extendedRequestId") " "
	    V("requestTime") " " V("requestTimeEpoch") " "
	    V("responseLatency") " " V("xrayTraceId")),
	    "*-*-4*-*-* *= */*/*:*:*:* +0000 * * *\n" },
	{ LOGGED("{\\\"ua\\\":\\\"" V("identity.userAgent") "\\\",\\\"odd\\\":"
	    "\\\"" V("request.header.X-Odd") "\\\",\\\"none\\\":\\\""
	    V("request.header.None") "\\\"}"),
	    "{\"ua\":\"a\\\"b\\\\c\",\"odd\":\"o\xc3\xa4\xef\xbf\xbd\\tx\","
	    "\"none\":\"-\"}\n" },
	{ LOGGED("combined"), "192.0.2.7 - - [*/*/*:*:*:* +0000] "
	    "\"GET /base/m/1?q=1 HTTP/1.1\" 200 5 \"-\" \"a\\x22b\\x5cc\" *-*"
	    "\n" },
};

static void
open_log(struct kit *kit)
{
	const struct image_head *image = kit->gateway->view->head;

	gateway_log(kit->gateway, IMAGE_AT(image, IMAGE_LOGS,
	    struct image_log, 0)->id, dup(kit->lines[1]));
}

/* The lines that have come, after the moment that they may wait. */
static void
read_log(struct kit *kit, char *text, size_t size)
{
	ssize_t n = -1;

	UNTIL(kit, (n = read(kit->lines[0], text, size - 1)) > 0);
	text[n] = '\0';
}

START_TEST(test_log_lines)
{
	struct kit *kit = kit_open();
	struct wire wire;
	char text[2000];

	kit_load(kit, lines[_i].config);
	open_log(kit);
	wire_open(&wire, kit, 0);
	send_head(kit, &wire, "GET /base/m/1?q=1 HTTP/1.1\r\n"
	    "User-Agent: a\"b\\c\r\nX-Odd: o\xc3\xa4\xff\tx\r\n"
	    "Host: h.example:80\r\n\r\n");
	ck_assert(wire.ended);
	wire_close(&wire);
	read_log(kit, text, sizeof text);
	ck_fits(text, lines[_i].line);
	kit_close(kit);
}
END_TEST

/* Errors and refused heads have lines too; values that lack are "-". */
START_TEST(test_log_errors)
{
	struct kit *kit = kit_open();
	struct wire wire;
	char text[2000];

	kit_load(kit, LOGGED(V("status") " " V("httpMethod") " " V("path")
	    " " V("apiId") " " V("stage") " " V("resourcePath") " "
	    V("protocol") " " V("target") " " V("error.reason") " "
	    V("error.responseType") " " V("error.message") " "
	    V("error.messageString")));
	open_log(kit);
	wire_open(&wire, kit, 0);
	send_head(kit, &wire, "GET /base/no HTTP/1.1\r\n" HOST);
	wire_close(&wire);
	wire_open(&wire, kit, 0);
	kit->core->refused(kit->core->ctx, &wire.transport, 414, "long");
	wire_close(&wire);
	read_log(kit, text, sizeof text);
	ck_fits(text, "403 GET /base/no petspets00 prod - HTTP/1.1 /base/no "
	    "no_route MISSING_AUTHENTICATION_TOKEN Missing Authentication "
	    "Token \"Missing Authentication Token\"\n"
	    "414 - - petspets00 - - - - long DEFAULT_4XX Request URI too long "
	    "\"Request URI too long\"\n");
	kit_close(kit);
}
END_TEST

/* A log that takes nothing costs lines, not requests. */
START_TEST(test_log_full)
{
	struct kit *kit = kit_open();
	struct wire wire;
	char text[4096];
	int i;

	kit_load(kit, LOGGED("combined"));
	open_log(kit);
	memset(text, 'x', sizeof text);
	while (write(kit->lines[1], text, sizeof text) > 0)
		;
	for (i = 0; i < 6000; i++) {
		wire_open(&wire, kit, 0);
		send_head(kit, &wire, "GET /base/m/1 HTTP/1.1\r\n" HOST);
		ck_assert(wire.ended);
		wire_close(&wire);
	}
	ck_assert_uint_eq(kit->control->slots[0].requests, 6000);
	ck_assert_uint_gt(kit->control->slots[0].log_dropped, 1000);
	ck_assert_uint_lt(kit->control->slots[0].log_dropped, 6000);
	kit_close(kit);
}
END_TEST

#define ONE_API(body) LISTENERS \
	"upstreams=({name=\"back\";servers=({address=\"127.0.0.1:%u\";});});" \
	"apis=({name=\"x\";protocol=\"HTTP\";response_headers=({" \
	"name=\"X-Generation\";value=\"" body "\";});" \
	"routes=({route=\"$default\";integration={type=\"HTTP_PROXY\";" \
	"upstream=\"back\";};});});"

static unsigned
generations(struct kit *kit)
{
	struct list *node;
	unsigned count = 0;

	LIST_EACH(node, &kit->gateway->generations)
		count++;
	return count;
}

static void
answered(struct kit *kit, struct wire *wire, struct net_peer *backend,
    const char *text)
{
	net_send(backend, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	UNTIL(kit, wire->ended);
	ck_assert_ptr_nonnull(strstr(wire_text(wire), text));
	wire_close(wire);
}

/* A table is prepared, committed and adopted while requests wait. */
START_TEST(test_reload)
{
	struct kit *kit = kit_open();
	struct control_slot *slot = &kit->control->slots[0];
	struct net_peer backend[3];
	struct wire wire[3];
	char text[4096];
	int i;

	snprintf(text, sizeof text, ONE_API("old"), kit->port);
	kit_load(kit, text);
	wire_open(&wire[0], kit, 1);
	send_head(kit, &wire[0], "GET /1 HTTP/1.1\r\n" HOST);
	snprintf(text, sizeof text, ONE_API("new"), kit->port);
	kit_prepare(kit, text);
	/* Prepared is not committed. */
	wire_open(&wire[1], kit, 1);
	send_head(kit, &wire[1], "GET /2 HTTP/1.1\r\n" HOST);
	ck_assert_uint_eq(slot->generation, 1);
	ck_assert_uint_eq(generations(kit), 2);
	/* Committed: the next request adopts it by itself. */
	control_commit(kit->control, 2);
	wire_open(&wire[2], kit, 1);
	send_head(kit, &wire[2], "GET /3 HTTP/1.1\r\n" HOST);
	ck_assert_uint_eq(slot->generation, 2);
	ck_assert_uint_eq(slot->oldest, 1);
	for (i = 0; i < 3; i++) {
		UNTIL(kit, net_accept(kit->backend, &backend[i]));
		UNTIL(kit, net_has(&backend[i], "\r\n\r\n"));
	}
	/* They came in the order of their connecting. */
	answered(kit, &wire[2], &backend[2], "X-Generation: new");
	answered(kit, &wire[0], &backend[0], "X-Generation: old");
	ck_assert_uint_eq(generations(kit), 2);
	answered(kit, &wire[1], &backend[1], "X-Generation: old");
	ck_assert_uint_eq(generations(kit), 1);
	ck_assert_uint_eq(slot->oldest, 2);
	/* The backend is the same: its connections are kept. */
	ck_assert_uint_eq(slot->upstream_idle, 3);
	for (i = 0; i < 3; i++)
		net_peer_close(&backend[i]);
	kit_close(kit);
}
END_TEST

/* A prepared table is dropped; a commit just before a prepare is adopted. */
START_TEST(test_reload_order)
{
	struct kit *kit = kit_open();
	struct control_slot *slot = &kit->control->slots[0];
	struct error err;
	char text[4096];

	snprintf(text, sizeof text, ONE_API("one"), kit->port);
	kit_load(kit, text);
	kit_prepare(kit, text);
	gateway_abort(kit->gateway, 7);
	ck_assert_uint_eq(generations(kit), 2);
	gateway_abort(kit->gateway, 2);
	ck_assert_uint_eq(generations(kit), 1);
	gateway_adopt(kit->gateway);
	ck_assert_uint_eq(slot->generation, 1);
	kit_prepare(kit, text);
	control_commit(kit->control, 3);
	kit_prepare(kit, text);
	ck_assert_uint_eq(slot->generation, 3);
	ck_assert_uint_eq(generations(kit), 2);
	ck_assert_int_eq(gateway_prepare(kit->gateway, kit->lines[0], 5,
	    &err), -1);
	ck_assert_uint_eq(generations(kit), 1);
	kit_close(kit);
}
END_TEST

#define ADD(test) tcase_add_test(tests, test)
#define ADD_EACH(test, rows) tcase_add_loop_test(tests, test, 0, \
    sizeof(rows) / sizeof *(rows))

int
main(void)
{
	Suite *suite = suite_create("gateway");
	TCase *tests = tcase_create("gateway");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 15);
	ADD_EACH(test_direct, direct);
	ADD_EACH(test_refused, refused);
	ADD_EACH(test_failing, failing);
	ADD_EACH(test_relay, relays);
	tcase_add_loop_test(tests, test_draining, 0, 3);
	ADD(test_draining_expected);
	ADD(test_body_too_large);
	ADD(test_cut_late);
	tcase_add_loop_test(tests, test_gone, 0, 2);
	ADD(test_back_pressure);
	ADD_EACH(test_log_lines, lines);
	ADD(test_log_errors);
	ADD(test_log_full);
	ADD(test_reload);
	ADD(test_reload_order);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
