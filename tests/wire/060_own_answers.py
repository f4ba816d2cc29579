"""Bodies and headers the gateway makes itself, byte for byte."""

import threading

from lib.backend import Close
from lib.client import build
from lib.conf import http, mock, proxy, rest

ISE = '{"message": "Internal server error"}'


def gateway(t, b, down, **settings):
    resources = {
        "/ok": {"ANY": mock(200, "ok")}, "/b": {"ANY": proxy("b")},
        "/down": {"GET": proxy("down")},
        "/slow": {"ANY": proxy("b", timeout="300ms")},
        "/noname": {"GET": proxy(url="http://no-such-host.invalid/")}}
    return t.gatehouse([
        rest("r", resources, stages=[{"name": "r"}]),
        http("h", {"ANY /b": proxy("b"), "GET /down": proxy("down"),
                   "ANY /slow": proxy("b", timeout="300ms")},
             stages=[{"name": "h"}])], {"b": b, "down": down}, settings)


def rest_error(t, r, status, body, kind):
    t.answer(r, status, body, kind)
    t.header(r, "content-type", "application/json")
    t.header(r, "content-length", str(len(body)))
    t.match(r"^[0-9a-f-]{36}$", r.get("x-amzn-RequestId"))
    t.check(r.get("x-amz-apigw-id"))
    t.check(not r.has("x-amzn-trace-id"), "no trace id on errors")


def http_error(t, r, status, body):
    t.answer(r, status, body)
    t.header(r, "content-type", "application/json")
    t.header(r, "content-length", str(len(body)))
    t.match(r"^[A-Za-z0-9_-]{15}=$", r.get("apigw-requestid"))
    t.check(not r.has("x-amzn-errortype"), "no REST header on HTTP APIs")


def case_rest(t):
    hold = threading.Event()

    def stuck(req, conn):
        hold.wait(20)
        conn.over = True
    b = t.backend(stuck)
    down = t.backend(listen=False)
    g = gateway(t, b, down)
    with t.soft() as rows:
        rows.row("no route", lambda: rest_error(
            t, t.get(g, "/r/nope"), 403,
            '{"message":"Missing Authentication Token"}',
            "MissingAuthenticationTokenException"))
        rows.row("refused", lambda: rest_error(
            t, t.get(g, "/r/down"), 500, ISE, "InternalServerErrorException"))
        rows.row("timeout", lambda: rest_error(
            t, t.get(g, "/r/slow"), 504,
            '{"message": "Endpoint request timed out"}',
            "InternalServerErrorException"))
        rows.row("unresolvable", lambda: rest_error(
            t, t.get(g, "/r/noname"), 500, ISE,
            "InternalServerErrorException"))
    hold.set()


def case_http(t):
    hold = threading.Event()

    def stuck(req, conn):
        hold.wait(20)
        conn.over = True
    b = t.backend(stuck)
    down = t.backend(listen=False)
    g = gateway(t, b, down)
    with t.soft() as rows:
        rows.row("no route", lambda: http_error(
            t, t.get(g, "/h/nope"), 404, '{"message":"Not Found"}'))
        rows.row("timeout", lambda: http_error(
            t, t.get(g, "/h/slow"), 503,
            '{"message":"Service Unavailable"}'))
        rows.row("refused", lambda: http_error(
            t, t.get(g, "/h/down"), 503,
            '{"message":"Service Unavailable"}'))
    hold.set()


def case_connection_of_own_errors_stays(t):
    b = t.backend()
    down = t.backend(listen=False)
    g = gateway(t, b, down)
    with g.client() as c:
        for target, status in (("/r/nope", 403), ("/r/down", 500),
                               ("/h/nope", 404), ("/r/ok", 200)):
            t.equal(c.get(target).status, status)
        t.check(c.alive())


