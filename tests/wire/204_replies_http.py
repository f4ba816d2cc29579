"""What a function returns, as the client of an HTTP API sees it.

Contract 4.3 and 4.4, golden cases 131 and 133.
"""

import base64

from lib import invoke
from lib.backend import Reply
from lib.conf import http

ISE = '{"message":"Internal Server Error"}'


class Scripted:
    def __init__(self, t, version="2.0", **kw):
        self.t = t
        self.next = None
        self.e = invoke.endpoint(t, lambda call: self.next)
        self.g = invoke.serve(t, self.e, http("h", {"ANY /x": invoke.call(
            payload_format_version=version)}, **kw))

    def __call__(self, value, *headers, verb="GET"):
        self.next = value if isinstance(value, (Reply, bytes)) \
            else invoke.output(value)
        r = self.t.get(self.g, "/x", *headers, method=verb)
        self.t.equal(self.e.wrong, [])
        return r

    def bad(self, value):
        r = self(value)
        self.t.answer(r, 500, ISE)
        self.t.header(r, "content-type", "application/json")
        self.t.check(r.get("apigw-requestid"))
        self.t.check(not r.has("x-amzn-errortype"))


def case_inferred(t):
    """Golden case 131 and the table of contract 4.4."""
    f = Scripted(t)

    def row(text, body):
        r = f(invoke.raw(text))
        t.answer(r, 200, body)
        t.header(r, "content-type", "application/json")

    with t.soft() as s:
        for text, body in (
                ("null", "null"), ('""', ""), ('"hi"', "hi"), ("42", "42"),
                ('["howdy"]', '["howdy"]'), ('{"ok":true}', '{"ok":true}'),
                ("true", "true"), ("false", "false"), ("-1.5e3", "-1.5e3"),
                ("{}", "{}"), ("[]", "[]"), ('{"body":"x"}', '{"body":"x"}'),
                ('{"headers":{"a":"b"},"body":"x"}',
                 '{"headers":{"a":"b"},"body":"x"}'),
                ('"a\\"b\\u00fc\\n"', 'a"b\u00fc\n'),
                ('"{\\"a\\":1}"', '{"a":1}'),
                ('{"a" : [1, 2]}', '{"a" : [1, 2]}')):
            s.row(text, row, text, body)
        for text in ("", "{", "undefined", "{'a':1}", "nul", "01", '"a',
                     '{"a":1}x', "\xff", "[" * 20000, "NaN"):
            s.row(repr(text[:20]), f.bad,
                  invoke.raw(text.encode("latin-1")))


def case_structured(t):
    f = Scripted(t)
    r = f({"statusCode": 201, "headers": {"X-A": "b", "X-N": 7, "X-B": True},
           "cookies": ["foo=1", "bar=2; Path=/"], "body": "hello"})
    t.answer(r, 201, "hello")
    t.header(r, "x-a", "b")
    t.header(r, "x-n", "7")
    t.header(r, "x-b", "true")
    t.equal(r.all("set-cookie"), ["foo=1", "bar=2; Path=/"])
    t.header(r, "content-type", "text/plain; charset=utf-8")
    t.header(r, "content-length", "5")
    t.match(r"^[A-Za-z0-9_-]{15}=\Z", r.get("apigw-requestid"))
    t.check(not r.has("x-amzn-requestid"))
    r = f({"statusCode": "202", "headers": {"content-type": "text/html"},
           "body": "<p>"})
    t.answer(r, 202, "<p>")
    t.header(r, "content-type", "text/html")
    t.answer(f({"statusCode": 200}), 200, "")
    t.answer(f({"statusCode": 200, "body": None, "headers": None,
                "cookies": None}), 200, "")
    t.answer(f({"statusCode": 200, "other": 1, "body": "x"}), 200, "x")
    r = f({"statusCode": 200, "headers": {"set-cookie": "own=1"},
           "cookies": ["two=2"]})
    t.equal(sorted(r.all("set-cookie")), ["own=1", "two=2"])


def case_malformed(t):
    """Golden case 133, last part."""
    f = Scripted(t)
    with t.soft() as s:
        for value in (
                {"statusCode": "idk"}, {"statusCode": None},
                {"statusCode": 99}, {"statusCode": 100},
                {"statusCode": 1000}, {"statusCode": {}},
                {"statusCode": 200, "headers": "x"},
                {"statusCode": 200, "headers": {"a": {}}},
                {"statusCode": 200, "cookies": "a=b"},
                {"statusCode": 200, "cookies": {"a": "b"}},
                {"statusCode": 200, "body": "?", "isBase64Encoded": True},
                {"statusCode": 200, "headers": {"a": "b\r\nX: y"}},
                {"statusCode": 200, "headers": {"a\nb": "c"}},
                {"statusCode": 200, "headers": {"": "c"}},
                {"statusCode": 200, "cookies": ["a=b\r\nX: y"]}):
            s.row(repr(value), f.bad, value)


