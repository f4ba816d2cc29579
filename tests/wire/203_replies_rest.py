"""What a function returns, as the client of a REST API sees it.

Contract 4.2 and 1.6; golden cases 41 to 53.
"""

import base64
import json

from lib import invoke
from lib.backend import Reply
from lib.conf import method, rest

ISE = '{"message": "Internal server error"}'
TYPE = "InternalServerErrorException"


class Scripted:
    """One gateway; each request says what its function returns."""

    def __init__(self, t, call=None, **kw):
        self.t = t
        self.next = None
        self.e = invoke.endpoint(t, lambda call: self.next)
        self.g = invoke.serve(t, self.e, rest(
            "r", {"/x": {"ANY": call or invoke.call()}}, **kw))

    def __call__(self, value, *headers, verb="GET"):
        self.next = value if isinstance(value, (Reply, bytes)) \
            else invoke.output(value)
        r = self.t.get(self.g, "/x", *headers, method=verb)
        self.t.equal(self.e.wrong, [])
        return r

    def bad(self, value, status=502):
        r = self(value)
        self.t.answer(r, status, ISE, TYPE)
        self.t.header(r, "content-type", "application/json")
        self.t.check(not r.has("x-amzn-trace-id"), "trace id on an error")


def case_table(t):
    f = Scripted(t)

    def good(value, status, body):
        t.answer(f(value), status, body)

    with t.soft() as s:
        for value, status, body in (
                ({}, 200, ""),
                ({"body": "x"}, 200, "x"),
                ({"statusCode": 201}, 201, ""),
                ({"statusCode": "201"}, 201, ""),
                ({"statusCode": 200.0}, 200, ""),
                ({"statusCode": None, "body": "x"}, 200, "x"),
                ({"statusCode": 404, "body": "no"}, 404, "no"),
                ({"statusCode": 599}, 599, ""),
                ({"statusCode": 200, "headers": None}, 200, ""),
                ({"statusCode": 200, "multiValueHeaders": None}, 200, ""),
                ({"statusCode": 200, "headers": {}}, 200, ""),
                ({"statusCode": 200, "body": None}, 200, ""),
                ({"statusCode": 200, "body": ""}, 200, ""),
                ({"statusCode": 200, "isBase64Encoded": None}, 200, ""),
                ({"statusCode": 200, "body": "\u00fc\0\"\n"}, 200,
                 "\u00fc\0\"\n"),
                ({"headers": {"a": "b"}}, 200, "")):
            s.row(repr(value), good, value, status, body)
        for value in (
                None, "text", "", [], [1], 1, True, {"wrongValue": 1},
                {"statusCode": 200, "body": "x", "wrongValue": "foo"},
                {"statusCode": 200, "cookies": ["a=b"]},
                {"statusCode": "test"}, {"statusCode": ""},
                {"statusCode": "0x20"}, {"statusCode": 200.5},
                {"statusCode": 99}, {"statusCode": 0}, {"statusCode": -200},
                {"statusCode": 1000}, {"statusCode": 99999999999},
                {"statusCode": 100}, {"statusCode": 101},
                {"statusCode": [200]}, {"statusCode": {}},
                {"statusCode": 200, "headers": "x"},
                {"statusCode": 200, "headers": ["a"]},
                {"statusCode": 200, "headers": 1},
                {"statusCode": 200, "headers": {"a": {}}},
                {"statusCode": 200, "headers": {"a": ["b"]}},
                {"statusCode": 200, "multiValueHeaders": {"a": "b"}},
                {"statusCode": 200, "multiValueHeaders": [["a"]]},
                {"statusCode": 200, "multiValueHeaders": {"a": [{}]}},
                {"statusCode": 200, "body": {"a": 1}},
                {"statusCode": 200, "body": ["a"]},
                {"statusCode": 200, "isBase64Encoded": {}}):
            s.row(repr(value), f.bad, value)
        for text in (b"", b"{", b"{}x", b'{"statusCode":200', b"\xff\xfe",
                     b'{"statusCode":200,}', b"{'statusCode':200}",
                     b"<html></html>", b"[" * 20000, b'{"body":"\x01"}',
                     b'{"body":"' + b"\xff" + b'"', b"undefined"):
            s.row(repr(text[:30]), f.bad, invoke.raw(text))


