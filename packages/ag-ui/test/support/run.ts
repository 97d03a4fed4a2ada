import type { BaseEvent, Message, RunAgentInput } from "@ag-ui/client";
import { createRegistry, readCursor, type Registry, sse } from "@holdfast/hono";
import { createFakeClock, type FakeClock } from "@holdfast/core/testing";
import { Hono } from "hono";
import { onTestFinished } from "vitest";
import { createNetwork, type Network } from "../../../ai-sdk/test/support/network.ts";
import { pipeRun, ResumableAgent, type RunEvents } from "../../src/index.ts";

/** Node has no page that a relative URL belongs to. */
const URL_OF_RUNS = "http://server/runs";

export interface Run {
  readonly clock: FakeClock;
  readonly registry: Registry<RunEvents>;
  readonly network: Network;
  /** What was asked. */
  readonly inputs: readonly RunAgentInput[];
  /** Lets the agent on the server emit its next events. */
  readonly step: (events?: number) => Promise<void>;
  /** Another page. */
  readonly openPage: (initialMessages?: readonly Message[]) => ResumableAgent;
  /** Lets time pass until the promise settles. */
  readonly settle: <T>(promise: Promise<T>) => Promise<T>;
}

/** A server that runs this script, a network and pages in this process, on one fake clock. */
export function startRun(script: readonly (BaseEvent | Error)[]): Run {
  const clock = createFakeClock();
  const observer = { failed: () => undefined, warned: () => undefined };
  const registry = createRegistry<RunEvents>({ clock, observer });
  const inputs: RunAgentInput[] = [];
  let allowed = 0;
  let onAllowed = (): void => undefined;

  async function* emit(): AsyncGenerator<BaseEvent> {
    for (const [index, event] of script.entries()) {
      while (index >= allowed) await new Promise<void>((resolve) => void (onAllowed = resolve));
      if (event instanceof Error) throw event;
      yield event;
    }
  }

  const app = new Hono();
  app.post("/runs", async (c) => {
    const input = await c.req.json<RunAgentInput>();
    inputs.push(input);
    const job = await registry.open(input.threadId);
    void pipeRun(job, emit(), input);
    return sse(c, job);
  });
  app.get("/runs/:id/stream", async (c) => {
    const id = c.req.param("id");
    const isResumption = readCursor(c.req.header("last-event-id"), c.req.url) !== undefined;
    if (!isResumption && (await registry.find(id))?.status !== "live") return c.body(null, 204);
    return sse(c, registry.stream(id));
  });
  app.post("/runs/:id/stop", async (c) => {
    await registry.cancel(c.req.param("id"), "stopped", { grace: 1_000 });
    return c.body(null, 204);
  });

  const network = createNetwork((request) => app.fetch(request));
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false;
    const done = (): void => void (isSettled = true);
    promise.then(done, done);
    while (!isSettled) await clock.advance(1_000);
    return promise;
  };
  onTestFinished(() => settle(registry.close({ spread: 0, deadline: 100 })));
  return {
    clock,
    registry,
    network,
    inputs,
    async step(events = 1) {
      for (let count = 0; count < events; count++) {
        await clock.advance(1);
        allowed++;
        onAllowed();
        await clock.advance(1);
      }
    },
    openPage: (initialMessages = []) =>
      new ResumableAgent({
        url: URL_OF_RUNS,
        threadId: "thread",
        initialMessages: [...initialMessages],
        fetch: (url, init) => network.fetch(url, init),
        clock,
      }),
    settle,
  };
}
