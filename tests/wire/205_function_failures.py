"""Functions and endpoints that fail: what REST and HTTP APIs answer."""

import json
import os
import socket
import threading
import time

from lib import invoke
from lib.backend import Close, Reply
from lib.client import build
from lib.conf import http, rest
from lib.gatehouse import free_port, wait_until

MB = 1024 * 1024
REST_ISE = '{"message": "Internal server error"}'
REST_LATE = '{"message": "Endpoint request timed out"}'
REST_NET = '{"message": "Network error communicating with endpoint"}'
HTTP_ISE = '{"message":"Internal Server Error"}'
HTTP_OUT = '{"message":"Service Unavailable"}'
TYPE = "InternalServerErrorException"


def apis(**kw):
    return [rest("r", {"/x": {"ANY": invoke.call(**kw)}},
                 stages=[{"name": "prod", "base_path": "/rest"}]),
            http("h", {"ANY /x": invoke.call(**kw)},
                 stages=[{"name": "$default", "base_path": "/http"}])]


class Both:
    """The same function behind a REST and an HTTP API."""

    def __init__(self, t, answer=None, **kw):
        self.t = t
        self.next = answer
        self.e = invoke.endpoint(t, self._answer)
        self.g = invoke.serve(t, self.e, apis(**kw))

    def _answer(self, call):
        return self.next(call) if callable(self.next) else self.next

    def expect(self, answer, rest_answer, http_answer):
        self.next = answer
        r = self.t.get(self.g, "/rest/x")
        self.t.answer(r, *rest_answer, TYPE)
        self.t.check(r.get("x-amzn-requestid"))
        r = self.t.get(self.g, "/http/x")
        self.t.answer(r, *http_answer)
        self.t.check(r.get("apigw-requestid"))

    def works(self):
        self.next = invoke.ok
        for target in ("/rest/x", "/http/x"):
            self.t.answer(self.t.get(self.g, target), 200, "ok")


FAILED = ((502, REST_ISE), (500, HTTP_ISE))
REFUSED = ((500, REST_ISE), (500, HTTP_ISE))
LATE = ((504, REST_LATE), (503, HTTP_OUT))


def case_function_errors(t):
    f = Both(t)
    with t.soft() as s:
        for answer in (
                invoke.failed(), invoke.failed(word="Handled"),
                invoke.failed("Sandbox.Timedout", "2024 Task timed out"),
                invoke.failed("Runtime.ExitError", "exit status 1"),
                invoke.raw(b"not json", ("x-amz-function-error", "U")),
                invoke.raw(b"", ("X-Amz-Function-Error", "Unhandled")),
                invoke.output({"statusCode": 200, "body": "x"},
                              ("X-Amz-Function-Error", "Unhandled"))):
            s.row(repr(answer.body[:40]), f.expect, answer, *FAILED)
    f.works()


def case_function_error_is_logged_for_the_operator(t):
    f = Both(t, lambda c: invoke.failed("TypeError", "x is not a\nfunction"))
    r = t.get(f.g, "/rest/x")
    t.lacks(b"TypeError", r.body)
    t.check(f.g.wait_log("function f failed: TypeError"), f.g.log())
    t.check(not [x for x in f.g.log().splitlines()
                 if x.startswith("function")], "a log line was split")


def case_error_looking_output_is_output(t):
    """Without the header an errorMessage is what the function returned."""
    f = Both(t)
    f.next = invoke.output({"errorMessage": "x", "errorType": "y"})
    t.answer(t.get(f.g, "/rest/x"), 502, REST_ISE)
    r = t.get(f.g, "/http/x")
    t.equal((r.status, json.loads(r.body)), (200, {
        "errorMessage": "x", "errorType": "y"}))


def case_invoke_api_refuses(t):
    f = Both(t)
    with t.soft() as s:
        for status, name in ((403, "AccessDeniedException"),
                             (404, "ResourceNotFoundException"),
                             (413, "RequestTooLargeException"),
                             (429, "TooManyRequestsException"),
                             (400, "InvalidRequestContentException"),
                             (415, "UnsupportedMediaTypeException"),
                             (500, "ServiceException"),
                             (502, "KMSDisabledException"),
                             (503, "ServiceUnavailable"), (302, "Moved"),
                             (202, "Event"), (204, "DryRun")):
            answer = invoke.refusal(status, name, "secret detail")
            if status == 204:
                answer = Reply(204, [], b"", "none")
            s.row(str(status), f.expect, answer, *REFUSED)
    f.works()


def case_refused(t):
    port = free_port()
    g = invoke.serve(t, None, apis(), [invoke.function(
        "http://127.0.0.1:%d" % port)])
    for _ in range(5):
        t.answer(t.get(g, "/rest/x"), 500, REST_ISE, TYPE)
        t.answer(t.get(g, "/http/x"), 503, HTTP_OUT)
    e = invoke.endpoint(t, port=port)
    t.check(wait_until(lambda: t.get(g, "/rest/x").status == 200, 15),
            "serves once the endpoint is there")
    t.equal(e.wrong, [])


