"""Stages, base paths, hosts, listeners: which API a request reaches."""

import threading

from lib.client import build
from lib.conf import http, mock, proxy, rest
from lib.gatehouse import free_port

FORBIDDEN = '{"message":"Forbidden"}'


def case_default_base_path_is_the_stage(t):
    g = t.gatehouse(rest("a", {"/x": {"GET": mock(200, "x")}},
                         stages=[{"name": "dev"}, {"name": "prod"}]))
    t.answer(t.get(g, "/dev/x"), 200, "x")
    t.answer(t.get(g, "/prod/x"), 200, "x")
    t.answer(t.get(g, "/test/x"), 403, FORBIDDEN, "ForbiddenException")
    t.answer(t.get(g, "/x"), 403, FORBIDDEN)
    t.answer(t.get(g, "/devil/x"), 403, FORBIDDEN)


def case_longest_base_path_wins_on_slash_borders(t):
    def one(name, base):
        return rest(name, {"/x": {"GET": mock(200, name)},
                           "/v1/x": {"GET": mock(200, name + "-deep")}},
                    stages=[{"name": "s", "base_path": base}])
    g = t.gatehouse([one("root", "/"), one("orders", "/orders"),
                     one("v1", "/orders/v1")])
    t.answer(t.get(g, "/x"), 200, "root")
    t.answer(t.get(g, "/orders/x"), 200, "orders")
    t.answer(t.get(g, "/orders/v1/x"), 200, "v1")
    t.answer(t.get(g, "/v1/x"), 200, "root-deep")
    t.answer(t.get(g, "/ordersx/x"), 403,
             '{"message":"Missing Authentication Token"}')


def case_hosts(t):
    def one(name, *hosts):
        return rest(name, {"/x": {"GET": mock(200, name)}}, stages=[
            {"name": "s", "base_path": "/", "hosts": list(hosts)}])
    g = t.gatehouse([one("exact", "api.example.com"),
                     one("wild", "*.example.com"),
                     one("deep", "*.eu.example.com")])

    def at(host):
        return t.raw(g, build("GET", "/x", [("Host", host)]))
    with t.soft() as rows:
        for host, expected in (
                ("api.example.com", "exact"), ("API.Example.COM", "exact"),
                ("api.example.com:8080", "exact"),
                ("api.example.com:%d" % g.port, "exact"),
                ("other.example.com", "wild"),
                ("a.eu.example.com", "deep")):
            rows.row(host, lambda h=host, e=expected:
                     t.answer(at(h), 200, e))
        for host in ("example.com", "evil.com", "api.example.com.evil.com",
                     "xapi-example.com", "127.0.0.1"):
            rows.row(host, lambda h=host: t.answer(
                at(h), 403, FORBIDDEN, "ForbiddenException"))


def case_unknown_host_with_http_apis_only(t):
    b = t.backend()
    g = t.gatehouse(http("h", {"$default": proxy("b")}, stages=[
        {"name": "$default", "hosts": ["api.example.com"]}]), {"b": b})
    t.answer(t.raw(g, build("GET", "/", [("Host", "api.example.com")])), 200)
    t.answer(t.raw(g, build("GET", "/", [("Host", "evil.test")])), 404,
             '{"message":"Not Found"}')
    t.equal(len(b.requests), 1)


def case_one_host_two_base_paths(t):
    b = t.backend()
    g = t.gatehouse([
        rest("r", {"/x": {"GET": proxy("b")}}, stages=[
            {"name": "s", "hosts": ["h.test"], "base_path": "/rest"}]),
        http("h", {"GET /x": proxy("b")}, stages=[
            {"name": "$default", "hosts": ["h.test"], "base_path": "/http"}]),
    ], {"b": b})
    for base, kind in (("/rest", "x-amzn-requestid"),
                       ("/http", "apigw-requestid")):
        r = t.raw(g, build("GET", base + "/x", [("Host", "h.test")]))
        t.answer(r, 200)
        t.check(r.has(kind), kind)
        t.equal(b.last.target, "/x")
        t.equal(t.raw(g, build("GET", base + "/x",
                               [("Host", "else.test")])).status, 403)


def case_listeners(t):
    ports = [free_port() for _ in range(3)]
    names = ("one", "two", "inner")
    listeners = [{"name": n, "address": "127.0.0.1:%d" % p}
                 for n, p in zip(names, ports)]
    listeners[2]["private"] = True

    def api(name, **kw):
        return rest(name, {"/x": {"GET": mock(200, name)}},
                    stages=[{"name": "s", "base_path": "/" + name}], **kw)
    g = t.gatehouse([api("everywhere"), api("first", listeners=["one"]),
                     api("secret", listeners=["inner"])],
                    listeners=listeners)
    reached = {"everywhere": (0, 1), "first": (0,), "secret": (2,)}
    for name, where in reached.items():
        for i, port in enumerate(ports):
            r = t.get(g, "/%s/x" % name, address="127.0.0.1:%d" % port)
            t.equal(r.status, 200 if i in where else 403,
                    "%s on %s" % (name, names[i]))


def case_kinds_of_listeners(t):
    p4, p6 = free_port(), free_port()
    sock = t.path("in.sock")
    g = t.gatehouse(rest("a", {"/x": {"GET": mock(200, "x")}}), listeners=[
        {"name": "any", "address": "*:%d" % p4},
        {"name": "six", "address": "[::1]:%d" % p6},
        {"name": "unix", "address": "unix:" + sock}])
    for address in ("127.0.0.1:%d" % p4, "[::1]:%d" % p6, "unix:" + sock):
        t.answer(t.get(g, "/x", address=address), 200, "x")
    g.stop("QUIT")


def case_parallel_clients_of_several_hosts(t):
    def one(name):
        return rest(name, {"/x": {"GET": mock(200, name)}}, stages=[
            {"name": "s", "base_path": "/", "hosts": [name + ".test"]}])
    names = ["n%d" % i for i in range(8)]
    g = t.gatehouse([one(n) for n in names], workers=2)
    wrong = []

    def run(name):
        try:
            with g.client() as c:
                for _ in range(50):
                    r = c.get("/x", ("Host", name + ".test"))
                    if r.body != name.encode():
                        wrong.append((name, r))
        except Exception as err:
            wrong.append((name, err))
    threads = [threading.Thread(target=run, args=(n,)) for n in names]
    for th in threads:
        th.start()
    for th in threads:
        th.join()
    t.equal(wrong, [])
