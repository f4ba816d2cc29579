"""The demo's backends and its page: a few small HTTP servers in threads.

Every server keeps what it was asked, so that checks can tell what reached it.
"""

import http.server
import json
import pathlib
import threading

HERE = pathlib.Path(__file__).resolve().parent


class Server(http.server.ThreadingHTTPServer):
    """Serves in a thread of its own; port 0 lets the kernel choose."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler, port=0):
        super().__init__(("127.0.0.1", port), handler)
        self.lock = threading.Lock()
        self.seen = []
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that went away is no news."""

    def note(self, handler):
        with self.lock:
            self.seen.append((handler.command, handler.path,
                              {k.lower(): v
                               for k, v in handler.headers.items()}))

    def methods_seen(self):
        with self.lock:
            return [method for method, _, _ in self.seen]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One segment per answer: headers and body leave together.
    wbufsize = 65536
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def body(self):
        """The request's body, of either framing."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                if size == 0:
                    while self.rfile.readline().strip():
                        pass
                    return b"".join(parts)
                parts.append(self.rfile.read(size))
                self.rfile.readline()
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status, value, **headers):
        data = json.dumps(value).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def serve(self):
        self.server.note(self)
        self.reply(self.body())
        self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve
    do_OPTIONS = serve


class Pets(Handler):
    """/v1/cats, /v1/COLOR/dogs/ID, /v1/mice/..."""

    def reply(self, body):
        path = self.path.split("?")[0]
        parts = path.strip("/").split("/")
        if path == "/v1/cats" and self.command == "POST":
            try:
                cat = json.loads(body)
            except ValueError:
                self.answer(400, {"message": "a cat is JSON"})
                return
            self.answer(201, {"cat": cat,
                              "authtoken": self.headers.get("authtoken")},
                        X_Cat="new")
        elif path == "/v1/cats":
            self.answer(200, {"cats": ["Felix", "Garfield"]}, X_Cat="old")
        elif len(parts) == 4 and parts[2] == "dogs":
            self.answer(200, {"dog": parts[3], "color": parts[1]})
        elif len(parts) >= 3 and parts[1] == "mice":
            self.answer(200, {"mouse": "/".join(parts[2:]),
                              "method": self.command})
        else:
            self.answer(404, {"message": "no such pet"})


class Store(Handler):
    """/items/ID"""

    def reply(self, body):
        parts = self.path.split("?")[0].strip("/").split("/")
        if len(parts) == 2 and parts[0] == "items":
            self.answer(200, {"item": parts[1], "price": "1.00"})
        elif parts == ["items"] and self.command == "POST":
            self.answer(201, {"bytes": len(body)})
        else:
            self.answer(404, {"message": "no such item"})


class Page(Handler):
    """The page on another origin; POST /result takes what it found."""

    def reply(self, body):
        if self.command == "POST" and self.path == "/result":
            self.server.result = json.loads(body)
            self.server.result_there.set()
            self.answer(200, {})
            return
        if self.path.split("?")[0] != "/":
            self.answer(404, {"message": "there is one page"})
            return
        text = (HERE / "page.html").read_text()
        data = text.replace("@GATEWAY@", self.server.gateway).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class PageServer(Server):
    def __init__(self, port=0):
        self.gateway = ""
        self.result = None
        self.result_there = threading.Event()
        super().__init__(Page, port)
