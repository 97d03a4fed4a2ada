import { type BareConnection, type BareSource, HoldfastError, type SseEvent } from "@holdfast/core";
import type { Gate } from "./gate.ts";

/** What became of the bare sources of a stage. */
export interface Runs {
  begun: number;
  /** Events that were asked for. */
  pulled: number;
  /** Sources that were let go, or came to their end. */
  finished: number;
  /** Sources whose signal aborted. */
  aborted: number;
}

/** Of an event that a source is asked for in great numbers, in characters. */
export const NUMBER_SIZE = 16_000;
/** How many there are: more than any transport would keep for a client that reads nothing. */
export const NUMBERS = 4_096;

type Make = (runs: Runs, gate: Gate) => BareSource;

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
  | "telling"
  | "numbers"
  | "flood";

/** Sources without a stream, by what they do. */
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

  /** A generator that says nothing. */
  quiet: (runs) =>
    counted(runs, async function* ({ signal }) {
      await aborted(signal);
      if (!signal.aborted) yield {};
    }),
  /** A function that says nothing. */
  silent: () => () => undefined,
  /** A generator with one event. */
  one: (runs) =>
    counted(runs, async function* ({ signal }) {
      yield { data: "one" };
      await aborted(signal);
    }),
  /** A generator that yields from time to time, and does not look at its signal. */
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
  /** A function whose set-up takes as long as the gate is shut. */
  settingUp: (runs, gate) => async (connection) => {
    begin(runs, connection);
    await gate.passed;
    return () => void runs.finished++;
  },

  /** Rows behind the one that the client has. */
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
  /** Tells of an error, and goes on. */
  telling: () =>
    (async function* (): AsyncGenerator<SseEvent | HoldfastError> {
      yield new HoldfastError("SOURCE_FAILED", "The model is busy.", { retryable: true, retryAfter: 2_000 });
      yield { data: "after" };
    })(),

  /** Many events, each when it is asked for. */
  numbers: (runs) =>
    counted(runs, async function* () {
      while (runs.pulled < NUMBERS) yield { id: String(++runs.pulled), data: "x".repeat(NUMBER_SIZE) };
    }),
  /** Pushes faster than anybody reads. */
  flood: (runs) => (connection) => {
    begin(runs, connection);
    const timer = setInterval(() => {
      for (let count = 0; count < 16; count++) connection.push({ data: "x".repeat(NUMBER_SIZE) });
    }, 1);
    return () => {
      clearInterval(timer);
      runs.finished++;
    };
  },
};

/** What an error says that no client may read. */
export const SECRET = "password authentication failed for user postgres";

const THREE = ["1", "2", "3"];

async function* three(): AsyncGenerator<SseEvent> {
  for (const data of THREE) yield { data };
}

function begin(runs: Runs, { signal }: BareConnection): void {
  runs.begun++;
  signal.addEventListener("abort", () => void runs.aborted++, { once: true });
}

function counted(
  runs: Runs,
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
