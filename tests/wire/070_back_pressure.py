"""A slow side costs a bounded buffer and slows the fast side down."""

import threading
import time

from lib.backend import Reply
from lib.client import build
from lib.conf import http, proxy, rest
from lib.gatehouse import memory_kib, wait_until

MIB = 1 << 20
BOUND = 48 * MIB		# socket buffers of both sides and some room


def gateway(t, b, **settings):
    return t.gatehouse([
        rest("r", {"/r": {"ANY": proxy("b", timeout="120s")}}),
        http("h", {"ANY /h": proxy("b")},
             stages=[{"name": "$default", "base_path": "/http"}])],
        {"b": b}, settings)


def settled(read, quiet=1.0, limit=20):
    """The value once it has stood still for a while."""
    end = time.monotonic() + limit
    last, since = read(), time.monotonic()
    while time.monotonic() < end:
        time.sleep(0.1)
        now = read()
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > quiet:
            break
    return last


def case_slow_reader_of_a_big_answer(t):
    total = (256 if t.short else 1024) * MIB
    block = bytes(65536)
    for framing in ("length", "chunked"):
        sent = [0]

        def handler(req, conn):
            if framing == "length":
                conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
                          % total)
            else:
                conn.send(b"HTTP/1.1 200 OK\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n")
            while sent[0] < total:
                piece = block if framing == "length" else \
                    b"10000\r\n" + block + b"\r\n"
                if not conn.send(piece):
                    break
                sent[0] += len(block)
            if framing == "chunked":
                conn.send(b"0\r\n\r\n")
        b = t.backend(handler)
        g = gateway(t, b)
        worker = g.workers()[0]
        before = memory_kib(worker)
        with g.client() as c:
            c.send(build("GET", "/r"))
            stalled = settled(lambda: sent[0])
            t.check(0 < stalled < BOUND,
                    "%s: the backend stopped after %d MiB"
                    % (framing, stalled // MIB))
            t.check(memory_kib(worker) - before < 16 * 1024,
                    "worker grew by %d KiB" % (memory_kib(worker) - before))
            r = c.head()
            t.equal(r.status, 200)
            got = len(c.left)
            c.left = b""
            limit = min(total, 128 * MIB)
            while got < limit:
                n = len(c.sock.recv(1 << 20))
                if not n:
                    t.fail("ended after %d bytes" % got)
                got += n
            t.check(memory_kib(worker) - before < 16 * 1024,
                    "worker grew by %d KiB" % (memory_kib(worker) - before))
        t.check(b.connections[0].ended.wait(20),
                "the upstream ends with its client")
        g.stop()


def case_slow_backend_of_a_big_upload(t):
    go = threading.Event()

    def handler(req, conn):
        go.wait(60)
        conn.read_body(req, keep=False)
        return Reply(200, [], b"done")
    b = t.backend(handler, read_body=False)
    total = 200 * MIB
    g = gateway(t, b, limits={"body": "1G"})
    worker = g.workers()[0]
    before = memory_kib(worker)
    for chunked in (False, True):
        go.clear()
        sent = [0]
        with g.client() as c:
            c.sock.settimeout(60)
            if chunked:
                c.send(build("PUT", "/r", [("Transfer-Encoding", "chunked")]))
            else:
                c.send(build("PUT", "/r", [("Content-Length", str(total))]))

            def upload():
                block = bytes(65536)
                while sent[0] < total:
                    if not c.send(b"10000\r\n" + block + b"\r\n" if chunked
                                  else block):
                        return
                    sent[0] += len(block)
                if chunked:
                    c.send(b"0\r\n\r\n")
            th = t.thread(upload)
            stalled = settled(lambda: sent[0])
            t.check(stalled < BOUND, "the client sent %d MiB into a stalled "
                    "backend" % (stalled // MIB))
            t.check(memory_kib(worker) - before < 16 * 1024,
                    "worker grew by %d KiB" % (memory_kib(worker) - before))
            go.set()
            th.join(60)
            t.answer(c.response(), 200, b"done")


def case_slow_readers_do_not_hold_up_others(t):
    def handler(req, conn):
        if "big" not in req.target:
            return Reply(200, [], b"quick")
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
                  % (64 * MIB))
        for _ in range(1024):
            if not conn.send(bytes(65536)):
                break
        conn.over = True
    b = t.backend(handler)
    g = gateway(t, b)
    slow = [t.client(g, receive_buffer=4096) for _ in range(8)]
    for c in slow:
        c.send(build("GET", "/r?big"))
    b.wait_requests(8)
    with g.client() as c:
        for _ in range(100):
            t.answer(c.get("/r"), 200, b"quick")


def case_slow_reader_gets_every_byte(t):
    data = bytes(i * 7 % 251 for i in range(100000)) * 40
    b = t.backend(lambda q, c: Reply(200, [], data, framing="chunked"
                                     if "c" in q.target else "length"))
    g = gateway(t, b)
    for target in ("/r?l", "/r?c"):
        with g.client(receive_buffer=4096) as c:
            c.send(build("GET", target))
            wait_until(lambda: False, 0.5)
            r = c.response()
            t.check(r.body == data, "the body is whole and in order")
            t.answer(c.get(target), 200, data)
