"""The access log: default line, $context formats, escaping, rotation."""

import json
import os
import re

from lib.backend import Reply
from lib.client import build
from lib.conf import http, mock, proxy, rest
from lib.gatehouse import wait_until

CLF = ('$context.identity.sourceIp $context.identity.caller '
       '$context.identity.user [$context.requestTime]"$context.httpMethod '
       '$context.resourcePath $context.protocol" $context.status '
       '$context.responseLength $context.requestId '
       '$context.extendedRequestId')
JSON = ('{ "requestId":"$context.requestId", '
        '"extendedRequestId":"$context.extendedRequestId",'
        '"ip": "$context.identity.sourceIp", '
        '"caller":"$context.identity.caller", '
        '"user":"$context.identity.user", '
        '"requestTime":"$context.requestTime", '
        '"httpMethod":"$context.httpMethod",'
        '"resourcePath":"$context.resourcePath", '
        '"status":"$context.status","protocol":"$context.protocol", '
        '"responseLength":"$context.responseLength" }')
HTTP_JSON = ('{"requestId":"$context.requestId",'
             '"ip":"$context.identity.sourceIp",'
             '"requestTime":"$context.requestTime",'
             '"httpMethod":"$context.httpMethod",'
             '"routeKey":"$context.routeKey","status":"$context.status",'
             '"protocol":"$context.protocol",'
             '"responseLength":"$context.responseLength"}')
TIME = r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000"


def api(integration=None):
    return rest("r", {"/m/{id}": {"ANY": integration or mock(200, "hello")}})


def case_default_line(t):
    g = t.gatehouse(api())
    t.answer(t.get(g, "/m/1?q=2", ("User-Agent", "curl/8"),
                   ("Referer", "http://r/")), 200)
    line = g.access(1)[0]
    t.match(r'^127\.0\.0\.1 \S+ \S+ \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d '
            r'[+-]\d{4}\] "GET /m/1\?q=2 HTTP/1\.1" 200 5 "http://r/" '
            r'"curl/8"', line)


def case_clf_of_the_documentation(t):
    g = t.gatehouse(api(), access_format=CLF)
    r = t.get(g, "/m/1")
    line = g.access(1)[0]
    t.match(r'^127\.0\.0\.1 - - \[%s\]"GET /m/\{id\} HTTP/1\.1" 200 5 %s %s$'
            % (TIME, r.get("x-amzn-requestid"),
               re.escape(r.get("x-amz-apigw-id"))), line)


def case_json_of_the_documentation(t):
    g = t.gatehouse(api(), access_format=JSON)
    r = t.get(g, "/m/7")
    got = json.loads(g.access(1)[0])
    t.match("^%s$" % TIME, got.pop("requestTime"))
    t.equal(got, {"requestId": r.get("x-amzn-requestid"),
                  "extendedRequestId": r.get("x-amz-apigw-id"),
                  "ip": "127.0.0.1", "caller": "-", "user": "-",
                  "httpMethod": "GET", "resourcePath": "/m/{id}",
                  "status": "200", "protocol": "HTTP/1.1",
                  "responseLength": "5"})


def case_http_api_json(t):
    b = t.backend(lambda q, c: Reply(201, [], b"123"))
    g = t.gatehouse(http("h", {"GET /x/{id}": proxy("b"),
                               "$default": proxy("b")}), {"b": b},
                    access_format=HTTP_JSON)
    r = t.get(g, "/x/1")
    t.get(g, "/other")
    lines = [json.loads(x) for x in g.access(2)]
    t.equal(lines[0]["requestId"], r.get("apigw-requestid"))
    t.equal([x["routeKey"] for x in lines], ["GET /x/{id}", "$default"])
    t.equal(lines[0]["status"], "201")
    t.equal(lines[0]["responseLength"], "3")


def case_more_variables(t):
    names = ["accountId", "apiId", "awsEndpointRequestId", "deploymentId",
             "domainName", "domainPrefix", "error.message",
             "error.messageString", "error.responseType",
             "identity.userAgent", "integration.status", "integrationLatency",
             "integrationStatus", "path", "requestTimeEpoch", "resourceId",
             "responseLatency", "stage", "xrayTraceId",
             "integrationErrorMessage"]
    b = t.backend(lambda q, c: Reply(202, [], b"x"))
    down = t.backend(listen=False)
    g = t.gatehouse(rest("r", {"/x": {"GET": proxy("b")},
                               "/down": {"GET": proxy("down")}},
                         stages=[{"name": "dev"}], id="abcde12345"),
                    {"b": b, "down": down},
                    access_format="$context.requestId|" + "|".join(
                        "%s=$context.%s" % (n, n) for n in names))
    t.get(g, "/dev/x", ("User-Agent", "ua"))
    t.get(g, "/dev/down")
    t.get(g, "/dev/nope")

    def parsed(line):
        return dict(x.split("=", 1) for x in line.split("|")[1:])
    ok, down, nope = [parsed(x) for x in g.access(3)]
    t.equal(ok["apiId"], "abcde12345")
    t.equal(ok["stage"], "dev")
    t.equal(ok["path"], "/dev/x")
    t.equal(ok["identity.userAgent"], "ua")
    t.equal(ok["integrationStatus"], "202")
    t.equal(ok["domainName"], "gw.test")
    t.match(r"^\d{13}$", ok["requestTimeEpoch"])
    t.match(r"^\d+$", ok["responseLatency"])
    t.match(r"^\d+$", ok["integrationLatency"])
    t.equal(ok["error.message"], "-")
    t.equal(down["error.message"], "Internal server error")
    t.equal(nope["error.responseType"], "MISSING_AUTHENTICATION_TOKEN")
    t.equal(nope["error.message"], "Missing Authentication Token")
    t.equal(nope["integrationStatus"], "-")


