"""The real binary on loopback: start, reload, signal, watch, stop.

Everything a daemon leaves behind stays in its directory.  stop() always ends
it: QUIT or TERM first, KILL when its time is over, by process id only.
"""

import json
import os
import re
import signal
import socket
import subprocess
import time

from . import conf
from .client import Client, PATIENCE

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.abspath(os.path.join(HERE, "..", "..", ".."))

_BAD = re.compile(r"ERROR: AddressSanitizer|runtime error:|LeakSanitizer|"
                  r"AddressSanitizer:|Assertion .* failed|"
                  r"\bassert(ion)? failed|stack smashing|double free|"
                  r"corrupted (size|double)|free\(\): invalid")
_SIGNALLED = re.compile(r"(?:signal|SIG)[ :=]*(\w+)", re.I)


def program(name, variable):
    """The binary named by the environment, or found where builds put it."""
    given = os.environ.get(variable)
    if given:
        return os.path.abspath(given)
    for d in (".", TOP, os.path.join(TOP, "build"),
              os.environ.get("top_builddir", "."),
              os.path.join(TOP, "_build")):
        path = os.path.abspath(os.path.join(d, name))
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return os.path.abspath(name)


def gatehouse_program():
    return program("gatehouse", "GATEHOUSE")


def ctl_program():
    return program("gatehousectl", "GATEHOUSECTL")


_ports_given = set()


def free_port(family=socket.AF_INET, host="127.0.0.1"):
    """A loopback port the kernel chose and nobody listens on."""
    while True:
        s = socket.socket(family, socket.SOCK_STREAM)
        s.bind((host, 0))
        port = s.getsockname()[1]
        s.close()
        if port not in _ports_given:
            _ports_given.add(port)
            return port


def wait_until(test, timeout=PATIENCE, pause=0.02):
    """Poll until test() is true; its last value is returned."""
    end = time.monotonic() + timeout
    while True:
        got = test()
        if got or time.monotonic() > end:
            return got
        time.sleep(pause)


