"""gatehouse -t: every problem with its place, all at once, exit status 3."""

import json
import os
import re

from lib.conf import dump, mock, rest
from lib.gatehouse import gatehouse_program, run_program

GOOD = '''listeners = ( { name = "public"; address = "127.0.0.1:0"; } );
upstreams = ( { name = "cats"; servers = ( { address = "127.0.0.1:9"; } ); } );
apis = (
  { name = "pets"; protocol = "REST";
    stages = ( { name = "prod"; } );
    resources = (
      { path = "/cats";
        methods = (
          { method = "GET";
            integration = { type = "HTTP_PROXY"; upstream = "cats"; }; } ); }
    ); }
);
'''
GOOD = GOOD.replace(":0\"", ":18080\"")


def edit(old, new):
    assert old in GOOD, old
    return GOOD.replace(old, new, 1)


def line_of(text, part):
    return text[:text.index(part)].count("\n") + 1


def case_good_file(t):
    code, out = t.check_file(GOOD)
    t.equal(code, 0, out)
    t.equal(out.strip().splitlines()[-1],
            "configuration ok: 1 api, 1 route, 0 warnings")


def case_counts(t):
    two = GOOD.replace("apis = (", "apis = (" + '''
  { name = "store"; protocol = "HTTP";
    routes = ( { route = "GET /a"; integration = { type = "HTTP_PROXY";
      upstream = "cats"; }; },
               { route = "$default"; integration = { type = "HTTP_PROXY";
      upstream = "cats"; }; } ); },''')
    two = two.replace('stages = ( { name = "prod"; } );', 'stages = '
                      '( { name = "prod"; base_path = "/pets"; } );')
    code, out = t.check_file(two)
    t.equal(code, 0, out)
    t.match(r"configuration ok: 2 apis, 3 routes, 0 warnings$", out.strip())


