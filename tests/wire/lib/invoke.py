"""A Lambda Invoke endpoint that is told what its functions answer.

Every invocation is recorded with its event, and checked as AWS would check
it: target, framing, JSON without a name twice and, when the endpoint has
keys, Signature Version 4 by Python's own hmac.  What was wrong is in wrong.

The answer is called with an Invocation and returns
  output(value) / raw(bytes)	what the function returned
  failed(type, message)		a function error: 200, X-Amz-Function-Error
  refusal(status, name)		what the Invoke API says instead
or anything else that a backend's handler may return.
"""

import base64
import datetime
import hashlib
import hmac
import json
import re
import urllib.parse

from .backend import Backend, Reply
from .client import build

KEYS = {"AKIDWIRETEST": "secret/of+the~wire=tests"}

_TARGET = re.compile(r"/2015-03-31/functions/([^/?]+)/invocations"
                     r"(?:\?Qualifier=([^&]*))?\Z")
_SCHEME = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/, ]+)/(\d{8})/([^/, ]+)"
                     r"/([^/, ]+)/aws4_request, SignedHeaders=([^, ]+), "
                     r"Signature=([0-9a-f]{64})\Z")


def raw(data, *headers, status=200):
    if isinstance(data, str):
        data = data.encode()
    return Reply(status, [("Content-Type", "application/json"),
                          ("X-Amz-Executed-Version", "$LATEST")]
                 + list(headers), data)


def output(value, *headers):
    return raw(json.dumps(value), *headers)


def failed(kind="Error", message="it broke", word="Unhandled"):
    return raw(json.dumps({"errorMessage": message, "errorType": kind,
                           "stackTrace": []}), ("X-Amz-Function-Error", word))


def refusal(status, name, message="no"):
    return Reply(status, [("Content-Type", "application/json"),
                          ("x-amzn-ErrorType", name)],
                 json.dumps({"Type": "User", "Message": message}),
                 reason="Refused")


def ok(call):
    return output({"statusCode": 200, "body": "ok"})


def pairs_once(pairs):
    names = [n for n, v in pairs]
    if len(set(names)) != len(names):
        raise ValueError("a name twice among %r" % names)
    return dict(pairs)


# --- Signature Version 4, the verifying side -----------------------------

def sha(data):
    return hashlib.sha256(data).hexdigest()


def signing_key(secret, day, region, service):
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def canonical_request(req, names):
    path, _, query = req.target.partition("?")
    pieces = sorted((p.partition("=")[0], p.partition("=")[2])
                    for p in query.split("&") if p)
    fields = "".join("%s:%s\n" % (n, ",".join(
        " ".join(v.split()) for v in req.all(n))) for n in names)
    return "\n".join([
        req.method, urllib.parse.quote(path, safe="/-_.~"),
        "&".join("%s=%s" % p for p in pieces), fields, ";".join(names),
        sha(req.body)])


