"""USR2: the new master inherits the sockets; forth, back, and under load."""

import os

from lib.client import build
from lib.conf import mock, rest
from lib.gatehouse import alive, children, run_program, wait_until
from lib.gatehouse import gatehouse_program
from lib.load import Load

TIME_LIMIT = 240


def api(text="x"):
    return rest("a", {"/x": {"GET": mock(200, text)}})


def fine(r):
    return None if (r.status, r.text) in ((200, "x"), (200, "y")) else repr(r)


def start_new(t, g):
    """USR2; returns the new master's pid once it serves."""
    old = g.master_pid()
    before = set(children(old))
    g.signal("USR2", old)

    def new():
        pid = g.master_pid()
        if pid != old and alive(pid) and children(pid):
            return pid
        for p in children(old):
            if p not in before and children(p):
                return p
        return None
    pid = wait_until(new, 30)
    t.check(pid, "a new master: %s" % g.log()[-800:])
    t.check(wait_until(lambda: g.ctl("wait", "--ready", "--timeout", "5")[0]
                       == 0, 30), "ready")
    return pid


def end(t, g, pid):
    """Stop the surviving master, which may be a child of nobody."""
    g.signal("TERM", pid)
    t.check(wait_until(lambda: not alive(pid), 20), "%d ends" % pid)


def case_forth(t):
    g = t.gatehouse(api(), workers=2)
    old = g.pid
    clients = [t.client(g) for _ in range(6)]
    for c in clients:
        t.answer(c.get("/x"), 200, "x")
    new = start_new(t, g)
    t.check(alive(old), "both serve")
    for _ in range(20):
        t.answer(t.get(g, "/x"), 200, "x")
    g.signal("QUIT", old)
    for c in clients:
        r = c.get("/x")
        t.answer(r, 200, "x")
    for c in clients:
        c.close()
    t.equal(g.ended(30), 0, "the old master's exit status")
    t.equal(g.master_pid(), new, "the pid file names the new one")
    for _ in range(20):
        t.answer(t.get(g, "/x"), 200, "x")
    g.write(t.settings(api("y")))
    t.equal(g.reload()[0], 0, "the new master reloads")
    t.answer(t.get(g, "/x"), 200, "y")
    end(t, g, new)
    t.check(not os.path.exists(g.pid_file))


def case_forth_and_back(t):
    g = t.gatehouse(api(), workers=2)
    old = g.pid
    new = start_new(t, g)
    g.signal("WINCH", old)
    wait_until(lambda: [p for p in children(old) if p != new] == [], 20)
    for _ in range(10):
        t.answer(t.get(g, "/x"), 200, "x")
    g.signal("HUP", old)
    t.check(wait_until(lambda: [p for p in children(old) if p != new], 20),
            "HUP to the old one brings its workers back")
    g.signal("QUIT", new)
    t.check(wait_until(lambda: not alive(new), 30), "the new one leaves")
    for _ in range(20):
        t.answer(t.get(g, "/x"), 200, "x")
    t.check(wait_until(lambda: g.master_pid() == old),
            "the pid file names the old one again")
    t.equal(g.ctl("status")[0], 0, "its control socket is back")
    t.equal(g.reload(t.settings(api("y")))[0], 0)
    t.answer(t.get(g, "/x"), 200, "y")


def case_under_load(t):
    g = t.gatehouse(api(), workers=2)
    load = Load(t, g, "/x", fine).start(keep_alive=2, fresh=1, idle=2)
    masters = [g.pid]
    try:
        for _ in range(1 if t.short else 3):
            new = start_new(t, g)
            g.signal("QUIT", masters[-1])
            t.check(wait_until(lambda: not alive(masters[-1]), 90),
                    "the old master leaves")
            masters.append(new)
    finally:
        load.stop()
    end(t, g, masters[-1])
    g.ended(5)


def case_new_binary_that_cannot_start(t):
    """A configuration that went bad meanwhile: the old one serves on."""
    g = t.gatehouse(api())
    good = open(g.file).read()
    g.write_text("workerz = 1;\n" + good)
    before = children(g.pid)
    g.signal("USR2")
    wait_until(lambda: "workerz" in g.log(), 15)
    t.check(wait_until(lambda: children(g.pid) == before, 20),
            "nothing is left of the new one")
    t.answer(t.get(g, "/x"), 200, "x")
    t.equal(g.master_pid(), g.pid, "the pid file is the old one's")
    g.write_text(good.replace('"x"', '"y"'))
    t.equal(g.reload()[0], 0)
    t.answer(t.get(g, "/x"), 200, "y")


def case_by_the_program(t):
    g = t.gatehouse(api())
    code, out, err = run_program([gatehouse_program(), "-s", "upgrade", "-c",
                                  g.file])
    t.equal(code, 0, err)
    t.check(wait_until(lambda: g.master_pid() != g.pid, 30),
            "a new master wrote the pid file")
    new = g.master_pid()
    t.answer(t.raw(g, build("GET", "/x")), 200, "x")
    if alive(g.pid):
        g.signal("QUIT")
        t.equal(g.ended(30), 0)
    end(t, g, new)
