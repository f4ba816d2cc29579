"""Reloads under load: nothing is lost, nothing is mixed."""

import time

from lib.backend import Reply
from lib.conf import mock, proxy, rest, upstream
from lib.load import Load

TIME_LIMIT = 280


def generations(t, b, i):
    """Generation i: every part of an answer carries its number."""
    mark = {"X-Gen": str(i), "X-Again": "a%d" % i}
    return t.settings(rest("a", {
        "/x": {"GET": mock(200, "gen%d" % i, response_headers=mark),
               "POST": proxy("b", request_headers={"X-Gen": str(i)},
                             response_headers=mark)},
        "/slow": {"GET": proxy("b", request_headers={"X-Gen": str(i)},
                               response_headers=mark)},
        "/only-in-%d" % i: {"GET": mock()}}), [upstream("b", b)])


def one_generation(r):
    if r.status != 200:
        return "status %d %r" % (r.status, r.body[:100])
    gen = r.get("x-gen")
    if r.get("x-again") != "a" + gen:
        return "headers of two generations: %r" % r.headers
    if r.text != "gen" + gen:
        return "header %s, body %r" % (gen, r.body[:60])
    return None


def backend(t):
    def handler(req, conn):
        if req.target == "/slow":
            time.sleep(0.15)
        return Reply(200, [], "gen" + (req.get("x-gen") or "?"))
    return t.backend(handler)


def run(t, workers, reloads, **kinds):
    b = backend(t)
    g = t.gatehouse([], None, {"apis": generations(t, b, 0)["apis"],
                               "upstreams": generations(t, b, 0)["upstreams"]},
                    workers=workers)
    load = Load(t, g, "/x", one_generation, "/slow").start(**kinds)
    try:
        for i in range(1, reloads + 1):
            code, out = g.reload(generations(t, b, i))
            t.equal(code, 0, "reload %d: %s" % (i, out))
            if i % 10 == 0:
                t.equal(t.get(g, "/only-in-%d" % i).status, 200)
    finally:
        load.stop()
    status = g.ctl_json("status")[1]
    t.check(status["generation"] >= reloads, "every reload counted")


def case_many_reloads_lose_nothing(t):
    n = 1000 if t.all else 30 if t.short else 100
    run(t, 2, n, keep_alive=2, fresh=1, slow_body=1, in_flight=1, idle=2)


def case_slow_heads_and_pipelines(t):
    run(t, 1, 15 if t.short else 40, slow_head=2, pipeline=1, keep_alive=1)


def case_listeners_and_workers_change_under_load(t):
    from lib.gatehouse import free_port
    b = backend(t)
    first = generations(t, b, 0)
    g = t.gatehouse([], None, first, workers=2)
    base = g.base["listeners"]
    load = Load(t, g, "/x", one_generation, "/slow").start(
        keep_alive=2, fresh=1, in_flight=1, idle=1)
    try:
        for i in range(1, 9 if t.short else 21):
            g.base["listeners"] = base + ([] if i % 2 else [
                {"name": "extra", "address": "127.0.0.1:%d" % free_port()}])
            settings = generations(t, b, i)
            settings["workers"] = 1 + i % 3
            code, out = g.reload(settings)
            t.equal(code, 0, out)
            time.sleep(0.05)
    finally:
        load.stop()


def case_bad_files_under_load(t):
    b = backend(t)
    g = t.gatehouse([], None, generations(t, b, 0), workers=2)
    good = open(g.file).read()
    load = Load(t, g, "/x", one_generation, "/slow").start(
        keep_alive=2, fresh=1, in_flight=1)
    try:
        for i in range(8 if t.short else 20):
            g.write_text(("junk = 1;\n" + good) if i % 2 else good[:200])
            t.equal(g.reload()[0], 3)
    finally:
        load.stop()
