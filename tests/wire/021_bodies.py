"""Bodies in both directions: length, chunked, until close, 100, 1xx, none."""

import hashlib
import os
import time

from lib.backend import Close, Reply
from lib.client import build, chunked
from lib.conf import http, mock, proxy, rest


def gateway(t, b, **settings):
    return t.gatehouse([
        rest("r", {"/r": {"ANY": proxy("b")}, "/m": {"ANY": mock(200, "m")}}),
        http("h", {"ANY /h": proxy("b")},
             stages=[{"name": "$default", "base_path": "/http"}]),
    ], {"b": b}, settings)


TARGETS = ("/r", "/http/h")


def case_chunked_upload(t):
    b = t.backend()
    g = gateway(t, b)
    pieces = [os.urandom(n) for n in (1, 2, 15, 16, 17, 255, 4096, 70000)]
    for target in TARGETS:
        with g.client() as c:
            c.send(build("POST", target, [("Transfer-Encoding", "chunked")],
                         chunked(*pieces)))
            t.answer(c.response(), 200)
            t.equal(b.last.body, b"".join(pieces))
            t.check(c.alive())
            t.answer(c.get(target), 200)


def case_chunked_upload_dripped(t):
    b = t.backend()
    g = gateway(t, b)
    raw = build("POST", "/r", [("Transfer-Encoding", "chunked")],
                b"5;ext=1\r\nhello\r\n00a\r\n0123456789\r\n0\r\n\r\n")
    with g.client() as c:
        c.drip(raw)
        t.answer(c.response(), 200)
    t.equal(b.last.body, b"hello0123456789")


def case_request_trailers_are_dropped(t):
    b = t.backend()
    g = gateway(t, b)
    for target in TARGETS:
        with g.client() as c:
            c.send(build("POST", target, [("Transfer-Encoding", "chunked"),
                                          ("Trailer", "X-T")],
                         chunked(b"abc", trailers="X-T: 1\r\nHost: evil\r\n")))
            t.answer(c.response(), 200)
            t.equal(b.last.body, b"abc")
            t.equal(b.last.trailers, [])
            t.check(not b.last.has("x-t"))
            t.check(c.alive(), "the connection goes on")


def case_big_upload(t):
    seen = []

    def handler(req, conn):
        seen.append(hashlib.sha256(req.body).hexdigest())
        return Reply(200, [], str(len(req.body)))
    b = t.backend(handler)
    g = gateway(t, b)
    data = os.urandom(1 << 20) * 9
    for target in TARGETS:
        for headers, raw in (([], data),
                             ([("Transfer-Encoding", "chunked")],
                              chunked(*[data[i:i + 50000] for i in
                                        range(0, len(data), 50000)]))):
            with g.client() as c:
                c.send(build("PUT", target, headers, raw))
                t.answer(c.response(), 200, str(len(data)))
                t.equal(seen[-1], hashlib.sha256(data).hexdigest())


def case_downloads(t):
    data = os.urandom(1 << 20) * 3
    kinds = {
        "length": lambda: Reply(200, [], data),
        "chunked": lambda: Reply(200, [], framing="chunked", pieces=[
            data[i:i + 33333] for i in range(0, len(data), 33333)]),
        "close": lambda: Reply(200, [], data, framing="close"),
        "bytes": lambda: Reply(200, [], framing="chunked",
                               pieces=[b"%c" % (i % 256)
                                       for i in range(2000)]),
    }
    b = t.backend(lambda q, c: kinds[q.target.split("=")[1]]())
    g = gateway(t, b)
    for target in TARGETS:
        for kind in ("length", "chunked", "close"):
            with g.client() as c:
                r = c.get(target + "?k=" + kind)
                t.equal(r.status, 200)
                t.check(r.body == data, "%s body of %s" % (kind, target))
                t.check(r.framing in ("length", "chunked"),
                        "%s framed as %s" % (kind, r.framing))
                t.answer(c.get(target + "?k=bytes"), 200,
                         bytes(i % 256 for i in range(2000)))


