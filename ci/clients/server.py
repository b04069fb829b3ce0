"""One server program with one configuration file, on free ports of the loopback."""

import contextlib
import random
import signal
import socket
import subprocess
import threading
import time

PATIENCE_S = 10.0
HOST = "127.0.0.1"
# Below the ports that systems hand out to those who connect, so none of these takes ours.
PORTS = range(15000, 30000)

_given = set()
_lock = threading.Lock()


class CannotStart(Exception):
    """The server ended, or nobody could connect in time; the last words of its output."""


def free_port():
    """A port that nobody listens on, and that was not handed out before."""
    while True:
        port = random.choice(PORTS)
        with _lock, socket.socket() as probe, contextlib.suppress(OSError):
            if port not in _given:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((HOST, port))
                _given.add(port)
                return port


class Server:
    """A server, started by `start`, whose output is added to a log."""

    def __init__(self, program, folder, ports):
        self.program, self.ports = program, ports
        self.config, self.log = folder / "server.conf", folder / "server.log"
        self._process = None

    def start(self):
        """Starts it, and returns once all its ports accept connections."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self.program, "-c", self.config], cwd=self.config.parent,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            for port in self.ports:
                self._await_listener(port)
        except CannotStart:
            self.stop()
            raise

    def _await_listener(self, port):
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
                return
            if self.has_ended():
                raise CannotStart(f"the server does not start: {self.last_words()}")
            time.sleep(0.01)
        raise CannotStart(f"nobody listens on port {port}: {self.last_words()}")

    def has_ended(self):
        """Whether the program has ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def last_words(self):
        """The last line of its output that speaks of an error, without the file's name."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").split("\n")]
        wrong = [line for line in lines if line.startswith("nats-") or "[FTL]" in line]
        spoken = wrong or [line for line in lines if line] or ["no word"]
        return spoken[-1].replace(str(self.config.parent), "")

    def signal(self, number):
        """Sends it a signal."""
        self._process.send_signal(number)

    def stop(self):
        """Ends it; with force if it takes long, and after lame duck it does."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def flood(self, subject, size, count):
        """Publishes to `subject`, as a client of its own, until the server has read all of it."""
        message = b"PUB %s %d\r\n%s\r\n" % (subject.encode(), size, bytes(size))
        with socket.create_connection((HOST, self.ports[0]), PATIENCE_S) as publisher:
            publisher.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\n')
            for _ in range(count):
                publisher.sendall(message)
            publisher.sendall(b"PING\r\n")
            received = b""
            while b"PONG\r\n" not in received:
                part = publisher.recv(65536)
                if not part:
                    raise ConnectionError("the server cut off who published")
                received += part
