"""The client of the Lambda Runtime API for functions written in Python.

    python3 runtime-python.py [HANDLER]

Started once for each instance of a function, with the environment that
Lambda's own runtime has. It loads the handler, asks the function host for
events and posts what the handler makes of them, one at a time. Only Python's
own library is used (3.9 or newer). The host is reached by one kept
connection, on which the answer to one event and the question for the next
leave together. The process ends when the host is gone.
"""

import importlib
import json
import logging
import math
import os
import re
import socket
import sys
import time
import traceback

BASE = "/2018-06-01/runtime"
RECEIVE_BYTES = 65536
LOG_NAME = {"WARNING": "WARN", "CRITICAL": "FATAL"}
# Attributes that every record has; the others came by `extra`.
RECORD_ATTRIBUTES = frozenset(
    vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {
        "message", "asctime", "taskName", "aws_request_id", "tenant_id"}
# Decimals go through json as strings that nobody else can have written.
DECIMAL_MARK = os.urandom(16).hex() + ":"
DECIMAL_TEXT = re.compile(f'"{DECIMAL_MARK}([^"]*)"')
NO_BREAK_SPACE = "\u00a0"	# indents survive in log viewers

JSON_LOG = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


class Fault(Exception):
    """An error of the runtime's own, with Lambda's name for it."""

    def __init__(self, name, message, trace=()):
        super().__init__(message)
        self.name = name
        self.trace = list(trace)


class HostGone(Exception):
    """The function host cannot be reached any more."""


# --- HTTP to the function host ----------------------------------------------

class Host:
    """One kept connection; a call that met a closed one is made once more."""

    def __init__(self, authority):
        name, _, port = (authority or "").rpartition(":")
        if not name or not port.isdigit():
            sys.exit("AWS_LAMBDA_RUNTIME_API must be host:port")
        self.address = (name.strip("[]"), int(port))
        self.line = f"Host: {authority}\r\n"
        self.question = (f"GET {BASE}/invocation/next HTTP/1.1\r\n"
                         f"{self.line}\r\n").encode("ascii")
        self.socket = None
        self.have = b""

    def connect(self):
        try:
            self.socket = socket.create_connection(self.address)
        except OSError as error:
            raise HostGone(str(error)) from None
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.have = b""

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def post(self, where, lines, body):
        """The bytes of a post."""
        return (f"POST {BASE}{where} HTTP/1.1\r\n{self.line}{lines}"
                f"Content-Length: {len(body)}\r\n\r\n").encode("ascii") + body

    def calls(self, *requests):
        """Send the requests together; returns their answers in order."""
        answers = []
        tried = 0
        while True:
            try:
                if self.socket is None:
                    self.connect()
                self.socket.sendall(b"".join(requests[len(answers):]))
                while len(answers) < len(requests):
                    answers.append(self.receive())
                return answers
            except (OSError, EOFError) as error:
                # What has no answer is sent once more; the host refuses
                # what it had taken already.
                self.close()
                tried += 1
                if tried > len(requests):
                    raise HostGone(str(error)) from None

    def more(self):
        part = self.socket.recv(RECEIVE_BYTES)
        if not part:
            raise EOFError("the function host closed the connection")
        return part

    def receive(self):
        """One answer: (status, headers with lower-case names, body)."""
        while True:
            while True:
                end = self.have.find(b"\r\n\r\n")
                if end >= 0:
                    break
                self.have += self.more()
            lines = self.have[:end].decode("utf-8", "replace").split("\r\n")
            self.have = self.have[end + 4:]
            status = int(lines[0][9:12])
            if status >= 200:
                break
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if "transfer-encoding" in headers:
            body = self.receive_chunks()
        else:
            body = self.receive_bytes(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return status, headers, body

    def receive_bytes(self, length):
        missing = length - len(self.have)
        if missing <= 0:
            body, self.have = self.have[:length], self.have[length:]
            return body
        parts = [self.have]
        while missing > 0:
            part = self.more()
            parts.append(part[:missing])
            self.have = part[missing:]
            missing -= len(part)
        return b"".join(parts)

    def receive_line(self):
        while b"\r\n" not in self.have:
            self.have += self.more()
        line, _, self.have = self.have.partition(b"\r\n")
        return line

    def receive_chunks(self):
        parts = []
        while True:
            size = int(self.receive_line().split(b";")[0], 16)
            if size == 0:
                break
            parts.append(self.receive_bytes(size))
            self.receive_line()
        while self.receive_line():
            pass
        return b"".join(parts)


# --- Lines of log -----------------------------------------------------------

class Current:
    """What the log has to know of the event being handled."""

    request_id = ""
    tenant_id = None


def write_line(text):
    """One line to the function's log; newlines inside become returns."""
    sys.stdout.write(text.replace("\n", "\r") + "\n")
    sys.stdout.flush()


def now_text():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class TextFormatter(logging.Formatter):
    converter = time.gmtime

    def __init__(self):
        super().__init__(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t"
            "%(message)s", "%Y-%m-%dT%H:%M:%S")


class JsonFormatter(logging.Formatter):
    """An object a line, with whatever `extra` gave."""

    def format(self, record):
        line = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                       time.gmtime(record.created)),
            "level": LOG_NAME.get(record.levelname, record.levelname),
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0] is not None:
            kind, value, trace = record.exc_info
            line["stackTrace"] = traceback.format_tb(trace)
            line["errorType"] = kind.__name__
            line["errorMessage"] = str(value)
            line["location"] = (f"{record.pathname}:{record.funcName}:"
                                f"{record.lineno}")
        if record.aws_request_id:
            line["requestId"] = record.aws_request_id
        if record.tenant_id:
            line["tenantId"] = record.tenant_id
        for name, value in vars(record).items():
            if name not in RECORD_ATTRIBUTES and name not in line:
                line[name] = value
        return json.dumps(line, default=str)


