"""HTTP API HTTP_PROXY: what goes to the backend and what comes back."""

from lib.backend import Reply
from lib.conf import http, proxy


def case_requests(t):
    b = t.backend()
    g = t.gatehouse(http("store", {
        "GET /items/{id}": proxy("b", path="/v2/{id}"),
        "ANY /any": proxy("b"),
        "ANY /parent/{proxy+}": proxy("b", path="/x/{proxy}"),
    }), {"b": b})
    t.answer(t.get(g, "/items/42?a=1"), 200)
    t.equal(b.last.line, "GET /v2/42?a=1 HTTP/1.1")
    for m in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
        body = b"hello" if m in ("POST", "PUT", "PATCH") else None
        t.answer(t.get(g, "/any?m=" + m, method=m, body=body), 200)
        t.equal(b.last.line, "%s /any?m=%s HTTP/1.1" % (m, m))
        t.equal(b.last.body, body or b"")
    t.answer(t.get(g, "/parent/a/b/c"), 200)
    t.equal(b.last.target, "/x/a/b/c")


def case_default_route_sends_the_whole_path(t):
    b = t.backend()
    g = t.gatehouse(http("d", {"$default": proxy(
        url="http://127.0.0.1:%d/base" % b.port)}))
    t.answer(t.get(g, "/one/two?q=1"), 200)
    t.equal(b.last.target, "/base/one/two?q=1")


def case_route_without_variable_calls_the_url_as_it_is(t):
    b = t.backend()
    g = t.gatehouse(http("d", {"GET /here": proxy(
        url="http://127.0.0.1:%d/there" % b.port)}))
    t.answer(t.get(g, "/here?q=1"), 200)
    t.equal(b.last.target, "/there?q=1")


def case_answer_headers_pass(t):
    b = t.backend(lambda req, conn: Reply(200, [
        ("Server", "origin/1"), ("X-One", "1"), ("x-amzn-RequestId", "mine"),
        ("ETag", '"v"'), ("Content-Type", "text/plain"),
        ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], b"hi"))
    g = t.gatehouse(http("d", {"$default": proxy("b")}), {"b": b})
    r = t.get(g, "/x")
    t.answer(r, 200, b"hi")
    t.header(r, "server", "origin/1")
    t.header(r, "x-one", "1")
    t.header(r, "etag", '"v"')
    t.equal(r.all("set-cookie"), ["a=1", "b=2"])
    t.match(r"^[A-Za-z0-9_-]{15}=$", r.get("apigw-requestid"))
    t.check(not [n for n in r.names() if "remapped" in n.lower()],
            "nothing is remapped on HTTP APIs")
    t.check(not r.has("x-amz-apigw-id"), "no REST id on HTTP APIs")
