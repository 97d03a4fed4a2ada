import { connect } from "@holdfast/client";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../conformance/src/harness/eventually.ts";
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