def case_base64_whatever_accept(t):
    data = bytes(range(256))
    for version in ("2.0", "1.0"):
        f = Scripted(t, version)
        for accept in ("*/*", "text/html", "application/pdf"):
            r = f({"statusCode": 200, "headers": {
                "content-type": "application/pdf"}, "isBase64Encoded": True,
                "body": base64.b64encode(data).decode()},
                ("Accept", accept))
            t.answer(r, 200, data)
            t.header(r, "content-type", "application/pdf")


def case_one_zero(t):
    f = Scripted(t, "1.0")
    r = f({"statusCode": 200, "body": "x", "unknown": 1,
           "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]},
           "headers": {"X-A": "1"}})
    t.answer(r, 200, "x")
    t.equal(r.all("set-cookie"), ["a=1", "b=2"])
    t.header(r, "x-a", "1")
    t.check(r.get("content-type"))
    with t.soft() as s:
        for value in ({}, {"body": "x"}, None, "x", [], 7,
                      {"statusCode": "test"},
                      {"statusCode": 200, "headers": {"a": "b\nc"}},
                      {"statusCode": 200, "multiValueHeaders": {"a": "b"}}):
            s.row(repr(value), f.bad, value)


def case_what_frameworks_send(t):
    f = Scripted(t)
    r = f({"statusCode": 200, "headers": {
        "content-length": "999", "connection": "keep-alive",
        "keep-alive": "timeout=72", "transfer-encoding": "chunked",
        "date": "Thu, 01 Jan 1970 00:00:00 GMT", "upgrade": "h2c",
        "trailer": "x", "server": "hono", "www-authenticate": "Basic"},
        "body": "hello"})
    t.answer(r, 200, "hello")
    t.header(r, "content-length", "5")
    t.equal(len(r.all("date")), 1)
    t.check(not [n for n in r.names() if n.lower() in (
        "transfer-encoding", "keep-alive", "upgrade", "trailer")])
    t.check(not [n for n in r.names() if "remapped" in n.lower()])
    t.header(r, "server", "hono")
    t.header(r, "www-authenticate", "Basic")
    r = f({"statusCode": 200, "headers": {"apigw-requestid": "forged"}})
    t.equal(len(r.all("apigw-requestid")), 1)
    t.lacks("forged", r.get("apigw-requestid"))


def case_statuses_without_a_body(t):
    f = Scripted(t)
    for status in (204, 304):
        with f.g.client() as c:
            f.next = invoke.output({"statusCode": status, "body": "no"})
            t.equal(c.get("/x").status, status)
            f.next = invoke.output("next")
            t.answer(c.get("/x"), 200, "next")
    with f.g.client() as c:
        r = c.request("HEAD", "/x")
        t.equal((r.status, r.body), (200, b""))
        t.header(r, "content-length", "4")
        t.answer(c.get("/x"), 200, "next")


def case_cors_of_the_function_is_discarded(t):
    """Contract 5.2."""
    f = Scripted(t, cors={"allow_origins": ["https://a.example"]})
    own = {"statusCode": 200, "body": "x", "headers": {
        "Access-Control-Allow-Origin": "*",
        "access-control-allow-credentials": "true",
        "Access-Control-Expose-Headers": "X", "X-Own": "1"}}
    r = f(own, ("Origin", "https://a.example"))
    t.header(r, "access-control-allow-origin", "https://a.example")
    t.check(not r.has("access-control-allow-credentials"))
    t.check(not r.has("access-control-expose-headers"))
    t.header(r, "x-own", "1")
    for sent in ([("Origin", "https://evil.example")], []):
        r = f(own, *sent)
        t.answer(r, 200, "x")
        t.check(not [n for n in r.names()
                     if n.lower().startswith("access-control")], r.headers)
    g = Scripted(t)
    r = g(own, ("Origin", "https://any.example"))
    t.header(r, "access-control-allow-origin", "*")


def case_preflight_invokes_nothing(t):
    e = invoke.endpoint(t)
    g = invoke.serve(t, e, http("h", {
        "POST /x": invoke.call(), "GET /y": invoke.call()},
        cors={"allow_origins": ["https://a.example"],
              "allow_methods": ["POST"], "allow_headers": ["authtoken"]}))
    for origin in ("https://a.example", "https://evil.example"):
        for target in ("/x", "/y", "/nowhere"):
            r = t.get(g, target, ("Origin", origin),
                      ("Access-Control-Request-Method", "POST"),
                      method="OPTIONS")
            t.answer(r, 204, "")
    t.equal(e.requests, [])


def case_errors_carry_cors(t):
    f = Scripted(t, cors={"allow_origins": ["https://a.example"]})
    f.next = invoke.failed()
    r = t.get(f.g, "/x", ("Origin", "https://a.example"))
    t.answer(r, 500, ISE)
    t.header(r, "access-control-allow-origin", "https://a.example")
