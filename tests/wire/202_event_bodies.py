"""The body in the event: text, base64, none; what is too large."""

import base64
import gzip
import os

from lib import invoke
from lib.client import build, chunked
from lib.conf import http, rest

MB = 1024 * 1024


def rest_gateway(t, *types, **kw):
    e = invoke.endpoint(t)
    members = {"binary_media_types": list(types)} if types else {}
    return e, invoke.serve(t, e, rest("r", {"/x": {"ANY": invoke.call()}},
                                      **members), **kw)


def http_gateway(t, version="2.0"):
    e = invoke.endpoint(t)
    return e, invoke.serve(t, e, http("h", {"$default": invoke.call(
        payload_format_version=version)}))


def post(t, g, e, body, kind=None, *headers):
    sent = ([("Content-Type", kind)] if kind is not None else [])
    return invoke.ask(t, g, e, "/x", *sent, *headers, method="POST",
                      body=body)[1]


def case_rest_text(t):
    e, g = rest_gateway(t)
    odd = 'a"b\\c\n\r\t\b\f\0\x01\x7f </script> \u00fc \u20ac \U0001f600'
    for kind in (None, "text/plain", "application/octet-stream", "image/png",
                 "application/x-www-form-urlencoded"):
        ev = post(t, g, e, odd.encode(), kind)
        t.equal((ev["body"], ev["isBase64Encoded"]), (odd, False), str(kind))


def case_rest_not_utf8(t):
    """Bytes that are no UTF-8 are replaced, as Java's decoder does."""
    e, g = rest_gateway(t)
    for data, text in (
            (b"a\xffb", "a\ufffdb"), (b"\xc3", "\ufffd"),
            (b"\x80\x80", "\ufffd\ufffd"), (b"\xc3\xbc\xc3", "\u00fc\ufffd"),
            (b"\x1f\x8b\x08", "\x1f\ufffd\x08")):
        ev = post(t, g, e, data, "image/png")
        t.equal((ev["body"], ev["isBase64Encoded"]), (text, False))
    for data in (b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf",
                 b"\xe2\x82", b"\xf0\x9f\x98"):
        ev = post(t, g, e, b"<" + data + b">", "image/png")
        t.match("^<\ufffd+>\\Z", ev["body"])


def case_rest_empty(t):
    e, g = rest_gateway(t, "*/*")
    for kw in ({}, {"body": b""}):
        ev = invoke.ask(t, g, e, "/x", method="POST", **kw)[1]
        t.equal((ev["body"], ev["isBase64Encoded"]), (None, False))
    with g.client() as c:
        c.send(build("POST", "/x", [("Transfer-Encoding", "chunked")])
               + chunked())
        t.answer(c.response(), 200)
    t.equal(e.event["body"], None)


def case_rest_binary_types(t):
    data = bytes(range(256))
    e, g = rest_gateway(t, "image/png", "audio/*", "application/x-gzip")
    for kind, binary in (
            ("image/png", True), ("IMAGE/PNG", True),
            ("image/png; q=1", True), ("image/png,text/plain", True),
            ("text/plain,image/png", False), ("image/jpeg", False),
            ("audio/ogg", True), ("audio", False), ("image/*", False),
            ("application/x-gzip", True), ("*/*", False), ("", False)):
        ev = post(t, g, e, data, kind)
        t.equal(ev["isBase64Encoded"], binary, kind)
        if binary:
            t.equal(base64.b64decode(ev["body"], validate=True), data, kind)
        else:
            t.contains("\ufffd", ev["body"], kind)
    ev = post(t, g, e, b"text", "image/png")
    t.equal((ev["body"], ev["isBase64Encoded"]), ("dGV4dA==", True))


def case_rest_everything_is_binary(t):
    e, g = rest_gateway(t, "*/*")
    for kind in ("application/json", "image/png", "text/plain"):
        ev = post(t, g, e, b"{}", kind)
        t.equal((ev["body"], ev["isBase64Encoded"]), ("e30=", True), kind)


def case_http_text_or_base64(t):
    """Golden case 129 and the list of contract 4.4."""
    for version in ("2.0", "1.0"):
        e, g = http_gateway(t, version)
        for kind, text in (
                ("application/json", True), ("text/plain", True),
                ("text/html; charset=utf-8", True),
                ("application/problem+json", True),
                ("application/javascript", True), ("application/xml", True),
                ("application/atom+xml", True), ("image/svg+xml", False),
                ("APPLICATION/JSON", True),
                ("application/x-www-form-urlencoded", False),
                ("multipart/form-data; boundary=x", False),
                ("application/octet-stream", False), ("image/png", False),
                ("application/jsonx", False), (None, False)):
            ev = post(t, g, e, b"a=b&c", kind)
            got = (ev["body"], ev["isBase64Encoded"])
            t.equal(got, ("a=b&c", False) if text else ("YT1iJmM=", True),
                    "%s in %s" % (kind, version))


