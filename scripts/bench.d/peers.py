"""The processes of a bench run: start, watch, measure, end.

Everything that runs is started here and ended here, by its process id, and
nothing else is ever signalled. A Peer is one proxy under test; its workers are
the processes whose processor time and memory count.
"""

import ctypes
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
START_TIMEOUT = 15
STOP_TIMEOUT = 5
PR_SET_PDEATHSIG = 1
TICKS = os.sysconf("SC_CLK_TCK")

libc = ctypes.CDLL(None, use_errno=True)


class BenchError(Exception):
    """Why the bench cannot go on, as a sentence."""


def read_text(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


# --- what /proc says -------------------------------------------------------

def process_stat(pid):
    """The fields of /proc/PID/stat behind the name, or None."""
    try:
        text = read_text(f"/proc/{pid}/stat")
    except OSError:
        return None
    return text[text.rindex(")") + 2:].split()


def start_time(pid):
    fields = process_stat(pid)
    return fields[19] if fields else None


def children_of(pid):
    """All living descendants of a process."""
    parents = {}
    for name in os.listdir("/proc"):
        fields = process_stat(name) if name.isdigit() else None
        if fields and fields[0] != "Z":
            parents.setdefault(int(fields[1]), []).append(int(name))
    found, ahead = [], [pid]
    while ahead:
        below = parents.get(ahead.pop(), [])
        found += below
        ahead += below
    return sorted(found)


def thread_times(pid, thread):
    """A thread's time at work and its time waiting for a core, in ns."""
    base = f"/proc/{pid}/task/{thread}"
    try:
        worked, waited, _ = read_text(base + "/schedstat").split()
        return int(worked), int(waited)
    except (OSError, ValueError):
        text = read_text(base + "/stat")
    fields = text[text.rindex(")") + 2:].split()
    ticks = int(fields[11]) + int(fields[12])   # user and system
    return ticks * 1_000_000_000 // TICKS, 0


def processor_times(pids):
    """The sums of thread_times over all threads of the processes."""
    times = [thread_times(pid, thread) for pid in pids
             for thread in os.listdir(f"/proc/{pid}/task")]
    return sum(time[0] for time in times), sum(time[1] for time in times)


def private_memory(pid):
    """Memory no other process shares, in bytes."""
    try:
        text = read_text(f"/proc/{pid}/smaps_rollup")
        kilobytes = re.findall(r"^Private_\w+: +(\d+) kB", text, re.M)
    except OSError:
        text = read_text(f"/proc/{pid}/status")
        kilobytes = re.findall(r"^RssAnon:\s+(\d+) kB", text, re.M)
    return sum(int(number) for number in kilobytes) * 1024


# --- processes -------------------------------------------------------------

def prepare_child(core):
    """Between fork and exec: tie the child to its core and to our life."""
    def prepare():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if core is not None:
            os.sched_setaffinity(0, {core})
    return prepare


class Process:
    """One started program and, where it forks, what it forked."""

    def __init__(self, name, command, core, log, pipes=False):
        self.name = name
        self.log = log
        with open(log, "ab") as output:
            self.popen = subprocess.Popen(
                command, bufsize=0, start_new_session=True,
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else output,
                stderr=output, preexec_fn=prepare_child(core))
        self.pid = self.popen.pid

    def fail(self, what):
        lines = read_text(self.log).strip().splitlines()
        detail = "\n  ".join(lines[-10:])
        raise BenchError(f"{self.name} {what}" + (f":\n  {detail}" if detail
                                                  else ""))

    def check_alive(self):
        code = self.popen.poll()
        if code is not None:
            self.fail(f"ended with {code}")

    def read_line(self, timeout):
        """The next line of its output; trouble within timeout raises."""
        ready, _, _ = select.select([self.popen.stdout], [], [], timeout)
        if not ready:
            self.fail(f"was silent for {timeout:.0f} s")
        line = self.popen.stdout.readline().decode()
        if not line:
            self.popen.wait()
            self.fail(f"ended with {self.popen.returncode}")
        return line.strip()

    def write_line(self, text):
        self.popen.stdin.write(text.encode() + b"\n")

    def stop(self):
        """End it: politely, then, with what it forked, surely."""
        family = {pid: start_time(pid) for pid in children_of(self.pid)}
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        for stream in (self.popen.stdin, self.popen.stdout):
            if stream:
                stream.close()
        end_orphans(family)


def end_orphans(family):
    """Kill those that outlived their parent; born says they are the same."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        family = {pid: born for pid, born in family.items()
                  if born and start_time(pid) == born
                  and process_stat(pid)[0] != "Z"}
        if not family:
            return
        time.sleep(0.02)
    for pid in family:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Peer(Process):
    """A proxy under test, listening on loopback."""

    def __init__(self, name, command, core, log, address=None):
        super().__init__(name, command, core, log, pipes=address is None)
        self.address = address
        if address is None:
            line = self.read_line(START_TIMEOUT)
            self.address = line.removeprefix("listening ")
        else:
            self.wait_until_open()

    def wait_until_open(self):
        host, port = self.address.rsplit(":", 1)
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            self.check_alive()
            try:
                socket.create_connection((host, int(port)), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.fail(f"did not listen within {START_TIMEOUT} s")

    def workers(self):
        """The processes that do the work: its children, or itself."""
        return children_of(self.pid) or [self.pid]

    def processor_times(self):
        return processor_times(self.workers())

    def private_memory(self):
        return sum(private_memory(pid) for pid in self.workers())


# --- programs and their configurations -------------------------------------

def find_program(name, package):
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=path)
    if not found:
        raise BenchError(f"{name} is missing: apt-get install {package}")
    return found


def compile_tool(name, folder, extra=()):
    """Compile a tool of this folder; nothing is written beside its source."""
    compiler = os.environ.get("CC") or find_program("cc", "gcc libc6-dev")
    output = os.path.join(folder, name)
    sources = [os.path.join(HERE, source)
               for source in (f"{name}.c", "net.c")]
    command = [*compiler.split(), "-std=gnu11", "-O2", "-D_GNU_SOURCE",
               "-o", output, *sources, *extra]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise BenchError(f"cannot compile {name}.c:\n{done.stderr}")
    return output


def fill_in(template, output, values):
    """Write a template with every @name@ replaced."""
    text = read_text(os.path.join(HERE, template))
    text = re.sub(r"@(\w+)@", lambda match: str(values[match[1]])
                  if match[1] in values else match[0], text)
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)
    return output


def reserve_port():
    """A loopback port of the kernel's choice that stays ours to give away.

    The socket is bound and never listens: another with SO_REUSEADDR may
    listen there, and nobody is handed the port by accident meanwhile.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.bind(("127.0.0.1", 0))
    return holder, holder.getsockname()[1]


def parse_strace(text):
    """Calls by name from the table strace -c prints."""
    calls = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 5 and fields[3].isdigit() and fields[-1] != "total":
            calls[fields[-1]] = int(fields[3])
    return calls


def parse_result(line):
    try:
        return json.loads(line)
    except ValueError as error:
        raise BenchError(f"the load generator said: {line}") from error