def alive(pid):
    """Running, and not a zombie."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def children(pid):
    """Process ids of the living children of pid."""
    out = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % entry) as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            out.append(int(entry))
    return sorted(out)


def descendants(pid):
    out = []
    for child in children(pid):
        out.append(child)
        out += descendants(child)
    return out


def memory_kib(pid, field="VmRSS"):
    try:
        with open("/proc/%d/status" % pid) as f:
            for line in f:
                if line.startswith(field + ":"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def descriptors(pid):
    try:
        return len(os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return 0


def run_program(args, timeout=60, env=None, stdin=None, cwd=None):
    """(exit status, standard output, standard error) of a short run."""
    full = dict(os.environ)
    full.update(env or {})
    p = subprocess.run(args, stdin=stdin or subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=timeout, env=full, cwd=cwd)
    return (p.returncode, p.stdout.decode("utf-8", "replace"),
            p.stderr.decode("utf-8", "replace"))


class StartError(Exception):
    pass


class Gatehouse:
    def __init__(self, directory, settings, workers=1, listeners=None,
                 start=True, env=None, arguments=("-f",), text=None,
                 access_format=None):
        """settings: a dict of top-level settings.

        workers, listeners ("public" on a free port), pid_file,
        control_socket, error_log and access_log are filled in when absent.
        text: extra libconfig text put behind them as it stands.
        """
        self.dir = directory
        os.makedirs(directory, exist_ok=True)
        os.chmod(directory, 0o755)
        self.file = os.path.join(directory, "gatehouse.conf")
        self.pid_file = os.path.join(directory, "gatehouse.pid")
        self.control = os.path.join(directory, "control.sock")
        self.access_path = os.path.join(directory, "access.log")
        self.stderr_path = os.path.join(directory, "error.log")
        self.port = free_port()
        self.address = "127.0.0.1:%d" % self.port
        self.base = {
            "workers": workers,
            "pid_file": self.pid_file,
            "control_socket": self.control,
            "error_log": "stderr",
            "log_level": "info",
            "access_log": {"path": self.access_path},
        }
        if access_format is not None:
            self.base["access_log"]["format"] = access_format
        if "listeners" not in settings:
            self.base["listeners"] = listeners or [
                {"name": "public", "address": self.address}]
        self.text = text or ""
        self.env = dict(env or {})
        self.arguments = list(arguments)
        self.process = None
        self.expected_signals = set()
        self.status = None
        self.stopped = False
        self.write(settings)
        if start:
            self.start()

    # --- configuration -----------------------------------------------

    def write(self, settings, text=None):
        """The configuration file anew."""
        merged = dict(self.base)
        merged.update(settings)
        body = conf.dump(merged) + (self.text if text is None else text)
        self.write_text(body)

    def write_text(self, body):
        data = body if isinstance(body, bytes) else body.encode("utf-8")
        tmp = self.file + ".new"
        with open(tmp, "wb") as f:
            f.write(data)
        os.rename(tmp, self.file)

    # --- life ----------------------------------------------------------

    def environment(self):
        env = dict(os.environ)
        san = "log_path=" + os.path.join(self.dir, "sanitizer")
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            given = env.get(name)
            env[name] = (given + ":" if given else "") + san
        env.update(self.env)
        return env

    def spawn(self):
        err = open(self.stderr_path, "ab")
        self.process = subprocess.Popen(
            [gatehouse_program(), "-c", self.file] + self.arguments,
            stdin=subprocess.DEVNULL, stdout=err, stderr=err,
            env=self.environment(), cwd=self.dir)
        err.close()

    def start(self, timeout=30):
        self.spawn()
        self.wait_ready(timeout)
        return self

    def addresses(self):
        """Loopback TCP addresses the file listens on."""
        with open(self.file, errors="replace") as f:
            text = f.read()
        m = re.search(r"^listeners = \((.*?)^\);", text, re.S | re.M)
        found = re.findall(r'address = "([^"]+)"', m.group(1)) if m else []
        return [a.replace("*:", "127.0.0.1:").replace("[::]:", "[::1]:")
                for a in found]

    def wait_ready(self, timeout=30):
        """Accepting on every listener, and its master alive."""
        end = time.monotonic() + timeout
        waiting = self.addresses() or [self.address]
        while waiting:
            if self.process is not None and self.process.poll() is not None:
                raise StartError("gatehouse ended with %s at start: %s"
                                 % (self.process.returncode,
                                    self.log()[-1500:]))
            try:
                Client(waiting[0], timeout=2).close()
                waiting.pop(0)
                continue
            except OSError:
                pass
            if time.monotonic() > end:
                raise StartError("not listening on %s after %d s: %s"
                                 % (waiting[0], timeout,
                                    self.log()[-1500:]))
            time.sleep(0.02)
        code, out, err = self.ctl("wait", "--ready", "--timeout",
                                  str(int(timeout)))
        if code != 0:
            raise StartError("gatehousectl wait --ready: %d %s %s"
                             % (code, out, err))

    @property
    def pid(self):
        return self.process.pid

    def signal(self, name, pid=None):
        os.kill(pid or self.pid, getattr(signal, "SIG" + name))

    def ended(self, timeout=PATIENCE):
        """The master's exit status, or None when it still runs."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def master_pid(self):
        """The living master, also after an upgrade."""
        try:
            with open(self.pid_file) as f:
                return int(f.read().split()[0])
        except (OSError, ValueError, IndexError):
            return self.pid

    def stop(self, how="TERM", timeout=30):
        """End it, return the exit status; kill what outlives the wait."""
        if self.process is None or self.stopped:
            return self.status
        self.stopped = True
        mine = set([self.pid] + descendants(self.pid))
        if self.process.poll() is None:
            try:
                self.signal(how)
            except OSError:
                pass
            if self.ended(timeout) is None:
                for pid in sorted(mine | set(descendants(self.pid))):
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except OSError:
                        pass
                self.ended(5)
                self.status = "had to be killed after %d s" % timeout
                return self.status
        self.status = self.process.returncode
        gone = wait_until(lambda: not [p for p in mine if alive(p)], 10)
        if not gone:
            left = [p for p in mine if alive(p)]
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            self.status = "left processes %s behind" % left
        return self.status

    # --- looking at it -------------------------------------------------

    def workers(self, master=None):
        """Process ids of the workers: the master's children serving."""
        code, out, err = self.ctl("status", "--format=json")
        if code == 0 and master is None:
            try:
                return sorted(w["pid"] for w in json.loads(out)["workers"])
            except (ValueError, KeyError, TypeError):
                pass
        return children(master or self.pid)

    def log(self):
        try:
            with open(self.stderr_path, errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def access(self, lines=0, timeout=PATIENCE, path=None):
        """The access log's lines, once there are as many as asked for."""
        def read():
            try:
                with open(path or self.access_path, "rb") as f:
                    return f.read().decode("utf-8", "replace").splitlines()
            except OSError:
                return []
        wait_until(lambda: len(read()) >= lines, timeout)
        return read()

    def wait_log(self, pattern, timeout=PATIENCE):
        return wait_until(lambda: re.search(pattern, self.log()), timeout)

    def ctl(self, *args, timeout=60):
        return run_program([ctl_program(), "-s", self.control] + list(args),
                           timeout)

    def ctl_json(self, *args):
        code, out, err = self.ctl(*args, "--format=json")
        try:
            return code, json.loads(out)
        except ValueError:
            raise AssertionError("gatehousectl %s: no JSON: %r %r"
                                 % (" ".join(args), out[:500], err[:500]))

    def reload(self, settings=None, timeout=60):
        """Write the settings, reload and wait: (status, output)."""
        if settings is not None:
            self.write(settings)
        code, out, err = self.ctl("reload", timeout=timeout)
        return code, out + err

    def client(self, address=None, **kw):
        return Client(address or self.address, **kw)

    def findings(self):
        """Signs of a crash nobody asked for."""
        out = []
        text = self.log()
        for entry in sorted(os.listdir(self.dir)):
            if entry.startswith("sanitizer."):
                with open(os.path.join(self.dir, entry),
                          errors="replace") as f:
                    text += f.read()
        m = _BAD.search(text)
        if m:
            start = text.rfind("\n", 0, m.start()) + 1
            out.append("sanitizer or abort: " + text[start:start + 300])
        for line in self.log().splitlines():
            if not re.search(r"\b(died|killed|crashed|exited|ended|"
                             r"terminated)\b", line):
                continue
            m = _SIGNALLED.search(line)
            if not m:
                continue
            word = m.group(1).upper()
            if word.startswith("SIG"):
                word = word[3:]
            number = int(word) if word.isdigit() else getattr(
                signal, "SIG" + word, 0)
            if number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS,
                          signal.SIGILL, signal.SIGFPE, signal.SIGKILL,
                          signal.SIGSYS) \
                    and number not in self.expected_signals:
                out.append("a process died: " + line)
        if self.status not in (0, None):
            out.append("exit status %s" % (self.status,))
        return out
