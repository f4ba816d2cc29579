"""REST HTTP_PROXY: method, target, query and body go through untouched."""

from lib.backend import Reply
from lib.conf import proxy, rest, upstream

BODY = bytes(range(256)) * 5


def api():
    return rest("pets", {
        "/cats": {"ANY": proxy("b")},
        "/dogs/{id}": {"GET": proxy("b", path="/v1/dogs/{id}"),
                       "PUT": proxy("b", path="/v1/dogs", http_method="POST")},
        "/fixed": {"GET": proxy("b", path="/a/b?x=1")},
    })


def case_methods(t):
    b = t.backend()
    g = t.gatehouse(api(), {"b": b})
    with t.soft() as rows:
        for m in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            def one(m=m):
                body = BODY if m in ("POST", "PUT", "PATCH") else None
                r = t.get(g, "/cats?a=1&b=%2F&a=2", method=m, body=body)
                t.answer(r, 200)
                t.equal(b.last.line, m + " /cats?a=1&b=%2F&a=2 HTTP/1.1")
                if body:
                    t.equal(b.last.body, body)
                    t.equal(b.last.get("content-length"), str(len(body)))
                if m == "HEAD":
                    t.equal(r.body, b"")
                    t.check(int(r.get("content-length")) > 0)
            rows.row(m, one)
    t.equal(b.errors, [])


def case_path_and_method_override(t):
    b = t.backend()
    g = t.gatehouse(api(), {"b": b})
    t.answer(t.get(g, "/dogs/7?q=1"), 200)
    t.equal(b.last.line, "GET /v1/dogs/7?q=1 HTTP/1.1")
    t.answer(t.get(g, "/dogs/7", method="PUT", body=b"xy"), 200)
    t.equal(b.last.line, "POST /v1/dogs HTTP/1.1")
    t.equal(b.last.body, b"xy")
    t.answer(t.get(g, "/fixed?y=2"), 200)
    t.match(r"^/a/b\?(x=1&y=2|y=2&x=1)$", b.last.target)


def case_statuses_and_bodies_come_back(t):
    answers = {}

    def handler(req, conn):
        return answers[req.target]
    b = t.backend(handler)
    g = t.gatehouse(api(), {"b": b})
    with t.soft() as rows:
        for status in (200, 201, 202, 203, 206, 207, 299, 300, 301, 302, 303,
                       307, 308, 400, 401, 404, 409, 418, 422, 429, 451, 500,
                       502, 503, 599):
            target = "/cats?s=%d" % status
            answers[target] = Reply(status, [("Content-Type", "text/x")],
                                    b"body %d" % status)

            def one(target=target, status=status):
                r = t.get(g, target)
                t.answer(r, status, b"body %d" % status)
                t.header(r, "content-type", "text/x")
                t.check(not r.has("x-amzn-errortype"), "the backend's error")
            rows.row(status, one)


def case_absolute_url_integration(t):
    b = t.backend()
    g = t.gatehouse(rest("u", {
        "/p/{id}": {"GET": proxy(
            url="http://127.0.0.1:%d/x/{id}?k=v" % b.port)},
        "/bare": {"GET": proxy(url="http://127.0.0.1:%d" % b.port)},
    }))
    t.answer(t.get(g, "/p/9?z=1"), 200)
    t.match(r"^/x/9\?(k=v&z=1|z=1&k=v)$", b.last.target)
    t.header(b.last, "host", "127.0.0.1:%d" % b.port)
    t.answer(t.get(g, "/bare"), 200)
    t.equal(b.last.target, "/")


def case_host_header_of_the_backend(t):
    b = t.backend()
    g = t.gatehouse(rest("h", {
        "/a": {"GET": proxy("plain")}, "/b": {"GET": proxy("named")}}),
        [upstream("plain", b), upstream("named", b, host="cats.internal")])
    t.answer(t.get(g, "/a"), 200)
    t.equal(b.last.all("host"), [b.address])
    t.answer(t.get(g, "/b"), 200)
    t.equal(b.last.all("host"), ["cats.internal"])


def case_method_override_header(t):
    """X-HTTP-Method-Override chooses the method (contract 1.3.4)."""
    b = t.backend()
    g = t.gatehouse(rest("o", {"/a": {"DELETE": proxy("b")}}), {"b": b})
    t.answer(t.get(g, "/a", method="POST"), 403)
    r = t.get(g, "/a", ("X-HTTP-Method-Override", "DELETE"), method="POST")
    t.answer(r, 200)
    t.equal(b.last.method, "DELETE")
