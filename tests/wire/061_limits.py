"""Every limit at its value and one over it."""

from lib.client import ProtocolError, build
from lib.conf import http, proxy, rest

LIMITS = {"head": "4K", "header_bytes": 2048, "headers": 20, "target": "1K",
          "body": "8K"}


def gateway(t, b, limits=LIMITS):
    return t.gatehouse([
        rest("r", {"/{p+}": {"ANY": proxy("b")}}, stages=[{"name": "r"}]),
        http("h", {"ANY /{p+}": proxy("b")}, stages=[{"name": "h"}])],
        {"b": b}, {"limits": limits} if limits else {})


def counted(fields):
    """Bytes of header lines: names, values, line ends."""
    return sum(len(n) + len(v) + 2 for n, v in fields)


def status(t, g, raw):
    with g.client() as c:
        c.send(raw)
        return c.response().status


def case_target(t):
    b = t.backend()
    for limits, limit in ((LIMITS, 1024), (None, 8192)):
        g = gateway(t, b, limits)
        for base in ("/r/", "/h/"):
            fits = base + "a" * (limit - len(base))
            t.equal(status(t, g, build("GET", fits)), 200, "at the limit")
            t.equal(status(t, g, build("GET", fits + "a")), 414, "one over")
            t.equal(status(t, g, build("GET", base + "?" + "q" * limit)),
                    414, "in the query")
        g.stop()


def case_header_bytes(t):
    b = t.backend()
    for limits, limit in ((LIMITS, 2048), (None, 10240)):
        g = gateway(t, b, limits)

        def with_size(n):
            fields = [("Host", "gw.test"), ("X-A", "")]
            fields[1] = ("X-A", "b" * (n - counted(fields)))
            return build("GET", "/r/x", fields)
        # ": " may or may not be counted: both readings agree on these two
        t.equal(status(t, g, with_size(limit - 4)), 200, "at the limit")
        t.equal(status(t, g, with_size(limit + 1)), 431, "one over")
        g.stop()


def case_head(t):
    b = t.backend()
    limits = dict(LIMITS, head="2K", header_bytes="60K", target="8K")
    g = gateway(t, b, limits)

    def with_size(n):
        empty = build("GET", "/r/x", [("X-A", "")])
        return build("GET", "/r/x", [("X-A", "b" * (n - len(empty)))])
    t.equal(status(t, g, with_size(2048)), 200, "at the limit")
    t.equal(status(t, g, with_size(2049)), 431, "one over")
    with g.client() as c:
        c.drip(with_size(2049), step=100)
        t.equal(c.response().status, 431)


def case_headers(t):
    b = t.backend()
    for limits, limit in ((LIMITS, 20), (None, 100)):
        g = gateway(t, b, limits)
        many = [("X-%d" % i, "v") for i in range(limit - 1)]
        t.equal(status(t, g, build("GET", "/r/x", many)), 200, "with Host")
        t.equal(status(t, g, build("GET", "/r/x", many + [("Y", "v")])), 431)
        g.stop()


def case_body(t):
    b = t.backend()
    g = gateway(t, b)
    for base in ("/r/", "/h/"):
        for n, expected in ((8191, 200), (8192, 200), (8193, 413)):
            t.equal(status(t, g, build("POST", base + "x", body=b"x" * n)),
                    expected, "length %d" % n)
            with g.client() as c:
                c.send(build("POST", base + "x",
                             [("Transfer-Encoding", "chunked")]))
                left = n
                while left:
                    k = min(left, 1000)
                    c.send(b"%x\r\n%s\r\n" % (k, b"y" * k))
                    left -= k
                c.send(b"0\r\n\r\n")
                try:
                    got = c.response().status
                except ProtocolError as err:
                    got = err
                t.equal(got, expected, "chunked %d" % n)
    whole = [q for q in b.requests if q.complete and len(q.body) > 8192]
    t.equal(whole, [], "nothing over the limit went through whole")


def case_default_body_limit(t):
    b = t.backend()
    g = gateway(t, b, None)
    with g.client() as c:
        c.send(build("POST", "/r/x", [("Content-Length",
                                       str(10 * 1024 * 1024 + 1))]))
        t.answer(c.response(), 413, '{"message":"Request Too Long"}')
    data = b"z" * (10 * 1024 * 1024)
    t.equal(status(t, g, build("POST", "/r/x", body=data)), 200)
    t.equal(len(b.last.body), len(data))


def case_absurd_lengths(t):
    b = t.backend()
    g = gateway(t, b)
    for v in ("9223372036854775807", "9223372036854775808",
              "18446744073709551616", "99999999999999999999999999"):
        with g.client() as c:
            c.send(build("POST", "/r/x", [("Content-Length", v)]))
            t.check(c.response().status in (400, 413), v)
    for v in ("7fffffffffffffff", "ffffffffffffffff", "1" + "0" * 16):
        with g.client() as c:
            c.send(build("POST", "/r/x", [("Transfer-Encoding", "chunked")])
                   + v.encode() + b"\r\nabc")
            c.half_close()
            try:
                t.check(c.response().status in (400, 408, 413), v)
            except ProtocolError as err:
                t.contains("closed", str(err))
    t.check(not [q for q in b.requests if q.complete])


def case_chunk_extensions_have_a_budget(t):
    b = t.backend()
    g = gateway(t, b, None)

    def post(ext, times):
        with g.client() as c:
            c.send(build("POST", "/r/x", [("Transfer-Encoding", "chunked")]))
            for _ in range(times):
                if not c.send(b"1;" + ext + b"\r\nx\r\n"):
                    break
            c.send(b"0\r\n\r\n")
            return c.response().status
    t.equal(post(b"a=b", 3), 200)
    t.equal(post(b"a" * 300, 1), 400)
    t.check(post(b"a" * 200, 2000) in (400, 413), "the sum is bounded")


def case_trailers_have_a_budget(t):
    b = t.backend()
    g = gateway(t, b, None)
    with g.client() as c:
        c.send(build("POST", "/r/x", [("Transfer-Encoding", "chunked")])
               + b"1\r\nx\r\n0\r\n")
        for i in range(20000):
            if not c.send(b"X-%d: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" % i):
                break
        c.send(b"\r\n")
        try:
            t.check(c.response().status in (400, 413, 431))
        except ProtocolError:
            pass
    t.check(not [q for q in b.requests if q.complete and q.body == b"x"] or
            b.last.trailers == [], "no trailers pass")
