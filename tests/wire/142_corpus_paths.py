"""Eighty-odd spellings of a path nobody may reach (security D18).

Only /public/{name} and /public/deep/{rest+} are routed; the backend fails
the case when it sees anything that a decoding server could read as /admin.
"""

import re
import urllib.parse

from lib.client import build
from lib.conf import http, proxy, rest

UP = ["..", "%2e%2e", "%2E%2E", ".%2e", "%2e.", ".%2E", "%2E."]
SPELLINGS = (
    ["/public/%s/admin" % u for u in UP]
    + ["/public/deep/%s/%s/admin" % (u, v) for u in UP[:4] for v in UP[:4]]
    + ["/public/x/%s/%s/admin" % (u, u) for u in UP]
    + ["/public/deep/x/%s" % u for u in UP]
    + ["/%s/admin" % u for u in UP]
    + ["//%s/admin" % u for u in UP]
    + ["/./admin", "/%2e/admin", "//admin", "///admin", "/admin", "/admin/",
       "/Admin", "/ADMIN", "/%61dmin", "/adm%69n", "/admin%20", "/admin%09",
       "/admin%00", "/admin;x", "/admin%3b", "/admin%2f", "/admin?",
       "/admin#", "/.//admin", "/public/..;/admin", "/public/..%00/admin",
       "/public/%2e%2e%00/admin", "/public/..%0d%0a/admin", "\\admin",
       "/public/..\\admin", "/public/deep/..%5cadmin", "/%5cadmin",
       "http://gw.test/admin", "http://gw.test//admin",
       "http://gw.test/public/../admin", "/public/deep/../../admin?x=/",
       "/public/deep/./../../admin"])


def reads_as_admin(target):
    path = target.split("?")[0]
    parts = []
    for p in path.split("/"):
        p = urllib.parse.unquote(p)
        if p == "..":
            if parts:
                parts.pop()
        elif p not in ("", "."):
            parts.append(p)
    return bool(parts) and parts[0].lower().startswith("admin")


def run(t, api, refusals):
    b = t.backend()
    g = t.gatehouse(api, {"b": b})
    t.check(len(SPELLINGS) >= 80, "%d spellings" % len(SPELLINGS))
    with t.soft() as rows:
        for target in SPELLINGS:
            def one(target=target):
                r = t.raw(g, build("GET", target))
                t.check(r.status in refusals or r.status == 200,
                        "got %d" % r.status)
            rows.row(target, one)
        for q in b.requests:
            if reads_as_admin(q.target) or re.search(r"%0[0ad]", q.target):
                rows.add("reached the backend: %s" % q.line)
        for target in ("/public/x", "/public/deep/x/y"):
            rows.row(target, lambda target=target:
                     t.answer(t.get(g, target), 200))


def case_rest(t):
    run(t, rest("r", {"/public/{name}": {"GET": proxy("b")},
                      "/public/deep/{rest+}": {"GET": proxy("b")},
                      "/admin": {"POST": proxy("b")}}), (400, 403))


def case_http(t):
    run(t, http("h", {"GET /public/{name}": proxy("b"),
                      "GET /public/deep/{rest+}": proxy("b"),
                      "POST /admin": proxy("b")}), (400, 404))
