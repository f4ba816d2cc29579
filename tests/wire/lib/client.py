"""A raw client and a strict parser of what comes back.

The parser trusts nothing: every head must be canonical, every body must end
where its framing says.  Whatever breaks that raises ProtocolError and fails
the case.
"""

import re
import socket
import time

PATIENCE = 15.0		# seconds any single wait may take

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9]) ([^\x00-\x1f\x7f]*)\Z")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*"
                    rb"([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*\Z")


class ProtocolError(Exception):
    pass


class Closed(ProtocolError):
    """The peer ended the connection where an answer was due."""


class Response:
    def __init__(self, minor, status, reason, headers, head):
        self.version = "HTTP/1.%d" % minor
        self.status = status
        self.reason = reason
        self.headers = headers		# [(name, value)] in wire order
        self.head = head
        self.body = b""
        self.framing = None		# none, length, chunked, close
        self.trailers = []
        self.chunks = 0

    def __repr__(self):
        return "<%d %s %r>" % (self.status, self.headers, self.body[:200])

    def all(self, name):
        name = name.lower()
        return [v for n, v in self.headers if n.lower() == name]

    def get(self, name, default=None):
        """The one value of a header; more than one is an error."""
        found = self.all(name)
        if len(found) > 1:
            raise ProtocolError("header %s came %d times: %r"
                                % (name, len(found), found))
        return found[0] if found else default

    def has(self, name):
        return bool(self.all(name))

    def names(self):
        return [n for n, v in self.headers]

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")


def parse_fields(lines):
    headers = []
    for line in lines:
        m = _FIELD.match(line)
        if not m:
            raise ProtocolError("bad header line %r" % line)
        headers.append((m.group(1).decode("latin-1"),
                        m.group(2).decode("latin-1")))
    return headers


def parse_head(head):
    lines = head.split(b"\r\n")
    for line in lines:
        if b"\n" in line or b"\r" in line:
            raise ProtocolError("bare CR or LF in head %r" % head)
    m = _STATUS.match(lines[0])
    if not m:
        raise ProtocolError("bad status line %r" % lines[0])
    return Response(int(m.group(1)), int(m.group(2)),
                    m.group(3).decode("latin-1"), parse_fields(lines[1:]),
                    head)


def build(method, target, headers=(), body=None, host="gw.test",
          version="HTTP/1.1"):
    """One request as bytes; Host and Content-Length unless given."""
    names = [n.lower() for n, v in headers]
    lines = ["%s %s %s" % (method, target, version)]
    if "host" not in names and host is not None:
        lines.append("Host: " + host)
    lines += ["%s: %s" % (n, v) for n, v in headers]
    if (body is not None and "content-length" not in names
            and "transfer-encoding" not in names):
        lines.append("Content-Length: %d" % len(body))
    raw = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return raw + (body or b"")


def chunked(*pieces, trailers=""):
    out = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces if p)
    return out + b"0\r\n" + trailers.encode("latin-1") + b"\r\n"


