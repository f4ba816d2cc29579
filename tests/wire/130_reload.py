"""Reload: what changes, what stays, what a bad file does."""

import os
import threading
import time

from lib.backend import Reply
from lib.client import build
from lib.conf import http, mock, proxy, rest, upstream
from lib.gatehouse import descriptors, free_port, memory_kib, wait_until


def version(text):
    return rest("a", {"/x": {"GET": mock(200, text)}})


def case_new_routes_appear_at_once(t):
    g = t.gatehouse(version("one"), workers=2)
    with g.client() as c:
        t.answer(c.get("/x"), 200, "one")
        for word in ("two", "three", "four"):
            code, out = g.reload(t.settings(version(word)))
            t.equal(code, 0, out)
            t.answer(c.get("/x"), 200, word)
            for _ in range(10):
                t.answer(t.get(g, "/x"), 200, word)
        t.check(c.alive(), "the connection lived through all")


def case_a_bad_file_keeps_the_old_table(t):
    g = t.gatehouse(version("old"), workers=2)
    good = open(g.file).read()
    before = g.ctl_json("status")[1]
    with t.soft() as rows:
        for name, text in (("unknown", "workerz = 1;\n" + good),
                           ("syntax", good + "apis = ((;\n"),
                           ("empty", ""), ("binary", bytes(range(256))),
                           ("truncated", good[:len(good) // 2]),
                           ("no apis?", "workers = 2; apis = 7;\n"),
                           ("dangling", good.replace("MOCK", "HTTP_PROXY"))):
            def one(text=text):
                g.write_text(text)
                code, out = g.reload()
                t.equal(code, 3, out)
                t.match(r"error: ", out)
                t.answer(t.get(g, "/x"), 200, "old")
            rows.row(name, one)
        os.unlink(g.file)
        rows.row("absent", lambda: t.equal(g.reload()[0], 3))
    after = g.ctl_json("status")[1]
    t.equal(after["hash"], before["hash"])
    t.equal([w["pid"] for w in after["workers"]],
            [w["pid"] for w in before["workers"]])
    g.write_text(good.replace("old", "new"))
    t.equal(g.reload()[0], 0)
    t.answer(t.get(g, "/x"), 200, "new")


def case_an_exchange_keeps_its_table(t):
    hold = threading.Event()

    def handler(req, conn):
        hold.wait(20)
        return Reply(200, [], b"answer")
    b = t.backend(handler)

    def api(mark):
        return rest("a", {"/x": {"GET": proxy("b", response_headers={
            "X-Mark": mark})}, "/" + mark: {"GET": mock(200, mark)}})
    g = t.gatehouse(api("one"), {"b": b})
    c = t.client(g)
    c.send(build("GET", "/x"))
    t.check(b.wait_requests(1))
    for mark in ("two", "three"):
        code, out = g.reload(t.settings(api(mark), {"b": b}))
        t.equal(code, 0, out)
        t.answer(t.get(g, "/" + mark), 200, mark)
    hold.set()
    r = c.response()
    t.answer(r, 200, b"answer")
    t.header(r, "x-mark", "one")
    t.header(c.get("/x"), "x-mark", "three")


def case_a_body_across_a_reload(t):
    b = t.backend()

    def api(mark):
        return rest("a", {"/x": {"POST": proxy("b", response_headers={
            "X-Mark": mark})}})
    g = t.gatehouse(api("one"), {"b": b})
    c = t.client(g)
    c.send(build("POST", "/x", [("Content-Length", "6")]) + b"abc")
    t.check(b.wait_requests(1) or True)
    t.equal(g.reload(t.settings(rest("other", {"/y": {"GET": mock()}})))[0],
            0)
    c.send(b"def")
    r = c.response()
    t.answer(r, 200)
    t.header(r, "x-mark", "one")
    t.check(r.body.endswith(b"abcdef"))
    t.answer(c.request("POST", "/x", body=b"1"), 403)


def case_half_a_head_across_a_reload(t):
    g = t.gatehouse(version("one"))
    c = t.client(g)
    c.send(b"GET /x HTTP/1.1\r\nHo")
    time.sleep(0.1)
    t.equal(g.reload(t.settings(version("two")))[0], 0)
    c.send(b"st: gw\r\n\r\n")
    t.answer(c.response(), 200, "two")


def case_upstream_pool_is_carried_over(t):
    b = t.backend()
    other = t.backend()

    def api(mark):
        return rest("a", {"/x": {"GET": proxy("b")},
                          "/" + mark: {"GET": mock()}})
    g = t.gatehouse(api("m0"), {"b": b})
    t.answer(t.get(g, "/x"), 200)
    for i in range(1, 6):
        code, out = g.reload(t.settings(api("m%d" % i), {
            "b": b, "other%d" % i: other}))
        t.equal(code, 0, out)
        t.answer(t.get(g, "/x"), 200)
    t.equal(len(b.connections), 1, "the idle connection was kept")


def case_changed_upstream_is_used(t):
    one, two = t.backend(name="one"), t.backend(name="two")
    api = rest("a", {"/x": {"GET": proxy("b")}})
    g = t.gatehouse(api, {"b": one}, workers=2)
    t.header(t.get(g, "/x"), "x-backend", "one")
    t.equal(g.reload(t.settings(api, {"b": two}))[0], 0)
    for _ in range(10):
        t.header(t.get(g, "/x"), "x-backend", "two")
    t.check(wait_until(lambda: not one.open_connections()),
            "connections to the removed server are closed")


def case_listener_added_and_removed(t):
    p1, p2 = free_port(), free_port()
    first = [{"name": "one", "address": "127.0.0.1:%d" % p1}]
    both = first + [{"name": "two", "address": "127.0.0.1:%d" % p2}]
    g = t.gatehouse(version("x"), listeners=first, workers=2)
    two = "127.0.0.1:%d" % p2
    one = "127.0.0.1:%d" % p1

    def use(listeners):
        g.base["listeners"] = listeners
        return g.reload(t.settings(version("x")))
    kept = g.client(one)
    t.answer(kept.get("/x"), 200)
    for _ in range(3):
        code, out = use(both)
        t.equal(code, 0, out)
        for _ in range(6):
            t.answer(t.get(g, "/x", address=two), 200, "x")
            t.answer(t.get(g, "/x", address=one), 200, "x")
        old = g.client(two)
        t.answer(old.get("/x"), 200)
        code, out = use(first)
        t.equal(code, 0, out)

        def refused():
            try:
                g.client(two).close()
            except OSError:
                return True
        t.check(wait_until(refused), "the removed listener refuses")
        r = old.get("/x")	# the listener's APIs are gone with it
        t.check(r.status in (200, 403, 404), "its connections live on")
        old.close()
    t.answer(kept.get("/x"), 200)
    kept.close()


def case_listener_that_cannot_be_opened(t):
    import socket
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen(1)
    g = t.gatehouse(version("x"))
    keep = g.base["listeners"]
    g.base["listeners"] = keep + [{
        "name": "bad", "address": "127.0.0.1:%d" % taken.getsockname()[1]}]
    code, out = g.reload(t.settings(version("y")))
    t.check(code != 0, "a reload that cannot bind fails")
    t.contains(str(taken.getsockname()[1]), out)
    t.answer(t.get(g, "/x"), 200, "x")
    g.base["listeners"] = keep
    t.equal(g.reload(t.settings(version("y")))[0], 0)
    t.answer(t.get(g, "/x"), 200, "y")
    taken.close()


def case_worker_count(t):
    g = t.gatehouse(version("x"), workers=1)
    with g.client() as c:
        t.answer(c.get("/x"), 200)
        for n in (3, 2, 1, 2):
            code, out = g.reload(t.settings(version("w%d" % n), None,
                                            {"workers": n}))
            t.equal(code, 0, out)
            t.check(wait_until(lambda: len(g.workers()) == n, 30),
                    "%d workers, not %r" % (n, g.workers()))
            for _ in range(12):
                t.answer(t.get(g, "/x"), 200, "w%d" % n)


def case_no_idle_connection_is_ended(t):
    g = t.gatehouse(version("one"), workers=2)
    clients = [t.client(g) for _ in range(60)]
    for c in clients[:30]:
        t.answer(c.get("/x"), 200, "one")
    for i in range(5):
        t.equal(g.reload(t.settings(version("v%d" % i)))[0], 0)
    time.sleep(0.3)
    t.equal([c.alive() for c in clients], [True] * 60)
    for c in clients:
        t.answer(c.get("/x"), 200, "v4")


def case_same_file_changes_nothing(t):
    g = t.gatehouse(version("x"))
    for _ in range(3):
        code, out = g.reload()
        t.equal(code, 0, out)
    t.answer(t.get(g, "/x"), 200, "x")


def case_25_orders_at_once_the_last_wins(t):
    g = t.gatehouse(version("start"), workers=2)
    for i in range(25):
        g.write(t.settings(version("v%d" % i)))
        g.signal("HUP")
    t.check(wait_until(lambda: t.get(g, "/x").text == "v24", 20),
            "the last order wins")
    code, out = g.reload()
    t.equal(code, 0, out)
    t.answer(t.get(g, "/x"), 200, "v24")
    from lib.gatehouse import children
    t.check(wait_until(lambda: set(children(g.pid)) >= set(g.workers())
                       and len(children(g.pid)) <= 2 + 1),
            "no process left over: %r" % children(g.pid))


def case_parallel_reload_commands(t):
    g = t.gatehouse(version("x"))
    codes = []

    def one():
        codes.append(g.reload()[0])
    threads = [t.thread(one) for _ in range(6)]
    for th in threads:
        th.join(60)
    t.equal(len(codes), 6)
    t.check(codes.count(0) >= 1 and set(codes) <= {0, 1}, str(codes))


def case_memory_and_descriptors_are_flat(t):
    b = t.backend()

    def api(i):
        return [rest("a", {"/x": {"GET": proxy("b")}, **{
            "/r%d/%d/{id}" % (i, k): {"ANY": mock(200, "y" * 50)}
            for k in range(200)}}),
            http("h", {"$default": proxy("b")}, stages=[
                {"name": "$default", "base_path": "/h"}])]
    g = t.gatehouse(api(0), [upstream("b", b)], workers=2)

    def round_of(n):
        for i in range(n):
            code, out = g.reload(t.settings(api(i % 7), {"b": b}))
            t.equal(code, 0, out)
            t.equal(t.get(g, "/x").status, 200)
    warm = 20
    round_of(warm)
    pids = [g.pid] + g.workers()
    before = {p: (memory_kib(p), descriptors(p)) for p in pids}
    round_of(30 if t.short else 100)
    t.equal([g.pid] + g.workers(), pids, "the same processes")
    for p in pids:
        t.check(memory_kib(p) - before[p][0] < 1024 + 512,
                "process %d grew from %d to %d KiB"
                % (p, before[p][0], memory_kib(p)))
        t.check(descriptors(p) <= before[p][1] + 2,
                "process %d had %d descriptors, has %d"
                % (p, before[p][1], descriptors(p)))


def case_ten_thousand_routes(t):
    def api(word):
        return rest("a", {"/s%d/r%d/{id}" % (i // 100, i):
                          {"GET": mock(200, word)} for i in range(10000)})
    g = t.gatehouse(api("one"), workers=2)
    t.answer(t.get(g, "/s99/r9999/1"), 200, "one")
    code, out = g.reload(t.settings(api("two")))
    t.equal(code, 0, out)
    t.answer(t.get(g, "/s0/r0/1"), 200, "two")
    t.answer(t.get(g, "/s50/r5050/1"), 200, "two")


def case_the_log_tells_the_story(t):
    g = t.gatehouse(version("x"))
    code, out = g.reload(t.settings(rest("a", {
        "/y": {"GET": mock()}, "/z": {"GET": mock()}})))
    t.equal(code, 0, out)
    t.check(g.wait_log(r"(?i)generation \d+"), "the generation")
    t.check(g.wait_log(r"(?i)\badded\b"), "routes added")
