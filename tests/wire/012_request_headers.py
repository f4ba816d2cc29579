"""Which header lines the backend receives (contract 1.6, hop-by-hop)."""

from lib.client import build
from lib.conf import http, proxy, rest

DROPPED = ["Content-MD5", "Max-Forwards", "Proxy-Authenticate", "Server",
           "TE", "Trailer", "WWW-Authenticate", "Content-Encoding", "Via"]

KEPT = [("Accept", "text/html"), ("accept-ENCODING", "gzip, br"),
        ("Cookie", "a=1; b=2"), ("User-Agent", "curl/8"),
        ("authtoken", "secret"), ("Authorization", "Bearer abc"),
        ("X-custom-HEADER", "v: w; \"q\""), ("Referer", "http://r/"),
        ("Origin", "https://www.example.com"), ("X-Empty", "")]


def gateway(t, b):
    return t.gatehouse([
        rest("r", {"/r": {"ANY": proxy("b")}}),
        http("h", {"ANY /h": proxy("b")},
             stages=[{"name": "$default", "base_path": "/http"}]),
    ], {"b": b})


def targets():
    return ("/r", "/http/h")


def case_casing_and_order_are_kept(t):
    b = t.backend()
    g = gateway(t, b)
    for target in targets():
        t.answer(t.get(g, target, *KEPT), 200)
        names = [n for n, v in KEPT]
        got = [(n, v) for n, v in b.last.headers if n in names]
        t.equal(got, KEPT, target)


def case_rest_drops(t):
    b = t.backend()
    g = gateway(t, b)
    sent = [(n, "x") for n in DROPPED] + [("X-Kept", "1")]
    t.answer(t.get(g, "/r", *sent), 200)
    for n in DROPPED:
        t.check(not b.last.has(n), "%s is dropped" % n)
    t.header(b.last, "x-kept", "1")


def case_hop_by_hop_is_removed(t):
    b = t.backend()
    g = gateway(t, b)
    for target in targets():
        t.answer(t.get(g, target,
                       ("Connection", "keep-alive, X-Secret ,x-other"),
                       ("X-Secret", "1"), ("X-Other", "2"),
                       ("Keep-Alive", "timeout=5"),
                       ("Proxy-Connection", "keep-alive"),
                       ("TE", "trailers"), ("Trailer", "X-T"),
                       ("X-Stays", "3")), 200)
        for n in ("X-Secret", "X-Other", "Keep-Alive", "Proxy-Connection",
                  "TE", "Trailer"):
            t.check(not b.last.has(n), "%s gone on %s" % (n, target))
        t.lacks("secret", (b.last.get("connection") or "").lower())
        t.header(b.last, "x-stays", "3")


def case_connection_cannot_name_framing_or_host(t):
    b = t.backend()
    g = gateway(t, b)
    for target in targets():
        r = t.get(g, target, ("Connection",
                              "content-length, host, x-forwarded-for, "
                              "forwarded, x-amzn-trace-id"),
                  method="POST", body=b"12345")
        t.answer(r, 200)
        t.equal(b.last.body, b"12345")
        t.equal(b.last.all("host"), [b.address])
        t.check(b.last.has("x-forwarded-for") or b.last.has("forwarded"),
                "the gateway's own field stays on %s" % target)


