import { describe, expect, test } from "vitest";
import { type BareConnection, type BareSource, HoldfastError, type SseEvent } from "@holdfast/core";
import { adapters } from "./adapters/index.ts";
import { eventually } from "./support/eventually.ts";
import { dataOf, eventsOf, framesOf } from "./support/frames.ts";
import { aborted } from "./support/sources.ts";
import { serving } from "./support/start.ts";
import { createWatch, reasonsOf } from "./support/watch.ts";

const TERMINAL_ID = /^[0-9a-z]{10}\.0\.end$/;

async function* three(): AsyncGenerator<SseEvent> {
  for (const data of ["1", "2", "3"]) yield { data };
}

/** The kinds of bare source, each giving the same three events. */
const kinds: [string, () => BareSource][] = [
  ["a generator", () => three()],
  ["a function that gives a generator", () => three],
  ["a function that promises a generator", () => async () => three()],
  ["a web stream", () => ReadableStream.from<SseEvent>(three())],
  [
    "a function that pushes",
    () => (connection) => {
      for (const data of ["1", "2", "3"]) connection.push({ data });
      connection.close();
    },
  ],
  [
    "a function that pushes later",
    () => (connection) => {
      const timer = setTimeout(() => {
        for (const data of ["1", "2", "3"]) connection.push({ data });
        connection.close();
      }, 1);
      return () => clearTimeout(timer);
    },
  ],
];

describe.each(adapters)("$name serves a bare source", (adapter) => {
  test.each(kinds)("to its end, and never again: %s", async (_name, make) => {
    const watch = createWatch();
    let runs = 0;
    const server = await serving(adapter, () => (runs++, make()), { observer: watch.observer });
    const client = await server.get();
    expect(await client.over()).toBe("ended");
    expect(eventsOf(client.text)).toEqual([{ data: "1" }, { data: "2" }, { data: "3" }]);
    const frames = framesOf(client.text);
    expect(frames[0]).toHaveProperty("retry");
    const id = frames.at(-1)?.id;
    expect(frames.at(-1)).toEqual({ id });
    expect(id).toMatch(TERMINAL_ID);
    await eventually(() => expect(reasonsOf(watch)).toEqual(["closed"]));

    const again = await server.get({ headers: { "last-event-id": id ?? "" } });
    expect(again.status).toBe(204);
    expect(await again.over()).toBe("ended");
    expect(watch.opened).toBe(1);
    expect(runs).toBe(2);
  });

  test("with the ids that it gives, and tells it where the client was", async () => {
    async function* from({ lastEventId }: BareConnection): AsyncGenerator<SseEvent> {
      yield { id: `${Number(lastEventId ?? 0) + 1}`, event: "row", data: { seen: lastEventId ?? null } };
    }
    const server = await serving(adapter, () => from);
    const first = await server.get();
    expect(await first.over()).toBe("ended");
    expect(eventsOf(first.text)).toEqual([{ event: "row", id: "1", data: '{"seen":null}' }]);
    const second = await server.get({ headers: { "last-event-id": "41" } });
    expect(await second.over()).toBe("ended");
    expect(eventsOf(second.text)).toEqual([{ event: "row", id: "42", data: '{"seen":"41"}' }]);
  });

  test.each<[string, (error: unknown) => BareSource]>([
    [
      "a generator",
      (error) =>
        (async function* (): AsyncGenerator<SseEvent> {
          yield { data: "before" };
          throw error;
        })(),
    ],
    [
      "a function",
      (error) => (connection) => {
        connection.push({ data: "before" });
        throw error;
      },
    ],
    [
      "a function that promises",
      (error) => async (connection) => {
        connection.push({ data: "before" });
        await Promise.reject(error as Error);
      },
    ],
  ])("that throws, and keeps its text to itself: %s", async (_name, make) => {
    const watch = createWatch();
    const error = new Error("password authentication failed for user postgres");
    const server = await serving(adapter, () => make(error), { observer: watch.observer });
    const client = await server.get();
    expect(await client.over()).toBe("ended");
    expect(eventsOf(client.text)).toEqual([{ data: "before" }]);
    expect(dataOf(client.text, "stream.error")).toEqual({
      code: "SOURCE_FAILED",
      message: "The stream failed.",
      retryable: false,
    });
    expect(framesOf(client.text).at(-1)?.id).toMatch(TERMINAL_ID);
    expect(client.text).not.toContain("postgres");
    expect(watch.failed).toMatchObject([{ stage: "source", error }]);
    await eventually(() => expect(reasonsOf(watch)).toEqual(["failed"]));
  });

  test("that tells of an error and goes on", async () => {
    const source: BareSource = (async function* () {
      yield new HoldfastError("SOURCE_FAILED", "The model is busy.", { retryable: true, retryAfter: 2_000 });
      yield { data: "after" };
    })();
    const server = await serving(adapter, () => source);
    const client = await server.get();
    expect(await client.over()).toBe("ended");
    expect(dataOf(client.text, "stream.error")).toEqual({
      code: "SOURCE_FAILED",
      message: "The model is busy.",
      retryable: true,
      retryAfter: 2_000,
    });
    expect(eventsOf(client.text)).toEqual([{ data: "after" }]);
  });

  describe("and lets it go at once when its client leaves", () => {
    test.each(adapter.leavings)("a generator that is quiet: %s", async (leave) => {
      const watch = createWatch();
      let finished = false;
      async function* source({ signal }: BareConnection): AsyncGenerator<SseEvent> {
        try {
          yield { data: "one" };
          await aborted(signal);
        } finally {
          finished = true;
        }
      }
      const server = await serving(adapter, () => source, { observer: watch.observer });
      const client = await server.get();
      await client.until("data: one\n\n");
      client[leave]?.();
      await eventually(() => expect(finished).toBe(true), 1_000);
      await eventually(() => expect(reasonsOf(watch)).toEqual(["disconnected"]));
      expect(watch.failed).toEqual([]);
    });

    test.each(adapter.leavings)("a generator that yields from time to time: %s", async (leave) => {
      let finished = false;
      async function* source(): AsyncGenerator<SseEvent> {
        try {
          for (let count = 0; ; count++) {
            yield { data: count };
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        } finally {
          finished = true;
        }
      }
      const server = await serving(adapter, () => source());
      const client = await server.get();
      await client.until("data: 3\n\n");
      client[leave]?.();
      await eventually(() => expect(finished).toBe(true), 1_000);
    });

    test("a web stream", async () => {
      let cancelled = false;
      const server = await serving(
        adapter,
        () =>
          new ReadableStream<SseEvent>({
            start: (controller) => controller.enqueue({ data: "one" }),
            cancel() {
              cancelled = true;
            },
          }),
      );
      const client = await server.get();
      await client.until("data: one\n\n");
      client.cut();
      await eventually(() => expect(cancelled).toBe(true), 1_000);
    });

    test("a function, by its cleanup, once", async () => {
      let cleaned = 0;
      const server = await serving(adapter, () => (connection) => {
        connection.push({ data: "one" });
        return () => void cleaned++;
      });
      const client = await server.get();
      await client.until("data: one\n\n");
      client.cut();
      await eventually(() => expect(cleaned).toBe(1), 1_000);
      await eventually(() => expect(server.handling).toBe(0));
      expect(cleaned).toBe(1);
    });
  });
});
