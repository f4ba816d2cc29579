"""It starts in the foreground, answers, logs, and stops at once when told."""

import os

from lib.conf import http, mock, proxy, rest
from lib.gatehouse import (ctl_program, gatehouse_program, run_program)


def case_answers_and_stops(t):
    b = t.backend()
    g = t.gatehouse(rest("pets", {"/cats": {"GET": proxy("b")}}), {"b": b})
    r = t.get(g, "/cats")
    t.answer(r, 200)
    t.header(r, "X-Backend", "b")
    t.check(os.path.exists(g.pid_file), "the pid file is there")
    t.equal(open(g.pid_file).read().split(), [str(g.pid)])
    t.equal(g.stop("TERM"), 0, "exit status after TERM")
    t.check(not os.path.exists(g.pid_file), "the pid file is gone")


def case_both_kinds_of_api_on_one_listener(t):
    b = t.backend()
    g = t.gatehouse([
        rest("pets", {"/cats": {"GET": mock(200, "cats")}},
             stages=[{"name": "prod", "base_path": "/pets"}]),
        http("store", {"GET /items/{id}": proxy("b")},
             stages=[{"name": "$default", "base_path": "/store"}]),
    ], {"b": b})
    t.answer(t.get(g, "/pets/cats"), 200, "cats")
    t.answer(t.get(g, "/store/items/7"), 200)
    t.equal(b.last.target, "/items/7")


def case_two_workers_serve(t):
    g = t.gatehouse(rest("a", {"/x": {"GET": mock(200, "x")}}), workers=2)
    t.equal(len(g.workers()), 2)
    for _ in range(20):
        t.answer(t.get(g, "/x"), 200, "x")


def case_version_and_help(t):
    for p in (gatehouse_program(), ctl_program()):
        for option in ("-h", "--help", "-V", "--version"):
            code, out, err = run_program([p, option])
            t.equal(code, 0, "%s %s" % (os.path.basename(p), option))
            t.contains("gatehouse", out + err)
        code, out, err = run_program([p, "--no-such-option"])
        t.equal(code, 2, "usage error of %s" % os.path.basename(p))
