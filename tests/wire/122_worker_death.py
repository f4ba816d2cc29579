"""kill -9 of workers under load: only their own connections are lost."""

import os
import signal
import threading
import time

from lib.client import ProtocolError, build
from lib.conf import mock, proxy, rest
from lib.gatehouse import wait_until

TIME_LIMIT = 240


def case_a_dead_worker_is_replaced(t):
    g = t.gatehouse(rest("a", {"/x": {"GET": mock(200, "x")}}), workers=2)
    g.expected_signals.add(signal.SIGKILL)
    for _ in range(3):
        old = g.workers()
        g.signal("KILL", old[0])
        t.check(wait_until(lambda: len(g.workers()) == 2
                           and old[0] not in g.workers()), "two again")
        t.check(old[1] in g.workers(), "the other is unharmed")
        for _ in range(20):
            t.answer(t.get(g, "/x"), 200, "x")
    t.check(g.wait_log(r"%d.*signal|signal.*%d" % (old[0], old[0])),
            "the death is logged with its signal")


def case_the_other_workers_connections_live(t):
    g = t.gatehouse(rest("a", {"/x": {"GET": mock(200, "x")}}), workers=2)
    g.expected_signals.add(signal.SIGKILL)
    clients = [t.client(g) for _ in range(40)]
    for c in clients:
        t.answer(c.get("/x"), 200, "x")
    status = g.ctl_json("status")[1]
    per = {w["pid"]: w["connections"] for w in status["workers"]}
    victim = g.workers()[0]
    g.signal("KILL", victim)
    lost = 0
    for c in clients:
        c.send(build("GET", "/x"))
        try:
            t.answer(c.response(), 200, "x")
        except ProtocolError:
            lost += 1
    t.check(lost < 40, "some clients were with the other worker")
    t.equal(lost, per[victim], "only the victim's connections are lost")


def case_kill_under_load(t):
    b = t.backend()
    g = t.gatehouse(rest("a", {"/x": {"GET": mock(200, "x")},
                               "/b": {"ANY": proxy("b")}}), {"b": b},
                    workers=2)
    g.expected_signals.add(signal.SIGKILL)
    stop = threading.Event()
    wrong, done, refused = [], [0], []

    def load():
        while not stop.is_set():
            try:
                c = g.client()
            except OSError as err:
                refused.append(err)
                continue
            try:
                for target in ("/x", "/b", "/x"):
                    r = c.get(target)
                    if r.status != 200:
                        wrong.append(r)
                    done[0] += 1
            except (ProtocolError, OSError):
                pass		# the victim's own
            finally:
                c.close()
    threads = [t.thread(load) for _ in range(4)]
    for _ in range(4 if t.short else 12):
        time.sleep(0.3)
        victims = g.workers()
        if victims:
            try:
                os.kill(victims[0], signal.SIGKILL)
            except OSError:
                pass
    time.sleep(0.5)
    stop.set()
    for th in threads:
        th.join(20)
    t.equal(wrong, [])
    t.equal(refused, [], "no connection was refused")
    t.check(done[0] > 50, "%d requests" % done[0])
    t.check(wait_until(lambda: len(g.workers()) == 2, 20))
    t.answer(t.get(g, "/b"), 200)


def case_kill_during_reloads(t):
    g = t.gatehouse(rest("a", {"/x": {"GET": mock(200, "x")}}), workers=2)
    g.expected_signals.add(signal.SIGKILL)
    stop = threading.Event()

    def killer():
        while not stop.wait(0.15):
            for pid in g.workers()[:1]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
    th = t.thread(killer)
    last = None
    for i in range(6 if t.short else 20):
        code, out = g.reload(t.settings(rest("a", {
            "/x": {"GET": mock(200, "gen%d" % i)}})))
        t.check(code in (0, 1, 3), "status %d: %s" % (code, out))
        if code == 0:
            last = i
    stop.set()
    th.join(20)
    code, out = g.reload(t.settings(rest("a", {
        "/x": {"GET": mock(200, "final")}})))
    t.equal(code, 0, out)
    t.check(last is not None, "some reloads went through")
    t.check(wait_until(lambda: len(g.workers()) == 2, 20))
    for _ in range(20):
        t.answer(t.get(g, "/x"), 200, "final")
