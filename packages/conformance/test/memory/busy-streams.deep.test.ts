import { fork } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import type { BusyStreams } from "./busy-streams-process.ts";

// Tests core: the memory that all logs of a registry take together.

const LIMIT = 64 << 20;

test("with `bytes` of 64 MiB, 1,000 busy streams let the process grow by less than 1.5 times of it", async () => {
  const file = new URL("./busy-streams-process.ts", import.meta.url);
  const child = fork(file, [String(LIMIT), "1000", "100"], {
    execArgv: ["--conditions=@holdfast/source", "--expose-gc"],
  });
  onTestFinished(() => void child.kill());
  const exited = once(child, "exit");
  const [{ gauge, growth, pushed }] = (await Promise.race([
    once(child, "message"),
    exited.then(([code]) => Promise.reject(new Error(`The process exited with ${code}.`))),
  ])) as [BusyStreams];
  expect(pushed).toBeGreaterThan(4 * LIMIT);
  expect(gauge).toBeLessThanOrEqual(LIMIT);
  expect(gauge).toBeGreaterThan(0.9 * LIMIT);
  expect(growth).toBeLessThan(1.5 * LIMIT);
});
