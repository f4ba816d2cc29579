"""What functions written in Python may expect of the runtime."""

import json
import re

from fake_host import Function


def python(source, handler="app.handler", name="app.py", more=None, **env):
    return Function("python", handler, {name: source, **(more or {})}, **env)


def same(found, wanted):
    assert found == wanted, f"{found!r} instead of {wanted!r}"


ECHO = "def handler(event, context):\n    return event\n"


def case_echo():
    with python(ECHO) as f:
        same(f.result({"a": [1, "é", None]}), {"a": [1, "é", None]})
        same(f.result("x"), "x")
        same(f.invoke(None).body, b"null")


def case_handler_names():
    for handler in ("pkg/mod.fn", "pkg.mod.fn"):
        with python("from . import other\ndef fn(event, context):\n"
                    "    return other.N\n", handler, "pkg/mod.py",
                    {"pkg/__init__.py": "", "pkg/other.py": "N = 4\n"}) as f:
            same(f.result(), 4)


def case_handler_object():
    with python("class Callable:\n    def __call__(self, event, context):\n"
                "        return 6\nhandler = Callable()\n") as f:
        same(f.result(), 6)


def case_context():
    source = """import os
def handler(event, context):
    names = [n for n in vars(context) if n[0] != "_"]
    found = {n: getattr(context, n) for n in names
             if n not in ("client_context", "identity")}
    found["left"] = context.get_remaining_time_in_millis()
    found["trace"] = os.environ.get("_X_AMZN_TRACE_ID")
    found["identity"] = vars(context.identity)
    if context.client_context:
        found["client"] = vars(context.client_context.client)
        found["custom"] = context.client_context.custom
        found["env"] = context.client_context.env
    else:
        found["client"] = None
    return found
"""
    with python(source) as f:
        found = f.result(
            None, request_id="id-1", timeout_ms=5000,
            Lambda_Runtime_Trace_Id="Root=1-a",
            Lambda_Runtime_Client_Context='{"client": {"app_title": "t"},'
            ' "custom": {"a": "é"}}',
            Lambda_Runtime_Cognito_Identity='{"cognitoIdentityId": "c",'
            ' "cognitoIdentityPoolId": "p"}')
        assert 3000 < found.pop("left") <= 5000
        same(found, {
            "aws_request_id": "id-1", "log_group_name": "/aws/lambda/trial",
            "log_stream_name": "2024/01/01/[$LATEST]0",
            "function_name": "trial", "memory_limit_in_mb": "128",
            "function_version": "$LATEST", "tenant_id": None,
            "invoked_function_arn":
                "arn:aws:lambda:us-east-1:000000000000:function:trial",
            "trace": "Root=1-a",
            "identity": {"cognito_identity_id": "c",
                         "cognito_identity_pool_id": "p"},
            "client": {"installation_id": None, "app_title": "t",
                       "app_version_name": None, "app_version_code": None,
                       "app_package_name": None},
            "custom": {"a": "é"}, "env": None})
        found = f.result()
        same((found["trace"], found["client"], found["identity"]),
             (None, None, {"cognito_identity_id": None,
                           "cognito_identity_pool_id": None}))


def case_errors():
    source = """class Mine(Exception):
    pass
def deeper(event):
    if event == "mine":
        raise Mine("why\\nnot")
    return {}["absent"]
def handler(event, context):
    return deeper(event)
"""
    with python(source) as f:
        report = f.error("mine", request_id="id-2")
        same(set(report), {"errorType", "errorMessage", "requestId",
                           "stackTrace"})
        same((report["errorType"], report["errorMessage"],
              report["requestId"]), ("Mine", "why\nnot", "id-2"))
        same(len(report["stackTrace"]), 2)
        assert re.fullmatch(r'  File ".*app\.py", line 8, in handler\n'
                            r'    return deeper\(event\)\n',
                            report["stackTrace"][0]), report
        same(f.error("x")["errorType"], "KeyError")
        line = f.text().split("\n")[0]
        assert line.startswith("[ERROR] Mine: why\rnot\r"
                               "Traceback (most recent call last):\r"
                               "\u00a0\u00a0File "), line


def case_marshal():
    source = """import decimal, math
def handler(event, context):
    if event == "set":
        return {1, 2}
    if event == "bytes":
        return b"raw\\xff"
    if event == "circle":
        a = []; a.append(a); return a
    return {"d": decimal.Decimal("1.10"), "t": (1, 2), 3: math.nan,
            "big": [decimal.Decimal("12345678901234567890.5")],
            "n": decimal.Decimal("NaN"), "s": "1.10", "u": "\\u00e9"}
"""
    with python(source) as f:
        same(f.invoke().body,
             b'{"d": 1.10, "t": [1, 2], "3": NaN, '
             b'"big": [12345678901234567890.5], "n": NaN, "s": "1.10", '
             b'"u": "\\u00e9"}')
        report = f.error("set")
        same(report["errorType"], "Runtime.MarshalError")
        assert "set is not JSON serializable" in report["errorMessage"]
        same(f.error("circle")["errorType"], "Runtime.MarshalError")
        post = f.invoke("bytes")
        same((post.body, post.headers["content-type"]),
             (b"raw\xff", "application/unknown"))


