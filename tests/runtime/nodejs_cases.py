"""What functions written for Node.js may expect of the runtime."""

import base64
import json
import re
import time

from fake_host import Function

ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def node(source, handler="index.handler", name="index.js", more=None, **env):
    return Function("nodejs", handler, {name: source, **(more or {})}, **env)


def same(found, wanted):
    assert found == wanted, f"{found!r} instead of {wanted!r}"


def case_commonjs_async():
    with node("exports.handler = async (event) => ({ got: event });") as f:
        same(f.result({"a": [1, "é", None]}), {"got": {"a": [1, "é", None]}})
        same(f.result("text"), {"got": "text"})


def case_module_mjs():
    with node("const x = await Promise.resolve(7);\n"
              "export const handler = async () => x;\n",
              name="index.mjs") as f:
        same(f.result(), 7)


def case_module_by_package():
    with node("import fs from 'node:fs';\nexport const handler = async () =>"
              " typeof fs.readFileSync;\n",
              more={"package.json": '{"type": "module"}'}) as f:
        same(f.result(), "function")


def case_commonjs_cjs():
    with node("exports.handler = async () => __filename.slice(-9);",
              name="index.cjs",
              more={"package.json": '{"type": "module"}'}) as f:
        same(f.result(), "index.cjs")


def case_handler_in_folder():
    with node("exports.fn = async () => require('../util').n;",
              "dir/sub/file.fn", "dir/sub/file.js",
              {"dir/util.js": "exports.n = 3;"}) as f:
        same(f.result(), 3)


def case_handler_nested():
    with node("exports.a = { b: { handler: async function () {"
              " return this.n; }, n: 5 } };", "index.a.b.handler") as f:
        same(f.result(), 5)


def case_handler_in_package():
    with node("exports.handler = async () => 1;", "mod.handler",
              "node_modules/mod/index.js") as f:
        same(f.result(), 1)


def case_callback_waits_for_the_loop():
    with node("let late = 0; exports.handler = (event, context, callback) => {"
              " callback(null, { late }); setTimeout(() => { late++; }, 200);"
              " };") as f:
        began = time.monotonic()
        same(f.result(), {"late": 0})
        assert time.monotonic() - began >= 0.19
        same(f.result(), {"late": 1})


def case_callback_does_not_wait():
    with node("exports.handler = (event, context, callback) => {"
              " context.callbackWaitsForEmptyEventLoop = false;"
              " setInterval(() => {}, 1000); callback(null, 'now'); };") as f:
        same(f.result(), "now")
        same(f.result(), "now")


def case_callback_later_and_error():
    with node("exports.handler = (event, context, callback) => setTimeout("
              "() => event ? callback(new TypeError('bad')) : "
              "callback(null, 1), 20);") as f:
        same(f.result(0), 1)
        report = f.error(1)
        same((report["errorType"], report["errorMessage"]),
             ("TypeError", "bad"))
        same(f.result(0), 1)


def case_callback_first_wins():
    with node("exports.handler = (event, context, callback) => {"
              " callback(null, 1); callback(null, 2);"
              " callback(new Error('x')); };") as f:
        same([f.result(), f.result()], [1, 1])


def case_no_callback_is_null():
    with node("exports.handler = (event, context) => { 1; };") as f:
        same([f.result(), f.result()], [None, None])


def case_never_settled():
    with node("exports.handler = async (event) => event ? new Promise("
              "() => {}) : 'ok';") as f:
        same(f.error(1)["errorType"], "Runtime.NodeJsExit")
        same(f.result(0), "ok")


def case_promise_not_async():
    with node("exports.handler = (event) => Promise.resolve([event]);") as f:
        same(f.result(4), [4])


def case_done_succeed_fail():
    with node("exports.handler = (event, context) => {"
              " setInterval(() => {}, 1000);"
              " if (event === 'done') context.done(null, 1);"
              " else if (event === 'succeed') context.succeed(2);"
              " else if (event === 'fail') context.fail(new Error('three'));"
              " else context.fail('four'); };") as f:
        same(f.result("done"), 1)
        same(f.result("succeed"), 2)
        same(f.error("fail")["errorMessage"], "three")
        same(f.error(""), {"errorType": "string", "errorMessage": "four",
                           "trace": []})


def case_undefined_is_null():
    with node("exports.handler = async () => undefined;") as f:
        same(f.invoke().body, b"null")


