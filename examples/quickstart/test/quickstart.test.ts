import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const file = join(import.meta.dirname, "../server.ts");

test("the README shows exactly this server", () => {
  const readme = readFileSync(join(import.meta.dirname, "../../../README.md"), "utf8");
  const [, shown] = /```ts\n(.*?)```/s.exec(readme) ?? [];
  expect(shown).toBe(readFileSync(file, "utf8"));
});

test("every client gets the whole answer, also one that joins late", async () => {
  const url = await run();
  const created = await fetch(`${url}/answers`, { method: "POST" });
  const { id } = (await created.json()) as { id: string };
  const early = fetch(`${url}/answers/${id}`).then((response) => response.text());
  const whole = "A client that joins late, reconnects or reads slowly gets every word.";
  expect(words(await early)).toBe(whole);
  expect(words(await (await fetch(`${url}/answers/${id}`)).text())).toBe(whole);
});

const words = (text: string): string =>
  [...text.matchAll(/^event: token\n.*\ndata: (.*)$/gm)].map(([, word]) => word).join(" ");

async function run(): Promise<string> {
  const port = await freePort();
  const server = spawn(process.execPath, ["--conditions=@holdfast/source", file], {
    env: { ...process.env, PORT: String(port) },
  });
  onTestFinished(() => void server.kill());
  const url = `http://127.0.0.1:${port}`;
  while (server.exitCode === null) {
    const up = await fetch(url).then(
      () => true,
      () => false,
    );
    if (up) return url;
  }
  throw new Error(`The server ended with ${server.exitCode}`);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  return port;
}
