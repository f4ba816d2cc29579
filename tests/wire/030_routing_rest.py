"""REST routing: contract 1.3 and the golden cases 1 to 11."""

from lib.conf import mock, proxy, rest

NO_ROUTE = '{"message":"Missing Authentication Token"}'
NO_ROUTE_TYPE = "MissingAuthenticationTokenException"


def named(*paths):
    """Resources whose ANY answers their own path."""
    return {p: {"ANY": mock(200, p)} for p in paths}


def case_golden_1_not_found(t):
    g = t.gatehouse(rest("a", {"/existing": {"GET": mock(200, "yes")}}))
    t.answer(t.get(g, "/existing"), 200, "yes")
    r = t.get(g, "/nope")
    t.answer(r, 403, NO_ROUTE, NO_ROUTE_TYPE)
    t.header(r, "content-type", "application/json")
    t.answer(t.get(g, "/existing", method="POST"), 403, NO_ROUTE,
             NO_ROUTE_TYPE)
    t.answer(t.get(g, "/existing", method="HEAD"), 403, b"")
    t.answer(t.get(g, "/existing/more"), 403, NO_ROUTE)
    t.answer(t.get(g, "/EXISTING"), 403, NO_ROUTE)
    t.answer(t.get(g, "/"), 403, NO_ROUTE)


def case_golden_3_fall_back_to_a_less_specific_path(t):
    g = t.gatehouse(rest("a", {
        "/test": {"POST": mock(200, "test")},
        "/{proxy+}": {"OPTIONS": mock(200, "greedy")},
        "/test/any": {"ANY": mock(200, "any")}}))
    t.answer(t.get(g, "/test", method="OPTIONS"), 200, "greedy")
    t.answer(t.get(g, "/test", method="POST"), 200, "test")
    t.answer(t.get(g, "/test/any", method="OPTIONS"), 200, "any")
    t.answer(t.get(g, "/other", method="OPTIONS"), 200, "greedy")
    t.answer(t.get(g, "/test"), 403, NO_ROUTE)


def case_golden_5_sibling_order(t):
    g = t.gatehouse(rest("a", named("/part1", "/{param+}",
                                    "/part1/hardcoded-value")))
    t.answer(t.get(g, "/part1"), 200, "/part1")
    t.answer(t.get(g, "/part1/hardcoded-value"), 200,
             "/part1/hardcoded-value")
    t.answer(t.get(g, "/part1/random-value"), 200, "/{param+}")


def case_golden_7_trailing_slash(t):
    b = t.backend()
    g = t.gatehouse(rest("a", {"/{proxy+}": {
        "ANY": proxy("b", path="/seen/{proxy}")}},
        stages=[{"name": "stage"}]), {"b": b})
    t.answer(t.get(g, "/stage/proxy-value/"), 200)
    t.equal(b.last.target, "/seen/proxy-value")
    t.answer(t.get(g, "/stage/proxy-value/?urlparam=test"), 200)
    t.equal(b.last.target, "/seen/proxy-value?urlparam=test")


def case_golden_9_two_slashes_before_the_stage(t):
    b = t.backend()
    g = t.gatehouse(rest("a", {"/{proxy+}": {
        "ANY": proxy("b", path="/seen/{proxy}")}},
        stages=[{"name": "stage"}]), {"b": b})
    t.answer(t.get(g, "//stage/proxy-value"), 200)
    t.equal(b.last.target, "/seen/proxy-value")


def case_golden_11_two_slashes_after_the_stage(t):
    g = t.gatehouse(rest("a", {"/{proxy+}": {"ANY": mock(200, "greedy")},
                               "/hardcoded": {"ANY": mock(200, "static")}},
                         stages=[{"name": "stage"}]))
    t.answer(t.get(g, "/stage//hardcoded"), 200, "static")
    t.answer(t.get(g, "/stage/hardcoded"), 200, "static")


def case_precedence(t):
    g = t.gatehouse(rest("a", named(
        "/", "/a", "/a/b", "/a/{x}", "/a/{x}/c", "/a/{x}/{y+}", "/{z}",
        "/{z}/q", "/deep/{p+}")))
    with t.soft() as rows:
        for target, expected in (
                ("/", "/"), ("/a", "/a"), ("/a/", "/a"), ("/a/b", "/a/b"),
                ("/a/z", "/a/{x}"), ("/a/b/c", "/a/{x}/c"),
                ("/a/b/d", "/a/{x}/{y+}"), ("/a/b/d/e", "/a/{x}/{y+}"),
                ("/other", "/{z}"), ("/other/q", "/{z}/q"),
                ("/deep/x/y/z", "/deep/{p+}"), ("/deep", "/{z}"),
                ("/a/q", "/a/{x}"), ("/a/b/", "/a/b")):
            rows.row(target, lambda target=target, expected=expected:
                     t.answer(t.get(g, target), 200, expected))


def case_explicit_method_beats_any(t):
    g = t.gatehouse(rest("a", {"/x": {"ANY": mock(200, "any"),
                                      "GET": mock(200, "get")}}))
    t.answer(t.get(g, "/x"), 200, "get")
    t.answer(t.get(g, "/x", method="PUT"), 200, "any")


def case_greedy_does_not_match_the_empty_path(t):
    g = t.gatehouse(rest("a", named("/{proxy+}")))
    t.answer(t.get(g, "/"), 403, NO_ROUTE)
    t.answer(t.get(g, "/x"), 200)


def case_head_is_not_get(t):
    g = t.gatehouse(rest("a", {"/x": {"GET": mock(200, "get")}}))
    r = t.get(g, "/x", method="HEAD")
    t.equal((r.status, r.body), (403, b""))


def case_backtracking(t):
    """A static branch without an end gives way to the variable one."""
    g = t.gatehouse(rest("a", named(
        "/v/static/one", "/v/{p}/two", "/v/{p}/{q}/three")))
    t.answer(t.get(g, "/v/static/one"), 200, "/v/static/one")
    t.answer(t.get(g, "/v/static/two"), 200, "/v/{p}/two")
    t.answer(t.get(g, "/v/static/x/three"), 200, "/v/{p}/{q}/three")
    t.answer(t.get(g, "/v/static/x/four"), 403, NO_ROUTE)


def case_methods_of_any(t):
    g = t.gatehouse(rest("a", {"/x": {"ANY": mock(200, "any")}}))
    for m in ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"):
        t.answer(t.get(g, "/x", method=m), 200, "any")
    t.equal(t.get(g, "/x", method="HEAD").status, 200)
    for m in ("PROPFIND", "MKCOL"):
        t.answer(t.get(g, "/x", method=m), 403, NO_ROUTE)


def case_authorization_on_an_unmatched_route(t):
    g = t.gatehouse(rest("a", {"/x": {"GET": mock(200, "x")}}))
    r = t.get(g, "/nope", ("Authorization", "Bearer abc"))
    t.equal(r.status, 403)


def case_many_routes(t):
    paths = ["/r%04d/{id}/end" % i for i in range(1500)]
    g = t.gatehouse(rest("a", named(*paths)))
    for i in (0, 1, 700, 1499):
        t.answer(t.get(g, "/r%04d/77/end" % i), 200, paths[i])
    t.answer(t.get(g, "/r1500/77/end"), 403, NO_ROUTE)
