"""What an operator meets: wrong files, drained workers, answers as JSON."""

import json
import os
import signal
import threading

from lib.conf import mock, proxy, rest
from lib.gatehouse import (ctl_program, gatehouse_program, run_program,
                           wait_until)


def api(body="x"):
    return rest("a", {"/x": {"GET": mock(200, body)}})


def ctl(*args):
    return run_program([ctl_program()] + list(args))


def gatehouse(*args):
    return run_program([gatehouse_program()] + list(args))


def only_json(t, got, code):
    """The exit status, and one object on standard output."""
    t.equal(got[0], code, got[1] + got[2])
    return json.loads(got[1])


def case_a_file_that_names_no_socket_is_no_default(t):
    for name, text in (("broken.conf", "workers = ;\n"),
                       ("value.conf", "control_socket = 7;\n"),
                       ("name.conf", 'control_sockte = "/x";\n')):
        path = t.write(name, text)
        code, out, err = ctl("-c", path, "reload")
        t.equal(code, 3, name + out + err)
        t.contains(name + ":1: error:", err)
        got = only_json(t, ctl("-c", path, "--format=json", "status"), 3)
        t.equal(got["ok"], False)
    code, out, err = ctl("-c", t.path("none.conf"), "status")
    t.equal(code, 3, out + err)
    t.contains("none.conf", err)


def case_other_errors_do_not_matter(t):
    g = t.gatehouse(api())
    with open(g.file, "a") as f:
        f.write("no_such_setting = 1;\n")
    t.equal(ctl("-c", g.file, "status")[0], 0)


def case_orders_while_the_file_is_bad(t):
    g = t.gatehouse(api())
    with open(g.file, "a") as f:
        f.write("no_such_setting = 1;\n")
    code, out, err = gatehouse("-s", "reload", "-c", g.file)
    t.equal(code, 3, err)
    code, out, err = gatehouse("-s", "reopen", "-c", g.file)
    t.equal(code, 0, err)
    t.contains("no_such_setting", err)
    t.check(wait_until(lambda: "logs reopened" in g.log()))
    bad = t.write("bad.conf", "workers = ;\n")
    t.equal(gatehouse("-s", "quit", "-c", bad)[0], 3)
    t.equal(gatehouse("-s", "quit", "-c", g.file)[0], 0)
    t.equal(g.ended(), 0)


def case_drained_is_not_ready(t):
    g = t.gatehouse(api())
    g.signal("WINCH")
    t.check(wait_until(lambda: g.ctl_json("status")[1]["state"] ==
                       "drained"))
    code, out, err = g.ctl("wait", "--ready", "--timeout", "0.3")
    t.equal(code, 1, err)
    got = only_json(t, g.ctl("wait", "--ready", "--timeout", "0.1",
                             "--format=json"), 1)
    t.equal(got["ok"], False)
    code, out, err = g.ctl("reload")
    t.equal(code, 0, out + err)
    t.answer(t.get(g, "/x"), 200, "x")
    t.equal(g.ctl("wait", "--ready")[0], 0)


def case_socket_path_that_is_a_file(t):
    g = t.gatehouse(api(), start=False)
    with open(g.control, "w") as f:
        f.write("precious")
    g.spawn()
    t.equal(g.ended(), 5)
    t.contains("no socket", g.log())
    with open(g.control) as f:
        t.equal(f.read(), "precious")
    g.process = None


def case_pid_file_that_is_a_link_or_a_folder(t):
    g = t.gatehouse(api(), start=False)
    target = t.write("target", "precious")
    os.symlink(target, g.pid_file)
    g.spawn()
    t.equal(g.ended(), 5)
    with open(target) as f:
        t.equal(f.read(), "precious")
    g.process = None
    os.unlink(g.pid_file)
    os.mkdir(g.pid_file)
    code, out, err = gatehouse("-t", "-c", g.file)
    t.equal(code, 3, out + err)
    t.match(r"gatehouse\.conf:\d+: error: pid_file", err)


def case_empty_texts(t):
    for name in ("user", "group", "pid_file", "control_socket",
                 "error_log"):
        code, out = t.check_file('%s = "";\n' % name)
        t.equal(code, 3, name)
        t.match(r"c\.conf:1: error: %s is empty" % name, out)


def case_unknown_user(t):
    if os.getuid() != 0:
        t.skip("only root becomes another user")
    g = t.gatehouse(api(), settings={"user": "no-such-user"}, start=False)
    code, out, err = gatehouse("-t", "-c", g.file)
    t.equal(code, 3)
    found = [x for x in err.splitlines() if "no-such-user" in x]
    t.equal(len(found), 1, err)
    t.match(r"gatehouse\.conf:\d+: error: ", found[0])


def case_explain_refuses_what_a_worker_refuses(t):
    g = t.gatehouse(api())
    for path in ("/a/../x", "/%2e%2e/x", "/x%zz", "/a/%00"):
        code, out, err = g.ctl("explain", "GET", path)
        t.equal(code, 0, err)
        t.contains("400", out, path)
        t.equal(t.get(g, path).status, 400, path)
        got = only_json(t, g.ctl("explain", "GET", "http://h" + path,
                                 "--format=json"), 0)
        t.contains("400", got["answer"])


def case_explain_questions_that_make_no_sense(t):
    g = t.gatehouse(api())
    for args in (["GTE", "/x"], ["GET", "x"],
                 ["GET", "/x", "--listener", "none"]):
        t.equal(g.ctl("explain", *args)[0], 2, " ".join(args))
        got = only_json(t, g.ctl("explain", "--format=json", *args), 2)
        t.equal(got["ok"], False)


