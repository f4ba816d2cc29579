"""Path templates, stage variables, and what a hostile value may not do."""

from lib.client import build
from lib.conf import http, proxy, rest

HOSTILE = ["%2e%2e", "%2E%2E%2Fetc", "a%2Fb", "a%3Fq=1", "a%23frag", "a%40b",
           "a%3Ab", "a;b=c", "a%25b", "%5C..%5C", "a%20b", "a+b", "a%0Ab",
           "a%0D%0AX-Evil:%201", "%00", "a%7Fb", "http:%2F%2Fevil", "$a",
           "${stageVariables.secret}", "%24%7BstageVariables.secret%7D",
           "{id}", "%7Bid%7D", "caf%C3%A9", "%FF%FE", "a&b=c", "a=b", "~a",
           "%c0%ae%c0%ae", "a%2f..%2fb", "%252e%252e"]


def case_parameters_stay_encoded(t):
    b = t.backend()
    g = t.gatehouse(rest("a", {"/p/{id}": {"GET": proxy(
        "b", path="/x/{id}/y")}}), {"b": b})
    with t.soft() as rows:
        for v in ("test%2Balias@gmail.com", "a%2Fb", "a%20b", "caf%C3%A9",
                  "a%2fB", "a:b", "a,b", "~x", "a;v=1", "a+b", "%7E"):
            def one(v=v):
                t.answer(t.get(g, "/p/" + v), 200)
                t.equal(b.last.target, "/x/%s/y" % v)
            rows.row(v, one)


def case_greedy_parameters(t):
    b = t.backend()
    g = t.gatehouse(rest("a", {"/g/{rest+}": {"GET": proxy(
        "b", path="/x/{rest}")}}), {"b": b})
    for sent, seen in (("a/b/c", "a/b/c"), ("a//b", "a//b"), ("a/b/", "a/b"),
                       ("a%2Fb/c", "a%2Fb/c")):
        t.answer(t.get(g, "/g/" + sent), 200)
        t.equal(b.last.target, "/x/" + seen, sent)


def case_hostile_values_stay_inside_their_segment(t):
    b = t.backend()
    g = t.gatehouse(rest("a", {
        "/p/{id}": {"GET": proxy("b", path="/base/{id}/end")},
        "/q/{id}": {"GET": proxy(url="http://127.0.0.1:%d/base?k={id}&z=1"
                                 % b.port)}}), {"b": b})
    with t.soft() as rows:
        for prefix in ("/p/", "/q/"):
            for v in HOSTILE:
                def one(v=v, prefix=prefix):
                    n = len(b.requests)
                    r = t.raw(g, build("GET", prefix + v))
                    if len(b.requests) == n:
                        t.check(r.status in (400, 403, 404, 500),
                                "got %d" % r.status)
                        return
                    q = b.last
                    t.check("X-Evil" not in q.raw.decode("latin-1")
                            .split("\r\n", 1)[1], "injected a header")
                    t.equal(b.last.get("host"), b.address)
                    path, _, query = q.target.partition("?")
                    if prefix == "/p/":
                        parts = path.split("/")
                        t.equal(len(parts), 4, q.target)
                        t.equal((parts[1], parts[3]), ("base", "end"))
                        t.check(".." not in parts and "#" not in path,
                                q.target)
                    else:
                        t.equal(path, "/base")
                        t.equal(query.split("&")[-1], "z=1", q.target)
                        t.equal(len(query.split("&")), 2, q.target)
                rows.row(prefix + v, one)


def case_stage_variables(t):
    b = t.backend()
    other = t.backend(name="other")
    api = rest("a", {
        "/v": {"GET": proxy("b", path="/${stageVariables.version}/cats")},
        "/u": {"GET": proxy(
            url="http://${stageVariables.host}/${stageVariables.version}")},
        "/missing": {"GET": proxy("b", path="/x${stageVariables.none}/y")},
    }, stages=[
        {"name": "one", "variables": {"version": "v1", "host": b.address}},
        {"name": "two", "variables": {"version": "v2",
                                      "host": other.address}}])
    g = t.gatehouse(api, {"b": b})
    t.answer(t.get(g, "/one/v"), 200)
    t.equal(b.last.target, "/v1/cats")
    t.answer(t.get(g, "/two/v"), 200)
    t.equal(b.last.target, "/v2/cats")
    t.answer(t.get(g, "/one/missing"), 200)
    t.equal(b.last.target, "/x/y")
    t.answer(t.get(g, "/one/u"), 200)
    t.equal(b.last.target, "/v1")
    t.answer(t.get(g, "/two/u"), 200)
    t.equal(other.last.target, "/v2")


def case_missing_host_variable_is_500(t):
    """Golden 75: a URL whose host variable is missing.

    Refused when the file is checked, or answered with 500 at run time.
    """
    b = t.backend()
    g = t.gatehouse(rest("a", {"/u": {"GET": proxy(
        url="http://${stageVariables.url}/x")}}, stages=[
        {"name": "with", "variables": {"url": b.address}},
        {"name": "without"}]), start=False)
    code, out = t.check_file(open(g.file).read())
    if code == 3:
        t.match(r"c\.conf:\d+: error: .*url", out)
        return
    g.start()
    t.answer(t.get(g, "/with/u"), 200)
    t.answer(t.get(g, "/without/u"), 500,
             '{"message": "Internal server error"}',
             "InternalServerErrorException")


def case_http_api_templates(t):
    b = t.backend()
    g = t.gatehouse(http("h", {
        "GET /a/{x}/{y+}": proxy("b", path="/${stageVariables.v}/{x}/{y}"),
        "GET /b/{x}": proxy("b", path="/p?x={x}&k=1"),
    }, stages=[{"name": "$default", "variables": {"v": "v9"}}]), {"b": b})
    t.answer(t.get(g, "/a/1/2/3?q=z"), 200)
    t.equal(b.last.target, "/v9/1/2/3?q=z")
    t.answer(t.get(g, "/b/7"), 200)
    t.equal(b.last.target, "/p?x=7&k=1")


def case_path_without_template_goes_as_received(t):
    b = t.backend()
    g = t.gatehouse(rest("a", {"/{proxy+}": {"ANY": proxy("b")}},
                         stages=[{"name": "dev"}]), {"b": b})
    with t.soft() as rows:
        for v in ("/a/b", "/a%2Fb", "/a//b", "/a/b/", "/A;x=1,2", "/~x/@y",
                  "/a?b=c&d=%20+e", "/a?", "/a??x=/y"):
            def one(v=v):
                t.answer(t.get(g, "/dev" + v), 200)
                t.equal(b.last.target, v)
            rows.row(v, one)


def case_one_meaning_per_path(t):
    """Spellings of a path that is not routed never reach the backend."""
    b = t.backend()
    g = t.gatehouse(rest("a", {"/open/{x}": {"GET": proxy("b")},
                               "/admin": {"POST": proxy("b")}}), {"b": b})
    refused = ["/open/../admin", "/open/%2e%2e/admin", "/open/.%2e/admin",
               "/./admin", "/open/%2E%2E/%2e/admin", "/open/x/..", "/open/.",
               "/..", "/%2e%2e", "/open/%00", "/open/a%00b", "/open/a%0ab",
               "/open/%zz", "/open/%4", "/open/%", "/open/%1F", "/open/%7f"]
    with t.soft() as rows:
        for v in refused:
            def one(v=v):
                n = len(b.requests)
                t.answer(t.raw(g, build("GET", v)), 400)
                t.equal(len(b.requests), n, "requests at the backend")
            rows.row(v, one)
