"""Keep-alive, pipelining, HTTP/1.0, half-closed and dripping clients."""

import threading

from lib.backend import Reply
from lib.client import Closed, build
from lib.conf import http, mock, proxy, rest


def gateway(t, b, **settings):
    return t.gatehouse(rest("r", {
        "/r": {"ANY": proxy("b")}, "/r/{n}": {"ANY": proxy("b")},
        "/m": {"GET": mock(200, "m")}}), {"b": b}, settings)


def case_many_requests_on_one_connection(t):
    b = t.backend()
    g = gateway(t, b)
    with g.client() as c:
        for i in range(200):
            r = c.request("POST", "/r/%d" % i, body=b"x" * i)
            t.answer(r, 200)
            t.check(r.body.endswith(b"x" * i))
    t.equal(len(b.requests), 200)


def case_pipelined_requests_are_answered_in_order(t):
    slow = threading.Event()

    def handler(req, conn):
        if req.target == "/r/0":
            slow.wait(1)
        return Reply(200, [], req.target)
    b = t.backend(handler)
    g = gateway(t, b)
    with g.client() as c:
        c.send(b"".join(build("GET", "/r/%d" % i) if i % 3 else
                        build("GET", "/m") if i else build("GET", "/r/0")
                        for i in range(40)))
        for i in range(40):
            r = c.response()
            expected = "/r/%d" % i if i % 3 or not i else "m"
            t.answer(r, 200, expected)
        t.check(c.alive())


def case_pipelined_bodies(t):
    b = t.backend()
    g = gateway(t, b)
    with g.client() as c:
        c.send(build("POST", "/r/1", body=b"A" * 3000)
               + build("POST", "/r/2", [("Transfer-Encoding", "chunked")],
                       b"3\r\nabc\r\n0\r\n\r\n")
               + build("GET", "/r/3"))
        for i, end in ((1, b"A" * 3000), (2, b"abc"), (3, b"")):
            t.answer(c.response(), 200,
                     b"%s /r/%d HTTP/1.1\n" % (b"GET" if i == 3 else b"POST",
                                               i) + end)


def case_errors_keep_their_place_in_a_pipeline(t):
    b = t.backend()
    g = gateway(t, b)
    with g.client() as c:
        c.send(build("GET", "/r/1") + build("GET", "/nope")
               + build("GET", "/r/2") + b"garbage\r\n\r\n"
               + build("GET", "/r/3"))
        t.answer(c.response(), 200)
        t.answer(c.response(), 403,
                 '{"message":"Missing Authentication Token"}')
        t.answer(c.response(), 200)
        t.answer(c.response(), 400)
        t.check(c.ended() and not c.left, "closed after the broken request")
    t.equal([q.target for q in b.requests], ["/r/1", "/r/2"])


def case_nothing_after_connection_close(t):
    b = t.backend()
    g = gateway(t, b)
    with g.client() as c:
        c.send(build("GET", "/r/1", [("Connection", "close")])
               + build("GET", "/r/2"))
        t.answer(c.response(), 200)
        t.check(c.ended() and not c.left, "no second answer")
    t.equal(len(b.requests), 1)


def case_http_10(t):
    b = t.backend()
    g = gateway(t, b)
    with g.client() as c:
        c.send(b"GET /r HTTP/1.0\r\nHost: h\r\n\r\n")
        r = c.response()
        t.answer(r, 200)
        t.check(r.framing in ("length", "close"))
        t.check(c.ended(), "HTTP/1.0 closes")
    with g.client() as c:
        for _ in range(3):
            c.send(b"GET /r HTTP/1.0\r\nHost: h\r\nConnection: keep-alive"
                   b"\r\n\r\n")
            r = c.response()
            t.answer(r, 200)
            t.equal((r.get("connection") or "").lower(), "keep-alive")
    t.equal(b.last.version, "HTTP/1.1")


def case_http_10_gets_no_chunks(t):
    b = t.backend(lambda q, c: Reply(200, [], b"a" * 9000, framing="chunked"))
    g = gateway(t, b)
    with g.client() as c:
        c.send(b"GET /r HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n")
        r = c.response()
        t.answer(r, 200, b"a" * 9000)
        t.check(r.framing in ("length", "close"))


def case_half_closed_client_is_answered(t):
    b = t.backend()
    g = gateway(t, b)
    with g.client() as c:
        c.send(build("GET", "/r"))
        c.half_close()
        t.answer(c.response(), 200)
        t.check(c.ended())


def case_dripped_request(t):
    b = t.backend()
    g = gateway(t, b)
    raw = build("POST", "/r?x=1", [("X-A", "b")], b"0123456789")
    with g.client() as c:
        c.drip(raw)
        t.answer(c.response(), 200, b"POST /r?x=1 HTTP/1.1\n0123456789")
        for cut in range(1, len(raw), 7):
            c.send(raw[:cut])
            c.send(raw[cut:])
            t.answer(c.response(), 200)


def case_leading_empty_line_is_forgiven_or_refused(t):
    b = t.backend()
    g = gateway(t, b)
    with g.client() as c:
        c.send(b"\r\n" + build("GET", "/r"))
        r = c.response()
        t.check(r.status in (200, 400), "got %d" % r.status)


def case_requests_per_connection(t):
    b = t.backend()
    g = gateway(t, b, limits={"requests_per_connection": 3})
    with g.client() as c:
        for i in range(3):
            r = c.get("/r")
            t.answer(r, 200)
            t.header(r, "connection", "close" if i == 2 else "keep-alive")
        t.check(c.ended(), "closed after the third")


def case_client_gone_before_the_answer(t):
    hold = threading.Event()

    def handler(req, conn):
        hold.wait(10)
        return Reply(200, [], b"late")
    b = t.backend(handler)
    g = gateway(t, b)
    for _ in range(10):
        c = g.client()
        c.send(build("GET", "/r"))
        c.close()
    b.wait_requests(1)
    hold.set()
    t.answer(t.get(g, "/m"), 200, "m")


def case_options_star_and_odd_targets(t):
    b = t.backend()
    g = t.gatehouse([http("h", {"$default": proxy("b")})], {"b": b})
    for target in ("*", "http://gw.test/x?y", "http://gw.test"):
        with g.client() as c:
            c.send(build("OPTIONS" if target == "*" else "GET", target))
            try:
                r = c.response()
            except Closed:
                t.fail("no answer to %s" % target)
            t.check(r.status in (200, 204, 400, 404), "%s: %d"
                    % (target, r.status))
    for q in b.requests:
        t.check(q.target.startswith("/"), "origin form: %s" % q.target)


def case_absolute_target_overrules_nothing(t):
    """An authority that differs from Host is refused (security D19)."""
    b = t.backend()
    g = t.gatehouse([http("h", {"$default": proxy("b")})], {"b": b})
    t.answer(t.raw(g, build("GET", "http://other.test/x")), 400)
    r = t.raw(g, build("GET", "http://gw.test/x?a=1"))
    t.answer(r, 200)
    t.equal(b.last.target, "/x?a=1")
