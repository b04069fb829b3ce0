// Uses the HTML report as people do. Each check says what it saw; any of them ends the test.
//   node test.mjs PROGRAM FOLDER    FOLDER holds report.html of good.json and bad.json
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [program, folder] = process.argv.slice(2);
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath, args });
const address = (name) => pathToFileURL(`${folder}/${name}`).href;
const report = address("report.html");

/** Opens an address, hands the page on, and sees that it was silent and asked for nothing. */
async function visit(what, at, use, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1366, height: 900 }, ...options });
  const page = await context.newPage();
  const trouble = [];
  page.on("console", (message) => trouble.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => trouble.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => { trouble.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => {
    const url = request.url().split("#")[0];
    if (url !== at.split("#")[0] && url !== "data:,") trouble.push(`request: ${url}`);
  });
  await page.goto(at);
  await use(page).catch((error) => {
    throw new Error(`${what}: ${error.message}\n${trouble.join("\n")}`);
  });
  await page.screenshot({ path: `${folder}/${what.replaceAll(" ", "-")}.png` });
  assert.deepEqual(trouble, [], what);
  await context.close();
  console.log(`ok  ${what}`);
}

const rows = (page) => page.locator("#matrix tbody tr:not(.section):visible");
const dialog = (page) => page.locator("#story");
const opened = (page) => dialog(page).waitFor({ state: "visible" });
const closed = (page) => dialog(page).waitFor({ state: "hidden" });
const width = (page) => page.evaluate(() => document.documentElement.scrollWidth);

await visit("overview", report, async (page) => {
  assert.match(await page.locator("h1").innerText(), /3 findings|6 findings/);
  assert.match(await page.title(), /findings on 1 of 2 servers/);
  assert.equal(await page.locator(".card").count(), 2);
  assert.match(await page.locator("#targets").innerText(), /✗ fail 2/);
  await page.getByText("Where this comes from").click();
  assert.match(await page.locator("#provenance").innerText(), /seed\s+7\s+7/);
  assert.match(await page.locator(".note").first().innerText(), /different scenarios/);
});

await visit("filters", report, async (page) => {
  const all = await page.locator("#count").innerText();
  await page.locator("#verdicts label.fail").click();
  assert.match(await page.locator("#count").innerText(), /^2 of /);
  assert.deepEqual(await rows(page).locator(".name, .toggle, code").allInnerTexts(),
    ["maximum", "arrow-misses", "w2.a.x"]);
  await page.locator("#clear").click();
  assert.equal(await page.locator("#count").innerText(), all);
  await page.locator("#servers").selectOption("differ");
  const differing = await rows(page).count();
  assert.ok(differing >= 3, `${differing} rows differ`);
  await page.locator("#level").selectOption("SHOULD");
  await page.locator("#servers").selectOption("");
  assert.ok(await rows(page).count() > 0);
  await page.locator("#section").selectOption("core/sub");
  for (const section of await page.locator("#matrix tr.section:visible .toggle").allInnerTexts()) {
    assert.equal(section, "core/sub");
  }
});

await visit("search", report, async (page) => {
  await page.keyboard.press("/");
  await page.keyboard.type("w2.a.x");
  assert.match(await page.locator("#count").innerText(), /^1 of /);
  await page.locator("#search").fill("core-sub-011 maximum-ends-interest");
  assert.match(await page.locator("#count").innerText(), /^1 of /);
  await page.locator("#search").fill("no such words");
  assert.ok(await page.getByText("No case is like that.").isVisible());
  await page.keyboard.press("Escape");
  assert.ok(await page.locator("#clear").isHidden());
});

