"""nats.py, one function a feature; ci/clients/README.md says how it is talked to."""

import asyncio
import json
import os
import pathlib
import ssl
import sys

import nats
import nats.errors
from nats.aio.client import RawCredentials

PATIENCE_S = 10
ENV = os.environ


class Failed(Exception):
    """What was expected, and what came."""


def same(what, got, expected):
    if got != expected:
        raise Failed(f"{what}: expected {expected!r:.200}, got {got!r:.200}")


def ready():
    print("READY", flush=True)


async def within(awaitable, what):
    try:
        return await asyncio.wait_for(awaitable, PATIENCE_S)
    except asyncio.TimeoutError:
        raise Failed(f"{what} did not come within {PATIENCE_S} s") from None


def credentials():
    """What the environment says of who we are."""
    options = {}
    if "NATS_USER" in ENV:
        options |= {"user": ENV["NATS_USER"], "password": ENV["NATS_PASSWORD"]}
    if "NATS_TOKEN" in ENV:
        options["token"] = ENV["NATS_TOKEN"]
    if "NATS_SEED" in ENV:
        options["nkeys_seed_str"] = ENV["NATS_SEED"]
    if "NATS_CREDS" in ENV:
        options["user_credentials"] = RawCredentials(pathlib.Path(ENV["NATS_CREDS"]).read_text())
    if "NATS_CA" in ENV:
        options["tls"] = ssl.create_default_context(cafile=ENV["NATS_CA"])
        if "NATS_CERT" in ENV:
            options["tls"].load_cert_chain(ENV["NATS_CERT"], ENV["NATS_KEY"])
    return options


async def connect(**options):
    """A connection with the environment's credentials, unless `options` has others."""
    async def ignore(_):
        pass

    defaults = {"error_cb": ignore, "allow_reconnect": False, "reconnect_time_wait": 0.1}
    return await within(nats.connect(ENV["NATS_URL"], **{**defaults, **options}), "a connection")


async def login(**options):
    return await connect(**{**credentials(), **options})


async def refused(what, **options):
    try:
        await connect(**options)
    except (nats.errors.Error, OSError):
        return
    raise Failed(f"a connection {what} was not refused")


async def round_trip(nc, subject="allowed.trip"):
    """A message to ourselves; what we sent before has been served by then.

    flush() is no such fence: its PING overtakes what is still buffered (nats.py 2.16.0).
    """
    sub = await nc.subscribe(subject)
    await nc.publish(subject, b"there and back")
    message = await within(sub.next_msg(PATIENCE_S), "a message")
    same("payload", message.data, b"there and back")
    await sub.unsubscribe()


async def plain():
    nc = await login()
    same("max_payload in INFO", nc.max_payload, 1048576)
    await round_trip(nc)
    await nc.close()


async def guarded():
    """Refused without credentials, let in with them."""
    await refused("without credentials")
    await plain()


async def wrong_password():
    try:
        await login(password="wrong")
    except nats.errors.AuthorizationError:
        return
    except nats.errors.Error as error:
        if "authorization violation" in str(error).lower():
            return
        raise Failed(f"expected an authorization violation, got {error!r}") from None
    raise Failed("a wrong password was not refused")


async def no_auth_user():
    await refused("with a wrong password", user="alice", password="wrong")
    nc = await connect()
    await round_trip(nc)


async def permissions():
    errors = asyncio.Queue()
    nc = await login(error_cb=errors.put)
    await nc.publish("denied.publish", b"")
    error = str(await within(errors.get(), "an error")).lower()
    same("the error names a publish", 'permissions violation for publish to "denied.publish"'
         in error, True)
    await nc.subscribe("denied.subscribe")
    error = str(await within(errors.get(), "an error")).lower()
    same("the error names a subscription",
         'permissions violation for subscription to "denied.subscribe"' in error, True)
    await round_trip(nc)
    same("connected", nc.is_connected, True)


async def user_info():
    nc = await login()
    answer = json.loads((await nc.request("$SYS.REQ.USER.INFO", timeout=PATIENCE_S)).data)
    same("user", answer["data"]["user"], "alice")
    same("account", answer["data"]["account"], "PROVIDER")


