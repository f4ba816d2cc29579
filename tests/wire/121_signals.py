"""HUP USR1 WINCH QUIT TERM INT TTIN TTOU, with work in flight."""

import threading
import time

from lib.backend import Reply
from lib.client import ProtocolError, build
from lib.conf import mock, proxy, rest
from lib.gatehouse import alive, children, wait_until


def gateway(t, hold=None, **kw):
    def handler(req, conn):
        if hold is not None:
            hold.wait(30)
        return Reply(200, [], b"late")
    b = t.backend(handler)
    g = t.gatehouse(rest("a", {"/x": {"GET": mock(200, "x")},
                               "/slow": {"ANY": proxy("b")}}), {"b": b}, **kw)
    return g, b


def case_ttin_and_ttou(t):
    g, b = gateway(t)
    t.equal(len(g.workers()), 1)
    g.signal("TTIN")
    t.check(wait_until(lambda: len(g.workers()) == 2), "one more")
    g.signal("TTIN")
    t.check(wait_until(lambda: len(g.workers()) == 3), "and one more")
    for _ in range(30):
        t.answer(t.get(g, "/x"), 200, "x")
    g.signal("TTOU")
    t.check(wait_until(lambda: len(g.workers()) == 2, 30), "one less")
    g.signal("TTOU")
    t.check(wait_until(lambda: len(g.workers()) == 1, 30), "and one less")
    for _ in range(30):
        t.answer(t.get(g, "/x"), 200, "x")
    g.signal("TTOU")
    time.sleep(0.3)
    t.check(len(g.workers()) >= 1, "the last one stays")
    t.answer(t.get(g, "/x"), 200, "x")


def case_ttou_under_keep_alive(t):
    """A drained worker ends no idle connection under a request."""
    g, b = gateway(t, workers=3)
    clients = [t.client(g) for _ in range(24)]
    for c in clients:
        t.answer(c.get("/x"), 200, "x")
    g.signal("TTOU")
    time.sleep(0.2)
    g.signal("TTOU")
    time.sleep(0.2)
    for c in clients:
        r = c.get("/x")
        t.answer(r, 200, "x")
        if r.get("connection") == "close":
            t.check(c.ended())
    t.check(wait_until(lambda: len(g.workers()) == 1, 30))


def case_quit_finishes_what_is_in_flight(t):
    hold = threading.Event()
    g, b = gateway(t, hold)
    clients = [t.client(g) for _ in range(5)]
    for c in clients:
        c.send(build("GET", "/slow"))
    t.check(b.wait_requests(5))
    g.signal("QUIT")

    def refused():
        try:
            g.client().close()
            return False
        except OSError:
            return True
    t.check(wait_until(refused), "no new connections")
    t.check(alive(g.pid), "it waits for its answers")
    hold.set()
    for c in clients:
        r = c.response()
        t.answer(r, 200, b"late")
        t.header(r, "connection", "close")
        t.check(c.ended())
    t.equal(g.ended(30), 0)


def case_quit_with_a_request_half_read(t):
    g, b = gateway(t)
    c = t.client(g)
    c.send(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc")
    t.check(b.wait_requests(1) or True)
    g.signal("QUIT")
    time.sleep(0.3)
    c.send(b"def")
    t.answer(c.response(), 200, b"late")
    t.equal(g.ended(30), 0)


def case_quit_with_idle_clients(t):
    """An idle client is answered once more or closed in the end."""
    g, b = gateway(t, settings={"shutdown_timeout": "3s"})
    clients = [t.client(g) for _ in range(10)]
    for c in clients:
        t.answer(c.get("/x"), 200, "x")
    g.signal("QUIT")
    time.sleep(0.3)
    served = 0
    for c in clients[:5]:
        c.send(build("GET", "/x"))
        try:
            r = c.response()
        except ProtocolError:
            continue
        t.answer(r, 200, "x")
        t.header(r, "connection", "close")
        served += 1
    t.check(served == 5, "%d of 5 idle clients were served" % served)
    t.equal(g.ended(30), 0)


def case_quit_waits_no_longer_than_the_shutdown_timeout(t):
    hold = threading.Event()
    g, b = gateway(t, hold, settings={"shutdown_timeout": "1s"})
    c = t.client(g)
    c.send(build("GET", "/slow"))
    t.check(b.wait_requests(1))
    g.signal("QUIT")
    t.equal(g.ended(20), 0)
    hold.set()


def case_term_and_int_end_at_once(t):
    for name in ("TERM", "INT"):
        hold = threading.Event()
        g, b = gateway(t, hold, workers=2)
        c = t.client(g)
        c.send(build("GET", "/slow"))
        t.check(b.wait_requests(1))
        pids = g.workers()
        g.signal(name)
        t.equal(g.ended(20), 0, name)
        t.check(wait_until(lambda: not [p for p in pids if alive(p)]))
        hold.set()


def case_winch_drains_and_hup_brings_back(t):
    hold = threading.Event()
    g, b = gateway(t, hold)
    old = g.workers()
    c = t.client(g)
    c.send(build("GET", "/slow"))
    t.check(b.wait_requests(1))
    g.signal("WINCH")
    time.sleep(0.3)
    t.check(alive(g.pid), "the master stays")
    hold.set()
    t.answer(c.response(), 200, b"late")
    t.check(wait_until(lambda: not [p for p in old if alive(p)], 20),
            "the workers end")
    t.check(alive(g.pid))
    g.signal("HUP")
    t.check(wait_until(lambda: children(g.pid), 20), "workers again")
    t.answer(t.get(g, "/x"), 200, "x")


def case_hup_reloads(t):
    g, b = gateway(t)
    first = g.ctl_json("status")[1]["generation"]
    g.write(t.settings(rest("a", {"/y": {"GET": mock(200, "y")}})))
    g.signal("HUP")
    t.check(wait_until(lambda: g.ctl_json("status")[1]["generation"] > first))
    t.answer(t.get(g, "/y"), 200, "y")
    t.answer(t.get(g, "/x"), 403)


def case_a_storm_of_signals(t):
    g, b = gateway(t, workers=2)
    for _ in range(30):
        for name in ("HUP", "USR1", "HUP", "TTIN", "TTOU", "USR1"):
            g.signal(name)
    wait_until(lambda: g.ctl("wait", "--ready", "--timeout", "20")[0] == 0)
    for _ in range(20):
        t.answer(t.get(g, "/x"), 200, "x")
    t.check(alive(g.pid))


def case_signals_of_no_meaning(t):
    g, b = gateway(t)
    for pid in [g.pid] + g.workers():
        for name in ("PIPE", "CHLD", "CONT", "URG"):
            g.signal(name, pid)
    time.sleep(0.2)
    t.answer(t.get(g, "/x"), 200, "x")
