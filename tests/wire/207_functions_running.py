"""Functions of a running gateway: connections, order, reloads, names."""

import json
import os
import signal
import socket
import threading
import time

from lib import invoke
from lib.backend import Close, Reply
from lib.client import build
from lib.conf import dump, http, method, mock, rest
from lib.gatehouse import wait_until

ISE = '{"message": "Internal server error"}'


def api(name="f", **kw):
    return rest("r", {"/x": {"ANY": invoke.call(name)}}, **kw)


def tell(call):
    """The number that the request's query holds, as the body."""
    n = (call.event["queryStringParameters"] or {}).get("n", "-")
    return invoke.output({"statusCode": 200, "body": n})


def settings(t, apis, *functions):
    top = t.settings(apis)
    top["functions"] = list(functions)
    return top


def case_connections_are_kept(t):
    e = invoke.endpoint(t, tell)
    g = invoke.serve(t, e, api())
    with g.client() as c:
        for i in range(60):
            c.send(build("POST", "/x?n=%d" % i, body=b"x" * i))
            t.answer(c.response(), 200, str(i))
    for i in range(10):
        t.answer(t.get(g, "/x?n=%d" % i), 200, str(i))
    t.equal((len(e.calls), len(e.connections)), (70, 1))
    t.equal(e.wrong, [])


def case_failures_keep_the_connection(t):
    """A function error is an answer like another one."""
    e = invoke.endpoint(t, lambda c: invoke.failed())
    g = invoke.serve(t, e, api())
    for _ in range(10):
        t.equal(t.get(g, "/x").status, 502)
    e.answer = lambda c: invoke.refusal(429, "TooManyRequestsException")
    for _ in range(10):
        t.equal(t.get(g, "/x").status, 500)
    t.equal(len(e.connections), 1)


def case_connections_that_end(t):
    """Closed by the endpoint: after each answer, said or not, or idle."""
    def quiet(call):
        return Close(tell(call))

    def said(call):
        r = tell(call)
        r.headers.append(("Connection", "close"))
        return Close(r)
    for answer in (quiet, said):
        e = invoke.endpoint(t, answer)
        g = invoke.serve(t, e, api())
        for i in range(12):
            if answer is quiet:
                time.sleep(0.02)
            t.answer(t.get(g, "/x?n=%d" % i), 200, str(i))
        t.equal(e.wrong, [])
        t.equal(len(e.calls), 12, "each once")
    e = invoke.endpoint(t, tell)
    g = invoke.serve(t, e, api())
    for i in range(4):
        t.answer(t.get(g, "/x?n=%d" % i), 200, str(i))
        e.connections[-1].sock.shutdown(socket.SHUT_RDWR)
        time.sleep(0.1)


def case_pipelined(t):
    """Answers come in the order of the requests."""
    e = invoke.endpoint(t, tell)
    g = invoke.serve(t, e, api())
    with g.client() as c:
        c.send(b"".join(build("POST", "/x?n=%d" % i, body=b"b%d" % i)
                        for i in range(30)))
        for i in range(30):
            t.answer(c.response(), 200, str(i))
    t.equal([x.event["body"] for x in e.calls],
            ["b%d" % i for i in range(30)])


def case_at_once(t):
    """Slow functions do not wait for one another; nobody gets another's."""
    barrier = threading.Barrier(20)

    def meet(call):
        barrier.wait(15)
        return tell(call)
    e = invoke.endpoint(t, meet)
    g = invoke.serve(t, e, api(), workers=2)
    problems = []

    def one(i):
        try:
            t.answer(t.get(g, "/x?n=%d" % i), 200, str(i))
        except Exception as err:
            problems.append(str(err))
    threads = [t.thread(one, i) for i in range(20)]
    for th in threads:
        th.join(20)
    t.equal(problems, [])
    t.equal(e.wrong, [])


def case_reload_while_in_flight(t):
    entered, held = threading.Event(), threading.Event()

    def slow(call):
        entered.set()
        held.wait(15)
        return invoke.output({"statusCode": 200, "body": "old"})
    e = invoke.endpoint(t, slow)
    other = invoke.endpoint(t, lambda c: invoke.output(
        {"statusCode": 200, "body": "new"}))
    g = invoke.serve(t, e, api(response_headers={"X-Mark": "one"}))
    c = t.client(g)
    c.send(build("POST", "/x", body=b"1"))
    t.check(entered.wait(10))
    code, out = g.reload(settings(
        t, api("other", response_headers={"X-Mark": "two"}),
        invoke.function(other, "other")))
    t.equal(code, 0, out)
    r = t.get(g, "/x")
    t.answer(r, 200, "new", X_Mark="two")
    held.set()
    t.answer(c.response(), 200, "old", X_Mark="one")
    t.answer(c.get("/x"), 200, "new", X_Mark="two")
    t.equal((len(e.calls), e.wrong, other.wrong), (1, [], []))


