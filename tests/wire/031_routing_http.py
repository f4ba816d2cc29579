"""HTTP API routing: contract 5.1."""

from lib.conf import http, mock, proxy

NOT_FOUND = '{"message":"Not Found"}'


def case_table_of_the_documentation(t):
    b = t.backend()
    keys = ["GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}",
            "ANY /{proxy+}", "$default"]
    g = t.gatehouse(http("pets", {k: proxy("b", request_headers={
        "X-Route": k}) for k in keys}), {"b": b})
    with t.soft() as rows:
        for method, target, expected in (
                ("GET", "/pets/dog/1", 0), ("GET", "/pets/dog/2", 1),
                ("GET", "/pets/cat/1", 2), ("POST", "/test/5", 3),
                ("GET", "/", 4), ("POST", "/", 4), ("POST", "/pets/dog/1", 3),
                ("PUT", "/pets", 3), ("GET", "/pets/dog/1/x", 2)):
            def one(method=method, target=target, expected=expected):
                t.answer(t.get(g, target, method=method), 200)
                t.header(b.last, "x-route", keys[expected])
            rows.row(method + " " + target, one)


def case_no_route_is_404(t):
    b = t.backend()
    g = t.gatehouse(http("a", {"GET /x": proxy("b")}), {"b": b})
    for method, target in (("GET", "/nope"), ("POST", "/x"), ("GET", "/"),
                           ("GET", "/x/y"), ("OPTIONS", "/x"),
                           ("GET", "/X")):
        r = t.get(g, target, method=method)
        t.answer(r, 404, NOT_FOUND)
        t.header(r, "content-type", "application/json")
        t.match(r"^[A-Za-z0-9_-]{15}=$", r.get("apigw-requestid"))
        t.check(not r.has("x-amzn-requestid"))
    t.equal(b.requests, [])


def case_trailing_slash_is_significant(t):
    b = t.backend()
    g = t.gatehouse(http("a", {"GET /x": proxy("b")}), {"b": b})
    t.answer(t.get(g, "/x"), 200)
    t.answer(t.get(g, "/x/"), 404, NOT_FOUND)


def case_static_before_parameter_before_greedy(t):
    b = t.backend()
    keys = ["GET /a/b", "GET /a/{x}", "ANY /a/b", "GET /a/{x+}",
            "ANY /a/{y}/c"]
    g = t.gatehouse(http("p", {k: proxy("b", request_headers={"X-Route": k})
                               for k in keys}), {"b": b})
    for method, target, key in (
            ("GET", "/a/b", "GET /a/b"), ("POST", "/a/b", "ANY /a/b"),
            ("GET", "/a/z", "GET /a/{x}"), ("GET", "/a/z/c", "ANY /a/{y}/c"),
            ("GET", "/a/z/d", "GET /a/{x+}")):
        t.answer(t.get(g, target, method=method), 200)
        t.header(b.last, "x-route", key)
    t.answer(t.get(g, "/a/z", method="POST"), 404, NOT_FOUND)


def case_named_stages(t):
    b = t.backend()
    g = t.gatehouse(http("p", {"ANY /{proxy+}": proxy("b", request_headers={
        "X-Stage": "seen"})}, stages=[{"name": "dev"}, {"name": "prod"}]),
        {"b": b})
    t.answer(t.get(g, "/dev/x"), 200)
    t.answer(t.get(g, "/prod/x"), 200)
    t.equal(b.last.target, "/x")
    t.answer(t.get(g, "/other/x"), 404, NOT_FOUND)


def case_default_stage_beside_a_named_one(t):
    b = t.backend()
    g = t.gatehouse(http("p", {"$default": proxy("b")}, stages=[
        {"name": "$default"}, {"name": "dev"}]), {"b": b})
    t.answer(t.get(g, "/dev/x"), 200)
    t.equal(b.last.target, "/x")
    t.answer(t.get(g, "/other/x"), 200)
    t.equal(b.last.target, "/other/x")
    t.answer(t.get(g, "/devil"), 200)
    t.equal(b.last.target, "/devil")


def case_mock_is_refused_or_served(t):
    """MOCK on an HTTP API: our own liberty; it must not crash."""
    g = t.gatehouse(http("m", {"GET /m": mock(200, "m")}), start=False)
    code, text = t.check_file(open(g.file).read())
    t.check(code in (0, 3), text)
