"""What the experiments stand on: a server, clients that can be fenced, comparisons and tables."""

import asyncio
import contextlib
import os
import socket
import subprocess
import tempfile

import nats
import nats.errors

PATIENCE_S = 20.0
"""Only a failing run waits this long."""


class Difference(Exception):
    """The server did something else than the article says."""


class CannotStart(Exception):
    """There is no server to judge."""


def same(what, got, expected):
    """Says what differs, unless nothing does."""
    if got != expected:
        lines = "\n  expected  {}\n  got       {}".format(*map(str, from_difference(expected, got)))
        raise Difference(what + lines)


def from_difference(expected, got, most=12):
    """Both values; long lists from their first difference on, cut off after `most` items."""
    if not isinstance(got, list) or max(len(got), len(expected)) <= most:
        return expected, got
    pairs = enumerate(zip(expected, got))
    first = next((i for i, (e, g) in pairs if e != g), min(len(expected), len(got)))
    return tuple(
        f"item {first + 1} of {len(items)} and after it: {items[first : first + most]}"
        for items in (expected, got)
    )


def between(what, got, least, most):
    """Says what lies outside its bounds, unless it does not."""
    if not least <= got <= most:
        raise Difference(f"{what}\n  expected  {least} to {most}\n  got       {got}")


class Ear:
    """A subscription and all that it has received."""

    def __init__(self, client, subscription):
        self.client = client
        self.subscription = subscription

    async def messages(self):
        """What has come since the last look, in order.

        Exact after `Stage.settle`: the server's PONG travels behind the messages, so what has not
        arrived by then does not arrive.
        """
        heard = []
        while self.subscription.pending_msgs:
            heard.append(await self.subscription.next_msg(timeout=PATIENCE_S))
        return heard

    async def texts(self):
        """The payloads of `messages`."""
        return [message.data.decode() for message in await self.messages()]


async def fence(client):
    """What the client has sent has reached the server when this returns.

    The first flush() may overtake what is still in the client's buffer, as nats.py writes the PING
    straight to the socket; it empties the buffer, though, so the second one comes behind.
    """
    await client.flush(timeout=PATIENCE_S)
    await client.flush(timeout=PATIENCE_S)


class Stage:
    """The clients of one experiment."""

    def __init__(self, url):
        self.url = url
        self.clients = []
        self.errors = []

    async def client(self, name):
        """A new connection; the errors it meets are remembered."""
        client = await connect(self.url, name, self.errors)
        self.clients.append(client)
        return client

    async def ear(self, client, subject, queue=""):
        """A subscription that the server knows of when this returns."""
        subscription = await client.subscribe(subject, queue=queue)
        await fence(client)
        return Ear(client, subscription)

    async def settle(self, *publishers):
        """A fence: what these published has reached its receivers when this returns.

        First the publishers' PONGs, so that the server has routed all they sent, then everybody's,
        so that all that was routed has been read.
        """
        for client in (*publishers, *self.clients):
            if not client.is_closed:
                await fence(client)

    async def close(self):
        """Ends all connections."""
        for client in self.clients:
            if not client.is_closed:
                await client.close()


@contextlib.contextmanager
def started(program):
    """Starts a server with nats-server's flags, yields its URL, and ends it."""
    port = free_port()
    with tempfile.TemporaryFile() as log:
        try:
            server = subprocess.Popen(
                [program, "-a", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log
            )
        except OSError as error:
            raise CannotStart(f"can't run {program}: {error.strerror}") from error
        try:
            asyncio.run(ready(server, f"nats://127.0.0.1:{port}", log))
            yield f"nats://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def ready(server, url, log):
    """Waits until the server answers a real greeting."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        try:
            await (await greet(url)).close()
            return
        except CannotStart as error:
            gone = server.poll() is not None
            if gone or asyncio.get_running_loop().time() > deadline:
                log.seek(0, os.SEEK_SET)
                said = log.read().decode(errors="replace").strip() or "nothing"
                why = f"it exited with {server.returncode}" if gone else str(error)
                raise CannotStart(f"the server did not start: {why}\nit said:\n{said}") from error
        await asyncio.sleep(0.02)


async def greet(url):
    """One connection, or the reason why there is none."""
    met = []
    try:
        return await asyncio.wait_for(connect(url, "greeting", met), PATIENCE_S)
    except (OSError, nats.errors.Error, asyncio.TimeoutError) as error:
        why = met[-1] if met else repr(error)
        raise CannotStart(f"no NATS server answers at {url}: {why}") from error


async def connect(url, name, errors):
    """A connection that does not come back by itself and puts what goes wrong into `errors`."""

    async def remember(error):
        errors.append(f"{name}: {error!r}")

    return await nats.connect(
        url,
        name=name,
        allow_reconnect=False,
        max_reconnect_attempts=1,  # 0 would be without end
        reconnect_time_wait=0.02,
        connect_timeout=PATIENCE_S,
        error_cb=remember,
    )


def table(columns, rows):
    """A table with lines: numbers to the right, marks in the middle."""
    widths = [max(len(str(row[i])) for row in [columns, *rows]) for i in range(len(columns))]

    def aligned(cell, width):
        side = ">" if isinstance(cell, int) else "^" if cell in MARKS else "<"
        return f" {cell:{side}{width}} "

    def rule(left, middle, right):
        return left + middle.join("─" * (width + 2) for width in widths) + right

    def line(row):
        return "│" + "│".join(aligned(*pair) for pair in zip(row, widths)) + "│"

    body = [line(row) for row in rows]
    return "\n".join(
        [rule("┌", "┬", "┐"), line(columns), rule("├", "┼", "┤"), *body, rule("└", "┴", "┘")]
    )


MARKS = ("✓", "·")


def bar(count, largest, width=30):
    """A count as a length."""
    return "█" * round(width * count / largest)