def case_reload_between_head_and_body(t):
    e, other = invoke.endpoint(t), invoke.endpoint(t)
    g = invoke.serve(t, e, api())
    c = t.client(g)
    c.send(build("POST", "/x", [("Content-Length", "6")]) + b"abc")
    time.sleep(0.1)
    t.equal(g.reload(settings(t, api("o"), invoke.function(other, "o")))[0],
            0)
    c.send(b"def")
    t.answer(c.response(), 200, "ok")
    t.equal([x.event["body"] for x in e.calls + other.calls], ["abcdef"])
    t.answer(c.get("/x"), 200, "ok")
    t.equal(len(other.calls), 1)


def case_reload_keeps_the_connections(t):
    e = invoke.endpoint(t, tell)
    g = invoke.serve(t, e, api())
    for i in range(5):
        t.answer(t.get(g, "/x?n=%d" % i), 200, str(i))
        code, out = g.reload(settings(t, api(response_headers={
            "X-N": str(i)}), invoke.function(e)))
        t.equal(code, 0, out)
    t.equal(len(e.connections), 1)


def case_stop_waits_for_the_function(t):
    entered, held = threading.Event(), threading.Event()

    def slow(call):
        entered.set()
        held.wait(15)
        return tell(call)
    e = invoke.endpoint(t, slow)
    g = invoke.serve(t, e, api())
    c = t.client(g)
    c.send(build("GET", "/x?n=last"))
    t.check(entered.wait(10))
    g.signal("QUIT")
    time.sleep(0.2)
    held.set()
    t.answer(c.response(), 200, "last")
    t.equal(g.ended(15), 0)
    g.stopped, g.status = True, 0


def case_name_by_stage_variable(t):
    """Golden case 37, its last part."""
    def name(call):
        return invoke.output({"statusCode": 200, "body": call.name})
    e = invoke.endpoint(t, name)
    g = invoke.serve(t, e, rest("r", {"/x": {
        "GET": invoke.call("${stageVariables.lambdaFunction}"),
        "POST": invoke.call("f-${stageVariables.which}")}}, stages=[
            {"name": "one", "variables": {"lambdaFunction": "first",
                                          "which": "a"}},
            {"name": "two", "variables": {"lambdaFunction": "second",
                                          "which": "b"}},
            {"name": "none"}]), [invoke.function(e, n) for n in
                                 ("first", "second", "f-a", "f-b")])
    for stage, verb, wanted in (("one", "GET", "first"),
                                ("two", "GET", "second"),
                                ("one", "POST", "f-a"),
                                ("two", "POST", "f-b")):
        t.answer(t.get(g, "/%s/x" % stage, method=verb), 200, wanted)
    before = len(e.calls)
    t.answer(t.get(g, "/none/x"), 500, ISE, "InternalServerErrorException")
    t.equal(len(e.calls), before)
    t.equal(e.wrong, [])


def case_explain_names_the_function(t):
    e = invoke.endpoint(t)
    g = invoke.serve(t, e, rest("r", {"/x": {
        "GET": invoke.call("send-mail")}}), [
            invoke.function(e, "send-mail", qualifier="live",
                            remote_name="arn:aws:lambda:eu-west-1:1:x")])
    code, out, err = g.ctl("explain", "GET", "http://gw.test/x")
    t.equal(code, 0, err)
    t.contains("send-mail", out)
    t.contains(e.address, out)
    code, got = g.ctl_json("explain", "GET", "http://gw.test/x")
    t.equal(code, 0)
    text = json.dumps(got)
    t.contains('"function"', text)
    t.contains("send-mail", text)
    t.equal(e.requests, [], "explaining invokes nothing")


def case_access_log(t):
    e = invoke.endpoint(t)
    g = invoke.serve(t, e, api(), access_format="$context.status "
                     "$context.integration.status "
                     "$context.error.responseType")
    t.get(g, "/x")
    e.answer = lambda c: invoke.failed()
    t.get(g, "/x")
    e.answer = lambda c: invoke.refusal(429, "TooManyRequestsException")
    t.get(g, "/x")
    lines = g.access(3)
    t.match("^200 200 -", lines[0])
    t.match("^502 200 DEFAULT_5XX", lines[1])
    t.match("^500 429 ", lines[2])


def case_beside_other_integrations(t):
    b = t.backend()
    e = invoke.endpoint(t, tell)
    top = {"functions": [invoke.function(e)]}
    g = t.gatehouse([rest("r", {
        "/f": {"GET": invoke.call()}, "/m": {"GET": mock(200, "mock")},
        "/p": {"GET": {"type": "HTTP_PROXY", "upstream": "b"}}}),
        http("h", {"GET /f": method(invoke.call())},
             stages=[{"name": "$default", "base_path": "/h"}])],
        {"b": b}, top)
    with g.client() as c:
        c.send(b"".join(build("GET", x) for x in (
            "/f?n=1", "/m", "/p", "/h/f?n=2", "/f?n=3", "/p")))
        t.answer(c.response(), 200, "1")
        t.answer(c.response(), 200, "mock")
        t.equal(c.response().status, 200)
        t.answer(c.response(), 200, "2")
        t.answer(c.response(), 200, "3")
        t.equal(c.response().status, 200)


