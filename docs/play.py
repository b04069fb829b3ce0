#!/usr/bin/env python3
"""Plays exported scenarios against a running server, without any code of the suite.

    nats-conformance export --json > export.json
    python3 docs/play.py export.json 127.0.0.1:4222

An example of a reader, not a second judge: what it does not understand it counts and passes over.
Exit code 0: every case that was played holds.
"""
import base64
import json
import re
import socket
import sys


KINDS = {"bytes", "repeat", "value", "payload-size", "cut", "any-word", "any-bytes"}


class Broken(Exception):
    """The server is not as the case says."""


class Peer:
    """A connection; frames that came early wait until somebody asks for them."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")
        self.info = json.loads(self.stream.readline().split(b" ", 1)[1])
        self.waiting = []
        self.has_sent = False

    def send(self, data):
        self.socket.sendall(data)
        self.has_sent = True

    def read(self):
        """The next whole frame. PINGs are answered, later INFOs passed over."""
        while True:
            line = self.stream.readline()
            verb = line.split(b" ")[0].strip()
            if verb in (b"MSG", b"HMSG"):
                return line + self.stream.read(int(line.split()[-1]) + 2)
            if verb == b"PING":
                self.socket.sendall(b"PONG\r\n")
            elif verb != b"INFO":
                return line

    def next(self):
        return self.waiting.pop(0) if self.waiting else self.read()

    def fence(self):
        """What the server has sent before this PONG has come; what has not, does not come."""
        self.socket.sendall(b"PING\r\n")
        while (frame := self.read()) != b"PONG\r\n":
            if not frame:
                raise Broken("the server closed the connection")
            self.waiting.append(frame)


class Play:
    def __init__(self, address):
        self.address, self.peers, self.names = address, {}, {}

    def steps(self, steps):
        for step in steps:
            getattr(self, "do_" + step["do"])(step)

    def understands(self, data):
        """Looks through the steps before they are played: the server is shared by all cases."""
        if isinstance(data, list):
            return all(map(self.understands, data))
        if not isinstance(data, dict):
            return True
        odd = (
            not hasattr(self, "do_" + data.get("do", "caption"))
            or data.get("kind", "bytes") not in KINDS
            or data.get("one_of", False)
            or not data.get("finished", True)
            or "path" in data
        )
        return not odd and all(map(self.understands, data.values()))

    def do_caption(self, step):
        pass

    def do_connect(self, step):
        for name in step["peers"]:
            if name in self.peers:
                self.peers[name].socket.close()
            peer = self.peers[name] = Peer(self.address)
            options = {"verbose": False, "pedantic": False, "headers": True, "protocol": 1}
            options.update(json.loads(self.bytes(step.get("options", [])) or b"{}"))
            peer.socket.sendall(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
            peer.fence()
            if options["verbose"]:
                peer.waiting.remove(b"+OK\r\n")

    def do_send(self, step):
        for name in step["peers"]:
            self.peers[name].send(self.bytes(step["text"]))

    def do_expect(self, step):
        for name in step["peers"]:
            got = self.peers[name].next()
            match = re.fullmatch(self.pattern(step["frame"]), got, re.DOTALL)
            if match is None:
                raise Broken(f"line {step['line']}: got {got!r}")
            self.names.update(match.groupdict())

    def do_quiet(self, step):
        for peer in self.peers.values():
            if peer.has_sent:
                peer.fence()
        for name in step.get("peers", self.peers):
            peer = self.peers[name]
            peer.fence()
            if peer.waiting:
                raise Broken(f"line {step.get('line', 'last')}: {name} also got {peer.waiting[0]!r}")

    def do_loop(self, step):
        for number in range(self.value(step["from"]), self.value(step["to"]) + 1):
            outer = dict(self.names)
            self.names[step["name"]] = str(number).encode()
            self.steps(step["steps"])
            self.names = {name: self.names[name] for name in outer}

    def do_let(self, step):
        self.names[step["name"]] = self.bytes(step["text"])

    def value(self, value):
        if value["is"] == "number":
            return value["number"]
        if value["is"] == "sum":
            return self.value(value["of"]) + value["plus"]
        return int(self.names[value["name"]])

    def known(self, part):
        """The bytes of a part; None stands for a size, which is known at the end."""
        if part["kind"] == "bytes":
            return base64.b64decode(part["base64"])
        if part["kind"] == "repeat":
            return base64.b64decode(part["bytes"]["base64"]) * self.value(part["count"])
        if part["kind"] == "value":
            name = part["value"].get("name")
            return self.names[name] if name else str(self.value(part["value"])).encode()
        return None if part["kind"] == "payload-size" else b""

    def bytes(self, parts):
        """The bytes that parts stand for."""
        pieces = [self.known(part) for part in parts]
        for at, piece in enumerate(pieces):
            if piece is None:
                behind = b"".join(pieces[at + 1:]).split(b"\r\n", 1)[1]
                pieces[at] = str(len(behind.removesuffix(b"\r\n"))).encode()
        return b"".join(pieces)

    def pattern(self, parts):
        """A regular expression for a whole frame."""
        if any(part["kind"] == "payload-size" for part in parts):
            return re.escape(self.bytes(parts))
        pattern, seen = b"", set()
        for part in parts:
            name = part["value"]["name"].encode() if self.binds(part) else None
            if part["kind"] == "any-bytes":
                pattern += rb".*"
            elif part["kind"] == "any-word":
                pattern += rb"[^ \t\r\n]+"
            elif name is None:
                pattern += re.escape(self.bytes([part]))
            else:
                pattern += b"(?P=%b)" % name if name in seen else rb"(?P<%b>[^ \t\r\n]+)" % name
                seen.add(name)
        return pattern

    def binds(self, part):
        value = part.get("value", {})
        return value.get("is") == "name" and "path" not in value and value["name"] not in self.names


def main(path, where):
    host, port = where.rsplit(":", 1)
    with open(path, encoding="utf-8") as file:
        export = json.load(file)
    held, broken, passed_over = 0, 0, 0
    for case in export["cases"]:
        plain = not (set(case["needs"]) - {"headers"} or "since" in case or "until" in case
                     or "config" in case or case["manual_pings"] or case["manual_infos"])
        play = Play((host, int(port)))
        if not plain or not play.understands(case["steps"]):
            passed_over += 1
            continue
        try:
            play.steps(case["steps"])
            play.do_quiet({})
            held += 1
        except (Broken, OSError) as error:
            broken += 1
            print(f"{case['id']}: {error}")
        for peer in play.peers.values():
            peer.socket.close()
    print(f"{held} held, {broken} broken, {passed_over} not understood")
    return 1 if broken or not held else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
