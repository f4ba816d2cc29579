"""Upstream groups: pool, replay, balance, ejection, kinds of addresses."""

import collections
import socket
import threading
import time

from lib.backend import Backend, Close, Reply
from lib.client import build
from lib.conf import http, mock, proxy, rest, upstream
from lib.gatehouse import wait_until


def gateway(t, *upstreams, **kw):
    return t.gatehouse(rest("r", {
        "/r": {"ANY": proxy("b")}, "/m": {"GET": mock(200, "m")}}),
        list(upstreams), **kw)


def who(r):
    return r.get("x-backend")


def case_connections_are_reused(t):
    b = t.backend()
    g = gateway(t, upstream("b", b))
    for _ in range(30):
        t.answer(t.get(g, "/r"), 200)
    with g.client() as c:
        for _ in range(30):
            t.answer(c.request("POST", "/r", body=b"x"), 200)
    t.equal(len(b.connections), 1, "one connection for 60 requests")
    for q in b.requests:
        t.lacks("close", (q.get("connection") or "").lower())


def case_parallel_requests_have_their_own(t):
    gate = threading.Barrier(5)

    def handler(req, conn):
        gate.wait(15)
        return Reply(200, [], req.target)
    b = t.backend(handler)
    g = gateway(t, upstream("b", b))
    clients = [t.client(g) for _ in range(5)]
    for i, c in enumerate(clients):
        c.send(build("GET", "/r?%d" % i))
    for i, c in enumerate(clients):
        t.answer(c.response(), 200, "/r?%d" % i)
    t.equal(len(b.connections), 5)


def case_max_idle(t):
    gate = threading.Barrier(6)

    def handler(req, conn):
        gate.wait(15)
        return Reply(200, [], b"x")
    b = t.backend(handler)
    g = gateway(t, upstream("b", b, max_idle=2))
    clients = [t.client(g) for _ in range(6)]
    for c in clients:
        c.send(build("GET", "/r"))
    for c in clients:
        t.answer(c.response(), 200)
    t.check(wait_until(lambda: len(b.open_connections()) <= 2),
            "two stay idle, %d do" % len(b.open_connections()))
    t.check(len(b.open_connections()) == 2)


def case_idle_timeout(t):
    b = t.backend()
    g = gateway(t, upstream("b", b, idle_timeout="1s"))
    t.answer(t.get(g, "/r"), 200)
    t.check(b.connections[0].ended.wait(15), "an idle connection is closed")
    t.answer(t.get(g, "/r"), 200)


def case_answers_that_end_the_connection(t):
    replies = {
        "close": lambda: Close(Reply(200, [("Connection", "close")], b"x")),
        "http10": lambda: Close(b"HTTP/1.0 200 OK\r\nContent-Length: 1"
                                b"\r\n\r\nx"),
        "until": lambda: Close(b"HTTP/1.1 200 OK\r\n\r\nx"),
    }
    b = t.backend(lambda q, c: replies[q.target.split("=")[1]]())
    g = gateway(t, upstream("b", b))
    for kind in replies:
        for _ in range(5):
            t.answer(t.get(g, "/r?k=" + kind), 200, b"x")


def case_connection_closed_while_idle_never_surfaces(t):
    """The origin closes at the worst moments: 200 of 200 good (D24)."""
    def handler(req, conn):
        if conn.served % 3 == 0:
            def later():
                time.sleep(0.001 * (conn.number % 5))
                try:
                    conn.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            conn.send(Reply(200, [], b"ok").encode(req.method))
            threading.Thread(target=later, daemon=True).start()
            return None
        return Reply(200, [], b"ok")
    b = t.backend(handler)
    g = gateway(t, upstream("b", b))
    with g.client() as c:
        for i in range(60 if t.short else 200):
            r = c.get("/r?%d" % i)
            t.equal((i, r.status, r.body), (i, 200, b"ok"))


def case_stale_connection_is_replayed_once(t):
    """A pooled connection that dies on the second request, unanswered."""
    def handler(req, conn):
        if conn.served > 1:
            conn.reset()
            return None
        return Reply(200, [], b"ok")
    b = t.backend(handler)
    g = gateway(t, upstream("b", b))
    with g.client() as c:
        for i in range(20):
            t.answer(c.get("/r?%d" % i), 200, b"ok")
        for m in ("HEAD", "PUT", "DELETE", "OPTIONS"):
            r = c.request(m, "/r", body=b"x" if m == "PUT" else None)
            t.equal((m, r.status), (m, 200))


def case_post_is_not_replayed_after_it_was_sent(t):
    def handler(req, conn):
        if conn.served > 1:
            return Close()
        return Reply(200, [], b"ok")
    b = t.backend(handler)
    g = gateway(t, upstream("b", b))
    with g.client() as c:
        t.answer(c.get("/r"), 200)
        n = len(b.requests)
        r = c.request("POST", "/r", body=b"pay once")
        posts = [q for q in b.requests[n:] if q.method == "POST"]
        t.equal(len(posts), 1, "the POST was sent once")
        t.check(r.status in (502, 504), "got %d" % r.status)


def case_fresh_connection_that_dies_is_not_tried_for_ever(t):
    b = t.backend(lambda q, c: Close())
    g = gateway(t, upstream("b", b, max_failures=100))
    r = t.get(g, "/r")
    t.check(r.status in (502, 504), "got %d" % r.status)
    t.check(len(b.requests) <= 3, "%d tries" % len(b.requests))