def signature_problem(req, keys, region=None, service="lambda", tokens=None,
                      skew=300):
    """None, or what is wrong with the signature of the request."""
    given = req.all("authorization")
    if len(given) != 1:
        return "%d Authorization headers" % len(given)
    m = _SCHEME.match(given[0])
    if not m:
        return "Authorization does not look as it should"
    key, day, where, what, names, signature = m.groups()
    names = names.split(";")
    if key not in keys:
        return "unknown key %s" % key
    if what != service or (region and where != region):
        return "signed for %s/%s" % (where, what)
    if names != sorted(names) or "host" not in names:
        return "signed names %r" % names
    for n in req.names():
        if n.lower().startswith("x-amz-") and n.lower() not in names:
            return "%s is not signed" % n
    stamp = req.get("x-amz-date", "")
    if not re.fullmatch(r"\d{8}T\d{6}Z", stamp) or stamp[:8] != day:
        return "X-Amz-Date %r" % stamp
    at = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ")
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    if abs((now - at).total_seconds()) > skew:
        return "signed at %s, now is %s" % (at, now)
    token = (tokens or {}).get(key)
    if req.get("x-amz-security-token") != token:
        return "security token"
    hashed = req.get("x-amz-content-sha256")
    if hashed is not None and hashed != sha(req.body):
        return "X-Amz-Content-Sha256 is of something else"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, "%s/%s/%s/aws4_request"
                      % (day, where, what),
                      sha(canonical_request(req, names).encode("latin-1"))])
    wanted = hmac.new(signing_key(keys[key], day, where, what),
                      text.encode(), hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(wanted, signature) else \
        "the signature is of something else"


# --- the endpoint ----------------------------------------------------------

class Invocation:
    def __init__(self, req):
        self.request = req
        self.raw = req.body
        m = _TARGET.match(req.target)
        self.name = urllib.parse.unquote(m.group(1)) if m else None
        self.qualifier = (urllib.parse.unquote(m.group(2))
                          if m and m.group(2) is not None else None)
        self.event = json.loads(req.body, object_pairs_hook=pairs_once)

    def header(self, name):
        """A header as the event shows it; None when it does not."""
        for n, v in (self.event.get("headers") or {}).items():
            if n.lower() == name.lower():
                return v
        return None

    @property
    def body(self):
        """The client's body as bytes."""
        text = self.event.get("body")
        if text is None:
            return b""
        if self.event["isBase64Encoded"]:
            return base64.b64decode(text, validate=True)
        return text.encode()


class Endpoint(Backend):
    def __init__(self, answer=ok, keys=None, region=None, tokens=None, **kw):
        self.answer = answer
        self.keys = keys
        self.region = region
        self.tokens = tokens
        self.calls = []
        self.wrong = []
        super().__init__(self._invoked, **kw)

    @property
    def url(self):
        return "http://" + self.address

    def _problems(self, req):
        if req.method != "POST" or not _TARGET.match(req.target):
            yield "request line %r" % req.line
        for n in ("host", "content-length", "content-type"):
            if len(req.all(n)) != 1:
                yield "%s: %r" % (n, req.all(n))
        if req.get("host") != self.address:
            yield "Host %r" % req.get("host")
        if req.get("content-type") != "application/json":
            yield "Content-Type %r" % req.get("content-type")
        if req.has("transfer-encoding") or req.has("connection"):
            yield "framing %r" % req.headers
        if self.keys is None:
            if req.has("authorization"):
                yield "Authorization without keys"
        else:
            problem = signature_problem(req, self.keys, self.region,
                                        tokens=self.tokens)
            if problem:
                yield problem

    def _invoked(self, req, conn):
        self.wrong += list(self._problems(req))
        try:
            call = Invocation(req)
        except ValueError as err:
            self.wrong.append("event: %s: %r" % (err, req.body[:300]))
            raise
        with self.changed:
            self.calls.append(call)
            self.changed.notify_all()
        return self.answer(call)

    def wait_calls(self, n, timeout=15):
        with self.changed:
            return self.changed.wait_for(lambda: len(self.calls) >= n,
                                         timeout)

    @property
    def event(self):
        return self.calls[-1].event


def endpoint(t, answer=ok, **kw):
    e = Endpoint(answer, **kw)
    t.backends.append(e)
    t._closing.append(e.close)
    return e


def function(e, name="f", **kw):
    """A row of functions = ( ... ) that calls this endpoint."""
    out = {"name": name, "endpoint": e if isinstance(e, str) else e.url}
    out.update(kw)
    return out


def call(name="f", **kw):
    """An AWS_PROXY integration."""
    out = {"type": "AWS_PROXY", "function": name}
    out.update(kw)
    return out


def serve(t, e, apis, functions=None, settings=None, **kw):
    """A gateway in front of the endpoint's functions."""
    top = dict(settings or {})
    top["functions"] = functions or [function(e)]
    return t.gatehouse(apis, None, top, **kw)


def ask(t, g, e, target, *headers, method="GET", body=None, status=200, **kw):
    """One request that must reach the function: (answer, its event)."""
    before = len(e.calls)
    with g.client() as c:
        c.send(build(method, target, headers, body, **kw))
        r = c.response(method)
    t.equal(e.wrong, [], "at the endpoint")
    t.equal(len(e.calls), before + 1, "calls for %s: %r" % (target, r))
    if status is not None:
        t.equal(r.status, status, repr(r))
    return r, e.event
