"""The contact form of etc/examples, whole: page, gateway, function, mail.

    contact.py [--check] [--runtime nodejs|python]

GATEHOUSE and GATEHOUSECTL name the programs. Without --check it runs until it
is interrupted and prints every mail that would have been sent. With --check it
does what a browser would do, looks at the mail, and ends.
"""

import argparse
import functools
import http.client
import http.server
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLE = TOP / "etc/examples/contact-form"
HANDLERS = {"nodejs": ("node", "index.handler"),
            "python": ("python3", "app.handler")}
PORTS = (8080, 8081)			# gateway, page; else the kernel's
FORM = {"name": "Ann Example", "email": "ann@example.com",
        "message": "Good morning!\n"}


def load_sink():
    spec = importlib.util.spec_from_file_location("smtp_sink",
                                                  EXAMPLE / "smtp-sink.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class PageHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def page_server(port):
    handler = functools.partial(PageHandler, directory=str(EXAMPLE / "page"))
    for wanted in (port, 0):
        try:
            server = http.server.ThreadingHTTPServer(("127.0.0.1", wanted),
                                                     handler)
        except OSError:
            continue
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server
    raise OSError("no free port on 127.0.0.1")


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


class Contact:
    """Mail sink, page and gateway; `with` ends them all."""

    def __init__(self, runtime, quiet, ports=PORTS):
        sink = load_sink()
        self.folder = pathlib.Path(tempfile.mkdtemp(
            prefix="gatehouse-contact."))
        self.folder.chmod(0o755)
        self.sink = sink.SmtpSink(0, None, None if quiet else sink.print_mail)
        self.page = page_server(ports[1])
        self.port = free_port(ports[0])
        self.origin = f"http://127.0.0.1:{self.page.server_address[1]}"
        self.api = f"http://127.0.0.1:{self.port}/prod/"
        self.page_url = f"{self.origin}/?api={self.api}"
        self.environment = dict(
            os.environ, RUNTIME=runtime, HANDLER=HANDLERS[runtime][1],
            CONTACT_CODE=str(EXAMPLE / runtime),
            CONTACT_DIR=str(self.folder), CONTACT_PORT=str(self.port),
            CONTACT_PAGE_PORT=str(self.page.server_address[1]),
            SENDER="form@example.com", RECIPIENT="owner@example.com",
            SMTP_HOST="127.0.0.1", SMTP_PORT=str(self.sink.port))
        self.log = open(self.folder / "log", "w") if quiet else None
        self.process = subprocess.Popen(
            [os.environ["GATEHOUSE"], "-f", "-c",
             str(EXAMPLE / "gatehouse.conf")], env=self.environment,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def wait(self):
        """Returns what gatehousectl said when it is not serving, or None."""
        done = subprocess.run(
            [os.environ["GATEHOUSECTL"], "-s",
             str(self.folder / "control.sock"), "wait", "--ready",
             "--timeout", "20"],
            capture_output=True, text=True, timeout=60)
        if done.returncode == 0:
            return None
        said = done.stdout + done.stderr
        if self.log:
            said += (self.folder / "log").read_text()
        return said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.page.shutdown()
        self.sink.shutdown()
        if self.log:
            self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Checks:
    """What a browser on the page does, and the mail at the other end."""

    def __init__(self, contact):
        self.contact = contact
        self.passed = 0
        self.failed = 0

    def check(self, good, what, found=""):
        if good:
            self.passed += 1
            print("ok   " + what)
        else:
            self.failed += 1
            print(f"FAIL {what}: {found}")

    def call(self, method, body=None, **headers):
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.contact.port, timeout=20)
        connection.request(
            method, "/prod/", body,
            {"Origin": self.contact.origin,
             **{n.replace("_", "-"): v for n, v in headers.items()}})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, answer.headers, data

    def run(self):
        status, headers, _ = self.call(
            "OPTIONS", Access_Control_Request_Method="POST",
            Access_Control_Request_Headers="authtoken,content-type")
        self.check(
            status in (200, 204)
            and headers["Access-Control-Allow-Origin"] == self.contact.origin
            and "authtoken" in headers.get("Access-Control-Allow-Headers",
                                           "").lower(),
            "the preflight of the form is allowed", (status, headers.items()))
        status, headers, data = self.call(
            "POST", json.dumps(FORM), Content_Type="application/json",
            authtoken="t0ken")
        self.check(status == 200 and b"Thank you" in data,
                   "the form is taken", (status, data))
        self.check(headers.get_all("Access-Control-Allow-Origin")
                   == [self.contact.origin],
                   "and the page may read the answer", headers.items())
        self.check(self.contact.sink.wait(1, 10), "a mail was sent")
        if self.contact.sink.mails:
            _, _, mail = self.contact.sink.mails[0]
            self.check(mail["Reply-To"] == FORM["email"]
                       and FORM["message"].strip() in mail.get_content(),
                       "with the form's text", mail)
        status, headers, data = self.call(
            "POST", "{}", Content_Type="application/json")
        self.check(status == 400
                   and headers["Access-Control-Allow-Origin"]
                   == self.contact.origin,
                   "a form without fields is refused, readably",
                   (status, data))


def serve(contact):
    print(f"\nthe page:  {contact.page_url}\nthe API:   POST {contact.api}\n"
          "mails are printed here; end with Ctrl-C\n", flush=True)
    try:
        contact.process.wait()
    except KeyboardInterrupt:
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--runtime", choices=sorted(HANDLERS))
    options = parser.parse_args()
    there = [name for name, (program, _) in HANDLERS.items()
             if shutil.which(program)]
    chosen = [options.runtime] if options.runtime else there
    failed = 0
    for runtime in chosen if options.check else chosen[:1]:
        ports = (0, 0) if options.check else PORTS
        with Contact(runtime, options.check, ports) as contact:
            problem = contact.wait()
            if problem is not None:
                sys.exit(f"gatehouse does not serve: {problem}")
            if not options.check:
                serve(contact)
                continue
            print(f"send-mail in {runtime}:")
            checks = Checks(contact)
            checks.run()
            print(f"{checks.passed} passed, {checks.failed} failed")
            failed += checks.failed
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