await visit("failing case", report, async (page) => {
  await page.locator("#verdicts label.fail").click();
  await page.locator("#matrix a.cell.fail:visible").first().click();
  await opened(page);
  assert.match(page.url(), /#core\/sub\/maximum@embedded-[\d.]+$/);
  assert.match(await dialog(page).locator(".broken").innerText(), /expected\s+MSG s12 1 #/);
  assert.match(await dialog(page).locator(".source .bad").innerText(), /did not hold/);
  assert.match(await dialog(page).locator(".wire").innerText(), /alice\s+>\s+UNSUB 1 3/);
  await page.goBack();
  await closed(page);
  assert.match(await page.locator("#count").innerText(), /^2 of /);
  await page.goForward();
  await opened(page);
});

await visit("keys", report, async (page) => {
  await page.locator("#search").fill("core/sub/maximum");
  await page.locator("#matrix [tabindex='0']").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await opened(page);
  // Asked of the page itself: a change of the hash alone is no navigation to wait for.
  const address = () => page.evaluate(() => location.hash);
  const here = await address();
  for (const [there, back] of [["j", "k"], ["ArrowLeft", "ArrowRight"]]) {
    await page.keyboard.press(there);
    assert.notEqual(await address(), here, there);
    await page.keyboard.press(back);
    assert.equal(await address(), here, back);
  }
  // Two keys before the browser can tell of the first one's address.
  await page.evaluate(() => ["j", "k"].forEach((key) =>
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }))));
  assert.equal(await address(), here);
  await page.keyboard.press("Escape");
  await closed(page);
  assert.equal(page.url().split("#")[1] ?? "", "");
});

let link;
await visit("other server", report, async (page) => {
  await page.locator("#search").fill("arrow-misses");
  await page.locator("#matrix a.cell.fail:visible").first().click();
  await dialog(page).locator("nav a").nth(1).click();
  await page.waitForURL(/@embedded-[\d.]+-2$/);
  link = page.url();
});

await visit("link", `${report}#core/wildcards/arrow-misses[2]@embedded-2.15.1`, async (page) => {
  assert.equal(await page.locator("#story-title").innerText(), "core/wildcards/arrow-misses[2]");
  assert.match(await dialog(page).locator(".source .own").innerText(), /w2\.a\.x/);
  await page.keyboard.press("Escape");
  await closed(page);
});
await visit("copied link", link, async (page) => await opened(page));
await visit("broken link", `${report}#core/none@nobody%`, async (page) =>
  await closed(page));

const background = (page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
await visit("dark", report, async (page) => {
  assert.equal(await background(page), "rgb(16, 20, 24)");
  await page.locator("#theme").click();
  await page.locator("#theme").click();
  assert.equal(await page.locator("#theme").innerText(), "Theme: light");
  assert.notEqual(await background(page), "rgb(16, 20, 24)");
  await page.reload();
  assert.equal(await page.locator("#theme").innerText(), "Theme: light");
  await page.locator("#theme").click();
}, { colorScheme: "dark" });

const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true };
await visit("phone", report, async (page) => {
  await page.locator("#fold").click();
  assert.ok(await width(page) <= 360, `the page is ${await width(page)} wide`);
}, phone);
await visit("phone case", link, async (page) => {
  assert.ok(await width(page) <= 360, `the page is ${await width(page)} wide`);
  const inner = await dialog(page).evaluate((node) => node.scrollWidth);
  assert.ok(inner <= 360, `the case is ${inner} wide`);
}, phone);

// A server that would like to be markup.
const evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028<!--";
const run = JSON.parse(readFileSync(`${folder}/bad.json`, "utf8"));
run.provenance.server.version = evil;
run.provenance.server.server_name = evil;
const broken = run.cases.find((one) => one.verdict === "fail");
Object.assign(broken, { got: evil, message: evil, log: evil, title: evil });
broken.transcript.push(`  9.000000 alice    < ${evil}`);
writeFileSync(`${folder}/evil.json`, JSON.stringify(run));
execFileSync(program, ["report", `${folder}/evil.json`, "--html", `${folder}/evil.html`]);
await visit("hostile server", address("evil.html"), async (page) => {
  await page.locator("#verdicts label.fail").click();
  await page.locator("#matrix a.cell.fail:visible").first().click();
  assert.match(await dialog(page).locator(".broken").innerText(), /<img src=x onerror=alert\(2\)>/);
  assert.match(await dialog(page).locator(".log").innerText(), /<\/script><script>alert/);
  assert.equal(await page.locator("img").count(), 0);
  assert.equal(await page.locator("script").count(), 2);
});

await browser.close();