def case_upgrade_is_never_forwarded(t):
    b = t.backend()
    g = gateway(t, b)
    for target in targets():
        r = t.get(g, target, ("Connection", "Upgrade, HTTP2-Settings"),
                  ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQ"))
        t.check(r.status in (200, 400), "status %d" % r.status)
        for req in b.requests:
            t.check(not req.has("upgrade") and not req.has("http2-settings"),
                    "no Upgrade towards the backend")


def case_rest_additions(t):
    b = t.backend()
    g = gateway(t, b)
    t.answer(t.get(g, "/r"), 200)
    t.header(b.last, "x-forwarded-for", "127.0.0.1")
    t.header(b.last, "x-forwarded-port", str(g.port))
    t.header(b.last, "x-forwarded-proto", "http")
    t.match(r"^Root=1-[0-9a-f]{8}-[0-9a-f]{24}", b.last.get("x-amzn-trace-id"))
    t.match(r"^[a-z0-9]{10}$", b.last.get("x-amzn-apigateway-api-id"))
    t.check(not b.last.has("forwarded"), "no Forwarded from REST APIs")


def case_api_id_is_the_configured_one(t):
    b = t.backend()
    g = t.gatehouse(rest("r", {"/r": {"ANY": proxy("b")}}, id="abcde12345"),
                    {"b": b})
    t.answer(t.get(g, "/r"), 200)
    t.header(b.last, "x-amzn-apigateway-api-id", "abcde12345")


def case_trace_id_of_the_client_is_kept(t):
    b = t.backend()
    g = gateway(t, b)
    sent = ("Root=1-5759e988-bd862e3fe1be46a994272793;"
            "Parent=53995c3f42cd8ad8;Sampled=1")
    t.answer(t.get(g, "/r", ("x-AMZN-trace-id", sent)), 200)
    got = b.last.all("x-amzn-trace-id")
    t.equal(len(got), 1)
    t.contains("Root=1-5759e988-bd862e3fe1be46a994272793", got[0])


def case_forged_forwarding_headers_are_replaced(t):
    b = t.backend()
    g = gateway(t, b)
    forged = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Proto", "https"),
              ("X-Forwarded-Port", "443"), ("Forwarded", "for=6.6.6.6"),
              ("X_Forwarded_For", "6.6.6.7"),
              ("X-Amzn-Apigateway-Api-Id", "evilevil00")]
    for target in targets():
        t.answer(t.get(g, target, *forged), 200)
        text = b.last.raw.decode("latin-1")
        t.lacks("6.6.6.6", text, target)
        t.lacks("6.6.6.7", text, target)
        if target == "/r":
            t.lacks("evilevil00", text, target)


def case_http_api_gets_forwarded(t):
    b = t.backend()
    g = gateway(t, b)
    t.answer(t.get(g, "/http/h"), 200)
    t.equal(len(b.last.all("forwarded")), 1)
    f = b.last.get("forwarded")
    t.match(r"(^|;)by=\"?[^;]+", f)
    t.match(r"(^|;)for=\"?127\.0\.0\.1", f)
    t.match(r"(^|;)host=\"?gw\.test\"?(;|$)", f)
    t.match(r"(^|;)proto=http(;|$)", f)
    for n in ("X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"):
        t.check(not b.last.has(n), "no %s from HTTP APIs" % n)


def case_forwarded_cannot_be_broken_out_of(t):
    b = t.backend()
    g = gateway(t, b)
    with g.client() as c:
        c.send(build("GET", "/http/h", [("Host", 'x";for=9.9.9.9;y="')]))
        r = c.response()
    if r.status == 200:
        t.equal(len(b.last.get("forwarded").split(";")), 4)
    else:
        t.equal(r.status, 400)


def case_rest_joins_duplicates(t):
    b = t.backend()
    g = gateway(t, b)
    t.answer(t.get(g, "/r", ("X-Dup", "a"), ("X-Other", "o"), ("x-dup", "b"),
                   ("X-DUP", "c")), 200)
    t.equal([v.replace(" ", "") for v in b.last.all("x-dup")], ["a,b,c"])
    t.header(b.last, "x-other", "o")


def case_rest_drops_a_sigv4_authorization(t):
    b = t.backend()
    g = gateway(t, b)
    t.answer(t.get(g, "/r", (
        "Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20240101/eu/"
        "execute-api/aws4_request, SignedHeaders=host, Signature=ab")), 200)
    t.check(not b.last.has("authorization"), "the signature is dropped")
    t.answer(t.get(g, "/r", ("Authorization", "Basic Zm9v")), 200)
    t.header(b.last, "authorization", "Basic Zm9v")


def case_no_empty_framing_on_get(t):
    b = t.backend()
    g = gateway(t, b)
    for target in targets():
        t.answer(t.get(g, target), 200)
        t.check(not b.last.has("transfer-encoding"), "no chunked GET")
        t.check(b.last.get("content-length") in (None, "0"), "no length")
