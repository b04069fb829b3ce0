"""One client, one feature, one server: the server is started, the client judges."""

import contextlib
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from features import fill, values
from server import HOST, CannotStart, Server, free_port

CASE_S = 20.0


class Case:
    """What is to be run, and where the output of a failure is kept."""

    def __init__(self, client, feature, program, credentials, kept):
        self.client, self.feature, self.program = client, feature, program
        self.credentials, self.kept = credentials, kept
        self.server = self._process = None

    def run(self):
        """Runs it: the verdict is pass, skip or FAIL, with a reason unless it is pass."""
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="case.") as folder:
            folder = pathlib.Path(folder)
            try:
                verdict, reason = self._judge(folder)
            except (CannotStart, OSError) as error:
                verdict, reason = "FAIL", str(error)
            if verdict == "FAIL":
                shutil.copytree(folder, self.kept, dirs_exist_ok=True)
        return {"client": self.client.name, "feature": self.feature.name, "verdict": verdict,
                "reason": reason, "seconds": round(time.monotonic() - started, 3)}

    def _judge(self, folder):
        feature, port, ws_port = self.feature, free_port(), free_port()
        known = values(self.credentials, ws_port)
        web = feature.scheme.startswith("ws")
        self.server = Server(self.program, folder, [port, ws_port] if web else [port])
        self.server.config.write_text(
            f'host: "{HOST}"\nport: {port}\n{fill(feature.config, known)}\n')
        environment = {name: fill(value, known) for name, value in feature.environment.items()}
        host = "localhost" if "NATS_CA" in environment else HOST
        environment["NATS_URL"] = f"{feature.scheme}://{host}:{ws_port if web else port}"
        self.server.start()
        try:
            return self._converse(environment, folder / "client.log")
        finally:
            self.server.stop()

    def _converse(self, environment, log):
        """Starts the client and does the driver's part; the client's verdict."""
        clean = {n: v for n, v in os.environ.items() if not n.startswith("NATS_")}
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [self.client / "run", self.feature.name], env={**clean, **environment},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                text=True, errors="replace")
        lines = queue.Queue()
        reader = threading.Thread(target=read, args=(self._process.stdout, lines))
        reader.start()
        try:
            verdict, reason = self._listen(lines)
        finally:
            self._process.kill()
            self._process.wait()
            reader.join()
        with log.open("a") as errors:
            errors.write(f"{verdict} {reason}\n")
        if verdict == "pass" and self.server.has_ended():
            return "FAIL", f"the server ended: {self.server.last_words()}"
        return verdict, reason

    def _listen(self, lines):
        """Follows what the client says, up to its verdict."""
        deadline = time.monotonic() + CASE_S
        while True:
            try:
                line = lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                return "FAIL", f"no verdict within {CASE_S:.0f} s"
            if line is None:
                return "FAIL", f"the client ended ({self._process.wait()}) without a verdict"
            word, _, reason = line.strip().partition(" ")
            if word == "READY" and self.feature.part:
                self.feature.part(self)
            elif word in ("PASS", "SKIP", "FAIL"):
                return word if word == "FAIL" else word.lower(), printable(reason)

    @contextlib.contextmanager
    def client_stopped(self):
        """The client's process stands still meanwhile."""
        pid = self._process.pid
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


def printable(text):
    """The text without what could upset a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def read(stream, lines):
    """Hands on each line, and None at the end."""
    for line in stream:
        lines.put(line)
    lines.put(None)