class LogHandler(logging.Handler):
    """To stdout as it is now: a function may have replaced it."""

    def emit(self, record):
        record.aws_request_id = Current.request_id
        record.tenant_id = Current.tenant_id
        try:
            write_line(self.format(record))
        except Exception:
            self.handleError(record)


def start_logging():
    handler = LogHandler()
    handler.setFormatter(JsonFormatter() if JSON_LOG else TextFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    level = {"TRACE": "DEBUG", "WARN": "WARNING",
             "FATAL": "CRITICAL"}.get(level, level)
    if level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        root.setLevel(level)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, encoding="utf-8",
                           errors="backslashreplace")


def log_error(report):
    """An invocation's or the start's failure, as Lambda writes it."""
    if JSON_LOG:
        write_line(json.dumps({"timestamp": now_text(), "level": "ERROR",
                               **report}))
        return
    lines = [f"[ERROR] {report['errorType']}: {report['errorMessage']}",
             "Traceback (most recent call last):"]
    for entry in report["stackTrace"]:
        for line in entry.splitlines():
            text = line.lstrip(" ")
            lines.append(NO_BREAK_SPACE * (len(line) - len(text)) + text)
    write_line("\n".join(lines))


# --- Errors and results -----------------------------------------------------

def error_report(error, request_id=""):
    """The body of a post to .../error."""
    if isinstance(error, Fault):
        name, trace = error.name, error.trace
    else:
        name = type(error).__name__
        # Without the marks below a line that newer versions add.
        frames = [(frame.filename, frame.lineno, frame.name, frame.line)
                  for frame in traceback.extract_tb(error.__traceback__)
                  if frame.filename not in (__file__, importlib.__file__)
                  and not frame.filename.startswith("<frozen importlib")]
        trace = traceback.format_list(frames)
    try:
        message = str(error)
    except Exception:
        message = ""
    return {"errorMessage": message, "errorType": name,
            "requestId": request_id, "stackTrace": trace}


def error_lines(report):
    name = "".join(c for c in report["errorType"] if "!" <= c <= "~")
    return ("Content-Type: application/json\r\n"
            f"Lambda-Runtime-Function-Error-Type: {name or 'Exception'}\r\n")


def json_value(value):
    """What json cannot write by itself: decimals, with all their digits."""
    # Who has a decimal has the module; others are spared its loading.
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        return math.nan if value.is_nan() else f"{DECIMAL_MARK}{value}"
    raise TypeError(f"Object of type {type(value).__name__} is not JSON "
                    "serializable")


def result_bytes(value):
    """(body, content type) of a handler's result."""
    if isinstance(value, bytes):
        return value, "application/unknown"
    try:
        text = json.dumps(value, default=json_value)
    except Exception as error:
        raise Fault("Runtime.MarshalError",
                    f"Unable to marshal response: {error}") from None
    if DECIMAL_MARK in text:
        text = DECIMAL_TEXT.sub(r"\1", text)
    return text.encode("ascii"), "application/json"


# --- The handler ------------------------------------------------------------

