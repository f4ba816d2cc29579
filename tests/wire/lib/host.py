"""Functions that run on this machine: their folders, and a gateway for them.

The runtime clients are copied beside the functions, since workers' users need
not be able to read the source tree.
"""

import glob
import os
import shutil

from .conf import rest
from .gatehouse import TOP, alive, children, free_port, wait_until

PYTHON = """
import json, os, sys, time

def handler(event, context):
    query = event.get("queryStringParameters") or {}
    if "print" in query:
        print(query["print"])
    if "sleep" in query:
        time.sleep(float(query["sleep"]))
    if "fail" in query:
        raise ValueError(query["fail"])
    return {"statusCode": 200, "body": json.dumps({
        "pid": os.getpid(), "uid": os.getuid(), "path": event.get("path"),
        "color": os.environ.get("COLOR"), "folder": os.getcwd(),
        "environment": sorted(os.environ),
        "descriptors": len(os.listdir("/proc/self/fd"))})}
"""

NODE = """
exports.handler = async (event) => ({ statusCode: 200,
    body: "node " + event.httpMethod + " " + event.path });
"""

BASH = """#!/bin/bash
base=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
head=$(mktemp)
while :; do
	event=$(curl -sS -D "$head" "$base/next")
	id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$head" |
	    tr -d '[:space:]' | cut -d: -f2)
	echo "bash has ${#event} bytes"
	curl -sS -o /dev/null "$base/$id/response" \\
	    -d '{"statusCode": 200, "body": "from bash"}'
done
"""


def folder(t, name, **files):
    """A folder of code; FILE_EXT="text" becomes FILE.EXT in it."""
    path = t.path(name)
    os.makedirs(path, exist_ok=True)
    for file, text in files.items():
        where = os.path.join(path, file.replace("_", "."))
        with open(where, "w") as f:
            f.write(text)
        os.chmod(where, 0o755)
    for up in (path, t.dir, os.path.dirname(t.dir)):
        os.chmod(up, 0o755)
    return path


def python(t, name="py", **kw):
    return dict({"name": name, "runtime": "python", "handler": "app.handler",
                 "code": folder(t, name, app_py=PYTHON),
                 "log": t.path("functions.log"), "timeout": "20s"}, **kw)


def node(t, name="js", **kw):
    if shutil.which("node") is None:
        t.skip("there is no node here")
    return dict({"name": name, "runtime": "nodejs",
                 "handler": "index.handler", "timeout": "20s",
                 "code": folder(t, name, index_js=NODE),
                 "log": t.path("functions.log")}, **kw)


def bash(t, name="sh", **kw):
    for program in ("bash", "curl"):
        if shutil.which(program) is None:
            t.skip("there is no %s here" % program)
    return dict({"name": name, "runtime": "provided", "timeout": "20s",
                 "code": folder(t, name, bootstrap=BASH),
                 "log": t.path("functions.log")}, **kw)


def variables(**kw):
    return [{"name": k, "value": v} for k, v in kw.items()]


def call(name, **kw):
    return dict({"type": "AWS_PROXY", "function": name}, **kw)


def settings(t, *functions, **kw):
    """Each function NAME at /NAME."""
    apis = rest("functions", dict(
        [("/" + f["name"], {"ANY": call(f["name"])}) for f in functions] or
        [("/none", {"GET": {"type": "MOCK"}})]))
    top = t.settings(apis)
    if functions:
        top["functions"] = list(functions)
    top["function_socket"] = t.path("functions.sock")
    top.update(kw)
    return top


def clients(t):
    path = t.path("libexec")
    if not os.path.isdir(path):
        os.makedirs(path)
        for file in glob.glob(os.path.join(TOP, "src/runtime/runtime-*")):
            shutil.copy(file, path)
            os.chmod(os.path.join(path, os.path.basename(file)), 0o644)
        folder(t, "libexec")
    return path


def serve(t, *functions, arguments=(), env=None, **kw):
    env = dict({"GATEHOUSE_LIBEXECDIR": clients(t)}, **(env or {}))
    return t.gatehouse(None, settings=settings(t, *functions, **kw),
                       arguments=["-f"] + list(arguments), env=env)


def host(g):
    """The host's process id, or 0."""
    return g.ctl_json("status")[1]["functions"]["pid"]


def instances(g):
    return children(host(g))


def gone(pids, timeout=20):
    return wait_until(lambda: not [p for p in pids if alive(p)], timeout)


def port():
    return free_port()