def case_http_length_is_the_bodys(t):
    """What content-length says is what the function gets (functions)."""
    e, g = http_gateway(t)
    for data, kind in ((b"x" * 1000, "text/plain"),
                       (os.urandom(1000), "image/png"),
                       ("\u00fc".encode() * 10, "text/plain"),
                       (b"a\xffb", "text/plain")):
        ev = post(t, g, e, data, kind)
        t.equal(int(ev["headers"]["content-length"]),
                len(e.calls[-1].body), kind)
    with g.client() as c:
        c.send(build("POST", "/x", [("Transfer-Encoding", "chunked"),
                                    ("Content-Type", "text/plain")])
               + chunked(b"abc", b"defgh"))
        t.answer(c.response(), 200)
    t.equal(e.event["headers"]["content-length"], "8")
    t.lacks("transfer-encoding", e.event["headers"])
    t.equal(e.event["body"], "abcdefgh")


def case_http_compressed_is_bytes(t):
    e, g = http_gateway(t)
    data = gzip.compress(b'{"a":1}')
    ev = post(t, g, e, data, "application/json",
              ("Content-Encoding", "gzip"))
    t.equal(ev["isBase64Encoded"], True)
    t.equal(e.calls[-1].body, data)
    t.equal(ev["headers"]["content-encoding"], "gzip")


def case_http_empty(t):
    e, g = http_gateway(t)
    ev = invoke.ask(t, g, e, "/x", ("Content-Type", "image/png"),
                    method="POST", body=b"")[1]
    t.lacks("body", ev)
    t.equal(ev["isBase64Encoded"], False)
    e, g = http_gateway(t, "1.0")
    ev = invoke.ask(t, g, e, "/x", method="POST", body=b"")[1]
    t.equal((ev["body"], ev["isBase64Encoded"]), (None, False))


def case_sizes(t):
    """Every size comes through whole, around the buffers' edges too."""
    e, g = rest_gateway(t, "image/png")
    with g.client() as c:
        for n in (1, 2, 3, 1000, 4095, 65535, 65536, 65537, 131072, 300001,
                  MB, 4 * MB):
            for kind, data in (("text/plain", b"\xc3\xbc" * (n // 2) + b"x"),
                               ("image/png", os.urandom(n))):
                c.send(build("POST", "/x", [("Content-Type", kind)], data))
                t.answer(c.response(), 200, "ok")
                t.check(e.calls[-1].body == data, "%s of %d" % (kind, n))
                e.calls.clear()
                e.requests.clear()
    t.equal(e.wrong, [])


def case_event_too_large(t):
    """6 MB of event after encoding: 413 before anything is invoked."""
    e, g = rest_gateway(t, "image/png", settings={
        "limits": {"body": "10M"}})
    text = b"x" * (6 * MB)
    for body, kind in ((text, "text/plain"),
                       (os.urandom(5 * MB), "image/png"),
                       (b"\0" * (2 * MB), "text/plain"),
                       (b"\xff" * (3 * MB), "text/plain")):
        r = t.get(g, "/x", ("Content-Type", kind), method="POST", body=body)
        t.answer(r, 413, '{"message":"Request Too Long"}',
                 "RequestTooLargeException")
    t.equal(len(e.requests), 0)
    ev = post(t, g, e, b"x" * (6 * MB - 4096), "text/plain")
    t.equal(len(ev["body"]), 6 * MB - 4096)
    e, g = http_gateway(t)
    r = t.get(g, "/x", ("Content-Type", "image/png"), method="POST",
              body=os.urandom(5 * MB))
    t.answer(r, 413, '{"message":"Request Entity Too Large"}')
    t.equal(len(e.requests), 0)


def case_connection_serves_on_after_413(t):
    e, g = rest_gateway(t)
    with g.client() as c:
        c.send(build("POST", "/x", [], b"x" * (7 * MB)))
        t.answer(c.response(), 413)
        c.send(build("GET", "/x"))
        t.answer(c.response(), 200, "ok")
    t.equal(len(e.calls), 1)


def case_request_too_large(t):
    e, g = rest_gateway(t)
    with g.client() as c:
        c.send(build("POST", "/x", [("Content-Length", str(11 * MB))]))
        t.answer(c.response(), 413, '{"message":"Request Too Long"}')
    t.equal(len(e.requests), 0)


def case_body_that_never_ends(t):
    """A client that goes away within its body invokes nothing."""
    e, g = rest_gateway(t)
    with g.client() as c:
        c.send(build("POST", "/x", [("Content-Length", "10")]) + b"12345")
    with g.client() as c:
        c.send(build("POST", "/x", [("Transfer-Encoding", "chunked")])
               + b"5\r\n12345\r\nzz\r\n")
        c.ended()
    t.answer(t.get(g, "/x"), 200)
    t.equal(len(e.calls), 1)
