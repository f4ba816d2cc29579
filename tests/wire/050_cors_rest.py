"""Enable CORS on REST APIs: contract 6 and what gatehouse adds to it."""

import threading

from lib.backend import Reply
from lib.conf import mock, proxy, rest

DEFAULT_HEADERS = ("Content-Type,X-Amz-Date,Authorization,X-Api-Key,"
                   "X-Amz-Security-Token")
ORIGIN = "https://www.example.com"
HOSTILE = ["https://www.example.com.evil.com", "https://evil.com",
           "http://www.example.com", "https://www.example.com:8443",
           "https://www.example.com/", "https://WWW.example.com.",
           "https://example.com", "https://wwwXexample.com", "null", "",
           "https://www.example.com\thttps://evil.com", "*", "https://",
           "https://www.example.co", "https://www.example.comm",
           "file://", "https://www.example.com@evil.com",
           "https://evil.com#https://www.example.com",
           "https://evil.com/https://www.example.com", "https://*"]


def preflight(t, g, target, origin=ORIGIN, method="POST", headers=None,
              **kw):
    sent = []
    if origin is not None:
        sent.append(("Origin", origin))
    if method is not None:
        sent.append(("Access-Control-Request-Method", method))
    if headers is not None:
        sent.append(("Access-Control-Request-Headers", headers))
    return t.get(g, target, *sent, method="OPTIONS", **kw)


def cors_names(r):
    return sorted(n.lower() for n in r.names()
                  if n.lower().startswith("access-control-"))


def split(value):
    return sorted(x.strip() for x in value.split(","))


def case_defaults(t):
    b = t.backend()
    g = t.gatehouse(rest("p", {
        "/cats": {"GET": proxy("b"), "cors": {"allow_origins": ["*"]}},
        "/dogs": {"GET": proxy("b"), "POST": proxy("b"),
                  "DELETE": proxy("b"), "cors": {"allow_origins": ["*"]}},
        "/mice": {"ANY": proxy("b"), "cors": {"allow_origins": ["*"]}},
        "/plain": {"GET": proxy("b")},
    }), {"b": b})
    r = preflight(t, g, "/cats")
    t.answer(r, 200, b"")
    t.header(r, "content-length", "0")
    t.header(r, "access-control-allow-origin", "*")
    t.header(r, "access-control-allow-headers", DEFAULT_HEADERS)
    t.header(r, "access-control-allow-methods", "GET,OPTIONS")
    t.equal(cors_names(r), ["access-control-allow-headers",
                            "access-control-allow-methods",
                            "access-control-allow-origin"])
    t.check(r.get("x-amzn-requestid") and r.get("x-amz-apigw-id"))
    t.equal(split(preflight(t, g, "/dogs").get(
        "access-control-allow-methods")), ["DELETE", "GET", "OPTIONS",
                                           "POST"])
    r = preflight(t, g, "/mice")
    t.answer(r, 200, b"")
    t.header(r, "access-control-allow-methods",
             "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT")
    t.answer(preflight(t, g, "/plain"), 403,
             '{"message":"Missing Authentication Token"}')
    t.equal(b.requests, [], "no preflight meets the backend")


def case_any_options_is_answered(t):
    """The MOCK method answers OPTIONS without the preflight's headers."""
    g = t.gatehouse(rest("p", {"/cats": {
        "GET": mock(200, "x"), "cors": {"allow_origins": ["*"]}}}))
    for origin, method in ((None, None), (ORIGIN, None), (None, "GET")):
        r = preflight(t, g, "/cats", origin, method)
        t.answer(r, 200, b"")
        t.header(r, "access-control-allow-origin", "*")


def case_named_headers_and_members(t):
    g = t.gatehouse(rest("p", {"/cats": {"POST": mock(200, "x"), "cors": {
        "allow_origins": [ORIGIN], "allow_headers": ["authtoken",
                                                     "content-type"],
        "expose_headers": ["X-Total", "ETag"], "max_age": "10m",
        "allow_credentials": True}}}))
    r = preflight(t, g, "/cats", headers="authtoken")
    t.answer(r, 200, b"")
    allowed = split(r.get("access-control-allow-headers").lower())
    t.equal(allowed, split((DEFAULT_HEADERS + ",authtoken").lower()),
            "the default list and what is named, each once")
    t.header(r, "access-control-allow-origin", ORIGIN)
    t.header(r, "access-control-max-age", "600")
    t.header(r, "access-control-allow-credentials", "true")
    r = t.get(g, "/cats", ("Origin", ORIGIN), method="POST")
    t.header(r, "access-control-allow-origin", ORIGIN)
    t.header(r, "access-control-allow-credentials", "true")
    t.equal(split(r.get("access-control-expose-headers")),
            ["ETag", "X-Total"])


