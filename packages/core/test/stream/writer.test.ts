import { EventEmitter, getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import { createTestRegistry } from "../support/test-registry.ts";

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe("push", () => {
  test("returns the id of the event, and rejects what cannot be encoded without appending it", async () => {
    const { registry } = createTestRegistry();
    const job = await registry.open("a");
    expect(job.push({ data: 1 })).toBe(`${job.epoch}.1`);
    const bad = [{ event: "a\nb" }, { event: "stream.end" }, { data: 1n }, { data: () => 1 }, { retry: -1 }];
    for (const event of bad) expect(() => job.push(event)).toThrow(code("INVALID_EVENT") as Error);
    expect(job.push({ data: 2 })).toBe(`${job.epoch}.2`);
  });

  test("ignores the `id` of an event, since the stream numbers its events", async () => {
    const { registry, connect } = createTestRegistry();
    const job = await registry.open("a");
    job.push({ id: "theirs", data: 1 } as never);
    expect(connect("a").text).not.toContain("theirs");
  });

  test("is a callback as it is, as `end` and `fail` are", async () => {
    type Callbacks = Record<"push" | "end" | "fail", (value: unknown) => void>;
    const { registry } = createTestRegistry();
    const job = await registry.open("a");
    const { push, end } = job as unknown as Callbacks;
    new EventEmitter().on("data", push).on("end", end).emit("data", { data: 1 });
    end({ data: 2 });
    const { fail } = (await registry.open("b")) as unknown as Callbacks;
    fail(new Error("The job failed."));
    expect(registry.get("a")).toMatchObject({ status: "done", last: 2 });
    expect(registry.get("b")).toMatchObject({ status: "failed" });
  });

  test("throws STREAM_ENDED after the end", async () => {
    const { registry } = createTestRegistry();
    const job = await registry.open("a");
    await job.end();
    expect(() => job.push({ data: 1 })).toThrow(code("STREAM_ENDED") as Error);
  });
});

describe("end and fail", () => {
  test("are idempotent: only the first call counts", async () => {
    const { registry, observed } = createTestRegistry();
    const job = await registry.open("a");
    await job.end({ data: "last" });
    await job.end({ data: "again" });
    await job.fail(new Error("late"));
    expect(registry.get("a")).toMatchObject({ status: "done", last: 1 });
    expect(observed.streamEnded).toHaveLength(1);
    expect(job.signal.aborted).toBe(false);
  });

  test("reject an event that cannot be encoded, and the stream goes on", async () => {
    const { registry } = createTestRegistry();
    const job = await registry.open("a");
    await expect(job.end({ event: "stream.done" })).rejects.toEqual(code("INVALID_EVENT"));
    expect(registry.get("a")?.status).toBe("live");
  });

  test("report the error to the observer, and send its public part to the clients", async () => {
    const { registry, observed, connect } = createTestRegistry();
    const job = await registry.open("a");
    const error = new Error("password=hunter2");
    await job.fail(error);
    expect(observed.failed).toEqual([{ id: "a", stage: "source", error }]);
    const client = connect("a");
    expect(client.blocks.at(-2)?.[2]).toEqual({
      code: "SOURCE_FAILED",
      message: "The stream failed.",
      retryable: false,
    });
  });

  test("do not send the message of a HoldfastError that is not exposed", async () => {
    const { registry, connect } = createTestRegistry();
    const job = await registry.open("a");
    await job.fail(new HoldfastError("GONE", "row 7 of users", { expose: false }));
    expect(connect("a").text).toContain('{"code":"GONE","message":"The stream failed.","retryable":false}');
  });

  test("a `using` block that is left without an end fails the stream", async () => {
    const { registry } = createTestRegistry();
    {
      using job = await registry.open("a");
      job.push({ data: 1 });
    }
    {
      using job = await registry.open("b");
      await job.end();
    }
    expect([registry.get("a")?.status, registry.get("b")?.status]).toEqual(["failed", "done"]);
  });
});

describe("pipe", () => {
  test.each(["an async generator function", "an async iterable", "a ReadableStream", "a promise of one"])(
    "pushes all events of %s, then ends the stream",
    async (kind) => {
      const { registry, connect } = createTestRegistry();
      const job = await registry.open("a");
      async function* events() {
        yield { data: 1 };
        yield { data: 2 };
      }
      if (kind === "an async generator function") await job.pipe(events);
      else if (kind === "an async iterable") await job.pipe(events());
      else if (kind === "a ReadableStream") await job.pipe(ReadableStream.from(events()));
      else await job.pipe(async () => Promise.resolve(events()));
      expect(connect("a").events).toEqual([1, 2]);
      expect(registry.get("a")?.status).toBe("done");
    },
  );

  test("never rejects, and fails the stream if the source throws", async () => {
    const { registry, observed } = createTestRegistry();
    for (const [id, source] of Object.entries({
      midway: async function* () {
        yield { data: 1 };
        throw new Error("midway");
      },
      early: () => {
        throw new Error("early");
      },
      rejected: async () => Promise.reject(new Error("rejected")),
      invalid: async function* () {
        yield { event: "a\nb" };
      },
      nothing: () => undefined as never,
    })) {
      const job = await registry.open(id);
      await job.pipe(source);
      expect(registry.get(id)?.status).toBe("failed");
    }
    expect(observed.failed.map(({ error }) => (error as Error).message)).toEqual([
      "midway",
      "early",
      "rejected",
      expect.stringContaining("must not contain CR, LF or NUL"),
      expect.stringContaining("`source` must be"),
    ]);
  });

  test("resolves with `lost` after another producer has taken the stream over, however that one ends it", async () => {
    const { registry } = createTestRegistry();
    const first = await registry.open("a");
    const status = first.pipe(new ReadableStream());
    const second = await registry.open("a", { ifExists: "append" });
    await second.end();
    expect(await status).toBe("lost");
  });

  test("cancels a source whose event is rejected", async () => {
    const { registry } = createTestRegistry();
    let returned = false;
    const job = await registry.open("a");
    await job.pipe(async function* () {
      try {
        yield { data: 1n };
      } finally {
        returned = true;
      }
    });
    expect(returned).toBe(true);
  });

  test("aborts an idle source and resolves as soon as the stream is cancelled", async () => {
    const { registry, clock } = createTestRegistry();
    const job = await registry.open("a");
    let reason: unknown;
    const piped = job.pipe(async function* ({ signal }) {
      yield { data: 1 };
      signal.addEventListener("abort", () => {
        reason = signal.reason;
      });
      await new Promise(() => undefined);
    });
    await clock.flush();
    await registry.cancel("a", "user");
    await piped;
    expect(reason).toBe("user");
    expect(registry.get("a")?.status).toBe("cancelled");
    expect(getEventListeners(job.signal, "abort")).toHaveLength(1);
  });

  /** As the official SDKs of LLM APIs do it: the name of the error is that of its base class. */
  class APIUserAbortError extends Error {}

  test.each<[string, (reason: unknown) => unknown]>([
    ["an AbortError", () => new DOMException("This operation was aborted", "AbortError")],
    ["the reason of the signal", (reason) => reason],
    ["a TimeoutError", () => new DOMException("The operation timed out", "TimeoutError")],
    ["an error of a class without a name", () => new APIUserAbortError("Request was aborted.")],
    ["an error with the reason as its cause", (cause) => new Error("terminated", { cause })],
    ["no error at all", () => undefined],
  ])("takes what a source throws after an abort for the abort: %s", async (_, errorFor) => {
    for (const grace of [0, 1_000]) {
      const { registry, clock, observed } = createTestRegistry();
      const aborted = (signal: AbortSignal): Promise<never> =>
        new Promise((__, reject) =>
          signal.addEventListener("abort", () => reject(errorFor(signal.reason) as Error)),
        );
      const job = await registry.open("a");
      const piped = job.pipe(async function* ({ signal }) {
        yield { data: 1 };
        await aborted(signal);
      });
      const starting = await registry.open("b");
      const neverStarted = starting.pipe(({ signal }) => aborted(signal));
      await clock.flush();
      for (const id of ["a", "b"]) await registry.cancel(id, "user", { grace });
      expect(await Promise.all([piped, neverStarted])).toEqual(["cancelled", "cancelled"]);
      await clock.flush();
      expect(observed.failed).toEqual([]);
    }
  });

  test("reports what the clean-up of a source throws after an abort", async () => {
    const { registry, clock, observed } = createTestRegistry();
    const job = await registry.open("a");
    const error = new Error("The connection cannot be released.");
    const piped = job.pipe(new ReadableStream({ cancel: () => Promise.reject(error) }));
    await clock.flush();
    await registry.cancel("a");
    await piped;
    await clock.flush();
    expect(observed.failed).toEqual([{ id: "a", stage: "source", error }]);
  });

  test("cancels the source if the stream has ended", async () => {
    const { registry } = createTestRegistry();
    const job = await registry.open("a");
    await job.end();
    let cancelled = false;
    await job.pipe(new ReadableStream({ cancel: () => void (cancelled = true) }));
    expect(cancelled).toBe(true);
  });

  test("lets readers run while a source yields without waiting, so that they get every event", async () => {
    const { registry, clock, connect } = createTestRegistry({ buffer: { events: 1_000 } });
    const job = await registry.open("a");
    const client = connect("a");
    const piped = job.pipe(async function* () {
      for (let n = 0; n < 5_000; n++) yield { data: n };
    });
    for (let turn = 0; turn < 50; turn++) await clock.flush();
    await piped;
    await clock.flush();
    expect(client.events).toHaveLength(5_000);
    expect(client.text).not.toContain("stream.reset");
  });

  test("stops without a report when the registry is closed", async () => {
    const { registry, clock, observed } = createTestRegistry();
    const job = await registry.open("a");
    let resume: () => void = () => undefined;
    const piped = job.pipe(async function* () {
      yield { data: 1 };
      await new Promise<void>((resolve) => {
        resume = resolve;
      });
      yield { data: 2 };
    });
    await clock.flush();
    await registry.close();
    resume();
    await piped;
    expect(observed.failed).toEqual([]);
  });

  test("reports the cause of an error that a source yields, and goes on", async () => {
    const { registry, observed } = createTestRegistry();
    const job = await registry.open("a");
    const cause = new Error("connection refused");
    await job.pipe(async function* () {
      yield new HoldfastError("SOURCE_FAILED", "The database is away.", { cause, retryable: true });
    });
    expect(observed.failed).toEqual([{ id: "a", stage: "source", error: cause }]);
    expect(registry.get("a")?.status).toBe("done");
  });
});
