#!/usr/bin/env python3
"""A NATS server as one writes it on a first evening: it works with most clients, and is wrong in
many places. The suite is shown on it; see docs/test-your-own-server.md. Do not repair it.

    naive_server.py [-a ADDRESS] [-p PORT] [-c FILE]
"""

import argparse
import asyncio
import json
import re

INFO = {"server_id": "NAIVE", "version": "2.10.0", "proto": 1, "max_payload": 1048576}


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.subscriptions = {}  # sid to [pattern, queue, messages left]
        self.options = {}

    def send(self, text, payload=None):
        self.writer.write(text.encode() + b"\r\n")
        if payload is not None:
            self.writer.write(payload + b"\r\n")

    async def serve(self, server):
        self.send("INFO " + json.dumps(INFO))
        while line := await self.reader.readline():
            words = line.decode().split()
            if words:
                await self.handle(server, words)
            if self.options.get("verbose") and words and words[0] != "PING":
                self.send("+OK")

    async def handle(self, server, words):
        verb = words[0]
        if verb == "CONNECT":
            self.options = json.loads(" ".join(words[1:]))
        elif verb == "PING":
            self.send("PONG")
        elif verb == "SUB":
            queue = words[2] if len(words) == 4 else None
            self.subscriptions[words[-1]] = [pattern(words[1]), queue, None]
        elif verb == "UNSUB":
            if len(words) == 3:
                self.subscriptions[words[1]][2] = int(words[2])
            else:
                del self.subscriptions[words[1]]
        elif verb == "PUB":
            payload = await self.reader.readexactly(int(words[-1]))
            await self.reader.readline()
            server.publish(words[1], words[2] if len(words) == 4 else None, payload)
        elif verb != "PONG":
            self.send("-ERR 'Unknown Protocol Operation'")


def pattern(subject):
    """Wildcards by regular expression: the star eats dots, and the dots match anything."""
    return re.compile("^" + subject.replace("*", ".*").replace(">", ".*") + "$")


class Server:
    def __init__(self):
        self.clients = []
        self.turns = {}  # queue to a number: whose turn it is

    def publish(self, subject, reply, payload):
        queues = {}
        for client in self.clients:
            for sid, (matches, queue, _) in list(client.subscriptions.items()):
                if matches.match(subject) and queue is None:
                    self.deliver(client, sid, subject, reply, payload)
                elif matches.match(subject):
                    queues.setdefault(queue, []).append((client, sid))
        for queue, members in queues.items():
            turn = self.turns[queue] = self.turns.get(queue, -1) + 1
            self.deliver(*members[turn % len(members)], subject, reply, payload)

    def deliver(self, client, sid, subject, reply, payload):
        client.send(" ".join(filter(None, ["MSG", subject, sid, reply, str(len(payload))])), payload)
        subscription = client.subscriptions[sid]
        if subscription[2] is not None:
            subscription[2] -= 1
            if subscription[2] == 0:
                del client.subscriptions[sid]

    async def connected(self, reader, writer):
        client = Client(reader, writer)
        self.clients.append(client)
        try:
            await client.serve(self)
        except (ValueError, KeyError, IndexError, OSError, asyncio.IncompleteReadError) as error:
            print("lost a client:", repr(error), flush=True)
        self.clients.remove(client)
        writer.close()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-a", default="127.0.0.1")
    parser.add_argument("-p", type=int, default=4222)
    parser.add_argument("-c")  # a configuration, not looked at
    flags = parser.parse_args()
    server = await asyncio.start_server(Server().connected, flags.a, flags.p)
    print("Server is ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
