"""gatehousectl: status, routes, explain, wait, reload, json of each."""

import json
import os

from lib.conf import http, mock, proxy, rest
from lib.gatehouse import ctl_program, run_program


def gateway(t, **kw):
    b = t.backend()
    return t.gatehouse([
        rest("pets", {
            "/cats/{id}": {"GET": proxy("b", path="/v1/{id}"),
                           "cors": {"allow_origins": ["https://a.example"]}},
            "/mice/{proxy+}": {"ANY": mock(200, "mice")}},
            stages=[{"name": "prod", "hosts": ["api.example.com"],
                     "base_path": "/pets"}]),
        http("store", {"GET /items/{id}": proxy("b"), "$default": proxy("b")},
             stages=[{"name": "$default", "base_path": "/store"}])],
        {"b": b}, **kw)


def case_status(t):
    g = gateway(t, workers=2)
    for _ in range(5):
        t.get(g, "/store/x")
    code, out, err = g.ctl("status")
    t.equal(code, 0, err)
    for word in ("generation", "worker"):
        t.contains(word, out.lower())
    code, got = g.ctl_json("status")
    t.equal(code, 0)
    t.check(isinstance(got["generation"], int))
    t.check(got["hash"], "hash")
    t.equal(len(got["workers"]), 2)
    for w in got["workers"]:
        for key in ("pid", "connections", "requests"):
            t.check(isinstance(w[key], int), key)
        t.check([k for k in w if k.startswith("age")], "age")
        t.check(os.path.exists("/proc/%d" % w["pid"]))
    t.check(sum(w["requests"] for w in got["workers"]) >= 5, "requests")


def case_generation_and_hash(t):
    g = gateway(t)
    first = g.ctl_json("status")[1]
    t.equal(g.reload()[0], 0)
    same = g.ctl_json("status")[1]
    t.equal(same["hash"], first["hash"], "same file, same hash")
    code, text = g.reload(t.settings(rest("a", {
        "/x": {"GET": mock(200, "x")}})))
    t.equal(code, 0, text)
    other = g.ctl_json("status")[1]
    t.check(other["generation"] > first["generation"])
    t.check(other["hash"] != first["hash"])


def case_routes(t):
    g = gateway(t)
    code, out, err = g.ctl("routes")
    t.equal(code, 0, err)
    for word in ("/cats/{id}", "/mice/{proxy+}", "/items/{id}", "$default",
                 "GET", "ANY", "pets", "store"):
        t.contains(word, out)
    code, got = g.ctl_json("routes")
    t.equal(code, 0)
    for word in ("/cats/{id}", "/mice/{proxy+}", "/items/{id}", "pets"):
        t.contains(word, json.dumps(got))


def case_explain_a_match(t):
    g = gateway(t)
    code, out, err = g.ctl("explain", "GET",
                           "http://api.example.com/pets/cats/7%2F8?x=1")
    t.equal(code, 0, err)
    for word in ("public", "pets", "prod", "/cats/{id}", "7%2F8", "b"):
        t.contains(word, out)
    code, got = g.ctl_json("explain", "GET",
                           "http://api.example.com/pets/cats/7")
    t.equal(code, 0)
    text = json.dumps(got)
    for word in ("pets", "prod", "/cats/{id}", "id", "7", "upstream"):
        t.contains(word, text)


def case_explain_a_preflight(t):
    g = gateway(t)
    code, out, err = g.ctl(
        "explain", "OPTIONS", "http://api.example.com/pets/cats/7",
        "--header", "Origin: https://a.example",
        "--header", "Access-Control-Request-Method: GET")
    t.equal(code, 0, err)
    t.match("(?i)preflight", out)
    t.match("(?i)access-control-allow-origin: *https://a.example", out)


def case_explain_no_match(t):
    g = gateway(t)
    for method, url in (("GET", "http://api.example.com/pets/nope"),
                        ("POST", "http://api.example.com/pets/cats/7"),
                        ("GET", "http://evil.test/pets/cats/7"),
                        ("GET", "http://api.example.com/none/x")):
        code, out, err = g.ctl("explain", method, url)
        t.match(r"(?i)\bno\b|\bnot\b|unknown", out + err, url)
        t.match(r"403|404", out + err, url)
        code, got = g.ctl_json("explain", method, url)
        t.check(got)


def case_wait(t):
    g = gateway(t)
    code, out, err = g.ctl("wait", "--ready", "--timeout", "5")
    t.equal(code, 0, err)
    code, got = g.ctl_json("wait", "--ready")
    t.equal(code, 0)


def case_finds_its_socket_by_the_file(t):
    g = gateway(t)
    code, out, err = run_program([ctl_program(), "-c", g.file, "status"])
    t.equal(code, 0, err)


def case_nobody_there(t):
    path = t.path("none.sock")
    for command in (["status"], ["reload"], ["routes"],
                    ["explain", "GET", "/x"],
                    ["wait", "--ready", "--timeout", "1"]):
        code, out, err = run_program([ctl_program(), "-s", path] + command)
        t.equal(code, 1, " ".join(command))
        t.check(err.strip(), "it says why")


def case_usage_errors(t):
    for command in ([], ["no-such"], ["explain"], ["explain", "GET"],
                    ["status", "--no-such"]):
        code, out, err = run_program([ctl_program(), "-s", "/x"] + command)
        t.equal(code, 2, " ".join(command))


def case_reload(t):
    g = gateway(t)
    code, out, err = g.ctl("reload")
    t.equal(code, 0, out + err)
    code, got = g.ctl_json("reload")
    t.equal(code, 0)
    with open(g.file, "a") as f:
        f.write("no_such_setting = 1;\n")
    code, out, err = g.ctl("reload")
    t.equal(code, 3)
    t.match(r"gatehouse\.conf:\d+: error: .*no_such_setting", out + err)
    code, got = g.ctl_json("reload")
    t.equal(code, 3)
    t.contains("no_such_setting", json.dumps(got))


def case_socket_is_the_operators_only(t):
    g = gateway(t)
    mode = os.stat(g.control).st_mode & 0o777
    t.equal(mode & 0o007, 0, "mode %o" % mode)
    g.stop()
    t.check(not os.path.exists(g.control), "removed at the end")


def case_garbage_on_the_control_socket(t):
    import socket
    g = gateway(t)
    for data in (b"", b"\x00" * 4096, b"GET / HTTP/1.1\r\n\r\n",
                 b"\xff" * 100000, b"status"):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            s.connect(g.control)
        except OSError:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.connect(g.control)
        s.settimeout(2)
        try:
            s.sendall(data)
            s.recv(100)
        except OSError:
            pass
        s.close()
    t.equal(g.ctl("status")[0], 0)
    t.equal(t.get(g, "/store/x").status, 200)


def case_idle_control_clients_do_not_block(t):
    import socket
    g = gateway(t)
    held = []
    for _ in range(20):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            s.connect(g.control)
        except OSError:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.connect(g.control)
        held.append(s)
    t.equal(g.ctl("status", timeout=20)[0], 0)
    t.equal(g.reload()[0], 0)
    for s in held:
        s.close()
