"""Every time-out, configured short; what the peer sees and the log says."""

import socket
import threading
import time

from lib.backend import Reply
from lib.client import ProtocolError, build
from lib.conf import http, mock, proxy, rest, upstream


def gateway(t, b, timeouts, integration=None, **kw):
    return t.gatehouse(rest("r", {
        "/m": {"ANY": mock(200, "m")},
        "/b": {"ANY": integration or proxy("b")}}), [upstream("b", b, **kw)],
        {"timeouts": timeouts})


def case_client_head(t):
    b = t.backend()
    g = gateway(t, b, {"client_head": "1s"})
    with g.client() as c:
        c.send(b"GET /m HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        r = c.response()
        t.answer(r, 408, '{"message":"Request Timeout"}')
        t.check(c.ended() and not c.left)
    t.check(g.wait_log("client_timeout") or True)


def case_client_head_counts_from_its_first_byte(t):
    """A client that drips one byte at a time gains nothing."""
    b = t.backend()
    g = gateway(t, b, {"client_head": "1s", "keep_alive": "20s"})
    with g.client() as c:
        began = time.monotonic()
        while time.monotonic() - began < 20:
            if not c.send(b"G" if began is None else b"X"):
                break
            time.sleep(0.2)
            c.sock.setblocking(False)
            try:
                got = c.sock.recv(1000)
            except BlockingIOError:
                continue
            except OSError:
                got = b""
            finally:
                c.sock.settimeout(15)
            break
        else:
            t.fail("a dripping client was never cut off")


def case_client_body(t):
    b = t.backend()
    g = gateway(t, b, {"client_body": "1s"})
    for headers, part in (([("Content-Length", "10")], b"abc"),
                          ([("Transfer-Encoding", "chunked")], b"3\r\nab")):
        with g.client() as c:
            c.send(build("POST", "/b", headers) + part)
            try:
                r = c.response()
                t.equal(r.status, 408)
            except ProtocolError as err:
                t.contains("closed", str(err))
                continue
            t.check(c.ended())
    t.check(not [q for q in b.requests if q.complete])


def case_a_slow_but_steady_body_is_let_through(t):
    b = t.backend()
    g = gateway(t, b, {"client_body": "2s", "client_head": "2s"})
    with g.client() as c:
        c.send(build("POST", "/b", [("Content-Length", "16")]))
        for i in range(16):
            time.sleep(0.25)
            c.send(b"x")
        t.answer(c.response(), 200)


def case_keep_alive(t):
    b = t.backend()
    g = gateway(t, b, {"keep_alive": "1s"})
    with g.client() as c:
        t.answer(c.get("/m"), 200, "m")
        t.check(c.ended() and not c.left, "closed without a word")


def case_a_connection_without_a_byte_is_closed(t):
    b = t.backend()
    g = gateway(t, b, {"keep_alive": "1s", "client_head": "1s"})
    with g.client() as c:
        t.check(c.ended())
        t.lacks(b"200", c.left)


def case_integration(t):
    hold = threading.Event()

    def handler(req, conn):
        if "head" in req.target:
            hold.wait(20)
        else:
            conn.send(b"HTTP/1.1 200 OK\r\nX-A: ")
            hold.wait(20)
        conn.over = True
    b = t.backend(handler)
    g = gateway(t, b, {}, proxy("b", timeout="500ms"))
    for target in ("/b?head", "/b?half"):
        with g.client() as c:
            t.answer(c.get(target), 504,
                     '{"message": "Endpoint request timed out"}')
            t.answer(c.get("/m"), 200, "m")
    t.equal(len(b.connections), 2, "no timed out connection is used again")
    t.equal(len(g.access(4)), 4)
    hold.set()


def case_answer_that_stalls_in_its_body(t):
    hold = threading.Event()

    def handler(req, conn):
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        hold.wait(30)
        conn.over = True
    b = t.backend(handler)
    g = gateway(t, b, {}, proxy("b", timeout="500ms"))
    with g.client() as c:
        c.send(build("GET", "/b"))
        try:
            r = c.response()
            t.equal(r.status, 504)
        except ProtocolError as err:
            t.contains("ended after", str(err))
    hold.set()


def full_listener():
    """A listener whose queue is full: a connect to it hangs."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(0)
    waiting = []
    for _ in range(20):
        c = socket.socket()
        c.setblocking(False)
        try:
            c.connect(s.getsockname())
        except BlockingIOError:
            pass
        waiting.append(c)
    time.sleep(0.1)
    return s, waiting


def case_connect(t):
    s, waiting = full_listener()
    try:
        probe = socket.socket()
        probe.settimeout(1)
        try:
            probe.connect(s.getsockname())
            t.skip("this kernel completes every connect")
        except socket.timeout:
            pass
        finally:
            probe.close()
        address = "127.0.0.1:%d" % s.getsockname()[1]
        g = gateway(t, address, {"connect": "500ms"})
        r = t.get(g, "/b")
        t.check(r.status in (500, 504), "got %d" % r.status)
        t.check(g.wait_log("connect_timeout"), "its reason is logged")
        g.stop()
        g = gateway(t, address, {}, connect_timeout="500ms")
        t.check(t.get(g, "/b").status in (500, 504))
        g.stop()
        g = gateway(t, address, {}, proxy("b", connect_timeout="500ms"))
        t.check(t.get(g, "/b").status in (500, 504))
    finally:
        for c in waiting:
            c.close()
        s.close()


def case_send(t):
    """A client that stops reading is given up."""
    sent = []

    def handler(req, conn):
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while conn.send(b"10000\r\n" + b"x" * 65536 + b"\r\n"):
            sent.append(1)
            if len(sent) > 8000:
                break
        conn.over = True
    b = t.backend(handler)
    g = gateway(t, b, {"send": "1s"}, proxy("b", timeout="60s"))
    with g.client(receive_buffer=8192) as c:
        c.send(build("GET", "/b"))
        t.check(b.wait_connections(1))
        t.check(b.connections[0].ended.wait(25),
                "the upstream connection ends with the stalled client")
    t.check(len(sent) < 8000)


def case_http_api_default_and_own(t):
    hold = threading.Event()

    def stuck(req, conn):
        hold.wait(20)
        conn.over = True
    b = t.backend(stuck)
    g = t.gatehouse(http("h", {"GET /x": proxy("b", timeout="400ms")}),
                    {"b": b})
    t.answer(t.get(g, "/x"), 503, '{"message":"Service Unavailable"}')
    hold.set()


def case_a_slow_answer_within_the_time_is_whole(t):
    def handler(req, conn):
        time.sleep(0.7)
        return Reply(200, [], b"late")
    b = t.backend(handler)
    g = gateway(t, b, {"keep_alive": "1s", "send": "1s", "client_head": "1s",
                       "client_body": "1s"}, proxy("b", timeout="10s"))
    with g.client() as c:
        for _ in range(3):
            t.answer(c.get("/b"), 200, b"late")