def case_broken_backends(t):
    """Reset after connecting: 504; garbage: 502 (contract 2.5, D25)."""
    def handler(req, conn):
        kind = req.target.split("=")[1]
        if kind == "reset":
            conn.reset()
        elif kind == "close":
            return Close()
        elif kind == "garbage":
            return Close(b"\x16\x03\x01\x00\x01garbage\r\n\r\n")
        elif kind == "half":
            return Close(b"HTTP/1.1 200 OK\r\nContent-Ty")
    b = t.backend(handler)
    g = gateway(t, b, b)
    with t.soft() as rows:
        for kind, status in (("reset", 504), ("close", 504), ("half", 502),
                             ("garbage", 502)):
            def one(kind=kind, status=status):
                n = len(b.requests)
                r = t.get(g, "/r/b?k=" + kind, method="POST", body=b"x")
                t.equal(len(b.requests), n + 1, "a POST is never replayed")
                if kind == "half":
                    t.check(r.status in (502, 504), str(r))
                elif status == 504:
                    rest_error(t, r, 504, '{"message": "Network error '
                               'communicating with endpoint"}',
                               "InternalServerErrorException")
                else:
                    rest_error(t, r, 502, ISE,
                               "InternalServerErrorException")
                r = t.get(g, "/h/b?k=" + kind, method="POST", body=b"x")
                t.check(r.status in (500, 502, 503), str(r))
                t.match(r'^\{"message":"[A-Z][A-Za-z ]+"\}$', r.text)
            rows.row(kind, one)


def case_before_any_api_is_known(t):
    b = t.backend()
    g = gateway(t, b, b)
    table = [
        ("framing", 400, '{"message":"Bad Request"}',
         b"POST /r/ok HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
         b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("no host", 400, '{"message":"Bad Request"}',
         b"GET /r/ok HTTP/1.1\r\n\r\n"),
        ("target", 414, '{"message":"Request URI too long"}',
         build("GET", "/" + "a" * 9000)),
        ("head", 431, '{"message":"Request Header Fields Too Large"}',
         build("GET", "/r/ok", [("X-A", "b" * 11000)])),
        ("method", 501, '{"message":"Not Implemented"}',
         build("BREW", "/r/ok")),
        ("version", 505, '{"message":"HTTP Version Not Supported"}',
         build("GET", "/r/ok", version="HTTP/2.0")),
    ]
    with t.soft() as rows:
        for name, status, body, raw in table:
            def one(status=status, body=body, raw=raw):
                with g.client() as c:
                    c.send(raw)
                    r = c.response()
                    t.answer(r, status, body)
                    t.header(r, "content-type", "application/json")
                    t.header(r, "connection", "close")
                    t.check(c.ended() and not c.left, "closed")
            rows.row(name, one)


def case_too_large_a_body(t):
    b = t.backend()
    g = gateway(t, b, b, limits={"body": "1K"})
    for target, body in (("/r/b", '{"message":"Request Too Long"}'),
                         ("/h/b", '{"message":"Request Entity Too Large"}')):
        with g.client() as c:
            c.send(build("POST", target, body=b"x" * 1025))
            r = c.response()
            t.answer(r, 413, body)
            t.header(r, "content-type", "application/json")
    t.check(not [q for q in b.requests if q.complete], "no whole request")


def case_head_of_an_error_has_no_body(t):
    b = t.backend()
    down = t.backend(listen=False)
    g = gateway(t, b, down)
    with g.client() as c:
        for target, status in (("/r/nope", 403), ("/h/nope", 404)):
            r = c.request("HEAD", target)
            t.equal((r.status, r.body), (status, b""))
        t.answer(c.get("/r/ok"), 200, "ok")


def case_every_failure_has_a_reason_in_the_log(t):
    def handler(req, conn):
        return Close()
    b = t.backend(handler)
    down = t.backend(listen=False)
    g = gateway(t, b, down)
    t.equal(t.get(g, "/r/down").status, 500)
    t.check(g.wait_log(r"connect_refused"), "connect_refused in the log")
    t.get(g, "/r/b", method="POST", body=b"x")
    t.check(g.wait_log(r"upstream_(reset|closed|eof)"),
            "a reason for the closed connection")
