import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { createLatch } from "../../src/base/latch.ts";

/** How a clean-up or an acquisition ends. */
type Outcome = "returns" | "throws" | "resolves" | "rejects";

type Step =
  | { readonly do: "defer"; readonly outcome: Outcome; readonly inside: readonly Step[] }
  | { readonly do: "undefer"; readonly which: number }
  | { readonly do: "close" }
  | { readonly do: "close soon"; readonly microtasks: number }
  | { readonly do: "read the signal" }
  | {
      readonly do: "hold";
      readonly acquire: Outcome;
      readonly closing: boolean;
      readonly release: Outcome;
    };

const anyOutcome = fc.constantFrom<Outcome>("returns", "throws", "resolves", "rejects");
const anyStep = fc.letrec<{ step: Step }>((tie) => ({
  step: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constant<Step>({ do: "close" }),
    fc.constant<Step>({ do: "read the signal" }),
    fc.record({ do: fc.constant("undefer" as const), which: fc.nat({ max: 20 }) }),
    fc.record({ do: fc.constant("close soon" as const), microtasks: fc.nat({ max: 5 }) }),
    fc.record({
      do: fc.constant("hold" as const),
      acquire: anyOutcome,
      closing: fc.boolean(),
      release: anyOutcome,
    }),
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("defer" as const),
        outcome: anyOutcome,
        inside: fc.array(tie("step"), { maxLength: 3 }),
      }),
    },
  ),
})).step;

/** Performs the steps on a latch and on a model of it. `scheduler` varies when acquisitions end. */
async function performSteps(steps: readonly Step[], scheduler: fc.Scheduler): Promise<void> {
  const reported: unknown[] = [];
  const failed: unknown[] = [];
  const latch = createLatch({ onError: (error) => reported.push(error) });
  let closed: { readonly reason: unknown } | undefined;
  /** The clean-ups that are still to run, the oldest first. */
  const pending: object[] = [];
  const cleanups: { runs: number; forgotten: boolean; undefer: () => void }[] = [];
  const resources: { acquired: boolean; releases: number }[] = [];
  const unfinished: Promise<void>[] = [];

  function settle(outcome: Outcome): unknown {
    const error = new Error("on purpose");
    if (outcome === "throws" || outcome === "rejects") failed.push(error);
    if (outcome === "throws") throw error;
    if (outcome === "rejects") return Promise.reject(error);
    return outcome === "resolves" ? Promise.resolve() : undefined;
  }

  function defer(outcome: Outcome, inside: readonly Step[]): void {
    const cleanup = { runs: 0, forgotten: false, undefer: (): void => undefined };
    cleanups.push(cleanup);
    const late = closed !== undefined;
    if (!late) pending.push(cleanup);
    const undefer = latch.defer((reason) => {
      cleanup.runs++;
      expect(latch.closed).toBe(true);
      expect(reason).toBe(closed?.reason);
      if (!late) expect(pending.pop()).toBe(cleanup);
      inside.forEach(perform);
      return settle(outcome);
    });
    if (late) expect(cleanup.runs).toBe(1);
    cleanup.undefer = () => {
      const index = pending.indexOf(cleanup);
      if (index !== -1) {
        pending.splice(index, 1);
        cleanup.forgotten = true;
      }
      undefer();
    };
  }

  function close(): void {
    const reason = { is: "the reason" };
    const first = closed === undefined;
    closed ??= { reason };
    latch.close(reason);
    expect(latch.closed).toBe(true);
    expect(latch.reason).toBe(closed.reason);
    if (first) expect(pending).toEqual([]);
  }

  async function hold(acquire: Outcome, closing: boolean, release: Outcome): Promise<void> {
    const resource = { acquired: false, releases: 0 };
    resources.push(resource);
    const failure = new Error("not available");
    const acquired = (): typeof resource => {
      resource.acquired = true;
      return resource;
    };
    const late = closed !== undefined;
    let calls = 0;
    try {
      const value = await latch.hold(
        (signal) => {
          calls++;
          expect(signal).toBe(latch.signal);
          if (closing) close();
          if (acquire === "throws") throw failure;
          if (acquire === "returns") return acquired();
          const settled = acquire === "rejects" ? Promise.reject(failure) : Promise.resolve();
          return scheduler.schedule(settled).then(acquired);
        },
        (value) => {
          expect(value).toBe(resource);
          resource.releases++;
          return settle(release);
        },
      );
      expect(value).toBe(resource);
      expect(late).toBe(false);
    } catch (error) {
      if (error !== failure) {
        expect(error).toMatchObject({ code: "ABORTED", cause: closed?.reason });
        expect(resource.releases).toBe(late ? 0 : 1);
      }
    }
    expect(calls).toBe(late ? 0 : 1);
  }

  function perform(step: Step): void {
    switch (step.do) {
      case "defer":
        return defer(step.outcome, step.inside);
      case "undefer":
        return cleanups[step.which % cleanups.length]?.undefer();
      case "close":
        return close();
      case "close soon": {
        let soon = Promise.resolve();
        for (let count = 0; count < step.microtasks; count++) soon = soon.then(() => undefined);
        unfinished.push(soon.then(close));
        return;
      }
      case "read the signal": {
        expect(latch.signal).toBe(latch.signal);
        expect(latch.signal.aborted).toBe(closed !== undefined);
        expect(latch.signal.reason).toBe(closed?.reason);
        return;
      }
      case "hold": {
        unfinished.push(hold(step.acquire, step.closing, step.release));
        return;
      }
    }
  }

  scheduler.scheduleSequence(
    steps.map((step) => ({ label: step.do, builder: () => Promise.resolve().then(() => perform(step)) })),
  );
  await scheduler.waitIdle();
  close();
  for (const promise of unfinished) await promise;
  await new Promise((resolve) => setImmediate(resolve));

  for (const { runs, forgotten } of cleanups) expect(runs).toBe(forgotten ? 0 : 1);
  for (const { acquired, releases } of resources) expect(releases).toBe(acquired ? 1 : 0);
  expect(reported.filter((error) => !failed.includes(error))).toEqual([]);
  expect(new Set(reported).size).toBe(failed.length);
  expect(reported).toHaveLength(failed.length);
}

