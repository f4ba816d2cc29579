"""Clients that keep asking while something happens to the gateway.

Every kind of client counts what it did and keeps each failure as text; a
failure is anything but a whole, expected answer.
"""

import threading
import time

from .client import ProtocolError, build


class Load:
    """check(response) returns None or what is wrong with it."""

    def __init__(self, case, gatehouse, target, check, slow_target=None):
        self.case = case
        self.g = gatehouse
        self.target = target
        self.slow_target = slow_target or target
        self.check = check
        self.stopping = threading.Event()
        self.failures = []
        self.counts = {}
        self.threads = []
        self.lock = threading.Lock()

    def _did(self, kind, wrong=None):
        with self.lock:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            if wrong:
                self.failures.append("%s: %s" % (kind, wrong))

    def _run(self, kind, function):
        while not self.stopping.is_set():
            try:
                function(kind)
            except (ProtocolError, OSError, AssertionError) as err:
                self._did(kind, "%s: %s" % (type(err).__name__, err))
                if len(self.failures) > 200:
                    return

    def _once(self, kind, c, method="GET", headers=(), body=None):
        self._did(kind, self.check(c.request(method, self.target, headers,
                                             body)))

    def keep_alive(self, kind):
        """One connection for as long as the gateway keeps it."""
        with self.g.client() as c:
            while not self.stopping.is_set():
                c.send(build("GET", self.target))
                r = c.response()
                self._did(kind, self.check(r))
                if r.get("connection") == "close":
                    break
                time.sleep(0.001)

    def fresh(self, kind):
        with self.g.client() as c:
            self._once(kind, c, "GET", [("Connection", "close")])
        time.sleep(0.002)

    def slow_body(self, kind):
        with self.g.client() as c:
            c.send(build("POST", self.target, [("Content-Length", "8")]))
            for _ in range(8):
                c.send(b"x")
                time.sleep(0.02)
            self._did(kind, self.check(c.response()))

    def slow_head(self, kind):
        raw = build("GET", self.target, [("X-Slow", "head")])
        with self.g.client() as c:
            for i in range(0, len(raw), 8):
                c.send(raw[i:i + 8])
                time.sleep(0.01)
            self._did(kind, self.check(c.response()))

    def in_flight(self, kind):
        """The backend takes its time."""
        with self.g.client() as c:
            self._did(kind, self.check(c.get(self.slow_target)))

    def idle(self, kind):
        """Quiet most of the time, then a request on the old connection."""
        with self.g.client() as c:
            for _ in range(3):
                r = c.get(self.target)
                self._did(kind, self.check(r))
                if r.get("connection") == "close":
                    return
                if self.stopping.wait(0.4):
                    break
                if not c.alive():
                    self._did(kind, "an idle connection was ended")
                    return
            self._did(kind, self.check(c.get(self.target)))

    def pipeline(self, kind):
        with self.g.client() as c:
            c.send(build("GET", self.target) * 5)
            for _ in range(5):
                self._did(kind, self.check(c.response()))
        time.sleep(0.005)

    def start(self, **kinds):
        for name, number in kinds.items():
            for _ in range(number):
                th = threading.Thread(target=self._run, daemon=True,
                                      args=(name, getattr(self, name)))
                th.start()
                self.threads.append(th)
        return self

    def total(self):
        with self.lock:
            return sum(self.counts.values())

    def stop(self):
        """End the clients and fail the case for whatever was lost."""
        self.stopping.set()
        for th in self.threads:
            th.join(30)
        if self.failures:
            self.case.fail("%d of %d requests failed: %s" % (
                len(self.failures), self.total(),
                "; ".join(self.failures[:5])))
        for kind in self.counts:
            self.case.check(self.counts[kind] > 0, kind)
        self.case.check(self.total() > 0, "some load at all")
