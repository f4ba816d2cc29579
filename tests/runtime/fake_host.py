"""A small Lambda Runtime API server and function processes for the tests.

It serves one function process at a time: `invoke` hands an event out and
waits for the post that settles it.
"""

import json
import os
import pathlib
import queue
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import uuid

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
RUNTIMES = TOP / "src/runtime"
BASE = "/2018-06-01/runtime"
WAIT = 20
PYTHON = shutil.which("python3")
NODE = shutil.which(os.environ.get("GATEHOUSE_NODE", "node"))


class Post:
    """What a runtime posted."""

    def __init__(self, path, headers, body, trailers, times):
        self.path = path[len(BASE):]
        self.headers = headers
        self.body = body
        self.trailers = trailers
        self.times = times		# when each chunk came

    @property
    def kind(self):
        return self.path.rsplit("/", 1)[1]

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.path} {self.headers} {self.body[:300]!r}>"


class Reader:
    def __init__(self, connection):
        self.connection = connection
        self.have = b""

    def more(self):
        part = self.connection.recv(65536)
        if not part:
            raise EOFError
        self.have += part

    def line(self):
        while b"\r\n" not in self.have:
            self.more()
        line, _, self.have = self.have.partition(b"\r\n")
        return line

    def bytes(self, length):
        while len(self.have) < length:
            self.more()
        data, self.have = self.have[:length], self.have[length:]
        return data

    def headers(self):
        found = {}
        while True:
            line = self.line().decode()
            if not line:
                return found
            name, _, value = line.partition(":")
            name = name.lower()
            value = value.strip()
            found[name] = f"{found[name]}, {value}" if name in found else value

    def request(self):
        method, path, version = self.line().decode().split(" ")
        assert version == "HTTP/1.1", version
        headers = self.headers()
        assert headers["host"], headers
        parts, times, trailers = [], [], {}
        if headers.get("transfer-encoding") == "chunked":
            while True:
                size = int(self.line(), 16)
                if size == 0:
                    trailers = self.headers()
                    break
                parts.append(self.bytes(size))
                times.append(time.monotonic())
                self.bytes(2)
        else:
            parts.append(self.bytes(int(headers.get("content-length", 0))))
        return method, path, headers, b"".join(parts), trailers, times


class FakeHost:
    def __init__(self, chunked=False):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.authority = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.events = queue.Queue()
        self.posts = queue.Queue()
        self.status = 202		# of every answer to a post
        self.close_next = 0		# connections to drop instead of serving
        self.chunked = chunked		# how events are framed
        self.waiting = threading.Semaphore(0)	# counts questions
        self.connections = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,),
                             daemon=True).start()

    def serve(self, connection):
        reader = Reader(connection)
        try:
            while True:
                method, path, headers, *rest = reader.request()
                if self.close_next > 0:
                    self.close_next -= 1
                    connection.close()
                    return
                if method == "GET":
                    assert path == BASE + "/invocation/next", path
                    self.waiting.release()
                    self.answer_next(connection)
                    continue
                assert method == "POST", method
                body = b'{"status":"OK"}'
                connection.sendall(
                    (f"HTTP/1.1 {self.status} x\r\n"
                     "Content-Type: application/json\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
                self.posts.put(Post(path, headers, *rest))
        except (EOFError, OSError):
            connection.close()

    def answer_next(self, connection):
        item = self.events.get()
        if item is None:
            raise EOFError
        headers, body = item
        lines = "".join(f"{n}: {v}\r\n" for n, v in headers.items())
        if self.chunked:
            half = len(body) // 2
            framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part)
                              for part in (body[:half], body[half:]) if part)
            lines += "Transfer-Encoding: chunked\r\n"
            body = framed + b"0\r\n\r\n"
        else:
            lines += f"Content-Length: {len(body)}\r\n"
        connection.sendall(
            f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + body)

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.events.put(None)
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()


class Function:
    """One function process with its files, log and host; use `with`."""

    def __init__(self, runtime, handler, files, chunked=False, **environment):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gh-runtime."))
        self.code = self.folder / "code"
        self.code.mkdir()
        for name, text in files.items():
            path = self.code / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.host = FakeHost(chunked)
        self.log = open(self.folder / "log", "wb")
        program = {"nodejs": [NODE, str(RUNTIMES / "runtime-nodejs.mjs")],
                   "python": [PYTHON, str(RUNTIMES / "runtime-python.py")]}
        self.process = subprocess.Popen(
            program[runtime], cwd=self.code, stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, start_new_session=True,
            env={"PATH": os.environ["PATH"],
                 "PYTHONDONTWRITEBYTECODE": "1",
                 "_HANDLER": handler, "LAMBDA_TASK_ROOT": str(self.code),
                 "AWS_LAMBDA_RUNTIME_API": self.host.authority,
                 "AWS_LAMBDA_FUNCTION_NAME": "trial",
                 "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                 "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
                 "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/trial",
                 "AWS_LAMBDA_LOG_STREAM_NAME": "2024/01/01/[$LATEST]0",
                 "AWS_REGION": "us-east-1", "TZ": ":UTC",
                 "LANG": "en_US.UTF-8", **environment})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.host.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, event, request_id=None, timeout_ms=3000, **headers):
        """Hand an event out; returns its request id."""
        request_id = request_id or str(uuid.uuid4())
        body = event if isinstance(event, bytes) \
            else json.dumps(event).encode()
        self.host.events.put(({
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms":
                str(int(time.time() * 1000) + timeout_ms),
            "Lambda-Runtime-Invoked-Function-Arn":
                "arn:aws:lambda:us-east-1:000000000000:function:trial",
            **{name.replace("_", "-"): value
               for name, value in headers.items()}}, body))
        return request_id

    def receive(self):
        """The next post; fails when the process ends first."""
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            try:
                return self.host.posts.get(timeout=0.1)
            except queue.Empty:
                if self.process.poll() is not None \
                        and self.host.posts.empty():
                    break
        raise AssertionError(f"no post; exit {self.process.poll()}; log:\n"
                             + self.text())

    def invoke(self, event=None, **headers):
        request_id = self.send(event, **headers)
        post = self.receive()
        assert post.path.startswith(f"/invocation/{request_id}/"), post
        return post

    def result(self, event=None, **headers):
        post = self.invoke(event, **headers)
        assert post.kind == "response", post
        assert "x-" not in post.headers, post
        return post.json()

    def error(self, event=None, **headers):
        """The error report; its type is in the header too."""
        post = self.invoke(event, **headers)
        assert post.kind == "error", post
        report = post.json()
        assert post.headers["lambda-runtime-function-error-type"] \
            == report["errorType"], post
        return report

    def init_error(self):
        post = self.receive()
        assert post.path == "/init/error", post
        assert self.exit() == 1, "exit code"
        report = post.json()
        assert post.headers["lambda-runtime-function-error-type"] \
            == report["errorType"], post
        return report

    def exit(self):
        return self.process.wait(WAIT)

    def text(self):
        return (self.folder / "log").read_bytes().decode(errors="replace")

    def lines(self):
        return self.text().split("\n")[:-1]
