"""MOCK integrations and static headers: the innermost wins."""

from lib.conf import http, method, mock, proxy, rest


def case_mock(t):
    g = t.gatehouse(rest("m", {
        "/ok": {"GET": mock(200, '{"id": 42}')},
        "/teapot": {"ANY": mock(418, "short", response_headers={
            "Content-Type": "text/plain", "X-Odd": "a, b; c=\"d\""})},
        "/nothing": {"GET": mock(204)},
        "/empty": {"GET": mock(201)},
        "/moved": {"GET": mock(302, response_headers={
            "Location": "https://example.com/"})},
        "/utf8": {"GET": mock(200, "caf\u00e9 \u20ac")},
    }))
    r = t.get(g, "/ok")
    t.answer(r, 200, '{"id": 42}')
    t.header(r, "content-type", "application/json")
    r = t.get(g, "/teapot", method="PUT", body=b"ignored")
    t.answer(r, 418, "short")
    t.header(r, "content-type", "text/plain")
    t.header(r, "x-odd", 'a, b; c="d"')
    t.answer(t.get(g, "/nothing"), 204, b"")
    t.answer(t.get(g, "/empty"), 201, b"")
    r = t.get(g, "/moved")
    t.answer(r, 302)
    t.header(r, "location", "https://example.com/")
    t.answer(t.get(g, "/utf8"), 200, "caf\u00e9 \u20ac".encode())


def case_big_mock_body(t):
    g = t.gatehouse(rest("m", {"/big": {"GET": mock(200, "x" * 200000)}}))
    with g.client() as c:
        for _ in range(5):
            t.answer(c.get("/big"), 200, "x" * 200000)


def layered(where, headers_name):
    """An API with X-Layer set at every level from `where` outwards."""
    def h(level):
        return {headers_name: {"X-Layer": level, "X-" + level: "1"}} \
            if levels.index(level) <= levels.index(where) else {}
    levels = ["api", "resource", "method", "integration"]
    resource = {"GET": method(proxy("b", **h("integration")), **h("method"))}
    resource.update(h("resource"))
    return rest("l", {"/x": resource}, **h("api"))


def case_innermost_request_header_wins(t):
    b = t.backend()
    for where in ("api", "resource", "method", "integration"):
        g = t.gatehouse(layered(where, "request_headers"), {"b": b})
        t.answer(t.get(g, "/x", ("X-Layer", "client")), 200)
        t.equal(b.last.all("x-layer"), [where])
        t.header(b.last, "x-api", "1")
        g.stop()


def case_innermost_response_header_wins(t):
    from lib.backend import Reply
    b = t.backend(lambda q, c: Reply(200, [("X-Layer", "backend"),
                                           ("X-Own", "o")], b"x"))
    for where in ("api", "resource", "method", "integration"):
        g = t.gatehouse(layered(where, "response_headers"), {"b": b})
        r = t.get(g, "/x")
        t.answer(r, 200, b"x")
        t.equal(r.all("x-layer"), [where])
        t.header(r, "x-own", "o")
        t.header(r, "x-api", "1")
        g.stop()


def case_own_errors_carry_the_apis_headers(t):
    down = t.backend(listen=False)
    g = t.gatehouse([
        rest("r", {"/x": {"GET": proxy("down")}},
             stages=[{"name": "r"}],
             response_headers={"Strict-Transport-Security": "max-age=1",
                               "X-Api": "r"}),
        http("h", {"GET /x": proxy("down")},
             stages=[{"name": "h"}], response_headers={"X-Api": "h"})],
        {"down": down})
    for target, name, status in (("/r/x", "r", 500), ("/r/nope", "r", 403),
                                 ("/h/nope", "h", 404)):
        r = t.get(g, target)
        t.equal(r.status, status)
        t.header(r, "x-api", name)
    t.header(t.get(g, "/h/x"), "x-api", "h")


def case_http_api_layers(t):
    b = t.backend()
    g = t.gatehouse(http("h", {
        "GET /a": method(proxy("b", request_headers={"X-L": "integration"},
                               response_headers={"X-L": "integration"}),
                         request_headers={"X-L": "route"},
                         response_headers={"X-L": "route"}),
        "GET /b": method(proxy("b"), request_headers={"X-L": "route"},
                         response_headers={"X-L": "route"}),
        "GET /c": proxy("b")},
        request_headers={"X-L": "api"}, response_headers={"X-L": "api"}),
        {"b": b})
    for target, level in (("/a", "integration"), ("/b", "route"),
                          ("/c", "api")):
        r = t.get(g, target, ("x-l", "client"))
        t.answer(r, 200)
        t.equal(r.all("x-l"), [level])
        t.equal(b.last.all("x-l"), [level])
