"""Events of HTTP APIs, payloads 2.0 and 1.0: contract 4.3 and 4.4."""

import calendar
import re
import time

from lib import invoke
from lib.conf import http, method

TWO = ["version", "routeKey", "rawPath", "rawQueryString", "cookies",
       "headers", "queryStringParameters", "requestContext", "body",
       "pathParameters", "isBase64Encoded", "stageVariables"]
ALWAYS = ["version", "routeKey", "rawPath", "rawQueryString", "headers",
          "requestContext", "isBase64Encoded"]
CONTEXT_TWO = ["accountId", "apiId", "domainName", "domainPrefix", "http",
               "requestId", "routeKey", "stage", "time", "timeEpoch"]
HTTP_TWO = ["method", "path", "protocol", "sourceIp", "userAgent"]
ONE = ["version", "resource", "path", "httpMethod", "headers",
       "multiValueHeaders", "queryStringParameters",
       "multiValueQueryStringParameters", "pathParameters", "stageVariables",
       "requestContext", "body", "isBase64Encoded"]


def gateway(t, routes=None, **kw):
    e = invoke.endpoint(t)
    routes = routes or {"ANY /pets/{id}": invoke.call(),
                        "GET /files/{proxy+}": invoke.call(),
                        "ANY /one/{id}": invoke.call(
                            payload_format_version="1.0"),
                        "$default": invoke.call()}
    return e, invoke.serve(t, e, http("pets", routes, id="a1b2c3d4e5", **kw),
                           settings={"account_id": "111122223333"})