def case_json_when_nothing_runs(t):
    path = t.path("none.sock")
    for command in (["status"], ["reload"], ["routes"],
                    ["explain", "GET", "/x"],
                    ["wait", "--ready", "--timeout", "0"]):
        got = only_json(t, ctl("-s", path, "--format=json", *command), 1)
        t.equal(got["ok"], False)
        t.check(got["error"])


def case_json_of_diff(t):
    g = t.gatehouse(api(), start=False)
    got = only_json(t, gatehouse("-t", "--diff", "--format=json", "-c",
                                 g.file), 1)
    t.equal(got["ok"], False)
    with open(g.file, "a") as f:
        f.write("no_such_setting = 1;\n")
    got = only_json(t, gatehouse("-t", "--diff", "--format=json", "-c",
                                 g.file), 3)
    t.equal(got["ok"], False)


def case_diff_of_one_more_listener(t):
    g = t.gatehouse(api())
    with open(g.file) as f:
        text = f.read()
    g.write_text(text.replace("listeners = (", 'listeners = ( { name = '
                              '"more"; address = "127.0.0.1:19"; },', 1))
    code, out, err = gatehouse("-t", "--diff", "-c", g.file)
    t.equal(code, 0, err)
    t.contains("more", out)
    t.lacks("/x", out)


def case_meaningless_combinations(t):
    for args in (["-t", "-f"], ["-q", "-v"], ["-T", "--format=json"],
                 ["--format=json"], ["-s", "quit", "-f"]):
        t.equal(gatehouse(*args)[0], 2, " ".join(args))
    for args in (["status", "--ready"], ["reload", "--header", "A: b"],
                 ["routes", "--timeout", "3"], ["status", "--log"],
                 ["status", "--follow"]):
        t.equal(ctl("-s", "/x", *args)[0], 2, " ".join(args))


def case_reload_tells_what_needs_a_restart(t):
    g = t.gatehouse(api())
    with open(g.file) as f:
        text = f.read()
    g.write_text(text.replace(g.pid_file, g.pid_file + ".other"))
    code, out, err = g.ctl("reload")
    t.equal(code, 0, err)
    t.contains('pid_file needs a restart: "%s" stays' % g.pid_file, out)
    got = g.ctl_json("reload")[1]
    t.contains("pid_file needs a restart", got["message"])


def case_reload_of_settings_alone(t):
    g = t.gatehouse(api())
    t.contains("nothing changed", g.ctl("reload")[1])
    with open(g.file) as f:
        text = f.read()
    g.write_text(text.replace("workers = 1", "workers = 2"))
    t.contains("settings changed", g.ctl("reload")[1])


def case_permission(t):
    if os.getuid() != 0:
        t.skip("needs another user")
    g = t.gatehouse(api())
    pid = os.fork()
    if pid == 0:
        os.setgid(65534)
        os.setuid(65534)
        os._exit(ctl("-s", g.control, "status")[0])
    t.equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 5)


def case_shutdown_is_not_the_clients_doing(t):
    hold = threading.Event()

    def handler(req, conn):
        hold.wait(20)
        conn.over = True
    b = t.backend(handler)
    g = t.gatehouse(rest("a", {"/slow": {"GET": proxy("b")}}), {"b": b},
                    access_format="reason=$context.error.reason")
    c = t.client(g)
    c.send(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
    t.check(wait_until(lambda: b.requests))
    g.signal("TERM")
    t.equal(g.ended(), 0)
    with open(g.access_path) as f:
        t.equal(f.read(), "reason=shutdown\n")
    hold.set()


def case_resolver_ends_without_an_error(t):
    g = t.gatehouse(api(), {"n": "localhost:9"})
    g.signal("TERM")
    t.equal(g.ended(), 0)
    t.lacks("error resolver", g.log())
    t.lacks("resolver (pid", [x for x in g.log().splitlines()
                              if " error " in x] or "")


def case_access_log_that_cannot_be_written(t):
    g = t.gatehouse(api(), settings={"access_log": {"path": "/dev/full"}})
    for _ in range(3):
        t.get(g, "/x")
        wait_until(lambda: False, 0.3)
    t.check(wait_until(lambda: "access log takes no lines" in g.log()))
    t.equal(g.log().count("access log takes no lines"), 1)
    t.match(r"access logs +\d+ lines dropped", g.ctl("status")[1])


def case_wrapped_integers_say_which(t):
    code, out = t.check_file("workers = 4294967297;\n")
    t.equal(code, 3)
    t.match(r"c\.conf:1: error: workers.*4294967297", out)
    t.lacks('"4G"', out)
    code, out = t.check_file("limits = { body = 4294967297; };\n")
    t.match(r'error: body.*"4G"', out)


def case_same_header_twice(t):
    code, out = t.check_file(
        'listeners = ( { name = "p"; address = "127.0.0.1:18080"; } );\n'
        'apis = ( { name = "a"; protocol = "HTTP"; response_headers = (\n'
        ' { name = "X-A"; value = "1"; },\n'
        ' { name = "x-a"; value = "2"; } );\n'
        ' routes = ( { route = "$default"; integration = { type = "MOCK"; '
        'status = 200; }; } ); } );\n')
    t.equal(code, 0, out)
    t.match(r"c\.conf:4: warning: .*twice", out)


def case_version(t):
    t.match(r"OpenSSL \d", gatehouse("-V")[1])


def case_upgrade_with_a_bad_file(t):
    g = t.gatehouse(api())
    with open(g.file, "a") as f:
        f.write("no_such_setting = 1;\n")
    os.kill(g.pid, signal.SIGUSR2)
    t.check(wait_until(lambda: "serving on" in g.log()))
    lines = [x for x in g.log().splitlines() if "no_such_setting" in x]
    t.check(lines)
    for line in lines:
        t.match(r"^\d{4}-\d\d-\d\dT[\d:.]+Z error master", line)