def case_unread_bytes_spoil_a_pooled_connection(t):
    """Bytes nobody asked for are never taken for the next answer."""
    def handler(req, conn):
        return (Reply(200, [], b"ok").encode(req.method)
                + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
    b = t.backend(handler)
    g = gateway(t, upstream("b", b))
    with g.client() as c:
        for i in range(20):
            t.answer(c.get("/r"), 200, b"ok")
            time.sleep(0.005)


def case_round_robin_with_weights(t):
    one = t.backend(name="one")
    two = t.backend(name="two")
    g = gateway(t, upstream("b", {"address": one.address},
                            {"address": two.address, "weight": 3}))
    seen = collections.Counter(who(t.get(g, "/r")) for _ in range(80))
    t.equal(dict(seen), {"one": 20, "two": 60})


def case_round_robin_mixes_the_turns(t):
    one = t.backend(name="one")
    two = t.backend(name="two")
    g = gateway(t, upstream("b", one, two))
    order = [who(t.get(g, "/r")) for _ in range(10)]
    t.check(all(a != b for a, b in zip(order, order[1:])), str(order))


def case_least_conn(t):
    hold = threading.Event()

    def slow(req, conn):
        hold.wait(20)
        return Reply(200, [("X-Backend", "slow")], b"x")
    a = t.backend(slow, name="slow")
    b = t.backend(name="quick")
    g = gateway(t, upstream("b", a, b, balance="least_conn"))
    stuck = []
    for _ in range(3):
        c = t.client(g)
        c.send(build("GET", "/r"))
        stuck.append(c)
    t.check(a.wait_requests(1))
    wait_until(lambda: len(a.requests) + len(b.requests) >= 3)
    for _ in range(20):
        t.equal(who(t.get(g, "/r")), "quick")
    hold.set()
    for c in stuck:
        t.equal(c.response().status, 200)


def case_passive_ejection(t):
    good = t.backend(name="good")
    down = t.backend(listen=False)
    g = gateway(t, upstream("b", good, down, max_failures=2,
                            fail_timeout="60s"))
    statuses = [t.get(g, "/r").status for _ in range(40)]
    t.check(statuses.count(200) >= 36, "statuses %r" % statuses)
    t.equal(statuses[-20:], [200] * 20, "the dead one is out")


def case_ejected_server_comes_back(t):
    dead = Backend(listen=False, name="back")
    port = dead.port
    good = t.backend(name="good")
    g = gateway(t, upstream("b", good, dead, max_failures=1,
                            fail_timeout="1s"))
    for _ in range(10):
        t.get(g, "/r")
    dead.close()
    revived = t.backend(name="back", port=port)
    t.check(wait_until(lambda: who(t.get(g, "/r")) == "back", 20, 0.1),
            "the server serves again after fail_timeout")
    t.check(revived.requests)


def case_all_servers_down(t):
    one, two = t.backend(listen=False), t.backend(listen=False)
    g = gateway(t, upstream("b", one, two, max_failures=1))
    for _ in range(10):
        t.answer(t.get(g, "/r"), 500, '{"message": "Internal server error"}')
    t.answer(t.get(g, "/m"), 200, "m")


def case_unix_socket(t):
    b = t.backend(path=t.path("b.sock"))
    g = gateway(t, upstream("b", b))
    for _ in range(5):
        t.answer(t.get(g, "/r", method="POST", body=b"x"), 200)
    t.equal(len(b.connections), 1)
    t.check(len(b.last.all("host")) == 1)
    t.lacks("/", b.last.get("host"), "a Host a server can parse")


def case_ipv6(t):
    b = t.backend(ipv6=True)
    g = gateway(t, upstream("b", b))
    t.answer(t.get(g, "/r"), 200)
    t.equal(b.last.all("host"), [b.address])


def case_host_name(t):
    try:
        socket.getaddrinfo("localhost", 80)
    except OSError:
        t.skip("this machine does not know localhost")
    b = t.backend()
    g = t.gatehouse(rest("r", {
        "/r": {"GET": proxy("b")},
        "/u": {"GET": proxy(url="http://localhost:%d/u" % b.port)}}),
        [upstream("b", "localhost:%d" % b.port)])
    for target in ("/r", "/u"):
        t.answer(t.get(g, target), 200)
        t.equal(b.last.all("host"), ["localhost:%d" % b.port])


def case_unknown_name_does_not_block_the_others(t):
    b = t.backend()
    g = t.gatehouse([rest("r", {
        "/b": {"GET": proxy("b")}, "/bad": {"GET": proxy("bad")}}),
        http("h", {"GET /bad": proxy("bad")}, stages=[
            {"name": "$default", "base_path": "/http"}])],
        {"b": b, "bad": "no-such-host.invalid:80"})
    stuck = t.client(g)
    stuck.send(build("GET", "/bad"))
    for _ in range(20):
        t.answer(t.get(g, "/b"), 200)
    stuck.sock.settimeout(40)
    t.equal(stuck.response().status, 500)
    t.check(t.get(g, "/http/bad").status >= 500)


def case_pool_is_per_server(t):
    one = t.backend(name="one")
    two = t.backend(name="two")
    g = t.gatehouse(rest("r", {"/1": {"GET": proxy("one")},
                               "/2": {"GET": proxy("two")}}),
                    {"one": one, "two": two})
    for _ in range(10):
        t.equal(who(t.get(g, "/1")), "one")
        t.equal(who(t.get(g, "/2")), "two")
    t.equal((len(one.connections), len(two.connections)), (1, 1))