def case_result_is_no_json():
    with node("exports.handler = async (event) => { const a = {}; a.a = a;"
              " return event ? a : 10n; };") as f:
        same(f.error(1)["errorType"], "Runtime.JSONStringifyError")
        same(f.error(0)["errorType"], "Runtime.JSONStringifyError")


def case_errors_thrown():
    with node("class Mine extends Error { constructor(m) { super(m);"
              " this.name = 'Mine'; this.code = 42; } }\n"
              "exports.handler = async (event) => {"
              " if (event === 'string') throw 'text';"
              " if (event === 'null') throw null;"
              " throw new Mine('why\\nnot'); };") as f:
        report = f.error("error")
        same((report["errorType"], report["errorMessage"]),
             ("Mine", "why\nnot"))
        assert "index.js" in "".join(report["trace"]), report
        same(set(report), {"errorType", "errorMessage", "trace"})
        same(f.error("string"), {"errorType": "string",
                                 "errorMessage": "text", "trace": []})
        same(f.error("null")["errorMessage"], "null")
        line = f.lines()[0].split("\t")
        same(line[2:4], ["ERROR", "Invoke Error "])
        logged = json.loads(line[4])
        same((logged["errorType"], logged["code"]), ("Mine", 42))
        assert logged["stack"], logged


def case_error_thrown_at_once():
    with node("exports.handler = () => { throw new RangeError('r'); };") as f:
        same(f.error()["errorType"], "RangeError")


def case_event_is_no_json():
    with node("exports.handler = async () => 1;") as f:
        same(f.error(b"{")["errorType"], "SyntaxError")
        same(f.result(), 1)


def case_context():
    source = """exports.handler = async (event, context) => {
      const left = context.getRemainingTimeInMillis();
      return { ...context, left, trace: process.env._X_AMZN_TRACE_ID ?? null,
        kinds: ['done', 'fail', 'succeed'].map((n) => typeof context[n]) };
    };"""
    with node(source) as f:
        found = f.result(
            None, request_id="id-1", timeout_ms=5000,
            Lambda_Runtime_Trace_Id="Root=1-a;Sampled=0",
            Lambda_Runtime_Client_Context='{"custom": {"a": "é"}}',
            Lambda_Runtime_Cognito_Identity='{"cognitoIdentityId": "c"}',
            Lambda_Runtime_Aws_Tenant_Id="t1")
        assert 3000 < found.pop("left") <= 5000
        same(found, {
            "callbackWaitsForEmptyEventLoop": True,
            "functionVersion": "$LATEST", "functionName": "trial",
            "memoryLimitInMB": "128", "logGroupName": "/aws/lambda/trial",
            "logStreamName": "2024/01/01/[$LATEST]0",
            "clientContext": {"custom": {"a": "é"}},
            "identity": {"cognitoIdentityId": "c"},
            "invokedFunctionArn":
                "arn:aws:lambda:us-east-1:000000000000:function:trial",
            "awsRequestId": "id-1", "tenantId": "t1",
            "trace": "Root=1-a;Sampled=0",
            "kinds": ["function"] * 3})
        found = f.result()
        same(found["trace"], None)
        assert "clientContext" not in found, found


def case_client_context_is_no_json():
    with node("exports.handler = async () => 1;") as f:
        same(f.error(None, Lambda_Runtime_Client_Context="{")["errorType"],
             "SyntaxError")


def case_log_text():
    source = """console.log('start');
    exports.handler = async () => { console.log('a', { b: 1 }, 'c\\nd');
      console.warn('%s=%d', 'x', 5); console.error(new Error('e'));
      console.debug('dd'); console.info(); };"""
    with node(source) as f:
        f.result(request_id="id-7")
        lines = f.lines()
        wanted = [("-", "INFO", "start"), ("id-7", "INFO", "a { b: 1 } c\rd"),
                  ("id-7", "WARN", "x=5"), ("id-7", "ERROR", "Error: e\r"),
                  ("id-7", "DEBUG", "dd"), ("id-7", "INFO", "")]
        raw = f.text().rstrip("\n").split("\n")
        same(len(raw), len(wanted))
        for line, (request, level, text) in zip(raw, wanted):
            moment, *rest = line.split("\t", 3)
            assert re.fullmatch(ISO, moment), line
            same(rest[:2], [request, level])
            assert rest[2].startswith(text), line
        assert lines


