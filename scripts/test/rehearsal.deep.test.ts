/*
 * The whole way of a release, into a registry on this machine: publishes all packages, installs what the README installs
 * into an empty folder, and runs its first screen. Needs a build.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publicPackages, readJson, ROOT } from "../packages.ts";
import {
  findVerdaccio,
  freePort,
  type LocalRegistry,
  startRegistry,
  stop,
  untilAnswers,
} from "./support/registry.ts";

const verdaccio = findVerdaccio();
const readme = readFileSync(join(ROOT, "README.md"), "utf8");
const packages = publicPackages();

const inFolder = (cwd: string, env: Record<string, string>, command: string, ...args: string[]): string => {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout;
};

/** The events of a response, up to its end or `count`: name, id and data. */
async function eventsOf(response: Response, count = Infinity): Promise<readonly (readonly string[])[]> {
  const found: string[][] = [];
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
      if (field("event") !== "") found.push([field("event"), field("id"), field("data")]);
    }
    if (found.filter(([name]) => name === "token").length >= count) break;
  }
  return found;
}

const tokensOf = (events: readonly (readonly string[])[]): readonly (readonly string[])[] =>
  events.filter(([name]) => name === "token");

describe.skipIf(verdaccio === undefined)("a release", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-rehearsal-"));
  let registry: LocalRegistry;
  let server: ChildProcess | undefined;

  const release = (): string =>
    inFolder(ROOT, registry.env, process.execPath, join(ROOT, "scripts/release.ts"));

  beforeAll(async () => {
    registry = await startRegistry(verdaccio as string);
  });
  afterAll(async () => {
    if (server !== undefined) await stop(server);
    await registry.stop();
    rmSync(folder, { recursive: true });
  });

  test("publishes every package, once", () => {
    const output = release();
    for (const { name, manifest } of packages) {
      expect(output).toContain(`Published ${name} ${manifest.version}.`);
    }
    const again = release();
    for (const { name, manifest } of packages) {
      expect(again).toContain(`${name} ${manifest.version} is published already.`);
    }
  });

  test("can be installed as the README says, with one copy of each package", () => {
    const [, install = ""] = /## Install\n\n```sh\n(npm install .*)\n```/.exec(readme) ?? [];
    expect(install).not.toBe("");
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
    const [npm = "", ...args] = install.split(" ");
    inFolder(folder, registry.env, npm, ...args, "--no-audit", "--no-fund");

    const lock = readJson<{ packages: Record<string, { version?: string }> }>(folder, "package-lock.json");
    const installed = Object.keys(lock.packages).filter((path) => path.includes("node_modules/@holdfast/"));
    expect(installed.toSorted()).toEqual(["node_modules/@holdfast/core", "node_modules/@holdfast/hono"]);
    const versions = installed.map((path) => lock.packages[path]?.version);
    expect(versions).toEqual(versions.map(() => packages[0]?.manifest.version));
  });

  test("runs the first screen of the README: a client that is cut off gets every word once", async () => {
    const [, code = ""] = /Save this as `server\.mjs`[^`]*```ts\n([^]*?)```/.exec(readme) ?? [];
    expect(code).not.toBe("");
    writeFileSync(join(folder, "server.mjs"), code);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/answers`;
    server = spawn(process.execPath, ["server.mjs"], {
      cwd: folder,
      env: { ...process.env, PORT: String(port) },
      stdio: ["ignore", "ignore", "pipe"],
    });
    await untilAnswers(url, server);

    const { id } = (await (await fetch(url, { method: "POST" })).json()) as { id: string };
    const before = tokensOf(await eventsOf(await fetch(`${url}/${id}`), 3));
    const cursor = before.at(-1)?.[1] ?? "";
    const after = await eventsOf(await fetch(`${url}/${id}`, { headers: { "last-event-id": cursor } }));

    const sentence = /"([^"]+)"\.split\(" "\)/.exec(code)?.[1];
    const words = [...before, ...tokensOf(after)].map(([, , word]) => word);
    expect(words.join(" ")).toBe(sentence);
    const [name, terminalId = "", data] = after.at(-1) ?? [];
    expect([name, data]).toEqual(["stream.end", '{"status":"done"}']);
    const late = await fetch(`${url}/${id}`, { headers: { "last-event-id": terminalId } });
    expect(late.status).toBe(204);
  });
});