def case_answer_trailers_are_dropped(t):
    raw = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T"
           b"\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\nSet-Cookie: evil=1\r\n\r\n")
    b = t.backend(lambda q, c: raw)
    g = gateway(t, b)
    for target in TARGETS:
        with g.client() as c:
            r = c.get(target)
            t.answer(r, 200, b"abc")
            t.equal(r.trailers, [])
            t.answer(c.get(target), 200, b"abc")


def case_dripped_answer(t):
    def handler(req, conn):
        conn.drip(b"HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked"
                  b"\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n")
    b = t.backend(handler)
    g = gateway(t, b)
    for target in TARGETS:
        t.answer(t.get(g, target), 200, b"hello world")


def case_until_close_bodies_reach_http_10(t):
    b = t.backend(lambda q, c: Close(
        b"HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nuntil the end"))
    g = gateway(t, b)
    for target in TARGETS:
        t.answer(t.get(g, target), 200, b"until the end")
        r = t.raw(g, b"GET %s HTTP/1.0\r\nHost: x\r\n\r\n" % target.encode())
        t.answer(r, 200, b"until the end")


def case_expect_100_continue(t):
    b = t.backend()
    g = gateway(t, b)
    for target in TARGETS:
        with g.client() as c:
            c.send(build("POST", target, [("Expect", "100-continue"),
                                          ("Content-Length", "5")]))
            r = c.head()
            t.equal(r.status, 100)
            t.equal(r.headers, [])
            c.send(b"hello")
            t.answer(c.response(), 200)
            t.equal(b.last.body, b"hello")
            t.check(not b.last.has("expect"), "Expect is answered here")
            t.answer(c.get(target), 200)


def case_expect_with_the_body_already_there(t):
    b = t.backend()
    g = gateway(t, b)
    with g.client() as c:
        c.send(build("POST", "/r", [("Expect", "100-continue")], b"hello"))
        seen = []
        t.answer(c.response(informational=seen), 200)
        t.check(len(seen) <= 1)
        t.equal(b.last.body, b"hello")


def case_expect_is_not_answered_when_refused(t):
    b = t.backend()
    g = gateway(t, b)
    with g.client() as c:
        c.send(build("POST", "/nope", [("Expect", "100-continue"),
                                       ("Content-Length", "5")]))
        t.answer(c.response(), 403)
    with g.client() as c:
        c.send(build("POST", "/r", [("Expect", "100-continue"),
                                    ("Content-Length", "99999999")]))
        t.answer(c.response(), 413)


def case_unknown_expectation(t):
    b = t.backend()
    g = gateway(t, b)
    r = t.get(g, "/r", ("Expect", "the-unexpected"))
    t.check(r.status in (200, 417, 400), "got %d" % r.status)


def case_refused_request_with_a_body(t):
    """The unread body is skipped or the connection closed, never parsed."""
    b = t.backend()
    g = gateway(t, b)
    inner = build("GET", "/r?smuggled")
    for headers, raw in (
            ([], inner),
            ([("Transfer-Encoding", "chunked")], chunked(inner))):
        with g.client() as c:
            c.send(build("POST", "/nope", headers, raw))
            t.answer(c.response(), 403)
            if not c.send(build("GET", "/m")):
                continue
            try:
                r = c.response()
            except Exception:
                continue
            t.answer(r, 200, "m")
    t.equal(b.requests, [])


def case_mock_with_a_request_body(t):
    b = t.backend()
    g = gateway(t, b)
    with g.client() as c:
        for _ in range(3):
            t.answer(c.request("POST", "/m", body=b"GET /r HTTP/1.1\r\n\r\n"),
                     200, "m")
    t.equal(b.requests, [])


