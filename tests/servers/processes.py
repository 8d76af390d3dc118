"""Where the servers live, and how their processes are started, recognised and ended.

A process is recorded by id and start time, so that a number that was given to someone else meanwhile is
never signalled. Nothing is ever ended by name.
"""
import contextlib
import fcntl
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time


class ServerError(Exception):
    """One line for the person at the terminal."""


class Workshop:
    """The folder that holds state, data and logs of one set of servers; `purpose`: tests or bench."""

    def __init__(self, folder, root, purpose="tests"):
        self.folder = folder
        self.root = root
        self.purpose = purpose

    @contextlib.contextmanager
    def locked(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def free_port(taken=()):
    """A free port below the range that outgoing connections use, so that it is still free after a restart."""
    for _ in range(200):
        port = random.randint(15000, 31000)
        if port in taken:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerError("found no free port on 127.0.0.1 between 15000 and 31000")


def started_at(pid):
    """Start time of a live process in clock ticks since boot; None when there is none (or only a zombie)."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def children_of(pid):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(entry.name))
    return found


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise ServerError(what)


class Server:
    """One kind of server. Subclasses say how to prepare, launch, probe and end it."""

    name = ""
    variable = ""
    patience = 60

    def __init__(self, workshop):
        self.workshop = workshop
        self.folder = workshop.folder / self.name
        self.log = workshop.folder / f"{self.name}.log"
        self.state_file = workshop.folder / f"{self.name}.json"

    # State: ports and processes of this server; kept over kill and restart, forgotten by stop.
    def state(self):
        try:
            return json.loads(self.state_file.read_text(encoding="ascii"))
        except FileNotFoundError:
            return {}

    def remember(self, **values):
        state = self.state() | values
        temporary = self.state_file.with_suffix(".new")
        temporary.write_text(json.dumps(state, indent=2), encoding="ascii")
        temporary.rename(self.state_file)

    def alive(self, role):
        process = self.state().get(role)
        return bool(process) and started_at(process["pid"]) == process["started_at"]

    def running(self):
        return self.alive("server")

    def describe(self):
        state = self.state()
        if not self.running():
            return "stopped" if not state else f"killed, port {state['port']} kept"
        return f"pid {state['server']['pid']} port {state['port']}"

    def launch(self, role, command, environment=None, log=None):
        """Starts a process in a session of its own, which therefore outlives this program."""
        with open(log or self.log, "ab") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/",
                                       env=os.environ | (environment or {}), start_new_session=True)
        self.remember(**{role: {"pid": process.pid, "started_at": started_at(process.pid)}})
        return process

    def signal(self, role, number):
        if self.alive(role):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.state()[role]["pid"], number)

    def await_end(self, role, seconds):
        wait_until(lambda: not self.alive(role), seconds, f"{self.name} ({role}) did not end within {seconds} s")

    def end_hard(self, role):
        """SIGKILL for the process and its descendants."""
        if not self.alive(role):
            return
        family = [self.state()[role]["pid"]]
        for member in family:
            family.extend(children_of(member))
        for member in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        self.await_end(role, 20)

    def start(self):
        if self.running():
            return
        if not self.state():
            self.wipe()
            self.folder.mkdir(parents=True, exist_ok=True)
            self.log.unlink(missing_ok=True)
            self.prepare()
        process = self.run()
        deadline = time.monotonic() + self.patience
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                self.end_hard("server")
                raise ServerError(f"{self.name} did not start: {self.last_words()}")
            time.sleep(0.05)

    def stop(self):
        if self.running():
            try:
                self.end_gently()
            except ServerError:
                self.end_hard("server")
        self.end_companions()
        self.state_file.unlink(missing_ok=True)
        self.wipe()

    def kill(self):
        if not self.state():
            raise ServerError(f"{self.name} was never started in {self.workshop.folder}")
        self.end_hard("server")

    def restart(self, immediate):
        if not self.state():
            raise ServerError(f"{self.name} was never started in {self.workshop.folder}")
        if immediate:
            self.end_immediately()
        else:
            self.end_gently()
        self.start()

    def wipe(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def end_companions(self):
        pass

    def end_immediately(self):
        self.end_hard("server")

    def last_words(self):
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        told = [line.strip() for line in lines if line.strip()]
        return f"{told[-1] if told else 'it said nothing'} (log: {self.log})"
