// nats.js, one function a feature; ci/clients/README.md says how it is talked to.
"use strict";

const { readFileSync } = require("node:fs");
const { isDeepStrictEqual, inspect } = require("node:util");
const nats = require("@nats-io/transport-node");

const PATIENCE_MS = 10_000;
const env = process.env;

class Failed extends Error {}

function same(what, got, expected) {
  if (!isDeepStrictEqual(got, expected)) {
    const show = (value) => inspect(value, { breakLength: Infinity }).slice(0, 200);
    throw new Failed(`${what}: expected ${show(expected)}, got ${show(got)}`);
  }
}

function ready() {
  console.log("READY");
}

async function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    const error = new Failed(`${what} did not come within ${PATIENCE_MS / 1000} s`);
    timer = setTimeout(() => reject(error), PATIENCE_MS);
  });
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What the environment says of who we are. */
function credentials() {
  const options = {};
  if (env.NATS_USER) Object.assign(options, { user: env.NATS_USER, pass: env.NATS_PASSWORD });
  if (env.NATS_TOKEN) options.token = env.NATS_TOKEN;
  if (env.NATS_SEED) {
    options.authenticator = nats.nkeyAuthenticator(new TextEncoder().encode(env.NATS_SEED));
  }
  if (env.NATS_CREDS) {
    options.authenticator = nats.credsAuthenticator(readFileSync(env.NATS_CREDS));
  }
  if (env.NATS_CA && !isWebSocket()) {
    options.tls = { caFile: env.NATS_CA };
    if (env.NATS_CERT) {
      Object.assign(options.tls, { certFile: env.NATS_CERT, keyFile: env.NATS_KEY });
    }
  }
  return options;
}

const isWebSocket = () => env.NATS_URL.startsWith("ws");

const bob = () => ({ user: env.NATS_USER2, pass: env.NATS_PASSWORD });

function connect(options = {}) {
  const connect = isWebSocket() ? nats.wsconnect : nats.connect;
  const defaults = { servers: env.NATS_URL, reconnect: false, timeout: PATIENCE_MS };
  return connect({ ...defaults, reconnectTimeWait: 100, ...options });
}

const login = (options = {}) => connect({ ...credentials(), ...options });

async function refused(what, options) {
  let nc;
  try {
    nc = await connect(options);
  } catch {
    return;
  }
  await nc.close();
  throw new Failed(`a connection ${what} was not refused`);
}

/** The first event of a connection for which `matches` is true. */
async function event(nc, what, matches) {
  const search = async () => {
    for await (const status of nc.status()) if (matches(status)) return status;
    throw new Failed(`the connection ended before ${what}`);
  };
  return await within(search(), what);
}

/** The first message of a subscription. */
async function first(sub) {
  return (await within(sub[Symbol.asyncIterator]().next(), "a message")).value;
}

async function roundTrip(nc) {
  const sub = nc.subscribe("allowed.trip", { max: 1 });
  nc.publish("allowed.trip", "there and back");
  same("payload", (await first(sub)).string(), "there and back");
}

async function plain() {
  const nc = await login();
  same("max_payload in INFO", nc.info.max_payload, 1048576);
  await roundTrip(nc);
  await nc.close();
}

async function guarded() {
  await refused("without credentials");
  await plain();
}

async function wrongPassword() {
  try {
    await login({ pass: "wrong" });
  } catch (error) {
    if (error instanceof nats.AuthorizationError) return;
    throw new Failed(`expected an AuthorizationError, got ${inspect(error)}`);
  }
  throw new Failed("a wrong password was not refused");
}

async function noAuthUser() {
  await refused("with a wrong password", { user: "alice", pass: "wrong" });
  await roundTrip(await connect());
}

async function permissions() {
  const nc = await login();
  const violation = async (act, operation, subject) => {
    const told = event(nc, "an error", (status) => status.type === "error");
    act();
    const { error } = await told;
    same("kind of error", error instanceof nats.PermissionViolationError, true);
    same("the error's words", [error.operation, error.subject], [operation, subject]);
  };
  await violation(() => nc.publish("denied.publish"), "publish", "denied.publish");
  const ignore = () => {};
  await violation(() => nc.subscribe("denied.subscribe", { callback: ignore }),
    "subscription", "denied.subscribe");
  await roundTrip(nc);
}

