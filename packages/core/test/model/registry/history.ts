import fc from "fast-check";
import type { IfExists } from "../../../src/stream/stream-host.ts";

/** The options of the registry: a `snapshot` function that asks a database, a `source` function, both or neither. */
export interface Setup {
  /** `prompt`: answers at once. `slow`: answers when the history says so. */
  readonly database: "none" | "prompt" | "slow";
  readonly sources: boolean;
}

/**
 * How a producer fails: with an error that is `final`, one that is `retryable`, or any other; by leaving a `using` block; or
 * with a `retryWithin` that says whether the job is run again, whatever the error.
 */
export type Failure = "error" | "retryable" | "final" | "disposed" | "retried later" | "not retried";

/** One thing that happens to the registry. Numbers select a stream, a client or a query. */
export type Step =
  | {
      readonly do: "open";
      readonly stream: number;
      readonly ifExists: IfExists;
      readonly retryWindow: number;
      /** Whether the writer reads a source by `pipe`. */
      readonly isPiped: boolean;
      /** How many producers open it, one after the other. */
      readonly times: number;
      /** Whether the last of them ends it at once. */
      readonly isEmpty: boolean;
    }
  | { readonly do: "end"; readonly stream: number }
  | { readonly do: "fail"; readonly stream: number; readonly how: Failure }
  | { readonly do: "cancel"; readonly stream: number; readonly grace: number }
  /** By a producer that has lost the stream to another one. */
  | { readonly do: "act late"; readonly stream: number; readonly how: "push" | "end" | "fail" }
  | { readonly do: "break source"; readonly stream: number; readonly isRetried: boolean }
  | { readonly do: "push"; readonly stream: number; readonly count: number }
  | {
      readonly do: "connect";
      readonly client: number;
      readonly cursor: "own" | "none" | "invalid" | "ahead" | "slightly ahead" | "other epoch" | "terminal";
      /** Connects with `from: "now"`. */
      readonly now: boolean;
      /** The client has left before it is served. */
      readonly aborted: boolean;
      /** The user has logged out before the client is served. */
      readonly loggedOut: boolean;
    }
  | { readonly do: "leave"; readonly client: number; readonly charactersRead: number }
  | {
      readonly do: "subscribe";
      readonly stream: number;
      readonly slow: boolean;
      /** Continues where the latest subscriber has got to. */
      readonly isResumed: boolean;
    }
  | { readonly do: "stall" | "drain" | "drain once" | "log out"; readonly client: number }
  | {
      readonly do: "save row";
      readonly stream: number;
      readonly is:
        | "none"
        | "pending"
        | "running without position"
        | "running"
        | "finished"
        | "throwing"
        | "not encodable";
      readonly number: number;
    }
  | { readonly do: "answer query"; readonly query: number; readonly stale: boolean }
  | { readonly do: "advance"; readonly ms: number }
  | { readonly do: "flush" }
  | { readonly do: "close"; readonly grace: number; readonly deadline: number };

export interface History {
  readonly setup: Setup;
  readonly steps: Step[];
  readonly seed: number;
}

export const STREAMS = 3;
/** The last stream is a channel. */
export const CHANNEL: number = STREAMS - 1;
export const CHANNEL_ID = "channel";
export const CLIENTS = 6;

export const streamId = (stream: number): string => (stream === CHANNEL ? CHANNEL_ID : `job-${stream}`);

// Most happens to one stream and its clients, so that the steps of a history have to do with each other.
const stream = fc.constantFrom(0, 0, 0, 1, CHANNEL);
const client = fc.nat(CLIENTS / STREAMS - 1).chain((n) => stream.map((of) => n * STREAMS + of));

interface Weighted {
  readonly weight: number;
  readonly arbitrary: fc.Arbitrary<unknown>;
}