def case_answer_before_the_body_is_read(t):
    """An endpoint that answers at once and does not read on."""
    def early(req, conn):
        return Reply(413, [("Connection", "close")], b"{}")
    b = t.backend(early, read_body=False)
    g = invoke.serve(t, None, api(), [invoke.function(
        "http://" + b.address)])
    t.answer(t.get(g, "/x", method="POST", body=b"x" * 3000000), 500, ISE)


def case_slow_reader_of_a_large_answer(t):
    body = "y" * 3000000
    e = invoke.endpoint(t, lambda c: invoke.output(
        {"statusCode": 200, "body": body}))
    g = invoke.serve(t, e, api())
    with g.client(receive_buffer=4096) as c:
        c.send(build("GET", "/x"))
        time.sleep(0.5)
        t.answer(t.get(g, "/x", method="HEAD"), 200)
        r = c.response()
        t.equal((r.status, len(r.body)), (200, len(body)))


def case_bad_configurations(t):
    f = {"name": "f", "endpoint": "http://127.0.0.1:9001"}

    def text(functions=None, call=None, protocol=rest, **top):
        call = call or {"type": "AWS_PROXY", "function": "f"}
        a = (rest("a", {"/x": {"GET": call}}) if protocol is rest
             else http("a", {"GET /x": call}))
        base = {"listeners": [{"name": "l", "address": "127.0.0.1:18080"}]}
        base.update(top)
        if functions is None:
            functions = [f]
        if functions:
            base["functions"] = functions
        base["apis"] = [a]
        return dump(base)

    def edit(**kw):
        return [dict(f, **kw)]

    code, out = t.check_file(text())
    t.equal(code, 0, out)
    t.equal(out.strip().splitlines()[-1],
            "configuration ok: 1 api, 1 route, 0 warnings")

    def row(body, pattern):
        code, out = t.check_file(body)
        t.equal(code, 3, out)
        t.match(pattern, out)
        t.match(r"c\.conf:\d+", out)

    with t.soft() as s:
        for name, body, pattern in (
                ("unknown function", text(call=invoke.call("g")),
                 r"function.*\"g\""),
                ("near miss", text(edit(name="send-mail"),
                                   invoke.call("send-mial")),
                 r"send-mial.*did you mean .?send-mail"),
                ("none at all", text([]), r"\"f\""),
                ("no function", text(call={"type": "AWS_PROXY"}),
                 r"function"),
                ("neither", text([{"name": "f"}]),
                 r"neither runtime nor endpoint"),
                ("both", text(edit(runtime="nodejs")),
                 r"runtime and endpoint"),
                ("https", text(edit(endpoint="https://127.0.0.1:1")),
                 r"(?i)tls"),
                ("no scheme", text(edit(endpoint="127.0.0.1:9001")),
                 r"http://"),
                ("a path", text(edit(endpoint="http://127.0.0.1:1/x")),
                 r"endpoint"),
                ("userinfo", text(edit(endpoint="http://u:p@127.0.0.1:1")),
                 r"endpoint"),
                ("bad port", text(edit(endpoint="http://127.0.0.1:99999")),
                 r"endpoint"),
                ("bad name", text(edit(name="a b"), invoke.call("a b")),
                 r"name"),
                ("twice", text([f, f]), r"twice"),
                ("2.0 in REST", text(call=invoke.call(
                    payload_format_version="2.0")), r"2\.0"),
                ("3.0", text(call=invoke.call(payload_format_version="3.0"),
                             protocol=http), r"3\.0"),
                ("account", text(account_id="123"), r"account_id"),
                ("account letters", text(account_id="12345678901x"),
                 r"account_id"),
                ("long time-out", text(call=invoke.call(timeout="31s"),
                                       protocol=http), r"timeout"),
                ("no time-out", text(call=invoke.call(timeout="10ms")),
                 r"timeout"),
                ("unknown setting", text(edit(endpont="x")),
                 r"did you mean .?endpoint"),
                ("open listener", text(function_listener="0.0.0.0:9001"),
                 r"loopback")):
            s.row(name, row, body, pattern)


def case_unused_and_missing_are_warned_of(t):
    body = dump({
        "listeners": [{"name": "l", "address": "127.0.0.1:18080"}],
        "functions": [{"name": "f", "endpoint": "http://127.0.0.1:1"}],
        "apis": [rest("a", {"/x": {"GET": invoke.call(
            "${stageVariables.fn}")}}, stages=[
                {"name": "one", "variables": {"fn": "f"}},
                {"name": "two"}])]})
    code, out = t.check_file(body)
    t.equal(code, 0, out)
    t.match(r"two.*fn", out)
    t.match(r"1 warning\Z", out.strip())


def case_worker_death(t):
    """The other worker serves on; a new one signs and calls as before."""
    e = invoke.endpoint(t, tell)
    g = invoke.serve(t, e, api(), workers=2)
    g.expected_signals.add(signal.SIGKILL)
    first = g.workers()
    os.kill(first[0], signal.SIGKILL)
    t.check(wait_until(lambda: len(g.workers()) == 2
                       and first[0] not in g.workers(), 10))
    for i in range(10):
        t.answer(t.get(g, "/x?n=%d" % i), 200, str(i))
