"""Requests to remote functions are signed, and the keys stay secret."""

import glob
import os
import time

from lib import invoke
from lib.backend import Close
from lib.conf import rest
from lib.gatehouse import (children, gatehouse_program, run_program,
                           wait_until)

KEY, SECRET = "AKIDWIREFIRST", "firstSECRET/with+odd=characters~01"
KEY2, SECRET2 = "AKIDWIRESECOND", "secondSECRET/0123456789abcdefghij"
TOKEN = "tokenTOKEN//" + "t" * 400 + "=="
KEYS = {KEY: SECRET, KEY2: SECRET2}
SECRETS = (SECRET, SECRET2, TOKEN)
ISE = '{"message": "Internal server error"}'


def credentials(key=KEY, secret=SECRET, token=None, profile="default",
                more=""):
    text = "# keys\n[%s]\naws_access_key_id = %s\n" \
           "aws_secret_access_key=%s\n" % (profile, key, secret)
    if token:
        text += "aws_session_token = %s\n" % token
    return text + more


def replace(path, text):
    """As rotating tools do it: a new file under the name."""
    with open(path + ".new", "w") as f:
        f.write(text)
    os.chmod(path + ".new", 0o644)
    os.rename(path + ".new", path)


def gateway(t, functions=None, answer=invoke.ok, env=None, **kw):
    e = invoke.endpoint(t, answer, keys=KEYS, region=kw.pop("region", None),
                        tokens=kw.pop("tokens", None))
    members = {"credentials": t.path("keys")}
    members.update(kw)
    g = invoke.serve(t, e, rest("r", {"/x": {"ANY": invoke.call()}}),
                     functions or [invoke.function(e, **members)], env=env)
    return e, g


def memory_files(pid):
    """The bytes of the sealed files that a process has open."""
    for path in glob.glob("/proc/%d/fd/*" % pid):
        try:
            if "memfd:" in os.readlink(path):
                with open(path, "rb") as f:
                    yield path, f.read()
        except OSError:
            pass


def check_secrets(t, g, *paths):
    """No log, no output and no table of the workers holds a secret."""
    shown = [("log", g.log()), ("access", "\n".join(g.access()))]
    for args in (("status",), ("routes",), ("explain", "GET",
                                            "http://gw.test/x")):
        for form in ((), ("--format=json",)):
            code, out, err = g.ctl(*args, *form)
            t.equal(code, 0, "%r: %s" % (args, err))
            shown.append((" ".join(args + form), out + err))
    for option in ("-t", "-T"):
        code, out, err = run_program([gatehouse_program(), option, "-c",
                                      g.file])
        t.equal(code, 0, err)
        shown.append((option, out + err))
    for path in paths:
        with open(path, errors="replace") as f:
            shown.append((path, f.read()))
    seen = 0
    for pid in [g.pid] + children(g.pid):
        for path, data in memory_files(pid):
            shown.append((path, data.decode("latin-1")))
            seen += 1
        try:
            with open("/proc/%d/cmdline" % pid) as f:
                shown.append(("cmdline", f.read()))
        except OSError:
            pass
    for where, text in shown:
        for secret in SECRETS:
            t.check(secret not in text, "a secret is in %s" % where)
    return seen


def case_signed_from_a_file(t):
    replace(t.path("keys"), credentials())
    e, g = gateway(t, region="us-east-1")
    for body in (None, b"", b"text", b"\xff" * 1000, b"x" * 300000):
        invoke.ask(t, g, e, "/x?a=b", method="POST", body=body)
    r = e.calls[-1].request
    t.check(not r.has("x-amz-security-token"))
    t.contains("Credential=%s/" % KEY, r.get("authorization"))
    t.check(check_secrets(t, g) > 0, "tables were looked at")


def case_signed_from_the_environment(t):
    e, g = gateway(t, credentials="environment", region="us-east-1",
                   tokens={KEY: TOKEN}, env={
                       "AWS_ACCESS_KEY_ID": KEY, "AWS_SESSION_TOKEN": TOKEN,
                       "AWS_SECRET_ACCESS_KEY": SECRET})
    for _ in range(3):
        invoke.ask(t, g, e, "/x", method="POST", body=b"x")
    check_secrets(t, g)


def case_session_token_and_profile(t):
    replace(t.path("keys"), credentials(KEY2, SECRET2) + credentials(
        KEY, SECRET, TOKEN, "work"))
    e, g = gateway(t, profile="work", tokens={KEY: TOKEN})
    invoke.ask(t, g, e, "/x")
    t.equal(e.calls[-1].request.get("x-amz-security-token"), TOKEN)
    check_secrets(t, g)


def case_region(t):
    replace(t.path("keys"), credentials())
    e = invoke.endpoint(t, keys=KEYS, region="eu-central-1")
    g = invoke.serve(t, e, rest("r", {"/x": {"ANY": invoke.call()}}), [
        invoke.function(e, credentials=t.path("keys"),
                        region="eu-central-1")])
    invoke.ask(t, g, e, "/x")


def case_names_in_the_path_are_signed(t):
    """ARNs and qualifiers: encoded once on the wire, twice in the text."""
    replace(t.path("keys"), credentials())
    arn = "arn:aws:lambda:us-east-1:123456789012:function:mail:live"
    e = invoke.endpoint(t, keys=KEYS)
    with t.soft() as s:
        for remote, qualifier, path in (
                (None, None, "f"), (arn, None, arn.replace(":", "%3A")),
                ("mail", "$LATEST", "mail"), ("mail:live", "7", "mail%3Alive"),
                ("123456789012:function:f", None,
                 "123456789012%3Afunction%3Af")):
            members = {"credentials": t.path("keys")}
            if remote:
                members["remote_name"] = remote
            if qualifier:
                members["qualifier"] = qualifier
            g = invoke.serve(t, e, rest("r", {"/x": {
                "ANY": invoke.call()}}), [invoke.function(e, **members)])
            s.row(path, invoke.ask, t, g, e, "/x")
            last = e.calls[-1]
            if last.name != (remote or "f") or last.qualifier != qualifier:
                s.add("%s: %r %r" % (path, last.name, last.qualifier))
            if "/functions/%s/invocations" % path not in last.request.target:
                s.add("%s: %s" % (path, last.request.target))
            g.stop()


