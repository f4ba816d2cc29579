"""Pid file, exit statuses, privileges, death of the master and the like."""

import os
import re
import signal
import socket
import time

from lib.client import build
from lib.conf import mock, proxy, rest, upstream
from lib.backend import Reply
from lib.gatehouse import (alive, children, descendants, free_port,
                           gatehouse_program, run_program, wait_until)


def api():
    return rest("a", {"/x": {"GET": mock(200, "x")}})


def case_second_start_is_refused(t):
    g = t.gatehouse(api())
    code, out, err = run_program([gatehouse_program(), "-f", "-c", g.file])
    t.equal(code, 6, out + err)
    t.contains("already running", out + err)
    t.equal(open(g.pid_file).read().strip(), str(g.pid))
    t.answer(t.get(g, "/x"), 200, "x")


def case_stale_pid_file(t):
    g = t.gatehouse(api(), start=False)
    with open(g.pid_file, "w") as f:
        f.write("999999\n")
    g.start()
    t.equal(open(g.pid_file).read().strip(), str(g.pid))
    g.signal("KILL")
    g.ended()
    wait_until(lambda: not children(g.pid))
    t.check(os.path.exists(g.pid_file), "a killed master leaves it")
    g.expected_signals.add(signal.SIGKILL)
    time.sleep(0.1)
    t.check(wait_until(lambda: not [p for p in descendants(os.getpid())
                                    if p != os.getpid()], 15),
            "workers end with their master")
    g.start()
    t.answer(t.get(g, "/x"), 200, "x")


def case_pid_file_of_a_stranger(t):
    """The number of a living process that is no gatehouse."""
    g = t.gatehouse(api(), start=False)
    with open(g.pid_file, "w") as f:
        f.write("%d\n" % os.getpid())
    g.spawn()
    code = wait_until(lambda: g.process.poll() is not None
                      or os.path.exists(g.control))
    t.check(code)
    if g.process.poll() is not None:
        t.equal(g.process.returncode, 6)
        g.process = None


def case_port_taken(t):
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(1)
    g = t.gatehouse(api(), start=False, listeners=[
        {"name": "p", "address": "127.0.0.1:%d" % s.getsockname()[1]}])
    g.spawn()
    t.equal(g.ended(), 5)
    t.contains(str(s.getsockname()[1]), g.log())
    t.check(not os.path.exists(g.pid_file))
    t.check(not os.path.exists(g.control))
    g.process = None
    s.close()


def case_same_port_by_another_gatehouse(t):
    """Sockets may be shared between workers, never between instances."""
    one = t.gatehouse(api())
    two = t.gatehouse(api(), start=False, listeners=[
        {"name": "p", "address": one.address}])
    two.spawn()
    t.equal(two.ended(), 5)
    two.process = None
    for _ in range(20):
        t.answer(t.get(one, "/x"), 200, "x")


def case_address_not_ours(t):
    g = t.gatehouse(api(), start=False, listeners=[
        {"name": "p", "address": "203.0.113.7:8080"}])
    g.spawn()
    t.equal(g.ended(), 5)
    g.process = None


def case_stop_by_the_program(t):
    for how in ("quit", "stop"):
        g = t.gatehouse(api())
        code, out, err = run_program([gatehouse_program(), "-s", how, "-c",
                                      g.file])
        t.equal(code, 0, err)
        t.equal(g.ended(20), 0, how)
    code, out, err = run_program([gatehouse_program(), "-s", "stop", "-c",
                                  g.file])
    t.equal(code, 1, "nothing to stop")


def case_reload_and_reopen_by_the_program(t):
    g = t.gatehouse(api())
    g.write(t.settings(rest("a", {"/y": {"GET": mock(200, "y")}})))
    code, out, err = run_program([gatehouse_program(), "-s", "reload", "-c",
                                  g.file])
    t.equal(code, 0, err)
    t.check(wait_until(lambda: t.get(g, "/y").status == 200))
    os.rename(g.access_path, g.access_path + ".1")
    code, out, err = run_program([gatehouse_program(), "-s", "reopen", "-c",
                                  g.file])
    t.equal(code, 0, err)
    t.check(wait_until(lambda: os.path.exists(g.access_path)))


def case_daemon_mode(t):
    g = t.gatehouse(api(), start=False, arguments=[])
    g.write(t.settings(api(), None, {"error_log": g.stderr_path}))
    g.spawn()
    code = g.ended(20)
    if code is None:
        t.fail("without -f the program stayed in the foreground")
    t.equal(code, 0, g.log())
    pid = int(open(g.pid_file).read())
    t.check(pid != g.pid and alive(pid))
    t.answer(t.get(g, "/x"), 200, "x")
    code, out, err = run_program([gatehouse_program(), "-s", "quit", "-c",
                                  g.file])
    t.equal(code, 0, err)
    t.check(wait_until(lambda: not alive(pid), 20))
    t.check(not os.path.exists(g.pid_file))


def status_of(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f
                    if ":\t" in line)


def check_dropped(t, pid):
    s = status_of(pid)
    t.equal(s["NoNewPrivs"], "1", "no_new_privs")
    if os.getuid() != 0:
        return
    t.check("0" not in s["Uid"].split(), "Uid %s" % s["Uid"])
    t.check("0" not in s["Gid"].split(), "Gid %s" % s["Gid"])
    t.lacks("0", s.get("Groups", "").split(), "supplementary groups")
    t.equal(int(s["CapEff"], 16), 0, "effective capabilities")
    t.equal(int(s["CapPrm"], 16), 0, "permitted capabilities")


