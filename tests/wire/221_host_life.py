"""The function host: it dies, is reloaded, drains, and leaves nothing."""

import json
import os
import signal
import socket
import threading
import time

from lib import host
from lib.client import ProtocolError
from lib.gatehouse import alive, children, descendants, wait_until

TIME_LIMIT = 280


def body(r):
    return json.loads(r.body)


def slow(t, g, target="/py?sleep=1.5"):
    """A call under way: a function that waits for its answer."""
    got = []
    th = t.thread(lambda: got.append(t.get(g, target)))
    t.check(wait_until(lambda: "RequestId" in log(t) and busy(g)), "it runs")

    def wait():
        th.join(30)
        return got[0]
    return wait


def busy(g):
    return any(f["instances"]["busy"] for f in
               g.ctl_json("functions")[1]["functions"])


def log(t):
    try:
        with open(t.path("functions.log"), errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def case_kill_the_host_under_load(t):
    g = host.serve(t, host.python(t), workers=2)
    g.expected_signals.add(signal.SIGKILL)
    t.equal(t.get(g, "/py").status, 200)
    stop, lock = threading.Event(), threading.Lock()
    seen = {}

    def load():
        while not stop.is_set():
            try:
                status = t.get(g, "/py").status
            except (OSError, ProtocolError) as e:
                status = repr(e)
            with lock:
                seen[status] = seen.get(status, 0) + 1

    threads = [t.thread(load) for _ in range(4)]
    old = host.host(g)
    workers = g.workers()
    for _ in range(2):
        pids = [host.host(g)] + descendants(host.host(g))
        os.kill(pids[0], signal.SIGKILL)
        t.check(host.gone(pids), "its instances end with it")
        t.check(wait_until(lambda: host.host(g) not in (0, pids[0])),
                "another one is there")
        t.check(wait_until(lambda: t.get(g, "/py").status == 200), "serves")
    stop.set()
    for th in threads:
        th.join(30)
    t.check(set(seen) <= {200, 502, 504}, seen)
    t.check(seen[200] > 10, seen)
    t.equal(g.workers(), workers, "no worker minds")
    t.check(g.wait_log(r"function host \(pid %d\) died of signal 9" % old),
            "it is logged")


def case_kill_instances(t):
    g = host.serve(t, host.python(t))
    for _ in range(3):
        pid = body(t.get(g, "/py"))["pid"]
        os.kill(pid, signal.SIGKILL)
        t.check(wait_until(lambda: t.get(g, "/py").status == 200), "serves")


def case_reload_while_functions_run(t):
    def settings(color):
        return host.settings(t, host.python(
            t, environment=host.variables(COLOR=color)), host.python(t, "b"))

    g = host.serve(t, host.python(t, environment=host.variables(
        COLOR="blue")), host.python(t, "b"))
    first = host.host(g)
    other = body(t.get(g, "/b"))["pid"]
    wait = slow(t, g)
    code, out = g.reload(settings("green"))
    t.equal(code, 0, out)
    t.contains("functions changed", out)
    t.equal(body(t.get(g, "/py"))["color"], "green")
    t.equal(body(wait())["color"], "blue", "it began with the old one")
    t.equal(body(t.get(g, "/b"))["pid"], other, "what is as it was stays")
    t.equal(host.host(g), first)
    t.contains("nothing changed", g.reload()[1])


def case_first_and_last_function(t):
    g = host.serve(t)
    t.equal(host.host(g), 0)
    t.equal(g.ctl("functions")[0], 1)
    t.equal(g.reload(host.settings(t, host.python(t)))[0], 0)
    t.equal(t.get(g, "/py").status, 200)
    pids = [host.host(g)] + instances_of(g)
    t.equal(g.reload(host.settings(t))[0], 0)
    t.check(host.gone(pids), "the host ends with the last function")
    t.check(not os.path.exists(t.path("functions.sock")), "its socket too")
    t.equal(host.host(g), 0)


def instances_of(g):
    return children(host.host(g))


def case_sockets_move(t):
    g = host.serve(t, host.python(t))
    t.equal(t.get(g, "/py").status, 200)
    first = host.host(g)
    code, out = g.reload(host.settings(
        t, host.python(t), function_socket=t.path("other.sock")))
    t.equal(code, 0, out)
    t.equal(t.get(g, "/py").status, 200)
    t.check(not os.path.exists(t.path("functions.sock")), "the old is gone")
    t.equal(host.host(g), first)


def case_a_reload_that_fails(t):
    g = host.serve(t, host.python(t))
    t.equal(t.get(g, "/py").status, 200)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        code, out = g.reload(host.settings(
            t, host.python(t), host.python(t, "b"),
            function_listener="127.0.0.1:%d" % taken.getsockname()[1]))
    t.equal(code, 1)
    t.contains("cannot listen", out)
    t.equal(t.get(g, "/py").status, 200)
    t.equal(t.get(g, "/b").status, 403)
    t.equal(len(g.ctl_json("functions")[1]["functions"]), 1)


def case_quit_waits(t):
    g = host.serve(t, host.python(t))
    wait = slow(t, g)
    pids = descendants(g.pid)
    g.signal("QUIT")
    t.equal(wait().status, 200, "what runs is finished")
    t.equal(g.ended(30), 0)
    t.check(host.gone(pids), "nothing is left")
    t.check(not os.path.exists(t.path("functions.sock")), "nor the socket")


def case_term_is_quick(t):
    g = host.serve(t, host.python(t))
    wait_for = t.thread(lambda: quietly(t, g, "/py?sleep=15"))
    t.check(wait_until(lambda: instances_of(g) and busy(g)), "it runs")
    pids = descendants(g.pid)
    began = time.monotonic()
    g.signal("TERM")
    t.equal(g.ended(20), 0)
    t.check(time.monotonic() - began < 10, "quickly")
    t.check(host.gone(pids), "nothing is left")
    wait_for.join(20)


def quietly(t, g, target):
    try:
        t.get(g, target)
    except (OSError, ProtocolError):
        pass


def case_kill_the_master(t):
    g = host.serve(t, host.python(t))
    wait = slow(t, g)
    pids = descendants(g.pid)
    t.check(len(pids) >= 3, "host, worker, instance")
    g.stopped = True
    g.signal("KILL")
    g.ended(5)
    t.equal(wait().status, 200, "what runs is finished")
    left = not host.gone(pids)
    for pid in [p for p in pids if alive(p)]:
        os.kill(pid, signal.SIGKILL)
    t.check(not left, "nothing is left")
    again = host.serve(t, host.python(t))
    t.equal(t.get(again, "/py").status, 200, "the path can be had again")


def case_logs_are_reopened(t):
    g = host.serve(t, host.python(t))
    t.equal(t.get(g, "/py?print=before").status, 200)
    t.check(wait_until(lambda: "before" in log(t)), "logged")
    os.rename(t.path("functions.log"), t.path("functions.log.1"))
    g.signal("USR1")
    t.check(wait_until(lambda: os.path.exists(t.path("functions.log"))),
            "opened anew")
    t.check(wait_until(lambda: t.get(g, "/py?print=after").status == 200 and
                       "after" in log(t)), "logged there")


def case_upgrade(t):
    g = host.serve(t, host.python(t))
    old = host.host(g)
    wait = slow(t, g)
    g.signal("USR2")
    t.check(wait_until(lambda: g.master_pid() != g.pid and
                       os.path.exists(g.pid_file + ".oldbin")), "begun")
    new = g.master_pid()
    try:
        t.check(wait_until(lambda: host.host(g) not in (0, old)),
                "a host of its own")
        t.equal(t.get(g, "/py").status, 200)
        t.equal(wait().status, 200)
        g.signal("QUIT")
        t.equal(g.ended(30), 0)
        t.check(host.gone([old]), "the old host is gone")
        t.equal(t.get(g, "/py").status, 200)
    finally:
        pids = [new] + descendants(new)
        os.kill(new, signal.SIGTERM)
        t.check(host.gone(pids), "the new one ends")
    t.check(not os.path.exists(t.path("functions.sock")), "no socket is left")


def case_an_upgrade_that_dies(t):
    g = host.serve(t, host.python(t))
    g.expected_signals.add(signal.SIGKILL)
    g.signal("USR2")
    t.check(wait_until(lambda: g.master_pid() not in (0, g.pid)), "begun")
    new = g.master_pid()
    t.check(wait_until(lambda: t.get(g, "/py").status == 200), "serves")
    os.kill(new, signal.SIGKILL)
    t.check(g.wait_log("serving on"), "the old one goes on")
    t.check(wait_until(lambda: t.get(g, "/py").status == 200), "serves")
    time.sleep(1)
    t.equal(g.ctl("invoke", "py")[0], 0, "its socket is back at its path")


def case_changed_files(t):
    f = host.python(t)
    g = host.serve(t, f, arguments=["--watch"])
    first = body(t.get(g, "/py"))["pid"]
    host.folder(t, "py", app_py=host.PYTHON + "\n# changed\n")
    t.check(wait_until(lambda: body(t.get(g, "/py"))["pid"] != first, 10,
                       0.2), "started anew")