def case_event_is_no_json():
    with python(ECHO) as f:
        same(f.error(b"{")["errorType"], "Runtime.UnmarshalError")
        same(f.error(None, Lambda_Runtime_Client_Context="{")["errorType"],
             "Runtime.LambdaContextUnmarshalError")
        same(f.result(1), 1)


def case_log_text():
    source = """import logging, sys
logging.getLogger().warning("start")
def handler(event, context):
    print("printed")
    log = logging.getLogger("mine")
    log.warning("a %s", "b\\nc")
    log.info("hidden")
    sys.stdout.write("no end")
    print("to stderr", file=sys.stderr)
"""
    with python(source) as f:
        f.result(request_id="id-3")
        iso = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
        lines = f.text().split("\n")
        assert re.fullmatch(rf"\[WARNING\]\t{iso}\t\tstart", lines[0]), lines
        same(lines[1], "printed")
        assert re.fullmatch(rf"\[WARNING\]\t{iso}\tid-3\ta b\rc",
                            lines[2]), lines
        assert "hidden" not in f.text()
        assert "no end" in f.text() and "to stderr" in f.text()


def case_log_exception():
    source = """import logging
def handler(event, context):
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger().exception("caught")
"""
    with python(source) as f:
        f.result()
        assert "\tcaught\rTraceback (most recent call last):\r" in f.text()
    with python(source, AWS_LAMBDA_LOG_FORMAT="JSON") as f:
        f.result(request_id="id-4")
        line = json.loads(f.text())
        same((line["level"], line["message"], line["errorType"],
              line["requestId"], line["logger"]),
             ("ERROR", "caught", "ZeroDivisionError", "id-4", "root"))


def case_log_json():
    source = """import logging
def handler(event, context):
    log = logging.getLogger("mine")
    log.info("x %d", 1, extra={"order": 7})
    log.debug("hidden")
    raise ValueError("v")
"""
    with python(source, AWS_LAMBDA_LOG_FORMAT="JSON",
                AWS_LAMBDA_LOG_LEVEL="INFO") as f:
        f.error()
        lines = [json.loads(line) for line in f.lines()]
        same((lines[0]["level"], lines[0]["message"], lines[0]["order"],
              lines[0]["logger"]), ("INFO", "x 1", 7, "mine"))
        same((lines[1]["level"], lines[1]["errorType"]),
             ("ERROR", "ValueError"))
        same(len(lines), 2)


def case_init_errors():
    for source, handler, name, message in (
            (ECHO, "app", "Runtime.MalformedHandlerName", "'app'"),
            (ECHO, "absent.handler", "Runtime.ImportModuleError",
             "Unable to import module 'absent': No module named 'absent'"),
            ("import absent", "app.handler", "Runtime.ImportModuleError",
             "Unable to import module 'app'"),
            ("def other(): pass", "app.handler", "Runtime.HandlerNotFound",
             "Handler 'handler' missing on module 'app'"),
            ("def handler(:", "app.handler", "Runtime.UserCodeSyntaxError",
             "Syntax error in module 'app'"),
            (ECHO, "sys.handler", "Runtime.BuiltInModuleConflict", "sys"),
            ("raise ValueError('at start')", "app.handler", "ValueError",
             "at start")):
        with python(source, handler) as f:
            report = f.init_error()
            same(report["errorType"], name)
            assert message in report["errorMessage"], report
            assert f.text().startswith(f"[ERROR] {name}: "), f.text()


def case_exit():
    with python("import sys\ndef handler(event, context):\n"
                "    sys.exit(event)\n") as f:
        f.send(7)
        same(f.exit(), 7)
        assert f.host.posts.empty()


def case_own_folder_only():
    # The runtime's folder is not searched; the function's comes first.
    with python("import json, sys\ndef handler(event, context):\n"
                "    return [sys.path[0], json.MINE,"
                " any('src/runtime' in p for p in sys.path)]\n",
                more={"json_.py": ""}) as f:
        same(f.error()["errorType"], "AttributeError")
    with python("import fractions\nimport sys\n"
                "def handler(event, context):\n"
                "    return [fractions.MINE,"
                " any('src/runtime' in p for p in sys.path)]\n",
                more={"fractions.py": "MINE = 8\n"}) as f:
        same(f.result(), [8, False])


def case_large_both_ways():
    with python("def handler(event, context):\n    return event * 2\n") as f:
        text = "é" * 1_000_000
        same(f.result(text), text * 2)


def case_chunked_host():
    with python(ECHO, chunked=True) as f:
        same(f.result({"a": 1}), {"a": 1})
        same(f.result("x" * 500000), "x" * 500000)


def case_one_connection():
    with python(ECHO) as f:
        for n in range(20):
            same(f.result(n), n)
        same(len(f.host.connections), 1)


def case_connection_lost():
    with python(ECHO) as f:
        same(f.result(1), 1)
        f.host.close_next = 1
        same(f.result(2), 2)
        same(f.result(3), 3)


def case_ends_with_its_host():
    with python(ECHO) as f:
        f.result(1)
        f.host.close()
        same(f.exit(), 1)


def case_refused_response():
    with python(ECHO) as f:
        f.host.status = 413
        f.invoke(1)
        f.host.status = 202
        same(f.result(2), 2)
        assert "413" in f.text()
