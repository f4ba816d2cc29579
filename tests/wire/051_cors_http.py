"""CORS of HTTP APIs: contract 5.2, its one improvement and its switch."""

from lib.backend import Reply
from lib.conf import http, proxy

ORIGIN = "https://www.example.com"


def preflight(t, g, target="/x", origin=ORIGIN, method="GET", headers=None):
    sent = []
    if origin is not None:
        sent.append(("Origin", origin))
    if method is not None:
        sent.append(("Access-Control-Request-Method", method))
    if headers is not None:
        sent.append(("Access-Control-Request-Headers", headers))
    return t.get(g, target, *sent, method="OPTIONS")


def cors_headers(r):
    return sorted(n.lower() for n in r.names()
                  if n.lower().startswith("access-control-"))


def case_full_object(t):
    b = t.backend()
    g = t.gatehouse(http("h", {"GET /x": proxy("b")}, cors={
        "allow_origins": [ORIGIN, "https://b.example.com"],
        "allow_methods": ["GET", "POST"], "allow_headers": ["authtoken", "x"],
        "expose_headers": ["X-Total"], "max_age": "5m",
        "allow_credentials": True}), {"b": b})
    r = preflight(t, g)
    t.answer(r, 204, b"")
    t.header(r, "access-control-allow-origin", ORIGIN)
    t.equal(r.get("access-control-allow-methods").replace(" ", ""),
            "GET,POST")
    t.equal(r.get("access-control-allow-headers").replace(" ", ""),
            "authtoken,x")
    t.header(r, "access-control-max-age", "300")
    t.header(r, "access-control-allow-credentials", "true")
    t.check(r.get("apigw-requestid"))
    t.equal(b.requests, [])
    r = t.get(g, "/x", ("Origin", ORIGIN))
    t.answer(r, 200)
    t.header(r, "access-control-allow-origin", ORIGIN)
    t.header(r, "access-control-allow-credentials", "true")
    t.header(r, "access-control-expose-headers", "X-Total")
    t.contains("origin", [v.lower() for v in r.all("vary")])


def case_only_configured_members(t):
    b = t.backend()
    g = t.gatehouse(http("h", {"GET /x": proxy("b")}, cors={
        "allow_origins": ["*"]}), {"b": b})
    r = preflight(t, g)
    t.answer(r, 204, b"")
    t.header(r, "access-control-allow-origin", "*")
    for n in ("max-age", "allow-credentials", "expose-headers",
              "allow-headers"):
        t.check(not r.has("access-control-" + n), n)
    r = t.get(g, "/x", ("Origin", ORIGIN))
    t.header(r, "access-control-allow-origin", "*")


def case_no_origin_no_headers(t):
    b = t.backend()
    g = t.gatehouse(http("h", {"GET /x": proxy("b")}, cors={
        "allow_origins": ["*"], "expose_headers": ["X"]}), {"b": b})
    t.equal(cors_headers(t.get(g, "/x")), [])
    t.equal(cors_headers(t.get(g, "/nope")), [])


def case_foreign_origin(t):
    b = t.backend()
    g = t.gatehouse(http("h", {"GET /x": proxy("b")}, cors={
        "allow_origins": [ORIGIN], "allow_methods": ["*"],
        "allow_headers": ["*"], "max_age": "1m"}), {"b": b})
    for o in ("https://evil.com", "null", ORIGIN + ".evil.com", ORIGIN + "/",
              "http://www.example.com"):
        r = preflight(t, g, origin=o)
        t.answer(r, 204, b"")
        t.equal(cors_headers(r), [], o)
        r = t.get(g, "/x", ("Origin", o))
        t.answer(r, 200)
        t.equal(cors_headers(r), [], o)