def case_gateways_own_fields(t):
    r = Scripted(t)({"statusCode": 200, "body": '{"a":1}'})
    t.header(r, "content-type", "application/json")
    t.header(r, "content-length", "7")
    t.check(r.get("x-amzn-requestid") and r.get("x-amz-apigw-id"))
    t.match(r"^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};"
            r"Sampled=0", r.get("x-amzn-trace-id"))
    t.check(r.get("date"))
    t.check(not r.has("x-amzn-errortype"))
    t.check(not r.has("x-amz-executed-version"), "the Invoke API's own")


def case_values_are_made_strings(t):
    """Golden case 41."""
    r = Scripted(t)({"statusCode": 200, "headers": {
        "test-header": "value", "header-bool": True, "header-false": False,
        "header-number": 12, "header-float": 1.5, "header-empty": "",
        "header-null": None, "header-digits": "007"}})
    t.equal(r.status, 200)
    for n, v in (("test-header", "value"), ("header-bool", "true"),
                 ("header-false", "false"), ("header-number", "12"),
                 ("header-float", "1.5"), ("header-digits", "007")):
        t.header(r, n, v)
    t.check(not r.get("header-null"))


def case_content_type(t):
    f = Scripted(t)
    for given, seen in (
            ({"Content-Type": "text/html"}, "text/html"),
            ({"content-type": "text/html; charset=utf-8"},
             "text/html; charset=utf-8"),
            ({}, "application/json"), ({"Content-Type": ""},
                                       "application/json")):
        t.header(f({"headers": given, "body": "x"}), "content-type", seen)
    r = f({"multiValueHeaders": {"content-type": ["text/a", "text/b"]},
           "headers": {"Content-Type": "text/c"}})
    t.equal(len(r.all("content-type")), 1)


def case_multi_values(t):
    """Golden case 47 and around it."""
    f = Scripted(t)

    def row(reply, wanted, name="test-multi"):
        r = f(dict(reply, statusCode=200))
        got = [v for line in r.all(name) for v in line.split(", ")]
        t.equal(got, wanted)
        return r

    with t.soft() as s:
        s.row("several", row, {"multiValueHeaders": {
            "test-multi": ["a", "b"]}}, ["a", "b"])
        s.row("appended", row, {
            "multiValueHeaders": {"test-multi": ["value-multi"]},
            "headers": {"test-multi": "value-solo"}},
            ["value-multi", "value-solo"])
        s.row("already there", row, {
            "multiValueHeaders": {"test-multi": ["a", "b"]},
            "headers": {"test-multi": "a"}}, ["a", "b"])
        s.row("empty", row, {"multiValueHeaders": {"test-multi": []},
                             "headers": {"test-multi": "a"}}, ["a"])
        s.row("numbers", row, {"multiValueHeaders": {
            "test-multi": [1, True, "x"]}}, ["1", "true", "x"])
    r = row({"multiValueHeaders": {"tesT-Multi": ["value-multi"]},
             "headers": {"test-multi": "value-solo"}},
            ["value-multi", "value-solo"])
    t.equal({n for n in r.names() if n.lower() == "test-multi"},
            {"tesT-Multi"})
    r = f({"multiValueHeaders": {"Set-Cookie": ["a=1; Path=/", "b=2"]},
           "headers": {"set-cookie": "c=3"}})
    t.equal(r.all("set-cookie"), ["a=1; Path=/", "b=2", "c=3"])


def case_remapped(t):
    """The table of contract 1.6."""
    f = Scripted(t)
    with t.soft() as s:
        for n in ("Authorization", "Connection", "Content-Length",
                  "Content-MD5", "Date", "Expect", "Host", "Max-Forwards",
                  "Proxy-Authenticate", "Server", "Trailer", "Upgrade",
                  "User-Agent", "WWW-Authenticate"):
            for given in (n, n.lower()):
                v = "17" if n == "Content-Length" else "value"
                r = f({"statusCode": 200, "headers": {given: v},
                       "body": "body"})
                if r.status != 200 or r.body != b"body":
                    s.add("%s: %r" % (given, r))
                    continue
                got = [x for x in r.headers
                       if x[0].lower() == "x-amzn-remapped-" + n.lower()]
                if got != [("x-amzn-Remapped-" + given, v)]:
                    s.add("%s: %r" % (given, got))
                if n not in ("Connection", "Content-Length", "Date") \
                        and r.has(n):
                    s.add("%s came itself" % n)
        for n in ("Transfer-Encoding", "Keep-Alive", "Proxy-Connection"):
            r = f({"headers": {n: "chunked"}, "body": "body"})
            if r.body != b"body" or r.has(n):
                s.add("%s: %r" % (n, r))
        for n in ("Accept", "Age", "Cache-Control", "Content-Encoding",
                  "ETag", "Pragma", "Range", "Referer", "Via", "Warning",
                  "Location", "Vary", "X-Powered-By"):
            r = f({"headers": {n: "v"}})
            if r.get(n) != "v":
                s.add("%s: %r" % (n, r.headers))