async function userInfo() {
  const nc = await login();
  const { data } = (await nc.request("$SYS.REQ.USER.INFO", "", { timeout: PATIENCE_MS })).json();
  same("user and account", [data.user, data.account], ["alice", "PROVIDER"]);
}

async function importExport() {
  const [provider, consumer] = [await login(), await login(bob())];
  await answer(provider, "time.now", "noon");
  const reply = await consumer.request("clock", "", { timeout: PATIENCE_MS });
  same("answer", reply.string(), "noon");
  await unanswered(consumer, "time.now");
}

async function unanswered(nc, subject) {
  try {
    await nc.request(subject, "", { timeout: PATIENCE_MS });
  } catch (error) {
    const cause = error instanceof nats.RequestError && error.isNoResponders();
    if (cause || error instanceof nats.NoRespondersError) return;
    throw new Failed(`expected no responders, got ${inspect(error)}`);
  }
  throw new Failed(`a request to ${subject}, which nobody serves, was answered`);
}

async function tls() {
  await refused("that does not know the authority", { tls: {} });
  await plain();
}

async function tlsClientCertificate() {
  await refused("without a certificate", { tls: { caFile: env.NATS_CA } });
  await plain();
}

async function tlsFirst() {
  await roundTrip(await login({ tls: { caFile: env.NATS_CA, handshakeFirst: true } }));
}

async function publishSubscribe() {
  const nc = await login();
  const messages = nc.subscribe("sizes")[Symbol.asyncIterator]();
  for (const size of [0, 1, 127, 4096, 65536, nc.info.max_payload]) {
    const payload = Uint8Array.from({ length: size }, (_, i) => (i * 7) % 251);
    nc.publish("sizes", payload);
    const { value: { data } } = await within(messages.next(), `a payload of ${size}`);
    same(`a payload of ${size}`, Buffer.compare(data, payload), 0);
  }
}

async function wildcards() {
  const nc = await login();
  const matching = { "a.*.c": ["a.b.c", "a.x.c"], "a.>": ["a.b", "a.b.c", "a.x.c", "a.b.c.d"] };
  const heard = { "a.*.c": [], "a.>": [] };
  for (const pattern of Object.keys(matching)) {
    nc.subscribe(pattern, { callback: (_, m) => heard[pattern].push(m.subject) });
  }
  for (const subject of ["a", "a.b", "a.b.c", "a.x.c", "a.b.c.d", "b.b.c"]) nc.publish(subject);
  await nc.flush();
  same("heard", heard, matching);
}

async function queue() {
  const nc = await login();
  const heard = [];
  const callback = (_, m) => heard.push(Number(m.string()));
  for (let member = 0; member < 3; member++) nc.subscribe("work", { queue: "workers", callback });
  const sent = Array.from({ length: 300 }, (_, i) => i);
  for (const number of sent) nc.publish("work", String(number));
  await nc.flush();
  same("messages over all members", heard.sort((a, b) => a - b), sent);
}

async function headers() {
  const nc = await login();
  const sub = nc.subscribe("headers");
  const sent = { Color: ["blue", "green"], Empty: [""], Sentence: ["one: two, three"] };
  const headers = nats.headers();
  for (const [name, values] of Object.entries(sent)) {
    for (const value of values) headers.append(name, value, nats.Match.Exact);
  }
  nc.publish("headers", "with headers", { headers });
  const message = await first(sub);
  same("headers", Object.fromEntries(message.headers), sent);
  same("payload", message.string(), "with headers");
}

/** Serves a subject: with this text, and the request's own behind it. */
async function answer(nc, subject, text) {
  nc.subscribe(subject, { callback: (_, m) => m.respond(text + m.string()) });
  await nc.flush();
}

async function request() {
  const [server, client] = [await login(), await login()];
  await answer(server, "echo", "re: ");
  const reply = await client.request("echo", "hello", { timeout: PATIENCE_MS });
  same("answer", reply.string(), "re: hello");
}

async function manyRequests() {
  const [server, client] = [await login(), await login()];
  await answer(server, "echo", "re: ");
  const numbers = Array.from({ length: 1000 }, (_, i) => i);
  const ask = (i) => client.request("echo", String(i), { timeout: PATIENCE_MS });
  const replies = await Promise.all(numbers.map(ask));
  same("answers", replies.map((m) => m.string()), numbers.map((i) => `re: ${i}`));
}