def case_stage_has_its_own(t):
    path = t.path("stage.log")
    g = t.gatehouse(rest("r", {"/x": {"GET": mock(200, "x")}}, stages=[
        {"name": "one", "access_log": {
            "path": path, "format": "$context.requestId $context.stage"}},
        {"name": "two"}]))
    t.get(g, "/one/x")
    t.get(g, "/two/x")
    t.match("^[0-9a-f-]{36} one$", g.access(1, path=path)[0])
    t.contains("/two/x", "\n".join(g.access(1)))


def case_off(t):
    g = t.gatehouse(api(), settings={"access_log": {"path": "off"}})
    t.answer(t.get(g, "/m/1"), 200)
    t.equal(g.stop(), 0)
    t.check(not os.path.exists(g.access_path))
    t.lacks('"GET /m/1', g.log())


HOSTILE = ['quote"inside', "back\\slash", 'both\\"', "tab\there",
           '", "forged":"1', "percent %s %n", "$context.requestId",
           "high \xe9\xff", "}{", "</script>", "x" * 5000]


def case_nothing_forges_a_line(t):
    for fmt in (None, '{"ua":"$context.identity.userAgent",'
                '"path":"$context.path","id":"$context.requestId"}'):
        g = t.gatehouse(api(), access_format=fmt)
        sent = 0
        for v in HOSTILE:
            for headers in ([("User-Agent", v)], [("Referer", v)]):
                r = t.get(g, "/m/1", *headers)
                t.check(r.status in (200, 400), "%r: %d" % (v, r.status))
                sent += 1
        for target in ('/m/"x"', "/m/a\\b", "/m/<x>", "/m/{x}|^`"):
            t.raw(g, build("GET", target))
            sent += 1
        lines = g.access(sent)
        t.equal(len(lines), sent)
        for line in lines:
            t.check(not re.search(r"[\x00-\x1f\x7f]", line), repr(line[:90]))
            t.check(len(line) < 20000, "bounded")
            if fmt:
                try:
                    got = json.loads(line)
                except ValueError:
                    t.fail("no JSON: %r" % line[:300])
                t.equal(sorted(got), ["id", "path", "ua"])
            else:
                t.match(r'^127\.0\.0\.1 ', line)
        g.stop()


def case_refused_requests_are_logged(t):
    g = t.gatehouse(api())
    for raw in (b"garbage\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
                build("GET", "/nope")):
        with g.client() as c:
            c.send(raw)
            c.response()
    lines = g.access(3)
    t.equal(len(lines), 3)
    t.check([x for x in lines if " 400 " in x], "the refusals are there")


def case_rotation(t):
    g = t.gatehouse(api(), workers=2)
    for i in range(10):
        t.get(g, "/m/%d" % i)
    t.equal(len(g.access(10)), 10)
    old = g.access_path + ".1"
    os.rename(g.access_path, old)
    g.signal("USR1")
    t.check(wait_until(lambda: os.path.exists(g.access_path)),
            "a new file after USR1")

    def moved():
        t.get(g, "/m/new")
        return [x for x in g.access() if "/m/new" in x]
    t.check(wait_until(moved, 15, 0.2), "lines go to the new file")
    n = len(g.access(path=old))
    for _ in range(10):
        t.get(g, "/m/after")
    t.check(wait_until(lambda: len([x for x in g.access()
                                    if "after" in x]) == 10))
    t.check(len(g.access(path=old)) - n <= 2)


def case_buffered_lines_are_not_lost_at_the_end(t):
    g = t.gatehouse(api(), workers=2)
    with g.client() as c:
        for i in range(500):
            t.equal(c.get("/m/%d" % i).status, 200)
    t.equal(g.stop("QUIT"), 0)
    lines = g.access(500, timeout=2)
    t.equal(len(lines), 500)


def case_a_full_pipe_never_blocks(t):
    """The access log on a pipe nobody reads."""
    fifo = t.path("log.fifo")
    os.mkfifo(fifo)
    os.chmod(fifo, 0o666)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        g = t.gatehouse(api(), settings={"access_log": {"path": fifo}})
        with g.client() as c:
            for i in range(1500):
                t.equal(c.get("/m/%s" % ("y" * 200)).status, 200)
    finally:
        os.close(reader)