def case_hanging(t):
    f = Both(t, timeout="300ms")
    held = threading.Event()
    f.next = lambda call: held.wait(20) and None
    began = time.monotonic()
    f.expect(f.next, *LATE)
    took = time.monotonic() - began
    t.check(0.55 <= took < 6, "took %.2f s" % took)
    held.set()
    f.works()


def case_never_accepts(t):
    """Connected by the kernel, read by nobody."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(8)
    g = invoke.serve(t, None, apis(timeout="300ms"), [invoke.function(
        "http://127.0.0.1:%d" % s.getsockname()[1])])
    t.answer(t.get(g, "/rest/x"), 504, REST_LATE, TYPE)
    t.answer(t.get(g, "/http/x"), 503, HTTP_OUT)
    t.answer(t.get(g, "/rest/x", method="POST", body=b"x" * 5 * MB), 504,
             REST_LATE, TYPE)
    s.close()


def case_slow_body_is_within_the_timeout(t):
    """The time-out is of the whole invocation."""
    f = Both(t, timeout="400ms")

    def drip(call):
        conn = call.request.conn
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(40):
            if not conn.send(b" "):
                break
            time.sleep(0.1)
        conn.over = True
    began = time.monotonic()
    f.next = drip
    t.answer(t.get(f.g, "/rest/x"), 504, REST_LATE, TYPE)
    took = time.monotonic() - began
    t.check(took < 2, "took %.2f s" % took)
    f.works()


def case_garbage(t):
    f = Both(t)
    with t.soft() as s:
        for data in (b"garbage\r\n\r\n", b"\0\1\2\3\r\n\r\n",
                     b"HTTP/1.1 2x0 OK\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                     b"Content-Length: 3\r\n\r\n{}",
                     b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000 + b"\r\n\r\n"):
            s.row(repr(data[:50]), f.expect, Close(data), *FAILED)
    f.works()


def case_half_answers(t):
    f = Both(t)
    with t.soft() as s:
        for data in (b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nA: b\r\n",
                     b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
                     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                     b"\r\n2\r\n{}\r\n",
                     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                     b"\r\nzz\r\n"):
            s.row(repr(data), f.expect, Close(data),
                  (504, REST_NET), (503, HTTP_OUT))
    f.works()
    t.equal(f.e.wrong, [])


def case_an_invocation_is_never_repeated(t):
    """A function that may have run is not run again."""
    f = Both(t)
    f.works()
    before = len(f.e.calls)
    f.next = Close(b"")
    t.answer(t.get(f.g, "/rest/x"), 504)
    t.equal(len(f.e.calls), before + 1)


def case_output_too_large(t):
    f = Both(t)
    body = "x" * (6 * MB)
    for framing in ("length", "chunked", "close"):
        f.expect(Reply(200, [], json.dumps({
            "statusCode": 200, "body": body + "y" * 1000}), framing), *FAILED)
    f.expect(Close(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
                   + b" " * (7 * MB)), *FAILED)
    body = "x" * (6 * MB - 100)
    f.next = invoke.output({"statusCode": 200, "body": body})
    r = t.get(f.g, "/rest/x")
    t.equal((r.status, len(r.body)), (200, len(body)))
    f.works()


def case_endless_output(t):
    """Chunks for ever are cut at the limit, and cost nothing after."""
    f = Both(t)

    def endless(call):
        conn = call.request.conn
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
        for _ in range(2000):
            if not conn.send(piece):
                break
        conn.over = True
    f.expect(endless, *FAILED)
    f.works()


def case_client_goes_away(t):
    """Its function ends, its answer is nobody's."""
    f = Both(t)
    entered, held = threading.Event(), threading.Event()

    def slow(call):
        entered.set()
        held.wait(10)
        return invoke.output({"statusCode": 200, "body": "late"})
    f.next = slow
    c = f.g.client()
    c.send(build("POST", "/rest/x", body=b"1"))
    t.check(entered.wait(10))
    c.close()
    time.sleep(0.1)
    f.next = invoke.ok
    t.answer(t.get(f.g, "/rest/x"), 200, "ok")
    held.set()
    time.sleep(0.1)
    for _ in range(3):
        t.answer(t.get(f.g, "/rest/x"), 200, "ok")


def case_many_failures_leak_nothing(t):
    f = Both(t)
    f.works()
    worker = f.g.workers()[0]

    def descriptors():
        return len(os.listdir("/proc/%d/fd" % worker))
    before = descriptors()
    for i in range(120):
        f.next = [invoke.failed(), Close(b"garbage\r\n\r\n"), Close(b""),
                  invoke.raw(b"["), invoke.refusal(429, "T")][i % 5]
        t.get(f.g, ("/rest/x", "/http/x")[i % 2])
    f.works()
    t.check(wait_until(lambda: descriptors() <= before + 4),
            "%d descriptors, were %d" % (descriptors(), before))


def case_interim_answers(t):
    f = Both(t)
    f.next = (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n"
              b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n"
              b'{"statusCode":200,"body":"abc"}')
    for target in ("/rest/x", "/http/x"):
        t.answer(t.get(f.g, target), 200, "abc")
