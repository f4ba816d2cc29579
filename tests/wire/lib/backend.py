"""A scripted backend: records every byte, answers what it is told.

The handler is called with (request, connection) and returns
  Reply       a well-formed answer
  bytes       put on the wire as they are, the connection stays open
  Close(x)    x (bytes or Reply), then the connection is closed
  None        it has written by itself, or wants the connection closed when
              it set connection.over
Threads are daemons; close() ends them by ending their sockets.
"""

import os
import socket
import struct
import threading
import time

from .client import parse_fields, PATIENCE


class Request:
    def __init__(self, raw_head, conn):
        self.raw = raw_head
        lines = raw_head.split(b"\r\n")
        parts = lines[0].decode("latin-1").split(" ")
        self.line = lines[0].decode("latin-1")
        self.method = parts[0]
        self.target = parts[1] if len(parts) > 1 else ""
        self.version = parts[2] if len(parts) > 2 else ""
        self.headers = parse_fields(lines[1:])
        self.body = b""
        self.trailers = []
        self.chunks = 0
        self.complete = False
        self.conn = conn

    def all(self, name):
        name = name.lower()
        return [v for n, v in self.headers if n.lower() == name]

    def get(self, name, default=None):
        found = self.all(name)
        return ", ".join(found) if found else default

    def has(self, name):
        return bool(self.all(name))

    def names(self):
        return [n for n, v in self.headers]

    def __repr__(self):
        return "<%s %r %r>" % (self.line, self.headers, self.body[:80])


class Reply:
    def __init__(self, status=200, headers=(), body=b"", framing="length",
                 reason="OK", version="HTTP/1.1", pieces=None):
        self.status, self.reason, self.version = status, reason, version
        if isinstance(headers, dict):
            headers = list(headers.items())
        self.headers = list(headers)
        self.body = body.encode() if isinstance(body, str) else body
        self.framing = framing		# length, chunked, close, none
        self.pieces = pieces

    def encode(self, method):
        lines = ["%s %d %s" % (self.version, self.status, self.reason)]
        lines += ["%s: %s" % h for h in self.headers]
        body = self.body
        if self.framing == "length":
            lines.append("Content-Length: %d" % len(body))
        elif self.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
            pieces = self.pieces or ([body] if body else [])
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces)
            body += b"0\r\n\r\n"
        elif self.framing == "close":
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        return head + (b"" if method == "HEAD" else body)


class Close:
    def __init__(self, data=b""):
        self.data = data


class Connection:
    """One accepted connection, as the handler sees it."""

    def __init__(self, backend, sock, number):
        self.backend = backend
        self.sock = sock
        self.number = number
        self.received = b""		# every byte that came
        self.left = b""
        self.over = False
        self.ended = threading.Event()	# EOF or reset was seen
        self.served = 0

    def fill(self):
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.ended.set()
            return False
        if len(self.received) < 1 << 22:
            self.received += data
        self.left += data
        return True

    def read_head(self):
        while b"\r\n\r\n" not in self.left:
            if not self.fill():
                return None
        raw, self.left = self.left.split(b"\r\n\r\n", 1)
        return Request(raw, self)

    def _line(self):
        while b"\r\n" not in self.left:
            if not self.fill():
                return None
        line, self.left = self.left.split(b"\r\n", 1)
        return line

    def _take(self, n, keep):
        out, got = [], 0
        while got < n:
            if not self.left and not self.fill():
                return None
            piece = self.left[:n - got]
            self.left = self.left[len(piece):]
            got += len(piece)
            if keep:
                out.append(piece)
        return b"".join(out)

    def read_body(self, req, keep=True):
        """False when the connection ended within the body."""
        te = req.all("transfer-encoding")
        if te:
            parts = []
            while True:
                line = self._line()
                if line is None:
                    return False
                n = int(line, 16)
                if n == 0:
                    break
                piece = self._take(n, keep)
                if piece is None or self._take(2, True) != b"\r\n":
                    return False
                parts.append(piece)
                req.chunks += 1
            lines = []
            while True:
                line = self._line()
                if line is None:
                    return False
                if not line:
                    break
                lines.append(line)
            req.trailers = parse_fields(lines)
            req.body = b"".join(parts)
        elif req.all("content-length"):
            body = self._take(int(req.all("content-length")[0]), keep)
            if body is None:
                return False
            req.body = body
        req.complete = True
        return True

    def send(self, data):
        try:
            self.sock.sendall(data)
            return True
        except OSError:
            return False

    def drip(self, data, step=1, pause=0.002):
        for i in range(0, len(data), step):
            if not self.send(data[i:i + step]):
                return False
            time.sleep(pause)
        return True

    def reset(self):
        """Close with RST instead of FIN."""
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.close()

    def close(self):
        self.over = True
        try:
            self.sock.close()
        except OSError:
            pass


def echo(req, conn):
    """The default answer: what arrived, as text."""
    return Reply(200, [("Content-Type", "text/plain"),
                       ("X-Backend", conn.backend.name)],
                 ("%s\n" % req.line).encode("latin-1") + req.body)


class Backend:
    def __init__(self, handler=echo, path=None, ipv6=False, name="b",
                 read_body=True, backlog=512, listen=True, port=0):
        self.handler = handler
        self.name = name
        self.reads_body = read_body
        self.requests = []
        self.connections = []
        self.errors = []
        self.changed = threading.Condition()
        if path:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.bind(path)
            os.chmod(path, 0o777)
            self.address = "unix:" + path
            self.port = None
        else:
            family = socket.AF_INET6 if ipv6 else socket.AF_INET
            self.sock = socket.socket(family, socket.SOCK_STREAM)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.bind(("::1" if ipv6 else "127.0.0.1", port))
            self.port = self.sock.getsockname()[1]
            self.address = ("[::1]:%d" if ipv6 else "127.0.0.1:%d") % self.port
        if listen:
            self.sock.listen(backlog)
            threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conn = Connection(self, sock, len(self.connections))
            with self.changed:
                self.connections.append(conn)
                self.changed.notify_all()
            threading.Thread(target=self._serve, args=(conn,),
                             daemon=True).start()

    def _serve(self, conn):
        try:
            while not conn.over:
                req = conn.read_head()
                if req is None:
                    break
                with self.changed:
                    self.requests.append(req)
                    self.changed.notify_all()
                if self.reads_body and not conn.read_body(req):
                    break
                with self.changed:
                    self.changed.notify_all()
                conn.served += 1
                self._answer(conn, req, self.handler(req, conn))
        except Exception as err:	# a broken head is a finding
            self.errors.append(err)
        finally:
            conn.close()
            conn.ended.set()

    def _answer(self, conn, req, answer):
        if isinstance(answer, Close):
            data = answer.data
            if isinstance(data, Reply):
                data = data.encode(req.method)
            conn.send(data)
            conn.over = True
        elif isinstance(answer, Reply):
            conn.send(answer.encode(req.method))
            if answer.framing == "close":
                conn.over = True
        elif answer is not None:
            conn.send(answer)

    def wait_requests(self, n, timeout=PATIENCE):
        """True once n requests have arrived."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.requests) >= n,
                                         timeout)

    def wait_connections(self, n, timeout=PATIENCE):
        with self.changed:
            return self.changed.wait_for(lambda: len(self.connections) >= n,
                                         timeout)

    @property
    def last(self):
        return self.requests[-1]

    def open_connections(self):
        return [c for c in self.connections if not c.ended.is_set()]

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        for conn in list(self.connections):
            try:
                conn.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            conn.close()