def open_socket(address, timeout=PATIENCE):
    """address: (host, port), "host:port", "[v6]:port" or "unix:/path"."""
    if isinstance(address, str):
        if address.startswith("unix:"):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            s.settimeout(timeout)
            s.connect(address[5:])
            return s
        host, port = address.rsplit(":", 1)
        address = (host.strip("[]"), int(port))
    s = socket.create_connection(address, timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


class Client:
    def __init__(self, address, timeout=PATIENCE, receive_buffer=None):
        if receive_buffer:
            s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            s.settimeout(timeout)
            if isinstance(address, str):
                host, port = address.rsplit(":", 1)
                address = (host, int(port))
            s.connect(address)
            self.sock = s
        else:
            self.sock = open_socket(address, timeout)
        self.left = b""
        self.eof = False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass

    @property
    def local(self):
        return self.sock.getsockname()

    def send(self, data):
        """Send all; a peer that closed meanwhile is seen when reading."""
        if isinstance(data, str):
            data = data.encode("latin-1")
        try:
            self.sock.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def drip(self, data, step=1, pause=0.002):
        for i in range(0, len(data), step):
            if not self.send(data[i:i + step]):
                return False
            time.sleep(pause)
        return True

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def fill(self):
        """More bytes into self.left; False at the end of the stream."""
        if self.eof:
            return False
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        except socket.timeout:
            raise ProtocolError("nothing came for %s s; so far %r"
                                % (self.sock.gettimeout(), self.left[:300]))
        if not data:
            self.eof = True
            return False
        self.left += data
        return True

    def _until(self, mark):
        while mark not in self.left:
            if not self.fill():
                if not self.left:
                    raise Closed("connection closed without an answer")
                raise Closed("connection closed within %r" % self.left[:300])
        line, self.left = self.left.split(mark, 1)
        return line

    def _exactly(self, n):
        parts = [self.left[:n]]
        got = len(parts[0])
        self.left = self.left[n:]
        while got < n:
            if not self.fill():
                raise Closed("body ended after %d of %d bytes" % (got, n))
            piece, self.left = self.left[:n - got], self.left[n - got:]
            parts.append(piece)
            got += len(piece)
        return b"".join(parts)

    def head(self):
        """The next response head, a 1xx included."""
        return parse_head(self._until(b"\r\n\r\n"))

    def body(self, r, method="GET"):
        lengths = r.all("content-length")
        te = r.all("transfer-encoding")
        if lengths and te:
            raise ProtocolError("Content-Length beside Transfer-Encoding")
        if len(lengths) > 1:
            raise ProtocolError("Content-Length twice")
        if lengths and not re.fullmatch("[0-9]+", lengths[0]):
            raise ProtocolError("Content-Length %r" % lengths[0])
        if r.status < 200 or r.status == 204:
            if te or (lengths and r.status == 204 and lengths[0] != "0"):
                raise ProtocolError("framing on a %d" % r.status)
            r.framing = "none"
        elif method == "HEAD" or r.status == 304:
            r.framing = "none"
        elif te:
            if te != ["chunked"]:
                raise ProtocolError("Transfer-Encoding %r" % te)
            if r.version == "HTTP/1.0":
                raise ProtocolError("chunked in HTTP/1.0")
            r.framing = "chunked"
            parts = []
            while True:
                line = self._until(b"\r\n")
                if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", line):
                    raise ProtocolError("chunk size line %r" % line)
                n = int(line, 16)
                if n == 0:
                    break
                parts.append(self._exactly(n))
                r.chunks += 1
                if self._exactly(2) != b"\r\n":
                    raise ProtocolError("chunk without CRLF at its end")
            lines = []
            while True:
                line = self._until(b"\r\n")
                if not line:
                    break
                lines.append(line)
            r.trailers = parse_fields(lines)
            r.body = b"".join(parts)
        elif lengths:
            r.framing = "length"
            r.body = self._exactly(int(lengths[0]))
        else:
            r.framing = "close"
            while self.fill():
                pass
            r.body, self.left = self.left, b""
        return r

    def response(self, method="GET", informational=None):
        """The next final answer; 1xx heads go to the given list."""
        while True:
            r = self.head()
            if 100 <= r.status < 200 and r.status != 101:
                if informational is None:
                    raise ProtocolError("unexpected %d" % r.status)
                informational.append(r)
                continue
            return self.body(r, method)

    def request(self, method="GET", target="/", headers=(), body=None, **kw):
        self.send(build(method, target, headers, body, **kw))
        return self.response(method)

    def get(self, target="/", *headers):
        return self.request("GET", target, headers)

    def ended(self, timeout=PATIENCE):
        """True when the peer closes; bytes before that stay in left."""
        self.sock.settimeout(timeout)
        try:
            while self.fill():
                pass
            return True
        except ProtocolError:
            return False
        finally:
            try:
                self.sock.settimeout(PATIENCE)
            except OSError:
                pass

    def alive(self):
        """The peer has neither closed nor sent anything unasked."""
        if self.left or self.eof:
            return False
        self.sock.setblocking(False)
        try:
            data = self.sock.recv(1, socket.MSG_PEEK)
            return False if data == b"" else False
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self.sock.settimeout(PATIENCE)
