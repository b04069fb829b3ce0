// nats.js in a browser. Each check says what it saw; any of them ends the test.
//   node test.mjs SERVER FOLDER    pictures go to FOLDER
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { start } from "./server.mjs";

const [program, folder] = process.argv.slice(2);
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath, args });
const script = await bundled();
const site = await served(script);
const origin = `http://127.0.0.1:${site.address().port}`;
const check = (what) => console.log(`ok  ${what} (${basename(dirname(program))}/${basename(program)})`);

try {
  await cookies();
  await secured();
  await person();
} finally {
  await browser.close();
  site.close();
}

/** nats.js and ours as one script. */
async function bundled() {
  const here = dirname(fileURLToPath(import.meta.url));
  const entryPoints = [join(here, "client.mjs")];
  const made = await build({ entryPoints, bundle: true, format: "iife", write: false });
  return made.outputFiles[0].text;
}

/** A site whose only page loads the script. */
async function served(script) {
  const server = createServer((request, response) => {
    const isScript = request.url === "/client.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : "<!doctype html><script src=/client.js></script>");
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return server;
}

/** A fresh page of the site, or of the same one by another name. */
async function page(options = {}, at = origin) {
  const context = await browser.newContext({ viewport: { width: 1366, height: 900 }, ...options });
  const page = await context.newPage();
  await page.goto(at);
  return page;
}

async function cookies() {
  const server = await start(program, () => `
    listen: "127.0.0.1:-1"
    authorization { users: [ { user: ann, password: secret } ] }
    websocket {
      listen: "127.0.0.1:-1", no_tls: true, compression: true, allowed_origins: ["${origin}"]
      user_cookie: who, pass_cookie: word
    }`);
  const here = await page();
  const connects = (where, options) =>
    where.evaluate(([url, o]) => client.connects(url, o), [server.websocket, options]);
  assert.match(await connects(here), /Authorization/);
  const login = { user: "ann", pass: "secret" };
  assert.match(await connects(here, login), /^connected to/);
  assert.match(await connects(here, { ...login, pass: "wrong" }), /Authorization/);
  check("a login in CONNECT");
  const cookie = (name, value) => ({ name, value, url: origin });
  await here.context().addCookies([cookie("who", "ann"), cookie("word", "secret")]);
  assert.match(await connects(here), /^connected to/);
  const talked = await here.evaluate((url) => client.talks(url), server.websocket);
  assert.deepEqual(talked, {
    heard: [0, 1, 5_000, 70_000, 1_000_000], answer: "hello ann", lonely: "no responders: 'nobody'",
  });
  await here.context().addCookies([cookie("word", "wrong")]);
  assert.match(await connects(here), /Authorization/);
  check("a login in cookies, over ws://");
  const elsewhere = await page({}, origin.replace("127.0.0.1", "localhost"));
  assert.doesNotMatch(await connects(elsewhere, login), /^connected/);
  check("a page of another site is refused");
  await server.stop();
}

async function secured() {
  const server = await start(program, (certificate, key) => `
    listen: "127.0.0.1:-1"
    websocket {
      listen: "127.0.0.1:-1", authorization { token: t }
      tls { cert_file: "${certificate}", key_file: "${key}" }
    }`);
  assert.match(server.websocket, /^wss:/);
  const trusting = await page({ ignoreHTTPSErrors: true });
  const talk = (url) => client.talks(url, { token: "t" });
  const talked = await trusting.evaluate(talk, server.websocket);
  assert.equal(talked.answer, "hello ann");
  const careful = await page();
  const connect = (url) => client.connects(url, { token: "t" });
  assert.doesNotMatch(await careful.evaluate(connect, server.websocket), /^connected/);
  check("wss://, and a login of that listener");
  await server.stop();
}

/** The page at the root of monitoring: the real one has links and no more. */
async function person() {
  const server = await start(program, () => `
    listen: "127.0.0.1:-1", http: "127.0.0.1:-1", server_name: "shop"
    websocket { listen: "127.0.0.1:-1", no_tls: true }`);
  const here = await page();
  for (const name of ["till", "stock"]) {
    await here.evaluate(([url, name]) => client.stays(url, name), [server.websocket, name]);
  }
  const view = await page({}, `http://${server.pages}/`);
  assert.ok(await view.locator("a[href$='varz']").count() > 0);
  if (await view.locator("#rows").count() > 0) await look(view);
  check("the page of a person");
  await server.stop();
}

async function look(view) {
  const trouble = [];
  view.on("console", (message) => trouble.push(message.text()));
  view.on("pageerror", (error) => trouble.push(error.message));
  await view.reload();
  const rows = view.locator("#rows tr");
  await rows.nth(1).waitFor();
  assert.equal(await view.locator("#connections").innerText(), "2");
  // Rates take two looks.
  await view.locator("#in_msgs small", { hasText: /[1-9]\d*\/s/ }).waitFor();
  await rows.filter({ hasText: "till" }).getByRole("button").click();
  await view.locator("#subjects", { hasText: "in the group desk" }).waitFor();
  assert.match(await rows.first().innerText(), /WebSocket · nats.ws/);
  await view.screenshot({ path: `${folder}/page.png`, fullPage: true });
  await view.emulateMedia({ colorScheme: "dark" });
  await view.setViewportSize({ width: 400, height: 800 });
  const width = await view.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 400, `${width} pixels wide on a phone`);
  await view.screenshot({ path: `${folder}/phone.png`, fullPage: true });
  assert.deepEqual(trouble, []);
}