def case_answers_without_a_body(t):
    answers = {
        "204": b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
        "204-length": b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        "304": b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
        "304-length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77"
                      b"\r\n\r\n",
        "304-chunked": b"HTTP/1.1 304 Not Modified\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n",
        "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    }
    b = t.backend(lambda q, c: answers[q.target.split("=")[1]])
    g = gateway(t, b)
    for target in TARGETS:
        with g.client() as c:
            for kind in answers:
                r = c.get(target + "?k=" + kind)
                t.equal(r.status, int(kind[:3]) if kind[0] != "e" else 200)
                t.equal(r.body, b"")
                t.check(c.alive(), "open after " + kind)


def case_head_answers(t):
    answers = {
        "length": b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n",
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "neither": b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n",
    }
    b = t.backend(lambda q, c: answers[q.target.split("=")[1]])
    g = gateway(t, b)
    for target in TARGETS:
        with g.client() as c:
            for kind in ("length", "chunked", "neither", "length"):
                r = c.request("HEAD", target + "?k=" + kind)
                t.equal(r.status, 200)
                if kind == "length":
                    t.header(r, "content-length", "12345")
                t.check(c.alive(), "open after HEAD " + kind)
    with g.client() as c:
        r = c.request("HEAD", "/m")
        t.equal((r.status, r.body), (200, b""))
        r = c.request("HEAD", "/nope")
        t.equal((r.status, r.body), (403, b""))
        t.answer(c.get("/m"), 200, "m")


def case_informational_answers_of_the_backend(t):
    raw = (b"HTTP/1.1 102 Processing\r\n\r\n"
           b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
           b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    b = t.backend(lambda q, c: raw)
    g = gateway(t, b)
    for target in TARGETS:
        with g.client() as c:
            for _ in range(2):
                c.send(build("GET", target))
                seen = []
                t.answer(c.response(informational=seen), 200, b"ok")
                t.check([r.status for r in seen] in ([], [102, 103], [103]))
        with g.client() as c:
            c.send(b"GET %s HTTP/1.0\r\nHost: x\r\n\r\n" % target.encode())
            t.answer(c.response(), 200, b"ok")


def case_too_many_informational_answers(t):
    def handler(req, conn):
        for _ in range(5000):
            if not conn.send(b"HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n"):
                break
        conn.over = True
    b = t.backend(handler)
    g = gateway(t, b)
    with g.client() as c:
        c.send(build("GET", "/r"))
        r = c.response(informational=[])
        t.check(r.status in (502, 504), "got %d" % r.status)


def case_upgrade_nobody_asked_for(t):
    b = t.backend(lambda q, c: b"HTTP/1.1 101 Switching Protocols\r\n"
                  b"Upgrade: x\r\nConnection: Upgrade\r\n\r\nraw bytes")
    g = gateway(t, b)
    r = t.get(g, "/r")
    t.answer(r, 502)
    t.lacks(b"raw", r.body)


def case_early_answer_while_uploading(t):
    def handler(req, conn):
        return Close(Reply(413, [("Connection", "close")], b"too big for me"))
    b = t.backend(handler, read_body=False)
    g = gateway(t, b)
    with g.client() as c:
        c.send(build("POST", "/r", [("Content-Length", "5000000")]))
        for _ in range(40):
            if not c.send(b"x" * 25000):
                break
            time.sleep(0.005)
        r = c.response()
        t.check(r.status in (413, 504, 502), "got %d" % r.status)
    t.answer(t.get(g, "/m"), 200, "m")


def case_truncated_answers_are_not_passed_as_whole(t):
    """A body that ends early must be seen as broken by the client."""
    answers = {
        "length": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"5\r\nhello\r\n",
    }
    b = t.backend(lambda q, c: Close(answers[q.target.split("=")[1]]))
    g = gateway(t, b)
    for target in TARGETS:
        for kind in answers:
            with g.client() as c:
                c.send(build("GET", target + "?k=" + kind))
                try:
                    r = c.response()
                except Exception:
                    continue
                t.check(r.status >= 500, "a cut %s body came whole: %r"
                        % (kind, r))