def case_privileges_are_dropped(t):
    g = t.gatehouse(api(), workers=2)
    for pid in g.workers():
        check_dropped(t, pid)
    t.equal(g.reload(t.settings(rest("a", {"/y": {"GET": mock()}})))[0], 0)
    victim = g.workers()[0]
    g.expected_signals.add(signal.SIGKILL)
    g.signal("KILL", victim)
    t.check(wait_until(lambda: victim not in g.workers()
                       and len(g.workers()) == 2))
    for pid in g.workers():
        check_dropped(t, pid)


def case_titles(t):
    g = t.gatehouse(api())

    def title(pid):
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read().replace(b"\0", b" ").decode()
    t.match("gatehouse.*master", title(g.pid))
    t.match("gatehouse.*worker", title(g.workers()[0]))


def case_table_is_mapped_read_only(t):
    g = t.gatehouse(api())
    try:
        with open("/proc/%d/maps" % g.workers()[0]) as f:
            maps = [x for x in f if "memfd:" in x]
    except PermissionError:
        t.skip("the maps of a worker cannot be read here")
    tables = [x for x in maps if re.search("table|image|gatehouse", x)]
    t.check([x for x in tables if x.split()[1].startswith("r--")],
            "a read-only mapping among %r" % maps)


def case_workers_die_with_the_master(t):
    b = t.backend()
    g = t.gatehouse(api(), workers=2)
    pids = g.workers()
    c = t.client(g)
    t.answer(c.get("/x"), 200, "x")
    g.expected_signals.add(signal.SIGKILL)
    g.signal("KILL")
    g.ended()
    t.check(wait_until(lambda: not [p for p in pids if alive(p)], 15),
            "workers end after their master")
    g.status = None
    g.stopped = True
    two = t.gatehouse(api(), listeners=[{"name": "p", "address": g.address}])
    t.answer(t.get(two, "/x", address=g.address), 200, "x")
    b.close()


def case_fast_crash_loop_is_slowed(t):
    """A worker that is killed at once again and again."""
    g = t.gatehouse(api())
    g.expected_signals.add(signal.SIGKILL)
    seen = set()
    end = time.monotonic() + 4
    while time.monotonic() < end:
        for pid in children(g.pid):
            if pid in seen:
                continue
            seen.add(pid)
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
    t.check(len(seen) <= 200, "%d starts in 4 s" % len(seen))
    t.check(wait_until(lambda: len(g.workers()) == 1, 20))
    t.answer(t.get(g, "/x"), 200, "x")


def case_auto_workers(t):
    g = t.gatehouse(api(), settings={"workers": "auto"})
    n = len(g.workers())
    t.check(1 <= n <= len(os.sched_getaffinity(0)), "%d workers" % n)


def case_watchdog_replaces_a_stuck_worker(t):
    g = t.gatehouse(api(), settings={"watchdog_timeout": "2s"})
    g.expected_signals.update((signal.SIGKILL, signal.SIGABRT))
    victim = g.workers()[0]
    g.signal("STOP", victim)
    t.check(wait_until(lambda: not alive(victim), 30),
            "the stopped worker is ended")
    t.check(wait_until(lambda: g.workers() and victim not in g.workers(), 20))
    t.answer(t.get(g, "/x"), 200, "x")


def case_prefix(t):
    d = t.path("prefix")
    os.makedirs(d)
    os.chmod(d, 0o755)
    port = free_port()
    path = t.write("prefix/g.conf", '''
        workers = 1;
        pid_file = "g.pid"; control_socket = "g.sock"; error_log = "g.log";
        access_log = { path = "a.log"; };
        listeners = ( { name = "p"; address = "127.0.0.1:%d"; } );
        apis = ( { name = "a"; protocol = "REST"; stages = ( { name = "s";
          base_path = "/"; } ); resources = ( { path = "/x"; methods = (
          { method = "GET"; integration = { type = "MOCK"; status = 200;
          body = "x"; }; } ); } ); } );
        ''' % port)
    import subprocess
    p = subprocess.Popen([gatehouse_program(), "-f", "-p", d, "-c", path],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    try:
        t.check(wait_until(lambda: os.path.exists(d + "/g.pid")),
                "the pid file stands in the prefix")
        for name in ("g.sock", "g.log"):
            t.check(wait_until(lambda: os.path.exists(d + "/" + name)), name)
    finally:
        p.terminate()
        p.wait(20)
    t.equal(p.returncode, 0)


def case_answers_at_the_descriptor_limit(t):
    """nofile small, many clients: it survives and serves afterwards."""
    import resource
    import subprocess
    b = t.backend(lambda q, c: Reply(200, [], b"x"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    g = t.gatehouse(rest("a", {"/x": {"GET": proxy("b")}}),
                    [upstream("b", b)], start=False,
                    settings={"worker_connections": 4096})
    err = open(g.stderr_path, "ab")
    g.process = subprocess.Popen(
        [gatehouse_program(), "-c", g.file, "-f"], stdin=subprocess.DEVNULL,
        stdout=err, stderr=err, env=g.environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE,
                                              (96, 96)))
    err.close()
    if wait_until(lambda: g.process.poll() is not None, 1.5):
        t.check(g.process.returncode in (1, 3, 5), "refused with figures")
        t.match(r"\d+.*descriptor|nofile|RLIMIT", g.log())
        g.process = None
        return
    g.wait_ready()
    held = [t.client(g) for _ in range(150)]
    time.sleep(0.3)
    for c in held:
        c.close()
    t.check(wait_until(lambda: t.get(g, "/x").status == 200, 15, 0.1))
    held = [c for c in held]
    t.raw(g, build("GET", "/x"))