def case_backend_headers_are_discarded(t):
    b = t.backend(lambda q, c: Reply(200, [
        ("Access-Control-Allow-Origin", "https://theirs.test"),
        ("access-control-allow-credentials", "true"),
        ("Access-Control-Expose-Headers", "X-Theirs"), ("X-A", "b")], b"x"))
    g = t.gatehouse([
        http("with", {"GET /x": proxy("b")}, stages=[{"name": "with"}],
             cors={"allow_origins": ["*"]}),
        http("without", {"GET /x": proxy("b")}, stages=[{"name": "without"}]),
    ], {"b": b})
    r = t.get(g, "/with/x", ("Origin", ORIGIN))
    t.equal([(n.lower(), v) for n, v in r.headers
             if n.lower().startswith("access-control")],
            [("access-control-allow-origin", "*")])
    t.header(r, "x-a", "b")
    r = t.get(g, "/with/x")
    t.equal(cors_headers(r), [], "theirs go also without an Origin")
    r = t.get(g, "/without/x", ("Origin", ORIGIN))
    t.header(r, "access-control-allow-origin", "https://theirs.test")


def case_own_errors_carry_the_headers(t):
    down = t.backend(listen=False)
    g = t.gatehouse(http("h", {"GET /x": proxy("down")}, cors={
        "allow_origins": [ORIGIN]}), {"down": down})
    for target in ("/x", "/nope"):
        r = t.get(g, target, ("Origin", ORIGIN))
        t.check(r.status >= 400)
        t.header(r, "access-control-allow-origin", ORIGIN)


def case_preflight_answered_by_the_gateway_on_any_and_default(t):
    """The deliberate improvement: no route names OPTIONS."""
    b = t.backend()
    g = t.gatehouse([
        http("any", {"ANY /{proxy+}": proxy("b")}, stages=[{"name": "any"}],
             cors={"allow_origins": ["*"]}),
        http("def", {"$default": proxy("b")}, stages=[{"name": "def"}],
             cors={"allow_origins": ["*"]}),
        http("none", {"GET /y": proxy("b")}, stages=[{"name": "none"}],
             cors={"allow_origins": ["*"]})], {"b": b})
    for target in ("/any/x", "/def/x", "/def", "/none/y", "/none/nowhere"):
        r = preflight(t, g, target)
        t.answer(r, 204, b"")
        t.header(r, "access-control-allow-origin", "*")
    t.equal(b.requests, [], "no preflight meets the backend")


def case_plain_options_is_no_preflight(t):
    b = t.backend()
    g = t.gatehouse([
        http("any", {"ANY /x": proxy("b")}, stages=[{"name": "any"}],
             cors={"allow_origins": ["*"]}),
        http("get", {"GET /x": proxy("b")}, stages=[{"name": "get"}],
             cors={"allow_origins": ["*"]})], {"b": b})
    for origin, method in ((None, "GET"), (ORIGIN, None), (None, None)):
        n = len(b.requests)
        t.answer(preflight(t, g, "/any/x", origin, method), 200)
        t.equal(len(b.requests), n + 1)
        t.answer(preflight(t, g, "/get/x", origin, method), 404,
                 '{"message":"Not Found"}')


def case_preflight_by_the_route(t):
    b = t.backend(lambda q, c: Reply(299, [
        ("Access-Control-Allow-Methods", "THEIRS")], b"r"))
    g = t.gatehouse([
        http("any", {"ANY /x": proxy("b"), "GET /g": proxy("b")},
             stages=[{"name": "any"}],
             cors={"allow_origins": ["*"], "preflight": "route"}),
    ], {"b": b})
    r = preflight(t, g, "/any/x")
    t.answer(r, 299, b"r")
    t.header(r, "access-control-allow-origin", "*")
    t.equal(len(b.requests), 1)
    t.answer(preflight(t, g, "/any/g"), 204, b"")


def case_written_options_route_wins(t):
    b = t.backend(lambda q, c: Reply(200, [], b"mine"))
    g = t.gatehouse(http("h", {
        "OPTIONS /x": proxy("b"), "GET /x": proxy("b"),
        "OPTIONS /p/{proxy+}": proxy("b"), "ANY /p/{proxy+}": proxy("b")},
        cors={"allow_origins": ["*"]}), {"b": b})
    for target in ("/x", "/p/q"):
        r = preflight(t, g, target)
        t.answer(r, 200, b"mine")
        t.header(r, "access-control-allow-origin", "*")
    t.equal(len(b.requests), 2)


def case_no_cors_no_answer(t):
    b = t.backend()
    g = t.gatehouse(http("h", {"GET /x": proxy("b")}), {"b": b})
    t.answer(preflight(t, g), 404, '{"message":"Not Found"}')
