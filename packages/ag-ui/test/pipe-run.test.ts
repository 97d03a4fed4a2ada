// Covers src/server/pipe-run.ts. The consumers of packages/conformance cover run-control.ts.

import type { BaseEvent } from "@ag-ui/client";
import { createRegistry } from "@holdfast/core";
import { from, NEVER, Observable, throwError } from "rxjs";
import { expect, test } from "vitest";
import { pipeRun, type RunEvents, type RunSource } from "../src/index.ts";
import { failed, say, started, TALE } from "./support/script.ts";

const INPUT = { threadId: "thread", runId: "run" };

async function pipe(source: RunSource, input?: typeof INPUT) {
  const observer = { failed: () => undefined };
  const registry = createRegistry<RunEvents>({ observer });
  const job = await registry.open("thread");
  const status = await pipeRun(job, source, input);
  const read: BaseEvent[] = [];
  try {
    for await (const { data } of registry.subscribe("thread")) read.push(JSON.parse(data) as BaseEvent);
  } catch {
    // A run that is not done: its status says so.
  }
  return { status, read };
}

async function* generate(events: readonly BaseEvent[]): AsyncGenerator<BaseEvent> {
  yield* events;
}

test.each<[string, RunSource]>([
  ["an Observable", from(TALE)],
  ["an async iterable", generate(TALE)],
])("the events of %s become those of the stream", async (_name, source) => {
  expect(await pipe(source)).toEqual({ status: "done", read: TALE });
});

test("a run without RUN_STARTED gets it", async () => {
  const { read } = await pipe(from(TALE.slice(1)), INPUT);
  expect(read).toEqual(TALE);
  expect((await pipe(from(TALE), INPUT)).read).toEqual(TALE);
});

test("a run that breaks off, or whose source fails, fails the stream", async () => {
  expect(await pipe(from([started, ...say("tale", "Once")]))).toMatchObject({ status: "failed" });
  expect(await pipe(from([]))).toEqual({ status: "failed", read: [] });
  expect(await pipe(throwError(() => new Error("The model is gone.")))).toMatchObject({ status: "failed" });
});

test("a run that reports its own error is read with it, and has failed", async () => {
  expect(await pipe(from([started, failed]))).toEqual({ status: "failed", read: [started, failed] });
});

test("a stop leaves the source, also while it is silent", async () => {
  const registry = createRegistry<RunEvents>();
  const job = await registry.open("thread");
  let isLeft = false;
  const silent = new Observable<BaseEvent>((subscriber) => {
    subscriber.add(NEVER.subscribe());
    return () => void (isLeft = true);
  });
  const status = pipeRun(job, silent);
  await registry.cancel("thread");
  expect(await status).toBe("cancelled");
  expect(isLeft).toBe(true);
});
