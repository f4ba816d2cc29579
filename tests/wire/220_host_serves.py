"""Functions of this machine, through a REST API and the operator's tool."""

import json
import os
import re

from lib import host
from lib.client import build
from lib.gatehouse import wait_until

TIME_LIMIT = 240


def body(r):
    return json.loads(r.body)


def log(t):
    with open(t.path("functions.log"), errors="replace") as f:
        return f.read()


def case_python(t):
    f = host.python(t, environment=host.variables(COLOR="blue"))
    g = host.serve(t, f)
    first = body(t.get(g, "/py"))
    t.equal(first["path"], "/py")
    t.equal(first["color"], "blue")
    t.equal(os.path.realpath(first["folder"]), os.path.realpath(f["code"]))
    for _ in range(5):
        t.equal(body(t.get(g, "/py"))["pid"], first["pid"], "kept warm")
    r = t.get(g, "/py?fail=oh")
    t.answer(r, 502, '{"message": "Internal server error"}')
    t.check(wait_until(lambda: "ValueError" in log(t)), "it is in the log")
    t.check(wait_until(lambda: log(t).count("REPORT") >= 7), "reports")


def case_nodejs(t):
    g = host.serve(t, host.node(t))
    t.answer(t.get(g, "/js"), 200, "node GET /js")
    t.answer(t.get(g, "/js", method="POST", body=b"x"), 200, "node POST /js")


def case_bash(t):
    g = host.serve(t, host.bash(t))
    for _ in range(3):
        t.answer(t.get(g, "/sh"), 200, "from bash")
    t.check(wait_until(lambda: re.search(r"bash has \d+ bytes", log(t))),
            "what it prints is in the log")


def case_nothing_of_the_gateway_is_left(t):
    """No descriptor, no variable, no privilege."""
    g = host.serve(t, host.python(t, environment=host.variables(
        COLOR="blue")), env={"GATEWAY_SECRET": "gateway-own"})
    got = body(t.get(g, "/py"))
    t.lacks("GATEWAY_SECRET", got["environment"])
    t.check(got["descriptors"] <= 8, "%d descriptors" % got["descriptors"])
    if os.geteuid() == 0:
        t.check(got["uid"] != 0, "a function is not root")


def case_secrets_stay_with_the_host(t):
    word = "hush-4711"
    f = host.python(t, environment=host.variables(COLOR=word))
    g = host.serve(t, f)
    t.equal(body(t.get(g, "/py"))["color"], word)
    for command in ("routes", "status", "functions"):
        t.lacks(word, g.ctl(command, "--format=json")[1], command)
    t.lacks(word, g.log())
    t.lacks(word, log(t))
    for pid in g.workers() + [g.pid]:
        with open("/proc/%d/environ" % pid, "rb") as e:
            t.lacks(word, e.read().decode("latin-1"))


def case_user_of_its_own(t):
    if os.geteuid() != 0:
        t.skip("only root can start functions as another user")
    a = host.python(t, "a", user="daemon")
    b = host.python(t, "b")
    g = host.serve(t, b)
    common = body(t.get(g, "/b"))["uid"]
    first = host.host(g)
    t.check(common != 0, "the workers' user")
    code, out = g.reload(host.settings(t, a, b))
    t.equal(code, 0, out)
    # Kept connections lead to the first host for a moment.
    t.check(wait_until(lambda: t.get(g, "/a").status == 200), "it serves")
    uids = body(t.get(g, "/a"))["uid"], body(t.get(g, "/b"))["uid"]
    t.check(uids[0] not in (0, common), "a user of its own")
    t.equal(uids[1], common)
    t.check(host.host(g) != first, "a host that can become others")
    t.check(host.gone([first]), "the first one ends")


def case_the_tool(t):
    g = host.serve(t, host.python(t), function_listener="127.0.0.1:%d"
                   % host.port())
    code, out, err = g.ctl("invoke", "py", "--payload",
                           '{"path": "/by-hand"}', "--log")
    t.equal(code, 0, err)
    t.contains("/by-hand", out)
    t.contains("REPORT RequestId", err)
    event = t.write("event.json", '{"queryStringParameters": '
                    '{"fail": "yes", "print": "a line"}}')
    code, out, err = g.ctl("invoke", "py", "--payload", event)
    t.equal(code, 1)
    t.contains("ValueError", out)
    t.equal(g.ctl("invoke", "py", "--event")[:2], (0, ""))
    code, out, err = g.ctl("invoke", "nobody")
    t.equal(code, 1)
    t.contains("nobody", err)
    t.equal(g.ctl("invoke", "py", "--payload", "no such file")[0], 1)
    t.equal(g.ctl("invoke")[0], 2)
    t.contains("a line", g.ctl("logs", "py")[1])
    code, out, err = g.ctl("functions")
    t.match(r"(?m)^py +python +ready", out)
    f = g.ctl_json("functions")[1]["functions"][0]
    t.equal(f["name"], "py")
    t.check(f["invocations"] >= 2, "invocations")
    t.match(r"functions +1 on ", g.ctl("status")[1])


def case_tcp_for_the_tools_of_others(t):
    address = "127.0.0.1:%d" % host.port()
    g = host.serve(t, host.python(t), function_listener=address)
    with g.client(address) as c:
        c.send(build("POST", "/2015-03-31/functions/py/invocations",
                     body=b'{"path": "/tcp"}'))
        r = c.response()
    t.equal(r.status, 200)
    t.contains("/tcp", r.body.decode())
    with g.client(address) as c:
        c.send(build("GET", "/gatehouse/functions"))
        t.equal(c.response().status, 404, "the report is for unix sockets")


def case_what_the_check_finds(t):
    good = host.python(t)
    rows = [
        (dict(good, code=t.path("nowhere")), 3, "nowhere: No such file"),
        (dict(good, code=host.folder(t, "f", x_py="") + "/x.py"), 3,
         "is no folder"),
        ({"name": "p", "runtime": "provided",
          "code": host.folder(t, "empty")}, 3, "bootstrap is no program"),
        (dict(good, environment=host.variables(PATH="/nowhere")), 0,
         "in no folder of its PATH"),
        (dict(good, user="nobody-of-this-name"), 3 if os.geteuid() == 0
         else 0, "there is no user"),
        (dict(good, name="n" * 65), 3, "at most 64 characters"),
    ]
    g = host.serve(t, good)
    for f, expected, text in rows:
        with t.soft() as soft:
            soft.row(text, check_row, t, g, f, expected, text)


def check_row(t, g, f, expected, text):
    g.write(host.settings(t, f))
    with open(g.file) as file:
        code, out = t.check_file(file.read())
    t.equal(code, expected, out)
    t.contains(text, out)
