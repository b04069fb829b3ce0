"""The experiments of the introductory article on NATS, with the article's own client, nats.py.

    article.py --server-bin PATH     starts that server (nats-server's flags) and ends it
    article.py --server URL          takes a server that is running already

Every experiment compares exactly, and proves what does not arrive by a fence, never by waiting.
Exit code: 0 all as the article says, 1 something differs, 2 bad usage, 3 no server to judge.
"""

import argparse
import asyncio
import contextlib
import importlib.metadata
import sys

import nats.errors

from stage import PATIENCE_S, CannotStart, Difference, Stage
from stage import bar, between, greet, same, started, table


async def who_hears_what(stage, patterns, published):
    """Publishes to subjects while each pattern has a subscriber, and shows who heard what.

    `published` says of each subject which patterns match it.
    """
    ears = [await stage.ear(await stage.client(p), p) for p in patterns]
    publisher = await stage.client("publisher")
    rows = []
    for subject, matching in published.items():
        await publisher.publish(subject, f"to {subject}".encode())
        await stage.settle(publisher)
        row = [subject]
        for pattern, ear in zip(patterns, ears):
            got = [(m.subject, m.data.decode(), m.reply) for m in await ear.messages()]
            expected = [(subject, f"to {subject}", "")] if pattern in matching else []
            same(f"published to {subject}, subscribed to {pattern}", got, expected)
            row.append("✓" if got else "·")
        rows.append(row)
    return table(["published to", *patterns], rows)


async def subjects(stage):
    """Publish and subscribe: who subscribed to what hears what"""
    return await who_hears_what(
        stage,
        ["nats.pubsub", "nats.pubsub.alice", "nats.pubsub.*", "nats.>"],
        {
            "nats.pubsub": ["nats.pubsub", "nats.>"],
            "nats.pubsub.alice": ["nats.pubsub.alice", "nats.pubsub.*", "nats.>"],
            "nats": [],
        },
    )


async def wildcards(stage):
    """Wildcards: * is one token, > is one or more at the end"""
    return await who_hears_what(
        stage,
        ["time.*.east", "time.us.>"],
        {
            "time.us": [],
            "time.us.east": ["time.*.east", "time.us.>"],
            "time.us.east.atlanta": ["time.us.>"],
            "time.eu.east": ["time.*.east"],
        },
    )


async def request_reply(stage):
    """Request and reply: the answer comes to an inbox of the requester's own"""
    alice, bob = await stage.client("alice"), await stage.client("bob")
    service = await stage.ear(bob, "time.now")

    # Step by step, as the request helper does it inside.
    inbox = alice.new_inbox()
    same("an inbox begins with", inbox[:7], "_INBOX.")
    answers = await stage.ear(alice, inbox)
    await alice.publish("time.now", b"where?", reply=inbox)
    await stage.settle(alice)
    requests = await service.messages()
    same("the request as bob sees it", [(m.data, m.reply) for m in requests], [(b"where?", inbox)])
    await bob.publish(requests[0].reply, b"noon")
    await stage.settle(bob)
    got = [(m.subject, m.data, m.reply) for m in await answers.messages()]
    same("the answers alice got", got, [(inbox, b"noon", "")])
    await service.subscription.unsubscribe()

    # The helper, with a service that answers by itself.
    async def answer(message):
        await message.respond(b"noon in " + message.data)

    await bob.subscribe("time.now", cb=answer)
    await stage.settle(bob)
    helped = await alice.request("time.now", b"Paris", timeout=PATIENCE_S)
    same("the answer to request()", helped.data, b"noon in Paris")
    same("it came to an inbox", helped.subject[:7], "_INBOX.")
    return table(
        ["step", "subject", "reply to", "payload"],
        [
            ["alice asks", "time.now", "_INBOX.…", "where?"],
            ["bob answers", "_INBOX.…", "", "noon"],
            ["alice, with request()", "time.now", "_INBOX.…", "Paris"],
            ["bob answers", "_INBOX.…", "", helped.data.decode()],
        ],
    )


