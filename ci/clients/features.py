"""What is tried: for each feature the server's configuration and what the client is told.

A configuration is a template; `$name` stands for what `values` makes of the credentials. The
client finds what it needs in variables of its environment (README.md lists them). A `part` is what
the driver does once the client has said READY.
"""

import dataclasses
import signal
import string
import typing

from server import HOST

PASSWORD = "open sesame"
# The password as bcrypt, at the lowest cost; no secret, for the password stands above.
BCRYPTED = "$2a$04$XLzi6JsTf.PpKKfrQ6/4b.he3FAFf.MaSL0PPG2Z7zAToIjVWyLWK"

USERS = """
authorization { users: [
  {user: alice, password: "$password"}
  {user: bob, password: "$password"}
] }
"""

PERMISSIONS = """
authorization { users: [{user: alice, password: "$password", permissions: {
  publish: ["allowed.>"]
  subscribe: ["allowed.>", "_INBOX.>"]
}}] }
"""

ACCOUNTS = """
accounts {
  PROVIDER {
    users: [{user: alice, password: "$password"}]
    exports: [{service: "time.now"}]
  }
  CONSUMER {
    users: [{user: bob, password: "$password"}]
    imports: [{service: {account: PROVIDER, subject: "time.now"}, to: "clock"}]
  }
}
"""

TLS = 'cert_file: "$server_cert", key_file: "$server_key", ca_file: "$ca"'

ALICE = {"NATS_USER": "alice", "NATS_PASSWORD": PASSWORD}


@dataclasses.dataclass(frozen=True)
class Feature:
    """One row of the table."""

    name: str
    says: str
    config: str = ""
    environment: dict = dataclasses.field(default_factory=dict)
    scheme: str = "nats"
    part: typing.Callable = None


def reconnect(case):
    """The server ends, and starts again on the same port."""
    case.server.stop()
    case.server.start()


def lame_duck(case):
    """The server goes into lame duck mode."""
    case.server.signal(signal.SIGUSR2)


def reload(case):
    """Bob is no user any more."""
    text = case.server.config.read_text()
    case.server.config.write_text("\n".join(l for l in text.split("\n") if "bob" not in l))
    case.server.signal(signal.SIGHUP)


def slow_reader(case):
    """The client stands still while more than fits any buffer of the system is sent to it."""
    with case.client_stopped():
        case.server.flood("flood", size=65536, count=1024)


FEATURES = [
    Feature("connect", "connects, has the server's INFO, gets PONG"),
    Feature("token", "is refused without the token, let in with it",
            'authorization { token: "$password" }', {"NATS_TOKEN": PASSWORD}),
    Feature("user-password", "is refused without, let in with user and password", USERS, ALICE),
    Feature("bcrypt", "the same, where the server knows a hash of the password",
            'authorization { users: [{user: alice, password: "$bcrypt"}] }', ALICE),
    Feature("nkey", "signs the server's nonce with its seed",
            "authorization { users: [{nkey: $nkey}] }", {
                "NATS_NKEY": "$nkey", "NATS_SEED": "$seed", "NATS_SEED_FILE": "$seed_file"}),
    Feature("creds", "is let in with a credentials file, the server knowing the operator",
            "operator: $operator\nresolver: MEMORY\n"
            "resolver_preload { $account: $account_token }", {"NATS_CREDS": "$creds"}),
    Feature("wrong-password", "reports a wrong password as the library's own kind of error",
            USERS, ALICE),
    Feature("no-auth-user", "is let in without credentials, not with wrong ones",
            USERS + "no_auth_user: alice", ALICE),
    Feature("permissions", "hears of a forbidden publish and subscribe, and stays connected",
            PERMISSIONS, ALICE),
    Feature("user-info", "learns user and account from $SYS.REQ.USER.INFO",
            'accounts { PROVIDER { users: [{user: alice, password: "$password"}] } }', ALICE),
    Feature("import-export", "is served across accounts where both agree, and only there",
            ACCOUNTS, {**ALICE, "NATS_USER2": "bob"}),
    Feature("tls", "connects with TLS, knowing the authority; is refused without",
            f"tls {{ {TLS} }}", {"NATS_CA": "$ca"}),
    Feature("tls-client-certificate", "is refused without, let in with a certificate",
            f"tls {{ {TLS}, verify: true }}", {
                "NATS_CA": "$ca", "NATS_CERT": "$client_cert", "NATS_KEY": "$client_key",
                "NATS_P12": "$client_p12"}),
    Feature("tls-first", "begins with TLS, before INFO",
            f"tls {{ {TLS}, handshake_first: true }}", {"NATS_CA": "$ca"}),
    Feature("websocket", "publishes and subscribes over WebSocket",
            f'websocket {{ host: "{HOST}", port: $ws_port, no_tls: true }}', scheme="ws"),
    Feature("websocket-tls", "the same inside TLS",
            f'websocket {{ host: "{HOST}", port: $ws_port, tls {{ {TLS} }} }}',
            {"NATS_CA": "$ca"}, scheme="wss"),
    Feature("publish-subscribe", "gets payloads of 0 to max_payload bytes as they were sent"),
    Feature("wildcards", "gets what * and > match, and nothing else"),
    Feature("queue", "each of 300 messages goes to exactly one member of a group"),
    Feature("headers", "gets headers as they were sent, one with two values if the library can"),
    Feature("request", "gets the answer to its request"),
    Feature("many-requests", "has 1000 requests in flight, each with its own answer"),
    Feature("no-responders", "is told at once that nobody answers"),
    Feature("unsubscribe-max", "gets 3 messages of 5 where it asked for 3"),
    Feature("drain", "handles all that waits before the connection is closed"),
    Feature("max-payload", "reports a message that is too large", "max_payload: 1024"),
    Feature("rtt", "measures a round trip, or flushes"),
    Feature("slow-consumer", "reports its own slow subscription"),
    Feature("slow-reader", "is cut off by the server for not reading, and comes back",
            "max_pending: 1048576", part=slow_reader),
    Feature("reconnect", "its subscriptions outlive a restart of the server", part=reconnect),
    Feature("lame-duck", "hears that the server is about to leave", part=lame_duck),
    Feature("reload", "a user whom a reload takes away is cut off; others stay", USERS, ALICE
            | {"NATS_USER2": "bob"}, part=reload),
]


def values(credentials, ws_port):
    """What the names in templates stand for."""
    return {
        "password": PASSWORD, "bcrypt": BCRYPTED, "ws_port": ws_port,
        "nkey": credentials.user.public, "seed": credentials.user.seed,
        "seed_file": credentials.path("user.seed"),
        "operator": credentials.operator_token, "account": credentials.account,
        "account_token": credentials.account_token, "creds": credentials.path("alice.creds"),
        "ca": credentials.path("ca.pem"), "server_cert": credentials.path("server.pem"),
        "server_key": credentials.path("server.key"),
        "client_cert": credentials.path("client.pem"),
        "client_key": credentials.path("client.key"),
        "client_p12": credentials.path("client.p12"),
    }


def fill(template, known):
    """The template with these values; `$SYS` and its like stay."""
    return string.Template(template).safe_substitute(known)
