"""What a case gets in its hands, and the checks it uses.

A scenario file holds functions case_NAME(t); t is a Case.  Whatever a case
starts through t is ended after it, and a daemon that crashed, leaked or left
a process behind fails the case even when its checks passed.
"""

import os
import re
import threading

from . import conf
from .backend import Backend, echo
from .client import build
from .gatehouse import Gatehouse, gatehouse_program, run_program

SHORT = os.environ.get("GATEHOUSE_TEST_SHORT", "") not in ("", "0")
ALL = os.environ.get("GATEHOUSE_TEST_ALL", "") not in ("", "0")


class Failure(AssertionError):
    pass


class Skip(Exception):
    pass


class Case:
    def __init__(self, name, directory):
        self.name = name
        self.dir = directory
        self.short = SHORT
        self.all = ALL
        self._closing = []
        self.daemons = []
        self.backends = []

    # --- things that end with the case -------------------------------

    def path(self, name):
        return os.path.join(self.dir, name)

    def backend(self, handler=echo, **kw):
        b = Backend(handler, **kw)
        self.backends.append(b)
        self._closing.append(b.close)
        return b

    def gatehouse(self, apis, upstreams=None, settings=None, **kw):
        """A running daemon serving the APIs.

        upstreams: {"name": backend-or-address} or a list of conf.upstream().
        """
        top = self.settings(apis, upstreams, settings)
        d = os.path.join(self.dir, "g%d" % len(self.daemons))
        start = kw.pop("start", True)
        g = Gatehouse(d, top, start=False, **kw)
        self.daemons.append(g)
        if start:
            g.start()
        return g

    def settings(self, apis, upstreams=None, settings=None):
        top = dict(settings or {})
        if isinstance(upstreams, dict):
            upstreams = [conf.upstream(n, s) for n, s in upstreams.items()]
        if upstreams:
            top["upstreams"] = upstreams
        if apis:
            top["apis"] = apis if isinstance(apis, list) else [apis]
        return top

    def client(self, gatehouse, **kw):
        c = gatehouse.client(**kw)
        self._closing.append(c.close)
        return c

    def get(self, gatehouse, target, *headers, method="GET", body=None, **kw):
        """One request on a connection of its own."""
        address = kw.pop("address", None)
        with gatehouse.client(address) as c:
            c.send(build(method, target, headers, body, **kw))
            return c.response(method)

    def raw(self, gatehouse, data, method="GET"):
        with gatehouse.client() as c:
            c.send(data)
            return c.response(method)

    def thread(self, function, *args):
        th = threading.Thread(target=function, args=args, daemon=True)
        th.start()
        return th

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return path

    def check_file(self, text, *arguments, name="c.conf", env=None):
        """gatehouse -t on a text: (status, all it printed)."""
        path = self.write(name, text)
        code, out, err = run_program(
            [gatehouse_program(), "-t", "-c", path] + list(arguments),
            env=env)
        return code, out + err

    def close(self):
        """End everything; returns what was found wrong."""
        found = []
        for f in reversed(self._closing):
            try:
                f()
            except OSError:
                pass
        for g in self.daemons:
            g.stop()
            found += g.findings()
        return found

    # --- checks --------------------------------------------------------

    def fail(self, text):
        raise Failure(text)

    def skip(self, why):
        raise Skip(why)

    def check(self, value, text="condition"):
        if not value:
            raise Failure("not so: %s" % text)
        return value

    def equal(self, got, expected, text=""):
        if got != expected:
            raise Failure("%sexpected %r, got %r"
                          % (text + ": " if text else "", expected, got))

    def match(self, pattern, got, text=""):
        m = re.search(pattern, got or "")
        if not m:
            raise Failure("%sexpected a match of %r, got %r"
                          % (text + ": " if text else "", pattern, got))
        return m

    def contains(self, part, whole, text=""):
        if part not in whole:
            raise Failure("%s%r is not in %r" % (text + ": " if text else "",
                                                 part, whole))

    def lacks(self, part, whole, text=""):
        if part in whole:
            raise Failure("%s%r is in %r" % (text + ": " if text else "",
                                             part, whole))

    def header(self, message, name, expected):
        got = message.get(name)
        if got != expected:
            shown = repr(message.headers)
            raise Failure("header %s: expected %r, got %r (all: %s)"
                          % (name, expected, got, shown[:500]))

    def answer(self, r, status, body=None, error=None, **headers):
        """Status, exact body, x-amzn-ErrorType of an answer."""
        if isinstance(body, str):
            body = body.encode()
        if r.status != status or (body is not None and r.body != body):
            raise Failure("expected %d %r, got %d %r" %
                          (status, body, r.status, r.body[:300]))
        if error is not None:
            self.header(r, "x-amzn-ErrorType", error)
        for name, v in headers.items():
            self.header(r, name.replace("_", "-"), v)

    def soft(self):
        return Soft(self)


class Soft:
    """Collects the failures of a table and raises them together."""

    def __init__(self, case):
        self.case = case
        self.problems = []

    def __enter__(self):
        return self

    def row(self, name, function, *args):
        try:
            function(*args)
        except Exception as err:
            self.problems.append("%s: %s: %s" % (name, type(err).__name__,
                                                 err))

    def add(self, text):
        self.problems.append(text)

    def __exit__(self, kind, err, tb):
        if kind is None and self.problems:
            shown = self.problems[:12]
            more = len(self.problems) - len(shown)
            raise Failure("%d rows failed:\n    %s%s"
                          % (len(self.problems), "\n    ".join(shown),
                             "\n    and %d more" % more if more else ""))
        return False
