"""Which header lines of a backend's answer the client gets."""

from lib.backend import Reply
from lib.conf import http, mock, proxy, rest

REMAPPED = ["Authorization", "Content-MD5", "Expect", "Host", "Max-Forwards",
            "Proxy-Authenticate", "Server", "Trailer", "User-Agent",
            "WWW-Authenticate"]
PASSED = [("Accept", "a"), ("Accept-Charset", "utf-8"), ("Age", "3"),
          ("Content-Type", "text/plain"), ("Pragma", "x"), ("Range", "r"),
          ("Referer", "f"), ("Warn", "w"), ("X-Own", "o"),
          ("Access-Control-Allow-Origin", "https://b"),
          ("Access-Control-Allow-Methods", "GET"),
          ("Cache-Control", "no-store"), ("Location", "/elsewhere"),
          ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]


def case_rest_remaps(t):
    headers = [(n, "was-" + n.lower()) for n in REMAPPED]
    b = t.backend(lambda q, c: Reply(200, headers + [
        ("Date", "Tue, 15 Nov 1994 08:12:31 GMT")], b"12345"))
    g = t.gatehouse(rest("r", {"/r": {"GET": proxy("b")}}), {"b": b})
    r = t.get(g, "/r")
    t.answer(r, 200, b"12345")
    with t.soft() as rows:
        for n in REMAPPED:
            rows.row(n, t.header, r, "x-amzn-Remapped-" + n,
                     "was-" + n.lower())
            rows.row(n + " casing", t.contains, "x-amzn-Remapped-" + n,
                     r.names())
            rows.row(n + " gone", t.equal, r.all(n), [])
        rows.row("Date", t.header, r, "x-amzn-Remapped-Date",
                 "Tue, 15 Nov 1994 08:12:31 GMT")
        rows.row("Content-Length", t.header, r,
                 "x-amzn-Remapped-Content-Length", "5")
        rows.row("own length", t.header, r, "Content-Length", "5")
        rows.row("own date", t.match, r"^\w{3}, \d\d \w{3} 2\d{3} [\d:]+ GMT$",
                 r.get("date"))


def case_rest_remaps_connection(t):
    b = t.backend(lambda q, c: Reply(200, [
        ("Connection", "keep-alive, X-Gone"), ("X-Gone", "1"),
        ("Keep-Alive", "timeout=9")], b"x"))
    g = t.gatehouse(rest("r", {"/r": {"GET": proxy("b")}}), {"b": b})
    r = t.get(g, "/r")
    t.answer(r, 200, b"x")
    t.check(not r.has("x-gone"), "a field named by Connection")
    t.check(not r.has("keep-alive"), "Keep-Alive is hop-by-hop")
    t.match("^keep-alive", r.get("x-amzn-Remapped-Connection"))
    t.header(r, "connection", "keep-alive")


def case_rest_request_id_of_the_backend(t):
    b = t.backend(lambda q, c: Reply(200, [("x-amzn-RequestId", "theirs")]))
    g = t.gatehouse(rest("r", {"/r": {"GET": proxy("b")}}), {"b": b})
    r = t.get(g, "/r")
    t.header(r, "x-amzn-Remapped-x-amzn-RequestId", "theirs")
    t.match(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
            r"[0-9a-f]{12}$", r.get("x-amzn-RequestId"))


def case_rest_passes(t):
    b = t.backend(lambda q, c: Reply(200, PASSED, b"x"))
    g = t.gatehouse(rest("r", {"/r": {"GET": proxy("b")}}), {"b": b})
    r = t.get(g, "/r")
    names = [n for n, v in PASSED]
    t.equal([(n, v) for n, v in r.headers if n in names], PASSED)


def case_rest_drops(t):
    """Content-Encoding stays: the body passes as it is encoded (9.5)."""
    b = t.backend(lambda q, c: Reply(200, [
        ("Content-Encoding", "identity"), ("Via", "1.1 x"), ("X-Y", "1")],
        b"abc", framing="chunked"))
    g = t.gatehouse(rest("r", {"/r": {"GET": proxy("b")}}), {"b": b})
    r = t.get(g, "/r")
    t.answer(r, 200, b"abc")
    t.header(r, "content-encoding", "identity")
    t.check(not r.has("via"), "Via is dropped")
    t.check(not r.has("x-amzn-remapped-transfer-encoding"))
    t.header(r, "x-y", "1")


def case_own_headers_of_rest(t):
    b = t.backend(lambda q, c: Reply(200, [], b"abc"))
    g = t.gatehouse(rest("r", {"/r": {"GET": proxy("b")},
                               "/m": {"GET": mock(200, "m")}}), {"b": b})
    seen = set()
    for target in ("/r", "/m", "/nope"):
        r = t.get(g, target)
        for n in ("Date", "Connection", "Content-Length", "x-amzn-RequestId",
                  "x-amz-apigw-id"):
            t.check(r.get(n), "%s on %s" % (n, target))
        t.header(r, "content-type", "application/json")
        t.match(r"^[A-Za-z0-9_-]{14,16}=?$", r.get("x-amz-apigw-id"))
        seen.add(r.get("x-amzn-RequestId"))
        t.check(not r.has("apigw-requestid"), "the HTTP API's id")
        t.check(not r.has("x-amzn-trace-id"), "no trace id added")
    t.equal(len(seen), 3, "request ids differ")


def case_http_api_passes_all_but_hop_by_hop(t):
    b = t.backend(lambda q, c: Reply(200, [
        ("Server", "s"), ("Connection", "X-Gone"), ("X-Gone", "1"),
        ("Keep-Alive", "timeout=1"), ("Content-Encoding", "identity"),
        ("Via", "1.1 v"), ("Date", "Tue, 15 Nov 1994 08:12:31 GMT"),
        ("X-b", "2"), ("x-A", "1")], b"abc"))
    g = t.gatehouse(http("h", {"$default": proxy("b")}), {"b": b})
    r = t.get(g, "/x")
    t.answer(r, 200, b"abc")
    for n in ("x-gone", "keep-alive"):
        t.check(not r.has(n), n)
    t.header(r, "server", "s")
    t.header(r, "content-encoding", "identity")
    t.equal(len(r.all("date")), 1, "one Date")
    t.equal([n for n in r.names() if n.lower() in ("x-a", "x-b")],
            ["X-b", "x-A"])


def case_connection_follows_the_client(t):
    b = t.backend()
    g = t.gatehouse(rest("r", {"/r": {"GET": proxy("b")}}), {"b": b})
    with g.client() as c:
        r = c.get("/r", ("Connection", "close"))
        t.header(r, "connection", "close")
        t.check(c.ended(), "closed after Connection: close")
    with g.client() as c:
        t.header(c.get("/r"), "connection", "keep-alive")
        t.check(c.alive(), "kept open")
