"""Keys, tokens and certificates, made anew for each run by openssl; nothing secret is kept."""

import base64
import binascii
import hashlib
import json
import os
import pathlib
import subprocess

# The first letter of a public key, as its byte.
OPERATOR, ACCOUNT, USER = 14 << 3, 0, 20 << 3
SEED = 18 << 3

# What DER puts before the 32 bytes of an Ed25519 private key (RFC 8410).
PKCS8 = bytes.fromhex("302e020100300506032b657004220420")

OPENSSL_CONF = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[server]
basicConstraints = critical, CA:false
subjectAltName = DNS:localhost, IP:127.0.0.1
extendedKeyUsage = serverAuth
[client]
basicConstraints = critical, CA:false
subjectAltName = email:alice@example.com
extendedKeyUsage = clientAuth
"""


def openssl(*arguments, stdin=None):
    """What openssl prints; its own words in the error if it fails."""
    done = subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace')}")
    return done.stdout


class Key:
    """An Ed25519 key pair in the notation of nkeys: base32 with a prefix and a CRC-16."""

    def __init__(self, kind, folder):
        raw = os.urandom(32)
        self.seed = encode(bytes([SEED | kind >> 5, (kind & 31) << 3]) + raw)
        self._file = folder / f"{hashlib.sha256(raw).hexdigest()[:16]}.der"
        self._file.write_bytes(PKCS8 + raw)
        public = openssl("pkey", "-inform", "DER", "-in", self._file, "-pubout", "-outform", "DER")
        self.public = encode(bytes([kind]) + public[-32:])

    def sign(self, data):
        """The signature of these bytes."""
        message = self._file.with_suffix(".message")
        message.write_bytes(data)
        return openssl("pkeyutl", "-sign", "-rawin", "-in", message,
                       "-keyform", "DER", "-inkey", self._file)

    def token(self, subject, name, claims):
        """A JWT, version 2, in which this key says this of `subject`, a public key."""
        body = {"iat": 1700000000, "iss": self.public, "name": name, "sub": subject,
                "nats": {**claims, "version": 2}}
        digest = hashlib.sha256(json.dumps(body).encode()).digest()
        body["jti"] = base64.b32encode(digest).decode().rstrip("=")
        head = {"typ": "JWT", "alg": "ed25519-nkey"}
        signed = base64url(head) + b"." + base64url(body)
        return (signed + b"." + base64url(self.sign(signed))).decode()


def encode(data):
    """Bytes as nkeys writes them."""
    check = binascii.crc_hqx(data, 0).to_bytes(2, "little")
    return base64.b32encode(data + check).decode().rstrip("=")


def base64url(part):
    """Bytes, or JSON, in the alphabet of JWT."""
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class Credentials:
    """All that servers and clients are given, in a folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.user = Key(USER, self.folder)
        self.path("user.seed").write_text(self.user.seed)
        self._make_tokens()
        self._make_certificates()

    def path(self, name):
        """The absolute path of one of the files: ca.pem, server.pem, client.key, alice.creds ..."""
        return self.folder / name

    def _make_tokens(self):
        """An operator, its account, and a user of that in a credentials file."""
        operator, account = Key(OPERATOR, self.folder), Key(ACCOUNT, self.folder)
        user = Key(USER, self.folder)
        self.account = account.public
        self.operator_token = operator.token(operator.public, "operator", {"type": "operator"})
        unlimited = dict.fromkeys(("subs", "data", "payload"), -1)
        more = dict.fromkeys(("imports", "exports", "conn", "leaf"), -1)
        self.account_token = operator.token(account.public, "account", {
            "type": "account", "limits": {**unlimited, **more, "wildcards": True}})
        token = account.token(user.public, "alice",
                              {"type": "user", "pub": {}, "sub": {}, **unlimited})
        self.path("alice.creds").write_text(
            f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n")

    def _make_certificates(self):
        """An authority, and what it signed for a server and a client."""
        self.path("openssl.cnf").write_text(OPENSSL_CONF)
        for name, issuer in ("ca", []), ("server", ["ca"]), ("client", ["ca"]):
            signer = [["-CA", self.path(f"{i}.pem"), "-CAkey", self.path(f"{i}.key")]
                      for i in issuer]
            openssl("req", "-x509", "-config", self.path("openssl.cnf"), "-days", "2",
                    "-extensions", "authority" if name == "ca" else name,
                    "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", f"/CN={name}", "-keyout", self.path(f"{name}.key"),
                    "-out", self.path(f"{name}.pem"), *sum(signer, []))
        openssl("pkcs12", "-export", "-in", self.path("client.pem"), "-inkey",
                self.path("client.key"), "-passout", "pass:", "-out", self.path("client.p12"))