const commonSteps: Weighted[] = [
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("open"),
      stream,
      ifExists: fc.constantFrom("throw", "throw", "replace", "append", "append"),
      retryWindow: fc.constantFrom(0, 600, 2_000),
      isPiped: fc.boolean(),
      // A registry understands the cursors of the last eight producers.
      times: fc.integer({ min: 0, max: 15 }).map((n) => (n === 15 ? 10 : 1)),
      isEmpty: fc.integer({ min: 0, max: 15 }).map((n) => n === 15),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("end"), stream }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("fail"),
      stream,
      how: fc.constantFrom(
        "error",
        "error",
        "retryable",
        "final",
        "disposed",
        "retried later",
        "not retried",
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("cancel"), stream, grace: fc.constantFrom(0, 0, 400) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("act late"),
      stream,
      how: fc.constantFrom("push", "push", "end", "fail"),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("push"), stream, count: fc.integer({ min: 1, max: 12 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("connect"),
      client,
      cursor: fc.oneof(
        { weight: 8, arbitrary: fc.constant("own") },
        fc.constantFrom(
          "none",
          "invalid",
          "ahead",
          "slightly ahead",
          "slightly ahead",
          "slightly ahead",
          "other epoch",
          "terminal",
        ),
      ),
      now: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
      aborted: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
      loggedOut: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("subscribe"),
      stream,
      slow: fc.boolean(),
      isResumed: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("leave"), client, charactersRead: fc.nat(2_000) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("stall", "drain", "drain once"), client }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("log out"), client }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("advance"), ms: fc.constantFrom(1, 50, 300, 1_000, 4_000) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("flush") }) },
];

const databaseSteps: Weighted = {
  weight: 8,
  arbitrary: fc.record({
    do: fc.constant("save row"),
    stream,
    is: fc.constantFrom(
      "none",
      "pending",
      "running without position",
      "running",
      "running",
      "finished",
      "finished",
      "finished",
      "throwing",
      "not encodable",
    ),
    number: fc.nat(12),
  }),
};

/** Streams about which a database is asked while they have readers. */
const interruptions: Weighted = {
  weight: 2,
  arbitrary: fc.record({ do: fc.constant("fail"), stream, how: fc.constant("error") }),
};

/** Long enough that a look-up is late and that an answer is out of date. */
const longWaits: Weighted = {
  weight: 4,
  arbitrary: fc.record({ do: fc.constant("advance"), ms: fc.constantFrom(1_000, 2_000) }),
};

const slowDatabaseSteps: Weighted[] = [
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("answer query"), query: fc.nat(3), stale: fc.boolean() }),
  },
  {
    // About a client that cannot continue, the database is asked although its stream is there.
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("connect"),
      client,
      cursor: fc.constantFrom("other epoch", "invalid"),
      now: fc.constant(false),
      aborted: fc.constant(false),
      loggedOut: fc.constant(false),
    }),
  },
];

const sourceSteps: Weighted = {
  weight: 1,
  arbitrary: fc.record({ do: fc.constant("break source"), stream, isRetried: fc.boolean() }),
};

const close = fc.record({
  do: fc.constant("close"),
  grace: fc.constantFrom(0, 0, 300, 2_000),
  deadline: fc.constantFrom(0, 100, 2_000),
});

function historiesOf(setup: Setup): fc.Arbitrary<History> {
  const step = fc.oneof(
    ...commonSteps,
    ...(setup.database === "none" ? [] : [databaseSteps, interruptions, longWaits]),
    ...(setup.database === "slow" ? slowDatabaseSteps : []),
    ...(setup.sources ? [sourceSteps] : []),
  );
  return fc
    .record({
      before: fc.array(step, { maxLength: 60, size: "max" }),
      closing: fc.option(close),
      after: fc.array(fc.oneof({ weight: 12, arbitrary: step }, close), { maxLength: 10 }),
      seed: fc.nat(),
    })
    .map(({ before, closing, after, seed }) => ({
      setup,
      steps: [...before, ...(closing === null ? [] : [closing]), ...after] as Step[],
      seed,
    }));
}

/** Histories of every setup. In some of them the registry is closed before the end, once or more often. */
export const histories: fc.Arbitrary<History> = fc.oneof(
  { weight: 3, arbitrary: historiesOf({ database: "none", sources: false }) },
  { weight: 2, arbitrary: historiesOf({ database: "prompt", sources: false }) },
  { weight: 2, arbitrary: historiesOf({ database: "slow", sources: false }) },
  { weight: 2, arbitrary: historiesOf({ database: "none", sources: true }) },
  { weight: 1, arbitrary: historiesOf({ database: "prompt", sources: true }) },
  { weight: 1, arbitrary: historiesOf({ database: "slow", sources: true }) },
);