def case_what_frameworks_send(t):
    """Content-Length, Connection and Date of Express, Fastify and hono."""
    f = Scripted(t)
    r = f({"statusCode": 200, "headers": {
        "content-length": "999", "connection": "keep-alive",
        "keep-alive": "timeout=72", "transfer-encoding": "chunked",
        "date": "Thu, 01 Jan 1970 00:00:00 GMT", "x-powered-by": "Express",
        "etag": 'W/"5-abc"'}, "body": "hello"})
    t.answer(r, 200, "hello")
    t.header(r, "content-length", "5")
    t.equal(len(r.all("date")), 1)
    t.check("1970" not in r.get("date"))
    t.check(not r.has("transfer-encoding") and not r.has("keep-alive"))
    t.header(r, "x-powered-by", "Express")


def case_gateways_own_names_cannot_be_forged(t):
    f = Scripted(t)
    r = f({"statusCode": 200, "headers": {
        "x-amzn-RequestId": "forged", "X-Amz-Apigw-Id": "forged",
        "x-amzn-trace-id": "forged", "x-amzn-ErrorType": "Mine"}})
    t.equal(r.status, 200)
    for n in ("x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id"):
        t.equal(len(r.all(n)), 1, n)
        t.lacks("forged", r.get(n))
    t.header(r, "x-amzn-errortype", "Mine")


def case_injection(t):
    """What could end a line never comes near the wire."""
    f = Scripted(t)
    with t.soft() as s:
        for v in ("a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rb", "a\0b", "a\x01",
                  "\r\n\r\n<html>", "a\x7f"):
            for reply in ({"headers": {"X-A": v}},
                          {"multiValueHeaders": {"X-A": ["ok", v]}},
                          {"headers": {"Content-Type": v}},
                          {"headers": {"Set-Cookie": v}}):
                s.row(repr(reply), f.bad, reply)
        for n in ("X-A\r\nX-Evil", "X A", "X:A", "", "X\0", "X\u00fc", "X(A)",
                  "X-A\n", " X", "X "):
            s.row(repr(n), f.bad, {"headers": {n: "v"}})
    r = f({"headers": {"X-Utf8": "\u00fc\u20ac", "X-Tab": "a\tb",
                       "X-Blanks": "  a  "}})
    t.equal(r.get("x-utf8").encode("latin-1").decode(), "\u00fc\u20ac")
    t.header(r, "x-tab", "a\tb")
    t.header(r, "x-blanks", "a")


def case_base64_without_binary_types(t):
    """Golden case 45: the text itself goes out."""
    f = Scripted(t)
    text = base64.b64encode(b"test-data").decode()
    for encoded in (True, False):
        r = f({"statusCode": 200, "body": text, "isBase64Encoded": encoded},
              ("Accept", "image/png"))
        t.answer(r, 200, text)


def case_base64_by_accept(t):
    """Golden case 51."""
    f = Scripted(t, binary_media_types=["image/png", "*/test"])
    data = bytes(range(256))
    text = base64.b64encode(data)
    reply = {"statusCode": 200, "body": text.decode(),
             "isBase64Encoded": True, "headers": {
                 "Content-Type": "image/png"}}
    with t.soft() as s:
        for accept, decoded in (
                ("image/png", True), ("image/png,image/*,*/*;q=0.8", True),
                ("image/png;q=0.5", True), ("image/jpg", False),
                ("image/*", False), ("*/*", False), ("*/test", False),
                ("random/test", False), (None, False),
                ("image/webp,image/png,*/*;q=0.8", False)):
            r = f(reply, *([("Accept", accept)] if accept else []))
            if r.status != 200 or r.body != (data if decoded else text):
                s.add("%s: %r" % (accept, r))
            t.header(r, "content-type", "image/png")
    r = f(dict(reply, isBase64Encoded=False), ("Accept", "image/png"))
    t.answer(r, 200, text)
    f.next = None
    r = f(dict(reply, body="no base64!"), ("Accept", "image/png"))
    t.answer(r, 502, ISE, TYPE)


def case_base64_everything(t):
    f = Scripted(t, binary_media_types=["*/*"])
    r = f({"body": "aGk=", "isBase64Encoded": True})
    t.answer(r, 200, "hi")
    t.answer(f({"body": "hi"}), 200, "hi")


