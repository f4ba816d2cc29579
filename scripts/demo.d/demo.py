"""gatehouse in front of demo backends: by hand, or checked by itself.

Run by scripts/demo, which builds the programs; GATEHOUSE and GATEHOUSECTL
name them. tests/browser/run uses the class Demo too.
"""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import backend

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLE = TOP / "etc/examples/demo.conf"


def free_port(wanted):
    """wanted when nobody has it, else one the kernel chooses."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise OSError("no free port on 127.0.0.1")


def chosen_port(variable, default):
    text = os.environ.get(variable)
    return int(text) if text else free_port(default)


class Demo:
    """Backends, page and gateway; `with` ends them all."""

    def __init__(self, quiet, ports=(8080, 8081)):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gatehouse-demo."))
        self.folder.chmod(0o755)
        self.conf = self.folder / "gatehouse.conf"
        shutil.copy(EXAMPLE, self.conf)
        self.daemon = os.environ["GATEHOUSE"]
        self.ctl = os.environ["GATEHOUSECTL"]
        self.pets = backend.Server(backend.Pets)
        self.store = backend.Server(backend.Store)
        self.page = backend.PageServer(
            chosen_port("GATEHOUSE_DEMO_PAGE", ports[1]))
        self.port = chosen_port("GATEHOUSE_DEMO_PORT", ports[0])
        self.url = f"http://127.0.0.1:{self.port}"
        self.page.gateway = self.url
        self.page_url = f"http://127.0.0.1:{self.page.port}"
        self.environment = dict(
            os.environ,
            GATEHOUSE_DEMO_DIR=str(self.folder),
            GATEHOUSE_DEMO_PORT=str(self.port),
            GATEHOUSE_DEMO_PETS=str(self.pets.port),
            GATEHOUSE_DEMO_STORE=str(self.store.port),
            GATEHOUSE_DEMO_PAGE=str(self.page.port),
            GATEHOUSE_DEMO_LOG=str(self.folder / "access.log")
            if quiet else "stdout")
        self.log = None
        self.process = None
        self.quiet = quiet

    def start(self):
        if self.quiet:
            self.log = open(self.folder / "error.log", "w")
        self.process = subprocess.Popen(
            [self.daemon, "-f", "-c", str(self.conf)], env=self.environment,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        return self.control("wait", "--ready", "--timeout", "20")

    def control(self, *words):
        """Run gatehousectl; returns (exit code, what it printed)."""
        done = subprocess.run(
            [self.ctl, "-s", str(self.folder / "control.sock"), *words],
            env=self.environment, capture_output=True, text=True, timeout=60)
        return done.returncode, (done.stdout + done.stderr).strip()

    def stop(self, how=signal.SIGTERM):
        """Returns the exit code of the master, None if it would not end."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        if self.log:
            self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Checks:
    """The calls a newcomer would make, each with what must come back."""

    def __init__(self, demo):
        self.demo = demo
        self.passed = 0
        self.failed = 0
        self.connection = http.client.HTTPConnection("127.0.0.1", demo.port,
                                                     timeout=20)

    def check(self, good, what, found=""):
        if good:
            self.passed += 1
            print("ok   " + what)
        else:
            self.failed += 1
            print(f"FAIL {what}: {found}")

    def call(self, method, path, body=None, **headers):
        """On one kept connection; returns status, headers, body."""
        self.connection.request(
            method, path, body,
            {n.replace("_", "-"): v for n, v in headers.items()})
        answer = self.connection.getresponse()
        data = answer.read()
        try:
            value = json.loads(data)
        except ValueError:
            value = data
        return answer.status, answer.headers, value

    def routes(self):
        status, _, body = self.call("GET", "/prod/cats")
        self.check((status, body) == (200, {"cats": ["Felix", "Garfield"]}),
                   "GET /prod/cats reaches the pets", (status, body))
        status, _, body = self.call("GET", "/prod/dogs/7")
        self.check((status, body) == (200, {"dog": "7", "color": "blue"}),
                   "GET /prod/dogs/7 hands the path parameter on",
                   (status, body))
        status, _, body = self.call("PUT", "/prod/mice/big/white", b"cheese")
        self.check((status, body) == (200, {"mouse": "big/white",
                                            "method": "PUT"}),
                   "PUT /prod/mice/big/white takes the greedy route",
                   (status, body))
        status, _, body = self.call("GET", "/items/3")
        self.check((status, body) == (200, {"item": "3", "price": "1.00"}),
                   "GET /items/3 reaches the store", (status, body))
        status, _, body = self.call("GET", "/prod/ping")
        self.check((status, body) == (200, {"pong": 1}),
                   "GET /prod/ping is answered without a backend",
                   (status, body))
        status, headers, body = self.call("GET", "/prod/birds")
        self.check(status == 403 and body == {
            "message": "Missing Authentication Token"},
            "GET /prod/birds is refused as the service refuses it",
            (status, body))
        self.check(headers.get("X-Demo") == "first",
                   "and the refusal carries the API's own header",
                   headers.items())

    def preflights(self):
        origin = self.demo.page_url
        before = len(self.demo.pets.seen)
        status, headers, _ = self.call(
            "OPTIONS", "/prod/cats", Origin=origin,
            Access_Control_Request_Method="POST",
            Access_Control_Request_Headers="authtoken,content-type")
        allowed = headers.get("Access-Control-Allow-Headers", "").lower()
        methods = headers.get("Access-Control-Allow-Methods", "")
        self.check(status in (200, 204)
                   and headers.get("Access-Control-Allow-Origin") == origin
                   and "authtoken" in allowed and "POST" in methods
                   and "origin" in headers.get("Vary", "").lower(),
                   "the preflight of POST /prod/cats is allowed",
                   (status, headers.items()))
        self.check(len(self.demo.pets.seen) == before,
                   "and met no backend", self.demo.pets.seen[before:])
        status, headers, body = self.call(
            "POST", "/prod/cats", b'{"name": "Tom"}', Origin=origin,
            Content_Type="application/json", authtoken="t0ken")
        self.check(status == 201 and body == {"cat": {"name": "Tom"},
                                              "authtoken": "t0ken"},
                   "the POST that follows brings authtoken to the backend",
                   (status, body))
        self.check(headers.get_all("Access-Control-Allow-Origin") == [origin],
                   "and its answer may be read by the page",
                   headers.items())
        _, headers, _ = self.call(
            "OPTIONS", "/prod/cats", Origin="http://elsewhere.example",
            Access_Control_Request_Method="POST")
        self.check(headers.get("Access-Control-Allow-Origin")
                   != "http://elsewhere.example",
                   "a preflight of another origin is not allowed",
                   headers.items())
        status, headers, _ = self.call(
            "OPTIONS", "/items/3", Origin="http://elsewhere.example",
            Access_Control_Request_Method="GET")
        self.check(status == 204
                   and headers.get("Access-Control-Allow-Origin") == "*",
                   "the store allows every origin",
                   (status, headers.items()))
        page = http.client.HTTPConnection("127.0.0.1", self.demo.page.port,
                                          timeout=20)
        page.request("GET", "/")
        text = page.getresponse().read().decode()
        page.close()
        self.check(self.demo.url in text, "the page is served")

    def reload(self):
        kept = self.connection.sock
        self.demo.conf.write_text(self.demo.conf.read_text().replace(
            'value = "first"', 'value = "second"'))
        code, said = self.demo.control("reload")
        self.check(code == 0, "gatehousectl reload", (code, said))
        status, headers, _ = self.call("GET", "/prod/cats")
        self.check(status == 200 and headers.get("X-Demo") == "second",
                   "the changed file serves", (status, headers.items()))
        good = self.demo.conf.read_text()
        self.demo.conf.write_text(good.replace("upstreams =", "upstraems ="))
        code, said = self.demo.control("reload")
        self.check(code == 3 and "upstraems" in said,
                   "a bad file is refused with its reason", (code, said))
        status, headers, _ = self.call("GET", "/prod/cats")
        self.check(status == 200 and headers.get("X-Demo") == "second",
                   "and the old one serves on", (status, headers.items()))
        self.demo.conf.write_text(good)
        self.check(kept is not None and self.connection.sock is kept,
                   "one connection lived through all of it")
        code, said = self.demo.control(
            "explain", "GET", self.demo.url + "/prod/dogs/7")
        self.check(code == 0 and "/dogs/{id}" in said,
                   "gatehousectl explain names the route", (code, said))

    def end(self):
        self.connection.close()
        code = self.demo.stop(signal.SIGQUIT)
        self.check(code == 0, "a graceful stop", code)


