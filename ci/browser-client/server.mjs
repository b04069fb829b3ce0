// A server under test, in a folder of its own.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const PATIENCE_MS = 10_000;

/** Starts a program; `config` is made of the paths of a certificate and its key. */
export async function start(program, config) {
  const folder = mkdtempSync(join(tmpdir(), "browser-client-"));
  const [certificate, key, file] = ["cert.pem", "key.pem", "n.conf"].map((it) => join(folder, it));
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
    "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
    "-keyout", key, "-out", certificate], { stdio: "ignore" });
  writeFileSync(file, config(certificate, key));
  const child = spawn(program, ["-c", file], { stdio: ["ignore", "ignore", "pipe"] });
  process.on("exit", () => child.kill());
  const over = new Promise((done) => child.once("exit", done));
  const stop = async () => {
    child.kill();
    await over;
    rmSync(folder, { recursive: true });
  };
  const urls = { pages: /http monitor on (\S+)/, websocket: /websocket clients on (\S+)/ };
  const found = {};
  const lines = [];
  const ready = (async () => {
    for await (const line of createInterface({ input: child.stderr })) {
      lines.push(line);
      for (const [name, words] of Object.entries(urls)) found[name] ??= line.match(words)?.[1];
      if (line.includes("Server is ready")) return true;
    }
    return false;
  })();
  const late = new Promise((done) => setTimeout(done, PATIENCE_MS, false).unref());
  if (await Promise.race([ready, late])) return { ...found, stop };
  await stop();
  throw new Error(`the server did not start:\n${lines.join("\n")}`);
}