# (name, text, a piece of the line the error must name, what it must say)
def table():
    return [
        ("unknown setting", edit("listeners =", "listenerz = 1;\nlisteners ="),
         "listenerz", r"listenerz.*did you mean .?listeners"),
        ("unknown inner setting", edit('protocol = "REST"',
                                       'protcol = "REST"'),
         "protcol", r"protcol.*did you mean .?protocol"),
        ("unknown value", edit('"HTTP_PROXY"', '"HTTP_PROXI"'),
         "HTTP_PROXI", r"HTTP_PROXI.*did you mean .?HTTP_PROXY"),
        ("unknown upstream", edit('upstream = "cats"', 'upstream = "catz"'),
         "catz", r"catz.*did you mean .?cats"),
        ("unknown listener", edit('protocol = "REST";',
                                  'protocol = "REST"; listeners = '
                                  '["publik"];'),
         "publik", r"publik.*did you mean .?public"),
        ("wrong type", edit('name = "pets"', "name = 7"), "name = 7",
         r"expected"),
        ("bare duration", "shutdown_timeout = 60;\n" + GOOD,
         "shutdown_timeout", r"(?i)60s|unit"),
        ("bad unit", 'shutdown_timeout = "60x";\n' + GOOD,
         "shutdown_timeout", r"(?i)unit|expected"),
        ("bad size", 'limits = { head = "16Q"; };\n' + GOOD, "16Q",
         r"(?i)expected|unit"),
        ("range", "worker_connections = -5;\n" + GOOD, "worker_connections",
         r"(?i)expected|between|at least|range"),
        ("too many workers", "workers = 513;\n" + GOOD, "workers",
         r"512"),
        ("wrapped integer", "worker_connections = 4294983680;\n" + GOOD,
         "worker_connections", r"(?i)4294983680|too (large|big)|range"),
        ("wrapped to a good number", "workers = 4294967297;\n" + GOOD,
         "workers", r"(?i)4294967297|too (large|big)|range|512"),
        ("wrapped hex", "worker_connections = 0x100004000;\n" + GOOD,
         "worker_connections", r"(?i)0x100004000|too (large|big)|range"),
        ("escaped NUL", edit('name = "pets"', 'name = "pe\\x00ts"'),
         "x00", r"(?i)nul|x00|zero"),
        ("method", edit('method = "GET"', 'method = "GTE"'), "GTE",
         r"GTE"),
        ("duplicate method", edit(
            "{ method = \"GET\";", "{ method = \"GET\"; integration = { type "
            "= \"MOCK\"; status = 200; }; },\n{ method = \"GET\";"),
         "{ method = \"GET\";\n", r"(?i)GET.*(twice|already|again|duplicate)"
         r"|(twice|already|duplicate)"),
        ("no integration", edit('integration = { type = "HTTP_PROXY"; '
                                'upstream = "cats"; };', ""), "method =",
         r"integration"),
        ("path without slash", edit('"/cats"', '"cats"'), 'path = "cats";',
         r"(?i)path"),
        ("greedy in the middle", edit('"/cats"', '"/{p+}/cats"'), "{p+}",
         r"(?i)greedy|last|{p\+}"),
        ("half a parameter", edit('"/cats"', '"/cats-{id}"'), "{id}",
         r"(?i)segment|parameter|{id}"),
        ("bad address", edit("127.0.0.1:18080", "127.0.0.1:notaport"),
         "notaport", r"(?i)notaport|port|address"),
        ("port too high", edit("127.0.0.1:18080", "127.0.0.1:70000"),
         "70000", r"(?i)port|65535|address"),
        ("status", edit('type = "HTTP_PROXY"; upstream = "cats";',
                        'type = "MOCK"; status = 99;'), "99", r"99|status"),
        ("timeout too long", edit('upstream = "cats";', 'upstream = "cats"; '
                                  'timeout = "301s";'), "301s",
         r"300s|5m|301"),
        ("timeout too short", edit('upstream = "cats";', 'upstream = "cats"; '
                                   'timeout = "49ms";'), "49ms", r"50ms|49"),
        ("header name", edit('protocol = "REST";', 'protocol = "REST"; '
                             'response_headers = ( { name = "bad name"; '
                             'value = "x"; } );'), "bad name",
         r"(?i)bad name|token|header"),
        ("header injection", edit(
            'protocol = "REST";', 'protocol = "REST"; response_headers = ( '
            '{ name = "X"; value = "a\\r\\nSet-Cookie: b"; } );'),
         "Set-Cookie", r"(?i)control|line|value|CR"),
        ("wildcard with credentials", edit(
            'path = "/cats";', 'path = "/cats"; cors = { allow_origins = '
            '["*"]; allow_credentials = true; };'), "allow_",
         r"(?i)credentials"),
        ("unknown path parameter", edit(
            'upstream = "cats";', 'upstream = "cats"; path = "/v/{nope}";'),
         "{nope}", r"nope"),
        ("api id", edit('name = "pets";', 'name = "pets"; id = "UPPER";'),
         "UPPER", r"(?i)UPPER|id"),
        ("stage name", edit('name = "prod"', 'name = "pr od"'), "pr od",
         r"(?i)stage|pr od|name"),
        ("variable name", edit(
            'name = "prod";', 'name = "prod"; variables = ( { name = "a-b"; '
            'value = "x"; } );'), "a-b", r"a-b"),
    ]


def case_each_problem_names_its_line(t):
    with t.soft() as rows:
        for name, text, part, says in table():
            def one(text=text, part=part, says=says):
                code, out = t.check_file(text)
                t.equal(code, 3, out)
                n = line_of(text, part)
                found = [x for x in out.splitlines() if "error:" in x]
                t.check(found, "no error in %r" % out)
                places = [int(m.group(1)) for m in
                          (re.match(r".*c\.conf:(\d+): error: ", x)
                           for x in found) if m]
                t.check(places, "no file:line: error: in %r" % out)
                if name not in ("duplicate method",):
                    t.check(any(abs(p - n) <= 1 for p in places),
                            "line %d expected: %s" % (n, found))
                t.match(says, " ".join(found))
            rows.row(name, one)