def run_checks():
    with Demo(quiet=True, ports=(0, 0)) as demo:
        checks = Checks(demo)
        code, said = demo.start()
        checks.check(code == 0, "gatehouse starts", (code, said))
        try:
            if code == 0:
                checks.routes()
                checks.preflights()
                checks.reload()
        except (OSError, http.client.HTTPException) as error:
            checks.check(False, "the calls", repr(error))
        checks.end()
        if checks.failed:
            print((demo.folder / "error.log").read_text()[-4000:])
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


BANNER = """
gatehouse serves on {url}; its access log follows below. Try:

  curl -i {url}/prod/cats
  curl -i {url}/prod/dogs/7
  curl -i -X PUT -d cheese {url}/prod/mice/big/white
  curl -i {url}/items/3
  curl -i -X OPTIONS -H 'Origin: {page}' \\
      -H 'Access-Control-Request-Method: POST' \\
      -H 'Access-Control-Request-Headers: authtoken' {url}/prod/cats
  curl -i -H 'Origin: {page}' -H 'authtoken: t0ken' \\
      -H 'Content-Type: application/json' -d '{{"name": "Tom"}}' {url}/prod/cats

Open in a browser, a page on another origin that does the preflighted POST:

  {page}/

The configuration is {conf}. Change it, then:

  {ctl} -s {socket} reload
  {ctl} -s {socket} routes
  {ctl} -s {socket} explain GET {url}/prod/dogs/7

Ctrl-C ends it.
"""


def run_by_hand():
    def end(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    with Demo(quiet=False) as demo:
        try:
            code, said = demo.start()
            if code != 0:
                print(f"demo: gatehouse did not start: {said}",
                      file=sys.stderr)
                return 1
            print(BANNER.format(url=demo.url, page=demo.page_url,
                                conf=demo.conf, ctl=demo.ctl,
                                socket=demo.folder / "control.sock"),
                  flush=True)
            return demo.process.wait()
        except KeyboardInterrupt:
            print("\ndemo: ending", flush=True)
            # A terminal's Ctrl-C reached the gateway as well.
            time.sleep(0.1)
            demo.stop()
            return 0


if __name__ == "__main__":
    sys.exit(run_checks() if sys.argv[1:] == ["--check"] else run_by_hand())