def case_two_whole(t):
    e, g = gateway(t, stages=[{"name": "$default",
                               "variables": {"k": "v"}}])
    before = time.time()
    r, ev = invoke.ask(
        t, g, e, "/pets/7?a=1&a=2&b=x%20y", ("Cookie", "c1=v1; c2=v2"),
        ("Content-Type", "application/json"), ("User-Agent", "curl/8"),
        ("X-Many", "a"), ("x-many", "b"), method="POST", body=b'{"a":1}',
        host="A1b2c3d4e5.execute-api.eu-west-1.amazonaws.com:80")
    after = time.time()
    t.equal(list(ev), TWO)
    t.equal(ev["version"], "2.0")
    t.equal(ev["routeKey"], "ANY /pets/{id}")
    t.equal(ev["rawPath"], "/pets/7")
    t.equal(ev["rawQueryString"], "a=1&a=2&b=x%20y")
    t.equal(ev["cookies"], ["c1=v1", "c2=v2"])
    t.equal(ev["queryStringParameters"], {"a": "1,2", "b": "x y"})
    t.equal(ev["body"], '{"a":1}')
    t.equal(ev["pathParameters"], {"id": "7"})
    t.equal(ev["isBase64Encoded"], False)
    t.equal(ev["stageVariables"], {"k": "v"})
    h = ev["headers"]
    t.match(r"^Root=1-[0-9a-f]{8}-[0-9a-f]{24}", h.pop("x-amzn-trace-id"))
    t.equal(h.pop("host").lower().split(":")[0],
            "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com")
    t.equal(h, {"content-length": "7", "content-type": "application/json",
                "user-agent": "curl/8", "x-many": "a,b",
                "x-forwarded-for": "127.0.0.1",
                "x-forwarded-port": str(g.port),
                "x-forwarded-proto": "http"})
    c = ev["requestContext"]
    t.equal(list(c), CONTEXT_TWO)
    t.equal(list(c["http"]), HTTP_TWO)
    t.equal(c["accountId"], "111122223333")
    t.equal(c["apiId"], "a1b2c3d4e5")
    t.equal(c["domainName"], "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com")
    t.equal(c["domainPrefix"], "a1b2c3d4e5")
    t.equal(c["http"], {"method": "POST", "path": "/pets/7",
                        "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                        "userAgent": "curl/8"})
    t.match(r"^[A-Za-z0-9_-]{15}=\Z", c["requestId"])
    t.equal(c["requestId"], r.get("apigw-requestid"))
    t.equal(c["routeKey"], "ANY /pets/{id}")
    t.equal(c["stage"], "$default")
    t.check(before * 1000 - 50 <= c["timeEpoch"] <= after * 1000 + 50)
    parsed = time.strptime(c["time"], "%d/%b/%Y:%H:%M:%S +0000")
    t.equal(calendar.timegm(parsed), c["timeEpoch"] // 1000)
    t.check(not r.has("x-amzn-requestid") and not r.has("x-amz-apigw-id"))


def case_two_absent_is_omitted(t):
    e, g = gateway(t)
    for target in ("/", "/?"):
        ev = invoke.ask(t, g, e, target)[1]
        t.equal(list(ev), ALWAYS)
        t.equal(ev["rawQueryString"], "")
        t.equal(ev["isBase64Encoded"], False)
        t.equal(ev["routeKey"], "$default")
        t.equal(ev["requestContext"]["routeKey"], "$default")
        t.equal(ev["rawPath"], "/")
        t.lacks("authorizer", ev["requestContext"])
        t.lacks("authentication", ev["requestContext"])

        def nulls(v):
            if isinstance(v, dict):
                return any(nulls(x) for x in v.values())
            return v is None
        t.check(not nulls(ev), "a null in %r" % ev)


def case_two_paths(t):
    e, g = gateway(t)

    def row(target, key, raw, parameters):
        ev = invoke.ask(t, g, e, target)[1]
        t.equal((ev["routeKey"], ev["rawPath"],
                 ev["requestContext"]["http"]["path"],
                 ev.get("pathParameters")), (key, raw, raw, parameters))

    with t.soft() as s:
        for args in (
                ("/pets/a%20b", "ANY /pets/{id}", "/pets/a b",
                 {"id": "a b"}),
                ("/pets/%C3%BC", "ANY /pets/{id}", "/pets/\u00fc",
                 {"id": "\u00fc"}),
                ("/files/a/b/c.txt", "GET /files/{proxy+}",
                 "/files/a/b/c.txt", {"proxy": "a/b/c.txt"}),
                ("/nope/x", "$default", "/nope/x", None)):
            s.row(args[0], row, *args)


def case_two_query(t):
    """Golden case 127."""
    e, g = gateway(t)

    def row(query, wanted):
        ev = invoke.ask(t, g, e, "/?" + query)[1]
        t.equal(ev["rawQueryString"], query)
        t.equal(ev.get("queryStringParameters"), wanted)

    with t.soft() as s:
        for query, wanted in (
                ("whats=up&whats=there", {"whats": "up,there"}),
                ("a", {"a": ""}), ("a=&a=", {"a": ","}), ("&", None),
                ("a=1+2%2B", {"a": "1 2+"}), ("a=b;c=d", {"a": "b;c=d"}),
                ("a=%22%5c", {"a": '"\\'}), ("A=1&a=2", {"A": "1",
                                                        "a": "2"})):
            s.row(query, row, query, wanted)


def case_two_cookies(t):
    e, g = gateway(t)

    def row(wanted, *values):
        ev = invoke.ask(t, g, e, "/", *[("Cookie", v) for v in values])[1]
        t.equal(ev.get("cookies"), wanted)
        t.lacks("cookie", ev["headers"])

    with t.soft() as s:
        s.row("one", row, ["a=b"], "a=b")
        s.row("two", row, ["a=b", "c=d; e"[0:3]], "a=b; c=d")
        s.row("no blank", row, ["a=b", "c=d"], "a=b;c=d")
        s.row("two fields", row, ["a=b", "c=d"], "a=b", "c=d")
        s.row("empty", row, None, "")
        s.row("marks only", row, None, "; ;")
        s.row("quotes", row, ['a="b\\"'], 'a="b\\"')


def case_two_stage_in_the_path(t):
    e, g = gateway(t, stages=[{"name": "dev", "base_path": "/dev"}])
    ev = invoke.ask(t, g, e, "/dev/pets/7")[1]
    t.equal(ev["rawPath"], "/dev/pets/7")
    t.equal(ev["requestContext"]["http"]["path"], "/dev/pets/7")
    t.equal(ev["requestContext"]["stage"], "dev")
    t.lacks("stageVariables", ev)


def case_two_headers(t):
    e, g = gateway(t)
    ev = invoke.ask(t, g, e, "/", ("Connection", "close, X-Hop"),
                    ("X-Hop", "1"), ("TE", "trailers"), ("Accept", "a"),
                    ("ACCEPT", "b"), ("X-Forwarded-For", "6.6.6.6"),
                    ("Forwarded", "for=6.6.6.6"), ("X-Empty", ""),
                    ("Authorization", "Bearer x"))[1]
    h = ev["headers"]
    t.check(all(n == n.lower() for n in h), list(h))
    t.equal(h["accept"], "a,b")
    t.equal(h["x-empty"], "")
    t.equal(h["authorization"], "Bearer x")
    t.equal(h["x-forwarded-for"], "127.0.0.1")
    t.equal(h["content-length"], "0")
    for n in ("x-hop", "connection", "te", "forwarded"):
        t.lacks(n, h)


def case_one_whole(t):
    e, g = gateway(t, stages=[{"name": "$default",
                               "variables": {"k": "v"}}])
    r, ev = invoke.ask(
        t, g, e, "/one/a%20b?q=1&q=2", ("User-Agent", "curl/8"),
        ("X-Many", "a"), ("x-many", "b"), ("Cookie", "a=b; c=d"),
        ("Content-Type", "text/plain"), method="PUT", body=b"text",
        host="api.example.com")
    t.equal(list(ev), ONE)
    t.equal(ev["version"], "1.0")
    t.equal(ev["resource"], "/one/{id}")
    t.equal(ev["path"].replace("%20", " "), "/one/a b")
    t.equal(ev["httpMethod"], "PUT")
    t.equal(ev["queryStringParameters"], {"q": "2"})
    t.equal(ev["multiValueQueryStringParameters"], {"q": ["1", "2"]})
    t.equal(ev["pathParameters"], {"id": "a b"})
    t.equal(ev["stageVariables"], {"k": "v"})
    t.equal((ev["body"], ev["isBase64Encoded"]), ("text", False))
    m = {n.lower(): v for n, v in ev["multiValueHeaders"].items()}
    t.equal(m["x-many"], ["a", "b"])
    t.equal(m["cookie"], ["a=b; c=d"])
    c = ev["requestContext"]
    t.match(r"^[A-Za-z0-9_-]{15}=\Z", c["requestId"])
    t.equal(c["requestId"], r.get("apigw-requestid"))
    t.equal(c["extendedRequestId"], c["requestId"])
    t.equal(c["resourceId"], "ANY /one/{id}")
    t.equal(c["authorizer"], {"claims": None, "scopes": None})
    t.equal(c["domainName"], "api.example.com")
    t.equal(c["domainPrefix"], "api")
    t.equal(c["accountId"], "111122223333")
    t.equal(c["apiId"], "a1b2c3d4e5")
    t.equal(c["stage"], "$default")
    t.equal(c["protocol"], "HTTP/1.1")
    t.equal(c["identity"]["sourceIp"], "127.0.0.1")
    t.equal(c["identity"]["userAgent"], "curl/8")
    t.equal(c["path"].replace("%20", " "), "/one/a b")
    t.check(isinstance(c["requestTimeEpoch"], int))


def case_one_absent_is_null(t):
    e, g = gateway(t, {"$default": invoke.call(
        payload_format_version="1.0")})
    ev = invoke.ask(t, g, e, "/x")[1]
    t.equal(list(ev), ONE)
    for n in ("queryStringParameters", "multiValueQueryStringParameters",
              "pathParameters", "stageVariables", "body"):
        t.equal(ev[n], None, n)
    t.equal(ev["isBase64Encoded"], False)
    t.equal(ev["resource"], "$default")
    t.equal(ev["requestContext"]["resourceId"], "$default")


def case_route_keys(t):
    e, g = gateway(t, {"GET /a": invoke.call(), "ANY /a": invoke.call(),
                       "ANY /{proxy+}": invoke.call(),
                       "$default": invoke.call()})
    for verb, target, key in (
            ("GET", "/a", "GET /a"), ("POST", "/a", "ANY /a"),
            ("GET", "/b/c", "ANY /{proxy+}"), ("GET", "/", "$default")):
        ev = invoke.ask(t, g, e, target, method=verb, body=b"")[1]
        t.equal(ev["routeKey"], key)
        t.equal(ev["requestContext"]["http"]["method"], verb)


def case_static_request_headers(t):
    e, g = gateway(t, {"GET /a": method(invoke.call(), request_headers={
        "X-Static": "file"})})
    ev = invoke.ask(t, g, e, "/a", ("x-static", "client"))[1]
    t.equal(ev["headers"]["x-static"], "file")


def case_request_ids_differ(t):
    e, g = gateway(t)
    seen = {invoke.ask(t, g, e, "/")[1]["requestContext"]["requestId"]
            for _ in range(20)}
    t.equal(len(seen), 20)
    traces = {c.event["headers"]["x-amzn-trace-id"] for c in e.calls}
    t.equal(len(traces), 20)
    t.check(all(re.match("Root=1-", x) for x in traces))
