"""Events of REST APIs, field by field: contract 4.1, 1.3, 1.6."""

import calendar
import re
import time

from lib import invoke
from lib.conf import method, rest

TOP = ["resource", "path", "httpMethod", "headers", "multiValueHeaders",
       "queryStringParameters", "multiValueQueryStringParameters",
       "pathParameters", "stageVariables", "requestContext", "body",
       "isBase64Encoded"]
CONTEXT = ["resourceId", "resourcePath", "httpMethod", "extendedRequestId",
           "requestTime", "path", "accountId", "protocol", "stage",
           "domainPrefix", "requestTimeEpoch", "requestId", "identity",
           "domainName", "deploymentId", "apiId"]
IDENTITY = ["cognitoIdentityPoolId", "accountId", "cognitoIdentityId",
            "caller", "sourceIp", "principalOrgId", "accessKey",
            "cognitoAuthenticationType", "cognitoAuthenticationProvider",
            "userArn", "userAgent", "user"]
STAGE = [{"name": "stage", "variables": {"env": "prod", "url": "a.b/c?d=e"}}]
TRACE = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01]\Z"


def gateway(t, resources=None, stages=None, **kw):
    e = invoke.endpoint(t)
    api = rest("pets", resources or {"/pets/{id}": {"ANY": invoke.call()}},
               stages=stages or STAGE, id="a1b2c3d4e5", **kw)
    return e, invoke.serve(t, e, api, settings={
        "account_id": "111122223333"})


