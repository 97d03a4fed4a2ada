import { type BareConnection, type BareSource, HoldfastError, type SseEvent } from "@holdfast/core";
import type { Barrier } from "./barrier.ts";

/** Counts what happens to the bare sources of a test. */
export interface BareRuns {
  begun: number;
  /** Events that were pulled. */
  pulled: number;
  /** Sources that returned or were cleaned up. */
  finished: number;
  /** Sources whose signal aborted. */
  aborted: number;
}

/** The size of an event of `numbers` and `flood`, in characters. */
export const EVENT_SIZE = 16_000;
/** How many events `numbers` has: more than any transport buffers for a client that does not read. */
export const EVENT_COUNT = 4_096;

type Make = (runs: BareRuns, barrier: Barrier) => BareSource;

export type BareName =
  | "generator"
  | "functionOfGenerator"
  | "promiseOfGenerator"
  | "webStream"
  | "pushing"
  | "pushingLater"
  | "quiet"
  | "silent"
  | "one"
  | "ticking"
  | "openWebStream"
  | "pushingOne"
  | "settingUp"
  | "rows"
  | "throwingGenerator"
  | "throwingFunction"
  | "rejectingFunction"
  | "throwingRetryable"
  | "throwingForGood"
  | "failing"
  | "failingForGood"
  | "invalidEvent"
  | "yieldingError"
  | "numbers"
  | "flood";

/** Bare sources, by what they do. */
export const bareSources: Readonly<Record<BareName, Make>> = {
  generator: () => three(),
  functionOfGenerator: () => three,
  promiseOfGenerator: () => async () => three(),
  webStream: () => ReadableStream.from<SseEvent>(three()),
  pushing:
    () =>
    ({ push, close }) => {
      for (const data of THREE) push({ data });
      close();
    },
  pushingLater:
    () =>
    ({ push, close }) => {
      const timer = setTimeout(() => {
        for (const data of THREE) push({ data });
        close();
      }, 1);
      return () => clearTimeout(timer);
    },

  /** A generator without events. */
  quiet: (runs) =>
    counted(runs, async function* ({ signal }) {
      await aborted(signal);
      if (!signal.aborted) yield {};
    }),
  /** A function that pushes nothing. */
  silent: () => () => undefined,
  /** A generator with one event. */
  one: (runs) =>
    counted(runs, async function* ({ signal }) {
      yield { data: "one" };
      await aborted(signal);
    }),
  /** A generator that yields every millisecond and ignores its signal. */
  ticking: (runs) =>
    counted(runs, async function* () {
      for (let count = 0; ; count++) {
        yield { data: count };
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }),
  /** A web stream with one event. */
  openWebStream: (runs) => {
    runs.begun++;
    return new ReadableStream<SseEvent>({
      start: (controller) => controller.enqueue({ data: "one" }),
      cancel: () => void runs.finished++,
    });
  },
  /** A function that pushes one event. */
  pushingOne: (runs) => (connection) => {
    begin(runs, connection);
    connection.push({ data: "one" });
    return () => void runs.finished++;
  },
  /** A function whose set-up waits for the barrier. */
  settingUp: (runs, barrier) => async (connection) => {
    begin(runs, connection);
    await barrier.opened;
    return () => void runs.finished++;
  },

  /** The row after the one that the client has. */
  rows: () =>
    async function* ({ lastEventId }) {
      yield { id: `${Number(lastEventId ?? 0) + 1}`, event: "row", data: { seen: lastEventId ?? null } };
    },

  throwingGenerator: () =>
    (async function* (): AsyncGenerator<SseEvent> {
      yield { data: "before" };
      throw new Error(SECRET);
    })(),
  throwingFunction: () => (connection) => {
    connection.push({ data: "before" });
    throw new Error(SECRET);
  },
  rejectingFunction: () => async (connection) => {
    connection.push({ data: "before" });
    throw new Error(SECRET);
  },
  throwingRetryable: () =>
    (async function* (): AsyncGenerator<SseEvent> {
      yield { data: "before" };
      throw new HoldfastError("SOURCE_FAILED", SECRET, { retryable: true, retryAfter: 2_000, expose: false });
    })(),
  /** Throws an error of its own that is not retryable. */
  throwingForGood: () =>
    (async function* (): AsyncGenerator<SseEvent> {
      yield { data: "before" };
      throw deleted();
    })(),
  failing:
    () =>
    ({ push, fail }) => {
      push({ data: "before" });
      fail(new Error(SECRET));
    },
  failingForGood:
    () =>
    ({ push, fail }) => {
      push({ data: "before" });
      fail(deleted());
    },
  /** Sends an event that cannot be encoded. */
  invalidEvent:
    () =>
    ({ push }) => {
      push({ data: "before" });
      push({ event: "two\nlines", data: "after" });
    },
  /** Yields an error, and continues. */
  yieldingError: () =>
    (async function* (): AsyncGenerator<SseEvent | HoldfastError> {
      yield new HoldfastError("SOURCE_FAILED", "The model is busy.", { retryable: true, retryAfter: 2_000 });
      yield { data: "after" };
    })(),

  /** Many events, each when it is pulled. */
  numbers: (runs) =>
    counted(runs, async function* () {
      while (runs.pulled < EVENT_COUNT) yield { id: String(++runs.pulled), data: "x".repeat(EVENT_SIZE) };
    }),
  /** Pushes faster than a client reads. */
  flood: (runs) => (connection) => {
    begin(runs, connection);
    const timer = setInterval(() => {
      for (let count = 0; count < 16; count++) connection.push({ data: "x".repeat(EVENT_SIZE) });
    }, 1);
    return () => {
      clearInterval(timer);
      runs.finished++;
    };
  },
};

/** The text of an internal error, which no client may receive. */
export const SECRET = "password authentication failed for user postgres";

const deleted = (): HoldfastError => new HoldfastError("GONE", "The report was deleted.");

const THREE = ["1", "2", "3"];

async function* three(): AsyncGenerator<SseEvent> {
  for (const data of THREE) yield { data };
}

function begin(runs: BareRuns, { signal }: BareConnection): void {
  runs.begun++;
  signal.addEventListener("abort", () => void runs.aborted++, { once: true });
}

function counted(
  runs: BareRuns,
  source: (connection: BareConnection) => AsyncGenerator<SseEvent>,
): (connection: BareConnection) => AsyncGenerator<SseEvent> {
  return async function* (connection) {
    begin(runs, connection);
    try {
      yield* source(connection);
    } finally {
      runs.finished++;
    }
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
