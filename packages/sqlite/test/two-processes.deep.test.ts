import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "@holdfast/client";
import { createRegistry } from "@holdfast/core";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../conformance/src/harness/eventually.ts";
import { sqliteStore } from "../src/index.ts";
import { createFile } from "./support/file.ts";
import { startServer } from "./support/server-process.ts";

test("a client of one process gets what another produces, also when that is killed and runs again", async () => {
  const file = createFile();
  onTestFinished(() => file.remove());
  const web = await startServer(file.path, 0, "serve");
  onTestFinished(() => web.kill());
  let worker = await startServer(file.path);
  onTestFinished(() => worker.kill());

  const connection = connect(`http://127.0.0.1:${web.port}/job`, {
    onReset: ({ reason }) => {
      throw new Error(`There was a reset: ${reason}.`);
    },
  });
  const numbers: number[] = [];
  const isOver = (async () => {
    for await (const { data } of connection) numbers.push(Number(data));
  })();
  for (let kill = 0; kill < 3; kill++) {
    const wanted = numbers.length + 100;
    await eventually(async () => expect(numbers.length).toBeGreaterThan(wanted), 60_000);
    await worker.kill();
    worker = await startServer(file.path);
  }
  await fetch(`http://127.0.0.1:${worker.port}/job`, { method: "POST" });
  await isOver;
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index + 1));
});

test("a process that waits for the lock of another does not end before it has it", async () => {
  const file = createFile();
  onTestFinished(() => file.remove());
  const registry = createRegistry({ store: sqliteStore({ path: file.path }) });
  await registry.open("other");
  await registry.close();
  const database = new DatabaseSync(file.path);
  onTestFinished(() => database.close());
  database.exec("BEGIN IMMEDIATE");

  const script = join(import.meta.dirname, "support/open-stream.ts");
  const child = spawn(process.execPath, ["--conditions=@holdfast/source", script, file.path]);
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  child.stdout.on("data", (text) => (output += String(text)));
  const exited = once(child, "exit");
  await eventually(() => expect(output).toContain("waiting"));
  // If it did not wait, it would be gone by now.
  await Promise.race([exited, pause(500)]);
  database.exec("COMMIT");
  expect(await exited).toEqual([0, null]);
  expect(output).toBe("waiting\nopened\n");
});