def load_handler(text):
    module_name, dot, name = text.rpartition(".")
    if not dot or not module_name or not name:
        raise Fault("Runtime.MalformedHandlerName",
                    f"Bad handler '{text}': expected module.function")
    module_name = module_name.replace("/", ".").lstrip(".")
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict",
                    f"Cannot use built-in module {module_name} as a handler "
                    "module")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError",
                    f"Unable to import module '{module_name}': {error}",
                    error_report(error)["stackTrace"]) from None
    except SyntaxError as error:
        raise Fault("Runtime.UserCodeSyntaxError",
                    f"Syntax error in module '{module_name}': {error}",
                    [f'  File "{error.filename}" Line {error.lineno}\n'
                     f"    {(error.text or '').strip()}"]) from None
    try:
        return getattr(module, name)
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound",
                    f"Handler '{name}' missing on module '{module_name}'"
                    ) from None


class Record:
    """Named members, None where nothing was given."""

    def __init__(self, names, values):
        for name in names:
            setattr(self, name, (values or {}).get(name))

    def __repr__(self):
        return f"{type(self).__name__}({vars(self)!r})"


class CognitoIdentity(Record):
    def __init__(self, values):
        super().__init__((), None)
        values = values or {}
        self.cognito_identity_id = values.get("cognitoIdentityId")
        self.cognito_identity_pool_id = values.get("cognitoIdentityPoolId")


class Client(Record):
    NAMES = ("installation_id", "app_title", "app_version_name",
             "app_version_code", "app_package_name")


class ClientContext(Record):
    def __init__(self, values):
        super().__init__(("custom", "env"), values)
        client = values.get("client")
        self.client = Client(Client.NAMES, client) if client else None


def parsed(headers, name, what):
    text = headers.get(name)
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise Fault("Runtime.LambdaContextUnmarshalError",
                    f"Unable to parse {what} JSON: {error}") from None


class LambdaContext:
    """The handler's second argument."""

    def __init__(self, headers):
        environment = os.environ.get
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id")
        self.log_group_name = environment("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environment("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = environment("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = environment("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = environment("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = headers.get(
            "lambda-runtime-invoked-function-arn")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        client = parsed(headers, "lambda-runtime-client-context",
                        "Client Context")
        self.client_context = ClientContext(client) if client else None
        self.identity = CognitoIdentity(parsed(
            headers, "lambda-runtime-cognito-identity", "Cognito Identity"))
        self._epoch_deadline_time_in_ms = int(
            headers.get("lambda-runtime-deadline-ms") or 0)

    def get_remaining_time_in_millis(self):
        left = self._epoch_deadline_time_in_ms - int(time.time() * 1000)
        return max(left, 0)

    def log(self, text):
        sys.stdout.write(str(text))

    def __repr__(self):
        return f"LambdaContext({vars(self)!r})"


# --- The life of the process ------------------------------------------------

def set_trace(trace):
    if trace:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)


def flush_output():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass


def handle(host, handler, headers, body):
    """Run the handler for one event; returns the bytes of its post."""
    request_id = headers["lambda-runtime-aws-request-id"]
    Current.request_id = request_id
    Current.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
    set_trace(headers.get("lambda-runtime-trace-id"))
    try:
        context = LambdaContext(headers)
        try:
            event = json.loads(body)
        except ValueError as error:
            raise Fault("Runtime.UnmarshalError",
                        f"Unable to unmarshal input: {error}") from None
        result, content_type = result_bytes(handler(event, context))
        post = host.post(f"/invocation/{request_id}/response",
                         f"Content-Type: {content_type}\r\n", result)
    except Exception as error:
        report = error_report(error, request_id)
        log_error(report)
        post = host.post(f"/invocation/{request_id}/error",
                         error_lines(report), json.dumps(report).encode())
    flush_output()
    return post


def serve(host, handler):
    answers = host.calls(host.question)
    while True:
        status, headers, body = answers[-1]
        if status != 200 or "lambda-runtime-aws-request-id" not in headers:
            raise HostGone(f"the function host answered {status} to next")
        post = handle(host, handler, headers, body)
        answers = host.calls(post, host.question)
        if answers[0][0] >= 300:
            write_line("[ERROR] The host refused the response of "
                       f"{Current.request_id}: status {answers[0][0]}")


def main():
    name = os.environ.get("_HANDLER") or "".join(sys.argv[1:2])
    host = Host(os.environ.get("AWS_LAMBDA_RUNTIME_API"))
    # Modules are the function's, never this file's neighbours.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.environ.get("LAMBDA_TASK_ROOT") or os.getcwd()] + [
        folder for folder in sys.path if folder != here]
    start_logging()
    try:
        try:
            handler = load_handler(name)
        except Exception as error:
            report = error_report(error)
            log_error(report)
            host.calls(host.post("/init/error", error_lines(report),
                                 json.dumps(report).encode()))
            sys.exit(1)
        serve(host, handler)
    except HostGone:
        flush_output()
        os._exit(1)


if __name__ == "__main__":
    main()