def case_all_at_once(t):
    text = GOOD.replace('protocol = "REST"', 'protokol = "REST"') \
        .replace('"HTTP_PROXY"', '"HTTP"').replace("/cats", "cats") \
        .replace('name = "prod";', 'nmae = "prod";')
    text = "workerz = 3;\n" + text
    code, out = t.check_file(text)
    t.equal(code, 3)
    errors = [x for x in out.splitlines() if ": error: " in x]
    t.check(len(errors) >= 5, "%d errors: %s" % (len(errors), out))
    for word in ("workerz", "protokol", "nmae"):
        t.contains(word, out)


def case_syntax_error_shows_line_and_caret(t):
    for text, n in ((edit('name = "public";', 'name "public";'), 1),
                    (edit("resources = (", "resources = "), None),
                    ("a = ;\n" + GOOD, 1),
                    (GOOD + "apis2 = ( { \n", None),
                    ('a = "unterminated;\n', None)):
        code, out = t.check_file(text)
        t.equal(code, 3, out)
        t.match(r"c\.conf:\d+: error: ", out)
        if n:
            t.match(r"c\.conf:%d: error: " % n, out)
        t.check([x for x in out.splitlines()
                 if re.match(r"^[\s|0-9]*\^", x)], "a caret in %r" % out)


def case_files_that_are_none(t):
    with t.soft() as rows:
        for name, data in (("empty", b""), ("blank", b"\n\n"),
                           ("binary", bytes(range(256))),
                           ("zeros", b"\0" * 1000),
                           ("comment", b"# nothing\n"),
                           ("bad utf-8", GOOD.replace("pets", "pe\udcffts")
                            .encode("utf-8", "surrogateescape")),
                           ("truncated", GOOD[:150].encode()),
                           ("deep", b"a = " + b"(" * 20000 + b");\n")):
            def one(data=data):
                code, out = t.check_file(data)
                t.equal(code, 3, out[:300])
                t.match(r"error: ", out)
            rows.row(name, one)
    code, out, err = run_program([gatehouse_program(), "-t", "-c",
                                  t.path("missing.conf")])
    t.equal(code, 3, err)
    t.contains("missing.conf", out + err)


def case_bad_utf8_names_its_line(t):
    data = GOOD.encode().replace(b'"pets"', b'"p\xc3\x28ts"')
    code, out = t.check_file(data)
    t.equal(code, 3)
    t.match(r"c\.conf:4: error: .*(?i:utf-?8)", out)


def case_warnings(t):
    shadow = GOOD.replace('stages = ( { name = "prod"; } );',
                          'stages = ( { name = "prod"; } );')
    code, out = t.check_file(shadow.replace("127.0.0.1:9",
                                            "no-such-host.invalid:9"))
    t.equal(code, 0, out)
    t.match(r"c\.conf:\d+: warning: .*no-such-host\.invalid", out)
    t.match(r"configuration ok: 1 api, 1 route, 1 warning$", out.strip())


def case_unreachable_route_warns(t):
    text = dump({"listeners": [{"name": "p", "address": "127.0.0.1:18080"}],
                 "apis": [rest("a", {"/x": {"GET": mock(200)}}),
                          rest("b", {"/y": {"GET": mock(200)}})]})
    code, out = t.check_file(text)
    t.check(code == 3 or "warning" in out,
            "two APIs at the same place: %r" % out)


def case_json(t):
    code, out, err = run_program([
        gatehouse_program(), "-t", "--format=json", "-c",
        t.write("c.conf", "workerz = 3;\n" + GOOD)])
    t.equal(code, 3, err)
    got = json.loads(out)
    text = json.dumps(got)
    t.contains("workerz", text)
    t.match(r'"line": ?1\b', text)
    code, out, err = run_program([
        gatehouse_program(), "-t", "--format=json", "-c",
        t.write("d.conf", GOOD)])
    t.equal(code, 0, err)
    json.loads(out)