def case_allow_methods_as_written(t):
    g = t.gatehouse(rest("p", {"/cats": {"POST": mock(200, "x"), "cors": {
        "allow_origins": ["*"], "allow_methods": ["POST", "PUT"]}}}))
    m = split(preflight(t, g, "/cats").get("access-control-allow-methods"))
    t.check(m in (["POST", "PUT"], ["OPTIONS", "POST", "PUT"]), str(m))


def case_several_origins_echo_the_matching_one(t):
    origins = [ORIGIN, "https://app.example.com", "http://localhost:3000"]
    g = t.gatehouse(rest("p", {"/cats": {
        "GET": mock(200, "x"), "cors": {"allow_origins": origins}}}))
    for o in origins:
        for r in (preflight(t, g, "/cats", o),
                  t.get(g, "/cats", ("Origin", o))):
            t.equal(r.status, 200)
            t.header(r, "access-control-allow-origin", o)
            t.contains("origin", [v.lower() for v in r.all("vary")])
    r = preflight(t, g, "/cats", "https://evil.com")
    t.equal(r.status, 200)
    t.equal(r.all("access-control-allow-origin"), [])
    r = t.get(g, "/cats", ("Origin", "https://evil.com"))
    t.answer(r, 200, "x")
    t.equal(r.all("access-control-allow-origin"), [])
    t.contains("origin", [v.lower() for v in r.all("vary")])
    t.contains("origin", [v.lower() for v in t.get(g, "/cats").all("vary")])


def case_foreign_origins_are_never_echoed(t):
    g = t.gatehouse(rest("p", {
        "/one": {"GET": mock(200, "x"), "cors": {"allow_origins": [ORIGIN]}},
        "/two": {"GET": mock(200, "x"), "cors": {"allow_origins": [
            ORIGIN, "https://b.example.com"], "allow_credentials": True}}}))
    with t.soft() as rows:
        for target in ("/one", "/two"):
            for o in HOSTILE:
                def one(o=o, target=target):
                    for r in (preflight(t, g, target, o),
                              t.get(g, target, ("Origin", o))):
                        if r.status == 400:
                            continue
                        t.equal(r.status, 200)
                        t.check(r.all("access-control-allow-origin") in
                                ([], [ORIGIN]), repr(r.headers))
                rows.row("%s %r" % (target, o), one)


def case_null_only_when_written(t):
    g = t.gatehouse(rest("p", {
        "/n": {"GET": mock(200, "x"),
               "cors": {"allow_origins": ["null", ORIGIN]}},
        "/o": {"GET": mock(200, "x"), "cors": {"allow_origins": [ORIGIN]}}}))
    t.header(t.get(g, "/n", ("Origin", "null")),
             "access-control-allow-origin", "null")
    t.check(t.get(g, "/o", ("Origin", "null"))
            .get("access-control-allow-origin") != "null")


def case_own_errors_carry_the_headers(t):
    hold = threading.Event()

    def stuck(req, conn):
        hold.wait(20)
        conn.over = True
    b = t.backend(stuck)
    down = t.backend(listen=False)
    g = t.gatehouse(rest("p", {
        "/down": {"GET": proxy("down")},
        "/slow": {"GET": proxy("b", timeout="300ms")},
        "/big": {"POST": proxy("b")}},
        cors={"allow_origins": ["*"], "allow_headers": ["authtoken"]}),
        {"b": b, "down": down}, {"limits": {"body": 100}})
    with t.soft() as rows:
        for target, method, status, body in (
                ("/down", "GET", 500, None), ("/slow", "GET", 504, None),
                ("/big", "POST", 413, b"x" * 101),
                ("/nope", "GET", 403, None)):
            def one(target=target, method=method, status=status, body=body):
                r = t.get(g, target, ("Origin", ORIGIN), method=method,
                          body=body)
                t.equal(r.status, status)
                t.header(r, "access-control-allow-origin", "*")
            rows.row(target, one)
    hold.set()


def case_resource_cors_on_its_own_errors(t):
    down = t.backend(listen=False)
    g = t.gatehouse(rest("p", {
        "/with": {"GET": proxy("down"), "cors": {"allow_origins": [ORIGIN]}},
        "/without": {"GET": proxy("down")}}), {"down": down})
    r = t.get(g, "/with", ("Origin", ORIGIN))
    t.equal(r.status, 500)
    t.header(r, "access-control-allow-origin", ORIGIN)
    r = t.get(g, "/without", ("Origin", ORIGIN))
    t.equal(r.status, 500)
    t.equal(cors_names(r), [])