async def acknowledgement(stage):
    """An acknowledged one-way message: the empty reply says that it was heard"""
    alice, bob = await stage.client("alice"), await stage.client("bob")
    orders = await stage.ear(bob, "orders.new")
    inbox = alice.new_inbox()
    acks = await stage.ear(alice, inbox)
    await alice.publish("orders.new", b"one coffee", reply=inbox)
    await stage.settle(alice)
    same("acknowledged before bob did so", await acks.texts(), [])
    received = await orders.messages()
    same("what bob received", [m.data for m in received], [b"one coffee"])
    await received[0].respond(b"")
    await stage.settle(bob)
    got = [(m.data, m.headers) for m in await acks.messages()]
    same("the acknowledgement", got, [(b"", None)])
    return table(
        ["step", "subject", "reply to", "payload"],
        [
            ["alice sends", "orders.new", "_INBOX.…", "one coffee"],
            ["bob acknowledges", "_INBOX.…", "", "(0 bytes)"],
        ],
    )


async def at_most_once(stage):
    """At most once: who does not listen at that moment never hears it"""
    publisher = await stage.client("publisher")
    rows = []

    async def publish(text, *ears):
        await publisher.publish("news", text.encode())
        await stage.settle(publisher)
        heard = [name for name, ear in ears if text in await ear.texts()]
        rows.append([text, ", ".join(name for name, _ in ears) or "nobody"])
        rows[-1].append(", ".join(heard) or "nobody: lost")
        same(f"who heard {text!r}", heard, [name for name, _ in ears])

    await publish("first")
    late = await stage.ear(await stage.client("late"), "news")
    await stage.settle(publisher)
    same("what a late subscriber is given of the past", await late.texts(), [])
    await publish("second", ("late", late))
    await late.client.close()
    await publish("third")
    back = await stage.ear(await stage.client("late"), "news")
    await stage.settle(publisher)
    same("what one who comes back is given of the time away", await back.texts(), [])
    await publish("fourth", ("late", back))
    return table(["message", "listening", "heard by"], rows)


async def queue_group(stage):
    """A queue group: nine messages, three members, each message once"""
    members = [await stage.ear(await stage.client(f"worker {n}"), "jobs", "workers") for n in "123"]
    publisher = await stage.client("publisher")
    sent = [f"job {n}" for n in range(1, 10)]
    for job in sent:
        await publisher.publish("jobs", job.encode())
    await stage.settle(publisher)
    rows, all_jobs = [], []
    for n, member in enumerate(members, 1):
        jobs = await member.texts()
        same(f"the order in which worker {n} got its jobs", jobs, sorted(jobs))
        all_jobs += jobs
        rows.append([f"worker {n}", len(jobs), " ".join(job[4:] for job in jobs)])
    same("the jobs of all workers together", sorted(all_jobs), sent)
    return table(["member", "got", "which of the jobs 1 to 9"], rows)


async def distribution(stage):
    """How a queue group shares: by chance, so evenly in the long run, and not in turn"""
    total = 3000
    members = [await stage.ear(await stage.client(f"worker {n}"), "many", "workers") for n in "123"]
    publisher = await stage.client("publisher")
    for n in range(total):
        await publisher.publish("many", b"%d" % n)
    await stage.settle(publisher)
    shares, receiver = [], {}
    numbers = {str(n): n for n in range(total)}
    for who, member in enumerate(members):
        texts = await member.texts()
        same("payloads that nobody sent", [text for text in texts if text not in numbers], [])
        shares.append(share := [numbers[text] for text in texts])
        same(f"the order in which worker {who + 1} got its messages", share, sorted(share))
        receiver.update(dict.fromkeys(share, who))
    same("messages received, copies included", sum(map(len, shares)), total)
    same("messages received, copies left out", len(receiver), total)

    # 1000 are expected of each, and 1000 neighbours that go to the same member, with a standard
    # deviation of 26: the bounds are eleven of them away, and rotation has no such neighbours.
    for who, share in enumerate(shares):
        between(f"messages that worker {who + 1} got of {total}", len(share), 700, 1300)
    repeats = sum(receiver[n] == receiver[n + 1] for n in range(total - 1))
    between("neighbouring messages that went to the same member", repeats, 700, 1300)
    largest = max(map(len, shares))
    rows = [
        [f"worker {who + 1}", len(share), bar(len(share), largest)]
        for who, share in enumerate(shares)
    ]
    return (
        table(["member", f"of {total}", "share"], rows)
        + f"\n{repeats} of {total - 1} neighbours went to the same member (in turn: 0)"
    )