def case_environment(t):
    text = GOOD.replace('"127.0.0.1:9"', '"${BACKEND:-127.0.0.1:9}"')
    code, out = t.check_file(text)
    t.equal(code, 0, out)
    code, out = t.check_file(text, env={"BACKEND": "not an address"})
    t.equal(code, 3, out)
    text = GOOD.replace('"127.0.0.1:9"', '"${GATEHOUSE_TEST_UNSET}"')
    code, out = t.check_file(text)
    t.equal(code, 3, "an unset variable without a default")
    t.match(r"c\.conf:2: error: .*GATEHOUSE_TEST_UNSET", out)
    code, out, err = run_program(
        [gatehouse_program(), "-T", "-c", t.write("e.conf", text)],
        env={"GATEHOUSE_TEST_UNSET": "127.0.0.1:77"})
    t.equal(code, 0, err)
    t.contains("127.0.0.1:77", out)


def case_include(t):
    t.write("conf.d/20-b.conf", 'apis = ( { name = "b"; protocol = "HTTP"; '
            'stages = ( { name = "b"; } ); routes = ( { route = "$default"; '
            'integration = { type = "HTTP_PROXY"; upstream = "cats"; }; } ); '
            '} );\n')
    t.write("conf.d/10-a.conf", 'log_level = "debug";\n')
    t.write("conf.d/ignored.txt", "syntax error here")
    code, out = t.check_file('include = "conf.d/*.conf";\n' + GOOD)
    t.equal(code, 0, out)
    t.match(r"configuration ok: 2 apis, 2 routes", out)
    t.write("conf.d/30-bad.conf", "\n\nbroken_setting = 1;\n")
    code, out = t.check_file('include = "conf.d/*.conf";\n' + GOOD)
    t.equal(code, 3)
    t.match(r"30-bad\.conf:3: error: .*broken_setting", out)


def case_include_of_itself(t):
    code, out = t.check_file('include = "c.conf";\n' + GOOD)
    t.equal(code, 3, out)


def case_effective_configuration_is_a_configuration(t):
    path = t.write("c.conf", GOOD)
    code, out, err = run_program([gatehouse_program(), "-T", "-c", path])
    t.equal(code, 0, err)
    for word in ("keep_alive", "max_idle", "shutdown_timeout", "/cats"):
        t.contains(word, out)
    code, again, err = run_program([gatehouse_program(), "-T", "-c",
                                    t.write("d.conf", out)])
    t.equal(code, 0, err)
    t.equal(again, out, "-T of -T is the same")


def case_usage(t):
    for args in (["-c"], ["--no-such"], ["-s", "dance"], ["-t", "extra"],
                 ["-t", "--format=xml"]):
        code, out, err = run_program([gatehouse_program()] + args)
        t.equal(code, 2, " ".join(args))


def case_start_with_a_bad_file(t):
    g = t.gatehouse(rest("a", {"/x": {"GET": mock(200, "x")}}), start=False)
    g.write_text("workerz = 1;\n" + open(g.file).read())
    g.spawn()
    t.equal(g.ended(), 3)
    t.contains("workerz", g.log())
    t.check(not os.path.exists(g.pid_file))
    g.process = None


def case_diff(t):
    down = "127.0.0.1:9"
    g = t.gatehouse(rest("a", {"/same": {"GET": mock(200, "s")},
                               "/gone": {"GET": mock(200, "g")},
                               "/edited": {"GET": mock(200, "1")}}),
                    {"u1": down, "u2": down})
    code, out, err = run_program([gatehouse_program(), "-t", "--diff", "-c",
                                  g.file])
    t.equal(code, 0, err)
    t.lacks("/same", out)
    g.write(t.settings(rest("a", {"/same": {"GET": mock(200, "s")},
                                  "/edited": {"GET": mock(200, "2")},
                                  "/fresh": {"GET": mock(200, "f")}}),
                       {"u2": "127.0.0.1:10", "u3": down}))
    code, out, err = run_program([gatehouse_program(), "-t", "--diff", "-c",
                                  g.file])
    t.equal(code, 0, err)
    for sign, word in (("added|\\+", "/fresh"), ("removed|-", "/gone"),
                       ("changed|~|\\*", "/edited"), ("added|\\+", "u3"),
                       ("removed|-", "u1"), ("changed|~|\\*", "u2")):
        t.check([x for x in out.splitlines()
                 if word in x and re.search(sign, x)],
                "%s %s in %r" % (sign, word, out))
    t.lacks("/same", out)
    t.answer(t.get(g, "/gone"), 200, "g")