def case_whole_event(t):
    e, g = gateway(t)
    before = time.time()
    r, ev = invoke.ask(
        t, g, e, "/stage/pets/7?q=first&q=last&x=1",
        ("Content-Type", "application/json"), ("User-Agent", "curl/8"),
        ("X-One", "1"), ("X-Many", "a"), ("x-many", "b"),
        method="POST", body=b'{"a":1}',
        host="a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com:8080")
    after = time.time()
    t.equal(list(ev), TOP)
    t.lacks("version", ev)
    t.equal(ev["resource"], "/pets/{id}")
    t.equal(ev["path"], "/pets/7")
    t.equal(ev["httpMethod"], "POST")
    t.equal(ev["queryStringParameters"], {"q": "last", "x": "1"})
    t.equal(ev["multiValueQueryStringParameters"],
            {"q": ["first", "last"], "x": ["1"]})
    t.equal(ev["pathParameters"], {"id": "7"})
    t.equal(ev["stageVariables"], {"env": "prod", "url": "a.b/c?d=e"})
    t.equal(ev["body"], '{"a":1}')
    t.equal(ev["isBase64Encoded"], False)
    h, m = ev["headers"], ev["multiValueHeaders"]
    t.equal(list(h), list(m))
    t.equal(h["Content-Type"], "application/json")
    t.equal(h["User-Agent"], "curl/8")
    t.equal(h["X-One"], "1")
    t.equal(m["X-One"], ["1"])
    t.equal(h["X-Many"], "b", "the last value")
    t.equal(m["X-Many"], ["a", "b"])
    t.equal(h["X-Forwarded-For"], "127.0.0.1")
    t.equal(h["X-Forwarded-Port"], str(g.port))
    t.equal(h["X-Forwarded-Proto"], "http")
    trace = r.get("x-amzn-trace-id")
    t.match("^" + TRACE, trace)
    t.check(trace.startswith(h["X-Amzn-Trace-Id"]), h["X-Amzn-Trace-Id"])
    t.equal(e.calls[-1].request.get("x-amzn-trace-id"), trace)
    t.equal(sorted(n.lower() for n in h), [
        "content-type", "host", "user-agent", "x-amzn-trace-id",
        "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto",
        "x-many", "x-one"])
    c = ev["requestContext"]
    t.equal(list(c), CONTEXT)
    t.match(r"^[a-z0-9]{6,10}\Z", c["resourceId"])
    t.equal(c["resourcePath"], "/pets/{id}")
    t.equal(c["httpMethod"], "POST")
    t.equal(c["extendedRequestId"], r.get("x-amz-apigw-id"))
    t.equal(c["requestId"], r.get("x-amzn-requestid"))
    t.equal(c["path"], "/stage/pets/7")
    t.equal(c["accountId"], "111122223333")
    t.equal(c["protocol"], "HTTP/1.1")
    t.equal(c["stage"], "stage")
    t.equal(c["domainPrefix"], "a1b2c3d4e5")
    t.equal(c["domainName"], "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com")
    t.equal(c["apiId"], "a1b2c3d4e5")
    t.match(r"^[a-z0-9]{6,10}\Z", c["deploymentId"])
    epoch = c["requestTimeEpoch"]
    t.check(isinstance(epoch, int)
            and before * 1000 - 50 <= epoch <= after * 1000 + 50,
            "requestTimeEpoch %r" % epoch)
    parsed = time.strptime(c["requestTime"], "%d/%b/%Y:%H:%M:%S +0000")
    t.equal(calendar.timegm(parsed), epoch // 1000)
    i = c["identity"]
    t.equal(list(i), IDENTITY)
    t.equal(i["sourceIp"], "127.0.0.1")
    t.equal(i["userAgent"], "curl/8")
    for n in IDENTITY:
        if n not in ("sourceIp", "userAgent"):
            t.equal(i[n], None, n)


def case_absent_is_null(t):
    e, g = gateway(t, {"/": {"GET": invoke.call()}}, [{"name": "stage"}])
    for target in ("/stage/", "/stage", "/stage?", "/stage/?"):
        ev = invoke.ask(t, g, e, target)[1]
        t.equal(list(ev), TOP)
        for n in ("queryStringParameters", "multiValueQueryStringParameters",
                  "pathParameters", "stageVariables", "body"):
            t.equal(ev[n], None, n)
        t.equal(ev["isBase64Encoded"], False)
        t.equal(ev["resource"], "/")
        t.equal(ev["path"], "/")
        t.equal(ev["requestContext"]["identity"]["userAgent"], None)


def case_golden_paths(t):
    """Golden cases 7, 9, 11 and 15."""
    e, g = gateway(t, {"/{proxy+}": {"GET": invoke.call()},
                       "/hardcoded": {"GET": invoke.call()}})

    def row(target, path, full, parameters, resource="/{proxy+}",
            query=None):
        ev = invoke.ask(t, g, e, target)[1]
        t.equal(ev["path"], path)
        t.equal(ev["requestContext"]["path"], full)
        t.equal(ev["pathParameters"], parameters)
        t.equal(ev["resource"], resource)
        t.equal(ev["requestContext"]["resourcePath"], resource)
        t.equal(ev["queryStringParameters"], query)

    proxy = {"proxy": "proxy-value"}
    with t.soft() as s:
        for args in (
                ("/stage/proxy-value", "/proxy-value", "/stage/proxy-value",
                 proxy),
                ("/stage/proxy-value/", "/proxy-value/",
                 "/stage/proxy-value/", proxy),
                ("//stage/proxy-value", "/proxy-value", "/stage/proxy-value",
                 proxy),
                ("/stage//proxy-value", "/proxy-value",
                 "/stage//proxy-value", proxy),
                ("/stage//hardcoded", "/hardcoded", "/stage//hardcoded",
                 None, "/hardcoded"),
                ("/stage/hardcoded/", "/hardcoded/", "/stage/hardcoded/",
                 None, "/hardcoded"),
                ("/stage/proxy-value/?urlparam=test", "/proxy-value/",
                 "/stage/proxy-value/", proxy, "/{proxy+}",
                 {"urlparam": "test"}),
                ("/stage/a//b", "/a//b", "/stage/a//b", {"proxy": "a//b"}),
                ("/stage/a/b%20c/%2Fd", "/a/b%20c/%2Fd",
                 "/stage/a/b%20c/%2Fd", {"proxy": "a/b%20c/%2Fd"}),
                ("/stage/test%2Balias@x", "/test%2Balias@x",
                 "/stage/test%2Balias@x", {"proxy": "test%2Balias@x"})):
            s.row(args[0], row, *args)


def case_golden_query(t):
    """Golden case 13, and what else a query can be."""
    e, g = gateway(t, {"/{proxy+}": {"GET": invoke.call()}})

    def row(query, single, multi=None):
        ev = invoke.ask(t, g, e, "/stage/proxy-value/api?" + query)[1]
        t.equal(ev["path"], "/proxy-value/api")
        t.equal(ev["queryStringParameters"], single)
        if multi is None:
            multi = single and {k: [v] for k, v in single.items()}
        t.equal(ev["multiValueQueryStringParameters"], multi)

    with t.soft() as s:
        s.row("golden", row,
              "dateTimeOffset=2023-06-12T18:05:10.123456+00:00&"
              "email=test%2Balias@gmail.com&plus=test+alias@gmail.com&"
              "url=https://www.google.com/&whitespace=foo%20bar&"
              "zhash=abort/", {
                  "dateTimeOffset": "2023-06-12T18:05:10.123456 00:00",
                  "email": "test+alias@gmail.com",
                  "plus": "test alias@gmail.com",
                  "url": "https://www.google.com/",
                  "whitespace": "foo bar", "zhash": "abort/"})
        for query, single, multi in (
                ("a", {"a": ""}, None),
                ("a=", {"a": ""}, None),
                ("a=b=c", {"a": "b=c"}, None),
                ("&&", None, None),
                ("a=1&&b=2&", {"a": "1", "b": "2"}, None),
                ("A=1&a=2", {"A": "1", "a": "2"}, None),
                ("a=1&b=x&a=2&a=1", {"a": "1", "b": "x"},
                 {"a": ["1", "2", "1"], "b": ["x"]}),
                ("%61=1&a=2", {"a": "2"}, {"a": ["1", "2"]}),
                ("a%5B%5D=1&a[]=2", {"a[]": "2"}, {"a[]": ["1", "2"]}),
                ("u=%C3%BC%E2%82%AC", {"u": "\u00fc\u20ac"}, None),
                ("bad=%zz%4", {"bad": "%zz%4"}, None),
                ("low=%ff", {"low": "\ufffd"}, None),
                ("nul=%00%0a%22%5c", {"nul": "\0\n\"\\"}, None)):
            s.row(query, row, query, single, multi)


def case_base_path_is_shown(t):
    """A custom domain's base path is in path (contract, 1.1)."""
    e, g = gateway(t, {"/pets/{id}": {"GET": invoke.call()}}, [
        {"name": "prod", "hosts": ["api.example.com"],
         "base_path": "/shop"}])
    ev = invoke.ask(t, g, e, "/shop/pets/7", host="API.example.com")[1]
    t.equal(ev["path"], "/shop/pets/7")
    t.equal(ev["resource"], "/pets/{id}")
    c = ev["requestContext"]
    t.equal(c["path"], "/shop/pets/7")
    t.equal(c["stage"], "prod")
    t.equal(c["domainName"], "api.example.com")
    t.equal(c["domainPrefix"], "api")


def case_header_names(t):
    e, g = gateway(t)
    ev = invoke.ask(t, g, e, "/stage/pets/1", ("authorization", "Bearer x"),
                    ("user-agent", "u"), ("date", "today"), ("accept", "*/*"),
                    ("X-cAsE", "as sent"), ("cookie", "a=b; c=d"),
                    ("referer", "r"), ("via", "1.1 p"))[1]
    t.equal({n for n in ev["headers"] if not n.startswith("X-Forwarded")},
            {"Host", "Authorization", "User-Agent", "Date", "accept",
             "X-cAsE", "cookie", "referer", "via", "X-Amzn-Trace-Id"})
    t.equal(ev["headers"]["Authorization"], "Bearer x")
    t.equal(ev["headers"]["cookie"], "a=b; c=d")


def case_headers_never_shown(t):
    e, g = gateway(t)
    sent = [("Connection", "keep-alive, X-Hop"), ("Content-MD5", "x"),
            ("Max-Forwards", "1"), ("Proxy-Authenticate", "x"),
            ("Server", "x"), ("TE", "trailers"), ("Trailer", "x"),
            ("Upgrade", "h2c"), ("WWW-Authenticate", "x"),
            ("Keep-Alive", "x"), ("Proxy-Connection", "x")]
    with t.soft() as s:
        for name, v in sent:
            ev = invoke.ask(t, g, e, "/stage/pets/1", (name, v), ("X-Hop",
                            "1"), ("X-Stays", "1"), method="POST",
                            body=b"x")[1]
            shown = {n.lower() for n in ev["headers"]}
            if name.lower() in shown:
                s.add("%s is shown" % name)
            if "content-length" in shown or "x-stays" not in shown:
                s.add("%s: %r" % (name, shown))
            if (name == "Connection") == ("x-hop" in shown):
                s.add("%s: X-Hop" % name)
            if shown != {n.lower() for n in ev["multiValueHeaders"]}:
                s.add("%s: multiValueHeaders differ" % name)


def case_expect_and_chunked(t):
    e, g = gateway(t)
    c = t.client(g)
    c.send(b"POST /stage/pets/1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue"
           b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    got = []
    t.equal(c.head().status, 100)
    c.send(b"3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Trailer: t\r\n\r\n")
    t.answer(c.response(informational=got), 200, "ok")
    t.equal(e.event["body"], "abcdefg")
    shown = {n.lower() for n in e.event["headers"]}
    t.check(not shown & {"expect", "transfer-encoding", "x-trailer",
                         "content-length"}, shown)
    t.equal(e.wrong, [])


def case_claims_of_the_client_are_replaced(t):
    e, g = gateway(t)
    ev = invoke.ask(t, g, e, "/stage/pets/1",
                    ("X-Forwarded-For", "6.6.6.6"),
                    ("x-forwarded-proto", "https"),
                    ("X-Forwarded-Port", "443"),
                    ("X-Forwarded-Host", "evil"), ("Forwarded", "for=6.6"),
                    ("X-Amzn-Trace-Id", "garbage\tx"))[1]
    m = {n.lower(): v for n, v in ev["multiValueHeaders"].items()}
    t.equal(m["x-forwarded-for"], ["127.0.0.1"])
    t.equal(m["x-forwarded-proto"], ["http"])
    t.equal(m["x-forwarded-port"], [str(g.port)])
    t.lacks("x-forwarded-host", m)
    t.lacks("forwarded", m)
    t.equal(len(m["x-amzn-trace-id"]), 1)
    t.match(r"^Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;|\Z)",
            m["x-amzn-trace-id"][0])


def case_trace_id(t):
    e, g = gateway(t)
    root = "1-5759e988-bd862e3fe1be46a994272793"
    full = "Root=%s;Parent=53995c3f42cd8ad8;Sampled=1" % root
    r, ev = invoke.ask(t, g, e, "/stage/pets/1", ("x-amzn-trace-id", full))
    shown = [v for n, v in ev["headers"].items()
             if n.lower() == "x-amzn-trace-id"]
    t.equal(len(shown), 1)
    for v in (shown[0], r.get("x-amzn-trace-id")):
        t.check(v.startswith(full), v)
    r, ev = invoke.ask(t, g, e, "/stage/pets/1",
                       ("X-AMZN-TRACE-ID", "Root=" + root))
    v = r.get("x-amzn-trace-id")
    t.match("^Root=%s;Parent=[0-9a-f]{16};Sampled=0" % root, v)
    t.equal(e.calls[-1].request.get("x-amzn-trace-id"), v)
    t.check(v.startswith(e.calls[-1].header("x-amzn-trace-id")), v)


def case_static_request_headers(t):
    call = method(invoke.call(), request_headers={
        "X-Static": "from the file", "X-Both": "file",
        "X-Quote": 'a "b" \\c'})
    e, g = gateway(t, {"/x": {"GET": call}},
                   request_headers={"X-Api": "api", "X-Static": "outer"})
    r, ev = invoke.ask(t, g, e, "/stage/x", ("x-both", "client"),
                       ("X-Client", "1"))
    h, m = ev["headers"], ev["multiValueHeaders"]
    t.equal(h["X-Static"], "from the file")
    t.equal(h["X-Api"], "api")
    t.equal(h["X-Quote"], 'a "b" \\c')
    t.equal([v for n, v in m.items() if n.lower() == "x-both"], [["file"]])
    t.equal(h["X-Client"], "1")
    for n in ("X-Static", "X-Api", "X-Client"):
        t.check(not e.calls[-1].request.has(n), "%s on the wire" % n)


def case_methods(t):
    e, g = gateway(t)
    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        ev = invoke.ask(t, g, e, "/stage/pets/1", method=verb,
                        body=None if verb in ("GET", "HEAD") else b"")[1]
        t.equal(ev["httpMethod"], verb)
        t.equal(ev["requestContext"]["httpMethod"], verb)


def case_method_override(t):
    e, g = gateway(t)
    r, ev = invoke.ask(t, g, e, "/stage/pets/1",
                       ("X-HTTP-Method-Override", "PUT"), method="POST",
                       body=b"x")
    t.equal(ev["httpMethod"], ev["requestContext"]["httpMethod"])
    t.equal(ev["httpMethod"], "PUT")


def case_many_names(t):
    """As many parameters as a target holds; none is lost."""
    e, g = gateway(t)
    names = ["p%d" % i for i in range(900)]
    ev = invoke.ask(t, g, e, "/stage/pets/1?" + "&".join(
        n + "=1" for n in names) + "&p5=2")[1]
    t.equal(list(ev["queryStringParameters"]), names)
    t.equal(ev["queryStringParameters"]["p5"], "2")
    t.equal(ev["multiValueQueryStringParameters"]["p5"], ["1", "2"])
    t.equal(ev["multiValueQueryStringParameters"]["p899"], ["1"])


def case_odd_bytes_in_headers(t):
    e, g = gateway(t)
    with g.client() as c:
        c.send(b"GET /stage/pets/1 HTTP/1.1\r\nHost: x\r\n"
               b"X-Utf8: \xc3\xbc\r\nX-Latin: \xfc\"\\\r\nX-Tab: a\tb\r\n"
               b"X-Empty:\r\n\r\n")
        t.equal(c.response().status, 200)
    h = e.event["headers"]
    t.equal(h["X-Utf8"], "\u00fc")
    t.equal(h["X-Latin"], "\ufffd\"\\")
    t.equal(h["X-Tab"], "a\tb")
    t.equal(h["X-Empty"], "")


def case_http_1_0(t):
    e, g = gateway(t)
    with g.client() as c:
        c.send(b"GET /stage/pets/1 HTTP/1.0\r\nHost: x.y\r\n\r\n")
        t.equal(c.response().status, 200)
    t.equal(e.event["requestContext"]["protocol"], "HTTP/1.0")
    t.check(re.match(r"\d", e.event["requestContext"]["requestTime"]))


def case_two_stages(t):
    e, g = gateway(t, stages=[
        {"name": "dev", "variables": {"k": "1"}}, {"name": "prod"}])
    a = invoke.ask(t, g, e, "/dev/pets/1")[1]
    b = invoke.ask(t, g, e, "/prod/pets/1")[1]
    t.equal(a["stageVariables"], {"k": "1"})
    t.equal(b["stageVariables"], None)
    t.equal((a["requestContext"]["stage"], b["requestContext"]["stage"]),
            ("dev", "prod"))
    t.equal(a["path"], b["path"])