async def groups_and_plain(stage):
    """Several queue groups and plain subscribers: one of each group, and everyone who is in none"""
    groups = {"billing": ["b1", "b2", "b3"], "shipping": ["s1", "s2"], "": ["audit", "screen"]}
    ears = {
        name: await stage.ear(await stage.client(name), "sales.*", group)
        for group, names in groups.items()
        for name in names
    }
    publisher = await stage.client("publisher")
    sent = [f"sale {n:02}" for n in range(1, 31)]
    for sale in sent:
        await publisher.publish("sales.eu", sale.encode())
    await stage.settle(publisher)
    heard = {name: await ear.texts() for name, ear in ears.items()}
    rows = []
    for group, names in groups.items():
        for name in names:
            same(f"the order in which {name} got its messages", heard[name], sorted(heard[name]))
            if not group:
                same(f"what the plain subscriber {name} got", heard[name], sent)
            rows.append([name, group or "(none)", len(heard[name])])
        if group:
            together = sorted(sale for name in names for sale in heard[name])
            same(f"what the group {group} got together", together, sent)
    return table(["subscriber", "queue group", f"got of {len(sent)}"], rows)


async def no_responders(stage):
    """No responders: a request that nobody serves fails at once"""
    alice = await stage.client("alice")
    outcome = "an answer"
    try:
        await alice.request("nobody.home", b"hello?", timeout=PATIENCE_S)
    except nats.errors.Error as error:
        outcome = type(error).__name__
    same("request() without a service ends in", outcome, "NoRespondersError")

    # The same on the wire: a message without payload and with the status 503.
    inbox = alice.new_inbox()
    answers = await stage.ear(alice, inbox)
    await alice.publish("nobody.home", b"hello?", reply=inbox)
    await stage.settle(alice)
    got = [(m.data, (m.headers or {}).get("Status")) for m in await answers.messages()]
    same("what comes to the inbox", got, [(b"", "503")])
    return table(
        ["alice asks", "outcome"],
        [["nobody.home, with request()", outcome], ["nobody.home, by hand", "status 503, 0 bytes"]],
    )


EXPERIMENTS = [
    subjects,
    wildcards,
    request_reply,
    acknowledgement,
    at_most_once,
    queue_group,
    distribution,
    groups_and_plain,
    no_responders,
]


async def perform(server, url):
    """All experiments on one server; returns how many differ."""
    greeted = await greet(url)
    version = greeted.connected_server_version
    await greeted.close()
    print(f"The article's experiments with nats.py {importlib.metadata.version('nats-py')}")
    print(f"on {server} ({version.major}.{version.minor}.{version.patch})")
    differing = 0
    for number, experiment in enumerate(EXPERIMENTS, 1):
        print(f"\n{number}. {experiment.__doc__}")
        stage = Stage(url)
        try:
            shown = await experiment(stage)
            same("errors that the clients met", stage.errors, [])
        except Difference as difference:
            differing += 1
            shown = f"DIFFERS: {difference}"
        except (nats.errors.Error, OSError, asyncio.TimeoutError) as error:
            differing += 1
            shown = f"DIFFERS: the client gave up: {error!r}; it had met {stage.errors}"
        finally:
            await stage.close()
        print(shown)
    return differing


def main():
    """Reads the command line and says how it went."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--server-bin", metavar="PATH", help="a program with nats-server's flags")
    target.add_argument("--server", metavar="URL", help="a running server, nats://host:port")
    options = parser.parse_args()
    try:
        with (
            started(options.server_bin)
            if options.server_bin
            else contextlib.nullcontext(options.server)
        ) as url:
            differing = asyncio.run(perform(options.server_bin or url, url))
    except CannotStart as problem:
        print(f"article.py: {problem}", file=sys.stderr)
        return 3
    held = len(EXPERIMENTS) - differing
    print(f"\n{held} of {len(EXPERIMENTS)} experiments went as the article says")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