def case_statuses_without_a_body(t):
    f = Scripted(t)
    for status in (204, 304):
        with f.g.client() as c:
            f.next = invoke.output({"statusCode": status, "body": "not sent",
                                    "headers": {"content-length": "8"}})
            t.equal(c.get("/x").status, status)
            f.next = invoke.output({"statusCode": 200, "body": "next"})
            t.answer(c.get("/x"), 200, "next")
    t.equal(f({"statusCode": 205, "body": ""}).status, 205)


def case_head(t):
    f = Scripted(t)
    with f.g.client() as c:
        f.next = invoke.output({"statusCode": 200, "body": "12345"})
        r = c.request("HEAD", "/x")
        t.equal((r.status, r.body), (200, b""))
        t.header(r, "content-length", "5")
        t.answer(c.get("/x"), 200, "12345")


def case_static_response_headers(t):
    f = Scripted(t, call=method(invoke.call(), response_headers={
        "X-Static": "file"}), response_headers={"X-Api": "api"})
    r = f({"headers": {"x-static": "function", "X-Own": "1"}})
    t.header(r, "x-static", "file")
    t.header(r, "x-api", "api")
    t.header(r, "x-own", "1")
    r = f({"headers": 1})
    t.equal(r.status, 502)
    t.header(r, "x-static", "file")


def case_cors(t):
    """REST adds its origin when the function sent none."""
    f = Scripted(t, cors={"allow_origins": ["https://a.example"]})
    origin = ("Origin", "https://a.example")
    t.header(f({"body": "x"}, origin), "access-control-allow-origin",
             "https://a.example")
    r = f({"headers": {"access-control-allow-origin": "https://fn.example"}},
          origin)
    t.header(r, "access-control-allow-origin", "https://fn.example")
    r = f({"multiValueHeaders": {"Access-Control-Allow-Origin": ["*"]}},
          origin)
    t.header(r, "access-control-allow-origin", "*")
    r = f({"statusCode": "x"}, origin)
    t.answer(r, 502, ISE)
    t.header(r, "access-control-allow-origin", "https://a.example")


def case_preflight_invokes_nothing(t):
    f = Scripted(t, cors={"allow_origins": ["*"]},
                 call=invoke.call())
    g = invoke.serve(t, f.e, rest("r", {"/x": {
        "POST": invoke.call(), "cors": {"allow_origins": ["*"],
                                        "allow_headers": ["authtoken"]}}}))
    r = t.get(g, "/x", ("Origin", "https://a.example"),
              ("Access-Control-Request-Method", "POST"),
              ("Access-Control-Request-Headers", "authtoken"),
              method="OPTIONS")
    t.answer(r, 200, "")
    t.header(r, "access-control-allow-origin", "*")
    t.contains("authtoken", r.get("access-control-allow-headers"))
    t.equal(f.e.requests, [])


def case_large_reply(t):
    f = Scripted(t)
    body = "\u00fc\"\\" * 400000
    r = f({"statusCode": 200, "body": body})
    t.equal(r.status, 200)
    t.check(r.body == body.encode(), "body of %d" % len(r.body))


def case_output_as_it_may_come(t):
    """Chunked, in pieces, blanks around, names in any order."""
    f = Scripted(t)
    text = json.dumps({"body": "x" * 1000, "headers": {"a": "b"},
                       "isBase64Encoded": False,
                       "statusCode": 202}).encode()
    pieces = [text[i:i + 7] for i in range(0, len(text), 7)]
    for reply in (Reply(200, [], text, "chunked", pieces=pieces),
                  Reply(200, [], b" \n" + text + b"\r\n\t", "length"),
                  Reply(200, [], text, "close")):
        r = f(reply)
        t.answer(r, 202, "x" * 1000)
        t.header(r, "a", "b")


def case_escapes(t):
    f = Scripted(t)
    r = f(invoke.raw(b'{"status\\u0043ode":202,"b\\u006fdy":'
                     b'"\\ud83d\\ude00\\u00fc\\/\\n","headers":'
                     b'{"x\\u002da":"\\u0062"}}'))
    t.answer(r, 202, "\U0001f600\u00fc/\n")
    t.header(r, "x-a", "b")


def case_many_headers(t):
    f = Scripted(t)
    r = f({"headers": {"x-h%d" % i: str(i) for i in range(300)}})
    t.equal(r.status, 200)
    t.header(r, "x-h299", "299")
    f.bad({"headers": {"x-h%d" % i: "v" for i in range(2000)}})
    f.bad({"headers": {"x-h": "v" * 70000}})
