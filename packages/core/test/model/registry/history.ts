import fc from "fast-check";

/** The options of the registry: a `snapshot` function that asks a database, a `source` function, both or neither. */
export interface Setup {
  /** `prompt`: answers at once. `slow`: answers when the history says so. */
  readonly database: "none" | "prompt" | "slow";
  readonly sources: boolean;
}

/** One thing that happens to the registry. Numbers select a stream, a client or a query. */
export type Step =
  | { readonly do: "open" | "end" | "fail" | "cancel" | "break source"; readonly stream: number }
  | { readonly do: "push"; readonly stream: number; readonly count: number }
  | {
      readonly do: "connect";
      readonly client: number;
      readonly cursor: "own" | "none" | "invalid" | "ahead" | "other epoch" | "terminal";
      /** Connects with `from: "now"`. */
      readonly now: boolean;
      /** The client has left before it is served. */
      readonly aborted: boolean;
      /** The user has logged out before the client is served. */
      readonly loggedOut: boolean;
    }
  | { readonly do: "leave"; readonly client: number; readonly charactersRead: number }
  | { readonly do: "subscribe"; readonly stream: number; readonly slow: boolean }
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
  | { readonly do: "close"; readonly deadline: number };

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

const stream = fc.nat(STREAMS - 1);
const client = fc.nat(CLIENTS - 1);

interface Weighted {
  readonly weight: number;
  readonly arbitrary: fc.Arbitrary<unknown>;
}

const commonSteps: Weighted[] = [
  { weight: 4, arbitrary: fc.record({ do: fc.constant("open"), stream }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("end", "fail", "cancel"), stream }) },
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
        fc.constantFrom("none", "invalid", "ahead", "other epoch", "terminal"),
      ),
      now: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
      aborted: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
      loggedOut: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("subscribe"), stream, slow: fc.boolean() }) },
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
      "throwing",
      "not encodable",
    ),
    number: fc.nat(12),
  }),
};

/** Long enough that a look-up is late and that an answer is out of date. */
const longWaits: Weighted = {
  weight: 4,
  arbitrary: fc.record({ do: fc.constant("advance"), ms: fc.constantFrom(1_000, 2_000) }),
};

const slowDatabaseSteps: Weighted = {
  weight: 8,
  arbitrary: fc.record({ do: fc.constant("answer query"), query: fc.nat(3), stale: fc.boolean() }),
};

const sourceSteps: Weighted = {
  weight: 1,
  arbitrary: fc.record({ do: fc.constant("break source"), stream }),
};

const close = fc.record({ do: fc.constant("close"), deadline: fc.constantFrom(0, 100, 2_000) });

function historiesOf(setup: Setup): fc.Arbitrary<History> {
  const step = fc.oneof(
    ...commonSteps,
    ...(setup.database === "none" ? [] : [databaseSteps, longWaits]),
    ...(setup.database === "slow" ? [slowDatabaseSteps] : []),
    ...(setup.sources ? [sourceSteps] : []),
  );
  return fc
    .record({
      before: fc.array(step, { maxLength: 60, size: "max" }),
      closing: fc.option(close),
      after: fc.array(step, { maxLength: 10 }),
      seed: fc.nat(),
    })
    .map(({ before, closing, after, seed }) => ({
      setup,
      steps: [...before, ...(closing === null ? [] : [closing]), ...after] as Step[],
      seed,
    }));
}

/** Histories of every setup. In some of them the registry is closed before the end. */
export const histories: fc.Arbitrary<History> = fc.oneof(
  { weight: 3, arbitrary: historiesOf({ database: "none", sources: false }) },
  { weight: 2, arbitrary: historiesOf({ database: "prompt", sources: false }) },
  { weight: 2, arbitrary: historiesOf({ database: "slow", sources: false }) },
  { weight: 2, arbitrary: historiesOf({ database: "none", sources: true }) },
  { weight: 1, arbitrary: historiesOf({ database: "prompt", sources: true }) },
  { weight: 1, arbitrary: historiesOf({ database: "slow", sources: true }) },
);