def case_log_json():
    source = """exports.handler = async () => { console.log('hidden');
      console.warn({ a: 1 }); console.warn('x', 2);
      console.error('failed', new TypeError('t')); console.error(9n); };"""
    with node(source, AWS_LAMBDA_LOG_FORMAT="JSON",
              AWS_LAMBDA_LOG_LEVEL="WARN") as f:
        f.result(request_id="id-8")
        lines = [json.loads(line) for line in f.lines()]
        same([line["level"] for line in lines],
             ["WARN", "WARN", "ERROR", "ERROR"])
        same([line["message"] for line in lines[:2]], [{"a": 1}, "x 2"])
        same(lines[3]["message"], "9n")
        same((lines[2]["errorType"], lines[2]["errorMessage"]),
             ("TypeError", "t"))
        assert lines[2]["stackTrace"] and all(
            re.fullmatch(ISO, line["timestamp"])
            and line["requestId"] == "id-8" for line in lines), lines


def case_log_large():
    # More than a pipe holds, and stdout made non-blocking by its stream.
    with node("exports.handler = async () => { process.stdout.write('s\\n');"
              " console.log('x'.repeat(300000)); return 1; };") as f:
        same(f.result(), 1)
        same(len(f.lines()[1].split("\t")[3]), 300000)


def case_init_errors():
    for source, handler, name, message in (
            ("exports.handler = 1;", "index", "Runtime.MalformedHandlerName",
             "index"),
            ("", "../index.handler", "Runtime.MalformedHandlerName", ".."),
            ("", "other.handler", "Runtime.ImportModuleError",
             "Cannot find module"),
            ("require('absent');", "index.handler",
             "Runtime.ImportModuleError", "absent"),
            ("exports.handlers = 1;", "index.handler",
             "Runtime.HandlerNotFound",
             "index.handler is undefined or not exported"),
            ("exports.handler = 1;", "index.handler",
             "Runtime.HandlerNotFound", "index.handler is not a function"),
            ("exports.handler = {", "index.handler",
             "Runtime.UserCodeSyntaxError", "SyntaxError"),
            ("throw new RangeError('at start');", "index.handler",
             "RangeError", "at start")):
        with node(source, handler) as f:
            report = f.init_error()
            same(report["errorType"], name)
            assert message in report["errorMessage"], report
            assert "\tERROR\tUncaught Exception" in f.text(), f.text()


def case_init_errors_of_modules():
    for source, name in (
            ("import 'absent';", "Runtime.ImportModuleError"),
            ("export const handler = ;", "Runtime.UserCodeSyntaxError"),
            ("await Promise.reject(new TypeError('t'));", "TypeError"),
            ("await new Promise(() => {});", "Runtime.ImportModuleError")):
        with node(source, name="index.mjs") as f:
            same(f.init_error()["errorType"], name)


def case_uncaught_exception():
    with node("exports.handler = () => { setTimeout(() => {"
              " throw new TypeError('late'); }, 10); };") as f:
        same(f.error()["errorType"], "TypeError")
        same(f.exit(), 129)
        assert "Uncaught Exception" in f.text()


def case_unhandled_rejection():
    with node("exports.handler = async () => { Promise.reject(new Error("
              "'lost')); await new Promise((r) => setTimeout(r, 500)); };"
              ) as f:
        report = f.error()
        same(report["errorType"], "Runtime.UnhandledPromiseRejection")
        same(report["errorMessage"], "Error: lost")
        same(f.exit(), 128)


def case_process_exit():
    with node("exports.handler = async () => process.exit(7);") as f:
        f.send(None)
        same(f.exit(), 7)
        assert f.host.posts.empty()


def case_large_both_ways():
    with node("exports.handler = async (e) => e.text + e.text;") as f:
        text = "é" * 1_500_000
        same(f.result({"text": text}), text * 2)
        same(f.result({"text": "b"}), "bb")


def case_chunked_host():
    with node("exports.handler = async (e) => e;", chunked=True) as f:
        same(f.result({"a": 1}), {"a": 1})
        same(f.result("x" * 500000), "x" * 500000)


def case_one_connection():
    with node("exports.handler = async (e) => e;") as f:
        for n in range(20):
            same(f.result(n), n)
        same(len(f.host.connections), 1)


def case_connection_lost():
    with node("exports.handler = async (e) => e;") as f:
        same(f.result(1), 1)
        f.host.close_next = 1
        same(f.result(2), 2)
        same(f.result(3), 3)