async def import_export():
    provider, consumer = await login(), await login(user=ENV["NATS_USER2"])

    async def answer(message):
        await message.respond(b"noon")

    await provider.subscribe("time.now", cb=answer)
    await round_trip(provider)
    reply = await consumer.request("clock", b"", timeout=PATIENCE_S)
    same("answer", reply.data, b"noon")
    try:
        await consumer.request("time.now", b"", timeout=PATIENCE_S)
        raise Failed("time.now was answered across accounts without an import")
    except nats.errors.NoRespondersError:
        pass


async def tls():
    await refused("that does not know the authority", tls=ssl.create_default_context())
    await plain()


async def tls_client_certificate():
    await refused("without a certificate", tls=ssl.create_default_context(cafile=ENV["NATS_CA"]))
    await plain()


async def tls_first():
    nc = await login(tls_handshake_first=True)
    await round_trip(nc)


async def publish_subscribe():
    nc = await login(pending_size=4 << 20)
    sub = await nc.subscribe("sizes")
    for size in (0, 1, 127, 4096, 65536, nc.max_payload):
        payload = bytes(i * 7 % 251 for i in range(size))
        await nc.publish("sizes", payload)
        message = await within(sub.next_msg(PATIENCE_S), f"a payload of {size}")
        same(f"a payload of {size}", message.data, payload)


async def wildcards():
    nc = await login()
    published = ["a", "a.b", "a.b.c", "a.x.c", "a.b.c.d", "b.b.c"]
    matching = {"a.*.c": ["a.b.c", "a.x.c"], "a.>": ["a.b", "a.b.c", "a.x.c", "a.b.c.d"]}
    heard = {pattern: [] for pattern in matching}
    for pattern, subjects in heard.items():
        async def hear(message, subjects=subjects):
            subjects.append(message.subject)
        await nc.subscribe(pattern, cb=hear)
    for subject in published:
        await nc.publish(subject, b"")
    await round_trip(nc)
    await nc.drain()
    same("heard", heard, matching)


async def queue():
    nc = await login()
    heard = []

    async def hear(message):
        heard.append(int(message.data))

    for _ in range(3):
        await nc.subscribe("work", queue="workers", cb=hear)
    for number in range(300):
        await nc.publish("work", str(number).encode())
    await round_trip(nc)
    await nc.drain()
    same("messages over all members", sorted(heard), list(range(300)))


async def headers():
    """Several values of one name are not among what this library can say."""
    nc = await login()
    sub = await nc.subscribe("headers")
    sent = {"Color": "blue", "Empty": "", "Sentence": "one: two, three"}
    await nc.publish("headers", b"with headers", headers=sent)
    message = await within(sub.next_msg(PATIENCE_S), "a message")
    same("headers", dict(message.headers or {}), sent)
    same("payload", message.data, b"with headers")


async def echo(nc, subject):
    async def answer(message):
        await message.respond(b"re: " + message.data)
    await nc.subscribe(subject, cb=answer)
    await round_trip(nc)


async def request():
    server, client = await login(), await login()
    await echo(server, "echo")
    reply = await client.request("echo", b"hello", timeout=PATIENCE_S)
    same("answer", reply.data, b"re: hello")


async def many_requests():
    server, client = await login(), await login()
    await echo(server, "echo")
    replies = await asyncio.gather(*(
        client.request("echo", str(i).encode(), timeout=PATIENCE_S) for i in range(1000)))
    same("answers", [r.data for r in replies], [f"re: {i}".encode() for i in range(1000)])


async def no_responders():
    nc = await login()
    try:
        await nc.request("nobody", b"", timeout=PATIENCE_S)
    except nats.errors.NoRespondersError:
        return
    raise Failed("a request that nobody serves was answered")


async def unsubscribe_max():
    nc = await login()
    heard = []

    async def hear(message):
        heard.append(message.data)

    sub = await nc.subscribe("some", cb=hear)
    await sub.unsubscribe(limit=3)
    for number in range(5):
        await nc.publish("some", str(number).encode())
    await round_trip(nc)
    same("messages", heard, [b"0", b"1", b"2"])


