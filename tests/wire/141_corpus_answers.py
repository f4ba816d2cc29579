"""Every raw answer of corpus/answers.txt meets its verdict."""

import re
import threading

from lib.client import ProtocolError, build
from lib.conf import http, proxy, rest, upstream
from lib.corpus import read

TIME_LIMIT = 280


def run(t, api, refusals):
    entries = {e.name: e for e in read("answers.txt")}
    t.check(len(entries) >= 60, "%d cases" % len(entries))
    release = threading.Event()

    def handler(req, conn):
        entry = entries.get(req.target.rsplit("/", 1)[1])
        if entry is None:
            return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
        conn.send(entry.data)
        conn.over = entry.fields["end"] == "close"
        return None
    b = t.backend(handler)
    g = t.gatehouse(api, [upstream("b", b, max_failures=0)])

    def one(entry):
        words = entry.verdict.split()
        codes = [int(x) for x in re.findall(r"\b[1-5][0-9][0-9]\b",
                                            entry.verdict)]
        with g.client() as c:
            c.send(build("GET", "/r/" + entry.name))
            try:
                r = c.response(informational=[])
            except ProtocolError as err:
                t.equal(words[0], "cut", "broken answer (%s)" % err)
                r = None
            if r is not None:
                t.lacks(b"poison", r.body)
                if words[0] == "cut":
                    t.check(r.status >= 500, "taken for whole: %r" % r)
                elif words[0] == "clean":
                    if r.status == 200:
                        t.equal(r.body, b"hello")
                    else:
                        t.check(r.status in codes + refusals, repr(r))
                elif len(words) == 2 or len(codes) == 1 and codes[0] < 500:
                    t.equal(r.status, codes[0])
                    t.equal(r.body, (words + [""])[1].encode())
                else:
                    t.check(r.status in codes + refusals,
                            "expected %s, got %r" % (entry.verdict, r))
                    t.match(r'^\{"message": ?"', r.text)
                t.check(not r.has("set-cookie"), "a header of the garbage")
                t.check(not c.left, "bytes after the answer: %r" % c.left)
                if r.get("connection") != "close":
                    t.answer(c.get("/r/next"), 200, b"fine")
        t.answer(t.get(g, "/r/next"), 200, b"fine")

    with t.soft() as rows:
        for entry in entries.values():
            rows.row(entry.name, one, entry)
    release.set()


def case_rest(t):
    run(t, rest("r", {"/r/{name}": {"GET": proxy("b", timeout="5s")}}), [])


def case_http(t):
    """HTTP APIs: which 5xx is ours to choose, that it is one is not."""
    run(t, http("h", {"GET /r/{name}": proxy("b", timeout="5s")}),
        [500, 502, 503, 504])