def case_proxied_answers(t):
    answers = {
        "none": [("X-A", "b")],
        "own": [("Access-Control-Allow-Origin", "https://theirs.test")],
        "odd": [("access-control-allow-ORIGIN", "https://theirs.test"),
                ("Access-Control-Expose-Headers", "X-Theirs")],
    }
    b = t.backend(lambda q, c: Reply(
        404 if "404" in q.target else 200,
        answers[q.target.split("=")[1]], b"x"))
    g = t.gatehouse(rest("p", {"/c": {
        "GET": proxy("b"), "cors": {"allow_origins": ["*"],
                                    "expose_headers": ["X-Ours"]}}}),
        {"b": b})
    for code in ("", "404"):
        r = t.get(g, "/c?%s=none" % code, ("Origin", ORIGIN))
        t.header(r, "access-control-allow-origin", "*")
        for kind in ("own", "odd"):
            r = t.get(g, "/c?%s=%s" % (code, kind), ("Origin", ORIGIN))
            t.header(r, "access-control-allow-origin", "https://theirs.test")
            t.check(len(r.all("access-control-expose-headers")) <= 1)


def case_written_options_method_wins(t):
    b = t.backend()
    g = t.gatehouse(rest("p", {
        "/m": {"GET": mock(200, "x"), "OPTIONS": mock(
            204, response_headers={"X-Mine": "yes"}),
            "cors": {"allow_origins": ["*"]}},
        "/p": {"GET": mock(200, "x"), "OPTIONS": proxy("b"),
               "cors": {"allow_origins": ["*"]}}}), {"b": b})
    r = preflight(t, g, "/m")
    t.answer(r, 204, b"")
    t.header(r, "x-mine", "yes")
    t.answer(preflight(t, g, "/p"), 200)
    t.equal(b.last.method, "OPTIONS")


def case_cors_is_not_recursive(t):
    g = t.gatehouse(rest("p", {
        "/a": {"GET": mock(200, "x"), "cors": {"allow_origins": ["*"]}},
        "/a/b": {"GET": mock(200, "x")}}))
    t.answer(preflight(t, g, "/a"), 200)
    t.answer(preflight(t, g, "/a/b"), 403)


def case_api_wide_with_an_inner_one(t):
    g = t.gatehouse(rest("p", {
        "/": {"POST": mock(200, "x")},
        "/a": {"GET": mock(200, "x")},
        "/b/{id}": {"PUT": mock(200, "x"),
                    "cors": {"allow_origins": [ORIGIN]}}},
        cors={"allow_origins": ["*"]}))
    for target, origin, methods in (("/", "*", "OPTIONS,POST"),
                                    ("/a", "*", "GET,OPTIONS"),
                                    ("/b/7", ORIGIN, "OPTIONS,PUT")):
        r = preflight(t, g, target)
        t.answer(r, 200, b"")
        t.header(r, "access-control-allow-origin", origin)
        t.equal(split(r.get("access-control-allow-methods")),
                methods.split(","))
    t.equal(preflight(t, g, "/nope").status, 403)


def case_preflights_on_one_connection(t):
    b = t.backend()
    g = t.gatehouse(rest("p", {"/cats/{id}": {
        "POST": proxy("b"), "cors": {"allow_origins": [ORIGIN],
                                     "allow_headers": ["authtoken"]}}}),
        {"b": b})
    with g.client() as c:
        ids = set()
        for i in range(50):
            r = c.request("OPTIONS", "/cats/%d" % i, [
                ("Origin", ORIGIN), ("Access-Control-Request-Method", "POST"),
                ("Access-Control-Request-Headers", "authtoken")])
            t.answer(r, 200, b"")
            t.check(r.get("date"))
            ids.add(r.get("x-amzn-requestid"))
            r = c.request("POST", "/cats/%d" % i, [
                ("Origin", ORIGIN), ("authtoken", "t")], b"{}")
            t.answer(r, 200)
            t.header(r, "access-control-allow-origin", ORIGIN)
        t.equal(len(ids), 50)
    t.equal(len(b.requests), 50)


def case_preflight_with_a_body(t):
    g = t.gatehouse(rest("p", {"/c": {"GET": mock(200, "x"), "cors": {
        "allow_origins": ["*"]}}}))
    with g.client() as c:
        r = c.request("OPTIONS", "/c", [
            ("Origin", ORIGIN), ("Access-Control-Request-Method", "GET")],
            b"GET /nope HTTP/1.1\r\nHost: x\r\n\r\n")
        t.answer(r, 200, b"")
        t.answer(c.get("/c"), 200, "x")