test("in any order of calls each clean-up runs once, newest first, and each acquired resource is released once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 12, size: "max" }), fc.scheduler(), performSteps),
    {
      numRuns: 500,
    },
  );
});

test("clean-ups and releases run in the reverse order of their registration", async () => {
  const latch = createLatch();
  const order: string[] = [];
  latch.defer(() => order.push("first"));
  await latch.hold(
    () => "held",
    (value) => order.push(value),
  );
  latch.defer(() => order.push("last"));
  latch.close();
  expect(order).toEqual(["last", "held", "first"]);
});

test("a clean-up that is registered after the close runs at once, with the reason", () => {
  const latch = createLatch();
  latch.close("gone");
  const cleanup = vi.fn<(reason: unknown) => void>();
  const undefer = latch.defer(cleanup);
  expect(cleanup.mock.calls).toEqual([["gone"]]);
  undefer();
});

test("the first reason stays, even if it is undefined", () => {
  const latch = createLatch();
  latch.close();
  latch.close("later");
  expect(latch.reason).toBeUndefined();
});

test("a forgotten clean-up never runs, and it may be forgotten twice or late", () => {
  const latch = createLatch();
  const cleanup = vi.fn<() => void>();
  const undefer = latch.defer(cleanup);
  undefer();
  undefer();
  latch.close();
  undefer();
  expect(cleanup).not.toHaveBeenCalled();
});

test("a function that is registered twice runs twice, and forgetting one registration keeps the other", () => {
  const latch = createLatch();
  const cleanup = vi.fn<() => void>();
  latch.defer(cleanup);
  latch.defer(cleanup)();
  latch.defer(cleanup);
  latch.close();
  expect(cleanup).toHaveBeenCalledTimes(2);
});

test("the signal aborts before the first clean-up runs", () => {
  const latch = createLatch();
  const order: string[] = [];
  latch.defer(() => order.push("cleanup"));
  latch.signal.addEventListener("abort", () => order.push("abort"));
  latch.close("gone");
  expect(order).toEqual(["abort", "cleanup"]);
  expect(latch.signal.reason).toBe("gone");
});

test("a resource that is acquired after the close is released, and only then does `hold` reject with ABORTED", async () => {
  const latch = createLatch();
  const order: string[] = [];
  const { promise: connected, resolve: connect } = Promise.withResolvers<string>();
  const held = latch
    .hold(
      () => connected,
      async (value) => {
        await new Promise((resolve) => setImmediate(resolve));
        order.push(`release ${value}`);
      },
    )
    .catch((error: unknown) => {
      order.push("rejected");
      return error;
    });
  latch.close("client left");
  connect("connection");
  expect(await held).toMatchObject({ code: "ABORTED", cause: "client left" });
  expect(order).toEqual(["release connection", "rejected"]);
});

test("nothing is acquired on a closed latch", async () => {
  const latch = createLatch();
  latch.close("gone");
  const acquire = vi.fn<() => number>();
  await expect(latch.hold(acquire, () => undefined)).rejects.toMatchObject({
    code: "ABORTED",
    cause: "gone",
  });
  expect(acquire).not.toHaveBeenCalled();
});

test("an acquisition can listen to the signal and stop when the latch closes", async () => {
  const latch = createLatch();
  const held = latch.hold(
    (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    () => undefined,
  );
  const reason = new Error("gone");
  latch.close(reason);
  await expect(held).rejects.toBe(reason);
});

test("without onError the failure of a clean-up is logged", async () => {
  const warn = vi.spyOn(console, "warn").mockReturnValue(undefined);
  const latch = createLatch();
  const [thrown, rejected] = [new Error("thrown"), new Error("rejected")];
  latch.defer(() => Promise.reject(rejected));
  latch.defer(() => {
    throw thrown;
  });
  latch.close();
  await Promise.resolve();
  expect(warn.mock.calls.map(([, error]: unknown[]) => error)).toEqual([thrown, rejected]);
  warn.mockRestore();
});

test("an onError that throws neither makes `close` throw nor prevents other clean-ups", async () => {
  const warn = vi.spyOn(console, "warn").mockReturnValue(undefined);
  const broken = new Error("onError is broken");
  const latch = createLatch({
    onError: () => {
      throw broken;
    },
  });
  const cleanup = vi.fn<() => void>();
  latch.defer(cleanup);
  latch.defer(() => Promise.reject(new Error("rejected")));
  latch.defer(() => {
    throw new Error("thrown");
  });
  latch.close();
  expect(cleanup).toHaveBeenCalledOnce();
  await Promise.resolve();
  expect(warn.mock.calls.map(([, error]: unknown[]) => error)).toEqual([broken, broken]);
  warn.mockRestore();
});