def case_rotated_while_running(t):
    replace(t.path("keys"), credentials())
    e, g = gateway(t)
    invoke.ask(t, g, e, "/x")
    t.contains(KEY + "/", e.calls[-1].request.get("authorization"))
    replace(t.path("keys"), credentials(KEY2, SECRET2))

    def second():
        invoke.ask(t, g, e, "/x")
        return KEY2 + "/" in e.calls[-1].request.get("authorization")
    t.check(wait_until(second, 5, 0.2), "the new keys are used")
    with open(t.path("keys"), "w") as f:	# in place, too
        f.write(credentials())
    t.check(wait_until(lambda: not second(), 5, 0.2), "and the old again")
    check_secrets(t, g)


def case_broken_file_keeps_the_old_keys(t):
    replace(t.path("keys"), credentials())
    e, g = gateway(t)
    invoke.ask(t, g, e, "/x")
    for text in ("[default]\naws_access_key_id = %s\n" % KEY2,
                 "", "\0\0\0", credentials(KEY2, SECRET2 + " \x01x"),
                 credentials(KEY2, SECRET2, profile="other")):
        replace(t.path("keys"), text)
        t.check(wait_until(lambda: invoke.ask(t, g, e, "/x") and (
            g.log().count("credentials file") > 0), 4, 0.3),
            "said in the log: %r" % text)
        invoke.ask(t, g, e, "/x")
        t.contains(KEY + "/", e.calls[-1].request.get("authorization"))
    os.unlink(t.path("keys"))
    invoke.ask(t, g, e, "/x")
    check_secrets(t, g)


def case_without_keys_nothing_is_sent(t):
    """500, and the endpoint hears nothing: not even an unsigned event."""
    e, g = gateway(t)
    r = t.get(g, "/x", method="POST", body=b"private")
    t.answer(r, 500, ISE, "InternalServerErrorException")
    t.equal(e.requests, [])
    t.check(g.wait_log("credentials file"), g.log())
    replace(t.path("keys"), credentials())
    t.check(wait_until(lambda: t.get(g, "/x").status == 200, 5, 0.2),
            "once they are there")
    t.equal(e.wrong, [])


def case_environment_without_keys(t):
    e, g = gateway(t, credentials="environment", env={
        "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": ""})
    t.answer(t.get(g, "/x"), 500, ISE)
    t.equal(e.requests, [])


def case_two_functions_two_keys(t):
    replace(t.path("one"), credentials())
    replace(t.path("two"), credentials(KEY2, SECRET2))
    e = invoke.endpoint(t, keys=KEYS)
    plain = invoke.endpoint(t)
    g = invoke.serve(t, e, rest("r", {
        "/one": {"GET": invoke.call("one")},
        "/two": {"GET": invoke.call("two")},
        "/plain": {"GET": invoke.call("plain")}}), [
            invoke.function(e, "one", credentials=t.path("one")),
            invoke.function(e, "two", credentials=t.path("two")),
            invoke.function(plain, "plain")])
    for _ in range(3):
        for name, key in (("one", KEY), ("two", KEY2)):
            invoke.ask(t, g, e, "/" + name)
            t.contains("Credential=%s/" % key,
                       e.calls[-1].request.get("authorization"))
            t.equal(e.calls[-1].name, name)
        invoke.ask(t, g, plain, "/plain")
    check_secrets(t, g)


def case_other_keys_after_a_reload(t):
    replace(t.path("keys"), credentials())
    replace(t.path("keys2"), credentials(KEY2, SECRET2))
    e, g = gateway(t)
    invoke.ask(t, g, e, "/x")
    top = t.settings(rest("r", {"/x": {"ANY": invoke.call()}}))
    top["functions"] = [invoke.function(e, credentials=t.path("keys2"))]
    t.equal(g.reload(top)[0], 0)
    invoke.ask(t, g, e, "/x")
    t.contains(KEY2 + "/", e.calls[-1].request.get("authorization"))


def case_signed_again_on_a_new_connection(t):
    """Each request has its own signature, on whatever connection."""
    replace(t.path("keys"), credentials())
    state = {"n": 0}

    def answer(call):
        state["n"] += 1
        out = invoke.ok(call)
        return Close(out) if state["n"] % 2 else out
    e, g = gateway(t, answer=answer)
    for i in range(8):
        r, ev = invoke.ask(t, g, e, "/x?n=%d" % i, method="POST",
                           body=b"b%d" % i)
        t.equal(ev["queryStringParameters"], {"n": str(i)})
        # A connection that closes under a POST is its failure, rightly: let
        # the end of this one be seen first.
        time.sleep(0.1)
    signatures = {c.request.get("authorization") for c in e.calls}
    t.equal(len(signatures), 8)


def case_refused_signature(t):
    """What the endpoint says of a signature is not for the client."""
    replace(t.path("keys"), credentials())
    e, g = gateway(t, answer=lambda c: invoke.refusal(
        403, "InvalidSignatureException", "key %s is bad" % KEY))
    r = t.get(g, "/x")
    t.answer(r, 500, ISE)
    t.lacks(KEY.encode(), r.body)
    check_secrets(t, g)
