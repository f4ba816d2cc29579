"""Every raw request of corpus/requests.txt meets its verdict."""

import re

from lib.backend import Reply
from lib.client import Closed, ProtocolError
from lib.conf import proxy, rest
from lib.corpus import read
from lib.gatehouse import wait_until

TIME_LIMIT = 280


def codes(text):
    return [int(x) for x in re.findall(r"[1-5][0-9][0-9]", text)]


def answers(c):
    """Every answer that comes until the connection ends or falls quiet."""
    got = []
    while True:
        try:
            got.append(c.response(informational=[]))
        except Closed as err:
            if "without" not in str(err):
                raise
            return got, True
        except ProtocolError as err:
            if "nothing came" in str(err):
                return got, False
            raise


def whole(b):
    return [q for q in b.requests if q.complete]


def one(t, g, b, entry, patience):
    before = len(whole(b))
    kind = entry.verdict.split()[0]
    expected = 0
    with g.client(timeout=patience) as c:
        c.send(entry.data)
        if kind == "cut":
            c.half_close()
            got, ended = answers(c)
            t.check(ended, "the connection stays open")
            t.check(all(r.status >= 400 for r in got), repr(got))
        elif kind == "ok":
            n = int((entry.verdict.split() + ["1"])[1])
            got = [c.response(informational=[]) for _ in range(n)]
            t.equal([r.status for r in got], [200] * n)
            t.check(not c.left, "more than %d answers: %r" % (n, c.left))
            expected = n
        else:
            r = c.response(informational=[])
            if kind == "clean" and r.status == 200:
                expected = 1
                if not c.left:
                    return before + expected
            t.check(r.status in codes(entry.verdict) or expected,
                    "got %d %r" % (r.status, r.body[:80]))
            if not expected and r.status not in (403, 404):
                t.check(r.text.startswith('{"message":"'), r.text)
                if r.get("connection") == "keep-alive":
                    t.contains("open", entry.verdict, "kept open")
                    return before
                c.sock.settimeout(15)
                got, ended = answers(c)
                t.check(ended and not got,
                        "still open after %d, or more: %r" % (r.status, got))
    return before + expected


def case_all(t):
    b = t.backend(lambda q, c: Reply(200, [], b"fine"))
    g = t.gatehouse(rest("r", {p: {"ANY": proxy("b")} for p in
                               ("/r", "/r/{p+}", "/smuggled")}), {"b": b},
                    {"timeouts": {"client_head": "20s",
                                  "client_body": "20s"}})
    entries = read("requests.txt")
    t.check(len(entries) >= 220, "%d cases" % len(entries))
    with t.soft() as rows:
        for entry in entries:
            def run(entry=entry):
                n = one(t, g, b, entry, 8)
                t.check(wait_until(lambda: len(whole(b)) >= n, 5),
                        "the backend misses a request")
                t.equal(len(whole(b)), n, "whole requests at the backend")
            rows.row(entry.name, run)
        for q in b.requests:
            if "smuggled" in q.line:
                rows.add("smuggled: %r" % q)
            if not re.fullmatch(rb"[A-Z-]+ /[!-~]* HTTP/1\.1",
                                q.raw.split(b"\r\n")[0]):
                rows.add("request line at the backend: %r" % q.raw[:100])
            if re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", q.raw):
                rows.add("bare CR, LF or NUL at the backend: %r" % q.raw)
            if len(q.all("content-length") + q.all("transfer-encoding")) > 1:
                rows.add("double framing at the backend: %r" % q.raw)
            if len(q.all("host")) != 1:
                rows.add("hosts at the backend: %r" % q.raw)
        for err in b.errors:
            rows.add("the backend could not read: %s" % err)
    t.answer(t.get(g, "/r"), 200, b"fine")


def case_all_in_two_pieces(t):
    """The refusals must not depend on how the bytes were cut."""
    b = t.backend(lambda q, c: Reply(200, [], b"fine"))
    g = t.gatehouse(rest("r", {p: {"ANY": proxy("b")} for p in
                               ("/r", "/r/{p+}", "/smuggled")}), {"b": b})
    with t.soft() as rows:
        for entry in read("requests.txt"):
            if entry.verdict.startswith("cut") or len(entry.data) > 4000:
                continue

            def run(entry=entry):
                with g.client(timeout=8) as c:
                    half = len(entry.data) // 2
                    c.send(entry.data[:half])
                    c.send(entry.data[half:])
                    status = c.response(informational=[]).status
                    t.check(status in codes(entry.verdict) or status == 200
                            and entry.verdict.split()[0] in ("ok", "clean"),
                            "got %d" % status)
            rows.row(entry.name, run)
        for q in b.requests:
            if "smuggled" in q.line:
                rows.add("smuggled: %r" % q)
        for err in b.errors:
            rows.add("the backend could not read: %s" % err)