async function noResponders() {
  await unanswered(await login(), "nobody");
}

async function unsubscribeMax() {
  const nc = await login();
  const heard = [];
  nc.subscribe("some", { max: 3, callback: (_, m) => heard.push(m.string()) });
  for (let number = 0; number < 5; number++) nc.publish("some", String(number));
  await nc.flush();
  same("messages", heard, ["0", "1", "2"]);
}

async function drain() {
  const [nc, publisher] = [await login(), await login()];
  const heard = [];
  nc.subscribe("many", { callback: (_, m) => heard.push(Number(m.string())) });
  await nc.flush();
  const sent = Array.from({ length: 100 }, (_, i) => i);
  for (const number of sent) publisher.publish("many", String(number));
  await publisher.flush();
  await within(nc.drain(), "the end of draining");
  same("the error that closed the connection", await nc.closed(), undefined);
  same("messages", heard, sent);
}

async function maxPayload() {
  const nc = await login();
  same("max_payload in INFO", nc.info.max_payload, 1024);
  let reported;
  try {
    nc.publish("large", new Uint8Array(1025));
  } catch (error) {
    reported = error;
  }
  if (!/max_payload/.test(reported?.message)) {
    throw new Failed(`expected an error about max_payload, got ${inspect(reported)}`);
  }
  await roundTrip(nc);
}

async function rtt() {
  same("a round trip takes no less than no time", (await (await login()).rtt()) >= 0, true);
}

async function slowConsumer() {
  const nc = await login();
  const told = event(nc, "slowConsumer", (status) => status.type === "slowConsumer");
  nc.subscribe("fast", { slow: 10 }); // nobody reads
  for (let number = 0; number < 100; number++) nc.publish("fast");
  same("pending", (await told).pending > 10, true);
  await roundTrip(nc);
}

/** The connection is lost and comes back, and its subscription with it. */
async function outlive(subject) {
  const nc = await login({ reconnect: true, maxReconnectAttempts: -1 });
  const back = event(nc, "the new connection", (status) => status.type === "reconnect");
  let find;
  const found = new Promise((resolve) => find = resolve);
  nc.subscribe(subject, { callback: (_, m) => m.data.length === 10 && find() });
  await nc.flush();
  ready();
  await back;
  nc.publish(subject, "still here");
  await within(found, "a message to the old subscription");
}

async function lameDuck() {
  const nc = await login();
  const told = event(nc, "the word that the server leaves", (status) => status.type === "ldm");
  await roundTrip(nc);
  ready();
  await told;
}

async function reload() {
  const alice = await login();
  const lost = await login(bob());
  ready();
  await within(lost.closed(), "the end of bob's connection");
  await refused("of a user that is no more", bob());
  await roundTrip(alice);
}

const FEATURES = {
  "connect": plain, "token": guarded, "user-password": guarded, "bcrypt": guarded,
  "nkey": guarded, "creds": guarded, "wrong-password": wrongPassword,
  "no-auth-user": noAuthUser, "permissions": permissions, "user-info": userInfo,
  "import-export": importExport, "tls": tls, "tls-client-certificate": tlsClientCertificate,
  "tls-first": tlsFirst, "websocket": plain, "websocket-tls": plain,
  "publish-subscribe": publishSubscribe, "wildcards": wildcards, "queue": queue,
  "headers": headers, "request": request, "many-requests": manyRequests,
  "no-responders": noResponders, "unsubscribe-max": unsubscribeMax, "drain": drain,
  "max-payload": maxPayload, "rtt": rtt, "slow-consumer": slowConsumer,
  "slow-reader": () => outlive("flood"), "reconnect": () => outlive("lasting"),
  "lame-duck": lameDuck, "reload": reload,
};

async function main(name) {
  if (!(name in FEATURES)) return `SKIP this program has no '${name}'`;
  try {
    await FEATURES[name]();
    return "PASS";
  } catch (error) {
    return `FAIL ${error instanceof Failed ? error.message : `unexpected ${inspect(error)}`}`;
  }
}

main(process.argv[2]).then((verdict) => {
  console.log(verdict.replaceAll("\n", " "));
  process.exit();
});