def case_ends_with_its_host():
    with node("exports.handler = async (e) => e;") as f:
        f.result(1)
        f.host.close()
        same(f.exit(), 1)


def case_refused_response():
    with node("exports.handler = async (e) => e;") as f:
        f.host.status = 413
        f.invoke(1)
        f.host.status = 202
        same(f.result(2), 2)
        assert "413" in f.text()


def stream(body, head="", options=""):
    return node(f"{head}\nexports.handler = awslambda.streamifyResponse("
                f"async (event, out, context) => {{ {body} }}{options});")


def case_stream():
    with stream("out.setContentType('text/plain'); out.write('one');"
                " await new Promise((r) => setTimeout(r, 150));"
                " out.write(Buffer.from('two')); out.write({ n: 3 });"
                " out.end();") as f:
        post = f.invoke()
        same(post.body, b'onetwo{"n":3}')
        same(post.headers["content-type"], "text/plain")
        same(post.headers["lambda-runtime-function-response-mode"],
             "streaming")
        same(post.headers["transfer-encoding"], "chunked")
        same(post.headers["trailer"], "Lambda-Runtime-Function-Error-Type, "
             "Lambda-Runtime-Function-Error-Body")
        same(post.trailers, {})
        assert post.times[-1] - post.times[0] > 0.1, post.times
        same(f.invoke().body, b'onetwo{"n":3}')
        same(len(f.host.connections), 1)


def case_stream_http():
    with stream("out = awslambda.HttpResponseStream.from(out, { statusCode:"
                " 201, headers: { a: 'b' }, cookies: ['c=d'] });"
                " if (event) out.write('body'); out.end();") as f:
        for event, payload in ((1, b"body"), (0, b"")):
            post = f.invoke(event)
            same(post.headers["content-type"],
                 "application/vnd.awslambda.http-integration-response")
            prelude, found = post.body.split(b"\0" * 8)
            same(json.loads(prelude), {"statusCode": 201,
                                       "headers": {"a": "b"},
                                       "cookies": ["c=d"]})
            same(found, payload)


def case_stream_fails():
    for body, wanted in (
            ("throw new RangeError('r');", b""),
            ("out.write('part'); throw new RangeError('r');", b"part"),
            ("out.write('part'); await new Promise((s) => setTimeout(s, 30));"
             " out.destroy(new RangeError('r'));", b"part"),
            ("const { Readable } = require('stream'); await require("
             "'stream/promises').pipeline(Readable.from((async function* ()"
             " { yield 'part'; throw new RangeError('r'); })()), out);",
             b"part")):
        with stream(body) as f:
            post = f.invoke()
            assert wanted.startswith(post.body), post
            same(post.trailers["lambda-runtime-function-error-type"],
                 "RangeError")
            report = json.loads(base64.b64decode(
                post.trailers["lambda-runtime-function-error-body"]))
            same((report["errorType"], report["errorMessage"]),
                 ("RangeError", "r"))
            f.invoke()


def case_stream_fails_with_a_long_message():
    with stream("throw new Error('é'.repeat(100000));") as f:
        text = f.invoke().trailers["lambda-runtime-function-error-body"]
        assert len(text) < 8000, len(text)
        same(json.loads(base64.b64decode(text))["errorMessage"], "é" * 1000)


def case_stream_not_ended():
    with stream("out.write('x');") as f:
        post = f.invoke()
        same(post.trailers["lambda-runtime-function-error-type"],
             "Runtime.StreamNotFinished")
        f.invoke()


def case_stream_pipeline_large():
    with stream("const { Readable } = require('stream'); await require("
                "'stream/promises').pipeline(Readable.from((async function* ()"
                " { for (let i = 0; i < 200; i++) yield Buffer.alloc(40000,"
                " i); })()), out);", options=", { highWaterMark: 65536 }") as f:
        post = f.invoke()
        same(post.body, b"".join(bytes([i]) * 40000 for i in range(200)))
        same(post.trailers, {})


def case_stream_dies():
    with stream("out.write('x'); setTimeout(() => { throw new TypeError('t');"
                " }, 20); await new Promise(() => {});") as f:
        post = f.invoke()
        same(post.trailers["lambda-runtime-function-error-type"], "TypeError")
        same(f.exit(), 129)


def case_stream_from_a_module():
    with node("export const handler = awslambda.streamifyResponse("
              "async (event, out) => { out.end('m'); });\n",
              name="index.mjs") as f:
        same(f.invoke().body, b"m")
