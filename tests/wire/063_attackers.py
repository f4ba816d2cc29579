"""Many slow, idle and greedy clients: a good one is still served."""

import time

from lib.client import build
from lib.conf import mock, proxy, rest
from lib.gatehouse import memory_kib, wait_until

KINDS = {
    "idle": lambda c: None,
    "slow head": lambda c: c.send(b"GET /m HTTP/1.1\r\nHost: x\r\nX-"),
    "slow body": lambda c: c.send(build("POST", "/b", [
        ("Content-Length", "1000000")]) + b"x"),
    "slow chunk": lambda c: c.send(build("POST", "/b", [
        ("Transfer-Encoding", "chunked")]) + b"ffff\r\nx"),
    "big head": lambda c: c.send(b"GET /m HTTP/1.1\r\nHost: x\r\nX-A: "
                                 + b"y" * 9000),
    "no reader": lambda c: c.send(build("GET", "/big") * 20),
    "after one": lambda c: c.get("/m"),
}


def case_each_kind(t):
    b = t.backend()
    g = t.gatehouse(rest("r", {
        "/m": {"GET": mock(200, "m")}, "/b": {"ANY": proxy("b")},
        "/big": {"GET": mock(200, "z" * 100000)}}), {"b": b})
    worker = g.workers()[0]
    number = 60 if t.short else 250
    for kind, start in KINDS.items():
        before = memory_kib(worker)
        held = []
        for _ in range(number):
            c = g.client(receive_buffer=4096 if kind == "no reader"
                         else None)
            start(c)
            held.append(c)
        time.sleep(0.2)
        with g.client() as c:
            for _ in range(20):
                t.answer(c.get("/m"), 200, "m")
        grown = memory_kib(worker) - before
        per = 64 if kind in ("no reader", "big head") else 24
        t.check(grown < number * per + 4096,
                "%s: the worker grew by %d KiB for %d clients"
                % (kind, grown, number))
        for c in held:
            c.close()

    def alone():
        return g.ctl_json("status")[1]["workers"][0]["connections"] <= 1
    t.check(wait_until(alone), "every connection is given back")


def case_connections_per_worker_limit(t):
    """At worker_connections new clients wait or are refused; then served."""
    g = t.gatehouse(rest("r", {"/m": {"GET": mock(200, "m")}}),
                    settings={"worker_connections": 64})
    held = []
    for _ in range(100):
        try:
            held.append(g.client())
        except OSError:
            break
    t.answer(held[0].get("/m"), 200, "m")
    for c in held:
        c.close()

    def good():
        try:
            return t.get(g, "/m").status == 200
        except Exception:
            return False
    t.check(wait_until(good, 15, 0.1), "served again")