async def drain():
    closed, heard = asyncio.Event(), []

    async def on_closed():
        closed.set()

    async def hear(message):
        await asyncio.sleep(0)
        heard.append(int(message.data))

    nc, publisher = await login(closed_cb=on_closed), await login()
    await nc.subscribe("many", cb=hear)
    await round_trip(nc)
    for number in range(100):
        await publisher.publish("many", str(number).encode())
    await round_trip(publisher)
    await nc.drain()
    await within(closed.wait(), "the end of the connection")
    same("messages", heard, list(range(100)))


async def max_payload():
    nc = await login()
    same("max_payload in INFO", nc.max_payload, 1024)
    try:
        await nc.publish("large", bytes(1025))
        raise Failed("a message over max_payload was published")
    except nats.errors.MaxPayloadError:
        await round_trip(nc)


async def rtt():
    nc = await login()
    same("a round trip takes time", await within(nc.rtt(), "PONG") > 0, True)


async def slow_consumer():
    errors, release = asyncio.Queue(), asyncio.Event()

    async def hear(_):
        await release.wait()

    nc = await login(error_cb=errors.put)
    await nc.subscribe("fast", cb=hear, pending_msgs_limit=10)
    for _ in range(100):
        await nc.publish("fast", b"")
    error = await within(errors.get(), "an error")
    same("kind of error", type(error), nats.errors.SlowConsumerError)
    release.set()
    await round_trip(nc)


async def outlive(subject):
    """The connection is lost and comes back, and its subscription with it."""
    lost, back = asyncio.Event(), asyncio.Event()

    async def on_lost():
        lost.set()

    async def on_back():
        back.set()

    async def ignore(_):
        pass

    nc = await login(allow_reconnect=True, max_reconnect_attempts=-1,
                     disconnected_cb=on_lost, reconnected_cb=on_back)
    found = asyncio.Event()

    async def hear(message):
        if message.data == b"still here":
            found.set()

    await nc.subscribe(subject, cb=hear)
    await round_trip(nc)
    ready()
    await within(lost.wait(), "the end of the connection")
    await within(back.wait(), "the new connection")
    await nc.publish(subject, b"still here")
    await within(found.wait(), "a message to the old subscription")


async def slow_reader():
    await outlive("flood")


async def reconnect():
    await outlive("lasting")


async def lame_duck():
    told = asyncio.Event()

    async def on_lame_duck():
        told.set()

    nc = await login(lame_duck_mode_cb=on_lame_duck)
    await round_trip(nc)
    ready()
    await within(told.wait(), "the word that the server leaves")


async def reload():
    closed = asyncio.Event()

    async def on_closed():
        closed.set()

    alice = await login()
    await login(user=ENV["NATS_USER2"], closed_cb=on_closed)
    ready()
    await within(closed.wait(), "the end of bob's connection")
    await refused("of a user that is no more", user=ENV["NATS_USER2"],
                  password=ENV["NATS_PASSWORD"])
    await round_trip(alice)


FEATURES = {
    "connect": plain, "token": guarded, "user-password": guarded, "bcrypt": guarded,
    "nkey": guarded, "creds": guarded, "wrong-password": wrong_password,
    "no-auth-user": no_auth_user, "permissions": permissions, "user-info": user_info,
    "import-export": import_export, "tls": tls, "tls-client-certificate": tls_client_certificate,
    "tls-first": tls_first, "websocket": plain, "websocket-tls": plain,
    "publish-subscribe": publish_subscribe, "wildcards": wildcards, "queue": queue,
    "headers": headers, "request": request, "many-requests": many_requests,
    "no-responders": no_responders, "unsubscribe-max": unsubscribe_max, "drain": drain,
    "max-payload": max_payload, "rtt": rtt, "slow-consumer": slow_consumer,
    "slow-reader": slow_reader, "reconnect": reconnect, "lame-duck": lame_duck, "reload": reload,
}


async def main(name):
    if name not in FEATURES:
        return f"SKIP this program has no '{name}'"
    try:
        await FEATURES[name]()
    except Failed as failed:
        return f"FAIL {failed}"
    except Exception as error:  # whatever it is, it is not what was asked for
        return f"FAIL unexpected {error!r}"
    return "PASS"


if __name__ == "__main__":
    print(asyncio.run(main(sys.argv[1])), flush=True)
